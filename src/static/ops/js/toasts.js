/**
 * @file Short messages that come and go; read aloud because they stand in a live region (components/toast-list.js).
 */
import Alpine from '@alpinejs/csp';

const SHOWN_MS = 6000;
/** One that offers to do something has to be read, and reached. */
const OFFERED_MS = 20_000;

/** @typedef {{ label: string, run: () => void }} ToastAction  "撤销" */
/** @typedef {{ id: number, text: string, kind: 'good' | 'bad', action: ToastAction | null }} Toast */

/** @type {{ list: Toast[] }} */
export const toasts = Alpine.reactive({ list: [] });
let lastId = 0;

/**
 * @param {string} text
 * @param {Toast['kind']} kind
 * @param {ToastAction | null} action
 * @returns {number}  its id, for dismissToast
 */
export function toast(text, kind = 'good', action = null) {
  const id = ++lastId;
  toasts.list.push({ id, text, kind, action });
  setTimeout(() => dismissToast(id), action ? OFFERED_MS : SHOWN_MS);
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
  toasts.list = toasts.list.filter((shown) => shown.id !== id);
}
