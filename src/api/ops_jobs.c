#include <string.h>

#include "api/endpoints.h"
#include "base/clock.h"
#include "http/negotiate.h"
#include "platform/jobs/jobs.h"

#define WAIT_SECONDS_MAX 60 /* that a client may wait for a job */
#define OUTCOME_MAX 32

/* --- what is sent of a job --- */

struct job_progress {
    int64_t done, total;
};
static const struct field progress_fields[] = {
    FIELD(struct job_progress, done, INT, "How much is done"),
    FIELD(struct job_progress, total, INT, "Of how much; 0 while that is not known"),
};
static const struct descriptor progress_descriptor =
    DESCRIPTOR("JobProgress", struct job_progress, progress_fields);

struct job_answer {
    const char *id, *kind, *title, *status, *tenant_id;
    const char *parameters;
    struct job_progress progress;
    const char *result, *error;
    const char *created_by;
    int64_t created_at, started_at, finished_at;
};
static const struct field job_answer_fields[] = {
    FIELD(struct job_answer, id, TEXT, "Id of the job"),
    FIELD(struct job_answer, kind, TEXT, "What it does"),
    FIELD(struct job_answer, title, TEXT, "What it does, for a person, in the language of Accept-Language"),
    FIELD(struct job_answer, status, TEXT, "How far it is", .values = job_statuses),
    FIELD(struct job_answer, tenant_id, TEXT, "The tenant that it is about; null: several or none",
          .nullable = true),
    FIELD(struct job_answer, parameters, JSON,
          "What was asked for; in lists, where it is long, without its own lists and shortened: true",
          .personal = PERSONAL_PARTS),
    FIELD(struct job_answer, progress, OBJECT, "How far it is, in figures", .of = &progress_descriptor),
    FIELD(struct job_answer, result, JSON, "What came of it so far; final when it has ended",
          .nullable = true, .personal = PERSONAL_PARTS),
    FIELD(struct job_answer, error, TEXT, "Why it failed, in the language of Accept-Language",
          .nullable = true, .personal = PERSONAL_PARTS),
    FIELD(struct job_answer, created_by, TEXT, "Username of who asked for it", .personal = PERSONAL_PARTS),
    FIELD(struct job_answer, created_at, TIME, "When it was asked for"),
    FIELD(struct job_answer, started_at, TIME, "When it was first begun", .nullable = true),
    FIELD(struct job_answer, finished_at, TIME, "When it ended", .nullable = true),
};
const struct descriptor job_answer_descriptor = DESCRIPTOR("Job", struct job_answer, job_answer_fields);

static struct job_answer job_answer_of(const struct call *call, const struct job *job)
{
    enum language language = call->request->language;
    const struct job_kind *kind = job_kind_find(call->platform->jobs, job->kind);
    return (struct job_answer){
        .id = job->id,
        .kind = job->kind,
        .title = kind ? kind->title[language] : job->kind,
        .status = job->status,
        .tenant_id = job->tenant_id,
        .parameters = job->parameters,
        .progress = {job->progress_done, job->progress_total},
        .result = job->result,
        .error = language == LANGUAGE_ZH ? job->error_zh : job->error_en,
        .created_by = job->username,
        .created_at = job->created_at,
        .started_at = job->started_at,
        .finished_at = job->finished_at,
    };
}

static bool reply_job_answer(struct call *call, const struct job *job)
{
    struct job_answer answer = job_answer_of(call, job);
    return reply(call, &job_answer_descriptor, &answer);
}

/* --- the answer of a route that has asked for one --- */

static bool job_read(struct call *call, const char *id, struct job *ret_job, struct error *err)
{
    CLEANUP(store_reader_release) struct db *db = NULL;
    return store_reader(call->platform->store, READ_LIMIT_MS, &db, err) &&
           job_get(db, id, call->arena, ret_job, err);
}

/* In steps, after each of which it is seen whether somebody still waits. */
static void wait_for_job(struct call *call, const char *id, int seconds)
{
    for (int64_t waited_ms = 0, began; waited_ms < seconds * SECOND_MS; waited_ms += SECOND_MS) {
        began = clock_monotonic_us();
        if (jobs_wait(call->platform->jobs, id, SECOND_MS) || http_request_abandoned(call->request))
            return;
        if (clock_monotonic_us() - began < SECOND_MS * 500) /* not taken: too many wait already */
            return;
    }
}

/* The job is in the store: whatever happens here, it was accepted. */
bool reply_job(struct call *call, const struct job *job)
{
    struct http_request *request = call->request;
    struct job now = *job;
    struct error err;
    int seconds = http_prefer_wait(http_request_header(request, "Prefer"), WAIT_SECONDS_MAX);
    if (seconds > 0) {
        wait_for_job(call, job->id, seconds);
        if (!job_read(call, job->id, &now, &err))
            now = *job;
    }
    reply_job_answer(call, &now);
    if (seconds > 0 && job_has_ended(&now)) {
        request->response.status = 200;
        http_response_header(request, "Preference-Applied", "wait");
        return true;
    }
    request->response.status = 202;
    http_response_header(request, "Location", arena_printf(call->arena, "/api/v1/ops/jobs/%s", now.id));
    return true;
}

/* --- looking --- */

struct job_list_input {
    const char *status, *kind, *tenant_id, *created_by, *sort, *cursor;
    bool without_trials;
    int64_t page, page_size;
};
static const char *const list_sorts[] = {"-created_at", "created_at", NULL};
static const char *const list_statuses[] = {"open",      "recent", "queued",    "running",
                                            "succeeded", "failed", "cancelled", NULL};
static const struct param job_list_table[] = {
    PARAM_QUERY(struct job_list_input, status, TEXT,
                "Only these; open: queued and running; recent: these, and what was asked for within a day",
                .values = list_statuses),
    PARAM_QUERY(struct job_list_input, kind, TEXT, "Only this kind"),
    PARAM_QUERY(struct job_list_input, tenant_id, TEXT,
                "Only those about this tenant, alone or among others"),
    PARAM_QUERY(struct job_list_input, created_by, TEXT, "Only those that this person has asked for"),
    PARAM_QUERY(struct job_list_input, without_trials, BOOL, "None that only counts what another would do"),
    PARAM_QUERY(struct job_list_input, sort, TEXT, "Order; '-': newest first", .values = list_sorts,
                .fallback = "-created_at"),
    PARAM_QUERY(struct job_list_input, cursor, TEXT,
                "next_cursor of the page before; page is then without effect"),
    PARAMS_PAGE(struct job_list_input),
};
const struct params job_list_params = PARAMS(struct job_list_input, job_list_table);

struct job_list_answer {
    struct job_answer *items;
    size_t items_count;
    int64_t total, total_at_least, page, page_size;
    const char *next_cursor;
};
static const struct field job_list_fields[] = {
    FIELD_MANY(struct job_list_answer, items, LIST, "The page's jobs", .of = &job_answer_descriptor),
    FIELD(struct job_list_answer, total, INT, "Jobs that match; left out where there are very many",
          .optional = true),
    FIELD(struct job_list_answer, total_at_least, INT, "In its place: so many or more", .optional = true),
    FIELD(struct job_list_answer, page, INT, "Which page was asked for"),
    FIELD(struct job_list_answer, page_size, INT, "Items on a page"),
    FIELD(struct job_list_answer, next_cursor, TEXT,
          "What to send as cursor for the next page; null: the end", .nullable = true),
};
const struct descriptor job_list_descriptor = DESCRIPTOR("JobList", struct job_list_answer, job_list_fields);

bool job_list_get(struct call *call, struct error *err)
{
    const struct job_list_input *input = call->input;
    struct job_filter filter = {
        .status = input->status,
        .kind = input->kind,
        .tenant_id = input->tenant_id,
        .username = input->created_by,
        .without_trials = input->without_trials,
        .oldest_first = input->sort[0] != '-',
        .cursor = input->cursor,
        .page = input->page,
        .page_size = input->page_size,
    };
    struct job_page page;
    CLEANUP(store_reader_release) struct db *db = NULL;
    if (!store_reader(call->platform->store, READ_LIMIT_MS, &db, err) ||
        !job_list(db, &filter, call->arena, &page, err))
        return false;
    struct job_list_answer answer = {
        .items = arena_alloc(call->arena, (page.count + 1) * sizeof(*answer.items)),
        .items_count = page.count,
        .total = page.total,
        .total_at_least = page.total_at_least,
        .page = input->page,
        .page_size = input->page_size,
        .next_cursor = page.next_cursor,
    };
    for (size_t i = 0; i < page.count; i++)
        answer.items[i] = job_answer_of(call, &page.jobs[i]);
    return reply(call, &job_list_descriptor, &answer);
}

struct job_input {
    const char *id;
};
static const struct param job_table[] = {
    PARAM_PATH(struct job_input, id, TEXT, "Id of the job"),
};
const struct params job_params = PARAMS(struct job_input, job_table);

bool job_get_one(struct call *call, struct error *err)
{
    const struct job_input *input = call->input;
    struct job job;
    return job_read(call, input->id, &job, err) && reply_job_answer(call, &job);
}

struct job_item_list_input {
    const char *id, *outcome;
    int64_t page, page_size;
};
static const struct param job_item_list_table[] = {
    PARAM_PATH(struct job_item_list_input, id, TEXT, "Id of the job"),
    PARAM_QUERY(struct job_item_list_input, outcome, TEXT,
                "Only this outcome, in the kind's own word; waiting: those not reached", .max = OUTCOME_MAX),
    PARAMS_PAGE(struct job_item_list_input),
};
const struct params job_item_list_params = PARAMS(struct job_item_list_input, job_item_list_table);

bool job_items_get(struct call *call, struct error *err)
{
    const struct job_item_list_input *input = call->input;
    struct job job;
    struct job_item *items;
    size_t count;
    int64_t total;
    CLEANUP(store_reader_release) struct db *db = NULL;
    if (!store_reader(call->platform->store, READ_LIMIT_MS, &db, err) ||
        !job_get(db, input->id, call->arena, &job, err))
        return false;
    return job_item_list(db, input->id, input->outcome, input->page, input->page_size, call->arena, &items,
                         &count, &total, err) &&
           reply_list(call, &job_item_descriptor, items, count, total, input->page, input->page_size);
}

/* --- cancelling --- */

bool job_cancel_post(struct call *call, struct error *err)
{
    const struct job_input *input = call->input;
    struct job job;
    return job_cancel(call->platform, &call->actor, input->id, call->arena, &job, err) &&
           reply_job_answer(call, &job);
}
