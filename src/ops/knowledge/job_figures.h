/* The result of a job that goes on where an earlier run of it has ended. */
#ifndef KIMONO_OPS_KNOWLEDGE_JOB_FIGURES_H
#define KIMONO_OPS_KNOWLEDGE_JOB_FIGURES_H

#include "base/arena.h"
#include "base/descriptor.h"
#include "base/error.h"

/* Reads the whole numbers and texts of the descriptor from the JSON object; what is not there stays as it is.
 * `json` NULL: there is none. Texts are the arena's. */
bool job_figures_read(const char *json, const struct descriptor *descriptor, void *object,
                      struct arena *arena, struct error *err);
/* The object as JSON, in the arena. */
const char *job_figures_write(const struct descriptor *descriptor, const void *object, struct arena *arena);

#endif
