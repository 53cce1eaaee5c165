/* Finding the parts of a long JSON text without reading it as a whole: each part is then read by itself
 * (json_reader.h), which also says what is wrong with it. Only brackets and strings are looked at. */
#ifndef KIMONO_BASE_JSON_SCAN_H
#define KIMONO_BASE_JSON_SCAN_H

#include <stdbool.h>
#include <stddef.h>

/* Behind white space, and at the beginning of a text behind a byte order mark. */
const char *json_skip_space(const char *at, const char *end);
/* Behind the value that begins here; NULL: it does not end. */
const char *json_skip_value(const char *at, const char *end);

#endif
