#include "platform/tenants/gate.h"

#include <string.h>

#include "base/clock.h"

const char *tenant_gate_name(enum tenant_gate gate)
{
    static const char *const names[] = {
#define X(gate, name, en, zh) [gate] = name,
        TENANT_GATE_TABLE(X)
#undef X
            [TENANT_GATE_OPEN] = "open",
    };
    return names[gate];
}

static bool tenant_gate_refuse(enum tenant_gate gate, const char *tenant_id, struct error *err)
{
    switch (gate) {
#define X(gate, name, en, zh)                                                                                \
    case gate: return error_set(err, ERROR_TENANT_SUSPENDED, en, zh, tenant_id);
        TENANT_GATE_TABLE(X)
#undef X
    case TENANT_GATE_OPEN: break;
    }
    return true;
}

bool tenant_gate_pass(enum tenant_gate gate, const struct tenant_state *state, int64_t began_at,
                      struct error *err)
{
    if (!state->status || strcmp(state->status, "active") == 0)
        return true;
    /* What was running when the suspension came goes on. When the clock has been set back to before the suspension,
     * times prove nothing, and it counts as new. */
    if (state->suspended_at != INT_NULL && began_at < state->suspended_at &&
        state->suspended_at <= clock_now_ms())
        return true;
    return tenant_gate_refuse(gate, state->id, err);
}

static const char SQL_STATE[] = "SELECT id, status, suspended_at FROM tenants WHERE id = $1";

bool tenant_gate_ask(struct db *db, enum tenant_gate gate, const char *tenant_id, int64_t began_at,
                     struct error *err)
{
    CLEANUP(db_rows_release) struct db_rows rows = {0};
    if (!db_query(db, SQL_STATE, DB_ARGS(db_text(tenant_id)), &rows, err))
        return false;
    if (!db_next(&rows))
        return db_done(&rows, err) &&
               error_set(err, ERROR_NOT_FOUND, "There is no tenant '%.64s'.", "没有商家“%.64s”。", tenant_id);
    struct tenant_state state = {
        .id = db_column_text(&rows, 0),
        .status = db_column_text(&rows, 1),
        .suspended_at = db_column_int(&rows, 2),
    };
    return tenant_gate_pass(gate, &state, began_at, err);
}
