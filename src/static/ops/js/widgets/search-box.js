/**
 * @file The search box of a list: asks a moment after the last key, and not while an input method is still composing a
 * word. `/` leads to it. The text stands in the address, as the list's filter `keyword`.
 */
import { registerCommands } from '../core/commands.js';
import { component, follow } from '../core/component.js';
import { t } from '../core/i18n.js';

const PAUSE_MS = 250;

/** @typedef {import('./list.js').List<any, any>} AnyList */

/** @param {AnyList} list */
export function searchBox(list) {
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let pause;
  /** @type {(() => void)[]} */
  const undo = [];

  return component({
    typed: list.filter.keyword ?? '',
    composing: false,

    init() {
      undo.push(
        registerCommands([
          {
            id: 'list-search',
            label: () => t('command.searchHere'),
            icon: 'icon-search',
            group: 'page',
            keys: '/',
            words: 'search find filter 搜索 查找 筛选',
            run: () => this.focus(),
          },
        ]),
      );
      // The back button, or "clear the filters". While somebody types, the field is theirs.
      const stop = follow(
        () => list.filter.keyword ?? '',
        (keyword) => {
          if (keyword !== this.typed.trim()) this.typed = keyword;
        },
      );
      undo.push(stop);
    },

    destroy() {
      clearTimeout(pause);
      for (const step of undo) step();
    },

    focus() {
      const input = /** @type {HTMLInputElement} */ (this.$refs.search);
      input.focus();
      input.select();
    },

    typing() {
      clearTimeout(pause);
      if (!this.composing) pause = setTimeout(() => this.search(), PAUSE_MS);
    },

    startComposing() {
      this.composing = true;
    },

    endComposing() {
      this.composing = false;
      this.typing();
    },

    /** Typing on changes the same entry of the history, so that one step back leaves the search. */
    search() {
      clearTimeout(pause);
      const keyword = this.typed.trim();
      const before = list.filter.keyword ?? '';
      if (keyword !== before) list.setFilter('keyword', keyword, { replace: before !== '' });
    },

    clear() {
      this.typed = '';
      this.search();
      this.focus();
    },

    /** @param {KeyboardEvent} event */
    escape(event) {
      if (!this.typed) return;
      event.preventDefault();
      this.clear();
    },
  });
}
