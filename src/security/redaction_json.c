/* JSON is gone through token by token, so that what is not masked stays byte for byte: numbers beyond a double too. */
#include <cjson/cJSON.h>
#include <ctype.h>
#include <string.h>

#include "base/json_writer.h"
#include "base/memory.h"
#include "security/redaction.h"

struct json_redaction {
    struct strbuf *out;
    struct strbuf shown;
    size_t depth;
    size_t secret_depth; /* below it all is the value of a secret; 0: nothing is */
    bool is_secret;      /* the value that follows is one's */
};

static const char *json_text_end(const char *at)
{
    for (at++; *at && *at != '"'; at++)
        if (*at == '\\' && at[1])
            at++;
    return *at ? at + 1 : at;
}

static void redact_json_put_text(struct json_redaction *state, const char *text)
{
    struct json_writer w = {.out = state->out};
    json_text(&w, text);
}

/* A text, or a name: then a colon follows. */
static const char *redact_json_text(struct json_redaction *state, const char *at)
{
    const char *end = json_text_end(at);
    bool is_name = end[strspn(end, " \t\r\n")] == ':';
    cJSON *parsed = cJSON_ParseWithLength(at, (size_t)(end - at));
    const char *text = cJSON_IsString(parsed) ? parsed->valuestring : "";
    bool hidden = !is_name && (state->is_secret || state->secret_depth > 0) && *text;
    strbuf_reset(&state->shown);
    if (hidden)
        strbuf_puts(&state->shown, "***");
    else
        redact(&state->shown, text);
    if (cJSON_IsString(parsed) && strcmp(strbuf_text(&state->shown), text) == 0)
        strbuf_append(state->out, at, (size_t)(end - at));
    else
        redact_json_put_text(state, strbuf_text(&state->shown));
    state->is_secret = is_name && redact_is_secret_name(text);
    cJSON_Delete(parsed);
    return end;
}

static const char *redact_json_number(struct json_redaction *state, const char *at)
{
    size_t length = strspn(at, "0123456789+-.eE");
    CLEANUP(strbuf_release) struct strbuf number = {0};
    strbuf_append(&number, at, length);
    strbuf_reset(&state->shown);
    if (state->is_secret || state->secret_depth > 0)
        strbuf_puts(&state->shown, "***");
    else
        redact(&state->shown, number.bytes);
    if (strcmp(strbuf_text(&state->shown), number.bytes) == 0)
        strbuf_append(state->out, at, length);
    else
        redact_json_put_text(state, strbuf_text(&state->shown));
    return at + length;
}

static void redact_json_mark(struct json_redaction *state, char mark)
{
    if (mark == '{' || mark == '[') {
        state->depth++;
        if (state->is_secret && state->secret_depth == 0)
            state->secret_depth = state->depth;
    } else if ((mark == '}' || mark == ']') && state->depth > 0) {
        if (state->secret_depth == state->depth)
            state->secret_depth = 0;
        state->depth--;
    }
    if (strchr("{[}],", mark))
        state->is_secret = false;
    strbuf_putc(state->out, mark);
}

void redact_json(struct strbuf *out, const char *json)
{
    size_t length = strlen(json);
    if (!memchr(json, '\\', length) && redact_plain_length(json) == length) {
        strbuf_append(out, json, length);
        return;
    }
    struct json_redaction state = {.out = out};
    for (const char *at = json; *at;) {
        if (*at == '"')
            at = redact_json_text(&state, at);
        else if (isdigit((unsigned char)*at) || *at == '-')
            at = redact_json_number(&state, at);
        else
            redact_json_mark(&state, *at++);
    }
    strbuf_release(&state.shown);
}
