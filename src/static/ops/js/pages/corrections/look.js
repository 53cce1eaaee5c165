/**
 * @file How a customer's feedback stands: an icon and a class beside the words, never the colour alone.
 */
import { tValue } from '../../core/i18n.js';

/** @typedef {import('../../core/api-types.js').Correction} Correction */

/** As the server has them; the first is what the page shows by itself. */
export const correctionStatuses = ['pending', 'approved', 'rejected', 'learned'];

const looks = /** @type {Record<string, { icon: string, tone: string }>} */ ({
  existing_pair: { icon: 'icon-triangle-alert', tone: 'is-warning' },
  unfit: { icon: 'icon-triangle-alert', tone: 'is-warning' },
  rating: { icon: 'icon-message-square-warning', tone: 'is-warning' },
  waiting: { icon: 'icon-history', tone: 'is-info' },
  approved: { icon: 'icon-circle-check', tone: 'is-ok' },
  learned: { icon: 'icon-circle-check', tone: 'is-ok' },
  rejected: { icon: 'icon-circle-x', tone: 'is-unknown' },
});

/** Why it waits, or what came of it. @param {Correction} correction */
export function correctionLook({ status, held_for: heldFor, correction }) {
  const state = status !== 'pending' ? status : (heldFor ?? (correction === null ? 'rating' : 'waiting'));
  return { ...looks[state], text: tValue('correctionState', state), meaning: tValue('correctionMeaning', state) };
}
