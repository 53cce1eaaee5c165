/* Taking back what a job has changed in the knowledge (an import, a bulk deletion or change of category): the
 * job kind `knowledge.undo`, within KNOWLEDGE_UNDO_MS of that job's end, once. Newest change first, some
 * hundred pairs in a transaction with an audit row; each note is deleted with the change that takes it back
 * (platform/knowledge/changes.h), so a cancelled undo can be asked for again and does the rest.
 *
 *   created    deleted, if nobody has edited it; if it is gone already, nothing
 *   updated    gets its old text and category, if nobody has edited it since
 *   deleted    restored, if it was not restored meanwhile and its question is free
 *
 * Whatever else is a conflict, and stays as it is. Result: {"undone", "conflicts", "job_id"}. */
#ifndef KIMONO_OPS_KNOWLEDGE_UNDO_H
#define KIMONO_OPS_KNOWLEDGE_UNDO_H

#include "platform/jobs/jobs.h"

#define UNDO_KIND "knowledge.undo"

/* Puts the job into the queue, with an audit row knowledge.undo. ERROR_NOT_FOUND: no such job; ERROR_CONFLICT:
 * it still runs, is too old, has changed nothing, or was undone already. */
bool knowledge_undo(struct platform *platform, const struct actor *actor, const char *job_id,
                    const char *reason, struct arena *arena, struct job *ret_job, struct error *err);
/* The kind's work; it resumes. */
bool knowledge_undo_run(struct job_run *run, struct error *err);

#endif
