#include "telemetry/postgresql/lanes.h"

#include "base/clock.h"
#include "base/identifier.h"
#include "base/memory.h"
#include "telemetry/postgresql/schema.h"

/* After so long without use a lane may be given to another process: its holder asks anew four times in that time. */
#define UNUSED_MS INT64_C(120000)

static const char SQL_KEEP_LANE[] = "UPDATE lanes SET used_at = $2 WHERE holder = $1 RETURNING lane";
static const char SQL_TAKE_LANE[] =
    "UPDATE lanes SET holder = $1, used_at = $2"
    " WHERE lane = (SELECT MIN(lane) FROM lanes WHERE used_at < $3) AND used_at < $3 RETURNING lane";
static const char SQL_ADD_LANE[] =
    "INSERT INTO lanes(lane, holder, used_at) SELECT COALESCE(MAX(lane), 0) + 1, $1, $2 FROM lanes"
    " ON CONFLICT (lane) DO NOTHING RETURNING lane";
static const char SQL_GIVE_BACK[] = "UPDATE lanes SET used_at = 0 WHERE holder = $1";

/* Held by whoever makes or drops a day, until the end of its transaction. */
static const char SQL_LOCK_DAYS[] = "SELECT id FROM telemetry_info WHERE id = 1 FOR UPDATE";
static const char SQL_HAS_DAY[] = "SELECT 1 FROM day_lanes WHERE day = $1 LIMIT 1";
static const char SQL_ADD_DAY[] =
    "INSERT INTO day_lanes(day, lane, revision, stamp, usage_rows, log_rows, sealed_rows, loose_blocks)"
    " VALUES ($1, $2, 0, 0, 0, 0, 0, 0)"
    " ON CONFLICT (day, lane) DO NOTHING";
static const char SQL_LOCK_DAY[] = "SELECT revision FROM day_lanes WHERE day = $1 ORDER BY lane FOR UPDATE";
static const char SQL_DELETE_DAY[] = "DELETE FROM day_lanes WHERE day = $1";
static const char SQL_RECORDER[] = "SELECT recorder FROM telemetry_info WHERE id = 1";
static const char SQL_SET_RECORDER[] =
    "INSERT INTO telemetry_info(id, recorder) VALUES (1, $1) ON CONFLICT (id) DO NOTHING";

/* ---- lanes ---- */

struct lane_taking {
    int64_t holder, lane;
};

static bool lane_take_work(struct db *db, void *context, struct error *err)
{
    struct lane_taking *taking = context;
    int64_t now = clock_now_ms();
    struct db_value holder = db_int(taking->holder), used_at = db_int(now), unused = db_int(now - UNUSED_MS);
    if (!db_find_int(db, SQL_KEEP_LANE, DB_ARGS(holder, used_at), 0, &taking->lane, err))
        return false;
    if (!taking->lane &&
        !db_find_int(db, SQL_TAKE_LANE, DB_ARGS(holder, used_at, unused), 0, &taking->lane, err))
        return false;
    return taking->lane || db_find_int(db, SQL_ADD_LANE, DB_ARGS(holder, used_at), 0, &taking->lane, err);
}

#define TRIES                                                                                                \
    20 /* of processes that begin at the same time each takes the number that another adds at once */

bool lane_take(struct store *store, int64_t holder, int64_t *ret_lane, struct error *err)
{
    struct lane_taking taking = {.holder = holder};
    for (int i = 0; i < TRIES && !taking.lane; i++)
        if (!store_write(store, lane_take_work, &taking, err))
            return false;
    *ret_lane = taking.lane;
    return taking.lane ||
           error_set(err, ERROR_UNAVAILABLE, "Telemetry has no place to write in. Try again in a moment.",
                     "遥测数据暂时无法写入，请稍后重试。");
}

static bool lane_give_back_work(struct db *db, void *context, struct error *err)
{
    const int64_t *holder = context;
    return db_execute(db, SQL_GIVE_BACK, DB_ARGS(db_int(*holder)), NULL, err);
}

void lane_give_back(struct store *store, int64_t holder)
{
    store_write(store, lane_give_back_work, &holder, NULL); /* else it is free after a while */
}

/* ---- days ---- */

static bool lanes_lock_and_find_day(struct db *db, int32_t day, bool *ret_here, struct error *err)
{
    int64_t id, here;
    if (!db_find_int(db, SQL_LOCK_DAYS, DB_NO_ARGS, 0, &id, err) ||
        !db_find_int(db, SQL_HAS_DAY, DB_ARGS(db_int(day)), 0, &here, err))
        return false;
    *ret_here = here != 0;
    return true;
}

struct day_beginning {
    int64_t lane;
    int32_t day;
    bool begin_day, here;
};

static bool lane_begin_day_work(struct db *db, void *context, struct error *err)
{
    struct day_beginning *beginning = context;
    if (!lanes_lock_and_find_day(db, beginning->day, &beginning->here, err))
        return false;
    if (!beginning->here) {
        CLEANUP(strbuf_release) struct strbuf sql = {0};
        if (!beginning->begin_day)
            return true;
        partitions_make(beginning->day, &sql);
        if (!db_script(db, strbuf_text(&sql), err))
            return false;
        beginning->here = true;
    }
    return db_execute(db, SQL_ADD_DAY, DB_ARGS(db_int(beginning->day), db_int(beginning->lane)), NULL, err);
}

bool lane_begin_day(struct store *store, int64_t lane, int32_t day, bool begin_day, bool *ret_here,
                    struct error *err)
{
    struct day_beginning beginning = {.lane = lane, .day = day, .begin_day = begin_day};
    if (!store_write(store, lane_begin_day_work, &beginning, err))
        return false;
    *ret_here = beginning.here;
    return true;
}

struct day_dropping {
    int32_t day;
    int64_t revision;
    bool dropped;
};

static bool lanes_drop_day_work(struct db *db, void *context, struct error *err)
{
    struct day_dropping *dropping = context;
    CLEANUP(strbuf_release) struct strbuf sql = {0};
    CLEANUP(db_rows_release) struct db_rows lanes = {0};
    int64_t revision = 0;
    bool here;
    dropping->dropped = false;
    if (!lanes_lock_and_find_day(db, dropping->day, &here, err) ||
        !db_query(db, SQL_LOCK_DAY, DB_ARGS(db_int(dropping->day)), &lanes, err))
        return false;
    while (db_next(&lanes))
        revision += db_column_int(&lanes, 0);
    if (!db_done(&lanes, err))
        return false;
    if (!here || revision != dropping->revision)
        return true;
    partitions_drop(dropping->day, &sql);
    dropping->dropped = true;
    return db_execute(db, SQL_DELETE_DAY, DB_ARGS(db_int(dropping->day)), NULL, err) &&
           db_script(db, strbuf_text(&sql), err);
}

bool lanes_drop_day(struct store *store, int32_t day, int64_t revision, bool *ret_dropped, struct error *err)
{
    struct day_dropping dropping = {.day = day, .revision = revision};
    *ret_dropped = false;
    if (!store_write(store, lanes_drop_day_work, &dropping, err))
        return false;
    *ret_dropped = dropping.dropped;
    return true;
}

/* ---- the recorder ---- */

static bool lanes_recorder_work(struct db *db, void *context, struct error *err)
{
    int64_t drawn, *recorder = context;
    random_bytes(&drawn, sizeof(drawn));
    drawn = (drawn & INT64_MAX) | 1;
    return db_execute(db, SQL_SET_RECORDER, DB_ARGS(db_int(drawn)), NULL, err) &&
           db_find_int(db, SQL_RECORDER, DB_NO_ARGS, 0, recorder, err);
}

bool lanes_recorder(struct store *store, int64_t *ret_recorder, struct error *err)
{
    return store_write(store, lanes_recorder_work, ret_recorder, err);
}
