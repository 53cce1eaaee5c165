#include "platform/jobs/jobs.h"

#include <string.h>

#include "base/clock.h"
#include "base/identifier.h"
#include "base/json_writer.h"
#include "base/memory.h"
#include "platform/jobs/private.h"
#include "platform/jobs/scheduler.h"
#include "store/news.h"

#define SWEEP_ROWS 500 /* that one transaction deletes */

const char *const job_statuses[] = {"queued", "running", "succeeded", "failed", "cancelled", NULL};

static const struct field job_fields[] = {
    FIELD(struct job, id, TEXT, "Id of the job"),
    FIELD(struct job, kind, TEXT, "What it does"),
    FIELD(struct job, status, TEXT, "How far it is", .values = job_statuses),
    FIELD(struct job, tenant_id, TEXT, "The tenant that it is about", .nullable = true),
    FIELD(struct job, parameters, JSON, "What was asked for"),
    FIELD(struct job, result, JSON, "Its figures so far", .nullable = true),
    FIELD(struct job, error_en, TEXT, "Why it failed, in English", .nullable = true),
    FIELD(struct job, error_zh, TEXT, "Why it failed, in Chinese", .nullable = true),
    FIELD(struct job, progress_done, INT, "How much is done"),
    FIELD(struct job, progress_total, INT, "Of how much"),
    FIELD(struct job, user_id, TEXT, "Who asked"),
    FIELD(struct job, username, TEXT, "Their name then"),
    FIELD(struct job, ip_address, TEXT, "From where"),
    FIELD(struct job, request_id, TEXT, "By which request"),
    FIELD(struct job, created_at, TIME, "When it was asked for"),
    FIELD(struct job, started_at, TIME, "When it was first begun", .nullable = true),
    FIELD(struct job, finished_at, TIME, "When it ended", .nullable = true),
    FIELD(struct job, owner, TEXT, "The process that runs it", .nullable = true),
    FIELD(struct job, claim, INT, "How often it was claimed"),
    FIELD(struct job, failures, INT, "Runs in a row that got no further"),
    FIELD(struct job, retry_at, TIME, "Left alone until then", .nullable = true),
};
const struct descriptor job_descriptor = DESCRIPTOR("JobRow", struct job, job_fields);

static const struct field job_item_fields[] = {
    FIELD(struct job_item, seq, INT, "Place in the job, from 1"),
    FIELD(struct job_item, target_id, TEXT, "What it is about: a tenant's id"),
    FIELD(struct job_item, outcome, TEXT, "What came of it, in the kind's own word; null: not reached",
          .nullable = true),
    FIELD(struct job_item, detail, JSON,
          "Figures of it; where it is long, without its lists and shortened: true", .nullable = true,
          .personal = PERSONAL_PARTS),
};
const struct descriptor job_item_descriptor = DESCRIPTOR("JobItem", struct job_item, job_item_fields);

bool job_has_ended(const struct job *job)
{
    return strcmp(job->status, "queued") != 0 && strcmp(job->status, "running") != 0;
}

/* --- asking for one --- */

static const char SQL_INSERT[] =
    "INSERT INTO jobs(id, kind, status, tenant_id, parameters, progress_total, user_id, username, ip_address,"
    " request_id, created_at) VALUES ($1, $2, 'queued', $3, $4, $5, $6, $7, $8, $9, $10)";

void job_id_make(char ret_id[static IDENTIFIER_SIZE])
{
    identifier_make("job_", ret_id);
}

bool job_insert(struct db *db, const struct actor *actor, const struct job_request *request,
                struct arena *arena, struct job *ret_job, struct error *err)
{
    char id[IDENTIFIER_SIZE];
    job_id_make(id);
    struct job job = {
        .id = arena_strdup(arena, request->id ? request->id : id),
        .kind = arena_strdup(arena, request->kind),
        .status = "queued",
        .tenant_id = arena_strdup(arena, request->tenant_id),
        .parameters = arena_strdup(arena, request->parameters),
        .progress_total = request->total,
        .user_id = arena_strdup(arena, actor->user_id),
        .username = arena_strdup(arena, actor->username),
        .ip_address = arena_strdup(arena, actor->ip_address),
        .request_id = arena_strdup(arena, actor->request_id),
        .created_at = clock_now_ms(),
        .started_at = INT_NULL,
        .finished_at = INT_NULL,
        .retry_at = INT_NULL,
    };
    if (!db_execute(db, SQL_INSERT,
                    DB_ARGS(db_text(job.id), db_text(job.kind), db_text(job.tenant_id),
                            db_text(job.parameters), db_int(job.progress_total), db_text(job.user_id),
                            db_text(job.username), db_text(job.ip_address), db_text(job.request_id),
                            db_int(job.created_at)),
                    NULL, err) ||
        !news_post(db, err))
        return false;
    *ret_job = job;
    return true;
}

static const char SQL_SET_ITEM_TOTAL[] = "UPDATE jobs SET progress_total = $2 WHERE id = $1";

static bool job_set_item_total(struct db *db, struct job *job, int64_t total, struct error *err)
{
    if (!db_execute(db, SQL_SET_ITEM_TOTAL, DB_ARGS(db_text(job->id), db_int(total)), NULL, err))
        return false;
    job->progress_total = total;
    return true;
}

static const char SQL_ADD_ITEM[] = "INSERT INTO job_items(job_id, seq, target_id) VALUES ($1, $2, $3)";

bool job_add_items(struct db *db, struct job *job, const char *const *target_ids, size_t count,
                   struct error *err)
{
    for (size_t i = 0; i < count; i++)
        if (!db_execute(db, SQL_ADD_ITEM,
                        DB_ARGS(db_text(job->id), db_int((int64_t)i + 1), db_text(target_ids[i])), NULL, err))
            return false;
    return job_set_item_total(db, job, (int64_t)count, err);
}

static const char SQL_ADD_TENANTS[] = "INSERT INTO job_items(job_id, seq, target_id)"
                                      " SELECT $1, ROW_NUMBER() OVER (ORDER BY id), id FROM tenants";

bool job_add_all_tenants(struct db *db, struct job *job, struct error *err)
{
    int64_t added;
    return db_execute(db, SQL_ADD_TENANTS, DB_ARGS(db_text(job->id)), &added, err) &&
           job_set_item_total(db, job, added, err);
}

/* --- the work of a kind --- */

/* Runs a change of a running job; no row: it does not run any more under this claim, so the step must not stand. */
static bool job_change_running(struct db *db, const char *sql, const struct db_value *args, size_t count,
                               struct error *err)
{
    int64_t changed;
    if (!db_execute(db, sql, args, count, &changed, err))
        return false;
    return changed == 1 ||
           error_set(
               err, ERROR_CANCELLED,
               "The job was cancelled, or another process has taken it over: this step of it is not done.",
               "任务已取消，或已由另一进程接管：这一步未执行。");
}

static const char SQL_STEP[] = "UPDATE jobs SET progress_done = $2, result = COALESCE($3, result)"
                               " WHERE id = $1 AND status = 'running' AND claim = $4";

bool job_step(struct db *db, const struct job_run *run, int64_t done, const char *result, struct error *err)
{
    return job_change_running(
        db, SQL_STEP, DB_ARGS(db_text(run->job->id), db_int(done), db_text(result), db_int(run->job->claim)),
        err);
}

static const char SQL_SET_TOTAL[] =
    "UPDATE jobs SET progress_total = $2 WHERE id = $1 AND status = 'running' AND claim = $3";

bool job_set_total(struct db *db, const struct job_run *run, int64_t total, struct error *err)
{
    return job_change_running(db, SQL_SET_TOTAL,
                              DB_ARGS(db_text(run->job->id), db_int(total), db_int(run->job->claim)), err);
}

static const char SQL_ITEM_DONE[] = "UPDATE job_items SET outcome = $3, detail = $4"
                                    " WHERE job_id = $1 AND seq = $2 AND outcome IS NULL";

bool job_item_done(struct db *db, const struct job_run *run, int64_t seq, const char *outcome,
                   const char *detail, struct error *err)
{
    int64_t changed;
    if (!db_execute(db, SQL_ITEM_DONE,
                    DB_ARGS(db_text(run->job->id), db_int(seq), db_text(outcome), db_text(detail)), &changed,
                    err))
        return false;
    return changed == 1 ||
           error_set(err, ERROR_INTERNAL, "Item %lld of job %s does not wait: it would be done twice.",
                     "第 %lld 项（任务 %s）不在等待中：不能重复执行。", (long long)seq, run->job->id);
}

static const char SQL_ADD_DONE[] =
    "INSERT INTO job_items(job_id, seq, target_id, outcome, detail) VALUES ($1, $2, $3, $4, $5)";

bool job_item_add(struct db *db, const struct job_run *run, int64_t seq, const char *target_id,
                  const char *outcome, const char *detail, struct error *err)
{
    return db_execute(
        db, SQL_ADD_DONE,
        DB_ARGS(db_text(run->job->id), db_int(seq), db_text(target_id), db_text(outcome), db_text(detail)),
        NULL, err);
}

static bool job_read_items(struct db *db, const char *sql, const char *job_id, int64_t after, size_t limit,
                           struct arena *arena, struct job_item *ret_items, size_t *ret_count,
                           struct error *err)
{
    size_t count = 0;
    CLEANUP(db_rows_release) struct db_rows rows = {0};
    if (!db_query(db, sql, DB_ARGS(db_text(job_id), db_int(after), db_int((int64_t)limit)), &rows, err))
        return false;
    while (db_next(&rows))
        db_read_row(&rows, &job_item_descriptor, &ret_items[count++], arena);
    if (!db_done(&rows, err))
        return false;
    *ret_count = count;
    return true;
}

static const char SQL_ITEMS_WAITING[] =
    "SELECT seq, target_id, outcome, detail FROM job_items"
    " WHERE job_id = $1 AND seq > $2 AND outcome IS NULL ORDER BY seq LIMIT $3";

bool job_items_waiting(struct db *db, const char *job_id, int64_t after, size_t limit, struct arena *arena,
                       struct job_item *ret_items, size_t *ret_count, struct error *err)
{
    return job_read_items(db, SQL_ITEMS_WAITING, job_id, after, limit, arena, ret_items, ret_count, err);
}

static const char SQL_ITEMS_AFTER[] = "SELECT seq, target_id, outcome, detail FROM job_items"
                                      " WHERE job_id = $1 AND seq > $2 ORDER BY seq LIMIT $3";

bool job_items_after(struct db *db, const char *job_id, int64_t after, size_t limit, struct arena *arena,
                     struct job_item *ret_items, size_t *ret_count, struct error *err)
{
    return job_read_items(db, SQL_ITEMS_AFTER, job_id, after, limit, arena, ret_items, ret_count, err);
}

/* --- looking --- */

static const char SQL_BY_ID[] = "SELECT " JOB_COLUMNS " FROM jobs WHERE id = $1";

bool job_get(struct db *db, const char *id, struct arena *arena, struct job *ret_job, struct error *err)
{
    bool found;
    if (!db_find(db, SQL_BY_ID, DB_ARGS(db_text(id)), &job_descriptor, ret_job, arena, &found, err))
        return false;
    return found || error_set(err, ERROR_NOT_FOUND, "There is no job '%.64s'; old ones are deleted.",
                              "没有任务“%.64s”；过期任务会被删除。", id);
}

/* A job's texts may be long (ten thousand ids that were asked for, the cells of a row that an import refused), and a
 * page has two hundred of them: in lists those of more than so many bytes stand without their own lists. */
#define SHOWN_BYTES 8192
#define SHORTENED "\"shortened\":true" /* says so */

static const char *json_skip_string(const char *at)
{
    for (at++; *at && *at != '"'; at++)
        at += *at == '\\' && at[1];
    return *at ? at + 1 : at;
}

/* Of JSON without white space between its parts, as it is written here. */
static const char *json_skip_value(const char *at)
{
    int depth = 0;
    do {
        if (*at == '"') {
            at = json_skip_string(at);
            continue;
        }
        depth += (*at == '{' || *at == '[') - (*at == '}' || *at == ']');
        at++;
    } while (*at && (depth > 0 || !strchr(",}]", *at)));
    return at;
}

/* The object's members that are no lists. Not parsed into a tree: two hundred of them would take seconds. */
static void job_put_members(struct strbuf *out, const char *json)
{
    const char *at = json + 1;
    while (*at == '"' || (*at == ',' && at[1] == '"')) {
        const char *name = at + (*at == ','), *value = json_skip_string(name) + 1,
                   *end = json_skip_value(value);
        if (value[-1] != ':')
            return;
        if (*value != '[') {
            strbuf_append(out, name, (size_t)(end - name));
            strbuf_putc(out, ',');
        }
        at = end;
    }
}

static const char *job_shown_json(const char *json, struct arena *arena)
{
    if (!json || strlen(json) <= SHOWN_BYTES)
        return arena_strdup(arena, json);
    CLEANUP(strbuf_release) struct strbuf out = {.ceiling = SHOWN_BYTES};
    strbuf_putc(&out, '{');
    if (*json == '{')
        job_put_members(&out, json);
    strbuf_puts(&out, SHORTENED "}");
    return out.overflowed ? "{" SHORTENED "}" : arena_strndup(arena, out.bytes, out.length);
}

/* As db_read_row, but never more than the list shows; `whole` is for the row as it is. */
static void job_read_shown(const struct db_rows *rows, const struct descriptor *descriptor, void *object,
                           struct arena *whole, struct arena *arena)
{
    arena_reset(whole);
    db_read_row(rows, descriptor, object, whole);
    for (size_t i = 0; i < descriptor->field_count; i++) {
        const struct field *field = &descriptor->fields[i];
        const char **text = (const char **)(void *)((char *)object + field->offset);
        if (field->kind == FIELD_JSON)
            *text = job_shown_json(*text, arena);
        else if (field->kind == FIELD_TEXT)
            *text = arena_strdup(arena, *text);
    }
}

#define IS_OPEN "status IN ('queued', 'running')" /* in these words: idx_jobs_open is for them */
/* Parameters are JSON as json_writer.h writes it; within a text of theirs a quote has its backslash. */
#define ADMITTED                                                                                             \
    " AND (CAST($1 AS TEXT) IS NULL OR kind = $1)"                                                           \
    " AND (CAST($2 AS TEXT) IS NULL OR tenant_id = $2"                                                       \
    "  OR EXISTS (SELECT 1 FROM job_items WHERE target_id = $2 AND job_id = jobs.id))"                       \
    " AND (CAST($3 AS TEXT) IS NULL OR $3 IN ('open', 'recent') OR status = $3)"                             \
    " AND (CAST($4 AS TEXT) IS NULL OR username = $4)"                                                       \
    " AND (CAST($5 AS BIGINT) = 0 OR parameters NOT LIKE '%\"dry_run\":true%')"

enum jobs_of { OF_ANY_TIME, OF_OPEN, OF_RECENT, JOBS_OF_COUNT };
#define FROM_ANY " FROM jobs WHERE created_at >= $6" ADMITTED
#define FROM_OPEN " FROM jobs WHERE created_at >= $6 AND " IS_OPEN ADMITTED
#define FROM_RECENT " FROM jobs WHERE (" IS_OPEN " OR created_at >= $6)" ADMITTED
#define NEWEST " AND (created_at, id) < ($7, $8) ORDER BY created_at DESC, id DESC LIMIT $9 OFFSET $10"
#define OLDEST " AND (created_at, id) > ($7, $8) ORDER BY created_at, id LIMIT $9 OFFSET $10"
#define COUNT(from) "SELECT COUNT(*) FROM (SELECT id" from " LIMIT $7) AS counted"
#define LIST(from, order) "SELECT " JOB_COLUMNS from order

static const char *const SQL_COUNT[JOBS_OF_COUNT] = {COUNT(FROM_ANY), COUNT(FROM_OPEN), COUNT(FROM_RECENT)};
static const char *const SQL_LIST[JOBS_OF_COUNT][2] = {
    /* newest first, oldest first */
    {LIST(FROM_ANY, NEWEST), LIST(FROM_ANY, OLDEST)},
    {LIST(FROM_OPEN, NEWEST), LIST(FROM_OPEN, OLDEST)},
    {LIST(FROM_RECENT, NEWEST), LIST(FROM_RECENT, OLDEST)},
};
static const char SQL_CREATED_AT[] = "SELECT created_at FROM jobs WHERE id = $1";

/* Behind which job the page begins; without a cursor: before all, and skipping some. */
static bool job_find_start(struct db *db, const struct job_filter *filter, int64_t *ret_created_at,
                           int64_t *ret_skip, struct error *err)
{
    *ret_created_at = filter->oldest_first ? INT64_MIN + 1 : INT64_MAX;
    *ret_skip = filter->cursor ? 0 : (filter->page - 1) * filter->page_size;
    if (*ret_skip > JOB_PAGE_DEPTH)
        return error_add_field(err, "page", "goes to the first %d jobs; go on with cursor=next_cursor",
                               "只能翻到前 %d 个任务，请用 cursor=next_cursor 继续", JOB_PAGE_DEPTH);
    if (!filter->cursor)
        return true;
    if (!db_find_int(db, SQL_CREATED_AT, DB_ARGS(db_text(filter->cursor)), INT_NULL, ret_created_at, err))
        return false;
    return *ret_created_at != INT_NULL ||
           error_add_field(err, "cursor", "is no next_cursor of this list, or its job is gone; begin again",
                           "不是此列表的 next_cursor，或对应的任务已被删除，请重新开始");
}

#define ADMITTED_ARGS 6 /* of FROM_… */

static bool job_count_listed(struct db *db, const char *sql, const struct db_value *admitted,
                             struct job_page *page, struct error *err)
{
    struct db_value args[ADMITTED_ARGS + 1];
    int64_t count;
    memcpy(args, admitted, ADMITTED_ARGS * sizeof(*args));
    args[ADMITTED_ARGS] = db_int(JOB_PAGE_DEPTH + 1);
    if (!db_find_int(db, sql, args, ARRAY_SIZE(args), 0, &count, err))
        return false;
    page->total = count > JOB_PAGE_DEPTH ? INT_NULL : count;
    page->total_at_least = count > JOB_PAGE_DEPTH ? JOB_PAGE_DEPTH : INT_NULL;
    return true;
}

static enum jobs_of jobs_of(const char *status)
{
    if (status && strcmp(status, "open") == 0)
        return OF_OPEN;
    return status && strcmp(status, "recent") == 0 ? OF_RECENT : OF_ANY_TIME;
}

bool job_list(struct db *db, const struct job_filter *filter, struct arena *arena, struct job_page *ret_page,
              struct error *err)
{
    enum jobs_of of = jobs_of(filter->status);
    int64_t created_at, skip;
    if (!job_find_start(db, filter, &created_at, &skip, err))
        return false;
    const struct db_value args[] = {
        db_text(filter->kind),
        db_text(filter->tenant_id),
        db_text(filter->status),
        db_text(filter->username),
        db_int(filter->without_trials),
        db_int(of == OF_RECENT ? clock_now_ms() - DAY_MS : 0),
        db_int(created_at),
        db_text(filter->cursor ? filter->cursor : ""),
        db_int(filter->page_size + 1), /* one more tells whether there are more */
        db_int(skip),
    };
    CLEANUP(arena_release) struct arena whole = {0};
    struct job_page page = {.jobs = arena_alloc(arena, (size_t)(filter->page_size + 1) * sizeof(*page.jobs))};
    CLEANUP(db_rows_release) struct db_rows rows = {0};
    if (!job_count_listed(db, SQL_COUNT[of], args, &page, err) ||
        !db_query(db, SQL_LIST[of][filter->oldest_first], args, ARRAY_SIZE(args), &rows, err))
        return false;
    while (db_next(&rows))
        job_read_shown(&rows, &job_descriptor, &page.jobs[page.count++], &whole, arena);
    if (!db_done(&rows, err))
        return false;
    if ((int64_t)page.count > filter->page_size)
        page.next_cursor = page.jobs[--page.count - 1].id;
    *ret_page = page;
    return true;
}

#define ITEMS_OF_JOB                                                                                         \
    " FROM job_items WHERE job_id = $1"                                                                      \
    " AND (CAST($2 AS TEXT) IS NULL OR COALESCE(outcome, 'waiting') = $2)"

static const char SQL_COUNT_ITEMS[] = "SELECT COUNT(*)" ITEMS_OF_JOB;
static const char SQL_LIST_ITEMS[] =
    "SELECT seq, target_id, outcome, detail" ITEMS_OF_JOB " ORDER BY seq LIMIT $3 OFFSET $4";

bool job_item_list(struct db *db, const char *job_id, const char *outcome, int64_t page, int64_t page_size,
                   struct arena *arena, struct job_item **ret_items, size_t *ret_count, int64_t *ret_total,
                   struct error *err)
{
    const struct db_value args[] = {db_text(job_id), db_text(outcome), db_int(page_size),
                                    db_int((page - 1) * page_size)};
    struct job_item *items = arena_alloc(arena, (size_t)page_size * sizeof(*items));
    size_t count = 0;
    CLEANUP(arena_release) struct arena whole = {0};
    CLEANUP(db_rows_release) struct db_rows rows = {0};
    if (!db_find_int(db, SQL_COUNT_ITEMS, args, 2, 0, ret_total, err) ||
        !db_query(db, SQL_LIST_ITEMS, args, ARRAY_SIZE(args), &rows, err))
        return false;
    while (db_next(&rows))
        job_read_shown(&rows, &job_item_descriptor, &items[count++], &whole, arena);
    if (!db_done(&rows, err))
        return false;
    *ret_items = items;
    *ret_count = count;
    return true;
}

/* The tenant's items by their index, the outcome of each by its key: never all items of a job. */
static const char SQL_COUNT_OPEN_OF_TENANT[] =
    "SELECT COUNT(*) FROM jobs WHERE " IS_OPEN " AND (tenant_id = $1 OR EXISTS"
    " (SELECT 1 FROM job_items i WHERE i.target_id = $1 AND i.job_id = jobs.id AND"
    "  (SELECT w.outcome IS NULL FROM job_items w WHERE w.job_id = i.job_id AND w.seq = i.seq)))";

bool job_count_open_of_tenant(struct db *db, const char *tenant_id, int64_t *ret_count, struct error *err)
{
    return db_find_int(db, SQL_COUNT_OPEN_OF_TENANT, DB_ARGS(db_text(tenant_id)), 0, ret_count, err);
}

static const char SQL_WRONG[] =
    "SELECT id, 'has the status ' || status || ' and the wrong end' FROM jobs"
    " WHERE (finished_at IS NULL) <> (" IS_OPEN ")"
    " UNION ALL SELECT id, 'has succeeded with items left out' FROM jobs WHERE status = 'succeeded'"
    " AND EXISTS (SELECT 1 FROM job_items WHERE job_id = jobs.id AND outcome IS NULL)";

static const char SQL_COUNT_BY_STATUS[] = "SELECT status, COUNT(*), MIN(created_at) FROM jobs"
                                          " WHERE status IN ('queued', 'running') GROUP BY status";

bool job_count_open(struct db *db, struct job_counts *ret_counts, struct error *err)
{
    CLEANUP(db_rows_release) struct db_rows rows = {0};
    struct job_counts counts = {.oldest_queued_at = INT_NULL};
    if (!db_query(db, SQL_COUNT_BY_STATUS, DB_NO_ARGS, &rows, err))
        return false;
    while (db_next(&rows)) {
        if (strcmp(db_column_text(&rows, 0), "running") == 0) {
            counts.running = db_column_int(&rows, 1);
            continue;
        }
        counts.queued = db_column_int(&rows, 1);
        counts.oldest_queued_at = db_column_int(&rows, 2);
    }
    if (!db_done(&rows, err))
        return false;
    *ret_counts = counts;
    return true;
}

bool jobs_check(struct db *db, struct strbuf *ret_findings, struct error *err)
{
    CLEANUP(db_rows_release) struct db_rows rows = {0};
    if (!db_query(db, SQL_WRONG, DB_NO_ARGS, &rows, err))
        return false;
    while (db_next(&rows))
        strbuf_printf(ret_findings, "job %s %s\n", db_column_text(&rows, 0), db_column_text(&rows, 1));
    return db_done(&rows, err);
}

/* --- cancelling */

struct cancelling {
    const struct actor *actor;
    const char *id;
    struct arena *arena;
    struct job job;
};

static const char *job_state_json(struct arena *arena, const struct job *job)
{
    CLEANUP(strbuf_release) struct strbuf out = {0};
    struct json_writer w = {.out = &out};
    json_object_begin(&w);
    json_key_text(&w, "kind", job->kind);
    json_key_text(&w, "status", job->status);
    json_key_int(&w, "done", job->progress_done);
    json_key_int(&w, "total", job->progress_total);
    json_object_end(&w);
    return arena_strdup(arena, strbuf_text(&out));
}

static const char SQL_CANCEL[] =
    "UPDATE jobs SET status = 'cancelled', finished_at = $2, owner = NULL, retry_at = NULL WHERE id = $1";

static bool job_cancel_work(struct db *db, void *context, struct error *err)
{
    struct cancelling *cancel = context;
    struct job *job = &cancel->job;
    if (!job_get(db, cancel->id, cancel->arena, job, err))
        return false;
    if (job_has_ended(job))
        return error_set(err, ERROR_CONFLICT, "The job '%.64s' has ended already: it is %s.",
                         "任务“%.64s”已结束，状态为 %s。", job->id, job->status);
    struct audit_entry entry = {.action = "job.cancel",
                                .target_type = "job",
                                .target_id = job->id,
                                .before = job_state_json(cancel->arena, job)};
    job->status = "cancelled";
    job->finished_at = clock_now_ms();
    entry.after = job_state_json(cancel->arena, job);
    return db_execute(db, SQL_CANCEL, DB_ARGS(db_text(job->id), db_int(job->finished_at)), NULL, err) &&
           audit_append(db, cancel->actor, &entry, err) && news_post(db, err);
}

bool job_cancel(struct platform *platform, const struct actor *actor, const char *id, struct arena *arena,
                struct job *ret_job, struct error *err)
{
    struct cancelling cancel = {.actor = actor, .id = id, .arena = arena};
    if (!store_write(platform->store, job_cancel_work, &cancel, err))
        return false;
    jobs_wake(platform->jobs);
    *ret_job = cancel.job;
    return true;
}

/* --- sweeping */

struct sweep {
    int64_t before;
    int64_t jobs; /* out: deleted by the last transaction */
    bool more;    /* out: there may be more to delete */
};

static const char SQL_OLDEST[] =
    "SELECT " JOB_COLUMNS
    " FROM jobs WHERE created_at < $1 AND finished_at < $1 ORDER BY created_at, id LIMIT 1";
static const char SQL_DELETE_ITEMS[] = "DELETE FROM job_items WHERE job_id = $1 AND seq IN"
                                       " (SELECT seq FROM job_items WHERE job_id = $1 ORDER BY seq LIMIT $2)";
static const char SQL_DELETE[] = "DELETE FROM jobs WHERE id = $1";

/* Items first: a job with many takes several transactions, and goes with its last item. */
static bool job_sweep_work(struct db *db, void *context, struct error *err)
{
    struct sweep *sweep = context;
    CLEANUP(arena_release) struct arena arena = {0};
    int64_t room = SWEEP_ROWS, jobs = 0;
    bool found = true;
    while (room > 0) {
        struct job job;
        int64_t items;
        arena_reset(&arena);
        if (!db_find(db, SQL_OLDEST, DB_ARGS(db_int(sweep->before)), &job_descriptor, &job, &arena, &found,
                     err))
            return false;
        if (!found)
            break;
        if (!db_execute(db, SQL_DELETE_ITEMS, DB_ARGS(db_text(job.id), db_int(room)), &items, err))
            return false;
        room -= items;
        if (room > 0 && !db_execute(db, SQL_DELETE, DB_ARGS(db_text(job.id)), NULL, err))
            return false;
        jobs += room > 0;
        room--;
    }
    sweep->jobs = jobs;
    sweep->more = found;
    return true;
}

bool job_sweep(struct store *store, int days, int64_t *ret_deleted, struct error *err)
{
    struct sweep sweep = {.before = clock_now_ms() - days * DAY_MS};
    int64_t deleted = 0;
    do {
        if (!store_write(store, job_sweep_work, &sweep, err))
            return false;
        deleted += sweep.jobs;
    } while (sweep.more && !scheduler_stopping());
    *ret_deleted = deleted;
    return true;
}
