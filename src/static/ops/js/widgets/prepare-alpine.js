/**
 * @file What every page of the console shares: Alpine, taught our texts, formats and panels.
 */
import Alpine from '@alpinejs/csp';
import { startClock } from '../core/clock.js';
import * as format from '../core/format.js';
import { startTranslations, t, tValue } from '../core/i18n.js';
import { startKeyboard } from '../core/keyboard.js';
import { followDialog } from './dialog.js';
import { growWithText } from './form.js';
import { showProgress } from './jobs/progress.js';
import { followReading } from './list.js';
import { panelAge, panelError } from './panel-notes.js';
import { searchBox } from './search-box.js';
import { tellBarHeight } from './selection.js';
import { showStrip } from './strip.js';
import { toastList } from './toast-list.js';

/**
 * To be awaited before Alpine.start(). Markup then has
 *   $t('key', {…})            a text
 *   $tValue('role', value)    the text for a value of the server
 *   $format.count(n) …        the functions of format.js
 *   x-use:ID="panel"          a copy of a widget's <template id="ID">, which sees the value as `panel`, or by the name that
 *                             its data-as gives
 *   x-dialog="dialog"         on a <dialog>: open while the Dialog is (dialog.js)
 *   x-mixed="some"            on a checkbox: neither on nor off
 *   x-progress="progress"     on an empty span.progress: how far a job is (jobProgress); :aria-label says which
 *   x-grows="text"            on a textarea of this text: as high as it, where the browser doesn't know field-sizing
 *   x-strip="cells"           on an empty span.strip: one cell for each, with its status and its title
 *   x-read-by="list"          on the box of a list: who is reading it isn't disturbed
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
  Alpine.directive('read-by', followReading);
  Alpine.directive('list-bar', tellBarHeight);
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
