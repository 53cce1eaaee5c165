/**
 * @file The dashboard: one look says what is wrong, since when, for whom.
 *
 * Its address: /ops/dashboard?days=30&metric=cost. What the panels show is made by the files in dashboard/.
 */
import { get } from '../../core/api-client.js';
import { clock } from '../../core/clock.js';
import { refreshCommand, registerCommands } from '../../core/commands.js';
import { component, follow } from '../../core/component.js';
import * as format from '../../core/format.js';
import { t, tValue } from '../../core/i18n.js';
import { createPanel } from '../../core/panel.js';
import { keepFresh, refreshAll, REFRESH_SECONDS } from '../../core/refresher.js';
import { addressOf, changeQuery, route } from '../../core/router.js';
import { mayWrite } from '../../core/session.js';
import { alertRows, describeTrouble, system } from '../../core/system.js';
import { metrics } from '../../widgets/trend/metrics.js';
import { createTrend } from '../../widgets/trend/trend-view.js';
import { makeCards } from './cards.js';
import { describeFirstSteps } from './first-steps.js';
import { byUrgency, healthRows, incidentRows, inTrouble } from './health.js';

const RANGES = [7, 30, 90];

function selectedDays() {
  const days = Number(route.query.days);
  return RANGES.includes(days) ? days : RANGES[0];
}

export default function dashboard() {
  const panels = {
    overview: createPanel({
      what: 'overview.what',
      plain: true,
      load: (signal) => get('/ops/dashboard/overview', { signal }),
      onData: (overview) => format.useTimeZone(overview.timezone),
    }),
    trends: createPanel({
      what: 'trend.what',
      plain: true,
      load: (signal) => get('/ops/dashboard/trends', { query: { days: selectedDays() }, signal }),
      order: (trends) => trends.top_tenants.map((tenant) => tenant.tenant_id).join(),
    }),
    components: createPanel({
      what: 'health.what',
      plain: true,
      load: (signal) => get('/ops/system/components', { signal }),
      isEmpty: (components) => components.items.length === 0,
      order: (components) =>
        byUrgency(components.items)
          .map((item) => item.name)
          .join(),
    }),
    alerts: system.alerts,
  };
  const trend = createTrend({
    panel: panels.trends,
    read: ({ points, previous, previous_so_far: soFar }) => ({ points, previous, soFar }),
    at: (trends) => trends.generated_at,
    // While another range is loading, what is shown isn't what is chosen.
    days: () => panels.trends.data?.days ?? selectedDays(),
    emptyText: 'trend.empty.text',
    sortable: true,
  });
  /** @type {(() => void)[]} */
  const undo = [];

  return component({
    panels,
    trend,
    refreshSeconds: REFRESH_SECONDS,
    healthAsTable: false,
    /** The components stand above the trend: decided when the page opens or is refreshed by hand, as it moves things. */
    troubleFirst: false,

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
      undo.push(
        follow(
          () => panels.components.data !== null,
          () => this.putTroubleFirst(),
        ),
      );
    },

    putTroubleFirst() {
      this.troubleFirst = inTrouble(panels.components.data?.items ?? []);
    },

    destroy() {
      for (const step of undo) step();
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

    async refresh() {
      await refreshAll();
      this.putTroubleFirst();
    },

    /** For whom and how often, of the worst. */
    get trouble() {
      const [worst] = system.status.data?.troubles ?? [];
      return worst && worst.status === 'unhealthy'
        ? format.beside([tValue('component', worst.component), describeTrouble(worst)])
        : '';
    },

    /** For those who may take them. */
    get firstSteps() {
      return mayWrite() ? describeFirstSteps(panels.overview.data) : [];
    },

    // ── cards ──

    get cards() {
      const alertTypes = new Set((system.alerts.data?.items ?? []).map((alert) => alert.alert_type));
      return makeCards(panels.overview.data, { metric: trend.metric.name, query: route.query, alertTypes });
    },

    // ── trend ──

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
        change: format.difference(tenant.conversations - tenant.conversations_yesterday),
        changeTitle: t('tenants.yesterday', { value: format.exactCount(tenant.conversations_yesterday) }),
      }));
    },

    get tenantsAddress() {
      return addressOf('tenants');
    },

    get usageAddress() {
      return addressOf('api-usage');
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

    /** @returns {import('../../core/commands.js').Command[]} */
    commands() {
      return [
        refreshCommand,
        {
          id: 'table',
          label: () => t('command.table'),
          icon: 'icon-table-2',
          group: 'page',
          keys: 't',
          words: 'table chart 表格 图表',
          run: () => trend.toggleTable(),
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
          run: () => trend.showMetric(name),
        })),
      ];
    },
  });
}
