/**
 * @file THE table of pages: navigation, addresses, the command palette and the keys all come from here.
 *
 * To add a page: one row here and its folder pages/NAME/, with its fragment NAME.html, its component and its texts
 * (`nav.NAME`) in both languages. The build gives the fragment its hashed name and tells index.html about it.
 */

/**
 * @typedef {object} PageRow
 * @property {string} name  the last segment of its address (/ops/NAME), and its folder
 * @property {import('./core/i18n.js').MessageKey} title
 * @property {string} icon  an icon of lucide, as the id in the sprite
 * @property {string} key  the second key of its shortcut, after `g`
 * @property {() => Promise<{ default: () => object }>} component  the Alpine component that the fragment names
 */

/** @type {PageRow[]} */
export const pages = [
  {
    name: 'dashboard',
    title: 'nav.dashboard',
    icon: 'icon-gauge',
    key: 'd',
    component: () => import('./pages/dashboard/dashboard.js'),
  },
  {
    name: 'tenants',
    title: 'nav.tenants',
    icon: 'icon-store',
    key: 't',
    component: () => import('./pages/tenants/tenants.js'),
  },
  {
    name: 'templates',
    title: 'nav.templates',
    icon: 'icon-library',
    key: 'm',
    component: () => import('./pages/templates/templates.js'),
  },
  {
    name: 'knowledge',
    title: 'nav.knowledge',
    icon: 'icon-book-open',
    key: 'k',
    component: () => import('./pages/knowledge/knowledge.js'),
  },
  {
    name: 'corrections',
    title: 'nav.corrections',
    icon: 'icon-message-square-warning',
    key: 'c',
    component: () => import('./pages/corrections/corrections.js'),
  },
  {
    name: 'api-usage',
    title: 'nav.api-usage',
    icon: 'icon-chart-column',
    key: 'u',
    component: () => import('./pages/api-usage/api-usage.js'),
  },
  {
    name: 'logs',
    title: 'nav.logs',
    icon: 'icon-logs',
    key: 'l',
    component: () => import('./pages/logs/logs.js'),
  },
  {
    name: 'jobs',
    title: 'nav.jobs',
    icon: 'icon-list-checks',
    key: 'j',
    component: () => import('./pages/jobs/jobs.js'),
  },
  {
    name: 'audit',
    title: 'nav.audit',
    icon: 'icon-scroll-text',
    key: 'a',
    component: () => import('./pages/audit/audit.js'),
  },
];

/** Where /ops/ leads. */
export const startPage = pages[0];

/** @param {string} name */
export function findPage(name) {
  return pages.find((page) => page.name === name);
}
