/* Private to store/: the thread that writes, and its queue. */
#ifndef KIMONO_STORE_WRITER_H
#define KIMONO_STORE_WRITER_H

#include "store/driver.h"
#include "store/readers.h"
#include "store/store.h"

struct writer;

/* Both stay the caller's; the connection is the writer's alone until writer_free. The thread also
 * tends the readers while it has nothing to write. */
struct writer *writer_new(struct db *db, struct reader_pool *readers, size_t queue_ceiling);
void writer_free(struct writer *writer); /* runs what waits, then ends the thread; takes NULL */

/* As store_write and store_write_async. */
bool writer_run(struct writer *writer, store_work work, void *context, struct error *err);
bool writer_submit(struct writer *writer, store_work work, store_done done, void *context);

/* As store_notify_external_change. */
void writer_notify_external_change(struct writer *writer);

/* All but the sizes of the files. */
void writer_get_stats(struct writer *writer, struct store_stats *ret_stats);

#endif
