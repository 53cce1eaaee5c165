/* The log rows of one lane's day in an engine's tables, which are the same in every engine but for the columns that say
 * whose rows they are.
 *
 * Rows are numbered from 1 in the order of arrival. The newest, LOG_BLOCK_ROWS - 1 at most, stand in a plain table;
 * as soon as there are more, the transaction that writes them seals the oldest of them in blocks (log_block.h), each with
 * its signature (log_signature.h). LOG_GROUP_BLOCKS blocks in a row become a group, whose signatures are kept by slices.
 * All of it is one transaction with the rows themselves, so a crash leaves no row in two places or in none. */
#ifndef KIMONO_TELEMETRY_LOGS_LOG_STORE_H
#define KIMONO_TELEMETRY_LOGS_LOG_STORE_H

#include "base/arena.h"
#include "store/db.h"
#include "telemetry/engine.h"
#include "telemetry/logs/log_block.h"
#include "telemetry/logs/log_copy.h"
#include "telemetry/logs/log_signature.h"

/* Statements of an engine. The arguments that are named come behind those of the lane (day and lane, or none). */
struct log_sql {
    size_t lane_args;
    /* Rows of the plain table with a number greater than ARG, in order: the columns of log_of_row, number. */
    const char *plain_after;
    const char *delete_plain; /* numbers up to ARG */
    /* first row, row count, content of the last block that begins with row ARG or before; of some
     * blocks from there on, in order */
    const char *block_of, *blocks_from;
    /* first row, row count, first instant, last instant, levels, of blocks that are in no group, in order; of these the
     * first LOG_GROUP_BLOCKS with the signature; the signature of the block that begins with row ARG */
    const char *loose_blocks, *loose_signatures, *signature;
    /* number, block count, first instant, last instant, levels, of all groups; the blocks of
     * group ARG, struct log_block_header one after the other; the slice ARG,
     * which is group * LOG_SLICES + slice */
    const char *groups, *group_blocks, *slice;
    const char *add_block;     /* first row, row count, first instant, last instant, levels, content */
    const char *add_signature; /* first row, signature */
    /* number, block count, first instant, last instant, levels, blocks */
    const char *add_group;
    const char *add_slice;         /* number as in `slice`, bits */
    const char *delete_signatures; /* of blocks that begin with row ARG or before */
    const char *last_group;        /* the highest number; none: null */
    const char *sources;           /* id, name, tenant, of log_sources */
    /* hour, level, id of the source, count, of log_hourly, from hour ARG to before ARG */
    const char *hour_counts;
    const char *
        hours; /* hour, level, name of the source, count, tenant, of log_hourly, from hour ARG to before ARG */
};

struct log_lane {
    struct db *db;
    const struct log_sql *sql;
    int64_t day, lane;
    int64_t rows, sealed_rows; /* `rows` - `sealed_rows` stand in the plain table */
    int64_t loose_blocks;      /* that are in no group */
};

/* Calls db_query with the lane's arguments and those given. */
bool log_lane_query(const struct log_lane *lane, const char *sql, const struct db_value *args, size_t count,
                    struct db_rows *ret_rows, struct error *err);
bool log_lane_execute(const struct log_lane *lane, const char *sql, const struct db_value *args, size_t count,
                      struct error *err);

/* ---- log_append.c: in the transaction that writes ---- */

/* What is remembered from one commit to the next; `struct log_appender appender = {0};` is ready. */
struct log_appender {
    struct log_block_writer writer;
};
void log_appender_release(struct log_appender *appender);

/* The batch's log rows as they are kept: with their instants, no NULL where the tables have none; `drop_invalid`: without
 * what is no UTF-8. Texts that had to be changed are the arena's; the caller frees the array. */
struct log_record *log_records_of(const struct day_batch *batch, bool drop_invalid, struct arena *arena);

/* Seals what is enough for blocks. Before: lane->rows are there, and `records` are about to be added. After: the
 * first `ret_sealed` of them are in blocks, the caller puts the others into the plain table, with the numbers
 * lane->rows + 1 + their place; lane->sealed_rows and lane->loose_blocks are as they are now, lane->rows is the
 * caller's. */
bool log_lane_seal(struct log_lane *lane, struct log_appender *appender, const struct log_record *records,
                   size_t count, size_t *ret_sealed, struct error *err);
/* Of a day that has ended: makes a group of the loose blocks, if they are at least LOG_GROUP_LEAST. */
#define LOG_GROUP_LEAST 16
bool log_lane_group(struct log_lane *lane, struct error *err);

/* ---- log_read.c ---- */

/* Rows with a number greater than `after`, in order. */
bool log_lane_each(const struct log_lane *lane, int64_t after, stored_log_sink sink, void *context,
                   struct error *err);
/* `ret_found` false: there is no such row. The caller releases the copy. */
bool log_lane_find(const struct log_lane *lane, int64_t row, struct log_copy *ret_copy, bool *ret_found,
                   struct error *err);

/* What is wrong with blocks: numbers with gaps, signatures that are not those of the rows; a block that cannot be
 * read is an error. Hands every row to `sink`. */
bool log_lane_check_blocks(const struct log_lane *lane, struct findings *findings, const char *day_text,
                           stored_log_sink sink, void *context, struct error *err);
/* log_check.c: all of the lane's day for `kimono check`; `info`: the table that has its counts. */
bool log_lane_check(const struct log_lane *lane, const char *info, const char *day_text,
                    struct findings *findings, struct error *err);

/* ---- an engine's day, to be read ---- */

/* The lanes of a day as of one moment. */
struct log_reading {
    struct db *db; /* NULL: the day is not here */
    struct log_lane *lanes;
    size_t lane_count;
};

/* All rows of the day, those of each lane in the order of arrival; `after` as in log_lane_each. */
bool log_day_each(struct engine *engine, int32_t day, int limit_ms, stored_log_sink sink, void *context,
                  struct error *err);

#endif
