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
                                       struct stoa_error *error, struct volume *volume)
{
    const struct stoa_tensor *x = &call->inputs[0], *w = &call->inputs[1];
    char text[STOA_DIMS_TEXT];
    size_t size[WINDOW_AXES], kernel[WINDOW_AXES];
    STOA_TRY(stoa_check_float(call, 0, "X", error));
    STOA_TRY(stoa_check_float(call, 1, "W", error));
    STOA_TRY(stoa_check_float(call, 2, "B", error));
    STOA_TRY(stoa_window_check_axes(window, x, error));
    if (w->rank != x->rank)
        return stoa_fail(error, STOA_ERROR_SHAPE, "input W has dims %s, must have rank %zu as input X",
                         stoa_dims_text(w->rank, w->dims, text), x->rank);
    stoa_window_size(x, size);
    stoa_window_size(w, kernel);
    for (size_t i = 0; i < WINDOW_AXES; i++)
        if (window->kernel[i] && window->kernel[i] != kernel[i])
            return stoa_fail(error, STOA_ERROR_ATTRIBUTE, "attribute kernel_shape[%zu] is %zu, input W has dims %s",
                             i + window->axes - WINDOW_AXES, window->kernel[i], stoa_dims_text(w->rank, w->dims, text));
    *volume = (struct volume){.plane = {.N = x->dims[0], .C = x->dims[1], .H = size[1], .W = size[2], .groups = groups},
                              .deep = x->rank == 5,
                              .D = size[0],
                              .kernel = kernel[0],
                              .stride = window->stride[0],
                              .dilation = window->dilation[0],
                              .pad = {window->pad[0], window->pad[WINDOW_AXES]}};
    struct conv_shape *plane = &volume->plane;
    for (size_t i = 0; i < 2; i++) {
        plane->kernel[i] = kernel[1 + i];
        plane->stride[i] = window->stride[1 + i];
        plane->dilation[i] = window->dilation[1 + i];
        plane->pad[i] = window->pad[1 + i];
        plane->pad[i + 2] = window->pad[1 + i + WINDOW_AXES];
    }
    return STOA_OK;
}

void stoa_convolution_dims(size_t rank, size_t N, size_t C, const size_t size[WINDOW_AXES], size_t dims[STOA_MAX_RANK])
{
    dims[0] = N;
    dims[1] = C;
    for (size_t i = 2; i < rank; i++)
        dims[i] = size[i + WINDOW_AXES - rank];
}

void stoa_convolution_output(const struct op_call *call, const struct volume *volume)
{
    const size_t size[WINDOW_AXES] = {volume->OD, volume->plane.OH, volume->plane.OW};
    struct stoa_tensor *y = &call->outputs[0];
    y->dtype = STOA_FLOAT;
    y->rank = call->inputs[0].rank;
    stoa_convolution_dims(y->rank, volume->plane.N, volume->plane.OC, size, y->dims);
}

#define FOLDED_BYTES ((size_t)8 << 20) /* of pictures at once, so that they are still in a cache when they are read */

/* The largest divisor of `pictures` of which so many take up no more than FOLDED_BYTES, at least 1. */
static size_t pictures_at_once(size_t pictures, size_t bytes)
{
    size_t most = stoa_size_max(stoa_size_min(FOLDED_BYTES / stoa_size_max(bytes, 1), pictures), 1);
    while (pictures && pictures % most != 0)
        most--;
    return most;
}

enum stoa_status stoa_convolution_fold(const struct volume *volume, bool transposed, bool folds,
                                       struct stoa_error *error, struct conv_shape *shape,
                                       struct convolution_fold *fold)
{
    const struct conv_shape *plane = &volume->plane;
    *shape = *plane;
    *fold = (struct convolution_fold){.deep = volume->deep, .folds = folds};
    if (!volume->deep)
        return STOA_OK;
    fold->window = (struct volume_window){.narrow = transposed ? volume->D : volume->OD,
                                          .wide = transposed ? volume->OD : volume->D,
                                          .kernel = volume->kernel,
                                          .stride = volume->stride,
                                          .dilation = volume->dilation,
                                          .pad = volume->pad[0]};
    fold->rows = transposed ? plane->OH : plane->H;
    fold->row_pixels = transposed ? plane->OW : plane->W;
    fold->channels = transposed ? plane->OC : plane->C;
    size_t *folded = transposed ? &shape->OC : &shape->C, bytes;
    if (!stoa_size_mul(*folded, volume->kernel, folded) ||
        !stoa_size_mul(*folded, fold->rows * fold->row_pixels * sizeof(float), &bytes) ||
        !stoa_size_mul(bytes, stoa_size_max(fold->window.narrow, 1), &bytes) ||
        !stoa_size_mul(plane->N, fold->window.narrow, &fold->pictures))
        return stoa_fail(error, STOA_ERROR_LIMIT, "%zu channels by a kernel of depth %zu are too many", fold->channels,
                         volume->kernel);
    /* A plane of the sum that unfolding makes wants all pictures of its volume. */
    bytes /= stoa_size_max(fold->window.narrow, 1);
    fold->at_once = folds ? pictures_at_once(fold->pictures, bytes) : fold->window.narrow;
    shape->N = fold->at_once;
    return STOA_OK;
}

enum stoa_status stoa_convolution_create(const struct op_call *call, const struct op_prepare *prepare,
                                         conv_create create, const struct conv_shape *shape, const float *bias,
                                         const struct tuning_entry *measured, struct stoa_error *error,
                                         struct conv **conv)
{
    const struct conv_choice choice = {.lowering = prepare->lowering,
                                       .accuracy = prepare->accuracy,
                                       .pack_each_run = !call->inputs[1].data,
                                       .seconds = measured ? measured->seconds : NULL,
                                       .byte_price = prepare->byte_price,
                                       .workers = stoa_size_max(prepare->threads, 1)};
    return stoa_conv_create_if(create, prepare->allocator, shape, bias, &choice, error, conv);
}

/* A gradient has no bias, but dims in its place. */
static bool has_bias(const struct op_call *call)
{
    return stoa_op_has_input(call, 2) && stoa_op_reads(call->op, 2);
}

/* Not ConvTranspose. */
static bool is_conv(const struct op_call *call)
{
    return strcmp(call->op->type, "Conv") == 0;
}

struct convolution {
    struct conv *conv;
    struct convolution_fold fold;
    bool packs;              /* weights at each run */
    size_t packed, pictures; /* where in the shared scratch they and folded pictures lie */
};

static const struct conv *conv_of(const struct op_call *call)
{
    const struct convolution *convolution = call->state;
    return convolution->conv;
}

/* Where weights given at run time are packed: behind the convolution's own shared scratch. */
static size_t packed_place(const struct conv *conv)
{
    return stoa_size_round_up(stoa_conv_shared_scratch(conv), STOA_ALIGNMENT);
}

unsigned stoa_convolution_takes(const struct op_call *call)
{
    bool constant = call->inputs[1].data && (!has_bias(call) || call->inputs[2].data);
    if (call->inputs[0].rank == 5 && !is_conv(call))
        return 0; /* the sum of pictures comes last */
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

size_t stoa_convolution_pictures(const struct convolution_fold *fold)
{
    return fold->at_once * fold->rows * fold->row_pixels * fold->channels * fold->window.kernel;
}

/* Lays the shared scratch out and gives the convolution its weights. */
static enum stoa_status complete(struct op_call *call, const struct op_prepare *prepare,
                                 struct convolution *convolution, struct stoa_error *error)
{
    const struct stoa_tensor *weights = &call->inputs[1];
    struct conv *conv = convolution->conv;
    call->shared_scratch = stoa_conv_shared_scratch(conv);
    if (!weights->data) {
        convolution->packs = true;
        convolution->packed = packed_place(conv);
        call->shared_scratch = convolution->packed + stoa_conv_packed_size(conv);
    } else {
        STOA_TRY(set_weights(call, prepare, conv, error));
        stoa_op_consumed(prepare, weights->data, stoa_tensor_bytes(weights));
    }
    if (convolution->fold.deep) {
        convolution->pictures = stoa_size_round_up(call->shared_scratch, STOA_ALIGNMENT);
        call->shared_scratch = convolution->pictures + stoa_convolution_pictures(&convolution->fold) * sizeof(float);
    }
    return STOA_OK;
}

enum stoa_status stoa_convolution_prepare(struct op_call *call, const struct op_prepare *prepare,
                                          const struct convolution_fold *fold, struct conv *conv,
                                          struct stoa_error *error)
{
    struct convolution *convolution;
    enum stoa_status status = stoa_allocate(prepare->allocator, 1, sizeof *convolution, error, &convolution);
    if (status == STOA_OK) {
        *convolution = (struct convolution){.conv = conv, .fold = *fold};
        status = complete(call, prepare, convolution, error);
        if (status != STOA_OK)
            stoa_release(prepare->allocator, convolution);
    }
    if (status != STOA_OK) {
        stoa_conv_free(conv);
        return status;
    }
    call->state = convolution;
    call->worker_scratch = stoa_conv_worker_scratch(conv);
    return STOA_OK;
}

void stoa_convolution_share(struct op_call *call, const struct op_call *other, const struct stoa_allocator *allocator)
{
    (void)allocator;
    const struct convolution *ours = call->state, *theirs = other->state;
    if (ours && theirs)
        stoa_conv_share(ours->conv, theirs->conv);
}

void stoa_convolution_release(const struct op_call *call, const struct stoa_allocator *allocator)
{
    struct convolution *convolution = call->state;
    if (!convolution)
        return;
    stoa_conv_free(convolution->conv);
    stoa_release(allocator, convolution);
}

/* From pictures folded, some at a time. */
static void run_folded(const struct convolution *convolution, const struct conv_args *whole, float *pictures)
{
    const struct convolution_fold *fold = &convolution->fold;
    const struct conv_shape *shape = stoa_conv_shape(convolution->conv);
    const size_t pixels = fold->at_once * shape->OH * shape->OW;
    struct conv_args args = *whole;
    args.x = pictures;
    args.x_stride = 0;
    for (size_t first = 0; first < fold->pictures; first += fold->at_once) {
        stoa_volume_fold(&fold->window, first, fold->at_once, fold->rows, fold->row_pixels, fold->channels, whole->x,
                         whole->x_stride, whole->pool, pictures);
        stoa_conv_run(convolution->conv, &args);
        args.y += pixels * args.y_stride;
        if (args.addend)
            args.addend += pixels * args.addend_stride;
        if (args.mask)
            args.mask += pixels * args.mask_stride;
    }
}

/* To pictures that are unfolded, a volume at a time. */
static void run_unfolded(const struct convolution *convolution, const struct conv_args *whole, float *pictures)
{
    const struct convolution_fold *fold = &convolution->fold;
    const struct conv_shape *shape = stoa_conv_shape(convolution->conv);
    const size_t volumes = fold->window.narrow ? fold->pictures / fold->window.narrow : 0;
    struct conv_args args = *whole;
    args.y = pictures;
    args.y_stride = 0;
    args.bias = NULL;
    for (size_t n = 0; n < volumes; n++) {
        stoa_conv_run(convolution->conv, &args);
        stoa_volume_unfold(
            &fold->window, fold->rows, fold->row_pixels, fold->channels, pictures, whole->bias, whole->pool,
            whole->y + n * fold->window.wide * fold->rows * fold->row_pixels * whole->y_stride, whole->y_stride);
        args.x += fold->window.narrow * shape->H * shape->W * args.x_stride;
    }
}

enum stoa_status stoa_convolution_run(const struct op_call *call, const struct op_run *run, struct stoa_error *error)
{
    (void)error;
    const struct convolution *convolution = call->state;
    const struct conv *conv = convolution->conv;
    float *packed = NULL;
    if (convolution->packs) {
        packed = (void *)((char *)run->shared + convolution->packed);
        stoa_conv_pack(conv, call->inputs[1].data, run->pool, run->worker_base, run->worker_stride, packed);
    }
    const struct op_epilogue *epilogue = &call->epilogue;
    const struct stoa_tensor *addend = epilogue->has_addend ? &call->inputs[call->op->max_inputs] : NULL;
    const struct stoa_tensor *mask = epilogue->has_mask ? &call->inputs[call->op->max_inputs + 1] : NULL;
    const struct conv_args args = {
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
        .pools = epilogue->pools,
        .pool = run->pool,
        .shared = run->shared,
        .worker_base = run->worker_base,
        .worker_stride = run->worker_stride,
    };
    if (!convolution->fold.deep) {
        stoa_conv_run(conv, &args);
        return STOA_OK;
    }
    float *pictures = (void *)((char *)run->shared + convolution->pictures);
    if (convolution->fold.folds)
        run_folded(convolution, &args, pictures);
    else
        run_unfolded(convolution, &args, pictures);
    return STOA_OK;
}

/* As far as the lowerings look at it. */
static struct epilogue outline(const struct op_epilogue *epilogue)
{
    static const float some;
    return (struct epilogue){.activation = epilogue->activation,
                             .addend = epilogue->has_addend ? &some : NULL,
                             .mask = epilogue->has_mask ? &some : NULL};
}

bool stoa_convolution_adds_in_place(const struct op_call *call)
{
    const struct convolution *convolution = call->state;
    const struct epilogue epilogue = outline(&call->epilogue);
    return !convolution->fold.deep && stoa_conv_adds_in_place(convolution->conv, &epilogue);
}

bool stoa_convolution_takes_pool(const struct op_call *call)
{
    const struct convolution *convolution = call->state;
    const struct epilogue epilogue = outline(&call->epilogue);
    return !convolution->fold.deep && stoa_conv_pools(convolution->conv, &epilogue);
}

const struct conv *stoa_convolution_of(const struct op_call *call)
{
    return is_conv(call) && call->inputs[0].rank < 5 ? conv_of(call) : NULL;
}

double stoa_convolution_error(const struct op_call *call, size_t reach[2])
{
    return stoa_conv_error(conv_of(call), reach);
}

void stoa_convolution_describe(const struct op_call *call, size_t size, char *text)
{
    snprintf(text, size, "%s", stoa_conv_describe(conv_of(call)));
}

const struct stoa_lowering_choice *stoa_convolution_explain(const struct op_call *call)
{
    return stoa_conv_explain(conv_of(call));
}

enum stoa_status stoa_convolution_forward_shape(const struct op_call *call, convolution_shape read,
                                                struct stoa_error *error, struct volume *volume)
{
    struct stoa_tensor inputs[2] = {call->inputs[GRADIENT_X], call->inputs[GRADIENT_W]};
    const struct op_call forward = {.params = call->params, .input_count = 2, .inputs = inputs};
    STOA_TRY(stoa_check_float(call, GRADIENT_DY, "dY", error));
    STOA_TRY(read(&forward, error, volume));
    const struct stoa_tensor *dy = &call->inputs[GRADIENT_DY];
    const size_t rank = inputs[0].rank, size[WINDOW_AXES] = {volume->OD, volume->plane.OH, volume->plane.OW};
    size_t dims[STOA_MAX_RANK];
    stoa_convolution_dims(rank, volume->plane.N, volume->plane.OC, size, dims);
    for (size_t i = 0; i < rank; i++)
        if (dy->rank != rank || dy->dims[i] != dims[i]) {
            char its[STOA_DIMS_TEXT], ours[STOA_DIMS_TEXT];
            return stoa_fail(error, STOA_ERROR_SHAPE, "input dY has dims %s, the output has %s",
                             stoa_dims_text(dy->rank, dy->dims, its), stoa_dims_text(rank, dims, ours));
        }
    return STOA_OK;
}
