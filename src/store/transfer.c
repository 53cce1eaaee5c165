#include "store/transfer.h"

#include <assert.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "store/bulk_insert.h"
#include "store/driver.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#define READ_MS (24 * 3600 * 1000) /* it takes as long as the store is large */

/* For a work, too: a database's own limit for one statement is longer than that then. */
static void transfer_allow_long(struct db *db)
{
    db_set_deadline(db, clock_monotonic_us() + (int64_t)READ_MS * 1000);
}

/* ---- digests ---- */

struct digest_run {
    XXH3_state_t *state;
    int64_t rows;
};

/* Type, length, bytes: no two different rows are the same sequence. Numbers as this machine keeps them, for both
 * sides are read here. */
static void digest_run_add(struct digest_run *run, const struct db_value *values, int count)
{
    for (int i = 0; i < count; i++) {
        const struct db_value *value = &values[i];
        unsigned char type = (unsigned char)value->type;
        XXH3_128bits_update(run->state, &type, 1);
        switch (value->type) {
        case DB_INT: XXH3_128bits_update(run->state, &value->integer, sizeof(value->integer)); break;
        case DB_REAL: XXH3_128bits_update(run->state, &value->real, sizeof(value->real)); break;
        case DB_TEXT:
        case DB_BYTES:
            XXH3_128bits_update(run->state, &value->length, sizeof(value->length));
            XXH3_128bits_update(run->state, value->bytes, value->length);
            break;
        case DB_NULL: break;
        }
    }
    run->rows++;
}

static bool store_digests_equal(const struct store_digest *a, const struct store_digest *b)
{
    return a->rows == b->rows && memcmp(a->hash, b->hash, STORE_DIGEST_SIZE) == 0;
}

/* ---- the statements of one table, made when it is carried ---- */

struct table_sql {
    char *read, *count, *clear;
};

static char *table_sql_compose(const char *before, const char *name, const char *behind)
{
    struct strbuf sql = {0};
    strbuf_printf(&sql, "%s%s%s", before, name, behind);
    return strbuf_detach(&sql, NULL);
}

static void table_sql_make(const struct store_table *table, struct table_sql *ret_sql)
{
    struct strbuf order = {0};
    strbuf_printf(&order, " ORDER BY %s", table->key);
    *ret_sql = (struct table_sql){
        .read = table_sql_compose("SELECT * FROM ", table->name, strbuf_text(&order)),
        .count = table_sql_compose("SELECT COUNT(*) FROM ", table->name, ""),
        .clear = table_sql_compose("DELETE FROM ", table->name, ""),
    };
    strbuf_release(&order);
}

static void table_sql_free(struct table_sql *sql)
{
    free(sql->read);
    free(sql->count);
    free(sql->clear);
}

/* ---- one table ---- */

/* Calls `row` (NULL: nobody) for each row in order; the values live until it returns. */
typedef bool (*row_fn)(void *context, const struct db_rows *rows, const struct db_value *values, int count,
                       struct error *err);

static bool transfer_each_row(struct db *db, const char *sql, row_fn row, void *context,
                              struct store_digest *ret_digest, struct error *err)
{
    CLEANUP(db_rows_release) struct db_rows rows = {0};
    struct db_value values[BULK_COLUMNS_MAX];
    XXH128_canonical_t hash;
    if (!db_query(db, sql, DB_NO_ARGS, &rows, err))
        return false;
    struct digest_run run = {.state = XXH3_createState()};
    if (!run.state)
        fatal("out of memory");
    XXH3_128bits_reset(run.state);
    bool done = true;
    while (done && db_next(&rows)) {
        int columns = db_column_count(&rows);
        assert(columns <= BULK_COLUMNS_MAX);
        for (int i = 0; i < columns; i++)
            values[i] = db_column_value(&rows, i);
        digest_run_add(&run, values, columns);
        done = !row || row(context, &rows, values, columns, err);
    }
    XXH128_canonicalFromHash(&hash, XXH3_128bits_digest(run.state));
    memcpy(ret_digest->hash, hash.digest, STORE_DIGEST_SIZE);
    ret_digest->rows = run.rows;
    XXH3_freeState(run.state);
    return done && db_done(&rows, err);
}

struct table_target {
    struct db *db;
    const struct store_table *table;
    struct db_bulk *bulk; /* begun with the first row, which has the columns */
    const char *columns[BULK_COLUMNS_MAX];
    struct arena names;
};

static void table_target_release(struct table_target *target)
{
    db_bulk_release(&target->bulk);
    arena_release(&target->names);
}

static bool table_target_put_row(void *context, const struct db_rows *rows, const struct db_value *values,
                                 int count, struct error *err)
{
    struct table_target *target = context;
    if (target->bulk)
        return db_bulk_row(target->bulk, values, err);
    for (int i = 0; i < count; i++)
        target->columns[i] = arena_strdup(&target->names, db_column_name(rows, i));
    return db_bulk_begin(target->db, target->table->name, target->columns, (size_t)count, &target->bulk,
                         err) &&
           db_bulk_row(target->bulk, values, err);
}

static bool transfer_table(struct db *from, struct db *to, const struct store_table *table,
                           const struct table_sql *sql, struct store_digest *ret_given, struct error *err)
{
    CLEANUP(table_target_release) struct table_target target = {.db = to, .table = table};
    struct store_digest taken;
    if (!transfer_each_row(from, sql->read, table_target_put_row, &target, ret_given, err))
        return false;
    if (target.bulk && !db_bulk_end(target.bulk, NULL, err))
        return false;
    /* Which number comes next is no row: one that was given away and deleted is not given again. */
    int64_t last;
    if (table->is_numbered && (!from->driver->last_id(from, table->name, &last, err) ||
                               !to->driver->set_last_id(to, table->name, last, err)))
        return false;
    if (!transfer_each_row(to, sql->read, NULL, NULL, &taken, err))
        return false;
    return store_digests_equal(ret_given, &taken) ||
           error_set(
               err, ERROR_CONFLICT,
               "The rows that were taken (%lld) are not those that were given (%lld); nothing was kept.",
               "写入的行（%lld）与读出的行（%lld）不一致，未保存任何内容。", (long long)taken.rows,
               (long long)ret_given->rows);
}

/* ---- all of it ---- */

struct transfer {
    struct store *to;
    const struct store_table *tables;
    size_t count;
    struct table_sql *sql;
    struct store_digest *digests;
    store_work finish; /* may be NULL */
    void *context;
    struct db *from_db; /* while the work on `from` runs */
};

static bool transfer_check_empty(struct db *db, const struct transfer *transfer, struct error *err)
{
    for (size_t i = 0; i < transfer->count; i++) {
        int64_t rows = 0;
        if (transfer->tables[i].is_seeded)
            continue;
        if (!db_find_int(db, transfer->sql[i].count, DB_NO_ARGS, 0, &rows, err))
            return false;
        if (rows > 0)
            return error_set(err, ERROR_CONFLICT,
                             "The other store is not empty: %s has %lld rows. Give a new schema or an empty "
                             "folder.",
                             "目标数据库不为空：%s 已有 %lld 行。请使用新的 schema 或空目录。",
                             transfer->tables[i].name, (long long)rows);
    }
    return true;
}

/* A work on `to`, from the beginning each time that it runs. */
static bool transfer_all_work(struct db *db, void *context, struct error *err)
{
    struct transfer *transfer = context;
    transfer_allow_long(db);
    if (!transfer_check_empty(db, transfer, err))
        return false;
    for (size_t i = 0; i < transfer->count; i++) {
        const struct store_table *table = &transfer->tables[i];
        if (table->is_seeded && !db_execute(db, transfer->sql[i].clear, DB_NO_ARGS, NULL, err))
            return error_prefix(err, "%s", "%s", table->name);
        if (!transfer_table(transfer->from_db, db, table, &transfer->sql[i], &transfer->digests[i], err))
            return error_prefix(err, "%s", "%s", table->name);
    }
    return !transfer->finish || transfer->finish(db, transfer->context, err);
}

/* A work on `from` that changes nothing: while it runs nobody else does either. */
static bool transfer_hold_work(struct db *db, void *context, struct error *err)
{
    struct transfer *transfer = context;
    transfer->from_db = db;
    transfer_allow_long(db);
    return store_write(transfer->to, transfer_all_work, transfer, err);
}

bool store_transfer(struct store *from, struct store *to, const struct store_table *tables, size_t count,
                    store_transfer_told told, store_work finish, void *context, struct error *err)
{
    struct transfer transfer = {
        .finish = finish,
        .context = context,
        .to = to,
        .tables = tables,
        .count = count,
        .sql = xcalloc(count, sizeof(struct table_sql)),
        .digests = xcalloc(count, sizeof(struct store_digest)),
    };
    for (size_t i = 0; i < count; i++)
        table_sql_make(&tables[i], &transfer.sql[i]);
    bool done = store_write(from, transfer_hold_work, &transfer, err);
    for (size_t i = 0; i < count; i++) {
        if (done && told)
            told(context, &tables[i], &transfer.digests[i], &transfer.digests[i]);
        table_sql_free(&transfer.sql[i]);
    }
    free(transfer.sql);
    free(transfer.digests);
    return done;
}

bool store_is_empty(struct store *store, const struct store_table *tables, size_t count, struct error *err)
{
    CLEANUP(store_reader_release) struct db *db = NULL;
    struct transfer transfer = {
        .tables = tables, .count = count, .sql = xcalloc(count, sizeof(struct table_sql))};
    for (size_t i = 0; i < count; i++)
        table_sql_make(&tables[i], &transfer.sql[i]);
    bool empty = store_reader(store, READ_MS, &db, err) && transfer_check_empty(db, &transfer, err);
    for (size_t i = 0; i < count; i++)
        table_sql_free(&transfer.sql[i]);
    free(transfer.sql);
    return empty;
}

static bool transfer_compare_table(struct db *from, struct db *to, const struct store_table *table,
                                   struct store_digest *ret_from, struct store_digest *ret_to,
                                   struct error *err)
{
    CLEANUP(table_sql_free) struct table_sql sql;
    table_sql_make(table, &sql);
    return transfer_each_row(from, sql.read, NULL, NULL, ret_from, err) &&
           transfer_each_row(to, sql.read, NULL, NULL, ret_to, err);
}

bool store_compare(struct store *from, struct store *to, const struct store_table *tables, size_t count,
                   store_transfer_told told, void *context, bool *ret_same, struct error *err)
{
    CLEANUP(store_reader_release) struct db *from_db = NULL;
    CLEANUP(store_reader_release) struct db *to_db = NULL;
    *ret_same = true;
    if (!store_reader(from, READ_MS, &from_db, err) || !store_reader(to, READ_MS, &to_db, err))
        return false;
    bool done = db_snapshot_begin(from_db, err) && db_snapshot_begin(to_db, err);
    for (size_t i = 0; done && i < count; i++) {
        struct store_digest from_digest, to_digest;
        if (tables[i].is_adopted)
            continue;
        done = transfer_compare_table(from_db, to_db, &tables[i], &from_digest, &to_digest, err) ||
               error_prefix(err, "%s", "%s", tables[i].name);
        if (!done)
            break;
        *ret_same = *ret_same && store_digests_equal(&from_digest, &to_digest);
        if (told)
            told(context, &tables[i], &from_digest, &to_digest);
    }
    db_snapshot_end(from_db);
    db_snapshot_end(to_db);
    return done;
}
