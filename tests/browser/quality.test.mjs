/** @file What holds for every page: accessible, never wider than the screen, light, under its security policy. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { assertAccessible, resize } from './accessible.mjs';
import * as answers from './answers.mjs';
import { newContext, openConsole, operatorContext, stub, URL_BASE } from './console.mjs';

/** @typedef {import('playwright-core').Page} Page */

const WIDTHS = [360, 390, 640, 768, 1024, 1280, 1440, 1920, 2560];
const MOST_KILOBYTES = 350;

/** @param {Page} page */
const stubbed = (page) => answers.stubDashboard(page, stub);

/** Names of 64 characters, and figures that have no room to spare. */
async function longAnswers(/** @type {Page} */ page) {
  const name =
    '京都花见和服租赁与摄影一体化体验中心祇园四条本店与浅草雷门旗舰店联合运营部东京大阪金泽名古屋福冈札幌六十四字';
  const unbroken = 'Kimono-One-Asakusa-Main-Store-With-A-Long-Unbroken-Name-64-chars';
  await stubbed(page);
  await stub(page, '/auth/me', { id: '1', username: unbroken, role: 'ops_admin', tenant_id: null });
  const tenants = answers.topTenants([name, unbroken]).map((tenant) => ({ ...tenant, conversations: 123_456_789 }));
  await stub(page, '/ops/dashboard/trends', answers.trends(7, { top_tenants: tenants }));
  const large = { conversations_today: 98_765_432, estimated_cost_today: 12_345_678.9, api_calls_today: 9_876_543_210 };
  await stub(page, '/ops/dashboard/overview', answers.overview(large));
  const { items, ...rest } = answers.components();
  const wordy = items.map((item) => ({ ...item, provider: unbroken, message: `${name}${unbroken}` }));
  await stub(page, '/ops/system/components', { ...rest, items: wordy });
  await stub(
    page,
    '/ops/alerts/active',
    answers.alertPage([{ title: name }, { title: unbroken, severity: 'critical' }]),
  );
}

for (const theme of ['light', 'dark']) {
  /** @param {Page} page */
  const choose = (page) => page.addInitScript((chosen) => localStorage.setItem('kimono.theme', chosen), theme);

  test(`axe finds nothing on the log-in page, ${theme}`, async () => {
    const context = await newContext();
    const page = await context.newPage();
    await choose(page);
    await page.goto('/ops/login');
    await page.locator('button[type=submit]').click();
    await page.getByText('请填写用户名和密码。').waitFor();
    await assertAccessible(page, 'log-in');
  });

  test(`axe finds nothing on the dashboard in all of its states, ${theme}`, async () => {
    const page = await openConsole({
      prepare: async (opened) => {
        await choose(opened);
        await stubbed(opened);
      },
    });
    await page.locator('[data-component=llm]').waitFor();
    await page.locator('[data-test=chart] canvas').waitFor();
    await assertAccessible(page, 'with figures');
    await page.keyboard.press('t');
    await page.locator('[data-test=health-table]').click();
    await assertAccessible(page, 'as tables');
    await page.keyboard.press('Control+k');
    await assertAccessible(page, 'with the palette');
    await page.keyboard.press('Escape');
    await page.locator('[data-test=person]').click();
    await assertAccessible(page, 'with the menu of the person');
    for (const path of [
      '/ops/dashboard/overview',
      '/ops/dashboard/trends',
      '/ops/system/components',
      '/ops/alerts/active',
    ]) {
      await stub(page, path, answers.problem, { status: 503 });
    }
    await page.reload();
    await page.locator('[data-test=panel-error]:visible').first().waitFor();
    await assertAccessible(page, 'with failures');
  });
}

for (const language of ['zh-CN', 'en']) {
  test(`no page is wider than the screen from 360 to 2560 px, ${language}`, async () => {
    const page = await openConsole({
      prepare: async (opened) => {
        await opened.addInitScript((chosen) => localStorage.setItem('kimono.language', chosen), language);
        await longAnswers(opened);
      },
    });
    await page.locator('[data-component=llm]').waitFor();
    for (const width of WIDTHS) {
      await resize(page, width);
      const tooWide = await page.evaluate(() => {
        const root = document.documentElement;
        if (root.scrollWidth <= root.clientWidth) return [];
        const beyond = [...document.querySelectorAll('body *')].filter(
          (element) => element.getBoundingClientRect().right > root.clientWidth + 0.5,
        );
        return beyond.slice(0, 5).map((element) => element.outerHTML.slice(0, 120));
      });
      assert.deepEqual(tooWide, [], `at ${width} px`);
    }
  });
}

test('nothing lies over anything else in the rows of the components', async () => {
  const page = await openConsole({ prepare: longAnswers });
  await page.locator('[data-component=llm]').waitFor();
  for (const width of WIDTHS) {
    await resize(page, width);
    const overlaps = await page.evaluate(() =>
      [...document.querySelectorAll('[data-component]')].flatMap((row) => {
        const boxes = [...row.children].map((cell) => cell.getBoundingClientRect());
        return boxes.flatMap((a, i) =>
          boxes
            .slice(i + 1)
            .filter((b) => a.left < b.right - 1 && b.left < a.right - 1 && a.top < b.bottom - 1 && b.top < a.bottom - 1)
            .map(() => `${/** @type {HTMLElement} */ (row).dataset.component} cell ${i}`),
        );
      }),
    );
    assert.deepEqual(overlaps, [], `at ${width} px`);
  }
});

test(`the first view weighs less than ${MOST_KILOBYTES} KB, charts and all`, async () => {
  const context = await operatorContext();
  const page = await context.newPage();
  /** @type {Promise<number>[]} */
  const sizes = [];
  page.on('requestfinished', (request) => {
    sizes.push(
      request.sizes().then(({ responseBodySize, responseHeadersSize }) => responseBodySize + responseHeadersSize),
    );
  });
  const charts = page.waitForResponse(/\/ops\/js\/charts-/);
  await page.goto('/ops/');
  await charts;
  await page.waitForLoadState('networkidle');
  const total = (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0) / 1024;
  assert.ok(total < MOST_KILOBYTES, `${total.toFixed(0)} KB`);
});

test('the server sends a policy without exceptions, and hashed files may be kept for good', async () => {
  const context = await newContext();
  const response = await context.request.get('/ops/login');
  const policy = response.headers()['content-security-policy'] ?? '';
  assert.match(policy, /script-src 'self'(;|$)/);
  assert.match(policy, /style-src 'self'(;|$)/);
  assert.doesNotMatch(policy, /unsafe/);
  const script = /\/ops\/js\/login-[^"]+\.js/.exec(await response.text())?.[0];
  const file = await context.request.get(`${URL_BASE}${script}`);
  assert.match(file.headers()['cache-control'] ?? '', /immutable/);
});
