/* Constant folding: what depends on constants only is computed once, by the engine's own operators, so that shape
 * arithmetic, identities of weights and the like are gone before the first run. */
#include "base/status.h"
#include "base/tensor.h"
#include "kernels/nd.h"
#include "plan/build.h"

/* Prepares, runs and releases a call whose tensors lie as its operator wants them. */
static enum stoa_status compute(struct plan *plan, struct op_call *call, struct stoa_error *error)
{
    /* Once, so it may as well be exact, whatever the session is to be. */
    struct op_prepare prepare = {.allocator = &plan->allocator, .accuracy = STOA_ACCURACY_STRICT};
    if (call->op->prepare)
        STOA_TRY(call->op->prepare(call, &prepare, error));
    enum stoa_status status = stoa_op_run_once(call, &plan->allocator, NULL, error);
    if (call->op->release)
        call->op->release(call, &plan->allocator);
    call->state = NULL;
    return status;
}

/* Constants are plain: computes on channels-last copies of input 0 and the outputs. */
static enum stoa_status compute_channels_last(struct plan *plan, struct op_call *call, struct stoa_error *error)
{
    struct arena arena;
    stoa_arena_init(&arena, &plan->allocator);
    struct op_call moved = *call;
    enum stoa_status status =
        stoa_arena_allocate(&arena, call->input_count, sizeof *moved.inputs, error, &moved.inputs);
    if (status == STOA_OK)
        status = stoa_arena_allocate(&arena, call->output_count, sizeof *moved.outputs, error, &moved.outputs);
    for (size_t i = 0; status == STOA_OK && i < call->input_count; i++)
        moved.inputs[i] = call->inputs[i];
    for (size_t i = 0; status == STOA_OK && i < call->output_count; i++)
        moved.outputs[i] = call->outputs[i];
    for (size_t i = 0; status == STOA_OK && i <= call->output_count; i++) {
        struct stoa_tensor *tensor = i < call->output_count ? &moved.outputs[i] : &moved.inputs[0];
        if (tensor->dtype == STOA_NONE)
            continue;
        stoa_tensor_set_channels_last(tensor);
        status = stoa_arena_allocate(&arena, 1, stoa_tensor_bytes(tensor), error, &tensor->data);
    }
    if (status == STOA_OK) {
        stoa_nd_copy(&call->inputs[0], &moved.inputs[0], NULL);
        status = compute(plan, &moved, error);
    }
    for (size_t i = 0; status == STOA_OK && i < call->output_count; i++)
        if (call->outputs[i].dtype != STOA_NONE)
            stoa_nd_copy(&moved.outputs[i], &call->outputs[i], NULL);
    stoa_arena_deinit(&arena);
    return status;
}

enum stoa_status stoa_plan_fold(struct plan *plan, struct op_call *call, struct stoa_error *error)
{
    bool viewed = call->op->layout == OP_VIEW;
    for (size_t i = 0; i < call->output_count; i++) {
        struct stoa_tensor *output = &call->outputs[i];
        if (output->dtype == STOA_NONE)
            continue;
        stoa_tensor_set_plain(output);
        if (!viewed || i > 0)
            STOA_TRY(stoa_arena_allocate(&plan->arena, 1, stoa_tensor_bytes(output), error, &output->data));
    }
    if (viewed) {
        struct stoa_tensor *output = &call->outputs[0], strided;
        call->op->view(call);
        output->data = call->inputs[0].data;
        strided = *output;
        if (!stoa_tensor_is_plain(output)) { /* constants are plain */
            stoa_tensor_set_plain(output);
            STOA_TRY(stoa_arena_allocate(&plan->arena, 1, stoa_tensor_bytes(output), error, &output->data));
            stoa_nd_copy(&strided, output, NULL);
        }
    }
    if (!call->op->run)
        return STOA_OK;
    return call->op->layout == OP_CHANNELS_LAST ? compute_channels_last(plan, call, error) : compute(plan, call, error);
}
