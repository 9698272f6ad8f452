/* What LRN and its backward pass share. */
#ifndef STOA_OPS_LRN_H
#define STOA_OPS_LRN_H

#include <stddef.h>
#include <stoa/status.h>

#include "base/attributes.h"
#include "kernels/lrn.h"
#include "ops/op.h"

/* params is a struct lrn. */
STOA_CHECKED enum stoa_status stoa_lrn_parse(struct attribute_reader *reader, void *params);
/* The same with a window no wider than reaches all channels. */
struct lrn stoa_lrn_within(const struct lrn *params, size_t channels);

#endif
