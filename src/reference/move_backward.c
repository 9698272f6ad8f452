/* Gradients of operators that put elements elsewhere. Where an operator takes its elements from, it tells itself: run
 * on the numbers of its input's elements, it gives at each place of its output the number of the element that goes
 * there. That element's gradient gets the one of the place.
 *
 * Slack: elements that go to one place alone are moved, exactly; the sum of n gradients has n * sum |gradients|. */
#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "reference/internal.h"

/* The gradient of an element, numbered from 1, gets another term. */
static void add(struct reference_tensor *dx, double number, double gradient)
{
    size_t at = (size_t)number - 1;
    dx->values[at] += gradient;
    dx->slack[at] += fabs(gradient);
}

/* counts[i]: of how many terms element i is the sum. */
static void settle(struct reference_tensor *dx, const double *counts)
{
    for (size_t i = 0; i < stoa_reference_count(dx); i++)
        dx->slack[i] = counts[i] > 1 ? counts[i] * (dx->slack[i] + REFERENCE_TINY) : 0;
}

/* Runs the forward operator, whose inputs are the run's from `first` on, on the numbers of input `traced`, times sign:
 * what comes from elsewhere does not change with it. */
static enum stoa_status trace(struct reference_run *run, reference_operator forward, size_t first, size_t input_count,
                              size_t traced, size_t output_count, double sign, struct reference_tensor *outputs)
{
    struct reference_tensor inputs[STOA_MAX_RANK];
    if (input_count > STOA_MAX_RANK)
        return stoa_fail(run->error, STOA_ERROR_LIMIT, "%zu inputs, at most %d are taken", input_count, STOA_MAX_RANK);
    memcpy(inputs, run->call->inputs + first, input_count * sizeof *inputs);
    size_t count = stoa_reference_count(&inputs[traced]);
    STOA_TRY(stoa_allocate(run->allocator, count, sizeof(double), run->error, &inputs[traced].values));
    for (size_t i = 0; i < count; i++)
        inputs[traced].values[i] = sign * (double)(i + 1);
    struct reference_call call = *run->call;
    call.inputs = inputs;
    call.input_count = input_count;
    call.outputs = outputs;
    call.output_count = output_count;
    struct reference_run inner = *run;
    inner.call = &call;
    enum stoa_status status = forward(&inner);
    run->reader.used |= inner.reader.used;
    stoa_release(run->allocator, inputs[traced].values);
    return status;
}

/* The gradient of the forward operator's input `traced`; its inputs are the run's from `first` on, and the gradients of
 * its outputs those from `gradients` on. */
static enum stoa_status move_backward(struct reference_run *run, reference_operator forward, size_t first,
                                      size_t input_count, size_t traced, size_t gradients, size_t gradient_count)
{
    const struct reference_tensor *x = &run->call->inputs[first + traced];
    struct reference_tensor *dx, ups[REFERENCE_LIST] = {0}, downs[REFERENCE_LIST] = {0};
    double *counts = NULL;
    STOA_TRY(stoa_reference_output(run, 0, x->dtype, x->rank, x->dims, &dx));
    if (gradient_count > REFERENCE_LIST)
        return stoa_fail(run->error, STOA_ERROR_LIMIT, "%zu gradients, at most %d are taken", gradient_count,
                         REFERENCE_LIST);
    for (size_t i = 0; i < gradient_count; i++)
        ups[i].dtype = downs[i].dtype = STOA_FLOAT;
    enum stoa_status status =
        stoa_allocate(run->allocator, stoa_reference_count(x), sizeof *counts, run->error, &counts);
    if (status == STOA_OK)
        status = trace(run, forward, first, input_count, traced, gradient_count, 1, ups);
    if (status == STOA_OK)
        status = trace(run, forward, first, input_count, traced, gradient_count, -1, downs);
    for (size_t o = 0; status == STOA_OK && o < gradient_count; o++) {
        const struct reference_tensor *dy = stoa_reference_input(run, gradients + o);
        if (!dy)
            continue;
        if (!stoa_reference_same_dims(dy, &ups[o]))
            status = stoa_fail(run->error, STOA_ERROR_SHAPE, "gradient %zu does not have its output's dims", o);
        for (size_t i = 0; status == STOA_OK && i < stoa_reference_count(dy); i++)
            if (ups[o].values[i] > 0 && downs[o].values[i] == -ups[o].values[i]) {
                add(dx, ups[o].values[i], dy->values[i]);
                counts[(size_t)ups[o].values[i] - 1]++;
            }
    }
    if (status == STOA_OK)
        settle(dx, counts);
    for (size_t i = 0; i < gradient_count; i++) {
        stoa_reference_free(run->allocator, &ups[i]);
        stoa_reference_free(run->allocator, &downs[i]);
    }
    stoa_release(run->allocator, counts);
    return status;
}

/* Inputs: the gradient, then the forward operator's. */
static enum stoa_status gradient_of(struct reference_run *run, reference_operator forward, size_t traced)
{
    return move_backward(run, forward, 1, run->call->input_count - 1, traced, 0, 1);
}

#define ONE_GRADIENT(name)                                                                                             \
    enum stoa_status stoa_reference_##name##_backward(struct reference_run *run)                                       \
    {                                                                                                                  \
        return gradient_of(run, stoa_reference_##name, 0);                                                             \
    }
ONE_GRADIENT(pad)
ONE_GRADIENT(slice)
ONE_GRADIENT(gather)
ONE_GRADIENT(transpose)
ONE_GRADIENT(tile)
ONE_GRADIENT(depth_to_space)
ONE_GRADIENT(space_to_depth)
ONE_GRADIENT(gather_elements)
ONE_GRADIENT(gather_nd)

/* Scattering, its gradient's inputs being {dY, data, indices, updates}. Where updates replace what was there, it is
 * moving. Where they are added, what was there passes on, and each update gets what `gather` finds in its place. */
static enum stoa_status scatter_backward(struct reference_run *run, reference_operator scatter,
                                         reference_operator gather, size_t traced)
{
    static const char *const names[] = {"none", "add", "mul", "max", "min", NULL};
    const struct reference_tensor *inputs = run->call->inputs;
    size_t reduction = run->call->opset < 16 ? 0 : stoa_read_choice(&run->reader, "reduction", names);
    STOA_TRY(run->reader.status);
    if (reduction >= 2)
        return stoa_fail(run->error, STOA_ERROR_UNSUPPORTED, "the gradient of products and extremes is not given");
    if (reduction == 0)
        return gradient_of(run, scatter, traced);
    if (traced == 0)
        return stoa_reference_output_copy(run, &inputs[0], inputs[1].rank, inputs[1].dims);
    struct reference_call call = *run->call;
    struct reference_run inner = *run;
    call.inputs = (const struct reference_tensor[]){inputs[0], inputs[2]};
    call.input_count = 2;
    inner.call = &call;
    return gather(&inner);
}

enum stoa_status stoa_reference_scatter_elements_backward(struct reference_run *run)
{
    return scatter_backward(run, stoa_reference_scatter_elements, stoa_reference_gather_elements, 0);
}

enum stoa_status stoa_reference_scatter_elements_backward_updates(struct reference_run *run)
{
    return scatter_backward(run, stoa_reference_scatter_elements, stoa_reference_gather_elements, 2);
}

enum stoa_status stoa_reference_scatter_nd_backward(struct reference_run *run)
{
    return scatter_backward(run, stoa_reference_scatter_nd, stoa_reference_gather_nd, 0);
}

enum stoa_status stoa_reference_scatter_nd_backward_updates(struct reference_run *run)
{
    return scatter_backward(run, stoa_reference_scatter_nd, stoa_reference_gather_nd, 2);
}

enum stoa_status stoa_reference_split_backward(struct reference_run *run)
{
    const struct reference_tensor *x = stoa_reference_input(run, 0);
    struct reference_list sizes;
    size_t axis, count = run->call->input_count > 2 ? run->call->input_count - 2 : 0;
    int64_t signed_axis = stoa_read_int(&run->reader, "axis", 0, INT32_MIN, INT32_MAX);
    STOA_TRY(run->reader.status);
    STOA_TRY(stoa_reference_axis(run, signed_axis, x->rank, false, &axis));
    STOA_TRY(stoa_reference_list(run, 1, run->call->opset < 13 ? "split" : NULL, &sizes));
    /* The last gradient is there, but parts behind it may have none. */
    const struct reference_tensor *last = count ? stoa_reference_input(run, count + 1) : NULL;
    int64_t parts = run->call->opset < 18 ? 0 : stoa_read_int(&run->reader, "num_outputs", 0, 1, REFERENCE_LIST);
    STOA_TRY(run->reader.status);
    if (parts)
        count = (size_t)parts;
    else if (sizes.present)
        count = sizes.count;
    else if (last && last->dims[axis])
        count = x->dims[axis] / last->dims[axis];
    return move_backward(run, stoa_reference_split, 0, 2, 0, 2, count);
}

/* Gradients of inputs are the parts of the whole's, one behind the other along the axis. */
enum stoa_status stoa_reference_concat_backward(struct reference_run *run)
{
    const struct reference_tensor *dy = stoa_reference_input(run, 0);
    int64_t signed_axis = stoa_read_int(&run->reader, "axis", 0, INT32_MIN, INT32_MAX);
    STOA_TRY(run->reader.status);
    size_t axis, start = 0;
    STOA_TRY(stoa_reference_axis(run, signed_axis, dy->rank, false, &axis));
    size_t outer = stoa_reference_product(dy, 0, axis), inner = stoa_reference_product(dy, axis + 1, dy->rank);
    for (size_t i = 0; i < run->call->output_count; i++) {
        const struct reference_tensor *x = stoa_reference_input(run, i + 1);
        struct reference_tensor *dx;
        if (!x || x->rank != dy->rank || start + x->dims[axis] > dy->dims[axis])
            return stoa_fail(run->error, STOA_ERROR_SHAPE, "input %zu is no part of input 0", i + 1);
        STOA_TRY(stoa_reference_output(run, i, x->dtype, x->rank, x->dims, &dx));
        size_t length = x->dims[axis] * inner;
        for (size_t o = 0; dx && o < outer; o++)
            for (size_t k = 0; k < length; k++)
                dx->values[o * length + k] = dy->values[(o * dy->dims[axis] + start) * inner + k];
        start += x->dims[axis];
    }
    return STOA_OK;
}

enum stoa_status stoa_reference_reshape_backward(struct reference_run *run)
{
    const struct reference_tensor *x = stoa_reference_input(run, 1);
    return stoa_reference_output_copy(run, stoa_reference_input(run, 0), x->rank, x->dims);
}

enum stoa_status stoa_reference_cast_backward(struct reference_run *run)
{
    const struct reference_tensor *dy = stoa_reference_input(run, 0), *x = stoa_reference_input(run, 1);
    struct reference_tensor *dx;
    STOA_TRY(stoa_reference_output(run, 0, x->dtype, x->rank, x->dims, &dx));
    for (size_t i = 0; i < stoa_reference_count(dx); i++)
        dx->values[i] = stoa_reference_convert(dy->dtype, x->dtype, dy->values[i]);
    return STOA_OK;
}
