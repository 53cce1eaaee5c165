/**
 * @file Where a figure leads, where more than one page shows it: the list of exactly what it counts.
 */
import { addressOf } from './router.js';

/** The part of the log that each component writes. @type {Record<string, string>} */
const sources = {
  database: 'store',
  vector_store: 'vector',
  llm: 'llm',
  scheduler: 'scheduler',
  telemetry: 'telemetry',
};

/**
 * What a component has complained of within a day.
 * @param {string} component
 */
export function componentTroubleAddress(component) {
  return addressOf('logs', { source: sources[component] ?? component, query: 'level:ERROR OR level:WARN' });
}

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
