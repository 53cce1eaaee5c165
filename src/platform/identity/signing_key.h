/* The key that signs access tokens, the same for all processes that serve a store: beside an embedded store a file
 * that only its user can read, else a row of the store itself, whose readers can therefore make tokens. */
#ifndef KIMONO_PLATFORM_IDENTITY_SIGNING_KEY_H
#define KIMONO_PLATFORM_IDENTITY_SIGNING_KEY_H

#include "security/token.h"
#include "store/store.h"

/* Reads it, or makes it, once for all, at the first start. `path` NULL: in the store. */
bool signing_key_load(struct store *store, const char *path, unsigned char ret_key[static SIGNING_KEY_SIZE],
                      struct error *err);

#endif
