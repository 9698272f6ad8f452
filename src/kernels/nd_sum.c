/* Sums over broadcast dimensions. The nest is ordered by how operand 1, the gradient, lies in memory; its innermost
 * dimension is cut into pieces. If that dimension is kept, a piece is so many lanes side by side, each with a sum of
 * its own, and memory is read row by row (a bias in images that lie channels-last); if it is summed over, a piece is
 * one number (a bias in plain images). What is kept beside makes units, what is summed over beside is cut into slices
 * when one unit would be long, whose sums are joined in a second pass. */
#include "kernels/nd_sum.h"

#include <stdbool.h>

#include "base/size.h"
#include "kernels/block.h"

#define LANES 512      /* in a piece of a dimension that is kept */
#define RUN 4096       /* in a piece of one that is summed over */
#define ROWS 256       /* of lanes that are summed in float */
#define WIDE 64        /* lanes that short rows are taken in */
#define SLICE 32768    /* elements of a slice, about */
#define MIN_TASK 16384 /* elements of a task, about, when units are short */

/* Some dimensions of the nest, outermost first. */
struct axes {
    size_t rank, count; /* count: the product of dims */
    size_t at[STOA_MAX_RANK];
};

struct sum {
    struct nd nd; /* simplified */
    struct axes kept, summed;
    bool lanes;           /* the innermost dimension is kept */
    size_t piece, pieces; /* of the innermost dimension */
    size_t width;         /* sums of one unit */
    size_t units;         /* by what is kept */
    size_t steps;         /* pieces that one unit sums */
    size_t slice, slices; /* of steps */
    size_t units_per_task;
    nd_loop loop;
    const void *context;
    double *partial; /* [units][slices][width], where there are several slices */
};

struct nd stoa_nd_sum_over(const struct stoa_tensor *whole, const struct stoa_tensor *sum)
{
    struct nd nd = {.rank = whole->rank};
    for (size_t i = 0; i < whole->rank; i++)
        nd.dims[i] = whole->dims[i];
    stoa_nd_read(&nd, sum);
    return nd;
}

static void swap_operands(struct nd *nd)
{
    struct nd_operand first = nd->operands[0];
    nd->operands[0] = nd->operands[1];
    nd->operands[1] = first;
}

static void append(struct sum *sum, struct axes *axes, size_t dim)
{
    axes->at[axes->rank++] = dim;
    axes->count *= sum->nd.dims[dim];
}

static struct sum plan(const struct nd *nd)
{
    struct sum sum = {.nd = *nd, .kept = {.count = 1}, .summed = {.count = 1}};
    swap_operands(&sum.nd); /* simplifying orders dimensions by operand 0 */
    stoa_nd_simplify(&sum.nd);
    swap_operands(&sum.nd);
    const ptrdiff_t *strides = sum.nd.operands[0].strides;
    size_t inner = sum.nd.rank - 1, length = sum.nd.dims[inner];
    for (size_t i = 0; i < inner; i++)
        append(&sum, strides[i] ? &sum.kept : &sum.summed, i);
    sum.lanes = strides[inner] != 0;
    sum.piece = stoa_size_max(1, stoa_size_min(length, sum.lanes ? LANES : RUN));
    sum.pieces = stoa_size_ceil_div(length, sum.piece);
    sum.width = sum.lanes ? sum.piece : 1;
    sum.units = sum.kept.count * (sum.lanes ? sum.pieces : 1);
    sum.steps = sum.summed.count * (sum.lanes ? 1 : sum.pieces);
    sum.slice = stoa_size_max(1, stoa_size_min(sum.steps, SLICE / sum.piece));
    sum.slices = stoa_size_max(1, stoa_size_ceil_div(sum.steps, sum.slice));
    sum.units_per_task = stoa_size_max(1, MIN_TASK / (sum.piece * sum.slice));
    return sum;
}

size_t stoa_nd_sum_scratch(const struct nd *nd)
{
    struct sum sum = plan(nd);
    return sum.slices > 1 ? sum.units * sum.slices * sum.width * sizeof(double) : 0;
}

/* Moves every operand's data to the element at `index` of the axes. */
static void move(const struct nd *nd, const struct axes *axes, size_t index, char **data)
{
    for (size_t i = axes->rank; i-- > 0;) {
        size_t dim = axes->at[i];
        ptrdiff_t at = (ptrdiff_t)(index % nd->dims[dim]);
        index /= nd->dims[dim];
        for (size_t o = 0; o < nd->operand_count; o++)
            data[o] += at * nd->operands[o].strides[dim] * (ptrdiff_t)nd->operands[o].size;
    }
}

static void move_inner(const struct nd *nd, size_t elements, char **data)
{
    for (size_t o = 0; o < nd->operand_count; o++)
        data[o] += (ptrdiff_t)elements * nd->operands[o].strides[nd->rank - 1] * (ptrdiff_t)nd->operands[o].size;
}

/* Adds rows that follow each other, but for the last few, to their lanes' totals: as many as fit WIDE make one row
 * together. Returns how many. */
static size_t add_short_rows(size_t rows, size_t count, const float *x, float *total)
{
    size_t together = WIDE / count, wide = rows / together;
    float sums[WIDE] = {0};
    stoa_block_sum(&(struct block){.count = wide, .lanes = together * count, .x_step = together * count, .x_lane = 1},
                   x, sums);
    for (size_t i = 0; i < together; i++)
        for (size_t l = 0; l < count; l++)
            total[l] += sums[i * count + l];
    return wide * together;
}

/* total[l] += the sum over `rows` rows of `count` elements in lane l, of the loop's results. With a loop, rows are
 * taken one at a time. */
static void add_rows(const struct sum *sum, size_t rows, size_t count, char *const *data, float *total)
{
    const struct nd *nd = &sum->nd;
    const struct nd_operand *first = &nd->operands[1];
    const float *x = (const float *)data[1];
    size_t step = (size_t)first->strides[nd->rank - 1], row = 0;
    float buffer[RUN];
    if (sum->loop) {
        char *operands[ND_OPERANDS] = {(char *)buffer};
        ptrdiff_t strides[ND_OPERANDS] = {1};
        for (size_t o = 1; o < nd->operand_count; o++) {
            operands[o] = data[o];
            strides[o] = nd->operands[o].strides[nd->rank - 1];
        }
        sum->loop(sum->context, count, operands, strides);
        x = buffer;
        step = 1;
    } else if (sum->summed.rank) {
        row = (size_t)first->strides[sum->summed.at[sum->summed.rank - 1]];
    }
    if (sum->lanes && step == 1 && row == count && 2 * count <= WIDE) {
        size_t done = add_short_rows(rows, count, x, total);
        rows -= done;
        x += done * row;
    }
    struct block block = sum->lanes ? (struct block){.count = rows, .lanes = count, .x_step = row, .x_lane = step}
                                    : (struct block){.count = count, .lanes = 1, .x_step = step, .x_lane = row};
    stoa_block_sum(&block, x, total);
}

/* Adds up the steps [step, end) of a unit whose operands begin at `data`. */
static void sum_steps(const struct sum *sum, size_t step, size_t end, size_t lanes, char *const *data, double *result)
{
    const struct nd *nd = &sum->nd;
    size_t inner_dim = sum->summed.rank ? nd->dims[sum->summed.at[sum->summed.rank - 1]] : 1;
    while (step < end) {
        char *at[ND_OPERANDS];
        float total[LANES];
        for (size_t l = 0; l < lanes; l++)
            total[l] = 0;
        size_t taken = 0;
        while (step < end && taken < (sum->lanes ? ROWS : 1)) {
            for (size_t o = 0; o < nd->operand_count; o++)
                at[o] = data[o];
            size_t rows = 1, count = lanes;
            if (sum->lanes) {
                if (!sum->loop) /* as many as lie evenly */
                    rows = stoa_size_min(stoa_size_min(end - step, ROWS - taken), inner_dim - step % inner_dim);
                move(nd, &sum->summed, step, at);
            } else {
                size_t first = step % sum->pieces * sum->piece;
                count = stoa_size_min(sum->piece, nd->dims[nd->rank - 1] - first);
                move(nd, &sum->summed, step / sum->pieces, at);
                move_inner(nd, first, at);
            }
            add_rows(sum, rows, count, at, total);
            taken += rows;
            step += rows;
        }
        for (size_t l = 0; l < lanes; l++)
            result[l] += (double)total[l];
    }
}

/* The operands' data where a unit begins; returns its sums. */
static size_t begin(const struct sum *sum, size_t unit, char **data)
{
    const struct nd *nd = &sum->nd;
    for (size_t o = 0; o < nd->operand_count; o++)
        data[o] = nd->operands[o].data;
    if (!sum->lanes) {
        move(nd, &sum->kept, unit, data);
        return 1;
    }
    size_t first = unit % sum->pieces * sum->piece;
    move(nd, &sum->kept, unit / sum->pieces, data);
    move_inner(nd, first, data);
    return stoa_size_min(sum->piece, nd->dims[nd->rank - 1] - first);
}

static void write(const struct sum *sum, size_t lanes, const double *result, char *data)
{
    ptrdiff_t stride = sum->nd.operands[0].strides[sum->nd.rank - 1];
    for (size_t l = 0; l < lanes; l++)
        ((float *)data)[(ptrdiff_t)l * stride] = (float)result[l];
}

static void sum_task(void *context, size_t task, size_t worker)
{
    (void)worker;
    const struct sum *sum = context;
    size_t first = task * sum->units_per_task, all = sum->units * sum->slices;
    for (size_t i = first; i < stoa_size_min(first + sum->units_per_task, all); i++) {
        char *data[ND_OPERANDS];
        double own[LANES], *result = sum->slices > 1 ? sum->partial + i * sum->width : own;
        size_t lanes = begin(sum, i / sum->slices, data), step = i % sum->slices * sum->slice;
        for (size_t l = 0; l < lanes; l++)
            result[l] = 0;
        sum_steps(sum, step, stoa_size_min(step + sum->slice, sum->steps), lanes, data, result);
        if (sum->slices == 1)
            write(sum, lanes, result, data[0]);
    }
}

static void join_task(void *context, size_t unit, size_t worker)
{
    (void)worker;
    const struct sum *sum = context;
    char *data[ND_OPERANDS];
    size_t lanes = begin(sum, unit, data);
    double *result = sum->partial + unit * sum->slices * sum->width;
    for (size_t s = 1; s < sum->slices; s++)
        for (size_t l = 0; l < lanes; l++)
            result[l] += result[s * sum->width + l];
    write(sum, lanes, result, data[0]);
}

void stoa_nd_sum(const struct nd *nd, struct pool *pool, nd_loop loop, const void *context, void *scratch)
{
    struct sum sum = plan(nd);
    sum.loop = loop;
    sum.context = context;
    sum.partial = scratch;
    stoa_pool_run(pool, stoa_size_ceil_div(sum.units * sum.slices, sum.units_per_task), sum_task, &sum);
    if (sum.slices > 1)
        stoa_pool_run(pool, sum.units, join_task, &sum);
}
