/* The language of log queries, the shape of lines, and the redaction of their texts and fields.
 *
 * Beside the sanitizers' own findings it checks that a tree stays within the store's bounds, that masked texts
 * and shapes are UTF-8, and masked JSON is JSON. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/json_reader.h"
#include "base/memory.h"
#include "base/utf8.h"
#include "ops/logs/log_language.h"
#include "ops/logs/log_shape.h"
#include "security/redaction.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t measure(const struct log_expression *node, size_t depth)
{
    if (!node)
        return 0;
    if (depth > LOG_EXPRESSION_DEPTH)
        abort();
    if (node->kind == LOG_TEXT && !*node->value)
        abort();
    return 1 + measure(node->left, depth + 1) + measure(node->right, depth + 1);
}

static void try_query(const char *text)
{
    CLEANUP(arena_release) struct arena arena = {0};
    const struct log_expression *expression = NULL;
    struct error err;
    error_clear(&err);
    if (log_language_parse(text, &arena, &expression, &err)) {
        if (measure(expression, 1) > LOG_EXPRESSION_NODES)
            abort();
    } else if (err.code != ERROR_INVALID || err.field_count == 0) {
        abort();
    }
}

static void try_redaction(const char *text)
{
    CLEANUP(strbuf_release) struct strbuf once = {0}, shape = {0};
    redact(&once, text);
    if (!utf8_valid(strbuf_text(&once), once.length))
        abort();
    log_shape(strbuf_text(&once), once.length, "request", &shape);
    if (!utf8_valid(strbuf_text(&shape), shape.length))
        abort();
}

static void try_fields(const char *text)
{
    struct error err;
    error_clear(&err);
    cJSON *before = NULL, *after = NULL;
    if (!json_parse(text, strlen(text), &before, &err))
        return;
    CLEANUP(strbuf_release) struct strbuf out = {0};
    redact_json(&out, text);
    if (!utf8_valid(strbuf_text(&out), out.length))
        abort();
    if (!json_parse(strbuf_text(&out), out.length, &after, &err) && err.code == ERROR_BAD_REQUEST)
        abort();
    cJSON_Delete(before);
    cJSON_Delete(after);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CLEANUP(free_pointer) char *text = xmalloc(size + 1);
    if (size > 0)
        memcpy(text, data, size);
    text[size] = '\0';
    if (!utf8_valid(text, strlen(text)))
        return 0;
    try_query(text);
    try_redaction(text);
    try_fields(text);
    return 0;
}
