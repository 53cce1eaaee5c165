/**
 * @file A list of any length: the server doesn't always count to its end, and pages that lie deep are reached one after
 * the other, each by the cursor that the page before has given.
 *
 * To a page it is a List (js/list.js) with the same templates. The address of a page behind the first has both `page`,
 * for who reads it, and `cursor`, for the server; near the start the number alone will do.
 */
import Alpine from '@alpinejs/csp';
import * as format from './format.js';
import { t } from './i18n.js';
import { List } from './list.js';
import { addressOf, route } from './router.js';

/** So many rows the server skips by a page's number. */
const DEPTH = 10_000;
/** A page may have found nothing yet where texts are read one by one; so often we go on by ourselves. */
const MOST_EMPTY = 10;

/**
 * @template Row
 * @typedef {object} CursorAnswer
 * @property {Row[]} items
 * @property {number} [total]
 * @property {number} [total_at_least]  in its place, where counting is slow
 * @property {number} page
 * @property {number} page_size
 * @property {string | null} next_cursor
 */

/**
 * @template Row
 * @typedef {import('./api-types.js').Page<Row> & { exact: boolean, next_cursor: string | null }} CursorPage
 */

/**
 * @template Row
 * @typedef {Omit<import('./list.js').ListOptions<Row, CursorPage<Row>>, 'load'> & {
 *   load: (query: import('./list.js').ListQuery, signal: AbortSignal) => Promise<CursorAnswer<Row>>
 * }} CursorListOptions
 */

/**
 * @template Row
 * @extends {List<Row, CursorPage<Row>>}
 */
export class CursorList extends List {
  /** The cursors that this tab has been given. @type {Map<string, string>} */
  _cursors = new Map();

  /** @param {CursorListOptions<Row>} options */
  constructor(options) {
    super({ ...options, load: (query, signal) => this._read(options.load, query, signal) });
  }

  /** The first page needs none. */
  get cursor() {
    return this.page > 1 ? (route.query.cursor ?? '') : '';
  }

  /** @returns {import('./list.js').ListQuery} @override */
  get query() {
    const { page, ...query } = super.query;
    return this.cursor ? { ...query, cursor: this.cursor } : { ...query, page };
  }

  /** Whether all that match have been counted. */
  get exact() {
    return this.panel.data?.exact ?? true;
  }

  /** @override */
  get rangeText() {
    const { data } = this.panel;
    if (!data) return '';
    if (data.items.length === 0) return t('list.range.none');
    const first = (this.page - 1) * this.pageSize + 1;
    const last = format.exactCount(first + data.items.length - 1);
    const range = { first: format.exactCount(first), last, count: data.total };
    return t(this.exact ? 'list.range' : 'list.range.atLeast', range);
  }

  /** @override */
  get lastPage() {
    const counted = super.lastPage;
    return this.exact && !this.panel.data?.next_cursor
      ? Math.max(counted, this.page)
      : Math.max(counted, this.page + 1);
  }

  /** Without the last one, where nobody knows which that is. @override */
  get pageLinks() {
    return this.exact ? super.pageLinks : super.pageLinks.filter(({ href }) => href !== null);
  }

  /** @override */
  get nextAddress() {
    const cursor = this.panel.data?.next_cursor;
    if (!cursor || this.panel.replacing) return null;
    return addressOf(route.page, { ...route.query, page: this.page + 1, cursor });
  }

  /**
   * Near the start by number; deeper only where this tab has been.
   * @param {number} page
   * @override
   */
  addressOfPage(page) {
    const address = (/** @type {string | undefined} */ cursor) =>
      addressOf(route.page, { ...route.query, page: page === 1 ? undefined : page, cursor });
    if (page * this.pageSize <= DEPTH) return address(undefined);
    const cursor = page === this.page ? this.cursor : this._cursors.get(this._keyOf(page));
    return cursor ? address(cursor) : null;
  }

  /** @override */
  get selectionText() {
    if (!this.selection?.all || this.exact) return super.selectionText;
    const count = this.selectedCount;
    return t(this.filtered ? 'list.selected.matching.atLeast' : 'list.selected.all.atLeast', { count });
  }

  /** @override */
  get selectAllText() {
    if (this.exact) return super.selectAllText;
    return t(this.filtered ? 'list.selectMatching.atLeast' : 'list.selectAll.atLeast', { count: this.total });
  }

  /** @param {number} page */
  _keyOf(page) {
    return JSON.stringify([this.filter, this.sort, this.pageSize, page]);
  }

  /**
   * @param {CursorListOptions<Row>['load']} load
   * @param {import('./list.js').ListQuery} query
   * @param {AbortSignal} signal
   * @returns {Promise<CursorPage<Row>>}
   */
  async _read(load, query, signal) {
    const key = this._keyOf(this.page + 1);
    let answer = await load(query, signal);
    for (let round = 0; answer.items.length === 0 && answer.next_cursor && round < MOST_EMPTY; round++) {
      /** @type {import('./list.js').ListQuery} */
      const onward = { ...query, cursor: answer.next_cursor };
      delete onward.page;
      answer = await load(onward, signal);
    }
    if (answer.next_cursor) this._cursors.set(key, answer.next_cursor);
    const exact = answer.total !== undefined;
    const total = answer.total ?? answer.total_at_least ?? answer.items.length;
    // Behind a cursor there is no page by number that could be missing.
    return { ...answer, total, exact, page: query.cursor ? 1 : answer.page };
  }
}

/**
 * @template Row
 * @param {CursorListOptions<Row>} options
 * @returns {CursorList<Row>}
 */
export function createCursorList(options) {
  return Alpine.reactive(new CursorList(options));
}
