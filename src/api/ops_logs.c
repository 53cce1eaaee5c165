#include <stdio.h>
#include <string.h>

#include "api/endpoints.h"
#include "base/clock.h"
#include "ops/logs/log_language.h"
#include "ops/logs/log_manager.h"
#include "platform/tenants/tenants.h"
#include "security/redaction.h"
#include "settings/settings.h"

/* --- what all of them are filtered by --- */

struct log_input {
    int64_t start_time, end_time, limit;
    const char *level, *source, *keyword, *query, *tenant_id, *request_id, *cursor, *format, *after;
};
/* clang-format off */
#define LOG_FILTER_PARAMS                                                                                              \
    PARAM_QUERY(struct log_input, start_time, TIME, "Written at or after"),                                           \
    PARAM_QUERY(struct log_input, end_time, TIME, "Written before"),                                                  \
    PARAM_QUERY(struct log_input, level, TEXT, "Only these levels: DEBUG, INFO, WARN, ERROR, or several with commas between", \
                .max = 30, .check = log_levels_check),                                                                \
    PARAM_QUERY(struct log_input, source, TEXT, "Only what this has written", .max = LOG_NAME_MAX),                   \
    PARAM_QUERY(struct log_input, keyword, TEXT, "Any part of the message, in any case and width",                    \
                .max = LOG_KEYWORD_MAX),                                                                              \
    PARAM_QUERY(struct log_input, query, TEXT,                                                                        \
                "Words, \"quoted texts\", field:value, with AND, OR, NOT and brackets", .max = LOG_QUERY_MAX),        \
    PARAM_QUERY(struct log_input, tenant_id, TEXT, "Only about this tenant", .max = TENANT_ID_MAX),                   \
    PARAM_QUERY(struct log_input, request_id, TEXT, "Only of this request", .max = LOG_NAME_MAX)
/* clang-format on */

static struct log_request log_request_of(const struct log_input *input)
{
    return (struct log_request){.start_time = input->start_time,
                                .end_time = input->end_time,
                                .level = input->level,
                                .source = input->source,
                                .keyword = input->keyword,
                                .query = input->query,
                                .tenant_id = input->tenant_id,
                                .request_id = input->request_id};
}

static bool log_filter_of(const struct call *call, struct log_filter *ret_filter, struct error *err)
{
    struct log_request request = log_request_of(call->input);
    return log_filter_make(&request, call->arena, ret_filter, err);
}

/* --- lists and figures --- */

static const struct param log_query_table[] = {
    LOG_FILTER_PARAMS,
    PARAM_QUERY(struct log_input, limit, INT, "Lines at most", .min = 1, .max = LOG_LIST_MAX,
                .fallback = "100"),
    PARAM_QUERY(struct log_input, cursor, TEXT, "next_cursor of the page before", .max = LOG_CURSOR_SIZE - 1),
};
const struct params log_query_params = PARAMS(struct log_input, log_query_table);

bool logs_query_get(struct call *call, struct error *err)
{
    const struct log_input *input = call->input;
    struct log_filter filter;
    struct log_list list;
    return log_filter_of(call, &filter, err) &&
           logs_query(call->platform->telemetry, &filter, input->cursor, (size_t)input->limit, call->arena,
                      &list, err) &&
           reply(call, &log_list_descriptor, &list);
}

static const struct param log_stats_table[] = {LOG_FILTER_PARAMS};
const struct params log_stats_params = PARAMS(struct log_input, log_stats_table);

bool logs_stats_get(struct call *call, struct error *err)
{
    struct log_filter filter;
    struct log_figures figures;
    return log_filter_of(call, &filter, err) &&
           logs_stats(call->platform->telemetry, &filter, call->request->received_at, call->arena, &figures,
                      err) &&
           reply(call, &log_figures_descriptor, &figures);
}

static const struct param log_patterns_table[] = {
    LOG_FILTER_PARAMS,
    PARAM_QUERY(struct log_input, limit, INT, "Patterns at most", .min = 1, .max = LOG_PATTERNS_MAX,
                .fallback = "50"),
};
const struct params log_patterns_params = PARAMS(struct log_input, log_patterns_table);

bool logs_patterns_get(struct call *call, struct error *err)
{
    const struct log_input *input = call->input;
    struct log_filter filter;
    struct log_pattern_list list;
    return log_filter_of(call, &filter, err) &&
           logs_patterns(call->platform->telemetry, &filter, call->request->received_at, (size_t)input->limit,
                         call->arena, &list, err) &&
           reply(call, &log_pattern_list_descriptor, &list);
}

/* --- the lines around one --- */

struct log_context_input {
    const char *id, *tenant_id;
    int64_t before, after;
    bool same_source;
};
static const struct param log_context_table[] = {
    PARAM_QUERY(struct log_context_input, id, TEXT, "Id of the line", .required = true,
                .max = LOG_ID_SIZE - 1, .check = log_id_check),
    PARAM_QUERY(struct log_context_input, before, INT, "Lines before it", .min = 0, .max = LOG_CONTEXT_MAX,
                .fallback = "20"),
    PARAM_QUERY(struct log_context_input, after, INT, "Lines after it", .min = 0, .max = LOG_CONTEXT_MAX,
                .fallback = "20"),
    PARAM_QUERY(struct log_context_input, same_source, BOOL, "Only lines of its source"),
    PARAM_QUERY(struct log_context_input, tenant_id, TEXT, "Only lines about this tenant",
                .max = TENANT_ID_MAX),
};
const struct params log_context_params = PARAMS(struct log_context_input, log_context_table);

bool logs_context_get(struct call *call, struct error *err)
{
    const struct log_context_input *input = call->input;
    struct log_surroundings surroundings = {.id = input->id,
                                            .before = (size_t)input->before,
                                            .after = (size_t)input->after,
                                            .same_source = input->same_source,
                                            .tenant_id = input->tenant_id};
    struct log_list list;
    return logs_context(call->platform->telemetry, &surroundings, call->arena, &list, err) &&
           reply(call, &log_list_descriptor, &list);
}

/* --- the tail --- */

#define TAIL_STEP_MS 500
#define TAIL_BATCH 200
#define TAIL_READ_MS 2000
#define TAIL_ALIVE_US                                                                                        \
    5000000 /* a line that says nothing, by which either side notices that the other has gone */
#define TAIL_ID "Last-Event-ID"

static const struct param log_tail_table[] = {
    LOG_FILTER_PARAMS,
    PARAM_QUERY(struct log_input, after, TEXT,
                "Goes on behind the line of this id, as " TAIL_ID " does; absent: what comes from now on",
                .max = LOG_ID_SIZE - 1, .check = log_id_check),
};
const struct params log_tail_params = PARAMS(struct log_input, log_tail_table);

struct tail_answer {
    struct platform *platform;
    struct log_filter filter;
    const char *after, *token; /* whoever is logged out or disabled meanwhile sees no more */
    enum tenant_gate gate;
    struct strbuf event;
    size_t sent; /* events of the last reading */
    struct http_stream *stream;
};

static void tail_mask(const struct json_mask *mask, enum personal personal, const char *text,
                      struct strbuf *out)
{
    (void)mask;
    (personal == PERSONAL_WHOLE ? redact_whole : redact)(out, text);
}

static bool tail_send_line(void *context, const struct found_log *found, struct error *err)
{
    static const struct json_mask mask = {.apply = tail_mask};
    struct tail_answer *answer = context;
    const struct log_record *record = &found->record;
    struct log_line line = {.id = found->id,
                            .timestamp = record->timestamp,
                            .level = log_level_names[record->level],
                            .source = record->source,
                            .message = record->message,
                            .tenant_id = record->tenant_id && *record->tenant_id ? record->tenant_id : NULL,
                            .request_id =
                                record->request_id && *record->request_id ? record->request_id : NULL,
                            .fields = record->fields};
    struct json_writer w = {.out = &answer->event, .mask = &mask};
    strbuf_reset(&answer->event);
    strbuf_printf(&answer->event, "id: %s\ndata: ", found->id);
    json_struct(&w, &log_line_descriptor, &line);
    strbuf_puts(&answer->event, "\n\n");
    answer->sent++;
    return http_stream_write(answer->stream, answer->event.bytes, answer->event.length, err);
}

static bool tail_is_permitted(const struct tail_answer *answer)
{
    CLEANUP(arena_release) struct arena arena = {0};
    struct principal principal;
    struct error err;
    error_clear(&err);
    return auth_check(answer->platform, answer->token, answer->gate, &arena, &principal, &err);
}

/* Ends without a failure when the caller may not see it any more, or the server stops: the client asks again. */
static bool tail_follow(struct tail_answer *answer, struct log_tail *tail, struct error *err)
{
    int64_t said_at = clock_monotonic_us();
    bool more = false;
    do {
        if (!tail_is_permitted(answer))
            return true;
        answer->sent = 0;
        if (!log_tail_read(tail, &answer->filter, TAIL_BATCH, TAIL_READ_MS, tail_send_line, answer, &more,
                           err))
            return false;
        int64_t now = clock_monotonic_us();
        bool silent = answer->sent == 0 && now - said_at < TAIL_ALIVE_US;
        if (silent)
            continue;
        if ((answer->sent == 0 && !http_stream_write(answer->stream, ":\n\n", 3, err)) ||
            !http_stream_flush(answer->stream, err))
            return false;
        said_at = now;
    } while (http_stream_wait(answer->stream, more ? 1 : TAIL_STEP_MS));
    return true;
}

static bool produce_tail(void *context, struct http_stream *stream, struct error *err)
{
    static const char greeting[] = "retry: 2000\n:\n\n";
    struct tail_answer *answer = context;
    struct log_tail *tail;
    answer->stream = stream;
    if (!log_tail_open(&tail, answer->platform->telemetry, answer->after, err))
        return false;
    bool done = http_stream_write(stream, greeting, sizeof(greeting) - 1, err) &&
                http_stream_flush(stream, err) && tail_follow(answer, tail, err);
    log_tail_close(tail);
    strbuf_release(&answer->event);
    return done;
}

bool logs_tail_get(struct call *call, struct error *err)
{
    const struct log_input *input = call->input;
    const char *last = http_request_header(call->request, TAIL_ID);
    struct tail_answer *answer = arena_alloc(call->arena, sizeof(*answer));
    bool from_cookie;
    *answer = (struct tail_answer){.platform = call->platform,
                                   .after = last && *last ? last : input->after,
                                   .token = call_token(call, &from_cookie),
                                   .gate = call->route->gate};
    return (!answer->after || log_id_check(answer->after, err)) &&
           log_filter_of(call, &answer->filter, err) && reply_stream(call, NULL, NULL, produce_tail, answer);
}

/* --- export --- */

static const char *const log_formats[] = {"csv", "ndjson", NULL};
static const struct param log_export_table[] = {
    LOG_FILTER_PARAMS,
    PARAM_QUERY(struct log_input, format, TEXT, "Kind of file", .values = log_formats, .fallback = "csv"),
};
const struct params log_export_params = PARAMS(struct log_input, log_export_table);

struct log_download {
    const struct platform *platform;
    struct log_request request;
    enum log_format format;
    const struct actor *actor;
};

static bool log_download_write(void *context, const char *bytes, size_t length, struct error *err)
{
    return http_stream_write(context, bytes, length, err);
}

static bool produce_log_export(void *context, struct http_stream *stream, struct error *err)
{
    const struct log_download *download = context;
    struct byte_sink sink = {log_download_write, stream};
    return logs_export(download->platform, &download->request, download->format, download->actor, &sink, err);
}

bool logs_export_get(struct call *call, struct error *err)
{
    const struct log_input *input = call->input;
    struct log_download *download = arena_alloc(call->arena, sizeof(*download));
    bool is_csv = strcmp(input->format, "csv") == 0;
    char day[CLOCK_DAY_SIZE];
    struct log_filter filter; /* what is wrong with it is said before the first byte */
    *download = (struct log_download){.platform = call->platform,
                                      .request = log_request_of(input),
                                      .format = is_csv ? LOG_FORMAT_CSV : LOG_FORMAT_NDJSON,
                                      .actor = &call->actor};
    clock_day_format(clock_day(call->request->received_at), day);
    return log_filter_of(call, &filter, err) &&
           reply_stream(call, is_csv ? NULL : call->route->other_content_type,
                        arena_printf(call->arena, "%s-%s.%s",
                                     call->request->language == LANGUAGE_ZH ? "日志" : "logs", day,
                                     input->format),
                        produce_log_export, download);
}

/* --- saved queries --- */

bool log_queries_get(struct call *call, struct error *err)
{
    struct saved_query *queries;
    size_t count;
    CLEANUP(store_reader_release) struct db *db = NULL;
    return store_reader(call->platform->store, READ_LIMIT_MS, &db, err) &&
           saved_queries_list(db, call->principal.user_id, call->arena, &queries, &count, err) &&
           reply_list(call, &saved_query_descriptor, queries, count, (int64_t)count, 1, (int64_t)count);
}

/* Texts that ask for something, or are absent. */
static bool log_query_text_check(const char *query, struct error *err)
{
    CLEANUP(arena_release) struct arena arena = {0};
    const struct log_expression *expression;
    return log_language_parse(query, &arena, &expression, err);
}

struct log_query_input {
    const char *name, *query, *keyword, *level, *source, *tenant_id;
    bool shared;
};
static const struct param log_query_new_table[] = {
    PARAM_BODY(struct log_query_input, name, TEXT, "What it is called", .required = true, .min = 1,
               .max = SAVED_QUERY_NAME_MAX, .check = saved_query_name_check),
    PARAM_BODY(struct log_query_input, query, TEXT, "As /logs/query takes it", .max = LOG_QUERY_MAX,
               .check = log_query_text_check),
    PARAM_BODY(struct log_query_input, keyword, TEXT, "A part of the message", .max = LOG_KEYWORD_MAX),
    PARAM_BODY(struct log_query_input, level, TEXT, "As /logs/query takes it", .max = 30,
               .check = log_levels_check),
    PARAM_BODY(struct log_query_input, source, TEXT, "Source", .max = LOG_NAME_MAX),
    PARAM_BODY(struct log_query_input, tenant_id, TEXT, "Tenant", .max = TENANT_ID_MAX),
    PARAM_BODY(struct log_query_input, shared, BOOL, "Everyone sees it"),
};
const struct params log_query_new_params = PARAMS(struct log_query_input, log_query_new_table);

static const char *log_query_text(const char *text)
{
    return text ? text : "";
}

bool log_query_post(struct call *call, struct error *err)
{
    const struct log_query_input *input = call->input;
    struct saved_query query = {.name = input->name,
                                .query = log_query_text(input->query),
                                .keyword = log_query_text(input->keyword),
                                .level = log_query_text(input->level),
                                .source = log_query_text(input->source),
                                .tenant_id = log_query_text(input->tenant_id),
                                .shared = input->shared},
                       saved;
    return saved_query_add(call->platform, &call->actor, &query, call->arena, &saved, err) &&
           reply(call, &saved_query_descriptor, &saved);
}

struct log_query_one_input {
    int64_t id;
};
static const struct param log_query_one_table[] = {
    PARAM_PATH(struct log_query_one_input, id, INT, "Id of the query", .min = 1, .max = 9e15),
};
const struct params log_query_one_params = PARAMS(struct log_query_one_input, log_query_one_table);

bool log_query_delete(struct call *call, struct error *err)
{
    const struct log_query_one_input *input = call->input;
    return saved_query_delete(call->platform, &call->actor, input->id, call->principal.role == ROLE_OPS_ADMIN,
                              err) &&
           reply_empty(call);
}
