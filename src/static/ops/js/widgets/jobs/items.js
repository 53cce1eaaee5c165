/**
 * @file The parts of a job: read page by page or all of them, shown as rows, saved as a file.
 */
import { get } from '../../core/api-client.js';
import { saveFile, toCsv } from '../../core/csv.js';
import { download } from '../../core/download.js';
import * as format from '../../core/format.js';
import { currentLanguage, t, tValue } from '../../core/i18n.js';
import { addressOf } from '../../core/router.js';
import { askTenantNames, tenantName } from '../../core/tenant-names.js';
import { noticedCounts, outcomeLook } from './describe.js';

/** @typedef {import('../../core/api-types.js').JobItem} JobItem */

const MOST_AT_ONCE = 200;

/**
 * @param {string} jobId
 * @param {Record<string, string | number>} query
 * @param {AbortSignal} signal
 */
export async function readItems(jobId, query, signal) {
  const page = await get(`/ops/jobs/${encodeURIComponent(jobId)}/items`, { query, signal });
  const ofTenants = page.items.filter((item) => !isFileRow(item));
  askTenantNames(ofTenants.slice(0, MOST_AT_ONCE).map((item) => item.target_id));
  return page;
}

/**
 * All parts, in the order of the work.
 * @param {string} jobId
 * @param {AbortSignal} signal
 * @param {(done: number, total: number) => void} [onProgress]
 */
export async function readAllItems(jobId, signal, onProgress) {
  /** @type {JobItem[]} */
  const all = [];
  for (let page = 1, more = true; more; page++) {
    const answer = await get(`/ops/jobs/${encodeURIComponent(jobId)}/items`, {
      query: { page, page_size: MOST_AT_ONCE },
      signal,
    });
    all.push(...answer.items);
    onProgress?.(all.length, answer.total);
    more = answer.items.length > 0 && all.length < answer.total;
  }
  return all;
}

/** A row of a file that could not be imported; the other items are tenants. @param {JobItem} item */
function isFileRow({ detail }) {
  return typeof detail?.message === 'object' && detail.message !== null;
}

/** @param {JobItem} item */
export function itemRow(item) {
  return isFileRow(item) ? fileRow(item) : tenantRow(item);
}

/** @param {JobItem} item */
function fileRow({ seq, outcome, detail }) {
  const messages = /** @type {Record<string, string>} */ (detail?.message);
  const column = String(detail?.column ?? '');
  const place = t('jobs.items.row', { row: format.exactCount(seq) });
  return {
    key: seq,
    name: column ? format.beside([place, tValue('importColumn', column)]) : place,
    id: '',
    href: null,
    outcome: outcomeLook(outcome),
    facts: messages[currentLanguage() === 'en' ? 'en' : 'zh'],
  };
}

/** @param {JobItem} item */
function tenantRow(item) {
  const name = tenantName(item.target_id);
  const detail = item.detail ?? {};
  return {
    key: item.seq,
    name: name || item.target_id,
    id: name ? item.target_id : '',
    href: addressOf('tenants', { tenant: item.target_id }),
    outcome: outcomeLook(item.outcome),
    facts: noticedCounts(detail) || (Number(detail.unchanged ?? 0) > 0 ? t('jobs.nothingToDo') : ''),
  };
}

/**
 * @param {string} jobId
 * @param {JobItem[]} items
 */
export function saveItems(jobId, items) {
  const figures = [
    ...new Set(
      items.flatMap(({ detail }) => Object.keys(detail ?? {}).filter((name) => typeof detail?.[name] === 'number')),
    ),
  ];
  const head = ['tenant_id', 'tenant_name', 'outcome', ...figures];
  const rows = items.map(({ target_id: id, outcome, detail }) => [
    id,
    tenantName(id),
    outcome ?? 'waiting',
    ...figures.map((name) => Number(detail?.[name] ?? 0)),
  ]);
  saveFile(`kimono-job-${jobId}.csv`, toCsv(head, rows));
}

/** The rows of an import that failed, to correct and import again. @param {string} jobId */
export function saveFailedRows(jobId) {
  return download(`/ops/jobs/${encodeURIComponent(jobId)}/errors.csv`);
}
