/* The dictionaries of a lane's day: what memory does not have is asked for at once, what the tables do not have
 * either is added at once. Ids are given here: the lane's row is locked. */
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "base/utf8.h"
#include "telemetry/postgresql/writer_private.h"
#include "telemetry/usage_names.h"

struct dictionary_sql {
    int columns;
    const char *last_id, *find, *add;
};

/* Each name by the primary key, as the first that is not below it: of a day that has just begun the planner knows
 * nothing yet, and would join all names with the whole dictionary, or look for each among all of the lane. */
#define SQL_FIND(unnested, names, table, key, sought, condition)                                             \
    "SELECT n.place, k.id FROM unnest(" unnested ") WITH ORDINALITY AS n(" names                             \
    ", place) CROSS JOIN LATERAL (SELECT * FROM " table " WHERE day = $1 AND (" key ") >= (" sought          \
    ") ORDER BY " key " LIMIT 1) k WHERE k.lane = $2 AND " condition

static const struct dictionary_sql platform_keys_sql = {
    3,
    "SELECT MAX(id) FROM usage_platform_keys WHERE day = $1 AND lane = $2",
    SQL_FIND(TEXTS("$3") ", " TEXTS("$4") ", " TEXTS("$5"), "api_type, operation, model",
             "usage_platform_keys", "lane, api_type, operation, model",
             "$2, n.api_type, n.operation, n.model",
             "k.api_type = n.api_type AND k.operation = n.operation AND k.model = n.model"),
    "INSERT INTO usage_platform_keys(day, lane, id, api_type, operation, model)"
    " SELECT $1, $2, n.* FROM unnest(" INTS("$3") ", " TEXTS("$4") ", " TEXTS("$5") ", " TEXTS("$6") ") AS n",
};
static const struct dictionary_sql keys_sql = {
    4,
    "SELECT MAX(id) FROM usage_keys WHERE day = $1 AND lane = $2",
    SQL_FIND(TEXTS("$3") ", " TEXTS("$4") ", " TEXTS("$5") ", " TEXTS("$6"),
             "tenant_id, api_type, operation, model", "usage_keys",
             "tenant_id, lane, api_type, operation, model",
             "n.tenant_id, $2, n.api_type, n.operation, n.model",
             "k.tenant_id = n.tenant_id AND k.api_type = n.api_type AND k.operation = n.operation"
             " AND k.model = n.model"),
    "INSERT INTO usage_keys(day, lane, id, tenant_id, api_type, operation, model, platform_key_id)"
    " SELECT $1, $2, n.* FROM unnest(" INTS("$3") ", " TEXTS("$4") ", " TEXTS("$5") ", " TEXTS(
        "$6") ", " TEXTS("$7") ", " INTS("$8") ") AS n",
};
static const struct dictionary_sql sources_sql = {
    2,
    "SELECT MAX(id) FROM log_sources WHERE day = $1 AND lane = $2",
    "SELECT n.place, s.id FROM unnest(" TEXTS("$3") ", " TEXTS(
        "$4") ") WITH ORDINALITY AS n(name, tenant_id, place)"
              " JOIN log_sources s ON s.day = $1 AND s.lane = $2"
              " AND s.name = n.name AND s.tenant_id = n.tenant_id",
    "INSERT INTO log_sources(day, lane, id, name, tenant_id)"
    " SELECT $1, $2, n.* FROM unnest(" INTS("$3") ", " TEXTS("$4") ", " TEXTS("$5") ") AS n",
};

/* A name is its columns, one after the other, each with a NUL. Those that memory does not have are gathered in
 * `unknown`, with the id 0; `other` as in the dictionary. */
static void dictionary_note_unknown(const struct dictionary *dictionary, struct name_map *unknown,
                                    const char *name, size_t length, int64_t other)
{
    if (!name_map_find(&dictionary->names, name, length) && !name_map_find(unknown, name, length))
        name_map_add(unknown, name, length, 0, other);
}

#define COLUMNS_MAX 4

struct name_columns {
    struct sql_array ids, others, texts[COLUMNS_MAX];
};

static void name_columns_release(struct name_columns *columns)
{
    sql_array_release(&columns->ids);
    sql_array_release(&columns->others);
    for (int i = 0; i < COLUMNS_MAX; i++)
        sql_array_release(&columns->texts[i]);
}

static void name_columns_put(struct name_columns *columns, int count, const char *name)
{
    for (int i = 0; i < count; i++, name += strlen(name) + 1)
        sql_array_text(&columns->texts[i], name);
}

static bool dictionary_find_stored(struct lane_day *day, struct db *db, const struct dictionary_sql *sql,
                                   struct name_map *unknown, struct error *err)
{
    CLEANUP(name_columns_release) struct name_columns columns = {0};
    CLEANUP(db_rows_release) struct db_rows rows = {0};
    struct db_value args[2 + COLUMNS_MAX] = {db_int(day->day), db_int(day->lane)};
    for (size_t i = 0; i < unknown->count; i++)
        name_columns_put(&columns, sql->columns, unknown->bytes + unknown->entries[i].offset);
    for (int i = 0; i < sql->columns; i++)
        args[2 + i] = sql_array_value(&columns.texts[i]);
    if (!db_query(db, sql->find, args, 2 + (size_t)sql->columns, &rows, err))
        return false;
    while (db_next(&rows))
        unknown->entries[db_column_int(&rows, 0) - 1].id = db_column_int(&rows, 1);
    return db_done(&rows, err);
}

static bool dictionary_add_missing(struct lane_day *day, struct db *db, struct dictionary *dictionary,
                                   const struct dictionary_sql *sql, struct name_map *unknown,
                                   struct error *err)
{
    CLEANUP(name_columns_release) struct name_columns columns = {0};
    struct db_value args[4 + COLUMNS_MAX] = {db_int(day->day), db_int(day->lane)};
    size_t count = 2, added = 0;
    if (dictionary->last_id < 0 && !db_find_int(db, sql->last_id, args, 2, 0, &dictionary->last_id, err))
        return false;
    for (size_t i = 0; i < unknown->count; i++) {
        struct name_entry *entry = &unknown->entries[i];
        if (entry->id)
            continue;
        entry->id = ++dictionary->last_id;
        added++;
        sql_array_int(&columns.ids, entry->id);
        name_columns_put(&columns, sql->columns, unknown->bytes + entry->offset);
        sql_array_int(&columns.others, entry->other);
    }
    if (added == 0)
        return true;
    args[count++] = sql_array_value(&columns.ids);
    for (int i = 0; i < sql->columns; i++)
        args[count++] = sql_array_value(&columns.texts[i]);
    if (sql == &keys_sql)
        args[count++] = sql_array_value(&columns.others);
    return db_execute(db, sql->add, args, count, NULL, err);
}

static bool dictionary_learn(struct lane_day *day, struct db *db, struct dictionary *dictionary,
                             const struct dictionary_sql *sql, struct name_map *unknown, struct error *err)
{
    if (unknown->count == 0)
        return true;
    if (!dictionary_find_stored(day, db, sql, unknown, err) ||
        !dictionary_add_missing(day, db, dictionary, sql, unknown, err))
        return false;
    for (size_t i = 0; i < unknown->count; i++) {
        const struct name_entry *entry = &unknown->entries[i];
        name_map_add(&dictionary->names, unknown->bytes + entry->offset, entry->length, entry->id,
                     entry->other);
    }
    return true;
}

/* As PostgreSQL takes them: two names that are the same to it are the same here. */
static void dictionary_gather(struct usage_names *names, const struct usage_record *record)
{
    usage_names_gather(names, record);
    if (utf8_valid(names->bytes, names->length))
        return;
    char copy[USAGE_NAMES][USAGE_NAME_MAX + 1];
    for (int i = 0; i < USAGE_NAMES; i++) {
        snprintf(copy[i], sizeof(copy[i]), "%s", names->name[i]);
        utf8_drop_invalid(copy[i]);
    }
    usage_names_gather(names, &(struct usage_record){.tenant_id = copy[USAGE_TENANT],
                                                     .api_type = copy[USAGE_API_TYPE],
                                                     .operation = copy[USAGE_OPERATION],
                                                     .model = copy[USAGE_MODEL]});
}

bool dictionary_learn_usage(struct lane_day *day, struct db *db, const struct usage_row *const *rows,
                            size_t count, struct error *err)
{
    CLEANUP(name_map_release) struct name_map platform = {0}, keys = {0};
    struct usage_names names;
    for (size_t i = 0; i < count; i++) {
        size_t length;
        dictionary_gather(&names, rows[i]->record);
        if (name_map_find(&day->keys.names, names.bytes, names.length))
            continue;
        const char *platform_names = usage_names_of_platform(&names, &length);
        dictionary_note_unknown(&day->platform_keys, &platform, platform_names, length, 0);
    }
    if (!dictionary_learn(day, db, &day->platform_keys, &platform_keys_sql, &platform, err))
        return false;
    for (size_t i = 0; i < count; i++) {
        size_t length;
        dictionary_gather(&names, rows[i]->record);
        if (name_map_find(&day->keys.names, names.bytes, names.length))
            continue;
        const char *platform_names = usage_names_of_platform(&names, &length);
        dictionary_note_unknown(&day->keys, &keys, names.bytes, names.length,
                                name_map_find(&day->platform_keys.names, platform_names, length)->id);
    }
    return dictionary_learn(day, db, &day->keys, &keys_sql, &keys, err);
}

const struct name_entry *dictionary_usage_key(const struct lane_day *day, const struct usage_record *record)
{
    struct usage_names names;
    dictionary_gather(&names, record);
    return name_map_find(&day->keys.names, names.bytes, names.length);
}

/* A source's name with its tenant's, as they are stored: a name of two columns. */
static void dictionary_source_name(const struct log_record *record, struct strbuf *ret_name)
{
    const char *texts[] = {record->source, record->tenant_id};
    strbuf_reset(ret_name);
    for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
        CLEANUP(free_pointer) char *text = xstrdup(texts[i] ? texts[i] : "");
        utf8_drop_invalid(text);
        strbuf_append(ret_name, text, strlen(text) + 1);
    }
}

bool dictionary_learn_sources(struct lane_day *day, struct db *db, const struct log_record *records,
                              size_t count, struct error *err)
{
    CLEANUP(name_map_release) struct name_map unknown = {0};
    CLEANUP(strbuf_release) struct strbuf name = {0};
    for (size_t i = 0; i < count; i++) {
        dictionary_source_name(&records[i], &name);
        dictionary_note_unknown(&day->sources, &unknown, name.bytes, name.length, 0);
    }
    return dictionary_learn(day, db, &day->sources, &sources_sql, &unknown, err);
}

int64_t dictionary_source(const struct lane_day *day, const struct log_record *record)
{
    CLEANUP(strbuf_release) struct strbuf name = {0};
    dictionary_source_name(record, &name);
    return name_map_find(&day->sources.names, name.bytes, name.length)->id;
}
