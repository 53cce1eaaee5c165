/**
 * @file What cannot simply be undone: shows its effect in figures first, asks for the reason that the audit log keeps,
 * makes the person type the name of what it is about, or how many it is about where they have none, and says on its
 * button what it does.
 *
 *   const danger = createDanger({ what: 'suspend.effect', load: (signal) => get(…), effect: (tenant) => [ … ],
 *                                 reason: 'required', name: () => tenant.name, submit: () => t('suspend.do', …),
 *                                 send: ({ reason }) => post(…), done: (tenant) => … });
 *
 * In markup, inside a <dialog>: `x-use:danger="danger"` is all of it, `danger-form` the part that is filled in, for a
 * dialog that shows the effect in its own way.
 */
import Alpine from '@alpinejs/csp';
import * as format from '../core/format.js';
import { t } from '../core/i18n.js';
import { createPanel } from '../core/panel.js';
import { createForm } from './form.js';

/** @typedef {import('../core/i18n.js').MessageKey} MessageKey */
/** @typedef {{ label: string, value: string, title?: string }} EffectLine */

/**
 * @template Effect, T
 * @typedef {object} DangerOptions
 * @property {MessageKey} what  the effect's name, as in "could not read WHAT"
 * @property {() => string} text  what will happen, and what won't
 * @property {(signal: AbortSignal) => Promise<Effect>} load  the effect as it would be now
 * @property {(effect: Effect) => EffectLine[]} effect
 * @property {'required' | 'optional'} reason
 * @property {() => string} [name]  of what it is about, to be typed; empty or left out: nothing
 * @property {() => number} [count]  of things without a name, to be typed where they are many; 0 or left out: nothing
 * @property {() => string} submit
 * @property {(values: { reason?: string }) => Promise<T>} send
 * @property {(answer: T) => void} done
 */

/** From so many on, how many things without a name there are has to be typed. */
const MANY = 20;

/** @param {number} count @returns {number} for DangerOptions.count */
export function countOfMany(count) {
  return count >= MANY ? count : 0;
}

/** @template Effect, T */
export class Danger {
  typed = '';

  /** @param {DangerOptions<Effect, T>} options */
  constructor(options) {
    this._options = options;
    this.effect = createPanel({ what: options.what, load: options.load });
    const reason = /** @type {const} */ ({ name: 'reason', label: 'danger.reason', hint: 'danger.reason.hint' });
    this.form = createForm({
      fields: [{ ...reason, kind: 'text', required: options.reason === 'required' }],
      submit: options.submit,
      send: ({ reason: given }) => options.send(given ? { reason: given } : {}),
      done: options.done,
    });
  }

  get text() {
    return this._options.text();
  }

  get lines() {
    const { data } = this.effect;
    return data ? this._options.effect(data).map((line) => ({ title: '', ...line })) : [];
  }

  get name() {
    return this._options.name?.() ?? '';
  }

  get count() {
    return this._options.count?.() ?? 0;
  }

  /** What is to be typed; empty: nothing. */
  get asked() {
    return this.name || (this.count > 0 ? String(this.count) : '');
  }

  get askedText() {
    if (this.name) return t('danger.type', { name: this.name });
    return t('danger.typeNumber', { number: format.exactCount(this.count) });
  }

  /** Figures that couldn't be read hold nobody up who has to act; what is still being read does. */
  get ready() {
    if (this.effect.state === 'loading' || this.asked === '') return this.effect.state !== 'loading';
    return this.name ? asRead(this.typed) === asRead(this.name) : numberOf(this.typed) === this.asked;
  }

  get dirty() {
    return this.form.dirty || this.typed !== '';
  }

  submit() {
    if (this.ready) this.form.submit();
  }
}

/** A name as the page shows it: any white space is one space, and an accent is the same however it is composed. */
function asRead(/** @type {string} */ name) {
  return name.normalize().trim().replaceAll(/\s+/g, ' ');
}

/** A number as anybody types it: full-width digits, and signs that part its thousands. @param {string} typed */
function numberOf(typed) {
  return typed.normalize('NFKC').replaceAll(/[\s,.'’]/g, '');
}

/**
 * @template Effect, T
 * @param {DangerOptions<Effect, T>} options
 * @returns {Danger<Effect, T>}
 */
export function createDanger(options) {
  return Alpine.reactive(new Danger(options));
}
