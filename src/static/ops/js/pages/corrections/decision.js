/**
 * @file One customer's feedback: what was asked and answered, what the customer says, what the pair answers now; and what
 * is to become of it: the pair's new answer, a pair of its own, or nothing.
 */
import { ApiError, get, post } from '../../core/api-client.js';
import { component, follow } from '../../core/component.js';
import * as format from '../../core/format.js';
import { t } from '../../core/i18n.js';
import { createPanel } from '../../core/panel.js';
import { keepFresh, refreshChanged } from '../../core/refresher.js';
import { addressOf, route } from '../../core/router.js';
import { asStored, mayWrite } from '../../core/session.js';
import { toast } from '../../core/toasts.js';
import { createForm } from '../../widgets/form.js';
import { correctionLook } from './look.js';

/** @typedef {import('../../core/api-types.js').Correction} Correction */
/** @typedef {'change' | 'create' | 'reject'} Decision */

const answerField = /** @type {const} */ ({
  name: 'answer',
  label: 'corrections.answerNow',
  kind: 'text',
  required: true,
});
const noteField = /** @type {const} */ ({ name: 'note', label: 'corrections.note', hint: 'danger.reason.hint' });

/** @param {import('../../widgets/dialog.js').Dialog} dialog */
export function correctionDecision(dialog) {
  const path = /** @type {const} */ (`/ops/knowledge/corrections/${encodeURIComponent(route.query.correction)}`);
  const panel = createPanel({
    what: 'corrections.what.one',
    load: (signal) => get(path, { query: asStored(), signal }),
  });
  /** @type {(() => void) | null} */
  let stop = null;
  /** What is being decided about, whatever a refresh brings meanwhile. @type {Correction | null} */
  let looked = null;

  return component({
    panel,
    dialog,
    /** @type {Decision} */
    decision: 'change',
    /** @type {import('../../widgets/form.js').Form<Correction> | null} */
    form: null,
    /** The customer has said it anew, or somebody else has decided. */
    changed: false,

    init() {
      const undo = [
        keepFresh([panel]),
        follow(
          () => panel.data,
          (data) => this.take(data),
        ),
      ];
      stop = () => undo.forEach((step) => step());
    },

    destroy() {
      stop?.();
    },

    get title() {
      return panel.data ? t('corrections.dialog.title', { tenant: panel.data.tenant_name }) : t('corrections.what.one');
    },

    get look() {
      return panel.data ? correctionLook(panel.data) : null;
    },

    get columns() {
      return panel.data ? makeColumns(panel.data) : [];
    },

    get decided() {
      const { data } = panel;
      if (!data?.decided_at) return '';
      const time = format.exactTime(data.decided_at);
      if (!data.decided_by) return t('corrections.decided.itself', { time });
      return data.note
        ? t('corrections.decided.note', { user: data.decided_by, time, note: data.note })
        : t('corrections.decided', { user: data.decided_by, time });
    },

    get choices() {
      const hasPair = looked?.pair_question != null;
      return /** @type {const} */ (['change', 'create', 'reject'])
        .filter((name) => name !== 'change' || hasPair)
        .map((name) => ({
          name,
          text: t(`corrections.${name}`),
          hint: t(`corrections.${name}.hint`),
          chosen: name === this.decision,
        }));
    },

    /** The first look at it, or one that shows it changed under whoever is deciding. @param {Correction | null} data */
    take(data) {
      if (!data) return;
      const isOpen = data.status === 'pending' && mayWrite();
      if (looked && isOpen && looked.version === data.version) return;
      this.changed = looked !== null && (looked.version !== data.version || (looked.status === 'pending' && !isOpen));
      looked = data;
      if (!isOpen) {
        this.form = null;
        dialog.draft = null;
      } else this.choose(firstChoice(data));
    },

    /** @param {Decision} decision */
    choose(decision) {
      const typed = this.form?.values;
      this.decision = decision;
      this.form = createForm({
        fields: decision === 'reject' ? [noteField] : [answerField, noteField],
        values: { answer: looked?.correction ?? '' },
        submit: () => t(/** @type {const} */ (`corrections.${decision}.button`)),
        send: (values) => this.send(decision, values),
        done: () => this.done(decision),
        conflict: () => panel.load(),
      });
      for (const field of this.form.fields) field.value = typed?.[field.name] ?? field.value;
      dialog.draft = this.form;
    },

    /**
     * @param {Decision} decision
     * @param {Record<string, string>} values
     * @returns {Promise<Correction>}
     */
    send(decision, { answer, note }) {
      if (!looked) throw new ApiError('unreadable');
      const asked = { version: looked.version, ...(note ? { note } : {}) };
      if (decision === 'reject') return post(`${path}/reject`, asked);
      if (decision === 'create') return post(`${path}/approve`, { ...asked, answer, as_new: true });
      return post(`${path}/approve`, { ...asked, answer, qa_pair_id: looked.qa_pair_id });
    },

    /** @param {Decision} decision */
    done(decision) {
      toast(t(/** @type {const} */ (`corrections.${decision}.done`)));
      dialog.closeNow();
      refreshChanged();
    },
  });
}

/**
 * A correction may be of a question of its own that a wrong pair has answered; a bad rating is about the pair that did.
 * @param {Correction} data
 * @returns {Decision}
 */
function firstChoice(data) {
  if (data.pair_question === null) return 'create';
  return data.held_for === 'existing_pair' || data.correction === null ? 'change' : 'create';
}

/** What was said then, what the customer wants, what is answered now. @param {Correction} data */
function makeColumns(data) {
  const then = [
    { label: t('corrections.question'), text: data.question, absent: false },
    { label: t('corrections.answered'), text: data.answer, absent: !data.answered },
  ];
  const said = [
    {
      label: t('corrections.correction'),
      text: data.correction ?? t('corrections.noCorrection'),
      absent: data.correction === null,
    },
  ];
  const now =
    data.pair_question === null
      ? [{ label: t('corrections.question'), text: t('corrections.noPair'), absent: true }]
      : [
          { label: t('corrections.question'), text: data.pair_question, absent: false },
          { label: t('corrections.pairAnswer'), text: data.pair_answer ?? '', absent: false },
        ];
  const href = data.pair_question === null ? null : addressOf('knowledge', { pair: data.qa_pair_id ?? undefined });
  return [
    { id: 'then', title: t('corrections.then'), rows: then, href: null, link: '' },
    { id: 'said', title: t('corrections.said'), rows: said, href: null, link: '' },
    { id: 'now', title: t('corrections.now'), rows: now, href, link: t('corrections.toPair') },
  ];
}
