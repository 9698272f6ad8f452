/* What a class depends on: gradients against difference quotients, occlusion against runs of its own. */
#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "show/toy.h"

#define STEP 0.01
#define CLOSE 2e-3 /* of the largest: what single precision leaves of a difference quotient */

Test(saliency, is_the_derivative_of_the_score)
{
    enum { CLASS = 2 };
    struct toy toy;
    struct stoa_error error = {0};
    struct stoa_array gradient;
    toy_make(&toy);
    cr_assert(stoa_show_saliency(&toy.subject, CLASS, &error, &gradient) == STOA_OK, "%s", error.message);
    cr_assert(memcmp(gradient.tensor.dims, toy.spec.dims, 4 * sizeof(size_t)) == 0);
    const float *made = gradient.tensor.data;
    double most = 0;
    for (size_t i = 0; i < TOY_PIXELS; i++)
        most = fmax(most, fabs((double)made[i]));
    cr_expect(most > 1e-3, "largest %g", most);
    for (size_t i = 0; i < TOY_PIXELS; i += 5) {
        float kept = toy.picture[i];
        toy.picture[i] = (float)((double)kept + STEP);
        double above = toy_score(&toy, CLASS);
        toy.picture[i] = (float)((double)kept - STEP);
        double quotient = (above - toy_score(&toy, CLASS)) / (2 * STEP);
        toy.picture[i] = kept;
        cr_expect(fabs(quotient - (double)made[i]) < CLOSE * most, "pixel %zu: %g, quotient %g", i, (double)made[i],
                  quotient);
    }
    stoa_array_free(&gradient);
    toy_free(&toy);
}

/* A bias moves all of a map: the score's quotient by it is the sum of the gradients whose mean is the weight. */
Test(gradcam, weights_are_mean_derivatives)
{
    enum { CLASS = 1, PIXELS = 4 * 3 };
    struct toy toy;
    struct stoa_error error = {0};
    struct stoa_array weights, map, maps;
    toy_make(&toy);
    cr_assert(stoa_show_gradcam(&toy.subject, "c2", CLASS, &error, &weights, &map) == STOA_OK, "%s", error.message);
    cr_assert(stoa_show_activations(&toy.subject, "c2", &error, &maps) == STOA_OK, "%s", error.message);
    cr_assert(weights.tensor.rank == 1 && weights.tensor.dims[0] == TOY_MAPS);
    cr_assert(map.tensor.rank == 2 && map.tensor.dims[0] == 4 && map.tensor.dims[1] == 3);
    const float *weight = weights.tensor.data, *activation = maps.tensor.data;
    float *bias = toy_constant(&toy, "b2");
    double most = 0;
    for (size_t c = 0; c < TOY_MAPS; c++)
        most = fmax(most, fabs((double)weight[c]));
    cr_expect(most > 1e-3, "largest %g", most);
    for (size_t c = 0; c < TOY_MAPS; c++) {
        float kept = bias[c];
        bias[c] = (float)((double)kept + STEP);
        double above = toy_score(&toy, CLASS);
        bias[c] = (float)((double)kept - STEP);
        double quotient = (above - toy_score(&toy, CLASS)) / (2 * STEP) / PIXELS;
        bias[c] = kept;
        cr_expect(fabs(quotient - (double)weight[c]) < CLOSE * most, "map %zu: %g, quotient %g", c, (double)weight[c],
                  quotient);
    }
    for (size_t p = 0; p < PIXELS; p++) {
        double sum = 0;
        for (size_t c = 0; c < TOY_MAPS; c++)
            sum += (double)weight[c] * (double)activation[c * PIXELS + p];
        double made = (double)((const float *)map.tensor.data)[p];
        cr_expect(fabs(made - fmax(sum, 0)) < 1e-5 * most, "pixel %zu: %g, not %g", p, made, fmax(sum, 0));
    }
    stoa_array_free(&weights);
    stoa_array_free(&map);
    stoa_array_free(&maps);
    toy_free(&toy);
}

Test(gradcam, takes_the_last_maps_by_itself)
{
    struct toy toy;
    struct stoa_error error = {0};
    struct stoa_array weights[2], maps[2];
    toy_make(&toy);
    static const char *const layers[2] = {NULL, "c2"};
    for (size_t i = 0; i < 2; i++)
        cr_assert(stoa_show_gradcam(&toy.subject, layers[i], 0, &error, &weights[i], &maps[i]) == STOA_OK, "%s",
                  error.message);
    cr_expect(memcmp(weights[0].tensor.data, weights[1].tensor.data, TOY_MAPS * sizeof(float)) == 0);
    for (size_t i = 0; i < 2; i++) {
        stoa_array_free(&weights[i]);
        stoa_array_free(&maps[i]);
    }
    toy_free(&toy);
}

Test(gradcam, needs_a_subject)
{
    static const struct stoa_subject without_model;
    struct stoa_array weights, map;
    cr_expect(stoa_show_gradcam(NULL, NULL, 0, NULL, &weights, &map) == STOA_ERROR_ARGUMENT && !map.tensor.data);
    cr_expect(stoa_show_gradcam(&without_model, NULL, 0, NULL, &weights, &map) == STOA_ERROR_ARGUMENT);
}

/* A convolution that the scores do not depend on comes last. */
Test(gradcam, takes_maps_that_the_scores_are_made_of)
{
    static const float x[2 * 8 * 8] = {1, -2, 3};
    struct net net;
    struct stoa_error error = {0};
    struct stoa_array weights, map;
    net_build(&net,
              "input x f32[1,2,8,8]\nconst w f32[4,2,3,3]\nconst v f32[5,4,3,3]\nc = Conv(x, w)\ng = "
              "GlobalAveragePool(c)\ny = Flatten(g)\nz = Conv(c, v)\noutput y\noutput z\n",
              NULL);
    const struct stoa_subject subject = {.model = net.model, .values = (const void *[]){x}, .threads = 1};
    cr_assert(stoa_show_gradcam(&subject, NULL, 1, &error, &weights, &map) == STOA_OK, "%s", error.message);
    cr_expect(weights.tensor.dims[0] == 4, "%zu maps", weights.tensor.dims[0]);
    cr_expect(((const float *)weights.tensor.data)[1] == 1.0f / 36);
    stoa_array_free(&weights);
    stoa_array_free(&map);
    net_free(&net);
}

static double probability(const struct toy *toy, size_t class_index)
{
    double sum = 0;
    for (size_t k = 0; k < TOY_CLASSES; k++)
        sum += exp(toy_score(toy, k));
    return exp(toy_score(toy, class_index)) / sum;
}

Test(occlusion, is_what_single_runs_say)
{
    enum { CLASS = 3, SIZE = 4, STRIDE = 2, ROWS = 4, COLUMNS = 3 };
    static const size_t tops[ROWS] = {0, 2, 4, 5}, lefts[COLUMNS] = {0, 2, 3};
    struct toy toy;
    struct stoa_error error = {0};
    struct stoa_array map;
    toy_make(&toy);
    cr_assert(stoa_show_occlusion(&toy.subject, CLASS, SIZE, STRIDE, &error, &map) == STOA_OK, "%s", error.message);
    cr_assert(map.tensor.rank == 2 && map.tensor.dims[0] == ROWS && map.tensor.dims[1] == COLUMNS, "%zu x %zu",
              map.tensor.dims[0], map.tensor.dims[1]);
    float kept[TOY_PIXELS];
    memcpy(kept, toy.picture, sizeof kept);
    for (size_t r = 0; r < ROWS; r++)
        for (size_t c = 0; c < COLUMNS; c++) {
            for (size_t channel = 0; channel < TOY_CHANNELS; channel++) {
                float *plane = toy.picture + channel * TOY_HEIGHT * TOY_WIDTH;
                double mean = 0;
                for (size_t p = 0; p < TOY_HEIGHT * TOY_WIDTH; p++)
                    mean += (double)plane[p] / (TOY_HEIGHT * TOY_WIDTH);
                for (size_t y = tops[r]; y < tops[r] + SIZE; y++)
                    for (size_t x = lefts[c]; x < lefts[c] + SIZE; x++)
                        plane[y * TOY_WIDTH + x] = (float)mean;
            }
            double single = probability(&toy, CLASS);
            double made = (double)((const float *)map.tensor.data)[r * COLUMNS + c];
            cr_expect(fabs(made - single) < 1e-6, "(%zu, %zu): %.9g, alone %.9g", r, c, made, single);
            memcpy(toy.picture, kept, sizeof kept);
        }
    stoa_array_free(&map);
    toy_free(&toy);
}

static enum stoa_status saliency(const struct stoa_subject *subject, struct stoa_error *error, struct stoa_array *made)
{
    return stoa_show_saliency(subject, 4, error, made);
}

static enum stoa_status gradcam(const struct stoa_subject *subject, struct stoa_error *error, struct stoa_array *made)
{
    struct stoa_array map;
    return stoa_show_gradcam(subject, "c3", 0, error, made, &map);
}

static enum stoa_status gradcam_of_no_maps(const struct stoa_subject *subject, struct stoa_error *error,
                                           struct stoa_array *made)
{
    struct stoa_array map;
    return stoa_show_gradcam(subject, "f", 0, error, made, &map);
}

static enum stoa_status occlusion(const struct stoa_subject *subject, struct stoa_error *error, struct stoa_array *made)
{
    return stoa_show_occlusion(subject, 0, 8, 0, error, made);
}

static enum stoa_status maximize(const struct stoa_subject *subject, struct stoa_error *error, struct stoa_array *made)
{
    double score;
    return stoa_show_maximize(subject, &(struct stoa_maximize_options){.layer = "c2", .unit = 5}, error, made, &score);
}

Test(classes, bad_questions_get_clear_answers)
{
    static const struct {
        const char *name, *says;
        enum stoa_status (*ask)(const struct stoa_subject *subject, struct stoa_error *error, struct stoa_array *made);
    } rows[] = {
        {"no such class", "class 4: there are classes 0 to 3", saliency},
        {"no such layer", "no layer 'c3'; of its 10 these are nearest: 'node_c1', 'node_c2'", gradcam},
        {"no maps", "layer 'node_f' makes no maps", gradcam_of_no_maps},
        {"a square too large", "a square of 8 does not fit in a picture of 9 x 7", occlusion},
        {"no such unit", "unit 5: the layer has 5", maximize},
    };
    struct toy toy;
    toy_make(&toy);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct stoa_error error = {0};
        struct stoa_array made;
        cr_expect(rows[i].ask(&toy.subject, &error, &made) != STOA_OK, "%s", rows[i].name);
        cr_expect(strstr(error.message, rows[i].says), "%s: %s", rows[i].name, error.message);
        cr_expect(!made.tensor.data, "%s: an array", rows[i].name);
    }
    toy_free(&toy);
}

Test(classes, are_not_what_every_model_tells_apart)
{
    static const struct {
        const char *name, *net, *says;
        size_t rank, dims[4];
    } rows[] = {
        {"maps",
         "input x f32[1,3,9,7]\ny = Relu(x)\noutput y\n",
         "tells no classes apart: its first output is [1,3,9,7]",
         4,
         {1, 3, 9, 7}},
        {"no picture",
         "input x f32[1,6]\nconst w f32[6,4]\ny = MatMul(x, w)\noutput y\n",
         "takes no picture",
         2,
         {1, 6}},
    };
    static const float values[TOY_PIXELS];
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct net net;
        struct stoa_error error = {0};
        struct stoa_array made;
        net_build(&net, rows[i].net, NULL);
        struct stoa_input_spec spec = {.name = "x", .rank = rows[i].rank};
        memcpy(spec.dims, rows[i].dims, sizeof rows[i].dims);
        const struct stoa_subject subject = {
            .model = net.model, .inputs = &spec, .input_count = 1, .values = (const void *[]){values}, .threads = 1};
        cr_expect(stoa_show_saliency(&subject, 0, &error, &made) != STOA_OK, "%s", rows[i].name);
        cr_expect(strstr(error.message, rows[i].says), "%s: %s", rows[i].name, error.message);
        net_free(&net);
    }
}
