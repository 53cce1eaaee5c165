#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/identifier.h"
#include "base/json_reader.h"
#include "base/json_writer.h"
#include "base/memory.h"
#include "base/owned_file.h"
#include "base/temporary_file.h"
#include "ops/transfer/import_internal.h"
#include "platform/tenants/tenants.h"
#include "settings/settings.h"

#define PATH_SIZE 600
#define COPY_BYTES ((size_t)256 << 10)
#define KEPT_MS DAY_MS       /* after the job's end */
#define STRAY_SECONDS 86400  /* age of a file that no job knows, before it is deleted */
#define PREFIX_OF_NEW "new-" /* of a file whose job is not queued yet */

/* ---- the folder of files that were sent ---- */

static const char *data_folder(const struct platform *platform)
{
    return settings_now(platform->settings)->data;
}

static void upload_path(const struct platform *platform, const char *name, char *path)
{
    snprintf(path, PATH_SIZE, "%s/uploads/%s", data_folder(platform), name);
}

static bool keeping_fails(int number, struct error *err)
{
    error_set(
        err, number == ENOSPC || number == EDQUOT ? ERROR_UNAVAILABLE : ERROR_INTERNAL,
        "The file cannot be kept for the import: %s. Make room on the disk of the data folder, then send "
        "it again.",
        "无法保存待导入的文件：%s。请清理数据目录所在磁盘后重新上传。", strerror(number));
    return false;
}

static bool make_folder(const struct platform *platform, struct error *err)
{
    char path[PATH_SIZE];
    upload_path(platform, "", path);
    return owned_mkdir(path, 0700) || keeping_fails(errno, err);
}

static bool copy(int from, int to, struct error *err)
{
    CLEANUP(free_pointer) char *buffer = xmalloc(COPY_BYTES);
    off_t at = 0;
    for (ssize_t got; (got = pread(from, buffer, COPY_BYTES, at)) != 0; at += got) {
        if (got < 0)
            return keeping_fails(errno, err);
        if (!temporary_file_write(to, buffer, (size_t)got, err))
            return false;
    }
    return fsync(to) == 0 || keeping_fails(errno, err);
}

/* Gives the upload, which has no name, one: nothing is written again. Not where the file system knows no files
 * without a name, or the upload lies on another one. */
static bool link_upload(int fd, const char *path)
{
    char source[64];
    snprintf(source, sizeof(source), "/proc/self/fd/%d", fd);
    return linkat(AT_FDCWD, source, AT_FDCWD, path, AT_SYMLINK_FOLLOW) == 0;
}

/* Names in a folder are on the disk only when the folder is. */
static bool sync_uploads(const struct platform *platform, struct error *err)
{
    char path[PATH_SIZE];
    upload_path(platform, "", path);
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool synced = fd >= 0 && fsync(fd) == 0;
    int number = errno;
    if (fd >= 0)
        close(fd);
    return synced || keeping_fails(number, err);
}

/* The file is on the disk before the job is: a job that is found after a power cut has its file. */
static bool keep_upload(struct platform *platform, int fd, char *ret_path, struct error *err)
{
    char name[IDENTIFIER_SIZE];
    identifier_make(PREFIX_OF_NEW, name);
    upload_path(platform, name, ret_path);
    if (!make_folder(platform, err))
        return false;
    if (owned_take_place(fd, ret_path) && link_upload(fd, ret_path)) {
        if (fsync(fd) == 0)
            return true;
        int number = errno;
        unlink(ret_path);
        return keeping_fails(number, err);
    }
    int to = owned_open(ret_path, O_WRONLY | O_EXCL, 0600);
    if (to < 0)
        return keeping_fails(errno, err);
    bool kept = copy(fd, to, err);
    close(to);
    if (!kept)
        unlink(ret_path);
    return kept;
}

/* ---- what is asked for, as JSON in the job's row ---- */

static void write_columns(struct json_writer *w, const struct import_columns *columns)
{
    json_key(w, "columns");
    json_object_begin(w);
    for (size_t i = 0; i < IMPORT_COLUMNS; i++)
        if (columns->places[i] != IMPORT_ABSENT)
            json_key_int(w, import_column_names[i], (int64_t)columns->places[i]);
    json_object_end(w);
}

static const char *const language_names[LANGUAGE_COUNT] = {[LANGUAGE_EN] = "en", [LANGUAGE_ZH] = "zh"};

static void write_parameters(struct strbuf *out, const struct import_request *request, enum language language)
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
    if (request->columns.given)
        write_columns(&w, &request->columns);
    if (request->columns.heading != IMPORT_HEADING_AUTO)
        json_key_text(&w, "heading", import_headings[request->columns.heading]);
    json_key_text(&w, "language", language_names[language]);
    json_object_end(&w);
}

static const char *text_member(const cJSON *root, const char *name)
{
    const cJSON *value = cJSON_GetObjectItemCaseSensitive(root, name);
    return cJSON_IsString(value) ? value->valuestring : NULL;
}

static bool read_columns(const cJSON *root, struct import_columns *ret_columns, struct error *err)
{
    const cJSON *value = cJSON_GetObjectItemCaseSensitive(root, "columns");
    const char *heading = text_member(root, "heading");
    char *json = value ? cJSON_PrintUnformatted(value) : NULL;
    bool read = !value || import_columns_parse(json ? json : "", ret_columns, err);
    cJSON_free(json);
    if (heading)
        import_heading_parse(heading, &ret_columns->heading);
    return read;
}

/* Texts are the root's. */
static bool read_parameters(const cJSON *root, struct import_request *request, enum language *ret_language,
                            struct error *err)
{
    const char *mode = text_member(root, "mode"), *language = text_member(root, "language");
    const char *encoding = text_member(root, "encoding");
    request->file = text_member(root, "file");
    request->tenant_id = text_member(root, "tenant_id");
    request->sheet = text_member(root, "sheet");
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
    return read_columns(root, &request->columns, err);
}

/* ---- asking ---- */

struct asking {
    struct platform *platform;
    const struct import_request *request;
    const char *parameters;
    struct arena *arena;
    struct job job;
    char path[PATH_SIZE]; /* where the file is now */
};

static bool audit_request(struct db *db, const struct asking *ask, struct error *err)
{
    struct audit_entry entry = {
        .action = IMPORT_KIND, .target_type = "job", .target_id = ask->job.id, .after = ask->parameters};
    return audit_append(db, ask->request->actor, &entry, err);
}

/* Its file's name must be on the disk before the job is. */
static bool give_to_job(struct asking *ask, struct error *err)
{
    char path[PATH_SIZE];
    upload_path(ask->platform, ask->job.id, path);
    if (rename(ask->path, path) != 0)
        return keeping_fails(errno, err);
    memcpy(ask->path, path, sizeof(path));
    return sync_uploads(ask->platform, err);
}

static bool ask_work(struct db *db, void *context, struct error *err)
{
    struct asking *ask = context;
    struct job_request request = {
        .kind = IMPORT_KIND, .parameters = ask->parameters, .tenant_id = ask->request->tenant_id};
    return job_insert(db, ask->request->actor, &request, ask->arena, &ask->job, err) &&
           audit_request(db, ask, err) && give_to_job(ask, err);
}

static bool check_tenant(struct platform *platform, const char *tenant_id, struct arena *arena,
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

/* What shows at its beginning is told now, and not by a job that fails. */
static bool check_file(struct platform *platform, int fd, const struct import_request *request,
                       enum language language, struct arena *arena, struct error *err)
{
    struct import_preview preview;
    if (!import_preview(fd, request, language, data_folder(platform), arena, &preview, err))
        return false;
    if (!preview.problem)
        return true;
    error_set(err, ERROR_INVALID, "%s", "%s", preview.problem);
    return error_add_field(err, "file", "%s", "%s", preview.problem);
}

static bool queue(struct asking *ask, struct error *err)
{
    if (store_write(ask->platform->store, ask_work, ask, err))
        return true;
    unlink(ask->path);
    return false;
}

bool import_ask(struct platform *platform, int fd, const struct import_request *request,
                enum language language, struct arena *arena, struct job *ret_job, struct error *err)
{
    CLEANUP(strbuf_release) struct strbuf parameters = {0};
    struct asking ask = {.platform = platform, .request = request, .arena = arena};
    if (!check_tenant(platform, request->tenant_id, arena, err) ||
        !check_file(platform, fd, request, language, arena, err) || !keep_upload(platform, fd, ask.path, err))
        return false;
    write_parameters(&parameters, request, language);
    ask.parameters = strbuf_text(&parameters);
    if (!queue(&ask, err))
        return false;
    jobs_wake(platform->jobs);
    *ret_job = ask.job;
    return true;
}

/* ---- the run ---- */

bool import_job_run(struct job_run *run, struct error *err)
{
    CLEANUP(json_delete) cJSON *root = NULL;
    CLEANUP(free_pointer) struct import_result *result = xcalloc(1, sizeof(*result));
    const struct job *job = run->job;
    char path[PATH_SIZE];
    struct import_request request = {.path = path, .actor = &run->actor};
    enum language language;
    upload_path(run->platform, job->id, path);
    if (!json_parse(job->parameters, strlen(job->parameters), &root, err) ||
        !read_parameters(root, &request, &language, err))
        return false;
    return import_run(run->platform->store, &request, run, language, data_folder(run->platform), result, err);
}

/* ---- sweeping ---- */

static bool is_stray(const char *path)
{
    struct stat status;
    return stat(path, &status) == 0 && clock_now_ms() / SECOND_MS - status.st_mtime > STRAY_SECONDS;
}

/* Whether the file may go: its job ended long ago, or there is none. */
static bool is_over(struct platform *platform, const char *name, const char *path)
{
    CLEANUP(arena_release) struct arena arena = {0};
    CLEANUP(store_reader_release) struct db *db = NULL;
    struct error err;
    struct job job;
    if (!store_reader(platform->store, READ_LIMIT_MS, &db, &err))
        return false;
    if (!job_get(db, name, &arena, &job, &err))
        return err.code == ERROR_NOT_FOUND && is_stray(path);
    return job_has_ended(&job) && job.finished_at < clock_now_ms() - KEPT_MS;
}

/* Workbooks that an earlier version of the program wrote under a name, and left when it was killed. */
static void sweep_workbooks(const struct platform *platform, int64_t *deleted)
{
    char path[PATH_SIZE];
    DIR *folder = opendir(data_folder(platform));
    for (struct dirent *entry; folder && (entry = readdir(folder));) {
        if (fnmatch("exp_*.xlsx", entry->d_name, 0) != 0)
            continue;
        snprintf(path, sizeof(path), "%s/%s", data_folder(platform), entry->d_name);
        *deleted += unlink(path) == 0;
    }
    if (folder)
        closedir(folder);
}

bool import_sweep_uploads(struct platform *platform, int64_t *ret_deleted, struct error *err)
{
    char path[PATH_SIZE];
    upload_path(platform, "", path);
    DIR *folder = opendir(path);
    if (!folder && errno != ENOENT)
        return error_set(err, ERROR_INTERNAL, "%s cannot be read: %s", "无法读取 %s：%s", path,
                         strerror(errno));
    *ret_deleted = 0;
    for (struct dirent *entry; folder && (entry = readdir(folder));) {
        if (entry->d_name[0] == '.')
            continue;
        upload_path(platform, entry->d_name, path);
        if (is_over(platform, entry->d_name, path) && unlink(path) == 0)
            ++*ret_deleted;
    }
    if (folder)
        closedir(folder);
    sweep_workbooks(platform, ret_deleted);
    return true;
}
