/* The order by question. Its texts stay in the store; in memory each pair has a rank, equal questions the same.
 * All are ranked by walking the store's index on questions, about half a second for a million; a few that
 * are new find their neighbours there, and a rank between theirs, as long as that is less work. */
#include <string.h>

#include "base/memory.h"
#include "ops/knowledge_internal.h"

#define UNRANKED 0
#define RANK_END ((int64_t)1 << 32) /* behind all */
#define ONE_BY_ONE 1000             /* look-ups that are always less work than ranking all, */
#define ALL_PER_LOOK_UP 50          /* and so many pairs of all that are as much work as one */

/* ---- all ---- */

static const char SQL_ALL[] = "SELECT id, question FROM qa_pairs ORDER BY question";
static const char SQL_COUNT[] = "SELECT COUNT(*) FROM qa_pairs";

static bool rank_all(struct knowledge_directory *directory, struct db *db, struct error *err)
{
    CLEANUP(db_rows_release) struct db_rows rows = {0};
    CLEANUP(strbuf_release) struct strbuf question = {0};
    int64_t rows_in_all, rank = 0;
    if (!db_find_int(db, SQL_COUNT, DB_NO_ARGS, 0, &rows_in_all, err) ||
        !db_query(db, SQL_ALL, DB_NO_ARGS, &rows, err))
        return false;
    int64_t step = (RANK_END - 1) / (2 * rows_in_all + 2); /* for those that come meanwhile, too */
    while (db_next(&rows)) {
        const char *text = db_column_text(&rows, 1);
        size_t place;
        if (rank == 0 || strcmp(strbuf_text(&question), text) != 0) {
            strbuf_reset(&question);
            strbuf_puts(&question, text);
            rank += step;
        }
        if (directory_find(directory, db_column_int(&rows, 0), &place) && directory->kind[place] != KIND_GONE)
            directory->question_rank[place] = rank < RANK_END ? (uint32_t)rank : UNRANKED;
    }
    return db_done(&rows, err);
}

/* ---- one ---- */

static const char *const SQL_NEIGHBOURS[2] = {
    "SELECT id, question FROM qa_pairs WHERE question < $1 ORDER BY question DESC",
    "SELECT id, question FROM qa_pairs WHERE question >= $1 ORDER BY question",
};

static const char SQL_HASH[] = "SELECT question_hash FROM qa_pairs WHERE id = $1";

/* Has the pair a rank, and the question that it is of? One that was edited this moment has another. */
static bool is_ranked(const struct knowledge_directory *directory, struct db *db, int64_t id,
                      size_t *ret_place, bool *ret_is, struct error *err)
{
    int64_t hash;
    *ret_is = directory_find(directory, id, ret_place) && directory->question_rank[*ret_place] != UNRANKED;
    if (!*ret_is)
        return true;
    *ret_is = false;
    if (!db_find_int(db, SQL_HASH, DB_ARGS(db_int(id)), INT_NULL, &hash, err))
        return false;
    *ret_is = hash != INT_NULL && directory->question_hash[*ret_place] == (uint32_t)hash;
    return true;
}

/* The rank of the next question, upwards the same one too, that has one: `none` if there is none. Takes what
 * it looked at off the budget, and does not stop at its end. */
static bool find_neighbour(const struct knowledge_directory *directory, struct db *db, const char *question,
                           bool upwards, int64_t none, int64_t *budget, int64_t *ret_rank, bool *ret_same,
                           struct error *err)
{
    CLEANUP(db_rows_release) struct db_rows rows = {0};
    *ret_rank = none;
    *ret_same = false;
    (*budget)--;
    if (!db_query(db, SQL_NEIGHBOURS[upwards], DB_ARGS(db_text(question)), &rows, err))
        return false;
    while (db_next(&rows)) {
        size_t place;
        bool ranked;
        if (!is_ranked(directory, db, db_column_int(&rows, 0), &place, &ranked, err))
            return false;
        if (!ranked) {
            (*budget)--;
            continue;
        }
        *ret_rank = directory->question_rank[place];
        *ret_same = strcmp(db_column_text(&rows, 1), question) == 0;
        return true;
    }
    return db_done(&rows, err);
}

/* `ret_done` false: there is no room between its neighbours. */
static bool rank_between(struct knowledge_directory *directory, struct db *db, size_t place,
                         const char *question, int64_t *budget, bool *ret_done, struct error *err)
{
    int64_t above, below = 0;
    bool same, unused;
    if (!find_neighbour(directory, db, question, true, RANK_END, budget, &above, &same, err) ||
        (!same && !find_neighbour(directory, db, question, false, 0, budget, &below, &unused, err)))
        return false;
    int64_t rank = same ? above : below + (above - below) / 2;
    *ret_done = rank > below;
    directory->question_rank[place] = *ret_done ? (uint32_t)rank : UNRANKED;
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

static bool is_unranked(const struct knowledge_directory *directory, size_t place)
{
    return directory->question_rank[place] == UNRANKED && directory->kind[place] != KIND_GONE;
}

/* Those that came last are most often at the end. */
static size_t first_unranked(const struct knowledge_directory *directory)
{
    size_t place = directory->count, left = directory->unranked_count;
    while (place > 0 && left > 0)
        left -= is_unranked(directory, --place);
    return place;
}

/* In the order of ids, which is that of the index among equal questions: of many that got one template, all
 * but the first find the first at once. `ret_done` false: it is less work to rank all. */
static bool rank_new(struct knowledge_directory *directory, struct db *db, bool *ret_done, struct error *err)
{
    CLEANUP(arena_release) struct arena arena = {0};
    int64_t budget = ONE_BY_ONE + (int64_t)(directory->count / ALL_PER_LOOK_UP);
    *ret_done = (int64_t)directory->unranked_count <= budget;
    for (size_t place = first_unranked(directory); place < directory->count && *ret_done; place++) {
        const char *question;
        if (!is_unranked(directory, place))
            continue;
        arena_reset(&arena);
        if (!question_read(db, directory->id[place], &arena, &question, err) ||
            !rank_between(directory, db, place, question, &budget, ret_done, err))
            return false;
        directory->unranked_count -= *ret_done;
        *ret_done &= budget > 0 || directory->unranked_count == 0;
    }
    return true;
}

bool directory_rank_questions(struct knowledge_directory *directory, struct db *db, struct error *err)
{
    bool done = false;
    if (directory->unranked_count == 0)
        return true;
    if (!rank_new(directory, db, &done, err))
        return false;
    if (done)
        return true;
    if (!rank_all(directory, db, err))
        return false;
    directory->was_ranked = true;
    directory->unranked_count = 0;
    for (size_t i = 0; i < directory->count; i++)
        directory->unranked_count += is_unranked(directory, i);
    return true;
}

/* While an import or a distribution brings thousands of questions, they are ranked only for who asks. */
bool directory_rank_when_quiet(struct knowledge_directory *directory, struct db *db, struct error *err)
{
    bool quiet = directory->unranked_count <= ONE_BY_ONE ||
                 directory->unranked_count == directory->unranked_seen || !directory->was_ranked;
    directory->unranked_seen = quiet ? 0 : directory->unranked_count;
    return !quiet || directory_rank_questions(directory, db, err);
}

bool question_rank_of(const struct knowledge_directory *directory, struct db *db, const char *question,
                      int64_t *ret_rank, bool *ret_same, struct error *err)
{
    int64_t unused = 0;
    return find_neighbour(directory, db, question, true, RANK_END, &unused, ret_rank, ret_same, err);
}
