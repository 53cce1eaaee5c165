#include "base/log.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/utf8.h"

#define MESSAGE_MAX 1023

static _Atomic int least_level = LOG_INFO;
static _Atomic(log_sink) current_sink;
static void *_Atomic sink_context;

const char *log_level_name(enum log_level level)
{
    static const char *const names[] = {"DEBUG", "INFO", "WARN", "ERROR"};
    return names[level];
}

void log_set_level(enum log_level level)
{
    least_level = level;
}

void log_set_sink(log_sink sink, void *context)
{
    sink_context = context;
    current_sink = sink;
}

void log_write(enum log_level level, const char *source, const char *request_id, const char *format, ...)
{
    char message[MESSAGE_MAX + 5]; /* a character more, to see where the last one ends */
    va_list args;
    va_start(args, format);
    vsnprintf(message, sizeof(message), format, args);
    utf8_drop_invalid(message);
    va_end(args);
    message[utf8_cut(message, strlen(message), MESSAGE_MAX)] = '\0';
    for (char *at = message; *at; at++) /* a line break in a message would let input forge a line */
        if ((unsigned char)*at < 0x20 || *at == 0x7F)
            *at = ' ';
    if ((int)level >= least_level) {
        char now[CLOCK_TEXT_SIZE];
        clock_format(clock_now_ms(), now);
        fprintf(stderr, "%s %-5s %s: %s%s%s\n", now, log_level_name(level), source, message,
                request_id ? " request_id=" : "", request_id ? request_id : "");
    }
    log_sink sink = current_sink;
    if (sink)
        sink(sink_context, level, source, request_id, message);
}
