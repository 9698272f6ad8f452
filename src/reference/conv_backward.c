/* The gradients of Conv and ConvTranspose with regard to their inputs, called X, W and B; here input 0 is dy, input 1
 * is W and input 2 is X. Each product of the definition
 *
 *     y[n][o][at] += X[n][c][from] * W[..][tap]      gives      dX[n][c][from] += dy[n][o][at] * W[..][tap]
 *                                                    and        dW[..][tap] += dy[n][o][at] * X[n][c][from].
 *
 * Slack: as for any sum of products; of all taps of all of a group's output channels, or of all pixels of all images.
 */
#include <math.h>

#include "base/memory.h"
#include "reference/internal.h"

struct gradient {
    const struct reference_tensor *dy, *w, *x;
    size_t groups;
    /* `wide` is the image that the window moves over, X of Conv and y of ConvTranspose; it has as many steps as the
     * other image has pixels. */
    struct reference_window win;
};

static size_t volume(const int64_t dims[3])
{
    return (size_t)dims[0] * (size_t)dims[1] * (size_t)dims[2];
}

/* Where tap `tap` of the window at step `step` lies in the wide image of those dims; false beyond its edges. */
static bool locate(const struct reference_window *win, const int64_t wide[3], const int64_t step[3],
                   const int64_t tap[3], size_t *pixel)
{
    *pixel = 0;
    for (size_t i = 0; i < 3; i++) {
        int64_t at = step[i] * win->stride[i] + tap[i] * win->dilation[i] - win->begin[i];
        if (at < 0 || at >= wide[i])
            return false;
        *pixel = *pixel * (size_t)wide[i] + (size_t)at;
    }
    return true;
}

static void split(size_t index, const int64_t dims[3], int64_t result[3])
{
    for (size_t i = 3; i-- > 0; index /= (size_t)dims[i])
        result[i] = (int64_t)(index % (size_t)dims[i]);
}

/* One pair of channels: dx += dy * w, over all steps and taps. Conv's steps are dy's pixels, ConvTranspose's dx's. */
static void add_channel(const struct gradient *gradient, bool transposed, const double *dy, const double *w, double *dx,
                        double *magnitude)
{
    const struct reference_window *win = &gradient->win;
    const int64_t *steps = transposed ? win->in : win->out, *wide = transposed ? win->out : win->in;
    size_t taps = volume(win->kernel);
    for (size_t s = 0; s < volume(steps); s++)
        for (size_t t = 0; t < taps; t++) {
            int64_t step[3], tap[3];
            size_t pixel;
            split(s, steps, step);
            split(t, win->kernel, tap);
            if (!locate(win, wide, step, tap, &pixel))
                continue;
            double product = dy[transposed ? pixel : s] * w[t];
            dx[transposed ? s : pixel] += product;
            magnitude[transposed ? s : pixel] += fabs(product);
        }
}

/* What run->call->mixing adds for one pair of channels: sums of |w| times the largest |dy| near by, as the gradient, a
 * convolution itself, sees dy. */
static void add_mixing(struct reference_run *run, const struct gradient *gradient, bool transposed, const double *dy,
                       const double *w, double *most, double *slack)
{
    struct reference_window seen = gradient->win;
    double sum = 0;
    for (size_t i = 0; i < 3; i++) {
        seen.in[i] = gradient->win.out[i];
        seen.out[i] = gradient->win.in[i];
        if (!transposed)
            seen.begin[i] = (seen.kernel[i] - 1) * seen.dilation[i] - gradient->win.begin[i];
    }
    for (size_t t = 0; t < volume(seen.kernel); t++)
        sum += fabs(w[t]);
    stoa_reference_window_most(run, &seen, dy, most);
    for (size_t i = 0; i < volume(seen.out); i++)
        slack[i] += run->call->mixing * sum * most[i];
}

static enum stoa_status read_gradient(struct reference_run *run, bool transposed, struct gradient *gradient)
{
    gradient->dy = stoa_reference_input(run, 0);
    gradient->w = stoa_reference_input(run, 1);
    gradient->x = stoa_reference_input(run, 2);
    gradient->groups = (size_t)stoa_read_int(&run->reader, "group", 1, 1, INT32_MAX);
    size_t auto_pad, groups = gradient->groups;
    STOA_TRY(stoa_reference_window_read(run, gradient->x, gradient->w, &gradient->win, &auto_pad));
    STOA_TRY(transposed ? stoa_reference_window_slide_back(run, auto_pad, &gradient->win)
                        : stoa_reference_window_slide(run, auto_pad, false, &gradient->win));
    const size_t *w = gradient->w->dims, *dy = gradient->dy->dims, *x = gradient->x->dims;
    size_t channels = transposed ? w[0] : w[1] * groups, out_channels = transposed ? w[1] * groups : w[0];
    bool fits = w[0] % groups == 0 && x[1] == channels && gradient->dy->rank == gradient->x->rank && dy[0] == x[0] &&
                dy[1] == out_channels;
    for (size_t i = 2; fits && i < gradient->x->rank; i++)
        fits = dy[i] == (size_t)gradient->win.out[3 - gradient->x->rank + i];
    if (!fits)
        return stoa_fail(run->error, STOA_ERROR_SHAPE, "input 0 is not what input 2 and the weights make");
    return STOA_OK;
}

static enum stoa_status backward(struct reference_run *run, bool transposed)
{
    struct gradient gradient;
    struct reference_tensor *dx;
    STOA_TRY(read_gradient(run, transposed, &gradient));
    STOA_TRY(stoa_reference_output_like(run, gradient.x, &dx));
    const struct reference_tensor *dy = gradient.dy, *w = gradient.w;
    size_t pixels = volume(gradient.win.in), dy_pixels = volume(gradient.win.out), taps = volume(gradient.win.kernel);
    size_t C = dx->dims[1], OC = dy->dims[1], in = C / gradient.groups, out = OC / gradient.groups;
    double *slack = NULL, *most = NULL;
    enum stoa_status status = stoa_allocate(run->allocator, pixels, sizeof *slack, run->error, &slack);
    if (status == STOA_OK)
        status = stoa_allocate(run->allocator, pixels, sizeof *most, run->error, &most);
    for (size_t i = 0; status == STOA_OK && i < dx->dims[0] * C; i++) {
        size_t n = i / C, c = i % C;
        for (size_t p = 0; p < pixels; p++)
            slack[p] = 0;
        for (size_t o = c / in * out; o < (c / in + 1) * out; o++) {
            const double *filter = w->values + (transposed ? c * out + o % out : o * in + c % in) * taps;
            const double *image = dy->values + (n * OC + o) * dy_pixels;
            add_channel(&gradient, transposed, image, filter, dx->values + i * pixels, dx->slack + i * pixels);
            if (run->call->mixing > 0)
                add_mixing(run, &gradient, transposed, image, filter, most, slack);
        }
        for (size_t p = 0; p < pixels; p++)
            dx->slack[i * pixels + p] =
                (double)(out * taps + 1) * (dx->slack[i * pixels + p] + REFERENCE_TINY) + slack[p];
    }
    stoa_release(run->allocator, slack);
    stoa_release(run->allocator, most);
    return status;
}

enum stoa_status stoa_reference_conv_backward_data(struct reference_run *run)
{
    return backward(run, false);
}

enum stoa_status stoa_reference_conv_transpose_backward_data(struct reference_run *run)
{
    return backward(run, true);
}

/* One pair of channels of an image: dw += dy * x, over all steps and taps. */
static void add_weights(const struct gradient *gradient, bool transposed, const double *dy, const double *x, double *dw,
                        double *magnitude)
{
    const struct reference_window *win = &gradient->win;
    const int64_t *steps = transposed ? win->in : win->out, *wide = transposed ? win->out : win->in;
    for (size_t s = 0; s < volume(steps); s++)
        for (size_t t = 0; t < volume(win->kernel); t++) {
            int64_t step[3], tap[3];
            size_t pixel;
            split(s, steps, step);
            split(t, win->kernel, tap);
            if (!locate(win, wide, step, tap, &pixel))
                continue;
            double product = dy[transposed ? pixel : s] * x[transposed ? s : pixel];
            dw[t] += product;
            magnitude[t] += fabs(product);
        }
}

/* What run->call->mixing is multiplied with: for each step the number there times the largest one near what the window
 * sees from it. */
static double weights_mixing(const struct reference_run *run, const struct gradient *gradient, bool transposed,
                             const double *dy, const double *x, double *most)
{
    struct reference_window seen = gradient->win;
    for (size_t i = 0; transposed && i < 3; i++) {
        seen.in[i] = gradient->win.out[i];
        seen.out[i] = gradient->win.in[i];
    }
    stoa_reference_window_most(run, &seen, transposed ? dy : x, most);
    double sum = 0;
    for (size_t s = 0; s < volume(seen.out); s++)
        sum += fabs((transposed ? x : dy)[s]) * most[s];
    return sum;
}

static void fill_bias(const struct gradient *gradient, struct reference_tensor *db)
{
    const struct reference_tensor *dy = gradient->dy;
    size_t pixels = volume(gradient->win.out), channels = dy->dims[1], terms = dy->dims[0] * pixels;
    for (size_t i = 0; i < terms * channels; i++) {
        db->values[i / pixels % channels] += dy->values[i];
        db->slack[i / pixels % channels] += fabs(dy->values[i]);
    }
    for (size_t o = 0; o < channels; o++)
        db->slack[o] = (double)(terms + 1) * (db->slack[o] + REFERENCE_TINY);
}

static enum stoa_status fill_weights(struct reference_run *run, const struct gradient *gradient, bool transposed,
                                     struct reference_tensor *dw)
{
    const struct reference_tensor *dy = gradient->dy, *x = gradient->x;
    size_t pixels = volume(gradient->win.in), dy_pixels = volume(gradient->win.out),
           taps = volume(gradient->win.kernel);
    size_t C = x->dims[1], OC = dy->dims[1], in = C / gradient->groups, out = OC / gradient->groups;
    size_t terms = x->dims[0] * (transposed ? pixels : dy_pixels);
    double *most;
    STOA_TRY(stoa_allocate(run->allocator, terms, sizeof *most, run->error, &most));
    for (size_t i = 0; i < C * out; i++) {
        size_t c = i / out, o = c / in * out + i % out;
        size_t filter = (transposed ? i : o * in + c % in) * taps;
        double *values = dw->values + filter, *slack = dw->slack + filter, mixed = 0;
        for (size_t n = 0; n < x->dims[0]; n++) {
            const double *gradients = dy->values + (n * OC + o) * dy_pixels, *image = x->values + (n * C + c) * pixels;
            add_weights(gradient, transposed, gradients, image, values, slack);
            if (run->call->mixing > 0)
                mixed += weights_mixing(run, gradient, transposed, gradients, image, most);
        }
        for (size_t t = 0; t < taps; t++)
            slack[t] = (double)(terms + 1) * (slack[t] + REFERENCE_TINY) + run->call->mixing * mixed;
    }
    stoa_release(run->allocator, most);
    return STOA_OK;
}

static enum stoa_status backward_weights(struct reference_run *run, bool transposed)
{
    struct gradient gradient;
    struct reference_tensor *dw, *db;
    STOA_TRY(read_gradient(run, transposed, &gradient));
    const struct reference_tensor *dy = gradient.dy, *w = gradient.w;
    STOA_TRY(stoa_reference_output(run, 0, dy->dtype, w->rank, w->dims, &dw));
    STOA_TRY(stoa_reference_output(run, 1, dy->dtype, 1, &dy->dims[1], &db));
    if (db)
        fill_bias(&gradient, db);
    return dw ? fill_weights(run, &gradient, transposed, dw) : STOA_OK;
}

enum stoa_status stoa_reference_conv_backward_weights(struct reference_run *run)
{
    return backward_weights(run, false);
}

enum stoa_status stoa_reference_conv_transpose_backward_weights(struct reference_run *run)
{
    return backward_weights(run, true);
}
