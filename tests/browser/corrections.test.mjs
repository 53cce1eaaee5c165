/** @file Customers' feedback that waits for a person: the list behind the figure, and the dialog that decides. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { assertAccessible, assertFits, assertNoTextMissing } from './accessible.mjs';
import { URL_BASE, openConsole, panel, settled, stub, visit } from './console.mjs';
import { shopWithFeedback } from './feedback.mjs';

const API = `${URL_BASE}/api/v1`;

test('what a customer says is decided: changed, made a pair of its own, rejected: for real', async () => {
  const shop = await shopWithFeedback();
  const page = await openConsole({ path: `/ops/corrections?tenant_id=${shop.id}` });
  const rows = panel(page, 'corrections').locator('[data-correction]');
  await rows.nth(2).waitFor();
  assert.equal(await rows.count(), 3);
  const dialog = page.locator('[data-test=correction-dialog]');

  /** @param {string} question @param {string} correction */
  const open = async (question, correction) => {
    await rows
      .filter({ hasText: question })
      .filter({ hasText: correction })
      .getByRole('link', { name: question })
      .click();
    await dialog.locator('[data-column=said]').waitFor();
  };

  await open('几点关门', '晚上九点关门。');
  assert.match(await dialog.locator('[data-column=now]').innerText(), /晚上八点关门。/);
  await dialog.locator('input[value=change]').check();
  await dialog.locator('button[type=submit]').click();
  await rows.nth(2).waitFor({ state: 'detached' });
  assert.equal((await shop.ask('几点关门')).answer, '晚上九点关门。');

  await open('可以带狗吗', '只评为不好');
  await dialog.locator('textarea').fill('小型犬可以，请牵绳。');
  await dialog.locator('button[type=submit]').click();
  await rows.nth(1).waitFor({ state: 'detached' });
  assert.equal((await shop.ask('可以带狗吗')).answer, '小型犬可以，请牵绳。');

  await open('几点关门', '只评为不好');
  await dialog.locator('input[value=reject]').check();
  await dialog.locator('button[type=submit]').click();
  await rows.first().waitFor({ state: 'detached' });
  await page.locator('[data-status=approved]').click();
  await rows.nth(1).waitFor();
  await rows.first().getByRole('link').nth(1).click();
  await dialog.locator('[data-test=decided]').waitFor();
  assert.equal(await dialog.locator('button[type=submit]').count(), 0);
});

test('the page lists as many as the dashboard counts: for real', async () => {
  await shopWithFeedback();
  const page = await openConsole({ path: '/ops/corrections' });
  await settled(page);
  const { pending_feedbacks: counted } = await (await page.request.get(`${API}/ops/dashboard/overview`)).json();
  const { total } = await (await page.request.get(`${API}/ops/knowledge/corrections`)).json();
  assert.equal(total, counted);
  assert.match(await panel(page, 'corrections').innerText(), new RegExp(`\\b${counted}\\b`));
});

test('what was typed stays when the customer says it anew meanwhile', async () => {
  const base = {
    id: 7,
    tenant_id: 't',
    tenant_name: '京都店',
    message_id: 'msg_1',
    question: '几点关门',
    answer: '八点',
    answered: true,
    correction: '九点',
    status: 'pending',
    held_for: 'existing_pair',
    qa_pair_id: 3,
    pair_question: '几点关门',
    pair_answer: '八点',
    version: 1,
    created_at: new Date().toISOString(),
    decided_by: null,
    note: null,
    decided_at: null,
  };
  let shown = base;
  const page = await openConsole({
    path: '/ops/corrections?correction=7',
    prepare: (opened) => stub(opened, '/ops/knowledge/corrections/7', () => shown),
  });
  const answer = page.locator('[data-test=correction-dialog] textarea');
  await answer.fill('九点半');
  shown = { ...base, correction: '十点', version: 2 };
  await page.evaluate(() => document.dispatchEvent(new Event('visibilitychange')));
  await page.locator('[data-test=correction-dialog]').press('Escape');
  await page.getByRole('alert').filter({ visible: true }).first().waitFor(); // asks before it is lost
  assert.equal(await answer.inputValue(), '九点半');
});

for (const theme of ['light', 'dark']) {
  test(`every view is accessible, fits the screen and lacks no text, ${theme}`, async () => {
    const shop = await shopWithFeedback();
    const page = await openConsole({
      path: `/ops/corrections?tenant_id=${shop.id}`,
      prepare: (opened) =>
        opened.addInitScript(
          ([chosen, language]) => {
            localStorage.setItem('kimono.theme', chosen);
            localStorage.setItem('kimono.language', language);
          },
          [theme, theme === 'dark' ? 'en' : 'zh-CN'],
        ),
    });
    await settled(page);
    const href = await page.locator('[data-correction] td.grows a').first().getAttribute('href');
    const views = ['/ops/corrections', '/ops/corrections?status=rejected&tenant_id=none', String(href)];
    for (const address of views) {
      await visit(page, address);
      await assertNoTextMissing(page, address);
      await assertAccessible(page, address);
      for (const width of [360, 768, 1280, 2560]) await assertFits(page, width);
      await page.setViewportSize({ width: 1280, height: 860 });
    }
  });
}
