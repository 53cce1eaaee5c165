/**
 * @file The five figures on top of the dashboard, made from one overview. Pure: an answer in, texts out.
 */
import * as format from '../../core/format.js';
import { t } from '../../core/i18n.js';
import { pendingFeedbackAddress } from '../../core/links.js';
import { addressOf } from '../../core/router.js';
import { sparkline } from './sparkline.js';

/** @typedef {import('../../core/api-types.js').DashboardOverview} DashboardOverview */
/** @typedef {keyof import('../../core/api-types.js').OverviewHistory} ComparedFigure */
/** @typedef {import('../../core/i18n.js').MessageKey} MessageKey */
/** @typedef {import('../../widgets/trend/metrics.js').MetricName} MetricName */

/**
 * @typedef {object} CardRow
 * @property {ComparedFigure} figure
 * @property {MessageKey} label
 * @property {MessageKey | null} unit
 * @property {MetricName | null} metric  the series that a click shows in the chart
 * @property {() => string} [address]  where a click leads instead
 * @property {boolean} flow  counted from midnight on (compared in percent), rather than a level (compared in pieces)
 * @property {string} rule  the alert rule that watches this figure
 * @property {(overview: DashboardOverview) => Detail[]} details
 */

/**
 * @typedef {object} Detail
 * @property {string} id
 * @property {string} text
 * @property {string} title
 * @property {boolean} warn
 * @property {string} href  the list or the series that it is taken from
 */

/** @type {CardRow[]} */
const cardRows = [
  {
    figure: 'total_tenants',
    label: 'card.tenants',
    unit: 'unit.tenants',
    metric: null,
    address: () => addressOf('tenants'),
    flow: false,
    rule: '',
    details: (overview) => [
      detail('active_tenants', t('card.tenants.active', { value: format.count(overview.active_tenants) }), {
        href: addressOf('tenants', { status: 'active' }),
      }),
      detail('suspended_tenants', t('card.tenants.suspended', { value: format.count(overview.suspended_tenants) }), {
        href: addressOf('tenants', { status: 'suspended' }),
      }),
    ],
  },
  {
    figure: 'conversations_today',
    label: 'card.conversations',
    unit: 'unit.times',
    metric: 'conversations',
    flow: true,
    rule: 'slow_response',
    details: ({ conversations_week: week, avg_response_time_ms: response, compared }) => [
      detail('conversations_week', t('card.conversations.week', { value: format.count(week) }), {
        change: relative(week, compared?.conversations_week),
        title: before('change.weekBefore', compared?.conversations_week, format.exactCount),
        href: seriesAddress('conversations'),
      }),
      detail('avg_response_time_ms', t('card.conversations.response', { value: format.milliseconds(response) }), {
        title:
          response === null
            ? t('card.conversations.noResponse')
            : before('change.before', compared?.avg_response_time_ms, format.milliseconds),
        href: seriesAddress('response_time'),
      }),
    ],
  },
  {
    figure: 'pending_feedbacks',
    label: 'card.feedbacks',
    unit: 'unit.pieces',
    metric: null,
    address: pendingFeedbackAddress,
    flow: false,
    rule: 'pending_feedbacks',
    details: (overview) => [
      detail('unsynced_qa_pairs', t('card.pairs.unsynced', { value: format.count(overview.unsynced_qa_pairs) }), {
        href: addressOf('knowledge', { is_synced: 'false' }),
      }),
      detail('total_qa_pairs', t('card.pairs.total', { value: format.count(overview.total_qa_pairs) }), {
        href: addressOf('knowledge'),
      }),
    ],
  },
  {
    figure: 'api_calls_today',
    label: 'card.calls',
    unit: 'unit.times',
    metric: 'api_calls',
    flow: true,
    rule: 'high_error_rate',
    details: ({ failed_calls_today: failed, api_calls_today: calls, compared }) => [
      detail(
        'failed_calls_today',
        t('card.calls.failed', { value: format.count(failed), share: format.percent(share(failed, calls)) }),
        {
          title: before('change.before', compared?.failed_calls_today, format.exactCount),
          href: seriesAddress('failed_calls'),
        },
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
    details: ({ month_cost_estimate: month, unpriced_calls_today: unpriced }) => [
      detail(
        'month_cost_estimate',
        t('card.cost.month', { value: month === null ? format.DASH : format.roundMoney(month) }),
        {
          title: t(month === null ? 'card.cost.noMonth' : 'card.cost.monthHow'),
          href: seriesAddress('cost', { days: '30' }),
        },
      ),
      ...(unpriced
        ? [
            detail('unpriced_calls_today', t('card.cost.unpriced', { count: unpriced }), {
              title: t('card.cost.unpricedWhy'),
              warn: true,
              href: seriesAddress('api_calls'),
            }),
          ]
        : []),
    ],
  },
];

/**
 * @param {DashboardOverview | null} overview  null while there is none: the cards then have their labels only
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
    details: overview ? row.details(overview) : [],
    spark: overview ? sparkline(overview.history?.[row.figure] ?? [], sparkOptions(row)) : null,
    href: row.address?.() ?? seriesAddress(row.metric, query),
    current: row.metric === metric,
    alerted: row.rule !== '' && alertTypes.has(row.rule),
  }));
}

/**
 * @param {CardRow} row
 * @param {DashboardOverview | null} overview
 */
function describeValue(row, overview) {
  const value = overview?.[row.figure];
  if (value == null) return { value: format.DASH, title: t('figure.unread'), unit: '' };
  const isMoney = row.figure === 'estimated_cost_today';
  const shown = isMoney ? format.shortMoney(value) : format.count(value);
  const exact = isMoney ? format.money(value) : format.exactCount(value);
  return { value: shown, title: shown === exact ? '' : exact, unit: row.unit ? t(row.unit) : '' };
}

/**
 * The chart of a series. The first one needs no name in the address.
 * @param {MetricName | null} metric
 * @param {Record<string, string>} [query]  what else the address has
 */
function seriesAddress(metric, query = {}) {
  return addressOf('dashboard', { ...query, metric: metric === 'conversations' ? undefined : (metric ?? undefined) });
}

/**
 * Against the reading of the same time yesterday. A level changes by pieces, a flow by a share.
 * @param {CardRow} row
 * @param {DashboardOverview} overview
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
 * @param {string} id
 * @param {string} text
 * @param {object} more
 * @param {string} more.href
 * @param {string} [more.change]
 * @param {string} [more.title]
 * @param {boolean} [more.warn]
 * @returns {Detail}
 */
function detail(id, text, { href, change = '', title = '', warn = false }) {
  return { id, text: change ? t('card.changed', { text, change }) : text, title, warn, href };
}

/**
 * @param {number} now
 * @param {number | null | undefined} earlier
 */
function relative(now, earlier) {
  return earlier ? format.signedPercent((now - earlier) / earlier) : '';
}

/**
 * @param {MessageKey} key
 * @param {number | null | undefined} earlier
 * @param {(value: number) => string} show
 */
function before(key, earlier, show) {
  return earlier == null ? t('change.unknownWhy') : t(key, { value: show(earlier) });
}

/**
 * @param {number} part
 * @param {number} whole
 */
function share(part, whole) {
  return whole ? part / whole : null;
}
