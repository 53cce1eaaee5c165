#include <stdarg.h>
#include <stdio.h>

#include "base/utf8.h"
#include "ops/transfer/import_internal.h"

static const char *const codes[IMPORT_WARNING_KINDS] = {
    [IMPORT_WARNING_ENCODING] = "encoding",   [IMPORT_WARNING_HEADING] = "heading",
    [IMPORT_WARNING_FIRST_ROW] = "first_row", [IMPORT_WARNING_NUMBER_FORMAT] = "number_format",
    [IMPORT_WARNING_DIGITS] = "digits",       [IMPORT_WARNING_OTHER_TENANT] = "other_tenants",
};

void import_warn(struct import_warnings *warnings, enum import_warning_kind kind, int64_t row, const char *en,
                 const char *zh, ...)
{
    char(*message)[256] = warnings->kinds[kind].message;
    va_list args, again;
    warnings->kinds[kind].count += row > 0;
    if (*message[LANGUAGE_EN])
        return;
    warnings->kinds[kind].row = row;
    va_start(args, zh);
    va_copy(again, args);
    vsnprintf(message[LANGUAGE_EN], sizeof(message[0]), en, args);
    vsnprintf(message[LANGUAGE_ZH], sizeof(message[0]), zh, again);
    va_end(again);
    va_end(args);
    for (size_t language = 0; language < LANGUAGE_COUNT; language++)
        utf8_drop_invalid(message[language]);
}

struct import_warning *import_warnings_list(const struct import_warnings *warnings, enum language language,
                                            struct arena *arena, size_t *ret_count)
{
    struct import_warning *list = arena_alloc(arena, IMPORT_WARNING_KINDS * sizeof(*list));
    size_t count = 0;
    for (size_t i = 0; i < IMPORT_WARNING_KINDS; i++) {
        const char *message = warnings->kinds[i].message[language];
        if (!*message)
            continue;
        list[count] = (struct import_warning){
            .code = codes[i],
            .row = warnings->kinds[i].row,
            .count = warnings->kinds[i].count,
            .message = arena_strdup(arena, message),
        };
        count++;
    }
    *ret_count = count;
    return list;
}
