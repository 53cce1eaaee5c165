/**
 * @file What is done to many pairs at once: those that are ticked, or all that match the filter.
 *
 * What it would do is a dry run of the very same request, so the figures are those of the server.
 */
import { ApiError, startJob } from '../../core/api-client.js';
import { component } from '../../core/component.js';
import * as format from '../../core/format.js';
import { t } from '../../core/i18n.js';
import { createPanel } from '../../core/panel.js';
import { countOfMany, createDanger } from '../../widgets/danger.js';
import { createForm } from '../../widgets/form.js';
import { followJob, runJob } from '../../widgets/jobs/jobs.js';
import { toBody, filterText } from './filter.js';

/** @typedef {import('../../core/api-types.js').Job} Job */
/** @typedef {import('../../widgets/dialog.js').Dialog} Dialog */
/** @typedef {import('./list.js').PairList} PairList */
/** @typedef {{ ids: import('../../widgets/list.js').RowId[] } | { filter: ReturnType<typeof toBody> }} BulkTarget */

const PATH = '/ops/knowledge/qa-pairs/bulk';
const WAIT_SECONDS = 10;
const PAUSE_MS = 300;

/** @param {PairList} list  something in it is ticked @returns {BulkTarget} */
export function bulkTarget(list) {
  const { selection } = list;
  return selection?.all ? { filter: toBody(list.filter) } : { ids: [...(selection?.ids ?? [])] };
}

/**
 * @param {object} request
 * @param {AbortSignal} signal
 * @returns {Promise<Job>}
 */
export async function dryRun(request, signal) {
  const started = await startJob(PATH, { ...request, dry_run: true }, { wait: WAIT_SECONDS });
  signal.throwIfAborted();
  const job = await followJob(started, () => {}, signal);
  if (job.status === 'succeeded') return job;
  throw new ApiError('refused', { problem: { detail: job.error ?? t('jobs.dryRun.failed') } });
}

/** @param {Job | null} job @param {string} name */
function figureOf(job, name) {
  return Number(job?.result?.[name] ?? 0);
}

/** So many would change; as long as that isn't counted, so many as are ticked. @param {Job | null} job @param {number} ticked */
function countOf(job, ticked) {
  return job ? figureOf(job, 'changed') : ticked;
}

/** How many shops it concerns, where that was counted. @param {Job} job */
function tenantsLine(job) {
  const { tenants } = job.result ?? {};
  if (typeof tenants !== 'number') return [];
  return [{ label: t('knowledge.bulk.tenants'), value: t('count.tenants', { count: tenants }) }];
}

/** What is ticked, in words. @param {PairList} list */
function targetText(list) {
  return list.selection?.all ? filterText(list.filter) : list.selectionText;
}

/**
 * @param {Dialog} dialog
 * @param {PairList} list
 */
export function knowledgeBulkDelete(dialog, list) {
  const request = { action: 'delete', ...bulkTarget(list) };
  const what = targetText(list);
  const ticked = list.selectedCount;
  /** @type {import('../../widgets/danger.js').Danger<Job, Job>} */
  const danger = createDanger({
    what: 'knowledge.bulk.effect',
    text: () => t('knowledge.bulk.delete.text', { what }),
    load: (signal) => dryRun(request, signal),
    effect: (job) => [
      { label: t('knowledge.bulk.matched'), value: format.count(figureOf(job, 'matched')) },
      { label: t('knowledge.bulk.deleted'), value: format.count(figureOf(job, 'changed')) },
      ...tenantsLine(job),
      { label: t('knowledge.bulk.undo'), value: t('knowledge.bulk.undo.hours') },
    ],
    reason: 'optional',
    count: () => countOfMany(count()),
    submit: () => t('knowledge.bulk.delete.do', { count: count() }),
    send: ({ reason }) => startJob(PATH, { ...request, ...(reason ? { reason } : {}) }),
    done: (job) => {
      runJob(job);
      dialog.closeNow();
      list.clearSelection();
    },
  });

  function count() {
    return countOf(danger.effect.data, ticked);
  }

  return component({
    danger,
    dialog,

    init() {
      dialog.draft = danger;
      danger.effect.load();
    },

    destroy() {
      danger.effect.dispose();
    },

    get title() {
      return t('knowledge.bulk.delete.title');
    },
  });
}

/**
 * @param {Dialog} dialog
 * @param {PairList} list
 * @param {string[]} categories  those in use
 */
export function knowledgeBulkCategory(dialog, list, categories) {
  const target = bulkTarget(list);
  const what = targetText(list);
  const ticked = list.selectedCount;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let pause;
  const request = () => ({ action: 'set_category', ...target, category: form.values.category });
  /** @type {import('../../widgets/form.js').Form<Job>} */
  const form = createForm({
    fields: [
      {
        name: 'category',
        label: 'knowledge.bulk.category.to',
        hint: 'knowledge.bulk.category.hint',
        suggestions: () => categories,
      },
      { name: 'reason', label: 'danger.reason', hint: 'danger.reason.hint' },
    ],
    submit: () => {
      const key = form.values.category ? 'knowledge.bulk.category.do' : 'knowledge.bulk.category.clear';
      return t(key, { count: countOf(effect.data, ticked) });
    },
    send: ({ reason }) => startJob(PATH, { ...request(), ...(reason ? { reason } : {}) }),
    done: (job) => {
      runJob(job);
      dialog.closeNow();
      list.clearSelection();
    },
  });
  /** @type {import('../../core/panel.js').Panel<Job>} */
  const effect = createPanel({ what: 'knowledge.bulk.effect', load: (signal) => dryRun(request(), signal) });

  return component({
    dialog,
    form,
    effect,
    what,

    init() {
      dialog.draft = form;
      effect.load();
    },

    destroy() {
      clearTimeout(pause);
      effect.dispose();
    },

    get title() {
      return t('knowledge.bulk.category.title');
    },

    /** The figures follow what is typed. */
    typing() {
      clearTimeout(pause);
      pause = setTimeout(() => effect.load({ replace: true }), PAUSE_MS);
    },

    get effectText() {
      if (!effect.data) return '';
      const same = figureOf(effect.data, 'matched') - figureOf(effect.data, 'changed');
      const changes = t('knowledge.bulk.category.changes', { count: figureOf(effect.data, 'changed') });
      const tenants = tenantsLine(effect.data).map(({ label, value }) => t('jobs.figure', { label, value }));
      return format.beside([changes, ...tenants, same > 0 ? t('knowledge.bulk.category.same', { count: same }) : '']);
    },

    get ready() {
      return effect.state === 'ready' && !effect.busy && figureOf(effect.data, 'changed') > 0;
    },

    /** Nothing is changed that has not been counted. */
    submit() {
      if (this.ready) form.submit();
      else if (effect.state === 'error') effect.load();
    },
  });
}
