#include <string.h>

#include "base/memory.h"
#include "ops/transfer/import_run.h"
#include "platform/tenants/tenants.h"

#define READ_LIMIT 60000              /* ms, for the lookups of a dry run's batch */
#define BATCH_BYTES ((size_t)4 << 20) /* of a batch's texts, more or less */

const char *const import_modes[] = {
    [IMPORT_UPSERT] = "upsert", [IMPORT_CREATE] = "create", [IMPORT_SKIP] = "skip", NULL};

bool import_mode_parse(const char *name, enum import_mode *ret_mode)
{
    for (size_t i = 0; import_modes[i]; i++)
        if (strcmp(name, import_modes[i]) == 0) {
            *ret_mode = (enum import_mode)i;
            return true;
        }
    return false;
}

const char *import_mode_name(enum import_mode mode)
{
    return import_modes[mode];
}

const char *import_file_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

/* ---- batches ---- */

static bool import_begin_work(struct db *db, void *context, struct error *err)
{
    const struct import *import = context;
    return job_set_total(db, import->run, import->rows, err);
}

static bool import_batch_work(struct db *db, void *context, struct error *err)
{
    struct import *import = context;
    if (!import_write_batch(db, import, err) || !import_count_batch(db, import, err) ||
        !import_report(db, import, err))
        return false;
    bool is_last = import->done + (int64_t)import->item_count == import->rows;
    return !is_last || import_audit(db, import, err);
}

static bool import_report_work(struct db *db, void *context, struct error *err)
{
    return import_report(db, context, err);
}

static bool import_try_batch(struct import *import, struct error *err)
{
    CLEANUP(store_reader_release) struct db *db = NULL;
    return store_reader(import->store, READ_LIMIT, &db, err) && import_write_batch(db, import, err);
}

static bool import_run_batch(struct import *import, struct error *err)
{
    bool done = import->request->dry_run
                    ? import_try_batch(import, err) &&
                          (!import->run || store_write(import->store, import_report_work, import, err))
                    : store_write(import->store, import_batch_work, import, err);
    if (!done)
        return false;
    *import->result = *import->next;
    known_questions_commit(import->known, import->revision);
    import->done += (int64_t)import->item_count;
    return true;
}

static bool import_next_row(struct import *import, struct item *item, bool *ret_found, struct error *err)
{
    bool earlier, later;
    if (!import_spool_next(import->spool, &import->arena, &item->row, ret_found, err))
        return false;
    item->repeated = false;
    if (!*ret_found || item->row.error_count > 0)
        return true;
    repeats_look(import->repeats, import_hash_question(&item->row), item->row.number, &earlier, &later);
    item->repeated = import->request->mode == IMPORT_UPSERT ? later : earlier;
    return true;
}

static bool import_next_batch(struct import *import, struct error *err)
{
    bool found = true;
    import->item_count = 0;
    arena_reset(&import->arena);
    while (import->item_count < IMPORT_BATCH && import->arena.allocated < BATCH_BYTES) {
        if (!import_next_row(import, &import->items[import->item_count], &found, err))
            return false;
        if (!found)
            break;
        import->item_count++;
    }
    return true;
}

static bool import_write_rows(struct import *import, struct error *err)
{
    const struct import_request *request = import->request;
    bool found = true;
    import->result->total = import->rows;
    if (!known_questions_read(import->store, request->tenant_id, &import->known, err))
        return false;
    /* Past the rows that an earlier run of the job has done. */
    for (int64_t row = 0; row < import->done && found; row++) {
        arena_reset(&import->arena);
        if (!import_next_row(import, &import->items[0], &found, err))
            return false;
    }
    while (!import->stopped && import->done < import->rows) {
        if (!import_next_batch(import, err) || !import_run_batch(import, err))
            return false;
        if (import->done == import->rows)
            break;
        if (import->run && job_stopping(import->run))
            import->stopped = true;
        if (request->progress && !request->progress(request->context, import->done, import->rows))
            return error_set(err, ERROR_CONFLICT, "the import was stopped", "导入已被中止");
    }
    return true;
}

static bool import_check_tenant(struct store *store, const char *tenant_id, struct error *err)
{
    CLEANUP(arena_release) struct arena arena = {0};
    CLEANUP(store_reader_release) struct db *db = NULL;
    struct tenant tenant;
    return store_reader(store, READ_LIMIT_MS, &db, err) && tenant_get(db, tenant_id, &arena, &tenant, err);
}

static void import_free(struct import **import)
{
    arena_release(&(*import)->arena);
    arena_release(&(*import)->texts);
    repeats_free((*import)->repeats);
    known_questions_free((*import)->known);
    import_spool_close(&(*import)->spool);
    free((*import)->result);
    free((*import)->next);
    free(*import);
}

bool import_run(struct store *store, const struct import_request *request, struct job_run *run,
                enum language language, const char *temporary_folder, struct import_result *ret_result,
                struct error *err)
{
    CLEANUP(import_free) struct import *import = xcalloc(1, sizeof(*import));
    import->store = store;
    import->request = request;
    import->run = run;
    import->language = language;
    import->file = request->file ? request->file : import_file_name(request->path);
    import->job_id = run ? run->job->id : NULL;
    import->result = xcalloc(1, sizeof(*import->result));
    import->next = xcalloc(1, sizeof(*import->next));
    import->repeats = repeats_new();
    if (!import_check_tenant(store, request->tenant_id, err) || (run && !import_resume(import, err)) ||
        !import_read_file(import, temporary_folder, err))
        return false;
    if (!import->stopped) {
        if (run && !store_write(store, import_begin_work, import, err))
            return false;
        if (!import_write_rows(import, err))
            return import_report_failure(import, err);
    }
    *ret_result = *import->result;
    ret_result->warnings = import->warnings;
    return true;
}

bool import_file(struct store *store, const struct import_request *request, struct import_result *ret_result,
                 struct error *err)
{
    return import_run(store, request, NULL, LANGUAGE_EN, NULL, ret_result, err);
}
