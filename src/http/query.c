#include "http/query.h"

#include <string.h>
#include <strings.h>

#include "base/utf8.h"

static int percent_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool http_percent_decode(const char *text, size_t length, bool plus, char *text_out)
{
    size_t out = 0;
    for (size_t i = 0; i < length; i++) {
        char c = text[i];
        if (c == '%') {
            int high = i + 2 < length ? percent_digit(text[i + 1]) : -1;
            int low = high >= 0 ? percent_digit(text[i + 2]) : -1;
            if (low < 0)
                return false;
            c = (char)(high << 4 | low);
            i += 2;
        } else if (c == '+' && plus) {
            c = ' ';
        }
        if (c == '\0')
            return false;
        text_out[out++] = c;
    }
    text_out[out] = '\0';
    return utf8_valid(text_out, out);
}

static bool query_parse_pair(struct arena *arena, const char *part, size_t length, struct http_pair *pair)
{
    const char *equals = memchr(part, '=', length);
    size_t name_length = equals ? (size_t)(equals - part) : length;
    char *name = arena_alloc(arena, length + 2), *value = name + name_length + 1;
    if (!http_percent_decode(part, name_length, true, name))
        return false;
    if (equals && !http_percent_decode(equals + 1, length - name_length - 1, true, value))
        return false;
    *pair = (struct http_pair){name, equals ? value : NULL};
    return true;
}

bool http_query_parse(struct arena *arena, const char *query, struct http_pair **ret_pairs, size_t *ret_count,
                      struct error *err)
{
    size_t room = 0, count = 0;
    for (const char *at = query; *at; room++) {
        at += strcspn(at, "&");
        at += *at == '&';
    }
    if (room > HTTP_PARAMETERS_MAX)
        return error_set(err, ERROR_BAD_REQUEST, "More than %d query parameters.", "查询参数超过 %d 个。",
                         HTTP_PARAMETERS_MAX);
    struct http_pair *pairs = arena_alloc(arena, room * sizeof(*pairs));
    for (const char *part = query; *part;) {
        size_t length = strcspn(part, "&");
        if (length > 0 && !query_parse_pair(arena, part, length, &pairs[count++]))
            return error_set(err, ERROR_BAD_REQUEST,
                             "Query parameter %zu is not percent-encoded UTF-8 without NUL.",
                             "第 %zu 个查询参数不是有效的百分号编码 UTF-8 文本（或含有 NUL）。", count);
        part += length;
        part += *part == '&';
    }
    *ret_pairs = pairs;
    *ret_count = count;
    return true;
}

/* "http://host/path" asks for "/path": RFC 9112 demands that it is accepted, though only proxies get it. */
static const char *target_skip_authority(const char *target)
{
    static const char *const schemes[] = {"http://", "https://"};
    for (size_t i = 0; i < 2; i++) {
        size_t length = strlen(schemes[i]);
        if (strncasecmp(target, schemes[i], length) != 0)
            continue;
        target += length;
        target += strcspn(target, "/?");
        return *target == '/' ? target : NULL;
    }
    return target;
}

static bool has_control_or_space(const char *text)
{
    for (; *text; text++)
        if ((unsigned char)*text <= ' ' || *text == 0x7F)
            return true;
    return false;
}

bool http_target_parse(struct arena *arena, const char *target, const char **ret_path, const char **ret_query,
                       struct error *err)
{
    const char *start = target_skip_authority(target);
    if (!start || has_control_or_space(start) || (*start != '/' && strcmp(start, "*") != 0))
        return error_set(err, ERROR_BAD_REQUEST, "The request target is not a path that begins with '/'.",
                         "请求目标不是以“/”开头的路径。");
    size_t length = strcspn(start, "?");
    char *path = arena_alloc(arena, length + 1);
    if (!http_percent_decode(start, length, false, path))
        return error_set(err, ERROR_BAD_REQUEST, "The path is not percent-encoded UTF-8 without NUL.",
                         "路径不是有效的百分号编码 UTF-8 文本（或含有 NUL）。");
    *ret_path = path;
    *ret_query = start[length] == '?' ? start + length + 1 : NULL;
    return true;
}

bool http_cookie_find(const char *header, const char *name, const char **ret_value, size_t *ret_length)
{
    size_t name_length = strlen(name);
    while (*header) {
        header += strspn(header, " \t;");
        size_t length = strcspn(header, ";");
        if (length > name_length && header[name_length] == '=' && memcmp(header, name, name_length) == 0) {
            while (length > name_length + 1 && strchr(" \t", header[length - 1]))
                length--;
            *ret_value = header + name_length + 1;
            *ret_length = length - name_length - 1;
            return true;
        }
        header += length;
    }
    return false;
}
