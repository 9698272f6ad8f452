/* Filters are the model's weights, and tiles show them. */
#include <criterion/criterion.h>
#include <stoa/build.h>
#include <stoa/show.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "data/image.h"
#include "graph/model.h"
#include "show/draw.h"
#include "show/page.h"
#include "support/temporary.h"

/* Two convolutions of pictures of 3 channels. */
static struct stoa_model *build(void)
{
    struct stoa_error error = {0};
    struct stoa_builder *builder;
    struct stoa_model *model;
    cr_assert(stoa_builder_create(NULL, &error, &builder) == STOA_OK, "%s", error.message);
    struct stoa_value x = stoa_build_input(builder, "picture", 3, (size_t[]){3, 8, 8});
    x = stoa_build_conv2d(builder, "first", x, &(struct stoa_build_conv){.out_channels = 4, .kernel = {3, 5}});
    x = stoa_build_relu(builder, "relu", x);
    x = stoa_build_conv2d(builder, "second", x, &(struct stoa_build_conv){.out_channels = 6, .kernel = {2, 2}});
    stoa_build_output(builder, "output", x);
    cr_assert(stoa_builder_finish(builder, &error, &model) == STOA_OK, "%s", error.message);
    return model;
}

Test(filters, are_the_weights)
{
    static const struct {
        const char *layer, *weights;
        size_t dims[4];
    } rows[] = {
        {NULL, "first.weight", {4, 3, 3, 5}},
        {"first", "first.weight", {4, 3, 3, 5}},
        {"second", "second.weight", {6, 4, 2, 2}},
    };
    struct stoa_model *model = build();
    for (size_t r = 0; r < sizeof rows / sizeof *rows; r++) {
        struct stoa_error error = {0};
        struct stoa_array filters;
        enum stoa_status status = stoa_show_filters(model, rows[r].layer, &error, &filters);
        cr_assert(status == STOA_OK, "%s: %s", rows[r].weights, error.message);
        const struct stoa_tensor *weights =
            model->graph.values[stoa_graph_find(&model->graph, rows[r].weights)].constant;
        size_t count = rows[r].dims[0] * rows[r].dims[1] * rows[r].dims[2] * rows[r].dims[3];
        cr_expect(memcmp(filters.tensor.dims, rows[r].dims, sizeof rows[r].dims) == 0, "%s: dims", rows[r].weights);
        cr_expect(memcmp(filters.tensor.data, weights->data, count * sizeof(float)) == 0, "%s", rows[r].weights);
        stoa_array_free(&filters);
    }
    stoa_model_free(model);
}

Test(filters, say_why_there_are_none)
{
    static const struct {
        const char *layer, *says;
    } rows[] = {
        {"relu", "layer 'relu' (Relu) has no filters"},
        {"secnd", "no layer 'secnd'; of its 3 these are nearest: 'second'"},
    };
    struct stoa_model *model = build();
    for (size_t r = 0; r < sizeof rows / sizeof *rows; r++) {
        struct stoa_error error = {0};
        struct stoa_array filters;
        enum stoa_status status = stoa_show_filters(model, rows[r].layer, &error, &filters);
        cr_expect(status == STOA_ERROR_ARGUMENT, "%s: %s", rows[r].layer, stoa_status_name(status));
        cr_expect(strstr(error.message, rows[r].says), "%s: %s", rows[r].layer, error.message);
        cr_expect(!filters.tensor.data, "%s: an array", rows[r].layer);
    }
    stoa_model_free(model);
}

#define TILE 8

/* pixels[height][width][3] <- the middles of the tiles that are drawn for its elements. */
static void draw(const struct shown *shown, uint8_t *pixels)
{
    struct stoa_allocator allocator = stoa_allocator_default();
    struct stoa_error error = {0};
    struct picture picture;
    struct page page;
    struct image image;
    char path[TEMPORARY_PATH];
    const double width = (double)(TILE * shown->width), height = (double)(TILE * shown->height);
    temporary_file(".png", path);
    stoa_page_begin("tiles", &allocator, &page);
    cr_assert(stoa_picture_begin(width, height, &error, &picture) == STOA_OK, "%s", error.message);
    stoa_picture_shown(&picture, 0, 0, width, height, shown);
    cr_assert(stoa_page_picture(&page, &picture, NULL, 0, &error) == STOA_OK, "%s", error.message);
    cr_assert(stoa_page_write(&page, path, &error) == STOA_OK, "%s", error.message);
    cr_assert(stoa_image_read(path, &allocator, &error, &image) == STOA_OK, "%s", error.message);
    unlink(path);
    for (size_t y = 0; y < shown->height; y++)
        for (size_t x = 0; x < shown->width; x++, pixels += 3)
            memcpy(pixels, image.pixels + ((y * TILE + TILE / 2) * image.width + x * TILE + TILE / 2) * 3, 3);
    stoa_image_free(&allocator, &image);
    stoa_page_free(&page);
}

Test(filters, keep_an_order_of_colours_in_tiles)
{
    static const float data[2][6] = {{-1, 0, 1, 0.5F, -0.5F, 0}, {-4, 0, 4, 2, -2, 0}};
    uint8_t pixels[2][6 * 3];
    for (size_t i = 0; i < 2; i++) {
        struct shown shown = {
            .data = data[i], .channels = 1, .height = 2, .width = 3, .strides = {6, 3, 1}, .map = COLOUR_DIVERGING};
        stoa_shown_symmetric(&shown);
        draw(&shown, pixels[i]);
    }
    cr_expect(memcmp(pixels[0], pixels[1], sizeof pixels[0]) == 0, "a filter's scale is its own");
    for (size_t p = 0; p < 6; p++) {
        uint8_t rgb[3];
        stoa_colour_at(COLOUR_DIVERGING, (data[0][p] + 1) / 2, rgb);
        cr_expect(memcmp(&pixels[0][p * 3], rgb, 3) == 0, "pixel %zu", p);
    }
}
