/* Columns of many rows as PostgreSQL's array literals, for `unnest`: one statement with one text, however many rows
 * it takes. */
#ifndef KIMONO_TELEMETRY_POSTGRESQL_SQL_ARRAY_H
#define KIMONO_TELEMETRY_POSTGRESQL_SQL_ARRAY_H

#include "base/strbuf.h"
#include "store/db.h"

struct sql_array {
    struct strbuf text; /* without the closing brace */
};

void sql_array_int(struct sql_array *array, int64_t value);
/* NULL is null. What is not well-formed UTF-8 is left out: PostgreSQL takes no such text. */
void sql_array_text(struct sql_array *array, const char *text);
void sql_array_bytes(struct sql_array *array, const void *bytes, size_t length);
/* The whole literal; nothing more may be added before sql_array_reset. */
struct db_value sql_array_value(struct sql_array *array);
void sql_array_reset(struct sql_array *array);
void sql_array_release(struct sql_array *array);

/* The casts of placeholders. */
#define INTS(placeholder) "CAST(" placeholder " AS BIGINT[])"
#define TEXTS(placeholder) "CAST(" placeholder " AS TEXT[])"
#define BYTES(placeholder) "CAST(" placeholder " AS BYTEA[])"

#endif
