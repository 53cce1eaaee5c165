#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "directory/columns.h"

#define ROWS_AT_ONCE 20000 /* while all are read: so many are kept when time is up */
#define ROWS_LOCKED 512    /* others may look between so many: half a millisecond */
#define WAITING_MAX 4      /* workers that wait for the first reading; others are refused */
#define GONE_MIN 10000     /* places without a row, and more than a fourth of all: they are given up */
#define ROOM_GUESS 1024

/* ---- the columns ---- */

struct knowledge_directory *knowledge_directory_new(void)
{
    struct knowledge_directory *directory = xcalloc(1, sizeof(*directory));
    pthread_rwlockattr_t attributes;
    pthread_rwlockattr_init(&attributes);
    /* Else whoever brings it up to date might wait as long as anybody reads. */
    pthread_rwlockattr_setkind_np(&attributes, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
    pthread_rwlock_init(&directory->lock, &attributes);
    pthread_rwlockattr_destroy(&attributes);
    pthread_mutex_init(&directory->updating, NULL);
    pthread_mutex_init(&directory->ranking, NULL);
    directory->tenant_edits = INT_NULL;
    return directory;
}

void knowledge_directory_free(struct knowledge_directory *directory)
{
    if (!directory)
        return;
    knowledge_directory_free(directory->building);
    pthread_rwlock_destroy(&directory->lock);
    pthread_mutex_destroy(&directory->updating);
    pthread_mutex_destroy(&directory->ranking);
#define COLUMN(type, name) free(directory->name);
    DIRECTORY_COLUMNS(COLUMN)
#undef COLUMN
    name_list_release(&directory->tenants);
    name_list_release(&directory->categories);
    free(directory->tenant_ranks);
    free(directory->named_tenants);
    strbuf_release(&directory->tenant_names);
    free(directory);
}

size_t directory_place(const struct knowledge_directory *directory, size_t from, int64_t id)
{
    const int64_t *ids = directory->id;
    size_t step = 1, low = from, high = from;
    while (high < directory->count && ids[high] < id) { /* double steps, then halves */
        low = high + 1;
        high += step;
        step *= 2;
    }
    high = high < directory->count ? high : directory->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (ids[middle] < id)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* Where few pairs are gone, a pair is at the place that follows from its id. */
bool directory_find(const struct knowledge_directory *directory, int64_t id, size_t *ret_place)
{
    size_t count = directory->count;
    if (count == 0 || id < directory->id[0] || id > directory->id[count - 1])
        return false;
    size_t place = (size_t)(id - directory->id[0]);
    if (place >= count || directory->id[place] != id)
        place = directory_place(directory, 0, id);
    *ret_place = place;
    return directory->id[place] == id;
}

/* Nearly always at the end: ids grow. */
static void directory_insert_place(struct knowledge_directory *directory, size_t place)
{
    if (directory->count == directory->room) {
        directory->room = directory->room ? 2 * directory->room : ROOM_GUESS;
#define COLUMN(type, name)                                                                                   \
    directory->name = xrealloc(directory->name, directory->room * sizeof(directory->name[0]));
        DIRECTORY_COLUMNS(COLUMN)
#undef COLUMN
    }
    size_t behind = directory->count++ - place;
#define COLUMN(type, name)                                                                                   \
    memmove(directory->name + place + 1, directory->name + place, behind * sizeof(directory->name[0]));
    DIRECTORY_COLUMNS(COLUMN)
#undef COLUMN
    directory->kind[place] = 0;
    directory->question_hash[place] = directory->question_rank[place] = 0;
    directory->unranked_count++;
}

static void directory_mark_gone(struct knowledge_directory *directory, size_t place)
{
    if (directory->kind[place] == KIND_GONE)
        return;
    directory->unranked_count -= directory->question_rank[place] == 0;
    directory->question_rank[place] = 0;
    directory->kind[place] = KIND_GONE;
    directory->gone_count++;
}

static void directory_compact(struct knowledge_directory *directory)
{
    size_t to = 0;
    if (directory->gone_count < GONE_MIN || directory->gone_count < directory->count / 4)
        return;
    for (size_t i = 0; i < directory->count; i++) {
        if (directory->kind[i] == KIND_GONE)
            continue;
#define COLUMN(type, name) directory->name[to] = directory->name[i];
        DIRECTORY_COLUMNS(COLUMN)
#undef COLUMN
        to++;
    }
    directory->count = to;
    directory->gone_count = 0;
}

/* ---- reading rows ---- */

static const char SQL_ROWS[] =
    "SELECT id, tenant_id, category, source, deleted_at, is_synced, quality_score, hit_count, created_at,"
    " updated_at, question_hash FROM qa_pairs WHERE id >= $1 AND id <= $2 ORDER BY id LIMIT $3";

const char *const pair_sources[] = {"manual", "import", "learned", "template", "demo", NULL};

int pair_source_number(const char *source)
{
    int number = 0;
    while (pair_sources[number] && strcmp(pair_sources[number], source) != 0)
        number++;
    return number;
}

static void directory_set_place(struct knowledge_directory *directory, size_t i, const struct db_rows *rows)
{
    /* Equal hashes are taken for the same question: it keeps its rank. */
    uint32_t hash = (uint32_t)db_column_int(rows, 10);
    if (directory->question_hash[i] != hash) {
        directory->unranked_count += directory->question_rank[i] != 0;
        directory->question_rank[i] = 0;
        directory->question_hash[i] = hash;
    }
    int64_t hits = db_column_int(rows, 7);
    directory->id[i] = db_column_int(rows, 0);
    directory->tenant[i] = name_list_put(&directory->tenants, db_column_text(rows, 1));
    directory->category[i] = name_list_put(&directory->categories, db_column_text(rows, 2));
    directory->kind[i] =
        (uint8_t)(pair_source_number(db_column_text(rows, 3)) * KIND_SOURCE +
                  (db_column_null(rows, 4) ? KIND_LIVE : 0) + (db_column_int(rows, 5) ? KIND_SYNCED : 0));
    directory->quality[i] = db_column_real(rows, 6);
    directory->hits[i] = hits < 0 ? 0 : hits < UINT32_MAX ? (uint32_t)hits : UINT32_MAX;
    directory->created_at[i] = db_column_int(rows, 8);
    directory->updated_at[i] = db_column_int(rows, 9);
}

/* With the lock. */
static bool directory_put_rows(struct knowledge_directory *directory, struct db_rows *rows, int64_t last,
                               int64_t limit, size_t place, int64_t *ret_read_to, struct error *err)
{
    int64_t count = 0;
    for (; db_next(rows); place++, count++) {
        if (count % ROWS_LOCKED == ROWS_LOCKED - 1) { /* nobody but this thread changes anything meanwhile */
            pthread_rwlock_unlock(&directory->lock);
            pthread_rwlock_wrlock(&directory->lock);
        }
        int64_t id = db_column_int(rows, 0);
        while (place < directory->count && directory->id[place] < id)
            directory_mark_gone(directory, place++);
        if (place == directory->count || directory->id[place] > id) {
            directory_insert_place(directory, place);
        } else if (directory->kind[place] == KIND_GONE) { /* its row is there again */
            directory->gone_count--;
            directory->unranked_count++;
            directory->question_rank[place] = 0;
            directory->kind[place] = 0;
        }
        directory_set_place(directory, place, rows);
    }
    if (!db_done(rows, err))
        return false;
    *ret_read_to = count == limit ? directory->id[place - 1] : last;
    while (place < directory->count && directory->id[place] <= *ret_read_to)
        directory_mark_gone(directory, place++);
    return true;
}

/* Rows `first` to `last` as they are now, `limit` at most; what has no row there is gone. `ret_read_to`:
 * `last` when all have been read. */
static bool directory_read_rows(struct knowledge_directory *directory, struct db *db, int64_t first,
                                int64_t last, int64_t limit, int64_t *ret_read_to, struct error *err)
{
    CLEANUP(db_rows_release) struct db_rows rows = {0};
    if (!db_query(db, SQL_ROWS, DB_ARGS(db_int(first), db_int(last), db_int(limit)), &rows, err))
        return false;
    pthread_rwlock_wrlock(&directory->lock);
    bool done = directory_put_rows(directory, &rows, last, limit, directory_place(directory, 0, first),
                                   ret_read_to, err);
    pthread_rwlock_unlock(&directory->lock);
    return done;
}

/* What is changed meanwhile is in the feed behind `place`, which is read first. */
static bool directory_read_all(struct knowledge_directory *building,
                               const struct knowledge_directory *directory, struct db *db, struct error *err)
{
    if (building->read_to == 0 && !change_feed_latest(db, &building->place, err))
        return false;
    while (building->read_to < INT64_MAX) {
        if (!directory_read_rows(building, db, building->read_to + 1, INT64_MAX, ROWS_AT_ONCE,
                                 &building->read_to, err))
            return false;
        if (directory->on_piece)
            directory->on_piece(directory->on_piece_context);
    }
    building->is_whole = true;
    return true;
}

#define BROUGHT offsetof(struct knowledge_directory, is_whole) /* and all behind it */

/* All pairs anew, beside the directory, which answers as it is until then. If the time is up, what has been read
 * is kept for the next call. */
static bool directory_build(struct knowledge_directory *directory, struct db *db, struct error *err)
{
    if (!directory->building)
        directory->building = knowledge_directory_new();
    struct knowledge_directory *building = directory->building;
    char former[sizeof(*directory) - BROUGHT];
    directory->is_building = true;
    bool done = directory_read_all(building, directory, db, err);
    directory->is_building = false;
    if (!done)
        return false;
    name_list_sort(&building->categories);
    pthread_rwlock_wrlock(&directory->lock);
    memcpy(former, (char *)directory + BROUGHT, sizeof(former));
    memcpy((char *)directory + BROUGHT, (char *)building + BROUGHT, sizeof(former));
    memcpy((char *)building + BROUGHT, former, sizeof(former));
    pthread_rwlock_unlock(&directory->lock);
    knowledge_directory_free(building);
    directory->building = NULL;
    return true;
}

/* ---- following ---- */

#define NEAR 8 /* pairs that are read in vain rather than that a statement begins anew */

static bool directory_read_ranges(struct knowledge_directory *directory, struct db *db,
                                  const struct changes *changes, struct error *err)
{
    const struct id_range *ranges = changes->ranges;
    int64_t read_to;
    for (size_t i = 0, last; i < changes->count; i = last + 1) {
        for (last = i; last + 1 < changes->count && ranges[last + 1].first - ranges[last].last <= NEAR;
             last++)
            ;
        if (!directory_read_rows(directory, db, ranges[i].first, ranges[last].last, INT64_MAX, &read_to, err))
            return false;
    }
    return true;
}

/* `ret_gap`: the changes since it last looked are not known any more. */
static bool directory_read_changes(struct knowledge_directory *directory, struct db *db, bool *ret_gap,
                                   struct error *err)
{
    CLEANUP(arena_release) struct arena arena = {0};
    struct changes changes = {.more = true};
    while (changes.more) {
        arena_reset(&arena);
        if (!change_feed_read(db, &directory->place, &arena, &changes, err))
            return false;
        *ret_gap = changes.too_old;
        if (changes.too_old)
            return true;
        if (!directory_read_ranges(directory, db, &changes, err))
            return false;
        pthread_rwlock_wrlock(&directory->lock);
        directory->place = changes.read_to;
        pthread_rwlock_unlock(&directory->lock);
    }
    return true;
}

/* Whoever calls it holds `updating`. */
static bool directory_follow(struct knowledge_directory *directory, struct db *db, struct error *err)
{
    bool gap = !directory->is_whole, done = true;
    do
        done =
            (!gap || directory_build(directory, db, err)) && directory_read_changes(directory, db, &gap, err);
    while (done && gap);
    pthread_rwlock_wrlock(&directory->lock);
    if (done)
        directory_compact(directory);
    name_list_sort(&directory->categories); /* new ones have their place in any case */
    pthread_rwlock_unlock(&directory->lock);
    return done;
}

bool knowledge_directory_refresh(struct knowledge_directory *directory, struct db *db, struct error *err)
{
    pthread_mutex_lock(&directory->updating);
    bool done = directory_follow(directory, db, err);
    pthread_mutex_unlock(&directory->updating);
    return done;
}

/* The first reading of all pairs takes a second for a million: not all workers may wait for it. */
static bool directory_refresh_soon(struct knowledge_directory *directory, struct db *db, bool first,
                                   struct error *err)
{
    bool may_wait = atomic_fetch_add(&directory->waiting, 1) < WAITING_MAX || !first;
    bool done = may_wait && knowledge_directory_refresh(directory, db, err);
    atomic_fetch_sub(&directory->waiting, 1);
    if (may_wait)
        return done;
    error_set(err, ERROR_UNAVAILABLE, "All pairs are being read, after the start; try again in a second.",
              "启动后正在读取全部问答；请稍后重试。");
    err->retry_after_seconds = 1;
    return false;
}

bool knowledge_directory_rank(struct knowledge_directory *directory, struct db *db, struct error *err)
{
    if (!knowledge_directory_refresh(directory, db, err))
        return false;
    pthread_mutex_lock(&directory->ranking);
    bool done = directory_rank_when_quiet(directory, db, err);
    pthread_mutex_unlock(&directory->ranking);
    return done;
}

/* While all pairs are read anew, because too many changes were missed, it answers as it was before that. */
bool directory_lock(struct knowledge_directory *directory, struct db *db, struct error *err)
{
    struct change_place newest;
    if (!change_feed_latest(db, &newest, err))
        return false;
    for (;;) {
        pthread_rwlock_rdlock(&directory->lock);
        if (directory->is_whole && (directory->place.sequence >= newest.sequence || directory->is_building))
            return true;
        bool first = !directory->is_whole;
        pthread_rwlock_unlock(&directory->lock);
        if (!directory_refresh_soon(directory, db, first, err))
            return false;
    }
}

bool directory_lock_ranked(struct knowledge_directory *directory, struct db *db, struct error *err)
{
    for (;;) {
        if (!directory_lock(directory, db, err))
            return false;
        if (directory->unranked_count == 0)
            return true;
        pthread_rwlock_unlock(&directory->lock);
        pthread_mutex_lock(&directory->ranking);
        bool done = directory_rank_questions(directory, db, err);
        pthread_mutex_unlock(&directory->ranking);
        if (!done)
            return false;
    }
}

void directory_unlock(struct knowledge_directory *directory)
{
    pthread_rwlock_unlock(&directory->lock);
}

/* ---- tenants by name ---- */

static const char SQL_TENANTS[] = "SELECT id, name FROM tenants ORDER BY name, id";

/* Ids and names, each with its NUL; on the heap. */
static bool directory_read_tenants(struct db *db, struct strbuf *ret_texts, size_t *ret_count,
                                   struct error *err)
{
    CLEANUP(db_rows_release) struct db_rows rows = {0};
    ret_texts->ceiling = UINT32_MAX;
    if (!db_query(db, SQL_TENANTS, DB_NO_ARGS, &rows, err))
        return false;
    for (; db_next(&rows); (*ret_count)++) {
        const char *id = db_column_text(&rows, 0), *name = db_column_text(&rows, 1);
        strbuf_append(ret_texts, id, strlen(id) + 1);
        strbuf_append(ret_texts, name, strlen(name) + 1);
    }
    return db_done(&rows, err);
}

static void directory_set_tenant_names(struct knowledge_directory *directory, const struct strbuf *texts,
                                       size_t count)
{
    const char *at = strbuf_text(texts);
    directory->named_tenants =
        xrealloc(directory->named_tenants, (count + 1) * sizeof(directory->named_tenants[0]));
    directory->tenant_names.ceiling = UINT32_MAX;
    strbuf_reset(&directory->tenant_names);
    for (size_t i = 0; i < count; i++) {
        const char *name = at + strlen(at) + 1;
        directory->named_tenants[i] =
            (struct named_tenant){name_list_put(&directory->tenants, at), directory->tenant_names.length};
        strbuf_append(&directory->tenant_names, name, strlen(name) + 1);
        at = name + strlen(name) + 1;
    }
    directory->named_count = count;
}

/* platform/tenants/counters.h: it grows with each change of a tenant's own row. */
static const char SQL_TENANT_EDITS[] = "SELECT value FROM platform_counters WHERE name = 'tenant_edits'";

bool directory_name_tenants(struct knowledge_directory *directory, struct db *db, struct error *err)
{
    int64_t edits;
    if (!db_find_int(db, SQL_TENANT_EDITS, DB_NO_ARGS, 0, &edits, err))
        return false;
    pthread_rwlock_rdlock(&directory->lock);
    bool known = directory->tenant_edits >= edits && directory->ranked_count == directory->tenants.count;
    pthread_rwlock_unlock(&directory->lock);
    CLEANUP(strbuf_release) struct strbuf texts = {0};
    size_t count = 0;
    if (known)
        return true;
    if (!directory_read_tenants(db, &texts, &count, err))
        return false;
    pthread_rwlock_wrlock(&directory->lock);
    if (edits >= directory->tenant_edits) { /* else somebody has read newer ones */
        directory_set_tenant_names(directory, &texts, count);
        directory->tenant_edits = edits;
    }
    /* A tenant whose row came after the names were read stands before all. */
    size_t ranked = directory->tenants.count;
    directory->tenant_ranks = xrealloc(directory->tenant_ranks, (ranked + 1) * sizeof(uint32_t));
    memset(directory->tenant_ranks, 0, (ranked + 1) * sizeof(uint32_t));
    for (size_t i = 0; i < directory->named_count; i++)
        directory->tenant_ranks[directory->named_tenants[i].number] = (uint32_t)i;
    directory->ranked_count = ranked;
    pthread_rwlock_unlock(&directory->lock);
    return true;
}
