/**
 * @file What every page of the console shares: Alpine, taught our texts, formats and panels.
 */
import Alpine from '@alpinejs/csp';
import * as format from './format.js';
import { startTranslations, t, tValue } from './i18n.js';
import { panelAge, panelError } from './components/panel-notes.js';
import { startClock } from './clock.js';

/**
 * To be awaited before Alpine.start(). Markup then has
 *   $t('key', {…})            a text
 *   $tValue('role', value)    the text for a value of the server
 *   $format.count(n) …        the functions of format.js
 *   x-use:ID="panel"          a copy of <template id="ID"> of index.html, which sees the value as `panel`
 */
export async function prepareAlpine() {
  await startTranslations();
  startClock();
  Alpine.magic('t', () => t);
  Alpine.magic('tValue', () => tValue);
  Alpine.magic('format', () => format);
  Alpine.directive('use', useTemplate);
  Alpine.data('panelError', panelError);
  Alpine.data('panelAge', panelAge);
}

/**
 * @param {HTMLElement} element
 * @param {{ value: string, expression: string }} directive
 * @param {{ evaluateLater: (expression: string) => (receive: (value: unknown) => void) => void }} utilities
 */
function useTemplate(element, { value: id, expression }, { evaluateLater }) {
  const template = document.getElementById(id);
  if (!(template instanceof HTMLTemplateElement)) throw new Error(`x-use: there is no <template id="${id}">`);
  evaluateLater(expression)((panel) => {
    for (const child of [...template.content.children]) {
      const copy = /** @type {HTMLElement} */ (child.cloneNode(true));
      Alpine.addScopeToNode(copy, { panel }, element);
      Alpine.mutateDom(() => {
        element.append(copy);
        Alpine.initTree(copy);
      });
    }
  });
}
