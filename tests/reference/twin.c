#include "twin.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>

#include "base/memory.h"
#include "support/op_text.h"

struct twin {
    struct arena arena;
    struct stoa_allocator allocator; /* of the outputs, once they are there */
    struct attributes attributes;
    struct reference_tensor inputs[OP_TEXT_MAX_INPUTS], outputs[OP_TEXT_MAX_INPUTS], expected[OP_TEXT_MAX_INPUTS];
    struct reference_call call;
};

static size_t read_tensors(struct twin *twin, const char *text, struct reference_tensor *tensors)
{
    struct op_text_input read[OP_TEXT_MAX_INPUTS];
    size_t count = op_text_inputs(text, 1, &twin->arena, read);
    for (size_t i = 0; i < count; i++)
        tensors[i] = op_text_reference(&read[i].tensor, &twin->arena);
    return count;
}

struct twin *twin_create(const struct twin_row *row)
{
    struct stoa_allocator memory = stoa_allocator_default();
    struct twin *twin = calloc(1, sizeof *twin);
    stoa_arena_init(&twin->arena, &memory);
    twin->attributes = op_text_attributes(row->attributes, &twin->arena);
    twin->call = (struct reference_call){
        .type = row->type,
        .attributes = &twin->attributes,
        .opset = row->opset,
        .input_count = read_tensors(twin, row->inputs, twin->inputs),
        .output_count = read_tensors(twin, row->outputs, twin->expected),
        .inputs = twin->inputs,
        .outputs = twin->outputs,
    };
    return twin;
}

struct reference_call *twin_call(struct twin *twin)
{
    return &twin->call;
}

enum stoa_status twin_run(struct twin *twin, const struct stoa_allocator *allocator, struct stoa_error *error)
{
    twin->allocator = *allocator;
    for (size_t i = 0; i < twin->call.output_count; i++)
        twin->outputs[i] = (struct reference_tensor){.dtype = twin->expected[i].dtype ? STOA_FLOAT : STOA_NONE};
    return stoa_reference_run(&twin->call, allocator, error);
}

void twin_free(struct twin *twin)
{
    for (size_t i = 0; i < twin->call.output_count; i++)
        stoa_reference_free(&twin->allocator, &twin->outputs[i]);
    stoa_arena_deinit(&twin->arena);
    free(twin);
}

static void compare(const struct twin_row *row, size_t output, const struct reference_tensor *y,
                    const struct reference_tensor *expected)
{
    cr_expect(y->dtype == expected->dtype, "%s: output %zu has type %d, not %d", row->name, output, y->dtype,
              expected->dtype);
    cr_assert(y->rank == expected->rank, "%s: output %zu has rank %zu, not %zu", row->name, output, y->rank,
              expected->rank);
    size_t count = 1, slack = 0;
    double largest = 0;
    for (size_t i = 0; i < y->rank; i++) {
        cr_assert(y->dims[i] == expected->dims[i], "%s: dims[%zu] of output %zu is %zu, not %zu", row->name, i, output,
                  y->dims[i], expected->dims[i]);
        count *= y->dims[i];
    }
    for (size_t i = 0; i < count; i++)
        if (isfinite(expected->values[i]))
            largest = fmax(largest, fabs(expected->values[i]));
    for (size_t i = 0; i < count; i++) {
        double a = y->values[i], b = expected->values[i];
        double tolerance = row->rounded ? 1e-6 * largest : 0;
        cr_expect(a == b || (isnan(a) && isnan(b)) || fabs(a - b) <= tolerance,
                  "%s: element %zu of output %zu is %.9g, not %.9g", row->name, i, output, a, b);
        cr_expect(y->slack[i] >= 0 && y->slack[i] * 0x1p-24 <= 1e-3 * (largest + 1),
                  "%s: element %zu of output %zu has slack %g", row->name, i, output, y->slack[i]);
        slack += y->slack[i] > 0;
    }
    cr_expect(row->rounded ? slack > 0 : slack == 0, "%s: %zu elements of output %zu have slack", row->name, slack,
              output);
}

void twin_check(const struct twin_row *row)
{
    struct stoa_allocator allocator = stoa_allocator_default();
    struct stoa_error error = {0};
    struct twin *twin = twin_create(row);
    enum stoa_status status = twin_run(twin, &allocator, &error);
    cr_expect(status == STOA_OK, "%s: %s", row->name, error.message);
    for (size_t i = 0; status == STOA_OK && i < twin->call.output_count; i++)
        if (twin->expected[i].dtype != STOA_NONE)
            compare(row, i, &twin->outputs[i], &twin->expected[i]);
        else
            cr_expect(!twin->outputs[i].values, "%s: output %zu was not wanted", row->name, i);
    twin_free(twin);
}

void twin_check_refused(const struct twin_row *row, enum stoa_status status)
{
    struct stoa_allocator allocator = stoa_allocator_default();
    struct stoa_error error = {0};
    struct twin *twin = twin_create(row);
    enum stoa_status got = twin_run(twin, &allocator, &error);
    cr_expect(got == status, "%s: %s, not %s (%s)", row->name, stoa_status_name(got), stoa_status_name(status),
              error.message);
    cr_expect(error.message[0], "%s: no message", row->name);
    for (size_t i = 0; got != STOA_OK && i < twin->call.output_count; i++)
        cr_expect(!twin->outputs[i].values && !twin->outputs[i].slack, "%s: output %zu is left behind", row->name, i);
    twin_free(twin);
}
