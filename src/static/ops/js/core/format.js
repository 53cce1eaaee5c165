/**
 * @file Numbers, money, times: everything that a person reads goes through Intl in the chosen language, and every
 * time through the configured zone.
 *
 * All functions here return DASH for a figure that could not be read.
 */
import Alpine from '@alpinejs/csp';
import { currentLanguage, t } from './i18n.js';

export const DASH = '—';

const JUST_NOW_SECONDS = 5;
/** Below this, two decimals of a percentage would read as nothing. */
const SMALLEST_SHARE = 0.0001;
/** The same for a time with one decimal. */
const SMALLEST_MS = 0.1;

/** The zone of the server's settings; the browser's own only until the first answer has come. */
const zone = Alpine.reactive({ name: '', known: false });

/** @param {string | undefined} name  IANA name */
export function useTimeZone(name) {
  if (!name) return;
  zone.name = name;
  zone.known = true;
}

/** Empty until the server has named it. */
export function timeZoneName() {
  return zone.known ? zone.name : '';
}

/**
 * A whole number. From a hundred million on it is shortened to fit its place; exactCount() goes in its title.
 * @param {number | null | undefined} value
 */
export function count(value) {
  if (value == null) return DASH;
  if (Math.abs(value) < 1e8) return exactCount(value);
  return numbers({ notation: 'compact', maximumFractionDigits: 2 }).format(value);
}

/** @param {number | null | undefined} value */
export function exactCount(value) {
  return value == null ? DASH : numbers({ maximumFractionDigits: 0 }).format(value);
}

/**
 * A difference, with its sign.
 * @param {number | null | undefined} value
 */
export function difference(value) {
  return value == null ? DASH : numbers({ maximumFractionDigits: 0, signDisplay: 'exceptZero' }).format(value);
}

/**
 * A share as a percentage, precise enough that a small but real one never reads as zero.
 * @param {number | null | undefined} share  0 to 1
 * @returns {string}
 */
export function percent(share) {
  if (share == null || !Number.isFinite(share)) return DASH;
  if (share > 0 && share < SMALLEST_SHARE) return t('figure.under', { value: percent(SMALLEST_SHARE) });
  const digits = share < 0.01 ? 2 : share < 10 ? 1 : 0;
  return numbers({ style: 'percent', maximumFractionDigits: digits }).format(share);
}

/**
 * A score from 0 to 1, as it is: "0.82".
 * @param {number | null | undefined} value
 */
export function score(value) {
  if (value == null || !Number.isFinite(value)) return DASH;
  return numbers({ minimumFractionDigits: 2, maximumFractionDigits: 2 }).format(value);
}

/**
 * The quality of a pair, or the mean of many: one scale wherever it stands, as specified ("0.82"). Where there is room
 * its unit says so.
 * @param {number | null | undefined} value  0 to 1
 */
export function quality(value) {
  return value == null ? DASH : t('quality.of', { value: score(value) });
}

/**
 * The size of a file.
 * @param {number} value  bytes
 */
export function bytes(value) {
  const [amount, unit] = value < 1e6 ? [Math.max(1, value / 1e3), 'kilobyte'] : [value / 1e6, 'megabyte'];
  const digits = amount < 10 ? 1 : 0;
  return numbers({ style: 'unit', unit, unitDisplay: 'short', maximumFractionDigits: digits }).format(amount);
}

/**
 * A relative change, with its sign.
 * @param {number | null | undefined} change  0.082 is +8.2 %
 */
export function signedPercent(change) {
  if (change == null || !Number.isFinite(change)) return DASH;
  const digits = Math.abs(change) < 10 ? 1 : 0;
  return numbers({ style: 'percent', maximumFractionDigits: digits, signDisplay: 'exceptZero' }).format(change);
}

/**
 * Yuan. An amount under one fen keeps two significant digits, so that it doesn't read as nothing.
 * @param {number | null | undefined} yuan
 */
export function money(yuan) {
  if (yuan == null) return DASH;
  const tiny = yuan !== 0 && Math.abs(yuan) < 0.01;
  const digits = tiny ? { maximumSignificantDigits: 2 } : { minimumFractionDigits: 2, maximumFractionDigits: 2 };
  return numbers({ style: 'currency', currency: 'CNY', ...digits }).format(yuan);
}

/** @param {number | null | undefined} usd */
export function dollars(usd) {
  if (usd == null) return DASH;
  const tiny = usd !== 0 && Math.abs(usd) < 0.01;
  const digits = tiny ? { maximumSignificantDigits: 2 } : { minimumFractionDigits: 2, maximumFractionDigits: 2 };
  return numbers({ style: 'currency', currency: 'USD', ...digits }).format(usd);
}

/** Of one currency in another. @param {number} value */
export function rate(value) {
  return numbers({ minimumFractionDigits: 2, maximumFractionDigits: 4 }).format(value);
}

/** @param {number} yuan */
export function signedMoney(yuan) {
  const options = /** @type {const} */ ({ style: 'currency', currency: 'CNY', signDisplay: 'exceptZero' });
  return numbers(options).format(yuan);
}

/**
 * Yuan without fen: projections and axes.
 * @param {number | null | undefined} yuan
 */
export function roundMoney(yuan) {
  if (yuan == null) return DASH;
  const digits = Math.abs(yuan) < 10 ? 2 : 0;
  return numbers({
    style: 'currency',
    currency: 'CNY',
    minimumFractionDigits: 0,
    maximumFractionDigits: digits,
  }).format(yuan);
}

/**
 * Yuan in a narrow place: from a million on shortened, with money() for its title.
 * @param {number | null | undefined} yuan
 */
export function shortMoney(yuan) {
  if (yuan == null || Math.abs(yuan) < 1e6) return money(yuan);
  return numbers({ style: 'currency', currency: 'CNY', notation: 'compact', maximumFractionDigits: 2 }).format(yuan);
}

/**
 * Yuan on an axis, where millions have no room for all their digits.
 * @param {number} yuan
 */
export function axisMoney(yuan) {
  if (Math.abs(yuan) < 1e6) return roundMoney(yuan);
  return numbers({ style: 'currency', currency: 'CNY', notation: 'compact', maximumFractionDigits: 1 }).format(yuan);
}

/**
 * @param {number | null | undefined} value
 * @returns {string}
 */
export function milliseconds(value) {
  if (value == null) return DASH;
  if (value > 0 && value < SMALLEST_MS) return t('figure.under', { value: milliseconds(SMALLEST_MS) });
  return t('unit.milliseconds', { value: numbers({ maximumFractionDigits: value < 10 ? 1 : 0 }).format(value) });
}

/** @type {[number, import('./i18n.js').MessageKey][]} */
const durationUnits = [
  [86400, 'duration.days'],
  [3600, 'duration.hours'],
  [60, 'duration.minutes'],
  [1, 'duration.seconds'],
];

/**
 * The two largest units of a length of time: "4 分 57 秒", "2 h 5 min". The server says it the same way
 * (clock_duration_format).
 * @param {number | null | undefined} seconds
 */
export function duration(seconds) {
  if (seconds == null) return DASH;
  const whole = Math.max(0, Math.floor(seconds));
  const first = Math.max(
    0,
    durationUnits.findIndex(([length]) => whole >= length),
  );
  const index = whole === 0 ? durationUnits.length - 1 : first;
  const [length, unit] = durationUnits[index];
  const larger = t(unit, { value: exactCount(Math.floor(whole / length)) });
  const [nextLength, nextUnit] = durationUnits[index + 1] ?? [Infinity, unit];
  const rest = Math.floor((whole % length) / nextLength);
  return rest > 0 ? t('duration.two', { larger, smaller: t(nextUnit, { value: exactCount(rest) }) }) : larger;
}

/**
 * "18 秒前", "2 hours ago".
 * @param {number} then  milliseconds since 1970
 * @param {number} now
 */
export function ago(then, now) {
  const seconds = Math.max(0, Math.round((now - then) / 1000));
  if (seconds < JUST_NOW_SECONDS) return t('time.justNow');
  const relative = new Intl.RelativeTimeFormat(currentLanguage(), { numeric: 'always', style: 'short' });
  if (seconds < 60) return relative.format(-seconds, 'second');
  if (seconds < 3600) return relative.format(-Math.floor(seconds / 60), 'minute');
  if (seconds < 86400) return relative.format(-Math.floor(seconds / 3600), 'hour');
  return relative.format(-Math.floor(seconds / 86400), 'day');
}

/**
 * The exact instant, for hover: to the second and with the zone.
 * @param {string | number | null | undefined} instant
 */
export function exactTime(instant) {
  if (instant == null) return DASH;
  const time = times({
    year: 'numeric',
    month: '2-digit',
    day: '2-digit',
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
    hourCycle: 'h23',
  }).format(new Date(instant));
  return t('time.zoned', { time, zone: zoneOf(instant) });
}

/** "GMT+8": Intl would put it in the middle of a Chinese time. @param {string | number} instant */
function zoneOf(instant) {
  const parts = times({ timeZoneName: 'short' }).formatToParts(new Date(instant));
  return parts.find(({ type }) => type === 'timeZoneName')?.value ?? '';
}

/** @param {string | number} instant */
export function clockTime(instant) {
  return times({ hour: '2-digit', minute: '2-digit', hourCycle: 'h23' }).format(new Date(instant));
}

/** @param {string | number} instant */
export function dayAndTime(instant) {
  return times({
    month: 'short',
    day: 'numeric',
    weekday: 'short',
    hour: '2-digit',
    minute: '2-digit',
    hourCycle: 'h23',
  }).format(new Date(instant));
}

/**
 * The day of an instant: "2024-01-15".
 * @param {string | number | null | undefined} instant
 */
export function date(instant) {
  if (instant == null) return DASH;
  return times({ year: 'numeric', month: '2-digit', day: '2-digit' }).format(new Date(instant));
}

/**
 * A time of today as such, any other with its day.
 * @param {string | number} instant
 * @param {number} now
 */
export function sinceTime(instant, now) {
  return date(instant) === date(now) ? clockTime(instant) : dayAndTime(instant);
}

/**
 * The same to the second, for what comes many times a minute.
 * @param {string | number} instant
 * @param {number} now
 */
export function secondTime(instant, now) {
  /** @type {Intl.DateTimeFormatOptions} */
  const time = { hour: '2-digit', minute: '2-digit', second: '2-digit', hourCycle: 'h23' };
  const isToday = date(instant) === date(now);
  return times(isToday ? time : { month: 'short', day: 'numeric', ...time }).format(new Date(instant));
}

/**
 * A calendar day of the server ("2026-11-22"), which has no time and so must not be shifted by a zone.
 * @param {string} date
 * @param {'short' | 'weekday' | 'full'} style
 */
export function day(date, style) {
  /** @type {Record<typeof style, Intl.DateTimeFormatOptions>} */
  const styles = {
    short: { month: 'numeric', day: 'numeric' },
    weekday: { weekday: 'short' },
    full: { year: 'numeric', month: 'short', day: 'numeric', weekday: 'short' },
  };
  return times({ ...styles[style], timeZone: 'UTC' }).format(new Date(`${date}T00:00:00Z`));
}

/** The month of an instant: "2026年11月". @param {string | number} instant */
export function month(instant) {
  return times({ year: 'numeric', month: 'long' }).format(new Date(instant));
}

const DAY_MS = 86_400_000;

/** How far the zone's clocks are before UTC's. @param {number} instant */
function zoneOffset(instant) {
  const parts = new Intl.DateTimeFormat('en-US', {
    timeZone: zone.name || undefined,
    hourCycle: 'h23',
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
    second: 'numeric',
  }).formatToParts(new Date(instant));
  const [year, month, day, hour, minute, second] = ['year', 'month', 'day', 'hour', 'minute', 'second'].map((type) =>
    Number(parts.find((part) => part.type === type)?.value),
  );
  return Date.UTC(year, month - 1, day, hour, minute, second) - Math.floor(instant / 1000) * 1000;
}

/** The calendar day in which an instant lies, as the server writes it: "2026-11-22". @param {string | number} instant */
export function calendarDay(instant) {
  const ms = new Date(instant).getTime();
  return new Date(ms + zoneOffset(ms)).toISOString().slice(0, 10);
}

/**
 * When the day of an instant begins, or one so many days before it.
 * @param {number} instant
 * @param {number} daysBefore
 */
export function startOfDay(instant, daysBefore) {
  const local = instant + zoneOffset(instant);
  const midnight = local - (local % DAY_MS) - daysBefore * DAY_MS;
  return midnight - zoneOffset(midnight - zoneOffset(midnight));
}

/**
 * Short facts in one line: "冲突 · 第 2 版 · 商家改过文字". Empty ones are left out.
 * @param {string[]} facts
 */
export function beside(facts) {
  const said = facts.filter(Boolean);
  return said.length === 0 ? '' : said.reduce((first, next) => t('facts.beside', { first, next }));
}

/** @type {Map<string, Intl.NumberFormat | Intl.DateTimeFormat>} */
const formatters = new Map();

/** @param {Intl.NumberFormatOptions} options */
function numbers(options) {
  const key = `n${currentLanguage()}${JSON.stringify(options)}`;
  const known = formatters.get(key) ?? new Intl.NumberFormat(currentLanguage(), options);
  formatters.set(key, known);
  return /** @type {Intl.NumberFormat} */ (known);
}

/** @param {Intl.DateTimeFormatOptions} options */
function times(options) {
  // Without a name it is the browser's own.
  const zoned = { timeZone: zone.name || undefined, ...options };
  const key = `d${currentLanguage()}${JSON.stringify(zoned)}`;
  const known = formatters.get(key) ?? new Intl.DateTimeFormat(currentLanguage(), zoned);
  formatters.set(key, known);
  return /** @type {Intl.DateTimeFormat} */ (known);
}
