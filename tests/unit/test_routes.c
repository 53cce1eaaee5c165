/* What the rows of the route table have to agree on, for the next one that is written. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "api/route.h"

/* On an I/O thread everybody on that thread waits. Each of these reads so much and no more, whatever is stored. */
static const struct {
    const char *path, *reads;
} on_io_threads[] = {
    {"/api/v1/auth/me", "what the token says"},
    {"/api/v1/system/health", "what the probes found, in memory"},
    {"/api/v1/system/stats", "counters: one row, or some of one tenant"},
    {"/metrics", "counters, and figures in memory"},
    {"/api/v1/openapi.json", "a text that was made at the start"},
};

static void only_what_takes_no_time_is_on_io_threads(void **state)
{
    (void)state;
    for (size_t i = 0; i < route_count; i++) {
        bool allowed = routes[i].run != HTTP_RUN_IO;
        for (size_t k = 0; k < ARRAY_SIZE(on_io_threads) && !allowed; k++)
            allowed = strcmp(on_io_threads[k].path, routes[i].path) == 0;
        if (!allowed || (routes[i].run == HTTP_RUN_IO && routes[i].shape == ANSWER_LIST))
            fail_msg("%s %s runs on an I/O thread", routes[i].method, routes[i].path);
    }
}

/* Files in and out take as long as they are large: nobody who chats waits behind one. */
static void files_have_threads_of_their_own(void **state)
{
    (void)state;
    for (size_t i = 0; i < route_count; i++) {
        const char *type = routes[i].content_type;
        bool is_file = (routes[i].params && params_have_form(routes[i].params)) ||
                       (type && (strstr(type, "csv") || strstr(type, "officedocument")));
        if (is_file != (routes[i].run == HTTP_RUN_HEAVY))
            fail_msg("%s %s: a file is HTTP_RUN_HEAVY, and nothing else is", routes[i].method,
                     routes[i].path);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_what_takes_no_time_is_on_io_threads),
        cmocka_unit_test(files_have_threads_of_their_own),
    };
    return cmocka_run_group_tests_name("routes", tests, NULL, NULL);
}
