/* Rows of an import in the store: each is created, updated, skipped, or fails. */
#include <stdio.h>
#include <string.h>

#include "ops/transfer/import_run.h"
#include "platform/knowledge/changes.h"
#include "platform/tenants/tenants.h"
#include "platform/text_rules.h"

static void import_row_fail(struct import *import, struct item *item)
{
    struct import_result *next = import->next;
    item->verdict = FAILED;
    next->failed++;
    for (size_t i = 0; i < item->row.error_count && next->error_count < IMPORT_ERRORS_MAX; i++)
        next->errors[next->error_count++] = item->row.errors[i];
}

static void import_row_fail_repeated(struct import *import, struct item *item, bool in_file)
{
    struct import_error *error = arena_alloc(&import->arena, sizeof(*error));
    error->row = item->row.number;
    snprintf(error->column, sizeof(error->column), "%s", import_column_names[IMPORT_QUESTION]);
    snprintf(error->message[LANGUAGE_EN], sizeof(error->message[LANGUAGE_EN]), "%s",
             in_file ? "stands in an earlier row of the file, too" : "is there already");
    snprintf(error->message[LANGUAGE_ZH], sizeof(error->message[LANGUAGE_ZH]), "%s",
             in_file ? "与文件中前面的行重复" : "已存在");
    item->row.errors = error;
    item->row.error_count = 1;
    import_row_fail(import, item);
}

static void import_row_skip(struct import *import, struct item *item)
{
    item->verdict = SKIPPED;
    import->next->skipped++;
}

static bool import_text_is_same(const char *stored, const char *text)
{
    struct text_span trimmed = text_trim(text);
    return strlen(stored) == trimmed.length && memcmp(stored, trimmed.bytes, trimmed.length) == 0;
}

/* The revision for this transaction's rows, taken when the first one needs it. */
static bool import_need_revision(struct db *db, struct import *import, struct error *err)
{
    return import->revision != 0 ||
           tenant_next_revision(db, import->request->tenant_id, &import->revision, err);
}

static bool import_insert_fresh(struct db *db, struct import *import, struct error *err)
{
    size_t count = import->fresh_count;
    int64_t *ids = import->created_ids + import->created_count;
    import->fresh_count = 0;
    import->created_count += count;
    return count == 0 || (import_need_revision(db, import, err) &&
                          qa_pairs_insert(db, import->revision, import->fresh, count, ids, err));
}

/* No other row of the file is about this question, so the pair can wait for the others. */
static bool import_create_pair(struct db *db, struct import *import, struct item *item, struct error *err)
{
    const char *const *texts = item->row.texts;
    item->verdict = CREATED;
    import->next->created++;
    if (import->request->dry_run)
        return true;
    import->unsynced++;
    import->fresh[import->fresh_count++] = (struct qa_pair){
        .tenant_id = import->request->tenant_id,
        .question = texts[IMPORT_QUESTION],
        .answer = texts[IMPORT_ANSWER],
        .category = texts[IMPORT_CATEGORY] ? texts[IMPORT_CATEGORY] : "",
        .source = "import",
    };
    return import->fresh_count < FRESH_MAX || import_insert_fresh(db, import, err);
}

static bool import_update_pair(struct db *db, struct import *import, struct item *item,
                               const struct qa_pair *before, struct error *err)
{
    const char *const *texts = item->row.texts;
    struct qa_pair pair = *before;
    bool was_synced = false;
    pair.answer = texts[IMPORT_ANSWER];
    if (texts[IMPORT_CATEGORY])
        pair.category = texts[IMPORT_CATEGORY];
    item->verdict = UPDATED;
    import->next->updated++;
    if (import->request->dry_run)
        return true;
    if (!import_need_revision(db, import, err) ||
        !qa_pair_update_text(db, import->revision, &pair, &was_synced, err) ||
        !knowledge_change_updated(db, import->job_id, before, before->version + 1, err))
        return false;
    import->unsynced += was_synced;
    return true;
}

static const char SQL_HAS_TEXT[] =
    "SELECT 1 FROM qa_pairs WHERE tenant_id = $1 AND question = $2 AND answer = $3 AND deleted_at IS NULL"
    " AND (CAST($4 AS TEXT) IS NULL OR category = $4) LIMIT 1";

/* Whether the pair says what the row says, or one of several that the tenant has with this question: all of
 * them stand in an export, and importing that must change nothing. */
static bool import_pair_has_text(struct db *db, const struct import *import, const struct item *item,
                                 const struct qa_pair *pair, bool *ret_same, struct error *err)
{
    const char *category = item->row.texts[IMPORT_CATEGORY];
    struct text_span answer = text_trim(item->row.texts[IMPORT_ANSWER]), kind = text_trim(category);
    int64_t found = import_text_is_same(pair->answer, item->row.texts[IMPORT_ANSWER]) &&
                    (!category || import_text_is_same(pair->category, category));
    if (!found && !db_find_int(db, SQL_HAS_TEXT,
                               DB_ARGS(db_text(import->request->tenant_id), db_text(pair->question),
                                       db_text_n(answer.bytes, answer.length),
                                       category ? db_text_n(kind.bytes, kind.length) : db_null()),
                               0, &found, err))
        return false;
    *ret_same = found;
    return true;
}

static bool import_row_onto_pair(struct db *db, struct import *import, struct item *item,
                                 const struct qa_pair *pair, struct error *err)
{
    bool same = true;
    if (import->request->mode == IMPORT_UPSERT && !import_pair_has_text(db, import, item, pair, &same, err))
        return false;
    if (!same)
        return import_update_pair(db, import, item, pair, err);
    if (import->request->mode == IMPORT_CREATE)
        import_row_fail_repeated(import, item, false);
    else
        import_row_skip(import, item);
    return true;
}

static bool import_row(struct db *db, struct import *import, struct item *item, struct arena *arena,
                       struct error *err)
{
    struct qa_pair pair;
    bool found = false;
    if (item->repeated && import->request->mode == IMPORT_CREATE)
        import_row_fail_repeated(import, item, true);
    else if (item->repeated)
        import_row_skip(import, item);
    else if (item->row.error_count > 0)
        import_row_fail(import, item);
    if (item->verdict != UNDECIDED)
        return true;
    const char *question = item->row.texts[IMPORT_QUESTION];
    if (known_questions_may_have(import->known, qa_question_key(question)) &&
        !qa_pair_same_question(db, import->request->tenant_id, question, arena, &pair, &found, err))
        return false;
    return found ? import_row_onto_pair(db, import, item, &pair, err)
                 : import_create_pair(db, import, item, err);
}

bool import_write_batch(struct db *db, struct import *import, struct error *err)
{
    CLEANUP(arena_release) struct arena arena = {0};
    *import->next = *import->result;
    import->revision = import->unsynced = 0;
    import->fresh_count = import->created_count = 0;
    if (!known_questions_begin(import->known, db, err))
        return false;
    for (size_t i = 0; i < import->item_count; i++) {
        arena_reset(&arena);
        import->items[i].verdict = UNDECIDED;
        if (!import_row(db, import, &import->items[i], &arena, err))
            return false;
    }
    return import_insert_fresh(db, import, err);
}

bool import_count_batch(struct db *db, const struct import *import, struct error *err)
{
    const char *tenant_id = import->request->tenant_id;
    int64_t created = import->next->created - import->result->created;
    if (import->revision == 0)
        return true;
    return tenant_count_pairs(db, tenant_id, created, import->unsynced, err) &&
           knowledge_change_created(db, import->job_id, tenant_id, import->created_ids, import->created_count,
                                    err);
}
