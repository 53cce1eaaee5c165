/**
 * @file What was deleted within the last 24 hours, and can be had back.
 */
import { get } from '../../core/api-client.js';
import { clock } from '../../core/clock.js';
import { component } from '../../core/component.js';
import * as format from '../../core/format.js';
import { t } from '../../core/i18n.js';
import { mayWrite } from '../../core/session.js';
import { learnTenantNames } from '../../core/tenant-names.js';
import { createList } from '../../widgets/list.js';
import { restorePair } from './editor.js';
import { createTenantFilter } from './filter.js';

/** @typedef {import('../../core/api-types.js').DeletedQAPair} DeletedQAPair */

/** @type {import('../../widgets/list.js').Column[]} */
const columns = [
  { name: 'tenant_name', label: 'knowledge.tenant', fixed: true, shape: 8 },
  { name: 'question', label: 'knowledge.question', fixed: true, grows: true },
  { name: 'deleted_at', label: 'knowledge.deleted.when', kind: 'time', fixed: true },
  { name: 'deleted_by', label: 'knowledge.deleted.by', fixed: true, from: 'medium' },
  { name: 'undo_until', label: 'knowledge.deleted.until', kind: 'time', fixed: true },
];

export function knowledgeDeleted() {
  const list = createList({
    what: 'knowledge.deleted.what',
    columns: mayWrite() ? [...columns, { name: 'actions', label: 'knowledge.actions', fixed: true }] : columns,
    sort: '-deleted_at',
    filters: { tenant_id: null },
    load: async (query, signal) => {
      delete query.sort; // the last one that was deleted comes first, always
      const page = await get('/ops/knowledge/deleted', { query, signal });
      learnTenantNames(page.items.map((pair) => ({ id: pair.tenant_id, name: pair.tenant_name })));
      return page;
    },
    rowId: (pair) => pair.id,
  });
  const choice = createTenantFilter(list);
  /** @type {(() => void) | null} */
  let stop = null;

  return component({
    list,
    choice,

    init() {
      stop = list.start();
    },

    destroy() {
      stop?.();
      choice.dispose();
    },

    get rows() {
      return (list.panel.data?.items ?? []).map(describeRow);
    },

    /** @param {number} id */
    restore(id) {
      restorePair(id);
    },
  });
}

/** @param {DeletedQAPair} pair */
function describeRow(pair) {
  const left = (Date.parse(pair.undo_until) - clock.now) / 1000;
  return {
    id: pair.id,
    tenant: pair.tenant_name,
    question: pair.question,
    answer: pair.answer || t('knowledge.noAnswer'),
    deleted: format.ago(Date.parse(pair.deleted_at), clock.now),
    deletedExact: format.exactTime(pair.deleted_at),
    by: pair.deleted_by || t('jobs.system'),
    left: left > 0 ? t('knowledge.deleted.left', { time: format.duration(left) }) : t('knowledge.deleted.over'),
    leftExact: format.exactTime(pair.undo_until),
    restoreText: t('knowledge.restoreOne', { question: pair.question }),
  };
}
