#include "http/networks.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#define V4_BITS_BEFORE 96 /* of an IPv4 address in the form of IPv6 */

/* Not what address_normalize takes besides: a port has no place in a network. */
static bool network_parse_address(const char *text, unsigned char ret_bytes[static 16], bool *ret_is_v4)
{
    struct in_addr v4;
    *ret_is_v4 = inet_pton(AF_INET, text, &v4) == 1;
    if (!*ret_is_v4)
        return inet_pton(AF_INET6, text, ret_bytes) == 1;
    memset(ret_bytes, 0, 10);
    memset(ret_bytes + 10, 0xFF, 2);
    memcpy(ret_bytes + 12, &v4, 4);
    return true;
}

static bool address_bits_agree(const unsigned char *a, const unsigned char *b, unsigned bits)
{
    unsigned bytes = bits / 8, rest = bits % 8;
    return memcmp(a, b, bytes) == 0 && (rest == 0 || (a[bytes] ^ b[bytes]) >> (8 - rest) == 0);
}

static bool network_has_bits_behind(const struct network *network)
{
    for (unsigned bit = network->prefix; bit < 128; bit++)
        if (network->address[bit / 8] >> (7 - bit % 8) & 1)
            return true;
    return false;
}

static bool network_parse(const char *text, size_t length, struct network *network)
{
    char copy[ADDRESS_SIZE + 4];
    if (length >= sizeof(copy))
        return false;
    memcpy(copy, text, length);
    copy[length] = '\0';
    char *slash = strchr(copy, '/');
    if (slash)
        *slash = '\0';
    bool is_v4;
    if (!network_parse_address(copy, network->address, &is_v4))
        return false;
    network->prefix = 128;
    if (!slash)
        return true;
    const char *digits = slash + 1;
    size_t count = strlen(digits);
    unsigned prefix = (unsigned)strtoul(digits, NULL, 10);
    if (count == 0 || count > 3 || strspn(digits, "0123456789") != count || prefix > (is_v4 ? 32 : 128))
        return false;
    network->prefix = prefix + (is_v4 ? V4_BITS_BEFORE : 0);
    return !network_has_bits_behind(network);
}

bool networks_parse(const char *text, struct network_list *ret_list)
{
    struct network_list list = {.count = 0};
    for (text += strspn(text, ", \t"); *text; text += strspn(text, ", \t")) {
        size_t length = strcspn(text, ", \t");
        if (list.count == NETWORKS_MAX || !network_parse(text, length, &list.items[list.count++]))
            return false;
        text += length;
    }
    *ret_list = list;
    return true;
}

bool networks_have(const struct network_list *list, const char *address)
{
    unsigned char bytes[16];
    bool is_v4;
    if (list->count == 0 || !network_parse_address(address, bytes, &is_v4))
        return false;
    for (size_t i = 0; i < list->count; i++)
        if (address_bits_agree(list->items[i].address, bytes, list->items[i].prefix))
            return true;
    return false;
}

bool networks_forwarded(const struct network_list *proxies, const char *header,
                        char ret_text[static ADDRESS_SIZE])
{
    size_t end = strlen(header);
    while (end > 0) {
        const char *comma = memrchr(header, ',', end);
        const char *start = comma ? comma + 1 : header;
        size_t length = (size_t)(header + end - start), skip = strspn(start, " \t");
        skip = skip > length ? length : skip;
        while (length > skip && strchr(" \t", start[length - 1]))
            length--;
        char text[ADDRESS_SIZE];
        if (!address_normalize(start + skip, length - skip, text))
            return false;
        if (!networks_have(proxies, text)) {
            memcpy(ret_text, text, sizeof(text));
            return true;
        }
        end = comma ? (size_t)(comma - header) : 0;
    }
    return false;
}
