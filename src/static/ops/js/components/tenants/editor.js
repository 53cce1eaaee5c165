/**
 * @file The dialog that changes a tenant's name and contact. If somebody else has changed them meanwhile, both are shown
 * and nothing is overwritten unseen.
 */
import { get, put } from '../../api-client.js';
import { t } from '../../i18n.js';
import { component } from '../../component.js';
import { createForm } from '../../form.js';
import { toast } from '../../toasts.js';

/** @typedef {import('../../api-types.js').TenantDetail} TenantDetail */

/** @type {import('../../form.js').FieldRow[]} */
const fields = [
  { name: 'name', label: 'tenants.name', required: true },
  { name: 'contact', label: 'tenants.contact', hint: 'tenants.contact.hint' },
];

/**
 * @param {import('../../dialog.js').Dialog} dialog
 * @param {TenantDetail} tenant  as it was when the dialog opened
 * @param {(tenant: TenantDetail) => void} onChange
 */
export function tenantEditor(dialog, tenant, onChange) {
  const path = `/ops/tenants/${encodeURIComponent(tenant.id)}`;
  let { version } = tenant;
  const form = createForm({
    fields,
    values: { name: tenant.name, contact: tenant.contact },
    submit: () => t('tenants.save'),
    /** @returns {Promise<TenantDetail>} */
    send: (values) => put(path, { ...values, version }),
    done: (saved) => {
      toast(t('tenants.saved.toast', { name: saved.name }));
      dialog.closeNow();
      onChange(saved);
    },
    conflict: async () => {
      /** @type {TenantDetail} */
      const now = await get(path);
      ({ version } = now);
      form.showOthers({ name: now.name, contact: now.contact });
    },
  });

  return component({
    dialog,
    form,

    init() {
      dialog.draft = form;
    },

    get title() {
      return t('tenants.editOf', { name: tenant.name });
    },
  });
}
