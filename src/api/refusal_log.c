#include "api/refusal_log.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/route.h"
#include "base/clock.h"
#include "base/json_reader.h"
#include "base/json_writer.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/utf8.h"

#define PEOPLE 128           /* who were refused within a minute; beyond that they share the last place */
#define ACTIONS 12           /* counted apart for a person; beyond that they share the last one */
#define ASKED_BYTES 65536    /* a longer body is named by its length */
#define VALUE_CHARACTERS 200 /* of one value of what was asked; a longer one is cut */
#define PATH_CHARACTERS 300

struct refusal_count {
    const char *action; /* of the route; NULL: free */
    int64_t count;
};

struct refusal_person {
    char user_id[64], username[128]; /* "" where the place is free */
    int64_t began_at;
    int64_t rows, counted;
    struct refusal_count actions[ACTIONS];
};

struct refusal_log {
    struct store *store;
    pthread_mutex_t lock;
    struct refusal_person people[PEOPLE];
    int64_t due_at; /* nobody's minute is over before; 0: nobody is there */
};

struct refusal_log *refusal_log_new(struct store *store)
{
    struct refusal_log *log = xcalloc(1, sizeof(*log));
    log->store = store;
    pthread_mutex_init(&log->lock, NULL);
    return log;
}

/* ---- a row: it outlives the request ---- */

struct refusal_row {
    struct arena arena;
    int64_t at;
    struct actor actor;
    struct audit_entry entry;
};

static bool refusal_row_work(struct db *db, void *context, struct error *err)
{
    const struct refusal_row *row = context;
    return audit_append_at(db, row->at, &row->actor, &row->entry, err);
}

static void refusal_row_free(struct refusal_row *row)
{
    arena_release(&row->arena);
    free(row);
}

static void refusal_row_done(void *context, const struct error *err)
{
    struct refusal_row *row = context;
    if (err)
        log_warn("audit", "a refused %s of %s was not recorded: %s", row->entry.action, row->actor.username,
                 err->detail[LANGUAGE_EN]);
    refusal_row_free(row);
}

static void refusal_row_write(struct refusal_log *log, struct refusal_row *row)
{
    static const struct error full = {.code = ERROR_UNAVAILABLE,
                                      .detail = {[LANGUAGE_EN] = "too many writes wait already"}};
    if (!store_write_async(log->store, refusal_row_work, refusal_row_done, row))
        refusal_row_done(row, &full);
}

static struct refusal_row *refusal_row_new(const char *user_id, const char *username, const char *action)
{
    struct refusal_row *row = xcalloc(1, sizeof(*row));
    row->at = clock_now_ms();
    row->actor = (struct actor){.user_id = arena_strdup(&row->arena, user_id),
                                .username = arena_strdup(&row->arena, username),
                                .ip_address = "",
                                .request_id = ""};
    row->entry = (struct audit_entry){
        .action = action, .target_type = "request", .target_id = "", .result = "refused"};
    return row;
}

/* ---- what was asked ---- */

/* What no log may hold, whichever route takes it. */
static bool refusal_is_secret(const char *name)
{
    static const char *const parts[] = {"password", "secret", "token", "code", "key"};
    for (size_t i = 0; i < ARRAY_SIZE(parts); i++)
        if (strstr(name, parts[i]))
            return true;
    return false;
}

static void refusal_put_value(struct json_writer *w, const char *name, const char *text)
{
    json_key(w, name);
    if (refusal_is_secret(name))
        json_text(w, "***");
    else
        json_text_n(w, text, utf8_cut(text, strlen(text), VALUE_CHARACTERS));
}

static bool refusal_put_query(void *context, const char *name, const char *value)
{
    refusal_put_value(context, name, value ? value : "");
    return true;
}

/* The fields that the route knows; a list, or an object, as its JSON. */
static void refusal_put_body(struct json_writer *w, const struct call *call)
{
    const struct http_request *request = call->request;
    const struct params *params = call->route->params;
    struct error err;
    if (request->body_length > ASKED_BYTES) {
        json_key_int(w, "body_bytes", (int64_t)request->body_length);
        return;
    }
    CLEANUP(json_delete) cJSON *body = NULL;
    if (!request->body || !params || !json_parse(request->body, request->body_length, &body, &err))
        return;
    for (size_t i = 0; i < params->count; i++) {
        const char *name = params->table[i].name;
        const cJSON *value = cJSON_GetObjectItemCaseSensitive(body, name);
        if (params->table[i].in != PARAM_IN_BODY || !value)
            continue;
        CLEANUP(free_pointer) char *text = cJSON_IsString(value) ? NULL : cJSON_PrintUnformatted(value);
        if (text && strlen(text) <= VALUE_CHARACTERS && !refusal_is_secret(name)) {
            json_key(w, name);
            json_raw(w, text);
        } else {
            refusal_put_value(w, name, text ? text : cJSON_IsString(value) ? value->valuestring : "");
        }
    }
}

static const char *refusal_asked(const struct call *call, struct arena *arena)
{
    const struct http_request *request = call->request;
    CLEANUP(strbuf_release) struct strbuf out = {0};
    struct json_writer w = {.out = &out};
    json_object_begin(&w);
    json_key_text(&w, "method", request->method);
    json_key(&w, "path");
    json_text_n(&w, request->path, utf8_cut(request->path, strlen(request->path), PATH_CHARACTERS));
    json_key_int(&w, "status", request->response.status);
    json_key(&w, "asked");
    json_object_begin(&w);
    if (request->query)
        http_query_each(request, refusal_put_query, &w);
    refusal_put_body(&w, call);
    json_object_end(&w);
    json_object_end(&w);
    return out.overflowed ? NULL : arena_strdup(arena, strbuf_text(&out));
}

static void refusal_write(struct refusal_log *log, const struct call *call)
{
    const char *action = call->route->audit_action;
    struct refusal_row *row = refusal_row_new(call->principal.user_id, call->principal.username, action);
    struct arena *arena = &row->arena;
    row->actor.ip_address = arena_strdup(arena, call->request->client_address);
    row->actor.request_id = arena_strdup(arena, call->request->request_id);
    row->entry.target_type = arena_strndup(arena, action, strcspn(action, "."));
    if (call->path.count > 0)
        row->entry.target_id = arena_strdup(arena, call->path.values[0]);
    row->entry.after = refusal_asked(call, arena);
    row->entry.reason = call->refusal ? arena_strdup(arena, call->refusal)
                                      : arena_printf(arena, "status %d", call->request->response.status);
    refusal_row_write(log, row);
}

/* ---- who has had many ---- */

static void refusal_write_counted(struct refusal_log *log, struct refusal_person *person)
{
    if (person->counted > 0) {
        struct refusal_row *row = refusal_row_new(person->user_id, person->username, "request.refuse");
        CLEANUP(strbuf_release) struct strbuf after = {0};
        struct json_writer w = {.out = &after};
        json_object_begin(&w);
        json_key_int(&w, "count", person->counted);
        json_key(&w, "since");
        json_time(&w, person->began_at);
        json_key(&w, "actions");
        json_object_begin(&w);
        for (size_t i = 0; i < ACTIONS && person->actions[i].action; i++)
            json_key_int(&w, person->actions[i].action, person->actions[i].count);
        json_object_end(&w);
        json_object_end(&w);
        row->entry.after = arena_strdup(&row->arena, strbuf_text(&after));
        row->entry.reason = "more refusals within a minute than have rows of their own";
        refusal_row_write(log, row);
    }
    memset(person, 0, sizeof(*person));
}

static void refusal_write_due(struct refusal_log *log, int64_t now)
{
    if (log->due_at == 0 || now < log->due_at)
        return;
    log->due_at = 0;
    for (size_t i = 0; i < PEOPLE; i++) {
        struct refusal_person *person = &log->people[i];
        if (!*person->user_id)
            continue;
        int64_t due_at = person->began_at + MINUTE_MS;
        if (due_at <= now)
            refusal_write_counted(log, person);
        else if (log->due_at == 0 || due_at < log->due_at)
            log->due_at = due_at;
    }
}

static struct refusal_person *refusal_person(struct refusal_log *log, const struct principal *principal,
                                             int64_t now)
{
    struct refusal_person *person = NULL;
    /* All places: one that has become free may stand before the person's own. */
    for (size_t i = 0; i < PEOPLE; i++) {
        if (strcmp(log->people[i].user_id, principal->user_id) == 0)
            return &log->people[i];
        if (!person && !*log->people[i].user_id)
            person = &log->people[i];
    }
    if (!person)
        person = &log->people[PEOPLE - 1];
    if (!*person->user_id) {
        snprintf(person->user_id, sizeof(person->user_id), "%s", principal->user_id);
        snprintf(person->username, sizeof(person->username), "%s", principal->username);
        person->began_at = now;
        if (log->due_at == 0 || now + MINUTE_MS < log->due_at)
            log->due_at = now + MINUTE_MS;
    }
    return person;
}

/* True: it has a row of its own. */
static bool refusal_has_row(struct refusal_person *person, const char *action)
{
    if (person->rows < REFUSAL_ROWS_A_MINUTE) {
        person->rows++;
        return true;
    }
    size_t i = 0;
    while (i < ACTIONS - 1 && person->actions[i].action && strcmp(person->actions[i].action, action) != 0)
        i++;
    if (!person->actions[i].action)
        person->actions[i].action = action;
    person->actions[i].count++;
    person->counted++;
    return false;
}

void refusal_log_add(struct refusal_log *log, const struct call *call)
{
    const int64_t now = call ? call->request->received_at : clock_now_ms();
    const int status = call ? call->request->response.status : 0;
    const bool is_refused =
        call && call->principal.user_id && call->route->audit_action && status >= 400 && status < 500;
    bool has_row = false;
    pthread_mutex_lock(&log->lock);
    refusal_write_due(log, now);
    if (is_refused)
        has_row = refusal_has_row(refusal_person(log, &call->principal, now), call->route->audit_action);
    pthread_mutex_unlock(&log->lock);
    if (has_row)
        refusal_write(log, call);
}

void refusal_log_free(struct refusal_log *log)
{
    if (!log)
        return;
    refusal_write_due(log, INT64_MAX);
    pthread_mutex_destroy(&log->lock);
    free(log);
}
