/**
 * @file The filter of the pairs: as the address has it, as the server is asked, and in words.
 */
import * as format from '../../core/format.js';
import { t, tValue } from '../../core/i18n.js';
import { tenantName } from '../../core/tenant-names.js';
import { createTenantChoice } from '../../widgets/tenant-choice.js';

/** @typedef {Record<string, string>} Filter */

/** What has come from where, as the server lists it. */
export const sources = ['manual', 'import', 'learned', 'template', 'demo'];

/** What may stand in the address. A category without a name can't: `uncategorised` says it. */
export const filters = {
  tenant_id: null,
  category: null,
  uncategorised: ['1'],
  source: sources,
  is_synced: ['true', 'false', 'held_back'],
  quality_min: null,
  quality_max: null,
  keyword: null,
};

/**
 * The choice of a list's tenant, or of any.
 * @param {{ filter: Filter, setFilter: (name: string, value: string) => void }} list
 */
export function createTenantFilter(list) {
  return createTenantChoice({
    label: 'knowledge.tenant',
    any: 'knowledge.tenant.any',
    value: () => list.filter.tenant_id ?? '',
    choose: (id) => list.setFilter('tenant_id', id),
  });
}

/** A quality as text, or nothing where it is none. @param {string | undefined} text */
export function qualityOf(text) {
  const value = Number(text);
  return text !== undefined && text.trim() !== '' && value >= 0 && value <= 1 ? text.trim() : '';
}

/**
 * The parameters of a request; nonsense in the address is left out.
 * @param {Filter} filter
 * @returns {Filter}
 */
export function toQuery({ uncategorised, is_synced: synced, quality_min: least, quality_max: most, ...rest }) {
  return {
    ...rest,
    ...(uncategorised ? { category: '' } : {}),
    ...(synced ? { is_synced: String(synced === 'true') } : {}),
    // What a suspension holds back doesn't wait for the sync.
    ...(synced && synced !== 'true' ? { tenant_status: synced === 'held_back' ? 'suspended' : 'active' } : {}),
    ...(qualityOf(least) ? { quality_min: qualityOf(least) } : {}),
    ...(qualityOf(most) ? { quality_max: qualityOf(most) } : {}),
  };
}

/**
 * The same in the body of a request, where a number is a number.
 * @param {Filter} filter
 * @returns {Record<string, string | number | boolean>}
 */
export function toBody(filter) {
  const { is_synced: synced, quality_min: least, quality_max: most, ...texts } = toQuery(filter);
  return {
    ...texts,
    ...(synced ? { is_synced: synced === 'true' } : {}),
    ...(least ? { quality_min: Number(least) } : {}),
    ...(most ? { quality_max: Number(most) } : {}),
  };
}

/** @type {Record<string, import('../../core/i18n.js').MessageKey>} */
export const syncWords = { true: 'knowledge.synced', false: 'knowledge.unsynced', held_back: 'knowledge.heldBack' };

/** What each part of a filter says, in the order in which it is read. @type {[string, (value: string) => string][]} */
const words = [
  ['tenant_id', (id) => t('knowledge.filter.tenant', { tenant: tenantName(id) || id })],
  ['category', (category) => t('knowledge.filter.category', { category })],
  ['uncategorised', () => t('knowledge.filter.category', { category: t('knowledge.category.none') })],
  ['source', (source) => t('knowledge.filter.source', { source: tValue('pairSource', source) })],
  ['is_synced', (synced) => t(syncWords[synced])],
  ['quality_min', (value) => (qualityOf(value) ? t('knowledge.filter.least', { value: qualityOf(value) }) : '')],
  ['quality_max', (value) => (qualityOf(value) ? t('knowledge.filter.most', { value: qualityOf(value) }) : '')],
  ['keyword', (keyword) => t('knowledge.filter.keyword', { keyword })],
];

/**
 * Each part of the filter in words, with its name in the address.
 * @param {Filter} filter
 */
export function describeFilter(filter) {
  return words
    .filter(([name]) => filter[name])
    .map(([name, say]) => ({ name, text: say(filter[name]) }))
    .filter(({ text }) => text !== '');
}

/** "商家 Kimono One · 分类 价格", or that it is all of them. @param {Filter} filter */
export function filterText(filter) {
  return format.beside(describeFilter(filter).map(({ text }) => text)) || t('knowledge.filter.none');
}
