/**
 * @file The dashboard: one look says what is wrong, since when, for whom.
 *
 * Its address: /ops/dashboard?days=30&metric=cost. What the panels show is made by the files in dashboard/.
 */
import Alpine from '@alpinejs/csp';
import { get } from '../api-client.js';
import { clock } from '../clock.js';
import { registerCommands } from '../commands.js';
import * as format from '../format.js';
import { t } from '../i18n.js';
import { component, follow } from '../component.js';
import { createPanel } from '../panel.js';
import { preferences } from '../preferences.js';
import { keepFresh, refreshAll, REFRESH_SECONDS } from '../refresher.js';
import { addressOf, changeQuery, route } from '../router.js';
import { system } from '../system.js';
import { makeCards } from './dashboard/cards.js';
import { healthRows, incidentRows } from './dashboard/health.js';
import { findMetric, metrics } from './dashboard/metrics.js';
import { describeChart, showsCost, summarize, trendModel, trendRows, trendTable } from './dashboard/trend.js';
import { alertRows } from './state-menus.js';

/** @typedef {import('../api-types.js').Overview} Overview */
/** @typedef {import('../api-types.js').Trends} Trends */
/** @typedef {import('../api-types.js').Components} Components */
/** @typedef {'date' | 'current' | 'previous' | 'change' | 'cost'} SortColumn */
/** @typedef {ReturnType<typeof import('../charts.js').createTrendChart>} TrendChart */

const RANGES = [7, 30, 90];

// The chart's code is the heaviest part of the page: it travels while the figures are being asked for.
const charts = import('../charts.js');
charts.catch(() => {}); // Reported where it is awaited.

function selectedDays() {
  const days = Number(route.query.days);
  return RANGES.includes(days) ? days : RANGES[0];
}

export default function dashboard() {
  const panels = {
    overview: createPanel({
      what: 'overview.what',
      /** @returns {Promise<Overview>} */
      load: (signal) => get('/ops/dashboard/overview', { signal }),
      onData: (overview) => format.useTimeZone(overview.timezone),
    }),
    trends: createPanel({
      what: 'trend.what',
      /** @returns {Promise<Trends>} */
      load: (signal) => get('/ops/dashboard/trends', { query: { days: selectedDays() }, signal }),
      order: (trends) => trends.top_tenants.map((tenant) => tenant.tenant_id).join(),
    }),
    components: createPanel({
      what: 'health.what',
      /** @returns {Promise<Components>} */
      load: (signal) => get('/ops/system/components', { signal }),
      isEmpty: (components) => components.items.length === 0,
      order: (components) => components.items.map((item) => item.name).join(),
    }),
    alerts: system.alerts,
  };
  // Not part of the reactive component: a Proxy around a chart would slow it down and break it.
  /** @type {TrendChart | null} */
  let chart = null;
  /** @type {(() => void)[]} */
  const undo = [];

  return component({
    panels,
    refreshSeconds: REFRESH_SECONDS,
    chartFailed: false,
    trendAsTable: false,
    healthAsTable: false,
    pointedAt: -1,
    sort: { column: /** @type {SortColumn} */ ('date'), descending: true },

    init() {
      undo.push(keepFresh([panels.overview, panels.trends, panels.components]));
      undo.push(registerCommands(this.commands()));
      let shown = selectedDays();
      const stop = follow(selectedDays, (days) => {
        // Another range: what is shown stays, dimmed, until the answer is here.
        if (days !== shown) panels.trends.load({ replace: true });
        shown = days;
      });
      undo.push(stop);
      this.startChart();
    },

    destroy() {
      for (const step of undo) step();
      chart?.dispose();
      chart = null;
    },

    async startChart() {
      try {
        const { createTrendChart } = await charts;
        if (!this.$refs.chart) return; // the page was left meanwhile
        chart = createTrendChart(this.$refs.chart);
      } catch (error) {
        // The table has the same figures, so it takes the chart's place.
        console.error(error);
        this.chartFailed = true;
        this.trendAsTable = true;
        return;
      }
      const drawing = Alpine.effect(() => this.drawChart());
      undo.push(() => Alpine.release(drawing));
    },

    drawChart() {
      // Read first, so that the effect follows the theme: the chart takes its colours from the style sheet.
      const inTheme = preferences.dark !== undefined;
      if (!inTheme || this.rows.length === 0) return;
      chart?.update(trendModel(this.rows, this.metric));
    },

    // ── head ──

    get now() {
      const zone = format.timeZoneName();
      if (!zone) return '';
      return t('dashboard.now', { time: format.dayAndTime(clock.now), zone });
    },

    get updated() {
      const { receivedAt } = panels.overview;
      if (!receivedAt) return '';
      return t('dashboard.updated', { age: format.ago(receivedAt, clock.now), seconds: REFRESH_SECONDS });
    },

    get updatedTitle() {
      const generated = panels.overview.data?.generated_at;
      return generated ? t('dashboard.generated', { time: format.exactTime(generated) }) : '';
    },

    get busy() {
      return Object.values(panels).some((panel) => panel.busy);
    },

    refresh() {
      refreshAll();
    },

    // ── cards ──

    get cards() {
      const alertTypes = new Set((system.alerts.data?.items ?? []).map((alert) => alert.alert_type));
      return makeCards(panels.overview.data, { metric: this.metric.name, query: route.query, alertTypes });
    },

    // ── trend ──

    /** @returns {import('./dashboard/metrics.js').Metric} */
    get metric() {
      return findMetric(route.query.metric);
    },

    get metricOptions() {
      return metrics.map(({ name, label }) => ({ name, label: t(label), selected: name === this.metric.name }));
    },

    /** @param {Event} event */
    chooseMetric(event) {
      const { value } = /** @type {HTMLSelectElement} */ (event.target);
      changeQuery({ metric: value === metrics[0].name ? undefined : value });
    },

    get ranges() {
      return RANGES.map((days) => ({
        days,
        label: t('trend.days', { count: days }),
        selected: days === selectedDays(),
      }));
    },

    /** @param {number} days */
    chooseRange(days) {
      changeQuery({ days: days === RANGES[0] ? undefined : days });
    },

    /** @returns {import('./dashboard/trend.js').TrendRow[]} */
    get rows() {
      return panels.trends.data ? trendRows(panels.trends.data, this.metric) : [];
    },

    /** The range of what is shown, which while another one is loading isn't the range that is chosen. */
    get shownDays() {
      return panels.trends.data?.days ?? selectedDays();
    },

    get trendTitle() {
      return t('trend.title', { metric: t(this.metric.label) });
    },

    get trendPeriod() {
      return t('trend.period', { count: this.shownDays });
    },

    get summary() {
      return summarize(this.rows, this.metric);
    },

    /** @returns {boolean} */
    get trendIsEmpty() {
      return this.rows.every(({ current, previous }) => !current && !previous);
    },

    get legend() {
      return {
        current: t(this.metric.label),
        previous: t('trend.previous', { count: this.shownDays }),
        cost: showsCost(this.metric) ? t('trend.costAxis') : '',
      };
    },

    get chartText() {
      return describeChart(this.rows, this.trendTitle, this.metric);
    },

    get tableRows() {
      return trendTable(this.rows, this.metric, this.sort);
    },

    get tableHasCost() {
      return showsCost(this.metric);
    },

    /** @param {SortColumn} column */
    sortBy(column) {
      this.sort = { column, descending: this.sort.column === column ? !this.sort.descending : true };
    },

    /** @param {string} column */
    sortState(column) {
      if (this.sort.column !== column) return 'none';
      return this.sort.descending ? 'descending' : 'ascending';
    },

    toggleTrendTable() {
      this.trendAsTable = !this.trendAsTable;
    },

    /**
     * The arrow keys point at one day after the other.
     * @param {KeyboardEvent} event
     */
    steerChart(event) {
      const last = this.rows.length - 1;
      const start = this.pointedAt < 0 ? last + 1 : this.pointedAt;
      /** @type {Record<string, number>} */
      const targets = { ArrowLeft: start - 1, ArrowRight: this.pointedAt + 1, Home: 0, End: last };
      if (!(event.key in targets)) return;
      event.preventDefault();
      this.pointedAt = Math.min(last, Math.max(0, targets[event.key]));
      chart?.point(this.pointedAt);
    },

    leaveChart() {
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

    // ── tenants ──

    get topTenants() {
      const tenants = panels.trends.data?.top_tenants ?? [];
      const most = Math.max(1, ...tenants.map((tenant) => tenant.conversations));
      return tenants.map((tenant, index) => ({
        id: tenant.tenant_id,
        href: addressOf('tenants', { tenant: tenant.tenant_id }),
        rank: format.count(index + 1),
        name: tenant.name,
        value: format.count(tenant.conversations),
        width: `${(100 * tenant.conversations) / most}%`,
        change:
          tenant.conversations_yesterday === null
            ? format.DASH
            : format.difference(tenant.conversations - tenant.conversations_yesterday),
        changeTitle:
          tenant.conversations_yesterday === null
            ? t('change.unknownWhy')
            : t('tenants.yesterday', { value: format.exactCount(tenant.conversations_yesterday) }),
      }));
    },

    get tenantsAddress() {
      return addressOf('tenants');
    },

    // ── components ──

    get health() {
      const { data } = panels.components;
      return data ? healthRows(data.items, data.generated_at) : [];
    },

    get incidents() {
      const { data } = panels.components;
      return data ? incidentRows(data.items, data.generated_at) : [];
    },

    toggleHealthTable() {
      this.healthAsTable = !this.healthAsTable;
    },

    // ── alerts ──

    get alertRows() {
      return alertRows();
    },

    get alertTotal() {
      const total = system.alerts.data?.total;
      return total === undefined ? '' : t('alerts.active', { count: total });
    },

    // ── keys ──

    /** @returns {import('../commands.js').Command[]} */
    commands() {
      return [
        {
          id: 'refresh',
          label: () => t('command.refresh'),
          icon: 'icon-refresh-cw',
          group: 'page',
          keys: 'r',
          words: 'refresh reload 刷新',
          run: () => refreshAll(),
        },
        {
          id: 'table',
          label: () => t('command.table'),
          icon: 'icon-table-2',
          group: 'page',
          keys: 't',
          words: 'table chart 表格 图表',
          run: () => this.toggleTrendTable(),
        },
        ...RANGES.map((days) => ({
          id: `range-${days}`,
          label: () => t('command.range', { count: days }),
          icon: 'icon-chart-line',
          group: /** @type {const} */ ('page'),
          words: `${days} days 天 trend 趋势`,
          run: () => this.chooseRange(days),
        })),
        ...metrics.map(({ name, label }) => ({
          id: `metric-${name}`,
          label: () => t('command.metric', { metric: t(label) }),
          icon: 'icon-chart-line',
          group: /** @type {const} */ ('page'),
          words: `${name} trend 趋势`,
          run: () => changeQuery({ metric: name === metrics[0].name ? undefined : name }),
        })),
      ];
    },
  });
}
