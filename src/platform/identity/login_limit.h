/* How many wrong passwords there may be: from one address, and for one account from all addresses. Kept in the
 * store, so that it holds over all processes that serve it, and counted in the transaction that refuses the
 * log-in; a log-in that succeeds writes nothing here.
 *
 * Of each only an instant is kept: until when its failures count. A failure puts it off by the time in which one
 * is forgiven; what lies too far ahead is refused; what has passed means nothing and is swept. Addresses and names
 * stand there as hashes with the signing key (people type passwords into the wrong field). Whoever comes with
 * many of them finds a table that holds LOGIN_LIMIT_ROWS of a kind, as sets of LOGIN_LIMIT_WAYS: where a set is
 * full, the one of it that has failed least gives way. */
#ifndef KIMONO_PLATFORM_IDENTITY_LOGIN_LIMIT_H
#define KIMONO_PLATFORM_IDENTITY_LOGIN_LIMIT_H

#include "security/token.h"
#include "store/db.h"

#define LOGIN_LIMIT_WAYS 8
#define LOGIN_LIMIT_ROWS (LOGIN_LIMIT_WAYS * 4096)

/* What is counted, failures at once, failures a minute, what is said beyond it. */
#define LOGIN_LIMIT_TABLE(X)                                                                                 \
    X(LOGIN_BY_ADDRESS, "address", 10, 10, "Too many wrong passwords from your network: try again in %d s.", \
      "您所在网络的密码错误次数过多：请 %d 秒后重试。")                                                      \
    X(LOGIN_BY_ACCOUNT, "account", 20, 2,                                                                    \
      "Too many wrong passwords for this user name: try again in %d s, or from where you have logged in "    \
      "before.",                                                                                             \
      "该用户名的密码错误次数过多：请 %d 秒后重试，或在曾经登录过的网络登录。")

enum login_limit {
#define X(limit, name, burst, minute, en, zh) limit,
    LOGIN_LIMIT_TABLE(X)
#undef X
        LOGIN_LIMITS
};

/* Who tries: "" where it does not count. */
struct login_callers {
    char hashes[LOGIN_LIMITS][TOKEN_PSEUDONYM_SIZE];
};
/* `holder`: whose limits the address counts against (http/address.h). `username` "": no name that can be anybody's.
 * Somebody who has logged in from there before (`known`) is counted apart, so that strangers who guess keep
 * nobody out. */
void login_callers_make(const struct token_signer *signer, const char *holder, const char *username,
                        bool known, struct login_callers *ret_callers);

/* Whether one more try is allowed: ERROR_RATE_LIMITED says when. */
bool login_limit_check(struct db *db, const struct login_callers *callers, int64_t now, struct error *err);
/* Within a transaction: a try has failed. */
bool login_limit_count(struct db *db, const struct login_callers *callers, int64_t now, struct error *err);
/* Within a transaction: deletes what has passed. */
bool login_limit_sweep(struct db *db, int64_t now, struct error *err);

#endif
