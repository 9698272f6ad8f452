/* What becomes one step and what only looks as if it could. */
#include <criterion/criterion.h>
#include <string.h>

#include <stoa/stoa.h>

#include "base/tensor.h"
#include "plan/plan.h"
#include "support/allocator.h"
#include "support/net.h"

#define GRADIENT "input g f32[2,4,6,6]\ninput w f32[4,3,3,3]\ninput x f32[2,3,8,8]\ninput z f32[2,3,8,8]\n"
#define IMAGE "input x f32[2,3,8,8]\nconst w f32[4,3,3,3]\nconst b f32[4]\nconst v f32[4,4,1,1]\n"
#define LINES "input x f32[2,5,6]\nconst s f32[6]\nconst h f32[6]\nconst two f32(2)\nconst e f32(1e-5)\n"
#define MEAN "m = ReduceMean(x) axes=[-1]\nd = Sub(x, m)\n"
#define DEVIATION "v = ReduceMean(t) axes=[-1]\na = Add(v, e)\nr = Sqrt(a)\nq = Div(d, r)\n"
#define LAYER_NORM_TYPE "ReduceMean+Sub+Pow+ReduceMean+Add+Sqrt+Div+Mul+Add"
#define NORM "const s f32+[4]\nconst h f32[4]\nconst m f32[4]\nconst r f32+[4]\n"

static const struct {
    const char *name;
    enum stoa_pass pass;
    size_t rewrites;   /* with that pass alone */
    const char *chain; /* the type of some step then; null: any */
    const char *text;
} rows[] = {
    {"zeros around an image", STOA_PASS_FUSE_PAD, 1, "Pad+Conv",
     IMAGE "const p i64{0,0,1,2,0,0,3,0}\na = Pad(x, p)\ny = Conv(a, w, b) pads=[1,0,0,1]\noutput y\n"},
    {"zeros around two named axes", STOA_PASS_FUSE_PAD, 1, "Pad+Conv",
     IMAGE
     "const p i64{1,2,3,0}\nconst q i64{3,2}\na = Pad@18(x, p, -, q)\ny = Conv(a, w, b) pads=[1,0,0,1]\noutput y\n"},
    {"zeros around what stands in the middle", STOA_PASS_FUSE_PAD, 1, "CenterCropPad+Conv",
     IMAGE "const p i64{9,12}\na = CenterCropPad@18(x, p) axes=[2,3]\ny = Conv(a, w, b) pads=[1,0,0,1]\noutput y\n"},
    {"not a middle that is cut", STOA_PASS_FUSE_PAD, 0, NULL,
     IMAGE "const p i64{9,5}\na = CenterCropPad@18(x, p) axes=[2,3]\ny = Conv(a, w, b)\noutput y\n"},
    {"not what wraps around", STOA_PASS_FUSE_PAD, 0, NULL,
     IMAGE "const p i64{0,0,1,1,0,0,1,1}\na = Pad@19(x, p) mode='wrap'\ny = Conv(a, w)\noutput y\n"},
    {"zeros said outright", STOA_PASS_FUSE_PAD, 1, "Pad+Conv",
     IMAGE "const p i64{0,0,1,1,0,0,1,1}\nconst q f32(0)\na = Pad(x, p, q)\ny = Conv(a, w) strides=[2,2] "
           "auto_pad='VALID'\noutput y\n"},
    {"zeros that an average counts", STOA_PASS_FUSE_PAD, 2, "Pad+AveragePool",
     IMAGE "const p i64{0,0,1,1,0,0,1,1}\na = Pad(x, p)\nc = AveragePool(a) kernel_shape=[3,3] strides=[2,2]\n"
           "d = Pad(c, p)\ny = AveragePool(d) kernel_shape=[3,3] pads=[0,1,1,0] count_include_pad=1\noutput y\n"},
    {"not beside padding that does not count", STOA_PASS_FUSE_PAD, 0, NULL,
     IMAGE "const p i64{0,0,1,1,0,0,1,1}\na = Pad(x, p)\ny = AveragePool(a) kernel_shape=[3,3] pads=[1,1,1,1]\n"
           "output y\n"},
    {"not windows of nothing but zeros", STOA_PASS_FUSE_PAD, 0, NULL,
     IMAGE "const p i64{0,0,3,3,0,0,3,3}\na = Pad(x, p)\ny = AveragePool(a) kernel_shape=[2,2]\noutput y\n"},
    {"not a window of nothing but zeros, just so", STOA_PASS_FUSE_PAD, 0, NULL,
     IMAGE "const p i64{0,0,2,0,0,0,0,0}\na = Pad(x, p)\ny = AveragePool(a) kernel_shape=[2,2]\noutput y\n"},
    {"not in front of a maximum", STOA_PASS_FUSE_PAD, 0, NULL,
     IMAGE "const p i64{0,0,1,1,0,0,1,1}\na = Pad(x, p)\ny = MaxPool(a) kernel_shape=[3,3]\noutput y\n"},
    {"not other numbers, edges, channels, nor fewer", STOA_PASS_FUSE_PAD, 0, NULL,
     IMAGE "const p i64{0,0,1,1,0,0,1,1}\nconst q f32(1)\nconst r i64{0,1,0,0,0,0,0,0}\nconst s "
           "i64{0,0,-1,0,0,0,0,0}\nconst u f32[2,4,3,3]\na = Pad(x, p, q)\nc = Conv(a, w)\nd = Pad(x, p) "
           "mode='edge'\ne = Conv(d, w)\nf = Pad(x, r)\ng = Conv(f, u)\nh = Pad(x, s)\ni = Conv(h, w)\noutput c\n"
           "output e\noutput g\noutput i\n"},
    {"not where the pads follow from the size", STOA_PASS_FUSE_PAD, 0, NULL,
     IMAGE "const p i64{0,0,1,1,0,0,1,1}\na = Pad(x, p)\ny = Conv(a, w) auto_pad='SAME_UPPER'\noutput y\n"},

    {"norm behind a convolution", STOA_PASS_FUSE_NORM, 1, "Conv+BatchNormalization",
     IMAGE NORM "a = Conv(x, w)\ny = BatchNormalization(a, s, h, m, r)\noutput y\n"},
    {"norm behind one with a bias", STOA_PASS_FUSE_NORM, 1, "Conv+BatchNormalization",
     IMAGE NORM "a = Conv(x, w, b)\ny = BatchNormalization(a, s, h, m, r)\noutput y\n"},
    {"norm behind a transposed convolution of groups", STOA_PASS_FUSE_NORM, 1, "ConvTranspose+BatchNormalization",
     "input x f32[1,6,5,5]\nconst w f32[6,2,3,3]\n" NORM
     "a = ConvTranspose(x, w) group=2\ny = BatchNormalization(a, s, h, m, r)\noutput y\n"},
    {"constants of channels, on either side, one after another", STOA_PASS_FUSE_NORM, 5, "Conv+Mul+Sub+Add+Div+Sub",
     IMAGE "const p f32+[4,1,1]\nconst q f32[1,4,1,1]\nconst o f32{3}\na = Conv(x, w, b) group=1\nc = Mul(p, a)\n"
           "d = Sub(q, c)\ne = Add(d, o)\nf = Div(e, p)\ny = Sub(f, q)\noutput y\n"},
    {"the other sign", STOA_PASS_FUSE_NORM, 1, "Conv+Neg", IMAGE "a = Conv(x, w, b)\ny = Neg(a)\noutput y\n"},
    {"channels as broadcast before opset 7", STOA_PASS_FUSE_NORM, 1, "Conv+Add",
     IMAGE "a = Conv(x, w)\ny = Add@6(a, b) broadcast=1 axis=1\noutput y\n"},
    {"not means", STOA_PASS_FUSE_NORM, 0, NULL, IMAGE "const p f32[4,1,1]\na = Conv(x, w)\ny = Mean(a, p)\noutput y\n"},
    {"constants that come out of folding", STOA_PASS_FUSE_NORM, 1, "Conv+Mul",
     IMAGE "const p f32+[4,1,1]\nq = Sqrt(p)\na = Conv(x, w)\ny = Mul(a, q)\noutput y\n"},
    {"not a constant for each pixel", STOA_PASS_FUSE_NORM, 0, NULL,
     IMAGE "const p f32[6,6]\nconst q f32[6]\na = Conv(x, w)\nc = Mul(a, p)\ny = Add(c, q)\noutput y\n"},
    {"not a constant for each channel of a matrix", STOA_PASS_FUSE_NORM, 0, NULL,
     IMAGE "const p f32[2,1,1,1]\na = Conv(x, w)\ny = Mul(a, p)\noutput y\n"},
    {"not what is divided by the result", STOA_PASS_FUSE_NORM, 0, NULL,
     IMAGE "const p f32[4,1,1]\na = Conv(x, w)\ny = Div(p, a)\noutput y\n"},
    {"not a constant that makes the result larger", STOA_PASS_FUSE_NORM, 0, NULL,
     "input x f32[1,3,8,8]\nconst w f32[4,3,3,3]\nconst p f32[3,4,1,1]\na = Conv(x, w)\ny = Mul(a, p)\noutput y\n"},
    {"not with factors beyond reason", STOA_PASS_FUSE_NORM, 0, NULL,
     IMAGE "const p f32[4,1,1]{1,2,inf,1}\na = Conv(x, w)\ny = Mul(a, p)\noutput y\n"},
    {"not behind an activation", STOA_PASS_FUSE_NORM, 0, NULL,
     IMAGE NORM "a = Conv(x, w)\nc = Relu(a)\ny = BatchNormalization(c, s, h, m, r)\noutput y\n"},
    {"not into weights that are computed", STOA_PASS_FUSE_NORM, 0, NULL,
     "input x f32[1,3,8,8]\ninput w f32[4,3,3,3]\n" NORM
     "a = Conv(x, w)\ny = BatchNormalization(a, s, h, m, r)\noutput y\n"},
    {"not norm with computed statistics", STOA_PASS_FUSE_NORM, 0, NULL,
     IMAGE NORM "input k f32[4]\na = Conv(x, w)\ny = BatchNormalization(a, s, k, m, r)\noutput y\n"},
    {"not where another reads it", STOA_PASS_FUSE_NORM, 0, NULL,
     IMAGE NORM "a = Conv(x, w)\nc = BatchNormalization(a, s, h, m, r)\ny = Add(a, c)\noutput y\n"},
    {"not where it is an output", STOA_PASS_FUSE_NORM, 0, NULL,
     IMAGE NORM "a = Conv(x, w)\ny = BatchNormalization(a, s, h, m, r)\noutput y\noutput a\n"},

    {"a row behind a product", STOA_PASS_FUSE_NORM, 2, "MatMul+Add",
     "input x f32[2,30,5]\nconst w f32[5,20]\nconst b f32[20]\nconst u f32[20,4]\nconst c f32[1,1,4]\n"
     "a = MatMul(x, w)\nd = Add(a, b)\ne = MatMul(d, u)\ny = Add(c, e)\noutput y\n"},
    {"one of two rows", STOA_PASS_FUSE_NORM, 1, "MatMul+Add",
     "input x f32[40,5]\nconst w f32[5,20]\nconst b f32[20]\na = MatMul(x, w)\nd = Add(a, b)\ny = Add(d, b)\n"
     "output y\n"},
    {"not a row behind a product and a function", STOA_PASS_FUSE_NORM, 0, NULL,
     "input x f32[40,5]\nconst w f32[5,20]\nconst b f32[20]\na = MatMul(x, w)\nd = Relu(a)\ny = Add(d, b)\n"
     "output y\n"},
    {"not a column, a number, a matrix, a difference behind a product", STOA_PASS_FUSE_NORM, 0, NULL,
     "input x f32[20,5]\nconst w f32[5,20]\nconst b f32[20,1]\nconst c f32[1]\nconst d f32[20,20]\n"
     "const e f32[20]\na = MatMul(x, w)\nf = Add(a, b)\ng = MatMul(x, w)\nh = Add(g, c)\ni = MatMul(x, w)\n"
     "j = Add(i, d)\nk = MatMul(x, w)\nl = Sub(k, e)\noutput f\noutput h\noutput j\noutput l\n"},
    {"not a row that makes a product larger, or is computed", STOA_PASS_FUSE_NORM, 0, NULL,
     "input x f32[20,5]\nconst w f32[5,20]\nconst b f32[2,1,20]\ninput c f32[20]\na = MatMul(x, w)\n"
     "d = Add(a, b)\ne = MatMul(x, w)\nf = Add(e, c)\noutput d\noutput f\n"},
    {"not a row along another axis, as there were before opset 7", STOA_PASS_FUSE_NORM, 0, NULL,
     "input x f32[20,5]\nconst w f32[5,20]\nconst b f32[20]\na = MatMul(x, w)\ny = Add@6(a, b) broadcast=1 axis=0\n"
     "output y\n"},
    {"not behind a product of a vector, or by a batch", STOA_PASS_FUSE_NORM, 0, NULL,
     "input x f32[5]\nconst w f32[5,20]\nconst b f32[20]\nconst u f32[3,5,20]\na = MatMul(x, w)\nd = Add(a, b)\n"
     "e = MatMul(x, u)\nf = Add(e, b)\noutput d\noutput f\n"},

    {"a layer norm in nine nodes", STOA_PASS_FUSE_NORM, 8, LAYER_NORM_TYPE,
     LINES MEAN "t = Pow(d, two)\n" DEVIATION "o = Mul(q, s)\ny = Add(o, h)\noutput y\n"},
    {"a layer norm, rows of constants first, of matrices", STOA_PASS_FUSE_NORM, 8, LAYER_NORM_TYPE,
     "input x f32[4,7]\nconst s f32[7]\nconst h f32[7]\nconst two f32(2)\nconst e f32[1]{1e-6}\n"
     "m = ReduceMean(x) axes=[1]\nd = Sub(x, m)\nt = Pow(d, two)\nv = ReduceMean(t) axes=[1]\na = Add(e, v)\n"
     "r = Sqrt(a)\nq = Div(d, r)\no = Mul(s, q)\ny = Add(h, o)\noutput y\n"},
    {"a layer norm of what others read, behind a layer norm", STOA_PASS_FUSE_NORM, 16, LAYER_NORM_TYPE,
     LINES MEAN "t = Pow(d, two)\n" DEVIATION
                "o = Mul(q, s)\nx2 = Add(o, h)\nm2 = ReduceMean(x2) axes=[-1]\nd2 = Sub(x2, m2)\nt2 = Pow(d2, two)\n"
                "v2 = ReduceMean(t2) axes=[-1]\na2 = Add(v2, e)\nr2 = Sqrt(a2)\nq2 = Div(d2, r2)\no2 = Mul(q2, s)\n"
                "x3 = Add(o2, h)\ny = Add(x2, x3)\noutput y\n"},
    {"not a layer norm without bounds", STOA_PASS_FUSE_NORM, 0, NULL,
     "input x f32[4,7]\nconst s f32[7]\nconst h f32[7]\nconst two f32(2)\nconst e f32(inf)\n" MEAN
     "t = Pow(d, two)\n" DEVIATION "o = Mul(q, s)\ny = Add(o, h)\noutput y\n"},
    {"not a layer norm of third powers", STOA_PASS_FUSE_NORM, 0, NULL,
     LINES MEAN "t = Pow(d, e)\n" DEVIATION "o = Mul(q, s)\ny = Add(o, h)\noutput y\n"},
    {"not a layer norm along another axis", STOA_PASS_FUSE_NORM, 0, NULL,
     LINES "m = ReduceMean(x) axes=[1]\nd = Sub(x, m)\nt = Pow(d, two)\nv = ReduceMean(t) axes=[1]\na = Add(v, e)\n"
           "r = Sqrt(a)\nq = Div(d, r)\no = Mul(q, s)\ny = Add(o, h)\noutput y\n"},
    {"not a layer norm whose variance is along another axis", STOA_PASS_FUSE_NORM, 0, NULL,
     LINES MEAN "t = Pow(d, two)\nv = ReduceMean(t) axes=[1]\na = Add(v, e)\nr = Sqrt(a)\nq = Div(d, r)\n"
                "o = Mul(q, s)\ny = Add(o, h)\noutput y\n"},
    {"not a layer norm that others read within", STOA_PASS_FUSE_NORM, 0, NULL,
     LINES MEAN "t = Pow(d, two)\n" DEVIATION "o = Mul(q, s)\ny = Add(o, h)\noutput y\noutput v\n"},
    {"not a layer norm whose difference is read twice more", STOA_PASS_FUSE_NORM, 0, NULL,
     LINES MEAN "t = Pow(d, two)\n" DEVIATION "o = Mul(q, s)\np = Add(o, h)\ny = Add(p, d)\noutput y\n"},
    {"not a layer norm turned over", STOA_PASS_FUSE_NORM, 0, NULL,
     LINES "m = ReduceMean(x) axes=[-1]\nd = Sub(m, x)\nt = Pow(d, two)\n" DEVIATION
           "o = Mul(q, s)\ny = Add(o, h)\noutput y\n"},
    {"not a layer norm with a scale that is computed", STOA_PASS_FUSE_NORM, 0, NULL,
     LINES MEAN "input z f32[6]\nt = Pow(d, two)\n" DEVIATION "o = Mul(q, z)\ny = Add(o, h)\noutput y\n"},
    {"not a layer norm with a scale along another axis", STOA_PASS_FUSE_NORM, 0, NULL,
     "input x f32[6,6]\nconst s f32[6]\nconst h f32[6]\nconst two f32(2)\nconst e f32(1e-5)\n" MEAN
     "t = Pow(d, two)\n" DEVIATION "o = Mul@6(q, s) broadcast=1 axis=0\ny = Add(o, h)\noutput y\n"},
    {"not a layer norm with a scale for each row", STOA_PASS_FUSE_NORM, 0, NULL,
     LINES MEAN "const z f32[5,1]\nt = Pow(d, two)\n" DEVIATION "o = Mul(q, z)\ny = Add(o, h)\noutput y\n"},

    {"a sum behind a convolution", STOA_PASS_FUSE_ADD, 1, "Conv+Add",
     IMAGE "a = Conv(x, w)\nc = Conv(a, v)\ny = Add(a, c)\noutput y\n"},
    {"of two convolutions the later one adds", STOA_PASS_FUSE_ADD, 1, "Conv+Sum",
     IMAGE "a = Conv(x, w, b)\nc = Conv(x, w)\ny = Sum(c, a)\noutput y\n"},
    {"the addend lies plain", STOA_PASS_FUSE_ADD, 1, "Conv+Add",
     "input x f32[2,4,8,8]\nconst v f32[4,4,1,1]\na = Conv(x, v)\ny = Add(x, a)\noutput y\n"},
    {"the addend is constant", STOA_PASS_FUSE_ADD, 1, "Conv+Add",
     IMAGE "const p f32[2,4,6,6]\na = Conv(x, w)\ny = Add(p, a)\noutput y\n"},
    {"the addend is computed later", STOA_PASS_FUSE_ADD, 1, "Conv+Add",
     IMAGE "a = Conv(x, w)\nc = Exp(x)\nd = MaxPool(c) kernel_shape=[3,3]\nconst u f32[1,3,1,1]\n"
           "const z f32[4,3,1,1]\ne = Conv(x, w)\nf = Tanh(e)\ny = Add(a, f)\noutput y\noutput d\n"},
    {"a transposed convolution", STOA_PASS_FUSE_ADD, 1, "ConvTranspose+Add",
     "input x f32[1,4,5,5]\nconst w f32[4,4,1,1]\na = ConvTranspose(x, w)\ny = Add(x, a)\noutput y\n"},
    {"not a sum that broadcasts", STOA_PASS_FUSE_ADD, 0, NULL,
     IMAGE "a = Conv(x, w)\nc = GlobalAveragePool(a)\nd = Conv(x, w)\ny = Add(d, c)\noutput y\n"},
    {"not a sum with itself", STOA_PASS_FUSE_ADD, 0, NULL, IMAGE "a = Conv(x, w)\ny = Add(a, a)\noutput y\n"},
    {"not a sum of three", STOA_PASS_FUSE_ADD, 0, NULL,
     IMAGE "a = Conv(x, w)\nc = Conv(x, w)\nd = Conv(x, w)\ny = Sum(a, c, d)\noutput y\n"},
    {"not what is also an output", STOA_PASS_FUSE_ADD, 0, NULL,
     IMAGE "a = Conv(x, w)\nc = Conv(a, v)\ny = Add(a, c)\noutput y\noutput c\n"},
    {"two sums, one convolution", STOA_PASS_FUSE_ADD, 1, "Conv+Add",
     IMAGE "a = Conv(x, w)\nc = Conv(a, v)\nd = Add(a, c)\ny = Add(a, d)\noutput y\n"},
    {"not what a dead branch reads", STOA_PASS_FUSE_ADD, 1, "Conv+Add",
     IMAGE "a = Conv(x, w)\nc = Conv(a, v)\nd = Exp(c)\ny = Add(a, c)\noutput y\n"},

    {"a function behind a convolution", STOA_PASS_FUSE_ACTIVATION, 1, "Conv+LeakyRelu",
     IMAGE "a = Conv(x, w, b)\ny = LeakyRelu(a) alpha=0.3\noutput y\n"},
    {"constant bounds", STOA_PASS_FUSE_ACTIVATION, 1, "Conv+Clip",
     IMAGE "const p f32(-1)\nconst q f32(2)\na = Conv(x, w)\ny = Clip(a, p, q)\noutput y\n"},
    {"behind a product", STOA_PASS_FUSE_ACTIVATION, 2, "MatMul+Tanh",
     "input x f32[3,5]\nconst w f32[5,7]\nconst u f32[4,7]\nconst c f32[4]\na = MatMul(x, w)\nd = Tanh(a)\n"
     "e = Gemm(d, u, c) transB=1 alpha=0.5\ny = Elu(e)\noutput y\n"},
    {"behind a sum, a norm, a transposed convolution", STOA_PASS_FUSE_ACTIVATION, 3, "ConvTranspose+Sigmoid",
     "input x f32[1,4,5,5]\nconst w f32[4,2,2,2]\n" NORM "a = BatchNormalization(x, s, h, m, r)\nc = Relu(a)\n"
     "d = Add(x, c)\ne = Selu(d)\nf = ConvTranspose(e, w)\ny = Sigmoid(f)\noutput y\n"},
    {"a gate in two nodes", STOA_PASS_FUSE_ACTIVATION, 2, "Conv+HardSigmoid+Mul",
     IMAGE "a = Conv(x, w)\nc = HardSigmoid(a) alpha=0.1666667\ny = Mul(a, c)\noutput y\n"},
    {"a sigmoid's too", STOA_PASS_FUSE_ACTIVATION, 2, "Conv+Sigmoid+Mul",
     IMAGE "a = Conv(x, w)\nc = Sigmoid(a)\ny = Mul(c, a)\noutput y\n"},
    {"Gelu, and behind groups", STOA_PASS_FUSE_ACTIVATION, 2, "GroupNormalization+Gelu",
     IMAGE "const s f32[4]\na = Conv(x, w)\nc = Gelu@20(a) approximate='tanh'\nd = GroupNormalization@21(c, s, s) "
           "num_groups=2\ny = Gelu@20(d)\noutput y\n"},
    {"Swish", STOA_PASS_FUSE_ACTIVATION, 1, "Conv+Swish",
     IMAGE "a = Conv(x, w)\ny = Swish@24(a) alpha=1.5\noutput y\n"},
    {"Mish as exported", STOA_PASS_FUSE_ACTIVATION, 3, "Conv+Softplus+Tanh+Mul",
     IMAGE "a = Conv(x, w)\nc = Softplus(a)\nd = Tanh(c)\ny = Mul(a, d)\noutput y\n"},
    {"Gelu as exported", STOA_PASS_FUSE_ACTIVATION, 5, "Add+Div+Erf+Add+Mul+Mul",
     "input x f32[3,5]\nconst p f32[5]\nconst r f32(1.4142135)\nconst o f32(1)\nconst h f32(0.5)\na = Add(x, p)\n"
     "c = Div(a, r)\nd = Erf(c)\ne = Add(d, o)\nf = Mul(a, e)\ny = Mul(f, h)\noutput y\n"},
    {"Gelu as exported, the constants in front", STOA_PASS_FUSE_ACTIVATION, 5, "Conv+Mul+Erf+Add+Mul+Mul",
     IMAGE "const r f32{0.70710677}\nconst o f32(1)\nconst h f32(0.5)\na = Conv(x, w)\nc = Mul(r, a)\nd = Erf(c)\n"
           "e = Add(o, d)\nf = Mul(e, a)\ny = Mul(h, f)\noutput y\n"},
    {"not with other constants", STOA_PASS_FUSE_ACTIVATION, 2, "Div+Erf",
     IMAGE
     "const r f32(1.414)\nconst s f32(1.4142135)\nconst o f32(1)\nconst h f32(0.5)\nconst i f32(2)\na = Conv(x, w)\n"
     "c = Div(a, r)\nd = Erf(c)\ne = Add(d, o)\nf = Mul(a, e)\ny = Mul(f, h)\nb1 = Conv(x, w)\nc1 = Div(b1, s)\n"
     "d1 = Erf(c1)\ne1 = Add(d1, o)\nf1 = Mul(b1, e1)\nz = Mul(f1, i)\noutput y\noutput z\n"},
    {"not where the gate ends elsewhere", STOA_PASS_FUSE_ACTIVATION, 1, "Conv+Softplus",
     IMAGE "a = Conv(x, w)\nb1 = Conv(x, w)\nc = Softplus(a)\nd = Tanh(c)\ny = Mul(b1, d)\noutput y\n"},
    {"not a gate that is read again", STOA_PASS_FUSE_ACTIVATION, 0, NULL,
     IMAGE "a = Conv(x, w)\nc = Sigmoid(a)\ny = Mul(c, a)\nz = Exp(c)\noutput y\noutput z\n"},
    {"not a gate for another", STOA_PASS_FUSE_ACTIVATION, 1, "Conv+Sigmoid",
     IMAGE "a = Conv(x, w)\nd = Conv(x, w)\nc = Sigmoid(a)\ny = Mul(c, d)\noutput y\n"},
    {"not another function times its argument", STOA_PASS_FUSE_ACTIVATION, 0, NULL,
     IMAGE "a = Conv(x, w)\nc = Tanh(a)\ny = Mul(c, a)\noutput y\n"},
    {"one function, not the second", STOA_PASS_FUSE_ACTIVATION, 1, "Conv+Relu",
     IMAGE "a = Conv(x, w)\nc = Relu(a)\ny = Tanh(c)\noutput y\n"},
    {"not bounds that are computed", STOA_PASS_FUSE_ACTIVATION, 0, NULL,
     IMAGE "input p f32[]\na = Conv(x, w)\ny = Clip(a, p)\noutput y\n"},
    {"not a slope for each channel", STOA_PASS_FUSE_ACTIVATION, 0, NULL,
     IMAGE "const p f32[4,1,1]\na = Conv(x, w)\ny = PRelu(a, p)\noutput y\n"},
    {"not a root", STOA_PASS_FUSE_ACTIVATION, 0, NULL, IMAGE "a = Conv(x, w)\ny = Sqrt(a)\noutput y\n"},
    {"an error function behind a quotient", STOA_PASS_FUSE_ACTIVATION, 1, "Div+Erf",
     "input x f32[3,5]\nconst r f32(1.4142135)\na = Div(x, r)\ny = Erf(a)\noutput y\n"},
    {"not what leaps, has poles or an end", STOA_PASS_FUSE_ACTIVATION, 0, NULL,
     IMAGE
     "a = Conv(x, w)\nc = Floor(a)\nd = Conv(x, w)\ne = Reciprocal(d)\nf = Conv(x, w)\ng = Log(f)\nh = Conv(x, w)\n"
     "i = ThresholdedRelu(h)\noutput c\noutput e\noutput g\noutput i\n"},
    {"not doubles", STOA_PASS_FUSE_ACTIVATION, 0, NULL,
     "input x f32[3]\nc = Cast(x) to=11\na = Add(c, c)\ny = Relu(a)\noutput y\n"},
    {"not means", STOA_PASS_FUSE_ADD, 0, NULL, IMAGE "a = Conv(x, w)\nc = Conv(a, v)\ny = Mean(a, c)\noutput y\n"},
    {"not what is read twice", STOA_PASS_FUSE_ACTIVATION, 0, NULL,
     IMAGE "a = Conv(x, w)\nc = Relu(a)\nd = Tanh(a)\ny = Div(c, d)\noutput y\n"},
    {"not what is also an output", STOA_PASS_FUSE_ACTIVATION, 0, NULL,
     IMAGE "a = Conv(x, w)\ny = Relu(a)\noutput a\noutput y\n"},
    {"not behind a pool, nor integers", STOA_PASS_FUSE_ACTIVATION, 0, NULL,
     "input x f32[1,4,5,5]\ninput i i64[3]\nconst l i64(0)\na = MaxPool(x) kernel_shape=[2,2]\ny = Relu(a)\n"
     "j = Add(i, i)\nk = Clip(j, l)\noutput y\noutput k\n"},

#ifdef STOA_TRAINING
    {"a sum behind a gradient", STOA_PASS_FUSE_ADD, 1, "ConvBackwardData+Add",
     GRADIENT "a = ConvBackwardData(g, w, x)\ny = Add(x, a)\noutput y\n"},
    {"a mask behind a gradient", STOA_PASS_FUSE_MASK, 1, "ConvBackwardData+ReluBackward",
     GRADIENT "a = ConvBackwardData(g, w, x)\ny = ReluBackward(a, x)\noutput y\n"},
    {"with strides", STOA_PASS_FUSE_MASK, 1, "ConvBackwardData+ReluBackward",
     "input g f32[2,4,4,4]\ninput w f32[4,3,3,3]\ninput x f32[2,3,8,8]\n"
     "a = ConvBackwardData(g, w, x) strides=[2,2] pads=[1,1,1,1]\ny = ReluBackward(a, x)\noutput y\n"},
    {"between bounds", STOA_PASS_FUSE_MASK, 1, "ConvTransposeBackwardData+ClipBackward",
     "input g f32[2,3,8,8]\ninput w f32[4,3,3,3]\ninput x f32[2,4,6,6]\nconst p f32(-0.5)\nconst q f32(1)\n"
     "a = ConvTransposeBackwardData(g, w, x)\ny = ClipBackward(a, x, p, q)\noutput y\n"},
    {"not between bounds that are computed", STOA_PASS_FUSE_MASK, 0, NULL,
     GRADIENT "input p f32[]\na = ConvBackwardData(g, w, x)\ny = ClipBackward(a, x, p)\noutput y\n"},
    {"not other derivatives", STOA_PASS_FUSE_MASK, 0, NULL,
     GRADIENT "a = ConvBackwardData(g, w, x)\ny = TanhBackward(a, x)\noutput y\n"},
    {"not where the gradient is a mask", STOA_PASS_FUSE_MASK, 0, NULL,
     GRADIENT "a = ConvBackwardData(g, w, x)\ny = ReluBackward(x, a)\noutput y\n"},
    {"not what another reads, too", STOA_PASS_FUSE_MASK, 0, NULL,
     GRADIENT "a = ConvBackwardData(g, w, x)\nb = ReluBackward(a, x)\ny = Add(a, b)\noutput y\n"},
#endif
};
#define ROWS (sizeof rows / sizeof *rows)

Test(fuse, each_pass_takes_what_is_meant_and_nothing_else)
{
    for (size_t i = 0; i < ROWS; i++) {
        struct net net;
        net_build(&net, rows[i].text, NULL);
        struct plan *off = net_plan(&net, STOA_PASS_ALL, rows[i].name);
        struct plan *on = net_plan(&net, STOA_PASS_ALL & ~STOA_PASS_BIT(rows[i].pass), rows[i].name);
        cr_expect(off->rewrite_count == 0, "%s", rows[i].name);
        cr_expect(on->rewrite_count == rows[i].rewrites, "%s: %zu rewrites", rows[i].name, on->rewrite_count);
        /* A sum that is fused may want its addend converted. */
        size_t layouts[2] = {0};
        bool found = !rows[i].chain;
        for (size_t s = 0; s < off->step_count; s++)
            layouts[0] += strcmp(off->steps[s].type, "Layout") == 0;
        for (size_t s = 0; s < on->step_count; s++) {
            layouts[1] += strcmp(on->steps[s].type, "Layout") == 0;
            found |= rows[i].chain && strcmp(on->steps[s].type, rows[i].chain) == 0;
        }
        cr_expect(on->step_count - layouts[1] + rows[i].rewrites == off->step_count - layouts[0],
                  "%s: %zu steps, %zu without the pass", rows[i].name, on->step_count, off->step_count);
        cr_expect(found, "%s: no step is %s", rows[i].name, rows[i].chain);
        for (size_t r = 0; r < on->rewrite_count; r++)
            cr_expect(on->rewrites[r].pass == rows[i].pass && on->rewrites[r].node && on->rewrites[r].into);
        stoa_plan_free(off);
        stoa_plan_free(on);
        net_free(&net);
    }
}

/* All passes, one pass, none: each is the twin's, or verify says where not. */
Test(fuse, what_is_fused_is_right)
{
    for (size_t i = 0; i < ROWS; i++)
        for (int way = 0; way < 2; way++) {
            struct net net;
            net_build(&net, rows[i].text, NULL);
            struct stoa_input_spec spec = {.name = "i", .rank = 1, .dims = {3}, .data = (const int64_t[]){-1, 0, 1}};
            struct stoa_session_options session = {
                .threads = 1, .disabled_passes = way ? STOA_PASS_ALL & ~STOA_PASS_BIT(rows[i].pass) : 0};
            if (strstr(rows[i].text, "input i ")) {
                session.inputs = &spec;
                session.input_count = 1;
            }
            struct stoa_verify_options options = {.session = &session, .seed = i + 1};
            struct stoa_error error = {0};
            cr_expect(stoa_verify(net.model, NULL, &options, &error) == STOA_OK, "%s: %s", rows[i].name, error.message);
            net_free(&net);
        }
}

Test(fuse, all_passes_together_leave_a_residual_block_two_steps)
{
    struct net net;
    net_build(&net,
              IMAGE NORM "a = Conv(x, w)\nc = BatchNormalization(a, s, h, m, r)\nd = Relu(c)\ne = Conv(d, v, b)\n"
                         "f = BatchNormalization(e, s, h, m, r)\ng = Add(d, f)\ny = Relu(g)\noutput y\n",
              NULL);
    struct plan *plan = net_plan(&net, 0, "block");
    cr_expect(plan->step_count == 4 && plan->rewrite_count == 5, "%zu steps", plan->step_count);
    cr_expect(strcmp(plan->steps[1].type, "Conv+BatchNormalization+Relu") == 0 &&
              strcmp(plan->steps[2].type, "Conv+BatchNormalization+Add+Relu") == 0);
    stoa_plan_free(plan);
    net_free(&net);
}

#ifdef STOA_TRAINING
Test(fuse, a_gradient_takes_sum_and_mask)
{
    struct net net;
    net_build(&net, GRADIENT "a = ConvBackwardData(g, w, x)\nb = Add(a, z)\ny = ReluBackward(b, x)\noutput y\n", NULL);
    struct plan *plan = net_plan(&net, 0, "gradient");
    bool found = false;
    for (size_t s = 0; s < plan->step_count; s++)
        found |= strcmp(plan->steps[s].type, "ConvBackwardData+Add+ReluBackward") == 0;
    cr_expect(found && plan->rewrite_count == 2);
    stoa_plan_free(plan);
    struct stoa_verify_options options = {.seed = 1};
    struct stoa_error error = {0};
    cr_expect(stoa_verify(net.model, NULL, &options, &error) == STOA_OK, "%s", error.message);
    net_free(&net);
}
#endif

Test(fuse, values_inside_a_step_are_refused_by_the_pass_s_name)
{
    struct net net;
    net_build(&net, IMAGE "a = Conv(x, w)\ny = Relu(a)\noutput y\n", NULL);
    for (int off = 0; off < 2; off++) {
        struct stoa_session *session;
        struct stoa_tensor tensor;
        struct stoa_rewrite_info info;
        struct stoa_error error = {0};
        struct stoa_session_options options = {
            .threads = 1, .keep_values = 1, .disabled_passes = off ? STOA_PASS_BIT(STOA_PASS_FUSE_ACTIVATION) : 0};
        static const float x[2 * 3 * 8 * 8];
        cr_assert(stoa_session_create(net.model, &options, &error, &session) == STOA_OK, "%s", error.message);
        cr_expect(stoa_session_value(session, "y", &error, &tensor) == STOA_ERROR_ARGUMENT &&
                  strstr(error.message, "no run since"));
        cr_assert(stoa_session_bind_input(session, "x", x, &error) == STOA_OK &&
                  stoa_session_run(session, &error) == STOA_OK);
        enum stoa_status status = stoa_session_value(session, "a", &error, &tensor);
        cr_expect(status == (off ? STOA_OK : STOA_ERROR_UNSUPPORTED), "%s", stoa_status_name(status));
        cr_expect(off || (strstr(error.message, "'a'") && strstr(error.message, "fuse-activation")), "%s",
                  error.message);
        cr_expect(stoa_session_value(session, "y", &error, &tensor) == STOA_OK, "%s", error.message);
        cr_expect(stoa_session_rewrite_count(session) == (off ? 0 : 1));
        if (!off) {
            cr_expect(stoa_session_rewrite(session, 0, &error, &info) == STOA_OK &&
                      info.pass == STOA_PASS_FUSE_ACTIVATION && strcmp(info.node, "node_y") == 0 &&
                      strcmp(info.into, "node_a") == 0);
            cr_expect(stoa_session_rewrite(session, 1, &error, &info) == STOA_ERROR_ARGUMENT);
        }
        stoa_session_free(session);
    }
    struct stoa_session *session;
    struct stoa_error error = {0};
    struct stoa_session_options options = {.disabled_passes = STOA_PASS_BIT(STOA_PASS_COUNT)};
    cr_expect(stoa_session_create(net.model, &options, &error, &session) == STOA_ERROR_ARGUMENT &&
              strstr(error.message, "disabled_passes"));
    net_free(&net);
}

Test(fuse, every_failing_allocation_is_reported_and_leaks_nothing)
{
    struct net net;
    net_build(&net,
              IMAGE NORM "a = Conv(x, w, b)\nc = BatchNormalization(a, s, h, m, r)\nd = Conv(x, w)\ne = Add(d, c)\n"
                         "f = Relu(e)\nconst u f32[16,4,3,3]\ng = Conv(f, u) pads=[1,1,1,1]\n"
                         "y = MaxPool(g) kernel_shape=[2,2] strides=[2,2]\noutput y\n",
              NULL);
    for (size_t at = 1;; at++) {
        struct counting_allocator memory;
        counting_allocator_init(&memory);
        memory.fail_at = at;
        struct plan_options options = {.lowering = STOA_LOWERING_WINOGRAD}; /* which fuse-pool wants */
        struct plan *plan;
        struct stoa_error error = {0};
        enum stoa_status status = stoa_plan_create(net.model, &memory.interface, &options, &error, &plan);
        if (status == STOA_OK) {
            cr_expect(plan->rewrites[plan->rewrite_count - 1].pass == STOA_PASS_FUSE_POOL);
            stoa_plan_free(plan);
            cr_expect(memory.live == 0 && at > 15, "%zu allocations", at);
            break;
        }
        cr_expect(status == STOA_ERROR_MEMORY && !plan && memory.live == 0, "allocation %zu: %s, %zu blocks leaked", at,
                  stoa_status_name(status), memory.live);
    }
    net_free(&net);
}
