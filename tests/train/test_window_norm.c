/* The gradients of what slides a window or normalises, as a graph's training brings them together: difference quotients
 * against the twin, the twin against the engine. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stoa/gradient.h>

#include "base/status.h"
#include "support/net.h"

struct row {
    const char *name;
    const char *dims; /* of x */
    const char *body; /* y from x */
};

#define NORM(C) "const s f32+[" C "]\nconst b f32[" C "]\nconst m f32[" C "]\nconst v f32+[" C "]\n"
static const struct row rows[] = {
    {"MaxPool 2x2", "[2,3,6,8]", "y = MaxPool(x) kernel_shape=[2,2] strides=[2,2]"},
    {"MaxPool 3x3, pads", "[2,5,7,6]", "y = MaxPool(x) kernel_shape=[3,3] strides=[2,2] pads=[1,1,1,1]"},
    {"MaxPool 3x2, ceil_mode", "[1,4,7,9]", "y = MaxPool(x) kernel_shape=[3,2] strides=[2,2] ceil_mode=1"},
    {"MaxPool, holes", "[1,3,8,9]", "y = MaxPool(x) kernel_shape=[2,3] dilations=[3,2] pads=[1,0,2,1]"},
    {"MaxPool, stride beyond the kernel", "[1,3,10,11]", "y = MaxPool(x) kernel_shape=[1,2] strides=[3,5]"},
    {"MaxPool, SAME_UPPER", "[1,3,9,8]", "y = MaxPool(x) kernel_shape=[3,2] strides=[2,2] auto_pad='SAME_UPPER'"},
    {"MaxPool twice", "[2,3,9,9]",
     "p = MaxPool(x) kernel_shape=[3,3] strides=[2,2]\ny = MaxPool(p) kernel_shape=[2,2]"},
    {"AveragePool 2x2", "[2,3,6,8]", "y = AveragePool(x) kernel_shape=[2,2] strides=[2,2]"},
    {"AveragePool 3x3, pads", "[2,5,7,6]", "y = AveragePool(x) kernel_shape=[3,3] pads=[1,1,1,1]"},
    {"AveragePool, pads counted", "[2,5,7,6]",
     "y = AveragePool(x) kernel_shape=[3,2] strides=[2,1] pads=[1,0,2,1] count_include_pad=1"},
    {"AveragePool, ceil_mode", "[1,4,8,6]", "y = AveragePool(x) kernel_shape=[3,3] strides=[2,2] ceil_mode=1"},
    {"AveragePool, ceil_mode, pads counted", "[1,4,7,8]",
     "y = AveragePool(x) kernel_shape=[3,3] strides=[2,2] pads=[1,1,0,1] ceil_mode=1 count_include_pad=1"},
    {"GlobalAveragePool", "[2,5,4,3]", "y = GlobalAveragePool(x)"},
    {"GlobalAveragePool of a signal", "[2,5,7]", "y = GlobalAveragePool(x)"},
    {"GlobalMaxPool", "[2,5,4,3]", "y = GlobalMaxPool(x)"},
    {"GlobalMaxPool of a volume", "[2,3,2,3,2]", "y = GlobalMaxPool(x)"},

    {"Conv of a signal", "[2,3,11]", "const w f32[4,3,3]\nconst b f32[4]\ny = Conv(x, w, b) pads=[1,2] strides=[2]"},
    {"Conv of a volume", "[2,3,4,5,4]",
     "const w f32[4,3,2,3,3]\nconst b f32[4]\ny = Conv(x, w, b) pads=[1,1,1,0,1,1] strides=[1,2,1]"},
    {"Conv of a volume, then others", "[1,2,4,5,4]",
     "const v f32[4,2,3,3,3]\na = Conv(x, v) pads=[1,1,1,1,1,1]\nr = Relu(a)\nconst w f32[3,4,3,3,3]\n"
     "c = Conv(r, w) pads=[1,1,1,1,1,1]\nq = Add(c, c)\np = MaxPool(q) kernel_shape=[2,2,2] strides=[2,2,2]\n"
     "y = Flatten(p)"},
    {"ConvTranspose of a signal", "[2,3,7]",
     "const w f32[3,4,4]\nconst b f32[4]\ny = ConvTranspose(x, w, b) pads=[1,2] strides=[2]"},
    {"ConvTranspose of a volume", "[1,3,3,3,2]",
     "const w f32[3,4,2,3,2]\nconst b f32[4]\ny = ConvTranspose(x, w, b) pads=[1,1,0,0,0,1] strides=[2,2,1]"},
    {"MaxPool of a signal", "[2,3,11]", "y = MaxPool(x) kernel_shape=[3] strides=[2] pads=[1,0]"},
    {"MaxPool of a volume", "[2,3,4,5,6]", "y = MaxPool(x) kernel_shape=[2,3,2] strides=[2,1,2] pads=[0,1,0,0,1,1]"},
    {"MaxPool of a volume, windows apart", "[1,3,5,6,4]", "y = MaxPool(x) kernel_shape=[2,2,2] strides=[2,3,2]"},
    {"AveragePool of a signal", "[2,3,11]", "y = AveragePool(x) kernel_shape=[3] strides=[2] pads=[1,0]"},
    {"AveragePool of a volume", "[2,3,4,5,6]",
     "y = AveragePool(x) kernel_shape=[2,3,2] strides=[2,1,2] pads=[0,1,0,0,1,1] count_include_pad=1"},

    {"BatchNormalization", "[4,3,3,2]", NORM("3") "y = BatchNormalization(x, s, b, m, v)"},
    {"BatchNormalization, epsilon", "[4,3,3,2]", NORM("3") "y = BatchNormalization(x, s, b, m, v) epsilon=0.1"},
    {"BatchNormalization of a matrix", "[9,5]", NORM("5") "y = BatchNormalization(x, s, b, m, v)"},
    {"BatchNormalization of a signal", "[3,4,5]", NORM("4") "y = BatchNormalization(x, s, b, m, v)"},
    {"BatchNormalization of one channel", "[3,1,4,5]", NORM("1") "y = BatchNormalization(x, s, b, m, v)"},
    {"BatchNormalization of many channels", "[2,70,3,3]", NORM("70") "y = BatchNormalization(x, s, b, m, v)"},
    {"BatchNormalization, then Relu", "[4,3,3,2]", NORM("3") "n = BatchNormalization(x, s, b, m, v)\ny = Relu(n)"},
    {"BatchNormalization between others", "[4,3,5,5]",
     NORM("3") "t = Tanh(x)\nn = BatchNormalization(t, s, b, m, v)\ny = MaxPool(n) kernel_shape=[2,2]"},
    {"InstanceNormalization", "[2,3,4,3]", "const s f32+[3]\nconst b f32[3]\ny = InstanceNormalization(x, s, b)"},
    {"InstanceNormalization of a signal", "[2,3,7]",
     "const s f32+[3]\nconst b f32[3]\ny = InstanceNormalization(x, s, b) epsilon=0.01"},
    {"GroupNormalization", "[2,6,4,3]",
     "const s f32[6]\nconst b f32[6]\ny = GroupNormalization@21(x, s, b) num_groups=2"},
    {"GroupNormalization, scales of groups", "[2,6,4,3]",
     "const s f32[3]\nconst b f32[3]\ny = GroupNormalization@18(x, s, b) num_groups=3"},
    {"GroupNormalization, one group", "[3,5,2,3]",
     "const s f32[5]\nconst b f32[5]\ny = GroupNormalization@21(x, s, b) num_groups=1 epsilon=0.01"},
    {"GroupNormalization, a group each", "[2,5,2,3]",
     "const s f32[5]\nconst b f32[5]\ny = GroupNormalization@21(x, s, b) num_groups=5"},
    {"GroupNormalization of a signal", "[2,6,7]",
     "const s f32[2]\nconst b f32[2]\ny = GroupNormalization@20(x, s, b) num_groups=2"},
    {"GroupNormalization of a volume", "[2,4,2,3,2]",
     "const s f32[4]\nconst b f32[4]\ny = GroupNormalization@21(x, s, b) num_groups=2"},
    {"GroupNormalization between others", "[2,3,6,5]",
     "const v f32[8,3,3,3]\na = Conv@21(x, v) pads=[1,1,1,1]\nconst s f32[8]\nconst b f32[8]\n"
     "n = GroupNormalization@21(a, s, b) num_groups=4\nr = Relu@21(n)\nconst w f32[2,8,3,3]\ny = Conv@21(r, w)"},
    {"LayerNormalization", "[5,7]", "const s f32+[7]\nconst b f32[7]\ny = LayerNormalization@17(x, s, b)"},
    {"LayerNormalization of channels last", "[2,3,4,9]",
     "const s f32+[9]\nconst b f32[9]\ny = LayerNormalization@17(x, s, b) epsilon=0.01"},
    {"LayerNormalization of images, no bias", "[3,2,3,4]",
     "const s f32+[2,3,4]\ny = LayerNormalization@17(x, s) axis=1"},
    {"LRN", "[2,7,3,2]", "y = LRN(x) size=5 alpha=0.5"},
    {"LRN, even window", "[1,6,2,3]", "y = LRN(x) size=4 alpha=1.0 beta=0.5 bias=2.0"},
    {"LRN, wide", "[1,3,2,3]", "y = LRN(x) size=9 alpha=1.0"},

    {"ReduceMean", "[2,3,4,5]", "y = ReduceMean(x) axes=[1]"},
    {"ReduceMean, dropped", "[2,3,4,5]", "y = ReduceMean(x) axes=[2,3] keepdims=0"},
    {"ReduceMean of all", "[3,4,5]", "y = ReduceMean(x)"},
    {"ReduceMean, apart", "[2,3,4,5]", "y = ReduceMean(x) axes=[0,-2]"},
    {"ReduceSum", "[2,3,4,5]", "const a i64{1,-1}\ny = ReduceSum(x, a)"},
    {"ReduceSum of all", "[3,4,5]", "y = ReduceSum(x) keepdims=0"},
    {"ReduceSum by attribute", "[2,3,4,5]", "y = ReduceSum@11(x) axes=[2,3]"},
    {"ReduceL1", "[2,3,4,5]", "y = ReduceL1(x) axes=[2,3]"},
    {"ReduceL2", "[2,3,4,5]", "y = ReduceL2(x) axes=[1]"},
    {"ReduceSumSquare", "[2,3,4,5]", "y = ReduceSumSquare(x) axes=[2,3] keepdims=0"},
    {"ReduceLogSum", "[2,3,4]", "p = Exp(x)\ny = ReduceLogSum(p) axes=[0,2]"},
    {"ReduceLogSumExp", "[2,3,4,5]", "y = ReduceLogSumExp(x) axes=[1]"},
    {"ReduceMax", "[2,3,4,5]", "y = ReduceMax(x) axes=[2,3]"},
    {"ReduceMin", "[3,4,5]", "y = ReduceMin(x) axes=[1] keepdims=0"},
    {"ReduceMean by an input", "[2,3,4,5]", "const a i64{2,3}\ny = ReduceMean@18(x, a) keepdims=0"},
    {"ReduceMean of all, opset 18", "[3,4,5]", "y = ReduceMean@18(x)"},
    {"ReduceL2 by an input", "[2,3,4,5]", "const a i64{1}\ny = ReduceL2@18(x, a)"},
    {"ReduceLogSumExp by an input", "[2,3,4,5]", "const a i64{-1,1}\ny = ReduceLogSumExp@18(x, a)"},
    {"ReduceMax by an input", "[2,3,4,5]", "const a i64{2,3}\ny = ReduceMax@20(x, a)"},
    {"ReduceSumSquare of nothing", "[2,3]", "y = ReduceSumSquare@18(x) noop_with_empty_axes=1"},
    {"Einsum", "[2,3,4]", "const w f32[5,4]\ny = Einsum(x, w) equation='bij,kj->bki'"},
    {"Einsum with itself", "[3,4]", "y = Einsum(x, x) equation='ij,kj->ik'"},
    {"Einsum of one", "[3,4,4]", "y = Einsum(x) equation='bii->bi'"},
    {"CumSum", "[2,3,4,5]", "const a i64(1)\ny = CumSum(x, a)"},
    {"CumSum, backwards, exclusive", "[3,5]", "const a i32(-1)\ny = CumSum(x, a) reverse=1 exclusive=1"},
    {"Softmax", "[3,7]", "y = Softmax(x)"},
    {"Softmax of channels", "[2,5,3,4]", "y = Softmax(x) axis=1"},
    {"Softmax, flat", "[2,5,3,4]", "y = Softmax@11(x) axis=2"},
    {"LogSoftmax", "[3,7]", "y = LogSoftmax(x)"},
    {"LogSoftmax of rows", "[2,5,3,4]", "y = LogSoftmax(x) axis=2"},
    {"LogSoftmax, flat", "[2,5,3]", "y = LogSoftmax@11(x)"},

    {"Dropout", "[7,11]", "y = Dropout(x)"},
    {"Dropout of images", "[2,3,5,4]", "const r f32(0.25)\ny = Dropout(x, r)"},
    {"Dropout by attribute", "[7,11]", "y = Dropout@10(x) ratio=0.3"},
    {"Dropout by attribute, opset 7", "[7,11]", "y = Dropout@7(x) ratio=0.3"},
    {"Dropout of nothing", "[7,11]", "const r f32(0.0)\ny = Dropout(x, r)"},

    {"Resize, nearest", "[1,3,4,5]", "const k f32{1.0,1.0,2.0,3.0}\ny = Resize(x, -, k)"},
    {"Resize, nearest, smaller", "[1,3,8,9]", "const k f32{1.0,1.0,0.5,0.4}\ny = Resize(x, -, k) nearest_mode='ceil'"},
    {"Resize, linear", "[1,3,4,5]", "const k f32{1.0,1.0,2.0,1.5}\ny = Resize(x, -, k) mode='linear'"},
    {"Resize, linear, smaller", "[2,3,9,8]", "const k f32{1.0,1.0,0.5,0.375}\ny = Resize(x, -, k) mode='linear'"},
    {"Resize, linear, antialias", "[2,3,9,8]",
     "const k f32{0.5,0.375}\ny = Resize@18(x, -, k) mode='linear' antialias=1 axes=[2,3]"},
    {"Resize, linear, corners", "[1,2,4,5]",
     "const k i64{1,2,7,9}\ny = Resize(x, -, -, k) mode='linear' coordinate_transformation_mode='align_corners'"},
    {"Resize, cubic", "[1,2,4,5]", "const k f32{1.0,1.0,2.0,1.5}\ny = Resize(x, -, k) mode='cubic'"},
    {"Resize, cubic, smaller, outside excluded", "[2,3,7]",
     "const k i64{2,3,4}\ny = Resize(x, -, -, k) mode='cubic' exclude_outside=1"},
    {"Resize, cropped beyond the image", "[1,2,4,5]",
     "const r f32{0.0,0.0,-0.2,0.3,1.0,1.0,0.9,1.4}\nconst k i64{1,2,6,4}\n"
     "y = Resize(x, r, -, k) mode='linear' coordinate_transformation_mode='tf_crop_and_resize'"},
    {"Resize of a volume, linear", "[1,2,3,2,4]",
     "const k f32{1.0,1.0,2.0,1.5,2.0}\ny = Resize(x, -, k) mode='linear'"},
    {"Upsample", "[1,3,4,5]", "const k f32{1.0,1.0,2.0,3.0}\ny = Upsample@9(x, k) mode='linear'"},
    {"Upsample by attribute", "[1,3,4,5]", "y = Upsample@7(x) scales=[1.0,1.0,2.0,3.0]"},
    {"MaxUnpool", "[1,2,2,2]",
     "const i i64[1,2,2,2]{5,7,8,15,16,20,24,31}\ny = MaxUnpool(x, i) kernel_shape=[2,2] strides=[2,2]"},
    {"MaxUnpool, one place twice", "[1,1,4]", "const i i64[1,1,4]{1,3,3,0}\ny = MaxUnpool(x, i) kernel_shape=[2]"},
    {"Resize, opset 10", "[1,3,4,5]", "const k f32{1.0,1.0,2.0,3.0}\ny = Resize@10(x, k)"},
};

Test(train, window_and_norm_gradients_are_derivatives)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct row *row = &rows[i];
        char text[1024];
        snprintf(text, sizeof text, "input x f32%s\n%s\noutput y\n", row->dims, row->body);
        struct net net;
        struct stoa_error error = {0};
        net_build(&net, text, NULL);
        const struct stoa_gradient_options options = {.loss = STOA_LOSS_MEAN_SQUARED, .inputs = 1, .seed = i + 1};
        enum stoa_status status = stoa_gradient_check(net.model, &options, &error);
        cr_expect(status == STOA_OK, "%s: %s: %s", row->name, stoa_status_name(status), error.message);
        net_free(&net);
    }
}
