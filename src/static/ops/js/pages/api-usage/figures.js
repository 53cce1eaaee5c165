/**
 * @file The figures of the page, made from its answers. Pure: answers in, texts out.
 */
import * as format from '../../core/format.js';
import { t } from '../../core/i18n.js';
import { addressOf } from '../../core/router.js';

/** @typedef {import('../../core/api-types.js').APIUsageStats} Stats */
/** @typedef {import('../../core/i18n.js').MessageKey} MessageKey */
/** @typedef {import('../../widgets/trend/metrics.js').MetricName} MetricName */

/**
 * @typedef {object} Card
 * @property {string} id
 * @property {MessageKey} label
 * @property {MetricName} metric  the series that it shows
 * @property {(stats: Stats) => number | null} read
 * @property {(value: number | null) => string} show
 * @property {(value: number | null) => string} exact
 * @property {(stats: Stats) => { id: string, text: string, warn?: boolean, title?: string }[]} details
 */

/** @type {Card[]} */
const cards = [
  {
    id: 'total_calls',
    label: 'usage.calls',
    metric: 'api_calls',
    read: (stats) => stats.total_calls,
    show: format.count,
    exact: format.exactCount,
    details: (stats) => [
      {
        id: 'failed',
        text: t('usage.failedShare', {
          value: format.count(stats.failed_calls),
          share: format.percent(stats.total_calls ? stats.failed_calls / stats.total_calls : null),
        }),
      },
      ...some('aborted', stats.aborted_calls, 'usage.abortedCount', 'usage.abortedWhy'),
    ],
  },
  {
    id: 'cost_cny',
    label: 'usage.cost',
    metric: 'cost',
    read: (stats) => stats.cost_cny,
    show: format.shortMoney,
    exact: format.money,
    details: (stats) => [
      ...some('unpriced', stats.unpriced_calls, 'usage.unpricedCount', 'usage.unpricedWhy', true),
      ...some('estimated', stats.estimated_calls, 'usage.estimatedCount', 'usage.estimatedWhy'),
    ],
  },
  {
    id: 'tokens_input',
    label: 'usage.tokensIn',
    metric: 'tokens_input',
    read: (stats) => stats.tokens_input,
    show: format.count,
    exact: format.exactCount,
    details: (stats) => some('cached', stats.tokens_cached, 'usage.cachedCount', 'usage.cachedWhy'),
  },
  {
    id: 'tokens_output',
    label: 'usage.tokensOut',
    metric: 'tokens_output',
    read: (stats) => stats.tokens_output,
    show: format.count,
    exact: format.exactCount,
    details: () => [],
  },
  {
    id: 'p95_latency_ms',
    label: 'usage.latency',
    metric: 'latency',
    read: (stats) => stats.p95_latency_ms,
    show: format.milliseconds,
    exact: format.milliseconds,
    details: (stats) => [
      { id: 'p50', text: t('usage.median', { value: format.milliseconds(stats.p50_latency_ms) }) },
      { id: 'mean', text: t('usage.mean', { value: format.milliseconds(stats.avg_latency_ms) }) },
    ],
  },
];

/**
 * Only where there are any.
 * @param {string} id
 * @param {number} count
 * @param {MessageKey} text
 * @param {MessageKey} title
 */
function some(id, count, text, title, warn = false) {
  return count ? [{ id, text: t(text, { value: format.count(count) }), title: t(title), warn }] : [];
}

/**
 * @param {{ now: Stats, before: Stats } | null} data
 * @param {{ metric: MetricName, query: Record<string, string> }} context
 */
export function usageCards(data, { metric, query }) {
  return cards.map((card) => {
    const value = data ? card.read(data.now) : null;
    const before = data ? card.read(data.before) : null;
    return {
      id: card.id,
      label: t(card.label),
      value: card.show(value),
      title:
        data && value === null ? t('usage.noCalls') : card.show(value) === card.exact(value) ? '' : card.exact(value),
      change: data ? t('usage.change', { value: describeChange(value, before) }) : '',
      changeTitle: data ? t('usage.before', { value: card.exact(before) }) : '',
      details: (data ? card.details(data.now) : []).map((detail) => ({ title: '', warn: false, ...detail })),
      href: addressOf('api-usage', { ...query, metric: card.metric === 'api_calls' ? undefined : card.metric }),
      current: card.metric === metric,
    };
  });
}

/** @param {number | null} value @param {number | null} before */
function describeChange(value, before) {
  return value === null || !before ? format.DASH : format.signedPercent((value - before) / before);
}

/** @param {Stats | undefined} stats */
export function apiRows(stats) {
  return (stats?.by_api ?? []).map((row) => ({
    id: `${row.api_type} ${row.operation} ${row.model}`,
    name: row.model || t('usage.noModel'),
    what: format.beside([row.api_type, row.operation]),
    calls: format.exactCount(row.calls),
    failed: format.exactCount(row.failed),
    failedTitle: format.percent(row.calls ? row.failed / row.calls : null),
    tokensIn: format.exactCount(row.tokens_input),
    tokensOut: format.exactCount(row.tokens_output),
    mean: format.milliseconds(row.avg_latency_ms),
    p95: format.milliseconds(row.p95_latency_ms),
    cost: row.unpriced === row.calls ? format.DASH : format.money(row.cost_cny),
    note: row.unpriced
      ? t('usage.unpricedCount', { value: format.count(row.unpriced) })
      : row.estimated
        ? t('usage.estimatedCount', { value: format.count(row.estimated) })
        : '',
    noteTitle: row.unpriced ? t('usage.unpricedWhy') : row.estimated ? t('usage.estimatedWhy') : '',
    warn: row.unpriced > 0,
  }));
}

/**
 * @param {import('../../core/api-types.js').UsageTenants | null} data
 * @param {Record<string, string>} query
 */
export function tenantRows(data, query) {
  if (!data) return [];
  const rows = data.items.map((row) => ({
    id: row.tenant_id ?? '',
    name: row.tenant_id === null ? t('usage.noTenant') : (row.name ?? row.tenant_id),
    title: row.tenant_id ?? t('usage.noTenantWhy'),
    href: row.tenant_id === null ? null : addressOf('api-usage', { ...query, tenant_id: row.tenant_id }),
    ...describeRow(row, data.total_cost_cny),
  }));
  if (data.rest.tenants === 0) return rows;
  const rest = { id: '\n', name: t('usage.rest', { count: data.rest.tenants }), title: '', href: null };
  return [...rows, { ...rest, ...describeRow(data.rest, data.total_cost_cny) }];
}

/**
 * @param {{ calls: number, failed: number, tokens_input: number, tokens_output: number, cost_cny: number }} row
 * @param {number} total
 */
function describeRow(row, total) {
  return {
    calls: format.exactCount(row.calls),
    failed: format.exactCount(row.failed),
    tokensIn: format.exactCount(row.tokens_input),
    tokensOut: format.exactCount(row.tokens_output),
    cost: format.money(row.cost_cny),
    share: format.percent(total ? row.cost_cny / total : null),
  };
}

/** @param {import('../../core/api-types.js').CostEstimate | null} cost */
export function costFacts(cost) {
  const facts = [
    { id: 'dashscope', label: t('usage.dashscope'), value: format.money(cost?.dashscope_cost_cny), title: '' },
    {
      id: 'pinecone',
      label: t('usage.pinecone'),
      value: format.beside([format.dollars(cost?.pinecone_cost_usd), format.money(cost?.pinecone_cost_cny)]),
      title: t('usage.pineconeHow'),
    },
    { id: 'other', label: t('usage.other'), value: format.money(cost?.other_cost_cny), title: '' },
    { id: 'total', label: t('usage.total'), value: format.money(cost?.total_cost_cny), title: '' },
  ];
  const rate = cost
    ? t('usage.rate', { rate: format.rate(cost.usd_cny_rate), date: format.day(cost.usd_cny_rate_date, 'full') })
    : '';
  return { facts, rate };
}

/** @param {import('../../core/api-types.js').UsageProjection | null} month */
export function describeMonth(month) {
  const share = month?.projected_cny ? month.month_to_date_cny / month.projected_cny : 0;
  return {
    name: month ? format.month(month.start_time) : '',
    soFar: format.money(month?.month_to_date_cny),
    projected: month?.projected_cny === null ? format.DASH : format.money(month?.projected_cny),
    range:
      month?.projected_cny == null
        ? t('usage.noProjection')
        : t('usage.projectedRange', { low: format.money(month.low_cny), high: format.money(month.high_cny) }),
    how: t('usage.projectedHow', { count: month?.days_known ?? 0 }),
    width: `${Math.min(100, 100 * share)}%`,
    tenants: (month?.by_tenant ?? []).map((row) => ({
      id: row.tenant_id ?? '',
      name: row.tenant_id === null ? t('usage.noTenant') : (row.name ?? row.tenant_id),
      href: row.tenant_id === null ? null : addressOf('api-usage', { tenant_id: row.tenant_id }),
      soFar: format.money(row.month_to_date_cny),
      projected: row.projected_cny === null ? format.DASH : format.money(row.projected_cny),
    })),
  };
}
