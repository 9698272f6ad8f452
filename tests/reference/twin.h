/* Rows of text that describe a call of the twin and what must come out of it.
 *
 *   attributes  "strides=[2,2] group=3 alpha=0.5 auto_pad='SAME_UPPER' value=i64[1]{7}"
 *   inputs and  separated by spaces: f32[2,3]{1,2,3,4,5,6}, i64[2]{3,-1}, f64, i32, i8, u8, b; f32{5} is a scalar; `-`
 * is outputs     absent. Among the elements a..b counts from a to b, and v*n is n times v; nan and inf are known. */
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
