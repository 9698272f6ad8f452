/* Kahn's algorithm (1962): no recursion, linear in nodes and edges. */
#include "graph/order.h"

#include "base/status.h"

struct sorting {
    size_t *pending; /* for each node: inputs whose producers have not been placed */
    size_t *first;   /* edges of node i: readers[first[i]] … readers[first[i + 1] - 1] */
    size_t *readers;
    size_t *order; /* the nodes placed so far; serves as the queue too */
    struct graph_node *nodes;
};

static size_t input_producer(const struct graph *graph, const struct graph_node *node, size_t input)
{
    return node->inputs[input] == GRAPH_NONE ? GRAPH_NONE : graph->values[node->inputs[input]].producer;
}

static bool is_ordered(const struct graph *graph)
{
    for (size_t i = 0; i < graph->node_count; i++)
        for (size_t j = 0; j < graph->nodes[i].input_count; j++) {
            size_t producer = input_producer(graph, &graph->nodes[i], j);
            if (producer != GRAPH_NONE && producer >= i)
                return false;
        }
    return true;
}

/* The edges from each node to its readers, one for each input, by counting. */
static enum stoa_status collect_edges(const struct graph *graph, struct stoa_error *error, struct sorting *sorting)
{
    const struct stoa_allocator *allocator = &graph->arena.allocator;
    size_t edges = 0;
    for (size_t i = 0; i < graph->node_count; i++)
        for (size_t j = 0; j < graph->nodes[i].input_count; j++) {
            size_t producer = input_producer(graph, &graph->nodes[i], j);
            if (producer == GRAPH_NONE)
                continue;
            sorting->pending[i]++;
            sorting->first[producer + 1]++;
            edges++;
        }
    STOA_TRY(stoa_allocate(allocator, edges, sizeof *sorting->readers, error, &sorting->readers));
    for (size_t i = 0; i < graph->node_count; i++)
        sorting->first[i + 1] += sorting->first[i];
    /* Filling moves each node's begin to its end, which is the next one's begin: shift back afterwards. */
    for (size_t i = 0; i < graph->node_count; i++)
        for (size_t j = 0; j < graph->nodes[i].input_count; j++) {
            size_t producer = input_producer(graph, &graph->nodes[i], j);
            if (producer != GRAPH_NONE)
                sorting->readers[sorting->first[producer]++] = i;
        }
    for (size_t i = graph->node_count; i > 0; i--)
        sorting->first[i] = sorting->first[i - 1];
    sorting->first[0] = 0;
    return STOA_OK;
}

/* Every node not placed reads at least one other such node: walking back from any of them ends in a cycle. */
static enum stoa_status report_cycle(const struct graph *graph, struct sorting *sorting, struct stoa_error *error)
{
    size_t node = 0;
    while (!sorting->pending[node])
        node++;
    /* `first` is free to mark the nodes walked over. */
    while (sorting->first[node] != GRAPH_NONE) {
        sorting->first[node] = GRAPH_NONE;
        size_t producer = GRAPH_NONE;
        for (size_t j = 0; producer == GRAPH_NONE || !sorting->pending[producer]; j++)
            producer = input_producer(graph, &graph->nodes[node], j);
        node = producer;
    }
    return stoa_fail(error, STOA_ERROR_GRAPH, "node '%.80s' (%.80s): its result leads back to its own input: a cycle",
                     graph->nodes[node].name, graph->nodes[node].type);
}

static enum stoa_status place_nodes(struct graph *graph, struct sorting *sorting, struct stoa_error *error)
{
    size_t placed = 0;
    for (size_t i = 0; i < graph->node_count; i++)
        if (!sorting->pending[i])
            sorting->order[placed++] = i;
    for (size_t next = 0; next < placed; next++) {
        size_t node = sorting->order[next];
        for (size_t k = sorting->first[node]; k < sorting->first[node + 1]; k++)
            if (--sorting->pending[sorting->readers[k]] == 0)
                sorting->order[placed++] = sorting->readers[k];
    }
    if (placed < graph->node_count)
        return report_cycle(graph, sorting, error);

    for (size_t i = 0; i < placed; i++) {
        sorting->nodes[i] = graph->nodes[sorting->order[i]];
        for (size_t j = 0; j < sorting->nodes[i].output_count; j++)
            if (sorting->nodes[i].outputs[j] != GRAPH_NONE)
                graph->values[sorting->nodes[i].outputs[j]].producer = i;
    }
    stoa_release(&graph->arena.allocator, graph->nodes);
    graph->nodes = sorting->nodes;
    graph->node_capacity = placed;
    sorting->nodes = NULL;
    return STOA_OK;
}

enum stoa_status stoa_graph_order(struct graph *graph, struct stoa_error *error)
{
    if (is_ordered(graph))
        return STOA_OK;
    const struct stoa_allocator *allocator = &graph->arena.allocator;
    size_t count = graph->node_count;
    struct sorting sorting = {0};
    enum stoa_status status = stoa_allocate(allocator, count, sizeof *sorting.pending, error, &sorting.pending);
    if (status == STOA_OK)
        status = stoa_allocate(allocator, count + 1, sizeof *sorting.first, error, &sorting.first);
    if (status == STOA_OK)
        status = stoa_allocate(allocator, count, sizeof *sorting.order, error, &sorting.order);
    if (status == STOA_OK)
        status = stoa_allocate_raw(allocator, count, sizeof *sorting.nodes, error, &sorting.nodes);
    if (status == STOA_OK)
        status = collect_edges(graph, error, &sorting);
    if (status == STOA_OK)
        status = place_nodes(graph, &sorting, error);
    stoa_release(allocator, sorting.pending);
    stoa_release(allocator, sorting.first);
    stoa_release(allocator, sorting.readers);
    stoa_release(allocator, sorting.order);
    stoa_release(allocator, sorting.nodes);
    return status;
}
