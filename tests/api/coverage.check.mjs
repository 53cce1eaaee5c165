/**
 * @file Runs after all API tests (tools/test.mjs): every route of the document was exercised with success by one.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Server } from './harness.mjs';
import { Document, loadExercised } from './openapi.mjs';

test('every route of the document was exercised', async (t) => {
  const exercised = loadExercised();
  if (!exercised) return t.skip('needs KIMONO_API_COVERAGE and the other tests');
  const server = await Server.start();
  const { routes } = await Document.fetch(server.url);
  await server.stop();
  const missing = routes.map((route) => `${route.method} ${route.path}`).filter((name) => !exercised.has(name));
  assert.deepEqual(missing, []);
});
