/**
 * @file Three helpers that components use.
 */
import Alpine from '@alpinejs/csp';
import * as format from './format.js';
import { t } from './i18n.js';

/**
 * The definition of an Alpine component, so that its methods know what Alpine adds to `this`.
 * @template {object} T
 * @param {T & ThisType<T & import('@alpinejs/csp').Magics>} definition
 * @returns {T}
 */
export function component(definition) {
  return definition;
}

/**
 * Calls `react` with what `read` gives, now and whenever that changes. Only `read` is watched: what `react` touches, a
 * panel that it loads for example, doesn't call it again.
 * @template T
 * @param {() => T} read
 * @param {(value: T) => void} react
 * @returns {() => void}  stops that
 */
export function follow(read, react) {
  /** @type {{ value: T } | null} */
  let last = null;
  const effect = Alpine.effect(() => {
    const value = read();
    if (last && last.value === value) return;
    last = { value };
    queueMicrotask(() => react(value));
  });
  return () => Alpine.release(effect);
}

/**
 * What a person can do about a failure. The server's own words come first: they are in the chosen language.
 * @param {import('./api-client.js').ApiError} error
 */
export function explain(error) {
  switch (error.kind) {
    case 'unreachable':
      return t('error.unreachable');
    case 'timeout':
      return t('error.timeout');
    case 'unreadable':
      return t('error.unreadable');
    case 'refused':
      return whatIsWrong(error.problem) ?? t('error.refused', { status: String(error.status) });
  }
}

/** That fields are wrong says little; what is wrong with each says it all. @param {import('./api-client.js').Problem} problem */
function whatIsWrong({ type, errors = [], detail, title }) {
  if (errors.length === 0 || type?.endsWith('/wrong-origin')) return detail ?? title;
  return format.beside(errors.map(({ field, message }) => t('error.field', { field, message })));
}
