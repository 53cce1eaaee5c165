/** @file The dashboard's figures equal what was done. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { API, OPS, PAIRS, World, assertProblem, eventually } from './harness.mjs';

/** @type {World} */
let world;
before(async () => {
  world = await World.open();
});
after(() => world.close());

const overview = () => world.viewer.must('GET', `${OPS}/dashboard/overview`);
const trends = (days = 7) => world.viewer.must('GET', `${OPS}/dashboard/trends?days=${days}`);
const stats = (/** @type {'admin' | 'shopStaff'} */ person) => world[person].must('GET', `${API}/system/stats`);

/** Today in the default zone, YYYY-MM-DD. */
const today = () => new Intl.DateTimeFormat('sv-SE', { timeZone: 'Asia/Shanghai' }).format(new Date());

const COMPONENTS = ['database', 'llm', 'scheduler', 'telemetry', 'vector_store'];
const HEALTH = ['healthy', 'degraded', 'unhealthy', 'unknown'];

describe('before anything was said', () => {
  test('the overview counts tenants and pairs and nothing else', async () => {
    const figures = await overview();
    assert.equal(figures.total_tenants, 2);
    assert.equal(figures.active_tenants, 2);
    assert.equal(figures.suspended_tenants, 0);
    assert.equal(figures.total_qa_pairs, PAIRS.length);
    assert.equal(figures.conversations_today, 0);
    assert.equal(figures.conversations_week, 0);
    assert.equal(figures.pending_feedbacks, 0);
    assert.equal(figures.avg_response_time_ms, null);
    assert.equal(figures.timezone, 'Asia/Shanghai');
  });

  test('trends have every day, today last', async () => {
    for (const days of [1, 7, 30, 90]) {
      const { points, previous, days: said } = await trends(days);
      assert.equal(said, days);
      assert.equal(points.length, days);
      assert.equal(previous.length, days);
      assert.equal(points.at(-1).date, today());
      assertConsecutive([...previous, ...points].map((point) => point.date));
      // Today is being recorded; of the days before nothing is known, which is not nothing.
      for (const point of points) assert.equal(point.conversations, point.date === today() ? 0 : null);
      for (const point of previous) assert.equal(point.cost_cny, null);
    }
    assert.equal((await world.viewer.must('GET', `${OPS}/dashboard/trends`)).points.length, 7);
  });

  test('there is no alert', async () => {
    const { items, total, page, page_size: size } = await world.viewer.must('GET', `${OPS}/alerts/active`);
    assert.deepEqual([items, total, page, size], [[], 0, 1, 20]);
  });
});

describe('after customers have come', () => {
  before(async () => {
    const first = await world.ask('shop-a', PAIRS[0].question);
    const second = await world.ask('shop-a', PAIRS[1].question, first.conversation_id);
    const third = await world.ask('shop-a', 'Quantum chromodynamics');
    const fourth = await world.ask('shop-b', 'anything');
    const rate = (
      /** @type {'shop-a' | 'shop-b'} */ tenant,
      /** @type {any} */ message,
      /** @type {string} */ rating,
    ) =>
      world.anyone.must('POST', `${API}/feedback`, {
        key: world.keys[tenant],
        json: { message_id: message.message_id, rating },
      });
    await rate('shop-a', first, 'good');
    await rate('shop-a', second, 'bad');
    await rate('shop-a', third, 'bad');
    await rate('shop-b', fourth, 'bad');
  });

  test('the overview has counted all of it', async () => {
    await eventually(async () => {
      const figures = await overview();
      assert.equal(figures.conversations_today, 3);
      assert.equal(figures.conversations_week, 3);
      assert.equal(figures.pending_feedbacks, 3);
      assert.ok(figures.api_calls_today >= 4);
      assert.equal(figures.failed_calls_today, 0);
      assert.ok(figures.avg_response_time_ms >= 0);
    });
  });

  test('trends agree with the overview', async () => {
    await eventually(async () => {
      const [figures, { points, top_tenants: top }] = await Promise.all([overview(), trends()]);
      const day = points.at(-1);
      assert.equal(day.conversations, 3);
      assert.equal(day.feedbacks, 4);
      assert.equal(day.api_calls, figures.api_calls_today);
      assert.equal(day.failed_calls, figures.failed_calls_today);
      assert.equal(day.cost_cny, figures.estimated_cost_today);
      assert.deepEqual(
        top.map((/** @type {any} */ tenant) => [tenant.tenant_id, tenant.conversations]),
        [
          ['shop-a', 2],
          ['shop-b', 1],
        ],
      );
    });
  });

  test('stats: the platform for ops, the own tenant for its people', async () => {
    await eventually(async () => {
      const all = await stats('admin');
      assert.equal(all.tenant_id, null);
      assert.equal(all.total_tenants, 2);
      assert.equal(all.conversations_today, 3);
      assert.equal(all.messages_today, 4);
      assert.equal(all.answered_today, 2);
      assert.equal(all.feedbacks_today, 4);
      const own = await stats('shopStaff');
      assert.equal(own.tenant_id, 'shop-a');
      assert.equal(own.total_tenants, 1);
      assert.equal(own.total_qa_pairs, PAIRS.length);
      assert.equal(own.conversations_today, 2);
      assert.equal(own.messages_today, 3);
      assert.equal(own.pending_feedbacks, 2);
    });
  });

  test('the store is whole', async () => {
    await world.store.must(['check']);
  });
});

describe('the state of the system', () => {
  test('every component is named and none is down', async () => {
    await eventually(async () => {
      const { items } = await world.viewer.must('GET', `${OPS}/system/components`);
      assert.deepEqual(items.map((/** @type {any} */ item) => item.name).sort(), COMPONENTS);
      for (const item of items) {
        assert.ok(HEALTH.includes(item.status), item.name);
        assert.notEqual(item.status, 'unhealthy', `${item.name}: ${item.message}`);
        assert.equal(item.history.length, 48, item.name);
      }
    });
  });

  test('status has the version, the start and the same components', async () => {
    const status = await world.viewer.must('GET', `${OPS}/system/status`);
    assert.deepEqual(Object.keys(status.components_status).sort(), COMPONENTS);
    assert.match(status.version, /^\d+\.\d+\.\d+/);
    assert.ok(Date.now() - Date.parse(status.started_at) < 600_000);
    assert.ok(status.uptime_seconds >= 0);
  });

  test('health needs no log-in', async () => {
    const answer = await world.anyone.get(`${API}/system/health`);
    assert.equal(answer.status, 200);
    assert.ok(HEALTH.includes(answer.json.status));
  });

  test('metrics are Prometheus text, as its parser wants it', async () => {
    await world.admin.must('GET', `${OPS}/tenants`);
    await world.anyone.get(`${API}/nothing`, { check: false });
    await world.ask('shop-a', 'x');
    const answer = await world.anyone.get('/metrics');
    assert.match(answer.headers['content-type'] ?? '', /^text\/plain; version=0\.0\.4/);
    const families = metricFamilies(answer.text);
    const requests = families.kimono_http_requests_total.samples;
    const tenants = requests.filter(({ labels }) => labels.route === `${OPS}/tenants` && labels.method === 'GET');
    assert.deepEqual(
      tenants.map(({ labels }) => labels.status),
      ['2xx'],
    );
    assert.ok(requests.some(({ labels }) => labels.route === 'none' && labels.status === '4xx'));
    const wanted = [
      'jobs',
      'store_queue_length',
      'store_writer_lag_seconds',
      'telemetry_usage_rows_total',
      'workers_waiting',
    ];
    for (const name of [...wanted, 'component_status', 'tenant_conversations_today', 'scheduled_runs_total'])
      assert.ok(families[`kimono_${name}`]?.samples.length > 0, name);
    const conversations = families.kimono_tenant_conversations_today.samples;
    assert.ok(conversations.some(({ labels, value }) => labels.tenant_id === 'shop-a' && value >= 1));
  });
});

/** @typedef {{ name: string, labels: Record<string, string>, value: number }} Sample */

/**
 * Its buckets grow to its count.
 * @param {string} name
 * @param {Sample[]} samples
 */
function checkHistogram(name, samples) {
  for (const { labels, value } of samples.filter((sample) => sample.name === `${name}_count`)) {
    const of = (/** @type {Sample} */ sample) =>
      sample.name === `${name}_bucket` &&
      sample.labels.route === labels.route &&
      sample.labels.method === labels.method;
    const buckets = samples.filter(of);
    assert.equal(buckets.at(-1)?.labels.le, '+Inf');
    assert.equal(buckets.at(-1)?.value, value);
    for (let i = 1; i < buckets.length; i++) assert.ok(buckets[i].value >= buckets[i - 1].value, name);
  }
}

/**
 * The text format 0.0.4, read strictly: each family has its help and its type once and before its samples, which stand
 * together; no series twice; a histogram's buckets grow to its count.
 * @param {string} text
 * @returns {Record<string, { type: string, samples: Sample[] }>}
 */
function metricFamilies(text) {
  assert.ok(text.endsWith('\n'));
  const families = /** @type {Record<string, { type: string, samples: Sample[] }>} */ ({});
  const seen = new Set();
  let current = '';
  for (const line of text.slice(0, -1).split('\n')) {
    const [, help] = /^# HELP ([a-z_]+) \S.*$/.exec(line) ?? [];
    const [, typed, type] = /^# TYPE ([a-z_]+) (counter|gauge|histogram)$/.exec(line) ?? [];
    if (help) {
      assert.ok(!(help in families), line);
      families[help] = { type: '', samples: [] };
      current = help;
    } else if (typed) {
      assert.deepEqual([typed, families[typed].type], [current, ''], line);
      families[typed].type = type;
      assert.equal(type === 'counter', typed.endsWith('_total'), line);
    } else {
      const [, name, inside = '', value] = /^([a-z_]+)(?:\{(.*)\})? (\S+)$/.exec(line) ?? assert.fail(line);
      const labels = Object.fromEntries(
        [...inside.matchAll(/([a-z_]+)="((?:[^"\\\n]|\\.)*)"/g)].map((m) => [m[1], m[2]]),
      );
      const family = families[current];
      assert.ok(family.type, line);
      assert.ok(family.type === 'histogram' ? name.startsWith(current) : name === current, line);
      assert.ok(Number.isFinite(Number(value)), line);
      assert.ok(!seen.has(`${name}${inside}`), line);
      seen.add(`${name}${inside}`);
      family.samples.push({ name, labels, value: Number(value) });
    }
  }
  for (const [name, { type, samples }] of Object.entries(families))
    if (type === 'histogram') checkHistogram(name, samples);
  return families;
}

describe('parameters', () => {
  const wrong = /** @type {[string, string[]][]} */ ([
    ['days=0', ['days']],
    ['days=91', ['days']],
    ['days=-1', ['days']],
    ['days=seven', ['days']],
    ['days=', ['days']],
    ['days', ['days']],
    ['days=7.5', ['days']],
    ['days=99999999999999999999', ['days']],
    ['days=7&days=8', ['days']],
    ['weeks=1', ['weeks']],
    ['days=0&weeks=1', ['days', 'weeks']],
  ]);
  for (const [query, fields] of wrong) {
    test(`trends?${query}`, async () => {
      assertProblem(await world.viewer.get(`${OPS}/dashboard/trends?${query}`), 422, 'invalid', fields);
    });
  }

  test('alerts: severity, times, page and page_size are all judged at once', async () => {
    const query = 'severity=awful&start_time=2026-11-22T00:00:00&end_time=tomorrow&page=0&page_size=201&x=1';
    const fields = ['severity', 'start_time', 'end_time', 'page', 'page_size', 'x'];
    assertProblem(await world.viewer.get(`${OPS}/alerts/active?${query}`), 422, 'invalid', fields);
    const good = 'severity=critical&start_time=2026-11-22T08:00:00%2B08:00&page=2&page_size=200';
    assert.equal((await world.viewer.get(`${OPS}/alerts/active?${good}`)).status, 200);
  });
});

/** @param {string[]} dates */
function assertConsecutive(dates) {
  for (let i = 1; i < dates.length; i++) {
    assert.equal(Date.parse(dates[i]) - Date.parse(dates[i - 1]), 86_400_000, `${dates[i - 1]}, ${dates[i]}`);
  }
}
