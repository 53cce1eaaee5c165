/**
 * @file The short messages. One list stands in the frame and one in each dialog, and only that on top shows them:
 * whatever lies below an open dialog is dimmed, out of reach and not read aloud.
 */
import { component } from '../component.js';
import { topDialog } from '../dialog.js';
import { t } from '../i18n.js';
import { COMMAND_KEY } from '../keyboard.js';
import { acceptToast, dismissToast, readToasts } from '../toasts.js';

/** So many stand there at once; the others wait behind them until somebody asks, or their time is over. */
const MOST_SHOWN = 3;

/** @param {typeof import('../toasts.js').toasts} toasts */
export function toastList(toasts) {
  /** @type {HTMLDialogElement | null} */
  let place = null;

  return component({
    /** All of them were asked for. */
    open: false,
    undoKey: `${COMMAND_KEY} Z`,

    init() {
      place = this.$el.closest('dialog');
    },

    get all() {
      return topDialog() === place ? toasts.list : [];
    },

    /** The latest ones. */
    get messages() {
      return this.open ? this.all : this.all.slice(-MOST_SHOWN);
    },

    get moreText() {
      const more = this.all.length - this.messages.length;
      return more > 0 ? t('toasts.more', { count: more }) : '';
    },

    /** The latest offer is taken by a key. @param {number} id */
    isLatestOffer(id) {
      return this.all.findLast(({ action }) => action !== null)?.id === id;
    },

    showAll() {
      this.open = true;
    },

    /** @param {boolean} inside */
    read(inside) {
      readToasts(inside);
      if (!inside) this.open = false;
    },

    /** @param {number} id */
    accept(id) {
      this.leaveLast();
      acceptToast(id);
    },

    /** @param {number} id */
    dismiss(id) {
      this.leaveLast();
      dismissToast(id);
    },

    /** With the last message goes what would tell that it has been left. */
    leaveLast() {
      if (this.all.length === 1) this.read(false);
    },
  });
}
