/**
 * @file The dialog of one tenant: what it is, what can be done with it, how it is used, and what leads on from it.
 */
import { get } from '../../core/api-client.js';
import { copyText } from '../../core/clipboard.js';
import { clock } from '../../core/clock.js';
import { component } from '../../core/component.js';
import * as format from '../../core/format.js';
import { t, tValue } from '../../core/i18n.js';
import { createPanel } from '../../core/panel.js';
import { rememberKeyCopied } from '../../core/preferences.js';
import { keepFresh, refreshChanged } from '../../core/refresher.js';
import { addressOf, route } from '../../core/router.js';
import { asStored, mayWrite } from '../../core/session.js';
import { toast } from '../../core/toasts.js';
import { findPage } from '../../pages.js';
import { createDialog } from '../../widgets/dialog.js';
import { tenantFigures, tenantStatistics } from './figures.js';
import { describeStatus } from './status.js';
import { TREND_DAYS } from './trend.js';

/** @typedef {import('../../core/api-types.js').TenantDetail} TenantDetail */

const MOST_USERS = 200;

/**
 * Where a tenant leads to; a row appears as soon as there is such a page.
 * @type {{ page: string, icon: string, label: import('../../core/i18n.js').MessageKey }[]}
 */
const quickWays = [
  { page: 'knowledge', icon: 'icon-book-open', label: 'tenant.toKnowledge' },
  { page: 'logs', icon: 'icon-scroll-text', label: 'tenant.toLogs' },
  { page: 'api-usage', icon: 'icon-chart-column', label: 'tenant.toCost' },
];

/**
 * @param {string} id
 * @param {() => Record<string, string>} query  of the tenant itself
 */
function createPanels(id, query) {
  const path = /** @type {const} */ (`/ops/tenants/${encodeURIComponent(id)}`);
  return {
    tenant: createPanel({
      what: 'tenant.what',
      load: (signal) => get(path, { query: query(), signal }),
    }),
    stats: createPanel({
      what: 'tenant.stats',
      load: (signal) => get(`${path}/stats`, { signal }),
    }),
    trends: createPanel({
      what: 'tenant.trend',
      load: (signal) => get(`${path}/trends`, { query: { days: 2 * TREND_DAYS, compared: TREND_DAYS }, signal }),
    }),
    users: createPanel({
      what: 'tenant.users',
      load: (signal) => get(`${path}/users`, { query: { page_size: MOST_USERS }, signal }),
      isEmpty: (page) => page.items.length === 0,
      order: (page) => page.items.map((user) => user.id).join(),
    }),
  };
}

/** @param {import('../../widgets/dialog.js').Dialog} dialog */
export function tenantDetail(dialog) {
  const { tenant: id } = route.query;
  let contactShown = false;
  const panels = createPanels(id, () => (contactShown ? asStored() : {}));
  const { tenant: panel } = panels;
  /** @param {string} name @param {() => boolean} allowed */
  const over = (name, allowed) =>
    createDialog({
      parameters: { tenant: id, dialog: name },
      closing: ['dialog'],
      allowed: () => mayWrite() && panel.data !== null && allowed(),
    });
  /** @type {(() => void)[]} */
  const undo = [];

  return component({
    id,
    dialog,
    panels,
    panel,
    edit: over('edit', () => true),
    suspension: over('suspend', () => panel.data?.status === 'active'),
    activation: over('activate', () => panel.data?.status === 'suspended'),
    keyShown: false,

    init() {
      undo.push(keepFresh(Object.values(panels)));
    },

    destroy() {
      for (const step of undo) step();
    },

    /** @param {TenantDetail} tenant */
    changed(tenant) {
      panel.receive(tenant);
      refreshChanged();
    },

    /** There is no such tenant, or this can't be the id of one: one message says so, not one from each panel. */
    get isMissing() {
      return panel.data === null && [404, 422].includes(panel.error?.status ?? 0);
    },

    get title() {
      return t('tenant.title', { name: panel.data?.name ?? id });
    },

    // ── what it is ──

    get status() {
      return describeStatus(panel.data?.status ?? '');
    },

    get facts() {
      const { data } = panel;
      return {
        name: data?.name ?? '',
        contact: data?.contact || t('tenant.noContact'),
        created: format.date(data?.created_at),
        createdExact: format.exactTime(data?.created_at),
        active: data?.last_active_at
          ? format.ago(Date.parse(data.last_active_at), clock.now)
          : t('tenants.neverActive'),
        activeExact: data?.last_active_at ? format.exactTime(data.last_active_at) : '',
      };
    },

    /** Whoever may see it sees it after asking. */
    get contactIsMasked() {
      return mayWrite() && (panel.data?.contact ?? '').endsWith('***');
    },

    async showContact() {
      contactShown = true;
      await panel.load();
      contactShown = false; // What comes by itself is masked again: nobody has asked for it.
    },

    get key() {
      return panel.data?.api_key ?? '';
    },

    get keyText() {
      return this.keyShown ? this.key : `${this.key.slice(0, 4)}${'•'.repeat(4)}${this.key.slice(-4)}`;
    },

    toggleKey() {
      this.keyShown = !this.keyShown;
    },

    copyId() {
      copy(id, t('tenants.id'));
    },

    copyKey() {
      rememberKeyCopied();
      copy(this.key, t('tenant.key'));
    },

    // ── what can be done ──

    get mayEdit() {
      return mayWrite() && panel.data !== null;
    },

    get isSuspended() {
      return panel.data?.status === 'suspended';
    },

    /** "自 14:02 起回答 0 条消息，拒绝 17 次" */
    get proof() {
      const suspension = panel.data?.suspension;
      if (!suspension) return null;
      const time = format.sinceTime(suspension.since, clock.now);
      return {
        text: t('tenant.proof', {
          time,
          answered: format.exactCount(suspension.messages_answered),
          refused: format.exactCount(suspension.messages_refused),
        }),
        exact: t('tenant.proofExact', { time: format.exactTime(suspension.since) }),
        by: suspension.by ? t('tenant.suspendedBy', { user: suspension.by }) : t('tenant.suspendedByNobody'),
        reason: t('tenant.suspendedReason', { reason: suspension.reason ?? format.DASH }),
        holds: suspension.messages_answered === 0,
      };
    },

    // ── figures ──

    get figures() {
      return tenantFigures(panel.data, panels.stats.data);
    },

    get statistics() {
      return panels.stats.data ? tenantStatistics(id, panels.stats.data) : [];
    },

    // ── what leads on ──

    get ways() {
      return quickWays
        .filter(({ page }) => findPage(page))
        .map(({ page, icon, label }) => ({
          page,
          icon,
          label: t(label),
          href: addressOf(page, { tenant_id: id }),
        }));
    },

    get missing() {
      const count = panel.data?.templates_missing ?? 0;
      return {
        text: count > 0 ? t('tenant.templatesMissing', { count }) : '',
        href: findPage('templates') ? addressOf('templates', { view: 'matrix', tenant_id: id }) : null,
      };
    },

    showUsers() {
      const section = this.$refs.users;
      section.scrollIntoView({ block: 'start' });
      section.focus({ preventScroll: true });
    },

    get users() {
      return (panels.users.data?.items ?? []).map((user) => ({
        id: user.id,
        username: user.username,
        role: tValue('role', user.role),
        status: tValue('userStatus', user.status),
        presence: user.logged_in ? t('tenant.loggedIn') : t('tenant.loggedOut'),
        seen: user.last_login_at ? format.ago(Date.parse(user.last_login_at), clock.now) : t('tenant.neverLoggedIn'),
        seenExact: user.last_login_at ? format.exactTime(user.last_login_at) : '',
        created: format.date(user.created_at),
        createdExact: format.exactTime(user.created_at),
      }));
    },

    get usersText() {
      const { data } = panels.users;
      if (!data) return '';
      if (data.total > data.items.length) return t('tenant.usersCut', { count: data.total, shown: data.items.length });
      return t('tenant.usersTotal', { count: data.total });
    },
  });
}

/**
 * @param {string} text
 * @param {string} what
 */
async function copy(text, what) {
  if (await copyText(text)) toast(t('tenant.copied', { what }));
  else toast(t('tenant.notCopied', { what }), 'bad');
}
