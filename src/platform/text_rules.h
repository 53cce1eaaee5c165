/* What a text from outside must be like before it is kept. Keeping means keeping it trimmed. */
#ifndef KIMONO_PLATFORM_TEXT_RULES_H
#define KIMONO_PLATFORM_TEXT_RULES_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/error.h"

/* A part of a text that is lent; not NUL-terminated. */
struct text_span {
    const char *bytes;
    size_t length;
};

/* Without the white space at both ends, of any width (no-break, ideographic, of no width, byte order mark). NULL is as good as "". */
struct text_span text_trim(const char *text);

struct text_rule {
    const char *field;     /* its name in the request */
    size_t characters_max; /* after trimming */
    bool required;         /* not empty after trimming */
    bool one_line;         /* no tab and no line break */
    bool legible; /* what is read is all there is: something to see, nothing hidden or turned around */
};

/* UTF-8, length, control and hidden characters. Names the field in `err` if it breaks the rule. */
bool text_check(const struct text_rule *rule, const char *text, struct error *err);

/* An edit of `stored` that holds what a mask has made of it (security/redaction.h) would lose what the mask
 * covers: names the field in `err`. NULL for a text that is not changed. */
bool text_check_unmasked(const char *field, const char *text, const char *stored, struct error *err);

/* For a column that is stored folded (search/fold.h) LIKE … ESCAPE '\': whatever holds this part, in any width,
 * case and form.
 * NULL for a keyword that is NULL or empty: no filter. */
const char *text_like_part(struct arena *arena, const char *keyword);

#endif
