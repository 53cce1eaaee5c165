/** @file Long work as the console shows it: the tray, the result by its own address, the file of its parts. */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { assertAccessible, assertFits } from './accessible.mjs';
import { problemOf } from './answers.mjs';
import { answer, job, jobItems, stubTemplates } from './answers-templates.mjs';
import {
  atAddress,
  installClock,
  openConsole,
  pressInSuccession,
  recordRequests,
  settled,
  stopClock,
  stub,
  until,
} from './console.mjs';

/** @typedef {import('playwright-core').Page} Page */
/** @typedef {ReturnType<typeof job>} Job */

/** @param {object} [changes] */
const running = (changes = {}) =>
  job({
    id: 'job-1',
    status: 'running',
    result: null,
    finished_at: null,
    progress: { done: 5, total: 25 },
    ...changes,
  });

/**
 * A server that has these jobs: those that are open in its list, or all, each by its id.
 * @param {Page} page
 * @param {() => any[]} jobs
 */
async function serveJobs(page, jobs) {
  await stubTemplates(page, stub);
  const isOpen = (/** @type {Job} */ { status }) => status === 'queued' || status === 'running';
  await answer(page, /^\/ops\/jobs$/, ({ searchParams: asked }) => {
    const matches = (/** @type {string} */ name, /** @type {unknown} */ value) =>
      [null, value].includes(asked.get(name));
    const items = jobs().filter(
      (one) =>
        (asked.get('status') === 'open'
          ? isOpen(one)
          : asked.get('status') === 'recent' || matches('status', one.status)) &&
        matches('kind', one.kind) &&
        matches('created_by', one.created_by) &&
        !(asked.get('without_trials') === 'true' && one.parameters.dry_run),
    );
    return { items, total: items.length, page: 1, page_size: 50, next_cursor: null };
  });
  await answer(page, /^\/ops\/jobs\/[^/]+$/, (url) => jobs().find(({ id }) => url.pathname.endsWith(`/${id}`)));
}

/**
 * @param {() => any[]} jobs
 * @param {object} [options]
 * @param {string} [options.path]
 * @param {(page: Page) => Promise<unknown>} [options.prepare]
 */
function open(jobs, { path = '/ops/dashboard', prepare } = {}) {
  return openConsole({
    path,
    prepare: async (page) => {
      await serveJobs(page, jobs);
      await prepare?.(page);
    },
  });
}

/** @param {Page} page */
const tray = (page) => page.locator('[data-test=jobs]');
/** @param {Page} page @param {string} id */
const row = (page, id) => page.locator(`[data-job="${id}"]`);
/** @param {Page} page */
const dialog = (page) => page.locator('[data-test=job-dialog]');

/** @param {Page} page @param {boolean} hidden */
async function setHidden(page, hidden) {
  await page.evaluate((value) => {
    Object.defineProperty(document, 'hidden', { configurable: true, get: () => value });
    document.dispatchEvent(new Event('visibilitychange'));
  }, hidden);
}

test('without jobs there is no tray, and it asks with everything else only', async () => {
  const page = await open(() => [], { prepare: installClock });
  await page.locator('[data-figure]').first().waitFor();
  await tray(page).waitFor({ state: 'hidden' });
  await stopClock(page);
  await page.locator('[data-test=refresh]').click();
  await settled(page);
  const requests = recordRequests(page);
  await page.clock.runFor(20_000);
  assert.deepEqual(requests, []);
  await page.clock.runFor(15_000);
  await until(() => requests.some((request) => request === 'GET /ops/jobs'));
  await settled(page);
  assert.equal(requests.filter((request) => request === 'GET /ops/jobs').length, 1);
});

test('a job that runs is asked for each second, but not by a hidden tab', async () => {
  const page = await open(() => [running()], { prepare: installClock });
  await tray(page).waitFor();
  const requests = recordRequests(page);
  for (let second = 0; second < 5; second++) {
    const asked = page.waitForResponse('**/api/v1/ops/jobs?*');
    await page.clock.runFor(1000);
    await asked;
  }
  await setHidden(page, true);
  requests.length = 0;
  await page.clock.runFor(10_000);
  assert.deepEqual(requests, []);
});

test('the tray shows who, how far, how fast, and how long still', async () => {
  let done = 0;
  const page = await open(() => [running({ progress: { done: (done += 5), total: 100_000 } })]);
  await tray(page).click();
  await row(page, 'job-1').getByText('admin').waitFor();
  await row(page, 'job-1')
    .getByText(/每秒 .+ 家，约还要 .+/)
    .waitFor();
  await row(page, 'job-1')
    .getByText(/\d+ \/ 100,000 家商家/)
    .waitFor();
  assert.equal(await tray(page).getAttribute('aria-label'), '1 个任务进行中');
  await row(page, 'job-1').getByRole('progressbar', { name: '分发模板' }).waitFor();
});

test('a job that somebody else started stays in the tray when it has ended, until it is cleared', async () => {
  let now = running({ created_by: 'another' });
  const page = await open(() => [now]);
  await tray(page).click();
  await row(page, 'job-1').getByText('进行中').waitFor();
  now = job({ id: 'job-1', created_by: 'another' });
  await row(page, 'job-1').getByText('已完成').waitFor();
  await row(page, 'job-1').getByText('新增 12 · 更新 9 · 冲突 3 · 跳过的商家 2').waitFor();
  assert.equal(
    await page.locator('[role=status]', { hasText: '分发模板已完成' }).count(),
    0,
    'no toast for others’ work',
  );
  await page.locator('[data-test=clear-jobs]').click();
  await tray(page).waitFor({ state: 'hidden' });
});

test('after a reload the tray has what the store has, and what was cleared away stays away', async () => {
  const ended = job({ id: 'job-1', created_by: 'another' });
  const page = await open(() => [ended, running({ id: 'job-2' })]);
  await tray(page).click();
  await row(page, 'job-1').getByText('已完成').waitFor();
  await page.reload();
  await tray(page).click();
  await row(page, 'job-1').getByText('已完成').waitFor();
  await page.locator('[data-test=clear-jobs]').click();
  await row(page, 'job-1').waitFor({ state: 'hidden' });
  await page.reload();
  await tray(page).click();
  await row(page, 'job-2').waitFor();
  assert.equal(await row(page, 'job-1').count(), 0);
  await page.locator('[data-test=all-jobs]').click();
  await page.waitForURL('**/ops/jobs');
  await page.locator('[data-row=job-1]').waitFor();
});

test('the page of jobs: filters in the address, the result by its address, cancel, undo and retry', async () => {
  const list = [
    running({ id: 'job-1', created_by: 'anna' }),
    job({ id: 'job-2', kind: 'knowledge.bulk', parameters: { action: 'delete', ids: 3 }, result: { changed: 3 } }),
    job({
      id: 'job-3',
      kind: 'knowledge.sync',
      status: 'failed',
      error: '索引没有回答',
      parameters: { tenant_id: 'tenant_1', ids: 0 },
    }),
    job({ id: 'job-4', parameters: { dry_run: true } }),
  ];
  /** @type {string[]} */
  const sent = [];
  const page = await open(() => list, {
    path: '/ops/jobs',
    prepare: (opened) =>
      opened.route(/\/api\/v1\/ops\/(jobs\/.*\/(undo|cancel)|knowledge\/sync)$/, (route) => {
        const { pathname } = new URL(route.request().url());
        sent.push(`${pathname.replace('/api/v1/ops', '')} ${route.request().postData()}`);
        return route.fulfill({ status: pathname.endsWith('/cancel') ? 200 : 202, json: running({ id: 'job-9' }) });
      }),
  });
  const line = (/** @type {string} */ id) => page.locator(`[data-row=${id}]`);
  await line('job-1').getByText('5 / 25').waitFor();
  await line('job-3').getByText('索引没有回答').waitFor();
  assert.equal(await line('job-4').count(), 0, 'a trial');
  await page.locator('[data-test=trials]').check();
  await line('job-4').getByText('分发模板（试算）').waitFor();
  await page.locator('[data-test=trials]').uncheck();
  await page.locator('[data-test=status]').selectOption('failed');
  await line('job-2').waitFor({ state: 'hidden' });
  await atAddress(page, '/ops/jobs?status=failed');
  await page.reload();
  await line('job-3').waitFor();
  await line('job-3').locator('[data-test=retry-job]').click();
  await until(() => sent.length === 1);
  await page.locator('[data-test=status]').selectOption('');
  await page.locator('[data-test=asked-by]').fill('anna');
  await page.locator('[data-test=asked-by]').press('Enter');
  await atAddress(page, '/ops/jobs?created_by=anna');
  await line('job-2').waitFor({ state: 'hidden' });
  await line('job-1').locator('[data-test=cancel-job]').click();
  await line('job-1').locator('[data-test=cancel-job-yes]').click();
  await until(() => sent.length === 2);
  await page.locator('[data-test=asked-by]').fill('');
  await page.locator('[data-test=asked-by]').press('Enter');
  await line('job-2').locator('[data-test=undo-job]').click();
  await until(() => sent.length === 3);
  assert.deepEqual(sent, ['/knowledge/sync {"tenant_id":"tenant_1"}', '/jobs/job-1/cancel {}', '/jobs/job-2/undo {}']);
  await line('job-2').locator('[data-test=open-job]').click();
  await dialog(page).locator('[data-test=job-status]').waitFor();
  await atAddress(page, '/ops/jobs?job=job-2');
});

test('before the first job the page says what will stand there; nonsense in its address is left out', async () => {
  const page = await open(() => [], { path: '/ops/jobs?status=done&kind=x&sort=id' });
  await page.locator('[data-test=no-jobs]').waitFor();
});

test('a job that has failed says why', async () => {
  let now = running();
  const page = await open(() => [now]);
  await tray(page).click();
  now = job({ id: 'job-1', status: 'failed', result: null, error: '磁盘已满：腾出空间后再试。' });
  await row(page, 'job-1').getByText('磁盘已满：腾出空间后再试。').waitFor();
  await row(page, 'job-1').getByText('失败').waitFor();
});

test('cancelling asks first', async () => {
  let now = running();
  const page = await open(() => [now]);
  /** @type {string[]} */
  const cancelled = [];
  await answer(page, /^\/ops\/jobs\/[^/]+\/cancel$/, (url) => {
    cancelled.push(url.pathname);
    return (now = job({ id: 'job-1', status: 'cancelled' }));
  });
  await tray(page).click();
  await page.locator('[data-test=cancel-job]').click();
  await page.getByRole('button', { name: '继续运行' }).click();
  assert.deepEqual(cancelled, []);
  await page.locator('[data-test=cancel-job]').click();
  await page.locator('[data-test=cancel-job-yes]').click();
  await row(page, 'job-1').getByText('已取消').waitFor();
  assert.deepEqual(cancelled, ['/api/v1/ops/jobs/job-1/cancel']);
});

test('a job started here goes on when the page is left, also by a reload, and says once that it has ended', async () => {
  let now = running({ id: 'mine' });
  const page = await open(() => [now], { path: '/ops/templates?view=matrix' });
  await stub(page, '/ops/templates/distribute', () => now);
  const asked = page.waitForResponse('**/api/v1/ops/templates/distribute');
  await page.locator('[data-update]').first().click();
  await asked;
  await page.waitForFunction(() => sessionStorage.length > 0);
  await page.reload();
  await tray(page).waitFor();
  await pressInSuccession(page, 'g d');
  await page.getByRole('heading', { name: '系统概览' }).waitFor();
  now = job({ id: 'mine' });
  const told = page.getByText('分发模板已完成：新增 12 · 更新 9 · 冲突 3 · 跳过的商家 2');
  await told.waitFor();
  assert.equal(await told.count(), 1);
});

test('the result has its own address on any page: figures, parts by outcome, tenants by name', async () => {
  const page = await open(() => [job()], { path: '/ops/dashboard?job=job-1' });
  await dialog(page).locator('[data-figure=conflicts]').getByText('3').waitFor();
  await dialog(page).getByRole('link', { name: '浅草本店' }).waitFor();
  assert.equal(await dialog(page).locator('[data-test=job-items] li').count(), 8);
  await dialog(page).locator('[data-test=outcome]').selectOption('suspended');
  await page.waitForFunction(() => document.querySelectorAll('[data-test=job-items] li').length === 1);
  await dialog(page).getByRole('link', { name: '金泽心结' }).waitFor();
  await page.keyboard.press('Escape');
  await dialog(page).waitFor({ state: 'hidden' });
  await atAddress(page, '/ops/dashboard');
});

test('its parts can be saved as a file that spreadsheets read', async () => {
  const page = await open(() => [job()], { path: '/ops/dashboard?job=job-1' });
  await dialog(page).getByRole('link', { name: '浅草本店' }).waitFor();
  const saved = page.waitForEvent('download');
  await page.locator('[data-test=save-items]').click();
  const download = await saved;
  assert.equal(download.suggestedFilename(), 'kimono-job-job-1.csv');
  const lines = (await readFile(await download.path(), 'utf8')).split('\r\n');
  assert.equal(lines[0], '\uFEFFtenant_id,tenant_name,outcome,created,updated,unchanged,conflicts');
  assert.equal(lines[1], 'tenant_1,浅草本店,done,2,0,0,0');
  assert.equal(lines[8], 'tenant_8,名古屋荣,waiting,0,0,0,0');
  assert.equal(lines.length, 10, 'a head, eight parts, and the end of the last line');
});

test('many parts come page by page', async () => {
  const page = await open(() => [job()], { path: '/ops/dashboard?job=job-1' });
  await answer(page, /\/items$/, (url) => {
    const number = Number(url.searchParams.get('page'));
    const items = jobItems().items.map((item) => ({ ...item, seq: item.seq + 100 * number, target_id: `t${number}` }));
    return { items, total: 45, page: number, page_size: 20 };
  });
  await page.reload();
  await dialog(page).getByText('第 1–8 项，共 45 项').waitFor();
  await dialog(page).getByRole('button', { name: '下一页' }).click();
  await dialog(page).getByText('t2').first().waitFor();
});

test('a job that is not there says so, and the page behind goes on', async () => {
  const page = await open(() => [], {
    path: '/ops/dashboard?job=gone',
    prepare: (opened) => stub(opened, '/ops/jobs/gone', problemOf(404, '没有这个任务。'), { status: 404 }),
  });
  await dialog(page).getByText('没有这个任务。').first().waitFor();
  await page.locator('[data-component=llm]').waitFor();
});

test('who only reads may look, not cancel', async () => {
  const page = await open(() => [running()], {
    path: '/ops/dashboard?job=job-1',
    prepare: (opened) => stub(opened, '/auth/me', { id: '2', username: 'viewer', role: 'ops_viewer', tenant_id: null }),
  });
  await dialog(page).getByText('进行中').waitFor();
  assert.equal(await dialog(page).getByRole('button', { name: '取消任务' }).count(), 0);
});

for (const theme of ['light', 'dark']) {
  test(`axe finds nothing on the tray and on a result, ${theme}; neither is too wide`, async () => {
    const unbroken = 'Kimono-One-Asakusa-Main-Store-With-A-Long-Unbroken-Name-64-chars';
    const jobs = [
      running({ created_by: unbroken }),
      job({ id: 'job-2', status: 'failed', error: unbroken.repeat(3), title: unbroken }),
    ];
    let ended = false;
    const page = await open(() => (ended ? jobs : [jobs[0], { ...jobs[1], status: 'running' }]), {
      prepare: (opened) => opened.addInitScript((chosen) => localStorage.setItem('kimono.theme', chosen), theme),
    });
    await tray(page).click();
    await row(page, 'job-2').waitFor();
    ended = true;
    await row(page, 'job-2').getByText('失败').waitFor();
    await assertAccessible(page, 'the tray');
    for (const width of [360, 1280]) await assertFits(page, width);
    await row(page, 'job-2').getByRole('link').click();
    await dialog(page).locator('[data-test=job-items] li').first().waitFor();
    await assertAccessible(page, 'a result');
    for (const width of [360, 1280]) await assertFits(page, width);
  });
}
