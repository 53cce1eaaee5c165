#include <math.h>
#include <string.h>

#include "base/utf8.h"
#include "ops/knowledge_internal.h"

/* How qa_pairs.list_group is made up (store/schema.c): ((category × 8 + source) × 2 + synced) × 8 + quality. */
#define QUALITIES 8
#define STATES 2
#define SOURCES 8
#define CATEGORIES 64
#define CATEGORY_STRIDE (SOURCES * STATES * QUALITIES)

#define GROUPS_GUESS 64 /* room to begin with */

const char *const pair_sources[] = {"manual", "import", "learned", "template", "demo", NULL};

#define JUST_ABOVE_HALF 0x1.0000000000001p-1

/* Pairs that nobody has judged have 0.5, and are the most by far: they are a part of their own. */
static const struct {
    double min, max;
    bool has_max; /* else the highest belongs to the next part */
} qualities[QUALITIES] = {
    {-INFINITY, 0.3, false}, {0.3, 0.5, false}, {0.5, 0.5, true},  {JUST_ABOVE_HALF, 0.6, false},
    {0.6, 0.7, false},       {0.7, 0.8, false}, {0.8, 0.9, false}, {0.9, INFINITY, true},
};

/* Does a part of quality hold what is between the filter's bounds, and anything else too? */
static bool part_admits(const struct qa_filter *filter, int64_t part, bool *ret_at_edge)
{
    double min = qualities[part].min, max = qualities[part].max;
    bool below = max < filter->quality_min || (max == filter->quality_min && !qualities[part].has_max);
    *ret_at_edge = min < filter->quality_min || max > filter->quality_max;
    return !below && !(min > filter->quality_max);
}

static int64_t source_number(const char *source)
{
    int64_t number = 0;
    while (pair_sources[number] && strcmp(pair_sources[number], source) != 0)
        number++;
    return number;
}

/* Of valid UTF-8; 0 at the end of the text. */
static int64_t code_point(const char *at)
{
    const unsigned char *s = (const unsigned char *)at;
    if (s[0] < 0x80)
        return s[0];
    if (s[0] < 0xE0)
        return (s[0] & 0x1F) << 6 | (s[1] & 0x3F);
    if (s[0] < 0xF0)
        return (s[0] & 0x0F) << 12 | (s[1] & 0x3F) << 6 | (s[2] & 0x3F);
    return (s[0] & 0x07) << 18 | (s[1] & 0x3F) << 12 | (s[2] & 0x3F) << 6 | (s[3] & 0x3F);
}

static int64_t category_number(const char *category)
{
    size_t length = strlen(category);
    const char *last = length > 0 ? category + utf8_cut(category, length, length - 1) : category;
    return (code_point(category) * 31 + code_point(last)) % CATEGORIES;
}

/* Does the group hold pairs that the filter admits? */
static bool admits(const struct qa_filter *filter, int64_t number, bool *ret_at_edge)
{
    int64_t synced = number / QUALITIES % STATES, source = number / QUALITIES / STATES % SOURCES;
    return (filter->is_synced == SYNCED_ANY || synced == (int64_t)filter->is_synced) &&
           (!filter->source || source == source_number(filter->source)) &&
           part_admits(filter, number % QUALITIES, ret_at_edge);
}

static const char SQL_NEXT_GROUP[] = "SELECT MIN(list_group) FROM qa_pairs WHERE list_group > $1";

bool groups_find(struct db *db, const struct qa_filter *filter, struct arena *arena,
                 struct list_group **ret_groups, size_t *ret_count, struct error *err)
{
    int64_t first = filter->category ? category_number(filter->category) * CATEGORY_STRIDE : 0;
    int64_t end = filter->category ? first + CATEGORY_STRIDE : CATEGORIES * CATEGORY_STRIDE;
    size_t count = 0, room = GROUPS_GUESS;
    struct list_group *groups = arena_alloc(arena, room * sizeof(*groups));
    for (int64_t number = first - 1;;) {
        if (!db_find_int(db, SQL_NEXT_GROUP, DB_ARGS(db_int(number)), end, &number, err))
            return false;
        if (number >= end)
            break;
        if (count == room) {
            struct list_group *larger = arena_alloc(arena, 2 * room * sizeof(*larger));
            memcpy(larger, groups, room * sizeof(*groups));
            groups = larger;
            room *= 2;
        }
        groups[count].number = number;
        count += admits(filter, number, &groups[count].at_edge);
    }
    *ret_groups = groups;
    *ret_count = count;
    return true;
}

/* $1 group, $8 at most. */
static const char SQL_COUNT_IN_GROUP[] =
    "SELECT COUNT(*) FROM (SELECT 1 FROM qa_pairs WHERE list_group = $1 AND quality_score >= $5"
    " AND quality_score <= $6 AND (CAST($2 AS TEXT) IS NULL OR category = $2)"
    " AND (CAST($7 AS TEXT) IS NULL OR tenant_id = $7) LIMIT $8) admitted";

bool groups_count(struct db *db, const struct qa_filter *filter, int64_t enough, struct arena *arena,
                  int64_t *ret_count, struct error *err)
{
    struct list_group *groups;
    size_t group_count;
    int64_t total = 0;
    double min = isnan(filter->quality_min) ? -1 : filter->quality_min;
    double max = isnan(filter->quality_max) ? 2 : filter->quality_max;
    if (!groups_find(db, filter, arena, &groups, &group_count, err))
        return false;
    for (size_t i = 0; i < group_count && total < enough; i++) {
        int64_t counted;
        if (!db_find_int(db, SQL_COUNT_IN_GROUP,
                         DB_ARGS(db_int(groups[i].number), db_text(filter->category), db_null(), db_null(),
                                 db_real(min), db_real(max), db_text(filter->tenant_id),
                                 db_int(enough - total)),
                         0, &counted, err))
            return false;
        total += counted;
    }
    *ret_count = total;
    return true;
}
