#include "platform/tenants/counters.h"

#include <inttypes.h>
#include <string.h>

#include "base/memory.h"

static const char *const names[COUNTER_COUNT] = {
    [COUNTER_TENANTS] = "tenants",
    [COUNTER_ACTIVE_TENANTS] = "active_tenants",
    [COUNTER_QA_PAIRS] = "qa_pairs",
    [COUNTER_UNSYNCED_QA_PAIRS] = "unsynced_qa_pairs",
    [COUNTER_PENDING_FEEDBACKS] = "pending_feedbacks",
    [COUNTER_PENDING_REMOVALS] = "pending_removals",
    [COUNTER_HELD_BACK_QA_PAIRS] = "held_back_qa_pairs",
    [COUNTER_HELD_BACK_REMOVALS] = "held_back_removals",
    [COUNTER_TENANT_EDITS] = "tenant_edits",
};

static const char SQL_ADD[] = "UPDATE platform_counters SET value = value + $2 WHERE name = $1";

bool counters_add(struct db *db, enum counter counter, int64_t difference, struct error *err)
{
    int64_t changed;
    if (difference == 0)
        return true;
    if (!db_execute(db, SQL_ADD, DB_ARGS(db_text(names[counter]), db_int(difference)), &changed, err))
        return false;
    if (changed != 1)
        return error_set(err, ERROR_INTERNAL, "The counter '%s' is missing.", "缺少计数器“%s”。",
                         names[counter]);
    return true;
}

static const char SQL_ADD_HELD_BACK[] =
    "UPDATE platform_counters SET value = value + $2 WHERE name = $1"
    " AND EXISTS (SELECT 1 FROM tenants WHERE id = $3 AND status <> 'active')";

static bool counters_add_held_back(struct db *db, enum counter counter, const char *tenant_id,
                                   int64_t difference, struct error *err)
{
    return difference == 0 ||
           db_execute(db, SQL_ADD_HELD_BACK,
                      DB_ARGS(db_text(names[counter]), db_int(difference), db_text(tenant_id)), NULL, err);
}

bool counters_add_due(struct db *db, const char *tenant_id, int64_t unsynced, int64_t removals,
                      struct error *err)
{
    if (!counters_add(db, COUNTER_UNSYNCED_QA_PAIRS, unsynced, err) ||
        !counters_add(db, COUNTER_PENDING_REMOVALS, removals, err))
        return false;
    return counters_add_held_back(db, COUNTER_HELD_BACK_QA_PAIRS, tenant_id, unsynced, err) &&
           counters_add_held_back(db, COUNTER_HELD_BACK_REMOVALS, tenant_id, removals, err);
}

static const char SQL_HOLD_BACK[] =
    "UPDATE platform_counters SET value = value + $2 * (SELECT unsynced_count FROM tenants WHERE id = $1)"
    " WHERE name = 'held_back_qa_pairs'";
static const char SQL_HOLD_BACK_REMOVALS[] =
    "UPDATE platform_counters SET value = value + $2 * (SELECT removal_count FROM tenants WHERE id = $1)"
    " WHERE name = 'held_back_removals'";

bool counters_hold_back(struct db *db, const char *tenant_id, bool held, struct error *err)
{
    const struct db_value args[] = {db_text(tenant_id), db_int(held ? 1 : -1)};
    return db_execute(db, SQL_HOLD_BACK, args, ARRAY_SIZE(args), NULL, err) &&
           db_execute(db, SQL_HOLD_BACK_REMOVALS, args, ARRAY_SIZE(args), NULL, err);
}

static const char SQL_READ[] = "SELECT name, value FROM platform_counters";

bool counters_read(struct db *db, int64_t ret_values[static COUNTER_COUNT], struct error *err)
{
    CLEANUP(db_rows_release) struct db_rows rows = {0};
    int64_t values[COUNTER_COUNT] = {0};
    if (!db_query(db, SQL_READ, DB_NO_ARGS, &rows, err))
        return false;
    while (db_next(&rows))
        for (int i = 0; i < COUNTER_COUNT; i++)
            if (strcmp(names[i], db_column_text(&rows, 0)) == 0)
                values[i] = db_column_int(&rows, 1);
    if (!db_done(&rows, err))
        return false;
    memcpy(ret_values, values, sizeof(values));
    return true;
}

/* --- recounting: counter and count in one statement, hence of one moment, so that others may write
 * meanwhile. Each gives rows of (what, stored, counted) where the two differ. */

#define SQL_RECOUNT(counter, count)                                                                          \
    "SELECT name, value, (" count ") AS counted FROM platform_counters"                                      \
    " WHERE name = '" counter "' AND value <> (" count ")"

#define SQL_RECOUNT_TENANTS(column, rows)                                                                    \
    "SELECT t.id, t." column ", COALESCE(c.n, 0) FROM tenants t"                                             \
    " LEFT JOIN (SELECT tenant_id, COUNT(*) AS n FROM " rows " GROUP BY tenant_id) c"                        \
    " ON c.tenant_id = t.id WHERE t." column " <> COALESCE(c.n, 0) ORDER BY t.id"

#define LIVE_PAIRS "qa_pairs WHERE deleted_at IS NULL"
#define UNSYNCED_PAIRS "qa_pairs WHERE is_synced = 0 AND deleted_at IS NULL"
#define PENDING_REMOVALS "qa_pairs WHERE deleted_at IS NOT NULL AND synced_hash IS NOT NULL"
#define PENDING_FEEDBACKS "feedbacks WHERE status = 'pending'"

static const char SQL_TENANTS[] = SQL_RECOUNT("tenants", "SELECT COUNT(*) FROM tenants");
static const char SQL_ACTIVE[] =
    SQL_RECOUNT("active_tenants", "SELECT COUNT(*) FROM tenants WHERE status = 'active'");
static const char SQL_PAIRS[] = SQL_RECOUNT("qa_pairs", "SELECT COUNT(*) FROM " LIVE_PAIRS);
static const char SQL_UNSYNCED[] = SQL_RECOUNT("unsynced_qa_pairs", "SELECT COUNT(*) FROM " UNSYNCED_PAIRS);
static const char SQL_REMOVALS[] = SQL_RECOUNT("pending_removals", "SELECT COUNT(*) FROM " PENDING_REMOVALS);
#define OF_SUSPENDED " AND tenant_id IN (SELECT id FROM tenants WHERE status <> 'active')"
static const char SQL_HELD_BACK[] =
    SQL_RECOUNT("held_back_qa_pairs", "SELECT COUNT(*) FROM " UNSYNCED_PAIRS OF_SUSPENDED);
static const char SQL_HELD_BACK_REMOVALS[] =
    SQL_RECOUNT("held_back_removals", "SELECT COUNT(*) FROM " PENDING_REMOVALS OF_SUSPENDED);
static const char SQL_PENDING[] = SQL_RECOUNT("pending_feedbacks", "SELECT COUNT(*) FROM " PENDING_FEEDBACKS);
static const char SQL_EDITS[] = SQL_RECOUNT("tenant_edits", "SELECT COALESCE(SUM(version), 0) FROM tenants");
static const char SQL_TENANT_USERS[] = SQL_RECOUNT_TENANTS("user_count", "users WHERE tenant_id IS NOT NULL");
static const char SQL_TENANT_PAIRS[] = SQL_RECOUNT_TENANTS("qa_pair_count", LIVE_PAIRS);
static const char SQL_TENANT_UNSYNCED[] = SQL_RECOUNT_TENANTS("unsynced_count", UNSYNCED_PAIRS);
static const char SQL_TENANT_REMOVALS[] = SQL_RECOUNT_TENANTS("removal_count", PENDING_REMOVALS);
static const char SQL_TENANT_PENDING[] = SQL_RECOUNT_TENANTS("pending_feedback_count", PENDING_FEEDBACKS);

static const struct {
    const char *what; /* in front of what the row names */
    const char *sql;
} recounts[] = {
    {"platform counter", SQL_TENANTS},
    {"platform counter", SQL_ACTIVE},
    {"platform counter", SQL_PAIRS},
    {"platform counter", SQL_UNSYNCED},
    {"platform counter", SQL_REMOVALS},
    {"platform counter", SQL_HELD_BACK},
    {"platform counter", SQL_HELD_BACK_REMOVALS},
    {"platform counter", SQL_PENDING},
    {"platform counter", SQL_EDITS},
    {"user_count of tenant", SQL_TENANT_USERS},
    {"qa_pair_count of tenant", SQL_TENANT_PAIRS},
    {"unsynced_count of tenant", SQL_TENANT_UNSYNCED},
    {"removal_count of tenant", SQL_TENANT_REMOVALS},
    {"pending_feedback_count of tenant", SQL_TENANT_PENDING},
};

bool counters_check(struct db *db, struct strbuf *ret_findings, struct error *err)
{
    for (size_t i = 0; i < ARRAY_SIZE(recounts); i++) {
        CLEANUP(db_rows_release) struct db_rows rows = {0};
        if (!db_query(db, recounts[i].sql, DB_NO_ARGS, &rows, err))
            return false;
        while (db_next(&rows))
            strbuf_printf(ret_findings, "%s %s is %" PRId64 ", counted %" PRId64 "\n", recounts[i].what,
                          db_column_text(&rows, 0), db_column_int(&rows, 1), db_column_int(&rows, 2));
        if (!db_done(&rows, err))
            return false;
    }
    return true;
}
