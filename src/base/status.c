/* Status names and error messages. */
#include "base/status.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

const char *stoa_status_name(enum stoa_status status)
{
    switch (status) {
    case STOA_OK:
        return "STOA_OK";
    case STOA_ERROR_ARGUMENT:
        return "STOA_ERROR_ARGUMENT";
    case STOA_ERROR_MEMORY:
        return "STOA_ERROR_MEMORY";
    case STOA_ERROR_IO:
        return "STOA_ERROR_IO";
    case STOA_ERROR_PARSE:
        return "STOA_ERROR_PARSE";
    case STOA_ERROR_LIMIT:
        return "STOA_ERROR_LIMIT";
    case STOA_ERROR_GRAPH:
        return "STOA_ERROR_GRAPH";
    case STOA_ERROR_DATA:
        return "STOA_ERROR_DATA";
    case STOA_ERROR_ATTRIBUTE:
        return "STOA_ERROR_ATTRIBUTE";
    case STOA_ERROR_SHAPE:
        return "STOA_ERROR_SHAPE";
    case STOA_ERROR_UNSUPPORTED:
        return "STOA_ERROR_UNSUPPORTED";
    case STOA_ERROR_MISMATCH:
        return "STOA_ERROR_MISMATCH";
    case STOA_ERROR_NONFINITE:
        return "STOA_ERROR_NONFINITE";
    case STOA_ERROR_CANCELLED:
        return "STOA_ERROR_CANCELLED";
    }
    return "unknown status";
}

/* Names come from files: what would end a line of a log, or steer a terminal, is told by its place alone. */
static void make_printable(char *text)
{
    for (; *text; text++)
        if ((unsigned char)*text < ' ' || *text == 0x7f)
            *text = '?';
}

enum stoa_status stoa_fail(struct stoa_error *error, enum stoa_status status, const char *format, ...)
{
    if (error) {
        error->status = status;
        va_list arguments;
        va_start(arguments, format);
        vsnprintf(error->message, sizeof error->message, format, arguments);
        va_end(arguments);
        make_printable(error->message);
    }
    return status;
}

enum stoa_status stoa_error_hand_on(const struct stoa_error *attempt, enum stoa_status status, struct stoa_error *error)
{
    return status == STOA_OK ? STOA_OK : stoa_fail(error, status, "%s", attempt->message);
}

void stoa_error_prefix(struct stoa_error *error, const char *format, ...)
{
    if (!error)
        return;
    char prefix[256];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(prefix, sizeof prefix, format, arguments);
    va_end(arguments);
    make_printable(prefix);

    size_t shift = strlen(prefix), length = strlen(error->message);
    if (length > sizeof error->message - 1 - shift)
        length = sizeof error->message - 1 - shift;
    memmove(error->message + shift, error->message, length);
    memcpy(error->message, prefix, shift);
    error->message[shift + length] = '\0';
}
