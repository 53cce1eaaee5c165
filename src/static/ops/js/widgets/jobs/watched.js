/**
 * @file A job that a dialog has started, and how it goes. It goes on when the dialog is closed: the job tray has it.
 *
 *   const watched = createWatchedJob(signal);       <div class="contents" x-use:job-watched="watched"></div>
 *   await watched.watch(await startJob(…));
 */
import Alpine from '@alpinejs/csp';
import { ApiError } from '../../core/api-client.js';
import { explain } from '../../core/component.js';
import { refreshChanged } from '../../core/refresher.js';
import { toast } from '../../core/toasts.js';
import { jobProgress, paceText, statusLook } from './describe.js';
import { cancelJob, followJob, hasEnded, paceOf, trackJob } from './jobs.js';

/** @typedef {import('../../core/api-types.js').Job} Job */

export class WatchedJob {
  /** The last reading. @type {Job | null} */
  job = null;

  /** @param {AbortSignal} signal */
  constructor(signal) {
    this._signal = signal;
  }

  /**
   * Returns when it has ended and what it has changed is shown.
   * @param {Job} job
   * @throws {ApiError} what refused to say how it goes; what the signal says
   */
  async watch(job) {
    this.job = job;
    trackJob(job);
    await followJob(job, (reading) => (this.job = reading), this._signal);
    refreshChanged();
  }

  forget() {
    this.job = null;
  }

  get ended() {
    return this.job !== null && hasEnded(this.job);
  }

  get status() {
    return this.job ? statusLook(this.job.status) : null;
  }

  get progress() {
    return this.job ? jobProgress(this.job) : null;
  }

  get pace() {
    return this.job ? paceText(this.job, paceOf(this.job)) : '';
  }

  get error() {
    return this.job?.error ?? '';
  }

  async cancel() {
    if (!this.job) return;
    try {
      this.job = await cancelJob(this.job.id);
    } catch (error) {
      toast(error instanceof ApiError ? explain(error) : String(error), 'bad');
    }
  }
}

/** @param {AbortSignal} signal  stops the watching, not the job */
export function createWatchedJob(signal) {
  return Alpine.reactive(new WatchedJob(signal));
}
