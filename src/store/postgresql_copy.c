/* COPY FROM STDIN: rows as text, so that each column takes whatever its type can read, as it does from a parameter. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "store/postgresql_private.h"

#define PIECE_BYTES ((size_t)64 << 10)

bool postgresql_copy_begin(struct db *base, const char *sql, struct error *err)
{
    struct postgresql_db *db = postgresql_of(base);
    PGresult *result = NULL;
    if (!postgresql_ready(db, err) || !postgresql_drain_deferred(db, err))
        return false;
    if (!PQsendQuery(db->connection, sql))
        return postgresql_lost(db, err);
    if (!postgresql_receive(db, &result, err))
        return false;
    bool done = PQresultStatus(result) == PGRES_COPY_IN || postgresql_error(db, result, err);
    if (done)
        statement_log(base->driver->name, sql);
    PQclear(result);
    if (!done)
        postgresql_receive_rest(db);
    strbuf_reset(&db->copied);
    return done;
}

static void copy_put_escaped(struct strbuf *out, const char *bytes, size_t length)
{
    static const char special[] = "\b\f\n\r\t\v\\", letters[] = "bfnrtv\\";
    size_t from = 0;
    for (size_t i = 0; i < length; i++) {
        const char *found = bytes[i] ? strchr(special, bytes[i]) : NULL;
        if (!found)
            continue;
        strbuf_append(out, bytes + from, i - from);
        strbuf_putc(out, '\\');
        strbuf_putc(out, letters[found - special]);
        from = i + 1;
    }
    strbuf_append(out, bytes + from, length - from);
}

static void copy_put_hex(struct strbuf *out, const unsigned char *bytes, size_t length)
{
    static const char digits[] = "0123456789abcdef";
    strbuf_puts(out, "\\\\x");
    char *room = strbuf_reserve(out, 2 * length);
    for (size_t i = 0; room && i < length; i++) {
        room[2 * i] = digits[bytes[i] >> 4];
        room[2 * i + 1] = digits[bytes[i] & 15];
    }
    if (room)
        out->length += 2 * length;
}

static void copy_put_value(struct strbuf *out, const struct db_value *value)
{
    switch (value->type) {
    case DB_INT: strbuf_printf(out, "%" PRId64, value->integer); break;
    case DB_REAL:
        if (isinf(value->real))
            strbuf_puts(out, value->real > 0 ? "Infinity" : "-Infinity");
        else
            strbuf_printf(out, "%.17g", value->real);
        break;
    case DB_TEXT: copy_put_escaped(out, value->bytes, value->length); break;
    case DB_BYTES: copy_put_hex(out, value->bytes, value->length); break;
    default: strbuf_puts(out, "\\N");
    }
}

/* What is sent while the server reads more slowly stays in libpq's buffer, which is emptied here. */
static bool copy_send_piece(struct postgresql_db *db, struct error *err)
{
    if (db->copied.length == 0)
        return true;
    if (db->copied.overflowed)
        return error_set(err, ERROR_TOO_LARGE, "A row is too large for the database.",
                         "单行数据过大，数据库无法保存。");
    if (PQputCopyData(db->connection, db->copied.bytes, (int)db->copied.length) != 1)
        return postgresql_lost(db, err);
    strbuf_reset(&db->copied);
    return postgresql_flush(db, err);
}

bool postgresql_copy_row(struct db *base, const struct db_value *values, size_t count, struct error *err)
{
    struct postgresql_db *db = postgresql_of(base);
    if (!db->connection)
        return postgresql_lost(db, err);
    for (size_t i = 0; i < count; i++) {
        if (!postgresql_value_check(&values[i], err))
            return false;
        if (i > 0)
            strbuf_putc(&db->copied, '\t');
        copy_put_value(&db->copied, &values[i]);
    }
    strbuf_putc(&db->copied, '\n');
    return db->copied.length < PIECE_BYTES || copy_send_piece(db, err);
}

static bool copy_finish(struct postgresql_db *db, const char *refusal, struct error *err)
{
    PGresult *result = NULL;
    if (!db->connection)
        return postgresql_lost(db, err);
    if (PQputCopyEnd(db->connection, refusal) != 1)
        return postgresql_lost(db, err);
    if (!postgresql_receive(db, &result, err))
        return false;
    bool done = PQresultStatus(result) == PGRES_COMMAND_OK || postgresql_error(db, result, err);
    PQclear(result);
    postgresql_receive_rest(db);
    strbuf_release(&db->copied);
    return done;
}

/* Ids that were given do not move the sequence that makes them. Of a text key named "id" there is no sequence. */
static bool copy_move_sequence(struct postgresql_db *db, const char *table, struct error *err)
{
    char sql[512];
    PGresult *result = NULL;
    snprintf(sql, sizeof(sql), "SELECT 1 WHERE pg_get_serial_sequence('%s', 'id') IS NOT NULL", table);
    if (!postgresql_run(db, sql, &result, err))
        return false;
    bool has_sequence = PQntuples(result) == 1;
    PQclear(result);
    if (!has_sequence)
        return true;
    snprintf(
        sql, sizeof(sql),
        "SELECT setval(pg_get_serial_sequence('%s', 'id'), top) FROM (SELECT MAX(id) AS top FROM %s) AS given"
        " WHERE top > COALESCE(pg_sequence_last_value(CAST(pg_get_serial_sequence('%s', 'id') AS regclass)), "
        "0)",
        table, table, table);
    return postgresql_run(db, sql, NULL, err);
}

void postgresql_copy_cancel(struct db *base)
{
    copy_finish(postgresql_of(base), "given up", NULL);
}

bool postgresql_copy_end(struct db *base, const char *table_with_ids, struct error *err)
{
    struct postgresql_db *db = postgresql_of(base);
    if (!copy_send_piece(db, err)) {
        postgresql_copy_cancel(base);
        return false;
    }
    if (!copy_finish(db, NULL, err))
        return false;
    return !table_with_ids || copy_move_sequence(db, table_with_ids, err);
}
