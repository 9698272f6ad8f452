/* Dropout while training. */
#include <criterion/criterion.h>
#include <stdint.h>

#include "kernels/dropout.h"
#include "support/op_check.h"

static const struct op_row rows[] = {
    {"a matrix", "DropoutTraining", 13, "stream=3", "f32[37,129] !f32(0.25) - i64{12345678901,7}", 2},
    {"more than a task", "DropoutTraining", 13, "stream=3", "f32[37,1129] f32(0.25) - i64{12345678901,7}", 2},
    {"half, by default", "DropoutTraining", 13, "", "f32[5,7] - - i64{1,0}", 2},
    {"training_mode is not asked", "DropoutTraining", 12, "seed=4", "f32[5,7] f32(0.5) b(0) i64{1,0}", 2},
    {"images", "DropoutTraining", 13, "stream=9", "f32[3,5,7,11] f32(0.5) - i64{99,1000000}", 2},
    {"a volume", "DropoutTraining", 13, "stream=9", "f32[3,5,7,2,3] f64(0.125) - i64{-5,1}", 2},
    {"by attribute", "DropoutTraining", 7, "ratio=0.1 stream=1", "f32[3,5,7,11] i64{1,2}", 2},
    {"by attribute, mask of bool", "DropoutTraining", 10, "ratio=0.1 stream=1", "f32[33,50] i64{1,2}", 2},
    {"nothing dropped", "DropoutTraining", 13, "", "f32[5,7] f32(0.0) - i64{1,0}", 2},
    {"all dropped, NaN too", "DropoutTraining", 13, "", "f32[2,3]{1,2,nan,inf,-inf,5} f32(1.0) - i64{1,0}", 2},
    {"no mask", "DropoutTraining", 13, "", "f32[5,7] f32(0.5) - i64{1,0}", 2, 2},
    {"nothing", "DropoutTraining", 13, "", "f32[0,7] f32(0.5) - i64{1,0}", 2},

    {"backward", "DropoutBackward", 13, "stream=3", "f32[37,1129] b<2[37,1129] !f32(0.25)"},
    {"backward of images", "DropoutBackward", 13, "stream=3", "f32[3,5,7,11] b<2[3,5,7,11] f32(0.25)"},
    {"backward, half", "DropoutBackward", 13, "stream=3", "f32[3,5] b<2[3,5] -"},
    {"backward by attribute", "DropoutBackward", 7, "ratio=0.1", "f32[3,50] f32<2[3,50]"},
    {"backward by attribute, the seed at hand", "DropoutBackward", 10, "ratio=0.1", "f32[3,50] b<2[3,50] i64{1,2}"},
    {"backward of all", "DropoutBackward", 13, "", "f32[2,2]{1,2,nan,inf} b[2,2]{0*4} f32(1.0)"},
};

Test(dropout_training, like_the_twin)
{
    for (size_t i = 0; i < COUNT(rows); i++)
        op_check(&rows[i]);
}

Test(dropout_training, refused)
{
    static const struct op_refusal refused[] = {
        {{"ratio beyond 1", "DropoutTraining", 13, "", "f32[5,7] f32(1.5) - i64{1,0}", 2},
         STOA_ERROR_ATTRIBUTE,
         "ratio is 1.5"},
        {{"ratio NaN", "DropoutTraining", 13, "", "f32[5,7] f32(nan) - i64{1,0}", 2}, STOA_ERROR_ATTRIBUTE, "ratio is"},
        {{"ratio below 0", "DropoutTraining", 7, "ratio=-0.5", "f32[5,7] i64{1,0}", 2},
         STOA_ERROR_ATTRIBUTE,
         "ratio is -0.5"},
        {{"no seed", "DropoutTraining", 13, "", "f32[5,7]", 2}, STOA_ERROR_GRAPH, "seed"},
    };
    for (size_t i = 0; i < COUNT(refused); i++)
        op_check_refused(&refused[i]);
}

/* The generator's published words for this counter and key (its authors' known answers): 6627e8d5 e169c58d bc57ac4c
 * 9b00dbd8 for zeros. A threshold at a word keeps it, one above drops it. */
Test(dropout_training, known_answers)
{
    static const uint32_t words[4] = {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8};
    for (size_t i = 0; i < 4; i++)
        for (uint64_t above = 0; above < 2; above++) {
            uint8_t keep[4];
            const struct dropout dropout = {.threshold = words[i] + above, .scale = 1};
            stoa_dropout_keep(&dropout, 0, 4, keep);
            cr_expect(keep[i] == !above, "word %zu of Philox4x32-10", i);
        }
}

/* As many are dropped as the ratio says, whatever the step. */
Test(dropout_training, ratio)
{
    static uint8_t keep[65536];
    for (uint32_t step = 0; step < 4; step++) {
        size_t kept = 0;
        const struct dropout dropout = {
            .key = {17}, .counter = {step, 5}, .threshold = (uint64_t)(0.3 * 0x1p32), .scale = 1};
        stoa_dropout_keep(&dropout, 0, sizeof keep, keep);
        for (size_t i = 0; i < sizeof keep; i++)
            kept += keep[i];
        cr_expect(kept > 45200 && kept < 46550, "step %u keeps %zu of 65536, about 45875 expected", step, kept);
    }
}
