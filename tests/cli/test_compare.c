/* Results against recorded ones: what passes and what does not. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

#include "base/tensor.h"
#include "cli/compare.h"

static const struct {
    const char *name;
    float result[3], recorded[3];
    bool passed;
    size_t index; /* where it fails */
} rows[] = {
    {"the same", {1, 2, 3}, {1, 2, 3}, true, 0},
    {"all zero", {0, 0, 0}, {0, 0, 0}, true, 0},
    {"just inside", {1, 2, 10000.9F}, {1, 2, 10000}, true, 0},
    {"just outside", {1, 2, 10001.1F}, {1, 2, 10000}, false, 2},
    {"a small one far off beside a large one", {1.5F, 2, 10000}, {1, 2, 10000}, true, 0},
    {"not zero where all is zero", {0, 1e-30F, 0}, {0, 0, 0}, false, 1},
    {"NaN in both", {1, NAN, 3}, {1, NAN, 3}, true, 0},
    {"NaN in the result", {1, NAN, 3}, {1, 2, 3}, false, 1},
    {"NaN in the record", {1, 2, 3}, {1, 2, NAN}, false, 2},
    {"infinity in both", {INFINITY, 2, 3}, {INFINITY, 2, 3}, true, 0},
    {"infinities of two signs", {INFINITY, 2, 3}, {-INFINITY, 2, 3}, false, 0},
    {"infinity does not widen the bound", {INFINITY, 2, 3.1F}, {INFINITY, 2, 3}, false, 2},
};

Test(compare, floats)
{
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        float values[2][3];
        memcpy(values[0], rows[i].result, sizeof values[0]);
        memcpy(values[1], rows[i].recorded, sizeof values[1]);
        struct stoa_tensor result = {STOA_FLOAT, 1, {3}, {1}, values[0]},
                           recorded = {STOA_FLOAT, 1, {3}, {1}, values[1]};
        struct comparison comparison;
        cr_assert(stoa_cli_compare(&result, &recorded, HALF_NONE, NULL, &comparison) == STOA_OK, "%s", rows[i].name);
        cr_expect(comparison.passed == rows[i].passed, "%s", rows[i].name);
        cr_expect(rows[i].passed || comparison.index == rows[i].index, "%s: %zu", rows[i].name, comparison.index);
    }
}

/* What is recorded in 16-bit floats has lost up to a unit of their last place. */
Test(compare, records_in_16_bit_floats)
{
    static const struct {
        const char *name;
        enum half half;
        float result;
        bool passed;
    } records[] = {
        {"float: inside", HALF_NONE, 1.00005F, true},        {"float: outside", HALF_NONE, 1.0002F, false},
        {"float16: inside", HALF_FLOAT16, 1.001F, true},     {"float16: outside", HALF_FLOAT16, 1.0012F, false},
        {"bfloat16: inside", HALF_BFLOAT16, 1.0078F, true},  {"bfloat16: outside", HALF_BFLOAT16, 1.008F, false},
        {"float16: not a number", HALF_FLOAT16, NAN, false},
    };
    for (size_t i = 0; i < sizeof records / sizeof records[0]; i++) {
        float ours = records[i].result, theirs = 1;
        struct stoa_tensor result = {STOA_FLOAT, .data = &ours}, recorded = {STOA_FLOAT, .data = &theirs};
        struct comparison comparison;
        cr_assert(stoa_cli_compare(&result, &recorded, records[i].half, NULL, &comparison) == STOA_OK);
        cr_expect(comparison.passed == records[i].passed, "%s", records[i].name);
    }
}

Test(compare, whole_numbers_are_exact)
{
    int64_t ours[2] = {1, 1000000001}, theirs[2] = {1, 1000000000};
    struct stoa_tensor result = {STOA_INT64, 1, {2}, {1}, ours}, recorded = {STOA_INT64, 1, {2}, {1}, theirs};
    struct comparison comparison;
    cr_assert(stoa_cli_compare(&result, &recorded, HALF_NONE, NULL, &comparison) == STOA_OK);
    cr_expect(!comparison.passed && comparison.index == 1 && comparison.difference == 1);
    theirs[1]++;
    cr_assert(stoa_cli_compare(&result, &recorded, HALF_NONE, NULL, &comparison) == STOA_OK);
    cr_expect(comparison.passed);
}

Test(compare, types_and_dimensions)
{
    float ours[2] = {0}, theirs[2] = {0};
    struct stoa_tensor result = {STOA_FLOAT, 1, {2}, {1}, ours}, recorded = {STOA_FLOAT, 2, {1, 2}, {2, 1}, theirs};
    struct stoa_error error = {0};
    struct comparison comparison;
    cr_expect(stoa_cli_compare(&result, &recorded, HALF_NONE, &error, &comparison) == STOA_ERROR_MISMATCH);
    cr_expect(strstr(error.message, "float[2]") && strstr(error.message, "float[1,2]"), "%s", error.message);
    recorded = (struct stoa_tensor){STOA_INT32, 1, {2}, {1}, theirs};
    cr_expect(stoa_cli_compare(&result, &recorded, HALF_NONE, &error, &comparison) == STOA_ERROR_MISMATCH);
}
