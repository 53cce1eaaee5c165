#include "search/tokenizer.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <unicase.h>
#include <unictype.h>
#include <uninorm.h>
#include <unistr.h>

/* The longest cluster (a character and its marks) that is normalised as one; UAX #15 allows 30 in
 * "stream-safe" text, real text has at most 3. */
#define CLUSTER_MAX 15

#define CHARACTER_BYTES_MAX 4

enum character_class { SEPARATOR, SPACE, LETTER, MARK, CJK, INVISIBLE };

/* What stands between two separators, as far as it has been read. At most one of the two is
 * non-empty: a letter ends a CJK run and the other way round. */
struct tokenizer {
    token_fn receive;
    void *context;
    bool stopped;

    char word[TOKEN_BYTES_MAX + 1];
    size_t word_length;
    bool word_full; /* a character did not fit: the rest of the word is dropped */

    char pair[2 * CHARACTER_BYTES_MAX + 1]; /* the run's last character, then room for the next */
    size_t previous_length;                 /* bytes of that last character, 0: no run */
    bool stands_alone;                      /* it has a space or nothing before it, and may have one behind */
    bool after_space;                       /* and it has */
};

static void tokenizer_emit(struct tokenizer *t, char *token, size_t length, enum token_kind kind)
{
    if (t->stopped)
        return;
    token[length] = '\0';
    t->stopped = !t->receive(t->context, token, length, kind);
}

/* Bytes of the word's stem; 0: it is too short for one. */
static size_t stem_length(const struct tokenizer *t)
{
    size_t length = 0;
    for (int characters = 0; characters < TOKEN_STEM_CHARACTERS; characters++) {
        if (length >= t->word_length)
            return 0;
        length += (size_t)u8_mblen((const uint8_t *)t->word + length, t->word_length - length);
    }
    return length;
}

static void tokenizer_end_word(struct tokenizer *t)
{
    if (t->word_length > 0) {
        size_t stem = stem_length(t);
        tokenizer_emit(t, t->word, t->word_length, TOKEN_WORD);
        if (stem > 0)
            tokenizer_emit(t, t->word, stem, TOKEN_STEM);
    }
    t->word_length = 0;
    t->word_full = false;
}

static void tokenizer_end_run(struct tokenizer *t)
{
    t->previous_length = 0;
    t->after_space = false;
}

static void tokenizer_add_to_word(struct tokenizer *t, ucs4_t c)
{
    if (t->word_full)
        return;
    uint8_t *end = (uint8_t *)t->word + t->word_length;
    int length = u8_uctomb(end, c, (ptrdiff_t)(TOKEN_BYTES_MAX - t->word_length));
    if (length <= 0)
        t->word_full = true;
    else
        t->word_length += (size_t)length;
}

static bool is_hangul(ucs4_t c)
{
    return (c >= 0xAC00 && c <= 0xD7A3) || (c >= 0x1100 && c <= 0x11FF);
}

static void tokenizer_add_to_run(struct tokenizer *t, ucs4_t c)
{
    if (t->after_space && is_hangul(c))
        tokenizer_end_run(t);
    uint8_t *next = (uint8_t *)t->pair + t->previous_length;
    int length = u8_uctomb(next, c, CHARACTER_BYTES_MAX);
    if (length <= 0)
        return; /* not reached: u8_mbtouc and NFKC give only valid characters */
    t->stands_alone = !is_hangul(c) && (t->previous_length == 0 || t->after_space);
    t->after_space = false;
    if (t->previous_length > 0) {
        tokenizer_emit(t, t->pair, t->previous_length + (size_t)length, TOKEN_BIGRAM);
        memmove(t->pair, next, (size_t)length);
    }
    t->previous_length = (size_t)length;
    tokenizer_emit(t, t->pair, t->previous_length, TOKEN_SINGLE);
}

/* White space ends a run, except behind a character that stands alone: what is typed with a space between all
 * characters is one run. */
static void tokenizer_take_space(struct tokenizer *t)
{
    tokenizer_end_word(t);
    if (t->previous_length > 0 && t->stands_alone)
        t->after_space = true;
    else
        tokenizer_end_run(t);
}

/* The blocks that make up nearly all Chinese, Japanese and Korean text, where every character is
 * its own NFKC form and has no case: kana, Han, Hangul. */
static bool is_common_cjk(ucs4_t c)
{
    return (c >= 0x4E00 && c <= 0x9FFF) || (c >= 0x3041 && c <= 0x3096) || (c >= 0x30A1 && c <= 0x30FA) ||
           c == 0x30FC || (c >= 0xAC00 && c <= 0xD7A3);
}

/* Asked only for letters beyond the common blocks: rare Han, 々, kana extensions, jamo. */
static bool has_cjk_script(ucs4_t c)
{
    static const char *const scripts[] = {"Han", "Hiragana", "Katakana", "Hangul", "Bopomofo"};
    const uc_script_t *script = uc_script(c);
    if (!script)
        return false;
    for (size_t i = 0; i < sizeof(scripts) / sizeof(scripts[0]); i++)
        if (strcmp(script->name, scripts[i]) == 0)
            return true;
    return false;
}

static enum character_class classify_character(ucs4_t c)
{
    if (is_common_cjk(c))
        return CJK;
    if (c != 0x200B && uc_is_property_default_ignorable_code_point(c))
        return INVISIBLE;
    if (uc_is_general_category_withtable(c, UC_CATEGORY_MASK_M))
        return MARK;
    if (!uc_is_general_category_withtable(c, UC_CATEGORY_MASK_L | UC_CATEGORY_MASK_N))
        return uc_is_property_white_space(c) ? SPACE : SEPARATOR;
    return c >= 0x1100 && has_cjk_script(c) ? CJK : LETTER;
}

/* Takes one character in NFKC. */
static void tokenizer_take_character(struct tokenizer *t, ucs4_t c)
{
    switch (classify_character(c)) {
    case INVISIBLE: return;
    case MARK: /* a vowel sign or an accent that does not compose; CJK text is found without it */
        if (t->word_length > 0)
            tokenizer_add_to_word(t, c);
        return;
    case LETTER:
        tokenizer_end_run(t);
        tokenizer_add_to_word(t, uc_tolower(c));
        return;
    case CJK:
        tokenizer_end_word(t);
        tokenizer_add_to_run(t, c);
        return;
    case SPACE: tokenizer_take_space(t); return;
    case SEPARATOR:
        tokenizer_end_word(t);
        tokenizer_end_run(t);
        return;
    }
}

static void tokenizer_take_ascii(struct tokenizer *t, unsigned char c)
{
    bool is_capital = c >= 'A' && c <= 'Z';
    bool is_of_word = is_capital || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
    if (c == ' ' || (c >= '\t' && c <= '\r')) {
        tokenizer_take_space(t);
        return;
    }
    tokenizer_end_run(t);
    if (!is_of_word)
        tokenizer_end_word(t);
    else if (t->word_length < TOKEN_BYTES_MAX && !t->word_full)
        t->word[t->word_length++] = (char)(is_capital ? c | 0x20 : c);
    else
        t->word_full = true;
}

/* Can `c` compose with the character before it under NFKC? Combining marks, the second and third jamo
 * of a Korean syllable, and the half-width voicing marks of ｶﾞ and ﾊﾟ. */
static bool extends_cluster(ucs4_t c)
{
    if (c < 0x300 || is_common_cjk(c))
        return false;
    return (c >= 0x1160 && c <= 0x11FF) || c == 0xFF9E || c == 0xFF9F || uc_combining_class(c) != 0;
}

/* Is `c`, with no mark after it, its own NFKC form? Errs only towards false. Precomposed letters
 * (é) decompose into two that compose again; Hangul syllables do so by rule. */
static bool is_stable(ucs4_t c)
{
    ucs4_t parts[UC_DECOMPOSITION_MAX_LENGTH];
    if (c < 0xA0 || is_common_cjk(c))
        return true;
    int count = uc_canonical_decomposition(c, parts);
    if (count == 2)
        return uc_composition(parts[0], parts[1]) == c;
    int tag = 0;
    return count < 0 && uc_decomposition(c, &tag, parts) < 0;
}

static void tokenizer_take_normalised(struct tokenizer *t, const ucs4_t *cluster, size_t count)
{
    ucs4_t buffer[CLUSTER_MAX * UC_DECOMPOSITION_MAX_LENGTH / 2];
    size_t length = sizeof(buffer) / sizeof(buffer[0]);
    ucs4_t *folded = u32_normalize(UNINORM_NFKC, cluster, count, buffer, &length);
    if (!folded)
        return; /* out of memory for some dozens of bytes: the character is as if it were absent */
    for (size_t i = 0; i < length; i++)
        tokenizer_take_character(t, folded[i]);
    if (folded != buffer)
        free(folded);
}

/* Takes the character at `text` together with the marks after it. Returns the bytes taken. */
static size_t tokenizer_take_cluster(struct tokenizer *t, const uint8_t *text, size_t length)
{
    ucs4_t cluster[CLUSTER_MAX];
    size_t count = 1, used = (size_t)u8_mbtouc(&cluster[0], text, length);
    while (used < length && text[used] >= 0x80 && count < CLUSTER_MAX) {
        int step = u8_mbtouc(&cluster[count], text + used, length - used);
        if (!extends_cluster(cluster[count]))
            break;
        used += (size_t)step;
        count++;
    }
    if (count == 1 && is_stable(cluster[0]))
        tokenizer_take_character(t, cluster[0]);
    else
        tokenizer_take_normalised(t, cluster, count);
    return used;
}

bool tokenizer_run(const char *text, size_t length, token_fn receive, void *context)
{
    struct tokenizer t = {.receive = receive, .context = context};
    const uint8_t *bytes = (const uint8_t *)text;
    size_t at = 0;
    while (at < length && !t.stopped) {
        bool plain = bytes[at] < 0x80 && (at + 1 == length || bytes[at + 1] < 0x80);
        if (plain)
            tokenizer_take_ascii(&t, bytes[at++]);
        else
            at += tokenizer_take_cluster(&t, bytes + at, length - at);
    }
    tokenizer_end_word(&t);
    tokenizer_end_run(&t);
    return !t.stopped;
}
