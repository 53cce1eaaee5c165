/* The time zone of 'today' belongs to the store: what was counted by days stays right whoever opens it. The
 * setting `timezone` is its default when a store is made. */
#ifndef KIMONO_SETTINGS_STORE_ZONE_H
#define KIMONO_SETTINGS_STORE_ZONE_H

#include <stdbool.h>

#include "settings/settings.h"

/* Sets the clock's zone to the store's. A store that has none yet takes the setting's, and keeps it if nothing
 * has been counted, if the setting was given, or if this process `serves` and so counts: a command that happens
 * to look at an old store first must not decide it. As long as nothing has been counted (`has_days`: there are
 * days of telemetry) a setting that is given still moves it; later one that differs is named in a warning, and
 * not obeyed. */
bool store_zone_choose(struct store *store, const struct settings_box *box, bool has_days, bool serves,
                       struct error *err);

#endif
