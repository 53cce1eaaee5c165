/**
 * @file Runs tests/browser/*.test.mjs against a server with demonstration data: KIMONO_URL, KIMONO_USER and
 * KIMONO_PASSWORD tell them where and as whom. Its status is that of the tests.
 *
 *     node tools/browser_tests.mjs [--real] [FILE...]
 *
 * --real runs only the tests that are named `…: for real`, to which nothing but the server answers.
 */
import { spawn } from 'node:child_process';
import { readFileSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from './lib/tree.mjs';
import { Server, Store } from '../tests/lib/server.mjs';

const DEMO = ['--tenants', '12', '--qa', '40', '--usage', '20000', '--logs', '5000', '--days', '14', '--seed', '1'];
const USER = 'browser-admin';
const PASSWORD = 'for the browser tests';

const FOLDER = join(ROOT, 'tests', 'browser');
const REAL = /: for real['`]/;
const onlyReal = process.argv.includes('--real');
const named = process.argv.slice(2).filter((word) => word !== '--real');
const files = named.length > 0 ? named : readdirSync(FOLDER).map((name) => join(FOLDER, name));
const tests = files
  .filter((name) => name.endsWith('.test.mjs'))
  .filter((name) => !onlyReal || REAL.test(readFileSync(name, 'utf8')));

/** Files at once, each with a browser; a server and a store for each of these: what one changes, no other sees. */
const WORKERS = 2;

/**
 * Its output is printed in one piece, as files at once would mix theirs.
 * @param {string} url
 * @param {string} file
 * @returns {Promise<number>}
 */
function runFile(url, file) {
  const env = { ...process.env, KIMONO_URL: url, KIMONO_USER: USER, KIMONO_PASSWORD: PASSWORD };
  const which = onlyReal ? ['--test-name-pattern=: for real$'] : [];
  const args = ['--test', '--test-reporter=tap', ...which, file];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'], env });
  /** @type {Buffer[]} */
  const chunks = [];
  child.stdout.on('data', (chunk) => chunks.push(chunk));
  return new Promise((resolve) =>
    child.on('close', (code) => process.stdout.write(Buffer.concat(chunks), () => resolve(code ?? 1))),
  );
}

/**
 * Runs one file after another, until none is left.
 * @param {string[]} waiting
 */
async function work(waiting) {
  const store = new Store();
  await store.must(['demo', ...DEMO]);
  await store.must(['user', 'add', USER, '--role', 'ops_admin'], { input: `${PASSWORD}\n` });
  const server = await Server.start(store);
  let code = 0;
  for (let file = waiting.shift(); file; file = waiting.shift()) code = Math.max(code, await runFile(server.url, file));
  await server.stop();
  return code;
}

// The largest first, so that no worker begins a long one when the others have nothing left.
const waiting = tests.sort((a, b) => statSync(b).size - statSync(a).size);
const workers = Array.from({ length: Math.min(WORKERS, tests.length) }, () => work(waiting));
const codes = await Promise.all(workers);
process.exitCode = Math.max(0, ...codes);
