/* What keeps telemetry: an engine, one of the tables of functions at the end. Private to telemetry/.
 *
 * An engine has days, and of each the raw rows and the roll-ups by hour that are made of them; how they are stored,
 * and what SQL reads them, is its own. Everything that is the same for all stands above: the queue of log rows, which
 * rows lie in which day and what they cost (telemetry.c, log_flusher.c), the totals of ended days in the main store
 * (roll_over.c, totals.c), what `kimono check` says (check.c). A new engine is a folder and a row in telemetry.c.
 *
 * Days are numbered as in base/clock.h. All functions are of any thread unless it is said otherwise. */
#ifndef KIMONO_TELEMETRY_ENGINE_H
#define KIMONO_TELEMETRY_ENGINE_H

#include "telemetry/findings.h"
#include "telemetry/rollup.h"
#include "telemetry/telemetry.h"
#include "telemetry/usage_row.h"

/* Rows of one day, written in one transaction together with their roll-ups. */
struct day_batch {
    const struct usage_row *usage;
    size_t usage_count;
    const struct log_row *logs;
    size_t log_count;
    bool from_outside; /* a record counts once in a day (once_key.h), whoever has written it */
    bool
        begin_day; /* a day that is not there is begun; else the write fails with `day_absent` and no error */
    bool day_absent;   /* out */
    size_t duplicates; /* out: usage rows left out because they are there already */
};

#define RECORDER_UNKNOWN -1

struct day_info {
    /* Who the day's totals in the main store belong to: a random number of the day's file, or of the store that
     * several processes share. Never 0 for a day that is there. */
    int64_t recorder;
    int64_t revision; /* grows with each commit; the same revision: the same rows */
    int64_t usage_rows, log_rows;
};

/* Hours whose totals are added up. */
struct hour_span {
    int64_t first, end;          /* numbers since 1970, `end` not included */
    bool into_one;               /* all go to totals[0], else each hour to totals[hour - first] */
    struct usage_totals *totals; /* is added to */
};

/* Which roll-ups of a day: those of the hours [first_hour, end_hour), numbered since 1970. */
struct usage_cut {
    int64_t first_hour, end_hour;
    const char *tenant_id; /* as in struct usage_filter */
    bool by_tenant; /* each part has its tenant_id and api_type, and need have nothing else but its sums */
};

/* The usage of one hour, by names or by tenant; several may be of the same. */
struct usage_part {
    int64_t hour;
    const char *tenant_id, *api_type, *operation, *model; /* tenant_id of a tenant or by tenant, else "" */
    struct usage_sums sums;
    const void *histogram; /* a blob (base/histogram.h); NULL: by tenant */
    size_t histogram_length;
};
typedef bool (*usage_part_sink)(void *context, const struct usage_part *part, struct error *err);

/* The totals of a whole day of one tenant_id, api_type, operation and model. */
struct day_total {
    const char *tenant_id, *api_type, *operation, *model; /* tenant_id NULL: over all tenants */
    const struct usage_totals *totals;
};
typedef bool (*day_total_sink)(void *context, const struct day_total *total, struct error *err);

/* A log row as it is kept. */
struct stored_log {
    int64_t lane, row; /* who wrote it, and its number there; day files have the one lane LOG_LANE_ALONE */
    struct log_record record;
};
#define LOG_LANE_ALONE 1
typedef bool (*stored_log_sink)(void *context, const struct stored_log *log, struct error *err);

struct log_reading; /* logs/log_store.h */

struct engine {
    const struct engine_functions *functions;
    const char *folder; /* on the disk whose reserve is looked after; NULL: it keeps nothing here */
};

struct bulk_load; /* the engine's own; one thread at a time */

struct engine_functions {
    const char *name;
    void (*close)(struct engine *engine); /* frees it; nobody uses it any longer */

    bool (*write)(struct engine *engine, int32_t day, struct day_batch *batch, struct error *err);

    /* The days that have rows, in order; the caller frees. */
    bool (*list_days)(struct engine *engine, int32_t **ret_days, size_t *ret_count, struct error *err);
    /* The recorders alone of `count` days from `first` on, which costs little for days that were asked for before: 0
     * for a day that is not here, RECORDER_UNKNOWN for one that is and cannot be read. */
    bool (*find_recorders)(struct engine *engine, int32_t first, size_t count, int64_t *ret_recorders,
                           struct error *err);
    /* All zero for a day that is not here. */
    bool (*read_info)(struct engine *engine, int32_t day, struct day_info *ret_info, struct error *err);
    /* Adds what the day's roll-ups say of these hours; nothing for a day that is not here. */
    bool (*add_hours)(struct engine *engine, int32_t day, const struct usage_filter *filter,
                      const struct hour_span *span, struct error *err);
    /* The day's roll-ups in no order, as of one moment; nothing for a day that is not here. The part lives until `sink`
     * returns. */
    bool (*each_part)(struct engine *engine, int32_t day, const struct usage_cut *cut, int limit_ms,
                      usage_part_sink sink, void *context, struct error *err);
    /* Every total of the day as of one moment, those of tenants first; `ret_info` is of that moment, and filled before
     * the first call of `sink`. Strings and totals live until it returns. ERROR_CONFLICT: the day is not here. */
    bool (*each_total)(struct engine *engine, int32_t day, struct day_info *ret_info, day_total_sink sink,
                       void *context, struct error *err);
    /* Raw rows in the order in which they arrived; nothing for a day that is not here. The record lives until `sink`
     * returns. */
    bool (*each_usage)(struct engine *engine, int32_t day, int limit_ms, telemetry_usage_sink sink,
                       void *context, struct error *err);
    /* The day's log rows as of one moment, to be read within the time (logs/log_store.h): never NULL, and given back by
     * logs_close. */
    bool (*logs_open)(struct engine *engine, int32_t day, int limit_ms, struct log_reading **ret_reading,
                      struct error *err);
    void (*logs_close)(struct engine *engine, struct log_reading *reading);
    /* Of a day that has ended, makes groups of the blocks of log rows that are in none. */
    bool (*group_logs)(struct engine *engine, int32_t day, struct error *err);
    /* Of what the day's dictionaries have: the names of calls, or with `of_logs` the sources of logs. */
    bool (*each_name)(struct engine *engine, int32_t day, bool of_logs, telemetry_name_sink sink,
                      void *context, struct error *err);
    /* Recomputes every roll-up of the day from its raw rows, as of one moment. */
    bool (*check_day)(struct engine *engine, int32_t day, struct findings *findings, struct error *err);

    /* Days before `today` have ended: what is held for writing them may go. A late row may still come. */
    void (*seal)(struct engine *engine, int32_t today);
    /* Deletes the day with all its rows, if it still has this revision and nobody uses it. */
    bool (*drop_day)(struct engine *engine, int32_t day, int64_t revision, bool *ret_dropped,
                     struct error *err);

    /* Bulk data of one day. `last`: with the roll-ups that the batches before have left. `end` frees it. */
    bool (*load_begin)(struct engine *engine, int32_t day, struct bulk_load **ret_load, struct error *err);
    bool (*load_batch)(struct bulk_load *load, struct day_batch *batch, bool last, struct error *err);
    void (*load_end)(struct bulk_load *load);

    /* Name of the newest day that could not be used and was set aside, or "". NULL: it cannot happen. */
    void (*get_set_aside)(struct engine *engine, char *ret_name, size_t size);
};

/* Each opens its engine and makes what is missing. */
bool day_files_open(struct engine **ret_engine, const char *folder, enum store_durability durability,
                    struct error *err);
/* `database`: the address of the main store's. */
bool telemetry_postgresql_open(struct engine **ret_engine, const char *database, struct error *err);

#endif
