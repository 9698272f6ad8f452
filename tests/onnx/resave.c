/* resave MODEL OUT.onnx: loads a model, or makes the ready-made net of that name (seed 1), saves it, and fails unless
 * what reads back is the same graph. Sourced scripts hand OUT to other readers of ONNX. */
#include <stdio.h>
#include <string.h>

#include <stoa/stoa.h>

#include "graph/model.h"
#include "support/same_graph.h"

static enum stoa_status open_model(const char *name, struct stoa_error *error, struct stoa_model **model)
{
    for (size_t i = 0; stoa_net_name(i); i++)
        if (strcmp(stoa_net_name(i), name) == 0)
            return stoa_net_create(name, &(struct stoa_net_options){.seed = 1}, error, model);
    return stoa_model_load(name, NULL, error, model);
}

int main(int argc, char **argv)
{
    struct stoa_error error = {0};
    struct stoa_model *model = NULL, *again = NULL;
    char text[512] = "";
    if (argc != 3) {
        fprintf(stderr, "resave MODEL OUT.onnx\n");
        return 2;
    }
    enum stoa_status status = open_model(argv[1], &error, &model);
    if (status == STOA_OK)
        status = stoa_model_save(model, argv[2], &error);
    if (status == STOA_OK)
        status = stoa_model_load(argv[2], NULL, &error, &again);
    if (status == STOA_OK)
        same_graph(&model->graph, &again->graph, sizeof text, text);
    if (status != STOA_OK || *text)
        fprintf(stderr, "%s: %s\n", argv[1], *text ? text : error.message);
    stoa_model_free(again);
    stoa_model_free(model);
    return status != STOA_OK || *text;
}
