#include "platform/audit/audit_head.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/json_writer.h"
#include "base/memory.h"
#include "base/owned_file.h"
#include "http/client.h"
#include "platform/audit/audit.h"
#include "platform/platform.h"

#define WEBHOOK_MS 10000
#define ANSWER_MAX 4096

/* ---- what was given out, and when: the day, in meta ---- */

static const char SQL_SENT_DAY[] = "SELECT value FROM meta WHERE name = $1";
static const char SQL_SET_SENT_DAY[] = "INSERT INTO meta(name, value) VALUES ($1, $2)"
                                       " ON CONFLICT (name) DO UPDATE SET value = excluded.value";

struct audit_head_sending {
    const char *name; /* of its row in meta */
    char today[CLOCK_DAY_SIZE];
};

static bool audit_head_is_sent(struct db *db, const struct audit_head_sending *sending, bool *ret_sent,
                               struct error *err)
{
    CLEANUP(db_rows_release) struct db_rows rows = {0};
    if (!db_query(db, SQL_SENT_DAY, DB_ARGS(db_text(sending->name)), &rows, err))
        return false;
    *ret_sent = db_next(&rows) && strcmp(db_column_text(&rows, 0), sending->today) == 0;
    return db_done(&rows, err);
}

static bool audit_head_set_sent(struct db *db, void *context, struct error *err)
{
    const struct audit_head_sending *sending = context;
    return db_execute(db, SQL_SET_SENT_DAY, DB_ARGS(db_text(sending->name), db_text(sending->today)), NULL,
                      err);
}

/* ---- where to ---- */

static bool audit_head_to_file(const char *file, const struct audit_head *head, struct error *err)
{
    char time[CLOCK_TEXT_SIZE], line[160];
    clock_format(clock_now_ms(), time);
    int length = snprintf(line, sizeof(line), "%s %" PRId64 " %s\n", time, head->rows, head->hash);
    int fd = owned_open(file, O_WRONLY | O_APPEND, 0600);
    bool done = fd >= 0 && write(fd, line, (size_t)length) == length && fsync(fd) == 0;
    int failure = errno;
    if (fd >= 0)
        close(fd);
    return done || error_set(err, ERROR_UNAVAILABLE, "The audit head cannot be written to %s: %s",
                             "无法将审计链头部写入 %s：%s", file, strerror(failure));
}

static bool audit_head_to_webhook(const char *url, const struct audit_head *head, struct error *err)
{
    static const struct http_header json = {.name = "Content-Type", .value = "application/json"};
    CLEANUP(strbuf_release) struct strbuf body = {0};
    struct json_writer w = {.out = &body};
    struct http_answer answer = {.body = {.ceiling = ANSWER_MAX}};
    json_object_begin(&w);
    json_key_text(&w, "kind", "audit_head");
    json_key(&w, "at");
    json_time(&w, clock_now_ms());
    json_key_int(&w, "rows", head->rows);
    json_key_text(&w, "hash", head->hash);
    json_object_end(&w);
    struct http_client *client = http_client_new();
    bool done =
        http_client_post(client, url, &json, strbuf_text(&body), body.length, WEBHOOK_MS, &answer, err);
    http_client_free(client);
    strbuf_release(&answer.body);
    if (!done)
        return false;
    return (answer.status >= 200 && answer.status < 300) ||
           error_set(err, ERROR_UNAVAILABLE, "The webhook of the audit head answered with status %d.",
                     "审计链头部的 webhook 返回状态 %d。", answer.status);
}

static bool audit_head_send_to(struct store *store, const char *name, const char *target,
                               bool (*send)(const char *target, const struct audit_head *head,
                                            struct error *err),
                               int *sent, struct error *err)
{
    struct audit_head_sending sending = {.name = name};
    struct audit_head head;
    struct db *db = NULL;
    bool is_sent = false;
    if (!*target)
        return true;
    clock_day_format(clock_day(clock_now_ms()), sending.today);
    if (!store_reader(store, READ_LIMIT_MS, &db, err))
        return false;
    bool done = audit_head_is_sent(db, &sending, &is_sent, err) && audit_head_get(db, &head, err);
    store_reader_return(db);
    if (!done || is_sent)
        return done;
    if (!send(target, &head, err) || !store_write(store, audit_head_set_sent, &sending, err))
        return false;
    ++*sent;
    return true;
}

bool audit_head_send(struct store *store, const char *file, const char *webhook, int *ret_sent,
                     struct error *err)
{
    int sent = 0;
    struct error of_webhook;
    error_clear(&of_webhook);
    bool filed = audit_head_send_to(store, "audit_head_file", file, audit_head_to_file, &sent, err);
    bool posted = audit_head_send_to(store, "audit_head_webhook", webhook, audit_head_to_webhook, &sent,
                                     filed ? err : &of_webhook);
    *ret_sent = sent;
    return filed && posted;
}

/* ---- checking ---- */

struct kept_head {
    int64_t rows;
    char hash[AUDIT_HASH_HEX + 1];
    int line;
};

struct kept_heads {
    struct kept_head *items;
    size_t count, capacity;
};

static void kept_heads_release(struct kept_heads *heads)
{
    free(heads->items);
}

static int kept_head_compare(const void *a, const void *b)
{
    const struct kept_head *left = a, *right = b;
    return (left->rows > right->rows) - (left->rows < right->rows);
}

static void audit_head_read_file(FILE *file, const char *path, struct kept_heads *heads,
                                 struct strbuf *findings)
{
    char text[256];
    for (int line = 1; fgets(text, sizeof(text), file); line++) {
        struct kept_head head = {.line = line};
        char time[32];
        if (sscanf(text, "%31s %" SCNd64 " %64s", time, &head.rows, head.hash) != 3 || head.rows < 0 ||
            strlen(head.hash) != AUDIT_HASH_HEX) {
            strbuf_printf(findings, "%s: line %d is no head of the chain\n", path, line);
            continue;
        }
        if (heads->count == heads->capacity) {
            heads->capacity = heads->capacity ? heads->capacity * 2 : 64;
            heads->items = xrealloc(heads->items, heads->capacity * sizeof(*heads->items));
        }
        heads->items[heads->count++] = head;
    }
    if (heads->count > 1)
        qsort(heads->items, heads->count, sizeof(*heads->items), kept_head_compare);
}

static const char SQL_HASHES[] = "SELECT chain_hash FROM ops_logs ORDER BY id";

bool audit_head_check(struct db *db, const char *file, struct strbuf *ret_findings, struct error *err)
{
    CLEANUP(kept_heads_release) struct kept_heads heads = {0};
    FILE *stream = fopen(file, "re");
    if (!stream) {
        strbuf_printf(ret_findings, "%s: the file of heads cannot be read: %s\n", file, strerror(errno));
        return true;
    }
    audit_head_read_file(stream, file, &heads, ret_findings);
    fclose(stream);
    CLEANUP(db_rows_release) struct db_rows rows = {0};
    size_t next = 0;
    if (!db_query(db, SQL_HASHES, DB_NO_ARGS, &rows, err))
        return false;
    for (int64_t row = 1; next < heads.count && db_next(&rows); row++) {
        char hash[AUDIT_HASH_HEX + 1] = "";
        size_t length;
        const void *bytes = db_column_bytes(&rows, 0, &length);
        if (bytes && length * 2 == AUDIT_HASH_HEX)
            sodium_bin2hex(hash, sizeof(hash), bytes, length);
        for (; next < heads.count && heads.items[next].rows <= row; next++)
            if (heads.items[next].rows == row && strcmp(heads.items[next].hash, hash) != 0)
                strbuf_printf(ret_findings, "%s: line %d: row %" PRId64 " of the chain had another hash\n",
                              file, heads.items[next].line, row);
    }
    if (!db_done(&rows, err))
        return false;
    for (; next < heads.count; next++)
        strbuf_printf(ret_findings, "%s: line %d: the chain had %" PRId64 " rows, and has fewer now\n", file,
                      heads.items[next].line, heads.items[next].rows);
    return true;
}
