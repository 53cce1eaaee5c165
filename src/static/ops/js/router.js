/**
 * @file The address names page and filters, so that a reload, the back button and a link sent to a colleague show the
 * same thing.
 */
import Alpine from '@alpinejs/csp';
import { pages, startPage } from './pages.js';

export const route = Alpine.reactive({
  /** @type {string} the page's name, also where there is no such page */
  page: '',
  /** @type {Record<string, string>} */
  query: {},
});

export function startRouter() {
  readAddress();
  addEventListener('popstate', readAddress);
  addEventListener('click', followLink);
}

/** @param {string} name */
export function findPage(name) {
  return pages.find((page) => page.name === name);
}

/**
 * The address of a page with these filters; empty ones are left out.
 * @param {string} page
 * @param {Record<string, string | number | undefined>} [query]
 */
export function addressOf(page, query = {}) {
  const kept = Object.entries(query).filter(([, value]) => value !== undefined && value !== '');
  const search = new URLSearchParams(kept.map(([name, value]) => [name, String(value)])).toString();
  return search ? `/ops/${page}?${search}` : `/ops/${page}`;
}

/** @param {string} address */
export function navigate(address) {
  if (address !== `${location.pathname}${location.search}`) history.pushState(null, '', address);
  readAddress();
}

/**
 * Changes some filters of the page that is open; `undefined` removes one.
 * @param {Record<string, string | number | undefined>} changes
 */
export function changeQuery(changes) {
  navigate(addressOf(route.page, { ...route.query, ...changes }));
}

function readAddress() {
  const name = location.pathname.replace(/^\/ops\/?/, '').replace(/\/$/, '');
  route.page = name || startPage.name;
  const query = Object.fromEntries(new URLSearchParams(location.search));
  // A new object would wake everything that reads the query, also when only the hash has changed.
  if (JSON.stringify(query) !== JSON.stringify(route.query)) route.query = query;
}

/**
 * Plain links work without a reload; with a modifier key they open as the browser opens any link.
 * @param {MouseEvent} event
 */
function followLink(event) {
  if (event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey)
    return;
  const link = event.target instanceof Element ? event.target.closest('a') : null;
  if (!link || link.target || link.origin !== location.origin) return;
  const leadsOn = /^\/ops\/[^.]*$/.test(link.pathname) && !link.pathname.startsWith('/ops/login');
  if (!leadsOn || link.hash) return;
  event.preventDefault();
  navigate(`${link.pathname}${link.search}`);
}
