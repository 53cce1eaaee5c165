/**
 * @file The short messages. One list stands in the frame and one in each dialog, and only that on top shows them:
 * whatever lies below an open dialog is dimmed, out of reach and not read aloud.
 */
import { component } from '../component.js';
import { topDialog } from '../dialog.js';
import { acceptToast, dismissToast } from '../toasts.js';

/** @param {typeof import('../toasts.js').toasts} toasts */
export function toastList(toasts) {
  /** @type {HTMLDialogElement | null} */
  let place = null;

  return component({
    init() {
      place = this.$el.closest('dialog');
    },

    get messages() {
      return topDialog() === place ? toasts.list : [];
    },

    /** @param {number} id */
    accept(id) {
      acceptToast(id);
    },

    /** @param {number} id */
    dismiss(id) {
      dismissToast(id);
    },
  });
}
