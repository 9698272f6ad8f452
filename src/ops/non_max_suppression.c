/* NonMaxSuppression: of each class the boxes with the best scores, but for those that overlap a better one too much.
 * How many are left is part of the output's dims, so all inputs must be known when a session is created. The best of
 * what is left are looked for a few at a time: no memory is needed but these and a bit for each box. */
#include <math.h>
#include <stdint.h>
#include <string.h>

#include "base/size.h"
#include "base/status.h"
#include "base/tensor.h"
#include "base/vector.h"
#include "ops/arguments.h"
#include "ops/check.h"
#include "ops/op.h"

#define MOST 65536 /* boxes */
#define FEW 256

enum { BOXES, SCORES, MOST_BOXES, OVERLAP, LEAST_SCORE, INPUTS };
static const char *const names[] = {"boxes", "scores", "max_output_boxes_per_class", "iou_threshold",
                                    "score_threshold"};

struct suppression_params {
    bool centered; /* boxes are x, y of the centre, width, height; otherwise y, x of two opposite corners */
};

static enum stoa_status parse(struct attribute_reader *reader, void *params)
{
    ((struct suppression_params *)params)->centered = stoa_read_int(reader, "center_point_box", 0, 0, 1);
    return stoa_reader_finish(reader);
}

static enum stoa_status check(const struct op_call *call, struct stoa_error *error)
{
    const struct stoa_tensor *boxes = &call->inputs[BOXES], *scores = &call->inputs[SCORES];
    for (size_t i = 0; i < call->input_count; i++) {
        if (i == MOST_BOXES || !stoa_op_has_input(call, i))
            continue;
        STOA_TRY(stoa_check_float(call, i, names[i], error));
        if (i >= OVERLAP)
            STOA_TRY(stoa_check_single(call, i, names[i], error));
    }
    STOA_TRY(stoa_check_single(call, MOST_BOXES, names[MOST_BOXES], error));
    if (stoa_op_has_input(call, MOST_BOXES) && call->inputs[MOST_BOXES].dtype != STOA_INT64)
        return stoa_fail(error, STOA_ERROR_GRAPH, "input %s is of type %s, must be int64", names[MOST_BOXES],
                         stoa_dtype_name(call->inputs[MOST_BOXES].dtype));
    char mine[STOA_DIMS_TEXT], its[STOA_DIMS_TEXT];
    if (boxes->rank != 3 || scores->rank != 3 || boxes->dims[2] != 4 || boxes->dims[0] != scores->dims[0] ||
        boxes->dims[1] != scores->dims[2])
        return stoa_fail(error, STOA_ERROR_SHAPE,
                         "inputs boxes and scores have dims %s and %s, must be [N,boxes,4] and [N,classes,boxes]",
                         stoa_dims_text(boxes->rank, boxes->dims, mine),
                         stoa_dims_text(scores->rank, scores->dims, its));
    if (boxes->dims[1] > MOST)
        return stoa_fail(error, STOA_ERROR_LIMIT, "%zu boxes, at most %d are taken", boxes->dims[1], MOST);
    for (size_t i = 0; i < call->input_count; i++)
        STOA_TRY(stoa_check_known(call, i, names[i], error));
    return STOA_OK;
}

/* The first box from `i` on that is still there, or `count`. */
static STOA_INLINE size_t next_left(const uint64_t *gone, size_t count, size_t i)
{
    for (; i < count; i = (i / 64 + 1) * 64) {
        uint64_t left = ~gone[i / 64] >> i % 64;
        if (left)
            return stoa_size_min(i + (size_t)__builtin_ctzll(left), count);
    }
    return count;
}

static void set_gone(uint64_t *gone, size_t i)
{
    gone[i / 64] |= (uint64_t)1 << i % 64;
}

/* As fmin, which is no instruction. */
static STOA_INLINE double least(double a, double b)
{
    return b < a || isnan(a) ? b : a;
}

/* Of an axis. */
struct side {
    double low, high;
};

static STOA_INLINE struct side find_side(const struct suppression_params *params, const float *box, size_t step,
                                         size_t axis)
{
    double a = (double)box[axis * step], b = (double)box[(axis + 2) * step];
    return params->centered ? (struct side){a - b / 2, a + b / 2} : (struct side){least(a, b), -least(-a, -b)};
}

static STOA_INLINE double common(const struct side *a, const struct side *b)
{
    return least(a->high, b->high) + least(-a->low, -b->low);
}

/* Marks what has too large an intersection over union with box `index` of image n, and the box itself. */
static void suppress_by(const struct op_call *call, size_t n, size_t index, double most, size_t count, uint64_t *gone)
{
    const struct suppression_params *params = call->params;
    const struct stoa_tensor *boxes = &call->inputs[BOXES];
    const float *first = (const float *)boxes->data + n * boxes->strides[0];
    size_t stride = boxes->strides[1], step = boxes->strides[2];
    const struct side y = find_side(params, first + index * stride, step, 0);
    const struct side x = find_side(params, first + index * stride, step, 1);
    set_gone(gone, index);
    for (size_t i = next_left(gone, count, 0); i < count; i = next_left(gone, count, i + 1)) {
        double overlap = 0;
        const struct side its_y = find_side(params, first + i * stride, step, 0);
        double height = common(&y, &its_y);
        if (height > 0) {
            const struct side its_x = find_side(params, first + i * stride, step, 1);
            double width = common(&x, &its_x), area = height * (width > 0 ? width : 0);
            double areas = (y.high - y.low) * (x.high - x.low) + (its_y.high - its_y.low) * (its_x.high - its_x.low);
            overlap = area > 0 ? area / (areas - area) : 0;
        }
        if (overlap > most)
            set_gone(gone, i);
    }
}

static double argument(const struct op_call *call, size_t input, double absent)
{
    return stoa_op_has_input(call, input) ? (double)*(const float *)call->inputs[input].data : absent;
}

/* The best of what is left, in their order: by score, then by index. Returns how many, up to FEW. */
static size_t find_best(const uint64_t *gone, size_t count, const float *score, size_t step, uint32_t best[FEW])
{
    size_t found = 0;
    for (size_t i = next_left(gone, count, 0); i < count; i = next_left(gone, count, i + 1)) {
        size_t at = found;
        while (at > 0 && score[i * step] > score[best[at - 1] * step])
            at--;
        if (at == FEW)
            continue;
        found += found < FEW;
        memmove(best + at + 1, best + at, (found - 1 - at) * sizeof *best);
        best[at] = (uint32_t)i;
    }
    return found;
}

/* Picks boxes of class c of image n; y (may be null) gets their rows from `row` on. Returns how many. */
static size_t suppress(const struct op_call *call, size_t n, size_t c, const struct stoa_tensor *y, size_t row)
{
    const struct stoa_tensor *scores = &call->inputs[SCORES];
    const float *score = (const float *)scores->data + n * scores->strides[0] + c * scores->strides[1];
    size_t count = scores->dims[2], picked = 0, step = scores->strides[2], found = 0, next = 0;
    int64_t wanted = stoa_op_has_input(call, MOST_BOXES) ? *(const int64_t *)call->inputs[MOST_BOXES].data : 0;
    double most_overlap = argument(call, OVERLAP, 0), least_score = argument(call, LEAST_SCORE, -INFINITY);
    uint64_t gone[MOST / 64];
    memset(gone, 0, stoa_size_ceil_div(count, 64) * sizeof *gone);
    for (size_t i = 0; i < count; i++)
        if (!((double)score[i * step] > least_score))
            set_gone(gone, i);
    uint32_t best[FEW];
    for (; wanted > 0 && picked < (size_t)wanted; picked++) {
        while (next < found && gone[best[next] / 64] >> best[next] % 64 & 1)
            next++;
        if (next == found) {
            found = find_best(gone, count, score, step, best);
            next = 0;
        }
        if (found == 0)
            break;
        suppress_by(call, n, best[next], most_overlap, count, gone);
        const int64_t entry[] = {(int64_t)n, (int64_t)c, (int64_t)best[next]};
        for (size_t i = 0; y && i < 3; i++)
            ((int64_t *)y->data)[(row + picked) * y->strides[0] + i * y->strides[1]] = entry[i];
    }
    return picked;
}

static size_t suppress_all(const struct op_call *call, const struct stoa_tensor *y)
{
    const struct stoa_tensor *scores = &call->inputs[SCORES];
    size_t rows = 0;
    for (size_t n = 0; n < scores->dims[0]; n++)
        for (size_t c = 0; c < scores->dims[1]; c++)
            rows += suppress(call, n, c, y, rows);
    return rows;
}

static enum stoa_status infer(const struct op_call *call, struct stoa_error *error)
{
    struct stoa_tensor *y = &call->outputs[0];
    STOA_TRY(check(call, error));
    y->dtype = STOA_INT64;
    y->rank = 2;
    y->dims[0] = suppress_all(call, NULL);
    y->dims[1] = 3;
    return stoa_tensor_measure(y, error, NULL, NULL);
}

static enum stoa_status run(const struct op_call *call, const struct op_run *run, struct stoa_error *error)
{
    (void)run;
    (void)error;
    suppress_all(call, &call->outputs[0]);
    return STOA_OK;
}

const struct op stoa_op_non_max_suppression = {
    .type = "NonMaxSuppression",
    .since = 10,
    .min_inputs = 2,
    .max_inputs = INPUTS,
    .min_outputs = 1,
    .max_outputs = 1,
    .layout = OP_PLAIN,
    .value_inputs = 1 << BOXES | 1 << SCORES | 1 << MOST_BOXES | 1 << OVERLAP | 1 << LEAST_SCORE,
    .params_size = sizeof(struct suppression_params),
    .parse = parse,
    .infer = infer,
    .run = run,
};
