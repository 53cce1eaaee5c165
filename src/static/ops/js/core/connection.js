/**
 * @file Whether the server answers at all: one fact for the whole page, told once. The API client reports it; the state
 * pill says it, panels show their age, and the refresher asks again.
 */
import Alpine from '@alpinejs/csp';

export const connection = Alpine.reactive({
  /** When the first request was sent that had no answer, by this machine's clock; 0: the server answers. */
  lostAt: 0,
});

let lastAnswerAt = 0;

/** Any answer, also a refusal: somebody is there. */
export function reportAnswer() {
  lastAnswerAt = Date.now();
  if (connection.lostAt) connection.lostAt = 0;
}

/**
 * No answer came. One slow answer among others that came meanwhile says nothing of the server.
 * @param {number} askedAt
 */
export function reportSilence(askedAt) {
  if (lastAnswerAt < askedAt && !connection.lostAt) connection.lostAt = askedAt;
}
