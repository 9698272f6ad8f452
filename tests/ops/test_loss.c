/* Losses and their gradients against the twin. */
#include <criterion/criterion.h>

#include "support/op_check.h"

#define XENT "SoftmaxCrossEntropy"
#define HINGE "MultiClassHinge"
#define SQUARE "MeanSquaredError"
#define LOGIT "BinaryCrossEntropyWithLogits"

static const struct op_row rows[] = {
    {"cross-entropy", XENT, 13, "", "f32[5,10] i64{0,9,3,3,7}", 2},
    {"cross-entropy, smoothed", XENT, 13, "label_smoothing=0.1", "f32[5,10] i64{0,9,3,3,7}", 2},
    {"cross-entropy, loss alone", XENT, 13, "label_smoothing=0.1", "f32[5,10] i64{0,9,3,3,7}"},
    {"cross-entropy of some", XENT, 13, "label_smoothing=0.2", "f32[6,3] i64{-1,2,-1,0,1,-1}", 2},
    {"cross-entropy of none", XENT, 13, "", "f32[3,4] i64{-1,-1,-1}", 2},
    {"cross-entropy of no records", XENT, 13, "", "f32[0,4] i64[0]{}", 2},
    {"cross-entropy of no classes", XENT, 13, "", "f32[2,0] i64{-1,-1}", 2},
    {"cross-entropy of one record", XENT, 13, "", "f32[1,7] i64{6}", 2},
    {"cross-entropy of one class", XENT, 13, "", "f32[3,1] i64{0,-1,0}", 2},
    {"cross-entropy of one class, smoothed", XENT, 13, "label_smoothing=0.5", "f32[3,1] i64{0,0,0}", 2},
    {"cross-entropy of many classes", XENT, 13, "", "f32[7,1003] i64{0,1002,500,17,-1,600,255}", 2},
    {"cross-entropy of many classes, smoothed", XENT, 13, "label_smoothing=0.1", "f32[3,5000] i64{0,4999,17}", 2},
    {"cross-entropy of many records", XENT, 13, "", "f32[3000,10] i64{0*1000,7*1500,-1*499,9}", 2},
    {"cross-entropy, certain and right", XENT, 13, "", "f32[2,3]{100,-100,0,20,0,0} i64{0,0}", 2},
    {"cross-entropy, certain and wrong", XENT, 13, "", "f32[2,3]{100,-100,0,20,0,0} i64{1,2}", 2},
    {"cross-entropy, extreme and right", XENT, 13, "", "f32[2,3]{1e30,-1e30,0,-1e30,-1e30,-1e30} i64{0,1}", 2},
    {"cross-entropy, extreme and wrong", XENT, 13, "", "f32[2,3]{1e30,-1e30,0,1e30,1e30,1e30} i64{1,2}", 2},
    {"cross-entropy, extreme, smoothed", XENT, 13, "label_smoothing=0.1", "f32[1,3]{1e30,-1e30,0} i64{0}", 2},
    {"cross-entropy, not finite", XENT, 13, "", "f32[3,2]{nan,1,inf,0,1,2} i64{0,0,1}", 2},
    {"cross-entropy, minus infinity", XENT, 13, "", "f32[2,2]{-inf,1,0,-inf} i64{1,0}", 2},

    {"hinge", HINGE, 13, "", "f32[5,10] i64{0,9,3,3,7}", 2},
    {"hinge with a margin", HINGE, 13, "margin=0.25", "f32[5,10] i64{0,9,3,3,7}", 2},
    {"hinge without a margin", HINGE, 13, "margin=0.0", "f32[5,10] i64{0,9,3,3,7}", 2},
    {"hinge, loss alone", HINGE, 13, "", "f32[5,10] i64{0,9,3,3,7}"},
    {"hinge of some", HINGE, 13, "", "f32[6,3] i64{-1,2,-1,0,1,-1}", 2},
    {"hinge of none", HINGE, 13, "", "f32[3,4] i64{-1,-1,-1}", 2},
    {"hinge of one record", HINGE, 13, "", "f32[1,7] i64{6}", 2},
    {"hinge of one class", HINGE, 13, "", "f32[3,1] i64{0,-1,0}", 2},
    {"hinge at the kink", HINGE, 13, "", "f32[2,3]{2,1,0,1,2,3} i64{0,1}", 2},
    {"hinge of many records", HINGE, 13, "", "f32[3000,10] i64{0*1000,7*1500,-1*499,9}", 2},
    {"hinge, extreme", HINGE, 13, "", "f32[3,3]{1e30,-1e30,0,1e30,-1e30,0,100,-100,0} i64{0,1,2}", 2},
    {"hinge, NaN", HINGE, 13, "", "f32[2,2]{nan,1,1,2} i64{0,0}", 2},

    {"mean squares", SQUARE, 13, "", "f32[5,3] f32[5,3]", 2},
    {"mean squares of images", SQUARE, 13, "", "f32[2,3,5,7] f32[2,3,5,7]", 2},
    {"mean squares of one", SQUARE, 13, "", "f32[] f32[]", 2},
    {"mean squares of nothing", SQUARE, 13, "", "f32[0,3] f32[0,3]", 2},
    {"mean squares, loss alone", SQUARE, 13, "", "f32[5,3] f32[5,3]"},
    {"mean squares of several tasks", SQUARE, 13, "", "f32[13,1700] f32[13,1700]", 2},
    {"mean squares, extreme", SQUARE, 13, "", "f32{1e30,-1e30,1e-30} f32{-1e30,-1e30,0}", 2},
    {"mean squares, not finite", SQUARE, 13, "", "f32{1,inf,nan} f32{0,1,2}", 2},

    {"binary cross-entropy", LOGIT, 13, "", "f32[2,3] f32[2,3]{0,1,0.5,1,0.25,0}", 2},
    {"binary cross-entropy, loss alone", LOGIT, 13, "", "f32[2,3] f32[2,3]{0,1,0.5,1,0.25,0}"},
    {"binary cross-entropy of one", LOGIT, 13, "", "f32[1,1] f32[1,1]{1}", 2},
    {"binary cross-entropy of nothing", LOGIT, 13, "", "f32[0,1] f32[0,1]", 2},
    {"binary cross-entropy of several tasks", LOGIT, 13, "", "f32[13,1700] f32+[13,1700]", 2},
    {"binary cross-entropy, certain", LOGIT, 13, "", "f32{100,-100,100,-100,20,-20} f32{1,0,0,1,1,0}", 2},
    {"binary cross-entropy, extreme", LOGIT, 13, "", "f32{1e30,-1e30,1e30,-1e30,0} f32{1,0,0,1,1}", 2},
    {"binary cross-entropy, NaN", LOGIT, 13, "", "f32{nan,1} f32{1,0}", 2},
};

Test(loss, agrees_with_the_twin)
{
    for (size_t i = 0; i < COUNT(rows); i++)
        op_check(&rows[i]);
}

static const struct op_refusal refused[] = {
    {{"a label too large", XENT, 13, "", "f32[4,10] i64{0,9,10,3}"},
     STOA_ERROR_DATA,
     "record 2 of the batch has label 10"},
    {{"a label too small", HINGE, 13, "", "f32[4,10] i64{0,9,-1,-2}"},
     STOA_ERROR_DATA,
     "record 3 of the batch has label -2"},
    {{"a label of no class", XENT, 13, "", "f32[1,0] i64{0}"}, STOA_ERROR_DATA, "label 0"},
    {{"labels of int32", XENT, 13, "", "f32[2,10] i32{0,9}"}, STOA_ERROR_UNSUPPORTED, "int32"},
    {{"too few labels", XENT, 13, "", "f32[3,10] i64{0,9}"}, STOA_ERROR_SHAPE, "[2]"},
    {{"scores of images", HINGE, 13, "", "f32[2,10,1,1] i64{0,9}"}, STOA_ERROR_SHAPE, "rank 2"},
    {{"smoothing of all", XENT, 13, "label_smoothing=1.0", "f32[2,10] i64{0,9}"},
     STOA_ERROR_ATTRIBUTE,
     "label_smoothing is 1"},
    {{"a margin below 0", HINGE, 13, "margin=-1.0", "f32[2,10] i64{0,9}"}, STOA_ERROR_ATTRIBUTE, "margin is -1"},
    {{"targets of other dims", SQUARE, 13, "", "f32[2,3] f32[3,2]"}, STOA_ERROR_SHAPE, "[3,2]"},
    {{"targets of int64", LOGIT, 13, "", "f32[2] i64{0,1}"}, STOA_ERROR_UNSUPPORTED, "int64"},
};

Test(loss, refuses_what_it_cannot_do)
{
    for (size_t i = 0; i < COUNT(refused); i++)
        op_check_refused(&refused[i]);
}
