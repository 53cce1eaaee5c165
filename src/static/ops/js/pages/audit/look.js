/** @file How an operation is said: its action, whom it was done by and to, what came of it. */
import { t, tValue } from '../../core/i18n.js';

/** @typedef {import('../../core/api-types.js').Operation} Operation */

/** To choose from; what the server has besides is shown by its own name. */
export const actions = [
  'auth.login',
  'auth.logout',
  'auth.refresh_reuse',
  'correction.approve',
  'correction.reject',
  'job.cancel',
  'knowledge.bulk',
  'knowledge.export',
  'knowledge.import',
  'knowledge.learn',
  'knowledge.sync',
  'knowledge.sync_check',
  'knowledge.undo',
  'log_query.create',
  'log_query.delete',
  'logs.export',
  'operations.export',
  'personal_data.reveal',
  'qa_pair.create',
  'qa_pair.delete',
  'qa_pair.restore',
  'qa_pair.update',
  'request.refuse',
  'template.create',
  'template.delete',
  'template.distribute',
  'template.keep',
  'template.update',
  'tenant.activate',
  'tenant.create',
  'tenant.suspend',
  'tenant.update',
  'token.create',
  'token.revoke',
  'user.create',
  'user.disable',
  'user.password',
];

export const results = ['done', 'refused', 'failed'];

/** @param {string} action */
export const actionTitle = (action) => tValue('auditAction', action);

/** @type {Record<string, { tone: string, icon: string }>} */
const looks = {
  done: { tone: 'is-ok', icon: 'icon-circle-check' },
  refused: { tone: 'is-warning', icon: 'icon-ban' },
  failed: { tone: 'is-error', icon: 'icon-circle-x' },
};

/** @param {string} result */
export function resultLook(result) {
  return { ...(looks[result] ?? looks.failed), text: tValue('auditResult', result) };
}

/** @param {Operation} operation */
export function userText({ user_id: id, username }) {
  return !id && username === 'system' ? t('audit.system') : username;
}

/** @param {Operation} operation */
export function targetText({ target_type: type, target_id: id }) {
  return `${tValue('auditTarget', type)} ${id}`.trim();
}
