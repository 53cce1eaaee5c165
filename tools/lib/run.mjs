/**
 * @file Running programs: output to a log file or to memory, several at once, with a time limit.
 */
import { spawn } from 'node:child_process';
import { createWriteStream } from 'node:fs';
import { constants } from 'node:os';
import { finished } from 'node:stream/promises';

/**
 * @typedef {object} Outcome
 * @property {number} code  the exit status; 128 + n for signal n, 124 when the time ran out
 * @property {string} output  standard output and standard error as they came
 * @property {number} seconds
 */

/**
 * @param {string[]} command  program and arguments
 * @param {object} [options]
 * @param {string} [options.cwd]
 * @param {Record<string, string | undefined>} [options.env]  added to this process's
 * @param {string} [options.log]  file that the output is appended to as well
 * @param {boolean} [options.yielding]  it works with what time of the processors others leave
 * @param {number} [options.seconds]  after which the program and its children are killed
 * @returns {Promise<Outcome>} never rejects: a program that cannot be started has code 127
 */
export async function run(command, { cwd, env = {}, log, yielding = false, seconds = 900 } = {}) {
  const started = performance.now();
  const chunks = /** @type {Buffer[]} */ ([]);
  const file = log ? createWriteStream(log, { flags: 'a' }) : null;
  file?.write(`$ ${command.join(' ')}\n`);
  const take = (/** @type {Buffer} */ chunk) => {
    chunks.push(chunk);
    file?.write(chunk);
  };
  const code = await new Promise((resolve) => {
    const [program, ...args] = yielding ? ['nice', '-n', '10', ...command] : command;
    const child = spawn(program, args, {
      cwd,
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true, // a process group of its own, so that the limit ends its children too
    });
    let late = false;
    const end = () => child.pid && killGroup(child.pid);
    const timer = setTimeout(() => {
      late = true;
      end();
    }, seconds * 1000);
    process.once('exit', end);
    child.stdout.on('data', take);
    child.stderr.on('data', take);
    child.on('error', (error) => {
      take(Buffer.from(`${error.message}\n`));
      resolve(127);
    });
    child.on('close', (status, signal) => {
      clearTimeout(timer);
      process.removeListener('exit', end);
      if (late) take(Buffer.from(`\nended after ${seconds} s: too slow\n`));
      resolve(late ? 124 : (status ?? 128 + (signal ? constants.signals[signal] : 0)));
    });
  });
  if (file) {
    file.end();
    await finished(file);
  }
  return { code, output: Buffer.concat(chunks).toString(), seconds: (performance.now() - started) / 1000 };
}

/** @param {number} pid  of the group's leader */
function killGroup(pid) {
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // It has ended already.
  }
}

/**
 * Runs `work` for every item, at most `width` at once; the results in the order of the items.
 * @template T, R
 * @param {T[]} items
 * @param {number} width
 * @param {(item: T) => Promise<R>} work
 * @returns {Promise<R[]>}
 */
export async function inParallel(items, width, work) {
  const results = /** @type {R[]} */ (new Array(items.length));
  let next = 0;
  const worker = async () => {
    while (next < items.length) {
      const index = next++;
      results[index] = await work(items[index]);
    }
  };
  await Promise.all(Array.from({ length: Math.min(width, items.length) }, worker));
  return results;
}
