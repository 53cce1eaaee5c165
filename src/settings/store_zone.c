/* This module owns store_info. */
#include "settings/store_zone.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"

#define READ_MS 10000
#define ZONE_SIZE 64

static const char SQL_ZONE[] = "SELECT timezone FROM store_info WHERE id = 1";
static const char SQL_SET_ZONE[] = "INSERT INTO store_info(id, timezone) VALUES (1, $1)"
                                   " ON CONFLICT (id) DO UPDATE SET timezone = excluded.timezone";
static const char SQL_HAS_ACTIVITY[] = "SELECT 1 FROM activity_platform LIMIT 1";
static const char SQL_HAS_USAGE[] = "SELECT 1 FROM usage_days LIMIT 1";

static bool store_zone_read(struct db *db, char ret_zone[static ZONE_SIZE], struct error *err)
{
    CLEANUP(db_rows_release) struct db_rows rows = {0};
    if (!db_query(db, SQL_ZONE, DB_NO_ARGS, &rows, err))
        return false;
    ret_zone[0] = '\0';
    if (db_next(&rows))
        snprintf(ret_zone, ZONE_SIZE, "%s", db_column_text(&rows, 0));
    return db_done(&rows, err);
}

static bool store_zone_write_work(struct db *db, void *context, struct error *err)
{
    return db_execute(db, SQL_SET_ZONE, DB_ARGS(db_text(context)), NULL, err);
}

bool store_zone_choose(struct store *store, const struct settings_box *box, bool has_days, bool serves,
                       struct error *err)
{
    char wanted[ZONE_SIZE], zone[ZONE_SIZE];
    int64_t has_activity, has_usage;
    bool given = settings_is_given(box, "server", "timezone");
    snprintf(wanted, sizeof(wanted), "%s", settings_now(box)->timezone);
    {
        CLEANUP(store_reader_release) struct db *db = NULL;
        if (!store_reader(store, READ_MS, &db, err) || !store_zone_read(db, zone, err))
            return false;
        if (!db_find_int(db, SQL_HAS_ACTIVITY, DB_NO_ARGS, 0, &has_activity, err) ||
            !db_find_int(db, SQL_HAS_USAGE, DB_NO_ARGS, 0, &has_usage, err))
            return false;
    }
    bool counted = has_activity || has_usage || has_days;
    bool differs = strcmp(zone, wanted) != 0;
    bool keeps = *zone ? given && differs && !counted : given || serves || !counted;
    if (*zone && !keeps) {
        if (given && differs)
            log_warn("settings",
                     "KIMONO_TIMEZONE is %s, but the days of this store are counted in %s: that goes on",
                     wanted, zone);
        return clock_set_zone(zone, err);
    }
    if (!clock_set_zone(wanted, err) || (keeps && !store_write(store, store_zone_write_work, wanted, err)))
        return false;
    /* Days that a lost main store has left behind may have been counted in another zone: this is the moment to see it. */
    if (keeps && counted)
        log_info("settings", "the days of this store are counted in %s from now on", wanted);
    return true;
}
