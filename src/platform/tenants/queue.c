#include "platform/tenants/queue.h"

#include "base/memory.h"

#define READ_QUEUE_LIMIT_MS 30000 /* a job may wait for what a page may not */

void tenant_queue_add(struct tenant_queue *queue, const char *tenant_id)
{
    if (queue->count == queue->capacity) {
        queue->capacity = queue->capacity ? queue->capacity * 2 : 16;
        queue->ids = xrealloc(queue->ids, queue->capacity * sizeof(*queue->ids));
    }
    queue->ids[queue->count++] = xstrdup(tenant_id);
}

bool tenant_queue_read(struct tenant_queue *queue, struct store *store, const char *sql, struct error *err)
{
    CLEANUP(store_reader_release) struct db *db = NULL;
    CLEANUP(db_rows_release) struct db_rows rows = {0};
    if (!store_reader(store, READ_QUEUE_LIMIT_MS, &db, err) || !db_query(db, sql, DB_NO_ARGS, &rows, err))
        return false;
    while (db_next(&rows))
        tenant_queue_add(queue, db_column_text(&rows, 0));
    return db_done(&rows, err);
}

void tenant_queue_release(struct tenant_queue *queue)
{
    for (size_t i = 0; i < queue->count; i++)
        free(queue->ids[i]);
    free(queue->ids);
}
