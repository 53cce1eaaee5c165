/**
 * @file What every page of the console shares: Alpine, taught our texts, formats and panels.
 */
import Alpine from '@alpinejs/csp';
import * as format from './format.js';
import { startTranslations, t, tValue } from './i18n.js';
import { panelAge, panelError } from './components/panel-notes.js';
import { searchBox } from './components/search-box.js';
import { toastList } from './components/toast-list.js';
import { startClock } from './clock.js';
import { startKeyboard } from './keyboard.js';
import { followDialog } from './dialog.js';

/**
 * To be awaited before Alpine.start(). Markup then has
 *   $t('key', {…})            a text
 *   $tValue('role', value)    the text for a value of the server
 *   $format.count(n) …        the functions of format.js
 *   x-use:ID="panel"          a copy of <template id="ID"> of index.html, which sees the value as `panel`, or by the
 *                             name that its data-as gives
 *   x-dialog="dialog"         on a <dialog>: open while the Dialog is (dialog.js)
 *   x-mixed="some"            on a checkbox: neither on nor off
 *   x-progress="progress"     on an empty span.progress: how far a job is (jobProgress); :aria-label says which
 *   x-grows="text"            on a textarea of this text: as high as it, where the browser doesn't know field-sizing
 *   x-strip="cells"           on an empty span.strip: one cell for each, with its status and its title
 *   x-list-bar                on the bar of what is ticked: messages know how high it is, and stay above
 */
export async function prepareAlpine() {
  startKeyboard();
  await startTranslations();
  startClock();
  Alpine.magic('t', () => t);
  Alpine.magic('tValue', () => tValue);
  Alpine.magic('format', () => format);
  Alpine.directive('use', useTemplate);
  Alpine.directive('dialog', followDialog);
  Alpine.directive('mixed', (element, { expression }, { evaluateLater, effect }) => {
    const evaluate = evaluateLater(expression);
    effect(() =>
      evaluate((mixed) => {
        /** @type {HTMLInputElement} */ (element).indeterminate = Boolean(mixed);
      }),
    );
  });
  Alpine.directive('progress', showProgress);
  Alpine.directive('strip', showStrip);
  Alpine.directive('list-bar', tellHeight);
  Alpine.directive('grows', growWithText);
  Alpine.data('panelError', panelError);
  Alpine.data('panelAge', panelAge);
  Alpine.data('searchBox', searchBox);
  Alpine.data('toastList', toastList);
}

/**
 * @param {HTMLElement} element
 * @param {{ value: string, expression: string }} directive
 * @param {{ evaluateLater: (expression: string) => (receive: (value: unknown) => void) => void }} utilities
 */
function useTemplate(element, { value: id, expression }, { evaluateLater }) {
  const template = document.getElementById(id);
  if (!(template instanceof HTMLTemplateElement)) throw new Error(`x-use: there is no <template id="${id}">`);
  const name = template.dataset.as ?? 'panel';
  evaluateLater(expression)((value) => {
    for (const child of [...template.content.children]) {
      const copy = /** @type {HTMLElement} */ (child.cloneNode(true));
      Alpine.addScopeToNode(copy, { [name]: value }, element);
      Alpine.mutateDom(() => {
        element.append(copy);
        Alpine.initTree(copy);
      });
    }
  });
}

/**
 * @param {HTMLElement} element
 * @param {{ expression: string }} directive
 * @param {import('@alpinejs/csp').DirectiveUtilities} utilities
 */
function showProgress(element, { expression }, { evaluateLater, effect }) {
  const bar = document.createElement('span');
  bar.className = 'progress-bar';
  element.replaceChildren(bar);
  const set = (/** @type {Record<string, string>} */ attributes) =>
    Object.entries(attributes).forEach(([name, value]) => element.setAttribute(name, value));
  set({ role: 'progressbar', 'aria-valuemin': '0', 'aria-valuemax': '1' });
  const evaluate = evaluateLater(expression);
  effect(() =>
    evaluate((value) => {
      const progress = /** @type {ReturnType<typeof import('./components/jobs/describe.js').jobProgress> | null} */ (
        value
      );
      if (!progress) return;
      set({ 'aria-valuenow': String(progress.share), 'aria-valuetext': progress.text });
      bar.style.width = progress.width;
    }),
  );
}

/**
 * @param {HTMLElement} element
 * @param {{ expression: string }} directive
 * @param {import('@alpinejs/csp').DirectiveUtilities} utilities
 */
function growWithText(element, { expression }, { evaluateLater, effect }) {
  if (CSS.supports('field-sizing', 'content')) return;
  const evaluate = evaluateLater(expression);
  effect(() =>
    evaluate(() => {
      element.style.height = 'auto';
      element.style.height = `${element.scrollHeight + 2}px`; // with its border
    }),
  );
}

/**
 * Made by hand: as templates, some hundred cells took longer than all the rest of the page.
 * @param {HTMLElement} element
 * @param {{ expression: string }} directive
 * @param {import('@alpinejs/csp').DirectiveUtilities} utilities
 */
function showStrip(element, { expression }, { evaluateLater, effect }) {
  const evaluate = evaluateLater(expression);
  effect(() =>
    evaluate((value) => {
      const cells = /** @type {{ status: string, title: string }[]} */ (value);
      while (element.children.length > cells.length) element.lastChild?.remove();
      cells.forEach(({ status, title }, index) => {
        const cell = /** @type {HTMLElement} */ (element.children[index] ?? element.appendChild(newCell()));
        const name = `strip-cell is-${status}`;
        if (cell.className !== name) cell.className = name;
        if (cell.title !== title) cell.title = title;
      });
    }),
  );
}

function newCell() {
  return document.createElement('span');
}

/**
 * One that is hidden, or gone with its page, has none.
 * @param {HTMLElement} bar
 * @param {unknown} _directive
 * @param {{ cleanup: (end: () => void) => void }} utilities
 */
function tellHeight(bar, _directive, { cleanup }) {
  const tell = (/** @type {number} */ height) =>
    document.documentElement.style.setProperty('--list-bar-height', `${height}px`);
  const observer = new ResizeObserver(() => tell(bar.offsetHeight));
  observer.observe(bar);
  cleanup(() => {
    observer.disconnect();
    tell(0);
  });
}
