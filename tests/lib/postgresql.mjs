/**
 * @file A PostgreSQL of one's own: made in a temporary folder, reached on a free port of loopback, removed with all that
 * it held when it is told to end and also when the process that began it dies.
 *
 *     const server = await Postgresql.start();
 *     server.address                           postgresql://kimono@127.0.0.1:PORT/kimono
 *     server.environment                       { PGPASSWORD }, without which it lets nobody in
 *     await server.restart('immediate');       as a crash does; 'fast' as an operator does
 *     await server.end();
 *
 * The product's role owns its database and is no superuser. What a test could rely on by mistake is set otherwise than
 * the product needs it: texts are ordered by ICU's rules and not by bytes, and the zone is 12:45 ahead of UTC.
 */
import { fork, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { openSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import postgres from 'postgres';

const KEEPER = fileURLToPath(new URL('postgresql-keeper.mjs', import.meta.url));

/** @typedef {'fast' | 'immediate'} How  with open transactions rolled back; or as if the machine had lost its power */

/**
 * @typedef {object} Asked
 * @property {boolean} [durable]  writes reach the disk before a commit is answered; without, only a crash of the
 *   database's own processes loses nothing
 * @property {Record<string, string | number>} [settings]  of postgresql.conf
 * @property {string} [log]  file that the database's log is appended to
 */

export class Postgresql {
  #keeper;

  /**
   * @param {import('node:child_process').ChildProcess} keeper
   * @param {string} password
   * @param {{ port: number, folder: string, bin: string }} made
   */
  constructor(keeper, password, { port, folder, bin }) {
    this.#keeper = keeper;
    this.port = port;
    /** Of its data and of its socket, on which its superuser `postgres` needs no password. */
    this.folder = folder;
    this.bin = bin;
    this.address = `postgresql://kimono@127.0.0.1:${port}/kimono`;
    this.environment = { PGPASSWORD: password };
  }

  /** @param {Asked} [asked] */
  static async start({ durable = false, settings = {}, log } = {}) {
    const output = log ? openSync(log, 'a') : 'ignore';
    const keeper = fork(KEEPER, { detached: true, execArgv: [], stdio: ['ignore', output, output, 'ipc'] });
    keeper.unref();
    keeper.channel?.unref();
    const password = randomBytes(12).toString('hex');
    const made = await told(keeper, { what: 'make', durable, settings, password });
    return new Postgresql(keeper, password, made);
  }

  /** @param {How} [how] */
  async stop(how = 'fast') {
    await told(this.#keeper, { what: 'stop', how });
  }

  /** After stop(): on the same port, with the same data. */
  async resume() {
    await told(this.#keeper, { what: 'start' });
  }

  /** @param {How} [how] */
  async restart(how = 'fast') {
    await this.stop(how);
    await this.resume();
  }

  /** Stops it and removes all that it held. */
  async end() {
    await told(this.#keeper, { what: 'end' });
  }

  /**
   * What a superuser asks: of all connections, settings, locks.
   * @param {string} sql
   * @param {unknown[]} [values]
   * @returns {Promise<Record<string, any>[]>}
   */
  async asSuperuser(sql, values = []) {
    const connection = postgres({
      ...{ host: this.folder, port: this.port, user: 'postgres', database: 'kimono', max: 1 },
      ...{ types: NUMBERS, onnotice: () => {} },
    });
    try {
      return [...(await connection.unsafe(sql, /** @type {any[]} */ (values)))];
    } finally {
      await connection.end({ timeout: 0 });
    }
  }
}

/**
 * @param {import('node:child_process').ChildProcess} keeper
 * @param {object} request
 * @returns {Promise<any>}
 */
function told(keeper, request) {
  return new Promise((resolve, reject) => {
    const settle = (/** @type {() => void} */ conclude) => {
      keeper.off('message', answered).off('exit', ended);
      keeper.channel?.unref();
      conclude();
    };
    const answered = (/** @type {any} */ answer) =>
      settle(() => (answer.error ? reject(new Error(answer.error)) : resolve(answer)));
    const ended = () => settle(() => reject(new Error('what keeps the PostgreSQL of the tests has ended')));
    keeper.on('message', answered).on('exit', ended);
    keeper.channel?.ref();
    keeper.send(request, (error) => error && settle(() => reject(error)));
  });
}

/**
 * A 64-bit integer as a number, if one can hold it.
 * @param {string | bigint} integer
 */
export function exactNumber(integer) {
  const number = Number(integer);
  return Number.isSafeInteger(number) ? number : BigInt(integer);
}

/** Of 64-bit integers and exact numbers. */
const NUMBERS = {
  int8: { to: 20, from: [20], serialize: String, parse: exactNumber },
  numeric: { to: 1700, from: [1700], serialize: String, parse: Number },
};

/**
 * @param {string} address
 * @param {string} schema
 * @returns {string} the same database, another schema
 */
export function withSchema(address, schema) {
  const url = new URL(address);
  url.searchParams.set('schema', schema);
  return url.href;
}

/**
 * A connection whose unqualified names are those of the address's schema, and of the one beside it that telemetry has.
 * @param {string} address
 */
export function connect(address) {
  const url = new URL(address);
  const schema = url.searchParams.get('schema') ?? 'kimono';
  return postgres({
    host: url.searchParams.get('host') ?? decodeURIComponent(url.hostname),
    port: Number(url.port || 5432),
    user: decodeURIComponent(url.username),
    database: decodeURIComponent(url.pathname.slice(1)),
    ...(url.password ? { password: decodeURIComponent(url.password) } : {}),
    connection: { search_path: `${schema}, ${schema}_telemetry` },
    ...{ max: 1, types: NUMBERS, onnotice: () => {} },
  });
}

/**
 * Removes schemas at once, for a process that is about to end. A lock that somebody still holds is waited for in
 * bounds: they are gone with the whole server later.
 * @param {string} address
 * @param {string[]} schemas
 */
export function dropSchemas(address, schemas) {
  const url = new URL(address);
  url.searchParams.delete('schema');
  const all = schemas.flatMap((schema) => [schema, `${schema}_telemetry`]);
  const drops = all.map((schema) => `DROP SCHEMA IF EXISTS "${schema}" CASCADE;`);
  spawnSync('psql', ['--no-psqlrc', '--quiet', url.href], {
    input: ["SET lock_timeout = '5s';", 'SET client_min_messages = error;', ...drops].join('\n'),
    timeout: 60_000,
  });
}
