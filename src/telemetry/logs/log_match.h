/* Whether a log row is one that a filter asks for: the filter with its texts folded, asked row by row. */
#ifndef KIMONO_TELEMETRY_LOGS_LOG_MATCH_H
#define KIMONO_TELEMETRY_LOGS_LOG_MATCH_H

#include "base/strbuf.h"
#include "telemetry/log_search.h"

#define LOG_NUMBER_SIZE 40

/* A node of the expression; `left` and `right` are places in the matcher's list. */
struct log_match_node {
    enum log_expression_kind kind;
    size_t left, right;
    enum log_level level;
    const char *key, *value;      /* as they came */
    struct strbuf folded;         /* of `value`, for LOG_TEXT and LOG_FIELD */
    char number[LOG_NUMBER_SIZE]; /* LOG_FIELD: `value` as a number of log_fields_each; "": it is none */
};

struct log_matcher {
    const struct log_filter *filter;
    struct log_match_node *nodes; /* [0] is the root; none: every text */
    size_t node_count;
    bool has_text;         /* a node is LOG_TEXT */
    struct strbuf scratch; /* the folded message of the present row */
};

/* The filter must outlive the matcher. ERROR_INVALID for an expression that is too large. For one thread. */
bool log_matcher_init(struct log_matcher *matcher, const struct log_filter *filter, struct error *err);
void log_matcher_release(struct log_matcher *matcher);

/* The row by all that the filter says. */
bool log_matcher_accepts(struct log_matcher *matcher, const struct log_record *record);

/* Calls `receive` for each name and value of `fields` that LOG_FIELD can find: texts folded, numbers in one form,
 * true, false and null. Nothing for what is no JSON object. `receive` returns whether to go on. */
enum log_field_type { LOG_FIELD_TEXT, LOG_FIELD_NUMBER, LOG_FIELD_WORD };
typedef bool (*log_field_fn)(void *context, const char *key, enum log_field_type type, const char *value,
                             size_t length);
void log_fields_each(const char *fields, log_field_fn receive, void *context);

#endif
