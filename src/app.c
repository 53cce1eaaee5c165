#include "app.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <malloc.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "api/dispatch.h"
#include "api/openapi.h"
#include "api/request_log.h"
#include "base/clock.h"
#include "base/disk_reserve.h"
#include "base/log.h"
#include "directory/directory.h"
#include "http/static_files.h"
#include "ops/dashboard/metrics_collector.h"
#include "ops/knowledge/bulk.h"
#include "ops/knowledge/sync.h"
#include "ops/knowledge/undo.h"
#include "ops/templates/distribution.h"
#include "ops/tenants/tenant_manager.h"
#include "ops/transfer/import_export_service.h"
#include "platform/chat/learning.h"
#include "platform/health/health.h"
#include "platform/identity/principal_cache.h"
#include "platform/jobs/jobs.h"
#include "platform/jobs/scheduler.h"
#include "platform/knowledge/changes.h"
#include "platform/knowledge/knowledge.h"
#include "platform/knowledge/vector_sync.h"
#include "provider/chat_model.h"
#include "search/full_text.h"
#include "security/token.h"
#include "settings/store_zone.h"
#include "store/maintenance.h"
#include "telemetry/day_files.h"
#include "telemetry/telemetry.h"

#define INDEX_CACHE_BYTES ((size_t)64 << 20)
#define WORKER_QUEUE 4096
#define HEAVY_QUEUE 256 /* each of them may have a file on disk */
#define STOP_GRACE_MS 10000
#define SNAPSHOT_DAYS 90
#define JOB_DAYS 30
#define LEARNING_JOBS 7
#define HOUSEKEEPING_JOBS 5
#define OTHER_READERS 12   /* I/O threads, jobs, schedulers: who reads has not to wait for who reads long */
#define DIRECTORY_MS 60000 /* to read all pairs the first time */

struct app {
    const struct settings *boot; /* the snapshot at the start: boot settings never change */
    struct platform platform;
    struct metrics_collector *metrics;
    struct scheduled_job jobs[LEARNING_JOBS + HOUSEKEEPING_JOBS]; /* lent to the two schedulers */
    struct worker_pool *workers, *heavy;
    struct api api;
    struct http_server *server;
};

/* Timed work. Adding a job: its function here and a row in one of the two tables below. */

static int64_t each_second(const struct platform *platform)
{
    (void)platform;
    return SECOND_MS;
}

static int64_t each_ten_seconds(const struct platform *platform)
{
    (void)platform;
    return 10 * SECOND_MS;
}

static int64_t each_snapshot(const struct platform *platform)
{
    (void)platform;
    return SNAPSHOT_INTERVAL_MS;
}

static int64_t each_minute(const struct platform *platform)
{
    (void)platform;
    return MINUTE_MS;
}

static int64_t each_hour(const struct platform *platform)
{
    (void)platform;
    return HOUR_MS;
}

static int64_t process_interval(const struct platform *platform)
{
    return settings_now(platform->settings)->process_interval * SECOND_MS;
}

static int64_t sync_interval(const struct platform *platform)
{
    return settings_now(platform->settings)->sync_interval * SECOND_MS;
}

static bool auto_learn(const struct platform *platform)
{
    return settings_now(platform->settings)->auto_learn_enabled;
}

static bool auto_sync(const struct platform *platform)
{
    return settings_now(platform->settings)->auto_sync_enabled;
}

static bool auto_distribute(const struct platform *platform)
{
    return settings_now(platform->settings)->auto_distribute;
}

static bool run_learning(void *context, char *ret_summary, size_t size, struct error *err)
{
    struct app *app = context;
    struct learning_report report;
    if (!learning_process(&app->platform, &report, err))
        return false;
    if (report.feedbacks)
        snprintf(ret_summary, size,
                 "%lld feedbacks: %lld learned, %lld held for a person, %lld batches failed",
                 (long long)report.feedbacks, (long long)report.learned, (long long)report.held,
                 (long long)report.failed);
    return true;
}

static bool run_sync(void *context, char *ret_summary, size_t size, struct error *err)
{
    struct app *app = context;
    struct sync_report report;
    if (!vector_sync_run(&app->platform, NULL, &report, err))
        return false;
    if (report.tenants)
        snprintf(ret_summary, size, "%lld tenants: %lld pairs indexed, %lld removed, %lld tenants failed",
                 (long long)report.tenants, (long long)report.pairs, (long long)report.removed,
                 (long long)report.failed_tenants);
    return true;
}

static bool run_distribution(void *context, char *ret_summary, size_t size, struct error *err)
{
    struct app *app = context;
    int64_t tenants;
    if (!template_distribute_missing(&app->platform, &tenants, err))
        return false;
    if (tenants)
        snprintf(ret_summary, size, "%lld tenants lack templates: a job is queued", (long long)tenants);
    return true;
}

static bool run_roll_over(void *context, char *ret_summary, size_t size, struct error *err)
{
    struct app *app = context;
    int64_t days;
    if (!telemetry_roll_over(app->platform.telemetry, &days, err))
        return false;
    if (days)
        snprintf(ret_summary, size, "totals of %lld ended days carried over", (long long)days);
    return true;
}

static bool run_retention(void *context, char *ret_summary, size_t size, struct error *err)
{
    struct app *app = context;
    int64_t files, snapshots, sessions, jobs;
    if (!telemetry_retain(app->platform.telemetry, (int)app->boot->telemetry_days, &files, err) ||
        !metrics_retain(app->metrics, SNAPSHOT_DAYS, &snapshots, err) ||
        !auth_sweep(&app->platform, &sessions, err) || !job_sweep(app->platform.store, JOB_DAYS, &jobs, err))
        return false;
    if (files || snapshots || sessions || jobs)
        snprintf(ret_summary, size, "%lld day files, %lld snapshots, %lld sessions, %lld jobs deleted",
                 (long long)files, (long long)snapshots, (long long)sessions, (long long)jobs);
    return true;
}

static bool run_uploads(void *context, char *ret_summary, size_t size, struct error *err)
{
    struct app *app = context;
    int64_t files;
    if (!import_sweep_uploads(&app->platform, &files, err))
        return false;
    if (files)
        snprintf(ret_summary, size, "%lld files of imports deleted", (long long)files);
    return true;
}

static bool run_knowledge_upkeep(void *context, char *ret_summary, size_t size, struct error *err)
{
    struct app *app = context;
    struct store *store = app->platform.store;
    int64_t aged, purged, notes;
    if (!qa_pairs_age(store, &aged, err) || !qa_pairs_purge(store, &purged, err) ||
        !knowledge_changes_sweep(store, &notes, err))
        return false;
    if (aged || purged || notes)
        snprintf(ret_summary, size,
                 "%lld pairs lost quality by age, %lld deleted for good; %lld notes for undo swept",
                 (long long)aged, (long long)purged, (long long)notes);
    return true;
}

static bool run_snapshot(void *context, char *ret_summary, size_t size, struct error *err)
{
    (void)ret_summary, (void)size;
    struct app *app = context;
    return metrics_snapshot(app->metrics, err);
}

static bool run_health(void *context, char *ret_summary, size_t size, struct error *err)
{
    (void)ret_summary, (void)size;
    struct app *app = context;
    if (!health_probe(&app->platform, err))
        return false;
    metrics_watch(app->metrics);
    return true;
}

static void apply_settings(const struct platform *platform)
{
    disk_reserve_set(settings_now(platform->settings)->storage_reserve << 20);
}

static bool run_settings(void *context, char *ret_summary, size_t size, struct error *err)
{
    (void)ret_summary, (void)size;
    struct app *app = context;
    CLEANUP(store_reader_release) struct db *db = NULL;
    if (!store_reader(app->platform.store, READ_LIMIT_MS, &db, err) ||
        !settings_refresh(app->platform.settings, db, err))
        return false;
    apply_settings(&app->platform);
    return true;
}

/* So that the console's list finds it up to date. */
static bool run_directory(void *context, char *ret_summary, size_t size, struct error *err)
{
    (void)ret_summary, (void)size;
    struct app *app = context;
    CLEANUP(store_reader_release) struct db *db = NULL;
    store_look_again(app->platform.store); /* an import by the command line */
    return store_reader(app->platform.store, DIRECTORY_MS, &db, err) &&
           knowledge_directory_refresh(app->platform.directory, db, err);
}

static bool run_questions(void *context, char *ret_summary, size_t size, struct error *err)
{
    (void)ret_summary, (void)size;
    struct app *app = context;
    CLEANUP(store_reader_release) struct db *db = NULL;
    return store_reader(app->platform.store, DIRECTORY_MS, &db, err) &&
           knowledge_directory_rank(app->platform.directory, db, err);
}

static void list_scheduled_jobs(struct app *app)
{
    /* clang-format off */
    const struct scheduled_job learning[LEARNING_JOBS] = {
        {.name = "learning", .title = {[LANGUAGE_EN] = "learning from feedback", [LANGUAGE_ZH] = "从反馈中学习"},
         .first_ms = 5000, .interval_ms = process_interval, .enabled = auto_learn,
         .run = run_learning, .context = app, .gate = TENANT_GATE_LEARNING},
        {.name = SYNC_JOB_NAME, .title = {[LANGUAGE_EN] = "vector sync", [LANGUAGE_ZH] = "向量同步"},
         .first_ms = 3000, .interval_ms = sync_interval, .enabled = auto_sync,
         .run = run_sync, .context = app, .gate = TENANT_GATE_VECTOR_SYNC},
        {.name = "template_distribution", .title = {[LANGUAGE_EN] = "distribution of templates", [LANGUAGE_ZH] = "分发通用模板"},
         .first_ms = 20000, .interval_ms = each_minute, .enabled = auto_distribute,
         .run = run_distribution, .context = app, .gate = TENANT_GATE_DISTRIBUTION},
        {.name = "roll_over", .title = {[LANGUAGE_EN] = "daily totals", [LANGUAGE_ZH] = "每日汇总"},
         .first_ms = 10000, .interval_ms = each_hour, .run = run_roll_over, .context = app,
         .gate = TENANT_GATE_OPEN},
        {.name = "uploads", .title = {[LANGUAGE_EN] = "clearing of uploaded files", [LANGUAGE_ZH] = "清理上传的文件"},
         .first_ms = 90000, .interval_ms = each_hour, .run = run_uploads, .context = app,
         .gate = TENANT_GATE_OPEN},
        {.name = "knowledge_upkeep", .title = {[LANGUAGE_EN] = "upkeep of knowledge", [LANGUAGE_ZH] = "知识库维护"},
         .first_ms = 30000, .interval_ms = each_hour, .run = run_knowledge_upkeep,
         .context = app, .gate = TENANT_GATE_OPEN},
        {.name = "retention", .title = {[LANGUAGE_EN] = "deletion of what is too old", [LANGUAGE_ZH] = "清理过期数据"},
         .first_ms = 60000, .interval_ms = each_hour, .run = run_retention, .context = app,
         .gate = TENANT_GATE_OPEN},
    };
    const struct scheduled_job housekeeping[HOUSEKEEPING_JOBS] = {
        {.name = "settings", .title = {[LANGUAGE_EN] = "settings", [LANGUAGE_ZH] = "读取配置"},
         .first_ms = 1000, .interval_ms = each_second, .run = run_settings, .context = app,
         .everywhere = true, .gate = TENANT_GATE_OPEN},
        {.name = "health", .title = {[LANGUAGE_EN] = "health of the components", [LANGUAGE_ZH] = "组件健康检查"},
         .first_ms = 0, .interval_ms = each_ten_seconds, .run = run_health, .context = app,
         .everywhere = true, .gate = TENANT_GATE_OPEN},
        {.name = "knowledge_directory", .title = {[LANGUAGE_EN] = "list of knowledge", [LANGUAGE_ZH] = "更新知识库列表"},
         .first_ms = 500, .interval_ms = each_second, .run = run_directory,
         .context = app, .everywhere = true, .gate = TENANT_GATE_OPEN},
        {.name = "knowledge_questions", .title = {[LANGUAGE_EN] = "order of questions", [LANGUAGE_ZH] = "排列问题"},
         .first_ms = 2000, .interval_ms = each_ten_seconds, .run = run_questions,
         .context = app, .everywhere = true, .gate = TENANT_GATE_OPEN},
        {.name = "snapshot", .title = {[LANGUAGE_EN] = "snapshot of the figures", [LANGUAGE_ZH] = "记录指标"},
         .first_ms = 15000, .interval_ms = each_snapshot, .run = run_snapshot, .context = app,
         .gate = TENANT_GATE_OPEN},
    };
    /* clang-format on */
    memcpy(app->jobs, learning, sizeof(learning));
    memcpy(app->jobs + LEARNING_JOBS, housekeeping, sizeof(housekeeping));
}

const struct scheduled_job *app_scheduled_jobs(const struct app *app, size_t *ret_count)
{
    *ret_count = ARRAY_SIZE(app->jobs);
    return app->jobs;
}

static void start_schedulers(struct app *app)
{
    app->platform.scheduler = scheduler_start(&app->platform, app->jobs, LEARNING_JOBS);
    app->platform.housekeeping =
        scheduler_start(&app->platform, app->jobs + LEARNING_JOBS, HOUSEKEEPING_JOBS);
}

/* Long work that requests ask for. Adding a kind: its row. */
/* clang-format off */
static const struct job_kind job_kinds[] = {
    {.name = DISTRIBUTE_KIND, .title = {[LANGUAGE_EN] = "Distribution of templates", [LANGUAGE_ZH] = "分发通用模板"},
     .run = template_distribution_run, .resumes = true, .gate = TENANT_GATE_DISTRIBUTION},
    {.name = BULK_KIND, .title = {[LANGUAGE_EN] = "Change of many pairs", [LANGUAGE_ZH] = "批量处理问答"},
     .run = knowledge_bulk_run, .resumes = true, .gate = TENANT_GATE_OPEN},
    {.name = UNDO_KIND, .title = {[LANGUAGE_EN] = "Undoing a job", [LANGUAGE_ZH] = "撤销任务"},
     .run = knowledge_undo_run, .resumes = true, .gate = TENANT_GATE_OPEN},
    {.name = SYNC_KIND, .title = {[LANGUAGE_EN] = "Sync of the vector index", [LANGUAGE_ZH] = "同步向量索引"},
     .run = knowledge_sync_run, .resumes = true, .gate = TENANT_GATE_VECTOR_SYNC},
    {.name = SYNC_CHECK_KIND, .title = {[LANGUAGE_EN] = "Check of the vector index", [LANGUAGE_ZH] = "检查向量索引"},
     .run = knowledge_sync_check_run, .resumes = true, .gate = TENANT_GATE_VECTOR_SYNC},
    {.name = IMPORT_KIND, .title = {[LANGUAGE_EN] = "Import of question-answer pairs", [LANGUAGE_ZH] = "导入问答"},
     .run = import_job_run, .resumes = true, .gate = TENANT_GATE_OPEN},
};
/* clang-format on */

const struct job_kind *app_job_kinds(size_t *ret_count)
{
    *ret_count = ARRAY_SIZE(job_kinds);
    return job_kinds;
}

/* Paths in the data folder; each has one owner. */
struct data_paths {
    char store[512], telemetry[512], signing_key[512], jobs_lock[512];
};

static bool data_paths(const char *folder, struct data_paths *ret_paths, struct error *err)
{
    if (strlen(folder) > sizeof(ret_paths->store) - 32)
        return error_set(err, ERROR_INVALID, "the path of the data folder is too long", "数据目录的路径过长");
    snprintf(ret_paths->store, sizeof(ret_paths->store), "%s/kimono.db", folder);
    snprintf(ret_paths->telemetry, sizeof(ret_paths->telemetry), "%s/telemetry", folder);
    snprintf(ret_paths->signing_key, sizeof(ret_paths->signing_key), "%s/signing.key", folder);
    snprintf(ret_paths->jobs_lock, sizeof(ret_paths->jobs_lock), "%s/jobs.lock", folder);
    return true;
}

static bool make_folder(const char *folder, struct error *err)
{
    if (mkdir(folder, 0700) == 0 || errno == EEXIST)
        return true;
    return error_set(err, ERROR_INTERNAL, "cannot make the data folder %s: %s; choose another with --data",
                     "无法创建数据目录 %s：%s；请用 --data 另选目录", folder, strerror(errno));
}

static bool check_exists(const char *folder, const char *store, struct error *err)
{
    struct stat info;
    if (stat(store, &info) == 0)
        return true;
    return error_set(
        err, ERROR_NOT_FOUND,
        "there is no store in %s: run 'kimono serve' or 'kimono demo' first, or name it with --data",
        "目录 %s 中没有数据：请先运行 kimono serve 或 kimono demo，或用 --data 指定", folder);
}

static bool is_sqlite_only(const struct settings *boot, struct error *err)
{
    return !*boot->database ||
           error_set(err, ERROR_INVALID,
                     "PostgreSQL is not part of this version: leave --database out to use the embedded store",
                     "此版本不含 PostgreSQL：请去掉 --database，使用内置数据库");
}

static bool has_days(const struct data_paths *paths)
{
    CLEANUP(free_pointer) int32_t *days = NULL;
    size_t count = 0;
    return day_files_list(paths->telemetry, &days, &count, NULL) && count > 0;
}

/* Whether something in the folder tells that there has been a store. */
static bool has_remains(const struct data_paths *paths)
{
    struct stat status;
    return stat(paths->signing_key, &status) == 0 || has_days(paths);
}

/* A new store beside the telemetry of an old one would look healthy, and all would be gone. */
static bool check_not_lost(const struct data_paths *paths, struct error *err)
{
    struct stat status;
    bool is_there = stat(paths->store, &status) == 0 && status.st_size > 0;
    return is_there || !has_remains(paths) ||
           error_set(
               err, ERROR_CONFLICT,
               "%s is missing or empty, but what lies beside it (telemetry, signing.key) tells of a "
               "store: look where it went, or run 'kimono restore FILE'. To begin anew, name an empty "
               "folder with --data",
               "%s 不存在或为空，但同目录的遥测数据或 signing.key 表明曾有数据：请查明去向，或运行 kimono "
               "restore FILE 恢复备份；若要新建，请用 --data 指定空目录",
               paths->store);
}

static struct store_options main_store_options(const struct data_paths *paths)
{
    return (struct store_options){
        .path = paths->store,
        .migrations = main_migrations,
        .migration_count = main_migration_count,
        .tokenize = full_text_tokens,
        .fold = text_fold,
    };
}

static bool open_store(struct app *app, const struct app_options *options, const struct data_paths *paths,
                       struct error *err)
{
    const struct settings *boot = app->boot;
    struct store_options store = main_store_options(paths);
    store.durability = options->durability;
    if (!is_sqlite_only(boot, err) || (options->must_exist && !check_exists(boot->data, paths->store, err)) ||
        !make_folder(boot->data, err) || !check_not_lost(paths, err))
        return false;
    store_sweep(paths->store);
    if (!store_open(&app->platform.store, &store, err))
        return false;
    return store_zone_settle(app->platform.store, app->platform.settings, has_days(paths),
                             options->depth == APP_SERVER, err);
}

/* The folder that holds `path`, without links and dots; the caller frees. NULL: there is none. */
static char *real_folder(const char *path)
{
    CLEANUP(free_pointer) char *copy = xstrdup(path);
    return realpath(dirname(copy), NULL);
}

/* There lie the store, its keys and its telemetry, none of which a slip of the hand may replace. */
bool app_backup(struct app *app, const char *file, struct error *err)
{
    struct store *store = app->platform.store;
    CLEANUP(free_pointer) char *own = real_folder(store_path(store));
    CLEANUP(free_pointer) char *other = real_folder(file);
    size_t length = own ? strlen(own) : 0;
    bool inside =
        own && other && strncmp(own, other, length) == 0 && (other[length] == '\0' || other[length] == '/');
    if (inside)
        return error_set(err, ERROR_CONFLICT,
                         "%s lies in the store's own folder: name a file elsewhere, best on another disk",
                         "%s 位于数据目录内：请另选位置，最好在其他磁盘上", file);
    return store_backup(store, file, err);
}

/* A server whose files were taken away under it holds no lock on those that are to be restored, but this one. */
static bool check_no_server(const struct data_paths *paths, struct error *err)
{
    int fd = open(paths->jobs_lock, O_RDONLY | O_CLOEXEC);
    bool held = fd >= 0 && flock(fd, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK;
    if (fd >= 0)
        close(fd);
    return !held || error_set(err, ERROR_CONFLICT, "a server runs on this store: stop it, then restore again",
                              "有服务器正在使用此数据目录：请先停止它再恢复");
}

bool app_restore(struct settings_box *settings, const char *file, struct error *err)
{
    const struct settings *boot = settings_now(settings);
    struct data_paths paths;
    if (!is_sqlite_only(boot, err) || !data_paths(boot->data, &paths, err) || !make_folder(boot->data, err) ||
        !check_no_server(&paths, err))
        return false;
    struct store_options store = main_store_options(&paths);
    return store_restore(file, &store, err);
}

static bool open_services(struct app *app, const struct app_options *options, const struct data_paths *paths,
                          struct error *err)
{
    struct platform *platform = &app->platform;
    unsigned char key[SIGNING_KEY_SIZE];
    apply_settings(platform);
    struct telemetry_options telemetry = {
        .folder = paths->telemetry, .main_store = platform->store, .durability = options->durability};
    if (!token_key_load(paths->signing_key, key, err) ||
        !telemetry_open(&platform->telemetry, &telemetry, err))
        return false;
    platform->signer = token_signer_new(key);
    explicit_bzero(key, sizeof(key));
    platform->health = health_new();
    platform->index = embedded_index_new(knowledge_source, platform->store, INDEX_CACHE_BYTES);
    platform->model = embedded_chat_model_new();
    app->metrics = metrics_collector_new(platform, KIMONO_VERSION);
    list_scheduled_jobs(app);
    CLEANUP(store_reader_release) struct db *db = NULL;
    return store_reader(platform->store, READ_LIMIT_MS, &db, err) &&
           settings_refresh(platform->settings, db, err) && metrics_resume(app->metrics, err);
}

static void log_to_telemetry(void *context, enum log_level level, const char *source, const char *request_id,
                             const char *message)
{
    telemetry_log(
        context,
        &(struct log_record){.level = level, .source = source, .request_id = request_id, .message = message});
}

/* Some threads are left to others, whatever one person or one tenant's customers ask for. */
static void start_workers(struct app *app)
{
    const struct settings *boot = app->boot;
    size_t workers = (size_t)boot->workers, heavy = (size_t)boot->heavy_workers;
    app->workers = worker_pool_new("worker", workers, WORKER_QUEUE);
    worker_pool_set_share(app->workers, (struct worker_share){workers - (workers + 3) / 4, WORKER_QUEUE / 4});
    app->heavy = worker_pool_new("heavy", heavy, HEAVY_QUEUE);
    worker_pool_set_share(app->heavy, (struct worker_share){(heavy + 1) / 2, (size_t)boot->heavy_per_person});
}

static bool open_server(struct app *app, const struct data_paths *paths, struct error *err)
{
    const struct settings *boot = app->boot;
    struct api *api = &app->api;
    app->platform.principals = principal_cache_new();
    start_workers(app);
    *api = (struct api){
        .platform = &app->platform,
        .workers = app->workers,
        .heavy = app->heavy,
        .metrics = app->metrics,
        .tenants = tenant_manager_new(&app->platform),
        .limiter = rate_limiter_new(boot->rate_limits),
        .request_log = request_log_new(app->platform.telemetry),
        .origin_warnings.lock = PTHREAD_MUTEX_INITIALIZER,
        .version = KIMONO_VERSION,
        .public_origin = boot->public_origin,
    };
    openapi_write(&api->openapi, KIMONO_VERSION);
    if (!static_files_open(&api->pages, *boot->static_folder ? boot->static_folder : NULL, err))
        return false;
    log_set_sink(log_to_telemetry, app->platform.telemetry);
    if (!boot->rate_limits)
        log_warn("security", "rate limits are off (KIMONO_RATE_LIMITS): for tests and benchmarks only");
    if (!jobs_start(&app->platform.jobs, &app->platform, job_kinds, ARRAY_SIZE(job_kinds), paths->jobs_lock,
                    err))
        return false;
    start_schedulers(app);
    struct http_server_options options = {
        .listen = boot->listen,
        .trusted_proxies = boot->trusted_proxy,
        .workers = app->workers,
        .heavy = app->heavy,
        .counts = &api->connections,
        .temporary_folder = boot->data,
        .handler = dispatch_handler(api),
    };
    return http_server_start(&app->server, &options, err);
}

static bool open_all(struct app *app, const struct app_options *options, struct error *err)
{
    struct data_paths paths;
    return data_paths(app->boot->data, &paths, err) && open_store(app, options, &paths, err) &&
           (options->depth < APP_SERVICES || open_services(app, options, &paths, err)) &&
           (options->depth < APP_SERVER || open_server(app, &paths, err));
}

bool app_open(struct app **ret_app, const struct app_options *options, struct error *err)
{
    /* Each of glibc's arenas keeps what its threads freed: few arenas keep the memory flat. */
    mallopt(M_ARENA_MAX, 2);
    struct app *app = xcalloc(1, sizeof(*app));
    app->boot = settings_now(options->settings);
    app->platform.settings = options->settings;
    app->platform.directory = knowledge_directory_new();
    if (!open_all(app, options, err)) {
        app_close(app);
        return false;
    }
    *ret_app = app;
    return true;
}

static void close_server(struct app *app)
{
    jobs_stop_soon(app->platform.jobs); /* who waits for a job is answered while the server still can */
    http_server_stop(app->server, STOP_GRACE_MS);
    worker_pool_free(app->workers);
    worker_pool_free(app->heavy);
    scheduler_stop(app->platform.housekeeping); /* first: health reads the other one's state */
    app->platform.housekeeping = NULL;
    scheduler_stop(app->platform.scheduler);
    jobs_stop(app->platform.jobs); /* after all that may ask for one */
    log_set_sink(NULL, NULL);
    static_files_close(app->api.pages);
    request_log_free(app->api.request_log);
    rate_limiter_free(app->api.limiter);
    strbuf_release(&app->api.openapi);
    tenant_manager_free(app->api.tenants);
    metrics_collector_free(app->metrics);
}

void app_close(struct app *app)
{
    if (!app)
        return;
    struct platform *platform = &app->platform;
    close_server(app);
    if (platform->model)
        platform->model->ops->free(platform->model);
    if (platform->index)
        platform->index->ops->free(platform->index);
    health_free(platform->health);
    principal_cache_free(platform->principals);
    knowledge_directory_free(platform->directory);
    token_signer_free(platform->signer);
    telemetry_close(platform->telemetry);
    store_close(platform->store);
    free(app);
}

struct platform *app_platform(struct app *app)
{
    return &app->platform;
}

int app_port(const struct app *app)
{
    return http_server_port(app->server);
}
