/** @file All that one request has left behind, on one line of time: its rows, calls, changes, message and alerts. */
import { get } from '../../core/api-client.js';
import { component } from '../../core/component.js';
import * as format from '../../core/format.js';
import { t, tValue } from '../../core/i18n.js';
import { createPanel } from '../../core/panel.js';
import { keepFresh } from '../../core/refresher.js';
import { addressOf, route } from '../../core/router.js';
import { askTenantNames, tenantName } from '../../core/tenant-names.js';
import { actionTitle, resultLook, targetText } from './look.js';

/** @typedef {import('../../core/api-types.js').RequestStory} Story */

/**
 * @typedef {object} Entry
 * @property {string} at
 * @property {string} kind
 * @property {string} label
 * @property {string} text
 * @property {string} [detail]
 * @property {string} tone
 * @property {string} icon
 * @property {string | null} [href]
 */

/** @type {Record<string, string>} */
const levelTones = { ERROR: 'is-error', WARN: 'is-warning', INFO: 'is-unknown', DEBUG: 'is-unknown' };

/** @param {import('../../widgets/dialog.js').Dialog} dialog */
export function requestStory(dialog) {
  const id = route.query.request;
  const path = /** @type {const} */ (`/ops/requests/${encodeURIComponent(id)}`);
  const panel = createPanel({
    what: 'audit.what.story',
    load: async (signal) => {
      const story = await get(path, { signal });
      if (story.tenant_id) askTenantNames([story.tenant_id]);
      return story;
    },
  });
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
      return t('audit.story.of', { id });
    },

    get incomplete() {
      return panel.data?.complete === false;
    },

    get facts() {
      const { data } = panel;
      if (!data) return [];
      const took = data.started_at && data.ended_at ? Date.parse(data.ended_at) - Date.parse(data.started_at) : null;
      const facts = [
        {
          label: t('audit.story.began'),
          value: data.started_at ? format.exactTime(data.started_at) : format.DASH,
          href: /** @type {string | null} */ (null),
        },
        { label: t('audit.story.took'), value: took === null ? format.DASH : format.milliseconds(took), href: null },
        { label: t('audit.story.cost'), value: format.money(data.cost_cny), href: null },
      ];
      if (data.tenant_id)
        facts.push({
          label: t('audit.story.tenant'),
          value: tenantName(data.tenant_id) || data.tenant_id,
          href: addressOf('tenants', { tenant: data.tenant_id }),
        });
      return facts;
    },

    get entries() {
      const began = Date.parse(panel.data?.started_at ?? '');
      return (panel.data ? entriesOf(panel.data) : []).map((entry, i) => ({
        href: null,
        detail: '',
        ...entry,
        key: `${i} ${entry.at}`,
        time: timeText(entry.at, began),
        timeExact: format.exactTime(entry.at),
      }));
    },
  });
}

/**
 * Oldest first; of one instant in this order.
 * @param {Story} story
 * @returns {Entry[]}
 */
function entriesOf(story) {
  const { message } = story;
  /** @type {Entry[]} */
  const entries = [
    ...story.alerts.map((alert) => ({
      at: alert.created_at,
      kind: 'alert',
      label: t('audit.story.alert'),
      text: alert.title,
      detail: alert.message,
      tone: 'is-warning',
      icon: 'icon-bell',
    })),
    ...(message
      ? [
          {
            at: message.created_at,
            kind: 'message',
            label: t('audit.story.message'),
            text: message.question,
            detail: `→ ${message.answer}`,
            tone: message.answered ? 'is-ok' : 'is-warning',
            icon: 'icon-message-square-warning',
          },
        ]
      : []),
    ...story.usage.map((call) => ({
      at: call.timestamp,
      kind: 'usage',
      label: t('audit.story.usage'),
      text: format.beside([call.api_type, call.operation, call.model ?? '', tValue('auditOutcome', call.outcome)]),
      detail: format.beside([
        format.milliseconds(call.latency_ms),
        t('audit.story.tokens', { input: call.tokens_input, output: call.tokens_output }),
        call.cost_cny === null ? t('audit.story.unpriced') : format.money(call.cost_cny),
      ]),
      tone: call.outcome === 'ok' ? 'is-ok' : 'is-error',
      icon: 'icon-gauge',
    })),
    ...story.operations.map((operation) => ({
      at: operation.timestamp,
      kind: 'operation',
      label: t('audit.story.operation'),
      text: format.beside([actionTitle(operation.action), targetText(operation), resultLook(operation.result).text]),
      href: addressOf('audit', { operation: String(operation.id) }),
      ...pick(resultLook(operation.result)),
    })),
    ...story.log.map((row) => ({
      at: row.timestamp,
      kind: 'log',
      label: `${row.level} ${row.source}`,
      text: row.message,
      detail: row.fields ? JSON.stringify(row.fields) : '',
      tone: levelTones[row.level] ?? 'is-unknown',
      icon: 'icon-scroll-text',
    })),
  ];
  return entries.sort((a, b) => (a.at < b.at ? -1 : a.at > b.at ? 1 : 0));
}

/** @param {{ tone: string, icon: string }} look */
const pick = ({ tone, icon }) => ({ tone, icon });

/**
 * So long after the first of it; of what was there before, the time of day.
 * @param {string} at
 * @param {number} began
 */
function timeText(at, began) {
  const after = Date.parse(at) - began;
  return after >= 0 ? t('audit.story.after', { time: format.milliseconds(after) }) : format.clockTime(at);
}
