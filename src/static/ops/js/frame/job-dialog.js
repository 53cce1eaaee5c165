/**
 * @file One job, by its own address (?job=ID on any page): how far it is or what came of it, and of each of its parts.
 */
import { ApiError, get } from '../core/api-client.js';
import { component, explain, follow } from '../core/component.js';
import * as format from '../core/format.js';
import { t } from '../core/i18n.js';
import { createPanel } from '../core/panel.js';
import { keepFresh } from '../core/refresher.js';
import { route } from '../core/router.js';
import { mayWrite } from '../core/session.js';
import { toast } from '../core/toasts.js';
import { createDialog } from '../widgets/dialog.js';
import {
  jobFigures,
  jobOwner,
  jobProgress,
  jobTime,
  jobTitle,
  outcomeLook,
  outcomes,
  paceText,
  statusLook,
} from '../widgets/jobs/describe.js';
import { itemRow, readAllItems, readItems, saveFailedRows, saveItems } from '../widgets/jobs/items.js';
import { cancelJob, hasEnded, mayRetry, mayUndo, paceOf, retryJob, undoJob } from '../widgets/jobs/jobs.js';

/** @typedef {import('../core/api-types.js').Job} Job */
/** @typedef {import('../core/api-types.js').JobItem} JobItem */
/** @typedef {import('../widgets/dialog.js').Dialog} Dialog */

const POLL_MS = 1000;
const PAGE_SIZE = 20;

export function jobDialogs() {
  return component({ dialog: createDialog({ anywhere: true, parameters: { job: null } }) });
}

/** @param {Dialog} dialog */
export function jobDetail(dialog) {
  const id = route.query.job;
  const items = { page: 1, outcome: '' };
  const panels = {
    job: createPanel({
      what: 'jobs.one.what',
      load: (signal) => get(`/ops/jobs/${encodeURIComponent(id)}`, { signal }),
    }),
    items: createPanel({
      what: 'jobs.items.what',
      load: (signal) =>
        readItems(
          id,
          { page: items.page, page_size: PAGE_SIZE, ...(items.outcome ? { outcome: items.outcome } : {}) },
          signal,
        ),
      isEmpty: (page) => page.items.length === 0,
    }),
  };
  const gone = new AbortController();
  /** @type {(() => void)[]} */
  const undo = [];

  return component({
    dialog,
    panels,
    outcome: '',
    page: 1,
    asking: false,
    /** How much of the file has been read; empty while nobody asked for it. */
    saving: '',

    init() {
      undo.push(keepFresh([panels.job, panels.items]));
      const timer = setInterval(() => {
        const { job } = panels;
        if (job.data && !hasEnded(job.data) && !document.hidden && job.mayRefresh) job.load();
      }, POLL_MS);
      undo.push(() => clearInterval(timer));
      // When it ends, every part has its outcome.
      const stop = follow(
        () => panels.job.data !== null && hasEnded(panels.job.data),
        (ended) => {
          if (ended) panels.items.load();
        },
      );
      undo.push(stop);
    },

    destroy() {
      gone.abort();
      for (const step of undo) step();
    },

    /** @returns {Job | null} */
    get job() {
      return panels.job.data;
    },

    get title() {
      return this.job ? jobTitle(this.job) : t('jobs.one');
    },

    get status() {
      return this.job ? statusLook(this.job.status) : null;
    },

    get ended() {
      return this.job !== null && hasEnded(this.job);
    },

    get progress() {
      return this.job ? jobProgress(this.job) : null;
    },

    get pace() {
      return this.job ? paceText(this.job, paceOf(this.job)) : '';
    },

    get error() {
      return this.job?.error ?? '';
    },

    get figures() {
      return this.job ? jobFigures(this.job) : [];
    },

    /** Who asked, when, and how long it took. */
    get facts() {
      const { job } = this;
      if (!job) return [];
      const began = { label: t('jobs.began'), value: format.exactTime(job.started_at ?? job.created_at) };
      const by = { label: t('jobs.by'), value: jobOwner(job) };
      return job.finished_at ? [by, began, { label: t('jobs.took'), value: jobTime(job) }] : [by, began];
    },

    get mayCancel() {
      return mayWrite() && this.job !== null && !this.ended;
    },

    get mayUndo() {
      return this.job !== null && mayUndo(this.job);
    },

    undo() {
      if (this.job) undoJob(this.job);
    },

    get mayRetry() {
      return this.job !== null && mayRetry(this.job);
    },

    retry() {
      if (this.job) retryJob(this.job);
    },

    ask() {
      this.asking = true;
    },

    keepRunning() {
      this.asking = false;
    },

    async cancel() {
      this.asking = false;
      try {
        panels.job.data = await cancelJob(id);
      } catch (error) {
        toast(error instanceof ApiError ? explain(error) : String(error), 'bad');
      }
      panels.job.load();
    },

    // ── its parts ──

    get outcomeOptions() {
      const named = outcomes.map((name) => ({ name: String(name), text: outcomeLook(name).text }));
      return [{ name: '', text: t('jobs.items.all') }, ...named].map((option) => ({
        ...option,
        selected: option.name === this.outcome,
      }));
    },

    /** @param {Event} event */
    chooseOutcome(event) {
      this.outcome = /** @type {HTMLSelectElement} */ (event.target).value;
      this.turnTo(1);
    },

    /** @param {number} page */
    turnTo(page) {
      this.page = page;
      Object.assign(items, { page, outcome: this.outcome });
      panels.items.load({ replace: true });
    },

    get rows() {
      return (panels.items.data?.items ?? []).map(itemRow);
    },

    get range() {
      const { data } = panels.items;
      if (!data || data.items.length === 0) return t('list.range.none', { unit: t('unit.items') });
      const first = (data.page - 1) * data.page_size + 1;
      return t('list.range', {
        first: format.exactCount(first),
        last: format.exactCount(first + data.items.length - 1),
        count: data.total,
        unit: t('unit.items'),
      });
    },

    get lastPage() {
      return Math.max(1, Math.ceil((panels.items.data?.total ?? 0) / PAGE_SIZE));
    },

    async save() {
      if (this.job?.kind === 'knowledge.import') {
        saveFailedRows(id);
        return;
      }
      try {
        this.saving = t('jobs.items.saving', { share: format.percent(0) });
        const all = await readAllItems(id, gone.signal, (done, total) => {
          this.saving = t('jobs.items.saving', { share: format.percent(total ? done / total : 1) });
        });
        saveItems(id, all);
      } catch (error) {
        if (!gone.signal.aborted) toast(error instanceof ApiError ? explain(error) : String(error), 'bad');
      }
      this.saving = '';
    },
  });
}
