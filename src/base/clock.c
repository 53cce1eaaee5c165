#include "base/clock.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/memory.h"

static char zone_name[64] = "UTC";

int64_t clock_now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t clock_monotonic_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

void clock_sleep_ms(int64_t ms)
{
    struct timespec left = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
    while (nanosleep(&left, &left) != 0 && errno == EINTR)
        ;
}

static int64_t floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}

/* Source: Howard Hinnant, chrono-compatible low-level date algorithms. */
int64_t clock_days_from_civil(int64_t year, unsigned month, unsigned day)
{
    year -= month <= 2;
    int64_t era = floor_div(year, 400);
    unsigned year_of_era = (unsigned)(year - era * 400);
    unsigned day_of_year = (153 * (month + (month > 2 ? -3u : 9u)) + 2) / 5 + day - 1;
    unsigned day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return era * 146097 + (int64_t)day_of_era - 719468;
}

void clock_civil_from_days(int64_t days, int *ret_year, unsigned *ret_month, unsigned *ret_day)
{
    days += 719468;
    int64_t era = floor_div(days, 146097);
    unsigned day_of_era = (unsigned)(days - era * 146097);
    unsigned year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    unsigned day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    unsigned shifted = (5 * day_of_year + 2) / 153;
    *ret_day = day_of_year - (153 * shifted + 2) / 5 + 1;
    *ret_month = shifted < 10 ? shifted + 3 : shifted - 9;
    *ret_year = (int)((int64_t)year_of_era + era * 400 + (*ret_month <= 2));
}

static void put_digits(char *at, unsigned value, int width)
{
    while (width-- > 0) {
        at[width] = (char)('0' + value % 10);
        value /= 10;
    }
}

void clock_format(int64_t ms, char text[static CLOCK_TEXT_SIZE])
{
    ms = ms < 0 ? 0 : ms > CLOCK_MS_MAX ? CLOCK_MS_MAX : ms;
    int year;
    unsigned month, day, in_day = (unsigned)(ms % DAY_MS);
    clock_civil_from_days(ms / DAY_MS, &year, &month, &day);
    memcpy(text, "0000-00-00T00:00:00.000Z", CLOCK_TEXT_SIZE);
    put_digits(text, (unsigned)year, 4);
    put_digits(text + 5, month, 2);
    put_digits(text + 8, day, 2);
    put_digits(text + 11, in_day / 3600000, 2);
    put_digits(text + 14, in_day / 60000 % 60, 2);
    put_digits(text + 17, in_day / 1000 % 60, 2);
    put_digits(text + 20, in_day % 1000, 3);
}

/* Reads exactly `width` digits. */
static bool clock_take_digits(const char **at, int width, unsigned *ret_value)
{
    unsigned value = 0;
    for (int i = 0; i < width; i++) {
        if (!isdigit((unsigned char)(*at)[i]))
            return false;
        value = value * 10 + (unsigned)((*at)[i] - '0');
    }
    *at += width;
    *ret_value = value;
    return true;
}

static bool clock_take_char(const char **at, const char *one_of)
{
    if (**at == '\0' || !strchr(one_of, **at))
        return false;
    (*at)++;
    return true;
}

static bool date_exists(unsigned year, unsigned month, unsigned day)
{
    if (month < 1 || month > 12 || day < 1)
        return false;
    unsigned next_month = month == 12 ? 1 : month + 1;
    int64_t length = clock_days_from_civil(month == 12 ? year + 1 : year, next_month, 1) -
                     clock_days_from_civil(year, month, 1);
    return day <= (unsigned)length;
}

static bool clock_take_date(const char **at, int64_t *ret_days)
{
    unsigned year, month, day;
    if (!clock_take_digits(at, 4, &year) || !clock_take_char(at, "-") || !clock_take_digits(at, 2, &month) ||
        !clock_take_char(at, "-") || !clock_take_digits(at, 2, &day) || !date_exists(year, month, day))
        return false;
    *ret_days = clock_days_from_civil(year, month, day);
    return true;
}

/* Fraction of a second in any number of digits; what is finer than a millisecond is cut off. */
static bool clock_take_fraction(const char **at, unsigned *ret_ms)
{
    *ret_ms = 0;
    if (**at != '.')
        return true;
    (*at)++;
    unsigned scale = 100;
    if (!isdigit((unsigned char)**at))
        return false;
    for (; isdigit((unsigned char)**at); (*at)++) {
        *ret_ms += scale * (unsigned)(**at - '0');
        scale /= 10;
    }
    return true;
}

static bool clock_take_offset(const char **at, int64_t *ret_minutes)
{
    *ret_minutes = 0;
    if (clock_take_char(at, "Zz"))
        return true;
    int sign = **at == '-' ? -1 : 1;
    unsigned hours, minutes;
    if (!clock_take_char(at, "+-") || !clock_take_digits(at, 2, &hours) || !clock_take_char(at, ":") ||
        !clock_take_digits(at, 2, &minutes) || hours > 23 || minutes > 59)
        return false;
    *ret_minutes = sign * (int64_t)(hours * 60 + minutes);
    return true;
}

static bool clock_parse_instant(const char *at, int64_t *ret_ms)
{
    int64_t days, offset;
    unsigned hour, minute, second, ms;
    if (!clock_take_date(&at, &days) || !clock_take_char(&at, "Tt ") || !clock_take_digits(&at, 2, &hour) ||
        !clock_take_char(&at, ":") || !clock_take_digits(&at, 2, &minute) || !clock_take_char(&at, ":") ||
        !clock_take_digits(&at, 2, &second) || !clock_take_fraction(&at, &ms) ||
        !clock_take_offset(&at, &offset))
        return false;
    if (*at || hour > 23 || minute > 59 || second > 60)
        return false;
    int64_t in_day = ((int64_t)hour * 60 + minute - offset) * MINUTE_MS + second * SECOND_MS + ms;
    *ret_ms = days * DAY_MS + in_day;
    return *ret_ms >= 0 && *ret_ms <= CLOCK_MS_MAX;
}

bool clock_parse(const char *text, int64_t *ret_ms, struct error *err)
{
    int64_t ms;
    if (!clock_parse_instant(text, &ms))
        return error_set(err, ERROR_INVALID,
                         "'%.40s' is not a time: write 2026-11-22T06:48:26.062Z, with a zone.",
                         "“%.40s”不是时间：应为 2026-11-22T06:48:26.062Z，须带时区。", text);
    *ret_ms = ms;
    return true;
}

/* A compiled zone: not a folder of zones, not a table of them. */
static bool is_zone_file(const char *path)
{
    char magic[4];
    FILE *file = fopen(path, "re");
    bool read = file && fread(magic, 1, sizeof(magic), file) == sizeof(magic);
    if (file)
        fclose(file);
    return read && memcmp(magic, "TZif", sizeof(magic)) == 0;
}

bool clock_set_zone(const char *name, struct error *err)
{
    char path[128];
    int length = snprintf(path, sizeof(path), "/usr/share/zoneinfo/%s", name);
    bool plain = name[0] && !strstr(name, "..") && name[0] != '/';
    if (!plain || length >= (int)sizeof(path) || strlen(name) >= sizeof(zone_name) || !is_zone_file(path))
        return error_set(err, ERROR_INVALID,
                         "unknown time zone '%.60s': use an IANA name such as Asia/Shanghai (package tzdata)",
                         "未知时区“%.60s”：请使用 Asia/Shanghai 这样的 IANA 名称（软件包 tzdata）", name);
    setenv("TZ", name, 1);
    tzset();
    snprintf(zone_name, sizeof(zone_name), "%s", name);
    return true;
}

const char *clock_zone(void)
{
    return zone_name;
}

static struct tm clock_local_parts(int64_t ms)
{
    time_t seconds = (time_t)floor_div(ms, 1000);
    struct tm parts;
    localtime_r(&seconds, &parts);
    return parts;
}

/* Most questions are about the present day: each thread keeps the bounds of the day it last met. */
int32_t clock_day(int64_t ms)
{
    static _Thread_local int64_t start = 0, end = 0;
    static _Thread_local int32_t day = 0;
    if (ms >= start && ms < end)
        return day;
    struct tm parts = clock_local_parts(ms);
    day = (int32_t)clock_days_from_civil(parts.tm_year + 1900, (unsigned)parts.tm_mon + 1,
                                         (unsigned)parts.tm_mday);
    start = clock_day_start(day);
    end = clock_day_start(day + 1);
    return day;
}

int64_t clock_day_start(int32_t day)
{
    int year;
    unsigned month, of_month;
    clock_civil_from_days(day, &year, &month, &of_month);
    struct tm parts = {
        .tm_year = year - 1900, .tm_mon = (int)month - 1, .tm_mday = (int)of_month, .tm_isdst = -1};
    return (int64_t)mktime(&parts) * 1000;
}

void clock_day_format(int32_t day, char text[static CLOCK_DAY_SIZE])
{
    int year;
    unsigned month, of_month;
    clock_civil_from_days(day, &year, &month, &of_month);
    memcpy(text, "0000-00-00", CLOCK_DAY_SIZE);
    put_digits(text, (unsigned)year % 10000, 4);
    put_digits(text + 5, month, 2);
    put_digits(text + 8, of_month, 2);
}

bool clock_day_parse(const char *text, int32_t *ret_day)
{
    int64_t days;
    if (!clock_take_date(&text, &days) || *text)
        return false;
    *ret_day = (int32_t)days;
    return true;
}

int64_t clock_month_start(int64_t ms, int months_on)
{
    struct tm parts = clock_local_parts(ms);
    struct tm first = {
        .tm_year = parts.tm_year, .tm_mon = parts.tm_mon + months_on, .tm_mday = 1, .tm_isdst = -1};
    return (int64_t)mktime(&first) * 1000;
}

void clock_local_time(int64_t ms, int *ret_hour, int *ret_weekday)
{
    struct tm parts = clock_local_parts(ms);
    *ret_hour = parts.tm_hour;
    *ret_weekday = parts.tm_wday;
}

void clock_duration_format(int64_t seconds, enum language language, char text[static CLOCK_DURATION_SIZE])
{
    static const struct {
        int64_t seconds;
        const char *names[LANGUAGE_COUNT];
    } units[] = {{86400, {"d", "天"}}, {3600, {"h", "小时"}}, {60, {"min", "分"}}, {1, {"s", "秒"}}};
    size_t unit = 0;
    seconds = seconds > 0 ? seconds : 0;
    while (unit < ARRAY_SIZE(units) - 1 && seconds < units[unit].seconds)
        unit++;
    int64_t whole = seconds / units[unit].seconds, rest = seconds % units[unit].seconds;
    int length = snprintf(text, CLOCK_DURATION_SIZE, "%" PRId64 " %s", whole, units[unit].names[language]);
    if (unit == ARRAY_SIZE(units) - 1 || rest < units[unit + 1].seconds)
        return;
    snprintf(text + length, CLOCK_DURATION_SIZE - (size_t)length, " %" PRId64 " %s",
             rest / units[unit + 1].seconds, units[unit + 1].names[language]);
}

/* ---- for libraries ---- */

/* Libraries (libxlsxwriter) call these, which the C library answers from one buffer for all threads. */

struct tm *gmtime(const time_t *timer)
{
    static _Thread_local struct tm parts;
    return gmtime_r(timer, &parts);
}

struct tm *localtime(const time_t *timer)
{
    static _Thread_local struct tm parts;
    return localtime_r(timer, &parts);
}
