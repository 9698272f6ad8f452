/* One operator, called as a planner and a session would. */
#include "ops/direct.h"

#include <criterion/criterion.h>
#include <stdlib.h>

#include "base/tensor.h"
#include "ops/op.h"
#include "support/allocator.h"

struct stoa_tensor direct_run(const struct direct *direct)
{
    struct counting_allocator memory;
    counting_allocator_init(&memory);
    struct stoa_tensor inputs[5], output = {.dtype = STOA_FLOAT};
    struct stoa_error error = {0};
    const struct attributes attributes = {.items = direct->attributes, .count = direct->attribute_count};
    struct op_call call = {.op = stoa_op_find(direct->type, direct->opset, NULL),
                           .input_count = direct->input_count,
                           .output_count = 1,
                           .inputs = inputs,
                           .outputs = &output,
                           .column_channels = direct->column_channels};
    cr_assert(call.op, "%s: no operator %s", direct->name, direct->type);
    for (size_t i = 0; i < direct->input_count; i++) {
        inputs[i] = direct->inputs[i];
        if (!(direct->known >> i & 1))
            inputs[i].data = NULL;
    }
    void *params = calloc(1, call.op->params_size + 1);
    struct attribute_reader reader = stoa_reader(&attributes, direct->opset, direct->input_count, 1, &error);
    if (call.op->parse)
        cr_assert(call.op->parse(&reader, params) == STOA_OK, "%s: %s", direct->name, error.message);
    call.params = params;
    cr_assert(call.op->infer(&call, &error) == STOA_OK, "%s: %s", direct->name, error.message);
    stoa_tensor_set_plain(&output);

    struct op_prepare prepare = {.allocator = &memory.interface, .consumed = direct->consumed, .user = direct->user};
    if (call.op->prepare)
        cr_assert(call.op->prepare(&call, &prepare, &error) == STOA_OK, "%s: %s", direct->name, error.message);
    for (size_t i = 0; i < direct->input_count; i++)
        inputs[i].data = direct->inputs[i].data;
    output.data = malloc(stoa_tensor_bytes(&output) + 1);
    cr_assert(stoa_op_run_once(&call, &memory.interface, NULL, &error) == STOA_OK, "%s: %s", direct->name,
              error.message);
    if (call.op->release)
        call.op->release(&call, &memory.interface);
    cr_expect(memory.live == 0, "%s: %zu blocks leaked", direct->name, memory.live);
    free(params);
    return output;
}
