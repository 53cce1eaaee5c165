/* The parameters of a bulk job, between ops/knowledge/bulk_request.c, which checks and writes it, and
 * ops/knowledge/bulk.c, which does it. */
#ifndef KIMONO_OPS_KNOWLEDGE_BULK_REQUEST_H
#define KIMONO_OPS_KNOWLEDGE_BULK_REQUEST_H

#include "ops/knowledge/bulk.h"

enum bulk_action { BULK_DELETE, BULK_SYNC, BULK_SET_CATEGORY };

struct bulk_parameters {
    enum bulk_action action;
    bool has_filter; /* else the pairs are the job's items */
    struct qa_filter filter;
    const char *category, *reason;
    bool dry_run;
};
bool bulk_parameters_read(const char *json, struct arena *arena, struct bulk_parameters *ret_parameters,
                          struct error *err);

#endif
