// The database goes away under a server, and comes back: until then every route says 503 and when to ask again, nothing
// is answered wrongly, health says since when and what to do, and nobody has to restart anything. KIMONO_BIN: kimono.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { Postgresql } from '../lib/postgresql.mjs';
import { PATIENCE, Server, Store, pause } from '../lib/server.mjs';

const PASSWORD = 'correct horse 电池';
const HEALS_MS = 10_000 * PATIENCE;
// Of routes for everyone the input is looked at before the store is.
const BODIES = /** @type {Record<string, object>} */ ({
  '/api/v1/auth/login': { username: 'operator', password: PASSWORD },
  '/api/v1/auth/refresh': { refresh_token: `kmr_ses_1.${'a'.repeat(43)}` },
});
// What is answered from memory.
const ALIVE = new Set(['/metrics', '/api/v1/openapi.json', '/api/v1/system/health']);

if (process.env.KIMONO_TEST_DATABASE) losing(); // an embedded store has nobody to lose

function losing() {
  /** @type {Postgresql} */
  let database;
  /** @type {Store} */
  let store;
  before(async () => {
    database = await Postgresql.start();
    Object.assign(process.env, database.environment);
    store = new Store(undefined, database.address);
    await store.must(['migrate']);
    await store.must(['tenant', 'add', 'shop', '店']);
    await store.must(['user', 'add', 'operator', '--role', 'ops_admin'], { input: `${PASSWORD}\n` });
  });
  after(() => database.end());

  /**
   * @param {number} ms
   * @param {() => Promise<void>} look
   */
  async function within(ms, look) {
    for (const until = Date.now() + ms; ; await pause(50)) {
      try {
        return await look();
      } catch (error) {
        if (Date.now() > until) throw error;
      }
    }
  }

  describe('a database that goes away', () => {
    /** @type {Server} */
    let server;
    let token = '';
    let firstStopped = 0; // what follows within a minute is one trouble
    before(async () => {
      server = await Server.start(store, { env: database.environment });
      token = (await ask('POST', '/api/v1/auth/login', { username: 'operator', password: PASSWORD })).json.access_token;
    });
    after(() => server.stop());

    /**
     * @param {string} method
     * @param {string} path
     * @param {unknown} [json]
     */
    async function ask(method, path, json) {
      const response = await fetch(`${server.url}${path}`, {
        method,
        headers: { Authorization: `Bearer ${token}`, 'X-API-Key': 'kmp_x', 'Content-Type': 'application/json' },
        body: json === undefined ? undefined : JSON.stringify(json),
      });
      const text = await response.text();
      const type = response.headers.get('content-type') ?? '';
      return {
        status: response.status,
        headers: response.headers,
        type,
        text,
        json: /json/.test(type) && JSON.parse(text),
      };
    }

    /** Every operation that the server has, with something in its path and its body. */
    async function operations() {
      const { json } = await ask('GET', '/api/v1/openapi.json');
      const all = Object.entries(json.paths).flatMap(([path, methods]) =>
        Object.keys(methods).map((method) => ({ path, method: method.toUpperCase() })),
      );
      return all.map(({ path, method }) => ({
        ...{ method, path, address: path.replaceAll(/\{\w+\}/g, '1') },
        json: method === 'GET' || method === 'DELETE' ? undefined : (BODIES[path] ?? {}),
      }));
    }

    const tenants = async () => (await ask('GET', '/api/v1/ops/tenants')).json.total;
    const component = async () => {
      const { items } = (await ask('GET', '/api/v1/ops/system/components')).json;
      return items.find((/** @type {any} */ item) => item.name === 'database');
    };

    for (const how of /** @type {const} */ (['fast', 'immediate']))
      test(`is 503 everywhere until it is back (${how})`, async () => {
        const all = await operations();
        const before = await tenants();
        firstStopped ||= Date.now();
        await database.stop(how);
        for (const round of [1, 2]) {
          for (const { method, path, address, json } of all) {
            const answer = await ask(method, address, json);
            if (ALIVE.has(path)) continue;
            const said = `${round}: ${method} ${path}: ${answer.status} ${answer.text}`;
            assert.equal(answer.status, 503, said);
            assert.ok(Number(answer.headers.get('retry-after')) >= 1, said);
            assert.match(answer.type, /^application\/problem\+json/, said);
            assert.doesNotMatch(answer.text, /password|127\.0\.0\.1|libpq|SELECT/i, said);
          }
        }
        const health = await ask('GET', '/api/v1/system/health');
        assert.deepEqual([health.status, health.json.status], [503, 'unhealthy']);
        const { text } = await ask('GET', '/metrics');
        assert.match(text, /kimono_component_status\{component="database"\} 2\n/);
        assert.doesNotMatch(text, /^kimono_tenants /m);
        assert.equal((await fetch(`${server.url}/ops/`)).status, 200);

        await database.resume();
        const resumed = Date.now();
        await within(HEALS_MS, async () => assert.equal(await tenants(), before));
        await within(HEALS_MS, async () => {
          const { status, since } = await component();
          assert.ok(['healthy', 'degraded'].includes(status), status);
          assert.ok(since === null || Date.parse(since) >= firstStopped - 1000, since);
        });
        assert.ok((await ask('GET', '/api/v1/system/health')).status === 200);
        const made = await ask('POST', '/api/v1/ops/tenants', { id: `after-${how}`, name: '新店' });
        assert.equal(made.status, 201, made.text);
        assert.equal(await tenants(), before + 1);
        assert.ok(Date.now() - resumed < 2 * HEALS_MS);
        assert.equal(server.child.exitCode, null);
        // Once and then now and again, however often it was tried.
        const lines = server.log
          .split('\n')
          .filter((line) => line.includes('the database cannot be reached, it is tried'));
        assert.ok(lines.length >= 1 && lines.length <= 6, server.log);
      });
  });

  test('a server that is started before its database waits for it', async () => {
    await database.stop();
    const starting = Server.start(store, { env: database.environment });
    starting.catch(() => {});
    await pause(1500);
    await database.resume();
    const server = await starting;
    await server.stop();
    assert.match(server.log, /cannot be reached.*tried again for 15 s/);
  });

  test('a command, and a server that waits in vain, end with what is wrong, and without the password', async () => {
    await database.stop();
    const secret = database.environment.PGPASSWORD;
    const withPassword = database.address.replace('kimono@', `kimono:${secret}@`);
    const hidden = new Store(store.folder, withPassword);
    for (const args of [['user', 'list'], ['check'], ['serve', '--listen', '127.0.0.1:0']]) {
      const { code, stdout, stderr } = await hidden.command(args);
      assert.equal(code, 1, stderr);
      assert.match(stderr, /^kimono [\w ]+: postgresql:\/\/kimono@.*cannot be reached/m);
      assert.doesNotMatch(stdout + stderr, new RegExp(secret));
    }
    await database.resume();
  });
}
