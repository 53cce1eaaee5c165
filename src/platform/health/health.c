/* Samples, rules and readings; the probes stand in probe.c. */
#include "platform/health/health.h"

#include <inttypes.h>
#include <math.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/descriptor.h"
#include "base/memory.h"
#include "base/utf8.h"
#include "platform/health/private.h"
#include "platform/jobs/scheduler.h"
#include "store/store.h"

#define SLOW_MS(ms) (INT64_C(ms) * 1000)
#define BEAT_MISSED_MS 5000           /* the thread beats each half second */
#define TASK_LONG_MS (10 * MINUTE_MS) /* a task that runs longer keeps the others waiting */

static const struct {
    const char *name;
    int64_t slow_us; /* p95 above it: degraded */
} components[COMPONENT_COUNT] = {
    [COMPONENT_DATABASE] = {"database", SLOW_MS(250)},
    [COMPONENT_VECTOR_STORE] = {"vector_store", SLOW_MS(1000)},
    [COMPONENT_LLM] = {"llm", SLOW_MS(5000)},
    [COMPONENT_SCHEDULER] = {"scheduler", INT64_MAX},
    [COMPONENT_TELEMETRY] = {"telemetry", SLOW_MS(500)},
};

static const struct {
    const char *name;
    int rank; /* for the worst of all: an unknown one is worse than healthy, better than the rest */
} statuses[] = {
    [HEALTH_HEALTHY] = {"healthy", 0},
    [HEALTH_DEGRADED] = {"degraded", 2},
    [HEALTH_UNHEALTHY] = {"unhealthy", 3},
    [HEALTH_UNKNOWN] = {"unknown", 1},
};

const char *component_name(enum component component)
{
    return components[component].name;
}

const char *health_status_name(enum health_status status)
{
    return statuses[status].name;
}

struct health *health_new(void)
{
    struct health *health = xcalloc(1, sizeof(*health));
    pthread_mutex_init(&health->lock, NULL);
    for (size_t i = 0; i < COMPONENT_COUNT; i++) {
        health->records[i].last_at = INT_NULL;
        health->records[i].trouble.since = health->records[i].resumed_since = INT_NULL;
    }
    return health;
}

void health_free(struct health *health)
{
    if (!health)
        return;
    pthread_mutex_destroy(&health->lock);
    free(health);
}

void health_copy_text(char *to, size_t size, const char *from)
{
    size_t length = utf8_cut(from, strlen(from), size - 1);
    memcpy(to, from, length);
    to[length] = '\0';
}

/* What the samples say, and no better than the newest probe or report allows. */
static struct health_verdict health_judge_record(const struct health_record *record, int64_t now_us,
                                                 int64_t slow_us)
{
    struct health_verdict verdict = health_judge(record->samples, record->count, now_us, slow_us);
    bool limited = statuses[record->limit].rank > statuses[verdict.status].rank;
    if (limited && verdict.status != HEALTH_UNKNOWN)
        verdict.status = record->limit;
    return verdict;
}

/* The verdict is asked for when a call may have changed it: a good one changes nothing while all is well. */
static void health_take_sample(struct health_record *record, const struct health_sample *sample,
                               int64_t slow_us)
{
    record->samples[record->next] = *sample;
    record->next = (record->next + 1) % HEALTH_SAMPLES;
    record->count += record->count < HEALTH_SAMPLES;
    health_trouble_take(record, sample);
    bool is_well = record->trouble.since == INT_NULL && record->resumed_since == INT_NULL;
    if (is_well && sample->success && sample->latency_us <= slow_us)
        return;
    struct health_verdict verdict = health_judge_record(record, sample->at_us, slow_us);
    health_trouble_follow(record, verdict.status, sample->at_us, clock_now_ms(), slow_us);
}

void health_report(struct health *health, enum component component, const char *tenant_id, bool success,
                   int64_t latency_us, const struct error *why)
{
    if (!health)
        return;
    struct health_sample sample = {.at_us = clock_monotonic_us(),
                                   .latency_us = latency_us,
                                   .success = success,
                                   .tenant = health_tenant_mark(tenant_id)};
    pthread_mutex_lock(&health->lock);
    struct health_record *record = &health->records[component];
    health_take_sample(record, &sample, components[component].slow_us);
    record->last_at = clock_now_ms();
    record->newest_is_probe = false;
    for (int language = 0; !success && why && language < LANGUAGE_COUNT; language++)
        health_copy_text(record->last_error[language], HEALTH_MESSAGE_SIZE, why->detail[language]);
    pthread_mutex_unlock(&health->lock);
}

void health_limit(struct health *health, enum component component, enum health_status limit,
                  const struct error *why)
{
    if (!health)
        return;
    pthread_mutex_lock(&health->lock);
    struct health_record *record = &health->records[component];
    record->limit = limit;
    for (int language = 0; why && language < LANGUAGE_COUNT; language++)
        health_copy_text(record->last_error[language], HEALTH_MESSAGE_SIZE, why->detail[language]);
    pthread_mutex_unlock(&health->lock);
}

void health_report_down(struct health *health, enum component component, const struct error *why)
{
    health_limit(health, component, HEALTH_UNHEALTHY, why);
    health_report(health, component, NULL, false, 0, why);
}

void health_resume(struct health *health, enum component component, int64_t since)
{
    pthread_mutex_lock(&health->lock);
    health->records[component].resumed_since = since;
    pthread_mutex_unlock(&health->lock);
}

/* --- the rules --- */

static int compare_latency(const void *a, const void *b)
{
    int64_t left = *(const int64_t *)a, right = *(const int64_t *)b;
    return (left > right) - (left < right);
}

const struct health_sample *health_newest(const struct health_sample *samples, size_t count)
{
    const struct health_sample *newest = NULL;
    for (size_t i = 0; i < count; i++)
        if (!newest || samples[i].at_us >= newest->at_us)
            newest = &samples[i];
    return newest;
}

static enum health_status health_status_of(const struct health_verdict *verdict, bool newest_succeeded,
                                           int64_t slow_us)
{
    if (!newest_succeeded && verdict->failed * 2 >= verdict->calls)
        return HEALTH_UNHEALTHY;
    if (verdict->failed * 10 > verdict->calls || verdict->p95_latency_us > (double)slow_us)
        return HEALTH_DEGRADED;
    return HEALTH_HEALTHY;
}

struct health_verdict health_judge(const struct health_sample *samples, size_t count, int64_t now_us,
                                   int64_t slow_us)
{
    struct health_verdict verdict = {HEALTH_UNKNOWN, 0, 0, NAN, NAN};
    const struct health_sample *newest = health_newest(samples, count);
    if (!newest)
        return verdict;
    verdict.newest_latency_us = (double)newest->latency_us;
    if (now_us - newest->at_us > HEALTH_STALE_MS * INT64_C(1000))
        return verdict;
    bool only_newest = now_us - newest->at_us > HEALTH_WINDOW_US;
    int64_t latencies[HEALTH_SAMPLES];
    for (size_t i = 0; i < count && verdict.calls < HEALTH_SAMPLES; i++) {
        const struct health_sample *sample = &samples[i];
        if (only_newest ? sample != newest : now_us - sample->at_us > HEALTH_WINDOW_US)
            continue;
        latencies[verdict.calls++] = sample->latency_us;
        verdict.failed += !sample->success;
    }
    qsort(latencies, verdict.calls, sizeof(*latencies), compare_latency);
    size_t rank = (verdict.calls * 95 + 99) / 100;
    verdict.p95_latency_us = (double)latencies[rank - 1];
    verdict.status = health_status_of(&verdict, newest->success, slow_us);
    return verdict;
}

enum health_status health_judge_beat(int64_t since_beat_ms, int64_t running_ms)
{
    if (running_ms > 0)
        return running_ms > TASK_LONG_MS ? HEALTH_DEGRADED : HEALTH_HEALTHY;
    return since_beat_ms > BEAT_MISSED_MS ? HEALTH_UNHEALTHY : HEALTH_HEALTHY;
}

/* --- readings --- */

/* Both languages; the formats take the same arguments. */
__attribute__((format(printf, 2, 4), format(printf, 3, 4))) static void
health_format(char ret_message[LANGUAGE_COUNT][HEALTH_MESSAGE_SIZE], const char *en, const char *zh, ...)
{
    const char *const formats[LANGUAGE_COUNT] = {[LANGUAGE_EN] = en, [LANGUAGE_ZH] = zh};
    for (int language = 0; language < LANGUAGE_COUNT; language++) {
        char text[2 * HEALTH_NOTE_SIZE + 160];
        va_list args;
        va_start(args, zh);
        vsnprintf(text, sizeof(text), formats[language], args);
        va_end(args);
        health_copy_text(ret_message[language], HEALTH_MESSAGE_SIZE, text);
    }
}

/* How many, then why the newest of them failed. */
static void health_format_failed(const struct health_record *record, const struct health_verdict *verdict,
                                 char ret_message[LANGUAGE_COUNT][HEALTH_MESSAGE_SIZE])
{
    health_format(ret_message,
                  "%zu of the last minute's %zu calls failed: ", "最近一分钟 %zu 次失败，共 %zu 次调用：",
                  verdict->failed, verdict->calls);
    for (int language = 0; language < LANGUAGE_COUNT; language++) {
        size_t length = strlen(ret_message[language]);
        health_copy_text(ret_message[language] + length, HEALTH_MESSAGE_SIZE - length,
                         record->last_error[language]);
    }
}

static void health_write_message(const struct health_record *record, const struct health_verdict *verdict,
                                 int64_t slow_us, char ret_message[LANGUAGE_COUNT][HEALTH_MESSAGE_SIZE])
{
    double p95_ms = verdict->p95_latency_us / 1000;
    if (record->count == 0)
        health_format(ret_message, "no reading yet", "尚无读数");
    else if (verdict->status == HEALTH_UNKNOWN)
        health_format(ret_message, "the last reading is too old", "读数已过期");
    else if (record->limit != HEALTH_HEALTHY)
        for (int language = 0; language < LANGUAGE_COUNT; language++)
            health_copy_text(ret_message[language], HEALTH_MESSAGE_SIZE, record->last_error[language]);
    else if (verdict->failed > 0)
        health_format_failed(record, verdict, ret_message);
    else if (verdict->status == HEALTH_DEGRADED)
        health_format(ret_message, "slow: p95 of %.1f ms is above %.0f ms", "偏慢：p95 %.1f ms，上限 %.0f ms",
                      p95_ms, (double)slow_us / 1000);
    else if (record->newest_is_probe)
        for (int language = 0; language < LANGUAGE_COUNT; language++)
            health_copy_text(ret_message[language], HEALTH_MESSAGE_SIZE, record->note[language]);
    else
        health_format(ret_message, "%zu calls in the last minute, p95 %.1f ms",
                      "最近一分钟 %zu 次调用，p95 %.1f ms", verdict->calls, p95_ms);
}

static void health_read_calls(struct health *health, enum component component,
                              struct health_reading *ret_reading)
{
    int64_t slow_us = components[component].slow_us;
    pthread_mutex_lock(&health->lock);
    int64_t now_us = clock_monotonic_us();
    struct health_record *live = &health->records[component];
    struct health_verdict verdict = health_judge_record(live, now_us, slow_us);
    health_trouble_follow(live, verdict.status, now_us, clock_now_ms(), slow_us);
    const struct health_record record = *live;
    pthread_mutex_unlock(&health->lock);
    ret_reading->since = record.trouble.since;
    ret_reading->failed_calls = record.trouble.failed_calls;
    ret_reading->tenants = (int64_t)record.trouble.tenant_count;
    ret_reading->status = verdict.status;
    ret_reading->latency_ms = verdict.newest_latency_us / 1000;
    ret_reading->p95_latency_ms = verdict.p95_latency_us / 1000;
    ret_reading->last_check = record.last_at;
    ret_reading->provider = record.provider ? record.provider : "";
    health_write_message(&record, &verdict, slow_us, ret_reading->message);
}

/* Of several processes: since when this one, or another, has run the tasks. */
static void health_append_place(enum language language, const struct scheduler_state *state, char *text,
                                size_t size)
{
    char since[CLOCK_DURATION_SIZE];
    size_t length = strlen(text);
    if (state->since == INT_NULL)
        return;
    int64_t ms = clock_now_ms() - state->since;
    clock_duration_format(ms > 0 ? ms / 1000 : 0, language, since);
    if (language == LANGUAGE_ZH)
        snprintf(text + length, size - length, "；%s已 %s（共 %" PRId64 " 个进程）",
                 state->here ? "由本进程执行" : "如此", since, state->processes);
    else
        snprintf(text + length, size - length, "; %s for %s, of %" PRId64 " processes",
                 state->here ? "in this process" : "so", since, state->processes);
}

/* One language's sentence about the scheduler. */
static void health_format_beat(enum language language, const struct scheduler_state *state,
                               int64_t since_beat_ms, enum health_status status,
                               char ret_message[HEALTH_MESSAGE_SIZE])
{
    bool zh = language == LANGUAGE_ZH;
    char text[512], time[CLOCK_DURATION_SIZE];
    int64_t ms = status == HEALTH_UNHEALTHY ? since_beat_ms
                 : state->running           ? state->running_ms
                                            : state->next_in_ms;
    clock_duration_format(ms / 1000, language, time);
    if (status == HEALTH_UNHEALTHY)
        snprintf(text, sizeof(text), zh ? "%s没有心跳" : "no sign of life for %s", time);
    else if (state->running)
        snprintf(text, sizeof(text), zh ? "正在运行“%s”，已 %s" : "running: %s, for %s",
                 state->running_title[language], time);
    else if (state->failed_title)
        snprintf(text, sizeof(text), zh ? "“%s”失败：%s" : "failed: %s: %s", state->failed_title[language],
                 state->last_error[language]);
    else if (state->next_title)
        snprintf(text, sizeof(text),
                 zh ? "%s后运行“%s”；已运行 %" PRId64 " 次，失败 %" PRId64 " 次"
                    : "in %s: %s; %" PRId64 " runs, %" PRId64 " failed",
                 time, state->next_title[language], state->runs, state->failures);
    else
        snprintf(text, sizeof(text), "%s",
                 state->elsewhere
                     ? zh ? "待命：定时任务由另一进程执行" : "stands by: another process runs the tasks"
                 : zh ? "没有启用的任务"
                      : "no task is enabled");
    if (state->processes > 1 && status != HEALTH_UNHEALTHY && !state->failed_title)
        health_append_place(language, state, text, sizeof(text));
    health_copy_text(ret_message, HEALTH_MESSAGE_SIZE, text);
}

/* When it stopped beating, began what takes so long, or failed; INT_NULL while it is well. */
static int64_t beat_trouble_since(const struct scheduler_state *state, int64_t since_beat_ms,
                                  enum health_status status)
{
    int64_t now = clock_now_ms();
    if (status == HEALTH_UNHEALTHY)
        return now - since_beat_ms;
    if (status == HEALTH_HEALTHY)
        return INT_NULL;
    return state->failed_title ? now - (clock_monotonic_us() - state->failed_us) / 1000
                               : now - state->running_ms;
}

static void health_read_beat(struct scheduler *scheduler, struct health_reading *ret_reading)
{
    struct scheduler_state state;
    scheduler_get_state(scheduler, &state);
    int64_t since_beat_ms = (clock_monotonic_us() - state.last_beat_us) / 1000;
    enum health_status status = health_judge_beat(since_beat_ms, state.running ? state.running_ms + 1 : 0);
    for (int language = 0; language < LANGUAGE_COUNT; language++)
        health_format_beat((enum language)language, &state, since_beat_ms, status,
                           ret_reading->message[language]);
    if (status == HEALTH_HEALTHY && state.failed_title)
        status = HEALTH_DEGRADED;
    ret_reading->status = status;
    ret_reading->last_check = clock_now_ms() - (state.running ? 0 : since_beat_ms);
    ret_reading->since = beat_trouble_since(&state, since_beat_ms, status);
}

/* The schedulers are not called: their beats are read anew each time. The reading is that of the worse one; of two
 * that are equally well that of the work for tenants. */
static void health_read_scheduler(struct platform *platform, struct health_reading *ret_reading)
{
    ret_reading->provider = "in process";
    if (!platform->scheduler) {
        health_format(ret_reading->message, "not started", "未启动");
        return;
    }
    health_read_beat(platform->scheduler, ret_reading);
    if (!platform->housekeeping)
        return;
    struct health_reading housekeeping = *ret_reading;
    health_read_beat(platform->housekeeping, &housekeeping);
    if (statuses[housekeeping.status].rank > statuses[ret_reading->status].rank)
        *ret_reading = housekeeping;
}

/* Known by every connection at once, and over at once: no reading of calls says it better. */
static void health_read_lost(struct platform *platform, struct health_reading *ret_reading)
{
    struct error why;
    int64_t since;
    error_clear(&why);
    if (!store_is_lost(platform->store, &since, &why))
        return;
    ret_reading->status = HEALTH_UNHEALTHY;
    ret_reading->since = since;
    ret_reading->last_check = clock_now_ms();
    for (int language = 0; language < LANGUAGE_COUNT; language++)
        health_copy_text(ret_reading->message[language], HEALTH_MESSAGE_SIZE, why.detail[language]);
}

void health_read(struct platform *platform, enum component component, struct health_reading *ret_reading)
{
    *ret_reading = (struct health_reading){.status = HEALTH_UNKNOWN,
                                           .latency_ms = NAN,
                                           .p95_latency_ms = NAN,
                                           .last_check = INT_NULL,
                                           .since = INT_NULL,
                                           .provider = ""};
    if (component == COMPONENT_SCHEDULER)
        health_read_scheduler(platform, ret_reading);
    else
        health_read_calls(platform->health, component, ret_reading);
    if (component == COMPONENT_DATABASE)
        health_read_lost(platform, ret_reading);
}

enum health_status health_overall(struct platform *platform)
{
    enum health_status worst = HEALTH_HEALTHY;
    for (enum component component = 0; component < COMPONENT_COUNT; component++) {
        struct health_reading reading;
        health_read(platform, component, &reading);
        if (statuses[reading.status].rank > statuses[worst].rank)
            worst = reading.status;
    }
    return worst;
}
