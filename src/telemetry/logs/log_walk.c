#include "telemetry/logs/log_walk.h"

#include <string.h>

#include "base/memory.h"
#include "telemetry/logs/log_copy.h"

int log_key_compare(const struct log_key *a, const struct log_key *b)
{
    if (a->timestamp != b->timestamp)
        return a->timestamp < b->timestamp ? -1 : 1;
    if (a->lane != b->lane)
        return a->lane < b->lane ? -1 : 1;
    return (a->row > b->row) - (a->row < b->row);
}

/* The first `limit` rows on the way, of those that were looked at: a heap with the last of them on top. */
struct walk_row {
    struct log_key key;
    struct log_copy copy;
};

struct walk_heap {
    struct log_walk *walk;
    struct walk_row *rows;
    size_t count, room;
};

static void walk_heap_release(struct walk_heap *heap)
{
    for (size_t i = 0; i < heap->count; i++)
        log_copy_release(&heap->rows[i].copy);
    free(heap->rows);
}

/* Below 0: `a` comes before `b` on the way. */
static int walk_compare(const struct log_walk *walk, const struct log_key *a, const struct log_key *b)
{
    int order = log_key_compare(a, b);
    return walk->newest_first ? -order : order;
}

static void walk_heap_sink_down(struct walk_heap *heap, size_t at)
{
    for (;;) {
        size_t last = at, left = 2 * at + 1, right = left + 1;
        if (left < heap->count && walk_compare(heap->walk, &heap->rows[left].key, &heap->rows[last].key) > 0)
            last = left;
        if (right < heap->count &&
            walk_compare(heap->walk, &heap->rows[right].key, &heap->rows[last].key) > 0)
            last = right;
        if (last == at)
            return;
        struct walk_row row = heap->rows[at];
        heap->rows[at] = heap->rows[last];
        heap->rows[last] = row;
        at = last;
    }
}

static void walk_heap_put(struct walk_heap *heap, const struct log_key *key, const struct log_record *record)
{
    if (heap->count == heap->walk->limit) {
        log_copy_release(&heap->rows[0].copy);
        heap->rows[0] = (struct walk_row){*key, log_copy_make(record)};
        walk_heap_sink_down(heap, 0);
        return;
    }
    if (heap->count == heap->room) {
        heap->room = heap->room ? heap->room * 2 : 64;
        heap->rows = xrealloc(heap->rows, heap->room * sizeof(*heap->rows));
    }
    size_t at = heap->count++;
    heap->rows[at] = (struct walk_row){*key, log_copy_make(record)};
    while (at > 0) {
        size_t parent = (at - 1) / 2;
        if (walk_compare(heap->walk, &heap->rows[parent].key, &heap->rows[at].key) >= 0)
            return;
        struct walk_row row = heap->rows[at];
        heap->rows[at] = heap->rows[parent];
        heap->rows[parent] = row;
        at = parent;
    }
}

static bool walk_take_row(void *context, const struct stored_log *log, struct error *err)
{
    struct walk_heap *heap = context;
    struct log_walk *walk = heap->walk;
    struct log_key key = {log->record.timestamp, log->lane, log->row};
    (void)err;
    if (walk_compare(walk, &key, &walk->behind) <= 0)
        return true;
    if (heap->count == walk->limit && walk_compare(walk, &key, &heap->rows[0].key) > 0)
        return true;
    if (log_matcher_accepts(walk->matcher, &log->record))
        walk_heap_put(heap, &key, &log->record);
    return true;
}

/* In the heap's place: sorted, the first on the way first. */
static void walk_heap_sort(struct walk_heap *heap)
{
    size_t count = heap->count;
    while (heap->count > 1) {
        struct walk_row row = heap->rows[0];
        heap->rows[0] = heap->rows[--heap->count];
        heap->rows[heap->count] = row;
        walk_heap_sink_down(heap, 0);
    }
    heap->count = count;
}

bool log_walk_day(struct engine *engine, int32_t day, struct log_walk *walk, struct error *err)
{
    CLEANUP(walk_heap_release) struct walk_heap heap = {.walk = walk};
    struct error local;
    error_clear(&local);
    int64_t left_ms = (walk->deadline_us - clock_monotonic_us()) / 1000;
    walk->stopped = left_ms <= 0;
    walk->resume = walk->behind;
    if (walk->stopped || walk->limit == 0)
        return true;
    if (!engine->functions->each_log(engine, day, (int)left_ms, walk_take_row, &heap, &local)) {
        walk->stopped = local.code == ERROR_TIMEOUT;
        if (err && !walk->stopped)
            *err = local;
        return walk->stopped;
    }
    walk_heap_sort(&heap);
    for (size_t i = 0; i < heap.count; i++) {
        const struct walk_row *row = &heap.rows[i];
        if (!walk->sink(walk->context, day, &row->key, &row->copy.record, err))
            return false;
    }
    return true;
}
