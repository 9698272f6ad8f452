/* Rows of text (support/op_text.h) that describe a call of the twin and what must come out of it; `-` among the outputs
 * is one that is not wanted. */
#ifndef TESTS_REFERENCE_TWIN_H
#define TESTS_REFERENCE_TWIN_H

#include <stddef.h>
#include <stoa/host.h>
#include <stoa/status.h>

#include "reference/reference.h"

struct twin_row {
    const char *name, *type;
    int opset;
    const char *attributes, *inputs, *outputs;
    int rounded; /* whether the outputs have slack; if not, all of it must be 0 */
};

/* Fails the running test, naming the row, unless the outputs are as stated (within 1e-6 of the largest). */
void twin_check(const struct twin_row *row);
/* Expects the status, a message, and nothing left behind; `outputs` only says which are wanted. */
void twin_check_refused(const struct twin_row *row, enum stoa_status status);

/* The pieces, for tests that look closer. Everything lives until twin_free. */
struct twin;
struct twin *twin_create(const struct twin_row *row);
enum stoa_status twin_run(struct twin *twin, const struct stoa_allocator *allocator, struct stoa_error *error);
struct reference_call *twin_call(struct twin *twin);
void twin_free(struct twin *twin);

#endif
