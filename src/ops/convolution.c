/* Conv and ConvTranspose, their common part. */
#include "ops/convolution.h"

#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "base/size.h"
#include "base/status.h"
#include "base/tensor.h"
#include "ops/check.h"

enum stoa_status stoa_convolution_read(const struct op_call *call, const struct window *window, size_t groups,
                                       struct stoa_error *error, struct conv_shape *shape)
{
    const struct stoa_tensor *x = &call->inputs[0], *w = &call->inputs[1];
    char text[STOA_DIMS_TEXT];
    STOA_TRY(stoa_check_float(call, 0, "X", error));
    STOA_TRY(stoa_check_float(call, 1, "W", error));
    STOA_TRY(stoa_check_float(call, 2, "B", error));
    if (x->rank != 4)
        return stoa_fail(error, STOA_ERROR_UNSUPPORTED, "input X has rank %zu, only 4 (N C H W) is supported", x->rank);
    if (w->rank != 4)
        return stoa_fail(error, STOA_ERROR_SHAPE, "input W has dims %s, must have rank 4 as input X",
                         stoa_dims_text(w->rank, w->dims, text));
    STOA_TRY(stoa_window_check_axes(window, error));
    *shape = (struct conv_shape){.N = x->dims[0], .C = x->dims[1], .H = x->dims[2], .W = x->dims[3], .groups = groups};
    for (size_t i = 0; i < 2; i++) {
        if (window->kernel[i] && window->kernel[i] != w->dims[2 + i])
            return stoa_fail(error, STOA_ERROR_ATTRIBUTE, "attribute kernel_shape[%zu] is %zu, input W has dims %s", i,
                             window->kernel[i], stoa_dims_text(w->rank, w->dims, text));
        shape->kernel[i] = w->dims[2 + i];
        shape->stride[i] = window->stride[i];
        shape->dilation[i] = window->dilation[i];
        shape->pad[i] = window->pad[i];
        shape->pad[i + 2] = window->pad[i + 2];
    }
    return STOA_OK;
}

void stoa_convolution_output(const struct op_call *call, const struct conv_shape *shape)
{
    struct stoa_tensor *y = &call->outputs[0];
    y->dtype = STOA_FLOAT;
    y->rank = 4;
    y->dims[0] = shape->N;
    y->dims[1] = shape->OC;
    y->dims[2] = shape->OH;
    y->dims[3] = shape->OW;
}

enum stoa_status stoa_convolution_create(const struct op_call *call, const struct op_prepare *prepare,
                                         convolution_create create, const struct conv_shape *shape, const float *bias,
                                         const struct tuning_entry *measured, struct stoa_error *error,
                                         struct conv **conv)
{
    struct conv_choice choice = {.lowering = prepare->lowering,
                                 .accuracy = prepare->accuracy,
                                 .pack_each_run = !call->inputs[1].data,
                                 .seconds = measured ? measured->seconds : NULL,
                                 .byte_price = prepare->byte_price,
                                 .workers = stoa_size_max(prepare->threads, 1)};
    enum stoa_status status = create(prepare->allocator, shape, NULL, bias, &choice, error, conv);
    /* A lowering is forced on all of a model's convolutions: those to which it does not apply go their own way. */
    if (prepare->lowering != STOA_LOWERING_AUTO && (status == STOA_ERROR_LIMIT || status == STOA_ERROR_UNSUPPORTED)) {
        choice.lowering = STOA_LOWERING_AUTO;
        status = create(prepare->allocator, shape, NULL, bias, &choice, error, conv);
    }
    return status;
}

/* A gradient has no bias, but dims in its place. */
static bool has_bias(const struct op_call *call)
{
    return stoa_op_has_input(call, 2) && stoa_op_reads(call->op, 2);
}

/* Where weights given at run time are packed: behind the convolution's own shared scratch. */
static size_t packed_place(const struct conv *conv)
{
    return stoa_size_round_up(stoa_conv_shared_scratch(conv), STOA_ALIGNMENT);
}

unsigned stoa_convolution_takes(const struct op_call *call)
{
    bool constant = call->inputs[1].data && (!has_bias(call) || call->inputs[2].data);
    return OP_TAKES_ADDEND | OP_TAKES_ACTIVATION | (constant ? OP_TAKES_SCALE : 0);
}

enum stoa_status stoa_convolution_scale_bias(const struct op_call *call, const struct op_prepare *prepare,
                                             size_t channels, struct stoa_error *error, float **scaled)
{
    const double *scale = call->epilogue.scale, *shift = call->epilogue.shift;
    const float *bias = has_bias(call) ? call->inputs[2].data : NULL;
    *scaled = NULL;
    if (!scale)
        return STOA_OK;
    STOA_TRY(stoa_allocate_raw(prepare->allocator, channels, sizeof **scaled, error, scaled));
    for (size_t c = 0; c < channels; c++)
        (*scaled)[c] = (float)(shift[c] + (bias ? scale[c] * (double)bias[c] : 0));
    return STOA_OK;
}

/* Not ConvTranspose. */
static bool is_conv(const struct op_call *call)
{
    return strcmp(call->op->type, "Conv") == 0;
}

/* to[count] <- weights, each times its output channel's factor. The weights may lie anywhere. */
static void scale_weights(const struct op_call *call, const struct conv_shape *shape, float *to)
{
    size_t count = stoa_tensor_elements(&call->inputs[1]), group = shape->OC / shape->groups;
    /* [groups][group][rest], or, transposed, [groups][C/groups][group][taps]. */
    size_t taps = shape->kernel[0] * shape->kernel[1], run = is_conv(call) ? count / shape->OC : taps;
    memcpy(to, call->inputs[1].data, count * sizeof *to);
    for (size_t first = 0; first < count; first += run) {
        double factor = call->epilogue.scale[first / run % group + first / (count / shape->groups) * group];
        for (size_t i = first; i < first + run; i++)
            to[i] = (float)(factor * (double)to[i]);
    }
}

/* Packs the call's constant weights, or a copy that has been scaled and lives just so long. */
static enum stoa_status set_weights(const struct op_call *call, const struct op_prepare *prepare, struct conv *conv,
                                    struct stoa_error *error)
{
    const struct stoa_tensor *weights = &call->inputs[1];
    if (!call->epilogue.scale)
        return stoa_conv_set_weights(conv, weights->data, prepare->pool, error);
    float *scaled;
    STOA_TRY(stoa_allocate_raw(prepare->allocator, stoa_tensor_elements(weights), sizeof *scaled, error, &scaled));
    scale_weights(call, stoa_conv_shape(conv), scaled);
    enum stoa_status status = stoa_conv_set_weights(conv, scaled, prepare->pool, error);
    stoa_release(prepare->allocator, scaled);
    return status;
}

enum stoa_status stoa_convolution_prepare(struct op_call *call, const struct op_prepare *prepare, struct conv *conv,
                                          struct stoa_error *error)
{
    const struct stoa_tensor *weights = &call->inputs[1];
    call->shared_scratch = stoa_conv_shared_scratch(conv);
    if (!weights->data)
        call->shared_scratch = packed_place(conv) + stoa_conv_packed_size(conv);
    else {
        enum stoa_status status = set_weights(call, prepare, conv, error);
        if (status != STOA_OK) {
            stoa_conv_free(conv);
            return status;
        }
        stoa_op_consumed(prepare, weights->data, stoa_tensor_bytes(weights));
    }
    call->state = conv;
    call->worker_scratch = stoa_conv_worker_scratch(conv);
    return STOA_OK;
}

void stoa_convolution_share(struct op_call *call, const struct op_call *other, const struct stoa_allocator *allocator)
{
    (void)allocator;
    if (call->state && other->state)
        stoa_conv_share(call->state, other->state);
}

void stoa_convolution_release(const struct op_call *call, const struct stoa_allocator *allocator)
{
    (void)allocator;
    stoa_conv_free(call->state);
}

enum stoa_status stoa_convolution_run(const struct op_call *call, const struct op_run *run, struct stoa_error *error)
{
    (void)error;
    const struct conv *conv = call->state;
    float *packed = NULL;
    if (call->shared_scratch > stoa_conv_shared_scratch(conv)) {
        packed = (void *)((char *)run->shared + packed_place(conv));
        stoa_conv_pack(conv, call->inputs[1].data, run->pool, run->worker_base, run->worker_stride, packed);
    }
    const struct op_epilogue *epilogue = &call->epilogue;
    const struct stoa_tensor *addend = epilogue->has_addend ? &call->inputs[call->op->max_inputs] : NULL;
    const struct stoa_tensor *mask = epilogue->has_mask ? &call->inputs[call->op->max_inputs + 1] : NULL;
    stoa_conv_run(conv, &(struct conv_args){
                            .x = call->inputs[0].data,
                            .x_stride = stoa_tensor_pixel_stride(&call->inputs[0]),
                            .y = call->outputs[0].data,
                            .y_stride = stoa_tensor_pixel_stride(&call->outputs[0]),
                            .packed = packed,
                            .bias = has_bias(call) && !epilogue->scale ? call->inputs[2].data : NULL,
                            .addend = addend ? addend->data : NULL,
                            .addend_stride = addend ? stoa_tensor_pixel_stride(addend) : 0,
                            .activation = epilogue->activation,
                            .mask = mask ? mask->data : NULL,
                            .mask_stride = mask ? stoa_tensor_pixel_stride(mask) : 0,
                            .mask_least = epilogue->mask_bounds[0],
                            .mask_most = epilogue->mask_bounds[1],
                            .pool = run->pool,
                            .shared = run->shared,
                            .worker_base = run->worker_base,
                            .worker_stride = run->worker_stride,
                        });
    return STOA_OK;
}

const struct conv *stoa_convolution_of(const struct op_call *call)
{
    return is_conv(call) ? call->state : NULL;
}

double stoa_convolution_error(const struct op_call *call, size_t reach[2])
{
    return stoa_conv_error(call->state, reach);
}

void stoa_convolution_describe(const struct op_call *call, size_t size, char *text)
{
    snprintf(text, size, "%s", stoa_conv_describe(call->state));
}

const struct stoa_lowering_choice *stoa_convolution_explain(const struct op_call *call)
{
    return stoa_conv_explain(call->state);
}

enum stoa_status stoa_convolution_forward_shape(const struct op_call *call, convolution_shape read,
                                                struct stoa_error *error, struct conv_shape *shape)
{
    struct stoa_tensor inputs[2] = {call->inputs[GRADIENT_X], call->inputs[GRADIENT_W]};
    const struct op_call forward = {.params = call->params, .input_count = 2, .inputs = inputs};
    STOA_TRY(stoa_check_float(call, GRADIENT_DY, "dY", error));
    STOA_TRY(read(&forward, error, shape));
    const struct stoa_tensor *dy = &call->inputs[GRADIENT_DY];
    const size_t dims[4] = {shape->N, shape->OC, shape->OH, shape->OW};
    for (size_t i = 0; i < 4; i++)
        if (dy->rank != 4 || dy->dims[i] != dims[i]) {
            char its[STOA_DIMS_TEXT], ours[STOA_DIMS_TEXT];
            return stoa_fail(error, STOA_ERROR_SHAPE, "input dY has dims %s, the output has %s",
                             stoa_dims_text(dy->rank, dy->dims, its), stoa_dims_text(4, dims, ours));
        }
    return STOA_OK;
}
