/** @file Logging in and out, and the session between. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  atAddress,
  installClock,
  newContext,
  openConsole,
  operatorContext,
  PASSWORD,
  recordRequests,
  shows,
  stopClock,
  stub,
  URL_BASE,
  USER,
} from './console.mjs';

/**
 * @param {string} [path]
 * @param {(page: import('playwright-core').Page) => Promise<unknown>} [prepare]
 */
async function openLogIn(path = '/ops/login', prepare) {
  const context = await newContext();
  const page = await context.newPage();
  await prepare?.(page);
  await page.goto(path);
  await page.locator('#username').waitFor();
  return page;
}

/**
 * @param {import('playwright-core').Page} page
 * @param {string} password
 */
async function logIn(page, password) {
  await page.locator('#username').fill(USER);
  await page.locator('#password').fill(password);
  await page.keyboard.press('Enter');
}

test('a wrong password is refused in words, and the name stays', async () => {
  const page = await openLogIn();
  await logIn(page, `${PASSWORD}-wrong`);
  await page.getByText('用户名或密码不对。').waitFor();
  assert.equal(await page.locator('#username').inputValue(), USER);
  assert.equal(await page.evaluate(() => document.activeElement?.id), 'password');
});

test('without a session a page leads to the log-in page, and that back to the page', async () => {
  const page = await openLogIn('/ops/dashboard?days=30');
  await atAddress(page, '/ops/login?next=/ops/dashboard?days=30');
  await logIn(page, PASSWORD);
  await page.waitForURL('**/ops/dashboard?days=30');
  await page.locator('[data-figure]').first().waitFor();
});

test('no script can see the session', async () => {
  const page = await openLogIn();
  await logIn(page, PASSWORD);
  await page.locator('[data-figure]').first().waitFor();
  const visible = await page.evaluate(() => ({
    cookies: document.cookie,
    storage: { ...localStorage, ...sessionStorage },
  }));
  assert.equal(visible.cookies, '');
  assert.doesNotMatch(JSON.stringify(visible.storage), /token|eyJ/);
});

for (const next of ['https://example.org/ops/', '//example.org/ops/', 'javascript:alert(1)', '/other/', '/ops/login']) {
  test(`next=${next} leads nowhere but to the console`, async () => {
    const page = await openLogIn(`/ops/login?next=${encodeURIComponent(next)}`);
    await logIn(page, PASSWORD);
    await page.locator('[data-figure]').first().waitFor();
    await page.waitForURL(new RegExp(`^${URL_BASE}/ops/(dashboard)?$`));
  });
}

test('at another address than the console: where it is, as a link, or what to set', async () => {
  const home = 'https://ops.example.com';
  const problem = { type: '/problems/wrong-origin', title: 'x', status: 403, detail: `本控制台的地址是 ${home}` };
  const elsewhere = await openLogIn('/ops/login', (opened) =>
    stub(opened, '/auth/login', { ...problem, errors: [{ field: 'public_origin', message: home }] }, { status: 403 }),
  );
  await logIn(elsewhere, 'any');
  await elsewhere.getByText(problem.detail).waitFor();
  assert.equal(await elsewhere.locator('[data-test=home]').getAttribute('href'), `${home}/ops/`);

  const real = await openLogIn('/ops/login', (opened) =>
    opened.route('**/api/v1/auth/login', async (route) => {
      const headers = { ...route.request().headers(), origin: 'http://kimono.test:18092' };
      return route.fulfill({ response: await route.fetch({ headers }) });
    }),
  );
  await logIn(real, PASSWORD);
  await real.getByText(/kimono\.test:18092.*KIMONO_PUBLIC_ORIGIN/).waitFor();
  assert.ok(!(await real.locator('[data-test=home]').isVisible()));
});

test('a session that can not be renewed at this address ends at the log-in page, not in "no answer"', async () => {
  const context = await operatorContext();
  const page = await context.newPage();
  const problem = { type: '/problems/wrong-origin', title: 'x', status: 403 };
  await stub(page, '/auth/me', { title: 'Unauthorized', status: 401 }, { status: 401 });
  await stub(page, '/auth/refresh', problem, { status: 403 });
  await page.goto('/ops/dashboard');
  await page.waitForURL('**/ops/login?next=*');
  await page.locator('#username').waitFor();
});

test('an account of a tenant hears that this console is for operators, and stays logged out', async () => {
  let loggedOut = false;
  const page = await openLogIn('/ops/login', async (opened) => {
    await stub(opened, '/auth/login', { user: { id: '7', username: USER, role: 'tenant_admin', tenant_id: 'shop' } });
    await stub(opened, '/auth/logout', () => {
      loggedOut = true;
      return {};
    });
  });
  await logIn(page, 'any');
  await page.getByText('运维中心只供平台运维人员使用').waitFor();
  assert.ok(loggedOut);
});

test('an account of a tenant that comes with a session sees no console', async () => {
  const page = await openConsole({
    prepare: (opened) =>
      stub(opened, '/auth/me', { id: '7', username: 'shop', role: 'tenant_staff', tenant_id: 'shop' }),
  });
  await page.locator('[data-test=stranger]').getByText('商家员工').waitFor();
  assert.equal(await page.locator('[data-figure]').count(), 0);
});

test('too many attempts: the wait is counted down and the button waits too', async () => {
  const page = await openLogIn('/ops/login', async (opened) => {
    await installClock(opened);
    const problem = { title: 'Too Many Requests', status: 429 };
    await stub(opened, '/auth/login', problem, { status: 429, headers: { 'Retry-After': '30' } });
  });
  await stopClock(page);
  await logIn(page, 'any');
  await shows(page, page.getByText(/请在 (30|29) 秒后再试/));
  assert.ok(await page.locator('button[type=submit]').isDisabled());
  await page.clock.runFor(20_000);
  await page.getByText(/请在 ([89]|10) 秒后再试/).waitFor();
  assert.ok(await page.locator('button[type=submit]').isDisabled());
  await page.clock.runFor(12_000);
  await page.locator('button[type=submit]:enabled').waitFor();
});

test('a session that has run out is renewed once, for all requests and all tabs', async () => {
  const context = await operatorContext();
  let valid = false;
  let renewals = 0;
  await context.route('**/api/v1/**', async (route) => {
    const { pathname } = new URL(route.request().url());
    if (pathname.endsWith('/auth/refresh')) {
      renewals += 1;
      await new Promise((resolve) => setTimeout(resolve, 300)); // long enough for both tabs to come asking
      valid = true;
      return route.fulfill({ json: {} });
    }
    return valid ? route.continue() : route.fulfill({ status: 401, json: { title: 'Unauthorized', status: 401 } });
  });
  const pages = await Promise.all([context.newPage(), context.newPage()]);
  await Promise.all(pages.map((page) => page.goto('/ops/dashboard')));
  await Promise.all(pages.map((page) => page.locator('[data-figure]').first().waitFor()));
  assert.equal(renewals, 1);
});

test('a session that can not be renewed ends at the log-in page', async () => {
  const context = await operatorContext();
  const page = await context.newPage();
  await stub(page, '/auth/me', { title: 'Unauthorized', status: 401 }, { status: 401 });
  await stub(page, '/auth/refresh', { title: 'Unauthorized', status: 401 }, { status: 401 });
  const requests = recordRequests(page);
  await page.goto('/ops/dashboard?metric=cost');
  await page.waitForURL(`**/ops/login?next=${encodeURIComponent('/ops/dashboard?metric=cost')}`);
  await page.locator('#username').waitFor();
  assert.equal(requests.filter((request) => request === 'POST /auth/refresh').length, 1);
});

test('logging out ends the session', async () => {
  const page = await openLogIn();
  await logIn(page, PASSWORD);
  await page.locator('[data-figure]').first().waitFor();
  await page.locator('[data-test=person]').click();
  await page.locator('[data-test=log-out]').click();
  await page.waitForURL('**/ops/login');
  await page.goto('/ops/dashboard');
  await page.waitForURL('**/ops/login?next=*');
});
