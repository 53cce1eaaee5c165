#include "store/statement_log.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

#include "base/json_writer.h"
#include "base/log.h"
#include "base/memory.h"

#define LOGGED_MAX 4096 /* the product has some hundred statements; what is more is written again */

static pthread_once_t once = PTHREAD_ONCE_INIT;
static int log_file = -1;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static uint64_t logged[LOGGED_MAX];
static size_t logged_count;

static void statement_log_open(void)
{
    const char *path = getenv("KIMONO_STATEMENT_LOG");
    if (!path || !*path)
        return;
    log_file = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    if (log_file < 0)
        fatal("KIMONO_STATEMENT_LOG: %s cannot be opened: %s", path, strerror(errno));
}

static bool statement_log_is_first(uint64_t key)
{
    for (size_t i = 0; i < logged_count; i++)
        if (logged[i] == key)
            return false;
    if (logged_count < LOGGED_MAX)
        logged[logged_count++] = key;
    return true;
}

void statement_log(const char *driver, const char *sql)
{
    pthread_once(&once, statement_log_open);
    if (log_file < 0)
        return;
    CLEANUP(strbuf_release) struct strbuf line = {0};
    struct json_writer w = {.out = &line};
    strbuf_printf(&line, "%s %s ", program_invocation_short_name, driver);
    json_text(&w, sql);
    strbuf_putc(&line, '\n');
    pthread_mutex_lock(&lock);
    if (statement_log_is_first(XXH3_64bits(strbuf_text(&line), line.length)) &&
        write(log_file, strbuf_text(&line), line.length) != (ssize_t)line.length)
        log_error("store", "the log of statements cannot be written: %s", strerror(errno));
    pthread_mutex_unlock(&lock);
}
