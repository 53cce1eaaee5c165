/* The endpoints that the route table names: what each takes, what it gives, and its handler. Each lives
 * in the file that is named above it; input structs and descriptors of answers stand beside their
 * handler. Adding an endpoint: its declarations here, its row in ops_routes.c. */
#ifndef KIMONO_API_ENDPOINTS_H
#define KIMONO_API_ENDPOINTS_H

#include "api/route.h"

/* auth_routes.c */
extern const struct params login_params, refresh_params;
extern const struct descriptor identity_descriptor, session_descriptor;
bool auth_login_post(struct call *call, struct error *err);
bool auth_refresh_post(struct call *call, struct error *err);
bool auth_logout_post(struct call *call, struct error *err);
bool auth_me_get(struct call *call, struct error *err);

/* chat_routes.c */
extern const struct params chat_params, feedback_params;
bool chat_message_post(struct call *call, struct error *err);
bool feedback_post(struct call *call, struct error *err);

/* telemetry_routes.c */
extern const struct record_body usage_records, log_records;
bool telemetry_usage_post(struct call *call, struct error *err);
bool telemetry_logs_post(struct call *call, struct error *err);

/* otlp_routes.c */
extern const struct record_body otlp_records;
bool otlp_logs_post(struct call *call, struct error *err);
bool otlp_traces_post(struct call *call, struct error *err);

/* system_routes.c */
extern const struct descriptor health_descriptor, stats_descriptor;
bool system_health_get(struct call *call, struct error *err);
bool system_stats_get(struct call *call, struct error *err);

/* metrics_route.c */
bool metrics_get(struct call *call, struct error *err);

/* openapi.c */
bool openapi_get(struct call *call, struct error *err);

/* ops_dashboard.c */
extern const struct params trends_params;
bool dashboard_overview_get(struct call *call, struct error *err);
bool dashboard_trends_get(struct call *call, struct error *err);

/* ops_jobs.c */
struct job;
extern const struct params job_list_params, job_params, job_item_list_params;
extern const struct descriptor job_answer_descriptor, job_list_descriptor;
bool job_list_get(struct call *call, struct error *err);
bool job_get_one(struct call *call, struct error *err);
bool job_items_get(struct call *call, struct error *err);
bool job_cancel_post(struct call *call, struct error *err);
/* The answer of a route that has asked for a job: 202 with where to look, or 200 with the job when it ended
 * within the seconds of 'Prefer: wait=SECONDS' (RFC 7240; 60 at most). For routes with `.run =
 * HTTP_RUN_WORKER, .status = 202, .other_status = 200, .answer = &job_answer_descriptor`. */
bool reply_job(struct call *call, const struct job *job);

/* ops_templates.c */
extern const struct params template_list_params, template_params, template_create_params,
    template_delete_params, template_update_params, distribute_params, matrix_params, template_copy_params,
    template_resolve_params;
bool template_list_get(struct call *call, struct error *err);
bool template_get_one(struct call *call, struct error *err);
bool template_post(struct call *call, struct error *err);
bool template_put(struct call *call, struct error *err);
bool template_delete_one(struct call *call, struct error *err);
bool template_distribute_post(struct call *call, struct error *err);
bool template_matrix_get(struct call *call, struct error *err);
bool template_copy_get(struct call *call, struct error *err);
bool template_copy_post(struct call *call, struct error *err);

/* ops_system.c */
bool system_status_get(struct call *call, struct error *err);
bool system_components_get(struct call *call, struct error *err);

/* ops_alerts.c */
extern const struct params alerts_params;
bool alerts_active_get(struct call *call, struct error *err);

/* ops_operations.c */
extern const struct params operations_params, operation_params, operations_export_params;
bool operation_get(struct call *call, struct error *err);
bool operations_get(struct call *call, struct error *err);
bool operations_export_get(struct call *call, struct error *err);

/* ops_requests.c */
extern const struct params request_story_params;
extern const struct descriptor request_story_descriptor;
bool request_story_get(struct call *call, struct error *err);

/* ops_knowledge.c */
extern const struct params trial_params, qa_list_params, knowledge_scope_params, facets_params;
bool knowledge_overview_get(struct call *call, struct error *err);
bool knowledge_facets_get(struct call *call, struct error *err);
bool knowledge_pairs_get(struct call *call, struct error *err);
bool knowledge_search_post(struct call *call, struct error *err);

/* ops_corrections.c */
extern const struct params correction_list_params, correction_params, correction_approve_params,
    correction_reject_params;
bool correction_list_get(struct call *call, struct error *err);
bool correction_get(struct call *call, struct error *err);
bool correction_approve_post(struct call *call, struct error *err);
bool correction_reject_post(struct call *call, struct error *err);

/* ops_knowledge_edit.c */
extern const struct params qa_pair_params, qa_deleted_params, qa_create_params, qa_update_params,
    qa_delete_params, qa_bulk_params, job_undo_params;
bool knowledge_pair_get(struct call *call, struct error *err);
bool knowledge_deleted_get(struct call *call, struct error *err);
bool knowledge_pair_post(struct call *call, struct error *err);
bool knowledge_pair_put(struct call *call, struct error *err);
bool knowledge_pair_delete(struct call *call, struct error *err);
bool knowledge_pair_restore(struct call *call, struct error *err);
bool knowledge_bulk_post(struct call *call, struct error *err);
bool job_undo_post(struct call *call, struct error *err);

/* ops_knowledge_sync.c */
extern const struct params sync_params, sync_status_params, sync_check_params;
bool knowledge_sync_post(struct call *call, struct error *err);
bool knowledge_sync_status_get(struct call *call, struct error *err);
bool knowledge_sync_check_post(struct call *call, struct error *err);

/* ops_knowledge_transfer.c */
extern const struct params import_params, import_preview_params, job_errors_params, export_params;
bool knowledge_import_post(struct call *call, struct error *err);
bool knowledge_import_preview_post(struct call *call, struct error *err);
bool job_errors_get(struct call *call, struct error *err);
bool knowledge_export_get(struct call *call, struct error *err);

/* ops_logs.c */
extern const struct params log_query_params, log_stats_params, log_patterns_params, log_context_params,
    log_tail_params, log_export_params, log_query_new_params, log_query_one_params;
bool logs_query_get(struct call *call, struct error *err);
bool logs_stats_get(struct call *call, struct error *err);
bool logs_patterns_get(struct call *call, struct error *err);
bool logs_context_get(struct call *call, struct error *err);
bool logs_tail_get(struct call *call, struct error *err);
bool logs_export_get(struct call *call, struct error *err);
bool log_queries_get(struct call *call, struct error *err);
bool log_query_post(struct call *call, struct error *err);
bool log_query_delete(struct call *call, struct error *err);

/* ops_tenants.c */
extern const struct params tenants_params, tenant_params, tenant_new_params, tenant_edit_params;
extern const struct params tenant_users_params, tenant_trends_params;
extern const struct params tenant_suspend_params, tenant_activate_params;
bool tenants_get(struct call *call, struct error *err);
bool tenant_post(struct call *call, struct error *err);
bool tenant_detail_get(struct call *call, struct error *err);
bool tenant_put(struct call *call, struct error *err);
bool tenant_stats_get(struct call *call, struct error *err);
bool tenant_users_get(struct call *call, struct error *err);
bool tenant_trends_get(struct call *call, struct error *err);
bool tenant_suspend_post(struct call *call, struct error *err);
bool tenant_activate_post(struct call *call, struct error *err);

/* ops_usage.c */
extern const struct params usage_params, usage_tenants_params, usage_projection_params;
bool api_usage_stats_get(struct call *call, struct error *err);
bool api_usage_cost_get(struct call *call, struct error *err);
bool api_usage_trends_get(struct call *call, struct error *err);
bool api_usage_by_tenant_get(struct call *call, struct error *err);
bool api_usage_projection_get(struct call *call, struct error *err);

#endif
