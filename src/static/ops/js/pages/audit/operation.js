/** @file One row of the operation log: by whom, from where, and before and after beside each other. */
import { get } from '../../core/api-client.js';
import { component } from '../../core/component.js';
import * as format from '../../core/format.js';
import { t } from '../../core/i18n.js';
import { requestAddress } from '../../core/links.js';
import { createPanel } from '../../core/panel.js';
import { keepFresh } from '../../core/refresher.js';
import { addressOf, route } from '../../core/router.js';
import { actionTitle, resultLook, targetText, userText } from './look.js';

/** @typedef {import('../../core/api-types.js').Operation} Operation */
/** @typedef {Record<string, unknown>} Values */

/** @param {import('../../widgets/dialog.js').Dialog} dialog */
export function auditOperation(dialog) {
  const path = /** @type {const} */ (`/ops/logs/operations/${encodeURIComponent(route.query.operation)}`);
  const panel = createPanel({ what: 'audit.what.one', load: (signal) => get(path, { signal }) });
  /** @type {(() => void) | null} */
  let stop = null;

  return component({
    dialog,
    panel,

    init() {
      stop = keepFresh([panel]);
    },

    destroy() {
      stop?.();
    },

    get title() {
      return panel.data ? actionTitle(panel.data.action) : t('audit.one');
    },

    get look() {
      return panel.data ? resultLook(panel.data.result) : null;
    },

    get reason() {
      return detailsOf(panel.data).reason ?? '';
    },

    get facts() {
      const { data } = panel;
      if (!data) return [];
      const of = (/** @type {Record<string, string>} */ query) => addressOf('audit', query);
      return [
        { label: t('audit.time'), value: format.exactTime(data.timestamp), href: null },
        { label: t('audit.user'), value: userText(data), href: data.user_id ? of({ user_id: data.user_id }) : null },
        {
          label: t('audit.target'),
          value: targetText(data),
          href: data.target_id ? of({ target_id: data.target_id }) : null,
        },
        { label: t('audit.address'), value: data.ip_address || format.DASH, href: null },
        {
          label: t('audit.request'),
          value: data.request_id || format.DASH,
          href: data.request_id ? requestAddress(data.request_id) : null,
        },
        { label: t('audit.number'), value: String(data.id), href: null },
      ];
    },

    /** Each field that either side has; what differs is marked. */
    get changes() {
      const { before, after } = detailsOf(panel.data);
      const names = [...new Set([...Object.keys(before ?? {}), ...Object.keys(after ?? {})])];
      return names.map((name) => {
        const [was, is] = [valueText(before, name), valueText(after, name)];
        const differs = before && after && was !== is;
        return {
          name,
          before: was ?? format.DASH,
          after: is ?? format.DASH,
          beforeClass: was === null ? 'text-faint' : differs ? 'diff-removed' : '',
          afterClass: is === null ? 'text-faint' : differs ? 'diff-added' : '',
        };
      });
    },
  });
}

/**
 * @param {Operation | null} operation
 * @returns {{ before?: Values | null, after?: Values | null, reason?: string | null }}
 */
function detailsOf(operation) {
  return operation?.details ?? {};
}

/**
 * @param {Values | null | undefined} values
 * @param {string} name
 */
function valueText(values, name) {
  const value = values?.[name];
  if (value === undefined || value === null || value === '') return null;
  return typeof value === 'object' ? JSON.stringify(value, null, 1) : String(value);
}
