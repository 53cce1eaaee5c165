#include "http/address.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BACKLOG 1024

static bool refuse_listen_address(const char *listen, struct error *err)
{
    return error_set(err, ERROR_INVALID,
                     "'%s' is not an address to listen on; write HOST:PORT, for example "
                     "127.0.0.1:8080, [::1]:8080 or :8080.",
                     "“%s”不是可监听的地址；请写成 主机:端口，例如 127.0.0.1:8080、[::1]:8080 或 :8080。",
                     listen);
}

/* Splits "HOST:PORT"; brackets around the host are taken off, an empty host stays empty. */
static bool split_listen_address(const char *text, char *host, size_t host_size, const char **ret_port)
{
    const char *colon = strrchr(text, ':');
    if (!colon || colon[1] == '\0' || strspn(colon + 1, "0123456789") != strlen(colon + 1) ||
        strlen(colon + 1) > 5 || atoi(colon + 1) > 65535)
        return false;
    size_t length = (size_t)(colon - text);
    if (length >= 2 && text[0] == '[' && text[length - 1] == ']') {
        text++;
        length -= 2;
    } else if (memchr(text, ':', length)) {
        return false; /* an IPv6 address without brackets: where its port begins is ambiguous */
    }
    if (length >= host_size)
        return false;
    memcpy(host, text, length);
    host[length] = '\0';
    *ret_port = colon + 1;
    return true;
}

static bool refuse_listening(const char *listen, int number, struct error *err)
{
    static const struct {
        int number;
        const char *en, *zh;
    } reasons[] = {
        {EADDRINUSE, "another program listens there; stop it or choose another port",
         "该端口已被其他程序占用；请停止该程序或换一个端口"},
        {EACCES, "ports below 1024 need root or CAP_NET_BIND_SERVICE; choose a higher port",
         "1024 以下的端口需要 root 或 CAP_NET_BIND_SERVICE；请换一个更大的端口"},
        {EADDRNOTAVAIL, "this machine does not have that address; use 127.0.0.1 or leave the host out",
         "本机没有该地址；请使用 127.0.0.1 或省略主机部分"},
    };
    const char *en = strerror(number), *zh = en;
    for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++)
        if (reasons[i].number == number) {
            en = reasons[i].en;
            zh = reasons[i].zh;
        }
    /* Both formats take the same arguments: each prints its own and skips the other with %.0s. */
    return error_set(err, ERROR_UNAVAILABLE, "Cannot listen on %s: %s%.0s.", "无法监听 %s：%.0s%s。", listen,
                     en, zh);
}

static int open_listener(const struct addrinfo *info, bool both_families)
{
    int fd = socket(info->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    int on = 1, v6_only = !both_families;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (info->ai_family == AF_INET6)
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &v6_only, sizeof(v6_only));
    if (bind(fd, info->ai_addr, info->ai_addrlen) == 0 && listen(fd, BACKLOG) == 0)
        return fd;
    int number = errno;
    close(fd);
    errno = number;
    return -1;
}

static int bound_port(int fd)
{
    struct sockaddr_storage address;
    socklen_t size = sizeof(address);
    char port[8];
    if (getsockname(fd, (struct sockaddr *)&address, &size) != 0 ||
        getnameinfo((struct sockaddr *)&address, size, NULL, 0, port, sizeof(port), NI_NUMERICSERV) != 0)
        return 0;
    return atoi(port);
}

bool address_listen(const char *listen, int *ret_socket, int *ret_port, struct error *err)
{
    char host[256];
    const char *port;
    if (!split_listen_address(listen, host, sizeof(host), &port))
        return refuse_listen_address(listen, err);
    /* ":8080" is tried as [::] for both families first, then, without IPv6 here, as 0.0.0.0. */
    const char *const hosts[] = {host[0] ? host : "::", host[0] ? NULL : "0.0.0.0"};
    int fd = -1, number = EADDRNOTAVAIL;
    for (size_t i = 0; i < 2 && hosts[i] && fd < 0; i++) {
        struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
        struct addrinfo *info = NULL;
        if (getaddrinfo(hosts[i], port, &hints, &info) != 0)
            return refuse_listen_address(listen, err);
        fd = open_listener(info, !host[0]);
        number = errno;
        freeaddrinfo(info);
    }
    if (fd < 0)
        return refuse_listening(listen, number, err);
    *ret_socket = fd;
    *ret_port = bound_port(fd);
    return true;
}

static void address_text_of_v6(const struct in6_addr *address, char *text)
{
    if (IN6_IS_ADDR_V4MAPPED(address))
        inet_ntop(AF_INET, &address->s6_addr[12], text, ADDRESS_SIZE);
    else
        inet_ntop(AF_INET6, address, text, ADDRESS_SIZE);
}

void address_text(const struct sockaddr *address, char text[static ADDRESS_SIZE])
{
    text[0] = '\0';
    if (address->sa_family == AF_INET)
        inet_ntop(AF_INET, &((const struct sockaddr_in *)address)->sin_addr, text, ADDRESS_SIZE);
    else if (address->sa_family == AF_INET6)
        address_text_of_v6(&((const struct sockaddr_in6 *)address)->sin6_addr, text);
}

/* Cuts a port off: "[::1]:80" to "::1", "1.2.3.4:80" to "1.2.3.4". */
static void address_strip_port(const char **text, size_t *length)
{
    if (*length > 0 && **text == '[') {
        const char *end = memchr(*text, ']', *length);
        *length = end ? (size_t)(end - *text - 1) : 0;
        (*text)++;
        return;
    }
    const char *colon = memchr(*text, ':', *length);
    if (colon && memrchr(*text, ':', *length) == colon)
        *length = (size_t)(colon - *text);
}

bool address_normalize(const char *text, size_t length, char ret_text[static ADDRESS_SIZE])
{
    char copy[ADDRESS_SIZE];
    address_strip_port(&text, &length);
    if (length == 0 || length >= sizeof(copy))
        return false;
    memcpy(copy, text, length);
    copy[length] = '\0';
    struct in_addr v4;
    struct in6_addr v6;
    if (inet_pton(AF_INET, copy, &v4) == 1)
        inet_ntop(AF_INET, &v4, ret_text, ADDRESS_SIZE);
    else if (inet_pton(AF_INET6, copy, &v6) == 1)
        address_text_of_v6(&v6, ret_text);
    else
        return false;
    return true;
}

void address_holder(const char *text, char ret_text[static ADDRESS_SIZE])
{
    struct in6_addr v6;
    if (inet_pton(AF_INET6, text, &v6) != 1) {
        snprintf(ret_text, ADDRESS_SIZE, "%s", text);
        return;
    }
    memset(&v6.s6_addr[8], 0, 8);
    char network[ADDRESS_SIZE] = "";
    inet_ntop(AF_INET6, &v6, network, sizeof(network));
    snprintf(ret_text, ADDRESS_SIZE, "%.*s/64", ADDRESS_SIZE - 4, network);
}
