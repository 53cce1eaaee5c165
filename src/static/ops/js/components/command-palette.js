/**
 * @file The command palette: Ctrl/⌘-K or `/`, type a part of a name, arrows, Enter.
 *
 * A combobox with a list (WAI-ARIA APG, "editable combobox with list autocomplete"): the focus stays in the field, the
 * active option is named by aria-activedescendant.
 */
import Alpine from '@alpinejs/csp';
import { commands, registerCommands } from '../commands.js';
import { t } from '../i18n.js';
import { component } from '../component.js';

const isApple = /Mac|iPhone|iPad/.test(navigator.userAgent);

export function commandPalette() {
  return component({
    typed: '',
    active: 0,
    shortcut: isApple ? '⌘ K' : 'Ctrl K',

    init() {
      addEventListener('keydown', (event) => {
        if (event.key.toLowerCase() !== 'k' || !(event.ctrlKey || event.metaKey) || event.altKey) return;
        event.preventDefault();
        this.toggle();
      });
      registerCommands([
        {
          id: 'search',
          label: () => t('command.search'),
          icon: 'icon-search',
          group: 'go',
          keys: '/',
          run: () => this.open(),
        },
      ]);
    },

    get dialog() {
      return /** @type {HTMLDialogElement} */ (this.$refs.palette);
    },

    open() {
      if (this.dialog.open || document.querySelector('dialog[open]')) return;
      this.typed = '';
      this.active = 0;
      this.dialog.showModal();
    },

    close() {
      this.dialog.close();
    },

    toggle() {
      if (this.dialog.open) this.close();
      else this.open();
    },

    get options() {
      /** @type {string[]} */
      const words = this.typed.trim().toLowerCase().split(/\s+/);
      return commands.list
        .filter(({ id }) => id !== 'search')
        .map((command) => ({ ...command, text: command.label(), optionId: `option-${command.id}` }))
        .filter(({ text, words: more = '' }) => {
          const haystack = `${text} ${more}`.toLowerCase();
          return words.every((word) => haystack.includes(word));
        })
        .map((option, index) => ({
          ...option,
          selected: index === this.active,
          keyNames: option.keys ? option.keys.split(' ') : [],
        }));
    },

    get activeId() {
      return this.options[this.active]?.optionId ?? '';
    },

    get resultText() {
      return t('palette.results', { count: this.options.length });
    },

    typing() {
      this.active = 0;
    },

    /** @param {KeyboardEvent} event */
    steer(event) {
      const last = this.options.length - 1;
      if (event.isComposing || last < 0) return; // While a Chinese input method is open, the keys are its own.
      /** @type {Record<string, number>} */
      const targets = {
        ArrowDown: this.active === last ? 0 : this.active + 1,
        ArrowUp: this.active === 0 ? last : this.active - 1,
        Home: 0,
        End: last,
      };
      if (event.key in targets) {
        event.preventDefault();
        this.active = targets[event.key];
        Alpine.nextTick(() => document.getElementById(this.activeId)?.scrollIntoView({ block: 'nearest' }));
      } else if (event.key === 'Enter') {
        event.preventDefault();
        this.choose(this.active);
      }
    },

    /** @param {number} index */
    choose(index) {
      const option = this.options[index];
      if (!option) return;
      this.close();
      option.run();
    },

    /**
     * A click beside the dialog closes it; the dialog's own box is filled by its content.
     * @param {MouseEvent} event
     */
    clickBeside(event) {
      if (event.target === this.dialog) this.close();
    },
  });
}
