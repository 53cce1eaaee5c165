/** @file Jobs over HTTP: the list, one, its items, cancelling, and what becomes of a kind that nobody knows. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { openStore, queryStore } from '../lib/store.mjs';
import { OPS, Server, World, assertProblem, eventually } from './harness.mjs';

/** @type {World} */
let world;
before(async () => {
  world = await World.open();
});
after(() => world.close());

const JOBS = `${OPS}/jobs`;
const TAKE_OVER_MS = 10_000; // after the death of a process

/**
 * A job as another version of the program may have asked for it: no route of this one asks for its kind. One that runs
 * does so in the server's process, as far as anybody can tell.
 * @param {string} id
 * @param {object} row
 * @param {string} row.status
 * @param {number} row.created  milliseconds
 * @param {string | null} [row.tenant]
 * @param {string} [row.parameters]
 * @param {(string | null)[]} [row.outcomes]  of its items, which are about shop-a and shop-b in turn
 */
async function leave(id, { status, created, tenant = null, parameters = '{"n":1}', outcomes = [] }) {
  const rows = await openStore(world.store);
  await rows.run('BEGIN');
  await rows.run(
    'INSERT INTO jobs(id, kind, status, tenant_id, parameters, progress_done, progress_total, result, user_id,' +
      " username, ip_address, request_id, created_at, owner) VALUES ($1, 'of.tomorrow', $2, $3, $4, $5, $6, '{}'," +
      " 'usr_1', 'anna', '192.0.2.1', 'request-1', $7, (SELECT MAX(id) FROM processes))",
    ...[id, status, tenant, parameters, outcomes.filter(Boolean).length, outcomes.length, created],
  );
  for (const [i, outcome] of outcomes.entries())
    await rows.run(
      'INSERT INTO job_items(job_id, seq, target_id, outcome, detail) VALUES ($1, $2, $3, $4, $5)',
      ...[id, i + 1, i % 2 ? 'shop-b' : 'shop-a', outcome, outcome ? '{"created":1}' : null],
    );
  await rows.run('COMMIT');
  await rows.close();
}

/** @param {...string} gone  jobs without items */
async function drop(...gone) {
  for (const id of gone) await queryStore(world.store, 'DELETE FROM jobs WHERE id = $1', id);
}

/** @param {{ items: { id: string }[] }} page */
const ids = (page) => page.items.map((job) => job.id);

describe('while there are none', () => {
  test('the list is empty', async () => {
    const page = { items: [], total: 0, page: 1, page_size: 20, next_cursor: null };
    assert.deepEqual(await world.viewer.must('GET', JOBS), page);
    for (const status of ['open', 'queued', 'running', 'succeeded', 'failed', 'cancelled']) {
      assert.deepEqual(await world.viewer.must('GET', `${JOBS}?status=${status}`), page);
    }
  });

  test('one that is not there is not found', async () => {
    assertProblem(await world.viewer.get(`${JOBS}/job_x`), 404, 'not-found');
    assertProblem(await world.viewer.get(`${JOBS}/job_x/items`), 404, 'not-found');
    assertProblem(await world.admin.post(`${JOBS}/job_x/cancel`), 404, 'not-found');
  });

  test('wrong parameters are named', async () => {
    assertProblem(await world.viewer.get(`${JOBS}?status=done&page=0&x=1`), 422, 'invalid', ['status', 'page', 'x']);
    assertProblem(await world.viewer.get(`${JOBS}?page=502`), 422, 'invalid', ['page']);
    assertProblem(await world.viewer.get(`${JOBS}?cursor=job_gone&sort=id`), 422, 'invalid', ['sort']);
    assertProblem(await world.viewer.get(`${JOBS}?cursor=job_gone`), 422, 'invalid', ['cursor']);
    const items = `${JOBS}/job_x/items?page_size=201&outcome=${'x'.repeat(33)}`;
    assertProblem(await world.viewer.get(items), 422, 'invalid', ['page_size', 'outcome']);
  });
});

describe('a job that runs', () => {
  before(async () => {
    await leave('job_1', { status: 'running', created: 1000, outcomes: ['done', 'suspended', null, null] });
    await leave('job_2', { status: 'running', created: 2000, tenant: 'shop-b' });
  });

  test('is told whole', async () => {
    assert.deepEqual(await world.viewer.must('GET', `${JOBS}/job_1`), {
      id: 'job_1',
      kind: 'of.tomorrow',
      title: 'of.tomorrow',
      status: 'running',
      tenant_id: null,
      parameters: { n: 1 },
      progress: { done: 2, total: 4 },
      result: {},
      error: null,
      created_by: 'anna',
      created_at: '1970-01-01T00:00:01.000Z',
      started_at: null,
      finished_at: null,
    });
  });

  test('is listed, newest first, by status, kind and tenant', async () => {
    const lists = /** @type {[string, string[]][]} */ ([
      ['', ['job_2', 'job_1']],
      ['?page_size=1&page=2', ['job_1']],
      ['?status=open', ['job_2', 'job_1']],
      ['?status=recent', ['job_2', 'job_1']],
      ['?status=open&sort=created_at', ['job_1', 'job_2']],
      ['?status=recent&sort=created_at', ['job_1', 'job_2']],
      ['?status=failed', []],
      ['?kind=of.tomorrow&status=running', ['job_2', 'job_1']],
      ['?kind=other', []],
      ['?tenant_id=shop-a', ['job_1']],
      ['?tenant_id=shop-b', ['job_2', 'job_1']],
    ]);
    for (const [query, want] of lists) assert.deepEqual(ids(await world.viewer.must('GET', JOBS + query)), want, query);
  });

  test('is listed by person, from either end, page by page, and without trials', async () => {
    const note = '"dry_run":true';
    await leave('job_no_trial', {
      status: 'running',
      created: 1500,
      parameters: JSON.stringify({ note, dry_run: false }),
    });
    await leave('job_trial', { status: 'running', created: 1500, parameters: JSON.stringify({ note, dry_run: true }) });
    const lists = /** @type {[string, string[], string | null][]} */ ([
      ['?sort=created_at', ['job_1', 'job_no_trial', 'job_trial', 'job_2'], null],
      ['?sort=created_at&page_size=2', ['job_1', 'job_no_trial'], 'job_no_trial'],
      ['?sort=created_at&page_size=2&cursor=job_no_trial', ['job_trial', 'job_2'], null],
      ['?page_size=3', ['job_2', 'job_trial', 'job_no_trial'], 'job_no_trial'],
      ['?page_size=3&cursor=job_no_trial&status=open', ['job_1'], null],
      ['?without_trials=true', ['job_2', 'job_no_trial', 'job_1'], null],
      ['?created_by=anna&tenant_id=shop-a', ['job_1'], null],
      ['?created_by=Anna', [], null],
    ]);
    for (const [query, want, cursor] of lists) {
      const page = await world.viewer.must('GET', JOBS + query);
      assert.deepEqual([ids(page), page.next_cursor], [want, cursor], query);
    }
    await drop('job_trial', 'job_no_trial');
  });

  test('has its items, by outcome and page by page', async () => {
    const lists = /** @type {[string, number[], number][]} */ ([
      ['', [1, 2, 3, 4], 4],
      ['?outcome=done', [1], 1],
      ['?outcome=waiting', [3, 4], 2],
      ['?page=2&page_size=3', [4], 4],
    ]);
    for (const [query, want, total] of lists) {
      const page = await world.viewer.must('GET', `${JOBS}/job_1/items${query}`);
      assert.deepEqual([page.items.map((/** @type {{ seq: number }} */ item) => item.seq), page.total], [want, total]);
    }
    const { items } = await world.viewer.must('GET', `${JOBS}/job_1/items?page_size=2`);
    assert.deepEqual(items[1], { seq: 2, target_id: 'shop-b', outcome: 'suspended', detail: { created: 1 } });
  });

  test('is cancelled at once, by an admin, once', async () => {
    assertProblem(await world.viewer.post(`${JOBS}/job_1/cancel`), 403, 'forbidden');
    const job = await world.admin.must('POST', `${JOBS}/job_1/cancel`);
    assert.equal(job.status, 'cancelled');
    assert.ok(Date.parse(job.finished_at) > 2000);
    assert.deepEqual(await world.viewer.must('GET', `${JOBS}/job_1`), job);
    assertProblem(await world.admin.post(`${JOBS}/job_1/cancel`), 409, 'conflict');
    assert.deepEqual(ids(await world.viewer.must('GET', `${JOBS}?status=open`)), ['job_2']);
  });
});

describe('a job of a kind that this version does not know', () => {
  test('fails and says so in the language of the reader', async () => {
    await leave('job_3', { status: 'queued', created: 3000 });
    await eventually(async () => {
      assert.equal((await world.viewer.must('GET', `${JOBS}/job_3`)).status, 'failed');
    });
    const english = await world.viewer.must('GET', `${JOBS}/job_3`, { headers: { 'Accept-Language': 'en' } });
    assert.match(english.error, /version .*of\.tomorrow/);
    const chinese = await world.viewer.must('GET', `${JOBS}/job_3`, { headers: { 'Accept-Language': 'zh-CN' } });
    assert.match(chinese.error, /版本.*of\.tomorrow/);
  });
});

describe('a route that starts one', () => {
  let template = 0;
  before(async () => {
    const json = { question: 'May I pay by card?', answer: 'By any card.' };
    template = (await world.admin.must('POST', `${OPS}/templates`, { json, status: 201 })).id;
  });

  /** @param {Record<string, string>} headers */
  const distribute = (headers) =>
    world.admin.post(`${OPS}/templates/distribute`, { template_ids: [template], all_tenants: true }, { headers });

  test('accepts it and says where to look', async () => {
    for (const prefer of ['', 'wait=0', 'wait=soon', 'respond-async', 'return=minimal']) {
      const { status, headers, json } = await distribute(prefer ? { Prefer: prefer } : {});
      assert.equal(status, 202, prefer);
      assert.equal(headers.location, `${JOBS}/${json.id}`);
      assert.equal(headers['preference-applied'], undefined);
      await eventually(async () => {
        assert.equal((await world.viewer.must('GET', headers.location ?? '')).status, 'succeeded');
      });
    }
  });

  test('waits for its end where the client prefers that', async () => {
    for (const prefer of ['wait=60', 'respond-async, WAIT="30"', 'wait=3600']) {
      const { status, headers, json } = await distribute({ Prefer: prefer });
      assert.equal(status, 200, prefer);
      assert.equal(headers['preference-applied'], 'wait');
      assert.equal(headers.location, undefined);
      assert.equal(json.status, 'succeeded');
      assert.deepEqual(json.progress, { done: 2, total: 2 });
      assert.deepEqual(await world.viewer.must('GET', `${JOBS}/${json.id}`), json);
    }
  });

  test('names its kind in the language of the reader', async () => {
    const { json } = await distribute({ Prefer: 'wait=60', 'Accept-Language': 'zh-CN' });
    assert.match(json.title, /\p{Script=Han}/u);
    const english = await world.viewer.must('GET', `${JOBS}/${json.id}`, { headers: { 'Accept-Language': 'en' } });
    assert.match(english.title, /^[A-Z][a-z ]+$/);
  });
});

describe('the next process', () => {
  test('takes over what ran, and the store is whole', async () => {
    await world.server.crash();
    world.server = await Server.start(world.store);
    world.viewer.port = world.server.port;
    await eventually(async () => {
      assert.equal((await world.viewer.must('GET', `${JOBS}/job_2`)).status, 'failed');
    }, TAKE_OVER_MS);
    await world.store.must(['check']);
  });
});
