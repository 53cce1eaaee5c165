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
 * sums come as numbers.
 */
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { connect } from './postgresql.mjs';

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
 * @param {string} file
 * @param {boolean} enableForeignKeyConstraints
 * @returns {Rows}
 */
function sqliteRows(file, enableForeignKeyConstraints) {
  const database = new DatabaseSync(file, { enableForeignKeyConstraints });
  database.exec('PRAGMA busy_timeout = 10000'); // a server writes too
  const named = (/** @type {Value[]} */ values) => Object.fromEntries(values.map((value, i) => [`$${i + 1}`, value]));
  return {
    all: async (sql, ...values) => /** @type {Row[]} */ (database.prepare(sql).all(named(values))),
    get: async (sql, ...values) => /** @type {Row | undefined} */ (database.prepare(sql).get(named(values))),
    run: async (sql, ...values) => Number(database.prepare(sql).run(named(values)).changes),
    close: async () => database.close(),
  };
}

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
