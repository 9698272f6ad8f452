/* Runs one operator on tensors of any strides and values, for what rows of text (support/op_check.h) do not reach. */
#ifndef TESTS_OPS_DIRECT_H
#define TESTS_OPS_DIRECT_H

#include <stddef.h>
#include <stoa/tensor.h>

#include "base/attributes.h"

struct direct {
    const char *name, *type;
    int opset;
    size_t attribute_count;
    struct attribute attributes[8];
    size_t input_count;
    struct stoa_tensor inputs[5]; /* with strides and data */
    unsigned known;               /* bit i: input i is a constant */
    size_t column_channels;
    void (*consumed)(void *user, const void *data, size_t size);
    void *user;
};

/* Plans and runs with one worker; asserts success and that nothing leaks. The result is plain, and the caller's to free
 * by free(data). */
struct stoa_tensor direct_run(const struct direct *direct);

#endif
