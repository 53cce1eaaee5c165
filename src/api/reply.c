#include "api/route.h"

static struct json_writer begin_answer(struct call *call)
{
    struct http_request *request = call->request;
    strbuf_reset(&request->response.body);
    request->response.status = call->route->status ? call->route->status : 200;
    return (struct json_writer){.out = &request->response.body};
}

bool reply(struct call *call, const struct descriptor *descriptor, const void *object)
{
    struct json_writer w = begin_answer(call);
    json_struct(&w, descriptor, object);
    return true;
}

bool reply_list(struct call *call, const struct descriptor *descriptor, const void *items, size_t count,
                int64_t total, int64_t page, int64_t page_size)
{
    struct json_writer w = begin_answer(call);
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

static void begin_download(struct call *call, const char *content_type, const char *file_name)
{
    begin_answer(call);
    call->request->response.content_type = content_type ? content_type : call->route->content_type;
    call->request->response.file_name = file_name;
}

bool reply_stream(struct call *call, const char *content_type, const char *file_name, http_producer produce,
                  void *context)
{
    begin_download(call, content_type, file_name);
    http_response_stream(call->request, produce, context);
    return true;
}

bool reply_file(struct call *call, const char *content_type, const char *file_name, int fd, struct error *err)
{
    begin_download(call, content_type, file_name);
    return http_response_file(call->request, fd, err);
}
