/** @file What people whom nobody knows may cost: log rows, a shop's chat, a page that was pointed here. */
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { openStore } from '../lib/store.mjs';
import { API, OPS, PASSWORD, World, assertProblem } from './harness.mjs';

const LOGIN = `${API}/auth/login`;
const LIMITED = { KIMONO_RATE_LIMITS: 'on', KIMONO_TRUSTED_PROXY: '192.0.2.0/24, 127.0.0.0/8' };

/**
 * @param {Record<string, string>} env
 * @param {(world: World) => Promise<void>} use
 */
async function withWorld(env, use) {
  const world = await World.open({ env });
  try {
    await use(world);
  } finally {
    await world.close();
  }
  return world;
}

/**
 * Of a server that has ended.
 * @param {World} world
 * @returns {Promise<{ message: string, fields: any }[]>}
 */
async function requestRows({ store }) {
  const files = store.database ? [] : readdirSync(join(store.folder, 'telemetry'));
  const days = files.filter((name) => name.endsWith('.db')).map((name) => name.slice(0, -3));
  const found = /** @type {{ message: string, fields: any }[]} */ ([]);
  for (const day of store.database ? [undefined] : days) {
    const rows = await openStore(store, { day });
    for (const row of await rows.all('SELECT message, fields FROM log_rows WHERE fields LIKE \'%"status"%\''))
      found.push({ message: row.message, fields: JSON.parse(row.fields) });
    await rows.close();
  }
  return found;
}

/** @param {string} address */
const from = (address) => ({ 'X-Forwarded-For': address });

describe('refused requests', () => {
  test('are limited by address, cost some rows together, and keep nobody else out', async () => {
    const secret = `kmp_${'0123456789abcdef'.repeat(3)}`;
    const asked = /** @type {[string, string, object][]} */ ([
      ['GET', `${API}/nothing/${secret}/`, {}],
      ['DELETE', `${API}/system/health?`, {}],
      ['GET', `${OPS}/dashboard/overview?`, {}],
      ['GET', `${OPS}/tenants?`, { token: 'none' }],
      ['GET', `/${secret}/page`, {}],
      ['POST', '/ops/?', {}],
    ]);
    const headers = from('203.0.113.7');
    const statuses = /** @type {number[]} */ ([]);
    const world = await withWorld(LIMITED, async ({ anyone, admin }) => {
      for (let round = 0; round < 100; round++) {
        // Together: one after another they might be slower than the bucket fills.
        const answers = await Promise.all(
          asked.map(([method, path, options]) =>
            anyone.send(method, `${path}${round}`, { ...options, headers, check: false }),
          ),
        );
        for (const answer of answers) {
          statuses.push(answer.status);
          if (answer.status !== 429) continue;
          assert.ok(Number(answer.headers['retry-after']) >= 1);
          assert.equal(answer.headers.connection, 'close');
        }
      }
      assert.equal((await anyone.get(`${API}/nothing`, { headers: from('203.0.113.8'), check: false })).status, 404);
      assert.equal((await admin.get(`${OPS}/dashboard/overview`, { headers })).status, 200);
    });
    assert.deepEqual([...new Set(statuses)].sort(), [401, 404, 405, 429]);
    assert.ok(statuses.filter((status) => status !== 429).length >= 100);
    const rows = (await requestRows(world)).filter(
      (row) => row.fields.ip_address === '203.0.113.7' && row.fields.status >= 400,
    );
    assert.ok(rows.length <= 60, `${rows.length} rows`);
    const counted = rows.reduce((sum, row) => sum + (row.fields.count ?? 1), 0);
    assert.equal(counted, statuses.length);
    assert.ok(!JSON.stringify(rows).includes(secret), 'a secret in a path is not logged');
  });

  test('that are no requests count too', async () => {
    const world = await withWorld({}, async ({ anyone }) => {
      for (let i = 0; i < 50; i++) {
        assertProblem(
          await anyone.get(`${API}/system/health`, { headers: { Cookie: 'x'.repeat(9000) }, check: false }),
          431,
        );
      }
    });
    const rows = (await requestRows(world)).filter((row) => row.fields.status === 431);
    assert.ok(rows.length <= 4, JSON.stringify(rows));
    assert.equal(
      rows.reduce((sum, row) => sum + (row.fields.count ?? 1), 0),
      50,
    );
  });
});

describe('a visitor', () => {
  test('who asks too much does not shut the chat of the shop', async () => {
    await withWorld(LIMITED, async ({ anyone, keys }) => {
      const ask = (/** @type {string} */ address) =>
        anyone.post(`${API}/chat/message`, { message: '预约' }, { key: keys['shop-a'], headers: from(address) });
      const answers = await Promise.all(
        Array.from({ length: 600 }, (_, i) => ask(`2001:db8:1:2:${i.toString(16)}::1`)),
      );
      const refused = answers.filter((answer) => answer.status !== 200);
      assert.ok(refused.length > 0);
      for (const answer of refused) assertProblem(answer, 429, 'rate-limited');
      assert.equal((await ask('2001:db8:1:3::1')).status, 200);
      assert.equal((await ask('203.0.113.9')).status, 200);
      assert.equal((await ask('203.0.113.9, 192.0.2.77')).status, 200);
    });
  });
});

describe('where a page is', () => {
  const right = { username: 'ops_admin', password: PASSWORD };

  test('at another address than the console, it is told at the log-in, with the setting, and once in the log', async () => {
    await withWorld({}, async ({ anyone, server }) => {
      for (const Origin of ['http://kimono.test:18092', 'http://kimono.test:18092']) {
        const answer = await anyone.post(LOGIN, right, { headers: { Origin } });
        assertProblem(answer, 403, '/wrong-origin', ['KIMONO_PUBLIC_ORIGIN']);
        assert.match(answer.json.detail, /kimono\.test:18092/);
        assert.equal(answer.headers['set-cookie'], undefined);
      }
      const lines = server.log.split('\n').filter((line) => line.includes('KIMONO_PUBLIC_ORIGIN='));
      assert.equal(lines.length, 1, server.log);
      assert.match(
        lines[0],
        /WARN.*kimono\.test:18092.*127\.0\.0\.1:\d+.*KIMONO_PUBLIC_ORIGIN=http:\/\/kimono\.test:18092/,
      );
      assert.equal((await anyone.post(LOGIN, right, { headers: { Origin: server.url } })).status, 200);
      assert.equal((await anyone.post(LOGIN, right)).status, 200, 'programs send none');
    });
  });

  test('scheme, Host and a name that was pointed here count', async () => {
    await withWorld({ KIMONO_TRUSTED_PROXY: '127.0.0.1' }, async ({ anyone, server }) => {
      const status = async (/** @type {Record<string, string>} */ headers) =>
        (await anyone.post(LOGIN, right, { headers })).status;
      const host = new URL(server.url).host;
      assert.equal(await status({ Origin: `https://${host}` }), 403);
      assert.equal(await status({ Origin: `https://${host}`, 'X-Forwarded-Proto': 'https' }), 200);
      assert.equal(await status({ Origin: 'http://evil.example', Host: 'evil.example' }), 403);
      assert.equal(await status({ Origin: 'http://localhost:81', Host: 'localhost:81' }), 200);
      assert.equal(await status({ Origin: 'http://LOCALHOST', Host: 'localhost:80' }), 200);
      assert.equal(await status({ Origin: 'http://notlocalhost', Host: 'notlocalhost' }), 403);
      const outside = from('203.0.113.5');
      assert.equal(await status({ Origin: 'http://shop.lan', Host: 'shop.lan', ...outside }), 200);
      assert.equal(await status({ Origin: 'null', ...outside }), 403);
    });
  });

  test('over http where the console is served by https, it is told where', async () => {
    await withWorld({ KIMONO_PUBLIC_ORIGIN: 'https://ops.example.com' }, async ({ anyone }) => {
      const answer = await anyone.post(LOGIN, right, { headers: { Origin: 'http://127.0.0.1:8080' } });
      assertProblem(answer, 403, '/wrong-origin', ['public_origin']);
      assert.equal(answer.json.errors[0].message, 'https://ops.example.com');
      const good = await anyone.post(LOGIN, right, { headers: { Origin: 'https://ops.example.com' } });
      assert.equal(good.status, 200);
    });
  });

  test('/metrics is not for a name that was pointed at this machine', async () => {
    await withWorld({}, async ({ anyone }) => {
      const status = async (/** @type {string} */ Host) => (await anyone.get('/metrics', { headers: { Host } })).status;
      for (const host of ['localhost:8080', '127.0.0.1', '[::1]:8080', 'kimono.localhost']) {
        assert.equal(await status(host), 200, host);
      }
      for (const host of ['evil.example', 'localhost.evil.example', 'xlocalhost']) {
        assert.equal(await status(host), 401, host);
      }
    });
  });

  test('X-Forwarded-For from elsewhere than the proxies is told of, once', async () => {
    await withWorld({ KIMONO_TRUSTED_PROXY: '10.0.0.0/8' }, async ({ anyone, server }) => {
      for (let i = 0; i < 3; i++) await anyone.get(`${API}/system/health`, { headers: from(`203.0.113.${i}`) });
      const lines = server.log.split('\n').filter((line) => line.includes('X-Forwarded-For'));
      assert.equal(lines.length, 1, server.log);
      assert.match(lines[0], /WARN.*127\.0\.0\.1.*KIMONO_TRUSTED_PROXY/);
    });
  });
});
