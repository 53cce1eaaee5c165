/* Networks of addresses, written as 10.0.0.1, 10.0.0.0/8, ::1, fd00::/8. */
#ifndef KIMONO_HTTP_NETWORKS_H
#define KIMONO_HTTP_NETWORKS_H

#include <stdbool.h>
#include <stddef.h>

#include "http/address.h"

#define NETWORKS_MAX 64

struct network {
    unsigned char address[16]; /* IPv4 as ::ffff:a.b.c.d */
    unsigned prefix;           /* bits that count, of 128 */
};

struct network_list {
    struct network items[NETWORKS_MAX];
    size_t count;
};

/* Addresses and networks with commas or spaces between them; "" is none. False if one of them cannot be read,
 * has bits set behind its prefix (10.0.0.1/8: which is meant?), or there are too many. */
bool networks_parse(const char *text, struct network_list *ret_list);

/* Of an address in the form of address_text; anything else is in none. */
bool networks_have(const struct network_list *list, const char *address);

/* The client behind proxies: the right-most address of an X-Forwarded-For header that is not a proxy's. False
 * if there is none, or something unreadable stands before it. */
bool networks_forwarded(const struct network_list *proxies, const char *header,
                        char ret_text[static ADDRESS_SIZE]);

#endif
