/* The engine's operator beside its twin, over the layouts and worker counts it must agree in. */
#include "support/op_check.h"

#include <criterion/criterion.h>
#include <limits.h>
#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "base/status.h"
#include "base/tensor.h"
#include "ops/op.h"
#include "reference/reference.h"
#include "support/allocator.h"
#include "support/op_text.h"

#define MAX_OUTPUTS 8

struct check {
    const struct op_row *row;
    struct counting_allocator memory; /* the engine's: must end empty */
    struct stoa_allocator plain;      /* the test's own */
    struct arena arena;
    struct attributes attributes;
    struct op_text_input given[OP_TEXT_MAX_INPUTS];
    struct op_call call;
    struct stoa_tensor inputs[OP_TEXT_MAX_INPUTS], outputs[MAX_OUTPUTS];
    struct stoa_error error;
    double mixing; /* of the last run, as stoa_conv_error has it */
    size_t reach[2];
};

static enum stoa_status begin(struct check *check, const struct op_row *row)
{
    *check = (struct check){.row = row, .plain = stoa_allocator_default()};
    counting_allocator_init(&check->memory);
    stoa_arena_init(&check->arena, &check->plain);
    check->attributes = op_text_attributes(row->attributes, &check->arena);

    struct op_call *call = &check->call;
    call->op = stoa_op_find(row->type, row->opset, NULL);
    if (!call->op)
        call->op = stoa_training_op_find(row->type);
    cr_assert(call->op, "%s: no operator %s at opset %d", row->name, row->type, row->opset);
    call->inputs = check->inputs;
    call->outputs = check->outputs;
    call->input_count = op_text_inputs(row->inputs, 1, &check->arena, check->given);
    call->output_count = row->outputs ? row->outputs : 1;
    for (size_t i = 0; i < call->input_count; i++) {
        check->inputs[i] = check->given[i].tensor;
        if (!check->given[i].constant)
            check->inputs[i].data = NULL;
    }
    for (size_t i = 0; i < call->output_count; i++)
        check->outputs[i].dtype = row->unwanted >> i & 1 ? STOA_NONE : STOA_FLOAT;

    void *params = NULL;
    cr_assert(stoa_arena_allocate(&check->arena, 1, call->op->params_size, NULL, &params) == STOA_OK, "out of memory");
    struct attribute_reader reader =
        stoa_reader(&check->attributes, row->opset, call->input_count, call->output_count, &check->error);
    if (call->op->parse)
        STOA_TRY(call->op->parse(&reader, params));
    call->params = params;
    return call->op->infer(call, &check->error);
}

static void end(struct check *check)
{
    cr_expect(check->memory.live == 0, "%s: %zu blocks leaked", check->row->name, check->memory.live);
    stoa_arena_deinit(&check->arena);
}

static double load(const struct stoa_tensor *tensor, size_t index)
{
    return stoa_tensor_load(tensor, stoa_tensor_offset(tensor, index));
}

static void place(struct check *check, struct stoa_tensor *tensor, const struct stoa_tensor *values, bool channels_last)
{
    if (channels_last && tensor->rank >= 3)
        stoa_tensor_set_channels_last(tensor);
    else
        stoa_tensor_set_plain(tensor);
    size_t size = stoa_dtype_size(tensor->dtype), elements = stoa_tensor_elements(tensor);
    cr_assert(stoa_arena_allocate(&check->arena, elements + 1, size, NULL, &tensor->data) == STOA_OK, "out of memory");
    memset(tensor->data, 0xa5, elements * size); /* an element that nobody writes shows */
    for (size_t i = 0; values && i < elements; i++)
        memcpy((char *)tensor->data + stoa_tensor_offset(tensor, i) * size, (const char *)values->data + i * size,
               size);
}

/* What is given up must be part of a constant. */
static void check_consumed(void *user, const void *data, size_t size)
{
    const struct check *check = user;
    bool inside = false;
    for (size_t i = 0; i < check->call.input_count; i++) {
        const char *begin = check->given[i].constant ? check->inputs[i].data : NULL, *at = data;
        size_t bytes = begin ? stoa_tensor_bytes(&check->inputs[i]) : 0;
        inside |= begin && at >= begin && size <= bytes && (size_t)(at - begin) <= bytes - size;
    }
    cr_expect(inside, "%s: %zu bytes consumed that are no constant's", check->row->name, size);
}

/* What reports ask for is there before the first run. */
static void check_report(const struct check *check)
{
    const struct op_report *report = stoa_op_report(check->call.op);
    char text[64] = "";
    if (report->describe)
        report->describe(&check->call, sizeof text, text);
    cr_expect(!report->describe == !text[0], "%s: described as \"%s\"", check->row->name, text);
    double macs = report->macs ? report->macs(&check->call) : 0;
    cr_expect(check->row->macs ? macs == check->row->macs : macs >= 0, "%s: %g multiply-adds", check->row->name, macs);
}

static bool is_loose(const struct check *check, size_t input)
{
    return check->given[input].constant && input < CHAR_BIT && (check->call.op->loose_inputs >> input & 1);
}

/* Runs the call with its tensors laid out as asked, and leaves the results in check->outputs. With several workers,
 * constants that prepare takes at any address lie at an odd one, and are gone when the call runs. */
static enum stoa_status run(struct check *check, bool channels_last, size_t workers, enum stoa_lowering lowering)
{
    struct op_call *call = &check->call;
    const struct op *op = call->op;
    for (size_t i = 0; i < call->input_count; i++) {
        const struct stoa_tensor *given = &check->given[i].tensor;
        if (given->dtype == STOA_NONE)
            continue;
        bool last = channels_last && !check->given[i].constant &&
                    (op->layout != OP_CHANNELS_LAST || stoa_op_takes_image(op, i));
        place(check, &check->inputs[i], given, last);
        if (!check->given[i].constant)
            check->inputs[i].data = NULL; /* not known while planning */
        else if (workers > 1 && is_loose(check, i) && stoa_tensor_elements(given)) {
            char *odd = (char *)check->inputs[i].data + 1;
            check->inputs[i].data = memmove(odd, check->inputs[i].data, stoa_tensor_bytes(given));
        }
    }
    for (size_t i = 0; i < call->output_count; i++)
        if (check->outputs[i].dtype != STOA_NONE)
            place(check, &check->outputs[i], NULL, channels_last && stoa_op_makes_image(op, i));
    bool viewed = op->layout == OP_VIEW;
    if (viewed && !op->view(call)) {
        stoa_tensor_set_plain(&check->inputs[0]);
        cr_assert(op->view(call), "%s: no view of a plain input", check->row->name);
    }

    struct pool *pool = NULL;
    if (workers > 1)
        cr_assert(stoa_pool_create(&check->plain, workers, NULL, &pool) == STOA_OK, "no pool");
    struct op_prepare prepare = {.allocator = &check->memory.interface,
                                 .lowering = lowering,
                                 .consumed = check_consumed,
                                 .user = check,
                                 .pool = pool};
    call->state = NULL;
    call->shared_scratch = call->worker_scratch = 0;
    if (op->prepare) {
        enum stoa_status status = op->prepare(call, &prepare, &check->error);
        if (status != STOA_OK) {
            stoa_pool_free(pool);
            return status;
        }
    }
    check_report(check);
    for (size_t i = 0; i < call->input_count; i++)
        if (workers > 1 && is_loose(check, i))
            memset(check->inputs[i].data, 0xff, stoa_tensor_bytes(&check->inputs[i]));

    for (size_t i = 0; i < call->input_count; i++)
        if (check->given[i].tensor.dtype != STOA_NONE && !check->given[i].constant && stoa_op_reads(op, i)) {
            struct stoa_tensor laid = check->inputs[i];
            size_t size = stoa_dtype_size(laid.dtype), elements = stoa_tensor_elements(&laid);
            cr_assert(stoa_arena_allocate(&check->arena, elements + 1, size, NULL, &laid.data) == STOA_OK,
                      "out of memory");
            for (size_t e = 0; e < elements; e++)
                memcpy((char *)laid.data + stoa_tensor_offset(&laid, e) * size,
                       (const char *)check->given[i].tensor.data + e * size, size);
            check->inputs[i].data = laid.data;
        }
    if (viewed)
        check->outputs[0].data = check->inputs[0].data;

    const struct op_fusion *fusion = stoa_op_fusion(op);
    const struct op_report *report = stoa_op_report(op);
    bool same_thing = fusion->is_identity && fusion->is_identity(call);
    if (same_thing)
        check->outputs[0] = check->inputs[0];
    enum stoa_status status =
        op->run && !same_thing ? stoa_op_run_once(call, &check->memory.interface, pool, &check->error) : STOA_OK;
    stoa_pool_free(pool);
    check->mixing = report->error && op->prepare ? report->error(call, check->reach) : 0;
    if (op->release)
        op->release(call, &check->memory.interface);
    return status;
}

static bool same(double a, double b)
{
    return a == b || (isnan(a) && isnan(b));
}

static void compare(struct check *check, const struct reference_tensor *twin, const char *how)
{
    for (size_t o = 0; o < check->call.output_count; o++) {
        const struct stoa_tensor *output = &check->outputs[o];
        if (output->dtype == STOA_NONE)
            continue;
        const struct stoa_tensor expected = {.rank = twin[o].rank};
        bool dims = output->rank == expected.rank && output->dtype == twin[o].dtype;
        for (size_t i = 0; dims && i < output->rank; i++)
            dims = output->dims[i] == twin[o].dims[i];
        char mine[STOA_DIMS_TEXT], its[STOA_DIMS_TEXT];
        cr_expect(dims, "%s (%s): output %zu is %s%s, twin says %s%s", check->row->name, how, o,
                  stoa_dtype_name(output->dtype), stoa_dims_text(output->rank, output->dims, mine),
                  stoa_dtype_name(twin[o].dtype), stoa_dims_text(twin[o].rank, twin[o].dims, its));
        if (!dims)
            continue;
        size_t elements = stoa_tensor_elements(output);
        for (size_t i = 0; i < elements; i++) {
            double engine = load(output, i), exact = twin[o].values[i];
            double rounded = output->dtype == STOA_FLOAT ? (double)(float)exact : exact;
            bool fine = same(engine, rounded) || fabs(engine - exact) <= twin[o].slack[i] * 0x1p-24;
            cr_expect(fine, "%s (%s): output %zu element %zu is %.9g, twin says %.9g ± %.3g", check->row->name, how, o,
                      i, engine, exact, twin[o].slack[i] * 0x1p-24);
            if (!fine)
                break;
        }
    }
}

static void check_layouts(struct check *check, enum stoa_lowering lowering, const struct reference_tensor *twin)
{
    static const size_t workers[] = {1, 3};
    enum op_layout layout = check->call.op->layout;
    for (int last = layout == OP_CHANNELS_LAST; last <= (layout != OP_PLAIN); last++) {
        unsigned char *first[MAX_OUTPUTS] = {0};
        for (size_t w = 0; w < 2; w++) {
            enum stoa_status status = run(check, last, workers[w], lowering);
            cr_expect(status == STOA_OK, "%s: %s: %s", check->row->name, stoa_status_name(status),
                      check->error.message);
            if (status != STOA_OK)
                return;
            compare(check, twin, last ? "channels-last" : "plain");
            for (size_t o = 0; o < check->call.output_count; o++) {
                if (w == 0)
                    first[o] = check->outputs[o].data;
                else if (check->outputs[o].dtype != STOA_NONE)
                    cr_expect(memcmp(first[o], check->outputs[o].data, stoa_tensor_bytes(&check->outputs[o])) == 0,
                              "%s: 1 and %zu workers differ in output %zu", check->row->name, workers[w], o);
            }
        }
    }
}

/* Infer wants to know no value but those that the operator names. */
static void check_values_asked(struct check *check)
{
    struct op_call *call = &check->call;
    const bool nameable = stoa_op_find(check->row->type, check->row->opset, NULL);
    for (size_t i = 0; nameable && i < call->input_count; i++) {
        if (!check->given[i].constant || (i < CHAR_BIT && call->op->value_inputs >> i & 1))
            continue;
        check->inputs[i].data = NULL;
        cr_expect(call->op->infer(call, &check->error) == STOA_OK, "%s: without the value of input %zu: %s",
                  check->row->name, i, check->error.message);
        check->inputs[i].data = check->given[i].tensor.data;
    }
}

void op_check_lowering(const struct op_row *row, enum stoa_lowering lowering)
{
    struct check check;
    enum stoa_status status = begin(&check, row);
    cr_expect(status == STOA_OK, "%s: %s: %s", row->name, stoa_status_name(status), check.error.message);
    if (status == STOA_OK) {
        check_values_asked(&check);
        struct reference_tensor inputs[OP_TEXT_MAX_INPUTS] = {0}, outputs[MAX_OUTPUTS] = {0};
        for (size_t i = 0; i < check.call.input_count; i++)
            inputs[i] = op_text_reference(&check.given[i].tensor, &check.arena);
        for (size_t i = 0; i < check.call.output_count; i++)
            outputs[i].dtype = check.outputs[i].dtype;
        struct reference_call twin = {.type = row->type,
                                      .attributes = &check.attributes,
                                      .opset = row->opset,
                                      .input_count = check.call.input_count,
                                      .output_count = check.call.output_count,
                                      .inputs = inputs,
                                      .outputs = outputs};
        if (stoa_op_report(check.call.op)->error &&
            run(&check, true, 1, lowering) == STOA_OK) { /* to know what it chose */
            twin.mixing = check.mixing;
            memcpy(twin.reach, check.reach, sizeof twin.reach);
        }
        status = stoa_reference_run(&twin, &check.plain, &check.error);
        cr_expect(status == STOA_OK, "%s: the twin: %s", row->name, check.error.message);
        if (status == STOA_OK)
            check_layouts(&check, lowering, outputs);
        for (size_t i = 0; i < check.call.output_count; i++)
            stoa_reference_free(&check.plain, &outputs[i]);
    }
    end(&check);
}

void op_check(const struct op_row *row)
{
    op_check_lowering(row, STOA_LOWERING_AUTO);
}

void op_check_refused(const struct op_refusal *refusal)
{
    const struct op_row *row = &refusal->row;
    enum stoa_status status = refusal->status;
    const char *words = refusal->words;
    struct check check;
    enum stoa_status got = begin(&check, row);
    if (got == STOA_OK)
        got = run(&check, check.call.op->layout == OP_CHANNELS_LAST, 1, STOA_LOWERING_AUTO);
    cr_expect(got == status, "%s: %s was expected, got %s", row->name, stoa_status_name(status), stoa_status_name(got));
    cr_expect(strstr(check.error.message, words), "%s: \"%s\" does not say \"%s\"", row->name, check.error.message,
              words);
    end(&check);
}
