/** @file Choosing a category where there are more than a menu can hold, by a part of its name (choice.js). */
import { get } from '../../core/api-client.js';
import * as format from '../../core/format.js';
import { t } from '../../core/i18n.js';
import { createChoice } from '../../widgets/choice.js';

/** @typedef {import('../../core/api-types.js').KnowledgeFacets} KnowledgeFacets */

/** Stands for the pairs without a category, whose name is empty. */
const UNCATEGORISED = '\u0000';

/**
 * @param {() => Record<string, string>} tenant  as a query: whose categories
 * @returns {import('../../widgets/choice.js').ChoiceSource<KnowledgeFacets>}
 */
const categoriesOf = (tenant) => ({
  what: 'knowledge.facets.what',
  search: 'knowledge.category.search',
  none: 'knowledge.category.unknown',
  more: 'knowledge.category.left',
  icon: '#icon-tag',
  test: 'category-choice',

  load: (typed, signal) =>
    get('/ops/knowledge/facets', { query: { ...tenant(), ...(typed ? { keyword: typed } : {}) }, signal }),

  found: ({ categories }) =>
    [...categories]
      .sort((a, b) => b.count - a.count)
      .map(({ name, count }) => ({
        id: name || UNCATEGORISED,
        name: name || t('knowledge.category.none'),
        detail: format.count(count),
      })),

  left: ({ category_count: count, categories }) => count - categories.length,
  nameOf: (id) => (id === UNCATEGORISED ? t('knowledge.category.none') : id),
});

/**
 * @param {object} options
 * @param {() => Record<string, string>} options.filter
 * @param {(category: string | undefined, uncategorised: boolean) => void} options.choose
 */
export function createCategoryChoice({ filter, choose }) {
  const tenant = () =>
    /** @type {Record<string, string>} */ (filter().tenant_id ? { tenant_id: filter().tenant_id } : {});
  return createChoice(categoriesOf(tenant), {
    label: 'knowledge.category',
    any: 'knowledge.category.any',
    value: () => filter().category || (filter().uncategorised ? UNCATEGORISED : ''),
    choose: (id) => choose(id === UNCATEGORISED ? undefined : id || undefined, id === UNCATEGORISED),
  });
}
