/* Constant folding: what depends on constants only is computed once, by the engine's own operators, so that shape
 * arithmetic, identities of weights and the like are gone before the first run. */
#include "base/size.h"
#include "base/status.h"
#include "base/tensor.h"
#include "kernels/nd.h"
#include "plan/build.h"

static void ignore_consumed(void *user, const void *data, size_t size)
{
    (void)user;
    (void)data;
    (void)size;
}

static enum stoa_status run_once(struct plan *plan, const struct op_call *call, struct stoa_error *error)
{
    struct op_run run = {.worker_stride = stoa_size_round_up(call->worker_scratch, STOA_ALIGNMENT)};
    enum stoa_status status = stoa_allocate_raw(&plan->allocator, 1, call->shared_scratch, error, &run.shared);
    if (status == STOA_OK)
        status = stoa_allocate_raw(&plan->allocator, 1, run.worker_stride, error, &run.worker_base);
    if (status == STOA_OK)
        status = call->op->run(call, &run, error);
    stoa_release(&plan->allocator, run.shared);
    stoa_release(&plan->allocator, run.worker_base);
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

    struct op_prepare prepare = {.allocator = &plan->allocator, .consumed = ignore_consumed};
    if (call->op->prepare)
        STOA_TRY(call->op->prepare(call, &prepare, error));
    enum stoa_status status = run_once(plan, call, error);
    if (call->op->release)
        call->op->release(call, &plan->allocator);
    call->state = NULL;
    return status;
}
