#include "ops/logs/log_language.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "base/utf8.h"

/* A recursive descent over the text, one token ahead. */
enum language_token {
    LANGUAGE_END,
    LANGUAGE_OPEN,
    LANGUAGE_CLOSE,
    LANGUAGE_AND,
    LANGUAGE_OR,
    LANGUAGE_NOT,
    LANGUAGE_TEXT,  /* `value` */
    LANGUAGE_FIELD, /* `key`: `value` */
};

struct language_parser {
    const char *query, *at; /* `at`: behind the present token */
    const char *start;      /* of the present token */
    const char *value_at;   /* of its value */
    enum language_token token;
    const char *key, *value;
    size_t depth, terms;
    struct arena *arena;
    struct error *err;
};

static size_t language_column(const struct language_parser *parser, const char *at)
{
    return utf8_count(parser->query, (size_t)(at - parser->query)) + 1;
}

#define LANGUAGE_FAIL(parser, at, en, zh)                                                                    \
    error_add_field((parser)->err, "query", "Column %zu: " en ".", "第 %zu 列：" zh "。",                    \
                    language_column(parser, at))

/* --- tokens */

static const char *language_skip_blanks(const char *at)
{
    for (;; at++) {
        if (strncmp(at, "\u3000", 3) == 0)
            at += 2;
        else if (!*at || !strchr(" \t\r\n", *at))
            return at;
    }
}

static size_t language_word_length(const char *at)
{
    size_t length = 0;
    while (at[length] && !strchr(" \t\r\n()\"", at[length]) && strncmp(at + length, "\u3000", 3) != 0)
        length++;
    return length;
}

/* A quoted text from its quotation mark on. */
static bool language_read_quoted(struct language_parser *parser, const char **ret_text)
{
    const char *open = parser->at, *at = open + 1;
    char *text = arena_alloc(parser->arena, strlen(at) + 1);
    size_t length = 0;
    for (; *at && *at != '"'; at++) {
        if (*at == '\\' && (at[1] == '"' || at[1] == '\\'))
            at++;
        text[length++] = *at;
    }
    if (!*at)
        return LANGUAGE_FAIL(parser, open, "the quotation mark is not closed; another \" was expected",
                             "引号未闭合，缺少结束的 \"");
    if (length == 0)
        return LANGUAGE_FAIL(parser, open, "a text was expected between the quotation marks",
                             "引号之间应有文字");
    parser->at = at + 1;
    *ret_text = text;
    return true;
}

static bool language_is_name(const char *at, size_t length)
{
    if (length == 0 || !(isalpha((unsigned char)at[0]) || at[0] == '_' || (unsigned char)at[0] >= 0x80))
        return false;
    for (size_t i = 0; i < length; i++)
        if (!isalnum((unsigned char)at[i]) && !strchr("_.-@", at[i]) && (unsigned char)at[i] < 0x80)
            return false;
    return true;
}

/* Behind `key:`; the value is quoted, or a word. */
static bool language_read_value(struct language_parser *parser, const char *key)
{
    size_t length = language_word_length(parser->at);
    parser->token = LANGUAGE_FIELD;
    parser->key = key;
    parser->value_at = parser->at;
    if (*parser->at == '"')
        return language_read_quoted(parser, &parser->value);
    if (length == 0)
        return LANGUAGE_FAIL(parser, parser->at, "a value was expected after the colon", "冒号之后应有值");
    parser->value = arena_strndup(parser->arena, parser->at, length);
    parser->at += length;
    return true;
}

/* A word of the language, `name:value`, or a text. An address (http://…) and what begins with a digit (10:20) is a
 * text. */
static bool language_read_word(struct language_parser *parser)
{
    static const struct {
        const char *word;
        enum language_token token;
    } words[] = {{"AND", LANGUAGE_AND}, {"OR", LANGUAGE_OR}, {"NOT", LANGUAGE_NOT}};
    size_t length = language_word_length(parser->at);
    const char *at = parser->at, *colon = memchr(at, ':', length);
    if (colon && language_is_name(at, (size_t)(colon - at)) && strncmp(colon, "://", 3) != 0) {
        parser->at = colon + 1;
        return language_read_value(parser, arena_strndup(parser->arena, at, (size_t)(colon - at)));
    }
    parser->at += length;
    for (size_t i = 0; i < ARRAY_SIZE(words); i++)
        if (strlen(words[i].word) == length && memcmp(words[i].word, at, length) == 0) {
            parser->token = words[i].token;
            return true;
        }
    parser->token = LANGUAGE_TEXT;
    parser->value = arena_strndup(parser->arena, at, length);
    return true;
}

static bool language_next(struct language_parser *parser)
{
    parser->start = parser->at = language_skip_blanks(parser->at);
    switch (*parser->at) {
    case '\0': parser->token = LANGUAGE_END; return true;
    case '(':
        parser->token = LANGUAGE_OPEN;
        parser->at++;
        return true;
    case ')':
        parser->token = LANGUAGE_CLOSE;
        parser->at++;
        return true;
    case '"':
        parser->token = LANGUAGE_TEXT;
        if (!language_read_quoted(parser, &parser->value))
            return false;
        if (*parser->at != ':')
            return true;
        parser->at++;
        return language_read_value(parser, parser->value);
    default: return language_read_word(parser);
    }
}

/* --- the tree */

static struct log_expression *language_node(struct language_parser *parser, enum log_expression_kind kind,
                                            const struct log_expression *left,
                                            const struct log_expression *right)
{
    struct log_expression *node = arena_alloc(parser->arena, sizeof(*node));
    *node = (struct log_expression){.kind = kind, .left = left, .right = right};
    return node;
}

static bool language_level(struct language_parser *parser, struct log_expression *node)
{
    static const char *const names[] = {"DEBUG", "INFO", "WARN", "ERROR"};
    for (size_t i = 0; i < ARRAY_SIZE(names); i++)
        if (strcasecmp(parser->value, names[i]) == 0) {
            node->kind = LOG_LEVEL_IS;
            node->level = (enum log_level)i;
            return true;
        }
    return LANGUAGE_FAIL(parser, parser->value_at, "DEBUG, INFO, WARN or ERROR was expected",
                         "应为 DEBUG、INFO、WARN 或 ERROR");
}

static bool language_field(struct language_parser *parser, struct log_expression *node)
{
    static const struct {
        const char *name;
        enum log_expression_kind kind;
    } columns[] = {{"source", LOG_SOURCE_IS}, {"tenant", LOG_TENANT_IS}, {"request", LOG_REQUEST_IS}};
    if (strcmp(parser->key, "level") == 0)
        return language_level(parser, node);
    node->kind = LOG_FIELD;
    node->key = parser->key;
    node->value = parser->value;
    for (size_t i = 0; i < ARRAY_SIZE(columns); i++)
        if (strcmp(parser->key, columns[i].name) == 0)
            node->kind = columns[i].kind;
    return true;
}

static bool language_any(struct language_parser *parser, const struct log_expression **ret);

static bool language_in_brackets(struct language_parser *parser, const struct log_expression **ret)
{
    const char *open = parser->start;
    if (!language_next(parser) || !language_any(parser, ret))
        return false;
    if (parser->token == LANGUAGE_CLOSE)
        return language_next(parser);
    return LANGUAGE_FAIL(parser, open, "the bracket is not closed; ) was expected", "括号未闭合，缺少 )");
}

static bool language_negated(struct language_parser *parser, const struct log_expression **ret);

/* One term, or what stands in brackets. */
static bool language_term(struct language_parser *parser, const struct log_expression **ret)
{
    struct log_expression *node;
    switch (parser->token) {
    case LANGUAGE_OPEN: return language_in_brackets(parser, ret);
    case LANGUAGE_TEXT:
    case LANGUAGE_FIELD:
        if (++parser->terms > LOG_QUERY_TERMS)
            return LANGUAGE_FAIL(parser, parser->start, "60 terms at most were expected", "最多 60 个条件");
        node = language_node(parser, LOG_TEXT, NULL, NULL);
        node->value = parser->value;
        if (parser->token == LANGUAGE_FIELD && !language_field(parser, node))
            return false;
        *ret = node;
        return language_next(parser);
    case LANGUAGE_END:
        return LANGUAGE_FAIL(parser, parser->start, "the query ends where a word or ( was expected",
                             "查询在此结束，应有词语或 (");
    default:
        return LANGUAGE_FAIL(parser, parser->start,
                             "a word, a \"quoted text\", field:value or ( was expected",
                             "应为词语、\"引号文字\"、字段:值 或 (");
    }
}

static bool language_negated(struct language_parser *parser, const struct log_expression **ret)
{
    *ret = NULL;
    if (parser->token != LANGUAGE_NOT && parser->token != LANGUAGE_OPEN)
        return language_term(parser, ret);
    if (parser->depth == LOG_QUERY_DEPTH)
        return LANGUAGE_FAIL(parser, parser->start, "brackets and NOT go 16 deep at most",
                             "括号与 NOT 最多嵌套 16 层");
    parser->depth++;
    bool negated = parser->token == LANGUAGE_NOT;
    bool done = negated ? language_next(parser) && language_negated(parser, ret) : language_term(parser, ret);
    parser->depth--;
    if (done && negated)
        *ret = language_node(parser, LOG_NOT, *ret, NULL);
    return done;
}

/* The trees of `count` terms as one, as flat as can be: a chain of sixty would be sixty deep. */
static const struct log_expression *language_join(struct language_parser *parser,
                                                  enum log_expression_kind kind,
                                                  const struct log_expression **terms, size_t count)
{
    if (count == 1)
        return terms[0];
    size_t half = count / 2;
    return language_node(parser, kind, language_join(parser, kind, terms, half),
                         language_join(parser, kind, terms + half, count - half));
}

static bool language_all(struct language_parser *parser, const struct log_expression **ret)
{
    const struct log_expression *terms[LOG_QUERY_TERMS + 1];
    size_t count = 0;
    do {
        if (parser->token == LANGUAGE_AND && !language_next(parser))
            return false;
        if (!language_negated(parser, &terms[count++]))
            return false;
    } while (parser->token != LANGUAGE_END && parser->token != LANGUAGE_CLOSE &&
             parser->token != LANGUAGE_OR);
    *ret = language_join(parser, LOG_AND, terms, count);
    return true;
}

static bool language_any(struct language_parser *parser, const struct log_expression **ret)
{
    const struct log_expression *terms[LOG_QUERY_TERMS + 1];
    size_t count = 0;
    for (;;) {
        if (parser->token == LANGUAGE_AND || parser->token == LANGUAGE_OR)
            return LANGUAGE_FAIL(parser, parser->start,
                                 "a word, a \"quoted text\", field:value or ( was expected",
                                 "应为词语、\"引号文字\"、字段:值 或 (");
        if (!language_all(parser, &terms[count++]))
            return false;
        if (parser->token != LANGUAGE_OR)
            break;
        if (!language_next(parser))
            return false;
    }
    *ret = language_join(parser, LOG_OR, terms, count);
    return true;
}

bool log_language_parse(const char *query, struct arena *arena, const struct log_expression **ret_expression,
                        struct error *err)
{
    struct language_parser parser = {.query = query, .at = query, .arena = arena, .err = err};
    const struct log_expression *expression = NULL;
    if (utf8_count(query, strlen(query)) > LOG_QUERY_MAX)
        return error_add_field(err, "query", "At most %d characters.", "最多 %d 个字符。", LOG_QUERY_MAX);
    if (!language_next(&parser))
        return false;
    if (parser.token != LANGUAGE_END && !language_any(&parser, &expression))
        return false;
    if (parser.token != LANGUAGE_END)
        return LANGUAGE_FAIL(&parser, parser.start,
                             "there is no bracket that this ) closes; the end was expected",
                             "多余的 )，此处应结束");
    *ret_expression = expression;
    return true;
}
