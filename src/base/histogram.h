/* A log-scaled histogram of durations: mergeable, and any quantile within 5 %.
 *
 * Bucket i >= 1 holds durations of [r^(i-1), r^i) microseconds with r = sqrt(1.1), bucket 0 those below
 * 1 µs. A quantile is computed from its rank among those of its bucket, as if they were spread evenly over
 * it, so that it moves with them; whatever they are, the error is below r - 1 = 4.9 %. The last bucket
 * ends beyond an hour and takes all that is longer. Stored as a blob: two zero bytes, then varint pairs
 * (distance to the bucket before, count), some 40 to 120 bytes.
 *
 * Blobs without the zero bytes were stored by earlier versions, with buckets twice as wide: bucket i is
 * 2i - 1 and 2i of these. What they hold is shared evenly by the two. */
#ifndef KIMONO_BASE_HISTOGRAM_H
#define KIMONO_BASE_HISTOGRAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HISTOGRAM_BUCKETS 465
#define HISTOGRAM_BLOB_MAX (2 + HISTOGRAM_BUCKETS * 12)

struct histogram {
    uint64_t counts[HISTOGRAM_BUCKETS]; /* all zero: empty */
};

void histogram_add(struct histogram *h, int64_t microseconds);
void histogram_merge(struct histogram *into, const struct histogram *from);
uint64_t histogram_count(const struct histogram *h);
/* Whether both may be of the same durations. One that was stored by an earlier version has
 * wider buckets, so these are compared. */
bool histogram_agrees(const struct histogram *a, const struct histogram *b);
/* The quantile (0 < q <= 1) in microseconds; NaN while empty. */
double histogram_quantile(const struct histogram *h, double q);

size_t histogram_encode(const struct histogram *h, unsigned char blob[static HISTOGRAM_BLOB_MAX]);
/* The wider bucket of earlier versions that this one is half of. */
size_t histogram_wide_bucket(size_t bucket);
/* Adds what the blob holds; false if it is not one (nothing is added then). */
bool histogram_merge_blob(struct histogram *into, const void *blob, size_t length);

#endif
