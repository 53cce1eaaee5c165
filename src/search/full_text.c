#include "search/full_text.h"

#include <string.h>

#include <unictype.h>
#include <unistr.h>

#include "base/memory.h"

#define PIECE_CJK 2
#define PIECE_OTHER 3

/* From where the scripts that are written without spaces begin: kana, Han, Hangul (and what lies between). */
static bool full_text_is_cjk(ucs4_t c)
{
    return (c >= 0x2E80 && c <= 0x9FFF) || (c >= 0xAC00 && c <= 0xD7A3) || (c >= 0xF900 && c <= 0xFAFF) ||
           (c >= 0x20000 && c <= 0x3FFFF);
}

static bool full_text_is_word_character(ucs4_t c)
{
    if (c < 0x80)
        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
    if ((c >= 0x4E00 && c <= 0x9FFF) || (c >= 0x3041 && c <= 0x3096) || (c >= 0x30A1 && c <= 0x30FA))
        return true;
    return uc_is_general_category_withtable(c, UC_CATEGORY_MASK_L | UC_CATEGORY_MASK_N | UC_CATEGORY_MASK_M);
}

/* The character at `at` if it is one of a word; its bytes, else 0. */
static size_t full_text_word_character(const char *at, const char *end, ucs4_t *ret_c)
{
    if (at >= end)
        return 0;
    size_t length = (size_t)u8_mbtouc(ret_c, (const uint8_t *)at, (size_t)(end - at));
    return full_text_is_word_character(*ret_c) ? length : 0;
}

/* The piece that begins at `at`, which is a character of a word: its bytes. `ret_whole`: the word did not end
 * before it had all of its characters. */
static size_t full_text_piece_at(const char *at, const char *end, bool *ret_whole)
{
    ucs4_t c;
    size_t length = full_text_word_character(at, end, &c);
    int wanted = full_text_is_cjk(c) ? PIECE_CJK : PIECE_OTHER, count = 1;
    for (size_t step; count < wanted && (step = full_text_word_character(at + length, end, &c)) > 0; count++)
        length += step;
    *ret_whole = count == wanted;
    return length;
}

bool full_text_tokens(const char *text, size_t length, bool query,
                      bool (*receive)(void *context, const char *token, size_t length), void *context)
{
    CLEANUP(strbuf_release) struct strbuf folded = {0};
    if (query)
        return receive(context, text, length);
    text_fold_plain(text, length, &folded);
    const char *at = strbuf_text(&folded), *end = at + folded.length;
    for (size_t step; at < end; at += step) {
        ucs4_t c;
        bool whole;
        step = full_text_word_character(at, end, &c);
        if (step > 0 && !receive(context, at, full_text_piece_at(at, end, &whole)))
            return false;
        if (step == 0)
            step = (size_t)u8_mbtouc(&c, (const uint8_t *)at, (size_t)(end - at));
    }
    return true;
}

/* ---- asking ---- */

/* Which pieces are asked for: the whole ones; and where a word of the keyword ends in a shorter one that no whole
 * one covers, whatever begins with that. */
struct full_text_query full_text_query(const char *keyword, struct arena *arena)
{
    CLEANUP(strbuf_release) struct strbuf folded = {0}, plain = {0};
    text_fold(keyword, strlen(keyword), &folded);
    text_fold_plain(keyword, strlen(keyword), &plain);
    const char *at = arena_strndup(arena, strbuf_text(&plain), plain.length);
    const char *end = at + plain.length, *covered = at;
    bool is_plain = strcmp(strbuf_text(&plain), strbuf_text(&folded)) == 0;
    struct full_text_query query = {
        .pieces = arena_alloc(arena, (plain.length + 1) * sizeof(*query.pieces)),
    };
    for (size_t step; at < end; at += step) {
        ucs4_t c;
        bool whole;
        step = full_text_word_character(at, end, &c);
        if (step == 0) {
            step = (size_t)u8_mbtouc(&c, (const uint8_t *)at, (size_t)(end - at));
            continue;
        }
        size_t length = full_text_piece_at(at, end, &whole);
        if (!whole && at + length <= covered)
            continue;
        covered = at + length;
        query.pieces[query.count++] = (struct full_text_piece){at, length, whole};
        query.exact = is_plain && length == plain.length;
    }
    return query;
}

/* ---- looking into texts ---- */

struct folded_text full_text_fold(struct arena *arena, const char *text)
{
    CLEANUP(strbuf_release) struct strbuf plain = {0}, folded = {0};
    text_fold(text, strlen(text), &folded);
    text_fold_plain(text, strlen(text), &plain);
    return (struct folded_text){
        .bytes = arena_strndup(arena, strbuf_text(&folded), folded.length),
        .length = folded.length,
        .accented = strcmp(strbuf_text(&plain), strbuf_text(&folded)) != 0,
    };
}

bool full_text_contains(const char *text, struct folded_text keyword)
{
    CLEANUP(strbuf_release) struct strbuf folded = {0};
    size_t length = strlen(text);
    if (memmem(text, length, keyword.bytes, keyword.length))
        return true; /* nearly all text is its own folded form */
    (keyword.accented ? text_fold : text_fold_plain)(text, length, &folded);
    return memmem(strbuf_text(&folded), folded.length, keyword.bytes, keyword.length);
}
