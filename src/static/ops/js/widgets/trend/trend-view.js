/**
 * @file The trend on a page: its series, its summary, and the chart or the table of its days.
 *
 *   const trend = createTrend({ panel, read: (data) => ({ points, previous }), days: () => 30, … });
 *
 * In markup, with x-use and the trend (trend-view.html has the templates): trend-metric, trend-toggle, trend-summary and
 * trend-chart. The page gives the last a box, and with `--inset` the chart's distance from its edges. The series stands
 * in the address: &metric=cost.
 */
import Alpine from '@alpinejs/csp';
import { component, follow } from '../../core/component.js';
import * as format from '../../core/format.js';
import { t } from '../../core/i18n.js';
import { preferences } from '../../core/preferences.js';
import { changeQuery, route } from '../../core/router.js';
import { findMetric, metrics } from './metrics.js';
import { describeChart, moment, showsCost, summarize, trendModel, trendRows, trendTable } from './trend-rows.js';

/** @typedef {'date' | 'current' | 'previous' | 'change' | 'cost'} SortColumn */

/**
 * @template T
 * @typedef {object} TrendOptions
 * @property {import('../../core/panel.js').Panel<T>} panel
 * @property {(data: T) => import('./trend-rows.js').TrendDays} read
 * @property {(data: T) => string} at  the instant of the figures
 * @property {() => number} days  of what is shown; 0: the last 24 hours
 * @property {import('../../core/i18n.js').MessageKey} emptyText
 * @property {boolean} [sortable]  the table is, by any column
 * @property {boolean} [replace]  another series is no step to go back from
 * @property {import('./metrics.js').Metric[]} [metrics]  the series that there are; else the dashboard's
 * @property {string} [key]  what turns the chart into the table, where its button is to say so
 */

/**
 * The chart's code is the heaviest part of a page: it travels early (early.js), and is run once the figures stand, in a
 * moment in which nothing else is to be done.
 */
async function loadCharts() {
  await new Promise((resolve) => {
    if ('requestIdleCallback' in window) requestIdleCallback(resolve, { timeout: 500 });
    else setTimeout(resolve, 50);
  });
  return import('./charts.js');
}

/** @type {{ name: SortColumn, label: import('../../core/i18n.js').MessageKey }[]} */
const columns = [
  { name: 'date', label: 'trend.date' },
  { name: 'current', label: 'trend.current' },
  { name: 'previous', label: 'trend.previousColumn' },
  { name: 'change', label: 'trend.change' },
  { name: 'cost', label: 'metric.cost' },
];

/** @template T */
export class Trend {
  asTable = false;
  chartFailed = false;
  sort = { column: /** @type {SortColumn} */ ('date'), descending: true };

  /** @param {TrendOptions<T>} options */
  constructor(options) {
    this._options = options;
    this.panel = options.panel;
    this._metrics = options.metrics ?? metrics;
    this.key = options.key ?? null;
    this.sortable = options.sortable ?? false;
  }

  // ── what is chosen ──

  /** @returns {import('./metrics.js').Metric} */
  get metric() {
    return findMetric(this._metrics, route.query.metric);
  }

  get metricOptions() {
    return this._metrics.map(({ name, label }) => ({ name, label: t(label), selected: name === this.metric.name }));
  }

  /** @param {Event} event */
  chooseMetric(event) {
    const { value } = /** @type {HTMLSelectElement} */ (event.target);
    this.showMetric(value);
  }

  /** @param {string} name */
  showMetric(name) {
    changeQuery({ metric: name === this._metrics[0].name ? undefined : name }, { replace: this._options.replace });
  }

  toggleTable() {
    this.asTable = !this.asTable;
  }

  // ── what is shown ──

  /** @returns {import('./trend-rows.js').TrendRow[]} */
  get rows() {
    return this.panel.data ? trendRows(this._options.read(this.panel.data), this.metric) : [];
  }

  get title() {
    return t('trend.title', { metric: t(this.metric.label) });
  }

  get period() {
    const count = this._options.days();
    return count ? t('trend.period', { count }) : t('trend.periodHours');
  }

  /** How far the last day has come. */
  get todayText() {
    const { data } = this.panel;
    return data ? t('trend.todayIncluded', { time: format.clockTime(this._options.at(data)) }) : '';
  }

  get summary() {
    return summarize(this.rows, this.metric);
  }

  /** @returns {boolean} */
  get isEmpty() {
    return this.rows.every(({ current, previous }) => !current && !previous);
  }

  get emptyText() {
    return t(this._options.emptyText);
  }

  /** The chart can be seen. */
  get drawn() {
    return this.panel.state === 'ready' && !this.asTable && !this.isEmpty;
  }

  get legend() {
    return {
      current: t(this.metric.label),
      previous: this._options.days() ? t('trend.previous', { count: this._options.days() }) : t('trend.previousHours'),
      cost: showsCost(this.metric) ? t('trend.costAxis') : '',
    };
  }

  get text() {
    return describeChart(this.rows, this.title, this.metric);
  }

  // ── the table ──

  get hasCost() {
    return showsCost(this.metric);
  }

  get heads() {
    return columns
      .filter(({ name }) => name !== 'cost' || this.hasCost)
      .map(({ name, label }) => ({ name, label: t(label), isNumber: name !== 'date', state: this.sortState(name) }));
  }

  get tableRows() {
    return trendTable(this.rows, this.metric, this.sort);
  }

  /** @param {SortColumn} column */
  sortState(column) {
    if (!this.sortable) return null;
    if (this.sort.column !== column) return 'none';
    return this.sort.descending ? 'descending' : 'ascending';
  }

  /** @param {SortColumn} column */
  sortBy(column) {
    this.sort = { column, descending: this.sort.column === column ? !this.sort.descending : true };
  }
}

/**
 * @template T
 * @param {TrendOptions<T>} options
 * @returns {Trend<T>}
 */
export function createTrend(options) {
  return Alpine.reactive(new Trend(options));
}

/** There is nothing to draw before. @param {Trend<unknown>} trend @returns {Promise<void>} */
function someData(trend) {
  return new Promise((resolve) => {
    const stop = follow(
      () => trend.panel.data !== null,
      (there) => {
        if (!there) return;
        stop();
        resolve();
      },
    );
  });
}

/**
 * The chart of one, and pointing at its days.
 * @param {Trend<unknown>} trend
 */
function trendChart(trend) {
  // Not part of the reactive component: a Proxy around a chart would slow it down and break it.
  /** @type {ReturnType<typeof import('./charts.js').createTrendChart> | null} */
  let chart = null;
  /** @type {unknown} */
  let drawing;

  return component({
    pointedAt: -1,

    init() {
      this.start();
    },

    destroy() {
      if (drawing) Alpine.release(drawing);
      chart?.dispose();
      chart = null;
    },

    async start() {
      try {
        await someData(trend);
        const { createTrendChart } = await loadCharts();
        if (!this.$root.isConnected) return; // the page was left meanwhile
        chart = createTrendChart(this.$refs.chart);
      } catch (error) {
        // The table has the same figures, so it takes the chart's place.
        console.error(error);
        trend.chartFailed = true;
        trend.asTable = true;
        return;
      }
      drawing = Alpine.effect(() => {
        // Read first, so that the effect follows the theme: the chart takes its colours from the style sheet.
        const inTheme = preferences.dark !== undefined;
        if (inTheme && trend.rows.length > 0) chart?.update(trendModel(trend.rows, trend.metric));
      });
    },

    /**
     * The arrow keys point at one day after the other.
     * @param {KeyboardEvent} event
     */
    steer(event) {
      const last = trend.rows.length - 1;
      const start = this.pointedAt < 0 ? last + 1 : this.pointedAt;
      /** @type {Record<string, number>} */
      const targets = { ArrowLeft: start - 1, ArrowRight: this.pointedAt + 1, Home: 0, End: last };
      if (!(event.key in targets)) return;
      event.preventDefault();
      this.pointedAt = Math.min(last, Math.max(0, targets[event.key]));
      chart?.point(this.pointedAt);
    },

    leave() {
      this.pointedAt = -1;
      chart?.leave();
    },

    /** What the arrow keys point at, read aloud. */
    get pointedText() {
      const row = trend.rows[this.pointedAt];
      if (!row) return '';
      return t('trend.pointed', {
        date: moment(row.date, 'full'),
        value: trend.metric.format(row.current),
        previous: trend.metric.format(row.compared ?? row.previous),
      });
    },
  });
}

Alpine.data('trendChart', trendChart);
