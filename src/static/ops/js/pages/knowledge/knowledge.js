/**
 * @file Everyone's knowledge: the list of pairs, what was deleted lately, the retrieval trial, and the dialogs over them.
 *
 * Its address: /ops/knowledge?tenant_id=…&category=…&is_synced=false&keyword=…, ?view=deleted, ?view=trial&question=…;
 * over any of them ?pair=ID, and dialog=new, import, export, sync, bulk-delete, bulk-category. The files in knowledge/
 * make what is inside.
 */
import Alpine from '@alpinejs/csp';
import { ApiError, get, startJob } from '../../core/api-client.js';
import { refreshCommand, registerCommands } from '../../core/commands.js';
import { component, explain, follow } from '../../core/component.js';
import * as format from '../../core/format.js';
import { t, tValue } from '../../core/i18n.js';
import { createPanel } from '../../core/panel.js';
import { keepFresh } from '../../core/refresher.js';
import { addressOf, navigate, route } from '../../core/router.js';
import { mayWrite } from '../../core/session.js';
import { askTenantNames } from '../../core/tenant-names.js';
import { toast } from '../../core/toasts.js';
import { createDialog } from '../../widgets/dialog.js';
import { runJob } from '../../widgets/jobs/jobs.js';
import { knowledgeBulkCategory, knowledgeBulkDelete } from './bulk.js';
import { knowledgeDeleted } from './deleted.js';
import { pairEditor } from './editor.js';
import { knowledgeExport } from './export.js';
import { qualityOf } from './filter.js';
import { knowledgeImport } from './import.js';
import { createPairList, knowledgeList } from './list.js';
import { knowledgeSync } from './sync.js';
import { knowledgeTrial } from './trial.js';

/** @typedef {import('../../core/api-types.js').KnowledgeOverview} KnowledgeOverview */
/** @typedef {import('../../core/api-types.js').KnowledgeFacets} KnowledgeFacets */
/** @typedef {import('../../core/api-types.js').SyncStatus} SyncStatus */

/** Categories that stand as links; the filter has all of them. */
const MOST_CATEGORIES = 10;

Alpine.data('knowledgeList', knowledgeList);
Alpine.data('knowledgeDeleted', knowledgeDeleted);
Alpine.data('knowledgeTrial', knowledgeTrial);
Alpine.data('pairEditor', pairEditor);
Alpine.data('knowledgeBulkDelete', knowledgeBulkDelete);
Alpine.data('knowledgeBulkCategory', knowledgeBulkCategory);
Alpine.data('knowledgeImport', knowledgeImport);
Alpine.data('knowledgeExport', knowledgeExport);
Alpine.data('knowledgeSync', knowledgeSync);

const views = /** @type {const} */ (['list', 'trial', 'deleted']);

function createPanels() {
  return {
    overview: createPanel({
      what: 'knowledge.overview.what',
      load: (signal) => get('/ops/knowledge/overview', { query: ofTenant(), signal }),
    }),
    facets: createPanel({
      what: 'knowledge.facets.what',
      load: (signal) => get('/ops/knowledge/facets', { query: ofTenant(), signal }),
    }),
    sync: createPanel({
      what: 'knowledge.sync.what',
      load: (signal) => get('/ops/knowledge/sync/status', { query: ofTenant(), signal }),
    }),
  };
}

/** @returns {Record<string, string>} */
function ofTenant() {
  const { tenant_id: id } = route.query;
  return id ? { tenant_id: id } : {};
}

export default function knowledge() {
  const list = createPairList();
  const panels = createPanels();
  const chosen = () => mayWrite() && list.selectedCount > 0;
  const dialogs = {
    create: createDialog({ parameters: { dialog: 'new' }, allowed: mayWrite }),
    pair: createDialog({ parameters: { pair: null } }),
    import: createDialog({ parameters: { dialog: 'import' }, allowed: mayWrite }),
    export: createDialog({ parameters: { dialog: 'export' }, allowed: mayWrite }),
    sync: createDialog({ parameters: { dialog: 'sync' } }),
    bulkDelete: createDialog({ parameters: { dialog: 'bulk-delete' }, allowed: chosen }),
    bulkCategory: createDialog({ parameters: { dialog: 'bulk-category' }, allowed: chosen }),
  };
  /** @type {(() => void)[]} */
  const undo = [];

  return component({
    list,
    panels,
    dialogs,
    syncing: false,

    init() {
      undo.push(keepFresh(Object.values(panels)));
      undo.push(registerCommands(this.commands()));
      let shown = route.query.tenant_id ?? '';
      const stop = follow(
        () => route.query.tenant_id ?? '',
        (id) => {
          if (route.page !== 'knowledge' || id === shown) return;
          if (id) askTenantNames([id]);
          // Figures, facets and list are of the same pairs.
          for (const panel of Object.values(panels)) panel.load({ replace: true });
          shown = id;
        },
      );
      undo.push(stop);
    },

    destroy() {
      for (const step of undo) step();
    },

    get mayWrite() {
      return mayWrite();
    },

    // ── views ──

    /** @returns {typeof views[number]} */
    get view() {
      return views.find((name) => name === route.query.view) ?? 'list';
    },

    get viewLinks() {
      const { tenant_id } = route.query;
      return views.map((name) => ({
        name,
        text: t(/** @type {const} */ (`knowledge.view.${name}`)),
        href: addressOf('knowledge', { view: name === 'list' ? undefined : name, tenant_id }),
        current: name === this.view ? 'page' : null,
      }));
    },

    // ── figures ──

    get figures() {
      return describeFigures(panels.overview.data, panels.sync.data);
    },

    get groups() {
      return describeFacets(panels.facets.data);
    },

    /** @returns {string[]} */
    get categoryNames() {
      return (panels.facets.data?.categories ?? []).map(({ name }) => name).filter(Boolean);
    },

    /** What keeps the index from following. */
    get syncWarning() {
      const failing = panels.sync.data?.tenants_failing.length ?? 0;
      if (failing > 0) return t('knowledge.sync.failing', { count: failing });
      return panels.sync.data?.last_error ? t('knowledge.sync.lastFailed') : '';
    },

    // ── what can be done ──

    async syncAll() {
      if (this.syncing) return;
      this.syncing = true;
      try {
        runJob(await startJob('/ops/knowledge/sync', {}));
        toast(t('knowledge.sync.started'));
      } catch (error) {
        toast(error instanceof ApiError ? explain(error) : String(error), 'bad');
      }
      this.syncing = false;
    },

    /** @returns {import('../../core/commands.js').Command[]} */
    commands() {
      return [...commandsOfAll(this.viewLinks), ...(mayWrite() ? commandsOfAdmins(dialogs, () => this.syncAll()) : [])];
    },
  });
}

/**
 * Each leads to just the pairs that it counts.
 * @param {KnowledgeOverview | null} overview
 * @param {SyncStatus | null} sync
 */
function describeFigures(overview, sync) {
  const scope = ofTenant();
  const total = overview?.total_qa_pairs;
  const average = overview?.avg_quality_score ?? null;
  const below = average === null ? '' : qualityOf(String(Math.floor(average * 100) / 100));
  const share = (/** @type {number | undefined} */ part) =>
    total ? t('knowledge.figure.share', { share: format.percent((part ?? 0) / total) }) : '';
  return [
    figure('total', total, {}, t(scope.tenant_id ? 'knowledge.figure.total.noteOf' : 'knowledge.figure.total.note')),
    figure('synced', overview?.synced_count, { is_synced: 'true' }, share(overview?.synced_count)),
    figure(
      'unsynced',
      overview?.unsynced_count,
      { is_synced: 'false' },
      waitText(sync) || share(overview?.unsynced_count),
    ),
    {
      ...figure(
        'quality',
        undefined,
        { quality_max: below, sort: 'quality_score' },
        t('knowledge.figure.quality.note'),
      ),
      value: format.score(average),
      unit: t('knowledge.figure.quality.unit'),
      title: overview ? (average === null ? t('stats.nothingYet') : '') : t('figure.unread'),
    },
  ];
}

/** How long the index has been behind, or what isn’t its work now. @param {SyncStatus | null} sync */
function waitText(sync) {
  if (!sync) return '';
  const { lag_seconds: lag, held_back: heldBack } = sync;
  if (lag !== null) return t('knowledge.figure.lag', { age: format.duration(lag) });
  return heldBack > 0 ? t('knowledge.figure.heldBack', { count: heldBack }) : '';
}

/**
 * @param {'total' | 'synced' | 'unsynced' | 'quality'} id
 * @param {number | undefined} count
 * @param {Record<string, string>} query
 * @param {string} note
 */
function figure(id, count, query, note) {
  return {
    id,
    label: t(/** @type {const} */ (`knowledge.figure.${id}`)),
    value: format.count(count),
    unit: t('unit.pieces'),
    note,
    title: count === undefined ? t('figure.unread') : format.exactCount(count),
    href: addressOf('knowledge', { ...ofTenant(), ...query }),
  };
}

/** Where the pairs come from and what they are about, each a filter. @param {KnowledgeFacets | null} facets */
function describeFacets(facets) {
  const { source = '', category = '', uncategorised } = route.query;
  const most = [...(facets?.categories ?? [])].sort((a, b) => b.count - a.count);
  const count = facets?.category_count ?? 0;
  const link = (
    /** @type {string} */ text,
    /** @type {number} */ count,
    /** @type {Record<string, string>} */ query,
  ) => ({
    key: text,
    text,
    value: format.count(count),
    href: addressOf('knowledge', { ...ofTenant(), ...query }),
  });
  return [
    {
      id: 'source',
      title: t('knowledge.source'),
      more: '',
      links: (facets?.sources ?? []).map(({ name, count }) => ({
        ...link(tValue('pairSource', name), count, { source: name }),
        current: name === source ? 'true' : null,
      })),
    },
    {
      id: 'category',
      title: t('knowledge.category'),
      more: count > MOST_CATEGORIES ? t('knowledge.category.more', { count: count - MOST_CATEGORIES }) : '',
      links: most.slice(0, MOST_CATEGORIES).map(({ name, count }) => ({
        ...link(name || t('knowledge.category.none'), count, name ? { category: name } : { uncategorised: '1' }),
        current: (name ? name === category : uncategorised) ? 'true' : null,
      })),
    },
  ].filter(({ links }) => links.length > 0);
}

/**
 * @param {{ name: typeof views[number], text: string, href: string }[]} links
 * @returns {import('../../core/commands.js').Command[]}
 */
function commandsOfAll(links) {
  const keys = /** @type {Record<string, string>} */ ({ list: 'l', trial: 't', deleted: 'x' });
  return [
    refreshCommand,
    ...links.map(({ name, href }) => ({
      id: `knowledge-${name}`,
      label: () => t('knowledge.view.command', { view: t(/** @type {const} */ (`knowledge.view.${name}`)) }),
      icon: 'icon-table-2',
      group: /** @type {const} */ ('page'),
      keys: keys[name],
      words: `view ${name} 知识库`,
      run: () => navigate(href),
    })),
  ];
}

/**
 * @param {Record<'create' | 'import' | 'export', import('../../widgets/dialog.js').Dialog>} dialogs
 * @param {() => void} syncAll
 * @returns {import('../../core/commands.js').Command[]}
 */
function commandsOfAdmins(dialogs, syncAll) {
  const group = /** @type {const} */ ('page');
  return [
    {
      id: 'knowledge-new',
      label: () => t('knowledge.new'),
      icon: 'icon-plus',
      group,
      keys: 'n',
      words: 'new create pair question 新建 问答',
      run: () => dialogs.create.open(),
    },
    {
      id: 'knowledge-import',
      label: () => t('knowledge.import'),
      icon: 'icon-upload',
      group,
      keys: 'i',
      words: 'import upload excel csv 导入',
      run: () => dialogs.import.open(),
    },
    {
      id: 'knowledge-export',
      label: () => t('knowledge.export'),
      icon: 'icon-download',
      group,
      keys: 'e',
      words: 'export download excel csv 导出',
      run: () => dialogs.export.open(),
    },
    {
      id: 'knowledge-sync',
      label: () => t('knowledge.sync.all'),
      icon: 'icon-refresh-ccw-dot',
      group,
      words: 'sync index vector 同步 向量',
      run: syncAll,
    },
  ];
}
