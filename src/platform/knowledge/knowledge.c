#include "platform/knowledge/knowledge.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "base/clock.h"
#include "platform/text_rules.h"
#include "search/fold.h"
#include "search/text_hash.h"

#define SOURCE_LIMIT_MS 30000 /* a tenant's whole knowledge may have to be read */

static const struct field qa_pair_fields[] = {
    FIELD(struct qa_pair, id, INT, "Id of the pair"),
    FIELD(struct qa_pair, tenant_id, TEXT, "Tenant that it belongs to"),
    FIELD(struct qa_pair, question, TEXT, "Question, as the tenant words it"),
    FIELD(struct qa_pair, answer, TEXT, "Answer; empty: the pair is found but does not answer"),
    FIELD(struct qa_pair, category, TEXT, "Category; empty: none"),
    FIELD(struct qa_pair, source, TEXT, "Where it comes from: manual, import, learned, template, demo"),
    FIELD(struct qa_pair, quality_score, REAL, "Quality by customers' feedback, 0 to 1"),
    FIELD(struct qa_pair, is_synced, BOOL, "The vector index holds this very text"),
    FIELD(struct qa_pair, synced_at, TIME, "When the index took the text", .nullable = true),
    FIELD(struct qa_pair, version, INT, "Counts edits"),
    FIELD(struct qa_pair, created_at, TIME, "When it was made"),
    FIELD(struct qa_pair, updated_at, TIME, "When it was last edited"),
};
const struct descriptor qa_pair_descriptor = DESCRIPTOR("QAPair", struct qa_pair, qa_pair_fields);

bool qa_pair_validate(const char *question, const char *answer, const char *category, struct error *err)
{
    static const struct text_rule question_rule = {"question", QUESTION_MAX, .required = true};
    static const struct text_rule answer_rule = {.field = "answer", .characters_max = ANSWER_MAX};
    static const struct text_rule category_rule = {"category", CATEGORY_MAX, .one_line = true};
    bool fine = text_check(&question_rule, question, err);
    fine = text_check(&answer_rule, answer, err) && fine;
    return text_check(&category_rule, category, err) && fine;
}

static struct db_value db_span(struct text_span span)
{
    return db_text_n(span.bytes, span.length);
}

static int64_t qa_hash_question(struct text_span question)
{
    return (int64_t)XXH3_64bits(question.bytes, question.length);
}

static int64_t qa_hash_text(struct text_span question, struct text_span answer)
{
    return text_hash(question.bytes, question.length, answer.bytes, answer.length);
}

int64_t qa_question_key(const char *question)
{
    return (int64_t)text_identity(question, strlen(question));
}

static int64_t qa_key_of(struct text_span question)
{
    return (int64_t)text_identity(question.bytes, question.length);
}

int64_t qa_question_hash(const char *question)
{
    return qa_hash_question(text_trim(question));
}

int64_t qa_text_hash(const char *question, const char *answer)
{
    return qa_hash_text(text_trim(question), text_trim(answer));
}

#define INSERT_COLUMNS 17
#define INSERT_INTO                                                                                          \
    "INSERT INTO qa_pairs(tenant_id, question, answer, category, source, question_hash, text_hash,"          \
    " synced_hash, is_synced, synced_at, quality_score, revision, created_at, updated_at,"                   \
    " template_id, template_version, quality_due_at, question_key) VALUES "
/* The arguments of a row begin behind $n. */
#define INSERT_ROW                                                                                           \
    "($%d, $%d, $%d, $%d, $%d, $%d, $%d, $%d, $%d, $%d, $%d, $%d, $%d, $%d, $%d, $%d, $%d, $%d)"

#define PAIRS_AT_ONCE 25 /* in one statement: two thirds of the time of as many statements */

static char sql_insert_one[512], sql_insert_many[512 + PAIRS_AT_ONCE * 128];

static void qa_write_insert(char *sql, size_t size, int rows)
{
    size_t length = (size_t)snprintf(sql, size, "%s", INSERT_INTO);
    for (int row = 0, n = 0; row < rows; row++, n += INSERT_COLUMNS)
        length += (size_t)snprintf(sql + length, size - length, "%s" INSERT_ROW, row > 0 ? ", " : "", n + 1,
                                   n + 2, n + 3, n + 4, n + 5, n + 6, n + 7, n + 8, n + 9, n + 10, n + 11,
                                   n + 12, n + 13, n + 13 /* updated_at */, n + 14, n + 15, n + 16, n + 17);
}

static void qa_write_inserts(void)
{
    qa_write_insert(sql_insert_one, sizeof(sql_insert_one), 1);
    qa_write_insert(sql_insert_many, sizeof(sql_insert_many), PAIRS_AT_ONCE);
}

static struct db_value db_id(int64_t id) /* 0: null */
{
    return db_int(id ? id : INT_NULL);
}

static void qa_pair_set_values(const struct qa_pair *pair, int64_t revision, int64_t now,
                               struct db_value *values)
{
    struct text_span question = text_trim(pair->question), answer = text_trim(pair->answer);
    int64_t hash = qa_hash_text(question, answer);
    int64_t created_at = pair->created_at > 0 ? pair->created_at : now;
    struct quality_evidence none = {.edited_at = created_at};
    const struct db_value row[INSERT_COLUMNS] = {
        db_text(pair->tenant_id),
        db_span(question),
        db_span(answer),
        db_span(text_trim(pair->category)),
        db_text(pair->source ? pair->source : "manual"),
        db_int(qa_hash_question(question)),
        db_int(hash),
        db_int(pair->is_synced ? hash : INT_NULL),
        db_bool(pair->is_synced),
        db_int(pair->is_synced ? pair->synced_at : INT_NULL),
        db_real(quality_score(&none, now)),
        db_int(revision),
        db_int(created_at),
        db_id(pair->template_id),
        db_id(pair->template_version),
        db_int(quality_due_at(&none, now)),
        db_int(qa_key_of(question)),
    };
    memcpy(values, row, sizeof(row));
}

bool qa_pairs_insert(struct db *db, int64_t revision, const struct qa_pair *pairs, size_t count,
                     int64_t *ret_ids, struct error *err)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    struct db_value values[PAIRS_AT_ONCE * INSERT_COLUMNS];
    int64_t ids[PAIRS_AT_ONCE] = {0}, now = clock_now_ms();
    pthread_once(&once, qa_write_inserts);
    for (size_t done = 0, rows; done < count; done += rows) {
        rows = count - done < PAIRS_AT_ONCE ? 1 : PAIRS_AT_ONCE;
        for (size_t i = 0; i < rows; i++)
            qa_pair_set_values(&pairs[done + i], revision, now, values + i * INSERT_COLUMNS);
        if (!db_insert_many(db, rows == 1 ? sql_insert_one : sql_insert_many, values, rows * INSERT_COLUMNS,
                            rows, ret_ids ? ret_ids + done : ids, err))
            return false;
    }
    return true;
}

bool qa_pair_insert(struct db *db, int64_t revision, const struct qa_pair *pair, int64_t *ret_id,
                    struct error *err)
{
    return qa_pairs_insert(db, revision, pair, 1, ret_id, err);
}

/* What an edit needs of the pair as it is. */
struct pair_state {
    int64_t text_hash, version, hit_count, good_count, bad_count;
    bool is_synced;
};
static const struct field pair_state_fields[] = {
    FIELD(struct pair_state, text_hash, INT, ""), FIELD(struct pair_state, version, INT, ""),
    FIELD(struct pair_state, hit_count, INT, ""), FIELD(struct pair_state, good_count, INT, ""),
    FIELD(struct pair_state, bad_count, INT, ""), FIELD(struct pair_state, is_synced, BOOL, ""),
};
static const struct descriptor pair_state_descriptor =
    DESCRIPTOR("PairState", struct pair_state, pair_state_fields);

static const char SQL_PAIR_STATE[] =
    "SELECT text_hash, version, hit_count, good_count, bad_count, is_synced FROM qa_pairs"
    " WHERE id = $1 AND tenant_id = $2 AND deleted_at IS NULL";

static bool pair_state_read(struct db *db, const struct qa_pair *pair, struct pair_state *ret_state,
                            struct error *err)
{
    CLEANUP(arena_release) struct arena arena = {0};
    bool found;
    if (!db_find(db, SQL_PAIR_STATE, DB_ARGS(db_int(pair->id), db_text(pair->tenant_id)),
                 &pair_state_descriptor, ret_state, &arena, &found, err))
        return false;
    if (!found)
        return error_set(err, ERROR_NOT_FOUND, "There is no pair %lld of this tenant.",
                         "该商家没有编号为 %lld 的问答。", (long long)pair->id);
    if (pair->version != 0 && pair->version != ret_state->version)
        return error_set(err, ERROR_CONFLICT,
                         "Pair %lld was edited by someone else meanwhile; load it again.",
                         "问答 %lld 已被他人修改，请重新加载。", (long long)pair->id);
    return true;
}

static const char SQL_UPDATE_PAIR[] =
    "UPDATE qa_pairs SET question = $2, answer = $3, category = $4, question_hash = $5,"
    " text_hash = $6, is_synced = $7, revision = $8, updated_at = $9, quality_score = $10,"
    " quality_due_at = $11, question_key = $12, version = version + 1 WHERE id = $1";

bool qa_pair_update_text(struct db *db, int64_t revision, const struct qa_pair *pair, bool *ret_was_synced,
                         struct error *err)
{
    struct pair_state state;
    if (!pair_state_read(db, pair, &state, err))
        return false;
    struct text_span question = text_trim(pair->question), answer = text_trim(pair->answer);
    int64_t hash = qa_hash_text(question, answer), now = clock_now_ms();
    bool stays_synced = state.is_synced && state.text_hash == hash;
    struct quality_evidence evidence = {state.hit_count, state.good_count, state.bad_count, now};
    if (!db_execute(db, SQL_UPDATE_PAIR,
                    DB_ARGS(db_int(pair->id), db_span(question), db_span(answer),
                            db_span(text_trim(pair->category)), db_int(qa_hash_question(question)),
                            db_int(hash), db_bool(stays_synced), db_int(revision), db_int(now),
                            db_real(quality_score(&evidence, now)), db_int(quality_due_at(&evidence, now)),
                            db_int(qa_key_of(question))),
                    NULL, err))
        return false;
    *ret_was_synced = state.is_synced && !stays_synced;
    return true;
}

static const char SQL_SET_LINK[] =
    "UPDATE qa_pairs SET template_id = $2, template_version = $3, template_kept = $4 WHERE id = $1";

bool qa_pair_set_link(struct db *db, int64_t id, int64_t template_id, int64_t template_version, int64_t kept,
                      struct error *err)
{
    return db_execute(db, SQL_SET_LINK,
                      DB_ARGS(db_int(id), db_id(template_id), db_id(template_version), db_id(kept)), NULL,
                      err);
}

/* ---- the outbox ---- */

/* What the index was given is the pair's text: synced. */
static const char SQL_MARK_SYNCED[] =
    "UPDATE qa_pairs SET is_synced = 1, synced_hash = text_hash, synced_at = $3"
    " WHERE id = $1 AND text_hash = $2 AND is_synced = 0 AND deleted_at IS NULL";
/* It was edited meanwhile, and synced by another run: which of the two texts came last is not known. */
static const char SQL_DOUBT[] = "UPDATE qa_pairs SET is_synced = 0"
                                " WHERE id = $1 AND text_hash <> $2 AND is_synced = 1 AND deleted_at IS NULL";
/* It was deleted and taken out meanwhile: the index has it again. */
static const char SQL_REMOVE_AGAIN[] = "UPDATE qa_pairs SET synced_hash = $2"
                                       " WHERE id = $1 AND deleted_at IS NOT NULL AND synced_hash IS NULL";

bool qa_pair_mark_synced(struct db *db, int64_t id, int64_t text_hash, int64_t at, int64_t *ret_unsynced,
                         int64_t *ret_removals, struct error *err)
{
    int64_t marked, doubted = 0, removals = 0;
    if (!db_execute(db, SQL_MARK_SYNCED, DB_ARGS(db_int(id), db_int(text_hash), db_int(at)), &marked, err))
        return false;
    if (marked == 0 &&
        (!db_execute(db, SQL_DOUBT, DB_ARGS(db_int(id), db_int(text_hash)), &doubted, err) ||
         !db_execute(db, SQL_REMOVE_AGAIN, DB_ARGS(db_int(id), db_int(text_hash)), &removals, err)))
        return false;
    *ret_unsynced = doubted - marked;
    *ret_removals = removals;
    return true;
}

static const char SQL_MARK_REMOVED[] =
    "UPDATE qa_pairs SET synced_hash = NULL"
    " WHERE id = $1 AND tenant_id = $2 AND deleted_at IS NOT NULL AND synced_hash IS NOT NULL";

bool qa_pair_mark_removed(struct db *db, const char *tenant_id, int64_t id, int64_t *ret_unsynced,
                          int64_t *ret_removals, struct error *err)
{
    int64_t removed, unsynced;
    if (!db_execute(db, SQL_MARK_REMOVED, DB_ARGS(db_int(id), db_text(tenant_id)), &removed, err) ||
        !qa_pair_mark_unsynced(db, tenant_id, id, &unsynced, err))
        return false;
    *ret_unsynced = unsynced; /* it was restored meanwhile, and perhaps synced */
    *ret_removals = -removed;
    return true;
}

static const char SQL_MARK_UNSYNCED[] =
    "UPDATE qa_pairs SET is_synced = 0"
    " WHERE id = $1 AND tenant_id = $2 AND is_synced = 1 AND deleted_at IS NULL";

bool qa_pair_mark_unsynced(struct db *db, const char *tenant_id, int64_t id, int64_t *ret_unsynced,
                           struct error *err)
{
    return db_execute(db, SQL_MARK_UNSYNCED, DB_ARGS(db_int(id), db_text(tenant_id)), ret_unsynced, err);
}

/* ---- evidence of quality ---- */

static const char SQL_COUNT_EVIDENCE[] =
    "UPDATE qa_pairs SET hit_count = hit_count + $2, good_count = good_count + $3, bad_count = bad_count + $4"
    " WHERE id = $1 RETURNING hit_count, good_count, bad_count, updated_at";
static const char SQL_SET_QUALITY[] =
    "UPDATE qa_pairs SET quality_score = $2, quality_due_at = $3 WHERE id = $1";

static bool qa_pair_count_evidence(struct db *db, int64_t id, const struct quality_evidence *more,
                                   struct quality_evidence *ret_evidence, struct error *err)
{
    CLEANUP(db_rows_release) struct db_rows rows = {0};
    if (!db_query(db, SQL_COUNT_EVIDENCE,
                  DB_ARGS(db_int(id), db_int(more->hits), db_int(more->good), db_int(more->bad)), &rows, err))
        return false;
    while (db_next(&rows))
        *ret_evidence = (struct quality_evidence){db_column_int(&rows, 0), db_column_int(&rows, 1),
                                                  db_column_int(&rows, 2), db_column_int(&rows, 3)};
    return db_done(&rows, err);
}

static bool qa_pair_set_quality(struct db *db, int64_t id, const struct quality_evidence *evidence,
                                struct error *err)
{
    int64_t now = clock_now_ms();
    return db_execute(
        db, SQL_SET_QUALITY,
        DB_ARGS(db_int(id), db_real(quality_score(evidence, now)), db_int(quality_due_at(evidence, now))),
        NULL, err);
}

bool qa_pair_count_hit(struct db *db, int64_t id, struct error *err)
{
    static const struct quality_evidence one = {.hits = 1};
    struct quality_evidence evidence = {0};
    if (!qa_pair_count_evidence(db, id, &one, &evidence, err))
        return false;
    return evidence.hits % QUALITY_HIT_STEP != 0 || qa_pair_set_quality(db, id, &evidence, err);
}

bool qa_pair_count_feedback(struct db *db, int64_t id, int good, int bad, struct error *err)
{
    struct quality_evidence more = {.good = good, .bad = bad}, evidence = {0};
    return qa_pair_count_evidence(db, id, &more, &evidence, err) &&
           qa_pair_set_quality(db, id, &evidence, err);
}

#define PAIR_COLUMNS                                                                                         \
    "id, tenant_id, question, answer, category, source, quality_score, is_synced, synced_at,"                \
    " version, created_at, updated_at"

static const char SQL_SAME_QUESTION[] =
    "SELECT " PAIR_COLUMNS " FROM qa_pairs WHERE tenant_id = $1 AND question_key = $2"
    " AND deleted_at IS NULL ORDER BY CASE WHEN question = $3 THEN 0 ELSE 1 END, id LIMIT 1";

bool qa_pair_same_question(struct db *db, const char *tenant_id, const char *question, struct arena *arena,
                           struct qa_pair *ret_pair, bool *ret_found, struct error *err)
{
    struct text_span trimmed = text_trim(question);
    return db_find(db, SQL_SAME_QUESTION,
                   DB_ARGS(db_text(tenant_id), db_int(qa_key_of(trimmed)), db_span(trimmed)),
                   &qa_pair_descriptor, ret_pair, arena, ret_found, err);
}

static const char SQL_PAIR[] = "SELECT " PAIR_COLUMNS " FROM qa_pairs"
                               " WHERE id = $1 AND tenant_id = $2 AND deleted_at IS NULL";

/* Whose they are is asked of the rows: with `tenant_id = …` SQLite would go through all pairs of the tenant. */
static const char SQL_PAIRS[] =
    "SELECT " PAIR_COLUMNS " FROM qa_pairs WHERE id IN (" DB_LIST ") AND deleted_at IS NULL";

/* Those of `ids`, at most DB_LIST_MAX, in their order. */
static bool qa_pairs_get_some(struct db *db, const char *tenant_id, const int64_t *ids, size_t count,
                              struct arena *arena, struct qa_pair *ret_pairs, size_t *ret_count,
                              struct error *err)
{
    CLEANUP(db_rows_release) struct db_rows rows = {0};
    struct db_value args[DB_LIST_MAX] = {0};
    struct qa_pair found[DB_LIST_MAX] = {0};
    for (size_t i = 0; i < count; i++)
        args[i] = db_int(ids[i]);
    if (!db_query(db, SQL_PAIRS, args, DB_LIST_MAX, &rows, err))
        return false;
    while (db_next(&rows)) {
        int64_t id = db_column_int(&rows, 0);
        for (size_t i = 0; i < count; i++)
            if (ids[i] == id)
                db_read_row(&rows, &qa_pair_descriptor, &found[i], arena);
    }
    *ret_count = 0;
    for (size_t i = 0; i < count; i++)
        if (found[i].id && strcmp(found[i].tenant_id, tenant_id) == 0)
            ret_pairs[(*ret_count)++] = found[i];
    return db_done(&rows, err);
}

bool qa_pairs_get(struct db *db, const char *tenant_id, const int64_t *ids, size_t count, struct arena *arena,
                  struct qa_pair *ret_pairs, size_t *ret_count, struct error *err)
{
    *ret_count = 0;
    if (count == 1) {
        bool found;
        if (!db_find(db, SQL_PAIR, DB_ARGS(db_int(ids[0]), db_text(tenant_id)), &qa_pair_descriptor,
                     ret_pairs, arena, &found, err))
            return false;
        *ret_count = found;
        return true;
    }
    for (size_t at = 0, got; at < count; at += DB_LIST_MAX) {
        size_t some = count - at < DB_LIST_MAX ? count - at : DB_LIST_MAX;
        if (!qa_pairs_get_some(db, tenant_id, ids + at, some, arena, ret_pairs + *ret_count, &got, err))
            return false;
        *ret_count += got;
    }
    return true;
}

static const char SQL_REVISION[] = "SELECT knowledge_revision FROM tenants WHERE id = $1";
static const char SQL_CHANGED_SINCE[] = "SELECT id, question, answer, deleted_at FROM qa_pairs"
                                        " WHERE tenant_id = $1 AND revision > $2";

/* The revision is read first: whatever is committed in between comes once more the next time, while
 * the other way round it would be missed. */
bool knowledge_source(void *store, const char *tenant_id, int64_t since, pair_put put, void *put_context,
                      int64_t *ret_revision, struct error *err)
{
    CLEANUP(store_reader_release) struct db *db = NULL;
    int64_t revision;
    if (!store_reader(store, SOURCE_LIMIT_MS, &db, err) ||
        !db_find_int(db, SQL_REVISION, DB_ARGS(db_text(tenant_id)), 0, &revision, err))
        return false;
    CLEANUP(db_rows_release) struct db_rows rows = {0};
    if (revision > since &&
        !db_query(db, SQL_CHANGED_SINCE, DB_ARGS(db_text(tenant_id), db_int(since)), &rows, err))
        return false;
    while (revision > since && db_next(&rows)) {
        bool live = db_column_null(&rows, 3);
        put(put_context, db_column_int(&rows, 0), live ? db_column_text(&rows, 1) : NULL,
            live ? db_column_text(&rows, 2) : NULL);
    }
    if (revision > since && !db_done(&rows, err))
        return false;
    *ret_revision = revision;
    return true;
}
