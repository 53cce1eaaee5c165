/** @file What customers say was wrong, and who decides: learning fills gaps, a person changes answers. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { API, OPS, PAIRS, PATIENCE, World, assertProblem, pause } from './harness.mjs';

/** @type {World} */
let world;
before(async () => {
  world = await World.open();
});
after(() => world.close());

const LIST = `${OPS}/knowledge/corrections`;

/**
 * Asks, and says what the answer should have been.
 * @param {string} question
 * @param {string} [correction]
 * @param {'shop-a' | 'shop-b'} [tenant]
 * @returns {Promise<number>} id of the feedback
 */
async function correct(question, correction, tenant = 'shop-a') {
  const { message_id } = await world.ask(tenant, question);
  const json = { message_id, rating: 'bad', ...(correction ? { correction } : {}) };
  return (await world.anyone.must('POST', `${API}/feedback`, { key: world.keys[tenant], json })).id;
}

/** @param {string} [query] */
const list = async (query = '') => world.admin.must('GET', `${LIST}?${query}`);
const pendingFigure = async () => (await world.admin.must('GET', `${OPS}/dashboard/overview`)).pending_feedbacks;
const answerTo = async (/** @type {string} */ question) => (await world.ask('shop-a', question)).answer;

/**
 * The item, once it is as wanted.
 * @param {number} id
 * @param {(item: any) => boolean} isWanted
 */
async function itemOnce(id, isWanted) {
  for (const deadline = Date.now() + 30_000 * PATIENCE; ; await pause(200)) {
    for (const status of ['pending', 'learned']) {
      const found = (await list(`status=${status}`)).items.find((/** @type {any} */ item) => item.id === id);
      if (found && isWanted(found)) return found;
    }
    assert.ok(Date.now() < deadline, `feedback ${id}`);
  }
}

describe('corrections', () => {
  test('learning fills a gap by itself and changes no answer that there is', async () => {
    const gap = await correct('停车场在哪里', '停车场在店后面。', 'shop-b');
    const attack = await correct(PAIRS[0].question, '全部免费！');
    const sly = await correct(`${PAIRS[0].question}？`, '全部免费！');
    const learned = await itemOnce(gap, (item) => item.status === 'learned');
    assert.equal(learned.pair_answer, '停车场在店后面。');
    for (const id of [attack, sly]) {
      const held = await itemOnce(id, (item) => item.held_for !== null);
      assert.deepEqual([held.held_for, held.pair_answer], ['existing_pair', PAIRS[0].answer]);
      assert.deepEqual([held.correction, held.answer], ['全部免费！', PAIRS[0].answer]);
    }
    assert.equal(await answerTo(PAIRS[0].question), PAIRS[0].answer);
    assert.equal(await answerTo(`${PAIRS[0].question}？`), PAIRS[0].answer);
  });

  test('a person approves: the pair answers so, and the figure falls by one', async () => {
    const id = await correct(PAIRS[1].question, '可以，最早提前六十天。');
    const before = await pendingFigure();
    const json = { note: '老板确认过' };
    const done = await world.admin.must('POST', `${LIST}/${id}/approve`, { json });
    assert.deepEqual([done.status, done.note, done.decided_by], ['approved', '老板确认过', 'ops_admin']);
    assert.equal(done.pair_answer, '可以，最早提前六十天。');
    assert.equal(await answerTo(PAIRS[1].question), '可以，最早提前六十天。');
    assert.equal(await pendingFigure(), before - 1);
    assertProblem(await world.admin.post(`${LIST}/${id}/approve`, {}), 409, 'conflict');
    assertProblem(await world.admin.post(`${LIST}/${id}/reject`, {}), 409, 'conflict');
  });

  test('in other words, or as a pair of its own', async () => {
    const id = await correct(PAIRS[2].question, '要赔钱');
    const done = await world.admin.must('POST', `${LIST}/${id}/approve`, { json: { answer: '按原价三成赔偿。' } });
    assert.equal(done.pair_answer, '按原价三成赔偿。');
    const same = await correct(PAIRS[2].question, '不用赔');
    assertProblem(await world.admin.post(`${LIST}/${same}/approve`, { as_new: true }), 409, 'conflict');
    await world.admin.must('POST', `${LIST}/${same}/reject`, { json: {} });
    const other = await correct('弄脏了怎么办呀', '交给店员处理。');
    const own = await world.admin.must('POST', `${LIST}/${other}/approve`, { json: { as_new: true } });
    assert.equal(own.pair_question, '弄脏了怎么办呀');
    assert.equal(await answerTo(PAIRS[2].question), '按原价三成赔偿。');
  });

  test('a person rejects; the customer may say it anew, and that waits again', async () => {
    const { message_id } = await world.ask('shop-a', PAIRS[3].question);
    const say = (/** @type {string} */ correction) =>
      world.anyone.must('POST', `${API}/feedback`, {
        key: world.keys['shop-a'],
        json: { message_id, rating: 'bad', correction },
      });
    const { id } = await say('二十四小时');
    const [newest] = (await list('tenant_id=shop-a&page_size=1')).items;
    const seen = await world.viewer.must('GET', `${LIST}/${id}`);
    assert.equal(newest.id, id);
    await say('十点到六点');
    const stale = { version: seen.version };
    assertProblem(await world.admin.post(`${LIST}/${id}/approve`, stale), 409, 'conflict');
    await world.admin.must('POST', `${LIST}/${id}/reject`, { json: { note: '不对' } });
    assert.equal(await answerTo(PAIRS[3].question), PAIRS[3].answer);
    assert.equal((await say('十点到七点')).status, 'pending');
  });

  test('without a correction there is nothing to approve, unless the person says it', async () => {
    const id = await correct(PAIRS[4].question);
    assertProblem(await world.admin.post(`${LIST}/${id}/approve`, {}), 422, 'invalid', ['answer']);
    const json = { answer: 'We ship to fifty countries.' };
    await world.admin.must('POST', `${LIST}/${id}/approve`, { json });
    assert.equal(await answerTo(PAIRS[4].question), 'We ship to fifty countries.');
    const other = await correct(`${PAIRS[4].question} by ship`);
    const seen = await world.admin.must('GET', `${LIST}/${other}`);
    assert.deepEqual([seen.held_for, seen.pair_question], [null, PAIRS[4].question]); // the pair that answered
    const wrong = { answer: 'x', qa_pair_id: 999999 };
    assertProblem(await world.admin.post(`${LIST}/${other}/approve`, wrong), 422, 'invalid', ['qa_pair_id']);
    const named = { answer: 'Yes, by ship too.', qa_pair_id: seen.qa_pair_id };
    const done = await world.admin.must('POST', `${LIST}/${other}/approve`, { json: named });
    assert.deepEqual([done.pair_question, done.pair_answer], [PAIRS[4].question, 'Yes, by ship too.']);
  });

  test('the list is exactly what the figure counts, page by page', async () => {
    for (let i = 0; i < 5; i++) await correct(PAIRS[0].question, i % 2 ? `更正 ${i}` : undefined);
    const seen = [];
    let page = await list('page_size=2');
    assert.equal(page.total, await pendingFigure());
    for (; ; page = await list(`page_size=2&cursor=${page.next_cursor}`)) {
      seen.push(...page.items.map((/** @type {any} */ item) => item.id));
      if (!page.next_cursor) break;
    }
    assert.equal(seen.length, page.total);
    const second = (await list('page_size=2&page=2')).items;
    assert.deepEqual(
      second.map((/** @type {any} */ item) => item.id),
      seen.slice(2, 4),
    );
    assert.deepEqual(
      seen,
      [...new Set(seen)].sort((a, b) => b - a),
    );
    const own = await list('tenant_id=shop-a&with_correction=true');
    assert.ok(own.items.every((/** @type {any} */ item) => item.tenant_id === 'shop-a' && item.correction !== null));
    assert.ok(own.items.length < page.total);
    assert.equal((await list('tenant_id=shop-b')).total, 0);
    assert.equal((await list('tenant_id=shop-b&status=rejected')).total, 0);
  });

  test('wrong input is named', async () => {
    assertProblem(await world.admin.get(`${LIST}?status=open&cursor=x&page_size=0`), 422, 'invalid', [
      'status',
      'page_size',
    ]);
    assertProblem(await world.admin.get(`${LIST}?cursor=-1`), 422, 'invalid', ['cursor']);
    assertProblem(await world.admin.get(`${LIST}?page=1000000`), 422, 'invalid', ['page']);
    assertProblem(await world.admin.get(`${LIST}/999999`), 404);
    assertProblem(await world.admin.post(`${LIST}/999999/approve`, {}), 404);
    assertProblem(await world.viewer.post(`${LIST}/1/approve`, {}), 403);
    assertProblem(await world.viewer.post(`${LIST}/1/reject`, {}), 403);
  });
});

describe('what a suspension holds back', () => {
  test('is counted apart everywhere, and is due again afterwards', async () => {
    const json = { tenant_id: 'shop-b', question: '可以退款吗', answer: '七天内可以。' };
    const reason = '欠费';
    const synced = () =>
      world.admin.must('POST', `${OPS}/knowledge/sync`, { json: {}, headers: { Prefer: 'wait=20' } });
    await synced();
    await world.admin.must('POST', `${OPS}/tenants/shop-b/suspend`, { json: { reason } });
    await world.admin.must('POST', `${OPS}/knowledge/qa-pairs`, { status: 201, json });
    assert.equal((await synced()).status, 'succeeded');
    const figures = async () => {
      const overview = await world.admin.must('GET', `${OPS}/dashboard/overview`);
      const knowledge = await world.admin.must('GET', `${OPS}/knowledge/overview`);
      const status = await world.admin.must('GET', `${OPS}/knowledge/sync/status`);
      const own = await world.admin.must('GET', `${OPS}/knowledge/sync/status?tenant_id=shop-b`);
      const metrics = (await world.admin.get('/metrics')).text;
      const metric = (/** @type {string} */ name) =>
        Number(metrics.match(new RegExp(`^kimono_${name} (\\d+)$`, 'm'))?.[1]);
      return [
        [overview.unsynced_qa_pairs, overview.held_back_qa_pairs],
        [knowledge.unsynced_count, knowledge.held_back_count],
        [status.pending, status.held_back],
        [own.pending, own.held_back],
        [metric('unsynced_qa_pairs'), metric('held_back_qa_pairs')],
      ];
    };
    for (const pair of await figures()) assert.deepEqual(pair, [0, 1]);
    // Each figure has its list.
    const listed = async (/** @type {string} */ status) => {
      const query = `is_synced=false&tenant_status=${status}`;
      const rows = (await world.admin.get(`${OPS}/knowledge/export?${query}&format=csv`)).text.trim().split('\r\n');
      const preview = { action: 'delete', filter: { is_synced: false, tenant_status: status }, dry_run: true };
      const { result } = await world.admin.must('POST', `${OPS}/knowledge/qa-pairs/bulk`, {
        json: preview,
        headers: { Prefer: 'wait=20' },
      });
      return [
        (await world.admin.must('GET', `${OPS}/knowledge/qa-pairs?${query}`)).total,
        rows.length - 1,
        result.matched,
      ];
    };
    assert.deepEqual(await listed('active'), [0, 0, 0]);
    assert.deepEqual(await listed('suspended'), [1, 1, 1]);
    await world.admin.must('POST', `${OPS}/tenants/shop-b/activate`, { json: {} });
    for (const pair of await figures()) assert.deepEqual(pair, [1, 0]);
    await synced();
    for (const pair of await figures()) assert.deepEqual(pair, [0, 0]);
    const { code, stderr } = await world.store.command(['check']);
    assert.equal(code, 0, stderr);
  });
});
