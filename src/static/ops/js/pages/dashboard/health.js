/**
 * @file Component health: the row of each component, its strip of 48 half hours, and the same as a table.
 */
import { clock } from '../../core/clock.js';
import { connection } from '../../core/connection.js';
import * as format from '../../core/format.js';
import { currentLanguage, t, tValue } from '../../core/i18n.js';
import { componentTroubleAddress } from '../../core/links.js';
import { describeHarm, healthIcons } from '../../core/system.js';

/** @typedef {import('../../core/system.js').Health} Health */
/** @typedef {import('../../core/api-types.js').ComponentStatus} ComponentStatus */

const HALF_HOUR = 30 * 60 * 1000;

/** A length of time in which a component's health was the same. @typedef {{ status: Health, from: number, to: number }} Spell */

/** What needs a person stands first. */
const urgency = { unhealthy: 0, degraded: 1, unknown: 2, healthy: 3 };

/** @param {ComponentStatus[]} items */
export function byUrgency(items) {
  return [...items].sort((a, b) => urgency[known(a.status)] - urgency[known(b.status)]);
}

/** @param {ComponentStatus[]} items */
export function inTrouble(items) {
  return items.some(({ status }) => status === 'unhealthy' || status === 'degraded');
}

/**
 * @param {ComponentStatus[]} items
 * @param {string} generatedAt
 */
export function healthRows(items, generatedAt) {
  return byUrgency(items).map((item) => {
    const told = known(item.status);
    const lost = connection.lostAt > 0;
    const status = lost ? 'unknown' : told;
    return {
      name: item.name,
      label: tValue('component', item.name),
      logsHref: componentTroubleAddress(item.name),
      provider: item.provider,
      status,
      icon: healthIcons[status],
      statusText: lost ? t('health.before', { status: t(`health.${told}`) }) : t(`health.${told}`),
      since: item.since ? t('health.since', { time: format.sinceTime(item.since, clock.now) }) : '',
      sinceExact: item.since ? format.exactTime(item.since) : '',
      latency: format.milliseconds(item.latency_ms),
      p95: format.milliseconds(item.p95_latency_ms),
      message: format.beside([describeHarm(item), item.message ?? '']),
      checked: item.last_check
        ? t('health.checked', { time: format.exactTime(item.last_check) })
        : t('health.neverChecked'),
      checkedAgo: item.last_check ? format.ago(Date.parse(item.last_check), clock.now) : '',
      cells: cells(item.history, Date.parse(generatedAt)),
      stripText: describeStrip(item.history),
    };
  });
}

/**
 * The strip as a table: everything that wasn't healthy, the latest first.
 * @param {ComponentStatus[]} items
 * @param {string} generatedAt
 */
export function incidentRows(items, generatedAt) {
  return items
    .flatMap((item) => {
      const spells = withExactBeginning(findSpells(item.history, Date.parse(generatedAt)), item);
      return spells.filter(({ status }) => status !== 'healthy').map((spell) => ({ item, spell }));
    })
    .sort((a, b) => b.spell.to - a.spell.to || a.item.name.localeCompare(b.item.name))
    .map(({ item, spell }) => ({
      id: `${item.name}-${spell.from}`,
      component: tValue('component', item.name),
      status: spell.status,
      icon: healthIcons[spell.status],
      statusText: t(`health.${spell.status}`),
      from: format.dayAndTime(spell.from),
      fromExact: format.exactTime(spell.from),
      to: spell.to > Date.parse(generatedAt) ? t('health.now') : format.dayAndTime(spell.to),
      length: format.duration((spell.to - spell.from) / 1000),
    }));
}

/**
 * When the last half hour of the strip began.
 * @param {number} generatedAt
 */
function lastCellStart(generatedAt) {
  return Math.floor(generatedAt / HALF_HOUR) * HALF_HOUR;
}

/**
 * @param {Health[]} history
 * @param {number} generatedAt
 */
function cells(history, generatedAt) {
  const last = lastCellStart(generatedAt);
  return history.map((value, index) => {
    const start = last - (history.length - 1 - index) * HALF_HOUR;
    const status = known(value);
    const times = { from: format.clockTime(start), to: format.clockTime(start + HALF_HOUR) };
    return { start, status, title: t('health.cell', { ...times, status: t(`health.${status}`) }) };
  });
}

/**
 * @param {Health[]} history
 * @param {number} generatedAt
 * @returns {Spell[]}
 */
function findSpells(history, generatedAt) {
  const last = lastCellStart(generatedAt);
  /** @type {Spell[]} */
  const spells = [];
  history.forEach((value, index) => {
    const status = known(value);
    const from = last - (history.length - 1 - index) * HALF_HOUR;
    const open = spells.at(-1);
    if (open?.status === status) open.to = from + HALF_HOUR;
    else spells.push({ status, from, to: from + HALF_HOUR });
  });
  return spells;
}

/**
 * Of what is wrong now the beginning is known exactly, not only by the half hour.
 * @param {Spell[]} spells
 * @param {ComponentStatus} item
 */
function withExactBeginning(spells, { since }) {
  const last = spells.at(-1);
  const from = since ? Date.parse(since) : NaN;
  if (last && last.status !== 'healthy' && from >= last.from && from < last.to) last.from = from;
  return spells;
}

/** "近 24 小时：正常 46 格，降级 2 格". @param {Health[]} history */
function describeStrip(history) {
  /** @type {Map<Health, number>} */
  const counts = new Map();
  for (const value of history) counts.set(known(value), (counts.get(known(value)) ?? 0) + 1);
  const parts = [...counts].map(([status, count]) => t('health.cells', { status: t(`health.${status}`), count }));
  return t('health.strip', { list: new Intl.ListFormat(currentLanguage(), { type: 'unit' }).format(parts) });
}

/**
 * A status that this console doesn't know is not taken for a good one.
 * @param {string} value
 * @returns {Health}
 */
function known(value) {
  return value in healthIcons ? /** @type {Health} */ (value) : 'unknown';
}
