/* Inside export.c: the pairs that a filter admits, all of them, batch by batch. */
#ifndef KIMONO_OPS_TRANSFER_EXPORT_PAIRS_H
#define KIMONO_OPS_TRANSFER_EXPORT_PAIRS_H

#include "ops/knowledge/knowledge_manager.h"
#include "platform/platform.h"

struct pair_feed {
    struct qa_filter filter; /* lent */
    bool scans;              /* the table itself is read, else the list */
    int64_t after, last;     /* of a scan: ids */
    char *cursor;            /* of the list; NULL: its beginning */
    bool at_end;
};

/* Pairs that are there now; what is made meanwhile may come or not. */
bool pair_feed_begin(const struct platform *platform, const struct qa_filter *filter,
                     struct pair_feed *ret_feed, struct error *err);
void pair_feed_end(struct pair_feed *feed);
/* The next ones, in order of id; of each the fields that a table shows. None may come before `at_end`. They
 * are the arena's; no read connection is held when it returns. */
bool pair_feed_next(const struct platform *platform, struct pair_feed *feed, struct arena *arena,
                    struct qa_list_item **ret_items, size_t *ret_count, struct error *err);

#endif
