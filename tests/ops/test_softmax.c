/* Softmax and LogSoftmax, in both meanings. */
#include <criterion/criterion.h>

#include "support/op_check.h"

static const struct op_row rows[] = {
    {"scores", "Softmax", 13, "", "f32[1,1000]"},
    {"scores of a batch", "Softmax", 9, "", "f32[7,11]"},
    {"rows of one", "Softmax", 13, "", "f32[5,1]"},
    {"rows of 16", "Softmax", 13, "", "f32[5,16]"},
    {"rows of 17", "Softmax", 13, "", "f32[5,17]"},
    {"many short rows", "Softmax", 13, "", "f32[3001,3]"},
    {"along channels", "Softmax", 13, "axis=1", "f32[2,21,6,7]"},
    {"along height", "Softmax", 13, "axis=2", "f32[2,5,6,7]"},
    {"along the last", "Softmax", 13, "axis=-1", "f32[2,5,6,70]"},
    {"along the first", "Softmax", 13, "axis=0", "f32[9,5,6]"},
    {"along all from 1", "Softmax", 11, "", "f32[2,5,6,7]"},
    {"along all from 2", "Softmax", 11, "axis=2", "f32[2,5,6,7]"},
    {"along all from 0", "Softmax", 7, "axis=0", "f32[2,5,6]"},
    {"along all from the last", "Softmax", 12, "axis=-1", "f32[2,5,6]"},
    {"a vector", "Softmax", 13, "", "f32[77]"},
    {"large numbers", "Softmax", 13, "", "f32{10000.0,10001.0,10002.0,9900.0}"},
    {"far apart", "Softmax", 13, "", "f32{-80.0,20.0,0.0,5.0}"},
    {"no rows", "Softmax", 13, "", "f32[0,4]"},
    {"no columns", "Softmax", 13, "", "f32[4,0]"},

    {"log, scores", "LogSoftmax", 13, "", "f32[3,1000]"},
    {"log, along channels", "LogSoftmax", 13, "axis=1", "f32[2,21,6,7]"},
    {"log, along all from 1", "LogSoftmax", 11, "", "f32[2,5,6,7]"},
    {"log, along height", "LogSoftmax", 13, "axis=-2", "f32[2,5,6,7]"},
    {"log, large numbers", "LogSoftmax", 13, "", "f32{10000.0,10001.0,10002.0,9900.0}"},
};

Test(softmax, rows)
{
    for (size_t i = 0; i < COUNT(rows); i++)
        op_check(&rows[i]);
}

Test(softmax, refused)
{
    static const struct op_refusal refused[] = {
        {{"axis 2 of 2", "Softmax", 13, "axis=2", "f32[2,3]"}, STOA_ERROR_ATTRIBUTE, "axis is 2"},
        {{"axis 9", "LogSoftmax", 11, "axis=9", "f32[2,3]"}, STOA_ERROR_ATTRIBUTE, "axis is 9"},
        {{"integers", "Softmax", 13, "", "i64{2,3}"}, STOA_ERROR_UNSUPPORTED, "int64"},
    };
    for (size_t i = 0; i < COUNT(refused); i++)
        op_check_refused(&refused[i]);
}
