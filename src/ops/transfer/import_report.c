#include <stdio.h>
#include <string.h>

#include "base/json_reader.h"
#include "base/json_writer.h"
#include "base/utf8.h"
#include "ops/transfer/import_run.h"

/* ---- figures ---- */

static void import_write_figures(struct json_writer *w, const struct import *import,
                                 const struct import_result *result)
{
    json_key_text(w, "file", import->file);
    json_key_text(w, "mode", import_mode_name(import->request->mode));
    json_key_int(w, "total", result->total);
    json_key_int(w, "created", result->created);
    json_key_int(w, "updated", result->updated);
    json_key_int(w, "skipped", result->skipped);
    json_key_int(w, "failed", result->failed);
}

static void import_write_errors(struct json_writer *w, const struct import *import,
                                const struct import_result *result)
{
    json_key(w, "errors");
    json_array_begin(w);
    for (size_t i = 0; i < result->error_count; i++) {
        json_object_begin(w);
        json_key_int(w, "row", result->errors[i].row);
        json_key_text(w, "column", result->errors[i].column);
        json_key_text(w, "message", result->errors[i].message[import->language]);
        json_object_end(w);
    }
    json_array_end(w);
    json_key(w, "headings");
    json_array_begin(w);
    for (size_t i = 0; i < import->heading_count; i++)
        json_text(w, import->headings[i]);
    json_array_end(w);
}

static void import_write_warnings(struct json_writer *w, struct import *import)
{
    size_t count;
    const struct import_warning *list =
        import_warnings_list(&import->warnings, import->language, &import->arena, &count);
    json_key(w, "warnings");
    json_array_begin(w);
    for (size_t i = 0; i < count; i++) {
        json_object_begin(w);
        json_key_text(w, "code", list[i].code);
        json_key_text(w, "message", list[i].message);
        json_key_int(w, "row", list[i].row);
        json_key_int(w, "count", list[i].count);
        json_object_end(w);
    }
    json_array_end(w);
}

/* ---- the job's row ---- */

bool import_report(struct db *db, struct import *import, struct error *err)
{
    CLEANUP(strbuf_release) struct strbuf text = {0};
    struct json_writer w = {.out = &text};
    if (!import->run)
        return true;
    for (size_t i = 0; i < import->item_count; i++) {
        const struct item *item = &import->items[i];
        if (item->verdict != FAILED)
            continue;
        strbuf_reset(&text);
        import_write_detail(&item->row, &text);
        if (!job_item_add(db, import->run, item->row.number, import->request->tenant_id, "failed",
                          strbuf_text(&text), err))
            return false;
    }
    strbuf_reset(&text);
    json_object_begin(&w);
    import_write_figures(&w, import, import->next);
    json_key_bool(&w, "dry_run", import->request->dry_run);
    import_write_errors(&w, import, import->next);
    import_write_warnings(&w, import);
    json_object_end(&w);
    return job_step(db, import->run, import->done + (int64_t)import->item_count, strbuf_text(&text), err);
}

static void import_read_errors(const cJSON *errors, struct import_result *result)
{
    for (const cJSON *one = errors ? errors->child : NULL; one && result->error_count < IMPORT_ERRORS_MAX;
         one = one->next) {
        struct import_error *error = &result->errors[result->error_count++];
        const cJSON *column = cJSON_GetObjectItemCaseSensitive(one, "column");
        const cJSON *message = cJSON_GetObjectItemCaseSensitive(one, "message");
        json_is_integer(cJSON_GetObjectItemCaseSensitive(one, "row"), &error->row);
        utf8_copy(error->column, sizeof(error->column), cJSON_IsString(column) ? column->valuestring : "");
        for (size_t language = 0; language < LANGUAGE_COUNT; language++)
            utf8_copy(error->message[language], sizeof(error->message[0]),
                      cJSON_IsString(message) ? message->valuestring : "");
    }
}

bool import_resume(struct import *import, struct error *err)
{
    CLEANUP(json_delete) cJSON *root = NULL;
    struct import_result *result = import->result;
    struct {
        const char *name;
        int64_t *value;
    } figures[] = {{"created", &result->created},
                   {"updated", &result->updated},
                   {"skipped", &result->skipped},
                   {"failed", &result->failed}};
    const struct job *job = import->run->job;
    import->done = job->progress_done;
    if (!job->result || job->progress_done == 0)
        return true;
    if (!json_parse(job->result, strlen(job->result), &root, err))
        return error_prefix(err, "result of the earlier run", "此前运行的结果");
    for (size_t i = 0; i < ARRAY_SIZE(figures); i++)
        json_is_integer(cJSON_GetObjectItemCaseSensitive(root, figures[i].name), figures[i].value);
    import_read_errors(cJSON_GetObjectItemCaseSensitive(root, "errors"), result);
    return true;
}

/* ---- the audit log ---- */

static void import_write_audit(struct strbuf *out, const struct import *import,
                               const struct import_result *result)
{
    struct json_writer w = {.out = out};
    json_object_begin(&w);
    import_write_figures(&w, import, result);
    if (import->job_id)
        json_key_text(&w, "job_id", import->job_id);
    json_object_end(&w);
}

static struct audit_entry import_audit_entry(const struct import *import, const struct strbuf *figures)
{
    return (struct audit_entry){
        .action = IMPORT_KIND,
        .target_type = "tenant",
        .target_id = import->request->tenant_id,
        .after = strbuf_text(figures),
    };
}

bool import_audit(struct db *db, const struct import *import, struct error *err)
{
    CLEANUP(strbuf_release) struct strbuf text = {0};
    import_write_audit(&text, import, import->next);
    struct audit_entry entry = import_audit_entry(import, &text);
    return audit_append(db, import->request->actor, &entry, err);
}

bool import_report_failure(struct import *import, struct error *err)
{
    int64_t written = import->result->created + import->result->updated;
    if (written == 0 || import->request->dry_run)
        return false;
    CLEANUP(strbuf_release) struct strbuf text = {0};
    import_write_audit(&text, import, import->result);
    struct audit_entry entry = import_audit_entry(import, &text);
    entry.result = "failed";
    entry.reason = err->detail[LANGUAGE_EN];
    audit_note(import->store, import->request->actor, &entry, NULL);
    return error_prefix(err, "stopped after %lld pairs were written (import the file again to complete it)",
                        "已写入 %lld 条后中止（重新导入该文件即可补全）", (long long)written);
}
