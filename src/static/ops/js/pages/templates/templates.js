/**
 * @file Common templates: the list of them, or the matrix of who has which, and what can be done with them.
 *
 * Its address: /ops/templates?category=…&keyword=…, or ?view=matrix; the dialogs have theirs (dialog=edit&template=12).
 * What is inside the views and dialogs is made by the files in templates/.
 */
import Alpine from '@alpinejs/csp';
import { ApiError, get } from '../../core/api-client.js';
import { clock } from '../../core/clock.js';
import { refreshCommand, registerCommands } from '../../core/commands.js';
import { component, explain, follow } from '../../core/component.js';
import * as format from '../../core/format.js';
import { t } from '../../core/i18n.js';
import { addressOf, navigate, route } from '../../core/router.js';
import { mayWrite } from '../../core/session.js';
import { toast } from '../../core/toasts.js';
import { createDialog } from '../../widgets/dialog.js';
import { createList } from '../../widgets/list.js';
import { categoryFilters, chooseCategory, chosenCategory, describeCategories, withCategory } from './category.js';
import { templateConflict } from './conflict.js';
import { templateDistribution } from './distribution.js';
import { templateEditor } from './editor.js';
import { templateMatrix } from './matrix.js';
import { templateRemoval } from './removal.js';

/** @typedef {import('../../core/api-types.js').Template} Template */
/** @typedef {import('../../core/api-types.js').TemplateList} TemplateList */

/**
 * What the open dialog holds that isn't saved; one writes at a time.
 * @typedef {{ isUnsaved: () => boolean }} Typing
 */

const MOST_AT_ONCE = 200;
/** As many as one distribution may name. */
const MOST_DISTRIBUTED = 1000;

Alpine.data('templateList', templateList);
Alpine.data('templateMatrix', templateMatrix);
Alpine.data('templateEditor', templateEditor);
Alpine.data('templateRemoval', templateRemoval);
Alpine.data('templateDistribution', templateDistribution);
Alpine.data('templateConflict', templateConflict);

export default function templates() {
  /** @type {Typing} */
  const typing = { isUnsaved: () => false };
  const hasUnsaved = () => typing.isUnsaved();
  const dialogs = {
    create: createDialog({ parameters: { dialog: 'new' }, hasUnsaved, allowed: mayWrite }),
    edit: createDialog({ parameters: { dialog: 'edit', template: null }, hasUnsaved }),
    remove: createDialog({ parameters: { dialog: 'delete', template: null }, hasUnsaved, allowed: mayWrite }),
    distribute: createDialog({
      parameters: { dialog: 'distribute', to: null, templates: null },
      hasUnsaved,
      allowed: mayWrite,
    }),
    conflict: createDialog({ parameters: { template_id: null, conflict: null }, closing: ['conflict'], hasUnsaved }),
  };
  /** @type {(() => void) | null} */
  let undo = null;

  return component({
    dialogs,
    typing,
    /** The template that was deleted last: it can't stay ticked. */
    deleted: { id: 0 },
    categories: /** @type {import('./category.js').Category[]} */ ([]),

    init() {
      undo = registerCommands(this.commands());
      if (this.showsMatrix) this.askCategories();
    },

    destroy() {
      undo?.();
    },

    /** The list brings them along; the matrix has to ask. */
    async askCategories() {
      try {
        this.learn(await get('/ops/templates', { query: { page_size: 1 } }));
      } catch {
        // The filter has nothing to offer then; what the matrix itself says of its failure is enough.
      }
    },

    get mayWrite() {
      return mayWrite();
    },

    get showsMatrix() {
      return route.query.view === 'matrix';
    },

    /** @returns {string[]} */
    get categoryNames() {
      return this.categories.map(({ category }) => category).filter(Boolean);
    },

    get categoryOptions() {
      return describeCategories(this.categories);
    },

    chooseCategory,

    get views() {
      const category = chosenCategory();
      return [
        { name: 'list', text: t('templates.view.list'), href: addressOf('templates', category) },
        {
          name: 'matrix',
          text: t('templates.view.matrix'),
          href: addressOf('templates', { view: 'matrix', ...category }),
        },
      ].map((view) => ({ ...view, current: (view.name === 'matrix') === this.showsMatrix ? 'page' : null }));
    },

    /** @param {TemplateList} page */
    learn(page) {
      this.categories = page.categories;
    },

    /** @returns {import('../../core/commands.js').Command[]} */
    commands() {
      /** @type {import('../../core/commands.js').Command[]} */
      const everybody = [
        refreshCommand,
        {
          id: 'templates-view',
          label: () => t(this.showsMatrix ? 'templates.view.showList' : 'templates.view.showMatrix'),
          icon: 'icon-table-2',
          group: 'page',
          keys: 'v',
          words: 'view matrix list 矩阵 列表',
          run: () => navigate(this.views.find(({ current }) => !current)?.href ?? addressOf('templates')),
        },
      ];
      if (!mayWrite()) return everybody;
      /** @type {import('../../core/commands.js').Command} */
      const create = {
        id: 'templates-new',
        label: () => t('templates.new'),
        icon: 'icon-plus',
        group: 'page',
        keys: 'n',
        words: 'new create template 新建 模板',
        run: () => dialogs.create.open(),
      };
      return [...everybody, create];
    },
  });
}

/**
 * @param {import('../../widgets/dialog.js').Dialog} distribution
 * @param {(page: TemplateList) => void} learn
 * @param {{ id: number }} deleted  the last one
 */
function templateList(distribution, learn, deleted) {
  const list = createList({
    what: 'templates.what',
    unit: 'unit.templates',
    search: 'templates.search',
    selectable: mayWrite(),
    sort: '-updated_at',
    filters: { ...categoryFilters, keyword: null },
    columns: [
      { name: 'question', label: 'templates.question', grows: true },
      { name: 'category', label: 'templates.category' },
      { name: 'version', label: 'templates.version.head', kind: 'number', from: 'wide', shape: 2 },
      { name: 'distributed_count', label: 'templates.distributed', kind: 'number', shape: 9.5 },
      { name: 'updated_at', label: 'templates.updated', kind: 'time', from: 'medium' },
      ...(mayWrite()
        ? [
            {
              name: 'actions',
              label: /** @type {const} */ ('templates.actions'),
              fixed: true,
              kind: /** @type {const} */ ('number'),
            },
          ]
        : []),
    ],
    load: async (query, signal) => {
      const page = await get('/ops/templates', { query: withCategory(query), signal });
      learn(page);
      return page;
    },
    rowId: (/** @type {Template} */ row) => row.id,
  });
  /** @type {(() => void)[]} */
  const undo = [];

  return component({
    list,
    gathering: false,

    init() {
      undo.push(list.start());
      const stop = follow(
        () => deleted.id,
        (id) => list.selection?.ids.delete(id),
      );
      undo.push(stop);
    },

    destroy() {
      for (const step of undo) step();
    },

    get rows() {
      return (list.panel.data?.items ?? []).map((row) => describeRow(/** @type {Template} */ (row)));
    },

    /** @param {'chosen' | 'all'} to */
    async distribute(to) {
      if (this.gathering) return;
      this.gathering = true;
      try {
        const ids = await selectedIds();
        if (ids.length > MOST_DISTRIBUTED) toast(t('templates.tooMany', { count: MOST_DISTRIBUTED }), 'bad');
        else distribution.open({ to, templates: ids.join(',') });
      } catch (error) {
        toast(error instanceof ApiError ? explain(error) : String(error), 'bad');
      }
      this.gathering = false;
    },
  });

  /** @returns {Promise<import('../../widgets/list.js').RowId[]>} */
  async function selectedIds() {
    const { selection } = list;
    if (!selection?.all) return [...(selection?.ids ?? [])];
    /** @type {number[]} */
    const ids = [];
    for (let page = 1, more = true; more; page++) {
      const answer = await get('/ops/templates', {
        query: withCategory({ ...list.filter, page, page_size: MOST_AT_ONCE }),
      });
      ids.push(...answer.items.map(({ id }) => id));
      more = answer.items.length > 0 && ids.length < answer.total && ids.length <= MOST_DISTRIBUTED;
    }
    return ids;
  }
}

/** @param {Template} template */
function describeRow(template) {
  const { id, distributed_count: distributed, tenant_count: tenants } = template;
  const behind = distributed - template.current_count;
  return {
    id,
    question: template.question,
    answer: template.answer,
    category: template.category || t('templates.category.none'),
    version: t('templates.version.short', { version: template.version }),
    distributed: t('templates.distributed.value', {
      value: format.count(distributed),
      total: format.count(tenants),
    }),
    distributedTitle: format.beside([
      t('templates.distributed.title', { value: format.exactCount(distributed), count: tenants }),
      behind > 0 ? t('templates.behind.title', { count: behind, version: template.version }) : '',
    ]),
    share: `${tenants > 0 ? (100 * distributed) / tenants : 0}%`,
    behind: behind > 0 ? t('templates.behind', { count: behind }) : '',
    matrixHref: addressOf('templates', { view: 'matrix', template_id: id }),
    updated: format.ago(Date.parse(template.updated_at), clock.now),
    updatedTitle: t('templates.updatedBy', { time: format.exactTime(template.updated_at), user: template.updated_by }),
    editHref: addressOf('templates', { ...route.query, dialog: 'edit', template: id }),
    deleteHref: addressOf('templates', { ...route.query, dialog: 'delete', template: id }),
    editText: t('templates.editOne', { question: template.question }),
    deleteText: t('templates.deleteOne', { question: template.question }),
    selectText: t('templates.selectOne', { question: template.question }),
  };
}
