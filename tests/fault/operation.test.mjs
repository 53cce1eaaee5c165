// A server on a machine that fails it: a disk that is full or broken, files that are taken away, too little memory.
// Customers are told to come back and no names of what is inside, health says what to do, and nothing that was
// answered is lost. KIMONO_FAULT_LIB: faults.c as a library. KIMONO_BIN: kimono.
import assert from 'node:assert/strict';
import { closeSync, fstatSync, openSync, readdirSync, renameSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { test } from 'node:test';
import { PATIENCE, Server, Store, embeddedOnly, pause, temporaryFolder } from '../lib/server.mjs';
import { auditRows, queryStore } from '../lib/store.mjs';
import { pathFromEnvironment } from './fault.mjs';

const library = pathFromEnvironment('KIMONO_FAULT_LIB');
const onFiles = { skip: embeddedOnly('file') };
const PASSWORD = 'correct horse 电池';
const INNER_NAMES = /kimono\.db|\.db\b|sqlite|database|malformed|disk I\/O|SELECT|signing|\/tmp|数据库/i;

async function makeStore() {
  const store = new Store();
  await store.must(['migrate']);
  const key = await store.must(['tenant', 'add', 'shop', '店']);
  await store.must(['user', 'add', 'operator', '--role', 'ops_admin'], { input: `${PASSWORD}\n` });
  return { store, key };
}

/** A server, and what people do there; without `fault` on a sound machine. */
async function start({ store, key }, fault) {
  const env = fault ? { LD_PRELOAD: library, ...fault } : {};
  const server = await Server.start(store, { env });
  const call = async (method, path, { headers = {}, json } = {}) => {
    const response = await fetch(`${server.url}/api/v1${path}`, {
      method,
      headers: { 'Accept-Language': 'en', ...(json ? { 'Content-Type': 'application/json' } : {}), ...headers },
      body: json ? JSON.stringify(json) : undefined,
    });
    const text = await response.text();
    return { status: response.status, headers: response.headers, text, json: text ? JSON.parse(text) : undefined };
  };
  const chat = (message = '几点开门') =>
    call('POST', '/chat/message', { headers: { 'X-API-Key': key }, json: { message } });
  const feedback = (id) =>
    call('POST', '/feedback', { headers: { 'X-API-Key': key }, json: { message_id: id, rating: 'good' } });
  const logIn = (password = PASSWORD) => call('POST', '/auth/login', { json: { username: 'operator', password } });
  const health = () => call('GET', '/system/health');
  const components = async (token) => {
    const answer = await call('GET', '/ops/system/components', { headers: { Authorization: `Bearer ${token}` } });
    return Object.fromEntries(answer.json.items.map((item) => [item.name, item]));
  };
  return { server, call, chat, feedback, logIn, health, components };
}

/** 503 and when to come back; nothing of what is inside. */
function proveRefused(answer) {
  assert.equal(answer.status, 503, answer.text);
  assert.match(answer.headers.get('retry-after') ?? '', /^[1-9]\d*$/);
  assert.match(answer.headers.get('content-type'), /problem\+json/);
  assert.doesNotMatch(answer.text, INNER_NAMES);
}

async function eventually(look) {
  for (const deadline = Date.now() + 30_000 * PATIENCE; ; await pause(100)) {
    try {
      return await look();
    } catch (error) {
      if (Date.now() > deadline) throw error;
    }
  }
}

async function proveWhole(store) {
  const { stdout, stderr } = await store.command(['check']);
  assert.equal(stdout.trimEnd().split('\n').at(-1), 'whole', stdout + stderr);
}

const count = async (store, table) => (await queryStore(store, `SELECT COUNT(*) AS n FROM ${table}`))[0].n;

for (const kind of ['enospc', 'eio'])
  test(
    `a disk that ${kind === 'eio' ? 'is broken' : 'is full'}: customers are told to come back, and no inner names`,
    onFiles,
    async () => {
      const made = await makeStore();
      const sound = await start(made);
      const { message_id: message } = (await sound.chat()).json;
      await sound.server.stop();
      for (const path of ['/kimono.db', '/telemetry/']) {
        const fault = { KIMONO_FAULT: kind, KIMONO_FAULT_AT: '60', KIMONO_FAULT_FOR: '0', KIMONO_FAULT_PATH: path };
        const { server, chat, feedback, logIn } = await start(made, fault);
        let acknowledged = 0;
        let answer;
        while ((answer = await chat()).status === 200) acknowledged++;
        proveRefused(answer);
        proveRefused(await chat());
        if (path === '/kimono.db') {
          proveRefused(await feedback(message));
          proveRefused(await logIn());
        }
        assert.match(server.log, /ERROR http: POST .*\.db/, 'the operator is told what it was');
        await server.crash();
        assert.ok((await count(made.store, 'messages')) >= acknowledged);
        await proveWhole(made.store);
      }
    },
  );

test('a file that may not grow further is an error, not the end of the server', onFiles, async () => {
  const made = await makeStore();
  const { server, chat } = await start(made, { KIMONO_FAULT_FILE_MAX: String(5 << 20) });
  let answer;
  while ((answer = await chat('字'.repeat(1900))).status === 200);
  proveRefused(answer);
  assert.equal(server.child.exitCode, null);
  await server.crash();
  await proveWhole(made.store);
});

test('too little memory for a log-in is 503, said in the log, and no wrong password', async () => {
  const made = await makeStore();
  const { server, logIn, chat } = await start(made, { KIMONO_FAULT_MEMORY: String(16 << 20) });
  for (const password of [PASSWORD, 'wrong password']) proveRefused(await logIn(password));
  assert.equal((await chat()).status, 200);
  assert.match(server.log, /no 19 MiB of memory to check a password: give the process more/);
  await server.stop();
  assert.deepEqual(await auditRows(made.store, "action = 'auth.login'"), []);
});

test('a damaged page: chats are refused, health says what to do, until the store is restored', onFiles, async () => {
  const made = await makeStore();
  const rows = Array.from({ length: 3000 }, (_, i) => `问题编号 ${i},${'答'.repeat(100)}`).join('\n');
  const table = join(temporaryFolder(), 'pairs.csv');
  writeFileSync(table, `question,answer\n${rows}\n`);
  await made.store.must(['import', table, '--tenant', 'shop']);
  const backup = join(temporaryFolder(), 'backup.db');
  await made.store.must(['backup', backup]);
  const file = openSync(join(made.store.folder, 'kimono.db'), 'r+');
  const pages = fstatSync(file).size / 4096;
  for (let page = Math.floor(pages / 3); page < pages; page++)
    writeSync(file, Buffer.alloc(4096, 0x5a), 0, 4096, page * 4096);
  closeSync(file);

  const { server, chat, health } = await start(made);
  proveRefused(await chat('问题编号 7'));
  await eventually(async () => {
    const answer = await health();
    assert.equal(answer.status, 503, answer.text);
    assert.equal(answer.json.status, 'unhealthy');
  });
  assert.match(server.log, /kimono\.db is damaged/);
  await server.crash();
  assert.equal((await made.store.command(['check'])).code, 1);
  await made.store.must(['restore', backup]);
  await proveWhole(made.store);
});

for (const [what, take] of Object.entries({
  deleted: (folder) => rmSync(join(folder, 'kimono.db')),
  'deleted with everything beside it': (folder) => rmSync(folder, { recursive: true }),
  replaced: (folder) => {
    renameSync(join(folder, 'kimono.db'), join(folder, 'aside'));
    writeFileSync(join(folder, 'kimono.db'), '');
  },
  'robbed of its log': (folder) => rmSync(join(folder, 'kimono.db-wal')),
}))
  test(`a store that is ${what} under its server takes no change any more, and health says so`, onFiles, async () => {
    const made = await makeStore();
    const { server, call, chat, logIn, health, components } = await start(made);
    const { access_token: token } = (await logIn()).json;
    assert.equal((await chat()).status, 200);
    take(made.store.folder);
    proveRefused(await chat());
    proveRefused(await logIn());
    assert.equal((await health()).status, 503);
    const { database } = await components(token);
    assert.equal(database.status, 'unhealthy');
    assert.match(database.message, /was deleted, moved or replaced while it is in use/);
    const read = await call('GET', '/ops/tenants', { headers: { Authorization: `Bearer ${token}` } });
    assert.equal(read.status, 200, 'what is there can still be read');
    await server.crash();
  });

test(
  'today’s telemetry file is no such thing, or newer: it is set aside, said, and customers are answered',
  onFiles,
  async () => {
    const made = await makeStore();
    const first = await start(made);
    assert.equal((await first.chat()).status, 200);
    await first.server.stop();
    const folder = join(made.store.folder, 'telemetry');
    const [day] = readdirSync(folder).filter((name) => /^\d{4}-\d\d-\d\d\.db$/.test(name));
    const newer = () => {
      const database = new DatabaseSync(join(folder, day));
      database.exec("INSERT INTO schema_version(version, name, applied_at) VALUES (999, 'of the future', 0)");
      database.close();
    };
    for (const spoil of [() => writeFileSync(join(folder, day), 'garbage '.repeat(4096)), newer]) {
      const before = readdirSync(folder).filter((name) => name.includes('.set-aside-')).length;
      spoil();
      const { server, chat, logIn, components } = await start(made);
      for (let i = 0; i < 3; i++) assert.equal((await chat()).status, 200);
      const { access_token: token } = (await logIn()).json;
      await eventually(async () => {
        const { telemetry } = await components(token);
        assert.match(telemetry.message, /set aside/);
        assert.equal(telemetry.status, 'degraded');
      });
      assert.match(server.log, /ERROR telemetry: .*set aside as .*\.set-aside-/);
      await server.stop();
      assert.ok(readdirSync(folder).filter((name) => name.includes('.set-aside-')).length > before);
      await proveWhole(made.store);
    }
  },
);

test(
  'a day’s file that is damaged or taken away while it is in use is replaced, and customers are answered',
  onFiles,
  async () => {
    const made = await makeStore();
    const { server, chat } = await start(made);
    const folder = join(made.store.folder, 'telemetry');
    for (const suffix of ['', '-wal']) {
      assert.equal((await chat()).status, 200);
      const name = readdirSync(folder).find((file) => /^\d{4}-\d\d-\d\d\.db$/.test(file));
      rmSync(join(folder, name + suffix));
      for (let i = 0; i < 3; i++) assert.equal((await chat()).status, 200);
    }
    assert.match(server.log, /ERROR telemetry: .* was set aside as /);
    await server.stop();
    assert.equal(await count(made.store, 'messages'), 8);
    await proveWhole(made.store);
  },
);

test(
  'down to the disk’s reserve log rows and uploads give way, and money and conversations go on',
  onFiles,
  async () => {
    const made = await makeStore();
    const free = join(temporaryFolder(), 'free');
    const MIB = 1 << 20;
    writeFileSync(free, String(1000 * MIB));
    const { server, call, chat, logIn, health, components } = await start(made, { KIMONO_FAULT_FREE_FILE: free });
    const { access_token: token } = (await logIn()).json;
    const authorized = { headers: { Authorization: `Bearer ${token}` } };
    const upload = async () => {
      const form = new FormData();
      form.append('tenant_id', 'shop');
      form.append('file', new File(['question,answer\nq,a\n'], 'a.csv'));
      const headers = { ...authorized.headers, 'Accept-Language': 'en' };
      return fetch(`${server.url}/api/v1/ops/knowledge/import`, { method: 'POST', headers, body: form });
    };
    assert.equal((await chat()).status, 200);

    writeFileSync(free, String(200 * MIB));
    await eventually(() => assert.match(server.log, /WARN .*has 200 MiB left, no more than its reserve of 256 MiB/));
    for (let i = 0; i < 20; i++) assert.equal((await chat()).status, 200);
    assert.equal((await upload()).status, 503);
    await eventually(async () => {
      const { telemetry } = await components(token);
      assert.equal(telemetry.status, 'degraded');
      assert.match(telemetry.message, /reserve of 256 MiB: \d+ log rows were dropped/);
    });
    assert.equal((await health()).status, 200, 'nobody is to restart it for that');

    writeFileSync(free, String(1000 * MIB));
    await eventually(() => assert.match(server.log, /log rows are written again/));
    assert.equal((await upload()).status, 202);
    assert.equal((await call('GET', '/ops/tenants', authorized)).status, 200);
    await server.stop();
    const folder = join(made.store.folder, 'telemetry');
    const rows = (sql) =>
      readdirSync(folder)
        .filter((name) => name.endsWith('.db'))
        .flatMap((name) => {
          const database = new DatabaseSync(join(folder, name), { readOnly: true });
          const found = database.prepare(sql).all();
          database.close();
          return found;
        });
    assert.ok(rows("SELECT 1 FROM log_rows WHERE message LIKE '%log rows were dropped: the disk%'").length >= 1);
    assert.ok(rows('SELECT 1 FROM usage_rows').length >= 21, 'every call is paid for');
    assert.equal(await count(made.store, 'messages'), 21);
    await proveWhole(made.store);
  },
);
