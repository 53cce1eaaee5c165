#include "ops/transfer/import_known.h"

#include "base/memory.h"

#define MAP_BITS ((uint64_t)1 << 23) /* 1 MiB: of 100,000 questions 1 % are looked up needlessly */
#define READ_MS 30000

struct known_questions {
    const char *tenant_id;
    int64_t revision; /* of the tenant's knowledge, up to which the map is right */
    bool is_void;     /* others have changed the pairs */
    uint64_t map[MAP_BITS / 64];
};

static const char SQL_REVISION[] = "SELECT knowledge_revision FROM tenants WHERE id = $1";
static const char SQL_HASHES[] =
    "SELECT question_key FROM qa_pairs WHERE tenant_id = $1 AND deleted_at IS NULL";

/* The revision first: what is changed in between makes the map void. */
static bool known_questions_read_map(struct known_questions *known, struct db *db, struct error *err)
{
    CLEANUP(db_rows_release) struct db_rows rows = {0};
    if (!db_find_int(db, SQL_REVISION, DB_ARGS(db_text(known->tenant_id)), 0, &known->revision, err) ||
        !db_query(db, SQL_HASHES, DB_ARGS(db_text(known->tenant_id)), &rows, err))
        return false;
    while (db_next(&rows)) {
        uint64_t bit = (uint64_t)db_column_int(&rows, 0) % MAP_BITS;
        known->map[bit / 64] |= UINT64_C(1) << bit % 64;
    }
    return db_done(&rows, err);
}

bool known_questions_read(struct store *store, const char *tenant_id, struct known_questions **ret_known,
                          struct error *err)
{
    CLEANUP(store_reader_release) struct db *db = NULL;
    if (!store_reader(store, READ_MS, &db, err))
        return false;
    struct known_questions *known = xcalloc(1, sizeof(*known));
    known->tenant_id = tenant_id;
    if (!known_questions_read_map(known, db, err)) {
        free(known);
        return false;
    }
    *ret_known = known;
    return true;
}

void known_questions_free(struct known_questions *known)
{
    free(known);
}

bool known_questions_begin(struct known_questions *known, struct db *db, struct error *err)
{
    int64_t revision;
    if (!db_find_int(db, SQL_REVISION, DB_ARGS(db_text(known->tenant_id)), 0, &revision, err))
        return false;
    known->is_void |= revision != known->revision;
    return true;
}

bool known_questions_may_have(const struct known_questions *known, int64_t question_key)
{
    uint64_t bit = (uint64_t)question_key % MAP_BITS;
    return known->is_void || (known->map[bit / 64] >> bit % 64 & 1);
}

void known_questions_commit(struct known_questions *known, int64_t revision)
{
    if (revision != 0)
        known->revision = revision;
}
