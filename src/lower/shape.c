/* The shapes of convolutions: what makes sense, what can be computed at all, and what a window sees. */
#include <stdint.h>
#include <string.h>

#include "base/size.h"
#include "base/status.h"
#include "gemm/gemm.h"
#include "lower/lowering.h"

static const char *const axis_names[2] = {"height", "width"};

static enum stoa_status check_field(const char *name, size_t index, size_t value, struct stoa_error *error)
{
    if (value == 0)
        return stoa_fail(error, STOA_ERROR_ATTRIBUTE, "%s[%zu] is 0, must be at least 1", name, index);
    if (!stoa_gemm_fits(value))
        return stoa_fail(error, STOA_ERROR_LIMIT, "%s[%zu] is %zu, larger than BLAS can address", name, index, value);
    return STOA_OK;
}

static enum stoa_status check_channels(const char *name, size_t value, size_t groups, struct stoa_error *error)
{
    if (value == 0)
        return stoa_fail(error, STOA_ERROR_SHAPE, "%s channels are 0", name);
    if (value % groups != 0)
        return stoa_fail(error, STOA_ERROR_SHAPE, "%s channels are %zu, not divisible by group %zu", name, value,
                         groups);
    return STOA_OK;
}

static enum stoa_status check_fields(const struct conv_shape *shape, struct stoa_error *error)
{
    for (size_t i = 0; i < 2; i++) {
        STOA_TRY(check_field("kernel", i, shape->kernel[i], error));
        STOA_TRY(check_field("stride", i, shape->stride[i], error));
        STOA_TRY(check_field("dilation", i, shape->dilation[i], error));
    }
    for (size_t i = 0; i < 4; i++)
        if (!stoa_gemm_fits(shape->pad[i]))
            return stoa_fail(error, STOA_ERROR_LIMIT, "pad[%zu] is %zu, larger than BLAS can address", i,
                             shape->pad[i]);
    if (shape->groups == 0)
        return stoa_fail(error, STOA_ERROR_ATTRIBUTE, "group is 0, must be at least 1");
    STOA_TRY(check_channels("input", shape->C, shape->groups, error));
    return check_channels("output", shape->OC, shape->groups, error);
}

static enum stoa_status check_product(const char *what, size_t count, const size_t *factors, size_t limit,
                                      struct stoa_error *error)
{
    size_t product = 1;
    for (size_t i = 0; i < count; i++)
        if (!stoa_size_mul(product, factors[i], &product) || product > limit)
            return stoa_fail(error, STOA_ERROR_LIMIT, "%s: %zu x %zu x %zu x %zu is larger than can be addressed", what,
                             factors[0], factors[1], count > 2 ? factors[2] : 1, count > 3 ? factors[3] : 1);
    return STOA_OK;
}

#define PRODUCT(what, limit, ...)                                                                                      \
    STOA_TRY(check_product(what, sizeof((size_t[]){__VA_ARGS__}) / sizeof(size_t), (const size_t[]){__VA_ARGS__},      \
                           limit, error))

/* Tensors must fit memory; what becomes an m, n, k or leading dimension must fit an int. */
static enum stoa_status check_sizes(const struct conv_shape *shape, struct stoa_error *error)
{
    const size_t memory = PTRDIFF_MAX / sizeof(float), blas = INT32_MAX;
    size_t images = shape->N ? shape->N : 1;
    PRODUCT("input", memory, images, shape->C, shape->H, shape->W);
    PRODUCT("output", memory, images, shape->OC, shape->OH, shape->OW);
    PRODUCT("weights", memory, shape->OC, shape->C / shape->groups, shape->kernel[0], shape->kernel[1]);
    PRODUCT("filter size", blas, shape->C / shape->groups, shape->kernel[0], shape->kernel[1]);
    PRODUCT("horizontal stride times input channels", blas, shape->stride[1], shape->C);
    PRODUCT("horizontal stride times output channels", blas, shape->stride[1], shape->OC);
    return STOA_OK;
}

/* dilation * (kernel - 1) + 1, as long as it fits an int. */
static enum stoa_status reach(const struct conv_shape *shape, size_t axis, size_t *out, struct stoa_error *error)
{
    if (!stoa_size_mul(shape->dilation[axis], shape->kernel[axis] - 1, out) || !stoa_gemm_fits(*out + 1))
        return stoa_fail(error, STOA_ERROR_LIMIT, "dilation[%zu] %zu times kernel[%zu] %zu is too large", axis,
                         shape->dilation[axis], axis, shape->kernel[axis]);
    *out += 1;
    return STOA_OK;
}

enum stoa_status stoa_conv_shape_finish(struct conv_shape *shape, struct stoa_error *error)
{
    STOA_TRY(check_fields(shape, error));
    const size_t in[2] = {shape->H, shape->W};
    size_t out[2];
    for (size_t i = 0; i < 2; i++) {
        size_t kernel, padded;
        STOA_TRY(reach(shape, i, &kernel, error));
        if (!stoa_size_add(in[i], shape->pad[i] + shape->pad[i + 2], &padded) || !stoa_gemm_fits(padded))
            return stoa_fail(error, STOA_ERROR_LIMIT, "%s %zu with pads %zu and %zu is larger than BLAS can address",
                             axis_names[i], in[i], shape->pad[i], shape->pad[i + 2]);
        if (in[i] == 0)
            return stoa_fail(error, STOA_ERROR_SHAPE, "input %s is 0", axis_names[i]);
        if (kernel > padded)
            return stoa_fail(error, STOA_ERROR_SHAPE,
                             "kernel[%zu] %zu with dilation %zu spans %zu, more than the padded input %s of %zu", i,
                             shape->kernel[i], shape->dilation[i], kernel, axis_names[i], padded);
        out[i] = (padded - kernel) / shape->stride[i] + 1;
    }
    shape->OH = out[0];
    shape->OW = out[1];
    return check_sizes(shape, error);
}

enum stoa_status stoa_conv_transpose_shape_finish(struct conv_shape *shape, const size_t output_padding[2],
                                                  struct stoa_error *error)
{
    STOA_TRY(check_fields(shape, error));
    const size_t in[2] = {shape->H, shape->W};
    size_t *out[2] = {&shape->OH, &shape->OW};
    for (size_t i = 0; i < 2; i++) {
        size_t kernel, whole, pads = shape->pad[i] + shape->pad[i + 2];
        STOA_TRY(reach(shape, i, &kernel, error));
        if (in[i] == 0)
            return stoa_fail(error, STOA_ERROR_SHAPE, "input %s is 0", axis_names[i]);
        if (!stoa_size_mul(in[i] - 1, shape->stride[i], &whole) ||
            !stoa_size_add(whole, kernel + output_padding[i], &whole) || !stoa_gemm_fits(whole))
            return stoa_fail(error, STOA_ERROR_LIMIT,
                             "output %s: (%zu - 1) * stride %zu + %zu + output_padding %zu is too large", axis_names[i],
                             in[i], shape->stride[i], kernel, output_padding[i]);
        if (*out[i] == 0) {
            if (whole <= pads)
                return stoa_fail(error, STOA_ERROR_SHAPE, "pads %zu and %zu leave nothing of the output %s of %zu",
                                 shape->pad[i], shape->pad[i + 2], axis_names[i], whole);
            *out[i] = whole - pads;
        }
        if (!stoa_gemm_fits(*out[i]))
            return stoa_fail(error, STOA_ERROR_LIMIT, "output %s %zu is larger than BLAS can address", axis_names[i],
                             *out[i]);
    }
    return check_sizes(shape, error);
}

void stoa_conv_transposed_shape(const struct conv_shape *forward, struct conv_shape *transposed)
{
    *transposed = *forward;
    transposed->C = forward->OC;
    transposed->H = forward->OH;
    transposed->W = forward->OW;
    transposed->OC = forward->C;
    transposed->OH = forward->H;
    transposed->OW = forward->W;
}

bool stoa_conv_backward_shape(const struct conv_shape *forward, struct conv_shape *backward)
{
    stoa_conv_transposed_shape(forward, backward);
    bool unit = forward->stride[0] == 1 && forward->stride[1] == 1;
    for (size_t i = 0; unit && i < 4; i++) {
        size_t reach = forward->dilation[i % 2] * (forward->kernel[i % 2] - 1);
        unit = reach >= forward->pad[i];
        backward->pad[i] = reach - forward->pad[i];
    }
    if (!unit)
        memcpy(backward->pad, forward->pad, sizeof backward->pad);
    return unit;
}

static double taps_macs(const struct conv_shape *shape)
{
    return (double)shape->N * (double)shape->OC * (double)(shape->C / shape->groups) *
           (double)(shape->kernel[0] * shape->kernel[1]);
}

bool stoa_conv_same_shape(const struct conv_shape *a, const struct conv_shape *b)
{
    bool same = a->N == b->N && a->C == b->C && a->H == b->H && a->W == b->W && a->OC == b->OC && a->OH == b->OH &&
                a->OW == b->OW && a->groups == b->groups;
    for (size_t i = 0; i < 2; i++)
        same = same && a->kernel[i] == b->kernel[i] && a->stride[i] == b->stride[i] && a->dilation[i] == b->dilation[i];
    for (size_t i = 0; i < 4; i++)
        same = same && a->pad[i] == b->pad[i];
    return same;
}

double stoa_conv_macs(const struct conv_shape *shape)
{
    return taps_macs(shape) * (double)shape->OH * (double)shape->OW;
}

double stoa_conv_transpose_macs(const struct conv_shape *shape)
{
    return taps_macs(shape) * (double)shape->H * (double)shape->W;
}

void stoa_window_span(size_t count, size_t size, size_t stride, size_t offset, size_t pad, size_t *first, size_t *end)
{
    *first = offset >= pad ? 0 : stoa_size_ceil_div(pad - offset, stride);
    *end = size + pad > offset ? (size + pad - offset - 1) / stride + 1 : 0;
    *end = stoa_size_min(*end, count);
    *first = stoa_size_min(*first, *end);
}
