/* Probes of what has been idle. A probe is a sample like any other, and a note in figures. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "platform/health/private.h"
#include "provider/chat_model.h"
#include "provider/vector_index.h"
#include "store/store.h"
#include "telemetry/telemetry.h"

#define PROBE_LIMIT_MS 2000

static const char *probe_provider_name(const char *api_type, enum component component)
{
    static const struct {
        const char *api_type;
        enum component component;
        const char *name;
    } names[] = {
        {"embedded", COMPONENT_VECTOR_STORE, "BM25 (embedded)"},
        {"embedded", COMPONENT_LLM, "embedded"},
        {"pinecone", COMPONENT_VECTOR_STORE, "Pinecone"},
        {"dashscope", COMPONENT_LLM, "DashScope"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(names); i++)
        if (names[i].component == component && strcmp(names[i].api_type, api_type) == 0)
            return names[i].name;
    return api_type;
}

static bool probe_is_due(struct health *health, enum component component)
{
    pthread_mutex_lock(&health->lock);
    const struct health_record *record = &health->records[component];
    const struct health_sample *newest = health_newest(record->samples, record->count);
    bool idle = !newest || clock_monotonic_us() - newest->at_us > HEALTH_IDLE_MS * INT64_C(1000);
    bool noted = record->provider != NULL;
    pthread_mutex_unlock(&health->lock);
    return idle || !noted;
}

/* What a probe found: a sample like any other, and a note in figures. */
static void probe_record(struct health *health, enum component component, const char *provider, bool success,
                         int64_t began_us, char note[LANGUAGE_COUNT][HEALTH_NOTE_SIZE],
                         const struct error *why)
{
    health_limit(health, component, HEALTH_HEALTHY, NULL);
    health_report(health, component, NULL, success, clock_monotonic_us() - began_us, why);
    pthread_mutex_lock(&health->lock);
    struct health_record *record = &health->records[component];
    record->provider = provider;
    record->newest_is_probe = true;
    for (int language = 0; success && language < LANGUAGE_COUNT; language++)
        health_copy_text(record->note[language], HEALTH_NOTE_SIZE, note[language]);
    pthread_mutex_unlock(&health->lock);
}

static void probe_vector_store(struct platform *platform)
{
    struct vector_index *index = platform->index;
    if (!index || !probe_is_due(platform->health, COMPONENT_VECTOR_STORE))
        return;
    char note[LANGUAGE_COUNT][HEALTH_NOTE_SIZE] = {{0}};
    struct error err;
    error_clear(&err);
    int64_t began_us = clock_monotonic_us();
    bool done = index->ops->probe(index, note, &err);
    probe_record(platform->health, COMPONENT_VECTOR_STORE,
                 probe_provider_name(index->ops->api_type, COMPONENT_VECTOR_STORE), done, began_us, note,
                 &err);
}

static void probe_llm(struct platform *platform)
{
    struct chat_model *model = platform->model;
    if (!model || !probe_is_due(platform->health, COMPONENT_LLM))
        return;
    char note[LANGUAGE_COUNT][HEALTH_NOTE_SIZE] = {{0}};
    struct error err;
    error_clear(&err);
    int64_t began_us = clock_monotonic_us();
    bool done = model->ops->probe(model, note, &err);
    probe_record(platform->health, COMPONENT_LLM, probe_provider_name(model->ops->api_type, COMPONENT_LLM),
                 done, began_us, note, &err);
}

/* The writer works when it has committed something since, or nothing has been waiting. */
static bool probe_check_commits(struct health_commits *seen, int64_t commits, int64_t failed, bool waits,
                                struct error *err)
{
    int64_t new_failures = failed - seen->failed;
    bool stuck = seen->waited && waits && commits == seen->commits;
    seen->commits = commits;
    seen->failed = failed;
    seen->waited = waits;
    if (new_failures > 0)
        return error_set(err, ERROR_INTERNAL, "%lld commits failed since the last check",
                         "自上次检查以来有 %lld 次提交失败", (long long)new_failures);
    if (stuck)
        return error_set(err, ERROR_TIMEOUT, "the writer has not committed since the last check",
                         "自上次检查以来写线程没有提交");
    return true;
}

static const char SQL_PROBE[] = "SELECT value FROM platform_counters WHERE name = 'tenants'";

static bool probe_read_store(struct store *store, const char **ret_provider, struct error *err)
{
    CLEANUP(store_reader_release) struct db *db = NULL;
    int64_t value;
    if (!store_reader(store, PROBE_LIMIT_MS, &db, err))
        return false;
    *ret_provider = store_driver_name(store);
    return db_find_int(db, SQL_PROBE, DB_NO_ARGS, 0, &value, err);
}

static void probe_write_store_note(const struct store_stats *stats,
                                   char ret_note[LANGUAGE_COUNT][HEALTH_NOTE_SIZE])
{
    char size[LANGUAGE_COUNT][32] = {"", ""}, log[LANGUAGE_COUNT][32] = {"", ""};
    double commit_ms = (double)stats->last_commit_us / 1000.0;
    if (stats->bytes != INT_NULL) {
        snprintf(size[LANGUAGE_EN], sizeof(size[0]), "%.1f MiB, ", (double)stats->bytes / 1048576.0);
        snprintf(size[LANGUAGE_ZH], sizeof(size[0]), "%.1f MiB，", (double)stats->bytes / 1048576.0);
    }
    if (stats->wal_bytes != INT_NULL) {
        snprintf(log[LANGUAGE_EN], sizeof(log[0]), "WAL %.1f MiB, ", (double)stats->wal_bytes / 1048576.0);
        snprintf(log[LANGUAGE_ZH], sizeof(log[0]), "WAL %.1f MiB，", (double)stats->wal_bytes / 1048576.0);
    }
    snprintf(ret_note[LANGUAGE_EN], HEALTH_NOTE_SIZE, "%s%s%" PRId64 " writes waiting, last commit %.1f ms",
             size[LANGUAGE_EN], log[LANGUAGE_EN], stats->queue_length, commit_ms);
    snprintf(ret_note[LANGUAGE_ZH], HEALTH_NOTE_SIZE, "%s%s%" PRId64 " 个写入等待，上次提交 %.1f ms",
             size[LANGUAGE_ZH], log[LANGUAGE_ZH], stats->queue_length, commit_ms);
}

static void probe_database(struct platform *platform)
{
    struct health *health = platform->health;
    char note[LANGUAGE_COUNT][HEALTH_NOTE_SIZE];
    struct store_stats stats;
    struct error err;
    error_clear(&err);
    const char *provider = "SQLite";
    int64_t began_us = clock_monotonic_us();
    bool done = probe_read_store(platform->store, &provider, &err);
    /* That another process writes just now is no fault of the store. */
    if (done && !store_sound(platform->store, &err))
        done = !error_is_of_store(err.code);
    store_get_stats(platform->store, &stats);
    bool commits = probe_check_commits(&health->store, stats.commits, stats.failed_commits,
                                       stats.queue_length > 0, done ? &err : NULL);
    if (store_is_lost(platform->store, NULL, NULL))
        return; /* health_read says so, for as long as it is so */
    probe_write_store_note(&stats, note);
    probe_record(health, COMPONENT_DATABASE, provider, done && commits, began_us, note, &err);
    if (!done && error_is_of_store(err.code))
        health_report_down(health, COMPONENT_DATABASE, &err);
}

static bool probe_check_telemetry(struct health *health, const struct telemetry_stats *stats,
                                  struct error *err)
{
    struct health_commits *seen = &health->telemetry;
    int64_t written = stats->written_usage + stats->written_logs;
    int64_t dropped = stats->dropped_logs - seen->dropped;
    seen->dropped = stats->dropped_logs;
    if (!probe_check_commits(seen, written, stats->failed_commits, stats->queued > 0, err))
        return false;
    if (stats->last_error[0])
        return error_set(err, ERROR_INTERNAL, "%s", "%s", stats->last_error);
    if (dropped > 0) /* what the disk's reserve costs is said by probe_report_limits */
        return error_set(err, ERROR_UNAVAILABLE,
                         "the queue was full: %lld log rows were dropped since the last check",
                         "队列已满：自上次检查以来丢弃了 %lld 条日志", (long long)dropped);
    return true;
}

/* It does its work, and less than all of it. */
static void probe_report_limits(struct health *health, const struct telemetry_stats *stats)
{
    struct error err;
    error_clear(&err);
    if (stats->disk_low)
        error_set(&err, ERROR_UNAVAILABLE,
                  "the disk is down to its reserve of %lld MiB: %lld log rows were dropped; money and "
                  "conversations are kept. Make room on it",
                  "磁盘仅剩预留的 %lld MiB：已丢弃 %lld 条日志；费用与对话仍会保存。请清理磁盘",
                  (long long)(stats->disk_reserve >> 20), (long long)stats->spared_logs);
    else if (stats->set_aside[0])
        error_set(&err, ERROR_DAMAGED,
                  "today's file could not be read and was set aside as %s; a new one was begun",
                  "当日文件无法读取，已另存为 %s，并新建了文件", stats->set_aside);
    if (err.code != ERROR_NONE)
        health_limit(health, COMPONENT_TELEMETRY, HEALTH_DEGRADED, &err);
}

static void probe_telemetry(struct platform *platform)
{
    if (!platform->telemetry)
        return;
    char note[LANGUAGE_COUNT][HEALTH_NOTE_SIZE];
    struct telemetry_stats stats;
    struct error err;
    error_clear(&err);
    int64_t now_us = clock_monotonic_us();
    telemetry_get_stats(platform->telemetry, &stats);
    bool done = probe_check_telemetry(platform->health, &stats, &err);
    double commit_ms = (double)stats.last_commit_us / 1000.0;
    snprintf(note[LANGUAGE_EN], HEALTH_NOTE_SIZE,
             "%" PRId64 " calls and %" PRId64 " log rows today, %" PRId64 " waiting, last commit %.1f ms",
             stats.usage_today, stats.logs_today, stats.queued, commit_ms);
    snprintf(note[LANGUAGE_ZH], HEALTH_NOTE_SIZE,
             "今日 %" PRId64 " 次调用、%" PRId64 " 条日志，%" PRId64 " 条等待，上次提交 %.1f ms",
             stats.usage_today, stats.logs_today, stats.queued, commit_ms);
    /* Its latency is that of its last commit: asking for figures says nothing. */
    probe_record(platform->health, COMPONENT_TELEMETRY, "SQLite", done, now_us - stats.last_commit_us, note,
                 &err);
    probe_report_limits(platform->health, &stats);
}

bool health_probe(struct platform *platform, struct error *err)
{
    (void)err;
    probe_database(platform);
    probe_vector_store(platform);
    probe_llm(platform);
    probe_telemetry(platform);
    return true;
}
