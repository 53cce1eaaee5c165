/**
 * @file The soak: customers ask at a steady rate while a dashboard is open; afterwards rows are counted against
 * answers, and memory must have stayed flat.
 *
 *     node tests/bench/soak.mjs [--seconds 600] [--rate 200]
 */
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { KIMONO, Server, Store, pause } from '../lib/server.mjs';

/** @param {string} name @param {number} fallback */
function flag(name, fallback) {
  const at = process.argv.indexOf(`--${name}`);
  return at < 0 ? fallback : Number(process.argv[at + 1]);
}

const SECONDS = flag('seconds', 600);
const RATE = flag('rate', 200);
const DASHBOARD = [
  'ops/dashboard/overview',
  'ops/dashboard/trends?days=7',
  'ops/system/components',
  'ops/alerts/active',
];

/** @param {Server} server */
async function logIn(server) {
  const response = await fetch(`${server.url}/api/v1/auth/login`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ username: 'soak', password: 'soak-password' }),
  });
  return /** @type {{ access_token: string }} */ (await response.json()).access_token;
}

/**
 * @param {Server} server
 * @param {string} path
 * @param {string} token
 */
async function get(server, path, token) {
  const response = await fetch(`${server.url}/api/v1/${path}`, { headers: { Authorization: `Bearer ${token}` } });
  if (!response.ok) throw new Error(`${path}: ${response.status}`);
  return /** @type {Record<string, number>} */ (await response.json());
}

/** @param {Server} server */
const residentKib = (server) =>
  Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${server.child.pid}/status`, 'utf8'))?.[1]);

/** @param {Server} server */
async function metric(server, /** @type {string} */ name) {
  const text = await (await fetch(`${server.url}/metrics`)).text();
  return Number(new RegExp(`^kimono_${name} (\\S+)$`, 'm').exec(text)?.[1]);
}

const store = new Store();
await store.must(['demo']);
await store.must(['user', 'add', 'soak', '--role', 'ops_admin'], { input: 'soak-password\n' });
const server = await Server.start(store);
let token = await logIn(server);
const before = await get(server, 'system/stats', token);

const live = spawn(
  KIMONO,
  ['demo', '--live', ...store.flags, '--server', server.url, '--rate', String(RATE), '--duration', String(SECONDS)],
  { stdio: ['ignore', 'pipe', 'inherit'] },
);
let output = '';
live.stdout.on('data', (text) => (output += text));
const ended = new Promise((resolve) => live.on('close', resolve));
let over = false;
ended.then(() => (over = true));

const memory = [];
const started = Date.now();
for (let round = 1; !over; round++) {
  for (const path of DASHBOARD) await get(server, path, token);
  if (round % 20 === 0) token = await logIn(server);
  memory.push(residentKib(server));
  await pause(Math.min(30_000, SECONDS * 100));
}
const seconds = (Date.now() - started) / 1000;

const last =
  output
    .trim()
    .split('\n')
    .filter((line) => line.startsWith('asked'))
    .at(-1) ?? '';
const said = (/** @type {string} */ what) => Number(new RegExp(`${what} (\\d+)`).exec(last)?.[1]);
const after = await get(server, 'system/stats', token);
const rows = after.messages_today - before.messages_today;
const answers = said('answered') + said('not known');
const feedbacks = after.feedbacks_today - before.feedbacks_today;
const dropped = await metric(server, 'telemetry_dropped_logs_total');
await server.stop();
const check = await store.command(['check']);

const settled = memory.slice(Math.floor(memory.length / 4));
const growth = settled[settled.length - 1] / settled[0];
console.log(last);
console.log(
  `${answers} answers in ${seconds.toFixed(0)} s, ${rows} message rows (equal); feedback ${said('feedback')}, rows ${feedbacks} (equal)`,
);
console.log(
  `log rows dropped: ${dropped} (0); resident ${Math.round(settled[0] / 1024)} MiB after a quarter, ${Math.round(memory[memory.length - 1] / 1024)} MiB at the end (${growth.toFixed(2)}); check: ${check.stdout.trim().split('\n').at(-1)}`,
);
const fine =
  rows === answers && feedbacks === said('feedback') && dropped === 0 && said('failed') === 0 && check.code === 0;
console.log(fine ? 'nothing lost' : 'SOMETHING WAS LOST');
process.exitCode = fine ? 0 : 1;
