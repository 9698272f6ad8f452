/* From nodes to steps. Walks the nodes in their order, knows how each tensor lies, and puts a conversion where an
 * operator wants it otherwise; a conversion made once serves all later readers. Renaming operators become views and
 * make no step, and a flattened image in front of a matrix product stays as it lies: the product permutes its weights
 * instead. */
#include <string.h>

#include "base/size.h"
#include "base/status.h"
#include "base/tensor.h"
#include "kernels/nd.h"
#include "plan/build.h"

/* CHANNELS_INSIDE: channels-last, or the slice of some channels of an image that lies so. */
enum arrangement { AS_IT_IS, PLAIN, CHANNELS_LAST, CHANNELS_INSIDE };

static enum stoa_status run_layout(const struct op_call *call, const struct op_run *run, struct stoa_error *error)
{
    (void)error;
    stoa_nd_copy(&call->inputs[0], &call->outputs[0], run->pool);
    return STOA_OK;
}

/* A conversion between layouts; not an ONNX operator, so not in the table. */
static const struct op layout_op = {.type = "Layout",
                                    .min_inputs = 1,
                                    .max_inputs = 1,
                                    .min_outputs = 1,
                                    .max_outputs = 1,
                                    .layout = OP_ANY,
                                    .run = run_layout};

static bool lies(const struct stoa_tensor *tensor, enum arrangement arrangement)
{
    switch (arrangement) {
    case PLAIN:
        return stoa_tensor_is_plain(tensor);
    case CHANNELS_LAST:
        return stoa_tensor_is_channels_last(tensor);
    case CHANNELS_INSIDE:
        return stoa_tensor_pixel_stride(tensor) != 0;
    default:
        return true;
    }
}

static void arrange(struct stoa_tensor *tensor, enum arrangement arrangement)
{
    if (arrangement != PLAIN && tensor->rank >= 3)
        stoa_tensor_set_channels_last(tensor);
    else
        stoa_tensor_set_plain(tensor);
}

/* A step of the call, whose arrays become its own. */
static enum stoa_status make_step(struct plan *plan, const char *node, const char *type, const struct op_call *call,
                                  struct stoa_error *error, struct plan_step *step)
{
    *step = (struct plan_step){.node = node, .type = type, .call = *call};
    STOA_TRY(stoa_arena_allocate(&plan->arena, call->input_count, sizeof *step->inputs, error, &step->inputs));
    STOA_TRY(stoa_arena_allocate(&plan->arena, call->output_count, sizeof *step->outputs, error, &step->outputs));
    for (size_t i = 0; i < call->input_count; i++)
        step->inputs[i] = PLAN_NOWHERE;
    for (size_t i = 0; i < call->output_count; i++)
        step->outputs[i] = PLAN_NOWHERE;
    return STOA_OK;
}

static enum stoa_status push_step(struct plan *plan, const struct plan_step *step, struct stoa_error *error)
{
    STOA_TRY(stoa_plan_reserve(plan, plan->step_count, sizeof *plan->steps, &plan->step_capacity, error, &plan->steps));
    for (size_t i = 0; i < step->call.input_count; i++)
        if (step->inputs[i].storage != PLAN_NONE)
            plan->storages[step->inputs[i].storage].last = plan->step_count;
    for (size_t i = 0; i < step->call.output_count; i++)
        if (step->outputs[i].storage != PLAN_NONE)
            plan->storages[step->outputs[i].storage].last = plan->step_count;
    plan->steps[plan->step_count++] = *step;
    return STOA_OK;
}

static enum stoa_status push_copy(struct plan *plan, const char *name, const struct plan_tensor *from,
                                  const struct plan_tensor *to, struct stoa_error *error)
{
    struct op_call call = {.op = &layout_op, .input_count = 1, .output_count = 1};
    struct plan_step step;
    STOA_TRY(stoa_arena_allocate(&plan->arena, 1, sizeof *call.inputs, error, &call.inputs));
    STOA_TRY(stoa_arena_allocate(&plan->arena, 1, sizeof *call.outputs, error, &call.outputs));
    STOA_TRY(make_step(plan, name, layout_op.type, &call, error, &step));
    call.inputs[0] = from->tensor;
    call.outputs[0] = to->tensor;
    step.inputs[0] = from->place;
    step.outputs[0] = to->place;
    return push_step(plan, &step, error);
}

/* *out = the value's tensor as it is wanted, by a conversion if it has to be. */
static enum stoa_status take(struct plan *plan, size_t v, enum arrangement arrangement, struct stoa_error *error,
                             struct plan_tensor *out)
{
    struct plan_value *value = &plan->values[v];
    if (lies(&value->main.tensor, arrangement)) {
        *out = value->main;
        return STOA_OK;
    }
    if (value->other.place.storage == PLAN_NONE || !lies(&value->other.tensor, arrangement)) {
        struct plan_tensor made = {.tensor = value->main.tensor};
        arrange(&made.tensor, arrangement);
        size_t bytes = stoa_tensor_bytes(&made.tensor);
        if (plan->storages[value->main.place.storage].kind == STORAGE_CONSTANT) {
            STOA_TRY(stoa_arena_allocate(&plan->arena, 1, bytes, error, &made.tensor.data));
            stoa_nd_copy(&value->main.tensor, &made.tensor, NULL);
            STOA_TRY(stoa_plan_add_storage(plan, STORAGE_CONSTANT, bytes, 0, error, &made.place.storage));
        } else {
            STOA_TRY(stoa_plan_add_storage(plan, STORAGE_ARENA, bytes, 0, error, &made.place.storage));
            STOA_TRY(push_copy(plan, plan->model->graph.values[v].name, &value->main, &made, error));
        }
        value->other = made;
    }
    *out = value->other;
    return STOA_OK;
}

/* Outputs of an operator that reads and writes any strides follow the images it reads: channels-last if one of them
 * lies so and not plain; also if all lie both ways, where they are pictures (matrices of one row are nearly always
 * wanted plain). Where no image comes in, plain. */
static enum arrangement follow(const struct op_call *call)
{
    bool both = false, plain = false;
    for (size_t i = 0; i < call->input_count; i++) {
        const struct stoa_tensor *input = &call->inputs[i];
        if (input->dtype == STOA_NONE || input->data || input->rank < 3 || !stoa_op_reads(call->op, i))
            continue;
        if (!lies(input, CHANNELS_INSIDE))
            plain = true;
        else if (stoa_tensor_is_plain(input))
            both |= input->rank == 4;
        else
            return CHANNELS_LAST;
    }
    return both && !plain ? CHANNELS_LAST : PLAIN;
}

/* Output 0 of a renaming operator over the memory of its input. */
static enum stoa_status make_view(struct plan *plan, const struct graph_node *node, struct plan_step *step,
                                  struct stoa_error *error)
{
    struct op_call *call = &step->call;
    struct plan_value *output = &plan->values[node->outputs[0]];
    output->column_channels = plan->values[node->inputs[0]].column_channels;
    if (!output->column_channels)
        output->column_channels = stoa_plan_absorbs(plan, node, call);
    if (output->column_channels)
        stoa_tensor_set_plain(&call->outputs[0]);
    else if (!call->op->view(call)) {
        struct plan_tensor plain;
        STOA_TRY(take(plan, node->inputs[0], PLAIN, error, &plain));
        call->inputs[0] = plain.tensor;
        step->inputs[0] = plain.place;
        call->op->view(call);
    }
    call->outputs[0].data = call->inputs[0].data; /* of a constant */
    step->outputs[0] = step->inputs[0];
    return STOA_OK;
}

/* How input i must lie. */
static enum arrangement wanted(const struct op_call *call, size_t i)
{
    if (!stoa_op_reads(call->op, i))
        return AS_IT_IS;
    bool image = stoa_op_takes_image(call->op, i);
    const struct op_fusion *fusion = stoa_op_fusion(call->op);
    switch (call->op->layout) {
    case OP_PLAIN:
        return PLAIN;
    case OP_CHANNELS_LAST:
        return !image ? PLAIN : fusion->dense && fusion->dense(call) ? CHANNELS_LAST : CHANNELS_INSIDE;
    default:
        return AS_IT_IS;
    }
}

static enum stoa_status take_inputs(struct plan *plan, const size_t *values, struct plan_step *step,
                                    struct stoa_error *error)
{
    struct op_call *call = &step->call;
    for (size_t i = 0; i < call->input_count; i++) {
        if (call->inputs[i].dtype == STOA_NONE)
            continue;
        struct plan_tensor taken;
        STOA_TRY(take(plan, values[i], wanted(call, i), error, &taken));
        call->inputs[i] = taken.tensor;
        if (!stoa_op_reads(call->op, i))
            continue;
        step->inputs[i] = taken.place;
        if (taken.tensor.data)
            step->parameter_count += stoa_tensor_elements(&taken.tensor);
        if (plan->values[values[i]].column_channels && call->op->layout != OP_VIEW)
            call->column_channels = plan->values[values[i]].column_channels;
    }
    return STOA_OK;
}

/* Output 0 is input 0, wherever that lies. */
static void make_alias(struct plan_step *step)
{
    step->call.outputs[0] = step->call.inputs[0];
    step->outputs[0] = step->inputs[0];
}

/* The outputs of Split or Slice over the memory of their input, if it is an image with its channels inside. */
static enum stoa_status make_parts(struct plan *plan, const char *from, struct plan_step *step,
                                   struct stoa_error *error)
{
    struct op_call *call = &step->call;
    const struct stoa_tensor *whole = &call->inputs[0];
    const struct op_fusion *fusion = stoa_op_fusion(call->op);
    size_t first, pixel = stoa_tensor_pixel_stride(whole);
    if (!fusion->splits || !stoa_plan_enabled(plan, STOA_PASS_SPLIT_IN_PLACE) || pixel == 0 ||
        pixel > OP_MOST_PIXEL_STRIDE || stoa_tensor_is_plain(whole) || !fusion->splits(call, 0, &first))
        return STOA_OK;
    for (size_t i = 0; i < call->output_count; i++) {
        if (call->outputs[i].dtype == STOA_NONE || !fusion->splits(call, i, &first))
            continue;
        memcpy(call->outputs[i].strides, whole->strides, sizeof whole->strides);
        step->outputs[i] = step->inputs[0];
        step->outputs[i].offset += first * stoa_dtype_size(whole->dtype);
    }
    return stoa_plan_note(plan, STOA_PASS_SPLIT_IN_PLACE, step->node, from, error);
}

/* Whether all inputs of a Concat lie in their places. */
static bool is_joined(const struct plan_step *step)
{
    const struct op_call *call = &step->call;
    const struct op_fusion *fusion = stoa_op_fusion(call->op);
    if (!fusion->joins)
        return false;
    for (size_t i = 0; i < call->input_count; i++) {
        size_t first;
        if (!fusion->joins(call, i, &first) || step->inputs[i].storage != step->outputs[0].storage ||
            step->inputs[i].offset != step->outputs[0].offset + first * stoa_dtype_size(call->outputs[0].dtype))
            return false;
    }
    return true;
}

/* Where outputs go that lie nowhere yet: among what is concatenated, or in memory of their own. */
static enum stoa_status place_outputs(struct plan *plan, const size_t *values, struct plan_step *step,
                                      struct stoa_error *error, bool *writes)
{
    struct op_call *call = &step->call;
    enum op_layout layout = call->op->layout;
    enum arrangement arrangement = layout == OP_CHANNELS_LAST ? CHANNELS_LAST : layout == OP_ANY ? follow(call) : PLAIN;
    for (size_t i = 0; i < call->output_count; i++) {
        if (call->outputs[i].dtype == STOA_NONE)
            continue;
        struct plan_value *value = &plan->values[values[i]];
        struct plan_tensor output = {.tensor = call->outputs[i], .place = step->outputs[i]};
        if (output.place.storage == PLAN_NONE) {
            *writes = true;
            if (value->sliced || value->main.place.storage != PLAN_NONE) {
                STOA_TRY(stoa_plan_place_slice(plan, values[i], error, &output));
            } else {
                arrange(&output.tensor, stoa_op_makes_image(call->op, i) ? arrangement : PLAIN);
                STOA_TRY(stoa_plan_add_storage(plan, STORAGE_ARENA, stoa_tensor_bytes(&output.tensor), 0, error,
                                               &output.place.storage));
            }
        }
        call->outputs[i] = output.tensor;
        step->outputs[i] = output.place;
        value->main = output;
    }
    return STOA_OK;
}

/* The step of a leader and of all that is fused into it; none where its outputs are in memory already. */
static enum stoa_status plan_node(struct plan *plan, size_t n, struct stoa_error *error)
{
    const struct graph_node *node = &plan->model->graph.nodes[n];
    const struct plan_node *planned = &plan->nodes[n];
    struct plan_step step;
    const struct op_fusion *fusion = stoa_op_fusion(planned->call.op);
    bool writes = false;
    STOA_TRY(make_step(plan, node->name, planned->type, &planned->call, error, &step));
    STOA_TRY(take_inputs(plan, planned->inputs, &step, error));
    if (step.call.op->layout == OP_VIEW)
        STOA_TRY(make_view(plan, node, &step, error));
    else if (fusion->is_identity && fusion->is_identity(&step.call))
        make_alias(&step);
    else
        STOA_TRY(make_parts(plan, plan->model->graph.values[node->inputs[0]].name, &step, error));
    STOA_TRY(place_outputs(plan, planned->outputs, &step, error, &writes));
    return writes && !is_joined(&step) ? push_step(plan, &step, error) : STOA_OK;
}

/* How the caller wants output o. */
static enum stoa_status output_arrangement(const struct plan *plan, size_t o, const struct plan_options *options,
                                           struct stoa_error *error, enum arrangement *arrangement)
{
    const struct graph *graph = &plan->model->graph;
    *arrangement = PLAIN;
    for (size_t i = 0; i < options->output_count; i++)
        if (strcmp(options->outputs[i].name, graph->values[graph->outputs[o]].name) == 0 &&
            options->outputs[i].layout == STOA_NHWC)
            *arrangement = CHANNELS_LAST;
    if (*arrangement == CHANNELS_LAST && plan->values[graph->outputs[o]].main.tensor.rank != 4)
        return stoa_fail(error, STOA_ERROR_SHAPE, "output '%s' has rank %zu, only images (4) have a layout",
                         graph->values[graph->outputs[o]].name, plan->values[graph->outputs[o]].main.tensor.rank);
    return STOA_OK;
}

/* Each output of the graph lies plain, or as the caller wants it, in a buffer of its own: written there at once where
 * its value is computed so, copied there at the end where it is not. */
static enum stoa_status plan_outputs(struct plan *plan, const struct plan_options *options, struct stoa_error *error)
{
    const struct graph *graph = &plan->model->graph;
    for (size_t o = 0; o < graph->output_count; o++) {
        struct plan_value *value = &plan->values[graph->outputs[o]];
        enum arrangement wanted;
        STOA_TRY(output_arrangement(plan, o, options, error, &wanted));
        STOA_TRY(stoa_plan_settle(plan, graph->outputs[o], error));
        /* A copy that lies so, which some step has asked for, serves as well. */
        bool copied = !lies(&value->main.tensor, wanted) && value->other.place.storage != PLAN_NONE &&
                      lies(&value->other.tensor, wanted);
        struct plan_tensor *found = copied ? &value->other : &value->main, *output = &plan->outputs[o];
        struct plan_storage *storage = &plan->storages[found->place.storage];
        if (storage->kind == STORAGE_ARENA && lies(&found->tensor, wanted) &&
            storage->bytes == stoa_tensor_bytes(&found->tensor)) {
            storage->kind = STORAGE_OUTPUT;
            storage->place = o;
            *output = *found;
            arrange(&output->tensor, wanted);
            continue;
        }
        output->tensor = found->tensor;
        output->tensor.data = NULL;
        arrange(&output->tensor, wanted);
        STOA_TRY(stoa_plan_add_storage(plan, STORAGE_OUTPUT, stoa_tensor_bytes(&output->tensor), o, error,
                                       &output->place.storage));
        STOA_TRY(push_copy(plan, graph->values[graph->outputs[o]].name, found, output, error));
    }
    return STOA_OK;
}

enum stoa_status stoa_plan_steps(struct plan *plan, const struct plan_options *options, struct stoa_error *error)
{
    const struct graph *graph = &plan->model->graph;
    for (size_t n = 0; n < graph->node_count; n++) {
        /* Where a chain ends, everything that any of its nodes reads is there. */
        size_t leader = plan->nodes[n].leader;
        if (!plan->nodes[n].planned || plan->nodes[leader].last != n)
            continue;
        enum stoa_status status = plan_node(plan, leader, error);
        if (status != STOA_OK) {
            stoa_error_prefix(error, "node '%s' (%s): ", graph->nodes[leader].name, graph->nodes[leader].type);
            return status;
        }
    }
    return plan_outputs(plan, options, error);
}
