// Helpers for tests that go through every place where a program may be killed or a disk may fail. The
// faults themselves are made by faults.c, a library for LD_PRELOAD; see there.
import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { tmpdir, availableParallelism } from 'node:os';
import { join } from 'node:path';

export function pathFromEnvironment(name) {
  const path = process.env[name];
  if (!path) throw new Error(`${name} must name what the build made (see tests/fault/)`);
  return path;
}

/** Runs a program. `fault`: { library, kind, at, for, thenKill, path, step, countFile }; none: undisturbed. */
export function run(program, args, { fault, environment = {}, timeoutMs = 60_000 } = {}) {
  const env = { ...process.env, ...environment };
  if (fault) {
    const variables = {
      LD_PRELOAD: fault.library,
      KIMONO_FAULT: fault.kind,
      KIMONO_FAULT_AT: fault.at,
      KIMONO_FAULT_FOR: fault.for,
      KIMONO_FAULT_THEN_KILL: fault.thenKill,
      KIMONO_FAULT_PATH: fault.path,
      KIMONO_FAULT_STEP: fault.step ? 1 : undefined,
      KIMONO_FAULT_COUNT_FILE: fault.countFile,
    };
    for (const [name, value] of Object.entries(variables)) if (value !== undefined) env[name] = String(value);
  }
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { env, stdio: ['ignore', 'pipe', 'pipe'] });
    const timer = setTimeout(() => child.kill('SIGKILL'), timeoutMs);
    let stdout = '';
    let stderr = '';
    child.stdout.on('data', (data) => (stdout += data));
    child.stderr.on('data', (data) => (stderr += data));
    child.on('error', reject);
    child.on('close', (status, signal) => {
      clearTimeout(timer);
      resolve({ status, signal, stdout, stderr });
    });
  });
}

// A killed process loses nothing that it has written, on a disk or in memory; in memory it is faster.
const parent = process.env.KIMONO_FAULT_DIR || (existsSync('/dev/shm') ? '/dev/shm' : tmpdir());

/** A directory for the length of `use`. */
export async function withDirectory(use) {
  const directory = await mkdtemp(join(parent, 'kimono-fault-'));
  try {
    return await use(directory);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

/** How many calls there are to disturb: `start(fault, directory)` runs the program once, undisturbed. */
export function countCalls(fault, start) {
  return withDirectory(async (directory) => {
    const countFile = join(directory, 'calls');
    const result = await start({ ...fault, kind: '', at: 0, countFile }, directory);
    if (result.status !== 0) throw new Error(`undisturbed, it failed: ${result.stderr}`);
    return Number(await readFile(countFile, 'utf8'));
  });
}

/**
 * Disturbs each call in turn. `attempt(fault, directory)` runs the program in an empty directory and
 * proves what must hold afterwards; what it throws is told with the fault's place. With many calls,
 * `atMost` takes that many of them, evenly spread, the first and the last among them.
 */
export async function forEachFault(fault, calls, attempt, { atMost = Infinity } = {}) {
  const step = Math.max(1, (calls - 1) / (atMost - 1));
  const places = new Set();
  for (let at = 1; at <= calls; at += step) places.add(Math.round(at));
  places.add(calls);
  const waiting = [...places];
  const worker = async () => {
    for (let at = waiting.shift(); at !== undefined; at = waiting.shift())
      await withDirectory((directory) => attempt({ ...fault, at }, directory)).catch((error) => {
        waiting.length = 0;
        error.message = `${fault.kind} at call ${at} of ${calls}: ${error.message}`;
        throw error;
      });
  };
  await Promise.all(Array.from({ length: Math.min(2, availableParallelism()) }, worker));
  return places.size;
}
