/**
 * @file The top bar's two readings of the whole system: the state pill and the alert bell.
 */
import { clock } from '../core/clock.js';
import { component, follow } from '../core/component.js';
import { connection } from '../core/connection.js';
import * as format from '../core/format.js';
import { t, tValue } from '../core/i18n.js';
import { addressOf } from '../core/router.js';
import { alertRows, describeHarm, describeTrouble, healthIcons, system } from '../core/system.js';

/** @typedef {import('../core/system.js').Health} Health */

export function stateMenus() {
  return component({
    alerts: system.alerts,
    /** Read aloud when it changes. */
    announcement: '',

    init() {
      // Its age, which changes every second, is not read aloud.
      follow(
        () => announced(),
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

/** Without what changes every second. */
function announced() {
  if (connection.lostAt) return t('state.lostSince', { time: format.clockTime(connection.lostAt) });
  if (system.status.state === 'loading') return '';
  return system.status.stale ? t('state.unreachable') : describeState().text;
}

/**
 * @typedef {object} Pill
 * @property {Health} health
 * @property {string} icon
 * @property {string} text
 * @property {string} more  for whom, how often; where there is room for it
 * @property {string} title
 */

/**
 * "故障 · 大模型 · 自 02:13 · 3 家商家，41 次调用失败": the worst that is known, since when and for whom.
 * @returns {Pill}
 */
function describeState() {
  const { data, state, stale, receivedAt } = system.status;
  if (connection.lostAt) return describeLoss();
  if (!data) {
    const text = t(state === 'error' ? 'state.unreachable' : 'state.loading');
    return { health: 'unknown', icon: healthIcons.unknown, text, more: '', title: text };
  }
  const health = data.status in healthIcons ? data.status : 'unknown';
  const troubled = Object.keys(data.components_status).filter((name) => data.components_status[name] !== 'healthy');
  const names = troubled.map((name) => tValue('component', name));
  const list = names.length ? new Intl.ListFormat(document.documentElement.lang).format(names) : '';
  if (stale) {
    const age = format.ago(receivedAt, clock.now);
    const text = t('state.stale', { state: t(`state.${health}`), age });
    return { health: 'unknown', icon: healthIcons.unknown, text, more: '', title: list };
  }
  const text = stateText(health, names);
  const [worst] = data.troubles;
  if (!worst) return { health, icon: healthIcons[health], text, more: '', title: list };
  const more = describeHarm(worst);
  const since = t('health.since', { time: format.sinceTime(worst.since, clock.now) });
  const each = data.troubles.map((trouble) =>
    format.beside([tValue('component', trouble.component), describeTrouble(trouble)]),
  );
  return { health, icon: healthIcons[health], text: format.beside([text, since]), more, title: each.join('\n') };
}

/** What was known before may still be so, but nobody knows. @returns {Pill} */
function describeLoss() {
  const text = t('state.lost', {
    time: format.clockTime(connection.lostAt),
    length: format.duration(Math.max(0, (clock.now - connection.lostAt) / 1000)),
  });
  const { receivedAt } = system.status;
  const title = receivedAt ? t('state.lastKnown', { time: format.exactTime(receivedAt) }) : '';
  return { health: 'unhealthy', icon: 'icon-unplug', text, more: '', title };
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
