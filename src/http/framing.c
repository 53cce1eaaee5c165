#include "http/framing.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "http/query.h"

/* A line without its line end. */
struct text {
    const char *bytes;
    size_t length;
};

/* RFC 9110, 5.6.2. */
static bool is_http_token(const char *bytes, size_t length)
{
    for (size_t i = 0; i < length; i++)
        if (!isalnum((unsigned char)bytes[i]) && (bytes[i] == '\0' || !strchr("!#$%&'*+-.^_`|~", bytes[i])))
            return false;
    return length > 0;
}

static bool framing_has_control(struct text text)
{
    for (size_t i = 0; i < text.length; i++)
        if (((unsigned char)text.bytes[i] < ' ' && text.bytes[i] != '\t') || text.bytes[i] == 0x7F)
            return true;
    return false;
}

static size_t text_count(struct text text, char c)
{
    size_t count = 0;
    for (size_t i = 0; i < text.length; i++)
        count += text.bytes[i] == c;
    return count;
}

static bool text_equals(struct text text, const char *word)
{
    return text.length == strlen(word) && strncasecmp(text.bytes, word, text.length) == 0;
}

static bool refuse_framing(struct error *err, const char *en, const char *zh)
{
    return error_set(err, ERROR_BAD_REQUEST, "%s%.0s", "%.0s%s", en, zh);
}

/* ---- the request line ---- */

static bool refuse_non_http(struct error *err)
{
    return refuse_framing(
        err,
        "This is no HTTP request: METHOD, target and version with one space between. TLS is not "
        "spoken here; that is the proxy's.",
        "这不是 HTTP 请求：应为 方法、目标、版本，各以一个空格分隔。此处不支持 TLS，应由代理处理。");
}

static bool framing_take_version(struct framing *f, struct text version, struct error *err)
{
    f->version_1_0 = text_equals(version, "HTTP/1.0");
    if (f->version_1_0 || text_equals(version, "HTTP/1.1"))
        return true;
    if (version.length >= 5 && memcmp(version.bytes, "HTTP/", 5) == 0)
        return error_set(err, ERROR_HTTP_VERSION, "Only HTTP/1.1 and HTTP/1.0 are spoken here.",
                         "此处仅支持 HTTP/1.1 和 HTTP/1.0。");
    return refuse_framing(err, "The request line does not end in HTTP/1.1.", "请求行未以 HTTP/1.1 结尾。");
}

static bool framing_take_request_line(struct framing *f, struct text line, struct error *err)
{
    const char *space = memchr(line.bytes, ' ', line.length);
    const char *last = memrchr(line.bytes, ' ', line.length);
    if (!space || space == last || !is_http_token(line.bytes, (size_t)(space - line.bytes)))
        return refuse_non_http(err);
    struct text target = {space + 1, (size_t)(last - space - 1)};
    struct text version = {last + 1, line.length - (size_t)(last + 1 - line.bytes)};
    if (target.length == 0 || memchr(target.bytes, ' ', target.length) || framing_has_control(target) ||
        memchr(target.bytes, '\t', target.length))
        return refuse_framing(err, "The request target holds a space, a NUL or another control character.",
                              "请求目标含有空格、NUL 或其他控制字符。");
    if (target.length > HTTP_TARGET_MAX)
        return error_set(err, ERROR_TARGET_TOO_LONG, "The address is longer than %d bytes.",
                         "请求地址超过 %d 字节。", HTTP_TARGET_MAX);
    if (text_count(target, '&') >= HTTP_PARAMETERS_MAX)
        return error_set(err, ERROR_BAD_REQUEST, "More than %d query parameters.", "查询参数超过 %d 个。",
                         HTTP_PARAMETERS_MAX);
    return framing_take_version(f, version, err);
}

/* ---- headers ---- */

static bool framing_take_length(struct framing *f, struct text value, struct error *err)
{
    f->left = 0;
    for (size_t i = 0; i < value.length; i++) {
        if (!isdigit((unsigned char)value.bytes[i]))
            return refuse_framing(err, "Content-Length is no number.", "Content-Length 不是数字。");
        if (f->left > (UINT64_MAX - 9) / 10)
            return error_set(err, ERROR_TOO_LARGE, "Content-Length is beyond all numbers.",
                             "Content-Length 超出范围。");
        f->left = f->left * 10 + (uint64_t)(value.bytes[i] - '0');
    }
    f->lengths++;
    return (value.length > 0 && f->lengths == 1) ||
           refuse_framing(err, "Content-Length is empty, or there more than once.",
                          "Content-Length 为空或重复出现。");
}

static bool refuse_large_headers(struct error *err)
{
    return error_set(err, ERROR_HEADERS_TOO_LARGE,
                     "At most %d headers and %d bytes of them, of which %d of cookies, are taken; clear the "
                     "cookies of this host.",
                     "请求头最多 %d 个、共 %d 字节，其中 Cookie 最多 %d 字节；请清除本站点的 Cookie。",
                     HTTP_HEADERS_MAX, HTTP_HEAD_MAX, HTTP_COOKIES_MAX);
}

static bool framing_take_header(struct framing *f, struct text name, struct text value, struct error *err)
{
    if (++f->headers > HTTP_HEADERS_MAX)
        return refuse_large_headers(err);
    if (text_equals(name, "Content-Length"))
        return framing_take_length(f, value, err);
    if (text_equals(name, "Transfer-Encoding")) {
        f->encodings++;
        return (text_equals(value, "chunked") && f->encodings == 1) ||
               refuse_framing(err, "Transfer-Encoding must be 'chunked', once.",
                              "Transfer-Encoding 只能是一个 chunked。");
    }
    if (text_equals(name, "Cookie")) {
        f->cookie_bytes += value.length;
        f->cookies += text_count(value, ';') + 1;
        return (f->cookie_bytes <= HTTP_COOKIES_MAX && f->cookies <= HTTP_COOKIE_COUNT_MAX) ||
               refuse_large_headers(err);
    }
    f->hosts += text_equals(name, "Host");
    return true;
}

/* A line of the head or of the trailers. */
static bool framing_split_header(struct text line, struct text *ret_name, struct text *ret_value,
                                 struct error *err)
{
    if (line.bytes[0] == ' ' || line.bytes[0] == '\t')
        return refuse_framing(err, "A header is folded over two lines: write it in one.",
                              "请求头被折成两行：请写在一行内。");
    const char *colon = memchr(line.bytes, ':', line.length);
    if (!colon || !is_http_token(line.bytes, (size_t)(colon - line.bytes)))
        return refuse_framing(err, "A header's name is not valid.", "请求头名称无效。");
    struct text value = {colon + 1, line.length - (size_t)(colon + 1 - line.bytes)};
    if (framing_has_control(value))
        return refuse_framing(err, "A header holds a NUL or another control character.",
                              "请求头含有 NUL 或其他控制字符。");
    while (value.length > 0 && strchr(" \t", value.bytes[0]))
        value.bytes++, value.length--;
    while (value.length > 0 && strchr(" \t", value.bytes[value.length - 1]))
        value.length--;
    *ret_name = (struct text){line.bytes, (size_t)(colon - line.bytes)};
    *ret_value = value;
    return true;
}

static bool framing_end_head(struct framing *f, struct error *err)
{
    if (f->encodings && (f->lengths || f->version_1_0))
        return refuse_framing(err, "Transfer-Encoding stands alone: without Content-Length, in HTTP/1.1.",
                              "Transfer-Encoding 不能与 Content-Length 同时出现，且须为 HTTP/1.1。");
    if (f->hosts > 1 || (f->hosts == 0 && !f->version_1_0))
        return refuse_framing(err, "There must be one Host header.", "必须有且只有一个 Host 请求头。");
    f->heads++;
    f->state = f->encodings ? FRAMING_CHUNK_SIZE : f->left > 0 ? FRAMING_BODY : FRAMING_START;
    return true;
}

/* ---- chunks ---- */

static bool framing_take_chunk_size(struct framing *f, struct text line, struct error *err)
{
    static const char digits[] = "0123456789abcdef";
    size_t count = 0;
    f->left = 0;
    for (; count < line.length && isxdigit((unsigned char)line.bytes[count]); count++)
        f->left =
            f->left << 4 | (uint64_t)(strchr(digits, tolower((unsigned char)line.bytes[count])) - digits);
    bool extended = count < line.length && line.bytes[count] == ';';
    if (count == 0 || count > 15 || (count < line.length && !extended) || framing_has_control(line))
        return refuse_framing(err, "The size of a chunk of the body is no hexadecimal number.",
                              "请求体分块的大小不是十六进制数。");
    f->section = 0;
    f->headers = 0;
    f->state = f->left > 0 ? FRAMING_CHUNK : FRAMING_TRAILERS;
    return true;
}

/* ---- lines and bytes ---- */

static size_t framing_line_limit(const struct framing *f)
{
    switch (f->state) {
    case FRAMING_CHUNK_SIZE: return HTTP_CHUNK_LINE_MAX;
    case FRAMING_CHUNK_END: return 2;
    case FRAMING_TRAILERS: return HTTP_TRAILERS_MAX - f->section;
    case FRAMING_HEADERS: return HTTP_HEAD_MAX - f->section;
    case FRAMING_START:
    case FRAMING_LINE:
    case FRAMING_BODY:
    case FRAMING_CHUNK: break;
    }
    return HTTP_HEAD_MAX;
}

static bool refuse_long_line(const struct framing *f, struct error *err)
{
    if (f->state == FRAMING_LINE || f->state == FRAMING_START)
        return error_set(err, ERROR_TARGET_TOO_LONG, "The address is longer than %d bytes.",
                         "请求地址超过 %d 字节。", HTTP_TARGET_MAX);
    if (f->state == FRAMING_HEADERS || f->state == FRAMING_TRAILERS)
        return refuse_large_headers(err);
    return refuse_framing(err, "A chunk of the body does not end where it should.",
                          "请求体分块的结尾不正确。");
}

static bool framing_take_line(struct framing *f, struct text line, struct error *err)
{
    struct text name = {"", 0}, value = name;
    switch (f->state) {
    case FRAMING_START:
    case FRAMING_LINE: {
        if (line.length == 0) /* RFC 9112, 2.2: an empty line before a request is nothing */
            return true;
        *f = (struct framing){
            .state = FRAMING_HEADERS, .heads = f->heads, .line = f->line, .section = line.length + 2};
        return framing_take_request_line(f, line, err);
    }
    case FRAMING_HEADERS:
        f->section += line.length + 2;
        return line.length == 0 ? framing_end_head(f, err)
                                : framing_split_header(line, &name, &value, err) &&
                                      framing_take_header(f, name, value, err);
    case FRAMING_TRAILERS:
        f->section += line.length + 2;
        if (line.length == 0)
            f->state = FRAMING_START;
        else if (++f->headers > HTTP_HEADERS_MAX)
            return refuse_large_headers(err);
        return line.length == 0 || framing_split_header(line, &name, &value, err);
    case FRAMING_CHUNK_SIZE: return framing_take_chunk_size(f, line, err);
    case FRAMING_CHUNK_END:
        f->state = FRAMING_CHUNK_SIZE;
        return line.length == 0 || refuse_long_line(f, err);
    case FRAMING_BODY:
    case FRAMING_CHUNK: break;
    }
    return false;
}

/* Up to the end of the line or of the bytes; 0: it is faulty. */
static size_t framing_take_line_bytes(struct framing *f, const char *bytes, size_t length, struct error *err)
{
    const char *newline = memchr(bytes, '\n', length);
    size_t count = newline ? (size_t)(newline - bytes) + 1 : length;
    if (f->state == FRAMING_START && *bytes != '\r' && *bytes != '\n') {
        f->state = FRAMING_LINE;
        if (!is_http_token(bytes, 1)) /* TLS and other protocols: not to be waited for */
            return refuse_non_http(err);
    }
    if (f->line.length + count > framing_line_limit(f)) {
        refuse_long_line(f, err);
        return 0;
    }
    struct text line = {bytes, count};
    if (!newline || f->line.length > 0) {
        strbuf_append(&f->line, bytes, count);
        line = (struct text){f->line.bytes, f->line.length};
    }
    if (!newline)
        return count;
    bool whole =
        line.length >= 2 && line.bytes[line.length - 2] == '\r' && !memchr(line.bytes, '\r', line.length - 2);
    line.length -= 2;
    bool good = whole ? framing_take_line(f, line, err)
                      : refuse_framing(err, "A line does not end in CR and LF, or holds another CR.",
                                       "某一行未以 CR LF 结尾，或行内含有 CR。");
    strbuf_reset(&f->line);
    return good ? count : 0;
}

size_t framing_take(struct framing *framing, const char *bytes, size_t length, size_t *ret_edge,
                    struct error *err)
{
    size_t at = 0, count;
    *ret_edge = 0;
    while (at < length) {
        if (framing->state == FRAMING_BODY || framing->state == FRAMING_CHUNK) {
            count = length - at < framing->left ? length - at : (size_t)framing->left;
            framing->left -= count;
            if (framing->left == 0)
                framing->state = framing->state == FRAMING_BODY ? FRAMING_START : FRAMING_CHUNK_END;
        } else {
            count = framing_take_line_bytes(framing, bytes + at, length - at, err);
        }
        if (count == 0)
            break;
        at += count;
        if (framing->state == FRAMING_START && framing->line.length == 0)
            *ret_edge = at;
    }
    return at;
}

bool framing_in_request(const struct framing *framing)
{
    return framing->state != FRAMING_START;
}

void framing_release(struct framing *framing)
{
    strbuf_release(&framing->line);
}
