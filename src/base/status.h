/* Errors inside the library: fail with a message, forward, prefix. */
#ifndef STOA_BASE_STATUS_H
#define STOA_BASE_STATUS_H

#include <stoa/status.h>

/* Writes status and message to `error` (which may be null) and returns status: `return stoa_fail(error, …);`. */
enum stoa_status stoa_fail(struct stoa_error *error, enum stoa_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Puts text in front of a message that a callee wrote, such as "node 'conv1' (Conv): ". */
void stoa_error_prefix(struct stoa_error *error, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* For attempts, whose errors are the caller's only where nothing else is tried: hands status and message on, if it is a
 * failure; returns status. */
enum stoa_status stoa_error_hand_on(const struct stoa_error *attempt, enum stoa_status status,
                                    struct stoa_error *error);

/* Forwards a failure. */
#define STOA_TRY(expression)                                                                                           \
    do {                                                                                                               \
        enum stoa_status stoa_try_status = (expression);                                                               \
        if (stoa_try_status != STOA_OK)                                                                                \
            return stoa_try_status;                                                                                    \
    } while (0)

#endif
