/* Finds the route of a method and a path. */
#ifndef KIMONO_API_ROUTER_H
#define KIMONO_API_ROUTER_H

#include "api/route.h"

#define ROUTER_ALLOW_SIZE 64

/* False: `ret_allow` holds the methods that the path has ("GET, HEAD, POST"), "" when the path does not
 * exist. HEAD comes as GET. Path values live in the arena. */
bool router_find(const char *method, const char *path, struct arena *arena, const struct route **ret_route,
                 struct path_values *ret_values, char ret_allow[static ROUTER_ALLOW_SIZE]);

#endif
