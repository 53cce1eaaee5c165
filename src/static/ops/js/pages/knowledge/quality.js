/**
 * @file What the figures of a pair say: its quality and how that comes about, and whether the index has it.
 */
import * as format from '../../core/format.js';
import { t } from '../../core/i18n.js';

/** @typedef {import('../../core/api-types.js').QAListItem} QAListItem */

/** "0.95 · 被用来回答 120 次，好评 8，差评 1" @param {QAListItem} pair */
export function qualityWhy({ quality_score: score, hit_count: hits, good_count: good, bad_count: bad }) {
  const evidence = {
    score: format.score(score),
    good: format.exactCount(good),
    bad: format.exactCount(bad),
    count: hits,
  };
  return t(hits + good + bad === 0 ? 'knowledge.quality.noEvidence' : 'knowledge.quality.why', evidence);
}

/** @param {QAListItem} pair */
export function syncLook({ is_synced: synced, synced_at: at }) {
  if (!synced) {
    return {
      icon: 'icon-clock',
      tone: 'is-info',
      text: t('knowledge.unsynced'),
      title: at ? t('knowledge.unsynced.older', { time: format.exactTime(at) }) : t('knowledge.unsynced.never'),
    };
  }
  return {
    icon: 'icon-circle-check',
    tone: 'is-ok',
    text: t('knowledge.synced'),
    title: at ? t('knowledge.synced.title', { time: format.exactTime(at) }) : '',
  };
}
