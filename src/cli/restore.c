#include "cli/cli.h"

static enum cli_status restore_run(const struct invocation *invocation);

static const struct option_spec options[] = {CLI_STORE_OPTIONS, CLI_OPTIONS_END};

const struct command restore_command = {
    .name = "restore",
    .arguments = "FILE",
    .text = "put a backup in the store's place; no server may run on it",
    .details =
        "A copy of FILE is proved to be a whole store of this version or an older one before anything is\n"
        "touched; the store that was there is gone afterwards. 'kimono check' proves the result.\n",
    .options = options,
    .least_arguments = 1,
    .most_arguments = 1,
    .run = restore_run,
};

static enum cli_status restore_run(const struct invocation *invocation)
{
    const char *file = invocation->arguments[0];
    struct error err;
    error_clear(&err);
    if (!app_restore(invocation->settings, file, &err))
        return cli_fail(invocation, &err);
    printf("%s is restored from %s\n", settings_now(invocation->settings)->data, file);
    return CLI_DONE;
}
