/* Network addresses: where to listen, who the client is. */
#ifndef KIMONO_HTTP_ADDRESS_H
#define KIMONO_HTTP_ADDRESS_H

#include <sys/socket.h>

#include "base/error.h"

#define ADDRESS_SIZE 46 /* of the text of an IPv6 address, with its NUL */

/* Binds and listens on "127.0.0.1:8080", "[::1]:8080", "localhost:8080" or ":8080" (all addresses,
 * IPv6 and IPv4). The caller closes the socket. ERROR_INVALID: it cannot be read; ERROR_UNAVAILABLE:
 * in use, no such address here, not permitted; the detail says what to do. */
bool address_listen(const char *listen, int *ret_socket, int *ret_port, struct error *err);

/* The address without the port; an IPv4 address that came over IPv6 as plain IPv4; "" if neither. */
void address_text(const struct sockaddr *address, char text[static ADDRESS_SIZE]);

/* Brings an address into the form of address_text; takes "1.2.3.4:5678" and "[::1]:5678" too. False
 * if it is none. */
bool address_normalize(const char *text, size_t length, char ret_text[static ADDRESS_SIZE]);

/* Whose limits an address (as of address_text) counts against: an IPv4 address its own, an IPv6 address those
 * of its /64, which is the least that anybody is given and may hold 2^64 addresses. */
void address_holder(const char *text, char ret_text[static ADDRESS_SIZE]);

#endif
