/**
 * @file Personal data, over every route that people of the platform read. Telephone numbers, addresses and names of
 * people are stored wherever a text can be, and then nobody finds one who has not asked for it. A route that is added
 * later must be named here.
 */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { auditRows, openStore, whileRefused } from '../lib/store.mjs';
import { API, OPS, World, addUser, assertProblem } from './harness.mjs';

const PHONE = '13812345678';
const EMAIL = 'li.si@example.com';
const CONTACT = '欧阳测试';
const PERSONAL = new RegExp([PHONE, EMAIL.replace('.', '\\.'), CONTACT].join('|'), 'u');
/** What stays of them. */
const MASKED = /138\*{4}5678|\w\*{3}@example\.com|欧\*{3}/u;

const TEXT = `请联系 ${PHONE} 或 ${EMAIL}`;
const CATEGORY = `分类 ${PHONE}`;
const wait = { Prefer: 'wait=30' };

/** @type {World} */
let world;
/** Whose name is an address. @type {import('./harness.mjs').Client} */
let person;
let template = 0;
let pair = 0;
let correction = 0;
let line = '';
let operation = 0;
let job = '';

before(async () => {
  const env = { KIMONO_SCHEDULER_AUTO_SYNC_ENABLED: 'off', KIMONO_SCHEDULER_AUTO_LEARN_ENABLED: 'off' };
  world = await World.open({ env });
  await addUser(world.store, EMAIL, 'ops_admin');
  person = world.admin.as(await world.logIn(EMAIL));
  const contact = `${CONTACT} ${PHONE} ${EMAIL}`;
  for (const id of ['full', 'closed'])
    await person.must('POST', `${OPS}/tenants`, { status: 201, json: { id, name: `店 ${PHONE}`, contact } });
  await addUser(world.store, `full.${EMAIL}`, 'tenant_admin', 'full');
  const made = await person.must('POST', `${OPS}/templates`, {
    status: 201,
    json: { question: `模板 ${PHONE}`, answer: TEXT, category: CATEGORY },
  });
  template = made.id;
  await person.must('POST', `${OPS}/templates/distribute`, {
    json: { template_ids: [template], all_tenants: true, reason: TEXT },
    headers: wait,
  });
  const path = `${OPS}/knowledge/qa-pairs`;
  for (const question of [`问题一 ${PHONE}`, `问题二 ${PHONE}`, `删除 ${PHONE}`]) {
    const json = { tenant_id: 'full', question, answer: TEXT, category: CATEGORY };
    pair = (await person.must('POST', path, { status: 201, json })).id;
  }
  await person.must('DELETE', `${path}/${pair--}`, { status: 204, json: { reason: TEXT } });
  const copy = await person.must('GET', `${OPS}/templates/${template}/copies/full`);
  await person.must('PUT', `${path}/${copy.copy.qa_pair_id}`, { json: { answer: `${TEXT}，店里的` } });
  await person.must('PUT', `${OPS}/templates/${template}`, { json: { answer: `${TEXT}，新` } });
  const form = new FormData();
  const rows = `question,answer,category\n${PHONE} 的问题,${TEXT},x\n,${TEXT},${CATEGORY}\n`;
  form.set('tenant_id', 'full');
  form.set('file', new Blob([rows]), `${PHONE}.csv`);
  job = (await person.must('POST', `${OPS}/knowledge/import`, { form, headers: wait })).id;
  await person.must('POST', `${OPS}/tenants/closed/suspend`, { json: { reason: TEXT } });
  const said = await world.anyone.must('POST', `${API}/chat/message`, {
    key: world.keys['shop-a'],
    json: { message: TEXT },
    headers: { 'X-Request-Id': 'masking' },
  });
  const full = await person.must('GET', `${OPS}/tenants/full`);
  await world.anyone.must('POST', `${API}/chat/message`, { key: full.api_key, json: { message: 'x' } });
  const words = { message_id: said.message_id, rating: 'bad', correction: TEXT };
  correction = (await world.anyone.must('POST', `${API}/feedback`, { key: world.keys['shop-a'], json: words })).id;
  // So that nothing is left for a sync to do, which would clear what stands below.
  await person.must('POST', `${OPS}/knowledge/sync`, { json: {}, headers: wait });
  const saved = { name: '保存的查询', keyword: PHONE, shared: true };
  await person.must('POST', `${OPS}/logs/queries`, { status: 201, json: saved });
  line = (await person.must('GET', `${OPS}/logs/query?limit=1`)).items[0].id;
  [{ id: operation }] = await auditRows(world.store, "action = 'tenant.create' AND target_id = 'full'");
  const stored = await openStore(world.store);
  await stored.run(
    'INSERT INTO alerts(created_at, alert_type, severity, title, message, source, status, last_seen_at,' +
      " acknowledged_by) VALUES (1, 'x', 'error', $1, $2, 'x', 'acknowledged', 1, $3)",
    ...[TEXT, TEXT, EMAIL],
  );
  await stored.run("DELETE FROM vector_syncs WHERE tenant_id = 'full'");
  await stored.run(
    "INSERT INTO vector_syncs(tenant_id, run_at, failed_at, error_en, error_zh) VALUES ('full', 1, 1, $1, $2)",
    ...[TEXT, TEXT],
  );
  await stored.run('UPDATE jobs SET error_en = $1, error_zh = $2 WHERE id = $3', TEXT, TEXT, job);
  await stored.close();
});
after(() => world.close());

const RANGE = '?start_time=2026-01-01T00:00:00.000Z&end_time=2028-01-01T00:00:00.000Z';

/** How each route is asked: with which paths, or a body. @type {() => Record<string, string[] | { json: object }>} */
const ways = () => ({
  'GET /dashboard/overview': [''],
  'GET /dashboard/trends': [''],
  'GET /system/status': [''],
  'GET /system/components': [''],
  'GET /alerts/active': [''],
  'GET /logs/operations': ['', '?page_size=200', '?action=tenant.create'],
  'GET /logs/operations/{id}': [`/${operation}`],
  'GET /requests/{request_id}': ['/masking'],
  'GET /knowledge/overview': [''],
  'GET /knowledge/facets': [''],
  'GET /knowledge/qa-pairs': ['', '?tenant_id=full&sort=question&page_size=1', '?sort=-question&page_size=1'],
  'GET /knowledge/qa-pairs/{id}': [`/${pair}`],
  'GET /knowledge/deleted': [''],
  'GET /knowledge/sync/status': [''],
  'GET /knowledge/corrections': [''],
  'GET /knowledge/corrections/{id}': [`/${correction}`],
  'POST /knowledge/search': { json: { tenant_id: 'full', question: `问题一 ${PHONE}`, min_score: 0 } },
  'GET /logs/query': ['', '?level=ERROR'],
  'GET /logs/stats': [''],
  'GET /logs/context': [`?id=${line}`],
  'GET /logs/patterns': [''],
  'GET /logs/tail': [''],
  'GET /logs/queries': [''],
  'GET /jobs': ['', '?page_size=200'],
  'GET /jobs/{id}': [`/${job}`],
  'GET /jobs/{id}/items': [`/${job}/items`],
  'GET /templates': [''],
  'GET /templates/matrix': ['', `?template_id=${template}`],
  'GET /templates/{id}': [`/${template}`],
  'GET /templates/{id}/copies/{tenant_id}': [`/${template}/copies/full`, `/${template}/copies/closed`],
  'GET /api-usage/stats': [RANGE],
  'GET /api-usage/cost': [RANGE],
  'GET /api-usage/trends': [RANGE],
  'GET /api-usage/by-tenant': [RANGE],
  'GET /api-usage/projection': [''],
  'GET /tenants': [''],
  'GET /tenants/{id}': ['/full', '/closed'],
  'GET /tenants/{id}/stats': ['/full/stats'],
  'GET /tenants/{id}/users': ['/full/users'],
  'GET /tenants/{id}/trends': ['/full/trends'],
});

/** Nothing personal in these: figures, names of parts of the product, and lines of the log, which are kept masked. */
const IMPERSONAL = [
  'GET /logs/query',
  'GET /logs/stats',
  'GET /logs/context',
  'GET /logs/patterns',
  'GET /logs/tail',
  'GET /dashboard/overview',
  'GET /dashboard/trends',
  'GET /system/status',
  'GET /system/components',
  'GET /tenants/{id}/stats',
  'GET /tenants/{id}/trends',
  'GET /api-usage/stats',
  'GET /api-usage/cost',
  'GET /api-usage/trends',
];

/** Those that are read: a write answers what was sent with it. */
const routes = () =>
  world.document.routes
    .filter(({ operation }) => operation['x-permission'] === 'read' && !operation['x-audit-action'])
    .map(({ method, path, operation }) => ({
      name: `${method} ${path.slice(OPS.length)}`,
      method,
      path,
      takesReveal: (operation.parameters ?? []).some((/** @type {any} */ parameter) => parameter.name === 'reveal'),
    }));

/**
 * Every answer that the route gives.
 * @param {import('./harness.mjs').Client} client
 * @param {ReturnType<typeof routes>[number]} route
 * @param {string} [query]
 */
async function ask(client, route, query = '') {
  const way = ways()[route.name];
  assert.ok(way, `${route.name} is not in this test`);
  if (!Array.isArray(way)) return [await client.send(route.method, `${route.path}${query ? `?${query}` : ''}`, way)];
  const answers = [];
  for (const end of way) {
    const start = route.path.split('/{')[0];
    const path = `${start}${end}`;
    answers.push(await client.get(query ? `${path}${path.includes('?') ? '&' : '?'}${query}` : path));
  }
  return answers;
}

/** What a text says, and what the cursors in it hold. @param {import('./harness.mjs').Answer} answer */
function allOf({ text, headers }) {
  const cursors = [...text.matchAll(/"next_cursor":"([^"]+)"/g)].map((match) => Buffer.from(match[1], 'base64url'));
  return `${text}${JSON.stringify(headers)}${cursors.map((cursor) => cursor.toString('utf8')).join('')}`;
}

const audited = () => auditRows(world.store, "action = 'personal_data.reveal'");

describe('personal data', () => {
  for (const role of /** @type {const} */ (['viewer', 'admin'])) {
    test(`is masked in every answer for ${role} without asking`, async () => {
      for (const route of routes())
        for (const answer of await ask(world[role], route)) {
          assert.equal(answer.status, 200, `${route.name}: ${answer.text}`);
          assert.doesNotMatch(allOf(answer), PERSONAL, route.name);
        }
    });
  }

  test('is found by this test on every route that can hold it: what is masked was there', async () => {
    for (const route of routes().filter(({ name }) => !IMPERSONAL.includes(name))) {
      const texts = (await ask(world.viewer, route)).map(allOf).join('');
      assert.match(texts, MASKED, route.name);
    }
  });

  test('is shown to ops_admin who asks, and that is audited', async () => {
    for (const route of routes().filter(({ takesReveal }) => takesReveal)) {
      const before = (await audited()).length;
      const answers = await ask(person, route, 'reveal=true');
      for (const answer of answers) assert.equal(answer.status, 200, `${route.name}: ${answer.text}`);
      const shown = answers.filter((answer) => PERSONAL.test(answer.text));
      const rows = (await audited()).slice(before);
      assert.equal(rows.length, shown.length, route.name);
      if (!IMPERSONAL.includes(route.name)) assert.ok(shown.length > 0, route.name);
      for (const row of rows) {
        assert.equal(row.username, EMAIL);
        assert.ok(row.details.after.texts > 0, JSON.stringify(row.details));
        assert.ok(row.target_id.startsWith(route.path.split('/{')[0]), row.target_id);
      }
    }
  });

  test('is not shown while it cannot be audited', async () => {
    const ask = () => world.admin.get(`${OPS}/tenants/full?reveal=true`, { check: false });
    const answer = await whileRefused(world.store, 'ops_logs', 'TRUE', ask);
    assert.notEqual(answer.status, 200);
    assert.doesNotMatch(allOf(answer), PERSONAL);
  });

  test('is not for a viewer to ask for', async () => {
    for (const route of routes().filter(({ takesReveal }) => takesReveal))
      for (const answer of await ask(world.viewer, route, 'reveal=true')) assertProblem(answer, 403, 'forbidden');
  });

  test('asking is true or false, once a route has it', async () => {
    assertProblem(await world.admin.get(`${OPS}/tenants?reveal=yes`), 422, 'invalid', ['reveal']);
    assertProblem(await world.admin.get(`${OPS}/dashboard/overview?reveal=true`), 422, 'invalid', ['reveal']);
    assert.doesNotMatch(allOf(await world.admin.get(`${OPS}/tenants?reveal=false`)), PERSONAL);
  });

  test('is marked in the document', () => {
    const { TenantDetail, QAPairDetail, Job } = world.document.json.components.schemas;
    for (const field of [TenantDetail.properties.contact, QAPairDetail.properties.answer, Job.properties.result])
      assert.equal(field['x-personal-data'], true);
  });
});

describe('the masked form', () => {
  test('is answered to writes too, but for what was sent with them', async () => {
    const contact = `${CONTACT} ${PHONE}`;
    const path = `${OPS}/tenants/full`;
    assert.equal((await world.admin.must('PUT', path, { json: { contact: ` ${contact} ` } })).contact, contact);
    assert.equal((await world.admin.must('PUT', path, { json: { name: '店' } })).contact, '欧***');
    assert.equal((await world.admin.must('PUT', `${path}?reveal=true`, { json: { name: '店' } })).contact, contact);
  });

  test('never overwrites what it covers', async () => {
    const put = (/** @type {string} */ path, /** @type {object} */ json) => world.admin.send('PUT', path, { json });
    const { answer } = await world.admin.must('GET', `${OPS}/knowledge/qa-pairs/${pair}`);
    const refused = await put(`${OPS}/knowledge/qa-pairs/${pair}`, { answer: `${answer}，周一休息` });
    assertProblem(refused, 422, 'invalid', ['answer']);
    assertProblem(await put(`${OPS}/tenants/full`, { contact: '欧*** 先生' }), 422, 'invalid', ['contact']);
    assertProblem(await put(`${OPS}/templates/${template}`, { question: '模板 138****5678' }), 422, 'invalid', [
      'question',
    ]);
    const now = await world.admin.must('GET', `${OPS}/knowledge/qa-pairs/${pair}?reveal=true`);
    assert.equal(now.answer, TEXT);
    const stars = { answer: '尾号 138****0000' };
    await world.admin.must('PUT', `${OPS}/knowledge/qa-pairs/${pair}`, { json: stars });
  });
});
