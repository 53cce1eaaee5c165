/* The day files of one folder: which are open, which are there. At most DAY_FILES_OPEN stay open when
 * nobody uses them, so that descriptors and page caches are bounded however many days are asked for.
 *
 * A day that has ended is opened to be read only, which needs no thread of a writer; when a late record comes, it is
 * opened anew to be written, and whoever still reads goes on with what he has. */
#ifndef KIMONO_TELEMETRY_DAY_FILES_DAY_FILES_H
#define KIMONO_TELEMETRY_DAY_FILES_DAY_FILES_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/strbuf.h"
#include "store/store.h"
#include "telemetry/day_files/day_writer.h"

#define DAY_FILES_OPEN 16
#define DAY_FILE_NAME_SIZE 64

struct day_file {
    int32_t day;
    bool read_only;
    struct store *store;
    struct day_writer *writer; /* only for the store's writer thread */
    unsigned users;
    bool given_up; /* out of the list: closed by its last user */
    uint64_t last_used;
    struct day_file *next;
};

/* The recorder of a day, as of the file that lay there. */
struct known_recorder {
    int32_t day;
    uint64_t inode;
    int64_t recorder;
};

struct day_files {
    char *folder;
    enum store_durability durability;
    pthread_mutex_t lock;      /* the list and what is known; held for moments */
    pthread_mutex_t open_lock; /* held while a file is opened, made or deleted */
    struct day_file *open;
    size_t open_count;
    uint64_t uses;
    char set_aside[DAY_FILE_NAME_SIZE]; /* the newest; `lock` */
    struct known_recorder *recorders;   /* `lock` */
    size_t recorder_count;
};

enum day_file_use {
    DAY_FILE_READ,
    DAY_FILE_WRITE,
    DAY_FILE_MAKE, /* to be written, and made if it is not there; else *ret_file is NULL then */
};

bool day_files_init(struct day_files *files, const char *folder, enum store_durability durability,
                    struct error *err);
void day_files_release(struct day_files *files); /* nobody uses one any longer */

/* Give it back with day_files_put or CLEANUP(day_use_release). A file of the present day that cannot be used
 * (damaged, or of a newer program) is set aside as 2026-11-22.db.set-aside-…, and another begun: what is recorded
 * today must not wait for somebody to look. */
bool day_files_get(struct day_files *files, int32_t day, enum day_file_use use, struct day_file **ret_file,
                   struct error *err);
void day_files_put(struct day_files *files, struct day_file *file); /* takes NULL */

/* One that is open and turns out to be damaged, or was taken away: set aside as above. The caller puts it back. */
void day_files_give_up(struct day_files *files, struct day_file *file);
void day_files_get_set_aside(struct day_files *files,
                             char ret_name[static DAY_FILE_NAME_SIZE]); /* "": none */

/* The days that have a file, in order; the caller frees. */
bool day_files_list(const char *folder, int32_t **ret_days, size_t *ret_count, struct error *err);
bool day_files_exists(const char *folder, int32_t day);
void day_files_path(const char *folder, int32_t day, struct strbuf *ret_path);

/* Closes the files of days before `day` that nobody uses. */
void day_files_close_before(struct day_files *files, int32_t day);
/* Deletes the day's file unless somebody uses it, or another revision than this one is in it; `ret_deleted`: whether it did. */
bool day_files_delete(struct day_files *files, int32_t day, int64_t revision, bool *ret_deleted,
                      struct error *err);

bool day_file_open_store(const char *folder, int32_t day, enum store_durability durability, bool read_only,
                         struct store **ret_store, struct error *err);

/* day_info, all zero for a file that has none. */
bool day_info_read(struct db *db, struct day_info *ret_info, struct error *err);
/* The recorder of one day; 0: it has no file. */
bool day_files_recorder(struct day_files *files, int32_t day, int64_t *ret_recorder, struct error *err);

/* For CLEANUP. */
struct day_use {
    struct day_files *files;
    struct day_file *file;
};
static inline void day_use_release(struct day_use *use)
{
    day_files_put(use->files, use->file);
}

#endif
