/* telemetry/log_search.h: every search, tail and count equals what a plain look at all rows gives. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/memory.h"
#include "base/utf8.h"
#include "database_fixture.h"
#include "search/fold.h"
#include "search/full_text.h"
#include "telemetry/log_redaction.h"
#include "telemetry/log_search.h"
#include "telemetry/telemetry.h"

#define LIMIT_MS 60000

#define assert_done(call)                                                                                    \
    do {                                                                                                     \
        struct error err_ = {0};                                                                             \
        struct error *err = &err_;                                                                           \
        if (!(call))                                                                                         \
            fail_msg("%s: %s", #call, err_.detail[LANGUAGE_EN]);                                             \
    } while (0)

/* ---- a place for each test ---- */

struct place {
    char folder[64], path[512], telemetry_folder[96];
    struct store *store;
    struct telemetry *telemetry;
};

static void open_place(struct place *place)
{
    assert_done(store_open(&place->store,
                           &(struct store_options){.path = place->path,
                                                   .migrations = main_migrations,
                                                   .migration_count = main_migration_count,
                                                   .tokenize = full_text_tokens},
                           err));
    assert_done(
        telemetry_open(&place->telemetry,
                       &(struct telemetry_options){.database = fixture_is_postgresql() ? place->path : NULL,
                                                   .folder = place->telemetry_folder,
                                                   .main_store = place->store},
                       err));
}

static void close_place(struct place *place)
{
    telemetry_close(place->telemetry);
    store_close(place->store);
}

static int set_up(void **state)
{
    struct place *place = xcalloc(1, sizeof(*place));
    strcpy(place->folder, "/tmp/test-log-search-XXXXXX");
    assert_non_null(mkdtemp(place->folder));
    fixture_choose_path(place->path, sizeof(place->path), place->folder);
    snprintf(place->telemetry_folder, sizeof(place->telemetry_folder), "%s/telemetry", place->folder);
    open_place(place);
    *state = place;
    return 0;
}

static int remove_one(const char *name, const struct stat *status, int type, struct FTW *walk)
{
    (void)status, (void)type, (void)walk;
    return remove(name);
}

static int tear_down(void **state)
{
    struct place *place = *state;
    close_place(place);
    fixture_drop_database(place->path);
    int result = nftw(place->folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
    free(place);
    return result;
}

/* ---- random rows ---- */

static uint64_t seed = 1;

static uint32_t below(uint32_t bound)
{
    seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)((seed >> 33) % bound);
}

static const char *const words[] = {"timeout",
                                    "Timeout",
                                    "TIMEOUT",
                                    "connection",
                                    "refused",
                                    "租户",
                                    "租户已暂停",
                                    "和服",
                                    "着物",
                                    "キモノ",
                                    "ｷﾓﾉ",
                                    "café",
                                    "CAFÉ",
                                    "ＫＩＭＯ",
                                    "<b>&amp;",
                                    "عربى",
                                    "\u202e\u202cabc",
                                    "👘",
                                    "👩‍👩‍👧",
                                    "Straße",
                                    "STRASSE",
                                    "Ὀδυσσεύς",
                                    "%_\\'\"",
                                    "\n",
                                    "\t",
                                    "\x80\xff",
                                    "é",
                                    "id=",
                                    "GET /ops",
                                    "500",
                                    "ﬁne",
                                    "한국어"};
static const char *const sources[] = {"http", "chat", "jobs", "", "店铺 同步", "http2"};
static const char *const tenants[] = {"t-1", "t-2", "t-33", NULL, "店铺", "T-1"};

#define ROWS_MAX 6000

struct row {
    struct log_record record;
    char request_id[40], fields[128];
    char *message;
    struct strbuf folded;
    int32_t day;
    int order; /* of arrival */
};

static struct row rows[ROWS_MAX];
static struct arena texts; /* redacted */
static int row_count;

static void forget_rows(void)
{
    for (int i = 0; i < row_count; i++) {
        free(rows[i].message);
        strbuf_release(&rows[i].folded);
    }
    arena_release(&texts);
    row_count = 0;
}

static char *random_message(void)
{
    struct strbuf text = {0};
    uint32_t count = 1 + below(12);
    if (below(700) == 0)
        count = 12000; /* some 64 KiB */
    for (uint32_t i = 0; i < count; i++) {
        strbuf_puts(&text, words[below(ARRAY_SIZE(words))]);
        if (below(3))
            strbuf_putc(&text, ' ');
        if (below(8) == 0)
            strbuf_printf(&text, "%08x", below(UINT32_MAX));
    }
    char *message = strbuf_detach(&text, NULL);
    if (fixture_is_postgresql()) /* it keeps no bytes that are not UTF-8 */
        utf8_drop_invalid(message);
    return message;
}

static struct row *random_row(int64_t first, int64_t last)
{
    struct row *row = &rows[row_count];
    *row = (struct row){.message = random_message(), .order = row_count};
    row_count++;
    snprintf(row->request_id, sizeof(row->request_id), "req-%u", below(700));
    static const char *const fields[] = {"{\"status\":%u,\"path\":\"/Ops/%u\"}",
                                         "{\"a.b\":\"Ünï %u\",\"ok\":true}",
                                         "{\"deep\":{\"status\":%u},\"none\":null}", "{\"status\":\"%u\"}"};
    snprintf(row->fields, sizeof(row->fields), fields[below(4)], below(7) * 100, below(5));
    row->record = (struct log_record){
        .timestamp =
            first + (int64_t)((double)(last - first) * row_count / ROWS_MAX) + below(3) - below(2000),
        .level = (enum log_level)below(4),
        .source = sources[below(ARRAY_SIZE(sources))],
        .message = row->message,
        .tenant_id = tenants[below(ARRAY_SIZE(tenants))],
        .request_id = below(3) ? row->request_id : NULL,
        .fields = below(2) ? row->fields : NULL,
    };
    if (below(50) == 0) /* a late one */
        row->record.timestamp = first + below((uint32_t)(last - first));
    struct log_record kept = log_record_redacted(&row->record, &texts);
    row->record.message = kept.message;
    row->record.fields = kept.fields;
    text_fold(kept.message, strlen(kept.message), &row->folded);
    row->day = clock_day(row->record.timestamp);
    return row;
}

static void write_rows(struct place *place, int64_t first, int64_t last, int count)
{
    static struct log_record batch[1000];
    while (count > 0) {
        size_t size = 1 + below(below(3) ? 20 : 1000);
        size = size < (size_t)count ? size : (size_t)count;
        for (size_t i = 0; i < size; i++)
            batch[i] = random_row(first, last)->record;
        assert_done(telemetry_write(place->telemetry, NULL, 0, batch, size, err));
        count -= (int)size;
    }
}

/* ---- the plain look ---- */

static bool plain_part(const struct strbuf *whole, const char *part)
{
    CLEANUP(strbuf_release) struct strbuf piece = {0};
    text_fold(part, strlen(part), &piece);
    return memmem(strbuf_text(whole), whole->length, strbuf_text(&piece), piece.length) != NULL;
}

static bool same(const char *a, const char *b)
{
    return strcmp(a ? a : "", b) == 0;
}

/* Of the forms that random_row writes. */
static bool plain_field(const char *fields, const char *key, const char *value)
{
    char name[64], text[160];
    snprintf(name, sizeof(name), "\"%s\":", key);
    const char *at = fields ? strstr(fields, name) : NULL;
    const char *deep = fields ? strchr(fields + 1, '{') : NULL;
    if (!at || (deep && at > deep && strcmp(key, "none") != 0))
        return false;
    snprintf(text, sizeof(text), "%s", at + strlen(name));
    char *end = text[0] == '"' ? strchr(text + 1, '"') : text + strcspn(text, ",}");
    *end = '\0';
    const char *found = text[0] == '"' ? text + 1 : text;
    CLEANUP(strbuf_release) struct strbuf folded = {0}, wanted = {0};
    text_fold(found, strlen(found), &folded);
    text_fold(value, strlen(value), &wanted);
    return strcmp(strbuf_text(&folded), strbuf_text(&wanted)) == 0;
}

static bool plain_accepts(const struct log_expression *part, const struct row *row)
{
    const struct log_record *record = &row->record;
    if (!part)
        return true;
    switch (part->kind) {
    case LOG_AND: return plain_accepts(part->left, row) && plain_accepts(part->right, row);
    case LOG_OR: return plain_accepts(part->left, row) || plain_accepts(part->right, row);
    case LOG_NOT: return !plain_accepts(part->left, row);
    case LOG_TEXT: return plain_part(&row->folded, part->value);
    case LOG_FIELD: return plain_field(record->fields, part->key, part->value);
    case LOG_LEVEL_IS: return record->level == part->level;
    case LOG_SOURCE_IS: return same(record->source, part->value);
    case LOG_TENANT_IS: return same(record->tenant_id, part->value);
    case LOG_REQUEST_IS: return same(record->request_id, part->value);
    }
    return false;
}

static bool plain_matches(const struct log_filter *filter, const struct row *row)
{
    const struct log_record *record = &row->record;
    return record->timestamp >= filter->start && (!filter->end || record->timestamp < filter->end) &&
           (!filter->levels || filter->levels >> record->level & 1) &&
           (!filter->source || same(record->source, filter->source)) &&
           (!filter->tenant_id || same(record->tenant_id, filter->tenant_id)) &&
           (!filter->request_id || same(record->request_id, filter->request_id)) &&
           plain_accepts(filter->text, row);
}

static int newest_first(const void *a, const void *b)
{
    const struct row *left = *(const struct row *const *)a, *right = *(const struct row *const *)b;
    if (left->day != right->day)
        return left->day < right->day ? 1 : -1;
    if (left->record.timestamp != right->record.timestamp)
        return left->record.timestamp < right->record.timestamp ? 1 : -1;
    return right->order - left->order;
}

static const struct row *expected[ROWS_MAX];

static int expect(const struct log_filter *filter)
{
    int count = 0;
    for (int i = 0; i < row_count; i++)
        if (plain_matches(filter, &rows[i]))
            expected[count++] = &rows[i];
    if (count)
        qsort(expected, (size_t)count, sizeof(const struct row *), newest_first);
    return count;
}

/* ---- comparing ---- */

static void assert_row(const struct log_record *found, const struct row *right)
{
    assert_int_equal(found->timestamp, right->record.timestamp);
    assert_int_equal(found->level, right->record.level);
    assert_true(same(found->source, right->record.source));
    assert_true((found->tenant_id == NULL) == (right->record.tenant_id == NULL));
    assert_true((found->request_id == NULL) == (right->record.request_id == NULL));
    assert_true((found->fields == NULL) == (right->record.fields == NULL));
    assert_true(!found->tenant_id || same(found->tenant_id, right->record.tenant_id));
    assert_true(!found->request_id || same(found->request_id, right->record.request_id));
    assert_true(!found->fields || same(found->fields, right->record.fields));
}

struct comparison {
    int count, at;
    char last_id[LOG_ID_SIZE];
};

static bool compare_row(void *context, const struct found_log *found, struct error *err)
{
    struct comparison *comparison = context;
    (void)err;
    assert_in_range(comparison->at, 0, comparison->count - 1);
    const struct row *right = expected[comparison->at++];
    assert_row(&found->record, right);
    assert_string_equal(found->record.message, right->record.message);
    assert_string_not_equal(found->id, comparison->last_id);
    strcpy(comparison->last_id, found->id);
    return true;
}

static void compare_search(struct place *place, const struct log_filter *filter, size_t page)
{
    struct comparison comparison = {.count = expect(filter)};
    struct log_search_end end = {0};
    do {
        int before = comparison.at;
        assert_done(telemetry_search_logs(place->telemetry, filter, end.cursor, page, LIMIT_MS, compare_row,
                                          &comparison, &end, err));
        assert_true(end.complete);
        assert_true(comparison.at - before <= (int)page);
        assert_true(!*end.cursor || comparison.at - before == (int)page);
    } while (*end.cursor);
    assert_int_equal(comparison.at, comparison.count);
}

static struct log_expression nodes[64];
static int node_count;

/* Any part of a text that is there, at the borders of its characters; or one that is not. */
static const char *random_part(void)
{
    static char parts[64][64];
    static int next;
    char *part = parts[next++ % 64];
    const char *text =
        below(8) && row_count ? rows[below((uint32_t)row_count)].record.message : "absent 無い";
    size_t length = strlen(text), from = below((uint32_t)length), size = 0, wanted = 1 + below(24);
    while (from > 0 && (text[from] & 0xC0) == 0x80)
        from--;
    while (text[from + size] && (size < wanted || (text[from + size] & 0xC0) == 0x80) && size < 60)
        size++;
    memcpy(part, text + from, size);
    part[size] = '\0';
    return part;
}

static const struct log_expression *random_expression(int depth)
{
    struct log_expression *node = &nodes[node_count++];
    uint32_t kind = below(depth > 0 ? 14 : 8);
    static char texts[64][40];
    char *text = texts[node_count - 1];
    *node = (struct log_expression){.kind = LOG_TEXT, .value = text};
    if (kind < 4) {
        node->value = below(3) ? random_part() : words[below(ARRAY_SIZE(words))];
    } else if (kind == 4) {
        static const char *const keys[] = {"status", "path", "a.b", "ok", "none", "deep", "absent"};
        static const char *const values[] = {"200", "300", "/ops/100", "üNÏ 200", "true", "null", "2e2"};
        node->kind = LOG_FIELD;
        node->key = keys[below(7)];
        node->value = values[below(6)];
    } else if (kind == 5) {
        node->kind = below(2) ? LOG_SOURCE_IS : LOG_LEVEL_IS;
        node->value = sources[below(ARRAY_SIZE(sources))];
        node->level = (enum log_level)below(4);
    } else if (kind == 6) {
        const char *tenant = tenants[below(ARRAY_SIZE(tenants))];
        node->kind = LOG_TENANT_IS;
        node->value = tenant ? tenant : "";
    } else if (kind == 7) {
        node->kind = LOG_REQUEST_IS;
        snprintf(text, 40, "req-%u", below(700));
    } else {
        node->kind = kind < 11 ? LOG_AND : kind < 13 ? LOG_OR : LOG_NOT;
        node->left = random_expression(depth - 1);
        node->right = node->kind == LOG_NOT ? NULL : random_expression(depth - 1);
    }
    return node;
}

static struct log_filter random_filter(int64_t first, int64_t last)
{
    static char request_id[40];
    struct log_filter filter = {0};
    node_count = 0;
    if (below(3) == 0) {
        filter.start = first + below((uint32_t)(last - first));
        filter.end = filter.start + 1 + below((uint32_t)(last - filter.start));
    }
    if (below(4) == 0)
        filter.levels = 1 + below(15);
    if (below(5) == 0)
        filter.source = sources[below(ARRAY_SIZE(sources))];
    if (below(5) == 0)
        filter.tenant_id = below(6) ? tenants[below(3)] : "";
    if (below(12) == 0) {
        snprintf(request_id, sizeof(request_id), "req-%u", below(700));
        filter.request_id = request_id;
    }
    if (below(6))
        filter.text = random_expression(3);
    return filter;
}

static int64_t first_instant(void)
{
    return clock_day_start(clock_day(clock_now_ms()) - 1) + 20 * HOUR_MS;
}

/* ---- tests ---- */

static void assert_whole(struct place *place)
{
    CLEANUP(strbuf_release) struct strbuf findings = {0};
    assert_done(telemetry_check(place->telemetry, &findings, err));
    assert_string_equal(strbuf_text(&findings), "");
}

static bool keep_id(void *context, const struct found_log *found, struct error *err)
{
    (void)err;
    strcpy(context, found->id);
    return true;
}

static void searches_equal_a_plain_look(void **state)
{
    struct place *place = *state;
    int64_t first = first_instant(), last = first + 6 * HOUR_MS;
    for (int round = 0; round < 3; round++) {
        write_rows(place, first, last, 900);
        compare_search(place, &(struct log_filter){0}, 997);
        for (int i = 0; i < 40; i++) {
            struct log_filter filter = random_filter(first, last);
            compare_search(place, &filter, below(4) ? 1 + below(300) : 1000);
        }
        if (round == 1) {
            close_place(place);
            open_place(place);
        }
    }
    assert_whole(place);
    forget_rows();
}

/* Blocks of a day that has ended are a group after it was rolled over; rows that come later are not in it. */
static void groups_equal_a_plain_look(void **state)
{
    struct place *place = *state;
    int64_t first = clock_day_start(clock_day(clock_now_ms()) - 1) + HOUR_MS, last = first + 20 * HOUR_MS;
    for (int round = 0; round < 2; round++) {
        write_rows(place, first, last, 4200 - 3400 * round);
        assert_done(telemetry_roll_over(place->telemetry, NULL, err));
        assert_whole(place);
        for (int i = 0; i < 40; i++) {
            struct log_filter filter = random_filter(first, last);
            compare_search(place, &filter, below(4) ? 1 + below(300) : 1000);
        }
    }
    forget_rows();
}

/* A group is made while the day goes on as soon as there are blocks enough. */
static void full_groups_are_made_while_rows_come(void **state)
{
    struct place *place = *state;
    static struct log_record batch[2500];
    static char texts_of_batch[ARRAY_SIZE(batch)][24];
    const int rows_in_all = 132500, needle = 77777;
    int64_t first = clock_day_start(clock_day(clock_now_ms()));
    for (int row = 0; row < rows_in_all; row += (int)ARRAY_SIZE(batch)) {
        for (int i = 0; i < (int)ARRAY_SIZE(batch); i++) {
            snprintf(texts_of_batch[i], sizeof(texts_of_batch[i]), row + i == needle ? "needle" : "line %d",
                     i);
            batch[i] = (struct log_record){
                .timestamp = first + row + i, .source = "test", .message = texts_of_batch[i]};
        }
        assert_done(telemetry_write(place->telemetry, NULL, 0, batch, ARRAY_SIZE(batch), err));
    }
    assert_whole(place);
    char id[LOG_ID_SIZE] = "";
    struct log_search_end end;
    const struct log_expression text = {.kind = LOG_TEXT, .value = "EEDL"};
    assert_done(telemetry_search_logs(place->telemetry, &(struct log_filter){.text = &text}, NULL, 100,
                                      LIMIT_MS, keep_id, id, &end, err));
    assert_true(end.complete && !*end.cursor);
    assert_non_null(strstr(id, ".77778"));
}

/* ---- a process that is killed ---- */

#define BATCH_MAX 700

/* Numbered rows without end; after each commit the number behind the last goes into the pipe. */
static void write_numbers(struct place *place, int64_t number, int pipe_fd)
{
    static struct log_record batch[BATCH_MAX];
    static char messages[BATCH_MAX][24];
    int64_t start = clock_day_start(clock_day(clock_now_ms()));
    open_place(place);
    for (;;) {
        size_t count = 1 + below(below(2) ? 10 : BATCH_MAX);
        for (size_t i = 0; i < count; i++) {
            snprintf(messages[i], sizeof(messages[i]), "number %lld", (long long)number);
            batch[i] = (struct log_record){
                .timestamp = start + number++, .source = "numbers", .message = messages[i]};
        }
        if (!telemetry_write(place->telemetry, NULL, 0, batch, count, NULL) ||
            write(pipe_fd, &number, sizeof(number)) != sizeof(number))
            _exit(1);
    }
}

static bool take_number(void *context, const struct log_record *log, struct error *err)
{
    int64_t *next = context;
    (void)err;
    assert_int_equal(strtoll(log->message + strlen("number "), NULL, 10), *next);
    ++*next;
    return true;
}

/* What was answered is there, nothing twice and nothing in part, whether it is sealed or not. */
static void a_killed_writer_leaves_whole_blocks(void **state)
{
    struct place *place = *state;
    int64_t next = 0;
    int32_t day = clock_day(clock_now_ms());
    for (int round = 0; round < 8; round++) {
        int ends[2], status;
        int64_t answered = next, number;
        assert_int_equal(pipe(ends), 0);
        close_place(place); /* no threads while forking */
        pid_t child = fork();
        if (child == 0)
            write_numbers(place, next, ends[1]);
        close(ends[1]);
        usleep(100000 + below(400000));
        kill(child, SIGKILL);
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFSIGNALED(status));
        while (read(ends[0], &number, sizeof(number)) == sizeof(number))
            answered = number;
        close(ends[0]);
        open_place(place);
        next = 0;
        assert_done(telemetry_each_log(place->telemetry, day, LIMIT_MS, take_number, &next, err));
        assert_true(next >= answered);
        assert_whole(place);
    }
}

/* What a cursor has passed does not come again, and what was there comes, although others write meanwhile. */
static void a_cursor_goes_on_while_rows_are_written(void **state)
{
    struct place *place = *state;
    int64_t first = first_instant(), last = first + 6 * HOUR_MS;
    write_rows(place, first, last, 1500);
    struct log_filter filter = {0};
    struct comparison comparison = {.count = expect(&filter)};
    struct log_search_end end = {0};
    do {
        assert_done(telemetry_search_logs(place->telemetry, &filter, end.cursor, 100, LIMIT_MS, compare_row,
                                          &comparison, &end, err));
        struct log_record newer = {.timestamp = last + HOUR_MS, .source = "later", .message = "later"};
        for (int i = 0; i < 40; i++)
            assert_done(telemetry_write(place->telemetry, NULL, 0, &newer, 1, err));
    } while (*end.cursor);
    assert_int_equal(comparison.at, comparison.count);
    forget_rows();
}

struct context_check {
    const struct row **rows;
    int at;
};

static bool compare_context(void *context, const struct found_log *found, struct error *err)
{
    struct context_check *check = context;
    (void)err;
    assert_row(&found->record, *check->rows--);
    check->at++;
    return true;
}

static void context_is_what_stands_around(void **state)
{
    struct place *place = *state;
    int64_t first = first_instant(), last = first + 6 * HOUR_MS;
    write_rows(place, first, last, 1000);
    for (int i = 0; i < 15; i++) {
        struct log_filter filter = {0};
        int count = expect(&filter), at = (int)below((uint32_t)count);
        const struct row *row = expected[at];
        /* The id of this very row: the newest up to its instant, after those of the same instant. */
        char id[LOG_ID_SIZE] = "";
        int same_instant = 0;
        while (at - same_instant > 0 &&
               expected[at - same_instant - 1]->record.timestamp == row->record.timestamp)
            same_instant++;
        struct log_search_end end;
        filter.end = row->record.timestamp + 1;
        assert_done(telemetry_search_logs(place->telemetry, &filter, NULL, (size_t)same_instant + 1, LIMIT_MS,
                                          keep_id, id, &end, err));
        struct log_surroundings around = {
            .id = id, .before = below(100), .after = below(100), .same_source = below(2)};
        count = expect(&(struct log_filter){.source = around.same_source ? row->record.source : NULL});
        for (at = 0; expected[at] != row;)
            at++;
        int before = count - 1 - at < (int)around.before ? count - 1 - at : (int)around.before;
        int after = at < (int)around.after ? at : (int)around.after;
        struct context_check check = {.rows = &expected[at + before]};
        assert_done(telemetry_log_context(place->telemetry, &around, LIMIT_MS, compare_context, &check, err));
        assert_int_equal(check.at, before + 1 + after);
    }
    struct error err = {0};
    struct log_surroundings nowhere = {.id = "1.1.1"};
    assert_false(telemetry_log_context(place->telemetry, &nowhere, LIMIT_MS, compare_context, NULL, &err));
    assert_int_equal(err.code, ERROR_NOT_FOUND);
    forget_rows();
}

struct tailed {
    int next; /* in the order of arrival */
    const struct log_filter *filter;
    char last_id[LOG_ID_SIZE];
};

static bool take_tailed(void *context, const struct found_log *found, struct error *err)
{
    struct tailed *tailed = context;
    (void)err;
    while (!plain_matches(tailed->filter, &rows[tailed->next]))
        tailed->next++;
    assert_row(&found->record, &rows[tailed->next++]);
    strcpy(tailed->last_id, found->id);
    return true;
}

static void drain_tail(struct log_tail *tail, struct tailed *tailed)
{
    bool more = true;
    while (more)
        assert_done(log_tail_read(tail, tailed->filter, 70, LIMIT_MS, take_tailed, tailed, &more, err));
    while (tailed->next < row_count && !plain_matches(tailed->filter, &rows[tailed->next]))
        tailed->next++;
    assert_int_equal(tailed->next, row_count);
}

static void the_tail_has_every_row_once(void **state)
{
    struct place *place = *state;
    int64_t now = clock_day_start(clock_day(clock_now_ms())) + 2 * HOUR_MS;
    struct log_tail *tail;
    write_rows(place, now, now + HOUR_MS, 700);
    assert_done(log_tail_open(&tail, place->telemetry, NULL, err));
    struct log_filter filter = {.levels = 13};
    struct tailed tailed = {.next = row_count, .filter = &filter};
    for (int i = 0; i < 12; i++) {
        write_rows(place, now, now + HOUR_MS, 1 + (int)below(300));
        drain_tail(tail, &tailed);
        if (i % 3 == 2 && *tailed.last_id) { /* by the id of the last row that it has shown */
            int last = row_count;
            while (last > 0 && !plain_matches(&filter, &rows[last - 1]))
                last--;
            log_tail_close(tail);
            assert_done(log_tail_open(&tail, place->telemetry, tailed.last_id, err));
            tailed.next = last;
        }
    }
    log_tail_close(tail);
    forget_rows();
}

static void compare_stats(struct place *place, const struct log_filter *filter, int64_t bucket_ms)
{
    struct log_stats stats = {0};
    struct log_filter counted = *filter;
    assert_done(telemetry_log_stats(place->telemetry, filter, bucket_ms, LIMIT_MS, &stats, err));
    assert_true(stats.complete);
    assert_int_equal(stats.by_rollups, bucket_ms % HOUR_MS == 0 && !filter->text && !filter->request_id);
    assert_true(stats.start <= filter->start && stats.end >= filter->end);
    counted.start = stats.start;
    counted.end = stats.end;
    int count = expect(&counted);
    struct log_bucket *buckets = xcalloc(stats.bucket_count, sizeof(*buckets));
    int64_t levels[4] = {0};
    for (int i = 0; i < count; i++) {
        const struct log_record *record = &expected[i]->record;
        struct log_bucket *bucket = &buckets[(record->timestamp - stats.start) / bucket_ms];
        levels[record->level]++;
        bucket->count++;
        bucket->errors += record->level == LOG_ERROR;
    }
    assert_int_equal(stats.total, count);
    assert_memory_equal(stats.by_level, levels, sizeof(levels));
    assert_memory_equal(stats.buckets, buckets, stats.bucket_count * sizeof(*buckets));
    int64_t named = 0;
    for (size_t i = 0; i < stats.sources.count; i++) {
        counted.source = stats.sources.items[i].name;
        assert_int_equal(stats.sources.items[i].count, expect(&counted));
        named += stats.sources.items[i].count;
    }
    counted.source = filter->source;
    assert_int_equal(named + stats.sources.others, count);
    for (size_t i = 0; i < stats.tenants.count; i++) {
        counted.tenant_id = stats.tenants.items[i].name;
        assert_int_equal(stats.tenants.items[i].count, expect(&counted));
    }
    free(buckets);
    log_stats_release(&stats);
}

static void counts_equal_a_plain_count(void **state)
{
    struct place *place = *state;
    int64_t first = first_instant(), last = first + 6 * HOUR_MS;
    write_rows(place, first, last, 1500);
    for (int i = 0; i < 30; i++) {
        struct log_filter filter = random_filter(first, last);
        filter.start = filter.start ? filter.start : first - HOUR_MS;
        filter.end = filter.end ? filter.end : last + HOUR_MS;
        if (below(3) == 0) {
            filter.text = NULL;
            filter.request_id = NULL;
        }
        int64_t widths[] = {HOUR_MS, 2 * HOUR_MS, 10 * MINUTE_MS, 777777};
        compare_stats(place, &filter, widths[below(4)]);
    }
    forget_rows();
}

static void what_is_no_cursor_is_refused(void **state)
{
    struct place *place = *state;
    static const char *const wrong[] = {
        "x",        "1",        "1.2.3",    "1.2.3.4.5", "1.2.3.", "99999999999.1.1.1",
        " 1.2.3.4", "1.2.3.4 ", "+1.2.3.4", "1..3.4"};
    for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
        struct error err = {0};
        struct log_search_end end;
        assert_false(telemetry_search_logs(place->telemetry, &(struct log_filter){0}, wrong[i], 10, LIMIT_MS,
                                           keep_id, NULL, &end, &err));
        assert_int_equal(err.code, ERROR_INVALID);
        error_clear(&err);
        assert_true(strcmp(wrong[i], "1.2.3") == 0 || !log_id_check(wrong[i], &err));
    }
}

int main(void)
{
    clock_set_zone("Asia/Shanghai", NULL);
    log_set_level(LOG_ERROR);
#define PLACE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        PLACE(searches_equal_a_plain_look),
        PLACE(groups_equal_a_plain_look),
        PLACE(full_groups_are_made_while_rows_come),
        PLACE(a_killed_writer_leaves_whole_blocks),
        PLACE(a_cursor_goes_on_while_rows_are_written),
        PLACE(context_is_what_stands_around),
        PLACE(the_tail_has_every_row_once),
        PLACE(counts_equal_a_plain_count),
        PLACE(what_is_no_cursor_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
