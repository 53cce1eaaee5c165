/* The demonstration's main store: shops, their people and pairs, conversations and feedback, and the
 * readings of the last days. */
#ifndef KIMONO_CLI_DEMO_HISTORY_H
#define KIMONO_CLI_DEMO_HISTORY_H

#include "base/error.h"
#include "cli/demo_plan.h"
#include "platform/platform.h"

bool demo_shops_load(struct platform *platform, struct demo_plan *plan, struct error *err);
/* Common templates, with pairs of the shops as their copies. */
bool demo_templates_load(struct platform *platform, struct demo_plan *plan, struct error *err);
/* Fills the plan's buckets with conversations. */
bool demo_chats_load(struct platform *platform, struct demo_plan *plan, struct error *err);
/* What has become of the shops: what operators did, jobs, a sync that fails. */
bool demo_story_load(struct platform *platform, struct demo_plan *plan, struct error *err);
bool demo_readings_load(struct platform *platform, const struct demo_plan *plan, struct error *err);

#endif
