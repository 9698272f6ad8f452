/* What MaxUnpool and its backward pass share. */
#ifndef STOA_OPS_MAX_UNPOOL_H
#define STOA_OPS_MAX_UNPOOL_H

#include <stddef.h>
#include <stdint.h>
#include <stoa/status.h>

#include "base/attributes.h"
#include "ops/op.h"
#include "ops/window.h"

struct max_unpool_params {
    struct window window;
};

STOA_CHECKED enum stoa_status stoa_max_unpool_parse(struct attribute_reader *reader, void *params);
/* *place = an index of the input I, which is within `count` elements. */
STOA_CHECKED enum stoa_status stoa_max_unpool_place(const int64_t *indices, size_t i, size_t count,
                                                    struct stoa_error *error, size_t *place);

#endif
