/* What the services of the platform work with. Built by app.c, lent to every service; it owns
 * nothing and holds no state of its own. */
#ifndef KIMONO_PLATFORM_PLATFORM_H
#define KIMONO_PLATFORM_PLATFORM_H

struct store;
struct lease_holder;
struct telemetry;
struct settings_box;
struct token_signer;
struct vector_index;
struct embedder;
struct chat_model;
struct health;
struct scheduler;
struct jobs;
struct principal_cache;
struct knowledge_directory;
struct ingest;

struct platform {
    struct store *store;
    struct telemetry *telemetry;
    struct settings_box *settings;
    struct token_signer *signer;
    struct vector_index *index;
    struct embedder *embedder; /* NULL: the index needs no vectors */
    struct chat_model *model;
    struct health *health;
    struct lease_holder *lease_holder; /* this process among those that share the store; NULL: a command */
    struct scheduler *scheduler;       /* learning, sync, roll-over … */
    struct scheduler *housekeeping;    /* tasks that are quick: health, settings, the directory; NULL: none */
    struct jobs *jobs;                 /* NULL: nothing runs jobs here; they wait for a server */
    struct principal_cache *principals;    /* NULL: every request reads its session */
    struct ingest *ingest;                 /* telemetry from outside; NULL: none is taken */
    struct knowledge_directory *directory; /* what the list of all knowledge is made from */
};

#define READ_LIMIT_MS 2000 /* time that the reads of one request may take */

#endif
