#include "http/multipart.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/memory.h"
#include "base/strbuf.h"
#include "base/utf8.h"
#include "http/disposition.h"
#include "http/negotiate.h"
#include "http/query.h"

#define BOUNDARY_MAX 70 /* RFC 2046, 5.1.1 */

enum multipart_state {
    STATE_PREAMBLE, /* before the first boundary: to be ignored */
    STATE_TAIL,     /* behind a boundary: CRLF, or the "--" of the last one */
    STATE_HEAD,     /* headers of a part */
    STATE_CONTENT,
    STATE_EPILOGUE, /* behind the last boundary: to be ignored */
};

struct multipart {
    struct multipart_events events;
    enum multipart_state state;
    char delimiter[BOUNDARY_MAX + 5]; /* "\r\n--" and the boundary */
    size_t delimiter_length;
    size_t matched; /* bytes of the delimiter that the input ends with so far */
    char tail;      /* the last byte in STATE_TAIL; NUL: none yet */
    size_t part;    /* number of the present one, from 1, for messages */
    struct strbuf head;
    struct arena arena; /* of one part's headers */
};

/* ---- what a part is: its headers ---- */

static bool refuse_part(const struct multipart *m, const char *en, const char *zh, struct error *err)
{
    return error_set(err, ERROR_BAD_REQUEST, "Part %zu of the form %s.%.0s", "表单的第 %zu 部分%.0s%s。",
                     m->part, en, zh);
}

/* Browsers write a quote or line break in a name as %22, %0D, %0A, and leave every other '%' alone. */
static void decode_browser_escapes(char *text)
{
    char *out = text;
    for (const char *at = text; *at; at++) {
        if (strncmp(at, "%22", 3) == 0)
            *out++ = '"';
        else if (strncasecmp(at, "%0d", 3) == 0 || strncasecmp(at, "%0a", 3) == 0)
            *out++ = ' ';
        else {
            *out++ = *at;
            continue;
        }
        at += 2;
    }
    *out = '\0';
}

/* Without folders, which some send, and without control characters, which only percent-encoding can
 * have brought in. */
static const char *clean_file_name(char *path)
{
    const char *name = path;
    for (char *at = path; *at; at++) {
        if (*at == '/' || *at == '\\')
            name = at + 1;
        if ((unsigned char)*at < 0x20 || *at == 0x7F)
            *at = ' ';
    }
    return name;
}

/* filename* is "UTF-8''" and the percent-encoded name (RFC 8187). NULL: it is not. */
static char *decode_extended_name(struct multipart *m, const char *value)
{
    static const char charset[] = "UTF-8'";
    size_t start = strlen(charset);
    if (strncasecmp(value, charset, start) != 0 || !strchr(value + start, '\''))
        return NULL;
    const char *encoded = strchr(value + start, '\'') + 1; /* behind the language */
    size_t length = strlen(encoded);
    char *name = arena_alloc(&m->arena, length + 1);
    return http_percent_decode(encoded, length, false, name) ? name : NULL;
}

static bool part_take_filename(struct multipart *m, const char *disposition, struct multipart_part *part)
{
    const char *plain, *extended;
    if (!http_header_parameter(&m->arena, disposition, "filename", &plain) ||
        !http_header_parameter(&m->arena, disposition, "filename*", &extended))
        return false;
    if (!plain && !extended)
        return true;
    char *name = extended ? decode_extended_name(m, extended) : arena_strdup(&m->arena, plain);
    if (!name)
        return false;
    if (!extended)
        decode_browser_escapes(name);
    part->filename = clean_file_name(name);
    return true;
}

static bool part_take_disposition(struct multipart *m, const char *value, struct multipart_part *part,
                                  struct error *err)
{
    if (!http_header_value_is(value, "form-data"))
        return refuse_part(m, "is not form-data", "不是 form-data", err);
    const char *name = NULL;
    if (part->name || !http_header_parameter(&m->arena, value, "name", &name) ||
        !part_take_filename(m, value, part))
        return refuse_part(m, "has a Content-Disposition that cannot be read",
                           "的 Content-Disposition 无法解析", err);
    if (!name || !*name)
        return refuse_part(m, "has no name", "没有 name", err);
    char *copy = arena_strdup(&m->arena, name);
    decode_browser_escapes(copy);
    part->name = copy;
    return true;
}

/* Deprecated by RFC 7578. "7bit", "8bit" and "binary" change no byte. */
static bool part_check_encoding(struct multipart *m, const char *value, struct error *err)
{
    static const char *const plain[] = {"7bit", "8bit", "binary"};
    for (size_t i = 0; i < ARRAY_SIZE(plain); i++)
        if (strcasecmp(value, plain[i]) == 0)
            return true;
    return refuse_part(m, "is encoded: send its bytes as they are", "使用了传输编码：请直接发送原始字节",
                       err);
}

static bool part_take_header(struct multipart *m, char *line, struct multipart_part *part, struct error *err)
{
    char *colon = strchr(line, ':');
    if (!colon || colon == line || isspace((unsigned char)*line))
        return refuse_part(m, "has a header that cannot be read", "的头部无法解析", err);
    *colon = '\0';
    char *value = colon + 1 + strspn(colon + 1, " \t"), *end = value + strlen(value);
    while (end > value && strchr(" \t", end[-1]))
        *--end = '\0';
    if (strcasecmp(line, "Content-Disposition") == 0)
        return part_take_disposition(m, value, part, err);
    if (strcasecmp(line, "Content-Transfer-Encoding") == 0)
        return part_check_encoding(m, value, err);
    if (strcasecmp(line, "Content-Type") == 0)
        part->content_type = value;
    return true;
}

static bool head_is_text(const struct multipart *m)
{
    for (size_t i = 0; i < m->head.length; i++) {
        unsigned char byte = (unsigned char)m->head.bytes[i];
        if ((byte < 0x20 && !strchr("\r\n\t", byte)) || byte == 0 || byte == 0x7F)
            return false;
    }
    return utf8_valid(m->head.bytes, m->head.length);
}

static bool part_begin(struct multipart *m, struct error *err)
{
    struct multipart_part part = {.content_type = ""};
    if (!head_is_text(m))
        return refuse_part(m, "has headers that are not UTF-8 text", "的头部不是 UTF-8 文本", err);
    for (char *line = m->head.bytes; *line != '\r';) {
        char *end = strstr(line, "\r\n");
        if (memchr(line, '\n', (size_t)(end - line)) || memchr(line, '\r', (size_t)(end - line)))
            return refuse_part(m, "has a header that cannot be read", "的头部无法解析", err);
        *end = '\0';
        if (!part_take_header(m, line, &part, err))
            return false;
        line = end + 2;
    }
    if (!part.name)
        return refuse_part(m, "has no name", "没有 name", err);
    bool taken = m->events.begin(m->events.context, &part, err);
    strbuf_reset(&m->head);
    arena_reset(&m->arena);
    m->state = STATE_CONTENT;
    return taken;
}

/* ---- the bytes, by state ---- */

static bool multipart_take_head(struct multipart *m, char byte, struct error *err)
{
    if (m->head.length == MULTIPART_HEAD_MAX)
        return refuse_part(m, "has too long headers", "的头部过长", err);
    strbuf_append(&m->head, &byte, 1);
    size_t length = m->head.length;
    const char *end = m->head.bytes + length;
    bool empty = length == 2 && memcmp(end - 2, "\r\n", 2) == 0;
    bool ended = length >= 4 && memcmp(end - 4, "\r\n\r\n", 4) == 0;
    return (!empty && !ended) || part_begin(m, err);
}

static bool multipart_take_tail(struct multipart *m, char byte, struct error *err)
{
    char before = m->tail;
    m->tail = byte;
    if (before == '-' && byte == '-') {
        m->state = STATE_EPILOGUE;
        return true;
    }
    if (before == '\r' && byte == '\n') {
        m->state = STATE_HEAD;
        m->part++;
        return true;
    }
    bool space = before == '\0' || before == ' ' || before == '\t';
    if (space && (byte == ' ' || byte == '\t' || byte == '\r' || (byte == '-' && before == '\0')))
        return true;
    return error_set(err, ERROR_BAD_REQUEST,
                     "The boundary before part %zu of the form does not end its line.",
                     "表单第 %zu 部分之前的分隔行不完整。", m->part + 1);
}

static bool multipart_emit(struct multipart *m, const char *bytes, size_t length, struct error *err)
{
    return m->state != STATE_CONTENT || length == 0 || m->events.data(m->events.context, bytes, length, err);
}

/* Looks for the delimiter, whose CR stands only at its beginning: so after a mismatch nothing but the
 * byte that did not fit can begin it anew. What matched in an earlier piece and was content after all is
 * given out from the delimiter itself, being the same. */
static bool multipart_take_content(struct multipart *m, const char **at, const char *end, struct error *err)
{
    const char *start = *at, *p = start;
    size_t carried = m->matched;
    while (p < end && m->matched < m->delimiter_length) {
        if (m->matched == 0) {
            p = memchr(p, '\r', (size_t)(end - p));
            if (!p) {
                p = end;
                break;
            }
        }
        if (*p == m->delimiter[m->matched]) {
            p++;
            m->matched++;
            continue;
        }
        if (!multipart_emit(m, m->delimiter, carried, err))
            return false;
        carried = m->matched = 0;
    }
    *at = p;
    if (!multipart_emit(m, start, (size_t)(p - start) - (m->matched - carried), err))
        return false;
    if (m->matched < m->delimiter_length)
        return true;
    bool part = m->state == STATE_CONTENT; /* not the preamble */
    m->state = STATE_TAIL;
    m->tail = '\0';
    m->matched = 0;
    return !part || m->events.end(m->events.context, err);
}

bool multipart_feed(struct multipart *m, const char *bytes, size_t length, struct error *err)
{
    const char *end = bytes + length;
    while (bytes < end) {
        bool taken = true;
        switch (m->state) {
        case STATE_PREAMBLE:
        case STATE_CONTENT: taken = multipart_take_content(m, &bytes, end, err); break;
        case STATE_TAIL: taken = multipart_take_tail(m, *bytes++, err); break;
        case STATE_HEAD: taken = multipart_take_head(m, *bytes++, err); break;
        case STATE_EPILOGUE: return true;
        }
        if (!taken)
            return false;
    }
    return true;
}

bool multipart_finish(const struct multipart *m, struct error *err)
{
    if (m->state == STATE_EPILOGUE)
        return true;
    return error_set(err, ERROR_BAD_REQUEST,
                     "The form ends before its closing boundary: it was cut on the way, or the boundary in "
                     "Content-Type is another one.",
                     "表单在结束分隔行之前中断：可能传输不完整，或 Content-Type 中的 boundary 不一致。");
}

/* ---- opening ---- */

static bool is_multipart_boundary(const char *text)
{
    size_t length = strlen(text);
    if (length == 0 || length > BOUNDARY_MAX || text[length - 1] == ' ')
        return false;
    for (; *text; text++)
        if (!isalnum((unsigned char)*text) && !strchr("'()+_,-./:=? ", *text))
            return false;
    return true;
}

bool multipart_open(struct multipart **ret_multipart, const char *content_type,
                    const struct multipart_events *events, struct error *err)
{
    CLEANUP(arena_release) struct arena arena = {0};
    const char *boundary = NULL;
    if (!http_header_value_is(content_type, "multipart/form-data"))
        return error_set(err, ERROR_MEDIA_TYPE, "Send the body as multipart/form-data.",
                         "请求体须为 multipart/form-data。");
    if (!http_header_parameter(&arena, content_type, "boundary", &boundary) || !boundary ||
        !is_multipart_boundary(boundary))
        return error_set(err, ERROR_BAD_REQUEST, "The Content-Type has no boundary, or none of RFC 2046.",
                         "Content-Type 缺少有效的 boundary。");
    struct multipart *m = xcalloc(1, sizeof(*m));
    m->events = *events;
    memcpy(m->delimiter, "\r\n--", 4);
    memcpy(m->delimiter + 4, boundary, strlen(boundary) + 1);
    m->delimiter_length = strlen(m->delimiter);
    m->matched = 2; /* the first boundary may stand at the very beginning: as if behind a line break */
    *ret_multipart = m;
    return true;
}

void multipart_close(struct multipart *m)
{
    if (!m)
        return;
    strbuf_release(&m->head);
    arena_release(&m->arena);
    free(m);
}
