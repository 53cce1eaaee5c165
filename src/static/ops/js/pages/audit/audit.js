/**
 * @file The operation log: who changed what, and who was refused, the newest first; over it a row with before and after
 * beside each other, and the story of a request.
 *
 * Its address: /ops/audit?since=7d&user_id=…&action=tenant.suspend&result=refused&target_id=…&request_id=…, with
 * &operation=ID for a row and &request=ID for a story.
 */
import Alpine from '@alpinejs/csp';
import { get } from '../../core/api-client.js';
import { clock } from '../../core/clock.js';
import { refreshCommand, registerCommands } from '../../core/commands.js';
import { component } from '../../core/component.js';
import { download } from '../../core/download.js';
import * as format from '../../core/format.js';
import { t, tValue } from '../../core/i18n.js';
import { addressOf, route } from '../../core/router.js';
import { mayWrite, session } from '../../core/session.js';
import { createCursorList } from '../../widgets/cursor-list.js';
import { createDialog } from '../../widgets/dialog.js';
import { actions, actionTitle, resultLook, results, targetText, userText } from './look.js';
import { auditOperation } from './operation.js';
import { requestStory } from './story.js';

/** @typedef {import('../../core/api-types.js').Operation} Operation */

Alpine.data('auditOperation', auditOperation);
Alpine.data('requestStory', requestStory);

/** How far back, in hours. @type {Record<string, number>} */
const spans = { '1h': 1, '24h': 24, '7d': 168, '30d': 720, '90d': 2160 };

/** @type {import('../../widgets/list.js').Column[]} */
const columns = [
  { name: 'timestamp', label: 'audit.time', kind: 'time', fixed: true },
  { name: 'username', label: 'audit.user', fixed: true },
  { name: 'action', label: 'audit.action', fixed: true, grows: true },
  { name: 'target_id', label: 'audit.target', fixed: true },
  { name: 'result', label: 'audit.result', fixed: true },
  { name: 'ip_address', label: 'audit.address', fixed: true, from: 'wide' },
  { name: 'request_id', label: 'audit.request', fixed: true },
];

/**
 * What the server is asked for what the address says.
 * @param {Record<string, string | number>} filter
 * @param {number} now
 */
function toQuery({ since, ...query }, now) {
  const hours = spans[String(since)];
  delete query.sort;
  return hours ? { ...query, start_time: new Date(now - hours * 3_600_000).toISOString() } : query;
}

export default function audit() {
  const list = createCursorList({
    what: 'audit.what',
    columns,
    sort: '-timestamp',
    filters: {
      since: Object.keys(spans),
      user_id: null,
      action: null,
      result: results,
      target_id: null,
      request_id: null,
    },
    load: (query, signal) => get('/ops/logs/operations', { query: toQuery(query, Date.now()), signal }),
    rowId: (/** @type {Operation} */ operation) => operation.id,
  });
  const detail = createDialog({ parameters: { operation: null } });
  const request = createDialog({ parameters: { request: null } });
  /** Whoever was seen, so that the choice keeps its name. @type {Map<string, string>} */
  const people = new Map();
  /** @type {(() => void)[]} */
  const undo = [];

  return component({
    list,
    detail,
    request,

    init() {
      undo.push(list.start());
      undo.push(registerCommands([refreshCommand]));
    },

    destroy() {
      for (const step of undo) step();
    },

    get mayExport() {
      return mayWrite();
    },

    /** @param {string} kind */
    async save(kind) {
      await download('/ops/logs/operations/export', { ...toQuery({ ...list.filter }, Date.now()), format: kind });
    },

    // ── filters ──

    get sinceOptions() {
      return options(list.filter.since, Object.keys(spans), 'audit.since.any', (value) => tValue('auditSince', value));
    },

    get actionOptions() {
      const chosen = list.filter.action ?? '';
      const all = chosen && !actions.includes(chosen) ? [...actions, chosen] : actions;
      return options(chosen, all, 'audit.action.any', actionTitle);
    },

    get resultOptions() {
      return options(list.filter.result, results, 'audit.result.any', (value) => tValue('auditResult', value));
    },

    /** Oneself, and whoever is on the page. */
    get userOptions() {
      if (session.user) people.set(session.user.id, session.user.username);
      for (const { user_id: id, username } of list.panel.data?.items ?? []) if (id) people.set(id, username);
      const chosen = list.filter.user_id ?? '';
      if (chosen && !people.has(chosen)) people.set(chosen, chosen);
      return options(chosen, [...people.keys()], 'audit.user.any', (id) => people.get(id) ?? id);
    },

    get boxes() {
      return /** @type {const} */ (['target_id', 'request_id']).map((name) => ({
        name,
        label: t(`audit.${name}`),
        value: list.filter[name] ?? '',
      }));
    },

    /** @param {string} name @param {Event} event */
    choose(name, event) {
      list.setFilter(name, /** @type {HTMLInputElement | HTMLSelectElement} */ (event.target).value.trim());
    },

    get rows() {
      return (list.panel.data?.items ?? []).map(describeRow);
    },
  });
}

/**
 * @param {string | undefined} chosen
 * @param {string[]} values
 * @param {import('../../core/i18n.js').MessageKey} any
 * @param {(value: string) => string} say
 */
function options(chosen, values, any, say) {
  return ['', ...values].map((value) => ({
    value,
    text: value ? say(value) : t(any),
    selected: value === (chosen ?? ''),
  }));
}

/** @param {Operation} operation */
function describeRow(operation) {
  const { id, request_id: requestId } = operation;
  const details = /** @type {{ reason?: string | null }} */ (operation.details);
  return {
    id,
    time: format.ago(Date.parse(operation.timestamp), clock.now),
    timeExact: format.exactTime(operation.timestamp),
    user: userText(operation),
    action: actionTitle(operation.action),
    reason: details.reason ?? '',
    href: addressOf('audit', { ...route.query, operation: String(id) }),
    target: targetText(operation),
    targetHref: operation.target_id
      ? addressOf('audit', { target_id: operation.target_id })
      : addressOf('audit', { action: operation.action }),
    look: resultLook(operation.result),
    address: operation.ip_address || format.DASH,
    requestHref: requestId ? addressOf('audit', { ...route.query, request: requestId }) : null,
    requestText: t('audit.story.of', { id: requestId }),
  };
}
