/**
 * @file What the frame knows of the whole system on every page: its state, and the alerts that are active.
 */
import { get } from './api-client.js';
import { useTimeZone } from './format.js';
import { createPanel } from './panel.js';

/** @typedef {import('./api-types.js').Alert} Alert */

const ALERTS_SHOWN = 5;

export const system = {
  status: createPanel({
    what: 'state.what',
    plain: true,
    /** @returns {Promise<import('./api-types.js').SystemStatus>} */
    load: (signal) => get('/ops/system/status', { signal }),
    onData: (status) => useTimeZone(status.timezone),
  }),
  alerts: createPanel({
    what: 'alerts.what',
    /** @returns {Promise<import('./api-types.js').Page<Alert>>} */
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
