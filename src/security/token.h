/* Tokens. Access: a JWT (HS256, libjwt) of 15 minutes. Refresh, API and publishable tokens: 32 random
 * bytes, base64url, behind a prefix that tells their kind. Of refresh and API tokens the store keeps
 * the SHA-256 only; the publishable one stands in the merchant's web page and is no secret. */
#ifndef KIMONO_SECURITY_TOKEN_H
#define KIMONO_SECURITY_TOKEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/strbuf.h"

#define ACCESS_TOKEN_SECONDS 900
#define REFRESH_TOKEN_SECONDS (30 * 86400)
#define TOKEN_SIZE 96         /* of a random token with its prefix and NUL */
#define ACCESS_TOKEN_MAX 1024 /* bytes of a JWT; a longer one is not ours */
#define TOKEN_HASH_SIZE 32    /* SHA-256 */
#define SIGNING_KEY_SIZE 32

#define TOKEN_PREFIX_REFRESH "kmr_"
#define TOKEN_PREFIX_API "kma_"
#define TOKEN_PREFIX_PUBLISHABLE "kmp_"

struct access_claims {
    char user_id[40];
    char session_id[40];
    int64_t issued_at, expires_at; /* seconds since 1970 */
};

struct token_signer; /* holds the key and a bounded cache of verified tokens; thread-safe */

struct token_signer *token_signer_new(const unsigned char key[static SIGNING_KEY_SIZE]);
void token_signer_free(struct token_signer *signer); /* wipes the key; takes NULL */

bool token_sign(struct token_signer *signer, const struct access_claims *claims, struct strbuf *ret_token,
                struct error *err);
/* Signature, algorithm (HS256 only), nothing critical that we do not know (RFC 7515, 4.1.11), neither expired
 * nor ahead of its time (`nbf`) at `now_seconds`. ERROR_UNAUTHENTICATED says which of malformed, forged,
 * expired it is. One that was verified before costs a hash and a comparison. */
bool token_verify(struct token_signer *signer, const char *token, int64_t now_seconds,
                  struct access_claims *ret_claims, struct error *err);

void token_random(const char *prefix, char ret_token[static TOKEN_SIZE]);

/* A refresh token names its session, so that one that was used up is still known as that session's:
 * kmr_<session id>.<random>. Session ids are letters, digits and '_', at most 39. */
void token_refresh_make(const char *session_id, char ret_token[static TOKEN_SIZE]);
/* False when it has not that form; says nothing of whether it is good. */
bool token_refresh_parse(const char *token, char ret_session_id[static 40]);

/* The one that follows `token`, and no other, whoever asks: a hash of it with the key. So a token whose
 * answer was lost on the way can be answered once more with the same. */
void token_refresh_next(const struct token_signer *signer, const char *session_id, const char *token,
                        char ret_token[static TOKEN_SIZE]);

/* Some letters that tell this key, and `what`, from others; says nothing of either. */
#define TOKEN_MARK_SIZE 9
void token_mark(const struct token_signer *signer, const char *what, char ret_mark[static TOKEN_MARK_SIZE]);

/* Stands for a text that is not to be written down: the same for all who have this key, and nobody else can tell
 * from it what it was, or make it. */
#define TOKEN_PSEUDONYM_SIZE 33
void token_pseudonym(const struct token_signer *signer, const char *what,
                     char ret_pseudonym[static TOKEN_PSEUDONYM_SIZE]);

void token_hash(const char *token, unsigned char ret_hash[static TOKEN_HASH_SIZE]);

/* Reads the signing key from a file (64 hexadecimal digits, mode 0600, else refused), or makes it, as
 * a whole and for one process only, at the first start. */
bool token_key_load(const char *path, unsigned char ret_key[static SIGNING_KEY_SIZE], struct error *err);

#endif
