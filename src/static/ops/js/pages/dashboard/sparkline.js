/**
 * @file The little line in a card: 24 hours, oldest first, one value for each. Gaps are gaps.
 */
import { t } from '../../core/i18n.js';

const WIDTH = 96;
const HEIGHT = 24;
const MARGIN = 2;

/**
 * The path of an SVG with viewBox "0 0 96 24", and its meaning in words; null where there is nothing to draw.
 * @param {(number | null)[]} values
 * @param {object} options
 * @param {boolean} options.fromZero  amounts stand on zero; levels would be a flat line there, so they fill the height
 * @param {(value: number) => string} options.format
 */
export function sparkline(values, { fromZero, format }) {
  const known = values.filter((value) => value !== null);
  if (known.length === 0) return null;
  const high = Math.max(...known);
  const low = fromZero ? Math.min(0, ...known) : Math.min(...known);
  const step = (WIDTH - 2 * MARGIN) / Math.max(1, values.length - 1);
  /** @param {number} value */
  const y = (value) => {
    if (high === low) return fromZero ? HEIGHT - MARGIN : HEIGHT / 2;
    return HEIGHT - MARGIN - ((value - low) / (high - low)) * (HEIGHT - 2 * MARGIN);
  };
  const path = values
    .map((value, index) => {
      if (value === null) return '';
      const place = `${round(MARGIN + index * step)} ${round(y(value))}`;
      const alone = isGap(values, index - 1) && isGap(values, index + 1);
      // A value between two gaps is a dot: a line of no length with round ends.
      return isGap(values, index - 1) ? `M${place}${alone ? 'h0' : ''}` : `L${place}`;
    })
    .join('');
  const lowest = Math.min(...known);
  return { path, text: t('card.spark', { low: format(lowest), high: format(high) }) };
}

/**
 * @param {(number | null)[]} values
 * @param {number} index
 */
function isGap(values, index) {
  return index < 0 || index >= values.length || values[index] === null;
}

/** @param {number} value */
function round(value) {
  return Math.round(value * 10) / 10;
}
