/** @file One request as one story: from its id alone, what it wrote, called, cost, changed and answered. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { openStore } from '../lib/store.mjs';
import { API, OPS, PAIRS, PATIENCE, World, assertProblem, pause } from './harness.mjs';

/** @type {World} */
let world;
before(async () => {
  world = await World.open();
});
after(() => world.close());

/**
 * The story, once its log rows are there: they are written within a second.
 * @param {string} id
 * @param {(story: any) => boolean} [isWhole]
 */
async function storyOf(id, isWhole = ({ log }) => log.length > 0) {
  for (const deadline = Date.now() + 15_000 * PATIENCE; ; await pause(100)) {
    const answer = await world.admin.get(`${OPS}/requests/${id}`);
    if (answer.status === 200 && isWhole(answer.json)) return answer.json;
    assert.ok(Date.now() < deadline, `${id}: ${answer.text}`);
  }
}

/** @param {any} row */
const isOfHttp = (row) => row.source === 'http';

/** @param {string[]} times */
const assertInOrder = (times) => assert.deepEqual(times, [...times].sort());

describe('the story of a request', () => {
  test('a customer’s question: the message, its calls with their cost, its log row', async () => {
    const asked = await world.anyone.send('POST', `${API}/chat/message`, {
      key: world.keys['shop-a'],
      json: { message: PAIRS[0].question },
    });
    const id = String(asked.headers['x-request-id']);
    const story = await storyOf(id, ({ log }) => log.some(isOfHttp));
    assert.equal(story.request_id, id);
    assert.equal(story.tenant_id, 'shop-a');
    assert.deepEqual(
      [story.message.message_id, story.message.conversation_id, story.message.answer, story.message.answered],
      [asked.json.message_id, asked.json.conversation_id, PAIRS[0].answer, true],
    );
    assert.deepEqual(
      story.message.sources.map((/** @type {any} */ source) => source.qa_pair_id),
      asked.json.sources.map((/** @type {any} */ source) => source.qa_pair_id),
    );
    assert.ok(story.usage.length > 0);
    assert.ok(story.usage.every((/** @type {any} */ call) => call.tenant_id === 'shop-a' && call.outcome === 'ok'));
    const cost = story.usage.reduce((/** @type {number} */ sum, /** @type {any} */ call) => sum + call.cost_cny, 0);
    assert.ok(Math.abs(story.cost_cny - cost) < 1e-9);
    assert.match(story.log.find(isOfHttp).message, /chat\/message 200/);
    assertInOrder(story.log.map((/** @type {any} */ row) => row.timestamp));
    assertInOrder(story.usage.map((/** @type {any} */ call) => call.timestamp));
    assert.ok(story.started_at <= story.ended_at);
    assert.equal(story.complete, true);
  });

  test('a change, by an id that the client has chosen; a job goes on under it', async () => {
    const id = `bulk.${Date.now()}`;
    const headers = { 'X-Request-Id': id, Prefer: 'wait=30' };
    const json = { tenant_id: 'shop-a', question: '押金退吗', answer: '退。' };
    const pair = await world.admin.must('POST', `${OPS}/knowledge/qa-pairs`, { status: 201, json, headers });
    const bulk = { action: 'set_category', ids: [pair.id], category: '押金' };
    await world.admin.must('POST', `${OPS}/knowledge/qa-pairs/bulk`, { json: bulk, headers });
    const story = await storyOf(id, ({ operations, log }) => operations.length >= 2 && log.length >= 2);
    const actions = story.operations.map((/** @type {any} */ row) => row.action);
    assert.equal(actions[0], 'qa_pair.create');
    assert.ok(actions.includes('knowledge.bulk'));
    assertInOrder(story.operations.map((/** @type {any} */ row) => row.timestamp));
    assert.equal(story.message, null);
  });

  test('alerts that were there meanwhile, of its tenant or of the platform', async () => {
    const asked = await world.anyone.send('POST', `${API}/chat/message`, {
      key: world.keys['shop-b'],
      json: { message: '你们好' },
    });
    const rows = await openStore(world.store);
    const now = Date.now();
    const add = (/** @type {string} */ title, /** @type {string | null} */ tenant, /** @type {number} */ resolved) =>
      rows.run(
        'INSERT INTO alerts(created_at, alert_type, severity, title, message, source, status, last_seen_at, tenant_id,' +
          " resolved_at) VALUES ($1, 'x', 'error', $2, '', 'x', 'resolved', $1, $3, $4)",
        ...[now - 3_600_000, title, tenant, resolved],
      );
    await add('of all', null, now);
    await add('of the tenant', 'shop-b', now);
    await add('of another', 'shop-a', now);
    await add('long ago', null, now - 3_000_000);
    await rows.close();
    const story = await storyOf(String(asked.headers['x-request-id']));
    assert.deepEqual(
      story.alerts.map((/** @type {any} */ alert) => alert.title),
      ['of all', 'of the tenant'],
    );
  });

  test('is masked for a viewer, and nothing is 404', async () => {
    const asked = await world.anyone.send('POST', `${API}/chat/message`, {
      key: world.keys['shop-a'],
      json: { message: '我的电话是13812345678' },
    });
    const id = String(asked.headers['x-request-id']);
    await storyOf(id);
    const seen = await world.viewer.must('GET', `${OPS}/requests/${id}`);
    assert.match(seen.message.question, /138\*{4}5678/);
    assertProblem(await world.admin.get(`${OPS}/requests/nobody-ever-asked-this`), 404, 'not-found');
    assertProblem(await world.admin.get(`${OPS}/requests/${'x'.repeat(65)}`), 422, 'invalid', ['request_id']);
    assertProblem(await world.admin.get(`${OPS}/requests/a%20b`), 422, 'invalid', ['request_id']);
    assertProblem(await world.shopAdmin.get(`${OPS}/requests/${id}`), 403, 'forbidden');
  });
});
