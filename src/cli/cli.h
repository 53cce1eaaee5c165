/* The command line: one file for each command, its declaration (struct command) above its functions,
 * and one row for it in cli.c's table; `help` prints from the same declarations. Exit status: 0 done,
 * 1 failed, 2 wrong usage. Errors are one line on standard error that says what to do; standard
 * output has only what scripts use.
 *
 * Adding a command: its file with its declaration, declared below, and its row in cli.c. */
#ifndef KIMONO_CLI_CLI_H
#define KIMONO_CLI_CLI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "app.h"
#include "base/memory.h"

enum cli_status { CLI_DONE = 0, CLI_FAILED = 1, CLI_USAGE = 2 };

struct option_spec {
    const char *name;  /* "tenant" for --tenant */
    const char *value; /* "ID" in the help; NULL: a switch without a value */
    const char *text;  /* one line for the help */
    bool setting;      /* it is the boot setting of the same name */
};

#define CLI_OPTIONS_MAX 16
#define CLI_ARGUMENTS_MAX 8

struct invocation;

/* An option of one name takes a value in all commands or in none: so options may stand anywhere. */
struct command {
    const char *name;                  /* "serve", "user"; of a verb "add" */
    const char *arguments;             /* what stands behind the name, one usage a line: "NAME --role ROLE" */
    const char *text;                  /* one line */
    const char *details;               /* for `help COMMAND`, lines; NULL: none */
    const struct option_spec *options; /* the last has no name */
    size_t least_arguments, most_arguments;
    const struct command *verbs; /* "user add", "user list" …; the last has no name. NULL: none */
    bool standalone;             /* needs no settings: wrong ones do not keep it from running */
    enum cli_status (*run)(const struct invocation *invocation);
};

/* A command's words, sorted and checked: every option is known and has its value, and there are as
 * many arguments as the command takes. */
struct invocation {
    const struct command *group;              /* the command whose verb it is, or NULL */
    const struct command *command;            /* what runs */
    const char *arguments[CLI_ARGUMENTS_MAX]; /* those that are no options; without command and verb */
    size_t argument_count;
    const char *values[CLI_OPTIONS_MAX]; /* by place in command->options; NULL: absent; a switch: "" */
    struct settings_box *settings;       /* loaded: flags, environment, file, defaults */
};

extern const struct command serve_command, demo_command, user_command, tenant_command, token_command,
    import_command, export_command, migrate_command, backup_command, restore_command, check_command,
    openapi_command, version_command, help_command;

extern const struct command *const commands[];
extern const size_t command_count;

/* The whole of main(). */
int cli_main(int argc, char **argv);

const char *cli_option(const struct invocation *invocation, const char *name); /* NULL: absent */
/* A whole number within bounds, else an error and CLI_USAGE from the caller. Absent: `fallback`. */
bool cli_option_int(const struct invocation *invocation, const char *name, int64_t least, int64_t most,
                    int64_t fallback, int64_t *ret_value);

/* "kimono user add: …" on one line, in the language of the environment (LANG=zh…: Chinese); field
 * errors are put behind. Both return their status, so that a command can `return cli_fail(…)`. */
enum cli_status cli_fail(const struct invocation *invocation, const struct error *err);
enum cli_status cli_usage(const struct invocation *invocation, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
enum language cli_language(void);

/* app_open at the invocation's settings. On failure the error has been printed. */
enum cli_store { CLI_STORE_MUST_EXIST, CLI_STORE_MAY_BE_NEW };
bool cli_open(const struct invocation *invocation, enum app_depth depth, enum cli_store store,
              struct app **ret_app);
static inline void cli_close(struct app **app) /* for CLEANUP */
{
    app_close(*app);
}

/* One line of standard input, without its line break and a byte order mark. While a person types, `prompt` is
 * shown and the echo is off. False at the end of input, for a line of `size` bytes or more, or with a NUL. */
bool cli_read_secret(const char *prompt, char *ret_line, size_t size);

#define CLI_READ_MS 60000 /* for what a command reads from the store */

/* "kimono user add", what errors begin with; "kimono" for NULL. */
const char *cli_name(const struct invocation *invocation, char *buffer, size_t size);
/* The help of everything, or of one command. */
void help_print(FILE *out, const struct command *command);

#define CLI_STORE_OPTIONS                                                                                    \
    {"data", "DIR", "folder of the embedded store (default: data)", .setting = true},                        \
        {"database", "URL", "PostgreSQL instead of the embedded store", .setting = true},                    \
    {                                                                                                        \
        "config", "FILE", "configuration file", .setting = false                                             \
    }
#define CLI_OPTIONS_END                                                                                      \
    {                                                                                                        \
        .name = NULL                                                                                         \
    }

#endif
