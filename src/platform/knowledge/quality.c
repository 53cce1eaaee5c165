#include "platform/knowledge/quality.h"

#include <inttypes.h>

#include "base/clock.h"
#include "base/descriptor.h"

#define SILENT_ANSWERS 20.0 /* weigh as much as one good feedback */
#define SILENT_MAX 4.0
#define QUARTER_DAYS 91
#define QUARTERS_MAX 10
#define LOSS_EACH_QUARTER 0.02

static int64_t quality_silent_answers(const struct quality_evidence *evidence)
{
    int64_t silent = evidence->hits - evidence->good - evidence->bad;
    return silent > 0 ? silent : 0;
}

/* Those that count. */
static int64_t quality_quarters(const struct quality_evidence *evidence, int64_t now)
{
    int64_t passed = quality_age_days(evidence, now) / QUARTER_DAYS;
    if (evidence->good > 0)
        return 0;
    return passed < QUARTERS_MAX ? passed : QUARTERS_MAX;
}

int64_t quality_age_days(const struct quality_evidence *evidence, int64_t now)
{
    return now > evidence->edited_at ? (now - evidence->edited_at) / DAY_MS : 0;
}

double quality_score(const struct quality_evidence *evidence, int64_t now)
{
    double good = (double)evidence->good, bad = (double)evidence->bad;
    double silent = (double)quality_silent_answers(evidence) / SILENT_ANSWERS;
    silent = silent < SILENT_MAX ? silent : SILENT_MAX;
    double base = (good + silent + 1) / (good + bad + silent + 2);
    return base * (1 - LOSS_EACH_QUARTER * (double)quality_quarters(evidence, now));
}

int64_t quality_due_at(const struct quality_evidence *evidence, int64_t now)
{
    int64_t passed = quality_quarters(evidence, now);
    if (evidence->good > 0 || passed == QUARTERS_MAX)
        return INT_NULL;
    return evidence->edited_at + (passed + 1) * QUARTER_DAYS * DAY_MS;
}

static const char *quality_explain_en(const struct quality_evidence *e, int64_t now, struct arena *arena)
{
    int64_t lost = quality_quarters(e, now);
    const char *age =
        lost > 0
            ? arena_printf(arena, "; %" PRId64 " days old and never confirmed, so it loses %" PRId64 " %%",
                           quality_age_days(e, now), lost * 2)
            : "";
    if (e->hits == 0 && e->good == 0 && e->bad == 0)
        return arena_printf(arena, "No evidence yet: it has given no answer, so it stands in the middle%s.",
                            age);
    return arena_printf(arena,
                        "%" PRId64 " answers: %" PRId64 " found good, %" PRId64 " found bad, %" PRId64
                        " without feedback, 20 of which weigh as much as one good%s.",
                        e->hits, e->good, e->bad, quality_silent_answers(e), age);
}

static const char *quality_explain_zh(const struct quality_evidence *e, int64_t now, struct arena *arena)
{
    int64_t lost = quality_quarters(e, now);
    const char *age = lost > 0 ? arena_printf(arena, "；%" PRId64 " 天未修改且从未获好评，扣减 %" PRId64 "%%",
                                              quality_age_days(e, now), lost * 2)
                               : "";
    if (e->hits == 0 && e->good == 0 && e->bad == 0)
        return arena_printf(arena, "尚无依据：还没有用它回答过，取中间值%s。", age);
    return arena_printf(arena,
                        "共回答 %" PRId64 " 次：好评 %" PRId64 "，差评 %" PRId64 "，无反馈 %" PRId64
                        "（每 20 次约等于一次好评）%s。",
                        e->hits, e->good, e->bad, quality_silent_answers(e), age);
}

const char *quality_explain(const struct quality_evidence *evidence, int64_t now, enum language language,
                            struct arena *arena)
{
    return language == LANGUAGE_ZH ? quality_explain_zh(evidence, now, arena)
                                   : quality_explain_en(evidence, now, arena);
}
