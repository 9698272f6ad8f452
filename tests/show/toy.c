#include "show/toy.h"

#include <criterion/criterion.h>

#include "base/random.h"

void toy_make(struct toy *toy)
{
    struct random random = {.state = 7};
    *toy = (struct toy){0};
    net_build(&toy->net,
              "input x f32[1,3,9,7]\nconst w1 f32[6,3,3,3]\nconst b1 f32[6]\nc1 = Conv(x, w1, b1) pads=[1,1,1,1]\n"
              "t1 = Tanh(c1)\np1 = AveragePool(t1) kernel_shape=[2,2] strides=[2,2]\n"
              "const w2 f32[5,6,3,3]\nconst b2 f32[5]\nc2 = Conv(p1, w2, b2) pads=[1,1,1,1]\nt2 = Tanh(c2)\n"
              "d = Dropout(t2)\ng = GlobalAveragePool(d)\nf = Flatten(g)\nconst w3 f32[4,5]\nconst b3 f32[4]\n"
              "s = Gemm(f, w3, b3) transB=1\ny = Softmax(s)\noutput y\n",
              NULL);
    stoa_random_fill(&random, TOY_PIXELS, toy->picture);
    toy->spec = (struct stoa_input_spec){.name = "x", .rank = 4, .dims = {1, 3, 9, 7}};
    toy->values[0] = toy->picture;
    toy->subject = (struct stoa_subject){
        .model = toy->net.model, .inputs = &toy->spec, .input_count = 1, .values = toy->values, .threads = 1};
}

void toy_free(struct toy *toy)
{
    net_free(&toy->net);
}

double toy_score(const struct toy *toy, size_t class_index)
{
    struct stoa_error error = {0};
    struct stoa_array scores;
    cr_assert(stoa_show_scores(&toy->subject, &error, &scores) == STOA_OK, "%s", error.message);
    cr_assert(scores.tensor.rank == 1 && scores.tensor.dims[0] == TOY_CLASSES);
    double score = (double)((const float *)scores.tensor.data)[class_index];
    stoa_array_free(&scores);
    return score;
}

float *toy_constant(const struct toy *toy, const char *name)
{
    const struct graph *graph = &toy->net.model->graph;
    size_t value = stoa_graph_find(graph, name);
    cr_assert(value != GRAPH_NONE, "no %s", name);
    return graph->values[value].constant->data;
}
