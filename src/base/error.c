#include "base/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/utf8.h"

static const struct {
    int status;
    const char *slug;
    const char *title[LANGUAGE_COUNT];
} errors[] = {
#define X(code, status, slug, en, zh) [code] = {status, slug, {en, zh}},
    ERROR_TABLE(X)
#undef X
};

static void error_format_both(char (*texts)[384], const char *en, const char *zh, va_list args)
{
    va_list again;
    va_copy(again, args);
    vsnprintf(texts[LANGUAGE_EN], sizeof(texts[0]), en, args);
    vsnprintf(texts[LANGUAGE_ZH], sizeof(texts[0]), zh, again);
    va_end(again);
    /* A text that was cut, here or by a precision ("%.40s"), must still be UTF-8. */
    utf8_drop_invalid(texts[LANGUAGE_EN]);
    utf8_drop_invalid(texts[LANGUAGE_ZH]);
}

bool error_set(struct error *err, enum error_code code, const char *en, const char *zh, ...)
{
    if (!err)
        return false;
    error_clear(err);
    err->code = code;
    va_list args;
    va_start(args, zh);
    error_format_both(err->detail, en, zh, args);
    va_end(args);
    return false;
}

static void error_put_field(struct error *err, const char *field, char (*texts)[384])
{
    struct error_field *slot = &err->fields[err->field_count++];
    utf8_copy(slot->field, sizeof(slot->field), field);
    for (int language = 0; language < LANGUAGE_COUNT; language++)
        utf8_copy(slot->message[language], sizeof(slot->message[0]), texts[language]);
}

bool error_set_field(struct error *err, enum error_code code, const char *field, const char *en,
                     const char *zh, ...)
{
    if (!err)
        return false;
    error_clear(err);
    err->code = code;
    va_list args;
    va_start(args, zh);
    error_format_both(err->detail, en, zh, args);
    va_end(args);
    error_put_field(err, field, err->detail);
    return false;
}

bool error_add_field(struct error *err, const char *field, const char *en, const char *zh, ...)
{
    if (!err)
        return false;
    if (err->code == ERROR_NONE)
        error_set(err, ERROR_INVALID, "Some fields are wrong; see 'errors'.", "部分字段有误，详见 errors。");
    if (err->field_count == ERROR_FIELDS_MAX)
        return false;
    char texts[LANGUAGE_COUNT][384];
    va_list args;
    va_start(args, zh);
    error_format_both(texts, en, zh, args);
    va_end(args);
    error_put_field(err, field, texts);
    return false;
}

bool error_prefix(struct error *err, const char *en, const char *zh, ...)
{
    if (!err)
        return false;
    char before[LANGUAGE_COUNT][384], after[LANGUAGE_COUNT][384];
    memcpy(after, err->detail, sizeof(after));
    va_list args;
    va_start(args, zh);
    error_format_both(before, en, zh, args);
    va_end(args);
    for (int language = 0; language < LANGUAGE_COUNT; language++) {
        size_t size = sizeof(err->detail[0]);
        before[language][size - 3] = '\0';
        utf8_drop_invalid(before[language]);
        size_t used = strlen(before[language]);
        memcpy(err->detail[language], before[language], used);
        memcpy(err->detail[language] + used, ": ", 2);
        size_t rest = strnlen(after[language], size - used - 3);
        memcpy(err->detail[language] + used + 2, after[language], rest);
        err->detail[language][used + 2 + rest] = '\0';
        utf8_drop_invalid(err->detail[language]);
    }
    return false;
}

int error_status(enum error_code code)
{
    return errors[code].status;
}

const char *error_slug(enum error_code code)
{
    return errors[code].slug;
}

const char *error_title(enum error_code code, enum language language)
{
    return errors[code].title[language];
}
