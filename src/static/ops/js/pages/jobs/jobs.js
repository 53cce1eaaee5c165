/**
 * @file All long work that the store knows: who asked for what, how far it is, what came of it; each result by its own
 * address (?job=ID), and what can still be done about it.
 *
 * Its address: /ops/jobs?kind=knowledge.import&status=failed&tenant_id=…&created_by=…&trials=1&sort=created_at&page=2
 */
import { ApiError, get } from '../../core/api-client.js';
import { clock } from '../../core/clock.js';
import { refreshCommand, registerCommands } from '../../core/commands.js';
import { component, explain } from '../../core/component.js';
import * as format from '../../core/format.js';
import { t, tValue } from '../../core/i18n.js';
import { refreshChanged } from '../../core/refresher.js';
import { addressOf, route } from '../../core/router.js';
import { mayWrite, session } from '../../core/session.js';
import { askTenantNames, tenantName } from '../../core/tenant-names.js';
import { toast } from '../../core/toasts.js';
import { createCursorList } from '../../widgets/cursor-list.js';
import {
  jobKinds,
  jobOwner,
  jobProgress,
  jobTime,
  jobTitle,
  noticedCounts,
  statusLook,
  statuses,
} from '../../widgets/jobs/describe.js';
import { cancelJob, hasEnded, jobs as watched, mayRetry, mayUndo, retryJob, undoJob } from '../../widgets/jobs/jobs.js';
import { createTenantChoice } from '../../widgets/tenant-choice.js';

/** @typedef {import('../../core/api-types.js').Job} Job */

/** @type {import('../../widgets/list.js').Column[]} */
const columns = [
  { name: 'created_at', label: 'jobs.asked', kind: 'time' },
  { name: 'title', label: 'jobs.one', fixed: true, grows: true },
  { name: 'status', label: 'jobs.status', fixed: true },
  { name: 'result', label: 'jobs.result', fixed: true, from: 'medium' },
  { name: 'created_by', label: 'jobs.by', fixed: true },
  { name: 'took', label: 'jobs.took', kind: 'number', fixed: true, from: 'wide' },
  { name: 'actions', label: 'jobs.actions', fixed: true },
];

export default function jobs() {
  const list = createCursorList({
    what: 'jobs.what',
    columns,
    sort: '-created_at',
    filters: { kind: jobKinds, status: ['open', ...statuses], tenant_id: null, created_by: null, trials: ['1'] },
    load: async ({ trials, ...query }, signal) => {
      const page = await get('/ops/jobs', {
        query: { ...query, ...(trials ? {} : { without_trials: 'true' }) },
        signal,
      });
      askTenantNames(page.items.flatMap((/** @type {Job} */ job) => job.tenant_id ?? []));
      return page;
    },
    rowId: (/** @type {Job} */ job) => job.id,
  });
  const choice = createTenantChoice({
    label: 'jobs.tenant',
    any: 'jobs.tenant.any',
    value: () => list.filter.tenant_id ?? '',
    choose: (id) => list.setFilter('tenant_id', id),
  });
  /** @type {(() => void)[]} */
  const undo = [() => choice.dispose()];

  return component({
    list,
    choice,
    /** The job whose cancelling is being asked about. */
    asking: '',

    init() {
      undo.push(list.start());
      undo.push(registerCommands([refreshCommand]));
    },

    destroy() {
      for (const step of undo) step();
    },

    // ── filters ──

    get kindOptions() {
      return options(list.filter.kind, jobKinds, 'jobs.kind.any', (kind) => tValue('jobKind', kind));
    },

    get statusOptions() {
      return options(list.filter.status, ['open', ...statuses], 'jobs.status.any', (status) =>
        tValue('jobStatus', status),
      );
    },

    /** @param {string} name @param {Event} event */
    choose(name, event) {
      list.setFilter(name, /** @type {HTMLInputElement | HTMLSelectElement} */ (event.target).value.trim());
    },

    get person() {
      return list.filter.created_by ?? '';
    },

    /** Whom one may choose without typing: oneself, and who is on the page. */
    get people() {
      const seen = (list.panel.data?.items ?? []).map(({ created_by }) => created_by);
      return [...new Set([session.user?.username ?? '', ...seen])].filter(Boolean);
    },

    get showsTrials() {
      return list.filter.trials === '1';
    },

    toggleTrials() {
      list.setFilter('trials', this.showsTrials ? '' : '1');
    },

    // ── rows ──

    get rows() {
      // What runs is asked for each second by the tray; the list every 30.
      const latest = new Map((watched.data ?? []).map((job) => [job.id, job]));
      return (list.panel.data?.items ?? []).map((job) => describeRow(latest.get(job.id) ?? job, this.asking));
    },

    /** @param {string} id */
    ask(id) {
      this.asking = id;
    },

    keepRunning() {
      this.asking = '';
    },

    /** @param {string} id */
    async cancel(id) {
      this.asking = '';
      try {
        await cancelJob(id);
      } catch (error) {
        toast(error instanceof ApiError ? explain(error) : String(error), 'bad');
      }
      refreshChanged();
    },

    /** @param {string} id */
    async undo(id) {
      const job = this.jobOf(id);
      if (job) await undoJob(job);
      refreshChanged();
    },

    /** @param {string} id */
    async retry(id) {
      const job = this.jobOf(id);
      if (job) await retryJob(job);
      refreshChanged();
    },

    /** @param {string} id @returns {Job | undefined} */
    jobOf(id) {
      return (list.panel.data?.items ?? []).find((job) => job.id === id);
    },
  });
}

/**
 * @param {string | undefined} chosen
 * @param {string[]} values
 * @param {import('../../core/i18n.js').MessageKey} any
 * @param {(value: string) => string} say
 */
function options(chosen, values, any, say) {
  return ['', ...values].map((value) => ({
    value,
    text: value ? say(value) : t(any),
    selected: value === (chosen ?? ''),
  }));
}

/** @param {Job} job @param {string} asking */
function describeRow(job, asking) {
  const ended = hasEnded(job);
  const title = jobTitle(job);
  return {
    id: job.id,
    title,
    about: job.tenant_id ? tenantName(job.tenant_id) || job.tenant_id : '',
    aboutHref: job.tenant_id ? addressOf('tenants', { tenant: job.tenant_id }) : null,
    href: addressOf('jobs', { ...route.query, job: job.id }),
    openText: t('jobs.openOne', { title }),
    asked: format.ago(Date.parse(job.created_at), clock.now),
    askedExact: format.exactTime(job.created_at),
    status: statusLook(job.status),
    ended,
    progress: jobProgress(job),
    facts: job.error ?? noticedCounts(job.result ?? {}),
    by: jobOwner(job),
    took: jobTime(job),
    asking: asking === job.id,
    mayCancel: !ended && mayWrite() && asking !== job.id,
    mayUndo: mayUndo(job),
    mayRetry: mayRetry(job),
  };
}
