/**
 * @file A template's texts: a new one, a change, and the versions that it has had.
 */
import { get, post, put } from '../../core/api-client.js';
import { clock } from '../../core/clock.js';
import { component, follow } from '../../core/component.js';
import * as format from '../../core/format.js';
import { t } from '../../core/i18n.js';
import { createPanel } from '../../core/panel.js';
import { refreshChanged } from '../../core/refresher.js';
import { addressOf, route } from '../../core/router.js';
import { asStored, mayWrite } from '../../core/session.js';
import { toast } from '../../core/toasts.js';
import { createForm } from '../../widgets/form.js';

/** @typedef {import('../../core/api-types.js').Template} Template */
/** @typedef {import('../../widgets/dialog.js').Dialog} Dialog */
/** @typedef {import('./templates.js').Typing} Typing */

/**
 * @param {Dialog} dialog
 * @param {Typing} typing
 * @param {string[]} categories  those in use, as suggestions
 */
export function templateEditor(dialog, typing, categories) {
  const id = route.query.dialog === 'edit' ? route.query.template : '';
  const panel = createPanel({
    what: 'templates.one.what',
    load: (signal) => get(`/ops/templates/${encodeURIComponent(id)}`, { query: asStored(), signal }),
  });
  /** @type {(() => void)[]} */
  const undo = [];

  return component({
    dialog,
    panel,
    categories,
    isNew: id === '',
    /** @type {import('../../widgets/form.js').Form<Template> | null} */
    form: null,
    /** The version that the person has seen, and that a change is a change of. */
    version: 0,

    init() {
      typing.isUnsaved = () => this.form?.dirty ?? false;
      if (this.isNew) {
        this.form = this.makeForm({});
        return;
      }
      panel.load();
      const stop = follow(
        () => panel.data,
        (detail) => {
          if (!detail || this.form) return;
          this.version = detail.version;
          this.form = this.makeForm({ ...detail });
        },
      );
      undo.push(stop, () => panel.dispose());
    },

    destroy() {
      typing.isUnsaved = () => false;
      for (const step of undo) step();
    },

    /** @param {Record<string, unknown>} values */
    makeForm(values) {
      return createForm({
        fields: [
          { name: 'question', label: 'templates.question', required: true },
          { name: 'answer', label: 'templates.answer', kind: 'text', lines: 6, required: true },
          {
            name: 'category',
            label: 'templates.category',
            hint: 'templates.category.hint',
            suggestions: () => categories,
          },
        ],
        values,
        submit: () => t(this.isNew ? 'templates.create' : 'templates.save'),
        send: (typed) => this.send(typed),
        done: (saved) => this.done(saved),
        conflict: () => this.showOthers(),
      });
    },

    /**
     * @param {Record<string, string>} typed
     * @returns {Promise<Template>}
     */
    send(typed) {
      if (this.isNew) return post('/ops/templates', typed);
      return put(`/ops/templates/${encodeURIComponent(id)}`, { ...typed, version: this.version });
    },

    /** @param {Template} saved */
    done(saved) {
      const behind = saved.distributed_count - saved.current_count;
      if (this.isNew) toast(t('templates.created'));
      else if (saved.version === this.version) toast(t('templates.unchanged'));
      else if (behind > 0) toast(t('templates.saved.behind', { count: behind, version: saved.version }));
      else toast(t('templates.saved', { version: saved.version }));
      dialog.closeNow();
      refreshChanged();
    },

    /** Somebody else has saved meanwhile: both texts, and from here on a change of theirs. */
    async showOthers() {
      const now = await get(`/ops/templates/${encodeURIComponent(id)}`, { query: asStored() });
      if (now.version === this.version) return; // Another conflict: the question is another template's.
      panel.data = now;
      this.version = now.version;
      this.form?.showOthers({ ...now });
    },

    get title() {
      if (this.isNew) return t('templates.new');
      return t(mayWrite() ? 'templates.edit' : 'templates.show');
    },

    get readOnly() {
      return !mayWrite();
    },

    /** What a change would leave behind, before it is saved. */
    get effect() {
      const detail = panel.data;
      if (!detail || this.readOnly) return '';
      if (detail.distributed_count === 0) return t('templates.edit.nobody', { version: detail.version + 1 });
      return t('templates.edit.effect', { version: detail.version + 1, count: detail.distributed_count });
    },

    get matrixLink() {
      return addressOf('templates', { view: 'matrix', template_id: id });
    },

    get versions() {
      return (panel.data?.versions ?? []).map((version, index) => ({
        key: version.version,
        title: t('templates.version', { version: version.version }),
        present: index === 0,
        by: version.created_by,
        age: format.ago(Date.parse(version.created_at), clock.now),
        exact: format.exactTime(version.created_at),
        question: version.question,
        answer: version.answer,
        category: version.category || t('templates.category.none'),
      }));
    },
  });
}
