#include "platform/knowledge/templates.h"

#include <inttypes.h>

#include "base/clock.h"
#include "base/memory.h"
#include "base/utf8.h"
#include "platform/knowledge/knowledge.h"
#include "platform/text_rules.h"

static struct db_value db_trimmed(const char *text)
{
    struct text_span span = text_trim(text);
    return db_text_n(span.bytes, span.length);
}

#define QUESTION_SHOWN 90 /* bytes of it in an error */

static bool template_question_taken(const char *question, struct error *err)
{
    struct text_span span = text_trim(question);
    return error_set_field(err, ERROR_CONFLICT, "question",
                           "There is a template with the question “%.*s” already; edit that one.",
                           "已有问题为“%.*s”的模板，请直接编辑它。",
                           (int)utf8_cut(span.bytes, span.length, QUESTION_SHOWN), span.bytes);
}

static const char SQL_INSERT_VERSION[] =
    "INSERT INTO template_versions(template_id, version, question, answer, category, text_hash, created_at,"
    " created_by) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";

static bool template_insert_version(struct db *db, int64_t id, int64_t version,
                                    const struct template_text *text, const char *username, int64_t now,
                                    struct error *err)
{
    return db_execute(db, SQL_INSERT_VERSION,
                      DB_ARGS(db_int(id), db_int(version), db_trimmed(text->question),
                              db_trimmed(text->answer), db_trimmed(text->category),
                              db_int(qa_text_hash(text->question, text->answer)), db_int(now),
                              db_text(username)),
                      NULL, err);
}

static const char SQL_SAME_QUESTION[] =
    "SELECT id FROM templates WHERE question_key = $1 AND deleted_at IS NULL AND id <> $2";

static bool template_check_question(struct db *db, const char *question, int64_t id, struct error *err)
{
    int64_t other;
    if (!db_find_int(db, SQL_SAME_QUESTION, DB_ARGS(db_int(qa_question_key(question)), db_int(id)), INT_NULL,
                     &other, err))
        return false;
    return other == INT_NULL || template_question_taken(question, err);
}

static const char SQL_INSERT[] =
    "INSERT INTO templates(question, answer, category, question_hash, text_hash, created_at, updated_at,"
    " updated_by, question_key) VALUES ($1, $2, $3, $4, $5, $6, $6, $7, $8) ON CONFLICT DO NOTHING RETURNING "
    "id";

bool template_insert(struct db *db, const struct template_text *text, const char *username, int64_t *ret_id,
                     struct error *err)
{
    int64_t id, now = clock_now_ms();
    if (!template_check_question(db, text->question, 0, err) ||
        !db_find_int(db, SQL_INSERT,
                     DB_ARGS(db_trimmed(text->question), db_trimmed(text->answer), db_trimmed(text->category),
                             db_int(qa_question_hash(text->question)),
                             db_int(qa_text_hash(text->question, text->answer)), db_int(now),
                             db_text(username), db_int(qa_question_key(text->question))),
                     INT_NULL, &id, err))
        return false;
    if (id == INT_NULL)
        return template_question_taken(text->question, err);
    *ret_id = id;
    return template_insert_version(db, id, 1, text, username, now, err);
}

static const char SQL_PUT_VERSION[] =
    "UPDATE templates SET question = $2, answer = $3, category = $4, question_hash = $5, text_hash = $6,"
    " version = version + 1, current_count = 0, updated_at = $8, updated_by = $9, question_key = $10"
    " WHERE id = $1 AND version + 1 = $7";

bool template_put_version(struct db *db, int64_t id, int64_t version, const struct template_text *text,
                          const char *username, struct error *err)
{
    int64_t changed, now = clock_now_ms();
    if (!template_check_question(db, text->question, id, err) ||
        !db_execute(db, SQL_PUT_VERSION,
                    DB_ARGS(db_int(id), db_trimmed(text->question), db_trimmed(text->answer),
                            db_trimmed(text->category), db_int(qa_question_hash(text->question)),
                            db_int(qa_text_hash(text->question, text->answer)), db_int(version), db_int(now),
                            db_text(username), db_int(qa_question_key(text->question))),
                    &changed, err))
        return false;
    if (changed != 1)
        return error_set(err, ERROR_CONFLICT,
                         "Template %" PRId64 " was edited by someone else meanwhile; load it again.",
                         "模板 %" PRId64 " 已被他人修改，请重新加载。", id);
    return template_insert_version(db, id, version, text, username, now, err);
}

static const char SQL_DELETE[] = "UPDATE templates SET deleted_at = $2 WHERE id = $1 AND deleted_at IS NULL";

bool template_mark_deleted(struct db *db, int64_t id, struct error *err)
{
    return db_execute(db, SQL_DELETE, DB_ARGS(db_int(id), db_int(clock_now_ms())), NULL, err);
}

static const char SQL_FOR_ALL[] = "UPDATE templates SET for_all = 1 WHERE id = $1 AND for_all = 0";

bool template_mark_for_all(struct db *db, int64_t id, struct error *err)
{
    return db_execute(db, SQL_FOR_ALL, DB_ARGS(db_int(id)), NULL, err);
}

/* ---- counts ---- */

static const char SQL_COUNT_COPIES[] = "UPDATE templates SET copy_count = copy_count + $2, current_count ="
                                       " current_count + $3 WHERE id = $1";

bool template_count_copies(struct db *db, int64_t id, int64_t copies, int64_t current, struct error *err)
{
    if (copies == 0 && current == 0)
        return true;
    return db_execute(db, SQL_COUNT_COPIES, DB_ARGS(db_int(id), db_int(copies), db_int(current)), NULL, err);
}

static const char SQL_COUNT_COPY[] =
    "UPDATE templates SET copy_count = copy_count + $3, current_count = current_count +"
    " CASE WHEN version = $2 THEN $3 ELSE 0 END WHERE id = $1";

bool template_count_copy(struct db *db, int64_t id, int64_t version, int64_t difference, struct error *err)
{
    return db_execute(db, SQL_COUNT_COPY, DB_ARGS(db_int(id), db_int(version), db_int(difference)), NULL,
                      err);
}

static const char SQL_REVISION[] = "SELECT CAST(value AS BIGINT) FROM meta WHERE name = 'templates_revision'";

bool templates_revision(struct db *db, int64_t *ret_revision, struct error *err)
{
    return db_find_int(db, SQL_REVISION, DB_NO_ARGS, 0, ret_revision, err);
}

static const char SQL_GROW[] = "UPDATE meta SET value = CAST(CAST(value AS BIGINT) + 1 AS TEXT)"
                               " WHERE name = 'templates_revision'";

bool templates_grow_revision(struct db *db, struct error *err)
{
    return db_execute(db, SQL_GROW, DB_NO_ARGS, NULL, err);
}

static const char SQL_RECOUNT[] =
    "SELECT t.id, t.copy_count, COALESCE(c.copies, 0), t.current_count, COALESCE(c.current, 0)"
    " FROM templates t LEFT JOIN"
    " (SELECT p.template_id AS id, COUNT(*) AS copies,"
    "  SUM(CASE WHEN p.template_version = s.version THEN 1 ELSE 0 END) AS current"
    "  FROM qa_pairs p JOIN templates s ON s.id = p.template_id"
    "  WHERE p.template_id IS NOT NULL AND p.deleted_at IS NULL GROUP BY p.template_id) c"
    " ON c.id = t.id WHERE t.deleted_at IS NULL"
    " AND (t.copy_count <> COALESCE(c.copies, 0) OR t.current_count <> COALESCE(c.current, 0)) ORDER BY t.id";

bool templates_check(struct db *db, struct strbuf *ret_findings, struct error *err)
{
    CLEANUP(db_rows_release) struct db_rows rows = {0};
    if (!db_query(db, SQL_RECOUNT, DB_NO_ARGS, &rows, err))
        return false;
    while (db_next(&rows))
        strbuf_printf(ret_findings,
                      "copies of template %" PRId64 " are %" PRId64 ", counted %" PRId64
                      "; of its present version %" PRId64 ", counted %" PRId64 "\n",
                      db_column_int(&rows, 0), db_column_int(&rows, 1), db_column_int(&rows, 2),
                      db_column_int(&rows, 3), db_column_int(&rows, 4));
    return db_done(&rows, err);
}
