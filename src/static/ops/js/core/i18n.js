/**
 * @file Texts. They stand in the texts.js of core/, widgets/, the frame and each page; i18n/ has one catalog for each
 * language, loaded when it is needed. No sentence is put together from parts.
 *
 * A message may hold `{name}` placeholders. A message that depends on a number is an object with one text for each
 * plural category of the language (`one`, `other`), chosen by the parameter `count`.
 */
import Alpine from '@alpinejs/csp';
import { followOtherTabs, preferences, rememberLanguage } from './preferences.js';

/** @typedef {import('./preferences.js').Language} Language */
/** @typedef {keyof typeof import('../i18n/zh-CN.js').default} MessageKey */
/** @typedef {string | { one?: string, other: string }} Message */
/** @typedef {Record<MessageKey, Message>} Catalog */
/** The same texts in another language. @template T @typedef {Record<keyof T, Message>} TextsLike */

/** @type {Record<Language, () => Promise<{ default: Catalog }>>} */
const loaders = {
  'zh-CN': () => import('../i18n/zh-CN.js'),
  en: () => import('../i18n/en.js'),
};

/** The language whose texts are shown; follows preferences.language as soon as its file is here. */
const shown = Alpine.reactive({ language: /** @type {Language} */ ('zh-CN') });
/** @type {Partial<Catalog>} */
let catalog = {};

/** Loads the chosen language; to be awaited before Alpine starts. */
export async function startTranslations() {
  await show(preferences.language);
  followOtherTabs(setLanguage);
}

/** @param {Language} language */
export async function setLanguage(language) {
  await show(language);
  rememberLanguage(language);
}

/** @returns {Language} */
export function currentLanguage() {
  return shown.language;
}

/**
 * The text for a key in the chosen language. Reading it inside an Alpine expression makes that expression follow the
 * language.
 * @param {MessageKey} key
 * @param {Record<string, string | number>} [parameters]  numbers other than `count` come formatted
 * @returns {string}
 */
export function t(key, parameters = {}) {
  const language = shown.language;
  const message = catalog[key] ?? key;
  const text = typeof message === 'string' ? message : pluralForm(message, language, Number(parameters.count));
  return text.replace(/\{(\w+)\}/g, (_, name) => {
    const value = parameters[name];
    return typeof value === 'number' ? value.toLocaleString(language) : (value ?? '');
  });
}

/**
 * The text for a value that the server sent (a role, a component's name); the value itself where there is no text.
 * @param {string} prefix
 * @param {string} value
 * @returns {string}
 */
export function tValue(prefix, value) {
  const key = /** @type {MessageKey} */ (`${prefix}.${value}`);
  // Asking for the language first keeps the caller in step with it even where the value has no text.
  return shown.language && key in catalog ? t(key) : value;
}

/**
 * @param {{ one?: string, other: string }} forms
 * @param {Language} language
 * @param {number} count
 */
function pluralForm(forms, language, count) {
  return new Intl.PluralRules(language).select(count) === 'one' ? (forms.one ?? forms.other) : forms.other;
}

/** @param {Language} language */
async function show(language) {
  catalog = (await loaders[language]()).default;
  shown.language = language;
}
