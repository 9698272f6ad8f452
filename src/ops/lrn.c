/* LRN: local response normalisation across channels, the window being cut at the first and last channel. */
#include "ops/lrn.h"

#include <limits.h>

#include "base/size.h"
#include "base/status.h"
#include "ops/check.h"
#include "ops/walk.h"

enum stoa_status stoa_lrn_parse(struct attribute_reader *reader, void *out)
{
    struct lrn *params = out;
    float alpha = stoa_read_float(reader, "alpha", 1e-4f);
    params->beta = stoa_read_float(reader, "beta", 0.75f);
    params->bias = stoa_read_float(reader, "bias", 1.0f);
    stoa_reader_require(reader, "size");
    size_t size = (size_t)stoa_read_int(reader, "size", 1, 1, INT_MAX);
    params->before = (size - 1) / 2;
    params->after = size / 2;
    params->scale = alpha / (float)size;
    return stoa_reader_finish(reader);
}

struct lrn stoa_lrn_within(const struct lrn *params, size_t channels)
{
    struct lrn lrn = *params;
    lrn.before = stoa_size_min(lrn.before, channels);
    lrn.after = stoa_size_min(lrn.after, channels);
    return lrn;
}

static enum stoa_status infer(const struct op_call *call, struct stoa_error *error)
{
    STOA_TRY(stoa_check_float(call, 0, "X", error));
    STOA_TRY(stoa_check_least_rank(call, 0, "X", 3, error));
    stoa_same_as_input(call, 0, 0);
    return STOA_OK;
}

struct context {
    const struct lrn *lrn;
    const float *x;
    float *y;
};

static void lrn_unit(void *argument, const struct walk *walk, const struct walk_unit *unit)
{
    (void)walk; /* one axis is reduced, so there is no far part */
    const struct context *context = argument;
    stoa_lrn_block(context->lrn, &unit->block, context->x + unit->x_offset, context->y + unit->y_offset);
}

static enum stoa_status run(const struct op_call *call, const struct op_run *run, struct stoa_error *error)
{
    (void)error;
    static const bool reduced[STOA_MAX_RANK] = {false, true};
    const struct stoa_tensor *x = &call->inputs[0], *y = &call->outputs[0];
    const struct lrn lrn = stoa_lrn_within(call->params, x->dims[1]);
    struct walk walk;
    stoa_walk_plan(x->rank, x->dims, x->strides, y->strides, reduced, WALK_ANY_AXIS, false, &walk);
    struct context context = {.lrn = &lrn, .x = x->data, .y = y->data};
    stoa_walk_run(&walk, run->pool, lrn_unit, &context);
    return STOA_OK;
}

static const struct op_gradient gradients[] = {
    {"LRNBackward", 2, {{OP_GRADIENT, 0}, {OP_INPUT, 0}}, 1, {0}},
};

const struct op stoa_op_lrn = {
    .type = "LRN",
    .since = 1,
    .min_inputs = 1,
    .max_inputs = 1,
    .min_outputs = 1,
    .max_outputs = 1,
    .layout = OP_ANY,
    .gradients = gradients,
    .gradient_count = 1,
    .params_size = sizeof(struct lrn),
    .parse = stoa_lrn_parse,
    .infer = infer,
    .run = run,
};
