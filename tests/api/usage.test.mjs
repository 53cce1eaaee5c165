/** @file Usage and cost: every answer of one range says the same, and says of which range it is. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { OPS, PAIRS, World, assertProblem, eventually } from './harness.mjs';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const ROUTES = ['stats', 'cost', 'trends', 'by-tenant'];

/** @type {World} */
let world;
before(async () => {
  world = await World.open();
});
after(() => world.close());

/** @param {number} ms */
const instant = (ms) => new Date(ms).toISOString();

/**
 * @param {string} route
 * @param {Record<string, string | number>} [parameters]
 * @param {number} [from]
 * @param {number} [until]
 */
const path = (route, parameters = {}, from = Date.now() - 3 * DAY, until = Date.now()) =>
  `${OPS}/api-usage/${route}?${new URLSearchParams({
    start_time: instant(from),
    end_time: instant(until),
    ...parameters,
  })}`;
/** @param {string} route @param {Record<string, string | number>} [parameters] */
const read = (route, parameters) => world.viewer.must('GET', path(route, parameters));

/** @param {any[]} rows @param {string} member */
const sum = (rows, member) => rows.reduce((total, row) => total + row[member], 0);

describe('without calls', () => {
  test('figures are zero, means are not known, and every hour and day is there', async () => {
    const stats = await world.viewer.must('GET', path('stats', { tenant_id: 'shop-b' }));
    assert.equal(stats.total_calls, 0);
    assert.equal(stats.cost_cny, 0);
    assert.deepEqual([stats.avg_latency_ms, stats.p50_latency_ms, stats.p95_latency_ms], [null, null, null]);
    assert.deepEqual(stats.by_api, []);
    const days = await read('trends', { tenant_id: 'shop-b' });
    assert.equal(days.interval, 'day');
    assert.equal(days.points.length, 4);
    assert.deepEqual(new Set(days.points.map((/** @type {any} */ point) => point.calls)), new Set([0]));
    const hours = await read('trends', { tenant_id: 'shop-b', interval: 'hour' });
    const times = hours.points.map((/** @type {any} */ point) => Date.parse(point.time));
    assert.ok(times.length === 73 || times.length === 72, String(times.length));
    for (let i = 1; i < times.length; i++) assert.equal(times[i] - times[i - 1], HOUR);
    assert.deepEqual((await read('by-tenant', { tenant_id: 'shop-b' })).items, []);
    const projection = await world.viewer.must('GET', `${OPS}/api-usage/projection?tenant_id=shop-b`);
    assert.equal(projection.month_to_date_cny, 0);
    assert.equal(projection.projected_cny, null);
  });
});

describe('after customers have come', () => {
  before(async () => {
    for (const pair of PAIRS) await world.ask('shop-a', pair.question);
    await world.ask('shop-b', 'anything');
  });

  test('all answers of one range agree, and with the dashboard', async () => {
    await eventually(async () => {
      const [overview, stats, cost, days, hours, tenants] = await Promise.all([
        world.viewer.must('GET', `${OPS}/dashboard/overview`),
        read('stats'),
        read('cost'),
        read('trends'),
        read('trends', { interval: 'hour' }),
        read('by-tenant'),
      ]);
      assert.ok(stats.total_calls >= PAIRS.length + 1);
      assert.equal(stats.total_calls, overview.api_calls_today);
      assert.equal(stats.failed_calls, overview.failed_calls_today);
      assert.equal(stats.success_calls, stats.total_calls - stats.failed_calls);
      assert.equal(sum(stats.by_api, 'calls'), stats.total_calls);
      assert.equal(sum(days.points, 'calls'), stats.total_calls);
      assert.equal(sum(hours.points, 'calls'), stats.total_calls);
      assert.equal(sum(tenants.items, 'calls'), stats.total_calls);
      assert.equal(tenants.total_calls, stats.total_calls);
      assert.equal(cost.total_calls, stats.total_calls);
      assert.equal(cost.total_cost_cny, stats.cost_cny);
      assert.equal(cost.usd_cny_rate, 7.1);
      assert.match(cost.usd_cny_rate_date, /^\d{4}-\d\d-\d\d$/);
    });
  });

  test('of one tenant, and by tenant with a name', async () => {
    const { items, rest } = await read('by-tenant');
    const own = items.find((/** @type {any} */ item) => item.tenant_id === 'shop-a');
    assert.equal(own.name, '浅草店');
    assert.equal((await read('stats', { tenant_id: 'shop-a' })).total_calls, own.calls);
    assert.deepEqual(
      (await read('by-tenant', { tenant_id: 'shop-a' })).items.map((/** @type {any} */ item) => item.calls),
      [own.calls],
    );
    assert.equal(sum((await read('trends', { tenant_id: 'shop-a' })).points, 'calls'), own.calls);
    assert.deepEqual(Object.keys((await read('cost', { tenant_id: 'shop-a' })).by_tenant), ['shop-a']);
    assert.equal(rest.tenants, 0);
  });

  test('a limit leaves the others in one row', async () => {
    const all = await read('by-tenant', { sort: 'calls' });
    const { items, rest, total } = await read('by-tenant', { sort: 'calls', limit: 1 });
    assert.deepEqual(items, all.items.slice(0, 1));
    assert.equal(total, all.items.length);
    assert.equal(rest.tenants, total - 1);
    assert.equal(rest.calls + items[0].calls, all.total_calls);
    const calls = all.items.map((/** @type {any} */ item) => item.calls);
    assert.deepEqual(
      calls,
      calls.toSorted((/** @type {number} */ a, /** @type {number} */ b) => b - a),
    );
  });

  test('a range that cuts hours is widened to full ones, and says so', async () => {
    const now = Date.now();
    const from = now - (now % HOUR) - HOUR + 1;
    const { start_time: start, end_time: end } = await world.viewer.must('GET', path('stats', {}, from, now + 1));
    assert.equal(Date.parse(start), from - 1);
    assert.ok(Date.parse(end) >= now && Date.parse(end) % HOUR === 0);
  });

  test('the month', async () => {
    const projection = await world.viewer.must('GET', `${OPS}/api-usage/projection`);
    assert.match(projection.month, /^\d{4}-\d\d$/);
    assert.equal(projection.days_known, 0);
    assert.equal(sum(projection.by_tenant, 'month_to_date_cny'), projection.month_to_date_cny);
    const past = await world.viewer.must('GET', `${OPS}/api-usage/projection?month=2020-02`);
    assert.equal(past.start_time, '2020-01-31T16:00:00.000Z');
    assert.equal(past.end_time, '2020-02-29T16:00:00.000Z');
    assert.deepEqual([past.projected_cny, past.low_cny, past.high_cny], [0, 0, 0]);
  });
});

describe('what is refused', () => {
  test('ranges that are none, and too long ones', async () => {
    const now = Date.now();
    for (const route of ROUTES) {
      assertProblem(await world.viewer.send('GET', `${OPS}/api-usage/${route}`), 422, 'invalid', [
        'end_time',
        'start_time',
      ]);
      const refused = [path(route, {}, now, now), path(route, {}, now, now - 1), path(route, {}, 0, now)];
      for (const address of refused)
        assertProblem(await world.viewer.send('GET', address), 422, 'invalid', ['end_time']);
      assertProblem(await world.viewer.send('GET', path(route, { interval: 'week' })), 422, 'invalid', ['interval']);
      assertProblem(await world.viewer.send('GET', path(route, { colour: 'red' })), 422, 'invalid', ['colour']);
    }
    const hours = path('trends', { interval: 'hour' }, now - 94 * DAY, now);
    assertProblem(await world.viewer.send('GET', hours), 422, 'invalid', ['end_time']);
  });

  test('limits, orders and months that there are not', async () => {
    for (const limit of ['0', '1001', 'x'])
      assertProblem(await world.viewer.send('GET', path('by-tenant', { limit })), 422, 'invalid', ['limit']);
    assertProblem(await world.viewer.send('GET', path('by-tenant', { sort: 'name' })), 422, 'invalid', ['sort']);
    for (const month of ['2026', '2026-13', 'x', '9999-12'])
      assertProblem(await world.viewer.send('GET', `${OPS}/api-usage/projection?month=${month}`), 422, 'invalid', [
        'month',
      ]);
  });

  test("a shop's people, and tokens that write", async () => {
    for (const person of [world.shopAdmin, world.shopStaff, world.ingest])
      for (const route of [...ROUTES.map((name) => path(name)), `${OPS}/api-usage/projection`])
        assertProblem(await person.send('GET', route), 403);
  });
});
