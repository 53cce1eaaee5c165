/* The HTTP server, the static files and the client, over real sockets on a port of the system's. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/memory.h"
#include "http/address.h"
#include "http/client.h"
#include "http/compress.h"
#include "http/framing.h"
#include "http/negotiate.h"
#include "http/networks.h"
#include "http/problem.h"
#include "http/query.h"
#include "http/server.h"
#include "http/static_assets.h"
#include "http/static_files.h"
#include "http_sockets.h"

/* ---- assets of our own, in place of the pages ---- */

static const unsigned char page_text[] = "<p>page</p>", login_text[] = "<p>login</p>",
                           fragment_text[] = "<p>fragment</p>", brotli_text[] = "BR", gzip_text[] = "GZIP";

#define HTML "text/html; charset=utf-8"
const struct static_asset static_assets[] = {
    {.path = "/ops/api-usage-0123abcd.html",
     .content_type = HTML,
     .etag = "\"e1\"",
     .immutable = true,
     .identity = fragment_text,
     .identity_length = sizeof(fragment_text) - 1},
    {.path = "/ops/index.html",
     .content_type = HTML,
     .etag = "\"e2\"",
     .identity = page_text,
     .identity_length = sizeof(page_text) - 1},
    {.path = "/ops/js/app-89abcdef.js",
     .content_type = "text/javascript; charset=utf-8",
     .etag = "\"e3\"",
     .immutable = true,
     .identity = page_text,
     .identity_length = sizeof(page_text) - 1,
     .gzip = gzip_text,
     .gzip_length = 4,
     .brotli = brotli_text,
     .brotli_length = 2},
    {.path = "/ops/login.html",
     .content_type = HTML,
     .etag = "\"e4\"",
     .identity = login_text,
     .identity_length = sizeof(login_text) - 1},
};
const size_t static_asset_count = ARRAY_SIZE(static_assets);

/* ---- the server under test and its handler ---- */

struct fixture {
    struct http_server *server;
    struct worker_pool *workers;
    struct static_files *embedded;
    struct static_files *_Atomic folder; /* set by one of the tests */
    char folder_path[64];
    int port;
    sem_t gate;         /* /block waits here */
    atomic_int blocked; /* handlers that wait there */
    atomic_int begun, finished, handled;
};

struct seen { /* request->user: each request is finished exactly once */
    atomic_int finished;
};

static void answer_text(struct http_request *request, int status, const char *text)
{
    request->response.status = status;
    strbuf_puts(&request->response.body, text);
}

static void begin(void *context, struct http_request *request, struct http_plan *plan)
{
    struct fixture *f = context;
    f->begun++;
    request->user = arena_alloc(&request->arena, sizeof(struct seen));
    plan->body_limit = strcmp(request->path, "/echo") == 0 ? 1000 : 0;
    if (strcmp(request->path, "/upload") == 0)
        plan->body_limit = 4 << 20;
    if (strncmp(request->path, "/worker", 7) == 0 || strcmp(request->path, "/block") == 0)
        plan->run = HTTP_RUN_WORKER;
    if (strcmp(request->path, "/denied") == 0) {
        struct error err;
        error_set(&err, ERROR_UNAUTHENTICATED, "Log in first.", "请先登录。");
        http_response_problem(request, &err);
        plan->answered = true;
    }
}

static void finish(void *context, struct http_request *request)
{
    struct fixture *f = context;
    struct seen *seen = request->user;
    f->finished++;
    if (seen)
        assert_int_equal(seen->finished++, 0);
    assert_true(request->request_id[0] != '\0');
}

static void handle_big(struct fixture *f, struct http_request *request)
{
    (void)f;
    request->response.status = 200;
    for (int i = 0; i < 1000; i++)
        strbuf_puts(&request->response.body, "{\"compressible\":true}\n");
}

static void handle_huge(struct fixture *f, struct http_request *request)
{
    (void)f;
    request->response.status = 200;
    char *room = strbuf_reserve(&request->response.body, 32 << 20);
    memset(room, ' ', 32 << 20);
    request->response.body.length = 32 << 20;
}

static void handle_echo(struct fixture *f, struct http_request *request)
{
    (void)f;
    request->response.status = 200;
    request->response.content_type = "text/plain";
    strbuf_printf(&request->response.body, "%s %zu:", request->method, request->body_length);
    if (request->body)
        strbuf_append(&request->response.body, request->body, request->body_length);
}

static void handle_upload(struct fixture *f, struct http_request *request)
{
    (void)f;
    request->response.status = 200;
    strbuf_printf(&request->response.body, "%zu", request->body_length);
}

static bool put_parameter(void *context, const char *name, const char *value)
{
    strbuf_printf(context, "[%s|%s]", name, value ? value : "(null)");
    return true;
}

static void handle_who(struct fixture *f, struct http_request *request)
{
    (void)f;
    const char *cookie = http_request_cookie(request, "session");
    request->response.status = 200;
    strbuf_printf(&request->response.body, "%s %s %s ", request->client_address,
                  request->language == LANGUAGE_ZH ? "zh" : "en", cookie ? cookie : "-");
    http_query_each(request, put_parameter, &request->response.body);
}

static void handle_worker(struct fixture *f, struct http_request *request)
{
    (void)f;
    const char *agent = http_request_header(request, "User-Agent");
    request->response.status = 200;
    strbuf_printf(&request->response.body, "worked %s", agent ? agent : "-");
}

static void handle_block(struct fixture *f, struct http_request *request)
{
    f->blocked++;
    sem_wait(&f->gate);
    f->blocked--;
    /* What the request holds must still be there, whatever became of its connection. */
    const char *host = http_request_header(request, "Host");
    answer_text(request, 200, host ? host : "no host");
}

static void handle_problem(struct fixture *f, struct http_request *request)
{
    (void)f;
    struct error err;
    error_clear(&err);
    error_add_field(&err, "name", "must not be empty", "不能为空");
    err.retry_after_seconds = 7;
    http_response_problem(request, &err);
}

static void handle_inject(struct fixture *f, struct http_request *request)
{
    (void)f;
    http_response_header(request, "X-Text", "a\r\nX-Forged: 1");
    http_response_header(request, "Set-Cookie", "a=1");
    http_response_header(request, "Set-Cookie", "b=2");
    answer_text(request, 200, "{}");
}

static void handle_overflow(struct fixture *f, struct http_request *request)
{
    (void)f;
    request->response.status = 200;
    request->response.body.ceiling = 600;
    for (int i = 0; i < 1000; i++)
        strbuf_puts(&request->response.body, "x");
    request->response.body.ceiling = 0;
}

static void handle_nothing(struct fixture *f, struct http_request *request)
{
    (void)f;
    if (strcmp(request->path, "/empty") == 0)
        request->response.status = 204;
}

static const struct {
    const char *path;
    void (*handle)(struct fixture *f, struct http_request *request);
} routes[] = {
    {"/big", handle_big},           {"/worker-big", handle_big},    {"/echo", handle_echo},
    {"/huge", handle_huge},         {"/upload", handle_upload},     {"/who", handle_who},
    {"/worker", handle_worker},     {"/block", handle_block},       {"/problem", handle_problem},
    {"/inject", handle_inject},     {"/overflow", handle_overflow}, {"/empty", handle_nothing},
    {"/no-status", handle_nothing},
};

static void handle(void *context, struct http_request *request)
{
    struct fixture *f = context;
    f->handled++;
    for (size_t i = 0; i < ARRAY_SIZE(routes); i++)
        if (strcmp(request->path, routes[i].path) == 0) {
            routes[i].handle(f, request);
            return;
        }
    const struct static_files *files = strncmp(request->path, "/ops", 4) == 0 ? f->embedded : f->folder;
    if (strcmp(request->path, "/small") == 0)
        answer_text(request, 200, "{\"ok\":true}");
    else if (!files || !static_files_answer(files, request))
        answer_text(request, 404, "{}");
}

static struct fixture *fixture_new(struct http_server_options options, size_t threads, size_t queue)
{
    struct fixture *f = xcalloc(1, sizeof(*f));
    struct error err;
    sem_init(&f->gate, 0, 0);
    f->workers = worker_pool_new("test", threads, queue);
    assert_true(static_files_open(&f->embedded, NULL, &err));
    options.listen = options.listen ? options.listen : "127.0.0.1:0";
    options.threads = 2;
    options.workers = f->workers;
    options.handler = (struct http_handler){f, begin, handle, finish};
    if (!http_server_start(&f->server, &options, &err))
        fail_msg("%s", err.detail[LANGUAGE_EN]);
    f->port = http_server_port(f->server);
    return f;
}

static void fixture_free(struct fixture *f, int grace_ms)
{
    http_server_stop(f->server, grace_ms);
    worker_pool_free(f->workers);
    assert_true(f->finished >= f->begun);
    static_files_close(f->embedded);
    static_files_close(f->folder);
    sem_destroy(&f->gate);
    free(f);
}

static int set_up(void **state)
{
    *state = fixture_new((struct http_server_options){.trusted_proxies = "127.0.0.1"}, 4, 64);
    return 0;
}

static int tear_down(void **state)
{
    fixture_free(*state, 1000);
    return 0;
}

/* ---- a client ---- */

static void ask(const struct fixture *f, const char *method, const char *target, const char *headers,
                struct reply *reply)
{
    char text[4096];
    int length = snprintf(text, sizeof(text), "%s %s HTTP/1.1\r\nHost: x\r\n%s\r\n", method, target, headers);
    exchange(f->port, text, (size_t)length, reply);
}

/* ---- tests ---- */

static void table_of_requests(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *send;
        size_t length; /* 0: strlen */
        int status;    /* 0: closed */
        const char *in_body;
    } cases[] = {
        {"GET /small" H "\r\n", 0, 200, "{\"ok\":true}"},
        {"GET http://x/small" H "\r\n", 0, 200, "{\"ok\":true}"},
        {"GET /small HTTP/1.0\r\n\r\n", 0, 200, "{\"ok\":true}"},
        {"GET /nowhere" H "\r\n", 0, 404, "{}"},
        {"GET /empty" H "\r\n", 0, 204, ""},
        {"GET /no-status" H "\r\n", 0, 500, "/problems/internal"},
        {"GET /overflow" H "\r\n", 0, 413, "/problems/too-large"},
        {"GET /denied" H "\r\n", 0, 401, "/problems/unauthenticated"},
        {"POST /denied" H "Content-Length: 100000\r\n\r\n", 0, 401, "/problems/unauthenticated"},
        {"GET /who?a=1&b=%E4%BD%A0+x&c&&a=" H "\r\n", 0, 200, "[a|1][b|\xE4\xBD\xA0 x][c|(null)][a|]"},
        {"GET /who" H "Cookie: x=1; session=abc ; y=2\r\n\r\n", 0, 200, " abc "},
        {"GET /who" H "Cookie: xsession=1\r\n\r\n", 0, 200, " - "},
        {"GET /who" H "Accept-Language: zh-CN,zh;q=0.9,en;q=0.8\r\n\r\n", 0, 200, " zh "},
        {"GET /who" H "X-Forwarded-For: 9.9.9.9, 2001:db8::1\r\n\r\n", 0, 200, "2001:db8::1 "},
        {"GET /who" H "X-Forwarded-For: 9.9.9.9\r\nX-Forwarded-For: 7.7.7.7, 127.0.0.1\r\n\r\n", 0, 200,
         "7.7.7.7 "},
        {"GET /who" H "X-Forwarded-For: 7.7.7.7, nonsense\r\n\r\n", 0, 200, "127.0.0.1 "},
        {"GET /%73mall" H "\r\n", 0, 200, "{\"ok\":true}"},
        {"GET /sm%zzall" H "\r\n", 0, 400, "/problems/bad-request"},
        {"GET /small%00" H "\r\n", 0, 400, "/problems/bad-request"},
        {"GET /small%ff" H "\r\n", 0, 400, "/problems/bad-request"},
        {"GET /who?a=%f" H "\r\n", 0, 400, "parameter 1"},
        {"GET /who?a=1&b=%C0%80" H "\r\n", 0, 400, "parameter 2"},
        {"GET /sm\0all" H "\r\n", sizeof("GET /sm\0all" H "\r\n") - 1, 400, "NUL"},
        {"GET /small more" H "\r\n", 0, 400, "/problems/bad-request"},
        {"GET small" H "\r\n", 0, 400, "/problems/bad-request"},
        {"GET /small HTTP/1.1\r\n\r\n", 0, 400, "Host"},
        {"GET /small" H "Host: y\r\n\r\n", 0, 400, "Host"},
        {"GET /small" H "Bad Name: 1\r\n\r\n", 0, 400, "/problems/bad-request"},
        {"POST /echo" H "Content-Length: 5\r\n\r\nhello", 0, 200, "POST 5:hello"},
        {"POST /echo" H CHUNKED "\r\n3\r\nhel\r\n2;x=1\r\nlo\r\n0\r\n\r\n", 0, 200, "POST 5:hello"},
        {"POST /echo" H "Content-Length: 0\r\n\r\n", 0, 200, "POST 0:"},
        {"POST /echo" H "Content-Encoding: identity\r\nContent-Length: 2\r\n\r\nhi", 0, 200, "POST 2:hi"},
        {"POST /echo" H "Content-Encoding: gzip\r\nContent-Length: 2\r\n\r\nhi", 0, 415,
         "/problems/unsupported-media-type"},
        {"POST /echo" H "Content-Encoding: br\r\n" CHUNKED "\r\n2\r\nhi\r\n0\r\n\r\n", 0, 415, "compressed"},
        {"POST /echo" H "Content-Length: 1001\r\n\r\n", 0, 413, "1000 bytes"},
        {"POST /echo" H "Content-Length: 18446744073709551615\r\n\r\n", 0, 413, "/problems/too-large"},
        {"POST /small" H "Content-Length: 1\r\n\r\nx", 0, 413, "/problems/too-large"},
        {"POST /small" H CHUNKED "\r\n1\r\nx\r\n0\r\n\r\n", 0, 413, "/problems/too-large"},
        {"POST /echo" H CHUNKED "Content-Length: 5\r\n\r\n0\r\n\r\n", 0, 400, "Transfer-Encoding"},
        {"POST /echo" H "Transfer-Encoding: gzip\r\n\r\n", 0, 400, "Transfer-Encoding"},
        {"POST /echo" H "Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello", 0, 400, "more than once"},
        {"POST /echo" H "Content-Length: 5x\r\n\r\nhello", 0, 400, ""},
        {"POST /echo" H "Content-Length: -5\r\n\r\nhello", 0, 400, ""},
        {"POST /echo" H CHUNKED "\r\nzz\r\n", 0, 400, ""},
        {"nonsense\r\n\r\n", 0, 400, "/problems/bad-request"},
        {"\x16\x03\x01\x02\x01\xfc\x03\x03", 0, 400, "TLS"},
        {"GET\r\n\r\n", 0, 400, "/problems/bad-request"},
        {"GET /small HTTP/2.0\r\nHost: x\r\n\r\n", 0, 505, "/problems/http-version"},
        {"GET /small" H "X: a\r\n b\r\n\r\n", 0, 400, "folded"},
        {"POST /echo" H "Content-Length:\r\n 5\r\n\r\nhello", 0, 400, "/problems/bad-request"},
        {"GET /small" H "X: a\0b\r\n\r\n", sizeof("GET /small" H "X: a\0b\r\n\r\n") - 1, 400, "NUL"},
        {"GET /small" H "X: a\0\0\0\r\n\r\n", sizeof("GET /small" H "X: a\0\0\0\r\n\r\n") - 1, 400, "NUL"},
        {"GET /worker" H "User-Agent: me\r\n\r\n", 0, 200, "worked me"},
        {"GET /problem" H "\r\n", 0, 422,
         "\"errors\":[{\"field\":\"name\",\"message\":\"must not be empty\"}]"},
        {"GET /problem" H "Accept-Language: zh\r\n\r\n", 0, 422, "不能为空"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        REPLY reply;
        exchange(f->port, cases[i].send, cases[i].length ? cases[i].length : strlen(cases[i].send), &reply);
        if (reply.status != cases[i].status ||
            (cases[i].in_body && !strstr(strbuf_text(&reply.body), cases[i].in_body)))
            fail_msg("%s\n-> %d, not %d: %s", cases[i].send, reply.status, cases[i].status,
                     strbuf_text(&reply.body));
    }
}

static void headers_of_answers(void **state)
{
    struct fixture *f = *state;
    REPLY a, b, c, d;
    ask(f, "GET", "/small", "X-Request-Id: my-request-1\r\n", &a);
    check_header(&a, "X-Request-Id", "my-request-1");
    check_header(&a, "X-Content-Type-Options", "nosniff");
    check_header(&a, "Referrer-Policy", "same-origin");
    check_header(&a, "Content-Type", "application/json");
    check_header(&a, "Cache-Control", "private, no-cache");
    check_header(&a, "Vary", "Accept-Encoding, Accept-Language");
    ask(f, "GET", "/small", "X-Request-Id: bad id\r\n", &b);
    assert_int_equal(strlen(header_of(&b, "X-Request-Id")), 26);
    ask(f, "POST", "/problem", "", &c);
    check_header(&c, "Content-Type", "application/problem+json");
    check_header(&c, "Retry-After", "7");
    check_header(&c, "Cache-Control", "no-store");
    assert_null(header_of(&c, "ETag"));
    assert_non_null(strstr(c.body.bytes, "\"type\":\"/problems/invalid\""));
    assert_non_null(strstr(c.body.bytes, header_of(&c, "X-Request-Id")));
    ask(f, "GET", "/inject", "", &d);
    assert_null(header_of(&d, "X-Forged"));
    check_header(&d, "X-Text", "a  X-Forged: 1");
    assert_non_null(strstr(d.head.bytes, "Set-Cookie: a=1"));
    assert_non_null(strstr(d.head.bytes, "Set-Cookie: b=2"));
}

static void etag_and_head(void **state)
{
    struct fixture *f = *state;
    REPLY a, head, post;
    ask(f, "GET", "/small", "", &a);
    char etag[64];
    snprintf(etag, sizeof(etag), "%.63s", header_of(&a, "ETag"));
    assert_int_equal(strlen(etag), 18);
    char bare[32], listed[160];
    snprintf(bare, sizeof(bare), "%.16s", etag + 1);
    static const struct {
        const char *format;
        int status;
    } cases[] = {
        {"If-None-Match: \"%s\"\r\n", 304},
        {"If-None-Match: W/\"%s\"\r\n", 304},
        {"If-None-Match: \"a,b\", W/\"%s\"\r\n", 304},
        {"If-None-Match: \"%s-gz\"\r\n", 304},
        {"If-None-Match: *\r\n%.0s", 304},
        {"If-None-Match: \"x\"\r\n%.0s", 200},
        {"If-None-Match: %s\r\n", 200},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        REPLY again;
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
        snprintf(listed, sizeof(listed), cases[i].format, bare);
#pragma GCC diagnostic pop
        ask(f, "GET", "/small", listed, &again);
        assert_int_equal(again.status, cases[i].status);
        check_header(&again, "ETag", etag);
        assert_true(again.status == 200 || again.body.length == 0);
    }
    ask(f, "HEAD", "/small", "", &head);
    assert_int_equal(head.status, 200);
    check_header(&head, "Content-Length", "11");
    check_header(&head, "ETag", etag);
    check_header(&head, "Content-Type", "application/json");
    ask(f, "POST", "/small", "", &post);
    assert_null(header_of(&post, "ETag"));
}

static void compression(void **state)
{
    struct fixture *f = *state;
    const char *const paths[] = {"/big", "/worker-big"};
    for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
        REPLY plain, gzip, head, again;
        ask(f, "GET", paths[i], "Accept-Encoding: gzip;q=0, br\r\n", &plain);
        assert_null(header_of(&plain, "Content-Encoding"));
        ask(f, "GET", paths[i], "Accept-Encoding: br, gzip\r\n", &gzip);
        check_header(&gzip, "Content-Encoding", "gzip");
        check_header(&gzip, "Vary", "Accept-Encoding, Accept-Language");
        assert_true(gzip.body.length < plain.body.length / 10);
        char text[32768];
        z_stream z = {.next_in = (Bytef *)gzip.body.bytes,
                      .avail_in = (uInt)gzip.body.length,
                      .next_out = (Bytef *)text,
                      .avail_out = sizeof(text)};
        inflateInit2(&z, 15 + 16);
        assert_int_equal(inflate(&z, Z_FINISH), Z_STREAM_END);
        inflateEnd(&z);
        assert_int_equal(z.total_out, plain.body.length);
        assert_memory_equal(text, plain.body.bytes, plain.body.length);
        ask(f, "HEAD", paths[i], "Accept-Encoding: gzip\r\n", &head);
        assert_int_equal(strtoul(header_of(&head, "Content-Length"), NULL, 10), gzip.body.length);
        char condition[128];
        snprintf(condition, sizeof(condition), "Accept-Encoding: gzip\r\nIf-None-Match: %.60s\r\n",
                 header_of(&gzip, "ETag"));
        assert_non_null(strstr(condition, "-gz\""));
        ask(f, "GET", paths[i], condition, &again);
        assert_int_equal(again.status, 304);
        assert_string_equal(strstr(condition, "None-Match: ") + 12 + strlen(header_of(&again, "ETag")),
                            "\r\n");
    }
    REPLY small;
    ask(f, "GET", "/small", "Accept-Encoding: gzip\r\n", &small);
    assert_null(header_of(&small, "Content-Encoding"));
}

static void pipelined(void **state)
{
    struct fixture *f = *state;
    int fd = dial(f->port);
    for (int i = 0; i < 5; i++)
        say_text(fd, "GET /small" H "\r\nPOST /echo" H "Content-Length: 2\r\n\r\nhiGET /worker" H "\r\n");
    for (int i = 0; i < 15; i++) {
        static const char *const bodies[] = {"{\"ok\":true}", "POST 2:hi", "worked -"};
        REPLY reply;
        hear(fd, false, &reply);
        assert_int_equal(reply.status, 200);
        assert_string_equal(strbuf_text(&reply.body), bodies[i % 3]);
    }
    close(fd);
}

static void half_closed(void **state)
{
    struct fixture *f = *state;
    const char *const requests[] = {"GET /small" H "\r\n", "GET /block" H "\r\n",
                                    "POST /echo" H "Content-Length: 2\r\n\r\nhi"};
    int fds[ARRAY_SIZE(requests)];
    for (size_t i = 0; i < ARRAY_SIZE(requests); i++) {
        REPLY reply;
        fds[i] = dial(f->port);
        say_text(fds[i], requests[i]);
        shutdown(fds[i], SHUT_WR);
        usleep(5000);
        if (strstr(requests[i], "/block"))
            sem_post(&f->gate);
        hear(fds[i], false, &reply);
        assert_int_equal(reply.status, 200);
    }
    for (size_t i = 0; i < ARRAY_SIZE(requests); i++) { /* and they do not stay */
        assert_true(at_end(fds[i]));
        close(fds[i]);
    }
}

static void continue_100(void **state)
{
    struct fixture *f = *state;
    REPLY go_on, done, refused;
    int fd = dial(f->port);
    say_text(fd, "POST /echo" H "Expect: 100-continue\r\nContent-Length: 2\r\n\r\n");
    hear(fd, false, &go_on);
    assert_int_equal(go_on.status, 100);
    say_text(fd, "hi");
    hear(fd, false, &done);
    assert_int_equal(done.status, 200);
    say_text(fd, "POST /echo" H "Expect: 100-continue\r\nContent-Length: 2000\r\n\r\n");
    hear(fd, false, &refused);
    assert_int_equal(refused.status, 413);
    check_header(&refused, "Connection", "close");
    assert_true(at_end(fd));
    close(fd);
}

/* A client that pushes its whole body before it listens must still get to read the 413. */
static void too_large_while_sending(void **state)
{
    struct fixture *f = *state;
    static char bytes[1 << 20];
    memset(bytes, 'x', sizeof(bytes));
    const char *const heads[] = {"POST /echo" H "Content-Length: 4194304\r\n\r\n",
                                 "POST /echo" H CHUNKED "\r\n400000\r\n"};
    for (size_t i = 0; i < ARRAY_SIZE(heads); i++) {
        int finished = f->finished;
        REPLY reply;
        int fd = dial(f->port);
        say_text(fd, heads[i]);
        for (int k = 0; k < 4; k++)
            say(fd, bytes, sizeof(bytes));
        hear(fd, false, &reply);
        assert_int_equal(reply.status, 413);
        check_header(&reply, "Connection", "close");
        assert_non_null(header_of(&reply, "X-Request-Id"));
        assert_true(at_end(fd));
        close(fd);
        wait_for(&f->finished, finished + 1);
    }
}

static void large_body_and_headers(void **state)
{
    struct fixture *f = *state;
    REPLY upload, headers;
    struct strbuf text = {0};
    strbuf_puts(&text, "POST /upload" H "Content-Length: 4194304\r\n\r\n");
    char *room = strbuf_reserve(&text, 4 << 20);
    memset(room, 'y', 4 << 20);
    text.length += 4 << 20;
    exchange(f->port, text.bytes, text.length, &upload);
    assert_int_equal(upload.status, 200);
    assert_string_equal(upload.body.bytes, "4194304");
    strbuf_reset(&text);
    strbuf_puts(&text, "GET /small" H "X-Long: ");
    room = strbuf_reserve(&text, 1 << 20);
    memset(room, 'z', 1 << 20);
    text.length += 1 << 20;
    strbuf_puts(&text, "\r\n\r\n");
    exchange(f->port, text.bytes, text.length, &headers);
    assert_int_equal(headers.status, 431);
    assert_non_null(header_of(&headers, "X-Request-Id"));
    strbuf_reset(&text);
    strbuf_puts(&text, "GET /small" H);
    for (int i = 0; i < 120; i++)
        strbuf_puts(&text, "X: 1\r\n");
    strbuf_puts(&text, "\r\n");
    reply_release(&headers);
    exchange(f->port, text.bytes, text.length, &headers);
    assert_int_equal(headers.status, 431);
    strbuf_release(&text);
}

/* The largest that may pass must find room in libmicrohttpd: not only in bytes, but in headers, parameters and
 * cookies. */
static void largest_head(void **state)
{
    struct fixture *f = *state;
    CLEANUP(strbuf_release) struct strbuf text = {0};
    strbuf_puts(&text, "GET /small?");
    while (text.length < HTTP_PARAMETERS_MAX * 2 + 8)
        strbuf_puts(&text, "a&");
    strbuf_puts(&text, "a" H);
    size_t cookies = text.length;
    strbuf_puts(&text, "Cookie: ");
    for (int i = 1; i < HTTP_COOKIE_COUNT_MAX; i++)
        strbuf_printf(&text, "c%d=1; ", i);
    while (text.length - cookies < HTTP_COOKIES_MAX)
        strbuf_putc(&text, 'c');
    strbuf_puts(&text, "\r\n");
    for (int i = 3; i < HTTP_HEADERS_MAX; i++)
        strbuf_printf(&text, "X-%d: y\r\n", i);
    strbuf_puts(&text, "X-Filler: ");
    while (text.length < HTTP_HEAD_MAX - 4)
        strbuf_putc(&text, 'z');
    strbuf_puts(&text, "\r\n\r\n");
    int fd = dial(f->port);
    for (int i = 0; i < 3; i++) {
        REPLY reply;
        say(fd, text.bytes, text.length);
        hear(fd, false, &reply);
        assert_int_equal(reply.status, 200);
    }
    close(fd);
}

/* What came before a fault is answered first, and then the fault, once, wherever the pieces were cut. */
static void good_then_bad(void **state)
{
    struct fixture *f = *state;
    static const char *const faults[] = {
        "GET /small" H "X: a\r\n b\r\n\r\n",
        "POST /echo" H CHUNKED "\r\n3\r\nabc\r\nzz\r\n",
        "POST /echo" H CHUNKED "\r\n3\r\nabcd\r\n0\r\n\r\n",
        "POST /echo" H CHUNKED "\r\n0\r\nX: 1\r\n 2\r\n\r\n",
        "POST /denied" H CHUNKED "\r\nzz\r\n",
    };
    static const char *const good[] = {"GET /small" H "\r\n", "GET /worker" H "\r\n"};
    for (size_t i = 0; i < ARRAY_SIZE(faults) * ARRAY_SIZE(good) * 3; i++) {
        const char *fault = faults[i % ARRAY_SIZE(faults)];
        int finished = f->finished, fd = dial(f->port);
        CLEANUP(strbuf_release) struct strbuf text = {0};
        strbuf_printf(&text, "%s%s", good[i % ARRAY_SIZE(good)], fault);
        size_t cut = i % 3 == 0 ? text.length : i % 3 == 1 ? text.length - 7 : strlen(good[0]) + 8;
        REPLY first, second;
        say(fd, text.bytes, cut);
        if (cut < text.length)
            usleep(2000);
        say(fd, text.bytes + cut, text.length - cut);
        hear(fd, false, &first);
        assert_int_equal(first.status, 200);
        hear(fd, false, &second);
        if (second.status != 401 || !strstr(fault, "/denied")) /* the head may have been refused before */
            assert_int_equal(second.status, 400);
        check_header(&second, "Connection", "close");
        assert_non_null(header_of(&second, "X-Request-Id"));
        assert_true(at_end(fd)); /* no second head */
        close(fd);
        wait_for(&f->finished, finished + 2);
    }
}

static void *ask_workers(void *context)
{
    struct fixture *f = context;
    int fd = dial(f->port);
    for (int i = 0; i < 50; i++) {
        REPLY reply;
        say_text(fd, i % 5 ? "GET /worker" H "User-Agent: many\r\n\r\n" : "GET /small" H "\r\n");
        hear(fd, false, &reply);
        assert_int_equal(reply.status, 200);
        assert_string_equal(reply.body.bytes, i % 5 ? "worked many" : "{\"ok\":true}");
    }
    close(fd);
    return NULL;
}

static void many_on_workers(void **state)
{
    struct fixture *f = *state;
    pthread_t threads[16];
    int finished = f->finished;
    for (size_t i = 0; i < ARRAY_SIZE(threads); i++)
        pthread_create(&threads[i], NULL, ask_workers, f);
    for (size_t i = 0; i < ARRAY_SIZE(threads); i++)
        pthread_join(threads[i], NULL);
    wait_for(&f->finished, finished + 16 * 50);
}

static void client_vanishes(void **state)
{
    struct fixture *f = *state;
    int finished = f->finished;
    for (int i = 0; i < 4; i++) {
        int fd = dial(f->port);
        say_text(fd, "GET /block" H "\r\n");
        wait_for(&f->blocked, i + 1);
        /* With a reset for every other: close with a linger time of 0. */
        if (i % 2)
            setsockopt(fd, SOL_SOCKET, SO_LINGER, &(struct linger){1, 0}, sizeof(struct linger));
        close(fd);
    }
    for (int i = 0; i < 4; i++)
        sem_post(&f->gate);
    wait_for(&f->finished, finished + 4);
    int fd = dial(f->port); /* in the middle of a body */
    say_text(fd, "POST /echo" H "Content-Length: 10\r\n\r\nhalf");
    usleep(20000);
    close(fd);
    wait_for(&f->finished, finished + 5);
}

static void slow_senders_are_cut(void **state)
{
    (void)state;
    struct fixture *f = fixture_new((struct http_server_options){.timeout_seconds = 1}, 1, 1);
    const char *const starts[] = {"", "GET /sm",
                                  "GET /small" H "X-Slow: ", "POST /echo" H "Content-Length: 999\r\n\r\n"};
    int fds[ARRAY_SIZE(starts)];
    bool open[ARRAY_SIZE(starts)];
    for (size_t i = 0; i < ARRAY_SIZE(starts); i++) {
        fds[i] = dial(f->port);
        say_text(fds[i], starts[i]);
        open[i] = true;
    }
    int64_t started = clock_monotonic_us();
    size_t left = ARRAY_SIZE(starts);
    while (left > 0 && clock_monotonic_us() - started < 8000000) {
        usleep(100000);
        for (size_t i = 0; i < ARRAY_SIZE(starts); i++) {
            char c;
            if (i > 0 && open[i])
                say_text(fds[i], "x"); /* a byte now and then does not help */
            if (open[i] && recv(fds[i], &c, 1, MSG_DONTWAIT) == -1 && errno == EAGAIN)
                continue;
            left -= open[i];
            open[i] = false;
        }
    }
    assert_int_equal(left, 0);
    assert_true(clock_monotonic_us() - started >= 900000); /* given their time, then cut */
    for (size_t i = 0; i < ARRAY_SIZE(starts); i++)
        close(fds[i]);
    fixture_free(f, 1000);
}

static void slow_readers_are_cut(void **state)
{
    (void)state;
    struct fixture *f = fixture_new((struct http_server_options){.timeout_seconds = 1}, 1, 1);
    int fd = dial(f->port);
    say_text(fd, "GET /huge" H "\r\n");
    wait_for(&f->handled, 1);
    wait_for(&f->finished, 1); /* though the whole answer might take half an hour */
    close(fd);
    fixture_free(f, 1000);
}

static void full_queue_is_503(void **state)
{
    (void)state;
    struct fixture *f = fixture_new((struct http_server_options){0}, 1, 1);
    int first = dial(f->port), second = dial(f->port);
    say_text(first, "GET /block" H "\r\n");
    wait_for(&f->blocked, 1);
    say_text(second, "GET /block" H "\r\n");
    while (worker_pool_waiting(f->workers) < 1)
        usleep(1000);
    REPLY busy, small, a, b;
    ask(f, "GET", "/block", "", &busy);
    assert_int_equal(busy.status, 503);
    check_header(&busy, "Retry-After", "1");
    ask(f, "GET", "/small", "", &small); /* the I/O threads are free all the while */
    assert_int_equal(small.status, 200);
    sem_post(&f->gate);
    sem_post(&f->gate);
    hear(first, false, &a);
    hear(second, false, &b);
    assert_int_equal(a.status, 200);
    assert_int_equal(b.status, 200);
    close(first);
    close(second);
    fixture_free(f, 1000);
}

static void *open_gate_later(void *context)
{
    struct fixture *f = context;
    usleep(100000);
    for (int i = 0; i < 3; i++)
        sem_post(&f->gate);
    return NULL;
}

static void stop_lets_requests_finish(void **state)
{
    (void)state;
    struct fixture *f = fixture_new((struct http_server_options){0}, 4, 4);
    int fds[3];
    for (int i = 0; i < 3; i++) {
        fds[i] = dial(f->port);
        say_text(fds[i], "GET /block" H "\r\n");
    }
    wait_for(&f->blocked, 3);
    pthread_t thread;
    pthread_create(&thread, NULL, open_gate_later, f);
    http_server_stop(f->server, 2000);
    f->server = NULL;
    pthread_join(thread, NULL);
    for (int i = 0; i < 3; i++) {
        REPLY reply;
        hear(fds[i], false, &reply);
        assert_int_equal(reply.status, 200);
        assert_string_equal(reply.body.bytes, "x");
        check_header(&reply, "Connection", "close");
        close(fds[i]);
    }
    fixture_free(f, 0);
}

static void stop_does_not_wait_for_ever(void **state)
{
    (void)state;
    struct fixture *f = fixture_new((struct http_server_options){0}, 2, 4);
    int fds[4];
    for (int i = 0; i < 4; i++) { /* two run, two wait in the queue */
        fds[i] = dial(f->port);
        say_text(fds[i], "GET /block" H "\r\n");
    }
    wait_for(&f->blocked, 2);
    while (worker_pool_waiting(f->workers) < 2)
        usleep(1000);
    http_server_stop(f->server, 50); /* returns although two still run */
    f->server = NULL;
    assert_int_equal(f->finished, 0);
    for (int i = 0; i < 4; i++) {
        assert_true(at_end(fds[i]));
        close(fds[i]);
        sem_post(&f->gate);
    }
    wait_for(&f->finished, 4);
    fixture_free(f, 0);
}

/* Stopping in the middle of everything: what matters is that the sanitizers stay quiet. */
static void *hammer(void *context)
{
    struct fixture *f = context;
    for (int i = 0; i < 200; i++) {
        int fd = socket(AF_INET, SOCK_STREAM, 0);
        struct sockaddr_in to = {.sin_family = AF_INET,
                                 .sin_port = htons((uint16_t)f->port),
                                 .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        bool up = connect(fd, (struct sockaddr *)&to, sizeof(to)) == 0;
        char text[512];
        for (int k = 0; up && k < 5; k++) {
            say_text(fd, k % 2 ? "GET /worker" H "\r\n" : "GET /small" H "\r\n");
            up = recv(fd, text, sizeof(text), 0) > 0;
        }
        close(fd);
        if (!up)
            break;
    }
    return NULL;
}

static void stop_under_load(void **state)
{
    (void)state;
    for (int round = 0; round < 4; round++) {
        struct fixture *f = fixture_new((struct http_server_options){0}, 2, 4);
        pthread_t threads[4];
        for (size_t i = 0; i < ARRAY_SIZE(threads); i++)
            pthread_create(&threads[i], NULL, hammer, f);
        usleep(30000);
        http_server_stop(f->server, round % 2 ? 0 : 200);
        f->server = NULL;
        for (size_t i = 0; i < ARRAY_SIZE(threads); i++)
            pthread_join(threads[i], NULL);
        fixture_free(f, 0);
    }
}

static void listening(void **state)
{
    struct fixture *f = *state;
    char taken[32];
    snprintf(taken, sizeof(taken), "127.0.0.1:%d", f->port);
    const struct {
        const char *listen;
        enum error_code code;
        const char *says;
    } cases[] = {
        {taken, ERROR_UNAVAILABLE, "another program listens there"},
        {"192.0.2.1:0", ERROR_UNAVAILABLE, "does not have that address"},
        {"nonsense", ERROR_INVALID, "HOST:PORT"},
        {"127.0.0.1:", ERROR_INVALID, "HOST:PORT"},
        {"127.0.0.1:70000", ERROR_INVALID, "HOST:PORT"},
        {"::1:8080", ERROR_INVALID, "HOST:PORT"},
        {"no.such.host.invalid:1", ERROR_INVALID, "HOST:PORT"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct http_server *server = NULL;
        struct error err;
        assert_false(
            http_server_start(&server, &(struct http_server_options){.listen = cases[i].listen}, &err));
        assert_int_equal(err.code, cases[i].code);
        assert_non_null(strstr(err.detail[LANGUAGE_EN], cases[i].says));
        assert_null(server);
    }
    int fd, port;
    struct error err;
    assert_true(address_listen(":0", &fd, &port, &err)); /* IPv4 reaches it, whatever it is */
    assert_true(port > 0);
    close(dial(port));
    close(fd);
}

static void static_assets_embedded(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *path, *headers;
        int status;
        const char *body, *header, *value;
    } cases[] = {
        {"/ops", "", 302, "", "Location", "/ops/"},
        {"/ops?x=1", "", 302, "", "Location", "/ops/?x=1"},
        {"/ops/", "", 200, "<p>page</p>", "Cache-Control", "no-cache"},
        {"/ops/index.html", "", 200, "<p>page</p>", "ETag", "\"e2\""},
        {"/ops/login", "", 200, "<p>login</p>", "Content-Type", HTML},
        {"/ops/tenants/42", "", 200, "<p>page</p>", "Vary", "Accept-Encoding"},
        {"/ops/api-usage.html?days=7", "", 302, "", "Location", "/ops/api-usage?days=7"},
        {"/ops/api-usage-0123abcd.html", "", 200, "<p>fragment</p>", "Cache-Control",
         "public, max-age=31536000, immutable"},
        {"/ops/api.html", "", 404, "{}", NULL, NULL},
        {"/ops/js/none.js", "", 404, "{}", NULL, NULL},
        {"/ops/../ops/index.html", "", 404, "{}", NULL, NULL},
        {"/ops/js/app-89abcdef.js", "", 200, "<p>page</p>", "ETag", "\"e3\""},
        {"/ops/js/app-89abcdef.js", "Accept-Encoding: gzip, br\r\n", 200, "BR", "Content-Encoding", "br"},
        {"/ops/js/app-89abcdef.js", "Accept-Encoding: gzip\r\n", 200, "GZIP", "ETag", "\"e3-gz\""},
        {"/ops/js/app-89abcdef.js", "If-None-Match: \"e3-br\"\r\n", 304, "", NULL, NULL},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        REPLY reply;
        ask(f, "GET", cases[i].path, cases[i].headers, &reply);
        if (reply.status != cases[i].status)
            fail_msg("%s: %d", cases[i].path, reply.status);
        assert_string_equal(strbuf_text(&reply.body), cases[i].body);
        if (cases[i].header)
            check_header(&reply, cases[i].header, cases[i].value);
        bool html = header_of(&reply, "Content-Type") && strstr(header_of(&reply, "Content-Type"), "html");
        assert_int_equal(header_of(&reply, "Content-Security-Policy") != NULL, html);
    }
}

static void write_file(const char *folder, const char *name, const char *text)
{
    char path[128];
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
    assert_true(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
    close(fd);
}

static void static_files_of_a_folder(void **state)
{
    struct fixture *f = *state;
    char top[] = "/tmp/test_http_XXXXXX", root[64], path[128];
    assert_non_null(mkdtemp(top));
    snprintf(root, sizeof(root), "%s/pages", top);
    snprintf(path, sizeof(path), "%s/pages/dev", top);
    assert_int_equal(mkdir(root, 0755), 0);
    assert_int_equal(mkdir(path, 0755), 0);
    write_file(top, "secret.txt", "secret");
    write_file(path, "index.html", "<p>dev</p>");
    write_file(path, "data-0123abcd.html", "<p>data</p>");
    write_file(path, "style.css", "p{}");
    snprintf(path, sizeof(path), "%s/dev/link.txt", root);
    assert_int_equal(symlink("../../secret.txt", path), 0);
    snprintf(path, sizeof(path), "%s/dev/inside.css", root);
    assert_int_equal(symlink("style.css", path), 0);
    struct error err;
    struct static_files *files;
    assert_true(static_files_open(&files, root, &err));
    f->folder = files;
    static const struct {
        const char *path;
        int status;
        const char *header, *value;
    } cases[] = {
        {"/dev/style.css", 200, "Content-Type", "text/css; charset=utf-8"},
        {"/dev/inside.css", 200, "Content-Type", "text/css; charset=utf-8"},
        {"/dev/", 200, "Content-Type", HTML},
        {"/dev", 302, "Location", "/dev/"},
        {"/dev/data.html", 302, "Location", "/dev/data"},
        {"/dev/page", 200, "Cache-Control", "no-cache"},
        {"/dev/link.txt", 404, NULL, NULL},
        {"/dev/../../secret.txt", 404, NULL, NULL},
        {"/dev/%2e%2e/%2e%2e/secret.txt", 404, NULL, NULL},
        {"/dev/..%2f..%2fsecret.txt", 404, NULL, NULL},
        {"/..", 404, NULL, NULL},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        REPLY reply;
        ask(f, "GET", cases[i].path, "", &reply);
        if (reply.status != cases[i].status)
            fail_msg("%s: %d", cases[i].path, reply.status);
        if (cases[i].header)
            check_header(&reply, cases[i].header, cases[i].value);
        assert_null(strstr(strbuf_text(&reply.body), "secret"));
    }
    struct static_files *none = NULL;
    assert_false(static_files_open(&none, "/no/such/folder", &err));
    static const char *const remove_files[] = {"pages/dev/index.html", "pages/dev/data-0123abcd.html",
                                               "pages/dev/style.css",  "pages/dev/link.txt",
                                               "pages/dev/inside.css", "secret.txt"};
    for (size_t i = 0; i < ARRAY_SIZE(remove_files); i++) {
        snprintf(path, sizeof(path), "%s/%s", top, remove_files[i]);
        unlink(path);
    }
    snprintf(path, sizeof(path), "%s/dev", root);
    assert_true(rmdir(path) == 0 && rmdir(root) == 0 && rmdir(top) == 0);
}

static void client_calls(void **state)
{
    struct fixture *f = *state;
    struct http_client *client = http_client_new();
    struct error err;
    struct http_answer answer = {.body.ceiling = 100000};
    char url[128];
    const struct http_header header = {"Cookie", "session=s1", NULL};
    snprintf(url, sizeof(url), "http://127.0.0.1:%d/who?q=1", f->port);
    for (int i = 0; i < 3; i++) {
        assert_true(http_client_get(client, url, &header, 2000, &answer, &err));
        assert_int_equal(answer.status, 200);
        assert_non_null(strstr(answer.body.bytes, "s1 [q|1]"));
    }
    snprintf(url, sizeof(url), "http://127.0.0.1:%d/echo", f->port);
    assert_true(http_client_post(client, url, NULL, "hello", 5, 2000, &answer, &err));
    assert_string_equal(answer.body.bytes, "POST 5:hello");
    snprintf(url, sizeof(url), "http://127.0.0.1:%d/problem", f->port);
    assert_true(http_client_get(client, url, NULL, 2000, &answer, &err));
    assert_int_equal(answer.status, 422);
    assert_int_equal(answer.retry_after_seconds, 7);
    snprintf(url, sizeof(url), "http://127.0.0.1:%d/big", f->port); /* compressed on the way */
    assert_true(http_client_get(client, url, NULL, 2000, &answer, &err));
    assert_int_equal(answer.body.length, 22000);
    http_client_free(client);
    strbuf_release(&answer.body);
}

/* Speaks no TLS: answers the first bytes with a line of text. */
static void *answer_plainly(void *context)
{
    int fd = accept4(*(int *)context, NULL, NULL, SOCK_CLOEXEC);
    char hello[64];
    if (recv(fd, hello, sizeof(hello), 0) > 0)
        say_text(fd, "what do you mean?\n");
    shutdown(fd, SHUT_WR);
    while (recv(fd, hello, sizeof(hello), 0) > 0)
        ;
    close(fd);
    return NULL;
}

static void client_failures(void **state)
{
    struct fixture *f = *state;
    struct http_client *client = http_client_new();
    char block[64], big[64], tls[64], closed[64];
    int fd, port, plain, plain_port;
    struct error err;
    pthread_t plain_thread;
    assert_true(address_listen("127.0.0.1:0", &plain, &plain_port, &err));
    fcntl(plain, F_SETFL, 0);
    pthread_create(&plain_thread, NULL, answer_plainly, &plain);
    assert_true(address_listen("127.0.0.1:0", &fd, &port, &err));
    close(fd);
    snprintf(block, sizeof(block), "http://127.0.0.1:%d/block", f->port);
    snprintf(big, sizeof(big), "http://127.0.0.1:%d/big?key=hidden", f->port);
    snprintf(tls, sizeof(tls), "https://127.0.0.1:%d/", plain_port);
    snprintf(closed, sizeof(closed), "http://127.0.0.1:%d/", port);
    const struct {
        const char *url;
        enum http_failure failure;
        enum error_code code;
    } cases[] = {
        {block, HTTP_FAILURE_TIMEOUT, ERROR_TIMEOUT},
        {closed, HTTP_FAILURE_REFUSED, ERROR_UNAVAILABLE},
        {tls, HTTP_FAILURE_TLS, ERROR_UNAVAILABLE},
        {big, HTTP_FAILURE_TOO_LARGE, ERROR_UNAVAILABLE},
        {"http://no.such.host.invalid/", HTTP_FAILURE_NAME, ERROR_UNAVAILABLE},
        {"file:///etc/passwd", HTTP_FAILURE_URL, ERROR_UNAVAILABLE},
        {"", HTTP_FAILURE_URL, ERROR_UNAVAILABLE},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct http_answer answer = {.body.ceiling = 1000};
        assert_false(http_client_get(client, cases[i].url, NULL, i == 0 ? 150 : 2500, &answer, &err));
        if (answer.failure != cases[i].failure || err.code != cases[i].code)
            fail_msg("%s: %d, %s", cases[i].url, answer.failure, err.detail[LANGUAGE_EN]);
        assert_null(strstr(err.detail[LANGUAGE_EN], "hidden"));
        strbuf_release(&answer.body);
    }
    sem_post(&f->gate);
    pthread_join(plain_thread, NULL);
    close(plain);
    http_client_free(client);
}

static void negotiation(void **state)
{
    (void)state;
    static const struct {
        const char *header;
        enum language language;
    } languages[] = {
        {NULL, LANGUAGE_EN},           {"", LANGUAGE_EN},
        {"zh", LANGUAGE_ZH},           {"zh-Hans-CN", LANGUAGE_ZH},
        {"zhx", LANGUAGE_EN},          {"en,zh", LANGUAGE_EN},
        {"zh,en", LANGUAGE_ZH},        {"en;q=0.5,zh;q=0.8", LANGUAGE_ZH},
        {"fr, zh;q=0.1", LANGUAGE_ZH}, {"*, zh;q=0.9", LANGUAGE_EN},
        {"zh;q=0", LANGUAGE_EN},       {"zh ; q=1.0 , en", LANGUAGE_ZH},
        {";;;,,q=", LANGUAGE_EN},      {"ZH-tw;level=1;q=0.7, en;q=0.699", LANGUAGE_ZH},
    };
    for (size_t i = 0; i < ARRAY_SIZE(languages); i++)
        assert_int_equal(http_language(languages[i].header), languages[i].language);
    static const struct {
        const char *header;
        bool gzip;
    } encodings[] = {
        {NULL, false},       {"", false},           {"gzip", true},        {"GZIP", true},
        {"gzip;q=0", false}, {"*", true},           {"*;q=0", false},      {"br, gzip;q=0.001", true},
        {"identity", false}, {"gzip;q=0,*", false}, {"*;q=0, gzip", true}, {"xgzip", false},
    };
    for (size_t i = 0; i < ARRAY_SIZE(encodings); i++)
        assert_int_equal(http_accepts_encoding(encodings[i].header, "gzip"), encodings[i].gzip);
    static const struct {
        const char *header;
        int seconds;
    } waits[] = {
        {NULL, 0},
        {"", 0},
        {"wait=10", 10},
        {"WAIT = 10", 10},
        {"wait=\"10\"", 10},
        {"respond-async, wait=5;x=\"a,b\"", 5},
        {"wait=5, wait=7", 5},
        {"wait=61", 60},
        {"wait=99999999999999999999", 60},
        {"wait=0", 0},
        {"wait", 0},
        {"wait=", 0},
        {"wait=-1", 0},
        {"wait=1.5", 0},
        {"wait=\"", 0},
        {"waits=5", 0},
        {"x=\"a, wait=5", 0},
        {"x=\"\\\", wait=5\"; wait=6", 0},
        {"return=minimal;wait=5 ,, wait=7", 7},
    };
    for (size_t i = 0; i < ARRAY_SIZE(waits); i++)
        assert_int_equal(http_prefer_wait(waits[i].header, 60), waits[i].seconds);
    assert_false(http_etag_listed("\"ab", "ab"));
    assert_false(http_etag_listed("ab", "ab"));
    assert_false(http_etag_listed("\"abc\"", "ab"));
    assert_true(http_etag_listed(" , W/\"x\" ,\"ab-br\"", "ab-gz"));
}

static void forwarded(void **state)
{
    (void)state;
    static const struct {
        const char *header, *client;
    } cases[] = {
        {"1.2.3.4", "1.2.3.4"},
        {" 1.2.3.4:5678 ", "1.2.3.4"},
        {"[2001:DB8::0:1]:80", "2001:db8::1"},
        {"::ffff:1.2.3.4", "1.2.3.4"},
        {"6.6.6.6, 1.2.3.4, 10.0.0.1,10.0.0.1", "1.2.3.4"},
        {"6.6.6.6, 2001:db8::5, fd00:1::2, 10.9.9.9, ::ffff:10.0.0.1", "2001:db8::5"},
        {"10.0.0.1", NULL},
        {"10.0.0.1, fd12::1", NULL},
        {"", NULL},
        {" , ", NULL},
        {"1.2.3.4,", NULL},
        {"unknown", NULL},
    };
    struct network_list proxies;
    assert_true(networks_parse("10.0.0.0/8, fd00::/8", &proxies));
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        char text[ADDRESS_SIZE] = "";
        assert_int_equal(networks_forwarded(&proxies, cases[i].header, text), cases[i].client != NULL);
        assert_string_equal(text, cases[i].client ? cases[i].client : "");
    }
}

static void networks(void **state)
{
    (void)state;
    static const struct {
        const char *list, *inside, *outside;
    } cases[] = {
        {"192.0.2.1", "192.0.2.1", "192.0.2.2"},
        {"192.0.2.128/25", "192.0.2.255", "192.0.2.127"},
        {"10.0.0.0/8 , 172.16.0.0/12", "172.31.255.255", "172.32.0.0"},
        {"0.0.0.0/0", "8.8.8.8", "2001:db8::1"},
        {"2001:db8::/33", "2001:db8:7fff::1", "2001:db8:8000::1"},
        {"::1", "::1", "::2"},
        {"", NULL, "127.0.0.1"},
        {"127.0.0.1", NULL, ""},
    };
    struct network_list list;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        assert_true(networks_parse(cases[i].list, &list));
        if (cases[i].inside)
            assert_true(networks_have(&list, cases[i].inside));
        assert_false(networks_have(&list, cases[i].outside));
    }
    static const char *const wrong[] = {"10.0.0.0/",  "10.0.0.0/x", "10.0.0.0/-1",
                                        "fd00::/129", "host",       "[::1]"};
    for (size_t i = 0; i < ARRAY_SIZE(wrong); i++)
        assert_false(networks_parse(wrong[i], &list));
}

static void holders(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"192.0.2.1", "192.0.2.1"},
        {"2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"},
        {"2001:db8:1:2::1", "2001:db8:1:2::/64"},
        {"2001:db8:1111:2222:3333:4444:5555:6666", "2001:db8:1111:2222::/64"},
        {"::1", "::/64"},
        {"", ""},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        char holder[ADDRESS_SIZE];
        address_holder(cases[i][0], holder);
        assert_string_equal(holder, cases[i][1]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(negotiation),
        cmocka_unit_test(forwarded),
        cmocka_unit_test(networks),
        cmocka_unit_test(holders),
        cmocka_unit_test(table_of_requests),
        cmocka_unit_test(headers_of_answers),
        cmocka_unit_test(etag_and_head),
        cmocka_unit_test(compression),
        cmocka_unit_test(pipelined),
        cmocka_unit_test(half_closed),
        cmocka_unit_test(continue_100),
        cmocka_unit_test(too_large_while_sending),
        cmocka_unit_test(large_body_and_headers),
        cmocka_unit_test(largest_head),
        cmocka_unit_test(good_then_bad),
        cmocka_unit_test(many_on_workers),
        cmocka_unit_test(client_vanishes),
        cmocka_unit_test(slow_senders_are_cut),
        cmocka_unit_test(slow_readers_are_cut),
        cmocka_unit_test(full_queue_is_503),
        cmocka_unit_test(stop_lets_requests_finish),
        cmocka_unit_test(stop_does_not_wait_for_ever),
        cmocka_unit_test(stop_under_load),
        cmocka_unit_test(listening),
        cmocka_unit_test(static_assets_embedded),
        cmocka_unit_test(static_files_of_a_folder),
        cmocka_unit_test(client_calls),
        cmocka_unit_test(client_failures),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
