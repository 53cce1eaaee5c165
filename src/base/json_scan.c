#include "base/json_scan.h"

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

const char *json_skip_value(const char *at, const char *end)
{
    size_t depth = 0;
    do {
        if (at >= end)
            return NULL;
        if (*at == '"') {
            at = json_scan_string(at, end);
            if (!at)
                return NULL;
            continue;
        }
        bool opens = *at == '{' || *at == '[', closes = *at == '}' || *at == ']';
        if (depth == 0 && !opens) { /* a number, true, false, null; or nothing at all */
            while (at < end && !strchr(" \t\r\n,]}", *at))
                at++;
            return at;
        }
        depth += opens;
        depth -= closes;
        at++;
    } while (depth > 0);
    return at;
}
