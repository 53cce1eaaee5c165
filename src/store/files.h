/* Files that belong to a store and outlive the request that brought them: whichever process serves the store
 * finds them. An embedded store has them in a folder beside it, which all its processes share; without such a
 * folder (store_options.files_folder NULL: the processes may be on several machines) they lie in the store's
 * tables stored_files and stored_file_chunks, in pieces, each of which is a transaction of its own.
 *
 * A file appears whole or not at all: one that its writer did not finish cannot be opened, and is swept.
 * Names are the caller's: letters, digits, '_' and '-', unique among the files of the store. */
#ifndef KIMONO_STORE_FILES_H
#define KIMONO_STORE_FILES_H

#include "store/store.h"

#define STORE_FILE_NAME_MAX 64

/* Keeps all of `fd` (from its beginning, whatever its position) under the name; durable when it returns. A file
 * without a name that lies on the folder's disk is not copied but given one: nobody may write to `fd` afterwards.
 * ERROR_CONFLICT: the name is taken. ERROR_UNAVAILABLE, ERROR_STORE: no room; nothing is left of it. */
bool store_file_keep(struct store *store, const char *name, int fd, struct error *err);

/* Opens the file at its beginning, to be read; a file of the tables as a copy without a name in
 * `temporary_folder` (base/temporary_file.h). The caller closes it. ERROR_NOT_FOUND. */
bool store_file_open(struct store *store, const char *name, const char *temporary_folder, int *ret_fd,
                     struct error *err);

/* One that is not there is deleted already. */
bool store_file_delete(struct store *store, const char *name, struct error *err);

/* Deletes every file of which `is_over` says so, and those whose writer has given up an hour ago. `kept_at`: when
 * it was kept, in milliseconds. */
typedef bool (*store_file_is_over)(void *context, const char *name, int64_t kept_at);
bool store_files_sweep(struct store *store, store_file_is_over is_over, void *context, int64_t *ret_deleted,
                       struct error *err);

#endif
