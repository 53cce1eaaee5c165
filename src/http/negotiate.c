#include "http/negotiate.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

struct accept_item {
    const char *token;
    size_t length;
    int quality; /* thousandths */
};

/* "0.8" as 800. Source: RFC 9110, 12.4.2 (at most three decimals). */
static int accept_quality(const char *text)
{
    int quality = text[0] == '1' ? 1000 : 0;
    if (text[0] != '0' || text[1] != '.')
        return quality;
    int scale = 100;
    for (text += 2; scale > 0 && isdigit((unsigned char)*text); text++, scale /= 10)
        quality += (*text - '0') * scale;
    return quality;
}

/* Takes the next "token;q=0.5" of a list; other parameters are passed over. */
static bool accept_next(const char **cursor, struct accept_item *item)
{
    const char *at = *cursor + strspn(*cursor, " \t,");
    if (*at == '\0')
        return false;
    *item = (struct accept_item){at, strcspn(at, " \t,;"), 1000};
    at += item->length;
    for (;;) {
        at += strspn(at, " \t");
        if (*at != ';')
            break;
        at += 1 + strspn(at + 1, " \t");
        if ((at[0] | 0x20) == 'q' && at[1] == '=')
            item->quality = accept_quality(at + 2);
        at += strcspn(at, ",;");
    }
    *cursor = at + strcspn(at, ",");
    return true;
}

static bool accept_item_is(const struct accept_item *item, const char *name)
{
    return strlen(name) == item->length && strncasecmp(item->token, name, item->length) == 0;
}

static bool accept_item_is_language(const struct accept_item *item, const char *name)
{
    return item->length >= 2 && strncasecmp(item->token, name, 2) == 0 &&
           (item->length == 2 || item->token[2] == '-');
}

enum language http_language(const char *accept_language)
{
    enum language best = LANGUAGE_EN;
    int quality = 0;
    struct accept_item item;
    while (accept_language && accept_next(&accept_language, &item)) {
        bool chinese = accept_item_is_language(&item, "zh");
        if (!chinese && !accept_item_is_language(&item, "en") && !accept_item_is(&item, "*"))
            continue;
        if (item.quality > quality) {
            best = chinese ? LANGUAGE_ZH : LANGUAGE_EN;
            quality = item.quality;
        }
    }
    return best;
}

bool http_prefers_japanese(const char *accept_language)
{
    bool japanese = false;
    int quality = 0;
    struct accept_item item;
    while (accept_language && accept_next(&accept_language, &item)) {
        bool is_japanese = accept_item_is_language(&item, "ja");
        bool counts =
            is_japanese || accept_item_is_language(&item, "zh") || accept_item_is_language(&item, "en");
        if (!counts || item.quality <= quality)
            continue;
        japanese = is_japanese;
        quality = item.quality;
    }
    return japanese;
}

bool http_header_value_is(const char *header, const char *value)
{
    size_t length = strlen(value);
    return header && strncasecmp(header, value, length) == 0 &&
           (header[length] == '\0' || strchr("; \t", header[length]));
}

bool http_accepts_encoding(const char *accept_encoding, const char *coding)
{
    bool any = false;
    struct accept_item item;
    while (accept_encoding && accept_next(&accept_encoding, &item)) {
        if (accept_item_is(&item, coding))
            return item.quality > 0;
        if (accept_item_is(&item, "*"))
            any = item.quality > 0;
    }
    return any;
}

static size_t etag_stem_length(const char *etag, size_t length)
{
    if (length > 3 && (memcmp(etag + length - 3, "-gz", 3) == 0 || memcmp(etag + length - 3, "-br", 3) == 0))
        return length - 3;
    return length;
}

bool http_etag_listed(const char *if_none_match, const char *etag)
{
    size_t want = etag_stem_length(etag, strlen(etag));
    const char *at = if_none_match ? if_none_match : "";
    while (*(at += strspn(at, " \t,"))) {
        if (*at == '*')
            return true;
        if (strncmp(at, "W/", 2) == 0)
            at += 2;
        const char *end = *at == '"' ? strchr(at + 1, '"') : NULL;
        if (!end)
            return false;
        size_t length = (size_t)(end - at - 1);
        if (etag_stem_length(at + 1, length) == want && memcmp(at + 1, etag, want) == 0)
            return true;
        at = end + 1;
    }
    return false;
}

/* The end of a token, or of a quoted string with its quotes. Source: RFC 9110, 5.6.2 and 5.6.4. */
static const char *prefer_word_end(const char *at)
{
    if (*at != '"')
        return at + strcspn(at, " \t,;=\"");
    for (at++; *at && *at != '"'; at++)
        if (*at == '\\' && at[1])
            at++;
    return *at ? at + 1 : at;
}

/* "10" and "\"10\"" as 10; anything else: 0. */
static int prefer_seconds(const char *at, const char *end, int max)
{
    int seconds = 0;
    if (*at == '"' && end - at >= 2)
        at++, end--;
    for (; at < end; at++) {
        if (!isdigit((unsigned char)*at))
            return 0;
        seconds = seconds * 10 + (*at - '0');
        if (seconds > max)
            seconds = max;
    }
    return seconds;
}

int http_prefer_wait(const char *prefer, int max)
{
    for (const char *at = prefer ? prefer : ""; *(at += strspn(at, " \t,"));) {
        const char *name = at, *end = prefer_word_end(at), *value = end + strspn(end, " \t");
        bool is_wait = end - name == 4 && strncasecmp(name, "wait", 4) == 0;
        if (is_wait) {
            value += *value == '=' ? 1 + strspn(value + 1, " \t") : 0;
            return prefer_seconds(value, prefer_word_end(value), max);
        }
        for (at = end; *at && *at != ',';) /* the rest of this preference */
            at = *at == '"' ? prefer_word_end(at) : at + 1;
    }
    return 0;
}
