#include "store/lease.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"

#define BEATS_OF_A_LIFE 5 /* in the time to live */

struct process {
    const char *id, *machine;
    int64_t pid, beats, foreground_works;
    int64_t still_since_us; /* monotonic: when these beats were first seen here */
};

struct lease_row {
    const char *name, *process;
    int64_t since;
};

/* What the newest beat has read; texts are of the arena. */
struct lease_view {
    struct arena arena;
    struct process *processes;
    struct lease_row *leases;
    size_t process_count, lease_count;
};

struct lease_holder {
    struct store *store;
    int64_t time_to_live_us;
    char machine[128]; /* "": not known */
    pthread_t thread;
    bool beats_fail; /* the thread's own */
    int64_t beat_us; /* the thread's own: when the newest beat was sent that reached the store */

    pthread_mutex_t lock; /* for all below */
    pthread_cond_t wake;  /* by the monotonic clock */
    bool stopping;
    char id[IDENTIFIER_SIZE];
    int64_t alive_until_us;
    int64_t others_wrote_us;
    struct lease_view view;

    pthread_mutex_t call_lock; /* for these two; held while it is called */
    void (*on_beat)(void *context);
    void *context;
};

static _Thread_local const struct lease *fence;

/* --- what is known of the others --- */

static const struct process *lease_view_process(const struct lease_view *view, const char *id)
{
    for (size_t i = 0; i < view->process_count; i++)
        if (strcmp(view->processes[i].id, id) == 0)
            return &view->processes[i];
    return NULL;
}

/* Of somebody who is there; NULL: the lease is free, or was until the newest beat. */
static const struct lease_row *lease_view_lease(const struct lease_view *view, const char *name)
{
    for (size_t i = 0; i < view->lease_count; i++)
        if (strcmp(view->leases[i].name, name) == 0)
            return lease_view_process(view, view->leases[i].process) ? &view->leases[i] : NULL;
    return NULL;
}

/* --- a beat --- */

struct lease_beat {
    const char *id;     /* "": there was none before */
    const char *new_id; /* if it is not there */
    const char *machine;
    int64_t foreground_works;
    bool is_new; /* out */
    struct lease_view view;
};

static const char SQL_BEAT[] = "UPDATE processes SET beats = beats + 1, foreground_works = $2 WHERE id = $1";
static const char SQL_JOIN[] = "INSERT INTO processes(id, machine, pid, beats, foreground_works)"
                               " VALUES ($1, $2, $3, 1, $4)";
static const char SQL_COUNT_PROCESSES[] = "SELECT COUNT(*) FROM processes";
static const char SQL_COUNT_LEASES[] = "SELECT COUNT(*) FROM leases";
static const char SQL_PROCESSES[] = "SELECT id, machine, pid, beats, foreground_works FROM processes";
static const char SQL_LEASES[] = "SELECT name, holder, since FROM leases";

static bool lease_view_read_processes(struct db *db, struct lease_view *view, struct error *err)
{
    CLEANUP(db_rows_release) struct db_rows rows = {0};
    int64_t count;
    if (!db_find_int(db, SQL_COUNT_PROCESSES, DB_NO_ARGS, 0, &count, err) ||
        !db_query(db, SQL_PROCESSES, DB_NO_ARGS, &rows, err))
        return false;
    view->processes = arena_alloc(&view->arena, (size_t)(count + 1) * sizeof(*view->processes));
    while (db_next(&rows))
        view->processes[view->process_count++] =
            (struct process){.id = arena_strdup(&view->arena, db_column_text(&rows, 0)),
                             .machine = arena_strdup(&view->arena, db_column_text(&rows, 1)),
                             .pid = db_column_int(&rows, 2),
                             .beats = db_column_int(&rows, 3),
                             .foreground_works = db_column_int(&rows, 4)};
    return db_done(&rows, err);
}

static bool lease_view_read_leases(struct db *db, struct lease_view *view, struct error *err)
{
    CLEANUP(db_rows_release) struct db_rows rows = {0};
    int64_t count;
    if (!db_find_int(db, SQL_COUNT_LEASES, DB_NO_ARGS, 0, &count, err) ||
        !db_query(db, SQL_LEASES, DB_NO_ARGS, &rows, err))
        return false;
    view->leases = arena_alloc(&view->arena, (size_t)(count + 1) * sizeof(*view->leases));
    while (db_next(&rows))
        view->leases[view->lease_count++] = (struct lease_row){
            .name = arena_strdup(&view->arena, db_column_text(&rows, 0)),
            .process = arena_strdup(&view->arena, db_column_text(&rows, 1)),
            .since = db_column_int(&rows, 2),
        };
    return db_done(&rows, err);
}

static bool lease_beat_work(struct db *db, void *context, struct error *err)
{
    struct lease_beat *beat = context;
    int64_t changed;
    arena_reset(&beat->view.arena);
    beat->view.process_count = beat->view.lease_count = 0;
    if (!db_execute(db, SQL_BEAT, DB_ARGS(db_text(beat->id), db_int(beat->foreground_works)), &changed, err))
        return false;
    beat->is_new = changed == 0;
    if (beat->is_new &&
        !db_execute(db, SQL_JOIN,
                    DB_ARGS(db_text(beat->new_id), db_text(*beat->machine ? beat->machine : NULL),
                            db_int(getpid()), db_int(beat->foreground_works)),
                    NULL, err))
        return false;
    return lease_view_read_processes(db, &beat->view, err) && lease_view_read_leases(db, &beat->view, err);
}

static void lease_take_view(struct lease_holder *holder, struct lease_beat *beat, int64_t sent_us)
{
    /* Since when each of the others stands still. After a pause of our own beats that is not known of any. */
    int64_t now_us = clock_monotonic_us();
    bool paused = now_us - holder->beat_us > holder->time_to_live_us / 2, others_wrote = false;
    for (size_t i = 0; i < beat->view.process_count; i++) {
        struct process *process = &beat->view.processes[i];
        const struct process *before = lease_view_process(&holder->view, process->id);
        bool still = before && before->beats == process->beats && !paused;
        process->still_since_us = still ? before->still_since_us : now_us;
        others_wrote |= before && strcmp(process->id, holder->id) != 0 &&
                        process->foreground_works > before->foreground_works;
    }
    pthread_mutex_lock(&holder->lock);
    if (beat->is_new)
        memcpy(holder->id, beat->new_id, IDENTIFIER_SIZE);
    struct lease_view before = holder->view;
    holder->view = beat->view;
    holder->alive_until_us = sent_us + holder->time_to_live_us;
    if (others_wrote)
        holder->others_wrote_us = clock_monotonic_us();
    pthread_mutex_unlock(&holder->lock);
    holder->beat_us = sent_us;
    arena_release(&before.arena);
}

/* A store that takes no change from this process for its disk's sake takes none from another either: so nobody
 * takes over, and what frees the disk may go on. */
static void lease_miss_beat(struct lease_holder *holder, const struct error *err)
{
    pthread_mutex_lock(&holder->lock);
    int64_t now_us = clock_monotonic_us();
    if (error_is_of_store(err->code) && now_us < holder->alive_until_us)
        holder->alive_until_us = now_us + holder->time_to_live_us;
    pthread_mutex_unlock(&holder->lock);
    if (!holder->beats_fail)
        log_warn("lease",
                 "this process could not say that it is there; another may take over what it does: %s",
                 err->detail[LANGUAGE_EN]);
    holder->beats_fail = true;
}

static bool lease_send_beat(struct lease_holder *holder)
{
    char id[IDENTIFIER_SIZE], new_id[IDENTIFIER_SIZE];
    struct lease_beat beat = {.id = id, .new_id = new_id, .machine = holder->machine};
    struct store_stats stats;
    struct error err;
    error_clear(&err);
    memcpy(id, holder->id, sizeof(id));
    identifier_make("prc_", new_id);
    store_get_stats(holder->store, &stats);
    beat.foreground_works = stats.foreground_works;
    int64_t sent_us = clock_monotonic_us();
    if (!store_write(holder->store, lease_beat_work, &beat, &err)) {
        arena_release(&beat.view.arena);
        lease_miss_beat(holder, &err);
        return false;
    }
    if (beat.is_new && id[0])
        log_warn("lease", "this process stood still for so long that others have taken over what it did");
    if (holder->beats_fail)
        log_info("lease", "this process is heard again");
    holder->beats_fail = false;
    lease_take_view(holder, &beat, sent_us);
    return true;
}

/* --- the end of others --- */

static const char SQL_REMOVE[] = "DELETE FROM processes WHERE id = $1 AND beats = $2";

struct lease_removal {
    const struct process *process;
    int64_t removed;
};

static bool lease_remove_process_work(struct db *db, void *context, struct error *err)
{
    struct lease_removal *removal = context;
    return db_execute(db, SQL_REMOVE, DB_ARGS(db_text(removal->process->id), db_int(removal->process->beats)),
                      &removal->removed, err);
}

/* Only this thread changes the view, so it may read it without the lock. */
static void lease_remove_dead_processes(struct lease_holder *holder)
{
    int64_t dead_us = clock_monotonic_us() - holder->time_to_live_us;
    for (size_t i = holder->view.process_count; i-- > 0;) {
        const struct process *process = &holder->view.processes[i];
        struct lease_removal removal = {.process = process};
        struct error err;
        bool is_here = *holder->machine && process->machine && strcmp(process->machine, holder->machine) == 0;
        /* Of one of this machine the kernel says whether it is no more. */
        bool is_dead = process->still_since_us <= dead_us ||
                       (is_here && kill((pid_t)process->pid, 0) != 0 && errno == ESRCH);
        if (!is_dead || strcmp(process->id, holder->id) == 0 ||
            !store_write(holder->store, lease_remove_process_work, &removal, &err) || removal.removed == 0)
            continue;
        log_warn("lease", "process %s has ended, or is not heard any more: what it held is free",
                 process->id);
        pthread_mutex_lock(&holder->lock);
        holder->view.processes[i] = holder->view.processes[--holder->view.process_count];
        pthread_mutex_unlock(&holder->lock);
    }
}

/* --- the thread --- */

/* Until it is time, or the holder stops: false. */
static bool lease_wait_until(struct lease_holder *holder, int64_t until_us)
{
    struct timespec until = {.tv_sec = until_us / 1000000, .tv_nsec = until_us % 1000000 * 1000};
    pthread_mutex_lock(&holder->lock);
    while (!holder->stopping && clock_monotonic_us() < until_us)
        pthread_cond_timedwait(&holder->wake, &holder->lock, &until);
    bool stopping = holder->stopping;
    pthread_mutex_unlock(&holder->lock);
    return !stopping;
}

static void *lease_beat_main(void *context)
{
    struct lease_holder *holder = context;
    int64_t next_us;
    store_set_background();
    do {
        next_us = clock_monotonic_us() + holder->time_to_live_us / BEATS_OF_A_LIFE;
        if (lease_send_beat(holder)) {
            lease_remove_dead_processes(holder);
            pthread_mutex_lock(&holder->call_lock);
            if (holder->on_beat)
                holder->on_beat(holder->context);
            pthread_mutex_unlock(&holder->call_lock);
        }
    } while (lease_wait_until(holder, next_us));
    return NULL;
}

static void lease_holder_free(struct lease_holder *holder)
{
    pthread_cond_destroy(&holder->wake);
    pthread_mutex_destroy(&holder->lock);
    pthread_mutex_destroy(&holder->call_lock);
    arena_release(&holder->view.arena);
    free(holder);
}

/* This boot of this kernel, and within it the container whose numbers processes have. */
static void lease_name_machine(char ret_machine[static 128])
{
    char boot[64] = "", numbers[64] = "";
    FILE *file = fopen("/proc/sys/kernel/random/boot_id", "re");
    bool known = file && fgets(boot, sizeof(boot), file) &&
                 readlink("/proc/self/ns/pid", numbers, sizeof(numbers) - 1) > 0;
    if (file)
        fclose(file);
    boot[strcspn(boot, "\n")] = '\0';
    if (known)
        snprintf(ret_machine, 128, "%s %s", boot, numbers);
}

bool lease_holder_start(struct lease_holder **ret_holder, struct store *store, int64_t time_to_live_ms,
                        struct error *err)
{
    struct lease_holder *holder = xcalloc(1, sizeof(*holder));
    pthread_condattr_t attributes;
    holder->store = store;
    holder->time_to_live_us = time_to_live_ms * 1000;
    holder->beat_us = clock_monotonic_us();
    lease_name_machine(holder->machine);
    pthread_mutex_init(&holder->lock, NULL);
    pthread_mutex_init(&holder->call_lock, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&holder->wake, &attributes);
    pthread_condattr_destroy(&attributes);
    int failure = pthread_create(&holder->thread, NULL, lease_beat_main, holder);
    if (failure != 0) {
        lease_holder_free(holder);
        return error_set(err, ERROR_INTERNAL, "The thread for leases cannot be started: %s",
                         "无法启动租约线程：%s", strerror(failure));
    }
    pthread_setname_np(holder->thread, "lease");
    *ret_holder = holder;
    return true;
}

static const char SQL_LEAVE[] = "DELETE FROM processes WHERE id = $1";

static bool lease_leave_work(struct db *db, void *context, struct error *err)
{
    const struct lease_holder *holder = context;
    return db_execute(db, SQL_LEAVE, DB_ARGS(db_text(holder->id)), NULL, err);
}

void lease_holder_stop(struct lease_holder *holder)
{
    if (!holder)
        return;
    struct error err;
    error_clear(&err);
    pthread_mutex_lock(&holder->lock);
    holder->stopping = true;
    pthread_cond_signal(&holder->wake);
    pthread_mutex_unlock(&holder->lock);
    pthread_join(holder->thread, NULL);
    if (holder->id[0] && !store_write(holder->store, lease_leave_work, holder, &err))
        log_warn("lease", "what this process held is free only after a while: %s", err.detail[LANGUAGE_EN]);
    lease_holder_free(holder);
}

/* With the lock. */
static bool lease_holder_is_alive(const struct lease_holder *holder)
{
    return holder->id[0] && clock_monotonic_us() < holder->alive_until_us;
}

void lease_holder_get_state(struct lease_holder *holder, struct lease_holder_state *ret_state)
{
    pthread_mutex_lock(&holder->lock);
    memcpy(ret_state->id, holder->id, sizeof(ret_state->id));
    ret_state->alive = lease_holder_is_alive(holder);
    ret_state->processes = (int64_t)holder->view.process_count;
    ret_state->others_wrote_us = holder->others_wrote_us;
    pthread_mutex_unlock(&holder->lock);
}

bool lease_holder_is(struct lease_holder *holder, const char *id)
{
    pthread_mutex_lock(&holder->lock);
    bool is = lease_holder_is_alive(holder) && strcmp(holder->id, id) == 0;
    pthread_mutex_unlock(&holder->lock);
    return is;
}

void lease_holder_on_beat(struct lease_holder *holder, void (*on_beat)(void *context), void *context)
{
    pthread_mutex_lock(&holder->call_lock);
    holder->on_beat = on_beat;
    holder->context = context;
    pthread_mutex_unlock(&holder->call_lock);
}

/* --- one lease --- */

static const char SQL_TAKE[] =
    "INSERT INTO leases(name, holder, token, since)"
    " SELECT CAST($1 AS TEXT), CAST($2 AS TEXT), 1, CAST($3 AS BIGINT) WHERE " LEASE_HOLDER_IS_ALIVE(
        "$2") " ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, token = leases.token + 1,"
              " since = CASE WHEN leases.holder = excluded.holder THEN leases.since ELSE excluded.since END"
              " WHERE leases.holder = excluded.holder OR NOT " LEASE_HOLDER_IS_ALIVE(
                  "leases.holder") " RETURNING token";

struct lease_taking {
    const char *name, *process;
    int64_t now;
    int64_t token; /* out; 0: another's */
};

static bool lease_take_work(struct db *db, void *context, struct error *err)
{
    struct lease_taking *taking = context;
    return db_find_int(db, SQL_TAKE,
                       DB_ARGS(db_text(taking->name), db_text(taking->process), db_int(taking->now)), 0,
                       &taking->token, err);
}

static void lease_set(struct lease *lease, const char *process, int64_t since, int64_t token)
{
    snprintf(lease->process, sizeof(lease->process), "%s", process);
    lease->since = since;
    lease->token = token;
}

/* Whether it is to be taken; else the lease is filled in. */
static bool lease_is_to_take(struct lease *lease, char id[IDENTIFIER_SIZE])
{
    struct lease_holder *holder = lease->holder;
    pthread_mutex_lock(&holder->lock);
    const struct lease_row *row = lease_view_lease(&holder->view, lease->name);
    bool alive = lease_holder_is_alive(holder);
    bool ours = alive && lease->token && strcmp(lease->process, holder->id) == 0;
    bool others = row && strcmp(row->process, holder->id) != 0;
    memcpy(id, holder->id, IDENTIFIER_SIZE);
    if (!ours && (others || !alive))
        lease_set(lease, others ? row->process : "", others ? row->since : INT_NULL, 0);
    pthread_mutex_unlock(&holder->lock);
    return alive && !ours && !others;
}

bool lease_take(struct lease *lease, struct error *err)
{
    char id[IDENTIFIER_SIZE];
    if (!lease_is_to_take(lease, id))
        return true;
    struct lease_taking taking = {.name = lease->name, .process = id, .now = clock_now_ms()};
    lease_set(lease, "", INT_NULL, 0);
    if (!store_write(lease->holder->store, lease_take_work, &taking, err))
        return false;
    if (taking.token)
        lease_set(lease, id, taking.now, taking.token);
    return true;
}

bool lease_held(const struct lease *lease)
{
    return lease->token && lease_holder_is(lease->holder, lease->process);
}

static const char SQL_CHECK[] = "SELECT 1 FROM leases WHERE name = $1 AND token = $2 AND holder = $3"
                                " AND " LEASE_HOLDER_IS_ALIVE("leases.holder");

bool lease_check(struct db *db, const struct lease *lease, struct error *err)
{
    int64_t held;
    if (!db_find_int(db, SQL_CHECK,
                     DB_ARGS(db_text(lease->name), db_int(lease->token), db_text(lease->process)), 0, &held,
                     err))
        return false;
    return held ||
           error_set(err, ERROR_CANCELLED, "Another process has taken over '%s': this is not done here.",
                     "“%s”已由另一进程接管，此处不再执行。", lease->name);
}

static const char SQL_IS_ANYBODYS[] =
    "SELECT 1 FROM leases WHERE name = $1 AND " LEASE_HOLDER_IS_ALIVE("leases.holder");

bool lease_is_anybodys(struct db *db, const char *name, bool *ret_held, struct error *err)
{
    int64_t held;
    if (!db_find_int(db, SQL_IS_ANYBODYS, DB_ARGS(db_text(name)), 0, &held, err))
        return false;
    *ret_held = held != 0;
    return true;
}

/* --- the fence --- */

void lease_fence(const struct lease *lease)
{
    fence = lease;
}

const struct lease *lease_fence_of(const struct store *store)
{
    return fence && fence->holder->store == store ? fence : NULL;
}

/* --- for who serves nothing --- */

#define WATCH_MS 2500 /* two beats of every process, and what its clock may be late */

static const char SQL_ALL_BEATS[] = "SELECT COALESCE(SUM(beats), 0) FROM processes";

/* The row of one that has died stands still. */
bool lease_is_served(struct store *store, bool *ret_served, struct error *err)
{
    CLEANUP(store_reader_release) struct db *db = NULL;
    int64_t before, after;
    if (!store_reader(store, 2 * WATCH_MS, &db, err) ||
        !db_find_int(db, SQL_ALL_BEATS, DB_NO_ARGS, 0, &before, err))
        return false;
    clock_sleep_ms(WATCH_MS);
    if (!db_find_int(db, SQL_ALL_BEATS, DB_NO_ARGS, 0, &after, err))
        return false;
    *ret_served = after != before;
    return true;
}
