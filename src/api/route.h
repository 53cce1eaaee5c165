/* Routes: one row in the table of ops_routes.c is all that there is to know about an endpoint, and
 * dispatch.c treats every row the same. */
#ifndef KIMONO_API_ROUTE_H
#define KIMONO_API_ROUTE_H

#include "api/params.h"
#include "base/log_limit.h"
#include "http/server.h"
#include "http/stream.h"
#include "ops/dashboard/metrics_collector.h"
#include "platform/audit/audit.h"
#include "platform/identity/auth.h"
#include "security/rate_limit.h"

/* Zero, what a forgotten column holds, is ops_admin only. */
enum permission {
    PERMISSION_OPS_ADMIN,  /* ops_admin alone */
    PERMISSION_OPS_READ,   /* ops_admin and ops_viewer */
    PERMISSION_SIGNED_IN,  /* every user and token */
    PERMISSION_TENANT_KEY, /* a tenant's publishable key in X-API-Key */
    PERMISSION_INGEST,     /* tokens of the role ingest alone */
    PERMISSION_LOCAL,      /* the machine itself, ops, or a token of the role metrics */
    PERMISSION_PUBLIC,
};
const char *permission_name(enum permission permission);

struct tenant_manager;

struct api {
    struct platform *platform;
    struct worker_pool *workers, *heavy, *ingest;
    struct metrics_collector *metrics;
    struct tenant_manager *tenants;
    struct rate_limiter *limiter;
    struct http_connection_counts connections; /* kept by the server */
    struct request_log *request_log;
    struct refusal_log *refusals;
    struct request_metrics *request_metrics;
    struct log_limit origin_warnings; /* of pages at another address than the console's */
    struct static_files *pages;
    const char *version;
    const char *temporary_folder;
    const char *public_origin; /* "" : the Host that was asked */
    struct strbuf openapi;     /* the document, made once */
};

/* One request on its way through a handler. */
struct call {
    struct api *api;
    struct platform *platform;
    struct http_request *request;
    const struct route *route;
    struct arena *arena;
    struct principal principal; /* all zero where nobody is signed in */
    const char *key_tenant_id;  /* whose publishable key came; NULL: none */
    struct actor actor;
    const void *input;
    struct path_values path;
    const char *refusal; /* why it was refused, in English; NULL: it was not, or by the server itself */
    bool admitted;       /* the route is there, permitted, and within its rate */
    bool reveal;         /* ops_admin has asked for personal data as it is: ?reveal=true */
    size_t revealed;     /* texts of the answer that would have been masked */
};

/* True: the answer is in the request. False: the error becomes the answer. */
typedef bool (*route_handler)(struct call *call, struct error *err);

enum answer_shape { ANSWER_OBJECT, ANSWER_LIST /* {"items":[…],"total":N,"page":1,"page_size":20} */ };

/* A body of records (platform/ingest/ingest.h): it may be long and packed, and comes in one of several types. */
struct record_body {
    const char *const *content_types; /* NULL-terminated */
    const struct descriptor *record;  /* of a JSON array; NULL: an object that others describe */
    const char *description;
};

struct route {
    const char *method, *path; /* "/api/v1/ops/tenants/{id}" */
    enum permission permission;
    enum tenant_gate gate;    /* what a suspended tenant means here; 0, a forgotten one: refused */
    const char *audit_action; /* of what it changes; NULL: it changes nothing that is audited */
    enum rate_class rate;
    size_t body_limit;                 /* bytes; 0 where there is no body */
    const struct record_body *records; /* instead of parameters in the body; NULL: it takes none */
    enum http_run run;                 /* where it is handled: http/server.h */
    const struct params *params;       /* NULL: it takes nothing */
    int status;                        /* of success; 0: 200 */
    int other_status;                  /* a second one with the same answer: health's 503; 0: none */
    const struct descriptor *answer;   /* NULL: no JSON (204, text) */
    enum answer_shape shape;
    const char *content_type;       /* of an answer that is not JSON */
    const char *other_content_type; /* a second one, where a parameter chooses; NULL: none */
    route_handler handle;
    const char *summary; /* for the OpenAPI document */
};

extern const struct route routes[];
extern const size_t route_count;

/* Whether its answer may hold personal data: then it takes `reveal`. */
bool route_is_personal(const struct route *route);

/* Writes an answer by its descriptor, with the route's status; personal texts masked, unless they were asked
 * for (call.reveal). */
bool reply(struct call *call, const struct descriptor *descriptor, const void *object);
/* A page of a list: `count` structs at `items`. */
bool reply_list(struct call *call, const struct descriptor *descriptor, const void *items, size_t count,
                int64_t total, int64_t page, int64_t page_size);
bool reply_empty(struct call *call); /* 204 */
/* A download that is made while it is sent (http/stream.h: what holds of the producer and its context);
 * the route runs on a worker. `content_type` NULL: the route's. The texts live as long as the request. */
bool reply_stream(struct call *call, const char *content_type, const char *file_name, http_producer produce,
                  void *context);
/* A download of a file that is made already, for one to base/temporary_file.h; `fd` is taken over. */
bool reply_file(struct call *call, const char *content_type, const char *file_name, int fd,
                struct error *err);

/* The token of the Authorization header, else of the console's cookie; NULL: there is none. */
const char *call_token(struct call *call, bool *ret_from_cookie);

/* Whose rate limit the request counts for: a user's id, the id of a key's tenant, an address. */
const char *call_caller(const struct call *call);

#endif
