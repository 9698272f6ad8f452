/* libstoa-show outside the tree: the filters of a network's first convolution, and one of its outputs worked out. */
#include <stdio.h>
#include <stdlib.h>
#include <stoa/show.h>
#include <stoa/stoa.h>

static int fail(const struct stoa_error *error)
{
    fprintf(stderr, "%s\n", error->message);
    return 1;
}

int main(int argc, char **argv)
{
    static float picture[1 * 3 * 224 * 224];
    struct stoa_error error;
    struct stoa_model *model;
    struct stoa_array filters;
    struct stoa_steps *steps;
    if (argc < 2 || stoa_model_load(argv[1], NULL, &error, &model))
        return argc < 2 ? 1 : fail(&error);
    for (size_t i = 0; i < sizeof picture / sizeof *picture; i++)
        picture[i] = (float)(i % 251) / 251;
    const void *values[] = {picture};
    const struct stoa_subject subject = {.model = model, .values = values};
    if (stoa_show_filters(model, NULL, &error, &filters) || stoa_show_steps(&subject, NULL, NULL, 0, &error, &steps))
        return fail(&error);
    double off = steps->sum + (double)steps->bias - (double)steps->view.value;
    printf("%zu filters; a sum of %zu products is off by %g\n", filters.tensor.dims[0], steps->count, off);
    stoa_steps_free(steps);
    stoa_array_free(&filters);
    stoa_model_free(model);
    return off > -1e-4 && off < 1e-4 ? 0 : 1;
}
