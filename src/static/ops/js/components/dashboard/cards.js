/**
 * @file The five figures on top of the dashboard, made from one overview. Pure: an answer in, texts out.
 */
import * as format from '../../format.js';
import { t } from '../../i18n.js';
import { addressOf } from '../../router.js';
import { sparkline } from './sparkline.js';

/** @typedef {import('../../api-types.js').Overview} Overview */
/** @typedef {import('../../api-types.js').ComparedFigure} ComparedFigure */
/** @typedef {import('../../i18n.js').MessageKey} MessageKey */
/** @typedef {import('./metrics.js').MetricName} MetricName */

/**
 * @typedef {object} CardRow
 * @property {ComparedFigure} figure
 * @property {MessageKey} label
 * @property {MessageKey | null} unit
 * @property {MetricName | null} metric  the series that a click shows in the chart; null: the list of tenants
 * @property {boolean} flow  counted from midnight on (compared in percent), rather than a level (compared in pieces)
 * @property {string} rule  the alert rule that watches this figure
 * @property {(overview: Overview) => Detail[]} details
 */

/** @typedef {{ text: string, title: string, warn: boolean, href?: string | null }} Detail  `href`: its own page */

/** @type {CardRow[]} */
const cardRows = [
  {
    figure: 'total_tenants',
    label: 'card.tenants',
    unit: 'unit.tenants',
    metric: null,
    flow: false,
    rule: '',
    details: (overview) => [
      detail(t('card.tenants.active', { value: format.count(overview.active_tenants) })),
      detail(t('card.tenants.suspended', { value: format.count(overview.suspended_tenants) })),
    ],
  },
  {
    figure: 'conversations_today',
    label: 'card.conversations',
    unit: 'unit.times',
    metric: 'conversations',
    flow: true,
    rule: 'slow_response',
    details: (overview) => [
      detail(t('card.conversations.week', { value: format.count(overview.conversations_week) })),
      detail(
        t('card.conversations.response', { value: format.milliseconds(overview.avg_response_time_ms) }),
        overview.avg_response_time_ms === null ? t('card.conversations.noResponse') : '',
      ),
    ],
  },
  {
    figure: 'pending_feedbacks',
    label: 'card.feedbacks',
    unit: 'unit.pieces',
    metric: 'feedbacks',
    flow: false,
    rule: 'pending_feedbacks',
    details: (overview) => [
      {
        ...detail(t('card.pairs.unsynced', { value: format.count(overview.unsynced_qa_pairs) })),
        href: addressOf('knowledge', { is_synced: 'false' }),
      },
      {
        ...detail(t('card.pairs.total', { value: format.count(overview.total_qa_pairs) })),
        href: addressOf('knowledge'),
      },
    ],
  },
  {
    figure: 'api_calls_today',
    label: 'card.calls',
    unit: 'unit.times',
    metric: 'api_calls',
    flow: true,
    rule: 'high_error_rate',
    details: (overview) => [
      detail(
        t('card.calls.failed', {
          value: format.count(overview.failed_calls_today),
          share: format.percent(share(overview.failed_calls_today, overview.api_calls_today)),
        }),
      ),
    ],
  },
  {
    figure: 'estimated_cost_today',
    label: 'card.cost',
    unit: null,
    metric: 'cost',
    flow: true,
    rule: '',
    details: (overview) => [
      overview.month_cost_estimate === null
        ? detail(t('card.cost.month', { value: format.DASH }), t('card.cost.noMonth'))
        : detail(t('card.cost.month', { value: format.roundMoney(overview.month_cost_estimate) })),
      ...(overview.unpriced_calls_today
        ? [
            {
              text: t('card.cost.unpriced', { count: overview.unpriced_calls_today }),
              title: t('card.cost.unpricedWhy'),
              warn: true,
            },
          ]
        : []),
    ],
  },
];

/**
 * @param {Overview | null} overview  null while there is none: the cards then have their labels only
 * @param {object} context
 * @param {MetricName} context.metric  the one in the chart
 * @param {Record<string, string>} context.query  of the address, which the cards' links keep
 * @param {Set<string>} context.alertTypes  of the active alerts
 */
export function makeCards(overview, { metric, query, alertTypes }) {
  return cardRows.map((row) => ({
    id: row.figure,
    label: t(row.label),
    ...describeValue(row, overview),
    change: overview ? describeChange(row, overview) : null,
    details: overview ? row.details(overview).map((told) => ({ href: null, ...told })) : [],
    spark: overview ? sparkline(overview.history?.[row.figure] ?? [], sparkOptions(row)) : null,
    href: row.metric ? addressOf('dashboard', { ...query, metric: chartQuery(row.metric) }) : addressOf('tenants'),
    current: row.metric === metric,
    alerted: row.rule !== '' && alertTypes.has(row.rule),
  }));
}

/**
 * @param {CardRow} row
 * @param {Overview | null} overview
 */
function describeValue(row, overview) {
  const value = overview?.[row.figure];
  if (value == null) return { value: format.DASH, title: t('figure.unread'), unit: '' };
  const isMoney = row.figure === 'estimated_cost_today';
  const shown = isMoney ? format.shortMoney(value) : format.count(value);
  const exact = isMoney ? format.money(value) : format.exactCount(value);
  return { value: shown, title: shown === exact ? '' : exact, unit: row.unit ? t(row.unit) : '' };
}

/** The chart's first series needs no name in the address. @param {MetricName} metric */
function chartQuery(metric) {
  return metric === 'conversations' ? undefined : metric;
}

/**
 * Against the reading of the same time yesterday. A level changes by pieces, a flow by a share.
 * @param {CardRow} row
 * @param {Overview} overview
 */
function describeChange(row, overview) {
  const now = overview[row.figure];
  const before = overview.compared?.[row.figure];
  if (before == null || now == null) return { text: t('change.unknown'), title: t('change.unknownWhy') };
  const isMoney = row.figure === 'estimated_cost_today';
  const title = t('change.before', { value: isMoney ? format.money(before) : format.exactCount(before) });
  if (now === before) return { text: t('change.none'), title };
  if (row.flow && before !== 0) {
    return { text: t('change.yesterday', { value: format.signedPercent((now - before) / before) }), title };
  }
  const amount = isMoney ? format.signedMoney(now - before) : format.difference(now - before);
  return { text: t('change.yesterday', { value: amount }), title };
}

/** @param {CardRow} row */
function sparkOptions(row) {
  const isMoney = row.figure === 'estimated_cost_today';
  return { fromZero: row.flow, format: isMoney ? format.money : format.exactCount };
}

/**
 * @param {string} text
 * @param {string} [title]
 * @returns {Detail}
 */
function detail(text, title = '') {
  return { text, title, warn: false };
}

/**
 * @param {number} part
 * @param {number} whole
 */
function share(part, whole) {
  return whole ? part / whole : null;
}
