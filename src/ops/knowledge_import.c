#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "base/json_reader.h"
#include "base/json_writer.h"
#include "base/memory.h"
#include "base/utf8.h"
#include "ops/import_internal.h"
#include "ops/import_known.h"
#include "ops/import_repeats.h"
#include "platform/knowledge.h"
#include "platform/knowledge_changes.h"
#include "platform/tenants.h"
#include "platform/text_rules.h"

#define READ_LIMIT 60000              /* ms, for the lookups of a dry run's batch */
#define BATCH_BYTES ((size_t)4 << 20) /* of a batch's texts, more or less */
#define HEADINGS_MAX 254              /* that are kept for a file of rows that failed, which has two more */
#define HEADING_BYTES 200
#define STOPPING_LOOKED_AT INT64_C(256) /* rows that are read between two looks */

const char *const import_modes[] = {
    [IMPORT_UPSERT] = "upsert", [IMPORT_CREATE] = "create", [IMPORT_SKIP] = "skip", NULL};

bool import_mode_parse(const char *name, enum import_mode *ret_mode)
{
    for (size_t i = 0; import_modes[i]; i++)
        if (strcmp(name, import_modes[i]) == 0) {
            *ret_mode = (enum import_mode)i;
            return true;
        }
    return false;
}

const char *import_mode_name(enum import_mode mode)
{
    return import_modes[mode];
}

const char *import_file_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

/* A row of the batch, and what it comes to. */
enum verdict { UNDECIDED, CREATED, UPDATED, SKIPPED, FAILED };
struct item {
    struct import_row row;
    bool repeated; /* another row of the file stands for its question */
    enum verdict verdict;
};

#define FRESH_MAX 100 /* new pairs that are inserted at once */

struct import {
    struct store *store;
    const struct import_request *request;
    struct job_run *run; /* NULL: no job */
    enum language language;
    const char *file;
    const char *job_id; /* whose changes can be undone; NULL: no job */

    /* The reading. */
    struct import_layout layout;
    struct import_spool *spool;
    struct repeats *repeats;
    int64_t rows; /* without the heading */
    bool stopped; /* the process ends: there is work left */
    struct arena texts;
    const char **headings; /* in the texts */
    size_t heading_count;

    /* The writing. */
    struct import_result *result; /* of all transactions that are done */
    struct import_result *next;   /* and of this one: set by the work, which may run twice */
    int64_t done;                 /* rows in transactions that are done */
    struct known_questions *known;
    struct arena arena; /* the batch's */
    struct item items[IMPORT_BATCH];
    size_t item_count;

    /* Of this transaction; set by the work. */
    int64_t revision, unsynced, first_id, last_id;
    struct qa_pair fresh[FRESH_MAX]; /* to be inserted; their texts are the batch's */
    size_t fresh_count;
};

/* ---- the reading: is the file whole, and which questions stand in it several times ---- */

static uint64_t hash_question(const struct import_row *row)
{
    struct text_span question = text_trim(row->texts[IMPORT_QUESTION]);
    return XXH3_64bits(question.bytes, question.length);
}

/* What the column is to be called in a file of rows that failed, which is imported without being told its
 * columns: as it is called here, unless that would be another column's name then. */
static const char *heading_of(const struct import *import, const struct table_row *first, size_t place)
{
    static const char *const names[LANGUAGE_COUNT][IMPORT_COLUMNS] = {
        [LANGUAGE_EN] = {"question", "answer", "category"}, [LANGUAGE_ZH] = {"问题", "答案", "分类"}};
    bool is_there = import->layout.has_heading && place < first->count;
    const char *heading = is_there ? first->fields[place] : "";
    enum import_column column;
    bool known = import_heading_find(heading, &column);
    for (size_t i = 0; i < IMPORT_COLUMNS; i++)
        if (import->layout.places[i] == place)
            return known && column == (enum import_column)i ? heading : names[import->language][i];
    return known ? "" : heading;
}

static void keep_headings(struct import *import, const struct table_row *first)
{
    size_t count = first->count < HEADINGS_MAX ? first->count : HEADINGS_MAX;
    for (size_t i = 0; i < IMPORT_COLUMNS; i++)
        if (import->layout.places[i] != IMPORT_ABSENT && import->layout.places[i] >= count)
            count = import->layout.places[i] + 1;
    import->headings = arena_alloc(&import->texts, count * sizeof(*import->headings));
    import->heading_count = count;
    for (size_t i = 0; i < count; i++) {
        const char *text = heading_of(import, first, i);
        import->headings[i] =
            arena_strndup(&import->texts, text, utf8_cut(text, strlen(text), HEADING_BYTES));
    }
}

static bool read_first(struct import *import, const struct table_row *row, struct error *err)
{
    if (!import_layout_guess(&import->request->columns, row, import->layout.is_workbook, &import->layout,
                             err) ||
        !import_layout_check(&import->layout, row, err))
        return false;
    keep_headings(import, row);
    return true;
}

/* A workbook's row can have thousands of cells to the right with nothing in them; and the file of rows that
 * failed must be one that can be imported. */
static struct table_row cells_to_keep(const struct import *import, const struct table_row *cells)
{
    struct table_row kept = *cells;
    size_t most = import->heading_count > HEADINGS_MAX ? import->heading_count : HEADINGS_MAX;
    if (kept.count > most)
        kept.count = most;
    return kept;
}

static bool read_row(struct import *import, const struct table_row *cells, struct error *err)
{
    struct error wrong;
    struct table_row kept = cells_to_keep(import, cells);
    struct import_row row = {.number = cells->number};
    bool fine = import_row_read(&import->layout, cells, &row, &wrong);
    bool may_fail = !fine || import->request->mode == IMPORT_CREATE;
    import->rows++;
    if (fine)
        repeats_note(import->repeats, hash_question(&row), row.number);
    return import_spool_put(import->spool, &row, fine ? NULL : &wrong, may_fail ? &kept : NULL, err);
}

static bool take_row(void *context, const struct table_row *cells, struct error *err)
{
    struct import *import = context;
    if (import->run && cells->number % STOPPING_LOOKED_AT == 0 && job_stopping(import->run)) {
        import->stopped = true;
        return error_set(err, ERROR_CANCELLED, "the process is ending", "进程正在退出");
    }
    if (import_row_is_empty(cells))
        return true;
    bool is_first = import->heading_count == 0;
    if (is_first && !read_first(import, cells, err))
        return false;
    return (is_first && import->layout.has_heading) ||
           (import_heading_is_first(&import->layout, cells, err) && read_row(import, cells, err));
}

static bool ends_in_tsv(const char *file)
{
    const char *ending = strrchr(file, '.');
    return ending && strcasecmp(ending, ".tsv") == 0;
}

static bool read_table(struct import *import, struct table *table, struct error *err)
{
    import->layout.is_workbook = table_kind(table) == FILE_KIND_WORKBOOK;
    if (!table_read(table, take_row, import, err))
        return false;
    if (import->heading_count == 0)
        return error_set(err, ERROR_INVALID, "the file is empty", "文件为空");
    if (import->rows == 0)
        return error_set(err, ERROR_INVALID, "there is no row below the heading", "标题行下没有任何数据行");
    return import_spool_rewind(import->spool, err);
}

static bool read_file(struct import *import, const char *temporary_folder, struct error *err)
{
    CLEANUP(table_close) struct table *table = NULL;
    struct table_options options = {
        .sheet = import->request->sheet,
        .delimiter = ends_in_tsv(import->file) ? '\t' : '\0',
        .temporary_folder = temporary_folder,
    };
    if (!import_spool_open(temporary_folder, &import->spool, err))
        return false;
    return (table_open(import->request->path, &options, &table, err) && read_table(import, table, err)) ||
           import->stopped || error_prefix(err, "%.200s", "%.200s", import->file);
}

/* ---- one row ---- */

static void fail_with(struct import *import, struct item *item)
{
    struct import_result *next = import->next;
    item->verdict = FAILED;
    next->failed++;
    for (size_t i = 0; i < item->row.error_count && next->error_count < IMPORT_ERRORS_MAX; i++)
        next->errors[next->error_count++] = item->row.errors[i];
}

static void fail_repeated(struct import *import, struct item *item, bool in_file)
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
    fail_with(import, item);
}

static void skip(struct import *import, struct item *item)
{
    item->verdict = SKIPPED;
    import->next->skipped++;
}

static bool same_text(const char *stored, const char *text)
{
    struct text_span trimmed = text_trim(text);
    return strlen(stored) == trimmed.length && memcmp(stored, trimmed.bytes, trimmed.length) == 0;
}

/* The revision for this transaction's rows, taken when the first one needs it. */
static bool need_revision(struct db *db, struct import *import, struct error *err)
{
    return import->revision != 0 ||
           tenant_next_revision(db, import->request->tenant_id, &import->revision, err);
}

static bool insert_fresh(struct db *db, struct import *import, struct error *err)
{
    int64_t count = (int64_t)import->fresh_count;
    import->fresh_count = 0;
    if (count == 0)
        return true;
    if (!need_revision(db, import, err) ||
        !qa_pairs_insert(db, import->revision, import->fresh, (size_t)count, &import->last_id, err))
        return false;
    if (import->first_id == 0)
        import->first_id = import->last_id - count + 1;
    return true;
}

/* No other row of the file is about this question, so the pair can wait for the others. */
static bool create_pair(struct db *db, struct import *import, struct item *item, struct error *err)
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
    return import->fresh_count < FRESH_MAX || insert_fresh(db, import, err);
}

static bool update_pair(struct db *db, struct import *import, struct item *item, const struct qa_pair *before,
                        struct error *err)
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
    if (!need_revision(db, import, err) ||
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
static bool has_text(struct db *db, const struct import *import, const struct item *item,
                     const struct qa_pair *pair, bool *ret_same, struct error *err)
{
    const char *category = item->row.texts[IMPORT_CATEGORY];
    struct text_span answer = text_trim(item->row.texts[IMPORT_ANSWER]), kind = text_trim(category);
    int64_t found = same_text(pair->answer, item->row.texts[IMPORT_ANSWER]) &&
                    (!category || same_text(pair->category, category));
    if (!found && !db_find_int(db, SQL_HAS_TEXT,
                               DB_ARGS(db_text(import->request->tenant_id), db_text(pair->question),
                                       db_text_n(answer.bytes, answer.length),
                                       category ? db_text_n(kind.bytes, kind.length) : db_null()),
                               0, &found, err))
        return false;
    *ret_same = found;
    return true;
}

static bool import_known(struct db *db, struct import *import, struct item *item, const struct qa_pair *pair,
                         struct error *err)
{
    bool same = true;
    if (import->request->mode == IMPORT_UPSERT && !has_text(db, import, item, pair, &same, err))
        return false;
    if (!same)
        return update_pair(db, import, item, pair, err);
    if (import->request->mode == IMPORT_CREATE)
        fail_repeated(import, item, false);
    else
        skip(import, item);
    return true;
}

static bool import_row(struct db *db, struct import *import, struct item *item, struct arena *arena,
                       struct error *err)
{
    struct qa_pair pair;
    bool found = false;
    if (item->repeated && import->request->mode == IMPORT_CREATE)
        fail_repeated(import, item, true);
    else if (item->repeated)
        skip(import, item);
    else if (item->row.error_count > 0)
        fail_with(import, item);
    if (item->verdict != UNDECIDED)
        return true;
    const char *question = item->row.texts[IMPORT_QUESTION];
    if (known_questions_may_have(import->known, qa_question_hash(question)) &&
        !qa_pair_same_question(db, import->request->tenant_id, question, arena, &pair, &found, err))
        return false;
    return found ? import_known(db, import, item, &pair, err) : create_pair(db, import, item, err);
}

/* ---- figures ---- */

static void write_figures(struct json_writer *w, const struct import *import,
                          const struct import_result *result)
{
    json_key_text(w, "file", import->file);
    json_key_text(w, "mode", import_mode_name(import->request->mode));
    json_key_int(w, "total", result->total);
    json_key_int(w, "created", result->created);
    json_key_int(w, "updated", result->updated);
    json_key_int(w, "skipped", result->skipped);
    json_key_int(w, "failed", result->failed);
}

static void write_errors(struct json_writer *w, const struct import *import,
                         const struct import_result *result)
{
    json_key(w, "errors");
    json_array_begin(w);
    for (size_t i = 0; i < result->error_count; i++) {
        json_object_begin(w);
        json_key_int(w, "row", result->errors[i].row);
        json_key_text(w, "column", result->errors[i].column);
        json_key_text(w, "message", result->errors[i].message[import->language]);
        json_object_end(w);
    }
    json_array_end(w);
    json_key(w, "headings");
    json_array_begin(w);
    for (size_t i = 0; i < import->heading_count; i++)
        json_text(w, import->headings[i]);
    json_array_end(w);
}

/* ---- the job's row ---- */

static bool report(struct db *db, struct import *import, struct error *err)
{
    CLEANUP(strbuf_release) struct strbuf text = {0};
    struct json_writer w = {.out = &text};
    if (!import->run)
        return true;
    for (size_t i = 0; i < import->item_count; i++) {
        const struct item *item = &import->items[i];
        if (item->verdict != FAILED)
            continue;
        strbuf_reset(&text);
        import_write_detail(&item->row, &text);
        if (!job_item_add(db, import->run, item->row.number, import->request->tenant_id, "failed",
                          strbuf_text(&text), err))
            return false;
    }
    strbuf_reset(&text);
    json_object_begin(&w);
    write_figures(&w, import, import->next);
    json_key_bool(&w, "dry_run", import->request->dry_run);
    write_errors(&w, import, import->next);
    json_object_end(&w);
    return job_step(db, import->run, import->done + (int64_t)import->item_count, strbuf_text(&text), err);
}

static bool begin_job(struct db *db, void *context, struct error *err)
{
    const struct import *import = context;
    return job_set_total(db, import->run, import->rows, err);
}

static void read_errors(const cJSON *errors, struct import_result *result)
{
    for (const cJSON *one = errors ? errors->child : NULL; one && result->error_count < IMPORT_ERRORS_MAX;
         one = one->next) {
        struct import_error *error = &result->errors[result->error_count++];
        const cJSON *column = cJSON_GetObjectItemCaseSensitive(one, "column");
        const cJSON *message = cJSON_GetObjectItemCaseSensitive(one, "message");
        json_is_integer(cJSON_GetObjectItemCaseSensitive(one, "row"), &error->row);
        snprintf(error->column, sizeof(error->column), "%s",
                 cJSON_IsString(column) ? column->valuestring : "");
        for (size_t language = 0; language < LANGUAGE_COUNT; language++)
            snprintf(error->message[language], sizeof(error->message[0]), "%s",
                     cJSON_IsString(message) ? message->valuestring : "");
    }
}

/* The figures of an earlier run of the job, which stand for the rows that it has done. */
static bool go_on(struct import *import, struct error *err)
{
    CLEANUP(json_delete) cJSON *root = NULL;
    struct import_result *result = import->result;
    struct {
        const char *name;
        int64_t *value;
    } figures[] = {{"created", &result->created},
                   {"updated", &result->updated},
                   {"skipped", &result->skipped},
                   {"failed", &result->failed}};
    const struct job *job = import->run->job;
    import->done = job->progress_done;
    if (!job->result || job->progress_done == 0)
        return true;
    if (!json_parse(job->result, strlen(job->result), &root, err))
        return error_prefix(err, "result of the earlier run", "此前运行的结果");
    for (size_t i = 0; i < ARRAY_SIZE(figures); i++)
        json_is_integer(cJSON_GetObjectItemCaseSensitive(root, figures[i].name), figures[i].value);
    read_errors(cJSON_GetObjectItemCaseSensitive(root, "errors"), result);
    return true;
}

/* ---- the audit log ---- */

static void write_audit(struct strbuf *out, const struct import *import, const struct import_result *result)
{
    struct json_writer w = {.out = out};
    json_object_begin(&w);
    write_figures(&w, import, result);
    if (import->job_id)
        json_key_text(&w, "job_id", import->job_id);
    json_object_end(&w);
}

static struct audit_entry audit_entry(const struct import *import, const struct strbuf *figures)
{
    return (struct audit_entry){
        .action = IMPORT_KIND,
        .target_type = "tenant",
        .target_id = import->request->tenant_id,
        .after = strbuf_text(figures),
    };
}

static bool audit(struct db *db, const struct import *import, struct error *err)
{
    CLEANUP(strbuf_release) struct strbuf text = {0};
    write_audit(&text, import, import->next);
    struct audit_entry entry = audit_entry(import, &text);
    return audit_append(db, import->request->actor, &entry, err);
}

/* What was written before the failure stays: say so, to the person and in the audit log. */
static bool tell_failure(struct import *import, struct error *err)
{
    int64_t written = import->result->created + import->result->updated;
    if (written == 0 || import->request->dry_run)
        return false;
    CLEANUP(strbuf_release) struct strbuf text = {0};
    write_audit(&text, import, import->result);
    struct audit_entry entry = audit_entry(import, &text);
    entry.result = "failed";
    entry.reason = err->detail[LANGUAGE_EN];
    audit_note(import->store, import->request->actor, &entry, NULL);
    return error_prefix(err, "stopped after %lld pairs were written (import the file again to complete it)",
                        "已写入 %lld 条后中止（重新导入该文件即可补全）", (long long)written);
}

/* ---- batches ---- */

static bool import_rows(struct db *db, struct import *import, struct error *err)
{
    CLEANUP(arena_release) struct arena arena = {0};
    *import->next = *import->result;
    import->revision = import->unsynced = import->first_id = import->last_id = 0;
    import->fresh_count = 0;
    if (!known_questions_begin(import->known, db, err))
        return false;
    for (size_t i = 0; i < import->item_count; i++) {
        arena_reset(&arena);
        import->items[i].verdict = UNDECIDED;
        if (!import_row(db, import, &import->items[i], &arena, err))
            return false;
    }
    return insert_fresh(db, import, err);
}

static bool count_rows(struct db *db, const struct import *import, struct error *err)
{
    const char *tenant_id = import->request->tenant_id;
    int64_t created = import->next->created - import->result->created;
    if (import->revision == 0)
        return true;
    return tenant_count_pairs(db, tenant_id, created, import->unsynced, err) &&
           (created == 0 ||
            knowledge_change_created(db, import->job_id, tenant_id, import->first_id, import->last_id, err));
}

static bool batch_work(struct db *db, void *context, struct error *err)
{
    struct import *import = context;
    bool is_last = import->done + (int64_t)import->item_count == import->rows;
    return import_rows(db, import, err) && count_rows(db, import, err) && report(db, import, err) &&
           (!is_last || audit(db, import, err));
}

static bool report_work(struct db *db, void *context, struct error *err)
{
    return report(db, context, err);
}

static bool look_only(struct import *import, struct error *err)
{
    CLEANUP(store_reader_release) struct db *db = NULL;
    return store_reader(import->store, READ_LIMIT, &db, err) && import_rows(db, import, err);
}

static bool run_batch(struct import *import, struct error *err)
{
    bool done =
        import->request->dry_run
            ? look_only(import, err) && (!import->run || store_write(import->store, report_work, import, err))
            : store_write(import->store, batch_work, import, err);
    if (!done)
        return false;
    *import->result = *import->next;
    known_questions_commit(import->known, import->revision);
    import->done += (int64_t)import->item_count;
    return true;
}

/* True if another row of the file stands for this question. */
static bool is_repeated(const struct import *import, const struct import_row *row)
{
    bool earlier, later;
    if (row->error_count > 0)
        return false;
    repeats_look(import->repeats, hash_question(row), row->number, &earlier, &later);
    return import->request->mode == IMPORT_UPSERT ? later : earlier;
}

static bool next_row(struct import *import, struct item *item, bool *ret_found, struct error *err)
{
    if (!import_spool_next(import->spool, &import->arena, &item->row, ret_found, err))
        return false;
    item->repeated = *ret_found && is_repeated(import, &item->row);
    return true;
}

static bool next_batch(struct import *import, struct error *err)
{
    bool found = true;
    import->item_count = 0;
    arena_reset(&import->arena);
    while (import->item_count < IMPORT_BATCH && import->arena.allocated < BATCH_BYTES) {
        if (!next_row(import, &import->items[import->item_count], &found, err))
            return false;
        if (!found)
            break;
        import->item_count++;
    }
    return true;
}

/* Behind what an earlier run of the job has done. */
static bool pass_over(struct import *import, int64_t rows, struct error *err)
{
    bool found = true;
    while (rows-- > 0 && found) {
        arena_reset(&import->arena);
        if (!next_row(import, &import->items[0], &found, err))
            return false;
    }
    return true;
}

static bool may_go_on(struct import *import, struct error *err)
{
    const struct import_request *request = import->request;
    if (import->run && job_stopping(import->run))
        import->stopped = true;
    return !request->progress || request->progress(request->context, import->done, import->rows) ||
           error_set(err, ERROR_CONFLICT, "the import was stopped", "导入已被中止");
}

static bool write_rows(struct import *import, struct error *err)
{
    import->result->total = import->rows;
    if (!known_questions_read(import->store, import->request->tenant_id, &import->known, err) ||
        !pass_over(import, import->done, err))
        return false;
    while (!import->stopped && import->done < import->rows) {
        if (!next_batch(import, err) || !run_batch(import, err))
            return false;
        if (import->done < import->rows && !may_go_on(import, err))
            return false;
    }
    return true;
}

static bool check_tenant(struct store *store, const char *tenant_id, struct error *err)
{
    CLEANUP(arena_release) struct arena arena = {0};
    CLEANUP(store_reader_release) struct db *db = NULL;
    struct tenant tenant;
    return store_reader(store, READ_LIMIT_MS, &db, err) && tenant_get(db, tenant_id, &arena, &tenant, err);
}

static bool run_import(struct import *import, const char *temporary_folder, struct error *err)
{
    if (!check_tenant(import->store, import->request->tenant_id, err) ||
        (import->run && !go_on(import, err)) || !read_file(import, temporary_folder, err))
        return false;
    if (import->stopped)
        return true;
    if (import->run && !store_write(import->store, begin_job, import, err))
        return false;
    return write_rows(import, err) || tell_failure(import, err);
}

static void import_free(struct import **import)
{
    arena_release(&(*import)->arena);
    arena_release(&(*import)->texts);
    repeats_free((*import)->repeats);
    known_questions_free((*import)->known);
    import_spool_close(&(*import)->spool);
    free((*import)->result);
    free((*import)->next);
    free(*import);
}

bool import_run(struct store *store, const struct import_request *request, struct job_run *run,
                enum language language, const char *temporary_folder, struct import_result *ret_result,
                struct error *err)
{
    CLEANUP(import_free) struct import *import = xcalloc(1, sizeof(*import));
    import->store = store;
    import->request = request;
    import->run = run;
    import->language = language;
    import->file = request->file ? request->file : import_file_name(request->path);
    import->job_id = run ? run->job->id : NULL;
    import->result = xcalloc(1, sizeof(*import->result));
    import->next = xcalloc(1, sizeof(*import->next));
    import->repeats = repeats_new();
    if (!run_import(import, temporary_folder, err))
        return false;
    *ret_result = *import->result;
    return true;
}

bool import_file(struct store *store, const struct import_request *request, struct import_result *ret_result,
                 struct error *err)
{
    return import_run(store, request, NULL, LANGUAGE_EN, NULL, ret_result, err);
}
