/* Streamed answers and files, over real sockets: whole, compressed, broken off at either end, too many,
 * through little memory, and in the middle of the server's stop. */
#include <fcntl.h>
#include <pthread.h>
#include <semaphore.h>
#include <zlib.h>

#include "http_sockets.h"

#include "base/log.h"
#include "base/temporary_file.h"
#include "http/compress.h"
#include "http/disposition.h"
#include "http/problem.h"
#include "http/server.h"
#include "http/stream.h"

#define ROW_LENGTH 64

/* A sanitizer's own memory grows with what is done. */
#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
#define PEAK_KB_MAX 200000
#else
#define PEAK_KB_MAX 1024
#endif

/* ---- the server under test ---- */

struct fixture {
    struct http_server *server;
    struct worker_pool *workers, *heavy;
    int port;
    sem_t gate;
    unsigned gate_after_us;
    atomic_int begun, finished, produced, ended, waiting;
    atomic_int endings[3]; /* by enum http_ending */
    atomic_int last_status;
};

struct production {
    struct fixture *fixture;
    struct http_request *request;
    long rows;
};

static bool write_row(struct http_stream *stream, long number, struct error *err)
{
    char row[ROW_LENGTH];
    int length = snprintf(row, sizeof(row), "row %010ld ", number);
    memset(row + length, '.', ROW_LENGTH - 1 - (size_t)length);
    row[ROW_LENGTH - 1] = '\n';
    return http_stream_write(stream, row, ROW_LENGTH, err);
}

static bool write_rows(void *context, struct http_stream *stream, struct error *err)
{
    const struct production *p = context;
    bool done = true;
    p->fixture->produced++;
    for (long i = 0; i < p->rows && done; i++)
        done = write_row(stream, i, err);
    p->fixture->ended++;
    return done;
}

static bool write_and_fail(void *context, struct http_stream *stream, struct error *err)
{
    return write_rows(context, stream, err) &&
           error_set(err, ERROR_CONFLICT, "It changed meanwhile.", "期间已被修改。");
}

static bool write_large_pieces(void *context, struct http_stream *stream, struct error *err)
{
    const struct production *p = context;
    CLEANUP(free_pointer) char *piece = xmalloc((size_t)p->rows);
    memset(piece, 'x', (size_t)p->rows);
    for (int i = 0; i < 3; i++)
        if (!http_stream_write(stream, piece, (size_t)p->rows, err))
            return false;
    return true;
}

static bool wait_in_the_middle(void *context, struct http_stream *stream, struct error *err)
{
    const struct production *p = context;
    if (!write_rows(context, stream, err))
        return false;
    p->fixture->waiting++;
    sem_wait(&p->fixture->gate);
    return write_rows(context, stream, err);
}

/* After the wait more than what lies between the producer and the client can hold: it cannot end unnoticed. */
static bool wait_in_front_of_much(void *context, struct http_stream *stream, struct error *err)
{
    bool goes_on = wait_in_the_middle(context, stream, err);
    for (int i = 0; i < 100 && goes_on; i++)
        goes_on = write_rows(context, stream, err);
    return goes_on;
}

static const struct {
    const char *path;
    http_producer produce;
} producers[] = {
    {"/rows", write_rows},
    {"/fail", write_and_fail},
    {"/large", write_large_pieces},
    {"/wait", wait_in_the_middle},
    {"/wait-much", wait_in_front_of_much},
};

static void begin(void *context, struct http_request *request, struct http_plan *plan)
{
    struct fixture *f = context;
    (void)request;
    f->begun++;
    plan->run = strcmp(request->path, "/misplaced") == 0 ? HTTP_RUN_WORKER : HTTP_RUN_HEAVY;
    plan->run = strcmp(request->path, "/other") == 0 ? HTTP_RUN_WORKER : plan->run;
    plan->owner = http_request_header(request, "X-Owner");
}

static void answer_file(struct http_request *request, size_t size)
{
    struct error err;
    int fd;
    assert_true(temporary_file_open(NULL, &fd, &err));
    CLEANUP(free_pointer) char *bytes = xmalloc(size + 1);
    for (size_t i = 0; i < size; i++)
        bytes[i] = (char)(i % 251);
    assert_true(temporary_file_write(fd, bytes, size, &err));
    request->response.content_type = "application/octet-stream";
    request->response.file_name = "问答 \"1\".xlsx";
    assert_true(http_response_file(request, fd, &err));
    if (strstr(request->path, "then-fail")) {
        error_set(&err, ERROR_CONFLICT, "No.", "不。");
        http_response_problem(request, &err);
    }
}

static bool take_count(void *context, const char *name, const char *value)
{
    (void)name;
    *(long *)context = value ? atol(value) : 0;
    return true;
}

static void handle(void *context, struct http_request *request)
{
    long count = 0;
    http_query_each(request, take_count, &count);
    request->response.status = 200;
    if (strncmp(request->path, "/file", 5) == 0) {
        answer_file(request, (size_t)count);
        return;
    }
    struct production *p = arena_alloc(&request->arena, sizeof(*p));
    *p = (struct production){context, request, count};
    request->response.content_type =
        strcmp(request->path, "/large") == 0 ? "application/octet-stream" : "text/csv; charset=utf-8";
    request->response.file_name = "rows.csv";
    http_producer produce = write_rows;
    for (size_t i = 0; i < ARRAY_SIZE(producers); i++)
        if (strcmp(request->path, producers[i].path) == 0)
            produce = producers[i].produce;
    http_response_stream(request, produce, p);
}

static void finish(void *context, struct http_request *request)
{
    struct fixture *f = context;
    f->endings[request->response.ending]++;
    f->last_status = request->response.status;
    f->finished++;
}

static struct fixture *fixture_new(int timeout_seconds, size_t heavy, size_t queue)
{
    struct fixture *f = xcalloc(1, sizeof(*f));
    struct error err;
    sem_init(&f->gate, 0, 0);
    f->workers = worker_pool_new("test", 1, 64);
    f->heavy = worker_pool_new("heavy", heavy, queue);
    const struct http_server_options options = {
        .listen = "127.0.0.1:0",
        .threads = 2,
        .timeout_seconds = timeout_seconds,
        .workers = f->workers,
        .heavy = f->heavy,
        .handler = {f, begin, handle, finish},
    };
    if (!http_server_start(&f->server, &options, &err))
        fail_msg("%s", err.detail[LANGUAGE_EN]);
    f->port = http_server_port(f->server);
    return f;
}

static void fixture_free(struct fixture *f, int grace_ms)
{
    http_server_stop(f->server, grace_ms);
    worker_pool_free(f->workers);
    worker_pool_free(f->heavy);
    assert_int_equal(f->finished, f->begun); /* each exactly once */
    assert_int_equal(f->produced, f->ended);
    sem_destroy(&f->gate);
    free(f);
}

static int set_up(void **state)
{
    *state = fixture_new(5, 8, 64);
    return 0;
}

static int tear_down(void **state)
{
    fixture_free(*state, 1000);
    return 0;
}

/* ---- the client's end of a stream ---- */

struct received {
    size_t bytes;
    bool whole;         /* the last chunk came */
    struct strbuf *all; /* NULL: not kept */
    unsigned pause_us;  /* between two chunks */
};

static void take_bytes(struct received *r, const char *bytes, size_t length)
{
    r->bytes += length;
    if (r->all)
        strbuf_append(r->all, bytes, length);
}

/* Chunks until the last or until the connection ends. */
static void receive(int fd, struct received *r)
{
    static _Thread_local char bytes[1 << 16];
    char line[64];
    FILE *in = fdopen(dup(fd), "r");
    assert_non_null(in);
    while (!r->whole && fgets(line, sizeof(line), in)) {
        size_t length = strtoul(line, NULL, 16);
        r->whole = length == 0;
        assert_true(length <= sizeof(bytes));
        size_t got = fread(bytes, 1, length, in);
        take_bytes(r, bytes, got);
        if (got < length || !fgets(line, sizeof(line), in))
            break;
        if (r->pause_us)
            usleep(r->pause_us);
    }
    fclose(in);
}

static void ask_on(int fd, const char *method, const char *target, const char *headers, struct reply *reply)
{
    char text[1024];
    snprintf(text, sizeof(text), "%s %s" H "%s\r\n", method, target, headers);
    say_text(fd, text);
    hear(fd, strcmp(method, "HEAD") == 0, reply);
}

static void check_rows(const struct strbuf *all, long count)
{
    assert_int_equal(all->length, count * ROW_LENGTH);
    for (long i = 0; i < count; i++) {
        char row[ROW_LENGTH + 1] = "";
        memcpy(row, all->bytes + i * ROW_LENGTH, ROW_LENGTH);
        assert_int_equal(atol(row + 4), i);
    }
}

/* ---- tests ---- */

static void whole_and_again(void **state)
{
    struct fixture *f = *state;
    static const long counts[] = {0, 1, 100, 255, 256, 1023, 1024, 1025, 4096, 20000, 3};
    int fd = dial(f->port), whole = f->endings[HTTP_ENDING_WHOLE];
    for (size_t i = 0; i < ARRAY_SIZE(counts); i++) {
        char target[64];
        struct strbuf all = {0};
        struct received r = {.all = &all};
        REPLY reply;
        snprintf(target, sizeof(target), "/rows?n=%ld", counts[i]);
        ask_on(fd, "GET", target, "", &reply);
        assert_int_equal(reply.status, 200);
        check_header(&reply, "Transfer-Encoding", "chunked");
        check_header(&reply, "Content-Type", "text/csv; charset=utf-8");
        check_header(&reply, "Content-Disposition", "attachment; filename=\"rows.csv\"");
        check_header(&reply, "Cache-Control", "no-store");
        check_header(&reply, "Vary", "Accept-Encoding");
        assert_non_null(header_of(&reply, "X-Request-Id"));
        assert_null(header_of(&reply, "Content-Length"));
        assert_null(header_of(&reply, "ETag"));
        receive(fd, &r);
        assert_true(r.whole);
        check_rows(&all, counts[i]);
        strbuf_release(&all);
    }
    close(fd);
    wait_for(&f->endings[HTTP_ENDING_WHOLE], whole + (int)ARRAY_SIZE(counts));
}

static void large_pieces(void **state)
{
    struct fixture *f = *state;
    static const long sizes[] = {16383, 16384, 16385, 65536, 262144, 262145, 1000000};
    for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
        char target[64];
        struct received r = {0};
        REPLY reply;
        int fd = dial(f->port);
        snprintf(target, sizeof(target), "/large?n=%ld", sizes[i]);
        ask_on(fd, "GET", target, "Accept-Encoding: gzip\r\n", &reply);
        assert_null(header_of(&reply, "Content-Encoding")); /* that type does not get smaller */
        receive(fd, &r);
        assert_true(r.whole);
        assert_int_equal(r.bytes, 3 * sizes[i]);
        close(fd);
    }
}

static void compressed(void **state)
{
    struct fixture *f = *state;
    static const long counts[] = {0, 10, 100000};
    for (size_t i = 0; i < ARRAY_SIZE(counts); i++) {
        char target[64];
        struct strbuf packed = {0}, all = {0};
        struct received r = {.all = &packed};
        REPLY reply;
        int fd = dial(f->port);
        snprintf(target, sizeof(target), "/rows?n=%ld", counts[i]);
        ask_on(fd, "GET", target, "Accept-Encoding: gzip\r\n", &reply);
        check_header(&reply, "Content-Encoding", "gzip");
        receive(fd, &r);
        assert_true(r.whole);
        size_t room = (size_t)counts[i] * ROW_LENGTH + 1;
        z_stream z = {.next_in = (Bytef *)packed.bytes,
                      .avail_in = (uInt)packed.length,
                      .next_out = (Bytef *)strbuf_reserve(&all, room),
                      .avail_out = (uInt)room};
        inflateInit2(&z, 15 + 16);
        assert_int_equal(inflate(&z, Z_FINISH), Z_STREAM_END);
        inflateEnd(&z);
        all.length = z.total_out;
        check_rows(&all, counts[i]);
        assert_true(counts[i] < 1000 || packed.length < all.length / 4);
        strbuf_release(&packed);
        strbuf_release(&all);
        close(fd);
    }
}

static void head_runs_no_producer(void **state)
{
    struct fixture *f = *state;
    int produced = f->produced, fd = dial(f->port), other = dial(f->port);
    REPLY head, file, again;
    ask_on(fd, "HEAD", "/rows?n=9", "Accept-Encoding: gzip\r\n", &head);
    assert_int_equal(head.status, 200);
    check_header(&head, "Content-Type", "text/csv; charset=utf-8");
    check_header(&head, "Content-Encoding", "gzip");
    check_header(&head, "Content-Disposition", "attachment; filename=\"rows.csv\"");
    assert_null(header_of(&head, "Content-Length"));
    assert_null(header_of(&head, "Transfer-Encoding"));
    check_header(&head, "Connection", "close");
    assert_true(at_end(fd)); /* and not a byte of a body */
    ask_on(other, "HEAD", "/file?n=9", "", &file);
    check_header(&file, "Content-Length", "9");
    ask_on(other, "HEAD", "/file?n=8", "", &again);
    check_header(&again, "Content-Length", "8");
    assert_int_equal(f->produced, produced);
    close(other);
    close(fd);
}

static void early_failure_is_a_problem(void **state)
{
    struct fixture *f = *state;
    int fd = dial(f->port);
    for (int i = 0; i < 3; i++) { /* what the failed one wrote is not in the next answer */
        struct strbuf all = {0};
        struct received r = {.all = &all};
        REPLY failed, good;
        ask_on(fd, "GET", i % 2 ? "/fail?n=900" : "/fail?n=0", "Accept-Encoding: gzip\r\n", &failed);
        assert_int_equal(failed.status, 409);
        check_header(&failed, "Content-Type", "application/problem+json");
        assert_null(header_of(&failed, "Content-Disposition"));
        assert_null(header_of(&failed, "Content-Encoding"));
        assert_non_null(strstr(failed.body.bytes, "It changed meanwhile."));
        ask_on(fd, "GET", "/rows?n=5", "", &good);
        receive(fd, &r);
        check_rows(&all, 5);
        strbuf_release(&all);
    }
    close(fd);
    assert_int_equal(f->endings[HTTP_ENDING_FAILED], 0);
}

static atomic_int failures_logged;

static void watch_log(void *context, enum log_level level, const char *source, const char *request_id,
                      const char *message)
{
    (void)context;
    if (level == LOG_ERROR && strcmp(source, "http") == 0 && request_id &&
        strcmp(request_id, "late-failure") == 0 && strstr(message, "It changed meanwhile."))
        failures_logged++;
}

static void late_failure_is_no_whole_answer(void **state)
{
    struct fixture *f = *state;
    log_set_sink(watch_log, NULL);
    static const char *const encodings[] = {"", "Accept-Encoding: gzip\r\n"};
    for (int i = 0; i < 2; i++) {
        int failed = f->endings[HTTP_ENDING_FAILED];
        struct received r = {0};
        REPLY reply;
        char headers[128];
        int fd = dial(f->port);
        snprintf(headers, sizeof(headers), "X-Request-Id: late-failure\r\n%s", encodings[i]);
        ask_on(fd, "GET", "/fail?n=200000", headers, &reply);
        assert_int_equal(reply.status, 200);
        receive(fd, &r);
        assert_false(r.whole);
        assert_true(at_end(fd));
        close(fd);
        wait_for(&f->endings[HTTP_ENDING_FAILED], failed + 1);
        assert_int_equal(failures_logged, i + 1);
    }
    log_set_sink(NULL, NULL);
}

/* Without chunks an orderly end would look like the whole answer: it is a reset. */
static void http_1_0(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *request;
        bool whole;
    } cases[] = {{"GET /rows?n=50000 HTTP/1.0\r\n\r\n", true}, {"GET /fail?n=50000 HTTP/1.0\r\n\r\n", false}};
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        int fd = dial(f->port);
        char bytes[4096];
        size_t total = 0;
        ssize_t got;
        REPLY reply;
        say_text(fd, cases[i].request);
        hear(fd, false, &reply);
        assert_null(header_of(&reply, "Transfer-Encoding"));
        while ((got = recv(fd, bytes, sizeof(bytes), 0)) > 0)
            total += (size_t)got;
        assert_int_equal(got == 0, cases[i].whole);
        if (cases[i].whole)
            assert_int_equal(total, 50000 * ROW_LENGTH);
        close(fd);
    }
}

static void client_leaves(void **state)
{
    struct fixture *f = *state;
    int broken = f->endings[HTTP_ENDING_BROKEN], ended = f->ended;
    for (int i = 0; i < 4; i++) {
        REPLY reply;
        int fd = dial(f->port);
        ask_on(fd, "GET", "/rows?n=2000000000", i % 2 ? "Accept-Encoding: gzip\r\n" : "", &reply);
        assert_int_equal(reply.status, 200);
        if (i > 1)
            setsockopt(fd, SOL_SOCKET, SO_LINGER, &(struct linger){1, 0}, sizeof(struct linger));
        close(fd);
    }
    wait_for(&f->ended, ended + 4);
    wait_for(&f->endings[HTTP_ENDING_BROKEN], broken + 4);
}

/* While the connection waits for the producer, its client leaves. */
static void client_leaves_while_waiting(void **state)
{
    struct fixture *f = *state;
    int broken = f->endings[HTTP_ENDING_BROKEN], waiting = f->waiting;
    for (int i = 0; i < 2; i++) {
        REPLY reply;
        int fd = dial(f->port);
        ask_on(fd, "GET", "/wait-much?n=3000", "", &reply);
        wait_for(&f->waiting, waiting + i + 1);
        if (i)
            setsockopt(fd, SOL_SOCKET, SO_LINGER, &(struct linger){1, 0}, sizeof(struct linger));
        close(fd);
        usleep(20000);
        sem_post(&f->gate);
    }
    wait_for(&f->endings[HTTP_ENDING_BROKEN], broken + 2);
}

static void half_closed(void **state)
{
    struct fixture *f = *state;
    struct received r = {0};
    REPLY reply;
    int fd = dial(f->port), waiting = f->waiting;
    say_text(fd, "GET /wait?n=3000" H "\r\n");
    shutdown(fd, SHUT_WR);
    wait_for(&f->waiting, waiting + 1);
    usleep(20000);
    sem_post(&f->gate);
    hear(fd, false, &reply);
    receive(fd, &r);
    assert_true(r.whole);
    assert_int_equal(r.bytes, 6000 * ROW_LENGTH);
    close(fd);
}

static void stalled_client_is_cut(void **state)
{
    (void)state;
    struct fixture *f = fixture_new(1, 4, 64);
    REPLY reply;
    int fd = dial(f->port);
    ask_on(fd, "GET", "/rows?n=2000000000", "", &reply);
    wait_for(&f->ended, 1);
    wait_for(&f->finished, 1);
    assert_int_equal(f->endings[HTTP_ENDING_BROKEN], 1);
    close(fd);
    fixture_free(f, 1000);
}

/* Longer than the time limit of a second, but never still. */
static void slow_client_gets_all(void **state)
{
    (void)state;
    struct fixture *f = fixture_new(1, 4, 64);
    struct received r = {.pause_us = 12000};
    REPLY reply;
    int fd = dial(f->port);
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &(int){32768}, sizeof(int));
    ask_on(fd, "GET", "/rows?n=150000", "", &reply);
    receive(fd, &r);
    assert_true(r.whole);
    assert_int_equal(r.bytes, 150000 * ROW_LENGTH);
    close(fd);
    fixture_free(f, 1000);
}

static void *open_gate_later(void *context)
{
    struct fixture *f = context;
    usleep(f->gate_after_us);
    sem_post(&f->gate);
    return NULL;
}

/* Nor is a producer hurried that takes longer than the client's time limit. */
static void slow_producer_is_let_be(void **state)
{
    (void)state;
    struct fixture *f = fixture_new(1, 4, 64);
    struct received r = {0};
    REPLY reply;
    pthread_t thread;
    int fd = dial(f->port);
    f->gate_after_us = 2500000;
    pthread_create(&thread, NULL, open_gate_later, f);
    ask_on(fd, "GET", "/wait?n=3000", "", &reply);
    receive(fd, &r);
    assert_true(r.whole);
    pthread_join(thread, NULL);
    close(fd);
    fixture_free(f, 1000);
}

static long peak_kb(void)
{
    char line[128];
    long kb = 0;
    FILE *file = fopen("/proc/self/status", "r");
    while (file && fgets(line, sizeof(line), file))
        if (sscanf(line, "VmHWM: %ld", &kb) == 1)
            break;
    if (file)
        fclose(file);
    return kb;
}

static void much_through_little_memory(void **state)
{
    struct fixture *f = *state;
    for (int i = 0; i < 2; i++) { /* the first warms up */
        struct received r = {0};
        REPLY reply;
        long before = peak_kb(), rows = i ? 100 * 1000 * 1000 / ROW_LENGTH : 20000;
        char target[64];
        int fd = dial(f->port);
        snprintf(target, sizeof(target), "/rows?n=%ld", rows);
        ask_on(fd, "GET", target, "", &reply);
        receive(fd, &r);
        assert_true(r.whole);
        assert_int_equal(r.bytes, rows * ROW_LENGTH);
        assert_true(i == 0 || peak_kb() - before <= PEAK_KB_MAX);
        close(fd);
    }
}

static void *ask_stream(void *context)
{
    struct fixture *f = context;
    for (int i = 0; i < 10; i++) {
        struct received r = {0};
        REPLY reply;
        int fd = dial(f->port);
        ask_on(fd, "GET", i % 3 ? "/rows?n=5000" : "/file?n=500000", "", &reply);
        assert_true(reply.status == 200 || reply.status == 503);
        if (reply.status == 503)
            check_header(&reply, "Retry-After", "5");
        else if (!header_of(&reply, "Content-Length")) {
            receive(fd, &r);
            assert_true(r.whole);
            assert_int_equal(r.bytes, 5000 * ROW_LENGTH);
        }
        close(fd);
    }
    return NULL;
}

static void many_at_once(void **state)
{
    struct fixture *f = *state;
    pthread_t threads[8];
    int finished = f->finished;
    for (size_t i = 0; i < ARRAY_SIZE(threads); i++)
        pthread_create(&threads[i], NULL, ask_stream, f);
    for (size_t i = 0; i < ARRAY_SIZE(threads); i++)
        pthread_join(threads[i], NULL);
    wait_for(&f->finished, finished + 80);
}

/* They wait for one another, as many as may; the rest of the product goes on. */
static void too_many_are_sent_away(void **state)
{
    (void)state;
    struct fixture *f = fixture_new(5, 2, 1);
    int fds[2], queued = dial(f->port);
    REPLY first, busy, other, again;
    for (int i = 0; i < 2; i++) {
        REPLY reply;
        fds[i] = dial(f->port);
        ask_on(fds[i], "GET", "/wait?n=3000", "", &reply);
    }
    wait_for(&f->waiting, 2);
    say_text(queued, "GET /rows?n=1 HTTP/1.1\r\nHost: x\r\n\r\n");
    while (worker_pool_waiting(f->heavy) < 1)
        usleep(1000);
    int fd = dial(f->port);
    ask_on(fd, "GET", "/rows?n=1", "", &busy);
    assert_int_equal(busy.status, 503);
    check_header(&busy, "Retry-After", "5");
    ask_on(fd, "GET", "/other?n=1", "", &other);
    assert_int_equal(other.status, 500); /* it was handled: no producer there */
    for (int i = 0; i < 2; i++)
        sem_post(&f->gate);
    for (int i = 0; i < 2; i++) {
        struct received r = {0};
        receive(fds[i], &r);
        assert_true(r.whole);
        close(fds[i]);
    }
    hear(queued, false, &first);
    assert_int_equal(first.status, 200);
    close(queued);
    ask_on(fd, "GET", "/rows?n=1", "", &again);
    assert_int_equal(again.status, 200);
    close(fd);
    fixture_free(f, 1000);
}

/* Whoever asks for many waits for their own; the next one does not. */
static void one_owner_has_a_share(void **state)
{
    (void)state;
    struct fixture *f = fixture_new(5, 2, 8);
    worker_pool_set_share(f->heavy, (struct worker_share){.running = 1, .in_all = 2});
    int fds[3];
    REPLY mine, waiting, refused, others;
    struct received r = {0};
    for (int i = 0; i < 3; i++)
        fds[i] = dial(f->port);
    ask_on(fds[0], "GET", "/wait?n=3000", "X-Owner: one\r\n", &mine);
    wait_for(&f->waiting, 1);
    say_text(fds[1], "GET /rows?n=1 HTTP/1.1\r\nHost: x\r\nX-Owner: one\r\n\r\n");
    while (worker_pool_waiting(f->heavy) < 1)
        usleep(1000);
    ask_on(fds[2], "GET", "/rows?n=1", "X-Owner: one\r\n", &refused);
    assert_int_equal(refused.status, 429);
    check_header(&refused, "Retry-After", "5");
    ask_on(fds[2], "GET", "/rows?n=1", "X-Owner: another\r\n", &others);
    assert_int_equal(others.status, 200);
    assert_int_equal(worker_pool_waiting(f->heavy), 1);
    sem_post(&f->gate);
    receive(fds[0], &r);
    assert_true(r.whole);
    hear(fds[1], false, &waiting);
    assert_int_equal(waiting.status, 200);
    for (int i = 0; i < 3; i++)
        close(fds[i]);
    fixture_free(f, 1000);
}

static void only_where_it_may_take_long(void **state)
{
    struct fixture *f = *state;
    REPLY reply;
    int fd = dial(f->port);
    ask_on(fd, "GET", "/misplaced?n=1", "", &reply);
    assert_int_equal(reply.status, 500);
    close(fd);
}

static size_t open_files(void)
{
    size_t count = 0;
    for (int fd = 0; fd < 1024; fd++)
        count += fcntl(fd, F_GETFD) >= 0;
    return count;
}

static void files(void **state)
{
    struct fixture *f = *state;
    static const size_t sizes[] = {0, 1, 100000, 3000000};
    int fd = dial(f->port);
    REPLY warm, failed;
    ask_on(fd, "GET", "/file?n=1", "", &warm);
    size_t before = open_files();
    for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
        char target[64];
        REPLY reply;
        snprintf(target, sizeof(target), "/file?n=%zu", sizes[i]);
        ask_on(fd, "GET", target, "Accept-Encoding: gzip\r\n", &reply);
        assert_int_equal(reply.status, 200);
        assert_int_equal(reply.body.length, sizes[i]);
        for (size_t k = 0; k < sizes[i]; k++)
            if (reply.body.bytes[k] != (char)(k % 251))
                fail_msg("byte %zu", k);
        check_header(&reply, "Content-Type", "application/octet-stream");
        check_header(&reply, "Content-Disposition",
                     "attachment; filename=\"__ _1_.xlsx\"; "
                     "filename*=UTF-8''%E9%97%AE%E7%AD%94%20%221%22.xlsx");
        assert_null(header_of(&reply, "ETag"));
    }
    ask_on(fd, "GET", "/file-then-fail?n=5", "", &failed);
    assert_int_equal(failed.status, 409);
    assert_null(header_of(&failed, "Content-Disposition"));
    assert_true(open_files() <= before); /* less, if an earlier connection was still closing */
    close(fd);
}

static void client_leaves_a_file(void **state)
{
    struct fixture *f = *state;
    int broken = f->endings[HTTP_ENDING_BROKEN], fd = dial(f->port);
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &(int){4096}, sizeof(int));
    say_text(fd, "GET /file?n=30000000" H "\r\n");
    char bytes[100];
    assert_true(recv(fd, bytes, sizeof(bytes), 0) > 0);
    close(fd);
    wait_for(&f->endings[HTTP_ENDING_BROKEN], broken + 1);
}

static void stop_in_the_middle(void **state)
{
    (void)state;
    static const char *const targets[] = {"/rows?n=2000000000", "/wait?n=3000", "/wait?n=10"};
    for (int round = 0; round < 6; round++) {
        struct fixture *f = fixture_new(5, 8, 64);
        int fds[3];
        for (int i = 0; i < 3; i++) {
            char text[128];
            fds[i] = dial(f->port);
            snprintf(text, sizeof(text), "GET %s" H "%s\r\n", targets[i],
                     round % 2 ? "Accept-Encoding: gzip\r\n" : "");
            say_text(fds[i], text);
        }
        wait_for(&f->waiting, 2);
        http_server_stop(f->server, round * 10); /* neither waits for the client nor for the producer */
        f->server = NULL;
        for (int i = 0; i < 3; i++) {
            struct received r = {0};
            receive(fds[i], &r);
            assert_false(r.whole && r.bytes > 0);
            close(fds[i]);
            sem_post(&f->gate);
        }
        wait_for(&f->finished, 3);
        assert_int_equal(f->endings[HTTP_ENDING_BROKEN], 3);
        fixture_free(f, 0);
    }
}

static void stop_lets_streams_end(void **state)
{
    (void)state;
    struct fixture *f = fixture_new(5, 8, 64);
    struct received r = {0};
    REPLY reply;
    pthread_t thread;
    int fd = dial(f->port);
    ask_on(fd, "GET", "/wait?n=1500", "", &reply);
    wait_for(&f->waiting, 1);
    f->gate_after_us = 100000;
    pthread_create(&thread, NULL, open_gate_later, f);
    http_server_stop(f->server, 5000);
    f->server = NULL;
    pthread_join(thread, NULL);
    receive(fd, &r);
    assert_true(r.whole);
    assert_int_equal(r.bytes, 3000 * ROW_LENGTH);
    close(fd);
    assert_int_equal(f->endings[HTTP_ENDING_WHOLE], 1);
    fixture_free(f, 0);
}

static void attachment_names(void **state)
{
    (void)state;
    static const struct {
        const char *name, *header;
    } cases[] = {
        {"a.csv", "attachment; filename=\"a.csv\""},
        {"a b.csv", "attachment; filename=\"a b.csv\""},
        {"é.csv", "attachment; filename=\"_.csv\"; filename*=UTF-8''%C3%A9.csv"},
        {"100%.csv", "attachment; filename=\"100_.csv\"; filename*=UTF-8''100%25.csv"},
        {"../x\\\n.csv", "attachment; filename=\".._x__.csv\"; filename*=UTF-8''.._x__.csv"},
    };
    CLEANUP(arena_release) struct arena arena = {0};
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
        assert_string_equal(http_attachment(&arena, cases[i].name), cases[i].header);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(attachment_names),
        cmocka_unit_test(whole_and_again),
        cmocka_unit_test(large_pieces),
        cmocka_unit_test(compressed),
        cmocka_unit_test(head_runs_no_producer),
        cmocka_unit_test(early_failure_is_a_problem),
        cmocka_unit_test(late_failure_is_no_whole_answer),
        cmocka_unit_test(http_1_0),
        cmocka_unit_test(client_leaves),
        cmocka_unit_test(client_leaves_while_waiting),
        cmocka_unit_test(half_closed),
        cmocka_unit_test(much_through_little_memory),
        cmocka_unit_test(many_at_once),
        cmocka_unit_test(only_where_it_may_take_long),
        cmocka_unit_test(files),
        cmocka_unit_test(client_leaves_a_file),
        cmocka_unit_test(stalled_client_is_cut),
        cmocka_unit_test(slow_client_gets_all),
        cmocka_unit_test(slow_producer_is_let_be),
        cmocka_unit_test(too_many_are_sent_away),
        cmocka_unit_test(one_owner_has_a_share),
        cmocka_unit_test(stop_in_the_middle),
        cmocka_unit_test(stop_lets_streams_end),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
