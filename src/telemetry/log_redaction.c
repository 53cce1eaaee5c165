#include "telemetry/log_redaction.h"

#include <string.h>

#include "security/redaction.h"

typedef void (*log_redactor)(struct strbuf *out, const char *text);

static const char *log_text_redacted(const char *text, log_redactor redactor, struct arena *arena)
{
    CLEANUP(strbuf_release) struct strbuf out = {0};
    if (!text || !*text)
        return text;
    redactor(&out, text);
    return strcmp(strbuf_text(&out), text) == 0 ? text : arena_strndup(arena, out.bytes, out.length);
}

/* Most texts have nothing to mask: they are read once, and not copied. */
static const char *log_message_redacted(const char *text, struct arena *arena)
{
    if (!text || redact_plain_length(text) == strlen(text))
        return text;
    return log_text_redacted(text, redact, arena);
}

struct log_record log_record_redacted(const struct log_record *record, struct arena *arena)
{
    struct log_record redacted = *record;
    redacted.source = log_message_redacted(record->source, arena);
    redacted.message = log_message_redacted(record->message, arena);
    redacted.fields = log_text_redacted(record->fields, redact_json, arena);
    return redacted;
}
