#include "http/disposition.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "base/strbuf.h"

/* Reads "=value", a token or quoted, into `text_out`, and the space behind it; NULL: it is none. */
static const char *read_parameter_value(const char *at, char *text_out)
{
    if (*at++ != '=')
        return NULL;
    if (*at == '"') {
        for (at++; *at && *at != '"'; at++) {
            if (*at == '\\' && (at[1] == '"' || at[1] == '\\'))
                at++;
            *text_out++ = *at;
        }
        if (*at++ != '"')
            return NULL;
    } else {
        size_t length = strcspn(at, "; \t");
        if (length == 0)
            return NULL;
        memcpy(text_out, at, length);
        text_out += length;
        at += length;
    }
    *text_out = '\0';
    return at + strspn(at, " \t");
}

bool http_header_parameter(struct arena *arena, const char *header, const char *name, const char **ret_value)
{
    const char *at = header + strcspn(header, ";"), *found = NULL;
    char *value = arena_alloc(arena, strlen(at) + 1);
    while (*at == ';') {
        at++;
        at += strspn(at, " \t");
        if (*at == ';' || *at == '\0') /* an empty one does no harm */
            continue;
        size_t length = strcspn(at, "=; \t\"");
        bool wanted = length == strlen(name) && strncasecmp(at, name, length) == 0;
        at = length > 0 ? read_parameter_value(at + length, value) : NULL;
        if (!at || (wanted && found))
            return false;
        if (wanted)
            found = arena_strdup(arena, value);
    }
    if (*at != '\0')
        return false;
    *ret_value = found;
    return true;
}

/* What the name is for a client that reads ASCII only. */
static char plain_character(char c)
{
    unsigned char byte = (unsigned char)c;
    return byte < 0x20 || byte >= 0x7F || strchr("\"\\/%", c) ? '_' : c;
}

static bool is_attribute_character(unsigned char byte) /* RFC 8187, 3.2.1 */
{
    return byte < 0x80 && byte > 0 && (isalnum(byte) || strchr("!#$&+-.^_`|~", byte));
}

static void put_percent_encoded(struct strbuf *out, const char *text)
{
    for (; *text; text++) {
        unsigned char byte = (unsigned char)*text;
        if (byte < 0x20 || byte == 0x7F || byte == '/' || byte == '\\')
            byte = '_';
        if (is_attribute_character(byte))
            strbuf_putc(out, (char)byte);
        else
            strbuf_printf(out, "%%%02X", byte);
    }
}

const char *http_attachment(struct arena *arena, const char *file_name)
{
    struct strbuf out = {0};
    bool plain = true;
    strbuf_puts(&out, "attachment; filename=\"");
    for (const char *c = file_name; *c; c++) {
        plain = plain && plain_character(*c) == *c;
        if (((unsigned char)*c & 0xC0) != 0x80) /* one sign for a character, however many bytes it has */
            strbuf_putc(&out, plain_character(*c));
    }
    strbuf_putc(&out, '"');
    if (!plain) {
        strbuf_puts(&out, "; filename*=UTF-8''");
        put_percent_encoded(&out, file_name);
    }
    const char *text = arena_strndup(arena, strbuf_text(&out), out.length);
    strbuf_release(&out);
    return text;
}
