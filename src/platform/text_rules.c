#include "platform/text_rules.h"

#include <string.h>

#include "base/memory.h"
#include "base/utf8.h"
#include "search/fold.h"
#include "security/redaction.h"

#define IDEOGRAPHIC_SPACE "\xE3\x80\x80"

static bool text_is_ascii_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

/* Spaces of any width, also of none, in the order of UTF-8. Not the joiners: an emoji may end in one. */
static const char *const spaces_of_two[] = {"\u00A0"};
static const char *const spaces_of_three[] = {
    "\u1680", "\u180E", "\u2000", "\u2001", "\u2002", "\u2003", "\u2004",
    "\u2005", "\u2006", "\u2007", "\u2008", "\u2009", "\u200A", "\u200B",
    "\u2028", "\u2029", "\u202F", "\u205F", "\u2060", "\u3000", "\uFEFF",
};

/* Is one of the texts, all of `size` bytes, at `at`? */
static bool starts_with_one_of(const char *const *texts, size_t count, const char *at, size_t size)
{
    for (size_t i = 0; i < count; i++)
        if (memcmp(texts[i], at, size) == 0)
            return true;
    return false;
}

/* Bytes of the white space at the start (or the end) of the span; 0: there is none. */
static size_t text_space_at_start(struct text_span span)
{
    if (span.length >= 1 && text_is_ascii_space(span.bytes[0]))
        return 1;
    if (span.length >= 2 && starts_with_one_of(spaces_of_two, ARRAY_SIZE(spaces_of_two), span.bytes, 2))
        return 2;
    return span.length >= 3 && starts_with_one_of(spaces_of_three, ARRAY_SIZE(spaces_of_three), span.bytes, 3)
               ? 3
               : 0;
}

static size_t text_space_at_end(struct text_span span)
{
    const char *end = span.bytes + span.length;
    if (span.length >= 1 && text_is_ascii_space(end[-1]))
        return 1;
    if (span.length >= 2 && starts_with_one_of(spaces_of_two, ARRAY_SIZE(spaces_of_two), end - 2, 2))
        return 2;
    return span.length >= 3 && starts_with_one_of(spaces_of_three, ARRAY_SIZE(spaces_of_three), end - 3, 3)
               ? 3
               : 0;
}

struct text_span text_trim(const char *text)
{
    struct text_span span = {text ? text : "", text ? strlen(text) : 0};
    for (size_t space; (space = text_space_at_start(span)) > 0;) {
        span.bytes += space;
        span.length -= space;
    }
    for (size_t space; (space = text_space_at_end(span)) > 0;)
        span.length -= space;
    return span;
}

/* C0 and C1 control characters (U+0000 to U+001F, U+007F to U+009F) of valid UTF-8. */
static bool text_has_control_character(struct text_span span, bool one_line)
{
    for (size_t i = 0; i < span.length; i++) {
        unsigned char c = (unsigned char)span.bytes[i];
        bool line_layout = c == '\t' || c == '\n' || c == '\r';
        if ((c < 0x20 || c == 0x7F) && (one_line || !line_layout))
            return true;
        if (c == 0xC2 && (unsigned char)span.bytes[i + 1] < 0xA0)
            return true;
    }
    return false;
}

/* Characters of three bytes of UTF-8, which has their order. */
static bool text_in_range(const char *at, const char *first, const char *last)
{
    return memcmp(at, first, 3) >= 0 && memcmp(at, last, 3) <= 0;
}

/* What takes part in no word and no emoji, only hides or deceives: U+200B (a space of no width), U+2028 to
 * U+202E (separators, and what reverses the direction of reading), U+2060 to U+206F (more of both), U+FEFF. */
static bool text_is_hidden(const char *at, size_t length)
{
    return length == 3 && (memcmp(at, "\u200B", 3) == 0 || text_in_range(at, "\u2028", "\u202E") ||
                           text_in_range(at, "\u2060", "\u206F") || memcmp(at, "\uFEFF", 3) == 0);
}

/* Spaces of any width, joiners and direction marks: fine between what is seen, nothing by themselves. */
static bool text_is_blank(const char *at, size_t length)
{
    if (length == 1)
        return text_is_ascii_space(*at);
    if (length == 2)
        return memcmp(at, "\u00A0", 2) == 0 || memcmp(at, "\u00AD", 2) == 0;
    return length == 3 && (text_in_range(at, "\u2000", "\u200F") || memcmp(at, IDEOGRAPHIC_SPACE, 3) == 0);
}

static bool text_check_legible(const struct text_rule *rule, struct text_span span, struct error *err)
{
    bool seen = span.length == 0;
    for (size_t i = 0, length; i < span.length; i += length) {
        length = utf8_character_length(span.bytes + i, span.length - i);
        if (text_is_hidden(span.bytes + i, length))
            return error_add_field(err, rule->field,
                                   "has an unseen character that hides or reverses text (number %zu): "
                                   "delete it",
                                   "含有看不见、会隐藏或颠倒文字的字符（第 %zu 个），请删去",
                                   utf8_count(span.bytes, i) + 1);
        seen = seen || !text_is_blank(span.bytes + i, length);
    }
    return seen || error_add_field(err, rule->field, "shows nothing to read", "没有可见的文字");
}

bool text_check(const struct text_rule *rule, const char *text, struct error *err)
{
    struct text_span span = text_trim(text);
    if (!utf8_valid(span.bytes, span.length))
        return error_add_field(err, rule->field, "is not UTF-8", "不是 UTF-8 文本");
    if (rule->required && span.length == 0)
        return error_add_field(err, rule->field, "must not be empty", "不能为空");
    size_t characters = utf8_count(span.bytes, span.length);
    if (characters > rule->characters_max)
        return error_add_field(err, rule->field, "has %zu characters; at most %zu are possible",
                               "有 %zu 个字符，最多 %zu 个", characters, rule->characters_max);
    if (text_has_control_character(span, rule->one_line))
        return error_add_field(err, rule->field, "has control characters", "含有控制字符");
    return !rule->legible || text_check_legible(rule, span, err);
}

bool text_check_unmasked(const char *field, const char *text, const char *stored, struct error *err)
{
    CLEANUP(strbuf_release) struct strbuf mask = {0};
    if (!text || strcmp(text, stored) == 0 || !redact_is_edited_mask(text, stored, &mask))
        return true;
    return error_add_field(err, field,
                           "holds '%.64s', the masked form of what is stored: read it with "
                           "?reveal=true, and edit that",
                           "含有已脱敏的内容“%.64s”：请先以 ?reveal=true 读取原文再修改", strbuf_text(&mask));
}

const char *text_like_part(struct arena *arena, const char *keyword)
{
    struct text_span span = text_trim(keyword);
    if (span.length == 0)
        return NULL;
    CLEANUP(strbuf_release) struct strbuf folded = {0};
    text_fold(span.bytes, span.length, &folded);
    char *pattern = arena_alloc(arena, 2 * folded.length + 3), *end = pattern;
    *end++ = '%';
    for (size_t i = 0; i < folded.length; i++) {
        char c = folded.bytes[i];
        if (strchr("%_\\", c))
            *end++ = '\\';
        *end++ = c;
    }
    *end = '%';
    return pattern;
}
