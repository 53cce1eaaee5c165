/**
 * @file The trend: what the chart, its tooltip, its one-line summary and its table show. Pure but for the tooltip's
 * nodes. All four are made from the same rows, so that they can't contradict each other.
 */
import * as format from '../../core/format.js';
import { t } from '../../core/i18n.js';

/** @typedef {import('./metrics.js').TrendPoint} TrendPoint */
/** @typedef {import('../../core/api-types.js').DaySoFar} DaySoFar */
/** @typedef {import('./metrics.js').Metric} Metric */

/**
 * @typedef {object} TrendDays  of any trend: the dashboard's, a tenant's
 * @property {TrendPoint[]} points  today last
 * @property {TrendPoint[]} previous  as many days before
 * @property {DaySoFar | null} soFar  the last of `previous`, until this time of the day
 */

/**
 * @typedef {object} TrendRow
 * @property {string} date  a day, or the instant at which an hour begins
 * @property {string} previousDate
 * @property {number | null} current
 * @property {number | null} previous  the whole day
 * @property {number | null} compared  like with like: of today's counterpart only as much as has passed of today
 * @property {number | null} cost
 */

const DAYS_WITH_WEEKDAY = 14;

/**
 * @param {TrendDays} trends
 * @param {Metric} metric
 * @returns {TrendRow[]}
 */
export function trendRows({ points, previous, soFar }, metric) {
  return points.map((point, index) => {
    const before = previous[index];
    const whole = before?.[metric.field] ?? null;
    const isToday = index === points.length - 1;
    return {
      date: point.date,
      previousDate: before?.date ?? '',
      current: point[metric.field] ?? null,
      previous: whole,
      compared: isToday ? readSoFar(soFar, metric) : whole,
      cost: point.cost_cny,
    };
  });
}

/**
 * @param {DaySoFar | null} soFar
 * @param {Metric} metric
 * @returns {number | null}
 */
function readSoFar(soFar, { field }) {
  return soFar && field in soFar ? soFar[/** @type {Exclude<keyof DaySoFar, 'date'>} */ (field)] : null;
}

/** @param {TrendRow[]} rows */
function isHourly(rows) {
  return rows[0]?.date.includes('T') ?? false;
}

/**
 * A day, or an hour.
 * @param {string} date
 * @param {'short' | 'weekday' | 'full'} style
 */
export function moment(date, style) {
  if (!date.includes('T')) return format.day(date, style);
  return style === 'full' ? format.dayAndTime(date) : format.clockTime(date);
}

/**
 * @param {TrendRow[]} rows
 * @param {Metric} metric
 * @returns {import('./charts.js').TrendModel}
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
  if (days > DAYS_WITH_WEEKDAY) return moment(date, 'short');
  return `${moment(date, 'short')}\n${isToday ? t('trend.today') : moment(date, 'weekday')}`;
}

/**
 * "合计 8,712 · 上期同期 8,290 · +5.1%". A series that doesn't add up has its highest day instead. Compared are days of
 * which both are known, today with as much of its counterpart; where these are not all, it says how many.
 * @param {TrendRow[]} rows
 * @param {Metric} metric
 */
export function summarize(rows, metric) {
  const current = rows.map((row) => row.current).filter((value) => value !== null);
  if (current.length === 0) return { text: format.DASH, change: '' };
  if (!metric.sums) {
    const highest = Math.max(...current);
    const previous = rows.map((row) => row.previous).filter((value) => value !== null);
    const date = rows.find((row) => row.current === highest)?.date ?? '';
    return {
      text: t('trend.highest', { value: metric.format(highest), date: moment(date, 'short') }),
      change: previous.length ? t('trend.highestBefore', { value: metric.format(Math.max(...previous)) }) : '',
    };
  }
  const text = t('trend.total', { value: metric.format(sum(current)) });
  const pairs = rows.filter((row) => row.current !== null && row.compared !== null);
  if (pairs.length === 0) return { text, change: t('trend.noneBefore') };
  const now = sum(pairs.map((row) => row.current ?? 0));
  const before = sum(pairs.map((row) => row.compared ?? 0));
  const change = before ? format.signedPercent((now - before) / before) : format.DASH;
  const parameters = { value: metric.format(before), change, count: pairs.length };
  const part = isHourly(rows) ? 'trend.totalBeforePartHours' : 'trend.totalBeforePart';
  return { text, change: t(pairs.length === rows.length ? 'trend.totalBefore' : part, parameters) };
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
    date: moment(row.date, 'full'),
    running: row.date === today,
    current: metric.format(row.current),
    previous: metric.format(row.compared ?? row.previous),
    previousTitle: describePrevious(row, metric, row.date === today),
    change: row.change === null ? format.DASH : format.signedPercent(row.change),
    cost: format.money(row.cost),
  }));
}

/**
 * @param {TrendRow} row
 * @param {Metric} metric
 * @param {boolean} isToday
 */
function describePrevious(row, metric, isToday) {
  if (!row.previousDate) return '';
  const date = moment(row.previousDate, 'full');
  if (!isToday || row.compared === null) return date;
  return t('trend.soFar', { date, value: metric.format(row.previous) });
}

/** @param {TrendRow} row */
function relativeChange({ current, compared }) {
  return current === null || !compared ? null : (current - compared) / compared;
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
  const key = isHourly(rows) ? 'trend.describeHours' : 'trend.describe';
  return t(key, { name, count: rows.length, summary: text, change });
}

/**
 * Every series at one day, exactly.
 * @param {TrendRow} row
 * @param {Metric} metric
 * @param {boolean} isToday
 */
function tooltip(row, metric, isToday) {
  const full = moment(row.date, 'full');
  const box = element('div', 'tooltip');
  box.append(element('p', 'tooltip-head', isToday ? t('trend.todayRunning', { date: full }) : full));
  const list = element('dl', 'tooltip-list');
  addLine(list, 'current', t(metric.label), metric.format(row.current));
  if (row.previousDate) {
    const date = moment(row.previousDate, 'short');
    addLine(list, 'previous', t('trend.previousDay', { date }), metric.format(row.previous));
    if (isToday && row.compared !== null) {
      addLine(list, 'previous', t('trend.previousSoFar', { date }), metric.format(row.compared));
    }
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
