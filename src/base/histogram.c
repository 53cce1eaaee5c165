#include "base/histogram.h"

#include <math.h>

#define RATIO 1.1

static size_t bucket_of(int64_t microseconds)
{
    if (microseconds < 1)
        return 0;
    size_t bucket = 1 + (size_t)(log((double)microseconds) / log(RATIO) + 1e-9);
    return bucket < HISTOGRAM_BUCKETS ? bucket : HISTOGRAM_BUCKETS - 1;
}

void histogram_add(struct histogram *h, int64_t microseconds)
{
    h->counts[bucket_of(microseconds)]++;
}

void histogram_merge(struct histogram *into, const struct histogram *from)
{
    for (size_t i = 0; i < HISTOGRAM_BUCKETS; i++)
        into->counts[i] += from->counts[i];
}

uint64_t histogram_count(const struct histogram *h)
{
    uint64_t count = 0;
    for (size_t i = 0; i < HISTOGRAM_BUCKETS; i++)
        count += h->counts[i];
    return count;
}

double histogram_quantile(const struct histogram *h, double q)
{
    uint64_t count = histogram_count(h);
    if (count == 0)
        return NAN;
    uint64_t rank = (uint64_t)ceil(q * (double)count), seen = 0;
    size_t i = 0;
    for (; i < HISTOGRAM_BUCKETS - 1; i++) {
        seen += h->counts[i];
        if (seen >= rank)
            break;
    }
    return i == 0 ? 0.5 : pow(RATIO, (double)i - 0.5);
}

static size_t put_varint(unsigned char *at, uint64_t value)
{
    size_t length = 0;
    for (; value >= 0x80; value >>= 7)
        at[length++] = (unsigned char)(value | 0x80);
    at[length++] = (unsigned char)value;
    return length;
}

static bool take_varint(const unsigned char **at, const unsigned char *end, uint64_t *ret_value)
{
    uint64_t value = 0;
    for (unsigned shift = 0; *at < end && shift < 64; shift += 7) {
        unsigned char byte = *(*at)++;
        if (shift == 63 && byte > 1) /* beyond 64 bits */
            return false;
        value |= (uint64_t)(byte & 0x7F) << shift;
        if (!(byte & 0x80)) {
            *ret_value = value;
            return true;
        }
    }
    return false;
}

size_t histogram_encode(const struct histogram *h, unsigned char blob[static HISTOGRAM_BLOB_MAX])
{
    size_t length = 0, previous = 0;
    for (size_t i = 0; i < HISTOGRAM_BUCKETS; i++) {
        if (!h->counts[i])
            continue;
        length += put_varint(blob + length, i - previous);
        length += put_varint(blob + length, h->counts[i]);
        previous = i;
    }
    return length;
}

bool histogram_merge_blob(struct histogram *into, const void *blob, size_t length)
{
    struct histogram read = {0};
    const unsigned char *at = blob, *end = at + length;
    uint64_t bucket = 0, distance, count;
    for (bool first = true; at < end; first = false) {
        if (!take_varint(&at, end, &distance) || !take_varint(&at, end, &count) ||
            distance >= HISTOGRAM_BUCKETS || (distance == 0 && !first) ||
            (bucket += distance) >= HISTOGRAM_BUCKETS)
            return false;
        read.counts[bucket] = count;
    }
    histogram_merge(into, &read);
    return true;
}
