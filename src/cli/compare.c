/* Results against recorded ones: one tolerance for a whole tensor, since a small element may be the difference of large
 * ones. */
#include "cli/compare.h"

#include <math.h>
#include <string.h>

#include "base/status.h"
#include "base/tensor.h"

static void note(struct comparison *comparison, size_t index, double result, double recorded)
{
    comparison->index = index;
    comparison->result = result;
    comparison->recorded = recorded;
}

static void compare_floats(const struct stoa_tensor *result, const struct stoa_tensor *recorded, enum half half,
                           struct comparison *comparison)
{
    comparison->tolerance = CLI_TOLERANCE + (half == HALF_FLOAT16 ? 0x1p-10 : half == HALF_BFLOAT16 ? 0x1p-7 : 0);
    size_t elements = stoa_tensor_elements(result);
    bool differs = false; /* one is NaN or infinite and the other is not the same */
    for (size_t i = 0; i < elements; i++) {
        double ours = stoa_tensor_load(result, i), theirs = stoa_tensor_load(recorded, i);
        if (isfinite(ours) && isfinite(theirs)) {
            comparison->largest = fmax(comparison->largest, fabs(theirs));
            if (fabs(ours - theirs) > comparison->difference) {
                comparison->difference = fabs(ours - theirs);
                if (!differs)
                    note(comparison, i, ours, theirs);
            }
        } else if (ours != theirs && !(isnan(ours) && isnan(theirs)) && !differs) {
            differs = true;
            note(comparison, i, ours, theirs);
        }
    }
    comparison->passed = !differs && comparison->difference <= comparison->tolerance * comparison->largest;
}

static void compare_exactly(const struct stoa_tensor *result, const struct stoa_tensor *recorded,
                            struct comparison *comparison)
{
    size_t elements = stoa_tensor_elements(result), size = stoa_dtype_size(result->dtype);
    const char *ours = result->data, *theirs = recorded->data;
    comparison->passed = true;
    for (size_t i = 0; i < elements; i++) {
        double value = stoa_tensor_load(recorded, i);
        comparison->largest = fmax(comparison->largest, fabs(value));
        if (memcmp(ours + i * size, theirs + i * size, size) == 0)
            continue;
        if (comparison->passed)
            note(comparison, i, stoa_tensor_load(result, i), value);
        comparison->passed = false;
        comparison->difference = fmax(comparison->difference, fabs(stoa_tensor_load(result, i) - value));
    }
}

enum stoa_status stoa_cli_compare(const struct stoa_tensor *result, const struct stoa_tensor *recorded, enum half half,
                                  struct stoa_error *error, struct comparison *comparison)
{
    *comparison = (struct comparison){0};
    if (result->dtype != recorded->dtype || !stoa_tensor_same_dims(result, recorded)) {
        char ours[STOA_DIMS_TEXT], theirs[STOA_DIMS_TEXT];
        return stoa_fail(error, STOA_ERROR_MISMATCH, "the result is %s%s, the recorded one %s%s",
                         stoa_dtype_name(result->dtype), stoa_dims_text(result->rank, result->dims, ours),
                         stoa_dtype_name(recorded->dtype), stoa_dims_text(recorded->rank, recorded->dims, theirs));
    }
    if (stoa_dtype_is_real(result->dtype))
        compare_floats(result, recorded, half, comparison);
    else
        compare_exactly(result, recorded, comparison);
    return STOA_OK;
}
