/**
 * @file The audit log, over every writing route of the document and every writing command: what each changes stands
 * in it, with before, after, reason and request id, and is not changed when that row cannot be written. A route or a
 * command that is added later must be named here.
 */
import assert from 'node:assert/strict';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { auditRows, openStore, queryStore, whileRefused } from '../lib/store.mjs';
import { API, OPS, PAIRS, PASSWORD, World, command, pairsFile, temporaryFolder } from './harness.mjs';

/** @type {World} */
let world;
before(async () => {
  // Nothing changes by itself meanwhile.
  world = await World.open({
    env: { KIMONO_SCHEDULER_AUTO_SYNC_ENABLED: 'off', KIMONO_SCHEDULER_AUTO_LEARN_ENABLED: 'off' },
  });
});
after(() => world.close());

/**
 * @param {string} where
 * @param {...any} values
 * @returns {Promise<any[]>} oldest first
 */
const audit = (where, ...values) => auditRows(world.store, where, ...values);

/** All that people and their work change, as text; what the process measures is none of it. */
async function dumpStore() {
  const tables = ['tenants', 'users', 'sessions', 'templates', 'template_versions', 'qa_pairs', 'jobs', 'job_items'];
  const plain = (/** @type {string} */ _, /** @type {unknown} */ value) =>
    typeof value === 'bigint'
      ? String(value)
      : value instanceof Uint8Array
        ? Buffer.from(value).toString('hex')
        : value;
  const rows = await openStore(world.store);
  const dump = /** @type {Record<string, string>} */ ({});
  for (const table of tables)
    dump[table] = JSON.stringify(await rows.all(`SELECT * FROM ${table} ORDER BY 1, 2`), plain);
  await rows.close();
  return dump;
}

/** Which rows are refused: all; what a request's job writes after the request has written its own. */
const ANY_ROW = 'TRUE';
const LATER_ROW = 'EXISTS (SELECT 1 FROM ops_logs WHERE request_id = NEW.request_id)';

/**
 * @param {string} refused
 * @param {() => Promise<import('./harness.mjs').Answer>} ask
 */
const whileNotNoted = (refused, ask) => whileRefused(world.store, 'ops_logs', refused, ask);

let made = 0;

/** @returns {Promise<any>} */
const makeTenant = () => world.admin.must('POST', `${OPS}/tenants`, { status: 201, json: { name: `店 ${++made}` } });

/** @returns {Promise<any>} */
const makeTemplate = () =>
  world.admin.must('POST', `${OPS}/templates`, { status: 201, json: { question: `模板 ${++made}`, answer: '回答' } });

/** @returns {Promise<any>} */
const makePair = () =>
  world.admin.must('POST', `${OPS}/knowledge/qa-pairs`, {
    status: 201,
    json: { tenant_id: 'shop-a', question: `问题 ${++made}`, answer: '回答' },
  });

const wait = { Prefer: 'wait=30' };

/** A bulk change that has ended. */
async function changeMany() {
  const { id } = await makePair();
  const json = { action: 'set_category', ids: [id], category: '新' };
  return world.admin.must('POST', `${OPS}/knowledge/qa-pairs/bulk`, { json, headers: wait });
}

/** A job that nothing of this version works off, and that runs in the server's process as far as anybody can tell. */
async function leaveJob() {
  const id = `job_left_${++made}`;
  const sql =
    'INSERT INTO jobs(id, kind, status, parameters, user_id, username, ip_address, request_id, created_at, owner)' +
    " VALUES ($1, 'of.tomorrow', 'running', '{}', '', 'anna', '', '', 1, (SELECT MAX(id) FROM processes))";
  await queryStore(world.store, sql, id);
  return id;
}

/** A pair of shop-b's own that is in the way of a template. */
async function makeConflict() {
  const template = await makeTemplate();
  const json = { tenant_id: 'shop-b', question: template.question, answer: '店里的回答' };
  const pair = await world.admin.must('POST', `${OPS}/knowledge/qa-pairs`, { status: 201, json });
  return { template, pair };
}

/** Feedback of a customer that waits for a person. */
async function makeCorrection() {
  const { message_id } = await world.ask('shop-a', PAIRS[0].question);
  const json = { message_id, rating: 'bad', correction: `更正 ${++made}` };
  return (await world.anyone.must('POST', `${API}/feedback`, { key: world.keys['shop-a'], json })).id;
}

const reason = '审计测试';

/**
 * What to send so that the route does its work, and what its row then holds.
 * @typedef {object} Recipe
 * @property {string} [path]  the route's own, if it has no parameters
 * @property {import('./harness.mjs').RequestOptions} [send]
 * @property {string} target  "type id"; an id that only the answer tells is '*'
 * @property {string} [action]  if it is not the document's
 * @property {('before' | 'after' | 'reason')[]} has  what the first row has beside the figures
 * @property {string} [who]
 */

/** @type {Record<string, () => Promise<Recipe>>} */
const RECIPES = {
  'POST /api/v1/auth/login': async () => ({
    send: { json: { username: 'ops_viewer', password: PASSWORD }, token: null },
    target: 'user *',
    has: [],
    who: 'ops_viewer',
  }),
  'POST /api/v1/auth/logout': async () => ({
    send: { token: await world.logIn('ops_viewer') },
    target: 'session *',
    has: [],
    who: 'ops_viewer',
  }),
  'POST /api/v1/ops/knowledge/qa-pairs': async () => ({
    send: { json: { tenant_id: 'shop-a', question: `新问题 ${++made}`, answer: '回答' } },
    target: 'qa_pair *',
    has: ['after'],
  }),
  'PUT /api/v1/ops/knowledge/qa-pairs/{id}': async () => {
    const { id, version } = await makePair();
    const json = { answer: '新的回答', version };
    return {
      path: `${OPS}/knowledge/qa-pairs/${id}`,
      send: { json },
      target: `qa_pair ${id}`,
      has: ['before', 'after'],
    };
  },
  'DELETE /api/v1/ops/knowledge/qa-pairs/{id}': async () => {
    const { id } = await makePair();
    const path = `${OPS}/knowledge/qa-pairs/${id}?${new URLSearchParams({ reason })}`;
    return { path, target: `qa_pair ${id}`, has: ['before', 'reason'] };
  },
  'POST /api/v1/ops/knowledge/qa-pairs/{id}/restore': async () => {
    const { id } = await makePair();
    await world.admin.must('DELETE', `${OPS}/knowledge/qa-pairs/${id}`, { status: 204 });
    return { path: `${OPS}/knowledge/qa-pairs/${id}/restore`, target: `qa_pair ${id}`, has: ['after'] };
  },
  'POST /api/v1/ops/knowledge/qa-pairs/bulk': async () => {
    const { id } = await makePair();
    const json = { action: 'set_category', ids: [id], category: '新', reason };
    return { send: { json }, target: 'job *', has: ['after', 'reason'] };
  },
  'POST /api/v1/ops/knowledge/sync': async () => ({ send: { json: {} }, target: 'job *', has: ['after'] }),
  'POST /api/v1/ops/knowledge/sync/check': async () => ({ send: { json: {} }, target: 'job *', has: ['after'] }),
  'POST /api/v1/ops/knowledge/corrections/{id}/approve': async () => {
    const id = await makeCorrection();
    const path = `${OPS}/knowledge/corrections/${id}/approve`;
    return { path, send: { json: { note: reason } }, target: `feedback ${id}`, has: ['before', 'after', 'reason'] };
  },
  'POST /api/v1/ops/knowledge/corrections/{id}/reject': async () => {
    const id = await makeCorrection();
    const path = `${OPS}/knowledge/corrections/${id}/reject`;
    return { path, send: { json: { note: reason } }, target: `feedback ${id}`, has: ['before', 'reason'] };
  },
  'POST /api/v1/ops/knowledge/import': async () => {
    const form = new FormData();
    form.set('file', new Blob([`question,answer\r\n导入 ${++made},回答\r\n`]), 'pairs.csv');
    form.set('tenant_id', 'shop-b');
    return { send: { form }, target: 'job *', has: ['after'] };
  },
  'GET /api/v1/ops/knowledge/export': async () => ({
    path: `${OPS}/knowledge/export?tenant_id=shop-a&format=csv`,
    target: 'tenant shop-a',
    has: ['after'],
  }),
  'GET /api/v1/ops/logs/export': async () => ({
    path: `${OPS}/logs/export?tenant_id=shop-a`,
    target: 'tenant shop-a',
    has: ['after'],
  }),
  'POST /api/v1/ops/logs/queries': async () => ({
    send: { json: { name: `查询 ${++made}`, query: 'level:ERROR' } },
    target: 'log_query *',
    has: ['after'],
  }),
  'DELETE /api/v1/ops/logs/queries/{id}': async () => {
    const json = { name: `查询 ${++made}`, keyword: 'x' };
    const { id } = await world.admin.must('POST', `${OPS}/logs/queries`, { json, status: 201 });
    return { path: `${OPS}/logs/queries/${id}`, target: `log_query ${id}`, has: ['before'] };
  },
  'GET /api/v1/ops/logs/operations/export': async () => ({
    path: `${OPS}/logs/operations/export?action=auth.login`,
    target: 'platform ',
    has: ['after'],
  }),
  'POST /api/v1/ops/jobs/{id}/undo': async () => {
    const { id } = await changeMany();
    return {
      path: `${OPS}/jobs/${id}/undo`,
      send: { json: { reason } },
      target: `job ${id}`,
      has: ['after', 'reason'],
    };
  },
  'POST /api/v1/ops/jobs/{id}/cancel': async () => {
    const id = await leaveJob();
    return { path: `${OPS}/jobs/${id}/cancel`, target: `job ${id}`, has: ['before', 'after'] };
  },
  'POST /api/v1/ops/templates': async () => ({
    send: { json: { question: `新模板 ${++made}`, answer: '回答' } },
    target: 'template *',
    has: ['after'],
  }),
  'PUT /api/v1/ops/templates/{id}': async () => {
    const { id } = await makeTemplate();
    const json = { answer: '新的回答' };
    return { path: `${OPS}/templates/${id}`, send: { json }, target: `template ${id}`, has: ['before', 'after'] };
  },
  'DELETE /api/v1/ops/templates/{id}': async () => {
    const { id } = await makeTemplate();
    const path = `${OPS}/templates/${id}?${new URLSearchParams({ reason })}`;
    return { path, target: `template ${id}`, has: ['before', 'after', 'reason'] };
  },
  'POST /api/v1/ops/templates/distribute': async () => {
    const { id } = await makeTemplate();
    const json = { template_ids: [id], all_tenants: true, reason };
    return { send: { json }, target: 'job *', has: ['after', 'reason'] };
  },
  'POST /api/v1/ops/templates/{id}/copies/{tenant_id}': async () => {
    const { template, pair } = await makeConflict();
    const json = { resolution: 'take', copy_version: pair.version, template_version: template.version, reason };
    const path = `${OPS}/templates/${template.id}/copies/shop-b`;
    return { path, send: { json }, target: `qa_pair ${pair.id}`, has: ['before', 'after', 'reason'] };
  },
  'POST /api/v1/ops/tenants': async () => ({ send: { json: { name: '新店' } }, target: 'tenant *', has: ['after'] }),
  'PUT /api/v1/ops/tenants/{id}': async () => {
    const { id } = await makeTenant();
    const json = { name: '改名' };
    return { path: `${OPS}/tenants/${id}`, send: { json }, target: `tenant ${id}`, has: ['before', 'after'] };
  },
  'POST /api/v1/ops/tenants/{id}/suspend': async () => {
    const { id } = await makeTenant();
    const path = `${OPS}/tenants/${id}/suspend`;
    return { path, send: { json: { reason } }, target: `tenant ${id}`, has: ['before', 'after', 'reason'] };
  },
  'POST /api/v1/ops/tenants/{id}/activate': async () => {
    const { id } = await makeTenant();
    await world.admin.must('POST', `${OPS}/tenants/${id}/suspend`, { json: { reason } });
    const path = `${OPS}/tenants/${id}/activate`;
    return { path, send: { json: { reason } }, target: `tenant ${id}`, has: ['before', 'after', 'reason'] };
  },
};

/** What may be sent and leaves no row, and why: nothing else may do without. */
const NOT_AUDITED = {
  'POST /api/v1/auth/refresh': 'goes on with a session that is in the log; a second use of a token has a row',
  'POST /api/v1/chat/message': 'the customer’s own words, kept as messages',
  'POST /api/v1/feedback': 'the customer’s own words; what is learned from them has a row',
  'POST /api/v1/telemetry/api-usage': 'is telemetry itself',
  'POST /api/v1/telemetry/logs': 'is telemetry itself',
  'POST /v1/logs': 'is telemetry itself',
  'POST /v1/traces': 'is telemetry itself',
  'POST /api/v1/ops/knowledge/search': 'reads',
  'POST /api/v1/ops/knowledge/import/preview': 'reads',
};

/** @param {{ method: string, path: string }} route */
const nameOf = ({ method, path }) => `${method} ${path}`;

const audited = () => world.document.routes.filter(({ operation }) => operation['x-audit-action']);

/** Whatever must never be read in the log. */
const secrets = () => [
  PASSWORD,
  world.admin.token,
  world.viewer.token,
  world.ingest.token,
  ...Object.values(world.keys),
];

/** @param {any[]} rows */
function assertNoSecrets(rows) {
  const text = JSON.stringify(rows);
  for (const secret of secrets()) assert.ok(!text.includes(String(secret)), String(secret));
  assert.doesNotMatch(text, /\$argon2|kmp_|kma_|kmr_|eyJ/);
}

/**
 * @param {any} row
 * @param {Recipe & { action: string }} wanted
 */
function assertRow(row, { action, target, has, who = 'ops_admin' }) {
  const what = `${action}: ${JSON.stringify(row)}`;
  assert.equal(row.action, action);
  assert.deepEqual([row.username, row.ip_address, row.result], [who, '127.0.0.1', 'done'], what);
  const [type, id] = target.split(' ');
  assert.equal(row.target_type, type, what);
  assert.ok(id === '*' ? row.target_id : row.target_id === id, what);
  for (const part of /** @type {const} */ (['before', 'after'])) {
    if (has.includes(part)) assert.equal(typeof (row.details[part] ?? undefined), 'object', what);
  }
  assert.equal(row.details.reason, has.includes('reason') ? reason : null, what);
}

describe('every route', () => {
  test('that writes is audited, or named here as one that need not be', () => {
    const silent = world.document.routes.filter(
      ({ method, operation }) => method !== 'GET' && !operation['x-audit-action'],
    );
    assert.deepEqual(silent.map(nameOf).sort(), Object.keys(NOT_AUDITED).sort());
    assert.deepEqual(audited().map(nameOf).sort(), Object.keys(RECIPES).sort());
  });

  test('leaves its row, with all that belongs to it, under its request id', async () => {
    for (const route of audited()) {
      const recipe = await RECIPES[nameOf(route)]();
      const requestId = `audit-${++made}`;
      const headers = { 'X-Request-Id': requestId, ...wait };
      const answer = await world.admin.send(route.method, recipe.path ?? route.path, { ...recipe.send, headers });
      assert.ok(answer.status < 300, `${nameOf(route)}: ${answer.text}`);
      const rows = await audit('request_id = $1', requestId);
      assert.ok(rows.length > 0, `${nameOf(route)} left no row`);
      assertRow(rows[0], { action: route.operation['x-audit-action'], ...recipe });
      assertNoSecrets(rows);
    }
  });

  test('changes nothing when its row cannot be written', async () => {
    for (const route of audited()) {
      const recipe = await RECIPES[nameOf(route)]();
      const earlier = await dumpStore();
      const answer = await whileNotNoted(ANY_ROW, () =>
        world.admin.send(route.method, recipe.path ?? route.path, { ...recipe.send, check: false }),
      ).catch((error) => error); // an export breaks off
      assert.ok(!(answer.status < 300), `${nameOf(route)}: ${answer.text}`);
      assert.deepEqual(await dumpStore(), earlier, nameOf(route));
    }
  });

  test('that asks for a job: a step whose row cannot be written changes nothing, and the job says so', async () => {
    const changing = ['qa-pairs/bulk', 'templates/distribute', '/undo', 'knowledge/import'];
    const routes = audited().filter(({ path }) => changing.some((end) => path.endsWith(end)));
    assert.equal(routes.length, changing.length);
    for (const route of routes) {
      const recipe = await RECIPES[nameOf(route)]();
      const { qa_pairs: earlier } = await dumpStore();
      const answer = await whileNotNoted(LATER_ROW, () =>
        world.admin.send(route.method, recipe.path ?? route.path, { ...recipe.send, headers: wait }),
      );
      assert.equal(answer.json.status, 'failed', `${nameOf(route)}: ${answer.text}`);
      assert.ok(answer.json.error, answer.text);
      assert.deepEqual((await dumpStore()).qa_pairs, earlier, nameOf(route));
    }
  });
});

const password = { input: `${PASSWORD} 2\n` };

/** In this order: what is typed, what the row is called. @type {[string, string[], string, object?][]} */
const COMMANDS = [
  ['user add', ['clerk', '--role', 'tenant_staff', '--tenant', 'shop-a'], 'user.create', password],
  ['user passwd', ['clerk'], 'user.password', password],
  ['user disable', ['clerk'], 'user.disable'],
  ['tenant add', ['shop-c', '命令行店'], 'tenant.create'],
  ['token create', ['sender', '--role', 'ingest'], 'token.create'],
  ['token revoke', ['sender'], 'token.revoke'],
  [
    'import',
    [pairsFile([{ question: '命令行', answer: '回答', category: '' }]), '--tenant', 'shop-b'],
    'knowledge.import',
  ],
  ['export', [join(temporaryFolder(), 'pairs.csv'), '--tenant', 'shop-a'], 'knowledge.export'],
];

/** Commands that leave no row, and why. */
const NOT_AUDITED_COMMANDS = {
  serve: 'what it does on request is',
  demo: 'fills a store of its own; its tenants are in its log',
  'user list': 'reads',
  'tenant list': 'reads',
  'token list': 'reads',
  migrate: 'changes the form, not what stands in it',
  backup: 'reads',
  restore: 'brings the log of the backup with it',
  check: 'reads',
  openapi: 'reads nothing',
  version: 'reads nothing',
  help: 'reads nothing',
};

/** "user add", "import" … as `kimono help` tells them. */
async function allCommands() {
  const names = [...(await command(['help'])).stdout.matchAll(/^ {2}(\w+) {2,}/gm)].map((match) => match[1]);
  const helps = await Promise.all(names.map((name) => command(['help', name])));
  return names.flatMap((name, i) => {
    const parts = [...helps[i].stdout.matchAll(new RegExp(`^ {2}kimono (${name} [a-z]+)\\b`, 'gm'))];
    return parts.length > 0 ? [...new Set(parts.map((match) => match[1]))] : [name];
  });
}

describe('every command', () => {
  test('that writes is tried below, or named as one that need not be', async () => {
    const known = [...COMMANDS.map(([name]) => name), ...Object.keys(NOT_AUDITED_COMMANDS)];
    assert.deepEqual((await allCommands()).sort(), known.sort());
  });

  test('leaves its row, by whom it was typed', async () => {
    for (const [name, args, action, options] of COMMANDS) {
      const [{ id: last }] = await audit('id = (SELECT MAX(id) FROM ops_logs)');
      await world.store.must([...name.split(' '), ...args], options);
      const rows = await audit('id > $1', last);
      assert.deepEqual(
        rows.map((row) => [row.action, row.username, row.result]),
        [[action, `cli:${userInfo().username}`, 'done']],
        name,
      );
      assert.ok(rows[0].details.after, name);
      assertNoSecrets(rows);
    }
  });
});

test('the chain of the log is whole after all this', async () => {
  await world.store.must(['check']);
});
