/* Sessions that were good when last looked at, each with the stamp of the store at that time
 * (store_get_stamp): as long as nobody has committed anything, what was read is still true, and a request
 * costs no read. So a disabled user, a log-out, a suspended tenant still take effect at once, whichever
 * process brought them about. Thread-safe, of fixed size. */
#ifndef KIMONO_PLATFORM_IDENTITY_PRINCIPAL_CACHE_H
#define KIMONO_PLATFORM_IDENTITY_PRINCIPAL_CACHE_H

#include "platform/identity/auth.h"
#include "store/store.h"

struct principal_cache;

struct principal_cache *principal_cache_new(void);
void principal_cache_free(struct principal_cache *cache); /* takes NULL */

/* The session's principal, if it was put there at this very stamp and has not expired. */
bool principal_cache_get(struct principal_cache *cache, const char *session_id,
                         const struct store_stamp *stamp, int64_t now, struct arena *arena,
                         struct principal *ret_principal);

/* `stamp` was taken before the session was read. What is too long to be kept is not kept. */
void principal_cache_put(struct principal_cache *cache, const struct principal *principal, int64_t expires_at,
                         const struct store_stamp *stamp);

#endif
