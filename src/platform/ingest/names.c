#include "platform/ingest/names.h"

#include <pthread.h>
#include <string.h>

#include "base/memory.h"
#include "telemetry/name_map.h"
#include "telemetry/usage_names.h"

#define DAYS 12  /* remembered: as many as records may be old, and some */
#define SPARE 50 /* names beyond the limit that are made of INGEST_OTHER */

struct names_of_day {
    int32_t day;
    bool loaded;
    uint64_t last_used;
    struct name_map usage, sources;
};

struct ingest_names {
    struct telemetry *telemetry;
    pthread_mutex_t lock;
    uint64_t uses;
    struct names_of_day days[DAYS];
};

struct ingest_names *ingest_names_new(struct telemetry *telemetry)
{
    struct ingest_names *names = xcalloc(1, sizeof(*names));
    names->telemetry = telemetry;
    pthread_mutex_init(&names->lock, NULL);
    return names;
}

static void names_of_day_forget(struct names_of_day *day)
{
    name_map_release(&day->usage);
    name_map_release(&day->sources);
    *day = (struct names_of_day){0};
}

void ingest_names_free(struct ingest_names *names)
{
    if (!names)
        return;
    for (size_t i = 0; i < DAYS; i++)
        names_of_day_forget(&names->days[i]);
    pthread_mutex_destroy(&names->lock);
    free(names);
}

/* ---- what a day has ---- */

/* As one key, without the tenant. */
static const char *names_key(struct usage_names *key, const char *api_type, const char *operation,
                             const char *model, size_t *ret_length)
{
    struct usage_record record = {.api_type = api_type, .operation = operation, .model = model};
    usage_names_gather(key, &record);
    return usage_names_of_platform(key, ret_length);
}

static void names_add_once(struct name_map *map, const char *name, size_t length)
{
    if (!name_map_find(map, name, length))
        name_map_add(map, name, length, 0, 0);
}

static bool names_take_usage(void *context, const struct telemetry_name *name, struct error *err)
{
    (void)err;
    struct names_of_day *day = context;
    struct usage_names key;
    size_t length;
    const char *bytes = names_key(&key, name->api_type, name->operation, name->model, &length);
    names_add_once(&day->usage, bytes, length);
    return true;
}

static bool names_take_source(void *context, const struct telemetry_name *name, struct error *err)
{
    (void)err;
    struct names_of_day *day = context;
    names_add_once(&day->sources, name->source, strlen(name->source));
    return true;
}

static bool ingest_names_find_day(struct ingest_names *names, int32_t number, struct names_of_day **ret_day,
                                  struct error *err)
{
    struct names_of_day *day = &names->days[0];
    for (size_t i = 0; i < DAYS; i++) {
        struct names_of_day *other = &names->days[i];
        if (other->loaded && other->day == number) {
            day = other;
            break;
        }
        if (other->last_used < day->last_used)
            day = other;
    }
    *ret_day = day;
    if (!day->loaded || day->day != number) {
        names_of_day_forget(day);
        if (!telemetry_each_usage_name(names->telemetry, number, names_take_usage, day, err) ||
            !telemetry_each_log_source(names->telemetry, number, names_take_source, day, err))
            return false;
        day->day = number;
        day->loaded = true;
    }
    day->last_used = ++names->uses;
    return true;
}

/* ---- admitting ---- */

static bool names_admit(struct name_map *map, const char *name, size_t length, size_t limit)
{
    if (name_map_find(map, name, length))
        return true;
    if (map->count >= limit)
        return false;
    name_map_add(map, name, length, 0, 0);
    return true;
}

static void names_admit_usage(struct names_of_day *day, struct usage_record *record, bool *ret_other)
{
    struct usage_names key;
    size_t length;
    const char *bytes = names_key(&key, record->api_type, record->operation, record->model, &length);
    if (names_admit(&day->usage, bytes, length, INGEST_NAMES_A_DAY))
        return;
    *ret_other = true;
    record->operation = record->model = INGEST_OTHER;
    bytes = names_key(&key, record->api_type, INGEST_OTHER, INGEST_OTHER, &length);
    if (!names_admit(&day->usage, bytes, length, INGEST_NAMES_A_DAY + SPARE))
        record->api_type = INGEST_OTHER;
}

bool ingest_names_admit_usage(struct ingest_names *names, int32_t day, struct usage_record *record,
                              bool *ret_other, struct error *err)
{
    struct names_of_day *known;
    pthread_mutex_lock(&names->lock);
    bool done = ingest_names_find_day(names, day, &known, err);
    if (done)
        names_admit_usage(known, record, ret_other);
    pthread_mutex_unlock(&names->lock);
    return done;
}

bool ingest_names_admit_log(struct ingest_names *names, int32_t day, struct log_record *record,
                            bool *ret_other, struct error *err)
{
    struct names_of_day *known;
    pthread_mutex_lock(&names->lock);
    bool done = ingest_names_find_day(names, day, &known, err);
    if (done && !names_admit(&known->sources, record->source, strlen(record->source), INGEST_NAMES_A_DAY)) {
        *ret_other = true;
        record->source = INGEST_OTHER;
    }
    pthread_mutex_unlock(&names->lock);
    return done;
}
