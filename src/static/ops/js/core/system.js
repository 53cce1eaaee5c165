/**
 * @file What is known of the whole system on every page: its state, and the alerts that are active.
 */
import { get } from './api-client.js';
import { clock } from './clock.js';
import * as format from './format.js';
import { t, tValue } from './i18n.js';
import { createPanel } from './panel.js';

/** @typedef {import('./api-types.js').SystemStatus['status']} Health */

const ALERTS_SHOWN = 5;

export const system = {
  status: createPanel({
    what: 'state.what',
    plain: true,
    load: (signal) => get('/ops/system/status', { signal }),
    onData: (status) => format.useTimeZone(status.timezone),
  }),
  alerts: createPanel({
    what: 'alerts.what',
    load: (signal) => get('/ops/alerts/active', { query: { page_size: ALERTS_SHOWN }, signal }),
    isEmpty: (page) => page.items.length === 0,
    order: (page) => page.items.map((alert) => alert.id).join(),
  }),
};

/** How health looks, on every page: an icon and a class beside the word (`health.…`), never the colour alone. */
export const healthIcons = {
  healthy: 'icon-circle-check',
  degraded: 'icon-triangle-alert',
  unhealthy: 'icon-octagon-x',
  unknown: 'icon-circle-question-mark',
};

/** Severity is shown in the colours of health: red only for what needs a person now. */
export const severityIcons = {
  critical: 'icon-octagon-x',
  error: 'icon-circle-x',
  warning: 'icon-triangle-alert',
  info: 'icon-info',
};

/** The active alerts as rows for the bell and the dashboard. */
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

/**
 * Since when, for whom, how often.
 * @param {{ since: string | null, failed_calls: number, tenants: number }} trouble
 */
export function describeTrouble({ since, failed_calls: calls, tenants }) {
  return format.beside([
    since ? t('health.since', { time: format.sinceTime(since, clock.now) }) : '',
    describeHarm({ failed_calls: calls, tenants }),
  ]);
}

/** @param {{ failed_calls: number, tenants: number }} trouble */
export function describeHarm({ failed_calls: calls, tenants }) {
  if (!calls) return '';
  const failed = t('health.failedCalls', { count: calls });
  return tenants ? t('health.harm', { count: tenants, failed }) : failed;
}
