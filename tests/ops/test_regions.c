/* Places and regions of images, against the twin. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "base/tensor.h"
#include "ops/direct.h"
#include "support/op_check.h"

#define SEVEN "f32[2,5,7,3] f32[2,4,6,2]"
/* One pixel each far out, at the edge, between, and no place at all. */
#define ODD                                                                                                            \
    "f32[1,2,3,4] f32[1,1,12,2]{-10,10,1e30,-1e30,inf,-inf,nan,0.5,0.25,nan,-1,-1,1,1,0.0,0.0,-1.001,1.001,-0.75,0.5," \
    "3,-3,0.333,-0.667}"
#define VOLUMES "f32[2,3,4,5,6] f32[2,3,4,2,3]"
static const struct op_row rows[] = {
    {"bilinear", "GridSample", 16, "", SEVEN},
    {"bilinear, corners", "GridSample", 16, "align_corners=1", SEVEN},
    {"bilinear, border", "GridSample", 16, "padding_mode='border'", SEVEN},
    {"bilinear, reflection", "GridSample", 16, "padding_mode='reflection'", SEVEN},
    {"bilinear, reflection, corners", "GridSample", 16, "padding_mode='reflection' align_corners=1", SEVEN},
    {"nearest", "GridSample", 16, "mode='nearest'", SEVEN},
    {"nearest, corners, border", "GridSample", 16, "mode='nearest' padding_mode='border' align_corners=1", SEVEN},
    {"nearest, reflection", "GridSample", 16, "mode='nearest' padding_mode='reflection'", SEVEN},
    {"bicubic", "GridSample", 16, "mode='bicubic'", SEVEN},
    {"bicubic, border", "GridSample", 16, "mode='bicubic' padding_mode='border'", SEVEN},
    {"bicubic, reflection, corners", "GridSample", 16, "mode='bicubic' padding_mode='reflection' align_corners=1",
     SEVEN},
    {"odd places", "GridSample", 16, "", ODD},
    {"odd places, corners", "GridSample", 16, "align_corners=1", ODD},
    {"odd places, border", "GridSample", 16, "padding_mode='border'", ODD},
    {"odd places, reflection", "GridSample", 16, "padding_mode='reflection'", ODD},
    {"odd places, reflection, corners", "GridSample", 16, "padding_mode='reflection' align_corners=1", ODD},
    {"odd places, nearest", "GridSample", 16, "mode='nearest'", ODD},
    {"odd places, bicubic", "GridSample", 16, "mode='bicubic' padding_mode='border'", ODD},
    {"one pixel, reflection, corners", "GridSample", 16, "padding_mode='reflection' align_corners=1",
     "f32[1,1,1,1] f32[1,2,2,2]"},
    {"many channels", "GridSample", 16, "", "f32[1,37,5,5] f32[1,3,3,2]"},
    {"no pixels", "GridSample", 16, "padding_mode='border'", "f32[1,2,0,3] f32[1,2,2,2]"},
    {"no places", "GridSample", 16, "", "f32[1,2,3,3] f32[1,0,2,2]"},
    {"no image", "GridSample", 16, "", "f32[0,2,3,3] f32[0,1,2,2]"},
    {"linear", "GridSample", 20, "mode='linear'", SEVEN},
    {"cubic, by its new name", "GridSample", 20, "mode='cubic' padding_mode='reflection'", SEVEN},
    {"nearest, opset 21", "GridSample", 21, "mode='nearest'", SEVEN},
    {"volumes", "GridSample", 20, "", VOLUMES},
    {"volumes, corners, border", "GridSample", 20, "align_corners=1 padding_mode='border'", VOLUMES},
    {"volumes, reflection", "GridSample", 20, "padding_mode='reflection'", VOLUMES},
    {"volumes, nearest", "GridSample", 20, "mode='nearest'", VOLUMES},
    {"volumes of many channels", "GridSample", 20, "", "f32[1,37,2,5,5] f32[1,2,3,1,3]"},
    {"no volume", "GridSample", 20, "", "f32[0,2,3,3,3] f32[0,1,2,2,3]"},
    {"places of pixels", "AffineGrid", 20, "", "f32[2,2,3] !i64{2,3,5,7}"},
    {"places of pixels, corners", "AffineGrid", 20, "align_corners=1", "f32[2,2,3] !i64{2,3,5,7}"},
    {"places of one pixel", "AffineGrid", 20, "", "f32[3,2,3] !i64{3,1,1,1}"},
    {"places of one pixel, corners", "AffineGrid", 20, "align_corners=1", "f32[3,2,3] !i64{3,1,1,1}"},
    {"places of a row, corners", "AffineGrid", 20, "align_corners=1", "f32[1,2,3] !i64{1,0,1,9}"},
    {"places of a column", "AffineGrid", 23, "", "!f32[1,2,3] !i32{1,3,9,1}"},
    {"places of many pixels", "AffineGrid", 20, "align_corners=1", "f32[1,2,3] !i64{1,3,101,211}"},
    {"places nowhere", "AffineGrid", 20, "", "f32[1,2,3]{nan,0.0,1,0.5,inf,-1} !i64{1,3,3,3}"},
    {"places in volumes", "AffineGrid", 20, "", "f32[2,3,4] !i64{2,3,4,5,6}"},
    {"places in volumes, corners", "AffineGrid", 20, "align_corners=1", "f32[2,3,4] !i64{2,3,4,5,6}"},
    {"places in flat volumes, corners", "AffineGrid", 20, "align_corners=1", "f32[2,3,4] !i64{2,3,1,5,6}"},
    {"places of no image", "AffineGrid", 20, "", "f32[0,2,3] !i64{0,3,4,5}"},
    {"places of no pixel", "AffineGrid", 20, "", "f32[1,2,3] !i64{1,3,4,0}"},
    {"places of no row", "AffineGrid", 20, "align_corners=1", "f32[1,3,4] !i64{1,3,2,0,5}"},
    {"regions", "RoiAlign", 16, "output_height=3 output_width=2",
     "f32[2,5,10,8] f32[3,4]{0.0,0.0,7,9,1.3,2.7,5.5,4,3,3,3.5,9} i64{0,1,1}"},
    {"regions, not shifted", "RoiAlign", 16,
     "output_height=3 output_width=2 coordinate_transformation_mode='output_half_pixel'",
     "f32[2,5,10,8] f32[3,4]{0.0,0.0,7,9,1.3,2.7,5.5,4,3,3,3.5,9} i64{0,1,1}"},
    {"regions of opset 10", "RoiAlign", 10, "output_height=2 output_width=3 sampling_ratio=2 spatial_scale=0.5",
     "f32[2,5,10,8] f32[2,4]{0.0,0.0,14,19,1.3,2.7,5.5,4} i64{1,0}"},
    {"the largest of regions", "RoiAlign", 16, "output_height=3 output_width=2 mode='max'",
     "f32[2,5,10,8] f32[2,4]{0.0,0.0,7,9,1.3,2.7,5.5,4} i64{0,1}"},
    {"regions that reach out", "RoiAlign", 16, "output_height=4 output_width=4 sampling_ratio=3",
     "f32[1,3,6,5] f32[3,4]{-4,-5,20,9,4,5,30,40,-9,-9,-3,-3} i64{0,0,0}"},
    {"the largest of regions that reach out", "RoiAlign", 16, "output_height=4 output_width=4 mode='max'",
     "f32[1,3,6,5] f32[2,4]{-4,-5,20,9,4,5,30,40} i64{0,0}"},
    {"regions turned around", "RoiAlign", 16, "output_height=2 output_width=2",
     "f32[1,3,6,5] f32[1,4]{4,4,1,1} i64{0}"},
    {"regions by int32", "RoiAlign", 16, "", "f32[1,3,6,5] f32[1,4]{1,1,4,4} i32{0}"},
    {"regions of many channels", "RoiAlign", 16, "output_width=2", "f32[1,37,6,5] f32[1,4]{1,1,4,4} i64{0}"},
    {"no regions", "RoiAlign", 16, "", "f32[1,3,6,5] f32[0,4] i64[0]"},
    {"regions of no pixels", "RoiAlign", 16, "", "f32[1,3,0,5] f32[1,4]{0.0,0.0,1,1} i64{0}"},
    {"boxes", "NonMaxSuppression", 11, "",
     "!f32[1,6,4]{0.0,0.0,1,1,0.0,0.1,1,1.1,0.0,-0.1,1,0.9,0.0,10,1,11,0.0,10.1,1,11.1,0.0,100,1,101} "
     "!f32[1,1,6]{0.9,0.75,0.6,0.95,0.5,0.3} !i64(3) !f32(0.5) !f32(0.0)"},
    {"boxes by their centres", "NonMaxSuppression", 10, "center_point_box=1",
     "!f32[1,4,4]{0.5,0.5,1,1,0.5,0.6,1,1,0.5,10.5,1,1,0.5,10.6,1,1} !f32[1,1,4]{0.9,0.75,0.6,0.95} !i64{9} !f32{0.5}"},
    {"boxes with flipped corners", "NonMaxSuppression", 11, "",
     "!f32[1,3,4]{1,1,0.0,0.0,0.0,0.1,1,1.1,1,11,0.0,10} !f32[1,1,3]{0.9,0.9,0.3} !i64(3) !f32(0.5) !f32(0.4)"},
    {"boxes of images and classes", "NonMaxSuppression", 11, "",
     "!f32+[2,40,4] !f32[2,3,40] !i64(7) !f32(0.3) !f32(-0.5)"},
    {"all boxes", "NonMaxSuppression", 11, "", "!f32+[1,70,4] !f32[1,2,70] !i64(1000) !f32(1)"},
    {"no boxes wanted", "NonMaxSuppression", 11, "", "!f32+[1,5,4] !f32[1,2,5]"},
    {"boxes of no size", "NonMaxSuppression", 11, "", "!f32[1,2,4]{1,1,1,1,1,1,1,1} !f32[1,1,2] !i64(5) !f32(0.0)"},
    {"no boxes", "NonMaxSuppression", 11, "", "!f32[1,0,4] !f32[1,2,0] !i64(5)"},
};

Test(regions, agree_with_the_twin)
{
    for (size_t i = 0; i < COUNT(rows); i++)
        op_check(&rows[i]);
}

static const struct op_refusal refused[] = {
    {{"places of other images", "GridSample", 16, "", "f32[2,1,3,3] f32[1,1,1,2]"}, STOA_ERROR_SHAPE, "[1,1,1,2]"},
    {{"places in space", "GridSample", 16, "", "f32[1,1,3,3] f32[1,1,1,3]"}, STOA_ERROR_SHAPE, "[1,1,1,3]"},
    {{"places in another way", "GridSample", 16, "mode='linear'", "f32[1,1,3,3] f32[1,1,1,2]"},
     STOA_ERROR_ATTRIBUTE,
     "linear"},
    {{"places in a way of old", "GridSample", 20, "mode='bilinear'", "f32[1,1,3,3] f32[1,1,1,2]"},
     STOA_ERROR_ATTRIBUTE,
     "bilinear"},
    {{"volumes before opset 20", "GridSample", 16, "", "f32[1,1,3,3,3] f32[1,1,1,1,3]"}, STOA_ERROR_SHAPE, "[N,C,H,W]"},
    {{"cubic volumes", "GridSample", 20, "mode='cubic'", "f32[1,1,3,3,3] f32[1,1,1,1,3]"},
     STOA_ERROR_ATTRIBUTE,
     "cubic"},
    {{"volumes at places of images", "GridSample", 20, "", "f32[1,1,3,3,3] f32[1,1,1,1,2]"},
     STOA_ERROR_SHAPE,
     "[N,OD,OH,OW,3]"},
    {{"places of double", "GridSample", 16, "", "f64[1,1,3,3] f64[1,1,1,2]"}, STOA_ERROR_UNSUPPORTED, "double"},
    {{"a map of space for images", "AffineGrid", 20, "", "f32[1,3,4] !i64{1,1,3,3}"},
     STOA_ERROR_SHAPE,
     "input theta has dims [1,3,4], must have [1,2,3]"},
    {{"a map of images for space", "AffineGrid", 20, "", "f32[1,2,3] !i64{1,1,3,3,3}"},
     STOA_ERROR_SHAPE,
     "[1,2,3], must have [1,3,4]"},
    {{"maps of other images", "AffineGrid", 20, "", "f32[2,2,3] !i64{1,1,3,3}"}, STOA_ERROR_SHAPE, "must have [1,2,3]"},
    {{"maps without images", "AffineGrid", 20, "", "f32[2,3] !i64{1,1,3,3}"}, STOA_ERROR_SHAPE, "[2,3]"},
    {{"maps of signals", "AffineGrid", 20, "", "f32[1,1,2] !i64{1,1,3}"}, STOA_ERROR_SHAPE, "size has 3 values"},
    {{"maps of too many axes", "AffineGrid", 20, "", "f32[1,4,5] !i64{1,1,2,2,2,2}"},
     STOA_ERROR_LIMIT,
     "size has 6 values"},
    {{"fewer than no pixels", "AffineGrid", 20, "", "f32[1,2,3] !i64{1,1,3,-3}"},
     STOA_ERROR_ATTRIBUTE,
     "size[3] is -3"},
    {{"pixels beyond memory", "AffineGrid", 20, "", "f32[1,2,3] !i64{1,1,4294967296,4294967296}"},
     STOA_ERROR_LIMIT,
     "memory"},
    {{"a size that is computed", "AffineGrid", 20, "", "f32[1,2,3] i64{1,1,3,3}"}, STOA_ERROR_UNSUPPORTED, "size"},
    {{"a size of floats", "AffineGrid", 20, "", "f32[1,2,3] !f32{1,1,3,3}"}, STOA_ERROR_GRAPH, "size"},
    {{"corners of another kind", "AffineGrid", 20, "align_corners=2", "f32[1,2,3] !i64{1,1,3,3}"},
     STOA_ERROR_ATTRIBUTE,
     "align_corners is 2"},
    {{"a map of doubles", "AffineGrid", 20, "", "f64[1,2,3] !i64{1,1,3,3}"}, STOA_ERROR_UNSUPPORTED, "double"},
    {{"regions of no image", "RoiAlign", 16, "", "f32[1,3,6] f32[1,4] i64{0}"}, STOA_ERROR_SHAPE, "[1,3,6]"},
    {{"regions of five numbers", "RoiAlign", 16, "", "f32[1,3,6,5] f32[1,5] i64{0}"}, STOA_ERROR_SHAPE, "[1,5]"},
    {{"regions of fewer images", "RoiAlign", 16, "", "f32[1,3,6,5] f32[2,4] i64{0}"}, STOA_ERROR_SHAPE, "[1]"},
    {{"regions of an image there is not", "RoiAlign", 16, "", "f32[1,3,6,5] f32[1,4]{0.0,0.0,1,1} i64{1}"},
     STOA_ERROR_DATA,
     "batch_indices[0] is 1, must be in [0, 1)"},
    {{"regions of an image before all", "RoiAlign", 16, "", "f32[1,3,6,5] f32[1,4]{0.0,0.0,1,1} i64{-1}"},
     STOA_ERROR_DATA,
     "batch_indices[0] is -1"},
    {{"regions beyond all", "RoiAlign", 16, "", "f32[1,3,6,5] f32[1,4]{0.0,0.0,1e6,1} i64{0}"},
     STOA_ERROR_DATA,
     "rois[0]"},
    {{"regions of no number", "RoiAlign", 16, "sampling_ratio=2", "f32[1,3,6,5] f32[1,4]{0.0,nan,1,1} i64{0}"},
     STOA_ERROR_DATA,
     "rois[0]"},
    {{"regions shifted too early", "RoiAlign", 10, "coordinate_transformation_mode='half_pixel'",
      "f32[1,3,6,5] f32[1,4] i64{0}"},
     STOA_ERROR_ATTRIBUTE,
     "coordinate_transformation_mode"},
    {{"boxes that are computed", "NonMaxSuppression", 11, "", "f32[1,2,4] !f32[1,1,2]"},
     STOA_ERROR_UNSUPPORTED,
     "input boxes"},
    {{"scores that are computed", "NonMaxSuppression", 11, "", "!f32[1,2,4] f32[1,1,2]"},
     STOA_ERROR_UNSUPPORTED,
     "input scores"},
    {{"boxes of other scores", "NonMaxSuppression", 11, "", "!f32[1,2,4] !f32[1,1,3]"}, STOA_ERROR_SHAPE, "[1,1,3]"},
    {{"two thresholds", "NonMaxSuppression", 11, "", "!f32[1,2,4] !f32[1,1,2] !i64(1) !f32{1,2}"},
     STOA_ERROR_SHAPE,
     "iou_threshold"},
    {{"a float of boxes", "NonMaxSuppression", 11, "", "!f32[1,2,4] !f32[1,1,2] !f32(1)"},
     STOA_ERROR_GRAPH,
     "max_output_boxes_per_class"},
};

Test(regions, refuse_what_they_cannot_do)
{
    for (size_t i = 0; i < COUNT(refused); i++)
        op_check_refused(&refused[i]);
}

/* A tensor of those dims, plain. */
static struct stoa_tensor tensor_of(enum stoa_dtype dtype, size_t rank, const size_t *dims, const void *data)
{
    struct stoa_tensor tensor = {.dtype = dtype, .rank = rank, .data = (void *)(size_t)data};
    for (size_t i = 0; i < rank; i++)
        tensor.dims[i] = dims[i];
    stoa_tensor_set_plain(&tensor);
    return tensor;
}

/* From 1.9f to 7.9f there are three bins of two pixels in float, and a little more than two in double: three samples
 * instead of two. Values are torchvision's for an image of squared columns. */
Test(regions, as_many_samples_as_floats_say)
{
    static float image[16 * 16];
    static const float roi[4] = {1.9f, 1.9f, 7.9f, 7.9f}, expected[3] = {6.1f, 19.7f, 41.3f};
    static const int64_t first[1] = {0};
    for (size_t i = 0; i < 256; i++)
        image[i] = (float)(i % 16 * (i % 16));
    const struct direct direct = {
        .name = "samples",
        .type = "RoiAlign",
        .opset = 16,
        .attribute_count = 2,
        .attributes = {{.name = "output_height", .kind = ATTRIBUTE_INT, .integer = 3},
                       {.name = "output_width", .kind = ATTRIBUTE_INT, .integer = 3}},
        .input_count = 3,
        .inputs = {tensor_of(STOA_FLOAT, 4, (const size_t[]){1, 1, 16, 16}, image),
                   tensor_of(STOA_FLOAT, 2, (const size_t[]){1, 4}, roi),
                   tensor_of(STOA_INT64, 1, (const size_t[]){1}, first)},
    };
    struct stoa_tensor y = direct_run(&direct);
    for (size_t i = 0; i < 9; i++)
        cr_expect(fabsf(((const float *)y.data)[i] - expected[i % 3]) < 1e-4f, "%zu: %g", i,
                  (double)((const float *)y.data)[i]);
    free(y.data);
}

/* More boxes than are looked for at a time, many of the same score: the best ones first, of equal ones the first. */
Test(regions, boxes_in_the_order_of_their_scores)
{
    enum { COUNT = 1000 };
    static float boxes[COUNT][4], scores[COUNT];
    static bool gone[COUNT];
    static const int64_t most = COUNT;
    static const float half = 0.5f;
    struct random random = {.state = 5};
    for (size_t i = 0; i < COUNT; i++) {
        size_t y = (size_t)stoa_random_int(&random, 0, 59), x = (size_t)stoa_random_int(&random, 0, 59);
        scores[i] = (float)stoa_random_int(&random, 0, 99);
        boxes[i][0] = (float)y;
        boxes[i][1] = (float)x;
        boxes[i][2] = (float)y + (float)stoa_random_int(&random, 1, 3);
        boxes[i][3] = (float)x + (float)stoa_random_int(&random, 1, 3);
    }
    const struct direct direct = {
        .name = "many boxes",
        .type = "NonMaxSuppression",
        .opset = 11,
        .input_count = 4,
        .inputs = {tensor_of(STOA_FLOAT, 3, (const size_t[]){1, COUNT, 4}, boxes),
                   tensor_of(STOA_FLOAT, 3, (const size_t[]){1, 1, COUNT}, scores),
                   tensor_of(STOA_INT64, 0, NULL, &most), tensor_of(STOA_FLOAT, 0, NULL, &half)},
        .known = 15,
    };
    struct stoa_tensor y = direct_run(&direct);
    const int64_t *row = y.data;
    size_t picked = 0;
    for (int score = 99; score >= 0; score--)
        for (size_t i = 0; i < COUNT; i++) {
            if (gone[i] || scores[i] != (float)score)
                continue;
            cr_assert(picked < y.dims[0] && row[3 * picked + 2] == (int64_t)i, "%zu: %lld, not %zu", picked,
                      (long long)row[3 * picked + 2], i);
            picked++;
            for (size_t k = 0; k < COUNT; k++) {
                float height = fminf(boxes[i][2], boxes[k][2]) - fmaxf(boxes[i][0], boxes[k][0]);
                float width = fminf(boxes[i][3], boxes[k][3]) - fmaxf(boxes[i][1], boxes[k][1]);
                float common = fmaxf(height, 0) * fmaxf(width, 0);
                float areas = (boxes[i][2] - boxes[i][0]) * (boxes[i][3] - boxes[i][1]) +
                              (boxes[k][2] - boxes[k][0]) * (boxes[k][3] - boxes[k][1]);
                gone[k] = gone[k] || common > 0.5f * (areas - common);
            }
        }
    cr_expect(picked == y.dims[0] && picked > 256 && picked < COUNT, "%zu of %zu", picked, y.dims[0]);
    free(y.data);
}
