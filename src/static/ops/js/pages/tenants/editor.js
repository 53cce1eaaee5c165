/**
 * @file The dialog that changes a tenant's name and contact. If somebody else has changed them meanwhile, both are shown
 * and nothing is overwritten unseen.
 */
import Alpine from '@alpinejs/csp';
import { get, put } from '../../core/api-client.js';
import { component, follow } from '../../core/component.js';
import { t } from '../../core/i18n.js';
import { createPanel } from '../../core/panel.js';
import { asStored } from '../../core/session.js';
import { toast } from '../../core/toasts.js';
import { createForm } from '../../widgets/form.js';

/** @typedef {import('../../core/api-types.js').TenantDetail} TenantDetail */

/** @type {import('../../widgets/form.js').FieldRow[]} */
const fields = [
  { name: 'name', label: 'tenants.name', required: true },
  { name: 'contact', label: 'tenants.contact', hint: 'tenants.contact.hint' },
];

/**
 * @param {import('../../widgets/dialog.js').Dialog} dialog
 * @param {TenantDetail} tenant  as it was when the dialog opened: its contact is masked
 * @param {(tenant: TenantDetail) => void} onChange
 */
export function tenantEditor(dialog, tenant, onChange) {
  const path = /** @type {const} */ (`/ops/tenants/${encodeURIComponent(tenant.id)}`);
  const panel = createPanel({
    what: 'tenant.what',
    load: (signal) => get(path, { query: asStored(), signal }),
  });

  /** @type {(() => void)[]} */
  const undo = [];

  return component({
    dialog,
    panel,
    /** @type {import('../../widgets/form.js').Form<TenantDetail> | null} */
    form: null,
    /** The version that the person has seen, and that a change is a change of. */
    version: 0,

    init() {
      panel.load();
      const stop = follow(
        () => panel.data,
        (stored) => {
          if (stored && !this.form) this.start(stored);
        },
      );
      undo.push(stop, () => panel.dispose());
    },

    destroy() {
      for (const step of undo) step();
    },

    /** @param {TenantDetail} stored */
    start({ name, contact, version }) {
      this.version = version;
      this.form = createForm({
        fields,
        values: { name, contact },
        submit: () => t('tenants.save'),
        /** @returns {Promise<TenantDetail>} */
        send: (values) => put(path, { ...values, version: this.version }),
        done: (saved) => {
          toast(t('tenants.saved.toast', { name: saved.name }));
          dialog.closeNow();
          onChange(saved);
        },
        conflict: () => this.showTheirs(),
      });
      dialog.draft = this.form;
      Alpine.nextTick(() => this.$root.querySelector('input')?.focus());
    },

    submit() {
      this.form?.submit();
    },

    async showTheirs() {
      const now = await get(path, { query: asStored() });
      this.version = now.version;
      this.form?.showOthers({ name: now.name, contact: now.contact });
    },

    get title() {
      return t('tenants.editOf', { name: tenant.name });
    },
  });
}
