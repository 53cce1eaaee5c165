/**
 * @file The dialogs that suspend a tenant and bring it back.
 */
import { get, post } from '../../core/api-client.js';
import { component } from '../../core/component.js';
import * as format from '../../core/format.js';
import { t } from '../../core/i18n.js';
import { keepFresh } from '../../core/refresher.js';
import { toast } from '../../core/toasts.js';
import { createDanger } from '../../widgets/danger.js';
import { createForm } from '../../widgets/form.js';

/** @typedef {import('../../core/api-types.js').TenantDetail} TenantDetail */
/** @typedef {import('../../widgets/dialog.js').Dialog} Dialog */

/**
 * @param {Dialog} dialog
 * @param {TenantDetail} tenant
 * @param {(tenant: TenantDetail) => void} onChange
 */
export function tenantSuspension(dialog, tenant, onChange) {
  const path = /** @type {const} */ (`/ops/tenants/${encodeURIComponent(tenant.id)}`);
  const danger = createDanger({
    what: 'suspend.effect',
    text: () => t('suspend.text', { id: tenant.id }),
    load: (signal) => get(path, { signal }),
    effect: ({ effect }) => [
      { label: t('suspend.conversations'), value: t('count.times', { count: effect.conversations_last_hour }) },
      { label: t('suspend.users'), value: t('count.people', { count: effect.users_logged_in }) },
      { label: t('suspend.jobs'), value: t('count.jobs', { count: effect.jobs_running }) },
    ],
    reason: 'required',
    name: () => tenant.name,
    submit: () => t('suspend.do', { name: tenant.name }),
    /** @returns {Promise<TenantDetail>} */
    send: (values) => post(`${path}/suspend`, values),
    done: (suspended) => {
      toast(t('suspend.done', { name: tenant.name }));
      dialog.closeNow();
      onChange(suspended);
    },
  });

  /** @type {() => void} */
  let stop;

  return component({
    dialog,
    danger,

    init() {
      dialog.draft = danger;
      stop = keepFresh([danger.effect]);
    },

    destroy() {
      stop();
    },

    get title() {
      return t('suspend.do', { name: tenant.name });
    },
  });
}

/**
 * @param {Dialog} dialog
 * @param {TenantDetail} tenant
 * @param {(tenant: TenantDetail) => void} onChange
 */
export function tenantActivation(dialog, tenant, onChange) {
  const form = createForm({
    fields: [{ name: 'reason', label: 'danger.reason', kind: 'text', hint: 'danger.reason.hint' }],
    submit: () => t('activate.do', { name: tenant.name }),
    /** @returns {Promise<TenantDetail>} */
    send: ({ reason }) => post(`/ops/tenants/${encodeURIComponent(tenant.id)}/activate`, reason ? { reason } : {}),
    done: (active) => {
      toast(t('activate.done', { name: tenant.name }));
      dialog.closeNow();
      onChange(active);
    },
  });

  return component({
    dialog,
    form,

    init() {
      dialog.draft = form;
    },

    get title() {
      return t('activate.do', { name: tenant.name });
    },

    get text() {
      const since = tenant.suspended_at ? format.dayAndTime(tenant.suspended_at) : format.DASH;
      return t('activate.text', { id: tenant.id, time: since });
    },
  });
}
