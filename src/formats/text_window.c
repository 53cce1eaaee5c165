#include "formats/text_window.h"

#include <errno.h>
#include <string.h>

#include "base/memory.h"
#include "base/utf8.h"

#define WINDOW_SIZE (4 * CSV_ROW_MAX)
#define MARK "\xEF\xBB\xBF"

void text_window_init(struct text_window *window, const struct csv_source *source)
{
    *window = (struct text_window){.source = source, .memory = xmalloc(WINDOW_SIZE), .line = 1};
}

void text_window_release(struct text_window *window)
{
    free(window->memory);
    window->memory = NULL;
}

int64_t text_window_breaks(const char *bytes, size_t length, bool ends)
{
    int64_t count = 0;
    for (size_t i = 0; i < length; i++) {
        if (bytes[i] == '\n')
            count++;
        else if (bytes[i] == '\r')
            count += i + 1 < length ? bytes[i + 1] != '\n' : ends;
    }
    return count;
}

void text_window_skip(struct text_window *window, size_t length)
{
    window->line += text_window_breaks(text_window_bytes(window), length, true);
    window->start += length;
}

/* "line 7, column 12", of the byte at `at`. */
static bool complain_at(const struct text_window *window, size_t at, const char *en, const char *zh,
                        struct error *err)
{
    size_t begin = at;
    while (begin > window->start && window->memory[begin - 1] != '\n' && window->memory[begin - 1] != '\r')
        begin--;
    long long line =
        window->line + text_window_breaks(text_window_bytes(window), begin - window->start, true);
    size_t column = utf8_count(window->memory + begin, at - begin) + 1;
    error_set(err, ERROR_INVALID, "%s%.0s", "%.0s%s", en, zh);
    return error_prefix(err, "line %lld, column %zu", "第 %lld 行第 %zu 列", line, column);
}

/* Bytes at the end that may be the beginning of a character of which the rest is still to come. */
static size_t unfinished(const char *bytes, size_t length)
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
static size_t first_invalid(const char *bytes, size_t length)
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

static bool check(struct text_window *window, struct error *err)
{
    const char *fresh = window->memory + window->checked;
    size_t length = window->end - window->checked;
    const char *nul = memchr(fresh, '\0', length);
    if (nul)
        return complain_at(window, (size_t)(nul - window->memory),
                           "a NUL byte: this is no text in UTF-8 (UTF-16?). Save it as “CSV UTF-8”.",
                           "含有 NUL 字节，不是 UTF-8 文本（可能是 UTF-16）。请另存为“CSV UTF-8”。", err);
    if (!window->at_end)
        length -= unfinished(fresh, length);
    if (!utf8_valid(fresh, length))
        return complain_at(window, window->checked + first_invalid(fresh, length),
                           "this is not UTF-8 (GB18030, Shift_JIS?). Save the file as “CSV UTF-8”.",
                           "不是 UTF-8 编码（可能是 GB18030 或 Shift_JIS）。请另存为“CSV UTF-8”。", err);
    window->checked += length;
    return true;
}

/* What the first bytes give away. */
static bool check_beginning(struct text_window *window, struct error *err)
{
    static const struct {
        const char *bytes;
        size_t length;
        const char *en, *zh;
    } others[] = {
        {"PK\3\4", 4, "this is an Excel workbook or a ZIP file; save it as “CSV UTF-8”",
         "这是 Excel 工作簿或 ZIP 文件，请另存为“CSV UTF-8”"},
        {"\xD0\xCF\x11\xE0", 4, "this is an old Excel workbook (.xls); save it as “CSV UTF-8”",
         "这是旧版 Excel 工作簿（.xls），请另存为“CSV UTF-8”"},
        {"\xFF\xFE", 2, "this is UTF-16; save it as “CSV UTF-8”", "编码为 UTF-16，请另存为“CSV UTF-8”"},
        {"\xFE\xFF", 2, "this is UTF-16; save it as “CSV UTF-8”", "编码为 UTF-16，请另存为“CSV UTF-8”"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(others); i++)
        if (window->end >= others[i].length && memcmp(window->memory, others[i].bytes, others[i].length) == 0)
            return error_set(err, ERROR_INVALID, "%s%.0s", "%.0s%s", others[i].en, others[i].zh);
    if (window->end >= 3 && memcmp(window->memory, MARK, 3) == 0)
        window->start = window->checked = 3;
    window->begun = true;
    return true;
}

static bool read_more(struct text_window *window, struct error *err)
{
    ssize_t got = window->source->read(window->source->context, window->memory + window->end,
                                       WINDOW_SIZE - window->end);
    if (got < 0 && errno == EINTR)
        return true;
    if (got < 0)
        return error_set(err, ERROR_INTERNAL, "it cannot be read: %s", "无法读取：%s", strerror(errno));
    window->end += (size_t)got;
    window->at_end = got == 0;
    return true;
}

bool text_window_fill(struct text_window *window, struct error *err)
{
    if (window->at_end || text_window_length(window) > CSV_ROW_MAX)
        return true;
    memmove(window->memory, window->memory + window->start, window->end - window->start);
    window->end -= window->start;
    window->checked -= window->start;
    window->start = 0;
    while (!window->at_end && window->end < WINDOW_SIZE)
        if (!read_more(window, err))
            return false;
    return (window->begun || check_beginning(window, err)) && check(window, err);
}
