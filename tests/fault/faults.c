/* A library for LD_PRELOAD that makes one system call of a program fail, or kills it there, so that a
 * test can go through all places where that may happen.
 *
 *   KIMONO_FAULT             kill | enospc | eio; nothing: only counts
 *   KIMONO_FAULT_AT          at which call, from 1
 *   KIMONO_FAULT_FOR         how many calls fail from there on (default 1; 0: all that follow)
 *   KIMONO_FAULT_THEN_KILL   kills the program so many calls after the first that failed
 *   KIMONO_FAULT_PATH        counts only calls on files whose path contains this
 *   KIMONO_FAULT_STEP=1      counts sqlite3_step instead of system calls
 *   KIMONO_FAULT_COUNT_FILE  gets the number of calls counted when the program ends by itself
 *   KIMONO_FAULT_FILE_MAX    bytes beyond which no file grows; this befalls stdio's writes, too
 *
 *   KIMONO_FAULT_MEMORY      no piece of memory of this many bytes or more is given (mmap)
 *
 *   KIMONO_FAULT_CLOCK_FILE  a file that says how many milliseconds the wall clock is ahead, looked at each time
 *
 *   KIMONO_FAULT_FREE_FILE   a file that says how many bytes every disk has free, looked at each time (statvfs)
 *
 * Counted are write, pwrite, fsync, fdatasync, ftruncate, rename and unlink. `kill` in the middle of a
 * write writes half of it first. `enospc` spares what needs no room (unlink, cutting a file).
 * Compile with -D_GNU_SOURCE -shared -fPIC, link with -ldl. */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum fault { FAULT_NONE, FAULT_KILL, FAULT_ENOSPC, FAULT_EIO };

static enum fault fault;
static long fault_at, fault_for = 1, then_kill, memory_max;
static const char *fault_path, *count_file, *free_file, *clock_file;
static bool count_steps;
static atomic_long calls;

static long number_of(const char *name, long fallback)
{
    const char *text = getenv(name);
    return text ? atol(text) : fallback;
}

static enum fault fault_of(const char *text)
{
    static const char *const names[] = {"", "kill", "enospc", "eio"};
    for (int i = 1; text && i < 4; i++)
        if (strcmp(text, names[i]) == 0)
            return (enum fault)i;
    return FAULT_NONE;
}

static void limit_files(long bytes)
{
    struct rlimit limit = {(rlim_t)bytes, (rlim_t)bytes};
    if (bytes <= 0)
        return;
    if (setrlimit(RLIMIT_FSIZE, &limit) != 0)
        abort();
}

__attribute__((constructor)) static void read_environment(void)
{
    limit_files(number_of("KIMONO_FAULT_FILE_MAX", 0));
    fault = fault_of(getenv("KIMONO_FAULT"));
    fault_at = number_of("KIMONO_FAULT_AT", 0);
    fault_for = number_of("KIMONO_FAULT_FOR", 1);
    then_kill = number_of("KIMONO_FAULT_THEN_KILL", 0);
    fault_path = getenv("KIMONO_FAULT_PATH");
    count_file = getenv("KIMONO_FAULT_COUNT_FILE");
    free_file = getenv("KIMONO_FAULT_FREE_FILE");
    clock_file = getenv("KIMONO_FAULT_CLOCK_FILE");
    memory_max = number_of("KIMONO_FAULT_MEMORY", 0);
    count_steps = number_of("KIMONO_FAULT_STEP", 0) != 0;
}

__attribute__((destructor)) static void tell_count(void)
{
    char text[32];
    int fd = count_file ? open(count_file, O_WRONLY | O_CREAT | O_TRUNC, 0600) : -1;
    if (fd < 0)
        return;
    int length = snprintf(text, sizeof(text), "%ld\n", atomic_load(&calls));
    syscall(SYS_write, fd, text, (size_t)length); /* not counted */
    close(fd);
}

/* What is to happen at this call. */
static enum fault next_call(void)
{
    long call = atomic_fetch_add(&calls, 1) + 1;
    bool now = call >= fault_at && (fault_for == 0 || call < fault_at + fault_for);
    if (fault_at > 0 && then_kill > 0 && call >= fault_at + then_kill)
        return FAULT_KILL;
    return fault_at > 0 && now ? fault : FAULT_NONE;
}

static void die(void)
{
    kill(getpid(), SIGKILL);
    for (;;)
        pause();
}

static bool path_counts(const char *path)
{
    return !count_steps && (!fault_path || strstr(path, fault_path));
}

static bool file_counts(int fd)
{
    if (count_steps || !fault_path)
        return !count_steps;
    char name[64], path[4096];
    snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
    ssize_t length = readlink(name, path, sizeof(path) - 1);
    if (length < 0)
        return false;
    path[length] = '\0';
    return path_counts(path);
}

static bool fails(enum fault kind)
{
    if (kind == FAULT_NONE)
        return false;
    if (kind == FAULT_KILL)
        die();
    errno = kind == FAULT_ENOSPC ? ENOSPC : EIO;
    return true;
}

/* Kinds of fault that cannot befall a call that needs no room. */
static enum fault without_room(enum fault kind)
{
    return kind == FAULT_ENOSPC ? FAULT_NONE : kind;
}

static ssize_t put(int fd, const void *bytes, size_t length, off_t at)
{
    return at < 0 ? syscall(SYS_write, fd, bytes, length) : syscall(SYS_pwrite64, fd, bytes, length, at);
}

static ssize_t put_or_fail(int fd, const void *bytes, size_t length, off_t at)
{
    enum fault kind = file_counts(fd) ? next_call() : FAULT_NONE;
    if (kind == FAULT_KILL && length > 1)
        put(fd, bytes, length / 2, at);
    return fails(kind) ? -1 : put(fd, bytes, length, at);
}

ssize_t write(int fd, const void *bytes, size_t length)
{
    return put_or_fail(fd, bytes, length, -1);
}

ssize_t pwrite(int fd, const void *bytes, size_t length, off_t at)
{
    return put_or_fail(fd, bytes, length, at);
}

ssize_t pwrite64(int fd, const void *bytes, size_t length, off64_t at)
{
    return put_or_fail(fd, bytes, length, at);
}

int fsync(int fd)
{
    return file_counts(fd) && fails(next_call()) ? -1 : (int)syscall(SYS_fsync, fd);
}

int fdatasync(int fd)
{
    return file_counts(fd) && fails(next_call()) ? -1 : (int)syscall(SYS_fdatasync, fd);
}

static int cut_or_fail(int fd, off_t length)
{
    enum fault kind = file_counts(fd) ? next_call() : FAULT_NONE;
    struct stat status;
    if (kind == FAULT_ENOSPC && fstat(fd, &status) == 0 && length <= status.st_size)
        kind = FAULT_NONE;
    return fails(kind) ? -1 : (int)syscall(SYS_ftruncate, fd, length);
}

int ftruncate(int fd, off_t length)
{
    return cut_or_fail(fd, length);
}

int ftruncate64(int fd, off64_t length)
{
    return cut_or_fail(fd, length);
}

int rename(const char *from, const char *to)
{
    bool counts = path_counts(from) || path_counts(to);
    return counts && fails(next_call()) ? -1 : (int)syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0);
}

int unlink(const char *path)
{
    return path_counts(path) && fails(without_room(next_call()))
               ? -1
               : (int)syscall(SYS_unlinkat, AT_FDCWD, path, 0);
}

/* Argon2 takes its memory so, and glibc's malloc does not come by here. */
void *mmap(void *address, size_t length, int protection, int flags, int fd, off_t offset)
{
    if (memory_max > 0 && fd < 0 && length >= (size_t)memory_max) {
        errno = ENOMEM;
        return MAP_FAILED;
    }
    return (void *)syscall(SYS_mmap, address, length, protection, flags, fd, offset);
}

/* Of a disk of 1 TiB. */
static void tell_free(struct statvfs *status)
{
    char text[32] = {0};
    int fd = free_file ? open(free_file, O_RDONLY | O_CLOEXEC) : -1;
    if (fd < 0)
        return;
    if (read(fd, text, sizeof(text) - 1) > 0) {
        status->f_frsize = 1;
        status->f_blocks = (fsblkcnt_t)1 << 40;
        status->f_bfree = status->f_bavail = (fsblkcnt_t)atoll(text);
    }
    close(fd);
}

static int look_at_disk(int (*real)(void *, struct statvfs *), void *what, struct statvfs *status)
{
    int result = real(what, status);
    if (result == 0)
        tell_free(status);
    return result;
}

static long long clock_ahead_ms(void)
{
    char text[32] = {0};
    int fd = clock_file ? open(clock_file, O_RDONLY | O_CLOEXEC) : -1;
    if (fd < 0)
        return 0;
    long long ms = read(fd, text, sizeof(text) - 1) > 0 ? atoll(text) : 0;
    close(fd);
    return ms;
}

int clock_gettime(clockid_t clock, struct timespec *now)
{
    int result = (int)syscall(SYS_clock_gettime, clock, now);
    if (result == 0 && clock == CLOCK_REALTIME && clock_file)
        now->tv_sec += clock_ahead_ms() / 1000;
    return result;
}

static int real_statvfs(void *path, struct statvfs *status)
{
    static int (*real)(const char *, struct statvfs *);
    void *symbol = dlsym(RTLD_NEXT, "statvfs");
    memcpy(&real, &symbol, sizeof(real));
    return real(path, status);
}

static int real_fstatvfs(void *fd, struct statvfs *status)
{
    static int (*real)(int, struct statvfs *);
    void *symbol = dlsym(RTLD_NEXT, "fstatvfs");
    memcpy(&real, &symbol, sizeof(real));
    return real(*(int *)fd, status);
}

int statvfs(const char *path, struct statvfs *status)
{
    return look_at_disk(real_statvfs, (void *)(uintptr_t)path, status);
}

int statvfs64(const char *path, struct statvfs64 *status)
{
    return statvfs(path, (struct statvfs *)(void *)status);
}

int fstatvfs(int fd, struct statvfs *status)
{
    return look_at_disk(real_fstatvfs, &fd, status);
}

int fstatvfs64(int fd, struct statvfs64 *status)
{
    return fstatvfs(fd, (struct statvfs *)(void *)status);
}

#define SQLITE_IOERR 10
#define SQLITE_FULL 13

int sqlite3_step(void *statement);

/* Whether SQLite itself runs the statement, within another one: if such a step failed without its
 * knowing, it would go on as if it had been run, which no real fault does. */
static bool is_internal(void *caller)
{
    Dl_info info;
    return dladdr(caller, &info) != 0 && info.dli_fname && strstr(info.dli_fname, "libsqlite3");
}

/* The statement is not run, and SQLite does not know that it has failed. */
int sqlite3_step(void *statement)
{
    static int (*real)(void *);
    if (!real) {
        void *symbol = dlsym(RTLD_NEXT, "sqlite3_step");
        memcpy(&real, &symbol, sizeof(real));
    }
    if (!count_steps || is_internal(__builtin_return_address(0)) || !fails(next_call()))
        return real(statement);
    return errno == ENOSPC ? SQLITE_FULL : SQLITE_IOERR;
}
