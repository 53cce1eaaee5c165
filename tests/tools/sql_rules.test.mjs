/** @file The rules for SQL find what breaks them, and nothing else. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { literalsOf } from '../../tools/lib/sql.mjs';
import { oneDatabaseOnly, ownersOf, tablesOfOthers, tablesWritten } from '../../tools/lib/sql_rules.mjs';

const SCHEMA = `
    /* platform/tenants/tenants.c, suspension.c: who is served */
    "CREATE TABLE tenants ("
    " id TEXT PRIMARY KEY," /* base/identifier.h */
    " name TEXT NOT NULL);"
    /* store/feed.h: what has changed */
    "CREATE TABLE changes (id TEXT);"
    "CREATE INDEX idx_tenants_name ON tenants(name);"
    /* platform/jobs/jobs.c */
    "CREATE TABLE jobs (id TEXT);"
    "CREATE TABLE job_items (id TEXT);"`;

test('a literal is put together from its parts', () => {
  const source = String.raw`static const char A[] = "SELECT id" " FROM t WHERE a LIKE '\\' " "x"; char c = '"'; f("b");`;
  assert.deepEqual(literalsOf(source), [String.raw`SELECT id FROM t WHERE a LIKE '\' x`, 'b']);
});

test('every table has the files that are named above it', () => {
  const owners = ownersOf(SCHEMA);
  assert.deepEqual(owners.get('tenants'), ['platform/tenants/tenants.c', 'platform/tenants/suspension.c']);
  assert.deepEqual(owners.get('jobs'), ['platform/jobs/jobs.c']);
  assert.deepEqual(owners.get('job_items'), ['platform/jobs/jobs.c']);
});

test('tables that a statement changes', () => {
  assert.deepEqual(tablesWritten('SELECT 1 FROM tenants'), []);
  assert.deepEqual(tablesWritten('INSERT INTO a(x) VALUES (1) ON CONFLICT (x) DO UPDATE SET x = excluded.x'), ['a']);
  assert.deepEqual(tablesWritten('UPDATE a SET x = (SELECT MAX(y) FROM b)'), ['a']);
  assert.deepEqual(tablesWritten('WITH gone AS (DELETE FROM a RETURNING x) INSERT INTO b SELECT x FROM gone'), [
    'a',
    'b',
  ]);
});

test("another's table is refused, the own one and reading are not", () => {
  const owners = ownersOf(SCHEMA);
  const edit = 'UPDATE tenants SET name = $2 WHERE id = $1';
  assert.deepEqual(tablesOfOthers('platform/tenants/suspension.c', edit, owners), []);
  assert.deepEqual(tablesOfOthers('ops/tenants/detail.c', edit, owners), ['tenants']);
  assert.deepEqual(tablesOfOthers('ops/tenants/detail.c', 'SELECT name FROM tenants', owners), []);
  assert.deepEqual(tablesOfOthers('store/a_driver.c', 'DELETE FROM changes', owners), []);
  assert.deepEqual(tablesOfOthers('ops/tenants/detail.c', 'DELETE FROM changes', owners), ['changes']);
});

const REFUSED = [
  'PRAGMA query_only = ON',
  'SELECT rowid FROM t',
  'SELECT id FROM t WHERE t MATCH $1',
  'INSERT OR IGNORE INTO t(id) VALUES ($1)',
  'SELECT name FROM sqlite_schema',
  'SELECT pg_database_size($1)',
  'SELECT $1::bigint',
  'SELECT CAST(a AS INTEGER) FROM t',
  'SELECT MAX(a, b) FROM t',
  'UPDATE t SET a = MAX(0, COALESCE(a, 1))',
  'SELECT IFNULL(a, 0) FROM t',
  'SELECT id FROM t LIMIT -1',
  'SELECT id FROM t WHERE a IS $1',
];
for (const sql of REFUSED)
  test(`refused: ${sql}`, () => {
    assert.notDeepEqual(oneDatabaseOnly(sql), []);
  });

const ADMITTED = [
  'SELECT MAX(a), MIN(b) FROM t',
  "SELECT COALESCE(MAX(a), 0) FROM t WHERE b = 'a::b, PRAGMA'",
  'SELECT CAST($1 AS BIGINT), CAST($2 AS DOUBLE PRECISION) FROM t',
  'SELECT id FROM t WHERE deleted_at IS NOT NULL ORDER BY a NULLS FIRST LIMIT $1',
  'INSERT INTO t(a) VALUES ($1) ON CONFLICT DO NOTHING RETURNING id',
];
for (const sql of ADMITTED)
  test(`admitted: ${sql}`, () => {
    assert.deepEqual(oneDatabaseOnly(sql), []);
  });
