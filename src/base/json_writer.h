/* A streaming JSON writer into a strbuf. It puts the commas and checks the nesting (assert): a
 * document can only come out well-formed. For constant memory the owner empties the strbuf to its
 * sink whenever it likes between two calls.
 *
 * Numbers that JSON cannot say (NaN, infinity) are written as null. Text must be UTF-8; invalid
 * bytes are written as U+FFFD. */
#ifndef KIMONO_BASE_JSON_WRITER_H
#define KIMONO_BASE_JSON_WRITER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/strbuf.h"

#define JSON_WRITER_DEPTH 32

struct json_mask;

struct json_writer {
    struct strbuf *out;
    unsigned depth;
    uint32_t in_object; /* a bit for each level: 1 object, 0 array */
    uint32_t has_items; /* a bit for each level: something was written */
    bool after_key;
    const struct json_mask *mask; /* base/descriptor.h */
};

/* `struct json_writer w = {.out = &buf};` is ready to write one value. */
void json_object_begin(struct json_writer *w);
void json_object_end(struct json_writer *w);
void json_array_begin(struct json_writer *w);
void json_array_end(struct json_writer *w);
void json_key(struct json_writer *w, const char *key);

void json_null(struct json_writer *w);
void json_bool(struct json_writer *w, bool value);
void json_int(struct json_writer *w, int64_t value);
void json_real(struct json_writer *w, double value);
void json_text(struct json_writer *w, const char *text); /* NULL: null */
void json_text_n(struct json_writer *w, const char *text, size_t length);
/* Milliseconds since 1970 as RFC 3339 in UTC; INT64_MIN: null. */
void json_time(struct json_writer *w, int64_t ms);
/* Nano-units (nano-yuan, nano-dollars) as an exact decimal number; INT64_MIN: null. */
void json_money(struct json_writer *w, int64_t nano);
/* A value that already is JSON; the caller vouches for it. NULL or "": null. */
void json_raw(struct json_writer *w, const char *json);

/* json_key, then the value. */
void json_key_text(struct json_writer *w, const char *key, const char *text);
void json_key_int(struct json_writer *w, const char *key, int64_t value);
void json_key_bool(struct json_writer *w, const char *key, bool value);

#endif
