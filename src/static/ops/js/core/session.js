/**
 * @file Who is here, and whether this console is for them.
 *
 * When a session ends (it has run out, the password was changed, somebody has logged out in another tab) nothing on the
 * page is lost: requests wait, the person logs in again over the page (frame/log-in-again.js), and all goes on.
 */
import Alpine from '@alpinejs/csp';
import { ApiError, followSession, get, goToLogIn, logOut, onSessionEnd, whoIsHere } from './api-client.js';

/** @typedef {import('./api-types.js').Identity} Identity */

/** @param {Identity} user */
export function isOperator(user) {
  return user.role === 'ops_admin' || user.role === 'ops_viewer';
}

export const session = Alpine.reactive({
  /** @type {'checking' | 'operator' | 'stranger' | 'failed'} */
  state: 'checking',
  /** @type {Identity | null} */
  user: null,
  /** @type {ApiError | null} */
  error: null,
  /**
   * The session is over: why, in the server's words, and who has logged in since if it is somebody else.
   * @type {{ why: string, other: Identity | null } | null}
   */
  ended: null,
});

/** May this person change anything? What they may not do isn't offered to them; the server refuses it besides. */
export function mayWrite() {
  return session.user?.role === 'ops_admin';
}

/**
 * The query for texts as they are stored, for who edits them: elsewhere telephone numbers and names of people come
 * masked. The server writes down who has seen them.
 * @returns {Record<string, string>}
 */
export function asStored() {
  return mayWrite() ? { reveal: 'true' } : {};
}

/** Asks who is here. Without a session this leaves for the log-in page. */
export async function openSession() {
  try {
    const user = await get('/auth/me');
    session.user = user;
    session.error = null;
    session.state = isOperator(user) ? 'operator' : 'stranger';
  } catch (error) {
    session.error = error instanceof ApiError ? error : new ApiError('unreadable');
    // A 401 is on its way to the log-in page; showing a failure for that moment would only startle.
    if (session.error.status !== 401) session.state = 'failed';
  }
}

/** What requests wait for while the session is over. @type {{ promise: Promise<void>, goOn: () => void } | null} */
let waiting = null;
let isLeaving = false;
/** For what is asked by a page that is being left: its answers would come to nobody. @type {Promise<void>} */
const never = new Promise(() => {});

/** To be called once, before the first request. */
export function keepSession() {
  onSessionEnd({
    isOver: () => waiting !== null,
    waiting: () => (isLeaving ? never : (waiting?.promise ?? null)),
    end(why) {
      if (isLeaving) return never;
      if (!session.user) {
        goToLogIn(); // Nothing is on the page yet that could be lost.
        return null;
      }
      if (!waiting) {
        let goOn = () => {};
        const promise = new Promise((/** @type {(value: void) => void} */ resolve) => (goOn = () => resolve()));
        waiting = { promise, goOn };
        session.ended = { why, other: null };
      }
      return waiting.promise;
    },
  });
  followSession({
    // Somebody has logged in in another tab; a renewal of a session that goes on changes nothing here.
    renewed() {
      if (session.ended) whoIsHere().then(reopenSession, () => {});
    },
    // Ask at once: the answer will be that the session is over.
    left() {
      if (session.user && !session.ended) get('/auth/me').catch(() => {});
    },
  });
}

/**
 * Somebody has logged in again. The same person: everything goes on. Another one: what is on the page is not theirs.
 * @param {Identity} user
 */
export function reopenSession(user) {
  if (!session.ended) return;
  if (user.id !== session.user?.id) {
    session.ended.other = user;
    return;
  }
  session.user = user;
  session.state = isOperator(user) ? 'operator' : 'stranger';
  session.ended = null;
  waiting?.goOn();
  waiting = null;
}

export async function closeSession() {
  isLeaving = true;
  try {
    await logOut();
  } catch (error) {
    isLeaving = false;
    throw error;
  }
  location.assign('/ops/login');
}
