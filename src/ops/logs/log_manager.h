/* Logs as the console shows them: lists, counts, the lines around one, patterns, exports, the queries that people keep.
 * What is searched, and how, is telemetry/log_search.h; the language of `query` is log_language.h; what is masked before
 * a row is kept is telemetry/log_redaction.h. Writing rows: telemetry_log; the audit log: platform/audit/. */
#ifndef KIMONO_OPS_LOGS_LOG_MANAGER_H
#define KIMONO_OPS_LOGS_LOG_MANAGER_H

#include "base/descriptor.h"
#include "base/json_writer.h"
#include "formats/csv_writer.h"
#include "platform/audit/audit.h"
#include "platform/platform.h"
#include "telemetry/log_search.h"

#define LOG_KEYWORD_MAX 500 /* characters */
#define LOG_NAME_MAX 100    /* of a source, a request's id */
#define LOG_LIST_MAX 1000
#define LOG_CONTEXT_MAX 100
#define LOG_PATTERNS_MAX 500

extern const char *const log_level_names[]; /* DEBUG, INFO, WARN, ERROR, NULL */

/* What is asked for; absent: NULL, INT_NULL. */
struct log_request {
    int64_t start_time, end_time; /* [start, end) */
    const char *level;            /* one or several, with commas between */
    const char *source, *keyword, *query, *tenant_id, *request_id;
};
/* `level` as in struct log_request. ERROR_INVALID. */
bool log_levels_check(const char *levels, struct error *err);
/* As telemetry takes it; in the arena. ERROR_INVALID names what is wrong. */
bool log_filter_make(const struct log_request *request, struct arena *arena, struct log_filter *ret_filter,
                     struct error *err);

struct log_line {
    const char *id;
    int64_t timestamp;
    const char *level, *source, *message, *tenant_id, *request_id, *fields;
};
extern const struct descriptor log_line_descriptor;

struct log_list {
    struct log_line *items;
    size_t items_count;
    const char *next_cursor;
    bool complete;
};
extern const struct descriptor log_list_descriptor;

/* Newest first. What is longer than memory for an answer allows ends the list early, with a cursor. */
bool logs_query(struct telemetry *telemetry, const struct log_filter *filter, const char *cursor,
                size_t limit, struct arena *arena, struct log_list *ret_list, struct error *err);
/* The line `surroundings->id` and those around it, oldest first; next_cursor is NULL. */
bool logs_context(struct telemetry *telemetry, const struct log_surroundings *surroundings,
                  struct arena *arena, struct log_list *ret_list, struct error *err);

struct log_count {
    const char *name;
    int64_t count;
};
struct log_bar {
    int64_t time, count, errors;
};
struct log_figures {
    int64_t start_time, end_time, total, bucket_seconds;
    bool complete;
    struct log_count *by_level, *by_source, *by_tenant;
    size_t by_level_count, by_source_count, by_tenant_count;
    int64_t other_sources, other_tenants;
    struct log_bar *histogram;
    size_t histogram_count;
};
extern const struct descriptor log_figures_descriptor;
/* An open range is the last 24 hours, or the 24 hours before its end. */
bool logs_stats(struct telemetry *telemetry, const struct log_filter *filter, int64_t now,
                struct arena *arena, struct log_figures *ret_figures, struct error *err);

/* Lines of one level and source grouped by their shape (log_shape.h). */
struct log_pattern {
    const char *pattern, *level, *source;
    int64_t count, first_seen, last_seen;
    const char *example, *example_id;
    int64_t previous_count; /* in the 24 hours before the range; INT_NULL: they could not all be read */
    const char *novelty;    /* log_novelties */
    const char *query;      /* in the language: finds its lines (and may find more) */
};
struct log_pattern_list {
    struct log_pattern *items;
    size_t items_count;
    int64_t start_time, end_time, lines, patterns, other_lines, counted_from;
    bool complete;
};
extern const struct descriptor log_pattern_list_descriptor;
/* The `limit` most frequent ones; range as in logs_stats. */
bool logs_patterns(struct telemetry *telemetry, const struct log_filter *filter, int64_t now, size_t limit,
                   struct arena *arena, struct log_pattern_list *ret_list, struct error *err);

/* Every line that the filter admits, newest first, in constant memory; the audit row logs.export is written before
 * the first of them. */
enum log_format { LOG_FORMAT_CSV, LOG_FORMAT_NDJSON };
bool logs_export(const struct platform *platform, const struct log_request *request, enum log_format format,
                 const struct actor *actor, const struct byte_sink *sink, struct error *err);

/* --- queries that people keep: one's own, and those that were shared --- */

#define SAVED_QUERY_NAME_MAX 80
#define SAVED_QUERIES_EACH 100
struct saved_query {
    int64_t id;
    const char *name, *query, *keyword, *level, *source, *tenant_id;
    bool shared, own;
    const char *created_by;
    int64_t created_at;
};
extern const struct descriptor saved_query_descriptor;
bool saved_query_name_check(const char *name, struct error *err);
/* By name. */
bool saved_queries_list(struct db *db, const char *user_id, struct arena *arena,
                        struct saved_query **ret_queries, size_t *ret_count, struct error *err);
/* ERROR_CONFLICT: this person has one of this name; ERROR_INVALID: too many. */
bool saved_query_add(const struct platform *platform, const struct actor *actor,
                     const struct saved_query *query, struct arena *arena, struct saved_query *ret_query,
                     struct error *err);
/* One's own, or with `any` a shared one. ERROR_NOT_FOUND. */
bool saved_query_delete(const struct platform *platform, const struct actor *actor, int64_t id, bool any,
                        struct error *err);

#endif
