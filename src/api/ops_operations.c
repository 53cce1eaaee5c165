/* The operation log: who changed what, and who was refused. */
#include <string.h>

#include "api/endpoints.h"
#include "base/clock.h"
#include "ops/logs/operation_log.h"

struct operations_input {
    int64_t start_time, end_time;
    const char *user_id, *action, *target_type, *target_id, *request_id, *result, *cursor, *format;
    int64_t page, page_size;
};
#define FILTER                                                                                               \
    PARAM_QUERY(struct operations_input, start_time, TIME, "From this instant on"),                          \
        PARAM_QUERY(struct operations_input, end_time, TIME, "Before this instant"),                         \
        PARAM_QUERY(struct operations_input, user_id, TEXT,                                                  \
                    "Only by this user; empty: by the system itself and by commands",                        \
                    .max = OPERATION_TEXT_MAX),                                                              \
        PARAM_QUERY(struct operations_input, action, TEXT, "Only this action, as tenant.suspend",            \
                    .max = OPERATION_TEXT_MAX),                                                              \
        PARAM_QUERY(struct operations_input, target_type, TEXT, "Only done to things of this kind",          \
                    .max = OPERATION_TEXT_MAX),                                                              \
        PARAM_QUERY(struct operations_input, target_id, TEXT, "Only done to what has this id",               \
                    .max = OPERATION_TEXT_MAX),                                                              \
        PARAM_QUERY(struct operations_input, request_id, TEXT, "Only what this request caused",              \
                    .max = OPERATION_TEXT_MAX),                                                              \
        PARAM_QUERY(struct operations_input, result, TEXT, "Only what came out so",                          \
                    .values = operation_results)

static const struct param operations_table[] = {
    FILTER,
    PARAM_QUERY(struct operations_input, cursor, TEXT,
                "next_cursor of the page before; page is then without effect", .max = 40),
    PARAMS_PAGE(struct operations_input),
};
const struct params operations_params = PARAMS(struct operations_input, operations_table);

static struct operation_filter operations_filter(const struct operations_input *input)
{
    return (struct operation_filter){
        .start = input->start_time,
        .end = input->end_time,
        .user_id = input->user_id,
        .action = input->action,
        .target_type = input->target_type,
        .target_id = input->target_id,
        .request_id = input->request_id,
        .result = input->result,
    };
}

bool operations_get(struct call *call, struct error *err)
{
    const struct operations_input *input = call->input;
    struct operation_filter filter = operations_filter(input);
    struct operation_place place = {input->cursor, input->page, input->page_size};
    struct operation_list list;
    CLEANUP(store_reader_release) struct db *db = NULL;
    return store_reader(call->platform->store, READ_LIMIT_MS, &db, err) &&
           operation_list(db, &filter, &place, call->arena, &list, err) &&
           reply(call, &operation_list_descriptor, &list);
}

struct operation_input {
    int64_t id;
};
static const struct param operation_table[] = {
    PARAM_PATH(struct operation_input, id, INT, "Number of the row", .min = 1, .max = 1e15),
};
const struct params operation_params = PARAMS(struct operation_input, operation_table);

bool operation_get(struct call *call, struct error *err)
{
    const struct operation_input *input = call->input;
    struct operation operation;
    CLEANUP(store_reader_release) struct db *db = NULL;
    return store_reader(call->platform->store, READ_LIMIT_MS, &db, err) &&
           operation_read(db, input->id, call->arena, &operation, err) &&
           reply(call, &operation_descriptor, &operation);
}

static const char *const operation_formats[] = {"csv", "ndjson", NULL};
static const struct param operations_export_table[] = {
    FILTER,
    PARAM_QUERY(struct operations_input, format, TEXT, "Kind of file", .values = operation_formats,
                .fallback = "csv"),
};
const struct params operations_export_params = PARAMS(struct operations_input, operations_export_table);

struct operations_download {
    const struct platform *platform;
    struct operation_export request;
};

static bool operations_write_bytes(void *context, const char *bytes, size_t length, struct error *err)
{
    return http_stream_write(context, bytes, length, err);
}

static bool operations_produce(void *context, struct http_stream *stream, struct error *err)
{
    const struct operations_download *download = context;
    struct byte_sink sink = {operations_write_bytes, stream};
    int64_t count;
    return operation_export(download->platform, &download->request, &sink, &count, err);
}

bool operations_export_get(struct call *call, struct error *err)
{
    (void)err;
    const struct operations_input *input = call->input;
    const bool is_csv = strcmp(input->format, "csv") == 0;
    const char *stem = call->request->language == LANGUAGE_ZH ? "操作日志" : "operations";
    struct operations_download *download = arena_alloc(call->arena, sizeof(*download));
    char day[CLOCK_DAY_SIZE];
    *download = (struct operations_download){
        .platform = call->platform,
        .request = {.filter = operations_filter(input),
                    .format = is_csv ? OPERATION_CSV : OPERATION_NDJSON,
                    .language = call->request->language,
                    .actor = &call->actor},
    };
    clock_day_format(clock_day(call->request->received_at), day);
    const char *name = arena_printf(call->arena, "%s-%s.%s", stem, day, is_csv ? "csv" : "ndjson");
    return reply_stream(call, is_csv ? NULL : call->route->other_content_type, name, operations_produce,
                        download);
}
