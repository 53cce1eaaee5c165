/**
 * @file Every figure on every page leads to what it counts: walked, so that a new one is found too.
 *
 * A figure is what has `data-figure`. It is a link, or has one over it; where the page that it leads to is a list, that
 * list has exactly as many. What leads to a series shows that series.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openConsole, settled } from './console.mjs';

/** @typedef {import('playwright-core').Page} Page */

/** Figures that no list can be equal to, with the reason. @type {Record<string, string>} */
const notCounted = {
  quality: 'a mean; it leads to the pairs below it',
};

/** Pages whose figures lead to a series, and the one that needs no name in the address. @type {Record<string, string>} */
const firstSeries = { '/ops/dashboard': 'conversations', '/ops/api-usage': 'api_calls' };

/** @param {string} text */
const numberIn = (text) => Number(/\d[\d,]*/.exec(text)?.[0].replaceAll(',', ''));

/**
 * The figures that can be seen, and where each leads.
 * @param {Page} page
 */
function figuresOf(page) {
  return page.locator('[data-figure]:visible').evaluateAll((all) =>
    all.map((element) => {
      const link = element.closest('a') ?? element.querySelector('a.card-link, a');
      const value = element.querySelector('[data-test=value]') ?? element;
      return {
        id: element.dataset.figure ?? '',
        text: value.textContent?.trim() ?? '',
        href: link?.getAttribute('href') ?? null,
      };
    }),
  );
}

for (const path of ['/ops/dashboard', '/ops/knowledge', '/ops/tenants', '/ops/api-usage']) {
  test(`every figure of ${path} leads on: for real`, async () => {
    const page = await openConsole({ path });
    await settled(page);
    const figures = await figuresOf(page);
    if (path === '/ops/dashboard') assert.ok(figures.length >= 12, `${figures.length} figures`);
    for (const { id, text, href } of figures) {
      assert.ok(href, `${id} of ${path} leads nowhere`);
      await page.goto(href);
      await settled(page);
      const arrived = new URL(page.url());
      const range = page.locator('[data-test=range]:visible');
      if (arrived.pathname in firstSeries) {
        const metric = arrived.searchParams.get('metric') ?? firstSeries[arrived.pathname];
        assert.equal(await page.locator('[data-test=metric]').inputValue(), metric, `${id} shows its series`);
      } else if (!(id in notCounted)) {
        const shown = (await range.count()) ? numberIn((await range.innerText()).split('，').at(-1) ?? '') : 0;
        assert.equal(shown, numberIn(text), `${id}: as many in the list at ${href}`);
      }
    }
  });
}

test('every figure of a tenant leads on: for real', async () => {
  const page = await openConsole({ path: '/ops/tenants' });
  await settled(page);
  await page.locator('tbody a').first().click();
  const figures = page.locator('[data-test=figures] [data-figure]');
  await figures.first().waitFor();
  await settled(page);
  for (const figure of await figures.all()) {
    const id = await figure.getAttribute('data-figure');
    assert.ok(await figure.locator('a[href]:visible, button:visible').count(), `${id} leads nowhere`);
  }
});
