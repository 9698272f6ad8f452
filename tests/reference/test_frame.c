/* What all operators of the twin have in common: names, inputs, outputs, memory. */
#include <criterion/criterion.h>

#include "support/allocator.h"
#include "twin.h"

Test(frame, refused)
{
    static const struct {
        struct twin_row row;
        enum stoa_status status;
    } rows[] = {
        {{"a name that is only begun", "Con", 11, NULL, "f32[1]{1}", "f32(0)"}, STOA_ERROR_UNSUPPORTED},
        {{"another case", "relu", 11, NULL, "f32[1]{1}", "f32(0)"}, STOA_ERROR_UNSUPPORTED},
        {{"no such operator", "Foo", 11, NULL, "f32[1]{1}", "f32(0)"}, STOA_ERROR_UNSUPPORTED},
        {{"an input missing", "Conv", 11, NULL, "f32[1,1,1]{1}", "f32(0)"}, STOA_ERROR_GRAPH},
        {{"a needed input absent", "Conv", 11, NULL, "- f32[1,1,1]{1}", "f32(0)"}, STOA_ERROR_GRAPH},
        {{"too many inputs", "Relu", 11, NULL, "f32[1]{1} f32[1]{1}", "f32(0)"}, STOA_ERROR_GRAPH},
        {{"too many outputs", "Relu", 11, NULL, "f32[1]{1}", "f32(0) f32(0)"}, STOA_ERROR_UNSUPPORTED},
        {{"an attribute of the wrong type", "Elu", 11, "alpha=1", "f32[1]{1}", "f32(0)"}, STOA_ERROR_GRAPH},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        twin_check_refused(&rows[i].row, rows[i].status);
}

Test(frame, nothing_wanted)
{
    static const struct twin_row row = {"no output wanted", "Relu", 11, NULL, "f32[1]{1}", "-", 0};
    twin_check(&row);
}

/* Every allocation fails in turn: the status says so, and nothing stays behind. */
Test(frame, memory)
{
    static const struct twin_row rows[] = {
        {"Conv", "Conv", 11, NULL, "f32[1,1,2]{1,2} f32[1,1,1]{3}", "f32(0)"},
        {"MaxPool", "MaxPool", 11, "kernel_shape=[1]", "f32[1,1,2]{1,2}", "f32(0) i64(0)"},
        {"Split", "Split", 11, NULL, "f32[2]{1,2}", "f32(0) f32(0)"},
        {"Constant", "Constant", 11, "value=i64[2]{3,-4}", NULL, "i64(0)"},
        {"ConstantOfShape", "ConstantOfShape", 11, "value=i64[1]{3}", "i64[1]{3}", "i64(0)"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        enum stoa_status status = STOA_ERROR_MEMORY;
        for (size_t n = 1; status != STOA_OK && n < 20; n++) {
            struct counting_allocator allocator;
            counting_allocator_init(&allocator);
            allocator.fail_at = n;
            struct stoa_error error = {0};
            struct twin *twin = twin_create(&rows[i]);
            status = twin_run(twin, &allocator.interface, &error);
            cr_expect(status == STOA_OK || status == STOA_ERROR_MEMORY, "%s: %s", rows[i].name, error.message);
            cr_expect(status == STOA_OK || allocator.live == 0, "%s: %zu blocks left behind", rows[i].name,
                      allocator.live);
            twin_free(twin);
            cr_expect(allocator.live == 0, "%s: %zu blocks not freed", rows[i].name, allocator.live);
        }
        cr_expect(status == STOA_OK, "%s: never succeeds", rows[i].name);
    }
}

Test(frame, slack_of_what_is_not_finite)
{
    static const struct twin_row row = {"inf and NaN",       "Add", 11, NULL, "f32[3]{inf,nan,1} f32(1)",
                                        "f32[3]{inf,nan,2}", 1};
    struct counting_allocator allocator;
    struct stoa_error error = {0};
    counting_allocator_init(&allocator);
    twin_check(&row);
    struct twin *twin = twin_create(&row);
    cr_assert(twin_run(twin, &allocator.interface, &error) == STOA_OK);
    const struct reference_tensor *y = &twin_call(twin)->outputs[0];
    cr_expect(y->slack[0] == 0);
    cr_expect(y->slack[1] == 0);
    cr_expect(y->slack[2] == 2 + 0x1p-102);
    twin_free(twin);
}
