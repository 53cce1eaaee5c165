/* Clients that are too many, that leave, or that are in the middle when the server stops. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/memory.h"
#include "http/server.h"
#include "http_sockets.h"

#define PATIENCE_US 20000000

struct fixture {
    struct http_server *server;
    struct worker_pool *workers;
    struct http_connection_counts counts;
    int port;
    atomic_int begun, waiting, abandoned, finished, handled;
    atomic_bool open; /* lets /wait go */
};

static void begin(void *context, struct http_request *request, struct http_plan *plan)
{
    struct fixture *f = context;
    f->begun++;
    plan->body_limit = 100;
    if (strcmp(request->path, "/wait") == 0)
        plan->run = HTTP_RUN_WORKER;
}

static void handle(void *context, struct http_request *request)
{
    struct fixture *f = context;
    f->handled++;
    request->response.status = 200;
    if (strcmp(request->path, "/wait") != 0)
        return;
    f->waiting++;
    while (!f->open && !http_request_abandoned(request))
        usleep(1000);
    f->abandoned += !f->open;
    f->waiting--;
}

static void finish(void *context, struct http_request *request)
{
    struct fixture *f = context;
    (void)request;
    f->finished++;
}

static struct fixture *fixture_new(struct http_server_options options, size_t workers)
{
    struct fixture *f = xcalloc(1, sizeof(*f));
    struct error err;
    f->workers = worker_pool_new("test", workers, 64);
    options.listen = "127.0.0.1:0";
    options.threads = 2;
    options.workers = f->workers;
    options.counts = &f->counts;
    options.handler = (struct http_handler){f, begin, handle, finish};
    if (!http_server_start(&f->server, &options, &err))
        fail_msg("%s", err.detail[LANGUAGE_EN]);
    f->port = http_server_port(f->server);
    return f;
}

static void fixture_free(struct fixture *f)
{
    f->open = true;
    http_server_stop(f->server, 10000);
    worker_pool_free(f->workers);
    free(f);
}

/* From 127.0.0.HOST: all of 127.0.0.0/8 is this machine. */
static int dial_from(int port, unsigned host)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in from = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(0x7F000000 + host)};
    struct sockaddr_in to = {
        .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    assert_int_equal(bind(fd, (struct sockaddr *)&from, sizeof(from)), 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &(struct timeval){.tv_sec = 10}, sizeof(struct timeval));
    return fd;
}

static void expect(int fd, const char *text, int status)
{
    REPLY reply;
    say_text(fd, text);
    hear(fd, false, &reply);
    assert_int_equal(reply.status, status);
}

static void reset(int fd)
{
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &(struct linger){1, 0}, sizeof(struct linger));
    close(fd);
}

static void wait_until_open(struct fixture *f, size_t count)
{
    for (int64_t until = clock_monotonic_us() + PATIENCE_US; f->counts.open != count; usleep(1000))
        if (clock_monotonic_us() > until)
            fail_msg("%zu connections are open, not %zu", (size_t)f->counts.open, count);
}

static void one_address_holds_its_share(void **state)
{
    (void)state;
    struct fixture *f =
        fixture_new((struct http_server_options){.connections = 32, .connections_per_address = 4}, 1);
    int fds[4];
    for (int i = 0; i < 4; i++) {
        fds[i] = dial_from(f->port, 2);
        expect(fds[i], "GET /" H "\r\n", 200);
    }
    int more = dial_from(f->port, 2);
    assert_true(at_end(more));
    assert_int_equal(f->counts.refused_each, 1);
    close(more);
    int other = dial_from(f->port, 3);
    expect(other, "GET /" H "\r\n", 200);
    close(other);
    close(fds[0]); /* and its place is free again */
    wait_until_open(f, 3);
    fds[0] = dial_from(f->port, 2);
    for (int i = 0; i < 4; i++) {
        expect(fds[i], "GET /" H "\r\n", 200);
        close(fds[i]);
    }
    fixture_free(f);
}

static void trusted_proxies_have_no_share(void **state)
{
    (void)state;
    struct http_server_options options = {
        .connections = 32, .connections_per_address = 2, .trusted_proxies = "127.0.0.2"};
    struct fixture *f = fixture_new(options, 1);
    int fds[8];
    for (int i = 0; i < 8; i++) {
        fds[i] = dial_from(f->port, 2);
        expect(fds[i], "GET /" H "\r\n", 200);
    }
    int one = dial_from(f->port, 3), two = dial_from(f->port, 3), three = dial_from(f->port, 3);
    /* The limit holds for all others; which of the three it meets is for the threads that accept to say. */
    for (int64_t until = clock_monotonic_us() + PATIENCE_US; f->counts.refused_each != 1; usleep(1000))
        if (clock_monotonic_us() > until)
            fail_msg("%zu were refused", (size_t)f->counts.refused_each);
    for (int i = 0; i < 8; i++)
        close(fds[i]);
    close(one);
    close(two);
    close(three);
    fixture_free(f);
}

/* 24 of five addresses hold all: idle ones, then half-sent ones; a newcomer is served each time. */
static void those_who_hold_the_most_give_way(void **state)
{
    (void)state;
    static const char *const holds[] = {NULL, "", "GET /" H, "POST /" H "Content-Length: 9\r\n\r\nhalf"};
    for (size_t k = 0; k < ARRAY_SIZE(holds); k++) {
        struct fixture *f =
            fixture_new((struct http_server_options){.connections = 24, .connections_per_address = 6}, 1);
        int fds[24];
        for (int i = 0; i < 24; i++) {
            fds[i] = dial_from(f->port, 2 + (unsigned)i % 5);
            if (holds[k])
                say_text(fds[i], holds[k]);
            else
                expect(fds[i], "GET /" H "\r\n", 200);
        }
        wait_until_open(f, 24);
        usleep(50000); /* what was said has been read */
        for (unsigned i = 0; i < 4; i++) {
            int newcomer = dial_from(f->port, 100 + i);
            expect(newcomer, "GET /" H "\r\n", 200);
            close(newcomer);
        }
        assert_true(f->counts.gave_way >= 1);
        assert_int_equal(f->counts.refused_full, 0);
        for (int i = 0; i < 24; i++)
            close(fds[i]);
        fixture_free(f);
    }
}

static void who_works_does_not_give_way(void **state)
{
    (void)state;
    struct fixture *f = fixture_new((struct http_server_options){.connections = 4}, 4);
    int fds[4];
    for (int i = 0; i < 4; i++) {
        fds[i] = dial_from(f->port, 2 + (unsigned)i);
        say_text(fds[i], "GET /wait" H "\r\n");
    }
    wait_for(&f->waiting, 4);
    int newcomer = dial_from(f->port, 100);
    assert_true(at_end(newcomer));
    assert_int_equal(f->counts.refused_full, 1);
    close(newcomer);
    f->open = true;
    for (int i = 0; i < 4; i++) {
        REPLY reply;
        hear(fds[i], false, &reply);
        assert_int_equal(reply.status, 200);
        close(fds[i]);
    }
    fixture_free(f);
}

/* By a reset at once, by a closed socket after some seconds (it may be half closed): both handlers hear of it,
 * long before the time limit. */
static void who_leaves_is_noticed(void **state)
{
    (void)state;
    struct fixture *f = fixture_new((struct http_server_options){.timeout_seconds = 3600}, 2);
    int one = dial(f->port), two = dial(f->port);
    say_text(one, "GET /wait" H "\r\n");
    say_text(two, "GET /wait" H "\r\n");
    wait_for(&f->waiting, 2);
    reset(one);
    wait_for(&f->abandoned, 1);
    close(two);
    wait_for(&f->abandoned, 2);
    wait_for(&f->finished, 2);
    wait_until_open(f, 0);
    fixture_free(f);
}

static void who_left_the_queue_is_not_worked_for(void **state)
{
    (void)state;
    struct fixture *f = fixture_new((struct http_server_options){0}, 1);
    int first = dial(f->port);
    say_text(first, "GET /wait" H "\r\n");
    wait_for(&f->waiting, 1);
    for (int i = 0; i < 20; i++) {
        int fd = dial(f->port);
        say_text(fd, "GET /wait" H "\r\n");
        while (worker_pool_waiting(f->workers) < (size_t)i + 1)
            usleep(1000);
        reset(fd);
    }
    wait_until_open(f, 1);
    f->open = true;
    wait_for(&f->finished, 21);
    assert_int_equal(f->handled, 1);
    close(first);
    fixture_free(f);
}

/* With an hour's grace: who is only half there, or has left, is not waited for, and hears why. */
static void stop_waits_for_nobody_who_is_not_there(void **state)
{
    (void)state;
    static const char *const halves[] = {
        "GET /" H,
        "POST /" H "Content-Length: 9\r\n\r\nhalf",
        "POST /" H CHUNKED "\r\n5\r\nhal",
    };
    struct fixture *f = fixture_new((struct http_server_options){.timeout_seconds = 3600}, 1);
    int fds[ARRAY_SIZE(halves)], left = dial(f->port);
    say_text(left, "GET /wait" H "\r\n");
    wait_for(&f->waiting, 1);
    close(left);
    for (size_t i = 0; i < ARRAY_SIZE(halves); i++) {
        fds[i] = dial(f->port);
        say_text(fds[i], halves[i]);
    }
    wait_for(&f->begun,
             ARRAY_SIZE(halves)); /* all but the first, whose head is not whole, and the one before */
    usleep(200000);
    http_server_stop(f->server, 3600000);
    f->server = NULL;
    for (size_t i = 0; i < ARRAY_SIZE(halves); i++) {
        REPLY reply;
        hear(fds[i], false, &reply);
        assert_int_equal(reply.status, 503);
        check_header(&reply, "Connection", "close");
        check_header(&reply, "Retry-After", "1");
        close(fds[i]);
    }
    assert_int_equal(f->abandoned, 1);
    fixture_free(f);
}

static void *stop(void *context)
{
    struct fixture *f = context;
    http_server_stop(f->server, 60000);
    return NULL;
}

/* While something still runs: on an old connection and on new ones. */
static void who_comes_while_stopping_is_told_so(void **state)
{
    (void)state;
    struct fixture *f = fixture_new((struct http_server_options){0}, 1);
    int running = dial(f->port), idle = dial(f->port);
    say_text(running, "GET /wait" H "\r\n");
    expect(idle, "GET /" H "\r\n", 200);
    wait_for(&f->waiting, 1);
    pthread_t thread;
    pthread_create(&thread, NULL, stop, f);
    REPLY first = {0};
    int64_t until = clock_monotonic_us() + PATIENCE_US;
    for (int status = 200; status == 200 && clock_monotonic_us() < until;) { /* until it has begun to stop */
        int fd = dial(f->port);
        reply_release(&first);
        say_text(fd, "GET /" H "\r\n");
        hear(fd, false, &first);
        status = first.status;
        close(fd);
    }
    assert_int_equal(first.status, 503);
    check_header(&first, "Connection", "close");
    expect(idle, "GET /" H "\r\n", 503);
    for (int i = 0; i < 20; i++) {
        int fd = dial(f->port);
        expect(fd, "GET /" H "\r\n", 503);
        assert_true(at_end(fd));
        close(fd);
    }
    f->open = true;
    REPLY last;
    hear(running, false, &last);
    assert_int_equal(last.status, 200);
    pthread_join(thread, NULL);
    f->server = NULL;
    close(running);
    close(idle);
    fixture_free(f);
}

static void slow_requests_hear_of_it(void **state)
{
    (void)state;
    static const char *const halves[] = {"GET /" H, "POST /" H "Content-Length: 9\r\n\r\nhalf"};
    struct fixture *f = fixture_new((struct http_server_options){.timeout_seconds = 1}, 1);
    for (size_t i = 0; i < ARRAY_SIZE(halves); i++) {
        int fd = dial(f->port);
        expect(fd, halves[i], 408);
        assert_true(at_end(fd));
        close(fd);
    }
    int silent = dial(f->port);
    assert_true(at_end(silent)); /* nothing was asked, nothing is answered */
    close(silent);
    fixture_free(f);
}

/* Fewer connections than asked for, rather than no file for the store. Last: the limit stays. */
static void few_open_files(void **state)
{
    (void)state;
    struct rlimit files;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &files), 0);
    files.rlim_cur = files.rlim_max = 128;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &files), 0);
    struct fixture *f = fixture_new((struct http_server_options){.connections_per_address = 2}, 1);
    int fds[50];
    for (unsigned i = 0; i < ARRAY_SIZE(fds); i++) {
        fds[i] = dial_from(f->port, 2 + i);
        expect(fds[i], "GET /" H "\r\n", 200);
    }
    for (unsigned i = 0; i < ARRAY_SIZE(fds); i++)
        close(fds[i]);
    fixture_free(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_address_holds_its_share),
        cmocka_unit_test(trusted_proxies_have_no_share),
        cmocka_unit_test(those_who_hold_the_most_give_way),
        cmocka_unit_test(who_works_does_not_give_way),
        cmocka_unit_test(who_leaves_is_noticed),
        cmocka_unit_test(who_left_the_queue_is_not_worked_for),
        cmocka_unit_test(stop_waits_for_nobody_who_is_not_there),
        cmocka_unit_test(who_comes_while_stopping_is_told_so),
        cmocka_unit_test(slow_requests_hear_of_it),
        cmocka_unit_test(few_open_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
