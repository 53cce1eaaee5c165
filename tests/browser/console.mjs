/**
 * @file The console in a browser, for tests against a running server.
 *
 * KIMONO_URL, KIMONO_USER, KIMONO_PASSWORD name the server and an ops_admin on it (whoever starts the tests starts the
 * server too); KIMONO_CHROMIUM another browser than Debian's headless one, which is
 * Chromium without the window around it and needs less than half of the processor time. What the server answers is used as it is, or replaced by
 * stubs where a test needs a certain answer: no test depends on what is in the store.
 *
 * Every page opened here is watched: a breach of the content security policy, an error in a script, a request to another
 * host, or a canned answer that the server's OpenAPI document doesn't know (canned.mjs) fails the test.
 */
import assert from 'node:assert/strict';
import { after, afterEach } from 'node:test';
import { chromium } from 'playwright-core';
import { pause } from '../lib/server.mjs';
import { judgeAnswers } from './canned.mjs';

/** @typedef {import('playwright-core').Page} Page */
/** @typedef {import('playwright-core').BrowserContext} Context */

export const URL_BASE = required('KIMONO_URL').replace(/\/$/, '');
export const USER = required('KIMONO_USER');
export const PASSWORD = required('KIMONO_PASSWORD');

/** No machine is that busy, and it ends; KIMONO_TEST_PATIENCE multiplies it for slow builds of the server. */
const TIMEOUT_MS = 60_000 * Number(process.env.KIMONO_TEST_PATIENCE ?? 1);

const BROWSER_FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** @type {import('playwright-core').Browser | undefined} */
let browser;
/** @type {Awaited<ReturnType<Context['storageState']>> | undefined} */
let savedSession;
/** @type {Context[]} */
const open = [];
/** @type {string[]} */
const mishaps = [];
/** The requests of each page that have no answer yet. @type {WeakMap<Page, Set<import('playwright-core').Request>>} */
const underWay = new WeakMap();

afterEach(async () => {
  await Promise.all(open.splice(0).map((context) => context.close()));
  assert.deepEqual(mishaps.splice(0), [], 'the browser reported mishaps');
});

after(() => browser?.close());

/** @param {string} name */
function required(name) {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set: these tests need a running server, see tests/browser/console.mjs`);
  return value;
}

/**
 * A window with nobody logged in.
 * @param {import('playwright-core').BrowserContextOptions} [options]
 */
export async function newContext(options = {}) {
  browser ??= await chromium.launch({
    executablePath: process.env.KIMONO_CHROMIUM ?? '/usr/bin/chromium-headless-shell',
    args: BROWSER_FLAGS,
  });
  const context = await browser.newContext({ baseURL: URL_BASE, viewport: { width: 1280, height: 860 }, ...options });
  open.push(context);
  context.setDefaultTimeout(TIMEOUT_MS);
  context.on('page', watch);
  judgeAnswers(context, URL_BASE, (fault) => mishaps.push(fault));
  await context.addInitScript(() => {
    addEventListener('securitypolicyviolation', (event) => {
      console.error(`CSP: ${event.violatedDirective} ${event.blockedURI} ${event.sample}`);
    });
  });
  return context;
}

/**
 * A window in which the operator is logged in.
 * @param {import('playwright-core').BrowserContextOptions} [options]
 */
export async function operatorContext(options = {}) {
  savedSession ??= await openSession();
  return newContext({ storageState: savedSession, ...options });
}

/**
 * A page of the console, the operator logged in and the first figures there.
 * @param {object} [options]
 * @param {string} [options.path]
 * @param {import('playwright-core').BrowserContextOptions} [options.window]
 * @param {(page: Page) => Promise<unknown>} [options.prepare]  before the page is opened: stubs, the clock
 */
export async function openConsole({ path = '/ops/dashboard', window, prepare } = {}) {
  const context = await operatorContext(window);
  const page = await context.newPage();
  await prepare?.(page);
  await page.goto(path);
  await page.locator('h1:visible').first().waitFor();
  return page;
}

/** Logs in once; later windows start with the cookies that came of it. */
async function openSession() {
  const context = await newContext();
  const response = await context.request.post('/api/v1/auth/login', {
    data: { username: USER, password: PASSWORD },
    headers: { Origin: new URL(URL_BASE).origin },
  });
  assert.equal(response.status(), 200, `${USER} can't log in`);
  return context.storageState();
}

/** @param {Page} page */
function watch(page) {
  /** @type {Set<import('playwright-core').Request>} */
  const requests = new Set();
  underWay.set(page, requests);
  judgeAnswers(page, URL_BASE, (fault) => mishaps.push(fault));
  page.on('request', (request) => requests.add(request));
  page.on('requestfinished', (request) => requests.delete(request));
  page.on('requestfailed', (request) => requests.delete(request));
  page.on('pageerror', (error) => mishaps.push(`error: ${error.message}`));
  page.on('console', (message) => {
    // The browser reports every answer of 400 and above this way, also those that a test asks for.
    const expected = message.text().startsWith('Failed to load resource');
    if (['error', 'warning'].includes(message.type()) && !expected) mishaps.push(message.text());
  });
  page.on('request', (request) => {
    const { origin, protocol } = new URL(request.url());
    if (protocol.startsWith('http') && origin !== new URL(URL_BASE).origin) mishaps.push(`asked ${origin}`);
  });
}

/**
 * Waits until every request is answered and nothing shows the shape of what is still to come, twice in succession, as
 * an answer may lead to the next question.
 * @param {Page} page
 */
export async function settled(page) {
  for (let quiet = 0; quiet < 2;) {
    await page.waitForTimeout(30);
    const waits = await page.evaluate(() =>
      [...document.querySelectorAll('.skeleton')].some((shape) => shape.checkVisibility()),
    );
    quiet = waits || underWay.get(page)?.size ? 0 : quiet + 1;
  }
}

/**
 * Waits for what the test's own stubs and recorders see: they hear of a click later than the click returns.
 * @param {() => boolean} condition
 */
export async function until(condition) {
  for (const deadline = Date.now() + TIMEOUT_MS; !condition(); await pause(20)) {
    assert.ok(Date.now() < deadline, `waited in vain until ${condition}`);
  }
}

/**
 * Goes to another address of the console as a link does, without loading everything again.
 * @param {Page} page
 * @param {string} address
 */
export async function visit(page, address) {
  await page.evaluate((where) => {
    history.pushState(null, '', where);
    dispatchEvent(new PopStateEvent('popstate'));
  }, address);
  await settled(page);
}

/**
 * Waits until this is the address, path and query: it changes a moment after the click or the answer.
 * @param {Page} page
 * @param {string} address
 */
export function atAddress(page, address) {
  return page.waitForURL(({ pathname, search }) => decodeURIComponent(`${pathname}${search}`) === address);
}

/**
 * Two keys that belong together, without waiting in between: the page takes them for two if they come too slowly.
 * @param {Page} page
 * @param {string} keys  "g d"
 */
export async function pressInSuccession(page, keys) {
  await Promise.all(keys.split(' ').map((key) => page.keyboard.press(key)));
}

/**
 * For `prepare`: the page's time can be moved by the test.
 * @param {Page} page
 */
export function installClock(page) {
  return page.clock.install({ time: Date.now() });
}

/**
 * From now on the page's time moves by `page.clock.runFor` alone, so that what it does after a pause depends on no
 * machine's speed. It stops well ahead of the present: a clock can't be set back.
 * @param {Page} page  with installClock()
 */
export async function stopClock(page) {
  await page.clock.pauseAt(Date.now() + 5 * 60_000);
  await settled(page);
}

/**
 * Waits for something to show while the clock stands: it takes a frame, and frames are part of the page's time.
 * @param {Page} page
 * @param {import('playwright-core').Locator} what
 */
export async function shows(page, what) {
  for (const deadline = Date.now() + TIMEOUT_MS; !(await what.isVisible()); await page.clock.runFor(20)) {
    assert.ok(Date.now() < deadline, `waited in vain for ${what}`);
  }
}

/**
 * The requests to the API from now on, as "GET /ops/system/status".
 * @param {Page} page
 */
export function recordRequests(page) {
  /** @type {string[]} */
  const requests = [];
  page.on('request', (request) => {
    const { pathname } = new URL(request.url());
    if (pathname.startsWith('/api/v1')) requests.push(`${request.method()} ${pathname.slice('/api/v1'.length)}`);
  });
  return requests;
}

/**
 * Answers an endpoint instead of the server.
 * @param {Page | Context} where
 * @param {string} path  below /api/v1
 * @param {unknown | (() => unknown)} body  or a function that makes it, anew for each request
 * @param {object} [options]
 * @param {number} [options.status]
 * @param {Record<string, string>} [options.headers]
 */
export async function stub(where, path, body, { status = 200, headers = {} } = {}) {
  await where.route(
    (url) => url.pathname === `/api/v1${path}`,
    (route) =>
      route.fulfill({
        status,
        contentType: status >= 400 ? 'application/problem+json' : 'application/json',
        headers: { 'X-Request-Id': 'stub-0001', ...headers },
        body: JSON.stringify(typeof body === 'function' ? body() : body),
      }),
  );
}

/**
 * Makes the server unreachable for the API; the files of the pages still come.
 * @param {Page} page
 * @returns {Promise<() => Promise<void>>}  brings it back
 */
export async function stopServer(page) {
  const pattern = '**/api/v1/**';
  await page.route(pattern, (route) => route.abort('connectionrefused'));
  return () => page.unroute(pattern);
}

/** @param {Page} page @param {string} name */
export function panel(page, name) {
  return page.locator(`[data-panel="${name}"]`);
}
