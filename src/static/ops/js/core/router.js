/**
 * @file The address names page and filters, so that a reload, the back button and a link sent to a colleague show the
 * same thing.
 */
import Alpine from '@alpinejs/csp';

export const route = Alpine.reactive({
  /** @type {string} the page's name, also where there is no such page */
  page: '',
  /** @type {Record<string, string>} */
  query: {},
});
/** What the page shows; differs from the browser's only while the back button is being asked about. */
let shownAddress = '';
let startName = '';

/** @param {string} start  the page to which /ops/ leads */
export function startRouter(start) {
  startName = start;
  readAddress();
  addEventListener('popstate', onPopState);
  addEventListener('click', followLink);
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

/**
 * Goes to an address of the console, unless something there would be lost: see guardLeaving().
 * @param {string} address
 * @param {object} [how]
 * @param {boolean} [how.replace]  the back button shall not come back to where we are now
 */
export function navigate(address, { replace = false } = {}) {
  const here = currentAddress();
  if (address !== here) {
    if (isHeldBack(address)) return;
    if (replace) history.replaceState(history.state, '', address);
    else history.pushState({ from: here }, '', address);
  }
  readAddress();
}

/**
 * Goes where the person came from if that is this address, so that the back button doesn't open again what has just
 * been closed; else there as anywhere.
 * @param {string} address
 */
export function goBackTo(address) {
  if (history.state?.from === address) history.back();
  else navigate(address);
}

/**
 * Changes some filters of the page that is open; `undefined` removes one.
 * @param {Record<string, string | number | undefined>} changes
 * @param {{ replace?: boolean }} [how]
 */
export function changeQuery(changes, how) {
  navigate(addressOf(route.page, { ...route.query, ...changes }), how);
}

/** @typedef {{ page: string, query: Record<string, string> }} Place */
/** @typedef {(place: Place, go: () => void) => boolean} Guard */

/** @type {Set<Guard>} */
const guards = new Set();

/**
 * Is asked before the address changes, also by the back button. It returns true to hold the change back, and may call
 * `go` later to let it happen after all.
 * @param {Guard} guard
 * @returns {() => void}  takes it away
 */
export function guardLeaving(guard) {
  guards.add(guard);
  return () => guards.delete(guard);
}

/** @param {string} address */
function isHeldBack(address) {
  const place = placeOf(new URL(address, location.origin));
  return [...guards].some((guard) => guard(place, () => navigate(address)));
}

/** The address has changed already: a change that is held back is undone. */
function onPopState() {
  const address = currentAddress();
  if (address !== shownAddress && isHeldBack(address)) history.pushState(null, '', shownAddress);
  else readAddress();
}

function currentAddress() {
  return `${location.pathname}${location.search}`;
}

/**
 * @param {URL | Location} address
 * @returns {Place}
 */
function placeOf(address) {
  const name = address.pathname.replace(/^\/ops\/?/, '').replace(/\/$/, '');
  return { page: name || startName, query: Object.fromEntries(new URLSearchParams(address.search)) };
}

function readAddress() {
  shownAddress = currentAddress();
  const { page, query } = placeOf(location);
  route.page = page;
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
