#include "api/router.h"

#include <stdio.h>
#include <string.h>

/* A segment "{name}" takes any non-empty text; everything else must be equal. */
static bool path_matches(const char *pattern, const char *path, struct arena *arena,
                         struct path_values *values)
{
    while (*pattern && *path) {
        if (*pattern != '{') {
            if (*pattern++ != *path++)
                return false;
            continue;
        }
        const char *name_end = strchr(pattern, '}');
        size_t length = strcspn(path, "/");
        if (length == 0 || values->count == PATH_SEGMENTS_MAX)
            return false;
        values->names[values->count] = arena_strndup(arena, pattern + 1, (size_t)(name_end - pattern) - 1);
        values->values[values->count++] = arena_strndup(arena, path, length);
        pattern = name_end + 1;
        path += length;
    }
    return *pattern == '\0' && *path == '\0';
}

bool router_find(const char *method, const char *path, struct arena *arena, const struct route **ret_route,
                 struct path_values *ret_values, char ret_allow[static ROUTER_ALLOW_SIZE])
{
    ret_allow[0] = '\0';
    for (size_t i = 0; i < route_count; i++) {
        struct path_values values = {0};
        if (!path_matches(routes[i].path, path, arena, &values))
            continue;
        if (strcmp(routes[i].method, method) == 0) {
            *ret_route = &routes[i];
            *ret_values = values;
            return true;
        }
        size_t used = strlen(ret_allow);
        snprintf(ret_allow + used, ROUTER_ALLOW_SIZE - used, "%s%s%s", used ? ", " : "", routes[i].method,
                 strcmp(routes[i].method, "GET") == 0 ? ", HEAD" : ""); /* where GET works, HEAD does */
    }
    return false;
}
