/**
 * @file Deleting a template: its copies stay with their tenants, as pairs of their own.
 */
import { get, remove } from '../../core/api-client.js';
import { component } from '../../core/component.js';
import * as format from '../../core/format.js';
import { t } from '../../core/i18n.js';
import { refreshChanged } from '../../core/refresher.js';
import { route } from '../../core/router.js';
import { toast } from '../../core/toasts.js';
import { countOfMany, createDanger } from '../../widgets/danger.js';

/** @typedef {import('../../core/api-types.js').TemplateDetail} TemplateDetail */
/** @typedef {import('../../widgets/dialog.js').Dialog} Dialog */
/** @typedef {import('./templates.js').Typing} Typing */

/**
 * @param {Dialog} dialog
 * @param {Typing} typing
 * @param {{ id: number }} deleted  is told which one it was
 */
export function templateRemoval(dialog, typing, deleted) {
  const path = /** @type {const} */ (`/ops/templates/${encodeURIComponent(route.query.template)}`);
  /** @type {import('../../widgets/danger.js').Danger<TemplateDetail, null>} */
  const danger = createDanger({
    what: 'templates.one.what',
    text: () => (copies() > 0 ? t('templates.delete.text', { count: copies() }) : t('templates.delete.noCopies')),
    load: (signal) => get(path, { signal }),
    effect: (template) => [
      { label: t('templates.question'), value: template.question, title: template.question },
      { label: t('templates.delete.copies'), value: format.count(template.distributed_count) },
      { label: t('templates.delete.versions'), value: format.count(template.versions.length) },
    ],
    reason: 'optional',
    count: () => countOfMany(copies()),
    submit: () => t('templates.delete.do'),
    send: ({ reason }) => remove(path, reason ? { reason } : undefined),
    done: () => {
      deleted.id = danger.effect.data?.id ?? 0;
      toast(t('templates.deleted'));
      dialog.closeNow();
      refreshChanged();
    },
  });

  function copies() {
    return danger.effect.data?.distributed_count ?? 0;
  }

  return component({
    danger,
    dialog,

    get title() {
      return t('templates.delete.title');
    },

    init() {
      typing.isUnsaved = () => danger.dirty;
      danger.effect.load();
    },

    destroy() {
      typing.isUnsaved = () => false;
      danger.effect.dispose();
    },
  });
}
