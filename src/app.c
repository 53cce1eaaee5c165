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
#include "api/refusal_log.h"
#include "api/request_log.h"
#include "api/request_metrics.h"
#include "base/clock.h"
#include "base/disk_reserve.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/owned_file.h"
#include "directory/directory.h"
#include "http/static_files.h"
#include "ops/dashboard/metrics_collector.h"
#include "ops/dashboard/tasks.h"
#include "ops/knowledge/tasks.h"
#include "ops/templates/tasks.h"
#include "ops/tenants/tenant_manager.h"
#include "ops/transfer/tasks.h"
#include "platform/chat/tasks.h"
#include "platform/health/health.h"
#include "platform/health/tasks.h"
#include "platform/identity/principal_cache.h"
#include "platform/identity/signing_key.h"
#include "platform/identity/tasks.h"
#include "platform/ingest/ingest.h"
#include "platform/jobs/tasks.h"
#include "platform/knowledge/knowledge.h"
#include "platform/knowledge/tasks.h"
#include "provider/chat_model.h"
#include "search/full_text.h"
#include "security/token.h"
#include "settings/store_zone.h"
#include "store/lease.h"
#include "store/maintenance.h"
#include "store/news.h"
#include "telemetry/telemetry.h"

#define INDEX_CACHE_BYTES ((size_t)64 << 20)
#define WORKER_QUEUE 4096
#define HEAVY_QUEUE 256  /* each of them may have a file on disk */
#define EVENT_STREAMS 24 /* live tails and the like; each has a thread, which sleeps most of the time */
#define EVENT_STREAMS_EACH 6
#define INGEST_THREADS 2 /* the writer behind them is one */
#define INGEST_QUEUE 64  /* likewise, or 64 KiB in memory */
#define STOP_GRACE_MS 10000
#define DATABASE_WAIT_MS 15000 /* for a database that is starting, as the server is */
#define DATABASE_PAUSE_MS 500
#define OTHER_READERS 12 /* I/O threads, jobs, schedulers: who reads has not to wait for who reads long */

struct app {
    const struct settings *boot; /* the snapshot at the start: boot settings never change */
    struct platform platform;
    struct metrics_collector *metrics;
    struct scheduled_rooms *scheduled;
    int server_lock; /* a file that every server of the folder holds open, and shares; -1: none */
    struct worker_pool *workers, *heavy, *events, *ingest;
    struct api api;
    struct http_server *server;
    struct news *news;
};

/* --- what the rooms do on a schedule and as jobs: each exports its rows (its tasks.h) --- */

static const struct {
    const struct scheduled_tasks *tasks;
    bool of_metrics; /* its context is the collector of metrics, else the platform */
} task_rooms[] = {
    {&jobs_tasks, false},           {&chat_tasks, false},     {&knowledge_tasks, false},
    {&identity_tasks, false},       {&health_tasks, false},   {&dashboard_tasks, true},
    {&knowledge_list_tasks, false}, {&template_tasks, false}, {&transfer_tasks, false},
};

struct scheduled_rooms {
    struct scheduled_room rooms[ARRAY_SIZE(task_rooms)];
};

static const struct job_kinds *const job_rooms[] = {&knowledge_job_kinds, &template_job_kinds,
                                                    &transfer_job_kinds};

const struct scheduled_room *app_scheduled_rooms(const struct app *app, size_t *ret_count)
{
    *ret_count = ARRAY_SIZE(task_rooms);
    return app->scheduled->rooms;
}

const struct job_kinds *const *app_job_rooms(size_t *ret_count)
{
    *ret_count = ARRAY_SIZE(job_rooms);
    return job_rooms;
}

static void wake_on_news(void *context)
{
    struct platform *platform = context;
    jobs_wake(platform->jobs);
    scheduler_notify_news(platform->housekeeping);
}

/* --- the data folder --- */

/* Paths in the data folder; each has one owner. */
struct data_paths {
    char store[512], telemetry[512], uploads[512], signing_key[512], server_lock[512];
};

static bool data_paths(const char *folder, struct data_paths *ret_paths, struct error *err)
{
    if (strlen(folder) > sizeof(ret_paths->store) - 32)
        return error_set(err, ERROR_INVALID, "the path of the data folder is too long", "数据目录的路径过长");
    snprintf(ret_paths->store, sizeof(ret_paths->store), "%s/kimono.db", folder);
    snprintf(ret_paths->telemetry, sizeof(ret_paths->telemetry), "%s/telemetry", folder);
    snprintf(ret_paths->uploads, sizeof(ret_paths->uploads), "%s/uploads", folder);
    snprintf(ret_paths->signing_key, sizeof(ret_paths->signing_key), "%s/signing.key", folder);
    snprintf(ret_paths->server_lock, sizeof(ret_paths->server_lock), "%s/server.lock", folder);
    return true;
}

static bool make_data_folder(const char *folder, struct error *err)
{
    if (mkdir(folder, 0700) == 0 || errno == EEXIST)
        return true;
    return error_set(err, ERROR_INTERNAL, "cannot make the data folder %s: %s; choose another with --data",
                     "无法创建数据目录 %s：%s；请用 --data 另选目录", folder, strerror(errno));
}

/* Whether the store is files of the data folder, and not a database that others may share. */
static bool store_is_embedded(const struct settings *boot)
{
    return !*boot->database;
}

/* A new store beside the telemetry of an old one would look healthy, and all would be gone. */
static bool check_store_not_lost(const struct data_paths *paths, struct error *err)
{
    struct stat status;
    if (stat(paths->store, &status) == 0 && status.st_size > 0)
        return true;
    if (stat(paths->signing_key, &status) != 0 && !telemetry_folder_has_days(paths->telemetry))
        return true;
    return error_set(
        err, ERROR_CONFLICT,
        "%s is missing or empty, but what lies beside it (telemetry, signing.key) tells of a "
        "store: look where it went, or run 'kimono restore FILE'. To begin anew, name an empty "
        "folder with --data",
        "%s 不存在或为空，但同目录的遥测数据或 signing.key 表明曾有数据：请查明去向，或运行 kimono "
        "restore FILE 恢复备份；若要新建，请用 --data 指定空目录",
        paths->store);
}

static struct store_options main_store_options(const struct settings *boot, const struct data_paths *paths)
{
    return (struct store_options){
        .path = store_is_embedded(boot) ? paths->store : boot->database,
        .migrations = main_migrations,
        .migration_count = main_migration_count,
        .tokenize = full_text_tokens,
        .files_folder = store_is_embedded(boot) ? paths->uploads : NULL,
    };
}

/* What must be so of the files before they are opened. */
static bool check_store_files(const struct app_options *options, const struct settings *boot,
                              const struct data_paths *paths, struct error *err)
{
    struct stat info;
    if (options->must_exist && stat(paths->store, &info) != 0)
        return error_set(
            err, ERROR_NOT_FOUND,
            "there is no store in %s: run 'kimono serve' or 'kimono demo' first, or name it with --data",
            "目录 %s 中没有数据：请先运行 kimono serve 或 kimono demo，或用 --data 指定", boot->data);
    if (!make_data_folder(boot->data, err) || !check_store_not_lost(paths, err))
        return false;
    store_sweep(paths->store);
    return true;
}

/* A server may be started before its database is: it waits a little. */
static bool open_store_when_ready(struct app *app, const struct store_options *store, bool serves,
                                  struct error *err)
{
    int64_t until_us = clock_monotonic_us() + (serves ? DATABASE_WAIT_MS * INT64_C(1000) : 0);
    bool told = false;
    while (!store_open(&app->platform.store, store, err)) {
        if (err->code != ERROR_UNAVAILABLE || clock_monotonic_us() >= until_us)
            return false;
        if (!told)
            log_warn("store", "%s; tried again for %d s", err->detail[LANGUAGE_EN], DATABASE_WAIT_MS / 1000);
        told = true;
        usleep(DATABASE_PAUSE_MS * 1000);
    }
    return true;
}

static bool app_open_store(struct app *app, const struct app_options *options, const struct data_paths *paths,
                           struct error *err)
{
    const struct settings *boot = app->boot;
    bool serves = options->depth == APP_SERVER;
    struct store_options store = main_store_options(boot, paths);
    store.durability = options->durability;
    store.must_exist = options->must_exist;
    return (store_is_embedded(boot) ? check_store_files(options, boot, paths, err)
                                    : make_data_folder(boot->data, err)) &&
           open_store_when_ready(app, &store, serves, err) &&
           store_zone_choose(app->platform.store, app->platform.settings,
                             telemetry_folder_has_days(paths->telemetry), serves, err);
}

/* The folder that holds `path`, without links and dots; the caller frees. NULL: there is none. */
static char *real_folder_of(const char *path)
{
    CLEANUP(free_pointer) char *copy = xstrdup(path);
    return realpath(dirname(copy), NULL);
}

/* That folder holds the store, its keys and its telemetry: no backup may replace one of them by mistake. */
bool app_backup(struct app *app, const char *file, struct error *err)
{
    struct store *store = app->platform.store;
    CLEANUP(free_pointer) char *own = real_folder_of(store_path(store));
    CLEANUP(free_pointer) char *other = real_folder_of(file);
    size_t length = own ? strlen(own) : 0;
    bool inside =
        own && other && strncmp(own, other, length) == 0 && (other[length] == '\0' || other[length] == '/');
    if (inside)
        return error_set(err, ERROR_CONFLICT,
                         "%s lies in the store's own folder: name a file elsewhere, best on another disk",
                         "%s 位于数据目录内：请另选位置，最好在其他磁盘上", file);
    return store_backup(store, file, err);
}

/* Each server has a share in this lock until it ends, also one whose files were taken away under it. */
static bool check_no_server_runs(const struct data_paths *paths, struct error *err)
{
    int fd = open(paths->server_lock, O_RDONLY | O_CLOEXEC);
    bool held = fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK;
    if (fd >= 0)
        close(fd);
    return !held || error_set(err, ERROR_CONFLICT, "a server runs on this store: stop it, then restore again",
                              "有服务器正在使用此数据目录：请先停止它再恢复");
}

static bool share_server_lock(struct app *app, const char *path, struct error *err)
{
    app->server_lock = owned_open(path, O_RDWR, 0600);
    while (app->server_lock >= 0 && flock(app->server_lock, LOCK_SH) != 0)
        if (errno != EINTR)
            return error_set(err, ERROR_INTERNAL, "%s cannot be locked: %s; look at the disk that it is on",
                             "无法锁定 %s：%s；请检查其所在磁盘", path, strerror(errno));
    return app->server_lock >= 0 ||
           error_set(err, ERROR_INTERNAL, "The lock file %s cannot be opened: %s; look at its permissions",
                     "无法打开锁文件 %s：%s；请检查其权限", path, strerror(errno));
}

bool app_restore(struct settings_box *settings, const char *file, struct error *err)
{
    const struct settings *boot = settings_now(settings);
    struct data_paths paths;
    if (!data_paths(boot->data, &paths, err) || !make_data_folder(boot->data, err) ||
        !check_no_server_runs(&paths, err))
        return false;
    struct store_options store = main_store_options(boot, &paths);
    return store_restore(file, &store, err);
}

static bool app_open_telemetry(struct app *app, const struct app_options *options,
                               const struct data_paths *paths, struct error *err)
{
    struct platform *platform = &app->platform;
    disk_reserve_set(settings_now(platform->settings)->storage_reserve << 20);
    struct telemetry_options telemetry = {.database =
                                              store_is_embedded(app->boot) ? NULL : app->boot->database,
                                          .folder = paths->telemetry,
                                          .main_store = platform->store,
                                          .durability = options->durability};
    return telemetry_open(&platform->telemetry, &telemetry, err);
}

static bool app_open_services(struct app *app, const struct data_paths *paths, struct error *err)
{
    struct platform *platform = &app->platform;
    unsigned char key[SIGNING_KEY_SIZE];
    if (!signing_key_load(platform->store, store_is_embedded(app->boot) ? paths->signing_key : NULL, key,
                          err))
        return false;
    platform->signer = token_signer_new(key);
    explicit_bzero(key, sizeof(key));
    platform->health = health_new();
    platform->index = embedded_index_new(knowledge_source, platform->store, INDEX_CACHE_BYTES);
    platform->model = embedded_chat_model_new();
    app->metrics = metrics_collector_new(platform, KIMONO_VERSION);
    app->scheduled = xcalloc(1, sizeof(*app->scheduled));
    for (size_t i = 0; i < ARRAY_SIZE(task_rooms); i++)
        app->scheduled->rooms[i] = (struct scheduled_room){
            task_rooms[i].tasks, task_rooms[i].of_metrics ? (void *)app->metrics : platform};
    return scheduled_tasks_check(app->scheduled->rooms, ARRAY_SIZE(task_rooms), err) &&
           settings_apply(platform, err) && metrics_resume(app->metrics, err);
}

static void log_to_telemetry(void *context, enum log_level level, const char *source, const char *request_id,
                             const char *message)
{
    telemetry_log(
        context,
        &(struct log_record){.level = level, .source = source, .request_id = request_id, .message = message});
}

/* Some threads are left to others, whatever one person or one tenant's customers ask for. */
static void app_start_workers(struct app *app)
{
    const struct settings *boot = app->boot;
    size_t workers = (size_t)boot->workers, heavy = (size_t)boot->heavy_workers;
    app->workers = worker_pool_new("worker", workers, WORKER_QUEUE);
    worker_pool_set_share(app->workers, (struct worker_share){workers - (workers + 3) / 4, WORKER_QUEUE / 4});
    app->heavy = worker_pool_new("heavy", heavy, HEAVY_QUEUE);
    worker_pool_set_share(app->heavy, (struct worker_share){(heavy + 1) / 2, (size_t)boot->heavy_per_person});
    app->events = worker_pool_new("events", EVENT_STREAMS, 0);
    worker_pool_set_share(app->events, (struct worker_share){EVENT_STREAMS_EACH, EVENT_STREAMS_EACH});
    app->ingest = worker_pool_new("ingest", INGEST_THREADS, INGEST_QUEUE);
    worker_pool_set_share(app->ingest, (struct worker_share){0, INGEST_QUEUE / 2});
}

static bool app_open_server(struct app *app, const struct data_paths *paths, struct error *err)
{
    const struct settings *boot = app->boot;
    struct api *api = &app->api;
    app->platform.principals = principal_cache_new();
    app->platform.ingest = ingest_new(&app->platform);
    app_start_workers(app);
    *api = (struct api){
        .platform = &app->platform,
        .workers = app->workers,
        .heavy = app->heavy,
        .ingest = app->ingest,
        .temporary_folder = boot->data,
        .metrics = app->metrics,
        .tenants = tenant_manager_new(&app->platform),
        .limiter = rate_limiter_new(boot->rate_limits),
        .request_log = request_log_new(app->platform.telemetry),
        .refusals = refusal_log_new(app->platform.store),
        .request_metrics = request_metrics_new(),
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
    if (!share_server_lock(app, paths->server_lock, err) ||
        !lease_holder_start(&app->platform.lease_holder, app->platform.store, LEASE_TIME_TO_LIVE_MS, err) ||
        !jobs_start(&app->platform.jobs, &app->platform, job_rooms, ARRAY_SIZE(job_rooms), err))
        return false;
    struct platform *platform = &app->platform;
    platform->scheduler = scheduler_start(platform, app->scheduled->rooms, ARRAY_SIZE(task_rooms), false);
    platform->housekeeping = scheduler_start(platform, app->scheduled->rooms, ARRAY_SIZE(task_rooms), true);
    app->news = news_listen(platform->store, wake_on_news, platform);
    struct http_server_options options = {
        .listen = boot->listen,
        .trusted_proxies = boot->trusted_proxy,
        .workers = app->workers,
        .heavy = app->heavy,
        .events = app->events,
        .ingest = app->ingest,
        .counts = &api->connections,
        .temporary_folder = boot->data,
        .handler = dispatch_handler(api),
    };
    return http_server_start(&app->server, &options, err);
}

static bool app_open_all(struct app *app, const struct app_options *options, struct error *err)
{
    struct data_paths paths;
    if (!data_paths(app->boot->data, &paths, err) || !app_open_store(app, options, &paths, err))
        return false;
    if (options->depth >= APP_TELEMETRY && !app_open_telemetry(app, options, &paths, err))
        return false;
    if (options->depth >= APP_SERVICES && !app_open_services(app, &paths, err))
        return false;
    return options->depth < APP_SERVER || app_open_server(app, &paths, err);
}

bool app_open(struct app **ret_app, const struct app_options *options, struct error *err)
{
    /* Each of glibc's arenas keeps what its threads freed: few arenas keep the memory flat. */
    mallopt(M_ARENA_MAX, 2);
    struct app *app = xcalloc(1, sizeof(*app));
    app->server_lock = -1;
    app->boot = settings_now(options->settings);
    app->platform.settings = options->settings;
    app->platform.directory = knowledge_directory_new();
    if (!app_open_all(app, options, err)) {
        app_close(app);
        return false;
    }
    *ret_app = app;
    return true;
}

static void app_close_server(struct app *app)
{
    jobs_stop_soon(app->platform.jobs); /* who waits for a job is answered while the server still can */
    http_server_stop(app->server, STOP_GRACE_MS);
    worker_pool_free(app->workers);
    worker_pool_free(app->heavy);
    worker_pool_free(app->events);
    worker_pool_free(app->ingest);
    news_close(app->news);
    scheduler_stop(app->platform.housekeeping); /* first: health reads the other one's state */
    app->platform.housekeeping = NULL;
    scheduler_stop(app->platform.scheduler);
    jobs_stop(app->platform.jobs); /* after all that may ask for one */
    lease_holder_stop(app->platform.lease_holder);
    log_set_sink(NULL, NULL);
    static_files_close(app->api.pages);
    request_log_free(app->api.request_log);
    refusal_log_free(app->api.refusals);
    request_metrics_free(app->api.request_metrics);
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
    app_close_server(app);
    if (platform->model)
        platform->model->ops->free(platform->model);
    if (platform->index)
        platform->index->ops->free(platform->index);
    health_free(platform->health);
    principal_cache_free(platform->principals);
    ingest_free(platform->ingest);
    knowledge_directory_free(platform->directory);
    token_signer_free(platform->signer);
    telemetry_close(platform->telemetry);
    store_close(platform->store);
    if (app->server_lock >= 0)
        close(app->server_lock);
    free(app->scheduled);
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
