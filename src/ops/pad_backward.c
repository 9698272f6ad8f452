/* Gradient of Pad: an input element gets the gradients of all output elements that repeat it. What lies inside both is
 * moved back; then reflections and edges add theirs, one combination of spans (pad.c) after the other, so that the
 * order of a sum is that of the spans. */
#include "base/status.h"
#include "base/tensor.h"
#include "kernels/arithmetic.h"
#include "kernels/nd.h"
#include "ops/backward.h"
#include "ops/move.h"
#include "ops/op.h"
#include "ops/table.h"

static enum stoa_status infer(const struct op_call *call, struct stoa_error *error)
{
    return stoa_backward_infer(call, &stoa_op_pad, error);
}

/* Operand 0 walks dx, the last one dy, over a combination of spans; along an edge, over the first of its elements. */
static struct nd nest(const struct stoa_tensor *dy, const struct stoa_tensor *dx, const struct pad_span *const *spans)
{
    size_t size = stoa_dtype_size(dx->dtype), from = 0, to = 0;
    struct nd_operand target = {.size = size}, source = {.size = size};
    struct nd nd = {.rank = dx->rank, .operand_count = 2};
    for (size_t i = 0; i < dx->rank; i++) {
        nd.dims[i] = spans[i]->step ? spans[i]->size : 1;
        to += spans[i]->from * dx->strides[i];
        from += spans[i]->start * dy->strides[i];
        target.strides[i] = spans[i]->step * (ptrdiff_t)dx->strides[i];
        source.strides[i] = (ptrdiff_t)dy->strides[i];
    }
    target.data = (char *)dx->data + to * size;
    source.data = (char *)dy->data + from * size;
    nd.operands[0] = target;
    nd.operands[1] = source;
    return nd;
}

static void add(const struct stoa_tensor *dy, const struct stoa_tensor *dx, const struct pad_span *const *spans,
                struct pool *pool)
{
    struct nd nd = nest(dy, dx, spans);
    char *first = nd.operands[1].data;
    nd.operands[nd.operand_count++] = nd.operands[1];
    nd.operands[1] = nd.operands[0];
    size_t repeats = 1;
    for (size_t i = 0; i < dx->rank; i++)
        repeats *= spans[i]->step ? 1 : spans[i]->size;
    for (size_t r = 0; r < repeats; r++) {
        ptrdiff_t offset = 0;
        size_t rest = r;
        for (size_t i = dx->rank; i-- > 0;)
            if (!spans[i]->step) {
                offset += (ptrdiff_t)(rest % spans[i]->size * dy->strides[i]);
                rest /= spans[i]->size;
            }
        nd.operands[2].data = first + offset * (ptrdiff_t)nd.operands[2].size;
        stoa_nd_run(&nd, pool, stoa_arithmetic_loop(ARITHMETIC_ADD, dx->dtype), NULL);
    }
}

static enum stoa_status run(const struct op_call *call, const struct op_run *run, struct stoa_error *error)
{
    const struct stoa_tensor *dy = &call->inputs[0], *dx = &call->outputs[0];
    const struct pad_span *chosen[STOA_MAX_RANK];
    struct pad_spans spans;
    struct stoa_tensor y;
    const struct op_call forward = stoa_backward_forward(call, &y);
    STOA_TRY(stoa_pad_spans(&forward, error, &spans));
    bool whole = true;
    for (size_t i = 0; i < dx->rank; i++) {
        size_t kept = 0;
        for (size_t s = 0; s < spans.counts[i]; s++)
            kept += spans.spans[i][s].inside ? spans.spans[i][s].size : 0;
        whole &= kept == dx->dims[i];
    }
    if (!whole)
        stoa_backward_clear(dx, run->pool);
    for (int copies = 1; copies >= 0; copies--)
        for (size_t c = 0; stoa_pad_choose(&spans, dx->rank, c, chosen); c++) {
            bool constant = false, inside = true;
            for (size_t i = 0; i < dx->rank; i++) {
                constant |= chosen[i]->constant;
                inside &= chosen[i]->inside;
            }
            if (constant || inside != copies)
                continue;
            if (inside) {
                struct nd nd = nest(dy, dx, chosen);
                stoa_nd_copy_nest(&nd, run->pool);
            } else {
                add(dy, dx, chosen, run->pool);
            }
        }
    return STOA_OK;
}

const struct op stoa_op_pad_backward = {
    .type = "PadBackward",
    .since = 1,
    .min_inputs = 2,
    .max_inputs = 5,
    .min_outputs = 1,
    .max_outputs = 1,
    .layout = OP_ANY,
    .dims_inputs = 1 << 1 | 1 << 3,
    .params_size = sizeof(struct pad_params),
    .parse = stoa_pad_parse,
    .infer = infer,
    .run = run,
};
