/**
 * @file The one way to the server. Knows the session: an access cookie that has run out is renewed once and the request
 * repeated, without the caller noticing. When that fails the session is over: requests wait until the person has logged
 * in again over the page (session.js), and then go on.
 *
 * Tokens are in HttpOnly cookies and are never seen or kept by these pages.
 */
import { reportAnswer, reportSilence } from './connection.js';
import { forgetEarly, takeEarly } from './early-answers.js';
import { currentLanguage } from './i18n.js';

/** @typedef {Partial<import('./api-types.js').Problem>} Problem */
/** @template {string} R @typedef {import('./api-types.js').Answer<R>} Answer */

const BASE = '/api/v1';
const TIMEOUT_MS = 15_000;
/** For a file on its way to the server, over a slow line. */
const UPLOAD_TIMEOUT_MS = 600_000;
/** A renewal whose answer is lost is asked for again at once: the server answers the same for half a minute. */
const RENEWAL_TIMEOUT_MS = 8000;
const RENEWAL_PAUSES_MS = [500, 2000];
/**
 * Something that is another after each renewal and log-in, in all tabs. Not a time: clocks are set back and forth.
 */
const MARK_KEY = 'kimono.session-mark';
/** Likewise after each log-out. */
const LEFT_KEY = 'kimono.session-left';

/**
 * Why a request failed, as far as this side can know.
 *
 * `unreachable` no answer at all · `timeout` none in time · `refused` the server answered with an error ·
 * `unreadable` it answered with something that isn't JSON
 * @typedef {'unreachable' | 'timeout' | 'refused' | 'unreadable'} FailureKind
 */

export class ApiError extends Error {
  /**
   * @param {FailureKind} kind
   * @param {object} [facts]
   * @param {number} [facts.status]
   * @param {Problem} [facts.problem]
   * @param {string | null} [facts.requestId]
   * @param {number | null} [facts.retryAfter]  seconds
   */
  constructor(kind, { status = 0, problem = {}, requestId = null, retryAfter = null } = {}) {
    super(problem.detail ?? problem.title ?? kind);
    this.name = 'ApiError';
    this.kind = kind;
    this.status = status;
    this.problem = problem;
    this.requestId = requestId;
    this.retryAfter = retryAfter;
  }
}

/**
 * @template {string} P
 * @param {P} path  below /api/v1
 * @param {object} [options]
 * @param {Record<string, string | number>} [options.query]
 * @param {AbortSignal} [options.signal]
 * @returns {Promise<Answer<`GET ${P}`>>}
 */
export async function get(path, { query, signal } = {}) {
  const search = new URLSearchParams(Object.entries(query ?? {}).map(([k, v]) => [k, String(v)])).toString();
  return withSession(() => send('GET', search ? `${path}?${search}` : path, { signal }), signal);
}

/**
 * @template {string} P
 * @param {P} path
 * @param {unknown} [body]
 * @returns {Promise<Answer<`POST ${P}`>>}
 */
export async function post(path, body = {}) {
  return withSession(() => send('POST', path, { body }));
}

/**
 * @template {string} P
 * @param {P} path
 * @param {unknown} body
 * @returns {Promise<Answer<`PUT ${P}`>>}
 */
export async function put(path, body) {
  return withSession(() => send('PUT', path, { body }));
}

/**
 * DELETE, whose name JavaScript keeps for itself.
 * @param {string} path
 * @param {{ reason?: string }} [body]  why, for the audit log
 * @returns {Promise<null>}
 */
export async function remove(path, body) {
  return withSession(() => send('DELETE', path, { body }));
}

/**
 * Asks for long work. The job that comes back may have ended already: at once, or within `wait`.
 * @param {string} path
 * @param {unknown} body
 * @param {object} [options]
 * @param {number} [options.wait]  seconds for which the server may hold the answer back, at most 10
 * @returns {Promise<import('./api-types.js').Job>}
 */
export async function startJob(path, body, { wait = 0 } = {}) {
  /** @type {Record<string, string>} */
  const headers = wait > 0 ? { Prefer: `wait=${wait}` } : {};
  return withSession(() => send('POST', path, { body, headers }));
}

/**
 * Sends a file and what belongs to it. What comes back is the answer, or the job that it has become.
 * @template {string} P
 * @param {P} path
 * @param {FormData} form
 * @param {AbortSignal} [signal]
 * @returns {Promise<Answer<`POST ${P}`>>}
 */
export async function upload(path, form, signal) {
  return withSession(() => send('POST', path, { body: form, signal, patience: UPLOAD_TIMEOUT_MS }), signal);
}

/**
 * Where a file of the server is fetched by a plain link, which renews no session by itself: once this has ended, the
 * link will not meet one that has run out.
 */
export async function prepareDownload() {
  await get('/auth/me');
}

/** The address of what a link fetches. @param {string} path @param {Record<string, string | number>} [query] */
export function downloadAddress(path, query = {}) {
  const search = new URLSearchParams(Object.entries(query).map(([k, v]) => [k, String(v)])).toString();
  return search ? `${BASE}${path}?${search}` : `${BASE}${path}`;
}

/**
 * @param {string} username
 * @param {string} password
 * @returns {Promise<{ user: import('./api-types.js').Identity }>}
 */
export async function logIn(username, password) {
  const answer = await send('POST', '/auth/login', { body: { username, password } });
  changeMark();
  return answer;
}

/**
 * Who is logged in here, without renewing anything and without waiting for anybody.
 * @returns {Promise<import('./api-types.js').Identity>}
 */
export async function whoIsHere() {
  return send('GET', '/auth/me', {});
}

/**
 * Ends the session here and at the server; an unreachable server must not keep anybody logged in on the screen. One
 * whose access cookie has run out is renewed for it: it would live on.
 */
export async function logOut() {
  const leave = () => send('POST', '/auth/logout', { body: {} });
  try {
    await leave().catch(async (error) => {
      if (!isUnauthorized(error)) throw error;
      await renewSession(sessionMark());
      return leave();
    });
  } catch (error) {
    if (!isUnauthorized(error)) throw error;
  }
  write(LEFT_KEY, newMark());
}

/** Leaves for the log-in page, which comes back to this address. */
export function goToLogIn() {
  const here = `${location.pathname}${location.search}`;
  location.replace(`/ops/login?next=${encodeURIComponent(here)}`);
}

/**
 * What happens when the session is over: session.js says, see there.
 * @typedef {object} SessionEnd
 * @property {() => boolean} isOver  nobody need try to renew it any more
 * @property {() => Promise<void> | null} waiting  what requests wait for now; null: nothing
 * @property {(why: string) => Promise<void> | null} end  what they wait for from now on; null: there is no going on
 */

/** @type {SessionEnd} */
let sessionEnd = { isOver: () => false, waiting: () => null, end: () => (goToLogIn(), null) };

/** @param {SessionEnd} handler */
export function onSessionEnd(handler) {
  sessionEnd = handler;
}

/**
 * Tells what happens to the session in other tabs.
 * @param {{ renewed: () => void, left: () => void }} handler
 */
export function followSession({ renewed, left }) {
  addEventListener('storage', ({ key }) => {
    if (key === MARK_KEY) renewed();
    if (key === LEFT_KEY) left();
  });
}

/**
 * Runs a request; if the session has run out, renews it and runs the request once more; if it is over, once more when
 * somebody has logged in again.
 * @template T
 * @param {() => Promise<T>} request
 * @param {AbortSignal} [signal]
 * @returns {Promise<T>}
 */
async function withSession(request, signal) {
  for (;;) {
    await unlessAborted(sessionEnd.waiting(), signal);
    try {
      return await withRenewals(request);
    } catch (error) {
      const again = isUnauthorized(error) ? sessionEnd.end(error.problem.detail ?? '') : null;
      if (!again) throw error;
      await unlessAborted(again, signal);
    }
  }
}

/**
 * Twice at most: another tab may have renewed meanwhile, in vain; what it got is refused as well, and it is for this one
 * to ask.
 * @template T
 * @param {() => Promise<T>} request
 * @returns {Promise<T>}
 */
async function withRenewals(request) {
  for (let tries = 0; ; tries++) {
    const mark = sessionMark();
    try {
      return await request();
    } catch (error) {
      if (!isUnauthorized(error) || tries === 2 || sessionEnd.isOver()) throw error;
    }
    await renewSession(mark);
  }
}

/**
 * @param {Promise<void> | null} promise
 * @param {AbortSignal} [signal]
 */
async function unlessAborted(promise, signal) {
  if (!promise) return;
  const aborted = new Promise((_, reject) => signal?.addEventListener('abort', () => reject(signal.reason)));
  await (signal ? Promise.race([promise, aborted]) : promise);
}

/**
 * @param {unknown} error
 * @returns {error is ApiError}
 */
function isUnauthorized(error) {
  return error instanceof ApiError && error.status === 401;
}

/**
 * The session can't be renewed from here.
 * @param {unknown} error
 * @returns {error is ApiError}
 */
function isAtWrongAddress(error) {
  return error instanceof ApiError && (error.problem.type?.endsWith('/wrong-origin') ?? false);
}

/**
 * One tab at a time renews, and one that waited finds that it has been done since its request was sent.
 * @param {string} mark  the session's when the refused request was sent
 */
async function renewSession(mark) {
  await oneTabAtATime(async () => {
    if (sessionMark() !== mark) return;
    if (sessionEnd.isOver()) throw new ApiError('refused', { status: 401 }); // it was tried, in vain
    await sendRenewal();
    changeMark();
  });
}

async function sendRenewal() {
  for (const pause of [...RENEWAL_PAUSES_MS, null]) {
    try {
      return await send('POST', '/auth/refresh', { body: {}, patience: RENEWAL_TIMEOUT_MS });
    } catch (error) {
      // From this address it never will be: as good as over, and the server says what to do.
      if (isAtWrongAddress(error)) throw new ApiError('refused', { status: 401, problem: error.problem });
      const isLost = error instanceof ApiError && ['unreachable', 'timeout'].includes(error.kind);
      if (!isLost || pause === null) throw error;
      await new Promise((resolve) => setTimeout(resolve, pause));
    }
  }
}

/** @type {Promise<unknown>} */
let renewing = Promise.resolve();

/**
 * Browsers offer locks only in a secure context. Over plain HTTP to another host, requests of this tab still wait for
 * each other, and the server answers two tabs at once alike.
 * @param {() => Promise<void>} task
 */
function oneTabAtATime(task) {
  if (navigator.locks) return navigator.locks.request('kimono.session', task);
  const turn = renewing.then(task);
  renewing = turn.catch(() => {});
  return turn;
}

/** Without storage each tab has a mark of its own, and renews for itself. */
let markHere = '';

function sessionMark() {
  try {
    return `${markHere} ${localStorage.getItem(MARK_KEY) ?? ''}`;
  } catch {
    return markHere;
  }
}

function changeMark() {
  markHere = newMark();
  write(MARK_KEY, markHere);
}

function newMark() {
  return String(Math.random());
}

/**
 * @param {string} key
 * @param {string} value
 */
function write(key, value) {
  try {
    localStorage.setItem(key, value);
  } catch {
    // Other tabs find out by themselves.
  }
}

/**
 * @param {string} method
 * @param {string} path
 * @param {object} options
 * @param {unknown} [options.body]
 * @param {AbortSignal} [options.signal]
 * @param {Record<string, string>} [options.headers]  besides those of every request
 * @param {number} [options.patience]  milliseconds until the answer must be here
 */
async function send(method, path, { body, signal, headers: more, patience = TIMEOUT_MS }) {
  const askedAt = Date.now();
  const timeout = AbortSignal.timeout(patience);
  /** @type {Record<string, string>} */
  const headers = { Accept: 'application/json', 'Accept-Language': currentLanguage(), ...more };
  const isForm = body instanceof FormData; // of which the browser itself says how its parts are divided
  if (body !== undefined && !isForm) headers['Content-Type'] = 'application/json';
  let response;
  try {
    response =
      (await earlyAnswer(method, path)) ??
      (await fetch(`${BASE}${path}`, {
        method,
        headers,
        body: payloadOf(body),
        credentials: 'same-origin',
        cache: 'no-cache', // Always ask, but let the ETag spare the body when nothing has changed.
        signal: signal ? AbortSignal.any([signal, timeout]) : timeout,
      }));
    if (isGatewayAlone(response)) throw new TypeError('a gateway answered for the server');
    reportAnswer();
    return await read(response);
  } catch (error) {
    if (error instanceof ApiError || signal?.aborted) throw error;
    reportSilence(askedAt);
    if (timeout.aborted) throw new ApiError('timeout');
    throw new ApiError('unreachable', { requestId: response?.headers.get('X-Request-Id') });
  }
}

/** A form travels as it is, all else as JSON. @param {unknown} body */
function payloadOf(body) {
  return body === undefined || body instanceof FormData ? body : JSON.stringify(body);
}

/**
 * What was asked for before this script was here. Whatever has been written since makes it old; and a refusal says
 * nothing: another tab may have renewed the session between that question and this one.
 * @param {string} method
 * @param {string} path
 */
async function earlyAnswer(method, path) {
  if (method !== 'GET' || currentLanguage() !== document.documentElement.lang) return forgetEarly();
  const answer = await takeEarly(`${BASE}${path}`);
  if (answer?.status !== 401) return answer;
  answer.body?.cancel().catch(() => {});
  return undefined;
}

/** A proxy that reaches no server answers by itself; every answer of the server has a number. @param {Response} response */
function isGatewayAlone(response) {
  return [502, 503, 504].includes(response.status) && !response.headers.has('X-Request-Id');
}

/** @param {Response} response */
async function read(response) {
  const requestId = response.headers.get('X-Request-Id');
  if (!response.ok) {
    const problem = await response.json().catch(() => ({}));
    throw new ApiError('refused', {
      status: response.status,
      problem,
      requestId: requestId ?? problem.request_id ?? null,
      retryAfter: retryAfterSeconds(response.headers.get('Retry-After')),
    });
  }
  if (response.status === 204) return null;
  const text = await response.text();
  try {
    return JSON.parse(text);
  } catch {
    throw new ApiError('unreadable', { status: response.status, requestId });
  }
}

/**
 * Retry-After is a number of seconds or a date (RFC 9110, 10.2.3).
 * @param {string | null} value
 */
function retryAfterSeconds(value) {
  if (!value) return null;
  const seconds = /^\d+$/.test(value) ? Number(value) : (Date.parse(value) - Date.now()) / 1000;
  return Number.isFinite(seconds) ? Math.max(0, Math.ceil(seconds)) : null;
}
