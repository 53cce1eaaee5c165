/**
 * @file A dialog with an address of its own: it is open while the query has its parameters, so that a reload, the back
 * button and a link to a colleague open and close it.
 *
 *   const edit = createDialog({ parameters: { tenant: null, dialog: 'edit' }, closing: ['dialog'] });
 *   edit.open({ tenant: id })                   <dialog class="dialog" x-dialog="edit"> …
 *
 * What is inside stands in `<template x-for="key in edit.keys" :key="key">`, so that it is made anew for each opening;
 * its component says what may be lost: `dialog.draft = form`. The dialog is named by the heading of its dialog-head.
 *
 * Focus, Esc and what lies below are the browser's (`showModal`). Text that would be lost is asked about first, however
 * the dialog is left: by Esc, its cross, a click beside it, a link or the back button; see the template dialog-head.
 */
import Alpine from '@alpinejs/csp';
import { addressOf, changeQuery, goBackTo, guardLeaving, route } from '../core/router.js';

/** @typedef {import('../core/router.js').Place} Place */

/**
 * @typedef {object} DialogOptions
 * @property {Record<string, string | null>} parameters  that the query must have; null: with any value, which is the key
 * @property {string[]} [closing]  those that closing takes away; all if left out
 * @property {() => boolean} [hasUnsaved]  for a page that knows it without a `draft`
 * @property {() => boolean} [allowed]  whether it opens at all: for this person, in this state
 * @property {boolean} [anywhere]  it belongs to the frame, not to the page that is open when it is made
 */

export class Dialog {
  /** Asking whether to give up what was typed. */
  asking = false;
  /** @type {{ dirty: boolean } | null} what somebody is typing in it */
  draft = null;

  /** @type {(() => void) | null} what goes on when it is given up */
  _leave = null;
  _discarding = false;

  /** @param {DialogOptions} options */
  constructor(options) {
    this._options = options;
    this._page = options.anywhere ? null : route.page;
  }

  get isOpen() {
    return this._isOpenAt(route) && (this._options.allowed?.() ?? true);
  }

  /** One key for each thing that the dialog can be about; none while it is closed. @returns {string[]} */
  get keys() {
    return this.isOpen ? [this._keyAt(route)] : [];
  }

  get unsaved() {
    const unsaved = this.draft?.dirty ?? this._options.hasUnsaved?.() ?? false;
    return this.isOpen && !this._discarding && unsaved;
  }

  /** @param {Record<string, string | number>} [values]  of the parameters that can have any */
  open(values = {}) {
    this._discarding = false;
    const fixed = Object.entries(this._options.parameters).filter(([, value]) => value !== null);
    changeQuery({ .../** @type {Record<string, string>} */ (Object.fromEntries(fixed)), ...values });
  }

  /** Closes it, or asks first. */
  close() {
    if (this.unsaved) this._ask(() => this.closeNow());
    else this.closeNow();
  }

  /** What was typed has been saved, or may go. */
  closeNow() {
    this._discarding = true;
    this.asking = false;
    const names = this._options.closing ?? Object.keys(this._options.parameters);
    goBackTo(addressOf(route.page, { ...route.query, ...Object.fromEntries(names.map((name) => [name, undefined])) }));
  }

  keepEditing() {
    this.asking = false;
  }

  discard() {
    this.asking = false;
    this._discarding = true;
    this._leave?.();
  }

  /** @param {Place} place @param {() => void} go */
  _guard(place, go) {
    if (!this.unsaved || (this._isOpenAt(place) && this._keyAt(place) === this._keyAt(route))) return false;
    this._ask(go);
    return true;
  }

  /** @param {() => void} leave */
  _ask(leave) {
    this._leave = leave;
    this.asking = true;
  }

  /** @param {Place} place */
  _isOpenAt({ page, query }) {
    if (this._page !== null && page !== this._page) return false;
    return Object.entries(this._options.parameters).every(([name, value]) =>
      value === null ? Boolean(query[name]) : query[name] === value,
    );
  }

  /** @param {Place} place */
  _keyAt({ query }) {
    return Object.keys(this._options.parameters)
      .map((name) => query[name])
      .join('\n');
  }
}

let lastHeading = 0;
let mayLeave = false;

/** Somebody has decided to leave the page, and knows what is lost: the browser needn't ask, too. */
export function leaveUnasked() {
  mayLeave = true;
}

/** What is open, one over the other. @type {{ nodes: HTMLDialogElement[] }} */
const layers = Alpine.reactive({ nodes: [] });

/** The dialog that lies over all else; null while none is open. @returns {HTMLDialogElement | null} */
export function topDialog() {
  return layers.nodes.at(-1) ?? null;
}

/** @param {HTMLDialogElement} node */
function leaveLayers(node) {
  layers.nodes = Alpine.raw(layers).nodes.filter((open) => open !== node);
}

/** @param {DialogOptions} options */
export function createDialog(options) {
  return Alpine.reactive(new Dialog(options));
}

/**
 * The directive x-dialog.
 * @param {HTMLElement} element
 * @param {{ expression: string }} directive
 * @param {import('@alpinejs/csp').DirectiveUtilities} utilities
 */
export function followDialog(element, { expression }, { evaluateLater, effect, cleanup }) {
  const node = /** @type {HTMLDialogElement} */ (element);
  evaluateLater(expression)((value) => {
    const dialog = /** @type {Dialog} */ (value);
    effect(() => {
      if (dialog.isOpen) show(node, dialog);
      else node.close();
    });
    cleanup(guardLeaving((place, go) => dialog._guard(place, go)));
    cleanup(listen(node, dialog));
  });
}

/**
 * @param {HTMLDialogElement} node
 * @param {Dialog} dialog
 */
function show(node, dialog) {
  dialog._discarding = false;
  // The content comes first, so that the browser finds what is to have the focus.
  Alpine.nextTick(() => {
    if (!dialog.isOpen || node.open || !node.isConnected) return;
    const heading = node.querySelector('h2');
    if (heading) heading.id ||= `dialog-title-${++lastHeading}`;
    node.setAttribute('aria-labelledby', heading?.id ?? '');
    node.showModal();
    layers.nodes = [...Alpine.raw(layers).nodes, node];
    // The first field; where there is none, what is read, so that the arrow keys scroll it.
    const field = node.querySelector('form :is(input, textarea)') ?? node.querySelector('.dialog-body');
    /** @type {HTMLElement | null} */ (field)?.focus();
  });
}

/**
 * @param {HTMLDialogElement} node
 * @param {Dialog} dialog
 * @returns {() => void}
 */
function listen(node, dialog) {
  const ended = new AbortController();
  const { signal } = ended;
  let pressedBeside = false;
  node.addEventListener(
    'cancel',
    (event) => {
      if (event.target !== node) return;
      event.preventDefault();
      if (dialog.asking) dialog.keepEditing();
      else dialog.close();
    },
    { signal },
  );
  // The second Esc in a row closes a dialog whatever the page says.
  node.addEventListener(
    'close',
    (event) => {
      if (event.target !== node) return;
      leaveLayers(node);
      if (dialog.isOpen) show(node, dialog);
    },
    { signal },
  );
  // Selecting text may end beside the dialog; only what begins there too is meant to close it.
  node.addEventListener('pointerdown', (event) => (pressedBeside = event.target === node), { signal });
  node.addEventListener('click', (event) => event.target === node && pressedBeside && dialog.close(), { signal });
  addEventListener('beforeunload', (event) => dialog.unsaved && !mayLeave && event.preventDefault(), { signal });
  return () => {
    ended.abort();
    leaveLayers(node);
    if (node.open) node.close();
  };
}
