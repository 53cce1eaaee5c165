/**
 * @file A list of any length: the server doesn't always count to its end, and pages that lie deep are reached one after
 * the other, each by the cursor that the page before has given.
 *
 * To a page it is a List (list.js) with the same templates. The address of a page behind the first has both `page`,
 * for who reads it, and `cursor`, for the server; near the start the number alone will do.
 */
import Alpine from '@alpinejs/csp';
import * as format from '../core/format.js';
import { t } from '../core/i18n.js';
import { addressOf, route } from '../core/router.js';
import { List } from './list.js';

/** So many rows the server skips by a page's number. */
const DEPTH = 10_000;
/** Where texts are read one by one an answer may be short of a page; so often we go on by ourselves to fill it. */
const MOST_ROUNDS = 10;

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
 * @typedef {import('./list.js').Page<Row> & { exact: boolean, next_cursor: string | null }} CursorPage
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

  /** A number that the server doesn't skip to, without its cursor (a shortened address), is no page. @override */
  get page() {
    return this.cursor || super.page * this.pageSize <= DEPTH ? super.page : 1;
  }

  /** The first page needs none, unless nothing was found before it. */
  get cursor() {
    return route.query.cursor ?? '';
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

  /** An answer behind a cursor counts from there; what stands before it has been seen. @override */
  get total() {
    const { data } = this.panel;
    if (!data || data.exact) return super.total;
    const seen = (this.page - 1) * this.pageSize + data.items.length;
    return Math.max(data.total, data.next_cursor && data.items.length > 0 ? seen + 1 : seen);
  }

  /** Only a part has been looked through, and it didn't fill the page. */
  get unfinished() {
    const { data } = this.panel;
    return data !== null && data.next_cursor !== null && data.items.length < this.pageSize;
  }

  /** @override */
  get unmatchedText() {
    return this.page > 1 ? t('list.unmatched.further') : super.unmatchedText;
  }

  get unfinishedText() {
    return this.ids.length > 0 ? t('list.unfinished.some') : t('list.unfinished.none');
  }

  /** Where the rest is looked through; a page on which nothing was found keeps its number. */
  get onwardAddress() {
    const { data, replacing } = this.panel;
    if (!data?.next_cursor || replacing) return null;
    if (data.items.length > 0) return this.nextAddress;
    return addressOf(route.page, { ...route.query, cursor: data.next_cursor });
  }

  /** @override */
  get rangeText() {
    const { data } = this.panel;
    if (!data) return '';
    if (data.items.length === 0) return this.page > 1 ? '' : t('list.range.none', { unit: this.unit });
    const first = (this.page - 1) * this.pageSize + 1;
    const last = format.exactCount(first + data.items.length - 1);
    const range = { first: format.exactCount(first), last, count: this.total, unit: this.unit };
    return t(this.exact ? 'list.range' : 'list.range.atLeast', range);
  }

  /** @override */
  get lastPage() {
    return Math.max(super.lastPage, this.panel.data?.next_cursor ? this.page + 1 : this.page);
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
    const first = await load(query, signal);
    let answer = first;
    const items = [...first.items];
    for (let round = 0; answer.next_cursor && items.length < this.pageSize && round < MOST_ROUNDS; round++) {
      /** @type {import('./list.js').ListQuery} */
      const onward = { ...query, cursor: answer.next_cursor, page_size: this.pageSize - items.length };
      delete onward.page;
      answer = await load(onward, signal);
      items.push(...answer.items);
    }
    const { next_cursor } = answer;
    if (next_cursor) this._cursors.set(key, next_cursor);
    const whole = !next_cursor && !query.cursor && first.page === 1;
    const exact = answer.total !== undefined || whole;
    const total = answer.total ?? (whole ? items.length : Math.max(first.total_at_least ?? 0, items.length));
    // Behind a cursor, or before one, there is no page by number that could be missing.
    return { ...first, items, next_cursor, total, exact, page: query.cursor || next_cursor ? 1 : first.page };
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
