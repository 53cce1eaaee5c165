// Two servers on one store: what only one may do is done once, whichever of them does it, and when one stands still,
// dies, or the clock jumps under both. KIMONO_BIN: kimono. KIMONO_FAULT_LIB: faults.c as a library.
import assert from 'node:assert/strict';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { test } from 'node:test';
import { PATIENCE, Server, Store, embeddedOnly, pause } from '../lib/server.mjs';
import { openStore } from '../lib/store.mjs';
import { pathFromEnvironment } from './fault.mjs';

const library = pathFromEnvironment('KIMONO_FAULT_LIB');
const TAKE_OVER_MS = 10_000 * PATIENCE; // after the death of a process
const PASSWORD = 'correct horse 电池';
const DAY_MS = 86_400_000;

/**
 * Until `look` gives something.
 * @template T
 * @param {() => Promise<T | undefined | false>} look
 * @param {number} withinMs
 * @param {string} what
 * @returns {Promise<T>}
 */
async function until(look, withinMs, what) {
  for (const deadline = Date.now() + withinMs; Date.now() < deadline; await pause(50)) {
    const found = await look();
    if (found) return found;
  }
  throw new Error(`not within ${withinMs} ms: ${what}`);
}

/** @param {import('../lib/store.mjs').Rows} rows  @param {string} name */
const pidOf = async (rows, name) =>
  (await rows.get('SELECT p.pid FROM leases l JOIN processes p ON p.id = l.holder WHERE l.name = $1', name))?.pid;

/** @param {import('../lib/store.mjs').Rows} rows */
const snapshots = async (rows) =>
  Number((await rows.get("SELECT COUNT(*) AS n FROM metrics_snapshots WHERE metric_type = 'total_tenants'"))?.n);

/** @param {import('../lib/store.mjs').Rows} rows */
const runsOf = async (rows) => rows.all('SELECT name, started_at FROM scheduled_tasks ORDER BY name');

test('two servers: each task once in its interval, also when the one that runs it is killed', async () => {
  const store = new Store();
  await store.must(['demo', '--tenants', '5', '--qa', '20', '--usage', '0', '--logs', '0', '--days', '1']);
  const before = await openStore(store);
  const snapshotsBefore = await snapshots(before);
  await before.close();
  const servers = [await Server.start(store), await Server.start(store)];
  const rows = await openStore(store);
  // The snapshot is due 15 seconds after the start, learning and the sync before that.
  await until(async () => (await snapshots(rows)) > snapshotsBefore, 40_000 * PATIENCE, 'a snapshot');
  await pause(1000); // its end is noted, too
  const runs = await runsOf(rows);
  for (const name of ['learning', 'vector_sync', 'snapshot', 'roll_over'])
    assert.ok(
      runs.some((run) => run.name === name),
      `${name} has run`,
    );
  const holder = await pidOf(rows, 'snapshot');
  const [killed, other] = servers[0].child.pid === holder ? servers : [servers[1], servers[0]];
  assert.equal(killed.child.pid, holder);
  await killed.crash();
  const died = Date.now();
  await until(async () => (await pidOf(rows, 'snapshot')) === other.child.pid, TAKE_OVER_MS, 'a take-over');
  await until(async () => (await pidOf(rows, 'vector_sync')) === other.child.pid, TAKE_OVER_MS, 'of the sync, too');
  assert.ok(Date.now() - died < TAKE_OVER_MS);
  const third = await Server.start(store);
  await pause(18_000 * PATIENCE); // in which a server by itself takes its first snapshot
  assert.equal(await snapshots(rows), snapshotsBefore + 1);
  const later = new Map((await runsOf(rows)).map(({ name, started_at }) => [name, started_at]));
  for (const { name, started_at } of runs)
    if (name !== 'template_distribution') assert.equal(later.get(name), started_at, `${name} ran once`);
  await rows.close();
  await other.stop();
  await third.stop();
  assert.equal((await store.must(['check'])).split('\n').at(-1), 'whole');
});

/** The console's API of a server, signed in. @param {Server} server */
async function signIn(server) {
  const call = async (/** @type {string} */ path, /** @type {object} */ json, token = '') => {
    const headers = { 'Content-Type': 'application/json', ...(token && { Authorization: `Bearer ${token}` }) };
    const response = await fetch(`${server.url}/api/v1${path}`, {
      method: 'POST',
      headers,
      body: JSON.stringify(json),
    });
    const text = await response.text();
    assert.ok(response.ok, `${path}: ${response.status} ${text}`);
    return JSON.parse(text);
  };
  const { access_token: token } = await call('/auth/login', { username: 'operator', password: PASSWORD });
  return (/** @type {string} */ path, /** @type {object} */ json) => call(`/ops${path}`, json, token);
}

/**
 * Stops a process where it holds nothing of the database, so that others can write.
 * @param {Server} server
 * @param {Store} store
 */
async function standStill(server, store) {
  const file = new DatabaseSync(join(store.folder, 'kimono.db'));
  try {
    for (;;) {
      server.child.kill('SIGSTOP');
      await pause(50);
      try {
        file.exec('PRAGMA busy_timeout = 200; BEGIN IMMEDIATE; ROLLBACK');
        return;
      } catch {
        server.child.kill('SIGCONT');
        await pause(20);
      }
    }
  } finally {
    file.close();
  }
}

test('a job whose process stands still is taken over, and done once', { skip: embeddedOnly('lock') }, async () => {
  const TENANTS = 400;
  const store = new Store();
  await store.must(['demo', '--tenants', String(TENANTS), '--qa', '2', '--usage', '0', '--logs', '0', '--days', '1']);
  await store.must(['user', 'add', 'operator', '--role', 'ops_admin'], { input: `${PASSWORD}\n` });
  const first = await Server.start(store);
  const ask = await signIn(first);
  /** @type {number[]} */
  const ids = [];
  for (let i = 0; i < 20; i++)
    ids.push((await ask('/templates', { question: `站住的问题 ${i}`, answer: '共同回答', category: '' })).id);
  const { id } = await ask('/templates/distribute', { template_ids: ids, all_tenants: true });
  const rows = await openStore(store);
  const look = async () => rows.get('SELECT status, claim, progress_done, progress_total FROM jobs WHERE id = $1', id);
  await until(async () => Number((await look())?.progress_done) > 0, 20_000 * PATIENCE, 'a beginning');
  await standStill(first, store);
  const stopped = await look();
  assert.equal(stopped?.status, 'running', 'it was stopped too late for this test');
  const second = await Server.start(store);
  await until(async () => Number((await look())?.claim) > 1, TAKE_OVER_MS, 'a take-over');
  first.child.kill('SIGCONT');
  await until(async () => (await look())?.status === 'succeeded', 60_000 * PATIENCE, 'an end');
  await until(async () => first.log.includes('goes on in another process'), 20_000 * PATIENCE, 'word of it');
  const twice = await rows.all(
    'SELECT tenant_id, template_id FROM qa_pairs WHERE template_id IS NOT NULL AND deleted_at IS NULL' +
      ' GROUP BY tenant_id, template_id HAVING COUNT(*) > 1',
  );
  assert.deepEqual(twice, []);
  const job = await look();
  assert.deepEqual([job?.progress_done, job?.claim], [job?.progress_total, 2]);
  await rows.close();
  await first.stop();
  await second.stop();
  assert.equal((await store.must(['check'])).split('\n').at(-1), 'whole');
});

test('a wall clock that jumps, forward and back, moves no lease and no process', async () => {
  const store = new Store();
  const clock = join(mkdtempSync(join(tmpdir(), 'kimono-clock-')), 'ahead');
  writeFileSync(clock, '0');
  const env = { LD_PRELOAD: library, KIMONO_FAULT_CLOCK_FILE: clock };
  const servers = [await Server.start(store, { env }), await Server.start(store, { env })];
  const rows = await openStore(store);
  const leases = async () => rows.all('SELECT name, holder, token FROM leases ORDER BY name');
  const processes = async () => rows.all('SELECT id, beats FROM processes ORDER BY id');
  await until(async () => (await leases()).length > 0, 20_000 * PATIENCE, 'leases');
  await pause(3000 * PATIENCE); // in which those that are free are taken
  const held = await leases();
  for (const ms of [400 * DAY_MS, -400 * DAY_MS, 60_000, 0]) {
    const before = await processes();
    assert.equal(before.length, 2);
    writeFileSync(clock, String(ms));
    await pause(7_000 * PATIENCE); // longer than anybody's patience
    const after = await processes();
    assert.deepEqual(
      after.map(({ id }) => id),
      before.map(({ id }) => id),
    );
    after.forEach(({ beats }, i) => assert.ok(beats > before[i].beats));
    assert.deepEqual(await leases(), held);
  }
  await rows.close();
  for (const server of servers) await server.stop();
});
