#include "security/token.h"

#include <errno.h>
#include <jwt.h>
#include <pthread.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <xxhash.h>

#include "base/identifier.h"
#include "base/json_reader.h"
#include "base/memory.h"
#include "security/secret_file.h"

/* The cache of verified tokens: sets of WAYS places, each set with a lock of its own. Checking a
 * signature and reading its JSON costs some 10 µs; most requests bring a token that the last one
 * brought. Only the text of a token that was verified gets in, and only the same text gets out. */
#define SETS 1024
#define WAYS 4
#define SECRET_SIZE 192 /* XXH3's own default */

struct cached_token {
    XXH128_hash_t hash;
    char *text; /* NULL: the place is free */
    size_t length;
    struct access_claims claims;
};

struct cache_set {
    pthread_mutex_t lock;
    struct cached_token ways[WAYS];
};

struct token_signer {
    unsigned char key[SIGNING_KEY_SIZE];
    unsigned char hash_secret[SECRET_SIZE]; /* nobody outside can choose which tokens share a hash */
    struct cache_set sets[SETS];
};

struct token_signer *token_signer_new(const unsigned char key[static SIGNING_KEY_SIZE])
{
    struct token_signer *signer = xcalloc(1, sizeof(*signer));
    memcpy(signer->key, key, sizeof(signer->key));
    random_bytes(signer->hash_secret, sizeof(signer->hash_secret));
    for (size_t i = 0; i < SETS; i++)
        pthread_mutex_init(&signer->sets[i].lock, NULL);
    return signer;
}

static void cached_token_forget(struct cached_token *cached)
{
    if (cached->text)
        sodium_memzero(cached->text, cached->length);
    free(cached->text);
    cached->text = NULL;
}

void token_signer_free(struct token_signer *signer)
{
    if (!signer)
        return;
    for (size_t i = 0; i < SETS; i++) {
        for (size_t way = 0; way < WAYS; way++)
            cached_token_forget(&signer->sets[i].ways[way]);
        pthread_mutex_destroy(&signer->sets[i].lock);
    }
    sodium_memzero(signer, sizeof(*signer));
    free(signer);
}

static bool token_cache_find(struct token_signer *signer, XXH128_hash_t hash, const char *token,
                             size_t length, struct access_claims *ret_claims)
{
    struct cache_set *set = &signer->sets[hash.low64 % SETS];
    bool found = false;
    pthread_mutex_lock(&set->lock);
    for (size_t way = 0; way < WAYS && !found; way++) {
        const struct cached_token *cached = &set->ways[way];
        found = cached->text && cached->length == length && XXH128_isEqual(cached->hash, hash) &&
                memcmp(cached->text, token, length) == 0;
        if (found)
            *ret_claims = cached->claims;
    }
    pthread_mutex_unlock(&set->lock);
    return found;
}

/* A full set gives up the token that expires first. */
static struct cached_token *token_cache_place(struct cache_set *set, XXH128_hash_t hash)
{
    struct cached_token *place = &set->ways[0];
    for (size_t way = 0; way < WAYS; way++) {
        struct cached_token *cached = &set->ways[way];
        if (!cached->text || XXH128_isEqual(cached->hash, hash))
            return cached;
        if (cached->claims.expires_at < place->claims.expires_at)
            place = cached;
    }
    return place;
}

static void token_cache_put(struct token_signer *signer, XXH128_hash_t hash, const char *token, size_t length,
                            const struct access_claims *claims)
{
    struct cache_set *set = &signer->sets[hash.low64 % SETS];
    char *copy = xmalloc(length);
    memcpy(copy, token, length);
    pthread_mutex_lock(&set->lock);
    struct cached_token *place = token_cache_place(set, hash);
    cached_token_forget(place);
    *place = (struct cached_token){.hash = hash, .text = copy, .length = length, .claims = *claims};
    pthread_mutex_unlock(&set->lock);
}

static void jwt_release(jwt_t **jwt)
{
    if (*jwt)
        jwt_free(*jwt);
}

bool token_sign(struct token_signer *signer, const struct access_claims *claims, struct strbuf *ret_token,
                struct error *err)
{
    CLEANUP(jwt_release) jwt_t *jwt = NULL;
    CLEANUP(free_pointer) char *text = NULL;
    if (jwt_new(&jwt) == 0 && jwt_add_grant(jwt, "sub", claims->user_id) == 0 &&
        jwt_add_grant(jwt, "sid", claims->session_id) == 0 &&
        jwt_add_grant_int(jwt, "iat", (long)claims->issued_at) == 0 &&
        jwt_add_grant_int(jwt, "exp", (long)claims->expires_at) == 0 &&
        jwt_set_alg(jwt, JWT_ALG_HS256, signer->key, SIGNING_KEY_SIZE) == 0)
        text = jwt_encode_str(jwt);
    if (!text)
        return error_set(err, ERROR_INTERNAL, "The access token cannot be signed.", "无法签发访问令牌。");
    strbuf_puts(ret_token, text);
    return true;
}

static bool token_refuse(struct error *err, const char *en, const char *zh)
{
    return error_set(err, ERROR_UNAUTHENTICATED, "The access token is %s%.0s.", "访问令牌%.0s%s。", en, zh);
}

static bool token_claim_text(jwt_t *jwt, const char *name, char ret_text[static 40])
{
    const char *text = jwt_get_grant(jwt, name);
    size_t length = text ? strlen(text) : 0;
    if (length == 0 || length >= 40)
        return false;
    memcpy(ret_text, text, length + 1);
    return true;
}

static bool token_claim_seconds(jwt_t *jwt, const char *name, int64_t *ret_seconds)
{
    errno = 0;
    *ret_seconds = jwt_get_grant_int(jwt, name);
    return errno == 0 && *ret_seconds > 0;
}

/* No token of ours has either of the two; one that has was made by somebody else who has the key, and means
 * it. Both are JSON objects. */
static bool token_check_conditions(jwt_t *jwt, int64_t now_seconds, struct error *err)
{
    CLEANUP(free_pointer) char *header = jwt_get_headers_json(jwt, NULL);
    CLEANUP(free_pointer) char *claims = jwt_get_grants_json(jwt, NULL);
    CLEANUP(json_delete) cJSON *header_members = cJSON_Parse(header ? header : "");
    CLEANUP(json_delete) cJSON *claim_members = cJSON_Parse(claims ? claims : "");
    if (!header_members || !claim_members)
        return token_refuse(err, "malformed", "格式错误");
    if (cJSON_HasObjectItem(header_members, "crit"))
        return token_refuse(err, "of a kind that is not known here: it has critical extensions",
                            "含有此处未知的关键扩展（crit）");
    const cJSON *nbf = cJSON_GetObjectItemCaseSensitive(claim_members, "nbf");
    int64_t not_before = 0;
    if (nbf && !json_is_integer(nbf, &not_before))
        return token_refuse(err, "malformed: nbf is no time", "格式错误：nbf 不是时间");
    return now_seconds >= not_before || token_refuse(err, "not valid yet", "尚未生效");
}

/* Everything but the expiry, which goes on being asked of a cached token. */
static bool token_verify_signature(struct token_signer *signer, const char *token, int64_t now_seconds,
                                   struct access_claims *ret_claims, struct error *err)
{
    CLEANUP(jwt_release) jwt_t *jwt = NULL;
    if (jwt_decode(&jwt, token, signer->key, SIGNING_KEY_SIZE) != 0) {
        jwt = NULL; /* only to tell the two reasons apart: parsed, never used */
        bool well_formed = jwt_decode(&jwt, token, NULL, 0) == 0;
        return well_formed ? token_refuse(err, "forged or signed with another key", "系伪造或由其他密钥签发")
                           : token_refuse(err, "malformed", "格式错误");
    }
    if (jwt_get_alg(jwt) != JWT_ALG_HS256)
        return token_refuse(err, "forged: its algorithm is not HS256", "系伪造：算法不是 HS256");
    struct access_claims claims = {0};
    if (!token_claim_text(jwt, "sub", claims.user_id) || !token_claim_text(jwt, "sid", claims.session_id) ||
        !token_claim_seconds(jwt, "iat", &claims.issued_at) ||
        !token_claim_seconds(jwt, "exp", &claims.expires_at))
        return token_refuse(err, "malformed: a claim is missing", "格式错误：缺少声明");
    *ret_claims = claims;
    return token_check_conditions(jwt, now_seconds, err);
}

bool token_verify(struct token_signer *signer, const char *token, int64_t now_seconds,
                  struct access_claims *ret_claims, struct error *err)
{
    size_t length = strnlen(token, ACCESS_TOKEN_MAX + 1);
    if (length > ACCESS_TOKEN_MAX)
        return token_refuse(err, "malformed: too long", "格式错误：过长");
    XXH128_hash_t hash = XXH3_128bits_withSecret(token, length, signer->hash_secret, SECRET_SIZE);
    struct access_claims claims;
    bool cached = token_cache_find(signer, hash, token, length, &claims);
    if (!cached && !token_verify_signature(signer, token, now_seconds, &claims, err))
        return false;
    if (now_seconds >= claims.expires_at)
        return token_refuse(err, "expired", "已过期");
    if (!cached)
        token_cache_put(signer, hash, token, length, &claims);
    *ret_claims = claims;
    return true;
}

/* 32 random bytes as base64url, 43 characters, at the end of `text`. */
static void token_append_random(char text[static TOKEN_SIZE], size_t at)
{
    unsigned char bytes[32];
    random_bytes(bytes, sizeof(bytes));
    sodium_bin2base64(text + at, TOKEN_SIZE - at, bytes, sizeof(bytes),
                      sodium_base64_VARIANT_URLSAFE_NO_PADDING);
    sodium_memzero(bytes, sizeof(bytes));
}

void token_random(const char *prefix, char ret_token[static TOKEN_SIZE])
{
    size_t length = strnlen(prefix, 8);
    memcpy(ret_token, prefix, length);
    token_append_random(ret_token, length);
}

void token_refresh_make(const char *session_id, char ret_token[static TOKEN_SIZE])
{
    int length = snprintf(ret_token, TOKEN_SIZE, "%s%.39s.", TOKEN_PREFIX_REFRESH, session_id);
    token_append_random(ret_token, (size_t)length);
}

/* What is signed begins with its purpose, so that no hash serves another. */
static void token_hash_with_key(const struct token_signer *signer, const char *purpose, const char *text,
                                unsigned char ret_hash[static crypto_auth_hmacsha256_BYTES])
{
    crypto_auth_hmacsha256_state state;
    crypto_auth_hmacsha256_init(&state, signer->key, sizeof(signer->key));
    crypto_auth_hmacsha256_update(&state, (const unsigned char *)purpose, strlen(purpose) + 1);
    crypto_auth_hmacsha256_update(&state, (const unsigned char *)text, strlen(text));
    crypto_auth_hmacsha256_final(&state, ret_hash);
}

void token_refresh_next(const struct token_signer *signer, const char *session_id, const char *token,
                        char ret_token[static TOKEN_SIZE])
{
    unsigned char hash[crypto_auth_hmacsha256_BYTES];
    token_hash_with_key(signer, "kimono refresh token", token, hash);
    int length = snprintf(ret_token, TOKEN_SIZE, "%s%.39s.", TOKEN_PREFIX_REFRESH, session_id);
    sodium_bin2base64(ret_token + length, TOKEN_SIZE - (size_t)length, hash, sizeof(hash),
                      sodium_base64_VARIANT_URLSAFE_NO_PADDING);
    sodium_memzero(hash, sizeof(hash));
}

void token_mark(const struct token_signer *signer, const char *what, char ret_mark[static TOKEN_MARK_SIZE])
{
    unsigned char hash[crypto_auth_hmacsha256_BYTES];
    token_hash_with_key(signer, "kimono mark", what, hash);
    sodium_bin2hex(ret_mark, TOKEN_MARK_SIZE, hash, (TOKEN_MARK_SIZE - 1) / 2);
}

void token_pseudonym(const struct token_signer *signer, const char *what,
                     char ret_pseudonym[static TOKEN_PSEUDONYM_SIZE])
{
    unsigned char hash[crypto_auth_hmacsha256_BYTES];
    token_hash_with_key(signer, "kimono pseudonym", what, hash);
    sodium_bin2hex(ret_pseudonym, TOKEN_PSEUDONYM_SIZE, hash, (TOKEN_PSEUDONYM_SIZE - 1) / 2);
}

bool token_refresh_parse(const char *token, char ret_session_id[static 40])
{
    static const char id_characters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_";
    static const char base64_characters[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-";
    size_t prefix = strlen(TOKEN_PREFIX_REFRESH);
    if (strncmp(token, TOKEN_PREFIX_REFRESH, prefix) != 0)
        return false;
    const char *id = token + prefix;
    size_t id_length = strspn(id, id_characters);
    if (id_length == 0 || id_length >= 40 || id[id_length] != '.')
        return false;
    const char *random = id + id_length + 1;
    size_t random_length = strspn(random, base64_characters);
    if (random_length != 43 || random[random_length])
        return false;
    memcpy(ret_session_id, id, id_length);
    ret_session_id[id_length] = '\0';
    return true;
}

void token_hash(const char *token, unsigned char ret_hash[static TOKEN_HASH_SIZE])
{
    crypto_hash_sha256(ret_hash, (const unsigned char *)token, strlen(token));
}

static bool signing_key_parse(const char *path, const char *text,
                              unsigned char ret_key[static SIGNING_KEY_SIZE], struct error *err)
{
    unsigned char key[SIGNING_KEY_SIZE];
    size_t length = 0;
    bool read = sodium_hex2bin(key, sizeof(key), text, strlen(text), NULL, &length, NULL) == 0;
    if (!read || length != sizeof(key) || strlen(text) != 2 * sizeof(key))
        return error_set(err, ERROR_INTERNAL,
                         "%.200s: not a signing key (64 hexadecimal digits); restore it, or delete it and "
                         "everybody has to log in again",
                         "%.200s：不是签名密钥（应为 64 个十六进制数字）；请恢复该文件，"
                         "或删除它（所有人须重新登录）",
                         path);
    memcpy(ret_key, key, sizeof(key));
    sodium_memzero(key, sizeof(key));
    return true;
}

static bool signing_key_make_file(const char *path, struct error *err)
{
    unsigned char key[SIGNING_KEY_SIZE];
    char text[2 * SIGNING_KEY_SIZE + 2];
    random_bytes(key, sizeof(key));
    sodium_bin2hex(text, sizeof(text), key, sizeof(key));
    text[sizeof(text) - 2] = '\n';
    text[sizeof(text) - 1] = '\0';
    bool made; /* false: another process was quicker, and its key is the one */
    bool done = secret_file_make(path, text, &made, err);
    sodium_memzero(key, sizeof(key));
    sodium_memzero(text, sizeof(text));
    return done;
}

bool token_key_load(const char *path, unsigned char ret_key[static SIGNING_KEY_SIZE], struct error *err)
{
    char text[2 * SIGNING_KEY_SIZE + 8];
    bool exists = true;
    secret_file_sweep(path);
    bool read = secret_file_read(path, text, sizeof(text), &exists, err);
    if (!read && !exists) {
        error_clear(err);
        read = signing_key_make_file(path, err) && secret_file_read(path, text, sizeof(text), NULL, err);
    }
    bool loaded = read && signing_key_parse(path, text, ret_key, err);
    sodium_memzero(text, sizeof(text));
    return loaded;
}
