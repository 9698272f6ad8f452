/* Clip: min(max(x, least), most). NaN in x stays NaN; where least > most, all is most. The bounds are attributes before
 * opset 11 and inputs, which may be computed, since; without one, x is held within what its type can be, so that
 * infinity becomes the largest float. */
#include <float.h>

#include "base/status.h"
#include "base/tensor.h"
#include "kernels/activation.h"
#include "kernels/arithmetic.h"
#include "kernels/nd.h"
#include "ops/arguments.h"
#include "ops/check.h"
#include "ops/clip.h"
#include "ops/op.h"

/* Nothing goes back to the bounds. */
static const struct op_gradient gradients[] = {
    {"ClipBackward", 4, {{OP_GRADIENT, 0}, {OP_OUTPUT, 0}, {OP_INPUT, 1}, {OP_INPUT, 2}}, 1, {0}},
};

static enum stoa_status parse(struct attribute_reader *reader, void *params_)
{
    struct clip_params *params = params_;
    params->bounds[0] = -FLT_MAX;
    params->bounds[1] = FLT_MAX;
    if (reader->opset < 11) {
        params->bounds[0] = stoa_read_float(reader, "min", -FLT_MAX);
        params->bounds[1] = stoa_read_float(reader, "max", FLT_MAX);
    }
    return stoa_reader_finish(reader);
}

static enum stoa_status infer(const struct op_call *call, struct stoa_error *error)
{
    static const char *const names[] = {"input", "min", "max"};
    const struct stoa_tensor *x = &call->inputs[0];
    if (!stoa_arithmetic_loop(ARITHMETIC_MAX, x->dtype))
        return stoa_fail(error, STOA_ERROR_UNSUPPORTED, "input input is of type %s, which is not supported",
                         stoa_dtype_name(x->dtype));
    for (size_t i = 1; i <= 2; i++) {
        if (!stoa_op_has_input(call, i))
            continue;
        STOA_TRY(stoa_check_single(call, i, names[i], error));
        if (call->inputs[i].dtype != x->dtype)
            return stoa_fail(error, STOA_ERROR_GRAPH, "input %s is of type %s, input input of %s", names[i],
                             stoa_dtype_name(call->inputs[i].dtype), stoa_dtype_name(x->dtype));
    }
    stoa_same_as_input(call, 0, 0);
    return STOA_OK;
}

/* Of floats, once its bounds are known. */
static bool activation(const struct op_call *call, struct activation *clip)
{
    const struct clip_params *params = call->params;
    float bounds[2];
    if (call->inputs[0].dtype != STOA_FLOAT)
        return false;
    for (size_t i = 0; i < 2; i++) {
        bool given = stoa_op_has_input(call, i + 1);
        if (given && !call->inputs[i + 1].data)
            return false;
        bounds[i] = given ? *(const float *)call->inputs[i + 1].data : params->bounds[i];
    }
    *clip = (struct activation){ACTIVATION_CLIP, bounds[0], bounds[1]};
    return true;
}

/* y <- x held by one bound; x may be y. */
static void hold(enum arithmetic operation, const struct stoa_tensor *x, const void *limit, const struct stoa_tensor *y,
                 struct pool *pool)
{
    struct nd nd = stoa_nd_over(y);
    stoa_nd_read(&nd, x);
    stoa_nd_read_scalar(&nd, x->dtype, limit);
    stoa_nd_run(&nd, pool, stoa_arithmetic_loop(operation, x->dtype), NULL);
}

static enum stoa_status run(const struct op_call *call, const struct op_run *run, struct stoa_error *error)
{
    (void)error;
    const struct stoa_tensor *x = &call->inputs[0], *y = &call->outputs[0];
    struct activation clip;
    if (activation(call, &clip)) {
        struct nd nd = stoa_nd_over(y);
        stoa_nd_read(&nd, x);
        stoa_nd_run(&nd, run->pool, stoa_activation_loop, &clip);
        return STOA_OK;
    }
    const void *limits[2];
    for (size_t i = 0; i < 2; i++)
        limits[i] = stoa_op_has_input(call, i + 1) ? call->inputs[i + 1].data : NULL;
    if (limits[0])
        hold(ARITHMETIC_MAX, x, limits[0], y, run->pool);
    else
        stoa_nd_copy(x, y, run->pool);
    if (limits[1])
        hold(ARITHMETIC_MIN, y, limits[1], y, run->pool);
    return STOA_OK;
}

static const struct op_fusion fusion = {.activation = activation};

#define CLIP(name, since_, until_, inputs)                                                                             \
    const struct op stoa_op_##name = {                                                                                 \
        .type = "Clip",                                                                                                \
        .since = since_,                                                                                               \
        .until = until_,                                                                                               \
        .min_inputs = 1,                                                                                               \
        .max_inputs = inputs,                                                                                          \
        .min_outputs = 1,                                                                                              \
        .max_outputs = 1,                                                                                              \
        .layout = OP_ANY,                                                                                              \
        .params_size = sizeof(struct clip_params),                                                                     \
        .parse = parse,                                                                                                \
        .fusion = &fusion,                                                                                             \
        .elementwise = true,                                                                                           \
        .gradients = gradients,                                                                                        \
        .gradient_count = 1,                                                                                           \
        .infer = infer,                                                                                                \
        .run = run,                                                                                                    \
    };
CLIP(clip, 6, 10, 1)
CLIP(clip_11, 11, 0, 3)
