/**
 * @file What holds of every page at the widths of a phone, a tablet and a laptop: what is touched is large enough, no
 * field makes a phone zoom, the first row is on the first screen, and what loads has the shape of what comes. Against
 * the server as it is.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { assertFits } from './accessible.mjs';
import { openConsole, settled, URL_BASE, visit } from './console.mjs';

/** @typedef {import('playwright-core').Page} Page */

const PHONE = { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true };

const LISTS = ['/ops/tenants', '/ops/templates', '/ops/knowledge', '/ops/jobs', '/ops/audit'];
const PAGES = [
  ...[
    '/ops/dashboard',
    '/ops/api-usage',
    ...LISTS,
    '/ops/templates?view=matrix',
    '/ops/corrections',
    '/ops/knowledge?view=trial',
    '/ops/logs',
  ],
  ...[
    '/ops/knowledge?view=deleted',
    '/ops/knowledge?dialog=new',
    '/ops/knowledge?dialog=import',
    '/ops/tenants?dialog=new',
  ],
];

/** Leaves something in every list. @param {Page} page */
async function fill(page) {
  const api = `${URL_BASE}/api/v1/ops`;
  const headers = { Origin: new URL(URL_BASE).origin, Prefer: 'wait=10' };
  const job = await page.request.post(`${api}/knowledge/sync/check`, { data: {}, headers });
  const { items } = await (await page.request.get(`${api}/knowledge/qa-pairs?page_size=1`)).json();
  const data = { action: 'set_category', ids: [items[0].id], category: '宽度' }; // it can be undone: a row with two links
  const bulk = await page.request.post(`${api}/knowledge/qa-pairs/bulk`, { data, headers });
  const gone = await page.request.delete(`${api}/knowledge/qa-pairs/${items[0].id}`, { headers });
  assert.deepEqual([job.ok(), bulk.ok(), gone.ok()], [true, true, true]);
}

/**
 * What is too small: fields whose text makes a phone zoom, and what is hard to touch. A link within a text is as high as
 * the text.
 * @param {Page} page
 */
const tooSmall = (page) =>
  page.evaluate(() => {
    const top = [...document.querySelectorAll('dialog[open]')].at(-1) ?? document;
    const seen = [...top.querySelectorAll('input, select, textarea, button, a[href], summary, [role=option]')].filter(
      (one) =>
        one.checkVisibility({ visibilityProperty: true }) && !one.closest('.sr-only, [aria-hidden=true], [inert]'),
    );
    return seen.flatMap((one) => {
      const style = getComputedStyle(one);
      const { width, height } = one.getBoundingClientRect();
      const isField = one.matches('input:not([type=checkbox], [type=radio], [type=file]), select, textarea');
      const isText = one.matches('a') && (style.display === 'inline' || one.classList.contains('truncate'));
      const box = one.matches('[type=checkbox], [type=radio]')
        ? (one.closest('label') ?? one).getBoundingClientRect()
        : { width, height };
      const what = one.outerHTML.slice(0, 110);
      if (isField && parseFloat(style.fontSize) < 16) return [`${style.fontSize}: ${what}`];
      if (!isText && !one.matches('.sr-only, [type=file]') && width > 0 && (box.width < 23.5 || box.height < 23.5)) {
        return [`${box.width} × ${box.height}: ${what}`];
      }
      return [];
    });
  });

test('on a phone: no zoom, nothing too small to touch, nothing wider than the screen', async () => {
  const page = await openConsole({ window: PHONE });
  await fill(page);
  for (const path of PAGES) {
    await visit(page, path);
    assert.deepEqual(await tooSmall(page), [], path);
    const filters = page.locator('[data-test=filters]:visible');
    if (!path.includes('dialog') && (await filters.count())) {
      await filters.first().tap();
      assert.deepEqual(await tooSmall(page), [], `the filters of ${path}`);
    }
    await assertFits(page, 390);
    await page.setViewportSize(PHONE.viewport);
  }
});

for (const [width, height] of [
  [390, 844],
  [768, 1024],
  [1280, 800],
]) {
  test(`at ${width} × ${height} the first row of every list is on the first screen, and nothing is too wide`, async () => {
    const page = await openConsole({ window: { viewport: { width, height } } });
    await fill(page);
    for (const path of LISTS) {
      await page.setViewportSize({ width, height });
      await visit(page, path);
      const first = page.locator('[data-list] tbody tr:visible').first();
      const box = (await first.boundingBox()) ?? assert.fail(`no row: ${path}`);
      assert.ok(box.y + Math.min(box.height, 100) <= height, `${path}: the first row begins at ${box.y}`);
      await assertFits(page, width);
    }
  });
}

test('the list of knowledge names the tenant at every width, and a laptop shows fourteen pairs', async () => {
  const page = await openConsole({ path: '/ops/knowledge' });
  const rows = page.locator('[data-test=rows] tr');
  for (const [width, height] of [
    [390, 844],
    [768, 1024],
    [1024, 768],
    [1280, 800],
  ]) {
    await page.setViewportSize({ width, height });
    await settled(page);
    const tenant = rows.first().locator('a').first();
    assert.equal(await tenant.isVisible(), true, `${width}`);
    assert.match((await tenant.getAttribute('href')) ?? '', /tenant_id=/);
  }
  const ends = await rows.evaluateAll((all) => all.map((row) => row.getBoundingClientRect().bottom));
  const whole = ends.filter((end) => end <= 800).length;
  assert.ok(whole >= 14, `${whole} pairs at 1280 × 800`);
});

test('on a phone the filters fold behind one button that says how many are in force; a card opens by a tap', async () => {
  const page = await openConsole({ path: '/ops/knowledge?source=import&is_synced=true', window: PHONE });
  const filters = page.locator('[data-test=filters]');
  await filters.getByText('筛选 (2)').waitFor();
  assert.equal(await page.locator('[data-test=source]').isVisible(), false);
  assert.equal(await page.locator('[data-test=list-search]').isVisible(), true);
  await filters.tap();
  assert.equal(await filters.getAttribute('aria-expanded'), 'true');
  await page.locator('[data-test=source]').selectOption('');
  await filters.getByText('筛选 (1)').waitFor();
  for (const [path, dialog] of [
    ['/ops/knowledge', 'pair-dialog'],
    ['/ops/tenants', 'detail'],
    ['/ops/templates', 'edit-dialog'],
    ['/ops/jobs', 'job-dialog'],
  ]) {
    if (path === '/ops/jobs') await fill(page);
    await visit(page, path);
    const card = page.locator('[data-list] tbody tr:visible').first();
    const { width, height } = (await card.boundingBox()) ?? assert.fail(path);
    await card.tap({ position: { x: width - 12, y: height - 8 } });
    await page.locator(`[data-test=${dialog}][open]`).waitFor();
  }
});

test('an answer’s box grows with its text, up to most of the dialog, which stays on the screen', async () => {
  const page = await openConsole({ path: '/ops/knowledge?dialog=new' });
  const dialog = page.locator('[data-test=create-dialog]');
  const box = dialog.getByLabel('答案');
  const height = async (/** @type {import('playwright-core').Locator} */ of) => (await of.boundingBox())?.height ?? 0;
  const short = await height(box);
  assert.ok(short >= 120, `six lines from the start: ${short}`);
  await box.fill('一行\n'.repeat(15));
  assert.ok((await height(box)) >= 15 * 20, 'all fifteen lines are seen');
  await box.fill('很长的答案。'.repeat(2000));
  const long = await height(box);
  assert.ok(long > (await height(dialog)) / 2, `${long} of ${await height(dialog)}`);
  assert.equal(await dialog.locator('button[type=submit]').isVisible(), true);
  assert.ok((await height(dialog)) <= 860);
});

test('the bars of all templates are of one scale', async () => {
  const page = await openConsole({ path: '/ops/templates' });
  await page.locator('[data-template]').first().waitFor();
  for (const width of [390, 768, 1280, 1920]) {
    await page.setViewportSize({ width, height: 900 });
    const widths = await page
      .locator('.share .progress')
      .evaluateAll((bars) => bars.map((bar) => Math.round(bar.getBoundingClientRect().width)));
    assert.equal(new Set(widths).size, 1, `${width}: ${widths}`);
  }
});

/** Where the parts of a list stand, and how high its rows are. @param {Page} page */
const shape = (page) =>
  page.evaluate(() => {
    const top = (/** @type {string} */ what) =>
      [...document.querySelectorAll(what)]
        .filter((one) => one.checkVisibility())
        .map((one) => one.getBoundingClientRect());
    return {
      heads: top('[data-list] thead th').map(({ left }) => left),
      parts: [...top('main .panel'), ...top('main .card'), ...top('[data-list] thead')].map(({ top: y }) =>
        Math.round(y),
      ),
      rows: [...new Set(top('[data-list] tbody tr').map(({ height }) => Math.round(height)))],
    };
  });

for (const path of LISTS) {
  test(`what loads has its final shape: ${path}`, async () => {
    const page = await openConsole({ path: '/ops/jobs' });
    await fill(page);
    /** @type {(() => void)[]} */
    const held = [];
    await page.route('**/api/v1/ops/**', (route) => {
      if (route.request().method() !== 'GET' || /system|alerts|jobs\?status/.test(route.request().url()))
        return route.fallback();
      held.push(() => route.fallback());
    });
    await page.goto(path);
    await page.locator('[data-list] .skeleton:visible').first().waitFor();
    const before = await shape(page);
    for (const go of held.splice(0)) go();
    await page.unroute('**/api/v1/ops/**');
    await settled(page);
    const after = await shape(page);
    assert.deepEqual(after.parts, before.parts);
    assert.deepEqual(after.rows, before.rows);
    after.heads.forEach((left, index) => {
      assert.ok(Math.abs(left - before.heads[index]) <= 90, `column ${index}: ${before.heads[index]} → ${left}`);
    });
  });
}
