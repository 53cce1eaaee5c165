/* Finding log rows: newest first, those around one, those that came after one, and how many there are of which kind.
 *
 * A row has an id, a text that never changes: its day, the lane that it was written in (day files have one), its number
 * there. Rows are in the order of their day, their instant, their id; lists go by that order, the tail by the order
 * in which rows arrived.
 *
 * Texts are compared folded (search/fold.h: without regard to case and width), names and ids byte by byte. Every
 * call has a time limit; where it is over, what was found is right and `complete` is false. */
#ifndef KIMONO_TELEMETRY_LOG_SEARCH_H
#define KIMONO_TELEMETRY_LOG_SEARCH_H

#include "telemetry/telemetry.h"

#define LOG_ID_SIZE 64
#define LOG_CURSOR_SIZE 128

enum log_expression_kind {
    LOG_AND, /* left and right */
    LOG_OR,
    LOG_NOT,      /* not left */
    LOG_TEXT,     /* `value` is any part of the message, from one character up; "" is part of all */
    LOG_FIELD,    /* `fields` has the name `key` (byte by byte) with this value: a text (folded), a number, or
                       true, false, null. Not what lies in objects and lists within it */
    LOG_LEVEL_IS, /* `level` */
    LOG_SOURCE_IS,  /* `value` */
    LOG_TENANT_IS,  /* `value`; "": rows of no tenant */
    LOG_REQUEST_IS, /* `value` */
};

/* A tree of the caller's, no deeper than LOG_EXPRESSION_DEPTH and with no more than LOG_EXPRESSION_NODES nodes (else
 * ERROR_INVALID). */
#define LOG_EXPRESSION_DEPTH 64
#define LOG_EXPRESSION_NODES 256
struct log_expression {
    enum log_expression_kind kind;
    const struct log_expression *left, *right;
    const char *key, *value;
    enum log_level level;
};

#define LOG_LEVEL_BIT(level) (1u << (level))

/* All of these; zero, or NULL, is any. */
struct log_filter {
    int64_t start, end; /* ms: start <= timestamp < end; `end` 0: no end */
    unsigned levels;    /* LOG_LEVEL_BIT of each */
    const char *source, *tenant_id, *request_id;
    const struct log_expression *text;
};

/* What is handed to a sink lives until it returns. */
struct found_log {
    char id[LOG_ID_SIZE];
    struct log_record record; /* what the record had not is NULL */
};
typedef bool (*found_log_sink)(void *context, const struct found_log *log, struct error *err);

/* ERROR_INVALID for a text that is no id. */
bool log_id_check(const char *id, struct error *err);

struct log_search_end {
    bool complete;                /* false: the time limit ended the search */
    char cursor[LOG_CURSOR_SIZE]; /* where to go on; "": there is nothing more */
};

/* Newest first, `limit` rows at most. `cursor` NULL or "": from the newest on; else where an earlier search has
 * ended: the rows that follow exactly, whatever has been written meanwhile. ERROR_INVALID for a text that is none. */
bool telemetry_search_logs(struct telemetry *telemetry, const struct log_filter *filter, const char *cursor,
                           size_t limit, int limit_ms, found_log_sink sink, void *context,
                           struct log_search_end *ret_end, struct error *err);

/* The row itself, with up to `before` rows before it and `after` behind it, oldest first; `same_source`: of its source
 * only. With `tenant_id`, of this tenant only. ERROR_NOT_FOUND: there is no such row, or not any longer. */
struct log_surroundings {
    const char *id;
    size_t before, after;
    bool same_source;
    const char *tenant_id;
};
bool telemetry_log_context(struct telemetry *telemetry, const struct log_surroundings *surroundings,
                           int limit_ms, found_log_sink sink, void *context, struct error *err);

/* Where a tail has come to: for each lane of the newest days the last row that it has seen. */
struct log_tail;
/* Behind all that is there now; with `id`, behind that row (a day or more ago: from the newest day on). */
bool log_tail_open(struct log_tail **ret_tail, struct telemetry *telemetry, const char *id,
                   struct error *err);
void log_tail_close(struct log_tail *tail); /* takes NULL */
/* Rows that have arrived since, `limit` at most, those of each lane in the order of arrival. `ret_more`: there may be
 * more at once. When nothing was written since the last call it costs one look at the day. */
bool log_tail_read(struct log_tail *tail, const struct log_filter *filter, size_t limit, int limit_ms,
                   found_log_sink sink, void *context, bool *ret_more, struct error *err);

/* How many rows of which kind. */
#define LOG_NAMES_MAX 1000
struct log_name_count {
    char *name; /* "": rows that have none */
    int64_t count, errors;
};
struct log_names {
    struct log_name_count *items; /* most frequent first */
    size_t count;
    int64_t others; /* rows whose names are not among LOG_NAMES_MAX */
};
struct log_bucket {
    int64_t count, errors;
};
struct log_stats {
    int64_t start, end; /* what was counted: by roll-ups, whole hours that have the filter's range within */
    bool complete;      /* false: the time limit ended the count; the newest rows were counted */
    bool by_rollups;
    int64_t total, by_level[4]; /* by enum log_level */
    struct log_names sources, tenants;
    struct log_bucket *buckets; /* from `start` on, each bucket_ms wide */
    size_t bucket_count;
};
#define LOG_BUCKETS_MAX 2000
/* `filter` needs both start and end. Where bucket_ms is whole hours and the filter has no text and no request_id,
 * from roll-ups, at a cost that does not grow with the rows; else rows are counted within the time limit. ERROR_INVALID
 * for more than LOG_BUCKETS_MAX buckets. */
bool telemetry_log_stats(struct telemetry *telemetry, const struct log_filter *filter, int64_t bucket_ms,
                         int limit_ms, struct log_stats *ret_stats, struct error *err);
void log_stats_release(struct log_stats *stats);

#endif
