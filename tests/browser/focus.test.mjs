/**
 * @file The keyboard never starts again from the page's beginning: whatever is done, the focus goes where one would go
 * on; undo is one key away; and keys that an input method has taken do nothing on any page. Against the server as it is.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { problemOf } from './answers.mjs';
import { job } from './answers-templates.mjs';
import { openConsole, settled, stub, until } from './console.mjs';
import { shopWithFeedback } from './feedback.mjs';

/** @typedef {import('playwright-core').Page} Page */

/** What has the focus, in words; empty: nothing. @param {Page} page */
const focused = (page) =>
  page.evaluate(() => {
    const { activeElement: element } = document;
    if (!element || element === document.body || element === document.documentElement) return '';
    return `${element.tagName} ${element.getAttribute('aria-label') ?? element.textContent?.trim().slice(0, 40)}`;
  });

/**
 * Does something, waits until all that follows from it is shown, and looks where the focus is.
 * @param {Page} page
 * @param {string} what
 * @param {() => Promise<unknown>} act
 */
async function keeps(page, what, act) {
  await act();
  await settled(page);
  await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => setTimeout(done, 60))));
  assert.notEqual(await focused(page), '', `after ${what}`);
}

/** Presses a control as the keyboard does. @param {import('playwright-core').Locator} control */
async function press(control) {
  await control.focus();
  await control.press('Enter');
}

/** @param {Page} page */
const rows = (page) => page.locator('[data-test=rows] tr');
/** @param {Page} page */
const dialog = (page) => page.locator('dialog[open]').last();
/** @param {Page} page */
const submit = (page) => dialog(page).locator('button[type=submit]');

test('after creating, editing, deleting, undoing and restoring a pair the focus is somewhere', async () => {
  const page = await openConsole({ path: '/ops/knowledge' });
  await rows(page).first().waitFor();
  await keeps(page, 'opening a new pair', () => press(page.locator('[data-test=new]')));
  await dialog(page).locator('[data-test=tenant-choice]').focus();
  await page.keyboard.press('ArrowDown');
  await dialog(page).getByRole('option').first().waitFor();
  await keeps(page, 'choosing its tenant', () => page.keyboard.press('Enter'));
  const mark = `焦点 ${Date.now()}`;
  await dialog(page).getByLabel('问题').fill(mark);
  await keeps(page, 'creating it', () => press(submit(page)));
  const made = rows(page).filter({ hasText: mark });
  await made.waitFor();

  await keeps(page, 'opening it', () => press(made.getByRole('link', { name: mark })));
  await keeps(page, 'closing it by Esc', () => page.keyboard.press('Escape'));
  await press(made.getByRole('link', { name: mark }));
  await dialog(page).getByLabel('答案').fill('现在有答案');
  await keeps(page, 'saving it', () => press(submit(page)));

  await press(made.getByRole('link', { name: mark }));
  await keeps(page, 'deleting it', () => press(dialog(page).locator('[data-test=delete-pair]')));
  await made.waitFor({ state: 'hidden' });
  assert.match(await focused(page), /^A /, 'the row that has moved up');
  await keeps(page, 'undoing by Ctrl-Z', () => page.keyboard.press('Control+z'));
  await made.waitFor();

  await press(made.getByRole('link', { name: mark }));
  await press(dialog(page).locator('[data-test=delete-pair]'));
  await page.locator('[data-test=toast-action]').waitFor();
  await page.keyboard.press('F6');
  assert.match(await focused(page), /BUTTON 撤销/);
  await keeps(page, 'undoing by the message', () => page.keyboard.press('Enter'));

  await press(made.getByRole('link', { name: mark }));
  await press(dialog(page).locator('[data-test=delete-pair]'));
  await made.waitFor({ state: 'hidden' });
  await keeps(page, 'another view', () => press(page.locator('[data-view=deleted]')));
  await keeps(page, 'restoring it', () => press(rows(page).first().locator('[data-test=restore]')));
});

test('the same of filters, selections and what is done to many pairs', async () => {
  const page = await openConsole({ path: '/ops/knowledge?source=import' });
  await rows(page).first().waitFor();
  await keeps(page, 'clearing one filter', () => press(page.locator('[data-test=filter-words] .tag-clear').first()));
  const tick = () => rows(page).first().getByRole('checkbox').check();
  await tick();
  await keeps(page, 'clearing the selection', () => press(page.getByRole('button', { name: '取消选择' })));
  await tick();
  await keeps(page, 'opening the bulk deletion', () => press(page.locator('[data-test=bulk-delete]')));
  await dialog(page).locator('[data-test=run]:enabled').waitFor();
  await keeps(page, 'deleting many', () => press(dialog(page).locator('[data-test=run]')));
  await tick();
  await keeps(page, 'opening the category', () => press(page.locator('[data-test=bulk-category]')));
  await keeps(page, 'cancelling it', () => press(dialog(page).getByRole('button', { name: '取消', exact: true })));
  await keeps(page, 'syncing many', () => press(page.locator('[data-test=bulk-sync]')));
  await keeps(page, 'the sync state', () => press(page.locator('[data-test=sync-status]')));
  await keeps(page, 'a check', () => press(dialog(page).locator('[data-test=check]')));
  await dialog(page).locator('[data-test=verdict]').waitFor();
  await keeps(page, 'closing it', () => press(dialog(page).locator('[data-test=close]')));
  await keeps(page, 'the next page', () => press(page.locator('[data-test=pager] a[rel=next]')));
});

test('the same of tenants: created, edited, suspended, activated', async () => {
  const page = await openConsole({ path: '/ops/tenants' });
  await rows(page).first().waitFor();
  const name = `焦点店 ${Date.now()}`;
  await press(page.locator('[data-test=new]'));
  await dialog(page).getByLabel('商家名称').fill(name);
  await keeps(page, 'creating', () => press(submit(page)));
  const detail = page.locator('[data-test=detail]');
  await detail.locator('[data-test=facts]').waitFor();
  await press(detail.locator('[data-test=edit]'));
  await dialog(page).getByLabel('联系人').fill('新的联系人');
  await keeps(page, 'saving', () => press(submit(page)));
  await press(detail.locator('[data-test=suspend]'));
  await dialog(page).getByLabel('原因').fill('试');
  await dialog(page).locator('[data-test=type-name]').fill(name);
  await dialog(page).locator('[data-test=run]:enabled').waitFor();
  await keeps(page, 'suspending', () => press(dialog(page).locator('[data-test=run]')));
  await press(detail.locator('[data-test=activate]'));
  await keeps(page, 'activating', () => press(submit(page)));
  await keeps(page, 'closing what an address has opened', () => press(detail.locator('[data-test=close]')));
});

test('the same of templates: created, edited, deleted', async () => {
  const page = await openConsole({ path: '/ops/templates' });
  await page.locator('[data-template]').first().waitFor();
  const question = `焦点模板 ${Date.now()}`;
  await press(page.locator('[data-test=new]'));
  await dialog(page).getByLabel('问题').fill(question);
  await dialog(page).getByLabel('答案').fill('一');
  await keeps(page, 'creating', () => press(submit(page)));
  const row = page.locator('[data-template]').filter({ hasText: question });
  await row.waitFor();
  await press(row.locator('[data-test=edit]'));
  await dialog(page).getByLabel('答案').fill('二');
  await keeps(page, 'saving', () => press(submit(page)));
  await press(row.locator('[data-test=delete]'));
  await dialog(page).locator('[data-test=run]:enabled').waitFor();
  await keeps(page, 'deleting', () => press(dialog(page).locator('[data-test=run]')));
  await row.waitFor({ state: 'hidden' });
  assert.notEqual(await focused(page), '');
});

test('the same of an import: its file, the trial, back, the import, undone', async () => {
  const { id } = await shopWithFeedback();
  const page = await openConsole({ path: `/ops/knowledge?tenant_id=${id}` });
  await rows(page).first().waitFor();
  await keeps(page, 'opening the import', () => press(page.locator('[data-test=import]')));
  const file = dialog(page).locator('[data-test=file]');
  await file.focus();
  const buffer = Buffer.from('问题,答案\n可以寄存行李吗？,可以，免费。\n几点开门？,\n');
  await keeps(page, 'choosing the file', () => file.setInputFiles({ name: 'pairs.csv', mimeType: 'text/csv', buffer }));
  await keeps(page, 'another heading', () => press(dialog(page).locator('[data-test=heading]')));
  await dialog(page).locator('[data-test=heading]').check();
  const tryIt = dialog(page).locator('[data-test=try-import]:enabled');
  await keeps(page, 'the trial', () => press(tryIt));
  await dialog(page).locator('[data-test=outcome]:visible').waitFor();
  await keeps(page, 'back to the columns', () => press(dialog(page).locator('[data-test=back]')));
  await press(tryIt);
  const run = dialog(page).locator('[data-test=run-import]:visible');
  await run.waitFor();
  await keeps(page, 'the import', () => press(run));
  const undo = dialog(page).locator('[data-test=undo-import]:visible');
  await undo.waitFor();
  assert.notEqual(await focused(page), '', 'after its end');
  await keeps(page, 'undoing it', () => press(undo));
  await keeps(page, 'closing it', () => page.keyboard.press('Escape'));
});

test('the same of feedback: filtered, looked at, decided', async () => {
  const { id } = await shopWithFeedback();
  const page = await openConsole({ path: `/ops/corrections?tenant_id=${id}` });
  await rows(page).nth(2).waitFor();
  const open = (/** @type {string} */ question) =>
    press(rows(page).filter({ hasText: question }).first().getByRole('link', { name: question }));
  await keeps(page, 'opening one', () => open('几点关门'));
  await keeps(page, 'choosing the decision', () => dialog(page).locator('input[value=reject]').press('Space'));
  await keeps(page, 'rejecting it', () => press(submit(page)));
  await rows(page).nth(2).waitFor({ state: 'detached' });
  await open('可以带狗吗');
  await dialog(page).locator('textarea').fill('小型犬可以。');
  await keeps(page, 'Esc, which asks first', () => page.keyboard.press('Escape'));
  await keeps(page, 'going on', () => press(dialog(page).getByRole('button', { name: '继续编辑' })));
  await keeps(page, 'making a pair of it', () => press(submit(page)));
  await rows(page).nth(1).waitFor({ state: 'detached' });
  await keeps(page, 'other ones', () => press(page.locator('[data-status=approved]')));
  await keeps(page, 'one that is decided', () => open('可以带狗吗'));
  await keeps(page, 'closing it', () => page.keyboard.press('Escape'));
});

test('the same of jobs: filtered, looked at, undone, cancelled', async () => {
  const { pair, post } = await shopWithFeedback();
  await post('/ops/knowledge/qa-pairs/bulk', { action: 'delete', ids: [pair.id] }, { Prefer: 'wait=10' });
  const page = await openConsole({ path: '/ops/jobs' });
  await rows(page).first().waitFor();
  const kind = page.locator('[data-test=kind]');
  await kind.focus();
  await keeps(page, 'one kind', () => kind.selectOption('knowledge.bulk'));
  const opened = rows(page).first();
  await keeps(page, 'opening one', () => press(opened.locator('[data-test=open-job]')));
  const outcome = dialog(page).locator('[data-test=outcome]');
  await outcome.focus();
  await keeps(page, 'one outcome', () => outcome.selectOption({ index: 1 }));
  await keeps(page, 'closing it', () => page.keyboard.press('Escape'));
  await keeps(page, 'undoing it', () => press(opened.locator('[data-test=undo-job]')));

  const running = { id: 'job-9', status: 'running', result: null, finished_at: null, progress: { done: 5, total: 25 } };
  await stub(page, '/ops/jobs', { items: [job(running)], total: 1, page: 1, page_size: 50, next_cursor: null });
  await stub(page, '/ops/jobs/job-9', () => job(running));
  await stub(page, '/ops/jobs/job-9/cancel', () => job(Object.assign(running, { status: 'cancelled' })));
  await page.reload();
  const row = page.locator('[data-row=job-9]');
  await row.waitFor();
  await keeps(page, 'asking for the end', () => press(row.locator('[data-test=cancel-job]')));
  await keeps(page, 'letting it run', () => press(row.getByRole('button', { name: '继续运行' })));
  await press(row.locator('[data-test=cancel-job]'));
  await keeps(page, 'ending it', () => press(row.locator('[data-test=cancel-job-yes]')));
});

test('the palette opens over a dialog, whose text stays, and leads away only when that may go', async () => {
  const page = await openConsole({ path: '/ops/knowledge?dialog=new' });
  const question = page.locator('[data-test=create-dialog]').getByLabel('问题');
  await question.fill('打了一半');
  await page.keyboard.press('Control+k');
  const palette = page.locator('[data-test=palette]');
  await palette.getByRole('option', { name: '打开仪表盘' }).waitFor();
  assert.equal(await palette.getByRole('option', { name: '新建问答' }).count(), 0, 'what belongs to the page behind');
  await page.keyboard.press('Escape');
  await palette.waitFor({ state: 'hidden' });
  assert.equal(await question.evaluate((field) => field === document.activeElement), true);
  await page.keyboard.press('Control+k');
  await palette.getByRole('option', { name: '打开仪表盘' }).click();
  await page.getByRole('button', { name: '继续编辑' }).click();
  assert.equal(await question.inputValue(), '打了一半');
});

/** What Safari sends when Enter confirms a word of the input method: it says that nothing is being composed any more. */
const confirmWord = (/** @type {Element} */ field) => {
  field.dispatchEvent(new CompositionEvent('compositionend', { bubbles: true, data: '浅草' }));
  for (const key of ['Enter', 'Escape', 'ArrowDown']) {
    field.dispatchEvent(new KeyboardEvent('keydown', { key, keyCode: 229, bubbles: true, cancelable: true }));
  }
};

test('an Enter that confirms a word of an input method chooses nothing, whichever field it is in', async () => {
  const page = await openConsole({ path: '/ops/knowledge' });
  await rows(page).first().waitFor();
  const before = page.url();
  await page.keyboard.press('Control+k');
  const palette = page.locator('[data-test=palette]');
  await palette.getByRole('option').nth(1).waitFor();
  const active = await palette.locator('input').getAttribute('aria-activedescendant');
  await palette.locator('input').evaluate(confirmWord);
  assert.equal(await palette.locator('input').getAttribute('aria-activedescendant'), active);
  assert.equal(await palette.isVisible(), true);
  await page.keyboard.press('Escape');

  const choice = page.locator('[data-panel=knowledge] [data-test=tenant-choice]');
  await choice.click();
  await choice.fill('店');
  await page.locator('[data-panel=knowledge]').getByRole('option').first().waitFor();
  await choice.evaluate(confirmWord);
  assert.equal(await choice.getAttribute('aria-expanded'), 'true');
  const search = page.locator('[data-test=list-search]');
  await search.fill('浅草');
  await until(() => page.url().includes('keyword'));
  await search.evaluate(confirmWord);
  assert.equal(await search.inputValue(), '浅草', 'Esc has cleared nothing');
  assert.equal(page.url().split('?')[0], before.split('?')[0]);
});

test('messages are narrow, three at once, the rest behind a button, and never over a dialog’s foot', async () => {
  const page = await openConsole({
    path: '/ops/knowledge?dialog=sync',
    prepare: (opened) =>
      stub(opened, '/ops/knowledge/sync/check', problemOf(503, '国际和服体验中心超长名称测试店铺'.repeat(8)), {
        status: 503,
      }),
  });
  const sync = page.locator('[data-test=sync-dialog]');
  const shown = sync.locator('[data-test=toast]');
  for (const width of [1280, 390]) {
    await page.setViewportSize({ width, height: 800 });
    const more = sync.locator('[data-test=more-toasts]:visible');
    for (let times = 0; times < 30 && (await more.count()) === 0; times++) {
      await sync.locator('[data-test=check]:enabled').click(); // the first may go meanwhile
      await sync.locator('[data-test=check]:enabled').waitFor();
    }
    assert.equal(await shown.count(), 3);
    const foot = (await sync.locator('.dialog-foot').boundingBox()) ?? assert.fail('no foot');
    for (const one of await shown.all()) {
      const box = (await one.boundingBox()) ?? assert.fail('not shown');
      assert.ok(box.width <= 420 && box.height <= 90, `${box.width} × ${box.height} at ${width}`);
      assert.ok(box.y + box.height <= foot.y || box.y >= foot.y + foot.height, `over the foot at ${width}`);
      assert.ok(box.x >= 0 && box.x + box.width <= width);
    }
    // Who reads them has all of them, and they wait.
    await sync.locator('[data-test=more-toasts]').click();
    await shown.nth(3).waitFor();
    await page.mouse.move(0, 0);
  }
});
