/* What Gemm and MatMul share: products whose b may be constant. Many rows times constant weights are a convolution of
 * 1x1, the rows being its pixels, whose weights are packed once; all others are as product.h has them. */
#ifndef STOA_OPS_DENSE_H
#define STOA_OPS_DENSE_H

#include <stddef.h>
#include <stoa/status.h>

#include "ops/op.h"
#include "ops/product.h"

/* Of operators whose input 1 is b. `product` is the call's, its b input 1; the call's state and scratch become what
 * running it takes. Release and share are op.h's. */
STOA_CHECKED enum stoa_status stoa_dense_prepare(const struct product *product, struct op_call *call,
                                                 const struct op_prepare *prepare, struct stoa_error *error);
void stoa_dense_release(const struct op_call *call, const struct stoa_allocator *allocator);
void stoa_dense_share(struct op_call *call, const struct op_call *other, const struct stoa_allocator *allocator);
void stoa_dense_run(const struct product *product, const struct op_call *call, const struct op_run *run);
void stoa_dense_describe(const struct product *product, const struct op_call *call, size_t size, char *text);

/* The same, and macs, as an operator has them, of the product that its(call) gives. */
#define DENSE_HOOKS(its)                                                                                               \
    static enum stoa_status prepare_dense(struct op_call *call, const struct op_prepare *prepare,                      \
                                          struct stoa_error *error)                                                    \
    {                                                                                                                  \
        struct product product = its(call);                                                                            \
        return stoa_dense_prepare(&product, call, prepare, error);                                                     \
    }                                                                                                                  \
    static enum stoa_status run_dense(const struct op_call *call, const struct op_run *run, struct stoa_error *error)  \
    {                                                                                                                  \
        (void)error;                                                                                                   \
        struct product product = its(call);                                                                            \
        stoa_dense_run(&product, call, run);                                                                           \
        return STOA_OK;                                                                                                \
    }                                                                                                                  \
    static double macs_dense(const struct op_call *call)                                                               \
    {                                                                                                                  \
        struct product product = its(call);                                                                            \
        return stoa_product_macs(&product);                                                                            \
    }                                                                                                                  \
    static void describe_dense(const struct op_call *call, size_t size, char *text)                                    \
    {                                                                                                                  \
        struct product product = its(call);                                                                            \
        stoa_dense_describe(&product, call, size, text);                                                               \
    }                                                                                                                  \
    static const struct op_report report_dense = {.macs = macs_dense, .describe = describe_dense};

#endif
