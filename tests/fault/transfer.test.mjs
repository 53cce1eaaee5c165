// Uploads and exports on a disk that is full: a clear refusal, nothing left behind, and the store is whole.
// KIMONO_FAULT_LIB: faults.c as a library. KIMONO_BIN: kimono.
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { Server, Store, embeddedOnly } from '../lib/server.mjs';
import { pathFromEnvironment } from './fault.mjs';

const library = pathFromEnvironment('KIMONO_FAULT_LIB');
const onFiles = { skip: embeddedOnly('file') };
const PASSWORD = 'correct horse 电池';
const ROWS = 300;
const TABLE = `question,answer\n${Array.from({ length: ROWS }, (_, i) => `问题 ${i},${'答'.repeat(20)}`).join('\n')}\n`;
const CALLS_MAX = 20; // more than one upload makes

async function makeStore() {
  const store = new Store();
  await store.must(['migrate']);
  await store.must(['tenant', 'add', 'shop', '店']);
  await store.must(['user', 'add', 'operator', '--role', 'ops_admin'], { input: `${PASSWORD}\n` });
  return store;
}

/** A server whose disk is full as `fault` says, and its API, signed in. */
async function start(store, fault) {
  const server = await Server.start(store, { env: { LD_PRELOAD: library, ...fault } });
  const call = async (method, path, { token, json, form, language = 'en' } = {}) => {
    const headers = { 'Accept-Language': language, Prefer: 'wait=60' };
    if (token) headers.Authorization = `Bearer ${token}`;
    if (json) headers['Content-Type'] = 'application/json';
    const response = await fetch(`${server.url}/api/v1${path}`, {
      method,
      headers,
      body: json ? JSON.stringify(json) : form,
    });
    const bytes = Buffer.from(await response.arrayBuffer());
    const isJson = /json/.test(response.headers.get('content-type') ?? '');
    return { status: response.status, bytes, json: isJson ? JSON.parse(bytes.toString()) : undefined };
  };
  const session = await call('POST', '/auth/login', { json: { username: 'operator', password: PASSWORD } });
  const { access_token: token } = session.json;
  return { server, api: (method, path, options) => call(method, `/ops${path}`, { token, ...options }) };
}

/** Sends the table. */
function upload(api, tenant, language) {
  const form = new FormData();
  form.append('tenant_id', tenant);
  form.append('file', new File([TABLE], '问答.csv'));
  return api('POST', '/knowledge/import', { form, language });
}

function kept(store) {
  try {
    return readdirSync(join(store.folder, 'uploads')).sort();
  } catch {
    return []; // not even the folder
  }
}

const countPairs = async (api, tenant) => (await api('GET', `/knowledge/qa-pairs?tenant_id=${tenant}`)).json.total;

/** What a refused upload must leave as it is. */
async function look(store, api, tenant) {
  const { total: jobs } = (await api('GET', '/jobs?kind=knowledge.import')).json;
  return { jobs, pairs: await countPairs(api, tenant), files: kept(store) };
}

function proveRefused(answer) {
  assert.equal(answer.status, 503, answer.bytes.toString());
  assert.match(answer.json.detail, /disk|磁盘/);
}

async function endWhole(server, store) {
  await server.stop();
  const { code, stdout, stderr } = await store.command(['check']);
  assert.equal(stdout.trimEnd().split('\n').at(-1), 'whole', stdout + stderr);
  assert.equal(code, 0);
}

const places = { 'the folder of uploads': '/uploads', 'the folder where a form waits': '(deleted)' };

for (const [where, path] of Object.entries(places))
  test(
    `an upload while ${where} is full is refused, and leaves nothing`,
    path === '/uploads' ? onFiles : {},
    async () => {
      const store = await makeStore();
      const fault = { KIMONO_FAULT: 'enospc', KIMONO_FAULT_AT: '1', KIMONO_FAULT_FOR: '0', KIMONO_FAULT_PATH: path };
      const { server, api } = await start(store, fault);
      for (const language of ['en', 'zh-CN']) {
        proveRefused(await upload(api, 'shop', language));
        assert.deepEqual(await look(store, api, 'shop'), { jobs: 0, pairs: 0, files: [] });
      }
      await endWhole(server, store);
    },
  );

/** One upload, at whose call `at` on `path` the disk is full once; true: it was refused, and done the next time. */
async function isRefused(store, path, at) {
  const tenant = `shop-${at}${path.startsWith('/') ? 'u' : 'f'}`;
  await store.must(['tenant', 'add', tenant, '店']);
  const fault = { KIMONO_FAULT: 'enospc', KIMONO_FAULT_AT: String(at), KIMONO_FAULT_PATH: path };
  const { server, api } = await start(store, fault);
  const before = await look(store, api, tenant);
  let answer = await upload(api, tenant);
  const refused = answer.status !== 200;
  if (refused) {
    proveRefused(answer);
    assert.deepEqual(await look(store, api, tenant), before);
    answer = await upload(api, tenant);
  }
  assert.equal(answer.json.status, 'succeeded', answer.bytes.toString());
  assert.equal(await countPairs(api, tenant), ROWS);
  await endWhole(server, store);
  return refused;
}

test('an upload on a disk that is full for a moment is refused, or a job that goes on later', onFiles, async (t) => {
  const store = await makeStore();
  for (const path of Object.values(places)) {
    let refused = 0;
    while (refused < CALLS_MAX && (await isRefused(store, path, refused + 1))) refused++;
    t.diagnostic(`${path}: ${refused} places`);
    assert.ok(refused > 0 && refused < CALLS_MAX);
  }
});

test('an export while the temporary folder is full is refused, and leaves nothing', async () => {
  const store = await makeStore();
  const first = await start(store, {});
  const form = new FormData();
  const lines = Array.from({ length: 200 }, (_, i) => `问题 ${i},${'&'.repeat(8000)}`); // larger in a workbook
  form.append('tenant_id', 'shop');
  form.append('file', new File([`question,answer\n${lines.join('\n')}\n`], 'a.csv'));
  assert.equal((await first.api('POST', '/knowledge/import', { form })).json.status, 'succeeded');
  await first.server.stop();

  const { server, api } = await start(store, { KIMONO_FAULT_FILE_MAX: String(6 << 20) });
  for (const language of ['en', 'zh-CN']) {
    const answer = await api('GET', '/knowledge/export', { language });
    assert.equal(answer.status, 503, answer.bytes.subarray(0, 200).toString());
    assert.match(answer.json.detail, /disk|磁盘/);
  }
  assert.deepEqual(
    readdirSync(store.folder).filter((name) => name.endsWith('.xlsx')),
    [],
  );
  const keyword = encodeURIComponent('问题 199');
  assert.equal((await api('GET', `/knowledge/export?keyword=${keyword}`)).status, 200);
  const text = await api('GET', '/knowledge/export?format=csv');
  assert.equal(text.bytes.toString().trimEnd().split('\r\n').length, 201);
  await endWhole(server, store);
});
