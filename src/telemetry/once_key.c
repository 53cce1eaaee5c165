#include "telemetry/once_key.h"

#include <string.h>

#include "telemetry/name_map.h"

static const char *once_key_name(const char *name)
{
    return name ? name : "";
}

struct once_key once_key_of(const struct usage_record *record)
{
    if (record->record_id)
        return (struct once_key){record->record_id, "", ""};
    return (struct once_key){record->request_id, once_key_name(record->api_type),
                             once_key_name(record->operation)};
}

uint64_t once_key_hash(const struct once_key *key)
{
    uint64_t hash = hash_bytes(key->id, strlen(key->id));
    hash = hash * 31 + hash_bytes(key->api_type, strlen(key->api_type));
    return hash * 31 + hash_bytes(key->operation, strlen(key->operation));
}

int once_key_compare(const struct once_key *a, const struct once_key *b)
{
    int order = strcmp(a->id, b->id);
    order = order ? order : strcmp(a->api_type, b->api_type);
    return order ? order : strcmp(a->operation, b->operation);
}
