#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "ops/knowledge_columns.h"
#include "ops/knowledge_manager.h"
#include "platform/counters.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#define ROWS_AT_ONCE 20000 /* while all are read: so many are kept when time is up */
#define GONE_MIN 10000     /* places without a row, and more than a fourth of all: they are given up */
#define ROOM_GUESS 1024

/* ---- names ---- */

uint32_t name_list_find(const struct name_list *names, const char *text)
{
    struct slot_cursor cursor = slot_table_lookup(&names->table, XXH3_64bits(text, strlen(text)));
    uint32_t number;
    while ((number = slot_table_next(&names->table, &cursor)) != SLOT_NONE)
        if (strcmp(name_list_text(names, number), text) == 0)
            break;
    return number;
}

uint32_t name_list_put(struct name_list *names, const char *text)
{
    uint32_t number = name_list_find(names, text);
    if (number != SLOT_NONE)
        return number;
    if (names->count == names->room) {
        names->room = names->room ? 2 * names->room : 64;
        names->starts = xrealloc(names->starts, names->room * sizeof(names->starts[0]));
    }
    names->texts.ceiling = UINT32_MAX;
    number = (uint32_t)names->count++;
    names->starts[number] = (uint32_t)names->texts.length;
    strbuf_append(&names->texts, text, strlen(text) + 1);
    slot_table_add(&names->table, XXH3_64bits(text, strlen(text)), number);
    return number;
}

void name_list_release(struct name_list *names)
{
    slot_table_release(&names->table);
    strbuf_release(&names->texts);
    free(names->starts);
    free(names->by_order);
    free(names->ranks);
}

static int by_text(const void *a, const void *b, void *context)
{
    const struct name_list *names = context;
    return strcmp(name_list_text(names, *(const uint32_t *)a), name_list_text(names, *(const uint32_t *)b));
}

/* New names are sorted, then merged with those that are in order: one at a time costs no sorting of all. */
static void put_in_order(struct name_list *names)
{
    size_t old = names->ordered, count = names->count, from_old = 0, from_new = old;
    if (old == count)
        return;
    uint32_t *merged = xmalloc(names->room * sizeof(*merged));
    names->by_order = xrealloc(names->by_order, names->room * sizeof(names->by_order[0]));
    names->ranks = xrealloc(names->ranks, names->room * sizeof(names->ranks[0]));
    for (size_t i = old; i < count; i++)
        names->by_order[i] = (uint32_t)i;
    qsort_r(names->by_order + old, count - old, sizeof(names->by_order[0]), by_text, names);
    for (size_t i = 0; i < count; i++) {
        bool take_new =
            from_old == old ||
            (from_new < count && by_text(&names->by_order[from_new], &names->by_order[from_old], names) < 0);
        merged[i] = names->by_order[take_new ? from_new++ : from_old++];
        names->ranks[merged[i]] = (uint32_t)i;
    }
    free(names->by_order);
    names->by_order = merged;
    names->ordered = count;
}

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
    directory->tenant_edits = INT_NULL;
    return directory;
}

void knowledge_directory_free(struct knowledge_directory *directory)
{
    if (!directory)
        return;
    pthread_rwlock_destroy(&directory->lock);
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

/* Where few pairs are gone, a pair is at the place that its id tells. */
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

static void make_room(struct knowledge_directory *directory)
{
    if (directory->count < directory->room)
        return;
    directory->room = directory->room ? 2 * directory->room : ROOM_GUESS;
#define COLUMN(type, name)                                                                                   \
    directory->name = xrealloc(directory->name, directory->room * sizeof(directory->name[0]));
    DIRECTORY_COLUMNS(COLUMN)
#undef COLUMN
}

/* Nearly always at the end: ids grow. */
static void insert_place(struct knowledge_directory *directory, size_t place)
{
    make_room(directory);
    size_t behind = directory->count++ - place;
#define COLUMN(type, name)                                                                                   \
    memmove(directory->name + place + 1, directory->name + place, behind * sizeof(directory->name[0]));
    DIRECTORY_COLUMNS(COLUMN)
#undef COLUMN
    directory->kind[place] = 0;
    directory->question_hash[place] = directory->question_rank[place] = 0;
    directory->unranked_count++;
}

static void note_gone(struct knowledge_directory *directory, size_t place)
{
    if (directory->kind[place] == KIND_GONE)
        return;
    directory->unranked_count -= directory->question_rank[place] == 0;
    directory->question_rank[place] = 0;
    directory->kind[place] = KIND_GONE;
    directory->gone_count++;
}

static void come_back(struct knowledge_directory *directory, size_t place)
{
    directory->gone_count--;
    directory->unranked_count++;
    directory->question_rank[place] = 0;
    directory->kind[place] = 0;
}

static void give_up_gone(struct knowledge_directory *directory)
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

static uint32_t at_most(int64_t number, uint32_t most)
{
    return number < 0 ? 0 : number < most ? (uint32_t)number : most;
}

/* Equal hashes are taken for the same question: it keeps its rank. */
static void set_question(struct knowledge_directory *directory, size_t i, int64_t hash)
{
    bool is_new = directory->question_hash[i] != (uint32_t)hash;
    directory->question_hash[i] = (uint32_t)hash;
    directory->unranked_count += is_new && directory->question_rank[i] != 0;
    directory->question_rank[i] = is_new ? 0 : directory->question_rank[i];
}

static void set_place(struct knowledge_directory *directory, size_t i, const struct db_rows *rows)
{
    set_question(directory, i, db_column_int(rows, 10));
    directory->id[i] = db_column_int(rows, 0);
    directory->tenant[i] = name_list_put(&directory->tenants, db_column_text(rows, 1));
    directory->category[i] = name_list_put(&directory->categories, db_column_text(rows, 2));
    directory->kind[i] =
        (uint8_t)(pair_source_number(db_column_text(rows, 3)) * KIND_SOURCE +
                  (db_column_null(rows, 4) ? KIND_LIVE : 0) + (db_column_int(rows, 5) ? KIND_SYNCED : 0));
    directory->quality[i] = db_column_real(rows, 6);
    directory->hits[i] = at_most(db_column_int(rows, 7), UINT32_MAX);
    directory->created_at[i] = db_column_int(rows, 8);
    directory->updated_at[i] = db_column_int(rows, 9);
}

/* Rows `first` to `last` as they are now, `limit` at most; what has no row there is gone. `ret_read_to`:
 * `last` when all have been read. */
static bool read_rows(struct knowledge_directory *directory, struct db *db, int64_t first, int64_t last,
                      int64_t limit, int64_t *ret_read_to, struct error *err)
{
    CLEANUP(db_rows_release) struct db_rows rows = {0};
    size_t place = directory_place(directory, 0, first);
    int64_t count = 0;
    if (!db_query(db, SQL_ROWS, DB_ARGS(db_int(first), db_int(last), db_int(limit)), &rows, err))
        return false;
    for (; db_next(&rows); place++, count++) {
        int64_t id = db_column_int(&rows, 0);
        while (place < directory->count && directory->id[place] < id)
            note_gone(directory, place++);
        if (place == directory->count || directory->id[place] > id)
            insert_place(directory, place);
        else if (directory->kind[place] == KIND_GONE)
            come_back(directory, place);
        set_place(directory, place, &rows);
    }
    if (!db_done(&rows, err))
        return false;
    *ret_read_to = count == limit ? directory->id[place - 1] : last;
    while (place < directory->count && directory->id[place] <= *ret_read_to)
        note_gone(directory, place++);
    return true;
}

static const char SQL_NEWEST[] = "SELECT COALESCE(MAX(sequence), 0) FROM qa_pairs_changes";

/* What is changed meanwhile is in qa_pairs_changes behind `sequence`, which is read first. */
static bool read_all(struct knowledge_directory *directory, struct db *db, struct error *err)
{
    if (directory->read_to == 0 && !db_find_int(db, SQL_NEWEST, DB_NO_ARGS, 0, &directory->sequence, err))
        return false;
    while (directory->read_to < INT64_MAX)
        if (!read_rows(directory, db, directory->read_to + 1, INT64_MAX, ROWS_AT_ONCE, &directory->read_to,
                       err))
            return false;
    directory->is_whole = true;
    return true;
}

/* ---- following ---- */

static void begin_anew(struct knowledge_directory *directory)
{
    directory->is_whole = false;
    directory->read_to = 0;
    directory->count = directory->gone_count = directory->unranked_count = 0;
}

/* "12-500 733": the rows of one commit. `ret_gap`: it says something else, so they are not known. */
static bool read_ranges(struct knowledge_directory *directory, struct db *db, const char *ranges,
                        bool *ret_gap, struct error *err)
{
    int64_t read_to;
    for (const char *at = ranges; *at; at += strspn(at, " ")) {
        char *end;
        int64_t first = strtoll(at, &end, 10), last = first;
        *ret_gap = end == at;
        if (*ret_gap)
            return true;
        if (*end == '-')
            last = strtoll(end + 1, &end, 10);
        if (!read_rows(directory, db, first, last, INT64_MAX, &read_to, err))
            return false;
        at = end;
    }
    return true;
}

static const char SQL_CHANGES[] =
    "SELECT sequence, pairs FROM qa_pairs_changes WHERE sequence > $1 ORDER BY sequence";

/* `ret_gap`: the changes since it last looked are not known any more. */
static bool read_changes(struct knowledge_directory *directory, struct db *db, bool *ret_gap,
                         struct error *err)
{
    CLEANUP(db_rows_release) struct db_rows rows = {0};
    *ret_gap = false;
    if (!db_query(db, SQL_CHANGES, DB_ARGS(db_int(directory->sequence)), &rows, err))
        return false;
    while (db_next(&rows)) {
        *ret_gap = db_column_int(&rows, 0) != directory->sequence + 1;
        if (*ret_gap)
            return true;
        if (!read_ranges(directory, db, db_column_text(&rows, 1), ret_gap, err))
            return false;
        if (*ret_gap)
            return true;
        directory->sequence++;
    }
    return db_done(&rows, err);
}

static bool catch_up(struct knowledge_directory *directory, struct db *db, struct error *err)
{
    bool gap = true;
    while (gap) {
        if ((!directory->is_whole && !read_all(directory, db, err)) ||
            !read_changes(directory, db, &gap, err))
            return false;
        if (gap)
            begin_anew(directory);
    }
    return true;
}

/* If it ends midway, others may still list what has been read: new categories have their place in any case. */
static bool follow(struct knowledge_directory *directory, struct db *db, struct error *err)
{
    bool done = catch_up(directory, db, err);
    if (done)
        give_up_gone(directory);
    put_in_order(&directory->categories);
    return done;
}

/* `rank` NULL: the questions stay as they are. */
static bool update(struct knowledge_directory *directory, struct db *db,
                   bool (*rank)(struct knowledge_directory *directory, struct db *db, struct error *err),
                   struct error *err)
{
    pthread_rwlock_wrlock(&directory->lock);
    bool done = follow(directory, db, err) && (!rank || rank(directory, db, err));
    pthread_rwlock_unlock(&directory->lock);
    return done;
}

bool knowledge_directory_refresh(struct knowledge_directory *directory, struct db *db, struct error *err)
{
    return update(directory, db, NULL, err);
}

bool knowledge_directory_rank(struct knowledge_directory *directory, struct db *db, struct error *err)
{
    return update(directory, db, directory_rank_when_quiet, err);
}

bool directory_lock(struct knowledge_directory *directory, struct db *db, struct error *err)
{
    int64_t newest;
    if (!db_find_int(db, SQL_NEWEST, DB_NO_ARGS, 0, &newest, err))
        return false;
    for (;;) {
        pthread_rwlock_rdlock(&directory->lock);
        if (directory->is_whole && directory->sequence >= newest)
            return true;
        pthread_rwlock_unlock(&directory->lock);
        if (!knowledge_directory_refresh(directory, db, err))
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
        if (!update(directory, db, directory_rank_questions, err))
            return false;
    }
}

void directory_unlock(struct knowledge_directory *directory)
{
    pthread_rwlock_unlock(&directory->lock);
}

/* ---- tenants by name ---- */

static const char SQL_TENANTS[] = "SELECT id, name FROM tenants ORDER BY name, id";

static bool read_tenants(struct knowledge_directory *directory, struct db *db, struct error *err)
{
    CLEANUP(db_rows_release) struct db_rows rows = {0};
    size_t count = 0, room = 64;
    directory->tenant_edits = INT_NULL;
    directory->named_count = directory->ranked_count = 0; /* if it ends midway, there is no order */
    strbuf_reset(&directory->tenant_names);
    directory->named_tenants = xrealloc(directory->named_tenants, room * sizeof(directory->named_tenants[0]));
    if (!db_query(db, SQL_TENANTS, DB_NO_ARGS, &rows, err))
        return false;
    for (; db_next(&rows); count++) {
        if (count == room) {
            room *= 2;
            directory->named_tenants =
                xrealloc(directory->named_tenants, room * sizeof(directory->named_tenants[0]));
        }
        const char *name = db_column_text(&rows, 1);
        directory->named_tenants[count] = (struct named_tenant){
            name_list_put(&directory->tenants, db_column_text(&rows, 0)), directory->tenant_names.length};
        strbuf_append(&directory->tenant_names, name, strlen(name) + 1);
    }
    directory->named_count = count;
    return db_done(&rows, err);
}

/* A tenant whose row came after the names were read stands before all. */
static void rank_tenants(struct knowledge_directory *directory)
{
    size_t count = directory->tenants.count;
    directory->tenant_ranks = xrealloc(directory->tenant_ranks, (count + 1) * sizeof(uint32_t));
    memset(directory->tenant_ranks, 0, (count + 1) * sizeof(uint32_t));
    for (size_t i = 0; i < directory->named_count; i++)
        directory->tenant_ranks[directory->named_tenants[i].number] = (uint32_t)i;
    directory->ranked_count = count;
}

bool directory_name_tenants(struct knowledge_directory *directory, struct db *db, struct error *err)
{
    int64_t counters[COUNTER_COUNT];
    if (!counters_read(db, counters, err))
        return false;
    pthread_rwlock_wrlock(&directory->lock);
    int64_t edits = counters[COUNTER_TENANT_EDITS];
    bool known = directory->tenant_edits >= edits && directory->ranked_count == directory->tenants.count;
    bool done = known || read_tenants(directory, db, err);
    if (done && !known) {
        rank_tenants(directory);
        directory->tenant_edits = edits;
    }
    pthread_rwlock_unlock(&directory->lock);
    return done;
}
