/**
 * @file Choosing tenants by searching: what is ticked stays ticked while the search changes.
 */
import Alpine from '@alpinejs/csp';
import { get } from '../../core/api-client.js';
import { t } from '../../core/i18n.js';
import { createPanel } from '../../core/panel.js';
import { learnTenantNames } from '../../core/tenant-names.js';

/** @typedef {{ id: string, name: string, status: 'active' | 'suspended' }} PickedTenant */

const PAUSE_MS = 250;
const SHOWN = 20;
const MOST_AT_ONCE = 200;
/** As many as one distribution may name. */
const MOST = 10_000;
/** Names that are written out; the rest is a number. */
const NAMED = 12;

export class TenantPicker {
  keyword = '';
  /** All that match are being fetched. */
  gathering = false;
  /** @type {Map<string, PickedTenant>} */
  chosen = new Map();

  /** @type {ReturnType<typeof setTimeout> | undefined} */
  _pause = undefined;
  _gone = new AbortController();

  constructor() {
    this.panel = createPanel({
      what: 'templates.pick.what',
      load: (signal) => this._ask(1, SHOWN, signal),
      isEmpty: (page) => page.items.length === 0,
      onData: (page) => learnTenantNames(page.items),
    });
  }

  get rows() {
    return (this.panel.data?.items ?? []).map((tenant) => ({
      ...tenant,
      suspended: tenant.status === 'suspended',
      picked: this.chosen.has(tenant.id),
    }));
  }

  get named() {
    return [...this.chosen.values()].slice(0, NAMED).map((tenant) => ({
      ...tenant,
      suspended: tenant.status === 'suspended',
      removeText: t('templates.pick.remove', { tenant: tenant.name }),
    }));
  }

  get moreText() {
    const more = this.chosen.size - NAMED;
    return more > 0 ? t('templates.pick.more', { count: more }) : '';
  }

  /** "已选 12 家商家，其中 2 家已暂停，会跳过" */
  get words() {
    const count = this.chosen.size;
    if (count === 0) return t('templates.pick.none');
    const suspended = [...this.chosen.values()].filter(({ status }) => status === 'suspended').length;
    if (suspended === 0) return t('templates.pick.chosen', { count });
    return t('templates.pick.chosenSuspended', { count, suspended });
  }

  get total() {
    return this.panel.data?.total ?? 0;
  }

  /** There is more to take than what is shown. */
  get mayTakeAll() {
    return this.total > 0 && this.total <= MOST && !this.gathering;
  }

  get takeAllText() {
    return t(this.keyword.trim() ? 'templates.pick.takeMatching' : 'templates.pick.takeAll', { count: this.total });
  }

  get shownText() {
    const more = this.total - this.rows.length;
    return more > 0 ? t('templates.pick.moreMatch', { count: more }) : '';
  }

  typing() {
    clearTimeout(this._pause);
    this._pause = setTimeout(() => this.panel.load({ replace: true }), PAUSE_MS);
  }

  /** @param {string} id */
  toggle(id) {
    const tenant = this.panel.data?.items.find((shown) => shown.id === id);
    if (!this.chosen.delete(id) && tenant) this._add([tenant]);
  }

  /** @param {string} id */
  drop(id) {
    this.chosen.delete(id);
  }

  clear() {
    this.chosen.clear();
  }

  /** Everything that matches the search, page by page. */
  async takeAll() {
    this.gathering = true;
    try {
      for (let page = 1, more = true; more; page++) {
        const { items, total } = await this._ask(page, MOST_AT_ONCE, this._gone.signal);
        this._add(items);
        more = items.length > 0 && page * MOST_AT_ONCE < total;
      }
    } catch {
      // What the list says of its own failures is enough; what has come is ticked, and the words count it.
      if (!this._gone.signal.aborted) this.panel.load();
    }
    this.gathering = false;
  }

  dispose() {
    clearTimeout(this._pause);
    this._gone.abort();
    this.panel.dispose();
  }

  /** @param {PickedTenant[]} tenants */
  _add(tenants) {
    for (const { id, name, status } of tenants) this.chosen.set(id, { id, name, status });
  }

  /**
   * @param {number} page
   * @param {number} size
   * @param {AbortSignal} signal
   */
  _ask(page, size, signal) {
    const keyword = this.keyword.trim();
    return get('/ops/tenants', {
      query: { ...(keyword ? { keyword } : {}), sort: 'name', page, page_size: size },
      signal,
    });
  }
}

export function createTenantPicker() {
  return Alpine.reactive(new TenantPicker());
}
