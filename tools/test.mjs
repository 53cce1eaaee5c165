/**
 * @file Runs every test, stage by stage, and ends with one line: N passed, N failed.
 *
 *     node tools/test.mjs [STAGE...]      all, or those named
 *
 * A stage that fails shows the end of its log and does not keep the others from running; one that ran no test has
 * failed. Whole logs are in build/test-logs/.
 */
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import {
  LOGS,
  allStatements,
  apiTests,
  browserTests,
  buildAll,
  endShared,
  faultTests,
  fuzzers,
  sum,
  unitTests,
} from './lib/stages.mjs';
import { lint } from './lint.mjs';

/** @typedef {import('./lib/stages.mjs').Place} Place */
/** @typedef {import('./lib/stages.mjs').Count} Count */

/**
 * @typedef {object} Stage
 * @property {'timed' | 'steady' | 'last'} lane
 * @property {(place: Place) => Promise<Count>} run
 */

/**
 * Two lanes go on beside each other, in each one stage after another. What is `timed` often waits, and its tests
 * have limits of time; what is `steady` computes with what time of the processors the other lane leaves. `last`
 * looks at what all others have left behind.
 * @type {Record<string, Stage>}
 */
const STAGES = {
  unit: { lane: 'timed', run: (place) => unitTests('build', place) },
  api: { lane: 'timed', run: (place) => apiTests('build', place) },
  'api-postgresql': { lane: 'timed', run: (place) => apiTests('build', place, { on: 'postgresql' }) },
  fault: { lane: 'timed', run: (place) => faultTests(place) },
  'fault-postgresql': { lane: 'timed', run: (place) => faultTests(place, { on: 'postgresql' }) },
  browser: { lane: 'timed', run: (place) => browserTests(place) },
  'browser-postgresql': { lane: 'timed', run: (place) => browserTests(place, { real: true, on: 'postgresql' }) },
  lint: { lane: 'steady', run: (place) => lint(undefined, place) },
  'asan-unit': { lane: 'steady', run: (place) => unitTests('build/asan', place) },
  'asan-api': { lane: 'steady', run: (place) => apiTests('build/asan', place, { patience: 10 }) },
  'tsan-unit': { lane: 'steady', run: (place) => unitTests('build/tsan', place) },
  fuzz: { lane: 'steady', run: (place) => fuzzers(place) },
  statements: { lane: 'last', run: (place) => allStatements(place) },
};

const WIDTH = Math.max(...Object.keys(STAGES).map((name) => name.length));

/**
 * @param {string} name
 * @returns {Promise<Count>}
 */
async function runStage(name) {
  const { lane, run } = STAGES[name];
  const log = join(LOGS, `${name}.log`);
  rmSync(log, { force: true });
  const started = performance.now();
  const count = await run({ name, log, yielding: lane === 'steady' });
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  const empty = count.passed + count.failed === 0;
  const verdict = empty ? 'RAN NO TEST' : count.failed > 0 ? 'FAILED' : 'ok';
  const figures = `${String(count.passed).padStart(5)} passed ${String(count.failed).padStart(4)} failed`;
  console.log(`${name.padEnd(WIDTH)} ${figures} ${seconds.padStart(7)} s  ${verdict}`);
  for (const [reason, times] of timesEach(count.reasons ?? [])) console.log(`    ${times} skipped: ${reason}`);
  if (count.failed > 0 && existsSync(log)) showEnd(log);
  return { ...count, failed: count.failed + (empty ? 1 : 0) };
}

/** @param {string[]} texts */
function timesEach(texts) {
  const times = /** @type {Map<string, number>} */ (new Map());
  for (const text of texts) times.set(text, (times.get(text) ?? 0) + 1);
  return times;
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

/** @type {Count[]} */
const counts = [];

/**
 * The stages of one lane, one after another.
 * @param {string[]} names
 * @param {Stage['lane']} lane
 */
async function runLane(names, lane) {
  for (const name of names.filter((name) => STAGES[name].lane === lane)) counts.push(await runStage(name));
}

const names = process.argv.length > 2 ? process.argv.slice(2) : Object.keys(STAGES);
const unknown = names.filter((name) => !STAGES[name]);
if (unknown.length > 0) {
  console.error(`unknown stage ${unknown.join(', ')}; there are: ${Object.keys(STAGES).join(', ')}`);
  process.exit(2);
}
mkdirSync(LOGS, { recursive: true });
rmSync(join(LOGS, 'postgresql.log'), { force: true });
try {
  // What most stages stand on, and the list of compiled files for lint: made once, before two lanes could make it.
  await buildAll();
  await Promise.all([runLane(names, 'timed'), runLane(names, 'steady')]);
  await runLane(names, 'last');
} finally {
  await endShared();
}
const total = sum(counts);
if (total.skipped > 0) console.log(`${total.skipped} were skipped; the logs in build/test-logs/ say why`);
console.log(`${total.passed} passed, ${total.failed} failed`);
process.exit(total.failed > 0 ? 1 : 0);
