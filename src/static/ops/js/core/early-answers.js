/**
 * @file The answers that early.js has asked for. Each is there once: the next question goes to the server.
 */

/** @type {Map<string, Promise<Response>>} */
const answers = /** @type {any} */ (window).kimonoEarly ?? new Map();
/** Who asks later than this asks for something newer. */
const FRESH_MS = 10_000;
setTimeout(forgetEarly, FRESH_MS);

/**
 * @param {string} url
 * @returns {Promise<Response> | undefined}
 */
export function takeEarly(url) {
  const answer = answers.get(url);
  answers.delete(url);
  return answer;
}

/** What nobody has taken is of no use any more: in another language, before a change, for a page that was left. */
export function forgetEarly() {
  for (const answer of answers.values()) answer.then((response) => response.body?.cancel()).catch(() => {});
  answers.clear();
}
