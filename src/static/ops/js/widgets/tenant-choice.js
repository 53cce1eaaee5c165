/**
 * @file Choosing one tenant by a part of its name or id. In markup: `x-use:choice-box="choice"` (choice.js).
 *
 *   const choice = createTenantChoice({ label: 'tenant.choice', value: () => id, choose: (id) => …, any: 'tenant.any' });
 */
import { get } from '../core/api-client.js';
import { askTenantNames, learnTenantNames, tenantName } from '../core/tenant-names.js';
import { createChoice } from './choice.js';

/** @typedef {import('../core/api-types.js').TenantList} TenantList */

const MOST_SHOWN = 20;

/** @type {import('./choice.js').ChoiceSource<TenantList>} */
const tenants = {
  what: 'tenants.what',
  search: 'tenants.search',
  none: 'tenant.choice.none',
  more: 'tenant.choice.more',
  icon: '#icon-store',
  test: 'tenant-choice',

  async load(typed, signal) {
    const query = { ...(typed ? { keyword: typed } : {}), sort: 'name', page_size: MOST_SHOWN };
    const page = await get('/ops/tenants', { query, signal });
    learnTenantNames(page.items);
    return page;
  },

  found: ({ items }) => items.map(({ id, name }) => ({ id, name, detail: id })),
  left: ({ total, items }) => total - items.length,
  nameOf: (id) => tenantName(id) || id,
};

/** @param {import('./choice.js').ChoiceOptions} options */
export function createTenantChoice(options) {
  const choice = createChoice(tenants, options);
  if (choice.value) askTenantNames([choice.value]); // of who is chosen already, by an address for example
  return choice;
}
