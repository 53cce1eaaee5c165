/* Errors as `application/problem+json` (RFC 9457): the one way in which an error leaves as HTTP. */
#ifndef KIMONO_HTTP_PROBLEM_H
#define KIMONO_HTTP_PROBLEM_H

#include "http/request.h"

/* Writes the error as the answer, in place of any body written so far: status, type "/problems/SLUG",
 * title, detail and the wrong fields in the request's language, request_id; Retry-After when the error
 * has one. Headers added before stay. */
void http_response_problem(struct http_request *request, const struct error *err);

#endif
