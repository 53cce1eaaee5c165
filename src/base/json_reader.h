/* Reading JSON: cJSON behind the checks that it leaves out. Accepted is one RFC 8259 value in UTF-8
 * and nothing after it (a byte order mark before it is skipped), nested no deeper than JSON_READER_DEPTH.
 * What is JSON, and still not taken: a name that stands twice in one object, more than 256 names in one
 * object, the escape \u0000 (C strings end there), and numbers beyond a double's range. */
#ifndef KIMONO_BASE_JSON_READER_H
#define KIMONO_BASE_JSON_READER_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

#define JSON_READER_DEPTH 32

/* `ret_value` is the caller's; release it with cJSON_Delete or CLEANUP(json_delete). On failure
 * ERROR_BAD_REQUEST with the byte's place; ERROR_INVALID for what is JSON and not taken, with the field:
 * "filter.keyword" within objects. */
bool json_parse(const char *text, size_t length, cJSON **ret_value, struct error *err);

static inline void json_delete(cJSON **value)
{
    cJSON_Delete(*value);
}

/* Beyond it a double no longer holds every whole number: 2^53 may have been 2^53 + 1. */
#define JSON_INTEGER_MAX INT64_C(9007199254740991)

/* A whole number of at most JSON_INTEGER_MAX in size. */
bool json_is_integer(const cJSON *value, int64_t *ret_integer);

#endif
