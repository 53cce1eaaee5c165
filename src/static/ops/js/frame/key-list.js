/**
 * @file The list of keys (`?`), made from the commands that are registered now.
 */
import { commands, findByKeys, registerCommands } from '../core/commands.js';
import { component } from '../core/component.js';
import { t } from '../core/i18n.js';
import { COMMAND_KEY } from '../core/keyboard.js';

/** Keys that no command has, because they belong to a place. */
const placeKeys = /** @type {const} */ ([
  { keys: [COMMAND_KEY, 'K'], text: 'keys.palette' },
  { keys: [COMMAND_KEY, 'Z'], text: 'keys.undo' },
  { keys: ['F6'], text: 'keys.messages' },
  { keys: ['←', '→'], text: 'keys.chart' },
  { keys: ['Esc'], text: 'keys.escape' },
]);

export function keyList() {
  return component({
    init() {
      registerCommands([
        {
          id: 'keys',
          label: () => t('command.keys'),
          icon: 'icon-keyboard',
          group: 'settings',
          keys: '?',
          words: 'keyboard shortcuts 快捷键',
          run: () => this.open(),
        },
      ]);
    },

    get dialog() {
      return /** @type {HTMLDialogElement} */ (this.$refs.keyList);
    },

    open() {
      this.dialog.showModal();
    },

    close() {
      this.dialog.close();
    },

    /** The build gives the file its hashed name in the head of index.html. */
    get licences() {
      return document.querySelector('link[rel="license"]')?.getAttribute('href') ?? '';
    },

    get rows() {
      const own = commands.list.flatMap(({ id, keys, label }) =>
        keys && findByKeys(keys)?.id === id ? [{ id, keys: keys.split(' '), text: label() }] : [],
      );
      const others = placeKeys.map(({ keys, text }) => ({ id: text, keys: [...keys], text: t(text) }));
      return [...own, ...others];
    },

    /** @param {MouseEvent} event */
    clickBeside(event) {
      if (event.target === this.dialog) this.close();
    },
  });
}
