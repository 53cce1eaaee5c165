/** @file Who may come in, for how long, and how it ends. */
import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { queryStore } from '../lib/store.mjs';
import { API, OPS, PASSWORD, World, addUser, assertProblem } from './harness.mjs';

/** @type {World} */
let world;
before(async () => {
  world = await World.open();
});
after(() => world.close());

const LOGIN = `${API}/auth/login`;
const REFRESH = `${API}/auth/refresh`;
const LOGOUT = `${API}/auth/logout`;
const ME = `${API}/auth/me`;

/**
 * @param {string} username
 * @param {string} [password]
 */
const logIn = (username, password = PASSWORD) => world.anyone.post(LOGIN, { username, password });

/** @param {string} token */
const refresh = (token) => world.anyone.post(REFRESH, { refresh_token: token });

/** @param {string} token  an access token */
const me = (token) => world.anyone.get(ME, { token });

/**
 * What this server signs tokens with: a file of the embedded store, a row of another.
 * @param {import('./harness.mjs').Store} store
 * @returns {Promise<Buffer>}
 */
async function signingKey(store) {
  if (!store.database) return Buffer.from(readFileSync(join(store.folder, 'signing.key'), 'utf8').trim(), 'hex');
  const [row] = await queryStore(store, 'SELECT bytes FROM signing_keys WHERE id = 1');
  return Buffer.from(row.bytes);
}

/**
 * A user of this test alone.
 * @param {string} name
 */
async function newUser(name) {
  await addUser(world.store, name, 'ops_viewer');
  return (await logIn(name)).json;
}

describe('log-in', () => {
  test('gives tokens and says who it is', async () => {
    const { json } = await logIn('ops_admin');
    assert.equal(json.token_type, 'bearer');
    assert.equal(json.expires_in, 900);
    assert.equal(json.user.username, 'ops_admin');
    assert.equal(json.user.role, 'ops_admin');
    assert.equal(json.user.tenant_id, null);
    assert.deepEqual((await me(json.access_token)).json, json.user);
  });

  test('a tenant user belongs to the tenant', async () => {
    assert.equal((await logIn('tenant_staff')).json.user.tenant_id, 'shop-a');
  });

  test('a wrong password and an unknown name are told alike', async () => {
    const wrong = await logIn('ops_admin', 'not the password');
    const unknown = await logIn('nobody', 'not the password');
    assertProblem(wrong, 401, 'unauthenticated');
    assertProblem(unknown, 401, 'unauthenticated');
    assert.equal(wrong.json.detail, unknown.json.detail);
  });

  test('names every missing field', async () => {
    assertProblem(await world.anyone.post(LOGIN, {}), 422, 'invalid', ['username', 'password']);
  });

  test('tokens are not to be cached', async () => {
    const { headers } = await logIn('ops_admin');
    assert.match(headers['cache-control'] ?? '', /no-store/);
    assert.equal(headers.etag, undefined);
  });
});

describe('refresh', () => {
  test('rotates: new tokens come, the old refresh token is spent', async () => {
    const first = await newUser('rotates');
    const second = await refresh(first.refresh_token);
    assert.equal(second.status, 200);
    assert.notEqual(second.json.refresh_token, first.refresh_token);
    assert.equal((await me(second.json.access_token)).json.username, 'rotates');
    assert.equal((await refresh(second.json.refresh_token)).status, 200);
  });

  test('a refresh token that comes again is answered with its successor, until that one was used', async () => {
    const first = await newUser('lost-answer');
    const second = (await refresh(first.refresh_token)).json;
    const again = await refresh(first.refresh_token);
    assert.equal(again.status, 200, again.text);
    assert.equal(again.json.refresh_token, second.refresh_token);
    const third = (await refresh(again.json.refresh_token)).json;
    assert.equal((await me(third.access_token)).status, 200);
    assertProblem(await refresh(first.refresh_token), 401);
    for (const { refresh_token: token } of [second, third]) assertProblem(await refresh(token), 401);
    assertProblem(await me(third.access_token), 401);
  });

  test('all that ask at the same time go on', async () => {
    const { refresh_token: token } = await newUser('raced');
    const answers = await Promise.all([refresh(token), refresh(token), refresh(token)]);
    for (const answer of answers) {
      assert.equal(answer.status, 200, answer.text);
      assert.equal(answer.json.refresh_token, answers[0].json.refresh_token);
      assert.equal((await me(answer.json.access_token)).status, 200);
    }
  });

  test('what is no refresh token is refused', async () => {
    const { access_token: access } = (await logIn('ops_admin')).json;
    for (const token of ['kmr_nothing', 'x', access]) {
      const answer = await refresh(token);
      assert.ok([401, 422].includes(answer.status), answer.text);
    }
    assertProblem(await world.anyone.post(REFRESH, {}), 401);
  });
});

describe('log-out', () => {
  test('ends access and refresh at once', async () => {
    const session = await newUser('leaves');
    const out = await world.anyone.send('POST', LOGOUT, { token: session.access_token });
    assert.equal(out.status, 204);
    assertProblem(await me(session.access_token), 401);
    assertProblem(await refresh(session.refresh_token), 401);
  });

  test('leaves other sessions of the same person alone', async () => {
    const first = await newUser('twice');
    const second = (await logIn('twice')).json;
    await world.anyone.send('POST', LOGOUT, { token: first.access_token });
    assert.equal((await me(second.access_token)).status, 200);
  });
});

describe('a change at the command line while the server runs', () => {
  test('a disabled user is out at once', async () => {
    const session = await newUser('dismissed');
    assert.equal((await me(session.access_token)).status, 200);
    await world.store.must(['user', 'disable', 'dismissed']);
    assertProblem(await me(session.access_token), 401);
    assertProblem(await refresh(session.refresh_token), 401);
    assertProblem(await logIn('dismissed'), 401);
  });

  test('a new password ends the sessions of the old one', async () => {
    const session = await newUser('renewed');
    await world.store.must(['user', 'passwd', 'renewed'], { input: 'another password\n' });
    assertProblem(await me(session.access_token), 401);
    assertProblem(await logIn('renewed'), 401);
    assert.equal((await logIn('renewed', 'another password')).status, 200);
  });

  test('a revoked API token is out at once', async () => {
    const token = await world.store.must(['token', 'create', 'short-lived', '--role', 'ingest']);
    assert.equal((await me(token)).json.role, 'ingest');
    await world.store.must(['token', 'revoke', 'short-lived']);
    assertProblem(await me(token), 401);
  });
});

describe('tokens that are none', () => {
  const forged = () => {
    const part = (/** @type {object} */ value) => Buffer.from(JSON.stringify(value)).toString('base64url');
    const now = Math.floor(Date.now() / 1000);
    const claims = { sub: 'ops_admin', user_id: 'ops_admin', iat: now, exp: now + 900 };
    return [
      `${part({ alg: 'none', typ: 'JWT' })}.${part(claims)}.`,
      `${part({ alg: 'HS256', typ: 'JWT' })}.${part(claims)}.${'A'.repeat(43)}`,
      `${part({ alg: 'RS256', typ: 'JWT' })}.${part(claims)}.${'A'.repeat(342)}`,
    ];
  };

  test('forged, unsigned, cut, foreign', async () => {
    const good = (await logIn('ops_admin')).json.access_token;
    const cut = good.slice(0, -4);
    const altered = `${good.slice(0, -6)}${good.at(-6) === 'A' ? 'B' : 'A'}${good.slice(-5)}`;
    for (const token of [...forged(), cut, altered, `${good}.x`, 'kma_nothing', '.', 'a.b.c', 'x'.repeat(4000)]) {
      assertProblem(await me(token), 401);
    }
  });

  test('other schemes than Bearer', async () => {
    for (const value of ['Basic b3BzOnNlY3JldA==', 'Bearer', 'Bearer ', 'bearer  ', '']) {
      const answer = await world.anyone.get(ME, { headers: { Authorization: value } });
      assertProblem(answer, 401);
    }
  });

  test('with the key of this server, but of a kind that it does not know or ahead of their time', async () => {
    const good = (await logIn('ops_admin')).json.access_token;
    const claims = JSON.parse(Buffer.from(good.split('.')[1], 'base64url').toString());
    const key = await signingKey(world.store);
    const sign = (/** @type {object} */ header, /** @type {object} */ more) => {
      const part = (/** @type {object} */ value) => Buffer.from(JSON.stringify(value)).toString('base64url');
      const body = `${part({ alg: 'HS256', typ: 'JWT', ...header })}.${part({ ...claims, ...more })}`;
      return `${body}.${createHmac('sha256', key).update(body).digest('base64url')}`;
    };
    assert.equal((await me(sign({}, {}))).status, 200);
    assert.equal((await me(sign({}, { nbf: claims.iat }))).status, 200);
    for (const token of [
      sign({ crit: ['exp'] }, {}),
      sign({ crit: ['b64'], b64: true }, {}),
      sign({}, { nbf: claims.iat + 600 }),
      sign({}, { nbf: 'now' }),
      sign({}, { exp: String(claims.exp) }),
      sign({}, { exp: claims.iat - 1 }),
    ])
      assertProblem(await me(token), 401);
  });

  test('a publishable key opens no door of the API', async () => {
    assertProblem(await me(world.keys['shop-a']), 401);
  });
});

describe('the cookie of the console', () => {
  /** @returns {Promise<{ cookies: string[], header: string }>} */
  async function cookies() {
    const answer = await logIn('ops_admin');
    const all = answer.headers['set-cookie'] ?? [];
    return { cookies: all, header: all.map((cookie) => cookie.split(';')[0]).join('; ') };
  }

  /**
   * @param {string} cookie
   * @param {string} [origin]
   */
  const search = (cookie, origin) =>
    world.anyone.post(
      `${OPS}/knowledge/search`,
      { tenant_id: 'shop-a', question: '预约' },
      { headers: { Cookie: cookie, ...(origin ? { Origin: origin } : {}) } },
    );

  test('is HttpOnly and SameSite=Strict', async () => {
    const { cookies: all } = await cookies();
    assert.ok(all.length > 0);
    for (const cookie of all) {
      assert.match(cookie, /; *HttpOnly/i);
      assert.match(cookie, /; *SameSite=Strict/i);
    }
  });

  test('has another name at another server, and at another port', async () => {
    const other = await World.open();
    const name = (/** @type {string} */ cookie) => cookie.split('=')[0];
    const { cookies: here } = await cookies();
    const there = await other.anyone.post(LOGIN, { username: 'ops_admin', password: PASSWORD });
    await other.close();
    const headers = { Host: '127.0.0.1:1' };
    const elsewhere = await world.anyone.post(LOGIN, { username: 'ops_admin', password: PASSWORD }, { headers });
    const names = [here, there.headers['set-cookie'] ?? [], elsewhere.headers['set-cookie'] ?? []].flat().map(name);
    assert.equal(names.length, 6);
    assert.equal(new Set(names).size, 6, names.join());
    for (const one of names) assert.match(one, /^kimono_(access|refresh)_[0-9a-f]{8}$/);
  });

  test('reads without an Origin', async () => {
    const { header } = await cookies();
    const answer = await world.anyone.get(ME, { headers: { Cookie: header } });
    assert.equal(answer.json.username, 'ops_admin');
  });

  test('writes only with a matching Origin', async () => {
    const { header } = await cookies();
    const own = world.server.url;
    assertProblem(await search(header), 403);
    for (const origin of [
      'https://evil.example',
      'null',
      `${own}.evil.example`,
      own.replace('127.0.0.1', 'localhost'),
    ]) {
      assertProblem(await search(header, origin), 403);
    }
    assert.equal((await search(header, own)).status, 200);
  });

  test('renews and ends the session', async () => {
    const { header } = await cookies();
    const own = { Origin: world.server.url };
    const renewed = await world.anyone.post(REFRESH, {}, { headers: { ...own, Cookie: header } });
    assert.equal(renewed.status, 200, renewed.text);
    const fresh = (renewed.headers['set-cookie'] ?? []).map((cookie) => cookie.split(';')[0]).join('; ');
    const out = await world.anyone.post(LOGOUT, {}, { headers: { ...own, Cookie: fresh } });
    assert.equal(out.status, 204, out.text);
    for (const cookie of out.headers['set-cookie'] ?? []) assert.match(cookie, /Max-Age=0|1970/);
    assertProblem(await world.anyone.get(ME, { headers: { Cookie: fresh } }), 401);
  });

  test('a token in the header goes before it, even a wrong one', async () => {
    const { header } = await cookies();
    assertProblem(await world.anyone.get(ME, { token: 'wrong', headers: { Cookie: header } }), 401);
  });
});

describe('guessing passwords', () => {
  /** @type {World} */
  let limited;
  before(async () => {
    limited = await World.open({ env: { KIMONO_RATE_LIMITS: 'on', KIMONO_TRUSTED_PROXY: '127.0.0.1' } });
  });
  after(() => limited.close());

  /**
   * @param {string} from
   * @param {string} username
   * @param {string} [password]
   */
  const tryFrom = (from, username, password = 'a wrong guess') =>
    limited.anyone.post(LOGIN, { username, password }, { headers: { 'X-Forwarded-For': from } });

  test('of one account ends however many addresses do it, and keeps nobody out who has been here before', async () => {
    await addUser(limited.store, 'guessed', 'ops_viewer');
    assert.equal((await tryFrom('198.51.100.1', 'guessed', PASSWORD)).status, 200);
    const statuses = [];
    for (let address = 1; address <= 30; address++)
      statuses.push((await tryFrom(`203.0.113.${address}`, address % 2 ? 'guessed' : 'GUESSED')).status);
    assert.equal(statuses.filter((status) => status === 401).length, 20, statuses.join());
    const refused = await tryFrom('203.0.113.99', 'guessed', PASSWORD);
    assertProblem(refused, 429);
    assert.ok(Number(refused.headers['retry-after']) >= 1);
    assert.equal((await tryFrom('203.0.113.99', 'ops_viewer', PASSWORD)).status, 200);
    assert.equal((await tryFrom('198.51.100.1', 'guessed', PASSWORD)).status, 200);
    for (let i = 0; i < 40; i++)
      assert.equal((await tryFrom(`198.51.100.${100 + i}`, 'nobody')).status, i < 20 ? 401 : 429);
  });

  test('with keys that nobody has counts by the address', async () => {
    const statuses = new Set();
    const from = { 'X-Forwarded-For': '192.0.2.1' };
    for (let i = 0; i < 400; i++) {
      const json = { message: 'x' };
      const answer = await limited.anyone.post(`${API}/chat/message`, json, { key: `kmp_${i}`, headers: from });
      statuses.add(answer.status);
    }
    assert.deepEqual([...statuses], [401, 429]);
    await limited.ask('shop-a', '预约');
  });
});
