/* MeanVarianceNormalization, y = (x - mean) / (deviation + 1e-9), and LpNormalization, y = x / norm: over all elements
 * along some axes, without parameters. A norm of 0 leaves its elements 0, as in ONNX Runtime; the definition says
 * nothing of it.
 *
 * No gradients pass. */
#include <math.h>

#include "base/status.h"
#include "ops/arguments.h"
#include "ops/check.h"
#include "ops/norm.h"

#define DEVIATION_EPSILON 1e-9 /* of ONNX's definition */

struct axes_params {
    const char *name; /* of the attribute */
    struct op_integers axes;
    bool squares; /* p = 2 */
};

static enum stoa_status moments_parse(struct attribute_reader *reader, void *out)
{
    struct axes_params *params = out;
    params->name = "axes";
    stoa_read_integers(reader, params->name, &params->axes);
    if (!params->axes.present)
        params->axes = (struct op_integers){.count = 3, .values = {0, 2, 3}};
    return stoa_reader_finish(reader);
}

static enum stoa_status lp_parse(struct attribute_reader *reader, void *out)
{
    struct axes_params *params = out;
    params->name = "axis";
    params->axes.count = 1;
    params->axes.values[0] = stoa_read_int(reader, params->name, -1, -STOA_MAX_RANK, STOA_MAX_RANK);
    params->squares = stoa_read_int(reader, "p", 2, 1, 2) == 2;
    return stoa_reader_finish(reader);
}

static enum stoa_status find_axes(const struct op_call *call, struct stoa_error *error, bool reduced[STOA_MAX_RANK])
{
    const struct axes_params *params = call->params;
    return stoa_check_axes(params->name, &params->axes, call->inputs[X].rank, error, reduced);
}

static enum stoa_status infer(const struct op_call *call, struct stoa_error *error)
{
    bool reduced[STOA_MAX_RANK];
    STOA_TRY(stoa_check_float(call, X, "input", error));
    STOA_TRY(find_axes(call, error, reduced));
    stoa_same_as_input(call, X, 0);
    return STOA_OK;
}

static void moments_unit(void *context, const struct walk *walk, const struct walk_unit *unit)
{
    static const float zeros[WALK_LANES];
    const struct norm *norm = context;
    float mean[WALK_LANES], scale[WALK_LANES];
    stoa_norm_moments(norm->x, walk, unit, mean, scale);
    for (size_t l = 0; l < unit->block.lanes; l++)
        scale[l] = (float)(1 / (sqrt((double)scale[l]) + DEVIATION_EPSILON));
    stoa_normalise(norm, walk, unit, mean, scale, zeros);
}

struct dividing {
    const float *x;
    float *y;
    bool squares;
};

static void lp_unit(void *context, const struct walk *walk, const struct walk_unit *unit)
{
    static const float zeros[WALK_LANES];
    const struct dividing *dividing = context;
    float norm[WALK_LANES] = {0};
    size_t x_far, y_far;
    for (size_t i = 0; i < walk->far.count; i++) {
        stoa_walk_offsets(&walk->far, i, &x_far, &y_far);
        if (dividing->squares)
            stoa_block_sum_squares(&unit->block, dividing->x + unit->x_offset + x_far, zeros, norm);
        else
            stoa_block_sum_magnitudes(&unit->block, dividing->x + unit->x_offset + x_far, norm);
    }
    for (size_t l = 0; l < unit->block.lanes; l++) {
        norm[l] = dividing->squares ? sqrtf(norm[l]) : norm[l];
        norm[l] = norm[l] == 0 ? 1 : norm[l];
    }
    for (size_t i = 0; i < walk->far.count; i++) {
        stoa_walk_offsets(&walk->far, i, &x_far, &y_far);
        stoa_block_divide(&unit->block, dividing->x + unit->x_offset + x_far, norm,
                          dividing->y + unit->y_offset + y_far);
    }
}

static enum stoa_status walk_axes(const struct op_call *call, const struct op_run *run, walk_function unit,
                                  void *context, struct stoa_error *error)
{
    const struct stoa_tensor *x = &call->inputs[X];
    bool reduced[STOA_MAX_RANK];
    STOA_TRY(find_axes(call, error, reduced));
    struct walk walk;
    stoa_walk_plan(x->rank, x->dims, x->strides, call->outputs[0].strides, reduced, WALK_ANY_AXIS, false, &walk);
    stoa_walk_run(&walk, run->pool, unit, context);
    return STOA_OK;
}

static enum stoa_status moments_run(const struct op_call *call, const struct op_run *run, struct stoa_error *error)
{
    struct norm norm = {.x = call->inputs[X].data, .y = call->outputs[0].data};
    return walk_axes(call, run, moments_unit, &norm, error);
}

static enum stoa_status lp_run(const struct op_call *call, const struct op_run *run, struct stoa_error *error)
{
    const struct axes_params *params = call->params;
    struct dividing dividing = {.x = call->inputs[X].data, .y = call->outputs[0].data, .squares = params->squares};
    return walk_axes(call, run, lp_unit, &dividing, error);
}

#define NORMALISATION(name, type_, since_, kind)                                                                       \
    const struct op stoa_op_##name = {                                                                                 \
        .type = type_,                                                                                                 \
        .since = since_,                                                                                               \
        .min_inputs = 1,                                                                                               \
        .max_inputs = 1,                                                                                               \
        .min_outputs = 1,                                                                                              \
        .max_outputs = 1,                                                                                              \
        .layout = OP_ANY,                                                                                              \
        .params_size = sizeof(struct axes_params),                                                                     \
        .parse = kind##_parse,                                                                                         \
        .infer = infer,                                                                                                \
        .run = kind##_run,                                                                                             \
    };
NORMALISATION(mean_variance_normalization, "MeanVarianceNormalization", 9, moments)
NORMALISATION(lp_normalization, "LpNormalization", 1, lp)
