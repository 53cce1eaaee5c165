/* THE gate of suspension: every path on which a tenant is served goes through tenant_gate_pass, and no
 * other place decides. The table names the paths; the rows of the route table, of the scheduled tasks and
 * of the job kinds say in their column `gate` which of them they take, and tests walk those tables.
 *
 * A suspension holds from the next request on. What was running is finished: a chat whose question came
 * before the instant of the suspension is answered, and kept as of the instant when it came, so that no
 * message that was answered carries a later time than the suspension under which its tenant is.
 *
 * Adding a path: a row here, and the call where it reads or changes. */
#ifndef KIMONO_PLATFORM_TENANTS_GATE_H
#define KIMONO_PLATFORM_TENANTS_GATE_H

#include "store/db.h"

/* Path, name, and what is said (%s: the tenant's id). The first, what a forgotten column holds, is
 * closed. */
#define TENANT_GATE_TABLE(X)                                                                                 \
    X(TENANT_GATE_TOKEN, "token", "%.0sThis tenant is suspended; ask the operators of the platform.",        \
      "%.0s该商家已被暂停，请联系平台运维人员。")                                                            \
    X(TENANT_GATE_LOGIN, "login", "%.0sThis tenant is suspended; ask the operators of the platform.",        \
      "%.0s该商家已被暂停，请联系平台运维人员。")                                                            \
    X(TENANT_GATE_REFRESH, "refresh", "%.0sThis tenant is suspended; ask the operators of the platform.",    \
      "%.0s该商家已被暂停，请联系平台运维人员。")                                                            \
    X(TENANT_GATE_CHAT, "chat", "%.0sThis shop's customer service is suspended.",                            \
      "%.0s该商家的客服已暂停服务。")                                                                        \
    X(TENANT_GATE_LEARNING, "learning", "Tenant %s is suspended: it learns nothing until it is activated.",  \
      "商家 %s 已暂停：恢复之前不会学习。")                                                                  \
    X(TENANT_GATE_VECTOR_SYNC, "vector_sync",                                                                \
      "Tenant %s is suspended: it is not synced until it is activated.",                                     \
      "商家 %s 已暂停：恢复之前不会同步。")                                                                  \
    X(TENANT_GATE_DISTRIBUTION, "distribution",                                                              \
      "Tenant %s is suspended: it gets no templates until it is activated.",                                 \
      "商家 %s 已暂停：恢复之前不会收到模板。")

enum tenant_gate {
#define X(gate, name, en, zh) gate,
    TENANT_GATE_TABLE(X)
#undef X
        TENANT_GATE_OPEN, /* serves no tenant, or a suspended one as well: feedback, log-out, health */
};
const char *tenant_gate_name(enum tenant_gate gate); /* "chat"; of TENANT_GATE_OPEN "open" */

/* What the gate looks at, as it is in the transaction or read of the caller. */
struct tenant_state {
    const char *id;
    const char *status;   /* NULL: no tenant, whom nothing stops */
    int64_t suspended_at; /* INT_NULL: it is not */
};

/* Of a path on which nothing is running yet when it asks. */
#define TENANT_GATE_BEGINS_NOW INT64_MAX

/* True: go on. False: ERROR_TENANT_SUSPENDED. `began_at`: when the request came (clock_now_ms);
 * TENANT_GATE_BEGINS_NOW where it has not begun before it asks. */
bool tenant_gate_pass(enum tenant_gate gate, const struct tenant_state *state, int64_t began_at,
                      struct error *err);
/* Reads the tenant's row and asks tenant_gate_pass: for whoever has not read it anyway. One read by key.
 * In the transaction that changes something, so that a suspension that was answered is obeyed.
 * ERROR_NOT_FOUND, ERROR_TENANT_SUSPENDED. */
bool tenant_gate_ask(struct db *db, enum tenant_gate gate, const char *tenant_id, int64_t began_at,
                     struct error *err);

/* The same for statements that pick tenants or rows of theirs: a condition on a row of the table tenants.
 * It leaves suspended tenants out of a list; what then changes something asks the gate itself. */
#define TENANT_GATE_SQL "status = 'active'"

#endif
