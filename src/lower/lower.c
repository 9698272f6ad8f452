/* The table of lowerings, the choice among them, and the prepared convolution. */
#include "lower/lower.h"

#include <stdint.h>
#include <string.h>

#include "base/memory.h"
#include "base/size.h"
#include "base/status.h"
#include "kernels/depthwise.h"
#include "lower/lowering.h"

static const struct lowering *const table[] = {
    &stoa_lowering_view,      &stoa_lowering_im2col, &stoa_lowering_im2col_full,
    &stoa_lowering_depthwise, &stoa_lowering_direct, &stoa_lowering_winograd,
};
#define TABLE_SIZE (sizeof table / sizeof *table)

const char *stoa_lowering_name(enum stoa_lowering lowering)
{
    if (lowering == STOA_LOWERING_AUTO)
        return "auto";
    for (size_t i = 0; i < TABLE_SIZE; i++)
        if (table[i]->id == lowering)
            return table[i]->name;
    return "unknown";
}

const char *stoa_accuracy_name(enum stoa_accuracy accuracy)
{
    return accuracy == STOA_ACCURACY_FAST ? "fast" : accuracy == STOA_ACCURACY_STRICT ? "strict" : "unknown";
}

static enum stoa_status plan(struct conv *conv, const struct lowering *lowering, struct stoa_error *error)
{
    conv->lowering = lowering;
    conv->tiling = (struct conv_tiling){0};
    conv->scratch = conv->shared_scratch = 0;
    return lowering->plan(conv, error);
}

/* Measured ones come before estimated ones: the two do not compare. */
static double time_of(const struct candidate *candidate)
{
    return candidate->measured > 0 ? candidate->measured : candidate->cost;
}

static bool better(const struct candidate *candidate, const struct candidate *best)
{
    if (!candidate->measured != !best->measured)
        return candidate->measured > 0;
    return time_of(candidate) + candidate->price < time_of(best) + best->price;
}

/* Why a candidate that applies is not the chosen one, when none is forced. */
static const char *why_not(const struct candidate *candidate, const struct candidate *chosen)
{
    if (!candidate->measured && chosen->measured > 0)
        return "not measured";
    if (time_of(candidate) > time_of(chosen))
        return "slower";
    return candidate->price > chosen->price ? "too large for max_bytes" : "no faster";
}

static size_t bytes_of(const struct conv *conv, size_t workers)
{
    size_t bytes;
    bool fits = stoa_size_mul(stoa_conv_worker_scratch(conv), stoa_size_max(workers, 1), &bytes) &&
                stoa_size_add(bytes, conv->shared_scratch, &bytes) &&
                stoa_size_add(bytes, stoa_conv_packed_size(conv), &bytes);
    return fits ? bytes : SIZE_MAX;
}

static enum stoa_status consider(struct conv *conv, const struct lowering *lowering, const struct conv_choice *choice,
                                 struct candidate *candidate)
{
    candidate->lowering = lowering;
    STOA_TRY(plan(conv, lowering, &candidate->refusal));
    memcpy(candidate->text, conv->text, sizeof candidate->text);
    candidate->cost = lowering->cost ? lowering->cost(conv) + stoa_conv_weights_cost(conv) : 0;
    candidate->measured = choice->seconds ? 1e9 * choice->seconds[lowering->id] : 0;
    candidate->bytes = bytes_of(conv, choice->workers);
    candidate->price = choice->byte_price * (double)candidate->bytes;
    return STOA_OK;
}

/* Plans every lowering in turn and keeps the best plan. */
static enum stoa_status choose(struct conv *conv, const struct conv_choice *choice, struct stoa_error *error)
{
    struct conv best = {.lowering = NULL};
    struct candidate candidates[TABLE_SIZE] = {0};
    size_t chosen = 0;
    for (size_t i = 0; i < TABLE_SIZE; i++) {
        struct candidate *candidate = &candidates[i];
        enum stoa_status status = consider(conv, table[i], choice, candidate);
        bool forced = choice->lowering == table[i]->id;
        if (status != STOA_OK && forced)
            return stoa_fail(error, status, "%s", candidate->refusal.message);
        if (status == STOA_OK &&
            (choice->lowering ? forced : !best.lowering || better(candidate, &candidates[chosen]))) {
            best = *conv;
            chosen = i;
        }
    }
    if (!best.lowering)
        return stoa_fail(error, STOA_ERROR_ARGUMENT, "lowering %d is not one there is", (int)choice->lowering);
    *conv = best;
    for (size_t i = 0; i < TABLE_SIZE; i++)
        candidates[i].reason = choice->lowering ? (i == chosen ? "forced" : "another is forced")
                               : i == chosen    ? "chosen"
                                                : why_not(&candidates[i], &candidates[chosen]);
    return stoa_conv_explain_choice(conv, candidates, TABLE_SIZE, chosen, error);
}

/* The one lowering there is for the caller. */
static enum stoa_status take(struct conv *conv, const struct lowering *lowering, const struct conv_choice *choice,
                             struct stoa_error *error)
{
    bool only = lowering->transpose && !lowering->cost;
    const char *reason = only                                       ? "the only way of transposed convolutions"
                         : lowering->transpose && !choice->lowering ? "chosen"
                                                                    : "forced";
    struct candidate candidate = {.reason = reason};
    enum stoa_status status = consider(conv, lowering, choice, &candidate);
    if (status != STOA_OK)
        return stoa_fail(error, status, "%s", candidate.refusal.message);
    return stoa_conv_explain_choice(conv, &candidate, 1, 0, error);
}

void stoa_conv_set_bias(struct conv *conv, const float *bias)
{
    memcpy(conv->bias, bias, conv->shape.OC * sizeof *bias);
}

static enum stoa_status copy_parameters(struct conv *conv, const float *weights, const float *bias,
                                        struct stoa_error *error)
{
    if (bias) {
        STOA_TRY(stoa_allocate_raw(&conv->allocator, conv->shape.OC, sizeof *bias, error, &conv->bias));
        memcpy(conv->bias, bias, conv->shape.OC * sizeof *bias);
    }
    return weights ? stoa_conv_set_weights(conv, weights, NULL, error) : STOA_OK;
}

static const struct conv_choice no_choice = {0};

/* What a convolution is created as beside its shape and choice. */
struct kind {
    const struct lowering *only; /* null: the choice's */
    const struct conv_tiling *forced;
    bool exchanged;
};

static enum stoa_status create(const struct stoa_allocator *allocator, const struct conv_shape *shape,
                               const float *weights, const float *bias, struct kind kind,
                               const struct conv_choice *choice, struct stoa_error *error, struct conv **out)
{
    *out = NULL;
    struct conv *conv;
    STOA_TRY(stoa_allocate(allocator, 1, sizeof *conv, error, &conv));
    conv->allocator = *allocator;
    conv->shape = *shape;
    conv->accuracy = choice->accuracy;
    conv->pack_each_run = choice->pack_each_run;
    conv->forced = kind.forced;
    conv->exchanged = kind.exchanged;
    enum stoa_status status = kind.only ? take(conv, kind.only, choice, error) : choose(conv, choice, error);
    conv->forced = NULL;
    if (status == STOA_OK)
        status = copy_parameters(conv, weights, bias, error);
    if (status != STOA_OK) {
        stoa_conv_free(conv);
        return status;
    }
    *out = conv;
    return STOA_OK;
}

enum stoa_status stoa_conv_create(const struct stoa_allocator *allocator, const struct conv_shape *shape,
                                  const float *weights, const float *bias, const struct conv_choice *choice,
                                  struct stoa_error *error, struct conv **conv)
{
    return create(allocator, shape, weights, bias, (struct kind){0}, choice ? choice : &no_choice, error, conv);
}

enum stoa_status stoa_conv_create_winograd(const struct stoa_allocator *allocator, const struct conv_shape *shape,
                                           const float *weights, const float *bias, const struct conv_tiling *forced,
                                           struct stoa_error *error, struct conv **conv)
{
    const struct kind kind = {.only = &stoa_lowering_winograd, .forced = forced};
    return create(allocator, shape, weights, bias, kind, &no_choice, error, conv);
}

/* The way of a transposed convolution. */
static const struct lowering *transposed(const struct conv_shape *shape)
{
    bool narrow = stoa_depthwise_takes(shape->groups, shape->C / shape->groups, shape->OC / shape->groups);
    return narrow ? &stoa_lowering_depthwise_transpose : &stoa_lowering_transpose;
}

enum stoa_status stoa_conv_transpose_create(const struct stoa_allocator *allocator, const struct conv_shape *shape,
                                            const float *weights, const float *bias, struct stoa_error *error,
                                            struct conv **conv)
{
    const struct kind kind = {.only = transposed(shape)};
    return create(allocator, shape, weights, bias, kind, &no_choice, error, conv);
}

static double price_of(const struct conv *conv, const struct conv_choice *choice)
{
    return conv->lowering->cost(conv) + stoa_conv_weights_cost(conv) +
           choice->byte_price * (double)bytes_of(conv, choice->workers);
}

/* Puts a direct transposed convolution in place of *conv (may be null), where it is possible and better. */
static enum stoa_status prefer_direct(const struct stoa_allocator *allocator, const struct conv_shape *forward,
                                      const float *weights, const float *bias, const struct conv_choice *choice,
                                      struct stoa_error *error, struct conv **conv)
{
    const struct kind kind = {.only = &stoa_lowering_direct_transpose};
    struct stoa_error refusal = {0};
    struct conv_shape shape;
    struct conv *direct;
    stoa_conv_transposed_shape(forward, &shape);
    STOA_TRY(stoa_conv_transpose_shape_finish(&shape, (const size_t[2]){0}, error));
    enum stoa_status status = create(allocator, &shape, weights, bias, kind, choice, &refusal, &direct);
    if (status == STOA_ERROR_MEMORY)
        return stoa_fail(error, status, "%s", refusal.message);
    if (status == STOA_OK && (!*conv || price_of(direct, choice) < price_of(*conv, choice))) {
        struct conv *other = *conv;
        *conv = direct;
        direct = other;
    }
    stoa_conv_free(direct);
    return STOA_OK;
}

enum stoa_status stoa_conv_backward_create(const struct stoa_allocator *allocator, const struct conv_shape *shape,
                                           const float *weights, const float *bias, const struct conv_choice *choice,
                                           struct stoa_error *error, struct conv **conv)
{
    struct conv_shape backward;
    struct kind kind = {.exchanged = stoa_conv_backward_shape(shape, &backward)};
    *conv = NULL;
    if (!choice)
        choice = &no_choice;
    if (!kind.exchanged) {
        kind.only = transposed(&backward);
        STOA_TRY(stoa_conv_transpose_shape_finish(&backward, (const size_t[2]){0}, error));
        return create(allocator, &backward, weights, bias, kind, choice, error, conv);
    }
    STOA_TRY(stoa_conv_shape_finish(&backward, error));
    if (choice->lowering == STOA_LOWERING_DIRECT)
        STOA_TRY(prefer_direct(allocator, shape, weights, bias, choice, error, conv));
    if (*conv)
        return STOA_OK;
    STOA_TRY(create(allocator, &backward, weights, bias, kind, choice, error, conv));
    enum stoa_status status = STOA_OK;
    if (choice->lowering == STOA_LOWERING_AUTO)
        status = prefer_direct(allocator, shape, weights, bias, choice, error, conv);
    if (status != STOA_OK) {
        stoa_conv_free(*conv);
        *conv = NULL;
    }
    return status;
}

enum stoa_status stoa_conv_create_if(conv_create make, const struct stoa_allocator *allocator,
                                     const struct conv_shape *shape, const float *bias,
                                     const struct conv_choice *choice, struct stoa_error *error, struct conv **conv)
{
    struct stoa_error attempt;
    struct conv_choice own = *choice;
    enum stoa_status status = make(allocator, shape, NULL, bias, choice, &attempt, conv);
    if (!stoa_conv_gives_way(choice->lowering, status))
        return stoa_error_hand_on(&attempt, status, error);
    own.lowering = STOA_LOWERING_AUTO;
    return make(allocator, shape, NULL, bias, &own, error, conv);
}

void stoa_conv_free(struct conv *conv)
{
    if (!conv)
        return;
    struct stoa_allocator allocator = conv->allocator;
    stoa_shared_release(&allocator, conv->packed);
    stoa_release(&allocator, conv->explanation);
    stoa_release(&allocator, conv->bias);
    stoa_release(&allocator, conv);
}

void stoa_conv_share(struct conv *conv, const struct conv *other)
{
    void *packed = conv->packed;
    size_t size = stoa_conv_packed_size(conv);
    if (conv->lowering == other->lowering && size == stoa_conv_packed_size(other))
        stoa_shared_merge(&conv->allocator, size, other->packed, &packed);
    conv->packed = packed;
}

size_t stoa_conv_worker_scratch(const struct conv *conv)
{
    return stoa_size_max(conv->scratch, stoa_conv_pack_scratch(conv));
}

size_t stoa_conv_shared_scratch(const struct conv *conv)
{
    return conv->shared_scratch;
}

void stoa_conv_run(const struct conv *conv, const struct conv_args *args)
{
    struct conv_args complete = *args;
    if (!complete.packed)
        complete.packed = conv->packed;
    if (!complete.bias)
        complete.bias = conv->bias;
    if (!complete.x_stride)
        complete.x_stride = conv->shape.C;
    if (!complete.y_stride)
        complete.y_stride = conv->shape.OC;
    if (!complete.addend_stride)
        complete.addend_stride = conv->shape.OC;
    if (!complete.mask_stride)
        complete.mask_stride = conv->shape.OC;
    conv->lowering->run(conv, &complete);
}

struct epilogue stoa_conv_epilogue(const struct conv_args *args, size_t pixel, size_t channel)
{
    return (struct epilogue){
        .bias = args->bias ? args->bias + channel : NULL,
        .addend = args->addend ? args->addend + pixel * args->addend_stride + channel : NULL,
        .addend_row = args->addend_stride,
        .activation = args->activation,
        .mask = args->mask ? args->mask + pixel * args->mask_stride + channel : NULL,
        .mask_row = args->mask_stride,
        .mask_least = args->mask_least,
        .mask_most = args->mask_most,
    };
}

struct squash stoa_conv_squash(const struct conv_args *args)
{
    return args->addend || args->mask ? (struct squash){.given = false} : stoa_activation_squash(&args->activation);
}

const struct conv_shape *stoa_conv_shape(const struct conv *conv)
{
    return &conv->shape;
}

enum stoa_lowering stoa_conv_lowering(const struct conv *conv)
{
    return conv->lowering->id;
}

bool stoa_conv_adds_in_place(const struct conv *conv, const struct epilogue *epilogue)
{
    return conv->lowering->adds_in_place && conv->lowering->adds_in_place(conv, epilogue);
}

bool stoa_conv_pools(const struct conv *conv, const struct epilogue *epilogue)
{
    return conv->lowering->pools && conv->lowering->pools(conv, epilogue);
}

double stoa_conv_error(const struct conv *conv, size_t reach[2])
{
    const struct winograd_form *form = conv->tiling.form;
    reach[0] = reach[1] = 0;
    if (!form)
        return 0;
    struct conv_shape shape = stoa_winograd_shape(conv);
    for (size_t i = 0; i < 2; i++) {
        size_t blocks = conv->shape.stride[i] / shape.stride[i];
        reach[i] = shape.dilation[i] * shape.stride[i] * blocks * (form->tile[i] - 1) + blocks * shape.kernel[i] -
                   conv->shape.kernel[i];
    }
    return stoa_winograd_error(form, shape.C / shape.groups);
}

const char *stoa_conv_describe(const struct conv *conv)
{
    return conv->text;
}
