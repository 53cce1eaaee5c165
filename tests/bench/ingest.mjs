/**
 * @file Records of calls that others send, over HTTP in batches of 1,000, against bare inserts of the same narrow rows in
 * the same run (bench_usage --bare): each batch is answered once it is durable.
 *
 *     node tests/bench/ingest.mjs PROGRAMS [--quick]
 */
import { Agent, request } from 'node:http';
import { join } from 'node:path';
import { Server, Store, temporaryFolder } from '../lib/server.mjs';
import { FOLDER, median, run } from './load.mjs';

const QUICK = process.argv.includes('--quick');
const BATCH = 1000;
const BATCHES = QUICK ? 40 : 200;
const ROUNDS = QUICK ? 3 : 5;
const SENDERS = 4;
/** Part of the bare inserts' rate that is asked for. */
const LIMIT = 0.5;
const KINDS = [
  ['dashscope', 'chat', 'qwen-plus'],
  ['dashscope', 'embedding', 'text-embedding-v4'],
  ['pinecone', 'query', undefined],
  ['pinecone', 'upsert', undefined],
];

const agent = new Agent({ keepAlive: true, maxSockets: SENDERS });

/**
 * @param {Server} server
 * @param {string} token
 * @param {string} body
 * @returns {Promise<void>}
 */
function send(server, token, body) {
  return new Promise((resolve, reject) => {
    const headers = {
      Authorization: `Bearer ${token}`,
      'Content-Type': 'application/json',
      'Content-Length': Buffer.byteLength(body),
    };
    const options = {
      host: '127.0.0.1',
      port: server.port,
      method: 'POST',
      path: '/api/v1/telemetry/api-usage',
      agent,
      headers,
    };
    const sent = request(options, (response) => {
      let text = '';
      response.on('data', (part) => (text += part));
      response.on('end', () =>
        response.statusCode === 200 && JSON.parse(text).accepted === BATCH ? resolve() : reject(new Error(text)),
      );
    });
    sent.on('error', reject);
    sent.end(body);
  });
}

/** @param {number} round */
function bodies(round) {
  const start = Date.now() - 60_000;
  return Array.from({ length: BATCHES }, (_, batch) =>
    JSON.stringify(
      Array.from({ length: BATCH }, (__, i) => {
        const [api_type, operation, model] = KINDS[i % KINDS.length];
        return {
          timestamp: new Date(start + batch * 10).toISOString(),
          api_type,
          operation,
          model,
          tenant_id: `tenant_${String(((i * 7919) % 100) + 1).padStart(3, '0')}`,
          request_id: `${round}-${batch}-${i}`,
          tokens_input: 50 + ((i * 31) % 3000),
          tokens_output: i % 500,
          latency_ms: 20 + ((i * 17) % 3600),
          success: i % 100 !== 0,
        };
      }),
    ),
  );
}

const programs = process.argv[2];
const rates = { http: /** @type {number[]} */ ([]), bare: /** @type {number[]} */ ([]) };
const store = new Store(join(temporaryFolder(), 'data'));
await store.must(['migrate']);
const token = await store.must(['token', 'create', 'bench', '--role', 'ingest']);
const server = await Server.start(store);
for (let round = 0; round < ROUNDS; round++) {
  const all = bodies(round);
  rates.bare.push(
    Number(await run(join(programs, 'bench_usage'), [FOLDER, '--bare', String(BATCHES * BATCH), String(BATCH)])),
  );
  const began = performance.now();
  await Promise.all(
    Array.from({ length: SENDERS }, async () => {
      for (let body = all.pop(); body; body = all.pop()) await send(server, token, body);
    }),
  );
  rates.http.push((BATCHES * BATCH * 1000) / (performance.now() - began));
}
await server.stop();
agent.destroy();
const ratio = median(rates.http.map((rate, i) => rate / rates.bare[i]));
console.log(
  `over HTTP, batches of ${BATCH}    ${ratio.toFixed(2)} of bare inserts (at least ${LIMIT});` +
    ` ${Math.round(median(rates.http))} rows/s against ${Math.round(median(rates.bare))}`,
);
