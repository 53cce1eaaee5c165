/**
 * @file The figures of one tenant: the four on top of its dialog, and all of TenantStats with unit and period. Pure:
 * answers in, texts out.
 */
import * as format from '../../core/format.js';
import { t } from '../../core/i18n.js';
import { pendingFeedbackAddress } from '../../core/links.js';
import { addressOf, route } from '../../core/router.js';
import { findPage } from '../../pages.js';

/** @typedef {import('../../core/api-types.js').TenantDetail} TenantDetail */
/** @typedef {import('../../core/api-types.js').TenantStats} TenantStats */

/**
 * @param {TenantDetail | null} tenant  null while it is being read
 * @param {TenantStats | null} stats
 */
export function tenantFigures(tenant, stats) {
  const figures = [
    { id: 'users', count: tenant?.user_count, unit: t('unit.people'), ...userNote(stats) },
    { id: 'pairs', count: tenant?.qa_pair_count, unit: t('unit.pieces'), ...pairNote(tenant) },
    { id: 'conversations', count: tenant?.conversations_today, unit: t('unit.times'), ...conversationNote(stats) },
    {
      id: 'feedbacks',
      count: tenant?.pending_feedback_count,
      unit: t('unit.pieces'),
      ...feedbackNote(tenant?.id, stats),
    },
  ];
  return figures.map(({ count, ...figure }) => ({
    href: null,
    noteTitle: '',
    ...figure,
    value: format.count(count),
    leadsToUsers: figure.id === 'users',
    title: tenant ? format.exactCount(count) : t('figure.unread'),
  }));
}

/** @param {TenantStats | null} stats */
function userNote(stats) {
  const note = stats ? t('tenant.figure.roles', { admins: stats.admin_count, staff: stats.staff_count }) : '';
  return { label: t('tenant.figure.users'), note };
}

/** @param {TenantDetail | null} tenant */
function pairNote(tenant) {
  const label = t('tenant.figure.pairs');
  if (!tenant) return { label, note: '' };
  const note = t('tenants.unsynced', { value: format.exactCount(tenant.unsynced_count) });
  return { label, note, href: pairsAddress(tenant.id) };
}

/**
 * Where a tenant's pairs are listed, all or just those; null while there is no such page.
 * @param {string} id
 * @param {Record<string, string>} [filter]
 */
export function pairsAddress(id, filter = {}) {
  return findPage('knowledge') ? addressOf('knowledge', { tenant_id: id, ...filter }) : null;
}

/** The series in the chart below the figures. @param {import('../../widgets/trend/metrics.js').MetricName} metric */
function seriesAddress(metric) {
  return addressOf('tenants', { ...route.query, metric: metric === 'conversations' ? undefined : metric });
}

/** @param {TenantStats | null} stats */
function conversationNote(stats) {
  const label = t('tenant.figure.conversations');
  if (!stats) return { label, note: '' };
  return {
    label,
    href: seriesAddress('conversations'),
    note: changeNote(stats.conversations_today, stats.conversations_yesterday, 'change.yesterday'),
    noteTitle: beforeTitle(stats.conversations_yesterday, 'change.before'),
  };
}

/**
 * "+5.1% 较昨日同时": like with like, as the server has them.
 * @param {number} now
 * @param {number | null} before
 * @param {import('../../core/i18n.js').MessageKey} key
 */
function changeNote(now, before, key) {
  if (before === null) return t(key, { value: format.DASH });
  return t(key, { value: before ? format.signedPercent((now - before) / before) : format.difference(now) });
}

/**
 * @param {number | null} before
 * @param {import('../../core/i18n.js').MessageKey} key
 */
function beforeTitle(before, key) {
  return before === null ? t('change.unknownWhy') : t(key, { value: format.exactCount(before) });
}

/**
 * @param {string | undefined} id  of the tenant
 * @param {TenantStats | null} stats
 */
function feedbackNote(id, stats) {
  const label = t('tenant.figure.feedbacks');
  if (!stats) return { label, note: '' };
  const share = stats.feedback_approval_rate;
  const noteTitle = share === null ? t('stats.nothingYet') : '';
  const href = pendingFeedbackAddress(id);
  return { label, note: t('tenant.figure.approved', { share: format.percent(share) }), noteTitle, href };
}

/**
 * Everything that TenantStats has, in its order.
 * @param {string} id  of the tenant
 * @param {TenantStats} stats
 */
export function tenantStatistics(id, stats) {
  /** @param {number | null} value  what nothing can be said about yet is a dash with the reason */
  const orWhy = (value) => (value === null ? t('stats.nothingYet') : '');
  return [
    {
      id: 'users',
      title: t('stats.users'),
      lines: [
        line(t('stats.totalUsers'), t('count.people', { count: stats.total_users })),
        line(t('stats.admins'), t('count.people', { count: stats.admin_count })),
        line(t('stats.staff'), t('count.people', { count: stats.staff_count })),
      ],
    },
    {
      id: 'knowledge',
      title: t('stats.knowledge'),
      lines: [
        { ...line(t('stats.pairs'), t('count.pieces', { count: stats.total_qa_pairs })), href: pairsAddress(id) },
        {
          ...line(t('stats.synced'), t('count.pieces', { count: stats.synced_qa_pairs })),
          href: pairsAddress(id, { is_synced: 'true' }),
        },
        line(t('stats.quality'), format.quality(stats.avg_quality_score), orWhy(stats.avg_quality_score)),
      ],
    },
    {
      id: 'conversations',
      title: t('stats.conversations'),
      lines: [
        line(
          t('stats.today'),
          counted(stats.conversations_today, stats.conversations_yesterday),
          beforeTitle(stats.conversations_yesterday, 'change.before'),
        ),
        line(
          t('stats.week'),
          counted(stats.conversations_week, stats.conversations_week_before),
          beforeTitle(stats.conversations_week_before, 'change.weekBefore'),
        ),
        line(
          t('stats.month'),
          counted(stats.conversations_month, stats.conversations_month_before),
          beforeTitle(stats.conversations_month_before, 'change.monthBefore'),
        ),
        line(t('stats.response'), format.milliseconds(stats.avg_response_time_ms), orWhy(stats.avg_response_time_ms)),
      ],
    },
    {
      id: 'feedbacks',
      title: t('stats.feedbacks'),
      lines: [
        {
          ...line(t('stats.pending'), t('count.pieces', { count: stats.pending_feedbacks })),
          href: pendingFeedbackAddress(id),
        },
        line(t('stats.approval'), format.percent(stats.feedback_approval_rate), orWhy(stats.feedback_approval_rate)),
      ],
    },
  ];
}

/**
 * @param {number} now
 * @param {number | null} before  as much of the day, the week or the month before
 */
function counted(now, before) {
  const text = t('count.times', { count: now });
  return before ? t('card.changed', { text, change: format.signedPercent((now - before) / before) }) : text;
}

/**
 * @param {string} label
 * @param {string} value
 * @param {string} [title]
 */
function line(label, value, title = '') {
  return { label, value, title, href: /** @type {string | null} */ (null) };
}
