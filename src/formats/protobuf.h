/* Reading protobuf messages without generated code: the fields of one message after the other, and a whole message as
 * the JSON that the proto3 mapping makes of it, by a table of its fields. Nothing is trusted: lengths, depth, UTF-8. */
#ifndef KIMONO_FORMATS_PROTOBUF_H
#define KIMONO_FORMATS_PROTOBUF_H

#include <cjson/cJSON.h>
#include <stdint.h>

#include "base/error.h"

#define PROTOBUF_DEPTH 24 /* of messages within one another */

enum protobuf_wire { PROTOBUF_VARINT, PROTOBUF_FIXED64, PROTOBUF_BYTES, PROTOBUF_FIXED32 = 5 };

struct protobuf_field {
    uint32_t number;
    enum protobuf_wire wire;
    uint64_t value; /* of a number, as its bits */
    const char *bytes;
    size_t length;
};

struct protobuf_reader {
    const char *at, *end;
    bool failed; /* what follows cannot be read */
};

/* The next field; false at the end, or with `failed`. */
bool protobuf_next(struct protobuf_reader *reader, struct protobuf_field *ret_field);

enum protobuf_kind {
    PROTOBUF_TEXT,
    PROTOBUF_HEX,    /* bytes, written as hexadecimal digits, as OTLP has its ids */
    PROTOBUF_BASE64, /* bytes */
    PROTOBUF_INTEGER,
    PROTOBUF_UNSIGNED,
    PROTOBUF_DOUBLE,
    PROTOBUF_BOOL,
    PROTOBUF_MESSAGE,
};

struct protobuf_member {
    uint32_t number;
    const char *name;
    enum protobuf_kind kind;
    bool repeated;
    const struct protobuf_message *of; /* of a message */
};

struct protobuf_message {
    const struct protobuf_member *members;
    size_t count;
};

/* As JSON: integers of 64 bits as texts; unknown fields are left out. `ret_value` is the caller's. ERROR_BAD_REQUEST: it
 * is no such message; ERROR_INVALID: a text is not UTF-8 or holds NUL. */
bool protobuf_read(const struct protobuf_message *message, const char *bytes, size_t length,
                   cJSON **ret_value, struct error *err);

/* Writing: a tag with what follows it, into a buffer. */
struct strbuf;
void protobuf_put_varint(struct strbuf *out, uint32_t number, uint64_t value);
void protobuf_put_bytes(struct strbuf *out, uint32_t number, const char *bytes, size_t length);

#endif
