#include "telemetry/day_files/day_files.h"

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
#include "telemetry/day_files/day_schema.h"

#define READERS 3
#define CACHE_KIB 1024
#define CACHE_READ_ONLY_KIB 256 /* of ended days: several are open at once */
#define READ_LIMIT_MS 5000
#define SUFFIX ".db"

static const char SQL_DAY_INFO[] = "SELECT recorder, revision, usage_rows, log_rows FROM day_info";

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

static bool day_file_parse_name(const char *name, int32_t *ret_day)
{
    char text[CLOCK_DAY_SIZE];
    if (strlen(name) != CLOCK_DAY_SIZE - 1 + strlen(SUFFIX) || strcmp(name + CLOCK_DAY_SIZE - 1, SUFFIX) != 0)
        return false;
    memcpy(text, name, CLOCK_DAY_SIZE - 1);
    text[CLOCK_DAY_SIZE - 1] = '\0';
    return clock_day_parse(text, ret_day);
}

static int day_file_by_day(const void *a, const void *b)
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
        if (!day_file_parse_name(entry->d_name, &day))
            continue;
        days = xrealloc(days, (count + 1) * sizeof(*days));
        days[count++] = day;
    }
    closedir(directory);
    if (count)
        qsort(days, count, sizeof(*days), day_file_by_day);
    *ret_days = days;
    *ret_count = count;
    return true;
}

bool telemetry_folder_has_days(const char *folder)
{
    CLEANUP(free_pointer) int32_t *days = NULL;
    size_t count = 0;
    return day_files_list(folder, &days, &count, NULL) && count > 0;
}

bool day_file_open_store(const char *folder, int32_t day, enum store_durability durability, bool read_only,
                         struct store **ret_store, struct error *err)
{
    CLEANUP(strbuf_release) struct strbuf path = {0};
    day_files_path(folder, day, &path);
    return store_open(ret_store,
                      &(struct store_options){.path = strbuf_text(&path),
                                              .readers = READERS,
                                              .cache_kib = read_only ? CACHE_READ_ONLY_KIB : CACHE_KIB,
                                              .durability = durability,
                                              .migrations = day_migrations,
                                              .migration_count = day_migration_count,
                                              .read_only = read_only},
                      err);
}

bool day_info_read(struct db *db, struct day_info *ret_info, struct error *err)
{
    CLEANUP(db_rows_release) struct db_rows rows = {0};
    if (!db_query(db, SQL_DAY_INFO, DB_NO_ARGS, &rows, err))
        return false;
    struct day_info info = {0};
    if (db_next(&rows))
        info = (struct day_info){db_column_int(&rows, 0), db_column_int(&rows, 1), db_column_int(&rows, 2),
                                 db_column_int(&rows, 3)};
    if (!db_done(&rows, err))
        return false;
    *ret_info = info;
    return true;
}

/* ---- open files ---- */

bool day_files_init(struct day_files *files, const char *folder, enum store_durability durability,
                    struct error *err)
{
    if (!owned_mkdir(folder, 0700))
        return error_set(err, ERROR_INTERNAL, "The folder %s cannot be made: %s.", "无法创建目录 %s：%s。",
                         folder, strerrordesc_np(errno));
    *files = (struct day_files){.folder = xstrdup(folder), .durability = durability};
    pthread_mutex_init(&files->lock, NULL);
    pthread_mutex_init(&files->open_lock, NULL);
    return true;
}

static void day_file_close(struct day_file *file)
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
        day_file_close(file);
    }
    pthread_mutex_destroy(&files->lock);
    pthread_mutex_destroy(&files->open_lock);
    free(files->recorders);
    free(files->folder);
}

static struct day_file *day_file_use_if_open(struct day_files *files, int32_t day, enum day_file_use use)
{
    pthread_mutex_lock(&files->lock);
    struct day_file *file = files->open;
    while (file && (file->day != day || (file->read_only && use != DAY_FILE_READ)))
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
static struct day_file *day_file_take_out(struct day_files *files, bool oldest, int32_t day)
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

static void day_files_close_surplus(struct day_files *files)
{
    struct day_file *file;
    do {
        pthread_mutex_lock(&files->lock);
        file = files->open_count > DAY_FILES_OPEN ? day_file_take_out(files, true, 0) : NULL;
        pthread_mutex_unlock(&files->lock);
        if (file)
            day_file_close(file);
    } while (file);
}

/* With what lies beside it; under a name that is no day's. Called with open_lock held. */
static bool day_file_set_aside(struct day_files *files, int32_t day, const struct error *why,
                               struct error *err)
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

/* Out of the list; whoever uses it last closes it. False: it was out already. Called with the lock held. */
static bool day_file_unlist(struct day_files *files, struct day_file *file)
{
    if (file->given_up)
        return false;
    for (struct day_file **at = &files->open; *at; at = &(*at)->next)
        if (*at == file) {
            *at = file->next;
            files->open_count--;
            break;
        }
    file->given_up = true;
    return true;
}

void day_files_give_up(struct day_files *files, struct day_file *file)
{
    struct error why, err;
    error_clear(&why);
    pthread_mutex_lock(&files->open_lock);
    pthread_mutex_lock(&files->lock);
    bool first = day_file_unlist(files, file);
    pthread_mutex_unlock(&files->lock);
    /* All that lies beside it, too: a new file must not take the old one's log for its own. */
    if (first && !store_sound(file->store, &why) && !day_file_set_aside(files, file->day, &why, &err))
        log_error("telemetry", "%s", err.detail[LANGUAGE_EN]);
    pthread_mutex_unlock(&files->open_lock);
}

void day_files_get_set_aside(struct day_files *files, char ret_name[static DAY_FILE_NAME_SIZE])
{
    pthread_mutex_lock(&files->lock);
    memcpy(ret_name, files->set_aside, DAY_FILE_NAME_SIZE);
    pthread_mutex_unlock(&files->lock);
}

/* A reader gets the error; a writer goes on with a new file today. */
static bool day_file_open_or_set_aside(struct day_files *files, int32_t day, enum day_file_use use,
                                       bool read_only, struct store **ret_store, struct error *err)
{
    struct error why;
    error_clear(&why);
    if (day_file_open_store(files->folder, day, files->durability, read_only, ret_store, &why))
        return true;
    /* damaged; or of a newer program, or none of ours at all */
    bool unusable = why.code == ERROR_DAMAGED || why.code == ERROR_CONFLICT;
    if (use == DAY_FILE_READ || day < clock_day(clock_now_ms()) || !unusable) {
        if (err)
            *err = why;
        return false;
    }
    return day_file_set_aside(files, day, &why, err) &&
           day_file_open_store(files->folder, day, files->durability, false, ret_store, err);
}

static bool day_file_open(struct day_files *files, int32_t day, enum day_file_use use,
                          struct day_file **ret_file, struct error *err)
{
    *ret_file = NULL;
    if (use != DAY_FILE_MAKE && !day_files_exists(files->folder, day))
        return true;
    bool read_only = use == DAY_FILE_READ && day < clock_day(clock_now_ms());
    struct store *store;
    if (!day_file_open_or_set_aside(files, day, use, read_only, &store, err))
        return false;
    struct day_file *file = xcalloc(1, sizeof(*file)), *unused = NULL;
    *file = (struct day_file){.day = day,
                              .read_only = read_only,
                              .store = store,
                              .writer = read_only ? NULL : day_writer_new(),
                              .users = 1};
    pthread_mutex_lock(&files->lock);
    /* What was open to be read makes place for one that is written. */
    struct day_file *reading = files->open;
    while (reading && reading->day != day)
        reading = reading->next;
    if (reading && day_file_unlist(files, reading) && reading->users == 0)
        unused = reading;
    file->last_used = ++files->uses;
    file->next = files->open;
    files->open = file;
    files->open_count++;
    pthread_mutex_unlock(&files->lock);
    if (unused)
        day_file_close(unused);
    *ret_file = file;
    return true;
}

bool day_files_get(struct day_files *files, int32_t day, enum day_file_use use, struct day_file **ret_file,
                   struct error *err)
{
    struct day_file *file = day_file_use_if_open(files, day, use);
    bool done = true;
    if (!file) {
        pthread_mutex_lock(&files->open_lock);
        file = day_file_use_if_open(files, day, use); /* another thread may have opened it meanwhile */
        done = file || day_file_open(files, day, use, &file, err);
        if (done)
            day_files_close_surplus(files);
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
        day_file_close(file);
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
        day_file_close(closing);
        closing = next;
    }
    pthread_mutex_unlock(&files->open_lock);
}

static bool day_file_remove(const char *folder, int32_t day, struct error *err)
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

struct day_file_deletion {
    const char *folder;
    int32_t day;
    int64_t revision;
    bool deleted;
};

/* With the file's write lock held: what another process was about to write is refused then, as its commit finds the
 * file gone, and is not lost without a word. */
static bool day_file_delete_work(struct db *db, void *context, struct error *err)
{
    struct day_file_deletion *deletion = context;
    struct day_info info;
    if (!day_info_read(db, &info, err))
        return false;
    if (info.revision != deletion->revision)
        return true;
    deletion->deleted = day_file_remove(deletion->folder, deletion->day, err);
    return deletion->deleted;
}

/* Called with open_lock held, and no store of this process has the file open. */
static bool day_file_delete(struct day_files *files, int32_t day, int64_t revision, bool *ret_deleted,
                            struct error *err)
{
    struct day_file_deletion deletion = {.folder = files->folder, .day = day, .revision = revision};
    struct store *store;
    struct error local;
    if (!day_file_open_store(files->folder, day, files->durability, false, &store, err))
        return false;
    bool done = store_write(store, day_file_delete_work, &deletion, &local);
    store_close(store);
    *ret_deleted = deletion.deleted;
    if (!done && !deletion.deleted && err) /* the commit of a file that is gone fails */
        *err = local;
    return done || deletion.deleted;
}

bool day_files_delete(struct day_files *files, int32_t day, int64_t revision, bool *ret_deleted,
                      struct error *err)
{
    pthread_mutex_lock(&files->open_lock);
    pthread_mutex_lock(&files->lock);
    bool used = false;
    for (struct day_file *file = files->open; file; file = file->next)
        used |= file->day == day && file->users;
    struct day_file *file = used ? NULL : day_file_take_out(files, false, day);
    pthread_mutex_unlock(&files->lock);
    if (file)
        day_file_close(file);
    *ret_deleted = false;
    bool done = used || !day_files_exists(files->folder, day) ||
                day_file_delete(files, day, revision, ret_deleted, err);
    pthread_mutex_unlock(&files->open_lock);
    return done;
}

/* ---- recorders ---- */

/* Where the day stands or belongs among those that are known. Called with the lock held. */
static size_t known_recorder_place(const struct day_files *files, int32_t day)
{
    size_t low = 0, high = files->recorder_count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (files->recorders[middle].day < day)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static int64_t known_recorder_find(struct day_files *files, int32_t day, uint64_t inode)
{
    pthread_mutex_lock(&files->lock);
    size_t at = known_recorder_place(files, day);
    const struct known_recorder *known = at < files->recorder_count ? &files->recorders[at] : NULL;
    int64_t recorder = known && known->day == day && known->inode == inode ? known->recorder : 0;
    pthread_mutex_unlock(&files->lock);
    return recorder;
}

static void known_recorder_put(struct day_files *files, int32_t day, uint64_t inode, int64_t recorder)
{
    pthread_mutex_lock(&files->lock);
    size_t at = known_recorder_place(files, day), count = files->recorder_count;
    if (at == count || files->recorders[at].day != day) {
        files->recorders = xrealloc(files->recorders, (count + 1) * sizeof(*files->recorders));
        memmove(&files->recorders[at + 1], &files->recorders[at], (count - at) * sizeof(*files->recorders));
        files->recorder_count++;
    }
    files->recorders[at] = (struct known_recorder){day, inode, recorder};
    pthread_mutex_unlock(&files->lock);
}

bool day_files_recorder(struct day_files *files, int32_t day, int64_t *ret_recorder, struct error *err)
{
    CLEANUP(strbuf_release) struct strbuf path = {0};
    struct stat status;
    day_files_path(files->folder, day, &path);
    uint64_t inode = stat(strbuf_text(&path), &status) == 0 ? (uint64_t)status.st_ino : 0;
    *ret_recorder = inode ? known_recorder_find(files, day, inode) : 0;
    if (!inode || *ret_recorder)
        return true;
    CLEANUP(day_use_release) struct day_use use = {.files = files};
    CLEANUP(store_reader_release) struct db *db = NULL;
    struct day_info info = {0};
    if (!day_files_get(files, day, DAY_FILE_READ, &use.file, err))
        return false;
    if (use.file &&
        (!store_reader(use.file->store, READ_LIMIT_MS, &db, err) || !day_info_read(db, &info, err)))
        return false;
    if (info.recorder)
        known_recorder_put(files, day, inode, info.recorder);
    *ret_recorder = info.recorder;
    return true;
}
