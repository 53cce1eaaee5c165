/* The operation log: what people, commands and the system itself have changed, and what they were refused, read from
 * the audit log (platform/audit/audit.h, which writes it and keeps its chain). The newest first.
 *
 * Each filter but target_type leads through an index of its own (store/schema.c, ops_logs), so that a rare one costs
 * what it finds; of several the first of these leads: request_id, target_id, user_id, result, action, the time. */
#ifndef KIMONO_OPS_LOGS_OPERATION_LOG_H
#define KIMONO_OPS_LOGS_OPERATION_LOG_H

#include "base/descriptor.h"
#include "formats/csv_writer.h"
#include "platform/audit/audit.h"
#include "platform/platform.h"

#define OPERATION_TEXT_MAX 200                /* characters of a filter */
extern const char *const operation_results[]; /* done, refused, failed; NULL-terminated */

struct operation {
    int64_t id, timestamp;
    const char *user_id, *username; /* "" and "system" or "cli:…" where nobody was signed in */
    const char *action, *target_type, *target_id;
    const char *details; /* JSON: before, after, reason */
    const char *ip_address, *request_id, *result;
};
extern const struct descriptor operation_descriptor;

/* NULL or INT_NULL: any. */
struct operation_filter {
    int64_t start, end; /* [start, end), milliseconds */
    const char *user_id, *action, *target_type, *target_id, *request_id, *result;
};

struct operation_place {
    const char *cursor;      /* next_cursor of the page before; NULL: `page` */
    int64_t page, page_size; /* from 1 */
};
#define OPERATION_PAGE_DEPTH 10000 /* rows that `page` can skip; a cursor has no such limit */

struct operation_list {
    struct operation *items;
    size_t items_count;
    int64_t total, total_at_least; /* one of them; the other INT_NULL */
    int64_t page, page_size;
    const char *next_cursor; /* NULL: this is the end */
};
extern const struct descriptor operation_list_descriptor;

/* ERROR_INVALID names `cursor`, `page` or `end_time`. */
bool operation_list(struct db *db, const struct operation_filter *filter, const struct operation_place *place,
                    struct arena *arena, struct operation_list *ret_list, struct error *err);

/* ERROR_NOT_FOUND. */
bool operation_read(struct db *db, int64_t id, struct arena *arena, struct operation *ret_operation,
                    struct error *err);

enum operation_format { OPERATION_CSV, OPERATION_NDJSON };
struct operation_export {
    struct operation_filter filter;
    enum operation_format format;
    enum language language; /* of the headings */
    const struct actor *actor;
};
/* All that the filter admits, in constant memory, on connections that are given back in between; what is added meanwhile
 * is not in it. Leaves a row in the log itself. */
bool operation_export(const struct platform *platform, const struct operation_export *request,
                      const struct byte_sink *sink, int64_t *ret_count, struct error *err);

#endif
