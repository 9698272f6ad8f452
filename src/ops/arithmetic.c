/* Arithmetic with NumPy's broadcasting: Add, Sub, Mul, Div, Pow, PRelu, Mod, BitShift of two tensors; Max, Min, Sum,
 * Mean of any number. Max and Min give NaN if any operand is NaN. Integers wrap around and divide towards zero; to
 * divide them by zero is an error.
 *
 * Before opset 7 the operators of two tensors had a broadcasting of their own: with the attribute broadcast, the dims
 * of B are those of A from the attribute axis on, or the last ones. B then counts as having dims of 1 behind. */
#include <stdbool.h>

#include "base/status.h"
#include "base/tensor.h"
#include "kernels/arithmetic.h"
#include "kernels/nd.h"
#include "ops/arguments.h"
#include "ops/op.h"

struct arithmetic_params {
    enum arithmetic operation; /* ARITHMETIC_COUNT: none of them */
    bool broadcast, has_axis;  /* only before opset 7 */
    int64_t axis;
};

/* Operand i, its dims such as NumPy's broadcasting takes them. */
static struct stoa_tensor operand(const struct op_call *call, size_t i)
{
    const struct arithmetic_params *params = call->params;
    struct stoa_tensor tensor = call->inputs[i];
    if (!params->has_axis || i == 0)
        return tensor;
    size_t rank = call->inputs[0].rank;
    for (size_t end = (size_t)params->axis + tensor.rank; end < rank; end++) {
        tensor.dims[tensor.rank] = 1;
        tensor.strides[tensor.rank++] = 1;
    }
    return tensor;
}

static enum stoa_status check_types(const struct op_call *call, struct stoa_error *error)
{
    enum stoa_dtype dtype = call->inputs[0].dtype;
    for (size_t i = 1; i < call->input_count; i++)
        if (call->inputs[i].dtype != dtype)
            return stoa_fail(error, STOA_ERROR_GRAPH, "input %zu is of type %s, input 0 of %s", i,
                             stoa_dtype_name(call->inputs[i].dtype), stoa_dtype_name(dtype));
    return STOA_OK;
}

static enum stoa_status infer(const struct op_call *call, struct stoa_error *error)
{
    const struct arithmetic_params *params = call->params;
    enum stoa_dtype dtype = call->inputs[0].dtype;
    STOA_TRY(check_types(call, error));
    if (!stoa_arithmetic_loop(params->operation, dtype))
        return stoa_fail(error, STOA_ERROR_UNSUPPORTED, "inputs of type %s are not supported", stoa_dtype_name(dtype));
    call->outputs[0].dtype = dtype;
    return stoa_infer_broadcast(call, error);
}

static enum stoa_status infer_mean(const struct op_call *call, struct stoa_error *error)
{
    STOA_TRY(check_types(call, error));
    if (!stoa_dtype_is_real(call->inputs[0].dtype))
        return stoa_fail(error, STOA_ERROR_UNSUPPORTED, "inputs of type %s are not supported",
                         stoa_dtype_name(call->inputs[0].dtype));
    call->outputs[0].dtype = call->inputs[0].dtype;
    return stoa_infer_broadcast(call, error);
}

static enum stoa_status infer_pow(const struct op_call *call, struct stoa_error *error)
{
    enum stoa_dtype base = call->inputs[0].dtype, exponent = call->inputs[1].dtype;
    if (!stoa_power_loop(base, exponent))
        return stoa_fail(error, STOA_ERROR_UNSUPPORTED, "inputs of types %s and %s are not supported",
                         stoa_dtype_name(base), stoa_dtype_name(exponent));
    call->outputs[0].dtype = base;
    return stoa_infer_broadcast(call, error);
}

static enum stoa_status infer_prelu(const struct op_call *call, struct stoa_error *error)
{
    STOA_TRY(infer(call, error));
    const struct stoa_tensor *x = &call->inputs[0], *slope = &call->inputs[1];
    char mine[STOA_DIMS_TEXT], its[STOA_DIMS_TEXT];
    if (stoa_tensor_same_dims(x, &call->outputs[0]))
        return STOA_OK;
    return stoa_fail(error, STOA_ERROR_SHAPE, "input slope has dims %s, which do not broadcast to %s of X",
                     stoa_dims_text(slope->rank, slope->dims, mine), stoa_dims_text(x->rank, x->dims, its));
}

/* Two tensors before opset 7. */
static enum stoa_status infer_old(const struct op_call *call, struct stoa_error *error)
{
    const struct arithmetic_params *params = call->params;
    const struct stoa_tensor *a = &call->inputs[0], *b = &call->inputs[1];
    char mine[STOA_DIMS_TEXT], its[STOA_DIMS_TEXT];
    struct stoa_tensor operands[] = {*a, operand(call, 1)};
    struct op_call aligned = *call;
    aligned.inputs = operands;
    STOA_TRY(check_types(call, error));
    if (!(params->operation == ARITHMETIC_COUNT ? stoa_power_loop(a->dtype, a->dtype)
                                                : stoa_arithmetic_loop(params->operation, a->dtype)))
        return stoa_fail(error, STOA_ERROR_UNSUPPORTED, "inputs of type %s are not supported",
                         stoa_dtype_name(a->dtype));
    call->outputs[0].dtype = a->dtype;
    bool fits = params->broadcast && (!params->has_axis || params->axis + (int64_t)b->rank <= (int64_t)a->rank);
    if ((fits || stoa_tensor_same_dims(a, b)) && stoa_infer_broadcast(&aligned, NULL) == STOA_OK &&
        stoa_tensor_same_dims(a, &call->outputs[0]))
        return STOA_OK;
    return stoa_fail(error, STOA_ERROR_SHAPE, "input B has dims %s, which are not those of A, %s%s",
                     stoa_dims_text(b->rank, b->dims, mine), stoa_dims_text(a->rank, a->dims, its),
                     params->broadcast ? ", from attribute axis on" : ", and attribute broadcast is 0");
}

/* Whether the tensor repeats one element for each channel of x: constants[c], c < dimension 1 of x. */
static bool read_channels(const struct stoa_tensor *tensor, const struct stoa_tensor *x, double *constants)
{
    if (!tensor->data || tensor->dtype != STOA_FLOAT || tensor->rank > x->rank || x->rank < 2)
        return false;
    size_t lead = x->rank - tensor->rank, stride = 0;
    for (size_t i = 0; i < tensor->rank; i++) {
        if (tensor->dims[i] == 1)
            continue;
        if (lead + i != 1 || tensor->dims[i] != x->dims[1])
            return false;
        stride = 1;
    }
    for (size_t c = 0; c < x->dims[1]; c++)
        constants[c] = (double)((const float *)tensor->data)[c * stride];
    return true;
}

static bool affine(const struct op_call *call, size_t input, double *scale, double *shift)
{
    const struct arithmetic_params *params = call->params;
    const struct stoa_tensor x = operand(call, input), other = operand(call, 1 - input);
    if (call->input_count != 2 || x.dtype != STOA_FLOAT || !read_channels(&other, &x, scale))
        return false;
    enum arithmetic operation = params->operation;
    bool sum = operation == ARITHMETIC_ADD || operation == ARITHMETIC_SUB;
    if (!sum && operation != ARITHMETIC_MUL && (operation != ARITHMETIC_DIV || input != 0))
        return false;
    for (size_t c = 0; c < x.dims[1]; c++) {
        double constant = scale[c];
        bool taken_away = operation == ARITHMETIC_SUB;
        scale[c] = !sum ? (operation == ARITHMETIC_DIV ? 1 / constant : constant) : taken_away && input == 1 ? -1 : 1;
        shift[c] = !sum ? 0 : taken_away && input == 0 ? -constant : constant;
    }
    return true;
}

static bool joins_two(const struct op_call *call, enum arithmetic operation)
{
    const struct arithmetic_params *params = call->params;
    return params->operation == operation && call->input_count == 2;
}

static bool adds(const struct op_call *call)
{
    return joins_two(call, ARITHMETIC_ADD);
}

static bool multiplies(const struct op_call *call)
{
    return joins_two(call, ARITHMETIC_MUL);
}

static unsigned takes(const struct op_call *call)
{
    return call->outputs[0].dtype == STOA_FLOAT && call->input_count > 1 ? OP_TAKES_ACTIVATION : 0;
}

/* A loop, and an activation on what it has just written. */
struct activated {
    nd_loop loop;
    const struct activation *activation;
};

static void run_activated(const void *context, size_t count, char *const *data, const ptrdiff_t *strides)
{
    const struct activated *activated = context;
    activated->loop(NULL, count, data, strides);
    stoa_activation_loop(activated->activation, count, (char *[]){data[0], data[0]},
                         (ptrdiff_t[]){strides[0], strides[0]});
}

static void combine(nd_loop loop, struct stoa_tensor a, struct stoa_tensor b, const struct stoa_tensor *y,
                    const struct activation *activation, struct pool *pool)
{
    struct nd nd = stoa_nd_over(y);
    stoa_nd_read(&nd, &a);
    stoa_nd_read(&nd, &b);
    struct activated activated = {.loop = loop, .activation = activation};
    if (activation->kind == ACTIVATION_NONE)
        stoa_nd_run(&nd, pool, loop, NULL);
    else
        stoa_nd_run(&nd, pool, run_activated, &activated);
}

static bool has_zero(const struct stoa_tensor *tensor)
{
    size_t elements = stoa_tensor_elements(tensor);
    for (size_t i = 0; i < elements; i++)
        if (stoa_tensor_load(tensor, stoa_tensor_offset(tensor, i)) == 0)
            return true;
    return false;
}

static enum stoa_status run_arithmetic(const struct op_call *call, const struct op_run *run, struct stoa_error *error)
{
    const struct arithmetic_params *params = call->params;
    const struct stoa_tensor *y = &call->outputs[0];
    bool divides = params->operation == ARITHMETIC_DIV || params->operation == ARITHMETIC_MOD ||
                   params->operation == ARITHMETIC_REMAINDER;
    if (divides && !stoa_dtype_is_real(y->dtype) && has_zero(&call->inputs[1]))
        return stoa_fail(error, STOA_ERROR_DATA, "input B, of type %s, has a 0 to divide by",
                         stoa_dtype_name(call->inputs[1].dtype));
    nd_loop loop = stoa_arithmetic_loop(params->operation, y->dtype);
    if (call->input_count == 1) {
        stoa_nd_copy(&call->inputs[0], y, run->pool);
        return STOA_OK;
    }
    static const struct activation none = {0};
    for (size_t i = 1; i < call->input_count; i++)
        combine(loop, i > 1 ? *y : call->inputs[0], operand(call, i), y,
                i + 1 < call->input_count ? &none : &call->epilogue.activation, run->pool);
    return STOA_OK;
}

static enum stoa_status run_pow(const struct op_call *call, const struct op_run *run, struct stoa_error *error)
{
    (void)error;
    nd_loop loop = stoa_power_loop(call->inputs[0].dtype, call->inputs[1].dtype);
    combine(loop, call->inputs[0], operand(call, 1), &call->outputs[0], &call->epilogue.activation, run->pool);
    return STOA_OK;
}

/* The sum, divided by how many there are. */
static enum stoa_status run_mean(const struct op_call *call, const struct op_run *run, struct stoa_error *error)
{
    const struct stoa_tensor *y = &call->outputs[0];
    static const struct arithmetic_params add = {.operation = ARITHMETIC_ADD};
    struct op_call sum = *call;
    sum.params = &add;
    sum.epilogue.activation.kind = ACTIVATION_NONE;
    STOA_TRY(run_arithmetic(&sum, run, error));
    const float operands = (float)call->input_count;
    const double operands_in_double = (double)call->input_count;
    struct stoa_tensor divisor = {.dtype = y->dtype};
    divisor.data = stoa_read_only(y->dtype == STOA_FLOAT ? (const void *)&operands : &operands_in_double);
    if (call->input_count > 1)
        combine(stoa_arithmetic_loop(ARITHMETIC_DIV, y->dtype), *y, divisor, y, &call->epilogue.activation, run->pool);
    return STOA_OK;
}

/* The gradient of operand j is summed down to its dims, which are the last input's. */
static const struct op_gradient add_gradients[] = {
    {"SumTo", 2, {{OP_GRADIENT, 0}, {OP_INPUT, 0}}, 1, {0}},
    {"SumTo", 2, {{OP_GRADIENT, 0}, {OP_INPUT, 1}}, 1, {1}},
};
static const struct op_gradient sub_gradients[] = {
    {"SumTo", 2, {{OP_GRADIENT, 0}, {OP_INPUT, 0}}, 1, {0}},
    {"SubBackward", 2, {{OP_GRADIENT, 0}, {OP_INPUT, 1}}, 1, {1}},
};
static const struct op_gradient mul_gradients[] = {
    {"MulBackward", 3, {{OP_GRADIENT, 0}, {OP_INPUT, 1}, {OP_INPUT, 0}}, 1, {0}},
    {"MulBackward", 3, {{OP_GRADIENT, 0}, {OP_INPUT, 0}, {OP_INPUT, 1}}, 1, {1}},
};
static const struct op_gradient div_gradients[] = {
    {"DivBackward", 3, {{OP_GRADIENT, 0}, {OP_INPUT, 1}, {OP_INPUT, 0}}, 1, {0}},
    {"DivBackwardDivisor", 3, {{OP_GRADIENT, 0}, {OP_INPUT, 0}, {OP_INPUT, 1}}, 1, {1}},
};
static const struct op_gradient pow_gradients[] = {
    {"PowBackward", 3, {{OP_GRADIENT, 0}, {OP_INPUT, 1}, {OP_INPUT, 0}}, 1, {0}},
    {"PowBackwardExponent", 3, {{OP_GRADIENT, 0}, {OP_INPUT, 0}, {OP_INPUT, 1}}, 1, {1}},
};
static const struct op_gradient prelu_gradients[] = {
    {"PReluBackward", 3, {{OP_GRADIENT, 0}, {OP_INPUT, 1}, {OP_INPUT, 0}}, 1, {0}},
    {"PReluBackwardSlope", 3, {{OP_GRADIENT, 0}, {OP_INPUT, 0}, {OP_INPUT, 1}}, 1, {1}},
};
static const struct op_gradient sum_gradients[] = {
    {"SumBackward", 2, {{OP_GRADIENT, 0}, {OP_INPUT, 0, true}}, 1, {0}, true},
};
static const struct op_gradient mean_gradients[] = {
    {"MeanBackward", 2, {{OP_GRADIENT, 0}, {OP_INPUT, 0, true}}, 1, {0}, true},
};
static const struct op_gradient max_gradients[] = {
    {"MaxBackward", 3, {{OP_GRADIENT, 0}, {OP_OUTPUT, 0}, {OP_INPUT, 0, true}}, 1, {0}, true},
};
static const struct op_gradient min_gradients[] = {
    {"MinBackward", 3, {{OP_GRADIENT, 0}, {OP_OUTPUT, 0}, {OP_INPUT, 0, true}}, 1, {0}, true},
};

static enum stoa_status parse_mod(struct attribute_reader *reader, void *params)
{
    bool by_c = stoa_read_int(reader, "fmod", 0, 0, 1) != 0;
    ((struct arithmetic_params *)params)->operation = by_c ? ARITHMETIC_REMAINDER : ARITHMETIC_MOD;
    return stoa_reader_finish(reader);
}

static enum stoa_status parse_bit_shift(struct attribute_reader *reader, void *params)
{
    static const char *const directions[] = {"LEFT", "RIGHT", NULL};
    stoa_reader_require(reader, "direction");
    bool right = stoa_read_choice(reader, "direction", directions) != 0;
    ((struct arithmetic_params *)params)->operation = right ? ARITHMETIC_SHIFT_RIGHT : ARITHMETIC_SHIFT_LEFT;
    return stoa_reader_finish(reader);
}

static enum stoa_status finish_old(struct attribute_reader *reader, enum arithmetic operation, void *params_)
{
    struct arithmetic_params *params = params_;
    int64_t ignored[2];
    params->operation = operation;
    params->broadcast = stoa_read_int(reader, "broadcast", 0, 0, 1) != 0;
    params->has_axis = params->broadcast && stoa_reader_has(reader, "axis");
    params->axis = stoa_read_int(reader, "axis", 0, 0, STOA_MAX_RANK);
    (void)stoa_read_ints(reader, "consumed_inputs", 0, 1, 2, ignored);
    return stoa_reader_finish(reader);
}

/* A slope a channel, or one. */
static enum stoa_status parse_prelu_1(struct attribute_reader *reader, void *params_)
{
    struct arithmetic_params *params = params_;
    STOA_TRY(finish_old(reader, ARITHMETIC_PRELU, params));
    params->broadcast = params->has_axis = true;
    params->axis = 1;
    return STOA_OK;
}

static const struct op_fusion fusion = {
    .takes = takes,
    .affine = affine,
    .adds = adds,
    .multiplies = multiplies,
};

#define OPERATOR(name, type_, since_, until_, least_inputs, most_inputs, fusion_, parameters_, gradients_,             \
                 gradient_count_, parse_, infer_, run_)                                                                \
    const struct op stoa_op_##name = {                                                                                 \
        .type = type_,                                                                                                 \
        .since = since_,                                                                                               \
        .until = until_,                                                                                               \
        .min_inputs = least_inputs,                                                                                    \
        .max_inputs = most_inputs,                                                                                     \
        .min_outputs = 1,                                                                                              \
        .max_outputs = 1,                                                                                              \
        .layout = OP_ANY,                                                                                              \
        .params_size = sizeof(struct arithmetic_params),                                                               \
        .fusion = fusion_,                                                                                             \
        .elementwise = true,                                                                                           \
        .parameters = parameters_,                                                                                     \
        .gradients = gradients_,                                                                                       \
        .gradient_count = gradient_count_,                                                                             \
        .parse = parse_,                                                                                               \
        .infer = infer_,                                                                                               \
        .run = run_,                                                                                                   \
    };
#define ARITHMETIC(name, type_, operation_, since_, least_inputs, most_inputs, parameters_, infer_, run_)              \
    static enum stoa_status parse_##name(struct attribute_reader *reader, void *params)                                \
    {                                                                                                                  \
        ((struct arithmetic_params *)params)->operation = operation_;                                                  \
        return stoa_reader_finish(reader);                                                                             \
    }                                                                                                                  \
    OPERATOR(name, type_, since_, 0, least_inputs, most_inputs, &fusion, parameters_, name##_gradients,                \
             sizeof name##_gradients / sizeof *name##_gradients, parse_##name, infer_, run_)
ARITHMETIC(add, "Add", ARITHMETIC_ADD, 7, 2, 2, 0, infer, run_arithmetic)
ARITHMETIC(sub, "Sub", ARITHMETIC_SUB, 7, 2, 2, 0, infer, run_arithmetic)
ARITHMETIC(mul, "Mul", ARITHMETIC_MUL, 7, 2, 2, 0, infer, run_arithmetic)
ARITHMETIC(div, "Div", ARITHMETIC_DIV, 7, 2, 2, 0, infer, run_arithmetic)
ARITHMETIC(max, "Max", ARITHMETIC_MAX, 6, 1, 255, 0, infer, run_arithmetic)
ARITHMETIC(min, "Min", ARITHMETIC_MIN, 6, 1, 255, 0, infer, run_arithmetic)
ARITHMETIC(sum, "Sum", ARITHMETIC_ADD, 6, 1, 255, 0, infer, run_arithmetic)
ARITHMETIC(mean, "Mean", ARITHMETIC_COUNT, 6, 1, 255, 0, infer_mean, run_mean)
ARITHMETIC(prelu, "PRelu", ARITHMETIC_PRELU, 7, 2, 2, 1 << 1, infer_prelu, run_arithmetic)
ARITHMETIC(pow, "Pow", ARITHMETIC_COUNT, 7, 2, 2, 0, infer_pow, run_pow)
/* No gradients pass: what a division leaves leaps, and bits are no reals. Its result may hang on the last bit of a
 * sum, so nothing is fused either. */
OPERATOR(mod, "Mod", 10, 0, 2, 2, NULL, 0, NULL, 0, parse_mod, infer, run_arithmetic)
OPERATOR(bit_shift, "BitShift", 11, 0, 2, 2, NULL, 0, NULL, 0, parse_bit_shift, infer, run_arithmetic)

/* Those of old serve inference. */
#define OF_OLD(name, type_, operation, run_)                                                                           \
    static enum stoa_status parse_##name(struct attribute_reader *reader, void *params)                                \
    {                                                                                                                  \
        return finish_old(reader, operation, params);                                                                  \
    }                                                                                                                  \
    OPERATOR(name, type_, 1, 6, 2, 2, &fusion, 0, NULL, 0, parse_##name, infer_old, run_)
OF_OLD(add_1, "Add", ARITHMETIC_ADD, run_arithmetic)
OF_OLD(sub_1, "Sub", ARITHMETIC_SUB, run_arithmetic)
OF_OLD(mul_1, "Mul", ARITHMETIC_MUL, run_arithmetic)
OF_OLD(div_1, "Div", ARITHMETIC_DIV, run_arithmetic)
OF_OLD(pow_1, "Pow", ARITHMETIC_COUNT, run_pow)
OPERATOR(prelu_1, "PRelu", 1, 6, 2, 2, &fusion, 0, NULL, 0, parse_prelu_1, infer_old, run_arithmetic)
