#include <string.h>
#include <unistd.h>

#include "base/descriptor.h"
#include "cli/cli.h"
#include "cli/table.h"
#include "platform/identity/users.h"
#include "security/password.h"

#define PASSWORD_SIZE 2048 /* longer than any that is allowed, so that a longer one is refused and not cut */

static enum cli_status user_add_run(const struct invocation *invocation);
static enum cli_status user_passwd_run(const struct invocation *invocation);
static enum cli_status user_disable_run(const struct invocation *invocation);
static enum cli_status user_list_run(const struct invocation *invocation);

static const struct option_spec add_options[] = {
    {.name = "role", .value = "ROLE", .text = "ops_admin, ops_viewer, tenant_admin or tenant_staff"},
    {.name = "tenant", .value = "ID", .text = "whose user it is (tenant roles only)"},
    CLI_STORE_OPTIONS,
    CLI_OPTIONS_END,
};
static const struct option_spec store_options[] = {CLI_STORE_OPTIONS, CLI_OPTIONS_END};

static const struct command verbs[] = {
    {.name = "add",
     .arguments = "NAME --role ROLE [--tenant ID]",
     .text = "add a user; the password is one line on standard input",
     .options = add_options,
     .least_arguments = 1,
     .most_arguments = 1,
     .run = user_add_run},
    {.name = "passwd",
     .arguments = "NAME",
     .text = "set a new password (one line on standard input); ends all sessions",
     .options = store_options,
     .least_arguments = 1,
     .most_arguments = 1,
     .run = user_passwd_run},
    {.name = "disable",
     .arguments = "NAME",
     .text = "keep a user out from now on; ends all sessions",
     .options = store_options,
     .least_arguments = 1,
     .most_arguments = 1,
     .run = user_disable_run},
    {.name = "list", .arguments = "", .text = "list users", .options = store_options, .run = user_list_run},
    {.name = NULL},
};

const struct command user_command = {
    .name = "user",
    .arguments = "add|passwd|disable|list …",
    .text = "people who log in",
    .details = "At a terminal the password is asked for and not shown; else it is read:\n"
               "  kimono user add alice --role ops_viewer < password-file\n"
               "It has 8 to 256 bytes.\n" TABLE_DETAILS,
    .verbs = verbs,
};

/* At a terminal twice: with a typing error that nobody sees the person could not log in. */
static bool user_ask_password(const struct invocation *invocation, char *ret_password, size_t size)
{
    char again[PASSWORD_SIZE];
    bool done = cli_read_secret("Password: ", ret_password, size);
    if (!done) {
        cli_usage(invocation,
                  "the password is one line of UTF-8 on standard input; there is none, or it is too "
                  "long, or in another encoding");
        return false;
    }
    if (!isatty(STDIN_FILENO))
        return true;
    done = cli_read_secret("Once more: ", again, sizeof(again)) && strcmp(ret_password, again) == 0;
    explicit_bzero(again, sizeof(again));
    if (!done)
        cli_usage(invocation, "the two passwords differ");
    return done;
}

/* Asks and checks before the store is opened: a password that is refused must not leave a new one. */
static bool user_take_password(const struct invocation *invocation, char *ret_password, size_t size,
                               enum cli_status *ret_status)
{
    struct error err;
    error_clear(&err);
    *ret_status = CLI_FAILED;
    if (!user_ask_password(invocation, ret_password, size))
        return false;
    if (password_check(ret_password, invocation->arguments[0], cli_option(invocation, "tenant"), &err))
        return true;
    cli_fail(invocation, &err);
    return false;
}

static void wipe_password(char (*password)[PASSWORD_SIZE])
{
    explicit_bzero(*password, sizeof(*password));
}

static enum cli_status user_add_run(const struct invocation *invocation)
{
    CLEANUP(wipe_password) char password[PASSWORD_SIZE];
    CLEANUP(arena_release) struct arena arena = {0};
    CLEANUP(cli_close) struct app *app = NULL;
    const char *role_text = cli_option(invocation, "role");
    struct actor actor = actor_command_line();
    enum cli_status status;
    enum role role;
    struct user user;
    struct error err;
    error_clear(&err);
    if (!role_text)
        return cli_usage(invocation,
                         "--role is missing: ops_admin, ops_viewer, tenant_admin or tenant_staff");
    if (!role_parse(role_text, &role))
        return cli_usage(invocation,
                         "there is no role '%.40s': ops_admin, ops_viewer, tenant_admin or tenant_staff",
                         role_text);
    if (!user_take_password(invocation, password, sizeof(password), &status))
        return status;
    if (!cli_open(invocation, APP_STORE, CLI_STORE_MAY_BE_NEW, &app))
        return CLI_FAILED;
    if (!user_add(app_platform(app)->store, &actor, invocation->arguments[0], password, role_name(role),
                  cli_option(invocation, "tenant"), &arena, &user, &err))
        return cli_fail(invocation, &err);
    printf("added %s (%s)\n", user.username, user.role);
    return CLI_DONE;
}

static enum cli_status user_passwd_run(const struct invocation *invocation)
{
    CLEANUP(wipe_password) char password[PASSWORD_SIZE];
    CLEANUP(cli_close) struct app *app = NULL;
    struct actor actor = actor_command_line();
    enum cli_status status;
    struct error err;
    error_clear(&err);
    if (!cli_open(invocation, APP_STORE, CLI_STORE_MUST_EXIST, &app))
        return CLI_FAILED;
    if (!user_take_password(invocation, password, sizeof(password), &status))
        return status;
    if (!user_set_password(app_platform(app)->store, &actor, invocation->arguments[0], password, &err))
        return cli_fail(invocation, &err);
    printf("password of %s set; all sessions ended\n", invocation->arguments[0]);
    return CLI_DONE;
}

static enum cli_status user_disable_run(const struct invocation *invocation)
{
    CLEANUP(cli_close) struct app *app = NULL;
    struct actor actor = actor_command_line();
    struct error err;
    error_clear(&err);
    if (!cli_open(invocation, APP_STORE, CLI_STORE_MUST_EXIST, &app))
        return CLI_FAILED;
    if (!user_disable(app_platform(app)->store, &actor, invocation->arguments[0], &err))
        return cli_fail(invocation, &err);
    printf("disabled %s\n", invocation->arguments[0]);
    return CLI_DONE;
}

static bool print_user_row(void *context, const struct user *user)
{
    struct table *table = context;
    table_text(table, user->username);
    table_text(table, user->role);
    table_text(table, user->tenant_id);
    table_text(table, user->status);
    table_time(table, user->created_at);
    table_time(table, user->last_login_at);
    return true;
}

static enum cli_status user_list_run(const struct invocation *invocation)
{
    static const char *const heading[] = {"NAME", "ROLE", "TENANT", "STATUS", "CREATED", "LAST LOG-IN"};
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
        !user_list(db, print_user_row, &table, &err))
        return cli_fail(invocation, &err);
    table_print(&table);
    return CLI_DONE;
}
