#include <sys/stat.h>

#include "cli/cli.h"
#include "store/maintenance.h"

static enum cli_status backup_run(const struct invocation *invocation);

static const struct option_spec options[] = {CLI_STORE_OPTIONS, CLI_OPTIONS_END};

const struct command backup_command = {
    .name = "backup",
    .arguments = "FILE",
    .text = "write a backup of the store, also while a server runs",
    .details =
        "FILE appears, or is replaced, at once and whole. It holds kimono.db: tenants, users, knowledge,\n"
        "conversations, settings, audit log and the totals of telemetry. Raw telemetry (telemetry/, a file\n"
        "a day) and signing.key (with another one everybody logs in again) are copied as files.\n",
    .options = options,
    .least_arguments = 1,
    .most_arguments = 1,
    .run = backup_run,
};

/* A backup onto the store would replace the file that is being read and served. */
static bool is_same_file(const char *a, const char *b)
{
    struct stat first, second;
    return stat(a, &first) == 0 && stat(b, &second) == 0 && first.st_dev == second.st_dev &&
           first.st_ino == second.st_ino;
}

static enum cli_status backup_run(const struct invocation *invocation)
{
    CLEANUP(cli_close) struct app *app = NULL;
    const char *file = invocation->arguments[0];
    struct error err;
    error_clear(&err);
    if (!cli_open(invocation, APP_STORE, CLI_STORE_MUST_EXIST, &app))
        return CLI_FAILED;
    struct store *store = app_platform(app)->store;
    if (is_same_file(file, store_path(store))) {
        error_set(&err, ERROR_INVALID, "%s is the store itself; name another file",
                  "%s 就是数据库本身，请另选文件", file);
        return cli_fail(invocation, &err);
    }
    if (!store_backup(store, file, &err))
        return cli_fail(invocation, &err);
    printf("%s holds a backup of %s\n", file, store_path(store));
    return CLI_DONE;
}
