#include <inttypes.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/identifier.h"
#include "base/log.h"
#include "store/driver.h"

#define DELAY_US INT64_C(100000)
#define DELAY_US_MAX INT64_C(2000000)
#define PATIENCE_US INT64_C(3000000) /* by which a reader's try comes behind a writer's */
#define LOG_US INT64_C(60000000)     /* between two lines about the same outage */

void db_reach_init(struct db_reach *reach)
{
    *reach = (struct db_reach){.lost_since = INT_NULL};
    pthread_mutex_init(&reach->lock, NULL);
}

void db_reach_destroy(struct db_reach *reach)
{
    pthread_mutex_destroy(&reach->lock);
}

bool db_reach_may_try(struct db_reach *reach, bool patient)
{
    pthread_mutex_lock(&reach->lock);
    bool lost = reach->lost_since != INT_NULL;
    int64_t due_us = reach->retry_at_us + (patient ? PATIENCE_US : 0);
    bool may = !lost || (!reach->trying && clock_monotonic_us() >= due_us);
    reach->trying |= lost && may;
    pthread_mutex_unlock(&reach->lock);
    return may;
}

static void reach_note_failure(struct db_reach *reach, const char *reason, int64_t now_us)
{
    if (reach->lost_since == INT_NULL) {
        reach->lost_since = clock_now_ms();
        reach->lost_us = now_us;
        reach->retry_delay_us = 0;
        reach->logged_us = now_us - LOG_US;
    }
    snprintf(reach->reason, sizeof(reach->reason), "%s", reason);
    if (reach->retry_delay_us && now_us < reach->retry_at_us)
        return; /* begun before the outage was found */
    int64_t longer = reach->retry_delay_us ? 2 * reach->retry_delay_us : DELAY_US;
    reach->retry_delay_us = longer < DELAY_US_MAX ? longer : DELAY_US_MAX;
    uint32_t random; /* so that many processes do not come back in step */
    random_bytes(&random, sizeof(random));
    int64_t half_us = reach->retry_delay_us / 2;
    reach->retry_at_us = now_us + half_us + (int64_t)(random % (uint32_t)(half_us + 1));
    if (now_us - reach->logged_us < LOG_US)
        return;
    log_error("store", "the database cannot be reached, it is tried again and again: %s", reason);
    reach->logged_us = now_us;
}

void db_reach_note(struct db_reach *reach, const char *reason)
{
    int64_t now_us = clock_monotonic_us();
    pthread_mutex_lock(&reach->lock);
    reach->trying = false;
    if (reason) {
        reach_note_failure(reach, reason, now_us);
    } else if (reach->lost_since != INT_NULL) {
        log_info("store", "the database can be reached again, after %" PRId64 " s",
                 (now_us - reach->lost_us) / 1000000);
        reach->lost_since = INT_NULL;
    }
    pthread_mutex_unlock(&reach->lock);
}
