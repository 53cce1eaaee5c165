#include "http/exchange.h"

#include <string.h>
#include <strings.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

#include "base/log.h"
#include "http/compress.h"
#include "http/disposition.h"
#include "http/negotiate.h"
#include "http/problem.h"

static bool status_has_body(int status)
{
    return status >= 200 && status != 204 && status != 304;
}

static const char *answer_bytes(const struct http_exchange *x)
{
    const struct http_request *request = &x->request;
    return request->response.fixed_body ? request->response.fixed_body : strbuf_text(&request->response.body);
}

size_t answer_length(const struct http_exchange *x)
{
    const struct http_request *request = &x->request;
    if (x->file >= 0)
        return (size_t)x->file_size;
    return request->response.fixed_body ? request->response.fixed_length : request->response.body.length;
}

static const char *added_header(const struct http_request *request, const char *name)
{
    for (const struct http_header *h = request->response.headers; h; h = h->next)
        if (strcasecmp(h->name, name) == 0)
            return h->value;
    return NULL;
}

/* What is too large, and our own mistake, must not look like an empty or cut success. */
static void answer_check(struct http_exchange *x)
{
    struct http_request *request = &x->request;
    const char *mistake = NULL;
    struct error err;
    if (request->response.status < 200 || request->response.status > 599)
        mistake = "the handler left no status";
    else if (x->produce && (x->plan.run < HTTP_RUN_HEAVY || !x->server->heavy))
        mistake = "only HTTP_RUN_HEAVY and HTTP_RUN_EVENTS can stream";
    if (mistake) {
        log_write(LOG_ERROR, "http", request->request_id, "%s %s: %s", request->method, request->path,
                  mistake);
        error_set(&err, ERROR_INTERNAL, "The answer could not be made; tell the operator the request id.",
                  "无法生成响应；请将请求编号告知管理员。");
    } else if (request->response.body.overflowed) {
        error_set(&err, ERROR_TOO_LARGE,
                  "The answer is too large: ask for less at once, with a smaller page or a narrower filter.",
                  "响应过大：请减小每页条数或缩小筛选范围。");
    } else {
        return;
    }
    http_response_problem(request, &err);
}

static bool answer_in_memory(const struct http_exchange *x)
{
    return !x->produce && x->file < 0;
}

static void answer_set_etag(struct http_exchange *x)
{
    struct http_request *request = &x->request;
    if (strcmp(request->method, "GET") != 0 || request->response.status != 200 || request->response.no_etag ||
        !answer_in_memory(x)) {
        request->response.etag = NULL;
        return;
    }
    if (request->response.etag)
        return;
    uint64_t hash = XXH3_64bits(answer_bytes(x), answer_length(x));
    char *etag = arena_alloc(&request->arena, 17);
    for (int i = 0; i < 16; i++)
        etag[i] = "0123456789abcdef"[hash >> (60 - 4 * i) & 15];
    request->response.etag = etag;
}

static bool answer_may_gzip(const struct http_exchange *x)
{
    const struct http_request *request = &x->request;
    bool large =
        answer_in_memory(x) ? request->response.body.length >= HTTP_COMPRESS_MIN : x->produce != NULL;
    if (!large || request->response.fixed_body || !status_has_body(request->response.status))
        return false;
    if (added_header(request, "Content-Encoding") || !http_compressible(request->response.content_type))
        return false;
    return http_accepts_encoding(http_request_header(request, "Accept-Encoding"), "gzip");
}

static bool answer_gzip(struct http_exchange *x)
{
    struct strbuf *body = &x->request.response.body;
    strbuf_reset(&x->spare);
    if (!http_gzip(body->bytes, body->length, &x->spare))
        return false;
    struct strbuf plain = *body;
    *body = x->spare;
    x->spare = plain;
    x->content_encoding = "gzip";
    return true;
}

void answer_prepare(struct http_exchange *x)
{
    struct http_request *request = &x->request;
    answer_check(x);
    if (!request->response.content_type)
        request->response.content_type = "application/json";
    x->vary_language = strstr(request->response.content_type, "json") != NULL;
    x->content_encoding = NULL;
    x->content_disposition =
        request->response.file_name ? http_attachment(&request->arena, request->response.file_name) : NULL;
    answer_set_etag(x);
    bool gzip = answer_may_gzip(x);
    if (request->response.etag &&
        http_etag_listed(http_request_header(request, "If-None-Match"), request->response.etag))
        request->response.status = 304;
    else if (gzip && x->produce)
        x->content_encoding = "gzip"; /* by stream.c, as it is made */
    else if (gzip)
        gzip = answer_gzip(x);
    /* Other bytes, another strong ETag: RFC 9110, 8.8.3. */
    if (gzip && request->response.etag)
        request->response.etag = arena_printf(&request->arena, "%s-gz", request->response.etag);
}

typedef void (*header_sink)(void *context, const char *name, const char *value);

static void emit_validators(const struct http_exchange *x, header_sink sink, void *context)
{
    const struct http_request *request = &x->request;
    const char *etag = request->response.etag;
    if (etag) {
        char quoted[128] = "\"";
        size_t length = strnlen(etag, sizeof(quoted) - 3);
        memcpy(quoted + 1, etag, length);
        quoted[1 + length] = '"';
        sink(context, "ETag", quoted);
    }
    if (!added_header(request, "Cache-Control"))
        sink(context, "Cache-Control", etag ? "private, no-cache" : "no-store");
    bool encoding = http_compressible(request->response.content_type);
    if (!added_header(request, "Vary") && (encoding || x->vary_language))
        sink(context, "Vary",
             !encoding          ? "Accept-Language"
             : x->vary_language ? "Accept-Encoding, Accept-Language"
                                : "Accept-Encoding");
}

/* All headers of the answer but those that the transport makes (Date, Content-Length). */
static void emit_headers(const struct http_exchange *x, header_sink sink, void *context)
{
    const struct http_request *request = &x->request;
    sink(context, "X-Request-Id", request->request_id);
    sink(context, "X-Content-Type-Options", "nosniff");
    sink(context, "Referrer-Policy", "same-origin");
    /* An empty one that was given a type says so: no bytes are a message of protobuf, too. */
    bool typed = strcmp(request->response.content_type, "application/json") != 0;
    if ((answer_length(x) > 0 || typed || !answer_in_memory(x)) && status_has_body(request->response.status))
        sink(context, "Content-Type", request->response.content_type);
    if (x->content_encoding)
        sink(context, "Content-Encoding", x->content_encoding);
    if (x->content_disposition)
        sink(context, "Content-Disposition", x->content_disposition);
    emit_validators(x, sink, context);
    for (const struct http_header *h = request->response.headers; h; h = h->next)
        sink(context, h->name, h->value);
    if (x->refused || atomic_load_explicit(&x->server->stopping, memory_order_relaxed))
        sink(context, "Connection", "close");
}

/* The body as libmicrohttpd takes it, without a copy: it stays in the exchange until completed. */
static struct MHD_Response *make_response(struct http_exchange *x)
{
    if (x->produce)
        return stream_response(x);
    if (x->file >= 0) {
        struct MHD_Response *response = MHD_create_response_from_fd64((uint64_t)x->file_size, x->file);
        x->file_handed_over = response != NULL;
        return response;
    }
    size_t length = status_has_body(x->request.response.status) ? answer_length(x) : 0;
    return MHD_create_response_from_buffer(length, (void *)(uintptr_t)answer_bytes(x),
                                           MHD_RESPMEM_PERSISTENT);
}

static void add_header(void *response, const char *name, const char *value)
{
    MHD_add_response_header(response, name, value);
}

enum MHD_Result answer_send(struct http_exchange *x, struct MHD_Connection *mhd)
{
    struct MHD_Response *response = make_response(x);
    if (!response)
        return MHD_NO;
    emit_headers(x, add_header, response);
    enum MHD_Result queued = MHD_queue_response(mhd, (unsigned)x->request.response.status, response);
    MHD_destroy_response(response);
    return queued;
}

static void append_header(void *text, const char *name, const char *value)
{
    strbuf_printf(text, "%s: %s\r\n", name, value);
}

void answer_write_now(struct http_exchange *x, int socket)
{
    int status = x->request.response.status;
    strbuf_reset(&x->spare);
    strbuf_printf(&x->spare, "HTTP/1.1 %d %s\r\nContent-Length: %zu\r\n", status,
                  MHD_get_reason_phrase_for((unsigned)status), answer_length(x));
    emit_headers(x, append_header, &x->spare);
    strbuf_puts(&x->spare, "\r\n");
    strbuf_append(&x->spare, answer_bytes(x), answer_length(x));
    /* Nothing has been sent on this connection but a '100 Continue': there is room for a kilobyte. */
    ssize_t sent = send(socket, x->spare.bytes, x->spare.length, MSG_NOSIGNAL | MSG_DONTWAIT);
    (void)sent; /* the connection is closed either way */
}
