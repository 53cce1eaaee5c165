/**
 * @file The trend of one tenant: the dashboard's chart, summary and table for its own days. The series stands in the
 * address, as there: &metric=cost.
 */
import Alpine from '@alpinejs/csp';
import * as format from '../../format.js';
import { t } from '../../i18n.js';
import { component } from '../../component.js';
import { preferences } from '../../preferences.js';
import { changeQuery, route } from '../../router.js';
import { findMetric, metrics } from '../dashboard/metrics.js';
import { describeChart, showsCost, summarize, trendModel, trendRows, trendTable } from '../dashboard/trend.js';

/** @typedef {import('../../api-types.js').TenantTrends} TenantTrends */

// Travels while the figures are being asked for.
const charts = import('../../charts.js');
charts.catch(() => {}); // Reported where it is awaited.

/** As many days are shown, and as many before them are what they are compared with. */
export const TREND_DAYS = 30;

/** @param {import('../../panel.js').Panel<TenantTrends>} panel  with twice these days */
export function tenantTrend(panel) {
  // Not part of the reactive component: a Proxy around a chart would slow it down and break it.
  /** @type {ReturnType<typeof import('../../charts.js').createTrendChart> | null} */
  let chart = null;
  /** @type {unknown} */
  let drawing;

  return component({
    asTable: false,
    chartFailed: false,
    pointedAt: -1,
    panel,

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
        const { createTrendChart } = await charts;
        if (!this.$refs.chart.isConnected) return;
        chart = createTrendChart(this.$refs.chart);
      } catch (error) {
        console.error(error);
        this.chartFailed = true;
        this.asTable = true;
        return;
      }
      drawing = Alpine.effect(() => {
        // Read first, so that the effect follows the theme: the chart takes its colours from the style sheet.
        const inTheme = preferences.dark !== undefined;
        if (inTheme && this.rows.length > 0) chart?.update(trendModel(this.rows, this.metric));
      });
    },

    /** @returns {import('../dashboard/metrics.js').Metric} */
    get metric() {
      return findMetric(route.query.metric);
    },

    get metricOptions() {
      return metrics.map(({ name, label }) => ({ name, label: t(label), selected: name === this.metric.name }));
    },

    /** @param {Event} event */
    chooseMetric(event) {
      const { value } = /** @type {HTMLSelectElement} */ (event.target);
      changeQuery({ metric: value === metrics[0].name ? undefined : value }, { replace: true });
    },

    /** @returns {import('../dashboard/trend.js').TrendRow[]} */
    get rows() {
      const points = panel.data?.points ?? [];
      return trendRows(
        { points: points.slice(-TREND_DAYS), previous: points.slice(-2 * TREND_DAYS, -TREND_DAYS) },
        this.metric,
      );
    },

    get title() {
      return t('trend.title', { metric: t(this.metric.label) });
    },

    get period() {
      return t('trend.period', { count: TREND_DAYS });
    },

    get summary() {
      return summarize(this.rows, this.metric);
    },

    /** @returns {boolean} */
    get isEmpty() {
      return this.rows.every(({ current, previous }) => !current && !previous);
    },

    get legend() {
      return {
        current: t(this.metric.label),
        previous: t('trend.previous', { count: TREND_DAYS }),
        cost: showsCost(this.metric) ? t('trend.costAxis') : '',
      };
    },

    get text() {
      return describeChart(this.rows, this.title, this.metric);
    },

    get tableRows() {
      return trendTable(this.rows, this.metric, { column: 'date', descending: true });
    },

    get tableHasCost() {
      return showsCost(this.metric);
    },

    /** The chart can be seen. */
    get drawn() {
      return panel.state === 'ready' && !this.asTable && !this.isEmpty;
    },

    toggleTable() {
      this.asTable = !this.asTable;
    },

    /**
     * `t` as on the dashboard, while nothing lies over the tenant's dialog.
     * @param {KeyboardEvent} event
     */
    keys(event) {
      if (event.key !== 't' || event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
      const typing = event.target instanceof Element && event.target.closest('input, textarea, select');
      if (!typing && document.querySelectorAll('dialog[open]').length === 1) this.toggleTable();
    },

    /**
     * The arrow keys point at one day after the other.
     * @param {KeyboardEvent} event
     */
    steer(event) {
      const last = this.rows.length - 1;
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
      const row = this.rows[this.pointedAt];
      if (!row) return '';
      const { metric } = this;
      return t('trend.pointed', {
        date: format.day(row.date, 'full'),
        value: metric.format(row.current),
        previous: metric.format(row.previous),
      });
    },
  });
}
