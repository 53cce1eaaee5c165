#include "api/openapi.h"

#include "cli/cli.h"

static enum cli_status openapi_run(const struct invocation *invocation)
{
    (void)invocation;
    struct strbuf document = {0};
    openapi_write(&document, KIMONO_VERSION);
    fwrite(document.bytes, 1, document.length, stdout);
    putchar('\n');
    strbuf_release(&document);
    return CLI_DONE;
}

const struct command openapi_command = {
    .name = "openapi",
    .arguments = "",
    .text = "print the OpenAPI document of the HTTP API",
    .standalone = true,
    .run = openapi_run,
};
