/**
 * @file Pairs from a file: choose it, see what its columns will be taken for, try it out, import it.
 *
 * Trying is a dry run of the import itself: its figures and its failed rows are those that the import would have. They
 * take the place of the rows, so that nobody has to look for them below. What the server isn't sure of (the encoding,
 * the heading, whose rows they are) is asked here. The
 * import goes on when the dialog is closed; the job tray has it, and takes it back for a day.
 */
import Alpine from '@alpinejs/csp';
import { ApiError, upload } from '../../core/api-client.js';
import { component, explain, follow } from '../../core/component.js';
import * as format from '../../core/format.js';
import { t, tValue } from '../../core/i18n.js';
import { createPanel } from '../../core/panel.js';
import { addressOf, route } from '../../core/router.js';
import { jobFigures } from '../../widgets/jobs/describe.js';
import { saveFailedRows } from '../../widgets/jobs/items.js';
import { followJob, mayUndo, undoJob } from '../../widgets/jobs/jobs.js';
import { createWatchedJob } from '../../widgets/jobs/watched.js';
import { createTenantChoice } from '../../widgets/tenant-choice.js';
import { createColumns } from './columns.js';

/** @typedef {import('../../core/api-types.js').ImportPreview} ImportPreview */
/** @typedef {import('../../core/api-types.js').Job} Job */
/** @typedef {import('../../widgets/dialog.js').Dialog} Dialog */
/** @typedef {{ row: number, column: string, message: string }} RowError */
/** @typedef {import('../../core/api-types.js').ImportWarning} ImportWarning */

const PATH = '/ops/knowledge/import';
/** A preview looks no further. */
const ROWS_LOOKED_AT = 1000;
/** The first is taken unless another is chosen: it overwrites nothing. */
const MODES = /** @type {const} */ (['skip', 'upsert', 'create']);
/** Of a text, as the server names them. */
const ENCODINGS = [
  ...['UTF-8', 'GB18030', 'Big5', 'Shift_JIS', 'EUC-JP', 'ISO-2022-JP', 'EUC-KR', 'UTF-16LE', 'UTF-16BE'],
  ...['Windows-1252', 'Windows-1251', 'KOI8-R'],
];

/** @param {Dialog} dialog */
export function knowledgeImport(dialog) {
  const gone = new AbortController();
  const watched = createWatchedJob(gone.signal);
  /** What is sent. The file must not be wrapped, or it can't be read any more. */
  const chosen = {
    ...{ sheet: '', encoding: '', mode: /** @type {string} */ (MODES[0]), others: '' },
    file: /** @type {File | null} */ (null),
  };
  const tenant = Alpine.reactive({ id: route.query.tenant_id ?? '' });
  const columns = createColumns();
  const choice = createTenantChoice({
    label: 'knowledge.import.tenant',
    value: () => tenant.id,
    choose: (id) => (tenant.id = id),
  });
  const preview = createPanel({
    what: 'knowledge.import.preview.what',
    load: (signal) => readPreview(signal),
    onData: (data) => columns.take(data),
  });
  const trial = createPanel({
    what: 'knowledge.import.trial.what',
    load: (signal) => tryOut(signal),
  });
  /** @type {(() => void)[]} */
  const undo = [];

  function form(more = {}) {
    const body = new FormData();
    const { mode, sheet, encoding, others: other_tenants } = chosen;
    const parts = { tenant_id: tenant.id, mode, sheet, encoding, other_tenants, columns: columns.toJson(), ...more };
    for (const [name, value] of Object.entries(parts)) if (value) body.set(name, value);
    body.set('file', /** @type {File} */ (chosen.file));
    return body;
  }

  /** @param {AbortSignal} signal @returns {Promise<ImportPreview>} */
  async function readPreview(signal) {
    const body = new FormData();
    if (chosen.sheet) body.set('sheet', chosen.sheet);
    if (chosen.encoding) body.set('encoding', chosen.encoding);
    body.set('file', /** @type {File} */ (chosen.file));
    return send(`${PATH}/preview`, body, signal);
  }

  /** @param {AbortSignal} signal @returns {Promise<Job>} */
  async function tryOut(signal) {
    const started = await send(PATH, form({ dry_run: 'true' }), signal);
    const job = await followJob(started, () => {}, signal);
    if (job.status === 'succeeded') return job;
    throw new ApiError('refused', { problem: { detail: job.error ?? t('jobs.dryRun.failed') } });
  }

  /**
   * A file that has changed on the disk can't be sent any more, and the browser says no more than that nothing came.
   * @template {string} P
   * @param {P} path
   * @param {FormData} body
   * @param {AbortSignal} signal
   */
  async function send(path, body, signal) {
    try {
      return await upload(path, body, signal);
    } catch (error) {
      const readable = await chosen.file
        ?.slice(0, 1)
        .arrayBuffer()
        .then(Boolean, () => false);
      if (readable) throw error;
      throw new ApiError('refused', { problem: { detail: t('knowledge.import.fileChanged') } });
    }
  }

  return component({
    dialog,
    choice,
    columns,
    preview,
    trial,
    watched,
    dragged: false,
    fileName: '',
    fileSize: 0,
    mode: chosen.mode,
    encoding: '',
    takesOthers: false,
    busy: false,
    failure: /** @type {ApiError | null} */ (null),

    init() {
      dialog.draft = this;
      // Columns taken for something else are another import than the one that was tried out.
      undo.push(
        follow(
          () => columns.toJson(),
          () => this.forgetTrial(),
        ),
        // So is one for another tenant.
        follow(
          () => tenant.id,
          () => {
            this.takeOthers(false);
            this.forgetTrial();
          },
        ),
      );
    },

    destroy() {
      gone.abort();
      for (const step of undo) step();
      preview.dispose();
      trial.dispose();
      choice.dispose();
    },

    /** A file that was chosen and has not been imported would be lost. */
    get dirty() {
      return this.fileName !== '' && watched.job === null;
    },

    get title() {
      return t('knowledge.import.title');
    },

    /** @returns {'choose' | 'preview' | 'trial' | 'run'} */
    get step() {
      if (watched.job) return 'run';
      if (this.fileName === '') return 'choose';
      return trial.state === 'empty' && !trial.busy ? 'preview' : 'trial';
    },

    // ── the file ──

    /** @param {Event} event */
    picked(event) {
      const input = /** @type {HTMLInputElement} */ (event.target);
      this.take(input.files?.[0] ?? null);
      input.value = '';
    },

    /** @param {DragEvent} event */
    dragOver(event) {
      event.preventDefault();
      this.dragged = true;
    },

    dragLeave() {
      this.dragged = false;
    },

    /** @param {DragEvent} event */
    drop(event) {
      event.preventDefault();
      this.dragged = false;
      this.take(event.dataTransfer?.files[0] ?? null);
    },

    /** @param {File | null} file */
    take(file) {
      if (!file) return;
      chosen.file = file;
      chosen.sheet = chosen.encoding = this.encoding = '';
      this.takeOthers(false);
      this.fileName = file.name;
      this.fileSize = file.size;
      watched.forget();
      this.read();
    },

    read() {
      columns.forget();
      this.forgetTrial();
      preview.load({ replace: true });
    },

    /** Another file, with the tenant and the mode as they are. */
    again() {
      this.fileName = '';
      chosen.file = null;
      watched.forget();
      this.forgetTrial();
    },

    get fileText() {
      return t('knowledge.import.file', { name: this.fileName, size: format.bytes(this.fileSize) });
    },

    // ── what is in it ──

    get formatText() {
      const { data } = preview;
      if (!data) return '';
      const { total_rows_at_least: count } = data;
      const rows = t(count < ROWS_LOOKED_AT ? 'knowledge.import.rows' : 'knowledge.import.rows.atLeast', { count });
      return format.beside([data.format.toUpperCase(), data.encoding ?? '', delimiterText(data.delimiter), rows]);
    },

    get sheets() {
      const { data } = preview;
      return (data?.sheets ?? []).map((name) => ({ name, selected: name === data?.sheet }));
    },

    /** @param {Event} event */
    chooseSheet(event) {
      chosen.sheet = /** @type {HTMLSelectElement} */ (event.target).value;
      this.read();
    },

    /** A text's encoding can be told wrong; a workbook says its own. */
    get hasEncoding() {
      if (preview.data) return preview.data.encoding !== null;
      return preview.state === 'error' && !/\.xls[xm]?$/i.test(this.fileName);
    },

    get encodings() {
      const found = this.encoding ? null : preview.data?.encoding;
      const automatic = found
        ? t('knowledge.import.encoding.found', { name: found })
        : t('knowledge.import.encoding.automatic');
      return [
        { name: '', text: automatic, selected: this.encoding === '' },
        ...ENCODINGS.map((name) => ({ name, text: name, selected: name === this.encoding })),
      ];
    },

    /** @param {Event} event */
    chooseEncoding(event) {
      chosen.encoding = this.encoding = /** @type {HTMLSelectElement} */ (event.target).value;
      this.read();
    },

    /** What is wrong with the file, as long as nothing was said that mends it. */
    get problem() {
      const { data } = preview;
      return columns.changed && data?.asks_for !== 'encoding' ? '' : (data?.problem ?? '');
    },

    /** Whether the first row is a heading has to be said. */
    get asksForHeading() {
      return this.problem !== '' && preview.data?.asks_for === 'heading';
    },

    /** It can't be read, and asking again would not help. */
    get refusal() {
      const error = trial.state === 'error' ? trial.error : preview.state === 'error' ? preview.error : null;
      if (error?.kind !== 'refused' || error.status >= 500) return '';
      const { errors = [], detail } = error.problem;
      const [first] = errors;
      return errors.length === 1 && first?.field === 'file' ? first.message : (detail ?? explain(error));
    },

    get modes() {
      return MODES.map((name) => ({
        name,
        chosen: name === this.mode,
        text: t(/** @type {const} */ (`knowledge.import.mode.${name}`)),
        hint: t(/** @type {const} */ (`knowledge.import.mode.${name}.hint`)),
      }));
    },

    /** Another mode is another import: where one was tried, this one is. @param {string} name */
    chooseMode(name) {
      const again = this.step === 'trial';
      this.mode = chosen.mode = name;
      this.forgetTrial();
      if (again) this.tryIt();
    },

    /** Rows of other tenants, which fail otherwise. @param {boolean} take */
    takeOthers(take) {
      this.takesOthers = take;
      chosen.others = take ? 'take' : '';
    },

    toggleOthers() {
      this.takeOthers(!this.takesOthers);
      this.forgetTrial();
      this.tryIt();
    },

    // ── trying it out ──

    forgetTrial() {
      trial.dispose();
      trial.data = null;
      trial.state = 'empty';
      trial.busy = false;
      this.failure = null;
    },

    get mayTry() {
      return preview.state === 'ready' && !preview.busy && columns.complete && !this.problem && !trial.busy;
    },

    /** Who the pairs are for is asked when it matters. */
    hasTenant() {
      choice.error = tenant.id ? '' : t('knowledge.tenant.required');
      if (choice.error) document.getElementById(choice.id)?.focus();
      return choice.error === '';
    },

    tryIt() {
      if (this.mayTry && this.hasTenant()) trial.load({ replace: true });
    },

    get tried() {
      return trial.state === 'ready' && !trial.busy && trial.data !== null;
    },

    /** So many rows would change something. */
    get changes() {
      const result = trial.data?.result ?? {};
      return Number(result.created ?? 0) + Number(result.updated ?? 0);
    },

    /** What it does, with its figures. */
    get submitText() {
      const { created = 0, updated = 0 } = /** @type {Record<string, number>} */ (trial.data?.result ?? {});
      const parts = [
        created > 0 ? t('knowledge.import.do.create', { count: created }) : '',
        updated > 0 ? t('knowledge.import.do.update', { count: updated }) : '',
      ].filter(Boolean);
      return parts.length > 0
        ? t('knowledge.import.do', { what: format.beside(parts) })
        : t('knowledge.import.do.none');
    },

    // ── the import ──

    async submit() {
      if (!this.tried || this.busy) {
        this.tryIt();
        return;
      }
      if (this.changes === 0 || !this.hasTenant()) return;
      this.busy = true;
      this.failure = null;
      try {
        await watched.watch(await send(PATH, form(), gone.signal));
      } catch (error) {
        if (!gone.signal.aborted) this.failure = error instanceof ApiError ? error : new ApiError('unreadable');
      }
      this.busy = false;
    },

    get failureText() {
      return this.failure ? explain(this.failure) : '';
    },

    get failureRequest() {
      const id = this.failure?.requestId;
      return id ? t('error.request', { id }) : '';
    },

    // ── what came of it, or would ──

    /** @returns {Job | null} */
    get shownJob() {
      return watched.job ?? trial.data;
    },

    get figures() {
      return this.shownJob ? jobFigures(this.shownJob) : [];
    },

    /** What was guessed, or is to be known. @returns {{ code: string, text: string }[]} */
    get warnings() {
      const result = /** @type {{ warnings?: ImportWarning[] }} */ (this.shownJob?.result ?? {});
      const warnings = this.shownJob ? (result.warnings ?? []) : (preview.data?.warnings ?? []);
      return warnings.map(({ code, message, row, count }) => ({
        code,
        text: count > 0 ? t('knowledge.import.warning.rows', { count, row: format.exactCount(row), message }) : message,
      }));
    },

    get hasOthers() {
      return this.warnings.some((/** @type {{ code: string }} */ warning) => warning.code === 'other_tenants');
    },

    get errors() {
      const errors = /** @type {RowError[]} */ (this.shownJob?.result?.errors ?? []);
      return errors.map(({ row, column, message }, index) => ({
        key: `${index}-${row}`,
        row: format.exactCount(row),
        column: column ? tValue('importColumn', column) : t('knowledge.import.wholeRow'),
        message,
      }));
    },

    get failed() {
      return Number(this.shownJob?.result?.failed ?? 0);
    },

    get errorsText() {
      const key = this.failed > this.errors.length ? 'knowledge.import.errors.first' : 'knowledge.import.errors';
      return t(key, { count: this.failed, shown: this.errors.length });
    },

    saveErrors() {
      saveFailedRows(this.shownJob?.id ?? '');
    },

    get mayUndo() {
      return watched.job !== null && mayUndo(watched.job);
    },

    undoImport() {
      if (watched.job) undoJob(watched.job);
      dialog.closeNow();
    },

    get pairsHref() {
      return addressOf('knowledge', { tenant_id: tenant.id, source: 'import' });
    },
  });
}

/** What stands between the cells of a text. @param {string | null} delimiter */
function delimiterText(delimiter) {
  if (!delimiter) return '';
  const name = { ',': 'comma', ';': 'semicolon', '\t': 'tab' }[delimiter] ?? delimiter;
  return tValue('delimiter', name);
}
