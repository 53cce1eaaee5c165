/** @file Everyone's knowledge: figures, what filters offer, and the list under filters, orders and cursors. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { OPS, PAIRS, World, assertProblem } from './harness.mjs';

/** @type {World} */
let world;
before(async () => {
  world = await World.open();
});
after(() => world.close());

const LIST = `${OPS}/knowledge/qa-pairs`;

/** @param {Record<string, string | number | boolean>} [query] */
const list = (query = {}) =>
  world.admin.must('GET', `${LIST}?${new URLSearchParams(Object.entries(query).map(([k, v]) => [k, String(v)]))}`);

/** @param {Record<string, string | number | boolean>} query */
const questions = async (query) =>
  (await list(query)).items.map((/** @type {{ question: string }} */ item) => item.question);

/** @param {string} word  of a question @returns {{ question: string, answer: string, category: string }} */
const pairWith = (word) => {
  const pair = PAIRS.find(({ question }) => question.includes(word));
  assert.ok(pair);
  return pair;
};

/**
 * The list's answer to a query that it must refuse.
 * @param {string} query
 * @param {string} field  that the problem names
 */
async function assertRefused(query, field) {
  const answer = await world.admin.get(`${LIST}?${query}`);
  assertProblem(answer, 422, 'invalid', [field]);
}

describe('the overview', () => {
  test('counts by tenant, category and source', async () => {
    const overview = await world.viewer.must('GET', `${OPS}/knowledge/overview`);
    assert.equal(overview.total_qa_pairs, PAIRS.length);
    assert.equal(overview.by_tenant['shop-a'], PAIRS.length);
    assert.equal(overview.by_tenant['shop-b'], 0);
    for (const { category } of PAIRS) assert.equal(overview.by_category[category], 1);
    assert.equal(
      Object.values(overview.by_source).reduce((sum, count) => sum + count, 0),
      PAIRS.length,
    );
    assert.equal(overview.synced_count + overview.unsynced_count, PAIRS.length);
    assert.equal(overview.avg_quality_score, 0.5);
    assert.ok(Date.parse(overview.generated_at) > 0);
  });

  test('facets are those of all, or of one tenant', async () => {
    const all = await world.viewer.must('GET', `${OPS}/knowledge/facets`);
    assert.deepEqual(
      all.categories.map((/** @type {{ name: string }} */ entry) => entry.name).sort(),
      PAIRS.map(({ category }) => category).sort(),
    );
    assert.equal(all.sources.length, 1);
    assert.deepEqual(await world.viewer.must('GET', `${OPS}/knowledge/facets?tenant_id=shop-a`), all);
    const none = await world.viewer.must('GET', `${OPS}/knowledge/facets?tenant_id=shop-b`);
    assert.deepEqual(none, { categories: [], category_count: 0, sources: [] });
    const one = await world.viewer.must('GET', `${OPS}/knowledge/facets?keyword=${encodeURIComponent('价')}`);
    assert.deepEqual([one.categories, one.category_count], [[{ name: '价格', count: 1 }], 1]);
    assert.equal(all.category_count, PAIRS.length);
  });
});

describe('the list', () => {
  test('has every pair with all that the page shows', async () => {
    const { items, total, page, page_size: size, next_cursor: next } = await list();
    assert.deepEqual([items.length, total, page, size, next], [PAIRS.length, PAIRS.length, 1, 20, null]);
    const rental = items.find((/** @type {{ category: string }} */ item) => item.category === '价格');
    assert.equal(rental.tenant_id, 'shop-a');
    assert.ok(rental.tenant_name.length > 0);
    assert.equal(rental.answer, pairWith('租赁').answer);
    assert.deepEqual([rental.quality_score, rental.version, rental.hit_count], [0.5, 1, 0]);
    assert.equal(rental.template_id, null);
  });

  test('filters alone and together', async () => {
    const rental = pairWith('租赁').question;
    assert.deepEqual(await questions({ category: '价格' }), [rental]);
    assert.deepEqual(await questions({ category: '价格', tenant_id: 'shop-a', quality_min: 0.5, keyword: '和服' }), [
      rental,
    ]);
    assert.deepEqual(await questions({ category: '价格', tenant_id: 'shop-b' }), []);
    assert.deepEqual(await questions({ tenant_id: 'nobody' }), []);
    assert.deepEqual(await questions({ quality_min: 0.6 }), []);
    assert.deepEqual(await questions({ quality_max: 0.4 }), []);
    for (const synced of [true, false])
      for (const item of (await list({ is_synced: synced })).items) assert.equal(item.is_synced, synced);
  });

  test('finds a keyword in question and answer, from one Chinese character up', async () => {
    for (const [keyword, word] of [
      ['赁', '租赁'],
      ['租赁', '租赁'],
      ['和服租赁多少钱', '租赁'],
      ['九十', '预约'],
      ['COURIER', 'ship'],
      ['ｏｖｅｒｓｅａｓ', 'ship'],
      ['forty countries', 'ship'],
    ])
      assert.deepEqual(await questions({ keyword }), [pairWith(word).question], keyword);
  });

  test('takes nothing in a keyword for syntax', async () => {
    for (const keyword of [
      '"',
      "'",
      '*',
      '%',
      '(',
      'NEAR(',
      'a OR',
      '-',
      '^',
      '{x} : y',
      '\\',
      '😀',
      'question:',
      '赁*"',
    ])
      await list({ keyword });
    assert.deepEqual(await questions({ keyword: '%' }), []);
    assert.deepEqual(await questions({ keyword: '租价' }), [], 'both characters are there, not side by side');
  });

  test('sorts by every column both ways', async () => {
    for (const sort of [
      'id',
      'created_at',
      'updated_at',
      'quality_score',
      'hit_count',
      'question',
      'category',
      'tenant_name',
    ]) {
      const up = await questions({ sort });
      const down = await questions({ sort: `-${sort}` });
      assert.equal(up.length, PAIRS.length);
      assert.deepEqual(down, up.toReversed(), sort);
    }
  });

  test('goes on with the cursor, each pair once', async () => {
    for (const sort of ['-updated_at', 'question', '-category', 'tenant_name']) {
      const met = [];
      let query = /** @type {Record<string, string | number>} */ ({ sort, page_size: 2 });
      for (let pages = 0; pages < 3; pages++) {
        const answer = await list(query);
        met.push(...answer.items.map((/** @type {{ id: number }} */ item) => item.id));
        assert.equal(answer.next_cursor === null, pages === 2);
        query = { ...query, cursor: answer.next_cursor };
      }
      assert.equal(new Set(met).size, PAIRS.length);
    }
  });

  test('refuses what is wrong and names it', async () => {
    await assertRefused('cursor=nonsense', 'cursor');
    const { next_cursor: cursor } = await list({ page_size: 2 });
    await assertRefused(`cursor=${cursor}&sort=id`, 'cursor');
    await assertRefused(`cursor=${cursor}&keyword=x`, 'cursor');
    await assertRefused('page=100000', 'page');
    await assertRefused('page_size=201', 'page_size');
    await assertRefused('sort=answer', 'sort');
    await assertRefused('source=elsewhere', 'source');
    await assertRefused('is_synced=maybe', 'is_synced');
    await assertRefused('quality_min=2', 'quality_min');
    await assertRefused('nothing=1', 'nothing');
  });
});

describe('roles', () => {
  test('a viewer sees the list, a tenant does not', async () => {
    await world.viewer.must('GET', LIST);
    for (const path of [LIST, `${OPS}/knowledge/overview`, `${OPS}/knowledge/facets`]) {
      assertProblem(await world.shopStaff.get(path), 403);
      assertProblem(await world.anyone.get(path), 401);
    }
  });
});
