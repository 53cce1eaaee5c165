/**
 * @file Short messages that come and go; read aloud because they stand in a live region (widgets/toast-list.js).
 *
 * One that offers to take something back is reached at once: Ctrl/⌘-Z accepts the latest offer, F6 leads to the
 * latest message. While somebody points at them or has the focus in them, none of them goes.
 */
import Alpine from '@alpinejs/csp';
import { isTyping } from './keyboard.js';

const SHOWN_MS = 6000;
/** One that offers to do something has to be read, and reached. */
const OFFERED_MS = 20_000;

/** @typedef {{ label: string, run: () => void }} ToastAction  "撤销" */
/** @typedef {{ id: number, text: string, kind: 'good' | 'bad', action: ToastAction | null }} Toast */

/** @type {{ list: Toast[] }} */
export const toasts = Alpine.reactive({ list: [] });
let lastId = 0;
/** Message → what takes it away. @type {Map<number, ReturnType<typeof setTimeout>>} */
const timers = new Map();
let beingRead = false;

/**
 * @param {string} text
 * @param {Toast['kind']} kind
 * @param {ToastAction | null} action
 * @returns {number}  its id, for dismissToast
 */
export function toast(text, kind = 'good', action = null) {
  const id = ++lastId;
  const shown = { id, text, kind, action };
  toasts.list.push(shown);
  if (!beingRead) startTimer(shown);
  return id;
}

/** Does what a message offers, once. @param {number} id */
export function acceptToast(id) {
  const found = toasts.list.find((shown) => shown.id === id);
  dismissToast(id);
  found?.action?.run();
}

/** @param {number} id */
export function dismissToast(id) {
  clearTimeout(timers.get(id));
  timers.delete(id);
  toasts.list = toasts.list.filter((shown) => shown.id !== id);
}

/** Somebody is at the messages, or has left them: then each has its whole time again. @param {boolean} reading */
export function readToasts(reading) {
  if (reading === beingRead) return;
  beingRead = reading;
  for (const timer of timers.values()) clearTimeout(timer);
  timers.clear();
  if (!reading) toasts.list.forEach(startTimer);
}

/** @param {Toast} shown */
function startTimer({ id, action }) {
  timers.set(
    id,
    setTimeout(() => dismissToast(id), action ? OFFERED_MS : SHOWN_MS),
  );
}

/**
 * The two keys of the messages, also while a dialog is open. In a field Ctrl-Z is the field's own.
 * @param {KeyboardEvent} event
 */
export function runToastKey(event) {
  const undoes =
    (event.ctrlKey || event.metaKey) && !event.shiftKey && !event.altKey && event.key.toLowerCase() === 'z';
  if (event.key === 'F6') {
    const latest = [...document.querySelectorAll('.toast')].findLast((one) => one.checkVisibility());
    if (!latest) return;
    event.preventDefault();
    latest.querySelector('button')?.focus();
  } else if (undoes && !isTyping(event.target)) {
    const offer = toasts.list.findLast(({ action }) => action !== null);
    if (!offer) return;
    event.preventDefault();
    acceptToast(offer.id);
  }
}
