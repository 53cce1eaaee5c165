/**
 * @file What differs between two texts, word by word. Chinese has no spaces between its words, so the browser's own
 * segmentation tells where they end; the comparison is that of the package `diff`.
 */
import { diffArrays } from 'diff';

/** @typedef {{ key: number, text: string, mark: 'same' | 'added' | 'removed' }} Part */

const segmenter = new Intl.Segmenter('zh-CN', { granularity: 'word' });
/** Texts that long are compared line by line: word by word would hold the page up. */
const MOST_WORDS = 5000;

/**
 * The newer text with what was taken out of the older one standing where it was.
 * @param {string} before
 * @param {string} after
 * @returns {Part[]}
 */
export function differences(before, after) {
  const split = before.length + after.length > MOST_WORDS ? lines : words;
  return diffArrays(split(before), split(after)).map(({ value, added, removed }, key) => ({
    key,
    text: value.join(''),
    mark: added ? 'added' : removed ? 'removed' : 'same',
  }));
}

/** @param {string} text */
function words(text) {
  return [...segmenter.segment(text)].map(({ segment }) => segment);
}

/** @param {string} text */
function lines(text) {
  return text.split(/(?<=\n)/);
}
