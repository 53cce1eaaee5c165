/* The columns of the directory, for those that select from it (ops/knowledge). Whoever looks at them holds the
 * directory's lock; whoever changes them, for writing, and for some hundred pairs at a time. What takes longer is
 * done beside it: all pairs are read, and all questions ranked, without the lock, and then put in place. */
#ifndef KIMONO_DIRECTORY_COLUMNS_H
#define KIMONO_DIRECTORY_COLUMNS_H

#include <pthread.h>
#include <stdatomic.h>

#include "base/name_list.h"
#include "directory/directory.h"
#include "store/change_feed.h"

#define KIND_LIVE 1 /* not deleted */
#define KIND_SYNCED 2
#define KIND_SOURCE 4 /* times the number of its source in pair_sources; one behind the last: any other */
#define KIND_GONE 128 /* and nothing else: its row is gone */
#define KIND_COUNT 256

/* Each pair is at one place in all columns, in order of id. A deleted pair keeps its place while its row
 * exists, without KIND_LIVE; so does one whose row is gone, until there are many of them. */
#define DIRECTORY_COLUMNS(COLUMN)                                                                            \
    COLUMN(int64_t, id)                                                                                      \
    COLUMN(int64_t, created_at)                                                                              \
    COLUMN(int64_t, updated_at)                                                                              \
    COLUMN(double, quality)                                                                                  \
    COLUMN(uint32_t, tenant)                                                                                 \
    COLUMN(uint32_t, category)                                                                               \
    COLUMN(uint32_t, hits)                                                                                   \
    COLUMN(uint32_t, question_hash)                                                                          \
    COLUMN(uint32_t, question_rank)                                                                          \
    COLUMN(uint8_t, kind)

/* A tenant among all, in order of name and id. */
struct named_tenant {
    uint32_t number; /* in `tenants` */
    size_t name;     /* where it begins in tenant_names */
};

struct knowledge_directory {
    pthread_rwlock_t lock;
    pthread_mutex_t updating; /* held by the one who brings it up to date; taken before `lock` */
    pthread_mutex_t ranking;  /* held by the one who ranks questions; taken before `lock` */
    struct knowledge_directory
        *building; /* where all pairs are being read, beside this one; of who holds `updating` */
    atomic_bool is_building;
    atomic_int waiting; /* for the first time that all are read */
    /* Called between two pieces of that reading; NULL but in tests. */
    void (*on_piece)(void *context);
    void *on_piece_context;

    /* From here on: what a directory that was built beside it brings. */
    bool is_whole;             /* all pairs have been read */
    int64_t read_to;           /* before that: those up to this id */
    struct change_place place; /* how far it has followed */
#define COLUMN(type, name) type *name;
    DIRECTORY_COLUMNS(COLUMN)
#undef COLUMN
    size_t count, room;
    size_t unranked_count;    /* places whose question has no rank; question_ranks.c */
    size_t unranked_seen;     /* so many when it was last looked whether they are still coming */
    bool was_ranked;          /* once, all of them */
    size_t gone_count;        /* places whose row is gone */
    struct name_list tenants; /* ids */
    struct name_list categories;

    /* The order of tenants by name, as it was at tenant_edits. */
    int64_t tenant_edits;
    struct named_tenant *named_tenants;
    size_t named_count;
    struct strbuf tenant_names; /* each with its NUL */
    uint32_t *tenant_ranks;     /* of each number */
    size_t ranked_count;        /* how many numbers there were then */
};

/* Up to date with what `db` sees, and locked for reading. */
bool directory_lock(struct knowledge_directory *directory, struct db *db, struct error *err);
void directory_unlock(struct knowledge_directory *directory);
static inline void directory_release(struct knowledge_directory **directory)
{
    if (*directory)
        directory_unlock(*directory);
}

/* Before the lock, for an order by the tenants' names: what they are called now. */
bool directory_name_tenants(struct knowledge_directory *directory, struct db *db, struct error *err);

/* question_ranks.c, with `ranking` held and without the lock: ranks the questions that have none. */
bool directory_rank_questions(struct knowledge_directory *directory, struct db *db, struct error *err);
/* The same, unless many more of them are coming at this moment. */
bool directory_rank_when_quiet(struct knowledge_directory *directory, struct db *db, struct error *err);
/* Up to date, all questions ranked, and locked for reading. */
bool directory_lock_ranked(struct knowledge_directory *directory, struct db *db, struct error *err);

/* The first place at or behind `from` whose pair has this id or a higher one; `count`: there is none. */
size_t directory_place(const struct knowledge_directory *directory, size_t from, int64_t id);

/* The pair's place; false: it has none. */
bool directory_find(const struct knowledge_directory *directory, int64_t id, size_t *ret_place);

/* Of pair_sources; one more for any other. */
int pair_source_number(const char *source);

/* The rank of this question (`ret_same`), or of the next one. */
bool question_rank_of(const struct knowledge_directory *directory, struct db *db, const char *question,
                      int64_t *ret_rank, bool *ret_same, struct error *err);
/* "" if the pair is gone. */
bool question_read(struct db *db, int64_t id, struct arena *arena, const char **ret_question,
                   struct error *err);

#endif
