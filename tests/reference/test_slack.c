/* The slack: the stated rule where it is simple, and that plain float code of each kind keeps within it, while code
 * that is wrong by a little does not. */
#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "base/random.h"
#include "twin.h"

static struct twin *run_row(const struct twin_row *row)
{
    struct stoa_allocator allocator = stoa_allocator_default();
    struct stoa_error error = {0};
    struct twin *twin = twin_create(row);
    enum stoa_status status = twin_run(twin, &allocator, &error);
    cr_assert(status == STOA_OK, "%s: %s", row->name, error.message);
    return twin;
}

Test(slack, rules)
{
    static const struct {
        struct twin_row row;
        double slack; /* of element 0 */
    } rows[] = {
        /* (K + 1) * sum |x*w|, K = 4 taps */
        {{"Conv", "Conv", 11, NULL, "f32[1,1,2,2]{1,-2,3,-4} f32[1,1,2,2]{1*4}", "f32(0)"}, 5 * 10},
        {{"Conv, bias", "Conv", 11, NULL, "f32[1,1,2,2]{1,-2,3,-4} f32[1,1,2,2]{1*4} f32[1]{-7}", "f32(0)"}, 6 * 17},
        {{"ConvTranspose", "ConvTranspose", 11, NULL, "f32[1,2,1]{1,-2} f32[2,1,1]{3,3}", "f32(0)"}, 3 * 9},
        {{"MatMul", "MatMul", 11, NULL, "f32[1,2]{1,-2} f32[2,1]{3,3}", "f32(0)"}, 3 * 9},
        {{"Gemm", "Gemm", 11, "alpha=2.0 beta=-3.0", "f32[1,2]{1,-2} f32[2,1]{3,3} f32[1]{5}", "f32(0)"},
         5 * (18 + 15)},
        {{"AveragePool", "AveragePool", 11, "kernel_shape=[2]", "f32[1,1,2]{1,-2}", "f32(0)"}, 3 * 3 / 2.0},
        {{"ReduceMean", "ReduceMean", 11, NULL, "f32[4]{1,-2,3,-4}", "f32(0)"}, 5 * 10 / 4.0},
        {{"Sub", "Sub", 11, NULL, "f32(5) f32(3)", "f32(0)"}, 2},
        {{"Sum", "Sum", 11, NULL, "f32(5) f32(-3) f32(1)", "f32(0)"}, 2 * 9},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct twin *twin = run_row(&rows[i].row);
        double slack = twin_call(twin)->outputs[0].slack[0];
        cr_expect(fabs(slack - rows[i].slack) < 1e-12 * slack, "%s: %g, not %g", rows[i].row.name, slack,
                  rows[i].slack);
        twin_free(twin);
    }
}

/* The slack of inputs: each of those in `slack` (0: exact) is given to all elements of that input. */
Test(slack, of_inputs_is_carried_along)
{
    static const struct {
        struct twin_row row;
        double inputs[2], slack; /* of element 0 */
    } rows[] = {
        {{"Add", "Add", 11, NULL, "f32(5) f32(3)", "f32(0)"}, {100, 10}, 8 + 110},
        {{"Sub", "Sub", 11, NULL, "f32(5) f32(3)", "f32(0)"}, {0, 10}, 2 + 10},
        {{"Mul", "Mul", 11, NULL, "f32(5) f32(-3)", "f32(0)"}, {100, 0}, 15 + 300},
        {{"Div", "Div", 11, NULL, "f32(6) f32(-3)", "f32(0)"}, {90, 0}, 4 + 30},
        {{"Sum", "Sum", 11, NULL, "f32(5) f32(-3) f32(1)", "f32(0)"}, {100, 10}, 2 * 9 + 110},
        {{"Pow", "Pow", 13, NULL, "f32(3) f32(2)", "f32(0)"}, {100, 0}, (8 + 4 * 1.0986123) * 9 + 600},
        {{"Pow, 0 on both sides", "Pow", 13, NULL, "f32(0) f32(2)", "f32(0)"}, {4096, 0}, 1},
        {{"Pow, a root near 0", "Pow", 13, NULL, "f32(0.00390625) f32(0.5)", "f32(0)"},
         {98304, 0},
         (8 + 5.5451774) * 0.0625 + 0x1p20},
        {{"ReduceMean", "ReduceMean", 11, NULL, "f32[4]{1,-2,3,-4}", "f32(0)"}, {8}, 5 * 10 / 4.0 + 8},
        {{"Relu", "Relu", 11, NULL, "f32(5)", "f32(0)"}, {100}, 100},
        {{"Relu, 0 on both sides", "Relu", 11, NULL, "f32(0)", "f32(0)"}, {100}, 100},
        {{"Relu below 0", "Relu", 11, NULL, "f32(-5)", "f32(0)"}, {100}, 0},
        {{"Clip", "Clip", 11, NULL, "f32(9) - f32(6)", "f32(0)"}, {100}, 0},
        {{"LeakyRelu", "LeakyRelu", 11, "alpha=0.5", "f32(-4)", "f32(0)"}, {100}, 2 + 50},
        {{"Sigmoid", "Sigmoid", 11, NULL, "f32(0)", "f32(0)"}, {100}, 6 + 25},
        {{"HardSigmoid", "HardSigmoid", 11, NULL, "f32(0)", "f32(0)"}, {100}, 0.5 + 20},
        {{"BatchNormalization", "BatchNormalization", 11, "epsilon=0.0",
          "f32[1,1]{5} f32[1]{3} f32[1]{2} f32[1]{0} f32[1]{4}", "f32(0)"},
         {100},
         8 * (7.5 + 2) + 150},
        {{"Conv, weights rounded", "Conv", 11, NULL, "f32[1,1,2,2]{1,-2,3,-4} f32[1,1,2,2]{1*4}", "f32(0)"},
         {0, 1},
         6 * 10},
    };
    struct stoa_allocator allocator = stoa_allocator_default();
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct stoa_error error = {0};
        struct twin *twin = twin_create(&rows[i].row);
        double given[2][4];
        for (size_t k = 0; k < 2 && k < twin_call(twin)->input_count; k++) {
            for (size_t e = 0; e < 4; e++)
                given[k][e] = rows[i].inputs[k];
            if (rows[i].inputs[k] > 0)
                ((struct reference_tensor *)twin_call(twin)->inputs)[k].slack = given[k];
        }
        enum stoa_status status = twin_run(twin, &allocator, &error);
        cr_assert(status == STOA_OK, "%s: %s", rows[i].row.name, error.message);
        double slack = twin_call(twin)->outputs[0].slack[0];
        cr_expect(fabs(slack - rows[i].slack) <= 1e-4 * slack + 1e-12, "%s: %g, not %g", rows[i].row.name, slack,
                  rows[i].slack);
        for (size_t k = 0; k < twin_call(twin)->input_count; k++)
            ((struct reference_tensor *)twin_call(twin)->inputs)[k].slack = NULL;
        twin_free(twin);
    }
    struct twin *twin = twin_create(&(struct twin_row){"Softmax", "Softmax", 13, NULL, "f32[2]{1,2}", "f32[2]{0,0}"});
    struct stoa_error error = {0};
    double slack[2] = {1, 1};
    ((struct reference_tensor *)twin_call(twin)->inputs)[0].slack = slack;
    cr_expect(twin_run(twin, &allocator, &error) == STOA_ERROR_UNSUPPORTED && strstr(error.message, "not exact"));
    ((struct reference_tensor *)twin_call(twin)->inputs)[0].slack = NULL;
    twin_free(twin);
}

/* A call on x (and what else the row gives) whose first input is replaced by count numbers. */
static struct twin *run_on(const struct twin_row *row, size_t count, const float *x)
{
    struct stoa_allocator allocator = stoa_allocator_default();
    struct stoa_error error = {0};
    struct twin *twin = twin_create(row);
    struct reference_tensor *input = (struct reference_tensor *)twin_call(twin)->inputs;
    double *given = input->values, *values = calloc(count, sizeof *values);
    for (size_t i = 0; i < count; i++)
        values[i] = (double)x[i];
    input->values = values;
    input->dims[input->rank - 1] = count;
    enum stoa_status status = twin_run(twin, &allocator, &error);
    cr_assert(status == STOA_OK, "%s: %s", row->name, error.message);
    input->values = given;
    free(values);
    return twin;
}

/* The largest |y - twin| as a share of the slack. */
static double share(struct twin *twin, size_t count, const float *y)
{
    const struct reference_tensor *expected = &twin_call(twin)->outputs[0];
    double worst = 0;
    for (size_t i = 0; i < count; i++)
        worst = fmax(worst, fabs((double)y[i] - expected->values[i]) / (expected->slack[i] * 0x1p-24));
    return worst;
}

static void check(const char *name, struct twin *twin, size_t count, float *y)
{
    double right = share(twin, count, y);
    cr_expect(right <= 1, "%s: plain float code is off by %g of the slack", name, right);
    for (size_t i = 0; i < count; i++)
        y[i] *= 1.01f;
    cr_expect(share(twin, count, y) > 1, "%s: one percent too much goes unnoticed", name);
    twin_free(twin);
}

#define COUNT 1000

Test(slack, softmax)
{
    static const struct twin_row row = {"Softmax", "Softmax", 13, NULL, "f32[1,1]{0}", "f32(0)"};
    static const struct twin_row log_row = {"LogSoftmax", "LogSoftmax", 13, NULL, "f32[1,1]{0}", "f32(0)"};
    struct random random = {.state = 1};
    float x[COUNT], y[COUNT], z[COUNT], sum = 0, most = -INFINITY;
    stoa_random_fill(&random, COUNT, x);
    for (size_t i = 0; i < COUNT; i++) {
        x[i] = x[i] * 10 + 50;
        most = fmaxf(most, x[i]);
    }
    for (size_t i = 0; i < COUNT; i++)
        sum += y[i] = expf(x[i] - most);
    for (size_t i = 0; i < COUNT; i++) {
        y[i] /= sum;
        z[i] = x[i] - most - logf(sum);
    }
    check("Softmax", run_on(&row, COUNT, x), COUNT, y);
    check("LogSoftmax", run_on(&log_row, COUNT, x), COUNT, z);
}

Test(slack, instance_norm)
{
    static const struct twin_row row = {
        "InstanceNormalization", "InstanceNormalization", 6, NULL, "f32[1,1,1]{0} f32[1]{2} f32[1]{0.5}", "f32(0)"};
    struct random random = {.state = 2};
    float x[COUNT], y[COUNT], mean = 0, variance = 0;
    stoa_random_fill(&random, COUNT, x);
    for (size_t i = 0; i < COUNT; i++)
        mean += x[i] += 3;
    mean /= COUNT;
    for (size_t i = 0; i < COUNT; i++)
        variance += (x[i] - mean) * (x[i] - mean);
    float scale = 2 / sqrtf(variance / COUNT + 1e-5f);
    for (size_t i = 0; i < COUNT; i++)
        y[i] = x[i] * scale + (0.5f - mean * scale);
    check("InstanceNormalization", run_on(&row, COUNT, x), COUNT, y);
}

Test(slack, batch_norm)
{
    static const struct twin_row row = {"BatchNormalization",
                                        "BatchNormalization",
                                        9,
                                        NULL,
                                        "f32[1,1,1]{0} f32[1]{2} f32[1]{0.5} f32[1]{3} f32[1]{0.7}",
                                        "f32(0)"};
    struct random random = {.state = 3};
    float x[COUNT], y[COUNT], scale = 2 / sqrtf(0.7f + 1e-5f), shift = 0.5f - 3 * scale;
    stoa_random_fill(&random, COUNT, x);
    for (size_t i = 0; i < COUNT; i++)
        y[i] = x[i] * scale + shift;
    check("BatchNormalization", run_on(&row, COUNT, x), COUNT, y);
}

Test(slack, lrn)
{
    static const struct twin_row row = {"LRN",           "LRN",   13, "size=1 alpha=0.5 beta=0.75 bias=2.0",
                                        "f32[1,1,1]{0}", "f32(0)"};
    struct random random = {.state = 4};
    float x[COUNT], y[COUNT];
    stoa_random_fill(&random, COUNT, x);
    for (size_t i = 0; i < COUNT; i++)
        y[i] = x[i] * expf(-0.75f * logf(2 + 0.5f * (x[i] * x[i])));
    check("LRN", run_on(&row, COUNT, x), COUNT, y);
}

Test(slack, sums)
{
    static const struct twin_row row = {"GlobalAveragePool", "GlobalAveragePool", 9, NULL, "f32[1,1,1]{0}", "f32(0)"};
    struct random random = {.state = 5};
    float x[COUNT], y = 0;
    stoa_random_fill(&random, COUNT, x);
    for (size_t i = 0; i < COUNT; i++)
        y += x[i] = fabsf(x[i]);
    y *= 1.0f / COUNT;
    check("GlobalAveragePool", run_on(&row, COUNT, x), 1, &y);
}

/* Functions of one element, as float's own library and the definitions' formulas have them. */
static float sigmoid(float x)
{
    return 1 / (1 + expf(-x));
}

static float elu(float x)
{
    return x < 0 ? 0.7f * (expf(x) - 1) : x;
}

static float selu(float x)
{
    return 1.2f * (x < 0 ? 0.7f * expf(x) - 0.7f : x);
}

static float hard_sigmoid(float x)
{
    return fmaxf(0, fminf(1, 0.2f * x + 0.5f));
}

static float hard_swish(float x)
{
    return x * fminf(6, fmaxf(0, x + 3)) / 6;
}

static float softplus(float x)
{
    return fmaxf(x, 0) + log1pf(expf(-fabsf(x)));
}

static float power(float x)
{
    return expf(2.5f * logf(fabsf(x)));
}

Test(slack, functions)
{
    static const struct {
        struct twin_row row;
        float (*function)(float);
    } rows[] = {
        {{"Sigmoid", "Sigmoid", 6, NULL, "f32[1]{0}", "f32(0)"}, sigmoid},
        {{"Tanh", "Tanh", 6, NULL, "f32[1]{0}", "f32(0)"}, tanhf},
        {{"Elu", "Elu", 6, "alpha=0.7", "f32[1]{0}", "f32(0)"}, elu},
        {{"Selu", "Selu", 6, "alpha=0.7 gamma=1.2", "f32[1]{0}", "f32(0)"}, selu},
        {{"HardSigmoid", "HardSigmoid", 6, NULL, "f32[1]{0}", "f32(0)"}, hard_sigmoid},
        {{"HardSwish", "HardSwish", 14, NULL, "f32[1]{0}", "f32(0)"}, hard_swish},
        {{"Softplus", "Softplus", 1, NULL, "f32[1]{0}", "f32(0)"}, softplus},
        {{"Exp", "Exp", 13, NULL, "f32[1]{0}", "f32(0)"}, expf},
        {{"Pow", "Pow", 13, NULL, "f32[1]{0} f32(2.5)", "f32(0)"}, power},
    };
    struct random random = {.state = 6};
    float x[COUNT], y[COUNT];
    stoa_random_fill(&random, COUNT, x);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        for (size_t k = 0; k < COUNT; k++) {
            if (rows[i].function == power)
                x[k] = fabsf(x[k]);
            y[k] = rows[i].function(x[k]);
        }
        struct twin *twin = run_on(&rows[i].row, COUNT, x);
        const struct reference_tensor *expected = &twin_call(twin)->outputs[0];
        for (size_t k = 0; k < COUNT; k++)
            cr_expect(fabs((double)y[k] - expected->values[k]) <= expected->slack[k] * 0x1p-24,
                      "%s(%.9g) is %.9g, not %.9g", rows[i].row.name, (double)x[k], (double)y[k], expected->values[k]);
        twin_free(twin);
    }
}

/* Linear Resize with float coordinates, at places where a float lands beyond a whole coordinate. */
Test(slack, resize)
{
    static const struct twin_row row = {"Resize", "Resize", 11, "mode='linear'", "f32[1]{0} - f32[1]{1.7}", "f32(0)"};
    struct random random = {.state = 7};
    float x[COUNT], y[1700];
    stoa_random_fill(&random, COUNT, x);
    for (size_t i = 0; i < 1700; i++) {
        float place = fminf(fmaxf(((float)i + 0.5f) / 1.7f - 0.5f, 0), COUNT - 1);
        size_t low = (size_t)place, high = low + 1 < COUNT ? low + 1 : low;
        float part = place - (float)low;
        y[i] = x[low] * (1 - part) + x[high] * part;
    }
    struct twin *twin = run_on(&row, COUNT, x);
    size_t count = twin_call(twin)->outputs[0].dims[0];
    cr_assert(count == 1700, "%zu", count);
    check("Resize", twin, count, y);
}
