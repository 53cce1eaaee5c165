/** @file What every page has to be in every state: accessible, never wider than the screen, and without a hole in its texts. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

/** @typedef {import('playwright-core').Page} Page */

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/** All rules; what takes time and changes no finding is left out: the list of what is right, and paths to elements. */
const HOW = { resultTypes: ['violations'], preload: false, iframes: false, selectors: false };

/**
 * @param {Page} page
 * @param {string} what
 */
export async function assertAccessible(page, what) {
  const isThere = await page.evaluate(() => 'axe' in globalThis);
  if (!isThere) await page.evaluate(AXE); // by the debugger, which the policy doesn't bind
  const violations = await page.evaluate(async (how) => {
    // @ts-expect-error axe is a global of the script above
    const result = await globalThis.axe.run(how);
    return result.violations.map((/** @type {any} */ found) => ({
      id: found.id,
      impact: found.impact,
      where: found.nodes.map((/** @type {any} */ node) => node.html),
    }));
  }, HOW);
  assert.deepEqual(violations, [], what);
}

/**
 * Gives the window a width, and the page two frames: charts follow the first, the layout them.
 * @param {Page} page
 * @param {number} width
 */
export async function resize(page, width) {
  await page.setViewportSize({ width, height: 860 });
  await page.waitForFunction((wanted) => innerWidth === wanted, width);
  await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));
}

/**
 * Neither the page nor an open dialog scrolls sideways.
 * @param {Page} page
 * @param {number} width
 */
export async function assertFits(page, width) {
  await resize(page, width);
  const tooWide = await page.evaluate(() => {
    const boxes = [document.documentElement, ...document.querySelectorAll('dialog[open], dialog[open] .dialog-body')];
    // What is cut on the left scrolls nothing.
    const buttons = [...document.querySelectorAll('.dialog-foot .button')].filter((button) => {
      const { left } = /** @type {Element} */ (button.closest('.dialog-foot')).getBoundingClientRect();
      return button.checkVisibility() && button.getBoundingClientRect().left < left;
    });
    return [...boxes.filter((box) => box.scrollWidth > box.clientWidth), ...buttons].map((box) =>
      box.outerHTML.slice(0, 120),
    );
  });
  assert.deepEqual(tooWide, [], `at ${width} px`);
}

/**
 * Nothing on the page, seen or not, is the key of a text, a place in a text that nobody has filled, or what came of
 * something that isn't there.
 * @param {Page} page
 * @param {string} what
 */
export async function assertNoTextMissing(page, what) {
  const texts = await page.evaluate(() => {
    const attributes = ['aria-label', 'title', 'placeholder'];
    return [...document.querySelectorAll('body *')].flatMap((element) => [
      ...[...element.childNodes].filter((node) => node.nodeType === 3).map((node) => node.nodeValue ?? ''),
      ...attributes.map((name) => element.getAttribute(name) ?? ''),
    ]);
  });
  const wrong = texts.filter((text) => /^[a-z]\w*(\.\w+)+$|\{\w+\}|undefined|\bnull\b|NaN/.test(text.trim()));
  assert.deepEqual(wrong, [], what);
}
