/**
 * @file Answers about templates and jobs, made up, for tests that need certain ones.
 */
import { tenant } from './answers-tenants.mjs';
import * as answers from './answers.mjs';

/** @typedef {import('playwright-core').Page} Page */
/** @typedef {import('playwright-core').Route} Route */
/** @typedef {typeof import('./console.mjs').stub} Stub */

const TENANTS = 25;
const MINUTE = 60_000;

/** @param {number} ago  milliseconds */
const time = (ago) => new Date(Date.now() - ago).toISOString();

/** @param {object} [changes] */
export function template(changes = {}) {
  return {
    id: 1,
    question: '租借价格是多少？',
    answer: '单件和服租借每天 298 元起，含穿着与基础发型；周末与节假日加收 50 元。',
    category: '价格',
    version: 3,
    distributed_count: 20,
    current_count: 17,
    tenant_count: TENANTS,
    for_all: true,
    created_at: time(30 * 24 * 60 * MINUTE),
    updated_at: time(2 * 60 * MINUTE),
    updated_by: 'admin',
    ...changes,
  };
}

export function templates() {
  return [
    template(),
    template({
      id: 2,
      question: '如何预约？',
      answer: '提前一天在小程序里选店铺和时间。',
      category: '预约',
      version: 1,
      distributed_count: 25,
      current_count: 25,
    }),
    template({
      id: 3,
      question: '退款政策是什么？',
      answer: '预约时间 24 小时之前取消全额退款。',
      category: '政策',
      version: 2,
      distributed_count: 15,
      current_count: 15,
    }),
    template({
      id: 4,
      question: '可以拍照吗？',
      answer: '可以。',
      category: '',
      version: 1,
      distributed_count: 0,
      current_count: 0,
      for_all: false,
    }),
  ];
}

/** @param {ReturnType<typeof template>[]} [items] */
export function templatePage(items = templates()) {
  const names = [...new Set(items.map(({ category }) => category))];
  return {
    items,
    total: items.length,
    page: 1,
    page_size: 20,
    categories: names.map((category) => ({
      category,
      count: items.filter((item) => item.category === category).length,
    })),
  };
}

/** @param {object} [changes] */
export function templateDetail(changes = {}) {
  const now = template(changes);
  const texts = { question: now.question, answer: now.answer, category: now.category, created_by: 'admin' };
  return {
    ...now,
    versions: [
      { ...texts, version: 3, created_at: time(2 * 60 * MINUTE) },
      { ...texts, version: 2, answer: '单件和服租借每天 268 元起，含穿着。', created_at: time(9 * 24 * 60 * MINUTE) },
      { ...texts, version: 1, answer: '每天 258 元起。', created_at: time(30 * 24 * 60 * MINUTE) },
    ],
  };
}

const shops = ['浅草本店', '京都花见', '梨花祇园店', '金泽心结', '大阪难波', '福冈天神', '札幌雪见', '名古屋荣'];

/** @param {number} [count] */
export function tenantPage(count = shops.length) {
  const items = shops
    .slice(0, count)
    .map((name, index) => tenant({ id: `tenant_${index + 1}`, name, status: index === 3 ? 'suspended' : 'active' }));
  return { items, total: count, page: 1, page_size: 20, summary: { total: count, active: count - 1, suspended: 1 } };
}

/** @type {[string, number | null, string | null][]} */
const cells = [
  ['current', 3, null],
  ['outdated', 2, null],
  ['conflict', 2, '商家改过文字'],
  ['missing', null, '暂停期间没有收到'],
  ['kept', 2, '决定保留商家的文字'],
  ['deleted', null, '商家删掉了副本'],
  ['none', null, '没有分发到这一家'],
  ['conflict', null, '商家自己有同样的问题'],
];

/** As the server counts: what a distribution would bring up to date. @param {{ state: string }[]} row */
const countBehind = (row) => row.filter(({ state }) => state === 'outdated' || state === 'missing').length;

/** @param {URL} url */
export function matrix(url) {
  const only = Number(url.searchParams.get('template_id') ?? 0);
  const state = url.searchParams.get('state');
  const columns = templates().filter(({ id }) => !only || id === only);
  const rows = tenantPage().items.map((tenant, index) => {
    const row = columns.map(({ id }) => {
      const [cell, version, why] = cells[(index + (id - 1) * 3) % cells.length];
      return { template_id: id, state: cell, version, qa_pair_id: version === null ? null : 100 + index, why };
    });
    return { tenant_id: tenant.id, name: tenant.name, status: tenant.status, behind: countBehind(row), cells: row };
  });
  const items = state ? rows.filter((row) => row.cells[0].state === state) : rows;
  /** @type {Record<string, number>} */
  const counts = {};
  for (const row of rows) counts[row.cells[0].state] = (counts[row.cells[0].state] ?? 0) + 1;
  return {
    templates: columns.map(({ id, question, category, version, for_all }) => ({
      id,
      question,
      category,
      version,
      for_all,
    })),
    template_total: columns.length,
    template_page: 1,
    items,
    counts: only ? counts : null,
    total: items.length,
    page: 1,
    page_size: 20,
  };
}

/** @param {object} [changes] */
export function copy(changes = {}) {
  const texts = { question: '租借价格是多少？', category: '价格' };
  return {
    state: 'conflict',
    why: '商家改过文字',
    base: { ...texts, version: 2, answer: '单件和服租借每天 268 元起，含穿着。' },
    template: { ...texts, version: 3, answer: '单件和服租借每天 298 元起，含穿着与基础发型；周末与节假日加收 50 元。' },
    copy: {
      ...texts,
      version: 4,
      qa_pair_id: 103,
      answer: '单件和服租借每天 288 元起，含穿着；本店门口可以停车。',
      updated_at: time(3 * 24 * 60 * MINUTE),
    },
    ...changes,
  };
}

/** @param {object} [changes] */
export function job(changes = {}) {
  return {
    id: 'job-1',
    kind: 'templates.distribute',
    title: '分发模板',
    status: 'succeeded',
    tenant_id: null,
    parameters: { template_ids: [1, 3], all_tenants: true, newly_for_all: 0 },
    progress: { done: 25, total: 25 },
    result: {
      templates: 2,
      tenants: 25,
      created: 12,
      updated: 9,
      unchanged: 22,
      conflicts: 3,
      skipped_tenants: 2,
      dry_run: false,
    },
    error: null,
    created_by: 'admin',
    created_at: time(2 * MINUTE),
    started_at: time(2 * MINUTE),
    finished_at: time(MINUTE),
    ...changes,
  };
}

/** @param {object} [changes] */
export function dryJob(changes = {}) {
  const { result } = job();
  return job({
    id: 'dry-1',
    parameters: { dry_run: true, newly_for_all: 0 },
    result: { ...result, dry_run: true },
    ...changes,
  });
}

/** @param {URL} [url] */
export function jobItems(url) {
  const outcome = url?.searchParams.get('outcome') ?? null;
  /** @type {[string | null, object | null][]} */
  const outcomes = [
    ['done', { created: 2, updated: 0, unchanged: 0, conflicts: 0, conflict_templates: [] }],
    ['done', { created: 0, updated: 2, unchanged: 0, conflicts: 0, conflict_templates: [] }],
    ['conflict', { created: 0, updated: 1, unchanged: 0, conflicts: 1, conflict_templates: [1] }],
    ['suspended', null],
    ['done', { created: 0, updated: 0, unchanged: 2, conflicts: 0, conflict_templates: [] }],
    ['conflict', { created: 1, updated: 0, unchanged: 0, conflicts: 1, conflict_templates: [1] }],
    ['missing', null],
    [null, null],
  ];
  const items = outcomes
    .map(([result, detail], index) => ({ seq: index + 1, target_id: `tenant_${index + 1}`, outcome: result, detail }))
    .filter((item) => outcome === null || (item.outcome ?? 'waiting') === outcome);
  return { items, total: items.length, page: 1, page_size: 20 };
}

/**
 * Answers an endpoint by its address; what there is not, with 404.
 * @param {Page} page
 * @param {string | RegExp} path  below /api/v1
 * @param {(url: URL, route: Route) => unknown} answer
 */
export async function answer(page, path, answer) {
  await page.route(
    ({ pathname }) => {
      const below = pathname.replace(/^\/api\/v1/, '');
      if (below === pathname) return false; // a page's own address
      return typeof path === 'string' ? below === path : path.test(below);
    },
    (route) => {
      const json = answer(new URL(route.request().url()), route);
      return route.fulfill(json === undefined ? { status: 404, json: answers.problemOf(404) } : { json });
    },
  );
}

/**
 * Everything that the templates page and the tray ask for, made up.
 * @param {Page} page
 * @param {Stub} stub
 */
export async function stubTemplates(page, stub) {
  await answers.stubDashboard(page, stub);
  await answer(page, /^\/ops\/jobs\/[^/]+$/, (url) => job({ id: url.pathname.split('/').at(-1) }));
  await answer(page, /^\/ops\/jobs\/[^/]+\/items$/, (url) => jobItems(url));
  await stub(page, '/ops/jobs', answers.noJobs);
  await stub(page, '/ops/tenants', tenantPage());
  await answer(page, /^\/ops\/templates\/\d+$/, (url) =>
    templateDetail({ id: Number(url.pathname.split('/').at(-1)) }),
  );
  await answer(page, /^\/ops\/templates\/\d+\/copies\//, () => copy());
  await answer(page, '/ops/templates/matrix', matrix);
  await stub(page, '/ops/templates', templatePage());
  await stub(page, '/ops/templates/distribute', dryJob());
}
