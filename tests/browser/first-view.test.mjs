/**
 * @file What the first view of a page asks for: few requests, each once, in one go, and no more than it shows. Numbers
 * and sizes, never times: those depend on the machine.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openConsole, settled, URL_BASE } from './console.mjs';

const KILOBYTE = 1024;

/**
 * Opens a page with an empty cache and records what it asks for.
 * @param {string} path
 */
async function firstView(path) {
  /** @type {string[]} */
  const requests = [];
  let bytes = 0;
  const page = await openConsole({
    path,
    prepare: async (opened) => {
      const session = await opened.context().newCDPSession(opened);
      await session.send('Network.enable');
      session.on('Network.loadingFinished', ({ encodedDataLength }) => (bytes += encodedDataLength));
      opened.on('request', (request) => requests.push(request.url().slice(URL_BASE.length)));
    },
  });
  await settled(page);
  return { page, requests, bytes: () => bytes };
}

/** What each page shows at first: its chart, or not. */
const pages = [
  { path: '/ops/dashboard', most: 14, kilobytes: 350, chart: true },
  { path: '/ops/dashboard?days=30&metric=cost', most: 14, kilobytes: 350, chart: true },
  { path: '/ops/tenants', most: 12, kilobytes: 150, chart: false },
  { path: '/ops/templates', most: 14, kilobytes: 150, chart: false },
  { path: '/ops/knowledge', most: 14, kilobytes: 150, chart: false },
];

for (const { path, most, kilobytes, chart } of pages) {
  test(`${path}: few requests, each once`, async () => {
    const { page, requests, bytes } = await firstView(path);
    if (chart) await page.locator('[data-test=chart] canvas').waitFor();
    assert.ok(requests.length <= most, `${requests.length} requests:\n${requests.join('\n')}`);
    assert.deepEqual(requests, [...new Set(requests)], 'nothing is asked twice');
    const untaken = await page.evaluate(() => [.../** @type {any} */ (window).kimonoEarly.keys()]);
    assert.deepEqual(untaken, [], 'nothing is asked for early that nobody asks for');
    assert.ok(bytes() <= kilobytes * KILOBYTE, `${Math.round(bytes() / KILOBYTE)} KB`);
    assert.equal(requests.filter((url) => url.includes('/charts-')).length, chart ? 1 : 0, 'charts only where one is');
  });
}

test('the figures of the dashboard are asked for together with who is here, not after', async () => {
  /** @type {() => void} */
  let letIn = () => {};
  const held = new Promise((resolve) => (letIn = () => resolve(undefined)));
  /** @type {string[]} */
  const asked = [];
  const opening = openConsole({
    prepare: async (opened) => {
      opened.on('request', (request) => asked.push(new URL(request.url()).pathname.replace('/api/v1', '')));
      await opened.route('**/api/v1/auth/me', async (route) => {
        await held;
        await route.continue();
      });
      // Whoever waits for the person first would never ask for the rest.
      opened.waitForRequest('**/api/v1/ops/system/components').then(letIn);
    },
  });
  const page = await opening;
  await settled(page);
  for (const path of ['/ops/dashboard/overview', '/ops/dashboard/trends', '/ops/system/status', '/ops/alerts/active']) {
    assert.ok(asked.includes(path), path);
  }
});

test('what was asked for early in one language is not shown in another', async () => {
  const { page } = await firstView('/ops/dashboard');
  await page.locator('[data-component]').first().waitFor();
  const answer = page.waitForRequest(
    (request) => request.url().includes('/system/components') && request.headers()['accept-language'] === 'en',
  );
  await page.locator('[data-test=language]').click();
  await answer;
});

test('a session that has run out is renewed once, though many have asked', async () => {
  const page = await openConsole({ path: '/ops/tenants' });
  await settled(page);
  await page.context().clearCookies({ name: /access/ });
  let renewals = 0;
  page.on('request', (request) => (renewals += Number(request.url().endsWith('/auth/refresh'))));
  await page.goto('/ops/dashboard');
  await page.locator('[data-component]').first().waitFor();
  await settled(page);
  assert.equal(renewals, 1);
});
