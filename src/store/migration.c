#include "store/migration.h"

#include <ctype.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "store/driver.h"

static const char SQL_CREATE_VERSIONS[] = "CREATE TABLE IF NOT EXISTS schema_version ("
                                          "  version {{int}} NOT NULL PRIMARY KEY,"
                                          "  name TEXT NOT NULL,"
                                          "  applied_at {{int}} NOT NULL" /* milliseconds */
                                          ")";
static const char SQL_VERSION[] = "SELECT max(version) FROM schema_version";
static const char SQL_FIRST_NAME[] = "SELECT name FROM schema_version WHERE version = 1";
static const char SQL_ADD_VERSION[] =
    "INSERT INTO schema_version (version, name, applied_at) VALUES ($1, $2, $3)";

static bool is_of_word(char c)
{
    return isalnum((unsigned char)c) || c == '_';
}

/* Appends `length` bytes of SQL; the type TEXT, outside of quotes and of CAST(… AS TEXT), as the driver declares it. */
static void migration_append_typed(const struct db_driver *driver, const char *sql, size_t length,
                                   struct strbuf *out)
{
    static const char word[] = "TEXT";
    size_t word_length = strlen(word);
    char quote = '\0';
    for (size_t at = 0; at < length; at++) {
        if (sql[at] == '\'' || sql[at] == '"')
            quote = !quote ? sql[at] : quote == sql[at] ? '\0' : quote;
        bool is_type = driver->text_type && !quote && at + word_length <= length &&
                       memcmp(sql + at, word, word_length) == 0 && (at == 0 || !is_of_word(sql[at - 1])) &&
                       (at + word_length == length || !is_of_word(sql[at + word_length])) &&
                       (at < 3 || memcmp(sql + at - 3, "AS ", 3) != 0);
        if (is_type) {
            strbuf_puts(out, driver->text_type);
            at += word_length - 1;
        } else {
            strbuf_putc(out, sql[at]);
        }
    }
}

/* Puts the driver's words in the place of {{tokens}}. */
static bool migration_expand(const struct db_driver *driver, const char *sql, struct strbuf *out,
                             struct error *err)
{
    const char *open;
    while ((open = strstr(sql, "{{"))) {
        const char *close = strstr(open, "}}");
        const char *text = NULL;
        size_t length = close ? (size_t)(close - open - 2) : 0;
        for (const struct db_token *token = driver->tokens; close && token->name; token++)
            if (strlen(token->name) == length && memcmp(token->name, open + 2, length) == 0)
                text = token->text;
        if (!text)
            return error_set(err, ERROR_INTERNAL, "An unknown token: %.40s", "未知的标记：%.40s", open);
        migration_append_typed(driver, sql, (size_t)(open - sql), out);
        strbuf_puts(out, text);
        sql = close + 2;
    }
    migration_append_typed(driver, sql, strlen(sql), out);
    return true;
}

static bool migration_run_script(struct db *db, const char *sql, struct error *err)
{
    CLEANUP(strbuf_release) struct strbuf script = {0};
    return migration_expand(db->driver, sql, &script, err) && db_script(db, strbuf_text(&script), err);
}

bool migration_version(struct db *db, int64_t *ret_version, struct error *err)
{
    int64_t exists;
    if (!db_find_int(db, db->driver->sql_table_exists, DB_ARGS(db_text("schema_version")), 0, &exists, err))
        return false;
    if (exists)
        return db_find_int(db, SQL_VERSION, DB_NO_ARGS, 0, ret_version, err);
    *ret_version = 0;
    return true;
}

/* The work of one step, in a transaction. Another process may have done it meanwhile. */
static bool migration_apply(struct db *db, const struct migration *migration, int64_t version,
                            bool *ret_applied, struct error *err)
{
    int64_t present;
    if (!migration_run_script(db, SQL_CREATE_VERSIONS, err) || !migration_version(db, &present, err))
        return false;
    *ret_applied = present < version;
    if (present >= version)
        return true;
    if (!migration_run_script(db, migration->sql, err))
        return false;
    return db_execute(db, SQL_ADD_VERSION,
                      DB_ARGS(db_int(version), db_text(migration->name), db_int(clock_now_ms())), NULL, err);
}

static bool migration_run_step(struct db *db, const struct migration *migration, int64_t version,
                               struct error *err)
{
    bool applied = false;
    bool done = db_transaction(db, DB_BEGIN_SERIAL, err) &&
                migration_apply(db, migration, version, &applied, err) && db_transaction(db, DB_COMMIT, err);
    if (done) {
        if (applied)
            log_info("store", "migration %lld: %s", (long long)version, migration->name);
        return true;
    }
    if (db->driver->in_transaction(db))
        db_transaction(db, DB_ROLLBACK, NULL);
    return error_prefix(err, "migration %lld (%s)", "迁移 %lld（%s）", (long long)version, migration->name);
}

/* The first steps of stores that programs of before the first release made: no later step fits their tables. */
static const char *const unreleased[] = {
    "tenants, knowledge, chat, feedback, roll-ups, settings, audit, metrics, alerts",
};

/* Which tables a file holds is seen from its first step: a day of telemetry is no main store. */
static bool migration_check_kind(struct db *db, const char *first, struct error *err)
{
    CLEANUP(db_rows_release) struct db_rows rows = {0};
    if (!db_query(db, SQL_FIRST_NAME, DB_NO_ARGS, &rows, err))
        return false;
    const char *name = db_next(&rows) ? db_column_text(&rows, 0) : NULL;
    for (size_t i = 0; name && i < ARRAY_SIZE(unreleased); i++)
        if (strcmp(name, unreleased[i]) == 0)
            return error_set(
                err, ERROR_CONFLICT,
                "The store was made by a program of before the first release and cannot be brought "
                "up to date: export its question-answer pairs with that program ('kimono export'), "
                "move the store away, and import them into a new one.",
                "该数据文件由首次发布之前的程序创建，无法升级：请用原程序导出问答对（kimono export），"
                "移走该数据文件，再导入到新建的数据文件。");
    bool same = name && strcmp(name, first) == 0;
    if (!same)
        error_set(err, ERROR_CONFLICT,
                  "It is a file of Kimono, but of another kind (it holds: %.80s). Give the right file.",
                  "这是 Kimono 的另一种文件（内容：%.80s），请给出正确的文件。", name ? name : "?");
    return same && db_done(&rows, err);
}

bool migration_check(struct db *db, const struct migration *migrations, size_t count, int64_t *ret_version,
                     struct error *err)
{
    int64_t present;
    if (!migration_version(db, &present, err) ||
        (present && !migration_check_kind(db, migrations[0].name, err)))
        return false;
    if (present > (int64_t)count)
        return error_set(err, ERROR_CONFLICT,
                         "The store is at version %lld, this program knows %zu: install the newer program "
                         "or restore a backup.",
                         "数据文件的版本为 %lld，本程序只支持到 %zu：请安装较新的程序或恢复备份。",
                         (long long)present, count);
    *ret_version = present;
    return true;
}

bool migration_run(struct db *db, const struct migration *migrations, size_t count, struct error *err)
{
    int64_t present = 0;
    if (!migration_check(db, migrations, count, &present, err))
        return false;
    for (int64_t version = present + 1; version <= (int64_t)count; version++)
        if (!migration_run_step(db, &migrations[version - 1], version, err))
            return false;
    /* A newer program may have been at it at the same time. */
    return migration_check(db, migrations, count, &present, err);
}
