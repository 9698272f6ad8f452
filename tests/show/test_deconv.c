/* Deconvolutional networks: against the naive twin, against one written out as loops here, and what they refuse. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <stoa/stoa.h>

#include "base/memory.h"
#include "base/random.h"
#include "base/tensor.h"
#include "run/session.h"
#include "show/deconv.h"
#include "show/receptive.h"
#include "support/net.h"
#include "verify/twin.h"

#define CONV_POOL                                                                                                      \
    "input x f32[1,3,16,16]\nconst k f32[4,3,3,3]\nconst kb f32[4]\nc = Conv(x, k, kb) pads=[1,1,1,1]\n"               \
    "r = Relu(c)\np = MaxPool(r) kernel_shape=[2,2] strides=[2,2]\n"
#define TAIL "const l f32[5,4,3,3]\nd = Conv(p, l) pads=[1,1,1,1]\n"

static const struct {
    const char *name, *net, *layer;
} nets[] = {
    {"convolution alone", CONV_POOL "output p\n", "c"},
    {"pooling", CONV_POOL "output p\n", "p"},
    {"two convolutions", CONV_POOL TAIL "y = Relu(d)\noutput y\n", "y"},
    {"batch norm",
     CONV_POOL TAIL "const s f32[5]\nconst b f32[5]\nconst m f32[5]\nconst v f32+[5]\n"
                    "n = BatchNormalization(d, s, b, m, v)\ny = Relu(n)\noutput y\n",
     "y"},
    {"residual",
     CONV_POOL "const l f32[4,4,3,3]\nd = Conv(p, l) pads=[1,1,1,1]\na = Add(d, p)\ny = Relu(a)\noutput y\n", "y"},
    {"branches",
     CONV_POOL TAIL "e = Relu(d)\nq = AveragePool(p) kernel_shape=[3,3] pads=[1,1,1,1]\nj = Concat(e, q) axis=1\n"
                    "const o f32[3,9,1,1]\nf = Conv(j, o)\ny = LeakyRelu(f) alpha=0.1\noutput y\n",
     "y"},
    {"overlapping pooling",
     CONV_POOL "q = MaxPool(p) kernel_shape=[3,3] strides=[2,2]\nconst l f32[5,4,2,2]\nd = Conv(q, l)\n"
               "y = Clip(d)\noutput y\n",
     "y"},
    {"depthwise, and a gate",
     CONV_POOL "const l f32[4,1,3,3]\nd = Conv(p, l) group=4\nh = HardSwish@14(d)\ng = GlobalAveragePool(h)\n"
               "s = Sigmoid(g)\nm = Mul(h, s)\nconst o f32[3,4,1,1]\ny = Conv(m, o)\noutput y\n",
     "y"},
    {"response normalisation, dropout",
     CONV_POOL "n = LRN(p) size=3\nu = Dropout(n)\n"
               "const l f32[5,4,3,3]\ny = Conv(u, l)\noutput y\n",
     "y"},
    {"channels last",
     "input x f32[1,16,16,3]\nt = Transpose(x) perm=[0,3,1,2]\nconst k f32[4,3,3,3]\nc = Conv(t, k)\nr = Relu(c)\n"
     "p = MaxPool(r) kernel_shape=[2,2] strides=[2,2]\nconst l f32[3,4,3,3]\ny = Conv(p, l)\noutput y\n",
     "y"},
    {"fully connected", CONV_POOL TAIL "e = Relu(d)\nf = Flatten(e)\nconst w f32[320,7]\ny = MatMul(f, w)\noutput y\n",
     "y"},
};

#define SIDE 16
#define PIXELS (3 * SIDE * SIDE)

static struct stoa_deconv *open(const struct net *net, const char *layer, const char *name)
{
    struct stoa_deconv *deconv;
    struct stoa_error error = {0};
    const struct stoa_deconv_options options = {.layer = layer, .threads = 1};
    cr_assert(stoa_deconv_create(net->model, &options, &error, &deconv) == STOA_OK, "%s: %s", name, error.message);
    return deconv;
}

/* The layer's strongest element. */
static struct stoa_deconv_unit strongest(struct stoa_deconv *deconv, const float *picture)
{
    struct stoa_deconv_info info;
    struct stoa_error error = {0};
    const float *maps;
    stoa_deconv_describe(deconv, &info);
    cr_assert(stoa_deconv_run(deconv, picture, &error, &maps) == STOA_OK, "%s", error.message);
    size_t elements = info.map_height * info.map_width, best = 0;
    for (size_t i = 0; i < info.maps * elements; i++)
        best = maps[i] > maps[best] ? i : best;
    return (struct stoa_deconv_unit){.map = best / elements,
                                     .row = best % elements / info.map_width,
                                     .column = best % info.map_width,
                                     .value = maps[best]};
}

static void twin_input(struct reference_tensor *value, size_t rank, const size_t *dims, const float *from, size_t count)
{
    struct stoa_allocator allocator = stoa_allocator_default();
    *value = (struct reference_tensor){.dtype = STOA_FLOAT, .rank = rank};
    memcpy(value->dims, dims, rank * sizeof *dims);
    cr_assert(stoa_allocate(&allocator, count, sizeof *value->values, NULL, &value->values) == STOA_OK);
    for (size_t i = 0; from && i < count; i++)
        value->values[i] = from[i];
}

/* pixels <- the same graph on the naive twin. */
static void twin_project(struct stoa_deconv *deconv, const float *picture, const struct stoa_deconv_unit *unit,
                         const char *name, double *pixels)
{
    struct stoa_allocator allocator = stoa_allocator_default();
    struct stoa_error error = {0};
    struct graph *graph = &deconv->back->graph;
    const struct stoa_deconv_info *info = &deconv->info;
    struct reference_tensor *values = calloc(graph->value_count, sizeof *values);
    struct stoa_tensor layer;
    for (size_t v = 0; v < graph->value_count; v++) {
        const struct stoa_tensor *constant = graph->values[v].constant;
        if (!constant)
            continue;
        size_t count = stoa_tensor_elements(constant);
        twin_input(&values[v], constant->rank, constant->dims, NULL, count);
        values[v].dtype = constant->dtype;
        for (size_t i = 0; i < count; i++)
            values[v].values[i] = stoa_tensor_load(constant, i);
    }
    struct stoa_tensor input;
    cr_assert(stoa_session_input_at(deconv->forward, 0, &error, &input) == STOA_OK);
    twin_input(&values[deconv->input], 4, input.dims, info->channels_last ? deconv->turned : picture, PIXELS);
    cr_assert(stoa_session_output_at(deconv->forward, 0, &error, &layer) == STOA_OK);
    struct reference_tensor *seed = &values[graph->inputs[1]];
    twin_input(seed, layer.rank, layer.dims, NULL, stoa_tensor_elements(&layer));
    seed->values[(unit->map * info->map_height + unit->row) * info->map_width + unit->column] = unit->value;
    cr_assert(stoa_twin_run(graph, 0, graph->node_count, &allocator, &error, values) == STOA_OK, "%s: %s", name,
              error.message);
    const struct reference_tensor *back = &values[graph->outputs[1]];
    for (size_t i = 0; i < PIXELS; i++)
        pixels[i] = back->values[info->channels_last ? i % (SIDE * SIDE) * 3 + i / (SIDE * SIDE) : i];
    for (size_t v = 0; v < graph->value_count; v++)
        stoa_reference_free(&allocator, &values[v]);
    free(values);
}

Test(deconv, projections_are_the_twins)
{
    for (size_t i = 0; i < sizeof nets / sizeof *nets; i++) {
        struct net net;
        struct stoa_error error = {0};
        struct random random = {.state = i + 1};
        float picture[PIXELS], pixels[PIXELS];
        double twin[PIXELS], most = 0, worst = 0;
        net_build(&net, nets[i].net, NULL);
        struct stoa_deconv *deconv = open(&net, nets[i].layer, nets[i].name);
        stoa_random_fill(&random, PIXELS, picture);
        struct stoa_deconv_unit unit = strongest(deconv, picture);
        cr_assert(stoa_deconv_project(deconv, picture, unit.map, unit.row, unit.column, &error, pixels) == STOA_OK,
                  "%s: %s", nets[i].name, error.message);
        twin_project(deconv, picture, &unit, nets[i].name, twin);
        for (size_t p = 0; p < PIXELS; p++) {
            most = fmax(most, fabs(twin[p]));
            worst = fmax(worst, fabs(twin[p] - (double)pixels[p]));
        }
        cr_expect(most > 0 && worst <= 1e-5 * most, "%s: off by %g of %g", nets[i].name, worst, most);
        stoa_deconv_free(deconv);
        net_free(&net);
    }
}

/* Without gates, which look at all of the picture, nothing lands outside the receptive field. */
Test(deconv, projections_stay_in_the_receptive_field)
{
    for (size_t i = 0; i < sizeof nets / sizeof *nets; i++) {
        struct net net;
        struct stoa_error error = {0};
        struct random random = {.state = i + 1};
        struct receptive_field field;
        bool found;
        float picture[PIXELS], pixels[PIXELS];
        if (strstr(nets[i].net, "GlobalAveragePool"))
            continue;
        net_build(&net, nets[i].net, NULL);
        struct stoa_deconv *deconv = open(&net, nets[i].layer, nets[i].name);
        stoa_random_fill(&random, PIXELS, picture);
        struct stoa_deconv_unit unit = strongest(deconv, picture);
        cr_assert(stoa_deconv_project(deconv, picture, unit.map, unit.row, unit.column, &error, pixels) == STOA_OK);
        cr_assert(stoa_receptive_field(deconv->forward->plan, deconv->value, unit.row, unit.column, deconv->input,
                                       &error, &found, &field) == STOA_OK);
        for (size_t p = 0; p < PIXELS; p++) {
            int64_t row = (int64_t)(p / SIDE % SIDE), column = (int64_t)(p % SIDE);
            bool inside =
                row >= field.first[0] && row <= field.last[0] && column >= field.first[1] && column <= field.last[1];
            cr_assert(inside || pixels[p] == 0, "%s: pixel %zu is %g", nets[i].name, p, (double)pixels[p]);
        }
        stoa_deconv_free(deconv);
        net_free(&net);
    }
}

/* One channel: 8x8 -> Conv 3x3 pad 1 (2 maps) -> Relu -> MaxPool 2x2 -> Conv 3x3 (3 maps) -> Relu, 2x2. */
#define TINY                                                                                                           \
    "input x f32[1,1,8,8]\nconst k f32[2,1,3,3]\nconst kb f32[2]\nc = Conv(x, k, kb) pads=[1,1,1,1]\nr = Relu(c)\n"    \
    "p = MaxPool(r) kernel_shape=[2,2] strides=[2,2]\nconst l f32[3,2,3,3]\nd = Conv(p, l)\ny = Relu(d)\noutput y\n"

static const float *constant(const struct net *net, const char *name)
{
    const struct graph *graph = &net->model->graph;
    return graph->values[stoa_graph_find(graph, name)].constant->data;
}

/* As the paper has it: filters flipped, switches, rectification. */
static void tiny_by_hand(const struct net *net, const float *x, size_t map, size_t row, size_t column, float value,
                         double *pixels)
{
    const float *k = constant(net, "k"), *kb = constant(net, "kb"), *l = constant(net, "l");
    double relu[2][8][8], unpooled[2][8][8] = {{{0}}};
    for (size_t m = 0; m < 2; m++)
        for (size_t y = 0; y < 8; y++)
            for (size_t c = 0; c < 8; c++) {
                double sum = (double)kb[m];
                for (size_t r = 0; r < 3; r++)
                    for (size_t s = 0; s < 3; s++)
                        if (y + r >= 1 && y + r <= 8 && c + s >= 1 && c + s <= 8)
                            sum += (double)k[(m * 3 + r) * 3 + s] * (double)x[(y + r - 1) * 8 + c + s - 1];
                relu[m][y][c] = fmax(sum, 0);
            }
    for (size_t m = 0; m < 2; m++)
        for (size_t r = 0; r < 3; r++)
            for (size_t s = 0; s < 3; s++) {
                double signal = (double)value * (double)l[((map * 2 + m) * 3 + r) * 3 + s];
                size_t top = (row + r) * 2, left = (column + s) * 2, at[2] = {top, left};
                for (size_t i = 0; i < 4; i++)
                    if (relu[m][top + i / 2][left + i % 2] > relu[m][at[0]][at[1]]) {
                        at[0] = top + i / 2;
                        at[1] = left + i % 2;
                    }
                unpooled[m][at[0]][at[1]] += fmax(signal, 0);
            }
    memset(pixels, 0, 64 * sizeof *pixels);
    for (size_t m = 0; m < 2; m++)
        for (size_t y = 0; y < 8; y++)
            for (size_t c = 0; c < 8; c++)
                for (size_t r = 0; r < 3; r++)
                    for (size_t s = 0; s < 3; s++)
                        if (y + r >= 1 && y + r <= 8 && c + s >= 1 && c + s <= 8)
                            pixels[(y + r - 1) * 8 + c + s - 1] += unpooled[m][y][c] * (double)k[(m * 3 + r) * 3 + s];
}

Test(deconv, a_tiny_one_is_the_one_written_out)
{
    struct net net;
    struct stoa_error error = {0};
    size_t projected = 0;
    net_build(&net, TINY, NULL);
    struct stoa_deconv *deconv = open(&net, "y", "tiny");
    for (uint64_t seed = 1; seed < 6; seed++) {
        struct random random = {.state = seed};
        float picture[64], pixels[64];
        stoa_random_fill(&random, 64, picture);
        for (size_t unit = 0; unit < 3 * 4; unit++) {
            const float *maps;
            double hand[64];
            cr_assert(stoa_deconv_run(deconv, picture, &error, &maps) == STOA_OK);
            float value = maps[unit];
            size_t map = unit / 4, row = unit % 4 / 2, column = unit % 2;
            cr_assert(stoa_deconv_project(deconv, picture, map, row, column, &error, pixels) == STOA_OK);
            tiny_by_hand(&net, picture, map, row, column, value, hand);
            for (size_t p = 0; p < 64; p++) {
                cr_expect(fabs(hand[p] - (double)pixels[p]) <= 1e-5 * (1 + fabs(hand[p])),
                          "unit %zu, pixel %zu: %g, is %g", unit, p, (double)pixels[p], hand[p]);
                projected += hand[p] != 0;
            }
        }
    }
    cr_expect(projected > 500, "%zu", projected);
    stoa_deconv_free(deconv);
    net_free(&net);
}

#define PICTURES 12

struct album {
    float pixels[PICTURES][64];
};

static enum stoa_status get(void *user, size_t index, struct stoa_error *error, const float **picture)
{
    struct album *album = user;
    (void)error;
    *picture = album->pixels[index];
    return STOA_OK;
}

Test(deconv, a_sheet_has_the_strongest)
{
    struct net net;
    struct stoa_error error = {0};
    struct album album;
    struct random random = {.state = 3};
    struct stoa_deconv_sheet *sheet;
    net_build(&net, TINY, NULL);
    struct stoa_deconv *deconv = open(&net, "y", "sheet");
    stoa_random_fill(&random, PICTURES * 64, album.pixels[0]);
    const struct stoa_deconv_pictures pictures = {.count = PICTURES, .get = get, .user = &album};
    cr_assert(stoa_deconv_strongest(deconv, &pictures, 2, 4, &error, &sheet) == STOA_OK, "%s", error.message);
    cr_assert(sheet->map_count == 2 && sheet->top == 4);
    cr_expect(sheet->items[0].unit.value >= sheet->items[4].unit.value);
    for (size_t m = 0; m < 2; m++) {
        size_t map = sheet->items[m * 4].unit.map;
        float weakest = sheet->items[m * 4 + 3].unit.value;
        size_t above = 0; /* pictures with a stronger one than the last */
        for (size_t p = 0; p < PICTURES; p++) {
            const float *maps;
            cr_assert(stoa_deconv_run(deconv, album.pixels[p], &error, &maps) == STOA_OK);
            float most = 0;
            for (size_t i = 0; i < 4; i++)
                most = fmaxf(most, maps[map * 4 + i]);
            above += most > weakest;
        }
        cr_expect(above == 3, "map %zu: %zu", map, above);
        for (size_t t = 0; t < 4; t++) {
            const struct stoa_deconv_item *item = &sheet->items[m * 4 + t];
            const float *maps;
            float pixels[64];
            cr_expect(t == 0 || item->unit.value <= item[-1].unit.value);
            cr_assert(stoa_deconv_run(deconv, album.pixels[item->unit.image], &error, &maps) == STOA_OK);
            cr_expect(maps[map * 4 + item->unit.row * 2 + item->unit.column] == item->unit.value);
            cr_assert(stoa_deconv_project(deconv, album.pixels[item->unit.image], map, item->unit.row,
                                          item->unit.column, &error, pixels) == STOA_OK);
            cr_assert(deconv->info.field_height == 8 && deconv->info.field_width == 8);
            cr_expect(memcmp(item->picture, album.pixels[item->unit.image], sizeof pixels) == 0);
            cr_expect(memcmp(item->projection, pixels, sizeof pixels) == 0);
        }
    }
    stoa_deconv_sheet_free(sheet);
    stoa_deconv_free(deconv);
    net_free(&net);
}

/* A field that reaches beyond an edge: the part that is cut is moved into the picture. */
Test(deconv, parts_are_where_the_field_is)
{
    struct net net;
    struct stoa_error error = {0};
    struct album album = {.pixels = {{0}}};
    struct stoa_deconv_sheet *sheet;
    net_build(&net, "input x f32[1,1,8,8]\nconst k f32[1,1,3,3]{1*9}\ny = Conv(x, k) pads=[1,1,1,1]\noutput y\n", NULL);
    struct stoa_deconv *deconv = open(&net, "y", "parts");
    album.pixels[0][0] = 1;         /* top left: stronger in the corner than nowhere else, so the first of equals */
    album.pixels[1][5 * 8 + 4] = 1; /* the first of equals is above and left of it */
    for (size_t p = 0; p < 2; p++) {
        static const size_t parts[2][2] = {{0, 0}, {3, 2}};
        const struct stoa_deconv_pictures pictures = {.count = 1, .get = get, .user = album.pixels[p]};
        cr_assert(stoa_deconv_strongest(deconv, &pictures, 1, 9, &error, &sheet) == STOA_OK, "%s", error.message);
        const struct stoa_deconv_item *item = sheet->items;
        cr_expect(sheet->top == 1 && item->top == parts[p][0] && item->left == parts[p][1], "%zu: %zu, %zu", p,
                  item->top, item->left);
        for (size_t i = 0; i < 9; i++)
            cr_expect(item->picture[i] == album.pixels[p][(item->top + i / 3) * 8 + item->left + i % 3]);
        stoa_deconv_sheet_free(sheet);
    }
    stoa_deconv_free(deconv);
    net_free(&net);
}

static const struct {
    const char *name, *net, *layer, *words;
    enum stoa_status status;
} refusals[] = {
    {"no such layer", TINY, "conv9", "no layer 'conv9'", STOA_ERROR_ARGUMENT},
    {"the input itself", TINY, "x", "no layer 'x'", STOA_ERROR_ARGUMENT},
    {"two channels", "input x f32[1,2,8,8]\ny = Relu(x)\noutput y\n", "y", "takes no pictures", STOA_ERROR_UNSUPPORTED},
    {"a vector", "input x f32[1,8]\ny = Relu(x)\noutput y\n", "y", "rank 2) takes no pictures", STOA_ERROR_UNSUPPORTED},
    {"open size", "input x f32[1,1,?,?]\ny = Relu(x)\noutput y\n", "y", "leaves its size open", STOA_ERROR_ARGUMENT},
    {"two pictures", "input x f32[1,1,8,8]\ninput z f32[1,1,8,8]\ny = Add(x, z)\noutput y\n", "y", "has 2 inputs",
     STOA_ERROR_UNSUPPORTED},
    {"no gradient", "input x f32[1,1,8,8]\na = Abs(x)\nb = Round(a)\ny = Add(a, b)\noutput y\n", "y",
     "(Round): no gradient passes", STOA_ERROR_UNSUPPORTED},
    {"no maps", "input x f32[1,1,8,8]\nconst s i64{8,8}\ny = Reshape(x, s)\noutput y\n", "y", "not feature maps",
     STOA_ERROR_UNSUPPORTED},
};

Test(deconv, what_cannot_be_shown_is_refused)
{
    for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++) {
        struct net net;
        struct stoa_error error = {0};
        struct stoa_deconv *deconv;
        const struct stoa_deconv_options options = {.layer = refusals[i].layer, .threads = 1};
        net_build(&net, refusals[i].net, NULL);
        enum stoa_status status = stoa_deconv_create(net.model, &options, &error, &deconv);
        cr_expect(status == refusals[i].status && !deconv, "%s: %s", refusals[i].name, stoa_status_name(status));
        cr_expect(strstr(error.message, refusals[i].words), "%s: %s", refusals[i].name, error.message);
        stoa_deconv_free(deconv);
        net_free(&net);
    }
}

Test(deconv, sizes_that_the_model_does_not_have_are_refused)
{
    static const struct {
        size_t height, width;
        const char *words; /* null: fine */
    } rows[] = {{0, 0, NULL},
                {7, 0, NULL},
                {7, 5, NULL},
                {8, 0, "options.height is 8, the model's input 'x' has 7"},
                {7, 6, "options.width is 6, the model's input 'x' has 5"}};
    struct net net;
    net_build(&net, "input x f32[1,3,7,5]\nconst w f32[2,3,3,3]\ny = Conv(x, w)\noutput y\n", NULL);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct stoa_error error = {0};
        struct stoa_deconv *deconv;
        const struct stoa_deconv_options options = {.height = rows[i].height, .width = rows[i].width, .threads = 1};
        enum stoa_status status = stoa_deconv_create(net.model, &options, &error, &deconv);
        cr_expect(status == (rows[i].words ? STOA_ERROR_ARGUMENT : STOA_OK), "row %zu: %s", i, error.message);
        cr_expect(!rows[i].words || strstr(error.message, rows[i].words), "row %zu: %s", i, error.message);
        stoa_deconv_free(deconv);
    }
    net_free(&net);
}
