#include <inttypes.h>

#include "cli/cli.h"
#include "store/migration.h"

static enum cli_status migrate_run(const struct invocation *invocation);

static const struct option_spec options[] = {CLI_STORE_OPTIONS, CLI_OPTIONS_END};

const struct command migrate_command = {
    .name = "migrate",
    .arguments = "",
    .text = "make the store, or bring it up to date",
    .details = "Every command does so when it opens the store; this one does nothing else.\n",
    .options = options,
    .run = migrate_run,
};

/* Opening is migrating; telemetry's day files are brought up to date when each is opened. */
static enum cli_status migrate_run(const struct invocation *invocation)
{
    CLEANUP(cli_close) struct app *app = NULL;
    CLEANUP(store_reader_release) struct db *db = NULL;
    int64_t version;
    struct error err;
    error_clear(&err);
    if (!cli_open(invocation, APP_STORE, CLI_STORE_MAY_BE_NEW, &app))
        return CLI_FAILED;
    if (!store_reader(app_platform(app)->store, CLI_READ_MS, &db, &err) ||
        !migration_version(db, &version, &err))
        return cli_fail(invocation, &err);
    printf("the store is at version %" PRId64 "\n", version);
    return CLI_DONE;
}
