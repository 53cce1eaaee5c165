/**
 * @file API usage and cost: how much was called, what it cost, for whom, and where the month is going.
 *
 * Its address: /ops/api-usage?days=30&metric=cost&tenant_id=…&sort=calls. What it shows is made by figures.js.
 */
import { get } from '../../core/api-client.js';
import { clock } from '../../core/clock.js';
import { refreshCommand, registerCommands } from '../../core/commands.js';
import { component, follow } from '../../core/component.js';
import * as format from '../../core/format.js';
import { t } from '../../core/i18n.js';
import { createPanel } from '../../core/panel.js';
import { keepFresh, refreshAll } from '../../core/refresher.js';
import { addressOf, changeQuery, route } from '../../core/router.js';
import { learnTenantNames } from '../../core/tenant-names.js';
import { createTenantChoice } from '../../widgets/tenant-choice.js';
import { usageMetrics } from '../../widgets/trend/metrics.js';
import { createTrend } from '../../widgets/trend/trend-view.js';
import { apiRows, costFacts, describeMonth, tenantRows, usageCards } from './figures.js';
import { DEFAULT_RANGE, RANGES, findRange, rangeOf } from './range.js';

/** @typedef {import('../../core/api-types.js').UsagePoint} UsagePoint */
/** @typedef {{ label: import('../../core/i18n.js').MessageKey, name: string }} Column */

const TENANTS_SHOWN = 20;
const TENANTS_MOST = 1000;
const MONTH_TENANTS = 5;

/** @type {Column[]} */
const tenantColumns = [
  { name: 'calls', label: 'usage.calls' },
  { name: 'failed', label: 'usage.failed' },
  { name: 'tokens_input', label: 'usage.tokensIn' },
  { name: 'tokens_output', label: 'usage.tokensOut' },
  { name: 'cost_cny', label: 'usage.cost' },
];

const chosen = {
  days: () => findRange(route.query.days),
  tenant: () => route.query.tenant_id || undefined,
  sort: () => tenantColumns.find(({ name }) => name === route.query.sort)?.name ?? 'cost_cny',
};

/** @returns {Record<string, string>} */
function ofTenant() {
  const tenant = chosen.tenant();
  return tenant ? { tenant_id: tenant } : {};
}

/** Days begin in the server's zone, which only it knows. @param {AbortSignal} signal */
async function knownRange(signal) {
  if (!format.timeZoneName()) format.useTimeZone((await get('/ops/system/status', { signal })).timezone);
  return rangeOf(chosen.days(), Date.now());
}

/** @param {UsagePoint} point @param {'hour' | 'day'} interval */
function trendPoint(point, interval) {
  return {
    date: interval === 'hour' ? point.time : format.calendarDay(point.time),
    conversations: null,
    feedbacks: null,
    p95_response_time_ms: null,
    api_calls: point.calls,
    failed_calls: point.failed,
    cost_cny: point.cost_cny,
    tokens_input: point.tokens_input,
    tokens_output: point.tokens_output,
    avg_response_time_ms: point.avg_latency_ms,
  };
}

export default function apiUsage() {
  let shown = TENANTS_SHOWN;
  const panels = {
    stats: createPanel({
      what: 'usage.what',
      plain: true,
      load: async (signal) => {
        const range = await knownRange(signal);
        const of = (/** @type {typeof range.now} */ part) =>
          get('/ops/api-usage/stats', { query: { ...part, ...ofTenant() }, signal });
        const [now, before] = await Promise.all([of(range.now), of(range.before)]);
        return { now, before };
      },
    }),
    trends: createPanel({
      what: 'trend.what',
      plain: true,
      load: async (signal) => {
        const days = chosen.days();
        const { both, interval, start } = await knownRange(signal);
        const query = { ...both, interval, ...ofTenant() };
        const { points, generated_at } = await get('/ops/api-usage/trends', { query, signal });
        const here = points.filter(({ time }) => Date.parse(time) >= start);
        const before = points.slice(0, points.length - here.length);
        return {
          days,
          generated_at,
          points: here.map((point) => trendPoint(point, interval)),
          previous: before.map((point) => trendPoint(point, interval)),
        };
      },
    }),
    tenants: createPanel({
      what: 'usage.tenants.what',
      plain: true,
      load: async (signal) => {
        const { now } = await knownRange(signal);
        const query = { ...now, ...ofTenant(), sort: chosen.sort(), limit: shown };
        return get('/ops/api-usage/by-tenant', { query, signal });
      },
      isEmpty: (tenants) => tenants.items.length === 0,
      order: (tenants) => tenants.items.map(({ tenant_id }) => tenant_id).join(),
      onData: ({ items }) =>
        learnTenantNames(
          items.flatMap(({ tenant_id: id, name }) => (id !== null && name !== null ? [{ id, name }] : [])),
        ),
    }),
    cost: createPanel({
      what: 'usage.cost.what',
      plain: true,
      load: async (signal) => {
        const { now } = await knownRange(signal);
        return get('/ops/api-usage/cost', { query: { ...now, ...ofTenant() }, signal });
      },
    }),
    month: createPanel({
      what: 'usage.month.what',
      plain: true,
      load: (signal) => get('/ops/api-usage/projection', { query: { ...ofTenant(), limit: MONTH_TENANTS }, signal }),
    }),
  };
  const trend = createTrend({
    panel: panels.trends,
    metrics: usageMetrics,
    read: ({ points, previous }) => ({ points, previous, soFar: null }),
    at: (trends) => trends.generated_at,
    days: () => {
      const days = panels.trends.data?.days ?? chosen.days();
      return days === 1 ? 0 : days;
    },
    emptyText: 'usage.empty.text',
    sortable: true,
  });
  const choice = createTenantChoice({
    label: 'usage.tenant',
    any: 'usage.tenant.any',
    value: () => chosen.tenant() ?? '',
    choose: (id) => changeQuery({ tenant_id: id || undefined }),
  });
  /** @type {(() => void)[]} */
  const undo = [() => choice.dispose()];

  return component({
    panels,
    trend,
    choice,

    init() {
      undo.push(keepFresh(Object.values(panels)));
      undo.push(
        registerCommands([
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
        ]),
      );
      this.reloadOn(() => `${chosen.days()} ${chosen.tenant() ?? ''}`, Object.values(panels));
      this.reloadOn(chosen.sort, [panels.tenants]);
    },

    destroy() {
      for (const step of undo) step();
    },

    /**
     * What is shown stays, dimmed, until the answer is here.
     * @param {() => string} read
     * @param {{ load(why: { replace: boolean }): Promise<void> }[]} which
     */
    reloadOn(read, which) {
      let before = read();
      undo.push(
        follow(read, (value) => {
          if (value !== before) for (const panel of which) panel.load({ replace: true });
          before = value;
        }),
      );
    },

    // ── head ──

    get now() {
      const zone = format.timeZoneName();
      return zone ? t('dashboard.now', { time: format.dayAndTime(clock.now), zone }) : '';
    },

    get busy() {
      return Object.values(panels).some((panel) => panel.busy);
    },

    refresh() {
      return refreshAll();
    },

    get ranges() {
      return RANGES.map((days) => ({
        days,
        label: days === 1 ? t('usage.hours') : t('trend.days', { count: days }),
        selected: days === chosen.days(),
      }));
    },

    /** @param {number} days */
    chooseRange(days) {
      changeQuery({ days: days === DEFAULT_RANGE ? undefined : String(days) });
    },

    // ── figures ──

    get cards() {
      return usageCards(panels.stats.data, { metric: trend.metric.name, query: route.query });
    },

    get apiRows() {
      return apiRows(panels.stats.data?.now);
    },

    get tenantRows() {
      return tenantRows(panels.tenants.data, route.query);
    },

    get tenantHeads() {
      return tenantColumns.map(({ name, label }) => ({
        name,
        label: t(label),
        state: name === chosen.sort() ? 'descending' : 'none',
      }));
    },

    /** @param {string} column */
    sortBy(column) {
      changeQuery({ sort: column === 'cost_cny' ? undefined : column }, { replace: true });
    },

    get hasMore() {
      return (panels.tenants.data?.rest.tenants ?? 0) > 0 && shown < TENANTS_MOST;
    },

    get moreText() {
      const { data } = panels.tenants;
      return data ? t('usage.more', { count: Math.min(data.total, TENANTS_MOST) }) : '';
    },

    showMore() {
      shown = TENANTS_MOST;
      panels.tenants.load({ replace: true });
    },

    get oneTenant() {
      return chosen.tenant() !== undefined;
    },

    get tenantAddress() {
      return addressOf('tenants', { tenant: chosen.tenant() });
    },

    get cost() {
      return costFacts(panels.cost.data);
    },

    get month() {
      return describeMonth(panels.month.data);
    },
  });
}
