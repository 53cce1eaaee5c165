#include "base/identifier.h"

#include <ctype.h>
#include <stdint.h>
#include <string.h>
#include <sys/random.h>

#include "base/clock.h"
#include "base/memory.h"

void random_bytes(void *bytes, size_t length)
{
    unsigned char *at = bytes;
    while (length > 0) {
        ssize_t got = getrandom(at, length, 0);
        if (got <= 0)
            fatal("the operating system gives no random bytes");
        at += got;
        length -= (size_t)got;
    }
}

/* One call of the kernel serves many identifiers: each thread keeps a small stock. */
static void identifier_take_random(unsigned char *bytes, size_t length)
{
    static _Thread_local unsigned char stock[250];
    static _Thread_local size_t left = 0;
    if (left < length) {
        random_bytes(stock, sizeof(stock));
        left = sizeof(stock);
    }
    left -= length;
    memcpy(bytes, stock + left, length);
    memset(stock + left, 0, length);
}

void identifier_make(const char *prefix, char text[static IDENTIFIER_SIZE])
{
    static const char digits[] = IDENTIFIER_DIGITS;
    unsigned char bytes[10];
    identifier_take_random(bytes, sizeof(bytes));
    size_t at = strnlen(prefix, 5);
    memcpy(text, prefix, at);
    uint64_t ms = (uint64_t)clock_now_ms();
    for (int shift = 45; shift >= 0; shift -= 5)
        text[at++] = digits[ms >> shift & 31];
    uint64_t high = 0, low = 0;
    for (int i = 0; i < 5; i++) {
        high = high << 8 | bytes[i];
        low = low << 8 | bytes[5 + i];
    }
    for (int shift = 35; shift >= 0; shift -= 5)
        text[at++] = digits[high >> shift & 31];
    for (int shift = 35; shift >= 0; shift -= 5)
        text[at++] = digits[low >> shift & 31];
    text[at] = '\0';
}

bool request_id_valid(const char *text)
{
    size_t length = 0;
    for (; text[length]; length++)
        if (length == 64 || !(isalnum((unsigned char)text[length]) || strchr("._-", text[length])))
            return false;
    return length > 0;
}
