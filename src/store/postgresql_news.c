/* News by LISTEN and NOTIFY. One channel is for all stores of a database: a notification of another store costs
 * one look for nothing. */
#include <errno.h>
#include <poll.h>
#include <string.h>

#include "store/postgresql_private.h"

static const char SQL_NOTIFY[] = "SELECT pg_notify('kimono', '')";

bool postgresql_notify(struct db *db, struct error *err)
{
    return db_execute(db, SQL_NOTIFY, DB_NO_ARGS, NULL, err);
}

bool postgresql_listen(struct db *base, struct error *err)
{
    struct postgresql_db *db = postgresql_of(base);
    return postgresql_ready(db, err) && postgresql_run(db, "LISTEN kimono", NULL, err);
}

static bool news_take_notices(PGconn *connection)
{
    bool heard = false;
    for (PGnotify *notice; (notice = PQnotifies(connection)); heard = true)
        PQfreemem(notice);
    return heard;
}

bool postgresql_await_news(struct db *base, int closing_fd, bool *ret_heard, struct error *err)
{
    struct postgresql_db *db = postgresql_of(base);
    struct pollfd waits[] = {{.fd = PQsocket(db->connection), .events = POLLIN},
                             {.fd = closing_fd, .events = POLLIN}};
    *ret_heard = news_take_notices(db->connection); /* that came with an answer */
    while (!*ret_heard) {
        int ready = poll(waits, 2, -1);
        if (ready < 0 && errno == EINTR)
            continue;
        if (waits[1].revents)
            return true;
        if (!PQconsumeInput(db->connection) || PQstatus(db->connection) == CONNECTION_BAD)
            return postgresql_lost(db, err);
        *ret_heard = news_take_notices(db->connection);
    }
    return true;
}
