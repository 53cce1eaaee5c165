/**
 * @file A form: fields, what is wrong with each, and one request that saves them.
 *
 *   const form = createForm({ fields: [{ name: 'name', label: 'tenants.name', required: true }], values: tenant,
 *                             submit: 'tenants.save', send: (values) => put(path, values), done: (saved) => … });
 *
 * In markup: `<form @submit.prevent="form.submit()" novalidate>`, `x-use:form-fields="form"` for the fields in their
 * order, `x-use:form-failure="form"`, and `x-use:dialog-foot` for the buttons of a form in a dialog (it needs `form`
 * and `dialog` in one object: `{ form: form, dialog: dialog }`).
 *
 * A 422 names fields: each message stands at its field, and the first wrong one gets the focus. Anything else stands
 * above the buttons with the request's id, and nothing that was typed is lost. On 409 `conflict` may find out what has
 * become of the thing; `showOthers` puts the present values beside the typed ones.
 */
import Alpine from '@alpinejs/csp';
import { ApiError } from '../core/api-client.js';
import { explain } from '../core/component.js';
import { t } from '../core/i18n.js';

/** @typedef {import('../core/i18n.js').MessageKey} MessageKey */

/**
 * @typedef {object} FieldRow
 * @property {string} name  as the server calls it
 * @property {MessageKey} label
 * @property {'line' | 'text'} [kind]  one line, or several: then the box grows with what is in it
 * @property {number} [lines]  that such a box has at least
 * @property {boolean} [required]
 * @property {MessageKey} [hint]
 * @property {() => string[]} [suggestions]  what one may choose instead of typing it
 */

/**
 * @template T
 * @typedef {object} FormOptions
 * @property {FieldRow[]} fields
 * @property {Record<string, unknown>} [values]  what they start with
 * @property {() => string} submit  what the button does: "保存", "暂停 Kimono One"
 * @property {(values: Record<string, string>) => Promise<T>} send
 * @property {(answer: T) => void} done
 * @property {() => Promise<void>} [conflict]  after a 409
 */

let lastForm = 0;

/** @template T */
export class Form {
  busy = false;
  /** @type {ApiError | null} */
  failure = null;

  /** @param {FormOptions<T>} options */
  constructor(options) {
    this._options = options;
    const number = ++lastForm;
    this.failureId = `form-${number}-failure`;
    this.fields = options.fields.map((row) => {
      const value = String(options.values?.[row.name] ?? '');
      return {
        ...row,
        value,
        initial: value,
        error: '',
        /** @type {string | null} what somebody else has saved meanwhile */
        other: null,
        id: `form-${number}-${row.name}`,
      };
    });
  }

  /** Something has been typed that isn't saved. */
  get dirty() {
    return this.fields.some(({ value, initial }) => value !== initial);
  }

  /** @returns {Record<string, string>} */
  get values() {
    return Object.fromEntries(this.fields.map(({ name, value }) => [name, value.trim()]));
  }

  get submitText() {
    return this._options.submit();
  }

  get rows() {
    return this.fields.map((field) => ({
      field,
      id: field.id,
      isText: field.kind === 'text',
      lines: field.lines ?? 3,
      label: t(field.label),
      mark: field.required ? '' : t('form.optional'),
      hint: field.hint ? t(field.hint) : '',
      describedBy: `${field.id}-error ${field.id}-hint`,
      other: this._otherText(field),
      suggestions: field.suggestions?.() ?? [],
      listId: field.suggestions ? `${field.id}-list` : null,
    }));
  }

  async submit() {
    if (this.busy || !this._check()) return;
    this.busy = true;
    this.failure = null;
    try {
      const answer = await this._options.send(this.values);
      for (const field of this.fields) field.initial = field.value;
      this._options.done(answer);
    } catch (error) {
      await this._fail(error);
    }
    this.busy = false;
  }

  /**
   * What the thing is now, after somebody else has changed it.
   * @param {Record<string, unknown>} values
   */
  showOthers(values) {
    for (const field of this.fields) {
      const value = String(values[field.name] ?? '');
      field.other = value === field.value ? null : value;
    }
  }

  /** @param {{ value: string, other: string | null }} field */
  takeOther(field) {
    field.value = field.other ?? field.value;
    field.other = null;
  }

  get failureText() {
    return this.failure ? explain(this.failure) : '';
  }

  /** After no answer nobody knows whether it has been done. */
  get failureAdvice() {
    const unknown = this.failure?.kind === 'timeout' || this.failure?.kind === 'unreachable';
    return unknown ? t('form.uncertain') : '';
  }

  get failureRequest() {
    const id = this.failure?.requestId;
    return id ? t('error.request', { id }) : '';
  }

  /** @param {{ other: string | null }} field */
  _otherText({ other }) {
    if (other === null) return '';
    return other === '' ? t('form.other.empty') : t('form.other', { value: other });
  }

  /** What needs no server to be seen. */
  _check() {
    for (const field of this.fields) field.error = field.required && !field.value.trim() ? t('form.required') : '';
    return !this._focusWrong();
  }

  /** @param {unknown} error */
  async _fail(error) {
    if (!(error instanceof ApiError)) console.error(error);
    const failure = error instanceof ApiError ? error : new ApiError('unreadable');
    const errors = failure.problem.errors ?? [];
    for (const field of this.fields) field.error = errors.find(({ field: name }) => name === field.name)?.message ?? '';
    const named = this._focusWrong();
    const all = errors.every(({ field: name }) => this.fields.some((field) => field.name === name));
    // Where every wrong field says itself what is wrong, a failure below would only repeat it.
    this.failure = named && all ? null : failure;
    if (failure.status === 409) await this._options.conflict?.().catch(() => {});
    Alpine.nextTick(() => requestAnimationFrame(() => this._showFailure()));
  }

  /** Below a long form nobody would see that it has failed. To be called when Alpine has drawn it: x-show waits for a frame. */
  _showFailure() {
    document.getElementById(this.failureId)?.scrollIntoView({ block: 'nearest' });
  }

  _focusWrong() {
    const wrong = this.fields.find(({ error }) => error);
    if (wrong) Alpine.nextTick(() => document.getElementById(wrong.id)?.focus());
    return wrong !== undefined;
  }
}

/**
 * @template T
 * @param {FormOptions<T>} options
 * @returns {Form<T>}
 */
export function createForm(options) {
  return Alpine.reactive(new Form(options));
}

/**
 * `x-grows`: a text area as high as its text.
 * @param {HTMLElement} element
 * @param {{ expression: string }} directive
 * @param {import('@alpinejs/csp').DirectiveUtilities} utilities
 */
export function growWithText(element, { expression }, { evaluateLater, effect }) {
  if (CSS.supports('field-sizing', 'content')) return;
  const evaluate = evaluateLater(expression);
  effect(() =>
    evaluate(() => {
      element.style.height = 'auto';
      element.style.height = `${element.scrollHeight + 2}px`; // with its border
    }),
  );
}
