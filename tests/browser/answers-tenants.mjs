/**
 * @file Answers about tenants, made up, for tests that need certain ones.
 */
import * as answers from './answers.mjs';

const HOUR = 3_600_000;

/** 64 characters, which is as long as a name may be. */
export const LONG_NAME =
  '京都花见和服租赁与摄影一体化体验中心祇园四条本店与浅草雷门旗舰店联合运营部东京大阪金泽名古屋福冈札幌仙台广岛那霸神户长崎六十四字';
export const LONG_ID = 'kimono-one-asakusa-main-store-with-a-long-unbroken-id-64-chars-x';

/** @param {number} hours */
const ago = (hours) => new Date(Date.now() - hours * HOUR).toISOString();

/**
 * @param {object} [changes]
 * @returns {any}
 */
export function tenant(changes = {}) {
  return {
    id: 'tenant_001',
    name: 'Kimono One',
    status: 'active',
    contact: 'one@example.com',
    user_count: 5,
    qa_pair_count: 1234,
    unsynced_count: 3,
    pending_feedback_count: 23,
    conversations_today: 156,
    templates_missing: 0,
    last_active_at: ago(0.1),
    suspended_at: null,
    suspended_reason: null,
    version: 1,
    created_at: '2024-01-15T02:00:00.000Z',
    ...changes,
  };
}

/**
 * @param {object} [changes]
 * @returns {any}
 */
export function tenantDetail(changes = {}) {
  return {
    ...tenant(),
    updated_at: ago(30),
    api_key: 'kmp_0123456789abcdefghijklmnop',
    effect: { conversations_last_hour: 12, users_logged_in: 2, jobs_running: 1 },
    suspension: null,
    ...changes,
  };
}

/** @param {object} [changes] */
export function suspendedDetail(changes = {}) {
  return tenantDetail({
    status: 'suspended',
    suspended_at: ago(0.5),
    suspended_reason: '欠费',
    suspension: { since: ago(0.5), reason: '欠费', by: 'admin', messages_answered: 0, messages_refused: 17 },
    ...changes,
  });
}

/**
 * Some tenants, of whom every twelfth is suspended.
 * @param {number} count
 */
export function manyTenants(count) {
  return Array.from({ length: count }, (_, index) => {
    const number = String(index + 1).padStart(3, '0');
    const suspended = index % 12 === 11;
    return tenant({
      id: `tenant_${number}`,
      name: `和服店 ${number}`,
      status: suspended ? 'suspended' : 'active',
      suspended_at: suspended ? ago(5) : null,
      suspended_reason: suspended ? '欠费' : null,
      conversations_today: suspended ? 0 : 500 - index,
      last_active_at: index === count - 1 ? null : ago(index / 3),
    });
  });
}

/**
 * What GET /ops/tenants says to a query, as far as tests need it: status, keyword and page are kept to.
 * @param {any[]} tenants
 * @param {URLSearchParams} query
 */
export function tenantPage(tenants, query = new URLSearchParams()) {
  const status = query.get('status');
  const keyword = (query.get('keyword') ?? '').toLowerCase();
  const size = Number(query.get('page_size') ?? 20);
  const page = Number(query.get('page') ?? 1);
  const matching = tenants.filter(
    ({ id, name, status: own }) =>
      (!status || own === status) && `${name}\n${id}`.toLowerCase().includes(keyword.trim()),
  );
  const suspended = tenants.filter(({ status: own }) => own === 'suspended').length;
  return {
    items: matching.slice((page - 1) * size, page * size),
    total: matching.length,
    page,
    page_size: size,
    summary: { total: tenants.length, active: tenants.length - suspended, suspended },
  };
}

/** @param {object} [changes] */
export function tenantStats(changes = {}) {
  return {
    total_users: 5,
    admin_count: 1,
    staff_count: 4,
    total_qa_pairs: 1234,
    synced_qa_pairs: 1231,
    avg_quality_score: 0.87,
    conversations_today: 156,
    conversations_week: 980,
    conversations_month: 4210,
    conversations_yesterday: 140,
    conversations_week_before: 900,
    conversations_month_before: null,
    avg_response_time_ms: 1240.5,
    pending_feedbacks: 23,
    feedback_approval_rate: 0.66,
    generated_at: new Date().toISOString(),
    ...changes,
  };
}

/**
 * @param {number} days
 * @param {number} compared
 */
export function tenantTrends(days, compared) {
  const { points: shown, generated_at } = answers.trends(days);
  const points = shown.map((day) => ({
    ...day,
    messages: 2 * day.conversations,
    answered: day.conversations,
    refused: 0,
  }));
  const soFar = compared ? answers.soFar(shown[days - 1 - compared]) : null;
  return { days, points, recorded_since: points[0].date, compared: soFar, generated_at };
}

export function tenantUsers() {
  const items = ['owner', 'aoi', 'ren', 'yui', 'mei'].map((username, index) => ({
    id: `user_${index}`,
    username,
    role: index === 0 ? 'tenant_admin' : 'tenant_staff',
    status: index === 4 ? 'disabled' : 'active',
    logged_in: index < 2,
    created_at: '2024-01-15T02:00:00.000Z',
    last_login_at: index === 4 ? null : ago(index + 0.2),
  }));
  return { items, total: items.length, page: 1, page_size: 200 };
}

/**
 * Everything that the page of tenants asks for, made up.
 * @param {import('playwright-core').Page} page
 * @param {object} [options]
 * @param {any[] | (() => any[])} [options.tenants]
 * @param {any | (() => any)} [options.detail]
 */
export async function stubTenants(page, { tenants = manyTenants(25), detail = tenantDetail() } = {}) {
  /** @param {any} value */
  const now = (value) => (typeof value === 'function' ? value() : value);
  await page.route(
    (url) => url.pathname.startsWith('/api/v1/ops/tenants'),
    (route) => {
      const request = route.request();
      const { pathname, searchParams } = new URL(request.url());
      const [id, part] = pathname.split('/').slice(5);
      if (request.method() !== 'GET') return route.fallback();
      if (!id) return route.fulfill({ json: tenantPage(now(tenants), searchParams) });
      if (part === 'stats') return route.fulfill({ json: tenantStats() });
      if (part === 'users') return route.fulfill({ json: tenantUsers() });
      if (part === 'trends')
        return route.fulfill({
          json: tenantTrends(Number(searchParams.get('days')), Number(searchParams.get('compared'))),
        });
      return route.fulfill({ json: { ...now(detail), id: decodeURIComponent(id) } });
    },
  );
}
