/* The one error type: a code (hence HTTP status and problem type), a text for a person in both of
 * the product's languages, and for input the list of all wrong fields.
 *
 * Convention: what can fail returns bool, true when done, and takes `struct error *err` last. On
 * failure the outputs (`ret_…`) are untouched and `err` says what, where and what to do.
 * Libraries return errors; only the top (api/dispatch.c, cli/) prints or logs them.
 *
 * Adding an error: one row in ERROR_TABLE. */
#ifndef KIMONO_BASE_ERROR_H
#define KIMONO_BASE_ERROR_H

#include <stdbool.h>
#include <stddef.h>

enum language { LANGUAGE_EN, LANGUAGE_ZH, LANGUAGE_COUNT };

/* code, HTTP status, slug of the problem's `type`, title in English, title in Chinese */
#define ERROR_TABLE(X)                                                                                       \
    X(ERROR_NONE, 200, "none", "No error", "没有错误")                                                       \
    X(ERROR_BAD_REQUEST, 400, "bad-request", "The request cannot be read", "请求无法解析")                   \
    X(ERROR_UNAUTHENTICATED, 401, "unauthenticated", "Please log in", "需要登录")                            \
    X(ERROR_FORBIDDEN, 403, "forbidden", "Not allowed", "没有权限")                                          \
    X(ERROR_WRONG_ORIGIN, 403, "wrong-origin", "The console has another address", "控制台的地址不是这里")    \
    X(ERROR_TENANT_SUSPENDED, 403, "tenant-suspended", "The tenant is suspended", "商家已暂停")              \
    X(ERROR_NOT_FOUND, 404, "not-found", "Not found", "不存在")                                              \
    X(ERROR_METHOD, 405, "method-not-allowed", "Method not allowed", "不支持此方法")                         \
    X(ERROR_REQUEST_TIMEOUT, 408, "request-timeout", "The request did not come in time", "请求未及时到达")   \
    X(ERROR_CONFLICT, 409, "conflict", "Conflict with the present state", "与当前状态冲突")                  \
    X(ERROR_CANCELLED, 409, "cancelled", "It was cancelled", "已取消")                                       \
    X(ERROR_TOO_LARGE, 413, "too-large", "Too large for one request", "超出单个请求的上限")                  \
    X(ERROR_TARGET_TOO_LONG, 414, "target-too-long", "The address is too long", "请求地址过长")              \
    X(ERROR_MEDIA_TYPE, 415, "unsupported-media-type", "Unsupported content type", "不支持的内容类型")       \
    X(ERROR_INVALID, 422, "invalid", "Some input is wrong", "输入有误")                                      \
    X(ERROR_RATE_LIMITED, 429, "rate-limited", "Too many requests", "请求过于频繁")                          \
    X(ERROR_HEADERS_TOO_LARGE, 431, "headers-too-large", "Headers too large", "请求头过大")                  \
    X(ERROR_INTERNAL, 500, "internal", "Something failed here", "服务器内部错误")                            \
    X(ERROR_UNAVAILABLE, 503, "unavailable", "Not available for the moment", "暂时不可用")                   \
    X(ERROR_DAMAGED, 503, "store-damaged", "The store is damaged", "数据已损坏")                             \
    X(ERROR_STORE, 503, "store-unavailable", "The store cannot be used for the moment", "数据暂时无法读写")  \
    X(ERROR_TIMEOUT, 503, "timeout", "It took too long", "处理超时")                                         \
    X(ERROR_HTTP_VERSION, 505, "http-version", "This HTTP version is not spoken", "不支持此 HTTP 版本")

enum error_code {
#define X(code, status, slug, en, zh) code,
    ERROR_TABLE(X)
#undef X
};

#define ERROR_FIELDS_MAX 16

struct error_field {
    char field[48];
    char message[LANGUAGE_COUNT][160];
};

/* ERROR_STORE, ERROR_DAMAGED: the disk or the file that holds the data fails; its texts name files and say what the operator
 * can do. ERROR_INTERNAL: a fault of ours. Both are shown to operators only; others get a text without names
 * (api/dispatch.c). */
#define STORE_RETRY_SECONDS 30

static inline bool error_is_of_store(enum error_code code)
{
    return code == ERROR_STORE || code == ERROR_DAMAGED;
}

struct error {
    enum error_code code;
    int retry_after_seconds; /* for 429 and 503; 0: none is said */
    size_t field_count;
    char detail[LANGUAGE_COUNT][384];
    struct error_field fields[ERROR_FIELDS_MAX]; /* set only up to field_count */
};

/* A fresh error costs four words, not the whole struct. */
static inline void error_clear(struct error *err)
{
    err->code = ERROR_NONE;
    err->retry_after_seconds = 0;
    err->field_count = 0;
    err->detail[LANGUAGE_EN][0] = err->detail[LANGUAGE_ZH][0] = '\0';
}

/* Sets code and detail. Both formats take the same arguments in the same order.
 * Returns false, so that a function can `return error_set(err, …)`. `err` may be NULL. */
bool error_set(struct error *err, enum error_code code, const char *en, const char *zh, ...)
    __attribute__((format(printf, 3, 5), format(printf, 4, 5)));

/* Names one wrong field (code becomes ERROR_INVALID); the first ERROR_FIELDS_MAX are kept.
 * Returns false. */
bool error_add_field(struct error *err, const char *field, const char *en, const char *zh, ...)
    __attribute__((format(printf, 3, 5), format(printf, 4, 5)));

/* Code and detail as error_set, with the one field that is the reason, whose message is the same: a form marks
 * it. For what is wrong though well formed: an id that is taken. Returns false. */
bool error_set_field(struct error *err, enum error_code code, const char *field, const char *en,
                     const char *zh, ...) __attribute__((format(printf, 4, 6), format(printf, 5, 6)));

/* Puts what was being done in front of the detail: "import of corpus.tsv: …". Returns false. */
bool error_prefix(struct error *err, const char *en, const char *zh, ...)
    __attribute__((format(printf, 2, 4), format(printf, 3, 4)));

int error_status(enum error_code code);
const char *error_slug(enum error_code code);
const char *error_title(enum error_code code, enum language language);

#endif
