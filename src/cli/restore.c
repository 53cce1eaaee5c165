#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "cli/cli.h"
#include "store/maintenance.h"

static enum cli_status restore_run(const struct invocation *invocation);

static const struct option_spec options[] = {CLI_STORE_OPTIONS, CLI_OPTIONS_END};

const struct command restore_command = {
    .name = "restore",
    .arguments = "FILE",
    .text = "put a backup in the store's place; no server may run on it",
    .details =
        "FILE is proved to be a whole store before anything is touched; the store that was there is gone\n"
        "afterwards. 'kimono check' proves the result.\n",
    .options = options,
    .least_arguments = 1,
    .most_arguments = 1,
    .run = restore_run,
};

static enum cli_status restore_run(const struct invocation *invocation)
{
    const struct settings *settings = settings_now(invocation->settings);
    const char *file = invocation->arguments[0];
    char path[4096];
    struct error err;
    error_clear(&err);
    if (*settings->database) {
        error_set(&err, ERROR_INVALID,
                  "PostgreSQL is restored by its own tools (pg_restore); leave --database out",
                  "PostgreSQL 请用其自带工具（pg_restore）恢复；请去掉 --database");
        return cli_fail(invocation, &err);
    }
    /* As app.c names it; app_open cannot be asked: it would open the store that is to go. */
    snprintf(path, sizeof(path), "%s/kimono.db", settings->data);
    if (mkdir(settings->data, 0700) != 0 && errno != EEXIST) {
        error_set(&err, ERROR_INTERNAL, "cannot make the folder %s: %s", "无法创建目录 %s：%s",
                  settings->data, strerror(errno));
        return cli_fail(invocation, &err);
    }
    if (!store_restore(file, path, &err))
        return cli_fail(invocation, &err);
    printf("%s is restored from %s\n", path, file);
    return CLI_DONE;
}
