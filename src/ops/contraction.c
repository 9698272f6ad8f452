/* Contractions of floats become batches of matrix products: indices that both operands and the result have are the
 * batch, those of x and the result are rows (M), those of y and the result columns (N), all that are summed over are K.
 * An operand that does not lie as such a matrix, its rows or its columns side by side, is copied so that it does; so is
 * the result. Other types go by plain loops. */
#include "ops/contraction.h"

#include <string.h>

#include "base/memory.h"
#include "base/size.h"
#include "base/status.h"
#include "base/tensor.h"
#include "kernels/nd.h"
#include "kernels/reduce.h"
#include "ops/product.h"
#include "ops/walk.h"

/* Some of the indices, outermost first. */
struct indices {
    size_t rank, count; /* count: the product of dims */
    size_t at[STOA_MAX_RANK];
};

/* How a tensor lies as a matrix. */
enum lie { LIES_STRAIGHT, LIES_TRANSPOSED, LIES_OTHERWISE };

struct matrices {
    const struct contraction *of;
    struct indices batch, m, n, k;
    enum lie x, y, z;
    size_t x_copy, y_copy, z_copy; /* elements; 0: none is needed */
    struct product product;        /* but for the data */
};

/* Inserts the index where `strides` descend. */
static bool insert(struct indices *indices, const struct contraction *of, size_t index, const size_t *strides)
{
    size_t to = indices->rank++;
    for (; to > 0 && strides[indices->at[to - 1]] < strides[index]; to--)
        indices->at[to] = indices->at[to - 1];
    indices->at[to] = index;
    return stoa_size_mul(indices->count, of->dims[index], &indices->count);
}

/* Whether stepping through these indices in their order moves by `step` each time. */
static bool is_even(const struct contraction *of, const struct indices *indices, const size_t *strides, size_t step)
{
    for (size_t i = indices->rank; i-- > 0; step *= of->dims[indices->at[i]])
        if (strides[indices->at[i]] != step)
            return false;
    return true;
}

static enum lie lie_of(const struct contraction *of, const struct indices *rows, const struct indices *columns,
                       const size_t *strides)
{
    if (is_even(of, columns, strides, 1) && is_even(of, rows, strides, columns->count))
        return LIES_STRAIGHT;
    if (is_even(of, rows, strides, 1) && is_even(of, columns, strides, rows->count))
        return LIES_TRANSPOSED;
    return LIES_OTHERWISE;
}

/* Sets where the batch steps in an operand, which is copied unless it lies as it should; returns the elements of the
 * copy. False: more than fit. */
static bool place_batch(const struct matrices *matrices, enum lie lie, const size_t *strides, size_t matrix,
                        size_t *steps, size_t *copy)
{
    const struct indices *batch = &matrices->batch;
    size_t elements = matrix;
    bool fits = true;
    for (size_t i = batch->rank; i-- > 0;) {
        size_t stride = strides[batch->at[i]];
        steps[i] = lie != LIES_OTHERWISE || stride == 0 ? stride : elements;
        if (stride)
            fits = fits && stoa_size_mul(elements, matrices->of->dims[batch->at[i]], &elements);
    }
    *copy = lie == LIES_OTHERWISE ? elements : 0;
    return fits;
}

static enum stoa_status arrange(const struct contraction *of, struct stoa_error *error, struct matrices *matrices)
{
    *matrices =
        (struct matrices){.of = of, .batch = {.count = 1}, .m = {.count = 1}, .n = {.count = 1}, .k = {.count = 1}};
    bool fits = true;
    for (size_t i = 0; i < of->rank; i++) {
        if (of->dims[i] == 1)
            continue;
        if (of->summed[i])
            fits = insert(&matrices->k, of, i, of->x) && fits;
        else if (of->x[i] && of->y[i])
            fits = insert(&matrices->batch, of, i, of->z) && fits;
        else
            fits = insert(of->y[i] ? &matrices->n : &matrices->m, of, i, of->z) && fits;
    }
    struct product *product = &matrices->product;
    product->m = matrices->m.count;
    product->n = matrices->n.count;
    product->k = matrices->k.count;
    product->alpha = 1;
    product->batch_rank = matrices->batch.rank;
    for (size_t i = 0; i < matrices->batch.rank; i++)
        product->batch_dims[i] = of->dims[matrices->batch.at[i]];
    matrices->x = lie_of(of, &matrices->m, &matrices->k, of->x);
    matrices->y = lie_of(of, &matrices->k, &matrices->n, of->y);
    struct indices rows = matrices->batch;
    for (size_t i = 0; i < matrices->m.rank; i++)
        rows.at[rows.rank++] = matrices->m.at[i];
    matrices->z = lie_of(of, &rows, &matrices->n, of->z) == LIES_STRAIGHT ? LIES_STRAIGHT : LIES_OTHERWISE;
    product->a_transposed = matrices->x == LIES_TRANSPOSED;
    product->b_transposed = matrices->y == LIES_TRANSPOSED;
    size_t a, b, c;
    fits = fits && stoa_size_mul(product->m, product->k, &a) && stoa_size_mul(product->k, product->n, &b) &&
           stoa_size_mul(matrices->batch.count, product->m, &c) && stoa_size_mul(c, product->n, &c) &&
           place_batch(matrices, matrices->x, of->x, a, product->a_strides, &matrices->x_copy) &&
           place_batch(matrices, matrices->y, of->y, b, product->b_strides, &matrices->y_copy);
    if (!fits)
        return stoa_fail(error, STOA_ERROR_LIMIT, "the product has more elements than memory can hold");
    matrices->z_copy = matrices->z == LIES_OTHERWISE ? c : 0;
    return stoa_product_check(product, error);
}

static size_t aligned(size_t elements)
{
    return stoa_size_round_up(elements, STOA_ALIGNMENT / sizeof(float));
}

enum stoa_status stoa_contraction_scratch(const struct contraction *contraction, struct stoa_error *error,
                                          size_t *bytes)
{
    struct matrices matrices;
    *bytes = 0;
    if (contraction->dtype != STOA_FLOAT)
        return STOA_OK;
    STOA_TRY(arrange(contraction, error, &matrices));
    const size_t parts[] = {matrices.x_copy, matrices.y_copy, matrices.z_copy};
    for (size_t i = 0; i < 3; i++) {
        size_t size;
        if (!stoa_size_mul(parts[i], sizeof(float), &size) || !stoa_size_add(*bytes, size, bytes) ||
            !stoa_size_add(*bytes, STOA_ALIGNMENT, bytes))
            return stoa_fail(error, STOA_ERROR_LIMIT, "the product has more elements than memory can hold");
    }
    return STOA_OK;
}

static void add_dimension(const struct contraction *of, size_t index, const size_t *strides, struct nd *nd)
{
    nd->dims[nd->rank] = of->dims[index];
    nd->operands[1].strides[nd->rank++] = (ptrdiff_t)strides[index];
}

/* A nest over a dense [batch][rows][columns] and the tensor with these strides; of an operand's batch only what it has.
 */
static struct nd nest(const struct matrices *matrices, bool whole_batch, const struct indices *rows,
                      const struct indices *columns, const size_t *strides)
{
    struct nd nd = {.operand_count = 2};
    for (size_t i = 0; i < matrices->batch.rank; i++)
        if (whole_batch || strides[matrices->batch.at[i]])
            add_dimension(matrices->of, matrices->batch.at[i], strides, &nd);
    for (size_t i = 0; i < rows->rank; i++)
        add_dimension(matrices->of, rows->at[i], strides, &nd);
    for (size_t i = 0; i < columns->rank; i++)
        add_dimension(matrices->of, columns->at[i], strides, &nd);
    size_t stride = 1;
    for (size_t i = nd.rank; i-- > 0; stride *= nd.dims[i])
        nd.operands[0].strides[i] = (ptrdiff_t)stride;
    nd.operands[0].size = nd.operands[1].size = sizeof(float);
    return nd;
}

static const float *gather(const struct nd *nest, const void *from, float *to, struct pool *pool)
{
    struct nd nd = *nest;
    nd.operands[0].data = (char *)to;
    nd.operands[1].data = stoa_read_only(from);
    stoa_nd_copy_nest(&nd, pool);
    return to;
}

static void multiply(const struct matrices *matrices, const void *x, const void *y, float *z, float *scratch,
                     struct pool *pool)
{
    const struct contraction *of = matrices->of;
    struct product product = matrices->product;
    float *y_copy = scratch + aligned(matrices->x_copy), *z_copy = y_copy + aligned(matrices->y_copy);
    struct nd nd = nest(matrices, false, &matrices->m, &matrices->k, of->x);
    product.a = matrices->x_copy ? gather(&nd, x, scratch, pool) : x;
    nd = nest(matrices, false, &matrices->k, &matrices->n, of->y);
    product.b = matrices->y_copy ? gather(&nd, y, y_copy, pool) : y;
    product.y = matrices->z_copy ? z_copy : z;
    stoa_product_run(&product, pool);
    if (!matrices->z_copy)
        return;
    nd = nest(matrices, true, &matrices->m, &matrices->n, of->z);
    struct nd_operand dense = nd.operands[0];
    nd.operands[0] = nd.operands[1];
    nd.operands[1] = dense;
    nd.operands[0].data = (char *)z;
    nd.operands[1].data = (char *)z_copy;
    stoa_nd_copy_nest(&nd, pool);
}

struct summing {
    const struct reduce_loops *loops;
    size_t size;
    const char *x, *y;
    char *z;
};

static void sum_unit(void *context, const struct walk *walk, const struct walk_unit *unit)
{
    const struct summing *summing = context;
    union reduce_value result[WALK_LANES];
    for (size_t l = 0; l < unit->block.lanes; l++)
        result[l] = summing->loops->neutral(REDUCE_SUM);
    for (size_t i = 0; i < walk->far.count; i++) {
        size_t x_offset, y_offset;
        stoa_walk_offsets(&walk->far, i, &x_offset, &y_offset);
        summing->loops->dot(&unit->block, summing->x + (unit->x_offset + x_offset) * summing->size,
                            summing->y + (unit->y_offset + y_offset) * summing->size, result);
    }
    summing->loops->store(unit->block.lanes, result, summing->z + unit->z_offset * summing->size, unit->block.z_lane);
}

void stoa_contraction_run(const struct contraction *contraction, const void *x, const void *y, void *z, void *scratch,
                          struct pool *pool)
{
    struct matrices matrices;
    if (contraction->dtype == STOA_FLOAT) {
        if (arrange(contraction, NULL, &matrices) == STOA_OK) /* as it was when scratch was asked for */
            multiply(&matrices, x, y, z, scratch, pool);
        return;
    }
    struct walk walk;
    stoa_walk_plan_three(contraction->rank, contraction->dims, contraction->x, contraction->y, contraction->z,
                         contraction->summed, WALK_ANY_AXIS, false, &walk);
    struct summing summing = {.loops = stoa_reduce_loops(contraction->dtype),
                              .size = stoa_dtype_size(contraction->dtype),
                              .x = x,
                              .y = y,
                              .z = z};
    stoa_walk_run(&walk, pool, sum_unit, &summing);
}

double stoa_contraction_macs(const struct contraction *contraction)
{
    double macs = 1;
    for (size_t i = 0; i < contraction->rank; i++)
        macs *= (double)contraction->dims[i];
    return macs;
}
