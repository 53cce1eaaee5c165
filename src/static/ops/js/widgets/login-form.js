/**
 * @file Logging in. The session is in cookies that this script can't see; all it learns is who came in.
 */
import Alpine from '@alpinejs/csp';
import { ApiError, logIn, logOut } from '../core/api-client.js';
import { clock } from '../core/clock.js';
import { component, explain, follow } from '../core/component.js';
import { setLanguage, t, tValue } from '../core/i18n.js';
import { chooseTheme, preferences } from '../core/preferences.js';
import { isOperator } from '../core/session.js';

/**
 * @param {string} [username]  who is expected
 * @param {(user: import('../core/api-types.js').Identity) => void} [done]  instead of going to a page
 */
export function loginForm(username = '', done) {
  return component({
    preferences,
    username,
    password: '',
    busy: false,
    passwordShown: false,
    capsLock: false,
    /** Why it didn't work: a text made when it is shown, so that it follows the language. @type {(() => string) | null} */
    problem: null,
    /** Where the console is, when it isn't here: no session would last in this place. */
    home: '',
    /** The server asked to wait until then (429, 503). */
    waitUntil: 0,

    init() {
      if (done) return;
      follow(
        () => t('title.page', { title: t('login.title') }),
        (title) => {
          document.title = title;
        },
      );
    },

    get problemText() {
      return this.problem ? this.problem() : '';
    },

    get waiting() {
      return this.waitUntil > clock.now;
    },

    get submitText() {
      return t(this.busy ? 'login.busy' : 'login.submit');
    },

    /** @param {Event} event */
    async submit(event) {
      event.preventDefault();
      if (this.busy || this.waiting) return;
      if (!this.username.trim() || !this.password) {
        this.problem = () => t('login.missing');
        return;
      }
      this.busy = true;
      this.problem = null;
      this.home = '';
      try {
        const { user } = await logIn(this.username.trim(), this.password);
        if (isOperator(user) && done) {
          this.password = '';
          done(user);
        } else if (isOperator(user)) {
          location.replace(whereTo());
          return; // Stays busy until the next page is here.
        } else {
          await this.refuseStranger(user);
        }
      } catch (error) {
        this.explainFailure(error);
      }
      this.busy = false;
    },

    /**
     * The password was right, but this console is not for this account: leave no session behind.
     * @param {import('../core/api-types.js').Identity} user
     */
    async refuseStranger(user) {
      await logOut().catch(() => {});
      this.password = '';
      this.problem = () => t('login.stranger', { user: user.username, role: tValue('role', user.role) });
    },

    /** @param {unknown} error */
    explainFailure(error) {
      const failure = error instanceof ApiError ? error : new ApiError('unreadable');
      const { status, retryAfter } = failure;
      if (status === 401) {
        this.password = '';
        this.problem = () => t('login.refused');
        Alpine.nextTick(() => this.$refs.password.focus());
      } else if ((status === 429 || status === 503) && retryAfter) {
        this.waitUntil = Date.now() + retryAfter * 1000;
        clock.now = Date.now();
        const key = status === 429 ? 'login.wait' : 'login.busyServer';
        this.problem = () => {
          const seconds = Math.ceil((this.waitUntil - clock.now) / 1000);
          return seconds > 0 ? t(key, { count: seconds }) : '';
        };
      } else {
        const { errors = [] } = failure.problem;
        const home = errors.find(({ field }) => field === 'public_origin')?.message;
        this.home = home ? `${home}/ops/` : '';
        this.problem = () => explain(failure);
      }
    },

    get passwordType() {
      return this.passwordShown ? 'text' : 'password';
    },

    get passwordLabel() {
      return t(this.passwordShown ? 'login.hide' : 'login.show');
    },

    togglePassword() {
      this.passwordShown = !this.passwordShown;
    },

    /** @param {KeyboardEvent} event */
    watchCapsLock(event) {
      // Autofill sends key events without this method.
      this.capsLock = event.getModifierState?.('CapsLock') ?? false;
    },

    toggleLanguage() {
      setLanguage(preferences.language === 'en' ? 'zh-CN' : 'en');
    },

    toggleTheme() {
      chooseTheme(preferences.dark ? 'light' : 'dark');
    },
  });
}

/** Only ever to a page of this console: `next` comes from the address, so anybody can have written it. */
function whereTo() {
  const next = new URLSearchParams(location.search).get('next') ?? '';
  const address = new URL(next, location.origin);
  const isOurs = address.origin === location.origin && address.pathname.startsWith('/ops/');
  const isLogin = address.pathname.startsWith('/ops/login');
  return isOurs && !isLogin ? `${address.pathname}${address.search}` : '/ops/';
}
