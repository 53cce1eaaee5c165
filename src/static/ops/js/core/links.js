/**
 * @file Where a figure leads, where more than one page shows it: the list of exactly what it counts.
 */
import { addressOf } from './router.js';

/**
 * Feedback that waits: what that page shows at first.
 * @param {string} [tenant]  only of this one
 */
export function pendingFeedbackAddress(tenant) {
  return addressOf('corrections', { tenant_id: tenant });
}

/**
 * The story of a request: all that it has left behind.
 * @param {string} id
 */
export function requestAddress(id) {
  return addressOf('audit', { request: id });
}
