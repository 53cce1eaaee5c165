/* How likely a stretch of text is as writing in some language, so that one can tell in which of several
 * encodings bytes make sense. */
#ifndef KIMONO_FORMATS_WRITING_H
#define KIMONO_FORMATS_WRITING_H

#include <stddef.h>
#include <stdint.h>

enum writing {
    WRITING_SIMPLIFIED_CHINESE,
    WRITING_TRADITIONAL_CHINESE,
    WRITING_JAPANESE,
    WRITING_HALF_WIDTH, /* Japanese in katakana of half width, as old tills and banks write */
    WRITING_KOREAN,
    WRITING_WESTERN, /* Latin letters with marks, among those without */
    WRITING_CYRILLIC,
    WRITING_ANY, /* letters of whatever alphabet: what UTF-8 may hold */
    WRITING_COUNT
};

/* A text's cost: how many bits it takes to write it down in a code made for this writing, where a character
 * is the shorter the more frequent it is. So the difference of two costs is the logarithm of how many times
 * likelier one reading is than the other. */
struct writing_cost {
    double bits;        /* of all characters */
    double beyond_bits; /* of those beyond ASCII */
    size_t beyond;      /* how many these are */
};

struct writing_cost writing_cost_of(enum writing writing, const uint32_t *characters, size_t count);

#endif
