/**
 * @file What can be asked for before the scripts are here is asked for while they travel: who is here, what the frame
 * and the first page show. Each answer is taken by the first who asks the same (api-client.js, page-host.js).
 *
 * A classic script in the head, in front of the modules: it also sets the theme before anything is painted.
 */
import './core/theme.js';

/** What each page asks for at first; the frame's for all of them. @type {Record<string, (query: URLSearchParams) => string[]>} */
const questions = {
  '': () => [
    '/auth/me',
    '/ops/system/status',
    '/ops/alerts/active?page_size=5',
    '/ops/jobs?status=recent&page_size=50',
  ],
  dashboard: (query) => [
    '/ops/dashboard/overview',
    `/ops/dashboard/trends?days=${['30', '90'].find((days) => days === query.get('days')) ?? '7'}`,
    '/ops/system/components',
  ],
  knowledge: (query) => (query.get('tenant_id') ? [] : ['/ops/knowledge/overview', '/ops/knowledge/sync/status']),
};

/** Scripts that a page loads when it needs them. @type {Record<string, string>} */
const scripts = { dashboard: 'charts', 'api-usage': 'charts' };

(function askEarly() {
  const page = location.pathname.replace(/^\/ops\/?/, '') || 'dashboard';
  const language = document.documentElement.lang;
  /** @type {Map<string, Promise<Response>>} */
  const early = new Map();
  const headers = { Accept: 'application/json', 'Accept-Language': language };
  const query = new URLSearchParams(location.search);
  for (const path of [...questions[''](query), ...(questions[page]?.(query) ?? [])]) {
    ask(`/api/v1${path}`, { headers, credentials: 'same-origin', cache: 'no-cache' });
  }
  const fragment = address(`fragment:${page}`);
  if (fragment) ask(fragment, {});
  preload(`script:${language}`);
  if (scripts[page]) preload(`script:${scripts[page]}`);
  Object.assign(window, { kimonoEarly: early });

  /**
   * @param {string} url
   * @param {RequestInit} options
   */
  function ask(url, options) {
    const answer = fetch(url, options);
    answer.catch(() => {}); // Whoever takes it hears of it.
    early.set(url, answer);
  }

  /** @param {string} name */
  function address(name) {
    return document.querySelector(`meta[name="${name}"]`)?.getAttribute('content');
  }

  /** @param {string} name */
  function preload(name) {
    const href = address(name);
    if (!href) return;
    const link = document.createElement('link');
    Object.assign(link, { rel: 'modulepreload', href });
    document.head.append(link);
  }
})();
