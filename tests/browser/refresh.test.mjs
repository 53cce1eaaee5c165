/** @file The automatic refresh: fresh figures, and nobody disturbed. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as answers from './answers.mjs';
import {
  installClock,
  openConsole,
  panel,
  recordRequests,
  settled,
  shows,
  stopClock,
  stub,
  until,
} from './console.mjs';

/** @typedef {import('playwright-core').Page} Page */

const PERIOD = 31_000;

/**
 * The dashboard with made-up answers, just received, and a clock that stands until the test moves it.
 * @param {(page: Page) => Promise<unknown>} [prepare]
 */
async function openDashboard(prepare) {
  const page = await openConsole({
    prepare: async (opened) => {
      await installClock(opened);
      await answers.stubDashboard(opened, stub);
      await prepare?.(opened);
    },
  });
  await page.locator('[data-component=llm]').waitFor();
  await page.locator('[data-test=chart] canvas').waitFor();
  await stopClock(page);
  await page.locator('[data-test=refresh]').click();
  await settled(page);
  await page.mouse.move(0, 0);
  return page;
}

/** @param {Page} page @param {boolean} hidden */
async function setHidden(page, hidden) {
  await page.evaluate((value) => {
    Object.defineProperty(document, 'hidden', { configurable: true, get: () => value });
    document.dispatchEvent(new Event('visibilitychange'));
  }, hidden);
}

test('every panel is asked again after 30 seconds, once', async () => {
  const page = await openDashboard();
  const requests = recordRequests(page);
  await page.clock.runFor(25_000);
  assert.deepEqual(requests, []);
  await page.clock.runFor(10_000);
  await until(() => requests.length >= 6);
  await settled(page);
  assert.deepEqual(
    requests.toSorted(),
    [
      'GET /ops/alerts/active',
      'GET /ops/dashboard/overview',
      'GET /ops/dashboard/trends',
      'GET /ops/jobs',
      'GET /ops/system/components',
      'GET /ops/system/status',
    ].toSorted(),
  );
});

test('new figures come without moving the page, the focus or an open dialog', async () => {
  let conversations = 1256;
  const page = await openDashboard((opened) =>
    stub(opened, '/ops/dashboard/overview', () => answers.overview({ conversations_today: conversations })),
  );
  await page.setViewportSize({ width: 1280, height: 500 });
  await page.locator('[data-figure=api_calls_today] .card-link').focus(); // which scrolls to it
  await page.evaluate(() => scrollTo(0, 200));
  conversations = 1300;
  await page.clock.runFor(PERIOD);
  await page.locator('[data-figure=conversations_today]').getByText('1,300').waitFor();
  assert.equal(await page.evaluate(() => scrollY), 200);
  const focused = await page.evaluate(() => {
    const card = document.activeElement?.closest('[data-figure]');
    return card?.getAttribute('data-figure');
  });
  assert.equal(focused, 'api_calls_today');

  await page.keyboard.press('Control+k');
  await page.keyboard.type('趋势');
  await page.keyboard.press('ArrowDown');
  conversations = 1400;
  await page.clock.runFor(PERIOD);
  await page.locator('[data-figure=conversations_today]').getByText('1,400').waitFor();
  assert.ok(await page.locator('[data-test=palette]').isVisible());
  assert.equal(await page.getByRole('combobox', { name: '搜索商家、页面与命令' }).inputValue(), '趋势');
  assert.equal(await page.locator('[role=option][aria-selected=true]').innerText(), '趋势：近 7 天');
});

test('an open tooltip and the table stay through a refresh', async () => {
  const page = await openDashboard();
  await page.locator('[data-test=chart]').hover({ position: { x: 320, y: 100 } });
  const tooltip = page.locator('.chart-tooltip .tooltip');
  await tooltip.waitFor();
  await page.clock.runFor(PERIOD);
  assert.ok(await tooltip.isVisible());
  await page.mouse.move(0, 0);
  await page.keyboard.press('t');
  const table = page.locator('[data-test=trend-rows]');
  await page.getByRole('button', { name: '本期' }).click();
  await page.clock.runFor(PERIOD);
  assert.ok(await table.isVisible());
  assert.equal(await table.locator('th').nth(1).getAttribute('aria-sort'), 'descending');
});

test('a list whose order changes waits until the reader has left', async () => {
  let names = ['甲', '乙', '丙', '丁', '戊'];
  const page = await openDashboard((opened) =>
    opened.route('**/api/v1/ops/dashboard/trends?*', (route) =>
      route.fulfill({ json: answers.trends(7, { top_tenants: answers.topTenants(names) }) }),
    ),
  );
  const shown = () => panel(page, 'tenants').locator('ol:visible > li .truncate').allInnerTexts();
  await panel(page, 'tenants').hover();
  names = names.toReversed();
  await page.clock.runFor(PERIOD);
  await shows(page, panel(page, 'tenants').getByText('有更新'));
  assert.deepEqual(await shown(), ['甲', '乙', '丙', '丁', '戊']);
  await page.mouse.move(0, 0);
  await page.waitForFunction(() =>
    document.querySelector('[data-panel=tenants] ol:last-of-type')?.textContent?.includes('戊'),
  );
  assert.deepEqual(await shown(), ['戊', '丁', '丙', '乙', '甲']);
});

test('a hidden tab asks for nothing, and asks at once when it is looked at again', async () => {
  const page = await openDashboard();
  await setHidden(page, true);
  const requests = recordRequests(page);
  await page.clock.runFor(10 * 60_000);
  assert.deepEqual(requests, []);
  await setHidden(page, false);
  await page.clock.runFor(100);
  await until(() => requests.some((request) => request === 'GET /ops/dashboard/overview'));
  await settled(page);
  assert.equal(requests.filter((request) => request === 'GET /ops/dashboard/overview').length, 1);
});

test('Retry-After is kept to: no automatic question before', async () => {
  const page = await openDashboard();
  let asked = 0;
  const refuse = () => {
    asked += 1;
    return answers.problem;
  };
  await stub(page, '/ops/system/components', refuse, { status: 503, headers: { 'Retry-After': '70' } });
  await page.clock.runFor(PERIOD);
  await shows(page, panel(page, 'components').locator('[data-test=stale]'));
  assert.equal(asked, 1);
  await page.clock.runFor(60_000);
  await settled(page);
  assert.equal(asked, 1);
  await page.clock.runFor(15_000);
  await until(() => asked > 1);
  await settled(page);
  assert.equal(asked, 2);
});
