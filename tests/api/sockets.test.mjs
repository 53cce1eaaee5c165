/** @file Slow, broken and absurd clients, by raw sockets; afterwards the server still answers everybody else. */
import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { after, afterEach, before, describe, test } from 'node:test';
import { API, OPS, World, pause } from './harness.mjs';

/** @type {World} */
let world;
before(async () => {
  world = await World.open();
});
after(() => world.close());

afterEach(async () => {
  assert.equal((await world.admin.get(`${OPS}/dashboard/overview`)).status, 200);
});

/**
 * Sends the pieces with a pause between them and gives all that comes back until the server closes or `ms` are over.
 * @param {(string | Buffer)[]} pieces
 * @param {object} [options]
 * @param {number} [options.gap]  ms between pieces
 * @param {boolean} [options.half]  close our direction after the last
 * @param {number} [options.ms]
 * @returns {Promise<string>}
 */
function talk(pieces, { gap = 0, half = false, ms = 3000 } = {}) {
  return new Promise((resolve) => {
    const socket = connect({ port: world.server.port, host: '127.0.0.1', allowHalfOpen: true });
    const chunks = /** @type {Buffer[]} */ ([]);
    const end = () => {
      clearTimeout(timer);
      socket.destroy();
      resolve(Buffer.concat(chunks).toString('latin1'));
    };
    const timer = setTimeout(end, ms);
    socket.on('data', (chunk) => chunks.push(chunk));
    socket.on('end', end);
    socket.on('close', end);
    socket.on('error', end);
    socket.on('connect', async () => {
      for (const piece of pieces) {
        if (socket.destroyed) return;
        socket.write(piece);
        await pause(gap);
      }
      if (half) socket.end();
    });
  });
}

const HEAD = `GET ${API}/system/health HTTP/1.1\r\nHost: x\r\n`;
const CLOSE = 'Connection: close\r\n\r\n';
const status = (/** @type {string} */ answer) => Number(/^HTTP\/1\.[01] (\d{3})/.exec(answer)?.[1] ?? 0);

describe('how a request may come', () => {
  test('byte by byte', async () => {
    assert.equal(status(await talk([...`${HEAD}${CLOSE}`], { gap: 1, ms: 10_000 })), 200);
  });

  test('and then our direction closed', async () => {
    assert.equal(status(await talk([`${HEAD}\r\n`], { half: true })), 200);
  });

  test('three at once on one connection: three answers in order', async () => {
    const one = (/** @type {string} */ id, /** @type {string} */ rest) =>
      `${HEAD}X-Request-Id: pipelined-${id}\r\n${rest}`;
    const answer = await talk([one('1', '\r\n') + one('2', '\r\n') + one('3', CLOSE)]);
    assert.deepEqual(
      [...answer.matchAll(/pipelined-(\d)/g)].map((match) => match[1]),
      ['1', '2', '3'],
    );
  });

  test('HTTP/1.0', async () => {
    assert.equal(status(await talk([`GET ${API}/system/health HTTP/1.0\r\n\r\n`])), 200);
  });

  test('a body in chunks', async () => {
    const body = '7\r\n{"messa\r\nb\r\nge":"hell"}\r\n0\r\n\r\n';
    const head = `POST ${API}/chat/message HTTP/1.1\r\nHost: x\r\nX-API-Key: ${world.keys['shop-a']}\r\n`;
    const type = 'Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n';
    assert.equal(status(await talk([head + type + CLOSE, body], { gap: 20 })), 200);
  });

  test('Expect: 100-continue', async () => {
    const body = '{"message":"hello"}';
    const head = `POST ${API}/chat/message HTTP/1.1\r\nHost: x\r\nX-API-Key: ${world.keys['shop-a']}\r\n`;
    const more = `Content-Type: application/json\r\nContent-Length: ${body.length}\r\nExpect: 100-continue\r\n${CLOSE}`;
    assert.match(await talk([head + more, body], { gap: 100 }), /HTTP\/1\.1 (100|200)/);
  });
});

describe('what is no request', () => {
  const BAD = [400, 404, 405, 408, 413, 414, 417, 431, 501, 505];

  /** @param {string} answer */
  const refusedOrClosed = (answer) => assert.ok(answer === '' || BAD.includes(status(answer)), answer.slice(0, 200));

  const cases = /** @type {[string, (string | Buffer)[]][]} */ ([
    ['noise', [Buffer.from(Array.from({ length: 4096 }, (_, i) => (i * 7919) % 256))]],
    ['TLS', [Buffer.from('16030100c4010000c00303', 'hex')]],
    ['HTTP/2 preface', ['PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n']],
    ['no version', ['GET /\r\n\r\n']],
    ['an unknown version', [`GET ${API}/system/health HTTP/3.7\r\nHost: x\r\n\r\n`]],
    ['no Host', [`GET ${API}/system/health HTTP/1.1\r\n\r\n`]],
    ['a header without a colon', [`${HEAD}nonsense\r\n\r\n`]],
    ['a negative length', [`POST ${API}/auth/login HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\n`]],
    ['a length that is no number', [`POST ${API}/auth/login HTTP/1.1\r\nHost: x\r\nContent-Length: ten\r\n\r\n`]],
    [
      'a length beyond all numbers',
      [`POST ${API}/auth/login HTTP/1.1\r\nHost: x\r\nContent-Length: ${'9'.repeat(40)}\r\n\r\n`],
    ],
    [
      'length and chunks',
      [`POST ${API}/auth/login HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\nzzz\r\n`],
    ],
    [
      'a chunk size that is no number',
      [`POST ${API}/auth/login HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n`],
    ],
  ]);
  for (const [name, pieces] of cases) {
    test(name, async () => refusedOrClosed(await talk(pieces, { half: true })));
  }

  test('a megabyte of headers', async () => {
    const fields = Array.from({ length: 1024 }, (_, i) => `X-Filler-${i}: ${'x'.repeat(1000)}\r\n`).join('');
    refusedOrClosed(await talk([HEAD, fields, '\r\n'], { half: true }));
  });

  test('one header of a megabyte, and one without end', async () => {
    refusedOrClosed(await talk([HEAD, `X-Long: ${'x'.repeat(1 << 20)}\r\n\r\n`], { half: true }));
    refusedOrClosed(
      await talk([HEAD, 'X-Endless: ', ...Array.from({ length: 64 }, () => 'x'.repeat(16384))], { half: true }),
    );
  });

  test('a target of 100,000 characters', async () => {
    refusedOrClosed(await talk([`GET /${'x'.repeat(100_000)} HTTP/1.1\r\nHost: x\r\n\r\n`], { half: true }));
  });

  test('ten thousand parameters', async () => {
    const query = Array.from({ length: 10_000 }, (_, i) => `a${i}=1`).join('&');
    refusedOrClosed(await talk([`GET ${API}/openapi.json?${query} HTTP/1.1\r\nHost: x\r\n\r\n`], { half: true }));
  });
});

describe('clients that do not go on', () => {
  test('two hundred half-sent requests keep nobody else waiting', async () => {
    const sockets = Array.from({ length: 200 }, () => connect({ port: world.server.port, host: '127.0.0.1' }));
    for (const socket of sockets) {
      socket.on('error', () => {});
      socket.on('connect', () => socket.write(HEAD));
    }
    await pause(300);
    const started = performance.now();
    assert.equal((await world.admin.get(`${API}/auth/me`)).status, 200);
    assert.ok(performance.now() - started < 2000);
    for (const socket of sockets) socket.destroy();
  });

  test('a body that is promised and never comes', async () => {
    const head = `POST ${API}/auth/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 50\r\n\r\n`;
    await talk([head, '{"user'], { ms: 300 });
  });

  test('clients that go away while the answer is made', async () => {
    const body = '{"message":"和服租赁多少钱"}';
    const head =
      `POST ${API}/chat/message HTTP/1.1\r\nHost: x\r\nX-API-Key: ${world.keys['shop-a']}\r\n` +
      `Content-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n`;
    await Promise.all(Array.from({ length: 100 }, (_, i) => talk([head, body], { ms: i % 10 })));
  });

  test('a reader who does not read', async () => {
    const wanted = `GET ${API}/openapi.json HTTP/1.1\r\nHost: x\r\n\r\n`.repeat(500);
    const socket = connect({ port: world.server.port, host: '127.0.0.1' });
    socket.on('error', () => {});
    socket.pause();
    socket.write(wanted);
    await pause(500);
    assert.equal((await world.admin.get(`${API}/auth/me`)).status, 200);
    socket.destroy();
  });
});
