/**
 * @file A list page: filters, order and page stand in the address; the rows are a Panel; what is ticked is a Selection.
 *
 *   const list = createList({ what, columns, sort: '-conversations_today', filters: { status: ['active'], keyword: null },
 *                             load: (query, signal) => get('/ops/tenants', { query, signal }), rowId: (row) => row.id });
 *   init() { undo.push(list.start()); }
 *
 * In markup, all of them with x-use and the list (list.html has the templates):
 *   list-filters, list-search, list-head, list-skeleton, list-unmatched, list-selection, list-pager, and the panel's own two with
 *   `list.panel`. The page writes its rows itself, `<tbody>` with one `<td data-label>` for each column: on a narrow
 *   screen a row becomes a card, and the label stands beside the value.
 *
 * Who is reading the list (pointing at it, the focus in it, something ticked) isn't disturbed: an automatic answer in
 * another order waits until they have left, or until they ask for it.
 */
import Alpine from '@alpinejs/csp';
import { follow } from '../core/component.js';
import * as format from '../core/format.js';
import { t } from '../core/i18n.js';
import { createPanel } from '../core/panel.js';
import { keepFresh } from '../core/refresher.js';
import { addressOf, changeQuery, route } from '../core/router.js';
import { createSelection } from './selection.js';

/** @typedef {import('./selection.js').RowId} RowId */
/** @typedef {Record<string, string | number>} ListQuery  what the server is asked, and what the address says of it */

const PAGE_SIZES = [20, 50, 100, 200];
/** The last that may be asked for. */
const LAST_PAGE = 1e9;
/** Links on either side of the page that is open. */
const NEIGHBOURS = 2;
/** Other rows, or in another order: they are seen from the beginning. A cursor is that of a CursorList. */
const FIRST_PAGE = { page: undefined, cursor: undefined };

/**
 * @typedef {object} Column
 * @property {string} name  the field, and what `sort` says in the address
 * @property {import('../core/i18n.js').MessageKey} label
 * @property {'text' | 'number' | 'time'} [kind]  numbers stand right; numbers and times sort from the top first
 * @property {boolean} [fixed]  can't be sorted by
 * @property {'medium' | 'wide'} [from]  shown only from this width on
 * @property {boolean} [grows]  its text may be of any length: it takes the width that the others leave
 * @property {number} [shape]  so wide, in rem, is what stands in it while it is loading: about as what will
 */

/** An order in words, from the least and from the greatest. @type {Record<string, import('../core/i18n.js').MessageKey[]>} */
const orders = {
  text: ['list.forward', 'list.backward'],
  number: ['list.ascending', 'list.descending'],
  time: ['list.oldest', 'list.newest'],
};

/**
 * What the server answers to a list.
 * @template Row
 * @typedef {{ items: Row[], total: number, page: number, page_size: number }} Page
 */

/**
 * @template Row
 * @template {Page<Row>} Answer
 * @typedef {object} ListOptions
 * @property {import('../core/i18n.js').MessageKey} what  as in "could not read WHAT"
 * @property {import('../core/i18n.js').MessageKey} [unit]  what its rows are counted in: 家 for shops, 个, 条
 * @property {Column[]} columns
 * @property {string} sort  the order where the address names none: a column, with `-` from the top
 * @property {Record<string, string[] | null>} [filters]  parameter → its values, null: any text
 * @property {(query: ListQuery, signal: AbortSignal) => Promise<Answer>} load
 * @property {(row: Row) => RowId} rowId
 * @property {import('../core/i18n.js').MessageKey} [search]  what the search box looks in, its filter is `keyword`
 * @property {boolean} [selectable]  rows can be ticked
 */

/**
 * @template Row
 * @template {Page<Row>} Answer
 */
export class List {
  /** The pointer is over the list, or the focus in it. */
  pointed = false;
  focused = false;
  /** The filters are shown where a narrow screen folds them away. */
  filtersOpen = false;

  /** @param {ListOptions<Row, Answer>} options */
  constructor(options) {
    this._options = options;
    this._page = route.page;
    this.columns = options.columns;
    this.searchLabel = options.search ?? 'list.search';
    this.selection = options.selectable ? createSelection() : null;
    this.panel = createPanel({
      what: options.what,
      /** @returns {Promise<Answer>} */
      load: (signal) => options.load(this.query, signal),
      isEmpty: (answer) => answer.items.length === 0,
      order: (answer) => answer.items.map(options.rowId).join('\n'),
      onData: (answer) => leaveMissingPage(answer),
    });
  }

  /**
   * Loads the list, keeps it fresh, and loads it again when the address asks for other rows.
   * @returns {() => void}  stops that
   */
  start() {
    const fresh = keepFresh([this.panel]);
    let shown = JSON.stringify(this.query);
    let shownFilter = JSON.stringify(this.filter);
    const stop = follow(
      () => JSON.stringify(this.query),
      (query) => {
        if (query === shown || route.page !== this._page) return;
        shown = query;
        this.panel.load({ replace: true });
        const filter = JSON.stringify(this.filter);
        // "Everything that matches" meant another filter.
        if (filter !== shownFilter && this.selection?.all) this.selection.clear();
        shownFilter = filter;
      },
    );
    return () => {
      stop();
      fresh();
    };
  }

  // ── what the address says ──

  /** The filters in force; what makes no sense is left out. @returns {Record<string, string>} */
  get filter() {
    const allowed = Object.entries(this._options.filters ?? {});
    return Object.fromEntries(
      allowed.flatMap(([name, values]) => {
        const value = route.query[name] ?? '';
        return value && (values === null || values.includes(value)) ? [[name, value]] : [];
      }),
    );
  }

  /** @returns {{ column: string, descending: boolean }} */
  get sort() {
    const asked = route.query.sort ?? '';
    const known = this.columns.some(({ name, fixed }) => !fixed && name === asked.replace(/^-/, ''));
    const sort = known ? asked : this._options.sort;
    return { column: sort.replace(/^-/, ''), descending: sort.startsWith('-') };
  }

  get page() {
    const page = Number(route.query.page);
    return Number.isInteger(page) && page > 0 && page <= LAST_PAGE ? page : 1;
  }

  get pageSize() {
    const size = Number(route.query.page_size);
    return PAGE_SIZES.includes(size) ? size : PAGE_SIZES[0];
  }

  /** @returns {ListQuery} */
  get query() {
    const { column, descending } = this.sort;
    const sort = descending ? `-${column}` : column;
    return { ...this.filter, sort, page: this.page, page_size: this.pageSize };
  }

  /** Something narrows the list down, so that none may match although there are some. */
  get filtered() {
    return Object.keys(this.filter).length > 0;
  }

  /**
   * @param {string} name
   * @param {string} value  empty for any
   * @param {{ replace?: boolean }} [how]
   */
  setFilter(name, value, how) {
    changeQuery({ [name]: value || undefined, ...FIRST_PAGE }, how);
  }

  toggleFilters() {
    this.filtersOpen = !this.filtersOpen;
  }

  /** "筛选 (2)": how many are in force, the search not counted, which stays in sight. */
  get filtersText() {
    const count = Object.keys(this.filter).filter((name) => name !== 'keyword').length;
    return count > 0 ? t('list.filters.count', { count: format.exactCount(count) }) : t('list.filters');
  }

  clearFilters() {
    const names = Object.keys(this._options.filters ?? {});
    changeQuery({ ...Object.fromEntries(names.map((name) => [name, undefined])), ...FIRST_PAGE });
  }

  // ── the head ──

  get heads() {
    return this.columns.map(({ name, label, kind = 'text', fixed = false, from, grows, shape = grows ? 16 : 4 }) => ({
      name,
      fixed,
      label: t(label),
      class: [kind === 'number' ? 'number' : '', from ? `from-${from}` : '', grows ? 'grows' : ''].join(' ').trim(),
      shape: `${shape}rem`,
      state: fixed ? null : this.sort.column !== name ? 'none' : this.sort.descending ? 'descending' : 'ascending',
    }));
  }

  /** @param {string} name */
  sortBy(name) {
    const { column, descending } = this.sort;
    const kind = this.columns.find((known) => known.name === name)?.kind ?? 'text';
    this.setSort(column === name ? !descending : kind !== 'text', name);
  }

  /** The same choice on a narrow screen, where there is no head. */
  get sortOptions() {
    return this.columns
      .filter(({ fixed }) => !fixed)
      .flatMap(({ name, label, kind = 'text' }) =>
        [false, true].map((descending) => ({
          value: descending ? `-${name}` : name,
          text: t(orders[kind][descending ? 1 : 0], { column: t(label) }),
          selected: this.sort.column === name && this.sort.descending === descending,
        })),
      );
  }

  /** @param {Event} event */
  chooseSort(event) {
    const { value } = /** @type {HTMLSelectElement} */ (event.target);
    this.setSort(value.startsWith('-'), value.replace(/^-/, ''));
  }

  /**
   * @param {boolean} descending
   * @param {string} name
   */
  setSort(descending, name) {
    const sort = descending ? `-${name}` : name;
    changeQuery({ sort: sort === this._options.sort ? undefined : sort, ...FIRST_PAGE });
  }

  get unmatchedText() {
    return t('list.unmatched');
  }

  // ── the pages ──

  get unit() {
    return t(this._options.unit ?? 'unit.pieces');
  }

  get total() {
    return this.panel.data?.total ?? 0;
  }

  get rangeText() {
    const { data } = this.panel;
    if (!data) return '';
    if (data.items.length === 0) return t('list.range.none', { unit: this.unit });
    const first = (data.page - 1) * data.page_size + 1;
    const last = format.exactCount(first + data.items.length - 1);
    return t('list.range', { first: format.exactCount(first), last, count: data.total, unit: this.unit });
  }

  get lastPage() {
    return Math.max(1, Math.ceil(this.total / this.pageSize));
  }

  /** "1 … 4 5 6 … 20", as links; a gap has no address. */
  get pageLinks() {
    const last = this.lastPage;
    const near = Array.from({ length: 2 * NEIGHBOURS + 1 }, (_, index) => this.page - NEIGHBOURS + index);
    const numbers = [...new Set([1, ...near, last])].filter((page) => page >= 1 && page <= last).sort((a, b) => a - b);
    return numbers.flatMap((page, index) => {
      const link = {
        key: `${page}`,
        text: format.exactCount(page),
        href: this.addressOfPage(page),
        current: page === this.page ? 'page' : null,
      };
      const gap = { key: `before-${page}`, text: '…', href: null, current: null };
      return index > 0 && page - numbers[index - 1] > 1 ? [gap, link] : [link];
    });
  }

  get previousAddress() {
    return this.page > 1 ? this.addressOfPage(this.page - 1) : null;
  }

  get nextAddress() {
    return this.page < this.lastPage ? this.addressOfPage(this.page + 1) : null;
  }

  /**
   * @param {number} page
   * @returns {string | null}  null: not to be reached by its number
   */
  addressOfPage(page) {
    return addressOf(route.page, { ...route.query, page: page === 1 ? undefined : page });
  }

  get pageSizes() {
    return PAGE_SIZES.map((size) => ({
      size,
      text: t('list.pageSize', { count: size, unit: this.unit }),
      selected: size === this.pageSize,
    }));
  }

  /** @param {Event} event */
  choosePageSize(event) {
    const size = Number(/** @type {HTMLSelectElement} */ (event.target).value);
    changeQuery({ page_size: size === PAGE_SIZES[0] ? undefined : size, ...FIRST_PAGE });
  }

  /** The first row of the next page is what one wants to see, not its end. @param {Element} pager */
  showTop(pager) {
    Alpine.nextTick(() => pager.closest('[data-list]')?.scrollIntoView({ block: 'nearest' }));
  }

  // ── what is ticked ──

  get ids() {
    return (this.panel.data?.items ?? []).map(this._options.rowId);
  }

  get selectedCount() {
    const { selection } = this;
    if (!selection) return 0;
    return selection.all ? this.total : selection.ids.size;
  }

  /** @param {RowId} id */
  isSelected(id) {
    return this.selection?.has(id) ?? false;
  }

  /** @param {RowId} id */
  toggle(id) {
    this.selection?.toggle(id, this.ids);
    this._noteReading();
  }

  togglePage() {
    this.selection?.togglePage(this.ids);
    this._noteReading();
  }

  selectAllMatching() {
    if (this.selection) this.selection.all = true;
    this._noteReading();
  }

  clearSelection() {
    this.selection?.clear();
    this._noteReading();
  }

  get pageIsSelected() {
    return this.ids.length > 0 && this.ids.every((id) => this.isSelected(id));
  }

  get pageIsPartlySelected() {
    return !this.pageIsSelected && this.ids.some((id) => this.isSelected(id));
  }

  /** "已选 178 条，其中 20 条在这一页" */
  get selectionText() {
    const count = this.selectedCount;
    if (this.selection?.all)
      return t(this.filtered ? 'list.selected.matching' : 'list.selected.all', { count, unit: this.unit });
    const here = this.ids.filter((id) => this.isSelected(id)).length;
    if (here === count) return t('list.selected', { count, unit: this.unit });
    return t('list.selected.pages', { count, here: format.exactCount(here), unit: this.unit });
  }

  /** There is more than what this page shows, and not all of it is ticked. */
  get maySelectAll() {
    return this.pageIsSelected && this.selectedCount < this.total;
  }

  get selectAllText() {
    return t(this.filtered ? 'list.selectMatching' : 'list.selectAll', { count: this.total, unit: this.unit });
  }

  // ── who is reading ──

  /** @param {boolean} inside */
  point(inside) {
    this.pointed = inside;
    this._noteReading();
  }

  /** @param {boolean} inside */
  focus(inside) {
    this.focused = inside;
    this._noteReading();
  }

  _noteReading() {
    if (this.pointed || this.focused || this.selectedCount > 0) this.panel.startReading();
    else this.panel.stopReading();
  }
}

/**
 * `x-read-by="list"` on the box of a list: who points at it, or has the focus in it, is reading.
 * @param {HTMLElement} box
 * @param {{ expression: string }} directive
 * @param {import('@alpinejs/csp').DirectiveUtilities} utilities
 */
export function followReading(box, { expression }, { evaluateLater, effect }) {
  const evaluate = evaluateLater(expression);
  const withList = (/** @type {(list: List<any, any>) => void} */ receive) =>
    evaluate((list) => receive(/** @type {List<any, any>} */ (list)));
  box.addEventListener('mouseenter', () => withList((list) => list.point(true)));
  box.addEventListener('mouseleave', () => withList((list) => list.point(false)));
  box.addEventListener('focusin', () => withList((list) => list.focus(true)));
  box.addEventListener('focusout', () => withList((list) => list.focus(false)));
  effect(() => withList((list) => box.setAttribute('aria-busy', String(list.panel.busy))));
}

/**
 * The last row of the last page has gone, or the address is old: the page before still has rows.
 * @param {Page<any>} answer
 */
function leaveMissingPage({ items, total, page, page_size: size }) {
  if (items.length > 0 || total === 0 || page === 1) return;
  const last = Math.ceil(total / size);
  changeQuery({ page: last === 1 ? undefined : last }, { replace: true });
}

/**
 * @template Row
 * @template {Page<Row>} Answer
 * @param {ListOptions<Row, Answer>} options
 * @returns {List<Row, Answer>}
 */
export function createList(options) {
  return Alpine.reactive(new List(options));
}
