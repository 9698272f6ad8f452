/* RNN, GRU and LSTM. X times W is one product for all steps, which asks nothing of the steps before; what follows goes
 * step by step (recurrent_cell.c). A task is one direction of some sequences, from the first step to the last; where
 * there is one task alone, its products are shared out instead. Weights serve where they lie, or as an aligned copy.
 *
 * Where ONNX's definition is silent, this does as ONNX Runtime does: a sequence of no steps ends in zeros, whatever
 * state it begins with, and clip is for the gates, not for LSTM's cell on its way to the output.
 *
 * No gradients pass: the steps between are not kept. */
#include "ops/recurrent.h"

#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "base/size.h"
#include "base/status.h"
#include "base/tensor.h"
#include "kernels/matrix.h"
#include "ops/check.h"
#include "ops/indices.h"
#include "ops/product.h"

enum { X, W, R, B, LENGTHS, H, C, P };
enum { Y, LAST_H, LAST_C };

struct recurrent_params {
    const struct recurrent_cell *cell;
    size_t directions;
    bool backward[2];
    size_t hidden; /* 0: as R has it */
    float clip;
    bool coupled, late, batch_first;
    struct recurrent_function functions[2 * RECURRENT_FUNCTIONS];
};

/* The attributes of which a function takes the next number, and what there is if they are used up. */
static const struct {
    const char *name;
    enum activation_kind kind;
    bool takes_alpha, takes_beta;
    float alpha, beta;
} functions[] = {
    {"Sigmoid", ACTIVATION_SIGMOID},
    {"Tanh", ACTIVATION_TANH},
    {"Relu", ACTIVATION_RELU},
    {"Softsign", ACTIVATION_SOFTSIGN},
    {"Softplus", ACTIVATION_SOFTPLUS},
    {"LeakyRelu", ACTIVATION_LEAKY_RELU, true, false, 0.01f},
    {"ThresholdedRelu", ACTIVATION_THRESHOLDED_RELU, true, false, 1},
    {"Elu", ACTIVATION_ELU, true, false, 1},
    {"HardSigmoid", ACTIVATION_HARD_SIGMOID, true, true, 0.2f, 0.5f},
    {"Affine", ACTIVATION_NONE, true, true, 1, 0},     /* alpha * x + beta */
    {"ScaledTanh", ACTIVATION_TANH, true, true, 1, 1}, /* alpha * tanh(beta * x) */
};
#define FUNCTION_COUNT (sizeof functions / sizeof *functions)

static void read_functions(struct attribute_reader *reader, struct recurrent_params *params)
{
    const char *names[2 * RECURRENT_FUNCTIONS];
    float alpha[2 * RECURRENT_FUNCTIONS], beta[2 * RECURRENT_FUNCTIONS];
    size_t each = params->cell->functions, count = params->directions * each, alphas, betas, a = 0, b = 0;
    size_t given = stoa_read_strings(reader, "activations", count, names);
    alphas = stoa_read_floats(reader, "activation_alpha", count, alpha);
    betas = stoa_read_floats(reader, "activation_beta", count, beta);
    if (given && given != count)
        stoa_reader_fail(reader, STOA_ERROR_ATTRIBUTE, "attribute activations has %zu values, must have %zu", given,
                         count);
    for (size_t i = 0; i < count && reader->status == STOA_OK; i++) {
        const char *name = given ? names[i] : params->cell->defaults[i % each];
        size_t k = 0;
        while (k < FUNCTION_COUNT && strcmp(functions[k].name, name) != 0)
            k++;
        if (k == FUNCTION_COUNT) {
            stoa_reader_fail(reader, STOA_ERROR_UNSUPPORTED,
                             "attribute activations[%zu] is \"%.100s\", which is not supported", i, name);
            return;
        }
        float first = functions[k].takes_alpha && a < alphas ? alpha[a++] : functions[k].alpha;
        float second = functions[k].takes_beta && b < betas ? beta[b++] : functions[k].beta;
        struct recurrent_function *f = &params->functions[i];
        *f = (struct recurrent_function){{functions[k].kind, first, second}, 1, 1, 0};
        if (functions[k].kind == ACTIVATION_TANH && functions[k].takes_alpha) {
            f->slope = first;
            f->scale = second;
        } else if (functions[k].kind == ACTIVATION_NONE) {
            f->slope = first;
            f->offset = second;
        }
    }
}

static enum stoa_status parse(struct attribute_reader *reader, const struct recurrent_cell *cell,
                              struct recurrent_params *params)
{
    static const char *const directions[] = {"forward", "reverse", "bidirectional", NULL};
    size_t direction = stoa_read_choice(reader, "direction", directions);
    params->cell = cell;
    params->directions = direction == 2 ? 2 : 1;
    params->backward[0] = direction == 1;
    params->backward[1] = true;
    if (stoa_reader_has(reader, "hidden_size"))
        params->hidden = (size_t)stoa_read_int(reader, "hidden_size", 1, 1, INT32_MAX);
    params->clip = stoa_read_float(reader, "clip", INFINITY);
    if (params->clip <= 0)
        stoa_reader_fail(reader, STOA_ERROR_ATTRIBUTE, "attribute clip is %g, must be positive", (double)params->clip);
    if (cell == &stoa_lstm_cell)
        params->coupled = stoa_read_int(reader, "input_forget", 0, 0, 1) != 0;
    if (cell == &stoa_gru_cell)
        params->late = stoa_read_int(reader, "linear_before_reset", 0, 0, 1) != 0;
    if (reader->opset >= 14)
        params->batch_first = stoa_read_int(reader, "layout", 0, 0, 1) != 0;
    read_functions(reader, params);
    return stoa_reader_finish(reader);
}

/* Sizes, and where things lie, in units of what there is of each step, direction and sequence. */
struct shape {
    size_t steps, batch, inputs, n, gates, directions;
    bool batch_first;
};

static struct shape shape_of(const struct op_call *call)
{
    const struct recurrent_params *params = call->params;
    const struct stoa_tensor *x = &call->inputs[X];
    return (struct shape){
        .steps = x->dims[params->batch_first],
        .batch = x->dims[!params->batch_first],
        .inputs = x->dims[2],
        .n = call->inputs[R].dims[2],
        .gates = params->cell->gates,
        .directions = params->directions,
        .batch_first = params->batch_first,
    };
}

static size_t place_of_step(const struct shape *shape, size_t step, size_t sequence)
{
    return shape->batch_first ? sequence * shape->steps + step : step * shape->batch + sequence;
}

static size_t place_of_state(const struct shape *shape, size_t direction, size_t sequence)
{
    return shape->batch_first ? sequence * shape->directions + direction : direction * shape->batch + sequence;
}

static size_t place_of_output(const struct shape *shape, size_t step, size_t direction, size_t sequence)
{
    return shape->batch_first ? (sequence * shape->steps + step) * shape->directions + direction
                              : (step * shape->directions + direction) * shape->batch + sequence;
}

/* The product of X with W of both directions, but for the data. */
static struct product product_x(const struct shape *shape)
{
    return (struct product){.m = shape->steps * shape->batch,
                            .k = shape->inputs,
                            .n = shape->gates * shape->n,
                            .b_transposed = true,
                            .alpha = 1,
                            .batch_rank = 1,
                            .batch_dims = {shape->directions},
                            .b_strides = {shape->gates * shape->n * shape->inputs}};
}

static const struct {
    const char *name;
    size_t rank;
    const char *dims;
} inputs[] = {
    [X] = {"X", 3, "steps, batch, input size"},
    [W] = {"W", 3, "directions, hidden_size of each gate, input size"},
    [R] = {"R", 3, "directions, hidden_size of each gate, hidden_size"},
    [B] = {"B", 2, "directions, twice hidden_size of each gate"},
    [LENGTHS] = {"sequence_lens", 1, "batch"},
    [H] = {"initial_h", 3, "directions and batch, hidden_size"},
    [C] = {"initial_c", 3, "directions and batch, hidden_size"},
    [P] = {"P", 2, "directions, three times hidden_size"},
};

/* The input, if it is there, is of the right type and, where dims are given, has them. */
static enum stoa_status check(const struct op_call *call, size_t input, const size_t *dims, struct stoa_error *error)
{
    const struct stoa_tensor *tensor = &call->inputs[input];
    const char *name = inputs[input].name;
    size_t rank = inputs[input].rank;
    if (!stoa_op_has_input(call, input))
        return STOA_OK;
    STOA_TRY(input == LENGTHS ? stoa_check_indices(call, input, name, error)
                              : stoa_check_float(call, input, name, error));
    char has[STOA_DIMS_TEXT], must[STOA_DIMS_TEXT] = "";
    if (tensor->rank == rank && (!dims || memcmp(tensor->dims, dims, rank * sizeof *dims) == 0))
        return STOA_OK;
    return stoa_fail(error, STOA_ERROR_SHAPE, "input %s has dims %s, must have rank %zu%s%s (%s)", name,
                     stoa_dims_text(tensor->rank, tensor->dims, has), rank, dims ? " and dims " : "",
                     dims ? stoa_dims_text(rank, dims, must) : must, inputs[input].dims);
}

static enum stoa_status infer(const struct op_call *call, struct stoa_error *error)
{
    const struct recurrent_params *params = call->params;
    STOA_TRY(check(call, X, NULL, error));
    STOA_TRY(check(call, R, NULL, error));
    struct shape s = shape_of(call);
    size_t n = params->hidden ? params->hidden : s.n, all = s.gates * n, rows;
    if (n == 0 || n > INT32_MAX)
        return stoa_fail(error, STOA_ERROR_SHAPE, "input R has a hidden size of %zu (its dims[2])", n);
    const size_t outer = s.batch_first ? s.batch : s.directions, inner = s.batch_first ? s.directions : s.batch;
    const size_t dims[][3] = {
        [W] = {s.directions, all, s.inputs},
        [R] = {s.directions, all, n},
        [B] = {s.directions, 2 * all},
        [LENGTHS] = {s.batch},
        [H] = {outer, inner, n},
        [C] = {outer, inner, n},
        [P] = {s.directions, 3 * n},
    };
    const size_t y_dims[] = {s.batch_first ? s.batch : s.steps, s.batch_first ? s.steps : s.directions, inner, n};
    for (size_t i = W; i <= P; i++)
        STOA_TRY(check(call, i, dims[i], error));
    if (!stoa_size_mul(s.steps, s.batch, &rows))
        return stoa_fail(error, STOA_ERROR_LIMIT, "input X has %zu steps of %zu sequences", s.steps, s.batch);
    struct product product = product_x(&s);
    STOA_TRY(stoa_product_check(&product, error));
    for (size_t i = Y; i <= LAST_C; i++) {
        if (!stoa_op_has_output(call, i))
            continue;
        struct stoa_tensor *output = &call->outputs[i];
        output->dtype = STOA_FLOAT;
        output->rank = i == Y ? 4 : 3;
        memcpy(output->dims, i == Y ? y_dims : dims[H], output->rank * sizeof *y_dims);
    }
    return STOA_OK;
}

/* Sequences of a task: few enough that there are tasks, and so many that R is not read for each alone. */
static size_t rows_of_task(const struct shape *shape)
{
    return stoa_size_part(shape->batch, RECURRENT_ROWS / 2 * shape->directions, 1);
}

/* W and R where they lie; constants that are not aligned there, in call->state, which has room for both. */
static const float *weights(const struct op_call *call, size_t input)
{
    const struct stoa_tensor *tensor = &call->inputs[input];
    if (stoa_tensor_is_aligned(tensor))
        return tensor->data;
    return (const float *)call->state + (input == R ? stoa_tensor_elements(&call->inputs[W]) : 0);
}

static size_t bytes_of_weights(const struct op_call *call)
{
    return stoa_tensor_bytes(&call->inputs[W]) + stoa_tensor_bytes(&call->inputs[R]);
}

static enum stoa_status copy_weights(struct op_call *call, const struct op_prepare *prepare, struct stoa_error *error)
{
    call->state = NULL;
    for (size_t i = W; i <= R; i++) {
        const struct stoa_tensor *tensor = &call->inputs[i];
        size_t size = stoa_tensor_bytes(tensor);
        if (stoa_tensor_is_aligned(tensor))
            continue;
        if (!call->state)
            STOA_TRY(stoa_shared_allocate(prepare->allocator, bytes_of_weights(call), error, &call->state));
        memcpy(stoa_read_only(weights(call, i)), tensor->data, size);
        stoa_op_consumed(prepare, tensor->data, size);
    }
    return STOA_OK;
}

static void share(struct op_call *call, const struct op_call *other, const struct stoa_allocator *allocator)
{
    size_t size = bytes_of_weights(call);
    if (size == bytes_of_weights(other))
        stoa_shared_merge(allocator, size, other->state, &call->state);
}

static enum stoa_status prepare(struct op_call *call, const struct op_prepare *prepare, struct stoa_error *error)
{
    struct shape s = shape_of(call);
    size_t floats = s.gates * s.n * s.directions, rows = s.steps * s.batch;
    if (!stoa_size_mul(floats, rows + 1, &floats) || !stoa_size_mul(floats, sizeof(float), &call->shared_scratch))
        return stoa_fail(error, STOA_ERROR_LIMIT,
                         "the gates of %zu steps of %zu sequences are more than memory can hold", s.steps, s.batch);
    call->worker_scratch = (rows_of_task(&s) * (s.gates + 2) + 1) * s.n * sizeof(float);
    return copy_weights(call, prepare, error);
}

struct running {
    const struct op_call *call;
    const struct op_run *run;
    struct shape shape;
    float *sums;       /* [directions][gates * n], of both biases; null: none */
    float *gates;      /* [directions][steps and sequences as X has them][gates * n] */
    struct pool *pool; /* of a task that is the only one */
};

/* Of the input if it is there; null otherwise. */
static const float *part(const struct op_call *call, size_t input, size_t offset)
{
    return stoa_op_has_input(call, input) ? (const float *)call->inputs[input].data + offset : NULL;
}

/* to[n] <- from, or zeros where that is null. */
static void copy(size_t n, const float *from, float *to)
{
    if (from)
        memcpy(to, from, n * sizeof *to);
    else
        memset(to, 0, n * sizeof *to);
}

static void write(const struct op_call *call, size_t output, size_t place, size_t n, const float *from)
{
    if (stoa_op_has_output(call, output))
        copy(n, from, (float *)call->outputs[output].data + place * n);
}

static size_t length_of(const struct op_call *call, const struct shape *shape, size_t sequence)
{
    return stoa_op_has_input(call, LENGTHS) ? (size_t)stoa_index_load(&call->inputs[LENGTHS], sequence) : shape->steps;
}

/* All steps of the sequences from `first` on. */
static void walk(const struct running *running, size_t direction, size_t first, struct recurrent_state *state)
{
    const struct op_call *call = running->call;
    const struct recurrent_params *params = call->params;
    const struct shape *shape = &running->shape;
    size_t n = state->n, at[RECURRENT_ROWS]; /* which of its steps each row takes */
    for (size_t i = 0; i < state->rows; i++) {
        size_t place = place_of_state(shape, direction, first + i);
        copy(n, part(call, H, place * n), state->h + i * n);
        copy(n, part(call, C, place * n), state->c + i * n);
    }
    for (size_t step = 0; step < shape->steps; step++) {
        size_t left = 0;
        for (size_t i = 0; i < state->rows; i++) {
            size_t length = length_of(call, shape, first + i);
            bool over = step >= length;
            at[i] = params->backward[direction] && !over ? length - 1 - step : step;
            size_t place = direction * shape->steps * shape->batch + place_of_step(shape, at[i], first + i);
            state->x[i] = over ? NULL : running->gates + place * shape->gates * n;
            left += !over;
        }
        if (left)
            params->cell->step(state);
        for (size_t i = 0; i < state->rows; i++)
            write(call, Y, place_of_output(shape, at[i], direction, first + i), n,
                  state->x[i] ? state->h + i * n : NULL);
    }
    for (size_t i = 0; i < state->rows; i++) {
        size_t place = place_of_state(shape, direction, first + i);
        bool any = length_of(call, shape, first + i) > 0;
        write(call, LAST_H, place, n, any ? state->h + i * n : NULL);
        write(call, LAST_C, place, n, any ? state->c + i * n : NULL);
    }
}

static void task(void *context, size_t task, size_t worker)
{
    const struct running *running = context;
    const struct op_call *call = running->call;
    const struct recurrent_params *params = call->params;
    const struct shape *shape = &running->shape;
    size_t n = shape->n, all = shape->gates * n, most = rows_of_task(shape);
    size_t direction = task % shape->directions, first = task / shape->directions * most;
    struct recurrent_state state = {
        .n = n,
        .rows = stoa_size_min(most, shape->batch - first),
        .functions = params->functions + direction * params->cell->functions,
        .clip = params->clip,
        .coupled = params->coupled,
        .late = params->late,
        .r = weights(call, R) + direction * all * n,
        .sums = running->sums ? running->sums + direction * all : NULL,
        .b = part(call, B, direction * 2 * all),
        .p = part(call, P, direction * 3 * n),
        .h = stoa_op_worker(running->run, worker),
        .pool = running->pool,
    };
    state.c = state.h + most * n;
    state.spare = state.c + most * n;
    state.gates = state.spare + n;
    walk(running, direction, first, &state);
}

static enum stoa_status run(const struct op_call *call, const struct op_run *run, struct stoa_error *error)
{
    struct running running = {.call = call, .run = run, .shape = shape_of(call), .gates = run->shared};
    const struct shape *shape = &running.shape;
    size_t all = shape->gates * shape->n;
    if (stoa_op_has_input(call, LENGTHS))
        STOA_TRY(stoa_lengths_resolve(&call->inputs[LENGTHS], shape->steps, error));
    if (stoa_op_has_input(call, B)) {
        running.sums = running.gates + shape->directions * shape->steps * shape->batch * all;
        for (size_t d = 0; d < shape->directions; d++) {
            copy(all, part(call, B, d * 2 * all), running.sums + d * all);
            stoa_matrix_add_rows(1, all, part(call, B, (d * 2 + 1) * all), all, running.sums + d * all);
        }
    }
    struct product product = product_x(shape);
    product.a = call->inputs[X].data;
    product.b = weights(call, W);
    product.y = running.gates;
    stoa_product_run(&product, run->pool);
    size_t tasks = shape->directions * stoa_size_ceil_div(shape->batch, rows_of_task(shape));
    if (tasks == 1) {
        running.pool = run->pool;
        task(&running, 0, 0);
    } else {
        stoa_pool_run(run->pool, tasks, task, &running);
    }
    return STOA_OK;
}

static double macs(const struct op_call *call)
{
    struct shape shape = shape_of(call);
    struct product product = product_x(&shape);
    product.k += shape.n; /* and that of the state with R */
    return stoa_product_macs(&product);
}

static const struct op_report report = {.macs = macs};

#define RECURRENT(name, type_, inputs_, outputs_)                                                                      \
    static enum stoa_status parse_##name(struct attribute_reader *reader, void *params)                                \
    {                                                                                                                  \
        return parse(reader, &stoa_##name##_cell, params);                                                             \
    }                                                                                                                  \
    const struct op stoa_op_##name = {                                                                                 \
        .type = type_,                                                                                                 \
        .since = 7,                                                                                                    \
        .min_inputs = 3,                                                                                               \
        .max_inputs = inputs_,                                                                                         \
        .max_outputs = outputs_,                                                                                       \
        .layout = OP_PLAIN,                                                                                            \
        .loose_inputs = 1 << W | 1 << R,                                                                               \
        .params_size = sizeof(struct recurrent_params),                                                                \
        .parse = parse_##name,                                                                                         \
        .infer = infer,                                                                                                \
        .prepare = prepare,                                                                                            \
        .release = stoa_product_release,                                                                               \
        .share = share,                                                                                                \
        .run = run,                                                                                                    \
        .report = &report,                                                                                             \
    };
RECURRENT(rnn, "RNN", 6, 2)
RECURRENT(gru, "GRU", 6, 2)
RECURRENT(lstm, "LSTM", 8, 3)
