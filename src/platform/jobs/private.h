/* Inside jobs*.c: what the rows and the runner share. */
#ifndef KIMONO_PLATFORM_JOBS_PRIVATE_H
#define KIMONO_PLATFORM_JOBS_PRIVATE_H

#include "platform/jobs/jobs.h"

#define JOB_COLUMNS                                                                                          \
    "id, kind, status, tenant_id, parameters, result, error_en, error_zh, progress_done, progress_total,"    \
    " user_id, username, ip_address, request_id, created_at, started_at, finished_at"

/* Whether a job waits. Costs a look at an index that is mostly empty. */
bool job_waits(struct store *store, bool *ret_waits, struct error *err);
/* The oldest job that waits runs from here on. `ret_found` false: none waits. */
bool job_take(struct store *store, struct arena *arena, struct job *ret_job, bool *ret_found,
              struct error *err);
/* How the run of `job` ended: "succeeded", "failed" with the reason, or "queued" to run again. One that
 * was cancelled meanwhile stays so. `job` becomes what the row then says. */
bool job_end_run(struct store *store, const char *status, const struct error *why, struct arena *arena,
                 struct job *job, struct error *err);
/* What ran when its process ended is queued again where the kind resumes, else failed. An unknown kind is
 * queued too: whoever takes it says what is wrong with it. Only for the one runner, before it runs any. */
bool jobs_recover(struct store *store, const struct jobs *jobs, int64_t *ret_count, struct error *err);
/* Why a job is failed that was not done when its process ended. Returns false. */
bool job_error_process_ended(struct error *err);
/* Whether it has ended, or is not there; false also when it cannot be read. */
bool job_is_over(struct store *store, const char *id);
/* Waiting and running, of the whole store. */
bool jobs_count(struct store *store, struct jobs_state *ret_state, struct error *err);

#endif
