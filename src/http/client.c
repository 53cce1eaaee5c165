#include "http/client.h"

#include <curl/curl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

/* Handles beyond these are made for the call and thrown away after it, with their connections. */
#define IDLE_MAX 32

struct http_client {
    pthread_mutex_t lock;
    CURL *idle[IDLE_MAX]; /* the last used on top: its connection is the likeliest to be open */
    size_t idle_count;
};

struct call {
    CURL *easy;
    struct curl_slist *headers;
    struct http_answer *answer;
};

static void global_init(void)
{
    curl_global_init(CURL_GLOBAL_DEFAULT);
}

struct http_client *http_client_new(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, global_init);
    struct http_client *client = xcalloc(1, sizeof(*client));
    pthread_mutex_init(&client->lock, NULL);
    return client;
}

void http_client_free(struct http_client *client)
{
    if (!client)
        return;
    while (client->idle_count > 0)
        curl_easy_cleanup(client->idle[--client->idle_count]);
    pthread_mutex_destroy(&client->lock);
    free(client);
}

static void client_give_handle(struct http_client *client, CURL *easy)
{
    curl_easy_reset(easy); /* forgets the call, keeps the connections */
    pthread_mutex_lock(&client->lock);
    bool room = client->idle_count < IDLE_MAX;
    if (room)
        client->idle[client->idle_count++] = easy;
    pthread_mutex_unlock(&client->lock);
    if (!room)
        curl_easy_cleanup(easy);
}

static size_t client_take_bytes(char *bytes, size_t size, size_t count, void *context)
{
    struct strbuf *body = context;
    strbuf_append(body, bytes, size * count);
    return body->overflowed ? 0 : size * count;
}

static void call_add_headers(struct call *call, const struct http_header *headers)
{
    for (const struct http_header *h = headers; h; h = h->next) {
        struct strbuf line = {0};
        strbuf_printf(&line, "%s: %s", h->name, h->value);
        call->headers = curl_slist_append(call->headers, strbuf_text(&line));
        strbuf_release(&line);
    }
    /* curl would wait a second for "100 Continue" before it sends a larger body. */
    call->headers = curl_slist_append(call->headers, "Expect:");
}

static void call_set_options(struct call *call, const char *url, int timeout_ms)
{
    CURL *easy = call->easy;
    curl_easy_setopt(easy, CURLOPT_URL, url);
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L); /* signals and threads do not go together */
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)timeout_ms);
    curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
    curl_easy_setopt(easy, CURLOPT_ACCEPT_ENCODING, "");
    curl_easy_setopt(easy, CURLOPT_USERAGENT, "kimono");
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, call->headers);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, client_take_bytes);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, &call->answer->body);
}

static const struct failure_text {
    CURLcode code;
    enum http_failure failure;
    const char *en, *zh;
} failure_texts[] = {
    {CURLE_OPERATION_TIMEDOUT, HTTP_FAILURE_TIMEOUT, "no answer within the time limit", "在时限内没有响应"},
    {CURLE_COULDNT_CONNECT, HTTP_FAILURE_REFUSED, "the connection was refused", "连接被拒绝"},
    {CURLE_COULDNT_RESOLVE_HOST, HTTP_FAILURE_NAME, "the host's name is not known", "无法解析主机名"},
    {CURLE_COULDNT_RESOLVE_PROXY, HTTP_FAILURE_NAME, "the proxy's name is not known", "无法解析代理主机名"},
    {CURLE_SSL_CONNECT_ERROR, HTTP_FAILURE_TLS, "the TLS handshake failed", "TLS 握手失败"},
    {CURLE_PEER_FAILED_VERIFICATION, HTTP_FAILURE_TLS, "its TLS certificate is not to be trusted",
     "TLS 证书不可信"},
    {CURLE_SSL_CACERT_BADFILE, HTTP_FAILURE_TLS,
     "this machine's TLS certificates cannot be read; install ca-certificates",
     "无法读取本机的 TLS 根证书；请安装 ca-certificates"},
    {CURLE_GOT_NOTHING, HTTP_FAILURE_INTERRUPTED, "the connection closed without an answer",
     "连接在响应前被关闭"},
    {CURLE_RECV_ERROR, HTTP_FAILURE_INTERRUPTED, "the connection broke", "连接中断"},
    {CURLE_SEND_ERROR, HTTP_FAILURE_INTERRUPTED, "the connection broke", "连接中断"},
    {CURLE_PARTIAL_FILE, HTTP_FAILURE_INTERRUPTED, "the answer was cut short", "响应不完整"},
    {CURLE_WRITE_ERROR, HTTP_FAILURE_TOO_LARGE, "the answer is too large", "响应过大"},
    {CURLE_URL_MALFORMAT, HTTP_FAILURE_URL, "this is not an address", "地址无效"},
    {CURLE_UNSUPPORTED_PROTOCOL, HTTP_FAILURE_URL, "only http and https are spoken", "仅支持 http 和 https"},
};

/* Scheme and host: what a person needs, without the query, which may hold a secret. */
static int url_origin_length(const char *url)
{
    const char *host = strstr(url, "://");
    size_t length = host ? (size_t)(host - url) + 3 : 0;
    length += strcspn(url + length, "/?#@");
    return (int)(length < 200 ? length : 200);
}

static bool call_explain_failure(CURLcode code, const char *url, struct http_answer *answer,
                                 struct error *err)
{
    struct failure_text text = {code, HTTP_FAILURE_OTHER, curl_easy_strerror(code), curl_easy_strerror(code)};
    for (size_t i = 0; i < ARRAY_SIZE(failure_texts); i++)
        if (failure_texts[i].code == code)
            text = failure_texts[i];
    answer->failure = text.failure;
    strbuf_reset(&answer->body);
    /* Both formats take the same arguments: each prints its own and skips the other with %.0s. */
    return error_set(err, text.failure == HTTP_FAILURE_TIMEOUT ? ERROR_TIMEOUT : ERROR_UNAVAILABLE,
                     "%.*s: %s%.0s.", "%.*s：%.0s%s。", url_origin_length(url), url, text.en, text.zh);
}

static bool call_perform(struct http_client *client, struct call *call, const char *url, struct error *err)
{
    CURLcode code = curl_easy_perform(call->easy);
    long status = 0;
    curl_off_t retry_after = 0;
    curl_easy_getinfo(call->easy, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_getinfo(call->easy, CURLINFO_RETRY_AFTER, &retry_after);
    client_give_handle(client, call->easy);
    curl_slist_free_all(call->headers);
    if (code != CURLE_OK)
        return call_explain_failure(code, url, call->answer, err);
    call->answer->status = (int)status;
    call->answer->retry_after_seconds = retry_after < 86400 ? (int)retry_after : 86400;
    return true;
}

static void call_begin(struct http_client *client, struct call *call, const char *url,
                       const struct http_header *headers, int timeout_ms)
{
    pthread_mutex_lock(&client->lock);
    call->easy = client->idle_count > 0 ? client->idle[--client->idle_count] : NULL;
    pthread_mutex_unlock(&client->lock);
    if (!call->easy)
        call->easy = curl_easy_init();
    call->answer->status = call->answer->retry_after_seconds = 0;
    call->answer->failure = HTTP_FAILURE_NONE;
    strbuf_reset(&call->answer->body);
    call_add_headers(call, headers);
    call_set_options(call, url, timeout_ms);
}

bool http_client_get(struct http_client *client, const char *url, const struct http_header *headers,
                     int timeout_ms, struct http_answer *answer, struct error *err)
{
    struct call call = {.answer = answer};
    call_begin(client, &call, url, headers, timeout_ms);
    return call_perform(client, &call, url, err);
}

bool http_client_post(struct http_client *client, const char *url, const struct http_header *headers,
                      const void *body, size_t body_length, int timeout_ms, struct http_answer *answer,
                      struct error *err)
{
    struct call call = {.answer = answer};
    call_begin(client, &call, url, headers, timeout_ms);
    curl_easy_setopt(call.easy, CURLOPT_POST, 1L);
    curl_easy_setopt(call.easy, CURLOPT_POSTFIELDS, body ? body : "");
    curl_easy_setopt(call.easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)body_length);
    return call_perform(client, &call, url, err);
}
