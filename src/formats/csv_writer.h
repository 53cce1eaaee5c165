/* Writing .csv or .tsv, row by row, in constant memory: UTF-8, commas, \r\n, quotes where they are needed
 * (RFC 4180), and cells made harmless (cell_guard.h).
 *
 * What was written reads back exactly (table.h): fields with spaces around them, with \r, or with
 * nothing but white space are quoted, too. */
#ifndef KIMONO_FORMATS_CSV_WRITER_H
#define KIMONO_FORMATS_CSV_WRITER_H

#include "base/error.h"
#include "base/strbuf.h"

/* Where the bytes go. Takes all of them or fails with `err` set. */
struct byte_sink {
    bool (*write)(void *context, const char *bytes, size_t length, struct error *err);
    void *context;
};

struct csv_writer {
    const struct byte_sink *sink;
    char delimiter;        /* ',' after csv_writer_init; the owner may make it a tab */
    struct strbuf waiting; /* up to 64 KiB and a row */
};

/* `byte_order_mark`: so that Excel shows Chinese. `sink` must outlive the writer. */
void csv_writer_init(struct csv_writer *writer, const struct byte_sink *sink, bool byte_order_mark);
/* Fields are UTF-8; NULL is the empty one. */
bool csv_writer_row(struct csv_writer *writer, const char *const *fields, size_t count, struct error *err);
/* Hands on what still waits: needed at the end. */
bool csv_writer_finish(struct csv_writer *writer, struct error *err);
void csv_writer_release(struct csv_writer *writer); /* after a failure what waits is lost */

#endif
