/** @file The log: what is found, counted, followed, exported and saved. */
import assert from 'node:assert/strict';
import { request } from 'node:http';
import { after, before, describe, test } from 'node:test';
import { OPS, PAIRS, PATIENCE, World, assertProblem, pause } from './harness.mjs';

const LOGS = `${OPS}/logs`;
/** No request of these tests asks for it, so no other line has it. */
const WORD = 'Zwetschgenröster';

/** @type {World} */
let world;
before(async () => {
  world = await World.open();
  for (let i = 0; i < 5; i++) await world.ask('shop-a', PAIRS[0].question);
  await world.ask('shop-b', PAIRS[1].question);
  for (let i = 0; i < 3; i++) await world.admin.get(`${OPS}/tenants/nobody-${i}`, { check: false });
});
after(() => world.close());

/** @param {string} name @param {Record<string, string | number>} [query] */
const path = (name, query = {}) =>
  `${LOGS}/${name}?${Object.entries(query)
    .map(([key, value]) => `${key}=${encodeURIComponent(value)}`)
    .join('&')}`;
/** @param {Record<string, string | number>} [query] */
const lines = async (query) => world.admin.must('GET', path('query', query));

/**
 * The answer, once it is as wanted: rows of requests are written a second later.
 * @param {() => Promise<any>} ask
 * @param {(answer: any) => boolean} isWanted
 */
async function once(ask, isWanted) {
  for (const deadline = Date.now() + 20_000 * PATIENCE; ; await pause(200)) {
    const answer = await ask();
    if (isWanted(answer)) return answer;
    assert.ok(Date.now() < deadline, JSON.stringify(answer).slice(0, 500));
  }
}

describe('logs', () => {
  test('a request is found by its id, and by any part of its line', async () => {
    const answer = await world.admin.get(`${OPS}/tenants/shop-a`);
    const id = String(answer.headers['x-request-id']);
    const { items } = await once(
      () => lines({ request_id: id }),
      (list) => list.items.length === 1,
    );
    assert.equal(items[0].request_id, id);
    assert.equal(items[0].source, 'http');
    assert.match(items[0].message, /GET .*\/tenants\/\{id\} 200/);
    assert.deepEqual((await lines({ query: `request:${id} status:200` })).items, items);
    assert.deepEqual((await lines({ request_id: id, keyword: 'ＴＥＮＡＮＴＳ' })).items, items);
    assert.deepEqual((await lines({ request_id: id, level: 'WARN,ERROR' })).items, []);
    assert.equal((await lines({ request_id: id, query: 'NOT status:200' })).items.length, 0);
  });

  test('newest first, page after page, each line once', async () => {
    const end_time = new Date(Date.now() - 1).toISOString();
    const all = await once(
      () => lines({ limit: 1000, end_time }),
      (list) => list.items.length > 12,
    );
    const seen = /** @type {string[]} */ ([]);
    for (let cursor = ''; ;) {
      const page = await lines({ limit: 5, end_time, ...(cursor ? { cursor } : {}) });
      seen.push(...page.items.map((/** @type {any} */ item) => item.id));
      if (!page.next_cursor) break;
      cursor = page.next_cursor;
    }
    assert.equal(new Set(seen).size, seen.length);
    for (const { id } of all.items) assert.ok(seen.includes(id));
    const times = all.items.map((/** @type {any} */ item) => item.timestamp);
    assert.deepEqual(times, [...times].sort().reverse());
  });

  test('the language: what does not parse is named with its place', async () => {
    for (const [query, message] of [
      ['level:ERROR AND', /Column 16/],
      ['(a', /Column 1: the bracket/],
      ['a "b', /Column 3/],
      ['level:loud', /Column 7/],
    ]) {
      const answer = await world.admin.get(path('query', { query: String(query) }));
      assertProblem(answer, 422, 'invalid', ['query']);
      assert.match(answer.json.errors[0].message, /** @type {RegExp} */ (message));
    }
    for (const query of /** @type {Record<string, string | number>[]} */ ([
      { level: 'LOUD' },
      { cursor: 'x' },
      { limit: 1001 },
      { start_time: '2026-01-02T00:00:00Z', end_time: '2026-01-01T00:00:00Z' },
    ]))
      assertProblem(await world.admin.get(path('query', query)), 422);
    assertProblem(await world.admin.get(path('context', { id: 'x' })), 422);
    assertProblem(await world.admin.get(path('context', { id: '20784.1.999999999' })), 404);
    assertProblem(await world.admin.get(path('tail', { after: 'x' })), 422);
    assertProblem(await world.admin.get(path('export', { query: '(' })), 422);
  });

  test('figures are those of the lines', async () => {
    const end_time = new Date().toISOString();
    const start_time = new Date(Date.now() - 3_600_000).toISOString();
    const chat = { source: 'chat', start_time, end_time };
    const { items } = await once(
      () => lines({ ...chat, limit: 1000 }),
      (list) => list.items.length >= 6,
    );
    const stats = await world.admin.must('GET', path('stats', chat));
    assert.equal(stats.total, items.length);
    assert.ok(stats.complete);
    assert.deepEqual(Object.keys(stats.by_source), ['chat']);
    assert.equal(stats.by_tenant['shop-a'], 5);
    assert.equal(stats.by_tenant['shop-b'], 1);
    const sum = (/** @type {any[]} */ bars) => bars.reduce((total, bar) => total + bar.count, 0);
    assert.equal(sum(stats.histogram), stats.total);
    const levels = Object.values(stats.by_level).reduce((total, count) => total + count, 0);
    assert.equal(levels, stats.total);
  });

  test('the lines around one, oldest first', async () => {
    const { items } = await lines({ limit: 7 });
    const context = await world.admin.must('GET', path('context', { id: items[3].id, before: 2, after: 1 }));
    assert.deepEqual(
      context.items.map((/** @type {any} */ item) => item.id),
      [items[5].id, items[4].id, items[3].id, items[2].id],
    );
  });

  test('patterns: lines of one shape are one, and new if the day before had none', async () => {
    const patterns = await once(
      () => world.admin.must('GET', path('patterns', { query: 'source:http 404' })),
      (answer) => answer.items.some((/** @type {any} */ item) => item.count >= 3),
    );
    const [first] = patterns.items;
    assert.match(first.pattern, /GET .*\/tenants\/\{id\} #/);
    assert.deepEqual([first.novelty, first.previous_count], ['new', 0]);
    assert.ok(patterns.complete);
    const found = await lines({ query: first.query, limit: 1000 });
    assert.ok(found.items.length >= first.count);
    assert.ok(found.items.some((/** @type {any} */ item) => item.id === first.example_id));
  });

  test('export: every line, as CSV and as NDJSON; not for a viewer', async () => {
    const filter = { source: 'chat', end_time: new Date().toISOString() };
    const { items } = await lines({ ...filter, limit: 1000 });
    const ndjson = await world.admin.get(path('export', { ...filter, format: 'ndjson' }));
    assert.deepEqual(
      ndjson.text
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line)),
      items,
    );
    const csv = await world.admin.get(path('export', filter));
    assert.equal(csv.text.trim().split('\r\n').length, items.length + 1);
    assert.match(csv.text, /^\uFEFFid,timestamp,level,source,message,tenant_id,request_id,fields\r\n/);
    assertProblem(await world.viewer.get(path('export', filter)), 403);
  });

  test('the tail brings what is written, goes on where it ended, and ends with the session', async () => {
    const first = await followed(
      { source: 'chat' },
      {},
      async () => void (await world.ask('shop-a', PAIRS[0].question)),
    );
    assert.equal(first.status, 200);
    assert.match(String(first.type), /^text\/event-stream/);
    assert.equal(first.events.length, 1);
    assert.equal(first.events[0].data.id, first.events[0].id);
    await world.ask('shop-b', PAIRS[0].question);
    const later = await followed({ source: 'chat' }, { 'Last-Event-ID': first.events[0].id }, async () => {});
    assert.deepEqual(
      later.events.map(({ data }) => data.tenant_id),
      ['shop-b'],
    );
  });

  test('saved queries: own and shared, each name once', async () => {
    const json = { name: '夜间错误', query: `level:ERROR ${WORD}`, shared: true };
    const saved = await world.admin.must('POST', `${LOGS}/queries`, { json, status: 201 });
    assert.deepEqual([saved.name, saved.query, saved.own, saved.level], [json.name, json.query, true, '']);
    assertProblem(await world.admin.post(`${LOGS}/queries`, json), 409);
    assertProblem(await world.admin.post(`${LOGS}/queries`, { name: 'x', query: '(' }), 422);
    assertProblem(await world.admin.post(`${LOGS}/queries`, { name: ' ' }), 422);
    const own = await world.viewer.must('POST', `${LOGS}/queries`, { json: { name: 'a', keyword: 'b' }, status: 201 });
    const seen = (await world.viewer.must('GET', `${LOGS}/queries`)).items;
    assert.deepEqual(
      seen.map((/** @type {any} */ { name, own }) => [name, own]),
      [
        ['a', true],
        [json.name, false],
      ],
    );
    assert.equal((await world.admin.must('GET', `${LOGS}/queries`)).items.length, 1);
    assertProblem(await world.viewer.send('DELETE', `${LOGS}/queries/${saved.id}`), 403);
    assertProblem(await world.admin.send('DELETE', `${LOGS}/queries/${own.id}`), 404);
    await world.viewer.must('DELETE', `${LOGS}/queries/${own.id}`, { status: 204 });
    await world.admin.must('DELETE', `${LOGS}/queries/${saved.id}`, { status: 204 });
    assert.deepEqual((await world.admin.must('GET', `${LOGS}/queries`)).items, []);
  });

  test('no more tails than there may be: one more of a person is 429', async () => {
    const open = await Promise.all(Array.from({ length: 6 }, () => tail({}, {})));
    assert.deepEqual(
      open.map(({ response }) => response.statusCode),
      Array(6).fill(200),
    );
    const refused = await tail({}, {});
    assert.equal(refused.response.statusCode, 429);
    assert.ok(Number(refused.response.headers['retry-after']) > 0);
    for (const { close } of [...open, refused]) close();
    await once(
      async () => {
        const again = await tail({}, {});
        again.close();
        return again.response.statusCode;
      },
      (status) => status === 200,
    );
  });
});

/**
 * @param {Record<string, string>} query
 * @param {Record<string, string>} headers
 * @returns {Promise<{ response: import('node:http').IncomingMessage, close: () => void }>}
 */
function tail(query, headers) {
  return new Promise((resolve, reject) => {
    const options = { host: '127.0.0.1', port: world.server.port, path: path('tail', query), agent: false };
    const sent = request({ ...options, headers: { ...headers, Authorization: `Bearer ${world.admin.token}` } });
    sent.on('response', (response) => resolve({ response, close: () => sent.destroy() }));
    sent.on('error', reject);
    sent.end();
  });
}

/**
 * Follows until there is an event and a moment has passed.
 * @param {Record<string, string>} query
 * @param {Record<string, string>} headers
 * @param {() => Promise<void>} act
 */
async function followed(query, headers, act) {
  const { response, close } = await tail(query, headers);
  let text = '';
  response.on('data', (chunk) => (text += chunk));
  response.on('error', () => {});
  await act();
  await once(
    async () => text,
    (all) => all.includes('id: '),
  );
  await pause(700);
  close();
  const events = text
    .split('\n\n')
    .filter((block) => block.startsWith('id: '))
    .map((block) => {
      const [id, data] = block.split('\n');
      return { id: id.slice(4), data: JSON.parse(data.slice(6)) };
    });
  const { statusCode: status = 0, headers: told } = response;
  world.document.checkAnswer('GET', path('tail'), {
    status,
    headers: told,
    body: Buffer.from(text),
    text,
    json: undefined,
  });
  return { status, type: told['content-type'], events };
}
