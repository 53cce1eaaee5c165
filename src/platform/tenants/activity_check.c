/* The proof that the activity roll-ups are right: everything counted again from conversations,
 * messages and feedbacks, in one pass over each, then compared row by row. One statement reads all,
 * hence as of one moment: customers may go on asking meanwhile.
 *
 * Histograms are compared by a fingerprint, the sum of one pseudo-random number for each message's
 * bucket: 8 bytes for each row instead of 1.9 KB, and a difference stays unseen with probability
 * 2^-64. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "base/clock.h"
#include "base/memory.h"
#include "base/slot_table.h"
#include "platform/tenants/activity.h"

enum rollup_kind { TENANT_DAY, PLATFORM_DAY, PLATFORM_HOUR };

struct figures {
    int64_t conversations, messages, answered, feedbacks, latency_sum_ms;
    uint64_t latency_print;
};

struct recounted {
    enum rollup_kind kind;
    const char *tenant_id; /* "" for the platform's */
    int64_t start;
    struct figures counted, kept;
    bool has_rollup;
};

struct recount {
    struct recounted *items;
    size_t count, capacity;
    struct slot_table table;
    struct arena names;
};

static void recount_release(struct recount *recount)
{
    slot_table_release(&recount->table);
    arena_release(&recount->names);
    free(recount->items);
}

static struct recounted *recount_get(struct recount *recount, enum rollup_kind kind, const char *tenant_id,
                                     int64_t start)
{
    uint64_t hash = XXH3_64bits_withSeed(tenant_id, strlen(tenant_id), (uint64_t)start * 4 + kind);
    struct slot_cursor cursor = slot_table_lookup(&recount->table, hash);
    for (uint32_t slot; (slot = slot_table_next(&recount->table, &cursor)) != SLOT_NONE;) {
        struct recounted *item = &recount->items[slot];
        if (item->kind == kind && item->start == start && strcmp(item->tenant_id, tenant_id) == 0)
            return item;
    }
    if (recount->count == recount->capacity) {
        recount->capacity = recount->capacity ? recount->capacity * 2 : 1024;
        recount->items = xrealloc(recount->items, recount->capacity * sizeof(recount->items[0]));
    }
    slot_table_add(&recount->table, hash, (uint32_t)recount->count);
    struct recounted *item = &recount->items[recount->count++];
    *item = (struct recounted){
        .kind = kind, .tenant_id = arena_strdup(&recount->names, tenant_id), .start = start};
    return item;
}

/* A different odd number for each bucket (the multiplier is that of splitmix64), by the wide ones: a row of
 * an earlier version knows no others. */
static uint64_t histogram_print(const struct histogram *histogram)
{
    uint64_t print = 0;
    for (size_t i = 0; i < HISTOGRAM_BUCKETS; i++)
        if (histogram->counts[i]) {
            uint64_t mixed = (histogram_wide_bucket(i) + 1) * UINT64_C(0x9E3779B97F4A7C15);
            print += histogram->counts[i] * ((mixed ^ mixed >> 29) | 1);
        }
    return print;
}

static void figures_add(struct figures *into, const struct figures *add)
{
    into->conversations += add->conversations;
    into->messages += add->messages;
    into->answered += add->answered;
    into->feedbacks += add->feedbacks;
    into->latency_sum_ms += add->latency_sum_ms;
    into->latency_print += add->latency_print;
}

/* What it is ('rows', or a roll-up's bucket), tenant, time, figures, and a roll-up's histogram. */
static const char SQL_ROWS_AND_ROLLUPS[] =
    "SELECT 'tenant', tenant_id, day, conversations, messages, answered, feedbacks,"
    " latency_sum_ms, latency_histogram FROM activity_daily"
    " UNION ALL SELECT bucket, '', start, conversations, messages, answered, feedbacks,"
    " latency_sum_ms, latency_histogram FROM activity_platform"
    " UNION ALL SELECT 'rows', tenant_id, started_at, 1, 0, 0, 0, 0, NULL FROM conversations"
    " UNION ALL SELECT 'rows', tenant_id, created_at, 0, 1, answered, 0, latency_ms, NULL"
    " FROM messages"
    " UNION ALL SELECT 'rows', tenant_id, created_at, 0, 0, 0, 1, 0, NULL FROM feedbacks";

static struct figures figures_of_row(const struct db_rows *rows)
{
    return (struct figures){
        .conversations = db_column_int(rows, 3),
        .messages = db_column_int(rows, 4),
        .answered = db_column_int(rows, 5),
        .feedbacks = db_column_int(rows, 6),
        .latency_sum_ms = db_column_int(rows, 7),
    };
}

static void recount_add_row(const struct db_rows *rows, struct recount *recount)
{
    const char *tenant_id = db_column_text(rows, 1);
    int64_t at = db_column_int(rows, 2);
    int32_t day = clock_day(at);
    struct figures add = figures_of_row(rows);
    struct histogram one = {0};
    if (add.messages)
        histogram_add(&one, add.latency_sum_ms * 1000);
    add.latency_print = histogram_print(&one);
    figures_add(&recount_get(recount, TENANT_DAY, tenant_id, day)->counted, &add);
    figures_add(&recount_get(recount, PLATFORM_DAY, "", day)->counted, &add);
    figures_add(&recount_get(recount, PLATFORM_HOUR, "", at - at % HOUR_MS)->counted, &add);
}

/* A histogram that cannot be read counts as an empty one: then it differs. */
static void recount_put_rollup(const struct db_rows *rows, enum rollup_kind kind, struct recount *recount)
{
    struct recounted *item = recount_get(recount, kind, db_column_text(rows, 1), db_column_int(rows, 2));
    struct histogram histogram = {0};
    size_t length;
    const void *blob = db_column_bytes(rows, 8, &length);
    if (blob)
        histogram_merge_blob(&histogram, blob, length);
    item->kept = figures_of_row(rows);
    item->kept.latency_print = histogram_print(&histogram);
    item->has_rollup = true;
}

static void recount_take_row(const struct db_rows *rows, struct recount *recount)
{
    static const char *const buckets[] = {
        [TENANT_DAY] = "tenant", [PLATFORM_DAY] = "day", [PLATFORM_HOUR] = "hour"};
    const char *what = db_column_text(rows, 0);
    for (size_t kind = 0; kind < ARRAY_SIZE(buckets); kind++)
        if (strcmp(what, buckets[kind]) == 0) {
            recount_put_rollup(rows, (enum rollup_kind)kind, recount);
            return;
        }
    recount_add_row(rows, recount);
}

static void recounted_compare(const struct recounted *item, struct strbuf *ret_findings)
{
    const struct figures *kept = &item->kept, *counted = &item->counted;
    const struct {
        const char *name;
        int64_t kept, counted;
    } figures[] = {
        {"conversations", kept->conversations, counted->conversations},
        {"messages", kept->messages, counted->messages},
        {"answered", kept->answered, counted->answered},
        {"feedbacks", kept->feedbacks, counted->feedbacks},
        {"latency_sum_ms", kept->latency_sum_ms, counted->latency_sum_ms},
    };
    char when[CLOCK_TEXT_SIZE], row[128];
    if (item->kind == PLATFORM_HOUR)
        clock_format(item->start, when);
    else
        clock_day_format((int32_t)item->start, when);
    snprintf(row, sizeof(row), "%s %s", item->kind == TENANT_DAY ? item->tenant_id : "platform", when);
    if (!item->has_rollup) {
        strbuf_printf(ret_findings, "activity %s: the roll-up is missing\n", row);
        return;
    }
    for (size_t i = 0; i < ARRAY_SIZE(figures); i++)
        if (figures[i].kept != figures[i].counted)
            strbuf_printf(ret_findings, "activity %s: %s is %" PRId64 ", counted %" PRId64 "\n", row,
                          figures[i].name, figures[i].kept, figures[i].counted);
    if (kept->latency_print != counted->latency_print)
        strbuf_printf(ret_findings, "activity %s: the latency histogram is not that of the rows\n", row);
}

bool activity_check(struct db *db, struct strbuf *ret_findings, struct error *err)
{
    CLEANUP(recount_release) struct recount recount = {.names = {.ceiling = SIZE_MAX / 2}};
    CLEANUP(db_rows_release) struct db_rows rows = {0};
    if (!db_query(db, SQL_ROWS_AND_ROLLUPS, DB_NO_ARGS, &rows, err))
        return false;
    while (db_next(&rows))
        recount_take_row(&rows, &recount);
    if (!db_done(&rows, err))
        return false;
    for (size_t i = 0; i < recount.count; i++)
        recounted_compare(&recount.items[i], ret_findings);
    return true;
}
