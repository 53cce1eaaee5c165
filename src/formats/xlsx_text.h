/* How a workbook writes characters that XML has none for: _x000D_ is U+000D, and so that a text may hold
 * just these letters, _x005F_x000D_ is "_x000D_" (ECMA-376 part 1, 22.9.2.19). */
#ifndef KIMONO_FORMATS_XLSX_TEXT_H
#define KIMONO_FORMATS_XLSX_TEXT_H

#include <stdbool.h>

#include "base/strbuf.h"

/* Takes the escapes away, in place; the length after. A NUL or half a surrogate pair stays escaped. */
size_t xlsx_text_decode(char *text, size_t length);

/* Whether the text has anything to escape; appends it escaped. UTF-8. */
bool xlsx_text_needs_escape(const char *text);
void xlsx_text_escape(const char *text, struct strbuf *out);

#endif
