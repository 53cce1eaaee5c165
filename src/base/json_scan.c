#include "base/json_scan.h"

#include <limits.h>
#include <string.h>

const char *json_skip_space(const char *at, const char *end)
{
    while (at < end && (*at == ' ' || *at == '\t' || *at == '\r' || *at == '\n'))
        at++;
    return at;
}

static const char *json_scan_string(const char *at, const char *end)
{
    for (at++; at < end && *at != '"'; at++)
        if (*at == '\\')
            at++;
    return at < end ? at + 1 : NULL;
}

/* Where something may begin or end; what lies between is passed by. */
static const bool json_scan_marks[UCHAR_MAX + 1] = {
    ['"'] = true, ['{'] = true, ['['] = true, ['}'] = true, [']'] = true};

/* Behind a number, true, false, null; where it begins if it is none of them. */
static const char *json_scan_word(const char *at, const char *end)
{
    while (at < end && *at && !strchr(" \t\r\n,]}", *at))
        at++;
    return at;
}

const char *json_skip_value(const char *at, const char *end)
{
    size_t depth = 0;
    if (at < end && *at != '"' && *at != '{' && *at != '[')
        return json_scan_word(at, end);
    do {
        while (at < end && !json_scan_marks[(unsigned char)*at])
            at++;
        if (at == end)
            return NULL;
        if (*at == '"') {
            at = json_scan_string(at, end);
            if (!at)
                return NULL;
            continue;
        }
        bool opens = *at == '{' || *at == '[';
        depth = opens ? depth + 1 : depth - 1;
        at++;
    } while (depth > 0);
    return at;
}
