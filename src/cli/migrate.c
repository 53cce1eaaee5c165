#include <inttypes.h>
#include <string.h>

#include "base/clock.h"
#include "cli/cli.h"
#include "platform/jobs/jobs.h"
#include "store/lease.h"
#include "store/migration.h"
#include "store/transfer.h"
#include "telemetry/transfer.h"

static enum cli_status migrate_run(const struct invocation *invocation);

static const struct option_spec options[] = {
    CLI_STORE_OPTIONS,
    {"to", "PLACE", "carry the store over: a postgresql:// address, or an empty folder", .setting = false},
    {"verify", NULL, "with --to: carry nothing, compare", .setting = false},
    CLI_OPTIONS_END,
};

const struct command migrate_command = {
    .name = "migrate",
    .arguments = "[--to PLACE [--verify]]",
    .text = "make the store, or bring it up to date; carry it over to another database",
    .details =
        "Every command brings the store up to date when it opens it; without --to this one does nothing "
        "else.\n"
        "\n"
        "With --to all that the store keeps goes to another database: from the embedded store to PostgreSQL\n"
        "(--to postgresql://USER@HOST/DATABASE) or back (--database URL --to FOLDER). Stop the servers "
        "before.\n"
        "The store that is read stays as it is, so it is the way back. The other one must be empty; it has "
        "all\n"
        "of it at the end, or, if this is interrupted, nothing: then run it again. For each table and each "
        "day\n"
        "of telemetry a line says how many rows there are and their hash, which both sides have.\n"
        "The embedded store's signing.key does not go along: everybody logs in again.\n",
    .options = options,
    .run = migrate_run,
};

/* Opening is migrating; telemetry's days are brought up to date when each is opened. */
static enum cli_status migrate_here(const struct invocation *invocation)
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

/* ---- carrying over ---- */

static bool check_store_not_served(struct platform *platform, const char *which, struct error *err)
{
    bool served;
    if (!lease_is_served(platform->store, &served, err))
        return false;
    return !served ||
           error_set(err, ERROR_CONFLICT, "a server runs on the %s store: stop it, then carry it over",
                     "有服务器正在使用%s数据库：请先停止它再迁移", which);
}

/* A job goes on with files that lie on this machine. */
static bool check_no_open_job(struct platform *platform, struct error *err)
{
    CLEANUP(store_reader_release) struct db *db = NULL;
    CLEANUP(arena_release) struct arena arena = {0};
    const struct job_filter filter = {.status = "open", .page = 1, .page_size = 1};
    struct job_page page;
    if (!store_reader(platform->store, CLI_READ_MS, &db, err) || !job_list(db, &filter, &arena, &page, err))
        return false;
    return page.count == 0 ||
           error_set(err, ERROR_CONFLICT,
                     "Jobs wait or run: start the server, let them end or cancel them, then carry it over",
                     "有任务在等待或运行：请启动服务器，待其结束或取消后再迁移");
}

/* The settings of this invocation, for another place. */
static bool settings_of_other_place(const struct invocation *invocation, const char *place,
                                    struct settings_box **ret_settings, struct error *err)
{
    bool is_server = strstr(place, "://") != NULL;
    const struct setting_flag flags[] = {
        {"data", is_server ? settings_now(invocation->settings)->data : place},
        {"database", is_server ? place : ""},
        {NULL, NULL},
    };
    return settings_load(ret_settings, cli_option(invocation, "config"), flags, err);
}

static void print_hash(const unsigned char *hash, size_t size)
{
    for (size_t i = 0; i < size; i++)
        printf("%02x", hash[i]);
}

static void print_table_digests(void *context, const struct store_table *table,
                                const struct store_digest *from, const struct store_digest *to)
{
    (void)context;
    bool same = from->rows == to->rows && memcmp(from->hash, to->hash, STORE_DIGEST_SIZE) == 0;
    printf("%-24s %12" PRId64 " rows  ", table->name, from->rows);
    print_hash(from->hash, STORE_DIGEST_SIZE);
    if (same)
        puts("  the same");
    else
        printf("  DIFFERENT: %" PRId64 " rows\n", to->rows);
}

static void print_day_digests(void *context, const struct telemetry_day_digest *from,
                              const struct telemetry_day_digest *to)
{
    (void)context;
    char day[CLOCK_DAY_SIZE];
    clock_day_format(from->day, day);
    bool same = from->usage_rows == to->usage_rows && from->log_rows == to->log_rows &&
                memcmp(from->hash, to->hash, sizeof(from->hash)) == 0;
    printf("telemetry of %-11s %12" PRId64 " rows  ", day, from->usage_rows + from->log_rows);
    print_hash(from->hash, sizeof(from->hash));
    if (same)
        puts("  the same");
    else
        printf("  DIFFERENT: %" PRId64 " rows\n", to->usage_rows + to->log_rows);
}

struct both {
    struct platform *from, *to;
};

static bool migrate_adopt_totals(struct db *db, void *context, struct error *err)
{
    const struct both *both = context;
    return telemetry_adopt_totals(both->from->telemetry, both->to->telemetry, db, err);
}

/* The main store last, in one transaction: without it the other place counts as empty. */
static bool migrate_carry_over(struct both *both, struct error *err)
{
    if (!check_store_not_served(both->from, "present", err) ||
        !check_store_not_served(both->to, "other", err) || !check_no_open_job(both->from, err))
        return false;
    if (!store_is_empty(both->to->store, main_tables, main_table_count, err))
        return false;
    return telemetry_transfer(both->from->telemetry, both->to->telemetry, print_day_digests, NULL, err) &&
           store_transfer(both->from->store, both->to->store, main_tables, main_table_count,
                          print_table_digests, migrate_adopt_totals, both, err);
}

static bool migrate_compare(const struct both *both, bool *ret_same, struct error *err)
{
    bool same_days, same_tables;
    if (!telemetry_compare(both->from->telemetry, both->to->telemetry, print_day_digests, NULL, &same_days,
                           err) ||
        !store_compare(both->from->store, both->to->store, main_tables, main_table_count, print_table_digests,
                       NULL, &same_tables, err))
        return false;
    *ret_same = same_days && same_tables;
    return true;
}

static enum cli_status migrate_to(const struct invocation *invocation, const char *place)
{
    CLEANUP(cli_close) struct app *app = NULL;
    struct settings_box *settings = NULL;
    struct app *other = NULL;
    struct error err;
    error_clear(&err);
    if (!cli_open(invocation, APP_TELEMETRY, CLI_STORE_MUST_EXIST, &app))
        return CLI_FAILED;
    bool verify = cli_option(invocation, "verify") != NULL, same = true;
    bool done = settings_of_other_place(invocation, place, &settings, &err);
    if (done) {
        struct app_options there = {.settings = settings, .depth = APP_TELEMETRY, .must_exist = verify};
        done = app_open(&other, &there, &err);
    }
    if (done) {
        struct both both = {app_platform(app), app_platform(other)};
        done = verify ? migrate_compare(&both, &same, &err) : migrate_carry_over(&both, &err);
    }
    app_close(other);
    settings_free(settings);
    if (!done)
        return cli_fail(invocation, &err);
    puts(same ? "both keep the same" : "they differ");
    return same ? CLI_DONE : CLI_FAILED;
}

static enum cli_status migrate_run(const struct invocation *invocation)
{
    const char *place = cli_option(invocation, "to");
    if (place)
        return migrate_to(invocation, place);
    if (cli_option(invocation, "verify"))
        return cli_usage(invocation, "--verify compares with what --to names");
    return migrate_here(invocation);
}
