/* The two places of store/files.h. */
#ifndef KIMONO_STORE_FILES_PRIVATE_H
#define KIMONO_STORE_FILES_PRIVATE_H

#include "store/files.h"

/* files_folder.c */
bool folder_file_keep(const char *folder, const char *name, int fd, struct error *err);
bool folder_file_open(const char *folder, const char *name, int *ret_fd, struct error *err);
bool folder_file_delete(const char *folder, const char *name, struct error *err);
bool folder_files_sweep(const char *folder, store_file_is_over is_over, void *context, int64_t *ret_deleted,
                        struct error *err);

#endif
