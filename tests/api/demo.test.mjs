/** @file What a newcomer judges by: the demonstration's shops differ, have stories, and say nothing that isn't so. */
import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import { queryStore } from '../lib/store.mjs';
import { PATIENCE, Server, Store, command, pause } from './harness.mjs';

const store = new Store();

/** @param {string} sql @param {...any} values */
const rows = (sql, ...values) => queryStore(store, sql, ...values);

before(async () => {
  await store.must(['demo', '--usage', '6000', '--logs', '1000', '--days', '24']);
});

describe('the demonstration', () => {
  test('is whole', async () => {
    const { code, stdout, stderr } = await store.command(['check']);
    assert.equal(code, 0, stdout + stderr);
  });

  test('has big and small shops, each with its own prices, hours, places and kinds of questions', async () => {
    const counts = (await rows('SELECT qa_pair_count AS n FROM tenants')).map(({ n }) => n);
    assert.ok(Math.max(...counts) > 3 * Math.min(...counts), String(counts));
    assert.ok(new Set(counts).size > 15, String(counts));
    const alike = await rows(
      "SELECT question, COUNT(DISTINCT answer) AS answers, COUNT(*) AS shops FROM qa_pairs WHERE answer LIKE '%¥%'" +
        " AND source IN ('import', 'manual') GROUP BY question HAVING COUNT(*) >= 6",
    );
    assert.ok(alike.length > 20);
    const sum = (/** @type {string} */ name) => alike.reduce((total, row) => total + row[name], 0);
    assert.ok(sum('answers') > 0.6 * sum('shops'), `${sum('answers')} of ${sum('shops')}`);
    const categories = (await rows('SELECT COUNT(*) AS n FROM qa_pairs GROUP BY category')).map(({ n }) => n);
    assert.ok(new Set(categories).size > categories.length / 2, String(categories));
  });

  test('no shop talks of what is somewhere else, and nothing is left to be filled in', async () => {
    const hanfu = await rows("SELECT question || answer AS text FROM qa_pairs WHERE tenant_id >= 'tenant_021'");
    for (const { text } of hanfu) assert.doesNotMatch(text, /浅草|京都|祇园|和服|着付|日元|LINE/, text);
    const kyoto = await rows("SELECT question || answer AS text FROM qa_pairs WHERE tenant_id = 'tenant_012'");
    for (const { text } of kyoto) assert.doesNotMatch(text, /浅草|雷门|金泽|镰仓/, text);
    for (const { text } of await rows('SELECT question || answer AS text FROM qa_pairs'))
      assert.doesNotMatch(text, /[{}]/);
  });

  test('has its stories', async () => {
    const [suspended] = await rows(
      "SELECT COUNT(*) AS n FROM tenants WHERE status = 'suspended' AND suspended_by = 'lin.lan'",
    );
    assert.equal(suspended.n, 2);
    assert.equal(
      (await rows("SELECT 1 FROM ops_logs WHERE action = 'tenant.suspend' AND username = 'lin.lan'")).length,
      2,
    );
    const [silent] = await rows("SELECT last_active_at AS at FROM tenants WHERE id = 'tenant_013'");
    assert.ok(Date.now() - silent.at > 8 * 86_400_000);
    assert.equal((await rows("SELECT 1 FROM tenants WHERE contact = ''")).length, 0);
    assert.ok((await rows('SELECT 1 FROM users WHERE last_login_at IS NOT NULL')).length > 20);
    assert.equal((await rows("SELECT 1 FROM jobs WHERE status = 'failed' AND error_zh <> ''")).length, 1);
    assert.equal((await rows('SELECT 1 FROM vector_syncs WHERE failed_at IS NOT NULL')).length, 1);
    const share = async (/** @type {string} */ id, /** @type {string} */ when) =>
      (
        await rows(
          `SELECT AVG(CASE WHEN f.rating = 'bad' THEN 1.0 ELSE 0.0 END) AS bad FROM feedbacks f JOIN messages m ON m.id = f.message_id WHERE f.tenant_id = $1 AND m.created_at ${when} $2`,
          id,
          Date.now() - 6 * 86_400_000,
        )
      )[0].bad;
    assert.ok((await share('tenant_005', '>')) > (await share('tenant_005', '<')) + 0.1);
  });

  test('was corrected rightly: what is learned is what the customers said, and answers their question', async () => {
    const learned = await rows(
      'SELECT m.question AS asked, q.question, q.answer, f.correction FROM feedbacks f JOIN messages m ON m.id = f.message_id' +
        " JOIN qa_pairs q ON q.id = f.qa_pair_id WHERE f.status = 'learned'",
    );
    assert.ok(learned.length > 0);
    for (const { asked, question, answer, correction } of learned)
      assert.deepEqual([question, answer], [asked, correction]);
  });

  test('--live: no correction contradicts what the shop answers', async () => {
    const [{ last }] = await rows('SELECT MAX(id) AS last FROM feedbacks');
    const server = await Server.start(store, { env: { KIMONO_SCHEDULER_AUTO_LEARN_ENABLED: 'off' } });
    const live = await command(
      ['demo', '--live', ...store.flags, '--server', server.url, '--rate', '150', '--duration', String(6 * PATIENCE)],
      {},
    );
    assert.equal(live.code, 0, live.stdout + live.stderr);
    await pause(50);
    await server.stop();
    const corrections = await rows(
      'SELECT f.tenant_id, m.question, m.answer, f.correction FROM feedbacks f JOIN messages m ON m.id = f.message_id' +
        ' WHERE f.id > $1 AND f.correction IS NOT NULL',
      last,
    );
    assert.ok(corrections.length > 0);
    // It is what the shop answers to that question, or one of the few that nobody has written down.
    const known = new Set((await rows('SELECT tenant_id || answer AS text FROM qa_pairs')).map(({ text }) => text));
    const others = corrections.filter(({ tenant_id: id, correction }) => !known.has(id + correction));
    assert.ok(new Set(others.map(({ correction }) => correction)).size <= 14, JSON.stringify(others.slice(0, 3)));
    for (const { answer, correction } of corrections) assert.notEqual(answer, correction);
  });
});
