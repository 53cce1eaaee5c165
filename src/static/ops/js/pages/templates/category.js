/**
 * @file The filter by category, of the list as of the matrix: in the address, in the select box, in a request. A category
 * without a name can't stand in the address: `uncategorised` says it.
 */
import { t } from '../../core/i18n.js';
import { changeQuery, route } from '../../core/router.js';

/** One in use, as the last list has told. @typedef {{ category: string, count: number }} Category */

/** Its option. No category is called that: control characters are refused. */
const NONE = '\t';

/** What may stand in the address. @type {Record<string, string[] | null>} */
export const categoryFilters = { category: null, uncategorised: ['1'] };

/**
 * The parameters of a request.
 * @template {Record<string, string | number>} Query
 * @param {Query} query
 * @returns {Record<string, string | number>}
 */
export function withCategory({ uncategorised, ...rest }) {
  return uncategorised ? { ...rest, category: '' } : rest;
}

/** The part of the address that another view of the same templates has, too. */
export function chosenCategory() {
  const { category, uncategorised } = route.query;
  return { category, uncategorised };
}

/** @param {Event} event  of the select box */
export function chooseCategory(event) {
  const { value } = /** @type {HTMLSelectElement} */ (event.target);
  changeQuery({
    category: value !== NONE && value !== '' ? value : undefined,
    uncategorised: value === NONE ? '1' : undefined,
    template_id: undefined,
    template_page: undefined,
    state: undefined,
    page: undefined,
  });
}

/**
 * "全部", and each category with how many templates it has.
 * @param {Category[]} categories
 */
export function describeCategories(categories) {
  const { category: chosen = '', uncategorised } = route.query;
  const total = categories.reduce((sum, { count }) => sum + count, 0);
  const named = categories.map(({ category, count }) => ({
    key: `of-${category}`,
    value: category || NONE,
    text: t('templates.category.option', { category: category || t('templates.category.none'), value: count }),
    selected: category ? category === chosen : uncategorised === '1',
  }));
  const all = { value: '', text: t('templates.category.all', { count: total }), selected: !chosen && !uncategorised };
  const unknown = chosen !== '' && !named.some(({ value }) => value === chosen);
  return [
    { ...all, key: 'all' },
    ...named,
    ...(unknown ? [{ key: 'unknown', value: chosen, text: chosen, selected: true }] : []),
  ];
}
