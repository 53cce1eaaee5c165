#include "security/password.h"

#include <errno.h>
#include <pthread.h>
#include <sodium.h>
#include <string.h>

#include "base/log.h"
#include "base/memory.h"
#include "base/utf8.h"

#define PASSES 2
#define MEMORY_BYTES ((size_t)19456 << 10)
#define RETRY_SECONDS 5

_Static_assert(PASSWORD_HASH_SIZE >= crypto_pwhash_STRBYTES, "room for libsodium's text form");

/* What an unknown user's password is compared with, so that it takes as long as a known one's. Salt and hash
 * are all zero bits: no password is known that has it, and a match would not count. */
static const char nobodys_hash[] = "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA"
                                   "$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void prepare(void)
{
    if (sodium_init() < 0)
        fatal("libsodium does not start: the operating system gives no random bytes");
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

static bool no_memory(const char *what_en, const char *what_zh, struct error *err)
{
    error_set(err, ERROR_UNAVAILABLE, "Not enough memory to %s; try again shortly.%.0s",
              "%.0s内存不足，暂时无法%s，请稍后重试。", what_en, what_zh);
    if (err)
        err->retry_after_seconds = RETRY_SECONDS;
    log_error("security",
              "no %zu MiB of memory to %s: give the process more (MemoryMax=, ulimit -v), or fewer "
              "KIMONO_WORKERS",
              MEMORY_BYTES >> 20, what_en);
    return false;
}

bool password_hash(const char *password, char ret_hash[static PASSWORD_HASH_SIZE], struct error *err)
{
    if (!password_check(password, err))
        return false;
    pthread_once(&once, prepare);
    char hash[PASSWORD_HASH_SIZE] = {0};
    if (crypto_pwhash_str_alg(hash, password, strlen(password), PASSES, MEMORY_BYTES,
                              crypto_pwhash_ALG_ARGON2ID13) != 0)
        return no_memory("hash a password", "计算密码散列", err);
    memcpy(ret_hash, hash, sizeof(hash));
    return true;
}

/* libsodium says EINVAL for a password that differs and for a text that is no hash, and something else, or
 * nothing, when it could not compute. */
bool password_verify(const char *password, const char *hash, bool *ret_same, struct error *err)
{
    pthread_once(&once, prepare);
    errno = 0;
    bool same = crypto_pwhash_str_verify(hash ? hash : nobodys_hash, password, strlen(password)) == 0;
    if (!same && errno != EINVAL)
        return no_memory("check a password", "校验密码", err);
    *ret_same = same && hash != NULL;
    return true;
}
