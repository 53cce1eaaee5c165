#include "cli/cli.h"

static enum cli_status version_run(const struct invocation *invocation)
{
    (void)invocation;
    puts("kimono " KIMONO_VERSION);
    return CLI_DONE;
}

const struct command version_command = {
    .name = "version",
    .arguments = "",
    .text = "print the version",
    .standalone = true,
    .run = version_run,
};
