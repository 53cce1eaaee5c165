/**
 * @file Runs tests/browser/*.test.mjs against a server with demonstration data: KIMONO_URL, KIMONO_USER and
 * KIMONO_PASSWORD tell them where and as whom. Its status is that of the tests.
 *
 *     node tools/browser_tests.mjs [FILE...]
 */
import { spawn } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from './lib/tree.mjs';
import { Server, Store } from '../tests/lib/server.mjs';

const DEMO = ['--tenants', '12', '--qa', '40', '--usage', '20000', '--logs', '5000', '--days', '14', '--seed', '1'];
const USER = 'browser-admin';
const PASSWORD = 'for the browser tests';

const FOLDER = join(ROOT, 'tests', 'browser');
const files = process.argv.length > 2 ? process.argv.slice(2) : readdirSync(FOLDER).map((name) => join(FOLDER, name));
const tests = files.filter((name) => name.endsWith('.test.mjs')).sort();

/**
 * @param {string} url
 * @returns {Promise<number>}
 */
function runTests(url) {
  const env = { ...process.env, KIMONO_URL: url, KIMONO_USER: USER, KIMONO_PASSWORD: PASSWORD };
  const args = ['--test', '--test-concurrency=1', '--test-reporter=tap', ...tests];
  const child = spawn(process.execPath, args, { stdio: 'inherit', env });
  return new Promise((resolve) => child.on('close', (code) => resolve(code ?? 1)));
}

if (tests.length > 0) {
  const store = new Store();
  await store.must(['demo', ...DEMO]);
  await store.must(['user', 'add', USER, '--role', 'ops_admin'], { input: `${PASSWORD}\n` });
  const server = await Server.start(store);
  const code = await runTests(server.url);
  await server.stop();
  process.exitCode = code;
}
