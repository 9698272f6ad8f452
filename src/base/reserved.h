/* Members of public structs that later versions will give a meaning: no caller of this version has anything there. */
#ifndef STOA_BASE_RESERVED_H
#define STOA_BASE_RESERVED_H

#include <stddef.h>
#include <stoa/status.h>

#include "base/status.h"

/* Of a descriptor that may be null. `name` is what messages call it. */
#define STOA_CHECK_RESERVED(descriptor, name, error)                                                                   \
    ((descriptor) ? stoa_check_reserved(sizeof(descriptor)->reserved / sizeof *(descriptor)->reserved,                 \
                                        (descriptor)->reserved, name, error)                                           \
                  : STOA_OK)

STOA_CHECKED enum stoa_status stoa_check_reserved(size_t count, const size_t *words, const char *name,
                                                  struct stoa_error *error);

#endif
