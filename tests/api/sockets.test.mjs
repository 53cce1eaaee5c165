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
  /**
   * One answer, a problem with its request id, and the connection closed behind it.
   * @param {string} answer
   * @param {number[]} wanted
   */
  function refused(answer, ...wanted) {
    assert.ok(wanted.includes(status(answer)), answer.slice(0, 400));
    assert.equal(answer.match(/HTTP\/1\.1 \d{3} /g)?.length, 1, answer);
    assert.match(answer, /^Content-Type: application\/problem\+json\r$/m);
    assert.match(answer, /^Connection: close\r$/m);
    const id = /^X-Request-Id: (\S+)\r$/m.exec(answer)?.[1];
    assert.equal(JSON.parse(answer.slice(answer.indexOf('\r\n\r\n') + 4)).request_id, id);
  }

  const LOGIN = `POST ${API}/auth/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n`;
  const cases = /** @type {[string, (string | Buffer)[], number?][]} */ ([
    ['noise', [Buffer.from(Array.from({ length: 4096 }, (_, i) => (i * 7919) % 256))]],
    ['TLS', [Buffer.from('16030100c4010000c00303', 'hex')]],
    ['HTTP/2 preface', ['PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'], 505],
    ['no version', ['GET /\r\n\r\n']],
    ['an unknown version', [`GET ${API}/system/health HTTP/3.7\r\nHost: x\r\n\r\n`], 505],
    ['no Host', [`GET ${API}/system/health HTTP/1.1\r\n\r\n`]],
    ['a header without a colon', [`${HEAD}nonsense\r\n\r\n`]],
    ['a negative length', [`POST ${API}/auth/login HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\n`]],
    ['a length that is no number', [`POST ${API}/auth/login HTTP/1.1\r\nHost: x\r\nContent-Length: ten\r\n\r\n`]],
    [
      'a length beyond all numbers',
      [`POST ${API}/auth/login HTTP/1.1\r\nHost: x\r\nContent-Length: ${'9'.repeat(40)}\r\n\r\n`],
      413,
    ],
    ['a folded length', [`${LOGIN}Content-Length:\r\n 54\r\n\r\n${HEAD}${CLOSE}`]],
    ['a folded encoding', [`${LOGIN}Transfer-Encoding:\r\n\tchunked\r\n\r\n${HEAD}${CLOSE}`]],
    ['any folded header', [`${HEAD}X-Any: a\r\n b\r\n${CLOSE}`]],
    ['a fold in another packet', [`${HEAD}X-Any: a\r\n`, ` b\r\n${CLOSE}`]],
    ['a NUL in a header', [`${HEAD}X-Any: a\0b\r\n${CLOSE}`]],
    ['a line that ends in LF alone', [`${HEAD}X-Any: a\n${CLOSE}`]],
    ['a CR in a header', [`${HEAD}X-Any: a\rX-Other: b\r\n${CLOSE}`]],
    ['a space before the colon', [`${LOGIN}Content-Length : 5\r\n\r\nhello`]],
    ['a body that breaks off', [`${LOGIN}Content-Length: 54\r\n\r\n{"user`]],
    ['a head that breaks off', [HEAD]],
    ['chunks that do not end where they should', [`${LOGIN}Transfer-Encoding: chunked\r\n\r\n2\r\n{}}\r\n0\r\n\r\n`]],
    [
      'length and chunks',
      [`POST ${API}/auth/login HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\nzzz\r\n`],
    ],
    [
      'a chunk size that is no number',
      [`POST ${API}/auth/login HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n`],
    ],
  ]);
  for (const [name, pieces, wanted = 400] of cases) {
    test(name, async () => refused(await talk(pieces, { half: true, gap: 5 }), wanted));
  }

  test('behind a good request: that is answered, then the fault', async () => {
    const good = `${HEAD}X-Request-Id: the-good-one\r\n\r\n`;
    for (const bad of [`${HEAD}X: a\r\n b\r\n\r\n`, `${LOGIN}Transfer-Encoding: chunked\r\n\r\nzz\r\n`]) {
      const answer = await talk([good + bad]);
      assert.deepEqual(
        [...answer.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map((match) => match[1]),
        ['200', '400'],
        answer,
      );
    }
  });

  test('a megabyte of headers', async () => {
    const fields = Array.from({ length: 1024 }, (_, i) => `X-Filler-${i}: ${'x'.repeat(1000)}\r\n`).join('');
    refused(await talk([HEAD, fields, '\r\n'], { half: true }), 431);
  });

  test('one header of a megabyte, and one without end', async () => {
    refused(await talk([HEAD, `X-Long: ${'x'.repeat(1 << 20)}\r\n\r\n`], { half: true }), 431);
    const endless = Array.from({ length: 64 }, () => 'x'.repeat(16384));
    refused(await talk([HEAD, 'X-Endless: ', ...endless], { half: true }), 431);
  });

  test('a target of 100,000 characters', async () => {
    refused(await talk([`GET /${'x'.repeat(100_000)} HTTP/1.1\r\nHost: x\r\n\r\n`], { half: true }), 414);
  });

  test('ten thousand parameters', async () => {
    const query = Array.from({ length: 10_000 }, (_, i) => `a${i}=1`).join('&');
    refused(await talk([`GET ${API}/openapi.json?${query} HTTP/1.1\r\nHost: x\r\n\r\n`], { half: true }), 400, 414);
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
