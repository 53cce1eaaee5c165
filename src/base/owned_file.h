/* Files of a store, by whoever they are made. What root makes in a folder of somebody else belongs to that
 * somebody, so that every command works as root and leaves a store that its own user can go on with. (SQLite
 * does the same for what it makes beside a database.) All that is made in the data folder is made by these. */
#ifndef KIMONO_BASE_OWNED_FILE_H
#define KIMONO_BASE_OWNED_FILE_H

#include <stdbool.h>
#include <sys/types.h>

/* open() with O_CREAT and O_CLOEXEC; a new file belongs to the owner of its folder. -1 and errno. */
int owned_open(const char *path, int flags, mode_t mode);
/* mkdir(), for a folder in another; true also when it is there. False and errno. */
bool owned_mkdir(const char *path, mode_t mode);

/* Gives a new file the owner and the mode of the one at `path`, whose place it is to take; if there is none, the
 * owner of the folder. False and errno. */
bool owned_take_place(int fd, const char *path);

/* Whether this process may trust a file of this owner in that folder: its own, root's, and as root the folder's
 * owner's. */
bool owned_may_trust(uid_t owner, const char *path);

#endif
