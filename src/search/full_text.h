/* Full-text search: the tokens of search/tokenizer.h as an index of texts keeps them, what such an index is
 * asked for a keyword, and whether a text that it found really holds the keyword.
 *
 * A keyword is looked for as a part of the text, where width (Ｋ = K, ｷﾓﾉ = キモノ) and case make no
 * difference. This is less than "any part" in one way: a part that begins with a letter or digit must
 * begin where a word does, so that "mono" does not find "kimono". Chinese, Japanese and Korean are found
 * anywhere, from one character on. */
#ifndef KIMONO_SEARCH_FULL_TEXT_H
#define KIMONO_SEARCH_FULL_TEXT_H

#include "base/arena.h"
#include "base/strbuf.h"

/* Calls `receive` for each token (valid during the call). Of a text that is kept (`query` false) the last
 * character of a Chinese run is a token as well, so that every character begins one. Returns false if
 * `receive` stopped it. Any number of threads may call at once. */
bool full_text_tokens(const char *text, size_t length, bool query,
                      bool (*receive)(void *context, const char *token, size_t length), void *context);

/* What an FTS5 index is asked for texts that may hold the keyword: its tokens, quoted, so that nothing in it
 * is taken for syntax. `ret_exact`: whatever is found does hold it. False: the keyword has no token
 * (punctuation, emoji), and no index knows anything of it. */
bool full_text_query(const char *keyword, struct strbuf *query, bool *ret_exact);

/* A keyword made ready to be looked for in texts; lives in the arena. */
struct folded_text {
    const char *bytes;
    size_t length;
};
struct folded_text full_text_fold(struct arena *arena, const char *text);
/* Does `text`, in any width and case, hold it? The empty one is everywhere. */
bool full_text_contains(const char *text, struct folded_text keyword);

#endif
