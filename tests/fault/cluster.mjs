/**
 * @file A trial of several processes on one store: customers and operators work through a round-robin in front of them
 * while one process is killed every few seconds and the database is restarted; then every answer that was given is held
 * against the rows.
 *
 *     const report = await trial({ store, processes: 3, seconds: 600, killEverySeconds: 4, restarts: [restart, …] });
 *
 * Who works remembers for each change whether it was answered (then it must be there, once), refused (then it must not),
 * or neither: the connection broke, or the database could not say what became of a commit. Such a change may be there or
 * not, but never twice, and nobody repeats it.
 */
import assert from 'node:assert/strict';
import { connect, createServer } from 'node:net';
import { Agent, request as httpRequest } from 'node:http';
import { openStore } from '../lib/store.mjs';
import { PATIENCE, Server, pause } from '../lib/server.mjs';

/** @typedef {import('../lib/server.mjs').Store} Store */

const PASSWORD = 'correct horse 电池';
const TENANTS = ['anna', 'beni', 'chiyo', 'daiki'];
const IMPORT_ROWS = 250;
const DAY_MS = 86_400_000;

/** @type {<T>(list: T[]) => T} */
const anyOf = (list) => list[Math.floor(Math.random() * list.length)];

/** The processes, and the address in front of them at which each new connection meets the next one that takes it. */
class Cluster {
  /** @type {(Server | null)[]} null: was killed, and is not back yet */
  servers = [];
  kills = 0;
  #next = 0;

  /**
   * @param {Store} store
   * @param {Record<string, string>} env
   */
  constructor(store, env) {
    this.store = store;
    this.env = env;
    this.proxy = createServer((client) => this.#pass(client, this.servers.length));
    this.port = 0;
  }

  /** @param {number} count */
  async start(count) {
    for (let i = 0; i < count; i++) this.servers.push(await Server.start(this.store, { env: this.env }));
    await new Promise((resolve) => this.proxy.listen(0, '127.0.0.1', () => resolve(undefined)));
    this.port = /** @type {import('node:net').AddressInfo} */ (this.proxy.address()).port;
  }

  /**
   * @param {import('node:net').Socket} client
   * @param {number} tries
   */
  #pass(client, tries) {
    client.on('error', () => client.destroy());
    const server = this.servers[this.#next++ % this.servers.length];
    if (tries === 0) {
      client.destroy();
      return;
    }
    if (!server) {
      this.#pass(client, tries - 1);
      return;
    }
    const backend = connect(server.port, '127.0.0.1');
    let reached = false;
    backend.on('connect', () => {
      reached = true;
      client.pipe(backend).pipe(client);
    });
    backend.on('error', () => (reached ? client.destroy() : this.#pass(client, tries - 1)));
    backend.on('close', () => reached && client.destroy());
    client.on('close', () => backend.destroy());
  }

  /** Kills one in the middle of whatever it does; it is back a moment later. */
  async killOne() {
    const place = Math.floor(Math.random() * this.servers.length);
    const server = this.servers[place];
    if (!server || this.servers.filter(Boolean).length < 2) return;
    this.servers[place] = null;
    this.kills++;
    await server.crash();
    this.servers[place] = await this.#startAgain();
  }

  /** While the database is away a process that starts gives up after a while: a service manager tries again. */
  async #startAgain() {
    for (let tries = 0; ; tries++) {
      try {
        return await Server.start(this.store, { env: this.env });
      } catch (error) {
        if (tries === 10) throw error;
      }
    }
  }

  /** All of them must end cleanly. */
  async stop() {
    this.proxy.close();
    for (const server of this.servers) await server?.stop();
  }
}

/**
 * @typedef {object} Reply
 * @property {number} status  0: none came
 * @property {any} [json]
 */

/** One who works: through the round-robin, each request on a connection of its own. */
class Person {
  /** @param {Cluster} cluster */
  constructor(cluster) {
    this.cluster = cluster;
    this.token = '';
    this.tokenAt = 0;
    this.agent = new Agent({ keepAlive: false });
  }

  /**
   * @param {string} method
   * @param {string} path
   * @param {{ headers?: Record<string, string>, json?: unknown, form?: FormData }} [options]
   * @returns {Promise<Reply>}
   */
  async #exchange(method, path, { headers = {}, json, form } = {}) {
    let body;
    const sent = { 'Accept-Language': 'en', ...headers };
    if (form) {
      const encoded = new Response(form);
      sent['Content-Type'] = String(encoded.headers.get('content-type'));
      body = Buffer.from(await encoded.arrayBuffer());
    } else if (json !== undefined) {
      sent['Content-Type'] = 'application/json';
      body = Buffer.from(JSON.stringify(json));
    }
    if (body) sent['Content-Length'] = String(body.length);
    return new Promise((resolve) => {
      const options = { host: '127.0.0.1', port: this.cluster.port, agent: this.agent, method, headers: sent };
      const request = httpRequest({ ...options, path: `/api/v1${path}` }, (response) => {
        let text = '';
        response.setEncoding('utf8');
        response.on('data', (data) => (text += data));
        response.on('end', () => {
          if (response.complete) resolve({ status: response.statusCode ?? 0, json: parsed(text) });
          else resolve({ status: 0 });
        });
        response.on('error', () => resolve({ status: 0 }));
      });
      request.on('error', () => resolve({ status: 0 }));
      request.setTimeout(60_000 * PATIENCE, () => request.destroy());
      request.end(body);
    });
  }

  /** @param {string} key @param {string} message */
  chat(key, message) {
    return this.#exchange('POST', '/chat/message', { headers: { 'X-API-Key': key }, json: { message } });
  }

  /**
   * As an operator, signed in; what was refused because the database was away is not done.
   * @param {string} method
   * @param {string} path
   * @param {{ json?: unknown, form?: FormData }} [options]
   */
  async ops(method, path, options = {}) {
    if (Date.now() - this.tokenAt > 300_000) await this.#logIn();
    return this.#exchange(method, `/ops${path}`, { ...options, headers: { Authorization: `Bearer ${this.token}` } });
  }

  /** The same of what may be asked again: until there is an answer. */
  async read(/** @type {string} */ path) {
    for (const until = Date.now() + 120_000 * PATIENCE; ; await pause(100)) {
      const reply = await this.ops('GET', path);
      if (reply.status === 200) return reply.json;
      assert.ok([0, 503].includes(reply.status), `GET ${path}: ${reply.status} ${JSON.stringify(reply.json)}`);
      assert.ok(Date.now() < until, `GET ${path}: no answer for two minutes`);
    }
  }

  async #logIn() {
    for (const until = Date.now() + 120_000 * PATIENCE; ; await pause(100)) {
      const json = { username: 'operator', password: PASSWORD };
      const reply = await this.#exchange('POST', '/auth/login', { json });
      if (reply.status === 200) {
        this.token = reply.json.access_token;
        this.tokenAt = Date.now();
        return;
      }
      assert.ok([0, 503].includes(reply.status), `log-in: ${reply.status} ${JSON.stringify(reply.json)}`);
      assert.ok(Date.now() < until, 'log-in: no answer for two minutes');
    }
  }
}

/** @param {string} text */
function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/**
 * What became of one change, as far as who asked for it can know.
 * @param {Reply} reply
 * @returns {'answered' | 'refused' | 'unknown'}
 */
function fateOf(reply) {
  if (reply.status === 0) return 'unknown';
  if (reply.status >= 200 && reply.status < 300) return 'answered';
  assert.ok([409, 429, 503].includes(reply.status), `${reply.status} ${JSON.stringify(reply.json)}`);
  return /unknown/.test(reply.json?.detail ?? '') ? 'unknown' : 'refused';
}

/** What has been asked for, for the reckoning. */
class Ledger {
  over = false;
  serial = 0;
  /** @type {{ fate: string, id?: string }[]} */
  chats = [];
  /** @type {{ fate: string, question: string, texts: string[], id?: number, certain?: string, possible: Set<string> }[]} */
  pairs = [];
  /** @type {{ fate: string, tenant: string, name: string, job?: string, undone?: string }[]} */
  imports = [];
  /** @type {{ fate: string, template: number, job?: string }[]} */
  distributions = [];

  /** @param {string} what */
  name(what) {
    return `${what}-${++this.serial}`;
  }
}

/** Customers ask. */
async function customer(/** @type {Person} */ person, /** @type {Ledger} */ ledger, /** @type {string[]} */ keys) {
  while (!ledger.over) {
    const reply = await person.chat(anyOf(keys), anyOf(['几点开门', '多少钱一天', '没有人知道的问题']));
    ledger.chats.push({ fate: fateOf(reply), id: reply.json?.message_id });
    if (reply.status !== 200) await pause(50);
  }
}

/** Pairs are made and edited, each by one person. */
async function editor(/** @type {Person} */ person, /** @type {Ledger} */ ledger) {
  while (!ledger.over) {
    const question = ledger.name('编辑的问题');
    const json = { tenant_id: anyOf(TENANTS), question, answer: '初稿' };
    const made = await person.ops('POST', '/knowledge/qa-pairs', { json });
    const pair = { fate: fateOf(made), question, texts: ['初稿'], id: made.json?.id, possible: new Set(['初稿']) };
    ledger.pairs.push(pair);
    if (pair.fate !== 'answered') {
      await pause(100);
      continue;
    }
    let { version } = made.json;
    for (let edit = 1; edit <= 3 && !ledger.over; edit++) {
      const answer = `第 ${edit} 稿`;
      const edited = await person.ops('PUT', `/knowledge/qa-pairs/${pair.id}`, { json: { answer, version } });
      const fate = fateOf(edited);
      if (fate === 'answered') {
        pair.possible = new Set([answer]);
        version = edited.json.version;
      } else if (fate === 'unknown') {
        pair.possible.add(answer); // it is there or not: what it is now is not looked at before the end
        break;
      }
    }
  }
}

/** Files are imported into one tenant by several at once, and some of the imports are undone. */
async function importer(/** @type {Person} */ person, /** @type {Ledger} */ ledger, /** @type {string} */ tenant) {
  while (!ledger.over) {
    const name = ledger.name('导入');
    const lines = Array.from({ length: IMPORT_ROWS }, (_, i) => `${name} 的问题 ${i},答案 ${i}`);
    const form = new FormData();
    form.append('tenant_id', tenant);
    form.append('file', new File([`question,answer\n${lines.join('\n')}\n`], `${name}.csv`));
    const asked = await person.ops('POST', '/knowledge/import', { form });
    /** @type {Ledger['imports'][number]} */
    const entry = { fate: fateOf(asked), tenant, name, job: asked.json?.id };
    ledger.imports.push(entry);
    if (!entry.job) {
      await pause(200);
      continue;
    }
    const ended = await untilEnded(person, entry.job);
    if (ended.status !== 'succeeded' || Math.random() < 0.5) continue;
    const undo = await person.ops('POST', `/jobs/${entry.job}/undo`, { json: { reason: '试验' } });
    const fate = fateOf(undo);
    if (fate === 'answered') entry.undone = (await untilEnded(person, undo.json.id)).id;
    else if (fate === 'unknown') entry.undone = 'unknown';
  }
}

/** Templates are made and brought to all tenants. */
async function distributor(/** @type {Person} */ person, /** @type {Ledger} */ ledger) {
  while (!ledger.over) {
    const question = ledger.name('共同问题');
    const made = await person.ops('POST', '/templates', { json: { question, answer: '共同回答' } });
    if (fateOf(made) !== 'answered') {
      await pause(200);
      continue;
    }
    const json = { template_ids: [made.json.id], tenant_ids: TENANTS };
    const asked = await person.ops('POST', '/templates/distribute', { json });
    const entry = { fate: fateOf(asked), template: made.json.id, job: asked.json?.id };
    ledger.distributions.push(entry);
    if (entry.job) await untilEnded(person, entry.job);
  }
}

async function untilEnded(/** @type {Person} */ person, /** @type {string} */ id) {
  for (;;) {
    const job = await person.read(`/jobs/${id}`);
    if (!['queued', 'running'].includes(job.status)) return job;
    await pause(100);
  }
}

/** @param {Store} store */
async function prepare(store) {
  await store.must(['migrate']);
  const keys = [];
  for (const tenant of TENANTS) keys.push(await store.must(['tenant', 'add', tenant, `${tenant} 和服`]));
  await store.must(['user', 'add', 'operator', '--role', 'ops_admin'], { input: `${PASSWORD}\n` });
  return keys;
}

/**
 * @typedef {object} Trial
 * @property {Store} store
 * @property {number} processes
 * @property {number} seconds
 * @property {number} killEverySeconds
 * @property {(() => Promise<void>)[]} [restarts]  of the database, spread evenly over the time
 * @property {Record<string, string>} [env]  of the processes
 */

/**
 * Runs the trial and fails unless every answer is kept.
 * @param {Trial} asked
 * @returns {Promise<Record<string, number>>}
 */
export async function trial({ store, processes, seconds, killEverySeconds, restarts = [], env = {} }) {
  const keys = await prepare(store);
  const cluster = new Cluster(store, env);
  await cluster.start(processes);
  const ledger = new Ledger();
  const person = () => new Person(cluster);
  const work = [
    ...[1, 2, 3].map(() => customer(person(), ledger, keys)),
    ...[1, 2].map(() => editor(person(), ledger)),
    ...[1, 2].map(() => importer(person(), ledger, TENANTS[0])),
    importer(person(), ledger, TENANTS[1]),
    distributor(person(), ledger),
  ];
  const trouble = disturb(cluster, ledger, { seconds, killEverySeconds, restarts });
  await Promise.all([trouble, ...work]);
  await quiet(person(), store);
  await cluster.stop();
  const check = await store.command(['check']);
  assert.equal(check.stdout.trimEnd().split('\n').at(-1), 'whole', check.stdout + check.stderr);
  return { kills: cluster.kills, restarts: restarts.length, ...(await reckon(store, ledger)) };
}

/**
 * @param {Cluster} cluster
 * @param {Ledger} ledger
 * @param {Pick<Trial, 'seconds' | 'killEverySeconds' | 'restarts'>} plan
 */
async function disturb(cluster, ledger, { seconds, killEverySeconds, restarts = [] }) {
  const began = Date.now();
  const at = (/** @type {number} */ share) => began + share * seconds * 1000;
  const due = restarts.map((restart, i) => ({ restart, at: at((i + 1) / (restarts.length + 1)) }));
  try {
    while (Date.now() < at(1)) {
      await pause(killEverySeconds * 1000 * (0.5 + Math.random()));
      await cluster.killOne();
      if (due.length > 0 && Date.now() >= due[0].at) await due.shift()?.restart();
    }
  } finally {
    ledger.over = true;
  }
}

/** Until every job has ended and the vector index has all. */
async function quiet(/** @type {Person} */ person, /** @type {Store} */ store) {
  const rows = await openStore(store);
  try {
    for (const until = Date.now() + 180_000 * PATIENCE; ; await pause(250)) {
      const open = await rows.get("SELECT COUNT(*) AS n FROM jobs WHERE status IN ('queued', 'running')");
      if (open?.n === 0) break;
      assert.ok(Date.now() < until, `${open?.n} jobs have not ended`);
    }
    await person.read('/dashboard/overview'); // somebody answers
  } finally {
    await rows.close();
  }
}

/**
 * What was answered, against the rows.
 * @param {Store} store
 * @param {Ledger} ledger
 */
async function reckon(store, ledger) {
  const rows = await openStore(store);
  try {
    await reckonChats(rows, ledger);
    await reckonPairs(rows, ledger);
    await reckonImports(rows, ledger);
    await reckonDistributions(rows, ledger);
    await reckonTasks(rows);
  } finally {
    await rows.close();
  }
  const answered = (/** @type {{ fate: string }[]} */ list) => list.filter((entry) => entry.fate === 'answered').length;
  const all = [ledger.chats, ledger.pairs, ledger.imports, ledger.distributions].flat();
  return {
    chats: answered(ledger.chats),
    pairs: answered(ledger.pairs),
    imports: answered(ledger.imports),
    undone: ledger.imports.filter((entry) => entry.undone).length,
    distributions: answered(ledger.distributions),
    refused: all.filter((entry) => entry.fate === 'refused').length,
    unknown: all.filter((entry) => entry.fate === 'unknown').length,
  };
}

/** @typedef {import('../lib/store.mjs').Rows} Rows */

async function reckonChats(/** @type {Rows} */ rows, /** @type {Ledger} */ ledger) {
  const kept = new Set((await rows.all('SELECT public_id FROM messages')).map((row) => row.public_id));
  const answered = ledger.chats.filter((chat) => chat.fate === 'answered');
  for (const chat of answered) assert.ok(kept.has(chat.id), `the answered message ${chat.id} is lost`);
  const unknown = ledger.chats.filter((chat) => chat.fate === 'unknown').length;
  assert.ok(kept.size <= answered.length + unknown, `${kept.size} messages of ${answered.length} and ${unknown}`);
}

/**
 * Rows by what they have in common. After a long trial there are hundreds of thousands: they are read once.
 * @template T
 * @param {T[]} list
 * @param {(item: T) => string} keyOf
 */
function grouped(list, keyOf) {
  const groups = /** @type {Map<string, T[]>} */ (new Map());
  for (const item of list) {
    const group = groups.get(keyOf(item));
    if (group) group.push(item);
    else groups.set(keyOf(item), [item]);
  }
  return groups;
}

async function reckonPairs(/** @type {Rows} */ rows, /** @type {Ledger} */ ledger) {
  const pairs = grouped(await rows.all('SELECT question, answer FROM qa_pairs'), ({ question }) => question);
  const made = "SELECT target_id FROM ops_logs WHERE action = 'qa_pair.create'";
  const audits = grouped(await rows.all(made), (row) => row.target_id);
  for (const pair of ledger.pairs) {
    const found = pairs.get(pair.question) ?? [];
    if (pair.fate === 'answered') assert.equal(found.length, 1, pair.question);
    if (pair.fate === 'refused') assert.equal(found.length, 0, pair.question);
    assert.ok(found.length <= 1, `${pair.question} is there ${found.length} times`);
    for (const { answer } of found) assert.ok(pair.possible.has(answer), `${pair.question}: ${answer}`);
    if (pair.id) assert.equal(audits.get(String(pair.id))?.length, 1, `audit of ${pair.question}`);
  }
}

async function reckonImports(/** @type {Rows} */ rows, /** @type {Ledger} */ ledger) {
  const live = 'SELECT tenant_id, question FROM qa_pairs WHERE deleted_at IS NULL';
  const ofImport = (/** @type {string} */ tenant, /** @type {string} */ name) => `${tenant} ${name}`;
  const imported = grouped(await rows.all(live), ({ tenant_id: tenant, question }) =>
    ofImport(tenant, question.split(' 的问题 ')[0]),
  );
  for (const { fate, tenant, name, job, undone } of ledger.imports) {
    const found = imported.get(ofImport(tenant, name)) ?? [];
    assert.equal(found.length, new Set(found.map((row) => row.question)).size, `${name}: a row is there twice`);
    if (fate === 'refused') assert.equal(found.length, 0, name);
    if (fate !== 'answered' || undone === 'unknown') continue;
    const row = await rows.get('SELECT status, error_en FROM jobs WHERE id = $1', String(job));
    assert.equal(row?.status, 'succeeded', `${name}: ${row?.error_en}`);
    assert.equal(found.length, undone ? 0 : IMPORT_ROWS, `${name}${undone ? ', undone' : ''}`);
  }
}

async function reckonDistributions(/** @type {Rows} */ rows, /** @type {Ledger} */ ledger) {
  const live = 'SELECT template_id, tenant_id FROM qa_pairs WHERE template_id IS NOT NULL AND deleted_at IS NULL';
  const copies = grouped(await rows.all(live), (row) => String(row.template_id));
  for (const { fate, template } of ledger.distributions) {
    const found = copies.get(String(template)) ?? [];
    const tenants = new Set(found.map((row) => row.tenant_id)).size;
    assert.equal(found.length, tenants, `template ${template} is with a tenant twice`);
    if (fate === 'answered') assert.equal(found.length, TENANTS.length, `template ${template}`);
    if (fate === 'refused') assert.equal(found.length, 0, `template ${template}`);
  }
}

/** Of what is done on a schedule by one of all processes. */
async function reckonTasks(/** @type {Rows} */ rows) {
  const snapshots = await rows.all(
    'SELECT metric_type, timestamp FROM metrics_snapshots ORDER BY metric_type, timestamp',
  );
  const minutes = new Set();
  for (const { metric_type: metric, timestamp } of snapshots) {
    const minute = `${metric} ${Math.floor((timestamp % DAY_MS) / 60_000)}`;
    assert.ok(!minutes.has(minute), `two snapshots of ${minute}`);
    minutes.add(minute);
  }
}
