/**
 * @file Choosing one tenant by a part of its name or id. In markup: `x-use:tenant-choice="choice"` (index.html).
 *
 *   const choice = createTenantChoice({ label: 'tenant.choice', value: () => id, choose: (id) => …, any: 'tenant.any' });
 *
 * The list opens with the field and is asked of the server while somebody types; arrow keys, Enter and Esc do what they
 * do in any such list.
 */
import Alpine from '@alpinejs/csp';
import { get } from '../api-client.js';
import { t } from '../i18n.js';
import { createPanel } from '../panel.js';
import { askTenantNames, learnTenantNames, tenantName } from '../tenant-names.js';

/** @typedef {import('../api-types.js').TenantPage} TenantPage */
/** @typedef {import('../i18n.js').MessageKey} MessageKey */

/**
 * @typedef {object} ChoiceOptions
 * @property {MessageKey} label
 * @property {() => string} value  the id that is chosen; empty: none
 * @property {(id: string) => void} choose
 * @property {MessageKey} [any]  what "none" is called where it may be chosen
 */

const PAUSE_MS = 200;
const MOST_SHOWN = 20;
let lastChoice = 0;

export class TenantChoice {
  open = false;
  /** What is being typed while it is open. */
  typed = '';
  /** The option that Enter takes. */
  at = 0;
  /** What is wrong with the choice. */
  error = '';

  /** @type {ReturnType<typeof setTimeout> | undefined} */
  _pause = undefined;

  /** @param {ChoiceOptions} options */
  constructor(options) {
    this._options = options;
    this.id = `tenant-choice-${++lastChoice}`;
    this.panel = createPanel({
      what: 'tenants.what',
      /** @returns {Promise<TenantPage>} */
      load: (signal) => get('/ops/tenants', { query: this._query, signal }),
      isEmpty: (page) => page.items.length === 0,
      onData: (page) => learnTenantNames(page.items),
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
    return tenantName(this.value) || this.value;
  }

  get placeholder() {
    return this.open && this.value ? tenantName(this.value) || this.value : t('tenants.search');
  }

  get rows() {
    const { any } = this._options;
    const none = any && !this.typed.trim() ? [{ id: '', name: t(any), detail: '' }] : [];
    const found = (this.panel.data?.items ?? []).map(({ id, name }) => ({ id, name, detail: id }));
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
    const more = (this.panel.data?.total ?? 0) - (this.panel.data?.items.length ?? 0);
    return more > 0 ? t('tenant.choice.more', { count: more }) : '';
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
    if (event.isComposing) return;
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

  /** The name of who is chosen already, by an address for example. */
  learn() {
    if (this.value) askTenantNames([this.value]);
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

  get _query() {
    const keyword = this.typed.trim();
    return { ...(keyword ? { keyword } : {}), sort: 'name', page_size: MOST_SHOWN };
  }
}

/** @param {ChoiceOptions} options */
export function createTenantChoice(options) {
  const choice = Alpine.reactive(new TenantChoice(options));
  choice.learn();
  return choice;
}
