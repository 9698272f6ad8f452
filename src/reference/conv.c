/* Conv, ConvTranspose and Col2Im as their definitions have them.
 *
 * Slack: a sum of K products in any order is off by at most (K + 1) * sum |x*w|; a bias is one term more. K counts the
 * taps of the kernel whether or not they fall on the input, since an implementation may add their zeros.
 *
 * Here and only here speed matters a little (whole networks run through it): the loop over a row of outputs is the
 * innermost one, so that the compiler can vectorise it. */
#include <math.h>

#include "base/memory.h"
#include "reference/internal.h"

/* sum[o] += x[o*stride] * w and magnitude[o] += |x[o*stride] * w| for o < count. */
static void add_row(size_t count, const double *restrict x, size_t stride, double w, double *restrict sum,
                    double *restrict magnitude)
{
    if (stride == 1) {
        for (size_t o = 0; o < count; o++) {
            double product = x[o] * w;
            sum[o] += product;
            magnitude[o] += fabs(product);
        }
        return;
    }
    for (size_t o = 0; o < count; o++) {
        double product = x[o * stride] * w;
        sum[o] += product;
        magnitude[o] += fabs(product);
    }
}

/* The outputs [*first, *last) of a row for which o * stride + offset lies in [0, in). */
static void clip_row(int64_t out, int64_t in, int64_t stride, int64_t offset, int64_t *first, int64_t *last)
{
    *first = offset < 0 ? (-offset + stride - 1) / stride : 0;
    *last = in - offset > 0 ? (in - offset + stride - 1) / stride : 0;
    if (*last > out)
        *last = out;
}

/* One output channel of one image: sum[OD][OH][OW] <- x[C][ID][IH][IW], w[C][KD][KH][KW]. */
static void conv_channel(const struct reference_window *win, size_t channels, const double *x, const double *w,
                         double *sum, double *magnitude)
{
    const int64_t *in = win->in, *kernel = win->kernel, *out = win->out;
    for (int64_t od = 0; od < out[0]; od++)
        for (int64_t oh = 0; oh < out[1]; oh++) {
            size_t row = (size_t)((od * out[1] + oh) * out[2]);
            for (size_t c = 0; c < channels; c++)
                for (int64_t kd = 0; kd < kernel[0]; kd++)
                    for (int64_t kh = 0; kh < kernel[1]; kh++) {
                        int64_t id = od * win->stride[0] + kd * win->dilation[0] - win->begin[0];
                        int64_t ih = oh * win->stride[1] + kh * win->dilation[1] - win->begin[1];
                        if (id < 0 || id >= in[0] || ih < 0 || ih >= in[1])
                            continue;
                        const double *line = x + (((int64_t)c * in[0] + id) * in[1] + ih) * in[2];
                        const double *taps = w + (((int64_t)c * kernel[0] + kd) * kernel[1] + kh) * kernel[2];
                        for (int64_t kw = 0; kw < kernel[2]; kw++) {
                            int64_t offset = kw * win->dilation[2] - win->begin[2], first, last;
                            clip_row(out[2], in[2], win->stride[2], offset, &first, &last);
                            if (first < last)
                                add_row((size_t)(last - first), line + first * win->stride[2] + offset,
                                        (size_t)win->stride[2], taps[kw], sum + row + first, magnitude + row + first);
                        }
                    }
        }
}

/* One pair of an input and an output channel: sum[OD][OH][OW] += x[ID][IH][IW], w[KD][KH][KW]. */
static void transpose_channel(const struct reference_window *win, const double *x, const double *w, double *sum,
                              double *magnitude)
{
    const int64_t *in = win->in, *kernel = win->kernel, *out = win->out;
    for (int64_t id = 0; id < in[0]; id++)
        for (int64_t ih = 0; ih < in[1]; ih++)
            for (int64_t iw = 0; iw < in[2]; iw++)
                for (int64_t kd = 0; kd < kernel[0]; kd++)
                    for (int64_t kh = 0; kh < kernel[1]; kh++)
                        for (int64_t kw = 0; kw < kernel[2]; kw++) {
                            int64_t od = id * win->stride[0] + kd * win->dilation[0] - win->begin[0];
                            int64_t oh = ih * win->stride[1] + kh * win->dilation[1] - win->begin[1];
                            int64_t ow = iw * win->stride[2] + kw * win->dilation[2] - win->begin[2];
                            if (od < 0 || od >= out[0] || oh < 0 || oh >= out[1] || ow < 0 || ow >= out[2])
                                continue;
                            double product =
                                x[(id * in[1] + ih) * in[2] + iw] * w[(kd * kernel[1] + kh) * kernel[2] + kw];
                            sum[(od * out[1] + oh) * out[2] + ow] += product;
                            magnitude[(od * out[1] + oh) * out[2] + ow] += fabs(product);
                        }
}

/* weights_in and weights_out: the channels of all groups together, as input 1 has them. */
static enum stoa_status check_channels(struct reference_run *run, size_t in_channels, size_t weights_in,
                                       size_t weights_out, size_t groups)
{
    if (in_channels != weights_in)
        return stoa_fail(run->error, STOA_ERROR_SHAPE, "input 0 has %zu channels, input 1 and group %zu ask for %zu",
                         in_channels, groups, weights_in);
    if (weights_out % groups || weights_in % groups)
        return stoa_fail(run->error, STOA_ERROR_SHAPE, "%zu and %zu channels do not fall into %zu groups", weights_in,
                         weights_out, groups);
    const struct reference_tensor *bias = stoa_reference_input(run, 2);
    if (bias && (bias->rank != 1 || bias->dims[0] != weights_out))
        return stoa_fail(run->error, STOA_ERROR_SHAPE, "input 2 must be one number for each of the %zu output channels",
                         weights_out);
    return STOA_OK;
}

static enum stoa_status make_output(struct reference_run *run, const struct reference_tensor *x, size_t channels,
                                    const struct reference_window *win, struct reference_tensor **y)
{
    size_t dims[5] = {x->dims[0], channels};
    for (size_t i = 0; i < win->rank; i++)
        dims[2 + i] = (size_t)win->out[3 - win->rank + i];
    return stoa_reference_output(run, 0, x->dtype, 2 + win->rank, dims, y);
}

static size_t volume(const int64_t dims[3])
{
    return (size_t)dims[0] * (size_t)dims[1] * (size_t)dims[2];
}

static void start_from_bias(const struct reference_tensor *bias, size_t channels, size_t pixels,
                            struct reference_tensor *y)
{
    for (size_t i = 0; bias && i < stoa_reference_count(y); i++) {
        y->values[i] = bias->values[i / pixels % channels];
        y->slack[i] = fabs(y->values[i]);
    }
}

/* From magnitudes to slack. */
static void scale_slack(size_t terms, struct reference_tensor *y)
{
    for (size_t i = 0; i < stoa_reference_count(y); i++)
        y->slack[i] = (double)(terms + 1) * (y->slack[i] + REFERENCE_TINY);
}

static int64_t largest(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

void stoa_reference_window_most(const struct reference_run *run, const struct reference_window *win, const double *x,
                                double *most)
{
    const size_t *reach = run->call->reach;
    for (size_t o = 0; o < volume(win->out); o++) {
        const int64_t at[3] = {(int64_t)o / win->out[2] / win->out[1], (int64_t)o / win->out[2] % win->out[1],
                               (int64_t)o % win->out[2]};
        int64_t first[3], end[3];
        for (size_t i = 0; i < 3; i++) {
            int64_t begin = at[i] * win->stride[i] - win->begin[i], side = i ? (int64_t)reach[i - 1] : 0;
            first[i] = largest(begin - side, 0);
            end[i] = begin + (win->kernel[i] - 1) * win->dilation[i] + 1 + side;
            end[i] = end[i] < win->in[i] ? end[i] : win->in[i];
        }
        double found = 0;
        for (int64_t d = first[0]; d < end[0]; d++)
            for (int64_t h = first[1]; h < end[1]; h++)
                for (int64_t w = first[2]; w < end[2]; w++)
                    found = fmax(found, fabs(x[(d * win->in[1] + h) * win->in[2] + w]));
        most[o] = found;
    }
}

/* What run->call->mixing adds to the slack. */
static enum stoa_status add_mixing(struct reference_run *run, const struct reference_window *win, size_t groups,
                                   const struct reference_tensor *x, const struct reference_tensor *w,
                                   struct reference_tensor *y)
{
    size_t in_pixels = volume(win->in), out_pixels = volume(win->out), taps = volume(win->kernel);
    size_t channels = x->dims[1], group_in = w->dims[1], group_out = w->dims[0] / groups;
    double *most;
    STOA_TRY(stoa_allocate(run->allocator, out_pixels, sizeof *most, run->error, &most));
    for (size_t n = 0; n < x->dims[0]; n++)
        for (size_t c = 0; c < channels; c++) {
            stoa_reference_window_most(run, win, x->values + (n * channels + c) * in_pixels, most);
            for (size_t oc = c / group_in * group_out; oc < (c / group_in + 1) * group_out; oc++) {
                const double *filter = w->values + (oc * group_in + c % group_in) * taps;
                double *slack = y->slack + (n * w->dims[0] + oc) * out_pixels, sum = 0;
                for (size_t t = 0; t < taps; t++)
                    sum += fabs(filter[t]);
                for (size_t i = 0; i < out_pixels; i++)
                    slack[i] += run->call->mixing * sum * most[i];
            }
        }
    stoa_release(run->allocator, most);
    return STOA_OK;
}

enum stoa_status stoa_reference_conv(struct reference_run *run)
{
    const struct reference_tensor *x = stoa_reference_input(run, 0), *w = stoa_reference_input(run, 1);
    const struct reference_tensor *bias = stoa_reference_input(run, 2);
    struct reference_window win;
    size_t auto_pad, groups = (size_t)stoa_read_int(&run->reader, "group", 1, 1, INT32_MAX);
    STOA_TRY(stoa_reference_window_read(run, x, w, &win, &auto_pad));
    STOA_TRY(stoa_reference_window_slide(run, auto_pad, false, &win));
    size_t in_channels = x->dims[1], out_channels = w->dims[0], group_in = w->dims[1];
    STOA_TRY(check_channels(run, in_channels, group_in * groups, out_channels, groups));
    struct reference_tensor *y;
    STOA_TRY(make_output(run, x, out_channels, &win, &y));

    size_t in_pixels = volume(win.in), out_pixels = volume(win.out), taps = volume(win.kernel);
    start_from_bias(bias, out_channels, out_pixels, y);
    for (size_t n = 0; n < x->dims[0]; n++)
        for (size_t oc = 0; oc < out_channels; oc++) {
            size_t first_channel = oc / (out_channels / groups) * group_in;
            size_t out = (n * out_channels + oc) * out_pixels;
            conv_channel(&win, group_in, x->values + (n * in_channels + first_channel) * in_pixels,
                         w->values + oc * group_in * taps, y->values + out, y->slack + out);
        }
    scale_slack(group_in * taps + (bias ? 1 : 0) + (w->slack ? 1 : 0), y);
    return run->call->mixing > 0 ? add_mixing(run, &win, groups, x, w, y) : STOA_OK;
}

/* out = stride*(in-1) + output_padding + reach - begin - end. */
enum stoa_status stoa_reference_window_slide_back(struct reference_run *run, size_t auto_pad,
                                                  struct reference_window *win)
{
    struct reference_list padding, shape;
    STOA_TRY(stoa_reference_list(run, 0, "output_padding", &padding));
    STOA_TRY(stoa_reference_list(run, 0, "output_shape", &shape));
    size_t lead = 3 - win->rank;
    if ((padding.count && padding.count != win->rank) || (shape.count && shape.count < win->rank))
        return stoa_fail(run->error, STOA_ERROR_ATTRIBUTE, "output_padding or output_shape has not %zu values",
                         win->rank);
    bool same = auto_pad == AUTO_PAD_SAME_UPPER || auto_pad == AUTO_PAD_SAME_LOWER;
    for (size_t i = 0; i < 3; i++) {
        int64_t extra = padding.count && i >= lead ? padding.items[i - lead] : 0;
        if (extra < 0 || extra > INT32_MAX)
            return stoa_fail(run->error, STOA_ERROR_ATTRIBUTE, "output_padding[%zu] is %lld", i - lead,
                             (long long)extra);
        int64_t full = win->stride[i] * (win->in[i] - 1) + extra + (win->kernel[i] - 1) * win->dilation[i] + 1;
        if (i >= lead && (shape.count || same)) {
            /* output_shape may begin with the batch and channel dimensions */
            win->out[i] = shape.count ? shape.items[shape.count - 3 + i] : win->in[i] * win->stride[i];
            if (win->out[i] < 0 || win->out[i] > INT32_MAX)
                return stoa_fail(run->error, STOA_ERROR_ATTRIBUTE, "output_shape has the value %lld",
                                 (long long)win->out[i]);
            /* Which side gets the odd element was the other way round before opset 11. Where the output is larger than
             * all that is computed, the rest lies at the end. */
            int64_t total = full > win->out[i] ? full - win->out[i] : 0;
            bool shorter_first = (auto_pad == AUTO_PAD_SAME_UPPER) == (run->call->opset >= 11);
            win->begin[i] = shorter_first ? total / 2 : total - total / 2;
            continue;
        }
        if (auto_pad == AUTO_PAD_VALID)
            win->begin[i] = win->end[i] = 0;
        win->out[i] = full - win->begin[i] - win->end[i];
        if (win->out[i] < 0)
            return stoa_fail(run->error, STOA_ERROR_SHAPE, "the pads are larger than the output of %lld",
                             (long long)full);
    }
    return STOA_OK;
}

enum stoa_status stoa_reference_conv_transpose(struct reference_run *run)
{
    const struct reference_tensor *x = stoa_reference_input(run, 0), *w = stoa_reference_input(run, 1);
    const struct reference_tensor *bias = stoa_reference_input(run, 2);
    struct reference_window win;
    size_t auto_pad, groups = (size_t)stoa_read_int(&run->reader, "group", 1, 1, INT32_MAX);
    STOA_TRY(stoa_reference_window_read(run, x, w, &win, &auto_pad));
    STOA_TRY(stoa_reference_window_slide_back(run, auto_pad, &win));
    size_t in_channels = x->dims[1], group_out = w->dims[1], out_channels = group_out * groups;
    STOA_TRY(check_channels(run, in_channels, w->dims[0], out_channels, groups));
    struct reference_tensor *y;
    STOA_TRY(make_output(run, x, out_channels, &win, &y));

    size_t in_pixels = volume(win.in), out_pixels = volume(win.out), taps = volume(win.kernel);
    size_t group_in = in_channels / groups;
    start_from_bias(bias, out_channels, out_pixels, y);
    for (size_t n = 0; n < x->dims[0]; n++)
        for (size_t c = 0; c < in_channels; c++)
            for (size_t oc = 0; oc < group_out; oc++) {
                size_t out = (n * out_channels + c / group_in * group_out + oc) * out_pixels;
                transpose_channel(&win, x->values + (n * in_channels + c) * in_pixels,
                                  w->values + (c * group_out + oc) * taps, y->values + out, y->slack + out);
            }
    scale_slack(group_in * taps + (bias ? 1 : 0) + (w->slack ? 1 : 0), y);
    return STOA_OK;
}

/* What Col2Im is told of its spatial axes: two inputs, then attributes. */
enum { COLUMNS_IMAGE, COLUMNS_BLOCK, COLUMNS_STRIDES, COLUMNS_DILATIONS, COLUMNS_PADS, COLUMNS_LISTS };

static enum stoa_status read_columns(struct reference_run *run, struct reference_list *lists)
{
    static const char *const names[COLUMNS_LISTS] = {NULL, NULL, "strides", "dilations", "pads"};
    for (size_t l = 0; l < COLUMNS_LISTS; l++) {
        struct reference_list *list = &lists[l];
        const int64_t least = l == COLUMNS_PADS ? 0 : 1;
        STOA_TRY(stoa_reference_list(run, l < COLUMNS_STRIDES ? l + 1 : 0, names[l], list));
        size_t axes = lists[COLUMNS_IMAGE].count, count = l == COLUMNS_PADS ? 2 * axes : axes;
        for (bool none = l >= COLUMNS_STRIDES && list->count == 0; none && list->count < count;)
            list->items[list->count++] = least;
        if (axes < 1 || axes > STOA_MAX_RANK - 2 || list->count != count)
            return stoa_fail(run->error, STOA_ERROR_SHAPE, "list %zu has %zu values for %zu axes", l, list->count,
                             axes);
        for (size_t i = 0; i < count; i++)
            if (list->items[i] < least || list->items[i] > INT32_MAX)
                return stoa_fail(run->error, STOA_ERROR_ATTRIBUTE, "list %zu has %lld", l, (long long)list->items[i]);
    }
    return STOA_OK;
}

enum stoa_status stoa_reference_col2im(struct reference_run *run)
{
    const struct reference_tensor *x = stoa_reference_input(run, 0);
    struct reference_list lists[COLUMNS_LISTS];
    struct reference_tensor *y;
    STOA_TRY(read_columns(run, lists));
    const int64_t *image = lists[COLUMNS_IMAGE].items, *block = lists[COLUMNS_BLOCK].items;
    const int64_t *stride = lists[COLUMNS_STRIDES].items, *dilation = lists[COLUMNS_DILATIONS].items;
    const int64_t *pad = lists[COLUMNS_PADS].items;
    int64_t out[STOA_MAX_RANK]; /* windows along each axis */
    size_t axes = lists[COLUMNS_IMAGE].count, taps = 1, windows = 1, pixels = 1, dims[STOA_MAX_RANK];
    for (size_t i = 0; i < axes; i++) {
        int64_t room = image[i] + pad[i] + pad[axes + i] - 1 - (block[i] - 1) * dilation[i];
        if (room < 0)
            return stoa_fail(run->error, STOA_ERROR_SHAPE, "axis %zu has no window on the image", i);
        out[i] = room / stride[i] + 1;
        taps *= (size_t)block[i];
        windows *= (size_t)out[i];
        pixels *= dims[2 + i] = (size_t)image[i];
    }
    if (x->rank != 3 || x->dims[1] % taps || x->dims[2] != windows)
        return stoa_fail(run->error, STOA_ERROR_SHAPE, "input 0 is no columns of %zu taps and %zu windows", taps,
                         windows);
    dims[0] = x->dims[0];
    dims[1] = x->dims[1] / taps;
    STOA_TRY(stoa_reference_output(run, 0, x->dtype, 2 + axes, dims, &y));
    for (size_t at = 0; at < stoa_reference_count(x); at++) {
        size_t window = at % windows, tap = at / windows % taps, plane = at / windows / taps, pixel = 0, scale = 1;
        bool inside = true;
        for (size_t i = axes; i-- > 0;) {
            int64_t place = (int64_t)window % out[i] * stride[i] + (int64_t)tap % block[i] * dilation[i] - pad[i];
            inside &= place >= 0 && place < image[i];
            pixel += (size_t)place * scale;
            scale *= dims[2 + i];
            window /= (size_t)out[i];
            tap /= (size_t)block[i];
        }
        if (!inside)
            continue;
        y->values[plane * pixels + pixel] += x->values[at];
        y->slack[plane * pixels + pixel] += fabs(x->values[at]);
    }
    scale_slack(taps, y);
    return STOA_OK;
}
