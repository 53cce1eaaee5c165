/* Forms with files, over real sockets: what is taken, every malformed one, and what is left behind. */
#include <fcntl.h>
#include <pthread.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "http_sockets.h"

#include "api/openapi.h"
#include "api/route.h"
#include "base/temporary_file.h"
#include "http/multipart.h"
#include "http/problem.h"

#define LIMIT ((size_t)64 << 20)
#define BOUNDARY "----x"
#define FORM_HEADER "Content-Type: multipart/form-data; boundary=----x\r\n"

/* A sanitizer's own memory grows with what is done. */
#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
#define PEAK_KB_MAX 200000
#else
#define PEAK_KB_MAX 2048
#endif

/* ---- the routes under test: one form, one download ---- */

struct import_input {
    struct upload file;
    const char *tenant_id, *mode;
    bool dry_run;
    int64_t sheet;
};
static const char *const modes[] = {"create", "upsert", NULL};
static const struct param import_table[] = {
    PARAM_FORM(struct import_input, file, FILE, "The table", .required = true),
    PARAM_FORM(struct import_input, tenant_id, TEXT, "Whose pairs", .required = true),
    PARAM_FORM(struct import_input, mode, TEXT, "What to do with known ones", .values = modes,
               .fallback = "upsert"),
    PARAM_FORM(struct import_input, dry_run, BOOL, "Only count"),
    PARAM_FORM(struct import_input, sheet, INT, "Which sheet", .min = 1, .max = 9, .fallback = "1"),
};
static const struct params import_params = PARAMS(struct import_input, import_table);

struct optional_input {
    struct upload file;
};
static const struct param optional_table[] = {PARAM_FORM(struct optional_input, file, FILE, "May come")};
static const struct params optional_params = PARAMS(struct optional_input, optional_table);

struct note_input {
    const char *note;
};
static const struct param note_table[] = {PARAM_BODY(struct note_input, note, TEXT, "A note")};
static const struct params note_params = PARAMS(struct note_input, note_table);

static uint64_t sum_of(const struct upload *file)
{
    unsigned char bytes[4096];
    uint64_t sum = 0, position = 0;
    ssize_t got;
    while ((got = read(file->fd, bytes, sizeof(bytes))) > 0)
        for (ssize_t i = 0; i < got; i++)
            sum += bytes[i] * (++position % 65521);
    assert_int_equal(position, file->size);
    return sum;
}

static bool import_post(struct call *call, struct error *err)
{
    (void)err;
    const struct import_input *input = call->input;
    struct stat status;
    assert_int_equal(fstat(input->file.fd, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0600);
    assert_int_equal(status.st_nlink, 0); /* nothing is left behind, whatever happens */
    call->request->response.status = 200;
    strbuf_printf(&call->request->response.body, "%s|%s|%lld|%llx|%s|%s|%d|%lld", input->file.filename,
                  input->file.content_type, (long long)input->file.size,
                  (unsigned long long)sum_of(&input->file), input->tenant_id, input->mode, input->dry_run,
                  (long long)input->sheet);
    return true;
}

static bool optional_post(struct call *call, struct error *err)
{
    (void)err;
    const struct optional_input *input = call->input;
    call->request->response.status = 200;
    strbuf_printf(&call->request->response.body, "fd %s", input->file.fd < 0 ? "none" : "one");
    return true;
}

static bool note_post(struct call *call, struct error *err)
{
    (void)err;
    return reply_empty(call);
}

static bool write_hello(void *context, struct http_stream *stream, struct error *err)
{
    return http_stream_write(stream, context, strlen(context), err);
}

static bool export_get(struct call *call, struct error *err)
{
    (void)err;
    static char hello[] = "hello";
    return reply_stream(call, NULL, "问答.csv", write_hello, hello);
}

static bool sheet_get(struct call *call, struct error *err)
{
    int fd;
    return temporary_file_open(NULL, &fd, err) && temporary_file_write(fd, "PK", 2, err) &&
           reply_file(call, call->route->other_content_type, "a.xlsx", fd, err);
}

/* In place of the product's. */
const struct route routes[] = {
    {.method = "POST",
     .path = "/import",
     .body_limit = LIMIT,
     .run = HTTP_RUN_HEAVY,
     .params = &import_params,
     .content_type = "text/plain",
     .handle = import_post,
     .summary = "Import"},
    {.method = "POST",
     .path = "/optional",
     .body_limit = 1000,
     .params = &optional_params,
     .content_type = "text/plain",
     .handle = optional_post,
     .summary = "Optional"},
    {.method = "POST",
     .path = "/note",
     .body_limit = 1000,
     .params = &note_params,
     .handle = note_post,
     .summary = "Note"},
    {.method = "GET",
     .path = "/export",
     .run = HTTP_RUN_HEAVY,
     .content_type = "text/csv; charset=utf-8",
     .other_content_type = "application/x-sheet",
     .handle = export_get,
     .summary = "Export"},
    {.method = "GET",
     .path = "/sheet",
     .run = HTTP_RUN_HEAVY,
     .content_type = "text/csv; charset=utf-8",
     .other_content_type = "application/x-sheet",
     .handle = sheet_get,
     .summary = "Export"},
};
const size_t route_count = ARRAY_SIZE(routes);

/* ---- the server under test ---- */

struct fixture {
    struct http_server *server;
    struct worker_pool *workers;
    int port;
    atomic_int begun, finished;
};

static void begin(void *context, struct http_request *request, struct http_plan *plan)
{
    struct fixture *f = context;
    f->begun++;
    for (size_t i = 0; i < route_count; i++)
        if (strcmp(routes[i].path, request->path) == 0) {
            plan->body_limit = routes[i].body_limit;
            plan->run = routes[i].run;
            plan->form = routes[i].params && params_have_form(routes[i].params);
            request->user = (void *)(uintptr_t)&routes[i];
        }
}

static void handle(void *context, struct http_request *request)
{
    (void)context;
    const struct route *route = request->user;
    struct call call = {.request = request, .route = route, .arena = &request->arena};
    struct error err;
    error_clear(&err);
    void *input = arena_alloc(&request->arena, route->params ? route->params->input_size : 1);
    call.input = input;
    if (!params_parse(route->params, false, request, &call.path, input, &err) || !route->handle(&call, &err))
        http_response_problem(request, &err);
}

static void finish(void *context, struct http_request *request)
{
    struct fixture *f = context;
    (void)request;
    f->finished++;
}

static struct fixture *fixture_new(const char *folder)
{
    struct fixture *f = xcalloc(1, sizeof(*f));
    struct error err;
    f->workers = worker_pool_new("test", 4, 64);
    const struct http_server_options options = {
        .listen = "127.0.0.1:0",
        .threads = 2,
        .timeout_seconds = 3,
        .workers = f->workers,
        .temporary_folder = folder,
        .handler = {f, begin, handle, finish},
    };
    if (!http_server_start(&f->server, &options, &err))
        fail_msg("%s", err.detail[LANGUAGE_EN]);
    f->port = http_server_port(f->server);
    return f;
}

static void fixture_free(struct fixture *f)
{
    http_server_stop(f->server, 1000);
    worker_pool_free(f->workers);
    assert_int_equal(f->finished, f->begun);
    free(f);
}

static int set_up(void **state)
{
    *state = fixture_new(NULL);
    return 0;
}

static int tear_down(void **state)
{
    fixture_free(*state);
    return 0;
}

static size_t open_files(void)
{
    size_t count = 0;
    for (int fd = 0; fd < 1024; fd++)
        count += fcntl(fd, F_GETFD) >= 0;
    return count;
}

static void post(const struct fixture *f, const char *path, const char *headers, const char *body,
                 size_t length, struct reply *reply)
{
    char head[1024];
    int fd = dial(f->port);
    snprintf(head, sizeof(head), "POST %s" H "%sContent-Length: %zu\r\n\r\n", path, headers, length);
    say_text(fd, head);
    say(fd, body, length);
    hear(fd, false, reply);
    close(fd);
}

/* ---- tests ---- */

#define PART(disposition, content)                                                                           \
    "--" BOUNDARY "\r\nContent-Disposition: form-data; " disposition "\r\n\r\n" content "\r\n"
#define TYPED(disposition, type, content)                                                                    \
    "--" BOUNDARY "\r\nContent-Disposition: form-data; " disposition "\r\nContent-Type: " type               \
    "\r\n\r\n" content "\r\n"
#define END "--" BOUNDARY "--\r\n"
#define TENANT PART("name=\"tenant_id\"", "shop")
#define FILE_PART TYPED("name=\"file\"; filename=\"a.csv\"", "text/csv", "q,a")

static void table_of_forms(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *body;
        int status;
        const char *in_body;
    } cases[] = {
        {FILE_PART TENANT END, 200, "a.csv|text/csv|3|"},
        {TENANT FILE_PART END, 200, "|shop|upsert|0|1"},
        {TENANT FILE_PART PART("name=mode", "create") PART("name=dry_run", "true") PART("name=sheet", "3")
             END,
         200, "|shop|create|1|3"},
        {"preamble\r\n--" BOUNDARY "x is none\r\n" TENANT FILE_PART END "epilogue\r\n--" BOUNDARY, 400,
         "does not end its line"},
        {"preamble\r\n" TENANT FILE_PART END "epilogue\r\n--" BOUNDARY, 200, "|shop|"},
        {"--" BOUNDARY " \t\r\ncontent-disposition:form-data;name=tenant_id\r\n\r\ns\r\n" FILE_PART
         "--" BOUNDARY "--",
         200, "|s|upsert"},
        /* names of files */
        {TENANT PART("name=\"file\"; filename=\"问答.csv\"", "x") END, 200, "问答.csv||1|"},
        {TENANT PART("name=\"file\"; filename=\"C:\\dir\\a.csv\"", "x") END, 200, "a.csv||1|"},
        {TENANT PART("name=\"file\"; filename=\"../../etc/a.csv\"", "x") END, 200, "a.csv||1|"},
        {TENANT PART("name=\"file\"; filename=\"a\\\"b%22%0A100%25.csv\"", "x") END, 200,
         "a\"b\" 100%25.csv||"},
        {TENANT PART("name=\"file\"; filename=\"a;b=c.csv\"", "x") END, 200, "a;b=c.csv||"},
        {TENANT PART("name=file; filename=x.csv; filename*=UTF-8''%E9%97%AE%0A.csv", "x") END, 200,
         "问 .csv||"},
        {TENANT PART("name=file; filename*=utf-8'zh'%E9%97%AE.csv", "x") END, 200, "问.csv||"},
        {TENANT PART("name=file; filename*=GBK''%CE%CA.csv", "x") END, 400, "Content-Disposition"},
        {TENANT PART("name=file; filename*=UTF-8''%ff.csv", "x") END, 400, "Content-Disposition"},
        {TENANT PART("name=file; filename=\"\xCE\xCA.csv\"", "x") END, 400, "not UTF-8"},
        /* contents that look like a boundary */
        {TENANT PART("name=file; filename=a", "\r\n-----\r\n--"
                                              "---y") END,
         200, "a||15|"},
        {TENANT PART("name=file; filename=a", "") END, 200, "a||0|"},
        {TENANT PART("name=file; filename=a", "\r\r\n\r\n-\r\n--\r\n---") END, 200, "a||15|"},
        /* fields */
        {TENANT PART("name=file; filename=\"\"", "") END, 422,
         "\"field\":\"file\",\"message\":\"is missing\""},
        {TENANT PART("name=file", "x") END, 422, "\"field\":\"file\",\"message\":\"must be a file"},
        {PART("name=tenant_id; filename=x", "x") FILE_PART END, 422,
         "\"field\":\"tenant_id\",\"message\":\"must be a text\""},
        {FILE_PART END, 422, "\"field\":\"tenant_id\",\"message\":\"is missing\""},
        {TENANT FILE_PART PART("name=mode", "other") END, 422, "\"field\":\"mode\""},
        {TENANT FILE_PART PART("name=dry_run", "maybe") END, 422, "\"field\":\"dry_run\""},
        {TENANT FILE_PART PART("name=sheet", "10") END, 422, "\"field\":\"sheet\""},
        {TENANT FILE_PART PART("name=other", "1") END, 422, "\"field\":\"other\""},
        {TENANT TENANT FILE_PART END, 422, "\"field\":\"tenant_id\",\"message\":\"stands twice\""},
        {TENANT FILE_PART FILE_PART END, 422, "\"field\":\"file\",\"message\":\"stands twice\""},
        {PART("name=tenant_id", "\xCE\xCA") FILE_PART END, 422, "\"field\":\"tenant_id\""},
        /* malformed */
        {"", 422, "is missing"},
        {"x", 400, "ends before"},
        {TENANT FILE_PART, 400, "ends before"},
        {TENANT FILE_PART "--" BOUNDARY, 400, "ends before"},
        {TENANT FILE_PART "--" BOUNDARY "-", 400, "ends before"},
        {TENANT FILE_PART "--" BOUNDARY "-x", 400, "does not end its line"},
        {"--" BOUNDARY "\r\n\r\nx\r\n" END, 400, "Part 1 of the form has no name"},
        {TENANT "--" BOUNDARY "\r\nContent-Type: text/csv\r\n\r\nx\r\n" END, 400,
         "Part 2 of the form has no name"},
        {TENANT PART("filename=x", "x") END, 400, "Part 2 of the form has no name"},
        {TENANT PART("name=\"\"", "x") END, 400, "has no name"},
        {TENANT PART("name=\"file", "x") END, 400, "cannot be read"},
        {TENANT PART("name=a; name=b", "x") END, 400, "cannot be read"},
        {TENANT PART("name", "x") END, 400, "cannot be read"},
        {"--" BOUNDARY "\r\nContent-Disposition: attachment; name=x\r\n\r\nx\r\n" END, 400, "not form-data"},
        {"--" BOUNDARY "\r\nno colon\r\n\r\nx\r\n" END, 400, "cannot be read"},
        {"--" BOUNDARY "\r\nA: b\r\n folded\r\n\r\nx\r\n" END, 400, "cannot be read"},
        {"--" BOUNDARY "\r\nA: b\nC: d\r\n\r\nx\r\n" END, 400, "cannot be read"},
        {"--" BOUNDARY "\r\nContent-Disposition: form-data; name=a\r\nContent-Transfer-Encoding: base64\r\n"
         "\r\nx\r\n" END,
         400, "encoded"},
    };
    size_t before = open_files();
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        REPLY reply;
        post(f, "/import", FORM_HEADER, cases[i].body, strlen(cases[i].body), &reply);
        if (reply.status != cases[i].status || !strstr(strbuf_text(&reply.body), cases[i].in_body))
            fail_msg("%s\n-> %d, not %d: %s", cases[i].body, reply.status, cases[i].status,
                     strbuf_text(&reply.body));
    }
    wait_for(&f->finished, f->begun);
    for (int i = 0; i < 100 && open_files() > before; i++)
        usleep(10000);
    assert_true(open_files() <= before);
}

static void content_types(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *path, *headers;
        int status;
    } cases[] = {
        {"/import", FORM_HEADER, 200},
        {"/import", "Content-Type: MULTIPART/form-data; charset=utf-8; boundary=\"----x\"\r\n", 200},
        {"/import", "", 415},
        {"/import", "Content-Type: application/json\r\n", 415},
        {"/import", "Content-Type: application/x-www-form-urlencoded\r\n", 415},
        {"/import", "Content-Type: multipart/mixed; boundary=----x\r\n", 415},
        {"/import", "Content-Type: multipart/form-data-2; boundary=----x\r\n", 415},
        {"/import", "Content-Type: multipart/form-data\r\n", 400},
        {"/import", "Content-Type: multipart/form-data; boundary=\r\n", 400},
        {"/import", "Content-Type: multipart/form-data; boundary=\"a\r\n", 400},
        {"/import", "Content-Type: multipart/form-data; boundary=----x; boundary=y\r\n", 400},
        {"/import", "Content-Type: multipart/form-data; boundary=a\xC3\xA9\r\n", 400},
        {"/import",
         "Content-Type: multipart/form-data; "
         "boundary=01234567890123456789012345678901234567890123456789012345678901234567890\r\n",
         400},
        {"/note", FORM_HEADER, 415},
    };
    static const char body[] = TENANT FILE_PART END;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        REPLY reply;
        post(f, cases[i].path, cases[i].headers, body, strlen(body), &reply);
        if (reply.status != cases[i].status)
            fail_msg("%s: %d", cases[i].headers, reply.status);
    }
    REPLY none, empty;
    post(f, "/optional", FORM_HEADER, END, strlen(END), &none);
    assert_string_equal(strbuf_text(&none.body), "fd none");
    post(f, "/optional", "", "", 0, &empty);
    assert_string_equal(strbuf_text(&empty.body), "fd none");
}

static void too_many_and_too_long(void **state)
{
    struct fixture *f = *state;
    struct strbuf body = {0};
    REPLY fields, text, headers, large;
    for (int i = 0; i < 40; i++)
        strbuf_printf(&body, PART("name=f%d", "x"), i);
    post(f, "/import", FORM_HEADER, body.bytes, body.length, &fields);
    assert_int_equal(fields.status, 400);
    assert_non_null(strstr(fields.body.bytes, "32 fields"));
    strbuf_reset(&body);
    strbuf_puts(&body, "--" BOUNDARY "\r\nContent-Disposition: form-data; name=tenant_id\r\n\r\n");
    for (int i = 0; i < 4000; i++)
        strbuf_puts(&body, "0123456789");
    post(f, "/import", FORM_HEADER, body.bytes, body.length, &text);
    assert_int_equal(text.status, 422);
    assert_non_null(
        strstr(text.body.bytes, "\"field\":\"tenant_id\",\"message\":\"is longer than 32768 bytes"));
    strbuf_reset(&body);
    strbuf_puts(&body, "--" BOUNDARY "\r\nX: ");
    for (int i = 0; i < 500; i++)
        strbuf_puts(&body, "0123456789");
    post(f, "/import", FORM_HEADER, body.bytes, body.length, &headers);
    assert_int_equal(headers.status, 400);
    assert_non_null(strstr(headers.body.bytes, "too long headers"));
    post(f, "/optional", FORM_HEADER, body.bytes, body.length, &large);
    assert_int_equal(large.status, 413);
    strbuf_release(&body);
}

/* In pieces of every size, so that every boundary falls on every seam. */
static void byte_by_byte(void **state)
{
    struct fixture *f = *state;
    static const char body[] = TENANT FILE_PART END;
    char whole[256] = "";
    for (size_t piece = 1; piece < 40; piece += piece < 8 ? 1 : 7) {
        char head[256];
        REPLY reply;
        int fd = dial(f->port);
        snprintf(head, sizeof(head), "POST /import" H FORM_HEADER CHUNKED "\r\n");
        say_text(fd, head);
        for (size_t at = 0; at < strlen(body); at += piece) {
            size_t length = strlen(body) - at < piece ? strlen(body) - at : piece;
            snprintf(head, sizeof(head), "%zx\r\n%.*s\r\n", length, (int)length, body + at);
            say_text(fd, head);
        }
        say_text(fd, "0\r\n\r\n");
        hear(fd, false, &reply);
        assert_int_equal(reply.status, 200);
        if (!*whole)
            snprintf(whole, sizeof(whole), "%s", reply.body.bytes);
        assert_string_equal(reply.body.bytes, whole);
        close(fd);
    }
}

static long peak_kb(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return usage.ru_maxrss;
}

/* Bytes that are full of line breaks and dashes; returns their sum as sum_of does. */
static uint64_t send_file(int fd, size_t size)
{
    static char bytes[1 << 16];
    uint64_t sum = 0, position = 0;
    uint32_t random = 1;
    while (size > 0) {
        size_t length = size < sizeof(bytes) ? size : sizeof(bytes);
        for (size_t i = 0; i < length; i++) {
            random = random * 1664525 + 1013904223;
            bytes[i] = (random >> 24) < 64 ? "\r\n--\r\n-"[random >> 16 & 7] : (char)(random >> 20);
            sum += (unsigned char)bytes[i] * (++position % 65521);
        }
        say(fd, bytes, length);
        size -= length;
    }
    return sum;
}

static void large_file_in_little_memory(void **state)
{
    struct fixture *f = *state;
    static const char before[] =
        TENANT "--" BOUNDARY "\r\nContent-Disposition: form-data; name=file; filename=big\r\n\r\n";
    static const char after[] = "\r\n" END;
    long peak = 0;
    for (int i = 0; i < 2; i++) { /* the first warms up */
        size_t size = i ? (size_t)50 << 20 : 1 << 20;
        char text[128];
        REPLY reply;
        int fd = dial(f->port);
        peak = peak_kb();
        snprintf(text, sizeof(text), "POST /import" H FORM_HEADER "Content-Length: %zu\r\n\r\n",
                 strlen(before) + size + strlen(after));
        say_text(fd, text);
        say_text(fd, before);
        uint64_t sum = send_file(fd, size);
        say_text(fd, after);
        hear(fd, false, &reply);
        assert_int_equal(reply.status, 200);
        snprintf(text, sizeof(text), "big||%zu|%llx|", size, (unsigned long long)sum);
        assert_non_null(strstr(reply.body.bytes, text));
        close(fd);
    }
    assert_true(peak_kb() - peak <= PEAK_KB_MAX);
}

/* The whole body is pushed before the client listens: it must still get to read why. */
static void refused_while_sending(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *head;
        int status;
    } cases[] = {
        {"POST /import" H FORM_HEADER "Content-Length: 67108865\r\n\r\n", 413},
        {"POST /import" H "Content-Type: application/json\r\nContent-Length: 4194304\r\n\r\n", 415},
        {"POST /import" H FORM_HEADER "Content-Length: 4194304\r\n\r\n--" BOUNDARY "\r\nnonsense\r\n\r\n",
         400},
        {"POST /optional" H FORM_HEADER CHUNKED "\r\n400000\r\n", 413},
    };
    size_t before = open_files();
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        int finished = f->finished;
        REPLY reply;
        int fd = dial(f->port);
        say_text(fd, cases[i].head);
        send_file(fd, 4 << 20);
        hear(fd, false, &reply);
        assert_int_equal(reply.status, cases[i].status);
        check_header(&reply, "Connection", "close");
        assert_non_null(header_of(&reply, "X-Request-Id"));
        assert_true(at_end(fd));
        close(fd);
        wait_for(&f->finished, finished + 1);
    }
    for (int i = 0; i < 300 && open_files() > before; i++)
        usleep(10000); /* what is being drained */
    assert_true(open_files() <= before);
}

static void client_vanishes(void **state)
{
    struct fixture *f = *state;
    size_t before = open_files();
    int finished = f->finished;
    for (int i = 0; i < 4; i++) {
        int fd = dial(f->port);
        say_text(fd, "POST /import" H FORM_HEADER "Content-Length: 9999999\r\n\r\n" TENANT);
        say_text(fd, "--" BOUNDARY "\r\nContent-Disposition: form-data; name=file; filename=a\r\n\r\n");
        send_file(fd, 300000);
        close(fd);
    }
    wait_for(&f->finished, finished + 4);
    for (int i = 0; i < 100 && open_files() > before; i++)
        usleep(10000);
    assert_true(open_files() <= before);
}

static void *upload_many(void *context)
{
    struct fixture *f = context;
    for (int i = 0; i < 20; i++) {
        static const char body[] = TENANT FILE_PART END;
        REPLY reply;
        post(f, "/import", FORM_HEADER, body, strlen(body), &reply);
        assert_int_equal(reply.status, 200);
    }
    return NULL;
}

static void many_at_once(void **state)
{
    struct fixture *f = *state;
    pthread_t threads[8];
    for (size_t i = 0; i < ARRAY_SIZE(threads); i++)
        pthread_create(&threads[i], NULL, upload_many, f);
    for (size_t i = 0; i < ARRAY_SIZE(threads); i++)
        pthread_join(threads[i], NULL);
}

static void disk_refuses(void **state)
{
    (void)state;
    static const char body[] = TENANT FILE_PART END;
    struct fixture *nowhere = fixture_new("/nonexistent");
    REPLY reply;
    post(nowhere, "/import", FORM_HEADER, body, strlen(body), &reply);
    assert_int_equal(reply.status, 503);
    check_header(&reply, "Retry-After", "30");
    assert_non_null(strstr(reply.body.bytes, "temporary file"));
    fixture_free(nowhere);
    struct error err;
    int full = open("/dev/full", O_WRONLY | O_CLOEXEC);
    assert_true(full >= 0);
    assert_false(temporary_file_write(full, "x", 1, &err));
    assert_int_equal(err.code, ERROR_UNAVAILABLE);
    assert_non_null(strstr(err.detail[LANGUAGE_EN], "full"));
    close(full);
}

static void downloads(void **state)
{
    struct fixture *f = *state;
    REPLY stream, file;
    exchange(f->port, "GET /export" H "\r\n", strlen("GET /export" H "\r\n"), &stream);
    assert_int_equal(stream.status, 200);
    check_header(&stream, "Content-Type", "text/csv; charset=utf-8");
    check_header(&stream, "Content-Disposition",
                 "attachment; filename=\"__.csv\"; filename*=UTF-8''%E9%97%AE%E7%AD%94.csv");
    exchange(f->port, "GET /sheet" H "\r\n", strlen("GET /sheet" H "\r\n"), &file);
    check_header(&file, "Content-Type", "application/x-sheet");
    check_header(&file, "Content-Length", "2");
    assert_string_equal(file.body.bytes, "PK");
}

static void document(void **state)
{
    (void)state;
    struct strbuf out = {0};
    openapi_write(&out, "1");
    assert_non_null(
        strstr(out.bytes, "\"requestBody\":{\"required\":true,\"content\":{\"multipart/form-data\":"));
    assert_non_null(strstr(out.bytes, "\"file\":{\"type\":\"string\",\"format\":\"binary\""));
    assert_non_null(strstr(out.bytes, "\"required\":[\"file\",\"tenant_id\"]"));
    assert_non_null(strstr(out.bytes, "\"dry_run\":{\"type\":\"boolean\""));
    assert_non_null(strstr(
        out.bytes, "\"text/csv; charset=utf-8\":{\"schema\":{}},\"application/x-sheet\":{\"schema\":{}}"));
    strbuf_release(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(table_of_forms),
        cmocka_unit_test(content_types),
        cmocka_unit_test(too_many_and_too_long),
        cmocka_unit_test(byte_by_byte),
        cmocka_unit_test(large_file_in_little_memory),
        cmocka_unit_test(refused_while_sending),
        cmocka_unit_test(client_vanishes),
        cmocka_unit_test(many_at_once),
        cmocka_unit_test(disk_refuses),
        cmocka_unit_test(downloads),
        cmocka_unit_test(document),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
