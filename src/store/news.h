/* News between the processes of a store: whoever has committed what others should look at says so, and they look.
 * A piece of news has no content; what has changed is in the store, where each finds it by what it has read already.
 *
 * News may come twice, late, or not at all (a connection that broke, a database that has none): whoever listens
 * also looks by itself, as often as it must not be later. An embedded store has no news: its processes look. */
#ifndef KIMONO_STORE_NEWS_H
#define KIMONO_STORE_NEWS_H

#include "store/store.h"

/* Within a transaction: once it is committed, all listeners are notified, in this process too. */
bool news_post(struct db *db, struct error *err);

struct news;

/* Calls `heard` after each piece of news, and once whenever some may have been missed, on a thread of its own, which
 * has a connection of its own and makes it anew when it breaks. NULL: there are no news in this store. `heard` must
 * not wait for long. */
struct news *news_listen(struct store *store, void (*heard)(void *context), void *context);
void news_close(struct news *news); /* takes NULL */

#endif
