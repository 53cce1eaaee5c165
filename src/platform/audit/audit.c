#include "platform/audit/audit.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <pwd.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/json_writer.h"
#include "base/memory.h"
#include "platform/text_rules.h"

#define HASH_SIZE crypto_hash_sha256_BYTES
#define HEX_LENGTH ((size_t)2 * HASH_SIZE)
#define HEAD_SIZE 96 /* "<rows> <64 hexadecimal digits>" */

const struct actor actor_system = {.user_id = "", .username = "system", .ip_address = "", .request_id = ""};

static char command_line_name[64];

static void actor_name_command_line(void)
{
    struct passwd entry, *found = NULL;
    char buffer[4096];
    bool known = getpwuid_r(getuid(), &entry, buffer, sizeof(buffer), &found) == 0 && found;
    if (known)
        snprintf(command_line_name, sizeof(command_line_name), "cli:%s", found->pw_name);
    else
        snprintf(command_line_name, sizeof(command_line_name), "cli:%u", (unsigned)getuid());
}

struct actor actor_command_line(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, actor_name_command_line);
    return (struct actor){.user_id = "", .username = command_line_name, .ip_address = "", .request_id = ""};
}

/* --- the chain */

struct head {
    int64_t rows;
    unsigned char hash[HASH_SIZE];
};

/* What is hashed of a row. Lengths are those in the store: a NUL put into a text later is found. */
struct hashed_row {
    int64_t timestamp;
    struct text_span texts[9];
};

static struct text_span audit_span(const char *text)
{
    return (struct text_span){text ? text : "", text ? strlen(text) : 0};
}

static void audit_hash_text(crypto_hash_sha256_state *state, struct text_span text)
{
    unsigned char length[8];
    for (size_t i = 0; i < sizeof(length); i++)
        length[i] = (unsigned char)((uint64_t)text.length >> (56 - 8 * i));
    crypto_hash_sha256_update(state, length, sizeof(length));
    crypto_hash_sha256_update(state, (const unsigned char *)text.bytes, text.length);
}

/* `hash` is that of the row before, and becomes this row's. */
static void audit_chain_row(unsigned char hash[static HASH_SIZE], const struct hashed_row *row)
{
    crypto_hash_sha256_state state;
    char timestamp[24];
    snprintf(timestamp, sizeof(timestamp), "%" PRId64, row->timestamp);
    crypto_hash_sha256_init(&state);
    crypto_hash_sha256_update(&state, hash, HASH_SIZE);
    audit_hash_text(&state, audit_span(timestamp));
    for (size_t i = 0; i < ARRAY_SIZE(row->texts); i++)
        audit_hash_text(&state, row->texts[i]);
    crypto_hash_sha256_final(&state, hash);
}

static const char SQL_HEAD[] = "SELECT value FROM meta WHERE name = 'audit_head'";

static bool audit_head_parse(const char *text, struct head *ret_head)
{
    char *hex;
    errno = 0;
    struct head head = {.rows = strtoll(text, &hex, 10)};
    if (errno != 0 || head.rows <= 0 || *hex++ != ' ' || strlen(hex) != HEX_LENGTH ||
        sodium_hex2bin(head.hash, HASH_SIZE, hex, HEX_LENGTH, NULL, NULL, NULL) != 0)
        return false;
    *ret_head = head;
    return true;
}

/* All zero while there is no row. `ret_damaged`: what stands there is no head. */
static bool audit_head_read(struct db *db, struct head *ret_head, bool *ret_damaged, struct error *err)
{
    CLEANUP(db_rows_release) struct db_rows rows = {0};
    struct head head = {0};
    if (!db_query(db, SQL_HEAD, DB_NO_ARGS, &rows, err))
        return false;
    bool damaged = db_next(&rows) && !audit_head_parse(db_column_text(&rows, 0), &head);
    if (!db_done(&rows, err))
        return false;
    *ret_head = head;
    *ret_damaged = damaged;
    return true;
}

static bool audit_refuse_damaged(struct error *err)
{
    return error_set(err, ERROR_INTERNAL, "The head of the audit chain is damaged: run 'kimono check'.",
                     "审计链头部已损坏：请运行 kimono check。");
}

bool audit_head_get(struct db *db, struct audit_head *ret_head, struct error *err)
{
    struct head head;
    bool damaged;
    if (!audit_head_read(db, &head, &damaged, err))
        return false;
    if (damaged)
        return audit_refuse_damaged(err);
    ret_head->rows = head.rows;
    sodium_bin2hex(ret_head->hash, sizeof(ret_head->hash), head.hash, HASH_SIZE);
    return true;
}

static const char SQL_SET_HEAD[] = "INSERT INTO meta(name, value) VALUES ('audit_head', $1)"
                                   " ON CONFLICT (name) DO UPDATE SET value = excluded.value";

/* --- writing */

static const char SQL_INSERT[] =
    "INSERT INTO ops_logs(timestamp, user_id, username, action, target_type, target_id, details,"
    " ip_address, request_id, result, chain_hash) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)";

/* The row, and with it the chain's new head. */
static bool audit_insert(struct db *db, const struct hashed_row *row, struct head *head, struct error *err)
{
    struct db_value values[ARRAY_SIZE(row->texts) + 2];
    size_t count = 0;
    audit_chain_row(head->hash, row);
    head->rows++;
    values[count++] = db_int(row->timestamp);
    for (size_t i = 0; i < ARRAY_SIZE(row->texts); i++)
        values[count++] = db_text_n(row->texts[i].bytes, row->texts[i].length);
    values[count++] = db_bytes(head->hash, HASH_SIZE);
    if (!db_execute(db, SQL_INSERT, values, count, NULL, err))
        return false;
    char hex[HEX_LENGTH + 1], text[HEAD_SIZE];
    sodium_bin2hex(hex, sizeof(hex), head->hash, HASH_SIZE);
    snprintf(text, sizeof(text), "%" PRId64 " %s", head->rows, hex);
    return db_execute(db, SQL_SET_HEAD, DB_ARGS(db_text(text)), NULL, err);
}

bool audit_append(struct db *db, const struct actor *actor, const struct audit_entry *entry,
                  struct error *err)
{
    return audit_append_at(db, clock_now_ms(), actor, entry, err);
}

bool audit_append_at(struct db *db, int64_t at, const struct actor *actor, const struct audit_entry *entry,
                     struct error *err)
{
    CLEANUP(strbuf_release) struct strbuf details = {0};
    struct json_writer w = {.out = &details};
    json_object_begin(&w);
    json_key(&w, "before");
    json_raw(&w, entry->before);
    json_key(&w, "after");
    json_raw(&w, entry->after);
    json_key_text(&w, "reason", entry->reason);
    json_object_end(&w);
    if (details.overflowed)
        return error_set(err, ERROR_TOO_LARGE, "The change is too large for the audit log.",
                         "变更内容过大，无法记入审计日志。");
    struct head head;
    bool damaged;
    struct hashed_row row = {
        .timestamp = at,
        .texts = {audit_span(actor->user_id),
                  audit_span(actor->username),
                  audit_span(entry->action),
                  audit_span(entry->target_type),
                  audit_span(entry->target_id),
                  {strbuf_text(&details), details.length},
                  audit_span(actor->ip_address),
                  audit_span(actor->request_id),
                  audit_span(entry->result ? entry->result : "done")},
    };
    if (!audit_head_read(db, &head, &damaged, err))
        return false;
    if (damaged)
        return audit_refuse_damaged(err);
    return audit_insert(db, &row, &head, err);
}

struct note {
    const struct actor *actor;
    const struct audit_entry *entry;
};

static bool audit_note_work(struct db *db, void *context, struct error *err)
{
    const struct note *note = context;
    return audit_append(db, note->actor, note->entry, err);
}

bool audit_note(struct store *store, const struct actor *actor, const struct audit_entry *entry,
                struct error *err)
{
    struct note note = {actor, entry};
    return store_write(store, audit_note_work, &note, err);
}

/* --- checking */

static const char SQL_ALL[] =
    "SELECT id, chain_hash, timestamp, user_id, username, action, target_type, target_id, details,"
    " ip_address, request_id, result FROM ops_logs ORDER BY id";

#define FIRST_TEXT 3 /* columns from here on are hashed_row's texts */

struct check {
    struct head head; /* as it was before the first row was read */
    int64_t rows;     /* met so far */
    int64_t last_id;
    unsigned char hash[HASH_SIZE];
    bool head_met;
    struct strbuf *findings;
};

/* After a break the row's own hash is taken for good, so that one break is one finding. */
static void audit_check_row(struct check *check, const struct db_rows *rows)
{
    int64_t id = db_column_int(rows, 0);
    struct hashed_row row = {.timestamp = db_column_int(rows, 2)};
    for (size_t i = 0; i < ARRAY_SIZE(row.texts); i++)
        row.texts[i].bytes = db_column_bytes(rows, FIRST_TEXT + (int)i, &row.texts[i].length);
    audit_chain_row(check->hash, &row);
    size_t length = 0;
    const void *stored = db_column_bytes(rows, 1, &length);
    if (!stored || length != HASH_SIZE) {
        strbuf_printf(check->findings, "ops_logs: row %" PRId64 " has no hash\n", id);
    } else if (memcmp(stored, check->hash, HASH_SIZE) != 0) {
        strbuf_printf(check->findings,
                      "ops_logs: the chain breaks at row %" PRId64 ": it, or a row after %" PRId64
                      ", was altered or removed\n",
                      id, check->last_id);
        memcpy(check->hash, stored, HASH_SIZE);
    }
    check->last_id = id;
    check->rows++;
    check->head_met = check->head_met || memcmp(check->hash, check->head.hash, HASH_SIZE) == 0;
}

bool audit_check(struct db *db, struct strbuf *ret_findings, struct error *err)
{
    struct check check = {.findings = ret_findings};
    bool damaged;
    CLEANUP(db_rows_release) struct db_rows rows = {0};
    if (!audit_head_read(db, &check.head, &damaged, err) || !db_query(db, SQL_ALL, DB_NO_ARGS, &rows, err))
        return false;
    while (db_next(&rows))
        audit_check_row(&check, &rows);
    if (!db_done(&rows, err))
        return false;
    if (check.rows < check.head.rows)
        strbuf_printf(ret_findings, "ops_logs: %" PRId64 " rows of %" PRId64 " are left\n", check.rows,
                      check.head.rows);
    if (check.head.rows > 0 && !check.head_met)
        strbuf_puts(ret_findings, "ops_logs: the newest row of the chain is missing\n");
    if (!damaged && (check.head.rows > 0 || check.rows == 0))
        return true;
    /* Rows but no head: the first row may have come after the head was read. */
    if (!audit_head_read(db, &check.head, &damaged, err))
        return false;
    if (check.head.rows == 0)
        strbuf_printf(ret_findings, "ops_logs: the chain's head in meta is %s\n",
                      damaged ? "damaged" : "missing");
    return true;
}
