/* Every copy of the files that are compiled once for each instruction set gives what the others give: to the bit, or
 * within the roundings that fused products save. Copies that this CPU cannot run are left out. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/vector.h"
#include "kernels/depthwise.h"
#include "kernels/direct.h"
#include "kernels/gemv.h"
#include "kernels/pool.h"
#include "kernels/sigmoid.h"
#include "kernels/small_product.h"
#include "kernels/winograd.h"

/* Of one function: the baseline's and those of wider vectors, where there are any. */
#if defined(__x86_64__) && !defined(STOA_SANITIZED)
#define COPIES 3
#define CASE(name, parameters)                                                                                         \
    void name##_baseline parameters;                                                                                   \
    void name##_avx2 parameters;                                                                                       \
    void name##_avx512 parameters;                                                                                     \
    static void(*const name##_copies[]) parameters = {name##_baseline, name##_avx2, name##_avx512}
/* What is done once for a layer. */
#define CASE_ONCE(name, parameters)                                                                                    \
    void name##_baseline parameters;                                                                                   \
    void name##_avx2 parameters;                                                                                       \
    static void(*const name##_copies[]) parameters = {name##_baseline, name##_avx2, name##_avx2}
#else
#define COPIES 1
#define CASE(name, parameters)                                                                                         \
    void name##_baseline parameters;                                                                                   \
    static void(*const name##_copies[]) parameters = {name##_baseline}
#define CASE_ONCE CASE
#endif

CASE(stoa_depthwise_rows,
     (const struct depthwise *d, const float *x, const float *weights, const float *bias, float *y));
CASE(stoa_direct_rows, (const struct direct *d, size_t rows, size_t count, const float *x, const float *weights,
                        const float *bias, float *y));
CASE(stoa_gemv, (size_t m, size_t n, const float *a, size_t lda, const float *x, float *y));
CASE(stoa_max_pool_picture, (const struct pool_shape *shape, size_t oy, const float *x, float *y));
CASE(stoa_average_pool_picture, (const struct pool_shape *shape, size_t oy, int count_pad, const float *x, float *y));
CASE(stoa_sigmoids, (const struct activation *activation, size_t count, const float *x, float *y));
CASE(stoa_small_product, (const struct small_product *product));
CASE(stoa_winograd_input, (const struct winograd_form *form, const struct winograd_grid *grid, const float *x,
                           size_t channels, size_t first, size_t count, const struct winograd_values *v));
CASE(stoa_winograd_output,
     (const struct winograd_form *form, const struct winograd_grid *grid, const struct winograd_values *m, size_t first,
      size_t count, size_t channels, const struct epilogue *epilogue, float *y));
CASE_ONCE(stoa_winograd_filters,
          (const struct winograd_form *form, size_t C, size_t count, const float *weights, size_t width, float *u));

#define ROOM 65536
static float x[ROOM], weights[ROOM], bias[ROOM], expected[ROOM], y[ROOM];

static bool runs_here(size_t copy)
{
    return copy == 0 || (copy == 1 ? stoa_has_avx2() : stoa_has_wide_registers());
}

static void fill(void)
{
    uint32_t state = 1;
    for (size_t i = 0; i < ROOM; i++) {
        float *const each[] = {x, weights, bias};
        for (size_t j = 0; j < 3; j++) {
            state = state * 1664525u + 1013904223u;
            each[j][i] = (float)(int32_t)state * 0x1p-31f;
        }
        expected[i] = y[i] = 7;
    }
}

/* slack: of a value; 0: the same bits. What nothing was written to is still 7. */
static void compare(const char *name, size_t copy, size_t row, float slack)
{
    for (size_t i = 0; i < ROOM; i++) {
        cr_assert(fabsf(y[i] - expected[i]) <= slack, "%s, copy %zu, row %zu: element %zu is %g, not %g", name, copy,
                  row, i, (double)y[i], (double)expected[i]);
        y[i] = 7;
    }
}

/* Row by row one of those that kernels have in registers. */
static struct activation activation_of(size_t row)
{
    static const struct activation activations[] = {{ACTIVATION_NONE, 0, 0},
                                                    {ACTIVATION_RELU, 0, 0},
                                                    {ACTIVATION_CLIP, -0.25f, 0.5f},
                                                    {ACTIVATION_HARD_SWISH, 0.75f, 0.5f}};
    return activations[row % 4];
}

static struct squash squash_of(size_t row)
{
    struct activation activation = activation_of(row);
    return stoa_activation_squash(&activation);
}

Test(isa, sigmoids)
{
    for (size_t kind = 0; kind < ACTIVATION_COUNT; kind++) {
        const struct activation activation = {.kind = (enum activation_kind)kind, .alpha = 0.75f};
        if (!stoa_rests_on_sigmoid(activation.kind))
            continue;
        fill();
        for (size_t i = 0; i < 1000; i++)
            x[i] *= 9;
        stoa_sigmoids_copies[0](&activation, 997, x, expected);
        for (size_t copy = 1; copy < COPIES; copy++)
            if (runs_here(copy)) {
                stoa_sigmoids_copies[copy](&activation, 997, x, y);
                for (size_t i = 0; i < 997; i++) /* e^x is not about 1 */
                    y[i] = fabsf(y[i] - expected[i]) <= 4e-7f * fabsf(expected[i]) ? expected[i] : y[i];
                compare("sigmoids", copy, kind, 1e-6f);
            }
    }
}

Test(isa, direct_rows)
{
    static const size_t channels[] = {1, 3, 4, 5, 8, 9, 15, 16, 17, 31, 32, 40, 48, 57, 64};
    static const ptrdiff_t offsets[] = {0, 9, 18};
    for (size_t i = 0; i < sizeof channels / sizeof *channels; i++)
        for (size_t gap = 0; gap < 4; gap += 3) {
            const struct direct d = {.runs = 3,
                                     .run = 3 + gap * 2,
                                     .offsets = offsets,
                                     .x_pixel = 1,
                                     .channels = channels[i],
                                     .y_pixel = channels[i] + gap,
                                     .x_row = 64,
                                     .y_row = 40 * (channels[i] + gap),
                                     .squash = squash_of(i + gap)};
            fill();
            stoa_direct_rows_copies[0](&d, 2, 29, x, weights, bias, expected);
            for (size_t copy = 1; copy < COPIES; copy++)
                if (runs_here(copy) && (copy != 1 || channels[i] <= DIRECT_LANES)) {
                    stoa_direct_rows_copies[copy](&d, 2, 29, x, weights, bias, y);
                    compare("direct", copy, i, 1e-5f);
                }
        }
}

Test(isa, gemv)
{
    for (size_t m = 1; m <= 13; m++)
        for (size_t n = 1; n <= 70; n++) {
            fill();
            stoa_gemv_copies[0](m, n, weights, n + m % 3, x, expected);
            for (size_t copy = 1; copy < COPIES; copy++)
                if (runs_here(copy)) {
                    stoa_gemv_copies[copy](m, n, weights, n + m % 3, x, y);
                    compare("gemv", copy, m * 100 + n, 70 * 0x1p-24f * 70);
                }
        }
}

Test(isa, pool_picture)
{
    static const size_t channels[] = {1, 3, 6, 8, 13, 16, 21, 32, 40, 64, 130};
    for (size_t i = 0; i < sizeof channels / sizeof *channels; i++)
        for (size_t way = 0; way < 12; way++) { /* stride, gaps between pixels, dilation */
            size_t C = channels[i], gap = way / 2 % 2 * 5, stride = 1 + way % 2, dilation = 1 + way / 4;
            size_t out = (9 + 2 - 2 * dilation - 1) / stride + 1;
            const struct pool_shape shape = {.kernel = {1, 3, 3},
                                             .stride = {1, stride, stride},
                                             .dilation = {1, dilation, dilation},
                                             .pad = {0, 1, 1, 0, 1, 1},
                                             .size = {1, 9, 9},
                                             .out = {1, out, out},
                                             .channels = C,
                                             .x_row = 9 * (C + gap),
                                             .x_column = C + gap,
                                             .y_row = out * (C + gap),
                                             .y_column = C + gap};
            for (size_t copy = 1; copy < COPIES; copy++)
                if (runs_here(copy))
                    for (size_t oy = 0; oy < out; oy++) {
                        fill();
                        stoa_max_pool_picture_copies[0](&shape, oy, x, expected);
                        stoa_max_pool_picture_copies[copy](&shape, oy, x, y);
                        compare("max_pool", copy, C * 100 + way, 0);
                        fill();
                        stoa_average_pool_picture_copies[0](&shape, oy, way & 1, x, expected);
                        stoa_average_pool_picture_copies[copy](&shape, oy, way & 1, x, y);
                        compare("average_pool", copy, C * 100 + way, 0);
                    }
        }
}

Test(isa, small_product)
{
    for (size_t m = 1; m <= 13; m++)
        for (size_t n = 16; n <= 97; n += n < 34 ? 1 : 7)
            for (size_t way = 0; way < 32;
                 way++) { /* A as it stands or transposed, C set or added to, epilogues, B packed */
                const struct epilogue last = {.bias = way & 4 ? bias : NULL,
                                              .addend = way & 8 ? bias + 7 : NULL,
                                              .addend_row = n + 3,
                                              .activation = activation_of(m + n + way / 2)};
                size_t k = 1 + (m * n) % 9, lda = (way & 1 ? m : k) + 2;
                struct small_product p = {.m = m,
                                          .n = n,
                                          .k = k,
                                          .a = x,
                                          .a_row = way & 1 ? 1 : lda,
                                          .a_column = way & 1 ? lda : 1,
                                          .b = weights,
                                          .b_row = way & 16 ? 0 : n + m % 3,
                                          .b_rows = k + n % 3,
                                          .b_first = n % 3,
                                          .c = expected,
                                          .c_row = n + 1,
                                          .add = way & 2,
                                          .last = way & 12 ? &last : NULL};
                fill();
                stoa_small_product_copies[0](&p);
                p.c = y;
                for (size_t copy = 1; copy < COPIES; copy++)
                    if (runs_here(copy)) {
                        stoa_small_product_copies[copy](&p);
                        compare("small_product", copy, m * 1000 + n, 1e-5f);
                    }
            }
}

Test(isa, depthwise_rows)
{
    static const struct depthwise rows[] = {
        {.groups = 3, .in = 1, .out = 1},  {.groups = 8, .in = 1, .out = 1},   {.groups = 21, .in = 1, .out = 1},
        {.groups = 64, .in = 1, .out = 1}, {.groups = 16, .in = 1, .out = 2},  {.groups = 24, .in = 1, .out = 8},
        {.groups = 8, .in = 2, .out = 2},  {.groups = 5, .in = 4, .out = 8},   {.groups = 6, .in = 8, .out = 8},
        {.groups = 9, .in = 3, .out = 4},  {.groups = 193, .in = 1, .out = 1}, {.groups = 33, .in = 4, .out = 4},
        {.groups = 11, .in = 2, .out = 2},
    };
    static const size_t widths[] = {5, 7, 8, 13, 14, 27, 28};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        for (size_t way = 0; way < 8 * sizeof widths / sizeof *widths; way++) { /* stride, padding, taps */
            size_t stride = 1 + way % 2;
            struct depthwise d = rows[i];
            d.width = d.groups * d.out;
            size_t taps = way / 4 % 2 ? 5 : 3;
            d.pad = way / 2 % 2 * (taps / 2);
            d.W = widths[way / 8];
            d.stride = stride;
            d.OW = (d.W + 2 * d.pad - taps) / stride + 1;
            d.x_pixel = d.groups * d.in;
            d.y_pixel = d.width;
            d.rows = 3;
            d.columns = taps;
            d.row_step = d.W * d.x_pixel;
            d.OH = 1 + way % 5 / 2;
            d.x_down = (1 + way / 3 % 2) * d.row_step;
            d.y_down = d.OW * d.y_pixel;
            d.dilation = 1;
            d.ahead = way % 3;
            d.squash = squash_of(i + way);
            cr_assert(stoa_depthwise_takes(d.groups, d.in, d.out));
            fill();
            stoa_depthwise_rows_copies[0](&d, x, weights, bias, expected);
            for (size_t copy = 1; copy < COPIES; copy++)
                if (runs_here(copy)) {
                    stoa_depthwise_rows_copies[copy](&d, x, weights, bias, y);
                    compare("depthwise", copy, i, 1e-5f);
                }
        }
}

/* Four roundings of sums of values within 1 whose factors add up to 12.5 (6 x 6 tiles, B^T), or 67 (A^T), each way. */
#define INPUT_SLACK (4 * 0x1p-24f * 12.5f * 12.5f)
#define OUTPUT_SLACK (4 * 0x1p-24f * 67 * 67)

Test(isa, winograd)
{
    static const size_t channels[] = {3, 8, 15, 16, 21, 32};
    const struct epilogue epilogue = {.bias = bias, .activation.kind = ACTIVATION_RELU};
    size_t row = 0;
    for (const struct winograd_form *form = stoa_winograd_forms; form->tile[0]; form++)
        for (size_t i = 0; i < sizeof channels / sizeof *channels; i++, row++) {
            size_t C = channels[i], point = 6 * 48;
            const struct winograd_grid grid = {.H = 9,
                                               .W = 9,
                                               .OH = 9,
                                               .OW = 9,
                                               .pad = {1, 1},
                                               .x_pixel = C,
                                               .y_pixel = C,
                                               .step = {form->stride * form->tile[0], form->stride * form->tile[1]},
                                               .dilation = {1, 1},
                                               .places = {1, 1},
                                               .down = 2,
                                               .across = 2};
            for (size_t copy = 1; copy < COPIES; copy++)
                if (runs_here(copy)) {
                    fill();
                    stoa_winograd_input_copies[0](form, &grid, x, C, 0, 4,
                                                  &(struct winograd_values){expected, point, 48});
                    stoa_winograd_input_copies[copy](form, &grid, x, C, 0, 4, &(struct winograd_values){y, point, 48});
                    for (size_t at = 0; at < ROOM; at++) /* the rest of the room for 16 channels is nobody's */
                        if (at % 48 >= C)
                            y[at] = expected[at] = 7;
                    compare("input", copy, row, INPUT_SLACK);
                    fill();
                    const struct winograd_values m = {weights, point, 48};
                    stoa_winograd_output_copies[0](form, &grid, &m, 0, 4, C, &epilogue, expected);
                    stoa_winograd_output_copies[copy](form, &grid, &m, 0, 4, C, &epilogue, y);
                    compare("output", copy, row, OUTPUT_SLACK);
                    fill();
                    stoa_winograd_filters_copies[0](form, 5, C, weights, 37, expected);
                    stoa_winograd_filters_copies[copy](form, 5, C, weights, 37, y);
                    compare("filters", copy, row, 0);
                }
        }
}
