/** @file API usage and cost: what the page says is what the server says, of the range that is chosen. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { assertAccessible, assertFits, assertNoTextMissing } from './accessible.mjs';
import { problem } from './answers.mjs';
import { openConsole, panel, settled, stub, visit } from './console.mjs';

/** @typedef {import('playwright-core').Page} Page */

const now = () => new Date().toISOString();
/** @param {number} value */
const number = (value) => new Intl.NumberFormat('zh-CN', { maximumFractionDigits: 0 }).format(value);
/** @param {Page} page @param {string} figure */
const figure = (page, figure) => page.locator(`[data-figure="${figure}"] [data-test=value]`);

/** A range's answers, as of a store without calls. @param {object} [changes] */
const noStats = (changes = {}) => ({
  start_time: now(),
  end_time: now(),
  ...{ total_calls: 0, success_calls: 0, failed_calls: 0, aborted_calls: 0, unpriced_calls: 0, estimated_calls: 0 },
  ...{ tokens_input: 0, tokens_output: 0, tokens_cached: 0 },
  ...{ avg_latency_ms: null, p50_latency_ms: null, p95_latency_ms: null, cost_cny: 0, estimated_cost_cny: 0 },
  by_api: [],
  generated_at: now(),
  ...changes,
});
const row = {
  calls: 900,
  failed: 9,
  unpriced: 0,
  estimated: 0,
  tokens_input: 12_345,
  tokens_output: 678,
  cost_cny: 1.5,
};
/** @param {any[]} items @param {object} [rest] */
const byTenant = (items, rest = {}) => ({
  start_time: now(),
  end_time: now(),
  items,
  rest: { ...Object.fromEntries(Object.keys(row).map((name) => [name, 0])), tenants: 0, ...rest },
  total: items.length,
  total_calls: 0,
  total_cost_cny: items.reduce((sum, item) => sum + item.cost_cny, 0),
  generated_at: now(),
});

test('figures, months and rows are those of the server, of the range that is chosen: for real', async () => {
  /** @type {any} */
  let stats;
  const hourAgo = new Date(Date.now() - 3_600_000).toISOString(); // what is compared with ended long before
  const page = await openConsole({
    path: '/ops/api-usage?days=30',
    prepare: async (opened) => {
      stats = opened
        .waitForResponse((response) => {
          const { pathname, searchParams } = new URL(response.url());
          return pathname.endsWith('/api-usage/stats') && String(searchParams.get('end_time')) > hourAgo;
        })
        .then((response) => response.json());
    },
  });
  const first = await stats;
  await settled(page);
  const span = Date.parse(first.end_time) - Date.parse(first.start_time);
  assert.ok(span > 28 * 86_400_000 && span <= 30 * 86_400_000, String(span));
  assert.equal(await figure(page, 'total_calls').innerText(), number(first.total_calls));
  assert.equal(await figure(page, 'tokens_input').innerText(), number(first.tokens_input));
  assert.equal(await page.locator('[data-test=api-rows] tr').count(), first.by_api.length);
  await page.locator('[data-days="1"]').click();
  await page.waitForURL('**/ops/api-usage?days=1');
  await settled(page);
  await page.keyboard.press('t');
  assert.equal(await page.locator('[data-test=trend-rows] tbody tr').count(), 24);
});

test('a tenant is chosen by its row; its page and its cost lead to each other', async () => {
  const page = await openConsole({
    path: '/ops/api-usage',
    prepare: async (opened) => {
      const items = [
        { tenant_id: 'tenant_001', name: '浅草店', ...row },
        { tenant_id: null, name: null, ...row, cost_cny: 0.5 },
        { tenant_id: 'gone', name: null, ...row, cost_cny: 0.25 },
      ];
      await stub(opened, '/ops/api-usage/by-tenant', byTenant(items, { ...row, tenants: 7, cost_cny: 0.1 }));
    },
  });
  const rows = page.locator('[data-test=tenant-rows] tr');
  await rows.nth(3).waitFor();
  assert.match(await rows.nth(0).innerText(), /浅草店\s+900\s+9\s+12,345\s+678\s+¥1\.50\s+66\.7%/);
  assert.match(await rows.nth(1).innerText(), /不属于商家/);
  assert.match(await rows.nth(2).innerText(), /gone/);
  assert.match(await rows.nth(3).innerText(), /其余 7 家/);
  await page.locator('[data-sort=calls]').click();
  await page.waitForURL('**/ops/api-usage?sort=calls');
  assert.equal(await page.locator('th[aria-sort=descending]').innerText(), '调用');
  await rows.nth(0).getByRole('link').click();
  await page.waitForURL('**/ops/api-usage?sort=calls&tenant_id=tenant_001');
  assert.equal(await page.locator('[data-test=to-tenant]').getAttribute('href'), '/ops/tenants?tenant=tenant_001');
  await visit(page, '/ops/dashboard');
  await page.locator('[data-test=to-usage]').click();
  await page.waitForURL('**/ops/api-usage');
});

test('what has no price, what is estimated and what was broken off is said apart', async () => {
  const one = { api_type: 'elsewhere', operation: 'chat', model: 'new', ...row, aborted: 3, tokens_cached: 0 };
  const page = await openConsole({
    path: '/ops/api-usage',
    prepare: async (opened) => {
      const by_api = [{ ...one, unpriced: 900, cost_cny: 0, avg_latency_ms: 12, p95_latency_ms: 40 }];
      const figures = { total_calls: 900, failed_calls: 9, aborted_calls: 3, unpriced_calls: 900, estimated_calls: 5 };
      await stub(opened, '/ops/api-usage/stats', noStats({ ...figures, by_api }));
    },
  });
  await page.locator('[data-detail=unpriced]').waitFor();
  assert.equal(await page.locator('[data-detail=unpriced]').innerText(), '900 次没有价格');
  assert.equal(await page.locator('[data-detail=estimated]').innerText(), '5 次为估算');
  assert.equal(await page.locator('[data-detail=aborted]').innerText(), '中断 3');
  const cells = await page.locator('[data-test=api-rows] tr').first().innerText();
  assert.match(cells, /new elsewhere · chat 900 次没有价格\s[^]*—$/u);
});

test('without calls and without an answer each panel says so, and the others go on', async () => {
  const page = await openConsole({
    path: '/ops/api-usage',
    prepare: async (opened) => {
      await stub(opened, '/ops/api-usage/stats', noStats());
      await stub(opened, '/ops/api-usage/by-tenant', byTenant([]));
      await stub(opened, '/ops/api-usage/projection', problem, { status: 503 });
    },
  });
  await settled(page);
  assert.equal(await figure(page, 'total_calls').innerText(), '0');
  assert.equal(await figure(page, 'p95_latency_ms').innerText(), '—');
  assert.match(await panel(page, 'usage-apis').innerText(), /这段时间没有调用/);
  assert.match(await panel(page, 'usage-tenants').innerText(), /这段时间没有调用/);
  assert.match(await panel(page, 'month').innerText(), /存储正忙/);
  await panel(page, 'usage-cost').locator('[data-test=rate]').waitFor();
});

for (const theme of ['light', 'dark']) {
  test(`fits, is accessible and whole in ${theme}: for real`, async () => {
    const page = await openConsole({
      path: '/ops/api-usage',
      prepare: (opened) =>
        opened.addInitScript(
          ([chosen, language]) => {
            localStorage.setItem('kimono.theme', chosen);
            localStorage.setItem('kimono.language', language);
          },
          [theme, theme === 'dark' ? 'en' : 'zh-CN'],
        ),
    });
    for (const address of ['/ops/api-usage', '/ops/api-usage?days=1&metric=latency', '/ops/api-usage?tenant_id=none']) {
      await visit(page, address);
      await settled(page);
      await assertNoTextMissing(page, address);
      await assertAccessible(page, address);
      for (const width of [360, 768, 1280, 2560]) await assertFits(page, width);
      await page.setViewportSize({ width: 1280, height: 860 });
    }
  });
}
