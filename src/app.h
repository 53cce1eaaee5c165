/* The application: builds everything in order and takes it down in reverse order. `kimono serve` needs
 * all of it; the other commands only the store and, some, telemetry and the services. */
#ifndef KIMONO_APP_H
#define KIMONO_APP_H

#include "base/error.h"
#include "platform/jobs/jobs.h"
#include "platform/jobs/scheduler.h"
#include "platform/platform.h"
#include "settings/settings.h"

#define KIMONO_VERSION "0.1.0"

enum app_depth {
    APP_STORE,     /* the main store, migrated */
    APP_TELEMETRY, /* and telemetry */
    APP_SERVICES,  /* and retrieval, the embedded models: what the command line may call */
    APP_SERVER,    /* and the scheduler and the HTTP server */
};

struct app;

struct app_options {
    struct settings_box *settings; /* lent */
    enum app_depth depth;
    enum store_durability durability;
    bool must_exist; /* refuse to create the store: for commands that only read */
};

/* Opens the store in the settings' data folder (made with mode 0700) and what stands on it. */
bool app_open(struct app **ret_app, const struct app_options *options, struct error *err);
void app_close(struct app *app); /* takes NULL */

/* Writes a backup of the open store; not into the data folder. */
bool app_backup(struct app *app, const char *file, struct error *err);
/* Puts a backup in the place of the store in the settings' data folder, on which nothing may run. */
bool app_restore(struct settings_box *settings, const char *file, struct error *err);

struct platform *app_platform(struct app *app);
/* The rooms whose rows are done on a schedule (from APP_SERVICES on, whether they run or not), and as jobs. */
const struct scheduled_room *app_scheduled_rooms(const struct app *app, size_t *ret_count);
const struct job_kinds *const *app_job_rooms(size_t *ret_count);
int app_port(const struct app *app); /* where the server listens */

#endif
