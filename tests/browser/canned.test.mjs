/** @file The judge of canned answers finds what no server gives, and lets pass what one does. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { noJobs, problemOf } from './answers.mjs';
import { judgeAnswers } from './canned.mjs';
import { URL_BASE } from './console.mjs';

/**
 * What is reported when a question is answered like this.
 * @param {string} question  "GET /ops/jobs"
 * @param {object} canned
 */
async function faultsOf(question, canned) {
  const [method, path] = question.split(' ');
  /** @type {string[]} */
  const faults = [];
  /** @type {(route: any) => Promise<void>} */
  let answer = async () => {};
  /** @type {any} */
  const page = { route: (/** @type {string} */ _, /** @type {typeof answer} */ handler) => (answer = handler) };
  judgeAnswers(page, URL_BASE, (fault) => faults.push(fault));
  page.route('**', (/** @type {any} */ route) => route.fulfill(canned));
  /** @type {object[]} */
  const given = [];
  await answer({
    request: () => ({ method: () => method, url: () => `${URL_BASE}/api/v1${path}` }),
    fulfill: async (/** @type {object} */ what) => given.push(what),
  });
  assert.equal(given.length, 1, 'it is given all the same');
  return faults.join('\n');
}

test('what a server gives is let pass', async () => {
  assert.equal(await faultsOf('GET /ops/jobs?page_size=50', { json: noJobs }), '');
  assert.equal(await faultsOf('GET /ops/jobs', { status: 503, json: problemOf(503) }), '');
  assert.equal(await faultsOf('POST /auth/logout', { status: 204 }), '');
  assert.equal(await faultsOf('GET /ops/jobs', { status: 502, body: '<h1>Bad Gateway</h1>' }), '', 'a proxy gives it');
});

for (const [what, question, canned, fault] of /** @type {const} */ ([
  ['a field too few', 'GET /ops/jobs', { json: { ...noJobs, next_cursor: undefined } }, /next_cursor/],
  ['a field too many', 'GET /ops/jobs', { json: { ...noJobs, pages: 1 } }, /additional properties/],
  ['another type', 'GET /ops/jobs', { json: { ...noJobs, total: '0' } }, /must be integer/],
  ['another status', 'POST /auth/logout', { json: {} }, /does not know this status/],
  ['another content type', 'GET /ops/jobs', { json: noJobs, contentType: 'text/plain' }, /content type/],
  ['a refusal without its parts', 'GET /ops/jobs', { status: 503, json: { status: 503 } }, /request_id/],
  ['no such route', 'GET /ops/nothing', { json: {} }, /no such route/],
]))
  test(`found: ${what}`, async () => assert.match(await faultsOf(question, canned), fault));
