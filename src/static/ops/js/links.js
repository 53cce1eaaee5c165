/**
 * @file Where a figure leads, where more than one page shows it: the list of exactly what it counts.
 */
import { addressOf, findPage } from './router.js';

/** Feedback that waits: its own page once there is one; until then the tenants, those with the most of it first. */
export function pendingFeedbackAddress() {
  return findPage('feedback')
    ? addressOf('feedback', { status: 'pending' })
    : addressOf('tenants', { sort: '-pending_feedback_count' });
}
