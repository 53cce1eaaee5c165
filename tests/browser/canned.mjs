/**
 * @file The server's own OpenAPI document as the judge of canned answers: one that no server could give, another status,
 * a field too few or too many, fails the test that gave it.
 */
import { Document } from '../api/openapi.mjs';

/** @typedef {import('playwright-core').Page} Page */
/** @typedef {import('playwright-core').BrowserContext} Context */
/** @typedef {import('playwright-core').Route} Route */
/** @typedef {import('playwright-core').Request} Request */
/** @typedef {NonNullable<Parameters<Route['fulfill']>[0]>} Canned */

/** @type {Promise<Document> | undefined} */
let document;

/**
 * What route() is given from now on answers under the document's eyes.
 * @param {Page | Context} where
 * @param {string} url  of the server
 * @param {(fault: string) => void} report
 */
export function judgeAnswers(where, url, report) {
  const route = where.route.bind(where);
  where.route = (pattern, handler, options) =>
    route(pattern, (asked, request) => handler(judged(asked, url, report), request), options);
}

/**
 * @param {Route} route
 * @param {string} url
 * @param {(fault: string) => void} report
 * @returns {Route}
 */
function judged(route, url, report) {
  const { pathname, search } = new URL(route.request().url());
  if (!pathname.startsWith('/api/')) return route;
  const fulfill = async (/** @type {Canned} */ canned = {}) => {
    const answer = await complete(canned);
    try {
      document ??= Document.fetch(url);
      if (!isOfProxy(answer)) (await document).checkAnswer(route.request().method(), `${pathname}${search}`, answer);
    } catch (error) {
      report(`a canned answer that no server gives: ${/** @type {Error} */ (error).message}`);
    }
    return route.fulfill({ ...canned, ...(canned.response ? {} : { headers: answer.headers }) });
  };
  return new Proxy(route, {
    get(target, name) {
      if (name === 'fulfill') return fulfill;
      const value = Reflect.get(target, name);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}

/**
 * The answer that comes of it, with what each answer of the server has.
 * @param {Canned} canned
 */
async function complete({ response, json, ...canned }) {
  const status = canned.status ?? response?.status() ?? 200;
  const text = json === undefined ? String(canned.body ?? (await response?.text()) ?? '') : JSON.stringify(json);
  const isJson = text.startsWith('{');
  /** @type {Record<string, string>} */
  const headers = isOfProxy({ status, text }) ? {} : { 'x-request-id': 'canned-0001' };
  if (isJson) Object.assign(headers, { 'content-type': `application/${status >= 400 ? 'problem+json' : 'json'}` });
  Object.assign(headers, inLowerCase({ ...response?.headers(), ...canned.headers }));
  if (canned.contentType) Object.assign(headers, { 'content-type': canned.contentType });
  return { status, headers, text, body: Buffer.from(text), json: isJson ? JSON.parse(text) : undefined };
}

/** @param {Record<string, string>} headers */
function inLowerCase(headers) {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
}

/** What stands before a server that doesn't answer says so itself. @param {{ status: number, text: string }} answer */
function isOfProxy({ status, text }) {
  return status === 502 && text.startsWith('<');
}
