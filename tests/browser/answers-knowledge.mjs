/**
 * @file Answers about everyone's knowledge, made up, for tests that need certain ones.
 */
import { manyTenants, tenantDetail, tenantPage } from './answers-tenants.mjs';

const HOUR = 3_600_000;

/** @param {number} hours */
const ago = (hours) => new Date(Date.now() - hours * HOUR).toISOString();

const QUESTIONS = ['租借价格是多少？', '如何预约？', '退款政策是什么？', '可以改期吗？', '有儿童和服吗？'];
const CATEGORIES = ['价格', '预约', '政策', '预约', ''];
const SOURCES = ['manual', 'import', 'learned', 'template', 'import'];

/**
 * @param {object} [changes]
 * @returns {any}
 */
export function pair(changes = {}) {
  return {
    id: 1,
    tenant_id: 'tenant_001',
    tenant_name: '和服店 001',
    question: QUESTIONS[0],
    answer: '单件和服租借每天 298 元起，含穿着。',
    category: '价格',
    source: 'manual',
    quality_score: 0.95,
    is_synced: true,
    synced_at: ago(2),
    created_at: ago(900),
    updated_at: ago(3),
    version: 3,
    hit_count: 120,
    good_count: 8,
    bad_count: 1,
    template_id: null,
    ...changes,
  };
}

/** @param {number} count */
export function manyPairs(count) {
  return Array.from({ length: count }, (_, index) => {
    const kind = index % QUESTIONS.length;
    const number = String((index % 25) + 1).padStart(3, '0');
    return pair({
      id: index + 1,
      tenant_id: `tenant_${number}`,
      tenant_name: `和服店 ${number}`,
      question: index < QUESTIONS.length ? QUESTIONS[kind] : `${QUESTIONS[kind]}（${index + 1}）`,
      answer: index === 4 ? '' : `第 ${index + 1} 条的答案：单件和服租借每天 298 元起。`,
      category: CATEGORIES[kind],
      source: SOURCES[kind],
      quality_score: 0.95 - (index % 10) / 20,
      is_synced: index % 4 !== 2,
      synced_at: index % 4 !== 2 ? ago(2) : index % 8 === 2 ? null : ago(50),
      updated_at: ago(3 + index),
      hit_count: index === 4 ? 0 : 120 - (index % 100),
      good_count: index === 4 ? 0 : 8,
      bad_count: index === 4 ? 0 : 1,
      template_id: kind === 3 ? 7 : null,
    });
  });
}

/** @param {object} [changes] */
export function pairDetail(changes = {}) {
  const explanation = '0.95：被用来回答 120 次，好评 8，差评 1；3 小时前改过。';
  return {
    ...pair(changes),
    deleted_at: null,
    quality: { score: 0.95, hits: 120, good: 8, bad: 1, age_days: 0, explanation },
  };
}

/** Which filter admits a pair. @type {Record<string, (pair: any, value: string) => boolean>} */
const admits = {
  tenant_id: (one, value) => one.tenant_id === value,
  category: (one, value) => one.category === value,
  source: (one, value) => one.source === value,
  is_synced: (one, value) => String(one.is_synced) === value,
  quality_min: (one, value) => one.quality_score >= Number(value),
  quality_max: (one, value) => one.quality_score <= Number(value),
  keyword: (one, value) => `${one.question}\n${one.answer}`.includes(value),
};

/**
 * What GET /ops/knowledge/qa-pairs says to a query. A cursor is the place of the next pair.
 * @param {any[]} pairs
 * @param {URLSearchParams} query
 * @param {{ counted?: number }} [how]  from so many on only "at least" is said
 */
export function pairPage(pairs, query = new URLSearchParams(), { counted = Infinity } = {}) {
  const found = pairs.filter((one) =>
    [...query].every(([name, value]) => !(name in admits) || admits[name](one, value)),
  );
  const size = Number(query.get('page_size') ?? 20);
  const page = Number(query.get('page') ?? 1);
  const start = query.has('cursor') ? Number(query.get('cursor')?.slice(3)) : (page - 1) * size;
  const end = start + size;
  const total = found.length < counted ? { total: found.length } : { total_at_least: counted };
  const next_cursor = end < found.length ? `at-${end}` : null;
  return { items: found.slice(start, end), ...total, page, page_size: size, next_cursor };
}

/** @param {any[]} pairs @param {string} field */
function countBy(pairs, field) {
  /** @type {Record<string, number>} */
  const counts = {};
  for (const one of pairs) counts[one[field]] = (counts[one[field]] ?? 0) + 1;
  return counts;
}

/** @param {any[]} pairs */
export function overview(pairs) {
  const synced = pairs.filter((one) => one.is_synced).length;
  const sum = pairs.reduce((total, one) => total + one.quality_score, 0);
  return {
    total_qa_pairs: pairs.length,
    by_tenant: countBy(pairs, 'tenant_id'),
    tenant_count: Object.keys(countBy(pairs, 'tenant_id')).length,
    by_category: countBy(pairs, 'category'),
    category_count: Object.keys(countBy(pairs, 'category')).length,
    by_source: countBy(pairs, 'source'),
    synced_count: synced,
    unsynced_count: pairs.length - synced,
    held_back_count: 0,
    avg_quality_score: pairs.length ? sum / pairs.length : null,
    generated_at: new Date().toISOString(),
  };
}

/** @param {any[]} pairs @param {URLSearchParams} query @param {number} most  categories that are named */
export function facets(pairs, query, most) {
  const list = (/** @type {string} */ field) =>
    Object.entries(countBy(pairs, field))
      .map(([name, count]) => ({ name, count }))
      .sort((a, b) => (a.name < b.name ? -1 : 1));
  const keyword = query.get('keyword') ?? '';
  const categories = list('category').filter(({ name }) => name.includes(keyword));
  const named = [...categories].sort((a, b) => b.count - a.count).slice(0, most);
  return { categories: named, category_count: categories.length, sources: list('source') };
}

/** @param {object} [changes] */
export function syncStatus(changes = {}) {
  return {
    pending: 5,
    removals_pending: 2,
    held_back: 0,
    removals_held_back: 0,
    running: false,
    last_run: ago(0.1),
    last_success: ago(0.2),
    last_error: null,
    lag_seconds: 190,
    tenants_failing: [],
    ...changes,
  };
}

/** @param {object} [changes] */
export function job(changes = {}) {
  return {
    id: 'job-k1',
    kind: 'knowledge.bulk',
    title: '批量操作问答',
    status: 'succeeded',
    tenant_id: null,
    parameters: { action: 'delete', dry_run: false },
    progress: { done: 2, total: 2 },
    result: { action: 'delete', matched: 2, changed: 2, skipped: 0, dry_run: false },
    error: null,
    created_by: 'admin',
    created_at: ago(0.01),
    started_at: ago(0.01),
    finished_at: ago(0),
    ...changes,
  };
}

export function importPreview(changes = {}) {
  return {
    format: 'csv',
    encoding: 'GB18030',
    delimiter: ';',
    sheets: [],
    sheet: null,
    columns: [
      { place: 0, heading: '编号', taken_for: null },
      { place: 1, heading: '问题', taken_for: 'question' },
      { place: 2, heading: '答案', taken_for: 'answer' },
      { place: 3, heading: '分类', taken_for: 'category' },
    ],
    rows: Array.from({ length: 8 }, (_, index) => ({
      cells: [String(index + 1), QUESTIONS[index % 5], '单件和服租借每天 298 元起，含穿着。', CATEGORIES[index % 5]],
    })),
    total_rows_at_least: 1000,
    ...{ problem: null, asks_for: null, warnings: [], encodings: [] },
    ...changes,
  };
}

/** @param {object} [changes] */
export function importJob(changes = {}) {
  return job({
    id: 'job-i1',
    kind: 'knowledge.import',
    title: '导入问答',
    tenant_id: 'tenant_001',
    parameters: { file: 'pairs.csv', tenant_id: 'tenant_001', mode: 'upsert', dry_run: false },
    progress: { done: 12, total: 12 },
    result: {
      ...{ total: 12, created: 7, updated: 2, skipped: 1, failed: 2 },
      errors: [
        { row: 4, column: 'answer', message: '答案太长：最多 20,000 个字符。' },
        { row: 9, column: '', message: '有 5 列，而首行有 4 列；是否有文本未加引号？' },
      ],
      warnings: [],
      ...{ mode: 'upsert', dry_run: false, file: 'pairs.csv' },
    },
    ...changes,
  });
}

/** @param {object} [changes] */
export function trial(changes = {}) {
  return {
    matches: [
      { qa_pair_id: 4, question: QUESTIONS[3], answer: '提前一天联系即可免费改期。', category: '预约', score: 0.91 },
      { qa_pair_id: 2, question: QUESTIONS[1], answer: '在小程序或电话预约。', category: '预约', score: 0.62 },
      { qa_pair_id: 3, question: QUESTIONS[2], answer: '', category: '', score: 0.41 },
    ],
    answer: '可以，提前一天联系即可免费改期。',
    answered: true,
    top_k: 5,
    min_score: 0.3,
    latency_ms: 412,
    ...changes,
  };
}

/**
 * Everything that the page asks for, made up. `pairs` may be a function, to change while the page is open.
 * @param {import('playwright-core').Page} page
 * @param {object} [options]
 * @param {any[] | (() => any[])} [options.pairs]
 * @param {any} [options.status]
 * @param {any[]} [options.tenants]
 * @param {any[]} [options.deleted]
 * @param {number} [options.counted]
 * @param {number} [options.categories]  that are named
 */
export async function stubKnowledge(page, options = {}) {
  const { pairs = manyPairs(178), status = syncStatus(), tenants = manyTenants(25), deleted = [] } = options;
  const { counted, categories = 100 } = options;
  const now = () => (typeof pairs === 'function' ? pairs() : pairs);
  /** @type {Record<string, (query: URLSearchParams) => any>} */
  const answers = {
    '/ops/knowledge/overview': () => overview(now()),
    '/ops/knowledge/facets': (query) => facets(now(), query, categories),
    '/ops/knowledge/sync/status': () => status,
    '/ops/knowledge/deleted': () => ({ items: deleted, total: deleted.length, page: 1, page_size: 20 }),
    '/ops/knowledge/qa-pairs': (query) => pairPage(now(), query, { counted }),
    '/ops/tenants': (query) => tenantPage(tenants, query),
  };
  await page.route('**/api/v1/ops/**', (route) => {
    const { pathname, searchParams } = new URL(route.request().url());
    const path = pathname.slice('/api/v1'.length);
    if (route.request().method() !== 'GET') return route.fallback();
    if (path in answers) return route.fulfill({ json: answers[path](searchParams) });
    const tenant = tenants.find((one) => path === `/ops/tenants/${one.id}`);
    if (tenant) return route.fulfill({ json: tenantDetail(tenant) });
    const id = Number(/^\/ops\/knowledge\/qa-pairs\/(\d+)$/.exec(path)?.[1]);
    const found = id ? now().find((one) => one.id === id) : undefined;
    return found ? route.fulfill({ json: pairDetail(found) }) : route.fallback();
  });
}
