/**
 * @file A panel: one answer of the server, and the state in which a page shows it.
 *
 * Every panel of every page is one of these, so that all of them load, fail, age and recover in the same way:
 *
 *   loading → ready | empty | error        the first answer
 *   ready | empty → the same, `stale`      a later answer failed: what is shown stays, its age is said
 *   error → ready | empty                  after a retry, by hand or by the next automatic refresh
 *
 * A panel knows nothing of the others: one that fails doesn't disturb its neighbours.
 */
import Alpine from '@alpinejs/csp';
import { ApiError } from './api-client.js';
import { clock } from './clock.js';
import { connection } from './connection.js';

/** Data older than this is called stale even if no request has failed: two refreshes have been missed. */
const STALE_AFTER_MS = 90_000;

/**
 * @template T
 * @typedef {object} PanelOptions
 * @property {import('./i18n.js').MessageKey} what  its name, as in "could not read WHAT"
 * @property {(signal: AbortSignal) => Promise<T>} load
 * @property {boolean} [plain]  nothing changes in an answer: it is not watched field by field, which costs more than
 *   showing it where it has many figures
 * @property {(data: T) => boolean} [isEmpty]
 * @property {(data: T) => string} [order]  what stands where; when it changes under a reader, the new data waits
 * @property {(data: T) => void} [onData]
 */

/** @template T */
export class Panel {
  /** @type {'loading' | 'ready' | 'empty' | 'error'} */
  state = 'loading';
  /** @type {T | null} */
  data = null;
  /** @type {ApiError | null} why the last request failed; null after one that worked */
  error = null;
  /** When the data shown was received, by this machine's clock. */
  receivedAt = 0;
  /** A request is under way. */
  busy = false;
  /** The request under way is for something else than what is shown (another range), so what is shown is dimmed. */
  replacing = false;
  /** The earliest time for an automatic retry, as the server asked (Retry-After). */
  retryAt = 0;
  /** @type {T | null} newer data that would move what somebody is reading */
  waiting = null;
  /** Somebody points at the panel or has the focus in it. */
  beingRead = false;

  // The rest is nobody's business but this class's. It can't be #private: Alpine wraps the object in a Proxy.
  /** @type {AbortController | null} */
  _request = null;

  /** @param {PanelOptions<T>} options */
  constructor(options) {
    this._options = options;
    this.what = options.what;
  }

  /** What is shown is older than it should be: the last request failed, or none was made for too long, or nobody answers. */
  get stale() {
    if (this.data === null) return false;
    return this.error !== null || connection.lostAt > 0 || (!this.busy && clock.now - this.receivedAt > STALE_AFTER_MS);
  }

  /** Something stands beside the title; what is less important makes room for it, so that nothing moves. */
  get needsNote() {
    return this.stale || this.waiting !== null;
  }

  /**
   * @param {object} [why]
   * @param {boolean} [why.replace]  the parameters have changed
   */
  async load({ replace = false } = {}) {
    this._request?.abort();
    const request = new AbortController();
    this._request = request;
    this.busy = true;
    if (replace) this.replacing = true;
    if (this.data === null) this.state = 'loading';
    try {
      const data = await this._options.load(request.signal);
      if (request.signal.aborted) return;
      this._receive(data);
    } catch (error) {
      if (request.signal.aborted) return;
      this._fail(error);
    }
    this.busy = false;
    this.replacing = false;
  }

  /**
   * What a write has answered: newer than any answer that is on its way.
   * @param {T} data
   */
  receive(data) {
    this._request?.abort();
    this.busy = false;
    this._receive(data);
  }

  /** Is it allowed and useful to ask again by itself? */
  get mayRefresh() {
    return !this.busy && clock.now >= this.retryAt;
  }

  startReading() {
    this.beingRead = true;
  }

  stopReading() {
    this.beingRead = false;
    this.showWaiting();
  }

  showWaiting() {
    if (this.waiting !== null) this._show(this.waiting);
  }

  /** Gives up a request that nobody waits for any more. */
  dispose() {
    this._request?.abort();
  }

  /** @param {T} data */
  _receive(data) {
    this.error = null;
    this.retryAt = 0;
    this.receivedAt = Date.now();
    const { order } = this._options;
    const moves = order && this.data !== null && !this.replacing && order(data) !== order(this.data);
    if (moves && this.beingRead) this.waiting = data;
    else this._show(data);
    this._options.onData?.(data);
  }

  /** @param {T} data */
  _show(data) {
    this.waiting = null;
    this.data = this._options.plain ? Object.freeze(data) : data;
    this.state = this._options.isEmpty?.(data) ? 'empty' : 'ready';
  }

  /** @param {unknown} error */
  _fail(error) {
    // Anything but an ApiError is a mistake of ours: show it as a failure, but don't hide it from the console.
    if (!(error instanceof ApiError)) console.error(error);
    this.error = error instanceof ApiError ? error : new ApiError('unreadable');
    this.retryAt = this.error.retryAfter ? Date.now() + this.error.retryAfter * 1000 : 0;
    // The answer to another question than the one asked is no stale answer but a wrong one.
    if (this.replacing) this.data = null;
    if (this.data === null) this.state = 'error';
  }
}

/**
 * @template T
 * @param {PanelOptions<T>} options
 * @returns {Panel<T>}
 */
export function createPanel(options) {
  return Alpine.reactive(new Panel(options));
}
