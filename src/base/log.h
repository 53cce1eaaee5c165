/* The process log: one line an event on standard error, and, once telemetry is up, a log row too.
 *
 * `source` is the part of the product (http, chat, store, scheduler …), `request_id` may be NULL.
 * Secrets never go in: what may hold one passes security/redaction.h first. */
#ifndef KIMONO_BASE_LOG_H
#define KIMONO_BASE_LOG_H

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR };

const char *log_level_name(enum log_level level); /* "DEBUG" … */

void log_write(enum log_level level, const char *source, const char *request_id, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

#define log_info(source, ...) log_write(LOG_INFO, source, NULL, __VA_ARGS__)
#define log_warn(source, ...) log_write(LOG_WARN, source, NULL, __VA_ARGS__)
#define log_error(source, ...) log_write(LOG_ERROR, source, NULL, __VA_ARGS__)

/* Lines below `level` do not go to standard error. Default LOG_INFO. */
void log_set_level(enum log_level level);

/* Where each line also goes; NULL: nowhere. To be set while no other thread logs. */
typedef void (*log_sink)(void *context, enum log_level level, const char *source, const char *request_id,
                         const char *message);
void log_set_sink(log_sink sink, void *context);

#endif
