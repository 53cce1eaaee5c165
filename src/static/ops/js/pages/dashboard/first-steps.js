/**
 * @file The first steps on a platform that nobody uses yet, each checked off by what is there. They go away once
 * customers ask.
 */
import { t } from '../../core/i18n.js';
import { firstSteps } from '../../core/preferences.js';
import { addressOf } from '../../core/router.js';

/** @typedef {import('../../core/api-types.js').DashboardOverview} DashboardOverview */
/** @typedef {import('../../core/i18n.js').MessageKey} MessageKey */

/**
 * @type {{ id: string, label: MessageKey, text: MessageKey, action: MessageKey, href: () => string,
 *   done: (overview: DashboardOverview) => boolean }[]}
 */
const steps = [
  {
    id: 'tenant',
    label: 'first.tenant',
    text: 'first.tenant.text',
    action: 'tenants.new',
    href: () => addressOf('tenants', { dialog: 'new' }),
    done: ({ total_tenants: tenants }) => tenants > 0,
  },
  {
    id: 'knowledge',
    label: 'first.knowledge',
    text: 'first.knowledge.text',
    action: 'knowledge.import.title',
    href: () => addressOf('knowledge', { dialog: 'import' }),
    done: ({ total_qa_pairs: pairs }) => pairs > 0,
  },
  {
    id: 'trial',
    label: 'first.trial',
    text: 'first.trial.text',
    action: 'first.trial.do',
    href: () => addressOf('knowledge', { view: 'trial' }),
    done: () => firstSteps.tried,
  },
  {
    id: 'key',
    label: 'first.key',
    text: 'first.key.text',
    action: 'first.key.do',
    href: () => addressOf('tenants'),
    done: () => firstSteps.keyCopied,
  },
];

/** Customers have asked at some time this week or last. @param {DashboardOverview} overview */
function isInUse({ conversations_week: week, compared, pending_feedbacks: feedbacks, total_tenants: tenants }) {
  return week > 0 || (compared?.conversations_week ?? 0) > 0 || feedbacks > 0 || tenants > 3;
}

/**
 * Empty where they are of no use.
 * @param {DashboardOverview | null} overview
 */
export function describeFirstSteps(overview) {
  if (!overview || isInUse(overview)) return [];
  const done = steps.map((step) => step.done(overview));
  const next = done.indexOf(false);
  return steps.map((step, index) => ({
    id: step.id,
    number: `${index + 1}`,
    label: t(step.label),
    text: t(step.text),
    action: t(step.action),
    href: step.href(),
    done: done[index],
    next: index === next,
    state: t(done[index] ? 'first.done' : 'first.open'),
  }));
}
