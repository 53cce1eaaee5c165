/* Which lines are noisy, new or more than before. Lines are read newest first and grouped by shape for one second; then
 * those of the day before the range for another. A shape that was not met there, where not all could be read, is looked
 * for by the longest piece of it that never changes. */
#include <stdio.h>
#include <string.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

#include "base/clock.h"
#include "base/slot_table.h"
#include "base/utf8.h"
#include "ops/logs/log_lines.h"
#include "ops/logs/log_shape.h"

#define GROUPS_MAX 2000 /* shapes that are told apart; 4 MB */
#define EXAMPLE_MAX 1000
#define SCAN_MS 1000
#define SCAN_PREVIOUS_MS 600
#define LOOK_FOR_MS 350    /* of all shapes together */
#define LOOK_FOR_LINES 200 /* that hold the piece: of other shapes, if it is a common one */
#define SCAN_LINES 20000000

static const char *const log_novelties[] = {"new", "known", "unknown", NULL};

static const struct field log_pattern_fields[] = {
    FIELD(struct log_pattern, pattern, TEXT, "The line with numbers, ids and addresses taken out",
          .personal = PERSONAL_PARTS),
    FIELD(struct log_pattern, level, TEXT, "Level of its lines", .values = log_level_names),
    FIELD(struct log_pattern, source, TEXT, "What has written them"),
    FIELD(struct log_pattern, count, INT, "Lines"),
    FIELD(struct log_pattern, first_seen, TIME, "Oldest of the lines that were read"),
    FIELD(struct log_pattern, last_seen, TIME, "Newest of them"),
    FIELD(struct log_pattern, example, TEXT, "The newest line; long ones are cut",
          .personal = PERSONAL_PARTS),
    FIELD(struct log_pattern, example_id, TEXT, "Its id"),
    FIELD(struct log_pattern, previous_count, INT,
          "Lines in the 24 hours before the range; null: not all of them could be read", .nullable = true),
    FIELD(struct log_pattern, novelty, TEXT, "Whether there were none in the 24 hours before the range",
          .values = log_novelties),
    FIELD(struct log_pattern, query, TEXT, "A query that finds its lines, and perhaps others",
          .personal = PERSONAL_PARTS),
};
static const struct descriptor log_pattern_descriptor =
    DESCRIPTOR("LogPattern", struct log_pattern, log_pattern_fields);

static const struct field log_pattern_list_fields[] = {
    FIELD_MANY(struct log_pattern_list, items, LIST, "Most frequent first", .of = &log_pattern_descriptor),
    FIELD(struct log_pattern_list, start_time, TIME, "Beginning of the range"),
    FIELD(struct log_pattern_list, end_time, TIME, "Its end"),
    FIELD(struct log_pattern_list, counted_from, TIME,
          "The oldest line that was read lies here, or the range begins"),
    FIELD(struct log_pattern_list, complete, BOOL, "False: the time was over; the newest lines were read"),
    FIELD(struct log_pattern_list, lines, INT, "Lines that were read"),
    FIELD(struct log_pattern_list, patterns, INT, "Patterns among them"),
    FIELD(struct log_pattern_list, other_lines, INT, "Lines of patterns beyond those that can be told apart"),
};
const struct descriptor log_pattern_list_descriptor =
    DESCRIPTOR("LogPatterns", struct log_pattern_list, log_pattern_list_fields);

struct pattern_group {
    uint64_t hash;
    struct log_pattern pattern;
    enum log_level level;
    int64_t previous;
};

struct pattern_scan {
    struct slot_table table;
    struct pattern_group *groups;
    size_t count;
    bool previous; /* the lines are those before the range: no new groups */
    int64_t lines, other_lines, oldest;
    struct strbuf shape;
    struct arena *arena;
};

static void pattern_scan_release(struct pattern_scan *scan)
{
    slot_table_release(&scan->table);
    strbuf_release(&scan->shape);
}

/* The shape of a line is left in `shape`. */
static uint64_t pattern_hash(const struct log_record *record, struct strbuf *shape)
{
    strbuf_reset(shape);
    log_shape(record->message, strlen(record->message), record->request_id, shape);
    return XXH3_64bits_withSeed(strbuf_text(shape), shape->length,
                                XXH3_64bits(record->source, strlen(record->source)) +
                                    (uint64_t)record->level);
}

static struct pattern_group *pattern_find(const struct pattern_scan *scan, const struct log_record *record,
                                          uint64_t hash)
{
    struct slot_cursor cursor = slot_table_lookup(&scan->table, hash);
    for (uint32_t slot; (slot = slot_table_next(&scan->table, &cursor)) != SLOT_NONE;) {
        struct pattern_group *group = &scan->groups[slot];
        if (group->hash == hash && group->level == record->level &&
            strcmp(group->pattern.source, record->source) == 0 &&
            strcmp(group->pattern.pattern, strbuf_text(&scan->shape)) == 0)
            return group;
    }
    return NULL;
}

static struct pattern_group *pattern_add(struct pattern_scan *scan, const struct found_log *found,
                                         uint64_t hash)
{
    const struct log_record *record = &found->record;
    size_t length = strlen(record->message);
    if (scan->count == GROUPS_MAX)
        return NULL;
    if (length > EXAMPLE_MAX)
        length = utf8_cut(record->message, length, EXAMPLE_MAX);
    struct pattern_group *group = &scan->groups[scan->count];
    *group = (struct pattern_group){
        .hash = hash,
        .level = record->level,
        .pattern = {.pattern = arena_strndup(scan->arena, strbuf_text(&scan->shape), scan->shape.length),
                    .level = log_level_names[record->level],
                    .source = arena_strdup(scan->arena, record->source),
                    .last_seen = record->timestamp,
                    .example = arena_strndup(scan->arena, record->message, length),
                    .example_id = arena_strdup(scan->arena, found->id)},
    };
    slot_table_add(&scan->table, hash, (uint32_t)scan->count++);
    return group;
}

static bool pattern_take(void *context, const struct found_log *found, struct error *err)
{
    struct pattern_scan *scan = context;
    (void)err;
    uint64_t hash = pattern_hash(&found->record, &scan->shape);
    struct pattern_group *group = pattern_find(scan, &found->record, hash);
    if (scan->previous) {
        if (group)
            group->previous++;
        return true;
    }
    scan->lines++;
    scan->oldest = found->record.timestamp;
    if (!group && !(group = pattern_add(scan, found, hash))) {
        scan->other_lines++;
        return true;
    }
    group->pattern.count++;
    group->pattern.first_seen = found->record.timestamp;
    return true;
}

static int pattern_by_count(const void *a, const void *b)
{
    const struct pattern_group *left = a, *right = b;
    if (left->pattern.count != right->pattern.count)
        return left->pattern.count < right->pattern.count ? 1 : -1;
    return strcmp(left->pattern.example_id, right->pattern.example_id);
}

/* --- what never changes in a pattern --- */

static size_t pattern_placeholder(const char *at)
{
    static const char *const placeholders[] = {"#", "<id>", "<hex>", "<uuid>", "<address>", "…"};
    for (size_t i = 0; i < ARRAY_SIZE(placeholders); i++)
        if (strncmp(at, placeholders[i], strlen(placeholders[i])) == 0)
            return strlen(placeholders[i]);
    return 0;
}

/* The longest piece between placeholders, without blanks at its ends; NULL: there is none of two bytes or more. */
static const char *pattern_piece(const char *pattern, struct arena *arena)
{
    const char *best = NULL;
    size_t best_length = 1;
    for (const char *at = pattern; *at;) {
        size_t skipped = pattern_placeholder(at), length = 0;
        if (skipped == 0 && *at != ' ') {
            while (at[length] && pattern_placeholder(at + length) == 0)
                length++;
            skipped = length;
            while (length > 0 && at[length - 1] == ' ')
                length--;
        }
        if (length > best_length) {
            best = at;
            best_length = length;
        }
        at += skipped ? skipped : 1;
    }
    return best ? arena_strndup(arena, best, best_length) : NULL;
}

static void pattern_put_quoted(struct strbuf *out, const char *text)
{
    strbuf_putc(out, '"');
    for (; *text; text++) {
        if (*text == '"' || *text == '\\')
            strbuf_putc(out, '\\');
        strbuf_putc(out, *text);
    }
    strbuf_putc(out, '"');
}

static const char *pattern_query(const struct log_pattern *pattern, const char *piece, struct arena *arena)
{
    CLEANUP(strbuf_release) struct strbuf query = {0};
    strbuf_printf(&query, "level:%s", pattern->level);
    if (*pattern->source) {
        strbuf_puts(&query, " source:");
        pattern_put_quoted(&query, pattern->source);
    }
    if (piece) {
        strbuf_putc(&query, ' ');
        pattern_put_quoted(&query, piece);
    }
    return arena_strndup(arena, query.bytes, query.length);
}

/* --- was it there before? --- */

struct pattern_search {
    const struct pattern_scan *scan;
    const struct pattern_group *group;
    struct strbuf shape;
    size_t lines;
    bool found;
};

static bool pattern_compare(void *context, const struct found_log *found, struct error *err)
{
    struct pattern_search *search = context;
    (void)err;
    search->lines++;
    search->found =
        search->found || (pattern_hash(&found->record, &search->shape) == search->group->hash &&
                          strcmp(strbuf_text(&search->shape), search->group->pattern.pattern) == 0);
    return true;
}

static bool pattern_look_for(struct telemetry *telemetry, const struct log_filter *before,
                             const struct pattern_scan *scan, struct pattern_group *group, const char *piece,
                             int limit_ms, struct error *err)
{
    struct log_expression text = {.kind = LOG_TEXT, .value = piece};
    struct log_expression both = {.kind = LOG_AND, .left = &text, .right = before->text};
    struct log_filter filter = *before;
    struct pattern_search search = {.scan = scan, .group = group};
    struct log_search_end end = {0};
    filter.text = before->text ? &both : &text;
    filter.levels = LOG_LEVEL_BIT(group->level);
    filter.source = group->pattern.source;
    bool done = telemetry_search_logs(telemetry, &filter, NULL, LOOK_FOR_LINES, limit_ms, pattern_compare,
                                      &search, &end, err);
    strbuf_release(&search.shape);
    if (!done)
        return false;
    if (search.found)
        group->pattern.novelty = "known";
    else if (end.complete && search.lines < LOOK_FOR_LINES)
        group->pattern.novelty = "new";
    return true;
}

/* Of the patterns that are shown. */
static bool pattern_judge(struct telemetry *telemetry, const struct log_filter *before,
                          struct pattern_scan *scan, size_t shown, bool all_read, struct error *err)
{
    int64_t until = clock_monotonic_us() + LOOK_FOR_MS * 1000;
    for (size_t i = 0; i < shown; i++) {
        struct pattern_group *group = &scan->groups[i];
        const char *piece = pattern_piece(group->pattern.pattern, scan->arena);
        group->pattern.query = pattern_query(&group->pattern, piece, scan->arena);
        group->pattern.previous_count = all_read ? group->previous : INT_NULL;
        group->pattern.novelty = group->previous > 0 ? "known" : all_read ? "new" : "unknown";
        int64_t left = (until - clock_monotonic_us()) / 1000;
        if (all_read || group->previous > 0 || !piece || left <= 0 || !*group->pattern.source)
            continue;
        if (!pattern_look_for(telemetry, before, scan, group, piece, (int)left, err))
            return false;
    }
    return true;
}

bool logs_patterns(struct telemetry *telemetry, const struct log_filter *filter, int64_t now, size_t limit,
                   struct arena *arena, struct log_pattern_list *ret_list, struct error *err)
{
    CLEANUP(pattern_scan_release) struct pattern_scan scan = {.arena = arena};
    struct log_search_end end = {0}, end_before = {0};
    struct log_filter range = *filter, before;
    log_range_close(&range, now);
    scan.groups = arena_alloc(arena, GROUPS_MAX * sizeof(*scan.groups));
    if (!telemetry_search_logs(telemetry, &range, NULL, SCAN_LINES, SCAN_MS, pattern_take, &scan, &end, err))
        return false;
    before = range;
    before.start = range.start > DAY_MS ? range.start - DAY_MS : 1;
    before.end = range.start;
    scan.previous = true;
    if (!telemetry_search_logs(telemetry, &before, NULL, SCAN_LINES, SCAN_PREVIOUS_MS, pattern_take, &scan,
                               &end_before, err))
        return false;
    size_t patterns = scan.count, shown = limit < patterns ? limit : patterns;
    qsort(scan.groups, patterns, sizeof(*scan.groups), pattern_by_count);
    if (!pattern_judge(telemetry, &before, &scan, shown, end_before.complete && !*end_before.cursor, err))
        return false;
    struct log_pattern_list list = {.items = arena_alloc(arena, (shown + 1) * sizeof(*list.items)),
                                    .items_count = shown,
                                    .start_time = range.start,
                                    .end_time = range.end,
                                    .complete = end.complete && !*end.cursor,
                                    .lines = scan.lines,
                                    .patterns = (int64_t)patterns,
                                    .other_lines = scan.other_lines};
    list.counted_from = list.complete || scan.lines == 0 ? range.start : scan.oldest;
    for (size_t i = 0; i < shown; i++)
        list.items[i] = scan.groups[i].pattern;
    *ret_list = list;
    return true;
}
