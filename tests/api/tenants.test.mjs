/**
 * @file Tenants of the console: the list in every order, filter and page, the whole lifecycle with its audit rows, and
 * what a suspension stops, path by path of the document. The paths that run by themselves are walked in
 * tests/unit/test_tenant_gate.c.
 */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { auditRows } from '../lib/store.mjs';
import { API, Client, OPS, PASSWORD, Server, World, addUser, assertProblem } from './harness.mjs';

/** @typedef {import('./harness.mjs').Answer} Answer */

/** @type {World} */
let world;
before(async () => {
  world = await World.open();
});
after(() => world.close());

const LIST = `${OPS}/tenants`;

/** @param {string} id */
const at = (id) => `${LIST}/${encodeURIComponent(id)}`;

/**
 * @param {Record<string, string | number>} [query]
 * @returns {Promise<any>}
 */
const list = (query = {}) => world.admin.must('GET', `${LIST}?${new URLSearchParams(/** @type {any} */ (query))}`);

/**
 * @param {object} tenant
 * @returns {Promise<any>}
 */
const create = (tenant) => world.admin.must('POST', LIST, { json: tenant, status: 201 });

/**
 * @param {string} id
 * @returns {Promise<any>}
 */
const detail = (id) => world.admin.must('GET', at(id));

/** @param {string} id */
const suspend = (id) => world.admin.must('POST', `${at(id)}/suspend`, { json: { reason: '欠费' } });

/** @param {string} id */
const activate = (id) => world.admin.must('POST', `${at(id)}/activate`, { json: {} });

/**
 * The audit rows of an action, oldest first.
 * @param {string} action
 * @param {string} id
 * @returns {Promise<any[]>}
 */
const audit = (action, id) => auditRows(world.store, "result = 'done' AND action = $1 AND target_id = $2", action, id);

describe('the list', () => {
  test('has what a row shows, and the summary of the platform', async () => {
    const { items, total, page, page_size, summary } = await list({ sort: 'id' });
    assert.deepEqual({ total, page, page_size }, { total: 2, page: 1, page_size: 20 });
    assert.deepEqual(summary, { total: 2, active: 2, suspended: 0 });
    assert.deepEqual(
      items.map((/** @type {any} */ item) => [item.id, item.name, item.status, item.user_count, item.qa_pair_count]),
      [
        ['shop-a', '浅草店', 'active', 2, 5],
        ['shop-b', 'Kyoto & Sons', 'active', 0, 0],
      ],
    );
    assert.ok(items[0].last_active_at, 'its users have logged in');
    assert.equal(items[1].last_active_at, null);
    assert.equal(items[0].templates_missing, 0);
    assert.equal('api_key' in items[0], false);
  });

  test('by a part of name or id, literally, in any case, Chinese too', async () => {
    const cases = /** @type {[string, number][]} */ ([
      ['浅草', 1],
      ['草', 1],
      ['kyoto', 1],
      ['KYOTO & s', 1],
      ['shop-', 2],
      ['SHOP-A', 1],
      ['%', 0],
      ['_', 0],
      ["'", 0],
      ['nobody', 0],
      ['', 2],
      [' ', 2],
      ['\t浅草\u3000', 1],
    ]);
    for (const [keyword, total] of cases) {
      const found = await list({ keyword });
      assert.equal(found.total, total, keyword);
      assert.equal(found.items.length, total, keyword);
      assert.equal(found.summary.total, 2, 'the summary is that of the platform');
    }
  });

  test('by status', async () => {
    await suspend('shop-b');
    const suspended = await list({ status: 'suspended' });
    assert.deepEqual([suspended.total, suspended.items[0].id], [1, 'shop-b']);
    assert.equal(suspended.items[0].suspended_reason, '欠费');
    assert.ok(suspended.items[0].suspended_at);
    assert.deepEqual(suspended.summary, { total: 2, active: 1, suspended: 1 });
    assert.deepEqual((await list({ status: 'active' })).items[0].id, 'shop-a');
    assert.equal((await list({ status: 'active', keyword: 'kyoto' })).total, 0);
    await activate('shop-b');
  });

  test('in each order, both ways, and page by page', async () => {
    const columns = ['name', 'id', 'status', 'user_count', 'qa_pair_count', 'conversations_today', 'last_active_at'];
    for (const column of [...columns, 'created_at']) {
      const up = (await list({ sort: column })).items.map((/** @type {any} */ item) => item.id);
      const down = (await list({ sort: `-${column}` })).items.map((/** @type {any} */ item) => item.id);
      assert.deepEqual(down, [...up].reverse(), column);
      const pages = [];
      for (const page of [1, 2]) pages.push(...(await list({ sort: column, page, page_size: 1 })).items);
      assert.deepEqual(
        pages.map((item) => item.id),
        up,
        column,
      );
    }
    assert.deepEqual((await list({ page: 3, page_size: 1 })).items, []);
  });

  test('begins with the busiest of today', async () => {
    await world.ask('shop-b', 'hello');
    assert.equal((await list()).items[0].id, 'shop-b');
    assert.equal((await list()).items[0].conversations_today, 1);
    const quietestFirst = (await list({ sort: 'conversations_today' })).items;
    assert.deepEqual([quietestFirst.at(-1).id, quietestFirst.at(-1).conversations_today], ['shop-b', 1]);
  });

  test('names every wrong parameter', async () => {
    const answer = await world.admin.get(`${LIST}?status=x&sort=x&page=0&page_size=201&colour=red`);
    assertProblem(answer, 422, 'invalid', ['status', 'sort', 'page', 'page_size', 'colour']);
    assert.match(answer.text, /between 1 and 1000000000"/); // a person reads it: not 1e+09
  });
});

describe('making and editing', () => {
  test('a tenant with an id, and one with an id made for it', async () => {
    const made = await create({ id: 'new-1', name: ' 新店 ', contact: '03-1234' });
    assert.deepEqual(
      [made.id, made.name, made.contact, made.status, made.version],
      ['new-1', '新店', '03-1234', 'active', 1],
    );
    assert.match(made.api_key, /^kmp_/);
    const other = await create({ name: '另一家' });
    assert.match(other.id, /^tenant_/);
    const [row] = await audit('tenant.create', 'new-1');
    assert.deepEqual(row.details.after, { name: '新店', contact: '03-1234', status: 'active' });
    assert.equal(row.username, 'ops_admin');
  });

  test('an id that is taken: 409; wrong fields: all named', async () => {
    for (const id of ['shop-a', 'SHOP-A', 'Shop-a'])
      assertProblem(await world.admin.post(LIST, { id, name: 'x' }), 409, 'conflict', ['id']);
    assertProblem(await world.admin.get(at('SHOP-A')), 404); // looked up as it is written
    assertProblem(await world.admin.post(LIST, { id: '../x', name: ' ', contact: 'a\nb' }), 422, 'invalid', [
      'id',
      'name',
      'contact',
    ]);
    assertProblem(await world.admin.post(LIST, {}), 422, 'invalid', ['name']);
  });

  test('whatever is wrong is named at once: by length, by rule, by kind', async () => {
    const wrong = { id: '..', name: '名'.repeat(65), contact: 'a\u202eb', colour: 'red' };
    assertProblem(await world.admin.post(LIST, wrong), 422, 'invalid', ['id', 'name', 'contact', 'colour']);
    const edit = { name: ' ', contact: 'a\nb', version: 'new' };
    assertProblem(await world.admin.send('PUT', at('shop-a'), { json: edit }), 422, 'invalid', [
      'name',
      'contact',
      'version',
    ]);
  });

  test('a name is what it shows: nothing hidden, nothing turned around, any script, emoji', async () => {
    const hidden = ['\u200b', 'a\u200bb', '\u202eevil', 'a\u2066b', 'a\u2028b', 'a\ufeffb', '\u2003\u200d\u200e'];
    for (const name of hidden) assertProblem(await world.admin.post(LIST, { name }), 422, 'invalid', ['name']);
    for (const name of ['متجر كيمونو', '👩‍👧 亲子和服', 'کتاب‌خانه', '<b>x</b> & "y"', '花\u2003筏']) {
      const { id } = await create({ name });
      assert.equal((await detail(id)).name, name);
    }
  });

  test('an edit is kept with before and after, under the request id', async () => {
    const { version } = await create({ id: 'edit-1', name: 'Before' });
    const headers = { 'X-Request-Id': 'edit-request' };
    const json = { id: 'edit-1', name: 'After', contact: 'Mei', version };
    const edited = await world.admin.must('PUT', at('edit-1'), { json, headers });
    assert.deepEqual([edited.name, edited.contact, edited.version], ['After', 'Mei', version + 1]);
    const [row] = await audit('tenant.update', 'edit-1');
    assert.deepEqual(row.details.before, { name: 'Before', contact: '' });
    assert.deepEqual(row.details.after, { name: 'After', contact: 'Mei' });
    assert.equal(row.request_id, 'edit-request');
    assertProblem(await world.admin.send('PUT', at('edit-1'), { json }), 409, 'conflict');
    const again = await world.admin.must('PUT', at('edit-1'), { json: { name: 'After' } });
    assert.equal(again.version, version + 1, 'what changes nothing is no new version');
    assert.equal((await audit('tenant.update', 'edit-1')).length, 1);
  });

  test('another id in the body is refused', async () => {
    assertProblem(await world.admin.send('PUT', at('shop-a'), { json: { id: 'shop-b' } }), 422, 'invalid', ['id']);
    assertProblem(await world.admin.send('PUT', at('nobody'), { json: { name: 'x' } }), 404, 'not-found');
  });
});

describe('one in detail', () => {
  test('the key is for ops_admin alone', async () => {
    assert.equal((await detail('shop-a')).api_key, world.keys['shop-a']);
    assert.equal((await world.viewer.must('GET', at('shop-a'))).api_key, null);
  });

  test('what a suspension would hit', async () => {
    const { effect, suspension } = await detail('shop-b');
    assert.deepEqual(effect, { conversations_last_hour: 1, users_logged_in: 0, jobs_running: 0 });
    assert.equal(suspension, null);
    assert.equal((await detail('shop-a')).effect.users_logged_in, 2);
  });

  test('its users, without secrets', async () => {
    const { items, total } = await world.viewer.must('GET', `${at('shop-a')}/users`);
    assert.equal(total, 2);
    assert.deepEqual(
      items.map((/** @type {any} */ user) => [user.username, user.role, user.status, user.logged_in]),
      [
        ['tenant_admin', 'tenant_admin', 'active', true],
        ['tenant_staff', 'tenant_staff', 'active', true],
      ],
    );
    assert.equal(JSON.stringify(items).includes('password'), false);
  });

  test('its figures', async () => {
    const stats = await world.viewer.must('GET', `${at('shop-b')}/stats`);
    assert.deepEqual([stats.total_users, stats.total_qa_pairs, stats.avg_quality_score], [0, 0, null]);
    assert.deepEqual([stats.conversations_today, stats.conversations_week, stats.conversations_month], [1, 1, 1]);
    assert.equal(stats.feedback_approval_rate, null);
    const full = await world.viewer.must('GET', `${at('shop-a')}/stats`);
    assert.deepEqual([full.total_users, full.admin_count, full.staff_count, full.total_qa_pairs], [2, 1, 1, 5]);
    assert.equal(typeof full.avg_quality_score, 'number');
  });

  test('its days, none left out, today last', async () => {
    const trends = await world.viewer.must('GET', `${at('shop-b')}/trends`);
    assert.equal(trends.points.length, 30);
    assert.deepEqual([trends.points[29].conversations, trends.points[29].messages], [1, 1]);
    assert.ok(trends.points[29].api_calls >= 1);
    assert.equal(trends.points[0].avg_response_time_ms, null);
    assert.equal((await world.viewer.must('GET', `${at('shop-b')}/trends?days=1`)).points.length, 1);
    for (const days of [0, 91]) {
      assertProblem(await world.viewer.get(`${at('shop-b')}/trends?days=${days}`), 422, 'invalid', ['days']);
    }
  });

  test('nobody: 404 everywhere', async () => {
    for (const path of ['', '/stats', '/users', '/trends']) {
      assertProblem(await world.admin.get(at('nobody') + path), 404, 'not-found');
    }
    for (const verb of ['suspend', 'activate']) {
      assertProblem(await world.admin.post(`${at('nobody')}/${verb}`, { reason: 'x' }), 404, 'not-found');
    }
  });
});

describe('suspending', () => {
  test('needs a reason, and is for ops_admin alone', async () => {
    assertProblem(await world.admin.post(`${at('shop-a')}/suspend`, {}), 422, 'invalid', ['reason']);
    assertProblem(await world.admin.post(`${at('shop-a')}/suspend`, { reason: '  ' }), 422, 'invalid', ['reason']);
    for (const verb of ['suspend', 'activate']) {
      assertProblem(await world.viewer.post(`${at('shop-a')}/${verb}`, { reason: 'x' }), 403, 'forbidden');
    }
  });

  test('and activating again is a conflict; each is in the audit log', async () => {
    await create({ id: 'cycle', name: 'Cycle' });
    const headers = { 'X-Request-Id': 'suspend-request' };
    const json = { reason: '欠费三个月' };
    const suspended = await world.admin.must('POST', `${at('cycle')}/suspend`, { json, headers });
    assert.equal(suspended.status, 'suspended');
    const { since, reason, by, messages_answered, messages_refused } = suspended.suspension;
    assert.equal(since, suspended.suspended_at);
    assert.deepEqual({ reason, by }, { reason: '欠费三个月', by: 'ops_admin' });
    assert.deepEqual([messages_answered, messages_refused], [0, 0]);
    assertProblem(await world.admin.post(`${at('cycle')}/suspend`, json), 409, 'conflict');
    const active = await world.admin.must('POST', `${at('cycle')}/activate`, { json: { reason: '已付清' } });
    assert.deepEqual([active.status, active.suspension, active.suspended_at], ['active', null, null]);
    assertProblem(await world.admin.post(`${at('cycle')}/activate`, {}), 409, 'conflict');
    const [first, ...others] = await audit('tenant.suspend', 'cycle');
    assert.equal(others.length, 0);
    assert.deepEqual(first.details.before, { status: 'active' });
    assert.equal(first.details.after.status, 'suspended');
    assert.equal(first.details.reason, '欠费三个月');
    assert.equal(first.request_id, 'suspend-request');
    const [second] = await audit('tenant.activate', 'cycle');
    assert.equal(second.details.before.status, 'suspended');
    assert.deepEqual(second.details.after, { status: 'active' });
    assert.equal(second.details.reason, '已付清');
  });

  test('refuses the next message and answers the first one after activation, with proof', async () => {
    const ask = () =>
      world.anyone.post(`${API}/chat/message`, { message: '营业时间是几点到几点' }, { key: world.keys['shop-a'] });
    assert.equal((await ask()).status, 200);
    await suspend('shop-a');
    for (let i = 1; i <= 3; i++) {
      assertProblem(await ask(), 403, 'tenant-suspended');
      const { suspension } = await detail('shop-a');
      assert.deepEqual([suspension.messages_answered, suspension.messages_refused], [0, i]);
    }
    const { points } = await world.admin.must('GET', `${at('shop-a')}/trends?days=1`);
    assert.equal(points[0].refused, 3);
    await activate('shop-a');
    assert.equal((await ask()).json.answered, true);
  });

  test('what runs when it comes is answered or refused, and never counted as answered since', async () => {
    const ask = () => world.anyone.post(`${API}/chat/message`, { message: 'hello' }, { key: world.keys['shop-b'] });
    const running = Array.from({ length: 24 }, ask);
    const suspension = suspend('shop-b');
    const answers = await Promise.all([...running, suspension.then(ask)]);
    const last = /** @type {Answer} */ (answers.at(-1));
    assertProblem(last, 403, 'tenant-suspended');
    for (const answer of answers) assert.ok([200, 403].includes(answer.status), answer.text);
    const refused = answers.filter((answer) => answer.status === 403).length;
    const proof = (await detail('shop-b')).suspension;
    assert.deepEqual([proof.messages_answered, proof.messages_refused], [0, refused]);
    await activate('shop-b');
  });

  test('holds in every process on the store, from the next request on, and its proof outlives them', async () => {
    const { api_key: key } = await create({ id: 'shared', name: 'Shared' });
    await addUser(world.store, 'shared.owner', 'tenant_admin', 'shared');
    const token = await world.logIn('shared.owner');
    const second = await Server.start(world.store);
    const there = new Client(second.port, world.document);
    const ask = (/** @type {Client} */ client) => client.post(`${API}/chat/message`, { message: 'hello' }, { key });
    for (let round = 0; round < 5; round++) {
      for (const client of [there, world.anyone]) {
        assert.equal((await ask(client)).status, 200);
        await client.must('GET', `${API}/auth/me`, { token });
      }
      await suspend('shared');
      for (const client of [there, world.anyone]) {
        assertProblem(await ask(client), 403, 'tenant-suspended');
        assertProblem(await client.get(`${API}/auth/me`, { token }), 403, 'tenant-suspended');
      }
      const { suspension } = await there.must('GET', at('shared'), { token: world.admin.token });
      assert.deepEqual([suspension.messages_answered, suspension.messages_refused], [0, 2], `round ${round}`);
      if (round < 4) await activate('shared');
    }
    assertProblem(await ask(there), 403, 'tenant-suspended');
    await second.crash();
    assert.equal((await detail('shared')).suspension.messages_refused, 3);
    await activate('shared');
  });

  test('log-in moves last_active_at', async () => {
    await create({ id: 'quiet', name: 'Quiet' });
    await addUser(world.store, 'quiet.owner', 'tenant_admin', 'quiet');
    assert.equal((await detail('quiet')).last_active_at, null);
    const earliest = Date.now();
    await world.logIn('quiet.owner');
    assert.ok(Date.parse((await detail('quiet')).last_active_at) >= earliest);
  });
});

/** What may go on, and why: nothing else may carry the mark 'open'. */
const OPEN = {
  'POST /api/v1/feedback': 'customers may still say what they think',
  'POST /api/v1/auth/logout': 'a session may always be ended',
  'GET /api/v1/system/health': 'of no tenant',
  'GET /api/v1/openapi.json': 'of no tenant',
};

/** The least that the schema of a body takes. @param {any} operation */
function leastBody(operation) {
  const schema = operation.requestBody?.content['application/json']?.schema;
  if (!schema) return undefined;
  if (schema.type === 'array') return [];
  const values = /** @type {Record<string, unknown>} */ ({ integer: 1, number: 1, boolean: true, array: [] });
  return Object.fromEntries(
    (schema.required ?? []).map((/** @type {string} */ name) => {
      const property = schema.properties[name];
      return [name, property.enum?.[0] ?? values[property.type] ?? 'x'];
    }),
  );
}

describe('every path of a suspended tenant', () => {
  /** @type {{ key: string, access: string, refresh: string }} */
  let tenant;
  before(async () => {
    const { api_key } = await create({ id: 'stopped', name: 'Stopped' });
    await addUser(world.store, 'stopped.owner', 'tenant_admin', 'stopped');
    const json = { username: 'stopped.owner', password: PASSWORD };
    const session = await world.anyone.must('POST', `${API}/auth/login`, { json });
    tenant = { key: api_key, access: session.access_token, refresh: session.refresh_token };
    await suspend('stopped');
  });

  /** How the tenant comes to a route: with its key, its token, or what its user knows. @param {any} route */
  function call({ method, path, operation }) {
    const known = /** @type {Record<string, object>} */ ({
      '/api/v1/auth/login': { username: 'stopped.owner', password: PASSWORD },
      '/api/v1/auth/refresh': { refresh_token: tenant.refresh },
    });
    const with_key = operation['x-permission'] === 'tenant_key';
    return world.anyone.send(method, path.replace(/\{\w+\}/g, 'stopped'), {
      json: known[path] ?? leastBody(operation),
      ...(with_key ? { key: tenant.key } : { token: tenant.access }),
    });
  }

  test('only what is declared is open', () => {
    const open = world.document.routes.filter(({ operation }) => operation['x-tenant-gate'] === 'open');
    assert.deepEqual(open.map(({ method, path }) => `${method} ${path}`).sort(), Object.keys(OPEN).sort());
    const local = world.document.routes.filter(({ operation }) => operation['x-permission'] === 'local');
    assert.deepEqual(
      local.map(({ path }) => path),
      ['/metrics'],
    );
  });

  test('everything else is refused as tenant-suspended', async () => {
    let refused = 0;
    for (const route of world.document.routes) {
      // What is open to this machine (/metrics) asks for no token here.
      if (route.operation['x-tenant-gate'] === 'open' || route.operation['x-permission'] === 'local') continue;
      const answer = await call(route);
      assertProblem(answer, 403, 'tenant-suspended');
      refused++;
    }
    assert.ok(refused >= 10);
  });

  test('an API token that speaks for it is refused, too; one that speaks for none is not', async () => {
    const args = ['token', 'create', 'stopped.collector', '--role', 'ingest', '--tenant', 'stopped'];
    const token = await world.store.must(args);
    for (const path of [`${API}/auth/me`, `${API}/system/stats`]) {
      assertProblem(await world.anyone.get(path, { token }), 403, 'tenant-suspended');
    }
    await world.ingest.must('GET', `${API}/auth/me`);
  });

  test('what is open is not refused as tenant-suspended', async () => {
    for (const route of world.document.routes) {
      if (route.operation['x-tenant-gate'] !== 'open' || route.path.endsWith('/logout')) continue;
      const answer = await call(route);
      assert.ok(!String(answer.json?.type).endsWith('tenant-suspended'), `${route.method} ${route.path}`);
    }
  });

  test('activation brings all back; a suspended session can be ended', async () => {
    await activate('stopped');
    await world.anyone.must('GET', `${API}/auth/me`, { token: tenant.access });
    await suspend('stopped');
    assertProblem(await world.anyone.get(`${API}/auth/me`, { token: tenant.access }), 403, 'tenant-suspended');
    await world.anyone.must('POST', `${API}/auth/logout`, { token: tenant.access, status: 204 });
    await activate('stopped');
    assertProblem(await world.anyone.get(`${API}/auth/me`, { token: tenant.access }), 401, 'unauthenticated');
    await world.logIn('stopped.owner');
  });
});

test('the store is whole after all this', async () => {
  await world.store.must(['check']);
});
