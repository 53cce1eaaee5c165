/**
 * @file Benchmarks of the running server, as ratios within one run: a small authenticated GET against a bare
 * libmicrohttpd that answers the same bytes, the overview at scale against the overview of 25 tenants, chat with
 * embedded retrieval for a tenant of 10,000 pairs in a store of a million, chat while templates are distributed
 * against chat without that. With KIMONO_TEST_DATABASE all of it on that PostgreSQL, and lists, search and chat there
 * against a server on SQLite with the same data.
 *
 *     node tests/bench/server.mjs [--quick]      a hundredth of the large store
 */
import { spawn } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePort, pause } from '../lib/server.mjs';
import { FOLDER, load as loadFor, logIn, median } from './load.mjs';
import { sideBySide } from './side-by-side.mjs';
import {
  BIG_TENANT_PAIRS,
  SHOP_PAIRS,
  chatOptions,
  embeddedStore,
  plans,
  postgresqlStore,
  question,
  startServer,
} from './stores.mjs';

/** @typedef {import('../lib/server.mjs').Server} Server */

/** The address of a PostgreSQL database; none: SQLite. */
const DATABASE = process.env.KIMONO_TEST_DATABASE;
const QUICK = process.argv.includes('--quick');
const SECONDS = QUICK ? 2 : 5;
const PLANS = plans(QUICK);
const TEMPLATES = 50;
/** Longer than the period of what is done each ten seconds. */
const DISTRIBUTION_SECONDS = QUICK ? SECONDS : 12;
/** Times that lists, search and chat may take on PostgreSQL of what they take on SQLite. */
const PEER_LIMIT = 3;

/**
 * @param {string} url
 * @param {Partial<import('./load.mjs').LoadOptions> & { connections: number }} options
 */
const load = (url, options) => loadFor(url, { seconds: SECONDS, ...options });

/** @param {import('./stores.mjs').Plan} plan */
const madeStore = (plan) => (DATABASE ? postgresqlStore(plan, DATABASE) : embeddedStore(plan));

/**
 * @param {string} url
 * @param {string} token
 */
async function bodyOf(url, token) {
  const response = await fetch(url, { headers: { Authorization: `Bearer ${token}` } });
  if (!response.ok) throw new Error(`${url}: ${response.status} ${await response.text()}`);
  return response.text();
}

/**
 * @param {Server} server
 * @param {string} token
 */
async function smallGet(server, token) {
  const path = '/api/v1/auth/me';
  const file = join(FOLDER, 'answer.json');
  writeFileSync(file, await bodyOf(server.url + path, token));
  const port = await freePort();
  const bare = spawn(join(FOLDER, 'tests', 'bare_http'), [String(port), file], {
    stdio: ['pipe', 'ignore', 'inherit'],
  });
  const ratios = [];
  const rates = { bare: /** @type {number[]} */ ([]), kimono: /** @type {number[]} */ ([]) };
  for (let round = 0; round < 3; round++) {
    const peer = await load(`http://127.0.0.1:${port}/`, { connections: 32 });
    const own = await load(server.url + path, { connections: 32, headers: { Authorization: `Bearer ${token}` } });
    rates.bare.push(peer.rate);
    rates.kimono.push(own.rate);
    ratios.push(own.rate / peer.rate);
  }
  bare.stdin.end();
  console.log(
    `small authenticated GET    ${median(ratios).toFixed(2)} of a bare libmicrohttpd ` +
      (DATABASE ? '(no limit: the session is asked of the database each time)' : '(at least 0.5)') +
      `   ${Math.round(median(rates.kimono))}/s against ${Math.round(median(rates.bare))}/s`,
  );
}

/**
 * @param {Server} server
 * @param {string} token
 */
const overview = (server, token) =>
  load(`${server.url}/api/v1/ops/dashboard/overview`, {
    connections: 1,
    headers: { Authorization: `Bearer ${token}` },
  });

/** @param {Server} server */
async function chat(server) {
  const options = await chatOptions(server, 'big', BIG_TENANT_PAIRS);
  const alone = await load(`${server.url}/api/v1/chat/message`, { connections: 1, ...options });
  const many = await load(`${server.url}/api/v1/chat/message`, { connections: 32, ...options });
  console.log(
    `chat, 10,000 pairs         ${Math.round(many.rate)}/s with 32 at once, p99 ${many.p99.toFixed(1)} ms;` +
      ` one at a time p50 ${alone.p50.toFixed(2)} ms, p99 ${alone.p99.toFixed(2)} ms`,
  );
}

/**
 * @param {Server} server
 * @param {string} token
 */
const consoleOf = (server, token) => async (/** @type {string} */ path, /** @type {object | undefined} */ json) => {
  const response = await fetch(`${server.url}/api/v1/ops${path}`, {
    method: json ? 'POST' : 'GET',
    headers: { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' },
    body: json && JSON.stringify(json),
  });
  if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
  return response.json();
};

/**
 * New templates to all tenants.
 * @param {ReturnType<typeof consoleOf>} call
 * @param {number} round
 * @returns {Promise<{ id: string }>} the job
 */
async function startDistribution(call, round) {
  const ids = [];
  for (let n = 0; n < TEMPLATES; n++) {
    const text = { question: `第 ${round} 轮：${question(n)}`, answer: `第 ${n} 个统一回答，请以门店说明为准。` };
    ids.push(/** @type {{ id: number }} */ (await call('/templates', text)).id);
  }
  return /** @type {Promise<{ id: string }>} */ (
    call('/templates/distribute', { template_ids: ids, all_tenants: true })
  );
}

/** @param {Server} server */
const residentMegabytes = (server) =>
  Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${server.child.pid}/status`, 'utf8'))?.[1]) / 1024;

/** Chat for a shop of 1,000 pairs, alone and while 50 templates go to all tenants, in turn. */
async function chatDuringDistribution() {
  const store = await madeStore(PLANS.receivers);
  const server = await startServer(store);
  const call = consoleOf(server, await logIn(server));
  const options = { connections: 4, ...(await chatOptions(server, 'shop', SHOP_PAIRS)) };
  const url = `${server.url}/api/v1/chat/message`;
  await load(url, options);
  const times = { alone: /** @type {number[]} */ ([]), during: /** @type {number[]} */ ([]) };
  const ratios = [];
  let grown = 0;
  for (let round = Date.now(), last = round + 3; round < last; round++) {
    const alone = await load(url, options);
    const job = await startDistribution(call, round);
    const before = residentMegabytes(server);
    const during = await load(url, { ...options, seconds: DISTRIBUTION_SECONDS });
    const look = () => /** @type {Promise<any>} */ (call(`/jobs/${job.id}`, undefined));
    const { status, progress } = await look();
    if (status !== 'running') console.log(`  the distribution ended early: ${progress.done} of ${progress.total}`);
    grown = Math.max(grown, residentMegabytes(server) - before);
    while (['queued', 'running'].includes((await look()).status)) await pause(100);
    times.alone.push(alone.p99);
    times.during.push(during.p99);
    ratios.push(during.p99 / alone.p99);
  }
  console.log(
    `chat during a distribution ${median(ratios).toFixed(2)} of p99 without one (at most 2); p99` +
      ` ${median(times.during).toFixed(1)} ms against ${median(times.alone).toFixed(1)} ms; grew by ${grown.toFixed(0)} MiB`,
  );
  await server.stop();
}

/**
 * Lists, search and chat on both databases.
 * @param {Server} server  on PostgreSQL
 */
async function againstSqlite(server) {
  console.log(`-- lists, search and chat on PostgreSQL against SQLite (at most ${PEER_LIMIT} times), p50`);
  const peer = await startServer(await embeddedStore(PLANS.large));
  for await (const { name, first, second } of sideBySide(peer, server, { rounds: 3, seconds: QUICK ? 1 : 2 })) {
    const ratio = median(second.map(({ p50 }, i) => p50 / first[i].p50));
    const [there, here] = [first, second].map((times) => median(times.map(({ p50 }) => p50)));
    const isOver = ratio > PEER_LIMIT && /^(list|search|chat)/.test(name);
    const note = isOver ? '  OVER' : '';
    console.log(
      `${name.padEnd(34)} ${ratio.toFixed(2).padStart(5)}   ${here.toFixed(2)} ms against ${there.toFixed(2)} ms` +
        note,
    );
  }
  await peer.stop();
}

const small = await madeStore(PLANS.small);
const large = await madeStore(PLANS.large);

const smallServer = await startServer(small);
const smallToken = await logIn(smallServer);
await smallGet(smallServer, smallToken);
const largeServer = await startServer(large);
const largeToken = await logIn(largeServer);
const few = await overview(smallServer, smallToken);
const lots = await overview(largeServer, largeToken);
console.log(
  `overview, ${PLANS.large.size.tenants} tenants    ${(lots.p50 / few.p50).toFixed(2)} of the time for 25 tenants (at most 3);` +
    ` p50 ${lots.p50.toFixed(2)} ms, p99 ${lots.p99.toFixed(2)} ms (at most 5)`,
);
await chat(largeServer);
await smallServer.stop();
if (DATABASE) await againstSqlite(largeServer);
await largeServer.stop();
await chatDuringDistribution();
