/* Runs a model with every value kept, then hands each step's very inputs to the naive twin and compares the outputs
 * within the twin's own bound. Since each layer is judged on the inputs it really had, an error shows where it is made,
 * and roundings of earlier layers do not add up. Layers that planning folded away are judged as well; nodes that are
 * one step are judged as one, the twin running each of them and carrying the bound along: what is checked is what
 * runs. A session that keeps nothing shares memory among values and makes one step of more nodes: such a one then runs
 * as well, and its outputs must be the same to the bit. */
#include <stoa/verify.h>

#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "base/reserved.h"
#include "base/status.h"
#include "base/tensor.h"
#include "reference/reference.h"
#include "run/random_inputs.h"
#include "run/session.h"

/* Half the distance from 1 to the next float: what slack is counted in. */
#define UNIT 0x1p-24

struct verification {
    const struct stoa_model *model;
    struct stoa_session *session;
    const struct stoa_verify_options *options;
    struct stoa_allocator allocator;
    void **random;
    size_t layers, failed;
    struct stoa_layer_check first; /* that failed */
    double first_bound;
};

/* values[elements] <- the tensor in row-major order of its dims, whatever its strides. */
static void read_values(const struct plan_value *value, double *values)
{
    const struct stoa_tensor *tensor = &value->main.tensor;
    size_t elements = stoa_tensor_elements(tensor), index[STOA_MAX_RANK] = {0}, channels = value->column_channels;
    size_t pixels = channels ? tensor->dims[1] / channels : 0;
    for (size_t i = 0; i < elements; i++) {
        size_t offset = 0;
        for (size_t d = 0; d < tensor->rank; d++)
            offset += index[d] * tensor->strides[d];
        if (channels) /* [N][C*pixels] that lies as [N][pixels][C] */
            offset = index[0] * tensor->strides[0] + index[1] % pixels * channels + index[1] / pixels;
        values[i] = stoa_tensor_load(tensor, offset);
        for (size_t d = tensor->rank; d-- > 0 && ++index[d] == tensor->dims[d];)
            index[d] = 0;
    }
}

static enum stoa_status read_tensor(const struct verification *verification, size_t v, struct stoa_error *error,
                                    struct reference_tensor *out)
{
    const struct plan_value *value = &verification->session->plan->values[v];
    const struct stoa_tensor *tensor = &value->main.tensor;
    *out = (struct reference_tensor){.dtype = tensor->dtype, .rank = tensor->rank};
    memcpy(out->dims, tensor->dims, sizeof tensor->dims);
    if (!tensor->data) /* only its dims are of interest (Shape) */
        return stoa_allocate(&verification->allocator, stoa_tensor_elements(tensor), sizeof(double), error,
                             &out->values);
    STOA_TRY(
        stoa_allocate_raw(&verification->allocator, stoa_tensor_elements(tensor), sizeof(double), error, &out->values));
    read_values(value, out->values);
    return STOA_OK;
}

static int same(double a, double b)
{
    return a == b || (isnan(a) && isnan(b));
}

/* Fills the check's figures; *bound is that of the worst element. */
static void compare(const double *engine, const struct reference_tensor *twin, size_t elements,
                    struct stoa_layer_check *check, double *bound)
{
    check->passed = 1;
    check->worst_share = 0;
    for (size_t i = 0; i < elements; i++) {
        double exact = twin->values[i], allowed = twin->slack[i] * UNIT;
        double rounded = twin->dtype == STOA_FLOAT ? (double)(float)exact : exact;
        if (same(engine[i], exact) || same(engine[i], rounded))
            continue;
        double difference = fabs(engine[i] - exact), share = allowed > 0 ? difference / allowed : INFINITY;
        if (!(share <= 1)) { /* also when one of the two is NaN */
            check->passed = 0;
            share = isnan(share) ? INFINITY : share;
        }
        if (difference > check->worst_difference || isnan(difference))
            check->worst_difference = difference;
        if (share > check->worst_share) {
            check->worst_share = share;
            check->worst_index = i;
            check->engine = engine[i];
            check->twin = exact;
            *bound = allowed;
        }
    }
}

/* Judges value v, which the step of that leader has made. */
static enum stoa_status check_output(struct verification *verification, size_t leader, size_t v,
                                     const struct reference_tensor *twin, struct stoa_error *error)
{
    const struct graph_value *value = &verification->session->plan->model->graph.values[v];
    const struct plan_value *planned = &verification->session->plan->values[v];
    struct stoa_layer_check check = {.node = verification->session->plan->model->graph.nodes[leader].name,
                                     .type = verification->session->plan->nodes[leader].type,
                                     .value = value->name,
                                     .output = planned->main.tensor};
    double bound = 0;
    int same_type = twin->dtype == check.output.dtype && twin->rank == check.output.rank;
    for (size_t d = 0; same_type && d < twin->rank; d++)
        same_type = twin->dims[d] == check.output.dims[d];
    if (!same_type) {
        char ours[STOA_DIMS_TEXT], its[STOA_DIMS_TEXT];
        return stoa_fail(error, STOA_ERROR_MISMATCH, "node '%s' (%s): value '%s' is %s%s, the twin says %s%s",
                         check.node, check.type, value->name, stoa_dtype_name(check.output.dtype),
                         stoa_dims_text(check.output.rank, check.output.dims, ours), stoa_dtype_name(twin->dtype),
                         stoa_dims_text(twin->rank, twin->dims, its));
    }
    size_t elements = stoa_tensor_elements(&check.output);
    double *engine;
    STOA_TRY(stoa_allocate_raw(&verification->allocator, elements, sizeof *engine, error, &engine));
    read_values(planned, engine);
    compare(engine, twin, elements, &check, &bound);
    stoa_release(&verification->allocator, engine);

    verification->layers++;
    if (!check.passed && verification->failed++ == 0) {
        verification->first = check;
        verification->first_bound = bound;
    }
    if (verification->options->layer)
        verification->options->layer(verification->options->user, &check);
    return STOA_OK;
}

/* Tells the twin of rounding errors that the node's way of computing has beyond its definition. */
static void set_mixing(const struct plan *plan, const struct graph_node *node, struct reference_call *twin)
{
    const struct op_report *report = stoa_op_report(node->op);
    for (size_t s = 0; report->error && s < plan->step_count; s++) {
        const struct op_call *call = &plan->steps[s].call;
        if (call->op == node->op && call->params == node->params)
            twin->mixing = report->error(call, twin->reach);
    }
}

/* What the twin has made of the nodes of one step so far; what lies between them exists nowhere else. */
struct twins {
    size_t count;
    struct twin {
        size_t value;
        struct reference_tensor tensor;
    } * made;
};

static const struct reference_tensor *find_twin(const struct twins *twins, size_t v)
{
    for (size_t i = 0; i < twins->count; i++)
        if (twins->made[i].value == v)
            return &twins->made[i].tensor;
    return NULL;
}

/* A shift that went into the bias takes part in the sum of products, so that each of its roundings may be of the
 * shift's size; the definition adds it at the end. Here in front of the scale, by which the chain multiplies later. */
static void add_shift_slack(const struct op_call *call, struct reference_tensor *y)
{
    size_t channels = y->dims[1], pixels = 1, terms = stoa_tensor_elements(&call->inputs[1]) / channels;
    for (size_t d = 2; d < y->rank; d++)
        pixels *= y->dims[d];
    for (size_t i = 0; i < y->dims[0] * channels * pixels; i++) {
        size_t channel = i / pixels % channels;
        double scale = fabs(call->epilogue.scale[channel]);
        if (scale > 0)
            y->slack[i] += (double)(terms + 2) * fabs(call->epilogue.shift[channel]) / scale;
    }
}

/* Runs the twin of a node; weights that were scaled have been rounded once, which any slack says. */
static enum stoa_status run_twin(const struct verification *verification, const struct graph_node *node,
                                 bool scaled_weights, const struct twins *twins, struct reference_tensor *inputs,
                                 struct reference_tensor *outputs, struct stoa_error *error)
{
    for (size_t i = 0; i < node->input_count; i++) {
        const struct reference_tensor *twin = find_twin(twins, node->inputs[i]);
        if (twin)
            inputs[i] = *twin;
        else if (node->inputs[i] != GRAPH_NONE)
            STOA_TRY(read_tensor(verification, node->inputs[i], error, &inputs[i]));
    }
    if (scaled_weights)
        STOA_TRY(stoa_allocate(&verification->allocator, 1, sizeof(double), error, &inputs[1].slack));
    struct reference_call call = {.type = node->type,
                                  .attributes = &node->attributes,
                                  .opset = node->opset,
                                  .input_count = node->input_count,
                                  .output_count = node->output_count,
                                  .inputs = inputs,
                                  .outputs = outputs};
    set_mixing(verification->session->plan, node, &call);
    enum stoa_status status = stoa_reference_run(&call, &verification->allocator, error);
    if (status != STOA_OK)
        stoa_error_prefix(error, "the naive twin, node '%s' (%s): ", node->name, node->type);
    return status;
}

/* The same, its outputs added to what has been made. */
static enum stoa_status add_twins(const struct verification *verification, size_t n, struct twins *twins,
                                  struct stoa_error *error)
{
    const struct stoa_allocator *allocator = &verification->allocator;
    const struct graph_node *node = &verification->session->plan->model->graph.nodes[n];
    const struct plan_node *planned = &verification->session->plan->nodes[n];
    struct reference_tensor *inputs = NULL, *outputs = NULL;
    enum stoa_status status = stoa_allocate(allocator, node->input_count, sizeof *inputs, error, &inputs);
    if (status == STOA_OK)
        status = stoa_allocate(allocator, node->output_count, sizeof *outputs, error, &outputs);
    for (size_t i = 0; status == STOA_OK && i < node->output_count; i++)
        if (planned->call.outputs[i].dtype != STOA_NONE)
            outputs[i].dtype = STOA_FLOAT; /* wanted; the twin says the type */
    if (status == STOA_OK)
        status = run_twin(verification, node, planned->call.epilogue.scale != NULL, twins, inputs, outputs, error);
    if (status == STOA_OK && planned->call.epilogue.scale)
        add_shift_slack(&planned->call, &outputs[0]);
    for (size_t i = 0; inputs && i < node->input_count; i++)
        if (!find_twin(twins, node->inputs[i]))
            stoa_reference_free(allocator, &inputs[i]);
    for (size_t i = 0; outputs && i < node->output_count; i++)
        if (status == STOA_OK && outputs[i].dtype != STOA_NONE)
            twins->made[twins->count++] = (struct twin){node->outputs[i], outputs[i]};
        else
            stoa_reference_free(allocator, &outputs[i]);
    stoa_release(allocator, inputs);
    stoa_release(allocator, outputs);
    return status;
}

/* Judges what the step of a leader and its chain has made, or what a node was folded into. */
static enum stoa_status check_step(struct verification *verification, size_t leader, struct stoa_error *error)
{
    const struct plan *plan = verification->session->plan;
    struct twins twins = {0};
    size_t most = 0;
    for (size_t n = plan->nodes[leader].first; n != PLAN_NONE; n = plan->nodes[n].next)
        most += plan->nodes[n].call.output_count;
    STOA_TRY(stoa_allocate(&verification->allocator, most, sizeof *twins.made, error, &twins.made));
    enum stoa_status status = STOA_OK;
    for (size_t n = plan->nodes[leader].first; status == STOA_OK && n != PLAN_NONE; n = plan->nodes[n].next)
        status = add_twins(verification, n, &twins, error);
    /* What lies between the nodes of a chain is nowhere; a leader may have more outputs than the one the chain goes on
     * from. */
    for (size_t i = 0; status == STOA_OK && i < twins.count; i++)
        if (plan->values[twins.made[i].value].known)
            status = check_output(verification, leader, twins.made[i].value, &twins.made[i].tensor, error);
    for (size_t i = 0; i < twins.count; i++)
        stoa_reference_free(&verification->allocator, &twins.made[i].tensor);
    stoa_release(&verification->allocator, twins.made);
    return status;
}

/* To the bit, but that any NaN is another's like. */
static int same_bits(double a, double b)
{
    return same(a, b) && (isnan(a) || !signbit(a) == !signbit(b));
}

/* `second`, graph output o, is `first`; `of_first` says in a message where that is from. */
static enum stoa_status check_same(const struct graph *graph, size_t o, const struct stoa_tensor *first,
                                   const struct stoa_tensor *second, const char *of_first, struct stoa_error *error)
{
    size_t elements = stoa_tensor_elements(second);
    for (size_t i = 0; i < elements; i++) {
        double one = stoa_tensor_load(first, stoa_tensor_offset(first, i));
        double other = stoa_tensor_load(second, stoa_tensor_offset(second, i));
        if (!same_bits(one, other))
            return stoa_fail(error, STOA_ERROR_MISMATCH, "output '%s': element %zu is %.9g, but %.9g %s",
                             graph->values[graph->outputs[o]].name, i, other, one, of_first);
    }
    return STOA_OK;
}

/* What callers see of an output is the value the layers were judged by. */
static enum stoa_status check_copies(const struct verification *verification, struct stoa_error *error)
{
    const struct plan *plan = verification->session->plan;
    const struct graph *graph = &plan->model->graph;
    for (size_t o = 0; o < graph->output_count; o++)
        STOA_TRY(check_same(graph, o, &plan->values[graph->outputs[o]].main.tensor, &plan->outputs[o].tensor,
                            "as it was computed", error));
    return STOA_OK;
}

/* Runs the model; *session and *random are the caller's to free also after a failure. */
static enum stoa_status run(const struct verification *verification, int keep_values, const void *const *inputs,
                            struct stoa_error *error, struct stoa_session **session, void ***random)
{
    struct stoa_session_options options = {0};
    if (verification->options->session)
        options = *verification->options->session;
    options.keep_values = keep_values;
    STOA_TRY(stoa_session_create(verification->model, &options, error, session));
    STOA_TRY(stoa_random_inputs_bind(*session, inputs, verification->options->seed, error, random));
    return stoa_session_run(*session, error);
}

static enum stoa_status compare_outputs(const struct plan *kept, const struct plan *usual, struct stoa_error *error)
{
    const struct graph *graph = &kept->model->graph;
    for (size_t o = 0; o < graph->output_count; o++)
        STOA_TRY(check_same(graph, o, &kept->outputs[o].tensor, &usual->outputs[o].tensor, "where every value is kept",
                            error));
    return STOA_OK;
}

static enum stoa_status check_usual(const struct verification *verification, const void *const *inputs,
                                    struct stoa_error *error)
{
    struct stoa_session *session = NULL;
    void **random = NULL;
    enum stoa_status status = run(verification, 0, inputs, error, &session, &random);
    if (status == STOA_OK)
        status = compare_outputs(verification->session->plan, session->plan, error);
    if (session)
        stoa_random_inputs_free(session, random);
    stoa_session_free(session);
    return status;
}

static enum stoa_status verify(struct verification *verification, const void *const *inputs, struct stoa_error *error)
{
    STOA_TRY(run(verification, 1, inputs, error, &verification->session, &verification->random));

    const struct graph *graph = &verification->session->plan->model->graph;
    const struct plan_node *nodes = verification->session->plan->nodes;
    for (size_t n = 0; n < graph->node_count; n++)
        if (nodes[n].call.op && nodes[nodes[n].leader].last == n) /* needed, and the end of its chain */
            STOA_TRY(check_step(verification, nodes[n].leader, error));
    if (verification->failed) {
        const struct stoa_layer_check *first = &verification->first;
        return stoa_fail(
            error, STOA_ERROR_MISMATCH,
            "node '%s' (%s): element %zu of '%s' is %.9g, the twin says %.9g +- %.3g; %zu of %zu layers diverge, "
            "this one first",
            first->node, first->type, first->worst_index, first->value, first->engine, first->twin,
            verification->first_bound, verification->failed, verification->layers);
    }
    STOA_TRY(check_copies(verification, error));
    return check_usual(verification, inputs, error);
}

enum stoa_status stoa_verify(const struct stoa_model *model, const void *const *inputs,
                             const struct stoa_verify_options *options, struct stoa_error *error)
{
    static const struct stoa_verify_options defaults = {0};
    if (!model)
        return stoa_fail(error, STOA_ERROR_ARGUMENT, "model is null");
    STOA_TRY(STOA_CHECK_RESERVED(options, "options", error));
    struct verification verification = {
        .model = model, .options = options ? options : &defaults, .allocator = model->allocator};
    enum stoa_status status = verify(&verification, inputs, error);
    if (verification.session)
        stoa_random_inputs_free(verification.session, verification.random);
    stoa_session_free(verification.session);
    return status;
}
