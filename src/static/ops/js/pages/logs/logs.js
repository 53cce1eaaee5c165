/**
 * @file The log: lines newest first, found by words and a query language, with figures over time, what is around a line,
 * lines as they are written, and lines grouped by what they have in common.
 *
 * Its address: /ops/logs?range=7d&level=ERROR&source=llm&tenant_id=…&query=…&request_id=…&view=patterns, or with
 * start_time and end_time in place of the range.
 */
import { ApiError, get, post, remove } from '../../core/api-client.js';
import { clock } from '../../core/clock.js';
import { refreshCommand, registerCommands } from '../../core/commands.js';
import { component, explain, follow } from '../../core/component.js';
import { download } from '../../core/download.js';
import * as format from '../../core/format.js';
import { t, tValue } from '../../core/i18n.js';
import { requestAddress } from '../../core/links.js';
import { createPanel } from '../../core/panel.js';
import { keepFresh, refreshChanged } from '../../core/refresher.js';
import { addressOf, changeQuery, route } from '../../core/router.js';
import { mayWrite } from '../../core/session.js';
import { askTenantNames, tenantName } from '../../core/tenant-names.js';
import { toast } from '../../core/toasts.js';
import { createTenantChoice } from '../../widgets/tenant-choice.js';
import { createLiveTail } from './live.js';

/** @typedef {import('../../core/api-types.js').LogLine} LogLine */
/** @typedef {import('../../core/api-types.js').LogPattern} LogPattern */

const LEVELS = ['ERROR', 'WARN', 'INFO', 'DEBUG'];
const RANGES = /** @type {Record<string, number>} */ ({
  '15m': 900_000,
  '1h': 3_600_000,
  '24h': 86_400_000,
  '7d': 604_800_000,
  '30d': 2_592_000_000,
});
const USUAL_RANGE = '24h';
/** Names of the address that the server takes as they are. */
const FILTERS = ['level', 'source', 'tenant_id', 'query', 'request_id'];
const PAGE = 100;
const MOST_SHOWN = 1000;
/** Characters of a line that are put on the page: all of it is in the export. */
const SHOWN_IN_ROW = 500;
const SHOWN_WHOLE = 20_000;
/** So many times the share of the day before is more than usual. */
const GREW = 2;

/** How a level looks: an icon beside the word, and a tone. @type {Record<string, { tone: string, icon: string }>} */
const LOOKS = {
  ERROR: { tone: 'is-unhealthy', icon: '#icon-circle-x' },
  WARN: { tone: 'is-degraded', icon: '#icon-triangle-alert' },
  INFO: { tone: '', icon: '#icon-info' },
  DEBUG: { tone: '', icon: '#icon-bug' },
};

export default function logs() {
  /** Lines before the first page's, as they came in, and behind it, as they were asked for. @returns {{ newer: LogLine[], older: LogLine[], next: string | null, complete: boolean }} */
  const nothingMore = () => ({ newer: [], older: [], next: null, complete: true });
  const lines = createPanel({
    what: 'logs.lines',
    load: (signal) => get('/ops/logs/query', { query: { ...filterOf(), limit: PAGE }, signal }),
    isEmpty: ({ items }) => items.length === 0,
    order: ({ items }) => items.map(({ id }) => id).join(),
    plain: true,
    onData: ({ items }) => askTenantNames(items.flatMap(({ tenant_id }) => tenant_id ?? [])),
  });
  const figures = createPanel({
    what: 'logs.histogram',
    load: (signal) => get('/ops/logs/stats', { query: filterOf(), signal }),
    plain: true,
  });
  const patterns = createPanel({
    what: 'logs.pattern',
    load: (signal) => get('/ops/logs/patterns', { query: { ...filterOf(), limit: PAGE }, signal }),
    isEmpty: ({ items }) => items.length === 0,
    order: ({ items }) => items.map(({ example_id }) => example_id).join(),
    plain: true,
  });
  const saved = createPanel({
    what: 'logs.saved',
    load: (signal) => get('/ops/logs/queries', { signal }),
  });
  const choice = createTenantChoice({
    label: 'logs.tenant',
    any: 'logs.tenant.any',
    value: () => route.query.tenant_id ?? '',
    choose: (id) => changeQuery({ tenant_id: id }),
  });
  /** @type {(() => void)[]} */
  const undo = [() => choice.dispose()];

  return component({
    lines,
    figures,
    patterns,
    saved,
    choice,
    more: nothingMore(),
    typed: route.query.query ?? '',
    /** Ids of lines that are shown as a whole. @type {string[]} */
    open: [],
    /** The lines around one. */
    around: { id: '', items: /** @type {LogLine[]} */ ([]), failure: '' },
    savingName: '',
    savingShared: false,
    savedOpen: false,
    busy: false,
    live: createLiveTail({ isRead: () => true, show: () => {} }),

    init() {
      this.live = createLiveTail({
        isRead: () => lines.beingRead || this.open.length > 0,
        show: (fresh) => this.showNewer(fresh),
      });
      undo.push(keepFresh([figures, saved]));
      undo.push(registerCommands([refreshCommand]));
      undo.push(
        follow(
          () => JSON.stringify(route.query),
          () => this.ask(),
        ),
      );
      undo.push(
        follow(
          () => lines.beingRead,
          (isRead) => !isRead && this.open.length === 0 && this.live.showWaiting(),
        ),
      );
    },

    destroy() {
      this.live.stop();
      for (const step of undo) step();
      for (const panel of [lines, patterns]) panel.dispose();
    },

    /** The address has changed: what is shown is of another question. */
    ask() {
      if (route.page !== 'logs') return;
      this.typed = route.query.query ?? '';
      this.more = nothingMore();
      this.open = [];
      this.closeAround();
      figures.load({ replace: true });
      if (this.showsPatterns) {
        this.live.stop();
        patterns.load({ replace: true });
        return;
      }
      lines.load({ replace: true }).then(() => {
        this.more = { ...nothingMore(), next: lines.data?.next_cursor ?? null, complete: lines.data?.complete ?? true };
        if (this.live.on) this.live.start(tailFilter(), this.newestId);
      });
    },

    // ── filters ──

    get showsPatterns() {
      return route.query.view === 'patterns';
    },

    get viewLinks() {
      return /** @type {const} */ (['lines', 'patterns']).map((view) => ({
        view,
        text: tValue('logView', view),
        href: addressOf('logs', { ...route.query, view: view === 'patterns' ? view : undefined }),
        current: (view === 'patterns') === this.showsPatterns ? 'page' : null,
      }));
    },

    get rangeOptions() {
      const { start_time, end_time } = route.query;
      const chosen = start_time ? 'chosen' : rangeOf();
      const ranges = Object.keys(RANGES).map((range) => ({
        value: range,
        text: tValue('logRange', range),
        selected: range === chosen,
      }));
      if (!start_time) return ranges;
      const from = format.dayAndTime(start_time);
      const to = end_time ? format.dayAndTime(end_time) : '';
      return [{ value: '', text: t('logs.range.chosen', { from, to }), selected: true }, ...ranges];
    },

    get levelOptions() {
      const counts = figures.data?.by_level ?? {};
      return options(route.query.level, LEVELS, 'logs.level.any', counts);
    },

    get sourceOptions() {
      const counts = figures.data?.by_source ?? {};
      const known = new Set([...Object.keys(counts), ...(route.query.source ? [route.query.source] : [])]);
      return options(route.query.source, [...known].filter(Boolean), 'logs.source.any', counts);
    },

    /** @param {Event} event */
    chooseRange(event) {
      const { value } = /** @type {HTMLSelectElement} */ (event.target);
      if (value)
        changeQuery({ range: value === USUAL_RANGE ? undefined : value, start_time: undefined, end_time: undefined });
    },

    /** @param {string} name @param {Event} event */
    choose(name, event) {
      changeQuery({ [name]: /** @type {HTMLSelectElement} */ (event.target).value });
    },

    search() {
      changeQuery({ query: this.typed.trim() });
    },

    get filtered() {
      return FILTERS.some((name) => route.query[name]);
    },

    get clearAddress() {
      return addressOf('logs', { range: route.query.range, view: route.query.view });
    },

    get requestId() {
      return route.query.request_id ?? '';
    },

    // ── figures ──

    get totalText() {
      const { data } = figures;
      if (!data) return '';
      const count = format.exactCount(data.total);
      return data.complete ? t('logs.total', { count }) : t('logs.total.part', { count });
    },

    get bars() {
      const { data } = figures;
      if (!data) return [];
      const narrow = innerWidth < 640; // a bar is no wider than a finger's tip there
      const most = Math.max(1, ...data.histogram.map(({ count }) => count));
      const height = (/** @type {number} */ count) => (count === 0 ? '0' : `max(2px, ${(count / most) * 100}%)`);
      return data.histogram.map(({ time, count, errors }) => ({
        time,
        title: t('logs.bar', {
          time: format.dayAndTime(time),
          count: format.exactCount(count),
          errors: format.exactCount(errors),
        }),
        rest: height(count - errors),
        errors: height(errors),
        href: narrow
          ? null
          : addressOf('logs', {
              ...route.query,
              range: undefined,
              start_time: time,
              end_time: new Date(Date.parse(time) + data.bucket_seconds * 1000).toISOString(),
            }),
      }));
    },

    // ── lines ──

    get shown() {
      return [...this.more.newer, ...(lines.data?.items ?? []), ...this.more.older];
    },

    get newestId() {
      return this.shown[0]?.id ?? '';
    },

    get rows() {
      return this.shown.map((/** @type {LogLine} */ line) => makeRow(line, this.open.includes(line.id), this.around));
    },

    /** @param {string} id */
    toggle(id) {
      this.open = this.open.includes(id) ? this.open.filter((other) => other !== id) : [...this.open, id];
      if (this.around.id === id) this.closeAround();
    },

    /** @param {LogLine[]} fresh  newest first */
    showNewer(fresh) {
      const known = new Set(this.shown.map(({ id }) => id));
      const unknown = fresh.filter(({ id }) => !known.has(id));
      this.more = { ...this.more, newer: [...unknown, ...this.more.newer].slice(0, MOST_SHOWN) };
      if (lines.state === 'empty') lines.state = 'ready';
      askTenantNames(unknown.flatMap(({ tenant_id }) => tenant_id ?? []));
    },

    get olderText() {
      return this.more.complete ? t('logs.older') : t('logs.goOn');
    },

    get mayGoOn() {
      return Boolean(this.more.next) && this.more.older.length < MOST_SHOWN;
    },

    async loadOlder() {
      const { next } = this.more;
      if (!next || this.busy) return;
      this.busy = true;
      try {
        const page = await get('/ops/logs/query', { query: { ...filterOf(), limit: PAGE, cursor: next } });
        if (this.more.next === next)
          this.more = {
            ...this.more,
            older: [...this.more.older, ...page.items],
            next: page.next_cursor,
            complete: page.complete,
          };
      } catch (error) {
        tell(error);
      }
      this.busy = false;
    },

    // ── around one ──

    /** @param {string} id */
    async showAround(id) {
      if (this.around.id === id) {
        this.closeAround();
        return;
      }
      this.around = { id, items: [], failure: '' };
      try {
        const { items } = await get('/ops/logs/context', { query: { id, before: 10, after: 10 } });
        if (this.around.id === id) this.around = { id, items, failure: '' };
      } catch (error) {
        if (this.around.id === id) this.around = { id, items: [], failure: wordsOf(error) };
      }
    },

    closeAround() {
      this.around = { id: '', items: [], failure: '' };
    },

    get aroundRows() {
      return this.around.items.map((/** @type {LogLine} */ line) => ({
        ...makeRow(line, false, this.around),
        mark: line.id === this.around.id ? 'log-mark' : '',
      }));
    },

    // ── live ──

    /** Who points at the list, or has the focus in it, is reading. */
    startReading() {
      lines.startReading();
      patterns.startReading();
    },

    stopReading() {
      lines.stopReading();
      patterns.stopReading();
    },

    toggleLive() {
      if (this.live.on) this.live.stop();
      else this.live.start(tailFilter(), this.newestId);
    },

    get liveText() {
      return this.live.on ? t('logs.live.stop') : t('logs.live');
    },

    get waitingText() {
      return t('logs.live.waiting', { count: this.live.waiting.length });
    },

    get liveNote() {
      return this.live.lost ? t('logs.live.lost') : t('logs.live.on');
    },

    showWaiting() {
      this.live.showWaiting();
    },

    // ── patterns ──

    get patternsText() {
      const { data } = patterns;
      if (!data) return '';
      const counts = { lines: format.exactCount(data.lines), patterns: format.exactCount(data.patterns) };
      return data.complete
        ? t('logs.patterns.read', counts)
        : t('logs.patterns.part', { ...counts, from: format.dayAndTime(data.counted_from) });
    },

    get patternRows() {
      const { data } = patterns;
      if (!data) return [];
      const days = (Date.parse(data.end_time) - Date.parse(data.counted_from)) / 86_400_000;
      return data.items.map((pattern) => makePattern(pattern, days));
    },

    // ── export, saved queries ──

    get mayExport() {
      return mayWrite();
    },

    /** @param {'csv' | 'ndjson'} kind */
    exportAs(kind) {
      download('/ops/logs/export', { ...filterOf(), format: kind });
    },

    get savedRows() {
      return (saved.data?.items ?? []).map((query) => ({
        id: query.id,
        name: query.name,
        about: query.own ? '' : t('logs.saved.by', { name: query.created_by }),
        href: addressOf('logs', {
          range: route.query.range,
          level: query.level,
          source: query.source,
          tenant_id: query.tenant_id,
          query: query.query || query.keyword,
        }),
        mayDelete: query.own || mayWrite(),
        deleteText: t('logs.saved.delete', { name: query.name }),
      }));
    },

    get noneSaved() {
      return saved.data !== null && saved.data.items.length === 0;
    },

    toggleSaved() {
      this.savedOpen = !this.savedOpen;
    },

    async saveQuery() {
      const { level, source, tenant_id, query } = route.query;
      const given = Object.entries({ level, source, tenant_id, query }).filter(([, value]) => value);
      try {
        await post('/ops/logs/queries', {
          name: this.savingName.trim(),
          shared: this.savingShared,
          ...Object.fromEntries(given),
        });
        this.savingName = '';
        this.savingShared = false;
        toast(t('logs.saved.done'), 'good');
      } catch (error) {
        tell(error);
      }
      refreshChanged();
    },

    /** @param {number} id */
    async deleteQuery(id) {
      try {
        await remove(`/ops/logs/queries/${id}`);
      } catch (error) {
        tell(error);
      }
      refreshChanged();
    },
  });
}

function rangeOf() {
  const { range } = route.query;
  return range && RANGES[range] ? range : USUAL_RANGE;
}

/** What the address asks for, without the time. @returns {Record<string, string>} */
function tailFilter() {
  return Object.fromEntries(FILTERS.flatMap((name) => (route.query[name] ? [[name, route.query[name]]] : [])));
}

/** @returns {Record<string, string>} */
function filterOf() {
  const { start_time, end_time } = route.query;
  const time = start_time
    ? { start_time, ...(end_time ? { end_time } : {}) }
    : { start_time: new Date(Date.now() - RANGES[rangeOf()]).toISOString() };
  return { ...tailFilter(), ...time };
}

/**
 * @param {string | undefined} chosen
 * @param {string[]} values
 * @param {import('../../core/i18n.js').MessageKey} any
 * @param {Record<string, number>} counts
 */
function options(chosen, values, any, counts) {
  return ['', ...values].map((value) => ({
    value,
    text: value ? `${value}${counts[value] === undefined ? '' : ` (${format.count(counts[value])})`}` : t(any),
    selected: value === (chosen ?? ''),
  }));
}

/** @param {string} text @param {number} most */
function cut(text, most) {
  if (text.length <= most) return text;
  const shown = text.slice(0, most);
  return shown + t('logs.cut', { shown: format.exactCount(most), count: format.exactCount(text.length) });
}

/** @param {LogLine} line @param {boolean} isOpen @param {{ id: string, failure: string }} around */
function makeRow(line, isOpen, around) {
  const look = LOOKS[line.level];
  const isAround = around.id === line.id;
  return {
    id: line.id,
    time: format.secondTime(line.timestamp, clock.now),
    exact: `${format.exactTime(line.timestamp)} · ${line.timestamp}`,
    level: line.level,
    tone: look.tone,
    icon: look.icon,
    source: line.source,
    first: line.message.slice(0, SHOWN_IN_ROW),
    whole: isOpen ? cut(line.message, SHOWN_WHOLE) : '',
    isOpen,
    fields: isOpen
      ? Object.entries(line.fields ?? {}).map(([name, value]) => ({
          name,
          value: cut(typeof value === 'string' ? value : JSON.stringify(value), SHOWN_IN_ROW),
        }))
      : [],
    tenant: line.tenant_id ? tenantName(line.tenant_id) || line.tenant_id : '',
    tenantHref: line.tenant_id ? addressOf('tenants', { tenant: line.tenant_id }) : null,
    request: line.request_id ?? '',
    requestHref: line.request_id ? requestAddress(line.request_id) : null,
    isAround,
    aroundText: isAround ? t('logs.around.hide') : t('logs.around'),
    aroundFailure: isAround ? around.failure : '',
  };
}

/** @param {LogPattern} pattern @param {number} days  that were read */
function makePattern(pattern, days) {
  const look = LOOKS[pattern.level];
  const before = pattern.previous_count;
  const grew = before !== null && before > 0 && pattern.count / Math.max(days, 1 / 24) > before * GREW;
  return {
    id: pattern.example_id,
    pattern: pattern.pattern,
    example: pattern.example.slice(0, SHOWN_IN_ROW),
    level: pattern.level,
    tone: look.tone,
    icon: look.icon,
    source: pattern.source,
    count: format.exactCount(pattern.count),
    before: before === null ? '—' : format.exactCount(before),
    change:
      pattern.novelty === 'new'
        ? t('logs.new')
        : grew
          ? t('logs.grew')
          : pattern.novelty === 'unknown'
            ? t('logs.unknown')
            : t('logs.steady'),
    changeTone: pattern.novelty === 'new' || grew ? 'font-semibold' : 'text-faint',
    last: format.ago(Date.parse(pattern.last_seen), clock.now),
    lastExact: format.exactTime(pattern.last_seen),
    href: addressOf('logs', {
      range: route.query.range,
      start_time: route.query.start_time,
      end_time: route.query.end_time,
      tenant_id: route.query.tenant_id,
      query: pattern.query,
    }),
  };
}

/** @param {unknown} error */
function wordsOf(error) {
  return error instanceof ApiError ? explain(error) : String(error);
}

/** @param {unknown} error */
function tell(error) {
  toast(wordsOf(error), 'bad');
}
