/* The backward pass of Resize. The tables of the forward pass, from output indices to input indices, are turned around
 * while planning: each input index has a list of the output indices that read it, and with which weight. A row of dx
 * gathers from the rows of dy that its lists name, so that rows need not wait for each other. */
#include "ops/resize.h"

#include <string.h>

#include "base/memory.h"
#include "base/size.h"
#include "base/status.h"
#include "base/tensor.h"
#include "kernels/resize.h"
#include "ops/check.h"

enum { DY, X }; /* then the forward node's other inputs */

static enum stoa_status infer(const struct op_call *call, struct stoa_error *error)
{
    (void)error;
    stoa_same_as_input(call, X, 0);
    return STOA_OK;
}

struct axis {
    size_t in, out, x_stride, y_stride;
    struct resize_lists lists; /* lists.first is null: index i reads i alone */
};

struct backward {
    size_t rank;
    struct axis axes[STOA_MAX_RANK + 2];
};

/* Whether entry k of the axis's tables has a part in the output: it may be outside, or of weight 0. */
static bool counts(const struct resize_axis *axis, size_t k)
{
    return axis->weights[k] != 0 && !(axis->outside && axis->outside[k / axis->taps]);
}

/* Counts what reads each index, then puts it in its place. */
static void turn_around(const struct resize_axis *axis, size_t *first, size_t *from, float *weights)
{
    const size_t entries = axis->out * axis->taps;
    memset(first, 0, (axis->in + 1) * sizeof *first);
    for (size_t k = 0; k < entries; k++)
        first[axis->from[k] + 1] += counts(axis, k);
    for (size_t i = 0; i < axis->in; i++)
        first[i + 1] += first[i];
    for (size_t k = 0; k < entries; k++)
        if (counts(axis, k)) {
            size_t at = first[axis->from[k]]++;
            from[at] = k / axis->taps;
            weights[at] = axis->weights[k];
        }
    memmove(first + 1, first, axis->in * sizeof *first);
    first[0] = 0;
}

static enum stoa_status make_state(const struct resize *resize, const struct op_prepare *prepare,
                                   struct stoa_error *error, struct backward **state)
{
    size_t indices = 0, weights = 0;
    for (size_t i = 0; i < resize->rank; i++)
        if (resize->axes[i].from) {
            indices += resize->axes[i].in + 1 + resize->axes[i].taps * resize->axes[i].out;
            weights += resize->axes[i].taps * resize->axes[i].out;
        }
    struct backward *backward;
    STOA_TRY(stoa_allocate_raw(prepare->allocator,
                               sizeof *backward + indices * sizeof(size_t) + weights * sizeof(float), 1, error,
                               &backward));
    size_t *next = (size_t *)(backward + 1);
    float *next_weight = (float *)(next + indices);
    backward->rank = resize->rank;
    for (size_t i = 0; i < resize->rank; i++) {
        const struct resize_axis *axis = &resize->axes[i];
        struct axis *made = &backward->axes[i];
        *made = (struct axis){.in = axis->in, .out = axis->out, .x_stride = axis->x_stride, .y_stride = axis->y_stride};
        if (!axis->from)
            continue;
        turn_around(axis, next, next + axis->in + 1, next_weight);
        made->lists = (struct resize_lists){.first = next, .from = next + axis->in + 1, .weights = next_weight};
        next += axis->in + 1 + axis->taps * axis->out;
        next_weight += axis->taps * axis->out;
    }
    *state = backward;
    return STOA_OK;
}

static enum stoa_status prepare(struct op_call *call, const struct op_prepare *prepare, struct stoa_error *error)
{
    /* The forward call, from where dx lies to where dy lies. */
    struct stoa_tensor inputs[4] = {call->outputs[0]}, output = call->inputs[DY];
    struct op_call forward = {.params = call->params, .inputs = inputs, .outputs = &output, .output_count = 1};
    forward.input_count = stoa_size_min(call->input_count - X, 4);
    for (size_t i = 1; i < forward.input_count; i++)
        inputs[i] = call->inputs[X + i];
    STOA_TRY(stoa_resize_prepare(&forward, prepare, error));
    struct backward *state = NULL;
    enum stoa_status status = make_state(forward.state, prepare, error, &state);
    stoa_release(prepare->allocator, forward.state);
    STOA_TRY(status);
    const struct axis *inner = &state->axes[state->rank - 1];
    if (inner->lists.first)
        call->worker_scratch = inner->out * sizeof(float);
    call->state = state;
    return STOA_OK;
}

static void release(const struct op_call *call, const struct stoa_allocator *allocator)
{
    stoa_release(allocator, call->state);
}

/* What reads an index: `count` entries, entry k being offset and weight. */
static size_t readers(const struct axis *axis, size_t i)
{
    return axis->lists.first ? axis->lists.first[i + 1] - axis->lists.first[i] : 1;
}

static void reader(const struct axis *axis, size_t i, size_t k, size_t *offset, float *weight)
{
    if (!axis->lists.first) {
        *offset += i * axis->y_stride;
        return;
    }
    size_t at = axis->lists.first[i] + k;
    *offset += axis->lists.from[at] * axis->y_stride;
    *weight *= axis->lists.weights[at];
}

struct resizing {
    const struct op_call *call;
    const struct op_run *run;
};

/* A row of dx at an index of all axes but the last. */
static void row(void *context, size_t task, size_t worker)
{
    const struct resizing *resizing = context;
    const struct backward *backward = resizing->call->state;
    const size_t outer = backward->rank - 1;
    const struct axis *inner = &backward->axes[outer];
    size_t index[STOA_MAX_RANK + 2], counter[STOA_MAX_RANK + 2] = {0}, combinations = 1;
    float *dx = resizing->call->outputs[0].data;
    for (size_t a = outer; a-- > 0;) {
        const struct axis *axis = &backward->axes[a];
        index[a] = task % axis->in;
        task /= axis->in;
        dx += index[a] * axis->x_stride;
        combinations *= readers(axis, index[a]);
    }
    bool direct = !inner->lists.first;
    float *line = direct ? dx : stoa_op_worker(resizing->run, worker);
    size_t step = direct ? inner->x_stride : 1;
    for (size_t i = 0; i < inner->out; i++)
        line[i * step] = 0;
    for (size_t n = 0; n < combinations; n++) {
        size_t offset = 0;
        float weight = 1;
        for (size_t a = 0; a < outer; a++)
            reader(&backward->axes[a], index[a], counter[a], &offset, &weight);
        stoa_resize_add(inner->out, weight, (const float *)resizing->call->inputs[DY].data + offset, inner->y_stride,
                        line, step);
        for (size_t a = outer; a-- > 0 && ++counter[a] == readers(&backward->axes[a], index[a]);)
            counter[a] = 0;
    }
    if (!direct)
        stoa_resize_collect(inner->in, &inner->lists, line, dx, inner->x_stride);
}

static enum stoa_status run(const struct op_call *call, const struct op_run *run, struct stoa_error *error)
{
    (void)error;
    const struct backward *backward = call->state;
    if (stoa_tensor_elements(&call->outputs[0]) == 0)
        return STOA_OK;
    size_t tasks = 1;
    for (size_t i = 0; i + 1 < backward->rank; i++)
        tasks *= backward->axes[i].in;
    struct resizing resizing = {.call = call, .run = run};
    stoa_pool_run(run->pool, tasks, row, &resizing);
    return STOA_OK;
}

const struct op stoa_op_resize_backward = {
    .type = "ResizeBackward",
    .since = 1,
    .min_inputs = 2,
    .max_inputs = 5,
    .min_outputs = 1,
    .max_outputs = 1,
    .layout = OP_ANY,
    .dims_inputs = 1 << X,
    .params_size = sizeof(struct resize_params),
    .parse = stoa_resize_parse,
    .infer = infer,
    .prepare = prepare,
    .release = release,
    .run = run,
};
