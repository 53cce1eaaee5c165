#include "base/histogram.h"

#include <math.h>
#include <string.h>

#define RATIO 1.0488088481701516 /* sqrt(1.1) */
#define WIDE_BUCKETS ((HISTOGRAM_BUCKETS + 1) / 2)

void histogram_add(struct histogram *h, int64_t microseconds)
{
    size_t bucket = 0;
    if (microseconds >= 1)
        bucket = 1 + (size_t)(log((double)microseconds) / log(RATIO) + 2e-9);
    h->counts[bucket < HISTOGRAM_BUCKETS ? bucket : HISTOGRAM_BUCKETS - 1]++;
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

size_t histogram_wide_bucket(size_t bucket)
{
    return (bucket + 1) / 2;
}

bool histogram_agrees(const struct histogram *a, const struct histogram *b)
{
    uint64_t wide_a[WIDE_BUCKETS] = {0}, wide_b[WIDE_BUCKETS] = {0};
    for (size_t i = 0; i < HISTOGRAM_BUCKETS; i++) {
        wide_a[histogram_wide_bucket(i)] += a->counts[i];
        wide_b[histogram_wide_bucket(i)] += b->counts[i];
    }
    return memcmp(wide_a, wide_b, sizeof(wide_a)) == 0;
}

double histogram_quantile(const struct histogram *h, double q)
{
    uint64_t count = histogram_count(h);
    if (count == 0)
        return NAN;
    uint64_t rank = (uint64_t)ceil(q * (double)count), before = 0;
    size_t i = 0;
    while (i < HISTOGRAM_BUCKETS - 1 && before + h->counts[i] < rank)
        before += h->counts[i++];
    if (i == 0)
        return 0.5;
    double place = h->counts[i] ? ((double)(rank - before) - 0.5) / (double)h->counts[i] : 0.5;
    return pow(RATIO, (double)i - 1 + place);
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
    size_t length = 2, previous = 0;
    blob[0] = blob[1] = 0; /* which no blob of wide buckets begins with: its counts are not zero */
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
    bool wide = length < 2 || at[0] != 0 || at[1] != 0;
    uint64_t buckets = wide ? WIDE_BUCKETS : HISTOGRAM_BUCKETS, bucket = 0, distance, count;
    if (!wide)
        at += 2;
    for (bool first = true; at < end; first = false) {
        if (!take_varint(&at, end, &distance) || !take_varint(&at, end, &count) || distance >= buckets ||
            (distance == 0 && !first) || (bucket += distance) >= buckets)
            return false;
        if (wide && bucket > 0) { /* a wide bucket's count is shared by two; an odd one is the lower's */
            read.counts[2 * bucket - 1] = count - count / 2;
            read.counts[2 * bucket] = count / 2;
        } else {
            read.counts[bucket] = count;
        }
    }
    histogram_merge(into, &read);
    return true;
}
