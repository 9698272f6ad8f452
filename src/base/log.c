/* The log callback. */
#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>

void stoa_log_line(const struct stoa_log *log, const char *format, ...)
{
    if (!log || !log->write)
        return;
    char line[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    log->write(log->user, line);
}
