/* A log-scaled histogram of durations: mergeable, and any quantile within 5 %.
 *
 * Bucket i >= 1 holds durations of [1.1^(i-1), 1.1^i) microseconds, bucket 0 those below 1 µs; a
 * quantile is told as its bucket's geometric mean, so its error is at most sqrt(1.1) - 1 = 4.9 %.
 * The last bucket ends beyond an hour and takes all that is longer. Stored as a blob of varint pairs
 * (distance to the bucket before, count), some 20 to 60 bytes. */
#ifndef KIMONO_BASE_HISTOGRAM_H
#define KIMONO_BASE_HISTOGRAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HISTOGRAM_BUCKETS 233
#define HISTOGRAM_BLOB_MAX (HISTOGRAM_BUCKETS * 12)

struct histogram {
    uint64_t counts[HISTOGRAM_BUCKETS]; /* all zero: empty */
};

void histogram_add(struct histogram *h, int64_t microseconds);
void histogram_merge(struct histogram *into, const struct histogram *from);
uint64_t histogram_count(const struct histogram *h);
/* The quantile (0 < q <= 1) in microseconds; NaN while empty. */
double histogram_quantile(const struct histogram *h, double q);

size_t histogram_encode(const struct histogram *h, unsigned char blob[static HISTOGRAM_BLOB_MAX]);
/* Adds what the blob holds; false if it is not one (nothing is added then). */
bool histogram_merge_blob(struct histogram *into, const void *blob, size_t length);

#endif
