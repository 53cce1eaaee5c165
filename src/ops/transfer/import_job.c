#include <dirent.h>
#include <fnmatch.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/json_reader.h"
#include "base/json_writer.h"
#include "base/memory.h"
#include "ops/transfer/import_internal.h"
#include "platform/tenants/tenants.h"
#include "settings/settings.h"
#include "store/files.h"

#define PATH_SIZE 600
#define KEPT_MS DAY_MS  /* after the job's end */
#define STRAY_MS DAY_MS /* age of a file without a job, before it is deleted */

static const char *import_job_folder(const struct platform *platform)
{
    return settings_now(platform->settings)->data;
}

/* ---- what is asked for, as JSON in the job's row ---- */

static const char *const language_names[LANGUAGE_COUNT] = {[LANGUAGE_EN] = "en", [LANGUAGE_ZH] = "zh"};

static void import_job_write_parameters(struct strbuf *out, const struct import_request *request,
                                        enum language language)
{
    struct json_writer w = {.out = out};
    json_object_begin(&w);
    json_key_text(&w, "file", request->file);
    json_key_text(&w, "tenant_id", request->tenant_id);
    json_key_text(&w, "mode", import_mode_name(request->mode));
    json_key_bool(&w, "dry_run", request->dry_run);
    if (request->sheet)
        json_key_text(&w, "sheet", request->sheet);
    if (request->encoding != TEXT_ENCODING_UNKNOWN)
        json_key_text(&w, "encoding", text_encoding_name(request->encoding));
    if (request->takes_other_tenants)
        json_key_bool(&w, "takes_other_tenants", true);
    if (request->columns.given) {
        json_key(&w, "columns");
        json_object_begin(&w);
        for (size_t i = 0; i < IMPORT_COLUMNS; i++)
            if (request->columns.places[i] != IMPORT_ABSENT)
                json_key_int(&w, import_column_names[i], (int64_t)request->columns.places[i]);
        json_object_end(&w);
    }
    if (request->columns.heading != IMPORT_HEADING_AUTO)
        json_key_text(&w, "heading", import_headings[request->columns.heading]);
    json_key_text(&w, "language", language_names[language]);
    json_object_end(&w);
}

static const char *import_job_text(const cJSON *root, const char *name)
{
    const cJSON *value = cJSON_GetObjectItemCaseSensitive(root, name);
    return cJSON_IsString(value) ? value->valuestring : NULL;
}

static bool import_job_read_columns(const cJSON *root, struct import_columns *ret_columns, struct error *err)
{
    const cJSON *value = cJSON_GetObjectItemCaseSensitive(root, "columns");
    const char *heading = import_job_text(root, "heading");
    char *json = value ? cJSON_PrintUnformatted(value) : NULL;
    bool read = !value || import_columns_parse(json ? json : "", ret_columns, err);
    cJSON_free(json);
    if (heading)
        import_heading_parse(heading, &ret_columns->heading);
    return read;
}

/* Texts are the root's. */
static bool import_job_read_parameters(const cJSON *root, struct import_request *request,
                                       enum language *ret_language, struct error *err)
{
    const char *mode = import_job_text(root, "mode"), *language = import_job_text(root, "language");
    const char *encoding = import_job_text(root, "encoding");
    request->file = import_job_text(root, "file");
    request->tenant_id = import_job_text(root, "tenant_id");
    request->sheet = import_job_text(root, "sheet");
    request->dry_run = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(root, "dry_run"));
    request->takes_other_tenants =
        cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(root, "takes_other_tenants"));
    if (encoding)
        text_encoding_parse(encoding, &request->encoding);
    *ret_language = language && strcmp(language, "zh") == 0 ? LANGUAGE_ZH : LANGUAGE_EN;
    if (!request->file || !request->tenant_id || !mode || !import_mode_parse(mode, &request->mode))
        return error_set(err, ERROR_INTERNAL,
                         "The job's parameters are not those of an import; ask for it again.",
                         "任务参数不是导入任务的参数，请重新发起。");
    return import_job_read_columns(root, &request->columns, err);
}

/* ---- asking ---- */

struct asking {
    const struct import_request *request;
    const char *id; /* of the job, and the name of its file */
    const char *parameters;
    struct arena *arena;
    struct job job;
};

static bool import_ask_work(struct db *db, void *context, struct error *err)
{
    struct asking *ask = context;
    struct job_request request = {.id = ask->id,
                                  .kind = IMPORT_KIND,
                                  .parameters = ask->parameters,
                                  .tenant_id = ask->request->tenant_id};
    struct audit_entry entry = {
        .action = IMPORT_KIND, .target_type = "job", .target_id = ask->id, .after = ask->parameters};
    return job_insert(db, ask->request->actor, &request, ask->arena, &ask->job, err) &&
           audit_append(db, ask->request->actor, &entry, err);
}

static bool import_ask_check_tenant(struct platform *platform, const char *tenant_id, struct arena *arena,
                                    struct error *err)
{
    CLEANUP(store_reader_release) struct db *db = NULL;
    struct tenant tenant;
    bool found;
    if (!store_reader(platform->store, READ_LIMIT_MS, &db, err) ||
        !tenant_find(db, tenant_id, arena, &tenant, &found, err))
        return false;
    return found ||
           error_add_field(err, "tenant_id", "there is no tenant '%.64s'", "没有商家“%.64s”", tenant_id);
}

/* What is wrong at its beginning is refused now, and not by a job that fails. */
static bool import_ask_check_file(struct platform *platform, int fd, const struct import_request *request,
                                  enum language language, struct arena *arena, struct error *err)
{
    struct import_preview preview;
    if (!import_preview(fd, request, language, import_job_folder(platform), arena, &preview, err))
        return false;
    if (!preview.problem)
        return true;
    error_set(err, ERROR_INVALID, "%s", "%s", preview.problem);
    return error_add_field(err, "file", "%s", "%s", preview.problem);
}

static bool import_job_is_missing(struct platform *platform, const char *id)
{
    CLEANUP(arena_release) struct arena arena = {0};
    CLEANUP(store_reader_release) struct db *db = NULL;
    struct error err;
    struct job job;
    return store_reader(platform->store, READ_LIMIT_MS, &db, &err) && !job_get(db, id, &arena, &job, &err) &&
           err.code == ERROR_NOT_FOUND;
}

bool import_ask(struct platform *platform, int fd, const struct import_request *request,
                enum language language, struct arena *arena, struct job *ret_job, struct error *err)
{
    CLEANUP(strbuf_release) struct strbuf parameters = {0};
    char id[IDENTIFIER_SIZE];
    if (!import_ask_check_tenant(platform, request->tenant_id, arena, err) ||
        !import_ask_check_file(platform, fd, request, language, arena, err))
        return false;
    job_id_make(id);
    import_job_write_parameters(&parameters, request, language);
    struct asking ask = {
        .request = request, .id = id, .parameters = strbuf_text(&parameters), .arena = arena};
    /* The file is kept before the job is asked for: a job that is found after a power cut has its file. Where
     * it is not certain that the job is missing, the file stays until the sweep. */
    if (!store_file_keep(platform->store, id, fd, err))
        return false;
    if (!store_write(platform->store, import_ask_work, &ask, err)) {
        if (import_job_is_missing(platform, id))
            store_file_delete(platform->store, id, NULL);
        return false;
    }
    jobs_wake(platform->jobs);
    *ret_job = ask.job;
    return true;
}

/* ---- the run ---- */

bool import_job_run(struct job_run *run, struct error *err)
{
    CLEANUP(json_delete) cJSON *root = NULL;
    CLEANUP(free_pointer) struct import_result *result = xcalloc(1, sizeof(*result));
    CLEANUP(file_close) int fd = -1;
    const struct job *job = run->job;
    struct platform *platform = run->platform;
    char path[64];
    struct import_request request = {.path = path, .actor = &run->actor};
    enum language language;
    if (!json_parse(job->parameters, strlen(job->parameters), &root, err) ||
        !import_job_read_parameters(root, &request, &language, err) ||
        !store_file_open(platform->store, job->id, import_job_folder(platform), &fd, err))
        return false;
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    return import_run(platform->store, &request, run, language, import_job_folder(platform), result, err);
}

/* ---- sweeping ---- */

/* Whether the file may go: its job ended long ago, or there is none. */
static bool upload_may_be_deleted(void *context, const char *name, int64_t kept_at)
{
    struct platform *platform = context;
    CLEANUP(arena_release) struct arena arena = {0};
    CLEANUP(store_reader_release) struct db *db = NULL;
    struct error err;
    struct job job;
    if (!store_reader(platform->store, READ_LIMIT_MS, &db, &err))
        return false;
    if (!job_get(db, name, &arena, &job, &err))
        return err.code == ERROR_NOT_FOUND && kept_at < clock_now_ms() - STRAY_MS;
    return job_has_ended(&job) && job.finished_at < clock_now_ms() - KEPT_MS;
}

/* Workbooks that an earlier version of the program wrote under a name, and left when it was killed. */
static void export_sweep_workbooks(const struct platform *platform, int64_t *deleted)
{
    char path[PATH_SIZE];
    DIR *folder = opendir(import_job_folder(platform));
    for (struct dirent *entry; folder && (entry = readdir(folder));) {
        if (fnmatch("exp_*.xlsx", entry->d_name, 0) != 0)
            continue;
        snprintf(path, sizeof(path), "%s/%s", import_job_folder(platform), entry->d_name);
        *deleted += unlink(path) == 0;
    }
    if (folder)
        closedir(folder);
}

bool import_sweep_uploads(struct platform *platform, int64_t *ret_deleted, struct error *err)
{
    if (!store_files_sweep(platform->store, upload_may_be_deleted, platform, ret_deleted, err))
        return false;
    export_sweep_workbooks(platform, ret_deleted);
    return true;
}
