/**
 * @file A store that belongs to a service's user, tended by root: every command works as root, and leaves every file
 * as that user needs it. Only root can try it.
 */
import assert from 'node:assert/strict';
import {
  chmodSync,
  chownSync,
  copyFileSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { before, describe, test } from 'node:test';
import { API, KIMONO, PAIRS, PASSWORD, Server, Store, embeddedOnly, pairsFile, temporaryFolder } from './harness.mjs';

const SERVICE = 65534; // nobody: there is no file of its own
const isRoot = process.getuid?.() === 0;

/**
 * Everything below the folder that does not belong to the service's user.
 * @param {string} folder
 * @returns {string[]}
 */
function strangers(folder) {
  const found = lstatSync(folder).uid === SERVICE ? [] : [folder];
  if (!lstatSync(folder).isDirectory()) return found;
  return found.concat(...readdirSync(folder).map((name) => strangers(join(folder, name))));
}

describe('a store of the service’s user, tended by root', { skip: isRoot ? false : 'needs root' }, () => {
  /** @type {Store} */
  let store;
  const home = temporaryFolder();
  const program = join(home, 'kimono');

  before(() => {
    chmodSync(home, 0o755);
    copyFileSync(KIMONO, program);
    store = new Store(join(home, 'data'));
    mkdirSync(store.folder, { mode: 0o700 });
    chownSync(store.folder, SERVICE, SERVICE);
  });

  /**
   * Serves as the service's user until it has answered a question and a log-in, and ends.
   * @param {string} [key]
   */
  async function serveAsService(key) {
    const child = spawn(program, ['serve', ...store.flags, '--listen', '127.0.0.1:0'], {
      uid: SERVICE,
      gid: SERVICE,
      env: { ...process.env, KIMONO_STATEMENT_LOG: '' }, // it may lie where that user may not go
      cwd: '/',
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let said = '';
    const ended = new Promise((resolve) => child.on('close', (code) => resolve(code)));
    const url = await new Promise((resolve, reject) => {
      const listen = (/** @type {Buffer} */ text) => {
        said += text;
        const found = /listening on (http:\/\/[\d.:]+)/.exec(said);
        if (found) resolve(found[1]);
      };
      child.stdout.on('data', listen);
      child.stderr.on('data', listen);
      ended.then(() => reject(new Error(`it does not serve: ${said}`)));
    });
    if (key) {
      const answer = await fetch(`${url}${API}/chat/message`, {
        method: 'POST',
        headers: { 'Content-Type': 'application/json', 'X-API-Key': key },
        body: JSON.stringify({ message: PAIRS[0].question }),
      });
      assert.equal(answer.status, 200, await answer.text());
    }
    child.kill('SIGTERM');
    assert.equal(await ended, 0, said);
  }

  test('made by root in its folder, it is the service’s', async () => {
    const key = await store.must(['tenant', 'add', 'shop-a', '浅草店']);
    await store.must(['user', 'add', 'operator', '--role', 'ops_admin'], { input: `${PASSWORD}\n` });
    assert.deepEqual(strangers(store.folder), []);
    await serveAsService(key);
    assert.deepEqual(strangers(store.folder), []);
  });

  test('every command works as root and leaves it so', async () => {
    const backup = join(temporaryFolder(), 'kimono.backup');
    const key = /kmp_\S+/.exec(await store.must(['tenant', 'list']))?.[0];
    const commands = [
      ['check'],
      ['migrate'],
      ['tenant', 'list'],
      ['tenant', 'add', 'shop-b', 'B'],
      ['user', 'list'],
      ['token', 'create', 'collector', '--role', 'ingest'],
      ['token', 'list'],
      ['import', pairsFile(PAIRS), '--tenant', 'shop-a'],
      ['export', join(temporaryFolder(), 'pairs.xlsx')],
      ...(store.database
        ? []
        : [
            ['backup', backup],
            ['restore', backup],
          ]),
      ['check'],
    ];
    for (const command of commands) {
      await store.must(command);
      assert.deepEqual(strangers(store.folder), [], command.join(' '));
      await serveAsService(key);
    }
  });

  test('a server that root runs makes telemetry, keys and locks that are the service’s', async () => {
    const other = new Store(join(home, 'other'));
    mkdirSync(other.folder, { mode: 0o700 });
    chownSync(other.folder, SERVICE, SERVICE);
    const server = await Server.start(other);
    assert.deepEqual(strangers(other.folder), []);
    await server.stop();
    assert.deepEqual(strangers(other.folder), []);
    const made = other.database ? ['server.lock'] : ['signing.key', 'server.lock', 'telemetry'];
    for (const name of made) statSync(join(other.folder, name));
  });

  test('what is replaced keeps its owner and mode', { skip: embeddedOnly('backup') }, async () => {
    const backup = join(temporaryFolder(), 'kimono.backup');
    writeFileSync(backup, '');
    chownSync(backup, SERVICE, SERVICE);
    chmodSync(backup, 0o640);
    await store.must(['backup', backup]);
    const main = join(store.folder, 'kimono.db');
    chmodSync(main, 0o640);
    await store.must(['restore', backup]);
    for (const file of [backup, main]) {
      const { uid, gid, mode } = statSync(file);
      assert.deepEqual([uid, gid, mode & 0o777], [SERVICE, SERVICE, 0o640], file);
    }
    await serveAsService();
  });

  test(
    'a key of somebody else is refused without advice that would stop the service',
    { skip: embeddedOnly('key') },
    async () => {
      const key = join(store.folder, 'signing.key');
      chownSync(key, 12345, 12345);
      const { code, stderr } = await store.command(['serve', '--listen', '127.0.0.1:0']);
      assert.equal(code, 1);
      assert.match(stderr, /belongs to another user: run this as that user/);
      assert.doesNotMatch(stderr, /chown/);
      chownSync(key, SERVICE, SERVICE);
    },
  );
});
