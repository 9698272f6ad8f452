/* Sums over the dimensions that a tensor was broadcast along: the gradient's way back to the tensor. */
#ifndef STOA_KERNELS_ND_SUM_H
#define STOA_KERNELS_ND_SUM_H

#include <stddef.h>

#include "base/pool.h"
#include "kernels/nd.h"

/* A nest for what follows: over the dims of `whole`, with operand 0 the sum, its dims broadcast to them; its strides
 * are 0 along what is summed over. Operands that are read follow with stoa_nd_read. */
struct nd stoa_nd_sum_over(const struct stoa_tensor *whole, const struct stoa_tensor *sum);

/* The bytes of scratch that stoa_nd_sum needs: known from dims and strides, before there are data. */
size_t stoa_nd_sum_scratch(const struct nd *nd);

/* Operand 0 <- the sum of what the loop makes of the others at each index, all of float; a null loop sums operand 1
 * itself. At most 256 neighbours are added up in float (4096 in 32 parts where they lie side by side), these sums in
 * double, so that the error does not grow with what is summed over. Tasks are cut and their sums joined by dims and
 * strides alone. A null pool is fine; of no elements the sum is 0. */
void stoa_nd_sum(const struct nd *nd, struct pool *pool, nd_loop loop, const void *context, void *scratch);

#endif
