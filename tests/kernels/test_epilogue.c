/* The epilogue against its definition, with every combination of its parts. */
#include <criterion/criterion.h>
#include <math.h>

#include "base/random.h"
#include "kernels/epilogue.h"

enum { ROWS = 3, WIDEST = 67, GAP = 4 };

static float function(struct activation activation, float value)
{
    float result;
    stoa_activate(&activation, 1, &value, &result);
    return result;
}

Test(epilogue, is_its_definition)
{
    static const struct activation activations[] = {
        {ACTIVATION_NONE, 0, 0},          {ACTIVATION_RELU, 0, 0},    {ACTIVATION_CLIP, -0.5f, 0.75f},
        {ACTIVATION_LEAKY_RELU, 0.1f, 0}, {ACTIVATION_SIGMOID, 0, 0}, {ACTIVATION_HARD_SWISH, 1.0f / 6, 0.5f},
    };
    static const size_t widths[] = {1, 16, 21, WIDEST};
    struct random random = {5};
    float y[ROWS * (WIDEST + GAP)], before[ROWS * (WIDEST + GAP)], addend[ROWS * (WIDEST + 1)], bias[WIDEST];
    for (size_t a = 0; a < sizeof activations / sizeof *activations; a++)
        for (size_t w = 0; w < sizeof widths / sizeof *widths; w++)
            for (int parts = 0; parts < 4; parts++) {
                size_t columns = widths[w], y_row = columns + GAP, addend_row = columns + 1;
                stoa_random_fill(&random, ROWS * y_row, before);
                stoa_random_fill(&random, ROWS * addend_row, addend);
                stoa_random_fill(&random, columns, bias);
                before[0] = NAN;
                for (size_t i = 0; i < ROWS * y_row; i++)
                    y[i] = before[i];
                struct epilogue epilogue = {.bias = parts & 1 ? bias : NULL,
                                            .addend = parts & 2 ? addend : NULL,
                                            .addend_row = addend_row,
                                            .activation = activations[a]};
                stoa_epilogue_rows(ROWS, columns, &epilogue, y, y_row);
                for (size_t i = 0; i < ROWS * y_row; i++) {
                    size_t row = i / y_row, column = i % y_row;
                    float expected = before[i];
                    if (column < columns) {
                        if (parts & 1)
                            expected += bias[column];
                        if (parts & 2)
                            expected += addend[row * addend_row + column];
                        expected = function(activations[a], expected);
                    }
                    cr_expect(y[i] == expected || (isnan(y[i]) && isnan(expected)),
                              "activation %d, parts %d, %zu columns: (%zu, %zu) is %a, must be %a", activations[a].kind,
                              parts, columns, row, column, (double)y[i], (double)expected);
                }
            }
}
