/**
 * @file The keyboard never starts again from the page's beginning: whatever is done, the focus goes where one would go
 * on; undo is one key away; and keys that an input method has taken do nothing on any page. Against the server as it is.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openConsole, settled, stub, until } from './console.mjs';

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
      stub(
        opened,
        '/ops/knowledge/sync/check',
        { title: 'x', detail: '国际和服体验中心超长名称测试店铺'.repeat(8), status: 503 },
        { status: 503 },
      ),
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
