/* Customers who keep asking: each thread takes the next question when its time has come, so that the
 * rate is kept whatever the answers take. Everything goes over HTTP, as from a shop's own page. */
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/histogram.h"
#include "base/json_reader.h"
#include "base/json_writer.h"
#include "cli/demo.h"
#include "cli/demo_corpus.h"
#include "cli/demo_random.h"
#include "http/client.h"
#include "platform/tenants.h"
#include "store/store.h"

#define THREADS_MAX 64
#define REPORT_SECONDS 10
#define ANSWER_LIMIT_MS 30000
#define ANSWER_BYTES_MAX 262144

struct outcomes {
    int64_t asked, answered, not_known, suspended, refused, failed, feedbacks;
};

struct live {
    const char *server;
    char (*keys)[80];
    size_t key_count;
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

static void ask_to_stop(int signal_number)
{
    (void)signal_number;
    stop_asked = true;
}

static const char *draw_text(struct demo_random *random)
{
    if (demo_random_unit(random) < 0.07)
        return demo_unknown_questions[demo_random_below(random, demo_unknown_question_count)];
    const struct demo_pair *pair = &demo_pairs[demo_random_below(random, demo_pair_count)];
    size_t wordings = 0;
    while (pair->asked[wordings])
        wordings++;
    return pair->asked[demo_random_below(random, wordings)];
}

static const char *draw_key(const struct live *live, struct demo_random *random)
{
    double mark = demo_random_unit(random) * live->weights[live->key_count - 1];
    size_t low = 0, high = live->key_count - 1;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (live->weights[middle] <= mark)
            low = middle + 1;
        else
            high = middle;
    }
    return live->keys[low];
}

static bool post(struct live *live, const char *path, const char *key, const struct strbuf *body,
                 struct http_answer *answer, struct error *err)
{
    char url[512];
    struct http_header type = {"Content-Type", "application/json", NULL};
    struct http_header api_key = {"X-API-Key", key, &type};
    snprintf(url, sizeof(url), "%s/api/v1%s", live->server, path);
    return http_client_post(live->client, url, &api_key, body->bytes, body->length, ANSWER_LIMIT_MS, answer,
                            err);
}

static void note_failure(struct live *live, const struct http_answer *answer, const struct error *err)
{
    live->outcomes.failed++;
    if (err->code != ERROR_NONE)
        snprintf(live->last_error, sizeof(live->last_error), "%s", err->detail[LANGUAGE_EN]);
    else
        snprintf(live->last_error, sizeof(live->last_error), "status %d: %.300s", answer->status,
                 strbuf_text(&answer->body));
}

/* What came back, into the totals; the message's id when it was answered. */
static void note_answer(struct live *live, const struct http_answer *answer, int64_t took_us,
                        const struct error *err, char ret_message_id[static 64])
{
    CLEANUP(json_delete) cJSON *body = NULL;
    struct error ignored;
    error_clear(&ignored);
    if (answer->status == 200)
        json_parse(strbuf_text(&answer->body), answer->body.length, &body, &ignored);
    const cJSON *id = cJSON_GetObjectItemCaseSensitive(body, "message_id");
    if (cJSON_IsString(id))
        snprintf(ret_message_id, 64, "%s", id->valuestring);
    pthread_mutex_lock(&live->lock);
    live->outcomes.asked++;
    if (cJSON_IsString(id)) {
        bool known = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(body, "answered"));
        live->outcomes.answered += known;
        live->outcomes.not_known += !known;
        histogram_add(&live->latencies, took_us);
    } else if (answer->status == 403) {
        live->outcomes.suspended++;
    } else if (answer->status == 429 || answer->status == 503) {
        live->outcomes.refused++;
    } else {
        note_failure(live, answer, err);
    }
    pthread_mutex_unlock(&live->lock);
}

static void give_feedback(struct live *live, const char *key, const char *message_id,
                          struct demo_random *random)
{
    CLEANUP(strbuf_release) struct strbuf body = {0};
    struct json_writer w = {.out = &body};
    struct http_answer answer = {.body.ceiling = ANSWER_BYTES_MAX};
    struct error err;
    error_clear(&err);
    bool good = demo_random_unit(random) < 0.65;
    json_object_begin(&w);
    json_key_text(&w, "message_id", message_id);
    json_key_text(&w, "rating", good ? "good" : "bad");
    if (!good && demo_random_unit(random) < 0.3)
        json_key_text(&w, "correction",
                      demo_corrections[demo_random_below(random, demo_correction_count)].correction);
    json_object_end(&w);
    if (post(live, "/feedback", key, &body, &answer, &err) && answer.status == 200) {
        pthread_mutex_lock(&live->lock);
        live->outcomes.feedbacks++;
        pthread_mutex_unlock(&live->lock);
    }
    strbuf_release(&answer.body);
}

static void ask(struct live *live, int64_t number)
{
    struct demo_random random = demo_random_for((uint64_t)live->began_us, (uint64_t)number);
    CLEANUP(strbuf_release) struct strbuf body = {0};
    struct json_writer w = {.out = &body};
    struct http_answer answer = {.body.ceiling = ANSWER_BYTES_MAX};
    struct error err;
    error_clear(&err);
    const char *key = draw_key(live, &random);
    char message_id[64] = "";
    json_object_begin(&w);
    json_key_text(&w, "message", draw_text(&random));
    json_object_end(&w);
    int64_t began_us = clock_monotonic_us();
    post(live, "/chat/message", key, &body, &answer, &err);
    note_answer(live, &answer, clock_monotonic_us() - began_us, &err, message_id);
    strbuf_release(&answer.body);
    if (*message_id && demo_random_unit(&random) < 0.07)
        give_feedback(live, key, message_id, &random);
}

/* Sleeps at most a tenth of a second at a time, so that a signal is heeded. */
static bool wait_until(const struct live *live, int64_t due_us)
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

static void *keep_asking(void *context)
{
    struct live *live = context;
    for (;;) {
        int64_t number = live->next++;
        if (!wait_until(live, live->began_us + number * 1000000 / live->rate))
            return NULL;
        ask(live, number);
    }
}

static void report(struct live *live)
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

static bool take_key(void *context, const struct tenant *tenant)
{
    struct live *live = context;
    live->keys = xrealloc(live->keys, (live->key_count + 1) * sizeof(*live->keys));
    live->weights = xrealloc(live->weights, (live->key_count + 1) * sizeof(*live->weights));
    snprintf(live->keys[live->key_count], sizeof(*live->keys), "%s", tenant->api_key);
    double before = live->key_count ? live->weights[live->key_count - 1] : 0;
    live->weights[live->key_count] = before + 1 / ((double)live->key_count + 3);
    live->key_count++;
    return true;
}

static bool read_keys(const struct invocation *invocation, struct live *live, struct error *err)
{
    struct app *app;
    struct app_options options = {.settings = invocation->settings, .depth = APP_STORE, .must_exist = true};
    if (!app_open(&app, &options, err))
        return false;
    struct db *db = NULL;
    bool done = store_reader(app_platform(app)->store, READ_LIMIT_MS, &db, err) &&
                tenant_list(db, take_key, live, err);
    store_reader_return(db);
    app_close(app);
    if (done && live->key_count == 0)
        return error_set(err, ERROR_NOT_FOUND, "the store has no tenants: run 'kimono demo' first",
                         "数据库中没有商家：请先运行 kimono demo");
    return done;
}

static void run_threads(struct live *live)
{
    pthread_t threads[THREADS_MAX];
    size_t count = live->rate < 8     ? 4
                   : live->rate > 400 ? THREADS_MAX
                                      : (size_t)live->rate / 8 + 4,
           started = 0;
    while (started < count && pthread_create(&threads[started], NULL, keep_asking, live) == 0)
        started++;
    int64_t next_report = live->began_us;
    while (started > 0 && wait_until(live, next_report += REPORT_SECONDS * 1000000))
        report(live);
    for (size_t i = 0; i < started; i++)
        pthread_join(threads[i], NULL);
    report(live);
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
    if (!read_keys(invocation, &live, &err)) {
        free(live.keys);
        free(live.weights);
        return cli_fail(invocation, &err);
    }
    signal(SIGINT, ask_to_stop);
    signal(SIGTERM, ask_to_stop);
    live.client = http_client_new();
    live.began_us = clock_monotonic_us();
    live.until_us = duration ? live.began_us + duration * 1000000 : 0;
    run_threads(&live);
    http_client_free(live.client);
    free(live.keys);
    free(live.weights);
    return live.outcomes.failed ? CLI_FAILED : CLI_DONE;
}
