/** @file The dashboard shows what the server says, and says so when it can't. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as answers from './answers.mjs';
import {
  installClock,
  openConsole,
  panel,
  recordRequests,
  settled,
  stopClock,
  stopServer,
  stub,
  until,
} from './console.mjs';

/** @typedef {import('playwright-core').Page} Page */

/** @param {Page} page */
const stubbed = (page) => answers.stubDashboard(page, stub);
/** @param {number} value */
const number = (value) => new Intl.NumberFormat('zh-CN', { maximumFractionDigits: 0 }).format(value);
/** @param {number} value */
const yuan = (value) => new Intl.NumberFormat('zh-CN', { style: 'currency', currency: 'CNY' }).format(value);

/**
 * @param {Page} page
 * @param {string} figure
 */
const card = (page, figure) => page.locator(`[data-figure="${figure}"]`);
/**
 * @param {Page} page
 * @param {string} figure
 */
const figure = (page, figure) => card(page, figure).locator('[data-test=value]').innerText();

test('the figures are those of the server', async () => {
  /** @type {Promise<any> | undefined} */
  let answer;
  const page = await openConsole({
    prepare: async (opened) => {
      answer = opened
        .waitForResponse((response) => response.url().includes('/dashboard/overview'))
        .then((response) => response.json());
    },
  });
  const overview = await answer;
  await card(page, 'total_tenants').locator('[data-test=value]').waitFor();
  assert.equal(await figure(page, 'total_tenants'), number(overview.total_tenants));
  assert.equal(await figure(page, 'conversations_today'), number(overview.conversations_today));
  assert.equal(await figure(page, 'pending_feedbacks'), number(overview.pending_feedbacks));
  assert.equal(await figure(page, 'api_calls_today'), number(overview.api_calls_today));
  const cost = await figure(page, 'estimated_cost_today');
  if (overview.estimated_cost_today >= 0.01) assert.equal(cost, yuan(overview.estimated_cost_today));
});

test('components, tenants and the trend table are those of the server', async () => {
  /** @type {Record<string, Promise<any>>} */
  const asked = {};
  const page = await openConsole({
    prepare: async (opened) => {
      for (const name of ['components', 'trends']) {
        asked[name] = opened
          .waitForResponse((response) => response.url().includes(`/${name}`) && response.url().includes('/api/'))
          .then((response) => response.json());
      }
    },
  });
  const components = await asked.components;
  await page
    .locator('[data-component]')
    .nth(components.items.length - 1)
    .waitFor();
  const names = await page.locator('[data-component]').evaluateAll((rows) => rows.map((row) => row.dataset.component));
  assert.deepEqual(
    names,
    components.items.map((/** @type {{ name: string }} */ item) => item.name),
  );
  for (const item of components.items) {
    const row = page.locator(`[data-component="${item.name}"]`);
    assert.ok(await row.evaluate((element, health) => element.classList.contains(`is-${health}`), item.status));
    assert.equal(await row.locator('.strip-cell').count(), item.history.length);
  }
  const trends = await asked.trends;
  await page.keyboard.press('t');
  const rows = page.locator('[data-test=trend-rows] tbody tr');
  await rows.first().waitFor();
  const shown = await rows.evaluateAll((list) => list.map((row) => row.children[1].textContent));
  const expected = trends.points.map((/** @type {{ conversations: number }} */ point) => number(point.conversations));
  assert.deepEqual(shown, expected.reverse());
});

test('changes, shares and notes are worked out right', async () => {
  const page = await openConsole({ prepare: stubbed });
  await card(page, 'total_tenants').locator('[data-test=change]').waitFor();
  const texts = await Promise.all(
    ['total_tenants', 'conversations_today', 'api_calls_today', 'estimated_cost_today'].map((name) =>
      card(page, name).innerText(),
    ),
  );
  assert.match(texts[0], /\+1 较昨日同时/);
  assert.match(texts[1], /\+8\.2% 较昨日同时/);
  assert.match(texts[1], /平均响应 1,241 ms/);
  assert.match(texts[2], /失败 142（0\.31%）/);
  assert.match(texts[3], /-3\.1% 较昨日同时/);
  assert.match(texts[3], /12 次未计价/);
  assert.match(await card(page, 'pending_feedbacks').innerText(), /已告警/);
});

test('what could not be read is a dash with a reason, never zero', async () => {
  const page = await openConsole({
    prepare: async (opened) => {
      await stubbed(opened);
      const compared = { ...answers.overview().compared, conversations_today: null };
      const unread = { avg_response_time_ms: null, month_cost_estimate: null, compared };
      await stub(opened, '/ops/dashboard/overview', answers.overview(unread));
    },
  });
  await settled(page);
  assert.match(await card(page, 'conversations_today').innerText(), /平均响应 —/);
  assert.match(await card(page, 'estimated_cost_today').innerText(), /月底预计 —/);
  const change = card(page, 'conversations_today').locator('[data-test=change]');
  assert.equal(await change.innerText(), '— 较昨日同时');
  assert.equal(await change.getAttribute('title'), '昨日没有读数，无法比较');
});

test('the address holds range and series: reload, back, and a link show the same', async () => {
  const page = await openConsole({ prepare: stubbed });
  await page.locator('[data-days="30"]').click();
  await page.waitForURL('**/ops/dashboard?days=30');
  await card(page, 'estimated_cost_today').click();
  await page.waitForURL('**/ops/dashboard?days=30&metric=cost');
  await page.getByRole('heading', { name: '成本趋势' }).waitFor();
  assert.equal(await page.locator('[data-test=metric]').inputValue(), 'cost');
  assert.equal(await card(page, 'estimated_cost_today').locator('.card-link').getAttribute('aria-current'), 'true');
  await page.reload();
  await page.getByRole('heading', { name: '成本趋势' }).waitFor();
  await page.getByText('近 30 天，与前 30 天').waitFor();
  await page.goBack();
  await page.getByRole('heading', { name: '对话趋势' }).waitFor();
  assert.equal(await page.locator('[data-days="30"]').getAttribute('aria-pressed'), 'true');
  await page.goBack();
  await page.getByText('近 7 天，与前 7 天').waitFor();
});

test('an address with nonsense in it shows the defaults', async () => {
  const page = await openConsole({ path: '/ops/dashboard?days=-1&metric=%3Cb%3E', prepare: stubbed });
  await page.getByRole('heading', { name: '对话趋势' }).waitFor();
  assert.equal(await page.locator('[data-days="7"]').getAttribute('aria-pressed'), 'true');
});

test('the table sorts, what could not be read first or last', async () => {
  const page = await openConsole({ path: '/ops/dashboard?metric=response_time', prepare: stubbed });
  await settled(page);
  await page.locator('[data-test=trend-table]').click();
  const values = () =>
    page
      .locator('[data-test=trend-rows] tbody tr')
      .evaluateAll((list) => list.map((row) => row.children[1].textContent));
  await page.getByRole('button', { name: '本期' }).click();
  const descending = await values();
  assert.equal(descending.at(-1), '—');
  await page.getByRole('button', { name: '本期' }).click();
  assert.deepEqual(await values(), descending.reverse());
});

test('the arrow keys read the chart day by day', async () => {
  const page = await openConsole({ prepare: stubbed });
  await page.locator('[data-test=chart] canvas').waitFor();
  await page.locator('[data-test=chart]').focus();
  await page.keyboard.press('ArrowLeft');
  await page.locator('.chart-tooltip .tooltip').getByText('今天未结束').waitFor();
  await page.keyboard.press('Home');
  const first = answers.trends(7).points[0];
  const tooltip = page.locator('.chart-tooltip .tooltip');
  await tooltip.getByText(number(first.conversations)).waitFor();
  await tooltip.getByText(yuan(first.cost_cny)).waitFor();
});

test('the strip has a table of what was not healthy', async () => {
  const page = await openConsole({ prepare: stubbed });
  await page.locator('[data-test=health-table]').click();
  const rows = page.locator('[data-test=incidents] tbody tr');
  await rows.first().waitFor();
  const texts = await rows.allInnerTexts();
  assert.equal(texts.length, 3);
  assert.match(texts[0], /大模型.*降级.*现在.*3 小时/s);
  assert.match(texts[1], /向量库.*故障.*30 分/s);
  assert.match(texts[2], /调度器.*未知.*3 小时/s);
});

test('before there is anything every panel says what to expect', async () => {
  const page = await openConsole({
    prepare: async (opened) => {
      await stubbed(opened);
      await stub(opened, '/ops/dashboard/overview', answers.emptyOverview());
      await stub(opened, '/ops/dashboard/trends', { ...answers.trends(7), points: [], previous: [], top_tenants: [] });
      await stub(opened, '/ops/system/components', { items: [], generated_at: new Date().toISOString() });
      await stub(opened, '/ops/alerts/active', answers.alertPage([]));
    },
  });
  await panel(page, 'trends').getByText('这段时间没有数据').waitFor();
  await panel(page, 'tenants').getByText('今天还没有对话').waitFor();
  await panel(page, 'components').getByText('还没有组件的读数').waitFor();
  await panel(page, 'alerts').getByText('没有活跃告警').waitFor();
  assert.equal(await figure(page, 'conversations_today'), '0');
});

test('a panel that fails says why and by which request, offers a retry, and leaves the others alone', async () => {
  let works = false;
  const page = await openConsole({
    prepare: async (opened) => {
      await stubbed(opened);
      await opened.route('**/api/v1/ops/system/components', (route) =>
        works
          ? route.fulfill({ json: answers.components() })
          : route.fulfill({ status: 500, json: answers.problem, headers: { 'X-Request-Id': 'request-4711' } }),
      );
    },
  });
  const failed = panel(page, 'components');
  await failed.getByText('没有读到组件状态').waitFor();
  await failed.getByText(answers.problem.detail).waitFor();
  await failed.getByText('请求编号 request-4711').waitFor();
  await panel(page, 'tenants').getByText('Kimono One 浅草本店').waitFor();
  assert.equal(await page.locator('[data-test=panel-error]:visible').count(), 1);
  works = true;
  await failed.locator('[data-test=retry]').click();
  await page.locator('[data-component=llm]').waitFor();
  assert.equal(await page.locator('[data-test=panel-error]:visible').count(), 0);
});

test('when the server stops, one red pill says since when, what is shown is grey with its age, and it recovers', async () => {
  const page = await openConsole({ prepare: stubbed });
  await page.locator('[data-component=llm]').waitFor();
  const start = await stopServer(page);
  await page.locator('[data-test=refresh]').click();
  const pill = page.locator('[data-test=state]');
  await page.locator('[data-test=state].is-unhealthy').waitFor();
  assert.match(await pill.innerText(), /没有回应 · 自 \d\d:\d\d（\d+ 秒）/);
  await panel(page, 'trends').locator('[data-test=stale]:visible').waitFor();
  await panel(page, 'components').locator('[data-test=stale]:visible').waitFor();
  assert.equal(await figure(page, 'conversations_today'), '1,256');
  // Nothing is green that nobody knows of, nothing but the pill is red or amber, and nothing asks to be tried again.
  for (const row of await page.locator('[data-component]').all()) {
    assert.match((await row.getAttribute('class')) ?? '', /is-unknown/);
  }
  const colours = await page
    .locator('.panel, .card')
    .evaluateAll((all) => all.filter((one) => one.checkVisibility()).map((one) => getComputedStyle(one).filter));
  assert.ok(colours.length >= 9);
  assert.deepEqual([...new Set(colours)], ['grayscale(1)']);
  assert.equal(await page.locator('[data-test=stale].is-warning:visible').count(), 0);
  await start();
  await page.locator('[data-test=state].is-degraded').waitFor();
  await page.locator('[data-test=stale]:visible').first().waitFor({ state: 'detached' });
});

test('a server that is away is asked by one question each time, and all is asked again when it is back', async () => {
  const page = await openConsole({
    prepare: async (opened) => {
      await stubbed(opened);
      await installClock(opened);
    },
  });
  await settled(page);
  const start = await stopServer(page);
  await page.locator('[data-test=refresh]').click();
  await page.locator('[data-test=state].is-unhealthy').waitFor();
  await stopClock(page);
  const requests = recordRequests(page);
  await page.clock.runFor(26_000);
  assert.deepEqual([...new Set(requests)], ['GET /ops/system/status']);
  assert.ok(requests.length >= 4 && requests.length <= 6, `${requests.length} questions`);
  await start();
  await page.clock.runFor(6_000);
  await until(() => requests.includes('GET /ops/dashboard/overview') && requests.includes('GET /ops/alerts/active'));
});

test('a proxy without its server is no answer', async () => {
  const page = await openConsole({ prepare: stubbed });
  await settled(page);
  await page.route('**/api/v1/ops/**', (route) => route.fulfill({ status: 502, body: '<h1>Bad Gateway</h1>' }));
  await page.locator('[data-test=refresh]').click();
  await page.locator('[data-test=state].is-unhealthy').getByText('没有回应').waitFor();
});

test('one slow answer among others does not say that the server is away', async () => {
  const page = await openConsole({ prepare: stubbed });
  await settled(page);
  await page.route('**/api/v1/ops/dashboard/trends?*', (route) =>
    setTimeout(() => route.abort('timedout').catch(() => {}), 500),
  );
  await page.locator('[data-test=refresh]').click();
  await panel(page, 'trends').locator('[data-test=stale].is-warning:visible').waitFor();
  await page.locator('[data-test=state].is-degraded').waitFor();
});

test('a component that fails: since when, for whom, how often, first and above the fold', async () => {
  for (const viewport of [
    { width: 1280, height: 800 },
    { width: 390, height: 844 },
  ]) {
    const page = await openConsole({ window: { viewport }, prepare: stubbed });
    const row = page.locator('[data-component]').first();
    await row.waitFor();
    assert.equal(await row.getAttribute('data-component'), 'llm');
    const time = new Intl.DateTimeFormat('zh-CN', {
      hour: '2-digit',
      minute: '2-digit',
      hourCycle: 'h23',
      timeZone: 'Asia/Shanghai',
    });
    const since = time.format(answers.troubleSince());
    // A minute may have passed since the answer was made up.
    const clock = new RegExp(
      `自 .*(${since}|${time.format(Date.parse(answers.troubleSince().toISOString()) - 60_000)})`,
    );
    assert.match(await row.innerText(), clock);
    assert.match(await row.innerText(), /3 家商家，41 次调用失败/);
    assert.match(await page.locator('[data-test=state]').innerText(), clock);
    const box = await row.boundingBox();
    if (viewport.width > 1000) {
      assert.match(await page.locator('[data-test=state]').innerText(), /3 家商家，41 次调用失败/);
      assert.ok(box && box.y + box.height <= viewport.height, 'the failing row is above the fold');
    }
  }
});

test('a period compares with as much of the one before', async () => {
  /** @param {any} days */
  const flat = (days) => days.map((/** @type {any} */ day) => ({ ...day, conversations: 100 }));
  const made = answers.trends(7);
  const points = flat(made.points);
  points[6].conversations = 30;
  const page = await openConsole({
    prepare: async (opened) => {
      await stubbed(opened);
      await stub(opened, '/ops/dashboard/trends', {
        ...made,
        points,
        previous: flat(made.previous),
        previous_so_far: { ...made.previous_so_far, conversations: 24 },
      });
    },
  });
  // 6 × 100 + 30 against 6 × 100 + 24, not against 700
  const summary = panel(page, 'trends').getByText('上期同期 624 · +1%');
  await summary.waitFor();
  await panel(page, 'trends').getByText('合计 630').waitFor();
  await page.keyboard.press('t');
  const today = page.locator('[data-test=trend-rows] tbody tr').first();
  await today.waitFor();
  assert.deepEqual((await today.locator('td').allInnerTexts()).slice(1, 4), ['30', '24', '+25%']);
});

test('days of which nothing is recorded are gaps and not compared', async () => {
  const made = answers.trends(7);
  const unknown = (/** @type {any} */ day) => ({
    ...Object.fromEntries(Object.keys(day).map((name) => [name, null])),
    date: day.date,
  });
  const page = await openConsole({
    prepare: async (opened) => {
      await stubbed(opened);
      await stub(opened, '/ops/dashboard/trends', {
        ...made,
        previous: made.previous.map(unknown),
        points: made.points.map((/** @type {any} */ day, /** @type {number} */ index) =>
          index < 2 ? unknown(day) : day,
        ),
        previous_so_far: unknown(made.previous_so_far),
      });
    },
  });
  await panel(page, 'trends').getByText('上期 —（没有数据）').waitFor();
  await page.keyboard.press('t');
  const oldest = page.locator('[data-test=trend-rows] tbody tr').last();
  await oldest.waitFor();
  assert.deepEqual((await oldest.locator('td').allInnerTexts()).slice(1), ['—', '—', '—', '—']);
});

test('first steps: each is checked off by what is there, none leads nowhere, and none is a command', async () => {
  /** @type {Record<string, unknown>} */
  let overview = answers.emptyOverview();
  const page = await openConsole({
    prepare: async (opened) => {
      await stubbed(opened);
      await stub(opened, '/ops/dashboard/overview', () => overview);
    },
  });
  const steps = page.locator('[data-test=first-steps] [data-step]');
  await steps.first().waitFor();
  assert.deepEqual(await steps.evaluateAll((all) => all.map((one) => one.dataset.done)), Array(4).fill('false'));
  assert.doesNotMatch(await page.locator('main, body').first().innerText(), /kimono (tenant|import|demo)/);
  overview = { ...overview, total_tenants: 1, active_tenants: 1 };
  await page.locator('[data-test=refresh]').click();
  await page.locator('[data-step=tenant][data-done=true]').waitFor();
  assert.equal(await page.locator('[data-step=tenant] a:visible').count(), 0);
  await page.locator('[data-step=knowledge] a').click();
  await page.waitForURL('**/ops/knowledge?dialog=import');
  await page.goBack();
  overview = { ...overview, conversations_week: 3 };
  await page.locator('[data-test=refresh]').click();
  await page.locator('[data-test=first-steps]').waitFor({ state: 'detached' });
});

test('a page that is opened while the server is down opens by itself when it is back', async () => {
  /** @type {() => Promise<void>} */
  let start = async () => {};
  const page = await openConsole({
    prepare: async (opened) => {
      start = await stopServer(opened);
    },
  });
  await page.locator('[data-test=session-failed]').waitFor();
  await start();
  await page.locator('[data-figure]').first().waitFor();
});
