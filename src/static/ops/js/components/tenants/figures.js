/**
 * @file The figures of one tenant: the four on top of its dialog, and all of TenantStats with unit and period. Pure:
 * answers in, texts out.
 */
import * as format from '../../format.js';
import { t } from '../../i18n.js';
import { addressOf, findPage } from '../../router.js';

/** @typedef {import('../../api-types.js').TenantDetail} TenantDetail */
/** @typedef {import('../../api-types.js').TenantStats} TenantStats */
/** @typedef {import('../../api-types.js').TenantTrends} TenantTrends */

/**
 * @param {TenantDetail | null} tenant  null while it is being read
 * @param {TenantStats | null} stats
 * @param {TenantTrends | null} trends
 */
export function tenantFigures(tenant, stats, trends) {
  const figures = [
    { id: 'users', count: tenant?.user_count, unit: t('unit.people'), ...userNote(stats) },
    { id: 'pairs', count: tenant?.qa_pair_count, unit: t('unit.pieces'), ...pairNote(tenant) },
    { id: 'conversations', count: tenant?.conversations_today, unit: t('unit.times'), ...conversationNote(trends) },
    { id: 'feedbacks', count: tenant?.pending_feedback_count, unit: t('unit.pieces'), ...feedbackNote(stats) },
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

/** @param {TenantTrends | null} trends */
function conversationNote(trends) {
  const yesterday = trends?.points.at(-2)?.conversations ?? null;
  const note = yesterday === null ? '' : t('tenant.figure.yesterday', { value: format.exactCount(yesterday) });
  return { label: t('tenant.figure.conversations'), note };
}

/** @param {TenantStats | null} stats */
function feedbackNote(stats) {
  const label = t('tenant.figure.feedbacks');
  if (!stats) return { label, note: '' };
  const share = stats.feedback_approval_rate;
  const noteTitle = share === null ? t('stats.nothingYet') : '';
  return { label, note: t('tenant.figure.approved', { share: format.percent(share) }), noteTitle };
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
        line(t('stats.quality'), format.percent(stats.avg_quality_score), orWhy(stats.avg_quality_score)),
      ],
    },
    {
      id: 'conversations',
      title: t('stats.conversations'),
      lines: [
        line(t('stats.today'), t('count.times', { count: stats.conversations_today })),
        line(t('stats.week'), t('count.times', { count: stats.conversations_week })),
        line(t('stats.month'), t('count.times', { count: stats.conversations_month })),
        line(t('stats.response'), format.milliseconds(stats.avg_response_time_ms), orWhy(stats.avg_response_time_ms)),
      ],
    },
    {
      id: 'feedbacks',
      title: t('stats.feedbacks'),
      lines: [
        line(t('stats.pending'), t('count.pieces', { count: stats.pending_feedbacks })),
        line(t('stats.approval'), format.percent(stats.feedback_approval_rate), orWhy(stats.feedback_approval_rate)),
      ],
    },
  ];
}

/**
 * @param {string} label
 * @param {string} value
 * @param {string} [title]
 */
function line(label, value, title = '') {
  return { label, value, title, href: /** @type {string | null} */ (null) };
}
