/** @file The page of common templates: list, matrix, conflicts, and the dialogs that write; then all of it for real. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { assertAccessible, assertFits, assertNoTextMissing } from './accessible.mjs';
import * as answers from './answers.mjs';
import { tenant, tenantPage } from './answers-tenants.mjs';
import * as made from './answers-templates.mjs';
import { atAddress, installClock, openConsole, panel, stub, URL_BASE, visit } from './console.mjs';

/** @typedef {import('playwright-core').Page} Page */

const PERIOD = 31_000;
const LONG = '和服租赁与摄影一体化体验的价格与预约以及改期退款与天气不好时怎么办'.repeat(6);
const UNBROKEN = 'Kimono-One-Asakusa-Main-Store-With-A-Long-Unbroken-Name-64-chars'.repeat(4);

/**
 * @param {string} [path]
 * @param {object} [options]
 * @param {(page: Page) => Promise<unknown>} [options.prepare]
 * @param {import('playwright-core').BrowserContextOptions} [options.window]
 */
function open(path = '/ops/templates', { prepare, window } = {}) {
  return openConsole({
    path,
    window,
    prepare: async (page) => {
      await made.stubTemplates(page, stub);
      await prepare?.(page);
    },
  });
}

/** @param {Page} page */
const viewer = (page) => stub(page, '/auth/me', { id: '2', username: 'v', role: 'ops_viewer', tenant_id: null });
/** @param {Page} page @param {number} id */
const row = (page, id) => page.locator(`[data-template="${id}"]`);
/** The number that is to be typed. @param {import('playwright-core').Locator} where */
const askedNumber = async (where) =>
  (await where.locator('label', { has: where.page().locator('[data-test=type-name]') }).innerText()).replace(/\D/g, '');
/** @param {Page} page @param {string} name */
const dialog = (page, name) => page.locator(`[data-test=${name}-dialog]`);
/** @param {Page} page @param {number} template @param {string} tenant */
const cell = (page, template, tenant) => page.locator(`[data-key="cell-${template}-${tenant}"]`);

/**
 * Answers a write, and keeps what was sent.
 * @param {Page} page
 * @param {string} method
 * @param {string} path  below /api/v1
 * @param {(body: any) => { status?: number, json?: any }} reply
 */
async function onWrite(page, method, path, reply) {
  /** @type {any[]} */
  const sent = [];
  await page.route(
    (url) => url.pathname === `/api/v1${path}`,
    async (route) => {
      if (route.request().method() !== method) return route.fallback();
      const body = route.request().postDataJSON();
      sent.push(body);
      const { status = 200, json } = reply(body);
      return route.fulfill({ status, json });
    },
  );
  return sent;
}

// ── the list ──

test('the list shows how far each template has come, and leads on', async () => {
  const page = await open();
  await row(page, 1).getByText('20 / 25').waitFor();
  await row(page, 1).getByText('3 非最新').waitFor();
  await row(page, 1).getByText('单件和服租借每天 298 元起').waitFor();
  assert.equal(await row(page, 2).getByText('非最新').count(), 0);
  await row(page, 4).getByText('未分类').waitFor();
  await row(page, 1).locator('[data-test=distributed]').click();
  await page.locator('[data-test=grid]').waitFor();
  await atAddress(page, '/ops/templates?view=matrix&template_id=1');
  await page.goBack();
  await row(page, 1).waitFor();
});

test('categories come with their counts and filter the list, as does the search', async () => {
  const page = await open();
  await row(page, 1).waitFor();
  const options = await page.locator('[data-test=category] option').allInnerTexts();
  assert.deepEqual(options, ['全部分类（4）', '价格（1）', '预约（1）', '政策（1）', '未分类（1）']);
  const asked = page.waitForRequest(/\/ops\/templates\?.*category=/);
  await page.locator('[data-test=category]').selectOption('价格');
  assert.equal(new URL((await asked).url()).searchParams.get('category'), '价格');
  const unnamed = page.waitForRequest(/\/ops\/templates\?.*category=(&|$)/);
  await page.locator('[data-test=category]').selectOption('未分类（1）');
  await unnamed;
  await atAddress(page, '/ops/templates?uncategorised=1');
  await page.locator('[data-test=category]').selectOption('价格');
  const searched = page.waitForRequest(/keyword=/);
  await page.locator('[data-test=list-search]').fill('押金');
  assert.equal(new URL((await searched).url()).searchParams.get('keyword'), '押金');
  await page.waitForURL((url) => url.searchParams.get('category') === '价格');
});

test('the four states of the list', async () => {
  /** @type {() => void} */
  let release = () => {};
  const held = new Promise((resolve) => (release = () => resolve(null)));
  const page = await open('/ops/templates', {
    prepare: (opened) =>
      opened.route('**/api/v1/ops/templates?*', async (route) => {
        await held;
        await route.fallback();
      }),
  });
  await page.locator('.skeleton:visible').first().waitFor();
  release();
  await row(page, 1).waitFor();
  await stub(page, '/ops/templates', made.templatePage([]));
  await page.reload();
  await page.locator('[data-test=no-templates]').getByRole('button', { name: '新建模板' }).waitFor();
  await page.goto('/ops/templates?keyword=x');
  await page.locator('[data-test=list-unmatched]').waitFor();
  await stub(page, '/ops/templates', answers.problem, { status: 503 });
  await page.reload();
  await page.locator('[data-test=panel-error]:visible').getByText('存储正忙，请稍后再试。').waitFor();
  await stub(page, '/ops/templates', made.templatePage());
  await page.locator('[data-test=panel-error]:visible').locator('[data-test=retry]').click();
  await row(page, 1).waitFor();
});

test('a refresh that fails leaves the list, and says how old it is', async () => {
  const page = await open('/ops/templates', { prepare: installClock });
  await row(page, 1).waitFor();
  await stub(page, '/ops/templates', answers.problem, { status: 503 });
  await page.clock.runFor(PERIOD);
  await panel(page, 'templates').locator('[data-test=stale]:visible').waitFor();
  assert.ok(await row(page, 1).isVisible());
});

// ── create, edit, delete ──

test('a template is made by keyboard; the server’s objections stand at their fields', async () => {
  const page = await open();
  await row(page, 1).waitFor();
  let refuse = true;
  const sent = await onWrite(page, 'POST', '/ops/templates', (body) => {
    if (!refuse)
      return { status: 201, json: made.template({ ...body, id: 9, distributed_count: 0, current_count: 0 }) };
    const errors = [{ field: 'answer', message: '答案太长：最多 20,000 个字符。' }];
    return { status: 422, json: answers.problemOf(422, '有一项不对。', { errors }) };
  });
  await page.keyboard.press('n');
  const create = dialog(page, 'create');
  await create.getByLabel('问题').fill('可以带宠物吗？');
  await create.getByLabel('答案').fill('可以，请提前说明。');
  await create.getByLabel('分类').fill('政策');
  assert.deepEqual(
    await create
      .locator('datalist option')
      .evaluateAll((all) => all.map((option) => /** @type {any} */ (option).value)),
    ['价格', '预约', '政策'],
  );
  await page.keyboard.press('Enter');
  await create.getByText('答案太长：最多 20,000 个字符。').waitFor();
  refuse = false;
  await create.getByRole('button', { name: '建立模板' }).click();
  await create.waitFor({ state: 'hidden' });
  await page.getByText('模板已建立，还没有分发').waitFor();
  assert.deepEqual(sent.at(-1), { question: '可以带宠物吗？', answer: '可以，请提前说明。', category: '政策' });
});

test('an edit says what it leaves behind, lists the versions, and sends the version it is a change of', async () => {
  const page = await open('/ops/templates?dialog=edit&template=1');
  const edit = dialog(page, 'edit');
  await edit.locator('[data-test=edit-effect]').getByText('20 家商家的副本会成为旧版').waitFor();
  await edit.getByText('第 2 版').click();
  await edit.getByText('单件和服租借每天 268 元起，含穿着。').waitFor();
  const sent = await onWrite(page, 'PUT', '/ops/templates/1', (body) => ({
    json: made.template({ ...body, version: 4, current_count: 0 }),
  }));
  await edit.getByLabel('答案').fill('每天 308 元起。');
  await edit.getByRole('button', { name: '保存' }).click();
  await page.getByText('已保存为第 4 版，20 家商家的副本待更新').waitFor();
  assert.deepEqual(sent, [{ question: '租借价格是多少？', answer: '每天 308 元起。', category: '价格', version: 3 }]);
});

test('who edits what somebody else has just changed sees both texts and loses nothing', async () => {
  const page = await open('/ops/templates?dialog=edit&template=1');
  const edit = dialog(page, 'edit');
  await edit.getByLabel('答案').fill('每天 308 元起。');
  await stub(page, '/ops/templates/1', made.templateDetail({ version: 4, answer: '每天 318 元起。' }));
  let version = 4;
  const sent = await onWrite(page, 'PUT', '/ops/templates/1', (body) =>
    body.version === version
      ? { json: made.template({ ...body, version: ++version }) }
      : { status: 409, json: answers.problemOf(409, '模板已被别人改过。') },
  );
  await edit.getByRole('button', { name: '保存' }).click();
  await edit.getByText('模板已被别人改过。').waitFor();
  await edit.locator('[data-test=other]:visible').getByText('现在的内容：每天 318 元起。').waitFor();
  assert.equal(await edit.getByLabel('答案').inputValue(), '每天 308 元起。');
  await edit.getByRole('button', { name: '保存' }).click();
  await edit.waitFor({ state: 'hidden' });
  assert.equal(sent[1].version, 4);
  assert.equal(sent[1].answer, '每天 308 元起。');
});

test('typed text is not lost by Esc or by the back button', async () => {
  const page = await open();
  await row(page, 1).locator('[data-test=edit]').click();
  const edit = dialog(page, 'edit');
  await edit.getByLabel('答案').fill('新的答案');
  await page.keyboard.press('Escape');
  await edit.getByText('有还没保存的文字。').waitFor();
  await edit.getByRole('button', { name: '继续编辑' }).click();
  await page.goBack();
  await edit.getByText('有还没保存的文字。').waitFor();
  await edit.getByRole('button', { name: '放弃修改' }).click();
  await edit.waitFor({ state: 'hidden' });
});

test('deleting says how many copies stay, and has their number typed where they are many', async () => {
  const page = await open();
  const gone = await onWrite(page, 'DELETE', '/ops/templates/1', () => ({ status: 204 }));
  await row(page, 1).getByRole('checkbox').check();
  await row(page, 2).getByRole('checkbox').check();
  await row(page, 1).locator('[data-test=delete]').click();
  const remove = dialog(page, 'delete');
  await remove.getByText('20 家商家的副本会留下').waitFor();
  assert.ok(await remove.locator('[data-test=run]').isDisabled());
  await remove.locator('[data-test=type-name]').fill('２０');
  await remove.getByLabel('原因').fill('内容已过时');
  await remove.locator('[data-test=run]').click();
  await page.getByText('模板已删除').waitFor();
  assert.deepEqual(gone, [{ reason: '内容已过时' }]);
  await page.locator('[data-test=bulk] [data-test=selection]').getByText('已选 1 个').waitFor();
  await stub(page, '/ops/templates/4', made.templateDetail({ id: 4, distributed_count: 0 }));
  await row(page, 4).locator('[data-test=delete]').click();
  await remove.getByText('没有商家有它的副本，删除不影响任何商家。').waitFor();
  assert.ok(await remove.locator('[data-test=run]').isEnabled());
});

// ── distribution ──

test('to chosen tenants: pick, see what would happen, do it, watch it, open the result', async () => {
  const page = await open();
  let job = made.job({
    id: 'job-7',
    status: 'running',
    result: null,
    finished_at: null,
    progress: { done: 1, total: 2 },
  });
  const sent = await onWrite(page, 'POST', '/ops/templates/distribute', (body) => ({
    json: body.dry_run ? made.dryJob({ result: { ...made.job().result, tenants: 2, skipped_tenants: 1 } }) : job,
  }));
  await made.answer(page, '/ops/jobs/job-7', () => job);
  await row(page, 1).getByRole('checkbox').check();
  await row(page, 3).getByRole('checkbox').check();
  await page.locator('[data-test=bulk] [data-test=selection]').getByText('已选 2 个').waitFor();
  await page.locator('[data-test=to-chosen]').click();
  const distribute = dialog(page, 'distribute');
  assert.ok(await distribute.locator('[data-test=check]').isDisabled());
  await distribute.locator('[data-pick=tenant_1]').check();
  await distribute.locator('[data-pick=tenant_4]').check();
  await distribute.getByText('已选 2 家商家，其中 1 家已暂停，会跳过').waitFor();
  await distribute.locator('[data-test=check]').click();
  await distribute.locator('[data-figure=created]').getByText('12').waitFor();
  assert.deepEqual(sent[0], { template_ids: [1, 3], tenant_ids: ['tenant_1', 'tenant_4'], dry_run: true });
  await distribute.locator('[data-figure=conflicts]').click();
  await distribute.locator('[data-test=behind-figure]').getByText('梨花祇园店').waitFor();
  await distribute.locator('[data-figure=skipped_tenants]').click();
  await distribute.locator('[data-test=behind-figure]').getByText('金泽心结').waitFor();
  await distribute.getByLabel('原因').fill('新价格');
  await distribute.getByRole('button', { name: '分发 2 个模板到 1 家商家' }).click();
  await distribute.locator('[data-test=progress]').getByText('1 / 2 家商家').waitFor();
  assert.deepEqual(sent[1], { template_ids: [1, 3], tenant_ids: ['tenant_1', 'tenant_4'], reason: '新价格' });
  job = made.job({ id: 'job-7' });
  await distribute.locator('[data-test=progress]').getByText('已完成').waitFor();
  await distribute.locator('[data-test=result-link]').click();
  await page.locator('[data-test=job-dialog]').getByRole('link', { name: '浅草本店' }).waitFor();
});

test('to all tenants: their number has to be typed; overwriting has its own count and warning', async () => {
  const page = await open('/ops/templates?dialog=distribute&to=all&templates=1,3');
  const sent = await onWrite(page, 'POST', '/ops/templates/distribute', ({ force, dry_run: dry }) => {
    const result = { ...made.job().result, ...(force ? { updated: 12, conflicts: 0 } : {}) };
    return { json: dry ? made.dryJob({ result }) : made.job({ id: 'job-8' }) };
  });
  await page.reload();
  const distribute = dialog(page, 'distribute');
  await distribute.getByText('也覆盖商家改过的文字（3 条）').waitFor();
  const run = distribute.locator('[data-test=run]');
  assert.equal(await run.innerText(), '分发 2 个模板到 23 家商家');
  assert.ok(await run.isDisabled());
  await distribute.locator('[data-test=force]').check();
  await distribute.getByText('商家自己写的文字会被模板替换').waitFor();
  await distribute.locator('[data-figure=updated]').getByText('12').waitFor();
  await distribute.getByText('也覆盖商家改过的文字（3 条）').waitFor();
  await distribute.locator('[data-test=type-name]').fill('23');
  await run.click();
  await distribute.locator('[data-test=progress]').getByText('已完成').waitFor();
  assert.deepEqual(sent.slice(-2), [
    { template_ids: [1, 3], all_tenants: true, force: true, dry_run: true },
    { template_ids: [1, 3], all_tenants: true, force: true },
  ]);
});

test('a distribution that would change nothing offers nothing', async () => {
  const page = await open('/ops/templates?dialog=distribute&to=all&templates=2', {
    prepare: (opened) =>
      stub(
        opened,
        '/ops/templates/distribute',
        made.dryJob({ result: { ...made.job().result, created: 0, updated: 0, conflicts: 0 } }),
      ),
  });
  const distribute = dialog(page, 'distribute');
  // Two are skipped, so it isn't said that all are up to date.
  await distribute.locator('[data-test=nothing]').getByText('跳过的商家不变').waitFor();
  assert.equal(await distribute.locator('[data-test=run]:visible').count(), 0);
  // That it goes to all from now on is a change, too.
  const first = { dry_run: true, newly_for_all: 1 };
  const result = { ...made.job().result, created: 0, updated: 0 };
  await stub(page, '/ops/templates/distribute', made.dryJob({ parameters: first, result }));
  await page.reload();
  await distribute.locator('[data-test=for-all]').getByText('1 个模板第一次分发到全部').waitFor();
  await distribute.locator('[data-test=run]').waitFor();
});

test('a distribution under way can be cancelled from its dialog', async () => {
  let job = made.job({
    id: 'job-9',
    status: 'running',
    result: null,
    finished_at: null,
    progress: { done: 4, total: 25 },
  });
  const page = await open('/ops/templates?dialog=distribute&to=all&templates=1', {
    prepare: async (opened) => {
      await onWrite(opened, 'POST', '/ops/templates/distribute', (body) => ({
        json: body.dry_run ? made.dryJob() : job,
      }));
      await made.answer(opened, '/ops/jobs/job-9', () => job);
      await made.answer(opened, '/ops/jobs/job-9/cancel', () => (job = made.job({ id: 'job-9', status: 'cancelled' })));
    },
  });
  const distribute = dialog(page, 'distribute');
  await distribute.locator('[data-test=type-name]').fill('23');
  await distribute.locator('[data-test=run]').click();
  await distribute.locator('[data-test=cancel-run]').click();
  await distribute.getByText('取消后不再改动；已经完成的部分保留。').waitFor();
  await distribute.getByRole('button', { name: '取消任务' }).last().click();
  await distribute.locator('[data-test=progress]').getByText('已取消').waitFor();
});

test('a trial that fails says why and can be tried again', async () => {
  const page = await open('/ops/templates?dialog=distribute&to=all&templates=1', {
    prepare: (opened) => stub(opened, '/ops/templates/distribute', answers.problem, { status: 503 }),
  });
  const distribute = dialog(page, 'distribute');
  await distribute.getByText('存储正忙，请稍后再试。').waitFor();
  assert.equal(await distribute.locator('[data-test=run]:visible').count(), 0);
  await stub(page, '/ops/templates/distribute', made.dryJob());
  await distribute.locator('[data-test=retry]:visible').click();
  await distribute.locator('[data-figure=created]').waitFor();
});

test('many tenants are chosen by what they have in common', async () => {
  const page = await open('/ops/templates?dialog=distribute&to=chosen&templates=1');
  await made.answer(page, '/ops/tenants', (url) => {
    const all = Array.from({ length: 450 }, (_, index) => tenant({ id: `t${index}`, name: `店 ${index}` }));
    return tenantPage(all, url.searchParams);
  });
  const distribute = dialog(page, 'distribute');
  await distribute.locator('[data-test=pick-search]').fill('店');
  await distribute.locator('[data-test=take-all]').getByText('选择符合搜索的全部 450 家').click();
  await distribute.getByText('已选 450 家商家').waitFor();
  await distribute.getByText('和另外 438 家').waitFor();
});

// ── the matrix ──

test('the matrix says of each cell what it is, and why, by pointer and by keyboard', async () => {
  const page = await open('/ops/templates?view=matrix');
  await cell(page, 1, 'tenant_4').hover();
  const told = page.locator('[data-test=pointed]');
  await told.getByText('金泽心结 · 租借价格是多少？：缺少 · 暂停期间没有收到').waitFor();
  await page.mouse.move(0, 0);
  await cell(page, 1, 'tenant_1').focus();
  await told.getByText('浅草本店 · 租借价格是多少？：最新 · v3').waitFor();
  await page.keyboard.press('ArrowDown');
  await told.getByText('京都花见 · 租借价格是多少？：旧版 · v2').waitFor();
  await page.keyboard.press('ArrowRight');
  await told.getByText('京都花见 · 如何预约？：').waitFor();
  const tabStops = await page.locator('[data-test=grid] [tabindex="0"]').count();
  assert.equal(tabStops, 1);
});

test('with one template the states are counted, and filter', async () => {
  const page = await open('/ops/templates?view=matrix&template_id=1');
  await page.locator('[data-state=conflict]').getByText('冲突 2').click();
  await page.waitForFunction(() => document.querySelectorAll('[data-test=grid] tbody tr').length === 2);
  await atAddress(page, '/ops/templates?view=matrix&template_id=1&state=conflict');
  await page.getByRole('button', { name: '看全部模板' }).click();
  await page.locator('[data-key="column-2"]').waitFor();
});

test('one tenant is brought up to date by one click, with what it lacks', async () => {
  const page = await open('/ops/templates?view=matrix');
  const sent = await onWrite(page, 'POST', '/ops/templates/distribute', () => ({ json: made.job({ id: 'job-5' }) }));
  await page.getByRole('button', { name: '更新 2 条 · 浅草本店' }).click();
  await page.getByText('分发模板已完成：新增 12').waitFor();
  assert.deepEqual(sent, [{ template_ids: [2, 4], tenant_ids: ['tenant_1'] }]);
  // A suspended one is skipped anyway, so it isn't offered.
  assert.equal(await page.locator('[data-tenant=tenant_4] button').count(), 0);
});

test('from the 51st template on there are pages, and one click is about all of them', async () => {
  const page = await open('/ops/templates?view=matrix', {
    prepare: (opened) =>
      made.answer(opened, '/ops/templates/matrix', (url) => {
        const { templates, items, ...rest } = made.matrix(url);
        const number = Number(url.searchParams.get('template_page') ?? 1);
        const few = number === 1 ? [0, 1, 2] : [3];
        return {
          ...rest,
          template_page: number,
          template_total: 51,
          templates: few.map((index) => templates[index]),
          items: items.map((row) => ({ ...row, cells: few.map((index) => row.cells[index]) })),
        };
      }),
  });
  const sent = await onWrite(page, 'POST', '/ops/templates/distribute', () => ({ json: made.job({ id: 'job-5' }) }));
  await page.getByRole('button', { name: '更新 2 条 · 浅草本店' }).click();
  await page.getByText('分发模板已完成：新增 12').waitFor();
  assert.deepEqual(sent, [{ template_ids: [2, 4], tenant_ids: ['tenant_1'] }]);
  await page.locator('[data-test=template-pages]').getByText('模板 1–3，共 51 个').waitFor();
  assert.ok(await page.locator('[data-test=earlier-templates]').isDisabled());
  await page.locator('[data-test=later-templates]').click();
  await page.locator('[data-key="column-4"]').waitFor();
  await atAddress(page, '/ops/templates?view=matrix&template_page=2');
  assert.ok(await page.locator('[data-test=later-templates]').isDisabled());
});

test('all tenants that lag behind are brought up to date by the dialog that shows what would happen', async () => {
  const page = await open('/ops/templates?view=matrix&template_id=1');
  const sent = await onWrite(page, 'POST', '/ops/templates/distribute', () => ({ json: made.dryJob() }));
  const asked = page.waitForRequest(/matrix\?.*state=missing/);
  await page.locator('[data-test=update-all]').getByText('更新这 2 家商家').click();
  assert.equal(new URL((await asked).url()).search, '?page=1&page_size=200&template_id=1&state=missing');
  await dialog(page, 'distribute').locator('[data-figure=created]').waitFor();
  assert.deepEqual(sent, [{ template_ids: [1], tenant_ids: ['tenant_2', 'tenant_4'], dry_run: true }]);
});

test('a refresh leaves the focus in the matrix where it is', async () => {
  let version = 2;
  const page = await open('/ops/templates?view=matrix', {
    prepare: async (opened) => {
      await opened.clock.install();
      await made.answer(opened, '/ops/templates/matrix', (url) => {
        const matrix = made.matrix(url);
        matrix.items[1].cells[0].version = version;
        return matrix;
      });
    },
  });
  // What is drawn but not shown yet can't take the focus.
  await cell(page, 1, 'tenant_2').waitFor();
  await cell(page, 1, 'tenant_2').focus();
  version = 1;
  await page.clock.runFor(PERIOD);
  await cell(page, 1, 'tenant_2').getByText('v1').waitFor();
  const focused = await page.evaluate(() => document.activeElement?.getAttribute('data-key'));
  assert.equal(focused, 'cell-1-tenant_2');
});

// ── conflicts ──

const CONFLICT = '/ops/templates?view=matrix&template_id=1&conflict=tenant_3';

test('a conflict shows the three texts with what differs marked', async () => {
  const page = await open('/ops/templates?view=matrix');
  await cell(page, 1, 'tenant_3').click();
  const conflict = dialog(page, 'conflict');
  const mine = conflict.locator('[data-column=copy] [data-field=answer]');
  await mine.waitFor();
  await atAddress(page, CONFLICT);
  assert.deepEqual(await mine.locator('.diff-removed .text').allInnerTexts(), ['268']);
  assert.deepEqual(await mine.locator('.diff-added .text').allInnerTexts(), ['288', '；本店门口可以停车']);
  assert.equal(await conflict.locator('[data-column=base] .diff-added').count(), 0);
});

for (const { name, resolution, body, said } of [
  { name: '采用模板', resolution: 'take', body: {}, said: '梨花祇园店已采用模板的文字' },
  { name: '保留商家的文字', resolution: 'keep', body: {}, said: '梨花祇园店的文字已保留' },
  {
    name: '合并',
    resolution: 'merge',
    body: { question: '租借价格是多少？', answer: '每天 298 元起；可以停车。', category: '价格' },
    said: '梨花祇园店的文字已合并',
  },
]) {
  test(`a conflict is resolved: ${resolution}`, async () => {
    const page = await open(CONFLICT);
    const sent = await onWrite(page, 'POST', '/ops/templates/1/copies/tenant_3', () => ({
      json: made.copy({ state: 'current' }),
    }));
    const conflict = dialog(page, 'conflict');
    await conflict.getByRole('radio', { name }).check();
    if ('answer' in body) {
      const answer = conflict.getByLabel('答案');
      assert.equal(await answer.inputValue(), '单件和服租借每天 288 元起，含穿着；本店门口可以停车。');
      await answer.fill(String(body.answer));
    }
    await conflict.getByLabel('原因').fill('与店长说好');
    await conflict.getByRole('button', { name, exact: true }).click();
    await page.getByText(said).waitFor();
    await conflict.waitFor({ state: 'hidden' });
    const seen = { copy_version: 4, template_version: 3, state: 'conflict' };
    assert.deepEqual(sent, [{ resolution, ...seen, ...body, reason: '与店长说好' }]);
  });
}

test('texts that changed while somebody decided are read again, and it is said', async () => {
  const page = await open(CONFLICT, { window: { viewport: { width: 1280, height: 500 } } });
  const conflict = dialog(page, 'conflict');
  await conflict.getByRole('radio', { name: '保留商家的文字' }).check();
  const now = made.copy();
  await made.answer(page, /\/copies\/tenant_3$/, () => ({
    ...now,
    copy: { ...now.copy, version: 5, answer: '每天 278 元起。' },
  }));
  const sent = await onWrite(page, 'POST', '/ops/templates/1/copies/tenant_3', ({ copy_version: version }) =>
    version === 4
      ? { status: 409, json: answers.problemOf(409, '文字已变。') }
      : { json: made.copy({ state: 'kept' }) },
  );
  await conflict.getByRole('button', { name: '保留商家的文字', exact: true }).click();
  await conflict.locator('[data-test=changed]:visible').waitFor();
  await conflict.locator('[data-column=copy]').getByText('278').waitFor();
  // Low as the window is, what went wrong is in sight.
  await page.waitForFunction(() => {
    const top = (/** @type {string} */ part) =>
      document.querySelector(`dialog[open] ${part}`)?.getBoundingClientRect().top ?? Infinity;
    return top('[data-test=form-failure]') < top('.dialog-foot');
  });
  await conflict.getByRole('button', { name: '保留商家的文字', exact: true }).click();
  await page.getByText('梨花祇园店的文字已保留').waitFor();
  assert.deepEqual(
    sent.map((body) => body.copy_version),
    [4, 5],
  );
});

test('a pair that is the tenant’s own is compared with the template', async () => {
  const page = await open(CONFLICT, {
    prepare: (opened) =>
      made.answer(opened, /\/copies\//, () => made.copy({ base: null, why: '商家自己有同样的问题' })),
  });
  const conflict = dialog(page, 'conflict');
  await conflict.getByText('没有：这是商家自己建立的问答，问题与模板相同。').waitFor();
  const marks = await conflict.locator('[data-column=copy] [data-field=answer] .diff-removed .text').allInnerTexts();
  assert.ok(marks.length > 0);
  // A copy that is as it should be can be looked at as well, but there is nothing to decide.
  await made.answer(page, /\/copies\/tenant_3$/, () => made.copy({ state: 'current', why: null }));
  await page.reload();
  await conflict.getByText('最新', { exact: true }).waitFor();
  assert.equal(await conflict.getByRole('radio').count(), 0);
});

// ── who only reads ──

test('who only reads sees no button that writes', async () => {
  const page = await open('/ops/templates', { prepare: viewer });
  await row(page, 1).waitFor();
  const writes = '[data-test=new], [data-test=edit], [data-test=delete], [data-test=select-page], .checkbox';
  assert.equal(await page.locator(`:is(${writes}):visible`).count(), 0);
  await row(page, 1).getByRole('link', { name: '租借价格是多少？' }).click();
  await dialog(page, 'edit').getByText('第 3 版').waitFor();
  assert.equal(await dialog(page, 'edit').locator('button[type=submit]:visible, textarea:visible').count(), 0);
  for (const closed of ['dialog=new', 'dialog=delete&template=1', 'dialog=distribute&to=all&templates=1']) {
    await page.goto(`/ops/templates?${closed}`);
    await row(page, 1).waitFor();
    assert.equal(await page.locator('dialog[open]').count(), 0, closed);
  }
  await page.goto(CONFLICT);
  await dialog(page, 'conflict').locator('[data-column=copy]').waitFor();
  assert.equal(
    (await dialog(page, 'conflict').getByRole('radio').count())
      ? await dialog(page, 'conflict').getByRole('radio').first().isVisible()
      : false,
    false,
  );
  assert.equal(await page.locator('[data-update]').count(), 0);
  await page.locator('[data-test=update-all]').waitFor({ state: 'hidden' });
});

// ── form ──

/** Long texts in every place. @param {Page} page */
async function longAnswers(page) {
  await made.stubTemplates(page, stub);
  const texts = { question: LONG, answer: UNBROKEN, category: UNBROKEN };
  const [first, second, ...others] = made.templates();
  await stub(
    page,
    '/ops/templates',
    made.templatePage([{ ...first, ...texts }, { ...second, question: UNBROKEN }, ...others]),
  );
  await made.answer(page, /^\/ops\/templates\/\d+$/, () => made.templateDetail(texts));
  await made.answer(page, '/ops/templates/matrix', (url) => {
    const matrix = made.matrix(url);
    matrix.templates[0].question = UNBROKEN;
    matrix.items[0].name = UNBROKEN;
    matrix.items[1].name = LONG.slice(0, 64);
    return matrix;
  });
  const { copy, ...rest } = made.copy();
  await made.answer(page, /\/copies\//, () => ({ ...rest, copy: { ...copy, answer: `${LONG}${UNBROKEN}` } }));
}

const VIEWS = [
  '',
  '?view=matrix',
  '?view=matrix&template_id=1',
  '?view=matrix&template_id=1&conflict=tenant_3',
  '?dialog=new',
  '?dialog=edit&template=1',
  '?dialog=delete&template=1',
  '?dialog=distribute&to=chosen&templates=1',
  '?dialog=distribute&to=all&templates=1,2',
  '?job=job-1',
];

for (const [theme, language] of [
  ['light', 'zh-CN'],
  ['dark', 'en'],
]) {
  test(`axe finds nothing on any view, ${theme}, ${language}; none is too wide, no text is missing`, async () => {
    const page = await openConsole({
      path: '/ops/templates',
      prepare: async (opened) => {
        await opened.emulateMedia({ reducedMotion: 'reduce' });
        await opened.addInitScript((chosen) => localStorage.setItem('kimono.theme', chosen), theme);
        await opened.addInitScript((chosen) => localStorage.setItem('kimono.language', chosen), language);
        await longAnswers(opened);
      },
    });
    for (const view of VIEWS) {
      await visit(page, `/ops/templates${view}`);
      await assertNoTextMissing(page, view || 'the list');
      await assertAccessible(page, view || 'the list');
      for (const width of [360, 768, 2560, 1280]) await assertFits(page, width);
    }
  });
}

// ── against the server as it is ──

/**
 * The API, as the person who is logged in.
 * @param {Page} page
 * @param {string} method
 * @param {string} path
 * @param {unknown} [data]
 */
async function ask(page, method, path, data) {
  const response = await page.request.fetch(`/api/v1${path}`, {
    method,
    data: data === undefined ? undefined : data,
    headers: { Origin: new URL(URL_BASE).origin, Prefer: 'wait=10' },
  });
  assert.ok(response.ok(), `${method} ${path}: ${response.status()} ${await response.text()}`);
  return response.status() === 204 ? null : response.json();
}

test('created, edited, distributed to some and to all, deleted: for real', async () => {
  const mark = `浏览器测试 ${Date.now()}`;
  const question = `${mark}？`;
  const page = await openConsole({ path: '/ops/templates' });
  const { items } = await ask(page, 'GET', '/ops/tenants?status=active&sort=id&page_size=3');
  const [first, second] = items;

  // Created and found again.
  await page.locator('[data-test=new]').click();
  const create = dialog(page, 'create');
  await create.getByLabel('问题').fill(question);
  await create.getByLabel('答案').fill('押金 100 元，归还时退。');
  await create.getByLabel('分类').fill('浏览器测试');
  await create.getByRole('button', { name: '建立模板' }).click();
  await page.getByText('模板已建立，还没有分发').waitFor();
  await page.locator('[data-test=list-search]').fill(mark);
  const found = page.locator('tr[data-template]');
  await page.waitForFunction(() => document.querySelectorAll('tr[data-template]').length === 1);
  const id = Number(await found.getAttribute('data-template'));

  // To two tenants.
  await found.getByRole('checkbox').check();
  await page.locator('[data-test=to-chosen]').click();
  const distribute = dialog(page, 'distribute');
  for (const tenant of [first, second]) {
    await distribute.locator('[data-test=pick-search]').fill(tenant.id);
    await distribute.locator(`[data-pick="${tenant.id}"]`).check();
  }
  await distribute.locator('[data-test=check]').click();
  await distribute.locator('[data-figure=created]').getByText('2', { exact: true }).waitFor();
  await distribute.getByRole('button', { name: '分发 1 个模板到 2 家商家' }).click();
  await distribute.locator('[data-test=progress]').getByText('已完成').waitFor();
  await distribute.locator('[data-test=done]').click();
  await found.getByText(/^2 \/ /).waitFor();

  // A new version puts both copies behind.
  await found.locator('[data-test=edit]').click();
  const edit = dialog(page, 'edit');
  await edit.getByText('2 家商家的副本会成为旧版').waitFor();
  await edit.getByLabel('答案').fill('押金 200 元，归还时退。');
  await edit.getByRole('button', { name: '保存' }).click();
  await page.getByText('已保存为第 2 版，2 家商家的副本待更新').waitFor();
  await found.getByText('2 非最新').waitFor();

  // To all: the two are brought up to date, the others get it.
  await page.locator('[data-test=to-all]').click();
  await distribute.locator('[data-figure=updated]').click();
  await distribute.locator('[data-test=behind-figure]').getByText(first.name, { exact: true }).waitFor();
  await distribute.locator('[data-test=type-name]').fill(await askedNumber(distribute));
  await distribute.locator('[data-test=run]').click();
  await distribute.locator('[data-test=progress]').getByText('已完成').waitFor();
  await distribute.locator('[data-figure=updated]').getByText('2', { exact: true }).waitFor();
  await distribute.locator('[data-test=done]').click();
  await found.getByText('非最新').waitFor({ state: 'hidden' });

  // The matrix has all of them, and says why a suspended one has none.
  await found.locator('[data-test=distributed]').click();
  await cell(page, id, first.id).getByText('v2').waitFor();

  // Deleted; the pairs stay with the tenants.
  await page.goto(`/ops/templates?keyword=${encodeURIComponent(mark)}`);
  await found.locator('[data-test=delete]').click();
  const remove = dialog(page, 'delete');
  await remove.locator('[data-test=run]').click();
  await page.getByText('模板已删除').waitFor();
  await page.locator('[data-test=list-unmatched]').waitFor();
  const pairs = await ask(
    page,
    'GET',
    `/ops/knowledge/qa-pairs?tenant_id=${first.id}&keyword=${encodeURIComponent(mark)}`,
  );
  assert.ok(pairs.items.some((/** @type {any} */ pair) => pair.question === question));
});

test('a pair that the tenant has made itself is a conflict, found in the matrix and merged: for real', async () => {
  const page = await openConsole({ path: '/ops/templates' });
  const { items: pairs } = await ask(page, 'GET', '/ops/knowledge/qa-pairs?page_size=50');
  const { items: active } = await ask(page, 'GET', '/ops/tenants?status=active&page_size=200');
  const pair = pairs.find((/** @type {any} */ { tenant_id: id }) =>
    active.some((/** @type {any} */ shop) => shop.id === id),
  );
  const earlier = await ask(page, 'GET', `/ops/templates?keyword=${encodeURIComponent(pair.question)}`);
  for (const { id } of earlier.items) await ask(page, 'DELETE', `/ops/templates/${id}`);
  const { id } = await ask(page, 'POST', '/ops/templates', {
    question: pair.question,
    answer: `模板的答案 ${Date.now()}`,
    category: '浏览器测试',
  });
  await ask(page, 'POST', '/ops/templates/distribute', { template_ids: [id], tenant_ids: [pair.tenant_id] });

  await page.goto(`/ops/templates?view=matrix&template_id=${id}`);
  await page.locator('[data-state=conflict]').click();
  await page.locator('[data-test=list-search]').fill(pair.tenant_id);
  await cell(page, id, pair.tenant_id).click();
  const conflict = dialog(page, 'conflict');
  await conflict.getByText('没有：这是商家自己建立的问答').waitFor();
  await conflict.getByRole('radio', { name: '合并' }).check();
  const merged = `合并的答案 ${Date.now()}`;
  await conflict.getByLabel('答案').fill(merged);
  await conflict.getByLabel('原因').fill('两边说好了');
  await conflict.getByRole('button', { name: '合并', exact: true }).click();
  await conflict.waitFor({ state: 'hidden' });
  const copy = await ask(page, 'GET', `/ops/templates/${id}/copies/${encodeURIComponent(pair.tenant_id)}`);
  assert.equal(copy.copy.answer, merged);
  assert.equal(copy.state, 'kept');
  await ask(page, 'DELETE', `/ops/templates/${id}`);
});

test('the job of a distribution is found by its address, with its parts', async () => {
  const page = await openConsole({ path: '/ops/templates' });
  const { items } = await ask(page, 'GET', '/ops/jobs?kind=templates.distribute&status=succeeded');
  assert.ok(items.length > 0, 'the test before this one has left some');
  await page.goto(`/ops/templates?job=${items[0].id}`);
  await page.locator('[data-test=job-dialog] [data-figure=tenants]').waitFor();
  await page.locator('[data-test=job-items] li').first().waitFor();
});
