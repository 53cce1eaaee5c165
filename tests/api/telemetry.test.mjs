/**
 * @file Telemetry from outside: records of calls and of logs over HTTP, each checked by itself, durable when answered,
 * counted once.
 */
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { openStore } from '../lib/store.mjs';
import { API, OPS, World, assertProblem } from './harness.mjs';

const USAGE = `${API}/telemetry/api-usage`;
const LOGS = `${API}/telemetry/logs`;
const DAY_MS = 86_400_000;

/** @type {World} */
let world;
/** A token of shop-a's. @type {import('./harness.mjs').Client} */
let ofShop;
before(async () => {
  world = await World.open();
  ofShop = world.anyone.as(
    await world.store.must(['token', 'create', 'shop.collector', '--role', 'ingest', '--tenant', 'shop-a']),
  );
});
after(() => world.close());

/**
 * @param {Record<string, any>} [more]
 * @returns {Record<string, any>}
 */
const call = (more) => ({
  api_type: 'dashscope',
  operation: 'chat',
  model: 'qwen-plus',
  tokens_input: 100,
  tokens_output: 10,
  latency_ms: 500,
  success: true,
  ...more,
});
/** @param {object} [more] */
const line = (more) => ({ level: 'INFO', source: 'gateway', message: 'a line', ...more });

const agoMs = (/** @type {number} */ ms) => new Date(Date.now() - ms).toISOString();
const today = () => new Date(Date.now() + 8 * 3_600_000).toISOString().slice(0, 10);

/** @param {object[]} records */
const usage = (records, client = world.ingest) => client.must('POST', USAGE, { json: records });

/**
 * @param {string} sql
 * @param {...any} values
 */
async function rowsOfToday(sql, ...values) {
  const rows = await openStore(world.store, { day: today() });
  try {
    return await rows.all(sql, ...values);
  } finally {
    await rows.close();
  }
}

/** The log line of a request. @param {string} request */
async function lineOf(request) {
  const { items } = await world.admin.must('GET', `${OPS}/logs/query?request_id=${request}`);
  assert.equal(items.length, 1);
  return items[0];
}

/**
 * @param {any} answer
 * @param {Record<string, string[]>} expected  by index
 */
function assertRejected(answer, expected) {
  const found = answer.rejected.map((/** @type {any} */ { index, errors }) => [
    String(index),
    errors.map((/** @type {any} */ { field }) => field).sort(),
  ]);
  assert.deepEqual(Object.fromEntries(found), expected, JSON.stringify(answer));
}

describe('records of calls', () => {
  test('are durable and priced when they are answered', async () => {
    const { api_calls_today: before } = await world.admin.must('GET', `${OPS}/dashboard/overview`);
    const answer = await usage([call(), call({ model: 'unheard-of', outcome: 'ok' }), call({ success: false })]);
    assert.deepEqual(answer, { accepted: 3, duplicates: 0, counted_as_other: 0, rejected: [] });
    const overview = await world.admin.must('GET', `${OPS}/dashboard/overview`);
    assert.equal(overview.api_calls_today, before + 3);
    assert.equal(overview.unpriced_calls_today, 1);
    assert.equal(await world.store.must(['check']), 'whole');
  });

  test('keep all that they say', async () => {
    await usage([
      call({
        timestamp: agoMs(1000),
        tenant_id: 'shop-b',
        request_id: 'req-of-all',
        record_id: 'record-of-all',
        provider_request_id: 'theirs',
        tokens_cached: 60,
        tokens_reasoning: 4,
        read_units: 0.25,
        write_units: 5,
        estimated: true,
        success: false,
        outcome: 'aborted',
      }),
    ]);
    const [row] = await rowsOfToday("SELECT * FROM api_usage_logs WHERE record_id = 'record-of-all'");
    const { tenant_id, request_id, provider_request_id, tokens_cached, tokens_reasoning } = row;
    assert.deepEqual(
      { tenant_id, request_id, provider_request_id, tokens_cached, tokens_reasoning },
      {
        tenant_id: 'shop-b',
        request_id: 'req-of-all',
        provider_request_id: 'theirs',
        tokens_cached: 60,
        tokens_reasoning: 4,
      },
    );
    const { read_units, write_units, estimated, success, outcome } = row;
    assert.deepEqual(
      { read_units, write_units, estimated, success, outcome },
      {
        read_units: 250,
        write_units: 5000,
        estimated: 1,
        success: 0,
        outcome: 5,
      },
    );
  });

  test('are refused one by one, each with all that is wrong', async () => {
    const answer = await usage([
      call(),
      /** @type {any} */ ('text'),
      call({ api_type: undefined, tokens_input: -1, surprise: 1 }),
      call({ timestamp: agoMs(8 * DAY_MS) }),
      call({ timestamp: agoMs(-11 * 60_000) }),
      call({ timestamp: '2026-11-22T06:48:26' }),
      call({ success: true, outcome: 'failed' }),
      call({ tokens_cached: 101 }),
      call({ operation: 'a\nb' }),
      call({ request_id: 'r'.repeat(129) }),
      call({ latency_ms: 1.5, estimated: 'yes', read_units: -1, outcome: 'great' }),
      call({ success: undefined }),
      call({ timestamp: agoMs(6 * DAY_MS) }),
      call({ timestamp: agoMs(-9 * 60_000) }),
    ]);
    assert.equal(answer.accepted, 3);
    assertRejected(answer, {
      1: [''],
      2: ['api_type', 'surprise', 'tokens_input'],
      3: ['timestamp'],
      4: ['timestamp'],
      5: ['timestamp'],
      6: ['outcome'],
      7: ['tokens_cached'],
      8: ['operation'],
      9: ['request_id'],
      10: ['estimated', 'latency_ms', 'outcome', 'read_units'],
      11: ['success'],
    });
  });

  test('a reason is said in the language of the sender', async () => {
    const headers = { 'Accept-Language': 'zh-CN' };
    const answer = await world.ingest.must('POST', USAGE, { json: [call({ tokens_input: 'x' })], headers });
    assert.match(answer.rejected[0].errors[0].message, /整数/);
  });

  test('what no text may hold refuses its record alone', async () => {
    const body = `[${JSON.stringify(call({ model: 'a' })).replace('"a"', '"\\u0000"')},${JSON.stringify(call())}]`;
    const answer = await world.ingest.must('POST', USAGE, { body, headers: { 'Content-Type': 'application/json' } });
    assert.equal(answer.accepted, 1);
    assertRejected(answer, { 0: ['model'] });
  });

  test('count once, by record_id or by request, api_type and operation', async () => {
    const records = [
      call({ request_id: 'once' }),
      call({ request_id: 'once', operation: 'embedding' }),
      call({ request_id: 'once', record_id: 'first try' }),
      call({ request_id: 'once', record_id: 'second try' }),
      call({ request_id: 'once' }),
    ];
    assert.deepEqual(await usage(records), { accepted: 4, duplicates: 1, counted_as_other: 0, rejected: [] });
    assert.deepEqual(await usage(records), { accepted: 0, duplicates: 5, counted_as_other: 0, rejected: [] });
    const [{ count }] = await rowsOfToday("SELECT COUNT(*) AS count FROM api_usage_logs WHERE request_id = 'once'");
    assert.equal(Number(count), 4);
  });

  test('a token of a tenant writes for it alone', async () => {
    const answer = await usage(
      [call({ record_id: 'bound' }), call({ tenant_id: 'shop-a' }), call({ tenant_id: 'shop-b' })],
      ofShop,
    );
    assert.equal(answer.accepted, 2);
    assertRejected(answer, { 2: ['tenant_id'] });
    const [row] = await rowsOfToday("SELECT tenant_id FROM api_usage_logs WHERE record_id = 'bound'");
    assert.equal(row.tenant_id, 'shop-a');
  });
});

describe('log records', () => {
  test('are taken with what they say', async () => {
    const answer = await world.ingest.must('POST', LOGS, {
      json: [
        line({ level: 'WARN', message: '<b>同步延迟</b> ‮ 5 min', tenant_id: 'shop-a', request_id: 'log-1' }),
        line({
          timestamp: agoMs(5000),
          fields: { path: '/x', nested: { deep: [1, null, 'zwei'] } },
          request_id: 'log-2',
        }),
      ],
    });
    assert.deepEqual(answer, { accepted: 2, duplicates: 0, counted_as_other: 0, rejected: [] });
    const { message, level, tenant_id } = await lineOf('log-1');
    assert.deepEqual(
      { message, level, tenant_id },
      { message: '<b>同步延迟</b> ‮ 5 min', level: 'WARN', tenant_id: 'shop-a' },
    );
    assert.deepEqual((await lineOf('log-2')).fields, { path: '/x', nested: { deep: [1, null, 'zwei'] } });
  });

  test('64 KiB is a line, more is none', async () => {
    const answer = await world.ingest.must('POST', LOGS, {
      json: [
        line({ message: 'x'.repeat(65_536) }),
        line({ message: 'x'.repeat(65_537) }),
        line({ level: 'LOUD', message: undefined, source: undefined }),
        line({ fields: [1] }),
        line({ message: '' }),
        line({ fields: { long: Array(300_000).fill(0) } }),
      ],
    });
    assert.equal(answer.accepted, 1);
    assertRejected(answer, {
      1: ['message'],
      2: ['level', 'message', 'source'],
      3: ['fields'],
      4: ['message'],
      5: [''],
    });
  });
});

describe('a body', () => {
  const ndjson = (/** @type {object[]} */ records) => records.map((record) => JSON.stringify(record)).join('\n');
  /**
   * @param {string | Buffer} body
   * @param {Record<string, string>} headers
   */
  const send = (body, headers, path = USAGE) => world.ingest.send('POST', path, { body, headers });
  const LINES = { 'Content-Type': 'application/x-ndjson' };
  const JSON_TYPE = { 'Content-Type': 'application/json; charset=utf-8' };

  test('comes as lines, packed or not, short or long', async () => {
    for (const count of [1, 2000]) {
      const text = `\n${ndjson(Array.from({ length: count }, () => call()))}\r\n\n`;
      for (const [body, coding] of /** @type {[string | Buffer, Record<string, string>][]} */ ([
        [text, {}],
        [text, { 'Content-Encoding': 'identity' }],
        [gzipSync(text), { 'Content-Encoding': 'gzip' }],
        [Buffer.concat([gzipSync(text.slice(0, 50)), gzipSync(text.slice(50))]), { 'Content-Encoding': 'gzip' }],
        [zstdCompressSync(Buffer.from(text)), { 'Content-Encoding': 'zstd' }],
      ])) {
        const { status, json } = await send(body, { ...LINES, ...coding });
        assert.deepEqual([status, json?.accepted], [200, count]);
      }
    }
  });

  test('may be empty of records', async () => {
    assert.equal((await send(' [ ] ', JSON_TYPE)).json.accepted, 0);
    assert.equal((await send('\n\n', LINES)).json.accepted, 0);
  });

  test('that is no list is refused as a whole, and nothing of it is taken', async () => {
    const good = JSON.stringify(call({ request_id: 'of a bad body' }));
    for (const body of [
      '',
      '{}',
      '[',
      `[${good}`,
      `[${good},]`,
      `[${good}] x`,
      `[${good} ${good}]`,
      `[${good},{"a":}]`,
      `[${good},"\xff]`,
      'null',
      '[\u0000]',
    ])
      assertProblem(await send(body, JSON_TYPE), 400);
    for (const body of [`${good}\n{`, `${good}\nx`]) assertProblem(await send(body, LINES), 400);
    const rows = await rowsOfToday("SELECT 1 FROM usage_rows WHERE request_id = 'of a bad body'");
    assert.equal(rows.length, 0);
  });

  test('of another type, or packed in another way, is not read', async () => {
    assertProblem(await send('[]', { 'Content-Type': 'text/csv' }), 415);
    const answer = await send('[]', { ...JSON_TYPE, 'Content-Encoding': 'br' });
    assertProblem(answer, 415);
    assert.match(String(answer.headers['accept-encoding']), /zstd/);
  });

  test('that is not what it says is refused', async () => {
    const packed = gzipSync(ndjson([call()]));
    for (const [body, coding] of [
      [Buffer.from('no gzip'), 'gzip'],
      [packed.subarray(0, packed.length - 9), 'gzip'],
      [packed, 'zstd'],
      [zstdCompressSync(Buffer.from('[]')).subarray(0, 8), 'zstd'],
    ])
      assertProblem(
        await send(/** @type {Buffer} */ (body), { ...JSON_TYPE, 'Content-Encoding': String(coding) }),
        400,
      );
  });

  test('with more than 10,000 records, or more than it may be when unpacked, is too large', async () => {
    const many = `[${Array(10_001).fill('{}').join(',')}]`;
    assertProblem(await send(many, JSON_TYPE), 413);
    const bomb = Buffer.alloc(65 << 20, ' ');
    for (const [coding, body] of /** @type {const} */ ([
      ['gzip', gzipSync(bomb)],
      ['zstd', zstdCompressSync(bomb)],
    ])) {
      assert.ok(body.length < 1 << 20);
      assertProblem(await send(body, { ...JSON_TYPE, 'Content-Encoding': coding }), 413);
    }
    const long = Array.from({ length: 1000 }, () => line({ message: '長'.repeat(20_000) }));
    assertProblem(await send(JSON.stringify(long), JSON_TYPE, LOGS), 413);
  });
});

test('ten thousand records at once', async () => {
  const records = Array.from({ length: 10_000 }, (_, i) =>
    call({ request_id: `many-${i}`, tenant_id: i % 2 ? 'shop-a' : 'shop-b' }),
  );
  assert.equal((await usage(records)).accepted, 10_000);
  assert.equal((await usage(records)).duplicates, 10_000);
});

const TRACE = process.env.KIMONO_TEST_LLM_TRACE ?? '';

test('a day of real calls adds up', { skip: existsSync(TRACE) ? false : 'KIMONO_TEST_LLM_TRACE' }, async () => {
  const calls = readFileSync(TRACE, 'utf8')
    .trim()
    .split('\n')
    .slice(1)
    .map((row) => row.split(','))
    .map(([at, input, output]) => ({
      at: Date.parse(`${at.slice(0, 23).replace(' ', 'T')}Z`),
      input: Number(input),
      output: Number(output),
    }));
  const moved = Date.now() - Math.max(...calls.map(({ at }) => at));
  const records = calls.map(({ at, input, output }, i) =>
    call({
      timestamp: new Date(at + moved).toISOString(),
      tokens_input: input,
      tokens_output: output,
      operation: 'chat.trace',
      request_id: `trace-${i}`,
    }),
  );
  let accepted = 0;
  for (let i = 0; i < records.length; i += 1000) accepted += (await usage(records.slice(i, i + 1000))).accepted;
  assert.equal(accepted, 19_366);
  const sums = { calls: 0, input: 0, output: 0, cost: 0 };
  for (const day of new Set(
    records.map(({ timestamp }) => new Date(Date.parse(timestamp) + 8 * 3_600_000).toISOString().slice(0, 10)),
  )) {
    const rows = await openStore(world.store, { day });
    const [sum] = await rows.all(
      `SELECT COUNT(*) AS calls, SUM(tokens_input) AS input, SUM(tokens_output) AS output, SUM(cost_nano_cny) AS cost
       FROM api_usage_logs WHERE operation = 'chat.trace'${world.store.database ? ` AND day = ${Date.parse(day) / DAY_MS}` : ''}`,
    );
    await rows.close();
    for (const name of /** @type {const} */ (['calls', 'input', 'output', 'cost'])) sums[name] += Number(sum[name]);
  }
  assert.deepEqual(sums, { calls: 19_366, input: 22_361_870, output: 4_088_665, cost: 26_066_826_000 });
  assert.equal(await world.store.must(['check']), 'whole');
});

/* At the end: the day takes no new names afterwards. */
describe('names from outside', () => {
  test('one that is too long, and one too many in a day, count under other', async () => {
    const long = await usage([call({ model: 'm'.repeat(101), record_id: 'long' })]);
    assert.equal(long.counted_as_other, 1);
    const [row] = await rowsOfToday("SELECT model FROM api_usage_logs WHERE record_id = 'long'");
    assert.equal(row.model, 'other');
    const records = Array.from({ length: 1000 }, (_, i) => call({ model: `model-${i}`, api_type: `api-${i}` }));
    const { accepted, counted_as_other: other } = await usage(records);
    assert.equal(accepted, 1000);
    assert.ok(other > 700, String(other));
    const [{ names }] = await rowsOfToday('SELECT COUNT(*) AS names FROM usage_platform_keys');
    assert.ok(Number(names) < 360, String(names));
    assert.equal(await world.store.must(['check']), 'whole');
  });

  test('tenants that nobody knows are few', async () => {
    const records = Array.from({ length: 300 }, (_, i) => call({ tenant_id: `stranger-${i}` }));
    const { accepted, rejected } = await usage(records);
    assert.equal(accepted, 200);
    assert.equal(rejected.length, 100);
  });

  test('sources of logs likewise', async () => {
    const records = Array.from({ length: 1000 }, (_, i) => line({ source: `source-${i}` }));
    const { accepted, counted_as_other: other } = await world.ingest.must('POST', LOGS, { json: records });
    assert.equal(accepted, 1000);
    assert.ok(other >= 700, String(other));
  });
});

test('all is whole, and stays so after the server has gone', async () => {
  await world.server.stop();
  assert.equal(await world.store.must(['check']), 'whole');
});
