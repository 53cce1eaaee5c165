/**
 * @file Long work, whoever asked for it: what runs now, and what has ended within a day, as the store says.
 *
 * While a job is open it is asked for each second, as long as somebody can see the page; else with everything every 30
 * seconds. A job goes on when the page is left: after a reload this tab knows again which ones were started in it.
 */
import Alpine from '@alpinejs/csp';
import { ApiError, get, post, startJob } from '../../core/api-client.js';
import { explain } from '../../core/component.js';
import { t } from '../../core/i18n.js';
import { createPanel } from '../../core/panel.js';
import { keepFresh, refreshChanged } from '../../core/refresher.js';
import { mayWrite } from '../../core/session.js';
import { dismissToast, toast } from '../../core/toasts.js';
import { jobEndText } from './describe.js';
import { readAllItems } from './items.js';

/** @typedef {import('../../core/api-types.js').Job} Job */

const STARTED_KEY = 'kimono.jobs-started';
const CLEARED_KEY = 'kimono.jobs-cleared-before';
const POLL_MS = 1000;
const MOST_READ = 50;
const SAMPLES_KEPT = 20;
/** So long the changes of a job can be taken back. */
const UNDO_MS = 24 * 3_600_000;

/** Which jobs of a kind can be taken back. @type {Record<string, (job: Job) => boolean>} */
const undoable = {
  'knowledge.import': () => true,
  'knowledge.bulk': ({ parameters }) => parameters.action !== 'sync',
};
/** The ids of those that have been, from here. */
const takenBack = Alpine.reactive(/** @type {Record<string, boolean>} */ ({}));
/** Messages that offer to take a job back: job → toast. @type {Map<string, number>} */
const offers = new Map();

/** The last reading of each job that is shown. @type {Map<string, Job>} */
const known = new Map();
/** The ids of those that were started in this tab and haven't been seen to end. */
const started = new Set(readStarted());
/** What had ended by then has been cleared away; an instant of the server's. */
let clearedBefore = readText(localStorage, CLEARED_KEY);
/** What is read next: what runs, each second; what has ended lately too, with everything else. */
let readsRecent = true;
/** How far a job was, and when, for its pace. @type {Map<string, { at: number, done: number }[]>} */
const samples = new Map();

/** Newest first. */
export const jobs = createPanel({
  what: 'jobs.what',
  load: readJobs,
  isEmpty: (list) => list.length === 0,
});

/** @param {Job} job */
export function hasEnded(job) {
  return job.status !== 'queued' && job.status !== 'running';
}

/** @param {Job} job */
export function isDryRun(job) {
  return job.parameters.dry_run === true;
}

export function startWatchingJobs() {
  keepFresh([jobs]);
  setInterval(() => {
    if (document.hidden || !jobs.mayRefresh || (jobs.data ?? []).every(hasEnded)) return;
    readsRecent = false;
    jobs.load();
    readsRecent = true;
  }, POLL_MS);
}

/**
 * A job that a page has just started: the tray shows it from now on, and says when it has ended.
 * @param {Job} job
 */
export function trackJob(job) {
  remember(job);
  if (!hasEnded(job)) {
    started.add(job.id);
    writeStarted();
  }
  jobs.load();
}

/**
 * Waits until a job has ended, reading it each second while somebody can see the page.
 * @param {Job} job
 * @param {(job: Job) => void} onReading
 * @param {AbortSignal} signal  stops the waiting, not the job
 * @returns {Promise<Job>}
 */
export async function followJob(job, onReading, signal) {
  let reading = job;
  onReading(reading);
  while (!hasEnded(reading)) {
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    signal.throwIfAborted();
    if (document.hidden) continue;
    try {
      reading = await get(`/ops/jobs/${reading.id}`, { signal });
    } catch (error) {
      // The job goes on without us; only an answer that says otherwise ends the waiting.
      if (error instanceof ApiError && error.kind !== 'refused') continue;
      throw error;
    }
    sample(reading);
    onReading(reading);
  }
  return reading;
}

/**
 * @param {string} id
 * @returns {Promise<Job>}
 */
export async function cancelJob(id) {
  const job = await post(`/ops/jobs/${id}/cancel`);
  if (known.has(id)) remember(job);
  jobs.load();
  return job;
}

/**
 * A job that a page has just started and whose end changes what it shows.
 * @param {Job} job
 */
export async function runJob(job) {
  trackJob(job);
  try {
    await followJob(job, () => {}, new AbortController().signal);
    refreshChanged();
  } catch {
    // The tray has it, and says what has become of it.
  }
}

/** Can what it has changed be taken back, by this person? @param {Job} job */
export function mayUndo(job) {
  if (!mayWrite() || !hasEnded(job) || isDryRun(job) || takenBack[job.id] || !undoable[job.kind]?.(job)) return false;
  const counts = job.result ?? {};
  const changed = ['created', 'updated', 'changed'].some((name) => Number(counts[name] ?? 0) > 0);
  return changed && Date.now() - Date.parse(job.finished_at ?? job.created_at) < UNDO_MS;
}

/** Takes back what a job has changed, as a job of its own. @param {Job} job */
export async function undoJob(job) {
  dismissToast(offers.get(job.id) ?? 0);
  try {
    runJob(await startJob(`/ops/jobs/${job.id}/undo`, {}));
    takenBack[job.id] = true;
    toast(t('jobs.undo.started', { title: job.title }));
  } catch (error) {
    // Somebody has been quicker: it will not be offered again.
    if (error instanceof ApiError && error.status === 409) takenBack[job.id] = true;
    toast(error instanceof ApiError ? explain(error) : String(error), 'bad');
  }
}

/**
 * How a job that did not come to its end is asked for once more: where, and with what. Of items, with those that are
 * left: none is done twice.
 * @type {Record<string, (job: Job) => Promise<[string, object] | null>>}
 */
const repeats = {
  'templates.distribute': async (job) => {
    const { template_ids, all_tenants, force, reason } = job.parameters;
    const target = all_tenants === true ? { all_tenants } : { tenant_ids: await leftOf(job) };
    return ['/ops/templates/distribute', { template_ids, force, ...target, ...(reason ? { reason } : {}) }];
  },
  // All that match a filter may be others now: that begins at the list again, where they are counted.
  'knowledge.bulk': async (job) => {
    const { action, ids, category } = job.parameters;
    if (typeof ids !== 'number') return null;
    const target = { ids: (await leftOf(job)).map(Number) };
    return ['/ops/knowledge/qa-pairs/bulk', { action, ...target, ...(category === undefined ? {} : { category }) }];
  },
  'knowledge.sync': async (job) => {
    const { tenant_id, ids } = job.parameters;
    const target = ids ? { ids: (await leftOf(job)).map(Number) } : tenant_id ? { tenant_id } : {};
    return ['/ops/knowledge/sync', target];
  },
  'knowledge.sync_check': async ({ parameters: { tenant_id, repair } }) => [
    '/ops/knowledge/sync/check',
    { ...(tenant_id ? { tenant_id } : {}), ...(repair ? { repair } : {}) },
  ],
};

/** @param {Job} job */
export function mayRetry(job) {
  const stopped = job.status === 'failed' || job.status === 'cancelled';
  const repeatable = job.kind in repeats && !(job.kind === 'knowledge.bulk' && typeof job.parameters.ids !== 'number');
  return mayWrite() && stopped && repeatable && !isDryRun(job);
}

/** Asks for what is left of a job, as a new one. @param {Job} job */
export async function retryJob(job) {
  try {
    // In a list what was asked for may be shortened.
    const request = await repeats[job.kind]?.(await get(`/ops/jobs/${job.id}`));
    if (!request) return;
    runJob(await startJob(...request));
    toast(t('jobs.retry.started', { title: job.title }));
  } catch (error) {
    toast(error instanceof ApiError ? explain(error) : String(error), 'bad');
  }
}

/** What of a job's items has not been done. @param {Job} job */
async function leftOf(job) {
  const items = await readAllItems(job.id, new AbortController().signal);
  return items.filter(({ outcome }) => outcome === null || outcome === 'failed').map(({ target_id: id }) => id);
}

/** Takes what has ended out of the tray. */
export function forgetEnded() {
  for (const job of known.values()) {
    if (!hasEnded(job)) continue;
    if ((job.finished_at ?? '') > clearedBefore) clearedBefore = job.finished_at ?? '';
    forget(job.id);
  }
  writeText(localStorage, CLEARED_KEY, clearedBefore);
  jobs.load();
}

/**
 * How fast a job is, from what this tab has seen of it lately; null while that isn't enough to say.
 * @param {Job} job
 * @returns {{ perSecond: number, secondsLeft: number } | null}
 */
export function paceOf(job) {
  const seen = samples.get(job.id) ?? [];
  const [first, last] = [seen[0], seen[seen.length - 1]];
  if (!first || job.status !== 'running' || last.done === first.done) return null;
  const perSecond = (1000 * (last.done - first.done)) / (last.at - first.at);
  return { perSecond, secondsLeft: Math.max(0, job.progress.total - last.done) / perSecond };
}

/** @param {AbortSignal} signal */
async function readJobs(signal) {
  const { items } = await get('/ops/jobs', {
    query: { status: readsRecent ? 'recent' : 'open', page_size: MOST_READ },
    signal,
  });
  const read = new Set(items.map(({ id }) => id));
  const shown = [...known.values()].filter((job) => !hasEnded(job)).map(({ id }) => id);
  const gone = [...new Set([...shown, ...started])].filter((id) => !read.has(id));
  const others = (await Promise.all(gone.map((id) => readLast(id, signal)))).flatMap((job) => job ?? []);
  for (const job of [...items, ...others]) if (!isCleared(job)) remember(job);
  for (const job of [...items, ...others]) announce(job);
  return [...known.values()].sort((a, b) => (a.created_at < b.created_at ? 1 : -1));
}

/**
 * A job that is no longer among the open ones; null when the server has forgotten it.
 * @param {string} id
 * @param {AbortSignal} signal
 * @returns {Promise<Job | null>}
 */
async function readLast(id, signal) {
  try {
    return await get(`/ops/jobs/${id}`, { signal });
  } catch (error) {
    if (!(error instanceof ApiError && error.status === 404)) throw error;
    forget(id);
    return null;
  }
}

/** @param {Job} job */
function remember(job) {
  // What a dry run would do is shown where it was asked for.
  if (isDryRun(job) && hasEnded(job)) {
    forget(job.id);
    return;
  }
  known.set(job.id, job);
  sample(job);
}

/** @param {Job} job */
function isCleared({ finished_at: end }) {
  return end !== null && end <= clearedBefore;
}

/** @param {Job} job */
function sample(job) {
  const seen = samples.get(job.id) ?? [];
  seen.push({ at: Date.now(), done: job.progress.done });
  samples.set(job.id, seen.slice(-SAMPLES_KEPT));
}

/** @param {string} id */
function forget(id) {
  known.delete(id);
  samples.delete(id);
  if (started.delete(id)) writeStarted();
}

/** Says that a job of this tab has ended, once. @param {Job} job */
function announce(job) {
  if (!hasEnded(job) || !started.delete(job.id)) return;
  writeStarted();
  const undo = mayUndo(job) ? { label: t('jobs.undo'), run: () => undoJob(job) } : null;
  const id = toast(jobEndText(job), job.status === 'failed' ? 'bad' : 'good', undo);
  if (undo) offers.set(job.id, id);
}

/** @returns {string[]} */
function readStarted() {
  try {
    const ids = JSON.parse(readText(sessionStorage, STARTED_KEY) || '[]');
    return Array.isArray(ids) ? ids.filter((id) => typeof id === 'string') : [];
  } catch {
    return [];
  }
}

function writeStarted() {
  writeText(sessionStorage, STARTED_KEY, JSON.stringify([...started]));
}

/** @param {Storage} storage @param {string} key */
function readText(storage, key) {
  try {
    return storage.getItem(key) ?? '';
  } catch {
    return '';
  }
}

/** Without storage a reload forgets it; what the store has is listed all the same. @param {Storage} storage @param {string} key @param {string} text */
function writeText(storage, key, text) {
  try {
    storage.setItem(key, text);
  } catch {
    // As said.
  }
}
