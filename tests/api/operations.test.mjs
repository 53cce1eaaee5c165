/** @file The operation log: who changed what and who was refused, by any filter, as pages and as files. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { auditRows, openStore, queryStore } from '../lib/store.mjs';
import { OPS, PAIRS, PATIENCE, World, assertProblem, pause } from './harness.mjs';

/** @type {World} */
let world;
before(async () => {
  world = await World.open();
});
after(() => world.close());

const LIST = `${OPS}/logs/operations`;
/** @param {Record<string, string | number>} query @returns {Promise<any>} */
const list = async (query = {}) => world.admin.must('GET', `${LIST}?${new URLSearchParams(asTexts(query))}`);
/** @param {Record<string, string | number>} query */
const asTexts = (query) => Object.fromEntries(Object.entries(query).map(([name, value]) => [name, String(value)]));
/** @param {{ items: any[] }} answer */
const idsOf = ({ items }) => items.map((/** @type {any} */ item) => item.id);

/**
 * The rows of a request, once there are so many.
 * @param {string} requestId
 * @param {number} count
 */
async function rowsOf(requestId, count = 1) {
  for (const deadline = Date.now() + 10_000 * PATIENCE; ; await pause(50)) {
    const { items } = await list({ request_id: requestId });
    if (items.length >= count) return items;
    assert.ok(Date.now() < deadline, `${requestId}: ${items.length} rows`);
  }
}

let made = 0;
const newRequest = () => `operation-${++made}`;

/** Rows as if they had been written in the past, for filters; the chain is no matter here. */
async function addOld() {
  const rows = await openStore(world.store);
  await rows.run('BEGIN');
  for (let i = 0; i < 1200; i++)
    await rows.run(
      'INSERT INTO ops_logs(timestamp, user_id, username, action, target_type, target_id, details, ip_address,' +
        ' request_id, result, chain_hash) VALUES ($1, $2, $3, $4, $5, $6, \'{"before":null,"after":null,' +
        "\"reason\":null}', '', $7, $8, $9)",
      1_700_000_000_000 + Math.floor(i / 3) * 1000,
      `usr_${i % 4}`,
      `user ${i % 4}`,
      i % 5 ? 'old.often' : 'old.rare',
      i % 2 ? 'tenant' : 'qa_pair',
      `target-${i % 7}`,
      `old-${i % 11}`,
      ['done', 'done', 'refused', 'failed'][i % 4],
      new Uint8Array(32),
    );
  await rows.run('COMMIT');
  await rows.close();
}

describe('what was done', () => {
  test('has who, when, before, after and the reason', async () => {
    const requestId = newRequest();
    const headers = { 'X-Request-Id': requestId };
    const json = { tenant_id: 'shop-a', question: '押金多少', answer: '五百元' };
    const pair = await world.admin.must('POST', `${OPS}/knowledge/qa-pairs`, { status: 201, json, headers });
    const [row] = await rowsOf(requestId);
    assert.deepEqual(
      [row.username, row.action, row.target_type, row.target_id, row.result, row.ip_address, row.request_id],
      ['ops_admin', 'qa_pair.create', 'qa_pair', String(pair.id), 'done', '127.0.0.1', requestId],
    );
    assert.equal(row.details.after.answer, '五百元');
    assert.deepEqual([row.details.before, row.details.reason], [null, null]);
    assert.ok(Math.abs(Date.parse(row.timestamp) - Date.now()) < 60_000);
    assert.deepEqual(idsOf(await list({ target_type: 'qa_pair', target_id: pair.id })), [row.id]);
    assert.deepEqual(await world.admin.must('GET', `${LIST}/${row.id}`), row);
    assertProblem(await world.admin.get(`${LIST}/999999`), 404, 'not-found');
    const seen = await world.viewer.must('GET', `${LIST}?request_id=${requestId}`);
    assert.deepEqual(seen.items[0].details.after.answer, '五百元');
  });

  test('is found by every filter, alone and together, page by page, in its order', async () => {
    await addOld();
    /** @type {any[]} */
    const all = (await queryStore(world.store, 'SELECT * FROM ops_logs ORDER BY timestamp DESC, id DESC')).map(
      (row) => ({
        ...row,
        time: new Date(row.timestamp).toISOString(),
      }),
    );
    const filters = /** @type {Record<string, string>[]} */ ([
      { action: 'old.rare' },
      { user_id: 'usr_2' },
      { user_id: '', action: 'tenant.create' },
      { target_id: 'target-3' },
      { target_type: 'tenant', action: 'old.often' },
      { request_id: 'old-5' },
      { result: 'refused', action: 'old.rare' },
      { result: 'failed', user_id: 'usr_3', target_type: 'tenant' },
      { result: 'done', target_id: 'target-1', request_id: 'old-2' },
      { start_time: '2023-11-14T22:14:00.000Z', end_time: '2023-11-14T22:15:00.000Z' },
      { start_time: '2023-11-14T22:14:00.000Z', end_time: '2023-11-14T22:15:00.000Z', action: 'old.rare' },
    ]);
    for (const filter of filters) {
      const wanted = all.filter((row) =>
        Object.entries(filter).every(([name, value]) =>
          name === 'start_time' ? row.time >= value : name === 'end_time' ? row.time < value : row[name] === value,
        ),
      );
      const seen = /** @type {number[]} */ ([]);
      for (let query = /** @type {any} */ ({ ...filter, page_size: 37 }); ;) {
        const page = await list(query);
        if (wanted.length < 1000) assert.equal(page.total, wanted.length, JSON.stringify(filter));
        seen.push(...idsOf(page));
        if (!page.next_cursor) break;
        query = { ...filter, page_size: 37, cursor: page.next_cursor };
      }
      assert.deepEqual(
        seen,
        wanted.map(({ id }) => id),
        JSON.stringify(filter),
      );
      assert.deepEqual(idsOf(await list({ ...filter, page: 2, page_size: 5 })), seen.slice(5, 10));
    }
    const everything = await list();
    assert.deepEqual([everything.total, everything.total_at_least], [undefined, 1000]);
  });

  test('a filter, page or cursor that is none is named', async () => {
    const wrong = /** @type {[string, string[]][]} */ ([
      ['cursor=x', ['cursor']],
      ['cursor=1-', ['cursor']],
      ['cursor=99999999999999999999-1', ['cursor']],
      ['page=1000&page_size=200', ['page']],
      ['result=perhaps', ['result']],
      ['start_time=yesterday', ['start_time']],
      ['start_time=2026-01-02T00:00:00.000Z&end_time=2026-01-01T00:00:00.000Z', ['end_time']],
      ['whom=me', ['whom']],
    ]);
    for (const [query, fields] of wrong)
      assertProblem(await world.admin.get(`${LIST}?${query}`), 422, 'invalid', fields);
    assert.deepEqual((await list({ cursor: '9007199254740993-9007199254740993', page_size: 1 })).items.length, 1);
    assert.deepEqual((await list({ cursor: '0-0' })).items, []);
  });

  test('leaves as CSV and as lines of JSON, all that the filter admits', async () => {
    const { text, headers } = await world.admin.send('GET', `${LIST}/export?action=old.rare`);
    assert.match(headers['content-disposition'] ?? '', /operations-.*\.csv/);
    const lines = text.trimEnd().split('\r\n');
    assert.match(lines[0], /Time,User,User ID,Action/);
    assert.equal(lines.length - 1, 240);
    const json = await world.admin.send('GET', `${LIST}/export?format=ndjson&user_id=usr_1`);
    const rows = json.text
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    assert.equal(rows.length, 300);
    assert.deepEqual(rows[0], (await list({ user_id: 'usr_1' })).items[0]);
    const noted = await list({ action: 'operations.export' });
    assert.deepEqual(
      noted.items.map((/** @type {any} */ row) => [row.details.after.format, row.details.after.count]),
      [
        ['ndjson', 300],
        ['csv', 240],
      ],
    );
    assertProblem(await world.viewer.get(`${LIST}/export`), 403, 'forbidden');
  });
});

describe('what was refused', () => {
  test('is a row with what was asked and why, whoever is signed in', async () => {
    const conflict = newRequest();
    const headers = { 'X-Request-Id': conflict };
    const json = { reason: '账单未付' };
    await world.admin.must('POST', `${OPS}/tenants/shop-b/suspend`, { json });
    const again = await world.admin.send('POST', `${OPS}/tenants/shop-b/suspend`, { json, headers });
    assertProblem(again, 409, 'conflict');
    await world.admin.must('POST', `${OPS}/tenants/shop-b/activate`, { json });
    const [row] = await rowsOf(conflict);
    assert.deepEqual(
      [row.username, row.action, row.target_type, row.target_id, row.result],
      ['ops_admin', 'tenant.suspend', 'tenant', 'shop-b', 'refused'],
    );
    assert.deepEqual(row.details.after, {
      method: 'POST',
      path: `${OPS}/tenants/shop-b/suspend`,
      status: 409,
      asked: json,
    });
    assert.match(row.details.reason, /suspended/);

    const forbidden = newRequest();
    const sent = { json: { name: '新店' }, headers: { 'X-Request-Id': forbidden } };
    assertProblem(await world.viewer.send('POST', `${OPS}/tenants`, sent), 403, 'forbidden');
    const [theirs] = await rowsOf(forbidden);
    assert.deepEqual([theirs.username, theirs.action, theirs.result], ['ops_viewer', 'tenant.create', 'refused']);
    assert.match(theirs.details.reason, /ops_viewer may not/);

    const invalid = newRequest();
    const wrong = { json: { name: '', colour: 'red' }, headers: { 'X-Request-Id': invalid } };
    assertProblem(await world.admin.send('POST', `${OPS}/tenants`, wrong), 422, 'invalid', ['name', 'colour']);
    const [named] = await rowsOf(invalid);
    assert.match(named.details.reason, /name: .*colour: /);
    assert.deepEqual(named.details.after.asked, { name: '' });
  });

  test('what reads, and what strangers ask, is none', async () => {
    const strange = newRequest();
    const headers = { 'X-Request-Id': strange };
    await world.anyone.send('POST', `${OPS}/tenants`, { json: { name: 'x' }, headers });
    await world.viewer.send('GET', `${OPS}/tenants?page=0`, { headers });
    await world.admin.send('POST', `${OPS}/knowledge/search`, { json: {}, headers });
    await pause(300);
    assert.deepEqual(await auditRows(world.store, 'request_id = $1', strange), []);
  });

  test('a flood of them costs some rows and one with the count, and nobody else notices', async () => {
    const [{ last }] = await queryStore(world.store, 'SELECT MAX(id) AS last FROM ops_logs');
    const flood = Array.from({ length: 400 }, (_, i) =>
      world.ingest.send(i % 2 ? 'POST' : 'DELETE', i % 2 ? `${OPS}/tenants` : `${OPS}/templates/1`, { check: false }),
    );
    const answers = await Promise.all([...flood, world.ask('shop-a', PAIRS[0].question)]);
    assert.ok(answers.slice(0, 400).every((answer) => /** @type {any} */ (answer).status === 403));
    assert.ok(/** @type {any} */ (answers[400]).answered);
    await world.server.stop();
    const rows = await auditRows(world.store, "id > $1 AND result = 'refused'", last);
    const counted = rows.filter(({ action }) => action === 'request.refuse');
    assert.equal(rows.length - counted.length, 30);
    assert.equal(counted.length, 1);
    assert.equal(counted[0].details.after.count, 370);
    const { actions } = counted[0].details.after;
    assert.equal(actions['tenant.create'] + actions['template.delete'], 370);
  });
});
