/**
 * @file The names of tenants by their ids, for answers that carry only ids. Asked for when they are needed, and kept.
 */
import Alpine from '@alpinejs/csp';
import { get } from './api-client.js';

const MOST_AT_ONCE = 200;

const names = Alpine.reactive(/** @type {Record<string, string>} */ ({}));
let firstAsked = false;

/** Empty while it isn't known. @param {string} id */
export function tenantName(id) {
  return names[id] ?? '';
}

/** What another answer has told. @param {{ id: string, name: string }[]} tenants */
export function learnTenantNames(tenants) {
  for (const { id, name } of tenants) names[id] = name;
}

/**
 * Asks for the names that aren't known: by one list that holds all of a small platform, else one by one.
 * @param {string[]} ids  a page of them
 */
export async function askTenantNames(ids) {
  const unknown = () => ids.filter((id) => !(id in names));
  if (unknown().length > 0 && !firstAsked) {
    firstAsked = true;
    await learn(async () => (await get('/ops/tenants', { query: { sort: 'id', page_size: MOST_AT_ONCE } })).items);
  }
  for (const id of unknown()) await learn(async () => [await get(`/ops/tenants/${encodeURIComponent(id)}`)]);
}

/** @param {() => Promise<{ id: string, name: string }[]>} ask */
async function learn(ask) {
  try {
    learnTenantNames(await ask());
  } catch {
    // A name is a comfort; the id stands in its place.
  }
}
