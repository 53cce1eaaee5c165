/**
 * @file What a person has chosen: theme and language. Kept in this browser, the same in all of its tabs.
 */
import Alpine from '@alpinejs/csp';

/** @typedef {'system' | 'light' | 'dark'} ThemeChoice */
/** @typedef {'zh-CN' | 'en'} Language */

const THEME_KEY = 'kimono.theme';
const LANGUAGE_KEY = 'kimono.language';
const TRIED_KEY = 'kimono.tried';
const KEY_COPIED_KEY = 'kimono.key-copied';
const systemDark = matchMedia('(prefers-color-scheme: dark)');

export const preferences = Alpine.reactive({
  theme: readTheme(),
  language: readLanguage(),
  /** The theme in force, `system` resolved. */
  dark: document.documentElement.dataset.theme === 'dark',
});

/** What of the first steps (pages/dashboard/first-steps.js) leaves no trace on the server. */
export const firstSteps = Alpine.reactive({
  tried: read(TRIED_KEY) !== null,
  keyCopied: read(KEY_COPIED_KEY) !== null,
});

export function rememberTrial() {
  firstSteps.tried = true;
  write(TRIED_KEY, 'yes');
}

export function rememberKeyCopied() {
  firstSteps.keyCopied = true;
  write(KEY_COPIED_KEY, 'yes');
}

/** @param {ThemeChoice} theme */
export function chooseTheme(theme) {
  preferences.theme = theme;
  write(THEME_KEY, theme);
  applyTheme();
}

/**
 * Remembers the language; i18n.js loads it and then says so here.
 * @param {Language} language
 */
export function rememberLanguage(language) {
  preferences.language = language;
  document.documentElement.lang = language;
  write(LANGUAGE_KEY, language);
}

/** @param {(language: Language) => void} onLanguage  called when another tab has chosen a language */
export function followOtherTabs(onLanguage) {
  systemDark.addEventListener('change', applyTheme);
  addEventListener('storage', (event) => {
    if (event.key === THEME_KEY) {
      preferences.theme = readTheme();
      applyTheme();
    }
    if (event.key === LANGUAGE_KEY) onLanguage(readLanguage());
  });
}

function applyTheme() {
  preferences.dark = preferences.theme === 'dark' || (preferences.theme === 'system' && systemDark.matches);
  document.documentElement.dataset.theme = preferences.dark ? 'dark' : 'light';
}

/** @returns {ThemeChoice} */
function readTheme() {
  const value = read(THEME_KEY);
  return value === 'light' || value === 'dark' ? value : 'system';
}

/** @returns {Language} */
function readLanguage() {
  return read(LANGUAGE_KEY) === 'en' ? 'en' : 'zh-CN';
}

/** @param {string} key */
function read(key) {
  try {
    return localStorage.getItem(key);
  } catch {
    return null;
  }
}

/**
 * @param {string} key
 * @param {string} value
 */
function write(key, value) {
  try {
    localStorage.setItem(key, value);
  } catch {
    // Storage is switched off: the choice holds until the page is left.
  }
}
