/** @file What every page has to be in every state: accessible, and never wider than the screen. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

/** @typedef {import('playwright-core').Page} Page */

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/**
 * The themes differ in their colours alone, so what is no matter of colour is looked for in the light one.
 * @param {Page} page
 * @param {string} what
 */
export async function assertAccessible(page, what) {
  await page.evaluate(AXE); // by the debugger, which the policy doesn't bind
  const violations = await page.evaluate(async () => {
    const dark = document.documentElement.dataset.theme === 'dark';
    // @ts-expect-error axe is a global of the script above
    const result = await globalThis.axe.run(
      dark ? { runOnly: { type: 'rule', values: ['color-contrast', 'link-in-text-block'] } } : {},
    );
    return result.violations.map((/** @type {any} */ found) => ({
      id: found.id,
      impact: found.impact,
      where: found.nodes.map((/** @type {any} */ node) => node.target.join(' ')),
    }));
  });
  assert.deepEqual(violations, [], what);
}

/**
 * Neither the page nor an open dialog scrolls sideways.
 * @param {Page} page
 * @param {number} width
 */
export async function assertFits(page, width) {
  await page.setViewportSize({ width, height: 860 });
  await page.waitForTimeout(100);
  const tooWide = await page.evaluate(() => {
    const boxes = [document.documentElement, ...document.querySelectorAll('dialog[open], dialog[open] .dialog-body')];
    return boxes.filter((box) => box.scrollWidth > box.clientWidth).map((box) => box.outerHTML.slice(0, 120));
  });
  assert.deepEqual(tooWide, [], `at ${width} px`);
}
