#include "http/exchange.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "http/negotiate.h"

/* What a connection may keep between two requests. */
#define KEEP_BYTES ((size_t)64 << 10)

struct http_exchange *exchange_new(struct connection *connection)
{
    struct http_exchange *x = xcalloc(1, sizeof(*x));
    x->connection = connection;
    x->server = connection->server;
    x->request.exchange = x;
    x->file = -1;
    pipe_init(&x->pipe);
    atomic_init(&x->references, 1);
    return x;
}

void exchange_unref(struct http_exchange *x)
{
    if (!x || atomic_fetch_sub(&x->references, 1) > 1)
        return;
    form_close(x->form);
    spool_release(&x->spool);
    exchange_drop_content(x);
    pipe_free(&x->pipe);
    arena_release(&x->request.arena);
    strbuf_release(&x->request.response.body);
    strbuf_release(&x->body);
    strbuf_release(&x->spare);
    free(x);
}

static struct strbuf emptied_buffer(struct strbuf *buf)
{
    if (buf->capacity > KEEP_BYTES)
        strbuf_release(buf);
    else
        strbuf_reset(buf);
    return (struct strbuf){.bytes = buf->bytes, .capacity = buf->capacity};
}

void exchange_drop_content(struct http_exchange *x)
{
    if (x->produce)
        pipe_reset(&x->pipe);
    x->produce = NULL;
    x->produce_context = NULL;
    if (x->file >= 0 && !x->file_handed_over)
        close(x->file);
    x->file = -1;
    x->file_size = 0;
    x->file_handed_over = false;
}

void exchange_reset(struct http_exchange *x)
{
    exchange_drop_content(x);
    form_close(x->form);
    x->form = NULL;
    spool_release(&x->spool);
    x->body_received = 0;
    if (x->request.arena.allocated > KEEP_BYTES)
        arena_release(&x->request.arena);
    else
        arena_reset(&x->request.arena);
    x->request = (struct http_request){
        .arena = x->request.arena,
        .response.body = emptied_buffer(&x->request.response.body),
        .exchange = x,
    };
    x->body = emptied_buffer(&x->body);
    x->spare = emptied_buffer(&x->spare);
    atomic_store_explicit(&x->stage, EXCHANGE_LINE, memory_order_relaxed);
    x->plan = (struct http_plan){0};
    x->target = x->content_encoding = x->content_disposition = NULL;
    x->headers = x->parameters = NULL;
    x->header_count = x->parameter_count = 0;
    x->head_read = x->active = x->body_coming = x->refused = x->vary_language = false;
}

static enum MHD_Result exchange_take_header(void *context, enum MHD_ValueKind kind, const char *name,
                                            const char *value)
{
    (void)kind;
    struct http_exchange *x = context;
    x->headers[x->header_count++] = (struct http_pair){
        arena_strdup(&x->request.arena, name),
        arena_strdup(&x->request.arena, value ? value : ""),
    };
    return MHD_YES;
}

/* Some ten look-ups over some ten headers for each request: the first letter decides most. */
static bool is_header_name(const char *a, const char *b)
{
    return ((a[0] ^ b[0]) & ~0x20) == 0 && strcasecmp(a, b) == 0;
}

/* Without the setting everybody behind a proxy has the proxy's address, and shares its limits. */
static void warn_of_untrusted_proxy(struct http_exchange *x)
{
    const char *peer = x->connection->peer;
    if (log_limit_due(&x->server->forwarded_warnings, peer, x->request.started_us))
        log_warn(
            "http",
            "X-Forwarded-For came from %s, which is no trusted proxy, and is not believed. If it is your "
            "reverse proxy: set KIMONO_TRUSTED_PROXY=%s, or to its network",
            peer, peer);
}

static void exchange_take_client(struct http_exchange *x)
{
    struct http_request *request = &x->request;
    const char *forwarded = NULL;
    for (size_t i = 0; i < x->header_count; i++)
        if (is_header_name(x->headers[i].name, "X-Forwarded-For"))
            forwarded = x->headers[i].value; /* a proxy appends to the last line, or adds one */
    memcpy(request->client_address, x->connection->peer, ADDRESS_SIZE);
    memcpy(request->client_holder, x->connection->peer_holder, ADDRESS_SIZE);
    request->by_proxy = x->connection->peer_is_proxy;
    if (forwarded && !request->by_proxy)
        warn_of_untrusted_proxy(x);
    if (!forwarded || !request->by_proxy)
        return;
    networks_forwarded(&x->server->proxies, forwarded, request->client_address);
    address_holder(request->client_address, request->client_holder);
}

static void exchange_note_arrival(struct http_exchange *x)
{
    struct http_request *request = &x->request;
    request->started_us = clock_monotonic_us();
    request->received_at = clock_now_ms();
    const char *id = http_request_header(request, "X-Request-Id");
    if (id && request_id_valid(id))
        memcpy(request->request_id, id, strlen(id) + 1);
    else
        identifier_make("", request->request_id);
    request->language = http_language(http_request_header(request, "Accept-Language"));
    exchange_take_client(x);
}

bool exchange_read_head(struct http_exchange *x, struct MHD_Connection *mhd, const char *method,
                        struct error *err)
{
    struct http_request *request = &x->request;
    request->is_head = strcmp(method, "HEAD") == 0;
    request->method = request->is_head ? "GET" : arena_strdup(&request->arena, method);
    request->path = "";
    /* Headers are copied, a few hundred bytes: libmicrohttpd frees its own when the server stops, while a worker may
     * still read them. */
    int count = MHD_get_connection_values(mhd, MHD_HEADER_KIND, NULL, NULL);
    x->headers = arena_alloc(&request->arena, (size_t)count * sizeof(*x->headers));
    MHD_get_connection_values(mhd, MHD_HEADER_KIND, exchange_take_header, x);
    exchange_note_arrival(x);
    const char *length = http_request_header(request, "Content-Length");
    x->body_coming = http_request_header(request, "Transfer-Encoding") ||
                     (length && strspn(length, "0") != strlen(length));
    if (!http_target_parse(&request->arena, x->target, &request->path, &request->query, err))
        return false;
    return !request->query ||
           http_query_parse(&request->arena, request->query, &x->parameters, &x->parameter_count, err);
}

void exchange_start_unread(struct http_exchange *x)
{
    x->request.method = x->request.path = "-";
    exchange_note_arrival(x);
}

const char *http_request_header(const struct http_request *request, const char *name)
{
    const struct http_exchange *x = request->exchange;
    for (size_t i = 0; i < x->header_count; i++)
        if (is_header_name(x->headers[i].name, name))
            return x->headers[i].value;
    return NULL;
}

const char *http_request_cookie(const struct http_request *request, const char *name)
{
    const char *header = http_request_header(request, "Cookie"), *value;
    size_t length;
    if (!header || !http_cookie_find(header, name, &value, &length))
        return NULL;
    return arena_strndup(&request->exchange->request.arena, value, length);
}

bool http_query_each(const struct http_request *request, http_query_fn each, void *context)
{
    const struct http_exchange *x = request->exchange;
    for (size_t i = 0; i < x->parameter_count; i++)
        if (!each(context, x->parameters[i].name, x->parameters[i].value))
            return false;
    return true;
}

void http_response_header(struct http_request *request, const char *name, const char *value)
{
    struct http_header *header = arena_alloc(&request->arena, sizeof(*header));
    char *copy = arena_strdup(&request->arena, value);
    for (char *c = copy; *c; c++)
        if (iscntrl((unsigned char)*c)) /* a line break would let a value forge a header */
            *c = ' ';
    *header = (struct http_header){arena_strdup(&request->arena, name), copy, request->response.headers};
    request->response.headers = header;
}

bool http_request_abandoned(const struct http_request *request)
{
    return atomic_load(&request->exchange->stage) == EXCHANGE_ABANDONED;
}
