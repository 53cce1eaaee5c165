/* What the parts of the tenant manager share: tenant_manager.c (list), detail.c, stats.c. */
#ifndef KIMONO_OPS_TENANTS_INTERNAL_H
#define KIMONO_OPS_TENANTS_INTERNAL_H

#include "ops/tenants/name_index.h"
#include "ops/tenants/tenant_manager.h"

struct tenant_manager {
    struct platform *platform;
    struct tenant_directory *directory;
};

/* Fields of TENANT_LIST_MEMBERS in a struct that begins with them. */
#define TENANT_LIST_FIELDS(type)                                                                             \
    FIELD(type, id, TEXT, "Id of the tenant"),                                                               \
        FIELD(type, name, TEXT, "Name for people", .personal = PERSONAL_PARTS),                              \
        FIELD(type, status, TEXT, "Whether it is served", .values = tenant_statuses),                        \
        FIELD(type, contact, TEXT, "Whom to ask", .personal = PERSONAL_WHOLE),                               \
        FIELD(type, user_count, INT, "Its users, disabled ones too"),                                        \
        FIELD(type, qa_pair_count, INT, "Its live question-answer pairs"),                                   \
        FIELD(type, conversations_today, INT, "Conversations begun today"),                                  \
        FIELD(type, last_active_at, TIME, "Newest chat message or log-in", .nullable = true),                \
        FIELD(type, created_at, TIME, "When it was made"),                                                   \
        FIELD(type, unsynced_count, INT, "Pairs that the vector index lacks"),                               \
        FIELD(type, pending_feedback_count, INT, "Feedback that waits to be dealt with"),                    \
        FIELD(type, suspended_at, TIME, "When it was suspended", .nullable = true),                          \
        FIELD(type, suspended_reason, TEXT, "Why it was suspended", .nullable = true,                        \
              .personal = PERSONAL_PARTS),                                                                   \
        FIELD(type, version, INT, "Counts changes; to be sent with an edit"),                                \
        FIELD(type, templates_missing, INT, "Templates for all tenants that it lacks")

/* Reads those of `ids`, in their order, as of `today`, without templates_missing; one that there is not is left out of
 * `items`, which has room for all. */
bool tenant_items_read(struct db *db, const char *const *ids, size_t count, int32_t today,
                       struct arena *arena, struct tenant_list_item *items, size_t *ret_count,
                       struct error *err);
/* Sets templates_missing of each. */
bool tenant_items_count_missing(struct db *db, struct tenant_list_item *items, size_t count,
                                struct error *err);

#endif
