/* Making sessions, and making them sessions of other shapes.
 *
 * All that a session has comes through a budget of its own, so that what it holds is known to the byte and what it may
 * hold can be bounded while it plans. Plans that were made for other shapes are kept, a few of them; they are tables
 * and packed weights, the latter once where they are the same. Activations lie in one block for all plans, since only
 * one of them runs at a time. */
#include "run/session.h"

#include <stdint.h>
#include <stoa/blas.h>
#include <string.h>

#include "base/log.h"
#include "base/reserved.h"
#include "base/size.h"
#include "base/status.h"
#include "base/tensor.h"
#include "lower/tuning.h"

#define DEFAULT_KEPT 2
#define MOST_KEPT 1024

static const struct stoa_allocator *memory_of(struct stoa_session *session)
{
    return &session->budget.interface;
}

static size_t bytes_per_step(const struct stoa_session *session)
{
    return session->profile ? sizeof *session->times + stoa_pool_workers(session->pool) * sizeof *session->spans : 0;
}

/* Places [0, plan_count] of session->plans are there; what is made takes the last. */
static enum stoa_status make_plan(struct stoa_session *session, const struct stoa_input_spec *inputs, size_t count,
                                  struct stoa_error *error)
{
    struct session_plan *made = &session->plans[session->plan_count];
    struct plan **siblings = NULL;
    *made = (struct session_plan){0};
    STOA_TRY(stoa_allocate(memory_of(session), session->plan_count, sizeof *siblings, error, &siblings));
    for (size_t i = 0; i < session->plan_count; i++)
        siblings[i] = session->plans[i].plan;
    struct plan_options options = session->options;
    options.inputs = inputs;
    options.input_count = count;
    options.siblings = siblings;
    options.sibling_count = session->plan_count;
    options.beside = session->plan_count > 1;
    options.step_bytes = bytes_per_step(session);
    enum stoa_status status = stoa_plan_create(session->model, memory_of(session), &options, error, &made->plan);
    stoa_release(memory_of(session), siblings);
    STOA_TRY(status);
    if (session->profile) {
        size_t steps = stoa_size_max(1, made->plan->step_count);
        status = stoa_allocate(memory_of(session), steps, options.step_bytes, error, &made->times);
        if (status != STOA_OK) {
            stoa_plan_free(made->plan);
            return status;
        }
        made->spans = (void *)(made->times + steps);
    }
    session->plan_count++;
    return STOA_OK;
}

/* The last one takes its place. */
static void drop_plan(struct stoa_session *session, size_t index)
{
    stoa_plan_free(session->plans[index].plan);
    stoa_release(memory_of(session), session->plans[index].times);
    session->plans[index] = session->plans[--session->plan_count];
}

/* The one that was asked for the longest time ago, of all but those in the first `from` places. */
static void drop_oldest(struct stoa_session *session, size_t from)
{
    size_t oldest = from;
    for (size_t i = from; i < session->plan_count; i++)
        if (session->plans[i].used < session->plans[oldest].used)
            oldest = i;
    drop_plan(session, oldest);
}

/* Makes the plan at `index` the present one, nothing of which is bound yet. */
static void present(struct stoa_session *session, size_t index)
{
    struct session_plan chosen = session->plans[index];
    session->plans[index] = session->plans[0];
    session->plans[0] = chosen;
    session->plan = chosen.plan;
    session->times = chosen.times;
    session->spans = chosen.spans;
    session->settled = session->ran = false;
    const struct graph *graph = &session->model->graph;
    for (size_t i = 0; i < graph->input_count; i++) {
        size_t storage = session->plan->values[graph->inputs[i]].main.place.storage;
        session->inputs[i].fixed = session->plan->storages[storage].kind == STORAGE_CONSTANT;
    }
}

static void release_block(struct stoa_session *session)
{
    stoa_release(memory_of(session), session->block);
    session->block = NULL;
    session->block_bytes = 0;
    session->settled = session->ran = false;
}

static void release_own(struct stoa_session *session, struct session_port *port)
{
    stoa_release(memory_of(session), port->own);
    port->own = NULL;
    port->bytes = 0;
    session->settled = false;
}

enum stoa_status stoa_session_settle(struct stoa_session *session, struct stoa_error *error)
{
    if (session->settled)
        return STOA_OK;
    struct plan *plan = session->plan;
    if (!session->block || session->block_bytes < plan->memory_bytes) {
        release_block(session);
        enum stoa_status status = stoa_allocate_raw(memory_of(session), 1, plan->memory_bytes, error, &session->block);
        if (status != STOA_OK) {
            stoa_error_prefix(error, "activations and scratch: ");
            return status;
        }
        session->block_bytes = plan->memory_bytes;
    }
    for (size_t i = 0; i < session->model->graph.output_count; i++) {
        struct session_port *port = &session->outputs[i];
        size_t bytes = stoa_tensor_bytes(&plan->outputs[i].tensor);
        if (port->bound || (port->own && port->bytes >= bytes))
            continue;
        release_own(session, port);
        STOA_TRY(stoa_allocate(memory_of(session), 1, bytes, error, &port->own));
        port->bytes = bytes;
    }
    for (size_t i = 0; i < session->model->graph.input_count; i++)
        if (!session->inputs[i].fixed)
            stoa_plan_bind(plan, STORAGE_INPUT, i, session->inputs[i].bound);
    for (size_t i = 0; i < session->model->graph.output_count; i++) {
        struct session_port *port = &session->outputs[i];
        stoa_plan_bind(plan, STORAGE_OUTPUT, i, port->bound ? port->bound : port->own);
    }
    stoa_plan_set_memory(plan, session->block);
    session->settled = true;
    session->ran = false;
    return STOA_OK;
}

static enum stoa_status copy_outputs(struct stoa_session *session, const struct stoa_session_options *options,
                                     struct stoa_error *error)
{
    struct stoa_output_spec *outputs;
    STOA_TRY(stoa_allocate(memory_of(session), options->output_count, sizeof *outputs, error, &outputs));
    session->options.outputs = outputs;
    session->options.output_count = options->output_count;
    for (size_t i = 0; i < options->output_count; i++) {
        const struct stoa_output_spec *given = &options->outputs[i];
        struct stoa_value_info info;
        size_t index;
        STOA_TRY(STOA_CHECK_RESERVED(given, "output spec", error));
        if ((unsigned)given->layout > STOA_NHWC)
            return stoa_fail(error, STOA_ERROR_ARGUMENT, "options.outputs[%zu].layout is %d, which is none", i,
                             (int)given->layout);
        STOA_TRY(stoa_model_find_output(session->model, given->name, error, &index));
        for (size_t before = 0; before < i; before++)
            if (strcmp(given->name, outputs[before].name) == 0)
                return stoa_fail(error, STOA_ERROR_ARGUMENT, "options.outputs: '%s' is given twice", given->name);
        STOA_TRY(stoa_model_output(session->model, index, error, &info));
        outputs[i] = (struct stoa_output_spec){.name = info.name, .layout = given->layout};
    }
    return STOA_OK;
}

static enum stoa_status create(struct stoa_session *session, const struct stoa_session_options *options,
                               struct stoa_error *error)
{
    const struct graph *graph = &session->model->graph;
    const struct stoa_allocator *memory = memory_of(session);
    size_t kept = options->no_cached_plans ? 0 : options->cached_plans ? options->cached_plans : DEFAULT_KEPT;
    session->most_plans = 1 + kept;
    STOA_TRY(stoa_allocate(memory, graph->input_count, sizeof *session->inputs, error, &session->inputs));
    STOA_TRY(stoa_allocate(memory, graph->output_count, sizeof *session->outputs, error, &session->outputs));
    STOA_TRY(stoa_allocate(memory, session->most_plans + 1, sizeof *session->plans, error, &session->plans));
    STOA_TRY(options->pool ? stoa_pool_adopt(memory, options->pool, error, &session->pool)
                           : stoa_pool_create(memory, options->threads, error, &session->pool));
    if (options->tuning)
        STOA_TRY(stoa_tuning_copy(options->tuning, memory, error, &session->tuning));
    session->profile = options->profile != 0;
    session->keep_values = options->keep_values != 0;
    session->progress = options->progress;
    session->user = options->user;
    session->options = (struct plan_options){.lowering = options->lowering,
                                             .tuning = session->tuning,
                                             .accuracy = options->accuracy,
                                             .keep_values = session->keep_values,
                                             .budget = &session->budget,
                                             .max_bytes = options->max_bytes,
                                             .disabled_passes = options->disabled_passes,
                                             .pool = session->pool};
    STOA_TRY(copy_outputs(session, options, error));
    STOA_TRY(make_plan(session, options->inputs, options->input_count, error));
    present(session, 0);
    return stoa_session_settle(session, error);
}

/* Settings of the process that cost speed, which are not ours to change. */
static void log_blas(const struct stoa_log *log, size_t workers)
{
    struct stoa_blas_info blas;
    stoa_blas_describe(&blas);
    if (blas.better_core)
        stoa_log_line(log, "BLAS runs on %s kernels; set OPENBLAS_CORETYPE=%s before the program starts", blas.core,
                      blas.better_core);
    if (blas.threads > 1)
        stoa_log_line(log,
                      "BLAS has %d threads of its own beside the session's %zu; stoa_blas_set_threads(1) is faster",
                      blas.threads, workers);
}

enum stoa_status stoa_session_check_options(const struct stoa_session_options *options, struct stoa_error *error)
{
    STOA_TRY(STOA_CHECK_RESERVED(options, "options", error));
    if (options->input_count && !options->inputs)
        return stoa_fail(error, STOA_ERROR_ARGUMENT, "options.inputs is null, input_count is %zu",
                         options->input_count);
    if (options->output_count && !options->outputs)
        return stoa_fail(error, STOA_ERROR_ARGUMENT, "options.outputs is null, output_count is %zu",
                         options->output_count);
    if (options->disabled_passes & ~STOA_PASS_ALL)
        return stoa_fail(error, STOA_ERROR_ARGUMENT, "options.disabled_passes is %#x, which has bits of no pass",
                         options->disabled_passes);
    if ((unsigned)options->lowering >= STOA_LOWERING_COUNT)
        return stoa_fail(error, STOA_ERROR_ARGUMENT, "options.lowering is %d, which is no lowering",
                         (int)options->lowering);
    if ((unsigned)options->accuracy >= STOA_ACCURACY_COUNT)
        return stoa_fail(error, STOA_ERROR_ARGUMENT, "options.accuracy is %d, which is none", (int)options->accuracy);
    if (options->cached_plans > MOST_KEPT)
        return stoa_fail(error, STOA_ERROR_LIMIT, "options.cached_plans is %zu, at most %d are kept",
                         options->cached_plans, MOST_KEPT);
    return STOA_OK;
}

enum stoa_status stoa_session_create(const struct stoa_model *model, const struct stoa_session_options *options,
                                     struct stoa_error *error, struct stoa_session **out)
{
    static const struct stoa_session_options defaults = {0};
    if (!out)
        return stoa_fail(error, STOA_ERROR_ARGUMENT, "session is null");
    *out = NULL;
    if (!model)
        return stoa_fail(error, STOA_ERROR_ARGUMENT, "model is null");
    if (!options)
        options = &defaults;
    STOA_TRY(stoa_session_check_options(options, error));

    const struct stoa_allocator *allocator = options->allocator ? options->allocator : &model->allocator;
    struct stoa_session *session;
    STOA_TRY(stoa_allocate(allocator, 1, sizeof *session, error, &session));
    session->model = model;
    session->allocator = *allocator;
    atomic_init(&session->cancelled, false);
    stoa_budget_init(&session->budget, allocator, SIZE_MAX);
    session->budget.live = session->budget.peak = sizeof *session;
    enum stoa_status status = create(session, options, error);
    if (status != STOA_OK) {
        stoa_session_free(session);
        return status;
    }
    log_blas(&model->log, stoa_pool_workers(session->pool));
    *out = session;
    return STOA_OK;
}

void stoa_session_free(struct stoa_session *session)
{
    if (!session)
        return;
    while (session->plan_count)
        drop_plan(session, session->plan_count - 1);
    stoa_pool_free(session->pool);
    for (size_t i = 0; session->outputs && i < session->model->graph.output_count; i++)
        release_own(session, &session->outputs[i]);
    release_block(session);
    stoa_tuning_free(session->tuning);
    void *const arrays[] = {session->inputs, session->outputs, session->plans,
                            stoa_read_only(session->options.outputs)};
    for (size_t i = 0; i < sizeof arrays / sizeof *arrays; i++)
        stoa_release(memory_of(session), arrays[i]);
    struct stoa_allocator allocator = session->allocator;
    stoa_release(&allocator, session);
}

/* Whether a buffer of the one serves as a buffer of the other. */
static bool same_buffer(const struct stoa_tensor *a, const struct stoa_tensor *b)
{
    return a->rank == b->rank && memcmp(a->dims, b->dims, a->rank * sizeof *a->dims) == 0 &&
           memcmp(a->strides, b->strides, a->rank * sizeof *a->strides) == 0;
}

/* What was bound to ports that are others now is bound no more. */
static void keep_bindings(struct stoa_session *session, const struct plan *before)
{
    const struct graph *graph = &session->model->graph;
    for (size_t i = 0; i < graph->input_count; i++) {
        struct session_port *port = &session->inputs[i];
        port->before = port->bound;
        if (port->fixed || !same_buffer(&before->values[graph->inputs[i]].main.tensor,
                                        &session->plan->values[graph->inputs[i]].main.tensor))
            port->bound = NULL;
    }
    for (size_t i = 0; i < graph->output_count; i++) {
        struct session_port *port = &session->outputs[i];
        port->before = port->bound;
        if (!same_buffer(&before->outputs[i].tensor, &session->plan->outputs[i].tensor))
            port->bound = NULL;
    }
}

static void restore_bindings(struct stoa_session *session)
{
    for (size_t i = 0; i < session->model->graph.input_count; i++)
        session->inputs[i].bound = session->inputs[i].before;
    for (size_t i = 0; i < session->model->graph.output_count; i++)
        session->outputs[i].bound = session->outputs[i].before;
}

/* *index = the place of the plan of these inputs; plan_count if there is none. */
static enum stoa_status find_plan(const struct stoa_session *session, const struct stoa_input_spec *inputs,
                                  size_t count, struct stoa_error *error, size_t *index)
{
    for (*index = 0; *index < session->plan_count; ++*index) {
        bool matches;
        STOA_TRY(stoa_plan_matches(session->plans[*index].plan, inputs, count, error, &matches));
        if (matches)
            break;
    }
    return STOA_OK;
}

/* Bytes of all that the session will have once it is settled. */
static size_t bytes_settled(const struct stoa_session *session)
{
    size_t bytes = session->budget.live, grown = session->plan->memory_bytes;
    if (grown > session->block_bytes)
        bytes += grown - session->block_bytes;
    bytes += session->block ? 0 : BUDGET_OVERHEAD;
    for (size_t i = 0; i < session->model->graph.output_count; i++) {
        const struct session_port *port = &session->outputs[i];
        size_t size = stoa_size_max(1, stoa_tensor_bytes(&session->plan->outputs[i].tensor));
        if (!port->bound && size > port->bytes)
            bytes += size - port->bytes + (port->own ? 0 : BUDGET_OVERHEAD);
    }
    return bytes;
}

enum stoa_status stoa_session_reshape(struct stoa_session *session, const struct stoa_input_spec *inputs, size_t count,
                                      struct stoa_error *error)
{
    if (!session || (count && !inputs))
        return stoa_fail(error, STOA_ERROR_ARGUMENT, "%s is null", session ? "inputs" : "session");
    size_t index;
    STOA_TRY(find_plan(session, inputs, count, error, &index));
    bool made = index == session->plan_count;
    if (made && session->options.max_bytes) { /* what will be taken again counts for the new plan, not beside it */
        release_block(session);
        for (size_t i = 0; i < session->model->graph.output_count; i++)
            release_own(session, &session->outputs[i]);
    }
    if (made) {
        struct stoa_error attempt;
        enum stoa_status status;
        while (status = make_plan(session, inputs, count, &attempt),
               status == STOA_ERROR_LIMIT && session->options.max_bytes && session->plan_count > 1)
            drop_oldest(session, 1);
        STOA_TRY(stoa_error_hand_on(&attempt, status, error));
        index = session->plan_count - 1;
    }
    const struct plan *before = session->plan;
    session->plans[index].used = ++session->reshapes;
    present(session, index);
    keep_bindings(session, before);
    /* Of the plans kept any may go, even that of before: the present one is there already. */
    bool parted = false;
    while (session->options.max_bytes && bytes_settled(session) > session->options.max_bytes &&
           session->plan_count > 1) {
        parted = true;
        drop_oldest(session, 1);
    }
    enum stoa_status status = stoa_session_settle(session, error);
    if (status != STOA_OK && !parted) {
        present(session, index);
        restore_bindings(session);
        if (made)
            drop_plan(session, index);
    }
    while (session->plan_count > session->most_plans)
        drop_oldest(session, 1);
    return status;
}

void stoa_session_trim(struct stoa_session *session)
{
    if (!session)
        return;
    while (session->plan_count > 1)
        drop_plan(session, 1);
    release_block(session);
}

size_t stoa_session_plan_count(const struct stoa_session *session)
{
    return session->plan_count;
}

void stoa_session_memory(const struct stoa_session *session, struct stoa_memory_info *info)
{
    *info = (struct stoa_memory_info){.peak = session->budget.peak};
    if (session->block)
        info->activations = stoa_size_max(1, session->block_bytes) + BUDGET_OVERHEAD;
    for (size_t i = 0; i < session->model->graph.output_count; i++)
        if (session->outputs[i].own)
            info->outputs += stoa_size_max(1, session->outputs[i].bytes) + BUDGET_OVERHEAD;
    info->weights = session->budget.live - info->activations - info->outputs;
}
