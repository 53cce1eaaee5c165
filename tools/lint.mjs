/**
 * @file Every check that needs no running program: format, the house rules, static analysis, the pages' own.
 *
 *     node tools/lint.mjs [NAME...]      all, or those named
 */
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { inParallel, run } from './lib/run.mjs';
import { ROOT, projectFiles } from './lib/tree.mjs';

/** @typedef {import('./lib/run.mjs').Outcome} Outcome */

const LOGS = join(ROOT, 'build', 'test-logs');
const CORES = availableParallelism();
const INCLUDES = ['-Isrc', '-I/usr/include/postgresql']; // Debian's place of libpq
const WARNINGS = '-std=c11 -D_GNU_SOURCE -Wall -Wextra -Werror'.split(' ');

const testsOfTools = () => projectFiles('tests/tools').filter((path) => path.endsWith('.test.mjs'));
const cFiles = () =>
  projectFiles('src')
    .concat(projectFiles('tests'))
    .filter((path) => /\.[ch]$/.test(path));

/** What each check runs, the longest first: commands that must all succeed. */
const CHECKS = /** @type {Record<string, () => string[][]>} */ ({
  cppcheck: () => [cppcheck()],
  'clang-tidy': () => compiledFiles().map(clangTidy),
  pages: () => [['npm', 'run', '--silent', 'lint']],
  types: () => [['npm', 'run', '--silent', 'check']],
  headers: () =>
    cFiles()
      .filter((path) => path.endsWith('.h'))
      .map((path) => ['gcc', ...WARNINGS, '-fsyntax-only', ...INCLUDES, '-include', path, '-x', 'c', '/dev/null']),
  format: () => [['clang-format', '--dry-run', '-Werror', ...cFiles()]],
  sources: () => [['tools/check_sources.sh']],
  floors: () => [
    ['node', 'tools/check_floors.mjs'],
    ['node', '--test', ...testsOfTools()],
  ],
  shell: () => [['shellcheck', '.ci/run', ...projectFiles('tools').filter((path) => path.endsWith('.sh'))]],
});

/**
 * What the analyzer looks at in each function: the more states, the longer. By itself it takes 225,000, and some ten times
 * as long as with these; what was found so far was found with these, too.
 */
const ANALYZER_NODES = Number(process.env.KIMONO_ANALYZER_NODES ?? 20000);

/** @param {string} path */
function clangTidy(path) {
  const nodes = ['-Xclang', '-analyzer-config', '-Xclang', `max-nodes=${ANALYZER_NODES}`];
  return ['clang-tidy', '--quiet', '-p', 'build', ...nodes.map((word) => `--extra-arg=${word}`), path];
}

function cppcheck() {
  const cache = 'build/cppcheck';
  mkdirSync(join(ROOT, cache), { recursive: true });
  return [
    ...['cppcheck', '--quiet', '--error-exitcode=1', '--inline-suppr', `-j${CORES}`, `--cppcheck-build-dir=${cache}`],
    ...['--enable=warning,performance,portability', '--std=c11', '--library=posix', '--library=sqlite3'],
    ...['-D_GNU_SOURCE', '-D__GNUC__=12', '-Isrc', '--suppressions-list=tools/cppcheck.suppressions'],
    ...['src', 'tests/unit', 'tests/fault', 'tests/bench'],
  ];
}

/** The C files of the project that the release build and its tests compile. */
function compiledFiles() {
  const database = join(ROOT, 'build', 'compile_commands.json');
  /** @type {{ directory: string, file: string }[]} */
  const entries = JSON.parse(readFileSync(database, 'utf8'));
  const files = entries.map((entry) => join(entry.directory, entry.file)).filter((file) => file.endsWith('.c'));
  return files.filter((file) => !file.startsWith(join(ROOT, 'build')) && existsSync(file));
}

/**
 * All commands of all checks on all cores, the longest checks first.
 * @param {string[]} [names]
 * @param {object} [options]
 * @param {boolean} [options.yielding]  they take what time of the processors others leave
 * @returns {Promise<{ passed: number, failed: number }>} checks
 */
export async function lint(names = Object.keys(CHECKS), { yielding = false } = {}) {
  mkdirSync(LOGS, { recursive: true });
  const checks = names.map((name) => ({ name, commands: CHECKS[name](), outcomes: /** @type {Outcome[]} */ ([]) }));
  for (const { name } of checks) rmSync(logOf(name), { force: true });
  let failed = 0;
  const work = checks.flatMap((check) => check.commands.map((command) => ({ check, command })));
  await inParallel(work, CORES, async ({ check, command }) => {
    check.outcomes.push(await run(command, { cwd: ROOT, log: logOf(check.name), yielding }));
    if (check.outcomes.length === check.commands.length && !show(check)) failed++;
  });
  return { passed: names.length - failed, failed };
}

/** @param {string} name */
const logOf = (name) => join(LOGS, `lint-${name}.log`);

/**
 * @param {{ name: string, outcomes: Outcome[] }} check  that is done
 * @returns {boolean} whether nothing was found
 */
function show({ name, outcomes }) {
  const found = outcomes.filter((outcome) => outcome.code !== 0);
  const seconds = outcomes.reduce((total, outcome) => total + outcome.seconds, 0).toFixed(1);
  console.log(`  ${name.padEnd(12)} ${found.length === 0 ? 'ok    ' : 'FAILED'} ${seconds.padStart(7)} s`);
  if (found.length > 0) {
    const output = found.map((outcome) => outcome.output).join('');
    console.log(output.split('\n').slice(-60).join('\n'));
  }
  return found.length === 0;
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  const names = process.argv.slice(2);
  const { passed, failed } = await lint(names.length > 0 ? names : undefined);
  console.log(`${passed} passed, ${failed} failed`);
  process.exit(failed > 0 ? 1 : 0);
}
