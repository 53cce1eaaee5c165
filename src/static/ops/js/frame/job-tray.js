/**
 * @file The top bar's job tray: what long work runs now, and what has ended within a day and wasn't cleared away.
 */
import { ApiError } from '../core/api-client.js';
import { clock } from '../core/clock.js';
import { component, explain, follow } from '../core/component.js';
import * as format from '../core/format.js';
import { t } from '../core/i18n.js';
import { addressOf, route } from '../core/router.js';
import { session } from '../core/session.js';
import { toast } from '../core/toasts.js';
import { jobOwner, jobProgress, jobTitle, noticedCounts, paceText, statusLook } from '../widgets/jobs/describe.js';
import {
  cancelJob,
  forgetEnded,
  hasEnded,
  jobs,
  mayUndo,
  paceOf,
  startWatchingJobs,
  undoJob,
} from '../widgets/jobs/jobs.js';

/** @typedef {import('../core/api-types.js').Job} Job */

export function jobTray() {
  return component({
    jobs,
    /** The job whose cancelling is being asked about. */
    asking: '',
    /** The jobs as they stood when the tray was opened: what comes later doesn't move them. @type {string[]} */
    places: [],

    init() {
      follow(
        () => session.state,
        (state) => {
          if (state === 'operator') startWatchingJobs();
        },
      );
    },

    get openCount() {
      return (jobs.data ?? []).filter((job) => !hasEnded(job)).length;
    },

    get endedCount() {
      return (jobs.data ?? []).length - this.openCount;
    },

    get shown() {
      return (jobs.data ?? []).length > 0;
    },

    get label() {
      if (this.openCount > 0) return t('jobs.open', { count: this.openCount });
      return t('jobs.endedCount', { count: this.endedCount });
    },

    get allHref() {
      return addressOf('jobs');
    },

    get badge() {
      return format.count(this.openCount);
    },

    get icon() {
      if (this.openCount > 0) return '#icon-loader';
      return (jobs.data ?? []).some(({ status }) => status === 'failed') ? '#icon-triangle-alert' : '#icon-list-checks';
    },

    /** @param {ToggleEvent} event */
    toggled(event) {
      this.asking = '';
      this.places = event.newState === 'open' ? (jobs.data ?? []).map(({ id }) => id) : [];
    },

    get rows() {
      const place = (/** @type {Job} */ { id }) => (this.places.includes(id) ? this.places.indexOf(id) : Infinity);
      return [...(jobs.data ?? [])]
        .sort((a, b) => place(a) - place(b) || 0)
        .map((job) => describeRow(job, this.asking === job.id));
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
    },

    /** @param {string} id */
    undo(id) {
      const job = (jobs.data ?? []).find((shown) => shown.id === id);
      if (job) undoJob(job);
    },

    clear() {
      forgetEnded();
    },

    close() {
      document.getElementById('job-menu')?.hidePopover();
    },
  });
}

/**
 * @param {Job} job
 * @param {boolean} asked
 */
function describeRow(job, asked) {
  const ended = hasEnded(job);
  const time = job.finished_at ?? job.created_at;
  return {
    id: job.id,
    title: jobTitle(job),
    status: statusLook(job.status),
    owner: jobOwner(job),
    age: format.ago(Date.parse(time), clock.now),
    exact: format.exactTime(time),
    progress: jobProgress(job),
    pace: paceText(job, paceOf(job)),
    facts: job.error ?? noticedCounts(job.result ?? {}),
    failed: job.status === 'failed',
    ended,
    asked,
    mayUndo: mayUndo(job),
    mayCancel: !ended && !asked && session.user?.role === 'ops_admin',
    href: addressOf(route.page, { ...route.query, job: job.id }),
  };
}
