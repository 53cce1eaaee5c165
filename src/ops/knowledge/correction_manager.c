#include "ops/knowledge/correction_manager.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/json_writer.h"
#include "base/memory.h"
#include "platform/chat/feedback.h"
#include "platform/knowledge/knowledge.h"
#include "platform/tenants/counters.h"
#include "platform/tenants/tenants.h"
#include "platform/text_rules.h"

#define COUNTED_AT_MOST 1000 /* rows that are counted where no counter has their number */

const char *const correction_statuses[] = {"pending", "approved", "rejected", "learned", NULL};
const char *const correction_held_fors[] = {FEEDBACK_HELD_EXISTING, FEEDBACK_HELD_UNFIT, NULL};

static const struct field correction_fields[] = {
    FIELD(struct correction, id, INT, "Id of the feedback"),
    FIELD(struct correction, tenant_id, TEXT, "Tenant whose customer it is"),
    FIELD(struct correction, tenant_name, TEXT, "The tenant's name", .personal = PERSONAL_PARTS),
    FIELD(struct correction, message_id, TEXT, "The answer that it is about"),
    FIELD(struct correction, question, TEXT, "What was asked", .personal = PERSONAL_PARTS),
    FIELD(struct correction, answer, TEXT, "What was answered", .personal = PERSONAL_PARTS),
    FIELD(struct correction, answered, BOOL, "The answer came from a pair"),
    FIELD(struct correction, correction, TEXT,
          "What it should have been; null: the customer has only said that it was bad", .nullable = true,
          .personal = PERSONAL_PARTS),
    FIELD(struct correction, status, TEXT, "pending: waits; learned: without a person, it was a new question",
          .values = correction_statuses),
    FIELD(struct correction, held_for, TEXT,
          "Why learning leaves it to a person: it would change what a pair answers, or no pair may have its "
          "text; "
          "null: it does not",
          .nullable = true, .values = correction_held_fors),
    FIELD(struct correction, qa_pair_id, INT,
          "The pair that it became or would change, else the one that gave the answer; null: none",
          .nullable = true),
    FIELD(struct correction, pair_question, TEXT, "That pair's question now; null: it is gone",
          .nullable = true, .personal = PERSONAL_PARTS),
    FIELD(struct correction, pair_answer, TEXT, "Its answer now", .nullable = true,
          .personal = PERSONAL_PARTS),
    FIELD(struct correction, version, INT, "Grows when the customer says it anew"),
    FIELD(struct correction, created_at, TIME, "When the customer first rated the answer"),
    FIELD(struct correction, decided_by, TEXT, "Username of who decided", .nullable = true,
          .personal = PERSONAL_PARTS),
    FIELD(struct correction, note, TEXT, "What was noted then", .nullable = true, .personal = PERSONAL_PARTS),
    FIELD(struct correction, decided_at, TIME, "When it was decided or learned", .nullable = true),
};
const struct descriptor correction_descriptor =
    DESCRIPTOR("Correction", struct correction, correction_fields);

static const struct field list_fields[] = {
    FIELD_MANY(struct correction_list, items, LIST, "The newest first", .of = &correction_descriptor),
    FIELD(struct correction_list, total, INT, "How many there are", .optional = true),
    FIELD(struct correction_list, total_at_least, INT, "In its place: so many or more", .optional = true),
    FIELD(struct correction_list, page, INT, "Which page, from 1; behind a cursor what was asked"),
    FIELD(struct correction_list, page_size, INT, "Items on a page"),
    FIELD(struct correction_list, next_cursor, TEXT, "For the next page; null: this is the last one",
          .nullable = true),
};
const struct descriptor correction_list_descriptor =
    DESCRIPTOR("CorrectionList", struct correction_list, list_fields);

/* ---- looking ---- */

#define SQL_CORRECTIONS                                                                                      \
    "SELECT f.id AS id, f.tenant_id AS tenant_id, t.name AS tenant_name, m.public_id AS message_id,"         \
    " m.question AS question, m.answer AS answer, m.answered AS answered, f.correction AS correction,"       \
    " f.status AS status, f.held_for AS held_for, COALESCE(f.qa_pair_id, f.held_pair_id) AS qa_pair_id,"     \
    " q.question AS pair_question, q.answer AS pair_answer, f.version AS version,"                           \
    " f.created_at AS created_at, f.decided_by AS decided_by, f.note AS note, f.processed_at AS decided_at," \
    " m.sources AS sources"                                                                                  \
    " FROM feedbacks f JOIN messages m ON m.id = f.message_id JOIN tenants t ON t.id = f.tenant_id"          \
    " LEFT JOIN qa_pairs q ON q.id = COALESCE(f.qa_pair_id, f.held_pair_id) AND q.deleted_at IS NULL"

/* A good rating is in none of these lists; the indexes leave it out, too.
 * $1 status, $2 before which, $3 how many, $4 behind how many, $5 whose (where it is one tenant's). */
#define OF_ALL " WHERE f.status = $1 AND f.status <> 'noted' AND f.id < $2"
#define OF_ONE " WHERE f.status = $1 AND f.tenant_id = $5 AND f.id < $2"
#define CORRECTIONS " AND f.correction IS NOT NULL"
#define SQL_PAGE(filter) SQL_CORRECTIONS filter " ORDER BY f.id DESC LIMIT $3 OFFSET $4"
#define SQL_COUNT(filter) "SELECT COUNT(*) FROM (SELECT 1 FROM feedbacks f" filter " LIMIT $3 OFFSET $4) c"

/* [of one tenant][with a correction] */
static const char *const SQL_PAGES[2][2] = {
    {SQL_PAGE(OF_ALL), SQL_PAGE(OF_ALL CORRECTIONS)},
    {SQL_PAGE(OF_ONE), SQL_PAGE(OF_ONE CORRECTIONS)},
};
static const char *const SQL_COUNTS[2][2] = {
    {SQL_COUNT(OF_ALL), SQL_COUNT(OF_ALL CORRECTIONS)},
    {SQL_COUNT(OF_ONE), SQL_COUNT(OF_ONE CORRECTIONS)},
};

static const char SQL_PENDING_OF[] = "SELECT pending_feedback_count FROM tenants WHERE id = $1";

/* All that is pending is counted already; of the rest a thousand. */
static bool correction_count(struct db *db, const struct correction_filter *filter,
                             struct correction_list *list, struct error *err)
{
    int64_t counters[COUNTER_COUNT], count;
    list->total = list->total_at_least = INT_NULL;
    if (strcmp(filter->status, "pending") == 0 && !filter->with_correction) {
        if (filter->tenant_id)
            return db_find_int(db, SQL_PENDING_OF, DB_ARGS(db_text(filter->tenant_id)), 0, &list->total, err);
        if (!counters_read(db, counters, err))
            return false;
        list->total = counters[COUNTER_PENDING_FEEDBACKS];
        return true;
    }
    const bool is_one = filter->tenant_id != NULL;
    const struct db_value args[] = {db_text(filter->status), db_int(INT64_MAX), db_int(COUNTED_AT_MOST),
                                    db_int(0), db_text(filter->tenant_id)};
    if (!db_find_int(db, SQL_COUNTS[is_one][filter->with_correction], args, is_one ? 5 : 4, 0, &count, err))
        return false;
    *(count < COUNTED_AT_MOST ? &list->total : &list->total_at_least) = count;
    return true;
}

/* Where the page begins: before an id, or behind so many. */
static bool correction_read_place(const struct correction_place *place, int64_t *ret_before,
                                  int64_t *ret_skipped, struct error *err)
{
    char *end = NULL;
    *ret_before = INT64_MAX;
    *ret_skipped = place->cursor ? 0 : (place->page - 1) * place->page_size;
    if (*ret_skipped > CORRECTION_PAGE_DEPTH)
        return error_add_field(err, "page", "lies too deep: go on by next_cursor",
                               "太靠后：请用 next_cursor 继续");
    if (!place->cursor)
        return true;
    *ret_before = strtoll(place->cursor, &end, 10);
    return (*place->cursor >= '1' && *place->cursor <= '9' && *end == '\0') ||
           error_add_field(err, "cursor", "is not one of this list's", "不是本列表的游标");
}

#define COLUMN_SOURCES 18

/* The row as it stands, with the pair that gave the answer where it is about no other yet. */
static void correction_read_row(const struct db_rows *rows, struct correction *correction,
                                struct arena *arena)
{
    db_read_row(rows, &correction_descriptor, correction, arena);
    if (correction->qa_pair_id == INT_NULL && correction->answered) {
        int64_t id = feedback_answering_pair(db_column_text(rows, COLUMN_SOURCES));
        correction->qa_pair_id = id ? id : INT_NULL;
    }
}

static const char SQL_PAIRS[] = "SELECT id, tenant_id, question, answer FROM qa_pairs"
                                " WHERE id IN (" DB_LIST ") AND deleted_at IS NULL";

static bool correction_lacks_pair(const struct correction *correction)
{
    return correction->qa_pair_id != INT_NULL && !correction->pair_question;
}

/* The text of the pairs that only the sources name, of at most DB_LIST_MAX corrections. */
static bool correction_read_some_pairs(struct db *db, struct correction *corrections, size_t count,
                                       struct arena *arena, struct error *err)
{
    CLEANUP(db_rows_release) struct db_rows rows = {0};
    struct db_value ids[DB_LIST_MAX] = {0};
    size_t lacking = 0;
    for (size_t i = 0; i < count; i++)
        if (correction_lacks_pair(&corrections[i]))
            ids[lacking++] = db_int(corrections[i].qa_pair_id);
    if (lacking == 0)
        return true;
    if (!db_query(db, SQL_PAIRS, ids, DB_LIST_MAX, &rows, err))
        return false;
    while (db_next(&rows)) {
        int64_t id = db_column_int(&rows, 0);
        for (size_t i = 0; i < count; i++) {
            struct correction *correction = &corrections[i];
            if (correction->qa_pair_id != id || !correction_lacks_pair(correction) ||
                strcmp(correction->tenant_id, db_column_text(&rows, 1)) != 0)
                continue;
            correction->pair_question = arena_strdup(arena, db_column_text(&rows, 2));
            correction->pair_answer = arena_strdup(arena, db_column_text(&rows, 3));
        }
    }
    return db_done(&rows, err);
}

static bool correction_read_pairs(struct db *db, struct correction *corrections, size_t count,
                                  struct arena *arena, struct error *err)
{
    for (size_t at = 0; at < count; at += DB_LIST_MAX) {
        size_t some = count - at < DB_LIST_MAX ? count - at : DB_LIST_MAX;
        if (!correction_read_some_pairs(db, corrections + at, some, arena, err))
            return false;
    }
    return true;
}

bool correction_list(struct db *db, const struct correction_filter *filter,
                     const struct correction_place *place, struct arena *arena,
                     struct correction_list *ret_list, struct error *err)
{
    CLEANUP(db_rows_release) struct db_rows rows = {0};
    struct correction_list list = {.page = place->page, .page_size = place->page_size};
    const bool is_one = filter->tenant_id != NULL;
    int64_t before, skipped;
    if (!correction_read_place(place, &before, &skipped, err) || !correction_count(db, filter, &list, err))
        return false;
    const struct db_value args[] = {db_text(filter->status), db_int(before), db_int(place->page_size + 1),
                                    db_int(skipped), db_text(filter->tenant_id)};
    if (!db_query(db, SQL_PAGES[is_one][filter->with_correction], args, is_one ? 5 : 4, &rows, err))
        return false;
    list.items = arena_alloc(arena, ((size_t)place->page_size + 1) * sizeof(*list.items));
    while (db_next(&rows))
        correction_read_row(&rows, &list.items[list.items_count++], arena);
    if (!db_done(&rows, err) || !correction_read_pairs(db, list.items, list.items_count, arena, err))
        return false;
    if (list.items_count > (size_t)place->page_size) { /* one more than a page: there is a next one */
        list.items_count = (size_t)place->page_size;
        list.next_cursor = arena_printf(arena, "%" PRId64, list.items[place->page_size - 1].id);
    }
    *ret_list = list;
    return true;
}

static const char SQL_ONE[] = SQL_CORRECTIONS " WHERE f.id = $1 AND f.status <> 'noted'";

bool correction_read(struct db *db, int64_t id, struct arena *arena, struct correction *ret_correction,
                     struct error *err)
{
    CLEANUP(db_rows_release) struct db_rows rows = {0};
    struct correction correction = {0};
    bool found = false;
    if (!db_query(db, SQL_ONE, DB_ARGS(db_int(id)), &rows, err))
        return false;
    while (db_next(&rows)) {
        correction_read_row(&rows, &correction, arena);
        found = true;
    }
    if (!db_done(&rows, err) || (found && !correction_read_pairs(db, &correction, 1, arena, err)))
        return false;
    if (!found)
        return error_set(err, ERROR_NOT_FOUND, "There is no feedback %" PRId64 " that waits or was decided.",
                         "没有编号为 %" PRId64 " 的待处理或已处理反馈。", id);
    *ret_correction = correction;
    return true;
}

/* ---- deciding ---- */

struct decision {
    const struct actor *actor;
    const struct correction_decision *asked;
    struct arena *arena;
    const char *note;             /* trimmed; NULL: none */
    struct correction correction; /* out: as it is afterwards */
};

static const char *correction_pair_json(struct arena *arena, const char *question, const char *answer,
                                        int64_t feedback)
{
    CLEANUP(strbuf_release) struct strbuf out = {0};
    struct json_writer w = {.out = &out};
    json_object_begin(&w);
    json_key_text(&w, "question", question);
    json_key_text(&w, "answer", answer);
    if (feedback)
        json_key_int(&w, "feedback_id", feedback);
    json_object_end(&w);
    return arena_strdup(arena, strbuf_text(&out));
}

/* A row of the decision, and one of the pair, so that it is found among the changes of the pair, too. */
static bool correction_audit_approval(struct db *db, const struct decision *decision,
                                      const struct feedback_row *row, int64_t pair_id, const char *before,
                                      const char *after, struct error *err)
{
    struct audit_entry pair = {
        .action = before ? "qa_pair.update" : "qa_pair.create",
        .target_type = "qa_pair",
        .target_id = arena_printf(decision->arena, "%" PRId64, pair_id),
        .before = before,
        .after = after,
        .reason = decision->note,
    };
    struct audit_entry approval = {
        .action = "correction.approve",
        .target_type = "feedback",
        .target_id = arena_printf(decision->arena, "%" PRId64, row->id),
        .before = correction_pair_json(decision->arena, row->question, row->correction, 0),
        .after = after,
        .reason = decision->note,
    };
    return audit_append(db, decision->actor, &approval, err) && audit_append(db, decision->actor, &pair, err);
}

static bool correction_read_live(struct db *db, const struct feedback_row *row, int64_t id,
                                 struct arena *arena, struct qa_pair_row *ret_pair, bool *ret_found,
                                 struct error *err)
{
    if (!qa_pair_row_read(db, id, arena, ret_pair, ret_found, err))
        return false;
    *ret_found =
        *ret_found && ret_pair->deleted_at == INT_NULL && strcmp(ret_pair->tenant_id, row->tenant_id) == 0;
    return true;
}

/* The live pair whose answer it changes, if it changes one. */
static bool correction_find_pair(struct db *db, const struct decision *decision,
                                 const struct feedback_row *row, struct qa_pair_row *ret_pair,
                                 bool *ret_found, struct error *err)
{
    const struct correction_decision *asked = decision->asked;
    struct qa_pair same;
    *ret_found = false;
    if (asked->qa_pair_id != INT_NULL)
        return correction_read_live(db, row, asked->qa_pair_id, decision->arena, ret_pair, ret_found, err) &&
               (*ret_found || error_add_field(err, "qa_pair_id", "the tenant has no such pair (any more)",
                                              "该商家（已）没有这条问答"));
    bool is_known;
    if (!qa_pair_same_question(db, row->tenant_id, row->question, decision->arena, &same, &is_known, err))
        return false;
    if (is_known && asked->as_new)
        return error_set(err, ERROR_CONFLICT,
                         "The tenant has this question already: pair %" PRId64 "; change that.",
                         "该商家已有相同的问题：问答 %" PRId64 "，请改为修改它。", same.id);
    int64_t id = is_known ? same.id : row->held_pair_id;
    return asked->as_new || id == INT_NULL ||
           correction_read_live(db, row, id, decision->arena, ret_pair, ret_found, err);
}

static bool correction_apply(struct db *db, struct decision *decision, const struct feedback_row *row,
                             const char *answer, struct error *err)
{
    struct qa_pair_row old;
    bool found = false;
    int64_t id, revision;
    if (!correction_find_pair(db, decision, row, &old, &found, err))
        return false;
    const char *before = NULL, *question = found ? old.question : row->question;
    const char *after = correction_pair_json(decision->arena, question, answer, row->id);
    if (found) {
        struct qa_edits edits = {.db = db, .tenant_id = row->tenant_id};
        id = old.id;
        before = correction_pair_json(decision->arena, old.question, old.answer, 0);
        if (!qa_pair_set_text(&edits, &old, old.question, answer, old.category, err) ||
            !qa_edits_finish(&edits, err))
            return false;
    } else {
        struct qa_pair pair = {
            .tenant_id = row->tenant_id, .question = question, .answer = answer, .source = "learned"};
        if (!tenant_next_revision(db, row->tenant_id, &revision, err) ||
            !qa_pair_insert(db, revision, &pair, &id, err) ||
            !tenant_count_pairs(db, row->tenant_id, 1, 1, err))
            return false;
    }
    return feedback_decide(db, row, "approved", id, decision->actor->username, decision->note, err) &&
           correction_audit_approval(db, decision, row, id, before, after, err);
}

static bool correction_approve_work(struct db *db, void *context, struct error *err)
{
    struct decision *decision = context;
    struct feedback_row row;
    if (!feedback_read_pending(db, decision->asked->id, decision->asked->version, decision->arena, &row, err))
        return false;
    if (row.correction && !text_check_unmasked("answer", decision->asked->answer, row.correction, err))
        return false;
    const char *answer = decision->asked->answer ? decision->asked->answer : row.correction;
    struct text_span span = text_trim(answer);
    if (span.length == 0)
        return error_add_field(err, "answer", "the customer has given no correction: say what is right",
                               "顾客没有给出更正：请填写正确的回答");
    answer = arena_strndup(decision->arena, span.bytes, span.length);
    return qa_pair_validate(row.question, answer, "", err) &&
           correction_apply(db, decision, &row, answer, err) &&
           correction_read(db, decision->asked->id, decision->arena, &decision->correction, err);
}

static bool correction_reject_work(struct db *db, void *context, struct error *err)
{
    struct decision *decision = context;
    struct feedback_row row;
    if (!feedback_read_pending(db, decision->asked->id, decision->asked->version, decision->arena, &row, err))
        return false;
    struct audit_entry entry = {
        .action = "correction.reject",
        .target_type = "feedback",
        .target_id = arena_printf(decision->arena, "%" PRId64, row.id),
        .before = correction_pair_json(decision->arena, row.question, row.correction, 0),
        .reason = decision->note,
    };
    return feedback_decide(db, &row, "rejected", 0, decision->actor->username, decision->note, err) &&
           audit_append(db, decision->actor, &entry, err) &&
           correction_read(db, decision->asked->id, decision->arena, &decision->correction, err);
}

static bool correction_decide(struct platform *platform, store_work work, const struct actor *actor,
                              const struct correction_decision *asked, struct arena *arena,
                              struct correction *ret_correction, struct error *err)
{
    static const struct text_rule note_rule = {.field = "note", .characters_max = CORRECTION_NOTE_MAX};
    struct decision decision = {.actor = actor, .asked = asked, .arena = arena};
    if (!text_check(&note_rule, asked->note, err))
        return false;
    struct text_span note = text_trim(asked->note);
    decision.note = note.length ? arena_strndup(arena, note.bytes, note.length) : NULL;
    if (!store_write(platform->store, work, &decision, err))
        return false;
    *ret_correction = decision.correction;
    return true;
}

bool correction_approve(struct platform *platform, const struct actor *actor,
                        const struct correction_decision *decision, struct arena *arena,
                        struct correction *ret_correction, struct error *err)
{
    return correction_decide(platform, correction_approve_work, actor, decision, arena, ret_correction, err);
}

bool correction_reject(struct platform *platform, const struct actor *actor,
                       const struct correction_decision *decision, struct arena *arena,
                       struct correction *ret_correction, struct error *err)
{
    return correction_decide(platform, correction_reject_work, actor, decision, arena, ret_correction, err);
}
