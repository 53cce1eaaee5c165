/**
 * @file Benchmarks of the running server, as ratios within one run: a small authenticated GET against a bare
 * libmicrohttpd that answers the same bytes, the overview at scale against the overview of 25 tenants, chat with
 * embedded retrieval for a tenant of 10,000 pairs in a store of a million, chat while templates are distributed
 * against chat without that.
 *
 *     node tests/bench/server.mjs [--quick]
 *
 * The large store is made once, in build/bench/data-large (some minutes), and kept. --quick makes it a hundredth.
 */
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { KIMONO, Server, Store, freePort, pause } from '../lib/server.mjs';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const FOLDER = join(ROOT, 'build', 'bench');
const QUICK = process.argv.includes('--quick');
const SECONDS = QUICK ? 2 : 5;
const LARGE = QUICK
  ? { tenants: 100, qa: 100, usage: 100_000, logs: 100_000, days: 30 }
  : { tenants: 10_000, qa: 100, usage: 10_000_000, logs: 10_000_000, days: 30 };
/** What it is measured against: as many days, so that only the shops are fewer. */
const SMALL = { tenants: 25, qa: 180, usage: 90_000, logs: 120_000, days: 30 };
const BIG_TENANT_PAIRS = 10_000;
const RECEIVERS = { tenants: QUICK ? 1000 : 10_000, qa: 0, usage: 0, logs: 0, days: 1 };
const SHOP_PAIRS = 1000;
const TEMPLATES = 50;
/** Longer than the period of what is done each ten seconds. */
const DISTRIBUTION_SECONDS = QUICK ? SECONDS : 12;

/** @param {number[]} values */
const median = (values) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];

/**
 * @param {string} command
 * @param {string[]} args
 * @returns {Promise<string>} its standard output
 */
function run(command, args) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    let output = '';
    child.stdout.on('data', (text) => (output += text));
    child.on('error', reject);
    child.on('close', (code) => (code === 0 ? resolve(output) : reject(new Error(`${command} ended with ${code}`))));
  });
}

/** @param {string} text  a time as wrk writes it: 812.00us, 1.20ms, 1.02s */
function milliseconds(text) {
  const [, number, unit] = /** @type {RegExpExecArray} */ (/([\d.]+)(us|ms|s)/.exec(text));
  return Number(number) * { us: 0.001, ms: 1, s: 1000 }[/** @type {'us' | 'ms' | 's'} */ (unit)];
}

/**
 * Loads a URL with wrk.
 * @param {string} url
 * @param {{ connections: number, seconds?: number, headers?: Record<string, string>, script?: string }} options
 */
async function load(url, { connections, seconds = SECONDS, headers = {}, script }) {
  const threads = String(Math.min(2, connections));
  const args = ['-t', threads, '-c', String(connections), '-d', `${seconds}s`, '--latency'];
  for (const [name, value] of Object.entries(headers)) args.push('-H', `${name}: ${value}`);
  if (script) args.push('-s', script);
  const output = await run('wrk', [...args, url]);
  if (/Non-2xx|Socket errors/.test(output)) throw new Error(`wrk on ${url}:\n${output}`);
  return {
    rate: Number(/Requests\/sec:\s+([\d.]+)/.exec(output)?.[1]),
    p50: milliseconds(/^\s*50%\s+(\S+)/m.exec(output)?.[1] ?? ''),
    p99: milliseconds(/^\s*99%\s+(\S+)/m.exec(output)?.[1] ?? ''),
  };
}

/**
 * @param {string} url
 * @param {string} token
 */
async function bodyOf(url, token) {
  const response = await fetch(url, { headers: { Authorization: `Bearer ${token}` } });
  if (!response.ok) throw new Error(`${url}: ${response.status} ${await response.text()}`);
  return response.text();
}

/** @param {Server} server */
async function logIn(server) {
  const response = await fetch(`${server.url}/api/v1/auth/login`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ username: 'bench', password: 'bench-password' }),
  });
  return /** @type {{ access_token: string }} */ (await response.json()).access_token;
}

/**
 * A store filled once and kept.
 * @param {string} name
 * @param {Record<string, number>} size  options of `kimono demo`
 * @param {(store: Store) => Promise<void>} [extra]
 */
async function madeStore(name, size, extra) {
  const folder = join(FOLDER, name);
  if (!existsSync(folder)) {
    const partial = `${folder}.partial`;
    rmSync(partial, { recursive: true, force: true });
    const store = new Store(partial);
    console.log(`making ${name} …`);
    const flags = Object.entries(size).flatMap(([option, value]) => [`--${option}`, String(value)]);
    await run(KIMONO, ['demo', '--data', partial, ...flags]);
    await store.must(['user', 'add', 'bench', '--role', 'ops_admin'], { input: 'bench-password\n' });
    await extra?.(store);
    renameSync(partial, folder);
  }
  return new Store(folder);
}

/** Questions that share words, so that postings are long. */
const PLACES = ['京都', '浅草', '祇园', '金泽', '镰仓', '大阪', '奈良', '清水寺', '伏见', '岚山'];
const THINGS = [
  '租借价格',
  '预约时间',
  '取消政策',
  '发型化妆',
  '跟拍摄影',
  '尺码选择',
  '归还地点',
  '雨天服务',
  '团体优惠',
  '停车位置',
];

/** @param {number} n */
const question = (n) => `${PLACES[n % 10]}${THINGS[Math.floor(n / 10) % 10]}第${Math.floor(n / 100)}种套餐怎么办理`;

/** @param {Store} store */
const addBigTenant = (store) => addTenant(store, 'big', BIG_TENANT_PAIRS);

/**
 * @param {Store} store
 * @param {string} name
 * @param {number} pairs
 */
async function addTenant(store, name, pairs) {
  await store.must(['tenant', 'add', name, `${pairs} 问`]);
  const rows = ['question\tanswer\tcategory'];
  for (let n = 0; n < pairs; n++) rows.push(`${question(n)}\t这是第 ${n} 个回答，请以门店说明为准。\t套餐`);
  const file = join(FOLDER, `${name}.tsv`);
  writeFileSync(file, rows.join('\n') + '\n');
  await store.must(['import', file, '--tenant', name]);
}

/**
 * A wrk script that posts questions of a tenant in turn.
 * @param {number} pairs  that the tenant has
 */
function chatScript(pairs) {
  const file = join(FOLDER, `chat-${pairs}.lua`);
  const questions = Array.from({ length: 500 }, (_, i) => JSON.stringify(question((i * 19) % pairs)));
  writeFileSync(
    file,
    `local q = {${questions.join(',')}}\nlocal n = 0\nrequest = function()\n  n = n % #q + 1\n` +
      `  return wrk.format('POST', nil, nil, '{"message":"' .. q[n] .. '"}')\nend\n`,
  );
  return file;
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
    `small authenticated GET    ${median(ratios).toFixed(2)} of a bare libmicrohttpd (at least 0.5)` +
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

/**
 * What wrk needs to ask a tenant's questions.
 * @param {Server} server
 * @param {string} tenant
 * @param {number} pairs
 */
async function chatOptions(server, tenant, pairs) {
  const list = await server.store.must(['tenant', 'list']);
  const line = list.split('\n').find((one) => one.startsWith(`${tenant}\t`));
  const key = /kmp_\S+/.exec(line ?? '')?.[0];
  if (!key) throw new Error(`tenant list does not show the key of "${tenant}"`);
  return { headers: { 'X-API-Key': key, 'Content-Type': 'application/json' }, script: chatScript(pairs) };
}

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
  const name = QUICK ? 'data-receivers-quick' : 'data-receivers';
  const store = await madeStore(name, RECEIVERS, (made) => addTenant(made, 'shop', SHOP_PAIRS));
  // Syncing what earlier rounds distributed is another work, and would write as well.
  const server = await Server.start(store, { env: { KIMONO_SCHEDULER_AUTO_SYNC_ENABLED: 'off' } });
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

mkdirSync(FOLDER, { recursive: true });
const small = await madeStore('data-small', SMALL);
const large = await madeStore(QUICK ? 'data-quick' : 'data-large', LARGE, addBigTenant);

const smallServer = await Server.start(small);
const smallToken = await logIn(smallServer);
await smallGet(smallServer, smallToken);
const largeServer = await Server.start(large);
const largeToken = await logIn(largeServer);
const few = await overview(smallServer, smallToken);
const lots = await overview(largeServer, largeToken);
console.log(
  `overview, ${LARGE.tenants} tenants    ${(lots.p50 / few.p50).toFixed(2)} of the time for 25 tenants (at most 3);` +
    ` p50 ${lots.p50.toFixed(2)} ms, p99 ${lots.p99.toFixed(2)} ms (at most 5)`,
);
await chat(largeServer);
await smallServer.stop();
await largeServer.stop();
await chatDuringDistribution();
