/* settings/: the table, where values come from, what is refused and how, the live snapshot. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "base/log.h"
#include "base/memory.h"
#include "database_fixture.h"
#include "search/full_text.h"
#include "settings/settings.h"

static char folder[64];

static int make_folder(void **state)
{
    (void)state;
    log_set_level(LOG_ERROR);
    snprintf(folder, sizeof(folder), "/tmp/kimono-settings-XXXXXX");
    return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
    (void)state;
    char command[128];
    snprintf(command, sizeof(command), "rm -rf '%s'", folder);
    return system(command);
}

/* Each test begins without settings in its environment. */
static int clear_environment(void **state)
{
    (void)state;
    for (size_t i = 0; i < settings_count; i++) {
        char name[SETTING_ENVIRONMENT_SIZE];
        setting_environment(&settings_table[i], name);
        unsetenv(name);
    }
    return 0;
}

static const char *file_of(const char *text)
{
    static char path[128];
    snprintf(path, sizeof(path), "%s/kimono.conf", folder);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
    chmod(path, 0600);
    return path;
}

static struct settings_box *load(const char *file, const struct setting_flag *flags)
{
    struct settings_box *box = NULL;
    struct error err;
    error_clear(&err);
    if (!settings_load(&box, file, flags, &err))
        fail_msg("%s", err.detail[LANGUAGE_EN]);
    return box;
}

static void test_table(void **state)
{
    (void)state;
    assert_true(settings_count > 10);
    for (size_t i = 0; i < settings_count; i++) {
        const struct setting *setting = &settings_table[i];
        assert_ptr_equal(setting_find(setting->category, setting->name), setting);
        assert_int_equal(setting->apply == SETTING_BOOT, strcmp(setting->category, "server") == 0);
        assert_true(setting->text[LANGUAGE_EN][0] && setting->text[LANGUAGE_ZH][0]);
    }
    assert_null(setting_find("server", "top_k"));
    assert_null(setting_find("nothing", "listen"));
    char name[SETTING_ENVIRONMENT_SIZE];
    setting_environment(setting_find("server", "rate_limits"), name);
    assert_string_equal(name, "KIMONO_RATE_LIMITS");
    setting_environment(setting_find("rag", "top_k"), name);
    assert_string_equal(name, "KIMONO_RAG_TOP_K");
}

static void test_defaults(void **state)
{
    (void)state;
    struct settings_box *box = load(NULL, NULL);
    const struct settings *now = settings_now(box);
    assert_string_equal(now->listen, "127.0.0.1:8080");
    assert_string_equal(now->timezone, "Asia/Shanghai");
    assert_string_equal(now->database, "");
    assert_true(now->rate_limits);
    assert_int_equal(now->workers, 16);
    assert_int_equal(now->process_interval, 300);
    assert_int_equal(now->sync_interval, 600);
    assert_int_equal(now->batch_size, 50);
    assert_true(now->auto_learn_enabled && now->auto_sync_enabled);
    assert_int_equal(now->top_k, 5);
    assert_true(now->min_score == 0.3);
    settings_free(box);
    settings_free(NULL);
}

/* Default, file, environment, flag: the later ones win. */
static void test_precedence(void **state)
{
    (void)state;
    const char *file =
        file_of("# Kimono\n[server]\nworkers = 20\nlisten = 0.0.0.0:80 ; everywhere\n  data = /srv/kimono\n"
                "static=pages\n\n[rag]\ntop_k = 7\nmin_score = 0.5\n");
    setenv("KIMONO_WORKERS", "30", 1);
    setenv("KIMONO_DATA", "/srv/env", 1);
    setenv("KIMONO_RAG_TOP_K", "9", 1);
    setenv("KIMONO_TIMEZONE", "", 1); /* empty: none */
    const struct setting_flag flags[] = {{"workers", "40"}, {"static", ""}, {NULL, NULL}};
    struct settings_box *box = load(file, flags);
    const struct settings *now = settings_now(box);
    assert_int_equal(now->workers, 40);
    assert_string_equal(now->data, "/srv/env");
    assert_string_equal(now->listen, "0.0.0.0:80");
    assert_string_equal(now->static_folder, "");
    assert_string_equal(now->timezone, "Asia/Shanghai");
    assert_int_equal(now->top_k, 9);
    assert_true(now->min_score == 0.5);
    settings_free(box);
}

static void test_values(void **state)
{
    (void)state;
    const struct {
        const char *category, *name, *text;
        bool good;
    } cases[] = {
        {"server", "rate_limits", "on", true},
        {"server", "rate_limits", "OFF", true},
        {"server", "rate_limits", "True", true},
        {"server", "rate_limits", "0", true},
        {"server", "rate_limits", "yes", true},
        {"server", "rate_limits", "2", false},
        {"server", "rate_limits", "", false},
        {"server", "rate_limits", "onn", false},
        {"server", "workers", "2", true},
        {"server", "workers", "1", false},
        {"server", "workers", "256", true},
        {"server", "workers", "257", false},
        {"server", "workers", "abc", false},
        {"server", "workers", "", false},
        {"server", "workers", "16.5", false},
        {"server", "workers", "16 ", false},
        {"server", "workers", " 16", false},
        {"server", "workers", "99999999999999999999", false},
        {"server", "workers", "0x10", false},
        {"server", "workers", "-5", false},
        {"rag", "min_score", "0", true},
        {"rag", "min_score", "1.0", true},
        {"rag", "min_score", "3e-1", true},
        {"rag", "min_score", "1.01", false},
        {"rag", "min_score", "nan", false},
        {"rag", "min_score", "inf", false},
        {"rag", "min_score", "0x1p-2", false},
        {"rag", "min_score", "0,3", false},
        {"server", "listen", "127.0.0.1:0", true},
        {"server", "listen", "[::1]:8080", true},
        {"server", "listen", "kimono:65535", true},
        {"server", "listen", "kimono:65536", false},
        {"server", "listen", "::1:8080", false},
        {"server", "listen", "8080", false},
        {"server", "listen", ":8080", false},
        {"server", "listen", "host:", false},
        {"server", "listen", "host:http", false},
        {"server", "data", "", false},
        {"server", "database", "", true},
        {"server", "database", "postgresql://k@db/k", true},
        {"server", "database", "postgres://k@db/k", true},
        {"server", "database", "mysql://k", false},
        {"server", "trusted_proxy", "10.0.0.1", true},
        {"server", "trusted_proxy", "::1", true},
        {"server", "trusted_proxy", "10.0.0", false},
        {"server", "trusted_proxy", "127.0.0.1, ::1 10.0.0.0/8,fd00::/8", true},
        {"server", "trusted_proxy", "10.0.0.1/8", false},
        {"server", "trusted_proxy", "10.0.0.0/33", false},
        {"server", "trusted_proxy", "10.0.0.1:80", false},
        {"server", "public_origin", "https://ops.example.com", true},
        {"server", "public_origin", "http://localhost:8080", true},
        {"server", "public_origin", "https://ops.example.com/", false},
        {"server", "public_origin", "ops.example.com", false},
        {"server", "public_origin", "https://", false},
        {"server", "log_level", "DEBUG", true},
        {"server", "log_level", "warn", true},
        {"server", "log_level", "LOUD", false},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        union {
            int64_t integer;
            double real;
            bool boolean;
            const char *text;
        } value;
        struct error err;
        error_clear(&err);
        const struct setting *setting = setting_find(cases[i].category, cases[i].name);
        assert_non_null(setting);
        if (setting_parse(setting, cases[i].text, &value, &err) != cases[i].good)
            fail_msg("%s = '%s'", cases[i].name, cases[i].text);
        assert_int_equal(err.code, cases[i].good ? ERROR_NONE : ERROR_INVALID);
        if (!cases[i].good) {
            assert_string_equal(err.fields[0].field, cases[i].name);
            assert_true(err.fields[0].message[LANGUAGE_EN][0] && err.fields[0].message[LANGUAGE_ZH][0]);
        }
    }
    setenv("KIMONO_LOG_LEVEL", "warn", 1); /* kept in its one form */
    struct settings_box *box = load(NULL, NULL);
    assert_string_equal(settings_now(box)->log_level, "WARN");
    settings_free(box);
}

static void expect_refused(const char *file, const struct setting_flag *flags, const char *const *said)
{
    struct settings_box *box = NULL;
    struct error err;
    error_clear(&err);
    assert_false(settings_load(&box, file, flags, &err));
    assert_null(box);
    assert_int_equal(err.code, ERROR_INVALID);
    assert_true(err.detail[LANGUAGE_ZH][0]);
    for (; *said; said++)
        if (!strstr(err.detail[LANGUAGE_EN], *said))
            fail_msg("'%s' is not said in: %s", *said, err.detail[LANGUAGE_EN]);
}

static void test_all_wrong_ones_are_named(void **state)
{
    (void)state;
    const char *file = file_of("[server]\nworkers = 1\n[rag]\ntop_k = 99\n");
    setenv("KIMONO_WORKERS", "abc", 1);
    const struct setting_flag flags[] = {{"listen", "nowhere"}, {"lissten", "1"}, {NULL, NULL}};
    const char *const said[] = {
        "[server] workers = 1: must be 2 to 256 threads", "[rag] top_k = 99: must be 1 to 20 pairs",
        "KIMONO_WORKERS=abc: not a whole number",         "--listen=nowhere: write HOST:PORT",
        "--lissten: unknown; did you mean 'listen'?",     NULL};
    expect_refused(file, flags, said);
}

static void test_file_refused(void **state)
{
    (void)state;
    char long_line[3000];
    memset(long_line, 'a', sizeof(long_line) - 1);
    long_line[sizeof(long_line) - 1] = '\0';
    const struct {
        const char *text, *said;
    } cases[] = {
        {"[server]\nwrokers = 4\n", "[server] wrokers: unknown; did you mean 'workers'?"},
        {"[server]\ntop_k = 4\n", "did you mean 'top_k' in [rag]?"},
        {"[servr]\nworkers = 4\n", "did you mean 'workers' in [server]?"},
        {"[server]\nzzzzzzzz = 4\n", "zzzzzzzz: unknown"},
        {"workers = 4\n", "did you mean 'workers' in [server]?"},
        {"[server]\nworkers = 4\nworkers = 5\n", "stands there twice"},
        {"[server]\nworkers\n", "kimono.conf:2: neither"},
        {"[server\n", "kimono.conf:1: neither"},
        {"[server]\ndata = \xff\xfe\n", "not a text in UTF-8"},
        {long_line, "a line is too long"},
        {"[server]\nlisten = a:1\n  b:2\n", "b: unknown"}, /* no continued lines */
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        const char *const said[] = {cases[i].said, NULL};
        expect_refused(file_of(cases[i].text), NULL, said);
    }
    const char *const missing[] = {"/no/such/file", NULL};
    expect_refused("/no/such/file", NULL, missing);
    const char *const directory[] = {folder, NULL};
    expect_refused(folder, NULL, directory);
}

/* A password in the file is read only if others cannot read it, and is never repeated. */
static void test_database_password(void **state)
{
    (void)state;
    const char *file = file_of("[server]\ndatabase = postgresql://kimono:geheim@db/kimono\n");
    struct settings_box *box = load(file, NULL);
    assert_string_equal(settings_now(box)->database, "postgresql://kimono:geheim@db/kimono");
    settings_free(box);
    chmod(file, 0644);
    const char *const said[] = {"chmod 600", NULL};
    expect_refused(file, NULL, said);
    file = file_of("[server]\ndatabase = postgresql//kimono:geheim@db/kimono\n");
    struct error err;
    error_clear(&err);
    assert_false(settings_load(&box, file, NULL, &err));
    assert_null(strstr(err.detail[LANGUAGE_EN], "geheim"));
    assert_null(strstr(err.fields[0].field, "geheim"));
    chmod(file_of("[server]\nworkers = 4\n"), 0644); /* nothing secret: anybody may read it */
    settings_free(load(file, NULL));
}

static void test_many_wrong(void **state)
{
    (void)state;
    struct strbuf text = {0};
    strbuf_puts(&text, "[server]\n");
    for (int i = 0; i < 40; i++)
        strbuf_printf(&text, "unknown_name_%d = 商家商家商家\n", i);
    const char *const said[] = {"unknown_name_0", NULL};
    expect_refused(file_of(strbuf_text(&text)), NULL, said);
    strbuf_release(&text);
    assert_false(settings_load(NULL, "/no/such/file", NULL, NULL)); /* the error need not be wanted */
}

/* --- secrets */

static void test_secret(void **state)
{
    (void)state;
    CLEANUP(arena_release) struct arena arena = {0};
    const char *secret = "untouched";
    struct error err;
    unsetenv("TEST_API_KEY");
    unsetenv("TEST_API_KEY_FILE");
    assert_true(settings_secret("TEST_API_KEY", "TEST_API_KEY_FILE", &arena, &secret, &err));
    assert_null(secret);
    const char *file = file_of("sk-from-file\n");
    setenv("TEST_API_KEY_FILE", file, 1);
    assert_true(settings_secret("TEST_API_KEY", "TEST_API_KEY_FILE", &arena, &secret, &err));
    assert_string_equal(secret, "sk-from-file");
    setenv("TEST_API_KEY", "sk-from-environment", 1);
    assert_true(settings_secret("TEST_API_KEY", "TEST_API_KEY_FILE", &arena, &secret, &err));
    assert_string_equal(secret, "sk-from-environment");
    unsetenv("TEST_API_KEY");
    chmod(file, 0644);
    assert_false(settings_secret("TEST_API_KEY", "TEST_API_KEY_FILE", &arena, &secret, &err));
    assert_non_null(strstr(err.detail[LANGUAGE_EN], "TEST_API_KEY_FILE"));
    assert_non_null(strstr(err.detail[LANGUAGE_EN], "chmod 600"));
    file_of("\n");
    assert_false(settings_secret("TEST_API_KEY", "TEST_API_KEY_FILE", &arena, &secret, &err));
    setenv("TEST_API_KEY_FILE", "/no/such/file", 1);
    assert_false(settings_secret("TEST_API_KEY", "TEST_API_KEY_FILE", &arena, &secret, &err));
    unsetenv("TEST_API_KEY_FILE");
}

/* --- live values */

static char place[512]; /* of the store that is open */

static struct store *open_store(void)
{
    static int count;
    char beside[64];
    struct store *store = NULL;
    struct error err;
    snprintf(beside, sizeof(beside), "%.40s/%d", folder, ++count);
    assert_int_equal(mkdir(beside, 0700), 0);
    fixture_choose_path(place, sizeof(place), beside);
    struct store_options options = {
        .path = place,
        .migrations = main_migrations,
        .migration_count = main_migration_count,
        .tokenize = full_text_tokens,
    };
    if (!store_open(&store, &options, &err))
        fail_msg("%s", err.detail[LANGUAGE_EN]);
    return store;
}

static void close_store(struct store *store)
{
    store_close(store);
    fixture_drop_database(place);
}

struct saving {
    const char *category, *name, *value; /* value NULL: reset of the category */
};

static const char SQL_DELETE[] = "DELETE FROM settings WHERE category = $1";
static const char SQL_SAVE[] = "INSERT INTO settings(category, name, value) VALUES ($1, $2, $3)"
                               " ON CONFLICT (category, name) DO UPDATE SET value = excluded.value";
static const char SQL_VERSION[] =
    "INSERT INTO settings_categories(category, version, updated_at, updated_by) VALUES ($1, 1, 0, '')"
    " ON CONFLICT (category) DO UPDATE SET version = settings_categories.version + 1";

static bool save_work(struct db *db, void *context, struct error *err)
{
    const struct saving *s = context;
    bool saved =
        s->value ? db_execute(db, SQL_SAVE,
                              DB_ARGS(db_text(s->category), db_text(s->name), db_text(s->value)), NULL, err)
                 : db_execute(db, SQL_DELETE, DB_ARGS(db_text(s->category)), NULL, err);
    return saved && db_execute(db, SQL_VERSION, DB_ARGS(db_text(s->category)), NULL, err);
}

static void save(struct store *store, const char *category, const char *name, const char *value)
{
    struct saving saving = {category, name, value};
    struct error err;
    assert_true(store_write(store, save_work, &saving, &err));
}

static void refresh(struct settings_box *box, struct store *store)
{
    CLEANUP(store_reader_release) struct db *db = NULL;
    struct error err;
    assert_true(store_reader(store, 2000, &db, &err));
    assert_true(settings_refresh(box, db, &err));
}

static void test_live(void **state)
{
    (void)state;
    setenv("KIMONO_RAG_TOP_K", "9", 1);
    setenv("KIMONO_SCHEDULER_BATCH_SIZE", "20", 1);
    struct store *store = open_store();
    struct settings_box *box = load(NULL, NULL);
    const struct settings *before = settings_now(box);
    refresh(box, store);
    assert_ptr_equal(settings_now(box), before); /* nothing has changed: the same snapshot */
    save(store, "rag", "top_k", "12");
    save(store, "scheduler", "auto_learn_enabled", "off");
    refresh(box, store);
    const struct settings *now = settings_now(box);
    assert_int_equal(now->top_k, 12);
    assert_false(now->auto_learn_enabled);
    assert_int_equal(now->batch_size, 20);
    assert_int_equal(before->top_k, 9); /* whoever still holds the old one sees it whole */
    save(store, "rag", "top_k", NULL);
    refresh(box, store);
    assert_int_equal(settings_now(box)->top_k, 9);
    assert_false(settings_now(box)->auto_learn_enabled);
    settings_free(box);
    close_store(store);
}

/* What cannot be taken is left out, and the rest is in force. */
static void test_live_nonsense(void **state)
{
    (void)state;
    struct store *store = open_store();
    struct settings_box *box = load(NULL, NULL);
    save(store, "rag", "top_k", "99");
    save(store, "rag", "min_score", "0.7");
    save(store, "rag", "no_such", "1");
    save(store, "server", "listen", "0.0.0.0:1"); /* boot settings are not for the store */
    refresh(box, store);
    const struct settings *now = settings_now(box);
    assert_int_equal(now->top_k, 5);
    assert_true(now->min_score == 0.7);
    assert_string_equal(now->listen, "127.0.0.1:8080");
    settings_free(box);
    close_store(store);
}

struct reading {
    struct settings_box *box;
    atomic_bool stop;
};

static void *read_settings(void *context)
{
    struct reading *reading = context;
    while (!atomic_load(&reading->stop)) {
        const struct settings *now = settings_now(reading->box);
        if (now->top_k < 1 || now->top_k > 20)
            return context;
    }
    return NULL;
}

static void test_live_threads(void **state)
{
    (void)state;
    struct store *store = open_store();
    struct reading reading = {.box = load(NULL, NULL)};
    pthread_t threads[2];
    for (size_t i = 0; i < ARRAY_SIZE(threads); i++)
        pthread_create(&threads[i], NULL, read_settings, &reading);
    for (int i = 1; i <= 20; i++) {
        char value[16];
        snprintf(value, sizeof(value), "%d", i);
        save(store, "rag", "top_k", value);
        refresh(reading.box, store);
        assert_int_equal(settings_now(reading.box)->top_k, i);
    }
    atomic_store(&reading.stop, true);
    for (size_t i = 0; i < ARRAY_SIZE(threads); i++) {
        void *failed;
        pthread_join(threads[i], &failed);
        assert_null(failed);
    }
    settings_free(reading.box);
    close_store(store);
}

#define TEST(function) cmocka_unit_test_setup(function, clear_environment)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_table),
        TEST(test_defaults),
        TEST(test_precedence),
        TEST(test_values),
        TEST(test_all_wrong_ones_are_named),
        TEST(test_file_refused),
        TEST(test_database_password),
        TEST(test_many_wrong),
        TEST(test_secret),
        TEST(test_live),
        TEST(test_live_nonsense),
        TEST(test_live_threads),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
