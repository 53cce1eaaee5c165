#include <string.h>

#include "api/route.h"
#include "base/json_reader.h"
#include "platform/text_rules.h"
#include "security/redaction.h"

/* THE place where personal data is masked: every answer by a descriptor goes through here. */
struct answer_mask {
    struct json_mask mask;
    struct call *call;
};

/* What an administrator has sent with this very request, in a field of its body or in a file, nobody needs to
 * hide from them: a write answers what it was given, a preview what is in the file. */
static bool was_sent_by_caller(const struct call *call, const char *text)
{
    const struct http_request *request = call->request;
    if (call->route->permission != PERMISSION_OPS_ADMIN)
        return false;
    if (request->form || !request->body)
        return request->form != NULL;
    CLEANUP(json_delete) cJSON *body = cJSON_ParseWithLength(request->body, request->body_length);
    for (const cJSON *field = body ? body->child : NULL; field; field = field->next) {
        struct text_span sent = text_trim(cJSON_IsString(field) ? field->valuestring : NULL);
        if (sent.length == strlen(text) && memcmp(sent.bytes, text, sent.length) == 0)
            return true;
    }
    return false;
}

static void mask_for_caller(const struct json_mask *mask, enum personal personal, const char *text,
                            struct strbuf *out)
{
    struct call *call = ((const struct answer_mask *)mask)->call;
    size_t start = out->length;
    (personal == PERSONAL_WHOLE ? redact_whole : redact)(out, text);
    bool masked = strcmp(strbuf_text(out) + start, text) != 0;
    if (!masked || (!call->reveal && !was_sent_by_caller(call, text)))
        return;
    call->revealed += call->reveal;
    out->length = start;
    strbuf_puts(out, text);
}

static void reply_begin(struct call *call)
{
    struct http_request *request = call->request;
    strbuf_reset(&request->response.body);
    request->response.status = call->route->status ? call->route->status : 200;
}

bool reply(struct call *call, const struct descriptor *descriptor, const void *object)
{
    struct answer_mask shown = {.mask.apply = mask_for_caller, .call = call};
    struct json_writer w = {.out = &call->request->response.body, .mask = &shown.mask};
    reply_begin(call);
    json_struct(&w, descriptor, object);
    return true;
}

bool reply_list(struct call *call, const struct descriptor *descriptor, const void *items, size_t count,
                int64_t total, int64_t page, int64_t page_size)
{
    struct answer_mask shown = {.mask.apply = mask_for_caller, .call = call};
    struct json_writer w = {.out = &call->request->response.body, .mask = &shown.mask};
    reply_begin(call);
    json_object_begin(&w);
    json_key(&w, "items");
    json_array_begin(&w);
    for (size_t i = 0; i < count; i++)
        json_struct(&w, descriptor, (const char *)items + i * descriptor->size);
    json_array_end(&w);
    json_key_int(&w, "total", total);
    json_key_int(&w, "page", page);
    json_key_int(&w, "page_size", page_size);
    json_object_end(&w);
    return true;
}

bool reply_empty(struct call *call)
{
    call->request->response.status = 204;
    return true;
}

static void reply_begin_download(struct call *call, const char *content_type, const char *file_name)
{
    reply_begin(call);
    call->request->response.content_type = content_type ? content_type : call->route->content_type;
    call->request->response.file_name = file_name;
}

bool reply_stream(struct call *call, const char *content_type, const char *file_name, http_producer produce,
                  void *context)
{
    reply_begin_download(call, content_type, file_name);
    http_response_stream(call->request, produce, context);
    return true;
}

bool reply_file(struct call *call, const char *content_type, const char *file_name, int fd, struct error *err)
{
    reply_begin_download(call, content_type, file_name);
    return http_response_file(call->request, fd, err);
}
