/* The gradients of elementwise operators and the losses, as a graph's training brings them together: difference
 * quotients against the twin, the twin against the engine. */
#include <criterion/criterion.h>

#include "train/gradient_rows.h"

#define MSE STOA_LOSS_MEAN_SQUARED
static const struct gradient_row rows[] = {
    {"Relu", "[2,3,5,4]", "y = Relu(x)", MSE},
    {"Relu behind a sum", "[2,3,5,4] [3,1,1]", "s = Add(x, z)\ny = Relu(s)", MSE},
    {"LeakyRelu", "[2,3,5,4]", "y = LeakyRelu(x) alpha=0.2", MSE},
    {"LeakyRelu with a slope below 0", "[7]", "y = LeakyRelu(x) alpha=-0.5", MSE},
    {"PRelu", "[2,3,5,4] [3,1,1]", "y = PRelu(x, z)", MSE},
    {"PRelu with one slope", "[2,3,5,4] [1]", "y = PRelu(x, z)", MSE},
    {"PRelu with a slope an element", "[2,3] [2,3]", "y = PRelu(x, z)", MSE},
    {"Elu", "[2,3,5,4]", "y = Elu(x) alpha=1.5", MSE},
    {"Selu", "[2,3,5,4]", "y = Selu(x)", MSE},
    {"Clip", "[2,3,5,4]", "const a f32(-0.5)\nconst b f32(0.75)\ny = Clip(x, a, b)", MSE},
    {"Clip without a least", "[2,3,5,4]", "const b f32(0.75)\ny = Clip(x, -, b)", MSE},
    {"Clip without bounds", "[9]", "y = Clip(x)", MSE},
    {"Sigmoid", "[2,3,5,4]", "y = Sigmoid(x)", MSE},
    {"Tanh", "[2,3,5,4]", "y = Tanh(x)", MSE},
    {"HardSigmoid", "[2,3,5,4]", "y = HardSigmoid(x) alpha=0.6 beta=0.4", MSE},
    {"HardSwish", "[2,3,5,4]", "y = HardSwish@14(x)", MSE},
    {"Clip by attributes", "[2,3,5,4]", "y = Clip@10(x) min=-0.5 max=0.75", MSE},
    {"Softplus", "[2,3,5,4]", "y = Softplus(x)", MSE},
    {"Exp and Sqrt", "[2,3,5,4]", "e = Exp(x)\ny = Sqrt(e)", MSE},

    {"Celu", "[2,3,5,4]", "y = Celu(x) alpha=1.5", MSE},
    {"Mish", "[2,3,5,4]", "y = Mish(x)", MSE},
    {"Gelu", "[2,3,5,4]", "y = Gelu@20(x)", MSE},
    {"Gelu by tanh", "[2,3,5,4]", "y = Gelu@20(x) approximate='tanh'", MSE},
    {"Erf", "[2,3,5,4]", "y = Erf(x)", MSE},
    {"Gelu as exported", "[2,3,5,4]",
     "const r f32(1.41421356)\nconst o f32(1.0)\nconst h f32(0.5)\na = Div(x, r)\nb = Erf(a)\nc = Add(b, o)\nd = "
     "Mul(x, c)\ny "
     "= Mul(d, h)",
     MSE},
    {"Log", "[2,3,5,4]", "e = Exp(x)\ny = Log(e)", MSE},
    {"Abs", "[2,3,5,4]", "y = Abs(x)", MSE},
    {"Neg", "[2,3,5,4]", "y = Neg(x)", MSE},
    {"Reciprocal", "[2,3,5,4]", "e = Exp(x)\ny = Reciprocal(e)", MSE},
    {"Softsign", "[2,3,5,4]", "y = Softsign(x)", MSE},
    {"Sin", "[2,3,5,4]", "y = Sin(x)", MSE},
    {"Cos", "[2,3,5,4]", "y = Cos(x)", MSE},
    {"Tan", "[2,3,5,4]", "s = Tanh(x)\ny = Tan(s)", MSE},
    {"Asin", "[2,3,5,4]", "const h f32(0.5)\ns = Tanh(x)\nt = Mul(s, h)\ny = Asin(t)", MSE},
    {"Acos", "[2,3,5,4]", "const h f32(0.5)\ns = Tanh(x)\nt = Mul(s, h)\ny = Acos(t)", MSE},
    {"Atan", "[2,3,5,4]", "y = Atan(x)", MSE},
    {"Sinh", "[2,3,5,4]", "y = Sinh(x)", MSE},
    {"Cosh", "[2,3,5,4]", "y = Cosh(x)", MSE},
    {"Asinh", "[2,3,5,4]", "y = Asinh(x)", MSE},
    {"Acosh", "[2,3,5,4]", "const o f32(1.5)\ne = Exp(x)\ns = Add(e, o)\ny = Acosh(s)", MSE},
    {"Atanh", "[2,3,5,4]", "const h f32(0.5)\ns = Tanh(x)\nt = Mul(s, h)\ny = Atanh(t)", MSE},

    {"Where", "[2,3,5,4] [2,3,5,4]", "const o f32(0.1)\nconst c f32[2,3,5,4]\nb = Less(c, o)\ny = Where(b, x, z)", MSE},
    {"Where of channels", "[2,3,5,4] [3,1,1]", "const o f32(0.1)\nconst c f32[5,4]\nb = Less(c, o)\ny = Where(b, z, x)",
     MSE},
    {"Mean", "[2,3,5,4] [3,1,1]", "const c f32[4]\ny = Mean(x, c, z, x)", MSE},
    {"Mean of one", "[5]", "y = Mean(x)", MSE},

    {"Add", "[2,3,5,4] [2,3,5,4]", "y = Add(x, z)", MSE},
    {"Add of channels", "[2,3,5,4] [3,1,1]", "y = Add(x, z)", MSE},
    {"Add to itself", "[5]", "y = Add(x, x)", MSE},
    {"Add of a scalar", "[2,3,5,4] []", "y = Add(x, z)", MSE},
    {"Add of two broadcast", "[2,1,5,1] [3,1,4]", "y = Add(x, z)", MSE},
    {"Sub", "[2,3,5,4] [2,3,5,4]", "y = Sub(x, z)", MSE},
    {"Sub of channels", "[2,3,5,4] [1,3,1,1]", "y = Sub(x, z)", MSE},
    {"Sub from a row", "[4] [2,3,5,4]", "y = Sub(x, z)", MSE},
    {"Mul", "[2,3,5,4] [2,3,5,4]", "y = Mul(x, z)", MSE},
    {"Mul by gates", "[2,3,5,4] [2,3,1,1]", "y = Mul(x, z)", MSE},
    {"Mul by itself", "[2,3,5,4]", "y = Mul(x, x)", MSE},
    {"Mul of a scalar", "[] [7,3]", "y = Mul(x, z)", MSE},
    {"Div", "[2,3,5,4] [2,3,5,4]", "e = Exp(z)\ny = Div(x, e)", MSE},
    {"Div by channels", "[2,3,5,4] [3,1,1]", "e = Exp(z)\ny = Div(x, e)", MSE},
    {"Div of a row", "[4] [2,3,5,4]", "e = Exp(z)\ny = Div(x, e)", MSE},
    {"Pow", "[2,3,5,4] [2,3,5,4]", "e = Exp(x)\ny = Pow(e, z)", MSE},
    {"Pow of channels", "[2,3,5,4] [3,1,1]", "e = Exp(x)\ny = Pow(e, z)", MSE},
    {"Pow of a scalar", "[] [2,3]", "e = Exp(x)\ny = Pow(e, z)", MSE},
    {"a square", "[2,3,5,4]", "const two f32(2.0)\ny = Pow(x, two)", MSE},
    {"Max", "[2,3,5,4] [2,3,5,4]", "y = Max(x, z)", MSE},
    {"Max with a constant", "[2,3,5,4] [3,1,1]", "const c f32(0.1)\ny = Max(x, c, z)", MSE},
    {"Max of one", "[5]", "y = Max(x)", MSE},
    {"Min", "[2,3,5,4] [3,1,1]", "y = Min(x, z)", MSE},
    {"Sum", "[2,3,5,4] [3,1,1]", "const c f32[4]\ny = Sum(x, c, z, x)", MSE},
    {"Sum of one", "[5]", "y = Sum(x)", MSE},
    {"Sum of ten", "[3,4] [4]", "y = Sum(x, z, x, z, x, z, x, z, x, z)", MSE},

    {"cross-entropy", "[5,7]", "const c f32(1.0)\ny = Mul(x, c)", STOA_LOSS_CROSS_ENTROPY},
    {"cross-entropy, smoothed", "[5,7]", "y = Mul(x, x)", STOA_LOSS_CROSS_ENTROPY, .label_smoothing = 0.1},
    {"cross-entropy behind Softmax", "[5,7]", "s = Tanh(x)\ny = Softmax(s)", STOA_LOSS_CROSS_ENTROPY},
    {"cross-entropy of one class", "[3,1]", "y = Tanh(x)", STOA_LOSS_CROSS_ENTROPY},
    {"hinge", "[5,7]", "const c f32(1.0)\ny = Mul(x, c)", STOA_LOSS_HINGE},
    {"hinge with a margin", "[5,7]", "y = Tanh(x)", STOA_LOSS_HINGE, .margin = 0.3},
    {"binary cross-entropy", "[5,7]", "const c f32(1.0)\ny = Mul(x, c)", STOA_LOSS_BINARY_CROSS_ENTROPY},
    {"binary cross-entropy of images", "[2,3,5,4]", "y = Mul(x, x)", STOA_LOSS_BINARY_CROSS_ENTROPY},
    {"binary cross-entropy behind Sigmoid", "[5,1]", "s = Tanh(x)\ny = Sigmoid(s)", STOA_LOSS_BINARY_CROSS_ENTROPY},
    {"mean squares of a scalar", "[]", "y = Tanh(x)", MSE},
};

Test(train, elementwise_gradients_are_derivatives)
{
    gradient_rows_check(rows, sizeof rows / sizeof *rows);
}
