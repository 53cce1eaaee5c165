#include <string.h>

#include "cli/parse.h"

static enum cli_status help_run(const struct invocation *invocation);

const struct command help_command = {
    .name = "help",
    .arguments = "[COMMAND]",
    .text = "say what there is, or how to use one command",
    .most_arguments = 2,
    .standalone = true,
    .run = help_run,
};

static void help_print_overview(FILE *out)
{
    fputs("kimono " KIMONO_VERSION ": customer-service platform and its operations console\n\n"
          "usage: kimono COMMAND [ARGUMENTS] [OPTIONS]\n\n",
          out);
    for (size_t i = 0; i < command_count; i++)
        fprintf(out, "  %-9s %s\n", commands[i]->name, commands[i]->text);
    fputs(
        "\n'kimono help COMMAND' says more.\n"
        "The store is named by --data DIR (default: data), --database URL, the environment (KIMONO_DATA) or\n"
        "a configuration file; every command works while a server runs on the same store, except restore.\n"
        "Exit status: 0 done, 1 failed, 2 wrong usage.\n",
        out);
}

/* One line for each of `arguments`. */
static void help_print_usage(FILE *out, const struct command *group, const struct command *command)
{
    const char *arguments = command->arguments;
    for (;;) {
        int length = (int)strcspn(arguments, "\n");
        fprintf(out, "  kimono %s%s%s%s%.*s\n", group ? group->name : "", group ? " " : "", command->name,
                length ? " " : "", length, arguments);
        if (arguments[length] == '\0')
            break;
        arguments += length + 1;
    }
    if (group)
        fprintf(out, "      %s\n", command->text);
}

static bool option_listed_before(const struct command *verbs, const struct command *until, const char *name)
{
    for (; verbs != until; verbs++)
        for (const struct option_spec *option = verbs->options; option && option->name; option++)
            if (strcmp(option->name, name) == 0)
                return true;
    return false;
}

static void help_print_options(FILE *out, const struct command *first, const struct command *command)
{
    for (const struct option_spec *option = command->options; option && option->name; option++) {
        char left[40];
        if (option_listed_before(first, command, option->name))
            continue;
        snprintf(left, sizeof(left), "--%s%s%s", option->name, option->value ? " " : "",
                 option->value ? option->value : "");
        fprintf(out, "  %-21s %s\n", left, option->text);
    }
}

/* What each boot setting is named in the environment and in the configuration file. */
static void help_print_settings(FILE *out)
{
    char environment[SETTING_ENVIRONMENT_SIZE];
    fputs("\nsettings (flag, else environment, else configuration file, else default):\n", out);
    for (size_t i = 0; i < settings_count; i++) {
        const struct setting *setting = &settings_table[i];
        setting_environment(setting, environment);
        fprintf(out, "  %-36s [%s] %s = %s\n      %s%s%s\n", environment, setting->category, setting->name,
                setting->default_text, setting->text[cli_language()], *setting->unit ? ", " : "",
                setting->unit);
    }
}

void help_print(FILE *out, const struct command *command)
{
    if (!command) {
        help_print_overview(out);
        return;
    }
    fprintf(out, "kimono %s: %s\n\nusage:\n", command->name, command->text);
    if (!command->verbs)
        help_print_usage(out, NULL, command);
    for (const struct command *verb = command->verbs; verb && verb->name; verb++)
        help_print_usage(out, command, verb);
    if (command->verbs || command->options)
        fputs("\noptions:\n", out);
    help_print_options(out, command, command);
    for (const struct command *verb = command->verbs; verb && verb->name; verb++)
        help_print_options(out, command->verbs, verb);
    if (command->details)
        fprintf(out, "\n%s", command->details);
    if (command == &serve_command)
        help_print_settings(out);
}

static enum cli_status help_run(const struct invocation *invocation)
{
    if (invocation->argument_count == 0) {
        help_print(stdout, NULL);
        return CLI_DONE;
    }
    for (size_t i = 0; i < command_count; i++)
        if (strcmp(commands[i]->name, invocation->arguments[0]) == 0) {
            help_print(stdout, commands[i]);
            return CLI_DONE;
        }
    const char *nearest = parse_nearest(commands, command_count, invocation->arguments[0]);
    return cli_usage(invocation, "there is no command '%.40s'%s%s%s", invocation->arguments[0],
                     nearest ? "; did you mean '" : "", nearest ? nearest : "", nearest ? "'?" : "");
}
