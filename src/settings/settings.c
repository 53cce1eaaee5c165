/* The table, its values, the snapshot in force. Where values come from: settings_load.c. */
#include "settings/settings.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/log.h"
#include "base/memory.h"
#include "http/networks.h"
#include "settings/settings_private.h"

const struct setting settings_table[] = {
#define X(member_, category_, name_, type_, min_, max_, fallback_, unit_, apply_, en_, zh_)                  \
    {.category = category_,                                                                                  \
     .name = name_,                                                                                          \
     .type = SETTING_##type_,                                                                                \
     .apply = SETTING_##apply_,                                                                              \
     .minimum = min_,                                                                                        \
     .maximum = max_,                                                                                        \
     .default_text = fallback_,                                                                              \
     .unit = unit_,                                                                                          \
     .text = {en_, zh_},                                                                                     \
     .offset = offsetof(struct settings, member_)},
    SETTINGS_TABLE(X)
#undef X
};
const size_t settings_count = ARRAY_SIZE(settings_table);

const struct setting *setting_find(const char *category, const char *name)
{
    for (size_t i = 0; i < settings_count; i++)
        if (strcmp(settings_table[i].category, category) == 0 && strcmp(settings_table[i].name, name) == 0)
            return &settings_table[i];
    return NULL;
}

void setting_environment(const struct setting *setting, char ret_name[static SETTING_ENVIRONMENT_SIZE])
{
    bool live = setting->apply == SETTING_LIVE;
    snprintf(ret_name, SETTING_ENVIRONMENT_SIZE, "KIMONO_%s%s%s", live ? setting->category : "",
             live ? "_" : "", setting->name);
    for (char *at = ret_name; *at; at++)
        *at = (char)toupper((unsigned char)*at);
}

/* --- texts that are more than a text: each check gives the text in its one form, NULL if it is wrong */

static const char *setting_check_listen(const char *text)
{
    const char *colon = strrchr(text, ':');
    if (!colon || colon == text || strspn(colon + 1, "0123456789") != strlen(colon + 1))
        return NULL;
    size_t digits = strlen(colon + 1);
    bool bracketed = text[0] == '[' && colon[-1] == ']';
    bool plain_host = !memchr(text, ':', (size_t)(colon - text));
    bool port = digits >= 1 && digits <= 5 && strtol(colon + 1, NULL, 10) <= 65535;
    return port && (bracketed || plain_host) ? text : NULL;
}

static const char *setting_check_not_empty(const char *text)
{
    return text[0] ? text : NULL;
}

static const char *setting_check_database(const char *text)
{
    bool known =
        text[0] == '\0' || strncmp(text, "postgresql://", 13) == 0 || strncmp(text, "postgres://", 11) == 0;
    return known ? text : NULL;
}

static const char *setting_check_networks(const char *text)
{
    struct network_list list;
    return networks_parse(text, &list) ? text : NULL;
}

static const char *setting_check_origin(const char *text)
{
    if (text[0] == '\0')
        return text;
    size_t scheme = strncmp(text, "https://", 8) == 0 ? 8 : strncmp(text, "http://", 7) == 0 ? 7 : 0;
    const char *host = text + scheme;
    return scheme && host[0] && host[strcspn(host, "/?#@ ")] == '\0' ? text : NULL;
}

static const char *setting_check_log_level(const char *text)
{
    for (enum log_level level = LOG_DEBUG; level <= LOG_ERROR; level++)
        if (strcasecmp(text, log_level_name(level)) == 0)
            return log_level_name(level);
    return NULL;
}

static const struct text_check {
    const char *category, *name;
    const char *(*check)(const char *text);
    const char *wrong[LANGUAGE_COUNT];
} text_checks[] = {
    {"server",
     "listen",
     setting_check_listen,
     {"write HOST:PORT, as 127.0.0.1:8080", "应为 主机:端口，如 127.0.0.1:8080"}},
    {"server", "data", setting_check_not_empty, {"must name a folder", "须为目录名"}},
    {"server",
     "database",
     setting_check_database,
     {"write postgresql://USER@HOST/NAME, or leave it empty", "应为 postgresql://用户@主机/库名，或留空"}},
    {"server",
     "timezone",
     setting_check_not_empty,
     {"write an IANA name, as Asia/Shanghai", "应为 IANA 时区名，如 Asia/Shanghai"}},
    {"server",
     "trusted_proxy",
     setting_check_networks,
     {"write addresses and networks, as 10.0.0.1, 10.1.0.0/16, fd00::/8",
      "应为地址或网段，如 10.0.0.1, 10.1.0.0/16, fd00::/8"}},
    {"server",
     "public_origin",
     setting_check_origin,
     {"write https://HOST without a path", "应为 https://主机，不带路径"}},
    {"server",
     "log_level",
     setting_check_log_level,
     {"one of DEBUG, INFO, WARN, ERROR", "应为 DEBUG、INFO、WARN 或 ERROR"}},
};

static bool setting_refuse(struct complaint *ret_complaint, const char *en, const char *zh)
{
    snprintf(ret_complaint->text[LANGUAGE_EN], sizeof(ret_complaint->text[0]), "%s", en);
    snprintf(ret_complaint->text[LANGUAGE_ZH], sizeof(ret_complaint->text[0]), "%s", zh);
    return false;
}

static bool setting_convert_text(const struct setting *setting, const char *text, void *ret_value,
                                 struct complaint *ret_complaint)
{
    for (size_t i = 0; i < ARRAY_SIZE(text_checks); i++) {
        const struct text_check *rule = &text_checks[i];
        if (strcmp(rule->category, setting->category) != 0 || strcmp(rule->name, setting->name) != 0)
            continue;
        text = rule->check(text);
        if (!text)
            return setting_refuse(ret_complaint, rule->wrong[LANGUAGE_EN], rule->wrong[LANGUAGE_ZH]);
    }
    memcpy(ret_value, &text, sizeof(text));
    return true;
}

static bool setting_convert_bool(const struct setting *setting, const char *text, void *ret_value,
                                 struct complaint *ret_complaint)
{
    static const char *const words[2][4] = {{"off", "false", "no", "0"}, {"on", "true", "yes", "1"}};
    (void)setting;
    for (int value = 0; value < 2; value++)
        for (size_t i = 0; i < ARRAY_SIZE(words[0]); i++)
            if (strcasecmp(text, words[value][i]) == 0) {
                *(bool *)ret_value = value;
                return true;
            }
    return setting_refuse(ret_complaint, "neither on nor off", "应为 on 或 off");
}

static bool setting_check_bounds(const struct setting *setting, double value, struct complaint *ret_complaint)
{
    if (value >= setting->minimum && value <= setting->maximum)
        return true;
    char en[120], zh[120];
    snprintf(en, sizeof(en), "must be %.15g to %.15g%s%s", setting->minimum, setting->maximum,
             setting->unit[0] ? " " : "", setting->unit);
    snprintf(zh, sizeof(zh), "须在 %.15g 到 %.15g 之间", setting->minimum, setting->maximum);
    return setting_refuse(ret_complaint, en, zh);
}

static bool setting_convert_int(const struct setting *setting, const char *text, void *ret_value,
                                struct complaint *ret_complaint)
{
    char *end;
    errno = 0;
    long long value = strtoll(text, &end, 10);
    if (end == text || *end || isspace((unsigned char)text[0]))
        return setting_refuse(ret_complaint, "not a whole number", "不是整数");
    if (errno == ERANGE)
        value = value < 0 ? INT64_MIN : INT64_MAX;
    if (!setting_check_bounds(setting, (double)value, ret_complaint))
        return false;
    *(int64_t *)ret_value = value;
    return true;
}

/* Decimal only: strtod would also take "inf", "nan" and hexadecimal. */
static bool setting_convert_real(const struct setting *setting, const char *text, void *ret_value,
                                 struct complaint *ret_complaint)
{
    char *end;
    double value = strtod(text, &end);
    if (end == text || *end || text[strspn(text, "+-.0123456789eE")] || !isfinite(value))
        return setting_refuse(ret_complaint, "not a number", "不是数字");
    if (!setting_check_bounds(setting, value, ret_complaint))
        return false;
    *(double *)ret_value = value;
    return true;
}

bool setting_convert(const struct setting *setting, const char *text, void *ret_value,
                     struct complaint *ret_complaint)
{
    static bool (*const convert[])(const struct setting *, const char *, void *, struct complaint *) = {
        [SETTING_INT] = setting_convert_int,
        [SETTING_REAL] = setting_convert_real,
        [SETTING_BOOL] = setting_convert_bool,
        [SETTING_TEXT] = setting_convert_text,
    };
    return convert[setting->type](setting, text, ret_value, ret_complaint);
}

bool setting_parse(const struct setting *setting, const char *text, void *ret_value, struct error *err)
{
    struct complaint complaint;
    if (setting_convert(setting, text, ret_value, &complaint))
        return true;
    return error_add_field(err, setting->name, "%s%.0s", "%.0s%s", complaint.text[LANGUAGE_EN],
                           complaint.text[LANGUAGE_ZH]);
}

bool setting_assign(const struct setting *setting, const char *text, struct settings *settings,
                    struct arena *arena, struct complaint *ret_complaint)
{
    void *member = (char *)settings + setting->offset;
    if (!setting_convert(setting, text, member, ret_complaint))
        return false;
    if (setting->type == SETTING_TEXT) {
        const char *copy = arena_strdup(arena, *(const char *const *)member);
        memcpy(member, &copy, sizeof(copy));
    }
    return true;
}

/* --- the box */

struct settings_box *settings_box_new(void)
{
    struct settings_box *box = xcalloc(1, sizeof(*box));
    box->given = xcalloc(settings_count, sizeof(*box->given));
    pthread_mutex_init(&box->lock, NULL);
    return box;
}

void settings_free(struct settings_box *box)
{
    if (!box)
        return;
    arena_release(&box->arena);
    free(box->given);
    pthread_mutex_destroy(&box->lock);
    free(box);
}

bool settings_is_given(const struct settings_box *box, const char *category, const char *name)
{
    return box->given[setting_find(category, name) - settings_table];
}

const struct settings *settings_now(const struct settings_box *box)
{
    return atomic_load_explicit(&box->now, memory_order_acquire);
}

void settings_publish(struct settings_box *box, const struct settings *settings)
{
    struct settings *snapshot = arena_alloc(&box->arena, sizeof(*snapshot));
    *snapshot = *settings;
    atomic_store_explicit(&box->now, snapshot, memory_order_release);
}

/* --- live values from the store; ops/config_manager writes them */

static const char SQL_VERSIONS[] = "SELECT version FROM settings_categories";
static const char SQL_VALUES[] = "SELECT category, name, value FROM settings ORDER BY category, name";

/* Every change of a category, a reset too, raises its version: so the sum tells whether there is
 * anything new. */
static bool settings_read_versions(struct db *db, int64_t *ret_sum, struct error *err)
{
    CLEANUP(db_rows_release) struct db_rows rows = {0};
    if (!db_query(db, SQL_VERSIONS, DB_NO_ARGS, &rows, err))
        return false;
    int64_t sum = 0;
    while (db_next(&rows))
        sum += db_column_int(&rows, 0);
    if (!db_done(&rows, err))
        return false;
    *ret_sum = sum;
    return true;
}

/* A value that this program cannot take (an older one may have saved it) is left out: a warning, and
 * the default goes on. */
static void settings_apply_row(const struct db_rows *rows, struct settings *settings, struct arena *arena)
{
    const char *category = db_column_text(rows, 0), *name = db_column_text(rows, 1);
    const char *value = db_column_text(rows, 2);
    const struct setting *setting = setting_find(category, name);
    struct complaint complaint;
    if (!setting || setting->apply != SETTING_LIVE)
        log_warn("settings", "the store holds %.60s.%.60s, which is no live setting: ignored", category,
                 name);
    else if (!setting_assign(setting, value, settings, arena, &complaint))
        log_warn("settings", "the store holds %s.%s = %.60s: %s; ignored", category, name, value,
                 complaint.text[LANGUAGE_EN]);
}

static bool settings_read_values(struct settings_box *box, struct db *db, struct settings *ret_settings,
                                 struct error *err)
{
    CLEANUP(db_rows_release) struct db_rows rows = {0};
    struct settings settings = box->base;
    if (!db_query(db, SQL_VALUES, DB_NO_ARGS, &rows, err))
        return false;
    while (db_next(&rows))
        settings_apply_row(&rows, &settings, &box->arena);
    if (!db_done(&rows, err))
        return false;
    *ret_settings = settings;
    return true;
}

/* The versions are read before the values: a change between the two is met again the next time. */
static bool settings_refresh_locked(struct settings_box *box, struct db *db, struct error *err)
{
    int64_t versions;
    if (!settings_read_versions(db, &versions, err))
        return false;
    if (versions == box->store_versions)
        return true;
    struct settings settings;
    if (!settings_read_values(box, db, &settings, err))
        return false;
    settings_publish(box, &settings);
    box->store_versions = versions;
    return true;
}

bool settings_refresh(struct settings_box *box, struct db *db, struct error *err)
{
    pthread_mutex_lock(&box->lock);
    bool done = settings_refresh_locked(box, db, err);
    pthread_mutex_unlock(&box->lock);
    return done;
}
