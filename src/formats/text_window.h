/* A moving window over a stream of UTF-8: always the next stretch in one piece, checked. */
#ifndef KIMONO_FORMATS_TEXT_WINDOW_H
#define KIMONO_FORMATS_TEXT_WINDOW_H

#include <stdint.h>

#include "formats/csv.h"

struct text_window {
    const struct csv_source *source;
    char *memory;
    size_t start, end; /* the stretch that is there, within memory */
    size_t checked;    /* up to here it is UTF-8 without NUL */
    int64_t line;      /* in which `start` lies, from 1 */
    bool at_end;       /* nothing comes behind `end` */
    bool begun;
};

void text_window_init(struct text_window *window, const struct csv_source *source);
void text_window_release(struct text_window *window);

/* Afterwards CSV_ROW_MAX bytes and one more are there, or all that is left. Skips a byte order mark.
 * ERROR_INVALID with line and column for what is not UTF-8. */
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
