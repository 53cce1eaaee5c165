#include "store/bulk_insert.h"

#include <assert.h>
#include <string.h>

#include "base/memory.h"
#include "base/strbuf.h"
#include "store/driver.h"

struct db_bulk {
    struct db *db;
    const char *table;
    size_t column_count;
    bool gives_ids; /* a column is "id" */
    char *sql;
    int64_t rows;
    bool open; /* a copy of the driver is under way */
};

static void bulk_put_names(struct strbuf *sql, const char *const *columns, size_t count)
{
    for (size_t i = 0; i < count; i++)
        strbuf_printf(sql, "%s%s", i ? ", " : "", columns[i]);
}

static char *bulk_insert_sql(const char *table, const char *const *columns, size_t count)
{
    struct strbuf sql = {0};
    strbuf_printf(&sql, "INSERT INTO %s (", table);
    bulk_put_names(&sql, columns, count);
    strbuf_puts(&sql, ") VALUES (");
    for (size_t i = 0; i < count; i++)
        strbuf_printf(&sql, "%s$%zu", i ? ", " : "", i + 1);
    strbuf_putc(&sql, ')');
    return strbuf_detach(&sql, NULL);
}

static char *bulk_copy_sql(const char *table, const char *const *columns, size_t count)
{
    struct strbuf sql = {0};
    strbuf_printf(&sql, "COPY %s (", table);
    bulk_put_names(&sql, columns, count);
    strbuf_puts(&sql, ") FROM STDIN");
    return strbuf_detach(&sql, NULL);
}

bool db_bulk_begin(struct db *db, const char *table, const char *const *columns, size_t column_count,
                   struct db_bulk **ret_bulk, struct error *err)
{
    assert(column_count > 0 && column_count <= BULK_COLUMNS_MAX);
    const struct db_driver *driver = db->driver;
    struct db_bulk *bulk = xcalloc(1, sizeof(*bulk));
    bulk->db = db;
    bulk->table = table;
    bulk->column_count = column_count;
    for (size_t i = 0; i < column_count; i++)
        bulk->gives_ids |= strcmp(columns[i], "id") == 0;
    bulk->sql = (driver->copy_begin ? bulk_copy_sql : bulk_insert_sql)(table, columns, column_count);
    bulk->open = driver->copy_begin && driver->copy_begin(db, bulk->sql, err);
    if (driver->copy_begin && !bulk->open) {
        db_note_failure(db);
        db_bulk_release(&bulk);
        return false;
    }
    *ret_bulk = bulk;
    return true;
}

bool db_bulk_row(struct db_bulk *bulk, const struct db_value *values, struct error *err)
{
    struct db *db = bulk->db;
    bool done = bulk->open ? db->driver->copy_row(db, values, bulk->column_count, err)
                           : db_execute(db, bulk->sql, values, bulk->column_count, NULL, err);
    if (!done)
        db_note_failure(db);
    bulk->rows += done;
    return done;
}

bool db_bulk_end(struct db_bulk *bulk, int64_t *ret_rows, struct error *err)
{
    struct db *db = bulk->db;
    if (bulk->open) {
        bulk->open = false;
        if (!db->driver->copy_end(db, bulk->gives_ids ? bulk->table : NULL, err)) {
            db_note_failure(db);
            return false;
        }
    }
    if (ret_rows)
        *ret_rows = bulk->rows;
    return true;
}

void db_bulk_release(struct db_bulk **bulk)
{
    if (!*bulk)
        return;
    if ((*bulk)->open)
        (*bulk)->db->driver->copy_cancel((*bulk)->db);
    free((*bulk)->sql);
    free(*bulk);
    *bulk = NULL;
}
