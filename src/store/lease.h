/* Leases: which of the processes that share a store does what only one may do. On every database alike.
 *
 * A process is there as long as it beats: a thread of its own adds one to the `beats` of its row in `processes`
 * each second, whatever else the process is busy with. A lease is a row that names such a process. Whoever sees
 * a process's beats stand still for the time to live deletes its row; from then on nothing is held by it.
 *
 * No wall clock takes part, so one that jumps moves nothing: each process measures the silence of the others by
 * its own monotonic clock, from when it saw the newest beat, and only while its own beats reach the store (if they
 * do not, the others' cannot either, or it was this process that stood still). The holder's time runs from before
 * it sent its newest beat, so it ends before anybody else's patience does.
 *
 * A process that ran on the same machine and is no more there, as the kernel says, need not be waited for: so a server
 * that is started again after a crash goes on at once.
 *
 * A process that was stopped and goes on may believe in what it held until its next beat. So what it writes says
 * under which lease it does (the fence): the same transaction asks whether that taking of the lease, which has a
 * number of its own, is still the present one. What it does outside of the store it asks before each step
 * (lease_held), for what was begun no fence can stop. */
#ifndef KIMONO_STORE_LEASE_H
#define KIMONO_STORE_LEASE_H

#include "base/identifier.h"
#include "store/store.h"

#define LEASE_TIME_TO_LIVE_MS 5000 /* another process takes over within ten seconds of a death */

/* This process, as those see it that share the store. */
struct lease_holder;

/* `time_to_live_ms` must be the same in all processes of a store; a beat is sent five times as often. Returns before
 * the first beat, until which nothing can be held. ERROR_INTERNAL: no thread could be started. */
bool lease_holder_start(struct lease_holder **ret_holder, struct store *store, int64_t time_to_live_ms,
                        struct error *err);
/* Gives back all that is held, so that others need not wait. Takes NULL. */
void lease_holder_stop(struct lease_holder *holder);

struct lease_holder_state {
    char id[IDENTIFIER_SIZE]; /* "" before the first beat; another one after the process was taken for dead */
    bool alive;               /* nobody can have taken over yet */
    int64_t processes;        /* that share the store, as of the newest beat, this one too */
    int64_t
        others_wrote_us; /* monotonic: when it was last seen that another process has written something for
                                 which somebody waits (store_set_background); 0: never */
};
void lease_holder_get_state(struct lease_holder *holder, struct lease_holder_state *ret_state);
/* Whether `id` is this process, and nobody can have taken over what it holds. */
bool lease_holder_is(struct lease_holder *holder, const char *id);
/* Whether any process serves the store, for one that does not: watches for some seconds whether anybody beats. */
bool lease_is_served(struct store *store, bool *ret_served, struct error *err);
/* Called after each beat that reached the store, on the thread that sends them, so it must not wait for long. NULL:
 * nobody; the one before is not called any more when this returns. */
void lease_holder_on_beat(struct lease_holder *holder, void (*on_beat)(void *context), void *context);

/* In SQL: whether the process that a column names is there. */
#define LEASE_HOLDER_IS_ALIVE(column) "EXISTS (SELECT 1 FROM processes WHERE processes.id = " column ")"

struct lease {
    struct lease_holder *holder;
    const char *name;              /* must live as long as the lease */
    char process[IDENTIFIER_SIZE]; /* that held it when it was last asked for, "" for none */
    int64_t since; /* wall clock, for people: when that one has taken it; INT_NULL: none has */
    int64_t token; /* of the taking that is ours; grows with each by anybody; 0: it is not ours */
};

/* Takes the lease if nobody else holds it; of one that is held already this costs nothing. Then lease_held tells.
 * Another's is known from the newest beat, so asking often costs nothing either. False: the store could not be asked. */
bool lease_take(struct lease *lease, struct error *err);
/* Whether it is ours and nobody can have taken over yet. Costs nothing; to be asked before what no fence can stop. */
bool lease_held(const struct lease *lease);
/* Within a transaction: ERROR_CANCELLED when the lease is not ours any more, so that nothing of it stands. */
bool lease_check(struct db *db, const struct lease *lease, struct error *err);
/* Whether any process that is there holds the lease of this name. */
bool lease_is_anybodys(struct db *db, const char *name, bool *ret_held, struct error *err);

/* From here on all that this thread writes to the lease's store asks lease_check first, in its own transaction.
 * NULL: no more. The lease must live until then. */
void lease_fence(const struct lease *lease);
/* For store_write: the lease under which this thread writes to that store, or NULL. */
const struct lease *lease_fence_of(const struct store *store);

#endif
