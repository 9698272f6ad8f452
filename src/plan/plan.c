/* The stages of planning in their order, and the plan's memory. */
#include "plan/plan.h"

#include <stdint.h>
#include <string.h>

#include "base/size.h"
#include "base/status.h"
#include "base/tensor.h"
#include "plan/build.h"

static void consumed(void *user, const void *data, size_t size)
{
    const struct plan *plan = user;
    stoa_file_forget(&plan->model->file, data, size);
}

/* Nanoseconds, roughly: what multiply-adds and moved elements take, and what waking and awaiting threads does. */
#define MAC_COST 0.02
#define ELEMENT_COST 0.2
#define HANDOVER_COST 8000

static double elements_of(const struct stoa_tensor *tensor)
{
    return tensor->dtype == STOA_NONE ? 0 : (double)stoa_tensor_elements(tensor);
}

/* Depends on shapes alone, and changes no result. */
static bool is_serial(const struct op_call *call)
{
    double elements = 0;
    for (size_t i = 0; i < call->input_count; i++)
        elements += elements_of(&call->inputs[i]);
    for (size_t i = 0; i < call->output_count; i++)
        elements += elements_of(&call->outputs[i]);
    const struct op_report *report = stoa_op_report(call->op);
    return elements * ELEMENT_COST + (report->macs ? report->macs(call) * MAC_COST : 0) < HANDOVER_COST;
}

/* What the step shares with the same node's in other plans. Nodes mostly have the same place in both. */
static void share_step(const struct plan *plan, size_t index, const struct plan_options *options)
{
    const struct plan_step *step = &plan->steps[index];
    for (size_t s = 0; s < options->sibling_count; s++) {
        const struct plan *sibling = options->siblings[s];
        for (size_t i = 0; i < sibling->step_count; i++) {
            const struct plan_step *other = &sibling->steps[(index + i) % sibling->step_count];
            if (other->node == step->node && other->call.op == step->call.op) {
                step->call.op->share(&plan->steps[index].call, &other->call, &plan->allocator);
                break;
            }
        }
    }
}

static enum stoa_status prepare_steps(struct plan *plan, const struct plan_options *options, double byte_price,
                                      struct stoa_error *error)
{
    struct op_prepare prepare = {.allocator = &plan->allocator,
                                 .lowering = options->lowering,
                                 .accuracy = options->accuracy,
                                 .tuning = options->tuning,
                                 .threads = plan->workers,
                                 .byte_price = byte_price,
                                 .consumed = consumed,
                                 .user = plan,
                                 .pool = options->pool};
    for (size_t i = 0; i < plan->step_count; i++) {
        struct plan_step *step = &plan->steps[i];
        step->serial = is_serial(&step->call);
        if (!step->call.op->prepare)
            continue;
        enum stoa_status status = step->call.op->prepare(&step->call, &prepare, error);
        if (status != STOA_OK) {
            stoa_error_prefix(error, "node '%s' (%s): ", step->node, step->type);
            return status;
        }
        if (step->call.op->share)
            share_step(plan, i, options);
    }
    return STOA_OK;
}

static void place_tensor(const struct plan *plan, struct stoa_tensor *tensor, struct plan_place place)
{
    if (place.storage != PLAN_NONE && plan->storages[place.storage].data)
        tensor->data = (char *)plan->storages[place.storage].data + place.offset;
}

void stoa_plan_place(struct plan *plan)
{
    for (size_t s = 0; s < plan->step_count; s++) {
        struct plan_step *step = &plan->steps[s];
        for (size_t i = 0; i < step->call.input_count; i++)
            place_tensor(plan, &step->call.inputs[i], step->inputs[i]);
        for (size_t i = 0; i < step->call.output_count; i++)
            place_tensor(plan, &step->call.outputs[i], step->outputs[i]);
    }
    for (size_t v = 0; v < plan->model->graph.value_count; v++)
        if (plan->values[v].known) {
            place_tensor(plan, &plan->values[v].main.tensor, plan->values[v].main.place);
            place_tensor(plan, &plan->values[v].other.tensor, plan->values[v].other.place);
        }
    for (size_t o = 0; o < plan->model->graph.output_count; o++)
        place_tensor(plan, &plan->outputs[o].tensor, plan->outputs[o].place);
}

void stoa_plan_bind(struct plan *plan, enum storage_kind kind, size_t index, void *data)
{
    const struct plan_tensor *port =
        kind == STORAGE_INPUT ? &plan->values[plan->model->graph.inputs[index]].main : &plan->outputs[index];
    plan->storages[port->place.storage].data = data;
}

void stoa_plan_set_memory(struct plan *plan, void *memory)
{
    plan->memory = memory;
    for (size_t s = 0; s < plan->storage_count; s++)
        if (plan->storages[s].kind == STORAGE_ARENA)
            plan->storages[s].data = plan->memory + plan->storages[s].place;
    stoa_plan_place(plan);
}

enum stoa_status stoa_plan_reserve(struct plan *plan, size_t count, size_t size, size_t *capacity,
                                   struct stoa_error *error, void *array)
{
    if (count < *capacity)
        return STOA_OK;
    size_t larger = stoa_size_max(64, *capacity * 2);
    void *old, *grown;
    STOA_TRY(stoa_allocate(&plan->allocator, larger, size, error, &grown));
    memcpy(&old, array, sizeof old);
    if (count)
        memcpy(grown, old, count * size);
    stoa_release(&plan->allocator, old);
    memcpy(array, &grown, sizeof grown);
    *capacity = larger;
    return STOA_OK;
}

enum stoa_status stoa_plan_add_storage(struct plan *plan, enum storage_kind kind, size_t bytes, size_t place_index,
                                       struct stoa_error *error, size_t *storage)
{
    STOA_TRY(stoa_plan_reserve(plan, plan->storage_count, sizeof *plan->storages, &plan->storage_capacity, error,
                               &plan->storages));
    plan->storages[plan->storage_count] = (struct plan_storage){
        .kind = kind, .bytes = bytes, .first = plan->step_count, .last = plan->step_count, .place = place_index};
    *storage = plan->storage_count++;
    return STOA_OK;
}

/* Once everything has a size, and before block and outputs are taken. */
static enum stoa_status check_memory(const struct plan *plan, const struct plan_options *options,
                                     struct stoa_error *error)
{
    if (!options->budget || !options->max_bytes)
        return STOA_OK;
    size_t block = stoa_size_max(1, plan->memory_bytes) + BUDGET_OVERHEAD, outputs = 0, weights, total;
    for (size_t o = 0; o < plan->model->graph.output_count; o++)
        outputs += stoa_size_max(1, stoa_tensor_bytes(&plan->outputs[o].tensor)) + BUDGET_OVERHEAD;
    weights = options->budget->live + (options->step_bytes ? BUDGET_OVERHEAD : 0) +
              options->step_bytes * stoa_size_max(1, plan->step_count);
    bool fits = stoa_size_add(weights, block, &total) && stoa_size_add(total, outputs, &total);
    if (fits && total <= options->max_bytes)
        return STOA_OK;
    return stoa_fail(error, STOA_ERROR_LIMIT,
                     "max_bytes is %zu, at least %zu are needed: %zu for weights, %zu for activations and scratch, %zu "
                     "for outputs",
                     options->max_bytes, total, weights, block, outputs);
}

static enum stoa_status build(struct plan *plan, const struct plan_options *options, double byte_price,
                              struct stoa_error *error)
{
    const struct graph *graph = &plan->model->graph;
    STOA_TRY(stoa_allocate(&plan->allocator, graph->value_count, sizeof *plan->values, error, &plan->values));
    STOA_TRY(stoa_allocate(&plan->allocator, graph->output_count, sizeof *plan->outputs, error, &plan->outputs));
    STOA_TRY(stoa_plan_inputs(plan, options, error));
    STOA_TRY(stoa_plan_nodes(plan, error));
    STOA_TRY(stoa_plan_fuse(plan, error));
    STOA_TRY(stoa_plan_steps(plan, options, error));
    STOA_TRY(prepare_steps(plan, options, byte_price, error));
    if (!options->keep_values && stoa_plan_enabled(plan, STOA_PASS_FUSE_POOL))
        STOA_TRY(stoa_plan_fuse_pool(plan, error));
    if (!options->keep_values && stoa_plan_enabled(plan, STOA_PASS_OVERWRITE))
        STOA_TRY(stoa_plan_overwrite(plan, error));
    STOA_TRY(stoa_plan_lifetimes(plan, options->keep_values, error));
    if (!options->max_bytes)
        plan->memory_bytes = stoa_memory_whole(plan->memory_bytes);
    return check_memory(plan, options, error);
}

static enum stoa_status create(const struct stoa_model *model, const struct stoa_allocator *allocator,
                               const struct plan_options *options, double byte_price, struct stoa_error *error,
                               struct plan **out)
{
    struct plan *plan;
    STOA_TRY(stoa_allocate(allocator, 1, sizeof *plan, error, &plan));
    plan->model = model;
    plan->allocator = *allocator;
    plan->workers = stoa_pool_workers(options->pool);
    plan->disabled_passes = options->disabled_passes;
    stoa_arena_init(&plan->arena, allocator);
    enum stoa_status status = build(plan, options, byte_price, error);
    if (status != STOA_OK) {
        stoa_plan_free(plan);
        return status;
    }
    *out = plan;
    return STOA_OK;
}

/* Where memory is limited, plans are made at rising prices of a byte until one fits: what saves the most time for its
 * memory is kept longest. At the last price only memory counts. If that plan, too, takes more than there is, but no
 * other can go, then it may do so while it is made, and says what the least possible is. */
enum stoa_status stoa_plan_create(const struct stoa_model *model, const struct stoa_allocator *allocator,
                                  const struct plan_options *options, struct stoa_error *error, struct plan **out)
{
    static const double prices[] = {0, 0.02, 0.1, 0.5, 2, 10, 1e9, 1e9};
    struct budget *budget = options->max_bytes ? options->budget : NULL;
    const size_t unlimited = sizeof prices / sizeof *prices - 1, last = !budget ? 0 : unlimited - options->beside;
    struct stoa_model *resolved;
    struct stoa_error attempt;
    *out = NULL;
    STOA_TRY(stoa_plan_resolve(model, allocator, options, error, &resolved));
    enum stoa_status status = STOA_ERROR_LIMIT;
    for (size_t i = 0; i <= last && status == STOA_ERROR_LIMIT; i++) {
        if (budget) {
            budget->limit = i < unlimited ? options->max_bytes : SIZE_MAX;
            budget->refused = false;
        }
        status = create(resolved ? resolved : model, allocator, options, prices[i], &attempt, out);
        if (budget)
            status = stoa_budget_status(budget, status, "the plan", &attempt);
    }
    if (budget)
        budget->limit = SIZE_MAX;
    if (status == STOA_OK)
        (*out)->resolved = resolved;
    else
        stoa_plan_free_resolved(resolved);
    return stoa_error_hand_on(&attempt, status, error);
}

void stoa_plan_free(struct plan *plan)
{
    if (!plan)
        return;
    for (size_t i = 0; i < plan->step_count; i++)
        if (plan->steps[i].call.op->release)
            plan->steps[i].call.op->release(&plan->steps[i].call, &plan->allocator);
    struct stoa_allocator allocator = plan->allocator;
    stoa_arena_deinit(&plan->arena);
    stoa_release(&allocator, plan->values);
    stoa_release(&allocator, plan->nodes);
    stoa_release(&allocator, plan->rewrites);
    stoa_release(&allocator, plan->uses.wanted);
    stoa_release(&allocator, plan->uses.first);
    stoa_release(&allocator, plan->uses.readers);
    stoa_release(&allocator, plan->storages);
    stoa_release(&allocator, plan->steps);
    stoa_release(&allocator, plan->outputs);
    stoa_plan_free_resolved(plan->resolved);
    stoa_release(&allocator, plan);
}
