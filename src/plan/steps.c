/* From nodes to steps. Walks the nodes in their order, knows how each tensor lies, and puts a conversion where an
 * operator wants it otherwise; a conversion made once serves all later readers. Renaming operators become views and
 * make no step, and a flattened image in front of a matrix product stays as it lies: the product permutes its weights
 * instead. */
#include <limits.h>
#include <string.h>

#include "base/size.h"
#include "base/status.h"
#include "base/tensor.h"
#include "kernels/nd.h"
#include "plan/build.h"

enum arrangement { AS_IT_IS, PLAIN, CHANNELS_LAST };

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
    return arrangement == AS_IT_IS ||
           (arrangement == PLAIN ? stoa_tensor_is_plain(tensor) : stoa_tensor_is_channels_last(tensor));
}

static void arrange(struct stoa_tensor *tensor, enum arrangement arrangement)
{
    if (arrangement == CHANNELS_LAST && tensor->rank == 4)
        stoa_tensor_set_channels_last(tensor);
    else
        stoa_tensor_set_plain(tensor);
}

static enum stoa_status make_call(struct plan *plan, const struct op *op, const void *params, size_t inputs,
                                  size_t outputs, struct stoa_error *error, struct plan_step *step)
{
    *step = (struct plan_step){.call = {.op = op, .params = params, .input_count = inputs, .output_count = outputs}};
    STOA_TRY(stoa_arena_allocate(&plan->arena, inputs, sizeof(struct stoa_tensor), error, &step->call.inputs));
    STOA_TRY(stoa_arena_allocate(&plan->arena, outputs, sizeof(struct stoa_tensor), error, &step->call.outputs));
    STOA_TRY(stoa_arena_allocate(&plan->arena, inputs, sizeof(size_t), error, &step->input_storage));
    STOA_TRY(stoa_arena_allocate(&plan->arena, outputs, sizeof(size_t), error, &step->output_storage));
    for (size_t i = 0; i < inputs; i++)
        step->input_storage[i] = PLAN_NONE;
    for (size_t i = 0; i < outputs; i++)
        step->output_storage[i] = PLAN_NONE;
    return STOA_OK;
}

static enum stoa_status push_step(struct plan *plan, const struct plan_step *step, struct stoa_error *error)
{
    if (plan->step_count == plan->step_capacity) {
        size_t capacity = stoa_size_max(64, plan->step_capacity * 2);
        struct plan_step *grown;
        STOA_TRY(stoa_allocate(&plan->allocator, capacity, sizeof *grown, error, &grown));
        if (plan->step_count)
            memcpy(grown, plan->steps, plan->step_count * sizeof *grown);
        stoa_release(&plan->allocator, plan->steps);
        plan->steps = grown;
        plan->step_capacity = capacity;
    }
    for (size_t i = 0; i < step->call.input_count; i++)
        if (step->input_storage[i] != PLAN_NONE)
            plan->storages[step->input_storage[i]].last = plan->step_count;
    plan->steps[plan->step_count++] = *step;
    return STOA_OK;
}

static enum stoa_status push_copy(struct plan *plan, const char *name, const struct plan_tensor *from,
                                  const struct plan_tensor *to, struct stoa_error *error)
{
    struct plan_step step;
    STOA_TRY(make_call(plan, &layout_op, NULL, 1, 1, error, &step));
    step.node = name;
    step.call.inputs[0] = from->tensor;
    step.call.outputs[0] = to->tensor;
    step.input_storage[0] = from->storage;
    step.output_storage[0] = to->storage;
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
    if (value->other.storage == PLAN_NONE || !lies(&value->other.tensor, arrangement)) {
        struct plan_tensor made = value->main;
        arrange(&made.tensor, arrangement);
        size_t bytes = stoa_tensor_bytes(&made.tensor);
        if (plan->storages[value->main.storage].kind == STORAGE_CONSTANT) {
            STOA_TRY(stoa_arena_allocate(&plan->arena, 1, bytes, error, &made.tensor.data));
            stoa_nd_copy(&value->main.tensor, &made.tensor, NULL);
            STOA_TRY(stoa_plan_add_storage(plan, STORAGE_CONSTANT, bytes, 0, error, &made.storage));
        } else {
            STOA_TRY(stoa_plan_add_storage(plan, STORAGE_ARENA, bytes, 0, error, &made.storage));
            STOA_TRY(push_copy(plan, plan->model->graph.values[v].name, &value->main, &made, error));
        }
        value->other = made;
    }
    *out = value->other;
    return STOA_OK;
}

/* Outputs of an operator that reads and writes any strides follow the images it reads: channels-last if one of them
 * lies so and not plain; also if all lie both ways. Where no image comes in, plain. */
static enum arrangement follow(const struct op_call *call)
{
    bool both = false, plain = false;
    for (size_t i = 0; i < call->input_count; i++) {
        const struct stoa_tensor *input = &call->inputs[i];
        if (input->dtype == STOA_NONE || input->data || input->rank != 4)
            continue;
        if (!stoa_tensor_is_channels_last(input))
            plain = true;
        else if (stoa_tensor_is_plain(input))
            both = true;
        else
            return CHANNELS_LAST;
    }
    return both && !plain ? CHANNELS_LAST : PLAIN;
}

/* What is made of the graph's values. */
struct uses {
    bool *wanted;    /* for each value: whether anything asks for it */
    size_t *first;   /* of value v: the nodes readers[first[v]] ... readers[first[v + 1] - 1] */
    size_t *readers; /* nodes that are planned, once for each input */
};

static bool renames_only(const struct graph_node *node)
{
    return strcmp(node->type, "Identity") == 0 || strcmp(node->type, "Dropout") == 0;
}

/* Whether node reads value v only as the left side of a matrix product whose right side is known. */
static bool multiplies(const struct plan *plan, const struct graph_node *node, size_t v)
{
    if ((strcmp(node->type, "Gemm") != 0 && strcmp(node->type, "MatMul") != 0) || node->inputs[0] != v)
        return false;
    struct attribute_reader reader =
        stoa_reader(&node->attributes, node->opset, node->input_count, node->output_count, NULL);
    if (stoa_read_int(&reader, "transA", 0, 0, 1) != 0)
        return false;
    for (size_t i = 1; i < node->input_count; i++)
        if (node->inputs[i] == v)
            return false;
    size_t weights = node->inputs[1];
    return plan->values[weights].known && plan->values[weights].main.tensor.data &&
           plan->values[weights].main.tensor.rank == 2;
}

/* Whether everything that reads value v, through a few renamings, is such a product. */
static bool only_multiplied(const struct plan *plan, const struct uses *uses, size_t v)
{
    const struct graph *graph = &plan->model->graph;
    for (size_t hops = 0; hops < 4; hops++) {
        bool multiplied = false;
        size_t renamed = GRAPH_NONE;
        if (graph->values[v].is_output)
            return false;
        for (size_t r = uses->first[v]; r < uses->first[v + 1]; r++) {
            const struct graph_node *node = &graph->nodes[uses->readers[r]];
            if (multiplies(plan, node, v))
                multiplied = true;
            else if (renames_only(node) && node->inputs[0] == v && node->output_count == 1 && renamed == GRAPH_NONE)
                renamed = node->outputs[0];
            else
                return false;
        }
        if (renamed == GRAPH_NONE)
            return multiplied;
        if (multiplied)
            return false;
        v = renamed;
    }
    return false;
}

/* The channels of a flattened image that may stay channels-last, or 0. */
static size_t absorbed_channels(const struct plan *plan, const struct uses *uses, const struct graph_node *node,
                                const struct op_call *call)
{
    const struct stoa_tensor *image = &call->inputs[0], *matrix = &call->outputs[0];
    if ((strcmp(node->type, "Flatten") != 0 && strcmp(node->type, "Reshape") != 0) || image->rank != 4 ||
        image->dtype != STOA_FLOAT || matrix->rank != 2 || matrix->dims[0] != image->dims[0] ||
        stoa_tensor_is_plain(image) || !stoa_tensor_is_channels_last(image) ||
        !only_multiplied(plan, uses, node->outputs[0]))
        return 0;
    return image->dims[1];
}

/* Output 0 of a renaming operator over the memory of its input. */
static enum stoa_status make_view(struct plan *plan, const struct uses *uses, const struct graph_node *node,
                                  struct plan_step *step, struct stoa_error *error)
{
    struct op_call *call = &step->call;
    struct plan_value *output = &plan->values[node->outputs[0]];
    output->column_channels = plan->values[node->inputs[0]].column_channels;
    if (!output->column_channels)
        output->column_channels = absorbed_channels(plan, uses, node, call);
    if (output->column_channels)
        stoa_tensor_set_plain(&call->outputs[0]);
    else if (!call->op->view(call)) {
        struct plan_tensor plain;
        STOA_TRY(take(plan, node->inputs[0], PLAIN, error, &plain));
        call->inputs[0] = plain.tensor;
        step->input_storage[0] = plain.storage;
        call->op->view(call);
    }
    call->outputs[0].data = call->inputs[0].data; /* of a constant */
    step->output_storage[0] = step->input_storage[0];
    return STOA_OK;
}

static enum stoa_status make_step(struct plan *plan, const struct uses *uses, const struct graph_node *node,
                                  struct plan_step *step, struct stoa_error *error)
{
    struct op_call *call = &step->call;
    enum op_layout layout = call->op->layout;
    for (size_t i = 0; i < call->input_count; i++) {
        if (call->inputs[i].dtype == STOA_NONE)
            continue;
        enum arrangement wanted = layout == OP_PLAIN                     ? PLAIN
                                  : layout == OP_CHANNELS_LAST && i == 0 ? CHANNELS_LAST
                                  : layout == OP_CHANNELS_LAST           ? PLAIN
                                                                         : AS_IT_IS;
        struct plan_tensor taken;
        STOA_TRY(take(plan, node->inputs[i], wanted, error, &taken));
        call->inputs[i] = taken.tensor;
        step->input_storage[i] = taken.storage;
        if (taken.tensor.data)
            step->parameter_count += stoa_tensor_elements(&taken.tensor);
        if (plan->values[node->inputs[i]].column_channels && layout != OP_VIEW)
            call->column_channels = plan->values[node->inputs[i]].column_channels;
    }
    enum arrangement arrangement = layout == OP_CHANNELS_LAST ? CHANNELS_LAST : layout == OP_ANY ? follow(call) : PLAIN;
    for (size_t i = 0; i < call->output_count; i++)
        if (call->outputs[i].dtype != STOA_NONE)
            arrange(&call->outputs[i], arrangement);
    if (layout == OP_VIEW)
        STOA_TRY(make_view(plan, uses, node, step, error));

    bool writes = false;
    for (size_t i = 0; i < call->output_count; i++) {
        if (call->outputs[i].dtype == STOA_NONE || step->output_storage[i] != PLAN_NONE)
            continue;
        STOA_TRY(stoa_plan_add_storage(plan, STORAGE_ARENA, stoa_tensor_bytes(&call->outputs[i]), 0, error,
                                       &step->output_storage[i]));
        writes = true;
    }
    return writes ? push_step(plan, step, error) : STOA_OK;
}

static bool folds(const struct op_call *call)
{
    for (size_t i = 0; i < call->input_count && !call->op->dims_only; i++)
        if (call->inputs[i].dtype != STOA_NONE && !call->inputs[i].data)
            return false;
    return true;
}

static enum stoa_status plan_node(struct plan *plan, const struct uses *uses, const struct graph_node *node,
                                  struct stoa_error *error)
{
    struct plan_step step;
    STOA_TRY(make_call(plan, node->op, node->params, node->input_count, node->output_count, error, &step));
    step.node = node->name;
    struct op_call *call = &step.call;
    for (size_t i = 0; i < call->input_count; i++) {
        if (node->inputs[i] == GRAPH_NONE)
            continue;
        if (i >= CHAR_BIT || !(node->op->loose_inputs >> i & 1))
            STOA_TRY(stoa_plan_settle(plan, node->inputs[i], error));
        call->inputs[i] = plan->values[node->inputs[i]].main.tensor;
    }
    for (size_t i = 0; i < call->output_count; i++)
        if (node->outputs[i] != GRAPH_NONE && (i < node->op->min_outputs || uses->wanted[node->outputs[i]]))
            call->outputs[i].dtype = STOA_FLOAT; /* present; infer says the type */
    STOA_TRY(node->op->infer(call, error));
    for (size_t i = 0; i < call->output_count; i++)
        STOA_TRY(stoa_tensor_measure(&call->outputs[i], error, NULL, NULL));

    bool folded = folds(call);
    if (folded)
        STOA_TRY(stoa_plan_fold(plan, call, error));
    else
        STOA_TRY(make_step(plan, uses, node, &step, error));
    for (size_t i = 0; i < call->output_count; i++) {
        if (call->outputs[i].dtype == STOA_NONE)
            continue;
        struct plan_value *value = &plan->values[node->outputs[i]];
        if (folded)
            STOA_TRY(stoa_plan_add_storage(plan, STORAGE_CONSTANT, stoa_tensor_bytes(&call->outputs[i]), 0, error,
                                           &step.output_storage[i]));
        value->main = (struct plan_tensor){.tensor = call->outputs[i], .storage = step.output_storage[i]};
        value->other.storage = PLAN_NONE;
        value->known = true;
    }
    return STOA_OK;
}

/* Each output of the graph lies plain in a buffer of its own: written there at once where its value is computed so,
 * copied there at the end where it is not. */
static enum stoa_status plan_outputs(struct plan *plan, struct stoa_error *error)
{
    const struct graph *graph = &plan->model->graph;
    for (size_t o = 0; o < graph->output_count; o++) {
        struct plan_value *value = &plan->values[graph->outputs[o]];
        STOA_TRY(stoa_plan_settle(plan, graph->outputs[o], error));
        /* A plain copy that some step has asked for serves as well. */
        bool copied =
            !lies(&value->main.tensor, PLAIN) && value->other.storage != PLAN_NONE && lies(&value->other.tensor, PLAIN);
        struct plan_tensor *plain = copied ? &value->other : &value->main, *output = &plan->outputs[o];
        struct plan_storage *storage = &plan->storages[plain->storage];
        if (storage->kind == STORAGE_ARENA && lies(&plain->tensor, PLAIN) &&
            storage->bytes == stoa_tensor_bytes(&plain->tensor)) {
            storage->kind = STORAGE_OUTPUT;
            storage->place = o;
            *output = *plain;
            stoa_tensor_set_plain(&output->tensor);
            continue;
        }
        output->tensor = plain->tensor;
        output->tensor.data = NULL;
        stoa_tensor_set_plain(&output->tensor);
        STOA_TRY(stoa_plan_add_storage(plan, STORAGE_OUTPUT, stoa_tensor_bytes(&output->tensor), o, error,
                                       &output->storage));
        STOA_TRY(push_copy(plan, graph->values[graph->outputs[o]].name, plain, output, error));
    }
    return STOA_OK;
}

static bool is_needed(const struct uses *uses, const struct graph_node *node)
{
    for (size_t i = 0; i < node->output_count; i++)
        if (node->outputs[i] != GRAPH_NONE && uses->wanted[node->outputs[i]])
            return true;
    return false;
}

static void find_wanted(const struct graph *graph, struct uses *uses)
{
    for (size_t o = 0; o < graph->output_count; o++)
        uses->wanted[graph->outputs[o]] = true;
    /* Backwards, so that a node is judged after all that read it. */
    for (size_t n = graph->node_count; n-- > 0;) {
        const struct graph_node *node = &graph->nodes[n];
        bool needed = is_needed(uses, node);
        for (size_t i = 0; needed && i < node->input_count; i++)
            if (node->inputs[i] != GRAPH_NONE)
                uses->wanted[node->inputs[i]] = true;
    }
}

/* Sorts the readers by value, by counting: with readers null only counts, first[v + 1] of value v. */
static void find_readers(const struct graph *graph, struct uses *uses)
{
    for (size_t n = 0; n < graph->node_count; n++) {
        const struct graph_node *node = &graph->nodes[n];
        bool needed = is_needed(uses, node);
        for (size_t i = 0; needed && i < node->input_count; i++) {
            if (node->inputs[i] == GRAPH_NONE)
                continue;
            size_t *place = &uses->first[node->inputs[i] + 1];
            if (uses->readers)
                uses->readers[*place] = n;
            ++*place;
        }
    }
}

static enum stoa_status find_uses(const struct plan *plan, struct stoa_error *error, struct uses *uses)
{
    const struct graph *graph = &plan->model->graph;
    size_t values = graph->value_count;
    STOA_TRY(stoa_allocate(&plan->allocator, values, sizeof *uses->wanted, error, &uses->wanted));
    STOA_TRY(stoa_allocate(&plan->allocator, values + 1, sizeof *uses->first, error, &uses->first));
    find_wanted(graph, uses);
    find_readers(graph, uses);
    /* From counts to places: first[v + 1] becomes where v's readers begin; filling moves it to where they end. */
    size_t count = 0;
    for (size_t v = 0; v < values; v++) {
        size_t own = uses->first[v + 1];
        uses->first[v + 1] = count;
        count += own;
    }
    STOA_TRY(stoa_allocate(&plan->allocator, count, sizeof *uses->readers, error, &uses->readers));
    find_readers(graph, uses);
    return STOA_OK;
}

static enum stoa_status plan_nodes(struct plan *plan, const struct uses *uses, struct stoa_error *error)
{
    const struct graph *graph = &plan->model->graph;
    for (size_t n = 0; n < graph->node_count; n++) {
        const struct graph_node *node = &graph->nodes[n];
        if (!is_needed(uses, node))
            continue;
        enum stoa_status status = plan_node(plan, uses, node, error);
        if (status != STOA_OK) {
            stoa_error_prefix(error, "node '%s' (%s): ", node->name, node->type);
            return status;
        }
    }
    return STOA_OK;
}

enum stoa_status stoa_plan_steps(struct plan *plan, struct stoa_error *error)
{
    struct uses uses = {0};
    enum stoa_status status = find_uses(plan, error, &uses);
    if (status == STOA_OK)
        status = plan_nodes(plan, &uses, error);
    stoa_release(&plan->allocator, uses.wanted);
    stoa_release(&plan->allocator, uses.first);
    stoa_release(&plan->allocator, uses.readers);
    if (status == STOA_OK)
        status = plan_outputs(plan, error);
    return status;
}
