/* Arrays and layers. Names that come near are found by their edit distance (Levenshtein 1966). */
#include "show/array.h"

#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "base/size.h"
#include "base/status.h"
#include "base/tensor.h"

enum stoa_status stoa_show_place(const void *place, const char *name, struct stoa_error *error)
{
    return place ? STOA_OK : stoa_fail(error, STOA_ERROR_ARGUMENT, "%s is null", name);
}

enum stoa_status stoa_array_create(enum stoa_dtype dtype, size_t rank, const size_t *dims,
                                   const struct stoa_allocator *allocator, struct stoa_error *error,
                                   struct stoa_array *array)
{
    struct stoa_array made = {.tensor = {.dtype = dtype, .rank = rank}, .allocator = *allocator};
    size_t elements;
    *array = (struct stoa_array){0};
    if (rank)
        memcpy(made.tensor.dims, dims, rank * sizeof *dims);
    STOA_TRY(stoa_tensor_measure(&made.tensor, error, &elements, NULL));
    stoa_tensor_set_plain(&made.tensor);
    STOA_TRY(stoa_allocate(allocator, elements, stoa_dtype_size(dtype), error, &made.tensor.data));
    *array = made;
    return STOA_OK;
}

enum stoa_status stoa_array_copy(const struct stoa_tensor *tensor, const struct stoa_allocator *allocator,
                                 struct stoa_error *error, struct stoa_array *array)
{
    STOA_TRY(stoa_array_create(STOA_FLOAT, tensor->rank, tensor->dims, allocator, error, array));
    size_t elements = stoa_tensor_elements(tensor);
    float *data = stoa_array_data(array);
    if (elements && stoa_tensor_is_plain(tensor) && tensor->dtype == STOA_FLOAT)
        memcpy(data, tensor->data, elements * sizeof *data); /* maybe not aligned */
    else
        for (size_t i = 0; i < elements; i++)
            data[i] = (float)stoa_tensor_load(tensor, stoa_tensor_offset(tensor, i));
    return STOA_OK;
}

void stoa_picture_view(struct stoa_tensor *picture)
{
    size_t *dims = picture->dims;
    if (stoa_channel_axis((int64_t)dims[1], (int64_t)dims[3]) != 3)
        return;
    size_t height = dims[1], width = dims[2];
    dims[1] = dims[3];
    dims[2] = height;
    dims[3] = width;
    stoa_tensor_set_channels_last(picture);
}

void stoa_array_free(struct stoa_array *array)
{
    if (!array)
        return;
    if (array->tensor.data)
        stoa_release(&array->allocator, array->tensor.data);
    *array = (struct stoa_array){0};
}

/* How many letters differ; names are compared up to 63 letters. */
static size_t distance(const char *a, const char *b)
{
    size_t row[64], width = stoa_size_min(strlen(b), 63), height = stoa_size_min(strlen(a), 63);
    for (size_t j = 0; j <= width; j++)
        row[j] = j;
    for (size_t i = 1; i <= height; i++) {
        size_t before = row[0];
        row[0] = i;
        for (size_t j = 1; j <= width; j++) {
            size_t same = before + (a[i - 1] != b[j - 1]);
            before = row[j];
            row[j] = stoa_size_min(same, stoa_size_min(row[j - 1], row[j]) + 1);
        }
    }
    return row[width];
}

/* The nearest names of nodes, as "'a', 'b'". */
static void near_names(const struct graph *graph, const char *name, size_t capacity, char *text)
{
    enum { NEAR = 5 };
    size_t nodes[NEAR], distances[NEAR], count = 0, used = 0;
    for (size_t n = 0; n < graph->node_count; n++) {
        size_t far = distance(name, graph->nodes[n].name), at = count < NEAR ? count++ : NEAR;
        while (at > 0 && distances[at - 1] > far) {
            if (at < NEAR) {
                distances[at] = distances[at - 1];
                nodes[at] = nodes[at - 1];
            }
            at--;
        }
        if (at < NEAR) {
            distances[at] = far;
            nodes[at] = n;
        }
    }
    text[0] = '\0';
    for (size_t i = 0; i < count && used < capacity; i++)
        used += (size_t)snprintf(text + used, capacity - used, "%s'%.60s'", i ? ", " : "", graph->nodes[nodes[i]].name);
}

static bool is_called(const struct graph *graph, const struct graph_node *node, const char *name)
{
    bool same = strcmp(node->name, name) == 0;
    for (size_t i = 0; !same && i < node->output_count; i++)
        same = node->outputs[i] != GRAPH_NONE && strcmp(graph->values[node->outputs[i]].name, name) == 0;
    return same;
}

enum stoa_status stoa_show_layer(const struct graph *graph, const char *name,
                                 bool (*wanted)(const struct graph *graph, size_t node), const char *what,
                                 struct stoa_error *error, size_t *node)
{
    for (size_t n = 0; n < graph->node_count; n++)
        if (name ? is_called(graph, &graph->nodes[n], name) : wanted(graph, n)) {
            *node = n;
            return STOA_OK;
        }
    if (!name)
        return stoa_fail(error, STOA_ERROR_ARGUMENT, "the model has no %s among its %zu layers", what,
                         graph->node_count);
    char near[400];
    near_names(graph, name, sizeof near, near);
    return stoa_fail(error, STOA_ERROR_ARGUMENT, "the model has no layer '%.80s'; of its %zu these are nearest: %s",
                     name, graph->node_count, near);
}

bool stoa_show_is_convolution(const struct graph *graph, size_t node)
{
    const struct graph_node *found = &graph->nodes[node];
    if ((strcmp(found->type, "Conv") != 0 && strcmp(found->type, "ConvTranspose") != 0) || found->input_count < 2)
        return false;
    const struct stoa_tensor *weights = graph->values[found->inputs[1]].constant;
    return weights && weights->rank == 4;
}
