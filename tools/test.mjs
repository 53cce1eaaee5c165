/**
 * @file Runs every test, stage by stage, and ends with one line: N passed, N failed.
 *
 *     node tools/test.mjs [STAGE...]      all, or those named
 *
 * A stage that fails shows the end of its log and does not keep the others from running; one that ran no test has
 * failed. Whole logs are in build/test-logs/.
 */
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { lint } from './lint.mjs';
import { inParallel, run } from './lib/run.mjs';
import { ROOT } from './lib/tree.mjs';
import { Postgresql } from '../tests/lib/postgresql.mjs';

const LOGS = join(ROOT, 'build', 'test-logs');
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
 */

/** @type {Record<string, (log: string) => Promise<Count>>} in the order in which they run */
const STAGES = {
  unit: (log) => unitTests('build', log),
  lint: () => lint(),
  api: (log) => apiTests('build/kimono', log),
  browser: (log) => nodeTests(['tools/browser_tests.mjs'], log),
  fault: (log) => faultTests('build', log),
  'asan-unit': (log) => unitTests('build/asan', log),
  'asan-api': (log) => apiTests('build/asan/kimono', log, { KIMONO_TEST_PATIENCE: '6' }),
  'tsan-unit': (log) => unitTests('build/tsan', log),
  fuzz: (log) => fuzzers('build/fuzz', log),
};

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
 * @param {string} log
 * @returns {Promise<boolean>}
 */
async function build(folder, targets, log) {
  const env = folder === 'build/fuzz' ? { CC: 'clang' } : {};
  const isSetUp = existsSync(join(ROOT, folder, 'build.ninja'));
  const setUp = isSetUp
    ? ['meson', 'configure', folder, ...BUILDS[folder]]
    : ['meson', 'setup', folder, ...BUILDS[folder]];
  if (!(isSetUp && folder !== 'build')) {
    if ((await run(setUp, { cwd: ROOT, env, log })).code !== 0) return false;
  }
  return (await run(['ninja', '-C', folder, ...targets], { cwd: ROOT, env, log })).code === 0;
}

/**
 * The cmocka programs of a folder.
 * @param {string} folder
 * @param {string} log
 * @returns {Promise<Count>}
 */
async function unitTests(folder, log) {
  if (!(await build(folder, [], log))) return { passed: 0, failed: 1 };
  const threads = folder === 'build/tsan';
  const wrapper = threads && (await canFixAddresses()) ? ['--wrapper', 'setarch -R'] : [];
  const suites = threads ? ['--no-suite', 'single-threaded'] : [];
  await run(['meson', 'test', '-C', folder, '--no-rebuild', ...suites, ...wrapper], {
    cwd: ROOT,
    env: { ...SANITIZER_ENV, ...(await postgresqlForUnits()), ...(threads ? {} : realInputs()) },
    log,
  });
  const name = wrapper.length > 0 ? 'testlog-setarch.json' : 'testlog.json';
  return countTap(join(ROOT, folder, 'meson-logs', name), log);
}

/** @type {Promise<Postgresql>[]} the one of this run, from when a stage first needs it */
const started = [];

function postgresql() {
  if (started.length === 0) started.push(Postgresql.start({ log: join(LOGS, 'postgresql.log') }));
  return started[0];
}

/** The programs that can use a PostgreSQL make schemas of their own in it. */
async function postgresqlForUnits() {
  const server = await postgresql();
  return { KIMONO_TEST_POSTGRESQL: server.address, ...server.environment };
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
 * @param {string} binary
 * @param {string} log
 * @param {Record<string, string>} [env]
 * @returns {Promise<Count>}
 */
async function apiTests(binary, log, env = {}) {
  const folder = binary.slice(0, binary.lastIndexOf('/'));
  if (!(await build(folder, ['kimono'], log))) return { passed: 0, failed: 1 };
  const coverage = join(LOGS, `${folder.replaceAll('/', '-')}-coverage`);
  rmSync(coverage, { recursive: true, force: true });
  const all = { ...SANITIZER_ENV, ...realInputs(), KIMONO_BIN: binary, KIMONO_API_COVERAGE: coverage, ...env };
  const tests = await nodeTests(testsIn('tests/api'), log, all);
  const covered = await nodeTests(['tests/api/coverage.check.mjs'], log, all);
  return sum([tests, covered]);
}

/**
 * The store under kills, full disks and input/output errors.
 * @param {string} folder
 * @param {string} log
 * @returns {Promise<Count>}
 */
async function faultTests(folder, log) {
  if (!(await build(folder, [], log))) return { passed: 0, failed: 1 };
  const programs = join(ROOT, folder, 'tests');
  return nodeTests(testsIn('tests/fault'), log, {
    KIMONO_FAULT_LIB: join(programs, 'libfaults.so'),
    KIMONO_FAULT_CHILD: join(programs, 'store_fault_child'),
    KIMONO_JOBS_CHILD: join(programs, 'jobs_fault_child'),
    KIMONO_PRODUCT_CHILD: join(programs, 'product_fault_child'),
    KIMONO_BIN: join(ROOT, folder, 'kimono'),
  });
}

/** @param {string} folder */
function testsIn(folder) {
  const names = readdirSync(join(ROOT, folder)).filter((name) => name.endsWith('.test.mjs'));
  return names.sort().map((name) => join(folder, name));
}

/**
 * Files of node:test, or a program that runs them.
 * @param {string[]} files
 * @param {string} log
 * @param {Record<string, string>} [env]
 * @returns {Promise<Count>}
 */
async function nodeTests(files, log, env = {}) {
  if (files.length === 0) return { passed: 0, failed: 0 };
  const command = files[0].startsWith('tools/')
    ? ['node', ...files]
    : ['node', '--test', '--test-concurrency=2', '--test-reporter=tap', ...files];
  const { output, code } = await run(command, { cwd: ROOT, env, log });
  const count = (/** @type {string} */ what) =>
    [...output.matchAll(new RegExp(`^# ${what} (\\d+)$`, 'gm'))].reduce((sum, [, number]) => sum + Number(number), 0);
  const failed = count('fail') + count('cancelled');
  return { passed: count('pass'), failed: failed || (code === 0 ? 0 : 1), skipped: count('skipped') };
}

/**
 * Every fuzzer for a while, from its seeds (tests/fuzz/seeds/NAME) and from what earlier runs found.
 * @param {string} folder
 * @param {string} log
 * @returns {Promise<Count>}
 */
async function fuzzers(folder, log) {
  const sources = readdirSync(join(ROOT, 'tests/fuzz')).filter((name) => /^fuzz_.*\.c$/.test(name));
  const names = sources.map((name) => name.slice(0, -2));
  const targets = names.map((name) => `tests/${name}`);
  if (!(await build(folder, targets, log))) return { passed: 0, failed: 1 };
  const outcomes = await inParallel(names, 2, async (name) => {
    const corpus = join(ROOT, folder, 'corpus', name);
    mkdirSync(corpus, { recursive: true });
    const seeds = ['tests/fuzz/seeds', 'tests/fuzz/corpus'].map((path) => join(ROOT, path, name)).filter(existsSync);
    const limits = [`-max_total_time=${FUZZ_SECONDS}`, '-timeout=10', '-rss_limit_mb=2048', '-print_final_stats=1'];
    const artifacts = `-artifact_prefix=${join(LOGS, `${name}-`)}`;
    return run([join(folder, 'tests', name), ...limits, artifacts, corpus, ...seeds], {
      cwd: ROOT,
      log,
      env: SANITIZER_ENV,
    });
  });
  const failed = outcomes.filter((outcome) => outcome.code !== 0).length;
  return { passed: outcomes.length - failed, failed };
}

/**
 * @param {Count[]} counts
 * @returns {Required<Count>}
 */
function sum(counts) {
  const of = (/** @type {keyof Count} */ what) => counts.reduce((total, count) => total + (count[what] ?? 0), 0);
  return { passed: of('passed'), failed: of('failed'), skipped: of('skipped') };
}

/**
 * @param {string} name
 * @returns {Promise<Count>}
 */
async function runStage(name) {
  const log = join(LOGS, `${name}.log`);
  rmSync(log, { force: true });
  const started = performance.now();
  const count = await STAGES[name](log);
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  const empty = count.passed + count.failed === 0;
  const verdict = empty ? 'RAN NO TEST' : count.failed > 0 ? 'FAILED' : 'ok';
  const figures = `${String(count.passed).padStart(5)} passed ${String(count.failed).padStart(4)} failed`;
  console.log(`${name.padEnd(10)} ${figures} ${seconds.padStart(7)} s  ${verdict}`);
  if (count.failed > 0 && existsSync(log)) showEnd(log);
  return { ...count, failed: count.failed + (empty ? 1 : 0) };
}

/** @param {string} log */
function showEnd(log) {
  const lines = readFileSync(log, 'utf8').split('\n');
  console.log(
    lines
      .slice(-80)
      .map((line) => `    | ${line}`)
      .join('\n'),
  );
  console.log(`    (the whole log: ${log})`);
}

const names = process.argv.length > 2 ? process.argv.slice(2) : Object.keys(STAGES);
const unknown = names.filter((name) => !STAGES[name]);
if (unknown.length > 0) {
  console.error(`unknown stage ${unknown.join(', ')}; there are: ${Object.keys(STAGES).join(', ')}`);
  process.exit(2);
}
mkdirSync(LOGS, { recursive: true });
const counts = [];
rmSync(join(LOGS, 'postgresql.log'), { force: true });
try {
  for (const name of names) counts.push(await runStage(name));
} finally {
  for (const server of started) await (await server).end();
}
const total = sum(counts);
if (total.skipped > 0) console.log(`${total.skipped} were skipped; the logs in build/test-logs/ say why`);
console.log(`${total.passed} passed, ${total.failed} failed`);
process.exit(total.failed > 0 ? 1 : 0);
