/**
 * @file The SQL of the product, as the compiler sees it: every string literal of a source that begins as a statement
 * does, put together from its parts and with its macros replaced.
 */
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { inParallel } from './run.mjs';
import { ROOT, projectFiles } from './tree.mjs';

const HOLDS_SQL =
  /\bdb_(query|execute|find|find_int|insert|insert_many|script)\b|"\s*(SELECT|INSERT|UPDATE|DELETE|WITH|CREATE|PRAGMA)\b/;
const STATEMENT = /^\s*(SELECT|INSERT|UPDATE|DELETE FROM|WITH|CREATE|ALTER|DROP|PRAGMA)\s/;
// A literal, a run of what separates literals without ending them, or anything else that is no part of one.
const TOKEN = /"((?:[^"\\\n]|\\.)*)"|'(?:[^'\\\n]|\\.)*'|\s+|[\w.]+|[^]/gy;
const ESCAPES = /** @type {Record<string, string>} */ ({ n: '\n', t: '\t', r: '\r', 0: '\0' });

/**
 * @typedef {object} Source
 * @property {string} path  relative to the root
 * @property {string[]} statements
 */

/** @param {string} literal  between its quotes */
const unescape = (literal) =>
  literal
    .replace(/\\x([0-9a-fA-F]{1,2})/g, (_, hex) => String.fromCharCode(parseInt(hex, 16)))
    .replace(/\\([^])/g, (_, letter) => ESCAPES[letter] ?? letter);

/** @param {string} text  of a preprocessed source */
export function literalsOf(text) {
  const literals = [];
  let parts = /** @type {string[]} */ ([]);
  for (const [token, part] of text.matchAll(TOKEN)) {
    if (part !== undefined) parts.push(unescape(part));
    else if (token.trim() !== '' && parts.length > 0) {
      literals.push(parts.join(''));
      parts = [];
    }
  }
  return literals;
}

/** @param {string} path */
async function preprocess(path) {
  const flags = ['-std=c11', '-D_GNU_SOURCE', '-Isrc', '-isystem', '/usr/include/postgresql', '-E', '-P'];
  const options = { cwd: ROOT, maxBuffer: 64 << 20 };
  return (await promisify(execFile)(process.env.CC ?? 'cc', [...flags, path], options)).stdout;
}

/**
 * The sources that hold any SQL.
 * @returns {Promise<Source[]>}
 */
export async function productSql() {
  const paths = projectFiles('src').filter((path) => path.endsWith('.c') && !path.startsWith('src/static/'));
  // The others only pass on what these have.
  const asking = paths.filter((path) => HOLDS_SQL.test(readFileSync(join(ROOT, path), 'utf8')));
  const sources = await inParallel(asking, availableParallelism(), async (path) => ({
    path,
    statements: [...new Set(literalsOf(await preprocess(path)).filter((text) => STATEMENT.test(text)))],
  }));
  return sources.filter(({ statements }) => statements.length > 0);
}
