/* Many texts by their number: a workbook's shared strings. The first TEXT_STORE_MEMORY are kept in memory;
 * those behind them in two files without a name (texts, and where each ends), read by blocks of which some
 * stay in memory: cells mostly name strings in the order in which they stand, and again and again those that
 * came early. */
#ifndef KIMONO_FORMATS_TEXT_STORE_H
#define KIMONO_FORMATS_TEXT_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/strbuf.h"

#define TEXT_STORE_MEMORY ((size_t)24 << 20) /* bytes, with 8 for each text */

struct text_store;

/* `temporary_folder`: where the files go; NULL: $TMPDIR, else /tmp. */
struct text_store *text_store_new(const char *temporary_folder);
void text_store_free(struct text_store **store);

/* The next number, from 0. Fails if the disk is full or the folder cannot be written. */
bool text_store_add(struct text_store *store, const char *bytes, size_t length, struct error *err);
uint64_t text_store_count(const struct text_store *store);
/* Appends the text to `out`. `number` is below the count. All have been added by now. */
bool text_store_append(struct text_store *store, uint64_t number, struct strbuf *out, struct error *err);

#endif
