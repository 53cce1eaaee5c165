/* Bringing all days of one telemetry into another of whatever engine, for `kimono migrate --to`: raw rows with what
 * they cost when they were recorded; the other one makes its roll-ups of them.
 *
 * The days first, then the main store (store/transfer.h) with telemetry_adopt_totals as the last act of its transaction:
 * without that transaction the other store is empty still, and the days are brought anew. */
#ifndef KIMONO_TELEMETRY_TRANSFER_H
#define KIMONO_TELEMETRY_TRANSFER_H

#include "telemetry/telemetry.h"

struct telemetry_day_digest {
    int32_t day;
    int64_t usage_rows, log_rows;
    unsigned char
        hash[16]; /* XXH3 of all raw rows, in whatever order: several processes may have written them */
};

/* Called for each day; where `to` differs from `from` the other telemetry has not the same rows. */
typedef void (*telemetry_transfer_told)(void *context, const struct telemetry_day_digest *from,
                                        const struct telemetry_day_digest *to);

/* A day that the other telemetry has already is deleted there before. ERROR_CONFLICT: what was taken is not what was
 * given. */
bool telemetry_transfer(struct telemetry *from, struct telemetry *to, telemetry_transfer_told told,
                        void *context, struct error *err);
/* Within a work on the main store of `to`, which has the rows of the other one's: what it says of the days that were
 * brought over belongs to their recorders there. */
bool telemetry_adopt_totals(struct telemetry *from, struct telemetry *to, struct db *db, struct error *err);
/* `ret_same`: both have the same raw rows, day by day. */
bool telemetry_compare(struct telemetry *from, struct telemetry *to, telemetry_transfer_told told,
                       void *context, bool *ret_same, struct error *err);

#endif
