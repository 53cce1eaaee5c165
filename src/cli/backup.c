#include "cli/cli.h"
#include "store/store.h"

static enum cli_status backup_run(const struct invocation *invocation);

static const struct option_spec options[] = {CLI_STORE_OPTIONS, CLI_OPTIONS_END};

const struct command backup_command = {
    .name = "backup",
    .arguments = "FILE",
    .text = "write a backup of the store, also while a server runs",
    .details =
        "FILE appears, or takes the place of an earlier backup, at once and whole; it may not lie in the\n"
        "store's folder. It holds kimono.db: tenants, users, knowledge, conversations, settings, audit log "
        "and\n"
        "the totals of telemetry. Raw telemetry (telemetry/, a file\n"
        "a day) and signing.key (with another one everybody logs in again) are copied as files.\n",
    .options = options,
    .least_arguments = 1,
    .most_arguments = 1,
    .run = backup_run,
};

static enum cli_status backup_run(const struct invocation *invocation)
{
    CLEANUP(cli_close) struct app *app = NULL;
    const char *file = invocation->arguments[0];
    struct error err;
    error_clear(&err);
    if (!cli_open(invocation, APP_STORE, CLI_STORE_MUST_EXIST, &app))
        return CLI_FAILED;
    if (!app_backup(app, file, &err))
        return cli_fail(invocation, &err);
    printf("%s holds a backup of %s\n", file, store_path(app_platform(app)->store));
    return CLI_DONE;
}
