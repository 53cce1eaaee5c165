/**
 * @file The list as a file: of which pairs, how many, in which format. The browser fetches the file itself, so that it
 * may be of any size.
 */
import { component } from '../../core/component.js';
import { download } from '../../core/download.js';
import * as format from '../../core/format.js';
import { t } from '../../core/i18n.js';
import { toast } from '../../core/toasts.js';
import { filterText, toQuery } from './filter.js';

/** @typedef {import('../../widgets/dialog.js').Dialog} Dialog */
/** @typedef {import('./list.js').PairList} PairList */

/** @type {{ format: string, icon: string, title: import('../../core/i18n.js').MessageKey, text: import('../../core/i18n.js').MessageKey }[]} */
const formats = [
  { format: 'xlsx', icon: 'icon-file-spreadsheet', title: 'knowledge.export.xlsx', text: 'knowledge.export.xlsx.text' },
  { format: 'csv', icon: 'icon-file-text', title: 'knowledge.export.csv', text: 'knowledge.export.csv.text' },
];

/**
 * @param {Dialog} dialog
 * @param {PairList} list
 */
export function knowledgeExport(dialog, list) {
  return component({
    dialog,
    busy: false,

    init() {
      dialog.draft = null;
      if (list.panel.data === null) list.panel.load();
    },

    get title() {
      return t('knowledge.export.title');
    },

    get filterText() {
      return filterText(list.filter);
    },

    get countText() {
      if (list.panel.data === null) return list.panel.state === 'error' ? format.DASH : t('knowledge.export.counting');
      return t(list.exact ? 'count.pieces' : 'knowledge.export.atLeast', { count: list.total });
    },

    get choices() {
      return formats.map((row) => ({ ...row, title: t(row.title), text: t(row.text) }));
    },

    /** @param {string} kind */
    async save(kind) {
      this.busy = true;
      const started = await download('/ops/knowledge/export', { ...toQuery(list.filter), format: kind });
      this.busy = false;
      if (!started) return;
      toast(t('knowledge.export.started'));
      dialog.closeNow();
    },
  });
}
