#include "cli/cli.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/log.h"
#include "base/utf8.h"
#include "cli/parse.h"

const struct command *const commands[] = {
    &serve_command,  &demo_command,    &user_command,    &tenant_command, &token_command,
    &import_command, &export_command,  &migrate_command, &backup_command, &restore_command,
    &check_command,  &openapi_command, &version_command, &help_command,
};
const size_t command_count = ARRAY_SIZE(commands);

/* ---- what commands ask for ---- */

const char *cli_option(const struct invocation *invocation, const char *name)
{
    const struct option_spec *options = invocation->command->options;
    for (size_t i = 0; options && options[i].name; i++)
        if (strcmp(options[i].name, name) == 0)
            return invocation->values[i];
    return NULL;
}

bool cli_option_int(const struct invocation *invocation, const char *name, int64_t least, int64_t most,
                    int64_t fallback, int64_t *ret_value)
{
    const char *text = cli_option(invocation, name);
    char *end;
    if (!text) {
        *ret_value = fallback;
        return true;
    }
    errno = 0;
    long long value = strtoll(text, &end, 10);
    bool is_number = text[strspn(text, "0123456789-")] == '\0' && *text && *end == '\0';
    if (!is_number || errno != 0 || value < least || value > most) {
        cli_usage(invocation, "--%s takes a whole number from %lld to %lld, not '%.40s'", name,
                  (long long)least, (long long)most, text);
        return false;
    }
    *ret_value = value;
    return true;
}

/* ---- errors ---- */

enum language cli_language(void)
{
    static const char *const variables[] = {"LC_ALL", "LC_MESSAGES", "LANG"};
    for (size_t i = 0; i < ARRAY_SIZE(variables); i++) {
        const char *value = getenv(variables[i]);
        if (value && *value)
            return strncmp(value, "zh", 2) == 0 ? LANGUAGE_ZH : LANGUAGE_EN;
    }
    return LANGUAGE_EN;
}

/* One line, whatever is in it: an error's text may quote input. */
static void cli_print_line(const char *name, const char *text)
{
    fprintf(stderr, "%s: ", name);
    for (; *text; text++)
        fputc((unsigned char)*text < ' ' || *text == 0x7F ? ' ' : *text, stderr);
    fputc('\n', stderr);
}

/* The detail that error_add_field sets says only that the fields follow: here they do. */
static bool error_is_only_fields(const struct error *err)
{
    struct error plain;
    error_clear(&plain);
    error_add_field(&plain, "", "%s", "%s", "");
    return err->field_count > 0 && strcmp(err->detail[LANGUAGE_EN], plain.detail[LANGUAGE_EN]) == 0;
}

enum cli_status cli_fail(const struct invocation *invocation, const struct error *err)
{
    enum language language = cli_language();
    CLEANUP(strbuf_release) struct strbuf line = {0};
    if (!error_is_only_fields(err))
        strbuf_puts(&line, err->detail[language]);
    for (size_t i = 0; i < err->field_count; i++) {
        const struct error_field *field = &err->fields[i];
        if (strstr(strbuf_text(&line), field->message[language]))
            continue;
        strbuf_printf(&line, "%s%s: %s", line.length ? "; " : "", field->field, field->message[language]);
    }
    char name[64];
    cli_print_line(cli_name(invocation, name, sizeof(name)), strbuf_text(&line));
    return CLI_FAILED;
}

enum cli_status cli_usage(const struct invocation *invocation, const char *format, ...)
{
    CLEANUP(strbuf_release) struct strbuf line = {0};
    char text[512], name[64];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    utf8_drop_invalid(text);
    const struct command *topic = invocation->group ? invocation->group : invocation->command;
    if (topic == &help_command)
        topic = NULL;
    strbuf_printf(&line, "%s (see 'kimono help%s%s')", text, topic ? " " : "", topic ? topic->name : "");
    cli_print_line(cli_name(invocation, name, sizeof(name)), strbuf_text(&line));
    return CLI_USAGE;
}

/* ---- the store ---- */

bool cli_open(const struct invocation *invocation, enum app_depth depth, enum cli_store store,
              struct app **ret_app)
{
    struct error err;
    error_clear(&err);
    struct app_options options = {
        .settings = invocation->settings,
        .depth = depth,
        .durability = STORE_FULL,
        .must_exist = store == CLI_STORE_MUST_EXIST,
    };
    if (app_open(ret_app, &options, &err))
        return true;
    cli_fail(invocation, &err);
    return false;
}

/* ---- main ---- */

static bool cli_load_settings(struct invocation *invocation, struct error *err)
{
    struct setting_flag flags[CLI_OPTIONS_MAX + 1];
    size_t count = 0;
    const struct option_spec *options = invocation->command->options;
    for (size_t i = 0; options && options[i].name; i++)
        if (options[i].setting && invocation->values[i])
            flags[count++] = (struct setting_flag){options[i].name, invocation->values[i]};
    flags[count] = (struct setting_flag){NULL, NULL};
    error_clear(err);
    return settings_load(&invocation->settings, cli_option(invocation, "config"), flags, err);
}

/* The server's log is for its operator; beside any other command's answer only trouble is wanted. */
static void cli_set_log_level(const struct invocation *invocation)
{
    enum log_level wanted = LOG_INFO;
    for (enum log_level level = LOG_DEBUG; level <= LOG_ERROR; level++)
        if (strcmp(log_level_name(level), settings_now(invocation->settings)->log_level) == 0)
            wanted = level;
    if (invocation->command != &serve_command && wanted < LOG_WARN)
        wanted = LOG_WARN;
    log_set_level(wanted);
}

static enum cli_status cli_run_command(struct invocation *invocation)
{
    struct error err;
    if (invocation->command->standalone)
        return invocation->command->run(invocation);
    if (!cli_load_settings(invocation, &err))
        return cli_fail(invocation, &err);
    cli_set_log_level(invocation);
    enum cli_status status = invocation->command->run(invocation);
    settings_free(invocation->settings);
    return status;
}

/* A file that is opened must never get the number of a standard stream that was closed. */
static void hold_standard_streams(void)
{
    int fd;
    do
        fd = open("/dev/null", O_RDWR);
    while (fd >= 0 && fd <= STDERR_FILENO);
    if (fd > STDERR_FILENO)
        close(fd);
}

/* What was printed must have arrived: a token is shown only once. */
static enum cli_status cli_check_output(const struct invocation *invocation, enum cli_status status)
{
    struct error err;
    if (fflush(stdout) == 0 && !ferror(stdout))
        return status;
    error_clear(&err);
    error_set(&err, ERROR_INTERNAL, "standard output cannot be written: %s", "无法写入标准输出：%s",
              strerror(errno));
    return cli_fail(invocation, &err);
}

int cli_main(int argc, char **argv)
{
    struct parse parse;
    struct invocation *invocation = &parse.invocation;
    enum cli_status status = CLI_DONE;
    /* A core dump would hold the signing key, passwords and customers' words; nor may another process of the same
     * user read them from memory. */
    prctl(PR_SET_DUMPABLE, 0);
    setrlimit(RLIMIT_CORE, &(const struct rlimit){0, 0});
    hold_standard_streams();
    /* A reader that goes away and a file that may not grow further are errors of the call that meets them. */
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN);
    switch (parse_words(commands, command_count, argc, argv, &parse)) {
    case PARSE_RUN: status = cli_run_command(invocation); break;
    case PARSE_HELP: help_print(stdout, invocation->group ? invocation->group : invocation->command); break;
    case PARSE_VERSION: status = version_command.run(invocation); break;
    case PARSE_NOTHING:
        help_print(stderr, NULL);
        status = CLI_USAGE;
        break;
    case PARSE_WRONG: status = cli_usage(invocation, "%s", parse.problem); break;
    }
    return cli_check_output(invocation, status);
}
