/**
 * @file The tenants: the list, and over it the dialog of one of them and the one that makes a new one.
 *
 * Its address: /ops/tenants?status=suspended&keyword=…&sort=-user_count&page=2, with &tenant=ID for the dialog and
 * &dialog=new, edit, suspend or activate for what lies over that. The dialogs are made by the files in tenants/.
 */
import Alpine from '@alpinejs/csp';
import { get } from '../../core/api-client.js';
import { clock } from '../../core/clock.js';
import { refreshCommand, registerCommands } from '../../core/commands.js';
import { component } from '../../core/component.js';
import * as format from '../../core/format.js';
import { t } from '../../core/i18n.js';
import { pendingFeedbackAddress } from '../../core/links.js';
import { refreshAll } from '../../core/refresher.js';
import { addressOf, route } from '../../core/router.js';
import { mayWrite } from '../../core/session.js';
import { createDialog } from '../../widgets/dialog.js';
import { createList } from '../../widgets/list.js';
import { tenantCreation } from './creation.js';
import { tenantDetail } from './detail.js';
import { tenantEditor } from './editor.js';
import { pairsAddress } from './figures.js';
import { describeStatus, statusRows } from './status.js';
import { tenantActivation, tenantSuspension } from './suspension.js';
import { tenantTrend } from './trend.js';

/** @typedef {import('../../core/api-types.js').TenantListItem} TenantListItem */

Alpine.data('tenantCreation', tenantCreation);
Alpine.data('tenantDetail', tenantDetail);
Alpine.data('tenantEditor', tenantEditor);
Alpine.data('tenantTrend', tenantTrend);
Alpine.data('tenantSuspension', tenantSuspension);
Alpine.data('tenantActivation', tenantActivation);

/** @type {import('../../widgets/list.js').Column[]} */
const columns = [
  { name: 'name', label: 'tenants.name', grows: true },
  { name: 'status', label: 'tenants.status', shape: 3.25 },
  { name: 'user_count', label: 'tenants.users', kind: 'number', from: 'medium', shape: 2 },
  { name: 'qa_pair_count', label: 'tenants.pairs', kind: 'number', shape: 2 },
  { name: 'conversations_today', label: 'tenants.conversations', kind: 'number', shape: 2 },
  { name: 'pending_feedback_count', label: 'tenants.feedbacks', kind: 'number', from: 'medium', shape: 2 },
  { name: 'last_active_at', label: 'tenants.lastActive', kind: 'time', from: 'medium', shape: 4 },
  { name: 'created_at', label: 'tenants.created', kind: 'time', from: 'wide', shape: 5 },
  { name: 'actions', label: 'tenants.actions', fixed: true, shape: 2 },
];

export default function tenants() {
  const list = createList({
    what: 'tenants.what',
    unit: 'unit.tenants',
    search: 'tenants.search',
    columns,
    sort: '-conversations_today',
    filters: { status: Object.keys(statusRows), keyword: null },
    load: (query, signal) => get('/ops/tenants', { query, signal }),
    rowId: (/** @type {TenantListItem} */ tenant) => tenant.id,
  });
  const detail = createDialog({ parameters: { tenant: null }, closing: ['tenant', 'dialog', 'metric'] });
  const creation = createDialog({ parameters: { dialog: 'new' }, allowed: () => mayWrite() && !detail.isOpen });
  /** @type {(() => void)[]} */
  const undo = [];

  return component({
    list,
    detail,
    creation,

    init() {
      undo.push(list.start());
      undo.push(registerCommands(this.commands()));
    },

    destroy() {
      for (const step of undo) step();
    },

    get mayWrite() {
      return mayWrite();
    },

    /** "总商家 25 · 活跃 23 · 暂停 2", each the list of just these. */
    get summary() {
      const summary = list.panel.data?.summary;
      const shown = list.filter.status ?? '';
      return [
        { status: '', text: t('tenants.summary.total', { value: format.count(summary?.total) }) },
        { status: 'active', text: t('tenants.summary.active', { value: format.count(summary?.active) }) },
        { status: 'suspended', text: t('tenants.summary.suspended', { value: format.count(summary?.suspended) }) },
      ].map(({ status, text }) => ({
        status,
        text,
        title: list.panel.state === 'error' ? t('figure.unread') : '',
        href: addressOf('tenants', { ...route.query, status, page: undefined }),
        current: status === shown ? 'true' : null,
      }));
    },

    get statusOptions() {
      const shown = list.filter.status ?? '';
      return ['', ...Object.keys(statusRows)].map((status) => ({
        status,
        text: status ? describeStatus(status).text : t('tenants.anyStatus'),
        selected: status === shown,
      }));
    },

    /** @param {Event} event */
    chooseStatus(event) {
      list.setFilter('status', /** @type {HTMLSelectElement} */ (event.target).value);
    },

    get rows() {
      return (list.panel.data?.items ?? []).map(makeRow);
    },

    create() {
      creation.open();
    },

    refresh() {
      refreshAll();
    },

    /** @returns {import('../../core/commands.js').Command[]} */
    commands() {
      return [
        refreshCommand,
        ...(mayWrite()
          ? [
              {
                id: 'new-tenant',
                label: () => t('tenants.new'),
                icon: 'icon-plus',
                group: /** @type {const} */ ('page'),
                keys: 'n',
                words: 'new tenant create add 新建 商家',
                run: () => this.create(),
              },
            ]
          : []),
      ];
    },
  });
}

/** @param {TenantListItem} tenant */
function makeRow(tenant) {
  return {
    id: tenant.id,
    name: tenant.name,
    href: addressOf('tenants', { ...route.query, tenant: tenant.id }),
    status: describeStatus(tenant.status),
    statusWhy: tenant.suspended_at
      ? t('tenants.suspendedWhy', {
          time: format.exactTime(tenant.suspended_at),
          reason: tenant.suspended_reason ?? '',
        })
      : '',
    users: format.count(tenant.user_count),
    pairs: format.count(tenant.qa_pair_count),
    pairsHref: pairsAddress(tenant.id),
    pairsTitle: t('tenants.unsynced', { value: format.exactCount(tenant.unsynced_count) }),
    conversations: format.count(tenant.conversations_today),
    conversationsTitle: format.exactCount(tenant.conversations_today),
    feedbacks: format.count(tenant.pending_feedback_count),
    feedbacksHref: pendingFeedbackAddress(tenant.id),
    active: tenant.last_active_at ? format.ago(Date.parse(tenant.last_active_at), clock.now) : t('tenants.neverActive'),
    activeExact: tenant.last_active_at ? format.exactTime(tenant.last_active_at) : '',
    created: format.date(tenant.created_at),
    createdExact: format.exactTime(tenant.created_at),
    detailLabel: t('tenants.detailOf', { name: tenant.name }),
  };
}
