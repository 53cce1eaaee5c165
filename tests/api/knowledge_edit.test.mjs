/** @file Changing everyone's knowledge: one pair, many, undo, sync, and who may do it. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { auditRows } from '../lib/store.mjs';
import { OPS, PAIRS, World, assertProblem } from './harness.mjs';

/** @type {World} */
let world;
before(async () => {
  world = await World.open();
});
after(async () => {
  await world.close();
  assert.equal(await world.store.must(['check']), 'whole');
});

const PAIR = `${OPS}/knowledge/qa-pairs`;
let made = 0;

/** @param {object} [fields] */
const make = (fields) =>
  world.admin.must('POST', PAIR, {
    status: 201,
    json: { tenant_id: 'shop-b', question: `问题 ${++made}`, answer: `回答 ${made}`, category: '新', ...fields },
  });

/** @param {number} id */
const look = (id) => world.viewer.must('GET', `${PAIR}/${id}`);

/**
 * Asks for a job, waits, and gives it.
 * @param {string} path  below /ops
 * @param {object} [json]
 */
const job = async (path, json) => {
  const answer = await world.admin.must('POST', `${OPS}${path}`, { json, headers: { Prefer: 'wait=30' } });
  assert.equal(answer.status, 'succeeded', answer.error);
  return answer;
};

/** @param {Record<string, string>} filter */
const total = async (filter) => (await world.viewer.must('GET', `${PAIR}?${new URLSearchParams(filter)}`)).total;

/**
 * Rows of the audit log, newest last.
 * @param {string} action
 * @param {number | string} [target]
 * @returns {Promise<any[]>}
 */
const audits = (action, target) =>
  target === undefined
    ? auditRows(world.store, "result = 'done' AND action = $1", action)
    : auditRows(world.store, "result = 'done' AND action = $1 AND target_id = $2", action, String(target));

describe('one pair', () => {
  test('is made, looked at, and changed', async () => {
    const pair = await make({ question: '  停车场在哪里？ ' });
    assert.deepEqual(
      [pair.question, pair.tenant_name, pair.source, pair.is_synced, pair.version, pair.deleted_at],
      ['停车场在哪里？', 'Kyoto & Sons', 'manual', false, 1, null],
    );
    assert.deepEqual([pair.quality.score, pair.quality.hits, pair.quality.age_days], [0.5, 0, 0]);
    const chinese = await world.viewer.must('GET', `${PAIR}/${pair.id}`, { headers: { 'Accept-Language': 'zh-CN' } });
    assert.match(chinese.quality.explanation, /尚无依据/u);

    const changed = await world.admin.must('PUT', `${PAIR}/${pair.id}`, { json: { answer: '店后面。', version: 1 } });
    assert.deepEqual([changed.version, changed.answer, changed.category], [2, '店后面。', '新']);
    const [row] = await audits('qa_pair.update', pair.id);
    assert.deepEqual(
      [row.username, row.details.before.answer, row.details.after.answer],
      ['ops_admin', pair.answer, '店后面。'],
    );
    assert.equal((await audits('qa_pair.create', pair.id)).length, 1);
  });

  test('tells the second editor, who sees the first one’s text', async () => {
    const { id } = await make();
    await world.admin.must('PUT', `${PAIR}/${id}`, { json: { answer: '先', version: 1 } });
    const second = await world.admin.send('PUT', `${PAIR}/${id}`, { json: { answer: '后', version: 1 } });
    assertProblem(second, 409, 'conflict');
    assert.deepEqual([(await look(id)).answer, (await look(id)).version], ['先', 2]);
  });

  test('has a question of its own, and correct fields', async () => {
    const { question } = await make();
    const again = { tenant_id: 'shop-b', question: ` ${question} `, answer: '又一个' };
    assertProblem(await world.admin.post(PAIR, again), 409, 'conflict', ['question']);
    assertProblem(await world.admin.post(PAIR, { tenant_id: 'nobody', question: 'q', answer: 'a' }), 422, 'invalid', [
      'tenant_id',
    ]);
    assertProblem(await world.admin.post(PAIR, { tenant_id: 'shop-b', answer: 'a', colour: 'red' }), 422, 'invalid', [
      'question',
      'colour',
    ]);
    assertProblem(await world.admin.send('PUT', `${PAIR}/999999`, { json: { answer: 'a' } }), 404, 'not-found');
  });

  test('is deleted and restored', async () => {
    const { id, question } = await make();
    await world.admin.must('DELETE', `${PAIR}/${id}?reason=${encodeURIComponent('过时')}`, { status: 204 });
    assert.equal(await total({ keyword: question, tenant_id: 'shop-b' }), 0);
    assert.equal((await audits('qa_pair.delete', id))[0].details.reason, '过时');
    assert.notEqual((await look(id)).deleted_at, null);
    const { items } = await world.viewer.must('GET', `${OPS}/knowledge/deleted?tenant_id=shop-b`);
    const deleted = items.find((/** @type {any} */ item) => item.id === id);
    assert.equal(deleted.deleted_by, 'ops_admin');
    assert.equal(Date.parse(deleted.undo_until) - Date.parse(deleted.deleted_at), 86400000);
    assertProblem(await world.admin.send('DELETE', `${PAIR}/${id}`), 404, 'not-found');

    const restored = await world.admin.must('POST', `${PAIR}/${id}/restore`);
    assert.deepEqual([restored.question, restored.version, restored.deleted_at], [question, 1, null]);
    assertProblem(await world.admin.post(`${PAIR}/${id}/restore`), 409, 'conflict');
    assertProblem(await world.admin.post(`${PAIR}/999999/restore`), 404, 'not-found');
    await world.admin.must('DELETE', `${PAIR}/${id}`, { status: 204, json: { reason: '正文里的原因' } });
    assert.equal((await audits('qa_pair.delete', id))[1].details.reason, '正文里的原因');
    await make({ question });
    assertProblem(await world.admin.post(`${PAIR}/${id}/restore`), 409, 'conflict');
  });

  test('answers a chat as it is at the moment', async () => {
    const { id } = await make({ question: 'Is there a luggage locker?', answer: 'Yes, behind the counter.' });
    assert.equal((await world.ask('shop-b', 'Is there a luggage locker?')).answered, true);
    await world.admin.must('DELETE', `${PAIR}/${id}`, { status: 204 });
    assert.equal((await world.ask('shop-b', 'Is there a luggage locker?')).answered, false);
    await world.admin.must('POST', `${PAIR}/${id}/restore`);
    const answer = await world.ask('shop-b', 'Is there a luggage locker?');
    assert.match(answer.answer, /behind the counter/u);
    assert.equal((await look(id)).quality.hits, 2);
  });
});

describe('many pairs', () => {
  test('are deleted by ids and come back', async () => {
    const ids = [(await make({ category: '批量甲' })).id, (await make({ category: '批量甲' })).id];
    const { id, result } = await job('/knowledge/qa-pairs/bulk', { action: 'delete', ids: [...ids, 999999] });
    assert.deepEqual([result.action, result.matched, result.changed, result.skipped], ['delete', 3, 2, 1]);
    assert.equal(await total({ category: '批量甲' }), 0);
    const rows = await audits('knowledge.bulk', id);
    assert.deepEqual(
      rows.at(-1).details.before.pairs.map((/** @type {any} */ pair) => pair.id),
      ids,
    );
    const undo = await job(`/jobs/${id}/undo`, { reason: '误删' });
    assert.deepEqual([undo.kind, undo.result], ['knowledge.undo', { undone: 2, conflicts: 0, job_id: id }]);
    assert.equal(await total({ category: '批量甲' }), 2);
    assertProblem(await world.admin.post(`${OPS}/jobs/${id}/undo`), 409, 'conflict');
    assertProblem(await world.admin.post(`${OPS}/jobs/${undo.id}/undo`), 409, 'conflict');
    assertProblem(await world.admin.post(`${OPS}/jobs/job_unknown/undo`), 404, 'not-found');
  });

  test('get a category by filter, first as a dry run', async () => {
    const pair = await make({ category: '批量乙' });
    await make({ category: '批量乙' });
    const request = { action: 'set_category', filter: { category: '批量乙', source: 'manual' }, category: '批量丙' };
    const dry = await job('/knowledge/qa-pairs/bulk', { ...request, dry_run: true });
    assert.deepEqual([dry.result.changed, dry.result.dry_run], [2, true]);
    assert.equal(await total({ category: '批量丙' }), 0);
    assertProblem(await world.admin.post(`${OPS}/jobs/${dry.id}/undo`), 409, 'conflict');
    const { id, result } = await job('/knowledge/qa-pairs/bulk', request);
    assert.deepEqual([result.matched, result.changed], [2, 2]);
    assert.equal(await total({ category: '批量丙' }), 2);
    await world.admin.must('PUT', `${PAIR}/${pair.id}`, { json: { answer: '之后改的' } });
    assert.deepEqual((await job(`/jobs/${id}/undo`)).result, { undone: 1, conflicts: 1, job_id: id });
  });

  test('a dry run says of how many tenants they are, however they are found', async () => {
    const category = '批量丁';
    const first = await make({ category, tenant_id: 'shop-a' });
    await make({ category, tenant_id: 'shop-a', answer: '🎏' });
    const second = await make({ category, answer: '🎏' });
    /** @param {object} which */
    const tenants = async (which) => {
      const request = { action: 'delete', dry_run: true, ...which };
      return (await job('/knowledge/qa-pairs/bulk', request)).result.tenants;
    };
    assert.equal(await tenants({ ids: [first.id] }), 1);
    assert.equal(await tenants({ ids: [first.id, second.id, 999999] }), 2);
    assert.equal(await tenants({ filter: { category } }), 2);
    assert.equal(await tenants({ filter: { category, tenant_id: 'shop-a' } }), 1);
    assert.equal(await tenants({ filter: { category, keyword: '🎏' } }), 2, 'found by looking at the texts');
    assert.equal(await tenants({ filter: { category, keyword: '没有这个' } }), 0);
    const real = await job('/knowledge/qa-pairs/bulk', { action: 'delete', filter: { category } });
    assert.equal(real.result.tenants, undefined);
  });

  test('are refused with all that is wrong', async () => {
    const bulk = `${PAIR}/bulk`;
    assertProblem(await world.admin.post(bulk, { action: 'delete' }), 422, 'invalid', ['ids']);
    const filter = { tenant_id: 7, colour: 'red' };
    assertProblem(await world.admin.post(bulk, { action: 'delete', filter }), 422, 'invalid', [
      'filter.tenant_id',
      'filter.colour',
    ]);
    const both = { action: 'set_category', ids: [1], filter: {} };
    assertProblem(await world.admin.post(bulk, both), 422, 'invalid', ['ids', 'category']);
  });
});

describe('the sync', () => {
  test('brings the index up to date, and says so', async () => {
    await make();
    const before = await world.viewer.must('GET', `${OPS}/knowledge/sync/status?tenant_id=shop-b`);
    assert.ok(before.pending > 0 || before.last_run !== null);
    const { result } = await job('/knowledge/sync', {});
    assert.deepEqual([result.failed_tenants, result.errors], [0, []]);
    const status = await world.viewer.must('GET', `${OPS}/knowledge/sync/status`);
    assert.deepEqual([status.pending, status.removals_pending, status.lag_seconds], [0, 0, null]);
    assert.deepEqual([status.last_error, status.tenants_failing], [null, []]);
    assert.ok(Date.parse(status.last_success) >= Date.parse(status.last_run));
    assert.equal(await total({ is_synced: 'true', tenant_id: 'shop-a' }), PAIRS.length);
    assertProblem(await world.viewer.get(`${OPS}/knowledge/sync/status?tenant_id=nobody`), 404, 'not-found');
  });

  test('takes pairs that are named', async () => {
    const { id } = await make();
    const { result } = await job('/knowledge/sync', { ids: [id] });
    assert.equal(result.tenants, 1);
    assert.equal((await look(id)).is_synced, true);
    assertProblem(await world.admin.post(`${OPS}/knowledge/sync`, { ids: [999999] }), 422, 'invalid', ['ids']);
  });

  test('is checked against the store', async () => {
    await job('/knowledge/sync', {});
    const { result } = await job('/knowledge/sync/check', { repair: true });
    assert.deepEqual([result.tenants, result.missing, result.stale, result.orphaned, result.repaired], [2, 0, 0, 0, 0]);
    assert.ok(result.entries >= PAIRS.length);
  });

  test('leaves a suspended tenant alone', async () => {
    await world.admin.must('POST', `${OPS}/tenants/shop-b/suspend`, { json: { reason: '测试' } });
    const { id } = await make(); // editing goes on
    assertProblem(await world.admin.post(`${OPS}/knowledge/sync`, { tenant_id: 'shop-b' }), 403, 'tenant-suspended');
    const check = await world.admin.post(`${OPS}/knowledge/sync/check`, { tenant_id: 'shop-b' });
    assertProblem(check, 403, 'tenant-suspended');
    await job('/knowledge/sync', {});
    assert.equal((await look(id)).is_synced, false);
    await world.admin.must('POST', `${OPS}/tenants/shop-b/activate`, { json: { reason: '测试' } });
    await job('/knowledge/sync', { tenant_id: 'shop-b' });
    assert.equal((await look(id)).is_synced, true);
  });
});

test('a viewer sees, masked, and changes nothing', async () => {
  const { id } = await make({ answer: '请打 13800138000 找店长。' });
  assert.doesNotMatch((await look(id)).answer, /13800138000/u);
  for (const [method, path] of [
    ['POST', PAIR],
    ['PUT', `${PAIR}/${id}`],
    ['DELETE', `${PAIR}/${id}`],
    ['POST', `${PAIR}/${id}/restore`],
    ['POST', `${PAIR}/bulk`],
    ['POST', `${OPS}/knowledge/sync`],
    ['POST', `${OPS}/knowledge/sync/check`],
    ['POST', `${OPS}/jobs/job_x/undo`],
  ])
    assertProblem(await world.viewer.send(method, path), 403, 'forbidden');
  await world.admin.must('DELETE', `${PAIR}/${id}`, { status: 204 });
  const { items } = await world.viewer.must('GET', `${OPS}/knowledge/deleted`);
  assert.doesNotMatch(JSON.stringify(items), /13800138000/u);
});
