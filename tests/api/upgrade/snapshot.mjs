/**
 * @file Writes kimono.sql anew: what it holds, in the tables that the program makes now. To be run when the base line
 * has changed, which ends with the first release; from then on the snapshot of a release stays as it is, and the next
 * one stands beside it. Needs the shell of SQLite.
 *
 *     KIMONO_BIN=build/kimono node tests/api/upgrade/snapshot.mjs
 */
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { fileURLToPath } from 'node:url';
import { Server, Store, pause, temporaryFolder } from '../../lib/server.mjs';

const SNAPSHOT = fileURLToPath(new URL('kimono.sql', import.meta.url));
/** Of the days beside it (2026-11-26.sql, 2026-11-27.sql). */
const RECORDER = 4185822036397529799n;
const HEAD = `-- The main store as its base line makes it, filled by the program (no sessions, no readings). usage: one day carried,
-- one not. tests/api/upgrade.test.mjs opens it with the present program; snapshot.mjs has written it.
PRAGMA application_id=1263095119;
`;

const store = new Store(join(temporaryFolder(), 'data'));
const file = join(store.folder, 'kimono.db');
await store.must(['migrate']);

const old = join(temporaryFolder(), 'old.db');
const before = new DatabaseSync(old);
before.exec(readFileSync(SNAPSHOT, 'utf8'));
before.close();

const database = new DatabaseSync(file, { enableForeignKeyConstraints: false });
database.exec(`ATTACH '${old}' AS old; BEGIN`);
const names = (/** @type {string} */ sql) =>
  database
    .prepare(sql)
    .all()
    .map(({ name }) => String(name));
const columns = (/** @type {string} */ of, /** @type {string} */ table) =>
  names(`SELECT name FROM pragma_table_info('${table}', '${of}')`);
const carried = names(
  `SELECT name FROM main.sqlite_schema WHERE type = 'table' AND name <> 'schema_version'
   AND name NOT LIKE 'sqlite_%' AND name NOT LIKE 'qa_pairs_%' AND name IN (SELECT name FROM old.sqlite_schema)`,
);
/** What a column that the old rows do not have holds of them. @type {Record<string, string>} */
const MADE = {
  'tenants.name_folded': 'folded(name)',
  'usage_days.run': '1',
  'usage_days.rows_deleted': '0',
  ...Object.fromEntries(
    ['usage_days', 'usage_daily', 'usage_platform_daily'].map((table) => [`${table}.recorder`, String(RECORDER)]),
  ),
};
database.function('folded', (text) => String(text).normalize('NFKC').toLowerCase());
for (const table of carried) {
  const known = columns('old', table);
  const taken = columns('main', table).filter((column) => known.includes(column) || MADE[`${table}.${column}`]);
  const values = taken.map((column) => (known.includes(column) ? column : MADE[`${table}.${column}`]));
  if (table !== 'platform_counters' && table !== 'meta') database.exec(`DELETE FROM main.${table}`);
  database.exec(`INSERT OR REPLACE INTO main.${table}(${taken}) SELECT ${values} FROM old.${table}`);
}
database.exec(`UPDATE sqlite_sequence AS s SET seq = COALESCE((SELECT MAX(seq) FROM old.sqlite_sequence o
  WHERE o.name = s.name), seq);
  INSERT INTO qa_pairs_text_new(first, last) SELECT MIN(id), MAX(id) FROM qa_pairs; COMMIT`);
database.close();

// A server brings the full text up to date.
const server = await Server.start(store);
await pause(1500);
await server.stop();
execFileSync('sqlite3', [file, 'DELETE FROM metrics_snapshots; DELETE FROM sessions']);
writeFileSync(SNAPSHOT, HEAD + execFileSync('sqlite3', [file, '.dump'], { encoding: 'utf8' }));
