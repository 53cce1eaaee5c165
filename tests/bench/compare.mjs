/**
 * @file This build against another commit's, on SQLite: each runs the same benchmarks in turn, for some rounds, with
 * stores of its own making. The other commit is built in build/base/COMMIT.
 *
 *     node tests/bench/compare.mjs COMMIT [--rounds 5] [--only WORD]
 *
 * A figure is worse, or better, by more than noise if its values of all rounds are: the worst value of one build better
 * than the best of the other, and the medians more than a twentieth apart. Exit status 1 if one is worse.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { median } from './load.mjs';
import { sideBySide } from './side-by-side.mjs';
import { embeddedStore, plans, startServer } from './stores.mjs';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const COMMIT = process.argv[2];
/** By which medians must differ. */
const APART = 1.05;

/** @param {string} name @param {string} fallback */
function flag(name, fallback) {
  const at = process.argv.indexOf(`--${name}`);
  return at < 0 ? fallback : process.argv[at + 1];
}
const ROUNDS = Number(flag('rounds', '5'));
const ONLY = flag('only', '');
const isWanted = (/** @type {string} */ what) => what.includes(ONLY);

/** @param {string[]} command @param {string} cwd */
function must([command, ...args], cwd) {
  const done = spawnSync(command, args, { cwd, encoding: 'utf8', maxBuffer: 1 << 30 });
  if (done.status !== 0) throw new Error(`${command} ${args.join(' ')}: ${done.stdout}${done.stderr}`);
}

/** A build of the benchmark programs and of the server, both as they are released. */
class Build {
  /** @param {string} root */
  constructor(root) {
    this.folder = join(root, 'build', 'bench');
    this.binary = join(this.folder, 'kimono');
    must(['make', 'build'], root);
    if (!existsSync(join(this.folder, 'meson-info'))) must(['meson', 'setup', this.folder, '-Dbench=true'], root);
    must(['ninja', '-C', this.folder], root);
  }

  /** @param {string} name @param {string[]} args */
  program(name, args) {
    const path = join(this.folder, 'tests', name);
    const done = spawnSync(path, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] });
    if (done.error) throw done.error;
    return done.stdout; // the status says whether limits hold, which is not asked here
  }

  /** @param {'large' | 'small'} which */
  store(which) {
    return embeddedStore(plans(true)[which], { folder: this.folder, binary: this.binary });
  }
}

/** The files of the other commit. @param {string} commit */
function sourcesOf(commit) {
  const named = spawnSync('git', ['rev-parse', '--short', commit], { cwd: ROOT, encoding: 'utf8' });
  if (named.status !== 0) throw new Error(named.stderr);
  const folder = join(ROOT, 'build', 'base', named.stdout.trim());
  if (!existsSync(join(folder, 'meson.build'))) {
    mkdirSync(folder, { recursive: true });
    must(['sh', '-c', 'git archive "$0" | tar -x -C "$1"', commit, folder], ROOT);
  }
  return folder;
}

/** @typedef {{ name: string, isRate: boolean, value: number }} Figure */

const FIGURE =
  /([\d.]+) (rows\/s|rows for each second of CPU|ns|ms|s of processor|s|MB|KiB)(?![\w/])|(?<=p50 +|p99 +)([\d.]+)(?! ?ms)/g;

/**
 * What the lines of a benchmark program say of the product: numbers with a unit, called by what stands around them.
 * What is bare is the machine's.
 * @param {string} program
 * @param {string} output
 * @returns {Figure[]}
 */
function figuresOf(program, output) {
  /** @type {Figure[]} */
  const figures = [];
  let section = '';
  for (const line of output.split('\n')) {
    if (line.startsWith('-- ')) section = line;
    for (const match of line.matchAll(FIGURE)) {
      const before = line.slice(0, match.index);
      if (/bare SQLite *$|against [\d.]*$|^(bare|reading|libxlsxwriter) .*/.test(before)) continue;
      const what = before.replaceAll(/[\d.]+(?= *(rows|s|ms|MB|ns)\b)/g, '').replaceAll(/\s+/g, ' ');
      const name = [program, section, what + (match[2] ?? '')].filter(Boolean).join(' | ');
      figures.push({ name, isRate: /^rows/.test(match[2] ?? ''), value: Number(match[1] ?? match[3]) });
    }
  }
  return figures;
}

/** @typedef {{ before: number[], now: number[], isRate: boolean }} Values */
/** @type {Map<string, Values>} */
const all = new Map();

/** @param {'before' | 'now'} which @param {Figure} figure */
function note(which, { name, isRate, value }) {
  const values = all.get(name) ?? { before: [], now: [], isRate };
  values[which].push(value);
  all.set(name, values);
}

const before = new Build(sourcesOf(COMMIT));
const now = new Build(ROOT);
const builds = /** @type {const} */ ({ before, now });
const stores = { before: await before.store('large'), now: await now.store('large') };

/** @type {Record<string, (which: 'before' | 'now') => string[]>} */
const programs = {
  bench_usage: (which) => [builds[which].folder],
  bench_templates: (which) => [builds[which].folder, '--quick'],
  bench_transfer: (which) => [builds[which].folder],
  'bench_transfer of a store': (which) => [builds[which].folder, join(stores[which].folder, 'kimono.db')],
  bench_knowledge: (which) => [join(stores[which].folder, 'kimono.db'), '10'],
};
for (const [name, args] of Object.entries(programs).filter(([name]) => isWanted(name)))
  for (let round = 0; round < ROUNDS; round++)
    for (const which of /** @type {const} */ (['before', 'now'])) {
      const output = builds[which].program(name.split(' ')[0], args(which));
      for (const figure of figuresOf(name, output)) note(which, figure);
    }

if (isWanted('server')) {
  const [first, second] = [await startServer(stores.before), await startServer(stores.now)];
  for await (const row of sideBySide(first, second, { rounds: ROUNDS, seconds: 1 }))
    for (const [which, times] of /** @type {const} */ ([
      ['before', row.first],
      ['now', row.second],
    ]))
      for (const { p50, processor } of times) {
        note(which, { name: `server | ${row.name}, p50 ms`, isRate: false, value: p50 });
        note(which, { name: `server | ${row.name}, processor us`, isRate: false, value: processor });
      }
  await first.stop();
  await second.stop();
}

/** @param {Values} values @returns {{ ratio: number, verdict: string }} ratio above 1: more of it */
function judge({ before, now, isRate }) {
  const ratio = median(now) / median(before);
  const isMore = Math.min(...now) > Math.max(...before) && ratio > APART;
  const isLess = Math.max(...now) < Math.min(...before) && ratio < 1 / APART;
  return { ratio, verdict: isMore || isLess ? (isMore === isRate ? 'better' : 'WORSE') : '' };
}

const counts = { better: 0, WORSE: 0, '': 0 };
for (const [name, values] of all) {
  if (values.before.length === 0 || values.now.length === 0) {
    console.log(`${name}: only ${values.now.length ? 'now' : 'before'}`);
    continue;
  }
  const { ratio, verdict } = judge(values);
  counts[/** @type {keyof typeof counts} */ (verdict)]++;
  const range = (/** @type {number[]} */ of) => `${median(of)} [${Math.min(...of)} … ${Math.max(...of)}]`;
  console.log(`${ratio.toFixed(2)} ${verdict.padEnd(6)} ${name}: ${range(values.now)}, before ${range(values.before)}`);
}
console.log(`${counts['']} figures within noise, ${counts.better} better, ${counts.WORSE} worse`);
process.exitCode = counts.WORSE ? 1 : 0;
