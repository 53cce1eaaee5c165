/**
 * @file What can be done from the keyboard: one list, shown by the command palette and by the list of keys.
 *
 * The frame registers what works everywhere, a page what works while it is open.
 */
import Alpine from '@alpinejs/csp';
import { t } from './i18n.js';
import { isTyping } from './keyboard.js';
import { refreshAll } from './refresher.js';

/**
 * @typedef {object} Command
 * @property {string} id
 * @property {() => string} label
 * @property {string} icon
 * @property {'go' | 'page' | 'settings' | 'session'} group
 * @property {string} [keys]  `r`, or two keys in a row: `g d`
 * @property {string} [words]  other words by which it is found, in either language
 * @property {() => void} run
 */

/** @type {{ list: Command[] }} */
export const commands = Alpine.reactive({ list: [] });

/**
 * @param {Command[]} added
 * @returns {() => void}  takes them away again
 */
export function registerCommands(added) {
  const ids = new Set(added.map((command) => command.id));
  commands.list.push(...added);
  return () => {
    commands.list = commands.list.filter((command) => !ids.has(command.id));
  };
}

/** @param {string} id */
export function runCommand(id) {
  commands.list.find((command) => command.id === id)?.run();
}

/** Every page has it. @type {Command} */
export const refreshCommand = {
  id: 'refresh',
  label: () => t('command.refresh'),
  icon: 'icon-refresh-cw',
  group: 'page',
  keys: 'r',
  words: 'refresh reload 刷新',
  run: () => refreshAll(),
};

const SEQUENCE_MS = 1200;
let firstKey = '';
let firstKeyAt = 0;

/**
 * Runs the command that belongs to a key, unless somebody is typing or a dialog is open.
 * @param {KeyboardEvent} event
 */
export function runKey(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
  if (isTyping(event.target) || document.querySelector('dialog[open]')) return;
  const sequence = Date.now() - firstKeyAt < SEQUENCE_MS ? `${firstKey} ${event.key}` : event.key;
  const command = findByKeys(sequence) ?? findByKeys(event.key);
  firstKey = event.key;
  firstKeyAt = Date.now();
  if (!command) return;
  event.preventDefault();
  command.run();
}

/**
 * What a page gives a key goes before what the frame gives it: `/` leads to the page's own search where it has one.
 * @param {string} keys
 */
export function findByKeys(keys) {
  return commands.list.findLast((command) => command.keys === keys);
}
