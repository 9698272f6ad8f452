/* fuse-norm: BatchNormalization behind a convolution, and sums and products with one constant a channel, become part of
 * its weights and bias: (sum of w*x + b) * scale + shift = sum of (scale*w)*x + (scale*b + shift). A row of constants
 * behind a matrix product becomes its bias. */
#include <math.h>
#include <string.h>

#include "base/status.h"
#include "base/tensor.h"
#include "plan/fuse.h"

/* Beyond this a scaled weight might be no float any more. */
#define MOST_SCALE 0x1p64

/* Composes node n, which reads the leader's result as its input number `input`, with the scale and shift so far. */
static enum stoa_status compose(struct plan *plan, size_t leader, size_t n, size_t input, struct stoa_error *error,
                                bool *composed)
{
    struct op_call *call = &plan->nodes[leader].call;
    const struct op_call *norm = &plan->nodes[n].call;
    size_t channels = call->outputs[0].dims[1];
    double *scale, *shift;
    *composed = false;
    STOA_TRY(stoa_arena_allocate(&plan->arena, channels, sizeof *scale, error, &scale));
    STOA_TRY(stoa_arena_allocate(&plan->arena, channels, sizeof *shift, error, &shift));
    if (!norm->op->fusion->affine(norm, input, scale, shift))
        return STOA_OK;
    for (size_t c = 0; c < channels; c++) {
        if (call->epilogue.scale) {
            shift[c] += scale[c] * call->epilogue.shift[c];
            scale[c] *= call->epilogue.scale[c];
        }
        if (!(fabs(scale[c]) <= MOST_SCALE) || !(fabs(shift[c]) <= MOST_SCALE))
            return STOA_OK;
    }
    call->epilogue.scale = scale;
    call->epilogue.shift = shift;
    *composed = true;
    return STOA_OK;
}

/* Node n adds to its input number `input`, the leader's result, a constant for each place of the last dimension. */
static enum stoa_status add_bias(struct plan *plan, size_t leader, size_t n, size_t input, struct stoa_error *error,
                                 bool *added)
{
    struct op_call *call = &plan->nodes[leader].call;
    const struct op_call *sum = &plan->nodes[n].call;
    const size_t columns = call->outputs[0].dims[call->outputs[0].rank - 1];
    float *bias;
    *added = false;
    if (!sum->op->fusion->adds || !sum->op->fusion->adds(sum) || call->epilogue.bias ||
        !stoa_plan_is_row(plan, n, 1 - input))
        return STOA_OK;
    STOA_TRY(stoa_arena_allocate(&plan->arena, columns, sizeof *bias, error, &bias));
    memcpy(bias, sum->inputs[1 - input].data, columns * sizeof *bias);
    call->epilogue.bias = bias;
    *added = true;
    return STOA_OK;
}

/* Node n, one of those above, becomes part of the leader whose result it reads as its input number `input`. */
static enum stoa_status absorb(struct plan *plan, size_t n, size_t input, struct stoa_error *error, bool *absorbed)
{
    const size_t v = plan->nodes[n].inputs[input];
    size_t leader = stoa_plan_maker(plan, v, OP_TAKES_SCALE);
    *absorbed = false;
    if (leader != PLAN_NONE) {
        STOA_TRY(compose(plan, leader, n, input, error, absorbed));
    } else {
        leader = stoa_plan_maker(plan, v, OP_TAKES_BIAS);
        if (leader != PLAN_NONE)
            STOA_TRY(add_bias(plan, leader, n, input, error, absorbed));
    }
    return *absorbed ? stoa_plan_join(plan, STOA_PASS_FUSE_NORM, leader, n, error) : STOA_OK;
}

enum stoa_status stoa_plan_fuse_norm(struct plan *plan, struct stoa_error *error)
{
    STOA_TRY(stoa_plan_fuse_layer_norm(plan, error));
    /* In the graph's order, so that a chain grows from its convolution on. */
    for (size_t n = 0; n < plan->model->graph.node_count; n++) {
        const struct plan_node *node = &plan->nodes[n];
        if (!stoa_plan_fusion(node)->affine)
            continue;
        for (size_t i = 0; i < node->call.input_count && i < 2; i++) {
            if (node->call.inputs[i].data || stoa_plan_only_reader(plan, node->inputs[i]) != n ||
                !stoa_tensor_same_dims(&node->call.inputs[i], &node->call.outputs[0]))
                continue;
            bool absorbed;
            STOA_TRY(absorb(plan, n, i, error, &absorbed));
            if (absorbed)
                break;
        }
    }
    return STOA_OK;
}
