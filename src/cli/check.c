#include <string.h>

#include "cli/cli.h"
#include "platform/audit/audit.h"
#include "platform/audit/audit_head.h"
#include "platform/jobs/jobs.h"
#include "platform/knowledge/templates.h"
#include "platform/tenants/activity.h"
#include "platform/tenants/counters.h"
#include "store/full_text.h"
#include "store/maintenance.h"
#include "telemetry/telemetry.h"

#define CHECK_MS (24 * 3600 * 1000) /* it takes as long as the store is large */

static enum cli_status check_run(const struct invocation *invocation);

static const struct option_spec options[] = {CLI_STORE_OPTIONS, CLI_OPTIONS_END};

const struct command check_command = {
    .name = "check",
    .arguments = "",
    .text = "prove that the store is whole, also while a server runs",
    .details =
        "Looks at every page, index and reference; recomputes counters and roll-ups from the raw rows; "
        "follows\n"
        "the audit log's chain of hashes. Prints a line for each thing that is wrong and at last 'whole' "
        "(exit\n"
        "status 0) or 'N findings' (1). All of the main store is seen at one moment: what a server writes\n"
        "meanwhile neither disturbs it nor is held up by it.\n",
    .options = options,
    .run = check_run,
};

/* Adding a check: a row. Each sees the same moment of the store. */
/* clang-format off */
static const struct {
    const char *name;
    bool (*check)(struct db *db, struct strbuf *ret_findings, struct error *err);
} checks[] = {
    {"integrity", store_integrity},
    {"counters", counters_check},
    {"activity", activity_check},
    {"audit", audit_check},
    {"knowledge", text_index_check},
    {"jobs", jobs_check},
    {"templates", templates_check},
};
/* clang-format on */

/* Prints the findings, "counters: …" each; returns how many. */
static size_t check_print_findings(const char *name, const struct strbuf *findings)
{
    size_t count = 0;
    for (const char *line = strbuf_text(findings); *line;) {
        size_t length = strcspn(line, "\n");
        printf("%s: %.*s\n", name, (int)length, line);
        line += length + (line[length] == '\n');
        count++;
    }
    return count;
}

/* All of it sees one moment; the server writes on beside it. */
static bool check_main_database(struct db *db, size_t *findings_count, struct error *err)
{
    bool done = db_snapshot_begin(db, err);
    for (size_t i = 0; i < ARRAY_SIZE(checks) && done; i++) {
        CLEANUP(strbuf_release) struct strbuf findings = {0};
        done = checks[i].check(db, &findings, err) || error_prefix(err, "%s", "%s", checks[i].name);
        *findings_count += check_print_findings(checks[i].name, &findings);
    }
    db_snapshot_end(db);
    return done;
}

/* Those that were given out to the file, if there is one. */
static bool check_audit_heads(const struct platform *platform, struct db *db, size_t *findings_count,
                              struct error *err)
{
    CLEANUP(strbuf_release) struct strbuf findings = {0};
    const char *file = settings_now(platform->settings)->audit_head_file;
    if (*file && !audit_head_check(db, file, &findings, err))
        return false;
    *findings_count += check_print_findings("audit", &findings);
    return true;
}

static enum cli_status check_run(const struct invocation *invocation)
{
    CLEANUP(cli_close) struct app *app = NULL;
    CLEANUP(store_reader_release) struct db *db = NULL;
    CLEANUP(strbuf_release) struct strbuf of_telemetry = {0};
    size_t findings = 0;
    struct error err;
    error_clear(&err);
    if (!cli_open(invocation, APP_SERVICES, CLI_STORE_MUST_EXIST, &app))
        return CLI_FAILED;
    struct platform *platform = app_platform(app);
    if (!store_reader(platform->store, CHECK_MS, &db, &err) || !check_main_database(db, &findings, &err))
        return cli_fail(invocation, &err);
    if (!check_audit_heads(platform, db, &findings, &err))
        return cli_fail(invocation, &err);
    bool done = telemetry_check(platform->telemetry, &of_telemetry, &err);
    findings += check_print_findings("telemetry", &of_telemetry);
    if (!done) {
        error_prefix(&err, "telemetry", "遥测数据");
        return cli_fail(invocation, &err);
    }
    if (findings == 0)
        puts("whole");
    else
        printf("%zu finding%s\n", findings, findings == 1 ? "" : "s");
    return findings == 0 ? CLI_DONE : CLI_FAILED;
}
