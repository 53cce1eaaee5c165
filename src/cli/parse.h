/* The words of a command line, sorted: pure functions, no output, nothing opened. */
#ifndef KIMONO_CLI_PARSE_H
#define KIMONO_CLI_PARSE_H

#include "cli/cli.h"

#define PARSE_PROBLEM_SIZE 256

enum parse_result {
    PARSE_RUN,     /* `invocation` is complete but for its settings */
    PARSE_HELP,    /* --help: of invocation.command, NULL: of everything */
    PARSE_VERSION, /* --version */
    PARSE_NOTHING, /* no command was named */
    PARSE_WRONG,   /* `problem` says what; invocation has what was understood */
};

struct parse {
    struct invocation invocation;
    char problem[PARSE_PROBLEM_SIZE];
};

/* Options may stand before or behind arguments, as `--name VALUE` or `--name=VALUE`; `--` ends them.
 * A value that begins with `--` needs the second form, so that a forgotten value is noticed. */
enum parse_result parse_words(const struct command *const *table, size_t count, int argc, char *const *argv,
                              struct parse *ret_parse);

/* How many letters must be changed, put in, left out or swapped with the next to make one of the other. */
size_t parse_distance(const char *a, const char *b);

/* The name in the table that the word most resembles; NULL: none does. */
const char *parse_nearest(const struct command *const *table, size_t count, const char *word);

#endif
