/**
 * @file The frame: side bar, top bar, and what holds for every page.
 */
import { registerCommands, runCommand, runKey } from '../core/commands.js';
import { component, explain, follow } from '../core/component.js';
import { connection } from '../core/connection.js';
import * as format from '../core/format.js';
import { currentLanguage, setLanguage, t } from '../core/i18n.js';
import { chooseTheme, preferences } from '../core/preferences.js';
import { keepFresh, refreshAll } from '../core/refresher.js';
import { addressOf, navigate, route } from '../core/router.js';
import { closeSession, openSession, session } from '../core/session.js';
import { system } from '../core/system.js';
import { runToastKey, toast, toasts } from '../core/toasts.js';
import { pages } from '../pages.js';

const RETRY_SESSION_MS = 5000;

/** @typedef {import('../core/preferences.js').ThemeChoice} ThemeChoice */

/** @type {{ choice: ThemeChoice, icon: string }[]} */
const themes = [
  { choice: 'light', icon: 'icon-sun' },
  { choice: 'dark', icon: 'icon-moon' },
  { choice: 'system', icon: 'icon-monitor' },
];

export function frame() {
  return component({
    session,
    preferences,
    toasts,
    themes,

    init() {
      addEventListener('keydown', runKey);
      addEventListener('keydown', runToastKey);
      registerCommands(frameCommands());
      follow(
        () => session.state,
        (state) => {
          if (state === 'operator') keepFresh([system.status, system.alerts]);
        },
      );
      // What the server says in words comes in the language that it was asked in.
      let language = currentLanguage();
      follow(currentLanguage, (chosen) => {
        if (chosen !== language) refreshAll();
        language = chosen;
      });
      follow(
        () => connection.lostAt > 0,
        (lost) => document.documentElement.classList.toggle('is-lost', lost),
      );
      follow(windowTitle, (title) => {
        document.title = title;
      });
      this.retryWhileUnreachable();
    },

    /** A server that is being restarted is back within seconds: the page opens by itself then. */
    retryWhileUnreachable() {
      setInterval(() => {
        if (session.state === 'failed' && !document.hidden) openSession();
      }, RETRY_SESSION_MS);
    },

    get navigation() {
      return pages.map(({ name, title, icon }) => ({
        name,
        icon,
        label: t(title),
        address: addressOf(name),
        current: route.page === name,
      }));
    },

    /** "v0.1.0 · SQLite" */
    get about() {
      const status = system.status.data;
      return status ? t('frame.about', { version: status.version, database: status.database }) : '';
    },

    get uptime() {
      const status = system.status.data;
      return status ? t('frame.uptime', { uptime: format.duration(status.uptime_seconds) }) : '';
    },

    get aboutTitle() {
      const started = system.status.data?.started_at;
      return started ? t('frame.startedAt', { time: format.exactTime(started) }) : '';
    },

    get userName() {
      return session.user?.username ?? '';
    },

    get userRole() {
      return session.user?.role ?? '';
    },

    get userInitial() {
      return [...this.userName][0]?.toUpperCase() ?? '';
    },

    get sessionError() {
      return session.error ? explain(session.error) : '';
    },

    retrySession() {
      session.state = 'checking';
      openSession();
    },

    /** @param {ThemeChoice} choice */
    chooseTheme(choice) {
      chooseTheme(choice);
    },

    toggleTheme() {
      chooseTheme(preferences.dark ? 'light' : 'dark');
    },

    toggleLanguage() {
      setLanguage(otherLanguage());
    },

    /** On a narrow screen the side bar lies over the page; choosing a page closes it. */
    closeSideBar() {
      const sideBar = document.getElementById('side-bar');
      if (sideBar?.matches(':popover-open')) sideBar.hidePopover();
    },

    showKeys() {
      runCommand('keys');
    },

    logOut() {
      signOut();
    },
  });
}

function otherLanguage() {
  return preferences.language === 'en' ? 'zh-CN' : 'en';
}

async function signOut() {
  try {
    await closeSession();
  } catch {
    toast(t('session.logOutFailed'), 'bad');
  }
}

function windowTitle() {
  const page = pages.find(({ name }) => name === route.page);
  const title = page ? t(page.title) : t('page.missing');
  const alerts = system.alerts.data?.total ?? 0;
  return alerts ? t('title.alerts', { title, count: alerts }) : t('title.page', { title });
}

/** @returns {import('../core/commands.js').Command[]} */
function frameCommands() {
  return [
    ...pages.map((page) => ({
      id: `go-${page.name}`,
      label: () => t('command.go', { page: t(page.title) }),
      icon: page.icon,
      group: /** @type {const} */ ('go'),
      keys: `g ${page.key}`,
      words: page.name,
      run: () => navigate(addressOf(page.name)),
    })),
    ...themes.map(({ choice, icon }) => ({
      id: `theme-${choice}`,
      label: () => t(`theme.${choice}`),
      icon,
      group: /** @type {const} */ ('settings'),
      words: `theme 主题 ${choice}`,
      run: () => chooseTheme(choice),
    })),
    {
      id: 'language',
      label: () => t('language.switch'),
      icon: 'icon-languages',
      group: 'settings',
      words: 'language 语言 english 中文',
      run: () => setLanguage(otherLanguage()),
    },
    {
      id: 'log-out',
      label: () => t('session.logOut'),
      icon: 'icon-log-out',
      group: 'session',
      words: 'logout sign out 退出 登出',
      run: signOut,
    },
  ];
}
