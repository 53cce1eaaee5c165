/* Keeping a store safe: backup while it is in use, restore, and the proof that it is whole. For
 * PostgreSQL these are pg_dump, pg_restore and amcheck: ERROR_INVALID says so. */
#ifndef KIMONO_STORE_MAINTENANCE_H
#define KIMONO_STORE_MAINTENANCE_H

#include "base/strbuf.h"
#include "store/store.h"

/* Writes one moment of the store to `file`, while others read and write. `file` appears, or is
 * replaced, at once and whole; a failure or a power loss leaves what was there before. Takes as
 * long as reading the whole store does. What is there and is neither empty nor an earlier backup is not
 * replaced (ERROR_CONFLICT). */
bool store_backup(struct store *store, const char *file, struct error *err);

/* Puts the backup `from` in the place of the store `to`, which nobody may have open: another process is found
 * (ERROR_CONFLICT names it), this one is the caller's to know. Before anything is touched a copy of `from` is
 * proved to be a whole store of the kind and of a version that `to` names. At every instant there is the old
 * store or the new one, with the owner and the mode of the old one. `from` is only read. */
bool store_restore(const char *from, const struct store_options *to, struct error *err);

/* Removes what backups to `file`, or restores of the store at `file`, that were killed have left beside it. Each
 * backup and each restore does so. */
void store_sweep(const char *file);

/* Looks at every page, index and reference. `ret_findings` gets a line in English for each thing
 * that is wrong; nothing: the store is whole. False: it could not be looked at. Takes as long as
 * reading the whole store does, so give the reader a limit to match. A database server proves its own pages:
 * nothing is found there. */
bool store_integrity(struct db *db, struct strbuf *ret_findings, struct error *err);

#endif
