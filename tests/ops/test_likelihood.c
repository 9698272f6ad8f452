/* NegativeLogLikelihoodLoss and SoftmaxCrossEntropyLoss. */
#include <criterion/criterion.h>

#include "support/op_check.h"

#define LABELS "i64{0,4,2,2,1,3}"

#define ROWS_OF(TYPE, OUTPUTS)                                                                                         \
    {TYPE, TYPE, 12, "", "f32[6,5] " LABELS, OUTPUTS},                                                                 \
        {TYPE ", sum", TYPE, 13, "reduction='sum'", "f32[6,5] " LABELS, OUTPUTS},                                      \
        {TYPE ", none", TYPE, 13, "reduction='none'", "f32[6,5] " LABELS, OUTPUTS},                                    \
        {TYPE ", weights", TYPE, 13, "reduction='mean'", "f32[6,5] " LABELS " f32+[5]", OUTPUTS},                      \
        {TYPE ", weights, none", TYPE, 13, "reduction='none'", "f32[6,5] " LABELS " f32+[5]", OUTPUTS},                \
        {TYPE ", some ignored", TYPE, 13, "ignore_index=2", "f32[6,5] " LABELS, OUTPUTS},                              \
        {TYPE ", some ignored, weights", TYPE, 13, "ignore_index=2", "f32[6,5] " LABELS " f32+[5]", OUTPUTS},          \
        {TYPE ", some ignored, sum", TYPE, 13, "ignore_index=2 reduction='sum'", "f32[6,5] " LABELS, OUTPUTS},         \
        {TYPE ", some ignored, none", TYPE, 13, "ignore_index=2 reduction='none'", "f32[6,5] " LABELS, OUTPUTS},       \
        {TYPE ", ignored that are no class", TYPE, 13, "ignore_index=-100", "f32[3,5] i64{-100,4,2}", OUTPUTS},        \
        {TYPE ", all ignored", TYPE, 13, "ignore_index=7", "f32[2,5] i64{7,7}", OUTPUTS},                              \
        {TYPE " of images", TYPE, 13, "", "f32[2,5,3,1] i64[2,3,1]{0,4,2,2,1,3}", OUTPUTS},                            \
        {TYPE " of images, none", TYPE, 13, "reduction='none'", "f32[2,5,3,1] i32[2,3,1]{0,4,2,2,1,3}", OUTPUTS},      \
        {TYPE " of signals, weights", TYPE, 13, "", "f32[2,5,3] i64[2,3]{0,4,2,2,1,3} f32+[5]", OUTPUTS},              \
    {                                                                                                                  \
        TYPE " of no record", TYPE, 13, "reduction='sum'", "f32[0,5] i64[0]{}", OUTPUTS                                \
    }

static const struct op_row rows[] = {
    ROWS_OF("NegativeLogLikelihoodLoss", 1),
    ROWS_OF("SoftmaxCrossEntropyLoss", 1),
    ROWS_OF("SoftmaxCrossEntropyLoss", 2),
    {"logarithms alone", "SoftmaxCrossEntropyLoss", 13, "", "f32[6,5] " LABELS, 2, 1},
};

Test(likelihood, rows)
{
    for (size_t i = 0; i < COUNT(rows); i++)
        op_check(&rows[i]);
}

Test(likelihood, refused)
{
    static const char *const types[] = {"NegativeLogLikelihoodLoss", "SoftmaxCrossEntropyLoss"};
    static const struct op_refusal refused[] = {
        {{"reduction", "", 13, "reduction='max'", "f32[2,5] i64{1,2}"}, STOA_ERROR_ATTRIBUTE, "\"max\""},
        {{"a label too many", "", 13, "", "f32[2,5] i64{1,2,3}"}, STOA_ERROR_SHAPE, "dims [3], must have [2]"},
        {{"labels of another rank", "", 13, "", "f32[2,5,2] i64{1,2}"}, STOA_ERROR_SHAPE, "must have [2,2]"},
        {{"a weight too few", "", 13, "", "f32[2,5] i64{1,2} f32[4]"}, STOA_ERROR_SHAPE, "dims [4], must be [5]"},
        {{"a vector", "", 13, "", "f32[2] i64(1)"}, STOA_ERROR_SHAPE, "rank 2"},
        {{"doubles", "", 13, "", "f64[2,5] i64{1,2}"}, STOA_ERROR_UNSUPPORTED, "double"},
        {{"labels of float", "", 13, "", "f32[2,5] f32{1,2}"}, STOA_ERROR_GRAPH, "labels is of type float"},
        {{"label 5 of 5", "", 13, "", "f32[2,5] i64{1,5}"}, STOA_ERROR_DATA, "record 1 has label 5 of 5"},
        {{"label -1", "", 13, "ignore_index=-2", "f32[2,5] i64{-1,3}"}, STOA_ERROR_DATA, "record 0 has label -1"},
    };
    for (size_t t = 0; t < COUNT(types); t++)
        for (size_t i = 0; i < COUNT(refused); i++) {
            struct op_refusal refusal = refused[i];
            refusal.row.type = types[t];
            op_check_refused(&refusal);
        }
}
