/* The head of the audit chain outside of the store: how many rows there are and the newest hash, once a day. Whoever
 * changes the store could make the whole chain anew; a head that is kept elsewhere is then none of its rows' hashes,
 * and `kimono check` says so of those in the file.
 *
 * Where to: `audit_head_file`, to whose end a line is added (mode 0600 when made; best on another machine's disk), and
 * `audit_head_webhook`, which is sent {"kind":"audit_head","at","rows","hash"} by POST. Each is tried every hour until it
 * is done for the day of the store's zone. */
#ifndef KIMONO_PLATFORM_AUDIT_AUDIT_HEAD_H
#define KIMONO_PLATFORM_AUDIT_AUDIT_HEAD_H

#include "base/strbuf.h"
#include "store/store.h"

/* An empty `file` or `webhook`: none. `ret_sent`: to how many it was given out now. Fails if one of them failed. */
bool audit_head_send(struct store *store, const char *file, const char *webhook, int *ret_sent,
                     struct error *err);

/* Whether each head in the file is that of the chain: a line in `ret_findings` for each that is not. A file that is not
 * there, or lines that are none of heads, are findings, too. */
bool audit_head_check(struct db *db, const char *file, struct strbuf *ret_findings, struct error *err);

#endif
