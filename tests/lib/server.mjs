/**
 * @file A real server for tests: `build/kimono serve` on a free port of loopback with a store of its own, and the
 * command line on the same store.
 *
 * KIMONO_BIN names another binary (a sanitizer build), KIMONO_TEST_DATABASE a PostgreSQL database (postgresql://…) to
 * use instead of SQLite in a temporary folder: each store has a schema of its own there, dropped when the process ends.
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { get } from 'node:http';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { EMBEDDED_ONLY } from './embedded-only.mjs';
import { dropSchemas, withSchema } from './postgresql.mjs';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** The binary under test. */
export const KIMONO = resolve(ROOT, process.env.KIMONO_BIN ?? 'build/kimono');

/** Sanitizer builds are several times slower; every time limit is multiplied by this. */
export const PATIENCE = Number(process.env.KIMONO_TEST_PATIENCE ?? 1);

const START_MS = 20_000 * PATIENCE;
const STOP_MS = 20_000 * PATIENCE;
const SANITIZER = /(Address|Leak|Thread|Memory|UndefinedBehavior)Sanitizer|: runtime error: /;

/**
 * @typedef {object} CommandResult
 * @property {number | null} code
 * @property {string} stdout
 * @property {string} stderr
 */

/**
 * A folder that is removed when the process ends.
 * @param {string} [name]
 */
export function temporaryFolder(name = 'kimono-test-') {
  const folder = mkdtempSync(join(tmpdir(), name));
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** The database that all stores of this process are in, or none: then each is an SQLite file. */
const DATABASE = process.env.KIMONO_TEST_DATABASE;

/** @type {Set<string>} schemas that this process has to drop */
const schemas = new Set();

/**
 * The address of the schema that belongs to a folder: the same for everyone who names the folder.
 * @param {string} database
 * @param {string} folder
 */
function schemaOf(database, folder) {
  const schema = `kimono_${createHash('sha256').update(resolve(folder)).digest('hex').slice(0, 16)}`;
  if (schemas.size === 0) process.once('exit', () => dropSchemas(database, [...schemas]));
  schemas.add(schema);
  return withSchema(database, schema);
}

/**
 * For `{ skip: … }` of a test about what only an embedded store has: false where the store is one, else the reason.
 * @param {keyof typeof EMBEDDED_ONLY} what
 */
export const embeddedOnly = (what) => (DATABASE ? `only embedded: ${EMBEDDED_ONLY[what]}` : false);

/** A store to work on: arguments for the command line and the folder of what lies beside a database. */
export class Store {
  /**
   * @param {string} [folder]
   * @param {string} [database]  the address of its PostgreSQL schema; '' on SQLite, where the folder holds the database
   * @param {string} [binary]  another build's
   */
  constructor(
    folder = join(temporaryFolder(), 'data'),
    database = DATABASE && schemaOf(DATABASE, folder),
    binary = KIMONO,
  ) {
    this.folder = folder;
    this.binary = binary;
    this.database = database;
    /** @type {string[]} */
    this.flags = ['--data', folder, ...(this.database ? ['--database', this.database] : [])];
  }

  /**
   * Runs a command of the binary on this store.
   * @param {string[]} args
   * @param {CommandOptions} [options]
   */
  async command(args, options) {
    return command([...args, ...this.flags], { ...options, binary: this.binary });
  }

  /**
   * The same; fails the test unless it succeeded.
   * @param {string[]} args
   * @param {CommandOptions} [options]
   * @returns {Promise<string>} standard output without the newline at its end
   */
  async must(args, options) {
    const result = await this.command(args, options);
    assert.equal(result.code, 0, `kimono ${args.join(' ')}: ${result.stderr}`);
    return result.stdout.trimEnd();
  }
}

/**
 * @typedef {object} CommandOptions
 * @property {string | Buffer} [input]  standard input
 * @property {Record<string, string>} [env]
 * @property {string} [cwd]
 * @property {string} [binary]
 */

/**
 * Runs the binary.
 * @param {string[]} args
 * @param {CommandOptions} [options]
 * @returns {Promise<CommandResult>}
 */
export function command(args, { input = '', env = {}, cwd = tmpdir(), binary = KIMONO } = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(binary, args, { cwd, env: { ...process.env, ...env }, timeout: 60_000 * PATIENCE });
    const output = { stdout: '', stderr: '' };
    child.stdout.setEncoding('utf8').on('data', (text) => (output.stdout += text));
    child.stderr.setEncoding('utf8').on('data', (text) => (output.stderr += text));
    child.on('error', reject);
    child.on('close', (code) => {
      if (SANITIZER.test(output.stderr)) reject(new Error(`kimono ${args.join(' ')}:\n${output.stderr}`));
      else resolve({ code, ...output });
    });
    child.stdin.on('error', () => {}); // a program that reads nothing closes it
    child.stdin.end(input);
  });
}

/** A running server. */
export class Server {
  /**
   * @param {import('node:child_process').ChildProcess} child
   * @param {Store} store
   * @param {number} port
   */
  constructor(child, store, port) {
    this.child = child;
    this.store = store;
    this.port = port;
    this.url = `http://127.0.0.1:${port}`;
    this.log = '';
    child.stderr?.setEncoding('utf8').on('data', (text) => (this.log += text));
    child.stdout?.setEncoding('utf8').on('data', (text) => (this.log += text));
    /** @type {Promise<{ code: number | null, signal: string | null }>} */
    this.ended = new Promise((resolve) => child.on('close', (code, signal) => resolve({ code, signal })));
    this.kill = () => child.kill('SIGKILL');
    // A test that failed before it could stop the server must not wait for it for ever.
    child.unref();
    for (const pipe of [child.stdout, child.stderr]) /** @type {any} */ (pipe)?.unref?.();
    process.once('exit', this.kill);
  }

  /**
   * @param {Store} [store]
   * @param {object} [options]
   * @param {Record<string, string>} [options.env]
   * @param {string[]} [options.flags]
   */
  static async start(store = new Store(), { env = {}, flags = [] } = {}) {
    const port = await freePort();
    const child = spawn(store.binary, ['serve', ...store.flags, '--listen', `127.0.0.1:${port}`, ...flags], {
      cwd: tmpdir(),
      env: { ...process.env, KIMONO_RATE_LIMITS: 'off', ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const server = new Server(child, store, port);
    await server.#answering();
    return server;
  }

  async #answering() {
    let over = false;
    this.ended.then(() => (over = true));
    for (const deadline = Date.now() + START_MS; Date.now() < deadline && !over; await pause(20)) {
      if (await answers(this.port)) return;
    }
    await this.crash();
    throw new Error(`the server did not start:\n${this.log}`);
  }

  /** Kills the server in the middle of whatever it does. */
  async crash() {
    this.child.ref();
    this.kill();
    await this.ended;
  }

  /** Ends the server as a service manager does, and fails unless it left cleanly. */
  async stop() {
    this.child.kill('SIGTERM');
    const late = setTimeout(this.kill, STOP_MS);
    const { code, signal } = await this.ended;
    clearTimeout(late);
    process.removeListener('exit', this.kill);
    assert.deepEqual({ code, signal }, { code: 0, signal: null }, `the server did not end cleanly:\n${tail(this.log)}`);
    assert.doesNotMatch(this.log, SANITIZER);
  }
}

/** @param {string} text */
const tail = (text) => text.split('\n').slice(-40).join('\n');

/** @param {number} ms */
export const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** @returns {Promise<number>} */
export function freePort() {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.on('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const address = /** @type {import('node:net').AddressInfo} */ (probe.address());
      probe.close(() => resolve(address.port));
    });
  });
}

/**
 * @param {number} port
 * @returns {Promise<boolean>}
 */
function answers(port) {
  return new Promise((resolve) => {
    const request = get({ port, host: '127.0.0.1', path: '/api/v1/system/health', agent: false }, (response) => {
      response.resume().on('end', () => resolve(true));
    });
    request.on('error', () => resolve(false));
    request.setTimeout(2000 * PATIENCE, () => request.destroy());
  });
}
