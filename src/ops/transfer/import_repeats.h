/* Which questions stand in a file more than once, in memory that hardly grows with the file: a bitmap
 * says what has certainly not come before, and only what may have is kept. */
#ifndef KIMONO_OPS_TRANSFER_IMPORT_REPEATS_H
#define KIMONO_OPS_TRANSFER_IMPORT_REPEATS_H

#include <stdbool.h>
#include <stdint.h>

struct repeats;

struct repeats *repeats_new(void);
void repeats_free(struct repeats *repeats); /* takes NULL */

/* First reading: the question with this hash stands in this row. */
void repeats_note(struct repeats *repeats, uint64_t hash, int64_t row);
/* Second reading, rows in the same order: was it in an earlier row, and is it in a later one? */
void repeats_look(struct repeats *repeats, uint64_t hash, int64_t row, bool *ret_earlier, bool *ret_later);

#endif
