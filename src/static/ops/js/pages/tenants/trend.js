/**
 * @file The trend of one tenant: the dashboard's for its own days. The series stands in the address, as there.
 */
import { component } from '../../core/component.js';
import { isTyping } from '../../core/keyboard.js';
import { createTrend } from '../../widgets/trend/trend-view.js';

/** @typedef {import('../../core/api-types.js').TenantTrends} TenantTrends */

/** As many days are shown, and as many before them are what they are compared with. */
export const TREND_DAYS = 30;

/** @param {import('../../core/panel.js').Panel<TenantTrends>} panel  with twice these days */
export function tenantTrend(panel) {
  const trend = createTrend({
    panel,
    read: ({ points, compared }) => ({
      points: points.slice(-TREND_DAYS),
      previous: points.slice(-2 * TREND_DAYS, -TREND_DAYS),
      soFar: compared,
    }),
    at: (trends) => trends.generated_at,
    days: () => TREND_DAYS,
    emptyText: 'tenant.trendEmpty',
    replace: true,
    key: 't',
  });

  return component({
    panel,
    trend,

    /**
     * `t` as on the dashboard, while nothing lies over the tenant's dialog.
     * @param {KeyboardEvent} event
     */
    keys(event) {
      if (event.key !== trend.key || event.ctrlKey || event.metaKey || event.altKey) return;
      if (!isTyping(event.target) && document.querySelectorAll('dialog[open]').length === 1) trend.toggleTable();
    },
  });
}
