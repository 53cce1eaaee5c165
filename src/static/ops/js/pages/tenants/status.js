/**
 * @file How a tenant's status looks, on every page: an icon and a word beside the colour.
 */
import { tValue } from '../../core/i18n.js';

/** @type {Record<string, { icon: string, tone: string }>} */
export const statusRows = {
  active: { icon: 'icon-circle-check', tone: 'is-ok' },
  suspended: { icon: 'icon-circle-pause', tone: 'is-warning' },
};

/** @param {string} status */
export function describeStatus(status) {
  const row = statusRows[status] ?? { icon: 'icon-circle-question-mark', tone: 'is-unknown' };
  return { ...row, text: tValue('tenantStatus', status) };
}
