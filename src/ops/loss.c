/* Losses, each with its gradient: outputs are the loss, a scalar, and the gradient with regard to the scores. All of
 * them are means, over the records whose label is not -1 or over all elements. Terms are added up in double, each
 * task's by itself and the tasks' in their order, so that the sum is the same for any number of threads. */
#include <inttypes.h>
#include <math.h>

#include "base/size.h"
#include "base/status.h"
#include "base/tensor.h"
#include "kernels/activation.h"
#include "kernels/block.h"
#include "ops/check.h"
#include "ops/op.h"

#define CHUNK 4096 /* elements of a task, about */
#define PART 256   /* elements that pass through a buffer at a time */

struct loss_params {
    float label_smoothing, margin;
};

/* One run: `count` units of `size` elements (records and their classes, or single elements) in tasks of `step`. */
struct loss {
    const struct loss_params *params;
    size_t count, size, step;
    double divisor; /* of the mean */
    const float *scores, *targets;
    const int64_t *labels;
    float *gradient;                                                   /* may be null */
    double (*term)(const struct loss *loss, size_t first, size_t end); /* the sum of these units' terms */
    double *sums;                                                      /* one a task */
};

static size_t units_per_task(size_t size)
{
    return stoa_size_max(1, CHUNK / stoa_size_max(1, size));
}

static void task(void *context, size_t index, size_t worker)
{
    (void)worker;
    const struct loss *loss = context;
    size_t first = index * loss->step;
    loss->sums[index] = loss->term(loss, first, stoa_size_min(first + loss->step, loss->count));
}

static void compute(const struct op_call *call, const struct op_run *run, struct loss *loss)
{
    size_t tasks = stoa_size_ceil_div(loss->count, loss->step);
    loss->params = call->params;
    loss->scores = call->inputs[0].data;
    loss->sums = run->shared;
    if (call->output_count > 1 && call->outputs[1].dtype != STOA_NONE)
        loss->gradient = call->outputs[1].data;
    stoa_pool_run(run->pool, tasks, task, loss);
    double sum = 0;
    for (size_t i = 0; i < tasks; i++)
        sum += loss->sums[i];
    *(float *)call->outputs[0].data = loss->divisor > 0 ? (float)(sum / loss->divisor) : 0.0f;
}

static void infer_outputs(const struct op_call *call)
{
    if (call->outputs[0].dtype != STOA_NONE) {
        call->outputs[0].dtype = STOA_FLOAT;
        call->outputs[0].rank = 0;
    }
    if (call->output_count > 1 && call->outputs[1].dtype != STOA_NONE)
        stoa_same_as_input(call, 0, 1);
}

/* Of classes: scores [N][K], labels [N]. */

static enum stoa_status parse_margin(struct attribute_reader *reader, void *out)
{
    struct loss_params *params = out;
    params->margin = stoa_read_float(reader, "margin", 1.0f);
    if (!(params->margin >= 0 && isfinite(params->margin)))
        stoa_reader_fail(reader, STOA_ERROR_ATTRIBUTE, "margin is %g, must be at least 0", (double)params->margin);
    return stoa_reader_finish(reader);
}

static enum stoa_status parse_smoothing(struct attribute_reader *reader, void *out)
{
    struct loss_params *params = out;
    params->label_smoothing = stoa_read_float(reader, "label_smoothing", 0.0f);
    if (!(params->label_smoothing >= 0 && params->label_smoothing < 1))
        stoa_reader_fail(reader, STOA_ERROR_ATTRIBUTE, "label_smoothing is %g, must be in [0, 1)",
                         (double)params->label_smoothing);
    return stoa_reader_finish(reader);
}

static enum stoa_status infer_classes(const struct op_call *call, struct stoa_error *error)
{
    const struct stoa_tensor *scores = &call->inputs[0], *labels = &call->inputs[1];
    char text[STOA_DIMS_TEXT];
    STOA_TRY(stoa_check_float(call, 0, "scores", error));
    if (labels->dtype != STOA_INT64)
        return stoa_fail(error, STOA_ERROR_UNSUPPORTED, "input labels is of type %s, must be int64",
                         stoa_dtype_name(labels->dtype));
    if (scores->rank != 2)
        return stoa_fail(error, STOA_ERROR_SHAPE, "input scores has dims %s, must have rank 2 (records, classes)",
                         stoa_dims_text(scores->rank, scores->dims, text));
    STOA_TRY(stoa_check_vector(call, 1, "labels", scores->dims[0], "one for each record of the scores", error));
    infer_outputs(call);
    return STOA_OK;
}

static enum stoa_status prepare_classes(struct op_call *call, const struct op_prepare *prepare,
                                        struct stoa_error *error)
{
    (void)prepare;
    (void)error;
    const size_t *dims = call->inputs[0].dims;
    call->shared_scratch = stoa_size_ceil_div(dims[0], units_per_task(dims[1])) * sizeof(double);
    return STOA_OK;
}

static enum stoa_status run_classes(const struct op_call *call, const struct op_run *run, struct loss *loss,
                                    struct stoa_error *error)
{
    const size_t *dims = call->inputs[0].dims;
    loss->count = dims[0];
    loss->size = dims[1];
    loss->step = units_per_task(dims[1]);
    loss->labels = call->inputs[1].data;
    for (size_t i = 0; i < loss->count; i++) {
        int64_t label = loss->labels[i];
        if (label < -1 || (label >= 0 && (uint64_t)label >= loss->size))
            return stoa_fail(error, STOA_ERROR_DATA,
                             "record %zu of the batch has label %" PRId64
                             ", which is none of the %zu classes from 0 (nor -1, to leave the record out)",
                             i, label, loss->size);
        loss->divisor += label >= 0;
    }
    compute(call, run, loss);
    return STOA_OK;
}

static float *row_of_gradient(const struct loss *loss, size_t record)
{
    return loss->gradient ? loss->gradient + record * loss->size : NULL;
}

static void clear_row(float *row, size_t size)
{
    for (size_t k = 0; row && k < size; k++)
        row[k] = 0;
}

/* -sum over k of t_k * log p_k, p the softmax of the scores s, t = 1 - smoothing at the label and smoothing / K
 * everywhere beside. With m the largest score and S = sum of e^(s_k - m), -log p_k is (m - s_k) + log S, in which
 * nothing large cancels, and the gradient is p - t. */
static double softmax_record(const struct loss *loss, const float *scores, size_t label, float *gradient)
{
    size_t K = loss->size;
    float most = -INFINITY, buffer[PART];
    stoa_block_max(&(struct block){.count = K, .lanes = 1, .x_step = 1, .x_lane = 1}, scores, &most);
    double sum = 0, distance = 0;
    for (size_t first = 0; first < K; first += PART) {
        size_t part = stoa_size_min(PART, K - first);
        float *e = gradient ? gradient + first : buffer;
        const struct block block = {.count = part, .lanes = 1, .x_step = 1, .x_lane = 1, .y_step = 1, .y_lane = 1};
        stoa_block_exp(&block, scores + first, &most, e);
        for (size_t k = 0; k < part; k++) {
            sum += (double)e[k];
            distance += (double)most - (double)scores[first + k];
        }
    }
    double smoothing = (double)loss->params->label_smoothing, even = smoothing / (double)K;
    double scale = 1 / (sum * loss->divisor), own = (1 - smoothing) / loss->divisor;
    if (gradient) {
        double e = (double)gradient[label];
        for (size_t k = 0; k < K; k++)
            gradient[k] = (float)((double)gradient[k] * scale - even / loss->divisor);
        gradient[label] = (float)(e * scale - even / loss->divisor - own);
    }
    double nats = (1 - smoothing) * ((double)most - (double)scores[label]) + log(sum);
    return smoothing > 0 ? nats + even * distance : nats;
}

/* sum over the wrong classes k of max(0, s_k - s_label + margin), the multiclass SVM's loss as lectures have it.
 * PyTorch's multi_margin_loss is this divided by K. At the kink the gradient is 0. */
static double hinge_record(const struct loss *loss, const float *scores, size_t label, float *gradient)
{
    double sum = 0, active = 0, own = (double)scores[label];
    for (size_t k = 0; k < loss->size; k++) {
        double excess = (double)scores[k] - own + (double)loss->params->margin;
        bool counts = k != label && !(excess <= 0);
        if (counts) {
            sum += excess;
            active++;
        }
        if (gradient)
            gradient[k] = counts ? (float)(1 / loss->divisor) : 0.0f;
    }
    if (gradient)
        gradient[label] = (float)(-active / loss->divisor);
    return sum;
}

#define CLASS_TERM(name)                                                                                               \
    static double name##_term(const struct loss *loss, size_t first, size_t end)                                       \
    {                                                                                                                  \
        double sum = 0;                                                                                                \
        for (size_t i = first; i < end; i++) {                                                                         \
            float *gradient = row_of_gradient(loss, i);                                                                \
            if (loss->labels[i] < 0)                                                                                   \
                clear_row(gradient, loss->size);                                                                       \
            else                                                                                                       \
                sum += name##_record(loss, loss->scores + i * loss->size, (size_t)loss->labels[i], gradient);          \
        }                                                                                                              \
        return sum;                                                                                                    \
    }                                                                                                                  \
    static enum stoa_status run_##name(const struct op_call *call, const struct op_run *run, struct stoa_error *error) \
    {                                                                                                                  \
        struct loss loss = {.term = name##_term};                                                                      \
        return run_classes(call, run, &loss, error);                                                                   \
    }
CLASS_TERM(softmax)
CLASS_TERM(hinge)

/* Of elements: scores and targets of the same dims. */

static enum stoa_status infer_elements(const struct op_call *call, struct stoa_error *error)
{
    const struct stoa_tensor *scores = &call->inputs[0], *targets = &call->inputs[1];
    char mine[STOA_DIMS_TEXT], its[STOA_DIMS_TEXT];
    STOA_TRY(stoa_check_float(call, 0, "scores", error));
    STOA_TRY(stoa_check_float(call, 1, "targets", error));
    if (!stoa_tensor_same_dims(scores, targets))
        return stoa_fail(error, STOA_ERROR_SHAPE, "input targets has dims %s, must have %s of the scores",
                         stoa_dims_text(targets->rank, targets->dims, its),
                         stoa_dims_text(scores->rank, scores->dims, mine));
    infer_outputs(call);
    return STOA_OK;
}

static enum stoa_status prepare_elements(struct op_call *call, const struct op_prepare *prepare,
                                         struct stoa_error *error)
{
    (void)prepare;
    (void)error;
    call->shared_scratch = stoa_size_ceil_div(stoa_tensor_elements(&call->inputs[0]), CHUNK) * sizeof(double);
    return STOA_OK;
}

/* (s - t)^2 */
static double square_term(const struct loss *loss, size_t first, size_t end)
{
    double sum = 0;
    for (size_t i = first; i < end; i++) {
        double difference = (double)loss->scores[i] - (double)loss->targets[i];
        sum += difference * difference;
        if (loss->gradient)
            loss->gradient[i] = (float)(2 * difference / loss->divisor);
    }
    return sum;
}

/* -t * log p - (1 - t) * log(1 - p) with p = 1 / (1 + e^-s), which is max(s, 0) - s*t + log(1 + e^-|s|); the gradient
 * p - t, from q = 1 / (1 + e^|s|) so that p near 1 loses nothing. */
static double logit_term(const struct loss *loss, size_t first, size_t end)
{
    static const struct activation softplus = {ACTIVATION_SOFTPLUS, 0, 0}, sigmoid = {ACTIVATION_SIGMOID, 0, 0};
    double sum = 0;
    for (; first < end; first += PART) {
        const float *scores = loss->scores + first, *targets = loss->targets + first;
        float low[PART], logarithm[PART];
        size_t part = stoa_size_min(PART, end - first);
        for (size_t i = 0; i < part; i++)
            low[i] = -fabsf(scores[i]);
        stoa_activate(&softplus, part, low, logarithm);
        stoa_activate(&sigmoid, part, low, low);
        for (size_t i = 0; i < part; i++) {
            double s = (double)scores[i], t = (double)targets[i], q = (double)low[i];
            sum += (s > 0 ? s : 0) - s * t + (double)logarithm[i];
            if (loss->gradient)
                loss->gradient[first + i] = (float)((s > 0 ? 1 - t - q : q - t) / loss->divisor);
        }
    }
    return sum;
}

#define ELEMENT_TERM(name)                                                                                             \
    static enum stoa_status run_##name(const struct op_call *call, const struct op_run *run, struct stoa_error *error) \
    {                                                                                                                  \
        (void)error;                                                                                                   \
        size_t count = stoa_tensor_elements(&call->inputs[0]);                                                         \
        struct loss loss = {.term = name##_term,                                                                       \
                            .count = count,                                                                            \
                            .step = CHUNK,                                                                             \
                            .divisor = (double)count,                                                                  \
                            .targets = call->inputs[1].data};                                                          \
        compute(call, run, &loss);                                                                                     \
        return STOA_OK;                                                                                                \
    }
ELEMENT_TERM(square)
ELEMENT_TERM(logit)

#define LOSS(name, type_, parse_, kind, run_)                                                                          \
    const struct op stoa_op_##name = {                                                                                 \
        .type = type_,                                                                                                 \
        .since = 1,                                                                                                    \
        .min_inputs = 2,                                                                                               \
        .max_inputs = 2,                                                                                               \
        .min_outputs = 1,                                                                                              \
        .max_outputs = 2,                                                                                              \
        .layout = OP_PLAIN,                                                                                            \
        .params_size = sizeof(struct loss_params),                                                                     \
        .parse = parse_,                                                                                               \
        .infer = infer_##kind,                                                                                         \
        .prepare = prepare_##kind,                                                                                     \
        .run = run_,                                                                                                   \
    };
LOSS(softmax_cross_entropy, "SoftmaxCrossEntropy", parse_smoothing, classes, run_softmax)
LOSS(multi_class_hinge, "MultiClassHinge", parse_margin, classes, run_hinge)
LOSS(mean_squared_error, "MeanSquaredError", NULL, elements, run_square)
LOSS(binary_cross_entropy, "BinaryCrossEntropyWithLogits", NULL, elements, run_logit)
