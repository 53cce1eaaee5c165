#include "telemetry/logs/log_match.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json_reader.h"
#include "base/memory.h"
#include "search/fold.h"

/* ---- fields ---- */

/* Two numbers are the same text when they are the same double. */
static void log_field_number(double number, char text[static LOG_NUMBER_SIZE])
{
    snprintf(text, LOG_NUMBER_SIZE, "%.17g", number == 0 ? 0.0 : number);
}

void log_fields_each(const char *fields, log_field_fn receive, void *context)
{
    CLEANUP(json_delete) cJSON *object = NULL;
    CLEANUP(strbuf_release) struct strbuf folded = {0};
    char number[LOG_NUMBER_SIZE];
    if (!fields || !json_parse(fields, strlen(fields), &object, NULL) || !cJSON_IsObject(object))
        return;
    for (const cJSON *item = object->child; item; item = item->next) {
        bool more = true;
        if (cJSON_IsString(item)) {
            strbuf_reset(&folded);
            text_fold(item->valuestring, strlen(item->valuestring), &folded);
            more = receive(context, item->string, LOG_FIELD_TEXT, strbuf_text(&folded), folded.length);
        } else if (cJSON_IsNumber(item)) {
            log_field_number(item->valuedouble, number);
            more = receive(context, item->string, LOG_FIELD_NUMBER, number, strlen(number));
        } else if (cJSON_IsBool(item) || cJSON_IsNull(item)) {
            const char *word = cJSON_IsNull(item) ? "null" : cJSON_IsTrue(item) ? "true" : "false";
            more = receive(context, item->string, LOG_FIELD_WORD, word, strlen(word));
        }
        if (!more)
            return;
    }
}

struct log_field_search {
    const struct log_match_node *node;
    bool found;
};

static bool log_field_compare(void *context, const char *key, enum log_field_type type, const char *value,
                              size_t length)
{
    struct log_field_search *search = context;
    const struct log_match_node *node = search->node;
    if (strcmp(key, node->key) != 0)
        return true;
    if (type == LOG_FIELD_NUMBER)
        search->found = strcmp(value, node->number) == 0;
    else
        search->found =
            length == node->folded.length && memcmp(value, strbuf_text(&node->folded), length) == 0;
    return false; /* a name stands once in an object */
}

/* ---- the expression ---- */

static bool log_matcher_add(struct log_matcher *matcher, const struct log_expression *expression, int depth,
                            size_t *ret_place, struct error *err)
{
    if (depth > LOG_EXPRESSION_DEPTH || matcher->node_count == LOG_EXPRESSION_NODES)
        return error_set(err, ERROR_INVALID, "The expression has too many parts.", "查询表达式过于复杂。");
    size_t place = matcher->node_count++;
    struct log_match_node *node = &matcher->nodes[place];
    *node = (struct log_match_node){.kind = expression->kind,
                                    .level = expression->level,
                                    .key = expression->key ? expression->key : "",
                                    .value = expression->value ? expression->value : ""};
    *ret_place = place;
    matcher->has_text |= node->kind == LOG_TEXT;
    if (node->kind == LOG_TEXT || node->kind == LOG_FIELD)
        text_fold(node->value, strlen(node->value), &node->folded);
    if (node->kind == LOG_FIELD) {
        char *end;
        double number = strtod(node->value, &end);
        if (*node->value && !*end && isfinite(number))
            log_field_number(number, node->number);
    }
    bool has_left = node->kind == LOG_AND || node->kind == LOG_OR || node->kind == LOG_NOT;
    if (has_left && !log_matcher_add(matcher, expression->left, depth + 1, &node->left, err))
        return false;
    bool has_right = node->kind == LOG_AND || node->kind == LOG_OR;
    return !has_right || log_matcher_add(matcher, expression->right, depth + 1, &node->right, err);
}

bool log_matcher_init(struct log_matcher *matcher, const struct log_filter *filter, struct error *err)
{
    size_t root;
    *matcher = (struct log_matcher){.filter = filter};
    if (!filter->text)
        return true;
    matcher->nodes = xcalloc(LOG_EXPRESSION_NODES, sizeof(*matcher->nodes));
    if (log_matcher_add(matcher, filter->text, 1, &root, err))
        return true;
    log_matcher_release(matcher);
    return false;
}

void log_matcher_release(struct log_matcher *matcher)
{
    for (size_t i = 0; i < matcher->node_count; i++)
        strbuf_release(&matcher->nodes[i].folded);
    free(matcher->nodes);
    strbuf_release(&matcher->scratch);
    *matcher = (struct log_matcher){0};
}

static bool log_text_equals(const char *text, const char *other)
{
    return strcmp(text ? text : "", other) == 0;
}

static bool log_matcher_evaluate(struct log_matcher *matcher, size_t place, const struct log_record *record)
{
    const struct log_match_node *node = &matcher->nodes[place];
    switch (node->kind) {
    case LOG_AND:
        return log_matcher_evaluate(matcher, node->left, record) &&
               log_matcher_evaluate(matcher, node->right, record);
    case LOG_OR:
        return log_matcher_evaluate(matcher, node->left, record) ||
               log_matcher_evaluate(matcher, node->right, record);
    case LOG_NOT: return !log_matcher_evaluate(matcher, node->left, record);
    case LOG_TEXT:
        return memmem(strbuf_text(&matcher->scratch), matcher->scratch.length, strbuf_text(&node->folded),
                      node->folded.length) != NULL;
    case LOG_FIELD: {
        struct log_field_search search = {.node = node};
        log_fields_each(record->fields, log_field_compare, &search);
        return search.found;
    }
    case LOG_LEVEL_IS: return record->level == node->level;
    case LOG_SOURCE_IS: return log_text_equals(record->source, node->value);
    case LOG_TENANT_IS: return log_text_equals(record->tenant_id, node->value);
    case LOG_REQUEST_IS: return log_text_equals(record->request_id, node->value);
    }
    return false;
}

bool log_matcher_accepts(struct log_matcher *matcher, const struct log_record *record)
{
    const struct log_filter *filter = matcher->filter;
    if (record->timestamp < filter->start || (filter->end && record->timestamp >= filter->end))
        return false;
    if (filter->levels && !(filter->levels & LOG_LEVEL_BIT(record->level)))
        return false;
    if ((filter->source && !log_text_equals(record->source, filter->source)) ||
        (filter->tenant_id && !log_text_equals(record->tenant_id, filter->tenant_id)) ||
        (filter->request_id && !log_text_equals(record->request_id, filter->request_id)))
        return false;
    if (matcher->node_count == 0)
        return true;
    if (matcher->has_text) {
        strbuf_reset(&matcher->scratch);
        text_fold(record->message, strlen(record->message), &matcher->scratch);
    }
    return log_matcher_evaluate(matcher, 0, record);
}
