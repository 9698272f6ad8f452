/* Gradients over many shapes, and that no operator is forgotten. A mean squared error behind each net makes every
 * element of its output count, and each differently. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stoa/build.h>
#include <stoa/gradient.h>
#include <string.h>

#include "base/random.h"
#include "ops/op.h"
#include "support/net.h"
#include "train/gradient_rows.h"

struct row {
    const char *name, *net;
};

static void check(const struct row *row)
{
    gradient_net_check(row->name, row->net, &(struct gradient_row){.loss = STOA_LOSS_MEAN_SQUARED}, 3);
}

#define CHECK_ALL(rows)                                                                                                \
    for (size_t row_ = 0; row_ < sizeof(rows) / sizeof *(rows); row_++)                                                \
    check(&(rows)[row_])

/* Functions of one element; where they are defined for positive numbers alone, behind an Exp. */
static const char *const functions[] = {"Relu",
                                        "LeakyRelu",
                                        "LeakyRelu?alpha=0.3",
                                        "Elu",
                                        "Elu?alpha=0.5",
                                        "Selu",
                                        "Sigmoid",
                                        "Tanh",
                                        "HardSigmoid",
                                        "HardSigmoid?alpha=0.3 beta=0.4",
                                        "Softplus",
                                        "Exp",
                                        "Sqrt",
                                        "HardSwish@14",
                                        "Celu",
                                        "Mish",
                                        "Swish@24?alpha=1.5",
                                        "Erf",
                                        "Log",
                                        "Neg",
                                        "Reciprocal",
                                        "Softsign",
                                        "Sin",
                                        "Cosh",
                                        "Identity"};
static bool needs_positive(const char *type)
{
    return strcmp(type, "Sqrt") == 0 || strcmp(type, "Log") == 0 || strcmp(type, "Reciprocal") == 0;
}

static const char *const function_dims[] = {"1", "7", "2,3", "3,5,2", "1,1,1,1", "2,3,5,7", "2,16,4,3", "1,17,3,9"};

Test(train, gradients_of_functions)
{
    for (size_t f = 0; f < sizeof functions / sizeof *functions; f++)
        for (size_t d = 0; d < sizeof function_dims / sizeof *function_dims; d++) {
            char type[64], name[128], net[512];
            snprintf(type, sizeof type, "%s", functions[f]);
            char *attributes = strchr(type, '?');
            if (attributes)
                *attributes++ = '\0';
            snprintf(name, sizeof name, "%s of [%s]", functions[f], function_dims[d]);
            snprintf(net, sizeof net, "input x f32[%s]\np = Exp(x)\ny = %s(%s) %s\noutput y\n", function_dims[d], type,
                     needs_positive(type) ? "p" : "x", attributes ? attributes : "");
            check(&(struct row){name, net});
        }
}

/* Pairs of dims that broadcast. */
static const char *const pairs[][2] = {
    {"5", "5"},
    {"2,3", "2,3"},
    {"2,3", "3"},
    {"2,3", "2,1"},
    {"1,3", "2,1"},
    {"2,3,4,5", "2,3,4,5"},
    {"2,3,4,5", "3,1,1"},
    {"2,3,4,5", "1,3,1,1"},
    {"2,3,4,5", "2,1,4,1"},
    {"2,3,4,5", "1"},
    {"3,1,1", "2,3,4,5"},
    {"2,17,3,3", "1,17,1,1"},
    {"2,1,4,5", "2,3,4,5"},
    {"2,8,1,1", "2,8,6,5"},
};
static const char *const binaries[] = {"Add", "Sub", "Mul", "Div", "Pow", "Max", "Min", "Sum"};

Test(train, gradients_of_arithmetic)
{
    for (size_t b = 0; b < sizeof binaries / sizeof *binaries; b++)
        for (size_t p = 0; p < sizeof pairs / sizeof *pairs; p++) {
            char name[128], net[512];
            /* What is divided by, or raised, is away from 0. */
            int divides = strcmp(binaries[b], "Div") == 0, raises = strcmp(binaries[b], "Pow") == 0;
            snprintf(name, sizeof name, "%s of [%s] and [%s]", binaries[b], pairs[p][0], pairs[p][1]);
            snprintf(net, sizeof net,
                     "input a f32[%s]\ninput b f32[%s]\nea = Exp(a)\neb = Exp(b)\ny = %s(%s, %s)\noutput y\n",
                     pairs[p][0], pairs[p][1], binaries[b], raises ? "ea" : "a", divides ? "eb" : "b");
            check(&(struct row){name, net});
        }
}

static size_t pick(struct random *random, size_t least, size_t most)
{
    return (size_t)stoa_random_int(random, (int64_t)least, (int64_t)most);
}

/* A convolution of random shape, or false where it would have no output. */
static bool random_convolution(struct random *random, bool transposed, size_t size, char *net)
{
    size_t N = pick(random, 1, 3), groups = pick(random, 1, 3), in = pick(random, 1, 6), out = pick(random, 1, 6);
    size_t H = pick(random, 1, 9), W = pick(random, 1, 9), k[2], s[2], d[2], p[4];
    if (pick(random, 0, 4) == 0) { /* depthwise */
        groups = pick(random, 1, 19);
        in = out = 1;
    }
    bool bias = pick(random, 0, 1);
    for (size_t i = 0; i < 2; i++) {
        k[i] = pick(random, 1, 5);
        s[i] = pick(random, 1, 3);
        d[i] = pick(random, 1, 2);
    }
    for (size_t i = 0; i < 4; i++)
        p[i] = pick(random, 0, 2);
    for (size_t i = 0; i < 2; i++) {
        size_t reach = d[i] * (k[i] - 1) + 1, at = i ? W : H;
        if (transposed ? (at - 1) * s[i] + reach <= p[i] + p[i + 2] : at + p[i] + p[i + 2] < reach)
            return false;
    }
    snprintf(net, size,
             "input x f32[%zu,%zu,%zu,%zu]\nconst w f32[%zu,%zu,%zu,%zu]\nconst b f32[%zu]\n"
             "y = %s(x, w%s) group=%zu strides=[%zu,%zu] dilations=[%zu,%zu] pads=[%zu,%zu,%zu,%zu]\noutput y\n",
             N, groups * in, H, W, groups * (transposed ? in : out), transposed ? out : in, k[0], k[1], groups * out,
             transposed ? "ConvTranspose" : "Conv", bias ? ", b" : "", groups, s[0], s[1], d[0], d[1], p[0], p[1], p[2],
             p[3]);
    return true;
}

Test(train, gradients_of_convolutions)
{
    for (unsigned transposed = 0; transposed < 2; transposed++)
        for (unsigned seed = 0, done = 0; done < 150; seed++) {
            struct random random = {.state = seed * 2 + transposed};
            char net[512];
            if (!random_convolution(&random, transposed, sizeof net, net))
                continue;
            check(&(struct row){net, net});
            done++;
        }
}

static const struct row convolutions[] = {
    {"3x3 of many channels, which Winograd may take",
     "input x f32[2,33,14,13]\nconst w f32[34,33,3,3]\ny = Conv(x, w) pads=[1,1,1,1]\noutput y\n"},
    {"5x5 of many channels",
     "input x f32[1,32,12,11]\nconst w f32[32,32,5,5]\ny = Conv(x, w) pads=[2,2,2,2]\noutput y\n"},
    {"7x7 stem", "input x f32[1,3,19,18]\nconst w f32[17,3,7,7]\nconst b f32[17]\ny = Conv(x, w, b) strides=[2,2] "
                 "pads=[3,3,3,3]\noutput y\n"},
    {"1x1, stride 2", "input x f32[2,31,7,8]\nconst w f32[19,31,1,1]\ny = Conv(x, w) strides=[2,2]\noutput y\n"},
    {"SAME_LOWER",
     "input x f32[2,5,7,8]\nconst w f32[3,5,4,3]\ny = Conv(x, w) strides=[2,1] auto_pad='SAME_LOWER'\noutput y\n"},
    {"a residual block",
     "input x f32[2,8,6,5]\nconst v f32[8,8,3,3]\nconst w f32[8,8,3,3]\na = Conv(x, v) pads=[1,1,1,1]\nr = Relu(a)\nb "
     "= Conv(r, w) pads=[1,1,1,1]\ns = Add(b, x)\ny = Relu(s)\noutput y\n"},
    {"shared weights", "input x f32[2,4,6,5]\nconst w f32[4,4,3,3]\na = Conv(x, w) pads=[1,1,1,1]\nb = Sigmoid(a)\ny = "
                       "Conv(b, w) pads=[1,1,1,1]\noutput y\n"},
    {"two branches joined",
     "input x f32[2,16,5,5]\nconst v f32[16,16,1,1]\nconst w f32[18,16,3,3]\na = Conv(x, v)\nb = Conv(x, w) "
     "pads=[1,1,1,1]\nc = Relu(a)\nd = Relu(b)\ny = Concat(c, d) axis=1\noutput y\n"},
};

Test(train, gradients_of_notable_convolutions)
{
    CHECK_ALL(convolutions);
}

/* Nothing is left out in silence: an operator either passes gradients, or has none to pass. */
Test(train, every_operator_says_whether_gradients_pass)
{
    /* clang-format off */
    /* clang-format off */
    /* clang-format off */
    /* clang-format off */
    static const char *const without[] = {
        "AffineGrid",
        "And",
        "ArgMax",
        "ArgMin",
        "BitShift",
        "Ceil",
        "CenterCropPad",
        "Col2Im",
        "Compress",
        "ConstantOfShape",
        "DequantizeLinear",
        "Det",
        "DynamicQuantizeLinear",
        "Equal",
        "EyeLike",
        "Floor",
        "GRU",
        "GlobalLpPool",
        "Greater",
        "GreaterOrEqual",
        "GridSample",
        "Hardmax",
        "If",
        "IsInf",
        "IsNaN",
        "LSTM",
        "Less",
        "LessOrEqual",
        "LpNormalization",
        "LpPool",
        "MeanVarianceNormalization",
        "Mod",
        "NegativeLogLikelihoodLoss",
        "NonMaxSuppression",
        "NonZero",
        "Not",
        "OneHot",
        "Or",
        "QuantizeLinear",
        "RMSNormalization",
        "RNN",
        "Range",
        "ReduceProd",
        "RoiAlign",
        "Round",
        "Shape",
        "Sign",
        "Size",
        "SoftmaxCrossEntropyLoss",
        "TopK",
        "Unique",
        "Xor",
    };
    /* clang-format on */
    for (const struct op *const *op = stoa_op_table; *op; op++) {
        bool expected = true;
        if ((*op)->until && (*op)->until < 7) /* those of old serve inference */
            continue;
        for (size_t i = 0; i < sizeof without / sizeof *without; i++)
            expected &= strcmp((*op)->type, without[i]) != 0;
        cr_expect(((*op)->gradient_count > 0 || (*op)->training) == expected, "%s, opset %d", (*op)->type,
                  (*op)->since);
    }
}

/* With thousands of units some are always near Relu's kink, each too little of the whole to be seen in a quotient. */
Test(train, gradients_of_ready_made_nets)
{
    static const char *const names[] = {"lenet5", "vgg_small"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct stoa_model *model;
        struct stoa_error error = {0};
        cr_assert(stoa_net_create(names[i],
                                  &(struct stoa_net_options){.classes = 3, .channels = 1, .height = 12, .width = 12},
                                  &error, &model) == STOA_OK,
                  "%s: %s", names[i], error.message);
        const struct stoa_input_spec input = {.name = "input", .rank = 4, .dims = {2, 1, 12, 12}};
        const struct stoa_session_options session = {.inputs = &input, .input_count = 1};
        const struct stoa_gradient_options options = {.session = &session, .samples = 2, .inputs = 1};
        cr_expect(stoa_gradient_check(model, &options, &error) == STOA_OK, "%s: %s", names[i], error.message);
        stoa_model_free(model);
    }
}

/* Where no gradient reaches an operator's first operand, its backward pass has no first output. */
static const struct {
    const char *name, *net, *frozen;
} alone[] = {
    {"Conv's bias", "input x f32[2,3,5,4]\nconst w f32[4,3,3,2]\nconst b f32[4]\ny = Conv(x, w, b)\noutput y\n", "w"},
    {"that of a signal", "input x f32[2,3,9]\nconst w f32[4,3,3]\nconst b f32[4]\ny = Conv(x, w, b)\noutput y\n", "w"},
    {"that of a volume",
     "input x f32[1,2,3,4,3]\nconst w f32[3,2,2,2,2]\nconst b f32[3]\ny = Conv(x, w, b)\noutput y\n", "w"},
    {"that of weights that are computed",
     "input x f32[2,3,5,4]\nconst w f32[4,3,3,2]\nconst b f32[4]\nv = Neg(w)\ny = Conv(x, v, b)\noutput y\n", "w"},
    {"ConvTranspose's bias",
     "input x f32[2,3,4,3]\nconst w f32[3,4,3,2]\nconst b f32[4]\ny = ConvTranspose(x, w, b) strides=[2,1]\noutput y\n",
     "w"},
    {"LayerNormalization's scale and bias",
     "input x f32[5,7]\nconst s f32[7]\nconst b f32[7]\ny = LayerNormalization@17(x, s, b)\noutput y\n", NULL},
    {"its bias", "input x f32[5,7]\nconst s f32[7]\nconst b f32[7]\ny = LayerNormalization@17(x, s, b)\noutput y\n",
     "s"},
    {"GroupNormalization's scale and bias",
     "input x f32[2,6,3,2]\nconst s f32[6]\nconst b f32[6]\n"
     "y = GroupNormalization@21(x, s, b) num_groups=3\noutput y\n",
     NULL},
    {"Sum's second", "input x f32[3,4]\nconst w f32[4,4]\nm = MatMul(x, w)\ny = Sum(x, m, m)\noutput y\n", NULL},
    {"Mean's second", "input x f32[3,4]\nconst w f32[4,4]\nm = MatMul(x, w)\ny = Mean(x, m)\noutput y\n", NULL},
    {"Max's second", "input x f32[3,4]\nconst w f32[4,4]\nm = MatMul(x, w)\ny = Max(x, m)\noutput y\n", NULL},
    {"Min's second", "input x f32[3,4]\nconst w f32[4,4]\nm = MatMul(x, w)\ny = Min(x, m)\noutput y\n", NULL},
};

Test(train, gradients_of_all_but_the_first)
{
    for (size_t i = 0; i < sizeof alone / sizeof *alone; i++) {
        struct net net;
        struct stoa_error error = {0};
        net_build(&net, alone[i].net, NULL);
        const struct stoa_gradient_options options = {
            .loss = STOA_LOSS_MEAN_SQUARED, .frozen = &alone[i].frozen, .frozen_count = alone[i].frozen != NULL};
        cr_expect(stoa_gradient_check(net.model, &options, &error) == STOA_OK, "%s: %s", alone[i].name, error.message);
        net_free(&net);
    }
}

Test(train, tolerances_that_are_none_are_refused)
{
    static const double tolerances[] = {NAN, -1e-3};
    struct net net;
    net_build(&net, "input x f32[3,4]\nconst w f32[4,4]\ny = MatMul(x, w)\noutput y\n", NULL);
    for (size_t i = 0; i < sizeof tolerances / sizeof *tolerances; i++) {
        struct stoa_error error = {0};
        const struct stoa_gradient_options options = {.loss = STOA_LOSS_MEAN_SQUARED, .tolerance = tolerances[i]};
        cr_expect(stoa_gradient_check(net.model, &options, &error) == STOA_ERROR_ARGUMENT &&
                      strstr(error.message, "options.tolerance is"),
                  "%g: %s", tolerances[i], error.message);
    }
    net_free(&net);
}
