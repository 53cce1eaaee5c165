#include "security/password.h"

#include <pthread.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/memory.h"
#include "base/utf8.h"
#include "security/common_passwords.h"

#define PASSES 2
#define MEMORY_BYTES ((size_t)19456 << 10)
#define HASH_BYTES 32 /* that libsodium makes */
#define RETRY_SECONDS 5

_Static_assert(PASSWORD_HASH_SIZE >= crypto_pwhash_STRBYTES, "room for libsodium's text form");

/* What an unknown user's password is compared with, so that it takes as long as a known one's. Salt and hash
 * are all zero bits: no password is known that has it, and a match would not count. */
static const char nobodys_hash[] = "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA"
                                   "$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void password_prepare(void)
{
    if (sodium_init() < 0)
        fatal("libsodium does not start: the operating system gives no random bytes");
}

bool password_check(const char *password, const char *username, const char *tenant_id, struct error *err)
{
    size_t length = strlen(password);
    if (length < PASSWORD_MIN || length > PASSWORD_MAX)
        return error_add_field(err, "password", "%d to %d bytes, please", "长度须为 %d 到 %d 字节",
                               PASSWORD_MIN, PASSWORD_MAX);
    if (!utf8_valid(password, length))
        return error_add_field(err, "password", "not UTF-8", "不是 UTF-8 编码");
    const char *const names[] = {username, tenant_id, "kimono"};
    if (password_is_common(password, names, ARRAY_SIZE(names)))
        return error_add_field(
            err, "password",
            "is one of those that are tried first: common, a walk over the keyboard, a date, or "
            "a name; take several words",
            "过于常见：常用密码、键盘顺序、日期或名称最先被人猜到，请改用几个词组成的密码");
    return true;
}

static bool password_no_memory(const char *what_en, const char *what_zh, struct error *err)
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
    pthread_once(&once, password_prepare);
    char hash[PASSWORD_HASH_SIZE] = {0};
    if (crypto_pwhash_str_alg(hash, password, strlen(password), PASSES, MEMORY_BYTES,
                              crypto_pwhash_ALG_ARGON2ID13) != 0)
        return password_no_memory("hash a password", "计算密码散列", err);
    memcpy(ret_hash, hash, sizeof(hash));
    return true;
}

/* The parts of "$argon2id$v=19$m=19456,t=2,p=1$SALT$HASH". */
struct parts {
    unsigned memory_kib, passes;
    unsigned char salt[crypto_pwhash_SALTBYTES], hash[HASH_BYTES];
};

static bool parse_base64(const char *text, size_t length, unsigned char *ret_bytes, size_t size)
{
    size_t got;
    return sodium_base642bin(ret_bytes, size, text, length, NULL, &got, NULL,
                             sodium_base64_VARIANT_ORIGINAL_NO_PADDING) == 0 &&
           got == size;
}

static bool parse_password_hash(const char *text, struct parts *ret_parts)
{
    int head = 0;
    if (sscanf(text, "$argon2id$v=19$m=%u,t=%u,p=1$%n", &ret_parts->memory_kib, &ret_parts->passes, &head) !=
            2 ||
        head == 0)
        return false;
    const char *salt = text + head, *hash = strchr(salt, '$');
    return hash && parse_base64(salt, (size_t)(hash - salt), ret_parts->salt, sizeof(ret_parts->salt)) &&
           parse_base64(hash + 1, strlen(hash + 1), ret_parts->hash, sizeof(ret_parts->hash));
}

/* Not by crypto_pwhash_str_verify, to which a password that differs and memory that is not there are one. */
bool password_verify(const char *password, const char *hash, bool *ret_same, struct error *err)
{
    pthread_once(&once, password_prepare);
    struct parts parts;
    unsigned char computed[HASH_BYTES];
    bool known = hash && parse_password_hash(hash, &parts);
    if (!known && !parse_password_hash(nobodys_hash, &parts))
        return error_set(err, ERROR_INTERNAL, "The hash of nobody cannot be read.", "无法解析占位散列。");
    if (crypto_pwhash(computed, sizeof(computed), password, strlen(password), parts.salt, parts.passes,
                      (size_t)parts.memory_kib << 10, crypto_pwhash_ALG_ARGON2ID13) != 0)
        return password_no_memory("check a password", "校验密码", err);
    bool same = sodium_memcmp(computed, parts.hash, sizeof(computed)) == 0;
    sodium_memzero(computed, sizeof(computed));
    *ret_same = same && known;
    return true;
}
