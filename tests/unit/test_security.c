/* Passwords, tokens, rate limits, redaction, secret files. */
#include <errno.h>
#include <jwt.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <utime.h>

#include <cmocka.h>

#include "base/memory.h"
#include "security/password.h"
#include "security/rate_limit.h"
#include "security/redaction.h"
#include "security/secret_file.h"
#include "security/token.h"

#define NOW 1795330106

static char folder[64];

static int make_folder(void **state)
{
    (void)state;
    snprintf(folder, sizeof(folder), "/tmp/kimono-security-XXXXXX");
    return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
    (void)state;
    char command[128];
    snprintf(command, sizeof(command), "rm -rf '%s'", folder);
    return system(command);
}

static const char *path_of(const char *name)
{
    static char path[128];
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    return path;
}

static void write_file(const char *path, const char *text, mode_t mode)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
    assert_int_equal(chmod(path, mode), 0);
}

/* --- passwords */

static bool is_password(const char *password, const char *hash)
{
    struct error err;
    bool same = false;
    assert_true(password_verify(password, hash, &same, &err));
    return same;
}

static void test_password(void **state)
{
    (void)state;
    struct error err;
    char hash[PASSWORD_HASH_SIZE], other[PASSWORD_HASH_SIZE];
    error_clear(&err);
    assert_true(password_hash("correct horse 电池", hash, &err));
    assert_true(password_hash("correct horse 电池", other, &err));
    assert_string_not_equal(hash, other);
    assert_non_null(strstr(hash, "$argon2id$v=19$m=19456,t=2,p=1$"));
    assert_true(is_password("correct horse 电池", hash));
    assert_false(is_password("correct horse 电", hash));
    assert_false(is_password("", hash));
    assert_false(is_password("correct horse 电池", NULL));
    assert_false(is_password("anything", "not a hash"));
}

static void test_password_rules(void **state)
{
    (void)state;
    char too_long[PASSWORD_MAX + 2];
    for (size_t i = 0; i < sizeof(too_long) - 1; i++)
        too_long[i] = (char)('a' + i * 7 % 26);
    too_long[sizeof(too_long) - 1] = '\0';
    const struct {
        const char *password;
        bool good;
    } cases[] = {
        {"", false},       {"1234567", false},   {"8 2 4 6!", true}, {"\xff\xfe 345678", false},
        {too_long, false}, {too_long + 1, true},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct error err;
        error_clear(&err);
        bool good = password_check(cases[i].password, NULL, NULL, &err);
        assert_int_equal(good, cases[i].good);
        assert_int_equal(err.code, good ? ERROR_NONE : ERROR_INVALID);
        if (!good)
            assert_string_equal(err.fields[0].field, "password");
    }
}

/* Of this thread: machines are busy. */
static double processor_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static double verify_seconds(const char *hash)
{
    double start = processor_seconds();
    for (int i = 0; i < 5; i++)
        is_password("some password", hash);
    return processor_seconds() - start;
}

/* Nobody's password must take as long as somebody's. */
static void test_password_time(void **state)
{
    (void)state;
    char hash[PASSWORD_HASH_SIZE];
    struct error err;
    assert_true(password_hash("some password", hash, &err));
    verify_seconds(NULL);
    double ratio = verify_seconds(NULL) / verify_seconds(hash);
    assert_true(ratio > 0.5 && ratio < 2);
}

static void test_common_passwords(void **state)
{
    (void)state;
    static const char *const common[] = {
        "password",      "Password1",    "PASSWORD123!", "p@ssw0rd",      "Passw0rd",     "12345678",
        "123456789",     "987654321",    "11111111",     "88888888",      "abcabcabc",    "12341234",
        "qwertyui",      "1qaz2wsx",     "1qaz@WSX",     "!QAZ2wsx",      "zaq12wsx",     "q1w2e3r4",
        "asdfghjk",      "qwer1234",     "1234qwer",     "abcd1234",      "qweasdzxc",    "147258369",
        "iloveyou",      "iloveyou2",    "sunshine",     "football",      "letmein1",     "trustno1",
        "admin123",      "admin@123",    "Admin888",     "administrator", "welcome1",     "changeme",
        "19900101",      "31121999",     "12311999",     "woaini1314",    "woaini520",    "5201314a",
        "a1234567",      "aa123456",     "qq123456",     "123456789a",    "wang19900101", "zhangwei88",
        "xiaoming1",     "5201314520",   "sakura1234",   "doraemon",      "kimono2026",   "Kimono!!1",
        "mei.lin@shop1", "Mei.Lin@Shop", "shop-001",     "SHOP-001!",     "pohs@nil.iem", "superman",
        "baseball1",     "princess",     "michael1",     "dragon2024",    "monkey123",    "fuckyou1",
        "00000000",      "zxcvbnm1",     "1q2w3e4r",     "qazwsxedc",     "asdf1234",
    };
    static const char *const good[] = {
        "correct horse 电池", "a good password",    "Passw0rd!admin", "for the browser tests",
        "another password",   "kimono rental desk", "tr0ub4dor&3",    "wombat-lantern",
        "今天天气很好啊",     "x7Gq2mPz",           "9182736450918",  "meilin and shops",
        "yx8wv7ut6s",         "blue monkey tree",   "浅草の雷門",
    };
    for (size_t i = 0; i < ARRAY_SIZE(common); i++) {
        struct error err;
        error_clear(&err);
        if (password_check(common[i], "mei.lin@shop", "shop-001", &err))
            fail_msg("taken: %s", common[i]);
        assert_string_equal(err.fields[0].field, "password");
    }
    for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
        struct error err;
        error_clear(&err);
        if (!password_check(good[i], "mei.lin@shop", "shop-001", &err))
            fail_msg("refused: %s", good[i]);
        assert_true(password_check(good[i], NULL, NULL, &err));
    }
}

/* --- tokens */

static const unsigned char key[SIGNING_KEY_SIZE] = "0123456789abcdef0123456789abcde";

static char *sign(struct token_signer *signer, const char *user, const char *session, int64_t expires)
{
    struct strbuf token = {0};
    struct error err;
    struct access_claims claims = {.issued_at = NOW - 10, .expires_at = expires};
    snprintf(claims.user_id, sizeof(claims.user_id), "%s", user);
    snprintf(claims.session_id, sizeof(claims.session_id), "%s", session);
    assert_true(token_sign(signer, &claims, &token, &err));
    return strbuf_detach(&token, NULL);
}

static void expect_refused(struct token_signer *signer, const char *token, int64_t now, const char *why)
{
    struct error err;
    struct access_claims claims;
    error_clear(&err);
    assert_false(token_verify(signer, token, now, &claims, &err));
    assert_int_equal(err.code, ERROR_UNAUTHENTICATED);
    if (!strstr(err.detail[LANGUAGE_EN], why))
        fail_msg("'%s' is not said in: %s", why, err.detail[LANGUAGE_EN]);
}

static void test_token(void **state)
{
    (void)state;
    struct token_signer *signer = token_signer_new(key);
    char *token = sign(signer, "usr_1", "ses_1", NOW + 900);
    for (int i = 0; i < 3; i++) { /* the second and third time from the cache */
        struct access_claims claims = {{0}, {0}, 0, 0};
        struct error err;
        assert_true(token_verify(signer, token, NOW, &claims, &err));
        assert_string_equal(claims.user_id, "usr_1");
        assert_string_equal(claims.session_id, "ses_1");
        assert_int_equal(claims.issued_at, NOW - 10);
        assert_int_equal(claims.expires_at, NOW + 900);
    }
    expect_refused(signer, token, NOW + 900, "expired"); /* cached, and yet */
    expect_refused(signer, token, NOW + 9000, "expired");
    char *old = sign(signer, "usr_1", "ses_1", NOW - 1);
    expect_refused(signer, old, NOW, "expired");
    expect_refused(signer, old, NOW, "expired");
    free(old);
    free(token);
    token_signer_free(signer);
}

static void test_token_refused(void **state)
{
    (void)state;
    struct token_signer *signer = token_signer_new(key);
    unsigned char other_key[SIGNING_KEY_SIZE] = "another key, 32 bytes of it, yes";
    struct token_signer *other = token_signer_new(other_key);
    char *good = sign(signer, "usr_1", "ses_1", NOW + 900),
         *forged = sign(other, "usr_1", "ses_1", NOW + 900);
    struct access_claims claims;
    struct error err;
    assert_true(token_verify(signer, good, NOW, &claims, &err));
    expect_refused(signer, forged, NOW, "forged");
    for (size_t i = 0; i < strlen(good); i++) { /* a character changed anywhere */
        char *changed = xstrdup(good);
        changed[i] = changed[i] == 'A' ? 'B' : 'A';
        if (token_verify(signer, changed, NOW, &claims, &err))
            fail_msg("accepted with character %zu changed: %s", i, changed);
        free(changed);
    }
    char huge[4000];
    memset(huge, 'a', sizeof(huge) - 1);
    huge[sizeof(huge) - 1] = '\0';
    const char *const malformed[] = {"",
                                     ".",
                                     "..",
                                     "...",
                                     "a",
                                     "a.b.c",
                                     "kma_1234",
                                     "eyJhbGciOiJIUzI1NiJ9",
                                     "eyJhbGciOiJIUzI1NiJ9.e30",
                                     "\xff\xfe.\x01.\x02",
                                     huge};
    for (size_t i = 0; i < ARRAY_SIZE(malformed); i++)
        expect_refused(signer, malformed[i], NOW, "malformed");
    free(good);
    free(forged);
    token_signer_free(signer);
    token_signer_free(other);
    token_signer_free(NULL);
}

/* A token made by hand, with whatever algorithm and claims. */
static char *handmade(jwt_alg_t algorithm, const char *subject, const char *session, long issued,
                      long expires)
{
    jwt_t *jwt;
    assert_int_equal(jwt_new(&jwt), 0);
    if (subject)
        jwt_add_grant(jwt, "sub", subject);
    if (session)
        jwt_add_grant(jwt, "sid", session);
    if (issued)
        jwt_add_grant_int(jwt, "iat", issued);
    if (expires)
        jwt_add_grant_int(jwt, "exp", expires);
    assert_int_equal(jwt_set_alg(jwt, algorithm, algorithm ? key : NULL, algorithm ? SIGNING_KEY_SIZE : 0),
                     0);
    char *token = jwt_encode_str(jwt);
    jwt_free(jwt);
    return token;
}

static void test_token_algorithms_and_claims(void **state)
{
    (void)state;
    const char *forty = "0123456789012345678901234567890123456789";
    const struct {
        jwt_alg_t algorithm;
        const char *subject, *session;
        long issued, expires;
        bool good;
    } cases[] = {
        {JWT_ALG_HS256, "usr_1", "ses_1", NOW, NOW + 9, true},
        {JWT_ALG_NONE, "usr_1", "ses_1", NOW, NOW + 9, false},
        {JWT_ALG_HS384, "usr_1", "ses_1", NOW, NOW + 9, false},
        {JWT_ALG_HS512, "usr_1", "ses_1", NOW, NOW + 9, false},
        {JWT_ALG_HS256, NULL, "ses_1", NOW, NOW + 9, false},
        {JWT_ALG_HS256, "", "ses_1", NOW, NOW + 9, false},
        {JWT_ALG_HS256, forty, "ses_1", NOW, NOW + 9, false},
        {JWT_ALG_HS256, "usr_1", NULL, NOW, NOW + 9, false},
        {JWT_ALG_HS256, "usr_1", "ses_1", 0, NOW + 9, false},
        {JWT_ALG_HS256, "usr_1", "ses_1", NOW, 0, false},
        {JWT_ALG_HS256, "usr_1", "ses_1", NOW, -5, false},
    };
    struct token_signer *signer = token_signer_new(key);
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        char *token = handmade(cases[i].algorithm, cases[i].subject, cases[i].session, cases[i].issued,
                               cases[i].expires);
        struct access_claims claims;
        struct error err;
        assert_int_equal(token_verify(signer, token, NOW, &claims, &err), cases[i].good);
        free(token);
    }
    token_signer_free(signer);
}

/* RFC 7515, 4.1.11: what is critical and not known makes the token invalid; RFC 7519, 4.1.5: `nbf`. */
static void test_token_conditions(void **state)
{
    (void)state;
    static const struct {
        const char *crit, *nbf; /* JSON; NULL: none */
        const char *refused;    /* NULL: it is good */
    } cases[] = {
        {NULL, NULL, NULL},
        {"{\"crit\":[\"b64\"],\"b64\":false}", NULL, "critical"},
        {"{\"crit\":[]}", NULL, "critical"},
        {"{\"crit\":\"x\"}", NULL, "critical"},
        {"{\"crit\":false}", NULL, "critical"},
        {"{\"kid\":\"x\"}", NULL, NULL},
        {NULL, "{\"nbf\":1795330106}", NULL},
        {NULL, "{\"nbf\":1}", NULL},
        {NULL, "{\"nbf\":1795330107}", "not valid yet"},
        {NULL, "{\"nbf\":\"1\"}", "nbf"},
        {NULL, "{\"nbf\":1.5}", "nbf"},
    };
    struct token_signer *signer = token_signer_new(key);
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        jwt_t *jwt;
        assert_int_equal(jwt_new(&jwt), 0);
        jwt_add_grants_json(jwt, "{\"sub\":\"usr_1\",\"sid\":\"ses_1\",\"iat\":1,\"exp\":4000000000}");
        if (cases[i].crit)
            jwt_add_headers_json(jwt, cases[i].crit);
        if (cases[i].nbf)
            jwt_add_grants_json(jwt, cases[i].nbf);
        assert_int_equal(jwt_set_alg(jwt, JWT_ALG_HS256, key, SIGNING_KEY_SIZE), 0);
        char *token = jwt_encode_str(jwt);
        struct access_claims claims;
        struct error err;
        for (int again = 0; again < 2; again++) {
            if (cases[i].refused)
                expect_refused(signer, token, 1795330106, cases[i].refused);
            else
                assert_true(token_verify(signer, token, 1795330106, &claims, &err));
        }
        free(token);
        jwt_free(jwt);
    }
    token_signer_free(signer);
}

/* By the key and the token alone: every process gives the same, and nobody else can. */
static void test_token_refresh_next(void **state)
{
    (void)state;
    unsigned char other_key[SIGNING_KEY_SIZE] = "another key";
    struct token_signer *signers[] = {token_signer_new(key), token_signer_new(key),
                                      token_signer_new(other_key)};
    char first[TOKEN_SIZE], next[3][TOKEN_SIZE], further[TOKEN_SIZE], session[40], marks[3][TOKEN_MARK_SIZE];
    token_refresh_make("ses_1", first);
    for (size_t i = 0; i < 3; i++) {
        token_refresh_next(signers[i], "ses_1", first, next[i]);
        token_mark(signers[i], "8080", marks[i]);
    }
    assert_string_equal(next[0], next[1]);
    assert_string_not_equal(next[0], next[2]);
    assert_string_not_equal(next[0], first);
    assert_true(token_refresh_parse(next[0], session));
    assert_string_equal(session, "ses_1");
    token_refresh_next(signers[0], "ses_1", next[0], further);
    assert_string_not_equal(further, next[0]);
    assert_string_equal(marks[0], marks[1]);
    assert_string_not_equal(marks[0], marks[2]);
    assert_int_equal(strlen(marks[0]), TOKEN_MARK_SIZE - 1);
    token_mark(signers[1], "8081", marks[1]);
    assert_string_not_equal(marks[0], marks[1]);
    for (size_t i = 0; i < 3; i++)
        token_signer_free(signers[i]);
}

/* More tokens than the cache holds: all are still verified, whichever were dropped. */
static void test_token_cache_is_bounded(void **state)
{
    (void)state;
    enum { COUNT = 6000 };
    struct token_signer *signer = token_signer_new(key);
    char **tokens = xcalloc(COUNT, sizeof(*tokens));
    for (int round = 0; round < 2; round++)
        for (int i = 0; i < COUNT; i++) {
            char user[40];
            snprintf(user, sizeof(user), "usr_%d", i);
            if (!tokens[i])
                tokens[i] = sign(signer, user, "ses", NOW + 100 + i % 800);
            struct access_claims claims;
            struct error err;
            assert_true(token_verify(signer, tokens[i], NOW, &claims, &err));
            assert_string_equal(claims.user_id, user);
        }
    for (int i = 0; i < COUNT; i++)
        free(tokens[i]);
    free(tokens);
    token_signer_free(signer);
}

struct verifying {
    struct token_signer *signer;
    char *tokens[64];
};

static void *verify_many(void *context)
{
    struct verifying *verifying = context;
    for (size_t i = 0; i < 4000; i++) {
        size_t at = i * 7 % ARRAY_SIZE(verifying->tokens);
        char user[40];
        snprintf(user, sizeof(user), "usr_%zu", at);
        struct access_claims claims;
        struct error err;
        if (!token_verify(verifying->signer, verifying->tokens[at], NOW, &claims, &err) ||
            strcmp(claims.user_id, user) != 0)
            return context;
    }
    return NULL;
}

static void test_token_threads(void **state)
{
    (void)state;
    struct verifying verifying = {.signer = token_signer_new(key)};
    for (size_t i = 0; i < ARRAY_SIZE(verifying.tokens); i++) {
        char user[40];
        snprintf(user, sizeof(user), "usr_%zu", i);
        verifying.tokens[i] = sign(verifying.signer, user, "ses", NOW + 900);
    }
    pthread_t threads[4];
    for (size_t i = 0; i < ARRAY_SIZE(threads); i++)
        pthread_create(&threads[i], NULL, verify_many, &verifying);
    for (size_t i = 0; i < ARRAY_SIZE(threads); i++) {
        void *failed;
        pthread_join(threads[i], &failed);
        assert_null(failed);
    }
    for (size_t i = 0; i < ARRAY_SIZE(verifying.tokens); i++)
        free(verifying.tokens[i]);
    token_signer_free(verifying.signer);
}

static void test_random_tokens(void **state)
{
    (void)state;
    const char *const prefixes[] = {TOKEN_PREFIX_API, TOKEN_PREFIX_PUBLISHABLE, TOKEN_PREFIX_REFRESH};
    for (size_t i = 0; i < ARRAY_SIZE(prefixes); i++) {
        char one[TOKEN_SIZE], two[TOKEN_SIZE];
        unsigned char hash_one[TOKEN_HASH_SIZE], hash_two[TOKEN_HASH_SIZE];
        token_random(prefixes[i], one);
        token_random(prefixes[i], two);
        assert_int_equal(strlen(one), 4 + 43);
        assert_memory_equal(one, prefixes[i], 4);
        assert_string_not_equal(one, two);
        assert_int_equal(strspn(one, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-"), 47);
        token_hash(one, hash_one);
        token_hash(two, hash_two);
        assert_memory_not_equal(hash_one, hash_two, TOKEN_HASH_SIZE);
        token_hash(one, hash_two);
        assert_memory_equal(hash_one, hash_two, TOKEN_HASH_SIZE);
    }
}

static void test_refresh_tokens(void **state)
{
    (void)state;
    char token[TOKEN_SIZE], session[40];
    token_refresh_make("ses_01jd9z0000000000000000000a", token);
    assert_true(token_refresh_parse(token, session));
    assert_string_equal(session, "ses_01jd9z0000000000000000000a");
    token_refresh_make("abcdefghijklmnopqrstuvwxyz0123456789abc", token); /* 39: the longest */
    assert_true(token_refresh_parse(token, session));
    assert_int_equal(strlen(session), 39);
#define RANDOM "0123456789012345678901234567890123456789abc"
    const char *const wrong[] = {
        "",
        "kmr_",
        "kmr_.",
        "kmr_ses",
        "kmr_ses." RANDOM "d",
        "kmr_ses.012",
        "kma_ses." RANDOM,
        "kmr_." RANDOM,
        "kmr_ses/../." RANDOM,
        "kmr_ses." RANDOM "\n",
        "kmr_s s." RANDOM,
        "kmr_0123456789012345678901234567890123456789." RANDOM,
    };
    for (size_t i = 0; i < ARRAY_SIZE(wrong); i++)
        assert_false(token_refresh_parse(wrong[i], session));
    assert_true(token_refresh_parse("kmr_ses." RANDOM, session));
}

/* --- files */

static void test_key_file(void **state)
{
    (void)state;
    unsigned char first[SIGNING_KEY_SIZE], again[SIGNING_KEY_SIZE];
    struct error err;
    char path[128];
    snprintf(path, sizeof(path), "%s", path_of("signing.key"));
    assert_true(token_key_load(path, first, &err));
    assert_true(token_key_load(path, again, &err));
    assert_memory_equal(first, again, sizeof(first));
    struct stat status;
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0600);
    const mode_t wide[] = {0640, 0604, 0660, 0666, 0620};
    for (size_t i = 0; i < ARRAY_SIZE(wide); i++) {
        chmod(path, wide[i]);
        assert_false(token_key_load(path, again, &err));
        assert_non_null(strstr(err.detail[LANGUAGE_EN], "chmod 600"));
    }
    const char *const bad[] = {"", "abc", "zz23456789012345678901234567890123456789012345678901234567890123",
                               "0123456789012345678901234567890123456789012345678901234567890123ab"};
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        write_file(path, bad[i], 0600);
        assert_false(token_key_load(path, again, &err));
    }
    assert_false(token_key_load("/no/such/folder/key", again, &err));
    assert_false(token_key_load(folder, again, &err));
}

/* What a process that was killed while it made the key has left is swept, and nothing else. */
static void test_key_file_left_over(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        bool old, stays;
    } files[] = {
        {"signing.key.01m8drp263xznesq55hqjz406n", true, false},
        {"signing.key.01m8drp26rvdenvx83asgfxr59", false, true}, /* another process may be at it */
        {"signing.key.backup", true, true},
        {"signing.key.01M8DRP263XZNESQ55HQJZ406N", true, true},
        {"other.key.01m8drp263xznesq55hqjz406n", true, true},
    };
    unsigned char key[SIGNING_KEY_SIZE];
    struct utimbuf past = {.actime = 1, .modtime = 1};
    struct error err;
    char path[128];
    for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
        write_file(path_of(files[i].name), "x", 0600);
        if (files[i].old)
            assert_int_equal(utime(path_of(files[i].name), &past), 0);
    }
    snprintf(path, sizeof(path), "%s", path_of("signing.key"));
    unlink(path); /* an earlier test's */
    assert_true(token_key_load(path, key, &err));
    for (size_t i = 0; i < ARRAY_SIZE(files); i++)
        assert_int_equal(access(path_of(files[i].name), F_OK), files[i].stays ? 0 : -1);
}

static void test_secret_file(void **state)
{
    (void)state;
    char text[16], path[128];
    bool exists, made;
    struct error err;
    snprintf(path, sizeof(path), "%s", path_of("secret"));
    assert_false(secret_file_read(path, text, sizeof(text), &exists, &err));
    assert_false(exists);
    assert_true(secret_file_make(path, "sk-1234\n", &made, &err));
    assert_true(made);
    assert_true(secret_file_make(path, "another", &made, &err));
    assert_false(made);
    assert_true(secret_file_read(path, text, sizeof(text), &exists, &err));
    assert_true(exists);
    assert_string_equal(text, "sk-1234");
    write_file(path, "0123456789012345", 0600);
    assert_false(secret_file_read(path, text, sizeof(text), &exists, &err));
    write_file(path, "012345678901234", 0600);
    assert_true(secret_file_read(path, text, sizeof(text), &exists, &err));
    char command[200]; /* nothing is left lying about */
    snprintf(command, sizeof(command), "test $(ls -A '%s' | grep -c '^secret\\.') = 0", folder);
    assert_int_equal(system(command), 0);
}

/* --- rate limits */

static void test_rate_limit(void **state)
{
    (void)state;
    struct rate_limiter *limiter = rate_limiter_new(true);
    int64_t now = 1000000;
    int retry = 0;
    for (int i = 0; i < 10; i++)
        assert_true(rate_limiter_take(limiter, RATE_LOGIN, "1.2.3.4", now, &retry));
    assert_false(rate_limiter_take(limiter, RATE_LOGIN, "1.2.3.4", now, &retry));
    assert_int_equal(retry, 6);                                                   /* ten a minute */
    assert_true(rate_limiter_take(limiter, RATE_LOGIN, "1.2.3.5", now, &retry));  /* somebody else */
    assert_true(rate_limiter_take(limiter, RATE_PUBLIC, "1.2.3.4", now, &retry)); /* something else */
    assert_false(rate_limiter_take(limiter, RATE_LOGIN, "1.2.3.4", now + 5999000, &retry));
    assert_int_equal(retry, 1);
    assert_true(rate_limiter_take(limiter, RATE_LOGIN, "1.2.3.4", now + 6000000, &retry));
    assert_false(rate_limiter_take(limiter, RATE_LOGIN, "1.2.3.4", now + 6000000, &retry));
    rate_limiter_give_back(limiter, RATE_LOGIN, "1.2.3.4");
    assert_true(rate_limiter_take(limiter, RATE_LOGIN, "1.2.3.4", now + 6000000, &retry));
    assert_false(rate_limiter_take(limiter, RATE_LOGIN, "1.2.3.4", now, &retry)); /* time never runs back */
    for (int i = 0; i < 10; i++) /* after an hour: the burst again, not more */
        assert_true(rate_limiter_take(limiter, RATE_LOGIN, "1.2.3.4", now + 3600000000, &retry));
    assert_false(rate_limiter_take(limiter, RATE_LOGIN, "1.2.3.4", now + 3600000000, &retry));
    rate_limiter_give_back(limiter, RATE_LOGIN, "never seen");
    rate_limiter_free(limiter);
    rate_limiter_free(NULL);
}

static void test_rate_limit_off(void **state)
{
    (void)state;
    struct rate_limiter *limiter = rate_limiter_new(false);
    int retry;
    for (int i = 0; i < 5000; i++)
        assert_true(rate_limiter_take(limiter, RATE_LOGIN, "1.2.3.4", 1, &retry));
    rate_limiter_free(limiter);
}

static void test_rate_limit_is_bounded(void **state)
{
    (void)state;
    struct rate_limiter *limiter = rate_limiter_new(true);
    int retry;
    for (int i = 0; i < 100000; i++) {
        char caller[32];
        snprintf(caller, sizeof(caller), "10.%d.%d.%d", i >> 16, i >> 8 & 255, i & 255);
        assert_true(rate_limiter_take(limiter, RATE_LOGIN, caller, i + 1, &retry));
    }
    rate_limiter_free(limiter);
}

/* Neither the many who come once, in this class or another, nor those who do so again and again. */
static void test_rate_limit_forgets_no_debt(void **state)
{
    (void)state;
    struct rate_limiter *limiter = rate_limiter_new(true);
    int retry;
    for (int i = 0; i < 10; i++)
        assert_true(rate_limiter_take(limiter, RATE_LOGIN, "guesser", 1, &retry));
    for (int i = 0; i < 100000; i++) {
        char caller[32];
        snprintf(caller, sizeof(caller), "kmp_%d", i);
        rate_limiter_take(limiter, RATE_LOGIN, caller, 1, &retry);
        rate_limiter_take(limiter, RATE_LOGIN, caller, 1, &retry);
        rate_limiter_take(limiter, RATE_CHAT, caller, 1, &retry);
    }
    assert_false(rate_limiter_take(limiter, RATE_LOGIN, "guesser", 2, &retry));
    rate_limiter_free(limiter);
}

static void *take_many(void *context)
{
    intptr_t taken = 0;
    int retry;
    for (int i = 0; i < 1000; i++)
        taken += rate_limiter_take(context, RATE_OPS_READ, "usr_1", 1, &retry);
    return (void *)taken;
}

static void test_rate_limit_threads(void **state)
{
    (void)state;
    struct rate_limiter *limiter = rate_limiter_new(true);
    pthread_t threads[4];
    intptr_t total = 0;
    for (size_t i = 0; i < ARRAY_SIZE(threads); i++)
        pthread_create(&threads[i], NULL, take_many, limiter);
    for (size_t i = 0; i < ARRAY_SIZE(threads); i++) {
        void *taken;
        pthread_join(threads[i], &taken);
        total += (intptr_t)taken;
    }
    assert_int_equal(total, 600); /* the burst, exactly */
    rate_limiter_free(limiter);
}

/* --- redaction */

static const struct {
    const char *text, *masked;
} redactions[] = {
    /* nothing to mask */
    {"", ""},
    {"库存为 1024 件，用时 13.800138000 秒", "库存为 1024 件，用时 13.800138000 秒"},
    {"2026-11-22T06:48:26.062Z took 1795330106062 ms", "2026-11-22T06:48:26.062Z took 1795330106062 ms"},
    {"request_id=req_01jd9z0000000000000000000a", "request_id=req_01jd9z0000000000000000000a"},
    {"tokens=1234567890 tokens_input=5", "tokens=1234567890 tokens_input=5"},
    {"sk-short, kma_short, skim 100", "sk-short, kma_short, skim 100"},
    {"at 10:20, key: question", "at 10:20, key: question"},
    {"a@b and @c and d@", "a@b and @c and d@"},
    {"550e8400-e29b-41d4-a716-446655440000", "550e8400-e29b-41d4-a716-446655440000"},
    {"1795330106062123", "1795330106062123"},
    {"10 20 30 40 50 60 70 80 90", "10 20 30 40 50 60 70 80 90"},
    {"http://localhost:8080/api/v1?page=2", "http://localhost:8080/api/v1?page=2"},
    /* tokens and keys */
    {"Authorization: Bearer abcdef0123456789", "Authorization: Bearer ***"},
    {"authorization: bearer eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.abc", "authorization: bearer ***"},
    {"got eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.abc-_x", "got eyJ***"},
    {"key sk-0123456789abcdef0123!", "key sk-***!"},
    {"用 pcsk_abcdefghijklmnop_QRST 登录", "用 pcsk_*** 登录"},
    {"kma_0123456789012345678901234567890123456789abc.", "kma_***"},
    {"kmr_ses_1.0123456789012345678901234567890123456789abc", "kmr_***"},
    {"X-API-Key: kmp_0123456789012345678901234567890123456789abc\n", "X-API-Key: kmp_***\n"},
    {"https://oapi.dingtalk.com/robot/send?access_token=0a1b2c&sign=abc%3D&timestamp=1",
     "https://oapi.dingtalk.com/robot/send?access_token=***&sign=***&timestamp=1"},
    {"https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=693a-91f",
     "https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=***"},
    {"{\"password\": \"a\\\"b\", \"name\":\"x\"}", "{\"password\": \"***\", \"name\":\"x\"}"},
    {"{\"api_key\":\"v\"}", "{\"api_key\":\"***\"}"},
    {"DASHSCOPE_API_KEY=abc123 next", "DASHSCOPE_API_KEY=*** next"},
    {"host=db password=geheim dbname=k", "host=db password=*** dbname=k"},
    {"postgresql://kimono:p@ss@db:5432/kimono", "postgresql://kimono:***@db:5432/kimono"},
    {"postgresql://kimono@db/kimono", "postgresql://kimono@db/kimono"},
    /* personal data */
    {"联系 zhang.san+vip@example.com.cn。", "联系 z***@example.com.cn。"},
    {"<a@b.co>, 123456@qq.com", "<a***@b.co>, 1***@qq.com"},
    {"手机13800138000，备用 138-0013-8000 或 138 0013 8000",
     "手机138****8000，备用 138****8000 或 138****8000"},
    {"１３８００１３８０００", "138****8000"},
    {"+86 13800138000 / +8613800138000 / 008613800138000",
     "+86 13*******00 / +86 13*******00 / 0086 13*******00"},
    {"138001380001 and x13800138000", "138001380001 and x13800138000"},
    {"座机 021-12345678、0755-1234567", "座机 021******78、0755*****67"},
    {"携帯 090-1234-5678 / 08012345678", "携帯 090****5678 / 080****5678"},
    {"東京 03-1234-5678, 045-123-4567, +81 90-1234-5678", "東京 03******78, 045*****67, +81 90******78"},
    {"身份证 11010519491231002X", "身份证 110***********002X"},
    {"110105194912310021 号", "110***********0021 号"},
    {"110105199913310021", "110105199913310021"}, /* month 13: no birthday; Luhn does not hold */
    {"卡 6222021234567890128，6222021234567890129", "卡 ***************0128，6222021234567890129"},
    {"4111 1111 1111 1111", "************1111"},
    {"5555-5555-5555-4444 及 378282246310005", "************4444 及 ***********0005"},
    {"4111111111111112", "4111111111111112"}, /* Luhn does not hold */
    /* written otherwise */
    {"０９０－１２３４－５６７８ / 090ー1234ー5678", "090****5678 / 090****5678"},
    {"電話 03(1234)5678、(03)1234-5678", "電話 03******78、(03******78"},
    {"身份证 110105 19491231 002X", "身份证 110***********002X"},
    {"個人番号 1234-5678-9018、1234-5678-9012", "個人番号 ********9018、1234-5678-9012"},
    {"X-Api-Key: 9f3a77c0 ok", "X-Api-Key: *** ok"},
    {"password: hunter22, password: at least 8", "password: ***, password: at least 8"},
    {"密码：abc12345，验证码是 884213。", "密码：***，验证码是 ***。"},
    {"パスワードは himitsu1 です; 密码错误 3 次", "パスワードは *** です; 密码错误 3 次"},
    {"LTAI5tAbCdEfGhIjKlMn", "LTAI***"},
    {"-----BEGIN RSA PRIVATE KEY-----\nMIIB\nAAAA\n-----END RSA PRIVATE KEY-----\nnext",
     "-----BEGIN RSA PRIVATE KEY***\nnext"},
    {"-----BEGIN CERTIFICATE-----", "-----BEGIN CERTIFICATE-----"},
};

static void expect_redacted(const char *text, const char *masked)
{
    struct strbuf out = {0};
    redact(&out, text);
    if (strcmp(strbuf_text(&out), masked) != 0)
        fail_msg("%s\n became %s\n instead of %s", text, strbuf_text(&out), masked);
    strbuf_release(&out);
}

static void test_redact(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(redactions); i++) {
        expect_redacted(redactions[i].text, redactions[i].masked);
        expect_redacted(redactions[i].masked, redactions[i].masked);
    }
}

static void test_redact_json(void **state)
{
    (void)state;
    static const struct {
        const char *json, *masked;
    } cases[] = {
        {"{}", "{}"},
        {"{\"id\": 12345678901234567890123, \"a\\u4e2d\": [1.50, null]}",
         "{\"id\": 12345678901234567890123, \"a\\u4e2d\": [1.50, null]}"},
        {"{\"phone\":13800138000,\"n\":1}", "{\"phone\":\"138****8000\",\"n\":1}"},
        {"{\"q\":\"\\u0031\\u0033800138000\"}", "{\"q\":\"138****8000\"}"},
        {"{\"db_password\":\"x\",\"tokens\":7}", "{\"db_password\":\"***\",\"tokens\":7}"},
        {"{\"secret\":{\"a\":[\"b\",5]},\"c\":\"d\"}", "{\"secret\":{\"a\":[\"***\",\"***\"]},\"c\":\"d\"}"},
        {"{\"api_key\":null,\"a\":\"b\"}", "{\"api_key\":null,\"a\":\"b\"}"},
        {"{\"13800138000\":true}", "{\"138****8000\":true}"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        CLEANUP(strbuf_release) struct strbuf out = {0};
        redact_json(&out, cases[i].json);
        assert_string_equal(strbuf_text(&out), cases[i].masked);
    }
}

/* In front of and behind anything, each is still found. */
static void test_redact_in_context(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(redactions); i++) {
        char text[512], masked[512];
        snprintf(text, sizeof(text), "客户说：%s 谢谢", redactions[i].text);
        snprintf(masked, sizeof(masked), "客户说：%s 谢谢", redactions[i].masked);
        expect_redacted(text, masked);
    }
}

/* Time that grows with the square of these lengths would run into the runner's limit. */
static void test_redact_takes_linear_time(void **state)
{
    (void)state;
    const char *const units[] = {"a.",   "eyJ", "1",   "://a:", "Bearer ", "password=\"",
                                 "+",    "１",  "@a.", "138-",  "密码：",  "-----BEGIN PRIVATE KEY",
                                 "1234-"};
    for (size_t i = 0; i < ARRAY_SIZE(units); i++) {
        struct strbuf text = {0}, out = {0};
        while (text.length < 200000)
            strbuf_puts(&text, units[i]);
        redact(&out, strbuf_text(&text));
        assert_true(out.length > 0);
        strbuf_release(&text);
        strbuf_release(&out);
    }
}

static void test_edited_mask(void **state)
{
    (void)state;
    static const struct {
        const char *text, *stored, *mask; /* NULL: it is none */
    } cases[] = {
        {"打 138****5678，周一休息", "打 13812345678", "138****5678"},
        {"l***@example.com", "13812345678, li.si@example.com", "l***@example.com"},
        {"欧*** 先生", "欧阳测试", "欧***"},
        {"打 13812345678，周一休息", "打 13812345678", NULL},
        {"打 13900000000", "打 13812345678", NULL},
        {"尾号 138****5678", "尾号 138****5678，或 13812345678", NULL}, /* it was there before */
        {"尾号 138****0000", "打 13812345678", NULL},
        {"***", "", NULL},
    };
    CLEANUP(strbuf_release) struct strbuf mask = {0};
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        bool found = redact_is_edited_mask(cases[i].text, cases[i].stored, &mask);
        assert_int_equal(found, cases[i].mask != NULL);
        if (found)
            assert_string_equal(strbuf_text(&mask), cases[i].mask);
    }
    assert_int_equal(redact_plain_length("打 13812345678"), strlen("打 "));
    assert_int_equal(redact_plain_length("打"), strlen("打"));
}

static void test_redact_secret(void **state)
{
    (void)state;
    const struct {
        const char *secret, *masked;
    } cases[] = {
        {"sk-0123456789ab9f3a", "sk-…9f3a"}, {"pcsk_0123456789abcd", "pcsk_…abcd"}, {"short", "…"}, {"", "…"},
        {"0123456789abcdef", "…cdef"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        char masked[16];
        redact_secret(cases[i].secret, masked);
        assert_string_equal(masked, cases[i].masked);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_password),
        cmocka_unit_test(test_password_rules),
        cmocka_unit_test(test_password_time),
        cmocka_unit_test(test_common_passwords),
        cmocka_unit_test(test_token),
        cmocka_unit_test(test_token_refused),
        cmocka_unit_test(test_token_algorithms_and_claims),
        cmocka_unit_test(test_token_conditions),
        cmocka_unit_test(test_token_refresh_next),
        cmocka_unit_test(test_token_cache_is_bounded),
        cmocka_unit_test(test_token_threads),
        cmocka_unit_test(test_random_tokens),
        cmocka_unit_test(test_refresh_tokens),
        cmocka_unit_test(test_key_file),
        cmocka_unit_test(test_key_file_left_over),
        cmocka_unit_test(test_secret_file),
        cmocka_unit_test(test_rate_limit),
        cmocka_unit_test(test_rate_limit_off),
        cmocka_unit_test(test_rate_limit_is_bounded),
        cmocka_unit_test(test_rate_limit_forgets_no_debt),
        cmocka_unit_test(test_rate_limit_threads),
        cmocka_unit_test(test_redact_json),
        cmocka_unit_test(test_redact),
        cmocka_unit_test(test_redact_in_context),
        cmocka_unit_test(test_redact_takes_linear_time),
        cmocka_unit_test(test_edited_mask),
        cmocka_unit_test(test_redact_secret),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
