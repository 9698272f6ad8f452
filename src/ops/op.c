/* Running one operator on its own, and what operators have that have none. */
#include "ops/op.h"

#include "base/memory.h"
#include "base/size.h"

const struct op_fusion stoa_op_without_fusion = {0};
const struct op_report stoa_op_without_report = {0};

enum stoa_status stoa_op_run_once(const struct op_call *call, const struct stoa_allocator *allocator, struct pool *pool,
                                  struct stoa_error *error)
{
    struct op_run run = {.pool = pool, .worker_stride = stoa_size_round_up(call->worker_scratch, STOA_ALIGNMENT)};
    enum stoa_status status = STOA_OK;
    if (call->shared_scratch)
        status = stoa_allocate_raw(allocator, 1, call->shared_scratch, error, &run.shared);
    if (status == STOA_OK && run.worker_stride)
        status = stoa_allocate_raw(allocator, stoa_pool_workers(pool), run.worker_stride, error, &run.worker_base);
    if (status == STOA_OK)
        status = call->op->run(call, &run, error);
    stoa_release(allocator, run.shared);
    stoa_release(allocator, run.worker_base);
    return status;
}
