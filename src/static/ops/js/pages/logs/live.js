/**
 * @file The live tail: lines as they are written, as server-sent events. While the list is read they wait; the
 * connection is closed while the page is hidden, and goes on behind the last line that came.
 */
import Alpine from '@alpinejs/csp';
import { downloadAddress, prepareDownload } from '../../core/api-client.js';

/** @typedef {import('../../core/api-types.js').LogLine} LogLine */

const MOST_WAITING = 500;

export class LiveTail {
  on = false;
  lost = false;
  /** @type {LogLine[]} newest first */
  waiting = [];

  /** @type {EventSource | null} */
  _source = null;
  /** @type {Record<string, string>} */
  _filter = {};
  _last = '';

  /** @param {{ isRead: () => boolean, show: (lines: LogLine[]) => void }} owner */
  constructor(owner) {
    this._owner = owner;
    this._followVisibility = () => (document.hidden ? this._close() : this.on && this._open());
  }

  /** @param {Record<string, string>} filter @param {string} [last]  id of the newest line that is shown */
  start(filter, last = '') {
    this._filter = filter;
    this._last = last;
    if (!this.on) document.addEventListener('visibilitychange', this._followVisibility);
    this.on = true;
    this._open();
  }

  stop() {
    document.removeEventListener('visibilitychange', this._followVisibility);
    this._close();
    this.on = this.lost = false;
    this.waiting = [];
  }

  showWaiting() {
    const lines = this.waiting;
    this.waiting = [];
    if (lines.length > 0) this._owner.show(lines);
  }

  _close() {
    this._source?.close();
    this._source = null;
  }

  async _open() {
    this._close();
    await prepareDownload().catch(() => {}); // renews a session that would end soon
    if (!this.on || document.hidden) return;
    const query = { ...this._filter, ...(this._last ? { after: this._last } : {}) };
    const source = new EventSource(downloadAddress('/ops/logs/tail', query));
    this._close();
    this._source = source;
    source.onopen = () => (this.lost = false);
    source.onmessage = (event) => this._take(event);
    source.onerror = () => {
      this.lost = true;
      // Refused: the browser does not try again by itself.
      if (source.readyState === EventSource.CLOSED) setTimeout(() => this._source === source && this._open(), 5000);
    };
  }

  /** @param {MessageEvent<string>} event */
  _take(event) {
    this._last = event.lastEventId;
    this.waiting = [JSON.parse(event.data), ...this.waiting].slice(0, MOST_WAITING);
    if (!this._owner.isRead()) this.showWaiting();
  }
}

/** @param {ConstructorParameters<typeof LiveTail>[0]} owner */
export function createLiveTail(owner) {
  return Alpine.reactive(new LiveTail(owner));
}
