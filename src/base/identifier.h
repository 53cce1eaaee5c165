/* Public identifiers: a prefix and 26 characters, unguessable and in order of time, so that an index
 * over them grows at its end. Layout of a ULID: 48 bits of milliseconds, 80 random bits, Crockford's
 * base 32 in lower case. Source: github.com/ulid/spec. */
#ifndef KIMONO_BASE_IDENTIFIER_H
#define KIMONO_BASE_IDENTIFIER_H

#include <stdbool.h>
#include <stddef.h>

#define IDENTIFIER_SIZE 32   /* prefix of at most 5 bytes, 26 characters, NUL */
#define IDENTIFIER_LENGTH 26 /* of it without its prefix */
#define IDENTIFIER_DIGITS "0123456789abcdefghjkmnpqrstvwxyz"

void identifier_make(const char *prefix, char text[static IDENTIFIER_SIZE]);

/* Random bytes from the operating system. */
void random_bytes(void *bytes, size_t length);

/* A request id as accepted from outside: 1 to 64 of letters, digits, '.', '_', '-'. */
bool request_id_valid(const char *text);

#endif
