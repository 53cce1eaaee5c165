#include "formats/text_window.h"

#include <string.h>

#include "base/memory.h"
#include "base/utf8.h"

#define WINDOW_SIZE (4 * CSV_ROW_MAX)

void text_window_init(struct text_window *window, const struct byte_source *source,
                      enum text_encoding encoding)
{
    *window = (struct text_window){.memory = xmalloc(WINDOW_SIZE), .line = 1};
    text_decoder_init(&window->decoder, source, encoding);
}

void text_window_release(struct text_window *window)
{
    text_decoder_release(&window->decoder);
    free(window->memory);
    window->memory = NULL;
}

int64_t text_window_breaks(const char *bytes, size_t length, bool ends)
{
    int64_t count = 0;
    const char *end = bytes + length;
    for (const char *at = bytes; at < end && (at = memchr(at, '\n', (size_t)(end - at))); at++)
        count++;
    for (const char *at = bytes; at < end && (at = memchr(at, '\r', (size_t)(end - at))); at++)
        count += at + 1 < end ? at[1] != '\n' : ends;
    return count;
}

void text_window_skip(struct text_window *window, size_t length)
{
    window->line += text_window_breaks(text_window_bytes(window), length, true);
    window->start += length;
}

/* Puts "line 7, column 12", the place of the byte at `at`, in front of the error. */
static bool window_locate(const struct text_window *window, size_t at, struct error *err)
{
    size_t begin = at;
    while (begin > window->start && window->memory[begin - 1] != '\n' && window->memory[begin - 1] != '\r')
        begin--;
    long long line =
        window->line + text_window_breaks(text_window_bytes(window), begin - window->start, true);
    size_t column = utf8_count(window->memory + begin, at - begin) + 1;
    return error_prefix(err, "line %lld, column %zu", "第 %lld 行第 %zu 列", line, column);
}

static bool window_refuse(const struct text_window *window, size_t at, const char *en, const char *zh,
                          struct error *err)
{
    error_set(err, ERROR_INVALID, "%s%.0s", "%.0s%s", en, zh);
    return window_locate(window, at, err);
}

/* Bytes at the end that may be the beginning of a character of which the rest is still to come. */
static size_t unfinished_character(const char *bytes, size_t length)
{
    for (size_t back = 1; back <= 3 && back <= length; back++) {
        unsigned char c = (unsigned char)bytes[length - back];
        if ((c & 0xC0) == 0x80)
            continue;
        size_t want = c >= 0xF0 ? 4 : c >= 0xE0 ? 3 : c >= 0xC0 ? 2 : 1;
        return want > back ? back : 0;
    }
    return 0;
}

/* The first byte that is not UTF-8; there is one. */
static size_t first_invalid_utf8(const char *bytes, size_t length)
{
    size_t at = 0;
    while (at < length) {
        size_t step = 1;
        while (step <= 4 && at + step <= length && !utf8_valid(bytes + at, step))
            step++;
        if (step > 4 || at + step > length)
            return at;
        at += step;
    }
    return length;
}

static bool window_check(struct text_window *window, struct error *err)
{
    const char *fresh = window->memory + window->checked;
    size_t length = window->end - window->checked;
    const char *nul = memchr(fresh, '\0', length);
    if (nul)
        return window_refuse(window, (size_t)(nul - window->memory),
                             "a NUL byte: this is no text. Save the file as “CSV UTF-8”.",
                             "含有 NUL 字节，不是文本。请另存为“CSV UTF-8”。", err);
    if (!window->at_end)
        length -= unfinished_character(fresh, length);
    if (!utf8_valid(fresh, length))
        return window_refuse(
            window, window->checked + first_invalid_utf8(fresh, length),
            "this is not UTF-8, which the text before it is in. Save the file as “CSV UTF-8”.",
            "不是 UTF-8 编码，而前文是 UTF-8。请另存为“CSV UTF-8”。", err);
    window->checked += length;
    return true;
}

/* At least this much room is left before the decoder is asked: a character must fit. */
#define ROOM_LEAST 64

bool text_window_fill(struct text_window *window, struct error *err)
{
    if (window->at_end || text_window_length(window) > CSV_ROW_MAX)
        return true;
    memmove(window->memory, window->memory + window->start, window->end - window->start);
    window->end -= window->start;
    window->checked -= window->start;
    window->start = 0;
    while (!window->at_end && WINDOW_SIZE - window->end >= ROOM_LEAST) {
        size_t got;
        if (!text_decoder_read(&window->decoder, window->memory + window->end, WINDOW_SIZE - window->end,
                               &got, err))
            return err && err->code == ERROR_INVALID ? window_locate(window, window->end, err) : false;
        window->end += got;
        window->at_end = got == 0;
    }
    return window_check(window, err);
}
