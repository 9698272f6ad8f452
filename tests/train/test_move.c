/* Gradients of operators that put elements elsewhere are derivatives. */
#include <criterion/criterion.h>

#include "train/gradient_rows.h"

#define MSE STOA_LOSS_MEAN_SQUARED
static const struct gradient_row rows[] = {
    {"Concat of channels", "[2,3,5,4] [2,2,5,4]", "y = Concat(x, z) axis=1", MSE},
    {"Concat with itself", "[2,3,5,4]", "y = Concat(x, x) axis=-1", MSE},
    {"Concat with a constant", "[2,3] [1,3]", "const c f32[2,3]\ny = Concat(x, c, z) axis=0", MSE},
    {"Concat of ten", "[2,3] [2,1]", "y = Concat(x, z, x, z, x, z, x, z, x, z) axis=1", MSE},
    {"Concat of what is computed", "[2,3,5,4] [2,3,5,4]",
     "a = Relu(x)\nb = Tanh(z)\nc = Concat(a, b) axis=1\ny = Sigmoid(c)", MSE},
    {"Concat along 0", "[2,3,5,4] [2,3,5,4]", "y = Concat(x, z) axis=0", MSE},
    {"Concat along 2", "[2,3,5,4] [2,3,5,4]", "y = Concat(x, z) axis=2", MSE},
    {"Concat along 3", "[2,3,5,4] [2,3,5,4]", "y = Concat(x, z) axis=3", MSE},
    {"Split", "[2,6,5,4]", "a, b = Split(x) axis=1\ny = Mul(a, b)", MSE},
    {"Split by attribute", "[2,6,5,4]",
     "a, b, c = Split@11(x) axis=1 split=[2,3,1]\nd = Concat(c, b, a, c) axis=1\ny = Tanh(d)", MSE},
    {"Split by an input", "[2,6]", "const s i64{2,4}\na, b = Split(x, s) axis=1\ny = Tanh(b)", MSE},
    {"Split, one part read", "[2,3,6,4]", "a, b, c = Split(x) axis=2\ny = Tanh(b)", MSE},
    {"Flatten", "[2,3,5,4]", "f = Flatten(x)\ny = Tanh(f)", MSE},
    {"Flatten from axis 2", "[2,3,5,4]", "f = Flatten(x) axis=2\ny = Tanh(f)", MSE},
    {"Flatten from axis 0", "[2,3]", "f = Flatten(x) axis=0\ny = Tanh(f)", MSE},
    {"Reshape", "[2,3,5,4]", "const s i64{0,-1,10}\nf = Reshape(x, s)\ny = Tanh(f)", MSE},
    {"Reshape to an image", "[2,60]", "const s i64{2,3,5,4}\nf = Reshape(x, s)\ny = Tanh(f)", MSE},
    {"Reshape with zeros", "[2,3]", "const s i64{3,2}\nf = Reshape@14(x, s) allowzero=1\ny = Tanh(f)", MSE},
    {"Squeeze", "[2,1,5,1]", "const a i64{1}\nf = Squeeze(x, a)\ny = Tanh(f)", MSE},
    {"Squeeze of all", "[2,1,5,1]", "f = Squeeze(x)\ny = Tanh(f)", MSE},
    {"Squeeze by attribute", "[2,1,5,1]", "f = Squeeze@11(x) axes=[3]\ny = Tanh(f)", MSE},
    {"Unsqueeze", "[2,5]", "const a i64{0,-1}\nf = Unsqueeze(x, a)\ny = Tanh(f)", MSE},
    {"Unsqueeze by attribute", "[2,5]", "f = Unsqueeze@11(x) axes=[1,2]\ny = Tanh(f)", MSE},
    {"Transpose", "[2,3,5,4]", "f = Transpose(x)\ny = Tanh(f)", MSE},
    {"Transpose to 0 2 3 1", "[2,3,5,4]", "f = Transpose(x) perm=[0,2,3,1]\ny = Tanh(f)", MSE},
    {"Transpose to 0 3 1 2", "[2,3,5,4]", "f = Transpose(x) perm=[0,3,1,2]\ny = Tanh(f)", MSE},
    {"Transpose to 3 0 2 1", "[2,3,5,4]", "f = Transpose(x) perm=[3,0,2,1]\ny = Tanh(f)", MSE},
    {"Transpose to 1 0 3 2", "[2,3,5,4]", "f = Transpose(x) perm=[1,0,3,2]\ny = Tanh(f)", MSE},
    {"Transpose of rank 5", "[2,3,1,2,4]", "f = Transpose(x) perm=[3,0,2,1,4]\ny = Tanh(f)", MSE},
    {"Identity", "[2,3,5,4]", "i = Identity(x)\ny = Tanh(i)", MSE},
    {"Pad", "[2,3,5,4]", "const p i64{0,0,1,2,0,0,3,0}\nf = Pad(x, p)\ny = Tanh(f)", MSE},
    {"Pad by attribute", "[2,3]", "f = Pad@10(x) pads=[1,0,0,2] value=0.5\ny = Tanh(f)", MSE},
    {"Pad with a number", "[2,3,5,4]", "const p i64{1,0,1,2,0,1,3,0}\nconst c f32(2.5)\nf = Pad(x, p, c)\ny = Tanh(f)",
     MSE},
    {"Pad by cutting", "[2,3,5,4]", "const p i64{0,-1,-2,1,0,0,1,-1}\nf = Pad(x, p)\ny = Tanh(f)", MSE},
    {"Pad by reflection", "[2,3,5,4]", "const p i64{0,0,3,2,0,0,4,1}\nf = Pad(x, p) mode='reflect'\ny = Tanh(f)", MSE},
    {"Pad by reflection, cutting", "[6]", "const p i64{-2,3}\nf = Pad(x, p) mode='reflect'\ny = Tanh(f)", MSE},
    {"Pad by the edge", "[2,3,5,4]", "const p i64{0,1,3,2,1,0,4,1}\nf = Pad(x, p) mode='edge'\ny = Tanh(f)", MSE},
    {"Slice", "[2,3,5,4]", "const a i64{1,1}\nconst b i64{3,4}\nconst c i64{1,2}\nf = Slice(x, a, b, c)\ny = Tanh(f)",
     MSE},
    {"Slice by attributes", "[2,3,5,4]", "f = Slice@9(x) starts=[0,1] ends=[2,-1] axes=[1,3]\ny = Tanh(f)", MSE},
    {"Slice by steps", "[2,3,7,4]",
     "const a i64{0,3}\nconst b i64{7,-100}\nconst c i64{2,3}\nconst d i64{3,-2}\nf = Slice(x, a, b, c, d)\ny = "
     "Tanh(f)",
     MSE},
    {"Slice of channels", "[2,6,5,4]",
     "const a i64{1}\nconst b i64{4}\nconst c i64{1}\nf = Slice(x, a, b, c)\nt = Tanh(f)\ng = Slice@9(x) starts=[2] "
     "ends=[5] axes=[1]\ny = Mul(t, g)",
     MSE},
    {"Gather", "[5,4]", "const i i64{0,4,2,2,-1}\nf = Gather(x, i)\ny = Tanh(f)", MSE},
    {"Gather of channels", "[2,3,5,4]", "const i i64{2,0,2}\nf = Gather(x, i) axis=1\ny = Tanh(f)", MSE},
    {"Gather by one index", "[2,3,5,4]", "const i i64(1)\nf = Gather(x, i) axis=-1\ny = Tanh(f)", MSE},
    {"Gather by two dimensions", "[3,5,2]", "const i i64[2,2]{1,0,4,1}\nf = Gather(x, i) axis=1\ny = Tanh(f)", MSE},
    {"Expand", "[3,1]", "const s i64{2,1,4}\nf = Expand(x, s)\ny = Tanh(f)", MSE},
    {"Expand of channels", "[2,3,1,1]", "const s i64{2,3,5,4}\nf = Expand(x, s)\ny = Tanh(f)", MSE},
    {"Expand as it is", "[2,3]", "const s i64{1}\nf = Expand(x, s)\ny = Tanh(f)", MSE},
    {"channels shuffled", "[2,6,5,4]",
     "const s i64{2,2,3,5,4}\na = Reshape(x, s)\nb = Transpose(a) perm=[0,2,1,3,4]\nconst t i64{2,6,5,4}\nc = "
     "Reshape(b, t)\ny = Tanh(c)",
     MSE},
};

Test(train, gradients_of_what_moves_are_derivatives)
{
    gradient_rows_check(rows, sizeof rows / sizeof *rows);
}
