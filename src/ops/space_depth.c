/* DepthToSpace and SpaceToDepth: blocks of b x b pixels become channels of one pixel, and the other way round. */
#include "base/status.h"
#include "base/tensor.h"
#include "ops/check.h"
#include "ops/rearrange.h"

static void read_block(struct attribute_reader *reader, struct depth_params *params)
{
    stoa_reader_require(reader, "blocksize");
    params->block = stoa_read_int(reader, "blocksize", 1, 1, 1 << 15);
}

enum stoa_status stoa_depth_to_space_parse(struct attribute_reader *reader, void *params_)
{
    static const char *const modes[] = {"DCR", "CRD", NULL};
    struct depth_params *params = params_;
    read_block(reader, params);
    if (reader->opset >= 11)
        params->columns_first = stoa_read_choice(reader, "mode", modes) == 1;
    return stoa_reader_finish(reader);
}

enum stoa_status stoa_space_to_depth_parse(struct attribute_reader *reader, void *params)
{
    read_block(reader, params);
    return stoa_reader_finish(reader);
}

static enum stoa_status check_rank(const struct op_call *call, struct stoa_error *error)
{
    const struct stoa_tensor *x = &call->inputs[0];
    char text[STOA_DIMS_TEXT];
    if (x->rank != 4)
        return stoa_fail(error, STOA_ERROR_SHAPE, "input has dims %s, must be of rank 4",
                         stoa_dims_text(x->rank, x->dims, text));
    return STOA_OK;
}

static enum stoa_status infer_depth_to_space(const struct op_call *call, struct stoa_error *error)
{
    const struct depth_params *params = call->params;
    size_t block = (size_t)params->block;
    STOA_TRY(check_rank(call, error));
    stoa_same_as_input(call, 0, 0);
    size_t *dims = call->outputs[0].dims;
    if (dims[1] % (block * block) != 0)
        return stoa_fail(error, STOA_ERROR_SHAPE, "the input has %zu channels, no multiple of blocksize %zu squared",
                         dims[1], block);
    dims[1] /= block * block;
    dims[2] *= block;
    dims[3] *= block;
    return stoa_tensor_measure(&call->outputs[0], error, NULL, NULL);
}

static enum stoa_status infer_space_to_depth(const struct op_call *call, struct stoa_error *error)
{
    const struct depth_params *params = call->params;
    size_t block = (size_t)params->block;
    STOA_TRY(check_rank(call, error));
    stoa_same_as_input(call, 0, 0);
    size_t *dims = call->outputs[0].dims;
    if (dims[2] % block != 0 || dims[3] % block != 0)
        return stoa_fail(error, STOA_ERROR_SHAPE, "the input is %zu x %zu, no multiples of blocksize %zu", dims[2],
                         dims[3], block);
    dims[1] *= block * block;
    dims[2] /= block;
    dims[3] /= block;
    return stoa_tensor_measure(&call->outputs[0], error, NULL, NULL);
}

/* Over N, C, H, rows of a block, W, columns of a block. */
static struct nd walk(const struct depth_params *params, const struct stoa_tensor *depth,
                      const struct stoa_tensor *space, size_t depth_operand, size_t space_operand)
{
    size_t channels = space->dims[1], block = (size_t)params->block;
    ptrdiff_t b = (ptrdiff_t)block, d[4], s[4];
    for (size_t i = 0; i < 4; i++) {
        d[i] = (ptrdiff_t)depth->strides[i];
        s[i] = (ptrdiff_t)space->strides[i];
    }
    ptrdiff_t channel = params->columns_first ? b * b : 1, column = params->columns_first ? 1 : (ptrdiff_t)channels;
    size_t size = stoa_dtype_size(depth->dtype);
    struct nd nd = {.rank = 6,
                    .dims = {depth->dims[0], channels, depth->dims[2], block, depth->dims[3], block},
                    .operand_count = 2};
    nd.operands[depth_operand] =
        (struct nd_operand){.data = depth->data,
                            .size = size,
                            .strides = {d[0], channel * d[1], d[2], b * column * d[1], d[3], column * d[1]}};
    nd.operands[space_operand] =
        (struct nd_operand){.data = space->data, .size = size, .strides = {s[0], s[1], b * s[2], s[2], b * s[3], s[3]}};
    return nd;
}

void stoa_depth_to_space(const struct depth_params *params, const struct stoa_tensor *depth,
                         const struct stoa_tensor *space, struct pool *pool)
{
    struct nd nd = walk(params, depth, space, 1, 0);
    stoa_nd_copy_nest(&nd, pool);
}

void stoa_space_to_depth(const struct depth_params *params, const struct stoa_tensor *space,
                         const struct stoa_tensor *depth, struct pool *pool)
{
    struct nd nd = walk(params, depth, space, 0, 1);
    stoa_nd_copy_nest(&nd, pool);
}

static enum stoa_status run_depth_to_space(const struct op_call *call, const struct op_run *run,
                                           struct stoa_error *error)
{
    (void)error;
    stoa_depth_to_space(call->params, &call->inputs[0], &call->outputs[0], run->pool);
    return STOA_OK;
}

static enum stoa_status run_space_to_depth(const struct op_call *call, const struct op_run *run,
                                           struct stoa_error *error)
{
    (void)error;
    stoa_space_to_depth(call->params, &call->inputs[0], &call->outputs[0], run->pool);
    return STOA_OK;
}

static const struct op_gradient depth_to_space_gradients[] = {
    {"DepthToSpaceBackward", 2, {{OP_GRADIENT, 0}, {OP_INPUT, 0}}, 1, {0}},
};
static const struct op_gradient space_to_depth_gradients[] = {
    {"SpaceToDepthBackward", 2, {{OP_GRADIENT, 0}, {OP_INPUT, 0}}, 1, {0}},
};

#define BLOCKS(name, type_)                                                                                            \
    const struct op stoa_op_##name = {                                                                                 \
        .type = type_,                                                                                                 \
        .since = 1,                                                                                                    \
        .min_inputs = 1,                                                                                               \
        .max_inputs = 1,                                                                                               \
        .min_outputs = 1,                                                                                              \
        .max_outputs = 1,                                                                                              \
        .layout = OP_ANY,                                                                                              \
        .gradients = name##_gradients,                                                                                 \
        .gradient_count = 1,                                                                                           \
        .params_size = sizeof(struct depth_params),                                                                    \
        .parse = stoa_##name##_parse,                                                                                  \
        .infer = infer_##name,                                                                                         \
        .run = run_##name,                                                                                             \
    };
BLOCKS(depth_to_space, "DepthToSpace")
BLOCKS(space_to_depth, "SpaceToDepth")
