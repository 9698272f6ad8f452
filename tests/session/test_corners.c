/* Odd models that are right all the same: nothing to compute, scalars, the highest rank, values known before any run.
 * Each goes the whole way from a file to the comparison with the naive twin, under each lowering. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <stoa/stoa.h>

#include "base/tensor.h"
#include "support/allocator.h"
#include "support/onnx_net.h"

struct corner {
    const char *name, *text;
    const char *dims; /* of output y */
    int opset;        /* 0: 13 */
};

#define OUT "\noutput y\n"
#define EMPTY "input x f32[0,4,8,8]\n"
#define HOLLOW "input x f32[2,3,0,5]\n"
#define RANK_8 "input x f32[2,1,2,1,3,1,2,2]\n"
#define IMAGE "const x f32[2,4,6,6]\n"

static const struct corner corners[] = {
    {"a sum with one addend twice", "input i f32[2,3,5,5]\na = Relu(i)\nb = Tanh(i)\ny = Sum(a, b, a)" OUT,
     "[2,3,5,5]"},
    {"a part of one image is another part of another",
     "input i f32[1,3,6,6]\nconst v f32[16,3,1,1]\nconst w f32[4,3,1,1]\nconst u f32[4,16,1,1]\nconst s i64{12,4}\n"
     "c = Conv(i, v)\na, b = Split(c, s) axis=1\nm = GlobalMaxPool(b)\nr = Tanh(a)\nd = Conv(i, w)\n"
     "e = Concat(d, r) axis=1\nz = Conv(e, u)\ny = Add(z, m)" OUT,
     "[1,4,6,6]"},
    {"no images: Conv", EMPTY "const w f32[5,4,3,3]\nconst b f32[5]\ny = Conv(x, w, b)" OUT, "[0,5,6,6]"},
    {"no images: ConvTranspose", EMPTY "const w f32[4,5,3,3]\ny = ConvTranspose(x, w)" OUT, "[0,5,10,10]"},
    {"no images: MaxPool", EMPTY "y, i = MaxPool(x) kernel_shape=[3,3]\noutput i" OUT, "[0,4,6,6]"},
    {"no images: AveragePool", EMPTY "y = AveragePool(x) kernel_shape=[3,3]" OUT, "[0,4,6,6]"},
    {"no images: GlobalAveragePool", EMPTY "y = GlobalAveragePool(x)" OUT, "[0,4,1,1]"},
    {"no images: BatchNormalization", EMPTY "const s f32+[4]\ny = BatchNormalization(x, s, s, s, s)" OUT, "[0,4,8,8]"},
    {"no images: LRN", EMPTY "y = LRN(x) size=3" OUT, "[0,4,8,8]"},
    {"no images: a classifier",
     EMPTY "const w f32[4,4,3,3]\nconst m f32[5,144]\nc = Conv(x, w)\nr = Relu(c)\nf = Flatten(r)\n"
           "g = Gemm(f, m) transB=1\ny = Softmax(g)" OUT,
     "[0,5]"},
    {"no rows: Relu", HOLLOW "y = Relu(x)" OUT, "[2,3,0,5]"},
    {"no rows: PRelu", HOLLOW "const s f32[3,1,1]\ny = PRelu(x, s)" OUT, "[2,3,0,5]"},
    {"no rows: Add", HOLLOW "const a f32[5]\ny = Add(x, a)" OUT, "[2,3,0,5]"},
    {"no rows: Transpose", HOLLOW "y = Transpose(x) perm=[2,0,3,1]" OUT, "[0,2,5,3]"},
    {"no rows: Concat", HOLLOW "y = Concat(x, x) axis=1" OUT, "[2,6,0,5]"},
    {"no rows: Concat with some", HOLLOW "const a f32[2,3,2,5]\ny = Concat(x, a, x) axis=2" OUT, "[2,3,2,5]"},
    {"no rows: Flatten", HOLLOW "y = Flatten(x)" OUT, "[2,0]"},
    {"no rows: Softmax", HOLLOW "y = Softmax(x) axis=2" OUT, "[2,3,0,5]"},
    {"no rows: LogSoftmax beside them", HOLLOW "y = LogSoftmax(x) axis=1" OUT, "[2,3,0,5]"},
    {"no rows: Pad", HOLLOW "const p i64{0,0,1,0,0,0,1,0}\ny = Pad(x, p)" OUT, "[2,3,2,5]"},
    {"no rows: Cast", HOLLOW "y = Cast(x) to=7" OUT, "[2,3,0,5]"},
    {"no rows: Shape", HOLLOW "y = Shape(x)" OUT, "[4]"},
    {"no rows: MatMul", HOLLOW "const a f32[5,4]\ny = MatMul(x, a)" OUT, "[2,3,0,4]"},
    {"no rows: Gemm", "input x f32[0,3]\nconst a f32[3,4]\nconst c f32[4]\ny = Gemm(x, a, c)" OUT, "[0,4]"},
    {"no rows: Gemm, transposed", "input x f32[3,0]\nconst a f32[4,3]\ny = Gemm(x, a) transA=1 transB=1" OUT, "[0,4]"},
    {"no columns: Gemm", "input x f32[2,3]\nconst a f32[3,0]\ny = Gemm(x, a)" OUT, "[2,0]"},
    {"sum of nothing: Gemm", "input x f32[2,0]\nconst a f32[0,4]\nconst c f32[4]\ny = Gemm(x, a, c) beta=2.0" OUT,
     "[2,4]"},
    {"sum of nothing: MatMul", "input x f32[3,2,0]\nconst a f32[0,4]\ny = MatMul(x, a)" OUT, "[3,2,4]"},
    {"sum of nothing: MatMul of vectors", "input x f32[0]\nconst a f32[0]\ny = MatMul(x, a)" OUT, "[]"},
    {"mean of nothing", HOLLOW "y = ReduceMean(x) axes=[2]" OUT, "[2,3,1,5]"},
    {"mean of nothing beside nothing", HOLLOW "y = ReduceMean(x) axes=[1] keepdims=0" OUT, "[2,0,5]"},
    {"empty parts", "input x f32[2,4]\nconst s i64{0,4,0}\ny, a, b = Split(x, s) axis=1\noutput a\noutput b" OUT,
     "[2,0]"},
    {"an empty slice", "input x f32[2,4]\nconst a i64{3}\nconst b i64{1}\nconst c i64{1}\ny = Slice(x, a, b, c)" OUT,
     "[2,0]"},
    {"a slice from and to infinity",
     "input x f32[2,4]\nconst a i64{9223372036854774784}\nconst b i64{-9223372036854775808}\nconst c i64{1}\n"
     "const s i64{-4611686018427387904}\ny = Slice(x, a, b, c, s)" OUT,
     "[2,1]"},
    {"no indices", "input x f32[2,4]\nconst i i64{}\ny = Gather(x, i) axis=1" OUT, "[2,0]"},
    {"expanded to nothing", "input x f32[2,1]\nconst s i64{0,2,3}\ny = Expand(x, s)" OUT, "[0,2,3]"},
    {"filled: nothing", "const s i64{0,3}\ny = ConstantOfShape(s)" OUT, "[0,3]"},
    {"filled: a scalar", "const s i64{}\ny = ConstantOfShape(s)" OUT, "[]"},
    {"shaped: 0 as it is", "input x f32[0,3]\nconst s i64{3,0}\ny = Reshape(x, s) allowzero=1" OUT, "[3,0]", 14},
    {"shaped: 0 as the input's", "input x f32[0,6]\nconst s i64{0,2,3}\ny = Reshape(x, s)" OUT, "[0,2,3]"},

    {"scalar: Relu", "input x f32[]\ny = Relu(x)" OUT, "[]"},
    {"scalar: Add", "input x f32[]\ny = Add(x, x)" OUT, "[]"},
    {"scalar: Add to a matrix", "input x f32[]\nconst a f32[2,3]\ny = Add(x, a)" OUT, "[2,3]"},
    {"scalar: Flatten", "input x f32[]\ny = Flatten(x) axis=0" OUT, "[1,1]"},
    {"scalar: Transpose", "input x f32[]\ny = Transpose(x)" OUT, "[]"},
    {"scalar: Unsqueeze", "input x f32[]\nconst a i64{0,-1}\ny = Unsqueeze(x, a)" OUT, "[1,1]"},
    {"scalar: Reshape", "input x f32[1,1,1]\nconst s i64{}\ny = Reshape(x, s)" OUT, "[]"},
    {"scalar: Shape", "input x f32[]\ny = Shape(x)" OUT, "[0]"},
    {"scalar: ReduceMean", "input x f32[]\ny = ReduceMean(x)" OUT, "[]"},
    {"scalar: Expand", "input x f32[]\nconst s i64{2,2}\ny = Expand(x, s)" OUT, "[2,2]"},
    {"scalar: Clip", "input x f32[]\nconst a f32(-0.5)\ny = Clip(x, a)" OUT, "[]"},
    {"scalar: product of vectors", "input x f32[7]\nconst a f32[7]\ny = MatMul(x, a)" OUT, "[]"},

    {"rank 8: Add", RANK_8 "const a f32[1,3,2,5,1,2,1,2]\ny = Add(x, a)" OUT, "[2,3,2,5,3,2,2,2]"},
    {"rank 8: Transpose", RANK_8 "y = Transpose(x) perm=[7,2,1,4,0,3,6,5]" OUT, "[2,2,1,3,2,1,2,1]"},
    {"rank 8: Softmax", RANK_8 "y = Softmax(x) axis=4" OUT, "[2,1,2,1,3,1,2,2]"},
    {"rank 8: Softmax of old", RANK_8 "y = Softmax(x) axis=4" OUT, "[2,1,2,1,3,1,2,2]", 11},
    {"rank 8: ReduceMean", RANK_8 "y = ReduceMean(x) axes=[0,4,-1]" OUT, "[1,1,2,1,1,1,2,1]"},
    {"rank 8: Concat", RANK_8 "y = Concat(x, x, x) axis=3" OUT, "[2,1,2,3,3,1,2,2]"},
    {"rank 8: Split", RANK_8 "y, z, u = Split(x) axis=4\noutput z" OUT, "[2,1,2,1,1,1,2,2]"},
    {"rank 8: Pad", RANK_8 "const p i64{0,1,0,1,0,0,0,1,1,0,0,0,0,2,0,0}\ny = Pad(x, p)" OUT, "[3,2,2,2,3,3,2,3]"},
    {"rank 8: MatMul", RANK_8 "const a f32[3,1,2,3]\ny = MatMul(x, a)" OUT, "[2,1,2,1,3,1,2,3]"},
    {"rank 8: BatchNormalization", RANK_8 "const s f32+[1]\ny = BatchNormalization(x, s, s, s, s)" OUT,
     "[2,1,2,1,3,1,2,2]"},
    {"rank 8: InstanceNormalization", RANK_8 "const s f32[1]\ny = InstanceNormalization(x, s, s)" OUT,
     "[2,1,2,1,3,1,2,2]"},
    {"rank 8: Gather", "input x f32[2,3,2,2,2]\nconst i i64[1,1,1,1]\ny = Gather(x, i) axis=1" OUT,
     "[2,1,1,1,1,2,2,2]"},

    {"windows of padding alone",
     "input x f32[1,3,2,2]\nconst w f32[4,3,1,1]\nconst b f32[4]\n"
     "y = Conv(x, w, b) pads=[3,2,1,4] strides=[2,1]" OUT,
     "[1,4,3,8]"},
    {"a kernel with holes around the image",
     "input x f32[1,3,2,2]\nconst w f32[4,3,3,3]\n"
     "y = Conv(x, w) pads=[9,9,9,9] dilations=[9,9]" OUT,
     "[1,4,2,2]"},
    {"strides beyond the image", "input x f32[1,20,5,5]\nconst w f32[4,20,3,3]\ny = Conv(x, w) strides=[7,100]" OUT,
     "[1,4,1,1]"},
    {"a pool far beyond its image",
     "input x f32[1,2,8,8]\ny = MaxPool(x) kernel_shape=[1073741824,1] pads=[1073741823,0,1073741823,0] "
     "strides=[1073741824,1]" OUT,
     "[1,2,2,8]"},
    {"an average that counts far beyond its image",
     "input x f32[1,2,8,8]\ny = AveragePool(x) kernel_shape=[99,1] pads=[98,0,98,0] count_include_pad=1" OUT,
     "[1,2,106,8]"},
    {"output_padding beyond the stride",
     "input x f32[1,4,3,3]\nconst w f32[4,2,3,3]\ny = ConvTranspose(x, w) output_padding=[2,1]" OUT, "[1,2,7,6]"},

    {"an image known beforehand: Conv", IMAGE "const w f32[5,4,3,3]\nconst b f32[5]\ny = Conv(x, w, b)" OUT,
     "[2,5,4,4]"},
    {"an image known beforehand: groups", IMAGE "const w f32[4,1,3,3]\ny = Conv(x, w) group=4" OUT, "[2,4,4,4]"},
    {"an image known beforehand: ConvTranspose", IMAGE "const w f32[4,5,3,3]\ny = ConvTranspose(x, w)" OUT,
     "[2,5,8,8]"},
    {"an image known beforehand: MaxPool", IMAGE "y, i = MaxPool(x) kernel_shape=[2,2]\noutput i" OUT, "[2,4,5,5]"},
    {"an image known beforehand: AveragePool", IMAGE "y = AveragePool(x) kernel_shape=[3,2]" OUT, "[2,4,4,5]"},
    {"an image known beforehand: norms",
     IMAGE "const s f32+[4]\na = BatchNormalization(x, s, s, s, s)\nb = InstanceNormalization(a, s, s)\n"
           "y = LRN(b) size=3" OUT,
     "[2,4,6,6]"},
    {"an image known beforehand: Resize", IMAGE "const s f32{1,1,2,1.5}\ny = Resize(x, -, s) mode='linear'" OUT,
     "[2,4,12,9]"},
    {"an image known beforehand: a network",
     IMAGE "input z f32[2,5,4,4]\nconst w f32[5,4,3,3]\nconst m f32[80,3]\na = Conv(x, w)\nb = Add(a, z)\n"
           "c = Flatten(a)\nd = Gemm(c, m)\nu = Flatten(b)\nv = MatMul(u, m)\ny = Mul(d, v)" OUT,
     "[2,3]"},
    {"a view of what is known", IMAGE "input r f32[]\na, m = Dropout(x, r)\ny = Relu(a)\noutput a\noutput m" OUT,
     "[2,4,6,6]"},

    {"nothing goes in", "const a f32[3]\ny = Exp(a)" OUT, "[3]"},
    {"an input is an output", "input y f32[2,3]\nz = Relu(y)\noutput z" OUT, "[2,3]"},
    {"an input is an output in other dims", "input x f32[2,3,4,5]\ny = Flatten(x)\nz = Transpose(x)\noutput z" OUT,
     "[2,60]"},
    {"a constant is an output", "const y f32[2,3]\ninput x f32[3]\nz = Add(x, y)\noutput z" OUT, "[2,3]"},
    {"outputs that are views of each other",
     "input x f32[2,4,6,6]\nconst w f32[4,4,3,3]\nc = Conv(x, w)\ny = Identity(c)\nf = Flatten(c)\noutput f\n"
     "output c" OUT,
     "[2,4,4,4]"},
};

static void check(const struct corner *corner, enum stoa_lowering lowering)
{
    struct onnx_writer file = {0};
    struct counting_allocator memory;
    struct stoa_error error = {0};
    struct stoa_model *model;
    counting_allocator_init(&memory);
    onnx_net(&file, corner->text, corner->opset ? corner->opset : 13);
    struct stoa_model_options options = {.allocator = &memory.interface};
    enum stoa_status status = stoa_model_load_memory(file.data, file.size, &options, &error, &model);
    cr_expect(status == STOA_OK, "%s: %s", corner->name, error.message);
    if (status == STOA_OK) {
        struct stoa_session_options session_options = {.threads = 1, .lowering = lowering};
        struct stoa_verify_options verify_options = {.session = &session_options, .seed = 5};
        struct stoa_session *session;
        struct stoa_tensor y;
        status = stoa_session_create(model, &session_options, &error, &session);
        cr_expect(status == STOA_OK, "%s: %s", corner->name, error.message);
        if (status == STOA_OK) {
            char dims[STOA_DIMS_TEXT];
            cr_expect(stoa_session_output(session, "y", &error, &y) == STOA_OK, "%s: %s", corner->name, error.message);
            cr_expect(strcmp(stoa_dims_text(y.rank, y.dims, dims), corner->dims) == 0, "%s: y has dims %s",
                      corner->name, dims);
            for (size_t i = 0; i < stoa_session_step_count(session); i++) {
                struct stoa_step_info info;
                cr_expect(stoa_session_step(session, i, &error, &info) == STOA_OK, "%s", corner->name);
            }
            stoa_session_free(session);
            status = stoa_verify(model, NULL, &verify_options, &error);
            cr_expect(status == STOA_OK, "%s, %s: %s", corner->name, stoa_lowering_name(lowering), error.message);
        }
    }
    stoa_model_free(model);
    cr_expect(memory.live == 0, "%s: %zu blocks leaked", corner->name, memory.live);
    onnx_free(&file);
}

Test(corners, odd_models_agree_with_the_twin)
{
    for (size_t i = 0; i < sizeof corners / sizeof *corners; i++)
        for (int lowering = STOA_LOWERING_AUTO; lowering < STOA_LOWERING_COUNT; lowering++)
            check(&corners[i], (enum stoa_lowering)lowering);
}

Test(corners, an_index_beyond_the_data_stops_the_run_only)
{
    static const char text[] = "input x f32[3,2]\ninput i i64[2]\ny = Gather(x, i)\noutput y\n";
    static const struct {
        int64_t indices[2];
        const char *words; /* null: fine */
    } rows[] = {{{0, 2}, NULL},
                {{3, 0}, "holds 3"},
                {{-3, -1}, NULL},
                {{0, -4}, "-4"},
                {{INT64_MAX, 0}, "9223372036854775807"},
                {{1, INT64_MIN}, "-9223372036854775808"},
                {{2, 1}, NULL}};
    struct onnx_writer file = {0};
    struct stoa_error error = {0};
    struct stoa_model *model;
    struct stoa_session *session;
    float x[6] = {0, 1, 2, 3, 4, 5};
    onnx_net(&file, text, 13);
    cr_assert(stoa_model_load_memory(file.data, file.size, NULL, &error, &model) == STOA_OK, "%s", error.message);
    cr_assert(stoa_session_create(model, NULL, &error, &session) == STOA_OK, "%s", error.message);
    cr_assert(stoa_session_bind_input(session, "x", x, &error) == STOA_OK);
    for (size_t r = 0; r < sizeof rows / sizeof *rows; r++) {
        cr_assert(stoa_session_bind_input(session, "i", rows[r].indices, &error) == STOA_OK);
        enum stoa_status status = stoa_session_run(session, &error);
        cr_expect(status == (rows[r].words ? STOA_ERROR_DATA : STOA_OK), "row %zu: %s", r, stoa_status_name(status));
        if (rows[r].words)
            cr_expect(strstr(error.message, "node 'node_y' (Gather): ") && strstr(error.message, rows[r].words),
                      "row %zu: %s", r, error.message);
        struct stoa_tensor y;
        cr_assert(stoa_session_output(session, "y", &error, &y) == STOA_OK);
        for (size_t k = 0; !rows[r].words && k < 4; k++) {
            int64_t row = rows[r].indices[k / 2] + (rows[r].indices[k / 2] < 0 ? 3 : 0);
            cr_expect(((float *)y.data)[k] == (float)(2 * row + (int64_t)(k % 2)), "row %zu, element %zu", r, k);
        }
    }
    stoa_session_free(session);
    stoa_model_free(model);
    onnx_free(&file);
}

/* Writes one of many like nodes, and what goes with them at the end. */
struct crowd {
    const char *name;
    size_t count;
    void (*begin)(struct onnx_writer *graph);
    void (*node)(struct onnx_writer *graph, const char *name);
};

static void vector(struct onnx_writer *graph)
{
    onnx_info(graph, GRAPH_INPUT, "x", (const int64_t[]){1, 0});
}

static void relu(struct onnx_writer *graph, const char *name)
{
    onnx_node(graph, "Relu", "x", name);
    onnx_info(graph, GRAPH_OUTPUT, name, NULL);
}

static void image(struct onnx_writer *graph)
{
    onnx_info(graph, GRAPH_INPUT, "x", (const int64_t[]){1, 2, 4, 4, 0});
    onnx_weights(graph, "w", (const int64_t[]){2, 2, 1, 1, 0});
    onnx_weights(graph, "m", (const int64_t[]){32, 1, 0});
    onnx_node(graph, "Conv", "x,w", "c");
}

static void classifier(struct onnx_writer *graph, const char *name)
{
    char flat[32], inputs[40];
    snprintf(flat, sizeof flat, "f%s", name);
    snprintf(inputs, sizeof inputs, "%s,m", flat);
    onnx_node(graph, "Flatten", "c", flat);
    onnx_node(graph, "Gemm", inputs, name);
    onnx_info(graph, GRAPH_OUTPUT, name, NULL);
}

static const struct crowd crowds[] = {
    {"outputs", 30000, vector, relu},
    {"flattened images", 15000, image, classifier},
};

Test(corners, time_to_plan_grows_with_the_model_alone)
{
    for (size_t i = 0; i < sizeof crowds / sizeof *crowds; i++) {
        struct onnx_writer graph = {0}, file = {0};
        struct stoa_error error = {0};
        struct stoa_model *model;
        struct stoa_session *session;
        crowds[i].begin(&graph);
        for (size_t n = 0; n < crowds[i].count; n++) {
            char name[24];
            snprintf(name, sizeof name, "y%zu", n);
            crowds[i].node(&graph, name);
        }
        onnx_int(&file, MODEL_IR_VERSION, 8);
        onnx_opset(&file, NULL, 13);
        onnx_bytes(&file, MODEL_GRAPH, graph.data, graph.size);
        clock_t begin = clock();
        cr_assert(stoa_model_load_memory(file.data, file.size, NULL, &error, &model) == STOA_OK, "%s: %s",
                  crowds[i].name, error.message);
        cr_assert(stoa_session_create(model, NULL, &error, &session) == STOA_OK, "%s: %s", crowds[i].name,
                  error.message);
        double seconds = (double)(clock() - begin) / CLOCKS_PER_SEC;
        cr_expect(seconds < 5, "%s: %.3f s", crowds[i].name, seconds);
        stoa_session_free(session);
        stoa_model_free(model);
        onnx_free(&graph);
        onnx_free(&file);
    }
}
