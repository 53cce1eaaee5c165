/**
 * @file The rules for SQL: above the store it is one text for every database, and each table is written by the one
 * module that is named above it in the schema.
 */
import { dirname } from 'node:path';

/** What only one of the databases knows, or what means something else in the other. */
const ONE_DATABASE = /** @type {[RegExp, string][]} */ ([
  [/\bPRAGMA\b/i, 'PRAGMA is SQLite only'],
  [/\bfts5\w*\b|\bMATCH\b/i, 'full text is asked through store/full_text.h'],
  [/\b(rowid|oid|ctid|xmin)\b/i, 'a row is found by its key'],
  [/\bINSERT\s+OR\b|\bREPLACE\s+INTO\b/i, 'say ON CONFLICT'],
  [/\bsqlite_\w+/i, 'a table or function of SQLite'],
  [/\bpg_\w+|\bcurrval\b|\bnextval\b|\bsetval\b/i, 'a table or function of PostgreSQL'],
  [/\bto_tsvector\b|\bto_tsquery\b|@@/i, 'full text is asked through store/full_text.h'],
  [/::/, 'say CAST(… AS …)'],
  [/\bAS\s+(INTEGER|INT|REAL|FLOAT|NUMERIC|BLOB|BYTEA)\s*\)/i, 'cast to BIGINT, DOUBLE PRECISION or TEXT'],
  [/\b(MAX|MIN)\s*\((?:[^()]|\([^()]*\))*,/i, 'MAX and MIN of several values are SQLite only: say CASE'],
  [/\b(IFNULL|GLOB|TYPEOF|UNICODE|PRINTF|STRFTIME|JULIANDAY|GROUP_CONCAT|TOTAL)\s*\(/i, 'a function of SQLite'],
  [/\b(ILIKE|STRING_AGG|ARRAY_AGG|GENERATE_SERIES|NOW)\b\s*\(?/i, 'a function of PostgreSQL'],
  [/\bLIMIT\s+-/i, 'no limit is no LIMIT'],
  [/\bIS\s+(NOT\s+)?\$/i, 'compare with = or IS NULL'],
]);

/**
 * Each table of a schema with the sources that write it: those that the comment above the table names, as
 * `room/a.c, b.c: what it is`; several tables may stand below one comment. A header means those that implement it.
 * @param {string} schema  the text of the source
 * @returns {Map<string, string[]>} paths below src/; none where the comment names no file
 */
export function ownersOf(schema) {
  const owners = new Map();
  let named = /** @type {string[]} */ ([]);
  for (const [, comment, table] of schema.matchAll(/^\s*\/\*([^]*?)\*\/|CREATE TABLE (\w+)/gm)) {
    if (table) owners.set(table, named);
    else if (/^\s*-{4}/.test(comment)) named = [];
    else if (filesOf(comment).length > 0) named = filesOf(comment.split(':')[0]);
  }
  return owners;
}

/**
 * @param {string} text  'platform/tenants/tenants.c, suspension.c'
 * @returns {string[]}
 */
function filesOf(text) {
  let folder = '';
  return [...text.matchAll(/([a-z_]+(?:\/[a-z_]+)*\/)?([a-z_0-9]+\.[ch])\b/g)].map(([, path, name]) => {
    folder = path ?? folder;
    return folder + name;
  });
}

/**
 * @param {string} sql
 * @returns {string[]} the tables that it changes
 */
export function tablesWritten(sql) {
  const changes = /\b(?:INSERT\s+(?:OR\s+\w+\s+)?INTO|DELETE\s+FROM|(?<!\bDO\s+)UPDATE(?!\s+(?:OF|SET)\b))\s+(\w+)/gi;
  return [...new Set([...sql.matchAll(changes)].map(([, table]) => table))];
}

/**
 * @param {string} sql
 * @returns {string[]} why it is not for every database
 */
export function oneDatabaseOnly(sql) {
  const code = sql.replace(/'(?:[^']|'')*'/g, "''");
  return ONE_DATABASE.filter(([pattern]) => pattern.test(code)).map(([, why]) => why);
}

/**
 * @param {string} file  below src/
 * @param {string} sql
 * @param {Map<string, string[]>} owners
 * @returns {string[]} the tables of others that it changes
 */
export function tablesOfOthers(file, sql, owners) {
  const isOwner = (/** @type {string} */ name) =>
    name === file || (name.endsWith('.h') && dirname(name) === dirname(file));
  return tablesWritten(sql).filter((table) => owners.has(table) && !owners.get(table)?.some(isOwner));
}
