/* A client of bare sockets, for what no client library would send or leave out. */
#ifndef TEST_HTTP_SOCKETS_H
#define TEST_HTTP_SOCKETS_H

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/memory.h"
#include "base/strbuf.h"

#define H " HTTP/1.1\r\nHost: x\r\n"
#define CHUNKED "Transfer-Encoding: chunked\r\n"

/* At least: an exchange of the test before may be finished late. */
static inline void wait_for(atomic_int *count, int value)
{
    int64_t until = clock_monotonic_us() + 10000000;
    while (*count < value && clock_monotonic_us() < until)
        usleep(1000);
    assert_true(*count >= value);
}

struct reply {
    int status; /* 0: closed without an answer, -1: nothing within 10 seconds */
    struct strbuf head, body;
};

static inline int dial(int port)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in to = {
        .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &(struct timeval){.tv_sec = 10}, sizeof(struct timeval));
    return fd;
}

static inline void say(int fd, const char *bytes, size_t length)
{
    while (length > 0) {
        ssize_t sent = send(fd, bytes, length, MSG_NOSIGNAL);
        if (sent <= 0)
            return; /* the server may have closed: what it said is what counts */
        bytes += sent;
        length -= (size_t)sent;
    }
}

static inline void say_text(int fd, const char *text)
{
    say(fd, text, strlen(text));
}

static inline const char *header_of(const struct reply *reply, const char *name)
{
    static _Thread_local char value[1024];
    size_t length = strlen(name);
    for (const char *line = strbuf_text(&reply->head); *line; line = strchr(line, '\n') + 1)
        if (strncasecmp(line, name, length) == 0 && line[length] == ':') {
            snprintf(value, sizeof(value), "%.*s", (int)strcspn(line + length + 2, "\r"), line + length + 2);
            return value;
        }
    return NULL;
}

/* The head one byte at a time: what follows on the connection is the next reply's. */
static inline void hear(int fd, bool is_head, struct reply *reply)
{
    char c;
    ssize_t got = 0;
    *reply = (struct reply){0};
    while (
        !(reply->head.length >= 4 && strcmp(reply->head.bytes + reply->head.length - 4, "\r\n\r\n") == 0)) {
        got = recv(fd, &c, 1, 0);
        if (got <= 0)
            break;
        strbuf_append(&reply->head, &c, 1);
    }
    if (got <= 0) {
        reply->status = got < 0 && errno == EAGAIN ? -1 : 0;
        return;
    }
    assert_int_equal(sscanf(reply->head.bytes, "HTTP/1.1 %d ", &reply->status), 1);
    const char *length = header_of(reply, "Content-Length");
    size_t left = length && !is_head && reply->status >= 200 ? strtoul(length, NULL, 10) : 0;
    while (left > 0) {
        char bytes[16384];
        got = recv(fd, bytes, left < sizeof(bytes) ? left : sizeof(bytes), 0);
        if (got <= 0)
            fail_msg("the body is short of %zu bytes", left);
        strbuf_append(&reply->body, bytes, (size_t)got);
        left -= (size_t)got;
    }
}

static inline void reply_release(struct reply *reply)
{
    strbuf_release(&reply->head);
    strbuf_release(&reply->body);
}

static inline bool at_end(int fd)
{
    char c;
    ssize_t got = recv(fd, &c, 1, 0);
    return got == 0 || (got < 0 && errno == ECONNRESET);
}

static inline void exchange(int port, const char *bytes, size_t length, struct reply *reply)
{
    int fd = dial(port);
    say(fd, bytes, length);
    hear(fd, strncmp(bytes, "HEAD", 4) == 0, reply);
    close(fd);
}

#define REPLY CLEANUP(reply_release) struct reply

static inline void check_header(const struct reply *reply, const char *name, const char *value)
{
    const char *got = header_of(reply, name);
    if (!got || strcmp(got, value) != 0)
        fail_msg("%s: '%s', not '%s'", name, got ? got : "(none)", value);
}

#endif
