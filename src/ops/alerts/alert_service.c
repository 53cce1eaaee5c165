#include "ops/alerts/alert_service.h"

const char *const alert_severities[] = {"critical", "error", "warning", "info", NULL};
static const char *const alert_statuses[] = {"active", "acknowledged", "resolved", NULL};

static const struct field alert_fields[] = {
    FIELD(struct alert, id, INT, "Id of the alert"),
    FIELD(struct alert, alert_type, TEXT, "Name of the rule that raised it"),
    FIELD(struct alert, severity, TEXT, "How bad it is", .values = alert_severities),
    FIELD(struct alert, title, TEXT, "What is wrong, in a few words", .personal = PERSONAL_PARTS),
    FIELD(struct alert, message, TEXT, "What is wrong, with figures", .personal = PERSONAL_PARTS),
    FIELD(struct alert, source, TEXT, "Part of the product that it is about"),
    FIELD(struct alert, status, TEXT, "active, acknowledged or resolved", .values = alert_statuses),
    FIELD(struct alert, value, REAL, "The metric when it was last seen", .nullable = true),
    FIELD(struct alert, threshold, REAL, "What it was compared with", .nullable = true),
    FIELD(struct alert, tenant_id, TEXT, "The tenant that it is about", .nullable = true),
    FIELD(struct alert, count, INT, "How often it was seen"),
    FIELD(struct alert, created_at, TIME, "When it was raised"),
    FIELD(struct alert, last_seen_at, TIME, "When it was last seen"),
    FIELD(struct alert, acknowledged_by, TEXT, "Who took it on", .nullable = true,
          .personal = PERSONAL_PARTS),
    FIELD(struct alert, acknowledged_at, TIME, "When", .nullable = true),
    FIELD(struct alert, resolved_at, TIME, "When it ended", .nullable = true),
};
const struct descriptor alert_descriptor = DESCRIPTOR("Alert", struct alert, alert_fields);

#define ACTIVE_ALERTS                                                                                        \
    " FROM alerts WHERE status IN ('active', 'acknowledged')"                                                \
    " AND (CAST($1 AS TEXT) IS NULL OR severity = $1)"                                                       \
    " AND created_at >= $2 AND created_at < $3"

static const char SQL_COUNT_ACTIVE[] = "SELECT COUNT(*)" ACTIVE_ALERTS;
static const char SQL_LIST_ACTIVE[] =
    "SELECT id, alert_type, severity, title, message, source, status, value, threshold, tenant_id, count,"
    " created_at, last_seen_at, acknowledged_by, acknowledged_at, resolved_at" ACTIVE_ALERTS
    " ORDER BY id DESC LIMIT $4 OFFSET $5";

bool alerts_active(struct db *db, const struct alert_filter *filter, struct arena *arena,
                   struct alert **ret_alerts, size_t *ret_count, int64_t *ret_total, struct error *err)
{
    int64_t start = filter->start_time == INT_NULL ? 0 : filter->start_time;
    int64_t end = filter->end_time == INT_NULL ? INT64_MAX : filter->end_time;
    struct alert *alerts = arena_alloc(arena, (size_t)filter->page_size * sizeof(*alerts));
    size_t count = 0;
    CLEANUP(db_rows_release) struct db_rows rows = {0};
    if (!db_find_int(db, SQL_COUNT_ACTIVE, DB_ARGS(db_text(filter->severity), db_int(start), db_int(end)), 0,
                     ret_total, err) ||
        !db_query(db, SQL_LIST_ACTIVE,
                  DB_ARGS(db_text(filter->severity), db_int(start), db_int(end), db_int(filter->page_size),
                          db_int((filter->page - 1) * filter->page_size)),
                  &rows, err))
        return false;
    while (db_next(&rows))
        db_read_row(&rows, &alert_descriptor, &alerts[count++], arena);
    if (!db_done(&rows, err))
        return false;
    *ret_alerts = alerts;
    *ret_count = count;
    return true;
}

static const char SQL_LIST_DURING[] =
    "SELECT id, alert_type, severity, title, message, source, status, value, threshold, tenant_id, count,"
    " created_at, last_seen_at, acknowledged_by, acknowledged_at, resolved_at FROM alerts"
    " WHERE created_at <= $2 AND (resolved_at IS NULL OR resolved_at >= $1)"
    " AND (tenant_id IS NULL OR tenant_id = $3) ORDER BY id DESC LIMIT $4";

bool alerts_during(struct db *db, int64_t start, int64_t end, const char *tenant_id, size_t limit,
                   struct arena *arena, struct alert **ret_alerts, size_t *ret_count, struct error *err)
{
    struct alert *alerts = arena_alloc(arena, limit * sizeof(*alerts));
    size_t count = 0;
    CLEANUP(db_rows_release) struct db_rows rows = {0};
    if (!db_query(db, SQL_LIST_DURING,
                  DB_ARGS(db_int(start), db_int(end), db_text(tenant_id), db_int((int64_t)limit)), &rows,
                  err))
        return false;
    while (count < limit && db_next(&rows))
        db_read_row(&rows, &alert_descriptor, &alerts[count++], arena);
    if (!db_done(&rows, err))
        return false;
    for (size_t i = 0, k = count; i + 1 < k; i++) {
        struct alert alert = alerts[i];
        alerts[i] = alerts[--k];
        alerts[k] = alert;
    }
    *ret_alerts = alerts;
    *ret_count = count;
    return true;
}
