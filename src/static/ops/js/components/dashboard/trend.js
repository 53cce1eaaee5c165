/**
 * @file The trend: what the chart, its tooltip, its one-line summary and its table show. Pure but for the tooltip's
 * nodes. All four are made from the same rows, so that they can't contradict each other.
 */
import * as format from '../../format.js';
import { t } from '../../i18n.js';

/** @typedef {import('../../api-types.js').Trends} Trends */
/** @typedef {import('../../api-types.js').TrendPoint} TrendPoint */
/** @typedef {import('./metrics.js').Metric} Metric */

/**
 * @typedef {object} TrendRow
 * @property {string} date
 * @property {string} previousDate
 * @property {number | null} current
 * @property {number | null} previous
 * @property {number | null} cost
 */

const DAYS_WITH_WEEKDAY = 14;

/**
 * @param {Pick<Trends, 'points' | 'previous'>} trends
 * @param {Metric} metric
 * @returns {TrendRow[]}
 */
export function trendRows(trends, metric) {
  return trends.points.map((point, index) => {
    const before = trends.previous[index];
    return {
      date: point.date,
      previousDate: before?.date ?? '',
      current: point[metric.field],
      previous: before?.[metric.field] ?? null,
      cost: point.cost_cny,
    };
  });
}

/**
 * @param {TrendRow[]} rows
 * @param {Metric} metric
 * @returns {import('../../charts.js').TrendModel}
 */
export function trendModel(rows, metric) {
  const last = rows.length - 1;
  return {
    labels: rows.map((row, index) => axisLabel(row.date, rows.length, index === last)),
    current: rows.map((row) => row.current),
    previous: rows.map((row) => row.previous),
    cost: showsCost(metric) ? rows.map((row) => row.cost) : null,
    lastIsRunning: true,
    whole: metric.whole,
    formatValue: metric.axis,
    formatCost: format.axisMoney,
    tooltip: (index) => tooltip(rows[index], metric, index === last),
  };
}

/** Cost beside itself would say nothing. @param {Metric} metric */
export function showsCost(metric) {
  return metric.name !== 'cost';
}

/**
 * @param {string} date
 * @param {number} days
 * @param {boolean} isToday
 */
function axisLabel(date, days, isToday) {
  if (days > DAYS_WITH_WEEKDAY) return format.day(date, 'short');
  return `${format.day(date, 'short')}\n${isToday ? t('trend.today') : format.day(date, 'weekday')}`;
}

/**
 * "合计 8,712 次 · 前 7 天 8,290 次 · +5.1%". A series that doesn't add up has its highest day instead.
 * @param {TrendRow[]} rows
 * @param {Metric} metric
 */
export function summarize(rows, metric) {
  const current = rows.map((row) => row.current).filter((value) => value !== null);
  const previous = rows.map((row) => row.previous).filter((value) => value !== null);
  if (current.length === 0) return { text: format.DASH, change: '' };
  if (!metric.sums) {
    const highest = Math.max(...current);
    const date = rows.find((row) => row.current === highest)?.date ?? '';
    return {
      text: t('trend.highest', { value: metric.format(highest), date: format.day(date, 'short') }),
      change: previous.length ? t('trend.highestBefore', { value: metric.format(Math.max(...previous)) }) : '',
    };
  }
  const total = sum(current);
  const before = sum(previous);
  const text = t('trend.total', { value: metric.format(total) });
  if (previous.length === 0) return { text, change: t('trend.noneBefore') };
  const change = before ? format.signedPercent((total - before) / before) : format.DASH;
  return { text, change: t('trend.totalBefore', { value: metric.format(before), change }) };
}

/**
 * Money comes as decimal yuan from exact sums; adding ninety days of it in floating point is for the eye only.
 * @param {number[]} values
 */
function sum(values) {
  return values.reduce((total, value) => total + value, 0);
}

/**
 * @param {TrendRow[]} rows
 * @param {Metric} metric
 * @param {{ column: keyof TrendRow | 'change', descending: boolean }} sort
 */
export function trendTable(rows, metric, { column, descending }) {
  const today = rows.at(-1)?.date;
  const sorted = rows
    .map((row) => ({ ...row, change: relativeChange(row) }))
    .sort((a, b) => compare(a[column], b[column]) * (descending ? -1 : 1));
  return sorted.map((row) => ({
    id: row.date,
    date: format.day(row.date, 'full'),
    running: row.date === today,
    current: metric.format(row.current),
    previous: metric.format(row.previous),
    previousTitle: row.previousDate ? format.day(row.previousDate, 'full') : '',
    change: row.change === null ? format.DASH : format.signedPercent(row.change),
    cost: format.money(row.cost),
  }));
}

/** @param {TrendRow} row */
function relativeChange({ current, previous }) {
  return current === null || !previous ? null : (current - previous) / previous;
}

/**
 * What couldn't be read sorts before everything else.
 * @param {string | number | null} a
 * @param {string | number | null} b
 */
function compare(a, b) {
  if (a === b) return 0;
  if (a === null) return -1;
  if (b === null) return 1;
  return a < b ? -1 : 1;
}

/** What the chart says, for those who can't see it. @param {TrendRow[]} rows @param {string} name @param {Metric} metric */
export function describeChart(rows, name, metric) {
  const { text, change } = summarize(rows, metric);
  return t('trend.describe', { name, count: rows.length, summary: text, change });
}

/**
 * Every series at one day, exactly.
 * @param {TrendRow} row
 * @param {Metric} metric
 * @param {boolean} isToday
 */
function tooltip(row, metric, isToday) {
  const full = format.day(row.date, 'full');
  const box = element('div', 'tooltip');
  box.append(element('p', 'tooltip-head', isToday ? t('trend.todayRunning', { date: full }) : full));
  const list = element('dl', 'tooltip-list');
  addLine(list, 'current', t(metric.label), metric.format(row.current));
  if (row.previousDate) {
    const label = t('trend.previousDay', { date: format.day(row.previousDate, 'short') });
    addLine(list, 'previous', label, metric.format(row.previous));
  }
  if (showsCost(metric)) addLine(list, 'cost', t('metric.cost'), format.money(row.cost));
  box.append(list);
  return box;
}

/**
 * @param {HTMLElement} list
 * @param {'current' | 'previous' | 'cost'} series
 * @param {string} label
 * @param {string} value
 */
function addLine(list, series, label, value) {
  const term = element('dt');
  term.append(element('span', `swatch swatch-${series}`), label);
  list.append(term, element('dd', '', value));
}

/**
 * @param {string} name
 * @param {string} [className]
 * @param {string} [text]
 */
function element(name, className = '', text = '') {
  const made = document.createElement(name);
  if (className) made.className = className;
  made.textContent = text;
  return made;
}
