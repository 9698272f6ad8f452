/* Pictures that a unit answers strongly. Steps are as long as `rate` whatever the gradient's size is, which spares
 * tuning for each layer. */
#include <math.h>
#include <stoa/show.h>
#include <string.h>

#include "base/random.h"
#include "base/reserved.h"
#include "base/size.h"
#include "base/status.h"
#include "base/tensor.h"
#include "graph/model.h"
#include "show/array.h"
#include "show/probe.h"

/* to[length] <- the Gaussian's weighted mean around each element of from[length], both with this stride; the last
 * element goes on at each end. */
static void blur_line(const float *from, size_t length, size_t stride, double deviation, float *to)
{
    ptrdiff_t reach = (ptrdiff_t)ceil(3 * deviation), end = (ptrdiff_t)length - 1;
    for (ptrdiff_t i = 0; i <= end; i++) {
        double sum = 0, weights = 0;
        for (ptrdiff_t d = -reach; d <= reach; d++) {
            ptrdiff_t at = i + d < 0 ? 0 : i + d > end ? end : i + d;
            double weight = exp(-0.5 * (double)(d * d) / (deviation * deviation));
            sum += weight * (double)from[(size_t)at * stride];
            weights += weight;
        }
        to[(size_t)i * stride] = (float)(sum / weights);
    }
}

struct ascent {
    struct stoa_maximize_options options;
    const struct probe *probe;
    struct stoa_tensor tensor; /* of the picture, as it lies */
    size_t count;
    float *picture, *spare;
    double score;
};

static void blur(const struct ascent *a)
{
    const size_t *dims = a->tensor.dims, *strides = a->tensor.strides;
    for (size_t c = 0; c < dims[1]; c++) {
        for (size_t y = 0; y < dims[2]; y++) {
            size_t first = c * strides[1] + y * strides[2];
            blur_line(a->picture + first, dims[3], strides[3], a->options.blur, a->spare + first);
        }
        for (size_t x = 0; x < dims[3]; x++) {
            size_t first = c * strides[1] + x * strides[3];
            blur_line(a->spare + first, dims[2], strides[2], a->options.blur, a->picture + first);
        }
    }
}

/* The unit's mean over its map. */
static double unit_score(const struct ascent *a, const struct stoa_array *value)
{
    size_t inner = stoa_tensor_elements(&value->tensor) / value->tensor.dims[1];
    const float *map = stoa_array_data(value) + a->options.unit * inner;
    double sum = 0;
    for (size_t p = 0; p < inner; p++)
        sum += (double)map[p];
    return sum / (double)inner;
}

static void step(const struct ascent *a, size_t number, const float *gradient)
{
    const struct stoa_maximize_options *options = &a->options;
    double sum = 0;
    for (size_t i = 0; i < a->count; i++)
        sum += (double)gradient[i] * (double)gradient[i];
    double scale = sum > 0 ? options->rate * options->spread / sqrt(sum / (double)a->count) : 0;
    for (size_t i = 0; i < a->count; i++) {
        double value = (double)a->picture[i] + scale * (double)gradient[i];
        double off = (value - options->middle) * (1 - options->decay), most = 2 * options->spread;
        a->picture[i] = (float)(options->middle + fmin(fmax(off, -most), most));
    }
    if (options->blur > 0 && number % 4 == 3)
        blur(a);
}

static enum stoa_status climb(struct ascent *a, struct stoa_error *error)
{
    for (size_t s = 0; s <= a->options.steps; s++) {
        struct stoa_array value, gradient = {0};
        STOA_TRY(stoa_session_run(a->probe->session, error));
        STOA_TRY(stoa_probe_read(a->probe, 0, error, &value));
        a->score = unit_score(a, &value);
        stoa_array_free(&value);
        if (s == a->options.steps)
            break;
        STOA_TRY(stoa_probe_read(a->probe, 1, error, &gradient));
        step(a, s, stoa_array_data(&gradient));
        stoa_array_free(&gradient);
    }
    return STOA_OK;
}

static enum stoa_status check_options(const struct stoa_maximize_options *options, struct stoa_error *error)
{
    const struct {
        const char *name;
        double value, least;
    } rows[] = {{"rate", options->rate, 0},
                {"decay", options->decay, -HUGE_VAL},
                {"blur", options->blur, -HUGE_VAL},
                {"middle", options->middle, -HUGE_VAL},
                {"spread", options->spread, 0}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (!isfinite(rows[i].value) || rows[i].value < rows[i].least)
            return stoa_fail(error, STOA_ERROR_ARGUMENT, "%s is %g, must be a number%s", rows[i].name, rows[i].value,
                             rows[i].least < 0 ? "" : ", at least 0");
    return STOA_OK;
}

static void set_defaults(struct stoa_maximize_options *options)
{
    options->steps = options->steps ? options->steps : 200;
    options->rate = options->rate > 0 ? options->rate : 0.1;
    options->decay = options->decay < 0 ? 0 : options->decay > 0 ? options->decay : 0.01;
    options->blur = options->blur < 0 ? 0 : options->blur > 0 ? options->blur : 0.5;
    options->spread = options->spread > 0 ? options->spread : 1;
}

static enum stoa_status ascend(const struct stoa_subject *subject, struct ascent *a, struct stoa_error *error,
                               struct stoa_array *picture)
{
    const struct stoa_tensor *value = &a->probe->value;
    struct random random = {.state = a->options.seed};
    size_t input;
    STOA_TRY(stoa_probe_picture(subject, a->probe, 1, error, &input, &a->tensor));
    if (!a->options.layer)
        STOA_TRY(stoa_probe_class(a->probe, a->options.unit, error));
    if (value->rank < 2 || value->dims[0] != 1 || a->options.unit >= value->dims[1])
        return stoa_fail(error, STOA_ERROR_ARGUMENT, "unit %zu: the layer has %zu", a->options.unit,
                         value->rank < 2 ? 0 : value->dims[1]);
    if (a->options.blur > (double)stoa_size_max(a->tensor.dims[2], a->tensor.dims[3]))
        return stoa_fail(error, STOA_ERROR_ARGUMENT, "blur is %g, the picture has %zu rows and %zu columns",
                         a->options.blur, a->tensor.dims[2], a->tensor.dims[3]);
    a->count = stoa_tensor_elements(&a->tensor);
    STOA_TRY(stoa_allocate(&a->probe->allocator, a->count, sizeof *a->picture, error, &a->picture));
    STOA_TRY(stoa_allocate(&a->probe->allocator, a->count, sizeof *a->spare, error, &a->spare));
    stoa_random_fill(&random, a->count, a->picture);
    for (size_t i = 0; i < a->count; i++)
        a->picture[i] = (float)(a->options.middle + 0.1 * a->options.spread * (double)a->picture[i]);
    size_t inner = stoa_tensor_elements(value) / value->dims[1];
    for (size_t p = 0; p < inner; p++)
        a->probe->seed[a->options.unit * inner + p] = 1 / (float)inner;
    STOA_TRY(stoa_session_bind_input_at(a->probe->session, input, a->picture, error));
    STOA_TRY(climb(a, error));
    a->tensor.data = a->picture;
    return stoa_array_copy(&a->tensor, &a->probe->allocator, error, picture);
}

/* The name of the value that is climbed, and of the picture. */
static enum stoa_status find_names(const struct stoa_subject *subject, const char *layer, struct stoa_error *error,
                                   const char **value, const char **picture)
{
    const struct graph *graph = &subject->model->graph;
    struct probe probe;
    struct stoa_tensor tensor;
    size_t node, input = 0;
    *value = NULL;
    if (layer) {
        STOA_TRY(stoa_show_layer(graph, layer, NULL, NULL, error, &node));
        *value = graph->values[graph->nodes[node].outputs[0]].name;
    }
    enum stoa_status status = stoa_probe_open(subject, *value, NULL, 0, error, &probe);
    if (status == STOA_OK)
        status = stoa_probe_picture(subject, &probe, 1, error, &input, &tensor);
    if (status == STOA_OK)
        *picture = graph->values[graph->inputs[input]].name;
    stoa_probe_close(&probe);
    return status;
}

enum stoa_status stoa_show_maximize(const struct stoa_subject *subject, const struct stoa_maximize_options *options,
                                    struct stoa_error *error, struct stoa_array *picture, double *score)
{
    struct probe probe;
    struct ascent ascent = {.probe = &probe};
    const char *value, *name;
    STOA_TRY(stoa_show_place(picture, "picture", error));
    STOA_TRY(stoa_show_place(score, "score", error));
    *picture = (struct stoa_array){0};
    *score = 0;
    STOA_TRY(stoa_subject_check(subject, error));
    STOA_TRY(STOA_CHECK_RESERVED(options, "options", error));
    if (options)
        ascent.options = *options;
    STOA_TRY(check_options(&ascent.options, error));
    set_defaults(&ascent.options);
    STOA_TRY(find_names(subject, ascent.options.layer, error, &value, &name));
    enum stoa_status status = stoa_probe_open(subject, value, &name, 1, error, &probe);
    if (status == STOA_OK)
        status = ascend(subject, &ascent, error, picture);
    *score = ascent.score;
    if (status != STOA_OK)
        stoa_array_free(picture);
    stoa_release(&probe.allocator, ascent.picture);
    stoa_release(&probe.allocator, ascent.spare);
    stoa_probe_close(&probe);
    return status;
}
