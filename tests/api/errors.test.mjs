/** @file What is wrong is refused with the right status, all of it at once, in the language of the reader. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { API, OPS, World, assertProblem } from './harness.mjs';

/** @type {World} */
let world;
before(async () => {
  world = await World.open();
});
after(() => world.close());

const CHAT = `${API}/chat/message`;
const JSON_TYPE = { 'Content-Type': 'application/json' };

/**
 * @param {string | Buffer} body
 * @param {Record<string, string>} [headers]
 */
const sendRaw = (body, headers = JSON_TYPE) =>
  world.anyone.send('POST', CHAT, { body, headers, key: world.keys['shop-a'] });

/** @param {object} json */
const chat = (json) => world.anyone.post(CHAT, json, { key: world.keys['shop-a'] });

describe('400: what is not JSON', () => {
  const broken = /** @type {[string, string | Buffer][]} */ ([
    ['cut', '{"message":"x"'],
    ['single quotes', "{'message':'x'}"],
    ['a comma too many', '{"message":"x",}'],
    ['two values', '{"message":"x"} {}'],
    ['a bare word', 'message'],
    ['NaN', '{"message":NaN}'],
    ['a comment', '{"message":"x"/* */}'],
    ['an unescaped line break', '{"message":"a\nb"}'],
    ['a lone surrogate', '{"message":"\\ud800"}'],
    ['NUL bytes', Buffer.from('{"message":"a\0b"}')],
    ['Latin-1', Buffer.from('{"message":"caf\xe9"}', 'latin1')],
    ['overlong UTF-8', Buffer.from([...Buffer.from('{"message":"'), 0xc0, 0xaf, ...Buffer.from('"}')])],
    ['UTF-16', Buffer.from('{"message":"x"}', 'utf16le')],
    ['a million brackets', '['.repeat(60_000)],
    ['nested 1,000 deep', `{"message":${'['.repeat(1000)}${']'.repeat(1000)}}`],
  ]);
  for (const [name, body] of broken) {
    test(name, async () => assertProblem(await sendRaw(body), 400, 'bad-request'));
  }

  test('a byte order mark is either read or refused, never a failure', async () => {
    assert.ok([200, 400].includes((await sendRaw('\ufeff{"message":"x"}')).status));
  });

  test('a query that is not UTF-8', async () => {
    for (const query of ['days=%ff', 'days=%00', '%c3=1', 'days=%e4%b8']) {
      const answer = await world.viewer.get(`${OPS}/dashboard/trends?${query}`);
      assertProblem(answer, 400, 'bad-request');
    }
  });
});

describe('404 and 405', () => {
  test('unknown paths below the API', async () => {
    const paths = [
      `${API}/`,
      `${API}/nothing`,
      `${OPS}/dashboard`,
      `${API}/auth/me/`,
      '/api/v2/auth/me',
      '/api/',
      '/nothing',
    ];
    for (const path of paths) assertProblem(await world.admin.get(path), 404, 'not-found');
  });

  test('paths that try to leave', async () => {
    for (const path of [
      '/ops/../../etc/passwd',
      '/ops/%2e%2e/%2e%2e/etc/passwd',
      '/ops/..%2f..%2fetc/passwd',
      '//etc/passwd',
    ]) {
      const answer = await world.anyone.get(path, { check: false });
      // Below /ops/ a path without a dot in its last part is the console's own address, and gets its frame.
      const isFrame = answer.status === 200 && answer.text.startsWith('<!');
      assert.ok(isFrame || [400, 404].includes(answer.status), `${path}: ${answer.status}`);
      assert.doesNotMatch(answer.text, /root:/);
    }
  });

  test('a method that the path does not have, with Allow', async () => {
    const cases = /** @type {[string, string, string[]][]} */ ([
      ['GET', `${API}/auth/login`, ['POST']],
      ['PUT', `${API}/auth/me`, ['GET', 'HEAD']],
      ['DELETE', `${OPS}/dashboard/overview`, ['GET', 'HEAD']],
      ['PATCH', CHAT, ['POST']],
      ['POST', '/metrics', ['GET', 'HEAD']],
      ['OPTIONS', `${OPS}/alerts/active`, ['GET', 'HEAD']],
    ]);
    for (const [method, path, allowed] of cases) {
      const answer = await world.admin.send(method, path);
      assertProblem(answer, 405, 'method-not-allowed');
      const allow = (answer.headers.allow ?? '').split(/, */);
      assert.deepEqual(allow.filter((name) => name !== 'OPTIONS').sort(), allowed, `${method} ${path}`);
    }
  });

  test('a method that nobody knows', async () => {
    const answer = await world.admin.send('PROPFIND', `${API}/auth/me`);
    assert.ok([405, 501].includes(answer.status));
  });
});

describe('every route with a body', () => {
  /** @param {any} operation */
  const contents = (operation) => /** @type {[string, any][]} */ (Object.entries(operation.requestBody?.content ?? {}));
  const path = (/** @type {string} */ route) => route.replace(/\{\w+\}/g, '1');
  const key = () => world.keys['shop-a'];

  test('refuses a compressed one with 415', async () => {
    const body = gzipSync('{"message":"x"}');
    for (const { method, path: route, operation } of world.document.routes) {
      if (operation['x-permission'] === 'ingest') continue; // takes what is packed: telemetry.test.mjs
      for (const [type] of contents(operation)) {
        const headers = { 'Content-Type': type.startsWith('multipart') ? `${type}; boundary=x` : type };
        for (const encoding of ['gzip', 'br', 'deflate']) {
          const sent = { ...headers, 'Content-Encoding': encoding };
          const answer = await world.admin.send(method, path(route), { body, key: key(), headers: sent, check: false });
          assertProblem(answer, 415, 'unsupported-media-type');
          assert.equal(answer.headers['accept-encoding'], 'identity');
        }
      }
    }
  });

  test('takes no whole number that it would round', async () => {
    let fields = 0;
    for (const { method, path: route, operation } of world.document.routes) {
      for (const [type, { schema }] of contents(operation)) {
        if (type !== 'application/json') continue;
        for (const [name, property] of /** @type {[string, any][]} */ (Object.entries(schema?.properties ?? {}))) {
          const isList = property.type === 'array' && property.items?.type === 'integer';
          if (!isList && ![property.type].flat().includes('integer')) continue;
          fields += 1;
          for (const number of ['9007199254740993', '-9007199254740993', '1e300']) {
            const body = `{"${name}":${isList ? `[1,${number}]` : number}}`;
            const headers = { 'Content-Type': type };
            const answer = await world.admin.send(method, path(route), { body, key: key(), headers, check: false });
            assertProblem(answer, 422, 'invalid');
            const named = answer.json.errors.find((/** @type {any} */ error) => error.field === name);
            assert.ok(named, `${method} ${route} ${body}: ${answer.text}`);
          }
        }
      }
    }
    assert.ok(fields >= 5, String(fields));
  });
});

describe('413 and 415', () => {
  test('a body of 100 MB is refused without being read', async () => {
    const started = performance.now();
    const answer = await sendRaw(Buffer.alloc(100 << 20, 'x')).catch((error) => error);
    // The server may close while the client still sends; then the client sees a reset instead of the answer.
    if (answer instanceof Error) assert.match(String(answer), /ECONNRESET|EPIPE|socket hang up/);
    else assertProblem(answer, 413, 'too-large');
    assert.ok(performance.now() - started < 20_000);
    assert.equal((await chat({ message: 'still there?' })).status, 200);
  });

  test('a body just over the limit, and one on a route that takes none', async () => {
    assertProblem(await sendRaw(JSON.stringify({ message: 'x'.repeat(70_000) })), 413, 'too-large');
    const answer = await world.admin.send('GET', `${API}/auth/me`, { body: 'x'.repeat(70_000) });
    assert.ok([200, 400, 413].includes(answer.status), answer.text);
  });

  test('other types than JSON', async () => {
    for (const type of [
      'text/plain',
      'application/x-www-form-urlencoded',
      'multipart/form-data; boundary=x',
      'application/jsonp',
    ]) {
      assertProblem(await sendRaw('{"message":"x"}', { 'Content-Type': type }), 415, 'unsupported-media-type');
    }
    assertProblem(await sendRaw('{"message":"x"}', {}), 415, 'unsupported-media-type');
  });

  test('JSON with parameters, in any case, is JSON', async () => {
    for (const type of ['application/json; charset=utf-8', 'APPLICATION/JSON', 'application/json;charset="UTF-8"']) {
      assert.equal((await sendRaw('{"message":"x"}', { 'Content-Type': type })).status, 200, type);
    }
  });
});

describe('422: every wrong field is named at once', () => {
  test('missing, unknown and of the wrong kind together', async () => {
    const answer = await chat({ conversation_id: 7, colour: 'red', 尺寸: 1 });
    assertProblem(answer, 422, 'invalid', ['message', 'conversation_id', 'colour', '尺寸']);
  });

  test('no field is taken for another kind', async () => {
    for (const message of [1, true, [], {}, ['x'], 1e308, null]) {
      assertProblem(await chat({ message }), 422, 'invalid', ['message']);
    }
  });

  test('what is JSON and still not taken names its field', async () => {
    for (const [body, field] of [
      ['{"message":"x","message":"y"}', 'message'],
      ['{"message":"a\\u0000b"}', 'message'],
      ['{"message":"x","conversation\\u0000":1}', 'conversation'],
      ['{"message":1e999}', 'message'],
    ])
      assertProblem(await sendRaw(body), 422, 'invalid', [field]);
  });

  test('a body that is JSON but no object', async () => {
    for (const body of ['[]', '"x"', '1', 'null', 'true']) {
      const answer = await sendRaw(body);
      assert.ok([400, 422].includes(answer.status), `${body}: ${answer.text}`);
    }
  });

  test('absurd numbers', async () => {
    const trial = (/** @type {string} */ more) =>
      world.admin.send('POST', `${OPS}/knowledge/search`, {
        headers: JSON_TYPE,
        body: `{"tenant_id":"shop-a","question":"x",${more}}`,
      });
    for (const value of ['0', '-1', '21', '1.5', '1e30', '-0.0000001', '99999999999999999999', '"5"', 'true']) {
      assertProblem(await trial(`"top_k":${value}`), 422, 'invalid', ['top_k']);
    }
    for (const value of ['-0.1', '1.1', '1e308', '"0.5"']) {
      assertProblem(await trial(`"min_score":${value}`), 422, 'invalid', ['min_score']);
    }
  });

  test('two hundred wrong fields are answered, not all listed', async () => {
    const many = Object.fromEntries(Array.from({ length: 200 }, (_, i) => [`field_${i}`, i]));
    const answer = await chat({ message: 'x', ...many });
    assertProblem(answer, 422, 'invalid');
    assert.ok(answer.json.errors.length >= 10);
  });

  test('a field name of 10,000 characters does not come back whole', async () => {
    const answer = await chat({ message: 'x', ['名'.repeat(10_000)]: 1 });
    assertProblem(answer, 422, 'invalid');
    assert.ok(answer.text.length < 5000);
  });
});

describe('in the language of the reader', () => {
  const details = async (/** @type {string} */ language) => {
    const answer = await world.anyone.post(
      CHAT,
      {},
      { key: world.keys['shop-a'], headers: { 'Accept-Language': language } },
    );
    assertProblem(answer, 422, 'invalid', ['message']);
    return [answer.json.title, answer.json.detail, answer.json.errors[0].message];
  };
  const HAN = /\p{Script=Han}/u;

  test('Chinese', async () => {
    for (const language of ['zh-CN', 'zh', 'zh-CN,zh;q=0.9,en;q=0.8', 'fr;q=0.9, zh;q=0.8', 'ZH-cn']) {
      for (const text of await details(language)) assert.match(text, HAN, language);
    }
  });

  test('English, and for everybody else English', async () => {
    for (const language of ['en', 'en-GB,en;q=0.9', 'en,zh;q=0.5', 'ja', 'zh;q=0', '*', ';;;', 'x'.repeat(2000)]) {
      for (const text of await details(language)) assert.doesNotMatch(text, HAN, language.slice(0, 40));
    }
  });
});
