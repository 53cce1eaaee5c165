/* Passwords: Argon2id by libsodium, 19 MiB and 2 passes (OWASP's first choice), some 30 ms: never on
 * an I/O thread. */
#ifndef KIMONO_SECURITY_PASSWORD_H
#define KIMONO_SECURITY_PASSWORD_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

#define PASSWORD_HASH_SIZE 128
#define PASSWORD_MIN 8
#define PASSWORD_MAX 256

/* The rule for new ones: length, UTF-8, none of the common ones, and nothing made of the product's name or of
 * what the person is called: `username` and `tenant_id`, each NULL if there is none. The wrong ones are named
 * as field "password". */
bool password_check(const char *password, const char *username, const char *tenant_id, struct error *err);

/* Whether it is a good one is password_check's. ERROR_UNAVAILABLE: not enough memory. */
bool password_hash(const char *password, char ret_hash[static PASSWORD_HASH_SIZE], struct error *err);

/* `hash` NULL (no such user) takes the same time and is not the same. ERROR_UNAVAILABLE: there was no memory
 * to tell; that says nothing about the password. */
bool password_verify(const char *password, const char *hash, bool *ret_same, struct error *err);

#endif
