#include "telemetry/usage_totals.h"

#include <inttypes.h>
#include <string.h>

#include "base/memory.h"
#include "base/strbuf.h"
#include "telemetry/rollup.h"

static const struct {
    const char *name;
    size_t offset;
} sums[] = {
#define SUM(member)                                                                                          \
    {                                                                                                        \
#member, offsetof(struct usage_totals, member)                                                       \
    }
    SUM(calls),
    SUM(failed),
    SUM(unpriced),
    SUM(estimated),
    SUM(aborted),
    SUM(tokens_input),
    SUM(tokens_output),
    SUM(tokens_cached),
    SUM(latency_sum_ms),
    SUM(cost_nano_cny),
    SUM(estimated_cost_nano_cny),
#undef SUM
};

static int64_t *usage_totals_sum_at(struct usage_totals *totals, size_t i)
{
    return (int64_t *)(void *)((char *)totals + sums[i].offset);
}

static int64_t usage_totals_sum(const struct usage_totals *totals, size_t i)
{
    return *(const int64_t *)(const void *)((const char *)totals + sums[i].offset);
}

struct usage_part usage_part_of_row(const struct db_rows *rows, bool has_histogram)
{
    struct usage_part part = {.hour = db_column_int(rows, 0),
                              .api_type = db_column_text(rows, 1),
                              .operation = db_column_text(rows, 2),
                              .model = db_column_text(rows, 3),
                              .tenant_id = db_column_text(rows, 4)};
    int64_t *values = (int64_t *)(void *)&part.sums;
    for (size_t i = 0; i < USAGE_SUM_COUNT; i++)
        values[i] = db_column_int(rows, 5 + (int)i);
    if (has_histogram)
        part.histogram = db_column_bytes(rows, 5 + (int)USAGE_SUM_COUNT, &part.histogram_length);
    return part;
}

bool usage_totals_add_row(struct usage_totals *totals, const struct db_rows *rows, int first,
                          struct error *err)
{
    for (size_t i = 0; i < ARRAY_SIZE(sums); i++)
        *usage_totals_sum_at(totals, i) =
            sum_add(usage_totals_sum(totals, i), db_column_int(rows, first + (int)i));
    size_t length;
    const void *blob = db_column_bytes(rows, first + (int)ARRAY_SIZE(sums), &length);
    return histogram_merge_blob(&totals->latency, blob, length) ||
           error_set(err, ERROR_INTERNAL, "A usage histogram cannot be read: run kimono check.",
                     "用量直方图无法读取：请运行 kimono check。");
}

void usage_totals_add(struct usage_totals *totals, const struct usage_totals *more)
{
    for (size_t i = 0; i < ARRAY_SIZE(sums); i++)
        *usage_totals_sum_at(totals, i) = sum_add(usage_totals_sum(totals, i), usage_totals_sum(more, i));
    histogram_merge(&totals->latency, &more->latency);
}

void usage_totals_values(const struct usage_totals *totals, unsigned char blob[static HISTOGRAM_BLOB_MAX],
                         struct db_value values[static SUM_COLUMN_COUNT])
{
    for (size_t i = 0; i < ARRAY_SIZE(sums); i++)
        values[i] = db_int(usage_totals_sum(totals, i));
    values[ARRAY_SIZE(sums)] = db_bytes(blob, histogram_encode(&totals->latency, blob));
}

bool usage_totals_compare(const struct usage_totals *found, const struct usage_totals *right,
                          struct strbuf *ret_difference)
{
    bool equal = true;
    for (size_t i = 0; i < ARRAY_SIZE(sums); i++) {
        if (usage_totals_sum(found, i) == usage_totals_sum(right, i))
            continue;
        strbuf_printf(ret_difference, "%s%s %" PRId64 ", not %" PRId64, equal ? "" : "; ", sums[i].name,
                      usage_totals_sum(found, i), usage_totals_sum(right, i));
        equal = false;
    }
    if (!histogram_agrees(&found->latency, &right->latency)) {
        strbuf_printf(ret_difference, "%slatency_histogram differs", equal ? "" : "; ");
        equal = false;
    }
    return equal;
}
