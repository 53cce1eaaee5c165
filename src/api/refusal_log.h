/* What somebody who is signed in asked to be changed and was refused (4xx): a row of the audit log with what was asked
 * and why not, result "refused". It is written behind the answer and waits for nobody; strangers' refusals are log rows
 * (request_log.h), failures of ours (5xx) too.
 *
 * A person, or a token, makes so many rows a minute. What is refused beyond that is counted by action, and the counts
 * are one row (action "request.refuse") when the minute is over and the next request comes, or the server stops: a
 * flood costs a row a minute more, and no more memory. */
#ifndef KIMONO_API_REFUSAL_LOG_H
#define KIMONO_API_REFUSAL_LOG_H

#include <stdint.h>

struct call;
struct refusal_log;
struct store;

#define REFUSAL_ROWS_A_MINUTE 30 /* of one person */

struct refusal_log *refusal_log_new(struct store *store);
void refusal_log_free(struct refusal_log *log); /* writes what is counted; takes NULL */

/* For every request that has been answered, with call.refusal where it was refused. */
void refusal_log_add(struct refusal_log *log, const struct call *call);

#endif
