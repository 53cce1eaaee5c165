/**
 * @file With the few colours of a contrast theme (forced-colors) every state still shows: what is on looks another way
 * than what is off, and what is drawn as an amount or as a shape is there. Against the server as it is.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openConsole, panel, settled, visit } from './console.mjs';

/** @typedef {import('playwright-core').Page} Page */

/**
 * What is on, as markup says it, and how many of it looked exactly as if it were off.
 * @param {Page} page
 * @returns {Promise<{ seen: number, alike: string[] }>}
 */
const compareStates = (page) =>
  page.evaluate(() => {
    const looks = (/** @type {Element} */ one) =>
      ['', '::after', '::before'].map((part) => {
        const style = getComputedStyle(one, part || undefined);
        const { backgroundColor, color, fontWeight, textDecorationLine, outlineStyle, outlineWidth, content } = style;
        const borders = [style.borderTopWidth, style.borderTopColor, style.borderBottomWidth, style.borderBottomColor];
        return [backgroundColor, color, fontWeight, textDecorationLine, outlineStyle, outlineWidth, content, borders];
      });
    const shown = (/** @type {Element} */ one) => {
      const card = one.closest('.card, .choice');
      return JSON.stringify([looks(one), card ? looks(card) : null]);
    };
    const states = [
      ...[
        ['aria-pressed', 'true'],
        ['aria-selected', 'true'],
        ['aria-current', 'true'],
        ['aria-current', 'page'],
      ],
    ];
    let seen = 0;
    /** @type {string[]} */
    const alike = [];
    for (const [name, value] of states) {
      for (const one of document.querySelectorAll(`[${name}="${value}"]`)) {
        if (!one.checkVisibility()) continue;
        seen++;
        const on = shown(one);
        one.removeAttribute(name);
        const off = shown(one);
        one.setAttribute(name, value);
        if (on === off) alike.push(one.outerHTML.slice(0, 120));
      }
    }
    // Classes say it where no attribute does; a checked box is the browser's own.
    for (const [where, name] of [
      ['tr.is-selected td', 'is-selected'],
      ['.strip-cell.is-degraded', 'is-degraded'],
      ['.strip-cell.is-unhealthy', 'is-unhealthy'],
      ['.strip-cell.is-unknown', 'is-unknown'],
    ]) {
      for (const one of document.querySelectorAll(where)) {
        const owner = one.closest(`.${name}`);
        const look = () => JSON.stringify([shown(one), Math.round(one.getBoundingClientRect().height)]);
        seen++;
        const on = look();
        owner?.classList.remove(name);
        const off = look();
        owner?.classList.add(name);
        if (on === off) alike.push(one.outerHTML.slice(0, 120));
      }
    }
    return { seen, alike };
  });

/** What is drawn by its background alone, and can't be seen. @param {Page} page */
const unseen = (page) =>
  page.evaluate(() => {
    const canvas = getComputedStyle(document.body).backgroundColor;
    return [...document.querySelectorAll('.strip-cell, .progress-bar, .badge, .swatch-cost, .skeleton')].flatMap(
      (one) => {
        const { backgroundColor, borderTopWidth, borderTopStyle } = getComputedStyle(one);
        const { width } = one.getBoundingClientRect();
        const isThere = backgroundColor !== canvas && !/^rgba\(.*, 0\)$|transparent/.test(backgroundColor);
        const hasBorder = parseFloat(borderTopWidth) > 0 && borderTopStyle !== 'none';
        return width === 0 || !one.checkVisibility() || isThere || hasBorder ? [] : [one.outerHTML.slice(0, 120)];
      },
    );
  });

for (const colorScheme of /** @type {const} */ (['light', 'dark'])) {
  test(`in a contrast theme (${colorScheme}) what is on looks another way than what is off`, async () => {
    const window = {
      forcedColors: /** @type {const} */ ('active'),
      colorScheme,
      viewport: { width: 1280, height: 1200 },
    };
    const page = await openConsole({ window });
    await settled(page);
    await page.locator('[data-test=trend-table]').click();
    const strips = await panel(page, 'components').locator('.strip-cell').count();
    assert.ok(strips >= 48, `${strips} cells`);
    let seen = 0;
    const look = async (/** @type {string} */ what) => {
      await settled(page);
      const states = await compareStates(page);
      seen += states.seen;
      assert.deepEqual(states.alike, [], what);
      assert.deepEqual(await unseen(page), [], what);
    };
    await look('the dashboard');
    await page.keyboard.press('Control+k');
    await look('the palette');
    await page.keyboard.press('Escape');
    await page.locator('[data-test=person]').click();
    await look('the menu of the person');
    for (const path of ['/ops/tenants?status=active', '/ops/templates', '/ops/templates?view=matrix', '/ops/jobs']) {
      await visit(page, path);
      await look(path);
    }
    await visit(page, '/ops/templates');
    const matrix = await page.locator('[data-test=distributed]').first().getAttribute('href');
    await visit(page, matrix ?? '');
    await page.locator('.chip').nth(1).click();
    await look('the states of a template');
    await visit(page, '/ops/knowledge?source=import');
    await page.locator('[data-test=select-page]').check();
    await look('pairs that are ticked');
    await page.locator('[data-panel=knowledge] [data-test=tenant-choice]').click();
    await page.locator('[data-panel=knowledge]').getByRole('option').first().waitFor();
    await look('the choice of a tenant');
    assert.ok(seen > 60, `${seen} states`);
  });
}
