#include "formats/cell_guard.h"

#include <stddef.h>
#include <string.h>

#include "base/memory.h"

static bool text_begins_formula(const char *text)
{
    static const char *const starts[] = {"=", "+", "-", "@", "＝", "＋", "－", "＠"};
    if (*text && strchr("\t\r\n", *text))
        return true;
    text += strspn(text, " \t\r\n");
    for (size_t i = 0; i < ARRAY_SIZE(starts); i++)
        if (strncmp(text, starts[i], strlen(starts[i])) == 0)
            return true;
    return false;
}

bool cell_guard_text_needs(const char *text)
{
    return text_begins_formula(text + strspn(text, "'"));
}

bool cell_guard_workbook_needs(const char *text)
{
    return *text == '\'' && cell_guard_text_needs(text);
}

const char *cell_guard_decode(const char *cell)
{
    return cell_guard_workbook_needs(cell) ? cell + 1 : cell;
}
