/** @file Which texts are one to a reader: a question in any width, case and form, with spaces that nobody sees at its
 * ends; tenants and templates by a keyword in any of these. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { OPS, World, assertProblem } from './harness.mjs';

/** @type {World} */
let world;
before(async () => {
  world = await World.open();
});
after(() => world.close());

const PAIRS = `${OPS}/knowledge/qa-pairs`;
const QUESTION = 'Café 和服ガイド 价格？ Straße';
const SAME = [
  '\u00a0Café 和服ガイド 价格？ Straße\u3000',
  '\ufeffCafe\u0301 和服カ\u3099イド 价格? Straße\u200b',
  'ＣＡＦÉ 和服ｶﾞｲﾄﾞ 价格？ STRASSE',
];
const OTHERS = ['Cafe 和服ガイド 价格？ Straße', 'Café 和服カイド 价格？ Straße', 'Café 和服ガイド 價格？ Straße'];

const put = (/** @type {string} */ question) =>
  world.admin.send('POST', PAIRS, { json: { tenant_id: 'shop-b', question, answer: 'A' } });

const putTemplate = (/** @type {string} */ question) =>
  world.admin.send('POST', `${OPS}/templates`, { json: { question, answer: 'A', category: '' } });

describe('a question', () => {
  test('is the same in any width, case and form; what is typed is kept, without spaces at its ends', async () => {
    const first = await put(`\u00a0\u200b${QUESTION}\u3000\ufeff`);
    assert.equal(first.status, 201, first.text);
    assert.equal(first.json.question, QUESTION);
    for (const question of SAME) assertProblem(await put(question), 409, 'conflict');
    for (const question of OTHERS) assert.equal((await put(question)).status, 201, question);
  });

  test('of a template, too', async () => {
    assert.equal((await putTemplate(QUESTION)).status, 201);
    for (const question of SAME) assertProblem(await putTemplate(question), 409, 'conflict');
    for (const question of OTHERS) assert.equal((await putTemplate(question)).status, 201, question);
  });
});

describe('a keyword', () => {
  test('finds tenants and templates in any width, case and form', async () => {
    await world.admin.must('POST', `${OPS}/tenants`, {
      status: 201,
      json: { id: 'folded', name: 'Ｋｙｏｔｏ ﾚﾝﾀﾙ Straße' },
    });
    const found = async (/** @type {string} */ path, /** @type {string} */ keyword) =>
      (await world.admin.must('GET', `${OPS}/${path}?keyword=${encodeURIComponent(keyword)}`)).total;
    for (const keyword of ['kyoto ﾚﾝ', 'ＫＹＯＴＯ レンタル', 'レンタル', 'strasse', 'FOLDED'])
      assert.equal(await found('tenants', keyword), 1, keyword);
    for (const keyword of ['ＣＡＦE\u0301 和服', 'ｃａｆé', 'ガイド 价格?'])
      assert.ok((await found('templates', keyword)) >= 1, keyword);
    assert.equal(await found('tenants', '%yoto'), 0);
  });
});
