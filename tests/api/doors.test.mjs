/** @file Every door of the document: closed to nobody in particular, closed to the wrong role, open to the right one. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { World, assertProblem } from './harness.mjs';

/** @type {World} */
let world;
before(async () => {
  world = await World.open();
});
after(() => world.close());

/** Who passes which x-permission, besides nobody. 'local' is open to this machine. */
const MAY = /** @type {Record<string, string[]>} */ ({
  ops_admin: ['admin'],
  read: ['admin', 'viewer'],
  ingest: ['ingest'],
  signed_in: ['admin', 'viewer', 'shopAdmin', 'shopStaff', 'ingest'],
});
const OPEN = ['public', 'local', 'tenant_key'];
const PEOPLE = /** @type {const} */ (['admin', 'viewer', 'shopAdmin', 'shopStaff', 'ingest']);

/**
 * Of JSON or of a form.
 * @param {any} operation
 */
const bodySchema = (operation) => /** @type {any} */ (Object.values(operation.requestBody?.content ?? {})[0])?.schema;

/** The document's routes with a value for each parameter of the path; log-out would end the session. */
const doors = () =>
  world.document.routes
    .filter((route) => !route.path.endsWith('/auth/logout'))
    .map(({ method, path, operation }) => ({
      method,
      path: path.replace(/\{\w+\}/g, 'x'),
      permission: operation['x-permission'],
      hasBody: operation.requestBody !== undefined,
      fields: Object.keys(bodySchema(operation)?.properties ?? {}),
    }));

/** @param {{ hasBody: boolean }} door */
const nothing = (door) => (door.hasBody ? { json: {} } : {});

describe('the document', () => {
  test('is OpenAPI 3.1 with an id, a summary, a permission and answers for every operation', () => {
    const { json, routes } = world.document;
    assert.match(json.openapi, /^3\.1\./);
    const ids = new Set();
    for (const { method, path, operation } of routes) {
      const what = `${method} ${path}`;
      assert.ok(operation.summary, what);
      assert.ok(operation['x-permission'] in MAY || OPEN.includes(operation['x-permission']), what);
      assert.ok(
        Object.keys(operation.responses).some((status) => status.startsWith('2')),
        what,
      );
      assert.ok(!ids.has(operation.operationId), `${what}: operationId twice`);
      ids.add(operation.operationId);
    }
  });

  test('every reference leads somewhere and every schema compiles', () => {
    const { json } = world.document;
    for (const [, pointer] of JSON.stringify(json).matchAll(/"\$ref":"#\/([^"]+)"/g)) {
      const found = pointer.split('/').reduce((at, key) => at?.[key], json);
      assert.ok(found, pointer);
    }
    for (const name of Object.keys(json.components.schemas)) {
      assert.ok(world.document.compile({ $ref: `#/components/schemas/${name}` }), name);
    }
  });

  test('every answer schema is closed: a field that the document does not know fails a test', () => {
    for (const [name, schema] of Object.entries(world.document.json.components.schemas)) {
      assert.equal(/** @type {any} */ (schema).additionalProperties, false, name);
    }
  });

  test('names every parameter of a path', () => {
    for (const { path, operation } of world.document.routes) {
      const inPath = [...path.matchAll(/\{(\w+)\}/g)].map((match) => match[1]);
      const declared = (operation.parameters ?? [])
        .filter((/** @type {{ in: string }} */ parameter) => parameter.in === 'path')
        .map((/** @type {{ name: string }} */ parameter) => parameter.name);
      assert.deepEqual(declared, inPath, path);
    }
  });

  test('has the routes of the contract', () => {
    const routes = new Set(world.document.routes.map(({ method, path }) => `${method} ${path}`));
    const wanted = [
      ...['POST /auth/login', 'POST /auth/refresh', 'POST /auth/logout', 'GET /auth/me', 'GET /system/health'],
      ...['GET /system/stats', 'POST /chat/message', 'POST /feedback', 'GET /openapi.json'],
      ...['GET /ops/dashboard/overview', 'GET /ops/dashboard/trends', 'GET /ops/system/status'],
      ...['GET /ops/system/components', 'GET /ops/alerts/active', 'POST /ops/knowledge/search'],
      ...['GET /ops/tenants', 'POST /ops/tenants', 'GET /ops/tenants/{id}', 'PUT /ops/tenants/{id}'],
      ...['GET /ops/tenants/{id}/stats', 'GET /ops/tenants/{id}/users', 'GET /ops/tenants/{id}/trends'],
      ...['POST /ops/tenants/{id}/suspend', 'POST /ops/tenants/{id}/activate'],
    ].map((route) => route.replace(' ', ' /api/v1'));
    assert.deepEqual(
      [...wanted, 'GET /metrics'].filter((route) => !routes.has(route)),
      [],
    );
  });
});

describe('doors', () => {
  test('without a token: 401', async () => {
    for (const door of doors()) {
      if (['public', 'local'].includes(door.permission)) continue;
      assertProblem(await world.anyone.send(door.method, door.path, nothing(door)), 401, 'unauthenticated');
    }
  });

  test('with a token that is none: 401', async () => {
    for (const door of doors()) {
      if (!(door.permission in MAY)) continue;
      assertProblem(await world.anyone.send(door.method, door.path, { token: 'none', ...nothing(door) }), 401);
    }
  });

  test('with a tenant key that is none: 401', async () => {
    for (const door of doors().filter((each) => each.permission === 'tenant_key')) {
      const json = { message: 'x', message_id: 'x', rating: 'good' };
      const known = Object.fromEntries(Object.entries(json).filter(([name]) => door.fields.includes(name)));
      assertProblem(await world.anyone.send(door.method, door.path, { key: 'kmp_none', json: known }), 401);
    }
  });

  for (const person of PEOPLE) {
    test(`${person}: 403 where the role may not, and nowhere else`, async () => {
      for (const door of doors().filter((each) => each.permission in MAY)) {
        const answer = await world[person].send(door.method, door.path, nothing(door));
        const what = `${door.method} ${door.path}: ${answer.text}`;
        if (person === 'ingest' && door.path.endsWith('/system/stats')) assertProblem(answer, 403, 'forbidden');
        else if (MAY[door.permission].includes(person)) assert.ok(![401, 403].includes(answer.status), what);
        else assertProblem(answer, 403, 'forbidden');
      }
    });
  }

  test('no tenant user and no ingest token passes below /ops', () => {
    for (const { path, operation } of world.document.routes) {
      if (path.startsWith('/api/v1/ops/')) assert.ok(['ops_admin', 'read'].includes(operation['x-permission']), path);
    }
  });

  test('/metrics is open to this machine, not to what a proxy passes on', async () => {
    assert.equal((await world.anyone.get('/metrics')).status, 200);
    const passedOn = await world.anyone.get('/metrics', { headers: { 'X-Forwarded-For': '203.0.113.9' } });
    assertProblem(passedOn, 401);
    const headers = { 'X-Forwarded-For': '203.0.113.9' };
    assert.equal((await world.viewer.get('/metrics', { headers })).status, 200);
    const token = await world.store.must(['token', 'create', 'prometheus', '--role', 'metrics']);
    const prometheus = world.anyone.as(token);
    assert.equal((await prometheus.get('/metrics', { headers })).status, 200);
    for (const person of /** @type {const} */ (['ingest', 'shopAdmin']))
      assertProblem(await world[person].get('/metrics', { headers }), 403, 'forbidden');
    assertProblem(await prometheus.get('/api/v1/ops/tenants'), 403, 'forbidden');
    const bound = await world.store.command(['token', 'create', 'p2', '--role', 'metrics', '--tenant', 'shop-a']);
    assert.equal(bound.code, 1);
    assert.match(bound.stderr, /not of a tenant/);
  });
});
