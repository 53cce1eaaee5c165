/** @file The page of tenants: the list, the dialog of one, what changes them; and through it the kit of all lists. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { assertAccessible, assertFits, assertNoTextMissing } from './accessible.mjs';
import * as answers from './answers.mjs';
import {
  LONG_ID,
  LONG_NAME,
  manyTenants,
  stubTenants,
  suspendedDetail,
  tenant,
  tenantDetail,
  tenantPage,
} from './answers-tenants.mjs';
import {
  atAddress,
  installClock,
  openConsole,
  panel,
  pressInSuccession,
  recordRequests,
  settled,
  shows,
  stopClock,
  stopServer,
  stub,
  visit,
} from './console.mjs';

/** @typedef {import('playwright-core').Page} Page */

const PERIOD = 31_000;
/** Longer than the fields for searching wait for the next letter. */
const SEARCH_PAUSE = 400;

/**
 * @param {string} [path]
 * @param {Parameters<typeof stubTenants>[1]} [stubs]
 * @param {Omit<NonNullable<Parameters<typeof openConsole>[0]>, 'path'>} [options]
 */
async function openTenants(path = '/ops/tenants', stubs = {}, { prepare, window } = {}) {
  return openConsole({
    path,
    window,
    prepare: async (page) => {
      await stubTenants(page, stubs);
      await prepare?.(page);
    },
  });
}

/** @param {Page} page */
const rows = (page) => page.locator('[data-test=rows] tr');
/** @param {Page} page */
const names = (page) => page.locator('[data-test=rows] tr td:first-of-type a').allInnerTexts();
/** @param {Page} page */
const detail = (page) => page.locator('[data-test=detail]');
/** @param {Page} page @param {string} id */
const row = (page, id) => page.locator(`[data-tenant="${id}"]`);
/** @param {Page} page @param {string} name */
const sortState = (page, name) => page.locator(`th[data-column=${name}]`).getAttribute('aria-sort');

/**
 * Answers a write.
 * @param {Page} page
 * @param {string} method
 * @param {string} path  below /api/v1
 * @param {(body: any) => { status?: number, json: any }} answer
 */
async function stubWrite(page, method, path, answer) {
  await page.route(
    (url) => url.pathname === `/api/v1${path}`,
    async (route) => {
      const request = route.request();
      if (request.method() !== method) return route.fallback();
      const { status = 200, json } = answer(request.postDataJSON());
      return route.fulfill({ status, json, headers: { 'X-Request-Id': 'write-0815' } });
    },
  );
}

// ── the list ──

test('a row shows what the server says, and what is missing in words', async () => {
  const page = await openTenants('/ops/tenants', {
    tenants: [tenant(), ...manyTenants(12).slice(10)].map((one, index) => (index === 2 ? { ...one, id: 'last' } : one)),
  });
  await row(page, 'tenant_001').waitFor();
  const text = (await row(page, 'tenant_001').innerText()).replaceAll(/\s+/g, ' ');
  const pairs = row(page, 'tenant_001').getByRole('link', { name: '1,234' });
  assert.equal(await pairs.getAttribute('href'), '/ops/knowledge?tenant_id=tenant_001');
  assert.match(text, /Kimono One tenant_001 活跃 5 1,234 156 \d+ 6分钟前 2024\/01\/15 详情/);
  assert.match(await row(page, 'last').innerText(), /暂停[\s\S]*还没有过/);
  assert.match((await row(page, 'last').locator('[title*=欠费]').getAttribute('title')) ?? '', /起暂停：欠费/);
  assert.deepEqual(await page.locator('[data-test=summary] a').allInnerTexts(), ['总商家 3', '活跃 2', '暂停 1']);
});

test('the summary leads to exactly those tenants', async () => {
  const page = await openTenants();
  await page.getByRole('link', { name: '暂停 2' }).click();
  await page.waitForURL('**/ops/tenants?status=suspended');
  await page.waitForFunction(() => document.querySelectorAll('[data-test=rows] tr').length === 2);
  assert.equal(await page.locator('[data-test=status]').inputValue(), 'suspended');
  await page.locator('[data-test=status]').selectOption('');
  await page.waitForFunction(() => document.querySelectorAll('[data-test=rows] tr').length === 20);
  await atAddress(page, '/ops/tenants');
});

test('every column sorts, the head says how, and the address keeps it', async () => {
  const page = await openTenants();
  const asked = recordRequests(page);
  await rows(page).first().waitFor();
  assert.equal(await sortState(page, 'conversations_today'), 'descending');
  await page.getByRole('button', { name: '商家名称' }).click();
  await page.waitForURL('**/ops/tenants?sort=name');
  assert.equal(await sortState(page, 'name'), 'ascending');
  assert.equal(await sortState(page, 'conversations_today'), 'none');
  await page.getByRole('button', { name: '商家名称' }).click();
  await page.waitForURL('**/ops/tenants?sort=-name');
  await page.getByRole('button', { name: 'QA 数' }).click();
  await page.waitForURL('**/ops/tenants?sort=-qa_pair_count'); // a figure begins at the top
  await page.reload();
  await rows(page).first().waitFor();
  assert.equal(await sortState(page, 'qa_pair_count'), 'descending');
  await page.goBack();
  await page.waitForURL('**/ops/tenants?sort=-name');
  await page.waitForFunction(() => document.querySelector('th[data-column=name]')?.ariaSort === 'descending');
  assert.ok(asked.includes('GET /ops/tenants'));
});

test('pages: links, range in words, size, and back to the top', async () => {
  const page = await openTenants('/ops/tenants', { tenants: manyTenants(178) });
  const range = page.locator('[data-test=range]');
  await range.getByText('第 1–20 家，共 178 家').waitFor();
  const links = await page.locator('[data-test=pager] a').allInnerTexts();
  assert.deepEqual(
    links.map((text) => text.trim()),
    ['上一页', '1', '2', '3', '…', '9', '下一页'],
  );
  await page.locator('[data-test=pager]').getByRole('link', { name: '下一页' }).click();
  await page.waitForURL('**/ops/tenants?page=2');
  await range.getByText('第 21–40 家，共 178 家').waitFor();
  assert.equal(await page.locator('[data-test=pager] [aria-current=page]').innerText(), '2');
  await page.getByLabel('每页多少').selectOption('100');
  await page.waitForURL('**/ops/tenants?page_size=100');
  await range.getByText('第 1–100 家，共 178 家').waitFor();
});

test('a page that is no more gives way to the last there is', async () => {
  const page = await openTenants('/ops/tenants?page=9');
  await page.waitForURL('**/ops/tenants?page=2');
  await page.locator('[data-test=range]').getByText('第 21–25 家，共 25 家').waitFor();
});

test('nonsense in the address is the default', async () => {
  const page = await openTenants('/ops/tenants?page=-3&page_size=7&sort=%3Cb%3E&status=gone');
  await page.locator('[data-test=range]').getByText('第 1–20 家，共 25 家').waitFor();
  assert.equal(await sortState(page, 'conversations_today'), 'descending');
  assert.equal(await page.locator('[data-test=status]').inputValue(), '');
  await visit(page, '/ops/tenants?page=99999999999');
  await page.locator('[data-test=range]').getByText('第 1–20 家，共 25 家').waitFor();
});

test('search: `/` leads there, it asks once for a word, the back button leaves it', async () => {
  const page = await openTenants('/ops/tenants', {}, { prepare: installClock });
  await rows(page).first().waitFor();
  await stopClock(page);
  await page.keyboard.press('r');
  await settled(page);
  const asked = recordRequests(page);
  await page.keyboard.press('/');
  await page.keyboard.type('和服店 02');
  await page.clock.runFor(SEARCH_PAUSE);
  await page.waitForURL('**/ops/tenants?keyword=*');
  await page.waitForFunction(() => document.querySelectorAll('[data-test=rows] tr').length === 6);
  assert.equal(asked.filter((request) => request === 'GET /ops/tenants').length, 1);
  await page.keyboard.type('5');
  await page.clock.runFor(SEARCH_PAUSE);
  await page.waitForFunction(() => document.querySelectorAll('[data-test=rows] tr').length === 1);
  await page.goBack();
  await page.waitForURL('**/ops/tenants');
  assert.equal(await page.locator('[data-test=list-search]').inputValue(), '');
});

test('search waits for an input method to finish a word', async () => {
  const page = await openTenants('/ops/tenants', {}, { prepare: installClock });
  await rows(page).first().waitFor();
  await settled(page);
  const asked = recordRequests(page);
  const field = page.locator('[data-test=list-search]');
  await field.focus();
  await field.dispatchEvent('compositionstart');
  await field.fill('hefu');
  await page.clock.runFor(SEARCH_PAUSE);
  assert.deepEqual(asked, []);
  await field.fill('和服');
  await field.dispatchEvent('compositionend');
  await page.waitForURL(`**/ops/tenants?keyword=${encodeURIComponent('和服')}`);
});

test('nothing yet and nothing that matches are two things', async () => {
  const empty = await openTenants('/ops/tenants', { tenants: [] });
  await empty.locator('[data-test=no-tenants]').getByText('还没有商家').waitFor();
  await empty.locator('[data-test=no-tenants]').getByRole('button', { name: '新建商家' }).click();
  await empty.waitForURL('**/ops/tenants?dialog=new');

  const page = await openTenants('/ops/tenants?keyword=nobody&status=active');
  await page.locator('[data-test=list-unmatched]').getByRole('button', { name: '清除筛选' }).click();
  await page.waitForURL('**/ops/tenants');
  await rows(page).first().waitFor();
});

test('loading has the shape of the rows; a failure says why and by which request, and is retried', async () => {
  /** @type {() => void} */
  let release = () => {};
  const held = new Promise((resolve) => (release = () => resolve(undefined)));
  let fails = true;
  const page = await openTenants(
    '/ops/tenants',
    {},
    {
      prepare: (opened) =>
        opened.route(
          (url) => url.pathname === '/api/v1/ops/tenants',
          async (route) => {
            await held;
            if (!fails) return route.fallback();
            return route.fulfill({ status: 503, json: answers.problem, headers: { 'X-Request-Id': 'list-4711' } });
          },
        ),
    },
  );
  await page.locator('[data-test=skeleton] tr:visible').nth(9).waitFor();
  assert.equal(await page.locator('[data-test=skeleton] tr:visible').count(), 10);
  release();
  const list = panel(page, 'tenant-list');
  await list.getByText('没有读到商家列表').waitFor();
  await list.getByText(answers.problem.detail).waitFor();
  await list.getByText('请求编号 list-4711').waitFor();
  fails = false;
  await list.locator('[data-test=retry]:visible').click();
  await rows(page).first().waitFor();
});

test('when the server stops, the list stays with its age', async () => {
  const page = await openTenants();
  await rows(page).first().waitFor();
  const start = await stopServer(page);
  await page.getByRole('button', { name: '刷新' }).click();
  await panel(page, 'tenant-list').locator('[data-test=stale]:visible').waitFor();
  assert.equal(await rows(page).count(), 20);
  await start();
});

test('a refresh moves nothing for who reads the list, nor what is being typed', async () => {
  let tenants = manyTenants(3);
  const page = await openTenants('/ops/tenants', { tenants: () => tenants }, { prepare: installClock });
  await rows(page).first().waitFor();
  await page.locator('[data-test=list-search]').focus();
  tenants = tenants.toReversed();
  await page.clock.runFor(PERIOD);
  await panel(page, 'tenant-list').getByText('有更新').waitFor();
  assert.deepEqual(await names(page), ['和服店 001', '和服店 002', '和服店 003']);
  await page.locator('[data-test=new]').focus();
  await page.waitForFunction(() => document.querySelector('[data-test=rows] tr')?.textContent?.includes('003'));
});

test('a dialog keeps its text through a refresh', async () => {
  const page = await openTenants('/ops/tenants?dialog=new', {}, { prepare: installClock });
  const field = page.locator('[data-test=new-dialog] [name=name]');
  await field.waitFor();
  await rows(page).first().waitFor();
  await field.fill('半');
  const askedAgain = page.waitForRequest((request) => new URL(request.url()).pathname.endsWith('/ops/tenants'));
  await page.clock.runFor(PERIOD);
  await askedAgain;
  assert.equal(await field.inputValue(), '半');
});

// ── the palette and the dashboard lead here ──

test('the palette finds tenants by a part of name or id', async () => {
  const page = await openTenants('/ops/tenants', {}, { prepare: installClock });
  await rows(page).first().waitFor();
  await stopClock(page);
  await page.keyboard.press('r');
  await settled(page);
  const asked = recordRequests(page);
  await page.keyboard.press('Control+k');
  await page.keyboard.type('店 01');
  await page.clock.runFor(SEARCH_PAUSE);
  const options = page.locator('[role=option]');
  await shows(page, options.filter({ hasText: 'tenant_010' }));
  assert.equal(asked.filter((request) => request === 'GET /ops/tenants').length, 1);
  assert.equal(await options.count(), 9);
  await page.locator('[data-test=palette]').getByText('10 项').waitFor();
  await options.last().getByText('查看全部 10 家符合的商家').waitFor();
  await options.filter({ hasText: 'tenant_012 · 暂停' }).waitFor();
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('Enter');
  await page.waitForURL('**/ops/tenants?tenant=tenant_011');
  await page.clock.resume();
  await detail(page).waitFor();
});

test('a palette that can’t ask says so, and its commands still work', async () => {
  const page = await openTenants();
  await stub(page, '/ops/tenants', answers.problem, { status: 503 });
  await page.keyboard.press('Control+k');
  await page.keyboard.type('仪表盘');
  await page.locator('[data-test=palette]').getByText('没有读到商家').waitFor();
  await page.keyboard.press('Enter');
  await page.waitForURL('**/ops/dashboard');
});

test('the dashboard’s figures about tenants lead to them', async () => {
  const page = await openConsole({
    prepare: async (opened) => {
      await answers.stubDashboard(opened, stub);
      await stubTenants(opened);
    },
  });
  await panel(page, 'tenants').getByRole('link', { name: '和服店 A' }).click();
  await page.waitForURL(`**/ops/tenants?tenant=${encodeURIComponent('tenant_和服店 A').replaceAll('%20', '+')}`);
  await detail(page).waitFor();
  await page.goBack();
  await page.locator('[data-figure=total_tenants]').click();
  await page.waitForURL('**/ops/tenants');
  await pressInSuccession(page, 'g d');
  await page.waitForURL('**/ops/dashboard');
  await pressInSuccession(page, 'g t');
  await page.waitForURL('**/ops/tenants');
});

// ── one tenant ──

test('the dialog has its own address and closes to where it was opened', async () => {
  const page = await openTenants('/ops/tenants?sort=name&page=2');
  await rows(page).first().waitFor();
  const id = (await rows(page).first().getAttribute('data-tenant')) ?? '';
  await rows(page).first().getByRole('link', { name: '详情' }).press('Enter');
  await page.waitForURL(`**/ops/tenants?sort=name&page=2&tenant=${id}`);
  await detail(page).getByText('Kimono One').first().waitFor();
  await page.keyboard.press('Escape');
  await page.waitForURL('**/ops/tenants?sort=name&page=2');
  await detail(page).waitFor({ state: 'hidden' });
  await page.goForward();
  await detail(page).waitFor();
  await page.reload();
  await detail(page).waitFor();
  await page.locator('[data-test=close]').first().click();
  await page.waitForURL('**/ops/tenants?sort=name&page=2');
});

test('the dialog shows all of it: basics, key, figures, statistics, users', async () => {
  const page = await openTenants('/ops/tenants?tenant=tenant_001', { detail: tenantDetail({ templates_missing: 3 }) });
  const facts = detail(page).locator('[data-test=facts]');
  await facts.getByText('one@example.com').waitFor();
  assert.equal(await detail(page).locator('[data-test=key]').innerText(), 'kmp_••••mnop');
  await detail(page).locator('[data-test=show-key]').click();
  assert.equal(await detail(page).locator('[data-test=key]').innerText(), 'kmp_0123456789abcdefghijklmnop');
  await settled(page);
  const figure = (/** @type {string} */ name) => detail(page).locator(`[data-figure=${name}]`);
  assert.match(await figure('users').innerText(), /5\s*人[\s\S]*管理员 1 · 员工 4/);
  assert.match(await figure('pairs').innerText(), /1,234\s*条[\s\S]*未同步 3/);
  assert.match(await figure('conversations').innerText(), /156\s*次[\s\S]*\+11\.4% 较昨日同时/);
  assert.match(await figure('feedbacks').innerText(), /23\s*条[\s\S]*66%/);
  const statistics = await detail(page).locator('[data-test=stats]').innerText();
  for (const value of ['1,231 条', '0.87（满分 1）', '980 次（+8.9%）', '4,210 次', '1,241 ms'])
    assert.ok(statistics.includes(value), value);
  const users = panel(page, 'tenant-users');
  await users.getByText('owner').waitFor();
  assert.match(await users.locator('tbody tr').last().innerText(), /mei\s+商家员工\s+停用\s+未登录\s+没有登录过/);
  const lacks = detail(page).getByRole('link', { name: '缺 3 个通用模板' });
  assert.equal(await lacks.getAttribute('href'), '/ops/templates?view=matrix&tenant_id=tenant_001');
  const synced = detail(page).getByRole('link', { name: '1,231 条' });
  assert.equal(await synced.getAttribute('href'), '/ops/knowledge?tenant_id=tenant_001&is_synced=true');
  const cost = detail(page).getByRole('link', { name: '查看成本' });
  assert.equal(await cost.getAttribute('href'), '/ops/api-usage?tenant_id=tenant_001');
});

test('the trend is the dashboard’s chart; t shows its table, the arrow keys read it', async () => {
  const page = await openTenants('/ops/tenants?tenant=tenant_001');
  await detail(page).locator('[data-test=chart] canvas').waitFor();
  await detail(page).locator('[data-test=chart]').focus();
  await page.keyboard.press('ArrowLeft');
  await page.locator('.chart-tooltip .tooltip').getByText('今天未结束').waitFor();
  await page.keyboard.press('t');
  await detail(page).locator('[data-test=trend-rows] tbody tr').nth(29).waitFor();
  assert.equal(await detail(page).locator('[data-test=trend-rows] tbody tr').count(), 30);
});

test('there are no ways to pages that do not exist', async () => {
  const page = await openTenants('/ops/tenants?tenant=tenant_001');
  await detail(page).locator('[data-test=facts]').waitFor();
  const links = await detail(page)
    .locator('a[href]')
    .evaluateAll((all) => all.map((link) => new URL(/** @type {HTMLAnchorElement} */ (link).href).pathname));
  for (const link of new Set(links)) {
    await page.goto(link);
    await page.locator('h1:visible').first().waitFor();
    assert.equal(await page.getByRole('heading', { name: '没有这个页面' }).isVisible(), false, link);
  }
});

test('a tenant that does not exist is said once', async () => {
  const page = await openTenants(
    '/ops/tenants?tenant=nobody',
    {},
    {
      prepare: (opened) =>
        opened.route('**/api/v1/ops/tenants/nobody**', (route) =>
          route.fulfill({ status: 404, json: answers.problemOf(404, '没有商家 nobody。') }),
        ),
    },
  );
  await detail(page).getByText('没有商家 nobody。').first().waitFor();
  await settled(page);
  assert.equal(await detail(page).locator('[data-test=panel-error]:visible').count(), 1);
});

test('who may only look is offered nothing that writes', async () => {
  const page = await openTenants(
    '/ops/tenants?tenant=tenant_001',
    { detail: tenantDetail({ api_key: null }) },
    {
      prepare: (opened) =>
        stub(opened, '/auth/me', { id: '2', username: 'viewer', role: 'ops_viewer', tenant_id: null }),
    },
  );
  await detail(page).locator('[data-test=facts]').waitFor();
  for (const name of ['new', 'edit', 'suspend', 'activate', 'key']) {
    assert.equal(await page.locator(`[data-test=${name}]:visible`).count(), 0, name);
  }
  await page.goto('/ops/tenants?tenant=tenant_001&dialog=suspend');
  await detail(page).locator('[data-test=facts]').waitFor();
  await page.locator('[data-test=suspend-dialog]').waitFor({ state: 'hidden' });
});

// ── what changes a tenant ──

test('a new tenant: what the server finds wrong stands at its fields, and the typed stays', async () => {
  /** @type {any[]} */
  const sent = [];
  const page = await openTenants('/ops/tenants?dialog=new');
  await stubWrite(page, 'POST', '/ops/tenants', (body) => {
    sent.push(body);
    if (body.id === 'bad id') {
      const errors = [{ field: 'id', message: 'ID 只能有字母、数字、_、- 和 .。' }];
      return { status: 422, json: answers.problemOf(422, '输入有误。', { errors }) };
    }
    if (body.id === 'taken') {
      const detail = '商家“taken”已存在，请换一个 ID。';
      return { status: 409, json: answers.problemOf(409, detail, { errors: [{ field: 'id', message: detail }] }) };
    }
    return { status: 201, json: tenantDetail({ id: 'kyoto', name: body.name }) };
  });
  const dialog = page.locator('[data-test=new-dialog]');
  await dialog.locator('[name=name]').waitFor();
  assert.ok(await dialog.locator('[name=name]').evaluate((field) => field === document.activeElement));
  await page.keyboard.press('Enter');
  await dialog.getByText('这一项必须填写。').waitFor();
  assert.deepEqual(sent, []);
  await dialog.locator('[name=name]').fill('京都');
  await dialog.locator('[name=id]').fill('bad id');
  await dialog.getByRole('button', { name: '建立商家' }).click();
  await dialog.getByText('ID 只能有字母').waitFor();
  assert.equal(await dialog.locator('[name=id]').getAttribute('aria-invalid'), 'true');
  assert.ok(await dialog.locator('[name=id]').evaluate((field) => field === document.activeElement));
  await dialog.locator('[data-test=form-failure]').waitFor({ state: 'hidden' });
  await dialog.locator('[name=id]').fill('taken');
  await dialog.getByRole('button', { name: '建立商家' }).click();
  await dialog.locator('.form-field.is-error').getByText('商家“taken”已存在').waitFor();
  assert.ok(await dialog.locator('[name=id]').evaluate((field) => field === document.activeElement));
  await dialog.locator('[data-test=form-failure]').waitFor({ state: 'hidden' });
  await dialog.locator('[name=id]').fill('kyoto');
  await dialog.getByRole('button', { name: '建立商家' }).click();
  await page.waitForURL('**/ops/tenants?tenant=kyoto');
  await page.getByText('已建立商家 京都').waitFor();
  assert.deepEqual(sent.at(-1), { name: '京都', id: 'kyoto' });
});

test('text that would be lost is asked about, by whatever way the dialog is left', async () => {
  const page = await openTenants();
  await rows(page).first().waitFor();
  await page.keyboard.press('n');
  const dialog = page.locator('[data-test=new-dialog]');
  const question = dialog.getByText('有还没保存的文字。');
  await dialog.locator('[name=name]').fill('半个名字');
  await page.keyboard.press('Escape');
  await question.waitFor();
  await dialog.getByRole('button', { name: '继续编辑' }).click();
  await page.goBack();
  await question.waitFor();
  await page.waitForURL(/dialog=new/);
  assert.equal(await dialog.locator('[name=name]').inputValue(), '半个名字');
  await dialog.getByRole('button', { name: '放弃修改' }).click();
  await page.waitForURL('**/ops/tenants');
  await dialog.waitFor({ state: 'hidden' });
  await page.keyboard.press('n');
  assert.equal(await dialog.locator('[name=name]').inputValue(), '');
  await page.keyboard.press('Escape');
  await dialog.waitFor({ state: 'hidden' });
});

test('two who edit at once: the second sees both texts and decides', async () => {
  /** @type {any[]} */
  const sent = [];
  let now = tenantDetail();
  const page = await openTenants('/ops/tenants?tenant=tenant_001&dialog=edit', { detail: () => now });
  await stubWrite(page, 'PUT', '/ops/tenants/tenant_001', (body) => {
    sent.push(body);
    if (body.version !== now.version) return { status: 409, json: answers.problemOf(409, '别人刚刚改过这个商家。') };
    now = tenantDetail({ ...body, version: now.version + 1 });
    return { json: now };
  });
  const dialog = page.locator('[data-test=edit-dialog]');
  await dialog.locator('[name=contact]').fill('me@example.com');
  now = tenantDetail({ version: 2, name: 'Kimono Uno', contact: 'you@example.com' });
  await dialog.getByRole('button', { name: '保存修改' }).click();
  await dialog.getByText('别人刚刚改过这个商家。').waitFor();
  await dialog.getByText('请求编号 write-0815').waitFor();
  await dialog.getByText('现在的内容：you@example.com').waitFor();
  await dialog.getByText('现在的内容：Kimono Uno').waitFor();
  await dialog.locator('[data-test=other]').first().getByRole('button', { name: '采用' }).click();
  assert.equal(await dialog.locator('[name=name]').inputValue(), 'Kimono Uno');
  await dialog.getByRole('button', { name: '保存修改' }).click();
  await page.getByText('已保存 Kimono Uno').waitFor();
  assert.deepEqual(sent.at(-1), { name: 'Kimono Uno', contact: 'me@example.com', version: 2 });
  await dialog.waitFor({ state: 'hidden' });
  await detail(page).getByText('me@example.com').waitFor();
});

test('suspending shows its effect, needs the reason and the name, and says afterwards that it holds', async () => {
  /** @type {any} */
  let sent;
  let now = tenantDetail();
  const page = await openTenants('/ops/tenants?tenant=tenant_001', { detail: () => now }, { prepare: installClock });
  await stubWrite(page, 'POST', '/ops/tenants/tenant_001/suspend', (body) => {
    sent = body;
    now = suspendedDetail();
    return { json: now };
  });
  await page.locator('[data-test=suspend]').click();
  await page.waitForURL('**/ops/tenants?tenant=tenant_001&dialog=suspend');
  const dialog = page.locator('[data-test=suspend-dialog]');
  await dialog.locator('[data-test=effect]').getByText('12 次').waitFor();
  const effect = await dialog.locator('[data-test=effect]').innerText();
  await dialog.getByText('商家 ID：tenant_001').waitFor(); // names are not unique
  assert.match(effect, /最近 1 小时的对话\s*12 次[\s\S]*现在登录着的用户\s*2 人[\s\S]*正在运行的任务\s*1 个/);
  const run = dialog.getByRole('button', { name: '暂停 Kimono One' });
  assert.ok(await run.isDisabled());
  await dialog.locator('[data-test=type-name]').fill('kimono');
  assert.ok(await run.isDisabled());
  await dialog.locator('[data-test=type-name]').fill('Kimono　 One '); // a space is a space, from any keyboard
  await run.click();
  await dialog.getByText('这一项必须填写。').waitFor();
  assert.equal(sent, undefined);
  await dialog.locator('[name=reason]').fill('欠费');
  await run.click();
  // Over the dialog that is still open, not below it, where nobody could read or close it.
  const message = detail(page).locator('[data-test=toast]', { hasText: '已暂停 Kimono One' });
  await message.getByRole('button').click();
  await message.waitFor({ state: 'detached' });
  assert.deepEqual(sent, { reason: '欠费' });
  const proof = page.locator('[data-test=proof]');
  await proof.getByText(/回答 0 条消息，拒绝 17 次/).waitFor();
  assert.match(await proof.innerText(), /操作人 admin[\s\S]*原因：欠费/);
  const later = suspendedDetail();
  later.suspension.messages_refused = 21;
  now = later;
  later.suspension.by = null;
  await page.clock.runFor(PERIOD);
  await proof.getByText(/拒绝 21 次/).waitFor();
  await proof.getByText('审计日志里没有这次暂停的操作人').waitFor();
});

test('an effect that can’t be read says so and holds nobody up; a refusal stands in the dialog', async () => {
  let reads = 0;
  const page = await openTenants('/ops/tenants?tenant=tenant_001');
  await page.locator('[data-test=suspend]').waitFor();
  await page.route(
    (url) => url.pathname === '/api/v1/ops/tenants/tenant_001',
    (route) => {
      reads += 1;
      return route.fulfill({ status: 503, json: answers.problem });
    },
  );
  await stubWrite(page, 'POST', '/ops/tenants/tenant_001/suspend', () => ({
    status: 409,
    json: answers.problemOf(409, '这个商家已经暂停。'),
  }));
  await page.locator('[data-test=suspend]').click();
  const dialog = page.locator('[data-test=suspend-dialog]');
  await dialog.getByText('没有读到暂停的影响').waitFor();
  assert.ok(reads > 0);
  await dialog.locator('[name=reason]').fill('欠费');
  await dialog.locator('[data-test=type-name]').fill('Kimono One');
  await dialog.locator('[data-test=run]').click();
  await dialog.getByText('这个商家已经暂停。').waitFor();
  await dialog.getByText('请求编号 write-0815').waitFor();
  assert.equal(await dialog.locator('[name=reason]').inputValue(), '欠费');
});

test('after no answer to a write nobody is told that it failed', async () => {
  const page = await openTenants('/ops/tenants?dialog=new');
  await page.route('**/api/v1/ops/tenants', (route) =>
    route.request().method() === 'POST' ? route.abort('connectionreset') : route.fallback(),
  );
  const dialog = page.locator('[data-test=new-dialog]');
  await dialog.locator('[name=name]').fill('京都');
  await dialog.getByRole('button', { name: '建立商家' }).click();
  await dialog.getByText('不知道服务器是否已经处理').waitFor();
});

test('activating needs no reason', async () => {
  /** @type {any} */
  let sent;
  let now = suspendedDetail();
  const page = await openTenants('/ops/tenants?tenant=tenant_001', { detail: () => now });
  await stubWrite(page, 'POST', '/ops/tenants/tenant_001/activate', (body) => {
    sent = body;
    now = tenantDetail();
    return { json: now };
  });
  await page.locator('[data-test=activate]').click();
  await page.locator('[data-test=activate-dialog]').getByRole('button', { name: '恢复 Kimono One' }).click();
  await page.getByText('已恢复 Kimono One').waitFor();
  assert.deepEqual(sent, {});
  assert.equal(await page.locator('[data-test=proof]').count(), 0);
});

test('a shop’s life: created, edited, suspended and refused, activated and answered', async () => {
  const name = `浏览器测试 ${Date.now()}`;
  const page = await openConsole({ path: '/ops/tenants?dialog=new' });
  const dialog = page.locator('[data-test=new-dialog]');
  await dialog.locator('[name=name]').fill(name);
  await dialog.getByRole('button', { name: '建立商家' }).click();
  await page.getByText(`已建立商家 ${name}`).waitFor();
  await detail(page).locator('[data-test=show-key]').click();
  const key = await detail(page).locator('[data-test=key]').innerText();
  const chat = () =>
    page.request.post('/api/v1/chat/message', { headers: { 'X-API-Key': key }, data: { message: '和服怎么预约？' } });
  assert.equal((await chat()).status(), 200);

  await page.locator('[data-test=edit]').click();
  await page.locator('[data-test=edit-dialog] [name=contact]').fill('shop@example.com');
  await page.locator('[data-test=edit-dialog]').getByRole('button', { name: '保存修改' }).click();
  await detail(page).locator('[data-test=facts]').getByText('s***').waitFor(); // until it is asked for
  await detail(page).locator('[data-test=show-contact]').click();
  await detail(page).locator('[data-test=facts]').getByText('shop@example.com').waitFor();

  await page.locator('[data-test=suspend]').click();
  const danger = page.locator('[data-test=suspend-dialog]');
  await danger.getByText('1 次').waitFor();
  await danger.locator('[name=reason]').fill('浏览器测试');
  await danger.locator('[data-test=type-name]').fill(name);
  await danger.getByRole('button', { name: `暂停 ${name}` }).click();
  const proof = page.locator('[data-test=proof]');
  await proof.getByText('原因：浏览器测试').waitFor();
  const refused = await chat();
  assert.equal(refused.status(), 403);
  assert.match((await refused.json()).type, /tenant-suspended$/);
  await page.reload();
  await proof.getByText(/回答 0 条消息，拒绝 1 次/).waitFor();
  await page.goto(`/ops/tenants?status=suspended&keyword=${encodeURIComponent(name)}`);
  await rows(page).getByText(name).click();

  await page.locator('[data-test=activate]').click();
  await page
    .locator('[data-test=activate-dialog]')
    .getByRole('button', { name: `恢复 ${name}` })
    .click();
  await page.locator('[data-test=tenant-status]').getByText('活跃').waitFor();
  assert.equal((await chat()).status(), 200);
});

test('the list is the server’s: sorted, searched and counted by it', async () => {
  const page = await openConsole({ path: '/ops/tenants?sort=name' });
  await rows(page).first().waitFor();
  const response = await page.request.get('/api/v1/ops/tenants?sort=name');
  const { items, summary } = await response.json();
  assert.deepEqual(
    await names(page),
    items.map((/** @type {{ name: string }} */ one) => one.name),
  );
  assert.equal(await page.locator('[data-test=summary] a').first().innerText(), `总商家 ${summary.total}`);
  const part = [...items[0].name].slice(1, 3).join('');
  await page.keyboard.press('/');
  await page.keyboard.type(part);
  await page.waitForURL('**/ops/tenants?sort=name&keyword=*');
  await page.waitForFunction(
    (word) => [...document.querySelectorAll('[data-test=rows] tr')].every((found) => found.textContent?.includes(word)),
    part,
  );
  await row(page, items[0].id).waitFor();
});

// ── how it looks ──

const long = {
  tenants: [tenant({ id: LONG_ID, name: LONG_NAME, conversations_today: 987_654_321 }), ...manyTenants(12)],
  detail: suspendedDetail({ name: LONG_NAME, contact: LONG_ID, suspended_reason: LONG_NAME.repeat(3) }),
};

/** Whatever the width, and nothing of a text is missing. @param {Page} page */
async function assertWhole(page) {
  for (const width of [360, 390, 640, 768, 1024, 1920, 2560, 1280]) await assertFits(page, width);
  assert.doesNotMatch(
    await page.locator('body').innerText(),
    /\b(tenants?|list|form|dialog|danger|suspend|stats)\.[a-z]\w*\b|\{\w+\}|undefined|NaN/,
  );
}

for (const [theme, language] of [
  ['light', 'zh-CN'],
  ['dark', 'en'],
]) {
  test(`axe finds nothing on any view, ${theme}, ${language}; none is too wide, no text is missing`, async () => {
    let shown = tenantDetail();
    const page = await openTenants(
      '/ops/tenants',
      { ...long, detail: () => shown },
      {
        prepare: async (opened) => {
          await opened.emulateMedia({ reducedMotion: 'reduce' });
          await opened.addInitScript((chosen) => localStorage.setItem('kimono.theme', chosen), theme);
          await opened.addInitScript((chosen) => localStorage.setItem('kimono.language', chosen), language);
        },
      },
    );
    const show = async (/** @type {string} */ address) => {
      await visit(page, `/ops/tenants${address}`);
      await rows(page).first().waitFor();
      if (address) await page.locator('dialog[open]').last().waitFor();
      if (address.includes('tenant')) await detail(page).locator('[data-test=chart] canvas').waitFor();
      await assertNoTextMissing(page, address || 'the list');
    };
    for (const address of ['', '?dialog=new']) {
      await show(address);
      await assertAccessible(page, address || 'the list');
      await assertWhole(page);
    }
    for (const address of ['?tenant=a', '?tenant=a&dialog=edit', '?tenant=a&dialog=suspend']) {
      await show(address);
      await assertAccessible(page, address);
    }
    shown = long.detail; // of another tenant, as it has been read anew by then
    for (const address of ['?tenant=b', '?tenant=b&dialog=activate']) {
      await show(address);
      await assertWhole(page);
    }
    await visit(page, '/ops/tenants?keyword=nobody');
    await page.locator('[data-test=list-unmatched]').waitFor();
    await assertAccessible(page, 'nothing matches');
  });
}

test('what the tests answer with is what lists look like', () => {
  assert.equal(tenantPage(manyTenants(25)).items.length, 20);
  assert.equal([...LONG_NAME].length, 64);
  assert.equal(LONG_ID.length, 64);
});
