// Two servers on one store: what one of them does holds in the other within a second, what was sent to one the other
// goes on with, and whoever is known to one is known to the other.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { openStore } from '../lib/store.mjs';
import { API, Client, OPS, PASSWORD, PATIENCE, Server, World, addUser, assertProblem, pause } from './harness.mjs';

const LOGIN = `${API}/auth/login`;
const ME = `${API}/auth/me`;
const SOON_MS = 1000 * PATIENCE;
const TAKEN_MS = 15_000 * PATIENCE; // a process that was killed is taken over within ten seconds

/** @type {World} of the one server */
let world;
/** @type {Server} */
let other;
/** @type {Client} an operator at the other server */
let there;
/** @type {import('../lib/store.mjs').Rows} */
let rows;
before(async () => {
  world = await World.open();
  other = await Server.start(world.store);
  there = new Client(other.port, world.document, world.admin.token);
  rows = await openStore(world.store);
});
after(async () => {
  await rows.close();
  await other.stop();
  await world.close();
});

/**
 * Fails unless it is so in time.
 * @template T
 * @param {number} ms
 * @param {() => Promise<T>} look
 * @returns {Promise<T>}
 */
async function within(ms, look) {
  for (const until = Date.now() + ms; ; await pause(20)) {
    try {
      return await look();
    } catch (error) {
      if (Date.now() > until) throw error;
    }
  }
}

/** @type {<T>(look: () => Promise<T>) => Promise<T>} */
const soon = (look) => within(SOON_MS, look);

/** @param {string} username */
const logIn = (username) => world.anyone.must('POST', LOGIN, { json: { username, password: PASSWORD } });

/** The connections on which the servers listen for news are ended, again and again. */
async function breakListening() {
  const sql = `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE query LIKE 'LISTEN%' AND usename = current_user`;
  await rows.all(sql);
}

const SAVE = `INSERT INTO settings(category, name, value) VALUES ('rag', 'top_k', $1)
  ON CONFLICT (category, name) DO UPDATE SET value = excluded.value`;
const COUNT = `INSERT INTO settings_categories(category, version, updated_at, updated_by) VALUES ('rag', 1, 0, '')
  ON CONFLICT (category) DO UPDATE SET version = settings_categories.version + 1`;

/**
 * What one server is told, and both know.
 * @type {Record<string, () => Promise<void>>}
 */
const kinds = {
  settings: async () => {
    const trial = { tenant_id: 'shop-a', question: '可以提前预约吗' };
    const topK = async (/** @type {Client} */ client) =>
      (await client.must('POST', `${OPS}/knowledge/search`, { json: trial })).top_k;
    const value = (await topK(there)) === 7 ? 8 : 7;
    await rows.run(SAVE, String(value));
    await rows.run(COUNT);
    for (const client of [world.admin, there]) await soon(async () => assert.equal(await topK(client), value));
  },

  'a suspension': async () => {
    const chat = async () => {
      const answer = await there.post(`${API}/chat/message`, { message: '预约' }, { key: world.keys['shop-b'] });
      return answer.status;
    };
    assert.equal(await chat(), 200);
    await world.admin.must('POST', `${OPS}/tenants/shop-b/suspend`, { json: { reason: 'a test' } });
    await soon(async () => assert.equal(await chat(), 403));
    await world.admin.must('POST', `${OPS}/tenants/shop-b/activate`, { json: { reason: 'a test' } });
    await soon(async () => assert.equal(await chat(), 200));
  },

  'a log-out': async () => {
    const { access_token: token } = await logIn('ops_viewer');
    for (let i = 0; i < 3; i++) assert.equal((await there.get(ME, { token })).status, 200);
    await world.anyone.must('POST', `${API}/auth/logout`, { token, status: 204 });
    assertProblem(await world.anyone.get(ME, { token }), 401);
    await soon(async () => assertProblem(await there.get(ME, { token }), 401));
  },

  'a user who was disabled': async () => {
    const name = `leaver${Math.random().toString(36).slice(2, 8)}`;
    await addUser(world.store, name, 'ops_viewer');
    const { access_token: token } = await logIn(name);
    for (let i = 0; i < 3; i++) assert.equal((await there.get(ME, { token })).status, 200);
    await world.store.must(['user', 'disable', name]);
    for (const client of [world.anyone, there])
      await soon(async () => assertProblem(await client.get(ME, { token }), 401));
  },

  'pairs that were changed': async () => {
    const question = `营业到几点 ${Math.random().toString(36).slice(2)}`;
    const listed = async () => {
      const list = await there.must('GET', `${OPS}/knowledge/qa-pairs?keyword=${encodeURIComponent(question)}`);
      return list.items.map((/** @type {any} */ item) => item.answer);
    };
    const asked = async () => {
      const json = { message: question };
      return (await there.must('POST', `${API}/chat/message`, { json, key: world.keys['shop-a'] })).answer;
    };
    const json = { tenant_id: 'shop-a', question, answer: '到九点' };
    const pair = await world.admin.must('POST', `${OPS}/knowledge/qa-pairs`, { json, status: 201 });
    await soon(async () => assert.deepEqual([await listed(), await asked()], [['到九点'], '到九点']));
    const change = { answer: '到十点', version: pair.version };
    await world.admin.must('PUT', `${OPS}/knowledge/qa-pairs/${pair.id}`, { json: change });
    await soon(async () => assert.deepEqual([await listed(), await asked()], [['到十点'], '到十点']));
    await world.admin.must('DELETE', `${OPS}/knowledge/qa-pairs/${pair.id}`, { status: 204 });
    await soon(async () => assert.deepEqual(await listed(), []));
  },

  'a job that was cancelled': async () => {
    const job = await sendTable('shop-b', 60_000);
    const path = `${OPS}/jobs/${job.id}`;
    // Asked without a pause: it is over within a second or two.
    for (const until = Date.now() + TAKEN_MS; (await there.must('GET', path)).progress.done === 0;)
      assert.ok(Date.now() < until, 'it does not begin');
    const { progress } = await there.must('POST', `${path}/cancel`);
    await pause(SOON_MS / 2);
    const later = await world.admin.must('GET', path);
    assert.deepEqual([later.status, later.progress], ['cancelled', progress]);
    const list = await world.admin.must('GET', `${OPS}/knowledge/qa-pairs?tenant_id=shop-b`);
    assert.equal(list.total, progress.done);
    const json = { action: 'delete', filter: { tenant_id: 'shop-b' } };
    const prefer = { Prefer: 'wait=20' };
    await world.admin.must('POST', `${OPS}/knowledge/qa-pairs/bulk`, { json, headers: prefer });
  },
};

/**
 * An import of so many rows, at the one server.
 * @param {string} tenant
 * @param {number} count
 */
async function sendTable(tenant, count) {
  const lines = Array.from({ length: count }, (_, i) => `问题 ${i},答案 ${i}`);
  const form = new FormData();
  form.append('tenant_id', tenant);
  form.append('file', new File([`question,answer\n${lines.join('\n')}\n`], 'long.csv'));
  return world.admin.must('POST', `${OPS}/knowledge/import`, { form, status: 202 });
}

describe('within a second the other server knows of', () => {
  for (const [kind, prove] of Object.entries(kinds)) test(kind, prove);
});

describe('also while nobody can listen for news', () => {
  let breaking = /** @type {NodeJS.Timeout | undefined} */ (undefined);
  before(async () => {
    if (!world.store.database) return;
    await breakListening();
    breaking = setInterval(() => void breakListening(), 100);
  });
  after(() => clearInterval(breaking));

  for (const [kind, prove] of Object.entries(kinds))
    test(kind, async (t) => {
      if (world.store.database) await prove();
      else t.diagnostic('an embedded store has no news: its servers look');
    });
});

test('a token of one server is good at the other, and its refresh too', async () => {
  const session = await logIn('ops_viewer');
  assert.equal((await there.must('GET', ME, { token: session.access_token })).username, 'ops_viewer');
  const json = { refresh_token: session.refresh_token };
  const next = await there.must('POST', `${API}/auth/refresh`, { json });
  assert.equal((await world.anyone.get(ME, { token: next.access_token })).status, 200);
});

test('what was sent to a server that is killed the other one imports', async () => {
  const first = await Server.start(world.store);
  const client = new Client(first.port, world.document, world.admin.token);
  const lines = Array.from({ length: 30_000 }, (_, i) => `Frage ${i},Antwort ${i}`);
  const form = new FormData();
  form.append('tenant_id', 'shop-b');
  form.append('file', new File([`question,answer\n${lines.join('\n')}\n`], 'left.csv'));
  const job = await client.must('POST', `${OPS}/knowledge/import`, { form, status: 202 });
  await first.crash();
  const ended = await within(2 * TAKEN_MS, async () => {
    const now = await there.must('GET', `${OPS}/jobs/${job.id}`);
    assert.equal(now.status, 'succeeded', JSON.stringify(now));
    return now;
  });
  assert.deepEqual([ended.result.total, ended.result.created], [30_000, 30_000]);
  const list = await there.must('GET', `${OPS}/knowledge/qa-pairs?tenant_id=shop-b`);
  assert.equal(list.total, 30_000);
});

describe('wrong passwords', () => {
  const env = { KIMONO_RATE_LIMITS: 'on', KIMONO_TRUSTED_PROXY: '127.0.0.1' };
  const servers = /** @type {Server[]} */ ([]);
  before(async () => {
    for (let i = 0; i < 2; i++) servers.push(await Server.start(world.store, { env }));
  });
  after(() => Promise.all(servers.map((server) => server.stop())));

  test('are counted over all servers', async () => {
    await addUser(world.store, 'guessed', 'ops_viewer');
    const tryAt = (/** @type {number} */ at, /** @type {string} */ from, password = 'a wrong guess') =>
      new Client(servers[at].port, world.document).post(
        LOGIN,
        { username: 'guessed', password },
        { headers: { 'X-Forwarded-For': from } },
      );
    const statuses = [];
    for (let i = 0; i < 24; i++) statuses.push((await tryAt(i % 2, `203.0.113.${i}`)).status);
    assert.equal(statuses.filter((status) => status === 401).length, 20, statuses.join());
    for (const at of [0, 1]) {
      const refused = await tryAt(at, '203.0.113.99', PASSWORD);
      assertProblem(refused, 429, 'rate-limited');
      assert.ok(Number(refused.headers['retry-after']) >= 1);
    }
  });
});
