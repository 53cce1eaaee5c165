/**
 * @file Runs tests/browser/*.test.mjs against a server with demonstration data: KIMONO_URL, KIMONO_USER and
 * KIMONO_PASSWORD tell them where and as whom. Its status is that of the tests.
 *
 *     node tools/browser_tests.mjs [FILE...]
 */
import { spawn } from 'node:child_process';
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from './lib/tree.mjs';
import { Server, Store } from '../tests/lib/server.mjs';

const DEMO = ['--tenants', '12', '--qa', '40', '--usage', '20000', '--logs', '5000', '--days', '14', '--seed', '1'];
const USER = 'browser-admin';
const PASSWORD = 'for the browser tests';

const FOLDER = join(ROOT, 'tests', 'browser');
const files = process.argv.length > 2 ? process.argv.slice(2) : readdirSync(FOLDER).map((name) => join(FOLDER, name));
const tests = files.filter((name) => name.endsWith('.test.mjs')).sort();

/** Files at once, each group with a browser, a server and a store of its own: what one changes, no other sees. */
const GROUPS = 2;

/**
 * Its output is printed in one piece, as the groups would mix theirs.
 * @param {string} url
 * @param {string[]} tests
 * @returns {Promise<number>}
 */
function runTests(url, tests) {
  const env = { ...process.env, KIMONO_URL: url, KIMONO_USER: USER, KIMONO_PASSWORD: PASSWORD };
  const args = ['--test', '--test-concurrency=1', '--test-reporter=tap', ...tests];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'], env });
  /** @type {Buffer[]} */
  const chunks = [];
  child.stdout.on('data', (chunk) => chunks.push(chunk));
  return new Promise((resolve) =>
    child.on('close', (code) => process.stdout.write(Buffer.concat(chunks), () => resolve(code ?? 1))),
  );
}

/** @param {string[]} tests */
async function runGroup(tests) {
  const store = new Store();
  await store.must(['demo', ...DEMO]);
  await store.must(['user', 'add', USER, '--role', 'ops_admin'], { input: `${PASSWORD}\n` });
  const server = await Server.start(store);
  const code = await runTests(server.url, tests);
  await server.stop();
  return code;
}

/** The largest files first, each into the group that has the least so far. */
function divide() {
  const groups = Array.from({ length: GROUPS }, () => ({ size: 0, tests: /** @type {string[]} */ ([]) }));
  const sized = tests.map((name) => ({ name, size: statSync(name).size }));
  for (const { name, size } of sized.sort((a, b) => b.size - a.size)) {
    const group = groups.reduce((least, each) => (each.size < least.size ? each : least));
    group.size += size;
    group.tests.push(name);
  }
  return groups.map((group) => group.tests).filter((group) => group.length > 0);
}

const codes = await Promise.all(divide().map(runGroup));
process.exitCode = Math.max(0, ...codes);
