/** @file The log: lines found, opened and followed, patterns, saved queries; texts that would do harm do none. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { assertAccessible, assertFits, assertNoTextMissing } from './accessible.mjs';
import { URL_BASE, openConsole, panel, settled, stub, visit } from './console.mjs';

const API = `${URL_BASE}/api/v1`;

/** @param {() => Promise<boolean>} holds */
async function eventually(holds) {
  for (const deadline = Date.now() + 30_000; !(await holds()); await new Promise((done) => setTimeout(done, 100)))
    assert.ok(Date.now() < deadline, `waited in vain until ${holds}`);
}

/** @param {Partial<import('../../src/static/ops/js/core/api-types.js').LogLine>} line */
const lineOf = (line) => ({
  id: '20784.1.7',
  timestamp: new Date().toISOString(),
  level: 'ERROR',
  source: 'llm',
  message: 'x',
  tenant_id: null,
  request_id: null,
  fields: null,
  ...line,
});

/** @param {import('playwright-core').Page} page @param {object[]} items */
const stubLines = (page, items) => stub(page, '/ops/logs/query', { items, next_cursor: null, complete: true });

test('a request is found by a query, opened, and what is around it shown: for real', async () => {
  const page = await openConsole({ path: '/ops/logs' });
  const id = (await page.request.get(`${API}/ops/tenants?page_size=1`)).headers()['x-request-id'];
  const query = `request:${id} AND status:200`;
  await eventually(async () => {
    const answer = await page.request.get(`${API}/ops/logs/query?query=${encodeURIComponent(query)}`);
    return (await answer.json()).items.length === 1;
  });
  await page.locator('[data-test=query]').fill(query);
  await page.locator('[data-test=query]').press('Enter');
  const rows = panel(page, 'logs').locator('[data-test=rows] tr');
  await eventually(async () => (await rows.count()) === 1);
  await settled(page);
  await rows.first().locator('[data-test=open-line]').click();
  const whole = page.locator('[data-test=whole-line]');
  await whole.waitFor();
  assert.match(await whole.innerText(), new RegExp(`/ops/tenants 200[^]*${id}[^]*status`));
  await page.locator('[data-test=around]').click();
  await page.locator('[data-test=around-lines] [role=listitem]').nth(1).waitFor();
  assert.equal(await page.locator('[data-test=around-lines] .log-mark').count(), 1);
});

test('what does not parse is said with its place', async () => {
  const page = await openConsole({ path: '/ops/logs?query=(a' });
  await panel(page, 'logs').getByText('第 1 列').first().waitFor();
});

test('new lines come in by themselves, and wait while the list is read: for real', async () => {
  const page = await openConsole({ path: '/ops/logs?query=tenants' });
  await settled(page);
  await page.mouse.move(5, 5);
  await page.locator('[data-test=live]').click();
  await page.evaluate(() => /** @type {HTMLElement} */ (document.activeElement).blur());
  const rows = panel(page, 'logs').locator('[data-test=rows] tr');
  const before = await rows.count();
  await page.waitForTimeout(1000);
  await page.request.get(`${API}/ops/tenants?page_size=1`);
  await eventually(async () => (await rows.count()) > before);
  await panel(page, 'logs').hover();
  await page.request.get(`${API}/ops/tenants?page_size=2`);
  await page.locator('[data-test=live-waiting]').waitFor();
  const whileRead = await rows.count();
  await page.locator('[data-test=live-waiting]').click();
  await eventually(async () => (await rows.count()) > whileRead);
});

test('a line with markup, 64 KiB, marks of direction and control characters harms nothing', async () => {
  const items = [
    lineOf({ id: '1.1.1', message: '<img src=x onerror="window.harmed = true"><script>window.harmed = true</script>' }),
    lineOf({ id: '1.1.2', message: `长${'w'.repeat(65_530)}` }),
    lineOf({ id: '1.1.3', message: '\u202Eسجل\u0000\u0007\u2066 abc', source: '\u202Esource' }),
    lineOf({ id: '1.1.4', message: 'a\nb\tc', fields: { '<b>': '<i>', nested: { a: ['\u202E'] } } }),
  ];
  const page = await openConsole({ path: '/ops/logs', prepare: (opened) => stubLines(opened, items) });
  const rows = panel(page, 'logs').locator('[data-test=rows] tr');
  await rows.nth(3).waitFor();
  for (let i = 0; i < 4; i++) await rows.nth(i).locator('[data-test=open-line]').click();
  await page.locator('[data-test=whole-line]').nth(3).waitFor();
  assert.match(await rows.nth(0).innerText(), /<script>/);
  assert.equal(await page.evaluate(() => 'harmed' in window), false);
  for (const width of [360, 1280]) await assertFits(page, width);
});

test('a query is saved, found again and deleted: for real', async () => {
  const page = await openConsole({ path: '/ops/logs?query=level%3AERROR&range=7d' });
  await page.locator('[data-test=saved]').click();
  await page.locator('[data-test=saving-name]').fill('一周错误');
  await page.locator('[data-test=save-query]').click();
  const saved = page.locator('[data-saved]').filter({ hasText: '一周错误' });
  await saved.waitFor();
  assert.match(String(await saved.getByRole('link').getAttribute('href')), /query=level%3AERROR/);
  await saved.getByRole('button').click();
  await saved.waitFor({ state: 'detached' });
});

test('a pattern leads to its lines: for real', async () => {
  const page = await openConsole({ path: '/ops/logs?view=patterns' });
  const first = page.locator('[data-test=patterns] tr').first();
  await first.waitFor();
  await first.getByRole('link').click();
  await panel(page, 'logs').locator('[data-test=rows] tr').first().waitFor();
});

for (const theme of ['light', 'dark']) {
  test(`every view is accessible, fits the screen and lacks no text, ${theme}`, async () => {
    const page = await openConsole({
      path: '/ops/logs',
      prepare: (opened) =>
        opened.addInitScript(
          ([chosen, language]) => {
            localStorage.setItem('kimono.theme', chosen);
            localStorage.setItem('kimono.language', language);
          },
          [theme, theme === 'dark' ? 'en' : 'zh-CN'],
        ),
    });
    for (const address of [
      '/ops/logs?source=scheduler',
      '/ops/logs?view=patterns&source=scheduler',
      '/ops/logs?query=nothing-has-this-word',
    ]) {
      await visit(page, address);
      await settled(page);
      await assertNoTextMissing(page, address);
      await assertAccessible(page, address);
      for (const width of [360, 768, 1280, 2560]) await assertFits(page, width);
      await page.setViewportSize({ width: 1280, height: 860 });
    }
  });
}
