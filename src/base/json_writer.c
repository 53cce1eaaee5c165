#include "base/json_writer.h"

#include <assert.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/utf8.h"

static void json_before_value(struct json_writer *w)
{
    if (w->after_key) {
        w->after_key = false;
        return;
    }
    if (w->depth == 0)
        return;
    uint32_t level = UINT32_C(1) << (w->depth - 1);
    assert(!(w->in_object & level) && "a value in an object needs a key");
    if (w->has_items & level)
        strbuf_putc(w->out, ',');
    w->has_items |= level;
}

static void json_open_level(struct json_writer *w, bool object)
{
    json_before_value(w);
    assert(w->depth < JSON_WRITER_DEPTH);
    uint32_t level = UINT32_C(1) << w->depth++;
    w->in_object = object ? w->in_object | level : w->in_object & ~level;
    w->has_items &= ~level;
    strbuf_putc(w->out, object ? '{' : '[');
}

static void json_close_level(struct json_writer *w, bool object)
{
    assert(w->depth > 0 && !w->after_key);
    uint32_t level = UINT32_C(1) << --w->depth;
    assert(((w->in_object & level) != 0) == object);
    (void)level;
    strbuf_putc(w->out, object ? '}' : ']');
}

void json_object_begin(struct json_writer *w)
{
    json_open_level(w, true);
}

void json_object_end(struct json_writer *w)
{
    json_close_level(w, true);
}

void json_array_begin(struct json_writer *w)
{
    json_open_level(w, false);
}

void json_array_end(struct json_writer *w)
{
    json_close_level(w, false);
}

/* Bytes that stand for themselves are copied in runs. */
static void json_put_escaped(struct strbuf *out, const char *text, size_t length)
{
    size_t start = 0;
    for (size_t i = 0; i < length; i++) {
        unsigned char c = (unsigned char)text[i];
        if (c >= 0x20 && c != '"' && c != '\\')
            continue;
        strbuf_append(out, text + start, i - start);
        start = i + 1;
        const char *named = c == '"'    ? "\\\""
                            : c == '\\' ? "\\\\"
                            : c == '\n' ? "\\n"
                            : c == '\r' ? "\\r"
                            : c == '\t' ? "\\t"
                                        : NULL;
        if (named)
            strbuf_append(out, named, 2);
        else
            strbuf_printf(out, "\\u%04x", c);
    }
    strbuf_append(out, text + start, length - start);
}

/* The slow way, for text that is not UTF-8: byte by byte, a bad one becomes U+FFFD. */
static void json_put_repaired(struct strbuf *out, const char *text, size_t length)
{
    for (size_t i = 0; i < length;) {
        size_t step = 1;
        while (step <= 4 && i + step <= length && !utf8_valid(text + i, step))
            step++;
        if (step <= 4 && i + step <= length) {
            json_put_escaped(out, text + i, step);
            i += step;
        } else {
            strbuf_append(out, "\xEF\xBF\xBD", 3);
            i++;
        }
    }
}

static void json_put_string(struct strbuf *out, const char *text, size_t length)
{
    strbuf_putc(out, '"');
    if (utf8_valid(text, length))
        json_put_escaped(out, text, length);
    else
        json_put_repaired(out, text, length);
    strbuf_putc(out, '"');
}

void json_key(struct json_writer *w, const char *key)
{
    assert(w->depth > 0 && !w->after_key);
    uint32_t level = UINT32_C(1) << (w->depth - 1);
    assert(w->in_object & level);
    if (w->has_items & level)
        strbuf_putc(w->out, ',');
    w->has_items |= level;
    json_put_string(w->out, key, strlen(key));
    strbuf_putc(w->out, ':');
    w->after_key = true;
}

void json_null(struct json_writer *w)
{
    json_before_value(w);
    strbuf_append(w->out, "null", 4);
}

void json_bool(struct json_writer *w, bool value)
{
    json_before_value(w);
    strbuf_puts(w->out, value ? "true" : "false");
}

static void put_int(struct strbuf *out, int64_t value)
{
    char digits[24];
    char *at = digits + sizeof(digits);
    uint64_t rest = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
    do {
        *--at = (char)('0' + rest % 10);
    } while (rest /= 10);
    if (value < 0)
        *--at = '-';
    strbuf_append(out, at, (size_t)(digits + sizeof(digits) - at));
}

void json_int(struct json_writer *w, int64_t value)
{
    json_before_value(w);
    put_int(w->out, value);
}

void json_real(struct json_writer *w, double value)
{
    if (!isfinite(value)) {
        json_null(w);
        return;
    }
    json_before_value(w);
    char text[32];
    snprintf(text, sizeof(text), "%.15g", value);
    if (strtod(text, NULL) != value)
        snprintf(text, sizeof(text), "%.17g", value);
    strbuf_puts(w->out, text);
}

void json_text_n(struct json_writer *w, const char *text, size_t length)
{
    json_before_value(w);
    json_put_string(w->out, text, length);
}

void json_text(struct json_writer *w, const char *text)
{
    if (text)
        json_text_n(w, text, strlen(text));
    else
        json_null(w);
}

void json_time(struct json_writer *w, int64_t ms)
{
    if (ms == INT64_MIN) {
        json_null(w);
        return;
    }
    json_before_value(w);
    char text[CLOCK_TEXT_SIZE];
    clock_format(ms, text);
    strbuf_putc(w->out, '"');
    strbuf_puts(w->out, text);
    strbuf_putc(w->out, '"');
}

void json_money(struct json_writer *w, int64_t nano)
{
    if (nano == INT64_MIN) {
        json_null(w);
        return;
    }
    json_before_value(w);
    uint64_t absolute = nano < 0 ? 0 - (uint64_t)nano : (uint64_t)nano;
    char text[40];
    int length = snprintf(text, sizeof(text), "%s%" PRIu64 ".%09" PRIu64, nano < 0 ? "-" : "",
                          absolute / 1000000000, absolute % 1000000000);
    while (text[length - 1] == '0')
        length--;
    if (text[length - 1] == '.')
        length--;
    strbuf_append(w->out, text, (size_t)length);
}

void json_raw(struct json_writer *w, const char *json)
{
    json_before_value(w);
    strbuf_puts(w->out, json && *json ? json : "null");
}

void json_key_text(struct json_writer *w, const char *key, const char *text)
{
    json_key(w, key);
    json_text(w, text);
}

void json_key_int(struct json_writer *w, const char *key, int64_t value)
{
    json_key(w, key);
    json_int(w, value);
}

void json_key_bool(struct json_writer *w, const char *key, bool value)
{
    json_key(w, key);
    json_bool(w, value);
}
