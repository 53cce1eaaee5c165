/* Inside the room: what the rows and the runner share. */
#ifndef KIMONO_PLATFORM_JOBS_PRIVATE_H
#define KIMONO_PLATFORM_JOBS_PRIVATE_H

#include "platform/jobs/jobs.h"

#define JOB_COLUMNS                                                                                          \
    "id, kind, status, tenant_id, parameters, result, error_en, error_zh, progress_done, progress_total,"    \
    " user_id, username, ip_address, request_id, created_at, started_at, finished_at, owner, claim, "        \
    "failures,"                                                                                              \
    " retry_at"

#define JOB_ATTEMPTS 6 /* at a run that gets no further */
#define JOB_RETRY_FIRST_MS 1000
#define JOB_RETRY_MOST_MS 32000
#define JOB_BEAT_READ_MS 500 /* that a read of the thread that sends beats may take */

/* Whether a job is due, and when the next one will be (wall clock; INT_NULL: none waits). Costs a look at an index
 * that is mostly empty. */
bool job_next_due(struct store *store, bool *ret_is_due, int64_t *ret_next_at, struct error *err);
/* The oldest job that is due is run by `owner` from here on. `ret_found` false: none is. */
bool job_claim(struct store *store, const char *owner, struct arena *arena, struct job *ret_job,
               bool *ret_found, struct error *err);
/* Whether this claim of the job is still its present one, and it runs. */
bool job_claim_holds(struct db *db, const char *id, int64_t claim, bool *ret_holds, struct error *err);

enum job_end { JOB_SUCCEEDED, JOB_FAILED, JOB_QUEUED_AGAIN, JOB_RETRIED };
/* How the run of `job` ended. JOB_FAILED has its reason; JOB_RETRIED too, for it is failed when it has been tried
 * JOB_ATTEMPTS times and got no further since `done_before`. Only under the claim of `job`: what was cancelled or
 * claimed by another meanwhile stays as it is. `job` becomes what the row then says. */
bool job_end_run(struct store *store, enum job_end end, int64_t done_before, const struct error *why,
                 struct arena *arena, struct job *job, struct error *err);

/* Whether jobs run whose process is not there. */
bool jobs_are_orphaned(struct store *store, bool *ret_orphaned, struct error *err);
/* These are queued again where the kind resumes, else failed. An unknown kind is queued too: whoever claims it says
 * what is wrong with it. */
bool jobs_recover(struct store *store, const struct jobs *jobs, int64_t *ret_count, struct error *err);
/* Why a job is failed that was not done when its process ended. Returns false. */
bool job_error_process_ended(struct error *err);

/* Whether it has ended, or is not there; false also when it cannot be read. */
bool job_is_over(struct store *store, const char *id);
/* Waiting and running, of the whole store. */
bool jobs_count(struct store *store, struct jobs_state *ret_state, struct error *err);

#endif
