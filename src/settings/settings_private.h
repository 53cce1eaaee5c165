/* What settings.c and settings_load.c share. */
#ifndef KIMONO_SETTINGS_SETTINGS_PRIVATE_H
#define KIMONO_SETTINGS_SETTINGS_PRIVATE_H

#include <pthread.h>
#include <stdatomic.h>

#include "settings/settings.h"

struct settings_box {
    pthread_mutex_t lock; /* of settings_refresh */
    const struct settings *_Atomic now;
    struct settings base;   /* default, file, environment, flags: what the store's values lie over */
    bool *given;            /* for each row of the table: by file, environment or flag */
    int64_t store_versions; /* of the newest snapshot */
    struct arena arena;     /* snapshots and texts */
};

struct settings_box *settings_box_new(void); /* `now` is not set yet */
void settings_publish(struct settings_box *box, const struct settings *settings);

/* Why a value is refused, without its name. */
struct complaint {
    char text[LANGUAGE_COUNT][120];
};
bool setting_convert(const struct setting *setting, const char *text, void *ret_value,
                     struct complaint *ret_complaint);
/* Converts into the member; a text is copied to the arena. */
bool setting_assign(const struct setting *setting, const char *text, struct settings *settings,
                    struct arena *arena, struct complaint *ret_complaint);

#endif
