#include "cli/demo_telemetry.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "cli/demo_corpus.h"
#include "telemetry/prices.h"
#include "telemetry/telemetry.h"

#define LOADERS_MAX 8

struct loading {
    struct demo_plan *plan;
    struct telemetry *telemetry;
    _Atomic int64_t next_day;
    atomic_bool failed;
    pthread_mutex_t lock;
    struct error err; /* the first failure; under the lock */
};

struct day_loading {
    struct demo_plan *plan;
    int64_t day;
    struct telemetry_loader *loader;
    struct error *err;
};

static bool loading_add_usage(struct day_loading *loading, const struct demo_group *group,
                              struct usage_record *record)
{
    struct demo_bucket *bucket = demo_bucket_at(loading->plan, loading->day, record->timestamp);
    record->tenant_id = loading->plan->shops[group->shop].id;
    record->request_id = group->request_id;
    if (bucket) {
        bucket->calls++;
        bucket->cost_nano_cny += price_of(record, USD_CNY_RATE_DEFAULT).cost_nano_cny;
    }
    return telemetry_loader_usage(loading->loader, record, loading->err);
}

/* Embedding, query, chat; the last group of all may have fewer, so that the total is exact. */
static bool loading_add_calls(struct day_loading *loading, const struct demo_group *group,
                              struct demo_random *random)
{
    const struct demo_shop *shop = &loading->plan->shops[group->shop];
    /* The instructions, five pairs and what was said before; the embedding has the question alone. */
    int64_t input = 1400 + (int64_t)demo_random_below(random, 2600),
            words = 10 + (int64_t)demo_random_below(random, 28);
    struct usage_record calls[] = {
        {.api_type = "dashscope",
         .operation = "embedding",
         .model = "text-embedding-v4",
         .tokens_input = words,
         .latency_ms = group->embedding_ms},
        {.api_type = "pinecone", .operation = "query", .model = "", .latency_ms = group->query_ms},
        {.api_type = "dashscope",
         .operation = "chat",
         .model = shop->profile.model,
         .tokens_input = input,
         .tokens_output = group->failed ? 0 : 90 + (int64_t)demo_random_below(random, 260),
         .latency_ms = group->chat_ms,
         .outcome = group->failed ? USAGE_TIMEOUT : USAGE_OK},
    };
    for (size_t i = 0; i < ARRAY_SIZE(calls); i++) {
        calls[i].timestamp = group->at;
        if (group->number * 3 + (int64_t)i < loading->plan->size.usage &&
            !loading_add_usage(loading, group, &calls[i]))
            return false;
    }
    return true;
}

/* Puts the group's figures in the place of {tenant}, {ms}, {n}, {id}. */
static void fill_log_message(const char *text, const struct day_loading *loading,
                             const struct demo_group *group, struct demo_random *random, char *out,
                             size_t size)
{
    size_t length = 0;
    while (*text && length + 1 < size) {
        char value[32] = "";
        if (strncmp(text, "{tenant}", 8) == 0)
            snprintf(value, sizeof(value), "%s", loading->plan->shops[group->shop].id);
        else if (strncmp(text, "{ms}", 4) == 0)
            snprintf(value, sizeof(value), "%lld", (long long)demo_random_latency(random, 900, .7));
        else if (strncmp(text, "{n}", 3) == 0)
            snprintf(value, sizeof(value), "%zu", demo_random_below(random, 20) + 1);
        else if (strncmp(text, "{id}", 4) == 0)
            snprintf(value, sizeof(value), "%.8s", group->request_id);
        if (!*value) {
            out[length++] = *text++;
            continue;
        }
        length += (size_t)snprintf(out + length, size - length, "%s", value);
        length = length < size ? length : size - 1;
        text = strchr(text, '}') + 1;
    }
    out[length] = '\0';
}

/* Errors are rare: one drawn is drawn again, mostly. */
static const struct demo_log_line *draw_log_line(struct demo_random *random)
{
    const struct demo_log_line *line = &demo_log_messages[demo_random_below(random, demo_log_message_count)];
    for (int i = 0; i < 3 && (line->level[0] == 'E' || (line->level[0] == 'W' && i == 0)); i++)
        line = &demo_log_messages[demo_random_below(random, demo_log_message_count)];
    return line;
}

static bool loading_add_log(struct day_loading *loading, const struct demo_group *group, int64_t index,
                            struct demo_random *random)
{
    char text[256];
    struct log_record log = {.timestamp = group->at,
                             .level = LOG_INFO,
                             .source = "http",
                             .request_id = group->request_id,
                             .tenant_id = loading->plan->shops[group->shop].id,
                             .message = "POST /api/v1/chat/message 200"};
    if (index == 0 && group->failed) {
        log.level = LOG_ERROR;
        log.message = "POST /api/v1/chat/message 503";
    } else if (index == 1) {
        log.source = "chat";
        log.level = group->failed ? LOG_ERROR : LOG_INFO;
        log.message = group->failed ? "chat failed: DashScope did not answer in time" : "chat answered";
    } else if (index > 1) {
        const struct demo_log_line *line = draw_log_line(random);
        fill_log_message(line->message, loading, group, random, text, sizeof(text));
        for (log.level = LOG_DEBUG; log.level < LOG_ERROR; log.level++)
            if (strcmp(log_level_name(log.level), line->level) == 0)
                break;
        log.source = line->source;
        log.message = text;
    }
    return telemetry_loader_log(loading->loader, &log, loading->err);
}

/* The group's share of all log rows, so that the total is exact. */
static bool loading_add_logs(struct day_loading *loading, const struct demo_group *group,
                             struct demo_random *random)
{
    const struct demo_plan *plan = loading->plan;
    double ratio = (double)plan->size.logs / (double)plan->day_groups[plan->size.days];
    int64_t first = (int64_t)((double)group->number * ratio),
            end = (int64_t)((double)(group->number + 1) * ratio);
    if (group->number + 1 == plan->day_groups[plan->size.days])
        end = plan->size.logs;
    for (int64_t i = first; i < end; i++)
        if (!loading_add_log(loading, group, i - first, random))
            return false;
    return true;
}

static bool loading_add_group(void *context, const struct demo_group *group)
{
    struct day_loading *loading = context;
    struct demo_random random = group->random;
    return loading_add_calls(loading, group, &random) && loading_add_logs(loading, group, &random);
}

static bool loading_load_day(struct loading *loading, int64_t day, struct error *err)
{
    struct demo_plan *plan = loading->plan;
    struct day_loading one = {.plan = plan, .day = day, .err = err};
    int32_t number = plan->today - (int32_t)(plan->size.days - 1 - day);
    if (!telemetry_loader_open(&one.loader, loading->telemetry, number, err))
        return false;
    bool done = demo_day(plan, day, loading_add_group, &one);
    struct error unused;
    error_clear(&unused);
    return telemetry_loader_finish(one.loader, done ? err : &unused) && done;
}

static void *loading_main(void *context)
{
    struct loading *loading = context;
    struct error err;
    error_clear(&err);
    int64_t day;
    while (!loading->failed && (day = loading->next_day++) < loading->plan->size.days) {
        if (loading_load_day(loading, day, &err))
            continue;
        pthread_mutex_lock(&loading->lock);
        if (!loading->failed)
            loading->err = err;
        loading->failed = true;
        pthread_mutex_unlock(&loading->lock);
    }
    return NULL;
}

bool demo_telemetry_load(struct demo_plan *plan, struct telemetry *telemetry, struct error *err)
{
    struct loading loading = {.plan = plan, .telemetry = telemetry, .lock = PTHREAD_MUTEX_INITIALIZER};
    pthread_t threads[LOADERS_MAX];
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    size_t count = cores < 1 ? 1 : cores > LOADERS_MAX ? LOADERS_MAX : (size_t)cores, started = 0;
    while (started < count && pthread_create(&threads[started], NULL, loading_main, &loading) == 0)
        started++;
    if (started == 0)
        loading_main(&loading);
    for (size_t i = 0; i < started; i++)
        pthread_join(threads[i], NULL);
    if (loading.failed)
        *err = loading.err;
    return !loading.failed;
}
