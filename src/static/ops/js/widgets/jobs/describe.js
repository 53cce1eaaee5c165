/**
 * @file A job in words: its state, its progress, its figures. Pure: answers in, texts out.
 */
import * as format from '../../core/format.js';
import { t, tValue } from '../../core/i18n.js';

/** @typedef {import('../../core/api-types.js').Job} Job */
/** @typedef {import('../../core/i18n.js').MessageKey} MessageKey */

/** An icon and a class for each status; its word is `jobStatus.…`. */
const statusLooks = {
  queued: { icon: 'icon-clock', tone: 'is-info' },
  running: { icon: 'icon-loader', tone: 'is-info' },
  succeeded: { icon: 'icon-circle-check', tone: 'is-ok' },
  failed: { icon: 'icon-octagon-x', tone: 'is-error' },
  cancelled: { icon: 'icon-ban', tone: 'is-unknown' },
};

/** The states of a job, in the order of its life. */
export const statuses = Object.keys(statusLooks);

/** What jobs there are: `jobKind.…`. */
export const jobKinds = [
  ...['knowledge.import', 'knowledge.bulk', 'knowledge.undo', 'knowledge.sync', 'knowledge.sync_check'],
  'templates.distribute',
];

/** The same for what came of one item: `jobOutcome.…`. */
const outcomeLooks = {
  done: { icon: 'icon-circle-check', tone: 'is-ok' },
  conflict: { icon: 'icon-triangle-alert', tone: 'is-warning' },
  suspended: { icon: 'icon-circle-pause', tone: 'is-unknown' },
  template_deleted: { icon: 'icon-circle-x', tone: 'is-unknown' },
  missing: { icon: 'icon-circle-x', tone: 'is-error' },
  failed: { icon: 'icon-circle-x', tone: 'is-error' },
  waiting: { icon: 'icon-clock', tone: 'is-info' },
};

/** The outcomes by which items are listed, in this order. */
export const outcomes = /** @type {(keyof typeof outcomeLooks)[]} */ (Object.keys(outcomeLooks));

/** What a result counts, in the order in which it is read; `jobFigure.…`. The other fields of a result are no counts. */
const figureNames = [
  ...['templates', 'tenants', 'total', 'matched', 'entries', 'pairs', 'changed', 'undone', 'created', 'updated'],
  ...['unchanged', 'skipped', 'removed', 'missing', 'stale', 'orphaned', 'repaired', 'conflicts', 'failed'],
  ...['deleted_templates', 'skipped_tenants', 'failed_tenants'],
];

/** Figures that somebody should look at when they are more than nothing. */
const warnings = ['conflicts', 'failed', 'failed_tenants', 'missing', 'stale', 'orphaned'];

/** The figures of which a notice says more than nothing. */
const noticedFigures = [
  ...['created', 'updated', 'changed', 'undone', 'pairs', 'removed', 'repaired'],
  ...warnings,
  'deleted_templates',
  'skipped_tenants',
];

/** Figures that are shown only where they are more than nothing, which is rare. */
const rareFigures = ['deleted_templates'];

/** What a kind counts its progress in. @type {Record<string, { progress: MessageKey, pace: MessageKey }>} */
const units = {
  'templates.distribute': { progress: 'jobs.progress.tenants', pace: 'jobs.pace.tenants' },
  'knowledge.sync_check': { progress: 'jobs.progress.tenants', pace: 'jobs.pace.tenants' },
  'knowledge.import': { progress: 'jobs.progress.rows', pace: 'jobs.pace.rows' },
};
const anyUnit = /** @type {const} */ ({ progress: 'jobs.progress', pace: 'jobs.pace' });

/** @param {Job['status']} status */
export function statusLook(status) {
  return { ...(statusLooks[status] ?? statusLooks.queued), text: tValue('jobStatus', status) };
}

/** @param {string | null} outcome  null: not reached yet */
export function outcomeLook(outcome) {
  const name = outcome ?? 'waiting';
  const look = name in outcomeLooks ? outcomeLooks[/** @type {keyof typeof outcomeLooks} */ (name)] : outcomeLooks.done;
  return { ...look, text: tValue('jobOutcome', name) };
}

/** @param {Job} job */
export function jobTitle(job) {
  return job.parameters.dry_run === true ? t('jobs.dryRun', { title: job.title }) : job.title;
}

/** The system's own jobs have no person. @param {Job} job */
export function jobOwner(job) {
  return job.created_by || t('jobs.system');
}

/** How long it took; a dash while it runs or waits. @param {Job} job */
export function jobTime(job) {
  if (!job.finished_at) return format.DASH;
  const seconds = (Date.parse(job.finished_at) - Date.parse(job.started_at ?? job.created_at)) / 1000;
  return seconds < 1 ? format.milliseconds(seconds * 1000) : format.duration(seconds);
}

/**
 * @param {Job} job
 * @returns {{ share: number, width: string, text: string }}
 */
export function jobProgress(job) {
  const { done, total } = job.progress;
  const share = total > 0 ? Math.min(1, done / total) : 0;
  const text = total > 0 ? t((units[job.kind] ?? anyUnit).progress, { done, total }) : t('jobs.starting');
  return { share, width: `${100 * share}%`, text };
}

/**
 * @param {Job} job
 * @param {{ perSecond: number, secondsLeft: number } | null} pace
 */
export function paceText(job, pace) {
  if (!pace) return '';
  const digits = pace.perSecond < 10 ? 10 : 1;
  return t((units[job.kind] ?? anyUnit).pace, {
    rate: Math.round(pace.perSecond * digits) / digits,
    left: format.duration(Math.ceil(pace.secondsLeft)),
  });
}

/** The counts of a job's result, as labels and values. @param {Job} job */
export function jobFigures(job) {
  const result = job.result ?? {};
  return figureNames
    .filter((name) => typeof result[name] === 'number' && !(rareFigures.includes(name) && result[name] === 0))
    .map((name) => ({
      name,
      label: tValue('jobFigure', name),
      value: format.count(/** @type {number} */ (result[name])),
      warn: warnings.includes(name) && Number(result[name]) > 0,
    }));
}

/** "分发模板已完成：新增 25，冲突 3" @param {Job} job */
export function jobEndText(job) {
  const facts = job.error ?? noticedCounts(job.result ?? {});
  const state = tValue('jobStatus', job.status);
  return facts
    ? t('jobs.ended', { title: job.title, state, facts })
    : t('jobs.endedPlain', { title: job.title, state });
}

/**
 * What happened, figure by figure; empty where nothing did.
 * @param {Record<string, unknown>} counts  of a result, or of one item
 */
export function noticedCounts(counts) {
  const facts = noticedFigures
    .filter((name) => Number(counts[name] ?? 0) > 0)
    .map((name) => t('jobs.figure', { label: tValue('jobFigure', name), value: format.count(Number(counts[name])) }));
  return format.beside(facts);
}
