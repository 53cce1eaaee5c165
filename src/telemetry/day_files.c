#include "telemetry/day_files.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/identifier.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/owned_file.h"
#include "telemetry/day_schema.h"

#define READERS 3
#define CACHE_KIB 1024
#define READ_LIMIT_MS 5000
#define SUFFIX ".db"

static const char SQL_IS_CARRIED[] = "SELECT 1 FROM usage_days WHERE day = $1";
static const char SQL_DAY_INFO[] = "SELECT revision, usage_rows, log_rows FROM day_info";

/* ---- the folder ---- */

void day_files_path(const char *folder, int32_t day, struct strbuf *ret_path)
{
    char text[CLOCK_DAY_SIZE];
    clock_day_format(day, text);
    strbuf_printf(ret_path, "%s/%s" SUFFIX, folder, text);
}

bool day_files_exists(const char *folder, int32_t day)
{
    CLEANUP(strbuf_release) struct strbuf path = {0};
    day_files_path(folder, day, &path);
    return access(strbuf_text(&path), F_OK) == 0;
}

bool day_folder_make(const char *folder, struct error *err)
{
    if (owned_mkdir(folder, 0700))
        return true;
    return error_set(err, ERROR_INTERNAL, "The folder %s cannot be made: %s.", "无法创建目录 %s：%s。",
                     folder, strerrordesc_np(errno));
}

static bool day_of_name(const char *name, int32_t *ret_day)
{
    char text[CLOCK_DAY_SIZE];
    if (strlen(name) != CLOCK_DAY_SIZE - 1 + strlen(SUFFIX) || strcmp(name + CLOCK_DAY_SIZE - 1, SUFFIX) != 0)
        return false;
    memcpy(text, name, CLOCK_DAY_SIZE - 1);
    text[CLOCK_DAY_SIZE - 1] = '\0';
    return clock_day_parse(text, ret_day);
}

static int by_day(const void *a, const void *b)
{
    int32_t left = *(const int32_t *)a, right = *(const int32_t *)b;
    return (left > right) - (left < right);
}

bool day_files_list(const char *folder, int32_t **ret_days, size_t *ret_count, struct error *err)
{
    DIR *directory = opendir(folder);
    if (!directory)
        return error_set(err, ERROR_INTERNAL, "The folder %s cannot be read: %s.", "无法读取目录 %s：%s。",
                         folder, strerrordesc_np(errno));
    int32_t *days = NULL, day;
    size_t count = 0;
    for (struct dirent *entry; (entry = readdir(directory));) {
        if (!day_of_name(entry->d_name, &day))
            continue;
        days = xrealloc(days, (count + 1) * sizeof(*days));
        days[count++] = day;
    }
    closedir(directory);
    if (count)
        qsort(days, count, sizeof(*days), by_day);
    *ret_days = days;
    *ret_count = count;
    return true;
}

bool day_file_open_store(const char *folder, int32_t day, enum store_durability durability,
                         struct store **ret_store, struct error *err)
{
    CLEANUP(strbuf_release) struct strbuf path = {0};
    day_files_path(folder, day, &path);
    return store_open(ret_store,
                      &(struct store_options){.path = strbuf_text(&path),
                                              .readers = READERS,
                                              .cache_kib = CACHE_KIB,
                                              .durability = durability,
                                              .migrations = day_migrations,
                                              .migration_count = day_migration_count},
                      err);
}

bool day_is_closed(const char *folder, struct store *main_store, int32_t day, bool *ret_closed,
                   struct error *err)
{
    int64_t carried = 0;
    if (!day_files_exists(folder, day)) {
        CLEANUP(store_reader_release) struct db *db = NULL;
        if (!store_reader(main_store, READ_LIMIT_MS, &db, err) ||
            !db_find_int(db, SQL_IS_CARRIED, DB_ARGS(db_int(day)), 0, &carried, err))
            return false;
    }
    *ret_closed = carried != 0;
    return true;
}

bool day_info_read(struct db *db, struct day_info *ret_info, struct error *err)
{
    CLEANUP(db_rows_release) struct db_rows rows = {0};
    if (!db_query(db, SQL_DAY_INFO, DB_NO_ARGS, &rows, err))
        return false;
    struct day_info info = {0};
    if (db_next(&rows))
        info = (struct day_info){db_column_int(&rows, 0), db_column_int(&rows, 1), db_column_int(&rows, 2)};
    if (!db_done(&rows, err))
        return false;
    *ret_info = info;
    return true;
}

/* ---- open files ---- */

bool day_files_init(struct day_files *files, const char *folder, struct store *main_store,
                    enum store_durability durability, struct error *err)
{
    if (!day_folder_make(folder, err))
        return false;
    *files =
        (struct day_files){.folder = xstrdup(folder), .main_store = main_store, .durability = durability};
    pthread_mutex_init(&files->lock, NULL);
    pthread_mutex_init(&files->open_lock, NULL);
    return true;
}

static void close_file(struct day_file *file)
{
    store_close(file->store);
    day_writer_free(file->writer);
    free(file);
}

void day_files_release(struct day_files *files)
{
    while (files->open) {
        struct day_file *file = files->open;
        files->open = file->next;
        close_file(file);
    }
    pthread_mutex_destroy(&files->lock);
    pthread_mutex_destroy(&files->open_lock);
    free(files->folder);
}

static struct day_file *use_if_open(struct day_files *files, int32_t day)
{
    pthread_mutex_lock(&files->lock);
    struct day_file *file = files->open;
    while (file && file->day != day)
        file = file->next;
    if (file) {
        file->users++;
        file->last_used = ++files->uses;
    }
    pthread_mutex_unlock(&files->lock);
    return file;
}

/* Takes out of the list the file of `day`, or with `oldest` the one unused for longest, if nobody
 * uses it. Called with the lock held; the caller closes it without the lock. */
static struct day_file *take_out(struct day_files *files, bool oldest, int32_t day)
{
    struct day_file **best = NULL;
    for (struct day_file **at = &files->open; *at; at = &(*at)->next)
        if ((*at)->users == 0 &&
            (oldest ? !best || (*at)->last_used < (*best)->last_used : (*at)->day == day))
            best = at;
    if (!best)
        return NULL;
    struct day_file *file = *best;
    *best = file->next;
    files->open_count--;
    return file;
}

static void close_surplus(struct day_files *files)
{
    struct day_file *file;
    do {
        pthread_mutex_lock(&files->lock);
        file = files->open_count > DAY_FILES_OPEN ? take_out(files, true, 0) : NULL;
        pthread_mutex_unlock(&files->lock);
        if (file)
            close_file(file);
    } while (file);
}

/* With what lies beside it; under a name that is no day's. Called with open_lock held. */
static bool set_aside(struct day_files *files, int32_t day, const struct error *why, struct error *err)
{
    static const char *const suffixes[] = {"", "-wal", "-shm"};
    CLEANUP(strbuf_release) struct strbuf from = {0};
    CLEANUP(strbuf_release) struct strbuf to = {0};
    char suffix[IDENTIFIER_SIZE];
    identifier_make("", suffix); /* begins with the time */
    for (size_t i = 0; i < ARRAY_SIZE(suffixes); i++) {
        strbuf_reset(&from);
        strbuf_reset(&to);
        day_files_path(files->folder, day, &from);
        strbuf_printf(&to, "%s.set-aside-%s%s", from.bytes, suffix, suffixes[i]);
        strbuf_puts(&from, suffixes[i]);
        if (rename(from.bytes, to.bytes) != 0 && errno != ENOENT)
            return error_set(err, ERROR_STORE, "%s cannot be set aside: %s.", "无法移开 %s：%s。", from.bytes,
                             strerrordesc_np(errno));
    }
    char text[CLOCK_DAY_SIZE];
    clock_day_format(day, text);
    pthread_mutex_lock(&files->lock);
    snprintf(files->set_aside, sizeof(files->set_aside), "%s" SUFFIX ".set-aside-%s", text, suffix);
    pthread_mutex_unlock(&files->lock);
    log_error("telemetry", "%s" SUFFIX " cannot be used and was set aside as %s" SUFFIX ".set-aside-%s: %s",
              text, text, suffix, why->detail[LANGUAGE_EN]);
    return true;
}

void day_files_give_up(struct day_files *files, struct day_file *file)
{
    struct error why, err;
    error_clear(&why);
    pthread_mutex_lock(&files->open_lock);
    pthread_mutex_lock(&files->lock);
    bool first = !file->given_up;
    for (struct day_file **at = &files->open; first && *at; at = &(*at)->next)
        if (*at == file) {
            *at = file->next;
            files->open_count--;
            break;
        }
    file->given_up = true;
    pthread_mutex_unlock(&files->lock);
    /* All that lies beside it, too: a new file must not take the old one's log for its own. */
    if (first && !store_sound(file->store, &why) && !set_aside(files, file->day, &why, &err))
        log_error("telemetry", "%s", err.detail[LANGUAGE_EN]);
    pthread_mutex_unlock(&files->open_lock);
}

void day_files_get_set_aside(struct day_files *files, char ret_name[static DAY_FILE_NAME_SIZE])
{
    pthread_mutex_lock(&files->lock);
    memcpy(ret_name, files->set_aside, DAY_FILE_NAME_SIZE);
    pthread_mutex_unlock(&files->lock);
}

/* Damaged, of a newer program, or none of ours at all. */
static bool is_unusable(enum error_code code)
{
    return code == ERROR_DAMAGED || code == ERROR_CONFLICT;
}

/* Who only reads is told what is wrong; who has something to record today goes on with a new file. */
static bool open_or_set_aside(struct day_files *files, int32_t day, enum day_file_absent absent,
                              struct store **ret_store, struct error *err)
{
    struct error why;
    error_clear(&why);
    if (day_file_open_store(files->folder, day, files->durability, ret_store, &why))
        return true;
    if (absent == DAY_FILE_NONE || day < clock_day(clock_now_ms()) || !is_unusable(why.code)) {
        if (err)
            *err = why;
        return false;
    }
    return set_aside(files, day, &why, err) &&
           day_file_open_store(files->folder, day, files->durability, ret_store, err);
}

static bool open_file(struct day_files *files, int32_t day, enum day_file_absent absent,
                      struct day_file **ret_file, struct error *err)
{
    bool closed;
    *ret_file = NULL;
    if (!day_files_exists(files->folder, day)) {
        if (absent == DAY_FILE_NONE)
            return true;
        if (!day_is_closed(files->folder, files->main_store, day, &closed, err))
            return false;
        /* The clock was set back, or the store restored without its telemetry: today is never over. What it counted
         * before is replaced at its end. */
        bool is_over = day < clock_day(clock_now_ms());
        if (closed && !is_over)
            log_warn("telemetry", "today was closed already, and is begun anew: was the clock set back?");
        if (closed && is_over)
            return error_set(err, ERROR_CONFLICT,
                             "That day is closed: its rows have been deleted, only its totals are kept.",
                             "该日已归档：明细已删除，仅保留汇总。");
    }
    struct store *store;
    if (!open_or_set_aside(files, day, absent, &store, err))
        return false;
    struct day_file *file = xcalloc(1, sizeof(*file));
    *file = (struct day_file){.day = day, .store = store, .writer = day_writer_new(), .users = 1};
    pthread_mutex_lock(&files->lock);
    file->last_used = ++files->uses;
    file->next = files->open;
    files->open = file;
    files->open_count++;
    pthread_mutex_unlock(&files->lock);
    *ret_file = file;
    return true;
}

bool day_files_get(struct day_files *files, int32_t day, enum day_file_absent absent,
                   struct day_file **ret_file, struct error *err)
{
    struct day_file *file = use_if_open(files, day);
    bool done = true;
    if (!file) {
        pthread_mutex_lock(&files->open_lock);
        file = use_if_open(files, day); /* another thread may have opened it meanwhile */
        done = file || open_file(files, day, absent, &file, err);
        if (done)
            close_surplus(files);
        pthread_mutex_unlock(&files->open_lock);
    }
    if (done)
        *ret_file = file;
    return done;
}

void day_files_put(struct day_files *files, struct day_file *file)
{
    if (!file)
        return;
    pthread_mutex_lock(&files->lock);
    bool last = --file->users == 0 && file->given_up;
    pthread_mutex_unlock(&files->lock);
    if (last)
        close_file(file);
}

void day_files_close_before(struct day_files *files, int32_t day)
{
    struct day_file *closing = NULL;
    pthread_mutex_lock(&files->open_lock);
    pthread_mutex_lock(&files->lock);
    for (struct day_file **at = &files->open; *at;) {
        struct day_file *file = *at;
        if (file->day >= day || file->users) {
            at = &file->next;
            continue;
        }
        *at = file->next;
        files->open_count--;
        file->next = closing;
        closing = file;
    }
    pthread_mutex_unlock(&files->lock);
    while (closing) {
        struct day_file *next = closing->next;
        close_file(closing);
        closing = next;
    }
    pthread_mutex_unlock(&files->open_lock);
}

static bool remove_files(const char *folder, int32_t day, struct error *err)
{
    static const char *const suffixes[] = {"", "-wal", "-shm"};
    CLEANUP(strbuf_release) struct strbuf path = {0};
    day_files_path(folder, day, &path);
    size_t length = path.length;
    for (size_t i = 0; i < ARRAY_SIZE(suffixes); i++) {
        path.length = length;
        strbuf_puts(&path, suffixes[i]);
        if (unlink(path.bytes) != 0 && errno != ENOENT)
            return error_set(err, ERROR_INTERNAL, "%s cannot be deleted: %s.", "无法删除 %s：%s。",
                             path.bytes, strerrordesc_np(errno));
    }
    return true;
}

bool day_files_delete(struct day_files *files, int32_t day, bool *ret_deleted, struct error *err)
{
    pthread_mutex_lock(&files->open_lock);
    pthread_mutex_lock(&files->lock);
    bool used = false;
    for (struct day_file *file = files->open; file; file = file->next)
        used |= file->day == day && file->users;
    struct day_file *file = used ? NULL : take_out(files, false, day);
    pthread_mutex_unlock(&files->lock);
    if (file)
        close_file(file);
    bool done = used || remove_files(files->folder, day, err);
    pthread_mutex_unlock(&files->open_lock);
    if (done)
        *ret_deleted = !used;
    return done;
}
