/* Customers who keep asking: each thread takes the next question when its time has come, so that the
 * rate is kept whatever the answers take. Everything goes over HTTP, as from a shop's own page. They ask a shop what it
 * knows (its pairs are read once, at the beginning), what it does not, and what no shop does; and they say what was
 * right only where it was not answered, so that what is learned from them is right. */
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/histogram.h"
#include "base/json_reader.h"
#include "base/json_writer.h"
#include "cli/demo.h"
#include "cli/demo_corpus.h"
#include "cli/demo_random.h"
#include "cli/demo_world.h"
#include "http/client.h"
#include "platform/tenants/tenants.h"
#include "store/store.h"

#define THREADS_MAX 64
#define REPORT_SECONDS 10
#define ANSWER_LIMIT_MS 30000
#define ANSWER_BYTES_MAX 262144

struct outcomes {
    int64_t asked, answered, not_known, suspended, refused, failed, feedbacks;
};

/* What a customer may ask a shop: a wording, and the answer that the shop has for it. */
struct live_question {
    const char *asked; /* of the corpus */
    char *answer;
};

#define READ_SHOPS 200 /* whose pairs are read; the others are asked what nobody has written down */

struct live_shop {
    char key[80];
    size_t index; /* of its profile */
    struct live_question *questions;
    size_t question_count;
};

struct live {
    const char *server;
    struct live_shop *shops;
    size_t shop_count;
    double *weights; /* cumulative */
    int64_t rate, until_us, began_us;
    struct http_client *client;
    _Atomic int64_t next; /* number of the next question */
    pthread_mutex_t lock;
    struct outcomes outcomes;   /* under the lock */
    struct histogram latencies; /* under the lock */
    char last_error[384];       /* under the lock */
};

static atomic_bool stop_asked;

static void live_request_stop(int signal_number)
{
    (void)signal_number;
    stop_asked = true;
}

#define UNKNOWN_SHARE .05
#define GAP_SHARE .05

/* What is asked, and what would be right; "": nothing. */
struct live_ask {
    const char *message, *right;
};

static struct live_ask live_draw_question(const struct live_shop *shop, struct demo_random *random)
{
    double kind = demo_random_unit(random);
    if (kind < UNKNOWN_SHARE)
        return (struct live_ask){
            demo_unknown_questions[demo_random_below(random, demo_unknown_question_count)], ""};
    if (kind < UNKNOWN_SHARE + GAP_SHARE || shop->question_count == 0) {
        const struct demo_gap *gap = &demo_gaps[demo_random_below(random, demo_gap_count)];
        return (struct live_ask){gap->question, gap->correction};
    }
    const struct live_question *question = &shop->questions[demo_random_below(random, shop->question_count)];
    return (struct live_ask){question->asked, question->answer};
}

static const struct live_shop *live_draw_shop(const struct live *live, struct demo_random *random)
{
    double mark = demo_random_unit(random) * live->weights[live->shop_count - 1];
    size_t low = 0, high = live->shop_count - 1;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (live->weights[middle] <= mark)
            low = middle + 1;
        else
            high = middle;
    }
    return &live->shops[low];
}

static bool live_post(struct live *live, const char *path, const char *key, const struct strbuf *body,
                      struct http_answer *answer, struct error *err)
{
    char url[512];
    struct http_header type = {"Content-Type", "application/json", NULL};
    struct http_header api_key = {"X-API-Key", key, &type};
    snprintf(url, sizeof(url), "%s/api/v1%s", live->server, path);
    return http_client_post(live->client, url, &api_key, body->bytes, body->length, ANSWER_LIMIT_MS, answer,
                            err);
}

/* What came back. */
struct live_reply {
    char message_id[64]; /* "": none came */
    bool is_known, is_right;
};

static void live_note_answer(struct live *live, const struct http_answer *answer, int64_t took_us,
                             const struct error *err, const char *right, struct live_reply *ret_reply)
{
    CLEANUP(json_delete) cJSON *body = NULL;
    struct error ignored;
    error_clear(&ignored);
    if (answer->status == 200)
        json_parse(strbuf_text(&answer->body), answer->body.length, &body, &ignored);
    const cJSON *id = cJSON_GetObjectItemCaseSensitive(body, "message_id");
    if (cJSON_IsString(id)) {
        const cJSON *text = cJSON_GetObjectItemCaseSensitive(body, "answer");
        snprintf(ret_reply->message_id, sizeof(ret_reply->message_id), "%s", id->valuestring);
        ret_reply->is_known = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(body, "answered"));
        ret_reply->is_right = cJSON_IsString(text) && strcmp(text->valuestring, right) == 0;
    }
    pthread_mutex_lock(&live->lock);
    live->outcomes.asked++;
    if (cJSON_IsString(id)) {
        live->outcomes.answered += ret_reply->is_known;
        live->outcomes.not_known += !ret_reply->is_known;
        histogram_add(&live->latencies, took_us);
    } else if (answer->status == 403) {
        live->outcomes.suspended++;
    } else if (answer->status == 429 || answer->status == 503) {
        live->outcomes.refused++;
    } else {
        live->outcomes.failed++;
        if (err->code != ERROR_NONE)
            snprintf(live->last_error, sizeof(live->last_error), "%s", err->detail[LANGUAGE_EN]);
        else
            snprintf(live->last_error, sizeof(live->last_error), "status %d: %.300s", answer->status,
                     strbuf_text(&answer->body));
    }
    pthread_mutex_unlock(&live->lock);
}

/* Customers find right answers good, nearly always; who got none, or a wrong one, may say what is right. */
static void live_give_feedback(struct live *live, const char *key, const struct live_reply *reply,
                               const char *right, struct demo_random *random)
{
    CLEANUP(strbuf_release) struct strbuf body = {0};
    struct json_writer w = {.out = &body};
    struct http_answer answer = {.body.ceiling = ANSWER_BYTES_MAX};
    struct error err;
    error_clear(&err);
    bool good = demo_random_unit(random) < (reply->is_known && reply->is_right ? 0.94
                                            : reply->is_known                  ? 0.3
                                                                               : 0.05);
    bool corrects = !good && *right && !reply->is_right && demo_random_unit(random) < 0.5;
    json_object_begin(&w);
    json_key_text(&w, "message_id", reply->message_id);
    json_key_text(&w, "rating", good ? "good" : "bad");
    if (corrects)
        json_key_text(&w, "correction", right);
    json_object_end(&w);
    if (live_post(live, "/feedback", key, &body, &answer, &err) && answer.status == 200) {
        pthread_mutex_lock(&live->lock);
        live->outcomes.feedbacks++;
        pthread_mutex_unlock(&live->lock);
    }
    strbuf_release(&answer.body);
}

static void live_ask_question(struct live *live, int64_t number)
{
    struct demo_random random = demo_random_for((uint64_t)live->began_us, (uint64_t)number);
    CLEANUP(strbuf_release) struct strbuf body = {0};
    struct json_writer w = {.out = &body};
    struct http_answer answer = {.body.ceiling = ANSWER_BYTES_MAX};
    struct error err;
    error_clear(&err);
    const struct live_shop *shop = live_draw_shop(live, &random);
    struct live_ask asked = live_draw_question(shop, &random);
    struct live_reply reply = {0};
    json_object_begin(&w);
    json_key_text(&w, "message", asked.message);
    json_object_end(&w);
    int64_t began_us = clock_monotonic_us();
    live_post(live, "/chat/message", shop->key, &body, &answer, &err);
    live_note_answer(live, &answer, clock_monotonic_us() - began_us, &err, asked.right, &reply);
    strbuf_release(&answer.body);
    if (*reply.message_id && demo_random_unit(&random) < 0.07)
        live_give_feedback(live, shop->key, &reply, asked.right, &random);
}

/* Sleeps at most a tenth of a second at a time, so that a signal stops it. */
static bool live_wait_until(const struct live *live, int64_t due_us)
{
    while (!stop_asked) {
        int64_t now = clock_monotonic_us(), left = due_us - now;
        if (live->until_us && now >= live->until_us)
            return false;
        if (left <= 0)
            return true;
        usleep((useconds_t)(left < 100000 ? left : 100000));
    }
    return false;
}

static void *live_main(void *context)
{
    struct live *live = context;
    for (;;) {
        int64_t number = live->next++;
        if (!live_wait_until(live, live->began_us + number * 1000000 / live->rate))
            return NULL;
        live_ask_question(live, number);
    }
}

static void live_report(struct live *live)
{
    pthread_mutex_lock(&live->lock);
    const struct outcomes *o = &live->outcomes;
    printf(
        "asked %lld: answered %lld, not known %lld, suspended %lld, refused %lld, failed %lld; feedback %lld;"
        " p50 %.1f ms, p99 %.1f ms\n",
        (long long)o->asked, (long long)o->answered, (long long)o->not_known, (long long)o->suspended,
        (long long)o->refused, (long long)o->failed, (long long)o->feedbacks,
        histogram_quantile(&live->latencies, 0.5) / 1000, histogram_quantile(&live->latencies, 0.99) / 1000);
    if (*live->last_error)
        printf("last failure: %s\n", live->last_error);
    live->last_error[0] = '\0';
    fflush(stdout);
    pthread_mutex_unlock(&live->lock);
}

static bool live_take_shop(void *context, const struct tenant *tenant)
{
    struct live *live = context;
    live->shops = xrealloc(live->shops, (live->shop_count + 1) * sizeof(*live->shops));
    live->weights = xrealloc(live->weights, (live->shop_count + 1) * sizeof(*live->weights));
    struct demo_composed composed;
    double before = live->shop_count ? live->weights[live->shop_count - 1] : 0;
    const char *number =
        strrchr(tenant->id, '_'); /* "tenant_007"; of shops that are none of ours any will do */
    size_t index = number && atol(number + 1) > 0 ? (size_t)atol(number + 1) - 1 : live->shop_count;
    struct demo_profile profile = demo_profile_of(index, 0, &composed);
    bool is_asked = profile.fate != DEMO_FALLS_SILENT && strcmp(tenant->status, "active") == 0;
    live->shops[live->shop_count] = (struct live_shop){.index = index};
    snprintf(live->shops[live->shop_count].key, sizeof(live->shops->key), "%s", tenant->api_key);
    /* Who hears that a shop is closed asks seldom again. */
    live->weights[live->shop_count] = before + profile.weight * (is_asked ? 1 : 0.01);
    live->shop_count++;
    return true;
}

/* The wordings of an item, each with the shop's answer. */
static void live_take_item(struct live_shop *shop, const struct demo_item *item, const char *answer)
{
    for (size_t i = 0; item->asked[i]; i++) {
        shop->questions = xrealloc(shop->questions, (shop->question_count + 1) * sizeof(*shop->questions));
        shop->questions[shop->question_count++] = (struct live_question){item->asked[i], xstrdup(answer)};
    }
}

#define SAID_SIZE 512
static const char SQL_PAIRS[] =
    "SELECT p.question, p.answer FROM qa_pairs p JOIN tenants t ON t.id = p.tenant_id"
    " WHERE t.api_key = $1 AND p.deleted_at IS NULL LIMIT 1000";

/* A pair is known by its question, as the shop says that. */
static bool live_read_pairs(struct db *db, struct live_shop *shop, struct error *err)
{
    CLEANUP(db_rows_release) struct db_rows rows = {0};
    struct demo_composed composed;
    struct demo_profile profile = demo_profile_of(shop->index, 0, &composed);
    size_t count = demo_items_count(&profile);
    char(*said)[SAID_SIZE] = xcalloc(count, sizeof(*said));
    for (size_t place = 0; place < count; place++) {
        struct demo_item item = demo_item_at(&profile, place);
        demo_say(&profile, item.question, said[place], sizeof(said[place]));
    }
    bool done = db_query(db, SQL_PAIRS, DB_ARGS(db_text(shop->key)), &rows, err);
    while (done && db_next(&rows))
        for (size_t place = 0; place < count; place++)
            if (strcmp(said[place], db_column_text(&rows, 0)) == 0) {
                struct demo_item item = demo_item_at(&profile, place);
                live_take_item(shop, &item, db_column_text(&rows, 1));
                break;
            }
    free(said);
    return done && db_done(&rows, err);
}

static bool live_read_shops(const struct invocation *invocation, struct live *live, struct error *err)
{
    struct app *app;
    struct app_options options = {.settings = invocation->settings, .depth = APP_STORE, .must_exist = true};
    if (!app_open(&app, &options, err))
        return false;
    struct db *db = NULL;
    bool done = store_reader(app_platform(app)->store, READ_LIMIT_MS, &db, err) &&
                tenant_list(db, live_take_shop, live, err);
    for (size_t i = 0; done && i < live->shop_count && i < READ_SHOPS; i++)
        done = live_read_pairs(db, &live->shops[i], err);
    store_reader_return(db);
    app_close(app);
    if (done && live->shop_count == 0)
        return error_set(err, ERROR_NOT_FOUND, "the store has no tenants: run 'kimono demo' first",
                         "数据库中没有商家：请先运行 kimono demo");
    return done;
}

static void live_release_shops(struct live *live)
{
    for (size_t i = 0; i < live->shop_count; i++) {
        for (size_t k = 0; k < live->shops[i].question_count; k++)
            free(live->shops[i].questions[k].answer);
        free(live->shops[i].questions);
    }
    free(live->shops);
    free(live->weights);
}

static void live_run_threads(struct live *live)
{
    pthread_t threads[THREADS_MAX];
    size_t count = live->rate < 8     ? 4
                   : live->rate > 400 ? THREADS_MAX
                                      : (size_t)live->rate / 8 + 4,
           started = 0;
    while (started < count && pthread_create(&threads[started], NULL, live_main, live) == 0)
        started++;
    int64_t next_report = live->began_us;
    while (started > 0 && live_wait_until(live, next_report += REPORT_SECONDS * 1000000))
        live_report(live);
    for (size_t i = 0; i < started; i++)
        pthread_join(threads[i], NULL);
    live_report(live);
}

enum cli_status demo_live_run(const struct invocation *invocation)
{
    struct live live = {.lock = PTHREAD_MUTEX_INITIALIZER, .server = cli_option(invocation, "server")};
    struct error err;
    error_clear(&err);
    int64_t duration;
    if (!cli_option_int(invocation, "rate", 1, 10000, 5, &live.rate) ||
        !cli_option_int(invocation, "duration", 0, 86400 * 365, 0, &duration))
        return CLI_USAGE;
    if (!live.server)
        live.server = "http://127.0.0.1:8080";
    if (!live_read_shops(invocation, &live, &err)) {
        live_release_shops(&live);
        return cli_fail(invocation, &err);
    }
    signal(SIGINT, live_request_stop);
    signal(SIGTERM, live_request_stop);
    live.client = http_client_new();
    live.began_us = clock_monotonic_us();
    live.until_us = duration ? live.began_us + duration * 1000000 : 0;
    live_run_threads(&live);
    http_client_free(live.client);
    live_release_shops(&live);
    return live.outcomes.failed ? CLI_FAILED : CLI_DONE;
}
