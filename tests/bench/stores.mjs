/**
 * @file The stores of demonstration data that the benchmarks of running servers open. Each is made once and kept, in
 * build/bench/ (the large one: some minutes); on PostgreSQL it is carried over from there into the database
 * KIMONO_TEST_DATABASE.
 */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { withSchema } from '../lib/postgresql.mjs';
import { KIMONO, Server, Store, pause } from '../lib/server.mjs';
import { openStore } from '../lib/store.mjs';
import { FOLDER, run } from './load.mjs';

/**
 * @typedef {object} Plan
 * @property {string} name
 * @property {Record<string, number>} size  options of `kimono demo`
 * @property {string} [tenant]  one more, whose pairs are `question(0)` and following
 * @property {number} [pairs]
 */

/** Pairs of the tenant `big` in the large store. */
export const BIG_TENANT_PAIRS = 10_000;
/** Pairs of the tenant `shop` in the store that templates are distributed in. */
export const SHOP_PAIRS = 1000;

/** @type {(quick: boolean) => Record<'small' | 'large' | 'receivers', Plan>} */
export const plans = (quick) => ({
  /** What the large one is measured against: as many days, so that only the shops are fewer. */
  small: { name: 'data-small', size: { tenants: 25, qa: 180, usage: 90_000, logs: 120_000, days: 30 } },
  large: {
    name: quick ? 'data-quick' : 'data-large',
    size: quick
      ? { tenants: 100, qa: 100, usage: 100_000, logs: 100_000, days: 30 }
      : { tenants: 10_000, qa: 100, usage: 10_000_000, logs: 10_000_000, days: 30 },
    ...{ tenant: 'big', pairs: BIG_TENANT_PAIRS },
  },
  receivers: {
    name: quick ? 'data-receivers-quick' : 'data-receivers',
    size: { tenants: quick ? 1000 : 10_000, qa: 0, usage: 0, logs: 0, days: 1 },
    ...{ tenant: 'shop', pairs: SHOP_PAIRS },
  },
});

/** Questions that share words, so that postings are long. */
const PLACES = ['京都', '浅草', '祇园', '金泽', '镰仓', '大阪', '奈良', '清水寺', '伏见', '岚山'];
const THINGS = [
  '租借价格',
  '预约时间',
  '取消政策',
  '发型化妆',
  '跟拍摄影',
  '尺码选择',
  '归还地点',
  '雨天服务',
  '团体优惠',
  '停车位置',
];

/** @param {number} n */
export const question = (n) =>
  `${PLACES[n % 10]}${THINGS[Math.floor(n / 10) % 10]}第${Math.floor(n / 100)}种套餐怎么办理`;

/**
 * @param {Store} store
 * @param {string} name
 * @param {number} pairs
 */
async function addTenant(store, name, pairs) {
  await store.must(['tenant', 'add', name, `${pairs} 问`]);
  const rows = ['question\tanswer\tcategory'];
  for (let n = 0; n < pairs; n++) rows.push(`${question(n)}\t这是第 ${n} 个回答，请以门店说明为准。\t套餐`);
  const file = join(FOLDER, `${name}.tsv`);
  writeFileSync(file, rows.join('\n') + '\n');
  await store.must(['import', file, '--tenant', name]);
}

/**
 * Before the first release a schema changes without a migration: what was kept is made anew then.
 * @param {string} folder  of the build
 */
function schemaOf(folder) {
  const sources = join(folder, '..', '..', 'src');
  const files = readdirSync(sources, { recursive: true }).map(String);
  const hash = createHash('sha256');
  for (const file of files.filter((name) => name.endsWith('schema.c')).sort())
    hash.update(readFileSync(join(sources, file)));
  return hash.digest('hex');
}

/**
 * In SQLite.
 * @param {Plan} plan
 * @param {object} [place]
 * @param {string} [place.folder]
 * @param {string} [place.binary]  another build's, whose store is one of its own version
 */
export async function embeddedStore({ name, size, tenant, pairs = 0 }, { folder = FOLDER, binary = KIMONO } = {}) {
  const path = join(folder, name);
  const stamp = `${path}.schema`;
  const schema = schemaOf(folder);
  if (!existsSync(path) || !existsSync(stamp) || readFileSync(stamp, 'utf8') !== schema) {
    rmSync(path, { recursive: true, force: true });
    const partial = `${path}.partial`;
    rmSync(partial, { recursive: true, force: true });
    const store = new Store(partial, '', binary);
    console.log(`making ${name} …`);
    const flags = Object.entries(size).flatMap(([option, value]) => [`--${option}`, String(value)]);
    await run(binary, ['demo', '--data', partial, ...flags]);
    await store.must(['user', 'add', 'bench', '--role', 'ops_admin'], { input: 'bench-password\n' });
    if (tenant) await addTenant(store, tenant, pairs);
    renameSync(partial, path);
    writeFileSync(stamp, schema);
  }
  return new Store(path, '', binary);
}

/**
 * A server that does nothing but what it is asked: syncing a new store's pairs would be another work.
 * @param {Store} store
 */
export const startServer = (store) => Server.start(store, { env: { KIMONO_SCHEDULER_AUTO_SYNC_ENABLED: 'off' } });

/**
 * What a carried store makes for itself: the index of texts.
 * @param {Store} store
 */
async function settle(store) {
  const server = await startServer(store);
  const rows = await openStore(store);
  const left = `SELECT CASE WHEN EXISTS (SELECT 1 FROM qa_pairs_text_new) OR EXISTS (SELECT 1 FROM qa_pairs_text_changes)
    THEN 1 ELSE 0 END AS more`;
  while ((await rows.get(left))?.more) await pause(500);
  await rows.close();
  await server.stop();
}

/**
 * The same in PostgreSQL.
 * @param {Plan} plan
 * @param {string} database
 */
export async function postgresqlStore(plan, database) {
  const embedded = await embeddedStore(plan);
  const folder = join(FOLDER, 'beside-postgresql', plan.name);
  const address = withSchema(database, plan.name.replaceAll('-', '_'));
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const began = Date.now();
  await run(KIMONO, ['migrate', '--data', embedded.folder, '--to', address]);
  const carried = Date.now();
  const store = new Store(folder, address);
  await settle(store);
  const seconds = (/** @type {number} */ ms) => Math.round(ms / 1000);
  console.log(
    `${plan.name} carried to PostgreSQL in ${seconds(carried - began)} s,` +
      ` its index of texts made in ${seconds(Date.now() - carried)} s`,
  );
  return store;
}

/**
 * A wrk script that posts questions of a tenant in turn.
 * @param {string} name
 * @param {number} pairs  that the tenant has
 * @param {(question: string) => object} body
 */
export function questionScript(name, pairs, body) {
  const file = join(FOLDER, `${name}-${pairs}.lua`);
  const bodies = Array.from({ length: 500 }, (_, i) =>
    JSON.stringify(JSON.stringify(body(question((i * 19) % pairs)))),
  );
  writeFileSync(
    file,
    `local q = {${bodies.join(',')}}\nlocal n = 0\nrequest = function()\n  n = n % #q + 1\n` +
      `  return wrk.format('POST', nil, nil, q[n])\nend\n`,
  );
  return file;
}

/**
 * What wrk needs to ask a tenant's questions.
 * @param {Server} server
 * @param {string} tenant
 * @param {number} pairs
 */
export async function chatOptions(server, tenant, pairs) {
  const list = await server.store.must(['tenant', 'list']);
  const line = list.split('\n').find((one) => one.startsWith(`${tenant}\t`));
  const key = /kmp_\S+/.exec(line ?? '')?.[0];
  if (!key) throw new Error(`tenant list does not show the key of "${tenant}"`);
  return {
    headers: { 'X-API-Key': key, 'Content-Type': 'application/json' },
    script: questionScript('chat', pairs, (message) => ({ message })),
  };
}
