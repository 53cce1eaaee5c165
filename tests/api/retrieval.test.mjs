/** @file What a customer is answered of a shop's own questions: word for word, in one character, oddly spaced; and what a
 * keyword finds in the list of knowledge. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { OPS, World } from './harness.mjs';

/** @type {World} */
let world;
before(async () => {
  world = await World.open();
  for (const question of [...ALIKE, ...SHORT, ...FOLDED]) await put(question);
});
after(() => world.close());

const ALIKE = ['和服租赁价格', '和服租赁怎么样啊？', '天气怎么样啊？', '味道怎么样啊？'];
const SHORT = ['下雨天有伞吗', '退款多久到账', '租和服多少钱', '3人可以打折吗', '有XL号的男装吗'];
const FOLDED = ['Where is the Café Kimono', 'Königstraße 5'];

const put = (/** @type {string} */ question) =>
  world.admin.must('POST', `${OPS}/knowledge/qa-pairs`, {
    status: 201,
    json: { tenant_id: 'shop-b', question, answer: `答：${question}` },
  });

const trial = (/** @type {string} */ question) =>
  world.admin.must('POST', `${OPS}/knowledge/search`, { json: { tenant_id: 'shop-b', question } });

describe('a stored question', () => {
  test('that is asked word for word is answered by its own pair, and only that scores 1', async () => {
    for (const question of [...ALIKE, ...SHORT, ...FOLDED]) {
      const answer = await world.ask('shop-b', question);
      assert.equal(answer.answer, `答：${question}`, question);
      assert.deepEqual(
        answer.sources.map((/** @type {{ score: number }} */ source) => source.score === 1),
        answer.sources.map((/** @type {unknown} */ _, /** @type {number} */ at) => at === 0),
        question,
      );
      const { matches } = await trial(question);
      assert.deepEqual([matches[0].question, matches[0].score], [question, 1]);
    }
  });

  test('is the same in another width, case or normal form', async () => {
    for (const [asked, stored] of [
      ['　和服租赁怎么样啊?\u00A0', ALIKE[1]],
      ['WHERE IS THE CAFE\u0301 KIMONO', FOLDED[0]],
      ['KÖNIGSTRASSE ５', FOLDED[1]],
    ]) {
      const { matches } = await trial(String(asked));
      assert.deepEqual([matches[0].question, matches[0].score], [stored, 1], asked);
    }
  });

  test('is found by one character, through odd spaces, beside an unknown character', async () => {
    for (const [asked, stored] of [
      ['伞', SHORT[0]],
      ['退', SHORT[1]],
      ['租 和 服 多 少 钱', SHORT[2]],
      ['3人', SHORT[3]],
      ['XL号', SHORT[4]],
      ['XL码', SHORT[4]],
    ])
      assert.equal((await world.ask('shop-b', String(asked))).answer, `答：${stored}`, asked);
  });
});

describe('a keyword in the list of knowledge', () => {
  const found = async (/** @type {string} */ keyword) => {
    const query = new URLSearchParams({ tenant_id: 'shop-b', keyword });
    const { items } = await world.admin.must('GET', `${OPS}/knowledge/qa-pairs?${query}`);
    return items.map((/** @type {{ question: string }} */ item) => item.question);
  };
  const wanted = [
    ['mono', [FOLDED[0]]],
    ['é', [FOLDED[0]]],
    ['cafe k', [FOLDED[0]]],
    ['STRASSE', [FOLDED[1]]],
    ['ß', [FOLDED[1]]],
    ['XL', [SHORT[4]]],
    ['ｌ号', [SHORT[4]]],
    ['伞', [SHORT[0]]],
    ['kïmono', []],
  ];

  test('finds any part, at once and when the full text has taken it', async () => {
    for (const wait of [0, 1500]) {
      await new Promise((resolve) => setTimeout(resolve, wait));
      for (const [keyword, questions] of wanted)
        assert.deepEqual(await found(String(keyword)), questions, `${keyword} after ${wait} ms`);
    }
  });
});
