/**
 * @file Answers of the server, made up, for tests that need certain ones. canned.mjs holds each against the document.
 */
import { STATUS_CODES } from 'node:http';

const HOUR = 3_600_000;

/** @typedef {'healthy' | 'degraded' | 'unhealthy' | 'unknown'} Health */

/** @param {object} [changes] */
export function overview(changes = {}) {
  return {
    total_tenants: 25,
    active_tenants: 23,
    suspended_tenants: 2,
    conversations_today: 1256,
    conversations_week: 7812,
    avg_response_time_ms: 1240.5,
    total_qa_pairs: 5678,
    unsynced_qa_pairs: 178,
    held_back_qa_pairs: 12,
    pending_feedbacks: 156,
    api_calls_today: 45678,
    failed_calls_today: 142,
    unpriced_calls_today: 12,
    estimated_cost_today: 128.04,
    month_cost_estimate: 3920.5,
    components_status: { database: 'healthy', llm: 'degraded' },
    uptime_seconds: 1_051_200,
    generated_at: new Date().toISOString(),
    timezone: 'Asia/Shanghai',
    compared: {
      total_tenants: 24,
      conversations_today: 1161,
      pending_feedbacks: 133,
      api_calls_today: 40640,
      estimated_cost_today: 132.1,
      avg_response_time_ms: 1180.2,
      conversations_week: 7431,
      failed_calls_today: 120,
    },
    history: Object.fromEntries(
      ['total_tenants', 'conversations_today', 'pending_feedbacks', 'api_calls_today', 'estimated_cost_today'].map(
        (name) => [name, Array.from({ length: 24 }, (_, hour) => (hour % 7 === 3 ? null : hour * 3))],
      ),
    ),
    ...changes,
  };
}

/** As it is before anybody has used the platform. */
export function emptyOverview() {
  const zeros = Object.fromEntries(
    Object.entries(overview()).map(([name, value]) => [name, typeof value === 'number' ? 0 : value]),
  );
  const nothing = Object.fromEntries(Object.keys(overview().compared).map((name) => [name, null]));
  return { ...zeros, avg_response_time_ms: null, month_cost_estimate: null, compared: nothing };
}

/**
 * @param {number} days
 * @param {object} [changes]
 */
export function trends(days = 7, changes = {}) {
  /** @param {number} offset */
  const points = (offset) =>
    Array.from({ length: days }, (_, index) => {
      const ago = offset + days - 1 - index;
      const conversations = 1000 + ((ago * 37) % 400);
      return {
        date: new Date(Date.now() + 8 * HOUR - ago * 24 * HOUR).toISOString().slice(0, 10),
        conversations,
        api_calls: conversations * 36,
        failed_calls: ago % 9,
        cost_cny: conversations / 10,
        avg_response_time_ms: ago === 2 ? null : 1100 + ago,
        p95_response_time_ms: ago === 2 ? null : 2900 + ago,
        feedbacks: ago % 5,
      };
    });
  return {
    days,
    points: points(0),
    previous: points(days),
    recorded_since: points(days)[0].date,
    previous_so_far: soFar(points(days).at(-1)),
    top_tenants: topTenants(['Kimono One 浅草本店', '京都花见和服', '和服店 A', '梨花和服 祇园店', '金泽 心结']),
    generated_at: new Date().toISOString(),
    ...changes,
  };
}

/**
 * As much of a day as has passed of today: here half of it.
 * @param {any} day
 */
export function soFar({ date, conversations, api_calls, failed_calls, cost_cny, feedbacks }) {
  const half = { conversations, api_calls, failed_calls, feedbacks };
  const halves = Object.fromEntries(Object.entries(half).map(([name, value]) => [name, Math.floor(value / 2)]));
  return { date, avg_response_time_ms: 1100, cost_cny: cost_cny / 2, ...halves };
}

/** @param {string[]} names */
export function topTenants(names) {
  return names.map((name, index) => ({
    tenant_id: `tenant_${name}`,
    name,
    conversations: 156 - index * 20,
    conversations_yesterday: 140 - index * 15,
  }));
}

/** @param {object} [changes] */
export function status(changes = {}) {
  return {
    status: 'degraded',
    version: '0.1.0',
    started_at: new Date(Date.now() - 1_051_200_000).toISOString(),
    uptime_seconds: 1_051_200,
    components_status: { database: 'healthy', llm: 'degraded' },
    troubles: [trouble('llm', 'degraded')],
    database: 'SQLite',
    timezone: 'Asia/Shanghai',
    ...changes,
  };
}

/** When the made-up trouble began. */
export const troubleSince = () => new Date(Date.now() - 197 * 60_000);

/**
 * @param {string} component
 * @param {Health} health
 */
export function trouble(component, health) {
  return { component, status: health, since: troubleSince().toISOString(), failed_calls: 41, tenants: 3 };
}

export function components() {
  /**
   * @param {string} name
   * @param {string} provider
   * @param {Health} health
   * @param {(index: number) => Health} at
   */
  const item = (name, provider, health, at) => ({
    name,
    provider,
    status: health,
    latency_ms: name === 'scheduler' ? null : 45,
    p95_latency_ms: name === 'scheduler' ? null : 88,
    last_check: new Date().toISOString(),
    message: 'a note',
    since: health === 'healthy' ? null : troubleSince().toISOString(),
    failed_calls: health === 'healthy' ? 0 : 41,
    tenants: health === 'healthy' ? 0 : 3,
    history: Array.from({ length: 48 }, (_, index) => at(index)),
  });
  return {
    items: [
      item('database', 'SQLite', 'healthy', () => 'healthy'),
      item('vector_store', 'Pinecone', 'healthy', (index) => (index === 13 ? 'unhealthy' : 'healthy')),
      item('llm', 'DashScope', 'degraded', (index) => (index > 41 ? 'degraded' : 'healthy')),
      item('scheduler', 'embedded', 'healthy', (index) => (index < 6 ? 'unknown' : 'healthy')),
      item('telemetry', 'embedded', 'healthy', () => 'healthy'),
    ],
    generated_at: new Date().toISOString(),
  };
}

/** @param {{ title: string, severity?: string, alert_type?: string }[]} alerts */
export function alertPage(alerts) {
  const items = alerts.map(({ title, severity = 'warning', alert_type = 'sync_delay' }, index) => ({
    id: alerts.length - index,
    alert_type,
    severity,
    title,
    message: 'unsynced_qa > 50',
    source: 'sync',
    status: 'active',
    value: 78,
    threshold: 50,
    tenant_id: null,
    count: 1,
    created_at: new Date(Date.now() - (index + 2) * 60_000).toISOString(),
    last_seen_at: new Date().toISOString(),
    acknowledged_by: null,
    acknowledged_at: null,
    resolved_at: null,
  }));
  return { items, total: items.length, page: 1, page_size: 5 };
}

/**
 * A refusal, as application/problem+json has it.
 * @param {number} status
 * @param {string} [detail]  in words
 * @param {object} [more]
 */
export function problemOf(status, detail = '', more = {}) {
  const title = STATUS_CODES[status] ?? '';
  return { type: 'about:blank', title, status, detail: detail || title, request_id: 'canned-0001', ...more };
}

export const problem = problemOf(503, '存储正忙，请稍后再试。');

/** What a log-in, or a renewal, answers. @param {object} [user]  what is different about them */
export function session(user = {}) {
  return {
    access_token: 'canned-access',
    token_type: 'bearer',
    expires_in: 900,
    refresh_token: 'canned-refresh',
    user: { id: 'usr_1', username: 'admin', role: 'ops_admin', tenant_id: null, ...user },
  };
}

export const noJobs = { items: [], total: 0, page: 1, page_size: 50, next_cursor: null };

/**
 * Everything that the dashboard asks for, made up.
 * @param {import('playwright-core').Page} page
 * @param {typeof import('./console.mjs').stub} stub
 */
export async function stubDashboard(page, stub) {
  await stub(page, '/ops/dashboard/overview', () => overview());
  await page.route('**/api/v1/ops/dashboard/trends?*', (route) => {
    const days = Number(new URL(route.request().url()).searchParams.get('days'));
    return route.fulfill({ json: trends(days) });
  });
  await stub(page, '/ops/system/status', () => status());
  await stub(page, '/ops/jobs', noJobs);
  await stub(page, '/ops/system/components', () => components());
  await stub(page, '/ops/alerts/active', () =>
    alertPage([
      { title: '向量同步失败', severity: 'error' },
      { title: '反馈积压 156 条', alert_type: 'pending_feedbacks' },
    ]),
  );
}
