#include "store/news.h"

#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/identifier.h"
#include "base/log.h"
#include "base/memory.h"
#include "store/driver.h"

#define PAUSE_MS 500 /* before a connection that broke is made anew; as much again by chance */
#define PAUSE_MS_MAX 5000

struct news {
    struct store *store;
    void (*heard)(void *context);
    void *context;
    pthread_t thread;
    atomic_bool closing;
    int closing_fd; /* readable when it is */
};

bool news_post(struct db *db, struct error *err)
{
    return !db->driver->notify || db->driver->notify(db, err);
}

/* As long as the connection holds. */
static void news_listen_on(struct news *news, struct db *db, bool *ret_listened)
{
    struct error err;
    bool heard = true; /* what came before nobody has listened to */
    *ret_listened = db->driver->listen(db, &err);
    while (*ret_listened && !news->closing) {
        if (heard)
            news->heard(news->context);
        if (!db->driver->await_news(db, news->closing_fd, &heard, &err))
            return;
    }
}

static void *news_main(void *context)
{
    struct news *news = context;
    int pause_ms = PAUSE_MS;
    while (!news->closing) {
        struct db_open_options options = {.path = store_address(news->store), .role = DB_READER};
        CLEANUP(db_release) struct db *db = NULL;
        struct error err;
        bool listened = false;
        if (db_open(&options, &db, &err))
            news_listen_on(news, db, &listened);
        pause_ms = listened ? PAUSE_MS : pause_ms * 2 < PAUSE_MS_MAX ? pause_ms * 2 : PAUSE_MS_MAX;
        struct pollfd closing = {.fd = news->closing_fd, .events = POLLIN};
        uint32_t chance;
        random_bytes(&chance, sizeof(chance));
        if (!news->closing)
            poll(&closing, 1, pause_ms + (int)(chance % (uint32_t)pause_ms));
    }
    return NULL;
}

struct news *news_listen(struct store *store, void (*heard)(void *context), void *context)
{
    const struct db_driver *driver = db_driver_for(store_address(store));
    if (!driver->listen)
        return NULL;
    struct news *news = xcalloc(1, sizeof(*news));
    *news = (struct news){.store = store, .heard = heard, .context = context};
    news->closing_fd = eventfd(0, EFD_CLOEXEC);
    if (news->closing_fd < 0 || pthread_create(&news->thread, NULL, news_main, news) != 0)
        fatal("cannot start a thread for news; raise the limits on processes and open files");
    pthread_setname_np(news->thread, "store-news");
    return news;
}

void news_close(struct news *news)
{
    static const uint64_t one = 1;
    if (!news)
        return;
    news->closing = true;
    if (write(news->closing_fd, &one, sizeof(one)) != sizeof(one))
        log_warn("store", "the thread of the news ends late");
    pthread_join(news->thread, NULL);
    close(news->closing_fd);
    free(news);
}
