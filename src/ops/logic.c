/* What is true of elements: Equal, Greater, GreaterOrEqual, Less, LessOrEqual of two tensors; And, Or, Xor, Not of
 * bools; IsNaN, IsInf. With NumPy's broadcasting; all types but where ONNX has fewer. Results are bools, so that no
 * gradients pass. */
#include <stdbool.h>
#include <stdint.h>

#include "base/status.h"
#include "base/tensor.h"
#include "kernels/nd.h"
#include "kernels/relation.h"
#include "ops/arguments.h"
#include "ops/check.h"
#include "ops/op.h"

struct relation_params {
    enum relation relation;
    bool swapped; /* a > b is b < a */
};

static enum stoa_status infer(const struct op_call *call, struct stoa_error *error)
{
    const struct relation_params *params = call->params;
    enum stoa_dtype a = call->inputs[0].dtype, b = call->inputs[1].dtype;
    if (a != b)
        return stoa_fail(error, STOA_ERROR_GRAPH, "input B is of type %s, input A of %s", stoa_dtype_name(b),
                         stoa_dtype_name(a));
    if (!stoa_relation_loop(params->relation, a))
        return stoa_fail(error, STOA_ERROR_UNSUPPORTED, "inputs of type %s are not supported", stoa_dtype_name(a));
    call->outputs[0].dtype = STOA_BOOL;
    return stoa_infer_broadcast(call, error);
}

static enum stoa_status run(const struct op_call *call, const struct op_run *run, struct stoa_error *error)
{
    (void)error;
    const struct relation_params *params = call->params;
    struct nd nd = stoa_nd_over(&call->outputs[0]);
    stoa_nd_read(&nd, &call->inputs[params->swapped]);
    stoa_nd_read(&nd, &call->inputs[!params->swapped]);
    stoa_nd_run(&nd, run->pool, stoa_relation_loop(params->relation, call->inputs[0].dtype), NULL);
    return STOA_OK;
}

static enum stoa_status infer_not(const struct op_call *call, struct stoa_error *error)
{
    const struct stoa_tensor *x = &call->inputs[0];
    if (x->dtype != STOA_BOOL)
        return stoa_fail(error, STOA_ERROR_GRAPH, "input X is of type %s, must be bool", stoa_dtype_name(x->dtype));
    stoa_same_as_input(call, 0, 0);
    return STOA_OK;
}

static enum stoa_status run_not(const struct op_call *call, const struct op_run *run, struct stoa_error *error)
{
    (void)error;
    static const uint8_t no = 0;
    struct nd nd = stoa_nd_over(&call->outputs[0]);
    stoa_nd_read(&nd, &call->inputs[0]);
    stoa_nd_read_scalar(&nd, STOA_BOOL, &no);
    stoa_nd_run(&nd, run->pool, stoa_relation_loop(RELATION_EQUAL, STOA_BOOL), NULL);
    return STOA_OK;
}

static enum stoa_status parse_is_nan(struct attribute_reader *reader, void *params)
{
    *(struct number_class *)params = (struct number_class){.nan = true};
    return stoa_reader_finish(reader);
}

static enum stoa_status parse_is_inf(struct attribute_reader *reader, void *params)
{
    struct number_class *wanted = params;
    wanted->positive_infinity = stoa_read_int(reader, "detect_positive", 1, 0, 1) != 0;
    wanted->negative_infinity = stoa_read_int(reader, "detect_negative", 1, 0, 1) != 0;
    return stoa_reader_finish(reader);
}

static enum stoa_status infer_class(const struct op_call *call, struct stoa_error *error)
{
    const struct stoa_tensor *x = &call->inputs[0];
    if (!stoa_class_loop(x->dtype))
        return stoa_fail(error, STOA_ERROR_UNSUPPORTED, "input X is of type %s, only float and double are supported",
                         stoa_dtype_name(x->dtype));
    stoa_same_as_input(call, 0, 0);
    call->outputs[0].dtype = STOA_BOOL;
    return STOA_OK;
}

static enum stoa_status run_class(const struct op_call *call, const struct op_run *run, struct stoa_error *error)
{
    (void)error;
    struct nd nd = stoa_nd_over(&call->outputs[0]);
    stoa_nd_read(&nd, &call->inputs[0]);
    stoa_nd_run(&nd, run->pool, stoa_class_loop(call->inputs[0].dtype), call->params);
    return STOA_OK;
}

#define LOGIC(name, type_, since_, inputs, params_size_, parse_, infer_, run_)                                         \
    const struct op stoa_op_##name = {                                                                                 \
        .type = type_,                                                                                                 \
        .since = since_,                                                                                               \
        .min_inputs = inputs,                                                                                          \
        .max_inputs = inputs,                                                                                          \
        .min_outputs = 1,                                                                                              \
        .max_outputs = 1,                                                                                              \
        .layout = OP_ANY,                                                                                              \
        .params_size = params_size_,                                                                                   \
        .elementwise = true,                                                                                           \
        .parse = parse_,                                                                                               \
        .infer = infer_,                                                                                               \
        .run = run_,                                                                                                   \
    };
#define RELATION(name, type_, since_, relation_, swapped_)                                                             \
    static enum stoa_status parse_##name(struct attribute_reader *reader, void *params)                                \
    {                                                                                                                  \
        *(struct relation_params *)params = (struct relation_params){relation_, swapped_};                             \
        return stoa_reader_finish(reader);                                                                             \
    }                                                                                                                  \
    LOGIC(name, type_, since_, 2, sizeof(struct relation_params), parse_##name, infer, run)
RELATION(equal, "Equal", 7, RELATION_EQUAL, false)
RELATION(less, "Less", 7, RELATION_LESS, false)
RELATION(less_or_equal, "LessOrEqual", 12, RELATION_LESS_OR_EQUAL, false)
RELATION(greater, "Greater", 7, RELATION_LESS, true)
RELATION(greater_or_equal, "GreaterOrEqual", 12, RELATION_LESS_OR_EQUAL, true)
RELATION(and, "And", 7, RELATION_AND, false)
RELATION(or, "Or", 7, RELATION_OR, false)
RELATION(xor, "Xor", 7, RELATION_XOR, false)
LOGIC(not, "Not", 1, 1, 0, NULL, infer_not, run_not)
LOGIC(is_nan, "IsNaN", 9, 1, sizeof(struct number_class), parse_is_nan, infer_class, run_class)
LOGIC(is_inf, "IsInf", 10, 1, sizeof(struct number_class), parse_is_inf, infer_class, run_class)
