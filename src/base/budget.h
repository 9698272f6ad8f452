/* An allocator over another one that refuses to have more than so many bytes out at once: what reading a file may take
 * is a function of the file's size, whatever the file says. */
#ifndef STOA_BASE_BUDGET_H
#define STOA_BASE_BUDGET_H

#include <stdbool.h>
#include <stddef.h>
#include <stoa/host.h>
#include <stoa/status.h>

#include "base/memory.h"

/* What each block of stoa_allocate takes beside its own bytes. */
#define BUDGET_OVERHEAD ((size_t)STOA_ALIGNMENT)

struct budget {
    struct stoa_allocator interface; /* hand this on; it points back here, so the budget must not move */
    struct stoa_allocator under;
    size_t limit, live, peak;
    bool refused; /* whether an allocation failed because of the limit, not because memory ran out */
};

/* Not thread-safe. `under` is copied. */
void stoa_budget_init(struct budget *budget, const struct stoa_allocator *under, size_t limit);
/* Turns a STOA_ERROR_MEMORY that the limit caused into STOA_ERROR_LIMIT; hands on every other status. `what` is what
 * took too much. */
enum stoa_status stoa_budget_status(const struct budget *budget, enum stoa_status status, const char *what,
                                    struct stoa_error *error);

#endif
