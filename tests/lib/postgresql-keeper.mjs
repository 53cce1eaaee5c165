/**
 * @file Keeps one PostgreSQL for postgresql.mjs, which begins this process and tells it by messages what to do. When
 * that channel closes, whatever the reason, the database is stopped and its folder removed. If this process itself is
 * killed, the kernel ends the database (PR_SET_PDEATHSIG).
 */
import { spawn, spawnSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  statfsSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const START_MS = 60_000;
const SIGNALS = /** @type {Record<string, NodeJS.Signals>} */ ({ fast: 'SIGINT', immediate: 'SIGQUIT' });

let bin = '';
let folder = '';
let data = '';
let port = 0;
/** @type {{ uid: number, gid: number } | null} whose the database's processes are, unless this one's */
let account = null;
/** @type {import('node:child_process').ChildProcess | null} */
let server = null;
/** @type {Promise<unknown>} */
let serverEnded = Promise.resolve();

/** The newest of Debian's, which are not in the path, or what the path has. */
function findPrograms() {
  const debian = '/usr/lib/postgresql';
  const versions = existsSync(debian) ? readdirSync(debian).map(Number).filter(Boolean) : [];
  const folders = versions.sort((a, b) => b - a).map((version) => join(debian, String(version), 'bin'));
  const found = [...folders, ...(process.env.PATH ?? '').split(':')].find((path) => existsSync(join(path, 'initdb')));
  if (!found) throw new Error('there is no PostgreSQL here: tools/deps.sh test installs it');
  return found;
}

/** In memory, if there is enough of it: thousands of tables are made and removed, each of them files. */
function quickFolder() {
  const memory = '/dev/shm';
  if (!existsSync(memory)) return tmpdir();
  const { bavail, bsize } = statfsSync(memory);
  return bavail * bsize > 4 * 2 ** 30 ? memory : tmpdir();
}

/** They refuse to be root's. */
function findAccount() {
  if (process.getuid?.() !== 0) return null;
  for (const name of ['postgres', 'nobody']) {
    const [uid, gid] = ['-u', '-g'].map((what) => spawnSync('id', [what, name], { encoding: 'utf8' }).stdout.trim());
    if (uid && gid) return { uid: Number(uid), gid: Number(gid) };
  }
  throw new Error('PostgreSQL does not run as root, and there is neither an account postgres nor nobody');
}

/**
 * Before a command: the account, and that its process ends with this one.
 * @returns {string[]}
 */
function asAccount() {
  const ids = account ? [`--reuid=${account.uid}`, `--regid=${account.gid}`, '--clear-groups'] : [];
  return ['setpriv', ...ids, '--pdeathsig', 'QUIT'];
}

/** @param {{ durable: boolean, settings: Record<string, string | number>, password: string }} asked */
async function make({ durable, settings, password }) {
  bin = findPrograms();
  account = findAccount();
  folder = mkdtempSync(join(durable ? tmpdir() : quickFolder(), 'kimono-pg-')); // short: a socket's path has 107 bytes at most
  data = join(folder, 'data');
  if (account) chownSync(folder, account.uid, account.gid);
  chmodSync(folder, 0o700);
  const [setpriv, ...rest] = asAccount();
  const form = ['--encoding=UTF8', '--locale=C.UTF-8', '--locale-provider=icu', '--icu-locale=en-US'];
  const access = ['--username=postgres', '--auth-local=trust', '--auth-host=scram-sha-256', '--no-sync'];
  const made = spawnSync(setpriv, [...rest, join(bin, 'initdb'), '-D', data, ...form, ...access], { encoding: 'utf8' });
  if (made.status !== 0) throw new Error(`initdb failed: ${made.error?.message ?? ''}${made.stderr}`);
  writeFileSync(
    join(data, 'postgresql.auto.conf'),
    settingsText({ ...SETTINGS, ...(durable ? {} : CARELESS), unix_socket_directories: folder, ...settings }),
  );
  for (let tries = 1; ; tries++) {
    port = await freePort();
    try {
      await start();
      break;
    } catch (error) {
      if (tries === 3) throw error; // another program may take a port that was free
    }
  }
  asSuperuser('postgres', `CREATE ROLE kimono LOGIN PASSWORD '${password}'; CREATE DATABASE kimono OWNER kimono;`);
  // What `kimono check` looks at the pages of indexes with.
  asSuperuser(
    'kimono',
    'CREATE EXTENSION amcheck; GRANT EXECUTE ON FUNCTION bt_index_check(regclass, boolean) TO kimono;',
  );
  return { port, folder, bin };
}

const SETTINGS = {
  listen_addresses: '127.0.0.1',
  max_connections: 300,
  max_locks_per_transaction: 256, // a schema is dropped with all its tables and indexes at once
  shared_buffers: '128MB',
  wal_level: 'minimal',
  max_wal_senders: 0,
  jit: 'off',
  autovacuum_naptime: '1s', // tables are seconds old, and a plan is as good as what is known of them
  timezone: 'Pacific/Chatham',
  log_timezone: 'UTC',
  log_line_prefix: '%m [%p] %a ',
};

/** What no crash of its processes can tell from careful settings, only one of the machine. */
const CARELESS = { fsync: 'off', full_page_writes: 'off' };

/** @param {Record<string, string | number>} settings */
function settingsText(settings) {
  return Object.entries(settings)
    .map(([name, value]) => `${name} = '${value}'\n`)
    .join('');
}

/**
 * Statements outside of a transaction, each on its own.
 * @param {string} database
 * @param {string} sql
 */
function asSuperuser(database, sql) {
  const place = ['-h', folder, '-p', String(port), '-U', 'postgres', '-d', database];
  const flags = ['--no-psqlrc', '--quiet', '--set', 'ON_ERROR_STOP=1', '--file=-'];
  const done = spawnSync(join(bin, 'psql'), [...place, ...flags], { encoding: 'utf8', input: sql });
  if (done.status !== 0) throw new Error(`psql failed: ${done.error?.message ?? ''}${done.stderr}`);
}

async function start() {
  const [setpriv, ...rest] = asAccount();
  const arguments_ = [...rest, join(bin, 'postgres'), '-D', data, '-p', String(port)];
  const child = spawn(setpriv, arguments_, { stdio: ['ignore', 'inherit', 'inherit'] });
  server = child;
  serverEnded = new Promise((resolve) => child.on('error', resolve).on('exit', resolve));
  let over = false;
  serverEnded.then(() => (over = true));
  for (const deadline = Date.now() + START_MS; !isReady(child.pid); await pause(10)) {
    if (over || Date.now() > deadline) {
      await stop('immediate');
      throw new Error(`PostgreSQL did not start on port ${port}; its log says why`);
    }
  }
}

/**
 * The eighth line of the file of its process says so.
 * @param {number | undefined} pid
 */
function isReady(pid) {
  try {
    const lines = readFileSync(join(data, 'postmaster.pid'), 'utf8').split('\n');
    return Number(lines[0]) === pid && lines[7]?.trim() === 'ready';
  } catch {
    return false;
  }
}

/** @param {string} how */
async function stop(how) {
  server?.kill(SIGNALS[how]);
  await serverEnded;
  server = null;
}

async function end() {
  await stop('immediate');
  if (folder) rmSync(folder, { recursive: true, force: true });
}

/** @param {number} ms */
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** @returns {Promise<number>} */
function freePort() {
  return new Promise((resolve, reject) => {
    const probe = createServer().on('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const { port } = /** @type {import('node:net').AddressInfo} */ (probe.address());
      probe.close(() => resolve(port));
    });
  });
}

/** @type {Record<string, (request: any) => Promise<object | void>>} */
const REQUESTS = { make, start, stop: ({ how }) => stop(how), end };

// One after another: whatever comes while one is at work waits for it, the end of the channel too.
let work = Promise.resolve();
process.on('message', (/** @type {any} */ request) => {
  work = work.then(async () => {
    try {
      process.send?.({ ...(await REQUESTS[request.what](request)) });
    } catch (error) {
      process.send?.({ error: /** @type {Error} */ (error).message });
    }
    if (request.what === 'end') process.disconnect();
  });
});
process.on('disconnect', () => work.then(end).finally(() => process.exit()));
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => end().finally(() => process.exit()));
