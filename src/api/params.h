/* Parameters: a route declares what it takes, from the path, the query, the body or a header; all of it
 * is parsed and checked before the handler runs, and everything wrong, missing or unknown is named at
 * once (422). The handler sees a typed struct.
 *
 *     struct trends_input { int64_t days; };
 *     static const struct param trends_table[] = {
 *         PARAM_QUERY(struct trends_input, days, INT, "Days, today included", .min = 1, .max = 90,
 *                     .fallback = "7"),
 *     };
 *     const struct params trends_params = PARAMS(struct trends_input, trends_table);
 */
#ifndef KIMONO_API_PARAMS_H
#define KIMONO_API_PARAMS_H

#include "base/descriptor.h"
#include "http/form.h"
#include "http/request.h"

/* A route takes a JSON body or a form (multipart/form-data), not both. */
enum param_in { PARAM_IN_PATH, PARAM_IN_QUERY, PARAM_IN_BODY, PARAM_IN_HEADER, PARAM_IN_FORM };

/* In C: TEXT const char * (absent NULL), INT int64_t (absent INT_NULL), REAL double (absent NaN),
 * BOOL bool (absent false), TRUTH int64_t 0 or 1 (absent INT_NULL), TIME int64_t milliseconds (absent INT_NULL); of the body only: INTS struct
 * int_list, TEXTS struct text_list (absent: none), OBJECT a pointer to the input struct of `of`, whose table
 * is of PARAM_BODY (absent NULL; every member of a field is named "field.member"); of a form only: FILE struct upload (absent: fd -1),
 * whose file is closed with the request. */
enum param_kind {
    PARAM_KIND_TEXT,
    PARAM_KIND_INT,
    PARAM_KIND_REAL,
    PARAM_KIND_BOOL,
    PARAM_KIND_TRUTH,
    PARAM_KIND_TIME,
    PARAM_KIND_INTS,
    PARAM_KIND_TEXTS,
    PARAM_KIND_OBJECT,
    PARAM_KIND_FILE,
};

#define PARAM_LIST_MAX 200 /* items of a list whose `max` is 0 */
struct int_list {
    const int64_t *items;
    size_t count;
};
struct text_list {
    const char *const *items;
    size_t count;
};

struct params;

struct param {
    const char *name;
    enum param_in in;
    enum param_kind kind;
    size_t offset;
    const char *description; /* one English sentence for the OpenAPI document */
    bool required;
    double min, max;           /* of a number; of a text its length in characters (max 0: 200); of a list
                                  how many items (max 0: 200; its texts have 200 characters at most) */
    const char *fallback;      /* what an absent one is taken for */
    const char *const *values; /* of a text: the only values there are, NULL-terminated */
    bool (*check)(const char *text, struct error *err); /* of a text: what else it must be; names the field.
                                  A service's own check, so that all that is wrong is named at once */
    const struct params *of;                            /* of an object */
};

#define PARAM_OF(in_, type, member, kind_, ...)                                                              \
    {                                                                                                        \
        .name = #member, .in = in_, .kind = PARAM_KIND_##kind_, .offset = offsetof(type, member),            \
        .description = __VA_ARGS__                                                                           \
    }
#define PARAM_PATH(type, member, kind, ...)                                                                  \
    PARAM_OF(PARAM_IN_PATH, type, member, kind, __VA_ARGS__, .required = true)
#define PARAM_QUERY(type, member, kind, ...) PARAM_OF(PARAM_IN_QUERY, type, member, kind, __VA_ARGS__)
#define PARAM_FORM(type, member, kind, ...) PARAM_OF(PARAM_IN_FORM, type, member, kind, __VA_ARGS__)
#define PARAM_BODY(type, member, kind, ...) PARAM_OF(PARAM_IN_BODY, type, member, kind, __VA_ARGS__)

/* Which page of a list; the members page and page_size of the input struct. */
#define PAGE_SIZE_MAX 200
#define PARAMS_PAGE(type)                                                                                    \
    PARAM_QUERY(type, page, INT, "Which page, from 1", .min = 1, .max = 1e9, .fallback = "1"),               \
        PARAM_QUERY(type, page_size, INT, "Items on a page", .min = 1, .max = PAGE_SIZE_MAX,                 \
                    .fallback = "20")

#define PATH_SEGMENTS_MAX 4

struct path_values {
    const char *names[PATH_SEGMENTS_MAX];
    const char *values[PATH_SEGMENTS_MAX];
    size_t count;
};

/* All that a route takes: its parameters and the struct that they fill. */
struct params {
    const struct param *table;
    size_t count, input_size;
};
#define PARAMS(type, table_)                                                                                 \
    {                                                                                                        \
        .table = table_, .count = ARRAY_SIZE(table_), .input_size = sizeof(type)                             \
    }

/* What every route takes whose answer may hold personal data; read by dispatch.c. */
#define PARAM_REVEAL "reveal"
extern const struct param reveal_param;

/* Fills `input` (zeroed by the caller). Texts live in the request's arena. `takes_reveal`: PARAM_REVEAL is
 * known besides. */
bool params_parse(const struct params *params, bool takes_reveal, struct http_request *request,
                  const struct path_values *path, void *input, struct error *err);

bool params_have_body(const struct params *params); /* of JSON */
bool params_have_form(const struct params *params);

#endif
