/* Log lines through the caller's callback; nothing is printed. */
#ifndef STOA_BASE_LOG_H
#define STOA_BASE_LOG_H

#include <stoa/host.h>

/* Formats a line and hands it to the callback; a log without a callback swallows it. */
void stoa_log_line(const struct stoa_log *log, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
