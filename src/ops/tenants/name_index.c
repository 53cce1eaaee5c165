#include "ops/tenants/name_index.h"

#include <pthread.h>
#include <string.h>

#include "base/memory.h"
#include "base/strbuf.h"
#include "platform/text_rules.h"
#include "search/fold.h"

struct entry {
    uint32_t id, status; /* where they begin in texts */
    uint32_t folded;     /* where it begins in folded */
};

struct tenant_directory {
    pthread_mutex_t lock;
    int64_t edits;         /* of the platform when it was read; INT_NULL: never */
    struct strbuf texts;   /* of each tenant id and status, each with its NUL */
    struct strbuf folded;  /* of each tenant id and name folded (search/fold.h), each with its NUL */
    struct entry *entries; /* in order of id */
    size_t count, capacity;
};

struct tenant_directory *tenant_directory_new(void)
{
    struct tenant_directory *directory = xcalloc(1, sizeof(*directory));
    pthread_mutex_init(&directory->lock, NULL);
    directory->edits = INT_NULL;
    return directory;
}

void tenant_directory_free(struct tenant_directory *directory)
{
    if (!directory)
        return;
    pthread_mutex_destroy(&directory->lock);
    strbuf_release(&directory->texts);
    strbuf_release(&directory->folded);
    free(directory->entries);
    free(directory);
}

/* --- reading it */

static uint32_t tenant_directory_put_text(struct strbuf *texts, const char *text)
{
    uint32_t at = (uint32_t)texts->length;
    strbuf_append(texts, text, strlen(text) + 1);
    return at;
}

static void tenant_directory_put_folded(struct strbuf *folded, const char *text)
{
    text_fold(text, strlen(text), folded);
    strbuf_append(folded, "", 1);
}

static void tenant_directory_put(struct tenant_directory *directory, const char *id, const char *name,
                                 const char *status)
{
    if (directory->count == directory->capacity) {
        directory->capacity = directory->capacity ? directory->capacity * 2 : 256;
        directory->entries =
            xrealloc(directory->entries, directory->capacity * sizeof(directory->entries[0]));
    }
    struct entry *entry = &directory->entries[directory->count++];
    entry->id = tenant_directory_put_text(&directory->texts, id);
    entry->status = tenant_directory_put_text(&directory->texts, status);
    entry->folded = (uint32_t)directory->folded.length;
    tenant_directory_put_folded(&directory->folded, id);
    tenant_directory_put_folded(&directory->folded, name);
}

static const char SQL_DIRECTORY[] = "SELECT id, name, status FROM tenants ORDER BY id";

static bool tenant_directory_read(struct tenant_directory *directory, struct db *db, int64_t edits,
                                  struct error *err)
{
    CLEANUP(db_rows_release) struct db_rows rows = {0};
    directory->edits = INT_NULL;
    directory->count = 0;
    strbuf_reset(&directory->texts);
    strbuf_reset(&directory->folded);
    if (!db_query(db, SQL_DIRECTORY, DB_NO_ARGS, &rows, err))
        return false;
    while (db_next(&rows))
        tenant_directory_put(directory, db_column_text(&rows, 0), db_column_text(&rows, 1),
                             db_column_text(&rows, 2));
    if (!db_done(&rows, err))
        return false;
    directory->edits = edits;
    return true;
}

/* --- searching it */

static size_t tenant_directory_entry_end(const struct tenant_directory *directory, size_t i)
{
    return i + 1 < directory->count ? directory->entries[i + 1].folded : directory->folded.length;
}

/* One search through all texts, from each hit on to the next tenant. Between two texts stands a NUL,
 * which no keyword has: a hit lies within one of them. */
static void tenant_directory_find_hits(const struct tenant_directory *directory, const char *status,
                                       const struct strbuf *keyword, struct arena *arena,
                                       struct tenant_hits *hits)
{
    const char *begin = directory->folded.bytes;
    size_t at = 0, i = 0;
    while (i < directory->count) {
        const char *hit = memmem(begin + at, directory->folded.length - at, keyword->bytes, keyword->length);
        if (!hit)
            return;
        while (tenant_directory_entry_end(directory, i) <= (size_t)(hit - begin))
            i++;
        const struct entry *entry = &directory->entries[i];
        if (!status || strcmp(status, directory->texts.bytes + entry->status) == 0) {
            if (hits->total < TENANT_HITS_FEW)
                hits->ids[hits->total] = arena_strdup(arena, directory->texts.bytes + entry->id);
            hits->total++;
        }
        at = tenant_directory_entry_end(directory, i++);
    }
}

bool tenant_directory_search(struct tenant_directory *directory, struct db *db, int64_t edits,
                             const char *status, const char *keyword, struct arena *arena,
                             struct tenant_hits *ret_hits, struct error *err)
{
    CLEANUP(strbuf_release) struct strbuf folded = {0};
    struct text_span span = text_trim(keyword);
    text_fold(span.bytes, span.length, &folded);
    struct tenant_hits hits = {0};
    pthread_mutex_lock(&directory->lock);
    bool done = directory->edits >= edits || tenant_directory_read(directory, db, edits, err);
    if (done)
        tenant_directory_find_hits(directory, status, &folded, arena, &hits);
    pthread_mutex_unlock(&directory->lock);
    if (done)
        *ret_hits = hits;
    return done;
}
