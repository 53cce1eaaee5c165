/**
 * @file Two servers and the command line on one store, at the same time: what each reads, changes and writes is not
 * overtaken by another, and an undo takes back what its own job has made and nothing else.
 */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { auditRows, queryStore } from '../lib/store.mjs';
import { API, Client, OPS, PAIRS, Server, World, temporaryFolder } from './harness.mjs';

const ROWS = 1500; // of an import: two transactions
const ROUNDS = 12;
const wait = { Prefer: 'wait=60' };

/** @type {World} */
let world;
/** @type {Server} */
let other;
/** The same person at either server. @type {Client[]} */
let admins;

before(async () => {
  const env = { KIMONO_SCHEDULER_AUTO_SYNC_ENABLED: 'off', KIMONO_SCHEDULER_AUTO_LEARN_ENABLED: 'off' };
  world = await World.open({ env });
  other = await Server.start(world.store, { env });
  admins = [world.admin, new Client(other.port, world.document, world.admin.token)];
});
after(async () => {
  await other.stop();
  await world.close();
});

const proveWhole = async () => assert.equal(await world.store.must(['check']), 'whole');

/** @param {string} name  which stands in each question */
const tableOf = (name) =>
  ['question,answer', ...Array.from({ length: ROWS }, (_, i) => `${name} 问题 ${i},${name} 回答 ${i}`)].join('\n');

/**
 * @param {Client} admin
 * @param {string} name
 * @returns {Promise<any>} the job, when it has ended
 */
function importOver(admin, name) {
  const form = new FormData();
  form.set('tenant_id', 'shop-b');
  form.set('file', new Blob([tableOf(name)]), `${name}.csv`);
  return admin.must('POST', `${OPS}/knowledge/import`, { form, headers: wait });
}

/** @param {string} name */
function importByCommand(name) {
  const file = join(temporaryFolder(), `${name}.csv`);
  writeFileSync(file, tableOf(name));
  return world.store.must(['import', file, '--tenant', 'shop-b']);
}

/** @returns {Promise<Record<string, number>>} live pairs of shop-b by the first word of their question */
async function livePairs() {
  const rows = await queryStore(
    world.store,
    "SELECT question FROM qa_pairs WHERE tenant_id = 'shop-b' AND deleted_at IS NULL",
  );
  const counts = /** @type {Record<string, number>} */ ({});
  for (const { question } of rows) counts[question.split(' ')[0]] = (counts[question.split(' ')[0]] ?? 0) + 1;
  return counts;
}

describe('imports into one tenant by several processes', () => {
  test('each makes its own pairs; the undo of one takes back exactly those', async () => {
    const [first, second] = await Promise.all([
      importOver(admins[0], 'first'),
      importOver(admins[1], 'second'),
      importByCommand('third'),
    ]);
    assert.deepEqual([first.result.created, second.result.created], [ROWS, ROWS]);
    assert.deepEqual(await livePairs(), { first: ROWS, second: ROWS, third: ROWS });

    const [undo] = await Promise.all([
      admins[0].must('POST', `${OPS}/jobs/${first.id}/undo`, { json: {}, headers: wait }),
      importByCommand('fourth'),
    ]);
    assert.deepEqual([undo.result.undone, undo.result.conflicts], [ROWS, 0]);
    assert.deepEqual(await livePairs(), { second: ROWS, third: ROWS, fourth: ROWS });
    await proveWhole();
  });
});

/**
 * The same version is changed by two at once, again and again.
 * @param {string} path
 * @param {(round: number) => object} change
 */
async function editAtOnce(path, change) {
  const { version: first } = await admins[0].must('GET', path);
  for (let round = 0; round < ROUNDS; round++) {
    const json = { ...change(round), version: first + round };
    const answers = await Promise.all(
      admins.map((admin, i) => admin.send('PUT', path, { json: { ...json, answer: `${round} ${i}` } })),
    );
    assert.deepEqual(
      answers.map(({ status }) => status).sort(),
      [200, 409],
      answers.map(({ text }) => text).join('\n'),
    );
  }
  const { version } = await admins[1].must('GET', path);
  assert.equal(version, first + ROUNDS);
}

describe('one thing changed by two servers at once', () => {
  test('a pair: one is first, the other is told', async () => {
    const json = { tenant_id: 'shop-a', question: '谁先改', answer: '旧的' };
    const { id } = await admins[0].must('POST', `${OPS}/knowledge/qa-pairs`, { status: 201, json });
    await editAtOnce(`${OPS}/knowledge/qa-pairs/${id}`, () => ({}));
    assert.equal(
      (await auditRows(world.store, "result = 'done' AND action = 'qa_pair.update' AND target_id = $1", String(id)))
        .length,
      ROUNDS,
    );
  });

  test('a template: one is first, the other is told, and every version is kept once', async () => {
    const json = { question: '模板谁先改', answer: '旧的' };
    const { id } = await admins[0].must('POST', `${OPS}/templates`, { status: 201, json });
    await editAtOnce(`${OPS}/templates/${id}`, () => ({}));
    const versions = await queryStore(
      world.store,
      'SELECT version FROM template_versions WHERE template_id = $1 ORDER BY version',
      id,
    );
    assert.deepEqual(
      versions.map(({ version }) => version),
      Array.from({ length: ROUNDS + 1 }, (_, i) => i + 1),
    );
  });

  test('a tenant: of two names for one version one is taken', async () => {
    const path = `${OPS}/tenants/shop-b`;
    const { version: first } = await admins[0].must('GET', path);
    for (let round = 0; round < ROUNDS; round++) {
      const answers = await Promise.all(
        admins.map((admin, i) =>
          admin.send('PUT', path, { json: { name: `店 ${round} ${i}`, version: first + round } }),
        ),
      );
      assert.deepEqual(answers.map(({ status }) => status).sort(), [200, 409]);
    }
    assert.equal((await admins[1].must('GET', path)).version, first + ROUNDS);
  });

  test('a suspension: one suspends, and the other is told that it is so already', async () => {
    for (let round = 0; round < ROUNDS; round++)
      for (const verb of ['suspend', 'activate']) {
        const answers = await Promise.all(
          admins.map((admin) => admin.send('POST', `${OPS}/tenants/shop-b/${verb}`, { json: { reason: '核对' } })),
        );
        assert.deepEqual(answers.map(({ status }) => status).sort(), [200, 409]);
      }
    await proveWhole();
  });
});

describe('customers at two servers at once', () => {
  test('every conversation, its latency, its feedback and its hits are counted once', async () => {
    const clients = admins.map((admin) => admin.as(null));
    const ask = (/** @type {number} */ i) => {
      const json = { message: PAIRS[i % PAIRS.length].question };
      return clients[i % 2].must('POST', `${API}/chat/message`, { key: world.keys['shop-a'], json });
    };
    const before = (await admins[0].must('GET', `${OPS}/tenants/shop-a`)).version;
    for (let round = 0; round < ROUNDS; round++) {
      const answers = await Promise.all(Array.from({ length: 10 }, (_, i) => ask(round + i)));
      await Promise.all(
        answers.map(({ message_id }, i) =>
          clients[(i + 1) % 2].must('POST', `${API}/feedback`, {
            key: world.keys['shop-a'],
            json: { message_id, rating: i % 3 === 0 ? 'bad' : 'good' },
          }),
        ),
      );
    }
    const [{ n }] = await queryStore(world.store, "SELECT COUNT(*) AS n FROM messages WHERE tenant_id = 'shop-a'");
    assert.equal(n, 10 * ROUNDS);
    const [{ hits, good, bad }] = await queryStore(
      world.store,
      "SELECT SUM(hit_count) AS hits, SUM(good_count) AS good, SUM(bad_count) AS bad FROM qa_pairs WHERE tenant_id = 'shop-a'",
    );
    assert.deepEqual([hits, good, bad], [10 * ROUNDS, 6 * ROUNDS, 4 * ROUNDS]);
    assert.equal((await admins[0].must('GET', `${OPS}/tenants/shop-a`)).version, before, 'customers edit nothing');
    await proveWhole();
  });
});
