/* Places and regions of images: AffineGrid, GridSample, RoiAlign, NonMaxSuppression. The slack of a sampled value is a
 * rounding for each weight, product and sum: 3 + n on n products. Coordinates are exact, as whoever computes them does
 * so in double.
 */
#include <math.h>

#include "base/memory.h"
#include "reference/internal.h"

/* A place along an axis as pixels and weights, at most four. */
struct taps {
    size_t count;
    double index[4], weight[4];
};

/* The sum over all combinations of taps from axis i on, of elements that begin at `offset`; what is outside is 0. */
static void add_products(const struct reference_tensor *x, size_t i, size_t offset, const struct taps *taps,
                         double weight, double *value, double *magnitude, double *products)
{
    if (i == x->rank) {
        *value += weight * x->values[offset];
        *magnitude += fabs(weight * x->values[offset]);
        *products += 1;
        return;
    }
    for (size_t k = 0; k < taps->count; k++)
        if (taps->index[k] >= 0 && taps->index[k] < (double)x->dims[i])
            add_products(x, i + 1, offset * x->dims[i] + (size_t)taps->index[k], taps + 1, weight * taps->weight[k],
                         value, magnitude, products);
}

/* One channel of one image, with taps for each of its axes. */
static void blend(const struct reference_tensor *x, size_t n, size_t c, const struct taps *taps, double *value,
                  double *slack)
{
    double magnitude = 0, products = 0;
    *value = 0;
    add_products(x, 2, n * x->dims[1] + c, taps, 1, value, &magnitude, &products);
    *slack = (products + (double)x->rank - 1) * (magnitude + REFERENCE_TINY);
}

enum { GRID_BILINEAR, GRID_NEAREST, GRID_BICUBIC };
enum { GRID_ZEROS, GRID_BORDER, GRID_REFLECTION };

struct grid {
    size_t mode, padding;
    bool align;
};

/* Turned back at low and high until it lies between them. */
static double mirror(double place, double low, double high)
{
    if (high <= low)
        return low < 0 ? 0 : low;
    double period = 2 * (high - low), rest = fmod(place - low, period);
    if (rest < 0)
        rest += period;
    return low + (rest > high - low ? period - rest : rest);
}

static double grid_pad(const struct grid *grid, double place, double size)
{
    if (grid->padding == GRID_REFLECTION)
        place = grid->align ? mirror(place, 0, size - 1) : mirror(place, -0.5, size - 0.5);
    return grid->padding == GRID_ZEROS ? place : fmin(fmax(place, 0), size - 1);
}

/* Keys' cubic with a = -3/4, the weights of four neighbours t behind the second of them. */
static void cubic_weights(double t, double weight[4])
{
    for (int i = 0; i < 4; i++) {
        double d = fabs(t + 1 - i);
        weight[i] = d <= 1 ? 1.25 * d * d * d - 2.25 * d * d + 1 : -0.75 * d * d * d + 3.75 * d * d - 6 * d + 3;
    }
}

static struct taps grid_taps(const struct grid *grid, double given, double size)
{
    double place = grid->align ? (given + 1) / 2 * (size - 1) : ((given + 1) * size - 1) / 2;
    if (isnan(place) || place < -0x1p30)
        place = -0x1p30;
    place = fmin(place, 0x1p30);
    struct taps taps = {0};
    if (grid->mode == GRID_BICUBIC) {
        taps.count = 4;
        cubic_weights(place - floor(place), taps.weight);
        for (int i = 0; i < 4; i++)
            taps.index[i] = grid_pad(grid, floor(place) - 1 + i, size);
        return taps;
    }
    place = grid_pad(grid, place, size);
    taps.count = grid->mode == GRID_NEAREST ? 1 : 2;
    taps.index[0] = grid->mode == GRID_NEAREST ? nearbyint(place) : floor(place);
    taps.index[1] = taps.index[0] + 1;
    taps.weight[1] = grid->mode == GRID_NEAREST ? 0 : place - floor(place);
    taps.weight[0] = 1 - taps.weight[1];
    return taps;
}

enum stoa_status stoa_reference_grid_sample(struct reference_run *run)
{
    static const char *const before_20[] = {"bilinear", "nearest", "bicubic", NULL};
    static const char *const modes[] = {"linear", "nearest", "cubic", NULL};
    static const char *const paddings[] = {"zeros", "border", "reflection", NULL};
    const struct reference_tensor *x = stoa_reference_input(run, 0), *places = stoa_reference_input(run, 1);
    struct grid grid = {.mode = stoa_read_choice(&run->reader, "mode", run->call->opset < 20 ? before_20 : modes),
                        .padding = stoa_read_choice(&run->reader, "padding_mode", paddings),
                        .align = stoa_read_int(&run->reader, "align_corners", 0, 0, 1)};
    STOA_TRY(run->reader.status);
    const size_t axes = x->rank - 2;
    if (x->rank < 4 || x->rank > 5 || places->rank != x->rank || places->dims[0] != x->dims[0] ||
        places->dims[x->rank - 1] != axes)
        return stoa_fail(run->error, STOA_ERROR_SHAPE, "inputs are no images and places on them");
    struct reference_tensor *y;
    size_t dims[5] = {x->dims[0], x->dims[1]}, index[5] = {0};
    for (size_t i = 0; i < axes; i++)
        dims[2 + i] = places->dims[1 + i];
    STOA_TRY(stoa_reference_output(run, 0, x->dtype, x->rank, dims, &y));
    for (size_t at = 0; at < stoa_reference_count(y); at++, stoa_reference_next(x->rank, dims, index)) {
        size_t place = index[0];
        struct taps taps[3];
        for (size_t i = 0; i < axes; i++)
            place = place * dims[2 + i] + index[2 + i];
        for (size_t i = 0; i < axes; i++) /* the last axis's coordinate comes first */
            taps[i] = grid_taps(&grid, places->values[place * axes + axes - 1 - i], (double)x->dims[2 + i]);
        blend(x, index[0], index[1], taps, &y->values[at], &y->slack[at]);
    }
    return STOA_OK;
}

/* Coordinates are x, y, z in this order: number k of a pixel is its place on axis k from the last of the image. */
enum stoa_status stoa_reference_affine_grid(struct reference_run *run)
{
    const struct reference_tensor *theta = stoa_reference_input(run, 0);
    bool align = stoa_read_int(&run->reader, "align_corners", 0, 0, 1);
    struct reference_list size;
    struct reference_tensor *y;
    STOA_TRY(run->reader.status);
    STOA_TRY(stoa_reference_list(run, 1, NULL, &size));
    const size_t axes = size.count - 2;
    if (size.count < 4 || size.count > 5 || theta->rank != 3 || (int64_t)theta->dims[0] != size.items[0] ||
        theta->dims[1] != axes || theta->dims[2] != axes + 1)
        return stoa_fail(run->error, STOA_ERROR_SHAPE, "inputs are no affine maps and size");
    size_t dims[5] = {theta->dims[0]}, index[5] = {0};
    for (size_t i = 0; i < axes; i++)
        dims[1 + i] = size.items[2 + i] < 0 ? 0 : (size_t)size.items[2 + i];
    dims[1 + axes] = axes;
    STOA_TRY(stoa_reference_output(run, 0, theta->dtype, axes + 2, dims, &y));
    for (size_t at = 0; at < stoa_reference_count(y); at++, stoa_reference_next(axes + 2, dims, index)) {
        const double *row = theta->values + (index[0] * axes + index[1 + axes]) * (axes + 1);
        double sum = row[axes], magnitude = fabs(row[axes]), steepness = 0;
        for (size_t k = 0; k < axes; k++) {
            double i = (double)index[axes - k], n = (double)dims[axes - k], place = (2 * i + 1) / n - 1;
            if (align)
                place = n > 1 ? 2 * i / (n - 1) - 1 : 0;
            sum += row[k] * place;
            magnitude += fabs(row[k] * place);
            steepness += fabs(row[k]);
        }
        y->values[at] = sum;
        y->slack[at] = (double)(axes + 2) * magnitude + 4 * steepness; /* a place is off by three roundings, of 2 */
    }
    return STOA_OK;
}

struct roi {
    bool largest, half;
    double scale, samples;
    size_t size[2]; /* bins: down, across */
};

/* A place on an axis of `size` pixels as the two beside it; none further out than one pixel. */
static struct taps roi_taps(double place, double size)
{
    struct taps taps = {.count = 2};
    if (place < -1 || place > size)
        return (struct taps){0};
    place = fmin(fmax(place, 0), size - 1);
    taps.index[0] = floor(place);
    taps.index[1] = fmin(floor(place) + 1, size - 1);
    taps.weight[1] = place - floor(place);
    taps.weight[0] = 1 - taps.weight[1];
    return taps;
}

/* Channel c of bin (bin[0], bin[1]) of region r, of image n. */
static enum stoa_status roi_bin(struct reference_run *run, const struct roi *roi, size_t r, size_t n, size_t c,
                                const size_t bin[2], double *value, double *slack)
{
    const struct reference_tensor *x = stoa_reference_input(run, 0), *rois = stoa_reference_input(run, 1);
    double start[2], length[2], samples[2];
    for (size_t a = 0; a < 2; a++) {
        /* In floats: how many samples there are turns on the last bit of a length. */
        float shift = roi->half ? 0.5f : 0, scale = (float)roi->scale;
        float first = (float)rois->values[r * 4 + 1 - a] * scale - shift;
        float end = (float)rois->values[r * 4 + 3 - a] * scale - shift;
        float whole = roi->half ? end - first : fmaxf(end - first, 1);
        start[a] = (double)first;
        length[a] = (double)(whole / (float)roi->size[a]);
        samples[a] = roi->samples > 0 ? roi->samples : ceil(fmax(length[a], 0));
        if (!(samples[a] <= 65536))
            return stoa_fail(run->error, STOA_ERROR_DATA, "region %zu is too large", r);
    }
    double count = samples[0] * samples[1];
    *value = *slack = 0;
    for (double v = 0; v < samples[0]; v++)
        for (double h = 0; h < samples[1]; h++) {
            double sample, off;
            const struct taps taps[2] = {
                roi_taps(start[0] + ((double)bin[0] + (v + 0.5) / samples[0]) * length[0], (double)x->dims[2]),
                roi_taps(start[1] + ((double)bin[1] + (h + 0.5) / samples[1]) * length[1], (double)x->dims[3])};
            blend(x, n, c, taps, &sample, &off);
            if (!roi->largest) {
                *value += sample / count;
                *slack += off / count + fabs(*value);
            } else {
                *value = v == 0 && h == 0 ? sample : isnan(*value) || isnan(sample) ? NAN : fmax(*value, sample);
                *slack = fmax(*slack, off);
            }
        }
    return STOA_OK;
}

enum stoa_status stoa_reference_roi_align(struct reference_run *run)
{
    static const char *const modes[] = {"avg", "max", NULL};
    static const char *const transformations[] = {"half_pixel", "output_half_pixel", NULL};
    const struct reference_tensor *x = stoa_reference_input(run, 0), *rois = stoa_reference_input(run, 1),
                                  *images = stoa_reference_input(run, 2);
    struct roi roi = {
        .largest = stoa_read_choice(&run->reader, "mode", modes) == 1,
        .half = run->call->opset >= 16 &&
                stoa_read_choice(&run->reader, "coordinate_transformation_mode", transformations) == 0,
        .scale = (double)stoa_read_float(&run->reader, "spatial_scale", 1),
        .samples = (double)stoa_read_int(&run->reader, "sampling_ratio", 0, 0, 4096),
        .size = {(size_t)stoa_read_int(&run->reader, "output_height", 1, 1, INT32_MAX),
                 (size_t)stoa_read_int(&run->reader, "output_width", 1, 1, INT32_MAX)},
    };
    STOA_TRY(run->reader.status);
    if (x->rank != 4 || rois->rank != 2 || rois->dims[1] != 4 || stoa_reference_count(images) != rois->dims[0])
        return stoa_fail(run->error, STOA_ERROR_SHAPE, "inputs are no images and regions of them");
    struct reference_tensor *y;
    size_t dims[] = {rois->dims[0], x->dims[1], roi.size[0], roi.size[1]}, index[4] = {0}, n;
    STOA_TRY(stoa_reference_output(run, 0, x->dtype, 4, dims, &y));
    for (size_t at = 0; at < stoa_reference_count(y); at++, stoa_reference_next(4, dims, index)) {
        STOA_TRY(stoa_reference_index(run, images->values[index[0]], x->dims[0], &n));
        STOA_TRY(roi_bin(run, &roi, index[0], n, index[1], index + 2, &y->values[at], &y->slack[at]));
    }
    return STOA_OK;
}

/* Corners of a box: lower and higher y, lower and higher x. */
static void corners(const double *box, bool centered, double corner[4])
{
    for (int a = 0; a < 2; a++) {
        double p = box[a], q = box[a + 2];
        corner[2 * a] = centered ? p - q / 2 : fmin(p, q);
        corner[2 * a + 1] = centered ? p + q / 2 : fmax(p, q);
    }
}

static double shared(const double *a, const double *b, bool centered)
{
    double p[4], q[4];
    corners(a, centered, p);
    corners(b, centered, q);
    double height = fmin(p[1], q[1]) - fmax(p[0], q[0]), width = fmin(p[3], q[3]) - fmax(p[2], q[2]);
    if (!(height > 0 && width > 0))
        return 0;
    return height * width / ((p[1] - p[0]) * (p[3] - p[2]) + (q[1] - q[0]) * (q[3] - q[2]) - height * width);
}

/* The boxes kept of one class, best first, into kept; returns how many. */
static size_t suppress(const double *boxes, const double *scores, size_t count, bool centered, double most,
                       double overlap, double least, size_t *kept)
{
    size_t found = 0, last_index = count; /* count: none yet */
    double last = INFINITY;
    while ((double)found < most) {
        /* The next in the order of scores, then of indices, behind the last that was looked at. */
        size_t next = count;
        for (size_t i = 0; i < count; i++) {
            bool behind = scores[i] < last || (scores[i] == last && i > last_index) || last_index == count;
            if (scores[i] > least && behind && (next == count || scores[i] > scores[next]))
                next = i;
        }
        if (next == count)
            break;
        last = scores[next];
        last_index = next;
        bool free = true;
        for (size_t k = 0; k < found; k++)
            free &= !(shared(boxes + 4 * kept[k], boxes + 4 * next, centered) > overlap);
        if (free)
            kept[found++] = next;
    }
    return found;
}

static double one_number(const struct reference_tensor *tensor, double absent)
{
    return tensor && stoa_reference_count(tensor) == 1 ? tensor->values[0] : absent;
}

enum stoa_status stoa_reference_non_max_suppression(struct reference_run *run)
{
    const struct reference_tensor *boxes = stoa_reference_input(run, 0), *scores = stoa_reference_input(run, 1);
    bool centered = stoa_read_int(&run->reader, "center_point_box", 0, 0, 1);
    double most = one_number(stoa_reference_input(run, 2), 0), overlap = one_number(stoa_reference_input(run, 3), 0);
    double least = one_number(stoa_reference_input(run, 4), -INFINITY);
    STOA_TRY(run->reader.status);
    if (boxes->rank != 3 || scores->rank != 3 || boxes->dims[2] != 4 || boxes->dims[0] != scores->dims[0] ||
        boxes->dims[1] != scores->dims[2])
        return stoa_fail(run->error, STOA_ERROR_SHAPE, "inputs are no boxes with scores");
    size_t images = scores->dims[0], classes = scores->dims[1], count = scores->dims[2], rows = 0, *kept;
    STOA_TRY(stoa_allocate(run->allocator, count, sizeof *kept, run->error, &kept));
    struct reference_tensor *y = NULL;
    enum stoa_status status = STOA_OK;
    for (int pass = 0; status == STOA_OK && pass < 2; pass++) {
        if (pass == 1)
            status = stoa_reference_output(run, 0, STOA_INT64, 2, (size_t[]){rows, 3}, &y);
        rows = 0;
        for (size_t i = 0; status == STOA_OK && i < images * classes; i++) {
            size_t n = i / classes;
            size_t found = suppress(boxes->values + n * count * 4, scores->values + i * count, count, centered, most,
                                    overlap, least, kept);
            for (size_t k = 0; y && k < found; k++) {
                y->values[(rows + k) * 3] = (double)n;
                y->values[(rows + k) * 3 + 1] = (double)(i % classes);
                y->values[(rows + k) * 3 + 2] = (double)kept[k];
            }
            rows += found;
        }
    }
    stoa_release(run->allocator, kept);
    return status;
}
