#include "security/password.h"

#include <pthread.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"

#define PASSES 2
#define MEMORY_BYTES ((size_t)19456 << 10)

_Static_assert(PASSWORD_HASH_SIZE >= crypto_pwhash_STRBYTES, "room for libsodium's text form");

/* What an unknown user's password is compared with, so that it takes as long as a known one's. */
static char nobodys_hash[PASSWORD_HASH_SIZE];
static pthread_once_t once = PTHREAD_ONCE_INIT;

static bool make_hash(const char *password, char ret_hash[static PASSWORD_HASH_SIZE])
{
    return crypto_pwhash_str_alg(ret_hash, password, strlen(password), PASSES, MEMORY_BYTES,
                                 crypto_pwhash_ALG_ARGON2ID13) == 0;
}

static void prepare(void)
{
    unsigned char bytes[24];
    char password[sizeof(bytes) * 2 + 1];
    if (sodium_init() < 0)
        abort(); /* no random numbers: nothing here would be safe */
    randombytes_buf(bytes, sizeof(bytes));
    sodium_bin2hex(password, sizeof(password), bytes, sizeof(bytes));
    if (!make_hash(password, nobodys_hash))
        abort(); /* out of memory: base/memory.h */
}

bool password_check(const char *password, struct error *err)
{
    size_t length = strlen(password);
    if (length < PASSWORD_MIN || length > PASSWORD_MAX)
        return error_add_field(err, "password", "%d to %d bytes, please", "长度须为 %d 到 %d 字节",
                               PASSWORD_MIN, PASSWORD_MAX);
    if (!utf8_valid(password, length))
        return error_add_field(err, "password", "not UTF-8", "不是 UTF-8 编码");
    return true;
}

bool password_hash(const char *password, char ret_hash[static PASSWORD_HASH_SIZE], struct error *err)
{
    if (!password_check(password, err))
        return false;
    pthread_once(&once, prepare);
    char hash[PASSWORD_HASH_SIZE] = {0};
    if (!make_hash(password, hash))
        return error_set(err, ERROR_UNAVAILABLE, "Not enough memory to hash a password; try again.",
                         "内存不足，无法计算密码散列，请重试。");
    memcpy(ret_hash, hash, sizeof(hash));
    return true;
}

bool password_verify(const char *password, const char *hash)
{
    pthread_once(&once, prepare);
    bool same = crypto_pwhash_str_verify(hash ? hash : nobodys_hash, password, strlen(password)) == 0;
    return same && hash != NULL;
}
