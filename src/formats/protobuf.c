#include "formats/protobuf.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/json_reader.h"
#include "base/memory.h"
#include "base/strbuf.h"
#include "base/utf8.h"

/* ---- the wire (protobuf.dev/programming-guides/encoding) ---- */

static bool protobuf_take_varint(struct protobuf_reader *reader, uint64_t *ret_value)
{
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 70 && reader->at < reader->end; shift += 7) {
        uint64_t byte = (unsigned char)*reader->at++;
        value |= shift < 64 ? (byte & 0x7f) << shift : 0;
        if (byte < 0x80) {
            *ret_value = value;
            return true;
        }
    }
    return false;
}

static bool protobuf_take_fixed(struct protobuf_reader *reader, size_t size, uint64_t *ret_value)
{
    if ((size_t)(reader->end - reader->at) < size)
        return false;
    *ret_value = 0;
    for (size_t i = 0; i < size; i++)
        *ret_value |= (uint64_t)(unsigned char)reader->at[i] << (8 * i);
    reader->at += size;
    return true;
}

static bool protobuf_take_bytes(struct protobuf_reader *reader, struct protobuf_field *field)
{
    uint64_t length;
    if (!protobuf_take_varint(reader, &length) || length > (uint64_t)(reader->end - reader->at))
        return false;
    field->bytes = reader->at;
    field->length = (size_t)length;
    reader->at += length;
    return true;
}

static bool protobuf_take_value(struct protobuf_reader *reader, struct protobuf_field *field)
{
    switch (field->wire) {
    case PROTOBUF_VARINT: return protobuf_take_varint(reader, &field->value);
    case PROTOBUF_FIXED64: return protobuf_take_fixed(reader, 8, &field->value);
    case PROTOBUF_FIXED32: return protobuf_take_fixed(reader, 4, &field->value);
    case PROTOBUF_BYTES: return protobuf_take_bytes(reader, field);
    }
    return false; /* groups, which no message of today has */
}

bool protobuf_next(struct protobuf_reader *reader, struct protobuf_field *ret_field)
{
    uint64_t tag;
    if (reader->failed || reader->at == reader->end)
        return false;
    struct protobuf_field field = {0};
    reader->failed = !protobuf_take_varint(reader, &tag) || tag >> 3 == 0 || tag > UINT32_MAX;
    if (reader->failed)
        return false;
    field.number = (uint32_t)(tag >> 3);
    field.wire = (enum protobuf_wire)(tag & 7);
    reader->failed = !protobuf_take_value(reader, &field);
    *ret_field = field;
    return !reader->failed;
}

/* ---- as JSON ---- */

static bool protobuf_is_wrong(struct error *err)
{
    return error_set(err, ERROR_BAD_REQUEST, "Not a message of the expected kind in protobuf.",
                     "不是预期的 protobuf 消息。");
}

static cJSON *protobuf_text(const struct protobuf_field *field, struct error *err)
{
    if (memchr(field->bytes, '\0', field->length) || !utf8_valid(field->bytes, field->length)) {
        error_set(err, ERROR_INVALID, "A text is not UTF-8 without NUL.",
                  "文本不是有效的 UTF-8，或含有 NUL。");
        return NULL;
    }
    CLEANUP(free_pointer) char *text = xmalloc(field->length + 1);
    memcpy(text, field->bytes, field->length);
    text[field->length] = '\0';
    return cJSON_CreateString(text);
}

static cJSON *protobuf_hex(const struct protobuf_field *field)
{
    CLEANUP(free_pointer) char *text = xmalloc(field->length * 2 + 1);
    text[0] = '\0';
    for (size_t i = 0; i < field->length; i++)
        snprintf(text + 2 * i, 3, "%02x", (unsigned char)field->bytes[i]);
    return cJSON_CreateString(text);
}

static cJSON *protobuf_base64(const struct protobuf_field *field)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    CLEANUP(strbuf_release) struct strbuf text = {.ceiling = SIZE_MAX};
    for (size_t i = 0; i < field->length; i += 3) {
        size_t left = field->length - i;
        uint32_t three = (uint32_t)(unsigned char)field->bytes[i] << 16;
        three |= left > 1 ? (uint32_t)(unsigned char)field->bytes[i + 1] << 8 : 0;
        three |= left > 2 ? (uint32_t)(unsigned char)field->bytes[i + 2] : 0;
        const char four[] = {digits[three >> 18], digits[three >> 12 & 63],
                             left > 1 ? digits[three >> 6 & 63] : '=', left > 2 ? digits[three & 63] : '='};
        strbuf_append(&text, four, sizeof(four));
    }
    return cJSON_CreateString(strbuf_text(&text));
}

static cJSON *protobuf_integer(const struct protobuf_field *field, bool is_signed)
{
    char text[24];
    if (is_signed)
        snprintf(text, sizeof(text), "%" PRId64, (int64_t)field->value);
    else
        snprintf(text, sizeof(text), "%" PRIu64, field->value);
    return cJSON_CreateString(text);
}

static cJSON *protobuf_double(const struct protobuf_field *field)
{
    double number;
    memcpy(&number, &field->value, sizeof(number));
    return cJSON_CreateNumber(number);
}

static bool protobuf_read_at(const struct protobuf_message *message, const char *bytes, size_t length,
                             int depth, cJSON **ret_value, struct error *err);

static bool protobuf_make(const struct protobuf_member *member, const struct protobuf_field *field, int depth,
                          cJSON **ret_value, struct error *err)
{
    bool has_bytes = member->kind <= PROTOBUF_BASE64 || member->kind == PROTOBUF_MESSAGE;
    if (has_bytes != (field->wire == PROTOBUF_BYTES))
        return protobuf_is_wrong(err);
    switch (member->kind) {
    case PROTOBUF_TEXT: *ret_value = protobuf_text(field, err); break;
    case PROTOBUF_HEX: *ret_value = protobuf_hex(field); break;
    case PROTOBUF_BASE64: *ret_value = protobuf_base64(field); break;
    case PROTOBUF_INTEGER: *ret_value = protobuf_integer(field, true); break;
    case PROTOBUF_UNSIGNED: *ret_value = protobuf_integer(field, false); break;
    case PROTOBUF_DOUBLE: *ret_value = protobuf_double(field); break;
    case PROTOBUF_BOOL: *ret_value = cJSON_CreateBool(field->value != 0); break;
    case PROTOBUF_MESSAGE:
        return protobuf_read_at(member->of, field->bytes, field->length, depth + 1, ret_value, err);
    }
    return *ret_value != NULL;
}

/* Of a field that is not repeated the last one counts. */
static void protobuf_keep(cJSON *object, const struct protobuf_member *member, cJSON *value)
{
    cJSON *before = cJSON_GetObjectItemCaseSensitive(object, member->name);
    if (!value)
        return;
    if (!member->repeated && before) {
        cJSON_ReplaceItemViaPointer(object, before, value);
        value->string = cJSON_malloc(strlen(member->name) + 1);
        if (value->string)
            memcpy(value->string, member->name, strlen(member->name) + 1);
    } else if (!member->repeated) {
        cJSON_AddItemToObject(object, member->name, value);
    } else {
        cJSON_AddItemToArray(before ? before : cJSON_AddArrayToObject(object, member->name), value);
    }
}

static bool protobuf_read_at(const struct protobuf_message *message, const char *bytes, size_t length,
                             int depth, cJSON **ret_value, struct error *err)
{
    CLEANUP(json_delete) cJSON *object = cJSON_CreateObject();
    struct protobuf_reader reader = {bytes, bytes + length, false};
    struct protobuf_field field;
    if (depth > PROTOBUF_DEPTH)
        return protobuf_is_wrong(err);
    while (protobuf_next(&reader, &field)) {
        size_t i = 0;
        while (i < message->count && message->members[i].number != field.number)
            i++;
        cJSON *value = NULL;
        if (i == message->count)
            continue;
        if (!protobuf_make(&message->members[i], &field, depth, &value, err))
            return false;
        protobuf_keep(object, &message->members[i], value);
    }
    if (reader.failed)
        return protobuf_is_wrong(err);
    *ret_value = object;
    object = NULL;
    return true;
}

bool protobuf_read(const struct protobuf_message *message, const char *bytes, size_t length,
                   cJSON **ret_value, struct error *err)
{
    return protobuf_read_at(message, bytes, length, 0, ret_value, err);
}

/* ---- writing ---- */

static void protobuf_put_number(struct strbuf *out, uint64_t value)
{
    do {
        char byte = (char)((value & 0x7f) | (value > 0x7f ? 0x80 : 0));
        strbuf_append(out, &byte, 1);
        value >>= 7;
    } while (value > 0);
}

void protobuf_put_varint(struct strbuf *out, uint32_t number, uint64_t value)
{
    protobuf_put_number(out, (uint64_t)number << 3 | PROTOBUF_VARINT);
    protobuf_put_number(out, value);
}

void protobuf_put_bytes(struct strbuf *out, uint32_t number, const char *bytes, size_t length)
{
    protobuf_put_number(out, (uint64_t)number << 3 | PROTOBUF_BYTES);
    protobuf_put_number(out, length);
    strbuf_append(out, bytes, length);
}
