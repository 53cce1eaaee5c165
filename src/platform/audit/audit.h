/* The audit log (ops_logs): who changed what, with before, after and reason, written in the
 * transaction of the change itself. Each row's chain_hash is the SHA-256 of the row before's hash and
 * of this row, so that a row altered or removed later breaks the chain; the row 'audit_head' of meta
 * holds the number of rows and the newest hash, so that the last row cannot go missing either.
 *
 * Hashed are, in this order: the 32 bytes of the row before's hash (zeros for the first row), then
 * timestamp (as decimal digits), user_id, username, action, target_type, target_id, details,
 * ip_address, request_id, result; each of these ten as its length in bytes, eight bytes with the
 * highest first, and its bytes. The chain goes in the order of id. */
#ifndef KIMONO_PLATFORM_AUDIT_AUDIT_H
#define KIMONO_PLATFORM_AUDIT_AUDIT_H

#include "base/strbuf.h"
#include "store/store.h"

/* Who does something. Texts are lent. The system itself: actor_system. */
struct actor {
    const char *user_id, *username;
    const char *ip_address, *request_id; /* "" when there is none */
};
extern const struct actor actor_system;
/* Someone at the command line: user_id "", username "cli:<login name>"; the text is static. */
struct actor actor_command_line(void);

struct audit_entry {
    const char *action;      /* tenant.create, user.disable, auth.login … */
    const char *target_type; /* tenant, user, qa_pair … */
    const char *target_id;
    const char *before, *after; /* JSON objects or NULL; secrets never */
    const char *reason;         /* NULL: none was given */
    const char *result;         /* NULL: "done"; else "refused", "failed" */
};

/* Appends within the writer's transaction. `before` and `after` must be JSON: they are vouched for. */
bool audit_append(struct db *db, const struct actor *actor, const struct audit_entry *entry,
                  struct error *err);
/* The same as of another instant, for platform/chat/backfill.h. */
bool audit_append_at(struct db *db, int64_t at, const struct actor *actor, const struct audit_entry *entry,
                     struct error *err);
/* Appends in a transaction of its own: for what changes nothing else (a refused log-in). */
bool audit_note(struct store *store, const struct actor *actor, const struct audit_entry *entry,
                struct error *err);
/* The chain's head: how many rows there are, and the newest one's hash (zeros while there is none). */
#define AUDIT_HASH_HEX 64
struct audit_head {
    int64_t rows;
    char hash[AUDIT_HASH_HEX + 1];
};
bool audit_head_get(struct db *db, struct audit_head *ret_head, struct error *err);
/* Follows the chain from the first row; each break is a line in `ret_findings`. May run while rows are
 * being added. */
bool audit_check(struct db *db, struct strbuf *ret_findings, struct error *err);

#endif
