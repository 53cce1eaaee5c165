/**
 * @file Distributing templates: choose the tenants (or all of them), see what would happen, do it, watch it.
 *
 * What would happen is a dry run of the very same request, so its figures are those of the server, not an estimate.
 * The work goes on when the dialog is closed; the job tray has it.
 */
import { ApiError, startJob } from '../../core/api-client.js';
import { component, explain } from '../../core/component.js';
import * as format from '../../core/format.js';
import { t, tValue } from '../../core/i18n.js';
import { addressOf, route } from '../../core/router.js';
import { askTenantNames } from '../../core/tenant-names.js';
import { toast } from '../../core/toasts.js';
import { createDanger } from '../../widgets/danger.js';
import { jobFigures, jobProgress } from '../../widgets/jobs/describe.js';
import { itemRow, readAllItems } from '../../widgets/jobs/items.js';
import { followJob, hasEnded } from '../../widgets/jobs/jobs.js';
import { createWatchedJob } from '../../widgets/jobs/watched.js';
import { createTenantPicker } from './tenant-picker.js';

/** @typedef {import('../../core/api-types.js').Job} Job */
/** @typedef {import('../../core/api-types.js').JobItem} JobItem */
/** @typedef {import('../../widgets/dialog.js').Dialog} Dialog */
/** @typedef {import('./templates.js').Typing} Typing */
/** @typedef {import('./tenant-picker.js').PickedTenant} PickedTenant */

const PATH = '/ops/templates/distribute';
const WAIT_SECONDS = 10;
const ROWS_AT_ONCE = 20;

/** What a figure counts, found again in the parts of the job. @type {Record<string, (item: JobItem) => boolean>} */
const behindFigure = {
  created: ({ detail }) => Number(detail?.created) > 0,
  updated: ({ detail }) => Number(detail?.updated) > 0,
  unchanged: ({ detail }) => Number(detail?.unchanged) > 0,
  conflicts: ({ detail }) => Number(detail?.conflicts) > 0,
  deleted_templates: ({ detail }) => Number(detail?.deleted_templates) > 0,
  skipped_tenants: ({ outcome }) => outcome === 'suspended' || outcome === 'missing',
};

/** Tenants that another view has chosen already; the next dialog that opens takes them. @type {PickedTenant[]} */
let handedOver = [];

/** @param {PickedTenant[]} tenants */
export function handOverTenants(tenants) {
  handedOver = tenants;
}

/**
 * @param {Dialog} dialog
 * @param {Typing} typing
 */
export function templateDistribution(dialog, typing) {
  const toAll = route.query.to === 'all';
  const templateIds = route.query.templates.split(',').map(Number).filter(Number.isInteger);
  const picker = createTenantPicker();
  for (const tenant of handedOver) picker.chosen.set(tenant.id, tenant);
  handedOver = [];
  const gone = new AbortController();
  const watched = createWatchedJob(gone.signal);
  /** What is asked for beside the templates. */
  const choice = { force: false };

  function request() {
    return {
      template_ids: templateIds,
      ...(toAll ? { all_tenants: true } : { tenant_ids: [...picker.chosen.keys()] }),
      ...(choice.force ? { force: true } : {}),
    };
  }

  return component({
    dialog,
    picker,
    toAll,
    /** @type {'choose' | 'preview' | 'run'} */
    step: /** @type {'choose' | 'preview' | 'run'} */ (toAll || picker.chosen.size > 0 ? 'preview' : 'choose'),
    force: false,
    /** Texts of tenants that would stay, by the dry run without force. @type {number | null} */
    edited: null,
    /** The dry run while it is under way. @type {Job | null} */
    checking: null,
    /** What would become of each tenant; read when somebody asks who is behind a figure. @type {JobItem[] | null} */
    items: null,
    reading: false,
    openFigure: '',
    rowsShown: ROWS_AT_ONCE,
    watched,
    asking: false,
    /** @type {import('../../widgets/danger.js').Danger<Job, Job> | null} */
    danger: null,

    init() {
      typing.isUnsaved = () => watched.job === null && (picker.chosen.size > 0 || (this.danger?.dirty ?? false));
      if (this.step === 'choose') picker.panel.load();
      else this.check();
    },

    destroy() {
      typing.isUnsaved = () => false;
      gone.abort();
      picker.dispose();
      this.danger?.effect.dispose();
    },

    get title() {
      const templates = t('templates.count', { count: templateIds.length });
      return t(toAll ? 'templates.distribute.titleAll' : 'templates.distribute.title', { templates });
    },

    get mayCheck() {
      return picker.chosen.size > 0 && !picker.gathering;
    },

    back() {
      this.step = 'choose';
      if (picker.panel.state === 'loading') picker.panel.load();
    },

    // ── what would happen ──

    /** Asks the server what this very distribution would do. */
    check() {
      this.step = 'preview';
      this.force = choice.force = false;
      this.edited = null;
      this.danger?.effect.dispose();
      this.danger = createDanger({
        what: 'templates.distribute.effect',
        text: () => '',
        load: (signal) => this.dryRun(signal),
        effect: () => [],
        reason: 'optional',
        count: () => (toAll ? this.reached : 0),
        submit: () => this.submitText,
        send: ({ reason }) => startJob(PATH, { ...request(), ...(reason ? { reason } : {}) }),
        done: (job) => this.watch(job),
      });
      this.danger.effect.load();
    },

    /**
     * @param {AbortSignal} signal
     * @returns {Promise<Job>}
     */
    async dryRun(signal) {
      this.openFigure = '';
      this.items = null;
      const started = await startJob(PATH, { ...request(), dry_run: true }, { wait: WAIT_SECONDS });
      signal.throwIfAborted();
      const job = await followJob(started, (reading) => (this.checking = reading), signal);
      this.checking = null;
      if (job.status !== 'succeeded') {
        throw new ApiError('refused', { problem: { detail: job.error ?? t('templates.distribute.noCheck') } });
      }
      if (!choice.force) this.edited = Number(job.result?.conflicts ?? 0);
      return job;
    },

    get checkingText() {
      return this.checking && !hasEnded(this.checking) ? jobProgress(this.checking).text : '';
    },

    /** Everything that depends on the figures: they are here, and of what is chosen now. */
    get checked() {
      return this.danger !== null && this.danger.effect.state === 'ready' && !this.danger.effect.busy;
    },

    toggleForce() {
      this.force = choice.force = !this.force;
      this.danger?.effect.load({ replace: true });
    },

    get forceText() {
      return t('templates.distribute.force', { count: this.edited ?? 0 });
    },

    /** @returns {Job | null} */
    get dryJob() {
      return this.danger?.effect.data ?? null;
    },

    get figures() {
      const job = watched.job ?? this.dryJob;
      if (!job) return [];
      return jobFigures(job).map((figure) => ({
        ...figure,
        open: figure.name === this.openFigure,
        leads: watched.job === null && figure.name in behindFigure && figure.value !== format.count(0),
      }));
    },

    /** @param {string} name */
    showFigure(name) {
      this.openFigure = this.openFigure === name ? '' : name;
      this.rowsShown = ROWS_AT_ONCE;
      if (this.openFigure && !this.items) this.readItems();
      else this.askNames();
    },

    async readItems() {
      const id = this.dryJob?.id;
      if (!id || this.reading) return;
      this.reading = true;
      try {
        const items = await readAllItems(id, gone.signal);
        if (this.dryJob?.id === id) this.items = items;
        this.askNames();
      } catch (error) {
        this.openFigure = '';
        if (!gone.signal.aborted) toast(error instanceof ApiError ? explain(error) : String(error), 'bad');
      }
      this.reading = false;
      // Another trial has begun and been asked about meanwhile.
      if (this.openFigure && !this.items) this.readItems();
    },

    /** @returns {JobItem[]} */
    get found() {
      const matches = behindFigure[this.openFigure];
      return matches ? (this.items ?? []).filter(matches) : [];
    },

    get rows() {
      return this.found
        .slice(0, this.rowsShown)
        .map((/** @type {JobItem} */ item) => ({ ...itemRow(item), facts: this.factOf(item) }));
    },

    /** How much of the figure is this tenant's. @param {JobItem} item */
    factOf(item) {
      const amount = Number(item.detail?.[this.openFigure] ?? 0);
      if (amount === 0) return '';
      return t('jobs.figure', { label: tValue('jobFigure', this.openFigure), value: format.count(amount) });
    },

    get foundText() {
      if (!this.items) return t('templates.distribute.reading');
      return t('templates.distribute.behind', {
        count: this.found.length,
        figure: tValue('jobFigure', this.openFigure),
      });
    },

    get moreText() {
      const more = this.found.length - this.rowsShown;
      return more > 0 ? t('templates.distribute.moreRows', { count: more }) : '';
    },

    showMore() {
      this.rowsShown += 10 * ROWS_AT_ONCE;
      this.askNames();
    },

    askNames() {
      askTenantNames(this.found.slice(0, this.rowsShown).map((/** @type {JobItem} */ item) => item.target_id));
    },

    /** How many tenants it would reach. */
    get reached() {
      const result = this.dryJob?.result ?? {};
      return Number(result.tenants ?? 0) - Number(result.skipped_tenants ?? 0);
    },

    get changes() {
      const result = this.dryJob?.result ?? {};
      return Number(result.created ?? 0) + Number(result.updated ?? 0);
    },

    /** Templates that no distribution has given to everybody yet: that changes for later tenants, too. */
    get newlyForAll() {
      return Number(this.dryJob?.parameters.newly_for_all ?? 0);
    },

    get forAllText() {
      return this.newlyForAll > 0 ? t('templates.distribute.forAll', { count: this.newlyForAll }) : '';
    },

    get nothingToDo() {
      return this.checked && this.changes === 0 && this.newlyForAll === 0;
    },

    get nothingText() {
      const { conflicts, skipped_tenants: skipped } = this.dryJob?.result ?? {};
      const left = Number(conflicts ?? 0) + Number(skipped ?? 0) > 0;
      return t(left ? 'templates.distribute.nothing.left' : 'templates.distribute.nothing');
    },

    /** "分发 3 个模板到 25 家商家" */
    get submitText() {
      const templates = t('templates.count', { count: templateIds.length });
      return t('templates.distribute.go', { templates, count: this.reached });
    },

    get mayRun() {
      return this.checked && !this.nothingToDo && this.danger !== null && this.danger.ready && !this.danger.form.busy;
    },

    run() {
      if (this.mayRun) this.danger?.submit();
    },

    // ── while it happens ──

    /** @param {Job} job */
    async watch(job) {
      this.step = 'run';
      this.openFigure = '';
      try {
        await watched.watch(job);
      } catch (error) {
        if (!gone.signal.aborted) toast(error instanceof ApiError ? explain(error) : String(error), 'bad');
      }
    },

    get resultLink() {
      return addressOf(route.page, { ...route.query, job: watched.job?.id });
    },

    ask() {
      this.asking = true;
    },

    keepRunning() {
      this.asking = false;
    },

    cancel() {
      this.asking = false;
      watched.cancel();
    },
  });
}
