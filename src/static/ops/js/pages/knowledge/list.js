/**
 * @file The list of pairs: its filters, its rows, and what can be done with those that are ticked.
 */
import { ApiError, get, startJob } from '../../core/api-client.js';
import { clock } from '../../core/clock.js';
import { component, explain } from '../../core/component.js';
import * as format from '../../core/format.js';
import { t, tValue } from '../../core/i18n.js';
import { addressOf, changeQuery, route } from '../../core/router.js';
import { mayWrite } from '../../core/session.js';
import { learnTenantNames } from '../../core/tenant-names.js';
import { toast } from '../../core/toasts.js';
import { createCursorList } from '../../widgets/cursor-list.js';
import { runJob } from '../../widgets/jobs/jobs.js';
import { bulkTarget } from './bulk.js';
import { createCategoryChoice } from './category-choice.js';
import { createTenantFilter, describeFilter, filters, qualityOf, sources, syncWords, toQuery } from './filter.js';
import { qualityWhy, syncLook } from './quality.js';

/** @typedef {import('../../core/api-types.js').QAListItem} QAListItem */
/** @typedef {import('../../core/api-types.js').KnowledgeFacets} KnowledgeFacets */
/** @typedef {import('../../widgets/cursor-list.js').CursorList<QAListItem>} PairList */

const FIRST_PAGE = { page: undefined, cursor: undefined };

/** @type {import('../../widgets/list.js').Column[]} */
const columns = [
  { name: 'tenant_name', label: 'knowledge.tenant', shape: 8 },
  { name: 'question', label: 'knowledge.question', grows: true },
  { name: 'category', label: 'knowledge.category', from: 'medium', shape: 2.5 },
  { name: 'source', label: 'knowledge.source', fixed: true, from: 'wide', shape: 2 },
  { name: 'quality_score', label: 'knowledge.quality', kind: 'number', shape: 1.5 },
  { name: 'is_synced', label: 'knowledge.sync', fixed: true },
  { name: 'hit_count', label: 'knowledge.hits', kind: 'number', from: 'wide', shape: 1.5 },
  { name: 'updated_at', label: 'knowledge.updated', kind: 'time', from: 'medium', shape: 3.5 },
];

export function createPairList() {
  return createCursorList({
    what: 'knowledge.what',
    search: 'knowledge.search',
    selectable: mayWrite(),
    columns,
    sort: '-updated_at',
    filters,
    load: async (query, signal) => {
      const page = await get('/ops/knowledge/qa-pairs', {
        query: toQuery(/** @type {Record<string, string>} */ (query)),
        signal,
      });
      learnTenantNames(page.items.map(({ tenant_id: id, tenant_name: name }) => ({ id, name })));
      return page;
    },
    rowId: (/** @type {QAListItem} */ pair) => pair.id,
  });
}

/**
 * @param {PairList} list
 * @param {import('../../core/panel.js').Panel<KnowledgeFacets>} facets
 */
export function knowledgeList(list, facets) {
  const choice = createTenantFilter(list);
  const categoryChoice = createCategoryChoice({
    filter: () => list.filter,
    choose: (category, uncategorised) =>
      changeQuery({ ...FIRST_PAGE, category, uncategorised: uncategorised ? '1' : undefined }),
  });
  /** @type {(() => void) | null} */
  let stop = null;

  return component({
    list,
    choice,
    categoryChoice,
    busy: false,

    init() {
      stop = list.start();
    },

    destroy() {
      stop?.();
      choice.dispose();
      categoryChoice.dispose();
    },

    // ── filters ──

    /** A menu names those with the most pairs only. */
    get hasMoreCategories() {
      return (facets.data?.category_count ?? 0) > (facets.data?.categories.length ?? 0);
    },

    get categoryOptions() {
      const { category = '', uncategorised } = list.filter;
      const named = (facets.data?.categories ?? []).map(({ name, count }) => ({
        key: `of-${name}`,
        value: name,
        text: t('knowledge.option', { name: name || t('knowledge.category.none'), value: format.count(count) }),
        selected: name ? name === category : Boolean(uncategorised),
      }));
      const any = {
        key: 'any',
        value: 'any',
        text: t('knowledge.category.any'),
        selected: !category && !uncategorised,
      };
      const unknown = category && !named.some(({ value }) => value === category);
      return [any, ...named, ...(unknown ? [{ key: 'gone', value: category, text: category, selected: true }] : [])];
    },

    /** @param {Event} event */
    chooseCategory(event) {
      const { value } = /** @type {HTMLSelectElement} */ (event.target);
      const category = value === 'any' ? undefined : value || undefined;
      changeQuery({ ...FIRST_PAGE, category, uncategorised: value === '' ? '1' : undefined });
    },

    get sourceOptions() {
      const shown = list.filter.source ?? '';
      return ['', ...sources].map((source) => ({
        source,
        text: source ? tValue('pairSource', source) : t('knowledge.source.any'),
        selected: source === shown,
      }));
    },

    get syncOptions() {
      const shown = list.filter.is_synced ?? '';
      return ['', ...Object.keys(syncWords)].map((value) => ({
        value,
        text: t(value ? syncWords[value] : 'knowledge.sync.any'),
        selected: value === shown,
      }));
    },

    /** @param {string} name @param {Event} event */
    choose(name, event) {
      list.setFilter(name, /** @type {HTMLSelectElement} */ (event.target).value);
    },

    get qualityMin() {
      return qualityOf(list.filter.quality_min);
    },

    get qualityMax() {
      return qualityOf(list.filter.quality_max);
    },

    /** @param {string} name @param {Event} event */
    chooseQuality(name, event) {
      const field = /** @type {HTMLInputElement} */ (event.target);
      if (field.value.trim() && !qualityOf(field.value)) toast(t('knowledge.quality.range'), 'bad');
      else list.setFilter(name, qualityOf(field.value));
    },

    /** What is being shown, in words, each with a way out. */
    get filterWords() {
      return describeFilter(list.filter).map(({ name, text }) => ({
        name,
        text,
        clearText: t('knowledge.filter.clearOne', { filter: text }),
      }));
    },

    /** One tenant's list without a pair is empty, and can be filled; only other filters may match nothing. */
    get narrowed() {
      return Object.keys(list.filter).some((name) => name !== 'tenant_id');
    },

    /** @param {string} name */
    clearFilter(name) {
      list.setFilter(name, '');
    },

    // ── rows ──

    get rows() {
      return (list.panel.data?.items ?? []).map(describeRow);
    },

    /** Brings what is ticked into the index. */
    async syncSelected() {
      if (this.busy) return;
      this.busy = true;
      try {
        runJob(await startJob('/ops/knowledge/qa-pairs/bulk', { action: 'sync', ...bulkTarget(list) }));
        toast(t('knowledge.sync.started'));
        list.clearSelection();
      } catch (error) {
        toast(error instanceof ApiError ? explain(error) : String(error), 'bad');
      }
      this.busy = false;
    },
  });
}

/** @param {QAListItem} pair */
export function describeRow(pair) {
  return {
    id: pair.id,
    tenant: pair.tenant_name,
    tenantId: pair.tenant_id,
    tenantHref: addressOf('knowledge', { ...route.query, ...FIRST_PAGE, tenant_id: pair.tenant_id }),
    question: pair.question,
    answer: pair.answer || t('knowledge.noAnswer'),
    href: addressOf('knowledge', { ...route.query, pair: pair.id }),
    category: pair.category || t('knowledge.category.none'),
    source: tValue('pairSource', pair.source),
    quality: format.score(pair.quality_score),
    qualityWhy: qualityWhy(pair),
    sync: syncLook(pair),
    hits: format.count(pair.hit_count),
    updated: format.ago(Date.parse(pair.updated_at), clock.now),
    updatedExact: format.exactTime(pair.updated_at),
    selectText: t('knowledge.selectOne', { question: pair.question }),
  };
}
