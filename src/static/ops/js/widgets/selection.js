/**
 * @file What is ticked in a list: single rows, kept while paging and filtering, or everything that matches the filter.
 *
 * A page hands `ids` or, when `all` is set, its filter to the server; `count` is what the words and the button say.
 */
import Alpine from '@alpinejs/csp';

/** @typedef {string | number} RowId */

export class Selection {
  /** @type {Set<RowId>} */
  ids = new Set();
  /** Everything that matches the filter, also what no page has shown yet. */
  all = false;

  /** @param {RowId} id */
  has(id) {
    return this.all || this.ids.has(id);
  }

  /**
   * @param {RowId} id
   * @param {RowId[]} shown  the rows of this page, which stay ticked when one of "everything" is taken out
   */
  toggle(id, shown) {
    if (this.all) this._onlyThese(shown);
    if (!this.ids.delete(id)) this.ids.add(id);
  }

  /**
   * Ticks the rows of a page, or none of them if all are ticked already.
   * @param {RowId[]} shown
   */
  togglePage(shown) {
    const complete = shown.every((id) => this.has(id));
    if (this.all) this._onlyThese(shown);
    for (const id of shown) {
      if (complete) this.ids.delete(id);
      else this.ids.add(id);
    }
  }

  clear() {
    this._onlyThese([]);
  }

  /** @param {RowId[]} ids */
  _onlyThese(ids) {
    this.all = false;
    this.ids = new Set(ids);
  }
}

export function createSelection() {
  return Alpine.reactive(new Selection());
}

/**
 * `x-list-bar`: messages stay above the bar of what is ticked. One that is hidden, or gone with its page, has no height.
 * @param {HTMLElement} bar
 * @param {unknown} _directive
 * @param {{ cleanup: (end: () => void) => void }} utilities
 */
export function tellBarHeight(bar, _directive, { cleanup }) {
  const tell = (/** @type {number} */ height) =>
    document.documentElement.style.setProperty('--list-bar-height', `${height}px`);
  const observer = new ResizeObserver(() => tell(bar.offsetHeight));
  observer.observe(bar);
  cleanup(() => {
    observer.disconnect();
    tell(0);
  });
}
