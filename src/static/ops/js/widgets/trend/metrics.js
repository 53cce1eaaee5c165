/**
 * @file THE table of what the trend chart can show. To add a series: one row here, its text in both languages, and, if
 * it is not there yet, its field in TrendPoint.
 */
import * as format from '../../core/format.js';

/** @typedef {{ tokens_input?: number | null, tokens_output?: number | null }} Tokens  of the page of usage alone */
/** @typedef {import('../../core/api-types.js').TrendPoint & Tokens} TrendPoint */
/** @typedef {'conversations' | 'api_calls' | 'failed_calls' | 'cost' | 'feedbacks' | 'response_time' | 'p95'} DailyName */
/** @typedef {DailyName | 'tokens_input' | 'tokens_output' | 'latency'} MetricName */

/**
 * @typedef {object} Metric
 * @property {MetricName} name  also in the address: /ops/dashboard?metric=NAME
 * @property {import('../../core/i18n.js').MessageKey} label
 * @property {Exclude<keyof TrendPoint, 'date'>} field
 * @property {(value: number | null | undefined) => string} format
 * @property {(value: number) => string} axis
 * @property {boolean} sums  days add up to a total; a mean or a percentile doesn't
 * @property {boolean} whole  a number of things, which has no halves
 */

/** @type {Metric[]} */
export const metrics = [
  counted('conversations', 'metric.conversations', 'conversations'),
  counted('api_calls', 'metric.api_calls', 'api_calls'),
  counted('failed_calls', 'metric.failed_calls', 'failed_calls'),
  {
    name: 'cost',
    label: 'metric.cost',
    field: 'cost_cny',
    format: format.money,
    axis: format.axisMoney,
    sums: true,
    whole: false,
  },
  counted('feedbacks', 'metric.feedbacks', 'feedbacks'),
  timed('response_time', 'metric.response_time', 'avg_response_time_ms'),
  timed('p95', 'metric.p95', 'p95_response_time_ms'),
];

/** What the page of usage shows. @type {Metric[]} */
export const usageMetrics = [
  ...metrics.filter(({ name }) => ['api_calls', 'failed_calls', 'cost'].includes(name)),
  counted('tokens_input', 'metric.tokens_input', 'tokens_input'),
  counted('tokens_output', 'metric.tokens_output', 'tokens_output'),
  timed('latency', 'metric.latency', 'avg_response_time_ms'),
];

/**
 * @param {Metric[]} among
 * @param {string | undefined} name  from the address, so it can be anything
 */
export function findMetric(among, name) {
  return among.find((metric) => metric.name === name) ?? among[0];
}

/**
 * @param {MetricName} name
 * @param {Metric['label']} label
 * @param {Metric['field']} field
 * @returns {Metric}
 */
function counted(name, label, field) {
  return { name, label, field, format: format.exactCount, axis: format.count, sums: true, whole: true };
}

/**
 * @param {MetricName} name
 * @param {Metric['label']} label
 * @param {Metric['field']} field
 * @returns {Metric}
 */
function timed(name, label, field) {
  return { name, label, field, format: format.milliseconds, axis: format.milliseconds, sums: false, whole: false };
}
