/** @file The command line: what it does, what it says, how it ends; alone and beside a running server. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { queryStore } from '../lib/store.mjs';
import {
  API,
  OPS,
  PAIRS,
  PASSWORD,
  Server,
  Store,
  World,
  addUser,
  command,
  embeddedOnly,
  pairsFile,
  temporaryFolder,
} from './harness.mjs';

const SHARED = process.env.KIMONO_SHARED ?? fileURLToPath(new URL('../../../shared/data', import.meta.url));
const withBackups = { skip: embeddedOnly('backup') };

/**
 * One line on standard error, nothing on standard output.
 * @param {import('../lib/server.mjs').CommandResult} result
 * @param {number} code
 * @param {RegExp} [says]
 */
function assertFails(result, code, says) {
  assert.equal(result.code, code, result.stderr);
  assert.equal(result.stdout, '');
  assert.match(result.stderr, /^[^\n]+\n$/, 'one line on standard error');
  if (says) assert.match(result.stderr, says);
}

/** A store with shop-a and shop-b. */
async function shops() {
  const store = new Store();
  await store.must(['tenant', 'add', 'shop-a', '浅草店']);
  await store.must(['tenant', 'add', 'shop-b', 'Kyoto & Sons']);
  return store;
}

/**
 * The status of a log-in.
 * @param {Server} server
 * @param {string} username
 */
async function logIn(server, username) {
  const { status } = await fetch(`${server.url}${API}/auth/login`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ username, password: PASSWORD }),
  });
  return status;
}

/** @param {Store} store */
async function totals(store) {
  await addUser(store, `reader-${Date.now()}`, 'ops_viewer');
  const server = await Server.start(store);
  const names = (await store.must(['user', 'list'])).match(/reader-\d+/g) ?? [];
  const login = await fetch(`${server.url}${API}/auth/login`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ username: names.at(-1), password: PASSWORD }),
  });
  const { access_token: token } = /** @type {any} */ (await login.json());
  const answer = await fetch(`${server.url}${API}/system/stats`, { headers: { Authorization: `Bearer ${token}` } });
  const stats = /** @type {any} */ (await answer.json());
  await server.stop();
  return stats;
}

describe('help and wrong usage', () => {
  test('version', async () => {
    const { code, stdout, stderr } = await command(['version']);
    assert.equal(code, 0);
    assert.match(stdout, /^(kimono )?\d+\.\d+\.\d+/);
    assert.equal(stderr, '');
  });

  test('openapi prints the document that the server serves', async () => {
    const { code, stdout, stderr } = await command(['openapi']);
    assert.equal(code, 0);
    assert.equal(stderr, '');
    const server = await Server.start(new Store());
    const served = await fetch(`${server.url}${API}/openapi.json`);
    assert.deepEqual(JSON.parse(stdout), await served.json());
    await server.stop();
  });

  test('help names every command, and each has its own', async () => {
    const { code, stdout } = await command(['help']);
    assert.equal(code, 0);
    const names = [
      'serve',
      'demo',
      'user',
      'tenant',
      'token',
      'import',
      'migrate',
      'backup',
      'restore',
      'check',
      'openapi',
      'version',
    ];
    for (const name of names) {
      assert.match(stdout, new RegExp(`^\\s+${name}\\b`, 'm'), name);
      const own = await command(['help', name]);
      assert.equal(own.code, 0, name);
      assert.match(own.stdout, new RegExp(name));
    }
  });

  const wrong = [
    ['nonsense'],
    ['help', 'nonsense'],
    ['serve', '--nonsense'],
    ['serve', '--listen'],
    ['serve', 'extra'],
    ['user'],
    ['user', 'nonsense', 'x'],
    ['user', 'add'],
    ['user', 'add', 'x'],
    ['tenant', 'add', 'only-an-id'],
    ['token', 'create'],
    ['import'],
    ['import', 'file.csv'],
    ['demo', '--tenants', 'many'],
    ['demo', '--tenants', '-1'],
    ['backup'],
  ];
  for (const args of wrong) {
    test(`wrong usage: ${args.join(' ')}`, async () => {
      const data = args[0] === 'help' || args[0] === 'nonsense' ? [] : ['--data', join(temporaryFolder(), 'data')];
      assertFails(await command([...args, ...data]), 2);
    });
  }

  test('what is cut short in a message is cut between characters', async () => {
    for (const cut of ['', 'a', 'ab']) {
      const { stderr } = await command([`${cut}${'和'.repeat(60)}`]);
      assert.ok(stderr.includes('和') && !stderr.includes('\uFFFD'), stderr);
    }
  });

  test('nothing at all is wrong usage', async () => {
    assert.equal((await command([])).code, 2);
  });
});

describe('serve refuses what it cannot do', () => {
  test('an address that is none, one in use, a zone that is none', async () => {
    for (const listen of ['nonsense', '127.0.0.1:99999', '256.1.1.1:80', ':']) {
      const result = await new Store().command(['serve', '--listen', listen]);
      assert.ok([1, 2].includes(result.code ?? 0), `${listen}: ${result.stderr}`);
    }
    const server = await Server.start();
    const second = await new Store().command(['serve', '--listen', `127.0.0.1:${server.port}`]);
    assert.equal(second.code, 1);
    assert.match(second.stderr, new RegExp(String(server.port)));
    await server.stop();
    const zone = await new Store().command(['serve', '--listen', '127.0.0.1:0'], {
      env: { KIMONO_TIMEZONE: 'Mars/Olympus' },
    });
    assert.ok([1, 2].includes(zone.code ?? 0), zone.stderr);
    assert.match(zone.stderr, /Mars/);
  });
});

describe('people', () => {
  /** @type {Store} */
  let store;
  before(async () => {
    store = await shops();
  });

  const add = (/** @type {string[]} */ args, input = `${PASSWORD}\n`) =>
    store.command(['user', 'add', ...args], { input });

  test('are added, listed, disabled; never with their password', async () => {
    assert.equal((await add(['anna', '--role', 'ops_admin'])).code, 0);
    assert.equal((await add(['bob', '--role', 'tenant_staff', '--tenant', 'shop-a'])).code, 0);
    const list = await store.must(['user', 'list']);
    assert.match(list, /anna.*ops_admin/);
    assert.match(list, /bob.*tenant_staff.*shop-a|bob.*shop-a.*tenant_staff/);
    assert.doesNotMatch(list, /argon2|correct horse/);
    await store.must(['user', 'disable', 'bob']);
    assert.match(await store.must(['user', 'list']), /bob.*disabled/);
    assertFails(await store.command(['user', 'disable', 'bob']), 1, /bob/);
  });

  test('a byte order mark and a line break are no part of a password; another encoding is refused', async () => {
    assert.equal((await add(['dora', '--role', 'ops_admin'], `\ufeff${PASSWORD}\r\n`)).code, 0);
    await store.must(['user', 'passwd', 'anna'], { input: `\ufeff${PASSWORD}` });
    const server = await Server.start(store);
    for (const username of ['dora', 'anna']) assert.equal(await logIn(server, username), 200, username);
    await server.stop();
    const utf16 = Buffer.from(`\ufeff${PASSWORD}\n`, 'utf16le');
    assertFails(await store.command(['user', 'passwd', 'anna'], { input: utf16 }), 1, /UTF-8/);
  });

  test('wrong ones are refused with what to do', async () => {
    assertFails(await add(['anna', '--role', 'ops_admin']), 1, /anna/);
    assertFails(await add(['carl', '--role', 'emperor']), 2, /role/);
    assertFails(await add(['carl', '--role', 'tenant_staff']), 1, /tenant/);
    assertFails(await add(['carl', '--role', 'tenant_staff', '--tenant', 'nobody']), 1, /nobody|tenant/);
    assertFails(await add(['carl', '--role', 'ops_admin', '--tenant', 'shop-a']), 1, /tenant/);
    for (const common of ['short', 'password', '12345678', 'woaini1314', 'Carl2026', 'kimono123'])
      assertFails(await add(['carl', '--role', 'ops_admin'], `${common}\n`), 1, /password/i);
    assertFails(await add(['carl', '--role', 'ops_admin'], ''), 1, /password/i);
    assertFails(await store.command(['user', 'passwd', 'nobody'], { input: `${PASSWORD}\n` }), 1, /nobody/);
  });
});

describe('tenants and tokens', () => {
  test('add prints the publishable key alone', async () => {
    const store = new Store();
    assert.match(await store.must(['tenant', 'add', 'shop-a', '浅草店']), /^kmp_\S+$/);
    assert.match(await store.must(['tenant', 'list']), /shop-a.*浅草店/);
    assertFails(await store.command(['tenant', 'add', 'shop-a', 'again']), 1, /shop-a/);
    assertFails(await store.command(['tenant', 'add', 'no spaces!', 'x']), 1);
    assertFails(await store.command(['tenant', 'add', 'fine', '']), 1);
  });

  test('create prints the token alone, once', async () => {
    const store = await shops();
    const token = await store.must(['token', 'create', 'collector', '--role', 'ingest']);
    assert.match(token, /^kma_\S+$/);
    const list = await store.must(['token', 'list']);
    assert.match(list, /collector.*ingest/);
    assert.ok(!list.includes(token));
    assertFails(await store.command(['token', 'create', 'collector', '--role', 'ingest']), 1, /collector/);
    assertFails(await store.command(['token', 'create', 'other', '--role', 'ops_admin']), 2, /role/);
    await store.must(['token', 'revoke', 'collector']);
    assertFails(await store.command(['token', 'revoke', 'nobody']), 1, /nobody/);
  });
});

describe('import', () => {
  const write = (/** @type {string} */ name, /** @type {string | Buffer} */ content) => {
    const file = join(temporaryFolder(), name);
    writeFileSync(file, content);
    return file;
  };

  test('CSV: quotes, line breaks in fields, BOM, Chinese', async () => {
    const store = await shops();
    const file = write(
      'pairs.csv',
      '\ufeffquestion,answer,category\r\n"Say ""hi""?","Two\r\nlines",a\r\n你好吗,很好,\r\n',
    );
    await store.must(['import', file, '--tenant', 'shop-a']);
    assert.equal((await totals(store)).total_qa_pairs, 2);
    await store.must(['check']);
  });

  test('TSV, and columns in another order with others between', async () => {
    const store = await shops();
    await store.must(['import', write('a.tsv', 'id\tanswer\tquestion\n1\tA1\tQ1\n2\tA2\tQ2\n'), '--tenant', 'shop-a']);
    await store.must(['import', write('b.csv', 'category,answer,question\nc,A3,Q3\n'), '--tenant', 'shop-a']);
    assert.equal((await totals(store)).total_qa_pairs, 3);
  });

  test('what is wrong is named and changes nothing', async () => {
    const store = await shops();
    const good = pairsFile(PAIRS);
    assertFails(await store.command(['import', '/nonexistent.csv', '--tenant', 'shop-a']), 1, /nonexistent/);
    assertFails(await store.command(['import', good, '--tenant', 'nobody']), 1, /nobody/);
    assertFails(
      await store.command(['import', write('x.csv', 'category,b\n1,2\n'), '--tenant', 'shop-a']),
      1,
      /question/,
    );
    assertFails(await store.command(['import', write('empty.csv', ''), '--tenant', 'shop-a']), 1);
    assertFails(await store.command(['import', temporaryFolder(), '--tenant', 'shop-a']), 1);
    assert.equal((await totals(store)).total_qa_pairs, 0);
  });

  test('a real corpus', { skip: existsSync(SHARED) ? false : 'needs ../shared/data' }, async () => {
    const store = await shops();
    await store.must(['import', join(SHARED, 'qa_zh_forum.tsv'), '--tenant', 'shop-a']);
    const { total_qa_pairs: pairs } = await totals(store);
    assert.ok(pairs > 2500 && pairs <= 2908, String(pairs));
    await store.must(['check']);
  });
});

describe('backup, restore, check', withBackups, () => {
  test('a backup restores to the same store', async () => {
    const store = await shops();
    await store.must(['import', pairsFile(PAIRS), '--tenant', 'shop-a']);
    const file = join(temporaryFolder(), 'kimono.backup');
    await store.must(['backup', file]);
    assert.ok(statSync(file).size > 0);
    assert.equal(statSync(file).mode & 0o077, 0, 'nobody else may read a backup');
    const copy = new Store();
    await copy.must(['restore', file]);
    await copy.must(['check']);
    assert.equal((await totals(copy)).total_qa_pairs, PAIRS.length);
    assert.equal(await copy.must(['tenant', 'list']), await store.must(['tenant', 'list']));
  });

  test('restore puts the backup in the place of what is there', async () => {
    const store = await shops();
    const file = join(temporaryFolder(), 'kimono.backup');
    await store.must(['backup', file]);
    await store.must(['tenant', 'add', 'shop-c', 'Later']);
    await store.must(['restore', file]);
    assert.doesNotMatch(await store.must(['tenant', 'list']), /shop-c/);
    await store.must(['check']);
  });

  test('restore refuses a running server, and what is no backup, and changes nothing then', async () => {
    const store = await shops();
    const file = join(temporaryFolder(), 'kimono.backup');
    await store.must(['backup', file]);
    const server = await Server.start(store);
    assertFails(await store.command(['restore', file]), 1);
    await server.stop();
    writeFileSync(file, 'not a backup'.repeat(1000));
    assertFails(await store.command(['restore', file]), 1);
    assertFails(await store.command(['restore', '/nonexistent.backup']), 1, /nonexistent/);
    assert.match(await store.must(['tenant', 'list']), /shop-a/);
    await store.must(['check']);
  });

  /** A store with a server's telemetry and keys, and a backup of it. */
  async function served() {
    const store = await shops();
    await (await Server.start(store)).stop();
    const file = join(temporaryFolder(), 'kimono.backup');
    await store.must(['backup', file]);
    return { store, file };
  }

  /** @param {string} folder */
  const bytesOf = (folder) =>
    readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name))
      .sort()
      .map((file) => `${file} ${createHash('sha256').update(readFileSync(file)).digest('hex')}`);

  test('restore takes nothing but a whole main store of its version or an older one, and else touches nothing', async () => {
    const { store, file } = await served();
    const telemetry = join(store.folder, 'telemetry');
    const day = readdirSync(telemetry).find((name) => name.endsWith('.db')) ?? assert.fail('no day');
    const folder = temporaryFolder();
    const made = (/** @type {string} */ name, /** @type {(file: string) => void} */ change) => {
      copyFileSync(file, join(folder, name));
      change(join(folder, name));
      return join(folder, name);
    };
    const sql = (/** @type {string} */ text) => (/** @type {string} */ name) => {
      const database = new DatabaseSync(name);
      database.exec(text);
      database.close();
    };
    execFileSync('mkfifo', [join(folder, 'pipe')]);
    copyFileSync(join(telemetry, day), join(folder, 'a-day'));
    /** @type {[string, RegExp][]} */
    const wrong = [
      [join(folder, 'a-day'), /another kind/],
      [made('newer', sql("INSERT INTO schema_version VALUES (999, 'of the future', 0)")), /version 999/],
      [made('cut', (name) => truncateSync(name, 40960)), /damaged|malformed/],
      [made('theirs', sql('PRAGMA application_id = 7')), /another program/],
      [
        made(
          'orphans',
          sql(
            "PRAGMA foreign_keys = OFF; DELETE FROM tenants WHERE id = 'shop-a'; INSERT INTO conversations(public_id, tenant_id, started_at, last_message_at, message_count) VALUES ('c', 'nobody', 0, 0, 0)",
          ),
        ),
        /refers to|damaged/,
      ],
      [made('empty', (name) => truncateSync(name, 0)), /not a backup|another program/],
      [join(folder, 'pipe'), /no file/],
      ['/dev/zero', /no file/],
      [folder, /no file/],
      [join(store.folder, 'kimono.db'), /the store itself/],
    ];
    await store.must(['migrate']);
    const before = bytesOf(store.folder);
    for (const [name, says] of wrong) {
      assertFails(await store.command(['restore', name]), 1, says);
      assert.deepEqual(bytesOf(store.folder), before, name);
    }
    await store.must(['check']);
  });

  test('a backup replaces nothing but an earlier one, and nothing in the store’s folder', async () => {
    const { store, file } = await served();
    const folder = temporaryFolder();
    writeFileSync(join(folder, 'letter'), 'Dear Anna');
    symlinkSync(file, join(folder, 'link'));
    symlinkSync(store.folder, join(folder, 'data'));
    execFileSync('mkfifo', [join(folder, 'pipe')]);
    const before = [...bytesOf(store.folder), ...bytesOf(folder)];
    const inside = ['signing.key', 'kimono.db', 'new.db', 'telemetry/x.db', '../data/new.db'];
    const wrong = [
      ...inside.map((name) => `${store.folder}/${name}`),
      ...['letter', 'link', 'pipe', 'data/new.db', 'data'].map((name) => join(folder, name)),
      folder,
      '/dev/null',
    ];
    for (const name of wrong) {
      assertFails(await store.command(['backup', name]), 1);
      assert.deepEqual([...bytesOf(store.folder), ...bytesOf(folder)], before, name);
    }
    assert.ok(statSync('/dev/null').isCharacterDevice());
    await store.must(['backup', file]);
    await store.must(['check']);
  });

  test('what a killed backup or restore has left is removed by the next', async () => {
    const { store, file } = await served();
    const left = [`${file}.new-a1B2c3`, join(store.folder, 'kimono.db.new-a1B2c3')];
    const others = [`${file}.newer`, `${file}.new-a1B2c3.mine`, join(store.folder, 'kimono.db.new-')];
    for (const name of [...left, ...others]) writeFileSync(name, 'half');
    await store.must(['backup', file]);
    assert.deepEqual(left.filter(existsSync), []);
    assert.deepEqual(others.filter(existsSync), others);
  });

  test('a store that is gone or empty beside its telemetry is not made anew', async () => {
    const { store, file } = await served();
    const main = join(store.folder, 'kimono.db');
    for (const spoil of [() => truncateSync(main, 0), () => rmSync(main)]) {
      spoil();
      for (const args of [['serve', '--listen', '127.0.0.1:0'], ['migrate'], ['tenant', 'add', 'shop-c', 'C']])
        assertFails(await store.command(args), 1, /kimono restore FILE/);
      await store.must(['restore', file]);
      await store.must(['check']);
      assert.match(await store.must(['tenant', 'list']), /shop-b/);
    }
  });

  test('check finds nothing in a new store and fails where there is none', async () => {
    const store = new Store();
    await store.must(['migrate']);
    await store.must(['migrate']);
    await store.must(['check']);
    assertFails(await new Store().command(['check']), 1);
  });

  test('check finds a file that was damaged', async () => {
    const store = await shops();
    await store.must(['import', pairsFile(PAIRS), '--tenant', 'shop-a']);
    const main = readdirSync(store.folder).find((name) => name.endsWith('.db')) ?? assert.fail('no .db file');
    writeFileSync(join(store.folder, main), Buffer.alloc(4096, 0xff), { flag: 'r+' });
    assert.equal((await store.command(['check'])).code, 1);
  });

  test('the folder is closed to others', async () => {
    const store = await shops();
    assert.equal(statSync(store.folder).mode & 0o077, 0);
  });
});

describe('the time zone of today belongs to the store', () => {
  const TOKYO = { KIMONO_TIMEZONE: 'Asia/Tokyo' };

  /**
   * A question at a server of that zone, and what it warned of.
   * @param {Store} store
   * @param {string} key
   * @param {Record<string, string>} env
   */
  async function ask(store, key, env) {
    const server = await Server.start(store, { env });
    const answer = await fetch(`${server.url}${API}/chat/message`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', 'X-API-Key': key },
      body: '{"message":"hello"}',
    });
    assert.equal(answer.status, 200);
    await server.stop();
    return server.log;
  }

  const zoneOf = async (/** @type {Store} */ store) =>
    (await queryStore(store, 'SELECT timezone FROM store_info'))[0]?.timezone;

  test('it is the one that the store was made with, and every command takes it from there', async () => {
    const store = new Store();
    const key = await store.must(['tenant', 'add', 'shop-a', 'A'], { env: TOKYO });
    assert.doesNotMatch(await ask(store, key, TOKYO), /TIMEZONE/);
    assert.equal(await store.must(['check']), 'whole');
    const { code, stdout, stderr } = await store.command(['check'], { env: { KIMONO_TIMEZONE: 'America/New_York' } });
    assert.deepEqual([code, stdout], [0, 'whole\n']);
    assert.match(stderr, /KIMONO_TIMEZONE is America\/New_York, but the days of this store are counted in Asia\/Tokyo/);
    assert.match(await ask(store, key, { KIMONO_TIMEZONE: 'Pacific/Honolulu' }), /WARN .*Pacific\/Honolulu/);
    assert.equal(await store.must(['check']), 'whole');
    assert.equal(await zoneOf(store), 'Asia/Tokyo');
  });

  test('as long as nothing has been counted, a zone that is given still moves it', async () => {
    const store = new Store();
    const key = await store.must(['tenant', 'add', 'shop-a', 'A']);
    assert.equal(await zoneOf(store), 'Asia/Shanghai');
    assert.doesNotMatch(await ask(store, key, TOKYO), /TIMEZONE/);
    assert.equal(await zoneOf(store), 'Asia/Tokyo');
    assert.doesNotMatch((await store.command(['check'])).stderr, /TIMEZONE/, 'a default is no wish');
  });

  test('a store of before is settled by the server that counts, not by whoever looks at it', async () => {
    const store = new Store();
    const key = await store.must(['tenant', 'add', 'shop-a', 'A'], { env: TOKYO });
    await ask(store, key, TOKYO);
    await queryStore(store, 'DELETE FROM store_info');
    await store.must(['tenant', 'list']);
    assert.equal(await zoneOf(store), undefined);
    await ask(store, key, TOKYO);
    assert.equal(await zoneOf(store), 'Asia/Tokyo');
  });

  test('a backup brings its zone with it', withBackups, async () => {
    const store = new Store();
    const key = await store.must(['tenant', 'add', 'shop-a', 'A'], { env: TOKYO });
    await ask(store, key, TOKYO);
    const file = join(temporaryFolder(), 'kimono.backup');
    await store.must(['backup', file]);
    const copy = new Store();
    await copy.must(['restore', file]);
    assert.equal(await copy.must(['check']), 'whole');
  });
});

describe('demo', () => {
  const SMALL = ['--tenants', '3', '--qa', '20', '--usage', '2000', '--logs', '500', '--days', '3', '--seed', '7'];

  test('fills an empty store that is then whole, and no other', async () => {
    const store = new Store();
    await store.must(['demo', ...SMALL]);
    await store.must(['check']);
    const stats = await totals(store);
    assert.equal(stats.total_tenants, 3);
    assert.equal(stats.total_qa_pairs, 60);
    assertFails(await store.command(['demo', ...SMALL]), 1);
    assertFails(await (await shops()).command(['demo', ...SMALL]), 1);
  });

  test('the same seed gives the same tenants', async () => {
    const [a, b, c] = [new Store(), new Store(), new Store()];
    await a.must(['demo', ...SMALL]);
    await b.must(['demo', ...SMALL]);
    await c.must(['demo', ...SMALL.slice(0, -1), '8']);
    const [listA, listB, listC] = await Promise.all([a, b, c].map((store) => store.must(['tenant', 'list'])));
    const names = (/** @type {string} */ list) => list.replaceAll(/\d{4}-\d\d-\d\d\S*|kmp_\S+/g, '');
    assert.equal(names(listA), names(listB));
    assert.notEqual(names(listA), names(listC));
  });
});

describe('beside a running server', () => {
  /** @type {World} */
  let world;
  before(async () => {
    world = await World.open();
  });
  after(() => world.close());

  test('an import is answered from at once', async () => {
    const file = pairsFile([{ question: '停车场在哪里', answer: '在店后面。', category: '门店' }]);
    assert.equal((await world.ask('shop-b', '停车场在哪里')).answered, false);
    await world.store.must(['import', file, '--tenant', 'shop-b']);
    assert.equal((await world.ask('shop-b', '停车场在哪里')).answer, '在店后面。');
  });

  test('a new tenant may chat at once', async () => {
    const key = await world.store.must(['tenant', 'add', 'shop-c', 'New']);
    const json = { message: 'hello' };
    assert.equal((await world.anyone.post(`${API}/chat/message`, json, { key })).status, 200);
    const overview = await world.viewer.must('GET', `${OPS}/dashboard/overview`);
    assert.equal(overview.total_tenants, 3);
  });

  test('check and backup work, while customers go on asking', withBackups, async () => {
    let over = false;
    const asking = (async () => {
      let asked = 0;
      for (; !over; asked++) await world.ask('shop-a', PAIRS[asked % PAIRS.length].question);
      return asked;
    })();
    const folder = temporaryFolder();
    mkdirSync(join(folder, 'to'));
    await world.store.must(['backup', join(folder, 'to', 'kimono.backup')]);
    over = true;
    assert.ok((await asking) > 0);
    await world.store.must(['check']);
    const copy = new Store();
    await copy.must(['restore', join(folder, 'to', 'kimono.backup')]);
    await copy.must(['check']);
  });

  test('a killed server leaves a whole store with everything that was answered', async () => {
    const store = await shops();
    await store.must(['import', pairsFile(PAIRS), '--tenant', 'shop-a']);
    const key = /kmp_\S+/.exec(await store.must(['tenant', 'add', 'shop-d', 'D']))?.[0] ?? '';
    const server = await Server.start(store);
    const ask = () =>
      fetch(`${server.url}${API}/chat/message`, {
        method: 'POST',
        headers: { 'Content-Type': 'application/json', 'X-API-Key': key },
        body: '{"message":"hello"}',
      });
    for (let i = 0; i < 20; i++) assert.equal((await ask()).status, 200);
    await server.crash();
    await store.must(['check']);
    assert.equal((await totals(store)).conversations_today, 20);
  });
});
