/* Which inputs decide shapes: what a model says of them, and that sessions want no others. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stoa/stoa.h>
#include <string.h>

#include "support/onnx_net.h"

static const struct {
    const char *name, *text;
    const char *deciding; /* their names, in the order of the inputs */
} rows[] = {
    {"none", "input x f32[2,3]\ny = Relu(x)\noutput y\n", ""},
    {"a shape", "input x f32[2,3]\ninput s i64[2]\ny = Reshape(x, s)\noutput y\n", " s"},
    {"a constant shape", "input x f32[2,3]\nconst s i64{3,2}\ny = Reshape(x, s)\noutput y\n", ""},
    {"through other operators",
     "input x f32[2,3]\ninput s i64[1]\nconst one i64{1}\nt = Add(s, one)\nu = Concat(t, one) axis=0\n"
     "y = Reshape(x, u)\noutput y\n",
     " s"},
    {"what has dims alone read", "input x f32[2,3]\ninput z f32[3,2]\ns = Shape(z)\ny = Reshape(x, s)\noutput y\n", ""},
    {"whole numbers that decide nothing", "input x f32[2,3]\ninput i i64[4]\ny = Gather(x, i)\noutput y\n", ""},
    {"which of the dims",
     "input x f32[2,3]\ninput i i64[2]\ns = Shape(x)\nt = Gather(s, i)\ny = Expand(x, t)\noutput y\n", " i"},
    {"scales", "input x f32[1,1,2,3]\ninput s f32[4]\ny = Resize(x, -, s)\noutput y\n", " s"},
    {"two of four",
     "input x f32[4,5]\ninput from i64[1]\nconst to i64{4}\ninput axes i64[1]\ny = Slice(x, from, to, axes)\noutput "
     "y\n",
     " from axes"},
    {"axes", "input x f32[2,3]\ninput axes i64[1]\ny = ReduceSum(x, axes)\noutput y\n", " axes"},
    {"how much is padded, not with what",
     "input x f32[2]\ninput pads i64[2]\ninput value f32[]\ny = Pad(x, pads, value)\noutput y\n", " pads"},
    {"elements that are counted", "input x f32[2,3]\nr = Relu(x)\ny = NonZero(r)\noutput y\n", " x"},
    {"what nobody needs", "input x f32[2,3]\ninput s i64[2]\nz = Reshape(x, s)\nw = Exp(z)\ny = Relu(x)\noutput y\n",
     ""},
    {"a condition",
     "input x f32[3]\ninput c b[]\ny = If(c) {\nt = Relu(x)\noutput t\n} else {\nt = Exp(x)\noutput t\n}\noutput y\n",
     " c"},
    {"read in a branch",
     "input x f32[2,3]\ninput s i64[2]\nconst c b(1)\ny = If(c) {\nt = Reshape(x, s)\noutput t\n} else {\n"
     "t = Exp(x)\noutput t\n}\noutput y\n",
     " s"},
    {"made by branches",
     "input x f32[2,3]\ninput s i64[2]\ninput t i64[2]\nconst c b(1)\nv = If(c) {\nu = Add(s, s)\noutput u\n} else {\n"
     "u = Mul(t, t)\noutput u\n}\ny = Reshape(x, v)\noutput y\n",
     " s t"},
    {"in a branch of a branch",
     "input x f32[2,3]\ninput s i64[2]\nconst c b(0)\ny = If(c) {\nt = Relu(x)\noutput t\n} else {\n"
     "t = If(c) {\nu = Exp(x)\noutput u\n} else {\nu = Reshape(x, s)\noutput u\n}\noutput t\n}\noutput y\n",
     " s"},
};

Test(decides, sessions_want_the_values_that_the_model_names)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct onnx_writer file = {0};
        struct stoa_error error = {0};
        struct stoa_model *model;
        struct stoa_session *session;
        char deciding[64] = "";
        onnx_net(&file, rows[i].text, 13);
        cr_assert(stoa_model_load_memory(file.data, file.size, NULL, &error, &model) == STOA_OK, "%s: %s", rows[i].name,
                  error.message);
        for (size_t k = 0; k < stoa_model_input_count(model); k++) {
            struct stoa_value_info info;
            cr_assert(stoa_model_input(model, k, &error, &info) == STOA_OK, "%s", error.message);
            if (info.decides_shapes)
                snprintf(deciding + strlen(deciding), sizeof deciding - strlen(deciding), " %s", info.name);
        }
        cr_expect(strcmp(deciding, rows[i].deciding) == 0, "%s:%s decide", rows[i].name, deciding);
        enum stoa_status status = stoa_session_create(model, NULL, &error, &session);
        cr_expect(status == (rows[i].deciding[0] ? STOA_ERROR_UNSUPPORTED : STOA_OK), "%s: %s: %s", rows[i].name,
                  stoa_status_name(status), error.message);
        stoa_session_free(session);
        stoa_model_free(model);
        onnx_free(&file);
    }
}
