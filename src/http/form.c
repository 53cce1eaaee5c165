#include "http/form.h"

#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/temporary_file.h"
#include "base/utf8.h"
#include "http/multipart.h"
#include "http/request.h"

struct form {
    struct http_request *request;
    struct multipart *multipart;
    const char *folder;
    struct http_form_field fields[HTTP_FORM_FIELDS_MAX];
    size_t count;       /* complete ones; the one that comes is the next */
    struct strbuf text; /* of the one that comes, when it is no file */
};

static struct http_form_field *form_field_coming(struct form *form)
{
    return &form->fields[form->count];
}

static bool form_check_field(const struct form *form, const struct multipart_part *part, struct error *err)
{
    for (size_t i = 0; i < form->count; i++)
        if (strcmp(form->fields[i].name, part->name) == 0)
            return error_add_field(err, part->name, "stands twice", "重复");
    return form->count < HTTP_FORM_FIELDS_MAX ||
           error_set(err, ERROR_BAD_REQUEST, "The form has more than %d fields.", "表单字段超过 %d 个。",
                     HTTP_FORM_FIELDS_MAX);
}

static bool form_on_part_begin(void *context, const struct multipart_part *part, struct error *err)
{
    struct form *form = context;
    struct arena *arena = &form->request->arena;
    int fd = -1;
    if (!form_check_field(form, part, err) ||
        (part->filename && !temporary_file_open(form->folder, &fd, err)))
        return false;
    *form_field_coming(form) = (struct http_form_field){
        .name = arena_strdup(arena, part->name),
        .file = {.fd = fd,
                 .filename = arena_strdup(arena, part->filename),
                 .content_type = arena_strdup(arena, part->content_type)},
    };
    strbuf_reset(&form->text);
    return true;
}

/* Into the page cache, as fast as into memory: it may be done on an I/O thread. */
static bool form_on_part_data(void *context, const char *bytes, size_t length, struct error *err)
{
    struct form *form = context;
    struct http_form_field *field = form_field_coming(form);
    if (field->file.fd >= 0) {
        field->file.size += (int64_t)length;
        return temporary_file_write(field->file.fd, bytes, length, err);
    }
    if (form->text.length + length > HTTP_FORM_TEXT_MAX)
        return error_add_field(err, field->name, "is longer than %zu bytes", "超过 %zu 字节",
                               HTTP_FORM_TEXT_MAX);
    strbuf_append(&form->text, bytes, length);
    return true;
}

/* A browser sends an empty file without a name where none was chosen: that is no field at all. */
static bool form_end_file(struct form *form, struct http_form_field *field, struct error *err)
{
    if (field->file.size == 0 && field->file.filename[0] == '\0') {
        close(field->file.fd);
        field->file.fd = -1;
        return true;
    }
    form->count++;
    return lseek(field->file.fd, 0, SEEK_SET) == 0 ||
           error_set(err, ERROR_INTERNAL, "The uploaded file cannot be read again.",
                     "上传的文件无法重新读取。");
}

static bool form_on_part_end(void *context, struct error *err)
{
    struct form *form = context;
    struct http_form_field *field = form_field_coming(form);
    if (field->file.fd >= 0)
        return form_end_file(form, field, err);
    const char *text = strbuf_text(&form->text);
    if (memchr(text, '\0', form->text.length) || !utf8_valid(text, form->text.length))
        return error_add_field(err, field->name, "is not UTF-8 text without NUL",
                               "不是有效的 UTF-8 文本（或含有 NUL）");
    field->text = arena_strndup(&form->request->arena, text, form->text.length);
    form->count++;
    return true;
}

bool form_open(struct form **ret_form, struct http_request *request, const char *folder, struct error *err)
{
    const char *coding = http_request_header(request, "Content-Encoding");
    if (coding && strcasecmp(coding, "identity") != 0)
        return error_set(
            err, ERROR_MEDIA_TYPE,
            "The form is packed (Content-Encoding: %.40s): send it as it is, without that header.",
            "表单经过压缩（Content-Encoding: %.40s）：请去掉该请求头，直接发送原始内容。", coding);
    struct form *form = xcalloc(1, sizeof(*form));
    form->request = request;
    form->folder = folder;
    for (size_t i = 0; i < HTTP_FORM_FIELDS_MAX; i++)
        form->fields[i].file.fd = -1;
    const struct multipart_events events = {form, form_on_part_begin, form_on_part_data, form_on_part_end};
    if (!multipart_open(&form->multipart, http_request_header(request, "Content-Type"), &events, err)) {
        free(form);
        return false;
    }
    *ret_form = form;
    return true;
}

bool form_feed(struct form *form, const char *bytes, size_t length, struct error *err)
{
    return multipart_feed(form->multipart, bytes, length, err);
}

bool form_finish(struct form *form, struct error *err)
{
    if (!multipart_finish(form->multipart, err))
        return false;
    for (size_t i = 0; i + 1 < form->count; i++)
        form->fields[i].next = &form->fields[i + 1];
    form->request->form = form->count > 0 ? form->fields : NULL;
    return true;
}

void form_close(struct form *form)
{
    if (!form)
        return;
    for (size_t i = 0; i < HTTP_FORM_FIELDS_MAX; i++)
        if (form->fields[i].file.fd >= 0)
            close(form->fields[i].file.fd);
    multipart_close(form->multipart);
    strbuf_release(&form->text);
    free(form);
}
