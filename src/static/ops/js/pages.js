/**
 * @file THE table of pages: navigation, addresses, the command palette and the keys all come from here.
 *
 * To add a page: one row here, its fragment NAME.html beside index.html, its component in components/, and its texts
 * (`nav.NAME`) in both languages. The build gives the fragment its hashed name and tells index.html about it.
 */

/**
 * @typedef {object} PageRow
 * @property {string} name  the last segment of its address (/ops/NAME), and its fragment NAME.html
 * @property {import('./i18n.js').MessageKey} title
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
    component: () => import('./components/dashboard.js'),
  },
  {
    name: 'tenants',
    title: 'nav.tenants',
    icon: 'icon-store',
    key: 't',
    component: () => import('./components/tenants.js'),
  },
  {
    name: 'templates',
    title: 'nav.templates',
    icon: 'icon-library',
    key: 'm',
    component: () => import('./components/templates.js'),
  },
  {
    name: 'knowledge',
    title: 'nav.knowledge',
    icon: 'icon-book-open',
    key: 'k',
    component: () => import('./components/knowledge.js'),
  },
  {
    name: 'corrections',
    title: 'nav.corrections',
    icon: 'icon-message-square-warning',
    key: 'c',
    component: () => import('./components/corrections.js'),
  },
  {
    name: 'jobs',
    title: 'nav.jobs',
    icon: 'icon-list-checks',
    key: 'j',
    component: () => import('./components/jobs.js'),
  },
];

/** Where /ops/ leads. */
export const startPage = pages[0];
