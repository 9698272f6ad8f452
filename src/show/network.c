/* A network as dot. Nodes come from the plan's nodes, since steps do not say who reads what; what a step says of itself
 * is written where the node has one. Conversions between layouts, which are steps without a node, stand between those
 * whose memory they read and write. */
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stoa/show.h>
#include <string.h>

#include "base/status.h"
#include "base/tensor.h"
#include "run/session.h"
#include "show/array.h"
#include "show/text.h"

#define LONGEST_NAME 40

struct layout {
    const struct stoa_session *session;
    const struct plan *plan;
    const struct graph *graph;
    const double *seconds;
    double total; /* of seconds, or of multiply-adds */
    struct text *dot;
};

/* The length of the UTF-8 character at text, or 0 where there is none. */
static size_t character(const unsigned char *text)
{
    size_t length = text[0] < 0x80 ? 1 : text[0] < 0xc2 ? 0 : text[0] < 0xe0 ? 2 : text[0] < 0xf0 ? 3 : 4;
    if (text[0] > 0xf4)
        return 0;
    for (size_t i = 1; i < length; i++)
        if ((text[i] & 0xc0) != 0x80)
            return 0;
    return length;
}

/* Long names keep their end, which is what tells them apart. */
static void write_name(struct text *dot, const char *name)
{
    const unsigned char *at = (const unsigned char *)name;
    size_t length = strlen(name);
    if (length > LONGEST_NAME) {
        at += length - LONGEST_NAME;
        while ((*at & 0xc0) == 0x80)
            at++;
        stoa_text_print(dot, "…");
    }
    while (*at) {
        size_t bytes = character(at);
        if (bytes == 0 || *at < 0x20 || *at == 0x7f)
            stoa_text_print(dot, "?");
        else if (*at == '"' || *at == '\\')
            stoa_text_print(dot, "\\%c", *at);
        else
            stoa_text_print(dot, "%.*s", (int)bytes, (const char *)at);
        at += bytes ? bytes : 1;
    }
}

static void write_dims(struct text *dot, const struct stoa_tensor *tensor)
{
    char dims[STOA_DIMS_TEXT];
    stoa_text_print(dot, "\\n%s", stoa_dims_text(tensor->rank, tensor->dims, dims));
    if (tensor->dtype != STOA_FLOAT)
        stoa_text_print(dot, " %s", stoa_dtype_name(tensor->dtype));
}

/* From white to orange: one hue, of a lightness that falls evenly. */
static void write_colour(struct text *dot, double share)
{
    double at = sqrt(fmin(fmax(share, 0), 1));
    stoa_text_print(dot, "fillcolor=\"#%02x%02x%02x\"", (unsigned)(255 - 25 * at), (unsigned)(255 - 96 * at),
                    (unsigned)(255 - 255 * at));
}

static const struct plan_step *step_of(const struct layout *layout, size_t n, size_t *index)
{
    for (size_t i = 0; i < layout->plan->step_count; i++)
        if (layout->plan->steps[i].node == layout->graph->nodes[n].name) {
            *index = i;
            return &layout->plan->steps[i];
        }
    return NULL;
}

static bool is_conversion(const struct plan_step *step)
{
    return strcmp(step->type, "Layout") == 0;
}

/* What a step says of itself. */
static enum stoa_status write_step(const struct layout *layout, size_t index, struct stoa_error *error)
{
    struct stoa_step_info info;
    struct text *dot = layout->dot;
    STOA_TRY(stoa_session_step(layout->session, index, error, &info));
    write_dims(dot, info.output);
    if (info.parameter_count)
        stoa_text_print(dot, "\\n%zu parameters", info.parameter_count);
    if (info.macs > 0)
        stoa_text_print(dot, "\\n%.6g million MACs", info.macs / 1e6);
    if (info.how[0])
        stoa_text_print(dot, "\\n%s", info.how);
    if (layout->seconds)
        stoa_text_print(dot, "\\n%.4g ms", 1e3 * layout->seconds[index]);
    stoa_text_print(dot, "\", ");
    double part = layout->seconds ? layout->seconds[index] : info.macs;
    write_colour(dot, layout->total > 0 ? part / layout->total : 0);
    return STOA_OK;
}

static enum stoa_status write_node(const struct layout *layout, size_t n, struct stoa_error *error)
{
    const struct plan_node *node = &layout->plan->nodes[n];
    struct text *dot = layout->dot;
    size_t index;
    stoa_text_print(dot, "  n%zu [label=\"%s\\n", n, node->type);
    write_name(dot, layout->graph->nodes[n].name);
    if (step_of(layout, n, &index)) {
        STOA_TRY(write_step(layout, index, error));
    } else {
        write_dims(dot, &node->call.outputs[0]);
        stoa_text_print(dot, "\", style=dashed");
    }
    stoa_text_print(dot, "];\n");
    return STOA_OK;
}

/* The conversion into this memory; PLAN_NONE: there is none. */
static size_t conversion_into(const struct layout *layout, size_t storage)
{
    for (size_t i = 0; storage != PLAN_NONE && i < layout->plan->step_count; i++) {
        const struct plan_step *step = &layout->plan->steps[i];
        if (is_conversion(step) && step->outputs[0].storage == storage)
            return i;
    }
    return PLAN_NONE;
}

/* Where a value comes from. */
static void write_source(const struct layout *layout, size_t v)
{
    const struct graph_value *value = &layout->graph->values[v];
    if (value->producer == GRAPH_NONE)
        stoa_text_print(layout->dot, "  i%zu", v);
    else
        stoa_text_print(layout->dot, "  n%zu", layout->plan->nodes[value->producer].leader);
}

/* Constants come from nowhere, and not all values are asked for. */
static bool is_computed(const struct layout *layout, size_t v)
{
    if (v == GRAPH_NONE || layout->graph->values[v].constant || !layout->plan->values[v].known)
        return false;
    size_t producer = layout->graph->values[v].producer;
    return producer == GRAPH_NONE ? layout->graph->values[v].is_input : layout->plan->nodes[producer].planned;
}

/* The edge of value v into memory `storage` of who reads it. */
static void write_edge(const struct layout *layout, size_t v, size_t storage)
{
    size_t conversion = conversion_into(layout, storage);
    bool converted =
        conversion != PLAN_NONE && strcmp(layout->plan->steps[conversion].node, layout->graph->values[v].name) == 0;
    if (converted)
        stoa_text_print(layout->dot, "  c%zu", conversion);
    else
        write_source(layout, v);
    stoa_text_print(layout->dot, " -> ");
}

static void write_edges(const struct layout *layout, size_t n)
{
    const struct plan_node *node = &layout->plan->nodes[n];
    size_t index;
    const struct plan_step *step = step_of(layout, n, &index);
    for (size_t i = 0; i < node->call.input_count; i++) {
        if (!is_computed(layout, node->inputs[i]))
            continue;
        size_t made = node->outputs[0];
        size_t storage = step ? step->inputs[i].storage : layout->plan->values[made].main.place.storage;
        write_edge(layout, node->inputs[i], storage);
        stoa_text_print(layout->dot, "n%zu;\n", n);
    }
}

/* The value that a conversion is of. */
static size_t value_of(const struct layout *layout, const struct plan_step *conversion)
{
    for (size_t v = 0; v < layout->graph->value_count; v++)
        if (strcmp(layout->graph->values[v].name, conversion->node) == 0)
            return v;
    return GRAPH_NONE;
}

static enum stoa_status write_conversion(const struct layout *layout, size_t index, struct stoa_error *error)
{
    size_t v = value_of(layout, &layout->plan->steps[index]);
    stoa_text_print(layout->dot, "  c%zu [label=\"Layout", index);
    STOA_TRY(write_step(layout, index, error));
    stoa_text_print(layout->dot, "];\n");
    if (v != GRAPH_NONE && is_computed(layout, v)) {
        write_source(layout, v);
        stoa_text_print(layout->dot, " -> c%zu;\n", index);
    }
    return STOA_OK;
}

static void write_ports(const struct layout *layout)
{
    const struct graph *graph = layout->graph;
    for (size_t i = 0; i < graph->input_count; i++) {
        size_t v = graph->inputs[i];
        if (!is_computed(layout, v))
            continue;
        stoa_text_print(layout->dot, "  i%zu [shape=ellipse, label=\"", v);
        write_name(layout->dot, graph->values[v].name);
        write_dims(layout->dot, &layout->plan->values[v].main.tensor);
        stoa_text_print(layout->dot, "\"];\n");
    }
    for (size_t o = 0; o < graph->output_count; o++) {
        size_t v = graph->outputs[o];
        stoa_text_print(layout->dot, "  o%zu [shape=ellipse, label=\"", o);
        write_name(layout->dot, graph->values[v].name);
        write_dims(layout->dot, &layout->plan->outputs[o].tensor);
        stoa_text_print(layout->dot, "\"];\n");
        if (is_computed(layout, v)) {
            write_edge(layout, v, layout->plan->outputs[o].place.storage);
            stoa_text_print(layout->dot, "o%zu;\n", o);
        }
    }
}

static enum stoa_status write_graph(const struct layout *layout, struct stoa_error *error)
{
    for (size_t n = 0; n < layout->graph->node_count; n++)
        if (layout->plan->nodes[n].planned && layout->plan->nodes[n].leader == n)
            STOA_TRY(write_node(layout, n, error));
    for (size_t i = 0; i < layout->plan->step_count; i++)
        if (is_conversion(&layout->plan->steps[i]))
            STOA_TRY(write_conversion(layout, i, error));
    write_ports(layout);
    for (size_t n = 0; n < layout->graph->node_count; n++)
        if (layout->plan->nodes[n].planned && layout->plan->nodes[n].leader == n)
            write_edges(layout, n);
    return STOA_OK;
}

static enum stoa_status write_all(struct layout *layout, struct stoa_error *error)
{
    for (size_t i = 0; i < stoa_session_step_count(layout->session); i++) {
        struct stoa_step_info info;
        STOA_TRY(stoa_session_step(layout->session, i, error, &info));
        layout->total += layout->seconds ? layout->seconds[i] : info.macs;
    }
    stoa_text_print(layout->dot, "digraph network {\n"
                                 "  graph [rankdir=TB, nodesep=0.3, ranksep=0.25, bgcolor=white];\n"
                                 "  node [shape=box, style=\"filled,rounded\", fillcolor=white, "
                                 "fontname=\"Helvetica\", fontsize=10, margin=\"0.12,0.06\"];\n"
                                 "  edge [arrowsize=0.6, color=\"#555555\"];\n");
    STOA_TRY(write_graph(layout, error));
    stoa_text_print(layout->dot, "}\n");
    return stoa_text_finish(layout->dot, error);
}

enum stoa_status stoa_show_graph(const struct stoa_session *session, const double *seconds, struct stoa_error *error,
                                 struct stoa_text *dot)
{
    STOA_TRY(stoa_show_place(dot, "dot", error));
    *dot = (struct stoa_text){.data = NULL};
    if (!session)
        return stoa_fail(error, STOA_ERROR_ARGUMENT, "session is null");
    struct text text = {.made = {.allocator = session->allocator}};
    struct layout layout = {
        .session = session, .plan = session->plan, .graph = &session->model->graph, .seconds = seconds, .dot = &text};
    enum stoa_status status = write_all(&layout, error);
    if (status == STOA_OK)
        *dot = text.made;
    else
        stoa_text_free(&text.made);
    return status;
}
