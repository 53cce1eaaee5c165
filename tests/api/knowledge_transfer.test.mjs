/** @file Import and export of knowledge: real files, hostile files, errors to correct, jobs that are killed. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { crc32, deflateRawSync } from 'node:zlib';
import ExcelJS from 'exceljs';
import SheetJS from 'xlsx';
import { Client, OPS, Server, World, assertProblem, eventually, temporaryFolder } from './harness.mjs';

/** @type {World} */
let world;
before(async () => {
  world = await World.open();
});
after(() => world.close());

const XLSX_TYPE = 'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet';
const ROWS_SHARING = 1000;
const SMALL_MEMORY_KIB = 256 * 1024; // of a server that has been given every hostile file
const hasSanitizer = (process.env.KIMONO_TEST_PATIENCE ?? '1') !== '1';

let tenants = 0;
/** A tenant of its own, so that no test counts another's pairs. */
async function newTenant() {
  const json = { id: `transfer-${++tenants}`, name: `导入店 ${tenants}` };
  await world.admin.must('POST', `${OPS}/tenants`, { json, status: 201 });
  return json.id;
}

/**
 * @param {string | Buffer} content
 * @param {string} name
 * @param {Record<string, string>} fields
 */
function formOf(content, name, fields) {
  const form = new FormData();
  for (const [key, value] of Object.entries(fields)) form.append(key, value);
  form.append('file', new File([/** @type {any} */ (content)], name));
  return form;
}

/**
 * Asks for an import and waits for its end.
 * @param {string} tenant
 * @param {string | Buffer} content
 * @param {Record<string, string> & { name?: string }} [fields]
 */
async function importInto(tenant, content, { name = 'pairs.csv', ...fields } = {}) {
  const form = formOf(content, name, { tenant_id: tenant, ...fields });
  return world.admin.send('POST', `${OPS}/knowledge/import`, { form, headers: { Prefer: 'wait=60' } });
}

/**
 * "total created updated skipped failed" of an import that must succeed.
 * @param {string} tenant
 * @param {string | Buffer} content
 * @param {Record<string, string> & { name?: string }} [fields]
 */
async function figures(tenant, content, fields) {
  const answer = await importInto(tenant, content, fields);
  assert.equal(answer.status, 200, answer.text);
  assert.equal(answer.json.status, 'succeeded', answer.text);
  const { total, created, updated, skipped, failed } = answer.json.result;
  assert.deepEqual(answer.json.progress, { done: total, total });
  return `${total} ${created} ${updated} ${skipped} ${failed}`;
}

/** @param {string} tenant */
async function pairsOf(tenant) {
  const pairs = [];
  for (let cursor = ''; ;) {
    const path = `${OPS}/knowledge/qa-pairs?tenant_id=${tenant}&sort=id&page_size=200${cursor}`;
    const list = await world.admin.must('GET', path);
    pairs.push(...list.items);
    if (!list.next_cursor) return pairs;
    cursor = `&cursor=${encodeURIComponent(list.next_cursor)}`;
  }
}

/** @param {string} tenant */
const textsOf = async (tenant) =>
  (await pairsOf(tenant)).map(({ question, answer, category }) => ({ question, answer, category }));

/** @param {unknown[][]} rows */
async function byExcelJs(rows) {
  const book = new ExcelJS.Workbook();
  book.addWorksheet('数据').addRows(rows);
  return Buffer.from(await book.xlsx.writeBuffer());
}

/** @param {unknown[][]} rows */
function bySheetJs(rows) {
  const book = SheetJS.utils.book_new();
  SheetJS.utils.book_append_sheet(book, SheetJS.utils.aoa_to_sheet(rows), '数据');
  return SheetJS.write(book, { type: 'buffer', bookType: 'xlsx', bookSST: true });
}

/** @param {string[][]} rows */
const csvOf = (rows) =>
  rows.map((row) => row.map((text) => `"${text.replaceAll('"', '""')}"`).join(',')).join('\r\n') + '\r\n';

const ROWS = [
  ['门店', 'Answer', '问题', '分类'],
  ['浅草', '每天三百元', '和服多少钱', '价格'],
  ['浅草', '早上九点\n到下午六点', '几点开门？ 😀', '门店'],
  ['京都', '', '没有答案的问题', ''],
];
const TEXTS = [
  { question: '和服多少钱', answer: '每天三百元', category: '价格' },
  { question: '几点开门？ 😀', answer: '早上九点\n到下午六点', category: '门店' },
  { question: '没有答案的问题', answer: '', category: '' },
];

describe('an import', () => {
  test('takes the same rows from every kind of file', async () => {
    const text = csvOf(ROWS);
    const files = {
      'a.csv': text,
      'b.csv': `\uFEFF${text}`,
      'c.tsv': ROWS.map((row) => row.map((cell) => (/\n/.test(cell) ? `"${cell}"` : cell)).join('\t')).join('\n'),
      'utf16.csv': Buffer.concat([Buffer.from([0xff, 0xfe]), Buffer.from(text, 'utf16le')]),
      'exceljs.xlsx': await byExcelJs(ROWS),
      'sheetjs.xlsx': bySheetJs(ROWS),
      'wrong-name.csv': await byExcelJs(ROWS),
      'wrong-name.xlsx': text,
    };
    for (const [name, content] of Object.entries(files)) {
      const tenant = await newTenant();
      assert.equal(await figures(tenant, content, { name }), '3 3 0 0 0', name);
      assert.deepEqual(await textsOf(tenant), TEXTS, name);
      assert.equal(await figures(tenant, content, { name }), '3 0 0 3 0', name);
    }
  });

  test('knows its modes, and a dry run changes nothing', async () => {
    const tenant = await newTenant();
    const first = 'question,answer\nq1,a1\nq2,a2\n';
    const second = 'question,answer\nq1,b1\nq2,a2\nq3,a3\n';
    assert.equal(await figures(tenant, first, { dry_run: 'true' }), '2 2 0 0 0');
    assert.deepEqual(await textsOf(tenant), []);
    assert.equal(await figures(tenant, first), '2 2 0 0 0');
    assert.equal(await figures(tenant, second, { dry_run: 'true' }), '3 1 1 1 0');
    assert.equal(await figures(tenant, second, { mode: 'create', dry_run: 'true' }), '3 1 0 0 2');
    assert.equal(await figures(tenant, second, { mode: 'skip' }), '3 1 0 2 0');
    assert.equal(await figures(tenant, second, { mode: 'upsert' }), '3 0 1 2 0');
    assert.deepEqual(
      (await pairsOf(tenant)).map(({ question, answer, source, is_synced }) => [question, answer, source, is_synced]),
      [
        ['q1', 'b1', 'import', false],
        ['q2', 'a2', 'import', false],
        ['q3', 'a3', 'import', false],
      ],
    );
  });

  test('goes by place where no heading is known, and as it is told', async () => {
    const tenant = await newTenant();
    assert.equal(await figures(tenant, 'q1,a1,c1\nq2,a2,\n'), '2 2 0 0 0');
    const columns = JSON.stringify({ answer: 0, question: 2, heading: true });
    assert.equal(await figures(tenant, 'Antwort,Nr,Frage\na3,1,q3\n', { columns }), '1 1 0 0 0');
    assert.deepEqual(await textsOf(tenant), [
      { question: 'q1', answer: 'a1', category: 'c1' },
      { question: 'q2', answer: 'a2', category: '' },
      { question: 'q3', answer: 'a3', category: '' },
    ]);
    for (const wrong of ['[]', '{"question":0}', '{"question":0,"answer":0}', '{"question":-1,"answer":1}', '{'])
      assertProblem(await importInto(tenant, 'q,a\n', { columns: wrong }), 422, 'invalid', ['columns']);
  });

  test('reads the sheet that is asked for', async () => {
    const tenant = await newTenant();
    const book = new ExcelJS.Workbook();
    book.addWorksheet('空');
    book.addWorksheet('一').addRows([
      ['问题', '答案'],
      ['q1', 'a1'],
    ]);
    book.addWorksheet('二').addRows([
      ['问题', '答案'],
      ['q2', 'a2'],
    ]);
    const content = Buffer.from(await book.xlsx.writeBuffer());
    assert.equal(await figures(tenant, content, { name: 'b.xlsx' }), '1 1 0 0 0');
    assert.equal(await figures(tenant, content, { name: 'b.xlsx', sheet: '二' }), '1 1 0 0 0');
    assert.deepEqual(
      (await textsOf(tenant)).map(({ question }) => question),
      ['q1', 'q2'],
    );
    assertProblem(await importInto(tenant, content, { name: 'b.xlsx', sheet: '三' }), 422, 'invalid', ['file']);
  });

  test('gives the rows that failed as a file, which is corrected and imported', async () => {
    const tenant = await newTenant();
    const rows = [
      ['编号', '问题', '答案', '分类'],
      ['1', '好的', '回答', '甲'],
      ['2', '', '没有问题', '乙'],
      ['3', '=HYPERLINK("x")', '回答', '长'.repeat(65)],
    ];
    const answer = await importInto(tenant, csvOf(rows));
    assert.equal(answer.json.status, 'succeeded', answer.text);
    const { id, result } = answer.json;
    assert.deepEqual([result.total, result.created, result.failed], [3, 1, 2]);
    assert.deepEqual(
      result.errors.map((/** @type {any} */ error) => [error.row, error.column, typeof error.message]),
      [
        [3, 'question', 'string'],
        [4, 'category', 'string'],
      ],
    );
    const items = await world.viewer.must('GET', `${OPS}/jobs/${id}/items?outcome=failed`);
    assert.deepEqual(
      items.items.map((/** @type {any} */ item) => [item.seq, item.detail.column, item.detail.cells[0]]),
      [
        [3, 'question', '2'],
        [4, 'category', '3'],
      ],
    );
    const headers = { 'Accept-Language': 'zh-CN' };
    const file = await world.admin.get(`${OPS}/jobs/${id}/errors.csv`, { headers });
    assert.equal(file.status, 200);
    assert.match(file.headers['content-disposition'] ?? '', /attachment/);
    const [heading, , second] = file.text.split('\r\n');
    assert.equal(heading, '\uFEFF行号,错误,编号,问题,答案,分类');
    assert.ok(second.includes(`"'=HYPERLINK(""x"")"`), second);
    assertProblem(await world.viewer.get(`${OPS}/jobs/${id}/errors.csv`), 403, 'forbidden');

    assert.equal(await figures(tenant, file.body), '2 0 0 0 2');
    const corrected = file.text.replace('2,,没有问题', '2,有了问题,没有问题').replace('长'.repeat(65), '短');
    assert.equal(await figures(tenant, corrected), '2 2 0 0 0');
    assert.deepEqual(
      (await textsOf(tenant)).map(({ question }) => question),
      ['好的', '有了问题', '=HYPERLINK("x")'],
    );
  });

  test('masks what nobody has asked to see', async () => {
    const tenant = await newTenant();
    const { json } = await importInto(tenant, 'question,answer,category\n,请打 13800138000,x\n');
    const path = `${OPS}/jobs/${json.id}/items`;
    assert.equal((await world.admin.must('GET', `${path}?reveal=true`)).items[0].detail.cells[1], '请打 13800138000');
    assert.equal((await world.admin.must('GET', path)).items[0].detail.cells[1], '请打 138****8000');
    assert.equal((await world.viewer.must('GET', path)).items[0].detail.cells[1], '请打 138****8000');
  });

  test('is for administrators, and names what is wrong', async () => {
    const tenant = await newTenant();
    const content = 'question,answer\nq,a\n';
    for (const path of ['import', 'import/preview']) {
      const form = () => formOf(content, 'a.csv', path === 'import' ? { tenant_id: tenant } : {});
      for (const client of [world.viewer, world.shopAdmin, world.ingest])
        assertProblem(await client.send('POST', `${OPS}/knowledge/${path}`, { form: form() }), 403);
      assertProblem(await world.anyone.send('POST', `${OPS}/knowledge/${path}`, { form: form() }), 401);
      const json = { tenant_id: tenant };
      assertProblem(await world.admin.send('POST', `${OPS}/knowledge/${path}`, { json }), 415);
      const headers = { 'Content-Encoding': 'gzip' };
      const packed = await world.admin.send('POST', `${OPS}/knowledge/${path}`, { form: form(), headers });
      assertProblem(packed, 415);
    }
    assertProblem(await importInto('nobody', content), 422, 'invalid', ['tenant_id']);
    assertProblem(await importInto(tenant, content, { mode: 'replace' }), 422, 'invalid', ['mode']);
    const without = formOf('', 'x', { tenant_id: tenant });
    without.delete('file');
    assertProblem(await world.admin.send('POST', `${OPS}/knowledge/import`, { form: without }), 422, 'invalid', [
      'file',
    ]);
    assertProblem(await world.admin.get(`${OPS}/jobs/job_none/errors.csv`), 404, 'not-found');
  });

  test('reaches a suspended tenant', async () => {
    const tenant = await newTenant();
    await world.admin.must('POST', `${OPS}/tenants/${tenant}/suspend`, { json: { reason: '测试' } });
    assert.equal(await figures(tenant, 'question,answer\nq,a\n'), '1 1 0 0 0');
  });
});

test('the example of a proxy lets through what an import may send, and no more', async () => {
  const config = readFileSync(new URL('../../deploy/nginx.conf', import.meta.url), 'utf8');
  const [, megabytes] = /client_max_body_size (\d+)m;/.exec(config) ?? [];
  assert.ok(megabytes, config);
  /** What the server says to a form of so many bytes before any of them has come. @param {number} bytes */
  const announce = (bytes) =>
    new Promise((resolve, reject) => {
      const headers = {
        ...{ Authorization: `Bearer ${world.admin.token}`, Expect: '100-continue', 'Content-Length': bytes },
        'Content-Type': 'multipart/form-data; boundary=x',
      };
      const { port } = world.admin;
      const path = `${OPS}/knowledge/import/preview`;
      const sent = request({ host: '127.0.0.1', port, path, method: 'POST', headers, agent: false });
      const say = (/** @type {number | undefined} */ status) => {
        sent.on('error', () => {}).destroy();
        resolve(status);
      };
      sent.on('continue', () => say(100)).on('response', ({ statusCode }) => say(statusCode));
      sent.on('error', reject).flushHeaders();
    });
  const limit = Number(megabytes) * 1024 * 1024;
  assert.deepEqual([await announce(limit), await announce(limit + 1)], [100, 413]);
});

describe('a preview', () => {
  /**
   * @param {string | Buffer} content
   * @param {Record<string, string> & { name?: string }} [fields]
   */
  const preview = (content, { name = 'a.csv', ...fields } = {}) =>
    world.admin.must('POST', `${OPS}/knowledge/import/preview`, { form: formOf(content, name, fields) });

  test('shows the first rows and what each column is taken for', async () => {
    const rows = [['编号', '答案', '问题'], ...Array.from({ length: 30 }, (_, i) => [`${i}`, `a${i}`, `q${i}`])];
    const { columns, ...text } = await preview(csvOf(rows).replaceAll(',', ';'));
    assert.deepEqual([text.format, text.encoding, text.delimiter, text.sheet], ['csv', 'UTF-8', ';', null]);
    assert.deepEqual(
      columns.map((/** @type {any} */ one) => [one.place, one.heading, one.taken_for]),
      [
        [0, '编号', null],
        [1, '答案', 'answer'],
        [2, '问题', 'question'],
      ],
    );
    assert.equal(text.rows.length, 10);
    assert.deepEqual(text.rows[0].cells, ['0', 'a0', 'q0']);
    assert.deepEqual([text.total_rows_at_least, text.problem], [30, null]);
    const book = await preview(await byExcelJs(rows), { name: 'a.xlsx' });
    assert.deepEqual([book.format, book.encoding, book.sheets, book.sheet], ['xlsx', null, ['数据'], '数据']);
  });

  test('says why a file cannot be imported as it is, and shows it all the same', async () => {
    const one = await preview('分类,备注\nc,d\n');
    assert.match(one.problem, /no column 'question'/);
    assert.deepEqual(one.rows[0].cells, ['c', 'd']);
    assert.match((await preview('')).problem, /empty/);
    assert.match((await preview('问题,答案\n')).problem, /no row below the heading/);
    const columns = JSON.stringify({ question: 1, answer: 0, heading: true });
    assert.equal((await preview('分类,备注\nc,d\n', { columns })).problem, null);
  });
});

describe('what is not sure', () => {
  /** @type {(file: string | Buffer, fields?: Record<string, string>) => Promise<any>} */
  const preview = (file, fields = {}) =>
    world.admin.must('POST', `${OPS}/knowledge/import/preview`, { form: formOf(file, 'a.csv', fields) });

  test('of the encoding is asked, and told', async () => {
    const tenant = await newTenant();
    const file = Buffer.from('question,answer\nx,\xd2\xbb\n', 'latin1'); // 一 in GB18030
    const refused = await importInto(tenant, file);
    assertProblem(refused, 422, 'invalid', ['file']);
    assert.match(refused.json.detail, /encoding/);
    const seen = await preview(file);
    assert.equal(seen.asks_for, 'encoding');
    assert.ok(seen.encodings.includes('GB18030'), seen.encodings.join());
    const told = await preview(file, { encoding: 'GB18030' });
    assert.deepEqual([told.problem, told.asks_for, told.encodings], [null, null, []]);
    assert.deepEqual(told.rows[0].cells, ['x', '一']);
    assert.equal(await figures(tenant, file, { encoding: 'GB18030' }), '1 1 0 0 0');
    assert.deepEqual(await textsOf(tenant), [{ question: 'x', answer: '一', category: '' }]);
    assertProblem(await importInto(tenant, file, { encoding: 'EBCDIC' }), 422, 'invalid', ['encoding']);
  });

  test('of a heading is asked, and what was guessed is told in preview and result', async () => {
    const tenant = await newTenant();
    const below = '租金是多少钱一天？,三千九百日元。\n几点关门？,晚上八点。\n';
    const unknown = `foo,bar\n${below}`;
    assertProblem(await importInto(tenant, unknown), 422, 'invalid', ['file']);
    assert.equal((await preview(unknown)).asks_for, 'heading');
    assert.equal((await preview(unknown, { heading: 'yes' })).problem, null);
    assert.equal(await figures(tenant, unknown, { heading: 'yes' }), '2 2 0 0 0');
    assert.equal(await figures(tenant, unknown, { heading: 'no', dry_run: 'true' }), '3 1 0 2 0');
    const similar = `咨询问题示例,建议回答话术\n${below}`;
    const seen = await preview(similar);
    const { json } = await importInto(tenant, similar);
    for (const { warnings } of [seen, json.result])
      assert.deepEqual(
        warnings.map((/** @type {any} */ one) => one.code),
        ['heading'],
      );
    assert.equal(json.result.skipped, 2);
  });

  test('of whose rows they are is asked: an export of two shops changes nothing in either', async () => {
    const [a, b] = [await newTenant(), await newTenant()];
    await figures(a, '问题,答案\n两店都有的租金,3900日元\n');
    await figures(b, '问题,答案\n两店都有的租金,8800日元\n');
    const path = `${OPS}/knowledge/export?keyword=${encodeURIComponent('两店都有的租金')}`;
    for (const format of ['csv', 'xlsx']) {
      const { body } = await world.admin.get(`${path}&format=${format}`);
      for (const tenant of [a, b]) {
        const { json } = await importInto(tenant, body, { name: `all.${format}` });
        assert.deepEqual([json.result.updated, json.result.skipped, json.result.failed], [0, 1, 1]);
        assert.equal(json.result.errors[0].column, 'tenant_id');
        assert.deepEqual(
          json.result.warnings.map((/** @type {any} */ one) => [one.code, one.count]),
          [['other_tenants', 1]],
        );
      }
    }
    assert.equal((await textsOf(a))[0].answer, '3900日元');
    assert.equal((await textsOf(b))[0].answer, '8800日元');
  });

  test('of a number or a date is told with its rows', async () => {
    const tenant = await newTenant();
    const book = new ExcelJS.Workbook();
    const sheet = book.addWorksheet('数据');
    sheet.addRows([
      ['问题', '答案'],
      ['电话', 819012345678],
      ['身份证', 110101199003071230],
      ['开业', 46350],
      ['年号', 46350],
    ]);
    sheet.getCell('B4').numFmt = '[$-407]dddd, d. mmmm yyyy';
    sheet.getCell('B5').numFmt = '[$-411]ggge"年"m"月"d"日"';
    const { json } = await importInto(tenant, Buffer.from(await book.xlsx.writeBuffer()), { name: 'n.xlsx' });
    const list = await world.admin.must('GET', `${OPS}/knowledge/qa-pairs?tenant_id=${tenant}&sort=id&reveal=true`);
    assert.deepEqual(
      list.items.map((/** @type {any} */ one) => one.answer),
      ['819012345678', '110101199003071000', '2026-11-24', '令和8年11月24日'],
    );
    assert.deepEqual(
      json.result.warnings.map((/** @type {any} */ one) => [one.code, one.row, one.count]),
      [
        ['number_format', 4, 1],
        ['digits', 3, 1],
      ],
    );
  });

  test('of a workbook whose visible sheets are empty: the hidden ones are named', async () => {
    const tenant = await newTenant();
    const book = new ExcelJS.Workbook();
    book.addWorksheet('空');
    const hidden = book.addWorksheet('藏起来的', { state: 'hidden' });
    const content = async () => Buffer.from(await book.xlsx.writeBuffer());
    const see = async () =>
      (
        await world.admin.must('POST', `${OPS}/knowledge/import/preview`, {
          form: formOf(await content(), 'h.xlsx', {}),
        })
      ).problem;
    assert.match(await see(), /the file is empty/);
    hidden.addRows([
      ['问题', '答案'],
      ['q', 'a'],
    ]);
    assert.match(await see(), /only hidden sheets have rows \(“藏起来的”\)/);
    assert.equal(await figures(tenant, await content(), { name: 'h.xlsx', sheet: '藏起来的' }), '1 1 0 0 0');
  });

  test('on the command line stands on standard error', async () => {
    await world.store.must(['tenant', 'add', 'cli-unsure', 'U']);
    const folder = temporaryFolder();
    const file = join(folder, 'a.csv');
    writeFileSync(file, 'foo,bar\n租金是多少钱一天？,三千九百日元。\n');
    const command = ['import', file, '--tenant', 'cli-unsure'];
    const refused = await world.store.command(command);
    assert.deepEqual([refused.code, /looks like a heading/.test(refused.stderr)], [1, true], refused.stderr);
    assert.match(await world.store.must([...command, '--heading', 'yes', '--columns', '2,1']), /^1 rows: 1 created/);
    assert.deepEqual(await textsOf('cli-unsure'), [
      { question: '三千九百日元。', answer: '租金是多少钱一天？', category: '' },
    ]);
    writeFileSync(file, '咨询问题示例,建议回答话术\n几点关门？,晚上八点。\n');
    const warned = await world.store.command(command);
    assert.deepEqual([warned.code, /warning: the first row/.test(warned.stderr)], [0, true], warned.stderr);
    for (const wrong of [
      ['--encoding', 'x'],
      ['--heading', 'maybe'],
      ['--columns', '1'],
      ['--columns', '1,1'],
      ['--columns', '0,1'],
    ])
      assert.equal((await world.store.command([...command, ...wrong])).code, 2, wrong.join(' '));
  });
});

describe('an export', () => {
  const nasty = [
    '=1+1',
    '+8613800138000',
    '-5 度',
    '@某人',
    "'引号",
    "'=1",
    '\t制表'.trim(),
    '＝全角',
    '"引号"和,逗号;分号',
    '第一行\n第二行\r\n第三行',
    '中间  两个　空格',
    '表情 👨‍👩‍👧‍👦 𠮷',
    '长'.repeat(1999),
    '0012',
    '1e5',
    'TRUE',
    '2026-01-02',
    '_x000D_',
    '<b>&amp;</b>',
    'a\tb',
  ];

  test('imported again changes nothing, whatever the texts are', async () => {
    const tenant = await newTenant();
    const rows = [
      ['问题', '答案', '分类'],
      ...nasty.map((text, i) => [`${text} `, i % 2 ? text : '答'.repeat(8000), '']),
    ];
    assert.equal(await figures(tenant, csvOf(rows)), `${nasty.length} ${nasty.length} 0 0 0`);
    const before = await textsOf(tenant);
    for (const format of ['csv', 'xlsx'])
      for (const language of ['zh-CN', 'en']) {
        const headers = { 'Accept-Language': language };
        const path = `${OPS}/knowledge/export?tenant_id=${tenant}&format=${format}`;
        const file = await world.admin.get(path, { headers });
        assert.equal(file.status, 200, file.text);
        const name = `export.${format}`;
        assert.equal(await figures(tenant, file.body, { name }), `${nasty.length} 0 0 ${nasty.length} 0`);
        const copy = await newTenant();
        assert.equal(await figures(copy, file.body, { name }), `${nasty.length} 0 0 0 ${nasty.length}`);
        const fields = { name, other_tenants: 'take' };
        assert.equal(await figures(copy, file.body, fields), `${nasty.length} ${nasty.length} 0 0 0`);
        assert.deepEqual(await textsOf(copy), before);
      }
  });

  test('is a workbook that other programs read, or text with a byte order mark', async () => {
    const tenant = await newTenant();
    await figures(tenant, csvOf(ROWS));
    const headers = { 'Accept-Language': 'zh-CN' };
    const file = await world.admin.get(`${OPS}/knowledge/export?tenant_id=${tenant}`, { headers });
    assert.equal(file.headers['content-type'], XLSX_TYPE);
    assert.match(file.headers['content-disposition'] ?? '', /attachment;.*\.xlsx/);
    const book = new ExcelJS.Workbook();
    await book.xlsx.load(/** @type {any} */ (file.body));
    const sheet = book.worksheets[0];
    assert.deepEqual(/** @type {unknown[]} */ (sheet.getRow(1).values).slice(1), [
      '商家ID',
      '商家',
      '问题',
      '答案',
      '分类',
      '来源',
      '质量',
      '已同步',
      '更新时间',
    ]);
    assert.ok(sheet.getCell('A1').font?.bold);
    assert.equal(sheet.rowCount, 4);
    const text = await world.admin.get(`${OPS}/knowledge/export?tenant_id=${tenant}&format=csv`);
    assert.match(text.text, /^\uFEFFTenant ID,Tenant,Question,Answer,Category,Source,Quality,Synced,Updated\r\n/);
    assert.equal((await world.admin.send('HEAD', `${OPS}/knowledge/export?format=csv`)).status, 200);
  });

  test('gives what the filter admits', async () => {
    const tenant = await newTenant();
    await figures(tenant, csvOf(ROWS));
    const count = async (/** @type {string} */ filter) => {
      const file = await world.admin.get(`${OPS}/knowledge/export?format=csv&tenant_id=${tenant}${filter}`);
      assert.equal(file.status, 200, file.text);
      return file.text.trimEnd().split(/\r\n/).length - 1;
    };
    assert.equal(await count(''), 3);
    assert.equal(await count(`&category=${encodeURIComponent('价格')}`), 1);
    assert.equal(await count(`&keyword=${encodeURIComponent('几点')}`), 1);
    assert.equal(await count('&is_synced=true'), 0);
    assert.equal(await count('&source=import&quality_min=0.4'), 3);
    assertProblem(await world.admin.get(`${OPS}/knowledge/export?format=pdf`), 422, 'invalid', ['format']);
    assertProblem(await world.viewer.get(`${OPS}/knowledge/export`), 403, 'forbidden');
  });
});

describe('real files', () => {
  const data = process.env.KIMONO_TEST_DATA ?? '';
  const skip = existsSync(data) ? false : 'KIMONO_TEST_DATA names no folder';

  test('csv_spectrum', { skip }, async () => {
    const folder = join(data, 'csv_spectrum', 'csvs');
    for (const name of readdirSync(folder)) {
      const form = formOf(readFileSync(join(folder, name)), name, {});
      const seen = await world.admin.must('POST', `${OPS}/knowledge/import/preview`, { form });
      const json = readFileSync(join(data, 'csv_spectrum', 'json', name.replace('.csv', '.json')), 'utf8');
      const meant = [JSON.parse(json)].flat();
      const [heading, ...rest] = seen.columns[0].heading
        ? [
            seen.columns.map((/** @type {any} */ one) => one.heading),
            ...seen.rows.map((/** @type {any} */ r) => r.cells),
          ]
        : seen.rows.map((/** @type {any} */ row) => row.cells);
      const found = rest.map((/** @type {any} */ cells) =>
        Object.fromEntries(
          heading.map((/** @type {string} */ key, /** @type {number} */ at) => [key, cells[at] ?? '']),
        ),
      );
      const unix = (/** @type {unknown} */ value) => JSON.parse(JSON.stringify(value).replaceAll('\\r\\n', '\\n'));
      if (name === 'location_coordinates.csv') meant[0]['Contact Phone Number'] = '2095257564'; // its JSON has another
      assert.deepEqual(unix(found), unix(meant), name);
    }
  });

  test('a forum, as text and as workbooks of two programs, is the same', { skip }, async () => {
    const text = readFileSync(join(data, 'qa_zh_forum.tsv'));
    const rows = text
      .toString('utf8')
      .split(/\r?\n/)
      .filter(Boolean)
      .map((line) => line.split('\t'));
    const outcomes = [];
    for (const [name, content] of /** @type {[string, Buffer | string][]} */ ([
      ['forum.tsv', text],
      ['forum.csv', csvOf(rows)],
      ['exceljs.xlsx', await byExcelJs(rows)],
      ['sheetjs.xlsx', bySheetJs(rows)],
    ])) {
      const tenant = await newTenant();
      const counted = await figures(tenant, content, { name });
      outcomes.push({ counted, texts: await textsOf(tenant) });
      assert.equal((await figures(tenant, content, { name })).split(' ')[1], '0', name);
    }
    for (const one of outcomes) assert.deepEqual(one, outcomes[0]);
    assert.ok(outcomes[0].texts.length > 100);
  });
});

/**
 * A ZIP archive.
 * @param {Record<string, Buffer>} parts
 */
function zip(parts) {
  const locals = [];
  const directory = [];
  let at = 0;
  for (const [name, content] of Object.entries(parts)) {
    const packed = deflateRawSync(content);
    const head = Buffer.alloc(26);
    head.writeUInt16LE(20, 0);
    head.writeUInt16LE(8, 4);
    head.writeUInt32LE(crc32(content), 10);
    head.writeUInt32LE(packed.length, 14);
    head.writeUInt32LE(content.length, 18);
    head.writeUInt16LE(Buffer.byteLength(name), 22);
    const local = Buffer.concat([Buffer.from('PK\x03\x04', 'latin1'), head, Buffer.from(name), packed]);
    const tail = Buffer.alloc(14);
    tail.writeUInt32LE(at, 10);
    directory.push(
      Buffer.concat([Buffer.from('PK\x01\x02\x14\x00', 'latin1'), head, tail.subarray(0, 14), Buffer.from(name)]),
    );
    locals.push(local);
    at += local.length;
  }
  const central = Buffer.concat(directory);
  const end = Buffer.alloc(22);
  end.write('PK\x05\x06', 'latin1');
  end.writeUInt16LE(locals.length, 8);
  end.writeUInt16LE(locals.length, 10);
  end.writeUInt32LE(central.length, 12);
  end.writeUInt32LE(at, 16);
  return Buffer.concat([...locals, central, end]);
}

/**
 * A workbook of one sheet, made by hand.
 * @param {string | Buffer} sheet  its XML
 * @param {Record<string, Buffer>} [more]
 */
function workbook(sheet, more = {}) {
  const main = 'http://schemas.openxmlformats.org/spreadsheetml/2006/main';
  const relations = 'http://schemas.openxmlformats.org/officeDocument/2006/relationships';
  const packages = 'http://schemas.openxmlformats.org/package/2006/relationships';
  const strings =
    'xl/sharedStrings.xml' in more
      ? `<Relationship Id="r2" Type="${relations}/sharedStrings" Target="sharedStrings.xml"/>`
      : '';
  return zip({
    '[Content_Types].xml': Buffer.from(
      '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"><Default Extension="xml" ContentType="application/xml"/></Types>',
    ),
    '_rels/.rels': Buffer.from(
      `<Relationships xmlns="${packages}"><Relationship Id="r1" Type="${relations}/officeDocument" Target="xl/workbook.xml"/></Relationships>`,
    ),
    'xl/workbook.xml': Buffer.from(
      `<workbook xmlns="${main}" xmlns:r="${relations}"><sheets><sheet name="S" sheetId="1" r:id="r1"/></sheets></workbook>`,
    ),
    'xl/_rels/workbook.xml.rels': Buffer.from(
      `<Relationships xmlns="${packages}"><Relationship Id="r1" Type="${relations}/worksheet" Target="worksheets/sheet1.xml"/>${strings}</Relationships>`,
    ),
    'xl/worksheets/sheet1.xml': Buffer.from(sheet),
    ...more,
  });
}

/** @param {string} rows */
const sheetOf = (rows) =>
  `<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>${rows}</sheetData></worksheet>`;
/** @param {string} text */
const cell = (text) => `<c t="inlineStr"><is><t>${text}</t></is></c>`;
const HEADING = `<row>${cell('问题')}${cell('答案')}</row>`;

/** Old Office's container with one stream of this name in its directory. @param {string} stream */
function compound(stream) {
  const file = Buffer.alloc(2048);
  Buffer.from([0xd0, 0xcf, 0x11, 0xe0, 0xa1, 0xb1, 0x1a, 0xe1]).copy(file);
  file.write(`${stream}\0`, 1024, 'utf16le');
  file.writeUInt16LE(2 * stream.length + 2, 1024 + 64);
  file[1024 + 66] = 2;
  return file;
}

describe('hostile files', () => {
  const laughs = [
    '<!DOCTYPE l [<!ENTITY a0 "ha">',
    ...Array.from({ length: 12 }, (_, i) => `<!ENTITY a${i + 1} "${`&a${i};`.repeat(10)}">`),
    ']>',
  ].join('');
  /** @type {[string, () => Buffer | string | Promise<Buffer>][]} */
  const files = [
    ['nothing.csv', () => ''],
    ['blank-lines.csv', () => '\r\n\r\n \r\n'],
    ['only-a-heading.csv', () => '问题,答案\r\n'],
    ['only-a-heading.xlsx', () => byExcelJs([['问题', '答案']])],
    ['empty.xlsx', () => byExcelJs([])],
    ['encrypted.xlsx', () => compound('EncryptedPackage')],
    ['old.xls', () => compound('Workbook')],
    ['old-renamed.xlsx', () => compound('Workbook')],
    ['page.xls', () => '<html><table><tr><td>问题</td></tr></table></html>'],
    ['picture.csv', () => Buffer.from('89504e470d0a1a0a0000000d49484452', 'hex')],
    ['program.csv', () => Buffer.from('\x7fELF\x02\x01\x01', 'latin1')],
    ['zeros.csv', () => Buffer.alloc(100_000)],
    ['noise.csv', () => Buffer.from(Array.from({ length: 5000 }, (_, i) => (i * 7919) % 251))],
    ['no-workbook.xlsx', () => zip({ 'a.txt': Buffer.from('a') })],
    ['truncated.xlsx', async () => (await byExcelJs(ROWS)).subarray(0, 3000)],
    ['broken.xlsx', () => workbook('<worksheet><sheetData><row>')],
    ['open-quote.csv', () => '问题,答案\n一,二\n三,"四\n五,六\n'],
    ['laughs.xlsx', () => workbook(`${laughs}${sheetOf(`${HEADING}<row>${cell('&a12;')}${cell('x')}</row>`)}`)],
    ['laughs.svg.csv', () => `<?xml version="1.0"?>${laughs}<l>&a12;</l>`],
    ['million-columns.csv', () => `问题,答案${',x'.repeat(1_000_000)}\n一,二\n`],
    ['million-columns.xlsx', () => workbook(sheetOf(`<row>${cell('x').repeat(1_000_000)}</row>`))],
    ['far-column.xlsx', () => workbook(sheetOf(`${HEADING}<row><c r="ZZZZZZ2"><v>1</v></c></row>`))],
    [
      'bomb.xlsx',
      () => workbook(Buffer.concat([Buffer.from(sheetOf('').slice(0, -12)), Buffer.alloc(100 << 20, 0x20)])),
    ],
    ['long-cell.xlsx', () => workbook(sheetOf(`${HEADING}<row>${cell('长'.repeat(40_000_000 / 4))}</row>`))],
  ];

  /** The most memory that the server has ever had, in KiB. */
  const peak = () => Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${world.server.child.pid}/status`, 'utf8'))?.[1]);

  test('are refused in words, within bounded memory, and change nothing', async () => {
    const tenant = await newTenant();
    const made = await Promise.all(files.map(async ([name, make]) => /** @type {const} */ ([name, await make()])));
    for (const [name, content] of made) {
      const answer = await importInto(tenant, content, { name });
      const refused = answer.status >= 400 && answer.status < 500;
      assert.ok(refused || (answer.status === 200 && answer.json.status === 'failed'), `${name}: ${answer.text}`);
      const why = refused ? answer.json.detail : answer.json.error;
      assert.ok(why.length > 10, `${name}: ${answer.text}`);
    }
    assert.deepEqual(await pairsOf(tenant), []);
    if (!hasSanitizer) assert.ok(peak() < SMALL_MEMORY_KIB, `${peak()} KiB`);
    assert.match(await world.store.must(['check']), /whole/);
  });

  test('a row of thousands of columns that fails is kept as far as it can be corrected', async () => {
    const tenant = await newTenant();
    const content = workbook(sheetOf(`${HEADING}<row>${cell('')}${cell('答')}<c r="XFD2"><v>1</v></c></row>`));
    const { json } = await importInto(tenant, content, { name: 'wide.xlsx' });
    const { items } = await world.admin.must('GET', `${OPS}/jobs/${json.id}/items`);
    assert.equal(items[0].detail.cells[1], '答');
    assert.equal(items[0].detail.cells.length, 254);
    const file = await world.admin.get(`${OPS}/jobs/${json.id}/errors.csv`);
    assert.equal(await figures(tenant, file.text.replace(',,答', ',问,答'), { name: 'wide.csv' }), '1 1 0 0 0');
  });

  test('one long text that thousands of cells share is as bounded', async () => {
    const tenant = await newTenant();
    const long = '长'.repeat(30_000);
    const strings = `<sst xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><si><t>问题</t></si><si><t>答案</t></si><si><t>${long}</t></si></sst>`;
    const shared = (/** @type {number} */ at) => `<c t="s"><v>${at}</v></c>`;
    const rows = `<row>${shared(0)}${shared(1)}</row>${`<row>${shared(2)}${shared(2)}</row>`.repeat(ROWS_SHARING)}`;
    const content = workbook(sheetOf(rows), { 'xl/sharedStrings.xml': Buffer.from(strings) });
    const answer = await importInto(tenant, content, { name: 'shared.xlsx' });
    assert.equal(answer.json.result.failed, ROWS_SHARING, answer.text);
    assert.deepEqual(await pairsOf(tenant), []);
    if (!hasSanitizer) assert.ok(peak() < SMALL_MEMORY_KIB, `${peak()} KiB`);
  });
});

describe('the job', () => {
  const COUNT = 40_000;
  const content = `question,answer\n${Array.from({ length: COUNT }, (_, i) => `问题 ${i},${i % 100 ? `答案 ${i}` : '长'.repeat(8001)}`).join('\n')}\n`;
  const failing = COUNT / 100;

  test('goes on after the process was killed, each row once', async () => {
    const tenant = await newTenant();
    const form = formOf(content, 'long.csv', { tenant_id: tenant });
    const job = await world.admin.must('POST', `${OPS}/knowledge/import`, { form, status: 202 });
    const path = `${OPS}/jobs/${job.id}`;
    const upload = join(world.store.folder, 'uploads', job.id); // PostgreSQL keeps it in tables
    if (!world.store.database) assert.equal(statSync(upload).mode & 0o777, 0o600);
    const progress = await eventually(async () => {
      const now = await world.admin.must('GET', path);
      assert.ok(now.progress.done > 0);
      return now.progress;
    });
    assert.ok(progress.done < COUNT, 'it was over before it could be killed');
    const { child } = world.server;
    world.server.kill();
    await eventually(async () => assert.equal(child.signalCode, 'SIGKILL'));
    await restart();
    const ended = await eventuallyEnded(path);
    assert.equal(ended.status, 'succeeded', JSON.stringify(ended));
    const { total, created, failed, errors } = ended.result;
    assert.deepEqual([total, created, failed, errors.length], [COUNT, COUNT - failing, failing, 100]);
    const list = await world.admin.must('GET', `${OPS}/knowledge/qa-pairs?tenant_id=${tenant}`);
    assert.equal(list.total, COUNT - failing);
    const items = await world.admin.must('GET', `${path}/items?page_size=1`);
    assert.equal(items.total, failing);
    if (!world.store.database) assert.ok(existsSync(upload));
    assert.match(await world.store.must(['check']), /whole/);
  });

  test('can be cancelled: what it has done stays', async () => {
    const tenant = await newTenant();
    const form = formOf(content, 'long.csv', { tenant_id: tenant });
    const job = await world.admin.must('POST', `${OPS}/knowledge/import`, { form, status: 202 });
    const path = `${OPS}/jobs/${job.id}`;
    await eventually(async () => assert.ok((await world.admin.must('GET', path)).progress.done > 0));
    const { result } = await world.admin.must('POST', `${path}/cancel`);
    const list = await world.admin.must('GET', `${OPS}/knowledge/qa-pairs?tenant_id=${tenant}`);
    assert.equal(list.total, result.created);
    assert.ok(result.created < COUNT - failing);
    assert.match(await world.store.must(['check']), /whole/);
  });

  /** A server on the same store, with the same people. */
  async function restart() {
    const server = await Server.start(world.store);
    world.server = server;
    world.anyone = new Client(server.port, world.document);
    world.admin = world.anyone.as(await world.logIn('ops_admin'));
    world.viewer = world.anyone.as(await world.logIn('ops_viewer'));
  }

  /** @param {string} path */
  async function eventuallyEnded(path) {
    for (let tries = 0; tries < 600; tries++) {
      const job = await world.admin.must('GET', path);
      if (!['queued', 'running'].includes(job.status)) return job;
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
    throw new Error('the job does not end');
  }
});

describe('the command line', () => {
  test('exports what it imports', async () => {
    const folder = temporaryFolder();
    const source = join(folder, 'pairs.xlsx');
    writeFileSync(source, await byExcelJs(ROWS));
    await world.store.must(['tenant', 'add', 'cli-a', 'A']);
    await world.store.must(['tenant', 'add', 'cli-b', 'B']);
    assert.match(await world.store.must(['import', source, '--tenant', 'cli-a']), /^3 rows: 3 created/);
    for (const ending of ['csv', 'tsv', 'xlsx']) {
      const file = join(folder, `out.${ending}`);
      assert.equal(await world.store.must(['export', file, '--tenant', 'cli-a']), '3 pairs');
      assert.match(
        await world.store.must(['import', file, '--tenant', 'cli-a']),
        /3 rows: 0 created, 0 updated, 3 skipped/,
      );
    }
    const copy = join(folder, 'out.tsv');
    assert.equal((await world.store.command(['import', copy, '--tenant', 'cli-b'])).code, 1);
    const meant = ['import', copy, '--tenant', 'cli-b', '--other-tenants'];
    assert.match(await world.store.must(meant), /^3 rows: 3 created/);
    assert.deepEqual(await textsOf('cli-b'), TEXTS);
    assert.equal((await world.store.command(['export', join(folder, 'out.pdf')])).code, 2);
    assert.equal((await world.store.command(['export', copy, '--tenant', 'nobody'])).code, 1);
  });
});
