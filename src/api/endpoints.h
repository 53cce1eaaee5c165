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

/* ops_system.c */
bool system_status_get(struct call *call, struct error *err);
bool system_components_get(struct call *call, struct error *err);

/* ops_alerts.c */
extern const struct params alerts_params;
bool alerts_active_get(struct call *call, struct error *err);

/* ops_knowledge.c */
extern const struct params trial_params;
bool knowledge_search_post(struct call *call, struct error *err);

#endif
