/* A block of log rows, sealed: rows that arrived one after the other, column by column, compressed by zstd (with its
 * checksum). Nothing outside of the block is needed to read it. */
#ifndef KIMONO_TELEMETRY_LOGS_LOG_BLOCK_H
#define KIMONO_TELEMETRY_LOGS_LOG_BLOCK_H

#include "base/strbuf.h"
#include "telemetry/telemetry.h"

#define LOG_BLOCK_ROWS 250
/* A block ends with the row with which its texts come to this, so that reading one takes bounded memory and time. */
#define LOG_BLOCK_BYTES ((size_t)256 << 10)

struct log_block_header {
    int64_t first_row;
    int64_t row_count;
    int64_t first_time, last_time; /* the least and the greatest instant */
    int64_t levels;                /* LOG_LEVEL_BIT of each that there is */
};

/* How many of the rows go into one block. */
size_t log_block_measure(const struct log_record *records, size_t count);

/* For one thread. `struct log_block_writer writer = {0};` is ready. */
struct log_block_writer {
    void *context; /* zstd's */
    struct strbuf columns, content;
};
/* Rows as log_block_measure says; `writer->content` is theirs until the next call. */
void log_block_write(struct log_block_writer *writer, const struct log_record *records, size_t count,
                     struct log_block_header *ret_header);
void log_block_writer_release(struct log_block_writer *writer);

/* A block that was read; its records' texts live until the next reading. */
struct log_block {
    void *context; /* zstd's */
    char *bytes;
    size_t size;
    size_t row_count;
    struct log_record records[LOG_BLOCK_ROWS];
};
/* ERROR_DAMAGED for what is no block. */
bool log_block_read(struct log_block *block, const void *content, size_t length, struct error *err);
void log_block_release(struct log_block *block);

#endif
