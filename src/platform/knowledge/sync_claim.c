#include "platform/knowledge/sync_claim.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/memory.h"
#include "store/lease.h"
#include "store/store.h"

/* The claims of this process's passes: a row of this process that none of them has made is a left-over. */
static pthread_mutex_t claims_lock = PTHREAD_MUTEX_INITIALIZER;
static struct sync_claim *claims;

static bool sync_claim_is_ours(const char *pass)
{
    pthread_mutex_lock(&claims_lock);
    const struct sync_claim *claim = claims;
    while (claim && strcmp(claim->pass, pass) != 0)
        claim = claim->next;
    pthread_mutex_unlock(&claims_lock);
    return claim != NULL;
}

static void sync_claim_list(struct sync_claim *claim)
{
    pthread_mutex_lock(&claims_lock);
    claim->next = claims;
    claims = claim;
    pthread_mutex_unlock(&claims_lock);
}

static void sync_claim_unlist(const struct sync_claim *claim)
{
    pthread_mutex_lock(&claims_lock);
    struct sync_claim **place = &claims;
    while (*place && *place != claim)
        place = &(*place)->next;
    if (*place)
        *place = claim->next;
    pthread_mutex_unlock(&claims_lock);
}

static const char SQL_CLAIMED[] = "SELECT pass, process FROM sync_claims WHERE tenant_id = $1"
                                  " AND " LEASE_HOLDER_IS_ALIVE("sync_claims.process");
static const char SQL_CLAIM[] =
    "INSERT INTO sync_claims(tenant_id, pass, process) VALUES ($1, $2, $3)"
    " ON CONFLICT (tenant_id) DO UPDATE SET pass = excluded.pass, process = excluded.process";
static const char SQL_CLAIM_IS[] = "SELECT 1 FROM sync_claims WHERE tenant_id = $1 AND pass = $2";
static const char SQL_GIVE_BACK[] = "DELETE FROM sync_claims WHERE tenant_id = $1 AND pass = $2";

struct claiming {
    const struct sync_claim *claim;
    const char *process;
    bool taken;
};

/* A store_work. */
static bool sync_claim_work(struct db *db, void *context, struct error *err)
{
    CLEANUP(db_rows_release) struct db_rows rows = {0};
    struct claiming *claiming = context;
    const struct sync_claim *claim = claiming->claim;
    claiming->taken = true;
    if (!db_query(db, SQL_CLAIMED, DB_ARGS(db_text(claim->tenant_id)), &rows, err))
        return false;
    while (db_next(&rows))
        claiming->taken = strcmp(db_column_text(&rows, 1), claiming->process) == 0 &&
                          !sync_claim_is_ours(db_column_text(&rows, 0));
    if (!db_done(&rows, err))
        return false;
    if (!claiming->taken)
        return true;
    return db_execute(db, SQL_CLAIM,
                      DB_ARGS(db_text(claim->tenant_id), db_text(claim->pass), db_text(claiming->process)),
                      NULL, err);
}

bool sync_claim_take(struct sync_claim *claim, bool *ret_taken, struct error *err)
{
    struct lease_holder_state process;
    struct claiming claiming = {.claim = claim, .process = process.id};
    claim->pass[0] = '\0';
    *ret_taken = true;
    if (!claim->platform->lease_holder)
        return true;
    *ret_taken = false;
    lease_holder_get_state(claim->platform->lease_holder, &process);
    if (!process.id[0])
        return error_set(err, ERROR_UNAVAILABLE, "this process has not reached the store yet",
                         "本进程尚未连接到数据库");
    identifier_make("pass_", claim->pass);
    sync_claim_list(claim);
    bool asked = store_write(claim->platform->store, sync_claim_work, &claiming, err);
    *ret_taken = asked && claiming.taken;
    if (!*ret_taken) {
        sync_claim_unlist(claim);
        claim->pass[0] = '\0';
    }
    return asked;
}

bool sync_claim_check(struct db *db, const struct sync_claim *claim, struct error *err)
{
    int64_t is = 1;
    if (claim->pass[0] &&
        !db_find_int(db, SQL_CLAIM_IS, DB_ARGS(db_text(claim->tenant_id), db_text(claim->pass)), 0, &is, err))
        return false;
    return is || error_set(err, ERROR_CANCELLED, "another process has taken over the sync of tenant '%s'",
                           "商家 “%s” 的同步已由另一进程接管", claim->tenant_id);
}

/* A store_work. */
static bool sync_claim_give_back_work(struct db *db, void *context, struct error *err)
{
    const struct sync_claim *claim = context;
    return db_execute(db, SQL_GIVE_BACK, DB_ARGS(db_text(claim->tenant_id), db_text(claim->pass)), NULL, err);
}

void sync_claim_give_back(struct sync_claim *claim)
{
    struct error why;
    error_clear(&why);
    if (!claim->pass[0])
        return;
    if (!store_write(claim->platform->store, sync_claim_give_back_work, claim, &why))
        log_warn("vector", "the claim of tenant %s's sync: %s", claim->tenant_id, why.detail[LANGUAGE_EN]);
    sync_claim_unlist(claim);
    claim->pass[0] = '\0';
}
