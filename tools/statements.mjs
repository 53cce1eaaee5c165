/**
 * @file Whether the tests have run every SQL statement of the product on each of its databases.
 *
 *     KIMONO_STATEMENT_LOG=FILE …            tests, of which every process writes to FILE what it ran
 *     node tools/statements.mjs FILE...      the statements that none of them has run: there must be none
 *
 * The statements are those of the sources (lib/sql.mjs). What a program has run that is none of them, so that it was
 * put together while it ran and could be missed here, is shown as well.
 */
import { readFileSync } from 'node:fs';
import { productSql } from './lib/sql.mjs';

const DRIVERS = ['SQLite', 'PostgreSQL'];

/** Sources whose SQL is that of one database only: a driver, or an engine that is made for it. */
const ONE_DRIVER = /** @type {[RegExp, string][]} */ ([
  [/^src\/store\/sqlite_/, 'SQLite'],
  [/^src\/store\/postgresql_/, 'PostgreSQL'],
  [/^src\/telemetry\/day_files\//, 'SQLite'],
  [/^src\/telemetry\/postgresql\//, 'PostgreSQL'],
]);

/** Statements that are made while the program runs: the text of the source has gaps, or is their beginning. */
const GAP = /%[lz]*[a-z]/;
const IS_PATTERN = new RegExp(`${GAP.source}|[ (]$`);
/** What is not run through db_query and the like: migrations, what a connection is set up with. */
const IS_SCRIPT = /^\s*(CREATE|ALTER|DROP|PRAGMA)\b/;
const IS_MIGRATION = /schema\.c$/;

/** @typedef {{ path: string, sql: string, drivers: string[] }} Statement */

/** @param {string} sql */
function patternOf(sql) {
  const parts = sql.split(GAP).map((part) => part.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&'));
  return new RegExp(`^${parts.join('.+?')}`);
}

/** @returns {Promise<Statement[]>} */
async function expected() {
  const sources = await productSql();
  const others = sources.filter(({ path }) => !IS_MIGRATION.test(path));
  return others.flatMap(({ path, statements }) => {
    const only = ONE_DRIVER.find(([pattern]) => pattern.test(path));
    const drivers = only ? [only[1]] : DRIVERS;
    return statements.filter((sql) => !IS_SCRIPT.test(sql)).map((sql) => ({ path, sql, drivers }));
  });
}

/**
 * @param {string[]} files
 * @returns {Record<string, Map<string, string>>} by driver, each statement with a program that ran it
 */
function executed(files) {
  const byDriver = /** @type {Record<string, Map<string, string>>} */ ({});
  for (const line of files.flatMap((file) => readFileSync(file, 'utf8').split('\n'))) {
    const [, program, driver, json] = /^(\S+) (\S+) (".*")$/.exec(line) ?? [];
    if (!json) continue; // the last line of a process that was killed
    byDriver[driver] ??= new Map();
    if (program === 'kimono' || !byDriver[driver].has(JSON.parse(json)))
      byDriver[driver].set(JSON.parse(json), program);
  }
  return byDriver;
}

/**
 * @param {string} heading
 * @param {string[]} lines
 */
function show(heading, lines) {
  if (lines.length > 0) console.error([heading, ...lines.map((line) => `  ${line}`)].join('\n'));
  return lines.length;
}

const statements = await expected();
const runs = executed(process.argv.slice(2));
const patterns = statements.filter(({ sql }) => IS_PATTERN.test(sql)).map(({ sql }) => patternOf(sql));
const known = new Set(statements.map(({ sql }) => sql));
let problems = 0;
for (const driver of DRIVERS) {
  const run = runs[driver] ?? new Map();
  const texts = [...run.keys()];
  const wasRun = (/** @type {string} */ sql) =>
    run.has(sql) || (IS_PATTERN.test(sql) && texts.some((text) => patternOf(sql).test(text)));
  const missing = statements.filter(({ sql, drivers }) => drivers.includes(driver) && !wasRun(sql));
  const isKnown = (/** @type {string} */ sql) => known.has(sql) || patterns.some((pattern) => pattern.test(sql));
  const unknown = [...run].filter(
    ([sql, program]) => program === 'kimono' && /^(SELECT|INSERT|UPDATE|DELETE|WITH)\b/.test(sql) && !isKnown(sql),
  );
  problems += show(
    `${driver}: run by no test`,
    missing.map(({ path, sql }) => `${path}: ${sql}`),
  );
  problems += show(
    `${driver}: run, and not found in the sources`,
    unknown.map(([sql]) => sql),
  );
  const due = statements.filter(({ drivers }) => drivers.includes(driver)).length;
  console.log(`${driver}: ${due - missing.length} of ${due} statements run`);
}
process.exit(problems > 0 ? 1 : 0);
