/**
 * @file What the columns of a file are taken for: as the server has found out, and as the person says.
 */
import Alpine from '@alpinejs/csp';
import { t } from '../../core/i18n.js';

/** @typedef {import('../../core/api-types.js').ImportPreview} ImportPreview */

const uses = /** @type {const} */ (['question', 'answer', 'category']);

export class Columns {
  /** Place → what it is taken for; '': nothing. @type {string[]} */
  taken = [];
  /** The first row names the columns and is no pair. */
  heading = false;
  /** The person has said something else than what was found out. */
  changed = false;

  /** @type {ImportPreview | null} */
  _preview = null;

  /** @param {ImportPreview} preview */
  take(preview) {
    this._preview = preview;
    this.taken = preview.columns.map(({ taken_for: use }) => use ?? '');
    this.heading = this._foundHeading;
    this.changed = false;
  }

  forget() {
    this._preview = null;
    this.taken = [];
    this.changed = false;
  }

  get _foundHeading() {
    return (this._preview?.columns ?? []).some(({ heading }) => heading !== null);
  }

  get heads() {
    return (this._preview?.columns ?? []).map(({ place, heading }) => ({
      place,
      name: heading ?? t('knowledge.import.column', { number: String(place + 1) }),
      label: t('knowledge.import.takenFor', { column: heading ?? String(place + 1) }),
      ignored: !this.taken[place],
      options: /** @type {const} */ (['', ...uses]).map((use) => ({
        use,
        text: use ? t(/** @type {const} */ (`knowledge.${use}`)) : t('knowledge.import.ignored'),
        selected: use === this.taken[place],
      })),
    }));
  }

  /** The first rows; one that is a heading after all is told apart. */
  get rows() {
    const said = this.heading && !this._foundHeading;
    const { length } = this._preview?.columns ?? [];
    return (this._preview?.rows ?? []).map(({ cells }, index) => ({
      key: index,
      isHeading: said && index === 0,
      cells: Array.from({ length }, (_, place) => ({
        place,
        text: cells[place] ?? '',
        ignored: !this.taken[place] || (said && index === 0),
      })),
    }));
  }

  /** @param {number} place @param {Event} event */
  choose(place, event) {
    const use = /** @type {HTMLSelectElement} */ (event.target).value;
    // Each is one column: what was taken for it before is that no more.
    this.taken = this.taken.map((old, at) => (at === place ? use : use && old === use ? '' : old));
    this.changed = true;
  }

  toggleHeading() {
    this.sayHeading(!this.heading);
  }

  /** @param {boolean} heading  whether the first row is one */
  sayHeading(heading) {
    this.heading = heading;
    this.changed = true;
  }

  /** A question needs its answer. */
  get complete() {
    return this.taken.includes('question') && this.taken.includes('answer');
  }

  get missingText() {
    return this._preview && !this.complete ? t('knowledge.import.incomplete') : '';
  }

  /** As the import is told; empty where it finds out the same by itself. */
  toJson() {
    if (!this.changed) return '';
    const places = uses.flatMap((use) => (this.taken.includes(use) ? [[use, this.taken.indexOf(use)]] : []));
    return JSON.stringify({ ...Object.fromEntries(places), heading: this.heading });
  }
}

export function createColumns() {
  return Alpine.reactive(new Columns());
}
