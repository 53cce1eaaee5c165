/** @file Logging in and out, and the session between. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { assertAccessible, assertFits } from './accessible.mjs';
import { problemOf, session as loggedIn } from './answers.mjs';
import {
  atAddress,
  installClock,
  newContext,
  openConsole,
  operatorContext,
  PASSWORD,
  recordRequests,
  settled,
  shows,
  stopClock,
  stub,
  until,
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
  const problem = problemOf(403, `本控制台的地址是 ${home}`, { type: '/problems/wrong-origin' });
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
  const problem = problemOf(403, '', { type: '/problems/wrong-origin' });
  await stub(page, '/auth/me', problemOf(401), { status: 401 });
  await stub(page, '/auth/refresh', problem, { status: 403 });
  await page.goto('/ops/dashboard');
  await page.waitForURL('**/ops/login?next=*');
  await page.locator('#username').waitFor();
});

test('an account of a tenant hears that this console is for operators, and stays logged out', async () => {
  let loggedOut = false;
  const page = await openLogIn('/ops/login', async (opened) => {
    await stub(opened, '/auth/login', loggedIn({ id: '7', username: USER, role: 'tenant_admin', tenant_id: 'shop' }));
    await stub(opened, '/auth/logout', () => void (loggedOut = true), { status: 204 });
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
    const problem = problemOf(429);
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
      return route.fulfill({ json: loggedIn() });
    }
    return valid ? route.continue() : route.fulfill({ status: 401, json: problemOf(401) });
  });
  const pages = await Promise.all([context.newPage(), context.newPage()]);
  await Promise.all(pages.map((page) => page.goto('/ops/dashboard')));
  await Promise.all(pages.map((page) => page.locator('[data-figure]').first().waitFor()));
  assert.equal(renewals, 1);
});

test('a session that can not be renewed ends at the log-in page', async () => {
  const context = await operatorContext();
  const page = await context.newPage();
  await stub(page, '/auth/me', problemOf(401), { status: 401 });
  await stub(page, '/auth/refresh', problemOf(401), { status: 401 });
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

/** The access cookie alone has run out. @param {import('playwright-core').BrowserContext} context */
const expireAccess = (context) => context.clearCookies({ name: /^kimono_access/ });

/** A session of one test alone: what it renews or ends is nobody else's. */
async function ownSession() {
  const page = await openLogIn();
  await logIn(page, PASSWORD);
  await page.locator('[data-figure]').first().waitFor();
  return page;
}

/**
 * A page on which somebody is typing; the questions of the browser before it is left are counted.
 * @param {(page: import('playwright-core').Page) => Promise<unknown>} [prepare]
 * @param {import('playwright-core').Page} [own]
 */
async function openTyping(prepare, own) {
  const path = '/ops/knowledge?dialog=new';
  const page = own ?? (await openConsole({ path, prepare }));
  await own?.goto(path);
  const asked = { count: 0 };
  page.on('dialog', async (dialog) => {
    asked.count += 1;
    await dialog.accept();
  });
  const field = page.locator('dialog[open] textarea').first();
  await field.click();
  await page.keyboard.type('草稿');
  return { page, field, asked };
}

/** @param {import('playwright-core').Page} page */
const again = (page) => page.locator('[data-test=log-in-again]');

/**
 * The session ends by its own clock, and the page finds out by itself.
 * @param {import('playwright-core').Page} page
 */
async function endSession(page) {
  await page.context().clearCookies();
  await page.clock.runFor(31_000);
  await again(page).waitFor();
}

test('the session ends while somebody types: the log-in comes over the page, once, and nothing is lost', async () => {
  const { page, field, asked } = await openTyping(installClock);
  const address = page.url();
  await endSession(page);
  assert.ok((await again(page).locator('[data-test=why]').textContent())?.includes('登录'));
  assert.equal(await page.evaluate(() => document.activeElement?.id), 'again-password');
  assert.equal(await again(page).locator('#again-username').inputValue(), USER);
  await settled(page);
  const requests = recordRequests(page);
  await page.clock.runFor(70_000);
  assert.equal(requests.length, 0, 'nothing is asked until somebody has logged in');
  await page.keyboard.press('Escape');
  await page.keyboard.press('Escape');
  await again(page).waitFor();

  await page.keyboard.type(`${PASSWORD}-wrong`);
  await page.keyboard.press('Enter');
  await again(page).getByText('用户名或密码不对。').waitFor();
  await page.keyboard.type(PASSWORD);
  await page.keyboard.press('Enter');
  await again(page).waitFor({ state: 'hidden' });
  assert.equal(page.url(), address);
  assert.equal(await field.inputValue(), '草稿');
  assert.ok(await field.evaluate((element) => element === document.activeElement));
  await until(() => requests.includes('GET /ops/knowledge/qa-pairs'));
  await page.keyboard.type('，续');
  assert.equal(await field.inputValue(), '草稿，续');
  assert.equal(asked.count, 0);
});

test('what was being saved when the session ended is saved after the log-in', async () => {
  const page = await openConsole({ path: '/ops/tenants?dialog=new' });
  /** @type {string[]} */
  const written = [];
  await page.route('**/api/v1/ops/tenants', async (route) => {
    if (route.request().method() !== 'POST') return route.continue();
    const cookie = (await route.request().allHeaders()).cookie ?? '';
    if (!cookie.includes('kimono_access')) return route.continue(); // to the server, which refuses
    written.push(route.request().postDataJSON().name);
    return route.fulfill({ status: 409, json: problemOf(409, '已经保存过') });
  });
  await page.locator('dialog[open] input[name=name], dialog[open] input').first().fill('新店');
  await page.context().clearCookies();
  await page.locator('dialog[open] button[type=submit]').click();
  await again(page).waitFor();
  assert.deepEqual(written, []);
  await page.keyboard.type(PASSWORD);
  await page.keyboard.press('Enter');
  await page.getByText('已经保存过').waitFor();
  assert.deepEqual(written, ['新店']);
});

for (const theme of /** @type {const} */ (['light', 'dark'])) {
  test(`the log-in over the page is accessible and fits a telephone, ${theme}`, async () => {
    const page = await openConsole({ path: '/ops/dashboard', window: { colorScheme: theme }, prepare: installClock });
    await endSession(page);
    await assertAccessible(page, 'log-in over the page');
    await assertFits(page, 390);
    const box = await again(page).boundingBox();
    assert.ok(box && box.x >= 0 && box.x + box.width <= 390 && box.y >= 0, JSON.stringify(box));
  });
}

test('whoever logs out in one tab is asked in the other, and a log-in there is one here', async () => {
  const { page, field, asked } = await openTyping(undefined, await ownSession());
  const other = await page.context().newPage();
  await other.goto('/ops/dashboard');
  await other.locator('[data-test=person]').click();
  await other.locator('[data-test=log-out]').click();
  await other.waitForURL('**/ops/login');
  await again(page).getByText('退出').first().waitFor();
  await logIn(other, PASSWORD);
  await other.locator('[data-figure]').first().waitFor();
  await again(page).waitFor({ state: 'hidden' });
  assert.equal(await field.inputValue(), '草稿');
  assert.equal(asked.count, 0);
});

test('when somebody else logs in, the page says so and is loaded again without another question', async () => {
  const { page, asked } = await openTyping(installClock);
  await endSession(page);
  await page.route('**/api/v1/auth/login', async (route) => {
    const response = await route.fetch();
    const { user, ...rest } = await response.json();
    return route.fulfill({ response, json: { ...rest, user: { ...user, id: 'usr_other', username: 'wang' } } });
  });
  await page.keyboard.type(PASSWORD);
  await page.keyboard.press('Enter');
  await again(page).locator('[data-test=other]').getByText('wang').waitFor();
  await Promise.all([page.waitForEvent('load'), again(page).locator('[data-test=reload]').click()]);
  await page.locator('h1:visible').first().waitFor();
  assert.equal(await again(page).isVisible(), false);
  assert.equal(asked.count, 0);
});

test('a clock that was ahead, or a mark of long ago, keeps nobody from renewing', async () => {
  const page = await ownSession();
  await page.evaluate(() => {
    for (const key of ['kimono.session-renewed-at', 'kimono.session-mark'])
      localStorage.setItem(key, String(Date.now() + 3_600_000));
  });
  for (let times = 0; times < 2; times++) {
    await expireAccess(page.context());
    await page.reload();
    await page.locator('[data-figure]').first().waitFor();
    assert.doesNotMatch(page.url(), /login/);
  }
});

test('a renewal whose answer is lost goes on with the next try', async () => {
  const page = await ownSession();
  await expireAccess(page.context());
  let lost = 0;
  await page.route('**/api/v1/auth/refresh', async (route) => {
    if (lost++ > 0) return route.continue();
    await route.fetch(); // the server has answered
    return route.abort('connectionreset');
  });
  await page.reload();
  await page.locator('[data-figure]').first().waitFor();
  assert.equal(lost, 2);
});

test('a reload while the session is being renewed logs nobody out', async () => {
  const page = await ownSession();
  await expireAccess(page.context());
  let renewals = 0;
  await page.route('**/api/v1/auth/refresh', async (route) => {
    if (renewals++ > 0) return route.continue();
    await route.fetch();
    await new Promise((resolve) => setTimeout(resolve, 500));
    return route.abort().catch(() => {});
  });
  page.reload().catch(() => {});
  await until(() => renewals > 0);
  await page.reload();
  await page.locator('[data-figure]').first().waitFor();
  assert.doesNotMatch(page.url(), /login/);
});

test('logging out ends a session whose access cookie has run out, too', async () => {
  const page = await ownSession();
  const refresh = (await page.context().cookies(`${URL_BASE}/api/v1/auth/refresh`)).filter(({ name }) =>
    name.startsWith('kimono_refresh'),
  );
  await expireAccess(page.context());
  await page.locator('[data-test=person]').click();
  await page.locator('[data-test=log-out]').click();
  await page.waitForURL('**/ops/login');
  await page.context().addCookies(refresh);
  const answer = await page.context().request.post('/api/v1/auth/refresh', {
    data: {},
    headers: { Origin: new URL(URL_BASE).origin },
  });
  assert.equal(answer.status(), 401);
});
