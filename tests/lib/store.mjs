/**
 * @file The rows of a store, for tests: the same SQL on SQLite and on PostgreSQL, beside a server that runs or not.
 *
 *     const rows = await openStore(world.store);
 *     await rows.get('SELECT name FROM tenants WHERE id = $1', 3)               the first row, or undefined
 *     await rows.all('SELECT …')                                              all of them
 *     await rows.run('UPDATE …')                                              how many rows it changed
 *     await rows.close()
 *
 * or, for one statement, `await queryStore(store, 'SELECT …', value)`. Placeholders are $1, $2 …; 64-bit integers and
 * sums come as numbers, those that a number cannot hold as BigInt. run('BEGIN') and run('COMMIT') enclose a
 * transaction.
 */
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { connect, exactNumber } from './postgresql.mjs';

/** @typedef {import('./server.mjs').Store} Store */
/** @typedef {string | number | bigint | null | Uint8Array} Value */
/** @typedef {Record<string, any>} Row */

/**
 * @typedef {object} Rows
 * @property {(sql: string, ...values: Value[]) => Promise<Row[]>} all
 * @property {(sql: string, ...values: Value[]) => Promise<Row | undefined>} get
 * @property {(sql: string, ...values: Value[]) => Promise<number>} run
 * @property {() => Promise<void>} close
 */

/**
 * @param {Store} store
 * @param {object} [options]
 * @param {string} [options.day]  YYYY-MM-DD: that day's telemetry, which SQLite keeps in a file of its own and
 *   PostgreSQL beside all else
 * @param {boolean} [options.foreignKeys]  false: rows may be changed that others point to, on SQLite
 * @returns {Promise<Rows>}
 */
export async function openStore(store, { day, foreignKeys = true } = {}) {
  if (store.database) return postgresqlRows(store.database);
  const file = day ? join(store.folder, 'telemetry', `${day}.db`) : join(store.folder, 'kimono.db');
  return sqliteRows(file, foreignKeys);
}

/**
 * The rows of one statement.
 * @param {Store} store
 * @param {string} sql
 * @param {...Value} values
 */
export async function queryStore(store, sql, ...values) {
  const rows = await openStore(store);
  try {
    return await rows.all(sql, ...values);
  } finally {
    await rows.close();
  }
}

/**
 * The audit rows that are admitted by the condition, oldest first, with their details read.
 * @param {Store} store
 * @param {string} where
 * @param {...Value} values
 * @returns {Promise<any[]>}
 */
export async function auditRows(store, where, ...values) {
  const rows = await queryStore(store, `SELECT * FROM ops_logs WHERE ${where} ORDER BY id`, ...values);
  return rows.map((row) => ({ ...row, details: JSON.parse(row.details) }));
}

/**
 * While the work goes on no row can be inserted into the table for which the condition holds; NEW is the row.
 * @template T
 * @param {Store} store
 * @param {string} table
 * @param {string} condition
 * @param {() => Promise<T>} work
 * @returns {Promise<T>}
 */
export async function whileRefused(store, table, condition, work) {
  const rows = await openStore(store);
  const { make, remove } = store.database ? postgresqlRefusal(table, condition) : sqliteRefusal(table, condition);
  try {
    for (const sql of make) await rows.run(sql);
    try {
      return await work();
    } finally {
      for (const sql of remove) await rows.run(sql);
    }
  } finally {
    await rows.close();
  }
}

/**
 * @param {string} table
 * @param {string} condition
 */
const sqliteRefusal = (table, condition) => ({
  make: [
    `CREATE TRIGGER refused BEFORE INSERT ON ${table} WHEN ${condition} BEGIN SELECT RAISE(ABORT, 'refused'); END`,
  ],
  remove: ['DROP TRIGGER refused'],
});

/**
 * @param {string} table
 * @param {string} condition
 */
const postgresqlRefusal = (table, condition) => ({
  make: [
    `CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
       BEGIN IF ${condition} THEN RAISE EXCEPTION 'refused'; END IF; RETURN NEW; END $$`,
    `CREATE TRIGGER refused BEFORE INSERT ON ${table} FOR EACH ROW EXECUTE FUNCTION refuse()`,
  ],
  remove: [`DROP TRIGGER refused ON ${table}`, 'DROP FUNCTION refuse'],
});

/**
 * @param {string} file
 * @param {boolean} enableForeignKeyConstraints
 * @returns {Rows}
 */
function sqliteRows(file, enableForeignKeyConstraints) {
  const database = new DatabaseSync(file, { enableForeignKeyConstraints });
  database.exec('PRAGMA busy_timeout = 10000'); // a server writes too
  const named = (/** @type {Value[]} */ values) => Object.fromEntries(values.map((value, i) => [`$${i + 1}`, value]));
  const all = (/** @type {string} */ sql, /** @type {Value[]} */ values) => {
    const statement = database.prepare(sql);
    statement.setReadBigInts(true);
    return /** @type {Row[]} */ (statement.all(named(values)).map(withNumbers));
  };
  return {
    all: async (sql, ...values) => all(sql, values),
    get: async (sql, ...values) => all(sql, values)[0],
    run: async (sql, ...values) => Number(database.prepare(sql).run(named(values)).changes),
    close: async () => database.close(),
  };
}

/** @param {Row} row */
const withNumbers = (row) =>
  Object.fromEntries(
    Object.entries(row).map(([name, value]) => [name, typeof value === 'bigint' ? exactNumber(value) : value]),
  );

/**
 * @param {string} address
 * @returns {Rows}
 */
function postgresqlRows(address) {
  const connection = connect(address);
  const ask = (/** @type {string} */ sql, /** @type {Value[]} */ values) =>
    connection.unsafe(sql, /** @type {any[]} */ (values));
  return {
    all: async (sql, ...values) => [...(await ask(sql, values))],
    get: async (sql, ...values) => (await ask(sql, values))[0],
    run: async (sql, ...values) => (await ask(sql, values)).count,
    close: () => connection.end({ timeout: 1 }),
  };
}
