/* Tenants as the operators see them: the list, one in detail, figures, users, and the whole lifecycle.
 * The rules of a tenant's row are in platform/tenants/tenants.h, what a suspension stops in
 * platform/tenants/gate.h. */
#ifndef KIMONO_OPS_TENANTS_TENANT_MANAGER_H
#define KIMONO_OPS_TENANTS_TENANT_MANAGER_H

#include "platform/platform.h"
#include "platform/tenants/tenants.h"

struct tenant_manager;
struct tenant_manager *tenant_manager_new(struct platform *platform); /* the platform is lent */
void tenant_manager_free(struct tenant_manager *manager);             /* takes NULL */

/* --- the list --- */

#define TENANT_LIST_MEMBERS                                                                                  \
    const char *id, *name, *status, *contact;                                                                \
    int64_t user_count, qa_pair_count, conversations_today;                                                  \
    int64_t last_active_at; /* INT_NULL: never */                                                            \
    int64_t created_at;                                                                                      \
    int64_t unsynced_count, pending_feedback_count;                                                          \
    int64_t suspended_at; /* INT_NULL: it is active */                                                       \
    const char *suspended_reason;                                                                            \
    int64_t version;                                                                                         \
    int64_t templates_missing; /* templates for all that it lacks, as the matrix has it */

struct tenant_list_item {
    TENANT_LIST_MEMBERS
};

struct tenant_summary {
    int64_t total, active, suspended;
};
struct tenant_list {
    struct tenant_list_item *items;
    size_t items_count;
    int64_t total, page, page_size;
    struct tenant_summary summary; /* of the whole platform, whatever the filter */
};
extern const struct descriptor tenant_list_descriptor;

extern const char *const tenant_sorts[]; /* "name", "-name" …; NULL-terminated */
#define TENANT_SORT_DEFAULT "-conversations_today"

struct tenant_filter {
    const char *status, *keyword; /* NULL: any; the keyword is a part of name or id */
    const char *sort;             /* one of tenant_sorts; equal ones by id, in the same direction */
    int64_t page, page_size;
};
/* As fast with ten thousand tenants as with a few: order comes from an index, totals from counters,
 * filters from memory. */
bool tenant_manager_list(struct tenant_manager *manager, const struct tenant_filter *filter,
                         struct arena *arena, struct tenant_list *ret_list, struct error *err);

/* --- one of them --- */

/* What a suspension would hit now. */
struct tenant_effect {
    int64_t conversations_last_hour, users_logged_in, jobs_running;
};
/* Messages whose request came at or after `since`: an answered one would mean that the suspension does not hold. */
struct tenant_suspension {
    int64_t since;
    const char *reason;
    const char *by; /* username; NULL: not known */
    int64_t messages_answered, messages_refused;
};
struct tenant_detail {
    TENANT_LIST_MEMBERS
    int64_t updated_at;
    const char *api_key; /* NULL: not for this caller */
    struct tenant_effect effect;
    const struct tenant_suspension *suspension; /* NULL: it is active */
};
extern const struct descriptor tenant_detail_descriptor;

/* `with_key`: the caller may see the publishable key. ERROR_NOT_FOUND. */
bool tenant_manager_detail(struct tenant_manager *manager, const char *id, bool with_key, struct arena *arena,
                           struct tenant_detail *ret_detail, struct error *err);

/* To 'active' or 'suspended', for a reason (of a suspension required). ERROR_NOT_FOUND; ERROR_CONFLICT when
 * it is so already. */
bool tenant_manager_set_status(struct tenant_manager *manager, const struct actor *actor, const char *id,
                               const char *status, const char *reason, struct arena *arena,
                               struct error *err);

struct tenant_user {
    const char *id, *username, *role, *status;
    bool logged_in; /* it has a session that is good now */
    int64_t created_at, last_login_at;
};
struct tenant_user_list {
    struct tenant_user *items;
    size_t items_count;
    int64_t total, page, page_size;
};
extern const struct descriptor tenant_user_descriptor;
/* By name; no secrets. ERROR_NOT_FOUND when there is no such tenant. */
bool tenant_manager_users(struct tenant_manager *manager, const char *id, int64_t page, int64_t page_size,
                          struct arena *arena, struct tenant_user_list *ret_list, struct error *err);

/* --- its figures --- */

#define TENANT_RESPONSE_DAYS 30 /* over which its mean time to answer is taken, today included */

struct tenant_stats {
    int64_t total_users, admin_count, staff_count;
    int64_t total_qa_pairs, synced_qa_pairs;
    double avg_quality_score;
    int64_t conversations_today, conversations_week, conversations_month;
    /* by this time of yesterday, of the week's and of the month's same day; INT_NULL: not known */
    int64_t conversations_yesterday, conversations_week_before, conversations_month_before;
    double avg_response_time_ms;
    int64_t pending_feedbacks;
    double feedback_approval_rate;
    int64_t generated_at;
};
extern const struct descriptor tenant_stats_descriptor;
/* Weeks begin on Monday; days, weeks and months are those of the configured zone. ERROR_NOT_FOUND. */
bool tenant_manager_stats(struct tenant_manager *manager, const char *id, struct arena *arena,
                          struct tenant_stats *ret_stats, struct error *err);

struct tenant_trend_point {
    int64_t date;
    int64_t conversations, messages, answered, refused, feedbacks;
    double avg_response_time_ms, p95_response_time_ms;
    int64_t api_calls, failed_calls, cost_cny;
};
struct tenant_trends {
    int64_t days;
    int64_t recorded_since;            /* a day; those before are not known */
    const struct day_so_far *compared; /* NULL: it was not asked for */
    struct tenant_trend_point *points;
    size_t points_count;
    int64_t generated_at;
};
extern const struct descriptor tenant_trends_descriptor;
#define TENANT_TREND_DAYS_MAX 90
/* One point for each day, today last; compared with today is the day `compared_days` before, 0: none.
 * ERROR_NOT_FOUND. */
bool tenant_manager_trends(struct tenant_manager *manager, const char *id, int64_t days,
                           int64_t compared_days, struct arena *arena, struct tenant_trends *ret_trends,
                           struct error *err);

#endif
