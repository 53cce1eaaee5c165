/**
 * @file What customers say was wrong: the list of the feedback that waits for a person, and of what came of it; over it
 * the dialog in which one is decided.
 *
 * Its address: /ops/corrections?status=rejected&tenant_id=…&kind=correction&page=2, with &correction=ID for the dialog.
 * Without anything it is exactly what the figure "pending feedback" counts.
 */
import Alpine from '@alpinejs/csp';
import { get } from '../../core/api-client.js';
import { clock } from '../../core/clock.js';
import { refreshCommand, registerCommands } from '../../core/commands.js';
import { component } from '../../core/component.js';
import * as format from '../../core/format.js';
import { t, tValue } from '../../core/i18n.js';
import { addressOf, route } from '../../core/router.js';
import { learnTenantNames } from '../../core/tenant-names.js';
import { createCursorList } from '../../widgets/cursor-list.js';
import { createDialog } from '../../widgets/dialog.js';
import { createTenantChoice } from '../../widgets/tenant-choice.js';
import { correctionDecision } from './decision.js';
import { correctionLook, correctionStatuses } from './look.js';

/** @typedef {import('../../core/api-types.js').Correction} Correction */

Alpine.data('correctionDecision', correctionDecision);

const FIRST_PAGE = { page: undefined, cursor: undefined };

/** The server has them by time, the newest first. @type {import('../../widgets/list.js').Column[]} */
const columns = [
  { name: 'tenant_name', label: 'corrections.tenant', fixed: true },
  { name: 'question', label: 'corrections.question', fixed: true, grows: true },
  { name: 'correction', label: 'corrections.correction', fixed: true, grows: true },
  { name: 'status', label: 'corrections.state', fixed: true },
  { name: 'created_at', label: 'corrections.created', kind: 'time', fixed: true, from: 'medium' },
];

export default function corrections() {
  const list = createCursorList({
    what: 'corrections.what',
    columns,
    sort: '-created_at',
    filters: { status: correctionStatuses, tenant_id: null, kind: ['correction'] },
    load: async ({ kind, ...query }, signal) => {
      delete query.sort;
      const asked = { ...query, ...(kind ? { with_correction: 'true' } : {}) };
      const page = await get('/ops/knowledge/corrections', { query: asked, signal });
      learnTenantNames(page.items.map(({ tenant_id: id, tenant_name: name }) => ({ id, name })));
      return page;
    },
    rowId: (/** @type {Correction} */ correction) => correction.id,
  });
  const choice = createTenantChoice({
    label: 'corrections.tenant',
    any: 'corrections.tenant.any',
    value: () => list.filter.tenant_id ?? '',
    choose: (id) => list.setFilter('tenant_id', id),
  });
  const detail = createDialog({ parameters: { correction: null } });
  /** @type {(() => void)[]} */
  const undo = [];

  return component({
    list,
    choice,
    detail,

    init() {
      undo.push(list.start());
      undo.push(registerCommands([refreshCommand]));
    },

    destroy() {
      for (const step of undo) step();
      choice.dispose();
    },

    get status() {
      return list.filter.status ?? correctionStatuses[0];
    },

    get statusLinks() {
      return correctionStatuses.map((status, i) => ({
        status,
        text: tValue('correctionStatus', status),
        href: addressOf('corrections', { ...route.query, ...FIRST_PAGE, status: i === 0 ? undefined : status }),
        current: status === this.status ? 'page' : null,
      }));
    },

    get statusHint() {
      return tValue('correctionHint', this.status);
    },

    get kindOptions() {
      return /** @type {const} */ ([
        ['', 'corrections.kind.any'],
        ['correction', 'corrections.kind.correction'],
      ]).map(([value, key]) => ({ value, text: t(key), selected: value === (list.filter.kind ?? '') }));
    },

    /** @param {Event} event */
    chooseKind(event) {
      list.setFilter('kind', /** @type {HTMLSelectElement} */ (event.target).value);
    },

    /** Something beside the status, so that others may match. */
    get narrowed() {
      return Boolean(list.filter.tenant_id || list.filter.kind) || list.page > 1;
    },

    get emptyText() {
      return tValue('correctionsNone', this.status);
    },

    get rows() {
      return (list.panel.data?.items ?? []).map(makeRow);
    },
  });
}

/** @param {Correction} correction */
function makeRow(correction) {
  return {
    id: correction.id,
    tenant: correction.tenant_name,
    tenantHref: addressOf('corrections', { ...route.query, ...FIRST_PAGE, tenant_id: correction.tenant_id }),
    question: correction.question,
    answer: correction.answer,
    href: addressOf('corrections', { ...route.query, correction: correction.id }),
    hasCorrection: correction.correction !== null,
    correction: correction.correction ?? t('corrections.noCorrection'),
    look: correctionLook(correction),
    created: format.ago(Date.parse(correction.created_at), clock.now),
    createdExact: format.exactTime(correction.created_at),
  };
}
