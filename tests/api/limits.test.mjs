/**
 * @file No request ends the process, or fails for what is stored: every text and every list is filled to its limit, and
 * then every route is asked by every role, with each of its parameters at its limits. What the routes are and take is
 * the document's, so that the next one is walked too.
 */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { openStore } from '../lib/store.mjs';
import { API, OPS, PAIRS, World, addUser, eventually, temporaryFolder } from './harness.mjs';

/** Four bytes each in UTF-8, and each must be looked at for what to mask. @param {number} characters */
const long = (characters) => `13812345678 ${'👘'.repeat(characters - 12)}`;
/** Six bytes of JSON for each: what an export of an unusual program may hold. @param {number} length */
const escaped = (length) => '\u0001'.repeat(length);

const PAGE = 200; // the largest there is
const MANY = PAGE + 5;
const CATEGORIES = 30_000;
const IDS = 10_000; // that a request may name

/** @type {World} */
let world;
const known = { pair: 0, template: 0, job: '', feedback: 0, operation: 0, request: '', log: '' };

before(async () => {
  world = await World.open({ env: { KIMONO_SCHEDULER_AUTO_SYNC_ENABLED: 'off' } });
  await importRows('shop-b', ['question', 'answer', 'category'], function* () {
    for (let n = 0; n < CATEGORIES; n++) yield [`q${n}`, 'a', `${n}`.padStart(61, 'c')];
  });
  await importRows('shop-a', ['question', 'answer', 'category'], function* () {
    for (let n = 0; n < MANY; n++) yield [`${n} ${long(1990)}`, long(8000), `${n} ${long(50)}`];
  });
  await addRows();
  await addUser(world.store, `long.${'u'.repeat(50)}`, 'tenant_staff', 'shop-a');
  const question = `模板 ${long(1990)}`;
  const template = { question, answer: long(8000), category: long(64) };
  known.template = (await world.admin.must('POST', `${OPS}/templates`, { json: template, status: 201 })).id;
  const give = { template_ids: [known.template], tenant_ids: ['shop-a'] };
  await world.admin.must('POST', `${OPS}/templates/distribute`, { json: give, headers: { Prefer: 'wait=60' } });
  known.job = await importOfFailures();
  const { message_id } = await world.ask('shop-a', PAIRS[0].question);
  const correction = { message_id, rating: 'bad', correction: long(2000) };
  const said = { key: world.keys['shop-a'], json: correction };
  known.feedback = (await world.anyone.must('POST', `${API}/feedback`, said)).id;
  const { items } = await world.viewer.must('GET', `${OPS}/logs/operations?action=template.create`);
  Object.assign(known, { operation: items[0].id, request: items[0].request_id });
  const range = `start_time=${given('start_time')}&end_time=${given('end_time')}`;
  known.log = await eventually(async () => {
    const { items: lines } = await world.viewer.must('GET', `${OPS}/logs/query?${range}`);
    assert.ok(lines.length > 0);
    return lines[0].id;
  });
});
after(() => world.close());

/**
 * @param {string} tenant
 * @param {string[]} heading
 * @param {() => Iterable<string[]>} rows
 */
async function importRows(tenant, heading, rows) {
  const file = join(temporaryFolder(), 'rows.tsv');
  writeFileSync(file, [heading, ...rows()].map((row) => row.join('\t')).join('\n'));
  await world.store.must(['import', file, '--tenant', tenant]);
}

/** Rows that say nothing but are as long as they may be. */
async function importOfFailures() {
  const form = new FormData();
  const rows = Array.from({ length: MANY }, () => `,${escaped(60_000)}`);
  form.set('tenant_id', 'shop-a');
  form.set('file', new Blob([`question,answer\n${rows.join('\n')}\n`]), 'failures.csv');
  const headers = { Prefer: 'wait=60' };
  const job = await world.admin.must('POST', `${OPS}/knowledge/import`, { form, headers });
  assert.equal(job.result.failed, MANY);
  return job.id;
}

/** What takes a request each, a job or a failure to come about, as it would then be stored. */
async function addRows() {
  const { run: add, get, close } = await openStore(world.store);
  await add('BEGIN');
  const now = Date.now();
  const parameters = JSON.stringify({ tenant_ids: Array.from({ length: IDS }, (_, n) => `t-${n}`) });
  for (let n = 0; n < MANY; n++) {
    await add(
      'INSERT INTO tenants(id, name, name_folded, status, contact, api_key, created_at, updated_at) ' +
        "VALUES ($1, $2, $3, 'active', $4, $5, $6, $7)",
      `t${String(n).padStart(63, '0')}`,
      `${n} ${long(90)}`,
      `${n} ${long(90)}`,
      long(200),
      `key-${n}`,
      now,
      now,
    );
    await add(
      'INSERT INTO jobs(id, kind, status, parameters, result, error_en, error_zh, user_id, username, ip_address,' +
        " request_id, created_at, started_at, finished_at) VALUES ($1, 'templates.distribute', 'failed', $2, $3, $4, $5, '', ''," +
        " '', '', $6, $7, $8)",
      ...[`job-${n}`, parameters, JSON.stringify({ errors: [long(5000)] }), long(380), long(380), now, now, now],
    );
    await add(
      'INSERT INTO alerts(created_at, alert_type, severity, title, message, source, status, last_seen_at)' +
        " VALUES ($1, 'x', 'error', $2, $3, 'x', 'active', $4)",
      ...[now, long(200), long(2000), now],
    );
    await add(
      'INSERT INTO vector_syncs(tenant_id, run_at, failed_at, error_en, error_zh) VALUES ($1, $2, $3, $4, $5)',
      ...[`t${String(n).padStart(63, '0')}`, now, now, long(380), long(380)],
    );
    await add(
      'INSERT INTO templates(question, answer, category, question_hash, question_key, text_hash, created_at, updated_at,' +
        " updated_by) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, '')",
      ...[`${n} ${long(1990)}`, long(8000), long(64), n, n, n, now, now],
    );
  }
  await add("UPDATE platform_counters SET value = value + $1 WHERE name = 'tenants'", MANY);
  await add("UPDATE platform_counters SET value = value + $1 WHERE name = 'tenant_edits'", MANY);
  known.pair = (await get("SELECT MAX(id) AS id FROM qa_pairs WHERE tenant_id = 'shop-a'"))?.id;
  await add('COMMIT');
  await close();
}

/** @typedef {{ name: string, in: string, required?: boolean, schema: any }} Parameter */

/** Texts that are spelt in a way of their own. */
const SPELT = /** @type {Record<string, string[]>} */ ({
  tenant_id: ['shop-a', 'shop-b'],
  level: ['ERROR', 'DEBUG,WARN'],
  month: ['2026-10'],
});

/** Values of a parameter at its limits. @param {Parameter} parameter @returns {string[]} */
function limitsOf({ name, schema }) {
  if (name === 'cursor' || name === 'reveal' || name === 'page_size') return [];
  if (name === 'page') return ['2', String(schema.maximum)];
  if (SPELT[name]) return SPELT[name];
  if (name === 'template_id') return [String(known.template)];
  if (schema.enum) return schema.enum.map(String);
  if (schema.type === 'boolean') return ['true', 'false'];
  if (schema.type === 'integer' || schema.type === 'number') return [String(schema.minimum), String(schema.maximum)];
  if (schema.format === 'date-time') return ['1970-01-01T00:00:00Z'];
  return ['c', '👘', long(Math.min(schema.maxLength ?? 100, 100))];
}

/** @param {string} path */
function placesOf(path) {
  const id = path.includes('/templates/') ? known.template : path.includes('/jobs/') ? known.job : null;
  return path
    .replace('{tenant_id}', 'shop-a')
    .replace('{request_id}', known.request)
    .replace('/tenants/{id}', '/tenants/shop-a')
    .replace('/operations/{id}', `/operations/${known.operation}`)
    .replace('/corrections/{id}', `/corrections/${known.feedback}`)
    .replace('{id}', String(id ?? known.pair));
}

/** A value of a parameter that must be there. @param {string} name */
function given(name) {
  if (name === 'start_time') return new Date(Date.now() - 86_400_000).toISOString();
  if (name === 'end_time') return new Date().toISOString();
  assert.equal(name, 'id');
  return known.log;
}

/** The largest page, then each parameter at each of its limits. @param {any} operation */
function queriesOf(operation) {
  const all = /** @type {Parameter[]} */ (operation.parameters ?? []);
  const asked = all.filter((parameter) => parameter.in === 'query');
  const must = asked.filter(({ required }) => required).map(({ name }) => `${name}=${encodeURIComponent(given(name))}`);
  const parameters = asked.filter(({ required }) => !required);
  const page = parameters.some(({ name }) => name === 'page_size') ? `page_size=${PAGE}` : '';
  const isFile = !operation.responses[200].content['application/json'];
  const one = parameters.flatMap((parameter) =>
    limitsOf(parameter).map((value) => `${parameter.name}=${encodeURIComponent(value)}`),
  );
  return (isFile ? [page] : [page, ...one]).map((query) => [...must, query].filter(Boolean).join('&'));
}

/**
 * An answer, or that the parameters go beyond what can be paged. On a loaded machine, under a sanitizer, the time limit
 * of a reading may be over: it is said, and not what is looked for here.
 * @param {import('./harness.mjs').Answer} answer
 * @param {string} query
 */
function isAnswer({ status, json }, query) {
  if (status === 503) return json.type.endsWith('/timeout');
  if (status === 404) return /^id=.*&/.test(query); // what stands around a row is none of what the filter admits
  return status === 200 || (status === 422 && /page=|state=/.test(query));
}

const reads = () =>
  world.document.routes
    .filter(({ method }) => method === 'GET')
    .filter(({ operation }) => !operation.responses[200].content['text/event-stream']) // does not end
    .map(({ path, operation }) => ({
      path: placesOf(path),
      permission: operation['x-permission'],
      queries: queriesOf(operation),
    }));

describe('with all that can be stored', () => {
  test('every list and every detail is answered, at every limit of every parameter', async () => {
    for (const { path, permission, queries } of reads()) {
      const client = permission === 'read' ? world.viewer : world.admin;
      for (const query of queries) {
        const answer = await client.get(query ? `${path}?${query}` : path);
        assert.ok(isAnswer(answer, query), `${path}?${query}: ${answer.status} ${answer.text.slice(0, 300)}`);
      }
    }
  });

  test('whoever asks, nothing but a refusal or an answer comes', async () => {
    const people = [world.anyone, world.shopAdmin, world.shopStaff, world.ingest, world.admin, world.viewer];
    for (const { path, permission, queries } of reads())
      for (const person of permission === 'ops_admin' ? people.filter((each) => each !== world.admin) : people) {
        const answer = await person.get(`${path}?${queries[0]}`);
        assert.ok([401, 403].includes(answer.status) || isAnswer(answer, ''), `${path}: ${answer.status}`);
      }
  });

  test('a page of the longest pairs is whole, masked or not', async () => {
    for (const client of [world.viewer, world.admin]) {
      const { items } = await client.must('GET', `${OPS}/knowledge/qa-pairs?tenant_id=shop-a&page_size=${PAGE}`);
      assert.equal(items.length, PAGE);
      assert.ok(items[0].answer.length > 15_000 || items[1].answer.length > 15_000);
    }
  });

  test('of many categories those with the most pairs are named, the rest is found', async () => {
    const facets = await world.viewer.must('GET', `${OPS}/knowledge/facets`);
    assert.equal(facets.categories.length, 100);
    assert.ok(facets.category_count > CATEGORIES);
    const wanted = '23456'.padStart(61, 'c');
    const found = await world.viewer.must('GET', `${OPS}/knowledge/facets?keyword=c23456`);
    assert.deepEqual(found.categories, [{ name: wanted, count: 1 }]);
    const overview = await world.viewer.must('GET', `${OPS}/knowledge/overview`);
    assert.equal(Object.keys(overview.by_category).length, 1000);
    assert.ok(overview.tenant_count > PAGE);
  });

  test('the rows that an import refused are all in its file', async () => {
    const { text } = await world.admin.get(`${OPS}/jobs/${known.job}/errors.csv`);
    assert.equal(text.trimEnd().split('\r\n').length, 1 + MANY);
    const { items } = await world.viewer.must('GET', `${OPS}/jobs/${known.job}/items?page_size=${PAGE}`);
    assert.equal(items.length, PAGE);
    assert.ok(items.every((/** @type {any} */ { detail }) => detail.message.en && detail.shortened));
  });

  test('no answer wanted more memory than it may have', async () => {
    const { text } = await world.anyone.get('/metrics');
    assert.match(text, /^kimono_memory_overruns_total 0$/m);
  });

  test('and customers are answered', async () => {
    const json = { message: long(1900) };
    const { status } = await world.anyone.post(`${API}/chat/message`, json, { key: world.keys['shop-a'] });
    assert.equal(status, 200);
  });
});
