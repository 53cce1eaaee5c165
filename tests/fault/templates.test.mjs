// A distribution whose server is killed again and again at random moments, or told to end: the job goes on, each
// tenant has each template once or not at all, its items say which, and the store is whole. jobs.test.mjs does the
// same in the small at every place; here are a real server and many tenants. KIMONO_BIN: kimono.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Server, Store, pause } from '../lib/server.mjs';
import { queryStore } from '../lib/store.mjs';

const TENANTS = 1500;
const TEMPLATES = 40;
const KILLS = Number(process.env.KIMONO_FAULT_KILLS ?? 6);
const PASSWORD = 'correct horse 电池';

/** A store with tenants and an operator. */
async function makeStore() {
  const store = new Store();
  await store.must(['demo', '--tenants', String(TENANTS), '--qa', '5', '--usage', '0', '--logs', '0', '--days', '1']);
  await store.must(['user', 'add', 'operator', '--role', 'ops_admin'], { input: `${PASSWORD}\n` });
  return store;
}

/** The console's API of one run of the server, signed in. */
async function signIn(server) {
  const call = async (method, path, json, token) => {
    const headers = { 'Content-Type': 'application/json', ...(token ? { Authorization: `Bearer ${token}` } : {}) };
    const response = await fetch(`${server.url}/api/v1${path}`, {
      method,
      headers,
      body: json && JSON.stringify(json),
    });
    const text = await response.text();
    assert.ok(response.ok, `${method} ${path}: ${response.status} ${text}`);
    return JSON.parse(text);
  };
  const { access_token: token } = await call('POST', '/auth/login', { username: 'operator', password: PASSWORD });
  return (method, path, json) => call(method, `/ops${path}`, json, token);
}

/** Kills the server soon, or ends it as a service manager does, and starts it again. */
async function endAndStart(server, store, { kill = true } = {}) {
  await pause(Math.random() * 250);
  await (kill ? server.crash() : server.stop());
  return Server.start(store);
}

async function untilOver(api, id) {
  for (;;) {
    const job = await api('GET', `/jobs/${id}`);
    if (!['queued', 'running'].includes(job.status)) return job;
    await pause(50);
  }
}

/** What the job's items say of each tenant, against the pairs that there are. */
async function proveItems(store, id, templates) {
  const list = templates.join(',');
  const copies = Object.fromEntries(
    (
      await queryStore(
        store,
        `SELECT tenant_id, COUNT(*) AS all_of_them, COUNT(DISTINCT template_id) AS different FROM qa_pairs
       WHERE template_id IN (${list}) AND deleted_at IS NULL GROUP BY tenant_id`,
      )
    ).map((row) => [row.tenant_id, row]),
  );
  for (const item of await queryStore(store, 'SELECT target_id, outcome FROM job_items WHERE job_id = $1', id)) {
    const has = copies[item.target_id];
    const wanted = item.outcome === 'done' ? templates.length : 0;
    assert.equal(has?.all_of_them ?? 0, wanted, `${item.target_id}: ${item.outcome}`);
    assert.equal(has?.different ?? 0, wanted, item.target_id);
  }
}

async function proveWhole(store) {
  const { code, stdout, stderr } = await store.command(['check']);
  assert.equal(stdout.trimEnd().split('\n').at(-1), 'whole', stdout + stderr);
  assert.equal(code, 0);
}

test('two distributions, killed again and again, one cancelled: each tenant once or not at all', async (t) => {
  const store = await makeStore();
  let server = await Server.start(store);
  let api = await signIn(server);
  const make = async (n) =>
    (await api('POST', '/templates', { question: `共同问题 ${n}`, answer: `共同回答 ${n}` })).id;
  const first = [];
  const second = [];
  for (let n = 0; n < TEMPLATES; n++) (n % 2 ? first : second).push(await make(n));
  const ask = (ids) => api('POST', '/templates/distribute', { template_ids: ids, all_tenants: true });
  const going = await ask(first);
  const cancelled = await ask(second);

  let reached = 0;
  for (let kill = 0; kill < KILLS; kill++) {
    server = await endAndStart(server, store, { kill: kill % 3 !== 2 });
    api = await signIn(server);
    const { progress } = await api('GET', `/jobs/${going.id}`);
    assert.ok(progress.done >= reached, 'what was done is done');
    reached = progress.done;
  }
  while ((await api('GET', `/jobs/${cancelled.id}`)).progress.done === 0) await pause(5);
  await api('POST', `/jobs/${cancelled.id}/cancel`).catch((error) => {
    if (!/ 409 /.test(error.message)) throw error; // it was faster
  });
  const one = await untilOver(api, going.id);
  const other = await untilOver(api, cancelled.id);
  await server.stop();

  assert.equal(one.status, 'succeeded', one.error);
  assert.equal(one.progress.done, TENANTS);
  const { created, unchanged, conflicts, skipped_tenants: skipped } = one.result;
  assert.equal(created + unchanged + conflicts, first.length * (TENANTS - skipped));
  await proveItems(store, going.id, first);
  await proveItems(store, cancelled.id, second);
  await proveWhole(store);
  t.diagnostic(`${KILLS} kills; the other job: ${other.status} at ${other.progress.done} of ${other.progress.total}`);
});

test('the same template by two at once, killed in between: nobody has it twice', async () => {
  const store = await makeStore();
  let server = await Server.start(store);
  let api = await signIn(server);
  const { id } = await api('POST', '/templates', { question: '两人同时分发', answer: '只有一份' });
  const ask = () => api('POST', '/templates/distribute', { template_ids: [id], all_tenants: true });
  const jobs = await Promise.all([ask(), ask()]);
  server = await endAndStart(server, store);
  api = await signIn(server);
  const ended = [];
  for (const job of jobs) ended.push(await untilOver(api, job.id));
  await server.stop();
  const sum = (name) => ended.reduce((total, job) => total + job.result[name], 0);
  const reached = TENANTS - ended[0].result.skipped_tenants;
  assert.deepEqual([sum('created'), sum('unchanged')], [reached, reached]);
  await proveItems(store, jobs[1].id, [id]);
  await proveWhole(store);
});
