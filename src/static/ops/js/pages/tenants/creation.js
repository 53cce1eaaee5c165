/**
 * @file The dialog that makes a tenant.
 */
import { post } from '../../core/api-client.js';
import { component } from '../../core/component.js';
import { t } from '../../core/i18n.js';
import { refreshChanged } from '../../core/refresher.js';
import { addressOf, navigate, route } from '../../core/router.js';
import { toast } from '../../core/toasts.js';
import { createForm } from '../../widgets/form.js';

/** @typedef {import('../../core/api-types.js').TenantDetail} TenantDetail */

/** @type {import('../../widgets/form.js').FieldRow[]} */
const fields = [
  { name: 'name', label: 'tenants.name', required: true },
  { name: 'id', label: 'tenants.id', hint: 'tenants.id.hint' },
  { name: 'contact', label: 'tenants.contact', hint: 'tenants.contact.hint' },
];

/** @param {import('../../widgets/dialog.js').Dialog} dialog */
export function tenantCreation(dialog) {
  const form = createForm({
    fields,
    submit: () => t('tenants.create'),
    /** @returns {Promise<TenantDetail>} */
    send: (values) => post('/ops/tenants', onlyGiven(values)),
    done: (tenant) => {
      toast(t('tenants.created.toast', { name: tenant.name }));
      refreshChanged();
      // Its page takes the place of this dialog, so that one step back is the list.
      navigate(addressOf('tenants', { ...route.query, dialog: undefined, tenant: tenant.id }), { replace: true });
    },
  });

  return component({
    dialog,
    form,

    init() {
      dialog.draft = form;
    },

    get title() {
      return t('tenants.new');
    },
  });
}

/** What is left empty is the server's to make. @param {Record<string, string>} values */
function onlyGiven(values) {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== ''));
}
