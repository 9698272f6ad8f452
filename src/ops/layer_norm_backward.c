/* The backward pass of LayerNormalization. With g = dy * scale and xhat = (x - mean) * r, of each row
 *
 *   dx = r * (g - mean(g) - xhat * mean(g * xhat))
 *
 * and of each place in it dscale = sum of dy * xhat and dbias = sum of dy over the rows. Rows go by chunks, each with
 * sums of its own, which are joined in their order: chunks are cut by shapes alone. Mean and r are computed again,
 * which takes less than reading them would save. */
#include "base/size.h"
#include "base/status.h"
#include "kernels/block_backward.h"
#include "ops/check.h"
#include "ops/layer_norm.h"

#define CHUNK_ELEMENTS 65536 /* of a chunk, about, at least */
#define CHUNKS 64            /* at most */

enum { DY, X, SCALE };      /* inputs */
enum { DX, DSCALE, DBIAS }; /* outputs */

struct chunks {
    size_t rows, columns, rows_per_chunk, count;
    const float *x, *dy, *scale;
    float epsilon;
    float *dx;   /* null when nobody wants it */
    float *sums; /* [count][scale, bias][columns] */
    const struct op_run *run;
};

static enum stoa_status plan(const struct op_call *call, struct stoa_error *error, struct chunks *chunks)
{
    *chunks = (struct chunks){0};
    STOA_TRY(stoa_layer_norm_shape(call, X, error, &chunks->rows, &chunks->columns));
    chunks->rows_per_chunk = stoa_size_max(CHUNK_ELEMENTS / stoa_size_max(1, chunks->columns),
                                           stoa_size_max(1, stoa_size_ceil_div(chunks->rows, CHUNKS)));
    chunks->count = stoa_size_ceil_div(chunks->rows, chunks->rows_per_chunk);
    return STOA_OK;
}

static enum stoa_status infer(const struct op_call *call, struct stoa_error *error)
{
    size_t rows, columns;
    STOA_TRY(stoa_check_float(call, DY, "dY", error));
    STOA_TRY(stoa_check_float(call, X, "X", error));
    STOA_TRY(stoa_layer_norm_shape(call, X, error, &rows, &columns));
    STOA_TRY(stoa_layer_norm_check(call, X, SCALE, "Scale", error));
    for (size_t i = DX; i <= DBIAS; i++)
        if (stoa_op_has_output(call, i))
            stoa_same_as_input(call, i == DX ? X : SCALE, i);
    return STOA_OK;
}

static enum stoa_status prepare(struct op_call *call, const struct op_prepare *prepare, struct stoa_error *error)
{
    (void)prepare;
    struct chunks chunks;
    STOA_TRY(plan(call, error, &chunks));
    call->worker_scratch = chunks.columns * sizeof(float);
    if (!stoa_size_mul(chunks.count * 2 * sizeof(float), chunks.columns, &call->shared_scratch))
        return stoa_fail(error, STOA_ERROR_LIMIT, "the sums of %zu chunks do not fit memory", chunks.count);
    return STOA_OK;
}

static void give_row(const struct chunks *chunks, size_t row, float *g, float *sums)
{
    const size_t columns = chunks->columns;
    const struct block block = {.count = columns, .lanes = 1, .x_step = 1, .y_step = 1, .z_step = 1};
    const float *x = chunks->x + row * columns;
    float mean, reciprocal, sum = 0, product = 0;
    stoa_layer_norm_moments(columns, x, chunks->epsilon, &mean, &reciprocal);
    stoa_row_gradients(columns, x, chunks->dy + row * columns, chunks->scale, mean, reciprocal, g, sums,
                       sums + columns);
    if (!chunks->dx)
        return;
    stoa_block_sum_centred(&block, x, g, &mean, &sum, &product);
    float shift = sum / (float)columns;
    float slope = (float)((double)product * (double)reciprocal * (double)reciprocal / (double)columns);
    stoa_block_centre(&block, x, g,
                      &(struct block_centre){.mean = &mean, .factor = &reciprocal, .shift = &shift, .slope = &slope},
                      chunks->dx + row * columns);
}

static void task(void *context, size_t task, size_t worker)
{
    const struct chunks *chunks = context;
    float *sums = chunks->sums + task * 2 * chunks->columns, *g = stoa_op_worker(chunks->run, worker);
    size_t end = stoa_size_min((task + 1) * chunks->rows_per_chunk, chunks->rows);
    for (size_t i = 0; i < 2 * chunks->columns; i++)
        sums[i] = 0;
    for (size_t row = task * chunks->rows_per_chunk; row < end; row++)
        give_row(chunks, row, g, sums);
}

static void join(const struct op_call *call, size_t output, const struct chunks *chunks)
{
    if (!stoa_op_has_output(call, output))
        return;
    float *whole = call->outputs[output].data;
    for (size_t i = 0; i < chunks->columns; i++) {
        double sum = 0;
        for (size_t c = 0; c < chunks->count; c++)
            sum += (double)chunks->sums[(2 * c + (output == DBIAS)) * chunks->columns + i];
        whole[i] = (float)sum;
    }
}

static enum stoa_status run(const struct op_call *call, const struct op_run *run, struct stoa_error *error)
{
    struct chunks chunks;
    STOA_TRY(plan(call, error, &chunks));
    chunks.x = call->inputs[X].data;
    chunks.dy = call->inputs[DY].data;
    chunks.scale = call->inputs[SCALE].data;
    chunks.epsilon = ((const struct layer_norm_params *)call->params)->epsilon;
    chunks.dx = stoa_op_has_output(call, DX) ? call->outputs[DX].data : NULL;
    chunks.sums = run->shared;
    chunks.run = run;
    stoa_pool_run(run->pool, chunks.count, task, &chunks);
    join(call, DSCALE, &chunks);
    join(call, DBIAS, &chunks);
    return STOA_OK;
}

const struct op stoa_op_layer_normalization_backward = {
    .type = "LayerNormalizationBackward",
    .since = 1,
    .min_inputs = 3,
    .max_inputs = 3,
    .min_outputs = 0,
    .max_outputs = 3,
    .layout = OP_PLAIN,
    .params_size = sizeof(struct layer_norm_params),
    .parse = stoa_layer_norm_parse,
    .infer = infer,
    .prepare = prepare,
    .run = run,
};
