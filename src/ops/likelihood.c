/* NegativeLogLikelihoodLoss and SoftmaxCrossEntropyLoss, which takes scores instead of logarithms of probabilities: of
 * each record -log p of its label's class, weighed by the class; as it is, summed up, or divided by the sum of the
 * weights. A record whose label is ignore_index counts for nothing.
 *
 * No gradients pass: training has losses of its own (loss.c). */
#include <inttypes.h>
#include <string.h>

#include "base/status.h"
#include "base/tensor.h"
#include "ops/check.h"
#include "ops/op.h"
#include "ops/softmax.h"

enum { SCORES, LABELS, WEIGHTS }; /* inputs */
enum { LOSS, LOG_PROB };          /* outputs */

enum reduction { REDUCTION_MEAN, REDUCTION_SUM, REDUCTION_NONE };

struct likelihood_params {
    enum reduction reduction;
    bool ignores;
    int64_t ignored;
};

static enum stoa_status parse(struct attribute_reader *reader, void *out)
{
    static const char *const reductions[] = {"mean", "sum", "none", NULL};
    struct likelihood_params *params = out;
    params->reduction = (enum reduction)stoa_read_choice(reader, "reduction", reductions);
    params->ignores = stoa_reader_has(reader, "ignore_index");
    params->ignored = stoa_read_int(reader, "ignore_index", 0, INT64_MIN, INT64_MAX);
    return stoa_reader_finish(reader);
}

static enum stoa_status infer(const struct op_call *call, struct stoa_error *error)
{
    const struct likelihood_params *params = call->params;
    const struct stoa_tensor *scores = &call->inputs[SCORES], *labels = &call->inputs[LABELS];
    struct stoa_tensor wanted = *scores;
    char mine[STOA_DIMS_TEXT], its[STOA_DIMS_TEXT];
    STOA_TRY(stoa_check_float(call, SCORES, "of scores", error));
    STOA_TRY(stoa_check_least_rank(call, SCORES, "of scores", 2, error));
    if (labels->dtype != STOA_INT64 && labels->dtype != STOA_INT32)
        return stoa_fail(error, STOA_ERROR_GRAPH, "input of labels is of type %s, must be int64 or int32",
                         stoa_dtype_name(labels->dtype));
    wanted.rank = scores->rank - 1;
    memmove(wanted.dims + 1, wanted.dims + 2, (wanted.rank - 1) * sizeof *wanted.dims);
    if (!stoa_tensor_same_dims(labels, &wanted))
        return stoa_fail(error, STOA_ERROR_SHAPE, "input of labels has dims %s, must have %s: one for each record",
                         stoa_dims_text(labels->rank, labels->dims, mine),
                         stoa_dims_text(wanted.rank, wanted.dims, its));
    if (stoa_op_has_input(call, WEIGHTS)) {
        STOA_TRY(stoa_check_float(call, WEIGHTS, "of weights", error));
        STOA_TRY(stoa_check_vector(call, WEIGHTS, "of weights", scores->dims[1], "classes", error));
    }
    if (stoa_op_has_output(call, LOSS)) {
        stoa_same_as_input(call, LABELS, LOSS);
        call->outputs[LOSS].dtype = STOA_FLOAT;
        call->outputs[LOSS].rank = params->reduction == REDUCTION_NONE ? labels->rank : 0;
    }
    if (stoa_op_has_output(call, LOG_PROB))
        stoa_same_as_input(call, SCORES, LOG_PROB);
    return STOA_OK;
}

static int64_t label_at(const struct stoa_tensor *labels, size_t i)
{
    return labels->dtype == STOA_INT64 ? ((const int64_t *)labels->data)[i] : ((const int32_t *)labels->data)[i];
}

/* log_prob[N][C][places]: record i is image i / places at place i % places. */
static enum stoa_status lose(const struct op_call *call, const float *log_prob, struct stoa_error *error)
{
    const struct likelihood_params *params = call->params;
    const struct stoa_tensor *labels = &call->inputs[LABELS];
    const float *weights = stoa_op_has_input(call, WEIGHTS) ? call->inputs[WEIGHTS].data : NULL;
    const size_t classes = call->inputs[SCORES].dims[1], records = stoa_tensor_elements(labels);
    const size_t places = records ? records / labels->dims[0] : 1;
    float *losses = stoa_op_has_output(call, LOSS) ? call->outputs[LOSS].data : NULL;
    double sum = 0, weight_sum = 0;
    for (size_t i = 0; i < records; i++) {
        int64_t label = label_at(labels, i);
        float weight = 0, loss = 0;
        if (!params->ignores || label != params->ignored) {
            if (label < 0 || (uint64_t)label >= classes)
                return stoa_fail(error, STOA_ERROR_DATA, "record %zu has label %" PRId64 " of %zu classes", i, label,
                                 classes);
            weight = weights ? weights[label] : 1;
            loss = -log_prob[(i / places * classes + (size_t)label) * places + i % places] * weight;
        }
        if (losses && params->reduction == REDUCTION_NONE)
            losses[i] = loss;
        sum += (double)loss;
        weight_sum += (double)weight;
    }
    if (losses && params->reduction != REDUCTION_NONE)
        losses[0] = (float)(params->reduction == REDUCTION_MEAN ? sum / weight_sum : sum);
    return STOA_OK;
}

static enum stoa_status likelihood_run(const struct op_call *call, const struct op_run *run, struct stoa_error *error)
{
    (void)run;
    return lose(call, call->inputs[SCORES].data, error);
}

static enum stoa_status entropy_prepare(struct op_call *call, const struct op_prepare *prepare,
                                        struct stoa_error *error)
{
    (void)prepare;
    (void)error;
    call->shared_scratch = stoa_op_has_output(call, LOG_PROB) ? 0 : stoa_tensor_bytes(&call->inputs[SCORES]);
    return STOA_OK;
}

static enum stoa_status entropy_run(const struct op_call *call, const struct op_run *run, struct stoa_error *error)
{
    static const bool classes[STOA_MAX_RANK] = {0, 1};
    struct stoa_tensor log_prob = call->inputs[SCORES];
    log_prob.data = stoa_op_has_output(call, LOG_PROB) ? call->outputs[LOG_PROB].data : run->shared;
    stoa_log_softmax(&call->inputs[SCORES], &log_prob, classes, run->pool);
    return lose(call, log_prob.data, error);
}

const struct op stoa_op_negative_log_likelihood_loss = {
    .type = "NegativeLogLikelihoodLoss",
    .since = 12,
    .min_inputs = 2,
    .max_inputs = 3,
    .min_outputs = 1,
    .max_outputs = 1,
    .layout = OP_PLAIN,
    .params_size = sizeof(struct likelihood_params),
    .parse = parse,
    .infer = infer,
    .run = likelihood_run,
};

const struct op stoa_op_softmax_cross_entropy_loss = {
    .type = "SoftmaxCrossEntropyLoss",
    .since = 12,
    .min_inputs = 2,
    .max_inputs = 3,
    .min_outputs = 1,
    .max_outputs = 2,
    .layout = OP_PLAIN,
    .params_size = sizeof(struct likelihood_params),
    .parse = parse,
    .infer = infer,
    .prepare = entropy_prepare,
    .run = entropy_run,
};
