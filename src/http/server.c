#include "http/server.h"

#include <errno.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "http/exchange.h"

/* Of libmicrohttpd: what http/framing.h lets pass must have room, with its copy of the cookies, some fifty bytes
 * for each header, parameter and cookie, and the answer's head. It is cleared for every request, which is a tenth of
 * what a small one costs at 64 KiB. */
#define CONNECTION_MEMORY ((size_t)36 << 10)
/* More than `connections`, which is admission's to keep: libmicrohttpd's own limit stops accepting. */
#define SPARE_CONNECTIONS 128
#define OTHER_FILES 256 /* that a process has open besides: databases, uploads, listeners */
#define STOP_POLL_MS 2

void server_unref(struct http_server *server)
{
    if (atomic_fetch_sub(&server->references, 1) > 1)
        return;
    free(server->temporary_folder);
    free(server);
}

/* For CLEANUP, until it is started. */
static void server_unref_pointer(struct http_server **server)
{
    if (*server)
        server_unref(*server);
}

static size_t or_default(size_t value, size_t otherwise)
{
    return value > 0 ? value : otherwise;
}

static struct MHD_Daemon *server_start_daemon(struct http_server *server, int listener,
                                              const struct http_server_options *options)
{
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    size_t threads = or_default(options->threads, cores > 0 ? (size_t)cores : 1);
    size_t most = (server->admission.limit + SPARE_CONNECTIONS) * threads; /* it is divided among them */
    return MHD_start_daemon(MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME, 0, exchange_on_accept,
                            server, exchange_on_access, server, MHD_OPTION_LISTEN_SOCKET, listener,
                            MHD_OPTION_THREAD_POOL_SIZE, (unsigned)threads, MHD_OPTION_CONNECTION_LIMIT,
                            (unsigned)most, MHD_OPTION_CONNECTION_MEMORY_LIMIT, CONNECTION_MEMORY,
                            MHD_OPTION_URI_LOG_CALLBACK, exchange_on_request_line, server,
                            MHD_OPTION_UNESCAPE_CALLBACK, exchange_leave_escaped, NULL,
                            MHD_OPTION_NOTIFY_COMPLETED, exchange_on_completed, server,
                            MHD_OPTION_NOTIFY_CONNECTION, exchange_on_connection, server, MHD_OPTION_END);
}

/* As many as the process may have open files for; its own limit is raised as far as it may. */
static size_t connections_possible(size_t wanted)
{
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) != 0)
        return wanted;
    rlim_t needed = wanted + SPARE_CONNECTIONS + OTHER_FILES;
    if (files.rlim_cur < needed) {
        files.rlim_cur = needed < files.rlim_max ? needed : files.rlim_max;
        setrlimit(RLIMIT_NOFILE, &files);
    }
    if (files.rlim_cur >= needed)
        return wanted;
    size_t possible = files.rlim_cur / 2;
    log_warn("http", "%zu connections at once instead of %zu: the limit on open files is %zu (ulimit -n)",
             possible, wanted, (size_t)files.rlim_cur);
    return possible;
}

static bool server_take_options(struct http_server *server, const struct http_server_options *options,
                                struct error *err)
{
    const char *proxies = options->trusted_proxies;
    if (proxies && !networks_parse(proxies, &server->proxies))
        return error_set(err, ERROR_INVALID,
                         "The trusted proxies '%s' are no list of addresses and networks.",
                         "受信任代理“%s”不是地址或网段的列表。", proxies);
    pthread_mutex_init(&server->forwarded_warnings.lock, NULL);
    size_t connections = connections_possible(or_default(options->connections, 1024));
    admission_init(&server->admission, connections,
                   or_default(options->connections_per_address, connections / 8 + 1),
                   options->counts ? options->counts : &server->own_counts);
    server->handler = options->handler;
    server->workers = options->workers;
    server->heavy = options->heavy ? options->heavy : options->workers;
    server->events = options->events ? options->events : server->heavy;
    server->ingest = options->ingest ? options->ingest : options->workers;
    if (options->temporary_folder)
        server->temporary_folder = xstrdup(options->temporary_folder);
    server->timeout_us = (int64_t)(options->timeout_seconds > 0 ? options->timeout_seconds : 30) * 1000000;
    return true;
}

/* Takes the connection from a worker that is not done, or ends its stream. Whoever moves the stage on from
 * WORKING, the worker or this, resumes the connection. */
static bool take_from_worker(struct reaper_entry *entry)
{
    struct connection *connection = (struct connection *)entry;
    enum exchange_stage stage = EXCHANGE_WORKING;
    if (!atomic_compare_exchange_strong(&connection->exchange->stage, &stage, EXCHANGE_ABANDONED)) {
        stream_break(connection->exchange);
        return false;
    }
    MHD_resume_connection(connection->mhd);
    atomic_fetch_sub(&connection->server->working, 1);
    return true;
}

static void abandon_gone_client(struct reaper_entry *entry)
{
    take_from_worker(entry);
}

bool http_server_start(struct http_server **ret_server, const struct http_server_options *options,
                       struct error *err)
{
    CLEANUP(server_unref_pointer) struct http_server *server = xcalloc(1, sizeof(*server));
    atomic_init(&server->references, 1);
    int listener;
    if (!server_take_options(server, options, err) ||
        !address_listen(options->listen, &listener, &server->port, err))
        return false;
    server->reaper = reaper_start((int)(server->timeout_us / 1000000), abandon_gone_client);
    server->daemon = server_start_daemon(server, listener, options);
    if (!server->daemon) {
        int number = errno;
        close(listener);
        reaper_stop(server->reaper);
        return error_set(err, ERROR_UNAVAILABLE, "The HTTP server's threads cannot start: %s.",
                         "无法启动 HTTP 服务线程：%s。", strerror(number));
    }
    *ret_server = server;
    server = NULL;
    return true;
}

int http_server_port(const struct http_server *server)
{
    return server->port;
}

static void abandon_connection(void *context, struct reaper_entry *entry)
{
    size_t *abandoned = context;
    *abandoned += take_from_worker(entry);
}

/* libmicrohttpd must not be stopped with a connection suspended. */
static size_t server_abandon_all(struct http_server *server)
{
    size_t abandoned = 0;
    atomic_store(&server->closing, true);
    while (atomic_load(&server->working) > 0) {
        reaper_each(server->reaper, abandon_connection, &abandoned);
        clock_sleep_ms(STOP_POLL_MS);
    }
    return abandoned;
}

/* A request that has not come in yet was not begun: it has a moment, then it is answered with 503. */
static void shorten_read_deadline(void *context, struct reaper_entry *entry)
{
    int64_t last = *(const int64_t *)context;
    if (atomic_load(&entry->phase) == CONNECTION_READING && atomic_load(&entry->deadline_us) > last)
        atomic_store(&entry->deadline_us, last);
}

static void count_reading(void *context, struct reaper_entry *entry)
{
    *(size_t *)context += atomic_load(&entry->phase) == CONNECTION_READING;
}

static bool server_has_readers(struct http_server *server)
{
    size_t reading = 0;
    reaper_each(server->reaper, count_reading, &reading);
    return reading > 0;
}

void http_server_stop(struct http_server *server, int grace_ms)
{
    if (!server)
        return;
    int64_t now = clock_monotonic_us(), until = now + (int64_t)grace_ms * 1000;
    int64_t last_read = now + HTTP_STOP_READ_US, reading_until = last_read + 4 * HTTP_STOP_READ_US;
    if (reading_until > until)
        reading_until = until;
    atomic_store(&server->stopping, true);
    reaper_hurry(server->reaper);
    reaper_each(server->reaper, shorten_read_deadline, &last_read);
    while ((atomic_load(&server->active) > 0 && clock_monotonic_us() < until) ||
           (clock_monotonic_us() < reading_until && server_has_readers(server)))
        clock_sleep_ms(STOP_POLL_MS);
    size_t abandoned = server_abandon_all(server);
    if (abandoned > 0)
        log_warn("http", "stopped while %zu requests still ran on workers, after %d ms", abandoned, grace_ms);
    MHD_stop_daemon(server->daemon);
    reaper_stop(server->reaper);
    server->reaper = NULL;
    server_unref(server);
}
