/* The order by question. Its texts stay in the store; in memory each pair has a rank, equal questions the same.
 * All are ranked by walking the store's index on questions, about half a second for a million; a few that
 * are new find their neighbours there, and a rank between theirs, as long as that is less work. */
#include <string.h>

#include "base/memory.h"
#include "directory/columns.h"

#define UNRANKED 0
#define RANK_END ((int64_t)1 << 32) /* behind all */
#define ONE_BY_ONE 1000             /* look-ups that are always less work than ranking all, */
#define ALL_PER_LOOK_UP 50          /* and so many pairs of all that are as much work as one */

/* ---- all ---- */

/* What the store's index on questions holds of each; longer ones that begin alike are sorted among themselves. */
#define HEAD(question) "SUBSTR(" question ", 1, 600)"

static const char SQL_ALL[] =
    "SELECT id, question, question_hash FROM qa_pairs ORDER BY " HEAD("question") ", question";
static const char SQL_COUNT[] = "SELECT COUNT(*) FROM qa_pairs";

static bool is_unranked(const struct knowledge_directory *directory, size_t place)
{
    return directory->question_rank[place] == UNRANKED && directory->kind[place] != KIND_GONE;
}

/* A pair as it was when its question was looked at. */
struct asked {
    int64_t id;
    uint32_t hash, rank;
};

/* With the lock: the pair gets the rank if its question is still that one. */
static void put_rank(struct knowledge_directory *directory, const struct asked *asked)
{
    size_t place;
    if (directory_find(directory, asked->id, &place) && directory->kind[place] != KIND_GONE &&
        directory->question_hash[place] == asked->hash)
        directory->question_rank[place] = asked->rank;
}

/* Without the lock: `ret_ranked` is on the heap. */
static bool read_questions_in_order(struct db *db, struct asked **ret_ranked, size_t *ret_count,
                                    struct error *err)
{
    CLEANUP(db_rows_release) struct db_rows rows = {0};
    CLEANUP(strbuf_release) struct strbuf question = {0};
    int64_t rows_in_all, rank = 0;
    if (!db_find_int(db, SQL_COUNT, DB_NO_ARGS, 0, &rows_in_all, err) ||
        !db_query(db, SQL_ALL, DB_NO_ARGS, &rows, err))
        return false;
    int64_t step = (RANK_END - 1) / (2 * rows_in_all + 2); /* for those that come meanwhile, too */
    for (size_t room = 0; db_next(&rows); (*ret_count)++) {
        const char *text = db_column_text(&rows, 1);
        if (rank == 0 || strcmp(strbuf_text(&question), text) != 0) {
            strbuf_reset(&question);
            strbuf_puts(&question, text);
            rank += step;
        }
        if (*ret_count == room) {
            room = room ? 2 * room : 1024;
            *ret_ranked = xrealloc(*ret_ranked, room * sizeof(**ret_ranked));
        }
        (*ret_ranked)[*ret_count] = (struct asked){db_column_int(&rows, 0), (uint32_t)db_column_int(&rows, 2),
                                                   rank < RANK_END ? (uint32_t)rank : UNRANKED};
    }
    return db_done(&rows, err);
}

static bool rank_all_questions(struct knowledge_directory *directory, struct db *db, struct error *err)
{
    CLEANUP(free_pointer) struct asked *ranked = NULL;
    size_t count = 0;
    if (!read_questions_in_order(db, &ranked, &count, err))
        return false;
    pthread_rwlock_wrlock(&directory->lock);
    for (size_t i = 0; i < count; i++)
        put_rank(directory, &ranked[i]);
    directory->was_ranked = true;
    directory->unranked_count = 0;
    for (size_t i = 0; i < directory->count; i++)
        directory->unranked_count += is_unranked(directory, i);
    pthread_rwlock_unlock(&directory->lock);
    return true;
}

/* ---- one ---- */

#define NEIGHBOURS_AT_ONCE                                                                                   \
    32 /* nearly always the first has a rank; a database sends all that it is asked for */

static const char *const SQL_NEIGHBOURS[2] = {
    "SELECT id, question FROM qa_pairs WHERE " HEAD("question") " <= " HEAD(
        "$1") " AND question < $1"
              " ORDER BY " HEAD("question") " DESC, question DESC LIMIT $2 OFFSET $3",
    "SELECT id, question FROM qa_pairs WHERE " HEAD("question") " >= " HEAD(
        "$1") " AND question >= $1"
              " ORDER BY " HEAD("question") ", question LIMIT $2 OFFSET $3",
};

static const char SQL_HASH[] = "SELECT question_hash FROM qa_pairs WHERE id = $1";

/* How a neighbour's rank is looked up: a list that is asked for holds the lock, whoever ranks does not. */
enum lock_state { LOCK_HELD, LOCK_FREE };

/* Has the pair a rank, and the question that it is of? One that was edited this moment has another. */
static bool find_current_rank(struct knowledge_directory *directory, struct db *db, int64_t id,
                              enum lock_state lock, struct asked *ret_asked, bool *ret_is, struct error *err)
{
    int64_t hash;
    size_t place;
    *ret_is = false;
    if (lock == LOCK_FREE)
        pthread_rwlock_rdlock(&directory->lock);
    bool ranked = directory_find(directory, id, &place) && directory->question_rank[place] != UNRANKED;
    if (ranked)
        *ret_asked = (struct asked){id, directory->question_hash[place], directory->question_rank[place]};
    if (lock == LOCK_FREE)
        pthread_rwlock_unlock(&directory->lock);
    if (!ranked)
        return true;
    if (!db_find_int(db, SQL_HASH, DB_ARGS(db_int(id)), INT_NULL, &hash, err))
        return false;
    *ret_is = hash != INT_NULL && ret_asked->hash == (uint32_t)hash;
    return true;
}

/* Of the neighbours behind `offset` the first that has a rank; `ret_over`: it was found, or there are no more. */
static bool find_ranked_among(struct knowledge_directory *directory, struct db *db, const char *question,
                              bool upwards, enum lock_state lock, int64_t offset, int64_t *budget,
                              int64_t *ret_rank, bool *ret_same, bool *ret_over, struct error *err)
{
    CLEANUP(db_rows_release) struct db_rows rows = {0};
    int64_t count = 0;
    if (!db_query(db, SQL_NEIGHBOURS[upwards],
                  DB_ARGS(db_text(question), db_int(NEIGHBOURS_AT_ONCE), db_int(offset)), &rows, err))
        return false;
    for (; db_next(&rows); count++) {
        struct asked neighbour;
        bool ranked;
        if (!find_current_rank(directory, db, db_column_int(&rows, 0), lock, &neighbour, &ranked, err))
            return false;
        if (!ranked) {
            (*budget)--;
            continue;
        }
        *ret_rank = neighbour.rank;
        *ret_same = strcmp(db_column_text(&rows, 1), question) == 0;
        *ret_over = true;
        return true;
    }
    *ret_over = count < NEIGHBOURS_AT_ONCE;
    return db_done(&rows, err);
}

/* The rank of the next question, upwards the same one too, that has one: `none` if there is none. Takes what
 * it looked at off the budget, and does not stop at its end. */
static bool find_ranked_neighbour(struct knowledge_directory *directory, struct db *db, const char *question,
                                  bool upwards, enum lock_state lock, int64_t none, int64_t *budget,
                                  int64_t *ret_rank, bool *ret_same, struct error *err)
{
    bool over = false;
    *ret_rank = none;
    *ret_same = false;
    (*budget)--;
    for (int64_t offset = 0; !over; offset += NEIGHBOURS_AT_ONCE)
        if (!find_ranked_among(directory, db, question, upwards, lock, offset, budget, ret_rank, ret_same,
                               &over, err))
            return false;
    return true;
}

/* UNRANKED: there is no room between its neighbours. */
static bool rank_between(struct knowledge_directory *directory, struct db *db, const char *question,
                         int64_t *budget, uint32_t *ret_rank, struct error *err)
{
    int64_t above, below = 0;
    bool same, unused;
    if (!find_ranked_neighbour(directory, db, question, true, LOCK_FREE, RANK_END, budget, &above, &same,
                               err) ||
        (!same &&
         !find_ranked_neighbour(directory, db, question, false, LOCK_FREE, 0, budget, &below, &unused, err)))
        return false;
    int64_t rank = same ? above : below + (above - below) / 2;
    *ret_rank = rank > below ? (uint32_t)rank : UNRANKED;
    return true;
}

static const char SQL_QUESTION[] = "SELECT question FROM qa_pairs WHERE id = $1";

bool question_read(struct db *db, int64_t id, struct arena *arena, const char **ret_question,
                   struct error *err)
{
    CLEANUP(db_rows_release) struct db_rows rows = {0};
    *ret_question = "";
    if (!db_query(db, SQL_QUESTION, DB_ARGS(db_int(id)), &rows, err))
        return false;
    while (db_next(&rows))
        *ret_question = arena_strdup(arena, db_column_text(&rows, 0));
    return db_done(&rows, err);
}

/* Those that have no rank, in the order of ids; on the heap. NULL: they are more than are worth a look-up each,
 * `ret_budget`. */
static struct asked *list_unranked(struct knowledge_directory *directory, size_t *ret_count,
                                   int64_t *ret_budget)
{
    struct asked *asked = NULL;
    pthread_rwlock_rdlock(&directory->lock);
    *ret_budget = ONE_BY_ONE + (int64_t)(directory->count / ALL_PER_LOOK_UP);
    if ((int64_t)directory->unranked_count <= *ret_budget) {
        /* Those that came last are most often at the end: where the first of them is, is looked for from there. */
        size_t first = directory->count, left = directory->unranked_count;
        while (first > 0 && left > 0)
            left -= is_unranked(directory, --first);
        asked = xmalloc((directory->unranked_count + 1) * sizeof(*asked));
        for (size_t i = first; i < directory->count; i++)
            if (is_unranked(directory, i))
                asked[(*ret_count)++] =
                    (struct asked){directory->id[i], directory->question_hash[i], UNRANKED};
    }
    pthread_rwlock_unlock(&directory->lock);
    return asked;
}

/* In the order of ids, which is that of the index among equal questions: of many that got one template, all
 * but the first find the first at once. `ret_done` false: it is less work to rank all. */
static bool rank_new_questions(struct knowledge_directory *directory, struct db *db, bool *ret_done,
                               struct error *err)
{
    CLEANUP(arena_release) struct arena arena = {0};
    int64_t budget;
    size_t count = 0;
    CLEANUP(free_pointer) struct asked *asked = list_unranked(directory, &count, &budget);
    *ret_done = asked != NULL;
    for (size_t i = 0; i < count && *ret_done; i++) {
        const char *question;
        arena_reset(&arena);
        if (!question_read(db, asked[i].id, &arena, &question, err) ||
            !rank_between(directory, db, question, &budget, &asked[i].rank, err))
            return false;
        *ret_done = asked[i].rank != UNRANKED && (budget > 0 || i + 1 == count);
        size_t place;
        pthread_rwlock_wrlock(&directory->lock);
        if (directory_find(directory, asked[i].id, &place) && is_unranked(directory, place)) {
            put_rank(directory, &asked[i]);
            directory->unranked_count -= directory->question_rank[place] != UNRANKED;
        }
        pthread_rwlock_unlock(&directory->lock);
    }
    return true;
}

/* Whoever calls these holds `ranking`, and not the lock. */
bool directory_rank_questions(struct knowledge_directory *directory, struct db *db, struct error *err)
{
    bool done = false;
    if (!rank_new_questions(directory, db, &done, err))
        return false;
    return done || rank_all_questions(directory, db, err);
}

/* While an import or a distribution brings thousands of questions, they are ranked only when a list in that
 * order is read. */
bool directory_rank_when_quiet(struct knowledge_directory *directory, struct db *db, struct error *err)
{
    pthread_rwlock_wrlock(&directory->lock);
    size_t unranked = directory->unranked_count;
    bool quiet = unranked <= ONE_BY_ONE || unranked == directory->unranked_seen || !directory->was_ranked;
    directory->unranked_seen = quiet ? 0 : unranked;
    pthread_rwlock_unlock(&directory->lock);
    return !quiet || directory_rank_questions(directory, db, err);
}

bool question_rank_of(const struct knowledge_directory *directory, struct db *db, const char *question,
                      int64_t *ret_rank, bool *ret_same, struct error *err)
{
    int64_t unused = 0;
    struct knowledge_directory *locked =
        (struct knowledge_directory *)(uintptr_t)directory; /* is not changed */
    return find_ranked_neighbour(locked, db, question, true, LOCK_HELD, RANK_END, &unused, ret_rank, ret_same,
                                 err);
}
