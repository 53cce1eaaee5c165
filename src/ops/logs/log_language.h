/* The language of log queries:
 *
 *     timeout                                rows with this in their message, in any case and width
 *     "connection reset" OR timeout          quoted texts hold blanks, brackets and colons; \" and \\ in them
 *     level:ERROR source:llm NOT (retry OR tenant:kimono_one)
 *     status:503 "trace.id":4bf92f           any name in the row's `fields`; quoted where it is no plain word
 *
 * What stands side by side must all hold. NOT binds closest, then AND (written or not), then OR. AND, OR and NOT are
 * words of the language in capitals only; quoted, they are texts. */
#ifndef KIMONO_OPS_LOGS_LOG_LANGUAGE_H
#define KIMONO_OPS_LOGS_LOG_LANGUAGE_H

#include "base/arena.h"
#include "telemetry/log_search.h"

#define LOG_QUERY_MAX 2000 /* characters */
#define LOG_QUERY_DEPTH 16 /* brackets and NOTs within each other */
#define LOG_QUERY_TERMS 60

/* `ret_expression`: NULL for nothing but blanks; it lives in the arena. ERROR_INVALID at the field `query`, with the
 * column (characters from 1) and what was expected there. */
bool log_language_parse(const char *query, struct arena *arena, const struct log_expression **ret_expression,
                        struct error *err);

#endif
