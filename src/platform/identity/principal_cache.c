#include "platform/identity/principal_cache.h"

#include <pthread.h>
#include <string.h>
#include <xxhash.h>

#include "base/memory.h"

#define SLOTS 256 /* people at work at the same time; two that share a slot take turns */
#define TEXT_MAX 72

struct slot {
    pthread_mutex_t lock;
    char session_id[TEXT_MAX], user_id[TEXT_MAX], username[TEXT_MAX], tenant_id[TEXT_MAX];
    enum role role;
    int64_t expires_at;
    struct store_stamp stamp;
};

struct principal_cache {
    struct slot slots[SLOTS];
};

struct principal_cache *principal_cache_new(void)
{
    struct principal_cache *cache = xcalloc(1, sizeof(*cache));
    for (size_t i = 0; i < SLOTS; i++)
        pthread_mutex_init(&cache->slots[i].lock, NULL);
    return cache;
}

void principal_cache_free(struct principal_cache *cache)
{
    if (!cache)
        return;
    for (size_t i = 0; i < SLOTS; i++)
        pthread_mutex_destroy(&cache->slots[i].lock);
    free(cache);
}

static struct slot *principal_slot(struct principal_cache *cache, const char *session_id)
{
    return &cache->slots[XXH3_64bits(session_id, strlen(session_id)) % SLOTS];
}

bool principal_cache_get(struct principal_cache *cache, const char *session_id,
                         const struct store_stamp *stamp, int64_t now, struct arena *arena,
                         struct principal *ret_principal)
{
    struct slot *slot = principal_slot(cache, session_id);
    pthread_mutex_lock(&slot->lock);
    bool found = strcmp(slot->session_id, session_id) == 0 && now < slot->expires_at &&
                 memcmp(&slot->stamp, stamp, sizeof(*stamp)) == 0;
    if (found)
        *ret_principal = (struct principal){
            .user_id = arena_strdup(arena, slot->user_id),
            .username = arena_strdup(arena, slot->username),
            .role = slot->role,
            .tenant_id = *slot->tenant_id ? arena_strdup(arena, slot->tenant_id) : NULL,
            .session_id = arena_strdup(arena, slot->session_id),
        };
    pthread_mutex_unlock(&slot->lock);
    return found;
}

static bool principal_text_fits(const char *text)
{
    return !text || strlen(text) < TEXT_MAX;
}

static void principal_put_text(char kept[static TEXT_MAX], const char *text)
{
    size_t length = text ? strlen(text) : 0;
    if (length)
        memcpy(kept, text, length);
    kept[length] = '\0';
}

void principal_cache_put(struct principal_cache *cache, const struct principal *principal, int64_t expires_at,
                         const struct store_stamp *stamp)
{
    if (!principal_text_fits(principal->session_id) || !principal_text_fits(principal->user_id) ||
        !principal_text_fits(principal->username) || !principal_text_fits(principal->tenant_id))
        return;
    struct slot *slot = principal_slot(cache, principal->session_id);
    pthread_mutex_lock(&slot->lock);
    principal_put_text(slot->session_id, principal->session_id);
    principal_put_text(slot->user_id, principal->user_id);
    principal_put_text(slot->username, principal->username);
    principal_put_text(slot->tenant_id, principal->tenant_id);
    slot->role = principal->role;
    slot->expires_at = expires_at;
    slot->stamp = *stamp;
    pthread_mutex_unlock(&slot->lock);
}
