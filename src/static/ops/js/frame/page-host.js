/**
 * @file Loads the page that the address names into the frame: its fragment, and the component that the fragment uses.
 */
import Alpine from '@alpinejs/csp';
import { component, follow } from '../core/component.js';
import { takeEarly } from '../core/early-answers.js';
import { t } from '../core/i18n.js';
import { route } from '../core/router.js';
import { findPage } from '../pages.js';

/** @type {Map<string, Promise<string>>} */
const prepared = new Map();

/**
 * Fetches a page's fragment and registers its component, once.
 * @param {string} name
 */
export function preparePage(name) {
  const page = findPage(name);
  if (!page) return;
  const known = prepared.get(name);
  if (known) return known;
  const files = Promise.all([fetchFragment(name), page.component()]).then(([html, module]) => {
    Alpine.data(componentName(name), module.default);
    return html;
  });
  prepared.set(name, files);
  // A failure is shown by the page host when it waits for this; the next try starts afresh.
  files.catch(() => prepared.delete(name));
  return files;
}

/** As the fragment names it: apiUsage of api-usage. @param {string} name */
function componentName(name) {
  return name.replaceAll(/-(\w)/g, (_, letter) => letter.toUpperCase());
}

/** @param {string} name */
async function fetchFragment(name) {
  const address = document.querySelector(`meta[name="fragment:${name}"]`)?.getAttribute('content');
  const url = address ?? `/ops/${name}.html`;
  const response = await (takeEarly(url) ?? fetch(url));
  if (!response.ok) throw new Error(`The page ${name} answered ${response.status}`);
  return response.text();
}

export function pageHost() {
  return component({
    /** @type {'loading' | 'shown' | 'missing' | 'failed'} */
    state: 'loading',
    shownPage: '',

    init() {
      follow(
        () => route.page,
        (page) => this.open(page),
      );
    },

    /** @param {string} name */
    async open(name) {
      const navigated = this.shownPage !== '';
      this.shownPage = name;
      this.$refs.page.replaceChildren();
      const files = preparePage(name);
      if (!files) {
        this.state = 'missing';
        return;
      }
      this.state = 'loading';
      try {
        const html = await files;
        if (this.shownPage !== name) return;
        this.$refs.page.replaceChildren(parse(html));
        this.state = 'shown';
        if (navigated) this.$refs.page.querySelector('h1')?.focus();
      } catch (error) {
        console.error(error);
        if (this.shownPage === name) this.state = 'failed';
      }
    },

    /** The likeliest cause is that the server has been updated: its files have new names, which a reload learns. */
    reload() {
      location.reload();
    },

    get title() {
      const page = findPage(this.shownPage);
      return page ? t(page.title) : t('page.missing');
    },
  });
}

/** @param {string} html */
function parse(html) {
  const template = document.createElement('template');
  template.innerHTML = html;
  return template.content;
}
