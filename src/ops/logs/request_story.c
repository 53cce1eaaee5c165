#include "ops/logs/request_story.h"

#include <inttypes.h>
#include <string.h>

#include "base/clock.h"
#include "base/identifier.h"
#include "base/json_reader.h"
#include "base/memory.h"
#include "platform/knowledge/knowledge.h"
#include "telemetry/log_search.h"

#define LOG_LIMIT_MS 1500   /* of looking for log rows */
#define USAGE_LIMIT_MS 1000 /* of reading a day's calls */
#define BEFORE_MS (10 * MINUTE_MS)
#define BEHIND_MS (2 * DAY_MS)
#define DAYS_MAX 4 /* whose calls are read */

static const char *const story_levels[] = {
    [LOG_DEBUG] = "DEBUG", [LOG_INFO] = "INFO", [LOG_WARN] = "WARN", [LOG_ERROR] = "ERROR", NULL};

static const char *const story_outcomes[] = {
    [USAGE_OK] = "ok",
    [USAGE_FAILED] = "failed",
    [USAGE_TIMEOUT] = "timeout",
    [USAGE_THROTTLED] = "throttled",
    [USAGE_REJECTED] = "rejected",
    [USAGE_ABORTED] = "aborted",
    [USAGE_MODERATED] = "moderated",
    NULL,
};

static const struct field story_log_fields[] = {
    FIELD(struct story_log, id, TEXT, "Id of the row"),
    FIELD(struct story_log, timestamp, TIME, "When"),
    FIELD(struct story_log, level, TEXT, "How grave", .values = story_levels),
    FIELD(struct story_log, source, TEXT, "Which part of the product wrote it"),
    FIELD(struct story_log, message, TEXT, "What it says", .personal = PERSONAL_PARTS),
    FIELD(struct story_log, tenant_id, TEXT, "Whose request it was; null: nobody's", .nullable = true),
    FIELD(struct story_log, fields, JSON, "More about it; null: nothing", .nullable = true,
          .personal = PERSONAL_PARTS),
};
const struct descriptor story_log_descriptor = DESCRIPTOR("StoryLog", struct story_log, story_log_fields);

static const struct field story_usage_fields[] = {
    FIELD(struct story_usage, timestamp, TIME, "When it was called"),
    FIELD(struct story_usage, api_type, TEXT, "Which provider"),
    FIELD(struct story_usage, operation, TEXT, "chat, embedding, query …"),
    FIELD(struct story_usage, model, TEXT, "Which model; null: none", .nullable = true),
    FIELD(struct story_usage, tenant_id, TEXT, "For which tenant; null: none", .nullable = true),
    FIELD(struct story_usage, outcome, TEXT, "What came of it", .values = story_outcomes),
    FIELD(struct story_usage, tokens_input, INT, "Tokens that were sent"),
    FIELD(struct story_usage, tokens_output, INT, "Tokens that came back"),
    FIELD(struct story_usage, tokens_cached, INT, "Of those that were sent, at the price of cached ones"),
    FIELD(struct story_usage, latency_ms, INT, "How long it took, ms"),
    FIELD(struct story_usage, cost_cny, MONEY, "What it cost, yuan; null: there is no price",
          .nullable = true),
};
const struct descriptor story_usage_descriptor =
    DESCRIPTOR("StoryUsage", struct story_usage, story_usage_fields);

static const struct field story_source_fields[] = {
    FIELD(struct story_source, qa_pair_id, INT, "Id of the pair"),
    FIELD(struct story_source, question, TEXT, "Its question as it is now; null: it is gone",
          .nullable = true, .personal = PERSONAL_PARTS),
    FIELD(struct story_source, score, REAL, "How well it fits, 0 to 1"),
};
static const struct descriptor story_source_descriptor =
    DESCRIPTOR("StorySource", struct story_source, story_source_fields);

static const struct field story_message_fields[] = {
    FIELD(struct story_message, message_id, TEXT, "Id of the answer"),
    FIELD(struct story_message, conversation_id, TEXT, "Id of the conversation"),
    FIELD(struct story_message, tenant_id, TEXT, "Whose customer asked"),
    FIELD(struct story_message, created_at, TIME, "When it was asked"),
    FIELD(struct story_message, question, TEXT, "What was asked", .personal = PERSONAL_PARTS),
    FIELD(struct story_message, answer, TEXT, "What was answered", .personal = PERSONAL_PARTS),
    FIELD(struct story_message, answered, BOOL, "The answer came from a pair"),
    FIELD(struct story_message, latency_ms, INT, "How long the answer took, ms"),
    FIELD_MANY(struct story_message, sources, LIST, "The pairs that were found for it, best first",
               .of = &story_source_descriptor),
};
const struct descriptor story_message_descriptor =
    DESCRIPTOR("StoryMessage", struct story_message, story_message_fields);

/* A story while it is put together. */
struct story_search {
    const struct platform *platform;
    struct arena *arena;
    struct request_story story;
    int32_t days[DAYS_MAX]; /* in which parts of it lie */
    size_t day_count;
};

/* Something of it lies at this instant. */
static void story_note(struct story_search *search, int64_t at, const char *tenant_id)
{
    struct request_story *story = &search->story;
    int32_t day = clock_day(at);
    if (story->started_at == INT_NULL || at < story->started_at)
        story->started_at = at;
    if (story->ended_at == INT_NULL || at > story->ended_at)
        story->ended_at = at;
    if (tenant_id && *tenant_id && !story->tenant_id)
        story->tenant_id = tenant_id;
    for (size_t i = 0; i < search->day_count; i++)
        if (search->days[i] == day)
            return;
    if (search->day_count == DAYS_MAX)
        story->complete = false;
    else
        search->days[search->day_count++] = day;
}

/* The instant in an id of ours (base/identifier.h). */
static bool story_time_of_id(const char *id, int64_t *ret_at)
{
    int64_t at = 0;
    if (strlen(id) != IDENTIFIER_LENGTH)
        return false;
    for (size_t i = 0; i < IDENTIFIER_LENGTH; i++) {
        const char *digit = strchr(IDENTIFIER_DIGITS, id[i]);
        if (!digit)
            return false;
        if (i < 10)
            at = at * 32 + (digit - IDENTIFIER_DIGITS);
    }
    *ret_at = at;
    return at > 0 && at <= clock_now_ms() + DAY_MS;
}

static const char *story_text(struct story_search *search, const char *text)
{
    return text && *text ? arena_strdup(search->arena, text) : NULL;
}

/* ---- log rows ---- */

static bool story_take_log(void *context, const struct found_log *found, struct error *err)
{
    (void)err;
    struct story_search *search = context;
    const struct log_record *record = &found->record;
    struct story_log *log = &search->story.log[search->story.log_count++];
    *log = (struct story_log){
        .id = arena_strdup(search->arena, found->id),
        .timestamp = record->timestamp,
        .level = story_levels[record->level],
        .source = arena_strdup(search->arena, record->source),
        .message = arena_strdup(search->arena, record->message),
        .tenant_id = story_text(search, record->tenant_id),
        .fields = story_text(search, record->fields),
    };
    story_note(search, log->timestamp, log->tenant_id);
    return true;
}

static bool story_read_log(struct story_search *search, int64_t start, int64_t end, struct error *err)
{
    struct request_story *story = &search->story;
    struct log_filter filter = {.start = start, .end = end, .request_id = story->request_id};
    struct log_search_end ending;
    if (!story->log)
        story->log = arena_alloc(search->arena, STORY_LOG_MAX * sizeof(*story->log));
    if (!telemetry_search_logs(search->platform->telemetry, &filter, NULL, STORY_LOG_MAX, LOG_LIMIT_MS,
                               story_take_log, search, &ending, err))
        return false;
    story->complete = story->complete && ending.complete && !*ending.cursor;
    for (size_t i = 0, k = story->log_count; i + 1 < k; i++) { /* they came newest first */
        struct story_log log = story->log[i];
        story->log[i] = story->log[--k];
        story->log[k] = log;
    }
    return true;
}

/* ---- what the main store has ---- */

static const char SQL_MESSAGE[] =
    "SELECT m.public_id AS message_id, c.public_id AS conversation_id, m.tenant_id AS tenant_id,"
    " m.created_at AS created_at, m.question AS question, m.answer AS answer, m.answered AS answered,"
    " m.latency_ms AS latency_ms, m.sources AS found"
    " FROM messages m JOIN conversations c ON c.id = m.conversation_id WHERE m.request_id = $1"
    " ORDER BY m.id LIMIT 1";

#define COLUMN_SOURCES 8

/* They are kept as [{"qa_pair_id", "score"}]. */
static void story_read_sources(struct story_search *search, const char *json, struct story_message *message)
{
    CLEANUP(json_delete) cJSON *list = cJSON_Parse(json);
    const cJSON *source;
    message->sources = arena_alloc(search->arena, STORY_SOURCES_MAX * sizeof(*message->sources));
    cJSON_ArrayForEach(source, list)
    {
        const cJSON *score = cJSON_GetObjectItemCaseSensitive(source, "score");
        int64_t id;
        if (message->sources_count == STORY_SOURCES_MAX ||
            !json_is_integer(cJSON_GetObjectItemCaseSensitive(source, "qa_pair_id"), &id))
            continue;
        message->sources[message->sources_count++] =
            (struct story_source){.qa_pair_id = id, .score = cJSON_IsNumber(score) ? score->valuedouble : 0};
    }
}

static bool story_read_message(struct story_search *search, struct db *db, struct error *err)
{
    CLEANUP(db_rows_release) struct db_rows rows = {0};
    struct story_message *message = arena_alloc(search->arena, sizeof(*message));
    *message = (struct story_message){0};
    if (!db_query(db, SQL_MESSAGE, DB_ARGS(db_text(search->story.request_id)), &rows, err))
        return false;
    if (db_next(&rows)) {
        db_read_row(&rows, &story_message_descriptor, message, search->arena);
        story_read_sources(search, db_column_text(&rows, COLUMN_SOURCES), message);
        search->story.message = message;
        story_note(search, message->created_at, message->tenant_id);
    }
    if (!db_done(&rows, err))
        return false;
    db_rows_release(&rows);
    for (size_t i = 0; i < message->sources_count; i++) {
        struct story_source *source = &message->sources[i];
        struct qa_pair pair;
        size_t found;
        if (!qa_pairs_get(db, message->tenant_id, &source->qa_pair_id, 1, search->arena, &pair, &found, err))
            return false;
        source->question = found ? pair.question : NULL;
    }
    return true;
}

static bool story_read_store(struct story_search *search, struct error *err)
{
    struct request_story *story = &search->story;
    CLEANUP(store_reader_release) struct db *db = NULL;
    struct operation_filter filter = {.start = INT_NULL, .end = INT_NULL, .request_id = story->request_id};
    struct operation_place place = {.page = 1, .page_size = STORY_OPERATIONS_MAX};
    struct operation_list list;
    if (!store_reader(search->platform->store, READ_LIMIT_MS, &db, err) ||
        !story_read_message(search, db, err) ||
        !operation_list(db, &filter, &place, search->arena, &list, err))
        return false;
    story->operations = arena_alloc(search->arena, (list.items_count + 1) * sizeof(*story->operations));
    for (size_t i = list.items_count; i > 0; i--) {
        story->operations[story->operations_count++] = list.items[i - 1];
        story_note(search, list.items[i - 1].timestamp, NULL);
    }
    story->complete = story->complete && !list.next_cursor;
    return true;
}

/* ---- calls ---- */

static bool story_take_usage(void *context, const struct recorded_usage *usage, struct error *err)
{
    (void)err;
    struct story_search *search = context;
    struct request_story *story = &search->story;
    const struct usage_record *record = &usage->record;
    if (!record->request_id || strcmp(record->request_id, story->request_id) != 0)
        return true;
    if (story->usage_count == STORY_USAGE_MAX) {
        story->complete = false;
        return true;
    }
    story->usage[story->usage_count++] = (struct story_usage){
        .timestamp = record->timestamp,
        .api_type = arena_strdup(search->arena, record->api_type),
        .operation = arena_strdup(search->arena, record->operation),
        .model = story_text(search, record->model),
        .tenant_id = story_text(search, record->tenant_id),
        .outcome = story_outcomes[record->outcome],
        .tokens_input = record->tokens_input,
        .tokens_output = record->tokens_output,
        .tokens_cached = record->tokens_cached,
        .latency_ms = record->latency_ms,
        .cost_cny = usage->price_version ? usage->cost_nano_cny : INT_NULL,
    };
    if (usage->price_version)
        story->cost_cny += usage->cost_nano_cny;
    story_note(search, record->timestamp, story->usage[story->usage_count - 1].tenant_id);
    return true;
}

static bool story_read_usage(struct story_search *search, struct error *err)
{
    struct request_story *story = &search->story;
    const size_t days = search->day_count;
    story->usage = arena_alloc(search->arena, STORY_USAGE_MAX * sizeof(*story->usage));
    for (size_t i = 0; i < days; i++) {
        if (telemetry_each_usage(search->platform->telemetry, search->days[i], USAGE_LIMIT_MS,
                                 story_take_usage, search, err))
            continue;
        if (err->code != ERROR_TIMEOUT)
            return false;
        error_clear(err);
        story->complete = false;
    }
    for (size_t i = 1; i < story->usage_count; i++) { /* nearly in order already */
        struct story_usage usage = story->usage[i];
        size_t k = i;
        for (; k > 0 && story->usage[k - 1].timestamp > usage.timestamp; k--)
            story->usage[k] = story->usage[k - 1];
        story->usage[k] = usage;
    }
    return true;
}

bool request_story_read(const struct platform *platform, const char *request_id, struct arena *arena,
                        struct request_story *ret_story, struct error *err)
{
    struct story_search search = {
        .platform = platform,
        .arena = arena,
        .story = {.request_id = request_id, .started_at = INT_NULL, .ended_at = INT_NULL, .complete = true},
    };
    int64_t at;
    if (!request_id_valid(request_id))
        return error_add_field(err, "request_id", "is no id of a request", "不是请求编号");
    if (!story_read_store(&search, err))
        return false;
    if (story_time_of_id(request_id, &at)) {
        if (!story_read_log(&search, at > BEFORE_MS ? at - BEFORE_MS : 0, at + BEHIND_MS, err))
            return false;
        if (search.day_count == 0) /* of a call there may be nothing else yet */
            search.days[search.day_count++] = clock_day(at);
    }
    if (search.story.log_count == 0 && !story_read_log(&search, 0, 0, err))
        return false;
    if (!story_read_usage(&search, err))
        return false;
    if (search.story.started_at == INT_NULL && search.story.complete)
        return error_set(err, ERROR_NOT_FOUND, "Nothing is left of a request %.64s.",
                         "没有请求 %.64s 的任何记录。", request_id);
    *ret_story = search.story;
    return true;
}
