#include "ops/import_export_service.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "base/json_writer.h"
#include "base/memory.h"
#include "formats/csv.h"
#include "ops/import_repeats.h"
#include "platform/knowledge.h"
#include "platform/tenants.h"
#include "platform/text_rules.h"

#define READ_LIMIT 60000 /* ms, for the lookups of a dry run's batch */

static const char *const mode_names[] = {
    [IMPORT_UPSERT] = "upsert", [IMPORT_CREATE] = "create", [IMPORT_SKIP] = "skip"};

bool import_mode_parse(const char *name, enum import_mode *ret_mode)
{
    for (size_t i = 0; i < ARRAY_SIZE(mode_names); i++)
        if (strcmp(name, mode_names[i]) == 0) {
            *ret_mode = (enum import_mode)i;
            return true;
        }
    return false;
}

const char *import_mode_name(enum import_mode mode)
{
    return mode_names[mode];
}

/* ---- the heading ---- */

enum column { QUESTION, ANSWER, CATEGORY, COLUMNS };
#define ABSENT SIZE_MAX

static const char *const column_names[COLUMNS] = {"question", "answer", "category"};

static const struct {
    const char *heading;
    enum column column;
} headings[] = {{"question", QUESTION}, {"问题", QUESTION}, {"問題", QUESTION},    {"質問", QUESTION},
                {"answer", ANSWER},     {"答案", ANSWER},   {"回答", ANSWER},      {"category", CATEGORY},
                {"分类", CATEGORY},     {"分類", CATEGORY}, {"カテゴリ", CATEGORY}};

struct columns {
    size_t places[COLUMNS]; /* ABSENT: the file has no such column */
    size_t count;           /* of the file's columns */
};

static bool find_column(const char *heading, enum column *ret_column)
{
    struct text_span trimmed = text_trim(heading);
    for (size_t i = 0; i < ARRAY_SIZE(headings); i++)
        if (strlen(headings[i].heading) == trimmed.length &&
            strncasecmp(headings[i].heading, trimmed.bytes, trimmed.length) == 0) {
            *ret_column = headings[i].column;
            return true;
        }
    return false;
}

static bool heading_missing(const struct csv_row *row, enum column column, struct error *err)
{
    CLEANUP(strbuf_release) struct strbuf found = {.ceiling = 160};
    for (size_t i = 0; i < row->count && !found.overflowed; i++)
        strbuf_printf(&found, "%s%.40s", i ? " | " : "", row->fields[i]);
    return error_set(
        err, ERROR_INVALID,
        "the heading has no column '%s'; it has: %s. Name the columns question, answer, category "
        "(问题, 答案, 分类).",
        "标题行中没有“%s”列，现有：%s。请将列命名为 问题、答案、分类（或 question、answer、category）。",
        column_names[column], strbuf_text(&found));
}

static bool read_heading(const struct csv_row *row, struct columns *ret_columns, struct error *err)
{
    struct columns columns = {.places = {ABSENT, ABSENT, ABSENT}, .count = row->count};
    for (size_t i = 0; i < row->count; i++) {
        enum column column;
        if (!find_column(row->fields[i], &column))
            continue;
        if (columns.places[column] != ABSENT)
            return error_set(err, ERROR_INVALID,
                             "the heading names the column '%s' twice (columns %zu and %zu)",
                             "标题行中“%s”列重复（第 %zu 列和第 %zu 列）", column_names[column],
                             columns.places[column] + 1, i + 1);
        columns.places[column] = i;
    }
    for (enum column column = QUESTION; column <= ANSWER; column++)
        if (columns.places[column] == ABSENT)
            return heading_missing(row, column, err);
    *ret_columns = columns;
    return true;
}

/* ---- one row ---- */

struct row {
    int64_t number;
    const char *texts[COLUMNS]; /* category NULL: the file has no such column */
};

/* A row longer than the heading has most likely lost its quotes, one that ends before the answer a line
 * break: taking what is there would import half an answer. */
static bool check_shape(const struct columns *columns, const struct csv_row *row, struct error *err)
{
    size_t count = row->count;
    while (count > columns->count && row->fields[count - 1][0] == '\0')
        count--;
    if (count > columns->count)
        return error_add_field(err, "", "has %zu columns, the heading has %zu; is a text not quoted?",
                               "有 %zu 列，而标题行有 %zu 列；是否有文本未加引号？", count, columns->count);
    for (enum column column = QUESTION; column <= ANSWER; column++)
        if (columns->places[column] >= count)
            return error_add_field(err, column_names[column], "is missing: the row has only %zu columns",
                                   "缺失：该行只有 %zu 列", count);
    return true;
}

/* The texts are the csv_row's. */
static bool read_row(const struct columns *columns, const struct csv_row *row, struct row *ret_row,
                     struct error *err)
{
    error_clear(err);
    if (!check_shape(columns, row, err))
        return false;
    *ret_row = (struct row){.number = row->number};
    for (enum column column = 0; column < COLUMNS; column++) {
        size_t place = columns->places[column];
        ret_row->texts[column] = place == ABSENT ? NULL : place < row->count ? row->fields[place] : "";
    }
    const char *category = ret_row->texts[CATEGORY] ? ret_row->texts[CATEGORY] : "";
    return qa_pair_validate(ret_row->texts[QUESTION], ret_row->texts[ANSWER], category, err);
}

static uint64_t hash_question(const struct row *row)
{
    struct text_span question = text_trim(row->texts[QUESTION]);
    return XXH3_64bits(question.bytes, question.length);
}

/* ---- the first reading: is the file whole, and which questions stand in it several times ---- */

struct survey {
    struct columns columns;
    struct repeats *repeats;
    int64_t rows;
    bool has_heading;
};

static bool survey_row(void *context, const struct csv_row *csv_row, struct error *err)
{
    struct survey *survey = context;
    if (!survey->has_heading) {
        survey->has_heading = true;
        return read_heading(csv_row, &survey->columns, err);
    }
    struct error wrong;
    struct row row;
    survey->rows++;
    if (read_row(&survey->columns, csv_row, &row, &wrong))
        repeats_note(survey->repeats, hash_question(&row), row.number);
    return true;
}

static bool survey_file(const char *path, struct survey *survey, struct error *err)
{
    if (!csv_read_file(path, survey_row, survey, err))
        return false;
    if (!survey->has_heading)
        return error_set(err, ERROR_INVALID, "%s: the file is empty", "%s：文件为空", path);
    return true;
}

/* ---- batches ---- */

struct import {
    struct store *store;
    const struct import_request *request;
    struct survey survey;
    struct import_result *result;
    bool heading_passed;
    int64_t committed; /* rows in transactions that are done */

    struct arena arena; /* the batch's texts */
    struct row rows[IMPORT_BATCH];
    size_t row_count;
    bool is_last; /* its transaction holds the audit row */
};

/* What a transaction did. Set by the work, which may run twice; added to the result when it is done. */
struct outcome {
    int64_t created, updated, skipped, unsynced, revision;
    size_t refused_count;
    int64_t refused[IMPORT_BATCH]; /* rows whose question is there already (IMPORT_CREATE) */
};

struct batch {
    struct import *import;
    struct outcome outcome;
};

static void keep_error(struct import_result *result, int64_t row, const struct error_field *field)
{
    if (result->error_count == IMPORT_ERRORS_MAX)
        return;
    struct import_error *slot = &result->errors[result->error_count++];
    slot->row = row;
    snprintf(slot->column, sizeof(slot->column), "%.31s", field->field);
    memcpy(slot->message, field->message, sizeof(slot->message));
}

static void fail_row(struct import_result *result, int64_t row, const struct error *wrong)
{
    result->failed++;
    for (size_t i = 0; i < wrong->field_count; i++)
        keep_error(result, row, &wrong->fields[i]);
}

static void fail_repeated(struct import_result *result, int64_t row, bool in_file)
{
    struct error wrong;
    error_clear(&wrong);
    if (in_file)
        error_add_field(&wrong, "question", "stands in an earlier row of the file, too",
                        "与文件中前面的行重复");
    else
        error_add_field(&wrong, "question", "is there already", "已存在");
    fail_row(result, row, &wrong);
}

static bool same_text(const char *stored, const char *text)
{
    struct text_span trimmed = text_trim(text);
    return strlen(stored) == trimmed.length && memcmp(stored, trimmed.bytes, trimmed.length) == 0;
}

/* The revision for this transaction's rows, taken when the first one needs it. */
static bool need_revision(struct db *db, const struct batch *batch, struct outcome *outcome,
                          struct error *err)
{
    return outcome->revision != 0 ||
           tenant_next_revision(db, batch->import->request->tenant_id, &outcome->revision, err);
}

static bool create_pair(struct db *db, const struct batch *batch, const struct row *row,
                        struct outcome *outcome, struct error *err)
{
    struct qa_pair pair = {
        .tenant_id = batch->import->request->tenant_id,
        .question = row->texts[QUESTION],
        .answer = row->texts[ANSWER],
        .category = row->texts[CATEGORY] ? row->texts[CATEGORY] : "",
        .source = "import",
    };
    outcome->created++;
    outcome->unsynced++;
    int64_t id;
    return batch->import->request->dry_run ||
           (need_revision(db, batch, outcome, err) && qa_pair_insert(db, outcome->revision, &pair, &id, err));
}

static bool update_pair(struct db *db, const struct batch *batch, const struct row *row, struct qa_pair *pair,
                        struct outcome *outcome, struct error *err)
{
    bool was_synced = false;
    pair->answer = row->texts[ANSWER];
    if (row->texts[CATEGORY])
        pair->category = row->texts[CATEGORY];
    outcome->updated++;
    if (batch->import->request->dry_run)
        return true;
    if (!need_revision(db, batch, outcome, err) ||
        !qa_pair_update_text(db, outcome->revision, pair, &was_synced, err))
        return false;
    outcome->unsynced += was_synced;
    return true;
}

static bool import_row(struct db *db, const struct batch *batch, const struct row *row, struct arena *arena,
                       struct outcome *outcome, struct error *err)
{
    const struct import_request *request = batch->import->request;
    struct qa_pair pair;
    bool found;
    if (!qa_pair_same_question(db, request->tenant_id, row->texts[QUESTION], arena, &pair, &found, err))
        return false;
    if (!found)
        return create_pair(db, batch, row, outcome, err);
    bool same = same_text(pair.answer, row->texts[ANSWER]) &&
                (!row->texts[CATEGORY] || same_text(pair.category, row->texts[CATEGORY]));
    if (request->mode == IMPORT_UPSERT && !same)
        return update_pair(db, batch, row, &pair, outcome, err);
    if (request->mode == IMPORT_CREATE)
        outcome->refused[outcome->refused_count++] = row->number;
    else
        outcome->skipped++;
    return true;
}

static const char *file_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

static void write_figures(struct strbuf *out, const struct import_request *request,
                          const struct import_result *result)
{
    struct json_writer w = {.out = out};
    json_object_begin(&w);
    json_key_text(&w, "file", file_name(request->path));
    json_key_text(&w, "mode", import_mode_name(request->mode));
    json_key_int(&w, "total", result->total);
    json_key_int(&w, "created", result->created);
    json_key_int(&w, "updated", result->updated);
    json_key_int(&w, "skipped", result->skipped);
    json_key_int(&w, "failed", result->failed);
    json_object_end(&w);
}

static struct audit_entry audit_entry(const struct import_request *request, const struct strbuf *figures)
{
    return (struct audit_entry){
        .action = "knowledge.import",
        .target_type = "tenant",
        .target_id = request->tenant_id,
        .after = strbuf_text(figures),
    };
}

/* The figures of all batches so far and of this one. */
static bool audit_batch(struct db *db, const struct import *import, const struct outcome *outcome,
                        struct error *err)
{
    struct import_result figures = {
        .total = import->result->total,
        .created = import->result->created + outcome->created,
        .updated = import->result->updated + outcome->updated,
        .skipped = import->result->skipped + outcome->skipped,
        .failed = import->result->failed + (int64_t)outcome->refused_count,
    };
    CLEANUP(strbuf_release) struct strbuf text = {0};
    write_figures(&text, import->request, &figures);
    struct audit_entry entry = audit_entry(import->request, &text);
    return audit_append(db, import->request->actor, &entry, err);
}

static bool import_batch(struct db *db, void *context, struct error *err)
{
    struct batch *batch = context;
    const struct import *import = batch->import;
    struct outcome *outcome = &batch->outcome;
    CLEANUP(arena_release) struct arena arena = {0};
    *outcome = (struct outcome){0};
    for (size_t i = 0; i < import->row_count; i++) {
        arena_reset(&arena);
        if (!import_row(db, batch, &import->rows[i], &arena, outcome, err))
            return false;
    }
    if (import->request->dry_run)
        return true;
    if (outcome->revision != 0 &&
        !tenant_count_pairs(db, import->request->tenant_id, outcome->created, outcome->unsynced, err))
        return false;
    return !import->is_last || audit_batch(db, import, outcome, err);
}

static bool run_batch(struct batch *batch, struct error *err)
{
    struct import *import = batch->import;
    if (!import->request->dry_run)
        return store_write(import->store, import_batch, batch, err);
    CLEANUP(store_reader_release) struct db *db = NULL;
    return store_reader(import->store, READ_LIMIT, &db, err) && import_batch(db, batch, err);
}

/* Writes the rows that wait. `last`: the transaction holds the audit row, too. */
static bool flush(struct import *import, bool last, struct error *err)
{
    struct batch batch = {.import = import};
    struct import_result *result = import->result;
    import->is_last = last;
    if ((import->row_count > 0 || last) && !run_batch(&batch, err))
        return false;
    result->created += batch.outcome.created;
    result->updated += batch.outcome.updated;
    result->skipped += batch.outcome.skipped;
    for (size_t i = 0; i < batch.outcome.refused_count; i++)
        fail_repeated(result, batch.outcome.refused[i], false);
    import->committed = result->created + result->updated;
    import->row_count = 0;
    arena_reset(&import->arena);
    const struct import_request *request = import->request;
    if (!last && request->progress &&
        !request->progress(request->context, result->total, import->survey.rows))
        return error_set(err, ERROR_CONFLICT, "the import was stopped", "导入已被中止");
    return true;
}

/* ---- the second reading ---- */

/* True if another row of the file stands for this question. */
static bool is_repeated(struct import *import, const struct row *row)
{
    bool earlier, later;
    repeats_look(import->survey.repeats, hash_question(row), row->number, &earlier, &later);
    enum import_mode mode = import->request->mode;
    if (mode == IMPORT_UPSERT ? !later : !earlier)
        return false;
    if (mode == IMPORT_CREATE)
        fail_repeated(import->result, row->number, true);
    else
        import->result->skipped++;
    return true;
}

static void keep_row(struct import *import, const struct row *row)
{
    struct row *slot = &import->rows[import->row_count++];
    slot->number = row->number;
    for (enum column column = 0; column < COLUMNS; column++)
        slot->texts[column] = arena_strdup(&import->arena, row->texts[column]);
}

static bool take_row(void *context, const struct csv_row *csv_row, struct error *err)
{
    struct import *import = context;
    if (!import->heading_passed) {
        import->heading_passed = true;
        return true;
    }
    struct error wrong;
    struct row row;
    import->result->total++;
    if (!read_row(&import->survey.columns, csv_row, &row, &wrong)) {
        fail_row(import->result, csv_row->number, &wrong);
        return true;
    }
    if (is_repeated(import, &row))
        return true;
    keep_row(import, &row);
    return import->row_count < IMPORT_BATCH || flush(import, false, err);
}

/* What was written before the failure stays: say so, to the person and in the audit log. */
static bool tell_failure(struct import *import, struct error *err)
{
    if (import->committed == 0 || import->request->dry_run)
        return false;
    CLEANUP(strbuf_release) struct strbuf text = {0};
    write_figures(&text, import->request, import->result);
    struct audit_entry entry = audit_entry(import->request, &text);
    entry.result = "failed";
    entry.reason = err->detail[LANGUAGE_EN];
    audit_note(import->store, import->request->actor, &entry, NULL);
    return error_prefix(err, "stopped after %lld pairs were written (import the file again to complete it)",
                        "已写入 %lld 条后中止（重新导入该文件即可补全）", (long long)import->committed);
}

static bool check_tenant(struct store *store, const char *tenant_id, struct error *err)
{
    CLEANUP(arena_release) struct arena arena = {0};
    CLEANUP(store_reader_release) struct db *db = NULL;
    struct tenant tenant;
    return store_reader(store, READ_LIMIT_MS, &db, err) && tenant_get(db, tenant_id, &arena, &tenant, err);
}

static bool is_folder(const char *path)
{
    struct stat status;
    return stat(path, &status) == 0 && S_ISDIR(status.st_mode);
}

/* Told from the name, before anything is opened; a folder is told by who opens it. */
static bool check_ending(const char *path, struct error *err)
{
    static const char *const endings[] = {".csv", ".tsv"}, *const workbooks[] = {".xlsx", ".xlsm", ".xls"};
    const char *ending = strrchr(file_name(path), '.');
    if (is_folder(path))
        return true;
    for (size_t i = 0; ending && i < ARRAY_SIZE(endings); i++)
        if (strcasecmp(ending, endings[i]) == 0)
            return true;
    for (size_t i = 0; ending && i < ARRAY_SIZE(workbooks); i++)
        if (strcasecmp(ending, workbooks[i]) == 0)
            return error_set(err, ERROR_INVALID,
                             "%s: workbooks come in a later version; save it as “CSV UTF-8” and import that",
                             "%s：暂不支持工作簿，请另存为“CSV UTF-8”后导入", path);
    return error_set(err, ERROR_INVALID, "%s: only .csv and .tsv can be imported",
                     "%s：只能导入 .csv 和 .tsv 文件", path);
}

static void import_free(struct import **import)
{
    arena_release(&(*import)->arena);
    repeats_free((*import)->survey.repeats);
    free(*import);
}

bool import_file(struct store *store, const struct import_request *request, struct import_result *ret_result,
                 struct error *err)
{
    CLEANUP(free_pointer) struct import_result *result = xcalloc(1, sizeof(*result));
    CLEANUP(import_free) struct import *import = xcalloc(1, sizeof(*import));
    *import = (struct import){.store = store, .request = request, .result = result};
    import->survey.repeats = repeats_new();
    if (!check_ending(request->path, err) || !check_tenant(store, request->tenant_id, err) ||
        !survey_file(request->path, &import->survey, err))
        return false;
    if (!csv_read_file(request->path, take_row, import, err) || !flush(import, true, err))
        return tell_failure(import, err);
    *ret_result = *result;
    return true;
}
