/* Jobs: long work that was asked for by a request (import, distribution, bulk changes, sync). A job is a
 * row from the request on; whichever process of those that share the store has a place free claims the oldest; its
 * figures and progress are written in the transactions of its work, so that whatever happens the row says exactly
 * what was done.
 *
 * A kind does its work in steps: each step is one store_write whose function calls job_step (and, where it
 * has items, job_item_done) beside its own changes. job_step fails when the job was cancelled, or was claimed by
 * another process since: then the step's transaction takes back all of it. So after a cancel has been answered
 * nothing more is changed, and nothing is done twice by a process that stood still and goes on.
 *
 * A process may end at any time. As soon as its beats are missed (store/lease.h) a job that it was running is queued
 * again where its kind can go on (`resumes`: it looks at its items or its result to see what is left), else it is
 * failed with what was done so far.
 *
 * Two jobs run at a time in each process, the oldest first, of one kind or of two: a kind must be right beside another
 * job of its own kind. Its steps never meet, for they are transactions. A job whose run fails for a reason that may
 * pass gives its place back and is left alone for a while, twice as long each time that it got no further.
 *
 *   jobs.c      the rows: asking, looking, the steps of the work, cancelling, sweeping
 *   state.c     from queued to running to the end, each change one transaction
 *   runner.c    the threads, what becomes of their claims, waiting
 *
 * Adding a kind: its run function, and a row in the room's tasks.c; CONTRIBUTING.md says how. */
#ifndef KIMONO_PLATFORM_JOBS_JOBS_H
#define KIMONO_PLATFORM_JOBS_JOBS_H

#include "base/identifier.h"
#include "platform/audit/audit.h"
#include "platform/platform.h"
#include "platform/tenants/gate.h"
#include "store/lease.h"
#include "store/store.h"

struct job {
    const char *id, *kind, *status, *tenant_id; /* status: queued, running, succeeded, failed, cancelled */
    const char *parameters, *result;            /* JSON; result NULL: none yet */
    const char *error_en, *error_zh;            /* NULL: it has not failed */
    int64_t progress_done, progress_total;
    const char *user_id, *username, *ip_address, *request_id;
    int64_t created_at, started_at, finished_at; /* INT_NULL: not yet */
    const char *owner;                           /* the process that runs it; NULL: none does */
    int64_t claim;                               /* of which of its claims the row is as it was read */
    int64_t failures; /* runs in a row that got no further, for a reason that may pass */
    int64_t retry_at; /* left alone until then; INT_NULL: it is due */
};
extern const struct descriptor job_descriptor; /* of the row; what the API sends is in api/ops_jobs.c */
extern const char *const job_statuses[];       /* NULL-terminated */
bool job_has_ended(const struct job *job);

struct job_item {
    int64_t seq;
    const char *target_id, *outcome, *detail; /* outcome NULL: not reached; detail JSON or NULL */
};
extern const struct descriptor job_item_descriptor;

/* --- the work of a kind --- */

struct job_slot; /* one of the runner's places */

struct job_run {
    struct platform *platform;
    const struct job *job; /* as it was claimed: parameters, and progress and result of an earlier run */
    struct actor actor;    /* who asked, for audit rows */
    struct arena *arena;   /* lives as long as the run; what a step needs has an arena of its own */
    struct jobs *jobs;
    struct job_slot *slot; /* the runner's own; NULL where a test calls a kind */
};

/* To be asked before each step. True: the process is being stopped, the job was cancelled, or another process may
 * have taken it over; so return true at once, with work left. What still is this run's is queued again if its kind
 * resumes, else failed. */
bool job_stopping(const struct job_run *run);

/* Within a transaction, once for each step: progress and the result so far (JSON object; lent; NULL: as it
 * is). ERROR_CANCELLED when the job is not running any more, or under another claim. */
bool job_step(struct db *db, const struct job_run *run, int64_t done, const char *result, struct error *err);
/* Within a transaction: the total is known only now. ERROR_CANCELLED as above. */
bool job_set_total(struct db *db, const struct job_run *run, int64_t total, struct error *err);
/* Within a transaction: what came of one item. ERROR_INTERNAL if it has an outcome already. */
bool job_item_done(struct db *db, const struct job_run *run, int64_t seq, const char *outcome,
                   const char *detail, struct error *err);
/* Within a transaction: one more item, which has its outcome already, of a kind whose items
 * are rows only once they have one. ERROR_INTERNAL if there is one of this seq. */
bool job_item_add(struct db *db, const struct job_run *run, int64_t seq, const char *target_id,
                  const char *outcome, const char *detail, struct error *err);
/* The items that have no outcome yet, from seq `after` on, at most `limit`, in order. */
bool job_items_waiting(struct db *db, const char *job_id, int64_t after, size_t limit, struct arena *arena,
                       struct job_item *ret_items, size_t *ret_count, struct error *err);

struct job_kind {
    const char *name;                  /* "templates.distribute" */
    const char *title[LANGUAGE_COUNT]; /* for people: "Distribution of templates" */
    /* False: the job has failed, `err` is why. One of a kind that resumes is run again later, some times, when the
     * reason may pass (ERROR_UNAVAILABLE, ERROR_TIMEOUT: the store was busy). A job that has succeeded has an outcome
     * for each of its items. */
    bool (*run)(struct job_run *run, struct error *err);
    bool resumes;          /* may be run again from the start at any time: it does only what is left */
    enum tenant_gate gate; /* what it asks for each tenant that it changes; 0, a forgotten one, is closed */
};

/* What a room exports: `const struct job_kinds transfer_job_kinds = JOB_KINDS(rows);` */
struct job_kinds {
    const struct job_kind *rows;
    size_t count;
};
#define JOB_KINDS(rows)                                                                                      \
    {                                                                                                        \
        rows, ARRAY_SIZE(rows)                                                                               \
    }

/* --- asking for one --- */

struct job_request {
    const char *id; /* of job_id_make, where something must be there before the job is; NULL: made here */
    const char *kind;
    const char *parameters; /* JSON object */
    const char *tenant_id;  /* NULL: several or none */
    int64_t total;          /* 0: the run will tell */
};
void job_id_make(char ret_id[static IDENTIFIER_SIZE]);
/* Within a transaction of the caller's, beside the audit row of what was asked; then jobs_wake. Texts are
 * copied to the arena. */
bool job_insert(struct db *db, const struct actor *actor, const struct job_request *request,
                struct arena *arena, struct job *ret_job, struct error *err);
/* Within the same transaction, once for a job: its items, in this order; or one for each tenant that there
 * is, in order of id. Their number becomes the job's total. */
bool job_add_items(struct db *db, struct job *job, const char *const *target_ids, size_t count,
                   struct error *err);
bool job_add_all_tenants(struct db *db, struct job *job, struct error *err);

/* --- looking --- */

/* ERROR_NOT_FOUND. */
bool job_get(struct db *db, const char *id, struct arena *arena, struct job *ret_job, struct error *err);

struct job_filter {
    /* NULL: any; status "open": queued and running; "recent": these, and what was asked for within a day */
    const char *status, *kind;
    const char *tenant_id;   /* NULL: any; else jobs about this tenant, alone or by an item */
    const char *username;    /* NULL: any; who asked */
    bool without_trials;     /* none that only counts what another would do */
    bool oldest_first;       /* else newest */
    const char *cursor;      /* next_cursor of the page before under the same filter; NULL: `page` */
    int64_t page, page_size; /* pages reach JOB_PAGE_DEPTH jobs deep, a cursor any depth */
};
#define JOB_PAGE_DEPTH 10000
struct job_page {
    struct job *jobs;
    size_t count;
    int64_t total, total_at_least; /* one of them; the other INT_NULL: counted as far as JOB_PAGE_DEPTH */
    const char *next_cursor;       /* NULL: this is the end */
};
/* By when they were asked for. ERROR_INVALID names `cursor` (no job of this store any more) or `page`. */
bool job_list(struct db *db, const struct job_filter *filter, struct arena *arena, struct job_page *ret_page,
              struct error *err);
/* `outcome` NULL: all; "waiting": those not reached. `ret_total`: of all pages. */
bool job_item_list(struct db *db, const char *job_id, const char *outcome, int64_t page, int64_t page_size,
                   struct arena *arena, struct job_item **ret_items, size_t *ret_count, int64_t *ret_total,
                   struct error *err);
/* Items with a seq above `after`, at most `limit`, in order. */
bool job_items_after(struct db *db, const char *job_id, int64_t after, size_t limit, struct arena *arena,
                     struct job_item *ret_items, size_t *ret_count, struct error *err);
/* Jobs that wait or run and have something left to do for this tenant: theirs alone, or by an item that
 * has no outcome yet. */
bool job_count_open_of_tenant(struct db *db, const char *tenant_id, int64_t *ret_count, struct error *err);

struct job_counts {
    int64_t queued, running;
    int64_t oldest_queued_at; /* INT_NULL: none is */
};
bool job_count_open(struct db *db, struct job_counts *ret_counts, struct error *err);

/* Finds jobs that have ended without an end, and those that have succeeded with an item left out; each is
 * a line in `ret_findings`. For `kimono check`. */
bool jobs_check(struct db *db, struct strbuf *ret_findings, struct error *err);

/* A job that waits or runs is cancelled at once: what it has done stays, and the job says what. An audit
 * row job.cancel in the same transaction. ERROR_NOT_FOUND; ERROR_CONFLICT when it has ended already. */
bool job_cancel(struct platform *platform, const struct actor *actor, const char *id, struct arena *arena,
                struct job *ret_job, struct error *err);
/* Deletes jobs that ended more than `days` days ago, with their items, some hundred rows in a transaction.
 * A scheduled task. `ret_deleted`: jobs. */
bool job_sweep(struct store *store, int days, int64_t *ret_deleted, struct error *err);

/* --- the runner --- */

/* `rooms`, of which each exports its kinds, must live until jobs_stop. Needs platform->lease_holder, whose beats it
 * follows. `*ret_jobs` stands before the first job runs. ERROR_INTERNAL: a row lacks what it must have, or a thread
 * could not be started. */
bool jobs_start(struct jobs **ret_jobs, struct platform *platform, const struct job_kinds *const *rooms,
                size_t count, struct error *err);
/* The process is about to end: running jobs stop at their next step, who waits is answered, nothing is
 * begun any more. To be called before the HTTP server is stopped. Takes NULL. */
void jobs_stop_soon(struct jobs *jobs);
/* The same, waits for it and frees. Nobody may use `jobs` any more. Takes NULL. */
void jobs_stop(struct jobs *jobs);
/* A job was queued or has ended. Takes NULL (a command line, a test: the row waits for a server). */
void jobs_wake(struct jobs *jobs);
/* Waits until the job has ended, `timeout_ms` at most; true: it has. False at once when as many wait as may
 * (a quarter of the workers), for a waiter holds a worker thread; and for NULL. The caller then reads the
 * job. */
bool jobs_wait(struct jobs *jobs, const char *id, int timeout_ms);
const struct job_kind *job_kind_find(const struct jobs *jobs, const char *name); /* NULL: none */

struct jobs_state {
    int64_t waiting, running; /* of the store, wherever they run; INT_NULL: could not be read */
};
void jobs_get_state(struct jobs *jobs, struct jobs_state *ret_state);

#endif
