/* Convolutions worked out: row, filter and sum against the image, the weights and what sessions compute. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stoa/show.h>
#include <string.h>

#include "graph/model.h"
#include "support/net.h"

static const struct {
    const char *name, *text;
    size_t pixel[2], channel, after;
} layers[] = {
    {"the middle",
     "input x f32[1,3,9,8]\nconst w f32[4,3,3,3]\nconst b f32[4]\ny = Conv(x, w, b)\noutput y\n",
     {2, 3},
     1,
     0},
    {"a corner in the padding",
     "input x f32[1,2,6,7]\nconst w f32[4,2,5,3]\ny = Conv(x, w) pads=[2,1,2,1]\noutput y\n",
     {0, 6},
     3,
     0},
    {"strides and dilations",
     "input x f32[1,2,12,12]\nconst w f32[4,2,3,3]\ny = Conv(x, w) strides=[2,3] dilations=[2,1] pads=[1,1,1,1]\n"
     "output y\n",
     {4, 1},
     2,
     0},
    {"padding that follows from the dims",
     "input x f32[1,2,7,8]\nconst w f32[4,2,3,4]\ny = Conv(x, w) auto_pad='SAME_LOWER' strides=[2,2]\noutput y\n",
     {0, 0},
     1,
     0},
    {"groups", "input x f32[1,6,7,7]\nconst w f32[4,3,3,3]\ny = Conv(x, w) group=2\noutput y\n", {1, 4}, 3, 0},
    {"depthwise",
     "input x f32[1,16,7,7]\nconst w f32[16,1,3,3]\ny = Conv(x, w) group=16 pads=[1,1,1,1]\noutput y\n",
     {0, 0},
     5,
     0},
    {"a batch, and functions behind",
     "input x f32[2,3,9,9]\nconst w f32[20,3,3,3]\nconst b f32[20]\na = Conv(x, w, b)\nc = Relu(a)\nd = Sigmoid(c)\n"
     "y = MaxPool(d) kernel_shape=[2,2]\noutput y\n",
     {6, 6},
     19,
     2},
    {"two readers: nothing is behind it",
     "input x f32[1,3,9,9]\nconst w f32[4,3,3,3]\na = Conv(x, w)\nc = Relu(a)\nd = Sigmoid(a)\noutput c\noutput d\n",
     {1, 1},
     0,
     0},
};

static float x[2 * 3 * 16 * 16];

static void fill(void)
{
    for (size_t i = 0; i < sizeof x / sizeof *x; i++)
        x[i] = (float)((i * 37 + 11) % 101) / 50 - 1;
}

static const char *conv_name(const struct net *net)
{
    for (size_t n = 0; n < net->model->graph.node_count; n++)
        if (strcmp(net->model->graph.nodes[n].type, "Conv") == 0)
            return net->model->graph.nodes[n].name;
    return NULL;
}

static bool near(double a, double b, double scale)
{
    return fabs(a - b) <= 1e-6 * scale;
}

/* x[0][c][y][x], or 0 in the padding. */
static double pixel_of(const struct stoa_steps *steps, const struct stoa_steps_tap *tap, size_t c)
{
    const struct stoa_conv2d_desc *shape = &steps->conv;
    if (tap->y < 0 || tap->x < 0 || tap->y >= (int64_t)shape->height || tap->x >= (int64_t)shape->width)
        return 0;
    return (double)x[(c * shape->height + (size_t)tap->y) * shape->width + (size_t)tap->x];
}

static void check_row(const char *name, const struct stoa_steps *steps)
{
    for (size_t k = 0; k < steps->tap_count; k++) {
        const struct stoa_steps_tap *tap = &steps->taps[k];
        for (size_t c = 0; c < steps->channels; c++) {
            double given = pixel_of(steps, tap, steps->group * steps->channels + c);
            double viewed = tap->inside ? (double)steps->image[tap->offset + c] : 0;
            double matrix = (double)steps->row[k * steps->channels + c];
            cr_expect(given == viewed && given == matrix,
                      "%s: tap %zu, channel %zu: %g in the image, %g in the view, %g in "
                      "the matrix",
                      name, k, c, given, viewed, matrix);
        }
    }
}

/* Base, output row and output column of a view lead to each tap. */
static void check_views(const char *name, const struct stoa_steps *steps)
{
    const struct stoa_conv2d_desc *shape = &steps->conv;
    for (size_t k = 0; k < steps->tap_count; k++) {
        const struct stoa_steps_tap *tap = &steps->taps[k];
        int64_t y = (int64_t)(tap->r * shape->dilation[0]) - (int64_t)shape->pad[0];
        int64_t x0 = (int64_t)(tap->s * shape->dilation[1]) - (int64_t)shape->pad[1];
        int64_t base = (y * (int64_t)shape->width + x0) * (int64_t)shape->in_channels;
        int64_t place = base + (int64_t)(steps->oy * steps->row_stride + steps->ox * steps->pixel_stride +
                                         steps->group * steps->channels);
        cr_expect(!tap->inside || (int64_t)tap->offset == place, "%s: tap %zu lies at %zu, its view has it at %lld",
                  name, k, tap->offset, (long long)place);
    }
}

static void check_sum(const char *name, const struct stoa_steps *steps)
{
    double scale = fabs((double)steps->bias), sum = 0;
    for (size_t i = 0; i < steps->count; i++) {
        scale += fabs(steps->products[i]);
        sum += (double)steps->row[i] * (double)steps->filter[i];
    }
    cr_expect(near(sum, steps->sum, scale), "%s", name);
    double y = steps->sum + (double)steps->bias;
    cr_expect(near(y, (double)steps->chosen.value, scale), "%s: %g, the layer %g", name, y,
              (double)steps->chosen.value);
    cr_expect(near(y, (double)steps->matrix.value, scale), "%s: %g, the matrix %g", name, y,
              (double)steps->matrix.value);
    cr_expect(near(y, (double)steps->view.value, scale), "%s: %g, the view %g", name, y, (double)steps->view.value);
}

Test(steps, the_sum_is_the_layers_output)
{
    fill();
    for (size_t i = 0; i < sizeof layers / sizeof *layers; i++) {
        struct net net;
        struct stoa_error error = {0};
        struct stoa_steps *steps;
        const void *data[] = {x};
        net_build(&net, layers[i].text, NULL);
        const struct stoa_subject subject = {.model = net.model, .values = data, .threads = 1};
        cr_assert(stoa_show_steps(&subject, conv_name(&net), layers[i].pixel, layers[i].channel, &error, &steps) ==
                      STOA_OK,
                  "%s: %s", layers[i].name, error.message);
        check_row(layers[i].name, steps);
        check_views(layers[i].name, steps);
        check_sum(layers[i].name, steps);
        cr_expect(steps->after_count == layers[i].after, "%s: %zu", layers[i].name, steps->after_count);
        if (steps->after_count) {
            float relu = fmaxf(steps->chosen.value, 0);
            cr_expect(steps->after[0].value == relu, "%s: Relu", layers[i].name);
            cr_expect(near((double)steps->after[1].value, 1 / (1 + exp(-(double)relu)), 1), "%s: Sigmoid",
                      layers[i].name);
        }
        stoa_steps_free(steps);
        net_free(&net);
    }
}

static const struct {
    const char *name, *layer;
    size_t pixel[2], channel;
    const char *message;
} refused[] = {
    {"no such layer", "nope", {0, 0}, 0, "the model has no layer 'nope'"},
    {"not a convolution", "node_y", {0, 0}, 0, "layer 'node_y' is Relu, must be Conv"},
    {"a row too far", "node_a", {7, 0}, 0, "pixel 7,0 is outside the output of layer 'node_a', 7 by 6"},
    {"a column too far", "node_a", {0, 6}, 0, "pixel 0,6"},
    {"a channel too far", "node_a", {0, 0}, 4, "channel 4, layer 'node_a' has 4"},
};

Test(steps, refuses_what_is_not_there)
{
    struct net net;
    const void *data[] = {x};
    net_build(&net, "input x f32[1,3,9,8]\nconst w f32[4,3,3,3]\na = Conv(x, w)\ny = Relu(a)\noutput y\n", NULL);
    const struct stoa_subject subject = {.model = net.model, .values = data, .threads = 1};
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        struct stoa_error error = {0};
        struct stoa_steps *steps;
        cr_expect(stoa_show_steps(&subject, refused[i].layer, refused[i].pixel, refused[i].channel, &error, &steps) ==
                          STOA_ERROR_ARGUMENT &&
                      strstr(error.message, refused[i].message),
                  "%s: %s", refused[i].name, error.message);
        stoa_steps_free(steps);
    }
    net_free(&net);
}

Test(steps, the_middle_unless_a_pixel_is_named)
{
    struct net net;
    struct stoa_error error = {0};
    struct stoa_steps *steps;
    const void *data[] = {x};
    fill();
    net_build(&net, "input x f32[1,3,9,8]\nconst w f32[4,3,3,3]\ny = Conv(x, w) pads=[1,0,2,0]\noutput y\n", NULL);
    const struct stoa_subject subject = {.model = net.model, .values = data, .threads = 1};
    cr_assert(stoa_show_steps(&subject, NULL, NULL, 2, &error, &steps) == STOA_OK, "%s", error.message);
    cr_expect(steps->oy == 5 && steps->ox == 3 && steps->oc == 2);
    cr_expect(steps->out_height == 10 && steps->out_width == 6 && steps->conv.pad[0] == 1 && steps->conv.pad[2] == 2);
    check_row("the middle", steps);
    check_sum("the middle", steps);
    stoa_steps_free(steps);
    stoa_steps_free(NULL);
    net_free(&net);
}

/* A shape among the inputs, which the subject's specs fix, and which has a value, too. */
Test(steps, of_a_model_with_a_fixed_input)
{
    static const int64_t dims[4] = {1, 3, 9, 8};
    struct net net;
    struct stoa_error error = {0};
    struct stoa_steps *steps;
    const void *data[] = {x, dims};
    const struct stoa_input_spec spec = {.name = "s", .rank = 1, .dims = {4}, .data = dims};
    fill();
    net_build(&net,
              "input x f32[1,216]\ninput s i64[4]\nconst w f32[4,3,3,3]\nr = Reshape(x, s)\ny = Conv(r, w)\noutput y\n",
              NULL);
    const struct stoa_subject subject = {
        .model = net.model, .inputs = &spec, .input_count = 1, .values = data, .threads = 1};
    cr_assert(stoa_show_steps(&subject, NULL, NULL, 2, &error, &steps) == STOA_OK, "%s", error.message);
    check_row("a shape", steps);
    check_sum("a shape", steps);
    stoa_steps_free(steps);
    net_free(&net);
}
