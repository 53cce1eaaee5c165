/**
 * @file What every panel says about itself when something is wrong: the templates `panel-error` and `panel-stale`.
 */
import { clock } from '../core/clock.js';
import { component, explain } from '../core/component.js';
import { connection } from '../core/connection.js';
import * as format from '../core/format.js';
import { t } from '../core/i18n.js';

/** @typedef {import('../core/panel.js').Panel<any>} AnyPanel */

/** @param {AnyPanel} panel */
export function panelError(panel) {
  return component({
    get reason() {
      return panel.error ? explain(panel.error) : '';
    },

    /** By this number the server's log has every line of the request. */
    get requestId() {
      const id = panel.error?.requestId;
      return id ? t('error.request', { id }) : '';
    },

    get wait() {
      const seconds = Math.ceil((panel.retryAt - clock.now) / 1000);
      return seconds > 0 ? t('error.retryAt', { count: seconds }) : '';
    },

    retry() {
      panel.load();
    },
  });
}

/** @param {AnyPanel} panel */
export function panelAge(panel) {
  return component({
    get stale() {
      return panel.stale;
    },

    /** The state pill says that nobody answers, once; here is only how old this is. */
    get lost() {
      return connection.lostAt > 0;
    },

    get staleText() {
      return t('panel.stale', { age: format.ago(panel.receivedAt, clock.now) });
    },

    get staleWhy() {
      if (this.lost) return t('error.unreachable');
      return panel.error ? t('panel.staleWhy', { why: explain(panel.error) }) : t('panel.old');
    },

    retry() {
      panel.load();
    },

    showWaiting() {
      panel.showWaiting();
    },
  });
}
