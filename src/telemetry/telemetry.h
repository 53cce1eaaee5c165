/* Telemetry: usage rows (every model, embedding and query call), log rows (every request and job),
 * and their roll-ups.
 *
 * Rows belong to a day (in the configured zone) and are kept by an engine (engine.h) together with the roll-ups by
 * hour that are made of them, in one transaction. When a day has ended its totals go to the main store (usage_daily,
 * usage_platform_daily), where they stay; doing that again is harmless. One writer thread commits for all who wait.
 *
 * Engines: day files, one SQLite file for each day, of the processes on one machine that share the folder; and
 * PostgreSQL, partitions by day, which all processes share.
 *
 * Not here: reading logs (ops/log_manager), cost pages (ops/api_usage_tracker), prices (prices.h). */
#ifndef KIMONO_TELEMETRY_TELEMETRY_H
#define KIMONO_TELEMETRY_TELEMETRY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/histogram.h"
#include "base/log.h"
#include "store/store.h"

struct telemetry;

enum usage_outcome {
    USAGE_OK,
    USAGE_FAILED,
    USAGE_TIMEOUT,
    USAGE_THROTTLED,
    USAGE_REJECTED,
    USAGE_ABORTED,
    USAGE_MODERATED
};

struct usage_record {
    int64_t timestamp;      /* ms; 0: now */
    const char *api_type;   /* embedded, dashscope, pinecone … at most 50 bytes */
    const char *operation;  /* chat, embedding, query, upsert … */
    const char *model;      /* NULL or "": none */
    const char *tenant_id;  /* NULL or "": no tenant */
    const char *request_id; /* NULL: none */
    int64_t tokens_input, tokens_output;
    int64_t tokens_cached;    /* a part of tokens_input */
    int64_t tokens_reasoning; /* a part of tokens_output */
    int64_t latency_ms;
    enum usage_outcome outcome;      /* success is USAGE_OK */
    bool estimated;                  /* the figures are the caller's reckoning, not the provider's */
    int64_t read_units, write_units; /* thousandths of a unit */
    const char *provider_request_id; /* NULL: none */
    const char *record_id;           /* NULL: none; counts once instead of request_id */
};

struct log_record {
    int64_t timestamp; /* ms; 0: now */
    enum log_level level;
    const char *source;
    const char *message;
    const char *tenant_id, *request_id; /* NULL: none */
    const char *fields;                 /* a JSON object as text; NULL: none */
};

struct telemetry_options {
    const char *database; /* address of a PostgreSQL database: telemetry is kept there; NULL: in day files */
    const char *folder;   /* holds the day files; made 0700 if absent */
    struct store *main_store; /* for the totals of ended days */
    enum store_durability durability;
    size_t queue_ceiling; /* records that may wait; 0: 100,000 */
    int64_t usd_cny_rate; /* as in prices.h; 0: USD_CNY_RATE_DEFAULT */
};

bool telemetry_open(struct telemetry **ret_telemetry, const struct telemetry_options *options,
                    struct error *err);
void telemetry_close(struct telemetry *telemetry); /* writes what waits; takes NULL */

/* The rate at which calls recorded from now on are priced; for the settings room's 'apply'. */
void telemetry_set_usd_cny_rate(struct telemetry *telemetry, int64_t usd_cny_rate);
int64_t telemetry_get_usd_cny_rate(const struct telemetry *telemetry);

/* Writes all records in one transaction for each day that they lie in, raw rows and roll-ups
 * together, and returns once they are durable. The records are only read. ERROR_UNAVAILABLE with
 * Retry-After when the queue is full: then nothing was taken. ERROR_CONFLICT for a closed day (below)
 * and ERROR_INVALID for an instant before 1970 or after 9999; days are written in order, those before
 * the one that failed are kept. */
bool telemetry_write(struct telemetry *telemetry, const struct usage_record *usage, size_t usage_count,
                     const struct log_record *logs, size_t log_count, struct error *err);

/* The same for usage records from outside: of those with the same record_id, or without one the same request_id,
 * api_type and operation, in one day only the first counts, in this call or in any before, so that sending a
 * batch again after an error is safe. Records with neither id always count. `ret_duplicates` (may be NULL): how many
 * were left out. What telemetry_write records is not compared: its rows share the id of the request that
 * caused them. */
bool telemetry_write_once(struct telemetry *telemetry, const struct usage_record *usage, size_t usage_count,
                          size_t *ret_duplicates, struct error *err);

/* A day that is over is closed when its totals are in the main store and its rows have been deleted: then nothing
 * can be added. Callers that take records from outside ask first and refuse them one by one. */
bool telemetry_day_closed(struct telemetry *telemetry, int32_t day, bool *ret_closed, struct error *err);

/* A log row without waiting (request log, process log): copied into the queue, written with the next
 * commit, at most a second later. A full queue counts it in telemetry_stats.dropped_logs and says so
 * in a log row of its own as soon as there is room: never silently. While the disk has no more than its reserve
 * left (base/disk_reserve.h) log rows, those of telemetry_write too, are given up, so that usage rows and the
 * main store's conversations go on: counted in spared_logs, with a log row likewise. */
void telemetry_log(struct telemetry *telemetry, const struct log_record *log);

/* Waits until everything that was queued before is durable. For tests, shut-down, the command line. */
bool telemetry_flush(struct telemetry *telemetry, struct error *err);

/* Sums over roll-up rows. */
struct usage_totals {
    int64_t calls, failed, unpriced, estimated, aborted;
    int64_t tokens_input, tokens_output, tokens_cached;
    int64_t latency_sum_ms;
    int64_t cost_nano_cny, estimated_cost_nano_cny; /* the latter: of estimated calls, a part of the former */
    struct histogram latency;                       /* microseconds */
};

/* Which rows: tenant NULL is all over the platform, "" is calls of no tenant. */
struct usage_filter {
    const char *tenant_id;
};

/* Totals of one day (of the zone in force when its rows were recorded): of the recorders whose totals of it are in
 * the main store, and of our own, while its totals are not there yet, from its roll-ups. A handful of rows, however
 * many calls there were. */
bool telemetry_day_totals(struct telemetry *telemetry, int32_t day, const struct usage_filter *filter,
                          struct usage_totals *ret_totals, struct error *err);
/* One total for each day from `first` on, `count` of them; a day without calls is all zero. */
bool telemetry_daily_totals(struct telemetry *telemetry, int32_t first, size_t count,
                            const struct usage_filter *filter, struct usage_totals *ret_totals,
                            struct error *err);
/* One total for each of the `count` hours from `first_hour` (ms, a full hour) on, as long as the days'
 * rows are there: the main store keeps days, not hours. */
bool telemetry_hourly_totals(struct telemetry *telemetry, int64_t first_hour, size_t count,
                             const struct usage_filter *filter, struct usage_totals *ret_totals,
                             struct error *err);

/* Whether the day's rows are here, and with them its hours. */
bool telemetry_has_day(struct telemetry *telemetry, int32_t day, bool *ret_here, struct error *err);

/* The raw rows of one day in the order in which they arrived (with several processes: each one's in its order), as
 * of one moment; none for a day that is not here. What is handed to `sink` lives until it returns; false ends the
 * reading with its error. Names that a record had not are "". */
struct recorded_usage {
    struct usage_record record;
    int64_t cost_nano_cny;
    int32_t price_version; /* 0: no price was known */
    bool from_outside;     /* by telemetry_write_once */
};
typedef bool (*telemetry_usage_sink)(void *context, const struct recorded_usage *usage, struct error *err);
typedef bool (*telemetry_log_sink)(void *context, const struct log_record *log, struct error *err);
bool telemetry_each_usage(struct telemetry *telemetry, int32_t day, int limit_ms, telemetry_usage_sink sink,
                          void *context, struct error *err);
bool telemetry_each_log(struct telemetry *telemetry, int32_t day, int limit_ms, telemetry_log_sink sink,
                        void *context, struct error *err);

/* The names that the day's calls have, and the sources of its logs: each once, in any order, nothing of a day that is
 * not here. They live until the sink returns. */
struct telemetry_name {
    const char *api_type, *operation, *model; /* of calls */
    const char *source;                       /* of logs */
};
typedef bool (*telemetry_name_sink)(void *context, const struct telemetry_name *name, struct error *err);
bool telemetry_each_usage_name(struct telemetry *telemetry, int32_t day, telemetry_name_sink sink,
                               void *context, struct error *err);
bool telemetry_each_log_source(struct telemetry *telemetry, int32_t day, telemetry_name_sink sink,
                               void *context, struct error *err);

/* Brings the totals of all ended days whose rows have changed since into the main store. A scheduled task; several
 * processes may do it at the same time, one that dies in the middle leaves the day to be read from its rows.
 * `ret_days` (may be NULL): days rolled over. */
bool telemetry_roll_over(struct telemetry *telemetry, int64_t *ret_days, struct error *err);
/* Deletes the rows of days that ended more than `days` days ago and whose totals are in the main
 * store as of their last revision; others are left for the next time. */
bool telemetry_retain(struct telemetry *telemetry, int days, int64_t *ret_deleted, struct error *err);

/* Recomputes every roll-up of every day from raw rows, and the main store's totals from the roll-ups; each
 * difference is a line in `ret_findings`. For `kimono check`. */
bool telemetry_check(struct telemetry *telemetry, struct strbuf *ret_findings, struct error *err);

/* Whether a folder holds day files, without opening any. */
bool telemetry_folder_has_days(const char *folder);

struct telemetry_stats {
    int64_t queued;                                    /* records that wait */
    int64_t written_usage, written_logs, dropped_logs; /* since opened */
    int64_t usage_today, logs_today;                   /* rows of today */
    int64_t last_commit_us, last_commit_at;            /* duration; instant, 0: none yet */
    int64_t failed_commits;
    int64_t spared_logs;  /* of dropped ones apart: given up for the disk's reserve */
    bool disk_low;        /* the disk has no more than its reserve left: no log row is written */
    int64_t disk_reserve; /* bytes, as far as the flusher has looked */
    char set_aside[64];   /* name of the newest file of a present day that could not be used; "" none */
    char last_error[160]; /* in English; "" when the last commit went well */
};
void telemetry_get_stats(struct telemetry *telemetry, struct telemetry_stats *ret_stats);

/* Loads bulk data of one day that nobody else writes (`kimono demo`): several days at once on several threads; rows
 * in order of time. Roll-ups may be written at finish alone. */
struct telemetry_loader;
bool telemetry_loader_open(struct telemetry_loader **ret_loader, struct telemetry *telemetry, int32_t day,
                           struct error *err);
bool telemetry_loader_usage(struct telemetry_loader *loader, const struct usage_record *record,
                            struct error *err);
/* The same of one that was recorded before, at the cost of then. One that is from outside is left out if it
 * is there already. */
bool telemetry_loader_recorded(struct telemetry_loader *loader, const struct recorded_usage *usage,
                               struct error *err);
bool telemetry_loader_log(struct telemetry_loader *loader, const struct log_record *record,
                          struct error *err);
/* Writes what waits, roll-ups and the day's revision; bring the totals of ended days into the main
 * store with telemetry_roll_over afterwards. A day file that was loaded has no -wal beside it then. */
bool telemetry_loader_finish(struct telemetry_loader *loader, struct error *err); /* frees it in any case */

#endif
