/**
 * @file OTLP/HTTP in both encodings: logs become log rows, spans with the attributes of generative AI rows of calls; what
 * is refused is told as partial success.
 */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { openStore } from '../lib/store.mjs';
import { OPS, World, assertProblem } from './harness.mjs';

const LOGS = '/v1/logs';
const TRACES = '/v1/traces';
const JSON_TYPE = 'application/json';
const PROTOBUF = 'application/x-protobuf';

/** @type {World} */
let world;
before(async () => {
  world = await World.open();
});
after(() => world.close());

// ---- protobuf, written from OTLP's JSON ----

/** Field numbers, with how each is written; another table for a message. @typedef {Record<string, [number, any]>} Table */
const ANY = /** @type {Table} */ ({
  stringValue: [1, 'text'],
  boolValue: [2, 'varint'],
  intValue: [3, 'varint'],
  doubleValue: [4, 'double'],
});
const KEY_VALUE = /** @type {Table} */ ({ key: [1, 'text'], value: [2, ANY] });
ANY.arrayValue = [5, { values: [1, ANY] }];
ANY.kvlistValue = [6, { values: [1, KEY_VALUE] }];
const RESOURCE = /** @type {Table} */ ({ attributes: [1, KEY_VALUE] });
const SCOPE = /** @type {Table} */ ({ name: [1, 'text'], version: [2, 'text'], attributes: [3, KEY_VALUE] });
const LOG = /** @type {Table} */ ({
  timeUnixNano: [1, 'fixed64'],
  severityNumber: [2, 'varint'],
  severityText: [3, 'text'],
  body: [5, ANY],
  attributes: [6, KEY_VALUE],
  traceId: [9, 'hex'],
  spanId: [10, 'hex'],
  observedTimeUnixNano: [11, 'fixed64'],
});
const SPAN = /** @type {Table} */ ({
  traceId: [1, 'hex'],
  spanId: [2, 'hex'],
  parentSpanId: [4, 'hex'],
  name: [5, 'text'],
  kind: [6, 'varint'],
  startTimeUnixNano: [7, 'fixed64'],
  endTimeUnixNano: [8, 'fixed64'],
  attributes: [9, KEY_VALUE],
  status: [15, { message: [2, 'text'], code: [3, 'varint'] }],
});
const LOGS_REQUEST = /** @type {Table} */ ({
  resourceLogs: [1, { resource: [1, RESOURCE], scopeLogs: [2, { scope: [1, SCOPE], logRecords: [2, LOG] }] }],
});
const TRACES_REQUEST = /** @type {Table} */ ({
  resourceSpans: [1, { resource: [1, RESOURCE], scopeSpans: [2, { scope: [1, SCOPE], spans: [2, SPAN] }] }],
});

/** @param {bigint} value */
function varint(value) {
  const bytes = [];
  for (let left = BigInt.asUintN(64, value); ; left >>= 7n) {
    bytes.push(Number(left & 127n) | (left > 127n ? 128 : 0));
    if (left <= 127n) return Buffer.from(bytes);
  }
}

/**
 * @param {Table} table
 * @param {Record<string, any>} message
 * @returns {Buffer}
 */
function encode(table, message) {
  const parts = /** @type {Buffer[]} */ ([]);
  const put = (/** @type {number} */ number, /** @type {number} */ wire, /** @type {Buffer} */ bytes) =>
    parts.push(varint(BigInt((number << 3) | wire)), ...(wire === 2 ? [varint(BigInt(bytes.length))] : []), bytes);
  for (const [name, value] of Object.entries(message)) {
    if (!(name in table)) continue;
    const [number, kind] = table[name];
    for (const one of Array.isArray(value) ? value : [value]) {
      if (kind === 'text') put(number, 2, Buffer.from(one));
      else if (kind === 'hex') put(number, 2, Buffer.from(one, 'hex'));
      else if (kind === 'varint') put(number, 0, varint(BigInt(one)));
      else if (kind === 'fixed64') {
        const bytes = Buffer.alloc(8);
        bytes.writeBigUInt64LE(BigInt(one));
        put(number, 1, bytes);
      } else if (kind === 'double') {
        const bytes = Buffer.alloc(8);
        bytes.writeDoubleLE(one);
        put(number, 1, bytes);
      } else put(number, 2, encode(kind, one));
    }
  }
  return Buffer.concat(parts);
}

// ---- sending ----

/** @param {Record<string, any>} values */
const attributes = (values) =>
  Object.entries(values).map(([key, value]) => ({
    key,
    value:
      typeof value === 'number'
        ? { intValue: String(value) }
        : typeof value === 'boolean'
          ? { boolValue: value }
          : Array.isArray(value)
            ? { arrayValue: { values: value.map((one) => ({ stringValue: one })) } }
            : { stringValue: value },
  }));
const nanoAgo = (/** @type {number} */ ms) => String(BigInt(Date.now() - ms) * 1_000_000n);
const RESOURCE_OF = { attributes: attributes({ 'service.name': 'my.service', region: 'ap-1' }) };
const SCOPE_OF = { name: 'my.library', version: '1.0.0', attributes: attributes({ 'my.scope.attribute': 'x' }) };
const logs = (/** @type {object[]} */ logRecords) => ({
  resourceLogs: [{ scopeLogs: [{ logRecords, scope: SCOPE_OF }], resource: RESOURCE_OF }],
});
const spans = (/** @type {object[]} */ list) => ({
  resourceSpans: [{ resource: RESOURCE_OF, scopeSpans: [{ scope: SCOPE_OF, spans: list }] }],
});

const ENCODINGS = /** @type {const} */ ([JSON_TYPE, PROTOBUF]);
/**
 * @param {string} path
 * @param {object} message
 * @param {string} type
 */
function send(path, message, type, headers = {}) {
  const table = path === LOGS ? LOGS_REQUEST : TRACES_REQUEST;
  const body = type === PROTOBUF ? encode(table, message) : JSON.stringify(message);
  return world.ingest.send('POST', path, { body, headers: { 'Content-Type': type, ...headers } });
}

/** @param {import('./harness.mjs').Answer} answer */
function assertTaken(answer) {
  assert.equal(answer.status, 200, answer.text);
  if (String(answer.headers['content-type']).startsWith(PROTOBUF)) assert.equal(answer.body.length, 0);
  else assert.deepEqual(answer.json, {});
}

const today = () => new Date(Date.now() + 8 * 3_600_000).toISOString().slice(0, 10);
/** @param {string} sql */
async function rowsOfToday(sql) {
  const rows = await openStore(world.store, { day: today() });
  try {
    return await rows.all(sql);
  } finally {
    await rows.close();
  }
}

for (const type of ENCODINGS) {
  const mark = type === PROTOBUF ? 'b' : 'a';
  describe(`in ${type}`, () => {
    test('a log record keeps its time, level, source, text, request and attributes', async () => {
      const traceId = `5B8EFFF798038103D269B633813FC6${mark === 'b' ? 'BB' : 'AA'}`;
      const time = nanoAgo(2000);
      const record = {
        timeUnixNano: time,
        observedTimeUnixNano: nanoAgo(0),
        severityNumber: 10,
        severityText: 'Information',
        traceId,
        spanId: 'EEE19B7EC3C1B174',
        body: { stringValue: '示例 log record' },
        attributes: [
          ...attributes({
            'string.attribute': 'some string',
            'boolean.attribute': true,
            'int.attribute': 10,
            many: ['a', 'b'],
          }),
          { key: 'double.attribute', value: { doubleValue: 637.704 } },
          { key: 'map', value: { kvlistValue: { values: attributes({ 'some.map.key': 'some value' }) } } },
        ],
      };
      assertTaken(await send(LOGS, logs([record]), type));
      const { items } = await world.admin.must('GET', `${OPS}/logs/query?request_id=${traceId.toLowerCase()}`);
      assert.equal(items.length, 1);
      const { message, source, level, timestamp, fields } = items[0];
      assert.deepEqual({ message, source, level }, { message: '示例 log record', source: 'my.service', level: 'INFO' });
      assert.equal(Date.parse(timestamp), Number(BigInt(time) / 1_000_000n));
      assert.deepEqual(fields, {
        'string.attribute': 'some string',
        'boolean.attribute': true,
        'int.attribute': 10,
        many: ['a', 'b'],
        'double.attribute': 637.704,
        map: { 'some.map.key': 'some value' },
        span_id: 'eee19b7ec3c1b174',
        'service.name': 'my.service',
        region: 'ap-1',
      });
    });

    test('levels follow the number, else the text', async () => {
      const cases = /** @type {[number, string, string][]} */ ([
        [1, '', 'DEBUG'],
        [8, 'ERROR', 'DEBUG'],
        [12, '', 'INFO'],
        [13, '', 'WARN'],
        [17, '', 'ERROR'],
        [24, '', 'ERROR'],
        [0, 'Warning', 'WARN'],
        [0, 'critical', 'ERROR'],
        [0, '', 'INFO'],
      ]);
      const records = cases.map(([severityNumber, severityText], i) => ({
        timeUnixNano: nanoAgo(0),
        severityNumber,
        severityText,
        body: { stringValue: `level ${mark} ${i}` },
      }));
      assertTaken(await send(LOGS, logs(records), type));
      const { items } = await world.admin.must(
        'GET',
        `${OPS}/logs/query?keyword=${encodeURIComponent(`level ${mark} `)}`,
      );
      const found = Object.fromEntries(items.map((/** @type {any} */ { message, level }) => [message, level]));
      assert.deepEqual(found, Object.fromEntries(cases.map(([, , level], i) => [`level ${mark} ${i}`, level])));
    });

    test('an old record is refused as partial success, with the reason; the others are taken', async () => {
      const old = { timeUnixNano: '1544712660300000000', body: { stringValue: 'of 2018' } };
      const answer = await send(LOGS, logs([{ body: { stringValue: 'of now' } }, old, old]), type);
      assert.equal(answer.status, 200);
      if (type === JSON_TYPE) {
        assert.equal(answer.json.partialSuccess.rejectedLogRecords, 2);
        assert.match(answer.json.partialSuccess.errorMessage, /record 1: timestamp is older/);
      } else {
        assert.deepEqual([...answer.body.subarray(2, 4)], [8, 2]);
        assert.match(answer.body.toString(), /record 1: timestamp is older/);
      }
    });

    test('a span of generative AI is a call, by newer and older names; others are no calls', async () => {
      const traceId = `0000000000000000000000000000000${mark}`;
      const span = (/** @type {number} */ n, /** @type {Record<string, any>} */ values, more = {}) => ({
        traceId,
        spanId: `000000000000000${n}`,
        name: 'chat qwen-plus',
        kind: 3,
        startTimeUnixNano: nanoAgo(3000),
        endTimeUnixNano: nanoAgo(1766),
        attributes: attributes(values),
        ...more,
      });
      const list = [
        span(1, {
          'gen_ai.operation.name': 'chat',
          'gen_ai.provider.name': 'alibaba_cloud',
          'gen_ai.request.model': 'qwen-plus',
          'gen_ai.response.model': 'qwen-plus-2025-12-01',
          'gen_ai.response.id': 'their-id',
          'gen_ai.usage.input_tokens': 1000,
          'gen_ai.usage.output_tokens': 200,
          'gen_ai.usage.cache_read.input_tokens': 400,
          'gen_ai.usage.reasoning.output_tokens': 50,
          tenant_id: 'shop-a',
        }),
        span(2, {
          'gen_ai.system': 'openai',
          'gen_ai.operation.name': 'text_completion',
          'gen_ai.request.model': 'm',
          'gen_ai.usage.prompt_tokens': 7,
          'gen_ai.usage.completion_tokens': 8,
        }),
        span(3, {
          'gen_ai.operation.name': 'embeddings',
          'gen_ai.system': 'dashscope',
          'gen_ai.usage.input_tokens': 5,
        }),
        span(
          4,
          { 'gen_ai.operation.name': 'chat', 'gen_ai.system': 'x', 'error.type': 'timeout' },
          { status: { code: 2 } },
        ),
        span(5, {
          'gen_ai.operation.name': 'chat',
          'gen_ai.system': 'x',
          'gen_ai.response.finish_reasons': ['content_filter'],
        }),
        span(6, { 'gen_ai.operation.name': 'invoke_agent', 'gen_ai.usage.input_tokens': 9999 }),
        span(7, { 'my.span.attr': 'some value' }),
      ];
      assertTaken(await send(TRACES, spans(list), type));
      assertTaken(await send(TRACES, spans(list), type, {})); // again: counts once
      const rows = await rowsOfToday(`SELECT * FROM api_usage_logs WHERE request_id = '${traceId}' ORDER BY record_id`);
      const shown = rows.map((row) => [
        row.api_type,
        row.operation,
        row.model,
        row.tenant_id,
        ...[row.tokens_input, row.tokens_output, row.tokens_cached, row.tokens_reasoning, row.outcome].map(Number),
      ]);
      assert.deepEqual(shown, [
        ['dashscope', 'chat', 'qwen-plus', 'shop-a', 1000, 200, 400, 50, 0],
        ['openai', 'chat', 'm', null, 7, 8, 0, 0, 0],
        ['dashscope', 'embedding', null, null, 5, 0, 0, 0, 0],
        ['x', 'chat', null, null, 0, 0, 0, 0, 2],
        ['x', 'chat', null, null, 0, 0, 0, 0, 6],
      ]);
      assert.ok(Math.abs(Number(rows[0].latency_ms) - 1234) <= 1, String(rows[0].latency_ms));
      assert.equal(rows[0].provider_request_id, 'their-id');
      assert.ok(Number(rows[0].cost_nano_cny) > 0);
    });

    test('nothing in it is a success; many are taken, packed too', async () => {
      assertTaken(await send(LOGS, {}, type));
      assertTaken(await send(TRACES, { resourceSpans: [] }, type));
      const many = logs(Array.from({ length: 5000 }, (_, i) => ({ body: { stringValue: `line ${i}` } })));
      const plain = type === PROTOBUF ? encode(LOGS_REQUEST, many) : Buffer.from(JSON.stringify(many));
      const headers = { 'Content-Type': type, 'Content-Encoding': 'gzip' };
      assertTaken(await world.ingest.send('POST', LOGS, { body: gzipSync(plain), headers }));
    });
  });
}

describe('a body that is no request', () => {
  const headers = (/** @type {string} */ type) => ({ 'Content-Type': type });

  test('is 400, and nothing of it is taken', async () => {
    const good = JSON.stringify(logs([{ body: { stringValue: 'of a bad body' } }]));
    for (const body of [
      '',
      '[]',
      '{',
      'x',
      `${good}x`,
      good.slice(0, -1),
      '{"resourceLogs":1}',
      '{"resourceLogs":[1]}',
      `{"resourceLogs":[{"scopeLogs":[{"logRecords":[{]}]}]}`,
    ])
      assertProblem(await world.ingest.send('POST', LOGS, { body, headers: headers(JSON_TYPE) }), 400);
    const bytes = encode(LOGS_REQUEST, logs([{ body: { stringValue: 'of a bad body' } }]));
    for (const body of [
      bytes.subarray(0, bytes.length - 1),
      Buffer.from('0a', 'hex'),
      Buffer.from('0aff', 'hex'),
      Buffer.from('0b', 'hex'),
      Buffer.from('ffffffffffffffffffff01', 'hex'),
      Buffer.from('0801', 'hex'),
    ])
      assertProblem(await world.ingest.send('POST', LOGS, { body, headers: headers(PROTOBUF) }), 400);
    const { items } = await world.admin.must('GET', `${OPS}/logs/query?keyword=of%20a%20bad%20body`);
    assert.deepEqual(items, []);
  });

  test('a text that is none refuses its record alone', async () => {
    const bytes = encode(
      LOGS_REQUEST,
      logs([{ body: { stringValue: 'NUL \0' } }, { body: { stringValue: 'a good one' } }]),
    );
    const answer = await world.ingest.send('POST', LOGS, { body: bytes, headers: headers(PROTOBUF) });
    assert.equal(answer.status, 200);
    assert.match(answer.body.toString(), /record 0: .*NUL/);
  });

  test('too many records are 413, another type is 415, another role is 403', async () => {
    const many = logs(Array.from({ length: 10_001 }, () => ({})));
    assertProblem(await send(LOGS, many, PROTOBUF), 413);
    assertProblem(await send(LOGS, many, JSON_TYPE), 413);
    assertProblem(await world.ingest.send('POST', LOGS, { body: '{}', headers: headers('text/plain') }), 415);
    assertProblem(await world.admin.send('POST', LOGS, { body: '{}', headers: headers(JSON_TYPE) }), 403);
  });
});

test('all is whole', async () => {
  assert.equal(await world.store.must(['check']), 'whole');
});
