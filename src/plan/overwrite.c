/* overwrite: an elementwise step whose input nobody needs any more writes its output there, and so does a convolution
 * whose addend that is. The two storages become one, which lives as long as both did. */
#include "base/size.h"
#include "base/status.h"
#include "base/tensor.h"
#include "plan/build.h"

struct merging {
    size_t *into;   /* the storage that each has become part of, or itself */
    size_t *writer; /* the step that has written to each last */
};

/* On its way it halves the way of others: chains may be as long as the graph. */
static size_t merged(const struct merging *merging, size_t storage)
{
    size_t *into = merging->into;
    while (into[storage] != storage)
        storage = into[storage] = into[into[storage]];
    return storage;
}

static bool lie_alike(const struct stoa_tensor *a, const struct stoa_tensor *b)
{
    if (!stoa_tensor_same_dims(a, b) || stoa_dtype_size(a->dtype) != stoa_dtype_size(b->dtype))
        return false;
    for (size_t i = 0; i < a->rank; i++)
        if (a->dims[i] != 1 && a->strides[i] != b->strides[i])
            return false;
    return true;
}

/* Whether step s may write its output over its input i. */
static bool may_overwrite(const struct plan *plan, const struct merging *merging, size_t s, size_t i)
{
    const struct plan_step *step = &plan->steps[s];
    struct plan_place input = step->inputs[i], output = step->outputs[0];
    if (input.storage == PLAN_NONE || output.storage == PLAN_NONE || input.offset || output.offset)
        return false;
    size_t old = merged(merging, input.storage);
    const struct plan_storage *from = &plan->storages[old], *to = &plan->storages[output.storage];
    if (old == output.storage || from->kind != STORAGE_ARENA || from->last != s || to->first != s ||
        (to->kind != STORAGE_ARENA && to->kind != STORAGE_OUTPUT) || from->bytes != to->bytes ||
        !lie_alike(&step->call.inputs[i], &step->call.outputs[0]))
        return false;
    /* Whatever else it reads there must be read in step with what it writes. */
    for (size_t k = 0; k < step->call.input_count; k++)
        if (k != i && step->inputs[k].storage != PLAN_NONE && merged(merging, step->inputs[k].storage) == old &&
            (!step->call.op->elementwise || k > 1 || step->inputs[k].offset ||
             !lie_alike(&step->call.inputs[k], &step->call.outputs[0])))
            return false;
    return true;
}

/* The inputs [first, end) of a step that its output may be. */
static void candidates(const struct op_call *call, size_t *first, size_t *end)
{
    const struct op_fusion *fusion = stoa_op_fusion(call->op);
    bool adds = call->epilogue.has_addend && fusion->adds_in_place && fusion->adds_in_place(call);
    *first = adds ? call->op->max_inputs : 0;
    *end = adds ? *first + 1 : call->op->elementwise ? stoa_size_min(2, call->input_count) : 0;
}

static enum stoa_status merge(struct plan *plan, const struct merging *merging, struct stoa_error *error)
{
    for (size_t s = 0; s < plan->step_count; s++) {
        const struct plan_step *step = &plan->steps[s];
        size_t first, end;
        candidates(&step->call, &first, &end);
        for (size_t i = first; i < end; i++) {
            if (!may_overwrite(plan, merging, s, i))
                continue;
            size_t old = merged(merging, step->inputs[i].storage), kept = step->outputs[0].storage;
            STOA_TRY(
                stoa_plan_note(plan, STOA_PASS_OVERWRITE, step->node, plan->steps[merging->writer[old]].node, error));
            plan->storages[kept].first = plan->storages[old].first;
            plan->storages[old].bytes = 0;
            merging->into[old] = kept;
            break;
        }
        for (size_t i = 0; i < step->call.output_count; i++)
            if (step->outputs[i].storage != PLAN_NONE)
                merging->writer[step->outputs[i].storage] = s;
    }
    return STOA_OK;
}

static void follow(const struct merging *merging, struct plan_place *place)
{
    if (place->storage != PLAN_NONE)
        place->storage = merged(merging, place->storage);
}

static void rename_places(struct plan *plan, const struct merging *merging)
{
    for (size_t s = 0; s < plan->step_count; s++) {
        struct plan_step *step = &plan->steps[s];
        for (size_t i = 0; i < step->call.input_count; i++)
            follow(merging, &step->inputs[i]);
        for (size_t i = 0; i < step->call.output_count; i++)
            follow(merging, &step->outputs[i]);
    }
    for (size_t v = 0; v < plan->model->graph.value_count; v++)
        if (plan->values[v].known) {
            follow(merging, &plan->values[v].main.place);
            follow(merging, &plan->values[v].other.place);
        }
}

enum stoa_status stoa_plan_overwrite(struct plan *plan, struct stoa_error *error)
{
    struct merging merging = {0};
    enum stoa_status status =
        stoa_allocate(&plan->allocator, plan->storage_count, sizeof *merging.into, error, &merging.into);
    if (status == STOA_OK)
        status = stoa_allocate(&plan->allocator, plan->storage_count, sizeof *merging.writer, error, &merging.writer);
    for (size_t i = 0; status == STOA_OK && i < plan->storage_count; i++)
        merging.into[i] = i;
    if (status == STOA_OK)
        status = merge(plan, &merging, error);
    if (status == STOA_OK)
        rename_places(plan, &merging);
    stoa_release(&plan->allocator, merging.into);
    stoa_release(&plan->allocator, merging.writer);
    return status;
}
