/** @file Common templates: every endpoint, who may use it, what it refuses; distribution as a job; conflicts. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { auditRows } from '../lib/store.mjs';
import { OPS, World, assertProblem, eventually, pairsFile } from './harness.mjs';

/** @type {World} */
let world;
before(async () => {
  world = await World.open();
});
after(() => world.close());

const TEMPLATES = `${OPS}/templates`;
let made = 0;

/** @param {object} [fields] */
const make = (fields) =>
  world.admin.must('POST', TEMPLATES, {
    status: 201,
    json: { question: `模板问题 ${++made}`, answer: `模板回答 ${made}`, category: '通用', ...fields },
  });

/** @param {number} id */
const look = (id) => world.viewer.must('GET', `${TEMPLATES}/${id}`);

/**
 * Distributes, waits, and gives the job.
 * @param {object} request
 * @param {import('./harness.mjs').Client} [client]
 */
const distribute = (request, client = world.admin) =>
  client.must('POST', `${TEMPLATES}/distribute`, { json: request, headers: { Prefer: 'wait=30' } });

/**
 * @param {number} id
 * @param {string} tenant
 */
const copy = (id, tenant) => world.viewer.must('GET', `${TEMPLATES}/${id}/copies/${tenant}`);

describe('templates', () => {
  test('are made, listed, edited, and deleted', async () => {
    const { id, ...template } = await make({ question: '  如何预约和服？ ', category: '预约' });
    assert.equal(template.question, '如何预约和服？');
    assert.deepEqual([template.version, template.distributed_count, template.tenant_count], [1, 0, 2]);
    assert.deepEqual([template.for_all, template.updated_by], [false, 'ops_admin']);

    const list = await world.viewer.must('GET', `${TEMPLATES}?keyword=${encodeURIComponent('预约和服')}`);
    assert.deepEqual(
      list.items.map((/** @type {any} */ item) => item.id),
      [id],
    );
    assert.ok(list.categories.some((/** @type {any} */ one) => one.category === '预约' && one.count === 1));

    const json = { answer: '电话或线上预约。', version: 1 };
    const edited = await world.admin.must('PUT', `${TEMPLATES}/${id}`, { json });
    assert.deepEqual([edited.version, edited.answer], [2, '电话或线上预约。']);
    assertProblem(await world.admin.send('PUT', `${TEMPLATES}/${id}`, { json }), 409, 'conflict');
    const same = await world.admin.must('PUT', `${TEMPLATES}/${id}`, { json: { answer: '电话或线上预约。' } });
    assert.equal(same.version, 2);
    const { versions } = await look(id);
    assert.deepEqual(
      versions.map((/** @type {any} */ one) => one.version),
      [2, 1],
    );

    await world.admin.must('DELETE', `${TEMPLATES}/${id}`, { status: 204 });
    assertProblem(await world.viewer.get(`${TEMPLATES}/${id}`), 404, 'not-found');
    assertProblem(await world.admin.send('DELETE', `${TEMPLATES}/${id}`), 404, 'not-found');
    assert.notEqual((await make({ question: '如何预约和服？' })).id, id);
  });

  test('have a question of their own', async () => {
    const first = await make();
    const second = await make();
    const json = { question: ` ${first.question} `, answer: '又一个' };
    assertProblem(await world.admin.post(TEMPLATES, json), 409, 'conflict', ['question']);
    assertProblem(await world.admin.send('PUT', `${TEMPLATES}/${second.id}`, { json }), 409, 'conflict', ['question']);
  });

  test('are sorted by each column, in both directions', async () => {
    await make();
    for (const column of ['question', 'category', 'distributed_count', 'version', 'updated_at', 'created_at']) {
      const up = await world.viewer.must('GET', `${TEMPLATES}?sort=${column}&page_size=200`);
      const down = await world.viewer.must('GET', `${TEMPLATES}?sort=-${column}&page_size=200`);
      assert.ok(up.total > 1);
      assert.deepEqual(
        up.items.map((/** @type {any} */ one) => one.id),
        down.items.map((/** @type {any} */ one) => one.id).reverse(),
      );
    }
  });

  test('refuse what is wrong, and name it', async () => {
    assertProblem(await world.admin.post(TEMPLATES, {}), 422, 'invalid', ['question', 'answer']);
    const blank = { question: '  ', answer: '\n' };
    assertProblem(await world.admin.post(TEMPLATES, blank), 422, 'invalid', ['question', 'answer']);
    assertProblem(await world.viewer.get(`${TEMPLATES}?sort=price`), 422, 'invalid', ['sort']);
    assertProblem(await world.viewer.get(`${TEMPLATES}/matrix?state=none`), 422, 'invalid', ['state']);
    assertProblem(await world.viewer.get(`${TEMPLATES}/matrix?template_id=999999`), 404, 'not-found');
  });

  test('are changed by administrators alone', async () => {
    const { id } = await make();
    const path = `${TEMPLATES}/${id}`;
    const request = { template_ids: [id], all_tenants: true };
    const decision = { resolution: 'keep', copy_version: 1, template_version: 1 };
    for (const client of [world.viewer, world.shopAdmin, world.ingest]) {
      assertProblem(await client.post(TEMPLATES, { question: 'Q', answer: 'A' }), 403);
      assertProblem(await client.send('PUT', path, { json: { answer: 'B' } }), 403);
      assertProblem(await client.send('DELETE', path), 403);
      assertProblem(await client.post(`${TEMPLATES}/distribute`, request), 403);
      assertProblem(await client.post(`${path}/copies/shop-a`, decision), 403);
    }
    for (const route of [TEMPLATES, path, `${TEMPLATES}/matrix`, `${path}/copies/shop-a`]) {
      assertProblem(await world.shopAdmin.get(route), 403);
      assertProblem(await world.anyone.get(route), 401);
    }
  });
});

describe('distribution', () => {
  test('is a job: accepted with its address, or waited for', async () => {
    const { id } = await make();
    const request = { template_ids: [id], tenant_ids: ['shop-a'] };
    const accepted = await world.admin.post(`${TEMPLATES}/distribute`, request);
    assert.equal(accepted.status, 202);
    const path = String(accepted.headers.location);
    await eventually(async () => assert.equal((await world.viewer.must('GET', path)).status, 'succeeded'));
    const job = await distribute(request);
    assert.deepEqual(job.result, {
      templates: 1,
      tenants: 1,
      created: 0,
      updated: 0,
      unchanged: 1,
      conflicts: 0,
      deleted_templates: 0,
      skipped_tenants: 0,
      dry_run: false,
    });
    assert.deepEqual([job.kind, job.tenant_id, job.created_by], ['templates.distribute', 'shop-a', 'ops_admin']);
    assert.deepEqual(job.progress, { done: 1, total: 1 });
    const { items } = await world.viewer.must('GET', `${OPS}/jobs/${job.id}/items`);
    assert.deepEqual([items[0].target_id, items[0].outcome, items[0].detail.unchanged], ['shop-a', 'done', 1]);
  });

  test('gives pairs that answer at once', async () => {
    const { id, question, answer } = await make({ question: '闭店后能归还浴衣吗', answer: '可放入夜间归还箱。' });
    await distribute({ template_ids: [id], all_tenants: true, reason: '统一答复' });
    assert.equal((await world.ask('shop-b', question)).answer, answer);
    const { distributed_count: copies, current_count: current, for_all: forAll } = await look(id);
    assert.deepEqual([copies, current, forAll], [2, 2, true]);
  });

  test('says what there is not', async () => {
    const { id } = await make();
    const distributeTo = (/** @type {object} */ request) => world.admin.post(`${TEMPLATES}/distribute`, request);
    const unknown = await distributeTo({ template_ids: [id, 999999], tenant_ids: ['shop-a', 'nobody'] });
    assertProblem(unknown, 422, 'invalid', ['template_ids', 'tenant_ids']);
    assert.match(unknown.text, /999999/);
    assert.match(unknown.text, /nobody/);
    assertProblem(await distributeTo({ template_ids: [id] }), 422, 'invalid', ['tenant_ids']);
    const both = { template_ids: [id], tenant_ids: ['shop-a'], all_tenants: true };
    assertProblem(await distributeTo(both), 422, 'invalid', ['tenant_ids']);
    assertProblem(await distributeTo({ template_ids: [], all_tenants: true }), 422, 'invalid', ['template_ids']);
  });

  test('a dry run promises what the real one does', async () => {
    const { id } = await make();
    const promised = await distribute({ template_ids: [id], all_tenants: true, dry_run: true });
    assert.equal((await look(id)).distributed_count, 0);
    assert.equal((await look(id)).for_all, false);
    assert.equal(promised.parameters.newly_for_all, 1);
    const done = await distribute({ template_ids: [id], all_tenants: true });
    assert.deepEqual({ ...promised.result, dry_run: false }, done.result);
  });

  test('of the same template by two at once: each tenant has it once', async () => {
    const { id } = await make();
    const request = { template_ids: [id], all_tenants: true };
    const jobs = await Promise.all([distribute(request), distribute(request)]);
    const sum = (/** @type {string} */ name) => jobs.reduce((total, job) => total + job.result[name], 0);
    assert.deepEqual([sum('created'), sum('unchanged')], [2, 2]);
    assert.equal((await look(id)).distributed_count, 2);
  });

  test('is in the audit log: the asking and each transaction, with its request', async () => {
    const { id } = await make();
    const reason = '审计测试';
    const json = { template_ids: [id], tenant_ids: ['shop-a', 'shop-b'], reason };
    const asked = await world.admin.post(`${TEMPLATES}/distribute`, json, { headers: { Prefer: 'wait=30' } });
    const rows = await auditRows(world.store, "action = 'template.distribute' AND target_id = $1", asked.json.id);
    assert.equal(rows.length, 2);
    const [asking, transaction] = rows;
    assert.deepEqual(asking.details.after.tenant_ids, ['shop-a', 'shop-b']);
    assert.deepEqual(transaction.details.after.tenants, ['shop-a', 'shop-b']);
    assert.equal(transaction.details.after.created, 2);
    for (const row of rows) {
      assert.equal(row.details.reason, reason);
      assert.equal(row.request_id, asked.headers['x-request-id']);
      assert.equal(row.username, 'ops_admin');
    }
  });

  test('a deletion is there, too, with what was deleted, how many copies stay, and why', async () => {
    const { id, question } = await make();
    await distribute({ template_ids: [id], tenant_ids: ['shop-a'] });
    const reason = encodeURIComponent('已停业');
    await world.admin.must('DELETE', `${TEMPLATES}/${id}?reason=${reason}`, { status: 204 });
    const [row] = await auditRows(world.store, "action = 'template.delete' AND target_id = $1", String(id));
    const { before, after, reason: kept } = row.details;
    assert.deepEqual([before.question, after.copies, kept], [question, 1, '已停业']);
  });

  test('a job that has ended cannot be cancelled', async () => {
    const { id } = await make();
    const job = await distribute({ template_ids: [id], all_tenants: true });
    assertProblem(await world.admin.post(`${OPS}/jobs/${job.id}/cancel`), 409, 'conflict');
  });
});

describe('conflicts', () => {
  /** A template whose copy at shop-a the tenant has changed, by importing another answer; then a new version. */
  async function conflict() {
    const { id, question, category } = await make();
    await distribute({ template_ids: [id], tenant_ids: ['shop-a'] });
    await world.store.must([
      'import',
      pairsFile([{ question, answer: '店里自己的回答', category }]),
      '--tenant',
      'shop-a',
    ]);
    await world.admin.must('PUT', `${TEMPLATES}/${id}`, { json: { answer: '新的统一回答' } });
    return id;
  }

  test('are kept, shown side by side, and decided', async () => {
    const id = await conflict();
    const job = await distribute({ template_ids: [id], tenant_ids: ['shop-a'] });
    assert.equal(job.result.conflicts, 1);
    const { items } = await world.viewer.must('GET', `${OPS}/jobs/${job.id}/items?outcome=conflict`);
    assert.deepEqual(items[0].detail.conflict_templates, [id]);

    const view = await copy(id, 'shop-a');
    assert.equal(view.state, 'conflict');
    assert.equal(view.copy.answer, '店里自己的回答');
    assert.equal(view.template.answer, '新的统一回答');
    assert.ok(view.base.version < view.template.version);

    const path = `${TEMPLATES}/${id}/copies/shop-a`;
    const seen = { copy_version: view.copy.version, template_version: view.template.version };
    const old = { resolution: 'take', ...seen, template_version: 1 };
    assertProblem(await world.admin.post(path, old), 409, 'conflict');
    const kept = await world.admin.must('POST', path, { json: { resolution: 'keep', ...seen } });
    assert.equal(kept.state, 'kept');
    const second = await world.admin.post(path, { resolution: 'take', ...seen, state: 'conflict' });
    assertProblem(second, 409, 'conflict');
    assert.match(second.json.detail, /Somebody else/);
    const merged = await world.admin.must('POST', path, {
      json: { resolution: 'merge', ...seen, answer: '两者合并', reason: '店长同意' },
    });
    assert.deepEqual([merged.state, merged.copy.answer], ['kept', '两者合并']);
    assertProblem(await world.admin.post(path, { resolution: 'take', ...seen }), 409, 'conflict');
    const json = { resolution: 'take', ...seen, copy_version: merged.copy.version };
    const taken = await world.admin.must('POST', path, { json });
    assert.deepEqual([taken.state, taken.copy.answer], ['current', '新的统一回答']);
    const nothing = { resolution: 'keep', ...seen, copy_version: taken.copy.version };
    assertProblem(await world.admin.post(path, nothing), 409, 'conflict');
  });

  test('force overwrites them', async () => {
    const id = await conflict();
    const job = await distribute({ template_ids: [id], tenant_ids: ['shop-a'], force: true });
    assert.equal(job.result.updated, 1);
    assert.equal((await copy(id, 'shop-a')).state, 'current');
  });

  test('an own answer to the question is one, too', async () => {
    const { id } = await make({ question: '营业时间是几点到几点', answer: '各店不同。' });
    const view = await copy(id, 'shop-a');
    assert.deepEqual([view.state, view.base], ['conflict', null]);
    assert.equal((await copy(id, 'shop-b')).copy, null);
  });

  test('of what there is not: 404', async () => {
    const { id } = await make();
    assertProblem(await world.viewer.get(`${TEMPLATES}/${id}/copies/nobody`), 404, 'not-found');
    assertProblem(await world.viewer.get(`${TEMPLATES}/999999/copies/shop-a`), 404, 'not-found');
  });
});

describe('the matrix', () => {
  test('shows each tenant and each template, with the reason', async () => {
    const { id } = await make({ category: '矩阵' });
    await distribute({ template_ids: [id], tenant_ids: ['shop-b'] });
    const category = encodeURIComponent('矩阵');
    const { templates, items, counts } = await world.viewer.must('GET', `${TEMPLATES}/matrix?category=${category}`);
    assert.equal(counts, null);
    assert.deepEqual(
      templates.map((/** @type {any} */ one) => one.id),
      [id],
    );
    const cells = Object.fromEntries(items.map((/** @type {any} */ row) => [row.tenant_id, row.cells[0]]));
    assert.equal(cells['shop-a'].state, 'none');
    assert.deepEqual([cells['shop-b'].state, cells['shop-b'].version], ['current', 1]);
    const next = await world.viewer.must('GET', `${TEMPLATES}/matrix?category=${category}&template_page=2`);
    assert.deepEqual([next.templates, next.template_total, next.items[0].cells], [[], 1, []]);
    const headers = { 'Accept-Language': 'zh-CN' };
    const path = `${TEMPLATES}/matrix?template_id=${id}&state=none`;
    const one = await world.viewer.must('GET', path, { headers });
    assert.deepEqual([one.total, one.counts.none, one.counts.current], [1, 1, 1]);
    assert.equal(one.items[0].cells[0].why, '从未分发给该商家');
  });
});
