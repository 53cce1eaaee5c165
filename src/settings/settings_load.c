/* Where settings come from when the program starts: default, else file, else environment, else flag. */
#include <ctype.h>
#include <errno.h>
#include <ini.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/log.h"
#include "base/memory.h"
#include "base/utf8.h"
#include "security/redaction.h"
#include "security/secret_file.h"
#include "settings/settings_private.h"

#define FILE_MAX 65536
#define LINE_MAX_BYTES 2000
#define NAME_MAX_BYTES 64
#define SECRET_MAX 4096

extern char **environ;

struct loading {
    struct settings_box *box;
    const char *file;
    bool *in_file; /* for each row of the table: the file has named it */
    struct error *err;
    struct strbuf detail[LANGUAGE_COUNT]; /* all complaints in one line */
};

/* `origin` is "KIMONO_WORKERS=abc" or "kimono.conf: [rag] top_k = 99". */
static void loading_add_problem(struct loading *loading, const char *origin, const char *en, const char *zh)
{
    const char *texts[LANGUAGE_COUNT] = {en, zh};
    error_add_field(loading->err, origin, "%s%.0s", "%.0s%s", en, zh);
    for (int language = 0; language < LANGUAGE_COUNT; language++) {
        struct strbuf *detail = &loading->detail[language];
        strbuf_printf(detail, "%s%s: %s", detail->length ? "; " : "", origin, texts[language]);
    }
}

/* A value as it may be shown: short, and without what looks like a secret. A database URL is never
 * shown: a wrong one hides its password from redaction. */
static void loading_append_value(struct strbuf *out, const struct setting *setting, const char *text)
{
    if (strcmp(setting->name, "database") == 0) {
        strbuf_puts(out, "…");
        return;
    }
    CLEANUP(strbuf_release) struct strbuf shown = {0};
    redact(&shown, text);
    size_t length =
        utf8_valid(strbuf_text(&shown), shown.length) ? utf8_cut(strbuf_text(&shown), shown.length, 40) : 0;
    strbuf_append(out, strbuf_text(&shown), length);
    strbuf_puts(out, length < shown.length ? "…" : "");
}

/* `name` is how the setting is called where the value comes from: "KIMONO_WORKERS", then "=". */
static void load_value(struct loading *loading, const struct setting *setting, const char *name,
                       const char *separator, const char *text)
{
    struct complaint complaint;
    loading->box->given[setting - settings_table] = true;
    if (setting_assign(setting, text, &loading->box->base, &loading->box->arena, &complaint))
        return;
    CLEANUP(strbuf_release) struct strbuf origin = {0};
    strbuf_puts(&origin, name);
    strbuf_puts(&origin, separator);
    loading_append_value(&origin, setting, text);
    loading_add_problem(loading, strbuf_text(&origin), complaint.text[LANGUAGE_EN],
                        complaint.text[LANGUAGE_ZH]);
}

/* --- which name was meant */

static size_t smaller_of(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Levenshtein's distance; names are shorter than NAME_MAX_BYTES. */
static size_t name_distance(const char *a, const char *b)
{
    size_t row[NAME_MAX_BYTES + 1], a_length = strnlen(a, NAME_MAX_BYTES),
                                    b_length = strnlen(b, NAME_MAX_BYTES);
    for (size_t j = 0; j <= b_length; j++)
        row[j] = j;
    for (size_t i = 1; i <= a_length; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= b_length; j++) {
            size_t replaced = diagonal + (a[i - 1] != b[j - 1]);
            diagonal = row[j];
            row[j] = smaller_of(replaced, smaller_of(row[j], row[j - 1]) + 1);
        }
    }
    return row[b_length];
}

/* `spell` gives a row's name as it would stand here. NULL: none is near. */
static const struct setting *nearest_setting(const char *name, void (*spell)(const struct setting *, char *))
{
    const struct setting *best = NULL;
    size_t best_distance = smaller_of(3, strlen(name) / 3 + 1);
    for (size_t i = 0; i < settings_count; i++) {
        char spelled[SETTING_ENVIRONMENT_SIZE];
        spell(&settings_table[i], spelled);
        size_t d = name_distance(name, spelled);
        if (d < best_distance) {
            best = &settings_table[i];
            best_distance = d;
        }
    }
    return best;
}

static void setting_spell_name(const struct setting *setting, char *ret_text)
{
    snprintf(ret_text, SETTING_ENVIRONMENT_SIZE, "%s", setting->name);
}

static void setting_spell_environment(const struct setting *setting, char *ret_text)
{
    setting_environment(setting, ret_text);
}

/* --- the file */

static void loading_add_unknown(struct loading *loading, const char *origin, const char *section,
                                const char *name)
{
    const struct setting *other = NULL; /* the right name in the wrong section? */
    for (size_t i = 0; i < settings_count && !other; i++)
        other = strcmp(settings_table[i].name, name) == 0 ? &settings_table[i] : NULL;
    other = other ? other : nearest_setting(name, setting_spell_name);
    char en[160] = "unknown", zh[160] = "未知";
    if (other && strcmp(other->category, section) == 0) {
        snprintf(en, sizeof(en), "unknown; did you mean '%s'?", other->name);
        snprintf(zh, sizeof(zh), "未知；是否应为 “%s”？", other->name);
    } else if (other) {
        snprintf(en, sizeof(en), "unknown; did you mean '%s' in [%s]?", other->name, other->category);
        snprintf(zh, sizeof(zh), "未知；是否应为 [%s] 中的 “%s”？", other->category, other->name);
    }
    loading_add_problem(loading, origin, en, zh);
}

static int load_line(void *context, const char *section, const char *name, const char *value)
{
    struct loading *loading = context;
    const struct setting *setting = setting_find(section, name);
    CLEANUP(strbuf_release) struct strbuf origin = {0};
    strbuf_printf(&origin, "%s: [%s] %s", loading->file, section, name);
    if (!setting) {
        loading_add_unknown(loading, strbuf_text(&origin), section, name);
        return 1;
    }
    bool *named = &loading->in_file[setting - settings_table];
    if (*named) {
        loading_add_problem(loading, strbuf_text(&origin), "stands there twice", "重复出现");
        return 1;
    }
    *named = true;
    load_value(loading, setting, strbuf_text(&origin), " = ", value);
    return 1;
}

/* inih cuts a line at its buffer's end and takes the rest for a line of its own. */
static bool load_lines_fit(const char *text)
{
    for (size_t length; *text; text += length + (text[length] == '\n')) {
        length = strcspn(text, "\n");
        if (length > LINE_MAX_BYTES)
            return false;
    }
    return true;
}

static bool database_has_password(const char *url)
{
    const char *authority = strstr(url, "://");
    if (!authority)
        return false;
    size_t length = strcspn(authority + 3, "/?#");
    const char *at = memchr(authority + 3, '@', length);
    return at && memchr(authority + 3, ':', (size_t)(at - authority - 3));
}

static void load_file_text(struct loading *loading, const char *text)
{
    if (!utf8_valid(text, strlen(text)) || !load_lines_fit(text)) {
        loading_add_problem(loading, loading->file, "not a text in UTF-8, or a line is too long",
                            "不是 UTF-8 文本，或某行过长");
        return;
    }
    ini_allow_multiline = false; /* a blank before a name does not continue the line above */
    ini_use_stack = false;
    ini_initial_alloc = ini_max_line = LINE_MAX_BYTES + 8;
    int line = ini_parse_string(text, load_line, loading);
    if (line > 0) {
        char origin[600];
        snprintf(origin, sizeof(origin), "%.500s:%d", loading->file, line);
        loading_add_problem(loading, origin, "neither '[section]' nor 'name = value'",
                            "既非 [分类] 也非 名称 = 值");
    }
}

static void load_close_stream(FILE **stream)
{
    if (*stream)
        fclose(*stream);
}

static void load_file(struct loading *loading)
{
    CLEANUP(load_close_stream) FILE *stream = fopen(loading->file, "re");
    CLEANUP(free_pointer) char *text = xcalloc(1, FILE_MAX + 1);
    struct stat status;
    size_t length = stream ? fread(text, 1, FILE_MAX, stream) : 0;
    if (!stream || ferror(stream) || fstat(fileno(stream), &status) != 0) {
        const char *why = strerror(errno);
        loading_add_problem(loading, loading->file, why, why);
        return;
    }
    if (length == FILE_MAX || strlen(text) != length) {
        loading_add_problem(loading, loading->file, "not a configuration file", "不是配置文件");
        return;
    }
    load_file_text(loading, text);
    if ((status.st_mode & (S_IRWXG | S_IRWXO)) && database_has_password(loading->box->base.database))
        loading_add_problem(loading, loading->file,
                            "holds the database password but others may read it: chmod 600 it",
                            "含有数据库密码却可被他人读取：请执行 chmod 600");
}

/* --- the environment; an empty variable is none */

static void load_environment(struct loading *loading)
{
    for (size_t i = 0; i < settings_count; i++) {
        char name[SETTING_ENVIRONMENT_SIZE];
        setting_environment(&settings_table[i], name);
        const char *value = getenv(name);
        if (value && *value)
            load_value(loading, &settings_table[i], name, "=", value);
    }
}

static bool setting_is_environment_name(const char *name)
{
    for (size_t i = 0; i < settings_count; i++) {
        char known[SETTING_ENVIRONMENT_SIZE];
        setting_environment(&settings_table[i], known);
        if (strcmp(known, name) == 0)
            return true;
    }
    return false;
}

/* KIMONO_RATE_LIMIT=off does nothing: better to say so. */
static void load_warn_of_misspelled(void)
{
    for (char **variable = environ; *variable; variable++) {
        size_t length = strcspn(*variable, "=");
        char name[SETTING_ENVIRONMENT_SIZE], meant[SETTING_ENVIRONMENT_SIZE];
        if (strncmp(*variable, "KIMONO_", 7) != 0 || length >= sizeof(name))
            continue;
        memcpy(name, *variable, length);
        name[length] = '\0';
        const struct setting *setting =
            setting_is_environment_name(name) ? NULL : nearest_setting(name, setting_spell_environment);
        if (!setting)
            continue;
        setting_environment(setting, meant);
        log_warn("settings", "%s in the environment is no setting and does nothing; did you mean %s?", name,
                 meant);
    }
}

/* --- flags */

static void load_flags(struct loading *loading, const struct setting_flag *flags)
{
    for (; flags && flags->name; flags++) {
        char origin[NAME_MAX_BYTES + 8];
        snprintf(origin, sizeof(origin), "--%.60s", flags->name);
        const struct setting *setting = setting_find("server", flags->name);
        if (!setting) {
            loading_add_unknown(loading, origin, "server", flags->name);
            continue;
        }
        if (strcmp(setting->name, "database") == 0 && database_has_password(flags->value))
            log_warn("settings", "the password in --database is seen by everybody on this machine: "
                                 "set KIMONO_DATABASE instead");
        load_value(loading, setting, origin, "=", flags->value);
    }
}

static void load_defaults(struct loading *loading)
{
    for (size_t i = 0; i < settings_count; i++)
        load_value(loading, &settings_table[i], "default", ": ", settings_table[i].default_text);
    memset(loading->box->given, 0, settings_count * sizeof(*loading->box->given));
}

/* The fields name each wrong one; the detail, for the command line, all of them. */
static bool conclude_loading(struct loading *loading)
{
    bool good = loading->err->code == ERROR_NONE;
    for (int language = 0; language < LANGUAGE_COUNT; language++) {
        struct strbuf *detail = &loading->detail[language];
        size_t size = sizeof(loading->err->detail[0]);
        if (!good) {
            size_t length = utf8_cut(strbuf_text(detail), detail->length, size - 1);
            memcpy(loading->err->detail[language], strbuf_text(detail), length);
            loading->err->detail[language][length] = '\0';
        }
        strbuf_release(detail);
    }
    return good;
}

bool settings_load(struct settings_box **ret_box, const char *file, const struct setting_flag *flags,
                   struct error *err)
{
    CLEANUP(free_pointer) bool *in_file = xcalloc(settings_count, sizeof(*in_file));
    struct error unseen; /* `err` may be NULL; the problems are counted all the same */
    struct loading loading = {
        .box = settings_box_new(), .file = file, .in_file = in_file, .err = err ? err : &unseen};
    error_clear(loading.err);
    load_defaults(&loading);
    if (file)
        load_file(&loading);
    load_environment(&loading);
    load_flags(&loading, flags);
    if (!conclude_loading(&loading)) {
        settings_free(loading.box);
        return false;
    }
    load_warn_of_misspelled();
    settings_publish(loading.box, &loading.box->base);
    *ret_box = loading.box;
    return true;
}

bool settings_secret(const char *name_env, const char *file_env, struct arena *arena, const char **ret_secret,
                     struct error *err)
{
    const char *secret = getenv(name_env), *file = getenv(file_env);
    if (secret && *secret) {
        *ret_secret = arena_strdup(arena, secret);
        return true;
    }
    if (!file || !*file) {
        *ret_secret = NULL;
        return true;
    }
    char text[SECRET_MAX];
    if (!secret_file_read(file, text, sizeof(text), NULL, err))
        return error_prefix(err, "%s", "%s", file_env);
    if (!text[0])
        return error_set(err, ERROR_INTERNAL, "%s: %.200s is empty", "%s：%.200s 为空", file_env, file);
    *ret_secret = arena_strdup(arena, text);
    explicit_bzero(text, sizeof(text));
    return true;
}
