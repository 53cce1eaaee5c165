/**
 * @file The retrieval trial: what a question would find in a tenant's knowledge, with what scores, and what would be
 * answered. It leaves no conversation behind.
 *
 * Its address has all of it (?view=trial&tenant_id=…&question=…&top_k=…&min_score=…), so a colleague sees the same.
 */
import { post } from '../../core/api-client.js';
import { component, follow } from '../../core/component.js';
import * as format from '../../core/format.js';
import { t } from '../../core/i18n.js';
import { createPanel } from '../../core/panel.js';
import { rememberTrial } from '../../core/preferences.js';
import { addressOf, changeQuery, route } from '../../core/router.js';
import { createTenantChoice } from '../../widgets/tenant-choice.js';

const MOST_FOUND = 20;

export function knowledgeTrial() {
  const choice = createTenantChoice({
    label: 'knowledge.tenant',
    value: () => route.query.tenant_id ?? '',
    choose: (id) => changeQuery({ tenant_id: id }, { replace: true }),
  });
  const panel = createPanel({
    what: 'knowledge.trial.what',
    load: () => post('/ops/knowledge/search', request()),
    isEmpty: (result) => result.matches.length === 0,
    onData: rememberTrial,
  });
  /** @type {(() => void) | null} */
  let stop = null;

  return component({
    choice,
    panel,
    question: route.query.question ?? '',
    topK: route.query.top_k ?? '',
    minScore: route.query.min_score ?? '',
    error: '',

    init() {
      // Asked again when the address asks for something else; by nothing else, for each answer costs.
      stop = follow(
        () => JSON.stringify(request()),
        () => {
          if (this.asked) panel.load({ replace: true });
        },
      );
    },

    destroy() {
      stop?.();
      panel.dispose();
      choice.dispose();
    },

    /** The address holds a whole question. */
    get asked() {
      return route.query.view === 'trial' && Boolean(route.query.tenant_id && route.query.question);
    },

    run() {
      choice.error = choice.value ? '' : t('knowledge.tenant.required');
      this.error = this.question.trim() ? '' : t('knowledge.trial.question.required');
      if (choice.error || this.error) {
        document.getElementById(choice.error ? choice.id : 'trial-question')?.focus();
        return;
      }
      const before = JSON.stringify(request());
      changeQuery({ question: this.question.trim(), top_k: topK(this.topK), min_score: minScore(this.minScore) });
      if (JSON.stringify(request()) === before) panel.load({ replace: true });
    },

    get waiting() {
      return this.asked && (panel.state === 'loading' || panel.replacing);
    },

    get answer() {
      return panel.data?.answer ?? '';
    },

    get answered() {
      return panel.data?.answered ?? false;
    },

    get took() {
      return panel.data ? t('knowledge.trial.took', { time: format.milliseconds(panel.data.latency_ms) }) : '';
    },

    get foundText() {
      return panel.data ? t('knowledge.trial.found', { count: panel.data.matches.length }) : '';
    },

    /** What was asked, or else is set. */
    get limitsText() {
      const result = panel.data;
      return result
        ? t('knowledge.trial.limits', {
            count: result.top_k,
            most: format.exactCount(result.top_k),
            least: format.score(result.min_score),
          })
        : '';
    },

    get matches() {
      return (panel.data?.matches ?? []).map((match, index) => ({
        id: match.qa_pair_id,
        place: format.exactCount(index + 1),
        question: match.question,
        answer: match.answer || t('knowledge.noAnswer'),
        category: match.category || t('knowledge.category.none'),
        score: format.score(match.score),
        width: `${100 * Math.max(0, Math.min(1, match.score))}%`,
        href: addressOf('knowledge', { ...route.query, pair: match.qa_pair_id }),
      }));
    },
  });
}

/** What the address asks. What it leaves out is as the settings say. */
function request() {
  const { tenant_id, question, top_k: most, min_score: least } = route.query;
  return {
    tenant_id,
    question,
    ...(topK(most) ? { top_k: Number(topK(most)) } : {}),
    ...(minScore(least) ? { min_score: Number(minScore(least)) } : {}),
  };
}

/** @param {string | number | undefined} text */
function topK(text) {
  const value = Number(text);
  return Number.isInteger(value) && value >= 1 && value <= MOST_FOUND ? String(value) : undefined;
}

/** @param {string | number | undefined} text */
function minScore(text) {
  const value = Number(text);
  return String(text ?? '').trim() !== '' && value >= 0 && value <= 1 ? String(value) : undefined;
}
