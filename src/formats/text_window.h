/* A moving window over a text, as UTF-8 whatever its encoding: always the next stretch in one piece,
 * checked. */
#ifndef KIMONO_FORMATS_TEXT_WINDOW_H
#define KIMONO_FORMATS_TEXT_WINDOW_H

#include <stdint.h>

#include "formats/csv.h"
#include "formats/text_decoder.h"

struct text_window {
    struct text_decoder decoder;
    char *memory;
    size_t start, end; /* the stretch that is there, within memory */
    size_t checked;    /* up to here it is UTF-8 without NUL */
    int64_t line;      /* in which `start` lies, from 1 */
    bool at_end;       /* nothing comes behind `end` */
};

/* `source` must outlive the window. `encoding` UNKNOWN: found out. */
void text_window_init(struct text_window *window, const struct byte_source *source,
                      enum text_encoding encoding);
void text_window_release(struct text_window *window);

/* Afterwards CSV_ROW_MAX bytes and one more are there, or all that is left. Skips a byte order mark.
 * ERROR_INVALID with line and column for what is not text in its encoding. */
bool text_window_fill(struct text_window *window, struct error *err);
/* Goes on behind the first `length` bytes, counting lines. */
void text_window_skip(struct text_window *window, size_t length);

static inline const char *text_window_bytes(const struct text_window *window)
{
    return window->memory + window->start;
}

static inline size_t text_window_length(const struct text_window *window)
{
    return window->checked - window->start;
}

/* Line breaks in the bytes: \n, \r\n or a single \r. A \r at their end counts only if `ends`. */
int64_t text_window_breaks(const char *bytes, size_t length, bool ends);

#endif
