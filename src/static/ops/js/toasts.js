/**
 * @file Short messages that come and go; read aloud because they stand in a live region of the frame.
 */
import Alpine from '@alpinejs/csp';

const SHOWN_MS = 6000;

/** @typedef {{ id: number, text: string, kind: 'good' | 'bad' }} Toast */

/** @type {{ list: Toast[] }} */
export const toasts = Alpine.reactive({ list: [] });
let lastId = 0;

/**
 * @param {string} text
 * @param {Toast['kind']} kind
 */
export function toast(text, kind = 'good') {
  const id = ++lastId;
  toasts.list.push({ id, text, kind });
  setTimeout(() => dismissToast(id), SHOWN_MS);
}

/** @param {number} id */
export function dismissToast(id) {
  toasts.list = toasts.list.filter((shown) => shown.id !== id);
}
