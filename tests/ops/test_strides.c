/* Operators that take any strides, on inputs that are neither plain nor channels-last: their results are those of the
 * same input made plain. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>

#include "base/random.h"
#include "base/tensor.h"
#include "ops/direct.h"

#define COUNT(table) (sizeof(table) / sizeof *(table))

/* A view into a buffer of 4096 elements. */
struct view {
    const char *name;
    size_t rank, dims[STOA_MAX_RANK], strides[STOA_MAX_RANK];
};

static const struct view views[] = {
    {"every other column", 4, {2, 3, 5, 7}, {210, 70, 14, 2}},
    {"a corner of larger images", 4, {2, 3, 4, 5}, {400, 100, 10, 1}},
    {"a corner of larger images, channels-last", 4, {2, 20, 4, 5}, {1600, 1, 160, 20}},
    {"some channels of channels-last images", 4, {2, 8, 4, 5}, {640, 1, 160, 32}},
    {"transposed", 4, {2, 3, 5, 7}, {105, 35, 1, 5}},
    {"rows repeated", 4, {2, 3, 4, 6}, {18, 6, 0, 1}},
    {"everything swapped", 4, {6, 5, 4, 3}, {1, 6, 30, 120}},
    {"rank 5, permuted", 5, {2, 3, 4, 5, 6}, {60, 1, 15, 3, 120}},
};

static const struct {
    const char *name, *type;
    int opset;
    struct attribute attribute;
    size_t channel_inputs;
} calls[] = {
    {"mean", "GlobalAveragePool", 1, {0}, 0},
    {"maximum", "GlobalMaxPool", 1, {0}, 0},
    {"softmax", "Softmax", 13, {.name = "axis", .kind = ATTRIBUTE_INT, .integer = 1}, 0},
    {"softmax along height", "Softmax", 13, {.name = "axis", .kind = ATTRIBUTE_INT, .integer = 2}, 0},
    {"softmax of rows", "Softmax", 11, {.name = "axis", .kind = ATTRIBUTE_INT, .integer = 1}, 0},
    {"log softmax of rows", "LogSoftmax", 11, {.name = "axis", .kind = ATTRIBUTE_INT, .integer = 2}, 0},
    {"batch norm", "BatchNormalization", 9, {0}, 4},
    {"instance norm", "InstanceNormalization", 6, {0}, 2},
    {"lrn", "LRN", 13, {.name = "size", .kind = ATTRIBUTE_INT, .integer = 3}, 0},
    {"mean of the first",
     "ReduceMean",
     13,
     {.name = "axes", .kind = ATTRIBUTE_INTS, .integers = (const int64_t[]){0}, .count = 1},
     0},
    {"mean of two apart",
     "ReduceMean",
     13,
     {.name = "axes", .kind = ATTRIBUTE_INTS, .integers = (const int64_t[]){1, 3}, .count = 2},
     0},
    {"nearest", "Resize", 10, {0}, 0},
    {"linear", "Resize", 10, {.name = "mode", .kind = ATTRIBUTE_STRING, .string = "linear"}, 0},
};

static struct stoa_tensor plain_copy(const struct stoa_tensor *view)
{
    struct stoa_tensor copy = *view;
    stoa_tensor_set_plain(&copy);
    size_t elements = stoa_tensor_elements(view);
    float *data = malloc(elements * sizeof *data);
    for (size_t i = 0; i < elements; i++)
        data[i] = ((const float *)view->data)[stoa_tensor_offset(view, i)];
    copy.data = data;
    return copy;
}

static void check(const struct view *view, size_t c, float *buffer)
{
    static float scales[STOA_MAX_RANK] = {1, 1, 2, 1.5f, 1};
    float positive[32];
    for (size_t i = 0; i < COUNT(positive); i++)
        positive[i] = 0.5f + (float)i / 8;
    struct direct direct = {.name = calls[c].name, .type = calls[c].type, .opset = calls[c].opset, .input_count = 1};
    direct.attribute_count = calls[c].attribute.name != NULL;
    direct.attributes[0] = calls[c].attribute;
    struct stoa_tensor *x = &direct.inputs[0];
    *x = (struct stoa_tensor){.dtype = STOA_FLOAT, .rank = view->rank, .data = buffer};
    for (size_t i = 0; i < view->rank; i++) {
        x->dims[i] = view->dims[i];
        x->strides[i] = view->strides[i];
    }
    const struct stoa_tensor channels = {
        .dtype = STOA_FLOAT, .rank = 1, .dims = {view->dims[1]}, .strides = {1}, .data = positive};
    for (size_t i = 0; i < calls[c].channel_inputs; i++)
        direct.inputs[direct.input_count++] = channels;
    if (direct.opset == 10) {
        direct.inputs[direct.input_count++] =
            (struct stoa_tensor){.dtype = STOA_FLOAT, .rank = 1, .dims = {view->rank}, .strides = {1}, .data = scales};
        direct.known = 2;
    }

    struct stoa_tensor strided = direct_run(&direct), plain = plain_copy(x);
    *x = plain;
    struct stoa_tensor expected = direct_run(&direct);
    for (size_t i = 0; i < stoa_tensor_elements(&expected); i++) {
        float got = ((const float *)strided.data)[i], wanted = ((const float *)expected.data)[i];
        /* Sums run in the order of memory: 120 roundings at most, of terms of size 6. */
        cr_expect(fabsf(got - wanted) <= 120 * 6 * 0x1p-24f, "%s of %s: element %zu is %.9g, should be %.9g",
                  direct.name, view->name, i, (double)got, (double)wanted);
    }
    free(strided.data);
    free(expected.data);
    free(plain.data);
}

Test(strides, any)
{
    static float buffer[4096];
    struct random random = {.state = 7};
    stoa_random_fill(&random, COUNT(buffer), buffer);
    for (size_t v = 0; v < COUNT(views); v++)
        for (size_t c = 0; c < COUNT(calls); c++)
            check(&views[v], c, buffer);
}
