/**
 * @file The top bar's two readings of the whole system: the state pill and the alert bell.
 */
import { clock } from '../clock.js';
import * as format from '../format.js';
import { t, tValue } from '../i18n.js';
import { component, follow } from '../component.js';
import { addressOf } from '../router.js';
import { healthIcons, severityIcons, system } from '../system.js';

/** @typedef {import('../api-types.js').Health} Health */

export function stateMenus() {
  return component({
    alerts: system.alerts,
    /** Read aloud when it changes. */
    announcement: '',

    init() {
      // Its age, which changes every second, is not read aloud.
      follow(
        () => (system.status.state === 'loading' ? '' : system.status.stale ? t('state.unreachable') : this.pill.text),
        (text) => {
          this.announcement = text;
        },
      );
    },

    get pill() {
      return describeState();
    },

    get dashboardAddress() {
      return addressOf('dashboard');
    },

    get alertCount() {
      return system.alerts.data?.total ?? 0;
    },

    get alertBadge() {
      return this.alertCount > 99 ? t('alerts.many') : format.count(this.alertCount);
    },

    get bellLabel() {
      if (system.alerts.data === null) return t('alerts.unread');
      return this.alertCount ? t('alerts.count', { count: this.alertCount }) : t('alerts.none');
    },

    /** Red on the bell only for what needs a person now. */
    get urgent() {
      return (system.alerts.data?.items ?? []).some(({ severity }) => severity === 'critical' || severity === 'error');
    },

    get alertRows() {
      return alertRows();
    },
  });
}

/** The active alerts as rows for the bell and for the dashboard. */
export function alertRows() {
  return (system.alerts.data?.items ?? []).map((alert) => ({
    id: alert.id,
    severity: alert.severity,
    icon: severityIcons[alert.severity] ?? severityIcons.info,
    severityText: tValue('severity', alert.severity),
    title: alert.title,
    message: alert.message ?? '',
    tenant: alert.tenant_id ? t('alerts.tenant', { tenant: alert.tenant_id }) : '',
    since: t('alerts.since', { time: format.clockTime(alert.created_at) }),
    age: format.ago(Date.parse(alert.created_at), clock.now),
    exact: format.exactTime(alert.created_at),
    acknowledged: alert.acknowledged_by ? t('alerts.acknowledged', { user: alert.acknowledged_by }) : '',
    repeated: alert.count > 1 ? t('alerts.repeated', { count: alert.count }) : '',
  }));
}

/** "降级 · 大模型": the worst that is known, and what it is about. */
function describeState() {
  const { data, state, stale, receivedAt } = system.status;
  if (!data) {
    const text = t(state === 'error' ? 'state.unreachable' : 'state.loading');
    return { health: /** @type {Health} */ ('unknown'), icon: healthIcons.unknown, text, title: text };
  }
  const health = data.status in healthIcons ? data.status : 'unknown';
  const troubled = Object.keys(data.components_status).filter((name) => data.components_status[name] !== 'healthy');
  const names = troubled.map((name) => tValue('component', name));
  const title = names.length ? new Intl.ListFormat(document.documentElement.lang).format(names) : '';
  if (stale) {
    const age = format.ago(receivedAt, clock.now);
    const text = t('state.stale', { state: t(`state.${health}`), age });
    return { health: /** @type {Health} */ ('unknown'), icon: healthIcons.unknown, text, title };
  }
  return { health, icon: healthIcons[health], text: stateText(health, names), title };
}

/**
 * @param {Health} health
 * @param {string[]} names
 */
function stateText(health, names) {
  const state = t(`state.${health}`);
  if (names.length === 0) return state;
  if (names.length === 1) return t('state.one', { state, component: names[0] });
  return t('state.several', { state, count: names.length });
}
