/* Full-text search: the tokens that an index of texts keeps, what such an index is asked for a keyword, and
 * whether a text that it found really holds the keyword.
 *
 * A keyword is found wherever it is a part of the text, from one character up, in whatever width and case
 * (search/fold.h). Without an accent it finds letters with any (cafe: café), with one only those (é: café).
 *
 * Tokens are overlapping pieces of folded words without accents: of two characters where a Chinese, Japanese or
 * Korean one begins them, else of three, shorter only at a word's end; every character begins one. What a
 * keyword's pieces find is looked at again in the text. */
#ifndef KIMONO_SEARCH_FULL_TEXT_H
#define KIMONO_SEARCH_FULL_TEXT_H

#include "base/arena.h"
#include "search/fold.h"

/* Calls `receive` for each token (valid during the call). What an index is asked for (`query`) is one token
 * already, as full_text_query has made it. Returns false if `receive` stopped it. Any number of threads may
 * call at once. */
bool full_text_tokens(const char *text, size_t length, bool query,
                      bool (*receive)(void *context, const char *token, size_t length), void *context);

/* What an index is asked for texts that may hold a keyword: each of these tokens. */
struct full_text_piece {
    const char *bytes; /* letters, marks and digits */
    size_t length;
    bool whole; /* a token; else whatever begins with it */
};
struct full_text_query {
    struct full_text_piece *pieces; /* none (punctuation, emoji): no index holds it */
    size_t count;
    bool exact; /* whatever is found does hold it */
};
/* Lives in the arena. */
struct full_text_query full_text_query(const char *keyword, struct arena *arena);

/* A keyword made ready to be looked for in texts; lives in the arena. */
struct folded_text {
    const char *bytes;
    size_t length;
    bool accented; /* accents count */
};
struct folded_text full_text_fold(struct arena *arena, const char *text);
/* Does `text`, in any width and case, hold it? The empty one is everywhere. */
bool full_text_contains(const char *text, struct folded_text keyword);

#endif
