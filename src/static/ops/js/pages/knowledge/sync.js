/**
 * @file Between the store and the vector index: what waits, what fails and for whom; sync, check and repair by hand.
 */
import { ApiError, get, startJob } from '../../core/api-client.js';
import { clock } from '../../core/clock.js';
import { component, explain } from '../../core/component.js';
import * as format from '../../core/format.js';
import { t } from '../../core/i18n.js';
import { createPanel } from '../../core/panel.js';
import { keepFresh, refreshChanged } from '../../core/refresher.js';
import { addressOf, route } from '../../core/router.js';
import { mayWrite } from '../../core/session.js';
import { tenantName } from '../../core/tenant-names.js';
import { toast } from '../../core/toasts.js';
import { jobFigures, jobProgress, statusLook } from '../../widgets/jobs/describe.js';
import { followJob, hasEnded, trackJob } from '../../widgets/jobs/jobs.js';

/** @typedef {import('../../core/api-types.js').Job} Job */
/** @typedef {import('../../core/api-types.js').SyncStatus} SyncStatus */
/** @typedef {import('../../widgets/dialog.js').Dialog} Dialog */

/** @param {Dialog} dialog */
export function knowledgeSync(dialog) {
  const { tenant_id: id } = route.query;
  /** @type {Record<string, string>} */
  const scope = id ? { tenant_id: id } : {};
  const gone = new AbortController();
  const panel = createPanel({
    what: 'knowledge.sync.what',
    load: (signal) => get('/ops/knowledge/sync/status', { query: scope, signal }),
  });
  /** @type {(() => void) | null} */
  let stop = null;

  return component({
    dialog,
    panel,
    busy: false,
    /** What was asked for last here. @type {Job | null} */
    job: null,

    init() {
      dialog.draft = null;
      stop = keepFresh([panel]);
    },

    destroy() {
      stop?.();
      gone.abort();
    },

    get title() {
      return id ? t('knowledge.sync.titleOf', { tenant: tenantName(id) || id }) : t('knowledge.sync.title');
    },

    get facts() {
      return panel.data ? describeStatus(panel.data) : [];
    },

    get lastError() {
      return panel.data?.last_error ?? '';
    },

    get failing() {
      return (panel.data?.tenants_failing ?? []).map((tenant) => ({
        id: tenant.tenant_id,
        name: tenant.name,
        href: addressOf('tenants', { tenant: tenant.tenant_id }),
        message: tenant.message,
        since: t('knowledge.sync.since', { time: format.ago(Date.parse(tenant.since), clock.now) }),
        exact: format.exactTime(tenant.since),
      }));
    },

    get mayAct() {
      return mayWrite();
    },

    // ── by hand ──

    syncNow() {
      this.run('/ops/knowledge/sync', scope);
    },

    check() {
      this.run('/ops/knowledge/sync/check', scope);
    },

    repair() {
      this.run('/ops/knowledge/sync/check', { ...scope, repair: true });
    },

    /** @param {string} path @param {object} body */
    async run(path, body) {
      if (this.busy) return;
      this.busy = true;
      try {
        const job = await startJob(path, body);
        trackJob(job);
        await followJob(job, (reading) => (this.job = reading), gone.signal);
        refreshChanged();
      } catch (error) {
        if (!gone.signal.aborted) toast(error instanceof ApiError ? explain(error) : String(error), 'bad');
      }
      this.busy = false;
    },

    get status() {
      return this.job ? statusLook(this.job.status) : null;
    },

    get running() {
      return this.job !== null && !hasEnded(this.job);
    },

    get progress() {
      return this.job ? jobProgress(this.job) : null;
    },

    get figures() {
      return this.job ? jobFigures(this.job) : [];
    },

    get jobTitle() {
      return this.job?.title ?? '';
    },

    get jobError() {
      return this.job?.error ?? '';
    },

    /** What waits to be brought to the index is no part of what a check compares, so it is said beside it. */
    get agreement() {
      const { pending = 0, removals_pending: removals = 0 } = panel.data ?? {};
      if (pending + removals === 0) return t('knowledge.check.whole');
      return t('knowledge.check.wholeDue', {
        pending: format.exactCount(pending),
        removals: format.exactCount(removals),
      });
    },

    /** What a check has found, and whether there is something to repair. */
    get verdict() {
      const { job } = this;
      if (job?.kind !== 'knowledge.sync_check' || job.status !== 'succeeded') return '';
      const wrong = ['missing', 'stale', 'orphaned'].reduce((sum, name) => sum + Number(job.result?.[name] ?? 0), 0);
      if (wrong === 0) return this.agreement;
      return t(job.parameters.repair === true ? 'knowledge.check.repaired' : 'knowledge.check.wrong', { count: wrong });
    },
  });
}

/** @param {SyncStatus} status */
function describeStatus(status) {
  /** @param {string | null} instant */
  const when = (instant) => ({
    value: instant ? format.ago(Date.parse(instant), clock.now) : t('knowledge.sync.never'),
    title: instant ? format.exactTime(instant) : '',
  });
  const heldBack = status.held_back + status.removals_held_back;
  return [
    {
      label: t('knowledge.sync.state'),
      value: t(status.running ? 'knowledge.sync.running' : 'knowledge.sync.idle'),
      title: '',
    },
    { label: t('knowledge.unsynced'), value: t('count.pieces', { count: status.pending }), title: '' },
    { label: t('knowledge.sync.removals'), value: t('count.pieces', { count: status.removals_pending }), title: '' },
    {
      label: t('knowledge.sync.lag'),
      value: status.lag_seconds === null ? t('knowledge.sync.noLag') : format.duration(status.lag_seconds),
      title: t('knowledge.sync.lag.title'),
    },
    ...(heldBack > 0
      ? [
          {
            label: t('knowledge.heldBack'),
            value: t('count.pieces', { count: heldBack }),
            title: t('knowledge.heldBack.title'),
          },
        ]
      : []),
    { label: t('knowledge.sync.lastRun'), ...when(status.last_run) },
    { label: t('knowledge.sync.lastSuccess'), ...when(status.last_success) },
  ];
}
