#include "telemetry/findings.h"

#include <stdarg.h>
#include <stdio.h>

void findings_add(struct findings *findings, const char *format, ...)
{
    findings->count++;
    if (findings->count > FINDINGS_SHOWN)
        return;
    char text[512];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    strbuf_printf(findings->lines, "%s\n", text);
}

void findings_take(struct findings *findings, const struct findings *more)
{
    if (findings->count < FINDINGS_SHOWN)
        strbuf_puts(findings->lines, strbuf_text(more->lines));
    findings->count += more->count;
}
