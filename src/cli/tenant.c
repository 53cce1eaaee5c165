#include "cli/cli.h"
#include "cli/table.h"
#include "platform/tenants/tenants.h"

static enum cli_status tenant_add_run(const struct invocation *invocation);
static enum cli_status tenant_list_run(const struct invocation *invocation);

static const struct option_spec store_options[] = {CLI_STORE_OPTIONS, CLI_OPTIONS_END};

static const struct command verbs[] = {
    {.name = "add",
     .arguments = "ID NAME",
     .text = "add a tenant; prints its publishable key alone",
     .options = store_options,
     .least_arguments = 2,
     .most_arguments = 2,
     .run = tenant_add_run},
    {.name = "list",
     .arguments = "",
     .text = "list tenants",
     .options = store_options,
     .run = tenant_list_run},
    {.name = NULL},
};

const struct command tenant_command = {
    .name = "tenant",
    .arguments = "add|list …",
    .text = "tenants (the shops)",
    .details = "The publishable key stands in the shop's web page (X-API-Key); it is no secret: it grants "
               "only chat.\n" TABLE_DETAILS,
    .verbs = verbs,
};

static enum cli_status tenant_add_run(const struct invocation *invocation)
{
    CLEANUP(arena_release) struct arena arena = {0};
    CLEANUP(cli_close) struct app *app = NULL;
    struct actor actor = actor_command_line();
    struct tenant tenant;
    struct error err;
    error_clear(&err);
    if (!cli_open(invocation, APP_STORE, CLI_STORE_MAY_BE_NEW, &app))
        return CLI_FAILED;
    if (!tenant_add(app_platform(app)->store, &actor, invocation->arguments[0], invocation->arguments[1],
                    NULL, &arena, &tenant, &err))
        return cli_fail(invocation, &err);
    puts(tenant.api_key);
    return CLI_DONE;
}

static bool print_tenant_row(void *context, const struct tenant *tenant)
{
    struct table *table = context;
    table_text(table, tenant->id);
    table_text(table, tenant->name);
    table_text(table, tenant->status);
    table_int(table, tenant->qa_pair_count);
    table_int(table, tenant->unsynced_count);
    table_int(table, tenant->user_count);
    table_time(table, tenant->created_at);
    table_time(table, tenant->last_active_at);
    table_text(table, tenant->api_key);
    return true;
}

static enum cli_status tenant_list_run(const struct invocation *invocation)
{
    static const char *const heading[] = {"ID",    "NAME",    "STATUS",      "PAIRS", "UNSYNCED",
                                          "USERS", "CREATED", "LAST ACTIVE", "KEY"};
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
        !tenant_list(db, print_tenant_row, &table, &err))
        return cli_fail(invocation, &err);
    table_print(&table);
    return CLI_DONE;
}
