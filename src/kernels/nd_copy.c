/* Copies between strided tensors. Where the innermost dimensions of the two sides differ, reading along one means
 * striding through the other, a cache line for each element; so such copies go by tiles of 16 x 16, which use every
 * line they touch to the full. */
#include <assert.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/size.h"
#include "base/vector.h"
#include "kernels/nd.h"
#include "kernels/transpose.h"

#define TILE TRANSPOSE_TILE
/* Elements of one task of a tiled copy. */
#define TASK 16384

/* Elements by size alone, whatever their type is. */
typedef uint8_t __attribute__((may_alias)) unit1;
typedef uint16_t __attribute__((may_alias)) unit2;
typedef transpose_unit unit4;
typedef uint64_t __attribute__((may_alias)) unit8;

#define COPY_LOOP(type)                                                                                                \
    static void copy_##type(const void *context, size_t count, char *const *data, const ptrdiff_t *strides)            \
    {                                                                                                                  \
        (void)context;                                                                                                 \
        type *y = (type *)data[0];                                                                                     \
        const type *x = (const type *)data[1];                                                                         \
        ptrdiff_t sy = strides[0], sx = strides[1], n = (ptrdiff_t)count;                                              \
        if (sy == 1 && sx == 1) {                                                                                      \
            memcpy(y, x, count * sizeof *y);                                                                           \
        } else if (sy == 1 && sx == 0) {                                                                               \
            const type value = *x;                                                                                     \
            for (ptrdiff_t i = 0; i < n; i++)                                                                          \
                y[i] = value;                                                                                          \
        } else {                                                                                                       \
            for (ptrdiff_t i = 0; i < n; i++)                                                                          \
                y[i * sy] = x[i * sx];                                                                                 \
        }                                                                                                              \
    }
COPY_LOOP(unit1)
COPY_LOOP(unit2)
COPY_LOOP(unit4)
COPY_LOOP(unit8)

struct transposition {
    struct nd outer; /* the dimensions beside the two */
    size_t outer_count;
    size_t rows, columns; /* y[i*ldy + j] <- x[j*ldx + i], i < rows, j < columns */
    size_t ldx, ldy;
    size_t rows_per_unit, blocks; /* the rows are cut into `blocks`, one a unit */
    size_t units_per_task;
};

#define TRANSPOSE_EDGE(type)                                                                                           \
    static STOA_INLINE void edge_##type(const type *x, size_t ldx, size_t rows, size_t columns, type *y, size_t ldy)   \
    {                                                                                                                  \
        for (size_t i = 0; i < rows; i++)                                                                              \
            for (size_t j = 0; j < columns; j++)                                                                       \
                y[i * ldy + j] = x[j * ldx + i];                                                                       \
    }
TRANSPOSE_EDGE(unit1)
TRANSPOSE_EDGE(unit2)
TRANSPOSE_EDGE(unit4)
TRANSPOSE_EDGE(unit8)

/* Images have three channels, or one that was never a transposition. */
static void interleave_three(size_t count, const unit4 *x, size_t ldx, unit4 *y)
{
    const unit4 *a = x, *b = x + ldx, *c = x + 2 * ldx;
    size_t i = 0;
#ifdef TRANSPOSE_SHUFFLES
    for (; i + 4 <= count; i += 4)
        stoa_transpose_three(x + i, ldx, y + 3 * i);
#endif
    for (; i < count; i++) {
        y[3 * i] = a[i];
        y[3 * i + 1] = b[i];
        y[3 * i + 2] = c[i];
    }
}

static void transpose_block(const struct transposition *t, size_t size, const char *x, char *y, size_t first,
                            size_t last)
{
    if (size == 4 && t->columns == 3 && t->ldy == 3) {
        interleave_three(last - first, (const unit4 *)x + first, t->ldx, (unit4 *)y + 3 * first);
        return;
    }
    for (size_t i = first; i < last; i += TILE)
        for (size_t j = 0; j < t->columns; j += TILE) {
            size_t rows = stoa_size_min(TILE, last - i), columns = stoa_size_min(TILE, t->columns - j);
            size_t from = j * t->ldx + i, to = i * t->ldy + j;
            if (size == 4 && rows == TILE && columns == TILE)
                stoa_transpose_tile((const unit4 *)x + from, t->ldx, (unit4 *)y + to, t->ldy);
            else if (size == 4)
                edge_unit4((const unit4 *)x + from, t->ldx, rows, columns, (unit4 *)y + to, t->ldy);
            else if (size == 8)
                edge_unit8((const unit8 *)x + from, t->ldx, rows, columns, (unit8 *)y + to, t->ldy);
            else if (size == 2)
                edge_unit2((const unit2 *)x + from, t->ldx, rows, columns, (unit2 *)y + to, t->ldy);
            else
                edge_unit1((const unit1 *)x + from, t->ldx, rows, columns, (unit1 *)y + to, t->ldy);
        }
}

static void transpose_task(void *argument, size_t task, size_t worker)
{
    (void)worker;
    const struct transposition *t = argument;
    const struct nd *outer = &t->outer;
    size_t unit = task * t->units_per_task, end = stoa_size_min(unit + t->units_per_task, t->outer_count * t->blocks);
    ptrdiff_t from = 0, to = 0, size = (ptrdiff_t)outer->operands[0].size;
    size_t index[STOA_MAX_RANK], rest = unit / t->blocks;
    for (size_t i = outer->rank; i-- > 0; rest /= outer->dims[i]) {
        index[i] = rest % outer->dims[i];
        from += (ptrdiff_t)index[i] * outer->operands[1].strides[i];
        to += (ptrdiff_t)index[i] * outer->operands[0].strides[i];
    }
    for (; unit < end; unit++) {
        size_t first = unit % t->blocks * t->rows_per_unit;
        transpose_block(t, (size_t)size, outer->operands[1].data + from * size, outer->operands[0].data + to * size,
                        first, stoa_size_min(first + t->rows_per_unit, t->rows));
        if (first + t->rows_per_unit < t->rows)
            continue;
        for (size_t i = outer->rank; i-- > 0;) {
            from += outer->operands[1].strides[i];
            to += outer->operands[0].strides[i];
            if (++index[i] < outer->dims[i])
                break;
            from -= (ptrdiff_t)index[i] * outer->operands[1].strides[i];
            to -= (ptrdiff_t)index[i] * outer->operands[0].strides[i];
            index[i] = 0;
        }
    }
}

/* Takes a simplified copy as a transposition if it is one: the output runs along its last dimension, the input along
 * another. */
static bool as_transposition(const struct nd *nd, struct transposition *t)
{
    const ptrdiff_t *to = nd->operands[0].strides, *from = nd->operands[1].strides;
    size_t inner = nd->rank - 1, across = 0;
    if (to[inner] != 1 || from[inner] <= 1)
        return false;
    while (across < inner && from[across] != 1)
        across++;
    if (across == inner || to[across] <= 0)
        return false;
    *t = (struct transposition){.outer = {.operand_count = 2}, .outer_count = 1};
    t->rows = nd->dims[across];
    t->columns = nd->dims[inner];
    t->ldx = (size_t)from[inner];
    t->ldy = (size_t)to[across];
    for (size_t o = 0; o < 2; o++)
        t->outer.operands[o] = nd->operands[o];
    for (size_t i = 0; i < inner; i++) {
        if (i == across)
            continue;
        size_t rank = t->outer.rank++;
        t->outer.dims[rank] = nd->dims[i];
        t->outer.operands[0].strides[rank] = to[i];
        t->outer.operands[1].strides[rank] = from[i];
        t->outer_count *= nd->dims[i];
    }
    t->rows_per_unit = stoa_size_round_up(stoa_size_ceil_div(TASK, t->columns), TILE);
    t->blocks = stoa_size_ceil_div(t->rows, t->rows_per_unit);
    t->units_per_task = stoa_size_ceil_div(TASK, t->columns * stoa_size_min(t->rows, t->rows_per_unit));
    return true;
}

void stoa_nd_copy_nest(const struct nd *nd, struct pool *pool)
{
    assert(nd->operand_count == 2 && nd->operands[0].size == nd->operands[1].size);
    for (size_t i = 0; i < nd->rank; i++)
        if (nd->dims[i] == 0)
            return;
    struct nd simple = *nd;
    stoa_nd_simplify(&simple);
    struct transposition transposition;
    if (as_transposition(&simple, &transposition)) {
        size_t units = transposition.outer_count * transposition.blocks;
        stoa_pool_run(pool, stoa_size_ceil_div(units, transposition.units_per_task), transpose_task, &transposition);
        return;
    }
    size_t size = simple.operands[0].size;
    stoa_nd_run(&simple, pool,
                size == 1   ? copy_unit1
                : size == 2 ? copy_unit2
                : size == 4 ? copy_unit4
                            : copy_unit8,
                NULL);
}

void stoa_nd_copy(const struct stoa_tensor *from, const struct stoa_tensor *to, struct pool *pool)
{
    struct nd nd = stoa_nd_over(to);
    stoa_nd_read(&nd, from);
    stoa_nd_copy_nest(&nd, pool);
}
