/* The receptive field, found going backwards through the graph: each node widens the box of its output to the box of
 * its inputs that it reads for it; where a value has several readers, the boxes are joined. */
#include "show/receptive.h"

#include <string.h>

#include "base/memory.h"
#include "base/status.h"
#include "show/sliding.h"

/* Of a value's height and width; no pixel at all unless present. */
struct box {
    bool present;
    struct receptive_field field;
};

struct fields {
    const struct plan *plan;
    const struct graph *graph;
    struct box *boxes; /* of each value */
};

static const struct stoa_tensor *shape_of(const struct fields *fields, size_t value)
{
    return &fields->plan->values[value].main.tensor;
}

/* Values inside a step that does the work of several nodes are not known any more, but their dims are still there. */
static bool has_shape(const struct plan_value *value)
{
    return value->known || value->fused;
}

static void join(struct box *box, const struct receptive_field *field)
{
    for (size_t a = 0; a < 2; a++) {
        if (!box->present || field->first[a] < box->field.first[a])
            box->field.first[a] = field->first[a];
        if (!box->present || field->last[a] > box->field.last[a])
            box->field.last[a] = field->last[a];
    }
    box->present = true;
}

static struct receptive_field whole(const struct stoa_tensor *shape)
{
    struct receptive_field field = {0};
    for (size_t a = 0; shape->rank == 4 && a < 2; a++)
        field.last[a] = (int64_t)shape->dims[2 + a] - 1;
    return field;
}

static bool slides(const struct graph_node *node)
{
    return strcmp(node->type, "Conv") == 0 || strcmp(node->type, "MaxPool") == 0 ||
           strcmp(node->type, "AveragePool") == 0;
}

/* y[o] <- x[o * stride - pad + tap * dilation]. */
static void through_window(const struct sliding *window, struct receptive_field *field)
{
    for (size_t a = 0; a < 2; a++) {
        field->first[a] = field->first[a] * window->stride[a] - window->pad[a];
        field->last[a] =
            field->last[a] * window->stride[a] - window->pad[a] + (window->kernel[a] - 1) * window->dilation[a];
    }
}

static int64_t floor_divide(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}

/* y[i * stride - pad + tap * dilation] <- x[i]. */
static void through_transposed(const struct sliding *window, struct receptive_field *field)
{
    for (size_t a = 0; a < 2; a++) {
        int64_t stride = window->stride[a], reach = (window->kernel[a] - 1) * window->dilation[a];
        field->first[a] = floor_divide(field->first[a] + window->pad[a] - reach + stride - 1, stride);
        field->last[a] = floor_divide(field->last[a] + window->pad[a], stride);
    }
}

/* Pixels of y by their share of the image, and what interpolation takes beside these. */
static void through_resize(const struct stoa_tensor *x, const struct stoa_tensor *y, struct receptive_field *field)
{
    for (size_t a = 0; a < 2; a++) {
        int64_t in = (int64_t)x->dims[2 + a], out = (int64_t)y->dims[2 + a], beside = in == out ? 0 : 1;
        field->first[a] = floor_divide(field->first[a] * in, out) - beside;
        field->last[a] = floor_divide((field->last[a] + 1) * in - 1, out) + beside;
    }
}

/* Whether only the channels change their place, from last to first of an image or back: height and width are then those
 * of the images, wherever they are among the dims. */
static bool turns_channels(const struct graph_node *node)
{
    static const int64_t first[4] = {0, 3, 1, 2}, last[4] = {0, 2, 3, 1};
    if (strcmp(node->type, "Transpose") != 0)
        return false;
    for (size_t i = 0; i < node->attributes.count; i++) {
        const struct attribute *perm = &node->attributes.items[i];
        if (strcmp(perm->name, "perm") == 0 && perm->count == 4)
            return memcmp(perm->integers, first, sizeof first) == 0 || memcmp(perm->integers, last, sizeof last) == 0;
    }
    return false;
}

/* Each element of the output from the elements at its height and width. */
static bool stays_in_place(const struct graph_node *node)
{
    static const char *const types[] = {
        "BatchNormalization", "Cast",  "Concat", "Dropout", "Identity", "LRN", "Max", "Mean", "Min",
        "Softplus",           "Split", "Sum"};
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (strcmp(node->type, types[i]) == 0)
            return true;
    return node->op->elementwise;
}

#define MOST_INPUTS 4 /* that decide what an output sees: Pad's */

/* The call's tensors as ops look at them, of inputs as many. */
static struct op_call call_of(const struct fields *fields, const struct graph_node *node, struct stoa_tensor *inputs,
                              struct stoa_tensor *output)
{
    size_t count = node->input_count < MOST_INPUTS ? node->input_count : MOST_INPUTS;
    for (size_t i = 0; i < count; i++)
        inputs[i] = node->inputs[i] == GRAPH_NONE ? (struct stoa_tensor){0} : *shape_of(fields, node->inputs[i]);
    *output = *shape_of(fields, node->outputs[0]);
    return (struct op_call){.op = node->op,
                            .params = node->params,
                            .input_count = count,
                            .output_count = 1,
                            .inputs = inputs,
                            .outputs = output};
}

/* Turns the field of the node's output into that of its input i; false: the input does not count. */
static bool through(const struct fields *fields, const struct graph_node *node, size_t i, const struct stoa_tensor *y,
                    struct receptive_field *field)
{
    const struct stoa_tensor *x = shape_of(fields, node->inputs[i]);
    struct stoa_tensor inputs[MOST_INPUTS], output;
    size_t pad[4];
    struct op_call call = call_of(fields, node, inputs, &output);
    bool images = x->rank == 4 && y->rank == 4, transposed = strcmp(node->type, "ConvTranspose") == 0;
    if (!images) {
        *field = whole(x);
    } else if (turns_channels(node)) {
        return true;
    } else if (slides(node) || transposed) {
        if (i > 0)
            return false;
        struct sliding window = stoa_sliding_read(node, transposed, x, y, &inputs[call.input_count > 1].dims[2]);
        if (transposed)
            through_transposed(&window, field);
        else
            through_window(&window, field);
    } else if (strcmp(node->type, "Resize") == 0 || strcmp(node->type, "Upsample") == 0) {
        through_resize(x, y, field);
    } else if (node->op->fusion && node->op->fusion->pads && node->op->fusion->pads(&call, pad)) {
        for (size_t a = 0; a < 2; a++) {
            field->first[a] -= (int64_t)pad[a];
            field->last[a] -= (int64_t)pad[a];
        }
    } else if (stays_in_place(node) && x->dims[2] == y->dims[2] && x->dims[3] == y->dims[3]) {
        return true;
    } else if (stays_in_place(node) && x->dims[2] * x->dims[3] == 1) {
        return false;
    } else {
        *field = whole(x);
    }
    return true;
}

static void go_back(struct fields *fields)
{
    for (size_t n = fields->graph->node_count; n-- > 0;) {
        const struct graph_node *node = &fields->graph->nodes[n];
        for (size_t o = 0; o < node->output_count; o++) {
            size_t made = node->outputs[o];
            if (made == GRAPH_NONE || !fields->boxes[made].present)
                continue;
            for (size_t i = 0; i < node->input_count; i++) {
                size_t read = node->inputs[i];
                if (read == GRAPH_NONE || !has_shape(&fields->plan->values[read]) ||
                    fields->graph->values[read].constant)
                    continue;
                struct receptive_field field = fields->boxes[made].field;
                if (through(fields, node, i, shape_of(fields, made), &field))
                    join(&fields->boxes[read], &field);
            }
        }
    }
}

enum stoa_status stoa_receptive_field(const struct plan *plan, size_t value, size_t row, size_t column, size_t input,
                                      struct stoa_error *error, bool *found, struct receptive_field *field)
{
    struct fields fields = {.plan = plan, .graph = &plan->model->graph};
    STOA_TRY(stoa_allocate(&plan->allocator, fields.graph->value_count, sizeof *fields.boxes, error, &fields.boxes));
    fields.boxes[value] = (struct box){true, {{(int64_t)row, (int64_t)column}, {(int64_t)row, (int64_t)column}}};
    go_back(&fields);
    *found = fields.boxes[input].present;
    *field = fields.boxes[input].field;
    stoa_release(&plan->allocator, fields.boxes);
    return STOA_OK;
}
