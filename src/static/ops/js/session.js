/**
 * @file Who is here, and whether this console is for them.
 */
import Alpine from '@alpinejs/csp';
import { ApiError, get, logOut } from './api-client.js';

/** @typedef {import('./api-types.js').User} User */

/** @param {User} user */
export function isOperator(user) {
  return user.role === 'ops_admin' || user.role === 'ops_viewer';
}

export const session = Alpine.reactive({
  /** @type {'checking' | 'operator' | 'stranger' | 'failed'} */
  state: 'checking',
  /** @type {User | null} */
  user: null,
  /** @type {ApiError | null} */
  error: null,
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
    /** @type {User} */
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

export async function closeSession() {
  await logOut();
  location.assign('/ops/login');
}
