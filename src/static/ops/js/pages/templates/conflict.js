/**
 * @file Two texts for one question: the version that a tenant's copy came from, the template now, and the tenant's own
 * text, side by side; and what is to become of it: take, keep, or merge.
 */
import { ApiError, get, post } from '../../core/api-client.js';
import { component } from '../../core/component.js';
import * as format from '../../core/format.js';
import { t } from '../../core/i18n.js';
import { createPanel } from '../../core/panel.js';
import { keepFresh, refreshChanged } from '../../core/refresher.js';
import { addressOf, route } from '../../core/router.js';
import { asStored, mayWrite } from '../../core/session.js';
import { askTenantNames, tenantName } from '../../core/tenant-names.js';
import { toast } from '../../core/toasts.js';
import { differences } from '../../widgets/differences.js';
import { createForm } from '../../widgets/form.js';
import { isComparable, stateLook } from './copy-states.js';

/** @typedef {import('../../core/api-types.js').TemplateCopyView} TemplateCopyView */
/** @typedef {import('../../core/api-types.js').TemplateSide} TemplateSide */
/** @typedef {import('../../widgets/dialog.js').Dialog} Dialog */
/** @typedef {import('./templates.js').Typing} Typing */
/** @typedef {'take' | 'keep' | 'merge'} Resolution */

const reason = /** @type {const} */ ({
  name: 'reason',
  label: 'danger.reason',
  hint: 'danger.reason.hint',
  kind: 'line',
});
const fields = /** @type {const} */ (['question', 'answer', 'category']);

/**
 * @param {Dialog} dialog
 * @param {Typing} typing
 */
export function templateConflict(dialog, typing) {
  const { template_id: templateId, conflict: tenantId } = route.query;
  const path = /** @type {const} */ (
    `/ops/templates/${encodeURIComponent(templateId)}/copies/${encodeURIComponent(tenantId)}`
  );
  const panel = createPanel({
    what: 'templates.conflict.what',
    load: (signal) => get(path, { query: asStored(), signal }),
  });
  /** @type {(() => void) | null} */
  let stop = null;

  return component({
    panel,
    dialog,
    /** What is being asked for; null while nothing is chosen. @type {Resolution | null} */
    resolution: null,
    /** @type {import('../../widgets/form.js').Form<TemplateCopyView> | null} */
    form: null,
    /** The texts changed under the person who was deciding. */
    changed: false,

    init() {
      stop = keepFresh([panel]);
      askTenantNames([tenantId]);
      typing.isUnsaved = () => this.form?.dirty ?? false;
    },

    destroy() {
      stop?.();
      typing.isUnsaved = () => false;
    },

    get title() {
      return t('templates.conflict.title', { tenant: tenantName(tenantId) || tenantId });
    },

    get state() {
      const { data } = panel;
      return data ? { ...stateLook(data.state), why: data.why ?? '' } : null;
    },

    /** @returns {ReturnType<typeof makeColumns>} */
    get columns() {
      return panel.data ? makeColumns(panel.data) : [];
    },

    get noCopy() {
      return panel.data !== null && panel.data.copy === null;
    },

    /** Who has begun to decide goes on, even if a refresh says meanwhile that there is nothing left to decide. */
    get mayResolve() {
      const { data } = panel;
      if (!mayWrite() || data === null || data.copy === null) return false;
      return isComparable(data) || this.resolution !== null;
    },

    get choices() {
      return /** @type {const} */ ([
        { name: 'take', text: t('templates.conflict.take'), hint: t('templates.conflict.take.hint') },
        { name: 'keep', text: t('templates.conflict.keep'), hint: t('templates.conflict.keep.hint') },
        { name: 'merge', text: t('templates.conflict.merge'), hint: t('templates.conflict.merge.hint') },
      ]).map((choice) => ({ ...choice, chosen: choice.name === this.resolution }));
    },

    get tenantLink() {
      return addressOf('tenants', { tenant: tenantId });
    },

    /** @param {Resolution} resolution */
    choose(resolution) {
      if (resolution === this.resolution) return;
      this.resolution = resolution;
      this.form = createForm({
        fields: resolution === 'merge' ? [...editorFields(), reason] : [reason],
        values: resolution === 'merge' ? { ...panel.data?.copy } : {},
        submit: () => t(/** @type {const} */ (`templates.conflict.${resolution}`)),
        send: (values) => this.send(resolution, values),
        done: () => this.done(resolution),
        conflict: () => this.reread(),
      });
    },

    /**
     * @param {Resolution} resolution
     * @param {Record<string, string>} values
     * @returns {Promise<TemplateCopyView>}
     */
    send(resolution, { reason: given, ...texts }) {
      const { copy, template, state } = /** @type {TemplateCopyView} */ (panel.data);
      return post(path, {
        resolution,
        copy_version: copy?.version,
        template_version: template.version,
        state,
        ...(resolution === 'merge' ? texts : {}),
        ...(given ? { reason: given } : {}),
      });
    },

    /** @param {Resolution} resolution */
    done(resolution) {
      toast(
        t(/** @type {const} */ (`templates.conflict.${resolution}.done`), { tenant: tenantName(tenantId) || tenantId }),
      );
      dialog.closeNow();
      refreshChanged();
    },

    /** After a 409: the texts as they are now, with what was typed kept. */
    async reread() {
      await panel.load();
      this.changed = panel.error === null;
      if (this.changed && this.form)
        this.form.failure = new ApiError('refused', { problem: { detail: t('templates.conflict.changed') } });
    },
  });
}

function editorFields() {
  return /** @type {import('../../widgets/form.js').FieldRow[]} */ ([
    { name: 'question', label: 'templates.question', required: true },
    { name: 'answer', label: 'templates.answer', kind: 'text', lines: 6, required: true },
    { name: 'category', label: 'templates.category' },
  ]);
}

/**
 * Three columns; the second and third are marked against the first, or, for a pair that is the tenant's own from the
 * start, the third against the second.
 * @param {TemplateCopyView} copy
 */
function makeColumns({ base, template, copy }) {
  const origin = base ?? template;
  return [
    column(
      'base',
      base,
      base,
      t('templates.conflict.base'),
      base ? versionText(base.version) : '',
      t('templates.conflict.noBase'),
    ),
    column('template', template, origin, t('templates.conflict.template'), versionText(template.version), ''),
    column(
      'copy',
      copy,
      origin,
      t('templates.conflict.copy'),
      copy ? t('templates.conflict.edited', { time: format.exactTime(copy.updated_at) }) : '',
      t('templates.conflict.noCopy'),
    ),
  ];
}

/**
 * @param {string} id
 * @param {TemplateSide | null} texts
 * @param {TemplateSide | null} origin
 * @param {string} title
 * @param {string} note
 * @param {string} absent  what is said where there is no text
 */
function column(id, texts, origin, title, note, absent) {
  const rows = fields.map((field) => ({
    field,
    label: t(`templates.${field}`),
    parts: texts && origin ? differences(origin[field], texts[field]) : [],
    empty: texts !== null && texts[field] === '',
  }));
  return { id, title, note, absent: texts ? '' : absent, rows: texts ? rows : [] };
}

/** @param {number} version */
function versionText(version) {
  return t('templates.version', { version });
}
