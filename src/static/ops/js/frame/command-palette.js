/**
 * @file The command palette: Ctrl/⌘-K or `/`, type a part of a name, arrows, Enter. It finds commands at once, and tenants
 * by asking the server a moment after the last key. Over a dialog too: what is typed there stays, and is asked about
 * before a choice leads away from it.
 *
 * A combobox with a list (WAI-ARIA APG, "editable combobox with list autocomplete"): the focus stays in the field, the
 * active option is named by aria-activedescendant.
 */
import Alpine from '@alpinejs/csp';
import { commands, registerCommands } from '../core/commands.js';
import { component, explain } from '../core/component.js';
import { t } from '../core/i18n.js';
import { COMMAND_KEY } from '../core/keyboard.js';
import { addressOf, navigate } from '../core/router.js';
import { createTenantFinder } from './tenant-finder.js';

export function commandPalette() {
  const finder = createTenantFinder();

  return component({
    finder,
    typed: '',
    active: 0,
    /** It lies over a dialog: what belongs to the page behind that is not offered. */
    overDialog: false,
    shortcut: `${COMMAND_KEY} K`,

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
      if (this.dialog.open) return;
      this.overDialog = document.querySelector('dialog[open]') !== null;
      this.typed = '';
      this.active = 0;
      finder.find('');
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
      return [...this.commandOptions, ...this.tenantOptions, ...this.moreOptions].map((option, index) => ({
        ...option,
        selected: index === this.active,
      }));
    },

    get commandOptions() {
      /** @type {string[]} */
      const words = this.typed.trim().toLowerCase().split(/\s+/);
      return commands.list
        .filter(({ id, group }) => id !== 'search' && !(this.overDialog && group === 'page'))
        .map((command) => ({ ...command, text: command.label(), optionId: `option-${command.id}`, detail: '' }))
        .filter(({ text, words: more = '' }) => {
          const haystack = `${text} ${more}`.toLowerCase();
          return words.every((word) => haystack.includes(word));
        })
        .map((option) => ({ ...option, keyNames: option.keys ? option.keys.split(' ') : [] }));
    },

    get tenantOptions() {
      return finder.found.map(({ id, name, status }, index) => ({
        id: `tenant ${id}`,
        icon: 'icon-store',
        text: name,
        detail: status === 'suspended' ? t('palette.suspended', { id }) : id,
        optionId: `option-tenant-${index}`,
        keyNames: /** @type {string[]} */ ([]),
        run: () => navigate(addressOf('tenants', { tenant: id })),
      }));
    },

    /** What was found but does not stand here: the list of tenants has it. */
    get moreOptions() {
      if (finder.total <= finder.found.length) return [];
      return [
        {
          id: 'tenants all',
          icon: 'icon-search',
          text: t('palette.allTenants', { count: finder.total }),
          detail: '',
          optionId: 'option-tenants-all',
          keyNames: /** @type {string[]} */ ([]),
          run: () => navigate(addressOf('tenants', { keyword: this.typed.trim() })),
        },
      ];
    },

    get activeId() {
      return this.options[this.active]?.optionId ?? '';
    },

    get resultText() {
      if (finder.busy) return t('palette.searching');
      return t('palette.results', { count: this.commandOptions.length + finder.total });
    },

    get nothingFound() {
      return this.options.length === 0 && !finder.busy && !finder.error;
    },

    get failureText() {
      return finder.error ? t('palette.failed', { why: explain(finder.error) }) : '';
    },

    typing() {
      this.active = 0;
      finder.find(this.typed);
    },

    /** @param {KeyboardEvent} event */
    steer(event) {
      const last = this.options.length - 1;
      if (last < 0) return;
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
