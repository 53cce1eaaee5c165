/* Descriptors: a struct's fields named once, in a table. From the table come the JSON of an answer
 * (below), the reading of a database row (store/db.h), the columns of an export, and the schema in
 * the OpenAPI document (api/openapi.c).
 *
 *     static const struct field tenant_fields[] = {
 *         FIELD(struct tenant, id, TEXT, "Id of the tenant"),
 *         FIELD(struct tenant, last_active_at, TIME, "…", .nullable = true),
 *     };
 *     const struct descriptor tenant_descriptor = DESCRIPTOR("Tenant", struct tenant, tenant_fields);
 */
#ifndef KIMONO_BASE_DESCRIPTOR_H
#define KIMONO_BASE_DESCRIPTOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/json_writer.h"
#include "base/memory.h"

enum field_kind {
    FIELD_TEXT,   /* const char *; NULL is null */
    FIELD_INT,    /* int64_t; INT_NULL is null */
    FIELD_BOOL,   /* bool */
    FIELD_REAL,   /* double; NaN is null */
    FIELD_TIME,   /* int64_t, milliseconds; INT_NULL is null; JSON: RFC 3339 */
    FIELD_MONEY,  /* int64_t, nano-units; INT_NULL is null; JSON: decimal number */
    FIELD_DAY,    /* int64_t, day number (base/clock.h); JSON: "2026-11-22" */
    FIELD_JSON,   /* const char * that is JSON already; NULL is null */
    FIELD_OBJECT, /* a struct of descriptor `of`, in place; if nullable a pointer to one, NULL is null */
    FIELD_LIST,   /* pointer to an array of structs of descriptor `of`; count (size_t) at count_offset */
    FIELD_MAP,    /* as FIELD_LIST, but written as an object: the element's first field is the name,
                     its second the value; if nullable, NULL is null */
    FIELD_REALS,  /* pointer to an array of double (NaN is null); count (size_t) at count_offset */
    FIELD_TEXTS,  /* pointer to an array of const char *; count (size_t) at count_offset */
};

#define INT_NULL INT64_MIN

/* Whether what a field says is about a person. Texts (TEXT, TEXTS, the texts within JSON) go through the
 * writer's mask, if it has one: so a field is marked here, once, and masked wherever it goes out. */
enum personal {
    PERSONAL_NOT,
    PERSONAL_PARTS, /* people's own words: a telephone number, an address may stand in them */
    PERSONAL_WHOLE, /* all of it: whom to ask */
};

/* What may be shown of personal texts. */
struct json_mask {
    /* Appends what is shown of `text`; all of it, if it all is. */
    void (*apply)(const struct json_mask *mask, enum personal personal, const char *text, struct strbuf *out);
};

struct descriptor;

struct field {
    const char *name;
    enum field_kind kind;
    size_t offset;
    const char *description; /* one English sentence for the OpenAPI document, with the unit */
    bool nullable;
    enum personal personal;
    bool optional;               /* of a FIELD_INT: null is left out of the JSON */
    size_t count_offset;         /* of FIELD_LIST, FIELD_MAP, FIELD_REALS, FIELD_TEXTS */
    const struct descriptor *of; /* of FIELD_OBJECT, FIELD_LIST, FIELD_MAP */
    const char *const *values;   /* of FIELD_TEXT: the only values there are, NULL-terminated */
};

struct descriptor {
    const char *name; /* of the schema in the OpenAPI document */
    size_t size;      /* of the struct, for lists */
    const struct field *fields;
    size_t field_count;
};

/* After the kind comes the description, then any further members of struct field. */
#define FIELD(type, member, kind_, ...)                                                                      \
    {                                                                                                        \
        .name = #member, .kind = FIELD_##kind_, .offset = offsetof(type, member), .description = __VA_ARGS__ \
    }
/* For FIELD_LIST, FIELD_MAP, FIELD_REALS, FIELD_TEXTS: the count stands in the member `member`_count. */
#define FIELD_MANY(type, member, kind_, ...)                                                                 \
    {                                                                                                        \
        .name = #member, .kind = FIELD_##kind_, .offset = offsetof(type, member),                            \
        .count_offset = offsetof(type, member##_count), .description = __VA_ARGS__                           \
    }
#define DESCRIPTOR(schema_name, type, table)                                                                 \
    {                                                                                                        \
        .name = schema_name, .size = sizeof(type), .fields = table, .field_count = ARRAY_SIZE(table)         \
    }

/* Whether some field of it, or of what it holds, is marked. */
bool descriptor_is_personal(const struct descriptor *descriptor);

/* Writes the struct at `object` as a JSON object, personal texts through `w->mask` (NULL: as they are). */
void json_struct(struct json_writer *w, const struct descriptor *descriptor, const void *object);
/* Writes only the members, into an object that the caller has begun. */
void json_members(struct json_writer *w, const struct descriptor *descriptor, const void *object);

#endif
