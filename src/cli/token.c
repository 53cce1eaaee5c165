#include "base/descriptor.h"
#include "cli/cli.h"
#include "cli/table.h"
#include "platform/identity/api_tokens.h"
#include "platform/identity/users.h"

static enum cli_status token_create_run(const struct invocation *invocation);
static enum cli_status token_revoke_run(const struct invocation *invocation);
static enum cli_status token_list_run(const struct invocation *invocation);

static const struct option_spec create_options[] = {
    {.name = "role", .value = "ROLE", .text = "ingest: write telemetry; metrics: read /metrics"},
    {.name = "tenant", .value = "ID", .text = "for this tenant's telemetry only"},
    CLI_STORE_OPTIONS,
    CLI_OPTIONS_END,
};
static const struct option_spec store_options[] = {CLI_STORE_OPTIONS, CLI_OPTIONS_END};

static const struct command verbs[] = {
    {.name = "create",
     .arguments = "NAME --role ingest|metrics [--tenant ID]",
     .text = "make a token; prints it alone, this once",
     .options = create_options,
     .least_arguments = 1,
     .most_arguments = 1,
     .run = token_create_run},
    {.name = "revoke",
     .arguments = "NAME",
     .text = "end a token at once",
     .options = store_options,
     .least_arguments = 1,
     .most_arguments = 1,
     .run = token_revoke_run},
    {.name = "list",
     .arguments = "",
     .text = "list tokens (not the tokens themselves: they are not kept)",
     .options = store_options,
     .run = token_list_run},
    {.name = NULL},
};

const struct command token_command = {
    .name = "token",
    .arguments = "create|revoke|list …",
    .text = "API tokens for programs",
    .details = TABLE_DETAILS,
    .verbs = verbs,
};

static enum cli_status token_create_run(const struct invocation *invocation)
{
    CLEANUP(arena_release) struct arena arena = {0};
    CLEANUP(cli_close) struct app *app = NULL;
    struct actor actor = actor_command_line();
    const char *role_text = cli_option(invocation, "role"), *token;
    enum role role;
    struct error err;
    error_clear(&err);
    if (!role_text)
        return cli_usage(invocation, "--role is missing: --role ingest, or --role metrics");
    if (!role_parse(role_text, &role) || !role_is_of_token(role))
        return cli_usage(invocation, "a token's role is 'ingest' or 'metrics', not '%.40s'", role_text);
    if (!cli_open(invocation, APP_STORE, CLI_STORE_MUST_EXIST, &app))
        return CLI_FAILED;
    if (!api_token_add(app_platform(app)->store, &actor, invocation->arguments[0], role_name(role),
                       cli_option(invocation, "tenant"), &arena, &token, &err))
        return cli_fail(invocation, &err);
    puts(token);
    return CLI_DONE;
}

static enum cli_status token_revoke_run(const struct invocation *invocation)
{
    CLEANUP(cli_close) struct app *app = NULL;
    struct actor actor = actor_command_line();
    struct error err;
    error_clear(&err);
    if (!cli_open(invocation, APP_STORE, CLI_STORE_MUST_EXIST, &app))
        return CLI_FAILED;
    if (!api_token_revoke(app_platform(app)->store, &actor, invocation->arguments[0], &err))
        return cli_fail(invocation, &err);
    printf("revoked %s\n", invocation->arguments[0]);
    return CLI_DONE;
}

static bool print_token_row(void *context, const struct api_token *token)
{
    struct table *table = context;
    table_text(table, token->name);
    table_text(table, token->role);
    table_text(table, token->tenant_id);
    table_text(table, token->revoked_at == INT_NULL ? "active" : "revoked");
    table_time(table, token->created_at);
    table_time(table, token->revoked_at);
    return true;
}

static enum cli_status token_list_run(const struct invocation *invocation)
{
    static const char *const heading[] = {"NAME", "ROLE", "TENANT", "STATUS", "CREATED", "REVOKED"};
    CLEANUP(table_release) struct table table = {.columns = ARRAY_SIZE(heading)};
    CLEANUP(cli_close) struct app *app = NULL;
    CLEANUP(store_reader_release) struct db *db = NULL;
    struct error err;
    error_clear(&err);
    if (!cli_open(invocation, APP_STORE, CLI_STORE_MUST_EXIST, &app))
        return CLI_FAILED;
    for (size_t i = 0; i < ARRAY_SIZE(heading); i++)
        table_text(&table, heading[i]);
    if (!store_reader(app_platform(app)->store, CLI_READ_MS, &db, &err) ||
        !api_token_list(db, print_token_row, &table, &err))
        return cli_fail(invocation, &err);
    table_print(&table);
    return CLI_DONE;
}
