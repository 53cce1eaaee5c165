// A server is killed at random moments while records of calls and of logs are sent to it; what was not answered is sent
// again, and some of what was answered too. Each record of a call counts once, nothing that was answered is lost, and all
// is whole. KIMONO_BIN: kimono. KIMONO_FAULT_PLACES: how often.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Server, Store, pause } from '../lib/server.mjs';
import { openStore } from '../lib/store.mjs';

const ROUNDS = Number(process.env.KIMONO_FAULT_PLACES ?? 12);
const SENDERS = 3;
const BATCH = 200;
const PASSWORD = 'a long enough password';

/** A number that is the same for the same seed, below 1. */
function* random(seed) {
  for (let state = seed; ;) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    yield state / 2 ** 32;
  }
}
const numbers = random(Number(process.env.KIMONO_FAULT_SEED ?? 1));
const next = () => /** @type {number} */ (numbers.next().value);

async function send(server, token, path, records) {
  const response = await fetch(`${server.url}/api/v1/telemetry/${path}`, {
    method: 'POST',
    headers: { Authorization: `Bearer ${token}`, 'Content-Type': 'application/x-ndjson' },
    body: records.map((record) => JSON.stringify(record)).join('\n'),
  });
  const answer = await response.json();
  assert.equal(response.status, 200, JSON.stringify(answer));
  assert.equal(answer.accepted + answer.duplicates, records.length);
}

const calls = (batch) =>
  Array.from({ length: BATCH }, (_, i) => ({
    timestamp: batch.at,
    api_type: 'dashscope',
    operation: 'chat',
    model: 'qwen-plus',
    record_id: `${batch.id}-${i}`,
    tokens_input: 10,
    tokens_output: 1,
    latency_ms: i,
    success: true,
  }));
const lines = (batch) =>
  Array.from({ length: 20 }, (_, i) => ({
    timestamp: batch.at,
    level: 'INFO',
    source: 'sender',
    message: `${batch.id} ${i}`,
  }));

/** The messages of the log lines that are there. */
async function keptLines(server) {
  const headers = { 'Content-Type': 'application/json' };
  const body = JSON.stringify({ username: 'root', password: PASSWORD });
  const session = await fetch(`${server.url}/api/v1/auth/login`, { method: 'POST', headers, body });
  const { access_token: access } = await session.json();
  const answer = await fetch(`${server.url}/api/v1/ops/logs/export?format=ndjson&source=sender`, {
    headers: { Authorization: `Bearer ${access}` },
  });
  assert.equal(answer.status, 200);
  const lines = (await answer.text()).split('\n').filter(Boolean);
  return new Set(lines.map((text) => JSON.parse(text).message));
}

test('killed while records come: each counts once, none that was answered is lost', async (t) => {
  const store = new Store();
  await store.must(['migrate']);
  await store.must(['user', 'add', 'root', '--role', 'ops_admin'], { input: `${PASSWORD}\n` });
  const token = await store.must(['token', 'create', 'sender', '--role', 'ingest']);
  const answered = { calls: [], lines: [] };
  let unanswered = [];
  let made = 0;
  let server = await Server.start(store);
  const at = () => new Date().toISOString();
  for (let round = 0; round < ROUNDS; round++) {
    let killed = false;
    const again = [...unanswered, ...answered.calls.filter(() => next() < 0.1)];
    unanswered = [];
    const sendOne = async (batch) => {
      try {
        await send(server, token, 'api-usage', calls(batch));
        if (!answered.calls.includes(batch)) answered.calls.push(batch);
        await send(server, token, 'logs', lines(batch));
        answered.lines.push(batch);
      } catch (error) {
        if (!killed || error instanceof assert.AssertionError) throw error;
        if (!answered.calls.includes(batch)) unanswered.push(batch);
      }
    };
    const senders = Array.from({ length: SENDERS }, async () => {
      while (!killed) await sendOne(again.pop() ?? { id: `b${made++}`, at: at() });
      unanswered.push(...again.splice(0).filter((batch) => !answered.calls.includes(batch)));
    });
    const failed = Promise.all(senders).catch((error) => error);
    await pause(100 + next() * 400);
    killed = true;
    await server.crash();
    const error = await failed;
    if (error instanceof Error) throw error;
    server = await Server.start(store);
  }
  for (const batch of unanswered) {
    await send(server, token, 'api-usage', calls(batch));
    answered.calls.push(batch);
  }
  const kept = await keptLines(server);
  await server.stop();
  assert.equal((await store.must(['check'])).split('\n').at(-1), 'whole');

  const zone = 8 * 3_600_000;
  const days = new Set(answered.calls.map((batch) => new Date(Date.parse(batch.at) + zone).toISOString().slice(0, 10)));
  let [rows, different] = [0, 0];
  for (const day of days) {
    const of = await openStore(store, { day });
    const where = store.database ? ` AND day = ${Date.parse(day) / 86_400_000}` : '';
    const found = await of.get(
      `SELECT COUNT(*) AS calls, COUNT(DISTINCT record_id) AS ids FROM usage_rows WHERE record_id IS NOT NULL${where}`,
    );
    await of.close();
    rows += Number(found.calls);
    different += Number(found.ids);
  }
  const batches = new Set(answered.calls.map((batch) => batch.id));
  t.diagnostic(`${batches.size} batches in ${ROUNDS} rounds`);
  assert.equal(different, batches.size * BATCH);
  assert.equal(rows, different);
  for (const batch of answered.lines) for (let i = 0; i < 20; i++) assert.ok(kept.has(`${batch.id} ${i}`), batch.id);
});
