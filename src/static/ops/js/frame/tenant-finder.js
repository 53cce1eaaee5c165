/**
 * @file Finds tenants by a part of their name or id while somebody is typing: one question a moment after the last key,
 * and only the answer to the last one counts.
 */
import Alpine from '@alpinejs/csp';
import { ApiError, get } from '../core/api-client.js';

const PAUSE_MS = 200;
const MOST_FOUND = 8;

export class TenantFinder {
  /** @type {{ id: string, name: string, status: string }[]} */
  found = [];
  /** How many there are, of which only the first are in `found`. */
  total = 0;
  busy = false;
  /** @type {ApiError | null} */
  error = null;

  /** @type {AbortController | null} */
  _request = null;

  /** @param {string} typed  nothing finds nothing */
  async find(typed) {
    this._request?.abort();
    const request = new AbortController();
    this._request = request;
    const keyword = typed.trim();
    this.error = null;
    this.busy = keyword !== '';
    // Until the answer is here nobody shall choose what doesn't match any more.
    this._take(keyword ? this.found.filter((tenant) => matches(tenant, keyword)) : []);
    if (!keyword) return;
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    if (request.signal.aborted) return;
    try {
      const page = await get('/ops/tenants', { query: { keyword, page_size: MOST_FOUND }, signal: request.signal });
      if (request.signal.aborted) return;
      this._take(page.items, page.total);
    } catch (error) {
      if (request.signal.aborted) return;
      if (!(error instanceof ApiError)) console.error(error);
      this._take([]);
      this.error = error instanceof ApiError ? error : new ApiError('unreadable');
    }
    this.busy = false;
  }

  /** @param {TenantFinder['found']} found @param {number} [total] */
  _take(found, total = found.length) {
    this.found = found;
    this.total = total;
  }
}

/**
 * @param {{ id: string, name: string }} tenant
 * @param {string} keyword
 */
function matches({ id, name }, keyword) {
  return `${name}\n${id}`.toLowerCase().includes(keyword.toLowerCase());
}

export function createTenantFinder() {
  return Alpine.reactive(new TenantFinder());
}
