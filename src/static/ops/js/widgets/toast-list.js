/**
 * @file The short messages. One list stands in the frame and one in each dialog, and only that on top shows them:
 * whatever lies below an open dialog is dimmed, out of reach and not read aloud.
 */
import { component } from '../core/component.js';
import { t } from '../core/i18n.js';
import { COMMAND_KEY } from '../core/keyboard.js';
import { acceptToast, dismissToast, readToasts } from '../core/toasts.js';
import { topDialog } from './dialog.js';

/** So many stand there at once; the others wait behind them until somebody asks, or their time is over. */
const MOST_SHOWN = 3;

const GAP = 16;

/**
 * Below the dialog if there is room, else on the upper edge of its foot: never over a button that ends it.
 * @param {HTMLElement} list
 * @param {HTMLDialogElement} dialog
 */
function keepOffFoot(list, dialog) {
  const box = dialog.getBoundingClientRect();
  const foot = [...dialog.querySelectorAll('.dialog-foot')].find((one) => one.checkVisibility());
  const fitsBelow = innerHeight - box.bottom >= list.offsetHeight + 2 * GAP;
  const end = fitsBelow ? innerHeight : (foot?.getBoundingClientRect().top ?? box.bottom);
  list.style.bottom = `${innerHeight - end + GAP / 2}px`;
  list.style.left = `${box.left + GAP}px`;
}

/** @param {typeof import('../core/toasts.js').toasts} toasts */
export function toastList(toasts) {
  /** @type {HTMLDialogElement | null} */
  let place = null;
  /** @type {HTMLElement | null} */
  let list = null;
  const gone = new AbortController();

  return component({
    /** All of them were asked for. */
    open: false,
    undoKey: `${COMMAND_KEY} Z`,

    init() {
      const stack = this.$el;
      list = stack;
      place = stack.closest('dialog');
      if (!place) return;
      const dialog = place;
      const observer = new ResizeObserver(() => keepOffFoot(stack, dialog));
      for (const element of [stack, dialog]) observer.observe(element);
      addEventListener('resize', () => keepOffFoot(stack, dialog), { signal: gone.signal });
      gone.signal.addEventListener('abort', () => observer.disconnect());
    },

    destroy() {
      gone.abort();
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

    /** The focus may go (with the button that was pressed, when all are shown) while the pointer stays, and the reverse. */
    look() {
      const reading = list !== null && (list.matches(':hover') || list.contains(document.activeElement));
      readToasts(reading);
      if (!reading) this.open = false;
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
      if (this.all.length > 1) return;
      readToasts(false);
      this.open = false;
    },
  });
}
