/* Time: instants are milliseconds since 1970 in UTC (int64_t, `_ms` or `_at`); a day is the number
 * of days since 1970-01-01 in the configured zone (int32_t). Durations come from the monotonic clock,
 * so that a wall clock that jumps never makes one negative. */
#ifndef KIMONO_BASE_CLOCK_H
#define KIMONO_BASE_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

#define CLOCK_TEXT_SIZE 25                    /* "2026-11-22T06:48:26.062Z" and a NUL */
#define CLOCK_DAY_SIZE 11                     /* "2026-11-22" and a NUL */
#define CLOCK_DURATION_SIZE 48                /* "4 min 57 s" and a NUL */
#define CLOCK_MS_MAX INT64_C(253402300799999) /* the end of the year 9999 */

#define SECOND_MS INT64_C(1000)
#define MINUTE_MS (60 * SECOND_MS)
#define HOUR_MS (60 * MINUTE_MS)
#define DAY_MS (24 * HOUR_MS)

int64_t clock_now_ms(void);
int64_t clock_monotonic_us(void);
void clock_sleep_ms(int64_t ms); /* not less, whatever signal comes */

/* RFC 3339 in UTC with milliseconds. */
void clock_format(int64_t ms, char text[static CLOCK_TEXT_SIZE]);
/* RFC 3339 with any offset; a time without a zone is refused. ERROR_INVALID. */
bool clock_parse(const char *text, int64_t *ret_ms, struct error *err);

/* The zone of 'today': an IANA name. To be called once, before threads that ask for days start (it sets TZ). */
bool clock_set_zone(const char *name, struct error *err);
const char *clock_zone(void);

int32_t clock_day(int64_t ms);        /* the day in which the instant lies */
int64_t clock_day_start(int32_t day); /* its first millisecond; the next day's start ends it */
void clock_day_format(int32_t day, char text[static CLOCK_DAY_SIZE]);
bool clock_day_parse(const char *text, int32_t *ret_day);
int64_t clock_month_start(int64_t ms, int months_on); /* start of the instant's month, months later */
void clock_local_time(int64_t ms, int *ret_hour, int *ret_weekday /* 0 Sunday */);

/* Days since 1970-01-01 of a civil date (proleptic Gregorian), and back. */
int64_t clock_days_from_civil(int64_t year, unsigned month, unsigned day);
void clock_civil_from_days(int64_t days, int *ret_year, unsigned *ret_month, unsigned *ret_day);

/* A length of time for a person, in its two largest units: "4 min 57 s", "4 分 57 秒", "2 h", "3 天 4 小时". The
 * console's pages say it the same way (format.js). */
void clock_duration_format(int64_t seconds, enum language language, char text[static CLOCK_DURATION_SIZE]);

#endif
