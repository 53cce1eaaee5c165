/* The embedded vector index: one search/text_index.h for each tenant, kept in a cache.
 *
 * Three locks, always taken in this order, none held while another tenant is served:
 *   refreshing  (each tenant) only one thread reads the store for a tenant; the others wait for it
 *   texts_lock  (each tenant) searching shares it, a change has it for a few dozen pairs at a time
 *   lock        (the cache) table, order of use, bytes, users; held for moments, never with input
 *
 * An entry that is in use is never freed: clear_cache only takes it out of the table, and its last
 * user frees it. */
#include "provider/vector_index.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "base/arena.h"
#include "base/memory.h"
#include "search/text_index.h"

#define BUCKETS 4096
#define CHANGES_AT_ONCE 64 /* pairs taken while searches of the tenant wait: about a millisecond */
#define REVISION_NONE (-1) /* below every revision: never read */

struct tenant_texts {
    struct tenant_texts *next_in_bucket, *newer, *older;
    unsigned users;
    bool detached; /* out of the table; the last user frees it */
    size_t bytes;  /* as counted in the cache's total */
    pthread_mutex_t refreshing;
    pthread_rwlock_t texts_lock;
    struct text_index *texts;
    _Atomic int64_t revision;
    char tenant_id[];
};

struct embedded_index {
    struct vector_index base;
    pair_source source;
    void *source_context;
    size_t ceiling;
    pthread_mutex_t lock;
    struct tenant_texts *buckets[BUCKETS];
    struct tenant_texts *newest, *oldest; /* by last use */
    size_t bytes, count;
};

static struct embedded_index *embedded_index_of(struct vector_index *index)
{
    return (struct embedded_index *)index;
}

static struct tenant_texts **embedded_bucket_of(struct embedded_index *self, const char *tenant_id)
{
    return &self->buckets[XXH3_64bits(tenant_id, strlen(tenant_id)) % BUCKETS];
}

static struct tenant_texts *texts_new(const char *tenant_id)
{
    size_t size = strlen(tenant_id) + 1;
    struct tenant_texts *texts = xcalloc(1, sizeof(*texts) + size);
    memcpy(texts->tenant_id, tenant_id, size);
    pthread_mutex_init(&texts->refreshing, NULL);
    /* Writers first: with the default, searches that overlap would keep a change out for ever. */
    pthread_rwlockattr_t attributes;
    pthread_rwlockattr_init(&attributes);
    pthread_rwlockattr_setkind_np(&attributes, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
    pthread_rwlock_init(&texts->texts_lock, &attributes);
    pthread_rwlockattr_destroy(&attributes);
    texts->texts = text_index_new();
    atomic_init(&texts->revision, REVISION_NONE);
    return texts;
}

static void texts_free(struct tenant_texts *texts)
{
    text_index_free(texts->texts);
    pthread_rwlock_destroy(&texts->texts_lock);
    pthread_mutex_destroy(&texts->refreshing);
    free(texts);
}

/* The order of use. With the cache's lock. */
static void order_remove(struct embedded_index *self, struct tenant_texts *texts)
{
    *(texts->newer ? &texts->newer->older : &self->newest) = texts->older;
    *(texts->older ? &texts->older->newer : &self->oldest) = texts->newer;
    texts->newer = texts->older = NULL;
}

static void order_put_first(struct embedded_index *self, struct tenant_texts *texts)
{
    texts->older = self->newest;
    *(self->newest ? &self->newest->newer : &self->oldest) = texts;
    self->newest = texts;
}

/* Takes it out of the table; true when nobody uses it, so that the caller frees it. */
static bool table_detach(struct embedded_index *self, struct tenant_texts *texts)
{
    struct tenant_texts **at = embedded_bucket_of(self, texts->tenant_id);
    while (*at != texts)
        at = &(*at)->next_in_bucket;
    *at = texts->next_in_bucket;
    order_remove(self, texts);
    self->count--;
    self->bytes -= texts->bytes;
    texts->detached = true;
    return texts->users == 0;
}

/* Takes the least recently used out until the rest fits; the newest stays whatever its size, or a
 * large tenant would be built anew for each question. Returns a list to be freed without the lock. */
static struct tenant_texts *embedded_evict(struct embedded_index *self)
{
    struct tenant_texts *evicted = NULL;
    struct tenant_texts *texts = self->oldest;
    while (texts && texts != self->newest && self->bytes > self->ceiling) {
        struct tenant_texts *newer = texts->newer;
        if (texts->users == 0 && table_detach(self, texts)) {
            texts->next_in_bucket = evicted;
            evicted = texts;
        }
        texts = newer;
    }
    return evicted;
}

static void texts_free_all(struct tenant_texts *texts)
{
    while (texts) {
        struct tenant_texts *next = texts->next_in_bucket;
        texts_free(texts);
        texts = next;
    }
}

/* The tenant's entry, an empty one if there is none and `create`; texts_release gives it back. */
static struct tenant_texts *texts_acquire(struct embedded_index *self, const char *tenant_id, bool create)
{
    pthread_mutex_lock(&self->lock);
    struct tenant_texts **bucket = embedded_bucket_of(self, tenant_id), *texts = *bucket;
    while (texts && strcmp(texts->tenant_id, tenant_id) != 0)
        texts = texts->next_in_bucket;
    if (texts) {
        order_remove(self, texts);
        order_put_first(self, texts);
    } else if (create) {
        texts = texts_new(tenant_id);
        texts->next_in_bucket = *bucket;
        *bucket = texts;
        order_put_first(self, texts);
        self->count++;
    }
    if (texts)
        texts->users++;
    pthread_mutex_unlock(&self->lock);
    return texts;
}

static void texts_release(struct embedded_index *self, struct tenant_texts *texts)
{
    pthread_mutex_lock(&self->lock);
    bool last = --texts->users == 0 && texts->detached;
    struct tenant_texts *evicted = embedded_evict(self);
    pthread_mutex_unlock(&self->lock);
    if (last)
        texts_free(texts);
    texts_free_all(evicted);
}

/* Changes on their way from the store, so that the lock is never held while the store is read. */
struct changes {
    struct tenant_texts *texts;
    struct arena arena;
    size_t count;
    bool full; /* the index takes no more pairs */
    struct {
        int64_t id;
        const char *question, *answer;
    } items[CHANGES_AT_ONCE];
};

static void changes_apply(struct changes *changes)
{
    struct text_index *texts = changes->texts->texts;
    pthread_rwlock_wrlock(&changes->texts->texts_lock);
    for (size_t i = 0; i < changes->count; i++) {
        if (!changes->items[i].question)
            text_index_remove(texts, changes->items[i].id);
        else if (!text_index_put(texts, changes->items[i].id, changes->items[i].question,
                                 changes->items[i].answer))
            changes->full = true;
    }
    pthread_rwlock_unlock(&changes->texts->texts_lock);
    changes->count = 0;
    arena_reset(&changes->arena);
}

static void changes_put(void *context, int64_t id, const char *question, const char *answer)
{
    struct changes *changes = context;
    if (changes->count == CHANGES_AT_ONCE)
        changes_apply(changes);
    changes->items[changes->count].id = id;
    changes->items[changes->count].question = arena_strdup(&changes->arena, question);
    changes->items[changes->count++].answer = arena_strdup(&changes->arena, answer);
}

/* Reads what has changed since. A read that fails half way leaves some pairs newer than `revision`
 * says; they are put once more by the next, which is harmless. */
static bool texts_catch_up(struct embedded_index *self, struct tenant_texts *texts, struct error *err)
{
    struct changes changes = {.texts = texts};
    int64_t reached = texts->revision;
    bool done =
        self->source(self->source_context, texts->tenant_id, reached, changes_put, &changes, &reached, err);
    if (done)
        changes_apply(&changes);
    arena_release(&changes.arena);
    size_t bytes = sizeof(*texts) + strlen(texts->tenant_id) + 1 + text_index_bytes(texts->texts);
    pthread_mutex_lock(&self->lock);
    if (!texts->detached)
        self->bytes += bytes - texts->bytes;
    texts->bytes = bytes;
    pthread_mutex_unlock(&self->lock);
    if (!done)
        return false;
    if (changes.full)
        return error_set(err, ERROR_TOO_LARGE, "The embedded index holds no more pairs of tenant %s.",
                         "内置索引已无法容纳商家 %s 的更多问答。", texts->tenant_id);
    texts->revision = reached;
    return true;
}

/* Brings the texts at least to `revision`; one thread does it, the others find it done. */
static bool texts_refresh(struct embedded_index *self, struct tenant_texts *texts, int64_t revision,
                          struct error *err)
{
    if (texts->revision >= revision)
        return true;
    pthread_mutex_lock(&texts->refreshing);
    bool done = texts->revision >= revision || texts_catch_up(self, texts, err);
    pthread_mutex_unlock(&texts->refreshing);
    return done;
}

static size_t texts_search(struct tenant_texts *texts, const struct vector_query *query,
                           struct vector_match *ret_matches)
{
    struct text_match found[VECTOR_TOP_K_MAX];
    size_t top_k = query->top_k < VECTOR_TOP_K_MAX ? query->top_k : VECTOR_TOP_K_MAX;
    pthread_rwlock_rdlock(&texts->texts_lock);
    size_t count = text_index_search(texts->texts, query->text, top_k, query->min_score, found);
    pthread_rwlock_unlock(&texts->texts_lock);
    for (size_t i = 0; i < count; i++)
        ret_matches[i] = (struct vector_match){.id = found[i].id, .score = found[i].score};
    return count;
}

static bool embedded_index_query(struct vector_index *index, const struct vector_query *query,
                                 struct vector_match *ret_matches, size_t *ret_count, struct error *err)
{
    struct embedded_index *self = embedded_index_of(index);
    struct tenant_texts *texts = texts_acquire(self, query->tenant_id, true);
    bool done = texts_refresh(self, texts, query->revision, err);
    if (done)
        *ret_count = texts_search(texts, query, ret_matches);
    texts_release(self, texts);
    return done;
}

/* Everything that the store has by now, whatever the revision. */
static bool embedded_index_catch_up(struct embedded_index *self, const char *tenant_id, bool create,
                                    struct error *err)
{
    struct tenant_texts *texts = texts_acquire(self, tenant_id, create);
    if (!texts)
        return true;
    pthread_mutex_lock(&texts->refreshing);
    bool done = texts_catch_up(self, texts, err);
    pthread_mutex_unlock(&texts->refreshing);
    texts_release(self, texts);
    return done;
}

static bool embedded_index_upsert(struct vector_index *index, const char *tenant_id,
                                  const struct vector_item *items, size_t count, struct error *err)
{
    (void)items; /* the store has them, and is where the index reads */
    return count == 0 || embedded_index_catch_up(embedded_index_of(index), tenant_id, true, err);
}

static bool embedded_index_remove(struct vector_index *index, const char *tenant_id, const int64_t *ids,
                                  size_t count, struct error *err)
{
    (void)ids;
    return count == 0 || embedded_index_catch_up(embedded_index_of(index), tenant_id, false, err);
}

/* What it would search in now: what it lacks of the store is read first. */
static bool embedded_index_list(struct vector_index *index, const char *tenant_id, vector_entry_take take,
                                void *context, struct error *err)
{
    struct embedded_index *self = embedded_index_of(index);
    struct tenant_texts *texts = texts_acquire(self, tenant_id, true);
    pthread_mutex_lock(&texts->refreshing);
    bool done = texts_catch_up(self, texts, err);
    pthread_mutex_unlock(&texts->refreshing);
    if (done) {
        pthread_rwlock_rdlock(&texts->texts_lock);
        text_index_each(texts->texts, take, context);
        pthread_rwlock_unlock(&texts->texts_lock);
    }
    texts_release(self, texts);
    return done;
}

static bool embedded_index_probe(struct vector_index *index, char ret_message[LANGUAGE_COUNT][120],
                                 struct error *err)
{
    (void)err; /* memory does not fail; the store that it reads has its own reading */
    struct embedded_index *self = embedded_index_of(index);
    pthread_mutex_lock(&self->lock);
    size_t count = self->count;
    double mib = (double)self->bytes / 1048576.0;
    pthread_mutex_unlock(&self->lock);
    snprintf(ret_message[LANGUAGE_EN], 120, "%zu tenants in memory, %.1f MiB", count, mib);
    snprintf(ret_message[LANGUAGE_ZH], 120, "内存中 %zu 个商家的索引，%.1f MiB", count, mib);
    return true;
}

static int64_t embedded_index_clear_cache(struct vector_index *index)
{
    struct embedded_index *self = embedded_index_of(index);
    struct tenant_texts *unused = NULL;
    pthread_mutex_lock(&self->lock);
    int64_t bytes = (int64_t)self->bytes;
    while (self->newest) {
        struct tenant_texts *texts = self->newest;
        if (table_detach(self, texts)) {
            texts->next_in_bucket = unused;
            unused = texts;
        }
    }
    pthread_mutex_unlock(&self->lock);
    texts_free_all(unused);
    return bytes;
}

static void embedded_index_free(struct vector_index *index)
{
    struct embedded_index *self = embedded_index_of(index);
    embedded_index_clear_cache(index);
    pthread_mutex_destroy(&self->lock);
    free(self);
}

static const struct vector_index_ops embedded_ops = {
    .api_type = "embedded",
    .model = "bm25",
    .local = true,
    .needs_vectors = false,
    .query = embedded_index_query,
    .upsert = embedded_index_upsert,
    .remove = embedded_index_remove,
    .list = embedded_index_list,
    .probe = embedded_index_probe,
    .clear_cache = embedded_index_clear_cache,
    .free = embedded_index_free,
};

struct vector_index *embedded_index_new(pair_source source, void *source_context, size_t ceiling_bytes)
{
    struct embedded_index *self = xcalloc(1, sizeof(*self));
    self->base.ops = &embedded_ops;
    self->source = source;
    self->source_context = source_context;
    self->ceiling = ceiling_bytes;
    pthread_mutex_init(&self->lock, NULL);
    return &self->base;
}
