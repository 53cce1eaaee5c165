/**
 * @file The names of static functions: no two files of the product have the same, so that a search for one finds it.
 */

// At the beginning of a line, as clang-format puts it; variables have `=`, `[` or `;` before any parenthesis.
const STATIC_FUNCTION = /^(?:__attribute__\(\(.*\)\)\s+)?static\s+[\w\s*]*?\b(\w+)\(/gm;
// What may stand before a parenthesis without being a function's name: macros, and types of pointers to functions.
const NO_NAME = /^([A-Z0-9_]+|void|bool|char|short|int|long|unsigned|float|double|__attribute__)$/;

/**
 * @param {string} source
 * @returns {string[]} names of the static functions that it declares, each once
 */
export function staticFunctions(source) {
  const names = [...source.matchAll(STATIC_FUNCTION)].map(([, name]) => name).filter((name) => !NO_NAME.test(name));
  return [...new Set(names)];
}

/**
 * @param {{ path: string, source: string }[]} files
 * @returns {string[]} what is wrong: a line for each name that several files have
 */
export function sharedStaticNames(files) {
  const pathsOf = /** @type {Map<string, string[]>} */ (new Map());
  for (const { path, source } of files)
    for (const name of staticFunctions(source)) pathsOf.set(name, [...(pathsOf.get(name) ?? []), path]);
  return [...pathsOf]
    .filter(([, paths]) => paths.length > 1)
    .map(([name, [first, ...others]]) => `${first}: ${name}() is also a static function of ${others.join(', ')}`)
    .sort();
}
