/** @file What customers do: asking, going on, saying whether it was good; and the retrieval trial of the operators. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { API, OPS, PAIRS, World, assertProblem } from './harness.mjs';

/** @type {World} */
let world;
before(async () => {
  world = await World.open();
});
after(() => world.close());

const CHAT = `${API}/chat/message`;
const FEEDBACK = `${API}/feedback`;
const SEARCH = `${OPS}/knowledge/search`;
const UNKNOWN = 'Quantum chromodynamics lattice';

/**
 * @param {object} json
 * @param {'shop-a' | 'shop-b'} [tenant]
 */
const chat = (json, tenant = 'shop-a') => world.anyone.post(CHAT, json, { key: world.keys[tenant] });

/**
 * @param {object} json
 * @param {'shop-a' | 'shop-b'} [tenant]
 */
const rate = (json, tenant = 'shop-a') => world.anyone.post(FEEDBACK, json, { key: world.keys[tenant] });

describe('a question', () => {
  for (const pair of PAIRS) {
    test(`is answered from its pair: ${pair.question}`, async () => {
      const answer = await world.ask('shop-a', pair.question);
      assert.equal(answer.answered, true);
      assert.equal(answer.answer, pair.answer);
      assert.equal(answer.sources[0].question, pair.question);
    });
  }

  test('in other words, with punctuation and full-width letters', async () => {
    for (const message of ['请问一下，和服租赁多少钱？', '和服租赁　多少钱', '我想租赁和服，一天多少钱呢？？']) {
      assert.equal((await world.ask('shop-a', message)).answer, PAIRS[0].answer, message);
    }
    const fullWidth = await world.ask('shop-a', 'ｄｏ ｙｏｕ ｓｈｉｐ ｏｖｅｒｓｅａｓ');
    assert.equal(fullWidth.answer, PAIRS[4].answer);
  });

  test('that nobody has answered gets an honest "not known"', async () => {
    const answer = await world.ask('shop-a', UNKNOWN);
    assert.equal(answer.answered, false);
    assert.deepEqual(answer.sources, []);
    assert.ok(answer.answer.length > 0);
  });

  test('"not known" comes in the language of the customer', async () => {
    const ask = (/** @type {string} */ language) =>
      world.anyone.must('POST', CHAT, {
        key: world.keys['shop-b'],
        json: { message: UNKNOWN },
        headers: { 'Accept-Language': language },
      });
    assert.match((await ask('zh-CN,zh;q=0.9')).answer, /\p{Script=Han}/u);
    assert.doesNotMatch((await ask('en-GB')).answer, /\p{Script=Han}/u);
    assert.match((await ask('ja,en;q=0.8')).answer, /\p{Script=Hiragana}/u);
  });

  test('"not known" comes in the language of the question, whatever the header says', async () => {
    const answerTo = async (/** @type {string} */ message, /** @type {string | undefined} */ language) => {
      /** @type {Record<string, string>} */
      const headers = language ? { 'Accept-Language': language } : {};
      const json = { message };
      return (await world.anyone.must('POST', CHAT, { key: world.keys['shop-b'], json, headers })).answer;
    };
    for (const [message, language, expected] of [
      ['火星上能买到比特币吗', undefined, /抱歉/],
      ['火星上能买到比特币吗', 'en-US', /抱歉/],
      ['ビットコインは買えますか', undefined, /申し訳/],
      ['ﾋﾞｯﾄｺｲﾝ?', 'zh-CN', /申し訳/],
      ['火星移住計画', 'ja', /申し訳/],
      ['火星移住計画', 'zh-CN,ja;q=0.5', /抱歉/],
      ['비트코인 있어요', undefined, /Sorry/],
      ['quantum lattice?', undefined, /Sorry/],
    ])
      assert.match(
        await answerTo(String(message), language === undefined ? undefined : String(language)),
        /** @type {RegExp} */ (expected),
        `${message} ${language}`,
      );
  });

  test('sources come best first with scores from 0 to 1', async () => {
    const { sources } = await world.ask('shop-a', '和服租赁多少钱一天，可以提前预约吗');
    const scores = sources.map((/** @type {{ score: number }} */ source) => source.score);
    assert.ok(scores.length >= 2);
    assert.deepEqual(
      scores,
      [...scores].sort((a, b) => b - a),
    );
    for (const score of scores) assert.ok(score >= 0 && score <= 1);
  });

  test("one tenant's knowledge never answers for another", async () => {
    const answer = await world.ask('shop-b', PAIRS[0].question);
    assert.equal(answer.answered, false);
    assert.deepEqual(answer.sources, []);
  });

  test('odd texts are questions like any other', async () => {
    const odd = [
      '?',
      '🎎👘',
      'a',
      'ﷺ',
      '\u202eabc',
      "'; DROP TABLE tenants; --",
      '%_\\',
      '<script>',
      'NEAR("a" "b")',
      '"',
    ];
    for (const message of odd) {
      assert.equal((await chat({ message })).status, 200, message);
    }
  });

  test('of 2,000 characters is read, of 2,001 refused', async () => {
    assert.equal((await chat({ message: '问'.repeat(2000) })).status, 200);
    assertProblem(await chat({ message: '问'.repeat(2001) }), 422, 'invalid', ['message']);
  });

  test('that is empty or blank is refused', async () => {
    for (const message of ['', ' ', '\t\n', '　']) {
      assertProblem(await chat({ message }), 422, 'invalid', ['message']);
    }
  });
});

describe('a conversation', () => {
  test('goes on where it was', async () => {
    const first = await world.ask('shop-a', PAIRS[0].question);
    const second = await world.ask('shop-a', PAIRS[1].question, first.conversation_id);
    assert.equal(second.conversation_id, first.conversation_id);
    assert.notEqual(second.message_id, first.message_id);
  });

  test('of another tenant, or of nobody, is not found', async () => {
    const { conversation_id: id } = await world.ask('shop-a', PAIRS[0].question);
    assertProblem(await chat({ message: 'x', conversation_id: id }, 'shop-b'), 404, 'not-found');
    assertProblem(await chat({ message: 'x', conversation_id: 'cnv_nothing' }), 404, 'not-found');
  });

  test('every new one has its own id', async () => {
    const asked = await Promise.all(Array.from({ length: 20 }, () => world.ask('shop-a', PAIRS[2].question)));
    assert.equal(new Set(asked.map((answer) => answer.conversation_id)).size, 20);
    assert.equal(new Set(asked.map((answer) => answer.message_id)).size, 20);
  });
});

describe('feedback', () => {
  const message = async () => (await world.ask('shop-a', PAIRS[0].question)).message_id;

  test('good is noted, bad is pending', async () => {
    const good = await rate({ message_id: await message(), rating: 'good' });
    assert.equal(good.json.status, 'noted');
    const bad = await rate({ message_id: await message(), rating: 'bad' });
    assert.equal(bad.json.status, 'pending');
    assert.notEqual(good.json.id, bad.json.id);
  });

  test('the last word on a message counts: a slip of the thumb can be taken back', async () => {
    const id = await message();
    const pending = async () => (await world.admin.must('GET', `${OPS}/dashboard/overview`)).pending_feedbacks;
    const before = await pending();
    const first = await rate({ message_id: id, rating: 'bad' });
    assert.equal(await pending(), before + 1);
    const second = await rate({ message_id: id, rating: 'good' });
    assert.deepEqual([second.status, second.json.id, second.json.status], [200, first.json.id, 'noted']);
    assert.equal(await pending(), before);
  });

  test("on another tenant's message, or on none, is not found", async () => {
    assertProblem(await rate({ message_id: await message(), rating: 'good' }, 'shop-b'), 404);
    assertProblem(await rate({ message_id: 'msg_nothing', rating: 'good' }), 404);
  });

  test('names all wrong fields', async () => {
    assertProblem(await rate({ rating: 'meh', stars: 5 }), 422, 'invalid', ['message_id', 'rating', 'stars']);
  });

  test('with a correction waits to be learned', async () => {
    const { message_id: id } = await world.ask('shop-b', '停车场在哪里');
    const answer = await rate({ message_id: id, rating: 'bad', correction: '停车场在店后面。' }, 'shop-b');
    assert.equal(answer.json.status, 'pending');
  });
});

describe('the retrieval trial', () => {
  test('shows the matches and the answer, and records no conversation', async () => {
    const before = await world.admin.must('GET', `${OPS}/dashboard/overview`);
    const trial = await world.viewer.must('POST', SEARCH, {
      json: { tenant_id: 'shop-a', question: PAIRS[0].question },
    });
    assert.equal(trial.answered, true);
    assert.equal(trial.answer, PAIRS[0].answer);
    assert.equal(trial.matches[0].category, PAIRS[0].category);
    const after = await world.admin.must('GET', `${OPS}/dashboard/overview`);
    assert.equal(after.conversations_today, before.conversations_today);
  });

  test('keeps to top_k and min_score', async () => {
    const trial = (/** @type {object} */ more) =>
      world.admin.must('POST', SEARCH, {
        json: { tenant_id: 'shop-a', question: '和服租赁可以预约吗多少钱', ...more },
      });
    const asked = await trial({ top_k: 1, min_score: 0 });
    assert.equal(asked.matches.length, 1);
    assert.deepEqual([asked.top_k, asked.min_score], [1, 0]);
    const asSet = await trial({});
    assert.deepEqual([asSet.top_k, asSet.min_score], [5, 0.3]);
    for (const { score } of (await trial({ min_score: 0.5 })).matches) assert.ok(score >= 0.5);
    const strict = await trial({ min_score: 1 });
    assert.equal(strict.answered, strict.matches.length > 0);
  });

  test('of an unknown tenant is not found', async () => {
    assertProblem(await world.admin.post(SEARCH, { tenant_id: 'nobody', question: 'x' }), 404);
  });

  test('names all wrong fields', async () => {
    const wrong = { tenant_id: 5, top_k: 0, min_score: 2, limit: 1 };
    const fields = ['tenant_id', 'question', 'top_k', 'min_score', 'limit'];
    assertProblem(await world.admin.post(SEARCH, wrong), 422, 'invalid', fields);
  });
});
