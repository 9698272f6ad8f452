/* RNN, GRU and LSTM: every attribute, input and output, over sizes that fill vectors and such that do not. */
#include <criterion/criterion.h>
#include <stdint.h>
#include <string.h>

#include "base/tensor.h"
#include "ops/op.h"
#include "support/op_check.h"

static const struct op_row rnn_rows[] = {
    {"forward", "RNN", 14, "hidden_size=11", "f32[5,3,7] !f32[1,11,7] !f32[1,11,11] !f32[1,22]", 2},
    {"no bias", "RNN", 7, "hidden_size=11", "f32[5,3,7] !f32[1,11,7] !f32[1,11,11]", 2},
    {"weights of the run", "RNN", 7, "hidden_size=11", "f32[5,3,7] f32[1,11,7] f32[1,11,11] f32[1,22]", 2},
    {"hidden_size as R has it", "RNN", 7, "", "f32[5,3,7] !f32[1,11,7] !f32[1,11,11]", 2},
    {"one step, one sequence", "RNN", 14, "", "f32[1,1,1] !f32[1,1,1] !f32[1,1,1] !f32[1,2]", 2},
    {"one sequence", "RNN", 14, "", "f32[13,1,17] !f32[1,64,17] !f32[1,64,64] !f32[1,128] - f32[1,1,64]", 2},
    {"reverse", "RNN", 14, "direction='reverse'", "f32[5,3,7] !f32[1,11,7] !f32[1,11,11] !f32[1,22]", 2},
    {"both ways", "RNN", 14, "direction='bidirectional'",
     "f32[5,3,7] !f32[2,11,7] !f32[2,11,11] !f32[2,22] - f32[2,3,11]", 2},
    {"both ways, batch first", "RNN", 14, "direction='bidirectional' layout=1",
     "f32[3,5,7] !f32[2,11,7] !f32[2,11,11] !f32[2,22] - f32[3,2,11]", 2},
    {"lengths", "RNN", 14, "direction='bidirectional'",
     "f32[6,4,7] !f32[2,11,7] !f32[2,11,11] !f32[2,22] i32{3,0,6,1} f32[2,4,11]", 2},
    {"17 sequences, lengths", "RNN", 14, "direction='bidirectional'",
     "f32[4,17,5] !f32[2,37,5] !f32[2,37,37] - i32{4,3,2,1,0,4,3,2,1,0,0,0,0,0,0,0,4} f32[2,17,37]", 2},
    {"the state alone", "RNN", 14, "", "f32[5,3,7] !f32[1,11,7] !f32[1,11,11]", 2, 1},
    {"Y alone", "RNN", 14, "", "f32[5,3,7] !f32[1,11,7] !f32[1,11,11]", 1},
    {"clip", "RNN", 14, "clip=0.25", "f32[5,3,7] !f32[1,11,7] !f32[1,11,11] !f32[1,22]", 2},
    {"Relu", "RNN", 14, "activations=['Relu']", "f32[5,3,7] !f32[1,11,7] !f32[1,11,11]", 2},
    {"Affine", "RNN", 14, "activations=['Affine'] activation_alpha=[0.1] activation_beta=[0.3]",
     "f32[5,3,7] !f32[1,11,7] !f32[1,11,11]", 2},
    {"Affine of defaults", "RNN", 14, "activations=['Affine']", "f32[2,3,7] !f32[1,11,7] !f32[1,11,11]", 2},
    {"ScaledTanh", "RNN", 14, "activations=['ScaledTanh'] activation_alpha=[1.5] activation_beta=[0.3]",
     "f32[5,3,7] !f32[1,11,7] !f32[1,11,11]", 2},
    {"Elu", "RNN", 14, "activations=['Elu'] activation_alpha=[0.5]", "f32[3,3,7] !f32[1,11,7] !f32[1,11,11]", 2},
    {"Softsign", "RNN", 14, "activations=['Softsign']", "f32[5,3,7] !f32[1,11,7] !f32[1,11,11]", 2},
    {"Softplus", "RNN", 14, "activations=['Softplus']", "f32[3,3,7] !f32[1,11,7] !f32[1,11,11]", 2},
    {"LeakyRelu and HardSigmoid", "RNN", 14,
     "direction='bidirectional' activations=['LeakyRelu','HardSigmoid'] activation_alpha=[0.05,0.3] "
     "activation_beta=[0.4]",
     "f32[3,3,7] !f32[2,11,7] !f32[2,11,11]", 2},
    {"HardSigmoid of defaults", "RNN", 14, "activations=['HardSigmoid']", "f32[5,3,7] !f32[1,11,7] !f32[1,11,11]", 2},
    {"ThresholdedRelu", "RNN", 14, "activations=['ThresholdedRelu'] activation_alpha=[0.25]",
     "f32[2,3,7] !f32[1,11,7] !f32[1,11,11]", 2},
    {"many steps", "RNN", 14, "", "f32[3000,1,2] !f32[1,3,2] !f32[1,3,3] !f32[1,6]", 2},
    {"infinities and NaN", "RNN", 14, "", "f32[2,3,1]{inf,-inf,nan,1,2,3} !f32[1,3,1] !f32[1,3,3]", 2},
    {"no steps", "RNN", 14, "direction='bidirectional'",
     "f32[0,3,7] !f32[2,11,7] !f32[2,11,11] !f32[2,22] - f32[2,3,11]", 2},
    {"no sequences", "RNN", 14, "", "f32[5,0,7] !f32[1,11,7] !f32[1,11,11] !f32[1,22]", 2},
    {"nothing to see", "RNN", 14, "", "f32[5,3,0] !f32[1,11,0] !f32[1,11,11] !f32[1,22]", 2},
};

static const struct op_row gru_rows[] = {
    {"forward", "GRU", 14, "hidden_size=11", "f32[5,3,7] !f32[1,33,7] !f32[1,33,11] !f32[1,66]", 2},
    {"no bias", "GRU", 7, "", "f32[5,3,7] !f32[1,33,7] !f32[1,33,11]", 2},
    {"reset late", "GRU", 14, "linear_before_reset=1", "f32[5,3,7] !f32[1,33,7] !f32[1,33,11] !f32[1,66]", 2},
    {"reset late, no bias", "GRU", 14, "linear_before_reset=1", "f32[5,3,7] !f32[1,33,7] !f32[1,33,11]", 2},
    {"reset late, one sequence", "GRU", 14, "linear_before_reset=1 direction='reverse'",
     "f32[5,1,7] f32[1,96,7] f32[1,96,32] f32[1,192] - f32[1,1,32]", 2},
    {"one sequence", "GRU", 14, "direction='bidirectional'",
     "f32[13,1,17] !f32[2,96,17] !f32[2,96,32] !f32[2,192] - f32[2,1,32]", 2},
    {"lengths", "GRU", 14, "direction='bidirectional'",
     "f32[6,4,7] !f32[2,33,7] !f32[2,33,11] !f32[2,66] i32{3,0,6,1} f32[2,4,11]", 2},
    {"lengths, reset late, clip, batch first", "GRU", 14,
     "direction='bidirectional' linear_before_reset=1 clip=0.5 layout=1",
     "f32[4,6,7] !f32[2,33,7] !f32[2,33,11] !f32[2,66] i32{3,0,6,1} f32[4,2,11]", 2},
    {"19 sequences", "GRU", 14, "", "f32[3,19,5] !f32[1,39,5] !f32[1,39,13] !f32[1,78]", 2},
    {"19 sequences, reset late", "GRU", 14, "linear_before_reset=1",
     "f32[3,19,5] !f32[1,39,5] !f32[1,39,13] !f32[1,78]", 2},
    {"the state alone", "GRU", 14, "clip=0.25", "f32[5,3,7] !f32[1,33,7] !f32[1,33,11] !f32[1,66]", 2, 1},
    {"functions", "GRU", 14,
     "activations=['HardSigmoid','ScaledTanh'] activation_alpha=[0.3,0.9] activation_beta=[0.4]",
     "f32[5,3,7] !f32[1,33,7] !f32[1,33,11] !f32[1,66]", 2},
    {"functions both ways", "GRU", 14,
     "activations=['Sigmoid','Softsign','HardSigmoid','Tanh'] direction='bidirectional' linear_before_reset=1",
     "f32[5,3,7] !f32[2,33,7] !f32[2,33,11] !f32[2,66]", 2},
};

static const struct op_row lstm_rows[] = {
    {"forward", "LSTM", 14, "hidden_size=11", "f32[5,3,7] !f32[1,44,7] !f32[1,44,11] !f32[1,88]", 3},
    {"no bias", "LSTM", 7, "", "f32[5,3,7] !f32[1,44,7] !f32[1,44,11]", 3},
    {"states", "LSTM", 7, "direction='reverse'",
     "f32[5,3,7] !f32[1,44,7] !f32[1,44,11] !f32[1,88] - f32[1,3,11] f32[1,3,11]", 3},
    {"a cell's state alone", "LSTM", 7, "", "f32[5,3,7] !f32[1,44,7] !f32[1,44,11] - - - f32[1,3,11]", 3},
    {"one sequence, one way", "LSTM", 14, "", "f32[7,1,17] !f32[1,1024,17] !f32[1,1024,256] !f32[1,2048]", 3},
    {"one sequence", "LSTM", 14, "direction='bidirectional'",
     "f32[13,1,17] !f32[2,128,17] !f32[2,128,32] !f32[2,256] - f32[2,1,32] f32[2,1,32]", 3},
    {"peepholes", "LSTM", 14, "direction='bidirectional'",
     "f32[5,3,7] !f32[2,44,7] !f32[2,44,11] !f32[2,88] - f32[2,3,11] f32[2,3,11] !f32[2,33]", 3},
    {"peepholes, input and forget coupled, clip", "LSTM", 14, "input_forget=1 clip=0.5",
     "f32[5,3,7] !f32[1,44,7] !f32[1,44,11] !f32[1,88] - f32[1,3,11] f32[1,3,11] f32[1,33]", 3},
    {"coupled", "LSTM", 14, "input_forget=1", "f32[5,3,7] !f32[1,44,7] !f32[1,44,11] !f32[1,88]", 3},
    {"lengths", "LSTM", 14, "direction='bidirectional'",
     "f32[6,4,7] !f32[2,44,7] !f32[2,44,11] !f32[2,88] i32{3,0,6,1} f32[2,4,11] f32[2,4,11]", 3},
    {"lengths, batch first", "LSTM", 14, "direction='bidirectional' layout=1",
     "f32[4,6,7] !f32[2,44,7] !f32[2,44,11] !f32[2,88] i32{0,0,5,1} f32[4,2,11] f32[4,2,11] f32[2,33]", 3},
    {"23 sequences", "LSTM", 14, "direction='bidirectional'",
     "f32[3,23,5] !f32[2,52,5] !f32[2,52,13] !f32[2,104] - f32[2,23,13]", 3},
    {"the cell's state alone", "LSTM", 14, "", "f32[5,3,7] !f32[1,44,7] !f32[1,44,11] !f32[1,88]", 3, 3},
    {"Y and the cell's state", "LSTM", 14, "", "f32[5,3,7] !f32[1,44,7] !f32[1,44,11] !f32[1,88]", 3, 2},
    {"functions", "LSTM", 14, "activations=['HardSigmoid','Softsign','ScaledTanh'] activation_beta=[0.4,0.7]",
     "f32[5,3,7] !f32[1,44,7] !f32[1,44,11] !f32[1,88]", 3},
    {"many steps", "LSTM", 14, "", "f32[3000,1,2] !f32[1,12,2] !f32[1,12,3] !f32[1,24]", 3},
    {"no steps", "LSTM", 14, "direction='bidirectional'",
     "f32[0,3,7] !f32[2,44,7] !f32[2,44,11] !f32[2,88] - f32[2,3,11] f32[2,3,11]", 3},
};

#define X_W_R "f32[5,3,7] f32[1,11,7] f32[1,11,11] "
static const struct op_refusal refused[] = {
    {{"X of rank 2", "RNN", 14, "", "f32[5,3] f32[1,11,7] f32[1,11,11]"},
     STOA_ERROR_SHAPE,
     "input X has dims [5,3], must have rank 3"},
    {{"R of rank 2", "RNN", 14, "", "f32[5,3,7] f32[1,11,7] f32[11,11]"}, STOA_ERROR_SHAPE, "input R has dims [11,11]"},
    {{"X of int64", "RNN", 14, "", "i64[1,1,1]{2} f32[1,11,1] f32[1,11,11]"},
     STOA_ERROR_UNSUPPORTED,
     "input X is of type int64"},
    {{"W of another size", "LSTM", 14, "", "f32[5,3,7] f32[1,44,6] f32[1,44,11]"},
     STOA_ERROR_SHAPE,
     "input W has dims [1,44,6], must have rank 3 and dims [1,44,7]"},
    {{"W of a gate less", "LSTM", 14, "", "f32[5,3,7] f32[1,33,7] f32[1,44,11]"},
     STOA_ERROR_SHAPE,
     "input W has dims [1,33,7], must have rank 3 and dims [1,44,7]"},
    {{"W of one direction", "GRU", 14, "direction='bidirectional'", "f32[5,3,7] f32[1,33,7] f32[2,33,11]"},
     STOA_ERROR_SHAPE,
     "input W has dims [1,33,7], must have rank 3 and dims [2,33,7]"},
    {{"R of another size", "RNN", 14, "", "f32[5,3,7] f32[1,11,7] f32[1,12,11]"},
     STOA_ERROR_SHAPE,
     "input R has dims [1,12,11], must have rank 3 and dims [1,11,11]"},
    {{"R of no size", "RNN", 14, "", "f32[5,3,7] f32[1,0,7] f32[1,0,0]"}, STOA_ERROR_SHAPE, "a hidden size of 0"},
    {{"another hidden_size", "RNN", 14, "hidden_size=12", X_W_R},
     STOA_ERROR_SHAPE,
     "input W has dims [1,11,7], must have rank 3 and dims [1,12,7]"},
    {{"hidden_size 0", "RNN", 14, "hidden_size=0", X_W_R}, STOA_ERROR_ATTRIBUTE, "hidden_size is 0"},
    {{"huge hidden_size", "RNN", 14, "hidden_size=4611686018427387904", X_W_R},
     STOA_ERROR_ATTRIBUTE,
     "hidden_size is 4611686018427387904"},
    {{"large hidden_size", "LSTM", 14, "hidden_size=2147483647", "f32[5,3,7] f32[1,44,7] f32[1,44,11]"},
     STOA_ERROR_SHAPE,
     "must have rank 3 and dims [1,8589934588,7]"},
    {{"B of W alone", "RNN", 14, "", X_W_R "f32[1,11]"},
     STOA_ERROR_SHAPE,
     "input B has dims [1,11], must have rank 2 and dims [1,22]"},
    {{"lengths of more", "RNN", 14, "", X_W_R "- i32{1,2,3,4}"}, STOA_ERROR_SHAPE, "input sequence_lens has dims [4]"},
    {{"lengths of float", "RNN", 14, "", X_W_R "- f32{1,2,3}"},
     STOA_ERROR_GRAPH,
     "input sequence_lens is of type float"},
    {{"a length beyond", "RNN", 14, "", X_W_R "- i32{1,6,3}"},
     STOA_ERROR_DATA,
     "sequence_lens[1] is 6, must be in [0, 5]"},
    {{"a length below", "GRU", 14, "", "f32[5,3,7] f32[1,33,7] f32[1,33,11] - i32{1,2,-1}"},
     STOA_ERROR_DATA,
     "sequence_lens[2] is -1"},
    {{"a length beyond, batch first", "RNN", 14, "layout=1", "f32[3,5,7] f32[1,11,7] f32[1,11,11] - i32{1,6,3}"},
     STOA_ERROR_DATA,
     "must be in [0, 5]"},
    {{"initial_h of one more", "RNN", 14, "", X_W_R "- - f32[1,4,11]"},
     STOA_ERROR_SHAPE,
     "input initial_h has dims [1,4,11], must have rank 3 and dims [1,3,11]"},
    {{"initial_h not batch first", "RNN", 14, "layout=1", "f32[3,5,7] f32[1,11,7] f32[1,11,11] - - f32[1,3,11]"},
     STOA_ERROR_SHAPE,
     "must have rank 3 and dims [3,1,11]"},
    {{"initial_c", "LSTM", 14, "", "f32[5,3,7] f32[1,44,7] f32[1,44,11] - - - f32[3,11]"},
     STOA_ERROR_SHAPE,
     "input initial_c has dims [3,11], must have rank 3 and dims [1,3,11]"},
    {{"P", "LSTM", 14, "", "f32[5,3,7] f32[1,44,7] f32[1,44,11] - - - - f32[1,44]"},
     STOA_ERROR_SHAPE,
     "input P has dims [1,44], must have rank 2 and dims [1,33]"},
    {{"a direction", "RNN", 14, "direction='backward'", X_W_R}, STOA_ERROR_ATTRIBUTE, "direction is \"backward\""},
    {{"a function", "RNN", 14, "activations=['Gelu']", X_W_R}, STOA_ERROR_UNSUPPORTED, "activations[0] is \"Gelu\""},
    {{"functions of one direction", "GRU", 14, "direction='bidirectional' activations=['Sigmoid','Tanh']",
      "f32[5,3,7] f32[2,33,7] f32[2,33,11]"},
     STOA_ERROR_ATTRIBUTE,
     "activations has 2 values, must have 4"},
    {{"functions of both", "RNN", 14, "activations=['Tanh','Tanh']", X_W_R},
     STOA_ERROR_ATTRIBUTE,
     "activations has 2 values, at most 1"},
    {{"alphas", "RNN", 14, "activation_alpha=[0.1,0.2]", X_W_R}, STOA_ERROR_ATTRIBUTE, "activation_alpha has 2 values"},
    {{"alpha NaN", "RNN", 14, "activation_alpha=[nan]", X_W_R}, STOA_ERROR_ATTRIBUTE, "activation_alpha[0] is NaN"},
    {{"clip 0", "RNN", 14, "clip=0.0", X_W_R}, STOA_ERROR_ATTRIBUTE, "clip is 0"},
    {{"clip below", "RNN", 14, "clip=-1.0", X_W_R}, STOA_ERROR_ATTRIBUTE, "clip is -1"},
    {{"layout before 14", "RNN", 13, "layout=1", X_W_R}, STOA_ERROR_ATTRIBUTE, "attribute layout is not one"},
    {{"layout 2", "RNN", 14, "layout=2", X_W_R}, STOA_ERROR_ATTRIBUTE, "layout is 2"},
    {{"input_forget of GRU", "GRU", 14, "input_forget=1", "f32[5,3,7] f32[1,33,7] f32[1,33,11]"},
     STOA_ERROR_ATTRIBUTE,
     "input_forget is not one"},
};

Test(recurrent, rnn)
{
    for (size_t i = 0; i < COUNT(rnn_rows); i++)
        op_check(&rnn_rows[i]);
}

Test(recurrent, gru)
{
    for (size_t i = 0; i < COUNT(gru_rows); i++)
        op_check(&gru_rows[i]);
}

Test(recurrent, lstm)
{
    for (size_t i = 0; i < COUNT(lstm_rows); i++)
        op_check(&lstm_rows[i]);
}

Test(recurrent, refused)
{
    for (size_t i = 0; i < COUNT(refused); i++)
        op_check_refused(&refused[i]);
}

/* What no memory could hold is refused before anything is made of it. */
Test(recurrent, gates_beyond_memory_are_refused)
{
    struct stoa_tensor inputs[3] = {{.dtype = STOA_FLOAT, .rank = 3, .dims = {INT32_MAX, 1, 1}},
                                    {.dtype = STOA_FLOAT, .rank = 3, .dims = {2, INT32_MAX, 1}},
                                    {.dtype = STOA_FLOAT, .rank = 3, .dims = {2, INT32_MAX, INT32_MAX}}};
    struct stoa_tensor output = {.dtype = STOA_FLOAT};
    struct stoa_error error = {0};
    struct op_call call = {.input_count = 3, .output_count = 1, .inputs = inputs, .outputs = &output};
    call.op = stoa_op_find("RNN", 14, NULL);
    max_align_t params[64] = {0};
    cr_assert(call.op->params_size <= sizeof params);
    const struct attribute ways = {.name = "direction", .kind = ATTRIBUTE_STRING, .string = "bidirectional"};
    const struct attributes attributes = {.items = &ways, .count = 1};
    struct attribute_reader reader = stoa_reader(&attributes, 14, 3, 1, &error);
    cr_assert(call.op->parse(&reader, params) == STOA_OK, "%s", error.message);
    call.params = params;
    cr_expect(call.op->infer(&call, &error) == STOA_OK, "%s", error.message);
    cr_expect(call.op->prepare(&call, &(struct op_prepare){0}, &error) == STOA_ERROR_LIMIT);
    cr_expect(strstr(error.message, "2147483647 steps"), "%s", error.message);
    inputs[0].dims[1] = SIZE_MAX / 2;
    cr_expect(call.op->infer(&call, &error) == STOA_ERROR_LIMIT);
}
