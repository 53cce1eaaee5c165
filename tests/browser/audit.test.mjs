/** @file The operation log: filters, a row with before and after, the story of a request, the file; for real. */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { assertAccessible, assertFits, assertNoTextMissing } from './accessible.mjs';
import { URL_BASE, openConsole, operatorContext, panel, settled, visit } from './console.mjs';

const API = `${URL_BASE}/api/v1`;

/** A tenant that was made, renamed, and suspended twice, which the second time is refused. */
async function changedTenant() {
  const { request } = await operatorContext();
  const id = `audit-${Date.now().toString(36)}`;
  const headers = { Origin: new URL(URL_BASE).origin };
  /** @param {'post' | 'put'} method @param {string} path @param {object} data @param {string} [requestId] */
  const send = async (method, path, data, requestId) => {
    /** @type {Record<string, string>} */
    const more = requestId ? { 'X-Request-Id': requestId } : {};
    return (await request[method](`${API}/ops${path}`, { data, headers: { ...headers, ...more } })).status();
  };
  assert.equal(await send('post', '/tenants', { id, name: '审计店' }, `${id}.make`), 201);
  assert.equal(await send('put', `/tenants/${id}`, { name: '改名<b>店</b>' }, `${id}.rename`), 200);
  assert.equal(await send('post', `/tenants/${id}/suspend`, { reason: '欠费' }), 200);
  assert.equal(await send('post', `/tenants/${id}/suspend`, { reason: '欠费' }), 409);
  return id;
}

test('what was changed and what was refused is found, with before and after beside each other', async () => {
  const id = await changedTenant();
  const page = await openConsole({ path: `/ops/audit?target_id=${id}` });
  const rows = panel(page, 'audit').locator('[data-row]');
  await rows.nth(3).waitFor();
  assert.equal(await rows.count(), 4);
  assert.match(await rows.first().innerText(), /暂停商家[^]*is suspended already[^]*被拒绝|暂停商家[^]*被拒绝/);

  await rows.nth(2).getByRole('link', { name: '修改商家' }).click();
  const dialog = page.locator('[data-test=operation-dialog]');
  const name = dialog.locator('[data-field=name]');
  await name.waitFor();
  assert.deepEqual(await name.locator('td').allInnerTexts(), ['审计店', '改名<b>店</b>']);
  assert.equal(await name.locator('.diff-removed, .diff-added').count(), 2);
  await page.reload();
  await name.waitFor();
  await page.keyboard.press('Escape');
  await dialog.locator('.dialog-frame').waitFor({ state: 'detached' });

  await page.locator('[data-test=result]').selectOption('refused');
  await rows.nth(1).waitFor({ state: 'detached' });
  assert.equal(new URL(page.url()).searchParams.get('result'), 'refused');
  await rows.first().getByRole('link', { name: '暂停商家' }).click();
  await dialog.locator('[data-test=reason]').waitFor();
  assert.match(await dialog.locator('[data-field=asked]').innerText(), /欠费/);
  assert.match(await dialog.locator('[data-field=status]').innerText(), /409/);
});

test('the story of a request is one line of time, from its id', async () => {
  const id = await changedTenant();
  const page = await openConsole({ path: `/ops/audit?request=${id}.rename` });
  const line = page.locator('[data-test=line]');
  await line.locator('[data-kind=operation]').waitFor();
  assert.match(await line.locator('[data-kind=operation]').innerText(), /修改商家/);
  await line.locator('[data-kind=operation] a').click();
  await page.locator('[data-test=operation-dialog] [data-field=name]').waitFor();
  await page.goBack();
  await line.locator('[data-kind=operation]').waitFor();
});

test('the list leaves as a file, as it is filtered', async () => {
  const id = await changedTenant();
  const page = await openConsole({ path: `/ops/audit?target_id=${id}&action=tenant.update` });
  await settled(page);
  const [download] = await Promise.all([page.waitForEvent('download'), page.locator('[data-test=csv]').click()]);
  const text = await readFile(await download.path(), 'utf8');
  assert.equal(text.trimEnd().split('\r\n').length, 2);
  assert.match(text, /tenant\.update/);
});

for (const theme of ['light', 'dark']) {
  test(`every view is accessible, fits the screen and lacks no text, ${theme}`, async () => {
    const id = await changedTenant();
    const page = await openConsole({
      path: `/ops/audit?target_id=${id}`,
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
    const href = await page.locator('[data-test=open-operation]').nth(2).getAttribute('href');
    const views = ['/ops/audit', '/ops/audit?target_id=none', String(href), `/ops/audit?request=${id}.make`];
    for (const address of views) {
      await visit(page, address);
      await assertNoTextMissing(page, address);
      await assertAccessible(page, address);
      for (const width of [360, 768, 1280, 2560]) await assertFits(page, width);
      await page.setViewportSize({ width: 1280, height: 860 });
    }
  });
}
