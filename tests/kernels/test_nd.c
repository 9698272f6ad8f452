/* Loop nests and copies against naive loops over every index. */
#include <criterion/criterion.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/pool.h"
#include "base/tensor.h"
#include "kernels/nd.h"

#define MAX_RANK STOA_MAX_RANK

/* How a tensor lies: the dimensions from the innermost outwards, and how many elements are left out after each run of
 * the innermost. */
struct lie {
    size_t order[MAX_RANK];
    size_t gap;
};

struct row {
    const char *name;
    size_t rank, dims[MAX_RANK];
    struct lie from, to;
};

#define PLAIN4                                                                                                         \
    {                                                                                                                  \
        {3, 2, 1, 0}, 0                                                                                                \
    }
#define LAST4                                                                                                          \
    {                                                                                                                  \
        {1, 3, 2, 0}, 0                                                                                                \
    }

static const struct row rows[] = {
    {"scalar", 0, {0}, {{0}, 0}, {{0}, 0}},
    {"one dimension", 1, {7}, {{0}, 0}, {{0}, 0}},
    {"one dimension into gaps", 1, {7}, {{0}, 0}, {{0}, 3}},
    {"empty", 4, {2, 0, 3, 4}, PLAIN4, LAST4},
    {"the same layout", 4, {2, 3, 4, 5}, LAST4, LAST4},
    {"rows with gaps", 2, {5, 6}, {{1, 0}, 2}, {{1, 0}, 1}},
    {"three channels to the inside", 4, {2, 3, 9, 11}, PLAIN4, LAST4},
    {"three channels to the outside", 4, {2, 3, 9, 11}, LAST4, PLAIN4},
    {"one channel", 4, {2, 1, 9, 11}, PLAIN4, LAST4},
    {"whole tiles", 4, {1, 32, 8, 8}, PLAIN4, LAST4},
    {"whole tiles back", 4, {1, 32, 8, 8}, LAST4, PLAIN4},
    {"tiles and edges", 4, {2, 37, 7, 9}, PLAIN4, LAST4},
    {"tiles and edges back", 4, {2, 37, 7, 9}, LAST4, PLAIN4},
    {"several tasks", 4, {2, 40, 33, 35}, PLAIN4, LAST4},
    {"several tasks back", 4, {2, 40, 33, 35}, LAST4, PLAIN4},
    {"long rows", 2, {3, 40000}, {{1, 0}, 1}, {{1, 0}, 0}},
    {"columns to rows", 2, {300, 200}, {{0, 1}, 0}, {{1, 0}, 0}},
    {"reversed order", 3, {17, 18, 19}, {{0, 1, 2}, 0}, {{2, 1, 0}, 0}},
    {"no dimension runs in line", 3, {5, 6, 7}, {{0, 1, 2}, 1}, {{2, 1, 0}, 0}},
    {"eight dimensions", 8, {2, 3, 1, 2, 3, 2, 1, 2}, {{3, 1, 7, 5, 0, 2, 4, 6}, 0}, {{7, 6, 5, 4, 3, 2, 1, 0}, 0}},
};

/* Element offset of the row-major index. */
static size_t offset_of(const struct stoa_tensor *tensor, size_t index)
{
    size_t offset = 0;
    for (size_t i = tensor->rank; i-- > 0; index /= tensor->dims[i])
        offset += index % tensor->dims[i] * tensor->strides[i];
    return offset;
}

static struct stoa_tensor lay(const struct row *row, const struct lie *lie, enum stoa_dtype dtype, size_t *extent)
{
    struct stoa_tensor tensor = {.dtype = dtype, .rank = row->rank};
    size_t stride = 1;
    for (size_t i = 0; i < row->rank; i++) {
        size_t d = lie->order[i];
        tensor.dims[d] = row->dims[d];
        tensor.strides[d] = i ? stride : 1 + (row->rank == 1 ? lie->gap : 0);
        stride *= row->dims[d] ? row->dims[d] : 1;
        if (i == 0)
            stride += lie->gap;
    }
    *extent = 1;
    for (size_t i = 0; i < row->rank; i++)
        *extent += row->dims[i] ? (row->dims[i] - 1) * tensor.strides[i] : 0;
    /* Exactly as long as needed, so that a sanitizer sees a step beyond. */
    tensor.data = malloc(*extent * stoa_dtype_size(dtype));
    return tensor;
}

static void check_copy(const struct row *row, enum stoa_dtype dtype, struct pool *pool)
{
    size_t from_extent, to_extent, size = stoa_dtype_size(dtype);
    struct stoa_tensor from = lay(row, &row->from, dtype, &from_extent), to = lay(row, &row->to, dtype, &to_extent);
    unsigned char *source = from.data, *target = to.data, *expected = malloc(to_extent * size);
    for (size_t i = 0; i < from_extent * size; i++)
        source[i] = (unsigned char)(i * 131 + i / 251);
    memset(target, 0xa5, to_extent * size);
    memset(expected, 0xa5, to_extent * size);
    for (size_t i = 0; i < stoa_tensor_elements(&to); i++)
        memcpy(expected + offset_of(&to, i) * size, source + offset_of(&from, i) * size, size);

    stoa_nd_copy(&from, &to, pool);
    cr_expect(memcmp(target, expected, to_extent * size) == 0, "%s: %s differ", row->name, stoa_dtype_name(dtype));
    free(expected);
    free(source);
    free(target);
}

Test(nd, copies_between_any_strides)
{
    static const enum stoa_dtype dtypes[] = {STOA_FLOAT, STOA_INT64, STOA_UINT8};
    struct stoa_allocator allocator = stoa_allocator_default();
    struct pool *pools[2] = {NULL, NULL};
    cr_assert(stoa_pool_create(&allocator, 3, NULL, &pools[1]) == STOA_OK);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        for (size_t d = 0; d < 3; d++)
            for (size_t p = 0; p < 2; p++)
                check_copy(&rows[i], dtypes[d], pools[p]);
    stoa_pool_free(pools[1]);
}

Test(nd, copies_a_broadcast)
{
    float x[3] = {1, 2, 3}, y[24];
    struct stoa_tensor from = {STOA_FLOAT, 3, {2, 3, 4}, {0, 1, 0}, x}, to = {STOA_FLOAT, 3, {2, 3, 4}, {12, 4, 1}, y};
    stoa_nd_copy(&from, &to, NULL);
    for (size_t i = 0; i < 24; i++)
        cr_expect(y[i] == x[i / 4 % 3], "element %zu is %g", i, (double)y[i]);
}

Test(nd, copies_backwards)
{
    int64_t x[5] = {1, 2, 3, 4, 5}, y[5];
    struct stoa_tensor to = {STOA_INT64, 1, {5}, {1}, y};
    struct nd nd = stoa_nd_over(&to);
    stoa_nd_read_scalar(&nd, STOA_INT64, &x[4]);
    nd.operands[1].strides[0] = -1;
    stoa_nd_copy_nest(&nd, NULL);
    for (size_t i = 0; i < 5; i++)
        cr_expect(y[i] == 5 - (int64_t)i, "element %zu is %d", i, (int)y[i]);
}

Test(nd, joins_what_lies_together)
{
    static const struct {
        const char *name;
        struct stoa_tensor y, x;
        size_t rank, dims[2];
    } cases[] = {
        {"plain", {0, 4, {2, 3, 4, 5}, {60, 20, 5, 1}, 0}, {0, 4, {2, 3, 4, 5}, {60, 20, 5, 1}, 0}, 1, {120}},
        {"both channels-last",
         {0, 4, {2, 3, 4, 5}, {60, 1, 15, 3}, 0},
         {0, 4, {2, 3, 4, 5}, {60, 1, 15, 3}, 0},
         1,
         {120}},
        {"a channel's number, channels-last",
         {0, 4, {2, 3, 4, 5}, {60, 1, 15, 3}, 0},
         {0, 3, {3, 1, 1}, {1, 1, 1}, 0},
         2,
         {40, 3}},
        {"a channel's number, plain",
         {0, 4, {1, 3, 4, 5}, {60, 20, 5, 1}, 0},
         {0, 3, {3, 1, 1}, {1, 1, 1}, 0},
         2,
         {3, 20}},
        {"one number", {0, 4, {2, 3, 4, 5}, {60, 1, 15, 3}, 0}, {0, 0, {0}, {0}, 0}, 1, {120}},
        {"one element", {0, 2, {1, 1}, {9, 9}, 0}, {0, 0, {0}, {0}, 0}, 1, {1}},
        {"unit dimensions whatever their strides",
         {0, 3, {4, 1, 5}, {5, 77, 1}, 0},
         {0, 3, {4, 1, 5}, {5, 3, 1}, 0},
         1,
         {20}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct nd nd = stoa_nd_over(&cases[i].y);
        stoa_nd_read(&nd, &cases[i].x);
        stoa_nd_simplify(&nd);
        cr_expect(nd.rank == cases[i].rank, "%s: rank %zu", cases[i].name, nd.rank);
        for (size_t d = 0; d < nd.rank && d < cases[i].rank; d++)
            cr_expect(nd.dims[d] == cases[i].dims[d], "%s: dimension %zu is %zu", cases[i].name, d, nd.dims[d]);
    }
}

static void count_visits(const void *context, size_t count, char *const *data, const ptrdiff_t *strides)
{
    (void)context;
    for (size_t i = 0; i < count; i++)
        ((int32_t *)data[0])[(ptrdiff_t)i * strides[0]]++;
}

/* Cutting into tasks must neither miss nor repeat an element, at sizes around those of tasks. */
Test(nd, visits_each_element_once)
{
    static const size_t dims[][2] = {{1, 16383}, {1, 16384}, {1, 16385}, {1, 50000},
                                     {3, 16385}, {16385, 1}, {5000, 7},  {7, 5000}};
    struct stoa_allocator allocator = stoa_allocator_default();
    struct pool *pool;
    cr_assert(stoa_pool_create(&allocator, 3, NULL, &pool) == STOA_OK);
    for (size_t i = 0; i < sizeof dims / sizeof *dims; i++) {
        size_t lines = dims[i][0], columns = dims[i][1], pitch = columns + 1;
        int32_t *y = calloc(lines * pitch, sizeof *y);
        struct stoa_tensor tensor = {STOA_INT32, 2, {lines, columns}, {pitch, 1}, y};
        struct nd nd = stoa_nd_over(&tensor);
        stoa_nd_run(&nd, pool, count_visits, NULL);
        size_t wrong = 0;
        for (size_t k = 0; k < lines * pitch; k++)
            wrong += y[k] != (k % pitch < columns);
        cr_expect(wrong == 0, "[%zu,%zu]: %zu elements wrong", lines, columns, wrong);
        free(y);
    }
    stoa_pool_free(pool);
}
