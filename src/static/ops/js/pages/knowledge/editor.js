/**
 * @file One pair: its texts to change, how its quality comes about, and whether the index has it; or a new one.
 *
 * Two people may edit the same pair. The second to save sees both texts side by side and decides field by field; nobody
 * overwrites unseen what the other has written.
 */
import Alpine from '@alpinejs/csp';
import { ApiError, get, post, put, remove } from '../../core/api-client.js';
import { clock } from '../../core/clock.js';
import { component, explain, follow } from '../../core/component.js';
import * as format from '../../core/format.js';
import { t, tValue } from '../../core/i18n.js';
import { createPanel } from '../../core/panel.js';
import { refreshChanged } from '../../core/refresher.js';
import { addressOf, route } from '../../core/router.js';
import { asStored, mayWrite } from '../../core/session.js';
import { toast } from '../../core/toasts.js';
import { differences } from '../../widgets/differences.js';
import { createForm } from '../../widgets/form.js';
import { createTenantChoice } from '../../widgets/tenant-choice.js';
import { qualityWhy, syncLook } from './quality.js';

/** @typedef {import('../../core/api-types.js').QAListItem} QAListItem */
/** @typedef {import('../../core/api-types.js').QAPairDetail} QAPairDetail */
/** @typedef {import('../../widgets/dialog.js').Dialog} Dialog */

const texts = /** @type {const} */ (['question', 'answer', 'category']);
const PATH = '/ops/knowledge/qa-pairs';

/**
 * @param {Dialog} dialog
 * @param {string[]} categories  those in use, as suggestions
 * @param {boolean} isNew
 */
export function pairEditor(dialog, categories, isNew) {
  const path = /** @type {const} */ (`${PATH}/${encodeURIComponent(route.query.pair ?? '')}`);
  const panel = createPanel({
    what: 'knowledge.one.what',
    load: (signal) => get(path, { query: asStored(), signal }),
  });
  const tenant = Alpine.reactive({ id: route.query.tenant_id ?? '' });
  const choice = createTenantChoice({
    label: 'knowledge.tenant',
    value: () => tenant.id,
    choose: (id) => (tenant.id = id),
  });
  /** @type {(() => void)[]} */
  const undo = [() => panel.dispose(), () => choice.dispose()];

  return component({
    dialog,
    panel,
    choice,
    isNew,
    /** @type {import('../../widgets/form.js').Form<QAListItem> | null} */
    form: null,
    /** The version that the person has seen, and that a change is a change of. */
    version: 0,
    /** What somebody else has saved meanwhile. @type {QAPairDetail | null} */
    theirs: null,
    deleting: false,

    init() {
      if (isNew) {
        this.start({});
        return;
      }
      panel.load();
      const stop = follow(
        () => panel.data,
        (pair) => {
          if (!pair || this.form) return;
          this.version = pair.version;
          if (mayWrite()) this.start({ ...pair });
        },
      );
      undo.push(stop);
    },

    destroy() {
      for (const step of undo) step();
    },

    /** @param {Record<string, unknown>} values */
    start(values) {
      this.form = createForm({
        fields: [
          { name: 'question', label: 'knowledge.question', kind: 'text', lines: 1, required: true },
          { name: 'answer', label: 'knowledge.answer', kind: 'text', lines: 6, hint: 'knowledge.answer.hint' },
          {
            name: 'category',
            label: 'knowledge.category',
            hint: 'knowledge.category.hint',
            suggestions: () => categories,
          },
        ],
        values,
        submit: () => t(isNew ? 'knowledge.create' : 'knowledge.save'),
        send: (typed) => this.send(typed),
        done: (saved) => this.done(saved),
        conflict: () => this.showTheirs(),
      });
      dialog.draft = this.form;
    },

    submit() {
      choice.error = isNew && !tenant.id ? t('knowledge.tenant.required') : '';
      if (choice.error) document.getElementById(choice.id)?.focus();
      else this.form?.submit();
    },

    /**
     * @param {Record<string, string>} typed
     * @returns {Promise<QAListItem>}
     */
    send(typed) {
      return isNew ? post(PATH, { ...typed, tenant_id: tenant.id }) : put(path, { ...typed, version: this.version });
    },

    /** @param {QAListItem} saved */
    done(saved) {
      if (isNew) toast(t('knowledge.created'));
      else toast(t(saved.version === this.version ? 'knowledge.unchanged' : 'knowledge.saved'));
      dialog.closeNow();
      refreshChanged();
    },

    // ── two editors ──

    /** After a 409: what the pair is now. Another conflict than a change: the question is another pair's. */
    async showTheirs() {
      const now = await get(path, { query: asStored() });
      if (now.version === this.version) return;
      this.version = now.version;
      this.theirs = now;
    },

    /** Field by field what is typed and what is saved, where they differ. */
    get compared() {
      const { theirs, form } = this;
      if (!theirs || !form) return [];
      return texts.flatMap((name) => {
        const mine = form.values[name];
        if (mine === theirs[name]) return [];
        const parts = differences(mine, theirs[name]);
        return [
          {
            name,
            label: t(`knowledge.${name}`),
            mine: parts.filter(({ mark }) => mark !== 'added'),
            theirs: parts.filter(({ mark }) => mark !== 'removed'),
            noMine: mine === '',
            noTheirs: theirs[name] === '',
            takeText: t('knowledge.conflict.takeField', { field: t(`knowledge.${name}`) }),
          },
        ];
      });
    },

    get conflictText() {
      if (!this.theirs) return '';
      const time = format.ago(Date.parse(this.theirs.updated_at), clock.now);
      return t(this.compared.length > 0 ? 'knowledge.conflict.text' : 'knowledge.conflict.same', { time });
    },

    /** @param {string} name */
    takeField(name) {
      const field = this.form?.fields.find((one) => one.name === name);
      if (field && this.theirs) field.value = this.theirs[/** @type {typeof texts[number]} */ (name)];
      this.settle();
    },

    takeAll() {
      for (const name of texts) this.takeField(name);
    },

    /** What is typed shall replace theirs: it is seen, and the next save is a change of their version. */
    keepMine() {
      this.theirs = null;
      this.settle();
    },

    settle() {
      if (this.form) this.form.failure = null;
    },

    // ── what it is ──

    get title() {
      if (isNew) return t('knowledge.new');
      return t(mayWrite() ? 'knowledge.edit' : 'knowledge.show', { id: route.query.pair ?? '' });
    },

    get readOnly() {
      return !isNew && !mayWrite();
    },

    /** @returns {QAPairDetail | null} */
    get pair() {
      return panel.data;
    },

    get facts() {
      const { pair } = this;
      if (!pair) return null;
      const when = (/** @type {string} */ time) => ({
        text: format.ago(Date.parse(time), clock.now),
        exact: format.exactTime(time),
      });
      return {
        tenant: pair.tenant_name,
        tenantHref: addressOf('tenants', { tenant: pair.tenant_id }),
        source: tValue('pairSource', pair.source),
        templateHref: pair.template_id ? addressOf('templates', { dialog: 'edit', template: pair.template_id }) : null,
        version: t('knowledge.version', { version: pair.version }),
        quality: format.score(pair.quality_score),
        qualityWhy: pair.quality?.explanation ?? qualityWhy(pair),
        sync: syncLook(pair),
        hits: t('count.times', { count: pair.hit_count }),
        updated: when(pair.updated_at),
        created: when(pair.created_at),
      };
    },

    get readTexts() {
      const { pair } = this;
      if (!pair) return [];
      const none = { question: '', answer: t('knowledge.noAnswer'), category: t('knowledge.category.none') };
      return texts.map((name) => ({ name, label: t(`knowledge.${name}`), text: pair[name] || none[name] }));
    },

    // ── away with it ──

    /** It can be had back for a day, so nobody is asked first. */
    async deletePair() {
      if (this.deleting) return;
      this.deleting = true;
      try {
        await remove(path);
        dialog.closeNow();
        refreshChanged();
        const id = Number(this.pair?.id);
        toast(t('knowledge.deleted.toast'), 'good', { label: t('knowledge.undo'), run: () => restorePair(id) });
      } catch (error) {
        toast(error instanceof ApiError ? explain(error) : String(error), 'bad');
      }
      this.deleting = false;
    },
  });
}

/** Brings a deleted pair back. @param {number} id */
export async function restorePair(id) {
  try {
    await post(`${PATH}/${id}/restore`);
    toast(t('knowledge.restored'));
    refreshChanged();
  } catch (error) {
    toast(error instanceof ApiError ? explain(error) : String(error), 'bad');
  }
}
