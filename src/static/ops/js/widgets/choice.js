/**
 * @file Choosing one of many by a part of its name. In markup: `x-use:choice-box="choice"`.
 *
 * The list opens with the field and is asked of the server while somebody types; arrow keys, Enter and Esc do what they
 * do in any such list. What is chosen from: tenant-choice.js, knowledge/category-choice.js.
 */
import Alpine from '@alpinejs/csp';
import { t } from '../core/i18n.js';
import { createPanel } from '../core/panel.js';

/** @typedef {import('../core/i18n.js').MessageKey} MessageKey */

/**
 * @typedef {object} ChoiceOptions
 * @property {MessageKey} label
 * @property {() => string} value  the id that is chosen; empty: none
 * @property {(id: string) => void} choose
 * @property {MessageKey} [any]  what "none" is called where it may be chosen
 */

/**
 * What is chosen from.
 * @template T  what the server answers
 * @typedef {object} ChoiceSource
 * @property {(typed: string, signal: AbortSignal) => Promise<T>} load
 * @property {(answer: T) => { id: string, name: string, detail: string }[]} found
 * @property {(answer: T) => number} left  how many more there are
 * @property {(id: string) => string} nameOf
 * @property {MessageKey} what  of an error
 * @property {MessageKey} search
 * @property {MessageKey} none
 * @property {MessageKey} more
 * @property {string} icon
 * @property {string} test
 */

const PAUSE_MS = 200;
let lastChoice = 0;

/** @template T  what the server answers */
export class Choice {
  open = false;
  /** What is being typed while it is open. */
  typed = '';
  /** The option that Enter takes. */
  at = 0;
  /** What is wrong with the choice. */
  error = '';

  /** @type {ReturnType<typeof setTimeout> | undefined} */
  _pause = undefined;

  /** @param {ChoiceSource<T>} source @param {ChoiceOptions} options */
  constructor(source, options) {
    this._source = source;
    this._options = options;
    this.id = `choice-${++lastChoice}`;
    this.panel = createPanel({
      what: source.what,
      /** @returns {Promise<T>} */
      load: (signal) => source.load(this.typed.trim(), signal),
      isEmpty: (answer) => source.found(answer).length === 0,
    });
  }

  get value() {
    return this._options.value();
  }

  get label() {
    return t(this._options.label);
  }

  /** What stands in the field: what is typed, else who is chosen. */
  get text() {
    if (this.open) return this.typed;
    if (!this.value) return this._options.any ? t(this._options.any) : '';
    return this._source.nameOf(this.value);
  }

  get placeholder() {
    return this.open && this.value ? this._source.nameOf(this.value) : t(this._source.search);
  }

  /** Said where nothing is found. */
  get noneText() {
    return t(this._source.none);
  }

  /** Its name for tests. */
  get test() {
    return this._source.test;
  }

  get icon() {
    return this._source.icon;
  }

  get rows() {
    const { any } = this._options;
    const none = any && !this.typed.trim() ? [{ id: '', name: t(any), detail: '' }] : [];
    const found = this.panel.data ? this._source.found(this.panel.data) : [];
    return [...none, ...found].map((row, index) => ({
      ...row,
      key: `${index}-${row.id}`,
      optionId: `${this.id}-${index}`,
      active: index === this.at,
      chosen: row.id === this.value,
    }));
  }

  get activeId() {
    return this.open ? (this.rows[this.at]?.optionId ?? null) : null;
  }

  get moreText() {
    const more = this.panel.data ? this._source.left(this.panel.data) : 0;
    return more > 0 ? t(this._source.more, { count: more }) : '';
  }

  show() {
    if (this.open) return;
    this.open = true;
    this.typed = '';
    this.at = 0;
    this.panel.load();
  }

  hide() {
    clearTimeout(this._pause);
    this.open = false;
  }

  /** The focus has gone elsewhere than into the list. @param {FocusEvent} event */
  left(event) {
    const box = /** @type {HTMLElement} */ (event.currentTarget);
    if (!(event.relatedTarget instanceof Node && box.contains(event.relatedTarget))) this.hide();
  }

  /** @param {Event} event */
  typing(event) {
    this.open = true;
    this.typed = /** @type {HTMLInputElement} */ (event.target).value;
    this.at = 0;
    clearTimeout(this._pause);
    this._pause = setTimeout(() => this.panel.load({ replace: true }), PAUSE_MS);
  }

  /** @param {KeyboardEvent} event */
  steer(event) {
    const steps = /** @type {Record<string, number>} */ ({ ArrowDown: 1, ArrowUp: -1 });
    if (event.key in steps) {
      if (this.open) this._step(steps[event.key]);
      else this.show();
    } else if (event.key === 'Enter' && this.open) {
      const row = this.rows[this.at];
      if (row && !this.panel.replacing) this.take(row.id);
    } else if (event.key === 'Escape' && this.open) {
      this.hide();
    } else {
      return;
    }
    event.preventDefault();
  }

  /** @param {string} id */
  take(id) {
    this.hide();
    this.error = '';
    this._options.choose(id);
  }

  dispose() {
    clearTimeout(this._pause);
    this.panel.dispose();
  }

  /** @param {number} by */
  _step(by) {
    const { length } = this.rows;
    if (length === 0) return;
    this.at = (this.at + by + length) % length;
    const { activeId } = this;
    Alpine.nextTick(() => document.getElementById(activeId ?? '')?.scrollIntoView({ block: 'nearest' }));
  }
}

/**
 * @template T
 * @param {ChoiceSource<T>} source
 * @param {ChoiceOptions} options
 */
export function createChoice(source, options) {
  return Alpine.reactive(new Choice(source, options));
}
