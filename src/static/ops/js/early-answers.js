/**
 * @file The answers that early.js has asked for. Each is there once: the next question goes to the server.
 */

/** @type {Map<string, Promise<Response>>} */
const answers = /** @type {any} */ (window).kimonoEarly ?? new Map();
/** Who asks later than this asks for something newer. */
const freshUntil = Date.now() + 10_000;

/**
 * @param {string} url
 * @returns {Promise<Response> | undefined}
 */
export function takeEarly(url) {
  const answer = answers.get(url);
  answers.delete(url);
  return Date.now() < freshUntil ? answer : undefined;
}

/** What was asked for in another language, or by somebody else, is of no use any more. */
export function forgetEarly() {
  answers.clear();
}
