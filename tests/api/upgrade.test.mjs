/**
 * @file A store that an earlier version made is whole with this one: upgrade/ has such stores as SQL text, written by
 * `sqlite3 FILE .dump` right after that program had filled them (snapshot.mjs). What they hold is moved in time, so that
 * their last day is yesterday whenever this runs.
 */
import assert from 'node:assert/strict';
import { copyFileSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import {
  API,
  Client,
  OPS,
  PASSWORD,
  Server,
  Store,
  command,
  embeddedOnly,
  pairsFile,
  temporaryFolder,
} from './harness.mjs';

const DUMPS = fileURLToPath(new URL('upgrade', import.meta.url));
const DAY_MS = 86_400_000;
const ZONE_MS = 8 * 3_600_000; // the store's: Asia/Shanghai

/** The first step of such a store. */
const UNRELEASED = 'tenants, knowledge, chat, feedback, roll-ups, settings, audit, metrics, alerts';

/** 2026-11-27 */
const LAST_DAY = 20784;
const yesterday = Math.floor((Date.now() + ZONE_MS) / DAY_MS) - 1;
const dateOf = (/** @type {number} */ day) => new Date(day * DAY_MS).toISOString().slice(0, 10);

/** What tells the time, with how much of it a day is. Audit rows stay: their hashes prove them. */
const TIMES = [
  ...['activity_daily', 'usage_daily', 'usage_platform_daily', 'usage_days'].map((table) => [table, 'day', 1]),
  ["activity_platform WHERE bucket = 'day'", 'start', 1],
  ["activity_platform WHERE bucket = 'hour'", 'start', DAY_MS],
  ['conversations', 'started_at', DAY_MS],
  ['conversations', 'last_message_at', DAY_MS],
  ['messages', 'created_at', DAY_MS],
  ['feedbacks', 'created_at', DAY_MS],
];
const DAY_FILE_TIMES = [
  ['usage_rows', 'timestamp', DAY_MS],
  ['log_rows', 'timestamp', DAY_MS],
  ['log_hourly', 'hour', 24],
  ['usage_hourly', 'slot', 24 * 2 ** 24],
  ['usage_platform_hourly', 'slot', 24 * 2 ** 24],
];

/**
 * Makes a file from its dump and moves what it holds in time.
 * @param {string} file
 * @param {string} dump
 * @param {(string | number)[][]} times
 */
function make(file, dump, times) {
  const database = new DatabaseSync(file);
  try {
    database.exec(readFileSync(join(DUMPS, dump), 'utf8'));
    // In two steps, beyond all others and back: a day may not meet the next one on its way.
    for (const [rows, column, ofDay] of times)
      for (const days of [1_000_000, yesterday - LAST_DAY - 1_000_000]) {
        const [table, where = ''] = String(rows).split(/(?= WHERE)/);
        database.exec(`UPDATE ${table} SET ${column} = ${column} + ${days * Number(ofDay)}${where}`);
      }
  } finally {
    database.close();
  }
}

/** The store as the earlier program left it. */
function oldStore() {
  const store = new Store(join(temporaryFolder(), 'data'));
  mkdirSync(join(store.folder, 'telemetry'), { recursive: true });
  make(join(store.folder, 'kimono.db'), 'kimono.sql', TIMES);
  for (const day of [LAST_DAY - 1, LAST_DAY]) {
    const file = join(store.folder, 'telemetry', `${dateOf(day + yesterday - LAST_DAY)}.db`);
    make(file, `${dateOf(day)}.sql`, DAY_FILE_TIMES);
  }
  return store;
}

/**
 * @param {Store} store
 * @param {string} sql
 * @returns {Record<string, any>[]}
 */
function rows(store, sql) {
  const database = new DatabaseSync(join(store.folder, 'kimono.db'));
  try {
    return database.prepare(sql).all();
  } finally {
    database.close();
  }
}

/** Rank ⌈q·n⌉ of them all. */
const quantile = (/** @type {number[]} */ values, /** @type {number} */ q) =>
  values.toSorted((a, b) => a - b)[Math.ceil(q * values.length) - 1];

describe('a store of an earlier version', { skip: embeddedOnly('upgrade') }, () => {
  const store = oldStore();
  const latencies = rows(store, 'SELECT created_at, latency_ms FROM messages');
  /** @type {Server} */
  let server;
  /** @type {Client} */
  let admin;
  before(async () => {
    server = await Server.start(store);
    const anyone = new Client(server.port, null);
    const session = await anyone.must('POST', `${API}/auth/login`, { json: { username: 'admin', password: PASSWORD } });
    admin = anyone.as(session.access_token);
  });
  after(() => server.stop());

  test('has the form of a new one', async () => {
    const fresh = new Store(join(temporaryFolder(), 'data'));
    await fresh.must(['migrate']);
    const form = (/** @type {Store} */ of) =>
      rows(of, "SELECT type, name, sql FROM sqlite_schema WHERE name NOT LIKE 'sqlite_%' ORDER BY type, name").map(
        // As the shell writes the tables of the full text's own.
        ({ type, name, sql }) => ({ type, name, sql: sql?.replace('IF NOT EXISTS ', '') }),
      );
    assert.deepEqual(form(store), form(fresh));
  });

  test('is whole, and keeps its time zone', async () => {
    assert.equal(await store.must(['check']), 'whole');
    assert.equal((await admin.must('GET', `${OPS}/system/status`)).timezone, 'Asia/Shanghai');
    assert.equal(rows(store, 'SELECT timezone FROM store_info')[0].timezone, 'Asia/Shanghai');
  });

  test('has its tenants, with who was suspended by whom', async () => {
    const { items } = await admin.must('GET', `${OPS}/tenants?sort=name`);
    const found = Object.fromEntries(items.map((/** @type {any} */ one) => [one.id, [one.status, one.qa_pair_count]]));
    assert.deepEqual(found, { tenant_001: ['active', 3], 'shop-a': ['active', 12], 'Shop-B': ['suspended', 3] });
    const { suspension, pending_feedback_count: pending } = await admin.must('GET', `${OPS}/tenants/Shop-B`);
    assert.deepEqual([suspension.by, suspension.reason, pending], ['admin', 'rent unpaid', 3]);
    assert.equal((await admin.must('GET', `${OPS}/knowledge/qa-pairs`)).total, 18);
  });

  for (const [keyword, count] of [
    ['mono', 5],
    ['ＫＩＭＯＮＯ', 5],
    ['cafe', 3],
    ['café', 3],
    ['営業', 1],
    ['套餐', 2],
  ])
    test(`finds its pairs by a part of a word: ${keyword}`, async () => {
      const { items } = await admin.must('GET', `${OPS}/knowledge/qa-pairs?keyword=${encodeURIComponent(keyword)}`);
      assert.equal(items.length, count, items.map((/** @type {any} */ pair) => pair.question).join(', '));
    });

  test('knows its questions again in another width, case and form', async () => {
    const file = pairsFile([
      { question: '営業時間は', answer: '九時から六時', category: '門店' },
      { question: 'do you ship ＯＶＥＲＳＥＡＳ', answer: 'yes, forty countries', category: 'ship' },
    ]);
    assert.match(await store.must(['import', file, '--tenant', 'shop-a', '--dry-run']), /2 rows: 0 created/);
  });

  test('answers customers, and refuses those of a suspended shop', async () => {
    const keys = Object.fromEntries(rows(store, 'SELECT id, api_key FROM tenants').map((one) => [one.id, one.api_key]));
    const ask = (/** @type {string} */ tenant, /** @type {string} */ message) =>
      admin.post(`${API}/chat/message`, { message }, { key: keys[tenant], token: null });
    assert.equal((await ask('shop-a', '営業時間は')).json.answer, '九時から六時');
    assert.equal((await ask('shop-a', 'Is parking free')).json.answer, 'Yes, behind the shop');
    assert.equal((await ask('Shop-B', 'Kimono rental price')).status, 403);
  });

  test('lets its corrections wait for a person', async () => {
    const { items } = await admin.must('GET', `${OPS}/knowledge/corrections`);
    const texts = items.map((/** @type {any} */ one) => one.correction);
    assert.deepEqual(texts.toSorted(), ['400 a day', 'Yes, behind the shop', 'eight']);
  });

  test('tells the same figures of its days, from histograms of wider buckets', async () => {
    const { points } = await admin.must('GET', `${OPS}/dashboard/trends?days=7`);
    for (const day of [yesterday - 1, yesterday]) {
      const point = points.find((/** @type {any} */ one) => one.date === dateOf(day));
      const values = latencies
        .filter((one) => Math.floor((one.created_at + ZONE_MS) / DAY_MS) === day)
        .map((one) => one.latency_ms);
      assert.equal(point.conversations, values.length, point.date);
      assert.equal(point.api_calls > 0, true, point.date);
      const [p95, exact] = [point.p95_response_time_ms, quantile(values, 0.95)];
      assert.ok(p95 > exact / 1.1 && p95 < exact * 1.1, `${point.date}: ${p95} for ${exact}`);
    }
  });
});

describe('an upgrade', { skip: embeddedOnly('upgrade') }, () => {
  test('of a store of before the first release is refused with what to do', async () => {
    const store = oldStore();
    rows(store, `UPDATE schema_version SET name = '${UNRELEASED}'`);
    rows(store, "INSERT INTO schema_version VALUES (2, 'jobs and their items', 1795750337000)");
    const form = rows(store, 'SELECT sql FROM sqlite_schema');
    const backup = join(temporaryFolder(), 'backup.db');
    copyFileSync(join(store.folder, 'kimono.db'), backup);
    const fresh = new Store(join(temporaryFolder(), 'data'));
    for (const result of [
      await store.command(['serve', '--listen', '127.0.0.1:0']),
      await store.command(['migrate']),
      await store.command(['check']),
      await fresh.command(['restore', backup]),
    ]) {
      assert.equal(result.code, 1, result.stdout);
      assert.match(result.stderr, /before the first release.*kimono export.*import them into a new one/s);
    }
    assert.deepEqual(rows(store, 'SELECT sql FROM sqlite_schema'), form);
  });

  test('is done to a backup of an earlier version when it is restored', async () => {
    const backup = join(oldStore().folder, 'kimono.db');
    const store = new Store(join(temporaryFolder(), 'data'));
    const result = await command(['restore', backup, ...store.flags]);
    assert.equal(result.code, 0, result.stderr);
    assert.match(await store.must(['tenant', 'list']), /^Shop-B\tKyoto & Sons\tsuspended\t/m);
    assert.equal(await store.must(['check']), 'whole');
  });
});
