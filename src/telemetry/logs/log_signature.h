/* Which blocks can hold what is looked for, without reading them.
 *
 * A block's signature has bits for what its rows hold: each 1-, 2-, 3- and 4-gram of characters of the folded messages,
 * each source, tenant and request id, each name and value of `fields`. Where a bit of what is looked for is missing,
 * the block has no such row; where all are there it is read (a two-character word: less than one in a hundred in
 * vain).
 *
 * A signature is LOG_SLICES slices of LOG_SLICE_BITS. All bits of one gram lie in one slice, so that a look costs one
 * read for many blocks: LOG_GROUP_BLOCKS of them in a row are a group, whose signatures are kept bit by bit: a slice
 * of the group has for each of its bits the bits of all blocks, one after the other. */
#ifndef KIMONO_TELEMETRY_LOGS_LOG_SIGNATURE_H
#define KIMONO_TELEMETRY_LOGS_LOG_SIGNATURE_H

#include "telemetry/logs/log_match.h"

#define LOG_SLICES 320
#define LOG_SLICE_BITS 128
#define LOG_SIGNATURE_BYTES (LOG_SLICES * LOG_SLICE_BITS / 8)
#define LOG_GROUP_BLOCKS 512
#define LOG_MASK_WORDS (LOG_GROUP_BLOCKS / 64)

struct log_signature {
    uint64_t words[LOG_SIGNATURE_BYTES / 8]; /* LOG_SLICE_BITS / 64 for each slice */
};

void log_signature_make(struct log_signature *signature, const struct log_record *records, size_t count);

/* Blocks of a group, a bit each. */
struct log_mask {
    uint64_t words[LOG_MASK_WORDS];
};

/* What a look takes from: a slice of the group for `count` blocks, (count + 7) / 8 bytes for each of its bits.
 * The bytes live until the next call. */
typedef bool (*log_slice_fn)(void *context, unsigned slice, const unsigned char **ret_bytes,
                             struct error *err);

/* Takes from `mask` the blocks of a group that have no row which the matcher accepts. */
bool log_mask_narrow(struct log_mask *mask, size_t count, const struct log_matcher *matcher,
                     log_slice_fn get_slice, void *context, struct error *err);
/* The same for one block. */
bool log_signature_may_hold(const struct log_signature *signature, const struct log_matcher *matcher);

/* A slice of a group of these signatures; `ret_bytes` has room for LOG_SLICE_BITS * (count + 7) / 8. */
void log_slice_make(const struct log_signature *const *signatures, size_t count, unsigned slice,
                    unsigned char *ret_bytes);

#endif
