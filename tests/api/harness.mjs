/**
 * @file What the API tests stand on: a server with two tenants and a person for every role, a client that checks
 * every answer against the OpenAPI document that the server itself serves, and a record of the routes that were used.
 *
 *     const world = await World.open();          in before(); tests read world.admin, world.shopA …
 *     await world.close();                       in after(): the server must end cleanly
 */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { Agent, request as httpRequest } from 'node:http';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { PATIENCE, Server, Store, pause, temporaryFolder } from '../lib/server.mjs';
import { Document } from './openapi.mjs';

export { KIMONO, PATIENCE, Server, Store, command, embeddedOnly, pause, temporaryFolder } from '../lib/server.mjs';

export const API = '/api/v1';
export const OPS = '/api/v1/ops';
export const PASSWORD = 'correct horse 电池';

/** Every word of these questions is answered by exactly one pair. */
export const PAIRS = [
  { question: '和服租赁多少钱一天', answer: '普通和服每天三百元，振袖每天八百元。', category: '价格' },
  { question: '可以提前预约吗', answer: '可以，最早提前九十天预约。', category: '预约' },
  { question: '弄脏了怎么赔偿', answer: '轻微污渍免费，撕裂按原价的三成赔偿。', category: '售后' },
  { question: '营业时间是几点到几点', answer: '每天早上九点到下午六点。', category: '门店' },
  { question: 'Do you ship overseas', answer: 'We ship to forty countries by courier.', category: 'shipping' },
];

/**
 * @typedef {object} Answer
 * @property {number} status
 * @property {import('node:http').IncomingHttpHeaders} headers
 * @property {Buffer} body  decompressed
 * @property {string} text
 * @property {any} json  undefined unless the body is JSON
 */

/**
 * @typedef {object} RequestOptions
 * @property {Record<string, string | string[]>} [headers]
 * @property {unknown} [json]  sent as application/json
 * @property {FormData} [form]  sent as multipart/form-data
 * @property {string | Buffer} [body]  sent as it is
 * @property {string | null} [token]  instead of the client's
 * @property {string} [key]  X-API-Key
 * @property {boolean} [check]  false: the answer is not held against the document
 */

/** Speaks to one server as one person. */
export class Client {
  /**
   * @param {number} port
   * @param {Document | null} document
   * @param {string | null} [token]
   */
  constructor(port, document, token = null) {
    this.port = port;
    this.document = document;
    this.token = token;
  }

  /** @param {string | null} token */
  as(token) {
    return new Client(this.port, this.document, token);
  }

  /**
   * @param {string} method
   * @param {string} path  with the query
   * @param {RequestOptions} [options]
   * @returns {Promise<Answer>}
   */
  async send(method, path, options = {}) {
    const { body, headers } = await packed(options);
    const answer = await exchange(this.port, method, path, { ...headers, ...this.#headers(options) }, body);
    if (options.check !== false) this.document?.checkAnswer(method, path, answer);
    return answer;
  }

  /** @param {RequestOptions} options */
  #headers({ headers = {}, token = this.token, key }) {
    return {
      ...(token ? { Authorization: `Bearer ${token}` } : {}),
      ...(key ? { 'X-API-Key': key } : {}),
      ...headers,
    };
  }

  /**
   * @param {string} path
   * @param {RequestOptions} [options]
   */
  get(path, options) {
    return this.send('GET', path, options);
  }

  /**
   * @param {string} path
   * @param {unknown} [json]
   * @param {RequestOptions} [options]
   */
  post(path, json, options = {}) {
    return this.send('POST', path, { json, ...options });
  }

  /**
   * The JSON of an answer that must have the status.
   * @param {string} method
   * @param {string} path
   * @param {RequestOptions & { status?: number }} [options]
   */
  async must(method, path, { status = 200, ...options } = {}) {
    const answer = await this.send(method, path, options);
    assert.equal(answer.status, status, `${method} ${path}: ${answer.text}`);
    return answer.json;
  }
}

/**
 * The body as it is sent, with what it is.
 * @param {RequestOptions} options
 * @returns {Promise<{ body?: string | Buffer, headers: Record<string, string> }>}
 */
async function packed({ body, json, form }) {
  if (form) {
    const response = new Response(form);
    const type = String(response.headers.get('content-type'));
    return { body: Buffer.from(await response.arrayBuffer()), headers: { 'Content-Type': type } };
  }
  if (json === undefined) return { body, headers: {} };
  return { body: JSON.stringify(json), headers: { 'Content-Type': 'application/json' } };
}

const agent = new Agent({ keepAlive: true, maxSockets: 16 });

/**
 * @param {number} port
 * @param {string} method
 * @param {string} path
 * @param {import('node:http').OutgoingHttpHeaders} headers
 * @param {string | Buffer} [body]
 * @returns {Promise<Answer>}
 */
function exchange(port, method, path, headers, body) {
  return new Promise((resolve, reject) => {
    const length = body === undefined ? {} : { 'Content-Length': Buffer.byteLength(body) };
    const options = { host: '127.0.0.1', port, method, path, agent, headers: { ...length, ...headers } };
    const request = httpRequest(options, (response) => {
      const chunks = /** @type {Buffer[]} */ ([]);
      const endless = response.headers['content-type'] === 'text/event-stream';
      response.on('data', (chunk) => {
        chunks.push(chunk);
        if (!endless) return;
        resolve(answerOf(response, chunk)); // what comes first
        request.destroy();
      });
      response.on('error', reject);
      response.on('end', () => resolve(answerOf(response, Buffer.concat(chunks))));
    });
    request.setTimeout(30_000 * PATIENCE, () => request.destroy(new Error(`${method} ${path}: no answer in time`)));
    request.on('error', reject);
    request.end(body);
  });
}

/**
 * @param {import('node:http').IncomingMessage} response
 * @param {Buffer} raw
 * @returns {Answer}
 */
function answerOf(response, raw) {
  const packed = response.headers['content-encoding'] === 'gzip' && raw.length > 0;
  const body = packed ? gunzipSync(raw) : raw;
  const text = body.toString('utf8');
  const isJson = /\bjson\b/.test(response.headers['content-type'] ?? '') && body.length > 0;
  const json = isJson ? JSON.parse(text) : undefined;
  return { status: response.statusCode ?? 0, headers: response.headers, body, text, json };
}

/** A server with tenants and people. */
export class World {
  /**
   * @param {Server} server
   * @param {Document} document
   */
  constructor(server, document) {
    this.server = server;
    this.store = server.store;
    this.document = document;
    this.anyone = new Client(server.port, document);
    /** @type {Client} */
    this.admin = this.anyone;
    /** @type {Client} */
    this.viewer = this.anyone;
    /** @type {Client} */
    this.shopAdmin = this.anyone;
    /** @type {Client} */
    this.shopStaff = this.anyone;
    /** @type {Client} */
    this.ingest = this.anyone;
    /** The publishable keys of the two tenants. */
    this.keys = { 'shop-a': '', 'shop-b': '' };
  }

  /**
   * Tenants shop-a (with PAIRS) and shop-b (empty); people named like their role; an API token.
   * @param {object} [options]
   * @param {Record<string, string>} [options.env]
   */
  static async open({ env } = {}) {
    const store = new Store();
    await store.must(['migrate']);
    const keys = {
      'shop-a': await store.must(['tenant', 'add', 'shop-a', '浅草店']),
      'shop-b': await store.must(['tenant', 'add', 'shop-b', 'Kyoto & Sons']),
    };
    await store.must(['import', pairsFile(PAIRS), '--tenant', 'shop-a']);
    const ops = ['ops_admin', 'ops_viewer'].map((role) => addUser(store, role, role));
    const shop = ['tenant_admin', 'tenant_staff'].map((role) => addUser(store, role, role, 'shop-a'));
    await Promise.all([...ops, ...shop]);
    const ingest = await store.must(['token', 'create', 'collector', '--role', 'ingest']);
    const server = await Server.start(store, { env });
    const world = new World(server, await Document.fetch(server.url));
    world.keys = keys;
    world.admin = world.anyone.as(await world.logIn('ops_admin'));
    world.viewer = world.anyone.as(await world.logIn('ops_viewer'));
    world.shopAdmin = world.anyone.as(await world.logIn('tenant_admin'));
    world.shopStaff = world.anyone.as(await world.logIn('tenant_staff'));
    world.ingest = world.anyone.as(ingest);
    return world;
  }

  /**
   * @param {string} username
   * @param {string} [password]
   * @returns {Promise<string>} an access token
   */
  async logIn(username, password = PASSWORD) {
    const session = await this.anyone.must('POST', `${API}/auth/login`, { json: { username, password } });
    return session.access_token;
  }

  /**
   * A customer's message.
   * @param {'shop-a' | 'shop-b'} tenant
   * @param {string} message
   * @param {string} [conversation]
   */
  ask(tenant, message, conversation) {
    const json = conversation ? { message, conversation_id: conversation } : { message };
    return this.anyone.must('POST', `${API}/chat/message`, { key: this.keys[tenant], json });
  }

  /** Ends the server, which must do so cleanly, and keeps what was exercised for coverage.check.mjs. */
  async close() {
    await this.server.stop();
    this.document.saveExercised();
  }
}

/**
 * @param {Store} store
 * @param {string} name
 * @param {string} role
 * @param {string} [tenant]
 */
export function addUser(store, name, role, tenant) {
  const flags = tenant ? ['--tenant', tenant] : [];
  return store.must(['user', 'add', name, '--role', role, ...flags], { input: `${PASSWORD}\n` });
}

/**
 * A CSV file with these pairs.
 * @param {{ question: string, answer: string, category: string }[]} pairs
 */
export function pairsFile(pairs) {
  const quote = (/** @type {string} */ text) => `"${text.replaceAll('"', '""')}"`;
  const lines = pairs.map((pair) => [pair.question, pair.answer, pair.category].map(quote).join(','));
  const file = join(temporaryFolder(), 'pairs.csv');
  writeFileSync(file, `question,answer,category\r\n${lines.join('\r\n')}\r\n`);
  return file;
}

/**
 * Repeats `look` until it stops throwing; what is promised 'within a second' gets five times that.
 * @template T
 * @param {() => Promise<T>} look
 * @param {number} [withinMs]  where more is promised than that
 * @returns {Promise<T>}
 */
export async function eventually(look, withinMs = 5000) {
  for (const deadline = Date.now() + withinMs * PATIENCE; ; await pause(50)) {
    try {
      return await look();
    } catch (error) {
      if (Date.now() > deadline) throw error;
    }
  }
}

/**
 * An error answer: its status, its problem type and, if given, exactly the fields that it names.
 * @param {Answer} answer
 * @param {number} status
 * @param {string} [slug]  that `type` ends in
 * @param {string[]} [fields]
 */
export function assertProblem(answer, status, slug, fields) {
  assert.equal(answer.status, status, answer.text);
  assert.match(answer.headers['content-type'] ?? '', /^application\/problem\+json/);
  assert.equal(answer.json.status, status);
  assert.equal(answer.json.request_id, answer.headers['x-request-id']);
  if (slug) assert.ok(answer.json.type.endsWith(slug), answer.text);
  if (fields) {
    const named = (answer.json.errors ?? []).map((/** @type {{ field: string }} */ error) => error.field);
    assert.deepEqual(named.sort(), [...fields].sort(), answer.text);
  }
}
