/**
 * @file Writes kimono.sql and the days beside it anew: what they hold, in the tables that the program makes now. To be run when the base line
 * has changed, which ends with the first release; from then on the snapshot of a release stays as it is, and the next
 * one stands beside it. Needs the shell of SQLite.
 *
 *     KIMONO_BIN=build/kimono node tests/api/upgrade/snapshot.mjs
 */
import { execFileSync } from 'node:child_process';
import { copyFileSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { fileURLToPath } from 'node:url';
import { Server, Store, pause, temporaryFolder } from '../../lib/server.mjs';

const SNAPSHOT = fileURLToPath(new URL('kimono.sql', import.meta.url));
const DAYS = ['2026-11-26', '2026-11-27'];
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

/** What a column that the old rows do not have holds of them. @type {Record<string, string>} */
const MADE = {
  'tenants.name_folded': 'folded(name)',
  'usage_days.run': '1',
  'usage_days.rows_deleted': '0',
  'day_info.sealed_rows': '0',
  'log_sources.tenant_id': "''",
  'day_info.loose_blocks': '0',
  ...Object.fromEntries(
    ['usage_daily', 'usage_platform_daily', 'usage_hourly', 'usage_platform_hourly'].flatMap((table) =>
      ['estimated', 'aborted', 'estimated_cost_nano_cny'].map((column) => [`${table}.${column}`, '0']),
    ),
  ),
  ...Object.fromEntries(
    ['usage_days', 'usage_daily', 'usage_platform_daily'].map((table) => [`${table}.recorder`, String(RECORDER)]),
  ),
};

/**
 * Opens a file that the program has made, beside the old one, and takes over what that holds; to be committed.
 * @param {string} file
 * @param {string} from
 */
function carry(file, from) {
  const database = new DatabaseSync(file, { enableForeignKeyConstraints: false });
  database.exec(`ATTACH '${from}' AS old; BEGIN`);
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
  database.function('folded', (text) => String(text).normalize('NFKC').toLowerCase());
  for (const table of carried) {
    const known = columns('old', table);
    const taken = columns('main', table).filter((column) => known.includes(column) || MADE[`${table}.${column}`]);
    const values = taken.map((column) => (known.includes(column) ? column : MADE[`${table}.${column}`]));
    if (table !== 'platform_counters' && table !== 'meta') database.exec(`DELETE FROM main.${table}`);
    database.exec(`INSERT OR REPLACE INTO main.${table}(${taken}) SELECT ${values} FROM old.${table}`);
  }
  return database;
}

const database = carry(file, old);
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

// The server has begun a day of its own: its form is that of the days.
const telemetry = join(store.folder, 'telemetry');
const made = join(telemetry, readdirSync(telemetry).filter((name) => name.endsWith('.db'))[0]);
for (const day of DAYS) {
  const dump = fileURLToPath(new URL(`${day}.sql`, import.meta.url));
  const [oldDay, newDay] = [join(temporaryFolder(), 'old.db'), join(temporaryFolder(), 'day.db')];
  const from = new DatabaseSync(oldDay);
  from.exec(readFileSync(dump, 'utf8'));
  from.close();
  copyFileSync(made, newDay);
  const to = carry(newDay, oldDay);
  to.exec(`COMMIT; DELETE FROM log_sources; DELETE FROM log_hourly;
    INSERT INTO log_sources(name, tenant_id) SELECT DISTINCT s.name, COALESCE(r.tenant_id, '')
      FROM log_rows r JOIN old.log_sources s ON s.id = r.source_id;
    UPDATE log_rows SET source_id = (SELECT n.id FROM old.log_sources s JOIN log_sources n ON n.name = s.name
      WHERE s.id = source_id AND n.tenant_id = COALESCE(log_rows.tenant_id, ''));
    INSERT INTO log_hourly(hour, level, source_id, count)
      SELECT timestamp / 3600000, level, source_id, COUNT(*) FROM log_rows GROUP BY 1, 2, 3`);
  to.exec('DELETE FROM schema_version; DETACH old');
  to.exec(`ATTACH '${oldDay}' AS old; INSERT INTO schema_version SELECT * FROM old.schema_version`);
  to.close();
  const head = `-- Telemetry of ${day} at version 1, beside kimono.sql.\nPRAGMA application_id=1263095119;\n`;
  writeFileSync(dump, head + execFileSync('sqlite3', [newDay, '.dump'], { encoding: 'utf8' }));
}
