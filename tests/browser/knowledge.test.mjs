/** @file The page of everyone's knowledge: list, dialogs, import, trial; then all of it against the server as it is. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { assertAccessible, assertFits, assertNoTextMissing } from './accessible.mjs';
import * as made from './answers-knowledge.mjs';
import * as answers from './answers.mjs';
import { manyTenants } from './answers-tenants.mjs';
import {
  atAddress,
  installClock,
  openConsole,
  panel,
  recordRequests,
  stopServer,
  stub,
  until,
  URL_BASE,
  visit,
} from './console.mjs';

/** @typedef {import('playwright-core').Page} Page */

const PERIOD = 31_000;
const LONG = '和服租赁与摄影一体化体验的价格与预约以及改期退款与天气不好时怎么办'.repeat(6);
const UNBROKEN = 'Kimono-One-Asakusa-Main-Store-With-A-Long-Unbroken-Name-64-chars'.repeat(4);

/**
 * @param {string} [path]
 * @param {Parameters<typeof made.stubKnowledge>[1]} [stubs]
 * @param {Omit<NonNullable<Parameters<typeof openConsole>[0]>, 'path'>} [options]
 */
function open(path = '/ops/knowledge', stubs = {}, { prepare, window } = {}) {
  return openConsole({
    path,
    window,
    prepare: async (page) => {
      await made.stubKnowledge(page, stubs);
      await prepare?.(page);
    },
  });
}

/** @param {Page} page */
const viewer = (page) => stub(page, '/auth/me', { id: '2', username: 'v', role: 'ops_viewer', tenant_id: null });
/** @param {Page} page */
const rows = (page) => page.locator('[data-test=rows] tr');
/** @param {Page} page @param {number} id */
const row = (page, id) => page.locator(`[data-pair="${id}"]`);
/** @param {Page} page @param {string} name */
const dialog = (page, name) => page.locator(`[data-test=${name}-dialog]`);
/** @param {Page} page */
const range = (page) => page.locator('[data-test=range]');

/**
 * Answers a write, and keeps what was sent.
 * @param {Page} page
 * @param {string} method
 * @param {string} path  below /api/v1
 * @param {(body: any) => { status?: number, json?: any }} reply
 */
async function onWrite(page, method, path, reply) {
  /** @type {any[]} */
  const sent = [];
  await page.route(
    (url) => url.pathname === `/api/v1${path}`,
    async (route) => {
      const request = route.request();
      if (request.method() !== method) return route.fallback();
      const isForm = (request.headers()['content-type'] ?? '').startsWith('multipart/');
      const body = isForm ? formOf(request.postDataBuffer()) : request.postDataJSON();
      sent.push(body);
      const { status = 200, json } = reply(body);
      return status === 204 ? route.fulfill({ status }) : route.fulfill({ status, json });
    },
  );
  return sent;
}

/** The parts of a form, without the file. @param {Buffer | null} body */
function formOf(body) {
  const parts = (body?.toString() ?? '').matchAll(/name="(\w+)"\r\n\r\n([^\r]*)\r\n/g);
  return Object.fromEntries([...parts].map(([, name, value]) => [name, value]));
}

/** @param {Page} page @param {string} text @param {string} [name] */
const chooseFile = (page, text, name = 'pairs.csv') =>
  page.locator('[data-test=file]').setInputFiles({ name, mimeType: 'text/csv', buffer: Buffer.from(text) });

/**
 * Chooses a tenant by typing a part of its name, with the keyboard alone.
 * @param {import('playwright-core').Locator} where
 * @param {string} typed
 */
async function chooseTenant(where, typed) {
  const field = where.locator('[data-test=tenant-choice]');
  await field.focus();
  await field.fill(typed);
  await where.getByRole('option', { name: typed }).first().waitFor();
  await field.press('Enter');
}

// ── figures ──

test('the figures say unit and share, and each leads to the pairs that it counts', async () => {
  const page = await open();
  const figure = (/** @type {string} */ id) => page.locator(`[data-figure=${id}]`);
  await figure('total').getByText('178', { exact: true }).waitFor();
  await figure('unsynced').getByText('最早的改动已等 3 分').waitFor();
  await figure('synced').getByText('占 75.3%').waitFor();
  await figure('unsynced').click();
  await range(page).getByText('共 44 条').waitFor();
  await atAddress(page, '/ops/knowledge?is_synced=false');
  await figure('quality').click();
  await page.waitForURL(/quality_max=0\.72&sort=quality_score/);
  await page.locator('[data-facet=category]').getByRole('link', { name: '未分类 35' }).click();
  await range(page).getByText('共 35 条').waitFor();
  await atAddress(page, '/ops/knowledge?uncategorised=1');
  await page.locator('[data-facet=source]').getByRole('link', { name: '模板 35' }).click();
  await range(page).getByText('共 35 条').waitFor();
});

test('a figure that could not be read is a dash with its reason, and the list goes on', async () => {
  const page = await open(
    '/ops/knowledge',
    {},
    {
      prepare: (opened) => stub(opened, '/ops/knowledge/overview', answers.problem, { status: 503 }),
    },
  );
  await row(page, 1).waitFor();
  await panel(page, 'knowledge-overview').getByText(answers.problem.detail).waitFor();
});

// ── the list ──

test('a row says tenant, texts, quality with its evidence, and whether the index has it', async () => {
  const page = await open();
  await row(page, 1).getByText('和服店 001').waitFor();
  await row(page, 1).getByText('第 1 条的答案').waitFor();
  assert.equal(await row(page, 1).getByText('0.95').getAttribute('title'), '0.95：被用来回答 120 次，好评 8，差评 1');
  assert.match(String(await row(page, 5).getByText('0.75').getAttribute('title')), /还没有被用来回答/);
  await row(page, 5).getByText('（没有答案）').waitFor();
  await row(page, 3).getByText('待同步').waitFor();
  await row(page, 4).getByText('模板').waitFor();
});

test('filters stand in the address, are said in words, and each is cleared by itself', async () => {
  const page = await open();
  await row(page, 1).waitFor();
  await chooseTenant(panel(page, 'knowledge'), '和服店 002');
  await range(page).getByText('共 8 条').waitFor();
  await page.locator('[data-test=category]').selectOption({ label: '预约（71）' });
  await page.locator('[data-test=synced]').selectOption('true');
  await page.locator('[data-test=source]').selectOption('import');
  await page.locator('[data-test=quality-min]').fill('0.5');
  await page.locator('[data-test=quality-min]').press('Tab');
  await page.waitForURL(/quality_min=0.5/);
  await atAddress(
    page,
    '/ops/knowledge?tenant_id=tenant_002&category=预约&is_synced=true&source=import&quality_min=0.5',
  );
  const words = page.locator('[data-test=filter-words]');
  for (const word of ['商家：和服店 002', '分类：预约', '来源：导入', '已同步', '质量 ≥ 0.5']) {
    await words.getByText(word, { exact: true }).waitFor();
  }
  await page.reload();
  await words.getByText('商家：和服店 002', { exact: true }).waitFor();
  await words.getByRole('button', { name: '清除筛选“分类：预约”' }).click();
  await page.waitForURL((url) => !url.searchParams.has('category'));
  await words.getByRole('button', { name: '清除筛选', exact: true }).click();
  await page.waitForURL('**/ops/knowledge');
  await range(page).getByText('共 178 条').waitFor();
});

test('more categories than a menu holds are looked for by a part of their name', async () => {
  const page = await open('/ops/knowledge', { categories: 1 });
  await row(page, 1).waitFor();
  assert.equal(await page.locator('[data-test=category]').isVisible(), false);
  const field = page.locator('[data-test=category-choice]');
  await field.fill('预');
  await page.getByRole('option', { name: '预约' }).waitFor();
  await field.press('Enter');
  await page.waitForURL((url) => url.searchParams.get('category') === '预约');
  assert.equal(await field.inputValue(), '预约');
  await field.click();
  await page.getByRole('option', { name: '全部分类' }).click();
  await page.waitForURL((url) => !url.searchParams.has('category'));
});

test('pairs without a category are a filter too', async () => {
  const page = await open();
  await row(page, 1).waitFor();
  const asked = page.waitForRequest(/qa-pairs\?.*category=(&|$)/);
  await page.locator('[data-test=category]').selectOption({ label: '未分类（35）' });
  await asked;
  await range(page).getByText('共 35 条').waitFor();
  await page.locator('[data-test=category]').selectOption('any');
  await page.waitForURL('**/ops/knowledge');
});

test('what suspensions hold back is told apart from what waits', async () => {
  const status = made.syncStatus({ pending: 0, held_back: 5, removals_held_back: 2, lag_seconds: null });
  const page = await open('/ops/knowledge?dialog=sync', { status });
  await page.locator('[data-figure=unsynced]').getByText('另有 5 条属于暂停的商家').waitFor();
  await dialog(page, 'sync').getByText('暂停中').waitFor();
  await dialog(page, 'sync').getByText('7 条', { exact: true }).waitFor();
});

test('nonsense in the address is left out', async () => {
  const page = await open('/ops/knowledge?quality_min=abc&source=mars&is_synced=maybe&sort=hits&page=-2');
  await range(page).getByText('第 1–20 条，共 178 条').waitFor();
  assert.equal(await page.locator('[data-test=quality-min]').inputValue(), '');
});

test('the next page goes by cursor, near pages by number, and a reload shows the same', async () => {
  const page = await open('/ops/knowledge', { pairs: made.manyPairs(178), counted: 100 });
  await range(page).getByText('第 1–20 条，共至少 100 条').waitFor();
  const pager = page.locator('[data-test=pager]');
  await pager.getByRole('link', { name: '下一页' }).click();
  await page.waitForURL('**/ops/knowledge?page=2&cursor=at-20');
  await row(page, 21).waitFor();
  await page.reload();
  await row(page, 21).waitFor();
  await pager.getByRole('link', { name: '3', exact: true }).click();
  await page.waitForURL('**/ops/knowledge?page=3');
  await row(page, 41).waitFor();
  await page.locator('[data-test=list-search]').fill('预约');
  await page.waitForURL((url) => url.searchParams.has('keyword') && !url.searchParams.has('page'));
  await range(page).getByText('第 1–20 条').waitFor();
});

/**
 * Of a keyword for which the texts are read one by one, each answer has looked at one pair more: at `holders` it finds.
 * @param {Page} page
 * @param {number[]} holders
 * @param {number} last
 */
async function lookOneByOne(page, holders, last) {
  await page.route('**/api/v1/ops/knowledge/qa-pairs?*', (route) => {
    const query = new URL(route.request().url()).searchParams;
    const place = Number(query.get('cursor')?.slice(3) ?? 0);
    const items = holders.includes(place) ? [made.pair({ id: place })] : [];
    const next_cursor = place < last ? `at-${place + 1}` : null;
    const size = Number(query.get('page_size'));
    return route.fulfill({ json: { items, total_at_least: items.length, page: 1, page_size: size, next_cursor } });
  });
}

test('a keyword that is looked for pair by pair: what was not looked through is said, and gone on with', async () => {
  const page = await open('/ops/knowledge?keyword=！', {}, { prepare: (one) => lookOneByOne(one, [14, 19, 40], 45) });
  const unfinished = page.locator('[data-test=list-unfinished]:visible');
  const onward = unfinished.getByRole('link', { name: '继续查找' });
  await unfinished.getByText('查过的部分里还没有找到').waitFor();
  assert.equal(await page.locator('[data-test=list-unmatched]:visible').count(), 0);
  await onward.click();
  await page.waitForURL((url) => url.searchParams.get('cursor') === 'at-11' && !url.searchParams.has('page'));
  await row(page, 14).waitFor();
  await unfinished.getByText('查过的部分里只找到这些').waitFor();
  assert.equal(await rows(page).count(), 2);
  await range(page).getByText('第 1–2 条，共至少 3 条').waitFor();
  await onward.click();
  await unfinished.getByText('查过的部分里还没有找到').waitFor();
  await onward.click();
  await row(page, 40).waitFor();
  await onward.click();
  await page.locator('[data-test=list-unmatched]:visible').getByText('后面没有更多了').waitFor();
});

test('one tenant without pairs is invited to import; a page by number that lies too deep is the first', async () => {
  const page = await open('/ops/knowledge?tenant_id=tenant_003', { pairs: [] });
  await page.locator('[data-test=no-pairs]:visible').getByRole('button', { name: '导入' }).waitFor();
  const deep = await open('/ops/knowledge?page=5000', { pairs: made.manyPairs(178) });
  await range(deep).getByText('第 1–20 条，共 178 条').waitFor();
});

test('deep pages are reached by cursor only, and back again where one has been', async () => {
  const pairs = made.manyPairs(10_250);
  const page = await open('/ops/knowledge?page_size=200&page=50', { pairs });
  await row(page, 9801).waitFor();
  const pager = page.locator('[data-test=pager]');
  await pager.getByRole('link', { name: '下一页' }).click();
  await row(page, 10_001).waitFor();
  await pager.getByRole('link', { name: '下一页' }).click();
  await range(page).getByText('第 10,201–10,250 条，共 10,250 条').waitFor();
  await pager.getByRole('link', { name: '上一页' }).click();
  await row(page, 10_001).waitFor();
});

test('the four states of the list, and a stale one', async () => {
  const empty = await open('/ops/knowledge', { pairs: [] });
  await empty.locator('[data-test=no-pairs]').getByRole('button', { name: '导入' }).waitFor();
  const page = await open('/ops/knowledge', {}, { prepare: installClock });
  await row(page, 1).waitFor();
  const start = await stopServer(page);
  await page.clock.runFor(PERIOD);
  await panel(page, 'knowledge').locator('[data-test=stale]:visible').waitFor();
  assert.equal(await rows(page).count(), 20);
  await start();
  await page.goto('/ops/knowledge?keyword=nothing-like-it');
  await page.locator('[data-test=list-unmatched]:visible').waitFor();
  await stub(page, '/ops/knowledge/qa-pairs', answers.problem, { status: 503 });
  await page.reload();
  await panel(page, 'knowledge').getByText(answers.problem.detail).waitFor();
});

// ── one pair ──

test('a pair has an address, is edited with the version that was read, and says how its quality comes about', async () => {
  const page = await open();
  await row(page, 2).getByRole('link', { name: '如何预约？' }).click();
  const edit = dialog(page, 'pair');
  await edit.locator('[data-test=quality-why]').getByText('被用来回答 120 次').waitFor();
  await atAddress(page, '/ops/knowledge?pair=2');
  const sent = await onWrite(page, 'PUT', '/ops/knowledge/qa-pairs/2', (body) => ({
    json: made.pairDetail({ ...body, id: 2, version: 4 }),
  }));
  await edit.getByRole('textbox', { name: '答案' }).fill('在小程序里预约。');
  await edit.getByRole('button', { name: '保存' }).click();
  await page.getByText('已保存，等待同步').waitFor();
  await atAddress(page, '/ops/knowledge');
  assert.deepEqual(sent, [{ question: '如何预约？', answer: '在小程序里预约。', category: '预约', version: 3 }]);
});

test('typed text is asked about before it is lost', async () => {
  const page = await open('/ops/knowledge?pair=2');
  const edit = dialog(page, 'pair');
  await edit.getByRole('textbox', { name: '答案' }).fill('半');
  await page.keyboard.press('Escape');
  await edit.getByRole('button', { name: '继续编辑' }).click();
  assert.equal(await edit.getByRole('textbox', { name: '答案' }).inputValue(), '半');
});

test('two editors: the second sees both texts side by side and merges them field by field', async () => {
  let present = made.pair({ id: 2, question: '如何预约？', answer: '在小程序里预约。', category: '预约' });
  const page = await open('/ops/knowledge?pair=2', { pairs: () => [present] });
  const edit = dialog(page, 'pair');
  await edit.getByRole('textbox', { name: '答案' }).fill('在小程序里预约，或者打电话。');
  await edit.getByRole('combobox', { name: '分类' }).fill('来店');
  present = { ...present, version: 4, answer: '在小程序里预约，最晚提前一天。', category: '预约方式' };
  const sent = await onWrite(page, 'PUT', '/ops/knowledge/qa-pairs/2', (body) =>
    body.version === 4
      ? { json: made.pairDetail({ ...present, ...body, version: 5 }) }
      : { status: 409, json: answers.problemOf(409, '别人已经改过。') },
  );
  await edit.getByRole('button', { name: '保存' }).click();
  const conflict = edit.locator('[data-test=conflict]');
  await conflict.getByText('请看过两边的文字再决定').waitFor();
  const answer = conflict.locator('[data-field=answer]');
  await answer.getByText('或者打电话').waitFor();
  await answer.getByText('最晚提前一天').waitFor();
  await conflict.getByRole('button', { name: '采用现在保存着的分类' }).click();
  assert.equal(await edit.getByRole('combobox', { name: '分类' }).inputValue(), '预约方式');
  await edit.getByRole('textbox', { name: '答案' }).fill('在小程序里预约或打电话，最晚提前一天。');
  await edit.getByRole('button', { name: '保存', exact: true }).click();
  await page.getByText('已保存，等待同步').waitFor();
  assert.deepEqual(
    sent.map(({ version }) => version),
    [3, 4],
  );
  assert.deepEqual(sent[1], {
    question: '如何预约？',
    answer: '在小程序里预约或打电话，最晚提前一天。',
    category: '预约方式',
    version: 4,
  });
});

test('a pair is deleted at once and had back by the message', async () => {
  const page = await open('/ops/knowledge?pair=2');
  await onWrite(page, 'DELETE', '/ops/knowledge/qa-pairs/2', () => ({ status: 204 }));
  const restored = await onWrite(page, 'POST', '/ops/knowledge/qa-pairs/2/restore', () => ({
    json: made.pairDetail({ id: 2 }),
  }));
  await dialog(page, 'pair').locator('[data-test=delete-pair]').click();
  await page.getByText('问答已删除').waitFor();
  await page.locator('[data-test=toast-action]').click();
  const message = page.getByText('问答已恢复');
  await message.waitFor();
  assert.equal(restored.length, 1);
  // A message is not in the way of the bar of what is ticked.
  await page.getByRole('checkbox', { name: '选择本页全部' }).check();
  const bar = await page.locator('[data-test=bulk]').boundingBox();
  const shown = await page.locator('.toasts', { has: message }).boundingBox();
  assert.ok(await message.isVisible());
  assert.ok(bar && shown && shown.y + shown.height <= bar.y, JSON.stringify({ bar, shown }));
});

test('a new pair needs its tenant; the server’s objections stand at their fields', async () => {
  const page = await open('/ops/knowledge?dialog=new');
  const create = dialog(page, 'create');
  await create.getByLabel('问题').fill('有停车场吗？');
  await create.getByRole('button', { name: '建立问答' }).click();
  await create.getByText('请选择商家。').waitFor();
  await chooseTenant(create, '和服店 003');
  let refuse = true;
  const sent = await onWrite(page, 'POST', '/ops/knowledge/qa-pairs', (body) => {
    const errors = [{ field: 'answer', message: '答案太长。' }];
    if (refuse) return { status: 422, json: answers.problemOf(422, '请检查。', { errors }) };
    return { status: 201, json: made.pairDetail(body) };
  });
  await create.getByRole('button', { name: '建立问答' }).click();
  await create.getByText('答案太长。').waitFor();
  refuse = false;
  await create.getByRole('button', { name: '建立问答' }).click();
  await page.getByText('问答已建立，等待同步').waitFor();
  assert.equal(sent[1].tenant_id, 'tenant_003');
});

test('what was deleted lately is listed and restored', async () => {
  const at = (/** @type {number} */ hours) => new Date(Date.now() + hours * 3_600_000).toISOString();
  const deleted = [{ ...made.pair({ id: 9 }), deleted_at: at(-2), deleted_by: 'admin', undo_until: at(22) }];
  const page = await open('/ops/knowledge?view=deleted', { deleted });
  const restored = await onWrite(page, 'POST', '/ops/knowledge/qa-pairs/9/restore', () => ({
    json: made.pairDetail(),
  }));
  await row(page, 9).getByText('admin').waitFor();
  await row(page, 9).locator('[data-test=restore]').click();
  await page.getByText('问答已恢复').waitFor();
  assert.equal(restored.length, 1);
  const none = await open('/ops/knowledge?view=deleted');
  await none.locator('[data-test=none-deleted]:visible').waitFor();
});

// ── many at once ──

test('a bulk deletion that could not be counted still says how many, and still has the number typed', async () => {
  const page = await open('/ops/knowledge', { pairs: made.manyPairs(44) });
  const problem = { ...answers.problem, status: 429 };
  const sent = await onWrite(page, 'POST', '/ops/knowledge/qa-pairs/bulk', () => ({ status: 429, json: problem }));
  await page.getByRole('checkbox', { name: '选择本页全部' }).check();
  await page.getByRole('button', { name: '选择全部 44 条' }).click();
  await page.locator('[data-test=bulk-delete]').click();
  const bulk = dialog(page, 'bulk-delete');
  await bulk.locator('[data-test=panel-error]').waitFor();
  const run = bulk.getByRole('button', { name: '删除 44 条问答' });
  assert.equal(await run.isDisabled(), true);
  await bulk.locator('[data-test=type-name]').fill('44');
  await run.click();
  await bulk.locator('[data-test=form-failure]:visible').waitFor();
  assert.deepEqual(sent.at(-1).filter, {});
});

test('a bulk deletion shows its count by a dry run, asks for the number, and is undone from the message', async () => {
  const page = await open('/ops/knowledge?is_synced=false');
  await page.locator('[data-test=select-page]').check();
  await page.locator('[data-test=selection]').getByText('已选 20 条').waitFor();
  await page.getByRole('button', { name: '选择符合筛选的全部 44 条' }).click();
  const result = (/** @type {any} */ body) => ({
    action: 'delete',
    matched: 44,
    changed: 44,
    dry_run: body.dry_run === true,
  });
  const sent = await onWrite(page, 'POST', '/ops/knowledge/qa-pairs/bulk', (body) => ({
    status: body.dry_run ? 200 : 202,
    json: made.job({
      parameters: { action: 'delete', dry_run: body.dry_run === true },
      status: body.dry_run ? 'succeeded' : 'running',
      result: body.dry_run ? result(body) : null,
    }),
  }));
  await stub(page, '/ops/jobs', answers.noJobs);
  await stub(page, '/ops/jobs/job-k1', () => made.job({ result: result({}) }));
  await page.locator('[data-test=bulk-delete]').click();
  const bulk = dialog(page, 'bulk-delete');
  await bulk.locator('[data-test=effect]').getByText('44').first().waitFor();
  const run = bulk.getByRole('button', { name: '删除 44 条问答' });
  assert.ok(await run.isDisabled());
  await bulk.getByLabel('原因').fill('重复');
  await bulk.locator('[data-test=type-name]').fill('44');
  await run.click();
  await until(() => sent.length > 1);
  assert.deepEqual(sent, [
    { action: 'delete', filter: { is_synced: false, tenant_status: 'active' }, dry_run: true },
    { action: 'delete', filter: { is_synced: false, tenant_status: 'active' }, reason: '重复' },
  ]);
  const undone = await onWrite(page, 'POST', '/ops/jobs/job-k1/undo', () => ({
    status: 202,
    json: made.job({
      id: 'job-u1',
      kind: 'knowledge.undo',
      title: '撤销',
      result: { undone: 44, conflicts: 0, job_id: 'job-k1' },
    }),
  }));
  await page.locator('[data-test=toast-action]').click();
  await page.getByText('正在撤销：批量操作问答').waitFor();
  await until(() => undone.length === 1);
});

test('a change of category says how many it will change before it does', async () => {
  const page = await open();
  for (const id of [1, 2]) await row(page, id).getByRole('checkbox').check();
  const sent = await onWrite(page, 'POST', '/ops/knowledge/qa-pairs/bulk', (body) => ({
    json: made.job({
      parameters: body,
      result: { action: 'set_category', matched: 2, changed: body.category === '价格' ? 1 : 2 },
    }),
  }));
  await page.locator('[data-test=bulk-category]').click();
  const bulk = dialog(page, 'bulk-category');
  await bulk.getByLabel('新的分类').fill('价格');
  await bulk.getByText('会修改 1 条 · 1 条已经是这个分类').waitFor();
  await bulk.getByRole('button', { name: '修改 1 条的分类' }).click();
  await bulk.waitFor({ state: 'hidden' });
  assert.deepEqual(sent.at(-1), { action: 'set_category', ids: [1, 2], category: '价格' });
});

test('the selection goes over pages, and a sync of it is asked for by ids', async () => {
  const page = await open();
  await row(page, 1).getByRole('checkbox').check();
  await page.locator('[data-test=pager]').getByRole('link', { name: '下一页' }).click();
  await row(page, 21).getByRole('checkbox').check();
  await page.locator('[data-test=selection]').getByText('已选 2 条，其中本页 1 条').waitFor();
  const sent = await onWrite(page, 'POST', '/ops/knowledge/qa-pairs/bulk', () => ({ json: made.job() }));
  await page.locator('[data-test=bulk-sync]').click();
  await page.getByText('同步已开始').waitFor();
  assert.deepEqual(sent, [{ action: 'sync', ids: [1, 21] }]);
});

// ── import ──

/** Whether it is seen without scrolling. @param {import('playwright-core').Locator} where */
const isInView = (where) =>
  where.evaluate((element) => {
    const { top, bottom, left } = element.getBoundingClientRect();
    return element.contains(document.elementFromPoint(left + 4, (top + bottom) / 2)) && bottom <= innerHeight;
  });

test('an import: preview, columns to change, trial with its errors, the import, its undo', async () => {
  const page = await open('/ops/knowledge?dialog=import');
  const dialogue = dialog(page, 'import');
  await onWrite(page, 'POST', '/ops/knowledge/import/preview', () => ({ json: made.importPreview() }));
  const sent = await onWrite(page, 'POST', '/ops/knowledge/import', (body) => ({
    json: made.importJob({ parameters: { dry_run: body.dry_run === 'true' } }),
  }));
  await chooseFile(page, '编号;问题;答案;分类\n');
  await dialogue.locator('[data-test=file-format]').getByText('CSV · GB18030 · 分号分隔 · 至少 1,000 行').waitFor();
  await dialogue.locator('[data-place="0"]').selectOption('category');
  assert.equal(await dialogue.locator('[data-place="3"]').inputValue(), '');
  await dialogue.locator('[data-test=try-import]').click();
  await dialogue.getByText('请选择商家。').waitFor();
  await chooseTenant(dialogue, '和服店 001');
  await dialogue.locator('[data-test=try-import]').click();
  await dialogue.locator('[data-test=row-errors]').getByText('答案太长').waitFor();
  // What would come of it is seen without scrolling, and the button says it.
  for (const seen of ['outcome', 'run-import'])
    assert.ok(
      await isInView(dialogue.locator(`[data-test=${seen}] [data-test=value], [data-test=${seen}].button`).first()),
    );
  await dialogue.getByRole('button', { name: '导入：新增 7 条 · 更新 2 条' }).click();
  await dialogue.locator('[data-test=job-status]').getByText('已完成').waitFor();
  const columns = '{"question":1,"answer":2,"category":0,"heading":true}';
  assert.deepEqual(
    sent.map(({ columns: json, ...rest }) => ({ ...rest, columns: json.replaceAll('%22', '"') })),
    [
      { tenant_id: 'tenant_001', mode: 'skip', columns, dry_run: 'true' },
      { tenant_id: 'tenant_001', mode: 'skip', columns },
    ],
  );
  const undone = await onWrite(page, 'POST', '/ops/jobs/job-i1/undo', () => ({
    status: 202,
    json: made.job({ id: 'u' }),
  }));
  await dialogue.locator('[data-test=undo-import]').click();
  await page.getByText('正在撤销：导入问答').waitFor();
  await until(() => undone.length === 1);
});

test('a file that can’t be imported says why, and offers no second try; another mode is tried anew', async () => {
  const page = await open('/ops/knowledge?dialog=import&tenant_id=tenant_001');
  const dialogue = dialog(page, 'import');
  const problem = answers.problemOf(422, '这个文件已加密，请去掉密码后再导入。');
  let refuse = true;
  await onWrite(page, 'POST', '/ops/knowledge/import/preview', () =>
    refuse ? { status: 422, json: problem } : { json: made.importPreview() },
  );
  const sent = await onWrite(page, 'POST', '/ops/knowledge/import', () => ({ json: made.importJob() }));
  await chooseFile(page, 'PK', 'secret.xlsx');
  const refused = dialogue.locator('[data-test=import-refused]:visible');
  await refused.getByText(problem.detail).waitFor();
  assert.equal(await dialogue.locator('[data-test=retry]:visible').count(), 0);
  assert.equal(await refused.locator('use').getAttribute('href'), '#icon-file-x');
  assert.equal(await dialogue.locator('[data-test=encoding]:visible').count(), 0, 'a workbook says its own');
  refuse = false;
  await refused.getByRole('button', { name: '换一个文件' }).click();
  await chooseFile(page, '问题,答案\n');
  await dialogue.locator('[data-test=try-import]').click();
  await dialogue.locator('[data-test=run-import]:visible').waitFor();
  await dialogue.getByRole('radio', { name: '更新' }).check();
  await until(() => sent.length === 2);
  await dialogue.locator('[data-test=run-import]:visible').waitFor();
  assert.deepEqual(
    sent.map(({ mode, dry_run: dry }) => [mode, dry]),
    [
      ['skip', 'true'],
      ['upsert', 'true'],
    ],
  );
  await dialogue.locator('[data-test=back]').click();
  await dialogue.locator('[data-test=preview]:visible').waitFor();
  await page.keyboard.press('Escape');
  await dialogue.getByText('文件还没有导入。').waitFor();
});

test('what the server isn’t sure of is asked: the encoding, the heading, whose rows they are', async () => {
  const page = await open('/ops/knowledge?dialog=import&tenant_id=tenant_001');
  const dialogue = dialog(page, 'import');
  const doubt = {
    ...{ problem: '无法确定文件编码，可能是：GB18030, EUC-KR。', asks_for: 'encoding' },
    encodings: ['GB18030', 'EUC-KR'],
  };
  const heading = {
    ...{ problem: '第一行看起来是标题行（foo | bar）', asks_for: 'heading' },
    columns: [
      { place: 0, heading: null, taken_for: 'question' },
      { place: 1, heading: null, taken_for: 'answer' },
    ],
    warnings: [{ code: 'number_format', row: 3, count: 2, message: '日期的格式无法确定' }],
  };
  const previews = await onWrite(page, 'POST', '/ops/knowledge/import/preview', (body) => ({
    json: made.importPreview(body.encoding ? { encoding: body.encoding, ...heading } : doubt),
  }));
  const others = { code: 'other_tenants', row: 5, count: 3, message: '其他商家（“tenant_002”）的行不会导入' };
  const job = made.importJob();
  const sent = await onWrite(page, 'POST', '/ops/knowledge/import', () => ({
    json: { ...job, result: { ...job.result, warnings: [others] } },
  }));
  await chooseFile(page, '编号,问题\n');
  await dialogue.locator('[data-test=import-problem]').getByText('无法确定文件编码').waitFor();
  assert.ok(await dialogue.locator('[data-test=try-import]').isDisabled());
  await dialogue.locator('[data-test=encoding]').selectOption('EUC-KR');
  await dialogue.locator('[data-test=import-problem]').getByText('第一行看起来是标题行').waitFor();
  assert.deepEqual(previews.at(-1), { encoding: 'EUC-KR' });
  await dialogue.locator('[data-code=number_format]').getByText('共 2 行，第一处在第 3 行').waitFor();
  assert.ok(await dialogue.locator('[data-test=try-import]').isDisabled());
  await dialogue.locator('[data-test=is-heading]').click();
  await dialogue.locator('[data-test=try-import]:enabled').click();
  await dialogue.locator('[data-code=other_tenants]').waitFor();
  await dialogue.locator('[data-test=take-others]').check();
  await until(() => sent.length === 2);
  assert.deepEqual(
    sent.map(({ encoding, columns, other_tenants: take }) => [encoding, columns.includes('true'), take]),
    [
      ['EUC-KR', true, undefined],
      ['EUC-KR', true, 'take'],
    ],
  );
});

// ── sync and trial ──

test('the sync state: figures, failing tenants with their reason, and what a check finds', async () => {
  const failing = [
    { tenant_id: 'tenant_003', name: '和服店 003', message: '向量库没有应答。', since: new Date().toISOString() },
  ];
  const status = made.syncStatus({ tenants_failing: failing, last_error: '向量库没有应答。' });
  const page = await open('/ops/knowledge', { status });
  await page.locator('[data-test=sync-warning]').getByText('1 家商家同步失败').click();
  const sync = dialog(page, 'sync');
  await sync.locator('[data-test=sync-facts]').getByText('3分钟').waitFor();
  await sync.locator('[data-test=sync-failing]').getByText('向量库没有应答。').waitFor();
  const result = { tenants: 25, entries: 178, missing: 2, stale: 1, orphaned: 0, repaired: 0 };
  const sent = await onWrite(page, 'POST', '/ops/knowledge/sync/check', (body) => ({
    json: made.job({ kind: 'knowledge.sync_check', title: '检查索引', parameters: body, result }),
  }));
  await sync.locator('[data-test=check]').click();
  await sync.locator('[data-test=verdict]').getByText('3 处不一致，可以修复。').waitFor();
  await sync.locator('[data-test=repair]').click();
  await sync.locator('[data-test=verdict]').getByText('已安排修复').waitFor();
  assert.deepEqual(sent, [{}, { repair: true }]);
});

test('the retrieval trial has an address, shows scores, and leads to the pairs', async () => {
  const page = await open('/ops/knowledge?view=trial');
  const trial = panel(page, 'trial');
  const sent = await onWrite(page, 'POST', '/ops/knowledge/search', () => ({ json: made.trial() }));
  await trial.locator('[data-test=try]').click();
  await trial.getByText('请选择商家。').waitFor();
  await chooseTenant(trial, '和服店 001');
  await trial.getByLabel('问题', { exact: true }).fill('下雨可以改期吗');
  await trial.getByLabel('最低得分').fill('0.3');
  await trial.locator('[data-test=try]').click();
  await trial.locator('[data-test=answer]').getByText('提前一天').waitFor();
  assert.deepEqual(sent, [{ tenant_id: 'tenant_001', question: '下雨可以改期吗', min_score: 0.3 }]);
  assert.equal(await trial.locator('[data-test=matches] li').count(), 3);
  await trial.locator('[data-test=trial-limits]').getByText('最多 5 条，得分不低于 0.30').waitFor();
  await page.reload();
  await trial.locator('[data-match="2"]').getByText('0.62').waitFor();
  await trial.locator('[data-match="2"]').getByRole('link').click();
  await dialog(page, 'pair').getByLabel('问题').waitFor();
  await page.waitForURL(/[?&]pair=2/);
});

test('who only reads sees no button that writes', async () => {
  const page = await open('/ops/knowledge', {}, { prepare: viewer });
  await row(page, 1).waitFor();
  const writes = ['import', 'export', 'sync-all', 'new', 'select-page'].map((name) => `[data-test=${name}]`);
  assert.equal(await page.locator(`:is(${[...writes, '.checkbox'].join()}):visible`).count(), 0);
  await row(page, 1).getByRole('link', { name: '租借价格是多少？' }).click();
  await dialog(page, 'pair').locator('[data-test=facts]').waitFor();
  assert.equal(
    await dialog(page, 'pair').locator(':is(textarea, [type=submit], [data-test=delete-pair]):visible').count(),
    0,
  );
  for (const name of ['new', 'import', 'export', 'bulk-delete']) {
    await page.goto(`/ops/knowledge?dialog=${name}`);
    await row(page, 1).waitFor();
    assert.equal(await page.locator('dialog[open]').count(), 0, name);
  }
});

test('a refresh moves no row, closes no dialog and asks for nothing while hidden', async () => {
  const page = await open('/ops/knowledge?pair=2', {}, { prepare: installClock });
  const edit = dialog(page, 'pair');
  await edit.getByRole('textbox', { name: '答案' }).fill('半');
  const asked = recordRequests(page);
  await page.clock.runFor(PERIOD);
  await until(() => asked.includes('GET /ops/knowledge/qa-pairs'));
  assert.equal(await edit.getByRole('textbox', { name: '答案' }).inputValue(), '半');
});

// ── form ──

const VIEWS = [
  '',
  '?view=deleted',
  '?view=trial',
  '?view=trial&tenant_id=tenant_001&question=x',
  '?pair=1',
  '?dialog=new',
  '?dialog=import',
  '?dialog=export&category=x',
  '?dialog=sync',
];

/** Long texts in every place. @param {Page} page */
async function longAnswers(page) {
  const texts = { question: LONG, answer: UNBROKEN, category: UNBROKEN, tenant_name: UNBROKEN.slice(0, 64) };
  const pairs = made.manyPairs(30).map((one, index) => (index < 3 ? { ...one, ...texts } : one));
  const failing = [{ tenant_id: 'x', name: UNBROKEN, message: LONG, since: new Date().toISOString() }];
  const gone = { deleted_at: new Date().toISOString(), deleted_by: UNBROKEN, undo_until: new Date().toISOString() };
  await made.stubKnowledge(page, {
    pairs,
    tenants: manyTenants(25).map((one) => ({ ...one, name: UNBROKEN.slice(0, 64) })),
    status: made.syncStatus({ tenants_failing: failing, last_error: LONG }),
    deleted: pairs.slice(0, 3).map((one) => ({ ...one, ...gone })),
  });
  await stub(page, '/ops/knowledge/search', made.trial({ answer: LONG }));
}

for (const [theme, language] of [
  ['light', 'zh-CN'],
  ['dark', 'en'],
]) {
  test(`axe finds nothing on any view, ${theme}, ${language}; none is too wide, no text is missing`, async () => {
    const page = await openConsole({
      path: '/ops/knowledge',
      prepare: async (opened) => {
        await opened.emulateMedia({ reducedMotion: 'reduce' });
        await opened.addInitScript((chosen) => localStorage.setItem('kimono.theme', chosen), theme);
        await opened.addInitScript((chosen) => localStorage.setItem('kimono.language', chosen), language);
        await longAnswers(opened);
      },
    });
    for (const view of VIEWS) {
      await visit(page, `/ops/knowledge${view}`);
      await assertNoTextMissing(page, view || 'the list');
      await assertAccessible(page, view || 'the list');
      for (const width of [360, 768, 2560, 1280]) await assertFits(page, width);
    }
  });
}

// ── against the server as it is ──

/**
 * The API, as the person who is logged in.
 * @param {Page} page
 * @param {string} method
 * @param {string} path
 * @param {unknown} [data]
 */
async function ask(page, method, path, data) {
  const headers = { Origin: new URL(URL_BASE).origin, Prefer: 'wait=10' };
  const response = await page.request.fetch(`/api/v1${path}`, { method, data, headers });
  assert.ok(response.ok(), `${method} ${path}: ${response.status()} ${await response.text()}`);
  return response.json();
}

/**
 * The file that a click saves.
 * @param {Page} page
 * @param {() => Promise<unknown>} click
 */
async function saved(page, click) {
  const downloading = page.waitForEvent('download');
  await click();
  const download = await downloading;
  return { name: download.suggestedFilename(), bytes: readFileSync(await download.path()) };
}

/** @param {Page} page @param {string} text @param {string} [name] */
async function importFile(page, text, name) {
  const dialogue = dialog(page, 'import');
  await chooseFile(page, text, name);
  await dialogue.locator('[data-test=try-import]:enabled').click();
  await dialogue.locator('[data-test=outcome]:visible').waitFor();
  return dialogue;
}

/** @param {import('playwright-core').Locator} where @param {string} name */
const figureIn = (where, name) => where.locator(`[data-figure=${name}] [data-test=value]`).innerText();

test('import with errors, correct, import again, edit, bulk, undo, export, import back: for real', async () => {
  const page = await openConsole({ path: '/ops/knowledge' });
  const id = `k${Date.now().toString(36)}`;
  const name = `导入测试 ${id}`;
  await ask(page, 'POST', '/ops/tenants', { id, name });
  const count = async () => (await ask(page, 'GET', `/ops/knowledge/qa-pairs?tenant_id=${id}`)).total;

  // With errors: one row without a question, one whose answer is missing.
  await page.goto(`/ops/knowledge?tenant_id=${id}&dialog=import`);
  const good = Array.from({ length: 30 }, (_, index) => `问题 ${index + 1}？,"答案 ${index + 1}，含“引号”",价格`);
  const dialogue = await importFile(page, ['问题,答案,分类', ...good, ',没有问题,价格'].join('\r\n'));
  assert.equal(await figureIn(dialogue, 'created'), '30');
  assert.equal(await figureIn(dialogue, 'failed'), '1');
  assert.equal(await count(), 0, 'a trial changes nothing');
  await dialogue.locator('[data-test=run-import]').click();
  await dialogue.locator('[data-test=job-status]').getByText('已完成').waitFor();
  // A message in a dialog lies over none of its buttons.
  await dialogue.locator('[data-test=toast]').first().waitFor();
  const covered = await dialogue.locator('.dialog-foot .button:visible').evaluateAll((buttons) => {
    const isOver = (/** @type {DOMRect} */ a, /** @type {DOMRect} */ b) =>
      a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;
    const messages = [...document.querySelectorAll('[data-test=toast]')].map((one) => one.getBoundingClientRect());
    return buttons
      .filter((button) => messages.some((message) => isOver(message, button.getBoundingClientRect())))
      .map((button) => button.textContent);
  });
  assert.deepEqual(covered, []);
  const failed = await saved(page, () => dialogue.locator('[data-test=save-errors]').click());
  assert.match(failed.bytes.toString(), /没有问题/);
  assert.equal(await count(), 30);

  // Corrected, and imported again: the file that was saved, with its question filled in.
  await dialogue.locator('[data-test=again]').click();
  await importFile(
    page,
    failed.bytes
      .toString()
      .replace(',没有问题', ',没有问题')
      .replace(/,,?没有问题/, ',补上的问题？,没有问题'),
    'again.csv',
  );
  assert.equal(await figureIn(dialogue, 'created'), '1');
  await dialogue.locator('[data-test=run-import]').click();
  await dialogue.locator('[data-test=job-status]').getByText('已完成').waitFor();
  await dialogue.locator('[data-test=done]').click();
  await range(page).getByText('共 31 条').waitFor();

  // Edit.
  await page.locator('[data-test=list-search]').fill('补上的问题');
  await range(page).getByText('共 1 条').waitFor();
  await page.getByRole('link', { name: '补上的问题？' }).click();
  const edit = dialog(page, 'pair');
  await edit.getByRole('textbox', { name: '答案' }).fill('=SUM(1) 这样开头的答案');
  await edit.getByRole('button', { name: '保存' }).click();
  await page.getByText('已保存，等待同步').waitFor();
  await page.locator('[data-test=filter-words]').getByRole('button', { name: '清除筛选“含“补上的问题””' }).click();
  await range(page).getByText('共 31 条').waitFor();

  // Bulk, and undo.
  await page.locator('[data-test=select-page]').check();
  await page.locator('[data-test=select-all]').click();
  await page.locator('[data-test=bulk-delete]').click();
  const bulk = dialog(page, 'bulk-delete');
  await bulk.locator('[data-test=type-name]:visible').fill('31');
  await bulk.getByRole('button', { name: '删除 31 条问答' }).click();
  await page.locator('[data-test=no-pairs]:visible, [data-test=list-unmatched]:visible').first().waitFor();
  assert.equal(await count(), 0);
  await page.locator('[data-test=toast-action]').last().click();
  await range(page).getByText('共 31 条').waitFor();

  // Export, and import it back: nothing changes.
  await page.locator('[data-test=export]').click();
  const exporting = dialog(page, 'export');
  await exporting.locator('[data-test=export-count]').getByText('31 条').waitFor();
  await exporting.locator('[data-test=export-filter]').getByText(`商家：${name}`).waitFor();
  const csv = await saved(page, () => exporting.locator('[data-format=csv]').click());
  assert.match(csv.name, /\.csv$/);
  const text = csv.bytes.toString();
  assert.equal(text.charCodeAt(0), 0xfeff, 'Excel sees that it is UTF-8');
  await exporting.waitFor({ state: 'hidden' });
  await page.locator('[data-test=import]').click();
  await importFile(page, text, csv.name);
  assert.deepEqual(
    [
      await figureIn(dialogue, 'total'),
      await figureIn(dialogue, 'created'),
      await figureIn(dialogue, 'updated'),
      await figureIn(dialogue, 'skipped'),
    ],
    ['31', '0', '0', '31'],
  );
  await dialogue.getByText('没有需要改动的').waitFor();
  await dialogue.locator('[data-test=close]').click();
  await dialogue.getByRole('button', { name: '不导入了' }).click();

  // The workbook too.
  await page.locator('[data-test=export]').click();
  const xlsx = await saved(page, () => exporting.locator('[data-format=xlsx]').click());
  assert.match(xlsx.name, /\.xlsx$/);
  assert.equal(xlsx.bytes.subarray(0, 2).toString(), 'PK');
});

test('delete and restore, two editors, sync and check: for real', async () => {
  const page = await openConsole({ path: '/ops/knowledge' });
  const id = `e${Date.now().toString(36)}`;
  await ask(page, 'POST', '/ops/tenants', { id, name: `编辑测试 ${id}` });
  const pair = await ask(page, 'POST', '/ops/knowledge/qa-pairs', {
    tenant_id: id,
    question: '可以停车吗？',
    answer: '可以。',
  });
  await page.goto(`/ops/knowledge?tenant_id=${id}&pair=${pair.id}`);
  const edit = dialog(page, 'pair');
  await edit.getByRole('textbox', { name: '答案' }).fill('可以，免费。');
  await ask(page, 'PUT', `/ops/knowledge/qa-pairs/${pair.id}`, { answer: '可以，收费。', version: pair.version });
  await edit.getByRole('button', { name: '保存' }).click();
  const conflict = edit.locator('[data-test=conflict]');
  await conflict.getByText('收费', { exact: false }).first().waitFor();
  await conflict.locator('[data-test=keep-mine]').click();
  await edit.getByRole('button', { name: '保存', exact: true }).click();
  await page.getByText('已保存，等待同步').waitFor();
  assert.equal((await ask(page, 'GET', `/ops/knowledge/qa-pairs/${pair.id}`)).answer, '可以，免费。');

  await row(page, pair.id).getByRole('link', { name: '可以停车吗？' }).click();
  await edit.locator('[data-test=delete-pair]').click();
  await row(page, pair.id).waitFor({ state: 'detached' });
  await page.locator('[data-view=deleted]').click();
  await row(page, pair.id).locator('[data-test=restore]').click();
  await page.getByText('问答已恢复').waitFor();
  await row(page, pair.id).waitFor({ state: 'detached' });
  await page.locator('[data-view=list]').click();
  await row(page, pair.id).waitFor();

  await page.goto(`/ops/knowledge?tenant_id=${id}&dialog=sync`);
  const sync = dialog(page, 'sync');
  await sync.locator('[data-test=sync-now]').click();
  await sync.locator('[data-test=sync-job]').getByText('已完成').waitFor();
  await sync.locator('[data-test=check]:enabled').click();
  await sync.locator('[data-test=verdict]').getByText('索引和库完全一致。').waitFor();

  await page.goto(`/ops/knowledge?view=trial&tenant_id=${id}&question=${encodeURIComponent('可以停车吗')}`);
  await panel(page, 'trial').locator(`[data-match="${pair.id}"]`).getByText('可以停车吗？').waitFor();
});
