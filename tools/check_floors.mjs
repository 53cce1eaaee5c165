/**
 * @file The house rules that a compiler does not check: nobody includes a floor above or a room beside
 * (ARCHITECTURE.md), no file is over a megabyte, none names a path of the machine it was written on, SQL above the
 * store is for every database and leaves the tables of others alone (lib/sql_rules.mjs), and a static function's name
 * is that of one file only (lib/static_names.mjs).
 *
 *     node tools/check_floors.mjs
 */
import { existsSync, readFileSync, statSync } from 'node:fs';
import { dirname, extname, join, normalize } from 'node:path';
import { productSql } from './lib/sql.mjs';
import { oneDatabaseOnly, ownersOf, tablesOfOthers } from './lib/sql_rules.mjs';
import { sharedStaticNames } from './lib/static_names.mjs';
import { ROOT, projectFiles } from './lib/tree.mjs';

/** Each room's floor. A file may include its own room and any room on a lower floor. */
const FLOORS = /** @type {Record<string, number>} */ ({
  base: 0,
  store: 1,
  http: 1,
  search: 1,
  formats: 1,
  security: 1,
  telemetry: 2,
  settings: 2,
  provider: 2,
  directory: 2,
  platform: 3,
  ops: 4,
  api: 5,
  'app.h': 6,
  'app.c': 6,
  cli: 7,
  'main.c': 8,
});

/**
 * The rooms of a floor that has several, in the order in which they stand on one another: a file may include those
 * before its own, and what lies beside them all (platform.h).
 */
const ROOMS = /** @type {Record<string, string[]>} */ ({
  platform: ['audit', 'tenants', 'ingest', 'jobs', 'identity', 'health', 'knowledge', 'chat'],
  ops: ['dashboard', 'tenants', 'alerts', 'logs', 'knowledge', 'templates', 'transfer', 'usage'],
});

/** Where a database's own SQL, functions and headers are at home. */
const OF_ONE_DATABASE = [/^src\/store\//, /^src\/telemetry\/(day_files|postgresql)\//];
const DRIVER_HEADER = /^\s*#\s*include\s+[<"]((?:sqlite3|libpq-fe)\.h|store\/(?:driver|\w+_private)\.h)/m;

/** Who else may change which tables, and why. */
const OTHERS_TABLES = /** @type {Record<string, string>} */ ({
  'platform/chat/backfill.c': 'demonstration data of days that have gone by, which no module can make',
});

const SIZE_LIMIT = 1024 * 1024;
const BINARY = new Set(['.png', '.ico', '.woff2', '.xlsx', '.gz', '.zip', '.db']);
// Written so that this file does not find itself.
const WORKPLACE = new RegExp(String.raw`(^|[\s"'=(:,])/(work|home|root|Users)/[\w.-]+`, 'm');

/** @param {string} file  below src/ */
const roomOf = (file) => file.split('/')[0];

/**
 * @param {string} path  relative to the root
 * @returns {string[]} what is wrong with its includes
 */
function checkIncludes(path) {
  const file = path.slice('src/'.length);
  const room = roomOf(file);
  if (FLOORS[room] === undefined) return [`${path}: '${room}' is no room of the house`];
  const text = readFileSync(join(ROOT, path), 'utf8');
  return [...text.matchAll(/^\s*#\s*include\s+"([^"]+)"/gm)].flatMap(([, included]) => {
    const beside = normalize(join(dirname(file), included));
    const target = existsSync(join(ROOT, 'src', beside)) ? beside : included;
    const other = roomOf(target);
    if (!existsSync(join(ROOT, 'src', target))) return [`${path}: includes "${included}", which is not there`];
    if (other === room) return checkRoom(path, file, target);
    if (FLOORS[other] < FLOORS[room] || bothAreTheApp(other, room)) return [];
    const direction = FLOORS[other] === FLOORS[room] ? 'a room beside' : 'a floor above';
    return [`${path}: includes "${included}" from ${direction}`];
  });
}

/**
 * @param {string} path
 * @param {string} file  below src/
 * @param {string} target  what it includes, on the same floor
 * @returns {string[]}
 */
function checkRoom(path, file, target) {
  const rooms = ROOMS[roomOf(file)];
  if (!rooms) return [];
  /** @param {string} name  below src/; -1: beside the rooms */
  const place = (name) => (name.split('/').length === 2 ? -1 : rooms.indexOf(name.split('/')[1]));
  if (file.split('/').length > 2 && place(file) < 0) return [`${path}: lies in no room of its floor`];
  if (place(target) <= place(file)) return [];
  return [`${path}: includes "${target}" from a room that stands on its own`];
}

/**
 * @param {string} a
 * @param {string} b
 */
const bothAreTheApp = (a, b) => a.startsWith('app.') && b.startsWith('app.');

/** @param {string} path */
function checkFile(path) {
  const problems = [];
  const size = statSync(join(ROOT, path)).size;
  if (size > SIZE_LIMIT) problems.push(`${path}: ${size} bytes; the limit is ${SIZE_LIMIT}`);
  if (BINARY.has(extname(path))) return problems;
  const found = WORKPLACE.exec(readFileSync(join(ROOT, path), 'utf8'));
  if (found) problems.push(`${path}: names ${found[0].trim()}, a path of somebody's machine`);
  return problems;
}

/** @returns {Promise<string[]>} what is wrong with the SQL of the sources */
async function checkSql() {
  const owners = ownersOf(readFileSync(join(ROOT, 'src/store/schema.c'), 'utf8'));
  const ownerless = [...owners].filter(([, names]) => names.length === 0);
  const problems = ownerless.map(([table]) => `src/store/schema.c: nothing is said of who writes ${table}`);
  for (const { path, statements } of await productSql()) {
    const file = path.slice('src/'.length);
    const shown = (/** @type {string} */ sql) => (sql.length > 100 ? `${sql.slice(0, 100)}…` : sql);
    for (const sql of statements) {
      if (!OF_ONE_DATABASE.some((place) => place.test(path)))
        problems.push(...oneDatabaseOnly(sql).map((why) => `${path}: ${why}: ${shown(sql)}`));
      if (!OTHERS_TABLES[file] && !file.endsWith('schema.c'))
        problems.push(
          ...tablesOfOthers(file, sql, owners).map((table) => `${path}: ${table} is another's: ${shown(sql)}`),
        );
    }
  }
  return problems;
}

/** @param {string} path */
function checkDriver(path) {
  if (OF_ONE_DATABASE.some((place) => place.test(path))) return [];
  const found = DRIVER_HEADER.exec(readFileSync(join(ROOT, path), 'utf8'));
  return found ? [`${path}: includes ${found[1]}, which is a driver's`] : [];
}

const files = projectFiles();
const sources = files.filter((path) => /^src\/(?!static\/).*\.[ch]$/.test(path));
const problems = [
  ...sources.flatMap(checkIncludes),
  ...sources.flatMap(checkDriver),
  ...sharedStaticNames(sources.map((path) => ({ path, source: readFileSync(join(ROOT, path), 'utf8') }))),
  ...files.flatMap(checkFile),
  ...(await checkSql()),
];
for (const problem of problems) console.error(problem);
console.log(`${sources.length} sources and ${files.length} files checked, ${problems.length} problems`);
process.exit(problems.length > 0 ? 1 : 0);
