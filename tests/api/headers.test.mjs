/** @file What every answer carries, and the pages. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { API, OPS, World, pause } from './harness.mjs';

/** @type {World} */
let world;
before(async () => {
  world = await World.open();
});
after(() => world.close());

const ME = `${API}/auth/me`;

/** GET routes that need no more than a token. */
const reads = () =>
  world.document.routes
    .filter((route) => route.method === 'GET' && !route.path.includes('{'))
    .map((route) => route.path);

describe('X-Request-Id', () => {
  /** @param {string} id */
  const sent = async (id) => (await world.admin.get(ME, { headers: { 'X-Request-Id': id } })).headers['x-request-id'];

  test('a valid one is kept', async () => {
    for (const id of ['1', 'abcdefgh', 'A-b_c.123', 'x'.repeat(64)]) assert.equal(await sent(id), id);
  });

  test('any other is replaced', async () => {
    for (const id of ['x'.repeat(65), 'has space in it', 'semi;colon;here', 'quote"quote"', 'ünïcödé-ünïcödé']) {
      const kept = await sent(Buffer.from(id).toString('latin1'));
      assert.notEqual(kept, id);
      assert.match(String(kept), /^[\w.-]{1,64}$/);
    }
  });

  test('without one, each answer has its own', async () => {
    const ids = await Promise.all(
      Array.from({ length: 50 }, async () => (await world.admin.get(ME)).headers['x-request-id']),
    );
    assert.equal(new Set(ids).size, 50);
  });

  test('errors carry it too, in header and body', async () => {
    const answer = await world.anyone.get(ME, { headers: { 'X-Request-Id': 'trace-me-1' } });
    assert.equal(answer.json.request_id, 'trace-me-1');
  });
});

describe('ETag', () => {
  test('the same answer has the same one, and If-None-Match gets 304', async () => {
    for (const path of [ME, `${API}/openapi.json`, `${OPS}/alerts/active`]) {
      const first = await world.admin.get(path);
      const etag = first.headers.etag ?? assert.fail(`${path} has no ETag`);
      for (const value of [etag, `W/${etag}`, `"other", ${etag}`, '*']) {
        const again = await world.admin.get(path, { headers: { 'If-None-Match': value } });
        assert.equal(again.status, 304, `${path} ${value}`);
        assert.equal(again.headers.etag, etag);
      }
      assert.equal((await world.admin.get(path, { headers: { 'If-None-Match': '"other"' } })).status, 200);
    }
  });

  test('works with compression', async () => {
    const headers = { 'Accept-Encoding': 'gzip' };
    const { headers: first } = await world.admin.get(`${API}/openapi.json`, { headers });
    assert.equal(first['content-encoding'], 'gzip');
    const again = await world.admin.get(`${API}/openapi.json`, {
      headers: { ...headers, 'If-None-Match': first.etag ?? '' },
    });
    assert.equal(again.status, 304);
  });

  test('another answer has another', async () => {
    const [a, b] = await Promise.all([world.admin.get(ME), world.viewer.get(ME)]);
    assert.notEqual(a.headers.etag, b.headers.etag);
  });
});

describe('HEAD', () => {
  test('answers like GET, without a body', async () => {
    for (const path of reads()) {
      const [head, get] = [await world.admin.send('HEAD', path), await world.admin.get(path)];
      assert.equal(head.status, get.status, path);
      assert.equal(head.body.length, 0, path);
      assert.equal(head.headers['content-type'], get.headers['content-type'], path);
    }
  });
});

describe('compression', () => {
  const DOCUMENT = `${API}/openapi.json`;
  const encoding = async (/** @type {string} */ accepted) =>
    (await world.anyone.get(DOCUMENT, { headers: { 'Accept-Encoding': accepted } })).headers['content-encoding'];

  test('where the client accepts it', async () => {
    for (const accepted of ['gzip', 'gzip, deflate, br', 'br;q=1.0, gzip;q=0.8', 'GZIP', '*']) {
      assert.equal(await encoding(accepted), 'gzip', accepted);
    }
    for (const accepted of ['identity', 'gzip;q=0', 'br', ''])
      assert.equal(await encoding(accepted), undefined, accepted);
  });

  test('gives the same bytes, and says what the answer depends on', async () => {
    const packed = await world.anyone.get(DOCUMENT, { headers: { 'Accept-Encoding': 'gzip' } });
    const plain = await world.anyone.get(DOCUMENT);
    assert.equal(packed.text, plain.text);
    for (const answer of [packed, plain]) assert.match(answer.headers.vary ?? '', /Accept-Encoding/i);
  });
});

describe('every answer', () => {
  /** Routes whose answer is a file, and one that never ends. */
  const kindOf = (/** @type {string} */ path) =>
    path === `${OPS}/logs/tail` ? 'events' : path.endsWith('/export') ? 'file' : 'json';

  test('is JSON in UTF-8 unless it is a file, not to be sniffed, not for shared caches', async () => {
    for (const path of reads().filter((each) => each !== '/metrics' && kindOf(each) !== 'events')) {
      const { headers } = await world.admin.get(path);
      if (kindOf(path) === 'file') assert.match(headers['content-disposition'] ?? '', /^attachment/, path);
      else assert.match(headers['content-type'] ?? '', /^application\/(problem\+)?json/, path);
      assert.equal(headers['x-content-type-options'], 'nosniff', path);
      assert.match(headers['cache-control'] ?? '', /private|no-store/, path);
    }
  });

  test('has times in UTC with milliseconds', async () => {
    const { generated_at: at } = await world.admin.must('GET', `${OPS}/dashboard/overview`);
    assert.match(at, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
    assert.ok(Math.abs(Date.parse(at) - Date.now()) < 60_000);
  });

  test('comes on a connection that is kept for the next', async () => {
    for (let i = 0; i < 200; i++) assert.equal((await world.admin.get(ME)).status, 200);
  });
});

describe('rate limits', () => {
  test('are off here and on by default, with Retry-After', async () => {
    const limited = await World.open({ env: { KIMONO_RATE_LIMITS: 'on' } });
    try {
      const wrong = { username: 'ops_admin', password: 'wrong password' };
      let answer = await limited.anyone.post(`${API}/auth/login`, wrong);
      for (let i = 0; i < 30 && answer.status === 401; i++) {
        answer = await limited.anyone.post(`${API}/auth/login`, wrong);
      }
      assert.equal(answer.status, 429, answer.text);
      assert.ok(Number(answer.headers['retry-after']) >= 1);
    } finally {
      await limited.close();
    }
  });
});

describe('the pages', () => {
  const page = (/** @type {string} */ path, headers = {}) => world.anyone.get(path, { headers, check: false });

  test('/ and /ops lead to the console', async () => {
    for (const path of ['/', '/ops']) {
      const answer = await page(path);
      assert.ok([301, 302, 307, 308].includes(answer.status), path);
      assert.match(answer.headers.location ?? '', /\/ops\/$/);
    }
  });

  test('the frame and the log-in are HTML with a strict policy', async () => {
    for (const path of ['/ops/', '/ops/login', '/ops/dashboard']) {
      const answer = await page(path);
      assert.equal(answer.status, 200, path);
      assert.match(answer.headers['content-type'] ?? '', /^text\/html/);
      const policy = String(answer.headers['content-security-policy']);
      assert.match(policy, /default-src 'self'|default-src 'none'/);
      assert.doesNotMatch(policy, /unsafe-eval|unsafe-inline/);
    }
  });

  test('what they link to is there, and hashed names are for good', async () => {
    const html = (await page('/ops/')).text;
    const links = [...html.matchAll(/(?:src|href)="([^"#:]+\.(?:js|css|svg))"/g)].map((match) => match[1]);
    assert.ok(links.length >= 2, html.slice(0, 2000));
    for (const link of links) {
      const { status, headers } = await page(new URL(link, 'http://x/ops/').pathname);
      assert.equal(status, 200, link);
      if (/[.-][0-9A-Za-z]{8,}\./.test(link)) assert.match(headers['cache-control'] ?? '', /immutable/, link);
    }
  });

  test('a page is validated by its ETag', async () => {
    const { headers } = await page('/ops/');
    assert.equal((await page('/ops/', { 'If-None-Match': headers.etag })).status, 304);
  });

  test('the server log has no line of trouble so far', async () => {
    await pause(100);
    assert.doesNotMatch(world.server.log, /\bERROR\b/);
  });
});
