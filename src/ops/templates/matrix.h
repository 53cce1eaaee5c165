/* The matrix of templates and tenants: which version each tenant has of each, and why not the present
 * one. */
#ifndef KIMONO_OPS_TEMPLATES_MATRIX_H
#define KIMONO_OPS_TEMPLATES_MATRIX_H

#include "base/descriptor.h"
#include "store/db.h"

#define MATRIX_TEMPLATES_MAX 50 /* on a page: the columns */

struct matrix_template {
    int64_t id;
    const char *question, *category;
    int64_t version;
    bool for_all;
};
struct matrix_cell {
    int64_t template_id;
    const char *state;
    int64_t version, qa_pair_id; /* INT_NULL: it has none */
    const char *why;             /* NULL: nothing to explain */
};
struct matrix_row {
    const char *tenant_id, *name, *status;
    int64_t behind;            /* outdated or missing, of all that match, not only the page's templates */
    struct matrix_cell *cells; /* in the order of the templates */
    size_t cells_count;
};
struct matrix_count {
    const char *state;
    int64_t tenants;
};
struct matrix {
    struct matrix_template *templates; /* the page's, by category and id */
    size_t templates_count;
    int64_t template_total, template_page;
    struct matrix_row *items; /* by id of the tenant */
    size_t items_count;
    struct matrix_count *counts; /* with one template: each state; else NULL */
    size_t counts_count;
    int64_t total, page, page_size;
};
extern const struct descriptor matrix_descriptor;

struct matrix_filter {
    int64_t template_id;              /* INT_NULL: any */
    const char *category, *tenant_id; /* NULL: any */
    const char *keyword;              /* NULL: any; a part of the tenant's name or id */
    const char *state;                /* NULL: any; needs template_id */
    int64_t template_page;            /* from 1 */
    int64_t page, page_size;
};
/* ERROR_NOT_FOUND: no such template. ERROR_INVALID: a state without a template. With a template all
 * tenants are looked at (10,000 in some ten milliseconds), else only those of the page. */
bool matrix_read(struct db *db, const struct matrix_filter *filter, enum language language,
                 struct arena *arena, struct matrix *ret_matrix, struct error *err);

#endif
