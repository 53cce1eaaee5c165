/**
 * @file Templates against tenants: which version each tenant has, and why one is missing.
 *
 * Its address: /ops/templates?view=matrix&template_page=2, or &template_id=…&state=…. With one template the states are
 * counted over all tenants, and those that lag behind can be brought up to date together.
 */
import Alpine from '@alpinejs/csp';
import { ApiError, get, startJob } from '../../core/api-client.js';
import { component, explain } from '../../core/component.js';
import * as format from '../../core/format.js';
import { t } from '../../core/i18n.js';
import { addressOf, changeQuery, route } from '../../core/router.js';
import { mayWrite } from '../../core/session.js';
import { learnTenantNames } from '../../core/tenant-names.js';
import { toast } from '../../core/toasts.js';
import { jobEndText } from '../../widgets/jobs/describe.js';
import { hasEnded, trackJob } from '../../widgets/jobs/jobs.js';
import { createList } from '../../widgets/list.js';
import { categoryFilters, withCategory } from './category.js';
import { copyStates, isBehind, isComparable, shortText, stateLook } from './copy-states.js';
import { handOverTenants } from './distribution.js';
import { drawGrid, enter, keyOf, steerGrid } from './grid.js';

/** @typedef {import('../../core/api-types.js').TemplateMatrix} TemplateMatrix */
/** @typedef {import('../../core/api-types.js').MatrixRow} MatrixRow */
/** @typedef {import('../../core/api-types.js').MatrixCell} MatrixCell */
/** @typedef {import('./copy-states.js').CopyState} CopyState */
/** @typedef {import('../../widgets/dialog.js').Dialog} Dialog */

const PATH = '/ops/templates/matrix';
const MOST_COLUMNS = 50;
const MOST_AT_ONCE = 200;
const WAIT_SECONDS = 5;

/** @param {Dialog} distribution  in which many tenants are brought up to date */
export function templateMatrix(distribution) {
  const list = createList({
    what: 'templates.matrix.what',
    unit: 'unit.tenants',
    search: 'templates.matrix.search',
    columns: [],
    sort: '',
    filters: {
      ...categoryFilters,
      template_id: null,
      template_page: null,
      tenant_id: null,
      keyword: null,
      state: copyStates,
    },
    load: async (query, signal) => {
      const matrix = await get(PATH, { query: asked(query), signal });
      learnTenantNames(matrix.items.map(({ tenant_id: id, name }) => ({ id, name })));
      return matrix;
    },
    rowId: (/** @type {MatrixRow} */ row) => row.tenant_id,
  });
  /** @type {(() => void)[]} */
  const undo = [];

  return component({
    list,
    /** The tenant that is being brought up to date. */
    updating: '',
    gathering: false,
    /** What the pointer or the focus is on. */
    pointed: '',

    init() {
      undo.push(list.start());
      /** @type {HTMLElement | null} */
      let table = null;
      const drawing = Alpine.effect(() => {
        const { model } = this;
        // Looked up once: while the view is being taken away there is nothing to find.
        table ??= this.$refs.grid ?? null;
        if (model && table) drawGrid(table, model);
      });
      undo.push(() => Alpine.release(drawing));
    },

    destroy() {
      for (const step of undo) step();
    },

    /** @returns {TemplateMatrix | null} */
    get matrix() {
      return /** @type {TemplateMatrix | null} */ (list.panel.data);
    },

    /** @returns {TemplateMatrix['templates'][number] | null} */
    get template() {
      const { matrix } = this;
      return list.filter.template_id && matrix?.templates.length === 1 ? matrix.templates[0] : null;
    },

    get noTemplates() {
      return this.matrix !== null && this.matrix.templates.length === 0 && !list.filtered;
    },

    get unmatched() {
      return list.panel.state === 'empty' || (this.matrix !== null && this.matrix.templates.length === 0);
    },

    /** @returns {import('./grid.js').GridModel | null} */
    get model() {
      const { matrix } = this;
      if (!matrix) return null;
      const one = this.template !== null;
      return {
        corner: t('templates.matrix.tenant'),
        wide: one,
        columns: matrix.templates.map((template) => ({
          id: template.id,
          text: template.question,
          title: template.question,
          note: t('templates.version', { version: template.version }),
          href: addressOf('templates', { ...route.query, template_id: template.id, page: undefined, state: undefined }),
        })),
        rows: matrix.items.map((row) => describeRow(row, matrix, { one, updating: this.updating })),
      };
    },

    // ── pages of templates ──

    /** Which templates are the columns, where they are not all. */
    get columnsText() {
      const { matrix } = this;
      if (!matrix || matrix.template_total <= MOST_COLUMNS || matrix.templates.length === 0) return '';
      const before = (matrix.template_page - 1) * MOST_COLUMNS;
      return t('templates.matrix.columns', {
        first: format.count(before + 1),
        last: format.count(before + matrix.templates.length),
        count: matrix.template_total,
      });
    },

    get hasEarlier() {
      return (this.matrix?.template_page ?? 1) > 1;
    },

    get hasLater() {
      return this.matrix !== null && this.matrix.template_page * MOST_COLUMNS < this.matrix.template_total;
    },

    /** The tenants stay the same. @param {1 | -1} by */
    turnTemplates(by) {
      const page = (this.matrix?.template_page ?? 1) + by;
      changeQuery({ template_page: page > 1 ? page : undefined });
    },

    // ── filters ──

    /** With one template: how many tenants are in each state, as filters. */
    get chips() {
      const counts = this.matrix?.counts;
      if (!counts || !this.template) return [];
      const all = Object.values(counts).reduce((sum, count) => sum + count, 0);
      const chosen = list.filter.state ?? '';
      const chip = (/** @type {string} */ state, /** @type {string} */ text, /** @type {number} */ count) => ({
        state,
        text: t('templates.matrix.chip', { state: text, value: format.count(count) }),
        pressed: state === chosen,
      });
      const states = copyStates.filter((state) => (counts[state] ?? 0) > 0 || state === chosen);
      return [
        { ...chip('', t('templates.matrix.all'), all), icon: '', tone: '', meaning: '' },
        ...states.map((state) => ({ ...stateLook(state), ...chip(state, stateLook(state).text, counts[state] ?? 0) })),
      ];
    },

    /** Without one: what the signs mean. */
    get legend() {
      return this.template ? [] : copyStates.map((state) => ({ state, ...stateLook(state) }));
    },

    /** @param {string} state */
    chooseState(state) {
      list.setFilter('state', state);
    },

    showAllTemplates() {
      changeQuery({ template_id: undefined, state: undefined, page: undefined });
    },

    showAllTenants() {
      changeQuery({ tenant_id: undefined, page: undefined });
    },

    get tenantFilterText() {
      const id = list.filter.tenant_id;
      if (!id) return '';
      const row = this.matrix?.items.find((/** @type {MatrixRow} */ known) => known.tenant_id === id);
      return t('templates.matrix.onlyTenant', { tenant: row?.name ?? id });
    },

    // ── the grid ──

    /** @param {KeyboardEvent} event */
    steer(event) {
      steerGrid(this.$refs.grid, event);
    },

    /** @param {Event} event */
    point(event) {
      const element = event.target instanceof Element ? event.target.closest('[data-key]') : null;
      if (event.type === 'focusin') enter(/** @type {HTMLElement | null} */ (element));
      this.pointed = describePlace(this.matrix, keyOf(element));
    },

    leave() {
      this.pointed = '';
    },

    /** @param {Event} event */
    act(event) {
      const button = event.target instanceof Element ? event.target.closest('[data-update]') : null;
      const id = button?.getAttribute('data-update');
      if (id) this.bringUpToDate(id);
    },

    /** One tenant, at once: its copies of older versions, and those that it misses, on all pages. @param {string} id */
    async bringUpToDate(id) {
      const row = this.matrix?.items.find((known) => known.tenant_id === id);
      if (!row || this.updating) return;
      this.updating = id;
      try {
        const templates = await gatherTemplates(row, list.filter);
        const job = await startJob(
          '/ops/templates/distribute',
          { template_ids: templates, tenant_ids: [id] },
          { wait: WAIT_SECONDS },
        );
        trackJob(job);
        if (hasEnded(job)) toast(jobEndText(job), job.status === 'succeeded' ? 'good' : 'bad');
        await list.panel.load();
        list.panel.showWaiting();
      } catch (error) {
        toast(error instanceof ApiError ? explain(error) : String(error), 'bad');
      }
      this.updating = '';
    },

    /** How many tenants of this template lag behind, of those that the filters show. */
    get behindCount() {
      return behindStates(list.filter.state).reduce((sum, state) => sum + (this.matrix?.counts?.[state] ?? 0), 0);
    },

    get mayUpdateAll() {
      return mayWrite() && this.template !== null && this.behindCount > 0;
    },

    get updateAllText() {
      return t('templates.matrix.updateAll', { count: this.behindCount });
    },

    /** All of them: by the dialog that shows first what would happen. */
    async updateAll() {
      const { template } = this;
      if (!template || this.gathering) return;
      this.gathering = true;
      try {
        handOverTenants(await gatherTenants(behindStates(list.filter.state), list.filter));
        distribution.open({ to: 'chosen', templates: template.id });
      } catch (error) {
        toast(error instanceof ApiError ? explain(error) : String(error), 'bad');
      }
      this.gathering = false;
    },
  });
}

/**
 * The matrix is not sorted, states need a template, and one template has no pages.
 * @param {Record<string, string | number>} filter
 */
function asked({ template_id: template, template_page: page, state, sort, ...rest }) {
  const known = withCategory({ ...rest, ...(sort ? { sort } : {}) });
  if (template) return { ...known, template_id: template, ...(state ? { state } : {}) };
  return { ...known, ...(/^[1-9]\d{0,5}$/.test(String(page)) ? { template_page: page } : {}) };
}

/**
 * @param {MatrixRow} row
 * @param {TemplateMatrix} matrix
 * @param {{ one: boolean, updating: string }} view
 * @returns {import('./grid.js').GridRow}
 */
function describeRow(row, matrix, { one, updating }) {
  const suspended = row.status === 'suspended';
  const { behind } = row;
  const mayUpdate = mayWrite() && !suspended && behind > 0;
  const busy = updating === row.tenant_id;
  return {
    id: row.tenant_id,
    name: row.name,
    note: suspended ? t('templates.matrix.suspended') : '',
    href: addressOf('tenants', { tenant: row.tenant_id }),
    action: mayUpdate ? t(busy ? 'templates.matrix.updating' : 'templates.matrix.update', { count: behind }) : '',
    cells: row.cells.map((cell) => describeCell(row, cell, matrix, one)),
  };
}

/**
 * @param {MatrixRow} row
 * @param {MatrixCell} cell
 * @param {TemplateMatrix} matrix
 * @param {boolean} one
 * @returns {import('./grid.js').GridCell}
 */
function describeCell(row, cell, matrix, one) {
  const look = stateLook(cell.state);
  const version = cell.version === null ? '' : t('templates.version.short', { version: cell.version });
  const facts = format.beside([look.text, version, cell.why ?? '']);
  const question = matrix.templates.find(({ id }) => id === cell.template_id)?.question ?? '';
  return {
    key: `cell-${cell.template_id}-${row.tenant_id}`,
    tone: look.tone,
    icon: look.icon,
    text: one ? facts : shortText(cell),
    label: t('templates.matrix.cell', { tenant: row.name, question, state: facts }),
    href: isComparable(cell)
      ? addressOf('templates', { ...route.query, template_id: cell.template_id, conflict: row.tenant_id })
      : null,
  };
}

/** The line below the grid. @param {TemplateMatrix | null} matrix @param {string} key */
function describePlace(matrix, key) {
  const [, template, tenant] = /^cell-(\d+)-(.*)$/.exec(key) ?? [];
  const row = matrix?.items.find(({ tenant_id: id }) => id === tenant);
  const cell = row?.cells.find(({ template_id: id }) => id === Number(template));
  if (!matrix || !row || !cell) return '';
  return describeCell(row, cell, matrix, true).label;
}

/** What "up to date" is about under a filter. @param {string | undefined} state @returns {CopyState[]} */
function behindStates(state) {
  if (!state) return ['outdated', 'missing'];
  return state === 'outdated' || state === 'missing' || state === 'none' ? [state] : [];
}

/**
 * What a tenant is behind with, of all templates that match: most often all of it is shown already.
 * @param {MatrixRow} row
 * @param {Record<string, string>} filter
 */
async function gatherTemplates({ tenant_id: tenant, behind, cells }, filter) {
  const found = new Set(cells.filter(isBehind).map(({ template_id: id }) => id));
  for (let page = 1, more = found.size < behind; more; page++) {
    const matrix = await get(PATH, { query: { ...asked(filter), tenant_id: tenant, template_page: page } });
    const row = matrix.items.find(({ tenant_id: id }) => id === tenant);
    for (const cell of row?.cells ?? []) if (isBehind(cell)) found.add(cell.template_id);
    more = page * MOST_COLUMNS < matrix.template_total;
  }
  return [...found];
}

/**
 * @param {CopyState[]} states
 * @param {Record<string, string>} filter
 */
async function gatherTenants(states, filter) {
  /** @type {import('./tenant-picker.js').PickedTenant[]} */
  const found = [];
  for (const state of states) {
    for (let page = 1, more = true; more; page++) {
      const matrix = await get(PATH, { query: asked({ ...filter, state, page, page_size: MOST_AT_ONCE }) });
      found.push(...matrix.items.map(({ tenant_id: id, name, status }) => ({ id, name, status })));
      more = matrix.items.length > 0 && page * MOST_AT_ONCE < matrix.total;
    }
  }
  return found;
}
