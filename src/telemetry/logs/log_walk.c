/* A day's rows in the order of their instants. Blocks hold rows in the order of arrival, which is nearly that: each
 * lane's plain rows, loose blocks and groups are looked at in the order of their first row on the way, until `limit`
 * rows are found before which none of those that are left can come. Only where a row lies is kept meanwhile; its block is
 * read again when it is handed on, or is still there. */
#include "telemetry/logs/log_walk.h"

#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "telemetry/logs/log_store.h"
#include "telemetry/raw_rows.h"

int log_key_compare(const struct log_key *a, const struct log_key *b)
{
    if (a->timestamp != b->timestamp)
        return a->timestamp < b->timestamp ? -1 : 1;
    if (a->lane != b->lane)
        return a->lane < b->lane ? -1 : 1;
    return (a->row > b->row) - (a->row < b->row);
}

/* Below 0: `a` comes before `b` on the way. */
static int walk_compare(const struct log_walk *walk, const struct log_key *a, const struct log_key *b)
{
    int order = log_key_compare(a, b);
    return walk->newest_first ? -order : order;
}

enum walk_unit_kind { WALK_PLAIN, WALK_BLOCK, WALK_GROUP };

/* A part of a lane's rows. */
struct walk_unit {
    const struct log_lane *lane;
    enum walk_unit_kind kind;
    int64_t number; /* of a group */
    struct log_block_header header;
};

struct walk_row {
    struct log_key key;
    const struct log_lane *lane;
    int64_t block; /* the first row of its block; below 0: it is a plain one, in copies[-block - 1] */
};

#define BLOCKS_KEPT 4

struct walk_block {
    const struct log_lane *lane;
    int64_t first;
    uint64_t used;
    struct log_block *block;
};

struct day_walk {
    struct log_walk *walk;
    struct walk_unit *units;
    size_t unit_count, unit_room;
    struct walk_row *rows; /* a heap, the last on the way on top */
    size_t count, room;
    struct log_copy *copies; /* plain rows that were found */
    size_t copy_count, copy_room;
    struct walk_block blocks[BLOCKS_KEPT];
    uint64_t uses;
    const struct log_lane *slices_lane; /* of the group that is looked at */
    int64_t slices_group;
    size_t slices_count;
    unsigned char slice[LOG_SLICE_BITS * LOG_GROUP_BLOCKS / 8];
};

static void day_walk_free(struct day_walk **day)
{
    for (size_t i = 0; i < BLOCKS_KEPT; i++)
        if ((*day)->blocks[i].block) {
            log_block_release((*day)->blocks[i].block);
            free((*day)->blocks[i].block);
        }
    for (size_t i = 0; i < (*day)->copy_count; i++)
        log_copy_release(&(*day)->copies[i]);
    free((*day)->copies);
    free((*day)->units);
    free((*day)->rows);
    free(*day);
}

/* ---- the rows that are found ---- */

static void walk_rows_sink_down(struct day_walk *day, size_t at)
{
    for (;;) {
        size_t last = at, left = 2 * at + 1, right = left + 1;
        if (left < day->count && walk_compare(day->walk, &day->rows[left].key, &day->rows[last].key) > 0)
            last = left;
        if (right < day->count && walk_compare(day->walk, &day->rows[right].key, &day->rows[last].key) > 0)
            last = right;
        if (last == at)
            return;
        struct walk_row row = day->rows[at];
        day->rows[at] = day->rows[last];
        day->rows[last] = row;
        at = last;
    }
}

static void walk_rows_put(struct day_walk *day, const struct walk_row *row)
{
    if (day->count == day->walk->limit) {
        day->rows[0] = *row;
        walk_rows_sink_down(day, 0);
        return;
    }
    if (day->count == day->room) {
        day->room = day->room ? day->room * 2 : 128;
        day->rows = xrealloc(day->rows, day->room * sizeof(*day->rows));
    }
    size_t at = day->count++;
    day->rows[at] = *row;
    while (at > 0) {
        size_t parent = (at - 1) / 2;
        if (walk_compare(day->walk, &day->rows[parent].key, &day->rows[at].key) >= 0)
            return;
        struct walk_row other = day->rows[at];
        day->rows[at] = day->rows[parent];
        day->rows[parent] = other;
        at = parent;
    }
}

/* In the heap's place: sorted, the first on the way first. */
static void walk_rows_sort(struct day_walk *day)
{
    size_t count = day->count;
    while (day->count > 1) {
        struct walk_row row = day->rows[0];
        day->rows[0] = day->rows[--day->count];
        day->rows[day->count] = row;
        walk_rows_sink_down(day, 0);
    }
    day->count = count;
}

static void walk_consider(struct day_walk *day, const struct log_lane *lane, int64_t block, int64_t number,
                          const struct log_record *record)
{
    struct log_walk *walk = day->walk;
    struct walk_row row = {{record->timestamp, lane->lane, number}, lane, block};
    if (walk_compare(walk, &row.key, &walk->behind) <= 0)
        return;
    if (day->count == walk->limit && walk_compare(walk, &row.key, &day->rows[0].key) > 0)
        return;
    if (!log_matcher_accepts(walk->matcher, record))
        return;
    if (block < 0) { /* a plain one: its texts live as long as the statement's row */
        if (day->copy_count == day->copy_room) {
            day->copy_room = day->copy_room ? day->copy_room * 2 : 64;
            day->copies = xrealloc(day->copies, day->copy_room * sizeof(*day->copies));
        }
        day->copies[day->copy_count++] = log_copy_make(record);
        row.block = -(int64_t)day->copy_count;
    }
    walk_rows_put(day, &row);
}

/* ---- units ---- */

static void walk_add_unit(struct day_walk *day, const struct walk_unit *unit)
{
    if (day->unit_count == day->unit_room) {
        day->unit_room = day->unit_room ? day->unit_room * 2 : 64;
        day->units = xrealloc(day->units, day->unit_room * sizeof(*day->units));
    }
    day->units[day->unit_count++] = *unit;
}

/* Whether rows of these instants and levels can be wanted. */
static bool walk_wants(const struct log_walk *walk, const struct log_block_header *header)
{
    const struct log_filter *filter = walk->matcher->filter;
    bool behind = walk->newest_first ? header->first_time <= walk->behind.timestamp
                                     : header->last_time >= walk->behind.timestamp;
    return behind && header->last_time >= filter->start &&
           (!filter->end || header->first_time < filter->end) &&
           (!filter->levels || (filter->levels & (unsigned)header->levels));
}

static bool walk_add_units(struct day_walk *day, const struct log_lane *lane, enum walk_unit_kind kind,
                           const char *sql, struct error *err)
{
    CLEANUP(db_rows_release) struct db_rows rows = {0};
    if (!log_lane_query(lane, sql, DB_NO_ARGS, &rows, err))
        return false;
    while (db_next(&rows)) {
        struct walk_unit unit = {.lane = lane, .kind = kind};
        unit.number = db_column_int(&rows, 0);
        unit.header = (struct log_block_header){db_column_int(&rows, 0), db_column_int(&rows, 1),
                                                db_column_int(&rows, 2), db_column_int(&rows, 3),
                                                db_column_int(&rows, 4)};
        if (walk_wants(day->walk, &unit.header))
            walk_add_unit(day, &unit);
    }
    return db_done(&rows, err);
}

/* Plain rows are few: they are looked at at once, before all others. */
static bool walk_plain(struct day_walk *day, const struct log_lane *lane, struct error *err)
{
    CLEANUP(db_rows_release) struct db_rows rows = {0};
    if (lane->rows == lane->sealed_rows)
        return true;
    if (!log_lane_query(lane, lane->sql->plain_after, DB_ARGS(db_int(lane->sealed_rows)), &rows, err))
        return false;
    while (db_next(&rows)) {
        struct log_record record = log_of_row(&rows);
        walk_consider(day, lane, -1, db_column_int(&rows, 7), &record);
    }
    return db_done(&rows, err);
}

static int64_t walk_unit_begin(const struct log_walk *walk, const struct walk_unit *unit)
{
    return walk->newest_first ? unit->header.last_time : unit->header.first_time;
}

static int walk_unit_compare(const void *a, const void *b, void *context)
{
    const struct log_walk *walk = context;
    int64_t left = walk_unit_begin(walk, a), right = walk_unit_begin(walk, b);
    int order = (left > right) - (left < right);
    return walk->newest_first ? -order : order;
}

/* No row of the unit, nor of one that comes later on the way, can be among those that are wanted. */
static bool walk_has_enough(const struct day_walk *day, const struct walk_unit *unit)
{
    if (day->count < day->walk->limit)
        return false;
    int64_t last = day->rows[0].key.timestamp, begin = walk_unit_begin(day->walk, unit);
    return day->walk->newest_first ? begin < last : begin > last;
}

/* ---- blocks ---- */

/* Among those that are kept, or read now in the place of the one that was used longest ago. */
static bool walk_get_block(struct day_walk *day, const struct log_lane *lane, int64_t first,
                           struct log_block **ret_block, struct error *err)
{
    struct walk_block *place = &day->blocks[0];
    for (size_t i = 0; i < BLOCKS_KEPT; i++) {
        struct walk_block *kept = &day->blocks[i];
        if (kept->lane == lane && kept->first == first) {
            kept->used = ++day->uses;
            *ret_block = kept->block;
            return true;
        }
        if (kept->used < place->used)
            place = kept;
    }
    CLEANUP(db_rows_release) struct db_rows rows = {0};
    if (!place->block)
        place->block = xcalloc(1, sizeof(*place->block));
    place->lane = NULL;
    if (!log_lane_query(lane, lane->sql->block_of, DB_ARGS(db_int(first)), &rows, err))
        return false;
    if (db_next(&rows)) {
        size_t length;
        const void *content = db_column_bytes(&rows, 2, &length);
        if (!log_block_read(place->block, content, length, err))
            return false;
    }
    if (!db_done(&rows, err))
        return false;
    place->lane = lane;
    place->first = first;
    place->used = ++day->uses;
    *ret_block = place->block;
    return true;
}

static bool walk_block(struct day_walk *day, const struct walk_unit *unit, struct error *err)
{
    struct log_block *block;
    int64_t first = unit->header.first_row;
    if (!walk_get_block(day, unit->lane, first, &block, err))
        return false;
    for (size_t i = 0; i < block->row_count; i++)
        walk_consider(day, unit->lane, first, first + (int64_t)i, &block->records[i]);
    return true;
}

static bool walk_loose_block(struct day_walk *day, const struct walk_unit *unit, struct error *err)
{
    struct log_signature signature;
    size_t length;
    CLEANUP(db_rows_release) struct db_rows rows = {0};
    const struct log_lane *lane = unit->lane;
    if (!log_lane_query(lane, lane->sql->signature, DB_ARGS(db_int(unit->header.first_row)), &rows, err))
        return false;
    bool may_hold = true;
    if (db_next(&rows)) {
        const void *bytes = db_column_bytes(&rows, 0, &length);
        if (length == sizeof(signature)) {
            memcpy(&signature, bytes, length);
            may_hold = log_signature_may_hold(&signature, day->walk->matcher);
        }
    }
    return db_done(&rows, err) && (!may_hold || walk_block(day, unit, err));
}

/* ---- groups ---- */

static bool walk_get_slice(void *context, unsigned slice, const unsigned char **ret_bytes, struct error *err)
{
    struct day_walk *day = context;
    CLEANUP(db_rows_release) struct db_rows rows = {0};
    const struct log_lane *lane = day->slices_lane;
    size_t length, wanted = LOG_SLICE_BITS * ((day->slices_count + 7) / 8);
    if (!log_lane_query(lane, lane->sql->slice, DB_ARGS(db_int(day->slices_group * LOG_SLICES + slice)),
                        &rows, err))
        return false;
    memset(day->slice, 0xFF, sizeof(day->slice)); /* one that is missing says nothing */
    if (db_next(&rows)) {
        const void *bytes = db_column_bytes(&rows, 0, &length);
        if (length == wanted)
            memcpy(day->slice, bytes, length);
    }
    *ret_bytes = day->slice;
    return db_done(&rows, err);
}

/* Out of time: what comes on the way from here on is not known. */
static bool walk_is_over(struct day_walk *day, int64_t begin)
{
    struct log_walk *walk = day->walk;
    if (clock_monotonic_us() < walk->deadline_us)
        return false;
    walk->stopped = true;
    walk->resume = walk->newest_first ? (struct log_key){begin, INT64_MAX, INT64_MAX}
                                      : (struct log_key){begin, INT64_MIN, INT64_MIN};
    return true;
}

static bool walk_group(struct day_walk *day, const struct walk_unit *group, struct error *err)
{
    struct log_block_header headers[LOG_GROUP_BLOCKS];
    struct walk_unit units[LOG_GROUP_BLOCKS];
    struct log_mask mask = {{0}};
    size_t count = (size_t)group->header.row_count, length, unit_count = 0;
    const struct log_lane *lane = group->lane;
    day->slices_lane = lane;
    day->slices_group = group->number;
    day->slices_count = count = count < LOG_GROUP_BLOCKS ? count : LOG_GROUP_BLOCKS;
    for (size_t i = 0; i < count; i++)
        mask.words[i / 64] |= UINT64_C(1) << i % 64;
    if (!log_mask_narrow(&mask, count, day->walk->matcher, walk_get_slice, day, err))
        return false;
    uint64_t any = 0;
    for (size_t i = 0; i < LOG_MASK_WORDS; i++)
        any |= mask.words[i];
    if (!any)
        return true;

    CLEANUP(db_rows_release) struct db_rows rows = {0};
    if (!log_lane_query(lane, lane->sql->group_blocks, DB_ARGS(db_int(group->number)), &rows, err))
        return false;
    if (db_next(&rows)) {
        const void *bytes = db_column_bytes(&rows, 0, &length);
        count = length / sizeof(headers[0]) < count ? length / sizeof(headers[0]) : count;
        memcpy(headers, bytes, count * sizeof(headers[0]));
    } else {
        count = 0;
    }
    if (!db_done(&rows, err))
        return false;
    for (size_t i = 0; i < count; i++)
        if ((mask.words[i / 64] >> i % 64 & 1) && walk_wants(day->walk, &headers[i]))
            units[unit_count++] = (struct walk_unit){lane, WALK_BLOCK, 0, headers[i]};
    if (unit_count)
        qsort_r(units, unit_count, sizeof(units[0]), walk_unit_compare, day->walk);
    for (size_t i = 0; i < unit_count && !walk_has_enough(day, &units[i]); i++)
        if (walk_is_over(day, walk_unit_begin(day->walk, &units[i])))
            return true;
        else if (!walk_block(day, &units[i], err))
            return false;
    return true;
}

/* ---- the day ---- */

static bool walk_units(struct day_walk *day, const struct log_reading *reading, struct error *err)
{
    struct log_walk *walk = day->walk;
    for (size_t i = 0; i < reading->lane_count; i++) {
        const struct log_lane *lane = &reading->lanes[i];
        if (!walk_plain(day, lane, err) ||
            !walk_add_units(day, lane, WALK_BLOCK, lane->sql->loose_blocks, err) ||
            !walk_add_units(day, lane, WALK_GROUP, lane->sql->groups, err))
            return false;
    }
    if (day->unit_count)
        qsort_r(day->units, day->unit_count, sizeof(*day->units), walk_unit_compare, walk);
    for (size_t i = 0; i < day->unit_count && !walk_has_enough(day, &day->units[i]); i++) {
        const struct walk_unit *unit = &day->units[i];
        if (walk_is_over(day, walk_unit_begin(walk, unit)))
            return true;
        if (unit->kind == WALK_GROUP ? !walk_group(day, unit, err) : !walk_loose_block(day, unit, err))
            return false;
        if (walk->stopped)
            return true;
    }
    return true;
}

static bool walk_hand_rows(struct day_walk *day, int32_t number, struct error *err)
{
    struct log_walk *walk = day->walk;
    walk_rows_sort(day);
    for (size_t i = 0; i < day->count; i++) {
        const struct walk_row *row = &day->rows[i];
        struct log_block *block;
        if (walk->stopped && walk_compare(walk, &row->key, &walk->resume) > 0)
            return true;
        if (row->block < 0) {
            const struct log_record *record = &day->copies[-row->block - 1].record;
            if (!walk->sink(walk->context, number, &row->key, record, err))
                return false;
            continue;
        }
        if (!walk_get_block(day, row->lane, row->block, &block, err))
            return false;
        size_t at = (size_t)(row->key.row - row->block);
        if (at < block->row_count && !walk->sink(walk->context, number, &row->key, &block->records[at], err))
            return false;
    }
    return true;
}

/* Beyond the walk's time, for the statement that runs when it is over; and for handing on what was found. */
#define LAST_STATEMENT_MS 2000
#define HAND_ON_MS 5000

bool log_walk_day(struct engine *engine, int32_t number, struct log_walk *walk, struct error *err)
{
    CLEANUP(day_walk_free) struct day_walk *day = xcalloc(1, sizeof(*day));
    struct log_reading *reading;
    int64_t left_ms = (walk->deadline_us - clock_monotonic_us()) / 1000;
    walk->stopped = left_ms <= 0;
    walk->resume = walk->behind;
    if (walk->stopped || walk->limit == 0)
        return true;
    if (!engine->functions->logs_open(engine, number, (int)left_ms + LAST_STATEMENT_MS, &reading, err))
        return false;
    day->walk = walk;
    bool done = !reading->db || walk_units(day, reading, err);
    if (done && reading->db) {
        if (walk->stopped && walk_compare(walk, &walk->resume, &walk->behind) < 0)
            walk->resume = walk->behind;
        db_set_deadline(reading->db, clock_monotonic_us() + INT64_C(1000) * HAND_ON_MS);
        done = walk_hand_rows(day, number, err);
    }
    engine->functions->logs_close(engine, reading);
    return done;
}
