#include "http/problem.h"

#include <stdio.h>

#include "http/exchange.h"

static void problem_write_fields(struct json_writer *w, const struct error *err, enum language language)
{
    json_key(w, "errors");
    json_array_begin(w);
    for (size_t i = 0; i < err->field_count; i++) {
        json_object_begin(w);
        json_key_text(w, "field", err->fields[i].field);
        json_key_text(w, "message", err->fields[i].message[language]);
        json_object_end(w);
    }
    json_array_end(w);
}

static void problem_write(struct json_writer *w, const struct http_request *request, const struct error *err)
{
    char type[64];
    snprintf(type, sizeof(type), "/problems/%s", error_slug(err->code));
    json_object_begin(w);
    json_key_text(w, "type", type);
    json_key_text(w, "title", error_title(err->code, request->language));
    json_key_int(w, "status", error_status(err->code));
    json_key_text(w, "detail", err->detail[request->language]);
    json_key_text(w, "request_id", request->request_id);
    if (err->field_count > 0)
        problem_write_fields(w, err, request->language);
    json_object_end(w);
}

void http_response_problem(struct http_request *request, const struct error *err)
{
    exchange_drop_content(request->exchange);
    strbuf_reset(&request->response.body);
    request->response.file_name = NULL;
    request->response.fixed_body = NULL;
    request->response.fixed_length = 0;
    request->response.etag = NULL;
    request->response.status = error_status(err->code);
    request->response.content_type = "application/problem+json";
    struct json_writer w = {.out = &request->response.body};
    problem_write(&w, request, err);
    if (err->retry_after_seconds > 0) {
        char seconds[16];
        snprintf(seconds, sizeof(seconds), "%d", err->retry_after_seconds);
        http_response_header(request, "Retry-After", seconds);
    }
}
