/* Writing and reading of activity_daily and activity_platform; the proof that they are right stands
 * in activity_check.c. */
#include "platform/tenants/activity.h"

#include "base/clock.h"
#include "base/memory.h"

static const struct field activity_top_fields[] = {
    FIELD(struct activity_top, tenant_id, TEXT, "Id of the tenant"),
    FIELD(struct activity_top, name, TEXT, "Name of the tenant", .personal = PERSONAL_PARTS),
    FIELD(struct activity_top, conversations, INT, "Conversations begun today"),
    FIELD(struct activity_top, conversations_yesterday, INT,
          "Conversations begun yesterday until the same time"),
};
const struct descriptor activity_top_descriptor =
    DESCRIPTOR("TopTenant", struct activity_top, activity_top_fields);

/* One roll-up row: which it is (two values of its key), and the statements of its table. */
struct rollup {
    const char *sql_histogram, *sql_add;
    struct db_value key[2];
};

#define ADD_COUNTS(table)                                                                                    \
    " DO UPDATE SET conversations = " table ".conversations + excluded.conversations,"                       \
    " messages = " table ".messages + excluded.messages,"                                                    \
    " answered = " table ".answered + excluded.answered,"                                                    \
    " refused = " table ".refused + excluded.refused,"                                                       \
    " feedbacks = " table ".feedbacks + excluded.feedbacks,"                                                 \
    " latency_sum_ms = " table ".latency_sum_ms + excluded.latency_sum_ms,"                                  \
    " latency_histogram = COALESCE(excluded.latency_histogram, " table ".latency_histogram)"

static const char SQL_HISTOGRAM_TENANT[] =
    "SELECT latency_histogram FROM activity_daily WHERE tenant_id = $1 AND day = $2";
static const char SQL_ADD_TENANT[] =
    "INSERT INTO activity_daily(tenant_id, day, conversations, messages, answered, refused,"
    " feedbacks, latency_sum_ms, latency_histogram) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)"
    " ON CONFLICT (tenant_id, day)" ADD_COUNTS("activity_daily");
static const char SQL_HISTOGRAM_PLATFORM[] =
    "SELECT latency_histogram FROM activity_platform WHERE bucket = $1 AND start = $2";
static const char SQL_ADD_PLATFORM[] =
    "INSERT INTO activity_platform(bucket, start, conversations, messages, answered, refused,"
    " feedbacks, latency_sum_ms, latency_histogram) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)"
    " ON CONFLICT (bucket, start)" ADD_COUNTS("activity_platform");

/* The row's histogram and one more message of this latency. */
static bool activity_merge_histogram(struct db *db, const struct rollup *rollup, int64_t latency_ms,
                                     struct histogram *ret_histogram, struct error *err)
{
    CLEANUP(db_rows_release) struct db_rows rows = {0};
    *ret_histogram = (struct histogram){0};
    if (!db_query(db, rollup->sql_histogram, rollup->key, ARRAY_SIZE(rollup->key), &rows, err))
        return false;
    while (db_next(&rows)) {
        size_t length;
        const void *blob = db_column_bytes(&rows, 0, &length);
        if (blob && !histogram_merge_blob(ret_histogram, blob, length))
            return error_set(err, ERROR_INTERNAL, "A latency histogram in the store is broken.",
                             "数据库中的延迟直方图已损坏。");
    }
    histogram_add(ret_histogram, latency_ms * 1000);
    return db_done(&rows, err);
}

static bool activity_add_to_rollup(struct db *db, const struct rollup *rollup, const struct activity *add,
                                   int64_t latency_ms, struct error *err)
{
    unsigned char blob[HISTOGRAM_BLOB_MAX];
    struct db_value histogram = db_null();
    bool one_message = add->messages == 1;
    if (one_message) {
        struct histogram merged;
        if (!activity_merge_histogram(db, rollup, latency_ms, &merged, err))
            return false;
        histogram = db_bytes(blob, histogram_encode(&merged, blob));
    }
    return db_execute(db, rollup->sql_add,
                      DB_ARGS(rollup->key[0], rollup->key[1], db_int(add->conversations),
                              db_int(add->messages), db_int(add->answered), db_int(add->refused),
                              db_int(add->feedbacks), db_int(one_message ? latency_ms : 0), histogram),
                      NULL, err);
}

bool activity_add(struct db *db, const char *tenant_id, int64_t at, const struct activity *add,
                  int64_t latency_ms, struct error *err)
{
    int32_t day = clock_day(at);
    const struct rollup rollups[] = {
        {SQL_HISTOGRAM_TENANT, SQL_ADD_TENANT, {db_text(tenant_id), db_int(day)}},
        {SQL_HISTOGRAM_PLATFORM, SQL_ADD_PLATFORM, {db_text("day"), db_int(day)}},
        {SQL_HISTOGRAM_PLATFORM, SQL_ADD_PLATFORM, {db_text("hour"), db_int(at - at % HOUR_MS)}},
    };
    for (size_t i = 0; i < ARRAY_SIZE(rollups); i++)
        if (!activity_add_to_rollup(db, &rollups[i], add, latency_ms, err))
            return false;
    return true;
}

#define ACTIVITY_COLUMNS                                                                                     \
    "conversations, messages, answered, refused, feedbacks, latency_sum_ms, latency_histogram"

static bool activity_read_row(const struct db_rows *rows, struct activity *ret_activity)
{
    *ret_activity = (struct activity){
        .conversations = db_column_int(rows, 1),
        .messages = db_column_int(rows, 2),
        .answered = db_column_int(rows, 3),
        .refused = db_column_int(rows, 4),
        .feedbacks = db_column_int(rows, 5),
        .latency_sum_ms = db_column_int(rows, 6),
    };
    size_t length;
    const void *blob = db_column_bytes(rows, 7, &length);
    return !blob || histogram_merge_blob(&ret_activity->latency, blob, length);
}

/* Rows whose first column is the time, each put at its place: (time - first) / step. */
static bool activity_read_series(struct db *db, const char *sql, const struct db_value *args,
                                 size_t arg_count, int64_t first, int64_t step, size_t count,
                                 struct activity *ret_activities, struct error *err)
{
    CLEANUP(db_rows_release) struct db_rows rows = {0};
    for (size_t i = 0; i < count; i++)
        ret_activities[i] = (struct activity){0};
    if (!db_query(db, sql, args, arg_count, &rows, err))
        return false;
    while (db_next(&rows)) {
        size_t at = (size_t)((db_column_int(&rows, 0) - first) / step);
        if (at < count && !activity_read_row(&rows, &ret_activities[at]))
            return error_set(err, ERROR_INTERNAL, "A latency histogram in the store is broken.",
                             "数据库中的延迟直方图已损坏。");
    }
    return db_done(&rows, err);
}

static const char SQL_TENANT_DAYS[] = "SELECT day, " ACTIVITY_COLUMNS " FROM activity_daily"
                                      " WHERE tenant_id = $1 AND day >= $2 AND day < $3";
static const char SQL_PLATFORM_SERIES[] = "SELECT start, " ACTIVITY_COLUMNS " FROM activity_platform"
                                          " WHERE bucket = $1 AND start >= $2 AND start < $3";

bool activity_days(struct db *db, const char *tenant_id, int32_t first, size_t count,
                   struct activity *ret_activities, struct error *err)
{
    return activity_read_series(
        db, tenant_id ? SQL_TENANT_DAYS : SQL_PLATFORM_SERIES,
        DB_ARGS(db_text(tenant_id ? tenant_id : "day"), db_int(first), db_int(first + (int64_t)count)), first,
        1, count, ret_activities, err);
}

bool activity_hours(struct db *db, int64_t first_hour, size_t count, struct activity *ret_activities,
                    struct error *err)
{
    return activity_read_series(
        db, SQL_PLATFORM_SERIES,
        DB_ARGS(db_text("hour"), db_int(first_hour), db_int(first_hour + (int64_t)count * HOUR_MS)),
        first_hour, HOUR_MS, count, ret_activities, err);
}

/* Yesterday is compared until the same time: a whole day against a morning would mislead. Those rows
 * are counted one by one, for a few tenants and by an index. */
static const char SQL_TOP_TENANTS[] =
    "SELECT top.tenant_id AS tenant_id, t.name AS name, top.conversations AS conversations,"
    " (SELECT COUNT(*) FROM conversations c WHERE c.tenant_id = top.tenant_id"
    " AND c.started_at >= $2 AND c.started_at < $3) AS conversations_yesterday"
    " FROM (SELECT tenant_id, conversations FROM activity_daily WHERE day = $1 AND conversations > 0"
    " ORDER BY conversations DESC, tenant_id LIMIT $4) top JOIN tenants t ON t.id = top.tenant_id"
    " ORDER BY top.conversations DESC, top.tenant_id";

bool activity_top_tenants(struct db *db, int64_t now, size_t limit, struct arena *arena,
                          struct activity_top *ret_top, size_t *ret_count, struct error *err)
{
    CLEANUP(db_rows_release) struct db_rows rows = {0};
    size_t count = 0;
    int32_t today = clock_day(now);
    int64_t yesterday = clock_day_start(today - 1);
    int64_t same_time = yesterday + (now - clock_day_start(today));
    if (!db_query(db, SQL_TOP_TENANTS,
                  DB_ARGS(db_int(today), db_int(yesterday), db_int(same_time), db_int((int64_t)limit)), &rows,
                  err))
        return false;
    while (db_next(&rows) && count < limit)
        db_read_row(&rows, &activity_top_descriptor, &ret_top[count++], arena);
    if (!db_done(&rows, err))
        return false;
    *ret_count = count;
    return true;
}
