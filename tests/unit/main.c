/* Runs one of the unit test programs, which are all in this binary: `unit_tests test_store`.
   meson.build makes the list of them, and gives each the name of its source. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "unit_programs.h"

#define UNIT_PROGRAM(name) int name(void);
UNIT_PROGRAMS
#undef UNIT_PROGRAM

static const struct {
    const char *name;
    int (*run)(void);
} programs[] = {
#define UNIT_PROGRAM(name) {#name, name},
    UNIT_PROGRAMS
#undef UNIT_PROGRAM
};

#define SKIPPED 77 /* to meson */

int main(int argc, char **argv)
{
    if (getenv("KIMONO_TEST_STORE") && !getenv("KIMONO_TEST_POSTGRESQL"))
        return SKIPPED;
    for (size_t i = 0; argc == 2 && i < sizeof programs / sizeof *programs; i++)
        if (strcmp(argv[1], programs[i].name) == 0)
            return programs[i].run();
    fprintf(stderr, "usage: unit_tests NAME, one of:\n");
    for (size_t i = 0; i < sizeof programs / sizeof *programs; i++)
        fprintf(stderr, "    %s\n", programs[i].name);
    return 2;
}
