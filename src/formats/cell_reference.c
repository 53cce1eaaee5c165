#include "formats/cell_reference.h"

#define MOST 1000000000

const char *cell_reference_parse(const char *text, int64_t *ret_column, int64_t *ret_row)
{
    int64_t column = 0, row = 0;
    text += *text == '$';
    for (; (*text | 0x20) >= 'a' && (*text | 0x20) <= 'z'; text++) /* ASCII, as all of a reference is */
        column = column > MOST ? column : column * 26 + ((*text | 0x20) - 'a' + 1);
    text += *text == '$';
    for (; *text >= '0' && *text <= '9'; text++)
        row = row > MOST ? row : row * 10 + (*text - '0');
    *ret_column = column > MOST ? MOST : column - 1;
    *ret_row = row == 0 ? -1 : row;
    return text;
}

const char *cell_reference_letters(int64_t column, char ret_letters[static 16])
{
    char *at = ret_letters + 15;
    *at = '\0';
    for (int64_t left = column + 1; left > 0; left = (left - 1) / 26)
        *--at = (char)('A' + (left - 1) % 26);
    return at;
}
