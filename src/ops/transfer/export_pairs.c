#include "ops/transfer/export_pairs.h"

#include "base/memory.h"

#define BATCH 500         /* pairs: 20 MB if all are as long as may be */
#define SCANNED_IDS 20000 /* in one read: some ten milliseconds */
#define READ_MS 30000
#define LARGE_TENANT 50000 /* pairs */

static const char SQL_LAST[] = "SELECT MAX(id) FROM qa_pairs";
static const char SQL_COUNT[] = "SELECT qa_pair_count FROM tenants WHERE id = $1";

/* Reading all of the table in its own order costs a quarter of what the list does for each pair. It is
 * right where most pairs are asked for, and affordable where few are; one tenant of many, or a keyword, the list
 * finds quicker. */
bool pair_feed_begin(const struct platform *platform, const struct qa_filter *filter,
                     struct pair_feed *ret_feed, struct error *err)
{
    CLEANUP(store_reader_release) struct db *db = NULL;
    struct pair_feed feed = {.filter = *filter};
    int64_t pairs = LARGE_TENANT;
    if (!store_reader(platform->store, READ_LIMIT_MS, &db, err) ||
        (filter->tenant_id &&
         !db_find_int(db, SQL_COUNT, DB_ARGS(db_text(filter->tenant_id)), 0, &pairs, err)) ||
        !db_find_int(db, SQL_LAST, DB_NO_ARGS, 0, &feed.last, err))
        return false;
    feed.scans = pairs >= LARGE_TENANT && !(filter->keyword && *filter->keyword);
    *ret_feed = feed;
    return true;
}

void pair_feed_end(struct pair_feed *feed)
{
    free(feed->cursor);
    feed->cursor = NULL;
}

static bool pair_feed_next_of_list(const struct platform *platform, struct db *db, struct pair_feed *feed,
                                   struct arena *arena, struct qa_list_item **ret_items, size_t *ret_count,
                                   struct error *err)
{
    struct qa_list list;
    struct qa_list_request request = {
        .filter = feed->filter, .sort = "id", .cursor = feed->cursor, .page = 1, .page_size = BATCH};
    if (!knowledge_list(platform->directory, db, &request, arena, &list, err))
        return false;
    free(feed->cursor);
    feed->cursor = list.next_cursor ? xstrdup(list.next_cursor) : NULL;
    feed->at_end = !feed->cursor;
    *ret_items = list.items;
    *ret_count = list.items_count;
    return true;
}

/* $2 category, $3 source, $4 is_synced (null: any), $5 and $6 bounds of quality (null: open), $7 tenant, $8 its
 * status. */
#define SQL_ADMITTED                                                                                         \
    " (CAST($2 AS TEXT) IS NULL OR category = $2) AND (CAST($3 AS TEXT) IS NULL OR source = $3)"             \
    " AND (CAST($4 AS BIGINT) IS NULL OR is_synced = $4)"                                                    \
    " AND (CAST($5 AS DOUBLE PRECISION) IS NULL OR quality_score >= $5)"                                     \
    " AND (CAST($6 AS DOUBLE PRECISION) IS NULL OR quality_score <= $6)"                                     \
    " AND (CAST($7 AS TEXT) IS NULL OR tenant_id = $7)"                                                      \
    " AND (CAST($8 AS TEXT) IS NULL OR status = $8)"
#define ADMITTED_ARGS(filter)                                                                                \
    db_text((filter)->category), db_text((filter)->source),                                                  \
        db_int((filter)->is_synced == SYNCED_ANY ? INT_NULL : (filter)->is_synced),                          \
        db_real((filter)->quality_min), db_real((filter)->quality_max), db_text((filter)->tenant_id),        \
        db_text((filter)->tenant_status)

static const char SQL_SCAN[] =
    "SELECT q.id, q.tenant_id, t.name, q.question, q.answer, q.category, q.source, q.quality_score,"
    " q.is_synced, q.updated_at FROM qa_pairs q CROSS JOIN tenants t"
    " WHERE q.id > $1 AND q.id <= $9 AND t.id = q.tenant_id AND q.deleted_at IS NULL AND" SQL_ADMITTED
    " ORDER BY q.id LIMIT $10";

static void pair_feed_read_item(const struct db_rows *rows, struct arena *arena, struct qa_list_item *item)
{
    *item = (struct qa_list_item){
        .id = db_column_int(rows, 0),
        .tenant_id = arena_strdup(arena, db_column_text(rows, 1)),
        .tenant_name = arena_strdup(arena, db_column_text(rows, 2)),
        .question = arena_strdup(arena, db_column_text(rows, 3)),
        .answer = arena_strdup(arena, db_column_text(rows, 4)),
        .category = arena_strdup(arena, db_column_text(rows, 5)),
        .source = arena_strdup(arena, db_column_text(rows, 6)),
        .quality_score = db_column_real(rows, 7),
        .is_synced = db_column_int(rows, 8) != 0,
        .updated_at = db_column_int(rows, 9),
    };
}

static bool pair_feed_next_of_table(struct db *db, struct pair_feed *feed, struct arena *arena,
                                    struct qa_list_item **ret_items, size_t *ret_count, struct error *err)
{
    CLEANUP(db_rows_release) struct db_rows rows = {0};
    int64_t upper = feed->after + SCANNED_IDS;
    size_t count = 0;
    struct qa_list_item *items = arena_alloc(arena, BATCH * sizeof(*items));
    if (!db_query(db, SQL_SCAN,
                  DB_ARGS(db_int(feed->after), ADMITTED_ARGS(&feed->filter), db_int(upper), db_int(BATCH)),
                  &rows, err))
        return false;
    while (db_next(&rows))
        pair_feed_read_item(&rows, arena, &items[count++]);
    if (!db_done(&rows, err))
        return false;
    feed->after = count == BATCH ? items[count - 1].id : upper;
    feed->at_end = feed->after >= feed->last;
    *ret_items = items;
    *ret_count = count;
    return true;
}

bool pair_feed_next(const struct platform *platform, struct pair_feed *feed, struct arena *arena,
                    struct qa_list_item **ret_items, size_t *ret_count, struct error *err)
{
    CLEANUP(store_reader_release) struct db *db = NULL;
    if (!store_reader(platform->store, READ_MS, &db, err))
        return false;
    return feed->scans ? pair_feed_next_of_table(db, feed, arena, ret_items, ret_count, err)
                       : pair_feed_next_of_list(platform, db, feed, arena, ret_items, ret_count, err);
}
