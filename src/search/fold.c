#include "search/fold.h"

#include <stdbool.h>
#include <stdlib.h>

#include <unicase.h>
#include <unictype.h>
#include <uninorm.h>
#include <unistr.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "base/memory.h"

/* The character that `c` is folded to where no neighbour can make a difference: ASCII, its full-width forms, kana,
 * Han, Hangul, and the punctuation of their texts. 0: it needs the tables. Nearly all text has only such. */
static ucs4_t fold_common(ucs4_t c)
{
    if (c < 0x80)
        return c >= 'A' && c <= 'Z' ? c | 0x20 : c;
    if (c >= 0xFF01 && c <= 0xFF5E)
        return fold_common(c - 0xFF01 + '!');
    if (c == 0x3000 || c == 0xA0)
        return ' ';
    bool is_own_form = (c >= 0x4E00 && c <= 0x9FFF) || (c >= 0x3041 && c <= 0x3096) ||
                       (c >= 0x30A1 && c <= 0x30FC) || (c >= 0xAC00 && c <= 0xD7A3) ||
                       (c >= 0x3001 && c <= 0x301B) || c == 0x2014 || (c >= 0x2018 && c <= 0x201D);
    return is_own_form ? c : 0;
}

/* False, and nothing appended, where a character needs the tables. */
static bool fold_append_common(const uint8_t *text, size_t length, struct strbuf *out)
{
    size_t before = out->length;
    for (size_t at = 0; at < length;) {
        ucs4_t c;
        uint8_t bytes[4];
        at += (size_t)u8_mbtouc(&c, text + at, length - at);
        c = fold_common(c);
        if (!c) {
            out->length = before;
            return false;
        }
        strbuf_append(out, bytes, (size_t)u8_uctomb(bytes, c, sizeof(bytes)));
    }
    return true;
}

static void fold_append_kept(const uint8_t *text, size_t length, bool plain, struct strbuf *out)
{
    for (size_t at = 0, step; at < length; at += step) {
        ucs4_t c;
        step = (size_t)u8_mbtouc(&c, text + at, length - at);
        /* Marks that are written above or below letters (combining class 200 and more), but not those of kana. */
        bool is_accent = c >= 0x300 && c <= 0x36F && uc_combining_class(c) >= 200;
        if ((c >= 0x80 && uc_is_property_default_ignorable_code_point(c)) || (plain && is_accent))
            continue;
        strbuf_append(out, text + at, step);
    }
}

/* A normal form, of the caller's; an empty one where there is no memory for it. */
static uint8_t *fold_normal_form(uninorm_t form, const uint8_t *text, size_t length, size_t *ret_length)
{
    uint8_t *normal = u8_normalize(form, text, length, NULL, ret_length);
    *ret_length = normal ? *ret_length : 0;
    return normal;
}

/* First the forms, since some capitals are forms only (ℌ), then the case, then the forms once more, since a
 * folded letter may meet a mark; accents are left out where they stand apart. */
static void fold_append_by_tables(const uint8_t *text, size_t length, bool plain, struct strbuf *out)
{
    CLEANUP(strbuf_release) struct strbuf valid = {0}, kept = {0};
    size_t normal_length, folded_length = 0, composed_length;
    for (size_t at = 0; at < length;) { /* what is no UTF-8 becomes U+FFFD */
        ucs4_t c;
        uint8_t bytes[4];
        at += (size_t)u8_mbtouc(&c, text + at, length - at);
        strbuf_append(&valid, bytes, (size_t)u8_uctomb(bytes, c, sizeof(bytes)));
    }
    uint8_t *normal =
        fold_normal_form(UNINORM_NFKC, (const uint8_t *)strbuf_text(&valid), valid.length, &normal_length);
    uint8_t *folded =
        u8_casefold(normal, normal_length, NULL, plain ? UNINORM_NFKD : UNINORM_NFKC, NULL, &folded_length);
    fold_append_kept(folded, folded ? folded_length : 0, plain, &kept);
    uint8_t *composed =
        fold_normal_form(UNINORM_NFC, (const uint8_t *)strbuf_text(&kept), kept.length, &composed_length);
    strbuf_append(out, composed, composed_length);
    free(composed);
    free(folded);
    free(normal);
}

static void fold_append(const char *text, size_t length, bool plain, struct strbuf *out)
{
    if (!fold_append_common((const uint8_t *)text, length, out))
        fold_append_by_tables((const uint8_t *)text, length, plain, out);
}

void text_fold(const char *text, size_t length, struct strbuf *out)
{
    fold_append(text, length, false, out);
}

void text_fold_plain(const char *text, size_t length, struct strbuf *out)
{
    fold_append(text, length, true, out);
}

static bool fold_is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

uint64_t text_identity(const char *text, size_t length)
{
    struct strbuf folded = {0};
    text_fold(text, length, &folded);
    size_t begin = 0, end = folded.length;
    while (begin < end && fold_is_space(folded.bytes[begin]))
        begin++;
    while (end > begin && fold_is_space(folded.bytes[end - 1]))
        end--;
    uint64_t identity = XXH3_64bits(end > begin ? folded.bytes + begin : "", end - begin);
    strbuf_release(&folded);
    return identity;
}
