/* Building, simplifying and running loop nests. */
#include "kernels/nd.h"

#include <assert.h>
#include <stdbool.h>

#include "base/size.h"
#include "base/tensor.h"

/* Elements of one task: long enough to be worth a worker's while, short enough that few are left over at the end. */
#define GRAIN 16384

struct nd stoa_nd_over(const struct stoa_tensor *output)
{
    struct nd nd = {.rank = output->rank};
    for (size_t i = 0; i < output->rank; i++)
        nd.dims[i] = output->dims[i];
    stoa_nd_read(&nd, output);
    return nd;
}

void stoa_nd_read(struct nd *nd, const struct stoa_tensor *input)
{
    assert(nd->operand_count < ND_OPERANDS && input->rank <= nd->rank);
    struct nd_operand *operand = &nd->operands[nd->operand_count++];
    *operand = (struct nd_operand){.data = input->data, .size = stoa_dtype_size(input->dtype)};
    size_t lead = nd->rank - input->rank;
    for (size_t i = 0; i < input->rank; i++) {
        assert(input->dims[i] == nd->dims[lead + i] || input->dims[i] == 1);
        operand->strides[lead + i] = input->dims[i] == 1 ? 0 : (ptrdiff_t)input->strides[i];
    }
}

void stoa_nd_read_scalar(struct nd *nd, enum stoa_dtype dtype, const void *scalar)
{
    assert(nd->operand_count < ND_OPERANDS);
    nd->operands[nd->operand_count++] = (struct nd_operand){.data = (char *)scalar, .size = stoa_dtype_size(dtype)};
}

static size_t distance(ptrdiff_t stride)
{
    return stride < 0 ? (size_t)-stride : (size_t)stride;
}

static void move_dimension(struct nd *nd, size_t from, size_t to)
{
    nd->dims[to] = nd->dims[from];
    for (size_t o = 0; o < nd->operand_count; o++)
        nd->operands[o].strides[to] = nd->operands[o].strides[from];
}

static void swap_dimensions(struct nd *nd, size_t a, size_t b)
{
    struct nd old = *nd;
    move_dimension(nd, a, b);
    nd->dims[a] = old.dims[b];
    for (size_t o = 0; o < nd->operand_count; o++)
        nd->operands[o].strides[a] = old.operands[o].strides[b];
}

/* Whether stepping dimension `outer` is the same as running off the end of dimension `inner`, for every operand. */
static bool joins(const struct nd *nd, size_t outer, size_t inner)
{
    for (size_t o = 0; o < nd->operand_count; o++) {
        const ptrdiff_t *strides = nd->operands[o].strides;
        if (strides[outer] != strides[inner] * (ptrdiff_t)nd->dims[inner])
            return false;
    }
    return true;
}

void stoa_nd_simplify(struct nd *nd)
{
    size_t rank = 0;
    for (size_t i = 0; i < nd->rank; i++)
        if (nd->dims[i] != 1)
            move_dimension(nd, i, rank++);
    nd->rank = rank;
    for (size_t i = 1; i < rank; i++)
        for (size_t j = i; j > 0; j--) {
            if (distance(nd->operands[0].strides[j - 1]) >= distance(nd->operands[0].strides[j]))
                break;
            swap_dimensions(nd, j - 1, j);
        }
    size_t last = 0;
    for (size_t i = 1; i < rank; i++) {
        if (joins(nd, last, i)) {
            size_t dim = nd->dims[last] * nd->dims[i];
            move_dimension(nd, i, last);
            nd->dims[last] = dim;
        } else {
            move_dimension(nd, i, ++last);
        }
    }
    if (rank) {
        nd->rank = last + 1;
        return;
    }
    nd->rank = 1;
    nd->dims[0] = 1;
    for (size_t o = 0; o < nd->operand_count; o++)
        nd->operands[o].strides[0] = 1;
}

struct job {
    const struct nd *nd;
    nd_loop loop;
    const void *context;
    size_t chunk, chunks; /* the innermost dimension is cut into `chunks` pieces of `chunk` */
    size_t units;         /* chunks of all rows, a row being one run of the innermost dimension */
    size_t units_per_task;
};

static void run_task(void *argument, size_t task, size_t worker)
{
    (void)worker;
    const struct job *job = argument;
    const struct nd *nd = job->nd;
    size_t inner = nd->rank - 1, count = nd->operand_count;
    size_t unit = task * job->units_per_task, end = stoa_size_min(unit + job->units_per_task, job->units);
    ptrdiff_t strides[ND_OPERANDS];
    for (size_t o = 0; o < count; o++)
        strides[o] = nd->operands[o].strides[inner];

    size_t index[STOA_MAX_RANK] = {0}, row = unit / job->chunks;
    for (size_t i = inner; i-- > 0; row /= nd->dims[i])
        index[i] = row % nd->dims[i];
    for (; unit < end; unit++) {
        size_t start = unit % job->chunks * job->chunk;
        char *data[ND_OPERANDS];
        for (size_t o = 0; o < count; o++) {
            ptrdiff_t offset = (ptrdiff_t)start * strides[o];
            for (size_t i = 0; i < inner; i++)
                offset += (ptrdiff_t)index[i] * nd->operands[o].strides[i];
            data[o] = nd->operands[o].data + offset * (ptrdiff_t)nd->operands[o].size;
        }
        job->loop(job->context, stoa_size_min(job->chunk, nd->dims[inner] - start), data, strides);
        if (start + job->chunk < nd->dims[inner])
            continue;
        for (size_t i = inner; i-- > 0 && ++index[i] == nd->dims[i];)
            index[i] = 0;
    }
}

static bool is_empty(const struct nd *nd)
{
    for (size_t i = 0; i < nd->rank; i++)
        if (nd->dims[i] == 0)
            return true;
    return false;
}

static void run_simple(const struct nd *nd, struct pool *pool, nd_loop loop, const void *context)
{
    struct job job = {.nd = nd, .loop = loop, .context = context};
    size_t rows = 1, length = nd->dims[nd->rank - 1];
    for (size_t i = 0; i + 1 < nd->rank; i++)
        rows *= nd->dims[i];
    job.chunk = stoa_size_min(length, GRAIN);
    job.chunks = stoa_size_ceil_div(length, job.chunk);
    job.units = rows * job.chunks;
    job.units_per_task = stoa_size_ceil_div(GRAIN, job.chunk);
    stoa_pool_run(pool, stoa_size_ceil_div(job.units, job.units_per_task), run_task, &job);
}

void stoa_nd_run(const struct nd *nd, struct pool *pool, nd_loop loop, const void *context)
{
    if (is_empty(nd))
        return;
    struct nd simple = *nd;
    stoa_nd_simplify(&simple);
    run_simple(&simple, pool, loop, context);
}
