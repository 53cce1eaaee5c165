/** @file The frame: theme, language, palette, keys, menus, navigation. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as answers from './answers.mjs';
import { tenantPage } from './answers-tenants.mjs';
import { atAddress, newContext, openConsole, panel, pressInSuccession, stub } from './console.mjs';

/** @typedef {import('playwright-core').Page} Page */

/** No tenants, as the palette would find them too. @param {Page} page */
async function stubbed(page) {
  await answers.stubDashboard(page, stub);
  await stub(page, '/ops/tenants', tenantPage([]));
}
/** @param {Page} page */
const theme = (page) => page.evaluate(() => document.documentElement.dataset.theme);

test('the theme follows the system until one is chosen, then stays', async () => {
  const page = await openConsole({ prepare: stubbed, window: { colorScheme: 'dark' } });
  assert.equal(await theme(page), 'dark');
  await page.emulateMedia({ colorScheme: 'light' });
  await page.waitForFunction(() => document.documentElement.dataset.theme === 'light');
  await page.locator('[data-test=theme]').click();
  assert.equal(await theme(page), 'dark');
  await page.reload();
  await page.locator('[data-figure]').first().waitFor();
  assert.equal(await theme(page), 'dark');
});

test('the theme is there before the first paint', async () => {
  const context = await newContext({ colorScheme: 'dark' });
  const page = await context.newPage();
  // Without the modules only the blocking script can have set it.
  await page.route('**/ops/js/login-*.js', (route) => route.abort());
  await page.goto('/ops/login');
  assert.equal(await theme(page), 'dark');
});

test('the language changes everything at once, is told to the server, and stays', async () => {
  const page = await openConsole({ prepare: stubbed });
  await page.getByRole('heading', { name: '系统概览' }).waitFor();
  const askedAgain = page.waitForRequest('**/api/v1/ops/system/components');
  await page.locator('[data-test=language]').click();
  await page.getByRole('heading', { name: 'Overview' }).waitFor();
  assert.equal((await askedAgain).headers()['accept-language'], 'en');
  assert.equal(await page.locator('html').getAttribute('lang'), 'en');
  const asked = page.waitForRequest('**/api/v1/ops/dashboard/overview');
  await page.reload();
  assert.equal((await asked).headers()['accept-language'], 'en');
  await page.getByRole('heading', { name: 'Overview' }).waitFor();
});

for (const language of ['zh-CN', 'en']) {
  test(`no text is missing in ${language}`, async () => {
    const page = await openConsole({
      prepare: async (opened) => {
        await stubbed(opened);
        await opened.addInitScript((chosen) => localStorage.setItem('kimono.language', chosen), language);
      },
    });
    await page.locator('[data-component=llm]').waitFor();
    const texts = await page.evaluate(() => {
      const attributes = ['aria-label', 'title', 'placeholder'];
      return [...document.querySelectorAll('body *')].flatMap((element) => [
        ...[...element.childNodes]
          .filter((node) => node.nodeType === Node.TEXT_NODE)
          .map((node) => node.nodeValue ?? ''),
        ...attributes.map((name) => element.getAttribute(name) ?? ''),
      ]);
    });
    // A text that isn't there shows as its key; a parameter that isn't given as a hole, null or undefined.
    const wrong = texts.filter((text) => /^[a-z]\w*(\.\w+)+$|\{\w+\}|undefined|\bnull\b|NaN/.test(text.trim()));
    assert.deepEqual(wrong, []);
  });
}

test('the palette: opened, searched and used by keyboard, the focus comes back', async () => {
  const page = await openConsole({ prepare: stubbed });
  await page.locator('[data-test=refresh]').focus();
  await page.keyboard.press('/');
  const field = page.getByRole('combobox', { name: '搜索商家、页面与命令' });
  await field.waitFor();
  await page.keyboard.type('90');
  assert.deepEqual(await page.locator('[role=option]').allInnerTexts(), ['趋势：近 90 天']);
  await page.keyboard.press('Enter');
  await page.waitForURL('**/ops/dashboard?days=90');
  await page.locator('[data-test=palette]').waitFor({ state: 'hidden' });
  assert.ok(await page.locator('[data-test=refresh]').evaluate((element) => element === document.activeElement));
  await page.keyboard.press('Control+k');
  await page.keyboard.type('no such thing');
  await page.getByText('没有符合的商家、页面或命令').waitFor();
  await page.keyboard.press('Escape');
  await page.locator('[data-test=palette]').waitFor({ state: 'hidden' });
});

test('typing in the palette finds words of either language', async () => {
  const page = await openConsole({ prepare: stubbed });
  await page.keyboard.press('Control+k');
  await page.keyboard.type('dark');
  assert.deepEqual(await page.locator('[role=option]').allInnerTexts(), ['深色主题']);
  await page.keyboard.press('Enter');
  assert.equal(await theme(page), 'dark');
});

test('? lists the keys, and they do what the list says', async () => {
  const page = await openConsole({ prepare: stubbed });
  await page.keyboard.press('?');
  const list = page.locator('[data-test=keys]');
  await list.getByText('刷新本页').waitFor();
  await page.keyboard.press('Escape');
  await list.waitFor({ state: 'hidden' });
  const asked = page.waitForRequest('**/api/v1/ops/dashboard/overview');
  await page.keyboard.press('r');
  await asked;
  await page.keyboard.press('t');
  await page.locator('[data-test=trend-rows]').waitFor();
  await pressInSuccession(page, 'g d');
  await atAddress(page, '/ops/dashboard');
});

test('the bell counts the alerts and lists them; red only for what needs a person', async () => {
  const page = await openConsole({ prepare: stubbed });
  const bell = page.locator('[data-test=bell]');
  await bell.locator('.badge.is-urgent').getByText('2').waitFor();
  assert.equal(await bell.getAttribute('aria-label'), '2 条活跃告警');
  assert.match(await page.title(), /^\(2\)/);
  await bell.click();
  await page.locator('#alert-menu').getByText('向量同步失败').waitFor();
  await page.keyboard.press('Escape');
  await page.locator('#alert-menu').waitFor({ state: 'hidden' });
});

test('the state pill says what is wrong and leads there', async () => {
  const page = await openConsole({ prepare: stubbed });
  const pill = page.locator('[data-test=state]');
  await pill.getByText('降级 · 大模型').waitFor();
  await pill.click();
  await page.waitForURL('**/ops/dashboard#components');
  assert.ok(await panel(page, 'components').isVisible());
});

test('only pages that work are in the navigation, and an unknown address says so', async () => {
  const page = await openConsole({ path: '/ops/nonsense', prepare: stubbed });
  await page.getByRole('heading', { name: '没有这个页面' }).waitFor();
  const links = await page
    .locator('#side-bar .nav-link')
    .evaluateAll((all) => all.map((link) => link.getAttribute('href')));
  for (const link of links) {
    await page.goto(link ?? '');
    await page.locator('h1:visible').first().waitFor();
    assert.equal(await page.getByRole('heading', { name: '没有这个页面' }).isVisible(), false, `${link}`);
  }
});

test('/ops/ is the dashboard', async () => {
  const page = await openConsole({ path: '/ops/', prepare: stubbed });
  await page.locator('[data-figure]').first().waitFor();
});

test('on a narrow screen the side bar opens over the page and closes', async () => {
  const page = await openConsole({ prepare: stubbed, window: { viewport: { width: 390, height: 844 } } });
  const sideBar = page.locator('#side-bar');
  await sideBar.waitFor({ state: 'hidden' });
  await page.getByRole('button', { name: '打开导航' }).click();
  await sideBar.getByText('仪表盘').waitFor();
  await page.keyboard.press('Escape');
  await sideBar.waitFor({ state: 'hidden' });
});

test('the keyboard reaches everything, and shows where it is', async () => {
  const page = await openConsole({ prepare: stubbed });
  await page.locator('[data-component=llm]').waitFor();
  await page.locator('[data-test=chart] canvas').waitFor();
  /** Marks the focused element and says what it is, and whether it can be seen to have the focus. */
  const focused = () =>
    page.evaluate(() => {
      const element = /** @type {HTMLElement} */ (document.activeElement);
      const again = element.dataset.walked !== undefined;
      element.dataset.walked = '';
      const { outlineStyle, outlineWidth } = getComputedStyle(element);
      return {
        again,
        isBody: element === document.body,
        text: element.outerHTML.slice(0, 80),
        outlineStyle,
        outlineWidth,
      };
    });
  for (let step = 0; step < 80; step += 1) {
    await page.keyboard.press('Tab');
    const { again, isBody, text, outlineStyle, outlineWidth } = await focused();
    if (again || isBody) break;
    assert.ok(outlineStyle !== 'none' && outlineWidth !== '0px', `no visible focus on ${text}`);
  }
  const missed = await page.evaluate(() =>
    [...document.querySelectorAll('a[href], button, select, input')]
      .filter(
        (element) => element.checkVisibility() && !(/** @type {HTMLElement} */ (element).dataset.walked !== undefined),
      )
      .map((element) => element.outerHTML.slice(0, 80)),
  );
  assert.deepEqual(missed, []);
});
