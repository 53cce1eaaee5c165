/**
 * @file Which time the page is about, and as much before it, to compare with. Pure.
 */
import * as format from '../../core/format.js';

/** Days; one is the last 24 hours, hour by hour. */
export const RANGES = [1, 7, 30, 90];
export const DEFAULT_RANGE = 7;

const HOUR = 3_600_000;

/** @param {string | undefined} days  from the address, so it can be anything */
export function findRange(days) {
  return RANGES.find((range) => String(range) === days) ?? DEFAULT_RANGE;
}

/**
 * Full days in the store's zone, the present one until now; or 24 full hours, the present one until now.
 * @param {number} days
 * @param {number} now
 */
export function rangeOf(days, now) {
  const byHour = days === 1;
  const start = byHour ? now - (now % HOUR) - 23 * HOUR : format.startOfDay(now, days - 1);
  const before = byHour ? start - 24 * HOUR : format.startOfDay(now, 2 * days - 1);
  return {
    interval: /** @type {'hour' | 'day'} */ (byHour ? 'hour' : 'day'),
    now: { start_time: instant(start), end_time: instant(now) },
    before: { start_time: instant(before), end_time: instant(before + now - start) },
    both: { start_time: instant(before), end_time: instant(now) },
    start,
  };
}

/** @param {number} ms */
function instant(ms) {
  return new Date(ms).toISOString();
}
