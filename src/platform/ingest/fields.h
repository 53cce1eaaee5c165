/* Reading one record from outside: a table says which members it may have, and all that is wrong is named at once. */
#ifndef KIMONO_PLATFORM_INGEST_FIELDS_H
#define KIMONO_PLATFORM_INGEST_FIELDS_H

#include <cjson/cJSON.h>

#include "base/arena.h"
#include "base/error.h"

/* In C: TIME int64_t milliseconds (absent 0); TEXT, NAME, MESSAGE, OBJECT const char * (absent NULL), the last one as
 * JSON; COUNT int64_t (absent 0); UNITS int64_t thousandths (absent 0); BOOL, CHOICE int (absent -1), the latter the
 * place in `values`. */
enum intake_kind {
    INTAKE_TIME,
    INTAKE_TEXT,    /* one line */
    INTAKE_NAME,    /* likewise; one that is too long is INGEST_OTHER */
    INTAKE_MESSAGE, /* any text */
    INTAKE_COUNT,
    INTAKE_UNITS,
    INTAKE_BOOL,
    INTAKE_CHOICE,
    INTAKE_OBJECT,
};

struct intake_field {
    const char *name;
    enum intake_kind kind;
    size_t offset;
    bool required;
    int64_t max; /* bytes of a text or object; a number */
    const char *const *values;
};

/* After the kind come any further members of struct intake_field. */
#define INTAKE(type, member, kind_, ...)                                                                     \
    {                                                                                                        \
        .name = #member, .kind = INTAKE_##kind_, .offset = offsetof(type, member), __VA_ARGS__               \
    }

struct intake_form {
    const struct intake_field *fields;
    size_t count;
};

/* Fills `record`, which is all zero; texts go into the arena. False with ERROR_INVALID, and every field that is wrong,
 * missing or unknown. `ret_other`: a name was too long. */
bool intake_read(const struct intake_form *form, const cJSON *object, struct arena *arena, void *record,
                 bool *ret_other, struct error *err);

#endif
