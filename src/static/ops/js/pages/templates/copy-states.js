/**
 * @file How a tenant's copy of a template stands, on every view: an icon and a class beside the word (`copyState.…`),
 * never the colour alone.
 */
import { t, tValue } from '../../core/i18n.js';

/** @typedef {import('../../core/api-types.js').MatrixCell['state']} CopyState */
/** @typedef {import('../../core/api-types.js').MatrixCell} MatrixCell */

/** In the order of the legend: from what is well to what nobody expects. */
const looks = /** @type {Record<CopyState, { icon: string, tone: string }>} */ ({
  current: { icon: 'icon-circle-check', tone: 'is-ok' },
  outdated: { icon: 'icon-history', tone: 'is-warning' },
  conflict: { icon: 'icon-triangle-alert', tone: 'is-warning' },
  missing: { icon: 'icon-circle-dashed', tone: 'is-warning' },
  kept: { icon: 'icon-pencil', tone: 'is-info' },
  deleted: { icon: 'icon-trash-2', tone: 'is-unknown' },
  none: { icon: 'icon-minus', tone: 'is-unknown' },
});

export const copyStates = /** @type {CopyState[]} */ (Object.keys(looks));

/** What a distribution would bring up to date without asking anybody. */
const behindStates = new Set(/** @type {CopyState[]} */ (['outdated', 'missing']));

/** @param {CopyState} state */
export function stateLook(state) {
  return { ...(looks[state] ?? looks.none), text: tValue('copyState', state), meaning: tValue('copyMeaning', state) };
}

/** @param {MatrixCell} cell */
export function isBehind(cell) {
  return behindStates.has(cell.state);
}

/** There are two texts to look at side by side, and to decide about. @param {{ state: CopyState }} copy */
export function isComparable({ state }) {
  return state === 'conflict' || state === 'kept';
}

/** What stands in a cell of a narrow column: the version where there is a copy, else the word. @param {MatrixCell} cell */
export function shortText(cell) {
  return cell.version === null
    ? tValue('copyState', cell.state)
    : t('templates.version.short', { version: cell.version });
}
