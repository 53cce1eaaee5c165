/**
 * @file What each stage of `make test` does; tools/test.mjs runs them and says which there are.
 */
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { Postgresql } from '../../tests/lib/postgresql.mjs';
import { inParallel, run } from './run.mjs';
import { ROOT } from './tree.mjs';

export const LOGS = join(ROOT, 'build', 'test-logs');
const FUZZ_SECONDS = Number(process.env.KIMONO_FUZZ_SECONDS ?? 7);

// What a report of a sanitizer does to the process: it ends it, with a status that the tests see.
const SANITIZER_ENV = {
  // Not detect_stack_use_after_return: GCC's fake stack does not keep the 64-byte alignment that XXH3 needs.
  ASAN_OPTIONS: 'detect_leaks=1:strict_string_checks=1:exitcode=99',
  UBSAN_OPTIONS: 'print_stacktrace=1:halt_on_error=1:exitcode=99',
  TSAN_OPTIONS: 'halt_on_error=0:exitcode=99:second_deadlock_stack=1',
};

/**
 * @typedef {object} Count
 * @property {number} passed
 * @property {number} failed
 * @property {number} [skipped]
 * @property {string[]} [reasons]  why, one for each that was skipped
 */

/**
 * @typedef {object} Place  of a stage among the others
 * @property {string} name
 * @property {string} log
 * @property {boolean} yielding  it takes what time of the processors the others leave
 */

// GCC warns of impossible things in code that a sanitizer has changed. Lines of the source are all that its reports
// need of debug information, which takes a seventh of the compiler's time.
const INSTRUMENTED = ['-Doptimization=1', '-Dwerror=false', '-Ddebug=false', '-Dc_args=-g1'];

/** How each build folder is set up; optional tests are built in all of them. */
const BUILDS = /** @type {Record<string, string[]>} */ ({
  build: ['-Dtests=true', '-Dbench=true'],
  'build/asan': ['-Dtests=true', '-Db_sanitize=address,undefined', ...INSTRUMENTED],
  'build/tsan': ['-Dtests=true', '-Db_sanitize=thread', ...INSTRUMENTED],
  'build/fuzz': ['-Dfuzzers=true', '-Db_sanitize=address,undefined', '-Db_lundef=false', ...INSTRUMENTED],
});

/**
 * Sets the folder up if it is not and builds what is asked for.
 * @param {string} folder
 * @param {string[]} targets  none: everything
 * @param {Place} place
 * @returns {Promise<boolean>}
 */
async function build(folder, targets, place) {
  const env = folder === 'build/fuzz' ? { CC: 'clang' } : {};
  const isSetUp = existsSync(join(ROOT, folder, 'build.ninja'));
  const setUp = isSetUp
    ? ['meson', 'configure', folder, ...BUILDS[folder]]
    : ['meson', 'setup', folder, ...BUILDS[folder]];
  if (!(isSetUp && folder !== 'build')) {
    if ((await run(setUp, { ...place, cwd: ROOT, env })).code !== 0) return false;
  }
  return (await run(['ninja', '-C', folder, ...targets], { ...place, cwd: ROOT, env })).code === 0;
}

/** Builds the program, its tests and benchmarks; a stage that needs what could not be built fails and says so. */
export function buildAll() {
  return build('build', [], { name: 'build', log: join(LOGS, 'build.log'), yielding: false });
}

/** @type {Promise<Postgresql>[]} the one of this run, from when a stage first needs it */
const started = [];

/** In the environment of tests, whatever it is called there: where it is, and what lets them in. */
async function postgresql(/** @type {string} */ variable) {
  if (started.length === 0) started.push(Postgresql.start({ log: join(LOGS, 'postgresql.log') }));
  const server = await started[0];
  return { [variable]: server.address, ...server.environment };
}

/** Ends what stages have started for all of them. */
export async function endShared() {
  for (const server of started) await (await server).end();
}

/** Where the programs of a stage say which SQL they have run, for allStatements(). */
function statementLog(/** @type {Place} */ { name }) {
  const file = join(LOGS, `statements-${name}.txt`);
  rmSync(file, { force: true });
  return { KIMONO_STATEMENT_LOG: file };
}

/**
 * The cmocka programs of a folder. Those that can use a PostgreSQL make schemas of their own in it.
 * @param {string} folder
 * @param {Place} place
 * @returns {Promise<Count>}
 */
export async function unitTests(folder, place) {
  if (!(await build(folder, [], place))) return { passed: 0, failed: 1 };
  const threads = folder === 'build/tsan';
  const wrapper = threads && (await canFixAddresses()) ? ['--wrapper', 'setarch -R'] : [];
  const suites = threads ? ['--no-suite', 'single-threaded'] : [];
  const patience = place.yielding ? ['--timeout-multiplier', '3'] : [];
  const env = { ...SANITIZER_ENV, ...(await postgresql('KIMONO_TEST_POSTGRESQL')), ...(threads ? {} : realInputs()) };
  // One more than there are processors: some of them wait most of the time.
  const width = ['--num-processes', String(availableParallelism() + 1)];
  await run(['meson', 'test', '-C', folder, '--no-rebuild', ...width, ...suites, ...wrapper, ...patience], {
    ...place,
    cwd: ROOT,
    env: { ...env, ...statementLog(place) },
  });
  const name = wrapper.length > 0 ? 'testlog-setarch.json' : 'testlog.json';
  return countTap(join(ROOT, folder, 'meson-logs', name), place.log);
}

/** Real data that is no part of the project, for tests that can use it; they skip without. */
function realInputs() {
  const data = join(ROOT, '..', 'shared', 'data');
  const inputs = {
    KIMONO_TEST_LLM_TRACE: join(data, 'llm_calls_azure_2023_conv.csv'),
    KIMONO_TEST_CSV_SPECTRUM: join(data, 'csv_spectrum'),
    KIMONO_TEST_DATA: data,
  };
  return Object.fromEntries(Object.entries(inputs).filter(([, path]) => existsSync(path)));
}

/** ThreadSanitizer of GCC 12 needs a memory layout that newer kernels randomise too widely. */
async function canFixAddresses() {
  return (await run(['setarch', '-R', 'true'])).code === 0;
}

/**
 * @param {string} file  one JSON object a line, one line a program
 * @param {string} log  gets the output of programs that failed
 * @returns {Promise<Count>}
 */
async function countTap(file, log) {
  const total = { passed: 0, failed: 0, skipped: 0 };
  if (!existsSync(file)) return { passed: 0, failed: 1 };
  for (const line of readFileSync(file, 'utf8').split('\n').filter(Boolean)) {
    const { name, stdout = '', stderr = '', returncode } = JSON.parse(line);
    const output = `${stdout}\n${stderr}`;
    // cmocka reports a skipped case as "not ok 5 # SKIP name".
    total.skipped += output.match(/^\s*not ok \d+ # SKIP/gm)?.length ?? 0;
    const failed = output.match(/^\s*not ok \d+ (?!# SKIP)/gm)?.length ?? 0;
    total.passed += output.match(/^\s*ok \d/gm)?.length ?? 0;
    // A program that broke off, or found a leak at its end, has failed even if no single case did.
    total.failed += failed || (returncode === 0 ? 0 : 1);
    if (returncode !== 0) await run(['printf', '%s\n', `${name}: status ${returncode}`, output], { log });
  }
  return total;
}

/**
 * @typedef {object} Setting  of the tests of a stage
 * @property {'postgresql'} [on]  the database of their stores; else SQLite
 * @property {number} [patience]  what their limits of time are multiplied by
 */

/**
 * @param {Setting} setting
 * @returns {Promise<Record<string, string>>}
 */
async function environmentOf({ on, patience }) {
  return {
    ...SANITIZER_ENV,
    ...(on ? await postgresql('KIMONO_TEST_DATABASE') : {}),
    ...(patience ? { KIMONO_TEST_PATIENCE: String(patience) } : {}),
  };
}

/**
 * @param {string} folder
 * @param {Place} place
 * @param {Setting} [setting]
 * @returns {Promise<Count>}
 */
export async function apiTests(folder, place, setting = {}) {
  if (!(await build(folder, ['kimono'], place))) return { passed: 0, failed: 1 };
  const coverage = join(LOGS, `${place.name}-coverage`);
  rmSync(coverage, { recursive: true, force: true });
  const binary = { KIMONO_BIN: join(ROOT, folder, 'kimono'), KIMONO_API_COVERAGE: coverage };
  const env = { ...(await environmentOf(setting)), ...realInputs(), ...binary, ...statementLog(place) };
  const tests = await nodeTests(testsIn('tests/api'), place, env);
  const covered = await nodeTests(['tests/api/coverage.check.mjs'], place, env);
  return sum([tests, covered]);
}

/**
 * The store under kills, full disks and input/output errors.
 * @param {Place} place
 * @param {Setting} [setting]
 * @returns {Promise<Count>}
 */
export async function faultTests(place, setting = {}) {
  if (!(await build('build', [], place))) return { passed: 0, failed: 1 };
  const programs = join(ROOT, 'build', 'tests');
  return nodeTests(testsIn('tests/fault'), place, {
    ...(await environmentOf(setting)),
    ...statementLog(place),
    KIMONO_FAULT_LIB: join(programs, 'libfaults.so'),
    KIMONO_FAULT_CHILD: join(programs, 'store_fault_child'),
    KIMONO_JOBS_CHILD: join(programs, 'jobs_fault_child'),
    KIMONO_PRODUCT_CHILD: join(programs, 'product_fault_child'),
    KIMONO_BIN: join(ROOT, 'build', 'kimono'),
  });
}

/**
 * @param {Place} place
 * @param {Setting & { real?: boolean }} [setting]  real: only what the server itself answers
 * @returns {Promise<Count>}
 */
export async function browserTests(place, { real = false, ...setting } = {}) {
  if (!(await build('build', ['kimono'], place))) return { passed: 0, failed: 1 };
  const env = { ...(await environmentOf(setting)), ...statementLog(place) };
  return tapOf(['node', 'tools/browser_tests.mjs', ...(real ? ['--real'] : [])], place, env);
}

/** @param {string} folder */
function testsIn(folder) {
  const names = readdirSync(join(ROOT, folder)).filter((name) => name.endsWith('.test.mjs'));
  return names.sort().map((name) => join(folder, name));
}

/**
 * @param {string[]} files  of node:test
 * @param {Place} place
 * @param {Record<string, string>} env
 */
function nodeTests(files, place, env) {
  return tapOf(['node', '--test', '--test-concurrency=2', '--test-reporter=tap', ...files], place, env);
}

/**
 * @param {string[]} command  writes what node:test's reporter `tap` does
 * @param {Place} place
 * @param {Record<string, string>} env
 * @returns {Promise<Count>}
 */
async function tapOf(command, place, env) {
  const { output, code } = await run(command, { ...place, cwd: ROOT, env });
  const count = (/** @type {string} */ what) =>
    [...output.matchAll(new RegExp(`^# ${what} (\\d+)$`, 'gm'))].reduce((sum, [, number]) => sum + Number(number), 0);
  const failed = count('fail') + count('cancelled');
  const reasons = [...output.matchAll(/^\s*ok \d+ .*# SKIP ?(.*)$/gm)].map(
    ([, reason]) => reason || 'no reason is said',
  );
  return { passed: count('pass'), failed: failed || (code === 0 ? 0 : 1), skipped: count('skipped'), reasons };
}

/**
 * Every fuzzer for a while, from its seeds (tests/fuzz/seeds/NAME) and from what earlier runs found.
 * @param {Place} place
 * @returns {Promise<Count>}
 */
export async function fuzzers(place) {
  const folder = 'build/fuzz';
  const sources = readdirSync(join(ROOT, 'tests/fuzz')).filter((name) => /^fuzz_.*\.c$/.test(name));
  const names = sources.map((name) => name.slice(0, -2));
  const targets = names.map((name) => `tests/${name}`);
  if (!(await build(folder, targets, place))) return { passed: 0, failed: 1 };
  const outcomes = await inParallel(names, 2, async (name) => {
    const corpus = join(ROOT, folder, 'corpus', name);
    mkdirSync(corpus, { recursive: true });
    const seeds = ['tests/fuzz/seeds', 'tests/fuzz/corpus'].map((path) => join(ROOT, path, name)).filter(existsSync);
    const limits = [`-max_total_time=${FUZZ_SECONDS}`, '-timeout=10', '-rss_limit_mb=2048', '-print_final_stats=1'];
    const artifacts = `-artifact_prefix=${join(LOGS, `${name}-`)}`;
    return run([join(folder, 'tests', name), ...limits, artifacts, corpus, ...seeds], {
      ...place,
      cwd: ROOT,
      env: SANITIZER_ENV,
    });
  });
  const failed = outcomes.filter((outcome) => outcome.code !== 0).length;
  return { passed: outcomes.length - failed, failed };
}

/**
 * Whether the stages of this run and of earlier ones have run every SQL statement of the product on each database.
 * @param {Place} place
 * @returns {Promise<Count>}
 */
export async function allStatements(place) {
  const files = readdirSync(LOGS).filter((name) => /^statements-.*\.txt$/.test(name));
  const paths = files.map((name) => join(LOGS, name));
  const { code } = await run(['node', 'tools/statements.mjs', ...paths], { ...place, cwd: ROOT });
  return code === 0 ? { passed: 1, failed: 0 } : { passed: 0, failed: 1 };
}

/**
 * @param {Count[]} counts
 * @returns {Required<Count>}
 */
export function sum(counts) {
  const of = (/** @type {'passed' | 'failed' | 'skipped'} */ what) =>
    counts.reduce((total, count) => total + (count[what] ?? 0), 0);
  const reasons = counts.flatMap((count) => count.reasons ?? []);
  return { passed: of('passed'), failed: of('failed'), skipped: of('skipped'), reasons };
}
